use lamplighter_core::AnyAction;
use lamplighter_testkit::{World, conforms, stopped};
use serde_json::{Value, json};

use super::*;

fn world() -> World {
    World::new()
        .instance("i-a", [("team", "red"), ("stage", "prod")])
        .instance("i-b", [("stage", "test")])
        .volume("vol-a", [("team", "red")])
        .table("orders", [("team", "red"), ("stage", "live")])
        .database("orders", [("stage", "prod")])
}

/// What is checked of which kinds, and what then.
fn params(kinds: &[&str], then: &str) -> Value {
    let mut params = json!({
        "kinds": kinds,
        "require": { "team": "*", "stage": ["prod", "test"] },
        "then": then,
    });
    if then != "report" {
        params["tags"] = json!({ "compliance": "{violations} ({date})" });
    }
    params
}

const ALL: [&str; 4] = ["databases", "instances", "tables", "volumes"];

#[test]
fn keeps_the_rules_of_an_action() {
    conforms(&CheckTags, params(&ALL, "tag"), world);
    conforms(&CheckTags, params(&["instances"], "stop"), world);
}

#[track_caller]
fn check_params(change: impl Fn(&mut Value), expected: Result<(), (&str, &str)>) {
    let mut params = params(&ALL, "report");
    change(&mut params);
    let found = CheckTags.check_params(&params).map_err(|bad| (bad.path, bad.message));
    let expected = expected.map_err(|(path, message)| (path.to_owned(), message.to_owned()));
    assert_eq!(found, expected, "{params}");
}

#[test]
fn what_is_required_and_what_then_is_checked() {
    check_params(|_| {}, Ok(()));
    check_params(|it| it["require"] = json!({}), Err(("require", "name at least one tag")));
    for key in ["aws:x", "lamplighter:task"] {
        let message = format!(
            "`{key}` cannot be meant: AWS and Lamplighter set tags with this prefix themselves"
        );
        let path = format!("require.{key}");
        check_params(|it| it["require"] = json!({ key: "*" }), Err((&path, &message)));
    }
    let tags = |it: &mut Value| it["tags"] = json!({ "a": "1" });
    check_params(tags, Err(("tags", "with `then: report` nothing is tagged")));
    let tag = |it: &mut Value| it["then"] = json!("tag");
    check_params(tag, Err(("tags", "`then: tag` needs `tags`: what to set")));
    let stop = |it: &mut Value| it["then"] = json!("stop");
    check_params(stop, Err(("then", "`stop` is for instances: `kinds: [instances]`")));
}

#[test]
fn a_report_fails_the_job_of_each_that_does_not_comply() {
    let report = || params(&ALL, "report");
    assert_eq!(
        world().plan(&CheckTags, report()),
        "i-a: leave because it complies\n\
         problem: db:orders: it does not comply: `team` is missing\n\
         problem: i-b: it does not comply: `team` is missing\n\
         problem: table/orders: it does not comply: `stage` is `live`\n\
         problem: vol-a: it does not comply: `stage` is missing"
    );
    let mut world = world();
    world.run(&CheckTags, report());
    assert_eq!(
        world.targets(),
        "db:orders failed: it does not comply: `team` is missing\n\
         i-a skipped: it complies\n\
         i-b failed: it does not comply: `team` is missing\n\
         table/orders failed: it does not comply: `stage` is `live`\n\
         vol-a failed: it does not comply: `stage` is missing"
    );
    let needs = CheckTags.needs(&params(&["volumes"], "report")).unwrap();
    assert_eq!(needs, Permissions::here(&["ec2:DescribeVolumes"]));
}

#[test]
fn a_tag_says_what_is_wrong_and_is_set_once() {
    let mut world = world();
    world.run(&CheckTags, params(&["tables"], "tag"));
    let table = world.cloud().cloud().tables_in(world.here()).remove(0);
    assert_eq!(table.tags["compliance"], "stage is live _2026-03-02_");
    world.clock().advance(jiff::SignedDuration::from_mins(1));
    world.run(&CheckTags, params(&["tables"], "tag"));
    let targets = world.targets();
    let second = targets.lines().next();
    let expected = "table/orders skipped: it does not comply: `stage` is `live`; it is tagged so";
    assert_eq!(second, Some(expected));
}

#[test]
fn what_runs_and_does_not_comply_is_stopped() {
    let mut world = world().instance_with("i-c", [], stopped).instance_with("i-d", [], |it| {
        it.auto_scaling_group = Some("web".to_owned());
        let key = lamplighter_core::cloud::instances::AUTO_SCALING_TAG;
        it.tags.insert(key.to_owned(), "web".to_owned());
    });
    world.run(&CheckTags, params(&["instances"], "stop"));
    let both = "it does not comply: `stage` is missing, `team` is missing";
    assert_eq!(
        world.targets(),
        format!(
            "i-a skipped: it complies\n\
             i-b succeeded: stopped; it does not comply: `team` is missing\n\
             i-c skipped: {both}; it is `stopped`\n\
             i-d skipped: {both}; `the Auto Scaling group web` decides over it"
        )
    );
    let states: Vec<String> =
        world.cloud().instances_in(world.here()).into_iter().map(|it| it.state).collect();
    assert_eq!(states, ["running", "stopped", "stopped", "running"]);
}
