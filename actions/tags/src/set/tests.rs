use lamplighter_core::AnyAction;
use lamplighter_testkit::{World, conforms, stopped};
use serde_json::{Value, json};

use super::*;

/// One of each kind but images, which only calls make; `shop-1` is the member of the cluster.
fn world() -> World {
    World::new()
        .volume("vol-a", [("team", "red")])
        .snapshot("snap-a", "vol-a", 1, [])
        .instance("i-a", [("cost-center", "7")])
        .table("orders", [])
        .database("orders", [("team", "red")])
        .database_snapshot("orders-1", "orders", 1, [])
        .cluster("shop", [])
        .cluster_snapshot("shop-1", "shop", 1, [])
}

/// All kinds that the world has.
const KINDS: [&str; 8] = [
    "cluster-snapshots",
    "clusters",
    "database-snapshots",
    "databases",
    "instances",
    "snapshots",
    "tables",
    "volumes",
];

fn params() -> Value {
    json!({
        "kinds": KINDS,
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
    let message = "a tag's key has 1 to 128 characters, not 129";
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
            "cluster-snapshot:shop-1: {set} cluster-snapshot:shop-1`, `team` to `blue`\n\
             cluster:shop: {set} cluster:shop`, `team` to `blue`\n\
             db:orders: {set} db:orders`, `team` to `blue`, instead of `red`\n\
             db:shop-1: {set} db:shop-1`, `team` to `blue`\n\
             i-a: {set} i-a`, `team` to `blue`\n\
             snap-a: {set} snap-a`, `team` to `blue`\n\
             snapshot:orders-1: {set} snapshot:orders-1`, `team` to `blue`\n\
             table/orders: {set} table/orders`, `team` to `blue`\n\
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
    assert_eq!(world.targets().matches("skipped: it has these tags").count(), KINDS.len() + 1);
}

#[test]
fn each_service_has_characters_that_it_takes() {
    let params = |kind: &str, key: &str| json!({ "kinds": ["volumes", kind], "tags": { key: "{target}, of a@b (c)" } });
    let odd = |service: &str, signs: &str, odd: char| {
        format!(
            "a tag of {service} has letters, digits, blanks and `{signs}` in its name, not `{odd}`"
        )
    };
    check_params(params("images", "a@b,c"), Ok(()));
    let (rds, dynamodb) = (odd("RDS", "_.:/=+-@", ','), odd("DynamoDB", "_.:/=+-", '@'));
    check_params(params("databases", "a@b,c"), Err(("tags.a@b,c", &rds)));
    check_params(params("tables", "a@b"), Err(("tags.a@b", &dynamodb)));
    let plan = |kind: &str| world().plan(&SetTags, params(kind, "k"));
    let of_volume = "vol-a: set `k` to `vol-a, of a@b (c)`";
    assert_eq!(
        plan("databases"),
        format!(
            "db:orders: set `k` to `db:orders_ of a@b _c_`\n\
             db:shop-1: set `k` to `db:shop-1_ of a@b _c_`\n\
             {of_volume}"
        )
    );
    assert_eq!(
        plan("tables"),
        format!("table/orders: set `k` to `table/orders_ of a_b _c_`\n{of_volume}")
    );
}

#[test]
fn neptune_and_documentdb_are_not_taken_for_rds() {
    let world = World::new()
        .database_with("orders", [], |it| it.engine = "neptune".to_owned())
        .cluster_with("shop", [], |it| it.engine = "docdb".to_owned());
    let params = json!({ "kinds": ["databases", "clusters"], "tags": { "team": "blue" } });
    assert_eq!(
        world.plan(&SetTags, params),
        "cluster:shop: leave because it is of Amazon DocumentDB, not of RDS\n\
         db:orders: leave because it is of Amazon Neptune, not of RDS\n\
         db:shop-1: leave because it is of Amazon DocumentDB, not of RDS"
    );
}

#[test]
fn what_has_no_room_fails_and_what_goes_is_left() {
    let full = |it: &mut lamplighter_core::cloud::ec2::Volume| {
        it.tags = (0..49).map(|n| (format!("k{n}"), String::new())).collect();
        it.tags.insert("aws:cloudformation:stack-name".to_owned(), "x".to_owned());
    };
    let world = World::new().volume_with("vol-a", [], full);
    let params = |tags: Value| json!({ "kinds": ["volumes", "instances"], "tags": tags });
    let one = params(json!({ "new": "1", "k1": "1" }));
    assert_eq!(world.plan(&SetTags, one), "vol-a: set `k1` to `1`, instead of ``, `new` to `1`");
    let two = params(json!({ "new": "1", "newer": "1" }));
    let expected = "problem: vol-a: it has 49 tags, and no room for 2 more: AWS allows 50";
    assert_eq!(world.plan(&SetTags, two), expected);
    let gone = |it: &mut lamplighter_core::cloud::instances::Instance| {
        stopped(it);
        it.state = "terminated".to_owned();
    };
    let world = World::new().instance_with("i-a", [], gone);
    let expected = "i-a: leave because it is `terminated`";
    assert_eq!(world.plan(&SetTags, params(json!({ "a": "1" }))), expected);
}
