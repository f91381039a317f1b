//! Launch permissions, as requests and answers have them.
//! Source: EC2 API, `LaunchPermission`; EC2 User Guide, "Share an AMI with organizations or
//! organizational units".

use serde::{Deserialize, Serialize};

use super::Permission;
use crate::refusal::Refusal;

/// One launch permission of a request: one of its fields.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct Requested {
    pub(crate) user_id: Option<String>,
    /// Only `all`.
    pub(crate) group: Option<String>,
    pub(crate) organization_arn: Option<String>,
    pub(crate) organizational_unit_arn: Option<String>,
}

/// One launch permission of an answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Shown<'s> {
    pub(crate) user_id: Option<&'s str>,
    pub(crate) group: Option<&'static str>,
    organization_arn: Option<&'s str>,
    organizational_unit_arn: Option<&'s str>,
}

impl Requested {
    /// Reads it.
    pub(super) fn read(&self) -> Result<Permission, Refusal> {
        let Requested { user_id, group, organization_arn, organizational_unit_arn } = self;
        match (user_id, group, organization_arn, organizational_unit_arn) {
            (Some(id), None, None, None) => account(id),
            (None, Some(group), None, None) => self::group(group),
            (None, None, Some(arn), None) => organization(arn),
            (None, None, None, Some(arn)) => unit(arn),
            _ => {
                let message = "A launch permission must have exactly one of its fields";
                Err(Refusal::new("InvalidParameterCombination", message))
            }
        }
    }
}

/// Reads an account's id.
pub(super) fn account(id: &str) -> Result<Permission, Refusal> {
    let invalid = |_| {
        Refusal::new(
            "InvalidAMIAttributeItemValue",
            format!("Invalid attribute item value \"{id}\" for userId item type."),
        )
    };
    id.parse().map(Permission::Account).map_err(invalid)
}

/// Reads a group's name: there is one.
pub(super) fn group(name: &str) -> Result<Permission, Refusal> {
    match name {
        "all" => Ok(Permission::Everybody),
        other => {
            let message = format!("Invalid attribute item value \"{other}\" for group item type.");
            Err(Refusal::new("InvalidAMIAttributeItemValue", message))
        }
    }
}

/// Reads an organization's ARN.
pub(super) fn organization(arn: &str) -> Result<Permission, Refusal> {
    check_arn(arn, ":organization/o-")?;
    Ok(Permission::Organization(arn.to_owned()))
}

/// Reads an organizational unit's ARN.
pub(super) fn unit(arn: &str) -> Result<Permission, Refusal> {
    check_arn(arn, ":ou/o-")?;
    Ok(Permission::Unit(arn.to_owned()))
}

fn check_arn(arn: &str, resource: &str) -> Result<(), Refusal> {
    let mut parts = arn.splitn(3, ':');
    let service = parts.next() == Some("arn")
        && parts.next().is_some_and(|it| it.starts_with("aws"))
        && parts.next().is_some_and(|it| it.starts_with("organizations::"));
    if service && arn.contains(resource) {
        return Ok(());
    }
    let message = format!("Invalid organization ARN: {arn}");
    Err(Refusal::new("InvalidParameterValue", message))
}

impl<'s> Shown<'s> {
    pub(super) fn of(it: &'s Permission) -> Shown<'s> {
        let nothing = Shown {
            user_id: None,
            group: None,
            organization_arn: None,
            organizational_unit_arn: None,
        };
        match it {
            Permission::Everybody => Shown { group: Some("all"), ..nothing },
            Permission::Account(id) => Shown { user_id: Some(id.as_str()), ..nothing },
            Permission::Organization(arn) => Shown { organization_arn: Some(arn), ..nothing },
            Permission::Unit(arn) => Shown { organizational_unit_arn: Some(arn), ..nothing },
        }
    }
}
