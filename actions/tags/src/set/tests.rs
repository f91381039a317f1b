use lamplighter_core::AnyAction;
use lamplighter_testkit::{World, conforms, stopped};
use serde_json::{Value, json};

use super::*;

/// One of each kind but images, which only calls make.
fn world() -> World {
    World::new()
        .volume("vol-a", [("team", "red")])
        .snapshot("snap-a", "vol-a", 1, [])
        .instance("i-a", [("cost-center", "7")])
        .table("orders", [])
}

fn params() -> Value {
    json!({
        "kinds": ["instances", "snapshots", "tables", "volumes"],
        "tags": { "team": "blue", "seen": "{task} {date} {target}" },
    })
}

#[test]
fn keeps_the_rules_of_an_action() {
    conforms(&SetTags, params(), world);
}

#[test]
fn only_the_kinds_that_are_named_are_listed_and_need_permissions() {
    let params = json!({ "kinds": ["volumes"], "tags": { "team": "blue" } });
    conforms(&SetTags, params.clone(), world);
    let needs = SetTags.needs(&params).unwrap();
    assert_eq!(needs, Permissions::here(&["ec2:CreateTags", "ec2:DescribeVolumes"]));
    assert_eq!(world().plan(&SetTags, params), "vol-a: set `team` to `blue`, instead of `red`");
}

#[track_caller]
fn check_params(params: Value, expected: Result<(), (&str, &str)>) {
    let found = SetTags.check_params(&params).map_err(|bad| (bad.path, bad.message));
    let expected = expected.map_err(|(path, message)| (path.to_owned(), message.to_owned()));
    assert_eq!(found, expected, "{params}");
}

#[test]
fn only_tags_that_aws_takes_are_set() {
    check_params(params(), Ok(()));
    let with = |tags: Value| json!({ "kinds": ["volumes"], "tags": tags });
    check_params(with(json!({})), Err(("tags", "name at least one tag")));
    let reserved =
        "`aws:x` cannot be meant: AWS and Lamplighter set tags with this prefix themselves";
    check_params(with(json!({ "aws:x": "1" })), Err(("tags.aws:x", reserved)));
    let long = "x".repeat(129);
    let path = format!("tags.{long}");
    let message = "a tag's name has 1 to 128 characters, not 129";
    check_params(with(json!({ long: "1" })), Err((&path, message)));
    let many: BTreeMap<String, &str> = (0..51).map(|it| (it.to_string(), "")).collect();
    check_params(with(json!(many)), Err(("tags", "a resource has at most 50 tags, not 51")));
    check_params(
        json!({ "kinds": [], "tags": { "a": "1" } }),
        Err(("kinds", "name at least one kind of resources")),
    );
    check_params(
        json!({ "kinds": ["volumes", "volumes"], "tags": { "a": "1" } }),
        Err(("kinds", "`volumes` is here twice")),
    );
}

#[test]
fn a_plan_says_what_is_set_and_what_was_there() {
    let set = "set `seen` to `nightly 2026-03-02";
    assert_eq!(
        world().plan(&SetTags, params()),
        format!(
            "i-a: {set} i-a`, `team` to `blue`\n\
             orders: {set} orders`, `team` to `blue`\n\
             snap-a: {set} snap-a`, `team` to `blue`\n\
             vol-a: {set} vol-a`, `team` to `blue`, instead of `red`"
        )
    );
}

#[test]
fn what_is_there_may_be_kept() {
    let params = json!({ "kinds": ["volumes"], "tags": { "team": "blue" }, "existing": "keep" });
    assert_eq!(world().plan(&SetTags, params), "vol-a: leave because it has these tags");
}

#[test]
fn a_second_run_changes_nothing() {
    let mut world = world();
    world.run(&SetTags, params());
    let tags = world.cloud().volumes_in(world.here()).remove(0).tags;
    assert_eq!(tags["seen"], "nightly 2026-03-02 vol-a");
    let writes = |world: &World| {
        let calls = world.cloud().calls();
        calls.iter().filter(|it| it.access == lamplighter_testkit::cloud::Access::Writes).count()
    };
    let before = writes(&world);
    world.clock().advance(jiff::SignedDuration::from_mins(1));
    world.run(&SetTags, params());
    assert_eq!(writes(&world), before);
    assert_eq!(world.targets().matches("skipped: it has these tags").count(), 4);
}

#[test]
fn what_has_no_room_or_goes_is_left() {
    let full = |it: &mut lamplighter_core::cloud::ec2::Volume| {
        it.tags = (0..49).map(|n| (format!("k{n}"), String::new())).collect();
        it.tags.insert("aws:cloudformation:stack-name".to_owned(), "x".to_owned());
    };
    let world = World::new().volume_with("vol-a", [], full);
    let params = |tags: Value| json!({ "kinds": ["volumes", "instances"], "tags": tags });
    let one = params(json!({ "new": "1", "k1": "1" }));
    assert_eq!(world.plan(&SetTags, one), "vol-a: set `k1` to `1`, instead of ``, `new` to `1`");
    let two = params(json!({ "new": "1", "newer": "1" }));
    let expected = "vol-a: leave because it has 49 tags, and no room for 2 more: AWS allows 50";
    assert_eq!(world.plan(&SetTags, two), expected);
    let gone = |it: &mut lamplighter_core::cloud::instances::Instance| {
        stopped(it);
        it.state = "terminated".to_owned();
    };
    let world = World::new().instance_with("i-a", [], gone);
    let expected = "i-a: leave because it is `terminated`";
    assert_eq!(world.plan(&SetTags, params(json!({ "a": "1" }))), expected);
}
