//! `DeleteDBInstance` and `DeleteDBCluster`.
//!
//! Source: RDS API Reference, `DeleteDBInstance`, `DeleteDBCluster`; RDS User Guide, "Deleting a
//! DB instance".

use serde::Deserialize;

use super::{
    clusters::{self, OneCluster},
    instances::{self, OneInstance},
    kind::Kind,
    lifecycle,
    snapshots::create,
    status::{Status, Wish},
};
use crate::{
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// `DeleteDBInstance`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct DeleteDBInstance {
    #[serde(rename = "DBInstanceIdentifier")]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) skip_final_snapshot: bool,
    #[serde(rename = "FinalDBSnapshotIdentifier")]
    pub(crate) final_snapshot: Option<String>,
}

/// `DeleteDBCluster`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct DeleteDBCluster {
    #[serde(rename = "DBClusterIdentifier")]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) skip_final_snapshot: bool,
    #[serde(rename = "FinalDBSnapshotIdentifier")]
    pub(crate) final_snapshot: Option<String>,
}

impl Operation for DeleteDBInstance {
    const SPEC: Spec = super::spec("DeleteDBInstance", Access::Writes);

    type Answer<'s> = OneInstance<'s>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        let kind = Kind::Instance;
        needs(cx, kind, "rds:DeleteDBInstance", &self.name, self.final_snapshot.as_deref())
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<OneInstance<'s>, Refusal> {
        let instance = Kind::Instance.find(&cx.here().rds.instances, cx, &self.name)?;
        let mut last = self.final_snapshot.as_deref();
        if let Some(what) = instance.member.as_ref().map(|_| "cluster") {
            check_has_no_final_snapshot(what, last)?;
        } else if instance.replica_of.is_some() && (last.is_some() || !self.skip_final_snapshot) {
            check_has_no_final_snapshot("read replica", last.or(Some("")))?;
        } else {
            last = final_snapshot(self.skip_final_snapshot, last)?;
        }
        check_unprotected(instance.deletion_protection, "DB Instance")?;
        let wish = if last.is_some() { Wish::Snapshot } else { Wish::Delete };
        instances::check_state(instance, Wish::Delete)?;
        instances::check_state(instance, wish)?;
        let name = instance.name.clone();
        delete(cx, Kind::Instance, &name, last)?;
        instances::answer(cx, &name)
    }
}

impl Operation for DeleteDBCluster {
    const SPEC: Spec = super::spec("DeleteDBCluster", Access::Writes);

    type Answer<'s> = OneCluster<'s>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        let kind = Kind::Cluster;
        needs(cx, kind, "rds:DeleteDBCluster", &self.name, self.final_snapshot.as_deref())
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<OneCluster<'s>, Refusal> {
        let cluster = Kind::Cluster.find(&cx.here().rds.clusters, cx, &self.name)?;
        let last = final_snapshot(self.skip_final_snapshot, self.final_snapshot.as_deref())?;
        check_unprotected(cluster.deletion_protection, "Cluster")?;
        clusters::check_state(cluster, Wish::Delete)?;
        if cluster.global.is_some() {
            let message = "This cluster is a part of a global cluster, please remove it from \
                           globalcluster first";
            return Err(Refusal::new("InvalidDBClusterStateFault", message));
        }
        let alive = |it: &&instances::Instance| it.life.status != Status::Deleting;
        let multi_az = clusters::is_multi_az(&cluster.engine);
        if !multi_az && clusters::members(cx, &cluster.name).any(|it| alive(&it)) {
            let message =
                "Cluster cannot be deleted, it still contains DB instances in non-deleting state.";
            return Err(Refusal::new("InvalidDBClusterStateFault", message));
        }
        let name = cluster.name.clone();
        let members: Vec<Box<str>> =
            clusters::members(cx, &name).filter(alive).map(|it| it.name.clone()).collect();
        delete(cx, Kind::Cluster, &name, last)?;
        for member in members {
            delete(cx, Kind::Instance, &member, None)?;
        }
        clusters::answer(cx, &name)
    }
}

/// What it takes to delete a database. Deleting a cluster is allowed or not on its final snapshot, too.
/// Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon
/// RDS".
fn needs(
    cx: &Cx<'_>,
    kind: Kind,
    action: &'static str,
    name: &str,
    last: Option<&str>,
) -> Vec<Need> {
    let mut needs = vec![kind.database_need(cx, action, name)];
    if let Some(snapshot) = last {
        if kind == Kind::Cluster {
            needs.push(kind.snapshot_need(cx, action, snapshot));
        }
        needs.extend(create::needs(cx, kind, name, snapshot, &[]));
    }
    needs
}

/// Takes the final snapshot and lets the database go.
fn delete(cx: &mut Cx<'_>, kind: Kind, name: &str, last: Option<&str>) -> Result<(), Refusal> {
    let times = cx.state.dials.times.databases.clone();
    let mut lasts = times.delete;
    if let Some(snapshot) = last {
        create::take(cx, kind, name, snapshot, &[])?;
        lasts += times.snapshot;
    }
    lifecycle::turn(cx.state, cx.place, kind, name, Status::Deleting, lasts, cx.now);
    Ok(())
}

/// A final snapshot is taken unless it is skipped, and one of both must be said.
fn final_snapshot(skip: bool, name: Option<&str>) -> Result<Option<&str>, Refusal> {
    let message = match (skip, name) {
        (true, None) | (false, Some(_)) => return Ok(name),
        (true, Some(_)) => {
            "FinalDBSnapshotIdentifier can not be specified when SkipFinalSnapshot \
                            is specified."
        }
        (false, None) => {
            "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is \
                          specified."
        }
    };
    Err(Refusal::new("InvalidParameterCombination", message))
}

/// Members of clusters, and read replicas, have no final snapshot.
fn check_has_no_final_snapshot(what: &str, name: Option<&str>) -> Result<(), Refusal> {
    if name.is_none() {
        return Ok(());
    }
    let message =
        format!("FinalDBSnapshotIdentifier can not be specified when deleting a {what} instance");
    Err(Refusal::new("InvalidParameterCombination", message))
}

fn check_unprotected(protected: bool, what: &str) -> Result<(), Refusal> {
    if !protected {
        return Ok(());
    }
    let message = format!(
        "Cannot delete protected {what}, please disable deletion protection and try again."
    );
    Err(Refusal::new("InvalidParameterCombination", message))
}

#[cfg(test)]
mod tests;
