//! Nights of an organization, with bad luck from a seed.
//!
//! Several tasks in several accounts and regions, several workers, a host that is down for a
//! while, calls and writes that fail or get lost, workers that die, messages astray. Whatever
//! happens: the laws hold, every record that should exist has ended, and each task, occurrence
//! and target has at most one effect.

use std::{collections::BTreeMap, num::NonZeroU32};

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{
    Clock, JobId, RunId,
    action::JOB_TAG,
    cloud::ec2::SnapshotState,
    job::{Job, State, WorkKind},
    schedule::{Missed, Schedule, Timing, Zone},
    task::{Guards, Mode, Regions, StopAfter, Task},
};
use lamplighter_testkit::{
    Delivery, Random, World, catalog,
    cloud::{Bucket, Lag},
    task,
};
use serde_json::json;

mod support;

use support::{NONE, Snap};

const SEEDS: std::ops::Range<u64> = 0..20;
/// How long the tasks fire.
const HOURS: i64 = 5;
/// How long a snapshot is pending.
const SNAPSHOTS_TAKE: SignedDuration = SignedDuration::from_mins(5);
/// When worlds begin.
const BEGIN: Timestamp = Timestamp::constant(1_772_416_800, 0);

fn world(seed: u64) -> World {
    let accounts = ["111122223333", "222233334444", "333344445555"];
    let mut world = World::new().seed(seed).workers(3);
    for account in accounts {
        for region in ["eu-west-1", "us-east-1"] {
            world = world.at(account, region);
            for volume in 0..2 {
                world = world.volume(&format!("vol-{account}-{region}-{volume}"), []);
            }
        }
    }
    world.volume_with("vol-broken", [], |it| it.state = "error".to_owned()).dial(|it| {
        it.page_size = 20;
        it.snapshots_take = SNAPSHOTS_TAKE;
        it.lag = Lag::UpTo(SignedDuration::from_secs(50));
        it.bucket = Some(Bucket { capacity: 20.0, per_second: 1.0 });
    })
}

/// A task every two hours, in each of the forms that the engine treats differently.
fn tasks(world: &World) -> Vec<Task> {
    let places = world.cloud().places();
    let form = |name: &str, change: &dyn Fn(&mut Task)| {
        let mut task = task(name, "test.snap", json!({}), &places);
        let every = "2h".parse().expect("two hours are an interval");
        task.schedule = Some(Schedule::new(Timing::Every(every), Zone::default()));
        change(&mut task);
        task
    };
    vec![
        form("gated", &|task| task.order.max_concurrent = NonZeroU32::new(1)),
        form("anywhere", &|task| {
            for reach in &mut task.reach {
                reach.regions = Regions::All;
            }
        }),
        form("guarded", &|task| {
            task.order.guards = Guards { limit_targets: Some(1), ..Guards::default() };
        }),
        form("observing", &|task| task.order.mode = Mode::Observe),
        form("punctual", &|task| {
            if let Some(schedule) = &mut task.schedule {
                schedule.missed = Missed::Skip;
            }
        }),
        form("easily-stopped", &|task| task.order.stop_after = Some(StopAfter::Failed(1))),
    ]
}

fn simulate(seed: u64) -> World {
    let mut world = world(seed);
    assert_eq!(world.clock().now(), BEGIN);
    let tasks = tasks(&world);
    let engines = world.engines(catalog(&[&Snap::<NONE>]), &tasks);
    world.tick(&engines);
    let mut luck = Random::new(seed);
    world.queue().deliver(Delivery::Random(luck.clone()));
    world.faults().at_random(luck.clone(), 3);
    let at = |minutes: i64| BEGIN + SignedDuration::from_mins(minutes);
    // Nobody is there for a while, in which some occurrence may be due.
    let down = luck.below(3 * 60) as i64;
    world.run_until(&engines, at(down));
    world.clock().set(at(down + luck.below(120) as i64));
    world.run_until(&engines, at(HOURS * 60));
    // No host is unlucky for ever.
    world.faults().end();
    world.queue().deliver(Delivery::Faithful);
    world.run_to_the_end(&engines);
    world
}

#[test]
fn whatever_happens_every_record_ends_and_has_one_effect() {
    for seed in SEEDS {
        println!("seed {seed}");
        let world = simulate(seed);
        world.assert_lawful();
        check_records(&world, seed);
        check_effects(&world, seed);
        check_gates(&world, seed);
    }
}

/// Every occurrence has a run or a record that it was missed; every run has a record for each
/// place, and for each target of a place that could be listed; and each has ended.
fn check_records(world: &World, seed: u64) {
    let jobs: BTreeMap<JobId, _> = world.jobs().into_iter().map(|it| (it.id.clone(), it)).collect();
    assert!(jobs.values().all(|job| job.status.state() != State::Open), "seed {seed}");
    for run in &occurrences(world) {
        let spread = jobs.get(&JobId::spread(run)).or_else(|| jobs.get(&JobId::missed(run)));
        let spread = spread.unwrap_or_else(|| panic!("seed {seed}: no record of `{run}`"));
        if spread.status.state() != State::Succeeded {
            continue;
        }
        for place in world.cloud().places() {
            let account = jobs.get(&JobId::account(run, &place.account));
            if account.is_some_and(|job| job.status.state() == State::Failed) {
                continue;
            }
            let find = &jobs[&JobId::find(run, &place)];
            if find.status.state() != State::Succeeded {
                continue;
            }
            for volume in world.cloud().volumes_in(&place) {
                let id = JobId::act(run, &place, &volume.id);
                assert!(jobs.contains_key(&id), "seed {seed}: no record `{id}`");
            }
        }
    }
}

/// The runs that should have been.
fn occurrences(world: &World) -> Vec<RunId> {
    let until = BEGIN + SignedDuration::from_hours(HOURS);
    let tasks = tasks(world).into_iter();
    tasks
        .flat_map(|task| {
            let schedule = task.schedule.expect("each task has one");
            let instants: Vec<Timestamp> = schedule.occurrences(BEGIN, until).collect();
            instants.into_iter().map(move |at| RunId::new(&task.order.task, at))
        })
        .collect()
}

/// A job that succeeded has one snapshot, any other at most one, and tasks that must not act
/// have none.
fn check_effects(world: &World, seed: u64) {
    let mut made: BTreeMap<String, Vec<SnapshotState>> = BTreeMap::new();
    for place in world.cloud().places() {
        for mut it in world.cloud().snapshots_in(&place) {
            let job = it.tags.remove(JOB_TAG).expect("nobody else makes snapshots here");
            made.entry(job).or_default().push(it.state);
        }
    }
    for job in world.jobs().iter().filter(|job| job.work.kind() == WorkKind::Act) {
        let found = made.remove(job.id.as_str()).unwrap_or_default();
        let id = &job.id;
        match job.status.state() {
            State::Succeeded => assert_eq!(found, [SnapshotState::Completed], "seed {seed}: {id}"),
            State::Failed => assert!(found.len() <= 1, "seed {seed}: {id} made {found:?}"),
            _ => assert_eq!(found, [], "seed {seed}: {id}"),
        }
        let task = job.work.order().task.as_str();
        assert!(found.is_empty() || !["guarded", "observing"].contains(&task), "seed {seed}: {id}");
    }
    assert!(made.is_empty(), "seed {seed}: nobody knows of {made:?}");
}

/// The task that may do one thing at a time in a place has done one at a time. A job that fails
/// leaves the gate before its snapshot has ended, so only those count that succeeded.
fn check_gates(world: &World, seed: u64) {
    let jobs = world.jobs();
    for place in world.cloud().places() {
        let snapshots = world.cloud().snapshots_in(&place);
        let start_of = |job: &Job| {
            let made = snapshots
                .iter()
                .find(|it| it.tags.get(JOB_TAG).is_some_and(|tag| tag == job.id.as_str()));
            made.map(|it| it.started_at)
        };
        let mut starts: Vec<Timestamp> = jobs
            .iter()
            .filter(|job| job.work.order().task.as_str() == "gated")
            .filter(|job| job.work.place() == Some(&place))
            .filter(|job| job.status.state() == State::Succeeded)
            .filter_map(start_of)
            .collect();
        starts.sort();
        assert!(starts.len() > 1, "seed {seed}: hardly anything was done in {place}");
        let apart = |pair: &[Timestamp]| pair[0] + SNAPSHOTS_TAKE <= pair[1];
        assert!(starts.windows(2).all(apart), "seed {seed}: at once in {place}: {starts:?}");
    }
}
