use jiff::SignedDuration;
use lamplighter_core::{AnyAction, Clock, action::HOP_TAG, cloud::ec2::SnapshotState};
use lamplighter_testkit::{World, conforms};
use serde_json::{Value, json};

use super::*;

fn world() -> World {
    World::new().snapshot("snap-a", "vol-a", 1, [])
}

fn on() -> Value {
    json!({ "zones": ["a", "b"] })
}

fn for_a_day() -> Value {
    json!({ "zones": ["a", "b"], "for": "24h" })
}

fn off() -> Value {
    json!({ "zones": ["a", "b"], "state": "disabled" })
}

fn ran(mut world: World, params: Value) -> World {
    world.run(&FastRestoreSnapshot, params);
    world
}

/// Where it is on.
fn zones(world: &World) -> String {
    let all = world.cloud().fast_restores_in(world.here());
    let on = all.into_iter().filter(|it| it.state.is_on());
    on.map(|it| format!("{} {}", it.snapshot, it.zone)).collect::<Vec<_>>().join(", ")
}

#[track_caller]
fn check_plan(world: &World, params: Value, expected: &str) {
    assert_eq!(world.plan(&FastRestoreSnapshot, params), expected);
}

#[test]
fn keeps_the_rules_of_an_action() {
    conforms(&FastRestoreSnapshot, on(), world);
    conforms(&FastRestoreSnapshot, json!({ "zones": ["a"], "for": "1h" }), world);
    conforms(&FastRestoreSnapshot, off(), || {
        let world = world();
        world.cloud().put_fast_restore(world.here(), "snap-a", "eu-west-1a");
        world
    });
}

#[test]
fn parameters_that_contradict_each_other_are_refused() {
    #[track_caller]
    fn check(params: Value, expected: Result<(), &str>) {
        let found = FastRestoreSnapshot.check_params(&params).map_err(|bad| bad.path);
        assert_eq!(found, expected.map_err(str::to_owned), "{params}");
    }
    for fine in [on(), for_a_day(), off(), json!({ "zones": ["c"], "for": "7d" })] {
        check(fine, Ok(()));
    }
    check(json!({ "zones": [] }), Err("zones"));
    check(json!({ "zones": ["eu-west-1a"] }), Err("zones[0]"));
    check(json!({ "zones": ["a"], "for": "59m" }), Err("for"));
    check(json!({ "zones": ["a"], "for": "169h" }), Err("for"));
    check(json!({ "zones": ["a"], "for": "8h", "state": "disabled" }), Err("for"));
}

#[test]
fn a_plan_says_where_and_what_is_billed() {
    let world = ran(world(), json!({ "zones": ["a"] }));
    let bills = |zones| format!("AWS bills each hour in each zone, {zones} of them");
    let rest = format!("snap-a: switch fast restores on in eu-west-1b because {}", bills(1));
    check_plan(&world, on(), &rest);
    check_plan(
        &self::world(),
        for_a_day(),
        &format!(
            "snap-a: switch fast restores on in eu-west-1a, eu-west-1b for 24 h because {}",
            bills(2)
        ),
    );
    let already = "snap-a: leave because volumes are fast in eu-west-1a already, or will be";
    check_plan(&world, json!({ "zones": ["a"], "for": "8h" }), already);
    check_plan(&world, off(), "snap-a: switch fast restores off in eu-west-1a");
    check_plan(&self::world(), off(), "snap-a: leave because fast restores are off there");
}

/// EBS User Guide, "Amazon EBS fast snapshot restore", considerations.
#[test]
fn only_what_can_have_it_gets_it() {
    #[track_caller]
    fn left(change: fn(&mut Snapshot), reason: &str) {
        let world = World::new().snapshot_with("snap-a", "vol-a", 1, [], change);
        check_plan(&world, on(), &format!("snap-a: leave because {reason}"));
    }
    left(|it| it.state = SnapshotState::Pending, "pending: only completed snapshots can be used");
    left(|it| it.state = SnapshotState::Error, "it failed");
    left(|it| it.storage_tier = "archive".to_owned(), "it is in the archive: restore it first");
    left(|it| it.size_gib = LARGEST + 1, "it is larger than 16 TiB");
    left(
        |it| _ = it.tags.insert(HOP_TAG.to_owned(), "snap-x".to_owned()),
        "it is on the way to another copy",
    );
}

/// EBS User Guide, "Quotas for Amazon EBS": five snapshots in a region.
#[test]
fn more_than_the_quota_is_foretold_and_waits_until_others_are_off() {
    let many = || {
        let ids = ["snap-a", "snap-b", "snap-c", "snap-d", "snap-e", "snap-f"];
        ids.into_iter().fold(World::new(), |world, id| world.snapshot(id, "vol-a", 1, []))
    };
    let plan = many().plan(&FastRestoreSnapshot, for_a_day());
    let foretold =
        "; unless AWS has raised its quota of 5 snapshots in a region, it waits for others";
    assert_eq!(plan.matches(foretold).count(), 1, "{plan}");
    let world = ran(many(), json!({ "zones": ["a"], "for": "3h" }));
    let done = world.targets();
    assert_eq!(done.matches("succeeded: fast restores are off in eu-west-1a").count(), 6, "{done}");
    assert_eq!(zones(&world), "");
    let calls = world.cloud().calls();
    let enabled = calls.iter().filter(|it| it.operation == "EnableFastSnapshotRestores");
    assert!(enabled.count() > 6, "one of them was refused for a while");
    let ever = world.cloud().fast_restores_in(world.here());
    assert_eq!(ever.len(), 6, "{ever:?}");
}

#[test]
fn a_job_waits_until_volumes_are_fast() {
    let world = ran(world(), on());
    assert_eq!(world.targets(), "snap-a succeeded: volumes are fast in eu-west-1a, eu-west-1b");
    let all = world.cloud().fast_restores_in(world.here());
    assert!(all.iter().all(|it| it.state == FastRestoreState::Enabled), "{all:?}");
}

#[test]
fn after_its_time_the_same_job_switches_it_off() {
    let mut world = world();
    let begin = world.clock().now();
    let engines = world.begin(&FastRestoreSnapshot, for_a_day());
    world.run_until(&engines, begin + SignedDuration::from_hours(23));
    assert_eq!(zones(&world), "snap-a eu-west-1a, snap-a eu-west-1b");
    world.run_to_the_end(&engines);
    assert_eq!(zones(&world), "");
    assert_eq!(
        world.targets(),
        "snap-a succeeded: fast restores are off in eu-west-1a, eu-west-1b"
    );
    let took = world.clock().now().duration_since(begin);
    assert!(took < SignedDuration::from_hours(25), "{took:?}");
}

#[test]
fn what_was_on_before_is_not_switched_off() {
    let mut world = ran(world(), json!({ "zones": ["a"] }));
    world.run(&FastRestoreSnapshot, for_a_day());
    assert_eq!(zones(&world), "snap-a eu-west-1a");
}

#[test]
fn a_snapshot_that_goes_while_it_is_made_ready_is_no_success() {
    let mut world = world();
    let engines = world.begin(&FastRestoreSnapshot, on());
    world.clock().advance(SignedDuration::from_secs(5));
    let params = json!({ "zones": ["a", "b"], "state": "disabled" });
    world.run(&FastRestoreSnapshot, params);
    world.run_to_the_end(&engines);
    let targets = world.targets();
    assert!(targets.contains("were switched off by others"), "{targets}");
}
