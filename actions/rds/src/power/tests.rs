use lamplighter_core::{
    AnyAction, Clock, Engine,
    cloud::rds::{Database, PowerChange},
    engine::Event,
    task::Task,
};
use lamplighter_testkit::{World, catalog, conforms, finish};
use serde_json::{Value, json};

use super::*;

const INSTANCES: FollowTimetable<Instances> = FollowTimetable::OF_INSTANCES;
const CLUSTERS: FollowTimetable<Clusters> = FollowTimetable::OF_CLUSTERS;

/// The world begins on a Monday at two in the morning, UTC.
fn office() -> Value {
    json!({ "periods": { "office": { "weekdays": "MON-FRI", "from": "08:00", "to": "18:00" } } })
}

fn night() -> Value {
    json!({ "periods": { "night": { "from": "22:00", "to": "06:00" } } })
}

fn with(mut params: Value, key: &str, value: &str) -> Value {
    params[key] = json!(value);
    params
}

fn stopped(it: &mut Database) {
    it.state = "stopped".to_owned();
}

#[test]
fn keeps_the_rules_of_an_action() {
    let enforce = |it| with(with(it, "manual-start", "enforce"), "manual-stop", "enforce");
    conforms(&INSTANCES, enforce(night()), || {
        let world = World::new().quick_databases();
        let key = world.cloud().cloud().put_customer_key(world.here(), "key-1");
        let world = world.database_with("a", [], |it| {
            stopped(it);
            it.encrypted = true;
            it.kms_key_id = Some(key);
        });
        world.database("b", [("power", "stopped until 2026-03-02T09:00")])
    });
}

#[test]
fn keeps_the_rules_of_an_action_on_clusters() {
    conforms(&CLUSTERS, night(), || {
        let world = World::new().quick_databases();
        let key = world.cloud().cloud().put_customer_key(world.here(), "key-1");
        let world = world.cluster_with("a", [], |it| {
            it.state = "stopped".to_owned();
            it.encrypted = true;
            it.kms_key_id = Some(key);
        });
        world.cluster("b", [("power", "stopped until 2026-03-02T09:00")])
    });
}

#[track_caller]
fn check(change: impl Fn(&mut Database), params: Value, expected: &str) {
    let world = World::new().database_with("a", [], change);
    assert_eq!(world.plan(&INSTANCES, params), format!("a: {expected}"));
}

#[test]
fn what_should_run_is_started_and_the_rest_stopped() {
    let outside = "outside of every period since 2026-02-27 18:00";
    let inside = "in the period `night` since 2026-03-01 22:00";
    check(|_| {}, office(), &format!("stop because {outside}"));
    check(stopped, office(), &format!("leave because {outside}"));
    check(stopped, night(), &format!("start because {inside}"));
    check(|_| {}, night(), &format!("leave because {inside}"));
    for state in ["backing-up", "modifying", "storage-optimization"] {
        check(|it| it.state = state.to_owned(), office(), &format!("stop because {outside}"));
    }
    for state in ["creating", "starting", "stopping"] {
        check(|it| it.state = state.to_owned(), office(), "leave because it is on its way");
    }
    for state in ["failed", "deleting", "storage-full"] {
        let expected = format!("leave because it is `{state}`");
        check(|it| it.state = state.to_owned(), night(), &expected);
    }
}

#[test]
fn what_aws_never_stops_is_left_with_both_reasons() {
    let replica = |it: &mut Database| it.replica_of = Some("b".to_owned());
    let expected = "leave because AWS stops and starts no such database: it is a read replica; \
                    outside of every period since 2026-02-27 18:00";
    check(replica, office(), expected);
    let docdb = |it: &mut Database| it.engine = "docdb".to_owned();
    check(docdb, office(), "leave because it is of Amazon DocumentDB, not of RDS");
    let world = World::new().cluster("c", []);
    let expected =
        "c-1: leave because it is a member of the cluster `c`, which `rds.cluster.power` is for";
    assert_eq!(world.plan(&INSTANCES, office()), expected);
}

#[test]
fn a_tag_says_something_else_for_a_while() {
    let says = |value: &'static str| {
        move |it: &mut Database| drop(it.tags.insert("power".to_owned(), value.to_owned()))
    };
    let why = "its tag `power` says `running` until 2026-03-02 09:00";
    check(says("running until 2026-03-02T09:00"), office(), &format!("leave because {why}"));
    let as_is = says("as-is until 2026-03-02T09:00");
    check(as_is, office(), "leave because its tag `power` says `as-is` until 2026-03-02 09:00");
}

#[test]
fn parameters_without_a_period_or_with_an_impossible_tag_are_refused() {
    let bad = |params: Value| INSTANCES.check_params(&params).map_err(|bad| bad.path);
    assert_eq!(bad(office()), Ok(()));
    assert_eq!(bad(json!({ "periods": {} })), Err("periods".to_owned()));
    assert_eq!(bad(with(office(), "override-tag", "")), Err("override-tag".to_owned()));
    assert_eq!(bad(with(office(), "hibernate", "never")), Err("hibernate".to_owned()));
}

#[test]
fn rds_is_not_asked_who_it_was_where_nobody_is_respected() {
    let needs = |params: Value| INSTANCES.needs(&params).unwrap().here;
    assert!(needs(office()).contains("rds:DescribeEvents"));
    assert!(needs(with(office(), "manual-start", "enforce")).contains("rds:DescribeEvents"));
    let enforce = with(with(office(), "manual-start", "enforce"), "manual-stop", "enforce");
    assert!(!needs(enforce).contains("rds:DescribeEvents"));
}

/// The task on all instances.
fn task_of(world: &World, params: &Value) -> Task {
    world.task_of(&INSTANCES, params.clone())
}

/// Goes on to an instant, with a run of the task every five minutes.
fn follow(world: &mut World, engines: &[Engine], task: &Task, until: &str) {
    let until: Timestamp = until.parse().unwrap();
    while world.clock().now() < until {
        let now = world.clock().now() + SignedDuration::from_mins(5);
        world.run_until(engines, now);
        let event = Event::Run { task: task.order.task.clone(), at: now };
        finish(engines[0].event(event)).unwrap().unwrap();
        world.run_until(engines, now);
    }
}

/// What RDS's record says, without the date of the days before.
fn happened(world: &World) -> Vec<String> {
    let events = world.cloud().cloud().events();
    let of_rds = events.iter().filter(|it| it.source == "aws.rds");
    let lines = of_rds.filter_map(|it| {
        let what = PowerChange::read(it.detail["Message"].as_str()?)?;
        Some(format!("{} {what:?}", &it.time[5..16]))
    });
    lines.collect()
}

#[test]
fn a_fortnight_in_which_aws_and_people_switch_as_well() {
    let mut world = World::new().database("a", []);
    let params = office();
    let task = task_of(&world, &params);
    let engines = world.engines(catalog(&[&INSTANCES]), std::slice::from_ref(&task));
    let (cloud, here) = (world.cloud().cloud().clone(), world.here().clone());
    // On Monday at night it runs, and is stopped; it starts in the morning.
    follow(&mut world, &engines, &task, "2026-03-02T20:00:00Z");
    // Somebody starts it in the evening, and it stays until the next period has ended.
    cloud.switch_database(&here, Kind::Instance, "a", true);
    follow(&mut world, &engines, &task, "2026-03-04T12:00:00Z");
    // Somebody stops it at noon, and it stays until the next period.
    cloud.switch_database(&here, Kind::Instance, "a", false);
    follow(&mut world, &engines, &task, "2026-03-05T12:00:00Z");
    // It is on holiday, and AWS starts it after seven days.
    let away = [("power".to_owned(), "stopped until 2026-03-16T00:00".to_owned())];
    cloud.retag_database(&here, Kind::Instance, "a", away.into());
    follow(&mut world, &engines, &task, "2026-03-16T09:00:00Z");
    let expected = [
        "03-02T02:11 Stopped",
        "03-02T08:08 Started",
        "03-02T18:06 Stopped",
        "03-02T20:08 Started",
        "03-03T18:06 Stopped",
        "03-04T08:08 Started",
        "03-04T12:06 Stopped",
        "03-05T08:08 Started",
        "03-05T12:11 Stopped",
        "03-12T12:11 StartedByAws",
        "03-12T12:19 Started",
        "03-12T12:26 Stopped",
        "03-16T08:08 Started",
    ];
    assert_eq!(happened(&world), expected);
    world.assert_lawful();
}
