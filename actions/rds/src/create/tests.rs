use lamplighter_core::{
    AnyAction,
    cloud::rds::{Cluster, Database},
};
use lamplighter_testkit::{Mishap, World, conforms};
use serde_json::{Value, json};

use super::*;

const INSTANCES: CreateSnapshot<Instances> = CreateSnapshot::OF_INSTANCES;
const CLUSTERS: CreateSnapshot<Clusters> = CreateSnapshot::OF_CLUSTERS;
/// What the task calls the snapshot of `orders`.
const NAME: &str = "orders-20260302-020000-e86ee75c0c";

fn world() -> World {
    World::new().database("orders", [("team", "red")])
}

fn ran(mut world: World, params: Value) -> World {
    world.run(&INSTANCES, params);
    world
}

#[test]
fn keeps_the_rules_of_an_action() {
    let params = json!({ "copy-tags": ["team"], "tags": { "from": "{target}" } });
    conforms(&INSTANCES, params, || world().database("users", [("team", "blue")]));
}

#[test]
fn keeps_the_rules_of_an_action_on_clusters() {
    conforms(&CLUSTERS, json!({ "copy-tags": ["*"] }), || World::new().cluster("orders", []));
}

#[test]
fn keeps_the_rules_where_a_database_is_busy() {
    let busy = |it: &mut Database| it.state = "modifying".to_owned();
    conforms(&INSTANCES, json!({}), || World::new().database_with("orders", [], busy));
}

#[track_caller]
fn check_params(params: Value, expected: Result<(), &str>) {
    let found = INSTANCES.check_params(&params).map_err(|bad| bad.path);
    assert_eq!(found, expected.map_err(str::to_owned), "{params}");
}

#[test]
fn parameters_that_aws_would_refuse_are_refused_before() {
    check_params(json!({}), Ok(()));
    check_params(json!({ "tags": { "k é_.:/=+-@": "{task}, or so" }, "copy-tags": ["*"] }), Ok(()));
    for name in ["aws:x", "RDS:x", "rds:x", "lamplighter:job", "a,b", "a*"] {
        check_params(json!({ "tags": { name: "x" } }), Err(&format!("tags.{name}")));
    }
    let tags =
        |count: usize| -> Value { (0..count).map(|it| (it.to_string(), json!(""))).collect() };
    check_params(json!({ "tags": tags(46) }), Ok(()));
    check_params(json!({ "tags": tags(47) }), Err("tags"));
    check_params(json!({ "description": "x" }), Err("description"));
}

#[track_caller]
fn check_plan(change: impl Fn(&mut Database), expected: &str) {
    let world = World::new().database_with("a", [], change);
    assert_eq!(world.plan(&INSTANCES, json!({})), format!("a: {expected}"));
}

#[test]
fn what_is_available_or_will_be_is_snapshotted() {
    let act = "create a snapshot of 20 GiB";
    check_plan(|_| {}, act);
    check_plan(|it| it.state = "storage-optimization".to_owned(), act);
    for state in ["backing-up", "configuring-enhanced-monitoring", "creating", "maintenance"] {
        let expected = format!("{act} because it is `{state}`: when it is available");
        check_plan(|it| it.state = state.to_owned(), &expected);
    }
    for state in [
        "deleting",
        "failed",
        "inaccessible-encryption-credentials",
        "incompatible-network",
        "stopped",
        "stopping",
        "storage-full",
    ] {
        let expected =
            format!("leave because it is `{state}`, and AWS takes no snapshot of it then");
        check_plan(|it| it.state = state.to_owned(), &expected);
    }
}

#[track_caller]
fn check_clusters(change: impl Fn(&mut Cluster), expected: &str) {
    let world = World::new().cluster_with("a", [], change);
    assert_eq!(world.plan(&CLUSTERS, json!({})), format!("a: {expected}"));
}

#[test]
fn clusters_are_snapshotted_when_they_are_available() {
    check_clusters(|_| {}, "create a snapshot");
    check_clusters(
        |it| it.state = "backing-up".to_owned(),
        "create a snapshot because it is `backing-up`: when it is available",
    );
    check_clusters(|it| it.engine = "postgres".to_owned(), "create a snapshot");
    check_clusters(
        |it| it.state = "stopped".to_owned(),
        "leave because it is `stopped`, and AWS takes no snapshot of it then",
    );
}

#[test]
fn neptune_and_documentdb_are_not_taken_for_rds() {
    let of = |service: &str| format!("leave because it is of {service}, not of RDS");
    let neptune = of("Amazon Neptune");
    check_plan(|it| it.engine = "neptune".to_owned(), &neptune);
    check_clusters(|it| it.engine = "neptune".to_owned(), &neptune);
    let docdb = of("Amazon DocumentDB");
    check_plan(|it| it.engine = "docdb".to_owned(), &docdb);
    check_clusters(|it| it.engine = "docdb".to_owned(), &docdb);
}

#[test]
fn members_are_left_to_the_action_on_clusters() {
    let world = World::new().cluster("orders", []);
    let expected = "orders-1: leave because it is a member of the cluster `orders`, which \
                    `rds.cluster-snapshot.create` is for";
    assert_eq!(world.plan(&INSTANCES, json!({})), expected);
}

#[test]
fn a_region_without_room_is_said_and_the_snapshot_waits_for_some() {
    let full = |count: usize| {
        (0..count).fold(world(), |world, number| {
            world.database_snapshot(&format!("old-{number}"), "other", 9, [])
        })
    };
    let plan = full(98).database("users", []).plan(&INSTANCES, json!({}));
    assert_eq!(plan, "orders: create a snapshot of 20 GiB\nusers: create a snapshot of 20 GiB");
    let plan = full(99).database("users", []).plan(&INSTANCES, json!({}));
    let wait = "because when there is room: the region has 99 manual snapshots of at most 100";
    assert!(
        plan.contains(wait) && plan.lines().filter(|it| it.contains(wait)).count() == 1,
        "{plan}"
    );

    let mut world = full(100);
    let engines = world.begin(&INSTANCES, json!({}));
    world.clock().advance(jiff::SignedDuration::from_hours(3));
    world.tick(&engines);
    assert_eq!(world.targets(), "orders open: ");
    let cloud = world.cloud().cloud().clone();
    cloud.remove_database_snapshot(world.here(), Kind::Instance, "old-7");
    world.run_to_the_end(&engines);
    assert_eq!(world.targets(), format!("orders succeeded: created `{NAME}`"));
}

#[test]
fn who_finds_no_room_until_the_deadline_has_failed_and_says_why() {
    let full = (0..100).fold(world(), |world, number| {
        world.database_snapshot(&format!("old-{number}"), "other", 9, [])
    });
    let world = ran(full, json!({}));
    let targets = world.targets();
    assert!(targets.starts_with("orders failed: not done before its deadline"), "{targets}");
    assert!(targets.contains("Cannot create more than 100 manual snapshots"), "{targets}");
}

#[test]
fn the_creating_call_sets_the_name_and_all_tags() {
    let params = json!({
        "tags": { "made-on": "{date}", "team": "blue, {target.tags.team}" },
        "copy-tags": ["*"],
    });
    let tags = [("team", "red"), ("cost-center", "7"), ("lamplighter:task", "another")];
    let world = ran(World::new().database("orders", tags), params);
    assert_eq!(world.targets(), format!("orders succeeded: created `{NAME}`"));
    let made = &world.cloud().database_snapshots_in(world.here(), Kind::Instance)[0];
    assert_eq!((made.id.as_str(), made.state.as_str()), (NAME, "available"));
    let tags = [
        ("cost-center", "7"),
        ("lamplighter:job", "nightly@2026-03-02T02:00:00Z/111122223333/eu-west-1/orders"),
        ("lamplighter:source", "orders"),
        ("lamplighter:taken-at", "2026-03-02T02:00:00Z"),
        ("lamplighter:task", "nightly"),
        ("made-on", "2026-03-02"),
        ("team", "blue_ red"),
    ];
    assert_eq!(made.tags, tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
}

#[test]
fn tags_that_a_database_hands_on_itself_are_not_copied_as_well() {
    let many = |count: usize| {
        move |it: &mut Database| {
            it.copy_tags_to_snapshot = true;
            it.tags = (0..count).map(|it| (format!("tag-{it:02}"), String::new())).collect();
        }
    };
    let params = json!({ "copy-tags": ["*"] });
    let world = ran(World::new().database_with("orders", [], many(46)), params.clone());
    assert_eq!(world.targets(), format!("orders succeeded: created `{NAME}`"));
    let made = &world.cloud().database_snapshots_in(world.here(), Kind::Instance)[0];
    assert_eq!(made.tags.len(), 50);
    let world = World::new().database_with("orders", [], many(47));
    let expected = "orders: create a snapshot of 20 GiB because it hands its tags on to its \
                    snapshots, which then have 51 of at most 50";
    assert_eq!(world.plan(&INSTANCES, params), expected);
}

#[test]
fn an_answer_that_was_lost_makes_no_second_snapshot() {
    for mishap in [Mishap::AnswerLost, Mishap::CrashAfter] {
        let world = world();
        // Entering, listing, the quota, entering again, and then the snapshot.
        world.faults().at_calls(5..=5, mishap);
        let world = ran(world, json!({}));
        assert_eq!(world.targets(), format!("orders succeeded: created `{NAME}`"));
        assert_eq!(world.database_snapshots(), format!("{NAME} of orders available"));
    }
}

#[test]
fn a_name_that_another_has_is_a_failure() {
    let world = ran(world().database_snapshot(NAME, "orders", 1, []), json!({}));
    let expected = format!(
        "orders failed: rds.snapshot.create on `orders` in 111122223333/eu-west-1: there is a \
         snapshot `{NAME}` that this job has not made"
    );
    assert_eq!(world.targets(), expected);
}

#[test]
fn one_that_fails_or_disappears_is_a_failure() {
    let begun = || {
        let mut world = world();
        let engines = world.begin(&INSTANCES, json!({}));
        (world, engines)
    };
    let (mut world, engines) = begun();
    world.cloud().cloud().fail_database_snapshot(world.here(), Kind::Instance, NAME);
    world.run_to_the_end(&engines);
    assert!(world.targets().ends_with(&format!("the snapshot `{NAME}` is `failed`")));
    let (mut world, engines) = begun();
    world.cloud().cloud().remove_database_snapshot(world.here(), Kind::Instance, NAME);
    world.run_to_the_end(&engines);
    let expected = format!("the snapshot `{NAME}` disappeared before it was available");
    assert!(world.targets().ends_with(&expected), "{}", world.targets());
}

#[test]
fn one_that_is_stopped_after_the_plan_is_not_waited_for() {
    let mut world =
        World::new().database_with("orders", [], |it| it.state = "modifying".to_owned());
    let engines = world.begin(&INSTANCES, json!({}));
    world.cloud().cloud().switch_database(world.here(), Kind::Instance, "orders", false);
    world.run_to_the_end(&engines);
    assert!(world.targets().starts_with("orders failed: "), "{}", world.targets());
    assert!(world.targets().contains("it is `stop"), "{}", world.targets());
}
