//! `rds.instance.delete` and `rds.cluster.delete`: delete databases, after a final snapshot.
//!
//! Idempotency: *named*, and *converging*. The final snapshot's name is made of the job, so there
//! is one; what is gone stays gone. The call that deletes cannot set tags, so the snapshot gets
//! them right after it.

use std::{collections::BTreeMap, marker::PhantomData, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use lamplighter_core::{
    Action, Doing, Fault, FaultKind, Progress, Spec, StepCx, Verdict,
    action::{BadParams, Effect, JOB_TAG, Permissions, PlanCx},
    cloud::rds::{Kind, NO_DATABASE, NO_SNAPSHOT, QUOTA_EXCEEDED, Quota, TAKEN, WRONG_STATE},
    tagging::TagNames,
    template::Template,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    bounds::{BUSY, LOOK, Readiness, has_code, look, out_of_bounds, readiness},
    family::{AnyDatabase, Clusters, Facts, Family, Instances},
    tags::Asked,
    taking::{self, Stand, Taking},
};

/// AWS does not let it go: it is protected.
const NEVER: [&str; 1] = ["InvalidParameterCombination"];

/// Parameters of `rds.instance.delete` and `rds.cluster.delete`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// Whether AWS takes a snapshot when it deletes, which has all until the end. AWS's automated
    /// backups go with the database.
    #[serde(default = "yes")]
    final_snapshot: bool,
    /// Tags of that snapshot, as those of `rds.snapshot.create`.
    #[serde(default)]
    tags: BTreeMap<String, Template>,
    /// Names of the database's tags to copy to that snapshot, as those of `rds.snapshot.create`.
    #[serde(default)]
    copy_tags: TagNames,
}

fn yes() -> bool {
    true
}

impl Params {
    fn tags(&self) -> Asked<'_> {
        Asked { own: &self.tags, copied: &self.copy_tags }
    }
}

/// What the job remembers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Deleting {
    /// When AWS was asked.
    since: Timestamp,
    /// The final snapshot, once it has its tags.
    snapshot: Option<Taking>,
}

/// Deletes each database.
pub struct Delete<F>(PhantomData<F>);

impl Delete<Instances> {
    /// `rds.instance.delete`.
    pub const OF_INSTANCES: Self = Delete(PhantomData);
}

impl Delete<Clusters> {
    /// `rds.cluster.delete`.
    pub const OF_CLUSTERS: Self = Delete(PhantomData);
}

const OF_INSTANCES: Spec = Spec {
    name: "rds.instance.delete",
    summary: "Deletes each selected DB instance, after a final snapshot of it.",
    permissions: &[
        "rds:AddTagsToResource",
        "rds:CreateDBSnapshot",
        "rds:DeleteDBInstance",
        "rds:DescribeDBSnapshots",
    ],
    elsewhere: &[],
    effect: Effect::Deletes,
    timeout: Duration::from_secs(24 * 3600),
    gate: None,
};

const OF_CLUSTERS: Spec = Spec {
    name: "rds.cluster.delete",
    summary: "Deletes each selected DB cluster and its instances, after a final snapshot of it.",
    permissions: &[
        "rds:AddTagsToResource",
        "rds:CreateDBClusterSnapshot",
        "rds:DeleteDBCluster",
        "rds:DeleteDBInstance",
        "rds:DescribeAccountAttributes",
        "rds:DescribeDBClusterSnapshots",
        "rds:DescribeDBInstances",
    ],
    ..OF_INSTANCES
};

#[async_trait]
impl<F: Family> Action for Delete<F> {
    type Params = Params;
    type Target = F::Database;
    type State = Deleting;
    type Known = ();

    const SPEC: Spec = match F::KIND {
        Kind::Instance => OF_INSTANCES,
        Kind::Cluster => OF_CLUSTERS,
    };

    fn check(params: &Params) -> Result<(), BadParams> {
        params.tags().check_for(params.final_snapshot, "final-snapshot")
    }

    fn permissions(params: &Params) -> Permissions {
        match (params.final_snapshot, F::KIND) {
            (true, _) => Permissions::here(Self::SPEC.permissions),
            (false, Kind::Instance) => Permissions::here(&["rds:DeleteDBInstance"]),
            (false, Kind::Cluster) => Permissions::here(&[
                "rds:DeleteDBCluster",
                "rds:DeleteDBInstance",
                "rds:DescribeDBInstances",
            ]),
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
        state: Option<Deleting>,
    ) -> Result<Progress<Deleting>, Fault> {
        match state {
            None => begin::<F>(cx, params, target).await,
            Some(Deleting { since, snapshot: None }) if params.final_snapshot => {
                mark::<F>(cx, params, target, since).await
            }
            Some(Deleting { since, snapshot }) => follow::<F>(cx, target, since, snapshot).await,
        }
    }
}

async fn begin<F: Family>(
    cx: &StepCx<'_>,
    params: &Params,
    target: &F::Database,
) -> Result<Progress<Deleting>, Fault> {
    let begun = || {
        let state = Deleting { since: cx.now, snapshot: None };
        Ok(Progress::Again { state, wait: LOOK })
    };
    // An earlier try whose answer was lost may have begun it.
    let was_tried = cx.tried.times > 0;
    let found = look(cx, target).await?;
    let it = match found.as_ref().map(F::Database::facts) {
        Some(it) if it.state == "deleting" && !was_tried => {
            return Ok(Progress::Skipped("it is `deleting`".to_owned()));
        }
        None if !was_tried => return Ok(Progress::Skipped("it is gone".to_owned())),
        None => return begun(),
        Some(it) if it.state == "deleting" => return begun(),
        Some(it) => it,
    };
    if it.is_protected {
        return Ok(Progress::Skipped(PROTECTED.to_owned()));
    }
    if params.final_snapshot && !it.members.is_empty() {
        check_room::<F>(cx).await?;
    }
    if !delete_members(cx, &it).await? {
        return Ok(Progress::Later { wait: BUSY });
    }
    let last = params.final_snapshot.then(|| taking::name::<F>(cx, target));
    match cx.here.rds().delete(F::KIND, it.id, last.as_deref()).await {
        Ok(()) => begun(),
        Err(fault) if has_code(&fault, &TAKEN) && was_tried => begun(),
        // What is gone may be seen for a while.
        Err(fault) if has_code(&fault, &NO_DATABASE) && was_tried => begun(),
        Err(fault) if has_code(&fault, &NO_DATABASE) => {
            Ok(Progress::Skipped("it is gone".to_owned()))
        }
        // It was seen as it no longer is, or was busy in between.
        Err(fault) if has_code(&fault, &WRONG_STATE) => Ok(Progress::Later { wait: BUSY }),
        Err(fault) if has_code(&fault, &NEVER) => {
            Ok(Progress::Skipped(format!("AWS does not let it be deleted: {}", fault.chain())))
        }
        Err(fault) => {
            let fault = match fault.kind {
                _ if has_code(&fault, &[QUOTA_EXCEEDED]) => taking::full(fault),
                FaultKind::Throttled => fault.nothing_tried(),
                _ => fault,
            };
            Err(fault).doing(format!("deleting `{}`", it.id))
        }
    }
}

/// Waits for room for the final snapshot before a cluster loses its instances.
async fn check_room<F: Family>(cx: &StepCx<'_>) -> Result<(), Fault> {
    let quota = cx.here.rds().quota(F::KIND).await.doing("looking at the quota of snapshots")?;
    match quota {
        Some(Quota { used, most }) if used >= most => {
            let message = format!(
                "no room for the final snapshot: the region has {used} manual snapshots of at \
                 most {most}"
            );
            Err(taking::full(Fault::permanent(message)))
        }
        _ => Ok(()),
    }
}

/// Deletes the members of an Aurora cluster: it goes when they do. Those of a Multi-AZ DB cluster
/// go with it. `false`: one is busy.
/// Source: Aurora User Guide, "Deleting Aurora DB clusters and DB instances".
async fn delete_members(cx: &StepCx<'_>, it: &Facts<'_>) -> Result<bool, Fault> {
    let members = if it.engine.starts_with("aurora") { it.members } else { &[] };
    for member in members {
        let looking = cx.here.rds().database(member).await;
        let state = looking.doing(format!("looking at `{member}`"))?.map(|it| it.state);
        if state.is_none_or(|it| it == "deleting") {
            continue;
        }
        match cx.here.rds().delete(Kind::Instance, member, None).await {
            Ok(()) => {}
            Err(fault) if has_code(&fault, &NO_DATABASE) => {}
            Err(fault) if has_code(&fault, &WRONG_STATE) => return Ok(false),
            Err(fault) => return Err(fault).doing(format!("deleting the member `{member}`")),
        }
    }
    Ok(true)
}

/// Gives the final snapshot its tags.
async fn mark<F: Family>(
    cx: &StepCx<'_>,
    params: &Params,
    target: &F::Database,
    since: Timestamp,
) -> Result<Progress<Deleting>, Fault> {
    let name = taking::name::<F>(cx, target);
    let rds = cx.here.rds();
    let found = rds.snapshot(F::KIND, &name).await;
    let found = found.doing(format!("looking at the final snapshot `{name}`"))?;
    let shown = match found {
        Some(it) if it.tags.contains_key(JOB_TAG) => true,
        Some(_) => {
            let tags = params.tags().at(cx, &target.facts(), since);
            let arn = F::KIND.snapshot_arn(cx.here.place(), &name);
            match rds.tag(&arn, &tags).await {
                Err(fault) if has_code(&fault, &NO_SNAPSHOT) => false,
                answer => {
                    answer.doing(format!("tagging the final snapshot `{name}`"))?;
                    true
                }
            }
        }
        None => false,
    };
    match shown {
        true => {
            let (taking, wait) = Taking::now(cx).first_look();
            let state = Deleting { since, snapshot: Some(taking) };
            Ok(Progress::Again { state, wait })
        }
        false if cx.longest_lag_left(since).is_some() => {
            let state = Deleting { since, snapshot: None };
            Ok(Progress::Again { state, wait: LOOK })
        }
        false => Err(Fault::permanent(format!("its final snapshot `{name}` does not show"))),
    }
}

async fn follow<F: Family>(
    cx: &StepCx<'_>,
    target: &F::Database,
    since: Timestamp,
    snapshot: Option<Taking>,
) -> Result<Progress<Deleting>, Fault> {
    let again = |snapshot, wait| Ok(Progress::Again { state: Deleting { since, snapshot }, wait });
    match look(cx, target).await?.as_ref().map(F::Database::facts) {
        None => {}
        Some(it) if it.state == "deleting" || cx.longest_lag_left(since).is_some() => {
            return again(snapshot, LOOK);
        }
        Some(it) => {
            let message = format!("AWS has not deleted it: it is `{}`", it.state);
            return Err(Fault::permanent(message));
        }
    }
    let Some(taking) = snapshot else {
        return Ok(Progress::Done("deleted".to_owned()));
    };
    let name = taking::name::<F>(cx, target);
    match taking.stands::<F>(cx, &name).await? {
        Stand::Pending(taking, wait) => again(Some(taking), wait),
        Stand::Available(_) => {
            Ok(Progress::Done(format!("deleted; its final snapshot is `{name}`")))
        }
    }
}

const PROTECTED: &str = "it is protected from being deleted";

fn judge(params: &Params, it: &Facts<'_>) -> Verdict {
    let leave = |reason: String| Verdict::Leave { reason };
    if let Some(reason) = out_of_bounds(it, Some(OF_CLUSTERS.name)).or_else(|| needed(it)) {
        return leave(reason);
    }
    let last = params.final_snapshot;
    if last && it.kind == Kind::Instance && it.is_replica {
        let otherwise = "say `final-snapshot: false`";
        return leave(format!("AWS takes no final snapshot of a read replica: {otherwise}"));
    }
    let wait = match readiness(it) {
        Readiness::Ready => None,
        Readiness::Busy => Some(format!("it is `{}`: when it is available", it.state)),
        Readiness::Stuck if ["deleting", "stopping"].contains(&it.state) => {
            return leave(format!("it is `{}`", it.state));
        }
        Readiness::Stuck if last => {
            return leave(format!("it is `{}`, and AWS takes no final snapshot then", it.state));
        }
        Readiness::Stuck if it.kind == Kind::Cluster => {
            return leave(format!("it is `{}`, and AWS deletes no such cluster", it.state));
        }
        Readiness::Stuck => None,
    };
    let members = match it.members.len() {
        0 => String::new(),
        1 => " with its instance".to_owned(),
        count => format!(" with its {count} instances"),
    };
    let effect = match last {
        true => format!("take a final snapshot, and delete{members}"),
        false => format!("delete{members}, without a final snapshot"),
    };
    let room = last.then(|| params.tags().without_room(it)).flatten();
    let reasons: Vec<String> = [wait, room].into_iter().flatten().collect();
    Verdict::Act { effect, reason: (!reasons.is_empty()).then(|| reasons.join("; ")) }
}

/// Why it must stay.
fn needed(it: &Facts<'_>) -> Option<String> {
    let why = match it.global_cluster {
        _ if it.is_protected => PROTECTED,
        _ if it.replicas > 0 => "it has read replicas",
        Some(_) => "it is a part of an Aurora global database",
        None => return None,
    };
    Some(why.to_owned())
}

#[cfg(test)]
mod tests;
