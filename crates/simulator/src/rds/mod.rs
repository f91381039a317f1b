//! RDS and Aurora in one account and region. Neptune and DocumentDB have the same end point and
//! the same version of the API, so their clusters are here as well.

pub(crate) mod account_attributes;
pub(crate) mod clusters;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod describe_events;
pub(crate) mod events;
pub(crate) mod instances;
pub(crate) mod keys;
pub(crate) mod kind;
pub(crate) mod lifecycle;
pub(crate) mod listing;
pub(crate) mod names;
mod of_core;
pub(crate) mod power;
pub(crate) mod snapshots;
pub(crate) mod status;
pub(crate) mod tagging;
pub(crate) mod tags;
#[cfg(test)]
mod world;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::{
    buckets::Bucket,
    operation::{Access, Spec},
    shelf::Shelf,
    table::Entry,
    wire::time::millis,
};
pub(crate) use clusters::Cluster;
use describe_events::Records;
use instances::Instance;
use kind::Kind;
use snapshots::Snapshot;

pub(crate) use lifecycle::{Happening, happen};

/// The operations that are here.
pub(crate) const OPERATIONS: &[Entry] = &[
    Entry::query::<clusters::DescribeDBClusters>(),
    Entry::query::<create::CreateDBInstance>(),
    Entry::query::<delete::DeleteDBCluster>(),
    Entry::query::<delete::DeleteDBInstance>(),
    Entry::query::<account_attributes::DescribeAccountAttributes>(),
    Entry::query::<instances::DescribeDBInstances>(),
    Entry::query::<describe_events::DescribeEvents>(),
    Entry::query::<power::RebootDBInstance>(),
    Entry::query::<power::StartDBCluster>(),
    Entry::query::<power::StartDBInstance>(),
    Entry::query::<power::StopDBCluster>(),
    Entry::query::<power::StopDBInstance>(),
    Entry::query::<snapshots::copy::CopyDBClusterSnapshot>(),
    Entry::query::<snapshots::copy::CopyDBSnapshot>(),
    Entry::query::<snapshots::create::CreateDBClusterSnapshot>(),
    Entry::query::<snapshots::create::CreateDBSnapshot>(),
    Entry::query::<snapshots::delete::DeleteDBClusterSnapshot>(),
    Entry::query::<snapshots::delete::DeleteDBSnapshot>(),
    Entry::query::<snapshots::describe::DescribeDBClusterSnapshots>(),
    Entry::query::<snapshots::describe::DescribeDBSnapshots>(),
    Entry::query::<snapshots::share::DescribeDBClusterSnapshotAttributes>(),
    Entry::query::<snapshots::share::DescribeDBSnapshotAttributes>(),
    Entry::query::<snapshots::share::ModifyDBClusterSnapshotAttribute>(),
    Entry::query::<snapshots::share::ModifyDBSnapshotAttribute>(),
    Entry::query::<tagging::AddTagsToResource>(),
    Entry::query::<tagging::ListTagsForResource>(),
    Entry::query::<tagging::RemoveTagsFromResource>(),
];

/// What is there.
#[derive(Default)]
pub(crate) struct Rds {
    pub(crate) instances: Shelf<Instance>,
    pub(crate) clusters: Shelf<Cluster>,
    instance_snapshots: Shelf<Snapshot>,
    cluster_snapshots: Shelf<Snapshot>,
    /// Option groups other than the default ones.
    pub(crate) option_groups: BTreeSet<Box<str>>,
    pub(crate) records: Records,
}

impl Rds {
    /// The snapshots of a kind.
    pub(crate) fn snapshots(&self, kind: Kind) -> &Shelf<Snapshot> {
        match kind {
            Kind::Instance => &self.instance_snapshots,
            Kind::Cluster => &self.cluster_snapshots,
        }
    }

    /// The snapshots of a kind, to change them.
    pub(crate) fn snapshots_mut(&mut self, kind: Kind) -> &mut Shelf<Snapshot> {
        match kind {
            Kind::Instance => &mut self.instance_snapshots,
            Kind::Cluster => &mut self.cluster_snapshots,
        }
    }
}

/// How long things take in RDS.
#[derive(Clone, Debug)]
pub struct Times {
    /// A database is created, and is then available.
    pub create: SignedDuration,
    /// A database is deleted, and is then gone.
    pub delete: SignedDuration,
    /// A stopped database starts.
    pub start: SignedDuration,
    /// A database stops.
    pub stop: SignedDuration,
    /// An instance reboots.
    pub reboot: SignedDuration,
    /// A database is modified, maintained, or upgraded.
    pub change: SignedDuration,
    /// A snapshot is created; the database is backing up meanwhile.
    pub snapshot: SignedDuration,
    /// A snapshot is copied.
    pub copy: SignedDuration,
}

impl Default for Times {
    fn default() -> Times {
        let minutes = SignedDuration::from_mins;
        Times {
            create: minutes(10),
            delete: minutes(5),
            start: minutes(8),
            stop: minutes(6),
            reboot: minutes(1),
            change: minutes(15),
            snapshot: minutes(10),
            copy: minutes(12),
        }
    }
}

/// What is known of an operation of RDS without a request. RDS does not publish its buckets;
/// these are smaller than what it is known to bear.
const fn spec(name: &'static str, access: Access) -> Spec {
    let bucket = match access {
        Access::Reads => Bucket::new(100.0, 20.0),
        Access::Writes => Bucket::new(50.0, 5.0),
    };
    Spec { service: "rds", name, access, bucket }
}

/// A time in an answer.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct At(#[serde(serialize_with = "millis")] pub(crate) Timestamp);
