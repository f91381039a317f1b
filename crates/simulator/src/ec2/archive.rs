//! The archive: snapshots that are stored cheaply and can be used only after they are restored.
//!
//! Source: EBS User Guide, "Archive Amazon EBS snapshots", considerations and quotas.

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::Place;
use serde::{Deserialize, Serialize};

use super::{
    Happening, bucket, fast_restore,
    filter::Filter,
    listing::{self, Question},
    snapshot_own::on_snapshot,
    snapshots::{Share, Snapshot, State, Tier},
    tags::TagSet,
};
use crate::{
    cloud,
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
    wire::time::{maybe_millis, millis},
};

const DAY: SignedDuration = SignedDuration::from_hours(24);
/// Archived snapshots of one volume.
const MOST_OF_VOLUME: usize = 25;
/// Snapshots on their way to the archive.
const MOST_ARCHIVING: usize = 25;
/// Snapshots on their way back.
const MOST_RESTORING: usize = 5;
/// Days that a restore for a while can last.
const DAYS: std::ops::RangeInclusive<u32> = 1..=180;

/// The way of a snapshot to the archive and back.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tiering {
    pub(crate) tier: Tier,
    pub(crate) step: Step,
    pub(crate) started_at: Timestamp,
    /// When the step that is under way ends.
    pub(crate) ends_at: Timestamp,
    pub(crate) archived_at: Option<Timestamp>,
    /// For how many days it is being restored.
    days: Option<u32>,
    /// How long it can be used although it is in the archive.
    pub(crate) restored_until: Option<Timestamp>,
}

/// The newest step on that way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Step {
    ArchivalInProgress,
    ArchivalCompleted,
    TemporaryRestoreInProgress,
    TemporaryRestoreCompleted,
    PermanentRestoreInProgress,
    PermanentRestoreCompleted,
}

impl Step {
    /// As AWS calls it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Step::ArchivalInProgress => "archival-in-progress",
            Step::ArchivalCompleted => "archival-completed",
            Step::TemporaryRestoreInProgress => "temporary-restore-in-progress",
            Step::TemporaryRestoreCompleted => "temporary-restore-completed",
            Step::PermanentRestoreInProgress => "permanent-restore-in-progress",
            Step::PermanentRestoreCompleted => "permanent-restore-completed",
        }
    }

    fn is_under_way(self) -> bool {
        matches!(
            self,
            Step::ArchivalInProgress
                | Step::TemporaryRestoreInProgress
                | Step::PermanentRestoreInProgress
        )
    }
}

impl Tiering {
    /// In the archive since then.
    pub(crate) fn archived(at: Timestamp) -> Tiering {
        Tiering {
            tier: Tier::Archive,
            step: Step::ArchivalCompleted,
            started_at: at,
            ends_at: at,
            archived_at: Some(at),
            days: None,
            restored_until: None,
        }
    }

    /// Whether the snapshot can be used.
    pub(crate) fn is_at_hand(&self) -> bool {
        self.tier == Tier::Standard || self.restored_until.is_some()
    }
}

/// `ModifySnapshotTier`: to the archive.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct ModifySnapshotTier {
    pub(crate) snapshot_id: String,
    /// Only `archive`, which is also what is meant without it.
    #[serde(default)]
    pub(crate) storage_tier: Option<String>,
}

/// What `ModifySnapshotTier` answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Archiving {
    snapshot_id: String,
    #[serde(serialize_with = "millis")]
    tiering_start_time: Timestamp,
}

impl Operation for ModifySnapshotTier {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "ModifySnapshotTier",
        access: Access::Writes,
        bucket: bucket::WRITES,
    };

    type Answer<'s> = Archiving;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![on_snapshot(cx, "ec2:ModifySnapshotTier", &self.snapshot_id)]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Archiving, Refusal> {
        if self.storage_tier.as_deref().is_some_and(|it| it != "archive") {
            return Err(Refusal::new("InvalidParameterValue", "StorageTier can only be archive"));
        }
        let it = cx.snapshot(&self.snapshot_id)?;
        let step = it.tiering.as_ref().map(|it| it.step);
        if it.state != State::Completed
            || it.tier() == Tier::Archive
            || step.is_some_and(Step::is_under_way)
        {
            let message = format!("'{}' is not a completed snapshot in the standard tier", it.id);
            return Err(Refusal::new("IncorrectState", message));
        }
        if let Some(image) = it.images.first() {
            let message = format!("The snapshot {} is currently in use by {image}", it.id);
            return Err(Refusal::new("InvalidSnapshot.InUse", message));
        }
        let snapshots = &cx.here().ec2.snapshots;
        let archived = snapshots.of_volume(&it.volume_id).filter(|it| it.tier() == Tier::Archive);
        check_quota("archived snapshots of a volume", archived.count(), MOST_OF_VOLUME)?;
        let steps = under_way(cx).filter(|step| *step == Step::ArchivalInProgress);
        check_quota("snapshots on their way to the archive", steps.count(), MOST_ARCHIVING)?;
        let (now, ends_at) = (cx.now, cx.now + cx.state.dials.times.archive);
        let tiering = Tiering {
            tier: Tier::Standard,
            step: Step::ArchivalInProgress,
            ends_at,
            archived_at: None,
            ..Tiering::archived(now)
        };
        begin(cx, &self.snapshot_id, tiering);
        Ok(Archiving { snapshot_id: self.snapshot_id, tiering_start_time: now })
    }
}

/// `RestoreSnapshotTier`: back, for some days or for good.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct RestoreSnapshotTier {
    pub(crate) snapshot_id: String,
    #[serde(default)]
    pub(crate) temporary_restore_days: Option<u32>,
    #[serde(default)]
    pub(crate) permanent_restore: Option<bool>,
}

/// What `RestoreSnapshotTier` answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Restoring {
    snapshot_id: String,
    #[serde(serialize_with = "millis")]
    restore_start_time: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    restore_duration: Option<u32>,
    is_permanent_restore: bool,
}

impl Operation for RestoreSnapshotTier {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "RestoreSnapshotTier",
        access: Access::Writes,
        bucket: bucket::WRITES,
    };

    type Answer<'s> = Restoring;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![on_snapshot(cx, "ec2:RestoreSnapshotTier", &self.snapshot_id)]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Restoring, Refusal> {
        let days = match (self.temporary_restore_days, self.permanent_restore.unwrap_or(false)) {
            (None, true) => None,
            (Some(days), false) if DAYS.contains(&days) => Some(days),
            (Some(_), false) => {
                let message = "TemporaryRestoreDays is from 1 to 180";
                return Err(Refusal::new("InvalidParameterValue", message));
            }
            _ => {
                let message = "either TemporaryRestoreDays or PermanentRestore must be given";
                return Err(Refusal::new("InvalidParameterCombination", message));
            }
        };
        let it = cx.snapshot(&self.snapshot_id)?;
        let ready = |it: &&Tiering| it.tier == Tier::Archive && !it.step.is_under_way();
        let Some(before) = it.tiering.as_deref().filter(ready).cloned() else {
            let message = format!("'{}' is not in the archive", it.id);
            return Err(Refusal::new("IncorrectState", message));
        };
        let steps = under_way(cx).filter(|step| *step != Step::ArchivalInProgress);
        check_quota("snapshots on their way back", steps.count(), MOST_RESTORING)?;
        let now = cx.now;
        // What is restored for a while is there already: only its end changes.
        let takes = match before.restored_until {
            Some(_) => SignedDuration::ZERO,
            None => cx.state.dials.times.archive_restore,
        };
        let step = match days {
            Some(_) => Step::TemporaryRestoreInProgress,
            None => Step::PermanentRestoreInProgress,
        };
        let tiering = Tiering { step, started_at: now, ends_at: now + takes, days, ..before };
        begin(cx, &self.snapshot_id, tiering);
        if takes.is_zero() {
            step_ends(cx.state, cx.place, &self.snapshot_id, now);
        }
        Ok(Restoring {
            snapshot_id: self.snapshot_id,
            restore_start_time: now,
            restore_duration: days,
            is_permanent_restore: days.is_none(),
        })
    }
}

fn begin(cx: &mut Cx<'_>, id: &str, tiering: Tiering) {
    let (now, ends_at) = (cx.now, tiering.ends_at);
    cx.here_mut().ec2.snapshots.change(id, now, |it| it.tiering = Some(Box::new(tiering)));
    if ends_at > now {
        cx.plan(ends_at, Happening::TieringEnds(id.into()));
    }
}

/// The step that is under way is done, or a restore for a while is over.
pub(super) fn step_ends(state: &mut cloud::State, place: &Place, id: &str, at: Timestamp) {
    let ec2 = &mut state.services_mut(place).ec2;
    let then = ec2.snapshots.change(id, at, |it| {
        let tiering = it.tiering.as_deref_mut()?;
        match tiering.step {
            Step::ArchivalInProgress => {
                *tiering = Tiering { started_at: tiering.started_at, ..Tiering::archived(at) };
                // Whoever it was shared with loses it.
                it.share = Share::default();
                return Some(Then::Archived);
            }
            Step::TemporaryRestoreInProgress => {
                tiering.step = Step::TemporaryRestoreCompleted;
                let until = at + DAY * tiering.days? as i32;
                tiering.restored_until = Some(until);
                return Some(Then::EndsAt(until));
            }
            Step::PermanentRestoreInProgress => {
                tiering.step = Step::PermanentRestoreCompleted;
                tiering.tier = Tier::Standard;
                tiering.restored_until = None;
            }
            // Unless the end was put off in the meantime.
            Step::TemporaryRestoreCompleted
                if tiering.restored_until.is_some_and(|until| until <= at) =>
            {
                tiering.restored_until = None;
                tiering.step = Step::ArchivalCompleted;
            }
            _ => {}
        }
        None
    });
    match then.flatten() {
        Some(Then::Archived) => fast_restore::forget(ec2, id, at),
        Some(Then::EndsAt(until)) => {
            let over = Happening::TieringEnds(id.into());
            state.agenda.plan(until, cloud::Happening::Ec2(place.clone(), over));
        }
        None => {}
    }
}

/// What a step that has ended leads to.
enum Then {
    Archived,
    EndsAt(Timestamp),
}

fn under_way<'s>(cx: &'s Cx<'_>) -> impl Iterator<Item = Step> + use<'s> {
    let steps =
        cx.here().ec2.snapshots.iter().filter_map(|(_, it)| Some(it.tiering.as_ref()?.step));
    steps.filter(|step| step.is_under_way())
}

fn check_quota(what: &str, there_are: usize, most: usize) -> Result<(), Refusal> {
    if there_are < most {
        return Ok(());
    }
    Err(Refusal::new("ResourceLimitExceeded", format!("there can be no more than {most} {what}")))
}

/// `DescribeSnapshotTierStatus`, of the account's snapshots.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct DescribeSnapshotTierStatus {
    pub(crate) filter: Vec<Filter>,
    pub(crate) max_results: Option<u32>,
    pub(crate) next_token: Option<String>,
}

/// What `DescribeSnapshotTierStatus` answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Statuses<'s> {
    pub(crate) snapshot_tier_status_set: Vec<Status<'s>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Status<'s> {
    snapshot_id: &'s str,
    volume_id: &'s str,
    status: State,
    owner_id: &'s str,
    #[serde(skip_serializing_if = "TagSet::is_empty")]
    tag_set: TagSet<'s>,
    pub(crate) storage_tier: Tier,
    #[serde(serialize_with = "maybe_millis", skip_serializing_if = "Option::is_none")]
    last_tiering_start_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_tiering_progress: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_tiering_operation_status: Option<Step>,
    #[serde(serialize_with = "maybe_millis", skip_serializing_if = "Option::is_none")]
    archival_complete_time: Option<Timestamp>,
    #[serde(serialize_with = "maybe_millis", skip_serializing_if = "Option::is_none")]
    restore_expiry_time: Option<Timestamp>,
}

impl<'s> Status<'s> {
    fn of(it: &'s Snapshot, now: Timestamp) -> Status<'s> {
        let tiering = it.tiering.as_deref();
        let progress = |it: &Tiering| match it.step.is_under_way() {
            false => 100,
            true => {
                let all = it.ends_at.duration_since(it.started_at).as_secs().max(1);
                let done = now.duration_since(it.started_at).as_secs();
                (100 * done / all).clamp(0, 99) as u32
            }
        };
        Status {
            snapshot_id: &it.id,
            volume_id: &it.volume_id,
            status: it.state,
            owner_id: it.owner.as_str(),
            tag_set: TagSet(&it.tags),
            storage_tier: it.tier(),
            last_tiering_start_time: tiering.map(|it| it.started_at),
            last_tiering_progress: tiering.map(progress),
            last_tiering_operation_status: tiering.map(|it| it.step),
            archival_complete_time: tiering.and_then(|it| it.archived_at),
            restore_expiry_time: tiering.and_then(|it| it.restored_until),
        }
    }
}

impl Operation for DescribeSnapshotTierStatus {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "DescribeSnapshotTierStatus",
        access: Access::Reads,
        bucket: bucket::READS,
    };

    type Answer<'s> = Statuses<'s>;

    fn needs(&self, _: &Cx<'_>) -> Vec<Need> {
        vec![Need::anywhere("ec2:DescribeSnapshotTierStatus")]
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<Statuses<'s>, Refusal> {
        let question = Question {
            operation: Self::SPEC.name,
            filters: &self.filter,
            ids: &[],
            not_found: "InvalidSnapshot.NotFound",
            max_results: self.max_results,
            next_token: self.next_token.as_deref(),
        };
        let shelf = &cx.here().ec2.snapshots;
        let shows = |_: &str, it| Some(Status::of(it, cx.seen));
        let (snapshot_tier_status_set, next_token) = listing::answer(cx, &question, shelf, shows)?;
        Ok(Statuses { snapshot_tier_status_set, next_token })
    }
}

#[cfg(test)]
mod tests;
