//! A snapshot in an answer.

use jiff::Timestamp;
use serde::Serialize;

use super::{
    snapshots::{Snapshot, State, Tier},
    tags::TagSet,
};
use crate::wire::time::{maybe_millis, millis};

/// Bytes in a GiB.
const GIB: u64 = 1 << 30;

/// A snapshot in an answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Shown<'s> {
    #[serde(skip)]
    pub(crate) snapshot: &'s Snapshot,
    snapshot_id: &'s str,
    volume_id: &'s str,
    status: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_message: Option<&'s str>,
    #[serde(serialize_with = "millis")]
    start_time: Timestamp,
    #[serde(serialize_with = "maybe_millis", skip_serializing_if = "Option::is_none")]
    completion_time: Option<Timestamp>,
    progress: String,
    owner_id: &'s str,
    description: &'s str,
    volume_size: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    full_snapshot_size_in_bytes: Option<u64>,
    encrypted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key_id: Option<&'s str>,
    /// Whoever does not own it does not see its tags.
    #[serde(skip_serializing_if = "TagSet::is_empty")]
    tag_set: TagSet<'s>,
    storage_tier: Tier,
    #[serde(serialize_with = "maybe_millis", skip_serializing_if = "Option::is_none")]
    restore_expiry_time: Option<Timestamp>,
    transfer_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    completion_duration_minutes: Option<u32>,
    sse_type: &'static str,
}

impl<'s> Shown<'s> {
    /// To its owner.
    pub(crate) fn of(it: &'s Snapshot, now: Timestamp) -> Shown<'s> {
        let done = it.state == State::Completed;
        Shown {
            snapshot: it,
            snapshot_id: &it.id,
            volume_id: &it.volume_id,
            status: it.state,
            status_message: it.state_message.as_deref(),
            start_time: it.started_at,
            completion_time: done.then_some(it.ends_at),
            progress: format!("{}%", it.progress(now)),
            owner_id: it.owner.as_str(),
            description: &it.description,
            volume_size: it.size_gib,
            full_snapshot_size_in_bytes: done.then_some(u64::from(it.size_gib) * GIB),
            encrypted: it.encrypted,
            kms_key_id: it.kms_key_id.as_deref(),
            tag_set: TagSet(&it.tags),
            storage_tier: it.tier(),
            restore_expiry_time: it.tiering.as_ref().and_then(|it| it.restored_until),
            transfer_type: it.transfer(),
            completion_duration_minutes: it.copied.as_ref().and_then(|it| Some(it.deadline?.0)),
            sse_type: if it.encrypted { "sse-kms" } else { "none" },
        }
    }

    /// To somebody else.
    pub(crate) fn to_another(it: &'s Snapshot, now: Timestamp) -> Shown<'s> {
        Shown { tag_set: TagSet::NONE, ..Shown::of(it, now) }
    }
}
