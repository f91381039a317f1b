//! The snapshots that images are made of: all that images know of snapshots is here.

use std::{collections::BTreeSet, sync::Arc};

use lamplighter_core::{AccountId, Place, Tags};

use super::{Image, Mapping};
use crate::{
    arn,
    cloud::State,
    ec2::{
        Happening,
        copy::{self, New},
        copy_rules,
        snapshot_create::{self, begun, snapshottable},
        snapshot_delete,
        snapshot_own::about,
        snapshots::{self, COPIED_VOLUME, Snapshot},
        volumes::Volume,
    },
    iam::{Context, Need},
    kms::{Kms, Manager},
    operation::Cx,
    refusal::Refusal,
};

/// How far the snapshots of an image are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Pending,
    Completed,
    Failed(Box<str>),
}

/// The ARN of snapshots that are still to be made.
pub(super) fn new_arn(place: &Place) -> String {
    arn::without_account(&place.region, "snapshot/*")
}

/// What an action on a snapshot of an account takes.
pub(super) fn need(cx: &Cx<'_>, action: &'static str, owner: &Place, id: &str) -> Need {
    let snapshot = cx.state.services_of(owner).and_then(|it| it.ec2.snapshots.get(id));
    let context = snapshot.map_or_else(Context::default, about);
    Need::on(action, arn::without_account(&owner.region, format_args!("snapshot/{id}")))
        .with(context)
}

/// A volume that a snapshot may be made of now.
pub(super) fn volume(cx: &Cx<'_>, id: &str) -> Result<Volume, Refusal> {
    snapshottable(cx, id)
}

/// Refuses more snapshots than a region may have.
pub(super) fn check_quota(cx: &Cx<'_>, new: usize) -> Result<(), Refusal> {
    snapshot_create::check_quota(cx, new)
}

/// Makes a snapshot of a volume for an image.
pub(super) fn snapshot_volume(
    cx: &mut Cx<'_>,
    volume: &Volume,
    image_id: &str,
    description: String,
    tags: Tags,
) -> Box<str> {
    let mut snapshot = begun(cx.state, cx.place, volume, description, tags, cx.now);
    snapshot.images.insert(image_id.into());
    let (id, ends_at, now) = (snapshot.id.clone(), snapshot.ends_at, cx.now);
    cx.here_mut().ec2.snapshots.put(snapshot, now);
    cx.plan(ends_at, Happening::SnapshotEnds(id.clone()));
    id
}

/// The snapshots that an image in a region is made of, in the order of its mappings. Who was
/// given the image must have been given them too; AWS's own images can be copied without.
pub(super) fn copyable(
    cx: &Cx<'_>,
    owner: &Place,
    image: &Image,
) -> Result<Vec<Snapshot>, Refusal> {
    let caller = Place { account: cx.place.account.clone(), region: owner.region.clone() };
    let of = |it: &Mapping| {
        if image.owner_alias.is_some() {
            return Ok(of_aws(owner, it));
        }
        let snapshot = cx.usable_snapshot(&caller, &it.snapshot_id).map_err(|_| {
            let message = "You do not have permission to access the storage of this ami";
            Refusal::new("InvalidRequest", message)
        })?;
        if snapshot.state != snapshots::State::Completed || !snapshot.is_at_hand() {
            let message = format!("'{}' is not a completed snapshot at hand", snapshot.id);
            return Err(Refusal::new("IncorrectState", message));
        }
        Ok(snapshot.clone())
    };
    let all: Vec<Snapshot> = image.mappings.iter().map(of).collect::<Result<_, _>>()?;
    check_quota(cx, all.len())?;
    Ok(all)
}

/// What an image of AWS is made of, as far as it says.
fn of_aws(owner: &Place, it: &Mapping) -> Snapshot {
    let account = owner.account.clone();
    let at = jiff::Timestamp::UNIX_EPOCH;
    Snapshot::completed(account, &it.snapshot_id, COPIED_VOLUME, it.size_gib, at)
}

/// How the copies of an image are to be.
pub(super) struct Copies<'c> {
    /// Where the source is, with the account that owns it.
    pub(super) owner: &'c Place,
    pub(super) image_id: &'c str,
    pub(super) encrypted: Option<bool>,
    pub(super) kms_key_id: Option<&'c str>,
    pub(super) minutes: Option<u32>,
    pub(super) tags: &'c Tags,
}

/// Copies all of these snapshots for a new image, or none of them. Each copy, with whether it is
/// encrypted.
pub(super) fn copy(
    cx: &mut Cx<'_>,
    sources: Vec<Snapshot>,
    copies: &Copies<'_>,
) -> Result<Vec<(Box<str>, bool)>, Refusal> {
    let keys: Vec<Option<Arc<str>>> =
        sources.iter().map(|it| key(cx, it, copies)).collect::<Result<_, _>>()?;
    let mut made: Vec<(Box<str>, bool)> = Vec::new();
    for (source, key) in sources.into_iter().zip(keys) {
        let encrypted = key.is_some();
        let description = format!(
            "Copied for DestinationAmi {} from SourceSnapshot {} in {}.",
            copies.image_id, source.id, copies.owner.region
        );
        let new = New {
            source,
            source_place: copies.owner.clone(),
            key,
            description,
            tags: copies.tags.clone(),
            minutes: copies.minutes,
            images: BTreeSet::from([copies.image_id.into()]),
        };
        match copy::begin(cx, new) {
            Ok(id) => made.push((id.into(), encrypted)),
            Err(refusal) => {
                let now = cx.now;
                for (id, _) in &made {
                    cx.here_mut().ec2.snapshots.remove(id, now);
                }
                return Err(refusal);
            }
        }
    }
    Ok(made)
}

/// The key that a copy is encrypted with.
fn key(cx: &Cx<'_>, source: &Snapshot, copies: &Copies<'_>) -> Result<Option<Arc<str>>, Refusal> {
    let by_default = cx.here().ec2.settings.encryption_by_default;
    let named = copies.kms_key_id;
    let choice = copy_rules::key(source.encrypted, copies.encrypted, named.is_some(), by_default)?;
    Ok(choice.map(|it| copy::key(cx, it, named)))
}

/// How far all snapshots of an image are.
pub(super) fn progress(state: &State, place: &Place, image: &Image) -> Progress {
    let shelf = &state.services(place).ec2.snapshots;
    let mut progress = Progress::Completed;
    for id in image.snapshots() {
        match shelf.get(id).map(|it| (it.state, it.state_message.as_deref())) {
            None => return Progress::Failed(format!("The snapshot '{id}' is gone").into()),
            Some((snapshots::State::Pending, _)) => progress = Progress::Pending,
            Some((snapshots::State::Error, why)) => {
                return Progress::Failed(why.unwrap_or("The snapshot failed").into());
            }
            Some(_) => {}
        }
    }
    progress
}

/// Whether a snapshot keeps images from being shared: one that is encrypted with the key that
/// AWS manages. Source: EC2 User Guide, "Share an AMI with specific AWS accounts".
pub(super) fn is_private(state: &State, place: &Place, id: &str) -> bool {
    let aws = |arn: &str| match Kms::find(state, arn) {
        Some(key) => key.manager == Manager::Aws,
        None => *arn == *Kms::managed(place, "alias/aws/ebs"),
    };
    let snapshot = state.services(place).ec2.snapshots.get(id);
    snapshot.is_some_and(|it| it.encrypted && it.kms_key_id.as_deref().is_none_or(aws))
}

/// An image does not use its snapshot any longer.
pub(super) fn release(cx: &mut Cx<'_>, id: &str, image_id: &str) {
    let now = cx.now;
    cx.here_mut().ec2.snapshots.change(id, now, |it| it.images.remove(image_id));
}

/// Whether images use a snapshot.
pub(super) fn is_used(cx: &Cx<'_>, id: &str) -> bool {
    cx.here().ec2.snapshots.get(id).is_some_and(|it| !it.images.is_empty())
}

/// Deletes a snapshot that no image uses, unless AWS keeps it.
pub(super) fn delete(cx: &mut Cx<'_>, id: &str) -> Result<(), Refusal> {
    snapshot_delete::delete(cx, id)
}

/// The account of an image in its region.
pub(super) fn owner(image: &Image, region: &lamplighter_core::Region) -> Place {
    let account: AccountId = image.owner.clone();
    Place { account, region: region.clone() }
}
