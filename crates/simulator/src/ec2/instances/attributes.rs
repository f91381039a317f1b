//! `DescribeInstanceAttribute` and `ModifyInstanceAttribute`.
//! Source: EC2 API, the same; EC2 User Guide, "Change the instance type".

use serde::{Deserialize, Serialize};

use super::{
    Instance, Power, Purchase, Root, compatibility, describe::ShownDevice, needs, power, types,
};
use crate::{
    ec2::{bucket, ids, snapshot_delete::Done},
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// `DescribeInstanceAttribute`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct DescribeInstanceAttribute {
    pub(crate) instance_id: String,
    pub(crate) attribute: String,
}

/// What `DescribeInstanceAttribute` answers: the one attribute that was asked for.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Attribute<'s> {
    instance_id: &'s str,
    block_device_mapping: Option<Vec<ShownDevice<'s>>>,
    disable_api_stop: Option<Valued<bool>>,
    pub(crate) disable_api_termination: Option<Valued<bool>>,
    ena_support: Option<Valued<bool>>,
    instance_initiated_shutdown_behavior: Option<Valued<&'s str>>,
    instance_type: Option<Valued<&'s str>>,
    root_device_name: Option<Valued<&'s str>>,
    source_dest_check: Option<Valued<bool>>,
}

/// A value in an element of its own.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"), deny_unknown_fields)]
pub(crate) struct Valued<T> {
    pub(crate) value: T,
}

fn valued<T>(value: T) -> Option<Valued<T>> {
    Some(Valued { value })
}

impl Operation for DescribeInstanceAttribute {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "DescribeInstanceAttribute",
        access: Access::Reads,
        bucket: bucket::READS,
    };

    type Answer<'s> = Attribute<'s>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        needs(cx, "ec2:DescribeInstanceAttribute", std::slice::from_ref(&self.instance_id))
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<Attribute<'s>, Refusal> {
        let id = std::slice::from_ref(&self.instance_id);
        ids::check(cx, "i", "InvalidInstanceID.Malformed", id)?;
        let it = cx.here().ec2.instances.get_at(&self.instance_id, cx.seen);
        let it = it.ok_or_else(|| power::not_found(&self.instance_id))?;
        let mut shown = Attribute { instance_id: &it.id, ..Attribute::default() };
        match self.attribute.as_str() {
            "blockDeviceMapping" => {
                shown.block_device_mapping = Some(it.devices.iter().map(ShownDevice::of).collect());
            }
            "disableApiStop" => shown.disable_api_stop = valued(it.stop_protection),
            "disableApiTermination" => {
                shown.disable_api_termination = valued(it.termination_protection);
            }
            "enaSupport" => shown.ena_support = valued(it.ena),
            "instanceInitiatedShutdownBehavior" => {
                shown.instance_initiated_shutdown_behavior = valued("stop");
            }
            "instanceType" => shown.instance_type = valued(it.kind.name),
            "rootDeviceName" => shown.root_device_name = valued(&it.root_device),
            "sourceDestCheck" => shown.source_dest_check = valued(true),
            other => {
                let message = format!("Value ({other}) for parameter attribute is invalid.");
                return Err(Refusal::new("InvalidParameterValue", message));
            }
        }
        Ok(shown)
    }
}

/// `ModifyInstanceAttribute`. The attribute is named with its value, or by a field of its own.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct ModifyInstanceAttribute {
    pub(crate) instance_id: String,
    pub(crate) attribute: Option<String>,
    pub(crate) value: Option<String>,
    pub(crate) instance_type: Option<Valued<String>>,
    pub(crate) disable_api_stop: Option<Valued<bool>>,
    pub(crate) disable_api_termination: Option<Valued<bool>>,
}

/// The one change that a request asks for.
#[derive(Debug, PartialEq, Eq)]
enum Change {
    Type(String),
    StopProtection(bool),
    TerminationProtection(bool),
}

impl Operation for ModifyInstanceAttribute {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "ModifyInstanceAttribute",
        access: Access::Writes,
        bucket: bucket::WRITES,
    };

    type Answer<'s> = Done;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        let id = std::slice::from_ref(&self.instance_id);
        let needs = needs(cx, "ec2:ModifyInstanceAttribute", id);
        let named = self.attribute.as_deref().map(|name| {
            let mut letters = name.chars();
            let first = letters.next().map(|it| it.to_ascii_uppercase());
            first.into_iter().chain(letters).collect()
        });
        let fields = [
            (self.instance_type.is_some(), "InstanceType"),
            (self.disable_api_stop.is_some(), "DisableApiStop"),
            (self.disable_api_termination.is_some(), "DisableApiTermination"),
        ];
        let given = fields.iter().filter(|(given, _)| *given);
        let attributes = given.map(|(_, name)| (*name).to_owned()).chain(named);
        let attributes: Vec<String> = attributes.collect();
        let with = |mut need: Need| {
            for it in &attributes {
                need.context = need.context.with("ec2:Attribute", it.as_str());
            }
            need
        };
        needs.into_iter().map(with).collect()
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Done, Refusal> {
        let id = self.instance_id.clone();
        let change = self.change()?;
        let it = power::one(cx, &id)?;
        power::check_unmanaged(it)?;
        if it.power.is_ending() {
            let message = format!("The instance '{id}' is {}.", it.power.as_str());
            return Err(Refusal::new("IncorrectInstanceState", message));
        }
        let apply: Box<dyn FnOnce(&mut Instance)> = match change {
            Change::Type(name) => {
                let kind = may_become(it, &name)?;
                Box::new(move |it| it.kind = kind)
            }
            Change::StopProtection(on) => {
                if on {
                    may_be_protected(it, "disableApiStop", it.root)?;
                }
                Box::new(move |it| it.stop_protection = on)
            }
            Change::TerminationProtection(on) => {
                if on {
                    may_be_protected(it, "disableApiTermination", Root::Ebs)?;
                }
                Box::new(move |it| it.termination_protection = on)
            }
        };
        power::change(cx, &id, apply);
        Ok(Done::DONE)
    }
}

impl ModifyInstanceAttribute {
    /// What is asked for. Only one attribute may be given.
    fn change(self) -> Result<Change, Refusal> {
        let named = match (self.attribute, self.value) {
            (None, None) => None,
            (Some(name), Some(value)) => Some(Change::of(&name, value)?),
            (Some(name), None) => {
                let message = format!("No value for the attribute '{name}' was specified");
                return Err(Refusal::new("InvalidParameterCombination", message));
            }
            (None, Some(_)) => {
                let message = "A value was specified without an attribute";
                return Err(Refusal::new("InvalidParameterCombination", message));
            }
        };
        let fields = [
            self.instance_type.map(|it| Change::Type(it.value)),
            self.disable_api_stop.map(|it| Change::StopProtection(it.value)),
            self.disable_api_termination.map(|it| Change::TerminationProtection(it.value)),
        ];
        let mut all = named.into_iter().chain(fields.into_iter().flatten());
        match (all.next(), all.next()) {
            (Some(change), None) => Ok(change),
            (Some(_), Some(_)) => {
                let message = "Fields for multiple attribute types specified";
                Err(Refusal::new("InvalidParameterCombination", message))
            }
            (None, _) => {
                let message = "No attributes specified.";
                Err(Refusal::new("InvalidParameterCombination", message))
            }
        }
    }
}

impl Change {
    fn of(name: &str, value: String) -> Result<Change, Refusal> {
        let invalid = |what: &str, it: &str| {
            Refusal::new("InvalidParameterValue", format!("Value ({it}) for {what} is invalid."))
        };
        let on = |value: &str| match value {
            "true" => Ok(true),
            "false" => Ok(false),
            other => Err(invalid("parameter value", other)),
        };
        match name {
            "instanceType" => Ok(Change::Type(value)),
            "disableApiStop" => Ok(Change::StopProtection(on(&value)?)),
            "disableApiTermination" => Ok(Change::TerminationProtection(on(&value)?)),
            other => Err(invalid("parameter attribute", other)),
        }
    }
}

/// The type that an instance may become: only while it is stopped, and what it is compatible
/// with.
fn may_become(it: &Instance, name: &str) -> Result<&'static types::InstanceType, Refusal> {
    let id = &it.id;
    if it.power != Power::Stopped {
        let message = format!("The instance '{id}' is not in the 'stopped' state.");
        return Err(Refusal::new("IncorrectInstanceState", message));
    }
    if it.hibernated {
        let message = format!("The instance '{id}' is hibernated.");
        return Err(Refusal::new("UnsupportedOperation", message));
    }
    if let Purchase::Spot { .. } = it.purchase {
        let message = format!("You can't change the instance type of the Spot Instance '{id}'.");
        return Err(Refusal::new("UnsupportedOperation", message));
    }
    let kind = types::find(name).ok_or_else(|| {
        let message = format!("Invalid value '{name}' for InstanceType.");
        Refusal::new("InvalidInstanceAttributeValue", message)
    })?;
    compatibility::check_change(it, kind)?;
    Ok(kind)
}

/// Refuses protection for Spot Instances, and where `root` says that there is nothing to protect.
fn may_be_protected(it: &Instance, attribute: &str, root: Root) -> Result<(), Refusal> {
    let spot = matches!(it.purchase, Purchase::Spot { .. });
    if !spot && root == Root::Ebs {
        return Ok(());
    }
    let message = format!("'{attribute}' is not supported for the instance '{}'.", it.id);
    Err(Refusal::new("UnsupportedOperation", message))
}
