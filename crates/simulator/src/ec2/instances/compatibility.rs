//! Whether an instance can be of a type.
//!
//! Source: EC2 User Guide, "Compatibility for changing the instance type", "Troubleshoot
//! changing the instance type" and "Amazon EBS volume limits for Amazon EC2 instances".

use super::{
    Instance,
    types::{Architecture, Ena, InstanceType},
};
use crate::refusal::Refusal;

/// Refuses a type whose processor runs other programs than the instance's image is made of.
pub(super) fn check_architecture(
    kind: &InstanceType,
    architecture: Architecture,
) -> Result<(), Refusal> {
    let has = kind.family.architecture;
    if has == architecture {
        return Ok(());
    }
    let message = format!(
        "The architecture '{}' of the specified instance type does not match the architecture \
         '{}' of the specified AMI.",
        has.as_str(),
        architecture.as_str()
    );
    Err(Refusal::new("InvalidParameterValue", message))
}

/// Refuses a type that can have fewer volumes than these.
pub(super) fn check_volumes(kind: &InstanceType, volumes: usize) -> Result<(), Refusal> {
    if volumes <= kind.most_volumes() {
        return Ok(());
    }
    let message = format!("{volumes} volumes are more than '{}' can have attached", kind.name);
    Err(Refusal::new("AttachmentLimitExceeded", message))
}

/// Refuses a type that needs a network driver which the operating system does not have.
pub(super) fn check_network(kind: &InstanceType, ena: bool) -> Result<(), Refusal> {
    if ena || kind.family.ena != Ena::Required {
        return Ok(());
    }
    let message = format!(
        "Enhanced networking with the Elastic Network Adapter (ENA) is required for the '{}' \
         instance type. Ensure that your instance is enabled for ENA.",
        kind.name
    );
    Err(Refusal::new("InvalidParameterCombination", message))
}

/// Refuses a type that an instance which can hibernate cannot be of.
pub(super) fn check_hibernation(kind: &InstanceType) -> Result<(), Refusal> {
    if kind.hibernates() {
        return Ok(());
    }
    let message = format!("Hibernation is not supported for the instance type '{}'.", kind.name);
    Err(Refusal::new("UnsupportedHibernationConfiguration", message))
}

/// Refuses to change an instance to a type that it cannot be of. That its operating system has
/// the drivers is noticed only when it starts.
pub(super) fn check_change(it: &Instance, kind: &InstanceType) -> Result<(), Refusal> {
    check_architecture(kind, it.kind.family.architecture)?;
    check_volumes(kind, it.devices.len())?;
    if it.can_hibernate {
        check_hibernation(kind)?;
    }
    Ok(())
}
