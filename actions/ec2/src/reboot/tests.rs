use jiff::SignedDuration;
use lamplighter_testkit::{Mishap, World, cloud::Lag, conforms, stopped};
use serde_json::json;

use super::*;

fn world() -> World {
    World::new().instance("i-a", [])
}

fn reboots(world: &World) -> usize {
    let calls = world.cloud().calls();
    calls.iter().filter(|it| it.actions == ["ec2:RebootInstances"]).count()
}

#[test]
fn keeps_the_rules_of_an_action() {
    conforms(&RebootInstance, json!({}), || {
        world().instance("i-b", []).stopped_instance("i-c", [])
    });
}

#[test]
fn keeps_the_rules_without_waiting_for_checks() {
    conforms(&RebootInstance, json!({ "wait-for-checks": false }), world);
}

#[test]
fn only_what_runs_is_rebooted() {
    #[track_caller]
    fn check(change: impl Fn(&mut Instance), expected: &str) {
        let world = World::new().instance_with("i-a", [], change);
        assert_eq!(world.plan(&RebootInstance, json!({})), format!("i-a: {expected}"));
    }
    check(|_| {}, "reboot");
    check(stopped, "leave because it is `stopped`");
    check(|it| it.state = "pending".to_owned(), "leave because it is `pending`");
    let managed = |it: &mut Instance| it.managed_by = Some("eks.amazonaws.com".to_owned());
    check(managed, "leave because `eks.amazonaws.com` manages it");
}

#[test]
fn it_is_done_when_the_status_checks_have_passed() {
    let mut world = world();
    world.run(&RebootInstance, json!({}));
    assert_eq!(world.targets(), "i-a succeeded: rebooted; its status checks have passed");
    assert_eq!(reboots(&world), 1);
}

#[test]
fn an_answer_that_was_lost_leads_to_no_second_reboot_while_the_first_one_shows() {
    for mishap in [Mishap::AnswerLost, Mishap::CrashAfter] {
        let mut world = world();
        // The first calls enter the account, list and enter it again.
        world.faults().at_calls(4..=4, mishap);
        world.run(&RebootInstance, json!({}));
        assert_eq!(world.targets(), "i-a succeeded: rebooted; its status checks have passed");
        assert_eq!(reboots(&world), 1, "{mishap:?}");
    }
}

#[test]
fn one_that_was_stopped_meanwhile_is_left() {
    let mut world = world();
    world.cloud().dial(|it| it.lag = Lag::Always(SignedDuration::from_secs(59)));
    world.cloud().cloud().switch_instance(world.here(), "i-a", false);
    world.run(&RebootInstance, json!({}));
    assert_eq!(
        world.targets(),
        "i-a skipped: it is `running`: The instance 'i-a' is not in a state from which it can be \
         rebooted."
    );
}
