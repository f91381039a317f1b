use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{
    kinds_tests::{at_hub, check_bad, fleet},
    tests::{HUB, built, with_clock},
};
use crate::dynamodb::backups::{Backup, Status};

fn tables() -> Value {
    json!([
        { "account": HUB, "id": "orders", "tags": { "backup": "daily" }, "reads": 5, "writes": 5 },
        { "account": HUB, "id": "users" },
    ])
}

/// The backups at the hub, as `table name age-in-hours`, from the oldest on.
#[track_caller]
fn check(entry: Value, wanted: &[(&str, &str, i64)]) {
    let mut entry = entry;
    entry["account"] = HUB.into();
    let cloud = built(&fleet(json!({ "tables": tables(), "backups": [entry] })));
    let now = cloud.now();
    let found: Vec<_> = at_hub(&cloud, |here| {
        let mut all: Vec<Backup> = here.dynamodb.backups.iter().map(|(_, it)| it.clone()).collect();
        all.sort_by_key(|it| it.created_at);
        all
    });
    let age = |it: &Backup| now.duration_since(it.created_at).as_hours();
    let shown: Vec<_> = found.iter().map(|it| (&*it.table.name, &*it.name, age(it))).collect();
    assert_eq!(shown, wanted);
}

#[test]
fn backups_are_so_many_of_each_table_and_so_far_apart() {
    check(json!({}), &[("orders", "backup", 1), ("users", "backup", 1)]);
    let two = json!({ "of": { "backup": "*" }, "count": 2, "name": "{table}-{n}" });
    check(two, &[("orders", "orders-2", 25), ("orders", "orders-1", 1)]);
    let gone = json!({ "table": ["users", "gone"], "age": "3h", "name": "nightly" });
    check(gone, &[("gone", "nightly", 3), ("users", "nightly", 3)]);
    let apart = json!({ "table": "users", "count": 2, "every": "1h" });
    check(apart, &[("users", "backup", 2), ("users", "backup", 1)]);
}

#[test]
fn a_backup_is_of_the_table_as_it_is() {
    let backup = json!({ "account": HUB, "table": "orders", "age": "1d" });
    let cloud = built(&fleet(json!({ "tables": tables(), "backups": [backup] })));
    at_hub(&cloud, |here| {
        let arn =
            "arn:aws:dynamodb:eu-west-1:111122223333:table/orders/backup/01772323200000-00000001";
        let it = here.dynamodb.backups.get(arn).unwrap();
        assert_eq!((it.arn.as_str(), it.status), (arn, Status::Available));
        assert_eq!(Some(&it.table), here.dynamodb.tables.get("orders"));
    });
}

#[test]
fn a_backup_that_is_being_made_becomes_available() {
    let (cloud, clock) = with_clock();
    let backup = json!({ "account": HUB, "table": "orders", "state": "creating" });
    fleet(json!({ "backups": [backup] })).build(&cloud).unwrap();
    let states = |seconds| {
        clock.pass(SignedDuration::from_secs(seconds));
        at_hub(&cloud, |here| {
            here.dynamodb.backups.iter().map(|(_, it)| it.status).collect::<Vec<_>>()
        })
    };
    assert_eq!(states(4), [Status::Creating]);
    assert_eq!(states(1), [Status::Available]);
}

#[test]
fn a_backup_that_cannot_be_is_refused() {
    let check = |entry: Value, wanted: &[&str]| check_bad("backups", entry, wanted);
    check(json!({ "name": "nightly-{n}-{table}" }), &[]);
    check(json!({ "table": "orders" }), &[".table"]);
    check(json!({ "account": HUB, "table": "orders", "of": {} }), &[".of"]);
    check(json!({ "account": HUB, "id": "nightly" }), &[".id"]);
    check(json!({ "tags": { "a": "b" } }), &[".tags"]);
    for name in ["ab", "a b c", "{at}", "{volume}", &"a".repeat(256)] {
        check(json!({ "name": name }), &[".name"]);
    }
}
