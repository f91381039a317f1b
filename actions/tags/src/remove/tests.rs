use lamplighter_core::AnyAction;
use lamplighter_testkit::{World, conforms};
use serde_json::{Value, json};

use super::*;

fn world() -> World {
    World::new()
        .volume("vol-a", [("old-owner", "x"), ("team", "red"), ("temp", "1")])
        .snapshot("snap-a", "vol-a", 1, [("old-owner", "x"), ("lamplighter:task", "nightly")])
        .instance("i-a", [("team", "red")])
        .table("orders", [("temp", "1"), ("team", "red")])
        .database("orders", [("temp", "1"), ("team", "red")])
        .database_snapshot("orders-1", "orders", 1, [("old-owner", "x")])
        .cluster("shop", [("team", "red")])
        .cluster_snapshot("shop-1", "shop", 1, [("temp", "1")])
}

fn params() -> Value {
    json!({
        "kinds": [
            "cluster-snapshots",
            "clusters",
            "database-snapshots",
            "databases",
            "instances",
            "snapshots",
            "tables",
            "volumes",
        ],
        "names": ["old-*", "temp", "lamplighter:*"],
    })
}

#[test]
fn keeps_the_rules_of_an_action() {
    conforms(&RemoveTags, params(), world);
}

#[test]
fn what_to_take_off_is_named() {
    let check = |params: Value| RemoveTags.check_params(&params).map_err(|it| it.path);
    assert_eq!(check(params()), Ok(()));
    assert_eq!(check(json!({ "kinds": ["tables"], "names": [] })), Err("names".to_owned()));
    assert_eq!(check(json!({ "kinds": [], "names": ["a"] })), Err("kinds".to_owned()));
}

#[test]
fn names_and_patterns_are_taken_off_and_what_is_ours_is_not() {
    assert_eq!(
        world().plan(&RemoveTags, params()),
        "cluster-snapshot:shop-1: take off `temp`\n\
         cluster:shop: leave because it has none of these tags\n\
         db:orders: take off `temp`\n\
         db:shop-1: leave because it has none of these tags\n\
         i-a: leave because it has none of these tags\n\
         snap-a: take off `old-owner`\n\
         snapshot:orders-1: take off `old-owner`\n\
         table/orders: take off `temp`\n\
         vol-a: take off `old-owner`, `temp`"
    );
    let mut world = world();
    world.run(&RemoveTags, params());
    let keys = |tags: &lamplighter_core::Tags| tags.keys().cloned().collect::<Vec<_>>();
    let volume = world.cloud().volumes_in(world.here()).remove(0);
    assert_eq!(keys(&volume.tags), ["team"]);
    let snapshot = world.cloud().snapshots_in(world.here()).remove(0);
    assert_eq!(keys(&snapshot.tags), ["lamplighter:task"]);
    let table = world.cloud().cloud().tables_in(world.here()).remove(0);
    assert_eq!(keys(&table.tags), ["team"]);
    let database = world.cloud().cloud().databases_in(world.here()).remove(0);
    assert_eq!(keys(&database.tags), ["team"]);
}
