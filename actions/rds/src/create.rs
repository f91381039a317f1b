//! `rds.snapshot.create` and `rds.cluster-snapshot.create`: starts a snapshot, then looks at it
//! until it is available.
//!
//! Idempotency: *named*. A snapshot's name is unique in an account and region, and this one's is
//! made of the job.

use std::{collections::BTreeMap, marker::PhantomData, time::Duration};

use async_trait::async_trait;
use lamplighter_core::{
    Action, Doing, Fault, Progress, Spec, StepCx, Verdict,
    action::{BadParams, Effect, LookCx, PlanCx},
    cloud::rds::{Kind, Quota},
    tagging::TagNames,
    template::Template,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    bounds::{Readiness, out_of_bounds, readiness},
    family::{AnyDatabase, Clusters, Facts, Family, Instances},
    tags::Asked,
    taking::{self, Begun, Stand, Taking},
};

/// Parameters of `rds.snapshot.create` and `rds.cluster-snapshot.create`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// Tags of the snapshot: names, and values with placeholders. They win over copied ones. In a
    /// value, what RDS does not take becomes `_`: it takes letters, digits, blanks and
    /// `_.:/=+-@`, 256 at most.
    #[serde(default)]
    tags: BTreeMap<String, Template>,
    /// Names of the database's tags to copy to the snapshot. `*` stands for any text and `?` for
    /// one character, so `"*"` alone copies all. Tags of AWS (`aws:…`) and of Lamplighter are
    /// never copied. A database with `CopyTagsToSnapshot` hands all of its tags on by itself.
    #[serde(default)]
    copy_tags: TagNames,
}

impl Params {
    fn tags(&self) -> Asked<'_> {
        Asked { own: &self.tags, copied: &self.copy_tags }
    }
}

/// How many manual snapshots there are and may be, if AWS says it.
#[derive(Debug, Default)]
pub struct Room(Option<Quota>);

/// Starts a snapshot of each database and waits until it is available.
pub struct CreateSnapshot<F>(PhantomData<F>);

impl CreateSnapshot<Instances> {
    /// `rds.snapshot.create`.
    pub const OF_INSTANCES: Self = CreateSnapshot(PhantomData);
}

impl CreateSnapshot<Clusters> {
    /// `rds.cluster-snapshot.create`.
    pub const OF_CLUSTERS: Self = CreateSnapshot(PhantomData);
}

const OF_INSTANCES: Spec = Spec {
    name: "rds.snapshot.create",
    summary: "Creates a snapshot of each selected DB instance.",
    permissions: &[
        "rds:AddTagsToResource",
        "rds:CreateDBSnapshot",
        "rds:DescribeAccountAttributes",
        "rds:DescribeDBSnapshots",
    ],
    elsewhere: &[],
    effect: Effect::Creates,
    timeout: Duration::from_secs(24 * 3600),
    gate: None,
};

const OF_CLUSTERS: Spec = Spec {
    name: "rds.cluster-snapshot.create",
    summary: "Creates a snapshot of each selected DB cluster.",
    permissions: &[
        "rds:AddTagsToResource",
        "rds:CreateDBClusterSnapshot",
        "rds:DescribeAccountAttributes",
        "rds:DescribeDBClusterSnapshots",
    ],
    ..OF_INSTANCES
};

#[async_trait]
impl<F: Family> Action for CreateSnapshot<F> {
    type Params = Params;
    type Target = F::Database;
    type State = Taking;
    type Known = Room;

    const SPEC: Spec = match F::KIND {
        Kind::Instance => OF_INSTANCES,
        Kind::Cluster => OF_CLUSTERS,
    };

    fn check(params: &Params) -> Result<(), BadParams> {
        params.tags().check()
    }

    async fn look(cx: &LookCx<'_>, _: &Params, _: &[F::Database]) -> Result<Room, Fault> {
        let quota = cx.here.rds().quota(F::KIND).await;
        quota.map(Room).doing("looking at the quota of manual snapshots")
    }

    fn plan(
        params: &Params,
        _: &PlanCx<'_>,
        found: &[F::Database],
        Room(quota): &Room,
    ) -> Vec<Verdict> {
        let mut room = quota.map(|it| it.most.saturating_sub(it.used));
        let judge = |it: &F::Database| match judge(params, &it.facts()) {
            Ok(reasons) => {
                let full = room == Some(0);
                room = room.map(|it| it.saturating_sub(1));
                act(&it.facts(), reasons, quota.filter(|_| full))
            }
            Err(reason) => Verdict::Leave { reason },
        };
        found.iter().map(judge).collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        params: &Params,
        database: &F::Database,
        state: Option<Taking>,
    ) -> Result<Progress<Taking>, Fault> {
        let Some(taking) = state else {
            let tags = params.tags().of(cx, &database.facts());
            return Ok(match taking::begin::<F>(cx, database, tags).await? {
                Begun::Taking(taking) => {
                    let (state, wait) = taking.first_look();
                    Progress::Again { state, wait }
                }
                Begun::Wait(wait) => Progress::Later { wait },
                Begun::Cannot(why) => return Err(Fault::permanent(why)),
            });
        };
        let name = taking::name::<F>(cx, database);
        Ok(match taking.stands::<F>(cx, &name).await? {
            Stand::Available => Progress::Done(format!("created `{name}`")),
            Stand::Pending(state, wait) => Progress::Again { state, wait },
        })
    }
}

/// What is to be said of a snapshot that is taken, or why none is.
fn judge(params: &Params, it: &Facts<'_>) -> Result<Vec<String>, String> {
    if let Some(reason) = out_of_bounds(it, Some(OF_CLUSTERS.name)) {
        return Err(reason);
    }
    let wait = match readiness(it) {
        Readiness::Stuck => {
            return Err(format!("it is `{}`, and AWS takes no snapshot of it then", it.state));
        }
        Readiness::Busy => Some(format!("it is `{}`: when it is available", it.state)),
        Readiness::Ready => None,
    };
    Ok([wait, params.tags().without_room(it)].into_iter().flatten().collect())
}

fn act(it: &Facts<'_>, mut reasons: Vec<String>, full: Option<Quota>) -> Verdict {
    reasons.extend(full.map(|quota| {
        format!(
            "when there is room: the region has {} manual snapshots of at most {}",
            quota.used, quota.most
        )
    }));
    let size = it.size_gib.map(|size| format!(" of {size} GiB")).unwrap_or_default();
    let reason = (!reasons.is_empty()).then(|| reasons.join("; "));
    Verdict::Act { effect: format!("create a snapshot{size}"), reason }
}

#[cfg(test)]
mod tests;
