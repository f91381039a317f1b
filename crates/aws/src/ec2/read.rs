//! EC2's answers as the core's types. What AWS did not say is unknown; a resource without what
//! it must have is an error, in words such as ``the volume `vol-1` without a size``.

use aws_sdk_ec2::{
    operation::{create_snapshot::CreateSnapshotOutput, create_volume::CreateVolumeOutput},
    types::{self, StorageTier, Tag},
};
use aws_smithy_types::DateTime;
use jiff::Timestamp;
use lamplighter_core::{
    Tags,
    cloud::ec2::{Image, Snapshot, SnapshotState, Volume},
};

use crate::fault::plain;

pub(super) fn volume(found: &types::Volume) -> Result<Volume, String> {
    let id = found.volume_id().ok_or("a volume without an id")?;
    let lacks = |what: &str| format!("the volume `{}` without {what}", plain(id));
    Ok(Volume {
        id: id.to_owned(),
        size_gib: number(found.size()).ok_or_else(|| lacks("a size"))?,
        volume_type: found.volume_type().ok_or_else(|| lacks("a type"))?.as_str().to_owned(),
        state: found.state().ok_or_else(|| lacks("a state"))?.as_str().to_owned(),
        encrypted: found.encrypted().ok_or_else(|| lacks("a word on encryption"))?,
        kms_key_id: found.kms_key_id().map(str::to_owned),
        iops: number(found.iops()),
        throughput: number(found.throughput()),
        availability_zone: found.availability_zone().map(str::to_owned),
        created_at: instant(found.create_time()),
        snapshot_id: found.snapshot_id().filter(|it| !it.is_empty()).map(str::to_owned),
        instances: found
            .attachments()
            .iter()
            .filter_map(|attachment| attachment.instance_id())
            .map(str::to_owned)
            .collect(),
        managed_by: found
            .operator()
            .filter(|operator| operator.managed() == Some(true))
            .map(|operator| operator.principal().unwrap_or("an AWS service").to_owned()),
        tags: tags(found.tags()).ok_or_else(|| lacks("the key of a tag"))?,
    })
}

pub(super) fn snapshot(found: &types::Snapshot) -> Result<Snapshot, String> {
    let id = found.snapshot_id().ok_or("a snapshot without an id")?;
    let lacks = |what: &str| format!("the snapshot `{}` without {what}", plain(id));
    Ok(Snapshot {
        id: id.to_owned(),
        owner: found.owner_id().and_then(|it| it.parse().ok()),
        volume_id: found.volume_id().ok_or_else(|| lacks("a volume"))?.to_owned(),
        state: state(found.state().ok_or_else(|| lacks("a state"))?)
            .map_err(|state| lacks(&format!("a state that this version knows: `{state}`")))?,
        state_message: found.state_message().filter(|it| !it.is_empty()).map(plain),
        started_at: instant(found.start_time()).ok_or_else(|| lacks("a start time"))?,
        size_gib: number(found.volume_size()).ok_or_else(|| lacks("a size"))?,
        encrypted: found.encrypted().ok_or_else(|| lacks("a word on encryption"))?,
        kms_key_id: found.kms_key_id().map(str::to_owned),
        description: found.description().unwrap_or_default().to_owned(),
        // Answers from before there were tiers, and of some creations, do not name one.
        storage_tier: found.storage_tier().unwrap_or(&StorageTier::Standard).as_str().to_owned(),
        tags: tags(found.tags()).ok_or_else(|| lacks("the key of a tag"))?,
    })
}

/// The answer of `CreateSnapshot`, which has the fields of a snapshot without being one.
pub(super) fn created(answer: &CreateSnapshotOutput) -> Result<Snapshot, String> {
    let answer = answer.clone();
    let found = types::Snapshot::builder()
        .set_snapshot_id(answer.snapshot_id)
        .set_volume_id(answer.volume_id)
        .set_owner_id(answer.owner_id)
        .set_state(answer.state)
        .set_state_message(answer.state_message)
        .set_start_time(answer.start_time)
        .set_volume_size(answer.volume_size)
        .set_encrypted(answer.encrypted)
        .set_kms_key_id(answer.kms_key_id)
        .set_description(answer.description)
        .set_storage_tier(answer.storage_tier)
        .set_tags(answer.tags);
    snapshot(&found.build())
}

/// The answer of `CreateVolume`, which has the fields of a volume without being one.
pub(super) fn made_volume(answer: &CreateVolumeOutput) -> Result<Volume, String> {
    let answer = answer.clone();
    let found = types::Volume::builder()
        .set_volume_id(answer.volume_id)
        .set_size(answer.size)
        .set_volume_type(answer.volume_type)
        .set_state(answer.state)
        .set_encrypted(answer.encrypted)
        .set_kms_key_id(answer.kms_key_id)
        .set_iops(answer.iops)
        .set_throughput(answer.throughput)
        .set_availability_zone(answer.availability_zone)
        .set_create_time(answer.create_time)
        .set_snapshot_id(answer.snapshot_id)
        .set_attachments(answer.attachments)
        .set_operator(answer.operator)
        .set_tags(answer.tags);
    volume(&found.build())
}

pub(crate) fn image(found: &types::Image) -> Result<Image, String> {
    let id = found.image_id().ok_or("an image without an id")?;
    let lacks = |what: &str| format!("the image `{}` without {what}", plain(id));
    let devices = found.block_device_mappings().iter();
    let snapshots = devices.filter_map(|it| it.ebs()?.snapshot_id());
    Ok(Image {
        id: id.to_owned(),
        name: found.name().unwrap_or_default().to_owned(),
        state: found.state().ok_or_else(|| lacks("a state"))?.as_str().to_owned(),
        state_message: found.state_reason().and_then(|it| it.message()).map(plain),
        created_at: found.creation_date().and_then(|it| it.parse().ok()),
        description: found.description().unwrap_or_default().to_owned(),
        architecture: found
            .architecture()
            .ok_or_else(|| lacks("an architecture"))?
            .as_str()
            .to_owned(),
        public: found.public().ok_or_else(|| lacks("a word on who may launch it"))?,
        source_instance: found.source_instance_id().map(str::to_owned),
        snapshots: snapshots.map(str::to_owned).collect(),
        tags: tags(found.tags()).ok_or_else(|| lacks("the key of a tag"))?,
    })
}

fn state(found: &types::SnapshotState) -> Result<SnapshotState, String> {
    Ok(match found {
        types::SnapshotState::Pending => SnapshotState::Pending,
        types::SnapshotState::Completed => SnapshotState::Completed,
        types::SnapshotState::Error => SnapshotState::Error,
        types::SnapshotState::Recoverable => SnapshotState::Recoverable,
        types::SnapshotState::Recovering => SnapshotState::Recovering,
        other => return Err(plain(other.as_str())),
    })
}

/// The tags, unless one of them has no key.
pub(crate) fn tags(found: &[Tag]) -> Option<Tags> {
    let tag = |tag: &Tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned()));
    found.iter().map(tag).collect()
}

pub(crate) fn number(found: Option<i32>) -> Option<u32> {
    found.and_then(|it| it.try_into().ok())
}

pub(crate) fn instant(found: Option<&DateTime>) -> Option<Timestamp> {
    let nanoseconds = found?.subsec_nanos().try_into().ok()?;
    Timestamp::new(found?.secs(), nanoseconds).ok()
}
