//! EC2 and EBS calls that actions use.

mod copies;
mod fast_restores;
mod images;
mod locks;
mod sets;
mod tiers;
mod volumes;

use async_trait::async_trait;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Page, PageToken, Resource, Scope};
use crate::{AccountId, Fault, Tags, select::ServerFilter};

pub use copies::{Copies, NewCopy, Restorable, Shares};
pub use fast_restores::{FastRestore, FastRestoreState, FastRestores};
pub use images::{Image, Images};
pub use locks::{Lock, LockMode, LockState, Locks, NewLock};
pub use sets::{NewSet, Sets};
pub use tiers::{Tiering, Tiers};
pub use volumes::{Modification, ModificationState, NewVolume, VolumeShape, Volumes};

/// What EC2 takes as the description of a snapshot or an image, in characters.
pub const DESCRIPTION_MAX: usize = 255;

/// EC2 and EBS in one account and region.
#[async_trait]
pub trait Ec2: Copies + FastRestores + Images + Locks + Sets + Tiers + Volumes {
    /// One page of `ec2:DescribeVolumes`.
    async fn volumes(
        &self,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Volume>, Fault>;

    /// One page of `ec2:DescribeSnapshots`, of snapshots that this account owns. Lags behind
    /// `create_snapshot`: an empty answer proves nothing about a snapshot just made.
    async fn snapshots(
        &self,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Snapshot>, Fault>;

    /// Starts a snapshot. Needs `ec2:CreateSnapshot` and `ec2:CreateTags`. AWS has no client
    /// token here, so two calls make two snapshots, and an implementation must not retry.
    async fn create_snapshot(&self, new: &NewSnapshot) -> Result<Snapshot, Fault>;

    /// Deletes a snapshot. Needs `ec2:DeleteSnapshot`. One that is already gone is a success;
    /// one that an AMI uses gives the code `InvalidSnapshot.InUse`.
    async fn delete_snapshot(&self, id: &str) -> Result<(), Fault>;

    /// Whether a writing call would be allowed: makes it as a dry run. What is not allowed is a
    /// permission fault. Source: EC2 API, `DryRun`.
    async fn dry_run(&self, call: DryRun<'_>) -> Result<(), Fault>;
}

/// A writing call that is only tried.
#[derive(Clone, Copy, Debug)]
pub enum DryRun<'a> {
    /// Needs what [`Ec2::create_snapshot`] does.
    CreateSnapshot(&'a NewSnapshot),
    /// Needs what [`Sets::create_snapshots`] does.
    CreateSnapshots(&'a NewSet),
    /// Needs what [`Ec2::delete_snapshot`] does.
    DeleteSnapshot(&'a str),
}

/// An EBS volume.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Volume {
    /// The volume's id, such as `vol-0abc`.
    pub id: String,
    /// Its size in GiB.
    pub size_gib: u32,
    /// `gp3`, `gp2`, `io2`, `io1`, `st1`, `sc1` or `standard`.
    pub volume_type: String,
    /// `creating`, `available`, `in-use`, `deleting`, `deleted` or `error`.
    pub state: String,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// The ARN of its KMS key, when it is encrypted.
    pub kms_key_id: Option<String>,
    /// Provisioned I/O operations per second.
    pub iops: Option<u32>,
    /// Provisioned throughput in MiB/s.
    pub throughput: Option<u32>,
    /// The availability zone it is in.
    pub availability_zone: Option<String>,
    /// When it was created.
    pub created_at: Option<Timestamp>,
    /// The snapshot it was made from.
    pub snapshot_id: Option<String>,
    /// The instances it is attached to.
    pub instances: Vec<String>,
    /// The AWS service that manages it, if one does. Such a volume is not ours to touch.
    pub managed_by: Option<String>,
    /// Its tags.
    pub tags: Tags,
}

/// The state of an EBS snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SnapshotState {
    /// Its content is being transferred.
    Pending,
    /// It can be restored.
    Completed,
    /// It failed.
    Error,
    /// In the recycle bin.
    Recoverable,
    /// Coming back from the recycle bin.
    Recovering,
}

impl SnapshotState {
    /// In AWS's word.
    pub fn as_str(self) -> &'static str {
        match self {
            SnapshotState::Pending => "pending",
            SnapshotState::Completed => "completed",
            SnapshotState::Error => "error",
            SnapshotState::Recoverable => "recoverable",
            SnapshotState::Recovering => "recovering",
        }
    }
}

/// An EBS snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Snapshot {
    /// The snapshot's id, such as `snap-0abc`.
    pub id: String,
    /// The account that owns it.
    pub owner: Option<AccountId>,
    /// The volume it was taken of. A copy says `vol-ffffffff`.
    pub volume_id: String,
    /// `pending`, `completed`, `error`, `recoverable` or `recovering`.
    pub state: SnapshotState,
    /// Why it failed, in AWS's words.
    pub state_message: Option<String>,
    /// The point in time that it holds.
    pub started_at: Timestamp,
    /// The size of the volume in GiB, not what is billed.
    pub size_gib: u32,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// The ARN of its KMS key, when it is encrypted.
    pub kms_key_id: Option<String>,
    /// Its description.
    pub description: String,
    /// `standard` or `archive`.
    pub storage_tier: String,
    /// Its tags.
    pub tags: Tags,
}

/// What `CreateSnapshot` is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSnapshot {
    /// The volume.
    pub volume_id: String,
    /// At most 255 characters.
    pub description: String,
    /// Set by the creating call itself. At most 50.
    pub tags: Tags,
}

#[async_trait]
impl Resource for Volume {
    const KIND: &'static str = "volumes";
    const PERMISSIONS: &'static [&'static str] = &["ec2:DescribeVolumes"];

    fn id(&self) -> &str {
        &self.id
    }
    fn tags(&self) -> &Tags {
        &self.tags
    }
    async fn list(
        scope: &dyn Scope,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Self>, Fault> {
        scope.ec2().volumes(filter, page).await
    }
}

#[async_trait]
impl Resource for Snapshot {
    const KIND: &'static str = "snapshots";
    const PERMISSIONS: &'static [&'static str] = &["ec2:DescribeSnapshots"];

    fn id(&self) -> &str {
        &self.id
    }
    fn tags(&self) -> &Tags {
        &self.tags
    }
    async fn list(
        scope: &dyn Scope,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Self>, Fault> {
        scope.ec2().snapshots(filter, page).await
    }
}
