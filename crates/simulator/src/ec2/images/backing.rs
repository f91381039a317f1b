//! The snapshots that images are made of: all that images know of snapshots is here.

use std::collections::BTreeSet;

use jiff::Timestamp;
use lamplighter_core::{AccountId, Place, Tags};

use super::Mapping;
use crate::{arn, cloud::State};

/// A snapshot that images are made of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Backing {
    pub(crate) id: Box<str>,
    pub(crate) volume_id: Box<str>,
    pub(crate) size_gib: u32,
    pub(crate) encrypted: bool,
    pub(crate) kms_key_id: Option<Box<str>>,
    pub(crate) description: Box<str>,
    /// When it is completed.
    pub(crate) completes_at: Timestamp,
    /// Why it will not be.
    pub(crate) fails: Option<Box<str>>,
    /// The images that use it.
    pub(crate) images: BTreeSet<Box<str>>,
    /// The accounts that may copy it, beside its owner.
    pub(crate) shared_with: BTreeSet<AccountId>,
    /// Everybody may copy it.
    pub(crate) public: bool,
    pub(crate) tags: Tags,
}

impl Backing {
    /// What an image that belongs to AWS is made of, as far as it says.
    pub(super) fn of_public(it: &Mapping) -> Backing {
        Backing {
            id: it.snapshot_id.clone(),
            volume_id: "vol-ffffffff".into(),
            size_gib: it.size_gib,
            encrypted: it.encrypted,
            kms_key_id: None,
            description: Box::default(),
            completes_at: Timestamp::UNIX_EPOCH,
            fails: None,
            images: BTreeSet::new(),
            shared_with: BTreeSet::new(),
            public: true,
            tags: Tags::new(),
        }
    }
}

/// How far the snapshots of an image are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Pending,
    Completed,
    Failed(Box<str>),
}

/// How a copy is encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Encryption {
    pub(super) encrypted: bool,
    /// `None`: with the account's default key.
    pub(super) kms_key_id: Option<Box<str>>,
}

/// The ARN of snapshots that are still to be made.
pub(super) fn new_arn(place: &Place) -> String {
    arn::without_account(&place.region, "snapshot/*")
}

/// Makes a snapshot of a volume for an image. `None`: there is no such volume.
pub(super) fn snapshot_volume(
    state: &mut State,
    place: &Place,
    volume_id: &str,
    image_id: &str,
    description: String,
    tags: Tags,
    now: Timestamp,
) -> Option<Box<str>> {
    let completes_at = now + state.dials.times.snapshot;
    let id: Box<str> = state.fresh_id("snap").into();
    let ec2 = &mut state.services_mut(place).ec2;
    let volume = ec2.volumes.get(volume_id)?;
    let backing = Backing {
        id: id.clone(),
        volume_id: volume_id.into(),
        size_gib: volume.size_gib,
        encrypted: volume.encrypted,
        kms_key_id: volume.kms_key_id.as_deref().map(Box::from),
        description: description.into(),
        completes_at,
        fails: None,
        images: BTreeSet::from([image_id.into()]),
        shared_with: BTreeSet::new(),
        public: false,
        tags,
    };
    ec2.backings.put(&id, backing, now);
    Some(id)
}

/// Copies a snapshot of an image of an account for a new image. `None`: there is no such
/// snapshot, for AWS's own images say what they are made of, and do not show it.
#[expect(clippy::too_many_arguments, reason = "a copy has two ends, and each of these is one fact")]
pub(super) fn copy(
    state: &mut State,
    from: &Place,
    to: &Place,
    source: &Backing,
    image_id: &str,
    encryption: Encryption,
    tags: Tags,
    now: Timestamp,
) -> Box<str> {
    let id: Box<str> = state.fresh_id("snap").into();
    let backing = Backing {
        id: id.clone(),
        volume_id: "vol-ffffffff".into(),
        encrypted: encryption.encrypted,
        kms_key_id: encryption.kms_key_id,
        description: format!(
            "Copied for DestinationAmi {image_id} from SourceSnapshot {} in {}.",
            source.id, from.region
        )
        .into(),
        completes_at: now + state.dials.times.snapshot,
        images: BTreeSet::from([image_id.into()]),
        shared_with: BTreeSet::new(),
        public: false,
        tags,
        ..source.clone()
    };
    state.services_mut(to).ec2.backings.put(&id, backing, now);
    id
}

/// The snapshot, if an account may copy it. Those of AWS's own images are open to everybody.
pub(super) fn readable<'s>(
    state: &'s State,
    owner: &Place,
    id: &str,
    account: &AccountId,
) -> Option<&'s Backing> {
    let backing = state.services_of(owner)?.ec2.backings.get(id)?;
    let open = owner.account == *account || backing.public || backing.shared_with.contains(account);
    open.then_some(backing)
}

/// How far all of these snapshots are.
pub(super) fn progress<'i>(
    state: &State,
    place: &Place,
    ids: impl Iterator<Item = &'i str>,
    now: Timestamp,
) -> Progress {
    let backings = &state.services(place).ec2.backings;
    let mut progress = Progress::Completed;
    for id in ids {
        match backings.get(id) {
            None => return Progress::Failed(format!("The snapshot '{id}' is gone").into()),
            Some(it) if it.completes_at > now => progress = Progress::Pending,
            Some(Backing { fails: Some(why), .. }) => return Progress::Failed(why.clone()),
            Some(_) => {}
        }
    }
    progress
}

/// Whether a snapshot keeps images from being shared: one that is encrypted with the key that
/// AWS manages. Source: EC2 User Guide, "Share an AMI with specific AWS accounts".
pub(super) fn is_private(state: &State, place: &Place, id: &str) -> bool {
    let backing = state.services(place).ec2.backings.get(id);
    backing.is_some_and(|it| it.encrypted && it.kms_key_id.is_none())
}

/// An image does not use its snapshot any longer.
pub(super) fn release(state: &mut State, place: &Place, id: &str, image_id: &str, now: Timestamp) {
    let backings = &mut state.services_mut(place).ec2.backings;
    backings.change(id, now, |it| it.images.remove(image_id));
}

/// Whether other images use a snapshot.
pub(super) fn is_used(state: &State, place: &Place, id: &str) -> bool {
    state.services(place).ec2.backings.get(id).is_some_and(|it| !it.images.is_empty())
}

/// Deletes a snapshot that no image uses. Whether it was there.
pub(super) fn delete(state: &mut State, place: &Place, id: &str, now: Timestamp) -> bool {
    state.services_mut(place).ec2.backings.remove(id, now).is_some()
}

/// What conditions on a snapshot may ask for: its tags.
pub(super) fn tags<'s>(state: &'s State, place: &Place, id: &str) -> Option<&'s Tags> {
    Some(&state.services_of(place)?.ec2.backings.get(id)?.tags)
}
