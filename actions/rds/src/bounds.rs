//! Which databases are not RDS's or not the action's, and what their states let be done.

use std::time::Duration;

use lamplighter_core::{
    Doing, Fault, StepCx,
    cloud::rds::{Kind, other_service},
};

use crate::family::{AnyDatabase, Facts};

/// The wait between two looks at a database that is on its way.
/// Source: the waiters of RDS, which look every 30 seconds.
pub(crate) const LOOK: Duration = Duration::from_secs(30);
/// The wait for a database that is busy with something else.
pub(crate) const BUSY: Duration = Duration::from_secs(60);

/// Of which service this engine is, if not of RDS.
pub(crate) fn not_rds(engine: &str) -> Option<String> {
    other_service(engine).map(|it| format!("it is of {it}, not of RDS"))
}

/// Why a database is not this action's. `of_cluster` is the action for the cluster of a member.
pub(crate) fn out_of_bounds(it: &Facts<'_>, of_cluster: Option<&str>) -> Option<String> {
    if let Some(reason) = not_rds(it.engine) {
        return Some(reason);
    }
    let (cluster, instead) = (it.cluster?, of_cluster?);
    Some(format!("it is a member of the cluster `{cluster}`, which `{instead}` is for"))
}

/// Why AWS never stops and starts such a database.
/// Source: RDS User Guide, "Stopping an Amazon RDS DB instance temporarily", limitations; Aurora
/// User Guide, "Stopping and starting an Amazon Aurora DB cluster", limitations.
pub(crate) fn cannot_stop(it: &Facts<'_>) -> Option<String> {
    let engine = it.engine;
    let why = match it.kind {
        Kind::Instance if it.is_replica => "it is a read replica".to_owned(),
        Kind::Instance if it.replicas > 0 => "it has read replicas".to_owned(),
        Kind::Instance if engine.starts_with("sqlserver") && it.multi_az => {
            "it is an SQL Server with a standby".to_owned()
        }
        Kind::Instance
            if engine.starts_with("custom-") && !engine.starts_with("custom-sqlserver") =>
        {
            format!("its engine is `{engine}`")
        }
        Kind::Cluster if !engine.starts_with("aurora") => "it is a Multi-AZ DB cluster".to_owned(),
        Kind::Cluster if it.engine_mode.is_some_and(|it| it != "provisioned") => {
            "it is Aurora Serverless v1".to_owned()
        }
        Kind::Cluster if it.global_cluster.is_some() => {
            "it is a part of an Aurora global database".to_owned()
        }
        Kind::Cluster if it.is_replica || it.replicas > 0 => {
            "it replicates across regions".to_owned()
        }
        Kind::Instance | Kind::Cluster => return None,
    };
    Some(format!("AWS stops and starts no such database: {why}"))
}

/// How it stands with a database that must be available.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readiness {
    /// It is.
    Ready,
    /// AWS is doing something with it and will be done.
    Busy,
    /// It will not be by itself.
    Stuck,
}

/// States from which a database does not come back by itself, or only to go.
/// Source: RDS User Guide, "Viewing Amazon RDS DB instance status"; Aurora User Guide, "Viewing
/// DB cluster status".
const STUCK: [&str; 9] = [
    "delete-precheck",
    "deleted",
    "deleting",
    "failed",
    "insufficient-capacity",
    "restore-error",
    "stopped",
    "stopping",
    "storage-full",
];
/// The same, by how they begin.
const STUCK_IN: [&str; 2] = ["inaccessible-", "incompatible-"];

/// How it stands with a database that must be available. An instance may be optimizing its
/// storage meanwhile. Source: RDS API Reference, `CreateDBSnapshot`.
pub(crate) fn readiness(it: &Facts<'_>) -> Readiness {
    match it.state {
        "available" => Readiness::Ready,
        "storage-optimization" if it.kind == Kind::Instance => Readiness::Ready,
        state if STUCK.contains(&state) => Readiness::Stuck,
        state if STUCK_IN.iter().any(|it| state.starts_with(it)) => Readiness::Stuck,
        _ => Readiness::Busy,
    }
}

/// The database as AWS shows it, if it is still the same one.
pub(crate) async fn look<D: AnyDatabase>(cx: &StepCx<'_>, target: &D) -> Result<Option<D>, Fault> {
    let Facts { id, resource_id, .. } = target.facts();
    let found = D::find(cx.here.rds(), id).await.doing(format!("looking at `{id}`"))?;
    Ok(found.filter(|it| it.facts().resource_id == resource_id))
}

/// Whether a fault has one of these codes.
pub(crate) fn has_code(fault: &Fault, codes: &[&str]) -> bool {
    fault.code.as_deref().is_some_and(|code| codes.contains(&code))
}
