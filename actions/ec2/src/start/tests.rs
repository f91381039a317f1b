use lamplighter_core::{AnyAction, Clock};
use lamplighter_testkit::{World, cloud::Shortage, conforms, stopped};
use serde_json::{Value, json};

use super::*;

fn world() -> World {
    World::new().stopped_instance("i-a", [])
}

fn others(names: &[&str]) -> Value {
    json!({ "alternative-types": names })
}

#[track_caller]
fn ran(mut world: World, params: Value) -> World {
    world.run(&StartInstance, params);
    world
}

#[track_caller]
fn check(world: World, params: Value, targets: &str, instances: &str) {
    let world = ran(world, params);
    assert_eq!((world.targets().as_str(), world.instances().as_str()), (targets, instances));
}

#[test]
fn keeps_the_rules_of_an_action() {
    conforms(&StartInstance, json!({}), || {
        world().encrypted_instance("i-a").stopped_instance("i-b", []).instance("i-c", [])
    });
}

#[test]
fn keeps_the_rules_where_there_is_no_capacity() {
    let params = json!({ "alternative-types": ["t3.small"], "wait-for-checks": true });
    conforms(&StartInstance, params, || {
        let original = |it: &mut Instance| {
            stopped(it);
            it.instance_type = "t3.large".to_owned();
        };
        world().encrypted_instance("i-a").short_of("t3.micro").instance_with(
            "i-b",
            [(ORIGINAL_TYPE_TAG, "m5.large")],
            original,
        )
    });
}

#[track_caller]
fn check_params(params: Value, expected: Result<(), (&str, &str)>) {
    let found = StartInstance.check_params(&params);
    let found = found.map_err(|bad| (bad.path, bad.message));
    assert_eq!(found, expected.map_err(|(path, message)| (path.to_owned(), message.to_owned())));
}

#[test]
fn alternatives_are_types_each_once() {
    check_params(others(&["m5.large", "u-6tb1.metal", "m7i-flex.large"]), Ok(()));
    let message = "`large` is not an instance type, such as `m5.large`";
    check_params(others(&["large"]), Err(("alternative-types[0]", message)));
    let message = "`m5.large` is here twice";
    check_params(others(&["m5.large", "m5.large"]), Err(("alternative-types[1]", message)));
}

#[track_caller]
fn check_plan(change: impl Fn(&mut Instance), params: Value, expected: &str) {
    let world = World::new().instance_with("i-a", [], |it| {
        stopped(it);
        change(it);
    });
    assert_eq!(world.plan(&StartInstance, params), format!("i-a: {expected}"));
}

#[test]
fn what_is_stopped_is_started_unless_somebody_else_decides() {
    check_plan(|_| {}, json!({}), "start as `t3.micro`");
    let stopping = |it: &mut Instance| it.state = "stopping".to_owned();
    check_plan(stopping, json!({}), "start as `t3.micro` when it has stopped");
    check_plan(|it| it.state = "running".to_owned(), json!({}), "leave because it runs");
    for state in ["pending", "shutting-down", "terminated"] {
        let expected = format!("leave because it is `{state}`");
        check_plan(|it| it.state = state.to_owned(), json!({}), &expected);
    }
    let managed = |it: &mut Instance| it.managed_by = Some("eks.amazonaws.com".to_owned());
    check_plan(managed, json!({}), "leave because `eks.amazonaws.com` manages it");
    let member = |it: &mut Instance| {
        it.tags.insert("aws:autoscaling:groupName".to_owned(), "web".to_owned());
    };
    check_plan(member, json!({}), "leave because the Auto Scaling group `web` decides over it");
}

#[test]
fn a_plan_names_the_alternatives_and_what_does_not_fit() {
    check_plan(
        |_| {},
        others(&["t3.small", "t4g.micro", "x9.huge", "m5.large"]),
        "start as `t3.micro` because without capacity as `t3.small`, `m5.large`; not as \
         `t4g.micro`: it is made for `x86_64`, and not for arm64; not as `x9.huge`: there is no \
         such type in the region",
    );
    let was = |it: &mut Instance| {
        it.tags.insert(ORIGINAL_TYPE_TAG.to_owned(), "m5.large".to_owned());
    };
    check_plan(
        was,
        others(&["t3.small"]),
        "start as `m5.large` because without capacity as `t3.small`; not as `t3.micro`: there is \
         no such type in the region",
    );
    check_plan(was, json!({}), "start as `t3.micro`");
}

#[test]
fn it_is_done_when_the_instance_runs() {
    check(world(), json!({}), "i-a succeeded: started as `t3.micro`", "i-a running t3.micro");
}

#[test]
fn without_capacity_it_becomes_the_first_alternative_that_there_is_and_remembers_its_type() {
    check(
        world().short_of("t3.micro").short_of("t3.small"),
        others(&["t3.small", "t4g.micro", "t3.medium"]),
        "i-a succeeded: started as `t3.medium`: `t3.micro`: starting `i-a`: We currently do not \
         have sufficient t3.micro capacity in the Availability Zone you requested (eu-west-1a).; \
         `t3.small`: starting `i-a`: We currently do not have sufficient t3.small capacity in the \
         Availability Zone you requested (eu-west-1a).; `t4g.micro`: making `i-a` a `t4g.micro`: \
         The architecture 'arm64' of the specified instance type does not match the architecture \
         'x86_64' of the specified AMI.",
        "i-a running t3.medium lamplighter:original-type=t3.micro",
    );
}

#[test]
fn the_next_start_returns_to_the_type_that_it_had() {
    let world = World::new().instance_with("i-a", [(ORIGINAL_TYPE_TAG, "m5.large")], stopped);
    let done = "i-a succeeded: started as `m5.large`";
    check(world, others(&["t3.small"]), done, "i-a running m5.large");
}

#[test]
fn a_start_that_comes_to_nothing_later_is_noticed() {
    let short = || {
        let world = world();
        let (cloud, here) = (world.cloud().cloud(), world.here());
        cloud.run_short(here, "t3.micro", "eu-west-1a", Shortage::FailsLater);
        world
    };
    check(
        short(),
        others(&["t3.small"]),
        "i-a succeeded: started as `t3.small`: `t3.micro`: it stopped again: \
         `Server.InsufficientInstanceCapacity`",
        "i-a running t3.small lamplighter:original-type=t3.micro",
    );
    let broken = world();
    broken.cloud().cloud().fail_starts_of(broken.here(), "i-a", Some("Client.InternalError"));
    check(
        broken,
        json!({}),
        "i-a failed: ec2.instance.start on `i-a` in 111122223333/eu-west-1: `t3.micro`: it stopped \
         again: `Client.InternalError`",
        "i-a stopped t3.micro",
    );
}

#[test]
fn capacity_is_waited_for_half_an_hour_and_then_nothing_is_left_changed() {
    let mut world = world().short_of("t3.micro").short_of("t3.small");
    let begun = world.clock().now();
    world.run(&StartInstance, others(&["t3.small"]));
    assert_eq!(world.instances(), "i-a stopped t3.micro");
    assert!(world.targets().starts_with("i-a failed: "), "{}", world.targets());
    let took = world.clock().now().duration_since(begun);
    assert_eq!(took.as_mins(), 25);

    let mut world = self::world().short_of("t3.micro").short_of("t3.small");
    let engines = world.begin(&StartInstance, others(&["t3.small"]));
    world.run_until(&engines, begun + SignedDuration::from_mins(12));
    world.cloud().cloud().end_shortage(world.here(), "t3.micro", "eu-west-1a");
    world.run_to_the_end(&engines);
    assert_eq!(world.targets(), "i-a succeeded: started as `t3.micro`");
    assert_eq!(world.instances(), "i-a running t3.micro", "and no tag is left");
}

#[test]
fn status_checks_are_waited_for_on_request() {
    let begun = |world: &World| world.clock().now();
    let mut world = world();
    let at = begun(&world);
    world.run(&StartInstance, json!({ "wait-for-checks": true }));
    assert_eq!(world.targets(), "i-a succeeded: started as `t3.micro`");
    assert!(begun(&world).duration_since(at) >= SignedDuration::from_mins(3));
}

#[test]
fn one_that_is_stopping_is_started_when_it_has_stopped() {
    let mut world = World::new().instance("i-a", []);
    world.cloud().cloud().switch_instance(world.here(), "i-a", false);
    world.run(&StartInstance, json!({}));
    assert_eq!(world.targets(), "i-a succeeded: started as `t3.micro`");
}
