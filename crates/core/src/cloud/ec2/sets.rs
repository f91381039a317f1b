//! Snapshots of several volumes of an instance, taken at one point in time.

use async_trait::async_trait;

use crate::{Fault, Tags};

/// Sets of snapshots in one account and region.
#[async_trait]
pub trait Sets: Send + Sync {
    /// Starts a snapshot of each volume of an instance that is not left out, all at one point in
    /// time, and returns their ids. Needs `ec2:CreateSnapshots` and `ec2:CreateTags`. AWS has no
    /// client token here, so two calls make two sets, and an implementation must not retry. When
    /// one snapshot fails, all of the set end in `error`.
    /// Source: EBS User Guide, "Create multi-volume Amazon EBS snapshots".
    async fn create_snapshots(&self, new: &NewSet) -> Result<Vec<String>, Fault>;
}

/// What `CreateSnapshots` is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewSet {
    /// The instance.
    pub instance_id: String,
    /// Whether its root volume is left out.
    pub without_root: bool,
    /// The data volumes that are left out: at most [`NewSet::MOST_LEFT_OUT`].
    pub without: Vec<String>,
    /// At most 255 characters.
    pub description: String,
    /// Of every snapshot, set by the creating call itself. At most 50.
    pub tags: Tags,
}

impl NewSet {
    /// How many volumes one set can have.
    /// Source: EBS User Guide, "Create multi-volume Amazon EBS snapshots".
    pub const MOST_VOLUMES: usize = 128;
    /// How many data volumes can be left out of one set.
    /// Source: EC2 API, `InstanceSpecification`.
    pub const MOST_LEFT_OUT: usize = 40;
}
