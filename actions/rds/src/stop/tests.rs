use lamplighter_core::{
    AnyAction,
    cloud::rds::{Cluster, Database},
};
use lamplighter_testkit::{World, conforms};
use serde_json::{Value, json};

use super::*;

const INSTANCES: Stop<Instances> = Stop::OF_INSTANCES;
const CLUSTERS: Stop<Clusters> = Stop::OF_CLUSTERS;

fn world() -> World {
    World::new().quick_databases().database("a", [("team", "red")])
}

#[test]
fn keeps_the_rules_of_an_action() {
    let stopped = |it: &mut Database| it.state = "stopped".to_owned();
    conforms(&INSTANCES, json!({}), || world().database_with("b", [], stopped));
}

#[test]
fn keeps_the_rules_with_a_snapshot_before() {
    let params = json!({ "snapshot-first": true, "copy-tags": ["team"] });
    conforms(&INSTANCES, params, world);
}

#[test]
fn keeps_the_rules_of_an_action_on_clusters() {
    conforms(&CLUSTERS, json!({}), || World::new().quick_databases().cluster("a", []));
}

#[test]
fn keeps_the_rules_on_clusters_with_a_snapshot_before() {
    let params = json!({ "snapshot-first": true });
    conforms(&CLUSTERS, params, || World::new().quick_databases().cluster("a", []));
}

#[test]
fn tags_go_with_a_snapshot() {
    #[track_caller]
    fn check(params: Value, expected: Result<(), &str>) {
        let found = INSTANCES.check_params(&params).map_err(|bad| bad.path);
        assert_eq!(found, expected.map_err(str::to_owned), "{params}");
    }
    check(json!({}), Ok(()));
    check(json!({ "snapshot-first": true, "tags": { "a": "b" }, "copy-tags": ["*"] }), Ok(()));
    check(json!({ "tags": { "a": "b" } }), Err("tags"));
    check(json!({ "copy-tags": ["*"] }), Err("copy-tags"));
    check(json!({ "snapshot-first": true, "tags": { "rds:a": "b" } }), Err("tags.rds:a"));
}

#[track_caller]
fn check_plan(change: impl Fn(&mut Database), expected: &str) {
    let world = World::new().database_with("a", [], change);
    assert_eq!(world.plan(&INSTANCES, json!({})), format!("a: {expected}"));
}

#[test]
fn what_runs_is_stopped() {
    check_plan(|_| {}, "stop");
    for state in ["backing-up", "starting", "storage-optimization", "modifying"] {
        let expected = format!("stop because it is `{state}`: when it is available");
        check_plan(|it| it.state = state.to_owned(), &expected);
    }
    check_plan(|it| it.state = "stopped".to_owned(), "leave because it is stopped");
    for state in ["stopping", "deleting", "failed", "storage-full"] {
        let expected = format!("leave because it is `{state}`");
        check_plan(|it| it.state = state.to_owned(), &expected);
    }
    let first = world().plan(&INSTANCES, json!({ "snapshot-first": true }));
    assert_eq!(first, "a: take a snapshot, and stop");
}

#[test]
fn instances_that_aws_never_stops_are_left_with_the_reason() {
    let never = |why: &str| format!("leave because AWS stops and starts no such database: {why}");
    check_plan(|it| it.replica_of = Some("b".to_owned()), &never("it is a read replica"));
    let mirrored = |it: &mut Database| {
        it.engine = "sqlserver-se".to_owned();
        it.multi_az = true;
    };
    check_plan(mirrored, &never("it is an SQL Server with a standby"));
    check_plan(|it| it.engine = "sqlserver-se".to_owned(), "stop");
    check_plan(|it| it.multi_az = true, "stop");
    check_plan(
        |it| it.engine = "custom-oracle-ee".to_owned(),
        &never("its engine is `custom-oracle-ee`"),
    );
    check_plan(|it| it.engine = "custom-sqlserver-ee".to_owned(), "stop");
    check_plan(
        |it| it.engine = "docdb".to_owned(),
        "leave because it is of Amazon DocumentDB, not of RDS",
    );
    let world = world().database_with("b", [], |it| it.replica_of = Some("a".to_owned()));
    let expected =
        format!("a: {}\nb: {}", never("it has read replicas"), never("it is a read replica"));
    assert_eq!(world.plan(&INSTANCES, json!({})), expected);
}

#[test]
fn clusters_that_aws_never_stops_are_left_with_the_reason() {
    #[track_caller]
    fn check(change: impl Fn(&mut Cluster), why: &str) {
        let world = World::new().cluster_with("a", [], change);
        let expected = format!("a: leave because AWS stops and starts no such database: {why}");
        assert_eq!(world.plan(&CLUSTERS, json!({})), expected);
    }
    check(|it| it.engine = "postgres".to_owned(), "it is a Multi-AZ DB cluster");
    check(|it| it.engine_mode = "serverless".to_owned(), "it is Aurora Serverless v1");
    check(
        |it| it.global_cluster = Some("world".to_owned()),
        "it is a part of an Aurora global database",
    );
    let far = "arn:aws:rds:us-east-1:111122223333:cluster:b";
    check(|it| it.replica_of = Some(far.to_owned()), "it replicates across regions");
    check(|it| it.replicas = vec![far.to_owned()], "it replicates across regions");
    let world = World::new().cluster("a", []);
    assert_eq!(world.plan(&CLUSTERS, json!({})), "a: stop");
    let expected =
        "a-1: leave because it is a member of the cluster `a`, which `rds.cluster.stop` is for";
    assert_eq!(world.plan(&INSTANCES, json!({})), expected);
}

#[test]
fn it_is_done_when_the_database_is_stopped() {
    let mut instances = world();
    instances.run(&INSTANCES, json!({}));
    assert_eq!(instances.targets(), "a succeeded: stopped");
    assert_eq!(instances.databases(), "a stopped team=red");
    assert_eq!(instances.database_snapshots(), "");
    let mut clusters = World::new().cluster("c", []);
    clusters.run(&CLUSTERS, json!({}));
    assert_eq!(clusters.targets(), "c succeeded: stopped");
    assert_eq!(clusters.databases(), "c stopped\nc-1 stopped");
}

#[test]
fn the_snapshot_is_available_before_the_database_is_stopped() {
    let mut world = world();
    world.run(&INSTANCES, json!({ "snapshot-first": true, "copy-tags": ["*"] }));
    let snapshots = world.cloud().database_snapshots_in(world.here(), Kind::Instance);
    let [snapshot] = snapshots.as_slice() else { panic!("{snapshots:?}") };
    let expected = format!("a succeeded: stopped; its snapshot is `{}`", snapshot.id);
    assert_eq!(world.targets(), expected);
    assert_eq!(world.databases(), "a stopped team=red");
    assert_eq!(snapshot.tags.get("team").map(String::as_str), Some("red"));
    assert_eq!(snapshot.tags.get("lamplighter:source").map(String::as_str), Some("a"));
    let calls = world.cloud().calls();
    let at = |name: &str| calls.iter().position(|it| it.operation == name);
    assert!(at("CreateDBSnapshot") < at("StopDBInstance"));
}

#[test]
fn one_whose_snapshot_fails_is_not_stopped() {
    let mut world = world();
    let engines = world.begin(&INSTANCES, json!({ "snapshot-first": true }));
    let name = world.cloud().database_snapshots_in(world.here(), Kind::Instance)[0].id.clone();
    world.cloud().cloud().fail_database_snapshot(world.here(), Kind::Instance, &name);
    world.run_to_the_end(&engines);
    assert!(world.targets().starts_with("a failed: "), "{}", world.targets());
    world.clock().advance(jiff::SignedDuration::from_hours(1));
    assert_eq!(world.databases(), "a available team=red");
}

#[test]
fn one_that_starts_is_stopped_when_it_is_available() {
    let mut world = World::new().database_with("a", [], |it| it.state = "starting".to_owned());
    world.run(&INSTANCES, json!({}));
    assert_eq!(world.targets(), "a succeeded: stopped");
}
