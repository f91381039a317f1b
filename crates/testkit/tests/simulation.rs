//! Nights of an organization, with bad luck from a seed.
//!
//! Several tasks in several accounts and regions, several workers whose clocks are wrong, hosts
//! that are down over many occurrences, calls and writes that fail or get lost, workers that die,
//! messages astray, and tasks that are changed and removed while their work is under way. Whatever
//! happens: the laws hold, every record that should exist has ended, each task, occurrence and
//! target has at most one effect, and what is under way stays as it was ordered.
//!
//! `LAMPLIGHTER_SEEDS=10000` plays more nights, and `LAMPLIGHTER_SEED=7` that of one seed, and
//! tells all that happens in it.

use std::{
    collections::BTreeMap,
    env,
    num::NonZeroU32,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{
    JobId, RunId, TaskName,
    action::JOB_TAG,
    cloud::ec2::SnapshotState,
    job::{Job, State, WorkKind},
    schedule::{Missed, Schedule, Timing, Zone},
    task::{Guards, Mode, Order, Regions, StopAfter, Task},
};
use lamplighter_testkit::{
    Delivery, Random, World, catalog,
    cloud::{Bucket, Lag},
    task,
};
use serde_json::json;

mod support;

use support::{NONE, Snap};

/// Nights of a usual run.
const SEEDS: u64 = 160;
/// How long the tasks fire.
const HOURS: i64 = 5;
/// How long a snapshot is pending.
const SNAPSHOTS_TAKE: SignedDuration = SignedDuration::from_mins(5);
/// How wrong a worker's clock is at most.
const WRONG_BY: SignedDuration = SignedDuration::from_secs(4);
/// Ticks that fail come again in a minute: so long after it an occurrence was noticed for sure.
const NOTICED: SignedDuration = SignedDuration::from_mins(30);
/// When worlds begin.
const BEGIN: Timestamp = Timestamp::constant(1_772_416_800, 0);

fn at(minutes: i64) -> Timestamp {
    BEGIN + SignedDuration::from_mins(minutes)
}

/// What is drawn for one night.
struct Night {
    /// The tasks of the evening, and those of the morning.
    tasks: [Vec<Task>; 2],
    /// When nobody is there, in minutes.
    down: Range<i64>,
    /// When the configuration changes, in minutes.
    changed: i64,
    luck: Random,
    world: World,
}

impl Night {
    fn of(seed: u64) -> Night {
        let mut luck = Random::new(seed);
        let world = world(seed, &mut luck);
        let tasks = tasks(&world, &mut luck);
        let from = luck.below(60) as i64;
        let until = from + luck.below(120) as i64;
        let changed = until + NOTICED.as_mins() + luck.below(60) as i64;
        Night { tasks, down: from..until, changed, luck, world }
    }

    /// Lets it happen.
    fn pass(&mut self) {
        let Night { tasks: [evening, morning], down, changed, luck, world } = self;
        let catalog = catalog(&[&Snap::<NONE>]);
        let engines = world.engines(catalog, evening);
        world.tick(&engines);
        world.queue().deliver(Delivery::Random(luck.clone()));
        world.faults().at_random(luck.clone(), 3);
        world.run_until(&engines, at(down.start));
        // Whatever the workers have in hand when the host goes down is dropped.
        world.clock().set(at(down.end));
        world.run_until(&engines, at(*changed));
        let engines = world.engines(catalog, morning);
        world.run_until(&engines, at(HOURS * 60));
        // No host is unlucky for ever.
        world.faults().end();
        world.queue().deliver(Delivery::Faithful);
        world.run_to_the_end(&engines);
    }

    /// What is wrong after it, each with the job that it is about.
    fn wrongs(&self) -> Vec<(String, String)> {
        let mut wrongs: Vec<(String, String)> = Vec::new();
        let laws = self.world.broken_laws();
        wrongs.extend(laws.into_iter().map(|law| {
            let job = law.split('`').nth(1).unwrap_or_default().to_owned();
            (job, law)
        }));
        wrongs.extend(self.missing());
        wrongs.extend(self.unordered());
        wrongs.extend(self.effects());
        wrongs.extend(self.crowded());
        wrongs
    }
}

/// One to three accounts, one or two regions, and a volume or two in each.
fn world(seed: u64, luck: &mut Random) -> World {
    let accounts = ["111122223333", "222233334444", "333344445555"];
    let regions = ["eu-west-1", "us-east-1"];
    let mut world = World::new().seed(seed).workers(1 + luck.below(4)).clocks_wrong_by(WRONG_BY);
    for account in &accounts[..=luck.below(accounts.len())] {
        for region in &regions[..=luck.below(regions.len())] {
            world = world.at(account, region);
            for volume in 0..=luck.below(2) {
                world = world.volume(&format!("vol-{account}-{region}-{volume}"), []);
            }
        }
    }
    // What looks for its own snapshots begins with the first page after each throttling.
    let (page_size, bucket) = match luck.below(3) {
        0 => (2, None),
        1 => (20, Some(Bucket { capacity: 20.0, per_second: 1.0 })),
        _ => (100, Some(Bucket { capacity: 5.0, per_second: 0.2 })),
    };
    world.volume_with("vol-broken", [], |it| it.state = "error".to_owned()).dial(|it| {
        it.page_size = page_size;
        it.snapshots_take = SNAPSHOTS_TAKE;
        it.lag = Lag::UpTo(SignedDuration::from_secs(50));
        it.bucket = bucket;
    })
}

/// Some tasks, in each of the forms that the engine treats differently, and the same later: one
/// is gone, one is another, and one is new.
fn tasks(world: &World, luck: &mut Random) -> [Vec<Task>; 2] {
    let places = world.cloud().places();
    let form = |name: &str, luck: &mut Random| {
        let mut task = task(name, "test.snap", json!({}), &places);
        let every = ["30m", "1h", "2h"][luck.below(3)];
        let every = every.parse().expect("this is an interval");
        let schedule = Schedule {
            missed: [Missed::Latest, Missed::Skip, Missed::All][luck.below(3)],
            within: luck.percent(30).then_some(std::time::Duration::from_secs(3600)),
            spread: luck.percent(30).then_some(std::time::Duration::from_secs(600)),
            ..Schedule::new(Timing::Every(every), Zone::default())
        };
        task.schedule = Some(schedule);
        match luck.below(6) {
            0 => task.order.max_concurrent = NonZeroU32::new(1),
            1 => task.reach.iter_mut().for_each(|reach| reach.regions = Regions::All),
            2 => task.order.guards = Guards { limit_targets: Some(1), ..Guards::default() },
            3 => task.order.mode = Mode::Observe,
            4 => task.order.stop_after = Some(StopAfter::Failed(1)),
            _ => {}
        }
        task
    };
    let evening = vec![form("same", luck), form("changed", luck), form("removed", luck)];
    let morning = vec![evening[0].clone(), form("changed", luck), form("new", luck)];
    [evening, morning]
}

/// Records that should be there, and are not or have not ended; and some that should not.
impl Night {
    fn missing(&self) -> Vec<(String, String)> {
        let jobs: BTreeMap<JobId, Job> =
            self.world.jobs().into_iter().map(|it| (it.id.clone(), it)).collect();
        let state = |id: &JobId| jobs.get(id).map(|job| job.status.state());
        let mut wrongs = Vec::new();
        for job in jobs.values().filter(|job| job.status.state() == State::Open) {
            wrongs.push((job.id.to_string(), "a job is open".to_owned()));
        }
        let changed = at(self.changed);
        for job in jobs.values() {
            let (task, occurrence) = (job.work.order().task.as_str(), job.work.occurrence());
            let early = task == "new" && occurrence < changed - WRONG_BY;
            let late = task == "removed" && occurrence > changed + WRONG_BY;
            if early || late {
                wrongs.push((job.id.to_string(), "nobody knew of the task then".to_owned()));
            }
        }
        for run in self.occurrences() {
            let (spread, missed) = (JobId::spread(&run), JobId::missed(&run));
            let begun = state(&spread);
            if begun.is_none() && state(&missed).is_none() {
                wrongs.push((run.to_string(), "an occurrence has no record".to_owned()));
            }
            if begun != Some(State::Succeeded) {
                continue;
            }
            for place in self.world.cloud().places() {
                if state(&JobId::account(&run, &place.account)) == Some(State::Failed) {
                    continue;
                }
                let find = JobId::find(&run, &place);
                match state(&find) {
                    None => wrongs.push((find.to_string(), "a place has no record".to_owned())),
                    Some(State::Succeeded) => {
                        let volumes = self.world.cloud().volumes_in(&place).into_iter();
                        let ids = volumes.map(|it| JobId::act(&run, &place, &it.id));
                        let missing = ids.filter(|id| !jobs.contains_key(id));
                        wrongs.extend(
                            missing.map(|id| (id.to_string(), "a target has no record".to_owned())),
                        );
                    }
                    Some(_) => {}
                }
            }
        }
        wrongs
    }

    /// The runs that should have been.
    fn occurrences(&self) -> Vec<RunId> {
        let (changed, end) = (at(self.changed), at(HOURS * 60));
        let [evening, morning] = &self.tasks;
        let spans =
            [(evening, BEGIN, changed - NOTICED), (morning, changed + NOTICED, end - NOTICED)];
        let mut runs = Vec::new();
        for (tasks, from, until) in spans {
            for task in tasks {
                let schedule = task.schedule.as_ref().expect("each task has one");
                let instants = schedule.occurrences(from, until);
                runs.extend(instants.map(|at| RunId::new(&task.order.task, at)));
            }
        }
        runs
    }

    /// Jobs that have another order than the run they belong to: the configuration may change, and
    /// what is under way may not.
    fn unordered(&self) -> Vec<(String, String)> {
        let mut orders: BTreeMap<RunId, Arc<Order>> = BTreeMap::new();
        let mut wrongs = Vec::new();
        for job in self.world.jobs() {
            let order = orders.entry(job.run()).or_insert_with(|| job.work.order().clone());
            if order != job.work.order() {
                wrongs.push((job.id.to_string(), "it has another order than its run".to_owned()));
            }
        }
        wrongs
    }

    /// A job that succeeded has one snapshot, any other at most one, and tasks that must not act
    /// have none.
    fn effects(&self) -> Vec<(String, String)> {
        let mut made: BTreeMap<String, Vec<SnapshotState>> = BTreeMap::new();
        for place in self.world.cloud().places() {
            for mut it in self.world.cloud().snapshots_in(&place) {
                let job = it.tags.remove(JOB_TAG).unwrap_or_default();
                made.entry(job).or_default().push(it.state);
            }
        }
        let mut wrongs = Vec::new();
        for job in self.world.jobs().iter().filter(|job| job.work.kind() == WorkKind::Act) {
            let found = made.remove(job.id.as_str()).unwrap_or_default();
            let order = job.work.order();
            let place = job.work.place().expect("targets are in places");
            let several = self.world.cloud().volumes_in(place).len() > 1;
            let forbidden =
                order.mode == Mode::Observe || (several && order.guards.limit_targets.is_some());
            let right = match job.status.state() {
                State::Succeeded => found == [SnapshotState::Completed],
                State::Failed => found.len() <= 1,
                _ => found.is_empty(),
            };
            if !right || (forbidden && !found.is_empty()) {
                let state = job.status.state().as_str();
                wrongs.push((job.id.to_string(), format!("it {state}, and made {found:?}")));
            }
        }
        wrongs.extend(made.into_iter().map(|(job, made)| (job, format!("nobody made {made:?}"))));
        wrongs
    }

    /// A task that may do one thing at a time in a place has done one at a time. A job that fails
    /// leaves the gate before its snapshot has ended, so only those count that succeeded.
    fn crowded(&self) -> Vec<(String, String)> {
        let mut starts: BTreeMap<(TaskName, String), Vec<(Timestamp, JobId)>> = BTreeMap::new();
        let jobs: BTreeMap<String, Job> =
            self.world.jobs().into_iter().map(|it| (it.id.to_string(), it)).collect();
        for place in self.world.cloud().places() {
            for it in self.world.cloud().snapshots_in(&place) {
                let Some(job) = it.tags.get(JOB_TAG).and_then(|id| jobs.get(id)) else { continue };
                let order = job.work.order();
                if order.max_concurrent.is_some() && job.status.state() == State::Succeeded {
                    let gate = (order.task.clone(), place.to_string());
                    starts.entry(gate).or_default().push((it.started_at, job.id.clone()));
                }
            }
        }
        let mut wrongs = Vec::new();
        for starts in starts.values_mut() {
            starts.sort();
            let close = starts.windows(2).filter(|it| it[0].0 + SNAPSHOTS_TAKE > it[1].0);
            wrongs.extend(close.map(|it| (it[1].1.to_string(), format!("beside `{}`", it[0].1))));
        }
        wrongs
    }
}

/// Plays the nights of these seeds. Of the first one that goes wrong it tells what happened.
fn play(seeds: impl Iterator<Item = u64>) {
    let mut snapshots = 0;
    let mut nights = 0;
    for seed in seeds {
        let wrong = catch_unwind(|| {
            let mut night = Night::of(seed);
            night.pass();
            (night.wrongs(), night.world.cloud().made())
        });
        match wrong {
            Ok((wrongs, made)) if wrongs.is_empty() => {
                (nights, snapshots) = (nights + 1, snapshots + made);
            }
            Ok((wrongs, _)) => {
                tell(seed, &wrongs[0].0);
                let lines: Vec<String> =
                    wrongs.iter().map(|(job, wrong)| format!("`{job}`: {wrong}")).collect();
                panic!("seed {seed}:\n{}", lines.join("\n"));
            }
            Err(panic) => {
                tell(seed, "");
                resume_unwind(panic);
            }
        }
    }
    assert!(snapshots > nights, "hardly anything was done in {nights} nights");
}

/// Plays a night again, and tells what happened as far as it is about a job.
fn tell(seed: u64, about: &str) {
    let mut night = Night::of(seed);
    night.world = std::mem::take(&mut night.world).traced();
    drop(catch_unwind(AssertUnwindSafe(|| night.pass())));
    println!(
        "seed {seed} went wrong: nobody is there in the minutes {:?}, the tasks change in minute \
         {}.\nAgain: LAMPLIGHTER_SEED={seed} cargo test -p lamplighter-testkit --test simulation\n\
         {}",
        night.down,
        night.changed,
        night.world.trace(about)
    );
}

/// What the environment says, if it says anything.
fn told<T: std::str::FromStr>(name: &str) -> Option<T> {
    env::var(name).ok().map(|it| it.parse().ok().unwrap_or_else(|| panic!("`{name}` is a number")))
}

/// One of two halves of the nights: tests run side by side.
fn half(odd: u64) {
    if let Some(seed) = told("LAMPLIGHTER_SEED") {
        if seed % 2 == odd {
            tell(seed, "");
            play([seed].into_iter());
        }
        return;
    }
    let seeds = told("LAMPLIGHTER_SEEDS").unwrap_or(SEEDS);
    play((0..seeds).filter(|seed| seed % 2 == odd));
}

#[test]
fn whatever_happens_every_record_ends_and_has_one_effect() {
    half(0);
}

#[test]
fn and_in_every_other_night() {
    half(1);
}

#[test]
fn a_night_is_the_same_for_the_same_seed_and_can_be_told() {
    let told = || {
        let mut night = Night::of(3);
        night.world = std::mem::take(&mut night.world).traced();
        night.pass();
        night.world.trace("")
    };
    let trace = told();
    assert!(trace.lines().count() > 100);
    for part in
        ["CreateSnapshot in 111122223333/eu-west-1 as ", "leased by worker-1 until", "CrashAfter"]
    {
        assert!(trace.contains(part), "`{part}` is not in the trace");
    }
    assert_eq!(trace, told());
}
