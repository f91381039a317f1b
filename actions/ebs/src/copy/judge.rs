//! The plan of `ebs.snapshot.copy`: where each snapshot goes, on which way, and what is missing.

use lamplighter_core::{
    Place, Verdict,
    action::{COPIED_FROM_TAG, PlanCx},
    cloud::ec2::{Restorable, Snapshot, SnapshotState},
    tagging::TAGS_MAX,
};

use super::{
    known::{Known, TargetKey, There, Way, way},
    params::{Destination, Params, Sources},
};
use crate::lineage::{copied_to, is_hop, source, why_it_stays};

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
    let (mut ways, mut notes, mut left) = (Vec::new(), Vec::new(), 0);
    for (to, there) in params.to.iter().zip(&known.there) {
        match arrived(to, here, snapshot, there) {
            Some(done) => notes.push(done),
            None => {
                left += 1;
                match one(params, here, snapshot, (to, there), found, known) {
                    Ok((effect, reason)) => {
                        ways.push(effect);
                        notes.extend(reason);
                    }
                    Err(reason) => return Verdict::Fail { reason },
                }
            }
        }
    }
    let stays = why_it_stays(snapshot, here, found.iter().map(|it| &it.0));
    if left == 0 {
        return match stays {
            None if params.delete_source => {
                let effect = format!("delete ({} GiB)", snapshot.size_gib);
                Verdict::Act { effect, reason: Some(notes.join("; ")) }
            }
            _ => Verdict::Leave { reason: notes.join("; ") },
        };
    }
    let ours = snapshot.owner.as_ref() == Some(&here.account);
    let news =
        params.to.iter().filter(|to| !snapshot.tags.contains_key(&copied_to(&to.place(here))));
    if ours && snapshot.tags.len() + news.count() > TAGS_MAX {
        let reason = format!(
            "its {} tags leave no room for those that name its copies: a snapshot has at most \
             {TAGS_MAX}",
            snapshot.tags.len()
        );
        return Verdict::Fail { reason };
    }
    notes.extend(params.wanted_tags().left_out(&snapshot.tags));
    if params.delete_source {
        notes.push(match stays {
            None => "it is deleted then".to_owned(),
            Some(why) => format!("it stays: {why}"),
        });
    }
    let effect = format!("copy {} GiB to {}", snapshot.size_gib, ways.join(", and to "));
    let reason = (!notes.is_empty()).then(|| notes.join("; "));
    Verdict::Act { effect, reason }
}

/// Why a snapshot is not to be copied anywhere.
/// Source: EBS User Guide, "Copy an Amazon EBS snapshot" and "Archive Amazon EBS snapshots".
fn cannot(params: &Params, here: &Place, snapshot: &Snapshot) -> Option<String> {
    let reason = match snapshot.state {
        SnapshotState::Pending => "pending: only completed snapshots are copied",
        SnapshotState::Error => "it failed",
        SnapshotState::Recoverable | SnapshotState::Recovering => "it is in the recycle bin",
        SnapshotState::Completed if is_hop(snapshot) => "it is on the way to another copy",
        SnapshotState::Completed if snapshot.storage_tier != "standard" => {
            "it is in the archive: restore it first"
        }
        SnapshotState::Completed => "",
    };
    if !reason.is_empty() {
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
pub(super) fn arrived(
    to: &Destination,
    here: &Place,
    snapshot: &Snapshot,
    there: &There,
) -> Option<String> {
    let place = &there.place;
    if place == here && (to.key.is_none() || snapshot.tags.contains_key(COPIED_FROM_TAG)) {
        return Some(format!("it is in {place} itself"));
    }
    let copy = there.copies.iter().find(|it| is_copy_of(it, &snapshot.id))?;
    Some(match copy.state {
        SnapshotState::Pending => format!("`{}` in {place} is being made of it", copy.id),
        _ => format!("copied to {place} as `{}`", copy.id),
    })
}

/// Whether a copy of a snapshot has not failed and is not thrown away.
pub(super) fn is_copy_of(copy: &Snapshot, id: &str) -> bool {
    copy.tags.get(COPIED_FROM_TAG).map(String::as_str) == Some(id)
        && matches!(copy.state, SnapshotState::Completed | SnapshotState::Pending)
}

/// What is done for one destination, in words, and why; or why it cannot be.
fn one(
    params: &Params,
    here: &Place,
    snapshot: &Snapshot,
    (to, there): (&Destination, &There),
    found: &[Restorable],
    known: &Known,
) -> Result<(String, Option<String>), String> {
    let facts = snapshot.kms_key_id.as_ref().and_then(|key| known.keys.get(key));
    let way = way(params, here, snapshot, facts, &there.place.account)?;
    let hop_encrypts = matches!(way, Way::Hop(_)) && params.hop_key.is_some();
    let target = match snapshot.encrypted || hop_encrypts {
        true => Some(&there.target.of_encrypted),
        false => there.target.of_plain.as_ref(),
    };
    if !to.share.is_empty()
        && let Some(key) = target.filter(|it| it.is_of_aws())
    {
        return Err(format!(
            "its copy in {} would be encrypted with `{}`, a key of AWS, and could not be shared: \
             set the destination's `key`",
            there.place, key.name
        ));
    }
    let encryption = match target {
        Some(key) => format!("with key `{}`", key.name),
        None => "not encrypted".to_owned(),
    };
    let size = size(here, snapshot, there, target, found);
    let size = size.map_or("incremental".to_owned(), |why| format!("full: {why}"));
    let effect = format!("{} {encryption} ({size})", there.place);
    Ok(match way {
        Way::Within => (effect, None),
        Way::Shared(note) => (effect, note),
        Way::Hop(why) => {
            let key = params.hop_key.as_ref();
            let key = key.map(|it| format!(" with key `{it}`")).unwrap_or_default();
            (format!("{effect} by way of a copy here{key}"), Some(why))
        }
    })
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
