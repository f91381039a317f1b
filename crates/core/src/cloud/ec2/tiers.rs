//! Calls that move snapshots to the archive.

use async_trait::async_trait;

use crate::Fault;

/// The archive of snapshots in one account and region.
#[async_trait]
pub trait Tiers: Send + Sync {
    /// Begins to move a snapshot to the archive. Needs `ec2:ModifySnapshotTier`. One that is on
    /// its way, or there, gives the code `IncorrectState`; one that an image uses,
    /// `InvalidSnapshot.InUse`.
    async fn archive_snapshot(&self, id: &str) -> Result<(), Fault>;

    /// Where a snapshot is stored and where it is going; `None` when it is not there. Needs
    /// `ec2:DescribeSnapshotTierStatus`. Lags behind `archive_snapshot`.
    async fn tiering(&self, id: &str) -> Result<Option<Tiering>, Fault>;
}

/// Where a snapshot is stored, and where it is going.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tiering {
    /// `standard` or `archive`.
    pub tier: String,
    /// The newest move, if there was one: `archival-in-progress`, `archival-completed`,
    /// `archival-failed`, `temporary-restore-in-progress` …
    pub operation: Option<String>,
    /// What AWS says of that move, if it says anything.
    pub detail: Option<String>,
}
