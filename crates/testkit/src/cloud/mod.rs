//! AWS for tests: the simulator's cloud, with a role to enter in each account, small pages, and
//! what goes wrong around calls.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use jiff::SignedDuration;
use lamplighter_core::{
    AccountId, AccountPool, Fault, Place, Region, Scope, Tags,
    cloud::{
        Session,
        ec2::{FastRestore, Image, Lock, NewLock, Snapshot, Volume},
        instances::Instance,
        rds::{self, Cluster, Database, Kind},
    },
};
use lamplighter_simulator::{Accounts, After, Cloud, Door, Throttling, Weather};

pub use lamplighter_simulator::{Access, Bucket, Call, Lag, Outcome, Protection, Shortage};

use crate::{
    VirtualClock,
    faults::{Faults, To},
    lock,
};

/// What the engine itself needs, beside what actions declare: to assume a role and to learn an
/// account's regions.
pub const ENGINE_PERMISSIONS: [&str; 2] = ["ec2:DescribeRegions", "sts:AssumeRole"];

/// The role in each account.
const ROLE: &str = "lamplighter-member";

/// A cloud. Clones share it.
#[derive(Clone)]
pub struct FakeCloud {
    cloud: Cloud,
    clock: Arc<VirtualClock>,
    faults: Faults,
    state: Arc<Mutex<State>>,
}

/// What a test has put there.
#[derive(Default)]
struct State {
    dials: Dials,
    places: BTreeSet<Place>,
    snapshots: BTreeSet<(Place, String)>,
}

/// How the cloud behaves.
#[derive(Clone, Debug)]
pub struct Dials {
    /// Resources that one page of a listing looks at. Those that the filter leaves out are
    /// missing on it, so pages may be short or empty and yet not the last.
    pub page_size: usize,
    /// How long a new snapshot is pending.
    pub snapshots_take: SignedDuration,
    /// How far describes lag behind writes.
    pub lag: Lag,
    /// The bucket of requests of each API in each place. `None`: no throttling.
    pub bucket: Option<Bucket>,
}

impl Default for Dials {
    fn default() -> Dials {
        Dials {
            page_size: 2,
            snapshots_take: SignedDuration::from_mins(5),
            lag: Lag::Always(SignedDuration::ZERO),
            bucket: None,
        }
    }
}

impl FakeCloud {
    /// A cloud without accounts.
    pub fn new(clock: Arc<VirtualClock>, faults: Faults) -> FakeCloud {
        let cloud = Cloud::new(clock.clone());
        cloud.dial(|it| it.short_ids = true);
        let fake = FakeCloud { cloud, clock, faults, state: Arc::default() };
        fake.dial(|_| {});
        fake
    }

    /// Opens a region of an account, and the account with its first region.
    pub fn open(&self, place: &Place) {
        self.cloud.open(place);
        let places = &mut lock(&self.state).places;
        if places.iter().all(|it| it.account != place.account) {
            self.cloud.put_role(&place.account, ROLE);
        }
        places.insert(place.clone());
    }

    /// The role in this account cannot be assumed any more.
    pub fn close(&self, account: &AccountId) {
        self.cloud.remove_role(account, ROLE);
    }

    /// The roles in all accounts may do this, what the engine itself needs, and no more.
    pub fn allow_only(&self, actions: &[&str]) {
        self.cloud.allow_only(&[actions, &ENGINE_PERMISSIONS].concat());
    }

    /// The role in an account may do this, what the engine itself needs, and no more.
    pub fn allow_only_in(&self, account: &AccountId, actions: &[&str]) {
        self.cloud.allow_only_in(account, &[actions, &ENGINE_PERMISSIONS].concat());
    }

    /// Turns the dials.
    pub fn dial(&self, turn: impl FnOnce(&mut Dials)) {
        let dials = &mut lock(&self.state).dials;
        turn(dials);
        self.cloud.dial(|it| {
            it.page_size = Some(dials.page_size);
            it.times.snapshot = dials.snapshots_take;
            it.lag = dials.lag;
            it.throttling = dials.bucket.map_or(Throttling::Off, Throttling::All);
        });
    }

    /// Draws the lag of describes from another seed.
    pub fn reseed(&self, seed: u64) {
        self.cloud.reseed(seed);
    }

    /// Every place that a test has opened.
    pub fn places(&self) -> Vec<Place> {
        lock(&self.state).places.iter().cloned().collect()
    }

    /// Every call so far, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.cloud.calls()
    }

    /// How many snapshots, volumes and backups of tables calls have made so far, whatever became of
    /// them.
    pub fn made(&self) -> usize {
        ["snap", "vol", "backup"].map(|kind| self.cloud.made(kind)).iter().sum::<u64>() as usize
    }

    /// The laws of deletion that were broken: each with its name and how.
    pub fn broken_laws(&self) -> Vec<String> {
        self.cloud.broken_laws()
    }

    fn accounts(&self) -> Accounts {
        let door = || Door { role: Some(ROLE.to_owned()), external_id: None };
        let doors =
            lock(&self.state).places.iter().map(|it| (it.account.clone(), door())).collect();
        Accounts::new(self.cloud.clone(), doors, Arc::new(self.clone()))
    }
}

/// What tests put into the cloud and see in it, past all permissions and lags.
impl FakeCloud {
    /// Puts a volume there.
    pub fn put_volume(&self, place: &Place, volume: Volume) {
        self.open(place);
        self.cloud.put_volume(place, volume);
    }

    /// Puts a snapshot there that is in its state for good.
    pub fn put_snapshot(&self, place: &Place, snapshot: Snapshot) {
        self.open(place);
        lock(&self.state).snapshots.insert((place.clone(), snapshot.id.clone()));
        self.cloud.put_snapshot(place, snapshot);
    }

    /// Puts an instance there.
    pub fn put_instance(&self, place: &Place, instance: Instance) {
        self.open(place);
        self.cloud.put_instance(place, instance);
    }

    /// Puts an image there, with the snapshots that it is made of, which are there.
    pub fn put_image(&self, place: &Place, image: Image) {
        self.open(place);
        self.cloud.put_image(place, image);
    }

    /// Puts a DB instance there.
    pub fn put_database(&self, place: &Place, database: Database) {
        self.open(place);
        self.cloud.put_database(place, database);
    }

    /// Puts a DB cluster there.
    pub fn put_cluster(&self, place: &Place, cluster: Cluster) {
        self.open(place);
        self.cloud.put_cluster(place, cluster);
    }

    /// Puts a snapshot of a database there that is in its state for good.
    pub fn put_database_snapshot(&self, place: &Place, kind: Kind, snapshot: rds::Snapshot) {
        self.open(place);
        self.cloud.put_database_snapshot(place, kind, snapshot);
    }

    /// The simulated cloud itself, for what tests do to instances.
    pub fn cloud(&self) -> &Cloud {
        &self.cloud
    }

    /// A snapshot is used by an image.
    pub(crate) fn use_snapshot(&self, place: &Place, id: &str, image: &str) {
        self.cloud.use_snapshot(place, id, image);
    }

    /// A snapshot was always another account's, which shares it.
    pub(crate) fn own_snapshot(&self, place: &Place, id: &str, owner: &AccountId) {
        self.cloud.own_snapshot(place, id, owner);
    }

    /// A task may delete this snapshot although no task made it.
    pub(crate) fn adopt_snapshot(&self, place: &Place, id: &str) {
        self.cloud.adopt_snapshot(place, id);
    }

    /// Puts a KMS key there, which these other accounts may use, too.
    pub fn put_key(&self, place: &Place, alias: &str, others: &[AccountId]) {
        self.open(place);
        self.cloud.put_shared_key(place, alias, others);
    }

    /// The ARN of a key by its alias, if it is there.
    pub fn key_arn(&self, place: &Place, alias: &str) -> Option<String> {
        self.cloud.key_arn(place, alias)
    }

    /// Somebody disables a key.
    pub fn disable_key(&self, place: &Place, alias: &str) {
        self.cloud.disable_key(place, alias);
    }

    /// Encrypts all that is new there, or not, with a key; `None`: the one of AWS.
    pub fn encrypt_by_default(&self, place: &Place, on: bool, key: Option<&str>) {
        self.cloud.encrypt_by_default(place, on, key);
    }

    /// Locks a snapshot, as somebody else might.
    pub fn lock_snapshot(&self, place: &Place, id: &str, lock: &NewLock) {
        self.cloud.lock_snapshot(place, id, lock);
    }

    /// Switches fast restores of a snapshot on, as somebody else did long ago.
    pub fn put_fast_restore(&self, place: &Place, id: &str, zone: &str) {
        self.cloud.put_fast_restore(place, id, zone);
    }

    /// Lets other accounts use a snapshot, as somebody else might.
    pub fn share_snapshot(&self, place: &Place, id: &str, with: &[AccountId]) {
        self.cloud.share_snapshot(place, id, with);
    }

    /// The accounts that may use a snapshot, beside its owner.
    pub fn shares_of(&self, place: &Place, id: &str) -> BTreeSet<AccountId> {
        self.cloud.shares_of(place, id)
    }

    /// Lets other accounts launch an image, as somebody else might: not use its snapshots.
    pub fn share_image(&self, place: &Place, id: &str, with: &[AccountId]) {
        self.cloud.share_image(place, id, with);
    }

    /// The accounts that may launch an image, beside its owner.
    pub fn shares_of_image(&self, place: &Place, id: &str) -> BTreeSet<AccountId> {
        self.cloud.shares_of_image(place, id)
    }

    /// The IAM actions that AWS has asked for on behalf of callers, with their accounts: EBS,
    /// that uses their keys.
    pub fn on_behalf(&self) -> BTreeSet<(AccountId, &'static str)> {
        self.cloud.on_behalf()
    }

    /// Gives a snapshot other tags, as somebody else might.
    pub fn retag_snapshot(&self, place: &Place, id: &str, tags: Tags) {
        self.cloud.retag_snapshot(place, id, tags);
    }

    /// Takes a snapshot away, as somebody else might.
    pub fn remove_snapshot(&self, place: &Place, id: &str) {
        self.cloud.remove_snapshot(place, id);
    }

    /// Snapshots of this volume end in `error` from now on.
    pub fn fail_snapshots_of(&self, place: &Place, volume: &str) {
        self.cloud.fail_snapshots_of(place, volume);
    }

    /// The volumes there, in the order of their ids.
    pub fn volumes_in(&self, place: &Place) -> Vec<Volume> {
        self.cloud.volumes_in(place)
    }

    /// The images of the account there, in the order of their ids.
    pub fn images_in(&self, place: &Place) -> Vec<Image> {
        self.cloud.images_in(place)
    }

    /// The instances there, in the order of their ids.
    pub fn instances_in(&self, place: &Place) -> Vec<Instance> {
        self.cloud.instances_in(place)
    }

    /// The DB instances there, in the order of their names.
    pub fn databases_in(&self, place: &Place) -> Vec<Database> {
        self.cloud.databases_in(place)
    }

    /// The DB clusters there, in the order of their names.
    pub fn clusters_in(&self, place: &Place) -> Vec<Cluster> {
        self.cloud.clusters_in(place)
    }

    /// The snapshots of databases of the account there, in the order of their names.
    pub fn database_snapshots_in(&self, place: &Place, kind: Kind) -> Vec<rds::Snapshot> {
        self.cloud.database_snapshots_in(place, kind)
    }

    /// The snapshots of the account there, in the order of their ids.
    pub fn snapshots_in(&self, place: &Place) -> Vec<Snapshot> {
        self.cloud.snapshots_in(place)
    }

    /// The locks of the snapshots there, in the order of their ids.
    pub fn locks_in(&self, place: &Place) -> Vec<Lock> {
        self.cloud.locks_in(place)
    }

    /// Fast restores that were ever switched on there, by snapshot and zone.
    pub fn fast_restores_in(&self, place: &Place) -> Vec<FastRestore> {
        self.cloud.fast_restores_in(place)
    }

    /// Whether the test put a snapshot of this id somewhere.
    pub(crate) fn has_put(&self, id: &str) -> bool {
        lock(&self.state).snapshots.iter().any(|(_, put)| put == id)
    }

    /// Whether a call made this snapshot, and not the test.
    pub(crate) fn has_made(&self, place: &Place, id: &str) -> bool {
        !lock(&self.state).snapshots.contains(&(place.clone(), id.to_owned()))
    }
}

#[async_trait]
impl AccountPool for FakeCloud {
    async fn scope(&self, place: &Place, session: &Session) -> Result<Arc<dyn Scope>, Fault> {
        self.accounts().scope(place, session).await
    }

    async fn can_enter(&self, place: &Place, session: &Session) -> Result<(), Fault> {
        self.accounts().can_enter(place, session).await
    }

    async fn regions(&self, account: &AccountId, session: &Session) -> Result<Vec<Region>, Fault> {
        self.accounts().regions(account, session).await
    }
}

/// What goes wrong around calls.
#[async_trait]
impl Weather for FakeCloud {
    async fn before(&self) -> Result<After, Fault> {
        self.faults.before(To::Cloud).await
    }

    async fn die(&self) {
        std::future::pending().await
    }

    async fn pass(&self, time: SignedDuration) {
        self.clock.advance(time);
    }
}

#[cfg(test)]
mod tests;
