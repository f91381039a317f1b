//! EBS snapshots, as they are kept.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Deref,
    sync::Arc,
};

use jiff::Timestamp;
use lamplighter_core::{AccountId, Place, Tags, cloud::ec2 as core};
use serde::Serialize;

use super::{archive::Tiering, filter::Filtered, lock::Lock};
use crate::{laws::Backup, organization::Caller, shelf::Shelf};

/// The volume that every copy says it is of.
/// Source: EBS User Guide, "Copy an Amazon EBS snapshot".
pub(crate) const COPIED_VOLUME: &str = "vol-ffffffff";

/// A snapshot, in the place of the account that owns it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Snapshot {
    pub(crate) id: Box<str>,
    pub(crate) owner: AccountId,
    pub(crate) volume_id: Box<str>,
    pub(crate) state: State,
    pub(crate) state_message: Option<Box<str>>,
    pub(crate) started_at: Timestamp,
    /// When it stops to be pending, as far as is known.
    pub(crate) ends_at: Timestamp,
    /// The size of the volume.
    pub(crate) size_gib: u32,
    pub(crate) encrypted: bool,
    pub(crate) kms_key_id: Option<Arc<str>>,
    pub(crate) description: Box<str>,
    pub(crate) tags: Tags,
    /// The images that use it.
    pub(crate) images: BTreeSet<Box<str>>,
    pub(crate) share: Share,
    pub(crate) lock: Option<Box<Lock>>,
    /// What was done to move it to the archive and back, if anything was.
    pub(crate) tiering: Option<Box<Tiering>>,
    /// Where a copy comes from.
    pub(crate) copied: Option<Box<Copied>>,
    /// Its deletion was accepted while it was pending.
    pub(crate) leaving: bool,
}

/// The state of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    Pending,
    Completed,
    Error,
    /// In the recycle bin.
    Recoverable,
    /// Coming back from there.
    Recovering,
}

/// Where a snapshot is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Tier {
    Standard,
    Archive,
}

/// Who may make volumes and copies of a snapshot, beside its owner.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Share {
    pub(crate) accounts: BTreeSet<AccountId>,
    /// Everybody may.
    pub(crate) public: bool,
}

/// What a copy was made of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Copied {
    pub(crate) source: Box<str>,
    pub(crate) source_place: Place,
    /// The volume that the first of all those copies was taken of, and where.
    pub(crate) origin: (Place, Box<str>),
    /// Who asked for it: its keys are checked for them.
    pub(crate) caller: Caller,
    /// Whether it needs an earlier copy for what has not changed.
    pub(crate) incremental: bool,
    /// Within how many minutes it was to be done, and since when they count.
    pub(crate) deadline: Option<(u32, Timestamp)>,
}

impl State {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            State::Pending => "pending",
            State::Completed => "completed",
            State::Error => "error",
            State::Recoverable => "recoverable",
            State::Recovering => "recovering",
        }
    }
}

impl Tier {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Tier::Standard => "standard",
            Tier::Archive => "archive",
        }
    }
}

impl Snapshot {
    /// A completed snapshot of a volume, not encrypted, without tags.
    pub(crate) fn completed(
        owner: AccountId,
        id: &str,
        volume_id: &str,
        size_gib: u32,
        at: Timestamp,
    ) -> Snapshot {
        Snapshot {
            id: id.into(),
            owner,
            volume_id: volume_id.into(),
            state: State::Completed,
            state_message: None,
            started_at: at,
            ends_at: at,
            size_gib,
            encrypted: false,
            kms_key_id: None,
            description: Box::default(),
            tags: Tags::new(),
            images: BTreeSet::new(),
            share: Share::default(),
            lock: None,
            tiering: None,
            copied: None,
            leaving: false,
        }
    }

    /// Where it is stored. One that is restored for a while is still in the archive.
    pub(crate) fn tier(&self) -> Tier {
        self.tiering.as_ref().map_or(Tier::Standard, |it| it.tier)
    }

    /// Whether volumes and copies can be made of it, as far as its storage is concerned.
    pub(crate) fn is_at_hand(&self) -> bool {
        self.tiering.as_ref().is_none_or(|it| it.is_at_hand())
    }

    /// What percentage of it is done.
    pub(crate) fn progress(&self, now: Timestamp) -> u32 {
        match self.state {
            State::Pending => {
                let all = self.ends_at.duration_since(self.started_at).as_secs_f64();
                let done = now.duration_since(self.started_at).as_secs_f64();
                if all > 0.0 { (100.0 * done / all).clamp(0.0, 99.0) as u32 } else { 0 }
            }
            State::Error => 0,
            State::Completed | State::Recoverable | State::Recovering => 100,
        }
    }

    /// How it was transferred.
    pub(crate) fn transfer(&self) -> &'static str {
        let deadline = self.copied.as_ref().and_then(|it| it.deadline);
        if deadline.is_some() { "time-based" } else { "standard" }
    }

    /// Whether somebody may make volumes and copies of it.
    pub(crate) fn is_open_to(&self, account: &AccountId, public_blocked: bool) -> bool {
        self.owner == *account
            || self.is_at_hand()
                && (self.share.accounts.contains(account) || self.share.public && !public_blocked)
    }

    /// As the laws look at it.
    pub(crate) fn as_backup(&self) -> Backup<'_> {
        Backup {
            id: &self.id,
            of: &self.volume_id,
            tags: &self.tags,
            taken_at: self.started_at,
            completed: self.state == State::Completed,
        }
    }
}

impl Filtered for Snapshot {
    const FILTERS: &'static [&'static str] = &[
        "description",
        "encrypted",
        "owner-id",
        "snapshot-id",
        "start-time",
        "status",
        "storage-tier",
        "transfer-type",
        "volume-id",
        "volume-size",
    ];

    fn any(&self, name: &str, test: &dyn Fn(&str) -> bool) -> bool {
        match name {
            "description" => test(&self.description),
            "encrypted" => test(if self.encrypted { "true" } else { "false" }),
            "owner-id" => test(self.owner.as_str()),
            "snapshot-id" => test(&self.id),
            "start-time" => test(&format!("{:.3}", self.started_at)),
            "status" => test(self.state.as_str()),
            "storage-tier" => test(self.tier().as_str()),
            "transfer-type" => test(self.transfer()),
            "volume-id" => test(&self.volume_id),
            "volume-size" => test(&self.size_gib.to_string()),
            _ => false,
        }
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }
}

/// The snapshots of one place, which can also be found by their volume.
#[derive(Debug, Default)]
pub(crate) struct Snapshots {
    shelf: Shelf<Snapshot>,
    of_volume: BTreeMap<Box<str>, BTreeSet<Box<str>>>,
    /// When a call has last begun one of a volume, even if it is gone.
    last_taken: BTreeMap<Box<str>, Timestamp>,
    count: usize,
}

impl Deref for Snapshots {
    type Target = Shelf<Snapshot>;

    fn deref(&self) -> &Shelf<Snapshot> {
        &self.shelf
    }
}

impl Snapshots {
    /// As [`Shelf::put`].
    pub(crate) fn put(&mut self, snapshot: Snapshot, since: Timestamp) {
        let id = snapshot.id.clone();
        self.of_volume.entry(snapshot.volume_id.clone()).or_default().insert(id.clone());
        if snapshot.copied.is_none() {
            self.last_taken.insert(snapshot.volume_id.clone(), snapshot.started_at);
        }
        self.count += 1;
        self.shelf.put(&id, snapshot, since);
    }

    /// As [`Shelf::fill`].
    pub(crate) fn fill(&mut self, snapshots: impl IntoIterator<Item = Snapshot>) {
        let Snapshots { shelf, of_volume, count, .. } = self;
        shelf.fill(snapshots.into_iter().map(|it| {
            *count += 1;
            of_volume.entry(it.volume_id.clone()).or_default().insert(it.id.clone());
            (it.id.clone(), it)
        }));
    }

    /// As [`Shelf::change`]. Nobody changes the id or the volume.
    pub(crate) fn change<R>(
        &mut self,
        id: &str,
        now: Timestamp,
        change: impl FnOnce(&mut Snapshot) -> R,
    ) -> Option<R> {
        self.shelf.change(id, now, change)
    }

    /// As [`Shelf::remove`].
    pub(crate) fn remove(&mut self, id: &str, now: Timestamp) -> Option<Snapshot> {
        let gone = self.shelf.remove(id, now)?;
        self.count -= 1;
        if let Some(ids) = self.of_volume.get_mut(&gone.volume_id) {
            ids.remove(id);
            if ids.is_empty() {
                self.of_volume.remove(&gone.volume_id);
            }
        }
        Some(gone)
    }

    /// Those of a volume, as they are.
    pub(crate) fn of_volume(&self, volume: &str) -> impl Iterator<Item = &Snapshot> {
        self.of_volume.get(volume).into_iter().flatten().filter_map(|id| self.get(id))
    }

    /// When the newest one of a volume was begun.
    pub(crate) fn last_taken(&self, volume: &str) -> Option<Timestamp> {
        let there = self.of_volume(volume).map(|it| it.started_at);
        there.chain(self.last_taken.get(volume).copied()).max()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.count
    }
}

impl From<&Snapshot> for core::Snapshot {
    fn from(it: &Snapshot) -> core::Snapshot {
        core::Snapshot {
            id: it.id.to_string(),
            owner: Some(it.owner.clone()),
            volume_id: it.volume_id.to_string(),
            state: match it.state {
                State::Pending => core::SnapshotState::Pending,
                State::Completed => core::SnapshotState::Completed,
                State::Error => core::SnapshotState::Error,
                State::Recoverable => core::SnapshotState::Recoverable,
                State::Recovering => core::SnapshotState::Recovering,
            },
            state_message: it.state_message.as_deref().map(str::to_owned),
            started_at: it.started_at,
            size_gib: it.size_gib,
            encrypted: it.encrypted,
            kms_key_id: it.kms_key_id.as_deref().map(str::to_owned),
            description: it.description.to_string(),
            storage_tier: it.tier().as_str().to_owned(),
            tags: it.tags.clone(),
        }
    }
}

impl Snapshot {
    /// A snapshot as the core describes it, owned by this account.
    pub(crate) fn of_core(owner: AccountId, it: core::Snapshot) -> Snapshot {
        let mut snapshot =
            Snapshot::completed(owner, &it.id, &it.volume_id, it.size_gib, it.started_at);
        snapshot.state = match it.state {
            core::SnapshotState::Pending => State::Pending,
            core::SnapshotState::Completed => State::Completed,
            core::SnapshotState::Error => State::Error,
            core::SnapshotState::Recoverable => State::Recoverable,
            core::SnapshotState::Recovering => State::Recovering,
        };
        if snapshot.state == State::Pending {
            snapshot.ends_at = Timestamp::MAX;
        }
        if it.storage_tier == Tier::Archive.as_str() {
            snapshot.tiering = Some(Box::new(Tiering::archived(it.started_at)));
        }
        Snapshot {
            state_message: it.state_message.map(Box::from),
            encrypted: it.encrypted,
            kms_key_id: it.kms_key_id.map(Arc::from),
            description: it.description.into(),
            tags: it.tags,
            ..snapshot
        }
    }
}
