//! `DescribeImageAttribute` and `ModifyImageAttribute`.
//! Source: EC2 API, the same; EC2 User Guide, "Share an AMI with specific AWS accounts".

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    Image, Permission, State, backing, check_description,
    describe::ShownMapping,
    need,
    permissions::{self, Requested, Shown},
    visible,
};
use crate::{
    ec2::{bucket, snapshot_delete::Done},
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// `DescribeImageAttribute`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct DescribeImageAttribute {
    pub(crate) image_id: String,
    pub(crate) attribute: String,
}

/// What `DescribeImageAttribute` answers: the one attribute that was asked for.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Attribute<'s> {
    image_id: &'s str,
    block_device_mapping: Option<Vec<ShownMapping<'s>>>,
    deregistration_protection: Option<Valued<String>>,
    description: Option<Valued<String>>,
    last_launched_time: Option<Valued<String>>,
    pub(crate) launch_permission: Option<Vec<Shown<'s>>>,
}

/// A value in an element of its own.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"), deny_unknown_fields)]
pub(crate) struct Valued<T> {
    pub(crate) value: T,
}

impl Operation for DescribeImageAttribute {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "DescribeImageAttribute",
        access: Access::Reads,
        bucket: bucket::READS,
    };

    type Answer<'s> = Attribute<'s>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![need(cx, "ec2:DescribeImageAttribute", &self.image_id)]
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<Attribute<'s>, Refusal> {
        let cx = &*cx;
        visible::own(cx, &self.image_id)?;
        let image = cx.here().ec2.images.get_at(&self.image_id, cx.seen);
        let image = image.ok_or_else(|| visible::not_found(&self.image_id))?;
        let mut shown = Attribute { image_id: &image.id, ..Attribute::default() };
        match self.attribute.as_str() {
            "blockDeviceMapping" => {
                shown.block_device_mapping =
                    Some(image.mappings.iter().map(ShownMapping::of).collect());
            }
            "deregistrationProtection" => {
                let value = image.protection.at(cx.seen).as_str().to_owned();
                shown.deregistration_protection = Some(Valued { value });
            }
            "description" => {
                shown.description = Some(Valued { value: image.description.to_string() });
            }
            "lastLaunchedTime" => {
                shown.last_launched_time =
                    image.last_launched_at.map(|at| Valued { value: format!("{at:.0}") });
            }
            "launchPermission" => {
                shown.launch_permission = Some(image.permissions.iter().map(Shown::of).collect());
            }
            other => {
                let message = format!("Value ({other}) for parameter attribute is invalid.");
                return Err(Refusal::new("InvalidParameterValue", message));
            }
        }
        Ok(shown)
    }
}

/// `ModifyImageAttribute`. Launch permissions are given in lists of their own, or all in the way
/// that `OperationType` says.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct ModifyImageAttribute {
    pub(crate) image_id: String,
    pub(crate) attribute: Option<String>,
    pub(crate) value: Option<String>,
    pub(crate) description: Option<Valued<String>>,
    pub(crate) launch_permission: Option<Changes>,
    pub(crate) operation_type: Option<String>,
    pub(crate) user_id: Vec<String>,
    pub(crate) user_group: Vec<String>,
    pub(crate) organization_arn: Vec<String>,
    pub(crate) organizational_unit_arn: Vec<String>,
}

/// Launch permissions that a request gives and takes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct Changes {
    pub(crate) add: Vec<Requested>,
    pub(crate) remove: Vec<Requested>,
}

/// The one change that a request asks for.
#[derive(Debug, PartialEq, Eq)]
enum Change {
    Description(String),
    Permissions { add: BTreeSet<Permission>, remove: BTreeSet<Permission> },
}

impl Operation for ModifyImageAttribute {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "ModifyImageAttribute",
        access: Access::Writes,
        bucket: bucket::MAKES,
    };

    type Answer<'s> = Done;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        let mut need = need(cx, "ec2:ModifyImageAttribute", &self.image_id);
        let attribute = match (&self.attribute, &self.description) {
            (Some(name), _) => name.as_str(),
            (None, Some(_)) => "description",
            (None, None) => "launchPermission",
        };
        let mut letters = attribute.chars();
        let first = letters.next().map(|it| it.to_ascii_uppercase());
        let attribute: String = first.into_iter().chain(letters).collect();
        need.context = need.context.with("ec2:Attribute", attribute);
        vec![need]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Done, Refusal> {
        let image = visible::own(cx, &self.image_id)?;
        match self.change()? {
            Change::Description(text) => {
                check_description(&text)?;
                super::change(cx, &self.image_id, |it| it.description = text.into());
            }
            Change::Permissions { add, remove } => {
                if !add.is_empty() {
                    check_sharing(cx, image, &add)?;
                }
                super::change(cx, &self.image_id, |it| {
                    it.permissions.retain(|it| !remove.contains(it));
                    it.permissions.extend(add);
                });
            }
        }
        Ok(Done::DONE)
    }
}

impl ModifyImageAttribute {
    /// What is asked for. Only one attribute may be given.
    fn change(&self) -> Result<Change, Refusal> {
        let listed = self.listed()?;
        let combined = |message: &str| Refusal::new("InvalidParameterCombination", message);
        let asked = [self.description.is_some(), self.launch_permission.is_some()];
        let asked = asked.iter().filter(|it| **it).count();
        match (self.attribute.as_deref(), asked) {
            (None, 0) if listed.is_empty() => Err(combined("No attributes specified.")),
            (Some("description"), 0) if listed.is_empty() => match &self.value {
                Some(value) => Ok(Change::Description(value.clone())),
                None => Err(combined("No value for the description was specified")),
            },
            (Some("launchPermission") | None, 0) => self.typed(listed),
            (Some(name), 0) => {
                let message = format!("Value ({name}) for parameter attribute is invalid.");
                Err(Refusal::new("InvalidParameterValue", message))
            }
            (None, 1) if listed.is_empty() && self.value.is_none() => {
                match (&self.description, &self.launch_permission) {
                    (Some(text), _) => Ok(Change::Description(text.value.clone())),
                    (None, changes) => changes.clone().unwrap_or_default().read(),
                }
            }
            _ => Err(combined("Fields for multiple attribute types specified")),
        }
    }

    /// The launch permissions that are given in lists.
    fn listed(&self) -> Result<BTreeSet<Permission>, Refusal> {
        let accounts = self.user_id.iter().map(|it| permissions::account(it));
        let groups = self.user_group.iter().map(|it| permissions::group(it));
        let organizations = self.organization_arn.iter().map(|it| permissions::organization(it));
        let units = self.organizational_unit_arn.iter().map(|it| permissions::unit(it));
        accounts.chain(groups).chain(organizations).chain(units).collect()
    }

    /// These launch permissions, given or taken.
    fn typed(&self, listed: BTreeSet<Permission>) -> Result<Change, Refusal> {
        let none = BTreeSet::new();
        if listed.is_empty() {
            let message = "No launch permissions specified";
            return Err(Refusal::new("InvalidParameterCombination", message));
        }
        match self.operation_type.as_deref() {
            Some("add") => Ok(Change::Permissions { add: listed, remove: none }),
            Some("remove") => Ok(Change::Permissions { add: none, remove: listed }),
            other => {
                let message =
                    format!("Value ({}) for operationType is invalid", other.unwrap_or_default());
                Err(Refusal::new("InvalidParameterValue", message))
            }
        }
    }
}

impl Changes {
    fn read(self) -> Result<Change, Refusal> {
        let read = |it: &[Requested]| -> Result<BTreeSet<Permission>, Refusal> {
            it.iter().map(Requested::read).collect()
        };
        let (add, remove) = (read(&self.add)?, read(&self.remove)?);
        if add.is_empty() && remove.is_empty() {
            let message = "No launch permissions specified";
            return Err(Refusal::new("InvalidParameterCombination", message));
        }
        if !add.is_disjoint(&remove) {
            let message = "A launch permission is both given and taken";
            return Err(Refusal::new("InvalidParameterCombination", message));
        }
        Ok(Change::Permissions { add, remove })
    }
}

/// Refuses to share what cannot be: what is not available, what is encrypted with the key that
/// AWS manages, and with everybody what is encrypted at all.
fn check_sharing(cx: &Cx<'_>, image: &Image, add: &BTreeSet<Permission>) -> Result<(), Refusal> {
    let id = &image.id;
    if image.state != State::Available {
        let message = format!("The image '{id}' is {}.", image.state.as_str());
        return Err(Refusal::new("IncorrectState", message));
    }
    let private = image.snapshots().any(|it| backing::is_private(cx.state, cx.place, it));
    let encrypted = image.mappings.iter().any(|it| it.encrypted);
    if private || encrypted && add.contains(&Permission::Everybody) {
        let message = format!("The image '{id}' has encrypted snapshots that cannot be shared.");
        return Err(Refusal::new("InvalidParameter", message));
    }
    Ok(())
}
