//! Calls that make volumes, and change them while they are used.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Volume;
use crate::{
    Fault, Tags,
    cloud::{Page, PageToken},
};

/// Making and changing volumes in one account and region.
#[async_trait]
pub trait Volumes: Send + Sync {
    /// One page of `ec2:DescribeVolumesModifications`, of the changes that are not done. Lags
    /// behind `modify_volume`.
    async fn modifications_under_way(
        &self,
        page: Option<PageToken>,
    ) -> Result<Page<Modification>, Fault>;

    /// The newest change of a volume, by `ec2:DescribeVolumesModifications`; `None` when it was
    /// never changed. Lags behind `modify_volume`.
    async fn modification_of(&self, volume: &str) -> Result<Option<Modification>, Fault>;

    /// Begins to change a volume to all of this. Needs `ec2:ModifyVolume`. There is no client
    /// token; a volume whose last change is not done gives the code `IncorrectModificationState`,
    /// one that was changed four times in 24 hours `VolumeModificationRateExceeded`.
    async fn modify_volume(&self, volume: &str, to: &VolumeShape) -> Result<Modification, Fault>;

    /// Makes a volume of a snapshot. Needs `ec2:CreateVolume` and `ec2:CreateTags`, and what EBS
    /// does with its key and that of the snapshot. With the same token, the same call gives the
    /// same volume. One whose key cannot be used disappears again.
    async fn create_volume(&self, new: &NewVolume) -> Result<Volume, Fault>;
}

/// What `CreateVolume` is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewVolume {
    /// What it is made of.
    pub snapshot: String,
    /// The zone, such as `eu-west-1a`.
    pub zone: String,
    /// What it gives.
    pub shape: VolumeShape,
    /// The KMS key that it is encrypted with. `None`: that of the snapshot, or as the account has
    /// it by default.
    pub key: Option<String>,
    /// Set by the creating call itself. At most 50.
    pub tags: Tags,
    /// At most 64 ASCII characters.
    pub token: String,
}

/// What a volume gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeShape {
    /// `gp3`, `gp2`, `io2`, `io1`, `st1`, `sc1` or `standard`.
    pub volume_type: String,
    /// Its size in GiB.
    pub size_gib: u32,
    /// I/O operations per second.
    pub iops: Option<u32>,
    /// Throughput in MiB/s.
    pub throughput: Option<u32>,
}

/// The newest change of a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Modification {
    /// The volume.
    pub volume: String,
    /// How far it is.
    pub state: ModificationState,
    /// Why it failed, in AWS's words.
    pub reason: Option<String>,
    /// What the volume becomes.
    pub target: VolumeShape,
    /// When it was begun.
    pub started_at: Timestamp,
}

/// How far a change is. Source: EC2 API, `VolumeModification`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModificationState {
    /// It was begun just now.
    Modifying,
    /// The new size can be used; the new performance is not all there.
    Optimizing,
    /// It is done.
    Completed,
    /// It failed.
    Failed,
}

impl ModificationState {
    /// Whether it goes on, so that no other change can begin.
    pub fn is_under_way(self) -> bool {
        matches!(self, ModificationState::Modifying | ModificationState::Optimizing)
    }

    /// As AWS calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            ModificationState::Modifying => "modifying",
            ModificationState::Optimizing => "optimizing",
            ModificationState::Completed => "completed",
            ModificationState::Failed => "failed",
        }
    }
}

impl Volume {
    /// What it gives.
    pub fn shape(&self) -> VolumeShape {
        VolumeShape {
            volume_type: self.volume_type.clone(),
            size_gib: self.size_gib,
            iops: self.iops,
            throughput: self.throughput,
        }
    }
}
