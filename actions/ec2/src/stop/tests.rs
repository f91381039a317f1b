use lamplighter_core::{AnyAction, Clock};
use lamplighter_testkit::{World, cloud::Protection, conforms, stopped};
use serde_json::{Value, json};

use super::*;

fn world() -> World {
    World::new().instance("i-a", [])
}

#[track_caller]
fn ran(mut world: World, params: Value) -> World {
    world.run(&StopInstance, params);
    world
}

fn hibernates(it: &mut Instance) {
    it.hibernation = true;
    it.instance_type = "m5.large".to_owned();
}

#[test]
fn keeps_the_rules_of_an_action() {
    conforms(&StopInstance, json!({}), || world().instance("i-b", []).stopped_instance("i-c", []));
}

#[test]
fn keeps_the_rules_when_it_hibernates() {
    let params = json!({ "hibernate": "if-possible" });
    conforms(&StopInstance, params, || world().instance_with("i-b", [], hibernates));
}

#[track_caller]
fn check_plan(change: impl Fn(&mut Instance), hibernate: &str, expected: &str) {
    let world = World::new().instance_with("i-a", [], change);
    let params = json!({ "hibernate": hibernate });
    assert_eq!(world.plan(&StopInstance, params), format!("i-a: {expected}"));
}

#[test]
fn what_runs_is_stopped_unless_it_must_not_be() {
    check_plan(|_| {}, "never", "stop (`t3.micro`)");
    check_plan(|it| it.state = "pending".to_owned(), "never", "stop (`t3.micro`)");
    check_plan(stopped, "never", "leave because it is stopped");
    for state in ["stopping", "shutting-down", "terminated"] {
        let expected = format!("leave because it is `{state}`");
        check_plan(|it| it.state = state.to_owned(), "never", &expected);
    }
    let managed = |it: &mut Instance| it.managed_by = Some("eks.amazonaws.com".to_owned());
    check_plan(managed, "never", "leave because `eks.amazonaws.com` manages it");
    let member = |it: &mut Instance| {
        it.tags.insert("aws:autoscaling:groupName".to_owned(), "web".to_owned());
    };
    check_plan(member, "never", "leave because the Auto Scaling group `web` decides over it");
    let store = |it: &mut Instance| it.root_device_type = "instance-store".to_owned();
    let expected = "leave because its root device is an instance store, so it cannot be stopped";
    check_plan(store, "never", expected);
    let spot = |it: &mut Instance| it.lifecycle = "spot".to_owned();
    let expected = "stop (`t3.micro`) because AWS lets a Spot Instance be stopped only if its \
                    request is persistent";
    check_plan(spot, "never", expected);
}

#[test]
fn who_cannot_hibernate_is_left_or_stopped_as_the_task_says() {
    check_plan(hibernates, "always", "hibernate (`m5.large`)");
    check_plan(hibernates, "if-possible", "hibernate (`m5.large`)");
    check_plan(hibernates, "never", "stop (`m5.large`)");
    let cannot = "because it was not launched so that it can hibernate";
    check_plan(|_| {}, "always", &format!("leave {cannot}"));
    check_plan(|_| {}, "if-possible", &format!("stop (`t3.micro`) {cannot}"));
}

#[track_caller]
fn check(world: World, hibernate: &str, targets: &str, instances: &str) {
    let world = ran(world, json!({ "hibernate": hibernate }));
    assert_eq!((world.targets().as_str(), world.instances().as_str()), (targets, instances));
}

#[test]
fn it_is_done_when_the_instance_is_stopped() {
    check(world(), "never", "i-a succeeded: stopped", "i-a stopped t3.micro");
    let world = World::new().instance_with("i-a", [], hibernates);
    check(world, "always", "i-a succeeded: hibernated", "i-a stopped m5.large");
}

#[test]
fn what_aws_does_not_stop_is_left_with_its_words() {
    check(
        world().protected("i-a", Protection::Stop),
        "never",
        "i-a skipped: AWS does not let it be stopped: The instance 'i-a' may not be stopped. Modify \
         its 'disableApiStop' instance attribute and try again.",
        "i-a running t3.micro",
    );
    let world = World::new().instance_with("i-a", [], |it| it.lifecycle = "spot".to_owned());
    world.cloud().cloud().request_instance_once(world.here(), "i-a");
    check(
        world,
        "never",
        "i-a skipped: AWS does not let it be stopped: You can't stop the Spot Instance 'i-a' \
         because it is associated with a one-time Spot Instance request. You can only stop Spot \
         Instances associated with persistent Spot Instance requests.",
        "i-a running t3.micro",
    );
}

#[test]
fn one_that_has_just_booted_hibernates_a_little_later() {
    let world = World::new().instance_with("i-a", [], hibernates);
    let now = world.clock().now();
    let world = world.instance_with("i-a", [], |it| {
        hibernates(it);
        it.launched_at = now - jiff::SignedDuration::from_secs(30);
    });
    check(world, "if-possible", "i-a succeeded: hibernated", "i-a stopped m5.large");
}

#[test]
fn one_that_is_pending_is_stopped_when_it_runs() {
    let mut world = World::new().stopped_instance("i-a", []);
    world.cloud().cloud().switch_instance(world.here(), "i-a", true);
    world.run(&StopInstance, json!({}));
    assert_eq!(world.targets(), "i-a succeeded: stopped");
}

#[test]
fn one_that_somebody_starts_again_is_a_failure() {
    let mut world = world();
    let engines = world.begin(&StopInstance, json!({}));
    world.clock().advance(jiff::SignedDuration::from_secs(50));
    world.tick(&engines);
    world.cloud().cloud().switch_instance(world.here(), "i-a", true);
    assert_eq!(world.targets(), "i-a succeeded: stopped", "it was stopped in between");

    let mut world = World::new().instance("i-a", []);
    let engines = world.begin(&StopInstance, json!({}));
    world.cloud().cloud().switch_instance(world.here(), "i-a", true);
    world.clock().advance(jiff::SignedDuration::from_secs(30));
    world.run_to_the_end(&engines);
    assert_eq!(
        world.targets(),
        "i-a failed: ec2.instance.stop on `i-a` in 111122223333/eu-west-1: somebody has started \
         `i-a` while it was to be stopped"
    );
}

#[test]
fn only_known_words_say_how_to_hibernate() {
    let bad = StopInstance.check_params(&json!({ "hibernate": "maybe" })).map_err(|it| it.path);
    assert_eq!(bad, Err("hibernate".to_owned()));
}
