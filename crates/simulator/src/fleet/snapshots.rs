//! EBS snapshots: the history of volumes.

use jiff::SignedDuration;
use lamplighter_core::{AccountId, Place, select::TagPatterns};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    entry::{Bad, Common, Entry, check_keys, entry, unknown_name},
    here::{self, Here},
};
use crate::{
    ec2::{self, snapshots as ec2_snapshots, volumes::Volume},
    words::{OneOrMore, Range, Text, Time},
};

/// How old the newest one of a volume is that does not say it.
pub(super) const AGE: Range<Time> = Range { from: HOUR, to: HOUR };
const HOUR: Time = Time(SignedDuration::from_hours(1));
/// How far apart those of one volume are that do not say it.
pub(super) const EVERY: Time = Time(SignedDuration::from_hours(24));
/// The size of a volume that is gone.
const SIZE: u32 = 8;

entry! {
    /// EBS snapshots of the volumes with these ids, of those with these tags, or of all in each
    /// place. `count` is how many there are of each volume, and `age`, `1h` by default, how old the
    /// newest is. In texts, `{volume}` is the volume and `{at}` the time of the snapshot.
    pub struct Snapshots {
        /// The volume's id, or several, in one place. One that is not there is gone.
        pub volume: OneOrMore<String>,
        /// The tags of the volumes.
        pub of: TagPatterns,
        /// How much older each is than the one after it; `1d` by default.
        pub every: Time,
        /// The size in GiB of volumes that are gone; 8 by default.
        pub size: u32,
        /// The state; `completed` by default.
        pub state: SnapshotState,
        /// The description.
        pub description: Text,
        /// The other accounts that may use them.
        pub shared_with: OneOrMore<AccountId>,
        /// The KMS key that they are encrypted with, by its alias or its ARN; by default that of
        /// the volume, if it has one.
        pub key: String,
    }
}

/// The state of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SnapshotState {
    /// It completes after the time that snapshots take.
    Pending,
    /// It can be restored.
    Completed,
    /// It has failed.
    Error,
}

impl Entry for Snapshots {
    const KEY: &'static str = "snapshots";
    const KIND: &'static str = "snap";
    const PREFIX: &'static str = "snap-";
    const NAMES: &'static [&'static str] = &["volume"];

    type Item = ec2_snapshots::Snapshot;

    fn common(&self) -> Common<'_> {
        Common { age: Some(self.age.as_ref().unwrap_or(&AGE)), ..self.all_say() }
    }

    fn check(&self, places: &[Place], bad: &mut Bad<'_>) {
        let volumes = || self.volume.iter().flat_map(OneOrMore::iter);
        if let Some(volume) = volumes().find(|it| !it.starts_with("vol-")) {
            bad.say("volume", format!("`{volume}` is not the id of a volume, such as `vol-0abc`"));
        }
        if self.volume.is_some() && places.len() > 1 {
            bad.say("volume", "with `volume`, `account` and `region` say where it is");
        }
        if self.volume.is_some() && self.of.is_some() {
            bad.say("of", "there is `volume` already");
        }
        if self.id.is_some() && volumes().count() != 1 {
            bad.say("id", "with an `id`, `volume` is one");
        }
        if self.size.is_some() && self.volume.is_none() {
            bad.say("size", "`size` goes with a `volume`: what is there has one");
        }
        if self.size.is_some_and(|it| !(1..=65_536).contains(&it)) {
            bad.say("size", "a volume has 1..65536 GiB");
        }
        if let Some(why) = self.description.as_ref().and_then(unknown_name::<Snapshots>) {
            bad.say("description", why);
        }
        check_keys("key", &self.key, bad);
    }

    fn make(&self, here: &mut Here<'_>) -> Vec<(Box<str>, ec2_snapshots::Snapshot)> {
        let mut made = Vec::new();
        for source in self.sources(here) {
            let count = self.count.map_or(1, |it| it.draw(&mut here.random));
            made.extend((1..=count).map(|n| self.snapshot(&source, n, here)));
        }
        made
    }

    fn put(here: &mut Here<'_>, items: Vec<(Box<str>, ec2_snapshots::Snapshot)>) {
        let takes = here.times().snapshot;
        for (id, it) in &items {
            if it.state == ec2_snapshots::State::Pending {
                here.plan(here.now + takes, ec2::Happening::SnapshotEnds(id.clone()));
            }
        }
        here.services().ec2.snapshots.fill(items.into_iter().map(|(_, it)| it));
    }
}

/// What a snapshot is of.
struct Source {
    volume: Box<str>,
    size_gib: u32,
    key: Option<std::sync::Arc<str>>,
}

impl Source {
    fn of(volume: &Volume) -> Source {
        let Volume { id, size_gib, kms_key_id, .. } = volume;
        Source { volume: id.as_str().into(), size_gib: *size_gib, key: kms_key_id.clone() }
    }
}

impl Snapshots {
    fn sources(&self, here: &mut Here<'_>) -> Vec<Source> {
        let volumes = &here.services().ec2.volumes;
        let Some(ids) = &self.volume else {
            let is_meant = |it: &Volume| self.of.as_ref().is_none_or(|of| of.selects(&it.tags));
            let all = volumes.iter().filter(|(_, it)| is_meant(it));
            return all.map(|(_, it)| Source::of(it)).collect();
        };
        let gone =
            |id: &str| Source { volume: id.into(), size_gib: self.size.unwrap_or(SIZE), key: None };
        ids.iter().map(|id| volumes.get(id).map_or_else(|| gone(id), Source::of)).collect()
    }

    fn snapshot(
        &self,
        source: &Source,
        n: u32,
        here: &mut Here<'_>,
    ) -> (Box<str>, ec2_snapshots::Snapshot) {
        let older = self.every.unwrap_or(EVERY).0 * (n as i32 - 1);
        let volume = [("volume", &*source.volume)];
        let one = here.one::<Snapshots>(&self.common(), n, older, &volume);
        let owner = here.place().account.clone();
        let mut snapshot = ec2_snapshots::Snapshot::completed(
            owner,
            &one.id,
            &source.volume,
            source.size_gib,
            one.created_at,
        );
        if let Some(description) = &self.description {
            let at = one.created_at.to_string();
            let names = [("volume", &*source.volume), ("at", at.as_str())];
            let place = here.place().clone();
            let text = here::fill(description, &mut here.random, &place, n, &names);
            snapshot.description = text.into();
        }
        snapshot.tags = one.tags;
        snapshot.kms_key_id = match &self.key {
            Some(key) => Some(here.key(key)),
            None => source.key.clone(),
        };
        snapshot.encrypted = snapshot.kms_key_id.is_some();
        snapshot.share.accounts.extend(self.shared_with.iter().flat_map(OneOrMore::iter).cloned());
        match self.state {
            None | Some(SnapshotState::Completed) => {}
            Some(SnapshotState::Error) => snapshot.state = ec2_snapshots::State::Error,
            Some(SnapshotState::Pending) => {
                snapshot.state = ec2_snapshots::State::Pending;
                snapshot.ends_at = here.now + here.times().snapshot;
            }
        }
        (one.id, snapshot)
    }
}
