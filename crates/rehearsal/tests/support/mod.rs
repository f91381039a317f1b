//! A fleet of volumes that are the same in each place, and an action on them.

#![expect(clippy::unwrap_used, reason = "whoever rehearses here fails by panicking")]

use std::{
    collections::BTreeSet,
    future::pending,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{
    AccountId, AccountPool, Action, Fault, Place, Progress, Region, Scope, Spec, StepCx, Tags,
    Verdict,
    action::{Effect, PlanCx},
    cloud::{
        Ec2, Instances, Kms, Page, PageToken, Rds, Session, Tables,
        ec2::{
            Copies, DryRun, FastRestore, FastRestores, Image, Images, Lock, Locks, Modification,
            NewCopy, NewLock, NewSet, NewSnapshot, NewVolume, Sets, Shares, Snapshot,
            SnapshotState, Tiering, Tiers, Volume, VolumeShape, Volumes,
        },
        kms::Key,
    },
    schedule::{Schedule, Zone},
    select::ServerFilter,
    task::Task,
};
use lamplighter_rehearsal::VirtualClock;
use schemars::JsonSchema;
use serde::Deserialize;

/// When everything here begins: a Monday.
pub(crate) const BEGIN: Timestamp = Timestamp::constant(1_772_416_800, 0);

/// So many minutes after the beginning.
pub(crate) fn minutes(minutes: i64) -> Timestamp {
    BEGIN + SignedDuration::from_mins(minutes)
}

/// Places in one account.
pub(crate) fn places<const N: usize>(regions: [&str; N]) -> Vec<Place> {
    regions.into_iter().map(|it| lamplighter_testkit::place("111122223333", it)).collect()
}

/// A task that touches every volume, as often as `every` says, or by cron.
pub(crate) fn task(name: &str, timing: &str, places: &[Place]) -> Task {
    let params = serde_json::json!({});
    let mut task = lamplighter_testkit::task(name, Touch::SPEC.name, params, places);
    let timing = if timing.contains(' ') {
        lamplighter_core::schedule::Timing::Cron(timing.parse().unwrap())
    } else {
        lamplighter_core::schedule::Timing::Every(timing.parse().unwrap())
    };
    task.schedule = Some(Schedule::new(timing, Zone::default()));
    task
}

/// AWS with these volumes in each place of any account. Clones share it.
#[derive(Clone)]
pub(crate) struct Fleet {
    clock: Arc<VirtualClock>,
    volumes: Arc<[Volume]>,
    /// How long a call that writes takes.
    latency: SignedDuration,
    touched: Arc<Mutex<Vec<String>>>,
}

impl Fleet {
    pub(crate) fn new<'a>(
        clock: &Arc<VirtualClock>,
        volumes: impl IntoIterator<Item = &'a str>,
        latency: SignedDuration,
    ) -> Fleet {
        Fleet {
            clock: clock.clone(),
            volumes: volumes.into_iter().map(volume).collect(),
            latency,
            touched: Arc::default(),
        }
    }

    /// The volumes that were touched so far, in order.
    pub(crate) fn touched(&self) -> Vec<String> {
        self.touched.lock().unwrap().clone()
    }
}

fn volume(id: &str) -> Volume {
    Volume {
        id: id.to_owned(),
        size_gib: 8,
        volume_type: "gp3".to_owned(),
        state: "in-use".to_owned(),
        encrypted: false,
        kms_key_id: None,
        iops: None,
        throughput: None,
        availability_zone: None,
        created_at: None,
        snapshot_id: None,
        instances: Vec::new(),
        managed_by: None,
        tags: Tags::new(),
    }
}

/// One place of a fleet.
struct Door {
    place: Place,
    fleet: Fleet,
}

#[async_trait]
impl AccountPool for Fleet {
    async fn scope(&self, place: &Place, _: &Session) -> Result<Arc<dyn Scope>, Fault> {
        Ok(Arc::new(Door { place: place.clone(), fleet: self.clone() }))
    }

    async fn regions(&self, _: &AccountId, _: &Session) -> Result<Vec<Region>, Fault> {
        Ok(Vec::new())
    }
}

impl Scope for Door {
    fn place(&self) -> &Place {
        &self.place
    }

    fn ec2(&self) -> &dyn Ec2 {
        self
    }

    fn kms(&self) -> &dyn Kms {
        self
    }

    fn instances(&self) -> &dyn Instances {
        panic!("nothing here asks for instances")
    }

    fn ssm(&self) -> &dyn lamplighter_core::cloud::Ssm {
        unreachable!("no test here uses it")
    }

    fn rds(&self) -> &dyn Rds {
        panic!("nothing here asks for databases")
    }

    fn tables(&self) -> &dyn Tables {
        panic!("nothing here asks for tables")
    }
}

#[async_trait]
impl Ec2 for Door {
    async fn volumes(&self, _: &ServerFilter, _: Option<PageToken>) -> Result<Page<Volume>, Fault> {
        Ok(Page { items: self.fleet.volumes.to_vec(), next: None })
    }

    async fn snapshots(
        &self,
        _: &ServerFilter,
        _: Option<PageToken>,
    ) -> Result<Page<Snapshot>, Fault> {
        Ok(Page { items: Vec::new(), next: None })
    }

    async fn create_snapshot(&self, new: &NewSnapshot) -> Result<Snapshot, Fault> {
        self.fleet.clock.advance(self.fleet.latency);
        self.fleet.touched.lock().unwrap().push(new.volume_id.clone());
        Ok(Snapshot {
            id: "snap-1".to_owned(),
            owner: Some(self.place.account.clone()),
            volume_id: new.volume_id.clone(),
            state: SnapshotState::Completed,
            state_message: None,
            started_at: BEGIN,
            size_gib: 8,
            encrypted: false,
            kms_key_id: None,
            description: String::new(),
            storage_tier: "standard".to_owned(),
            tags: Tags::new(),
        })
    }

    async fn delete_snapshot(&self, _: &str) -> Result<(), Fault> {
        Ok(())
    }

    async fn dry_run(&self, _: DryRun<'_>) -> Result<(), Fault> {
        Ok(())
    }
}

/// Nobody here asks for any of this.
fn not_here<T>() -> Result<T, Fault> {
    Err(Fault::permanent("there is no such thing in this fleet"))
}

#[async_trait]
impl Copies for Door {
    async fn restorable_snapshots(
        &self,
        _: &ServerFilter,
        _: Option<PageToken>,
    ) -> Result<Page<Snapshot>, Fault> {
        not_here()
    }

    async fn snapshots_open_to(
        &self,
        _: &AccountId,
        _: Option<PageToken>,
    ) -> Result<Page<Snapshot>, Fault> {
        not_here()
    }

    async fn copy_snapshot(&self, _: &NewCopy) -> Result<String, Fault> {
        not_here()
    }

    async fn snapshot_shares(&self, _: &str) -> Result<Shares, Fault> {
        not_here()
    }

    async fn share_snapshot(&self, _: &str, _: &BTreeSet<AccountId>) -> Result<(), Fault> {
        not_here()
    }

    async fn unshare_snapshot(&self, _: &str, _: &BTreeSet<AccountId>) -> Result<(), Fault> {
        not_here()
    }

    async fn set_tags(&self, _: &str, _: &Tags) -> Result<(), Fault> {
        not_here()
    }

    async fn encrypts_by_default(&self) -> Result<bool, Fault> {
        not_here()
    }

    async fn default_key(&self) -> Result<String, Fault> {
        not_here()
    }
}

#[async_trait]
impl Locks for Door {
    async fn locks(&self, _: Option<PageToken>) -> Result<Page<Lock>, Fault> {
        not_here()
    }

    async fn lock_of(&self, _: &str) -> Result<Option<Lock>, Fault> {
        not_here()
    }

    async fn lock_snapshot(&self, _: &str, _: &NewLock) -> Result<(), Fault> {
        not_here()
    }
}

#[async_trait]
impl Sets for Door {
    async fn create_snapshots(&self, _: &NewSet) -> Result<Vec<String>, Fault> {
        not_here()
    }
}

#[async_trait]
impl Images for Door {
    async fn images(&self, _: &ServerFilter, _: Option<PageToken>) -> Result<Page<Image>, Fault> {
        not_here()
    }

    async fn deregister_image(&self, _: &str) -> Result<(), Fault> {
        not_here()
    }

    async fn images_open_to(
        &self,
        _: &AccountId,
        _: Option<PageToken>,
    ) -> Result<Page<Image>, Fault> {
        not_here()
    }

    async fn copy_image(&self, _: &str, _: &NewCopy) -> Result<String, Fault> {
        not_here()
    }

    async fn image_shares(&self, _: &str) -> Result<Shares, Fault> {
        not_here()
    }

    async fn share_image(&self, _: &str, _: &BTreeSet<AccountId>) -> Result<(), Fault> {
        not_here()
    }

    async fn unshare_image(&self, _: &str, _: &BTreeSet<AccountId>) -> Result<(), Fault> {
        not_here()
    }
}

#[async_trait]
impl FastRestores for Door {
    async fn fast_restores(
        &self,
        _: &ServerFilter,
        _: Option<PageToken>,
    ) -> Result<Page<FastRestore>, Fault> {
        not_here()
    }

    async fn enable_fast_restore(&self, _: &str, _: &str) -> Result<(), Fault> {
        not_here()
    }

    async fn disable_fast_restore(&self, _: &str, _: &str) -> Result<(), Fault> {
        not_here()
    }
}

#[async_trait]
impl Volumes for Door {
    async fn modifications_under_way(
        &self,
        _: Option<PageToken>,
    ) -> Result<Page<Modification>, Fault> {
        not_here()
    }

    async fn modification_of(&self, _: &str) -> Result<Option<Modification>, Fault> {
        not_here()
    }

    async fn modify_volume(&self, _: &str, _: &VolumeShape) -> Result<Modification, Fault> {
        not_here()
    }

    async fn create_volume(&self, _: &NewVolume) -> Result<Volume, Fault> {
        not_here()
    }
}

#[async_trait]
impl Tiers for Door {
    async fn archive_snapshot(&self, _: &str) -> Result<(), Fault> {
        not_here()
    }

    async fn tiering(&self, _: &str) -> Result<Option<Tiering>, Fault> {
        not_here()
    }
}

#[async_trait]
impl Kms for Door {
    async fn key(&self, _: &str) -> Result<Key, Fault> {
        not_here()
    }
}

/// Makes one call for each volume. The volume's name says what becomes of it.
pub(crate) struct Touch;

/// Nothing to set.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoParams {}

#[async_trait]
impl Action for Touch {
    type Params = NoParams;
    type Target = Volume;
    type State = ();
    type Known = ();

    const SPEC: Spec = Spec {
        name: "test.touch",
        summary: "Makes one call for each volume.",
        permissions: &[],
        elsewhere: &[],
        effect: Effect::Creates,
        timeout: Duration::from_secs(6 * 3600),
        gate: None,
    };

    fn plan(_: &NoParams, _: &PlanCx<'_>, found: &[Volume], _: &()) -> Vec<Verdict> {
        found.iter().map(|_| Verdict::Act { effect: "touch".to_owned(), reason: None }).collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        _: &NoParams,
        volume: &Volume,
        _: Option<()>,
    ) -> Result<Progress<()>, Fault> {
        match volume.id.as_str() {
            "vol-fails" => return Err(Fault::permanent("it is broken")),
            "vol-loops" => return Ok(Progress::Again { state: (), wait: Duration::ZERO }),
            "vol-waits" => return Ok(Progress::Later { wait: Duration::from_secs(3600) }),
            "vol-hangs-once" if cx.tried.times == 0 => pending().await,
            _ => {}
        }
        let new = NewSnapshot {
            volume_id: volume.id.clone(),
            description: String::new(),
            tags: Tags::new(),
        };
        cx.here.ec2().create_snapshot(&new).await?;
        Ok(Progress::Done("touched".to_owned()))
    }
}
