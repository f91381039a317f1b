//! The states that databases of a fleet begin in.

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::here::Here;
use crate::{
    rds::{
        self,
        lifecycle::LONGEST_STOP,
        status::{Life, Status},
    },
    words::OneOrMore,
};

/// The state of a database, by AWS's name. What AWS does by itself ends after the time that it
/// takes, and the database is available then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DatabaseState {
    /// It runs.
    Available,
    /// A backup is taken.
    BackingUp,
    /// Enhanced Monitoring is turned on or off. No cluster is so.
    ConfiguringEnhancedMonitoring,
    /// It is being made.
    Creating,
    /// It is being deleted, and is gone afterwards.
    Deleting,
    /// It has failed, and stays so. No cluster is so.
    Failed,
    /// Its KMS key cannot be used, and it stays so.
    InaccessibleEncryptionCredentials,
    /// Its subnets have no address left, or are gone, and it stays so. No cluster is so.
    IncompatibleNetwork,
    /// It could not be restored, and stays so. No cluster is so.
    IncompatibleRestore,
    /// AWS maintains it.
    Maintenance,
    /// Somebody has modified it.
    Modifying,
    /// Somebody has rebooted it. No cluster is so.
    Rebooting,
    /// Somebody has started it.
    Starting,
    /// Somebody has just stopped it: AWS starts it seven days after the begin.
    Stopped,
    /// Somebody has just asked to stop it, and it is stopped afterwards.
    Stopping,
    /// There is no room left, and it stays so. No cluster is so.
    StorageFull,
    /// Its storage was changed, and is optimized.
    StorageOptimization,
    /// Its engine is upgraded.
    Upgrading,
}

impl DatabaseState {
    pub(crate) fn status(self) -> Status {
        match self {
            DatabaseState::Available => Status::Available,
            DatabaseState::BackingUp => Status::BackingUp,
            DatabaseState::ConfiguringEnhancedMonitoring => Status::ConfiguringEnhancedMonitoring,
            DatabaseState::Creating => Status::Creating,
            DatabaseState::Deleting => Status::Deleting,
            DatabaseState::Failed => Status::Failed,
            DatabaseState::InaccessibleEncryptionCredentials => {
                Status::InaccessibleEncryptionCredentials
            }
            DatabaseState::IncompatibleNetwork => Status::IncompatibleNetwork,
            DatabaseState::IncompatibleRestore => Status::IncompatibleRestore,
            DatabaseState::Maintenance => Status::Maintenance,
            DatabaseState::Modifying => Status::Modifying,
            DatabaseState::Rebooting => Status::Rebooting,
            DatabaseState::Starting => Status::Starting,
            DatabaseState::Stopped => Status::Stopped,
            DatabaseState::Stopping => Status::Stopping,
            DatabaseState::StorageFull => Status::StorageFull,
            DatabaseState::StorageOptimization => Status::StorageOptimization,
            DatabaseState::Upgrading => Status::Upgrading,
        }
    }

    /// How much longer it lasts. `None`: until somebody changes it.
    pub(crate) fn lasts(self, times: &rds::Times) -> Option<SignedDuration> {
        match self {
            DatabaseState::Available
            | DatabaseState::Failed
            | DatabaseState::InaccessibleEncryptionCredentials
            | DatabaseState::IncompatibleNetwork
            | DatabaseState::IncompatibleRestore
            | DatabaseState::StorageFull => None,
            DatabaseState::BackingUp => Some(times.snapshot),
            DatabaseState::Creating => Some(times.create),
            DatabaseState::Deleting => Some(times.delete),
            DatabaseState::Rebooting => Some(times.reboot),
            DatabaseState::Starting => Some(times.start),
            DatabaseState::Stopped => Some(LONGEST_STOP),
            DatabaseState::Stopping => Some(times.stop),
            DatabaseState::ConfiguringEnhancedMonitoring
            | DatabaseState::Maintenance
            | DatabaseState::Modifying
            | DatabaseState::StorageOptimization
            | DatabaseState::Upgrading => Some(times.change),
        }
    }

    /// Whether somebody has stopped it, or does.
    pub(super) fn is_stop(self) -> bool {
        matches!(self, DatabaseState::Stopped | DatabaseState::Stopping | DatabaseState::Starting)
    }

    /// Whether a cluster may have it.
    /// Source: Aurora User Guide, "Viewing DB cluster status".
    pub(super) fn is_of_clusters(self) -> bool {
        !matches!(
            self,
            DatabaseState::ConfiguringEnhancedMonitoring
                | DatabaseState::Failed
                | DatabaseState::IncompatibleNetwork
                | DatabaseState::IncompatibleRestore
                | DatabaseState::Rebooting
                | DatabaseState::StorageFull
        )
    }
}

/// Draws the state of a database.
pub(super) fn life(states: Option<&OneOrMore<DatabaseState>>, here: &mut Here<'_>) -> Life {
    let state = states.map_or(DatabaseState::Available, |it| *it.draw(&mut here.random));
    let lasts = state.lasts(&here.times().databases);
    Life { status: state.status(), changes_at: lasts.map(|it| here.now + it) }
}
