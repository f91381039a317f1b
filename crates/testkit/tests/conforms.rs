//! `conforms` accepts a right action and finds each flaw of a wrong one.

use std::panic::{AssertUnwindSafe, catch_unwind};

use lamplighter_core::AnyAction;
use lamplighter_testkit::{World, conforms};
use serde_json::json;

mod support;

use support::{BLIND, GREEDY, HASTY, IMPATIENT, LAZY, MODEST, NONE, PROUD, Snap, UNTIDY};

fn world() -> World {
    World::new().volume("vol-a", [])
}

#[track_caller]
fn check(action: &'static dyn AnyAction, expected: &str) {
    let tried = catch_unwind(AssertUnwindSafe(|| conforms(action, json!({}), world)));
    let Err(panic) = tried else { panic!("the flaw was not found; expected: {expected}") };
    let literal = panic.downcast_ref::<&str>().copied().unwrap_or_default();
    let message = panic.downcast_ref::<String>().map_or(literal, String::as_str);
    assert!(message.contains(expected), "expected: {expected}\nfound: {message}");
}

#[test]
fn a_right_action_conforms() {
    conforms(&Snap::<NONE>, json!({}), || world().volume("vol-b", []));
}

#[test]
fn an_action_that_does_not_look_for_an_earlier_try_is_found() {
    check(&Snap::<BLIND>, "after this went wrong: AnswerLost at call");
}

#[test]
fn an_action_that_does_not_wait_for_lagging_describes_is_found() {
    check(&Snap::<HASTY>, "2 things were made instead of 1");
}

#[test]
fn an_action_that_leaves_what_was_made_twice_is_found() {
    check(&Snap::<UNTIDY>, "describes lag for long");
}

#[test]
fn an_action_that_gives_up_on_what_is_not_visible_yet_is_found() {
    check(&Snap::<IMPATIENT>, "after this went wrong: describes that lag");
}

#[test]
fn an_action_that_does_not_bear_throttling_is_found() {
    check(&Snap::<PROUD>, "after this went wrong: Fails(Transient) at call");
}

#[test]
fn an_action_that_uses_more_than_it_declares_is_found() {
    check(&Snap::<MODEST>, "is not authorized to perform: ec2:CreateTags");
}

#[test]
fn an_action_that_declares_more_than_it_uses_is_found() {
    check(&Snap::<GREEDY>, "the permissions that were used differ from those declared");
}

#[test]
fn a_world_without_work_proves_nothing() {
    check(&Snap::<LAZY>, "no target was acted on");
}
