//! Images that jobs make of instances: how one is begun, and waited for.
//!
//! Idempotency: *named*. The name of an image is unique in an account and region, and this one's is
//! made of the instance, the task and the occurrence: a second one of a job cannot be.

use std::time::Duration;

use jiff::Timestamp;
use lamplighter_core::{
    Doing, Fault, StepCx, Tags,
    cloud::{
        ec2::Image,
        instances::{Instance, NewImage},
    },
};

use crate::bounds::{WRONG_STATE, has_code};

/// The wait between two looks at an image that is being made.
pub(crate) const LOOK_AT_IMAGE: Duration = Duration::from_secs(60);
/// Task, job, source and taken-at.
pub(crate) const OWNERSHIP_TAGS: usize = 4;
/// The name is taken: by an earlier try.
const TAKEN: &str = "InvalidAMIName.Duplicate";

/// Whether the instance is rebooted for its image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reboot {
    /// So that its file systems are whole.
    Yes,
    /// It runs on.
    No,
}

/// What came of the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begun {
    /// It is being made.
    Yes,
    /// The instance is not in a state for it: nothing was begun.
    NotNow,
}

/// How it stands with an image that was begun.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stand {
    /// It is being made.
    Pending,
    /// It can be launched; its id.
    Available(String),
}

impl Reboot {
    /// As parameters say it.
    pub(crate) fn when(asked: bool) -> Reboot {
        if asked { Reboot::Yes } else { Reboot::No }
    }
}

/// The name of the image: unique, and of characters that AWS allows.
/// Source: EC2 API, `CreateImage`.
fn name(cx: &StepCx<'_>, target: &Instance) -> String {
    let at = cx.session.occurrence.strftime("%Y%m%dT%H%M%SZ");
    format!("{} at {at} by {}", target.id, cx.session.task)
}

/// Begins an image of an instance, which gets the tags of a backup beside these.
pub(crate) async fn begin(
    cx: &StepCx<'_>,
    target: &Instance,
    reboot: Reboot,
    description: String,
    mut tags: Tags,
) -> Result<Begun, Fault> {
    let id = &target.id;
    tags.extend(cx.backup_tags(id, cx.now));
    let new = NewImage {
        instance_id: id.clone(),
        name: name(cx, target),
        description,
        reboot: reboot == Reboot::Yes,
        tags,
    };
    match cx.here.instances().create_image(&new).await {
        Ok(()) => Ok(Begun::Yes),
        Err(fault) if has_code(&fault, &[TAKEN]) => Ok(Begun::Yes),
        Err(fault) if has_code(&fault, &WRONG_STATE) => Ok(Begun::NotNow),
        Err(fault) => Err(fault).doing(format!("making an image of `{id}`")),
    }
}

/// Says how it stands with the image that was begun at `since`. One that has failed is a fault.
pub(crate) async fn stand(
    cx: &StepCx<'_>,
    target: &Instance,
    since: Timestamp,
) -> Result<Stand, Fault> {
    let name = name(cx, target);
    let found = cx.here.instances().image_named(&name).await;
    let Some(image) = found.doing(format!("looking at the image `{name}`"))? else {
        return match cx.longest_lag_left(since) {
            Some(_) => Ok(Stand::Pending),
            None => Err(Fault::permanent(format!("the image `{name}` is gone"))),
        };
    };
    let Image { id, state, state_message, .. } = image;
    match state.as_str() {
        "available" => Ok(Stand::Available(id)),
        "pending" | "transient" => Ok(Stand::Pending),
        other => {
            let why = state_message.unwrap_or_else(|| "AWS does not say why".to_owned());
            Err(Fault::permanent(format!("the image `{id}` is `{other}`: {why}")))
        }
    }
}
