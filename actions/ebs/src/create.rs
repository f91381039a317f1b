//! `ebs.snapshot.create`: starts a snapshot, then looks at it until EBS has finished.
//!
//! Idempotency: *found by job tag*. `CreateSnapshot` takes no client token, so two calls make
//! two snapshots. A repeated step therefore looks for what an earlier try has made, and makes
//! one only when describes can no longer lag. If there are two all the same, the older one is
//! kept and the other deleted.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{
    Action, Doing, Fault, FaultKind, Progress, Spec, StepCx, Tags, Verdict,
    action::{BadParams, Effect, JOB_TAG, PlanCx, SOURCE_TAG, TAKEN_AT_TAG},
    cloud::ec2::{DryRun, NewSnapshot, Snapshot, SnapshotState, Volume},
    select::ServerFilter,
    template::{Template, Values},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    gone::{Deletion, delete},
    tag_names::{TagNames, is_reserved},
};

/// The wait before the first look; it doubles with each one.
const FIRST_WAIT: Duration = Duration::from_secs(30);
const LONGEST_WAIT: Duration = Duration::from_secs(600);
/// How long something new may not be visible at the most. After that it is gone.
/// Source: EC2 Developer Guide, "Eventual consistency".
const LONGEST_LAG: SignedDuration = SignedDuration::from_mins(5);
/// What AWS takes as a description, in characters.
const DESCRIPTION_MAX: usize = 255;
/// What AWS takes as the key and the value of a tag, in characters, and how many tags.
const TAG_KEY_MAX: usize = 128;
const TAG_VALUE_MAX: usize = 256;
const TAGS_MAX: usize = 50;
/// Task, job, source and taken-at.
const OWNERSHIP_TAGS: usize = 4;

/// Parameters of `ebs.snapshot.create`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// The snapshot's description, with placeholders. A longer one than AWS's 255 characters is
    /// cut and ends in `…`.
    #[serde(default = "default_description")]
    description: Template,
    /// Tags of the snapshot: names, and values with placeholders. They win over copied ones. A
    /// value that turns out longer than AWS's 256 characters is cut and ends in `…`.
    #[serde(default)]
    tags: BTreeMap<String, Template>,
    /// Names of the volume's tags to copy to the snapshot. `*` stands for any text and `?` for
    /// one character, so `"*"` alone copies all. Tags of AWS (`aws:…`) and of Lamplighter are
    /// never copied.
    #[serde(default)]
    copy_tags: TagNames,
}

fn default_description() -> Template {
    "lamplighter {task} of {target}".parse().expect("both are standard placeholders")
}

/// What the job remembers of the snapshot that it has started.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Started {
    snapshot: String,
    at: Timestamp,
    /// Whether this job may have made more than one.
    twins: bool,
    /// How often it was looked at.
    looks: u32,
}

/// `ebs.snapshot.create`: starts a snapshot of each volume and waits until it is completed.
pub struct CreateSnapshot;

#[async_trait]
impl Action for CreateSnapshot {
    type Params = Params;
    type Target = Volume;
    type State = Started;
    type Known = ();

    const SPEC: Spec = Spec {
        name: "ebs.snapshot.create",
        summary: "Creates a snapshot of each selected volume.",
        permissions: &[
            "ec2:CreateSnapshot",
            "ec2:CreateTags",
            "ec2:DeleteSnapshot",
            "ec2:DescribeSnapshots",
        ],
        elsewhere: &[],
        effect: Effect::Creates,
        timeout: Duration::from_secs(24 * 3600),
        gate: None,
    };

    fn check(params: &Params) -> Result<(), BadParams> {
        let bad = |path: String, message: String| Err(BadParams { path, message });
        for name in params.tags.keys() {
            let path = || format!("tags.{name}");
            if is_reserved(name) {
                let owner = "AWS and Lamplighter set tags with this prefix themselves";
                return bad(path(), format!("`{name}` cannot be set: {owner}"));
            }
            let length = name.chars().count();
            if !(1..=TAG_KEY_MAX).contains(&length) {
                let message =
                    format!("a tag's name has 1 to {TAG_KEY_MAX} characters, not {length}");
                return bad(path(), message);
            }
        }
        let (count, most) = (params.tags.len(), TAGS_MAX - OWNERSHIP_TAGS);
        if count > most {
            let message =
                format!("a snapshot has room for {most} tags of yours, these are {count}");
            return bad("tags".to_owned(), message);
        }
        Ok(())
    }

    fn plan(params: &Params, _: &PlanCx<'_>, found: &[Volume], _: &()) -> Vec<Verdict> {
        found.iter().map(|volume| judge(params, volume)).collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        params: &Params,
        volume: &Volume,
        state: Option<Started>,
    ) -> Result<Progress<Started>, Fault> {
        if let Some(started) = state {
            let made = made_by(cx).await?;
            return follow(cx, started, made).await;
        }
        if cx.tried.times > 0 {
            let made = made_by(cx).await?;
            if let Some(first) = made.first() {
                // The first try makes one without a look. Only a try after that can have made a
                // second one, because it did not see the first.
                let twins = cx.tried.times > 1;
                return follow(cx, Started::new(first, twins), made).await;
            }
            if let Some(wait) = cx.lag_left() {
                return Ok(Progress::Later { wait });
            }
        }
        let new = new_snapshot(cx, params, volume);
        let made = cx.here.ec2().create_snapshot(&new).await.map_err(|fault| match fault.kind {
            FaultKind::Throttled => fault.nothing_tried(),
            _ => fault,
        })?;
        follow(cx, Started::new(&made, cx.tried.times > 0), vec![made]).await
    }

    async fn rehearse(
        cx: &StepCx<'_>,
        params: &Params,
        volume: &Volume,
    ) -> Result<Vec<&'static str>, Fault> {
        made_by(cx).await?;
        let new = new_snapshot(cx, params, volume);
        cx.here.ec2().dry_run(DryRun::CreateSnapshot(&new)).await?;
        Ok(vec!["ec2:CreateSnapshot", "ec2:CreateTags", "ec2:DescribeSnapshots"])
    }
}

fn judge(params: &Params, volume: &Volume) -> Verdict {
    let leave = |reason: String| Verdict::Leave { reason };
    if let Some(manager) = &volume.managed_by {
        return leave(format!("`{manager}` manages it"));
    }
    if !["available", "in-use"].contains(&volume.state.as_str()) {
        return leave(format!("its state is `{}`, not `available` or `in-use`", volume.state));
    }
    let (_, left_out) = copied_tags(params, volume);
    let names: Vec<String> = left_out.keys().map(|name| format!("`{name}`")).collect();
    let reason = (!names.is_empty()).then(|| {
        let names = names.join(", ");
        format!("a snapshot has at most {TAGS_MAX} tags: does not copy {names}")
    });
    Verdict::Act { effect: format!("create a snapshot of {} GiB", volume.size_gib), reason }
}

/// The tags to copy, and those for which there is no room: the last ones by name.
fn copied_tags(params: &Params, volume: &Volume) -> (Tags, Tags) {
    let mut copied = params.copy_tags.of(&volume.tags);
    copied.retain(|name, _| !params.tags.contains_key(name));
    let room = TAGS_MAX - OWNERSHIP_TAGS - params.tags.len();
    let first_left_out = copied.keys().nth(room).cloned();
    let left_out = first_left_out.map(|name| copied.split_off(&name)).unwrap_or_default();
    (copied, left_out)
}

fn new_snapshot(cx: &StepCx<'_>, params: &Params, volume: &Volume) -> NewSnapshot {
    let values = Values {
        task: &cx.session.task,
        occurrence: cx.session.occurrence,
        time_zone: cx.time_zone,
        place: cx.here.place(),
        target: &volume.id,
        target_tags: &volume.tags,
        extra: &BTreeMap::new(),
    };
    // The time of the call. The snapshot's own start is a moment later and is the truth; a copy
    // has another start, and only this tag.
    let taken_at = Timestamp::from_second(cx.now.as_second()).unwrap_or(cx.now);
    let (mut tags, _) = copied_tags(params, volume);
    let own = params.tags.iter();
    tags.extend(own.map(|(name, it)| (name.clone(), it.render_within(TAG_VALUE_MAX, &values))));
    tags.extend(cx.ownership_tags());
    tags.insert(SOURCE_TAG.to_owned(), volume.id.clone());
    tags.insert(TAKEN_AT_TAG.to_owned(), taken_at.to_string());
    NewSnapshot {
        volume_id: volume.id.clone(),
        description: params.description.render_within(DESCRIPTION_MAX, &values),
        tags,
    }
}

/// The snapshots that carry this job's tag, the oldest first. Those in the recycle bin are gone.
async fn made_by(cx: &StepCx<'_>) -> Result<Vec<Snapshot>, Fault> {
    let filter = ServerFilter::tag(JOB_TAG, cx.job.as_str());
    let mut made = Vec::new();
    let mut page = None;
    loop {
        let listing = cx.here.ec2().snapshots(&filter, page).await;
        let listed = listing.doing("looking for what this job has made")?;
        made.extend(listed.items.into_iter().filter(|it| {
            let binned = matches!(it.state, SnapshotState::Recoverable | SnapshotState::Recovering);
            it.tags.get(JOB_TAG).map(String::as_str) == Some(cx.job.as_str()) && !binned
        }));
        page = listed.next;
        if page.is_none() {
            break;
        }
    }
    made.sort_by(|a, b| (a.started_at, &a.id).cmp(&(b.started_at, &b.id)));
    Ok(made)
}

/// Says how the job goes on with what it has made: waits for the oldest that has not failed,
/// and in the end deletes all others.
async fn follow(
    cx: &StepCx<'_>,
    started: Started,
    made: Vec<Snapshot>,
) -> Result<Progress<Started>, Fault> {
    let may_be_hidden = cx.now < started.at + LONGEST_LAG;
    let Some(kept) = made.iter().find(|it| it.state != SnapshotState::Error) else {
        return match made.first() {
            Some(failed) => {
                let why = failed.state_message.as_deref().unwrap_or("AWS does not say why");
                Err(Fault::permanent(format!("`{}` ended in state `error`: {why}", failed.id)))
            }
            None if may_be_hidden => Ok(started.look_again(None)),
            None => Err(Fault::permanent(format!(
                "`{}` disappeared before it was completed",
                started.snapshot
            ))),
        };
    };
    if kept.state != SnapshotState::Completed || (started.twins && may_be_hidden) {
        return Ok(started.look_again(Some(kept)));
    }
    let mut summary = format!("created `{}`", kept.id);
    for twin in made.iter().filter(|it| it.id != kept.id) {
        let deleting = delete(cx, &twin.id).await;
        match deleting.doing(format!("deleting the duplicate `{}`", twin.id))? {
            Deletion::Done => {}
            Deletion::Later(wait) => return Ok(Progress::Later { wait }),
        }
        summary.push_str(&format!("; deleted the duplicate `{}`", twin.id));
    }
    Ok(Progress::Done(summary))
}

impl Started {
    fn new(snapshot: &Snapshot, twins: bool) -> Started {
        let (snapshot, at) = (snapshot.id.clone(), snapshot.started_at);
        Started { snapshot, at, twins, looks: 0 }
    }

    fn look_again(self, kept: Option<&Snapshot>) -> Progress<Started> {
        let wait = FIRST_WAIT.saturating_mul(1 << self.looks.min(10)).min(LONGEST_WAIT);
        let snapshot = kept.map_or(self.snapshot, |kept| kept.id.clone());
        Progress::Again { state: Started { snapshot, looks: self.looks + 1, ..self }, wait }
    }
}

#[cfg(test)]
mod tests;
