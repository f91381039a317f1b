//! `rds.snapshot.delete` and `rds.cluster-snapshot.delete`: deletes the backups that no rule keeps.
//!
//! Idempotency: *converging*. A snapshot that is gone stays gone, so a repeated step does no
//! harm.

use std::{marker::PhantomData, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use lamplighter_core::{
    Action, Doing, Fault, Progress, Spec, StepCx, Verdict,
    action::{BadParams, Effect, PlanCx, SOURCE_TAG},
    cloud::rds::{Kind, Snapshot},
    copying::{HOP_LEFT, LEFT_BEHIND},
    gone::Deletion,
    retention::{self, Backup, Decision, Keep, Policy},
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    bounds::not_rds,
    family::{Clusters, Family, Instances},
    gone::delete,
    lineage::{is_hop, taken_at},
};

/// Parameters of `rds.snapshot.delete` and `rds.cluster-snapshot.delete`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// Which backups of each database to keep. The others are deleted.
    keep: Keep,
    /// How many of the newest completed backups of each database are never deleted, whatever the
    /// rules say. At least 1.
    #[serde(default = "one")]
    #[schemars(range(min = 1))]
    floor: u32,
}

fn one() -> u32 {
    1
}

impl Params {
    fn policy(&self) -> Policy {
        Policy { keep: self.keep.clone(), floor: self.floor }
    }
}

/// Deletes the manual snapshots of each database that no rule keeps.
pub struct DeleteSnapshot<F>(PhantomData<F>);

impl DeleteSnapshot<Instances> {
    /// `rds.snapshot.delete`.
    pub const OF_INSTANCES: Self = DeleteSnapshot(PhantomData);
}

impl DeleteSnapshot<Clusters> {
    /// `rds.cluster-snapshot.delete`.
    pub const OF_CLUSTERS: Self = DeleteSnapshot(PhantomData);
}

const OF_INSTANCES: Spec = Spec {
    name: "rds.snapshot.delete",
    summary: "Deletes the snapshots of each DB instance that no retention rule keeps.",
    permissions: &["rds:DeleteDBSnapshot"],
    elsewhere: &[],
    effect: Effect::Deletes,
    timeout: Duration::from_secs(3600),
    gate: None,
};

const OF_CLUSTERS: Spec = Spec {
    name: "rds.cluster-snapshot.delete",
    summary: "Deletes the snapshots of each DB cluster that no retention rule keeps.",
    permissions: &["rds:DeleteDBClusterSnapshot"],
    ..OF_INSTANCES
};

#[async_trait]
impl<F: Family> Action for DeleteSnapshot<F> {
    type Params = Params;
    type Target = F::Snapshot;
    type State = ();
    type Known = ();

    const SPEC: Spec = match F::KIND {
        Kind::Instance => OF_INSTANCES,
        Kind::Cluster => OF_CLUSTERS,
    };

    const COMPARES_TARGETS: bool = true;

    fn check(params: &Params) -> Result<(), BadParams> {
        params.policy().check()
    }

    fn plan(params: &Params, cx: &PlanCx<'_>, found: &[F::Snapshot], _: &()) -> Vec<Verdict> {
        let backups: Vec<Result<Backup, String>> =
            found.iter().map(|it| backup(it, cx.now)).collect();
        let ours: Vec<Backup> = backups.iter().flatten().cloned().collect();
        let mut decisions = retention::decide(&params.policy(), &ours, cx.now).into_iter();
        let verdicts = found.iter().zip(&backups).map(|(snapshot, backup)| match backup {
            Err(_) if is_left_behind(snapshot, cx.now) => Verdict::Act {
                effect: format!("delete ({} GiB)", snapshot.size_gib),
                reason: Some(HOP_LEFT.to_owned()),
            },
            Err(reason) => Verdict::Leave { reason: reason.clone() },
            Ok(backup) => match decisions.next() {
                Some(decision) => verdict(snapshot, backup, &decision),
                None => Verdict::Leave { reason: "retention has no verdict on it".to_owned() },
            },
        });
        verdicts.collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        _: &Params,
        snapshot: &F::Snapshot,
        _: Option<()>,
    ) -> Result<Progress<()>, Fault> {
        let id = &snapshot.id;
        Ok(match delete::<F>(cx, id).await.doing(format!("deleting `{id}`"))? {
            Deletion::Done => Progress::Done(format!("deleted `{id}`")),
            Deletion::Later(wait) => Progress::Later { wait },
        })
    }
}

/// Whether a snapshot was on the way to another copy so long ago that its job is over.
fn is_left_behind(snapshot: &Snapshot, now: Timestamp) -> bool {
    is_hop(snapshot)
        && ["available", "failed"].contains(&snapshot.state.as_str())
        && snapshot.created_at.is_some_and(|at| at + LEFT_BEHIND < now)
}

/// What retention looks at, or why it must not look at this snapshot.
fn backup(snapshot: &Snapshot, now: Timestamp) -> Result<Backup, String> {
    if let Some(reason) = not_rds(&snapshot.engine) {
        return Err(reason);
    }
    if is_hop(snapshot) {
        return Err("it is on the way to another copy, and its job deletes it".to_owned());
    }
    match snapshot.snapshot_type.as_str() {
        "manual" => {}
        "automated" => {
            return Err("it is an automated one, which RDS deletes by itself".to_owned());
        }
        "awsbackup" => return Err("AWS Backup manages it: delete it there".to_owned()),
        other => return Err(format!("it is `{other}`, not `manual`")),
    }
    let state = match snapshot.state.as_str() {
        "available" => retention::State::Completed,
        "creating" | "copying" => retention::State::Pending,
        "failed" => retention::State::Error,
        other => return Err(format!("it is `{other}`")),
    };
    Ok(Backup {
        id: snapshot.id.clone(),
        source: snapshot.tags.get(SOURCE_TAG).unwrap_or(&snapshot.database).clone(),
        taken_at: taken_at(snapshot, now),
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
