use lamplighter_core::cloud::rds::{Cluster, Database};
use lamplighter_testkit::{World, conforms};
use serde_json::json;

use super::*;

const INSTANCES: Start<Instances> = Start::OF_INSTANCES;
const CLUSTERS: Start<Clusters> = Start::OF_CLUSTERS;

fn stopped(it: &mut Database) {
    it.state = "stopped".to_owned();
}

fn stopped_cluster(it: &mut Cluster) {
    it.state = "stopped".to_owned();
}

/// An instance that is stopped and encrypted with a customer managed key.
fn encrypted() -> World {
    let world = World::new().quick_databases();
    let key = world.cloud().cloud().put_customer_key(world.here(), "key-1");
    world.database_with("a", [], |it| {
        stopped(it);
        it.encrypted = true;
        it.kms_key_id = Some(key);
    })
}

#[test]
fn keeps_the_rules_of_an_action() {
    conforms(&INSTANCES, json!({}), || encrypted().database("b", []));
}

#[test]
fn keeps_the_rules_of_an_action_on_clusters() {
    conforms(&CLUSTERS, json!({}), || {
        let world = World::new().quick_databases();
        let key = world.cloud().cloud().put_customer_key(world.here(), "key-1");
        world.cluster_with("a", [], |it| {
            stopped_cluster(it);
            it.encrypted = true;
            it.kms_key_id = Some(key);
        })
    });
}

#[track_caller]
fn check_plan(change: impl Fn(&mut Database), expected: &str) {
    let world = World::new().database_with("a", [], change);
    assert_eq!(world.plan(&INSTANCES, json!({})), format!("a: {expected}"));
}

#[test]
fn what_is_stopped_is_started() {
    check_plan(stopped, "start");
    check_plan(|it| it.state = "stopping".to_owned(), "start when it has stopped");
    check_plan(|_| {}, "leave because it runs");
    for state in ["starting", "backing-up", "deleting", "failed"] {
        let expected = format!("leave because it is `{state}`");
        check_plan(|it| it.state = state.to_owned(), &expected);
    }
    let neptune = |it: &mut Database| {
        stopped(it);
        it.engine = "neptune".to_owned();
    };
    check_plan(neptune, "leave because it is of Amazon Neptune, not of RDS");
    let world = World::new().cluster_with("a", [], stopped_cluster);
    let expected =
        "a-1: leave because it is a member of the cluster `a`, which `rds.cluster.start` is for";
    assert_eq!(world.plan(&INSTANCES, json!({})), expected);
    assert_eq!(world.plan(&CLUSTERS, json!({})), "a: start");
}

#[test]
fn it_is_done_when_the_database_runs() {
    let mut world = World::new().database_with("a", [], stopped);
    world.run(&INSTANCES, json!({}));
    assert_eq!(
        (world.targets().as_str(), world.databases().as_str()),
        ("a succeeded: started", "a available")
    );
    let mut world = World::new().cluster_with("c", [], stopped_cluster);
    world.run(&CLUSTERS, json!({}));
    let databases = "c available\nc-1 available";
    assert_eq!(
        (world.targets().as_str(), world.databases().as_str()),
        ("c succeeded: started", databases)
    );
}

#[test]
fn one_that_is_stopping_is_started_when_it_has_stopped() {
    let mut world = World::new().database_with("a", [], |it| it.state = "stopping".to_owned());
    world.run(&INSTANCES, json!({}));
    assert_eq!(world.targets(), "a succeeded: started");
}

#[test]
fn one_that_is_replaced_by_another_of_its_name_is_left() {
    let mut world = World::new().database_with("a", [], stopped);
    let engines = world.begin(&INSTANCES, json!({}));
    let world_again = world.database_with("a", [], |it| {
        stopped(it);
        it.resource_id = "db-OTHER".to_owned();
    });
    world = world_again;
    world.run_to_the_end(&engines);
    assert_eq!(world.targets(), "a skipped: it is gone");
}
