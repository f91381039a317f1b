//! Snapshots in answers.

use jiff::Timestamp;
use lamplighter_core::Place;
use serde::Serialize;

use super::Snapshot;
use crate::{
    operation::Cx,
    rds::{At, clusters::AvailabilityZone, instances::port, kind::Kind, tags::TagList},
    refusal::Refusal,
};

/// A snapshot as somebody sees it.
#[derive(Clone, Debug)]
pub(crate) struct Seen<'s> {
    pub(crate) snapshot: &'s Snapshot,
    /// Where it is.
    pub(crate) place: Place,
    /// Who sees it.
    pub(crate) by: By,
    /// The instant at which it is seen.
    pub(crate) at: Timestamp,
}

/// Who sees a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Owner,
    /// An account that it is shared with.
    Friend,
    /// Anybody.
    Anybody,
}

impl<'s> Seen<'s> {
    /// A snapshot that a call has just made.
    pub(crate) fn new(cx: &'s Cx<'_>, kind: Kind, name: &str) -> Result<Seen<'s>, Refusal> {
        let found = cx.here().rds.snapshots(kind).get(name);
        let snapshot = found.ok_or_else(|| kind.no_snapshot(name))?;
        Ok(Seen { snapshot, place: cx.place.clone(), by: By::Owner, at: cx.now })
    }

    /// `manual`, `automated`, `awsbackup`, `shared` or `public`.
    pub(crate) fn kind_of_type(&self) -> &'static str {
        match self.by {
            By::Owner => self.snapshot.origin.as_str(),
            By::Friend => "shared",
            By::Anybody => "public",
        }
    }

    /// The owner sees the name, others the ARN.
    fn name(&self, arn: &str) -> String {
        match self.by {
            By::Owner => self.snapshot.name.to_string(),
            By::Friend | By::Anybody => arn.to_owned(),
        }
    }

    /// Others do not see the owner's tags.
    fn tags(&self) -> TagList<'s> {
        match self.by {
            By::Owner => TagList(&self.snapshot.tags),
            By::Friend | By::Anybody => TagList::NONE,
        }
    }
}

/// A snapshot of an instance in an answer.
#[derive(Serialize)]
#[serde(rename = "DBSnapshot", rename_all = "PascalCase")]
pub(crate) struct DBSnapshot<'s> {
    #[serde(rename = "DBSnapshotIdentifier")]
    pub(in crate::rds) name: String,
    #[serde(rename = "DBInstanceIdentifier")]
    pub(in crate::rds) database: &'s str,
    pub(in crate::rds) snapshot_create_time: At,
    pub(in crate::rds) engine: &'s str,
    pub(in crate::rds) allocated_storage: u32,
    pub(in crate::rds) status: &'static str,
    pub(in crate::rds) port: u16,
    pub(in crate::rds) availability_zone: Option<&'s str>,
    pub(in crate::rds) instance_create_time: At,
    pub(in crate::rds) master_username: &'static str,
    pub(in crate::rds) engine_version: &'s str,
    pub(in crate::rds) snapshot_type: &'static str,
    pub(in crate::rds) option_group_name: Option<&'s str>,
    pub(in crate::rds) percent_progress: u8,
    pub(in crate::rds) source_region: Option<&'s str>,
    #[serde(rename = "SourceDBSnapshotIdentifier")]
    pub(in crate::rds) source: Option<String>,
    pub(in crate::rds) storage_type: &'s str,
    pub(in crate::rds) encrypted: bool,
    pub(in crate::rds) kms_key_id: Option<&'s str>,
    #[serde(rename = "DBSnapshotArn")]
    pub(in crate::rds) arn: String,
    pub(in crate::rds) dbi_resource_id: &'s str,
    pub(in crate::rds) tag_list: TagList<'s>,
    pub(in crate::rds) original_snapshot_create_time: At,
    pub(in crate::rds) snapshot_target: &'static str,
}

/// A snapshot of a cluster in an answer.
#[derive(Serialize)]
#[serde(rename = "DBClusterSnapshot", rename_all = "PascalCase")]
pub(crate) struct DBClusterSnapshot<'s> {
    pub(in crate::rds) availability_zones: Vec<AvailabilityZone<'s>>,
    #[serde(rename = "DBClusterSnapshotIdentifier")]
    pub(in crate::rds) name: String,
    #[serde(rename = "DBClusterIdentifier")]
    pub(in crate::rds) database: &'s str,
    pub(in crate::rds) snapshot_create_time: At,
    pub(in crate::rds) engine: &'s str,
    pub(in crate::rds) allocated_storage: u32,
    pub(in crate::rds) status: &'static str,
    pub(in crate::rds) port: u16,
    pub(in crate::rds) cluster_create_time: At,
    pub(in crate::rds) master_username: &'static str,
    pub(in crate::rds) engine_version: &'s str,
    pub(in crate::rds) snapshot_type: &'static str,
    pub(in crate::rds) percent_progress: u8,
    pub(in crate::rds) storage_encrypted: bool,
    pub(in crate::rds) kms_key_id: Option<&'s str>,
    #[serde(rename = "DBClusterSnapshotArn")]
    pub(in crate::rds) arn: String,
    #[serde(rename = "SourceDBClusterSnapshotArn")]
    pub(in crate::rds) source: Option<String>,
    pub(in crate::rds) tag_list: TagList<'s>,
    pub(in crate::rds) storage_type: &'s str,
    pub(in crate::rds) db_cluster_resource_id: &'s str,
}

impl<'s> DBSnapshot<'s> {
    /// The snapshot as somebody sees it.
    pub(crate) fn of(seen: &Seen<'s>) -> DBSnapshot<'s> {
        let it = seen.snapshot;
        let arn = Kind::Instance.snapshot_arn(&seen.place, &it.name);
        let copy_of = it.copy_of.as_ref();
        let across = copy_of.filter(|of| of.place.region != seen.place.region);
        DBSnapshot {
            name: seen.name(&arn),
            database: &it.database,
            snapshot_create_time: At(it.started_at),
            engine: &it.engine,
            allocated_storage: it.storage_gib,
            status: it.status.as_str(),
            port: port(&it.engine),
            availability_zone: it.zones.first().map(|it| &**it),
            instance_create_time: At(it.database_created_at),
            master_username: "admin",
            engine_version: &it.engine_version,
            snapshot_type: seen.kind_of_type(),
            option_group_name: it.option_group.as_deref(),
            percent_progress: it.percent(seen.at),
            source_region: across.map(|of| of.place.region.as_str()),
            source: copy_of.map(|of| Kind::Instance.snapshot_arn(&of.place, &of.name)),
            storage_type: &it.storage_type,
            encrypted: it.key.is_some(),
            kms_key_id: it.key.as_deref(),
            arn,
            dbi_resource_id: &it.database_id,
            tag_list: seen.tags(),
            original_snapshot_create_time: At(it.taken_at),
            snapshot_target: "region",
        }
    }
}

impl<'s> DBClusterSnapshot<'s> {
    /// The snapshot as somebody sees it.
    pub(crate) fn of(seen: &Seen<'s>) -> DBClusterSnapshot<'s> {
        let it = seen.snapshot;
        let arn = Kind::Cluster.snapshot_arn(&seen.place, &it.name);
        DBClusterSnapshot {
            availability_zones: it.zones.iter().map(|it| AvailabilityZone(it)).collect(),
            name: seen.name(&arn),
            database: &it.database,
            snapshot_create_time: At(it.started_at),
            engine: &it.engine,
            allocated_storage: it.storage_gib,
            status: it.status.as_str(),
            port: port(&it.engine),
            cluster_create_time: At(it.database_created_at),
            master_username: "admin",
            engine_version: &it.engine_version,
            snapshot_type: seen.kind_of_type(),
            percent_progress: it.percent(seen.at),
            storage_encrypted: it.key.is_some(),
            kms_key_id: it.key.as_deref(),
            arn,
            source: it.copy_of.as_ref().map(|of| Kind::Cluster.snapshot_arn(&of.place, &of.name)),
            tag_list: seen.tags(),
            storage_type: &it.storage_type,
            db_cluster_resource_id: &it.database_id,
        }
    }
}

/// One snapshot of an instance, as calls that change it answer it.
#[derive(Serialize)]
pub(crate) struct OneSnapshot<'s> {
    #[serde(rename = "DBSnapshot")]
    pub(crate) snapshot: DBSnapshot<'s>,
}

/// One snapshot of a cluster, as calls that change it answer it.
#[derive(Serialize)]
pub(crate) struct OneClusterSnapshot<'s> {
    #[serde(rename = "DBClusterSnapshot")]
    pub(crate) snapshot: DBClusterSnapshot<'s>,
}
