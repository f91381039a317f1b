//! What snapshots say of where they come from, by their tags.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lamplighter_core::{
    Place,
    action::{COPIED_FROM_TAG, COPIED_TO_TAG, HOP_TAG, SOURCE_TAG, TAKEN_AT_TAG, TASK_TAG},
    cloud::ec2::{Snapshot, SnapshotState},
};

/// What AWS says of the volume of a snapshot that is a copy.
/// Source: EBS User Guide, "Copy an Amazon EBS snapshot".
pub(crate) const NO_VOLUME: &str = "vol-ffffffff";

/// What a snapshot is a backup of. A copy knows only by its tag.
pub(crate) fn source(snapshot: &Snapshot) -> Option<&str> {
    match snapshot.tags.get(SOURCE_TAG) {
        Some(source) => Some(source),
        None => Some(snapshot.volume_id.as_str()).filter(|it| *it != NO_VOLUME),
    }
}

/// The point in time that a snapshot holds. A copy says in its tag when the original was taken;
/// that it holds something from after its own start cannot be, and such a tag does not count.
pub(crate) fn taken_at(snapshot: &Snapshot) -> Timestamp {
    let tag = snapshot.tags.get(TAKEN_AT_TAG).and_then(|text| text.parse::<Timestamp>().ok());
    tag.filter(|at| *at <= snapshot.started_at).unwrap_or(snapshot.started_at)
}

/// The name of the tag that says which copy of a snapshot is in a place.
pub(crate) fn copied_to(place: &Place) -> String {
    format!("{COPIED_TO_TAG}{place}")
}

/// Whether a snapshot is a copy on the way to another one, and no backup.
pub(crate) fn is_hop(snapshot: &Snapshot) -> bool {
    snapshot.tags.contains_key(HOP_TAG)
}

/// Why a snapshot must stay, whatever has become of its copies: only what a task has made goes,
/// and only when one of these is a newer backup.
pub(crate) fn why_it_stays<'s>(
    snapshot: &Snapshot,
    here: &Place,
    others: impl IntoIterator<Item = &'s Snapshot>,
) -> Option<&'static str> {
    if snapshot.owner.as_ref() != Some(&here.account) {
        return Some("another account owns it");
    }
    if !snapshot.tags.contains_key(TASK_TAG) {
        return Some("no task has made it");
    }
    let is_newer = |it: &Snapshot| {
        it.id != snapshot.id
            && it.state == SnapshotState::Completed
            && !is_hop(it)
            && source(it).is_some()
            && source(it) == source(snapshot)
            && it.started_at >= snapshot.started_at
            && taken_at(it) >= taken_at(snapshot)
    };
    match others.into_iter().any(is_newer) {
        true => None,
        false => Some("it is the newest backup here"),
    }
}

/// A service of AWS that manages snapshots, and is the one to change them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manager {
    /// AWS Backup.
    Backup,
    /// Data Lifecycle Manager.
    LifecycleManager,
}

/// The service that manages a snapshot, by the tags that it sets.
pub(crate) fn manager(snapshot: &Snapshot) -> Option<Manager> {
    let tagged = |prefix| snapshot.tags.keys().any(|key| key.starts_with(prefix));
    let backup = tagged("aws:backup:").then_some(Manager::Backup);
    backup.or_else(|| tagged("aws:dlm:").then_some(Manager::LifecycleManager))
}

/// The snapshots that copies build on, by their ids, and which: a copy to another account or
/// region has only what has changed since the last one there, as long as that one is still there.
/// So the last copy of each source stays, and so does, where it came from, the newest one that was
/// copied, until a newer one is.
/// Source: EBS User Guide, "Copy an Amazon EBS snapshot", incremental copies.
pub(crate) fn bases(found: &[Snapshot]) -> BTreeMap<&str, String> {
    let completed = |it: &&Snapshot| it.state == SnapshotState::Completed && !is_hop(it);
    let (mut copies, mut copied) = (BTreeMap::new(), BTreeMap::new());
    for snapshot in found.iter().filter(completed) {
        let Some(of) = source(snapshot) else { continue };
        let id = snapshot.id.as_str();
        if snapshot.tags.contains_key(COPIED_FROM_TAG) {
            newest(&mut copies, of, (snapshot.started_at, id));
        }
        for place in snapshot.tags.keys().filter_map(|name| name.strip_prefix(COPIED_TO_TAG)) {
            newest(&mut copied, (of, place), (taken_at(snapshot), id));
        }
    }
    let copies = copies.into_iter().map(|(of, (_, id))| {
        (id, format!("it is the last copy of `{of}`, and the next one builds on it"))
    });
    let copied = copied.into_iter().map(|((_, place), (_, id))| {
        (id, format!("no newer one was copied to {place}, and the next copy builds on that one"))
    });
    copied.chain(copies).collect()
}

fn newest<'s, K: Ord>(
    of: &mut BTreeMap<K, (Timestamp, &'s str)>,
    key: K,
    this: (Timestamp, &'s str),
) {
    let newest = of.entry(key).or_insert(this);
    *newest = this.max(*newest);
}
