//! EC2 and EBS in one account and region.

pub(crate) mod archive;
pub(crate) mod client_tokens;
pub(crate) mod copy;
mod copy_rules;
mod ebs_events;
pub(crate) mod fast_restore;
pub(crate) mod filter;
pub(crate) mod ids;
pub(crate) mod images;
pub(crate) mod instances;
pub(crate) mod listing;
pub(crate) mod lock;
pub(crate) mod regions;
pub(crate) mod settings;
pub(crate) mod share;
pub(crate) mod snapshot_create;
pub(crate) mod snapshot_create_many;
pub(crate) mod snapshot_delete;
pub(crate) mod snapshot_describe;
mod snapshot_own;
pub(crate) mod snapshot_shown;
pub(crate) mod snapshots;
pub(crate) mod tagging;
pub(crate) mod tags;
#[cfg(test)]
pub(crate) mod trial;
pub(crate) mod volume_create;
pub(crate) mod volume_delete;
pub(crate) mod volume_modify;
mod volume_rules;
pub(crate) mod volumes;
mod zones;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use lamplighter_core::{Place, cloud::ec2::FastRestoreState};

use crate::{cloud::State, organization::Caller, shelf::Shelf, table::Entry};

/// The operations that are here.
pub(crate) const OPERATIONS: &[Entry] = &[
    Entry::ec2::<archive::DescribeSnapshotTierStatus>(),
    Entry::ec2::<archive::ModifySnapshotTier>(),
    Entry::ec2::<archive::RestoreSnapshotTier>(),
    Entry::ec2::<copy::CopySnapshot>(),
    Entry::ec2::<fast_restore::DescribeFastSnapshotRestores>(),
    Entry::ec2::<fast_restore::DisableFastSnapshotRestores>(),
    Entry::ec2::<fast_restore::EnableFastSnapshotRestores>(),
    Entry::ec2::<lock::DescribeLockedSnapshots>(),
    Entry::ec2::<lock::LockSnapshot>(),
    Entry::ec2::<lock::UnlockSnapshot>(),
    Entry::ec2::<regions::DescribeRegions>(),
    Entry::ec2::<settings::DisableEbsEncryptionByDefault>(),
    Entry::ec2::<settings::DisableSnapshotBlockPublicAccess>(),
    Entry::ec2::<settings::EnableEbsEncryptionByDefault>(),
    Entry::ec2::<settings::EnableSnapshotBlockPublicAccess>(),
    Entry::ec2::<settings::GetEbsDefaultKmsKeyId>(),
    Entry::ec2::<settings::GetEbsEncryptionByDefault>(),
    Entry::ec2::<settings::GetSnapshotBlockPublicAccessState>(),
    Entry::ec2::<share::DescribeSnapshotAttribute>(),
    Entry::ec2::<share::ModifySnapshotAttribute>(),
    Entry::ec2::<share::ResetSnapshotAttribute>(),
    Entry::ec2::<snapshot_create::CreateSnapshot>(),
    Entry::ec2::<snapshot_create_many::CreateSnapshots>(),
    Entry::ec2::<snapshot_delete::DeleteSnapshot>(),
    Entry::ec2::<snapshot_describe::DescribeSnapshots>(),
    Entry::ec2::<tagging::CreateTags>(),
    Entry::ec2::<tagging::DeleteTags>(),
    Entry::ec2::<tagging::DescribeTags>(),
    Entry::ec2::<volume_create::CreateVolume>(),
    Entry::ec2::<volume_delete::DeleteVolume>(),
    Entry::ec2::<volume_modify::DescribeVolumesModifications>(),
    Entry::ec2::<volume_modify::ModifyVolume>(),
    Entry::ec2::<volumes::DescribeVolumes>(),
];

/// What is there.
#[derive(Default)]
pub(crate) struct Ec2 {
    pub(crate) volumes: Shelf<volumes::Volume>,
    pub(crate) instances: Shelf<instances::Instance>,
    pub(crate) market: instances::Market,
    pub(crate) images: Shelf<images::Image>,
    pub(crate) client_tokens: client_tokens::ClientTokens,
    pub(crate) snapshots: snapshots::Snapshots,
    pub(crate) settings: settings::Settings,
    /// The newest change of each volume, by its id.
    pub(crate) modifications: Shelf<volume_modify::Modification>,
    /// By snapshot and zone: `snap-1/eu-west-1a`.
    pub(crate) fast_restores: Shelf<fast_restore::FastRestore>,
    /// Volumes whose snapshots end in `error`.
    pub(crate) failing: BTreeSet<Box<str>>,
    /// Copies that are on their way here.
    copies_under_way: BTreeSet<Box<str>>,
    /// Those that came, of each volume, wherever that is: the newest last, even if it is gone.
    copies: BTreeMap<(Place, Box<str>), Vec<Box<str>>>,
    /// What was made of requests with a client token.
    volume_tokens: BTreeMap<String, (volume_create::CreateVolume, Box<str>)>,
    /// How often the tags of each resource were changed.
    tag_versions: BTreeMap<Box<str>, u64>,
}

/// What happens by itself later.
#[derive(Debug)]
pub(crate) enum Happening {
    /// To an instance.
    Instance(instances::Happening),
    /// To an image.
    Image(images::Happening),
    /// A snapshot stops to be pending.
    SnapshotEnds(Box<str>),
    /// Those of one instance do.
    SnapshotSetEnds(Vec<Box<str>>),
    /// It shows whether a copy's key and the key of its source can be used.
    CopyMeetsKeys(Box<str>, Option<Arc<str>>),
    /// All of a copy is there.
    CopyEnds(Box<str>),
    /// The time that a copy was given is over.
    CopyIsLate(Box<str>),
    /// A step on the way to the archive or back is done.
    TieringEnds(Box<str>),
    /// Fast restores of a snapshot in a zone come into a state.
    FastRestoreMoves(Box<str>, FastRestoreState),
    /// A volume that this caller asked for is made.
    VolumeIsMade(Box<str>, Caller),
    /// A change of a volume comes into its next state.
    ModificationMoves(Box<str>),
}

/// Lets something happen.
pub(crate) fn happen(state: &mut State, place: &Place, happening: Happening, at: Timestamp) {
    match happening {
        Happening::Instance(it) => instances::happen(state, place, it, at),
        Happening::Image(it) => images::happen(state, place, it, at),
        Happening::SnapshotEnds(id) => snapshot_create::ends(state, place, &id, at),
        Happening::SnapshotSetEnds(ids) => snapshot_create_many::ends(state, place, &ids, at),
        Happening::CopyMeetsKeys(id, source_key) => {
            copy::meets_keys(state, place, &id, source_key.as_deref(), at);
        }
        Happening::CopyEnds(id) => copy::ends(state, place, &id, at),
        Happening::CopyIsLate(id) => copy::is_late(state, place, &id, at),
        Happening::TieringEnds(id) => archive::step_ends(state, place, &id, at),
        Happening::FastRestoreMoves(key, to) => fast_restore::moves(state, place, &key, to, at),
        Happening::VolumeIsMade(id, caller) => {
            volume_create::is_made(state, place, &id, &caller, at);
        }
        Happening::ModificationMoves(id) => volume_modify::moves(state, place, &id, at),
    }
}

/// The buckets that calls are paid from.
pub(crate) use lamplighter_core::pace::ec2 as bucket;
