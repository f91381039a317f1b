//! `ec2.instance.terminate`: makes an image of an instance, and then terminates it.
//!
//! Idempotency: *named*. The name of an image is unique in an account and region, and this one's
//! is made of the instance, the task and the occurrence: a second one of a job cannot be. An
//! instance that is terminated stays so.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use lamplighter_core::{
    Action, Doing, Fault, Progress, Spec, StepCx, Tags, Verdict,
    action::{DESCRIBE_LAG, Effect, Permissions, PlanCx},
    cloud::instances::{Image, Instance, NewImage},
    tagging::{TAGS_MAX, is_reserved},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounds::{LOOK, WRONG_STATE, has_code, out_of_bounds};

/// The wait between two looks at an image that is being made.
const LOOK_AT_IMAGE: Duration = Duration::from_secs(60);
/// The name is taken: by an earlier try.
const TAKEN: &str = "InvalidAMIName.Duplicate";
/// It is protected.
const PROTECTED: &str = "OperationNotPermitted";
/// Task, job, source and taken-at.
const OWNERSHIP_TAGS: usize = 4;

/// Parameters of `ec2.instance.terminate`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// Whether an image of the instance is made before, with all its volumes and its tags. The
    /// instance is terminated when the image is available, and not if it fails.
    #[serde(default = "yes")]
    image_first: bool,
    /// Whether an instance that runs is rebooted for its image, so that its file systems are
    /// whole.
    #[serde(default = "yes")]
    reboot: bool,
}

fn yes() -> bool {
    true
}

/// What the job remembers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// The image is being made, since then.
    Imaging(Timestamp),
    /// It is being terminated, and there is this image of it.
    Terminating {
        /// When it was asked for.
        since: Timestamp,
        /// The image's id.
        image: Option<String>,
    },
}

/// `ec2.instance.terminate`: terminates each instance, after an image of it was made.
pub struct TerminateInstance;

#[async_trait]
impl Action for TerminateInstance {
    type Params = Params;
    type Target = Instance;
    type State = Ending;
    type Known = ();

    const SPEC: Spec = Spec {
        name: "ec2.instance.terminate",
        summary: "Terminates each selected instance, after an image of it was made.",
        permissions: &[
            "ec2:CreateImage",
            "ec2:CreateTags",
            "ec2:DescribeImages",
            "ec2:DescribeInstanceAttribute",
            "ec2:TerminateInstances",
        ],
        elsewhere: &[],
        effect: Effect::Deletes,
        timeout: Duration::from_secs(24 * 3600),
        gate: None,
    };

    fn permissions(params: &Params) -> Permissions {
        match params.image_first {
            true => Permissions::here(Self::SPEC.permissions),
            false => Permissions::here(&["ec2:TerminateInstances"]),
        }
    }

    fn plan(params: &Params, _: &PlanCx<'_>, found: &[Instance], _: &()) -> Vec<Verdict> {
        found.iter().map(|it| judge(params, it)).collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        params: &Params,
        target: &Instance,
        state: Option<Ending>,
    ) -> Result<Progress<Ending>, Fault> {
        match state {
            None if params.image_first => begin_image(cx, params, target).await,
            None => end(cx, &target.id, None).await,
            Some(Ending::Imaging(since)) => follow_image(cx, target, since).await,
            Some(Ending::Terminating { since, image }) => {
                follow_end(cx, &target.id, since, image).await
            }
        }
    }
}

/// The name of the image: unique, and of characters that AWS allows.
fn image_name(cx: &StepCx<'_>, target: &Instance) -> String {
    let at = cx.session.occurrence.strftime("%Y%m%dT%H%M%SZ");
    format!("{} at {at} by {}", target.id, cx.session.task)
}

async fn begin_image(
    cx: &StepCx<'_>,
    params: &Params,
    target: &Instance,
) -> Result<Progress<Ending>, Fault> {
    let id = &target.id;
    let kept = cx.here.instances().is_kept(id).await;
    if kept.doing(format!("looking at the protection of `{id}`"))? {
        return Ok(Progress::Skipped("it is protected from being terminated".to_owned()));
    }
    let mut tags = image_tags(target);
    tags.extend(cx.backup_tags(id, cx.now));
    let new = NewImage {
        instance_id: id.clone(),
        name: image_name(cx, target),
        description: format!("lamplighter {} before the end of {id}", cx.session.task),
        reboot: params.reboot,
        tags,
    };
    match cx.here.instances().create_image(&new).await {
        Ok(_) => {}
        Err(fault) if has_code(&fault, &[TAKEN]) => {}
        Err(fault) if has_code(&fault, &WRONG_STATE) => return Ok(Progress::Later { wait: LOOK }),
        Err(fault) => return Err(fault).doing(format!("making an image of `{id}`")),
    }
    Ok(Progress::Again { state: Ending::Imaging(cx.now), wait: LOOK_AT_IMAGE })
}

/// The tags of an instance that its image gets: all but those of AWS and ours, and as many as
/// there is room for.
fn image_tags(target: &Instance) -> Tags {
    let own = target.tags.iter().filter(|(key, _)| !is_reserved(key));
    own.take(TAGS_MAX - OWNERSHIP_TAGS).map(|(key, value)| (key.clone(), value.clone())).collect()
}

async fn follow_image(
    cx: &StepCx<'_>,
    target: &Instance,
    since: Timestamp,
) -> Result<Progress<Ending>, Fault> {
    let name = image_name(cx, target);
    let found = cx.here.instances().image_named(&name).await;
    let again = Progress::Again { state: Ending::Imaging(since), wait: LOOK_AT_IMAGE };
    let Some(image) = found.doing(format!("looking at the image `{name}`"))? else {
        return match cx.longest_lag_left(since) {
            Some(_) => Ok(again),
            None => Err(Fault::permanent(format!("the image `{name}` is gone"))),
        };
    };
    let Image { id, state, state_message, .. } = image;
    match state.as_str() {
        "available" => end(cx, &target.id, Some(id)).await,
        "pending" | "transient" => Ok(again),
        other => {
            let why = state_message.unwrap_or_else(|| "AWS does not say why".to_owned());
            Err(Fault::permanent(format!("the image `{id}` is `{other}`: {why}")))
        }
    }
}

async fn end(cx: &StepCx<'_>, id: &str, image: Option<String>) -> Result<Progress<Ending>, Fault> {
    match cx.here.instances().terminate(id).await {
        Err(fault) if has_code(&fault, &[PROTECTED]) => {
            let image = image.map(|it| format!("; its image is `{it}`")).unwrap_or_default();
            Ok(Progress::Skipped(format!(
                "AWS does not let it be terminated: {}{image}",
                fault.chain()
            )))
        }
        answer => {
            answer.doing(format!("terminating `{id}`"))?;
            let state = Ending::Terminating { since: cx.now, image };
            Ok(Progress::Again { state, wait: LOOK })
        }
    }
}

async fn follow_end(
    cx: &StepCx<'_>,
    id: &str,
    since: Timestamp,
    image: Option<String>,
) -> Result<Progress<Ending>, Fault> {
    let found = cx.here.instances().instance(id).await.doing(format!("looking at `{id}`"))?;
    match found.as_ref().map(|it| it.state.as_str()) {
        None | Some("terminated") => Ok(Progress::Done(match image {
            Some(image) => format!("terminated; its image is `{image}`"),
            None => "terminated".to_owned(),
        })),
        // It was seen as it no longer is, or AWS has forgotten it.
        Some("shutting-down") => {
            Ok(Progress::Again { state: Ending::Terminating { since, image }, wait: LOOK })
        }
        Some(_) if cx.now < since + DESCRIBE_LAG => {
            Ok(Progress::Again { state: Ending::Terminating { since, image }, wait: LOOK })
        }
        Some(_) => end(cx, id, image).await,
    }
}

fn judge(params: &Params, it: &Instance) -> Verdict {
    let leave = |reason: String| Verdict::Leave { reason };
    if let Some(reason) = out_of_bounds(it) {
        return leave(reason);
    }
    let kind = &it.instance_type;
    match it.state.as_str() {
        "shutting-down" | "terminated" => leave(format!("it is `{}`", it.state)),
        _ if !params.image_first => {
            Verdict::Act { effect: format!("terminate (`{kind}`)"), reason: None }
        }
        _ if it.root_device_type == "instance-store" => {
            leave("its root device is an instance store: AWS makes no image of it".to_owned())
        }
        state => {
            let reboot = if params.reboot && state == "running" { ", reboot it" } else { "" };
            let effect = format!("make an image{reboot}, and terminate (`{kind}`)");
            Verdict::Act { effect, reason: None }
        }
    }
}

#[cfg(test)]
mod tests;
