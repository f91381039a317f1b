use jiff::SignedDuration;
use lamplighter_core::AnyAction;
use lamplighter_testkit::{Mishap, World, cloud::Lag, conforms};
use serde_json::{Value, json};

use super::*;

fn world() -> World {
    World::new().table("orders", [("team", "red")])
}

#[track_caller]
fn ran(mut world: World, params: Value) -> World {
    world.run(&CreateBackup, params);
    world
}

/// What the first try of a job on `orders` names its backup.
const NAMED: &str = "orders.lamplighter-nightly-20260302T020000Z-";

#[test]
fn keeps_the_rules_of_an_action() {
    conforms(&CreateBackup, json!({}), world);
}

#[test]
fn a_backup_is_named_by_task_and_job_and_waited_for() {
    let world = ran(world(), json!({}));
    let backups = world.cloud().cloud().table_backups_in(world.here());
    let [backup] = &backups[..] else { panic!("{backups:?}") };
    assert!(backup.name.starts_with(NAMED), "{}", backup.name);
    assert_eq!(backup.state, "AVAILABLE");
    assert_eq!(world.targets(), format!("orders succeeded: created `{}`", backup.id));
    let task = backup.tags.get("lamplighter:task").map(String::as_str);
    assert_eq!(task, Some("nightly"));
}

#[test]
fn what_it_is_called_is_the_tasks_own() {
    let world = ran(world(), json!({ "name": "{target.tags.team} {date}" }));
    let backups = world.cloud().cloud().table_backups_in(world.here());
    assert!(backups[0].name.starts_with("red-2026-03-02.lamplighter-nightly-"));
    let unknown = CreateBackup.check_params(&json!({ "name": "{nothing}" }));
    assert_eq!(unknown.map_err(|it| it.path), Err("name".to_owned()));
}

#[test]
fn a_table_that_comes_or_goes_is_left() {
    for state in ["CREATING", "DELETING"] {
        let world = World::new().table_with("orders", [], |it| it.state = state.to_owned());
        let expected = format!("orders: leave because it is `{state}`");
        assert_eq!(world.plan(&CreateBackup, json!({})), expected);
    }
    let world = World::new().table_with("orders", [], |it| it.state = "UPDATING".to_owned());
    assert_eq!(world.plan(&CreateBackup, json!({})), "orders: create a backup");
}

#[test]
fn of_two_the_older_is_kept_and_the_other_deleted_and_reported() {
    let world = world().dial(|it| it.lag = Lag::Always(SignedDuration::from_secs(200)));
    // The first five enter the account, list the tables, and enter the account again.
    world.faults().at_calls(6..=6, Mishap::AnswerLost);
    let world = ran(world, json!({}));
    let backups = world.cloud().cloud().table_backups_in(world.here());
    assert_eq!((backups.len(), world.cloud().made()), (1, 2));
    let targets = world.targets();
    let expected =
        format!("orders succeeded: created `{}`; deleted the duplicate `", backups[0].id);
    assert!(targets.starts_with(&expected), "{targets}");
}
