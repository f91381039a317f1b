//! Databases and their snapshots in the words of the core.

use jiff::Timestamp;
use lamplighter_core::cloud::rds as core;

use super::{
    At, clusters,
    clusters::Cluster,
    instances,
    instances::Instance,
    instances::Member,
    snapshots::shown::{DBClusterSnapshot, DBSnapshot},
    status::Life,
};

impl From<&instances::Shown<'_>> for core::Database {
    fn from(it: &instances::Shown<'_>) -> core::Database {
        core::Database {
            id: it.name.to_owned(),
            resource_id: it.dbi_resource_id.to_owned(),
            state: it.status.as_str().to_owned(),
            engine: it.engine.to_owned(),
            engine_version: it.engine_version.to_owned(),
            class: it.class.to_owned(),
            size_gib: it.allocated_storage,
            storage_type: Some(it.storage_type.to_owned()),
            availability_zone: Some(it.availability_zone.to_owned()),
            multi_az: it.multi_az,
            created_at: at(it.instance_create_time),
            encrypted: it.storage_encrypted,
            kms_key_id: it.kms_key_id.map(str::to_owned),
            cluster: it.cluster.map(str::to_owned),
            replica_of: it.replica_of.map(str::to_owned),
            replicas: it.replicas.iter().map(|it| it.0.to_owned()).collect(),
            copy_tags_to_snapshot: it.copy_tags_to_snapshot,
            deletion_protection: it.deletion_protection,
            backup_retention_days: it.backup_retention_period,
            restarts_at: at(it.automatic_restart_time),
            tags: it.tag_list.0.clone(),
        }
    }
}

impl From<&clusters::Shown<'_>> for core::Cluster {
    fn from(it: &clusters::Shown<'_>) -> core::Cluster {
        core::Cluster {
            id: it.name.to_owned(),
            resource_id: it.db_cluster_resource_id.to_owned(),
            state: it.status.as_str().to_owned(),
            engine: it.engine.to_owned(),
            engine_version: it.engine_version.to_owned(),
            engine_mode: it.engine_mode.to_owned(),
            availability_zones: it.availability_zones.iter().map(|it| it.0.to_owned()).collect(),
            created_at: Some(it.cluster_create_time.0),
            encrypted: it.storage_encrypted,
            kms_key_id: it.kms_key_id.map(str::to_owned),
            members: it.members.iter().map(|it| it.name.to_owned()).collect(),
            global_cluster: it.global_cluster_identifier.map(str::to_owned),
            replica_of: it.replication_source_identifier.map(str::to_owned),
            replicas: it.read_replica_identifiers.iter().map(|it| it.0.to_owned()).collect(),
            copy_tags_to_snapshot: it.copy_tags_to_snapshot,
            deletion_protection: it.deletion_protection,
            backup_retention_days: it.backup_retention_period,
            restarts_at: at(it.automatic_restart_time),
            tags: it.tag_list.0.clone(),
        }
    }
}

impl From<&DBSnapshot<'_>> for core::Snapshot {
    fn from(it: &DBSnapshot<'_>) -> core::Snapshot {
        core::Snapshot {
            id: it.name.clone(),
            database: it.database.to_owned(),
            snapshot_type: it.snapshot_type.to_owned(),
            state: it.status.to_owned(),
            created_at: Some(it.snapshot_create_time.0),
            original_created_at: Some(it.original_snapshot_create_time.0),
            engine: it.engine.to_owned(),
            engine_version: Some(it.engine_version.to_owned()),
            size_gib: it.allocated_storage,
            encrypted: it.encrypted,
            kms_key_id: it.kms_key_id.map(str::to_owned),
            option_group: it.option_group_name.map(str::to_owned),
            copied_from: it.source.clone(),
            tags: it.tag_list.0.clone(),
        }
    }
}

impl From<&DBClusterSnapshot<'_>> for core::Snapshot {
    fn from(it: &DBClusterSnapshot<'_>) -> core::Snapshot {
        core::Snapshot {
            id: it.name.clone(),
            database: it.database.to_owned(),
            snapshot_type: it.snapshot_type.to_owned(),
            state: it.status.to_owned(),
            created_at: Some(it.snapshot_create_time.0),
            original_created_at: None,
            engine: it.engine.to_owned(),
            engine_version: Some(it.engine_version.to_owned()),
            size_gib: it.allocated_storage,
            encrypted: it.storage_encrypted,
            kms_key_id: it.kms_key_id.map(str::to_owned),
            option_group: None,
            copied_from: it.source.clone(),
            tags: it.tag_list.0.clone(),
        }
    }
}

impl Instance {
    /// An instance that a test describes, in a state of its own.
    pub(crate) fn of_core(it: core::Database, life: Life) -> Instance {
        let created_at = it.created_at.unwrap_or(Timestamp::UNIX_EPOCH);
        let new = Instance::available(&it.id, &it.engine, created_at);
        Instance {
            resource_id: it.resource_id.into(),
            class: it.class.into(),
            engine_version: it.engine_version.into(),
            life,
            storage_gib: it.size_gib,
            storage_type: it.storage_type.map_or(new.storage_type, Into::into),
            zone: it.availability_zone.map_or(new.zone, Into::into),
            multi_az: it.multi_az,
            key: it.kms_key_id.map(Into::into),
            member: it.cluster.map(|it| Member { cluster: it.into(), writer: true }),
            replica_of: it.replica_of.map(Into::into),
            copy_tags_to_snapshot: it.copy_tags_to_snapshot,
            deletion_protection: it.deletion_protection,
            backup_retention_days: it.backup_retention_days,
            tags: it.tags,
            ..new
        }
    }
}

impl Cluster {
    /// A cluster that a test describes, in a state of its own. Its members are put there by
    /// themselves.
    pub(crate) fn of_core(it: core::Cluster, life: Life) -> Cluster {
        let created_at = it.created_at.unwrap_or(Timestamp::UNIX_EPOCH);
        let new = Cluster::available(&it.id, &it.engine, created_at);
        Cluster {
            resource_id: it.resource_id.into(),
            engine_version: it.engine_version.into(),
            engine_mode: it.engine_mode.into(),
            life,
            key: it.kms_key_id.map(Into::into),
            global: it.global_cluster.map(Into::into),
            replica_of: it.replica_of.map(Into::into),
            replicas: it.replicas.into_iter().map(Into::into).collect(),
            copy_tags_to_snapshot: it.copy_tags_to_snapshot,
            deletion_protection: it.deletion_protection,
            backup_retention_days: it.backup_retention_days,
            tags: it.tags,
            ..new
        }
    }
}

fn at(at: Option<At>) -> Option<Timestamp> {
    at.map(|it| it.0)
}
