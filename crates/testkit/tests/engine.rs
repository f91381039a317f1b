//! What the engine promises beyond one action: guards, spreads, missed occurrences, and what
//! `missed` lists. One small world each.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{
    Action, Clock, Engine, Fault, Progress, Spec, StepCx, Verdict,
    action::{Effect, PlanCx},
    cloud::ec2::Volume,
    engine::{Event, Overdue, Planner, overdue},
    job::WorkKind,
    plan::{Plan, TaskPlan},
    schedule::{Missed, Schedule, Timing, Zone, spread_offset},
    select::ServerFilter,
    task::{Guards, Mode, Percent, StopAfter, Task},
};
use lamplighter_testkit::{Delivery, World, catalog, finish};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

mod support;

use support::{NONE, Snap};

/// When worlds begin: 02:00 on a Monday.
const BEGIN: Timestamp = Timestamp::constant(1_772_416_800, 0);

fn minutes(count: i64) -> Timestamp {
    BEGIN + SignedDuration::from_mins(count)
}

fn three_volumes() -> World {
    World::new().volume("vol-a", []).volume("vol-b", []).volume("vol-c", [])
}

/// Runs the test action under these guards and shows its records.
#[track_caller]
fn check_guards(guards: Guards, expected: &str) {
    let mut world = three_volumes().task(move |task| task.order.guards = guards.clone());
    world.run(&Snap::<NONE>, json!({}));
    let wanted: Vec<&str> = expected.lines().map(str::trim).filter(|it| !it.is_empty()).collect();
    let records = world.records();
    for line in &wanted {
        assert!(records.contains(line), "no `{line}` in\n{records}");
    }
    assert_eq!(world.targets().lines().count(), wanted.len() - 1, "{records}");
}

#[test]
fn fewer_than_expected_is_a_failure_of_the_place_and_the_others_are_worked_on() {
    let guards = Guards { expect: Some(4), ..Guards::default() };
    check_guards(
        guards,
        "111122223333/eu-west-1 failed: 3 targets selected, but `expect` is 4
         vol-a succeeded
         vol-b succeeded
         vol-c succeeded",
    );
}

#[test]
fn more_than_the_limit_acts_on_nothing() {
    let guards = Guards { limit_targets: Some(2), ..Guards::default() };
    check_guards(guards, "111122223333/eu-west-1 failed: 3 targets to act on, but `limit.targets`");
    let percent = Percent::try_from(99).ok();
    let guards = Guards { limit_percent: percent, ..Guards::default() };
    check_guards(guards, "111122223333/eu-west-1 failed: 3 of 3 to act on, but `limit.percent`");
}

#[test]
fn a_share_is_of_all_that_is_there_and_not_of_what_is_selected() {
    // What EC2 would leave out of the listing must be counted too.
    let percent = Percent::try_from(40).ok();
    let mut world = three_volumes().volume("vol-d", [("backup", "daily")]).task(move |task| {
        task.order.guards = Guards { limit_percent: percent, ..Guards::default() };
        task.order.select = serde_json::from_value(json!({ "tags": { "backup": "daily" } }))
            .expect("this is a selection");
    });
    world.run(&Snap::<NONE>, json!({}));
    assert_eq!(world.targets().lines().count(), 1, "{}", world.records());
    assert!(world.targets().starts_with("vol-d succeeded"), "{}", world.records());
}

#[test]
fn a_task_that_observes_plans_and_records_and_never_acts() {
    let mut world = three_volumes().task(|task| task.order.mode = Mode::Observe);
    world.run(&Snap::<NONE>, json!({}));
    world.assert_nothing_written();
    for line in world.targets().lines() {
        assert!(line.contains("skipped: only observes: would "), "{line}");
    }
    assert_eq!(world.targets().lines().count(), 3);
}

#[test]
fn after_enough_failures_what_was_not_begun_is_given_up() {
    let mut world =
        three_volumes().failing("vol-a").failing("vol-b").failing("vol-c").task(|task| {
            task.order.stop_after = Some(StopAfter::Failed(1));
            task.order.timeout = Some(SignedDuration::from_mins(10));
            task.order.max_concurrent = std::num::NonZeroU32::new(1);
        });
    world.run(&Snap::<NONE>, json!({}));
    let targets = world.targets();
    let states = targets.lines().filter_map(|line| line.split([' ', ':']).nth(1));
    let mut states: Vec<&str> = states.collect();
    states.sort_unstable();
    assert_eq!(states, ["failed", "stopped", "stopped"], "{targets}");
}

/// An action whose steps must never overlap.
struct Alone;

/// Steps under way now.
static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NoParams {}

#[async_trait]
impl Action for Alone {
    type Params = NoParams;
    type Target = Volume;
    type State = ();
    type Known = ();

    const SPEC: Spec = Spec {
        name: "test.alone",
        summary: "Looks at the volumes and does nothing.",
        permissions: &[],
        elsewhere: &[],
        effect: Effect::Changes,
        timeout: Duration::from_secs(3600),
        gate: None,
    };

    fn plan(_: &NoParams, _: &PlanCx<'_>, found: &[Volume], _: &()) -> Vec<Verdict> {
        found.iter().map(|_| Verdict::Act { effect: "look".to_owned(), reason: None }).collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        _: &NoParams,
        _: &Volume,
        _: Option<()>,
    ) -> Result<Progress<()>, Fault> {
        assert_eq!(UNDER_WAY.fetch_add(1, Ordering::SeqCst), 0, "two workers take one step");
        // Others may run while AWS answers.
        let looked = cx.here.ec2().volumes(&ServerFilter::default(), None).await;
        UNDER_WAY.fetch_sub(1, Ordering::SeqCst);
        looked.map(|_| Progress::Done("looked".to_owned()))
    }
}

#[test]
fn a_step_is_taken_by_one_worker_whoever_else_is_told() {
    for seed in 1..=40 {
        let mut world = World::new().volume("vol-a", []).workers(3).seed(seed);
        world.queue().deliver(Delivery::Doubled);
        world.run(&Alone, json!({}));
        assert_eq!(world.targets(), "vol-a succeeded: looked", "seed {seed}");
    }
}

/// A world and the engines of one task with this schedule, after their first tick.
fn scheduled(every: &str, change: impl Fn(&mut Schedule)) -> (World, Vec<Engine>, Task) {
    let mut world = three_volumes();
    let mut task = world.task_of(&Snap::<NONE>, json!({}));
    let every = every.parse().expect("this is an interval");
    let mut schedule = Schedule::new(Timing::Every(every), Zone::default());
    change(&mut schedule);
    task.schedule = Some(schedule);
    // The test action waits for what has failed until its time is over.
    task.order.timeout = Some(SignedDuration::from_mins(10));
    let engines = world.engines(catalog(&[&Snap::<NONE>]), std::slice::from_ref(&task));
    world.tick(&engines);
    (world, engines, task)
}

/// The occurrences that have a run, in minutes from the beginning.
fn runs(world: &World) -> Vec<i64> {
    let spreads = world
        .jobs()
        .into_iter()
        .filter(|job| job.work.kind() == WorkKind::Spread && !job.id.as_str().ends_with("/missed"));
    spreads.map(|job| job.work.occurrence().duration_since(BEGIN).as_mins()).collect()
}

#[test]
fn a_task_never_fires_for_a_time_before_it_was_first_loaded() {
    let (mut world, engines, task) = scheduled("1h", |_| {});
    world.run_until(&engines, minutes(150));
    assert_eq!(runs(&world), [60, 120]);
    assert_eq!(missed_by(&world, &engines[0], &task, minutes(150)), []);

    // Another task is loaded at 04:30; the hour that began at 04:00 is not its own.
    let mut second = task.clone();
    second.order.task = "second".parse().expect("a task name");
    let both = world.engines(catalog(&[&Snap::<NONE>]), &[task.clone(), second.clone()]);
    world.clock().set(minutes(150));
    world.tick(&both);
    let of_second = |world: &World| {
        let jobs = world.jobs().into_iter();
        jobs.filter(|job| {
            job.id.as_str().starts_with("second@") && job.work.kind() == WorkKind::Spread
        })
        .count()
    };
    assert_eq!(of_second(&world), 0);
    world.run_until(&both, minutes(185));
    assert_eq!(of_second(&world), 1);
}

/// The task with another time-out, and the engines that have it.
fn changed(world: &World, task: &Task) -> (Vec<Engine>, Task) {
    let mut changed = task.clone();
    changed.order.timeout = Some(SignedDuration::from_hours(5));
    (world.engines(catalog(&[&Snap::<NONE>]), std::slice::from_ref(&changed)), changed)
}

/// What is missing: minutes from the beginning, and why.
fn missing(world: &World, engine: &Engine, task: &Task) -> Vec<(i64, String)> {
    let all = missed_by(world, engine, task, world.clock().now());
    let minutes = |it: &Overdue| it.occurrence.duration_since(BEGIN).as_mins();
    all.into_iter().map(|it| (minutes(&it), it.why)).collect()
}

#[test]
fn a_task_that_is_changed_at_its_time_runs_at_that_time() {
    let (mut world, engines, task) = scheduled("1h", |_| {});
    world.run_until(&engines, minutes(59));
    let (engines, task) = changed(&world, &task);
    world.clock().set(minutes(60));
    world.tick(&engines);
    assert_eq!(runs(&world), [60]);
    world.run_to_the_end(&engines);
    assert_eq!(missing(&world, &engines[0], &task), []);
}

#[test]
fn what_was_due_before_a_change_that_ends_an_absence_is_missed() {
    let (mut world, engines, task) = scheduled("1h", |_| {});
    world.run_until(&engines, minutes(70));
    let (engines, task) = changed(&world, &task);
    world.clock().set(minutes(190));
    world.tick(&engines);
    assert_eq!(runs(&world), [60], "it is not what was due then");
    let missed = missing(&world, &engines[0], &task);
    let times: Vec<i64> = missed.iter().map(|it| it.0).collect();
    assert_eq!(times, [120, 180]);
    assert!(missed[0].1.contains("what the task says now"), "{missed:?}");
    world.run_until(&engines, minutes(245));
    assert_eq!(runs(&world), [60, 240]);
}

#[test]
fn a_new_schedule_was_never_due_before_it_was_loaded() {
    let (mut world, engines, mut task) = scheduled("1h", |_| {});
    world.run_until(&engines, minutes(70));
    let every = "10m".parse().expect("this is an interval");
    task.schedule = Some(Schedule::new(Timing::Every(every), Zone::default()));
    let engines = world.engines(catalog(&[&Snap::<NONE>]), std::slice::from_ref(&task));
    world.clock().set(minutes(185));
    world.tick(&engines);
    assert_eq!(runs(&world), [60]);
    assert_eq!(missing(&world, &engines[0], &task), []);
}

#[test]
fn hosts_with_two_forms_of_a_task_drop_nothing_between_them() {
    let (mut world, old, task) = scheduled("10m", |_| {});
    let (new, _) = changed(&world, &task);
    for minute in 1..=60 {
        world.clock().set(minutes(minute));
        world.tick(if minute % 2 == 0 { &old } else { &new });
    }
    world.run_to_the_end(&new);
    assert_eq!(runs(&world), [10, 20, 30, 40, 50, 60]);
}

#[test]
fn a_task_that_is_not_enabled_does_nothing() {
    let (mut world, _, mut task) = scheduled("1h", |_| {});
    task.enabled = false;
    let engines = world.engines(catalog(&[&Snap::<NONE>]), &[task]);
    world.run_until(&engines, minutes(150));
    assert_eq!(world.records(), "");
}

#[test]
fn occurrences_that_nobody_ran_are_recorded_as_missed_until_they_are_made_up_for() {
    let (mut world, engines, task) = scheduled("1h", |_| {});
    // Nobody is there from 02:00 to 05:30: the newest runs, the two before do not.
    world.clock().set(minutes(210));
    world.tick(&engines);
    world.run_to_the_end(&engines);
    assert_eq!(runs(&world), [180]);
    let missed = |world: &World| -> Vec<i64> {
        let now = world.clock().now();
        let all = missed_by(world, &engines[0], &task, now);
        all.iter().map(|it| it.occurrence.duration_since(BEGIN).as_mins()).collect()
    };
    assert_eq!(missed(&world), [60, 120]);

    let at = minutes(60);
    let event = Event::Run { task: task.order.task.clone(), at };
    finish(engines[0].event(event)).expect("nobody dies").expect("the journal is there");
    world.run_to_the_end(&engines);
    assert_eq!(missed(&world), [120]);
}

#[test]
fn a_host_that_is_down_is_missed_before_it_comes_back() {
    let (world, engines, task) = scheduled("1h", |schedule| schedule.missed = Missed::All);
    let check = |now: i64, expected: usize| {
        let all = missed_by(&world, &engines[0], &task, minutes(now));
        assert_eq!(all.len(), expected, "{all:?}");
        assert!(all.iter().all(|it| it.why.contains("no host has looked at the clock")));
    };
    check(59, 0);
    check(65, 1);
    check(190, 3);
}

#[test]
fn what_failed_in_the_latest_run_is_missed() {
    let (mut world, engines, task) = scheduled("1h", |_| {});
    world = world.failing("vol-b");
    world.run_until(&engines, minutes(61));
    world.clock().set(minutes(75));
    world.run_to_the_end(&engines);
    let all = missed_by(&world, &engines[0], &task, world.clock().now());
    let targets: Vec<Option<&str>> = all.iter().map(|it| it.target.as_deref()).collect();
    assert_eq!(targets, [Some("vol-b")], "{}", world.records());
}

fn missed_by(world: &World, engine: &Engine, task: &Task, now: Timestamp) -> Vec<Overdue> {
    let journal = &*engine.ports().journal;
    let tasks = std::slice::from_ref(task);
    let since = BEGIN - SignedDuration::from_hours(24);
    let found = finish(overdue(tasks, journal, since, now)).expect("nobody dies");
    world.assert_lawful();
    found.expect("the journal is there")
}

#[test]
fn each_place_starts_at_its_own_offset() {
    let window = Duration::from_secs(20 * 60);
    let (mut world, engines, task) = scheduled("1h", |schedule| schedule.spread = Some(window));
    world.run_until(&engines, minutes(60));
    let find = world.jobs().into_iter().find(|job| job.work.kind() == WorkKind::Find);
    let find = find.expect("the place has a record before its time");
    let offset = spread_offset(&task.order.task, world.here(), window);
    assert!(!offset.is_zero(), "this place starts at once: it shows nothing");
    assert_eq!(find.wake_at, Some(minutes(60) + offset));
    world.run_to_the_end(&engines);
    assert!(world.clock().now() >= minutes(60) + offset);
    assert_eq!(world.targets().matches("succeeded").count(), 3);
}

#[test]
fn a_saved_plan_is_done_as_it_is_and_what_changed_since_is_refused() {
    let mut world = three_volumes();
    let task = world.task_of(&Snap::<NONE>, json!({}));
    let catalog = catalog(&[&Snap::<NONE>]);
    let planner = Planner::new(catalog, Arc::new(world.cloud().clone()));
    let place = finish(planner.place(&task.order, world.here(), BEGIN)).expect("nobody dies");
    let mut problems = Vec::new();
    let mut planned = TaskPlan::new(&task.order, BEGIN, vec![place], &mut problems);
    planned.verdicts.sort_by(|a, b| a.target.cmp(&b.target));
    // `vol-a` was larger when it was planned, and `vol-c` was not there.
    let larger = planned.verdicts[0].facts.as_mut().expect("it is acted on");
    let mut facts = larger.value();
    facts["size_gib"] = json!(9);
    *larger = facts.into();
    planned.verdicts.truncate(2);
    let plan = Plan::new(BEGIN, vec![planned], problems);

    let engines = world.engines(catalog, &[task]);
    for _ in 0..2 {
        finish(engines[0].event(Event::Apply(plan.clone())))
            .expect("nobody dies")
            .expect("the journal is there");
        world.run_to_the_end(&engines);
    }
    assert_eq!(
        world.targets(),
        "vol-a failed: changed since the plan: `size_gib` was 9 and is 8; plan again\n\
         vol-b succeeded: created snap-1"
    );
    world.assert_lawful();
}

#[test]
fn a_saved_plan_is_done_where_more_is_unknown_than_planned() {
    // Of two volumes nobody knows whether they are selected: the plan has only the third.
    let mut world = World::new()
        .volume_with("vol-a", [], |it| it.iops = Some(3000))
        .volume_with("vol-b", [], |it| it.iops = None)
        .volume_with("vol-c", [], |it| it.iops = None);
    let mut task = world.task_of(&Snap::<NONE>, json!({}));
    task.order.select = serde_json::from_value(json!({ "where": "target.iops > 100" }))
        .expect("this is a selection");
    let catalog = catalog(&[&Snap::<NONE>]);
    let planner = Planner::new(catalog, Arc::new(world.cloud().clone()));
    let place = finish(planner.place(&task.order, world.here(), BEGIN)).expect("nobody dies");
    let mut problems = Vec::new();
    let planned = TaskPlan::new(&task.order, BEGIN, vec![place], &mut problems);
    assert_eq!((planned.verdicts.len(), problems.len()), (1, 2));
    let plan = Plan::new(BEGIN, vec![planned], problems);

    let engines = world.engines(catalog, &[task]);
    let started = finish(engines[0].event(Event::Apply(plan))).expect("nobody dies");
    started.expect("the journal is there");
    world.run_to_the_end(&engines);
    assert_eq!(
        world.records(),
        "111122223333/eu-west-1 succeeded: 1 volumes: 1 to act on, 0 left\n\
         run succeeded: 1 places\n\
         vol-a succeeded: created snap-1"
    );
}

#[test]
fn a_worker_that_is_told_twice_at_the_same_instant_takes_one_step() {
    let mut world = World::new().volume("vol-a", []);
    let engines = world.begin(&Snap::<NONE>, json!({}));
    let job = world.jobs().into_iter().find(|job| job.work.kind() == WorkKind::Act);
    let job = job.expect("there is one volume");
    world.clock().set(job.wake_at.expect("its snapshot is pending"));
    let calls = world.cloud().calls().len();
    let twice = async { tokio::join!(engines[0].advance(&job.id), engines[0].advance(&job.id)) };
    let (one, other) = finish(twice).expect("nobody dies");
    assert_eq!((one.is_ok(), other.is_ok()), (true, true));
    assert_eq!(world.cloud().calls().len(), calls + 2, "it enters the account, and looks, once");
    world.assert_lawful();
}
