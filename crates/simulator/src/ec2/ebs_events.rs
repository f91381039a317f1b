//! What EBS tells EventBridge.
//!
//! Source: EBS User Guide, "EventBridge events for Amazon EBS". ARNs of snapshots are written in
//! a way that no other service would understand: that is how AWS sends them.

use jiff::{Timestamp, tz::TimeZone};
use lamplighter_core::{Place, Region};
use serde_json::{Value, json};

use super::{
    fast_restore::{self, FastRestore},
    snapshots::{Copied, Snapshot, State as SnapshotState},
};
use crate::{arn, cloud::State};

const SNAPSHOT: &str = "EBS Snapshot Notification";
const SNAPSHOT_SET: &str = "EBS Multi-Volume Snapshots Completion Status";
const VOLUME: &str = "EBS Volume Notification";
const FAST_RESTORE: &str = "EBS Fast Snapshot Restore State-change Notification";
const COPY_IS_LATE: &str = "EBS Copy Snapshot Missed Completion Duration";

/// A snapshot or a copy has ended, well or not.
pub(super) fn snapshot_ended(state: &mut State, place: &Place, it: &Snapshot, at: Timestamp) {
    let arn = odd_arn(&place.region, "snapshot", &it.id);
    let well = it.state == SnapshotState::Completed;
    let source = match &it.copied {
        Some(copied) => odd_arn(&copied.source_place.region, "snapshot", &copied.source),
        None => odd_arn(&place.region, "volume", &it.volume_id),
    };
    let mut detail = json!({
        "event": "createSnapshot",
        "result": if well { "succeeded" } else { "failed" },
        "cause": it.state_message.as_deref().unwrap_or_default(),
        "request-id": "",
        "snapshot_id": arn,
        "source": source,
        "startTime": format!("{:.0}", it.started_at),
        "endTime": format!("{at:.0}"),
    });
    if let Some(copied) = &it.copied {
        detail["event"] = "copySnapshot".into();
        if well {
            detail["incremental"] = copied.incremental.to_string().into();
            detail["transferType"] = it.transfer().into();
        }
        if let Some((_, since)) = copied.deadline.filter(|_| well) {
            detail["completionDurationStartTime"] = format!("{since:.3}").into();
        }
    }
    state.events.emit(place, at, "aws.ec2", SNAPSHOT, vec![arn], detail);
}

/// All snapshots of an instance have ended. They began at the same time.
pub(super) fn set_ended(state: &mut State, place: &Place, set: &[Snapshot], at: Timestamp) {
    let bad = set.iter().find(|it| it.state != SnapshotState::Completed);
    let arn = |it: &Snapshot| odd_arn(&place.region, "snapshot", &it.id);
    let cause = bad.map(|it| format!("Snapshot {} is in status {}", it.id, it.state.as_str()));
    let snapshots: Vec<Value> = set
        .iter()
        .map(|it| {
            let source = odd_arn(&place.region, "volume", &it.volume_id);
            json!({ "snapshot_id": arn(it), "source": source, "status": it.state.as_str() })
        })
        .collect();
    let detail = json!({
        "event": "createSnapshots",
        "result": if bad.is_none() { "succeeded" } else { "failed" },
        "cause": cause.unwrap_or_default(),
        "request-id": "",
        "startTime": set.first().map(|it| format!("{:.0}", it.started_at)),
        "endTime": format!("{at:.0}"),
        "snapshots": snapshots,
    });
    state.events.emit(place, at, "aws.ec2", SNAPSHOT_SET, set.iter().map(arn).collect(), detail);
}

/// A copy is not done within the time that was asked for.
pub(super) fn copy_is_late(
    state: &mut State,
    place: &Place,
    it: &Snapshot,
    copied: &Copied,
    at: Timestamp,
) {
    let arn = arn::of("ec2", place, format_args!("snapshot/{}", it.id));
    let source = format_args!("snapshot/{}", copied.source);
    let started_at = it.started_at.to_zoned(TimeZone::UTC);
    let detail = json!({
        "event": "copySnapshot",
        "missedCompletionDurationCause": "Snapshot copy was not able to meet the specified \
            completion duration because your snapshot copy operation throughput quota was exceeded.",
        "snapshot_id": arn,
        "source": arn::of("ec2", &copied.source_place, source),
        "startTime": started_at.strftime("%a %b %d %H:%M:%S UTC %Y").to_string(),
        "transferType": it.transfer(),
    });
    state.events.emit(place, at, "aws.ec2", COPY_IS_LATE, vec![arn], detail);
}

/// A snapshot was shared with the account of `to`, which hears of it.
pub(super) fn snapshot_shared(state: &mut State, to: &Place, it: &Snapshot, at: Timestamp) {
    let arn = odd_arn(&to.region, "snapshot", &it.id);
    let detail = json!({
        "event": "shareSnapshot",
        "result": "succeeded",
        "cause": "",
        "request-id": "",
        "snapshot_id": arn,
        "source": it.owner,
        "startTime": format!("{at:.0}"),
        "endTime": format!("{at:.0}"),
    });
    state.events.emit(to, at, "aws.ec2", SNAPSHOT, vec![arn], detail);
}

/// Something has happened to a volume: `createVolume` was `failed` because of its key, say.
pub(super) fn volume(
    state: &mut State,
    place: &Place,
    id: &str,
    (event, result, cause): (&str, &str, &str),
    at: Timestamp,
) {
    let request = state.request_id();
    let detail = json!({ "result": result, "cause": cause, "event": event, "request-id": request });
    let arn = arn::of("ec2", place, format_args!("volume/{id}"));
    state.events.emit(place, at, "aws.ec2", VOLUME, vec![arn], detail);
}

/// Fast restores of a snapshot in a zone are in another state.
pub(super) fn fast_restore(state: &mut State, place: &Place, it: &FastRestore, at: Timestamp) {
    let arn = arn::without_account(&place.region, format_args!("snapshot/{}", it.snapshot_id));
    let detail = json!({
        "snapshot-id": it.snapshot_id,
        "state": fast_restore::state_name(it.state),
        "zone": it.zone,
        "message": "Client.UserInitiated - Lifecycle state transition",
    });
    state.events.emit(place, at, "aws.ec2", FAST_RESTORE, vec![arn], detail);
}

/// An ARN with the region where the account should be.
fn odd_arn(region: &Region, kind: &str, id: &str) -> String {
    format!("arn:aws:ec2::{region}:{kind}/{id}")
}
