//! DB clusters, and `DescribeDBClusters`.

use std::sync::Arc;

use jiff::Timestamp;
use lamplighter_core::{Place, Tags};
use serde::{Deserialize, Serialize};

use super::{
    At, Rds,
    instances::{Instance, port, version},
    kind::Kind,
    listing::{self, Filter, Page},
    status::{Life, Status, Wish},
    tags::TagList,
};
use crate::{
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// A DB cluster. Its members are the instances that say so.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cluster {
    pub(crate) name: Box<str>,
    /// Such as `cluster-ABCDEFGHIJKL`; never that of another cluster, even of the same name.
    pub(crate) resource_id: Box<str>,
    pub(crate) engine: Arc<str>,
    pub(crate) engine_version: Arc<str>,
    /// `provisioned`, or `serverless` for Aurora Serverless v1.
    pub(crate) engine_mode: Arc<str>,
    pub(crate) life: Life,
    pub(crate) storage_gib: u32,
    pub(crate) zones: Vec<Arc<str>>,
    pub(crate) created_at: Timestamp,
    /// The ARN of the key that it is encrypted with.
    pub(crate) key: Option<Arc<str>>,
    /// The Aurora global database that it is a part of.
    pub(crate) global: Option<Box<str>>,
    /// The ARN of the cluster or instance that it is a read replica of.
    pub(crate) replica_of: Option<Box<str>>,
    /// The ARNs of its read replicas that are clusters.
    pub(crate) replicas: Vec<Box<str>>,
    /// Whether its snapshots get its tags.
    pub(crate) copy_tags_to_snapshot: bool,
    pub(crate) deletion_protection: bool,
    pub(crate) backup_retention_days: u32,
    pub(crate) tags: Tags,
}

impl Cluster {
    /// A cluster that runs, without members, neither encrypted nor tagged.
    pub(crate) fn available(name: &str, engine: &str, created_at: Timestamp) -> Cluster {
        Cluster {
            name: name.into(),
            resource_id: format!("cluster-{}", name.to_ascii_uppercase()).into(),
            engine: engine.into(),
            engine_version: version(engine).into(),
            engine_mode: "provisioned".into(),
            life: Life::steady(Status::Available),
            storage_gib: 1,
            zones: ["eu-west-1a", "eu-west-1b", "eu-west-1c"].map(Arc::from).to_vec(),
            created_at,
            key: None,
            global: None,
            replica_of: None,
            replicas: Vec::new(),
            copy_tags_to_snapshot: false,
            deletion_protection: false,
            backup_retention_days: 1,
            tags: Tags::new(),
        }
    }
}

/// Whether clusters of this engine are Multi-AZ DB clusters: the engines that instances have too.
/// Source: RDS User Guide, "Multi-AZ DB cluster deployments".
pub(crate) fn is_multi_az(engine: &str) -> bool {
    !["aurora", "docdb", "neptune"].iter().any(|it| engine.starts_with(it))
}

/// `DescribeDBClusters`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct DescribeDBClusters {
    #[serde(rename = "DBClusterIdentifier")]
    pub(crate) name: Option<String>,
    pub(crate) filters: Vec<Filter>,
    pub(crate) max_records: Option<u32>,
    pub(crate) marker: Option<String>,
}

/// What `DescribeDBClusters` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Clusters<'s> {
    #[serde(rename = "DBClusters")]
    pub(crate) clusters: Vec<Shown<'s>>,
    pub(crate) marker: Option<String>,
}

/// One cluster, as calls that change it answer it.
#[derive(Serialize)]
pub(crate) struct OneCluster<'s> {
    #[serde(rename = "DBCluster")]
    cluster: Shown<'s>,
}

/// A cluster in an answer.
#[derive(Serialize)]
#[serde(rename = "DBCluster", rename_all = "PascalCase")]
pub(crate) struct Shown<'s> {
    pub(super) allocated_storage: u32,
    pub(super) availability_zones: Vec<AvailabilityZone<'s>>,
    pub(super) backup_retention_period: u32,
    #[serde(rename = "DBClusterIdentifier")]
    pub(super) name: &'s str,
    pub(super) status: Status,
    #[serde(rename = "MultiAZ")]
    pub(super) multi_az: bool,
    pub(super) engine: &'s str,
    pub(super) engine_version: &'s str,
    pub(super) engine_mode: &'s str,
    pub(super) endpoint: String,
    pub(super) port: u16,
    pub(super) master_username: &'static str,
    pub(super) replication_source_identifier: Option<&'s str>,
    pub(super) read_replica_identifiers: Vec<ReadReplicaIdentifier<'s>>,
    #[serde(rename = "DBClusterMembers")]
    pub(super) members: Vec<DBClusterMember<'s>>,
    pub(super) storage_encrypted: bool,
    pub(super) kms_key_id: Option<&'s str>,
    pub(super) db_cluster_resource_id: &'s str,
    #[serde(rename = "DBClusterArn")]
    pub(super) arn: String,
    pub(super) cluster_create_time: At,
    pub(super) deletion_protection: bool,
    pub(super) copy_tags_to_snapshot: bool,
    pub(super) tag_list: TagList<'s>,
    pub(super) global_cluster_identifier: Option<&'s str>,
    pub(super) automatic_restart_time: Option<At>,
}

/// The name of a zone in a list of them.
#[derive(Serialize)]
pub(crate) struct AvailabilityZone<'s>(pub(crate) &'s str);

#[derive(Serialize)]
pub(super) struct ReadReplicaIdentifier<'s>(pub(super) &'s str);

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DBClusterMember<'s> {
    #[serde(rename = "DBInstanceIdentifier")]
    pub(super) name: &'s str,
    pub(super) is_cluster_writer: bool,
    #[serde(rename = "DBClusterParameterGroupStatus")]
    pub(super) parameters: &'static str,
    pub(super) promotion_tier: u8,
}

impl<'s> Shown<'s> {
    fn of(cx: &'s Cx<'_>, it: &'s Cluster) -> Shown<'s> {
        Shown::at(cx.place, &cx.here().rds, cx.seen, it)
    }

    /// The cluster, as a describe shows it that sees what was at an instant.
    pub(crate) fn at(place: &Place, rds: &'s Rds, seen: Timestamp, it: &'s Cluster) -> Shown<'s> {
        let members = rds.instances.after(None, seen).filter_map(|(name, other)| {
            let member = other.member.as_ref().filter(|to| to.cluster == it.name)?;
            let is_cluster_writer = member.writer;
            Some(DBClusterMember {
                name,
                is_cluster_writer,
                parameters: "in-sync",
                promotion_tier: 1,
            })
        });
        let members: Vec<DBClusterMember<'_>> = members.collect();
        Shown {
            allocated_storage: it.storage_gib,
            availability_zones: it.zones.iter().map(|it| AvailabilityZone(it)).collect(),
            backup_retention_period: it.backup_retention_days,
            name: &it.name,
            status: it.life.status,
            multi_az: is_multi_az(&it.engine) || members.len() > 1,
            engine: &it.engine,
            engine_version: &it.engine_version,
            engine_mode: &it.engine_mode,
            endpoint: format!("{}.cluster-simulated.{}.rds.amazonaws.com", it.name, place.region),
            port: port(&it.engine),
            master_username: "admin",
            replication_source_identifier: it.replica_of.as_deref(),
            read_replica_identifiers: it
                .replicas
                .iter()
                .map(|it| ReadReplicaIdentifier(it))
                .collect(),
            members,
            storage_encrypted: it.key.is_some(),
            kms_key_id: it.key.as_deref(),
            db_cluster_resource_id: &it.resource_id,
            arn: Kind::Cluster.database_arn(place, &it.name),
            cluster_create_time: At(it.created_at),
            deletion_protection: it.deletion_protection,
            copy_tags_to_snapshot: it.copy_tags_to_snapshot,
            tag_list: TagList(&it.tags),
            global_cluster_identifier: it.global.as_deref(),
            automatic_restart_time: it.life.restarts_at().map(At),
        }
    }
}

const FILTERS: [&str; 5] =
    ["clone-group-id", "db-cluster-id", "db-cluster-resource-id", "domain", "engine"];

impl Operation for DescribeDBClusters {
    const SPEC: Spec = super::spec("DescribeDBClusters", Access::Reads);

    type Answer<'s> = Clusters<'s>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![Kind::Cluster.database_need(
            cx,
            "rds:DescribeDBClusters",
            self.name.as_deref().unwrap_or("*"),
        )]
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<Clusters<'s>, Refusal> {
        let cx = &*cx;
        listing::check_filters(&self.filters, &FILTERS)?;
        let admits = |it: &Cluster| {
            listing::admits(&self.filters, |name, test| match name {
                "db-cluster-id" => {
                    test(&it.name) || test(&Kind::Cluster.database_arn(cx.place, &it.name))
                }
                "db-cluster-resource-id" => test(&it.resource_id),
                "engine" => test(&it.engine),
                _ => false,
            })
        };
        let found = Kind::Cluster.described(&cx.here().rds.clusters, cx, self.name.as_deref())?;
        let page = Page { max_records: self.max_records, marker: self.marker.as_deref() };
        let asked = (Self::SPEC.name, &(&self.name, &self.filters));
        let shows = |it: &&'s Cluster| admits(it).then(|| Shown::of(cx, it));
        let (clusters, marker) = page.of(cx, asked, &found, shows)?;
        Ok(Clusters { clusters, marker })
    }
}

/// Refuses what a cluster's state does not allow.
pub(crate) fn check_state(it: &Cluster, wish: Wish) -> Result<(), Refusal> {
    if it.life.status.lets_cluster(wish) {
        return Ok(());
    }
    let state = if wish == Wish::Start { "stopped" } else { "available" };
    let message = format!("DBCluster {} is not currently in the {state} state.", it.name);
    Err(Refusal::new("InvalidDBClusterStateFault", message))
}

/// The members of a cluster.
pub(crate) fn members<'s>(cx: &'s Cx<'_>, name: &'s str) -> impl Iterator<Item = &'s Instance> {
    let instances = cx.here().rds.instances.iter().map(|(_, it)| it);
    instances.filter(move |it| it.member.as_ref().is_some_and(|it| *it.cluster == *name))
}

/// The answer of a call that has changed a cluster.
pub(crate) fn answer<'s>(cx: &'s Cx<'_>, name: &str) -> Result<OneCluster<'s>, Refusal> {
    let found = cx.here().rds.clusters.get(name).ok_or_else(|| Kind::Cluster.no_database(name))?;
    Ok(OneCluster { cluster: Shown::of(cx, found) })
}

#[cfg(test)]
mod tests;
