//! Time, workers and luck in a rehearsal.

#![expect(clippy::unwrap_used, reason = "a broken promise is a panic")]

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{
    Catalog, Clock, Engine, JobId, RunId,
    engine::{Event, RunFilter},
    events::{CloudEvent, Name, Trigger, parse},
    job::{Job, LEASE, State, WorkKind},
    schedule::Missed,
    task::Task,
};
use lamplighter_rehearsal::{Delivery, Rehearsal, Stuck, finish};

mod support;

use support::{BEGIN, Fleet, Touch, minutes, places, task};

const CATALOG: Catalog = &[&Touch];

/// Workers that do these tasks on this fleet.
fn employed(
    seed: u64,
    workers: usize,
    tasks: &[Task],
    volumes: &[&str],
    latency: SignedDuration,
) -> (Rehearsal, Fleet) {
    let mut rehearsal = Rehearsal::new(BEGIN, seed);
    let fleet = Fleet::new(rehearsal.clock(), volumes.iter().copied(), latency);
    let engines = rehearsal.engines(workers, CATALOG, tasks, &(Arc::new(fleet.clone()) as _));
    rehearsal.employ(engines);
    (rehearsal, fleet)
}

/// One worker and one volume, every hour.
fn hourly(volume: &str) -> (Rehearsal, Fleet) {
    let tasks = [task("hourly", "1h", &places(["eu-west-1"]))];
    employed(1, 1, &tasks, &[volume], SignedDuration::ZERO)
}

fn ticked(rehearsal: &Rehearsal) -> Timestamp {
    let ticked = finish(lamplighter_core::Journal::ticked(&**rehearsal.journal()));
    ticked.unwrap().unwrap().unwrap()
}

/// The occurrences of a task that have run, in minutes from the beginning.
fn occurrences(rehearsal: &Rehearsal, name: &str) -> Vec<i64> {
    let all = rehearsal.journal().all();
    // An account of several regions has a spread of its own.
    let spreads = all.iter().filter(|job| job.id == JobId::spread(&job.run()));
    spreads
        .filter(|job| job.run().task() == name && job.status.state() == State::Succeeded)
        .map(|job| job.work.occurrence().duration_since(BEGIN).as_mins())
        .collect()
}

fn target(rehearsal: &Rehearsal) -> Job {
    let all = rehearsal.journal().all();
    all.into_iter().find(|job| job.work.kind() == WorkKind::Act).unwrap()
}

#[test]
fn every_occurrence_runs_and_none_else() {
    let places = places(["eu-west-1", "eu-west-2"]);
    let tasks = [
        task("hourly", "1h", &places),
        task("quarterly", "15m", &places),
        task("nightly", "30 3 * * *", &places),
    ];
    let (mut rehearsal, fleet) = employed(1, 2, &tasks, &["vol-a", "vol-b"], SignedDuration::ZERO);
    let until = minutes(2 * 24 * 60);
    rehearsal.run_until(until).unwrap();
    assert_eq!(rehearsal.clock().now(), until);
    let mut runs = 0;
    for task in &tasks {
        let schedule = task.schedule.as_ref().unwrap();
        let due = schedule.occurrences(BEGIN, until);
        let due: Vec<i64> = due.map(|at| at.duration_since(BEGIN).as_mins()).collect();
        assert_eq!(occurrences(&rehearsal, task.order.task.as_str()), due, "{}", task.order.task);
        runs += due.len();
    }
    assert_eq!(runs, 48 + 192 + 2);
    assert_eq!(fleet.touched().len(), runs * 4);
    assert_eq!(rehearsal.journal().open(), 0);
}

#[test]
fn time_goes_no_further_than_asked_for_and_each_minute_has_a_tick() {
    let (mut rehearsal, _) = hourly("vol-a");
    let half = minutes(7) + SignedDuration::from_secs(30);
    rehearsal.run_until(half).unwrap();
    assert_eq!((rehearsal.clock().now(), ticked(&rehearsal)), (half, minutes(7)));
    assert_eq!(rehearsal.next_at(), Some(minutes(8)));
    rehearsal.run_until(minutes(9)).unwrap();
    assert_eq!((rehearsal.clock().now(), ticked(&rehearsal)), (minutes(9), minutes(9)));
}

#[test]
fn the_same_seed_makes_the_same_journal_and_another_one_another_order() {
    let run = |seed| {
        let tasks = [task("hourly", "1h", &places(["eu-west-1", "eu-west-2"]))];
        let volumes = ["vol-a", "vol-b", "vol-c"];
        let (mut rehearsal, fleet) =
            employed(seed, 3, &tasks, &volumes, SignedDuration::from_secs(1));
        rehearsal.queue().deliver(Delivery::Doubled);
        rehearsal.run_until(minutes(190)).unwrap();
        (rehearsal.journal().all(), fleet.touched())
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1).1, run(2).1);
}

#[test]
fn workers_are_in_the_middle_of_steps_at_the_same_time() {
    let tasks = [task("hourly", "1h", &places(["eu-west-1"]))];
    let volumes = ["vol-a", "vol-b", "vol-c"];
    let (mut rehearsal, _) = employed(1, 3, &tasks, &volumes, SignedDuration::ZERO);
    let mut most = 0;
    while rehearsal.next_at().unwrap() <= minutes(60) {
        rehearsal.step();
        let all = rehearsal.journal().all();
        most = most.max(all.iter().filter(|job| job.lease.is_some()).count());
    }
    assert_eq!(most, 3);
}

#[test]
fn the_end_comes_when_the_last_message_has_been_looked_at() {
    let (mut rehearsal, _) = hourly("vol-a");
    rehearsal.queue().deliver(Delivery::Doubled);
    while rehearsal.journal().is_empty() {
        rehearsal.step();
    }
    rehearsal.run_to_the_end(minutes(62)).unwrap();
    assert_eq!((rehearsal.clock().now(), rehearsal.next_at()), (minutes(60), Some(minutes(61))));
}

/// A worker that touched the volume and has not said so yet.
fn in_the_middle(workers: usize) -> (Rehearsal, Fleet) {
    let tasks = [task("hourly", "1h", &places(["eu-west-1"]))];
    let (mut rehearsal, fleet) = employed(1, workers, &tasks, &["vol-a"], SignedDuration::ZERO);
    while fleet.touched().is_empty() {
        rehearsal.step();
    }
    assert_eq!(target(&rehearsal).status.state(), State::Open);
    (rehearsal, fleet)
}

#[test]
fn the_work_of_a_killed_worker_is_taken_over_when_its_lease_ends() {
    let (mut rehearsal, fleet) = in_the_middle(2);
    let holder = target(&rehearsal).lease.unwrap().holder;
    let killed = usize::from(holder == "worker-2");
    rehearsal.crash(killed);
    let at = rehearsal.clock().now();
    rehearsal.run_to_the_end(at + SignedDuration::from_mins(10)).unwrap();
    let job = target(&rehearsal);
    assert_eq!((job.status.state(), job.closed_at), (State::Succeeded, Some(at + LEASE)));
    assert_eq!(fleet.touched().len(), 2, "this action does not look for what it did before");
}

#[test]
fn nothing_happens_while_nobody_is_there_and_what_was_left_is_done_afterwards() {
    let (mut rehearsal, _) = in_the_middle(1);
    rehearsal.crash(0);
    let before = rehearsal.journal().all();
    let at = rehearsal.clock().now();
    assert_eq!((at, rehearsal.next_at()), (minutes(60), None));
    let stuck = Stuck::Open { at, open: 1 };
    assert_eq!(rehearsal.run_to_the_end(minutes(90)), Err(stuck));
    rehearsal.run_until(minutes(200)).unwrap();
    assert_eq!((rehearsal.clock().now(), ticked(&rehearsal)), (minutes(200), minutes(60)));
    assert_eq!(rehearsal.journal().all(), before);

    rehearsal.restart(0);
    rehearsal.run_until(minutes(200)).unwrap();
    assert_eq!(ticked(&rehearsal), minutes(200), "a host ticks when it starts");
    assert_eq!(rehearsal.journal().open(), 0);
    assert_eq!(occurrences(&rehearsal, "hourly"), [60, 180]);
}

#[test]
fn a_cloud_that_takes_its_time_moves_the_clock_and_the_ticks_go_on() {
    let mut often = task("often", "1m", &places([]));
    often.schedule.as_mut().unwrap().missed = Missed::All;
    let tasks = [task("hourly", "1h", &places(["eu-west-1", "eu-west-2"])), often];
    let volumes = ["vol-a", "vol-b", "vol-c", "vol-d", "vol-e"];
    let (mut rehearsal, fleet) = employed(1, 2, &tasks, &volumes, SignedDuration::from_secs(40));
    rehearsal.run_until(minutes(61)).unwrap();
    let now = rehearsal.clock().now();
    assert_eq!(now, minutes(61) + SignedDuration::from_secs(20));
    assert_eq!(fleet.touched().len(), 2);
    assert_eq!(rehearsal.next_at(), Some(now), "somebody is in the middle of a step");
    rehearsal.run_until(minutes(70)).unwrap();
    assert_eq!((fleet.touched().len(), rehearsal.journal().open()), (10, 0));
    assert_eq!(occurrences(&rehearsal, "often"), (1..=70).collect::<Vec<i64>>());
    let late = |job: &Job| job.created_at.duration_since(job.work.occurrence());
    let all = rehearsal.journal().all();
    let latest = all.iter().filter(|job| job.run().task() == "often").map(late).max().unwrap();
    assert!(latest < SignedDuration::from_mins(2), "a tick came {latest} late");
}

#[test]
fn a_call_that_never_comes_back_is_the_death_of_its_worker() {
    let (mut rehearsal, fleet) = hourly("vol-hangs-once");
    rehearsal.run_until(minutes(61)).unwrap();
    assert_eq!((rehearsal.deaths(), fleet.touched().len()), (1, 0));
    rehearsal.run_until(minutes(62)).unwrap();
    assert_eq!((rehearsal.deaths(), fleet.touched().len()), (1, 1));
    assert_eq!(target(&rehearsal).closed_at, Some(minutes(60) + LEASE));
}

#[test]
fn a_step_that_is_repeated_at_once_for_ever_is_noticed() {
    let (mut rehearsal, _) = hourly("vol-loops");
    assert_eq!(rehearsal.run_until(minutes(61)), Err(Stuck::Busy { at: minutes(60) }));
}

#[test]
fn work_that_takes_longer_than_asked_for_is_given_up() {
    let (mut rehearsal, _) = hourly("vol-waits");
    rehearsal.run_until(minutes(60)).unwrap();
    let stuck = Stuck::Open { at: minutes(90), open: 1 };
    assert_eq!(rehearsal.run_to_the_end(minutes(90)), Err(stuck));
    assert_eq!(stuck.to_string(), "1 jobs are still open at 2026-03-02T03:30:00Z");
}

#[test]
fn only_the_runs_asked_for_are_waited_for() {
    let places = places(["eu-west-1"]);
    let tasks = [task("asked", "7d", &places), task("busy", "1m", &places)];
    let (mut rehearsal, fleet) =
        employed(1, 1, &tasks, &["vol-a", "vol-waits"], SignedDuration::ZERO);
    let engine: Engine = rehearsal.engines(1, CATALOG, &tasks, &(Arc::new(fleet) as _)).remove(0);
    let run = |task: &str| RunId::new(&task.parse().unwrap(), BEGIN);
    let event = Event::Run { task: "asked".parse().unwrap(), at: BEGIN };
    let started = finish(engine.event(event)).unwrap().unwrap();
    assert_eq!(started[0].run, run("asked"));
    rehearsal.run_to_the_end_of(&[run("asked")], minutes(24 * 60)).unwrap();
    let journal = rehearsal.journal().clone();
    assert_eq!(journal.tally_of(&run("asked")).all().open, 0);
    assert!(journal.open() > 0, "the other task goes on for ever");
    let all = finish(lamplighter_core::Journal::runs(&*journal, &RunFilter::default()));
    assert!(all.unwrap().unwrap().len() > 60);
}

#[test]
fn whoever_is_employed_anew_drops_what_others_had_in_hand() {
    let (mut rehearsal, fleet) = in_the_middle(1);
    let changed = [task("changed", "1h", &places(["eu-west-1"]))];
    let accounts = Arc::new(fleet.clone()) as _;
    rehearsal.employ(rehearsal.engines(2, CATALOG, &changed, &accounts));
    rehearsal.run_until(minutes(120)).unwrap();
    let job = target(&rehearsal);
    assert_eq!(job.run().task(), "changed");
    let known = finish(lamplighter_core::Journal::known_tasks(&**rehearsal.journal()));
    let known = known.unwrap().unwrap();
    assert_eq!(known["changed"].since, minutes(60), "known at once");
    assert_eq!(occurrences(&rehearsal, "hourly"), [60]);
    assert_eq!(rehearsal.journal().open(), 0);
    assert_eq!(fleet.touched().len(), 3);
}

/// An event about a volume, that many minutes after the beginning.
fn event(volume: &str, at: i64) -> CloudEvent {
    let event = serde_json::json!({
        "id": format!("{volume}-{at}"),
        "detail-type": "EBS Volume Notification",
        "source": "aws.ec2",
        "account": "111122223333",
        "time": minutes(at),
        "region": "eu-west-1",
        "resources": [format!("arn:aws:ec2:eu-west-1:111122223333:volume/{volume}")],
        "detail": { "event": "createVolume", "result": "available" },
    });
    parse(&event).unwrap()
}

#[test]
fn events_reach_the_engine_whenever_a_worker_dies_and_do_nothing_twice() {
    for seed in 1..=30 {
        let mut new = task("new", "7d", &places(["eu-west-1"]));
        new.schedule = None;
        new.on = vec![Trigger::Named(Name::VolumeCreated)];
        let (mut rehearsal, fleet) =
            employed(seed, 2, &[new], &["vol-a", "vol-b", "vol-c"], SignedDuration::ZERO);
        let clock = rehearsal.clock().clone();
        let mut coming = vec![event("vol-a", 1), event("vol-a", 1), event("vol-b", 2)];
        rehearsal.hear(move || {
            let now = clock.now();
            coming.extract_if(.., |it| it.at <= now).collect()
        });
        // Somebody dies in the middle of something.
        rehearsal.run_until(minutes(1)).unwrap();
        (0..seed).for_each(|_| rehearsal.step());
        rehearsal.crash(0);
        (0..seed).for_each(|_| rehearsal.step());
        rehearsal.restart(0);
        rehearsal.run_to_the_end(minutes(60)).unwrap();
        let mut touched = fleet.touched();
        touched.sort();
        touched.dedup();
        assert_eq!(touched.len(), 2, "seed {seed}: {touched:?}");
        let acts = rehearsal.journal().all();
        let acts = acts.iter().filter(|job| job.work.kind() == WorkKind::Act);
        let acts: Vec<&str> = acts.filter_map(|job| job.work.target()).collect();
        assert_eq!(acts, ["vol-a", "vol-b"], "seed {seed}");
    }
}
