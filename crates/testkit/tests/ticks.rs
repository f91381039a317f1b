//! What ticks promise when several hosts tick, at the same moment or one after the other, and
//! when one of them dies in the middle.

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{
    Clock, Engine, Fault,
    engine::Event,
    job::WorkKind,
    schedule::{Schedule, Timing, Zone},
    task::Task,
};
use lamplighter_rehearsal::yield_now;
use lamplighter_testkit::{Mishap, Random, World, catalog, finish};
use serde_json::json;

mod support;

use support::{NONE, Snap};

/// A world in which a task is due each minute, and its hosts, at the full minute in which the
/// first of them has ticked.
fn minutely(workers: usize) -> (World, Vec<Engine>, Task) {
    let mut world = World::new().volume("vol-a", []).workers(workers);
    let mut task = world.task_of(&Snap::<NONE>, json!({}));
    let every = "1m".parse().expect("this is an interval");
    task.schedule = Some(Schedule::new(Timing::Every(every), Zone::default()));
    let engines = world.engines(catalog(&[&Snap::<NONE>]), std::slice::from_ref(&task));
    world.tick(&engines);
    (world, engines, task)
}

/// The spread jobs there are, without the task's name: when, and whether it is a record of a
/// missed one.
fn spreads(world: &World) -> Vec<String> {
    let jobs = world.jobs().into_iter();
    let ids = jobs.filter(|job| job.work.kind() == WorkKind::Spread).map(|job| job.id.to_string());
    ids.filter_map(|id| id.split_once('@').map(|(_, at)| at.to_owned())).collect()
}

/// How many messages are due now. They are taken.
fn messages(world: &World) -> usize {
    let mut random = Random::new(1);
    std::iter::from_fn(|| world.queue().take(&mut random)).count()
}

fn now(world: &World) -> Timestamp {
    world.clock().now()
}

fn tick(engine: &Engine) -> Result<(), Fault> {
    finish(engine.tick_once_a_minute()).expect("nobody dies")
}

#[test]
fn of_two_that_tick_at_the_same_moment_one_takes_effect() {
    // The second begins so many journal calls after the first: every way to interleave them.
    for after in 0..20 {
        let (world, engines, _) = minutely(2);
        let _ = messages(&world);
        world.clock().set(now(&world) + SignedDuration::from_secs(70));
        let second = async {
            for _ in 0..after {
                yield_now().await;
            }
            engines[1].tick_once_a_minute().await
        };
        let both = async { tokio::join!(engines[0].tick_once_a_minute(), second) };
        let (one, other) = finish(both).expect("nobody dies");
        assert_eq!((one.is_ok(), other.is_ok()), (true, true), "{after}");
        assert_eq!(spreads(&world), ["2026-03-02T02:01:00Z"], "{after}");
        // One for the new job, and one of each sweep.
        assert!((2..=3).contains(&messages(&world)), "{after}");
        world.assert_lawful();
    }
}

#[test]
fn the_second_tick_of_a_minute_does_nothing() {
    let (world, engines, _) = minutely(2);
    world.clock().set(now(&world) + SignedDuration::from_secs(60));
    tick(&engines[0]).expect("the journal is there");
    assert_eq!(messages(&world), 2, "the new job, and the sweep");
    world.clock().set(now(&world) + SignedDuration::from_secs(59));
    tick(&engines[1]).expect("the journal is there");
    assert_eq!(messages(&world), 0);
    world.clock().set(now(&world) + SignedDuration::from_secs(1));
    tick(&engines[1]).expect("the journal is there");
    assert_eq!(spreads(&world), ["2026-03-02T02:01:00Z", "2026-03-02T02:02:00Z"]);
    assert_eq!(messages(&world), 3, "the new job, and a sweep of both");
}

#[test]
fn a_tick_that_dies_loses_no_minute_and_misses_none_that_it_ran() {
    // Its writes are: the new job, and up to when it has ticked.
    let expected: [&[&str]; 3] = [
        // Nothing was begun: with `missed: latest` the newest runs.
        &["2026-03-02T02:01:00Z/missed", "2026-03-02T02:02:00Z"],
        // The first was begun: it was not missed.
        &["2026-03-02T02:01:00Z", "2026-03-02T02:02:00Z"],
        &["2026-03-02T02:01:00Z", "2026-03-02T02:02:00Z"],
    ];
    let deaths = [(1, Mishap::CrashBefore), (1, Mishap::CrashAfter), (2, Mishap::CrashBefore)];
    for ((write, death), expected) in deaths.into_iter().zip(expected) {
        let (world, engines, _) = minutely(2);
        world.clock().set(now(&world) + SignedDuration::from_secs(60));
        world.faults().at_write(world.faults().writes() + write, death);
        assert!(finish(engines[0].tick_once_a_minute()).is_none(), "it dies");
        world.clock().set(now(&world) + SignedDuration::from_secs(60));
        tick(&engines[1]).expect("the journal is there");
        assert_eq!(spreads(&world), expected, "{write} {death:?}");
        world.assert_lawful();
    }
}

#[test]
fn an_occurrence_that_somebody_ran_by_hand_was_not_missed() {
    let (world, engines, task) = minutely(1);
    let at = now(&world) + SignedDuration::from_secs(60);
    world.clock().set(at + SignedDuration::from_secs(60));
    let event = Event::Run { task: task.order.task.clone(), at };
    finish(engines[0].event(event)).expect("nobody dies").expect("the journal is there");
    tick(&engines[0]).expect("the journal is there");
    assert_eq!(spreads(&world), ["2026-03-02T02:01:00Z", "2026-03-02T02:02:00Z"]);
}
