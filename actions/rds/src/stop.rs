//! `rds.instance.stop` and `rds.cluster.stop`: stop databases and see that they are stopped.
//!
//! Idempotency: *converging*, and *named* for a snapshot that is taken before. AWS starts what was
//! stopped for seven days: the events `rds.instance.stop-expired` and `rds.cluster.stop-expired`
//! say so, and a task that they trigger stops it again.

use std::{collections::BTreeMap, marker::PhantomData, time::Duration};

use async_trait::async_trait;
use lamplighter_core::{
    Action, Fault, Progress, Spec, StepCx, Verdict,
    action::{BadParams, Effect, Permissions, PlanCx},
    cloud::rds::Kind,
    tagging::TagNames,
    template::Template,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    bounds::{Readiness, cannot_stop, look, out_of_bounds, readiness},
    family::{AnyDatabase, Clusters, Facts, Family, Instances},
    halt::{Halt, Halted},
    tags::Asked,
    taking::{self, Begun, Stand, Taking},
};

/// Parameters of `rds.instance.stop` and `rds.cluster.stop`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// Whether a snapshot is taken before: while it is stopped, AWS takes none. It is stopped when
    /// the snapshot is available, and not if that fails.
    #[serde(default)]
    snapshot_first: bool,
    /// Tags of that snapshot, as those of `rds.snapshot.create`.
    #[serde(default)]
    tags: BTreeMap<String, Template>,
    /// Names of the database's tags to copy to that snapshot, as those of `rds.snapshot.create`.
    #[serde(default)]
    copy_tags: TagNames,
}

impl Params {
    fn tags(&self) -> Asked<'_> {
        Asked { own: &self.tags, copied: &self.copy_tags }
    }
}

/// What the job remembers.
#[derive(Debug, Serialize, Deserialize)]
pub struct Stopping(Phase);

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Phase {
    /// The snapshot is being taken.
    Taking(Taking),
    /// It is to be stopped; whether there is a snapshot.
    Halting { halt: Halt, snapshot: Option<String> },
}

/// Stops each database that runs.
pub struct Stop<F>(PhantomData<F>);

impl Stop<Instances> {
    /// `rds.instance.stop`.
    pub const OF_INSTANCES: Self = Stop(PhantomData);
}

impl Stop<Clusters> {
    /// `rds.cluster.stop`.
    pub const OF_CLUSTERS: Self = Stop(PhantomData);
}

const OF_INSTANCES: Spec = Spec {
    name: "rds.instance.stop",
    summary: "Stops each selected DB instance that runs.",
    permissions: &[
        "rds:AddTagsToResource",
        "rds:CreateDBSnapshot",
        "rds:DescribeDBSnapshots",
        "rds:StopDBInstance",
    ],
    elsewhere: &[],
    effect: Effect::Changes,
    timeout: Duration::from_secs(24 * 3600),
    gate: None,
};

const OF_CLUSTERS: Spec = Spec {
    name: "rds.cluster.stop",
    summary: "Stops each selected Aurora cluster that runs.",
    permissions: &[
        "rds:AddTagsToResource",
        "rds:CreateDBClusterSnapshot",
        "rds:DescribeDBClusterSnapshots",
        "rds:StopDBCluster",
    ],
    ..OF_INSTANCES
};

#[async_trait]
impl<F: Family> Action for Stop<F> {
    type Params = Params;
    type Target = F::Database;
    type State = Stopping;
    type Known = ();

    const SPEC: Spec = match F::KIND {
        Kind::Instance => OF_INSTANCES,
        Kind::Cluster => OF_CLUSTERS,
    };

    fn check(params: &Params) -> Result<(), BadParams> {
        params.tags().check_for(params.snapshot_first, "snapshot-first")
    }

    fn permissions(params: &Params) -> Permissions {
        match (params.snapshot_first, F::KIND) {
            (true, _) => Permissions::here(Self::SPEC.permissions),
            (false, Kind::Instance) => Permissions::here(&["rds:StopDBInstance"]),
            (false, Kind::Cluster) => Permissions::here(&["rds:StopDBCluster"]),
        }
    }

    fn plan(params: &Params, _: &PlanCx<'_>, found: &[F::Database], _: &()) -> Vec<Verdict> {
        found.iter().map(|it| judge(params, &it.facts())).collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        params: &Params,
        target: &F::Database,
        state: Option<Stopping>,
    ) -> Result<Progress<Stopping>, Fault> {
        match state.map(|it| it.0) {
            None if params.snapshot_first => take::<F>(cx, params, target).await,
            None => halt::<F>(cx, target, Halt::default(), None).await,
            Some(Phase::Taking(taking)) => follow::<F>(cx, target, taking).await,
            Some(Phase::Halting { halt, snapshot }) => {
                self::halt::<F>(cx, target, halt, snapshot).await
            }
        }
    }
}

async fn take<F: Family>(
    cx: &StepCx<'_>,
    params: &Params,
    target: &F::Database,
) -> Result<Progress<Stopping>, Fault> {
    let tags = params.tags().of(cx, &target.facts());
    Ok(match taking::begin::<F>(cx, target, tags).await? {
        Begun::Taking(taking) => {
            let (taking, wait) = taking.first_look();
            Progress::Again { state: Stopping(Phase::Taking(taking)), wait }
        }
        Begun::Wait(wait) => Progress::Later { wait },
        Begun::Cannot(why) => Progress::Skipped(why),
    })
}

async fn follow<F: Family>(
    cx: &StepCx<'_>,
    target: &F::Database,
    taking: Taking,
) -> Result<Progress<Stopping>, Fault> {
    let name = taking::name::<F>(cx, target);
    Ok(match taking.stands::<F>(cx, &name).await? {
        Stand::Pending(taking, wait) => {
            Progress::Again { state: Stopping(Phase::Taking(taking)), wait }
        }
        Stand::Available => {
            let phase = Phase::Halting { halt: Halt::default(), snapshot: Some(name) };
            Progress::Again { state: Stopping(phase), wait: Duration::ZERO }
        }
    })
}

async fn halt<F: Family>(
    cx: &StepCx<'_>,
    target: &F::Database,
    mut halt: Halt,
    snapshot: Option<String>,
) -> Result<Progress<Stopping>, Fault> {
    let Some(it) = look(cx, target).await? else {
        return Ok(Progress::Skipped("it is gone".to_owned()));
    };
    Ok(match halt.step::<F>(cx, &it).await? {
        Halted::Stopped => Progress::Done(match snapshot {
            Some(snapshot) => format!("stopped; its snapshot is `{snapshot}`"),
            None => "stopped".to_owned(),
        }),
        Halted::Not(wait) => {
            Progress::Again { state: Stopping(Phase::Halting { halt, snapshot }), wait }
        }
        Halted::Refused(why) => Progress::Skipped(why),
    })
}

fn judge(params: &Params, it: &Facts<'_>) -> Verdict {
    let leave = |reason: String| Verdict::Leave { reason };
    if let Some(reason) = out_of_bounds(it, Some(OF_CLUSTERS.name)).or_else(|| cannot_stop(it)) {
        return leave(reason);
    }
    let wait = match readiness(it) {
        Readiness::Stuck if it.state == "stopped" => return leave("it is stopped".to_owned()),
        Readiness::Stuck => return leave(format!("it is `{}`", it.state)),
        Readiness::Ready if it.state == "available" => None,
        Readiness::Ready | Readiness::Busy => {
            Some(format!("it is `{}`: when it is available", it.state))
        }
    };
    let room = params.snapshot_first.then(|| params.tags().without_room(it)).flatten();
    let reasons: Vec<String> = [wait, room].into_iter().flatten().collect();
    let effect = if params.snapshot_first { "take a snapshot, and stop" } else { "stop" };
    let reason = (!reasons.is_empty()).then(|| reasons.join("; "));
    Verdict::Act { effect: effect.to_owned(), reason }
}

#[cfg(test)]
mod tests;
