//! What the engine makes of AWS's events: one run for one event and task, of its targets only.

use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{
    Action, AnyAction, Clock, Engine, Fault, Progress, Resource, RunId, Scope, Spec, StepCx, Tags,
    Verdict,
    action::{Effect, PlanCx, TASK_TAG},
    cloud::{
        Page, PageToken,
        ec2::{Snapshot, SnapshotState},
    },
    engine::{Event, Started, Write, overdue},
    events::{CloudEvent, Name, Trigger, parse},
    job::WorkKind,
    select::ServerFilter,
    task::{Guards, Mode, Percent, Task},
};
use lamplighter_testkit::{World, catalog, finish};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

mod support;

use support::{NONE, Snap};

/// When worlds begin: 02:00 on a Monday.
const BEGIN: Timestamp = Timestamp::constant(1_772_416_800, 0);
const RUN: &str = "nightly@2026-03-02T02:00:00Z_7bf73129-1428-4cd3-a780-95db273d1602";

/// Looks at completed snapshots and does nothing.
struct Note;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NoParams {}

#[async_trait]
impl Action for Note {
    type Params = NoParams;
    type Target = Snapshot;
    type State = ();
    type Known = ();

    const SPEC: Spec = Spec {
        name: "test.note",
        summary: "Notes each completed snapshot.",
        permissions: &[],
        elsewhere: &[],
        effect: Effect::Changes,
        timeout: Duration::from_secs(3600),
        gate: None,
    };

    fn plan(_: &NoParams, _: &PlanCx<'_>, found: &[Snapshot], _: &()) -> Vec<Verdict> {
        let verdict = |it: &Snapshot| match it.state {
            SnapshotState::Completed => Verdict::Act { effect: "note".to_owned(), reason: None },
            _ => Verdict::Leave { reason: "it is not completed".to_owned() },
        };
        found.iter().map(verdict).collect()
    }

    async fn step(
        &self,
        _: &StepCx<'_>,
        _: &NoParams,
        _: &Snapshot,
        _: Option<()>,
    ) -> Result<Progress<()>, Fault> {
        Ok(Progress::Done("noted".to_owned()))
    }
}

/// A tag of a volume has changed.
fn tagged(volume: &str) -> Value {
    json!({
        "version": "0",
        "id": "7bf73129-1428-4cd3-a780-95db273d1602",
        "detail-type": "Tag Change on Resource",
        "source": "aws.tag",
        "account": "111122223333",
        "time": "2026-03-02T02:00:00Z",
        "region": "eu-west-1",
        "resources": [format!("arn:aws:ec2:eu-west-1:111122223333:volume/{volume}")],
        "detail": {
            "changed-tag-keys": ["backup"],
            "service": "ec2",
            "resource-type": "volume",
            "version": 1,
            "tags": { "backup": "daily" },
        },
    })
}

/// The snapshots of an instance are completed.
fn completed(snapshots: &[&str]) -> Value {
    let arn = |id: &&str| format!("arn:aws:ec2::eu-west-1:snapshot/{id}");
    let mut event = tagged("vol-a");
    event["detail-type"] = json!("EBS Multi-Volume Snapshots Completion Status");
    event["source"] = json!("aws.ec2");
    event["resources"] = snapshots.iter().map(arn).collect();
    let list = snapshots.iter().map(|it| json!({ "snapshot_id": arn(it), "status": "completed" }));
    event["detail"] = json!({
        "event": "createSnapshots",
        "result": "succeeded",
        "snapshots": list.collect::<Vec<_>>(),
    });
    event
}

fn on(action: &'static dyn AnyAction) -> Vec<Trigger> {
    match action.target_kind() {
        "volumes" => vec![Trigger::TagsChanged(["backup".to_owned()].into())],
        _ => vec![Trigger::Named(Name::SnapshotCompleted)],
    }
}

/// The engines of a task that such events trigger.
fn engines(world: &World, action: &'static dyn AnyAction) -> (Vec<Engine>, Task) {
    let mut task = world.task_of(action, json!({}));
    task.on = on(action);
    (world.engines(catalog(&[action]), std::slice::from_ref(&task)), task)
}

#[track_caller]
fn tell(engines: &[Engine], event: &Value) -> Vec<Started> {
    let event: CloudEvent = parse(event).expect("it is as AWS writes it");
    let told = finish(engines[0].event(Event::Cloud(event))).expect("nobody dies");
    told.expect("the journal is there")
}

/// Tells the engines of an event twice, and lets them work to the end.
#[track_caller]
fn play(world: &mut World, action: &'static dyn AnyAction, event: &Value) -> String {
    let (engines, _) = engines(world, action);
    tell(&engines, event);
    world.run_to_the_end(&engines);
    let records = world.records();
    tell(&engines, event);
    world.run_to_the_end(&engines);
    assert_eq!(world.records(), records, "the second time does something");
    world.assert_lawful();
    records
}

fn three_volumes() -> World {
    World::new().volume("vol-a", []).volume("vol-b", []).volume("vol-c", [])
}

#[test]
fn an_event_is_one_run_of_its_target_however_often_it_is_delivered() {
    for seed in 1..=20 {
        let mut world = three_volumes().workers(2).seed(seed);
        let (engines, _) = engines(&world, &Snap::<NONE>);
        let run: RunId = RUN.parse().expect("this is a run");
        let told = |write| vec![Started { run: run.clone(), write }];
        assert_eq!(tell(&engines, &tagged("vol-b")), told(Write::Won));
        assert_eq!(tell(&engines, &tagged("vol-b")), told(Write::Lost));
        world.run_to_the_end(&engines);
        assert_eq!(tell(&engines, &tagged("vol-b")), told(Write::Lost));
        world.run_to_the_end(&engines);
        let records = "111122223333/eu-west-1 succeeded: 1 volumes: 1 to act on, 0 left\n\
                       vol-b succeeded: created snap-1";
        assert_eq!(world.records(), records, "seed {seed}");
        assert!(world.jobs().iter().all(|job| job.run() == run));
        world.assert_lawful();
        // The next event is another run.
        let mut next = tagged("vol-b");
        next["id"] = json!("00000000-0000-4000-8000-000000000001");
        assert_eq!(tell(&engines, &next)[0].write, Write::Won);
        world.run_to_the_end(&engines);
        assert_eq!(world.targets().lines().count(), 2);
    }
}

/// A snapshot whose listing has more on it than what it was asked for, as it may.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
struct Loose(Snapshot);

#[async_trait]
impl Resource for Loose {
    const KIND: &'static str = Snapshot::KIND;
    const PERMISSIONS: &'static [&'static str] = Snapshot::PERMISSIONS;

    fn id(&self) -> &str {
        &self.0.id
    }

    fn tags(&self) -> &Tags {
        &self.0.tags
    }

    async fn list(
        scope: &dyn Scope,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Loose>, Fault> {
        assert_eq!(*filter, ServerFilter::of_ids(["snap-b".to_owned()]));
        let all = scope.ec2().snapshots(&ServerFilter::default(), page).await?;
        Ok(Page { items: all.items.into_iter().map(Loose).collect(), next: all.next })
    }
}

/// Notes all that is listed.
struct NoteLoose;

#[async_trait]
impl Action for NoteLoose {
    type Params = NoParams;
    type Target = Loose;
    type State = ();
    type Known = ();

    const SPEC: Spec = Spec { name: "test.note-loose", ..Note::SPEC };

    fn plan(_: &NoParams, _: &PlanCx<'_>, found: &[Loose], _: &()) -> Vec<Verdict> {
        found.iter().map(|_| Verdict::Act { effect: "note".to_owned(), reason: None }).collect()
    }

    async fn step(
        &self,
        _: &StepCx<'_>,
        _: &NoParams,
        _: &Loose,
        _: Option<()>,
    ) -> Result<Progress<()>, Fault> {
        Ok(Progress::Done("noted".to_owned()))
    }
}

#[test]
fn only_the_targets_are_asked_for_and_only_those_are_taken() {
    let mut world =
        World::new().snapshot("snap-a", "vol-a", 0, []).snapshot("snap-b", "vol-a", 0, []);
    play(&mut world, &NoteLoose, &completed(&["snap-b"]));
    assert_eq!(world.targets(), "snap-b succeeded: noted");
}

#[test]
fn the_selection_still_applies() {
    let select = json!({ "tags": { "stage": "prod" } });
    let mut world = three_volumes().task(move |task| {
        task.order.select = serde_json::from_value(select.clone()).expect("this is a selection");
    });
    let skipped = "111122223333/eu-west-1 skipped: gone or not selected: `vol-b`";
    assert_eq!(play(&mut world, &Snap::<NONE>, &tagged("vol-b")), skipped);
    // Whether it is selected may not be visible yet: the answer is final after a minute.
    assert_eq!(world.clock().now(), BEGIN + SignedDuration::from_secs(60));
}

#[test]
fn what_is_not_visible_yet_is_looked_for_again() {
    let mut world = World::new();
    let (engines, _) = engines(&world, &Snap::<NONE>);
    tell(&engines, &tagged("vol-new"));
    world.run_until(&engines, BEGIN + SignedDuration::from_secs(30));
    assert_eq!(world.records(), "111122223333/eu-west-1 open: ");
    world = world.volume("vol-new", []);
    world.run_to_the_end(&engines);
    assert_eq!(world.targets(), "vol-new succeeded: created snap-1");

    let gone = "111122223333/eu-west-1 skipped: gone or not selected: `vol-x`";
    assert_eq!(play(&mut World::new(), &Snap::<NONE>, &tagged("vol-x")), gone);
}

#[test]
fn what_is_left_alone_may_look_as_it_did_before() {
    let pending = |it: &mut Snapshot| it.state = SnapshotState::Pending;
    let mut world = World::new().snapshot("snap-a", "vol-a", 1, []).snapshot_with(
        "snap-b",
        "vol-b",
        0,
        [],
        pending,
    );
    let (engines, _) = engines(&world, &Note);
    tell(&engines, &completed(&["snap-a", "snap-b"]));
    world.run_until(&engines, BEGIN + SignedDuration::from_secs(59));
    assert_eq!(world.targets(), "");
    world.run_to_the_end(&engines);
    let expected = "snap-a succeeded: noted\nsnap-b skipped: it is not completed";
    assert_eq!(world.targets(), expected);
}

#[test]
fn an_event_that_comes_late_or_from_the_future_is_looked_at_no_longer_than_a_minute() {
    for time in ["2026-03-01T00:00:00Z", "2031-01-01T00:00:00Z"] {
        let mut world = World::new();
        let mut event = tagged("vol-x");
        event["time"] = json!(time);
        play(&mut world, &Snap::<NONE>, &event);
        assert!(world.clock().now() <= BEGIN + SignedDuration::from_secs(60), "{time}");
        assert!(world.records().contains("gone or not selected"), "{}", world.records());
    }
}

#[test]
fn what_a_task_has_made_is_no_target_of_it_and_what_another_has_made_is() {
    let mut world = World::new()
        .snapshot("snap-own", "vol-a", 0, [(TASK_TAG, "nightly")])
        .snapshot("snap-other", "vol-a", 0, [(TASK_TAG, "weekly")]);
    play(&mut world, &Note, &completed(&["snap-other", "snap-own"]));
    let expected = "snap-other succeeded: noted\nsnap-own skipped: this task has made it itself";
    assert_eq!(world.targets(), expected);

    // A run that no event has triggered works on both, as ever.
    let mut world = World::new().snapshot("snap-own", "vol-a", 0, [(TASK_TAG, "nightly")]);
    world.run(&Note, json!({}));
    assert_eq!(world.targets(), "snap-own succeeded: noted");
}

/// The record of the place under these guards, for an event about two of three snapshots.
#[track_caller]
fn check_guards(guards: Guards, expected: &str) {
    let mut world = World::new()
        .snapshot("snap-a", "vol-a", 0, [])
        .snapshot("snap-b", "vol-a", 0, [])
        .snapshot("snap-c", "vol-a", 0, [])
        .task(move |task| task.order.guards = guards.clone());
    let records = play(&mut world, &Note, &completed(&["snap-a", "snap-b"]));
    assert_eq!(records.lines().next(), Some(format!("111122223333/eu-west-1 {expected}").as_str()));
}

#[test]
fn an_event_is_not_held_to_what_a_whole_listing_must_be() {
    let good = "succeeded: 2 snapshots: 2 to act on, 0 left";
    check_guards(Guards { expect: Some(3), ..Guards::default() }, good);
    let percent = Percent::try_from(1).ok();
    check_guards(Guards { limit_percent: percent, ..Guards::default() }, good);
    check_guards(Guards { limit_targets: Some(2), ..Guards::default() }, good);
    let refused = "failed: 2 targets to act on, but `limit.targets` is 1: acted on none; raise the \
                   limit if this is right";
    check_guards(Guards { limit_targets: Some(1), ..Guards::default() }, refused);
}

#[test]
fn a_task_that_observes_only_records() {
    let mut world = three_volumes().task(|task| task.order.mode = Mode::Observe);
    play(&mut world, &Snap::<NONE>, &tagged("vol-b"));
    assert_eq!(world.targets(), "vol-b skipped: only observes: would create a snapshot");
    world.assert_nothing_written();
}

#[test]
fn events_from_elsewhere_and_those_of_others_start_nothing() {
    let mut other_account = tagged("vol-b");
    other_account["account"] = json!("999900001111");
    let mut other_region = tagged("vol-b");
    other_region["region"] = json!("eu-west-2");
    for event in [other_account, other_region, completed(&["snap-1"])] {
        let world = three_volumes();
        let (engines, _) = engines(&world, &Snap::<NONE>);
        assert_eq!(tell(&engines, &event), []);
    }
}

#[test]
fn what_failed_is_missed_until_a_whole_run_makes_up_for_it() {
    let mut world = three_volumes().failing("vol-b");
    let (engines, task) = engines(&world, &Snap::<NONE>);
    let missed = |world: &World| -> Vec<Option<String>> {
        let since = BEGIN - SignedDuration::from_hours(24);
        let journal = &*engines[0].ports().journal;
        let found =
            finish(overdue(std::slice::from_ref(&task), journal, since, world.clock().now()));
        let found = found.expect("nobody dies").expect("the journal is there");
        found.into_iter().map(|it| it.target).collect()
    };
    tell(&engines, &tagged("vol-b"));
    world.run_to_the_end(&engines);
    assert_eq!(missed(&world), [Some("vol-b".to_owned())]);
    // Another event is about another volume.
    let mut next = tagged("vol-c");
    next["id"] = json!("next");
    next["time"] = json!("2026-03-02T02:00:01Z");
    tell(&engines, &next);
    world.run_to_the_end(&engines);
    assert_eq!(missed(&world), [Some("vol-b".to_owned())]);
    let at = world.clock().now();
    let asked = Event::Run { task: task.order.task.clone(), at };
    finish(engines[0].event(asked)).expect("nobody dies").expect("the journal is there");
    world.run_to_the_end(&engines);
    // It failed again, and the record of the event's run counts no more.
    assert_eq!(missed(&world), [Some("vol-b".to_owned())]);
    let spreads = world.jobs().iter().filter(|it| it.work.kind() == WorkKind::Spread).count();
    assert_eq!(spreads, 1, "events spread nothing");
}
