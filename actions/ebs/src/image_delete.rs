//! `ec2.image.delete`: deregisters the images that no rule keeps, and deletes their snapshots.
//!
//! Idempotency: *converging*. An image that is gone stays gone, and so does a snapshot.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use lamplighter_core::{
    Action, Doing, Fault, Progress, Spec, StepCx, Verdict,
    action::{BadParams, Effect, HOP_TAG, LookCx, PlanCx, TASK_TAG},
    cloud::{
        ec2::{Image, Snapshot},
        instances::Instance,
    },
    copying::{HOP_LEFT, LEFT_BEHIND},
    gone::Deletion,
    retention::{self, Backup, Keep, Policy},
    select::ServerFilter,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    gone::{delete, deregister, is_kept},
    lineage::{manager_by, source_by, taken_by},
    watch::find,
};

/// How long it may be until snapshots know that their image is gone.
const LOOK: Duration = Duration::from_secs(15);
/// AWS's answer to the deregistration of an image that is protected.
const PROTECTED: &str = "OperationNotPermitted";

/// Parameters of `ec2.image.delete`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// Which images of each instance to keep. The others are deregistered, and their snapshots
    /// deleted.
    keep: Keep,
    /// How many of the newest available images of each instance are never deregistered, whatever
    /// the rules say. At least 1.
    #[serde(default = "one")]
    #[schemars(range(min = 1))]
    floor: u32,
}

fn one() -> u32 {
    1
}

/// That the image is gone, since then.
#[derive(Debug, Serialize, Deserialize)]
pub struct Deregistered(Timestamp);

/// `ec2.image.delete`: deletes the images of each instance that no rule keeps.
pub struct DeleteImage;

#[async_trait]
impl Action for DeleteImage {
    type Params = Params;
    type Target = Image;
    type State = Deregistered;
    /// The instances of each image.
    type Known = BTreeMap<String, BTreeSet<String>>;

    const SPEC: Spec = Spec {
        name: "ec2.image.delete",
        summary: "Deregisters the images that no retention rule keeps, and deletes their snapshots.",
        permissions: &[
            "ec2:DeleteSnapshot",
            "ec2:DeregisterImage",
            "ec2:DescribeInstances",
            "ec2:DescribeSnapshots",
        ],
        elsewhere: &[],
        effect: Effect::Deletes,
        timeout: Duration::from_secs(3600),
        gate: None,
    };

    const COMPARES_TARGETS: bool = true;

    const LOOKS: &'static [&'static str] = &["ec2:DescribeInstances"];

    fn check(params: &Params) -> Result<(), BadParams> {
        params.policy().check()
    }

    async fn look(
        cx: &LookCx<'_>,
        _: &Params,
        found: &[Image],
    ) -> Result<BTreeMap<String, BTreeSet<String>>, Fault> {
        let mut used = BTreeMap::<String, BTreeSet<String>>::new();
        if !found.is_empty() {
            let (instances, filter) = (cx.here.instances(), ServerFilter::default());
            let take = |it: Instance| {
                if it.state != "terminated" {
                    used.entry(it.image_id).or_default().insert(it.id);
                }
            };
            let list = |page| instances.instances(&filter, page);
            cx.each("listing the instances of images", list, take).await?;
        }
        Ok(used)
    }

    fn plan(
        params: &Params,
        cx: &PlanCx<'_>,
        found: &[Image],
        used: &BTreeMap<String, BTreeSet<String>>,
    ) -> Vec<Verdict> {
        let backups: Vec<Result<Backup, &str>> = found.iter().map(backup).collect();
        let ours: Vec<Backup> = backups.iter().flatten().cloned().collect();
        let mut decisions = retention::decide(&params.policy(), &ours, cx.now).into_iter();
        let leave = |reason: String| Verdict::Leave { reason };
        let judged = found.iter().zip(&backups).map(|(image, backup)| match backup {
            Err(_) if is_left_behind(image, cx.now) => Verdict::Act {
                effect: format!("deregister, and delete {}", snapshots(image)),
                reason: Some(HOP_LEFT.to_owned()),
            },
            Err(reason) => leave((*reason).to_owned()),
            Ok(backup) => match decisions.next() {
                None => leave("retention has no verdict on it".to_owned()),
                Some(it) if it.verdict != retention::Verdict::Delete => {
                    leave(it.reasons.join("; "))
                }
                Some(decision) => {
                    let reason = decision.reasons.join("; ");
                    match used.get(&image.id) {
                        Some(by) => leave(format!("{reason}; {} of it", listed(by))),
                        None => {
                            Verdict::Act { effect: effect(image, backup), reason: Some(reason) }
                        }
                    }
                }
            },
        });
        judged.collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        _: &Params,
        image: &Image,
        state: Option<Deregistered>,
    ) -> Result<Progress<Deregistered>, Fault> {
        let (ec2, id) = (cx.here.ec2(), &image.id);
        if let Some(Deregistered(since)) = state {
            return delete_snapshots(cx, image, since).await;
        }
        match deregister(cx, ec2, id).await {
            Err(fault) if fault.code.as_deref() == Some(PROTECTED) => {
                Ok(Progress::Skipped(format!("AWS does not let it go: {}", fault.chain())))
            }
            answer => Ok(match answer.doing(format!("deregistering `{id}`"))? {
                Deletion::Done => {
                    Progress::Again { state: Deregistered(cx.now), wait: Duration::ZERO }
                }
                Deletion::Later(wait) => Progress::Later { wait },
            }),
        }
    }
}

impl Params {
    fn policy(&self) -> Policy {
        Policy { keep: self.keep.clone(), floor: self.floor }
    }
}

/// Whether an image was on the way to another copy so long ago that its job is over.
fn is_left_behind(image: &Image, now: Timestamp) -> bool {
    image.tags.contains_key(HOP_TAG)
        && !["pending", "transient", "deregistered"].contains(&image.state.as_str())
        && image.created_at.is_some_and(|at| at + LEFT_BEHIND < now)
}

/// What retention looks at, or why it must not look at this image.
fn backup(image: &Image) -> Result<Backup, &'static str> {
    if image.tags.contains_key(HOP_TAG) {
        return Err("it is on the way to another copy, and its job deletes it");
    }
    if let Some(manager) = manager_by(&image.tags) {
        return Err(manager.in_words());
    }
    let state = match image.state.as_str() {
        "available" | "disabled" => retention::State::Completed,
        "pending" | "transient" => retention::State::Pending,
        "deregistered" => return Err("it is deregistered"),
        _ => retention::State::Error,
    };
    let Some(source) = source_by(&image.tags).or(image.source_instance.as_deref()) else {
        return Err("nobody knows of which instance it is");
    };
    let Some(created_at) = image.created_at else { return Err("nobody knows when it was made") };
    Ok(Backup {
        id: image.id.clone(),
        source: source.to_owned(),
        taken_at: taken_by(&image.tags, created_at),
        state,
    })
}

fn effect(image: &Image, Backup { source, taken_at, .. }: &Backup) -> String {
    format!("deregister, and delete {} (of `{source}`, taken at {taken_at})", snapshots(image))
}

/// Its snapshots, in words.
fn snapshots(image: &Image) -> String {
    match image.snapshots.len() {
        1 => "1 snapshot".to_owned(),
        count => format!("{count} snapshots"),
    }
}

/// Some instances, in words.
fn listed(instances: &BTreeSet<String>) -> String {
    match (instances.first(), instances.len()) {
        (Some(first), 1) => format!("`{first}` was launched"),
        (Some(first), count) => format!("`{first}` and {} more were launched", count - 1),
        (None, _) => String::new(),
    }
}

/// Deletes the snapshots of an image that is gone since then: those that a task has made.
async fn delete_snapshots(
    cx: &StepCx<'_>,
    image: &Image,
    since: Timestamp,
) -> Result<Progress<Deregistered>, Fault> {
    let ec2 = cx.here.ec2();
    let mut words = vec!["deregistered".to_owned()];
    let filter = ServerFilter::of_ids(image.snapshots.iter().cloned());
    let there = match image.snapshots.is_empty() {
        true => Vec::new(),
        false => find(ec2, &filter, |it| image.snapshots.contains(&it.id)).await?,
    };
    for Snapshot { id, tags, .. } in there {
        if !tags.contains_key(TASK_TAG) {
            words.push(format!("`{id}` stays: no task has made it"));
            continue;
        }
        match delete(cx, ec2, &id).await {
            // It does not know yet that its image is gone.
            Err(fault)
                if is_kept(&fault)
                    && fault.chain().contains(&image.id)
                    && cx.longest_lag_left(since).is_some() =>
            {
                return Ok(Progress::Again { state: Deregistered(since), wait: LOOK });
            }
            Err(fault) if is_kept(&fault) => {
                words.push(format!("`{id}` stays: AWS does not let it go: {}", fault.chain()));
            }
            deleted => match deleted.doing(format!("deleting `{id}`"))? {
                Deletion::Done => {}
                Deletion::Later(wait) => return Ok(Progress::Later { wait }),
            },
        }
    }
    if words.len() == 1 {
        words.push("its snapshots are deleted".to_owned());
    }
    Ok(Progress::Done(words.join("; ")))
}

#[cfg(test)]
mod tests;
