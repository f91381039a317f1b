//! `rds.instance.start` and `rds.cluster.start`: start databases and see that they run.
//!
//! Idempotency: *converging*. A database that runs is not started again.

use std::{marker::PhantomData, time::Duration};

use async_trait::async_trait;
use lamplighter_core::{
    Action, Fault, Progress, Spec, StepCx, Verdict,
    action::{Effect, PlanCx},
    cloud::rds::Kind,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    bounds::{look, out_of_bounds},
    family::{AnyDatabase, Clusters, Facts, Family, Instances},
    launch::{Launch, Launched},
};

/// Parameters of `rds.instance.start` and `rds.cluster.start`: none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {}

/// What the job remembers.
#[derive(Debug, Serialize, Deserialize)]
pub struct Starting(Launch);

/// Starts each database that is stopped.
pub struct Start<F>(PhantomData<F>);

impl Start<Instances> {
    /// `rds.instance.start`.
    pub const OF_INSTANCES: Self = Start(PhantomData);
}

impl Start<Clusters> {
    /// `rds.cluster.start`.
    pub const OF_CLUSTERS: Self = Start(PhantomData);
}

const OF_INSTANCES: Spec = Spec {
    name: "rds.instance.start",
    summary: "Starts each selected DB instance that is stopped.",
    permissions: &["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "rds:StartDBInstance"],
    elsewhere: &[],
    effect: Effect::Changes,
    timeout: Duration::from_secs(3 * 3600),
    gate: None,
};

const OF_CLUSTERS: Spec = Spec {
    name: "rds.cluster.start",
    summary: "Starts each selected Aurora cluster that is stopped.",
    permissions: &["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "rds:StartDBCluster"],
    ..OF_INSTANCES
};

#[async_trait]
impl<F: Family> Action for Start<F> {
    type Params = Params;
    type Target = F::Database;
    type State = Starting;
    type Known = ();

    const SPEC: Spec = match F::KIND {
        Kind::Instance => OF_INSTANCES,
        Kind::Cluster => OF_CLUSTERS,
    };

    fn plan(_: &Params, _: &PlanCx<'_>, found: &[F::Database], _: &()) -> Vec<Verdict> {
        found.iter().map(|it| judge(&it.facts())).collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        _: &Params,
        target: &F::Database,
        state: Option<Starting>,
    ) -> Result<Progress<Starting>, Fault> {
        let mut launch = state.map(|it| it.0).unwrap_or_default();
        let Some(it) = look(cx, target).await? else {
            return Ok(Progress::Skipped("it is gone".to_owned()));
        };
        Ok(match launch.step::<F>(cx, &it).await? {
            Launched::Running => Progress::Done("started".to_owned()),
            Launched::Not(wait) => Progress::Again { state: Starting(launch), wait },
            Launched::Refused(why) => return Err(Fault::permanent(why)),
        })
    }
}

fn judge(it: &Facts<'_>) -> Verdict {
    let leave = |reason: String| Verdict::Leave { reason };
    if let Some(reason) = out_of_bounds(it, Some(OF_CLUSTERS.name)) {
        return leave(reason);
    }
    match it.state {
        "stopped" => Verdict::Act { effect: "start".to_owned(), reason: None },
        "stopping" => Verdict::Act { effect: "start when it has stopped".to_owned(), reason: None },
        "available" => leave("it runs".to_owned()),
        state => leave(format!("it is `{state}`")),
    }
}

#[cfg(test)]
mod tests;
