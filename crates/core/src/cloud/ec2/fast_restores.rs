//! Calls about fast snapshot restores: snapshots whose volumes are fast from the start.

use async_trait::async_trait;

use crate::{
    Fault,
    cloud::{Page, PageToken},
    select::ServerFilter,
};

/// Fast snapshot restores in one account and region.
#[async_trait]
pub trait FastRestores: Send + Sync {
    /// One page of `ec2:DescribeFastSnapshotRestores`, of the snapshots that the filter names, or
    /// of all. Lags behind changes.
    async fn fast_restores(
        &self,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<FastRestore>, Fault>;

    /// Switches fast restores of a snapshot on in a zone, by its name. Needs
    /// `ec2:EnableFastSnapshotRestores`. AWS bills each hour from then on.
    async fn enable_fast_restore(&self, snapshot: &str, zone: &str) -> Result<(), Fault>;

    /// Switches them off. Needs `ec2:DisableFastSnapshotRestores`.
    async fn disable_fast_restore(&self, snapshot: &str, zone: &str) -> Result<(), Fault>;
}

/// Fast restores of a snapshot in a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FastRestore {
    /// The snapshot.
    pub snapshot: String,
    /// The zone, such as `eu-west-1a`.
    pub zone: String,
    /// How far they are.
    pub state: FastRestoreState,
    /// Why they came into this state, in AWS's words.
    pub reason: Option<String>,
}

/// How far fast restores are. Source: EC2 API, `DescribeFastSnapshotRestoreSuccessItem`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FastRestoreState {
    /// They were switched on just now.
    Enabling,
    /// The snapshot is being made ready: about an hour for each TiB.
    Optimizing,
    /// New volumes are fast.
    Enabled,
    /// They were switched off just now.
    Disabling,
    /// They are off.
    Disabled,
}

impl FastRestoreState {
    /// Whether they are on, and billed.
    pub fn is_on(self) -> bool {
        self <= FastRestoreState::Enabled
    }
}
