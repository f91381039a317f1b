//! Images (AMIs): made of instances, copied, shared, and taken away.

mod attributes;
mod backing;
mod copy;
#[cfg(test)]
mod copy_tests;
mod create;
mod deprecation;
mod deregister;
mod describe;
mod image;
#[cfg(test)]
mod image_tests;
mod lifecycle;
mod permissions;
mod protection;
mod public;
#[cfg(test)]
mod sharing_tests;
#[cfg(test)]
mod test_bed;
mod visible;

use std::borrow::Cow;

pub(crate) use attributes::{Changes, DescribeImageAttribute, ModifyImageAttribute};
pub(crate) use copy::CopyImage;
pub(crate) use create::CreateImage;
pub(crate) use deregister::DeregisterImage;
pub(crate) use describe::DescribeImages;
pub(crate) use image::{Image, Mapping, Permission, Protection, State};
pub(crate) use lifecycle::{Happening, happen, snapshot_ended};
pub(crate) use permissions::{Requested, Shown};
pub(crate) use visible::usable;

use crate::{
    iam::{Context, Need},
    operation::Cx,
    refusal::Refusal,
    table::Entry,
};

/// The operations that are here.
pub(crate) const OPERATIONS: &[Entry] = &[
    Entry::ec2::<describe::DescribeImages>(),
    Entry::ec2::<attributes::DescribeImageAttribute>(),
    Entry::ec2::<attributes::ModifyImageAttribute>(),
    Entry::ec2::<create::CreateImage>(),
    Entry::ec2::<copy::CopyImage>(),
    Entry::ec2::<deregister::DeregisterImage>(),
    Entry::ec2::<lifecycle::DisableImage>(),
    Entry::ec2::<lifecycle::EnableImage>(),
    Entry::ec2::<deprecation::EnableImageDeprecation>(),
    Entry::ec2::<deprecation::DisableImageDeprecation>(),
    Entry::ec2::<protection::EnableImageDeregistrationProtection>(),
    Entry::ec2::<protection::DisableImageDeregistrationProtection>(),
];

/// What it takes to do something to an image.
pub(crate) fn need(cx: &Cx<'_>, action: &'static str, id: &str) -> Need {
    let image = visible::find(cx.state, &cx.place.region, id, cx.now);
    let context = image.as_deref().map_or_else(Context::default, Image::context);
    Need::on(action, Image::arn(cx.place, id)).with(context)
}

/// Refuses a name that images cannot have, or that one has already: also one that was
/// deregistered a moment ago. Source: EC2 API, `CreateImage`.
fn check_name(cx: &Cx<'_>, name: &str) -> Result<(), Refusal> {
    let allowed = |it: char| it.is_ascii_alphanumeric() || "()[] ./-'@_".contains(it);
    if !(3..=128).contains(&name.len()) || !name.chars().all(allowed) {
        let message = format!(
            "AMI names must be between 3 and 128 characters long, and may contain letters, \
             numbers, and only some others: '{name}'"
        );
        return Err(Refusal::new("InvalidAMIName.Malformed", message));
    }
    match cx.here().ec2.images.iter().find(|(_, it)| *it.name == *name) {
        None => Ok(()),
        Some((id, _)) => {
            let message = format!("AMI name {name} is already in use by AMI {id}");
            Err(Refusal::new("InvalidAMIName.Duplicate", message))
        }
    }
}

/// Refuses a description that is too long.
fn check_description(description: &str) -> Result<(), Refusal> {
    match description.chars().count() {
        ..=255 => Ok(()),
        long => {
            let message = format!("{long} characters of a description are more than 255");
            Err(Refusal::new("InvalidParameterValue", message))
        }
    }
}

/// Changes an image of the caller.
fn change(cx: &mut Cx<'_>, id: &str, change: impl FnOnce(&mut Image)) {
    let now = cx.now;
    cx.here_mut().ec2.images.change(id, now, change);
}

/// An image, whoever it belongs to.
type Found<'s> = Cow<'s, Image>;
