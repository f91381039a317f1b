//! Who may send events to a bus: `PutPermission`, `RemovePermission`.
//! Source: EventBridge API, each operation.

use serde::Deserialize;

use super::{
    BUCKET,
    bus::{self, Permission, check_bus, check_name, not_found, validation},
};
use crate::{
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// `PutPermission`, one statement at a time.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct PutPermission {
    #[serde(default)]
    event_bus_name: Option<String>,
    action: String,
    principal: String,
    statement_id: String,
    #[serde(default)]
    condition: Option<Condition>,
}

/// Which of everybody.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Condition {
    #[serde(rename = "Type")]
    kind: String,
    key: String,
    value: String,
}

/// `RemovePermission`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct RemovePermission {
    event_bus_name: Option<String>,
    statement_id: Option<String>,
    remove_all_permissions: bool,
}

impl Operation for PutPermission {
    const SPEC: Spec =
        Spec { service: "events", name: "PutPermission", access: Access::Writes, bucket: BUCKET };

    type Answer<'s> = ();

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![Need::on("events:PutPermission", bus::arn(cx.place))]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<(), Refusal> {
        check_bus(cx, self.event_bus_name.as_deref())?;
        check_name("statementId", &self.statement_id)?;
        if self.action != "events:PutEvents" {
            return Err(validation("Provided value in parameter 'action' is not supported."));
        }
        let permission = match (&*self.principal, self.condition) {
            ("*", None) => Permission::Everybody,
            ("*", Some(Condition { kind, key, value }))
                if kind == "StringEquals" && key == "aws:PrincipalOrgID" =>
            {
                Permission::Organization(value)
            }
            ("*", Some(_)) => return Err(validation("Condition is not supported.")),
            (account, None) => match account.parse() {
                Ok(account) => Permission::Account(account),
                Err(_) => return Err(validation("Provided principal is not valid.")),
            },
            (_, Some(_)) => {
                return Err(validation("Condition is only supported for the principal '*'."));
            }
        };
        cx.here_mut().bus.permissions.insert(self.statement_id, permission);
        Ok(())
    }
}

impl Operation for RemovePermission {
    const SPEC: Spec = Spec {
        service: "events",
        name: "RemovePermission",
        access: Access::Writes,
        bucket: BUCKET,
    };

    type Answer<'s> = ();

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![Need::on("events:RemovePermission", bus::arn(cx.place))]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<(), Refusal> {
        check_bus(cx, self.event_bus_name.as_deref())?;
        let permissions = &mut cx.here_mut().bus.permissions;
        match (self.statement_id, self.remove_all_permissions) {
            (None, true) => permissions.clear(),
            (Some(id), false) => {
                let none = || not_found("Statement with the provided id does not exist.".into());
                permissions.remove(&id).ok_or_else(none)?;
            }
            _ => {
                return Err(validation(
                    "One of StatementId and RemoveAllPermissions must be specified.",
                ));
            }
        }
        Ok(())
    }
}
