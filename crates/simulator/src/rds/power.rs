//! Starting, stopping and rebooting.
//!
//! Source: RDS User Guide, "Stopping an Amazon RDS DB instance temporarily", limitations; Aurora
//! User Guide, "Stopping and starting an Amazon Aurora DB cluster", limitations.

use serde::Deserialize;

use super::{
    clusters::{self, Cluster, OneCluster, is_multi_az},
    instances::{self, Instance, OneInstance},
    keys,
    kind::Kind,
    lifecycle,
    snapshots::create,
    status::{Status, Wish},
};
use crate::{
    iam::Need,
    kms::Use,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// `StartDBInstance`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StartDBInstance {
    #[serde(rename = "DBInstanceIdentifier")]
    pub(crate) name: String,
}

/// `StopDBInstance`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StopDBInstance {
    #[serde(rename = "DBInstanceIdentifier")]
    pub(crate) name: String,
    /// The name of a snapshot that is taken before it stops.
    #[serde(rename = "DBSnapshotIdentifier")]
    pub(crate) snapshot: Option<String>,
}

/// `RebootDBInstance`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RebootDBInstance {
    #[serde(rename = "DBInstanceIdentifier")]
    pub(crate) name: String,
    /// Only what has a standby can fail over to it.
    #[serde(rename = "ForceFailover", default)]
    pub(crate) force_failover: bool,
}

/// `StartDBCluster`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StartDBCluster {
    #[serde(rename = "DBClusterIdentifier")]
    pub(crate) name: String,
}

/// `StopDBCluster`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StopDBCluster {
    #[serde(rename = "DBClusterIdentifier")]
    pub(crate) name: String,
}

impl Operation for StartDBInstance {
    const SPEC: Spec = super::spec("StartDBInstance", Access::Writes);

    type Answer<'s> = OneInstance<'s>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![Kind::Instance.database_need(cx, "rds:StartDBInstance", &self.name)]
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<OneInstance<'s>, Refusal> {
        let instance = Kind::Instance.find(&cx.here().rds.instances, cx, &self.name)?;
        check_stoppable(cx, instance)?;
        instances::check_state(instance, Wish::Start)?;
        let (name, key) = (instance.name.clone(), instance.key.clone());
        use_key(cx, key.as_deref())?;
        let lasts = cx.state.dials.times.databases.start;
        lifecycle::turn(cx.state, cx.place, Kind::Instance, &name, Status::Starting, lasts, cx.now);
        instances::answer(cx, &name)
    }
}

impl Operation for StopDBInstance {
    const SPEC: Spec = super::spec("StopDBInstance", Access::Writes);

    type Answer<'s> = OneInstance<'s>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        let mut needs = vec![Kind::Instance.database_need(cx, "rds:StopDBInstance", &self.name)];
        if let Some(snapshot) = &self.snapshot {
            needs.extend(create::needs(cx, Kind::Instance, &self.name, snapshot, &[]));
        }
        needs
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<OneInstance<'s>, Refusal> {
        let instance = Kind::Instance.find(&cx.here().rds.instances, cx, &self.name)?;
        check_stoppable(cx, instance)?;
        instances::check_state(instance, Wish::Stop)?;
        let name = instance.name.clone();
        let times = cx.state.dials.times.databases.clone();
        let mut lasts = times.stop;
        if let Some(snapshot) = &self.snapshot {
            create::take(cx, Kind::Instance, &name, snapshot, &[])?;
            lasts += times.snapshot;
        }
        lifecycle::turn(cx.state, cx.place, Kind::Instance, &name, Status::Stopping, lasts, cx.now);
        instances::answer(cx, &name)
    }
}

impl Operation for RebootDBInstance {
    const SPEC: Spec = super::spec("RebootDBInstance", Access::Writes);

    type Answer<'s> = OneInstance<'s>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![Kind::Instance.database_need(cx, "rds:RebootDBInstance", &self.name)]
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<OneInstance<'s>, Refusal> {
        let instance = Kind::Instance.find(&cx.here().rds.instances, cx, &self.name)?;
        instances::check_state(instance, Wish::Reboot)?;
        if self.force_failover && !instance.multi_az && instance.member.is_none() {
            let message = "ForceFailover cannot be specified since the instance is not configured \
                           for either MultiAZ or High Availability.";
            return Err(Refusal::new("InvalidParameterCombination", message));
        }
        let name = instance.name.clone();
        let lasts = cx.state.dials.times.databases.reboot;
        let status = Status::Rebooting;
        lifecycle::turn(cx.state, cx.place, Kind::Instance, &name, status, lasts, cx.now);
        instances::answer(cx, &name)
    }
}

impl Operation for StartDBCluster {
    const SPEC: Spec = super::spec("StartDBCluster", Access::Writes);

    type Answer<'s> = OneCluster<'s>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![Kind::Cluster.database_need(cx, "rds:StartDBCluster", &self.name)]
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<OneCluster<'s>, Refusal> {
        let cluster = Kind::Cluster.find(&cx.here().rds.clusters, cx, &self.name)?;
        check_cluster_stoppable(cluster)?;
        clusters::check_state(cluster, Wish::Start)?;
        let (name, key) = (cluster.name.clone(), cluster.key.clone());
        use_key(cx, key.as_deref())?;
        let lasts = cx.state.dials.times.databases.start;
        lifecycle::turn(cx.state, cx.place, Kind::Cluster, &name, Status::Starting, lasts, cx.now);
        clusters::answer(cx, &name)
    }
}

impl Operation for StopDBCluster {
    const SPEC: Spec = super::spec("StopDBCluster", Access::Writes);

    type Answer<'s> = OneCluster<'s>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![Kind::Cluster.database_need(cx, "rds:StopDBCluster", &self.name)]
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<OneCluster<'s>, Refusal> {
        let cluster = Kind::Cluster.find(&cx.here().rds.clusters, cx, &self.name)?;
        check_cluster_stoppable(cluster)?;
        clusters::check_state(cluster, Wish::Stop)?;
        for member in clusters::members(cx, &cluster.name) {
            instances::check_state(member, Wish::Stop)?;
        }
        let name = cluster.name.clone();
        let lasts = cx.state.dials.times.databases.stop;
        lifecycle::turn(cx.state, cx.place, Kind::Cluster, &name, Status::Stopping, lasts, cx.now);
        clusters::answer(cx, &name)
    }
}

/// What is encrypted starts only when its key can be used.
fn use_key(cx: &mut Cx<'_>, key: Option<&str>) -> Result<(), Refusal> {
    let what = ("The KMS key", Use::RDS_START);
    key.map_or(Ok(()), |key| keys::use_(cx, what, key))
}

/// Refuses instances that are never stopped and started by themselves.
fn check_stoppable(cx: &Cx<'_>, it: &Instance) -> Result<(), Refusal> {
    let refused = |code, message| Err(Refusal::new(code, message));
    let (combination, state) = ("InvalidParameterCombination", "InvalidDBInstanceState");
    if it.member.is_some() {
        let message =
            format!("{} DB instances are not eligible for stopping and starting.", it.engine);
        return refused(combination, message);
    }
    let mut others = cx.here().rds.instances.iter();
    if it.replica_of.is_some() {
        return refused(state, "Cannot stop or start a read replica.".into());
    }
    if others.any(|(_, other)| other.replica_of.as_ref() == Some(&it.name)) {
        return refused(state, "Cannot stop or start a DB instance with read replicas.".into());
    }
    if it.engine.starts_with("sqlserver") && it.multi_az {
        let message = "Cannot stop or start a SQL Server DB instance with mirroring.";
        return refused(state, message.into());
    }
    if it.engine.starts_with("custom-") && !it.engine.starts_with("custom-sqlserver") {
        return refused(combination, format!("{} cannot be stopped or started.", it.engine));
    }
    Ok(())
}

/// Refuses clusters that are never stopped and started.
fn check_cluster_stoppable(it: &Cluster) -> Result<(), Refusal> {
    let why = if is_multi_az(&it.engine) {
        "Multi-AZ DB clusters"
    } else if &*it.engine_mode != "provisioned" {
        "Aurora Serverless clusters"
    } else if it.global.is_some() {
        "clusters of an Aurora global database"
    } else if it.replica_of.is_some() || !it.replicas.is_empty() {
        "clusters that replicate across regions"
    } else {
        return Ok(());
    };
    let message = format!("DBCluster {}: {why} cannot be stopped or started.", it.name);
    Err(Refusal::new("InvalidDBClusterStateFault", message))
}

#[cfg(test)]
mod tests;
