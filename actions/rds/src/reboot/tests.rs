use lamplighter_testkit::{Mishap, World, conforms};
use serde_json::{Value, json};

use super::*;

fn world() -> World {
    World::new().database("a", [])
}

fn reboots(world: &World) -> usize {
    let calls = world.cloud().calls();
    calls.iter().filter(|it| it.operation == "RebootDBInstance").count()
}

#[test]
fn keeps_the_rules_of_an_action() {
    conforms(&RebootInstance, json!({}), world);
}

#[track_caller]
fn check(change: impl Fn(&mut Database), params: Value, expected: &str) {
    let world = World::new().database_with("a", [], change);
    assert_eq!(world.plan(&RebootInstance, params), format!("a: {expected}"));
}

#[test]
fn what_runs_is_rebooted() {
    check(|_| {}, json!({}), "reboot");
    check(|it| it.state = "storage-optimization".to_owned(), json!({}), "reboot");
    let busy = "reboot because it is `modifying`: when it is available";
    check(|it| it.state = "modifying".to_owned(), json!({}), busy);
    for state in ["stopped", "stopping", "deleting", "failed"] {
        let expected = format!("leave because it is `{state}`");
        check(|it| it.state = state.to_owned(), json!({}), &expected);
    }
    let failover = json!({ "failover": true });
    check(|it| it.multi_az = true, failover.clone(), "reboot, with failover");
    check(|_| {}, failover, "leave because it has no standby that could take over");
    let neptune = "leave because it is of Amazon Neptune, not of RDS";
    check(|it| it.engine = "neptune".to_owned(), json!({}), neptune);
    assert_eq!(World::new().cluster("c", []).plan(&RebootInstance, json!({})), "c-1: reboot");
}

#[test]
fn it_is_done_when_the_instance_is_back() {
    let mut world = world();
    world.run(&RebootInstance, json!({}));
    assert_eq!(world.targets(), "a succeeded: rebooted");
    assert_eq!((world.databases().as_str(), reboots(&world)), ("a available", 1));
}

#[test]
fn an_answer_that_was_lost_makes_no_second_reboot() {
    for mishap in [Mishap::AnswerLost, Mishap::CrashAfter] {
        let mut world = world();
        // Entering, listing, entering again, a look, and then the reboot.
        world.faults().at_calls(5..=5, mishap);
        world.run(&RebootInstance, json!({}));
        assert_eq!(world.targets(), "a succeeded: rebooted");
        assert_eq!(reboots(&world), 1, "{mishap:?}");
    }
}
