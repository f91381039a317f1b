//! The plan of `ebs.snapshot.copy`: where each snapshot goes, on which way, and what is missing.

use lamplighter_core::{
    Place, Tags, Verdict,
    action::{COPIED_FROM_TAG, PlanCx},
    cloud::ec2::{Restorable, Snapshot, SnapshotState},
    copying::{Draft, TargetKey, Way, cannot_share, copied_to, no_room, way},
};

use super::{
    known::{Known, There, source_of},
    params::{Params, Sources},
};
use crate::{
    destination::Destination,
    lineage::{source, why_it_stays},
    usable::why_unusable,
};

/// Judges every snapshot.
pub(super) fn plan(
    params: &Params,
    cx: &PlanCx<'_>,
    found: &[Restorable],
    known: &Known,
) -> Vec<Verdict> {
    found.iter().map(|Restorable(it)| judge(params, cx.place, it, found, known)).collect()
}

fn judge(
    params: &Params,
    here: &Place,
    snapshot: &Snapshot,
    found: &[Restorable],
    known: &Known,
) -> Verdict {
    if let Some(reason) = cannot(params, here, snapshot) {
        return Verdict::Leave { reason };
    }
    let mut draft = Draft::default();
    let hop_key = params.hop_key.as_deref();
    for (to, there) in params.to.iter().zip(&known.there) {
        match arrived(to, here, snapshot, there) {
            Some(done) => draft.arrived(done),
            None => match one(params, here, snapshot, (to, there), found, known) {
                Ok((effect, way)) => draft.goes(effect, way, hop_key),
                Err(reason) => return Verdict::Fail { reason },
            },
        }
    }
    let stays = why_it_stays(snapshot, here, found.iter().map(|it| &it.0));
    let size = format!("{} GiB", snapshot.size_gib);
    if draft.is_nothing() {
        return match stays {
            None if params.delete_source => {
                let effect = format!("delete ({size})");
                Verdict::Act { effect, reason: Some(draft.reasons()) }
            }
            _ => draft.verdict(&size),
        };
    }
    if snapshot.owner.as_ref() == Some(&here.account)
        && let Some(reason) = no_room(&snapshot.tags, &params.to, here)
    {
        return Verdict::Fail { reason };
    }
    draft.note(params.wanted_tags().left_out(&snapshot.tags));
    draft.note(params.delete_source.then(|| match stays {
        None => "it is deleted then".to_owned(),
        Some(why) => format!("it stays: {why}"),
    }));
    draft.verdict(&size)
}

/// Why a snapshot is not to be copied anywhere.
/// Source: EBS User Guide, "Copy an Amazon EBS snapshot" and "Archive Amazon EBS snapshots".
fn cannot(params: &Params, here: &Place, snapshot: &Snapshot) -> Option<String> {
    if let Some(reason) = why_unusable(snapshot) {
        return Some(reason.to_owned());
    }
    match (&snapshot.owner, params.sources) {
        (Some(owner), Sources::Owned) if *owner != here.account => {
            Some(format!("account {owner} shares it, and `sources` is `owned`"))
        }
        (Some(owner), Sources::Shared) if *owner == here.account => {
            Some("the account owns it, and `sources` is `shared`".to_owned())
        }
        (Some(owner), _) if *owner != here.account => {
            let named = params.owners.is_empty() || params.owners.contains(owner);
            (!named).then(|| format!("account {owner} shares it, which `owners` does not name"))
        }
        (Some(_), _) => None,
        (None, _) => Some("its owner is not known".to_owned()),
    }
}

/// Why nothing is to be done for a destination.
fn arrived(to: &Destination, here: &Place, snapshot: &Snapshot, there: &There) -> Option<String> {
    let place = &there.place;
    if is_itself_in(to, place, here, &snapshot.tags) {
        return Some(format!("it is in {place} itself"));
    }
    let copy = there.copies.iter().find(|it| is_copy_of(it, &snapshot.id))?;
    Some(match copy.state {
        SnapshotState::Pending => format!("`{}` in {place} is being made of it", copy.id),
        _ => format!("copied to {place} as `{}`", copy.id),
    })
}

/// Whether a destination is where a backup with these tags is, and what it is.
pub(crate) fn is_itself_in(to: &Destination, place: &Place, here: &Place, tags: &Tags) -> bool {
    place == here && (to.key.is_none() || tags.contains_key(COPIED_FROM_TAG))
}

/// Whether a copy of a snapshot has not failed and is not thrown away.
pub(super) fn is_copy_of(copy: &Snapshot, id: &str) -> bool {
    copy.tags.get(COPIED_FROM_TAG).map(String::as_str) == Some(id)
        && matches!(copy.state, SnapshotState::Completed | SnapshotState::Pending)
}

/// What is done for one destination, in words, and on which way; or why it cannot be.
fn one(
    params: &Params,
    here: &Place,
    snapshot: &Snapshot,
    (to, there): (&Destination, &There),
    found: &[Restorable],
    known: &Known,
) -> Result<(String, Way), String> {
    let (hop_key, place) = (params.hop_key.as_deref(), &there.place);
    let way = way(&source_of(snapshot, here), hop_key, here, &known.keys, &place.account)?;
    let hop_encrypts = matches!(way, Way::Hop(_)) && params.hop_key.is_some();
    let target = there.target.key(snapshot.encrypted || hop_encrypts);
    if let Some(reason) = cannot_share(to, place, target) {
        return Err(reason);
    }
    let encryption = match target {
        Some(key) => format!("with key `{}`", key.name),
        None => "not encrypted".to_owned(),
    };
    let size = size(here, snapshot, there, target, found);
    let size = size.map_or("incremental".to_owned(), |why| format!("full: {why}"));
    Ok((format!("{place} {encryption} ({size})"), way))
}

/// Why a copy is a full one; `None` when it only has what has changed.
/// Source: EBS User Guide, "Copy an Amazon EBS snapshot", incremental copies.
fn size(
    here: &Place,
    snapshot: &Snapshot,
    there: &There,
    target: Option<&TargetKey>,
    found: &[Restorable],
) -> Option<&'static str> {
    let key = target.and_then(|it| it.key.as_ref()).map(|it| it.arn.as_str());
    let same_key = |it: &Snapshot| {
        it.encrypted == target.is_some() && (target.is_none() || it.kms_key_id.as_deref() == key)
    };
    if there.place == *here {
        return (!same_key(snapshot)).then_some("it gets another key");
    }
    let Some(of) = source(snapshot) else { return Some("nobody knows its volume") };
    let is_of = |it: &&Snapshot| source(it) == Some(of) && it.state == SnapshotState::Completed;
    let copies: Vec<&Snapshot> = there.copies.iter().filter(is_of).collect();
    // Of all that were copied, the newest one names its copy.
    let mark = copied_to(&there.place);
    let copied = found.iter().map(|it| &it.0).filter(is_of);
    let named = copied.filter_map(|it| Some((it.started_at, it.tags.get(&mark)?))).max();
    let newest = copies.iter().max_by_key(|it| it.started_at);
    match (newest, named) {
        (None, None) => Some("the first one there"),
        (_, Some((_, named))) if copies.iter().all(|it| it.id != *named) => {
            Some("the last copy there is gone")
        }
        (Some(newest), _) if newest.storage_tier != "standard" => {
            Some("the last copy there is in the archive")
        }
        _ if copies.iter().all(|it| same_key(it)) => None,
        _ => Some("copies there have another key"),
    }
}
