use lamplighter_core::AnyAction;
use lamplighter_testkit::{World, conforms};
use serde_json::{Value, json};

use super::*;

/// Three backups of ours, a day apart, and one of somebody else's.
fn world() -> World {
    World::new()
        .table_backup("orders", 3, "nightly")
        .table_backup("orders", 2, "nightly")
        .table_backup("orders", 1, "nightly")
        .others_table_backup("orders", 9, "by-hand")
}

fn last(count: u32) -> Value {
    json!({ "keep": { "last": count } })
}

/// The ARN of a backup that is so many days old.
fn arn(days: i64) -> String {
    let taken_at = 1_772_416_800_000 - days * 24 * 3_600_000;
    format!("arn:aws:dynamodb:eu-west-1:111122223333:table/orders/backup/{taken_at:014}-00000000")
}

#[test]
fn keeps_the_rules_of_an_action() {
    conforms(&DeleteBackup, last(1), world);
}

#[test]
fn a_policy_without_rules_or_floor_is_refused() {
    let check = |params: Value| DeleteBackup.check_params(&params).map_err(|bad| bad.path);
    assert_eq!(check(last(1)), Ok(()));
    assert_eq!(check(json!({})), Err(String::new()));
    assert_eq!(check(json!({ "keep": {} })), Err("keep".to_owned()));
    assert_eq!(check(json!({ "keep": { "last": 1 }, "floor": 0 })), Err("floor".to_owned()));
}

#[test]
fn every_verdict_says_why_and_each_table_has_its_own_history() {
    let world = world().table_backup("users", 5, "nightly");
    let users = arn(5).replace("orders", "users");
    let expected = [
        format!("{}: leave because last 1 of 1", arn(1)),
        format!(
            "{}: delete (of `orders`, taken at 2026-02-27T02:00:00Z) because no rule keeps it",
            arn(3)
        ),
        format!(
            "{}: delete (of `orders`, taken at 2026-02-28T02:00:00Z) because no rule keeps it",
            arn(2)
        ),
        format!("{users}: leave because last 1 of 1"),
    ];
    let mut expected = expected.to_vec();
    expected.sort();
    assert_eq!(world.plan(&DeleteBackup, last(1)), expected.join("\n"));
}

#[test]
fn only_what_our_names_say_is_ours_is_deleted() {
    let mut world = world();
    world.run(&DeleteBackup, last(1));
    let left = world.cloud().cloud().table_backups_in(world.here());
    let left: Vec<String> = left.into_iter().map(|it| it.id).collect();
    assert_eq!(left, [arn(9), arn(1)]);
}

#[test]
fn one_that_is_being_made_is_left() {
    let creating = |it: &mut Backup| it.state = "CREATING".to_owned();
    let world = World::new()
        .table_backup("orders", 2, "nightly")
        .table_backup_with("orders", 0, "nightly", creating);
    let expected = [
        format!("{}: leave because last 1 of 1", arn(2)),
        format!("{}: leave because pending: only completed backups are decided on", arn(0)),
    ];
    assert_eq!(world.plan(&DeleteBackup, last(1)), expected.join("\n"));
}
