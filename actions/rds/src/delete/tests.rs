use lamplighter_core::{
    AnyAction,
    action::TASK_TAG,
    cloud::rds::{Cluster, Database},
};
use lamplighter_testkit::{Mishap, World, conforms};
use serde_json::{Value, json};

use super::*;

const INSTANCES: Delete<Instances> = Delete::OF_INSTANCES;
const CLUSTERS: Delete<Clusters> = Delete::OF_CLUSTERS;
const OURS: [(&str, &str); 2] = [(TASK_TAG, "nightly"), ("team", "red")];

fn world() -> World {
    World::new().quick_databases().database("a", OURS)
}

fn without() -> Value {
    json!({ "final-snapshot": false })
}

#[test]
fn keeps_the_rules_of_an_action() {
    conforms(&INSTANCES, json!({ "copy-tags": ["team"] }), world);
}

#[test]
fn keeps_the_rules_without_a_snapshot() {
    conforms(&INSTANCES, without(), || {
        world().database_with("b", OURS, |it| it.state = "stopped".to_owned())
    });
}

#[test]
fn keeps_the_rules_of_an_action_on_clusters() {
    conforms(&CLUSTERS, json!({}), || World::new().quick_databases().cluster("a", OURS));
}

#[test]
fn keeps_the_rules_on_clusters_without_a_snapshot() {
    conforms(&CLUSTERS, without(), || World::new().quick_databases().cluster("a", OURS));
}

#[test]
fn tags_go_with_a_snapshot() {
    let bad = |params: Value| INSTANCES.check_params(&params).map_err(|bad| bad.path);
    assert_eq!(bad(json!({ "tags": { "a": "b" } })), Ok(()));
    let none = json!({ "final-snapshot": false, "tags": { "a": "b" } });
    assert_eq!(bad(none), Err("tags".to_owned()));
}

#[track_caller]
fn check(change: impl Fn(&mut Database), params: Value, expected: &str) {
    let world = World::new().database_with("a", OURS, change);
    assert_eq!(world.plan(&INSTANCES, params), format!("a: {expected}"));
}

#[test]
fn a_plan_says_what_is_kept() {
    let last = "take a final snapshot, and delete";
    check(|_| {}, json!({}), last);
    check(|_| {}, without(), "delete, without a final snapshot");
    let busy = format!("{last} because it is `backing-up`: when it is available");
    check(|it| it.state = "backing-up".to_owned(), json!({}), &busy);
    for state in ["stopped", "failed", "incompatible-network", "storage-full"] {
        let stuck = format!("leave because it is `{state}`, and AWS takes no final snapshot then");
        check(|it| it.state = state.to_owned(), json!({}), &stuck);
        check(|it| it.state = state.to_owned(), without(), "delete, without a final snapshot");
    }
    for state in ["deleting", "stopping"] {
        let expected = format!("leave because it is `{state}`");
        check(|it| it.state = state.to_owned(), json!({}), &expected);
    }
    let replica = |it: &mut Database| it.replica_of = Some("b".to_owned());
    let expected = "leave because AWS takes no final snapshot of a read replica: say \
                    `final-snapshot: false`";
    check(replica, json!({}), expected);
    check(replica, without(), "delete, without a final snapshot");
}

#[test]
fn what_must_stay_is_left_with_the_reason() {
    check(
        |it| it.deletion_protection = true,
        json!({}),
        "leave because it is protected from being deleted",
    );
    check(
        |it| it.engine = "docdb".to_owned(),
        json!({}),
        "leave because it is of Amazon DocumentDB, not of RDS",
    );
    let world = world().database_with("b", [], |it| it.replica_of = Some("a".to_owned()));
    assert_eq!(world.plan(&INSTANCES, json!({})), "a: leave because it has read replicas");
}

#[test]
fn clusters_go_with_their_instances() {
    #[track_caller]
    fn check(change: impl Fn(&mut Cluster), expected: &str) {
        let world = World::new().cluster_with("a", OURS, change);
        assert_eq!(world.plan(&CLUSTERS, json!({})), format!("a: {expected}"));
    }
    check(|_| {}, "take a final snapshot, and delete with its instance");
    check(|it| it.deletion_protection = true, "leave because it is protected from being deleted");
    check(
        |it| it.global_cluster = Some("world".to_owned()),
        "leave because it is a part of an Aurora global database",
    );
    check(
        |it| it.state = "stopped".to_owned(),
        "leave because it is `stopped`, and AWS takes no final snapshot then",
    );
    let world = World::new().cluster_with("a", OURS, |it| it.state = "stopped".to_owned());
    let expected = "a: leave because it is `stopped`, and AWS deletes no such cluster";
    assert_eq!(world.plan(&CLUSTERS, without()), expected);
}

#[test]
fn what_no_task_made_and_nobody_adopted_is_never_seen() {
    let world = World::new().database("a", []);
    assert_eq!(world.plan(&INSTANCES, json!({})), "");
    let adopting = world.task(|task| task.order.adopt = Some(Default::default()));
    assert_eq!(adopting.plan(&INSTANCES, json!({})), "a: take a final snapshot, and delete");
}

#[test]
fn the_final_snapshot_says_whose_it_is() {
    let mut world = world();
    world.run(&INSTANCES, json!({ "copy-tags": ["*"], "tags": { "why": "{task} of {target}" } }));
    let snapshots = world.cloud().database_snapshots_in(world.here(), Kind::Instance);
    let [snapshot] = snapshots.as_slice() else { panic!("{snapshots:?}") };
    let expected = format!("a succeeded: deleted; its final snapshot is `{}`", snapshot.id);
    assert_eq!(world.targets(), expected);
    assert_eq!((world.databases().as_str(), snapshot.state.as_str()), ("", "available"));
    let tags = [
        ("lamplighter:job", "nightly@2026-03-02T02:00:00Z/111122223333/eu-west-1/a"),
        ("lamplighter:source", "a"),
        ("lamplighter:taken-at", "2026-03-02T02:00:00Z"),
        ("lamplighter:task", "nightly"),
        ("team", "red"),
        ("why", "nightly of a"),
    ];
    assert_eq!(snapshot.tags, tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
}

#[test]
fn without_a_final_snapshot_there_is_none() {
    let mut world = World::new().database_with("a", OURS, |it| it.state = "stopped".to_owned());
    world.run(&INSTANCES, without());
    assert_eq!(world.targets(), "a succeeded: deleted");
    assert_eq!((world.databases(), world.database_snapshots()), Default::default());
}

#[test]
fn a_cluster_goes_after_its_instances_and_has_one_snapshot() {
    let mut world = World::new().cluster("a", OURS).database_with("a-2", [], |it| {
        it.engine = "aurora-mysql".to_owned();
        it.cluster = Some("a".to_owned());
    });
    world.run(&CLUSTERS, json!({}));
    assert!(world.targets().starts_with("a succeeded: deleted; its final snapshot is `a-"));
    assert_eq!(world.databases(), "");
    assert_eq!(world.database_snapshots().lines().count(), 1);
}

#[test]
fn a_cluster_keeps_its_instances_until_there_is_room_for_its_snapshot() {
    let world = World::new().quick_databases().cluster("a", OURS);
    let mut world = (0..100).fold(world, |world, number| {
        world.cluster_snapshot(&format!("old-{number}"), "other", 9, [])
    });
    let engines = world.begin(&CLUSTERS, json!({}));
    world.clock().advance(jiff::SignedDuration::from_hours(2));
    world.tick(&engines);
    let databases = "a available lamplighter:task=nightly team=red\na-1 available";
    assert_eq!(world.databases(), databases);
    let cloud = world.cloud().cloud().clone();
    cloud.remove_database_snapshot(world.here(), Kind::Cluster, "old-7");
    world.run_to_the_end(&engines);
    assert!(world.targets().starts_with("a succeeded: deleted; "), "{}", world.targets());
}

#[test]
fn an_answer_that_was_lost_makes_no_second_snapshot() {
    for mishap in [Mishap::AnswerLost, Mishap::CrashAfter] {
        let mut world = world();
        // Entering, listing, entering again, a look, and then the deletion.
        world.faults().at_calls(5..=5, mishap);
        world.run(&INSTANCES, json!({}));
        assert!(world.targets().starts_with("a succeeded: deleted; "), "{}", world.targets());
        assert_eq!(world.database_snapshots().lines().count(), 1);
    }
}

#[test]
fn one_whose_final_snapshot_fails_has_failed() {
    let mut world = world();
    let engines = world.begin(&INSTANCES, json!({}));
    world.clock().advance(jiff::SignedDuration::from_mins(3));
    world.tick(&engines);
    let name = world.cloud().database_snapshots_in(world.here(), Kind::Instance)[0].id.clone();
    world.cloud().cloud().fail_database_snapshot(world.here(), Kind::Instance, &name);
    world.run_to_the_end(&engines);
    assert!(world.targets().ends_with(&format!("the snapshot `{name}` is `failed`")));
}
