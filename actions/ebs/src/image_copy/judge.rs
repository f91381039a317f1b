//! The plan of `ec2.image.copy`: where each image goes, on which way, and what is missing.

use lamplighter_core::{
    Place, Verdict,
    action::{COPIED_FROM_TAG, HOP_TAG, PlanCx},
    cloud::ec2::{Image, Snapshot},
    copying::{Draft, Source, TargetKey, Way, cannot_share, no_room, way},
};

use super::{
    known::{Known, There},
    params::Params,
};
use crate::{
    backing::{keys_of, size_gib},
    copy::is_itself_in,
    destination::Destination,
    keys,
};

/// Judges every image.
pub(super) fn plan(
    params: &Params,
    cx: &PlanCx<'_>,
    found: &[Image],
    known: &Known,
) -> Vec<Verdict> {
    found.iter().map(|it| judge(params, cx.place, it, known)).collect()
}

fn judge(params: &Params, here: &Place, image: &Image, known: &Known) -> Verdict {
    if let Some(reason) = cannot(image) {
        return Verdict::Leave { reason };
    }
    let mut snapshots = Vec::new();
    for id in &image.snapshots {
        let Some(snapshot) = known.snapshots.get(id) else {
            let reason =
                format!("nobody knows the key of its snapshot `{id}`, which does not show");
            return Verdict::Fail { reason };
        };
        snapshots.push(snapshot);
    }
    let mut draft = Draft::default();
    for (to, there) in params.to.iter().zip(&known.there) {
        match arrived(to, here, image, there) {
            Some(done) => draft.arrived(done),
            None => match one(params, here, &snapshots, (to, there), known) {
                Ok((effect, way)) => draft.goes(effect, way, params.hop_key.as_deref()),
                Err(reason) => return Verdict::Fail { reason },
            },
        }
    }
    if !draft.is_nothing() {
        if let Some(reason) = no_room(&image.tags, &params.to, here) {
            return Verdict::Fail { reason };
        }
        draft.note(params.wanted_tags().left_out(&image.tags));
    }
    draft.verdict(&format!("{} GiB", size_gib(snapshots)))
}

/// Why an image is not to be copied anywhere.
/// Source: EC2 User Guide, "How Amazon EC2 AMI copy works".
fn cannot(image: &Image) -> Option<String> {
    if image.state != "available" {
        return Some(format!("it is `{}`: only available images are copied", image.state));
    }
    if image.tags.contains_key(HOP_TAG) {
        return Some("it is on the way to another copy".to_owned());
    }
    image.snapshots.is_empty().then(|| "it is not made of snapshots".to_owned())
}

/// Why nothing is to be done for a destination.
fn arrived(to: &Destination, here: &Place, image: &Image, there: &There) -> Option<String> {
    let place = &there.place;
    if is_itself_in(to, place, here, &image.tags) {
        return Some(format!("it is in {place} itself"));
    }
    let copy = there.copies.iter().find(|it| is_copy_of(it, &image.id))?;
    Some(match copy.state.as_str() {
        "pending" => format!("`{}` in {place} is being made of it", copy.id),
        _ => format!("copied to {place} as `{}`", copy.id),
    })
}

/// Whether a copy of an image has not failed and is not thrown away.
pub(super) fn is_copy_of(copy: &Image, id: &str) -> bool {
    copy.tags.get(COPIED_FROM_TAG).map(String::as_str) == Some(id)
        && ["available", "disabled", "pending"].contains(&copy.state.as_str())
}

/// What decides on the way that an image of the account takes, with these snapshots.
pub(super) fn source_of<'s>(snapshots: impl IntoIterator<Item = &'s Snapshot>) -> Source<'s> {
    Source { keys: keys_of(snapshots), kept: None, reads: keys::READS }
}

/// What is done for one destination, in words, and on which way; or why it cannot be.
fn one(
    params: &Params,
    here: &Place,
    snapshots: &[&Snapshot],
    (to, there): (&Destination, &There),
    known: &Known,
) -> Result<(String, Way), String> {
    let (hop_key, place) = (params.hop_key.as_deref(), &there.place);
    let source = source_of(snapshots.iter().copied());
    let way = way(&source, hop_key, here, &known.keys, &place.account)?;
    let hop_encrypts = matches!(way, Way::Hop(_)) && hop_key.is_some();
    let mut targets: Vec<Option<&TargetKey>> = Vec::new();
    for snapshot in snapshots {
        let target = there.target.key(snapshot.encrypted || hop_encrypts);
        if let Some(reason) = cannot_share(to, place, target) {
            return Err(reason);
        }
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
    // Without a key that is named, what is not encrypted may stay so beside what is.
    let key = targets.iter().flatten().next();
    let encryption = match key {
        Some(key) if targets.contains(&None) => {
            format!("with key `{}` where it is encrypted", key.name)
        }
        Some(key) => format!("with key `{}`", key.name),
        None => "not encrypted".to_owned(),
    };
    Ok((format!("{place} {encryption}"), way))
}
