//! RDS and Aurora: databases and their snapshots, what actions may know of them and do to them.
//!
//! RDS has most of it twice, for instances and for clusters; [`Kind`] says which.

mod copies;
mod database;
mod snapshot;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Page, PageToken};
use crate::{Fault, Place, Tags, select::ServerFilter};

pub use copies::{Copies, GroupOption, NewCopy, OptionGroup, is_default_group};
pub use database::{Cluster, Database};
pub use snapshot::{ClusterSnapshot, DatabaseSnapshot, Snapshot};

/// Which of the two something is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// DB instances and their snapshots.
    Instance,
    /// DB clusters and their snapshots: Aurora and Multi-AZ DB clusters.
    Cluster,
}

impl Kind {
    /// What the ARN of a database ends in: `db:orders`.
    /// Source: Service Authorization Reference, "Resource types defined by Amazon RDS".
    pub fn database_in_arn(self, name: &str) -> String {
        match self {
            Kind::Instance => format!("db:{name}"),
            Kind::Cluster => format!("cluster:{name}"),
        }
    }

    /// What the ARN of a snapshot ends in: `snapshot:orders-1`.
    pub fn snapshot_in_arn(self, name: &str) -> String {
        match self {
            Kind::Instance => format!("snapshot:{name}"),
            Kind::Cluster => format!("cluster-snapshot:{name}"),
        }
    }

    /// The ARN of a database.
    pub fn database_arn(self, place: &Place, name: &str) -> String {
        place.arn("rds", &self.database_in_arn(name))
    }

    /// The ARN of a snapshot.
    pub fn snapshot_arn(self, place: &Place, name: &str) -> String {
        place.arn("rds", &self.snapshot_in_arn(name))
    }
}

/// The service, if not RDS, whose databases with this engine are in RDS's listings.
/// Source: RDS API Reference, `DescribeDBInstances`.
pub fn other_service(engine: &str) -> Option<&'static str> {
    let others = [("docdb", "Amazon DocumentDB"), ("neptune", "Amazon Neptune")];
    others.iter().find(|(it, _)| engine.starts_with(it)).map(|(_, service)| *service)
}

/// RDS and Aurora in one account and region. Neptune and DocumentDB have the same end point, and
/// are in the same listings.
///
/// RDS cannot filter by tags: listings show all, or those of some names.
#[async_trait]
pub trait Rds: Copies {
    /// One page of `rds:DescribeDBInstances`.
    async fn databases(
        &self,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Database>, Fault>;

    /// One page of `rds:DescribeDBClusters`.
    async fn clusters(
        &self,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Cluster>, Fault>;

    /// One page of `rds:DescribeDBSnapshots` or `rds:DescribeDBClusterSnapshots`, of those that
    /// the account owns: manual ones, and those that AWS has made.
    async fn snapshots(
        &self,
        kind: Kind,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Snapshot>, Fault>;

    /// One instance, by `rds:DescribeDBInstances`. `None`: there is none of this name.
    async fn database(&self, name: &str) -> Result<Option<Database>, Fault>;

    /// One cluster, by `rds:DescribeDBClusters`. `None`: there is none of this name.
    async fn cluster(&self, name: &str) -> Result<Option<Cluster>, Fault>;

    /// One manual snapshot of the account, by the call that lists them. `None`: there is none of
    /// this name that is shown, be it that it was made just now.
    async fn snapshot(&self, kind: Kind, name: &str) -> Result<Option<Snapshot>, Fault>;

    /// How many manual snapshots there may be in the region, by
    /// `rds:DescribeAccountAttributes`. `None`: AWS does not say it.
    async fn quota(&self, kind: Kind) -> Result<Option<Quota>, Fault>;

    /// What has happened to the power of databases since an instant of the last fourteen days,
    /// the oldest first, by `rds:DescribeEvents`. One page.
    async fn power_events(
        &self,
        kind: Kind,
        since: Timestamp,
        page: Option<PageToken>,
    ) -> Result<Page<PowerEvent>, Fault>;

    /// Starts a manual snapshot. Needs `rds:CreateDBSnapshot` or `rds:CreateDBClusterSnapshot`,
    /// and `rds:AddTagsToResource`. AWS has no client token here, but a name is there once:
    /// another of the same name gives one of [`TAKEN`].
    async fn create_snapshot(&self, kind: Kind, new: &NewSnapshot) -> Result<(), Fault>;

    /// Deletes a manual snapshot. Needs `rds:DeleteDBSnapshot` or `rds:DeleteDBClusterSnapshot`.
    /// One that is already gone is a success.
    async fn delete_snapshot(&self, kind: Kind, name: &str) -> Result<(), Fault>;

    /// Starts a database that is stopped. Needs `rds:StartDBInstance` or `rds:StartDBCluster`,
    /// and `kms:CreateGrant` on a customer managed key.
    async fn start(&self, kind: Kind, name: &str) -> Result<(), Fault>;

    /// Stops a database that is available. Needs `rds:StopDBInstance` or `rds:StopDBCluster`. AWS
    /// starts it after seven days.
    async fn stop(&self, kind: Kind, name: &str) -> Result<(), Fault>;

    /// Reboots an instance that is available. Needs `rds:RebootDBInstance`. AWS has no client
    /// token here, so two calls may reboot twice.
    async fn reboot(&self, name: &str, how: Reboot) -> Result<(), Fault>;

    /// Deletes a database, after a final snapshot of this name if there is one. Needs
    /// `rds:DeleteDBInstance` or `rds:DeleteDBCluster`, and with a final snapshot what it takes to
    /// make one. The call cannot set its tags.
    async fn delete(
        &self,
        kind: Kind,
        name: &str,
        final_snapshot: Option<&str>,
    ) -> Result<(), Fault>;

    /// Adds tags to the database or snapshot with this ARN, and changes those that are there.
    /// Needs `rds:AddTagsToResource`.
    async fn tag(&self, arn: &str, tags: &Tags) -> Result<(), Fault>;

    /// Takes tags off the database or snapshot with this ARN, whatever their values. Needs
    /// `rds:RemoveTagsFromResource`.
    async fn untag(&self, arn: &str, keys: &[&str]) -> Result<(), Fault>;
}

/// The codes by which AWS says that the name of a new snapshot is taken.
pub const TAKEN: [&str; 2] = ["DBClusterSnapshotAlreadyExistsFault", "DBSnapshotAlreadyExists"];
/// The codes by which AWS says that there is no such database.
pub const NO_DATABASE: [&str; 2] = ["DBClusterNotFoundFault", "DBInstanceNotFound"];
/// The codes by which AWS says that there is no such snapshot.
pub const NO_SNAPSHOT: [&str; 2] = ["DBClusterSnapshotNotFoundFault", "DBSnapshotNotFound"];
/// The codes by which AWS says that a snapshot is not in a state for a call.
pub const WRONG_SNAPSHOT_STATE: [&str; 2] =
    ["InvalidDBClusterSnapshotStateFault", "InvalidDBSnapshotState"];
/// The codes by which AWS says that a database is not in a state for a call.
pub const WRONG_STATE: [&str; 2] = ["InvalidDBClusterStateFault", "InvalidDBInstanceState"];
/// The code by which AWS says that a key cannot be used, be it that of the source or of the copy.
pub const KEY_NOT_ACCESSIBLE: &str = "KMSKeyNotAccessibleFault";
/// The code by which AWS says that there is no such option group.
pub const NO_OPTION_GROUP: &str = "OptionGroupNotFoundFault";
/// The code by which AWS says that there are as many manual snapshots as there may be.
pub const QUOTA_EXCEEDED: &str = "SnapshotQuotaExceeded";

/// A quota of an account in a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// How many there are.
    pub used: u64,
    /// How many there may be.
    pub most: u64,
}

/// What a snapshot is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSnapshot {
    /// The instance or cluster.
    pub database: String,
    /// Letters, digits and single hyphens, the first a letter and the last no hyphen; up to 255
    /// of an instance and 63 of a cluster. Source: RDS API Reference, `CreateDBSnapshot` and
    /// `CreateDBClusterSnapshot`.
    pub name: String,
    /// Set by the creating call itself. At most 50, with those that the database hands on.
    pub tags: Tags,
}

/// How an instance is rebooted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reboot {
    /// Where it is.
    InPlace,
    /// Its standby takes over.
    Failover,
}

/// Something that has happened to the power of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PowerEvent {
    /// The name of the instance or cluster.
    pub database: String,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: PowerChange,
}

/// What may happen to the power of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerChange {
    /// It has stopped.
    Stopped,
    /// It has started.
    Started,
    /// AWS starts it, because it was stopped for seven days.
    StartedByAws,
    /// It has rebooted.
    Restarted,
}

impl PowerChange {
    /// What AWS's words for an event say of the power of a database, if they do.
    /// Source: RDS and Aurora User Guides, "Amazon RDS event categories and event messages".
    pub fn read(message: &str) -> Option<PowerChange> {
        let of = |kinds: [&str; 2], what: &str| {
            kinds
                .iter()
                .any(|kind| message.strip_prefix(kind).is_some_and(|it| it.starts_with(what)))
        };
        let kinds = ["DB instance ", "DB cluster "];
        match () {
            () if of(kinds, "is being started due to it exceeding the maximum") => {
                Some(PowerChange::StartedByAws)
            }
            () if of(kinds, "stopped") => Some(PowerChange::Stopped),
            () if of(kinds, "started") => Some(PowerChange::Started),
            () if of(kinds, "restarted") => Some(PowerChange::Restarted),
            () => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_happened_is_read_from_the_words_of_aws() {
        #[track_caller]
        fn check(message: &str, expected: Option<PowerChange>) {
            assert_eq!(PowerChange::read(message), expected, "{message}");
        }
        let overdue =
            "is being started due to it exceeding the maximum allowed time being stopped.";
        for kind in ["DB instance", "DB cluster"] {
            check(&format!("{kind} stopped"), Some(PowerChange::Stopped));
            check(&format!("{kind} started."), Some(PowerChange::Started));
            check(&format!("{kind} {overdue}"), Some(PowerChange::StartedByAws));
        }
        check("DB instance restarted", Some(PowerChange::Restarted));
        check("DB instance shutdown", None);
        check("The DB instance can't be stopped", None);
        check("", None);
    }
}
