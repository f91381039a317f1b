use lamplighter_core::{AnyAction, action::TASK_TAG};
use lamplighter_testkit::{World, conforms};
use serde_json::{Value, json};

use super::*;

const INSTANCES: DeleteSnapshot<Instances> = DeleteSnapshot::OF_INSTANCES;
const CLUSTERS: DeleteSnapshot<Clusters> = DeleteSnapshot::OF_CLUSTERS;
const OURS: [(&str, &str); 1] = [(TASK_TAG, "nightly")];

/// Three snapshots of ours, a day apart, and one of somebody else's.
fn world() -> World {
    World::new()
        .database_snapshot("a", "orders", 3, OURS)
        .database_snapshot("b", "orders", 2, OURS)
        .database_snapshot("c", "orders", 1, OURS)
        .database_snapshot("x", "orders", 9, [])
}

fn last(count: u32) -> Value {
    json!({ "keep": { "last": count } })
}

#[test]
fn keeps_the_rules_of_an_action() {
    conforms(&INSTANCES, last(1), world);
}

#[test]
fn keeps_the_rules_of_an_action_on_clusters() {
    conforms(&CLUSTERS, last(1), || {
        World::new()
            .cluster_snapshot("a", "orders", 3, OURS)
            .cluster_snapshot("b", "orders", 2, OURS)
            .database_snapshot("i", "orders", 9, OURS)
    });
}

#[test]
fn a_policy_without_rules_or_floor_is_refused() {
    #[track_caller]
    fn check(params: Value, expected: Result<(), &str>) {
        let found = INSTANCES.check_params(&params).map_err(|bad| bad.path);
        assert_eq!(found, expected.map_err(str::to_owned), "{params}");
    }
    check(last(1), Ok(()));
    check(json!({}), Err(""));
    check(json!({ "keep": {} }), Err("keep"));
    check(json!({ "keep": { "last": 1 }, "floor": 0 }), Err("floor"));
}

/// Compares the plan for the snapshots of a world, one line each.
#[track_caller]
fn check(world: World, params: Value, expected: &[&str]) {
    assert_eq!(world.plan(&INSTANCES, params), expected.join("\n"));
}

#[test]
fn every_verdict_says_why() {
    check(
        world(),
        last(1),
        &[
            "a: delete (20 GiB of `orders`, taken at 2026-02-27T02:00:00Z) because no rule keeps it",
            "b: delete (20 GiB of `orders`, taken at 2026-02-28T02:00:00Z) because no rule keeps it",
            "c: leave because last 1 of 1",
        ],
    );
    check(
        world(),
        json!({ "keep": { "last": 1 }, "floor": 3 }),
        &[
            "a: leave because no rule keeps it; floor 3 of 3",
            "b: leave because no rule keeps it; floor 2 of 3",
            "c: leave because last 1 of 1",
        ],
    );
}

#[test]
fn each_source_has_its_own_history_and_tags_say_what_a_copy_is_of() {
    let copy = |source, at| [(TASK_TAG, "nightly"), (SOURCE_TAG, source), (TAKEN_AT_TAG, at)];
    let world = World::new()
        .database_snapshot("a", "orders", 3, OURS)
        .database_snapshot("b", "users", 2, OURS)
        .database_snapshot("c", "restored", 1, copy("orders", "2026-02-26T02:00:00Z"))
        // It cannot hold something from after it was made.
        .database_snapshot("d", "users", 1, copy("users", "2026-03-02T00:00:00Z"));
    check(
        world,
        last(1),
        &[
            "a: leave because last 1 of 1",
            "b: delete (20 GiB of `users`, taken at 2026-02-28T02:00:00Z) because no rule keeps it",
            "c: delete (20 GiB of `orders`, taken at 2026-02-26T02:00:00Z) because no rule keeps it",
            "d: leave because last 1 of 1",
        ],
    );
}

#[test]
fn what_is_no_manual_snapshot_of_rds_is_left_and_counts_for_nothing() {
    #[track_caller]
    fn check_one(change: impl FnOnce(&mut Snapshot), expected: &str) {
        let world = World::new().database_snapshot("a", "orders", 3, OURS).snapshot_of(
            Kind::Instance,
            "x",
            "orders",
            1,
            OURS,
            change,
        );
        check(world, last(1), &["a: leave because last 1 of 1", &format!("x: {expected}")]);
    }
    check_one(
        |it| it.snapshot_type = "automated".to_owned(),
        "leave because it is an automated one, which RDS deletes by itself",
    );
    check_one(
        |it| it.snapshot_type = "awsbackup".to_owned(),
        "leave because AWS Backup manages it: delete it there",
    );
    check_one(
        |it| it.engine = "neptune".to_owned(),
        "leave because it is of Amazon Neptune, not of RDS",
    );
    check_one(
        |it| it.state = "creating".to_owned(),
        "leave because pending: only completed backups are decided on",
    );
    check_one(
        |it| it.state = "failed".to_owned(),
        "delete (20 GiB of `orders`, taken at 2026-03-01T02:00:00Z) because failed, more \
         than 24 hours ago",
    );
}

#[test]
fn exactly_what_no_rule_keeps_is_deleted() {
    let mut world = world();
    world.run(&INSTANCES, last(2));
    assert_eq!(
        world.targets(),
        "a succeeded: deleted `a`\nb skipped: last 2 of 2\nc skipped: last 1 of 2"
    );
    let left = "b of orders available\nc of orders available\nx of orders available";
    assert_eq!(world.database_snapshots(), left);
}
