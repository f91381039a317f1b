//! Whether anything can be made of a snapshot.

use lamplighter_core::cloud::ec2::{Snapshot, SnapshotState};

use crate::lineage::is_hop;

/// Why nothing can be made of a snapshot, or nothing that stays.
/// Source: EBS User Guide, "Amazon EBS snapshots" and "Archive Amazon EBS snapshots".
pub(crate) fn why_unusable(snapshot: &Snapshot) -> Option<&'static str> {
    match snapshot.state {
        SnapshotState::Pending => Some("pending: only completed snapshots can be used"),
        SnapshotState::Error => Some("it failed"),
        SnapshotState::Recoverable | SnapshotState::Recovering => Some("it is in the recycle bin"),
        SnapshotState::Completed if is_hop(snapshot) => Some("it is on the way to another copy"),
        SnapshotState::Completed if snapshot.storage_tier != "standard" => {
            Some("it is in the archive: restore it first")
        }
        SnapshotState::Completed => None,
    }
}
