//! RDS's answers as the core's types. What AWS did not say is unknown; what must be there and is
//! not is an error, in words such as ``the database `orders` without a state``.

use aws_sdk_rds::types::{self, Tag};
use lamplighter_core::{
    Tags,
    cloud::rds::{Cluster, Database, PowerChange, PowerEvent, Quota, Snapshot},
};

use crate::{
    ec2::read::{instant, number},
    fault::plain,
};

pub(super) fn database(found: &types::DbInstance) -> Result<Database, String> {
    let id = found.db_instance_identifier().ok_or("a database without a name")?;
    let lacks = |what: &str| format!("the database `{}` without {what}", plain(id));
    let of = |it: Option<&str>, what: &str| text(it).ok_or_else(|| lacks(what));
    let source = found.read_replica_source_db_instance_identifier();
    let source = source.or(found.read_replica_source_db_cluster_identifier());
    let replicas = found.read_replica_db_instance_identifiers().iter();
    Ok(Database {
        id: id.to_owned(),
        resource_id: of(found.dbi_resource_id(), "a resource id")?,
        state: of(found.db_instance_status(), "a state")?,
        engine: of(found.engine(), "an engine")?,
        engine_version: found.engine_version().unwrap_or_default().to_owned(),
        class: of(found.db_instance_class(), "a class")?,
        size_gib: number(found.allocated_storage()).ok_or_else(|| lacks("a size"))?,
        storage_type: text(found.storage_type()),
        availability_zone: text(found.availability_zone()),
        multi_az: found.multi_az().unwrap_or(false),
        created_at: instant(found.instance_create_time()),
        encrypted: found.storage_encrypted().ok_or_else(|| lacks("a word on encryption"))?,
        kms_key_id: text(found.kms_key_id()),
        cluster: text(found.db_cluster_identifier()),
        replica_of: text(source),
        replicas: replicas.chain(found.read_replica_db_cluster_identifiers()).cloned().collect(),
        copy_tags_to_snapshot: found.copy_tags_to_snapshot().unwrap_or(false),
        // What cannot be read is protected.
        deletion_protection: found.deletion_protection() != Some(false),
        backup_retention_days: number(found.backup_retention_period()).unwrap_or(0),
        restarts_at: instant(found.automatic_restart_time()),
        tags: tags(found.tag_list()).ok_or_else(|| lacks("the key of a tag"))?,
    })
}

pub(super) fn cluster(found: &types::DbCluster) -> Result<Cluster, String> {
    let id = found.db_cluster_identifier().ok_or("a cluster without a name")?;
    let lacks = |what: &str| format!("the cluster `{}` without {what}", plain(id));
    let of = |it: Option<&str>, what: &str| text(it).ok_or_else(|| lacks(what));
    let members = found.db_cluster_members().iter();
    let members = members.map(|it| it.db_instance_identifier().map(str::to_owned));
    Ok(Cluster {
        id: id.to_owned(),
        resource_id: of(found.db_cluster_resource_id(), "a resource id")?,
        state: of(found.status(), "a state")?,
        engine: of(found.engine(), "an engine")?,
        engine_version: found.engine_version().unwrap_or_default().to_owned(),
        engine_mode: text(found.engine_mode()).unwrap_or_else(|| "provisioned".to_owned()),
        availability_zones: found.availability_zones().to_vec(),
        created_at: instant(found.cluster_create_time()),
        encrypted: found.storage_encrypted().ok_or_else(|| lacks("a word on encryption"))?,
        kms_key_id: text(found.kms_key_id()),
        members: members.collect::<Option<_>>().ok_or_else(|| lacks("the name of a member"))?,
        global_cluster: text(found.global_cluster_identifier()),
        replica_of: text(found.replication_source_identifier()),
        replicas: found.read_replica_identifiers().to_vec(),
        copy_tags_to_snapshot: found.copy_tags_to_snapshot().unwrap_or(false),
        // What cannot be read is protected.
        deletion_protection: found.deletion_protection() != Some(false),
        backup_retention_days: number(found.backup_retention_period()).unwrap_or(0),
        restarts_at: instant(found.automatic_restart_time()),
        tags: tags(found.tag_list()).ok_or_else(|| lacks("the key of a tag"))?,
    })
}

pub(super) fn snapshot(found: &types::DbSnapshot) -> Result<Snapshot, String> {
    let id = found.db_snapshot_identifier().ok_or("a snapshot without a name")?;
    let lacks = |what: &str| format!("the snapshot `{}` without {what}", plain(id));
    let of = |it: Option<&str>, what: &str| text(it).ok_or_else(|| lacks(what));
    Ok(Snapshot {
        id: id.to_owned(),
        database: of(found.db_instance_identifier(), "a database")?,
        snapshot_type: of(found.snapshot_type(), "a type")?,
        state: of(found.status(), "a state")?,
        created_at: instant(found.snapshot_create_time()),
        original_created_at: instant(found.original_snapshot_create_time()),
        engine: of(found.engine(), "an engine")?,
        engine_version: text(found.engine_version()),
        size_gib: number(found.allocated_storage()).ok_or_else(|| lacks("a size"))?,
        encrypted: found.encrypted().ok_or_else(|| lacks("a word on encryption"))?,
        kms_key_id: text(found.kms_key_id()),
        option_group: text(found.option_group_name()),
        copied_from: text(found.source_db_snapshot_identifier()),
        tags: tags(found.tag_list()).ok_or_else(|| lacks("the key of a tag"))?,
    })
}

pub(super) fn cluster_snapshot(found: &types::DbClusterSnapshot) -> Result<Snapshot, String> {
    let id = found.db_cluster_snapshot_identifier().ok_or("a snapshot without a name")?;
    let lacks = |what: &str| format!("the snapshot `{}` without {what}", plain(id));
    let of = |it: Option<&str>, what: &str| text(it).ok_or_else(|| lacks(what));
    Ok(Snapshot {
        id: id.to_owned(),
        database: of(found.db_cluster_identifier(), "a cluster")?,
        snapshot_type: of(found.snapshot_type(), "a type")?,
        state: of(found.status(), "a state")?,
        created_at: instant(found.snapshot_create_time()),
        original_created_at: None,
        engine: of(found.engine(), "an engine")?,
        engine_version: text(found.engine_version()),
        // Aurora's storage has no size of its own, and AWS says 0 or 1.
        size_gib: number(found.allocated_storage()).unwrap_or(0),
        encrypted: found.storage_encrypted().ok_or_else(|| lacks("a word on encryption"))?,
        kms_key_id: text(found.kms_key_id()),
        option_group: None,
        copied_from: text(found.source_db_cluster_snapshot_arn()),
        tags: tags(found.tag_list()).ok_or_else(|| lacks("the key of a tag"))?,
    })
}

/// `None`: AWS does not say both numbers.
pub(super) fn quota(found: &types::AccountQuota) -> Option<Quota> {
    let count = |it: Option<i64>| it.and_then(|it| u64::try_from(it).ok());
    Some(Quota { used: count(found.used())?, most: count(found.max())? })
}

/// `None`: it is about something else.
pub(super) fn power_event(found: &types::Event) -> Option<PowerEvent> {
    Some(PowerEvent {
        database: found.source_identifier()?.to_owned(),
        at: instant(found.date())?,
        what: PowerChange::read(found.message()?)?,
    })
}

fn text(found: Option<&str>) -> Option<String> {
    found.filter(|it| !it.is_empty()).map(str::to_owned)
}

/// The tags, unless one of them has no key.
fn tags(found: &[Tag]) -> Option<Tags> {
    let tag = |tag: &Tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned()));
    found.iter().map(tag).collect()
}
