//! `ebs.snapshot.delete`: deletes the backups that no rule keeps.
//!
//! Idempotency: *converging*. A snapshot that is gone stays gone, so a repeated step does no
//! harm.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use lamplighter_core::{
    Action, Doing, Fault, Progress, Spec, StepCx, Verdict,
    action::{BadParams, Effect, LookCx, PlanCx},
    cloud::ec2::{DryRun, Lock, Snapshot, SnapshotState},
    copying::{HOP_LEFT, LEFT_BEHIND},
    gone::Deletion,
    retention::{self, Backup, Decision, Keep, Policy},
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    gone::{delete, is_kept},
    lineage::{self, Manager, bases, taken_at},
    locked::{held, in_words, locks},
};

/// Parameters of `ebs.snapshot.delete`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// Which backups of each volume to keep. The others are deleted.
    keep: Keep,
    /// How many of the newest completed backups of each volume are never deleted, whatever the
    /// rules say. At least 1.
    #[serde(default = "one")]
    #[schemars(range(min = 1))]
    floor: u32,
}

fn one() -> u32 {
    1
}

/// `ebs.snapshot.delete`: deletes the snapshots of each volume that no rule keeps.
pub struct DeleteSnapshot;

#[async_trait]
impl Action for DeleteSnapshot {
    type Params = Params;
    type Target = Snapshot;
    type State = ();
    type Known = BTreeMap<String, Lock>;

    const SPEC: Spec = Spec {
        name: "ebs.snapshot.delete",
        summary: "Deletes the snapshots of each volume that no retention rule keeps.",
        permissions: &["ec2:DeleteSnapshot", "ec2:DescribeLockedSnapshots"],
        elsewhere: &[],
        effect: Effect::Deletes,
        timeout: Duration::from_secs(3600),
        gate: None,
    };

    const COMPARES_TARGETS: bool = true;

    const LOOKS: &'static [&'static str] = &["ec2:DescribeLockedSnapshots"];

    fn check(params: &Params) -> Result<(), BadParams> {
        params.policy().check()
    }

    async fn look(
        cx: &LookCx<'_>,
        _: &Params,
        found: &[Snapshot],
    ) -> Result<BTreeMap<String, Lock>, Fault> {
        locks(cx, found).await
    }

    fn plan(
        params: &Params,
        cx: &PlanCx<'_>,
        found: &[Snapshot],
        known: &BTreeMap<String, Lock>,
    ) -> Vec<Verdict> {
        let backups: Vec<Result<Backup, &str>> = found.iter().map(backup).collect();
        let ours: Vec<Backup> = backups.iter().flatten().cloned().collect();
        let mut decisions = retention::decide(&params.policy(), &ours, cx.now).into_iter();
        let bases = bases(found);
        let leave = |reason: &str| Verdict::Leave { reason: reason.to_owned() };
        let verdicts = found.iter().zip(&backups).map(|(snapshot, backup)| match backup {
            Err(_) if is_left_behind(snapshot, cx.now) => Verdict::Act {
                effect: format!("delete ({} GiB)", snapshot.size_gib),
                reason: Some(HOP_LEFT.to_owned()),
            },
            Err(reason) => leave(reason),
            Ok(backup) => match (decisions.next(), bases.get(snapshot.id.as_str())) {
                (None, _) => leave("retention has no verdict on it"),
                (Some(decision), Some(why)) if decision.verdict == retention::Verdict::Delete => {
                    leave(&format!("{}; {why}", decision.reasons.join("; ")))
                }
                (Some(decision), _) => verdict(snapshot, backup, &decision),
            },
        });
        let keep_locked = |(snapshot, verdict): (&Snapshot, Verdict)| match &verdict {
            Verdict::Act { .. } => match held(known.get(&snapshot.id), snapshot) {
                Some(held) => leave(&format!("it is {}", in_words(held))),
                None => verdict,
            },
            _ => verdict,
        };
        found.iter().zip(verdicts).map(keep_locked).collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        _: &Params,
        snapshot: &Snapshot,
        _: Option<()>,
    ) -> Result<Progress<()>, Fault> {
        let id = &snapshot.id;
        match delete(cx, cx.here.ec2(), id).await {
            Err(fault) if is_kept(&fault) => {
                Ok(Progress::Skipped(format!("AWS does not let it go: {}", fault.chain())))
            }
            answer => match answer.doing(format!("deleting `{id}`"))? {
                Deletion::Done => Ok(Progress::Done(format!("deleted `{id}`"))),
                Deletion::Later(wait) => Ok(Progress::Later { wait }),
            },
        }
    }

    async fn rehearse(
        cx: &StepCx<'_>,
        _: &Params,
        snapshot: &Snapshot,
    ) -> Result<Vec<&'static str>, Fault> {
        cx.here.ec2().dry_run(DryRun::DeleteSnapshot(&snapshot.id)).await?;
        Ok(vec!["ec2:DeleteSnapshot"])
    }
}

impl Params {
    fn policy(&self) -> Policy {
        Policy { keep: self.keep.clone(), floor: self.floor }
    }
}

/// Whether a snapshot was on the way to another copy so long ago that its job is over.
fn is_left_behind(snapshot: &Snapshot, now: Timestamp) -> bool {
    lineage::is_hop(snapshot)
        && snapshot.state != SnapshotState::Pending
        && snapshot.started_at + LEFT_BEHIND < now
}

/// What retention looks at, or why it must not look at this snapshot.
fn backup(snapshot: &Snapshot) -> Result<Backup, &'static str> {
    if lineage::is_hop(snapshot) {
        return Err("it is on the way to another copy, and its job deletes it");
    }
    match lineage::manager(snapshot) {
        Some(Manager::Backup) => return Err("AWS Backup manages it: delete it there"),
        Some(Manager::LifecycleManager) => {
            return Err("Data Lifecycle Manager manages it: delete it there");
        }
        None => {}
    }
    let state = match snapshot.state {
        SnapshotState::Completed => retention::State::Completed,
        SnapshotState::Pending => retention::State::Pending,
        SnapshotState::Error => retention::State::Error,
        SnapshotState::Recoverable | SnapshotState::Recovering => {
            return Err("it is in the recycle bin");
        }
    };
    let Some(source) = lineage::source(snapshot) else {
        return Err("its source is not known: it is a copy without the tag `lamplighter:source`");
    };
    Ok(Backup {
        id: snapshot.id.clone(),
        source: source.to_owned(),
        taken_at: taken_at(snapshot),
        state,
    })
}

fn verdict(snapshot: &Snapshot, backup: &Backup, decision: &Decision) -> Verdict {
    let reason = decision.reasons.join("; ");
    let Backup { source, taken_at, .. } = backup;
    match decision.verdict {
        retention::Verdict::Delete => {
            let effect =
                format!("delete ({} GiB of `{source}`, taken at {taken_at})", snapshot.size_gib);
            Verdict::Act { effect, reason: Some(reason) }
        }
        retention::Verdict::Keep | retention::Verdict::Leave => Verdict::Leave { reason },
    }
}

#[cfg(test)]
mod tests;
