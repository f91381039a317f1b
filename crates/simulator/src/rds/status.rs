//! The states of databases, and what each call needs them to be.
//!
//! Source: RDS User Guide, "Viewing Amazon RDS DB instance status"; Aurora User Guide, "Viewing
//! DB cluster status"; the description of each action in the RDS API Reference.

use jiff::Timestamp;
use serde::{Serialize, Serializer};

/// The state of an instance or a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Available,
    BackingUp,
    ConfiguringEnhancedMonitoring,
    Creating,
    Deleting,
    Failed,
    InaccessibleEncryptionCredentials,
    IncompatibleNetwork,
    IncompatibleRestore,
    Maintenance,
    Modifying,
    Rebooting,
    Starting,
    Stopped,
    Stopping,
    StorageFull,
    StorageOptimization,
    Upgrading,
}

/// What somebody wants of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Snapshot,
    Stop,
    Start,
    Reboot,
    Delete,
}

/// Every wish, with the states that an instance, and a cluster, may be in.
const ALLOWED: [(Wish, &[Status], &[Status]); 5] = {
    use Status::*;
    [
        (Wish::Snapshot, &[Available, StorageOptimization], &[Available]),
        (Wish::Stop, &[Available], &[Available]),
        (Wish::Start, &[Stopped], &[Stopped]),
        (Wish::Reboot, &[Available, StorageOptimization], &[Available]),
        (
            Wish::Delete,
            &[
                Available,
                StorageOptimization,
                Stopped,
                StorageFull,
                Failed,
                IncompatibleNetwork,
                IncompatibleRestore,
                InaccessibleEncryptionCredentials,
            ],
            &[Available],
        ),
    ]
};

impl Status {
    /// As it goes over the wire.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Status::Available => "available",
            Status::BackingUp => "backing-up",
            Status::ConfiguringEnhancedMonitoring => "configuring-enhanced-monitoring",
            Status::Creating => "creating",
            Status::Deleting => "deleting",
            Status::Failed => "failed",
            Status::InaccessibleEncryptionCredentials => "inaccessible-encryption-credentials",
            Status::IncompatibleNetwork => "incompatible-network",
            Status::IncompatibleRestore => "incompatible-restore",
            Status::Maintenance => "maintenance",
            Status::Modifying => "modifying",
            Status::Rebooting => "rebooting",
            Status::Starting => "starting",
            Status::Stopped => "stopped",
            Status::Stopping => "stopping",
            Status::StorageFull => "storage-full",
            Status::StorageOptimization => "storage-optimization",
            Status::Upgrading => "upgrading",
        }
    }

    /// Whether it is stopped, or becomes so or the opposite: the members of a cluster do as well.
    pub(crate) fn is_of_power(self) -> bool {
        matches!(self, Status::Stopping | Status::Stopped | Status::Starting)
    }

    /// Whether an instance in this state can be what is wished.
    pub(crate) fn lets_instance(self, wish: Wish) -> bool {
        ALLOWED.iter().any(|(it, instance, _)| *it == wish && instance.contains(&self))
    }

    /// Whether a cluster in this state can be what is wished.
    pub(crate) fn lets_cluster(self, wish: Wish) -> bool {
        ALLOWED.iter().any(|(it, _, cluster)| *it == wish && cluster.contains(&self))
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The state of a database, and until when it has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    pub(crate) status: Status,
    /// When it becomes something else by itself: what is stopping has stopped, what is stopped
    /// for seven days starts.
    pub(crate) changes_at: Option<Timestamp>,
}

impl Life {
    /// It stays so until somebody changes it.
    pub(crate) fn steady(status: Status) -> Life {
        Life { status, changes_at: None }
    }

    /// When it will be started by AWS.
    pub(crate) fn restarts_at(self) -> Option<Timestamp> {
        self.changes_at.filter(|_| self.status == Status::Stopped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wish_has_a_row() {
        for wish in [Wish::Snapshot, Wish::Stop, Wish::Start, Wish::Reboot, Wish::Delete] {
            assert_eq!(ALLOWED.iter().filter(|it| it.0 == wish).count(), 1, "{wish:?}");
        }
        assert!(Status::StorageOptimization.lets_instance(Wish::Snapshot));
        assert!(!Status::Stopped.lets_instance(Wish::Snapshot));
        assert!(!Status::Stopped.lets_cluster(Wish::Delete));
    }
}
