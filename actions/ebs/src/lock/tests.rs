use lamplighter_core::{
    AnyAction,
    action::{HOP_TAG, TASK_TAG},
};
use lamplighter_testkit::{World, cloud::Lag, conforms};
use serde_json::{Value, json};

use super::*;

/// A snapshot of yesterday, at 2026-03-01T02:00:00Z.
fn world() -> World {
    World::new().snapshot("snap-a", "vol-a", 1, [])
}

fn governance() -> Value {
    json!({ "mode": "governance", "for": "30d" })
}

fn compliance() -> Value {
    json!({ "mode": "compliance", "for": "30d", "cool-off": "24h" })
}

fn ran(mut world: World, params: Value) -> World {
    world.run(&LockSnapshot, params);
    world
}

fn advance(world: &World, hours: i64) {
    world.clock().advance(SignedDuration::from_hours(hours));
}

#[track_caller]
fn check_plan(world: &World, params: Value, expected: &str) {
    assert_eq!(world.plan(&LockSnapshot, params), format!("snap-a: {expected}"));
}

#[test]
fn keeps_the_rules_of_an_action() {
    conforms(&LockSnapshot, governance(), world);
    conforms(&LockSnapshot, compliance(), world);
    conforms(&LockSnapshot, json!({ "mode": "compliance", "for": "30d" }), world);
}

#[test]
fn parameters_that_contradict_each_other_are_refused() {
    #[track_caller]
    fn check(params: Value, expected: Result<(), &str>) {
        let found = LockSnapshot.check_params(&params).map_err(|bad| bad.path);
        assert_eq!(found, expected.map_err(str::to_owned), "{params}");
    }
    check(governance(), Ok(()));
    check(compliance(), Ok(()));
    check(json!({ "mode": "governance", "until": "2027-01-01T00:00:00Z" }), Ok(()));
    check(json!({ "mode": "governance" }), Err(""));
    check(json!({ "for": "30d" }), Err(""));
    let both = json!({ "mode": "governance", "for": "3d", "until": "2027-01-01T00:00:00Z" });
    check(both, Err("until"));
    check(json!({ "mode": "governance", "for": "47h" }), Err("for"));
    check(json!({ "mode": "governance", "for": "3d", "cool-off": "1h" }), Err("cool-off"));
    for bad in ["30m", "73h", "90m"] {
        let params = json!({ "mode": "compliance", "for": "3d", "cool-off": bad });
        check(params, Err("cool-off"));
    }
    check(json!({ "mode": "compliance", "for": "3d", "cool-off": "72h" }), Ok(()));
}

#[test]
fn the_time_counts_from_what_a_snapshot_holds_so_it_ends() {
    let until = "2026-03-31T02:00:00Z";
    check_plan(&world(), governance(), &format!("lock in governance mode until {until}"));
    let mut world = ran(world(), governance());
    assert_eq!(
        world.targets(),
        format!("snap-a succeeded: locked in governance mode until {until}")
    );
    let is = format!("leave because it is locked in governance mode until {until}");
    check_plan(&world, governance(), &is);
    advance(&world, 24 * 28 + 1);
    check_plan(&world, governance(), &is);
    advance(&world, 24);
    let over = format!("leave because its time ended at {until}, and AWS locks for a day at least");
    check_plan(&world, governance(), &over);
    world.run(&LockSnapshot, governance());
    assert_eq!(world.cloud().calls().iter().filter(|it| it.operation == "LockSnapshot").count(), 1);
}

#[test]
fn what_would_end_within_a_day_is_left() {
    let world = World::new().snapshot("snap-a", "vol-a", 1, []);
    let soon = json!({ "mode": "governance", "until": "2026-03-03T01:59:59Z" });
    check_plan(
        &world,
        soon,
        "leave because its time ends at 2026-03-03T01:59:59Z, and AWS locks for a day at least",
    );
    let later = json!({ "mode": "governance", "until": "2026-03-03T02:00:00Z" });
    check_plan(&world, later, "lock in governance mode until 2026-03-03T02:00:00Z");
}

#[test]
fn a_lock_is_never_made_weaker_or_shorter() {
    let until = "2026-03-31T02:00:00Z";
    let world = ran(world(), governance());
    let shorter = json!({ "mode": "governance", "for": "10d" });
    let is = format!("leave because it is locked in governance mode until {until}");
    check_plan(&world, shorter, &is);
    let longer = json!({ "mode": "governance", "for": "40d" });
    check_plan(&world, longer, "lock in governance mode until 2026-04-10T02:00:00Z");
    // The stronger mode keeps the longer time.
    let stronger = json!({ "mode": "compliance", "for": "10d" });
    check_plan(
        &world,
        stronger,
        &format!(
            "lock in compliance mode until {until} because nobody can take it off before, \
             whatever happens"
        ),
    );
}

/// EBS User Guide, "Amazon EBS snapshot lock": what is locked in compliance mode can be locked for
/// longer and nothing else, without a time to cool off.
#[test]
fn a_lock_in_compliance_mode_is_only_made_longer() {
    let mut world = ran(world(), compliance());
    let is = "leave because it is locked in compliance mode until 2026-03-31T02:00:00Z";
    check_plan(&world, governance(), is);
    check_plan(&world, compliance(), is);
    let cools = "lock in compliance mode until 2026-04-10T02:00:00Z because it can be taken off \
                 for 24 h, and not after that";
    let longer = || json!({ "mode": "compliance", "for": "40d", "cool-off": "24h" });
    check_plan(&world, longer(), cools);
    let weaker = json!({ "mode": "governance", "for": "40d" });
    let problem = world.plan(&LockSnapshot, weaker);
    assert_eq!(
        problem,
        "problem: snap-a: it is locked in compliance mode until 2026-03-31T02:00:00Z, and AWS \
         makes that longer in compliance mode only: set `mode: compliance`"
    );
    advance(&world, 25);
    check_plan(
        &world,
        longer(),
        "lock in compliance mode until 2026-04-10T02:00:00Z because nobody can take it off \
         before, whatever happens",
    );
    world.run(&LockSnapshot, longer());
    assert!(world.targets().ends_with("locked in compliance mode until 2026-04-10T02:00:00Z"));
}

#[test]
fn only_what_is_a_backup_is_locked() {
    #[track_caller]
    fn left(change: fn(&mut Snapshot), reason: &str) {
        let world = World::new().snapshot_with("snap-a", "vol-a", 1, [], change);
        check_plan(&world, governance(), &format!("leave because {reason}"));
    }
    left(|it| it.state = SnapshotState::Error, "it failed");
    left(
        |it| _ = it.tags.insert("aws:backup:source-resource".to_owned(), "x".to_owned()),
        "AWS Backup manages it",
    );
    left(
        |it| _ = it.tags.insert(HOP_TAG.to_owned(), "snap-x".to_owned()),
        "it is on the way to another copy",
    );
    let pending = |it: &mut Snapshot| it.state = SnapshotState::Pending;
    let world = World::new().snapshot_with("snap-a", "vol-a", 1, [], pending);
    check_plan(&world, governance(), "lock in governance mode until 2026-03-31T02:00:00Z");
    // Those in the archive can be locked.
    let archived = |it: &mut Snapshot| it.storage_tier = "archive".to_owned();
    let world = World::new().snapshot_with("snap-a", "vol-a", 1, [], archived);
    check_plan(&world, governance(), "lock in governance mode until 2026-03-31T02:00:00Z");
}

#[test]
fn retention_leaves_what_is_locked_and_says_until_when() {
    const OURS: [(&str, &str); 1] = [(TASK_TAG, "nightly")];
    let backups =
        || World::new().snapshot("snap-a", "vol-a", 9, OURS).snapshot("snap-b", "vol-a", 1, OURS);
    let keep = || json!({ "keep": { "last": 1 } });
    let mut world = backups();
    world.run(&LockSnapshot, governance());
    let plan = world.plan(&crate::DeleteSnapshot, keep());
    assert_eq!(
        plan.lines().next(),
        Some("snap-a: leave because it is locked in governance mode until 2026-03-23T02:00:00Z")
    );
    world.clock().advance(SignedDuration::from_hours(24 * 22));
    let plan = world.plan(&crate::DeleteSnapshot, keep());
    assert!(plan.starts_with("snap-a: delete (8 GiB of `vol-a`"), "{plan}");
}

/// Locked after the plan: AWS says so, and nothing else is harmed.
#[test]
fn what_is_locked_in_the_meantime_is_skipped_by_retention() {
    const OURS: [(&str, &str); 1] = [(TASK_TAG, "nightly")];
    let lag = Lag::Always(SignedDuration::from_mins(4));
    let mut world = World::new()
        .snapshot("snap-a", "vol-a", 9, OURS)
        .snapshot("snap-b", "vol-a", 1, OURS)
        .dial(|it| it.lag = lag);
    let until = "2027-01-01T00:00:00Z".parse().unwrap();
    let lock = NewLock { mode: LockMode::Governance, until, cool_off_hours: None };
    world.cloud().lock_snapshot(world.here(), "snap-a", &lock);
    world.run(&crate::DeleteSnapshot, json!({ "keep": { "last": 1 } }));
    assert!(
        world.targets().contains("skipped: AWS does not let it go: 'snap-a' is locked"),
        "{}",
        world.targets()
    );
}
