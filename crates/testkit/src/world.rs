//! A world for one test: what is in the cloud, which task runs, and what is left in the end.

mod databases;
mod instances;
mod tables;
mod tasks;
mod trace;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{
    AccountId, AnyAction, Catalog, Clock, Engine, JobId, Place, Ports, RunId, Tags,
    cloud::ec2::{Snapshot, SnapshotState, Volume},
    engine::{Event, Planner},
    job::{Job, WorkKind},
    plan::TaskPlan,
    tagging,
    task::Task,
};
use serde_json::Value;

use crate::{
    FakeCloud, Faults, FaultyJournal, LawfulJournal, MemoryQueue, Random, Rehearsal, VirtualClock,
    cloud::{Access, Dials},
    finish,
    wrong::WrongClock,
};

pub use self::{
    instances::stopped,
    tables::{capacity, index},
    tasks::{catalog, place, task},
};

/// When a world begins: a Monday.
pub(crate) const BEGIN: Timestamp = Timestamp::constant(1_772_416_800, 0);
/// The task of [`World::run`].
const TASK: &str = "nightly";

/// A change to the task.
type Adjust = Box<dyn Fn(&mut Task)>;

/// A cloud, a clock, a journal, a queue, and workers that run a task.
///
/// Resources are put into one place, `111122223333/eu-west-1`, until [`at`](World::at) names
/// another one. Each worker runs for a while, then another: the seed of the world decides.
pub struct World {
    pub(crate) rehearsal: Rehearsal,
    cloud: FakeCloud,
    faults: Faults,
    laws: Arc<LawfulJournal>,
    workers: usize,
    /// By how much workers' clocks are wrong at most.
    wrong_by: SignedDuration,
    /// The place that resources are put into.
    here: Place,
    adjust: Vec<Adjust>,
}

impl Default for World {
    fn default() -> World {
        World::new()
    }
}

/// What a world is made of.
impl World {
    /// An empty account, one worker, and nothing that goes wrong.
    pub fn new() -> World {
        let rehearsal = Rehearsal::new(BEGIN, 1);
        let (journal, clock) = (rehearsal.journal().clone(), rehearsal.clock().clone());
        let faults = Faults::default();
        World {
            laws: Arc::new(LawfulJournal::new(journal, clock.clone())),
            cloud: FakeCloud::new(clock, faults.clone()),
            rehearsal,
            faults,
            workers: 1,
            wrong_by: SignedDuration::ZERO,
            here: place("111122223333", "eu-west-1"),
            adjust: Vec::new(),
        }
        .opened()
    }

    /// Opens a place; what is put into the world from now on goes there.
    pub fn at(mut self, account: &str, region: &str) -> World {
        self.here = place(account, region);
        self.opened()
    }

    fn opened(self) -> World {
        self.cloud.open(&self.here);
        self
    }

    /// Puts a volume there: 8 GiB, `gp3`, in use.
    pub fn volume<const N: usize>(self, id: &str, tags: [(&str, &str); N]) -> World {
        self.volume_with(id, tags, |_| {})
    }

    /// Puts a volume there that is different.
    pub fn volume_with<const N: usize>(
        self,
        id: &str,
        tags: [(&str, &str); N],
        change: impl FnOnce(&mut Volume),
    ) -> World {
        let mut volume = Volume {
            id: id.to_owned(),
            size_gib: 8,
            volume_type: "gp3".to_owned(),
            state: "in-use".to_owned(),
            encrypted: false,
            kms_key_id: None,
            iops: Some(3000),
            throughput: Some(125),
            availability_zone: Some(format!("{}a", self.here.region)),
            created_at: Some(BEGIN - SignedDuration::from_hours(24 * 365)),
            snapshot_id: None,
            instances: vec!["i-1".to_owned()],
            managed_by: None,
            tags: owned(tags),
        };
        change(&mut volume);
        self.cloud.put_volume(&self.here, volume);
        self
    }

    /// Puts a completed snapshot there that is so many days old.
    pub fn snapshot<const N: usize>(
        self,
        id: &str,
        volume: &str,
        days_old: i64,
        tags: [(&str, &str); N],
    ) -> World {
        self.snapshot_with(id, volume, days_old, tags, |_| {})
    }

    /// Puts a snapshot there that is different.
    pub fn snapshot_with<const N: usize>(
        self,
        id: &str,
        volume: &str,
        days_old: i64,
        tags: [(&str, &str); N],
        change: impl FnOnce(&mut Snapshot),
    ) -> World {
        let mut snapshot = Snapshot {
            id: id.to_owned(),
            owner: Some(self.here.account.clone()),
            volume_id: volume.to_owned(),
            state: SnapshotState::Completed,
            state_message: None,
            started_at: BEGIN - SignedDuration::from_hours(24 * days_old),
            size_gib: 8,
            encrypted: false,
            kms_key_id: None,
            description: String::new(),
            storage_tier: "standard".to_owned(),
            tags: owned(tags),
        };
        change(&mut snapshot);
        self.cloud.put_snapshot(&self.here, snapshot);
        self
    }

    /// Puts a KMS key of the account there. Its policy lets these other accounts use it, too.
    pub fn key<const N: usize>(self, alias: &str, others: [&str; N]) -> World {
        let others = others.map(|it| it.parse().expect("the test names an account"));
        self.cloud.put_key(&self.here, alias, &others);
        self
    }

    /// Puts a completed snapshot there that is encrypted with a key that is there.
    pub fn encrypted<const N: usize>(
        self,
        id: &str,
        volume: &str,
        days_old: i64,
        tags: [(&str, &str); N],
        alias: &str,
    ) -> World {
        let key = self.cloud.key_arn(&self.here, alias).expect("the test has put the key there");
        self.snapshot_with(id, volume, days_old, tags, |it| {
            it.encrypted = true;
            it.kms_key_id = Some(key);
        })
    }

    /// The owner of the snapshot there lets other accounts use it.
    pub fn shared<const N: usize>(self, snapshot: &str, with: [&str; N]) -> World {
        let with = with.map(|it| it.parse().expect("the test names an account"));
        self.cloud.share_snapshot(&self.here, snapshot, &with);
        self
    }

    /// The snapshot there is used by an image.
    pub fn used_by_image(self, snapshot: &str, image: &str) -> World {
        self.cloud.use_snapshot(&self.here, snapshot, image);
        self
    }

    /// The snapshot there belongs to another account, which shares it.
    pub fn owned_by(self, snapshot: &str, owner: &str) -> World {
        let owner: AccountId = owner.parse().expect("the test names an account");
        self.cloud.own_snapshot(&self.here, snapshot, &owner);
        self
    }

    /// The snapshot there may be deleted although no task made it: law L6 does not protect it.
    pub fn may_be_adopted(self, snapshot: &str) -> World {
        self.cloud.adopt_snapshot(&self.here, snapshot);
        self
    }

    /// Snapshots of the volume there end in `error`.
    pub fn failing(self, volume: &str) -> World {
        self.cloud.fail_snapshots_of(&self.here, volume);
        self
    }

    /// Turns the dials of the cloud.
    pub fn dial(self, turn: impl FnOnce(&mut Dials)) -> World {
        self.cloud.dial(turn);
        self
    }

    /// Changes the task that [`run`](World::run) runs.
    pub fn task(mut self, change: impl Fn(&mut Task) + 'static) -> World {
        self.adjust.push(Box::new(change));
        self
    }

    /// So many workers run at a time.
    pub fn workers(mut self, workers: usize) -> World {
        self.workers = workers;
        self
    }

    /// The workers' clocks are wrong by so much at most, and step forth and back.
    pub fn clocks_wrong_by(mut self, by: SignedDuration) -> World {
        let (journal, clock) = (self.rehearsal.journal().clone(), self.rehearsal.clock().clone());
        let laws = LawfulJournal::new(journal, clock).with_clocks_apart(by * 2);
        (self.laws, self.wrong_by) = (Arc::new(laws), by);
        self
    }

    /// Draws all luck from another seed.
    pub fn seed(mut self, seed: u64) -> World {
        self.rehearsal.reseed(seed);
        self.cloud.reseed(seed);
        self
    }
}

/// What happens in a world.
impl World {
    /// The cloud.
    pub fn cloud(&self) -> &FakeCloud {
        &self.cloud
    }

    /// What goes wrong.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The clock.
    pub fn clock(&self) -> &VirtualClock {
        self.rehearsal.clock()
    }

    /// The queue.
    pub fn queue(&self) -> &MemoryQueue {
        self.rehearsal.queue()
    }

    /// The place that resources are put into.
    pub fn here(&self) -> &Place {
        &self.here
    }

    /// One engine for each worker, on the same journal, queue and cloud.
    pub fn engines(&self, catalog: Catalog, tasks: &[Task]) -> Vec<Engine> {
        let clock = |worker: usize| -> Arc<dyn Clock> {
            let (right, by) = (self.rehearsal.clock().clone(), self.wrong_by);
            match by.is_zero() {
                true => right,
                false => Arc::new(WrongClock::new(right, by, Random::of(&worker))),
            }
        };
        let engine = |worker: usize| {
            let ports = Ports {
                clock: clock(worker),
                journal: Arc::new(FaultyJournal::new(self.laws.clone(), self.faults.clone())),
                queue: self.rehearsal.queue().clone(),
                accounts: Arc::new(self.cloud.clone()),
                worker: format!("worker-{worker}"),
            };
            Engine::new(catalog, tasks.to_vec(), ports)
        };
        (1..=self.workers).map(engine).collect()
    }

    /// The task that [`run`](World::run) runs: all resources of the kind, in all places.
    pub fn task_of(&self, action: &dyn AnyAction, params: Value) -> Task {
        if let Err(bad) = action.check_params(&params) {
            panic!("the test's parameters are wrong: `{}`: {bad}", bad.path);
        }
        let mut task = task(TASK, action.spec().name, params, &self.cloud.places());
        for adjust in &self.adjust {
            adjust(&mut task);
        }
        task
    }

    /// Runs a task of the action until nothing is left to do, in virtual time.
    #[track_caller]
    pub fn run(&mut self, action: &'static dyn AnyAction, params: Value) {
        let engines = self.begin(action, params);
        self.run_to_the_end(&engines);
        self.assert_lawful();
    }

    /// Runs a task of the action as far as it comes before it has to wait. The engines that are
    /// returned [go on](World::run_to_the_end) when the test has changed the world.
    #[track_caller]
    pub fn begin(&mut self, action: &'static dyn AnyAction, params: Value) -> Vec<Engine> {
        let task = self.task_of(action, params);
        let engines = self.engines(catalog(&[action]), std::slice::from_ref(&task));
        let at = self.clock().now();
        let spread = JobId::spread(&RunId::new(&task.order.task, at));
        // Whoever asks for a run asks again when nobody has heard it.
        while !self.jobs().iter().any(|job| job.id == spread) {
            let event = Event::Run { task: task.order.task.clone(), at };
            drop(finish(engines[0].event(event)));
        }
        self.run_until(&engines, at);
        engines
    }

    /// What a task of the action would do, one line for each target; law L8: without one
    /// writing call.
    #[track_caller]
    pub fn plan(&self, action: &'static dyn AnyAction, params: Value) -> String {
        let task = self.task_of(action, params);
        let planner = Planner::new(catalog(&[action]), Arc::new(self.cloud.clone()));
        let planner = planner.knowing(std::slice::from_ref(&task));
        let written = self.writing_calls();
        let now = self.clock().now();
        let mut places = Vec::new();
        for place in self.cloud.places() {
            places.push(finish(planner.place(&task.order, &place, now)).expect("nobody dies"));
        }
        let mut problems = Vec::new();
        let plan = TaskPlan::new(&task.order, now, places, &mut problems);
        self.assert_nothing_written_but(written);
        let problems = problems.into_iter().map(|it| {
            let target = it.target.map(|target| format!("{target}: ")).unwrap_or_default();
            format!("problem: {target}{}", it.message)
        });
        let verdicts = plan.verdicts.into_iter().map(|it| {
            let reason = it.reason.map(|reason| format!(" because {reason}")).unwrap_or_default();
            match it.effect {
                Some(effect) => format!("{}: {effect}{reason}", it.target),
                None => format!("{}: leave{reason}", it.target),
            }
        });
        sorted(verdicts.chain(problems))
    }

    /// The laws that were broken: each with its name and how.
    pub fn broken_laws(&self) -> Vec<String> {
        [self.laws.broken_laws(), self.cloud.broken_laws()].concat()
    }

    /// Fails the test if a law was broken.
    #[track_caller]
    pub fn assert_lawful(&self) {
        let broken = self.broken_laws();
        assert!(broken.is_empty(), "laws were broken:\n{}", broken.join("\n"));
    }

    /// Law L8: fails the test if a call was made that writes.
    #[track_caller]
    pub fn assert_nothing_written(&self) {
        self.assert_nothing_written_but(0);
    }

    #[track_caller]
    fn assert_nothing_written_but(&self, count: usize) {
        let calls = self.cloud.calls();
        let mut writes = calls.iter().filter(|it| it.access == Access::Writes).skip(count);
        let first = writes.next();
        assert!(first.is_none(), "L8: a dry run made writing calls: {first:?}");
    }

    fn writing_calls(&self) -> usize {
        self.cloud.calls().iter().filter(|it| it.access == Access::Writes).count()
    }
}

/// What is left in a world, as text.
impl World {
    /// Every job, in the order of their ids.
    pub fn jobs(&self) -> Vec<Job> {
        self.rehearsal.journal().all()
    }

    /// Every job, one line each: `vol-1 succeeded: created snap-1`. Jobs on targets go by the
    /// target, others by their id without the run.
    pub fn records(&self) -> String {
        sorted(self.jobs().iter().map(|job| {
            let run = job.run();
            let id = job.id.as_str().trim_start_matches(run.as_str()).trim_start_matches('/');
            let name = job.work.target().unwrap_or(if id.is_empty() { "run" } else { id });
            let message = job.status.message().unwrap_or("");
            format!("{name} {}: {message}", job.status.state().as_str())
        }))
    }

    /// The jobs on targets, one line each; see [`records`](World::records).
    pub fn targets(&self) -> String {
        sorted(self.jobs().iter().filter(|job| job.work.kind() == WorkKind::Act).map(|job| {
            let message = job.status.message().unwrap_or("");
            let target = job.work.target().unwrap_or_default();
            format!("{target} {}: {message}", job.status.state().as_str())
        }))
    }

    /// The snapshots, one line each: id, volume, state, description, and the tags that are not
    /// ours.
    pub fn snapshots(&self) -> String {
        let places = self.cloud.places();
        let all = places.iter().flat_map(|place| self.cloud.snapshots_in(place));
        sorted(all.map(|it| {
            let state = state_name(it.state);
            let mut line = format!("{} of {} {state}", it.id, it.volume_id);
            if !it.description.is_empty() {
                line.push_str(&format!(" \"{}\"", it.description));
            }
            for (key, value) in tagging::theirs(&it.tags) {
                line.push_str(&format!(" {key}={value}"));
            }
            line
        }))
    }
}

/// As AWS writes it.
pub(crate) fn state_name(state: SnapshotState) -> &'static str {
    match state {
        SnapshotState::Pending => "pending",
        SnapshotState::Completed => "completed",
        SnapshotState::Error => "error",
        SnapshotState::Recoverable => "recoverable",
        SnapshotState::Recovering => "recovering",
    }
}

fn sorted(lines: impl Iterator<Item = String>) -> String {
    let mut lines: Vec<String> = lines.collect();
    lines.sort();
    lines.join("\n")
}

fn owned<const N: usize>(tags: [(&str, &str); N]) -> Tags {
    tags.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}
