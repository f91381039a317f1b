//! What is in a simulated organization: a file describes it, in words for a few exact resources
//! and for many that are drawn by a seed.
//!
//! Each kind of resources is a file here. A further one declares what an entry says with
//! [`entry!`](entry), makes its resources with [`Entry`], and is named in [`Fleet`], in
//! [`Fleet::check`] and, twice, in [`Fleet::build`].

mod account;
mod backups;
mod clusters;
mod database_snapshots;
mod database_state;
mod databases;
mod entry;
mod here;
mod images;
mod instances;
mod keys;
mod made;
mod snapshots;
mod tables;
mod volumes;

use std::collections::{BTreeMap, BTreeSet};

use lamplighter_core::{AccountId, Place, action::BadParams};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::{
    account::{Account, Document},
    backups::{BackupState, Backups},
    clusters::{ClusterEngine, Clusters},
    database_snapshots::{
        ClusterSnapshots, DatabaseSnapshotState, DatabaseSnapshotType, DatabaseSnapshots,
    },
    database_state::DatabaseState,
    databases::{DatabaseEngine, Databases},
    images::Images,
    instances::{InstancePlatform, InstanceState, Instances},
    keys::{KeyState, Keys},
    made::{Member, Target},
    snapshots::{SnapshotState, Snapshots},
    tables::Tables,
    volumes::{VolumeState, VolumeType, Volumes},
};
use self::{
    entry::{Bad, Entry, Ids},
    here::Here,
};
use crate::{cloud::Cloud, random::Random, words::Instant};

/// What is in a simulated organization.
///
/// Resources are entries in lists. An entry without `account` or `region` is about all of them,
/// and its `count` is how many there are in each place. Numbers and times may be ranges such as
/// `8..500`, most values may be lists of which one is drawn for each resource, and percentages are
/// drawn, too. In texts, `{1..4}` is a number that is drawn, and `{n}`, `{account}` and `{region}`
/// are filled in.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Fleet {
    /// What everything is drawn from: the same seed makes the same fleet.
    pub seed: u64,
    /// When the simulation begins. Ages count back from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub begin: Option<Instant>,
    /// The organization's id, such as `o-exampleorgid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// The account of callers that bring no credentials of a simulated account; by default the
    /// first one without a role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hub: Option<AccountId>,
    /// The accounts, by their ids.
    pub accounts: BTreeMap<AccountId, Account>,
    /// KMS keys of the accounts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<Keys>,
    /// EC2 instances.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub instances: Vec<Instances>,
    /// EBS volumes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<Volumes>,
    /// EBS snapshots.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub snapshots: Vec<Snapshots>,
    /// Images (AMIs).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<Images>,
    /// DynamoDB tables.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<Tables>,
    /// Backups of DynamoDB tables.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub backups: Vec<Backups>,
    /// RDS instances that belong to no cluster.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub databases: Vec<Databases>,
    /// Clusters of Aurora, DocumentDB and Neptune.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clusters: Vec<Clusters>,
    /// RDS snapshots of databases.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub database_snapshots: Vec<DatabaseSnapshots>,
    /// Snapshots of clusters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cluster_snapshots: Vec<ClusterSnapshots>,
}

impl Fleet {
    /// What is wrong with it, by its path from the root of the file. Nothing when it can be
    /// built.
    pub fn check(&self) -> Vec<BadParams> {
        let mut found = Vec::new();
        if self.accounts.is_empty() {
            let message = "a fleet has at least one account".to_owned();
            found.push(BadParams { path: "accounts".to_owned(), message });
        }
        if let Some(hub) = self.hub.as_ref().filter(|it| !self.accounts.contains_key(*it)) {
            let message = self.no_such_account(hub);
            found.push(BadParams { path: "hub".to_owned(), message });
        }
        for (id, account) in &self.accounts {
            account.check(&mut Bad::new(format!("accounts.{id}"), &mut found));
        }
        self.check_all(&self.keys, &mut found);
        self.check_all(&self.instances, &mut found);
        self.check_all(&self.volumes, &mut found);
        self.check_all(&self.snapshots, &mut found);
        self.check_all(&self.images, &mut found);
        self.check_all(&self.tables, &mut found);
        self.check_all(&self.backups, &mut found);
        self.check_all(&self.databases, &mut found);
        let places: Vec<Place> = self.places().collect();
        databases::check_replicas(&self.databases, &places, &mut found);
        self.check_all(&self.clusters, &mut found);
        self.check_all(&self.database_snapshots, &mut found);
        self.check_all(&self.cluster_snapshots, &mut found);
        found
    }

    /// Puts everything there, past all rules, into a cloud whose clock says when it begins.
    ///
    /// # Errors
    ///
    /// What is wrong with it, as [`check`](Fleet::check) says it; nothing is there then.
    pub fn build(&self, cloud: &Cloud) -> Result<(), Vec<BadParams>> {
        let bad = self.check();
        if !bad.is_empty() {
            return Err(bad);
        }
        cloud.look(|state, now| {
            let organization = &mut state.organization;
            organization.id.clone_from(&self.organization);
            organization.hub = self.hub().cloned();
            for (id, account) in &self.accounts {
                organization.accounts.insert(id.clone(), account.build(id, self.hub()));
            }
            let mut here = Here::new(state, now);
            for place in self.places() {
                here.enter(&place);
                here.reserve(&self.keys);
                here.reserve(&self.instances);
                here.reserve(&self.volumes);
                here.reserve(&self.snapshots);
                here.reserve(&self.images);
                here.reserve(&self.tables);
                here.reserve(&self.backups);
                here.reserve(&self.databases);
                here.reserve(&self.clusters);
                here.reserve(&self.database_snapshots);
                here.reserve(&self.cluster_snapshots);
                self.put_all(&self.keys, &mut here);
                self.put_all(&self.instances, &mut here);
                self.put_all(&self.volumes, &mut here);
                self.put_all(&self.snapshots, &mut here);
                self.put_all(&self.images, &mut here);
                self.put_all(&self.tables, &mut here);
                self.put_all(&self.backups, &mut here);
                self.put_all(&self.databases, &mut here);
                self.put_all(&self.clusters, &mut here);
                self.put_all(&self.database_snapshots, &mut here);
                self.put_all(&self.cluster_snapshots, &mut here);
            }
        });
        Ok(())
    }

    /// The account of callers that bring no credentials of a simulated account.
    pub fn hub(&self) -> Option<&AccountId> {
        let without_role = self.accounts.iter().find(|(_, it)| it.role.is_none());
        let first = without_role.or(self.accounts.first_key_value());
        self.hub.as_ref().or(first.map(|(id, _)| id))
    }

    /// Every region of every account.
    fn places(&self) -> impl Iterator<Item = Place> {
        self.accounts.iter().flat_map(|(id, account)| {
            let place = |region: &_| Place { account: id.clone(), region: Clone::clone(region) };
            account.regions.iter().map(place)
        })
    }

    fn check_all<E: Entry>(&self, entries: &[E], found: &mut Vec<BadParams>) {
        let mut ids = Ids::default();
        for (index, entry) in entries.iter().enumerate() {
            let mut bad = Bad::new(format!("{}[{index}]", E::KEY), found);
            self.check_place(entry, &mut bad);
            let places: Vec<Place> = self.places().filter(|it| entry.common().is_at(it)).collect();
            entry.common().check::<E>(&places, &mut ids, &mut bad);
            entry.check(&places, &mut bad);
        }
    }

    /// An entry that is about no place would be about nothing in silence.
    fn check_place(&self, entry: &impl Entry, bad: &mut Bad<'_>) {
        let common = entry.common();
        let mut named = common.account.iter().flat_map(|it| it.iter());
        if let Some(id) = named.find(|id| !self.accounts.contains_key(*id)) {
            return bad.say("account", self.no_such_account(id));
        }
        let named: BTreeSet<_> = common.account.iter().flat_map(|it| it.iter()).collect();
        let about = self.accounts.iter().filter(|(id, _)| named.is_empty() || named.contains(id));
        let regions: BTreeSet<_> = about.flat_map(|(_, it)| &it.regions).collect();
        for region in common.region.iter().flat_map(|it| it.iter()) {
            if !regions.contains(region) {
                let known = regions.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>();
                let message = format!("no account here has the region `{region}`; known: ");
                return bad.say("region", message + &known.join(", "));
            }
        }
    }

    fn no_such_account(&self, id: &AccountId) -> String {
        let known: Vec<String> = self.accounts.keys().map(|it| format!("`{it}`")).collect();
        format!("there is no account `{id}`; known: {}", known.join(", "))
    }

    /// Makes the resources of one kind in one place. What one entry draws changes nothing of what
    /// another one or another place draws.
    fn put_all<E: Entry>(&self, entries: &[E], here: &mut Here<'_>) {
        let mut items = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            if entry.common().is_at(here.place()) {
                here.random = Random::of(&(self.seed, E::KEY, here.place(), index));
                items.extend(entry.make(here));
            }
        }
        E::put(here, items);
    }
}

#[cfg(test)]
mod backups_tests;
#[cfg(test)]
mod database_snapshots_tests;
#[cfg(test)]
mod databases_tests;
#[cfg(test)]
mod images_tests;
#[cfg(test)]
mod instances_tests;
#[cfg(test)]
mod kinds_tests;
#[cfg(test)]
mod tests;
