//! What tests put into the cloud and find in it, in the words of the core: past all permissions,
//! lags and rules.

mod databases;
mod instances;
mod tables;

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use lamplighter_core::{
    AccountId, Place, Tags,
    cloud::ec2::{self as core, NewLock, Snapshot, Volume},
};

pub use instances::Protection;

use crate::{
    Cloud, Role,
    cloud::Services,
    ec2::{fast_restore::FastRestore, lock::Lock, snapshots, volumes},
    iam::IdentityPolicy,
    kms::{self, Key, KeyState},
};

/// What tests put there.
impl Cloud {
    /// Puts a role into an account that the hub may assume. It may do everything that
    /// [`allow_only`](Cloud::allow_only) does not leave out.
    pub fn put_role(&self, account: &AccountId, name: &str) {
        self.look(|state, _| {
            let hub = state.organization.hub.as_ref().unwrap_or(account);
            let role = Role::open_to(hub, None);
            let account = state.organization.accounts.entry(account.clone()).or_default();
            account.roles.insert(name.to_owned(), role);
        });
    }

    /// Takes a role away: nobody can assume it any more.
    pub fn remove_role(&self, account: &AccountId, name: &str) {
        self.look(|state, _| {
            if let Some(account) = state.organization.accounts.get_mut(account) {
                account.roles.remove(name);
            }
        });
    }

    /// All roles may do these actions and no others.
    pub fn allow_only(&self, actions: &[&str]) {
        let accounts: Vec<AccountId> =
            self.look(|state, _| state.organization.accounts.keys().cloned().collect());
        for account in accounts {
            self.allow_only_in(&account, actions);
        }
    }

    /// All roles of an account may do these actions and no others.
    pub fn allow_only_in(&self, account: &AccountId, actions: &[&str]) {
        let policy = IdentityPolicy::allowing(actions);
        self.look(|state, _| {
            let account = state.organization.accounts.get_mut(account);
            for role in account.into_iter().flat_map(|it| it.roles.values_mut()) {
                role.policies = Some(vec![policy.clone()]);
            }
        });
    }

    /// Puts a volume into a place, which is opened.
    pub fn put_volume(&self, place: &Place, volume: Volume) {
        self.open(place);
        let volume = volumes::Volume::from(volume);
        self.at(place, |it, _| it.ec2.volumes.fill([(volume.id.as_str().into(), volume)]));
    }

    /// Puts a snapshot that the account owns into a place, which is opened. It stays in its
    /// state for good.
    pub fn put_snapshot(&self, place: &Place, snapshot: Snapshot) {
        self.open(place);
        let snapshot = snapshots::Snapshot::of_core(place.account.clone(), snapshot);
        self.at(place, |it, _| it.ec2.snapshots.fill([snapshot]));
    }

    /// Gives a snapshot other tags, as somebody else might.
    pub fn retag_snapshot(&self, place: &Place, id: &str, tags: Tags) {
        self.at(place, |it, now| it.ec2.snapshots.change(id, now, |it| it.tags = tags));
    }

    /// Takes a snapshot away, as somebody else might.
    pub fn remove_snapshot(&self, place: &Place, id: &str) {
        self.at(place, |it, now| drop(it.ec2.snapshots.remove(id, now)));
    }

    /// A snapshot is used by an image.
    pub fn use_snapshot(&self, place: &Place, id: &str, image: &str) {
        let image = || image.into();
        self.at(place, |it, now| it.ec2.snapshots.change(id, now, |it| it.images.insert(image())));
    }

    /// A snapshot was always another account's, which shares it with this one.
    pub fn own_snapshot(&self, place: &Place, id: &str, owner: &AccountId) {
        let theirs = Place { account: owner.clone(), region: place.region.clone() };
        self.look(|state, now| {
            let Some(mut snapshot) = state.services_mut(place).ec2.snapshots.remove(id, now) else {
                return;
            };
            snapshot.owner = owner.clone();
            snapshot.share.accounts.insert(place.account.clone());
            state.services_mut(&theirs).ec2.snapshots.fill([snapshot]);
        });
    }

    /// Puts a KMS key into a place, which is opened. Its policy leaves it to the policies of its
    /// account, and to those of the others, who may use it.
    pub fn put_shared_key(&self, place: &Place, alias: &str, others: &[AccountId]) {
        self.open(place);
        self.at(place, |it, _| {
            let id = alias.trim_start_matches("alias/");
            let mut key = Key::customer(place, id, Some(alias), Timestamp::UNIX_EPOCH);
            key.policy = kms::shared_with(&place.account, others);
            it.kms.put(key);
        });
    }

    /// The ARN of a key by its alias, if it is there.
    pub fn key_arn(&self, place: &Place, alias: &str) -> Option<String> {
        self.at(place, |it, _| {
            let mut keys = it.kms.iter();
            let key = keys.find(|it| it.alias.as_deref() == Some(alias))?;
            Some(key.arn.to_string())
        })
    }

    /// A key is disabled.
    pub fn disable_key(&self, place: &Place, alias: &str) {
        let Some(arn) = self.key_arn(place, alias) else { return };
        let id = arn.rsplit('/').next().unwrap_or_default().to_owned();
        self.at(place, |it, _| {
            if let Some(key) = it.kms.get_mut(&id) {
                key.state = KeyState::Disabled;
            }
        });
    }

    /// Whether all that is new in a place is encrypted, and with which key; `None`: the one of
    /// AWS.
    pub fn encrypt_by_default(&self, place: &Place, on: bool, key: Option<&str>) {
        self.at(place, |it, _| {
            it.ec2.settings.encryption_by_default = on;
            it.ec2.settings.default_key = key.map(Arc::from);
        });
    }

    /// Lets accounts use a snapshot, as somebody else might.
    pub fn share_snapshot(&self, place: &Place, id: &str, with: &[AccountId]) {
        let share = |it: &mut snapshots::Snapshot| it.share.accounts.extend(with.iter().cloned());
        self.at(place, |it, now| it.ec2.snapshots.change(id, now, share));
    }

    /// The accounts that may use a snapshot, beside its owner.
    pub fn shares_of(&self, place: &Place, id: &str) -> BTreeSet<AccountId> {
        let shares = |it: &snapshots::Snapshot| it.share.accounts.clone();
        self.at(place, |it, _| it.ec2.snapshots.get(id).map(shares).unwrap_or_default())
    }

    /// Locks a snapshot, as somebody else might.
    pub fn lock_snapshot(&self, place: &Place, id: &str, lock: &NewLock) {
        let lock = |now| Some(Box::new(Lock::new(lock, now)));
        self.at(place, |it, now| it.ec2.snapshots.change(id, now, |it| it.lock = lock(now)));
    }

    /// Switches fast restores of a snapshot on, as somebody else did long ago.
    pub fn put_fast_restore(&self, place: &Place, id: &str, zone: &str) {
        let restore = FastRestore::enabled(place, id, zone);
        self.at(place, |it, _| {
            it.ec2.fast_restores.fill([(format!("{id}/{zone}").into(), restore)])
        });
    }

    /// A task may delete this snapshot although no task made it: law L6 does not protect it.
    pub fn adopt_snapshot(&self, place: &Place, id: &str) {
        self.look(|state, _| state.laws.adopt(place, id));
    }

    /// Snapshots of this volume end in `error` from now on.
    pub fn fail_snapshots_of(&self, place: &Place, volume: &str) {
        self.at(place, |it, _| it.ec2.failing.insert(volume.into()));
    }
}

/// What tests find there.
impl Cloud {
    /// The volumes of a place, in the order of their ids.
    pub fn volumes_in(&self, place: &Place) -> Vec<Volume> {
        self.at(place, |it, _| it.ec2.volumes.iter().map(|(_, it)| Volume::from(it)).collect())
    }

    /// The snapshots that a place's account owns there, in the order of their ids.
    pub fn snapshots_in(&self, place: &Place) -> Vec<Snapshot> {
        self.at(place, |it, _| it.ec2.snapshots.iter().map(|(_, it)| Snapshot::from(it)).collect())
    }

    /// The locks of the snapshots of a place, in the order of their ids.
    pub fn locks_in(&self, place: &Place) -> Vec<core::Lock> {
        self.at(place, |it, now| {
            let lock = |it: &snapshots::Snapshot| Some(it.lock.as_deref()?.as_core(&it.id, now));
            it.ec2.snapshots.iter().filter_map(|(_, it)| lock(it)).collect()
        })
    }

    /// Fast restores that were ever switched on in a place, by snapshot and zone.
    pub fn fast_restores_in(&self, place: &Place) -> Vec<core::FastRestore> {
        self.at(place, |it, _| it.ec2.fast_restores.iter().map(|(_, it)| it.into()).collect())
    }

    /// How many things of a kind, such as `snap`, calls have made so far, whatever became of
    /// them.
    pub fn made(&self, kind: &str) -> u64 {
        self.look(|state, _| state.made(kind))
    }

    /// The laws of deletion that were broken: each with its name and how.
    pub fn broken_laws(&self) -> Vec<String> {
        self.look(|state, _| state.laws.broken.clone())
    }

    fn at<R>(&self, place: &Place, look: impl FnOnce(&mut Services, Timestamp) -> R) -> R {
        self.look(|state, now| look(state.services_mut(place), now))
    }
}
