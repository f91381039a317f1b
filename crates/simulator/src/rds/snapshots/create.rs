//! `CreateDBSnapshot` and `CreateDBClusterSnapshot`.
//!
//! Source: RDS API Reference of both; RDS User Guide, "Creating a DB snapshot for a Single-AZ DB
//! instance"; Aurora User Guide, "Creating a DB cluster snapshot".

use serde::Deserialize;

use super::{
    Snapshot, Status, begin,
    shown::{DBClusterSnapshot, DBSnapshot, OneClusterSnapshot, OneSnapshot, Seen},
};
use crate::{
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    rds::{
        self, clusters, events, instances,
        kind::Kind,
        lifecycle, names, status,
        tags::{self, Tag},
    },
    refusal::Refusal,
};

/// `CreateDBSnapshot`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateDBSnapshot {
    #[serde(rename = "DBSnapshotIdentifier")]
    pub(crate) name: String,
    #[serde(rename = "DBInstanceIdentifier")]
    pub(crate) database: String,
    #[serde(rename = "Tags", default)]
    pub(crate) tags: Vec<Tag>,
}

/// `CreateDBClusterSnapshot`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateDBClusterSnapshot {
    #[serde(rename = "DBClusterSnapshotIdentifier")]
    pub(crate) name: String,
    #[serde(rename = "DBClusterIdentifier")]
    pub(crate) database: String,
    #[serde(rename = "Tags", default)]
    pub(crate) tags: Vec<Tag>,
}

impl Operation for CreateDBSnapshot {
    const SPEC: Spec = rds::spec("CreateDBSnapshot", Access::Writes);

    type Answer<'s> = OneSnapshot<'s>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        needs(cx, Kind::Instance, &self.database, &self.name, &self.tags)
    }

    /// One at a time: while it is taken the instance is backing up.
    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<OneSnapshot<'s>, Refusal> {
        let instance = Kind::Instance.find(&cx.here().rds.instances, cx, &self.database)?;
        if let Some(member) = &instance.member {
            let message = format!(
                "The specified instance is a member of the cluster {} and a snapshot cannot be \
                 created directly. Please use the CreateDBClusterSnapshot API instead.",
                member.cluster
            );
            return Err(Refusal::new("InvalidDBInstanceState", message));
        }
        instances::check_state(instance, status::Wish::Snapshot)?;
        let name = back_up(cx, Kind::Instance, &self.database, &self.name, &self.tags)?;
        Ok(OneSnapshot { snapshot: DBSnapshot::of(&Seen::new(cx, Kind::Instance, &name)?) })
    }
}

impl Operation for CreateDBClusterSnapshot {
    const SPEC: Spec = rds::spec("CreateDBClusterSnapshot", Access::Writes);

    type Answer<'s> = OneClusterSnapshot<'s>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        needs(cx, Kind::Cluster, &self.database, &self.name, &self.tags)
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<OneClusterSnapshot<'s>, Refusal> {
        let cluster = Kind::Cluster.find(&cx.here().rds.clusters, cx, &self.database)?;
        clusters::check_state(cluster, status::Wish::Snapshot)?;
        let name = back_up(cx, Kind::Cluster, &self.database, &self.name, &self.tags)?;
        Ok(OneClusterSnapshot {
            snapshot: DBClusterSnapshot::of(&Seen::new(cx, Kind::Cluster, &name)?),
        })
    }
}

/// What it takes to take a snapshot, whatever call takes it.
/// Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon
/// RDS".
pub(crate) fn needs(
    cx: &Cx<'_>,
    kind: Kind,
    database: &str,
    name: &str,
    tags: &[Tag],
) -> Vec<Need> {
    let action = match kind {
        Kind::Instance => "rds:CreateDBSnapshot",
        Kind::Cluster => "rds:CreateDBClusterSnapshot",
    };
    let sent = tags::sent(tags);
    let mut needs =
        vec![kind.database_need(cx, action, database), kind.snapshot_need(cx, action, name)];
    for need in &mut needs {
        need.context = tags::requested(std::mem::take(&mut need.context), &sent);
    }
    let tagging = tags::needed(&kind.snapshot_arn(cx.place, &name.to_ascii_lowercase()), &sent);
    needs.extend(tagging);
    needs
}

/// Takes a snapshot while the database is backing up. Returns its name as it is kept.
fn back_up(
    cx: &mut Cx<'_>,
    kind: Kind,
    database: &str,
    name: &str,
    tags: &[Tag],
) -> Result<String, Refusal> {
    let database = database.to_ascii_lowercase();
    let name = take(cx, kind, &database, name, tags)?;
    let lasts = cx.state.dials.times.databases.snapshot;
    let status = status::Status::BackingUp;
    lifecycle::turn(cx.state, cx.place, kind, &database, status, lasts, cx.now);
    Ok(name)
}

/// Takes a snapshot of a database that is there, whatever state it is in. Returns its name as it
/// is kept.
pub(crate) fn take(
    cx: &mut Cx<'_>,
    kind: Kind,
    database: &str,
    name: &str,
    tags: &[Tag],
) -> Result<String, Refusal> {
    let words = kind.words();
    let name = names::new(words.snapshot_parameter, name, words.longest_snapshot)?;
    let sent = tags::checked(tags)?;
    let rds = &cx.here().rds;
    let (mut new, inherited) = match kind {
        Kind::Instance => {
            let it = kind.find(&rds.instances, cx, database)?;
            let tags = it.copy_tags_to_snapshot.then_some(&it.tags);
            (Snapshot::of_instance(&name, it, cx.now), tags)
        }
        Kind::Cluster => {
            let it = kind.find(&rds.clusters, cx, database)?;
            let tags = it.copy_tags_to_snapshot.then_some(&it.tags);
            (Snapshot::of_cluster(&name, it, cx.now), tags)
        }
    };
    new.tags = inherited.cloned().unwrap_or_default();
    new.tags.retain(|key, _| !key.starts_with("aws:"));
    tags::add(&mut new.tags, sent)?;
    new.status = Status::Creating;
    new.ready_at = cx.now + cx.state.dials.times.databases.snapshot;
    begin(cx, kind, new)?;
    events::of_snapshot(cx.state, cx.place, kind, &name, cx.now, events::creating(kind));
    Ok(name)
}

#[cfg(test)]
mod tests;
