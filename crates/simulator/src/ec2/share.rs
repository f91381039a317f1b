//! Who may make volumes and copies of a snapshot.
//!
//! Sources: EC2 API, `ModifySnapshotAttribute`; EBS User Guide, "Share an Amazon EBS snapshot".

use std::collections::BTreeSet;

use lamplighter_core::{AccountId, Place};
use serde::{Deserialize, Serialize};

use super::{
    bucket, ebs_events,
    settings::PublicAccess,
    snapshot_delete::Done,
    snapshot_own::on_snapshot,
    snapshots::{Share, Snapshot, State},
};
use crate::{
    iam::Need,
    kms::{Kms, Manager},
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// The only attribute that can be changed.
pub(crate) const VOLUME_PERMISSION: &str = "createVolumePermission";
/// Modifications in one call.
const MOST: usize = 500;

/// `ModifySnapshotAttribute`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct ModifySnapshotAttribute {
    pub(crate) snapshot_id: String,
    pub(crate) attribute: Option<String>,
    pub(crate) create_volume_permission: Modifications,
    /// `add` or `remove`, for the next two.
    pub(crate) operation_type: Option<String>,
    pub(crate) user_id: Vec<String>,
    pub(crate) user_group: Vec<String>,
}

/// Permissions to add and to remove; never both in one call.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct Modifications {
    pub(crate) add: Vec<Permission>,
    pub(crate) remove: Vec<Permission>,
}

/// Somebody: an account, or the group `all`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct Permission {
    pub(crate) user_id: Option<String>,
    pub(crate) group: Option<String>,
}

impl Permission {
    pub(crate) fn user(id: &str) -> Permission {
        Permission { user_id: Some(id.to_owned()), group: None }
    }

    pub(crate) fn group(name: &str) -> Permission {
        Permission { user_id: None, group: Some(name.to_owned()) }
    }
}

impl ModifySnapshotAttribute {
    /// What is added and removed, in whichever way the request says it.
    fn modifications(&self) -> Modifications {
        let mut all = self.create_volume_permission.clone();
        let users = self.user_id.iter().map(|it| Permission::user(it));
        let listed = users.chain(self.user_group.iter().map(|it| Permission::group(it)));
        match self.operation_type.as_deref() {
            Some("remove") => all.remove.extend(listed),
            _ => all.add.extend(listed),
        }
        all
    }

    fn check(&self) -> Result<Modifications, Refusal> {
        let bad = |message: String| Err(Refusal::new("InvalidParameterValue", message));
        if let Some(other) = self.attribute.as_deref().filter(|it| *it != VOLUME_PERMISSION) {
            return bad(format!("the attribute '{other}' cannot be modified"));
        }
        let listed = !self.user_id.is_empty() || !self.user_group.is_empty();
        match self.operation_type.as_deref() {
            None if listed => {
                let message = "OperationType says what is done with UserId and UserGroup";
                return Err(Refusal::new("MissingParameter", message));
            }
            None | Some("add" | "remove") => {}
            Some(other) => return bad(format!("OperationType is add or remove, not '{other}'")),
        }
        let all = self.modifications();
        match (all.add.len(), all.remove.len()) {
            (0, 0) => Err(Refusal::new("MissingParameter", "there is nothing to add or remove")),
            (0, many) | (many, 0) if many <= MOST => Ok(all),
            (0, _) | (_, 0) => bad(format!("there are more than {MOST} modifications")),
            _ => {
                let message = "permissions cannot be added and removed in one call";
                Err(Refusal::new("InvalidParameterCombination", message))
            }
        }
    }
}

/// The accounts, and whether `all` is among them.
fn read(permissions: &[Permission]) -> Result<Share, Refusal> {
    let mut share = Share::default();
    for it in permissions {
        match (it.user_id.as_deref(), it.group.as_deref()) {
            (None, Some("all")) => share.public = true,
            (Some(user), None) => {
                let account: AccountId = user.parse().map_err(|_| {
                    Refusal::new("InvalidUserID.Malformed", format!("Invalid user id: \"{user}\""))
                })?;
                share.accounts.insert(account);
            }
            _ => {
                let message = "a permission names a UserId, or the Group all";
                return Err(Refusal::new("InvalidParameterValue", message));
            }
        }
    }
    Ok(share)
}

impl Operation for ModifySnapshotAttribute {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "ModifySnapshotAttribute",
        access: Access::Writes,
        bucket: bucket::MAKES,
    };

    type Answer<'s> = Done;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        let all = self.modifications();
        let users = |of: &[Permission]| -> Vec<String> {
            of.iter().filter_map(|it| it.user_id.clone()).collect()
        };
        let groups = |of: &[Permission]| -> Vec<String> {
            of.iter().filter_map(|it| it.group.clone()).collect()
        };
        let need = on_snapshot(cx, "ec2:ModifySnapshotAttribute", &self.snapshot_id);
        let context = need
            .context
            .clone()
            .with("ec2:Attribute", VOLUME_PERMISSION)
            .with_all("ec2:Add/userId", users(&all.add))
            .with_all("ec2:Add/group", groups(&all.add))
            .with_all("ec2:Remove/userId", users(&all.remove))
            .with_all("ec2:Remove/group", groups(&all.remove));
        vec![need.with(context)]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Done, Refusal> {
        let all = self.check()?;
        let (add, remove) = (read(&all.add)?, read(&all.remove)?);
        let snapshot = cx.snapshot(&self.snapshot_id)?;
        if add != Share::default() {
            may_share(cx, snapshot, &add)?;
        }
        let had = snapshot.share.accounts.clone();
        let (id, now) = (snapshot.id.clone(), cx.now);
        let change = |it: &mut Snapshot| {
            it.share.accounts.extend(add.accounts.iter().cloned());
            it.share.accounts.retain(|account| !remove.accounts.contains(account));
            it.share.public = (it.share.public || add.public) && !remove.public;
            it.clone()
        };
        let shared = cx.here_mut().ec2.snapshots.change(&id, now, change);
        let new: BTreeSet<&AccountId> = add.accounts.difference(&had).collect();
        for account in new {
            let to = Place { account: account.clone(), region: cx.place.region.clone() };
            if let Some(it) = shared.as_ref().filter(|_| cx.state.services_of(&to).is_some()) {
                ebs_events::snapshot_shared(cx.state, &to, it, now);
            }
        }
        Ok(Done::DONE)
    }
}

/// Refuses to share what cannot be shared.
fn may_share(cx: &Cx<'_>, it: &Snapshot, with: &Share) -> Result<(), Refusal> {
    let id = &it.id;
    if it.state != State::Completed
        || it.tiering.as_ref().is_some_and(|it| it.archived_at.is_some())
    {
        let message = format!("'{id}' is not a completed snapshot in the standard tier");
        return Err(Refusal::new("IncorrectState", message));
    }
    let refused = |message: String| Err(Refusal::new("OperationNotPermitted", message));
    if with.public {
        if it.encrypted {
            return refused(format!("'{id}' is encrypted and cannot be public"));
        }
        if cx.here().ec2.settings.public_access != PublicAccess::Unblocked {
            return refused("public access to snapshots is blocked".to_owned());
        }
    }
    let managed = |arn: &str| match Kms::find(cx.state, arn) {
        Some(key) => key.manager == Manager::Aws,
        None => *arn == *Kms::managed(cx.place, "alias/aws/ebs"),
    };
    // An encrypted snapshot whose key nobody named is encrypted with the one of AWS.
    if it.encrypted && it.kms_key_id.as_deref().is_none_or(managed) {
        return refused("Encrypted snapshots with EBS default key cannot be shared".to_owned());
    }
    Ok(())
}

/// `ResetSnapshotAttribute`: private again.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct ResetSnapshotAttribute {
    pub(crate) snapshot_id: String,
    pub(crate) attribute: String,
}

impl Operation for ResetSnapshotAttribute {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "ResetSnapshotAttribute",
        access: Access::Writes,
        bucket: bucket::WRITES,
    };

    type Answer<'s> = Done;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![on_snapshot(cx, "ec2:ResetSnapshotAttribute", &self.snapshot_id)]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Done, Refusal> {
        if self.attribute != VOLUME_PERMISSION {
            let message = format!("the attribute '{}' cannot be reset", self.attribute);
            return Err(Refusal::new("InvalidParameterValue", message));
        }
        cx.snapshot(&self.snapshot_id)?;
        let now = cx.now;
        let private = |it: &mut Snapshot| it.share = Share::default();
        cx.here_mut().ec2.snapshots.change(&self.snapshot_id, now, private);
        Ok(Done::DONE)
    }
}

/// `DescribeSnapshotAttribute`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct DescribeSnapshotAttribute {
    pub(crate) snapshot_id: String,
    pub(crate) attribute: String,
}

/// What `DescribeSnapshotAttribute` answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Attribute {
    /// What it says of permissions.
    #[serde(skip)]
    pub(crate) share: Share,
    snapshot_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    create_volume_permission: Option<Vec<Shown>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    product_codes: Option<[(); 0]>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'static str>,
}

impl Operation for DescribeSnapshotAttribute {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "DescribeSnapshotAttribute",
        access: Access::Reads,
        bucket: bucket::READS,
    };

    type Answer<'s> = Attribute;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![on_snapshot(cx, "ec2:DescribeSnapshotAttribute", &self.snapshot_id)]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Attribute, Refusal> {
        cx.snapshot(&self.snapshot_id)?;
        let shown = cx.here().ec2.snapshots.get_at(&self.snapshot_id, cx.seen);
        let user = |it: &AccountId| Shown { user_id: Some(it.to_string()), group: None };
        let all = Shown { user_id: None, group: Some("all") };
        let share = shown.map(|it| it.share.clone()).unwrap_or_default();
        let (permissions, codes) = match self.attribute.as_str() {
            VOLUME_PERMISSION => {
                let everybody = share.public.then_some(all);
                (Some(share.accounts.iter().map(user).chain(everybody).collect()), None)
            }
            "productCodes" => (None, Some([])),
            other => {
                let message = format!("there is no attribute '{other}'");
                return Err(Refusal::new("InvalidParameterValue", message));
            }
        };
        Ok(Attribute {
            share,
            snapshot_id: self.snapshot_id,
            create_volume_permission: permissions,
            product_codes: codes,
        })
    }
}

#[cfg(test)]
mod tests;
