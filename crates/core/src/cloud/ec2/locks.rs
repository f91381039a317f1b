//! Calls that lock snapshots, so that nobody can delete them for a while.

use async_trait::async_trait;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Fault,
    cloud::{Page, PageToken},
};

/// Locks of snapshots in one account and region.
#[async_trait]
pub trait Locks: Send + Sync {
    /// One page of `ec2:DescribeLockedSnapshots`: the locks of the account's snapshots, those that
    /// have expired among them. Lags behind `lock_snapshot`.
    async fn locks(&self, page: Option<PageToken>) -> Result<Page<Lock>, Fault>;

    /// The lock of a snapshot that is there, by `ec2:DescribeLockedSnapshots`. Lags behind
    /// `lock_snapshot`.
    async fn lock_of(&self, snapshot: &str) -> Result<Option<Lock>, Fault>;

    /// Locks a snapshot, or changes its lock. Needs `ec2:LockSnapshot`. What a lock in compliance
    /// mode does not allow gives the code `OperationNotPermitted`.
    async fn lock_snapshot(&self, snapshot: &str, new: &NewLock) -> Result<(), Fault>;
}

/// A lock of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// The snapshot.
    pub snapshot: String,
    /// Who may take it off.
    pub state: LockState,
    /// How many days it lasts, from its start or from the completion of the snapshot, whichever is
    /// later.
    pub days: u32,
    /// When it ends. `None` as long as the snapshot is pending, if the lock was given in days.
    pub expires_at: Option<Timestamp>,
}

/// How a snapshot is locked.
/// Source: EC2 API, `LockedSnapshotsInfo`, `LockState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockState {
    /// Whoever is permitted to may take the lock off.
    Governance,
    /// The same, until the time to cool off is over.
    Cooling,
    /// Nobody may take it off.
    Compliance,
    /// It is over.
    Expired,
}

/// Who may take a lock off: the weaker one first.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum LockMode {
    /// Whoever is permitted to `ec2:UnlockSnapshot`.
    Governance,
    /// Nobody, once the time to cool off is over. It can only be made longer.
    Compliance,
}

impl LockMode {
    /// As AWS and parameters call it.
    pub fn as_str(self) -> &'static str {
        match self {
            LockMode::Governance => "governance",
            LockMode::Compliance => "compliance",
        }
    }
}

/// What `LockSnapshot` is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLock {
    /// Who may take it off.
    pub mode: LockMode,
    /// When it ends: a day from now or later.
    pub until: Timestamp,
    /// For how many hours it can be taken off all the same: 1 to 72, in compliance mode only.
    pub cool_off_hours: Option<u32>,
}
