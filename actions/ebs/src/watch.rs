//! Snapshots under way: how a job finds what it has started, and waits for it.
//!
//! `CreateSnapshot` and `CopySnapshot` take no client token, so two calls make two snapshots. A
//! repeated step therefore looks for what an earlier try has made, and makes one only when
//! describes can no longer lag. If there are two all the same, the older one is kept and the
//! other deleted.

use std::time::Duration;

use jiff::Timestamp;
use lamplighter_core::{
    Doing, Fault, FaultKind, Progress, StepCx, Tags,
    action::JOB_TAG,
    cloud::{
        self, Ec2,
        ec2::{Snapshot, SnapshotState},
    },
    copying,
    gone::Deletion,
    select::ServerFilter,
};
use serde::{Deserialize, Serialize};

use crate::gone::delete;

/// The wait before the first look; it doubles with each one.
const FIRST_WAIT: Duration = Duration::from_secs(30);
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// What a job remembers of the snapshot that it has started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Started {
    snapshot: String,
    at: Timestamp,
    /// Whether this job may have made more than one.
    twins: bool,
    /// How often it was looked at.
    looks: u32,
}

/// What a step that is to start a snapshot has to do.
#[derive(Debug)]
pub(crate) enum Begin {
    /// An earlier try has started this one.
    Follow(Started),
    /// An earlier try may have started one that does not show yet.
    Wait(Duration),
    /// Start one.
    Make,
}

/// How it stands with a snapshot that was started. Others that were made beside it are deleted
/// when it is completed.
pub(crate) type Stand = copying::Stand<Started, Box<Snapshot>>;

/// The snapshots in a place that `filter` admits and `mine` picks, the oldest first. Those in the
/// recycle bin are gone.
pub(crate) async fn find(
    ec2: &dyn Ec2,
    filter: &ServerFilter,
    mine: impl Fn(&Snapshot) -> bool,
) -> Result<Vec<Snapshot>, Fault> {
    let mut found = Vec::new();
    let take = |it: Snapshot| {
        let binned = matches!(it.state, SnapshotState::Recoverable | SnapshotState::Recovering);
        if !binned && mine(&it) {
            found.push(it);
        }
    };
    cloud::each(|page| ec2.snapshots(filter, page), take).await?;
    found.sort_by(|a, b| (a.started_at, &a.id).cmp(&(b.started_at, &b.id)));
    Ok(found)
}

/// The snapshots in a place that carry this job's tag, the oldest first.
pub(crate) async fn made_by(cx: &StepCx<'_>, ec2: &dyn Ec2) -> Result<Vec<Snapshot>, Fault> {
    let filter = ServerFilter::tag(JOB_TAG, cx.job.as_str());
    let found = find(ec2, &filter, |it| is_of_job(cx, it)).await;
    found.doing("looking for what this job has made")
}

/// Whether a snapshot carries this job's tag.
pub(crate) fn is_of_job(cx: &StepCx<'_>, it: &Snapshot) -> bool {
    is_tagged_by(cx, &it.tags)
}

/// Whether this job's tag is among these.
pub(crate) fn is_tagged_by(cx: &StepCx<'_>, tags: &Tags) -> bool {
    tags.get(JOB_TAG).map(String::as_str) == Some(cx.job.as_str())
}

/// What a step that was tried before has to do, after it has found this.
pub(crate) fn begin(cx: &StepCx<'_>, made: &[Snapshot]) -> Begin {
    if let Some(first) = made.first() {
        // The first try makes one without a look for its own. Only a try after that can have
        // made a second one, because it did not see the first.
        return Begin::Follow(Started::new(&first.id, first.started_at, cx.tried.times > 1));
    }
    match cx.lag_left() {
        Some(wait) if cx.tried.times > 0 => Begin::Wait(wait),
        _ => Begin::Make,
    }
}

/// The wait after so many looks at something that takes its time.
pub(crate) fn wait_after(looks: u32) -> Duration {
    FIRST_WAIT.saturating_mul(1 << looks.min(10)).min(LONGEST_WAIT)
}

/// The fault of a call that starts a snapshot: whoever is throttled has started none.
pub(crate) fn not_started(fault: Fault) -> Fault {
    match fault.kind {
        FaultKind::Throttled => fault.nothing_tried(),
        _ => fault,
    }
}

/// What becomes of a step whose call was refused: as long as describes may not show what an earlier
/// try has done, that may be why.
pub(crate) fn unless_done<S>(cx: &StepCx<'_>, fault: Fault) -> Result<Progress<S>, Fault> {
    let refused = matches!(fault.kind, FaultKind::Config | FaultKind::Permanent);
    let left = cx.tried.last.filter(|_| refused).and_then(|last| cx.longest_lag_left(last));
    left.map(|wait| Progress::Later { wait }).ok_or(fault)
}

impl Started {
    /// What this step has just started.
    pub(crate) fn now(cx: &StepCx<'_>, snapshot: &str, at: Timestamp) -> Started {
        Started::new(snapshot, at, cx.tried.times > 0)
    }

    fn new(snapshot: &str, at: Timestamp, twins: bool) -> Started {
        Started { snapshot: snapshot.to_owned(), at, twins, looks: 0 }
    }

    /// The first look, some time after the start.
    pub(crate) fn first_look(self) -> (Started, Duration) {
        self.look_again(None)
    }

    /// Says how it stands, when this is what the job has made there: it waits for the oldest that
    /// has not failed, and in the end deletes all others.
    pub(crate) async fn stands(
        self,
        cx: &StepCx<'_>,
        ec2: &dyn Ec2,
        made: Vec<Snapshot>,
    ) -> Result<Stand, Fault> {
        let may_be_hidden = self.may_be_hidden(cx);
        let pending = |(started, wait)| Ok(Stand::Pending(started, wait));
        let Some(kept) = made.iter().find(|it| it.state != SnapshotState::Error) else {
            return match made.first() {
                Some(failed) => {
                    let why = failed.state_message.as_deref().unwrap_or("AWS does not say why");
                    let id = &failed.id;
                    Ok(Stand::Failed(format!("`{id}` ended in state `error`: {why}")))
                }
                None if may_be_hidden => pending(self.look_again(None)),
                None => {
                    let id = self.snapshot;
                    Ok(Stand::Failed(format!("`{id}` disappeared before it was completed")))
                }
            };
        };
        if kept.state != SnapshotState::Completed || (self.twins && may_be_hidden) {
            return pending(self.look_again(Some(kept)));
        }
        let kept = kept.clone();
        let twins = made.into_iter().filter(|it| it.id != kept.id);
        Ok(match delete_twins(cx, ec2, twins).await? {
            Twins::Deleted(told) => Stand::Completed(Box::new(kept), told),
            Twins::Later(wait) => Stand::Later(wait),
        })
    }

    /// What an earlier step of the job has started.
    pub(crate) fn found(snapshot: &str, at: Timestamp) -> Started {
        Started::new(snapshot, at, true)
    }

    /// When it was started.
    pub(crate) fn at(&self) -> Timestamp {
        self.at
    }

    /// Whether describes may not show yet all that was made since it was started.
    pub(crate) fn may_be_hidden(&self, cx: &StepCx<'_>) -> bool {
        cx.longest_lag_left(self.at).is_some()
    }

    /// Whether this job may have made more than one.
    pub(crate) fn may_have_twins(&self) -> bool {
        self.twins
    }

    /// What it is known by.
    pub(crate) fn snapshot(&self) -> &str {
        &self.snapshot
    }

    /// The next look, at this one if it is known.
    pub(crate) fn look_again(self, kept: Option<&Snapshot>) -> (Started, Duration) {
        let wait = wait_after(self.looks);
        let snapshot = kept.map_or(self.snapshot, |kept| kept.id.clone());
        (Started { snapshot, looks: self.looks + 1, ..self }, wait)
    }
}

/// What has become of duplicates.
pub(crate) enum Twins {
    /// They are deleted: what is said of them.
    Deleted(String),
    /// Whether one is gone cannot be told for so long.
    Later(Duration),
}

/// Deletes what this job has made too much.
pub(crate) async fn delete_twins(
    cx: &StepCx<'_>,
    ec2: &dyn Ec2,
    twins: impl Iterator<Item = Snapshot> + Send,
) -> Result<Twins, Fault> {
    let mut told = String::new();
    for twin in twins {
        let deleting = delete(cx, ec2, &twin.id).await;
        match deleting.doing(format!("deleting the duplicate `{}`", twin.id))? {
            Deletion::Done => told.push_str(&format!("; deleted the duplicate `{}`", twin.id)),
            Deletion::Later(wait) => return Ok(Twins::Later(wait)),
        }
    }
    Ok(Twins::Deleted(told))
}
