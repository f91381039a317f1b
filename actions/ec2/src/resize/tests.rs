use jiff::SignedDuration;
use lamplighter_core::{AnyAction, Clock};
use lamplighter_testkit::{Mishap, World, cloud::Shortage, conforms, stopped};
use serde_json::{Value, json};

use super::*;

fn world() -> World {
    World::new().instance("i-a", [])
}

fn to(names: &[&str]) -> Value {
    json!({ "types": names })
}

fn steps() -> Value {
    json!({ "steps": {
        "sizes": ["t3.micro", "t3.small", "t3.medium"],
        "up": { "scaling": "up" },
        "down": { "scaling": "down" },
    } })
}

#[track_caller]
fn ran(mut world: World, params: Value) -> World {
    world.run(&ResizeInstance, params);
    world
}

#[track_caller]
fn check(world: World, params: Value, targets: &str, instances: &str) {
    let world = ran(world, params);
    assert_eq!((world.targets().as_str(), world.instances().as_str()), (targets, instances));
}

#[test]
fn keeps_the_rules_of_an_action() {
    conforms(&ResizeInstance, to(&["t3.small"]), || {
        world().encrypted_instance("i-a").instance_with(
            "i-b",
            [(ORIGINAL_TYPE_TAG, "m5.large")],
            stopped,
        )
    });
}

#[test]
fn keeps_the_rules_where_there_is_no_capacity() {
    let mut params = steps();
    params["wait-for-checks"] = json!(true);
    conforms(&ResizeInstance, params, || {
        World::new()
            .instance("i-a", [("scaling", "up")])
            .encrypted_instance("i-a")
            .short_of("t3.small")
    });
}

#[track_caller]
fn check_params(params: Value, expected: Result<(), (&str, &str)>) {
    let found = ResizeInstance.check_params(&params);
    let found = found.map_err(|bad| (bad.path, bad.message));
    let expected = expected.map_err(|(path, message)| (path.to_owned(), message.to_owned()));
    assert_eq!(found, expected, "{params}");
}

#[test]
fn parameters_say_one_way_to_choose() {
    check_params(to(&["t3.small"]), Ok(()));
    check_params(steps(), Ok(()));
    let message = "`types` or `steps` must say what to change to";
    check_params(json!({}), Err(("", message)));
    check_params(
        to(&["small"]),
        Err(("types[0]", "`small` is not an instance type, such as `m5.large`")),
    );
    let mut both = steps();
    both["types"] = json!(["t3.small"]);
    check_params(both, Err(("steps", "`types` and `steps` exclude each other")));
    let changed = |key: &str, value: Value| {
        let mut params = steps();
        params["steps"][key] = value;
        params
    };
    check_params(
        changed("sizes", json!(["t3.micro"])),
        Err(("steps.sizes", "a step needs two types, one smaller than the other")),
    );
    check_params(
        changed("sizes", json!(["t3.micro", "t3.micro"])),
        Err(("steps.sizes[1]", "`t3.micro` is here twice")),
    );
    check_params(changed("assume", json!("t3.small")), Ok(()));
    check_params(
        changed("assume", json!("t3.large")),
        Err(("steps.assume", "`assume` is one of `sizes`")),
    );
    check_params(
        json!({ "steps": { "sizes": ["t3.micro", "t3.small"] } }),
        Err(("steps", "`up` or `down` must say which instances take a step")),
    );
}

#[track_caller]
fn check_plan(change: impl Fn(&mut Instance), params: Value, expected: &str) {
    let world = World::new().instance_with("i-a", [], change);
    assert_eq!(world.plan(&ResizeInstance, params), format!("i-a: {expected}"));
}

#[test]
fn a_plan_says_to_which_type_and_why_not() {
    check_plan(
        |_| {},
        to(&["t3.small"]),
        "resize from `t3.micro` to `t3.small`, and stop it meanwhile",
    );
    check_plan(stopped, to(&["t3.small"]), "resize from `t3.micro` to `t3.small`");
    check_plan(
        |_| {},
        to(&["t4g.small", "t3.small", "t3.medium"]),
        "resize from `t3.micro` to `t3.small`, and stop it meanwhile because without capacity to \
         `t3.medium`",
    );
    check_plan(|_| {}, to(&["t3.micro", "t3.small"]), "leave because it is a `t3.micro`");
    check_plan(
        |_| {},
        to(&["t3.small", "t3.micro", "t3.large"]),
        "resize from `t3.micro` to `t3.small`, and stop it meanwhile",
    );
    check_plan(
        |_| {},
        to(&["t4g.small", "x9.huge"]),
        "leave because not `t4g.small`: it is made for `x86_64`, and not for arm64; not `x9.huge`: \
         there is no such type in the region",
    );
    let old = |it: &mut Instance| it.instance_type = "i3.large".to_owned();
    check_plan(
        old,
        to(&["m5.large"]),
        "resize from `i3.large` to `m5.large`, and stop it meanwhile because what is on its \
         instance store is lost; its operating system needs a driver for NVMe volumes",
    );
}

#[test]
fn what_cannot_be_resized_is_left_with_the_reason() {
    let small = || to(&["t3.small"]);
    for state in ["pending", "stopping", "shutting-down", "terminated"] {
        let expected = format!("leave because it is `{state}`");
        check_plan(|it| it.state = state.to_owned(), small(), &expected);
    }
    let hibernated = |it: &mut Instance| {
        stopped(it);
        it.state_reason = Some("Client.UserInitiatedHibernate".to_owned());
    };
    check_plan(hibernated, small(), "leave because it is hibernated, and keeps its type");
    let managed = |it: &mut Instance| it.managed_by = Some("eks.amazonaws.com".to_owned());
    check_plan(managed, small(), "leave because `eks.amazonaws.com` manages it");
    let spot = |it: &mut Instance| it.lifecycle = "spot".to_owned();
    check_plan(spot, small(), "leave because AWS does not change the type of a Spot Instance");
    let store = |it: &mut Instance| it.root_device_type = "instance-store".to_owned();
    check_plan(
        store,
        small(),
        "leave because its root device is an instance store, so it cannot be stopped",
    );
}

#[test]
fn a_step_goes_to_the_next_size_that_its_tags_ask_for() {
    #[track_caller]
    fn check(scaling: &str, instance_type: &str, change: impl Fn(&mut Value), expected: &str) {
        let mut params = steps();
        change(&mut params["steps"]);
        let is = |it: &mut Instance| {
            it.tags.insert("scaling".to_owned(), scaling.to_owned());
            it.instance_type = instance_type.to_owned();
        };
        check_plan(is, params, expected);
    }
    let same = |_: &mut Value| {};
    let meanwhile = ", and stop it meanwhile";
    let strict = |it: &mut Value| it["pass-over"] = json!(false);
    let up = format!("resize from `t3.micro` to `t3.small`{meanwhile}");
    check("up", "t3.micro", same, &format!("{up} because without capacity to `t3.medium`"));
    check("up", "t3.micro", strict, &up);
    let down = format!("resize from `t3.small` to `t3.micro`{meanwhile}");
    check("down", "t3.small", same, &down);
    check("up", "t3.medium", same, "leave because `t3.medium` is the largest size");
    check("down", "t3.micro", same, "leave because `t3.micro` is the smallest size");
    check("sideways", "t3.micro", same, "leave because its tags ask for no step");
    let both = |it: &mut Value| it["down"] = json!({ "scaling": "*" });
    let expected = "leave because its tags ask for a step up and for one down";
    check("up", "t3.micro", both, expected);
    check("up", "m5.large", same, "leave because `m5.large` is not among the sizes");
    let assume = |it: &mut Value| it["assume"] = json!("t3.small");
    let assumed = format!("resize from `m5.large` to `t3.medium`{meanwhile}");
    check("up", "m5.large", assume, &assumed);
    check("up", "t3.micro", assume, &format!("{up} because without capacity to `t3.medium`"));
}

#[test]
fn one_that_runs_is_stopped_changed_and_runs_again() {
    let done = "i-a succeeded: resized from `t3.micro` to `t3.small`";
    check(world(), to(&["t3.small"]), done, "i-a running t3.small");
}

#[test]
fn one_that_is_stopped_stays_so() {
    let mut world = World::new().stopped_instance("i-a", []);
    world.run(&ResizeInstance, to(&["t3.small"]));
    assert_eq!(world.targets(), "i-a succeeded: resized from `t3.micro` to `t3.small`");
    assert_eq!(world.instances(), "i-a stopped t3.small");
    let calls = world.cloud().calls();
    assert!(calls.iter().all(|it| !it.actions.contains(&"ec2:StartInstances")));
}

#[test]
fn tags_that_asked_for_a_step_are_taken_off() {
    let world = World::new()
        .instance("i-a", [("scaling", "up"), ("team", "red"), (ORIGINAL_TYPE_TAG, "t3.large")]);
    let done = "i-a succeeded: resized from `t3.micro` to `t3.small`";
    check(world, steps(), done, "i-a running t3.small team=red");
}

#[test]
fn without_capacity_the_next_type_is_tried_and_in_the_end_the_old_one() {
    let done = "i-a succeeded: resized from `t3.micro` to `t3.medium`";
    let world = || self::world().short_of("t3.small");
    check(world(), to(&["t3.small", "t3.medium"]), done, "i-a running t3.medium");
    let short = "We currently do not have sufficient t3.small capacity in the Availability Zone you \
                 requested (eu-west-1a).";
    check(
        world(),
        to(&["t3.small"]),
        &format!(
            "i-a failed: ec2.instance.resize on `i-a` in 111122223333/eu-west-1: `t3.small`: \
             starting `i-a`: {short}; it runs as `t3.micro` again"
        ),
        "i-a running t3.micro",
    );
}

#[test]
fn one_whose_old_type_has_no_capacity_either_gets_what_there_is_first() {
    for comes_back in ["t3.micro", "t3.small"] {
        let mut world = world();
        let (cloud, here) = (world.cloud().cloud().clone(), world.here().clone());
        for name in ["t3.micro", "t3.small"] {
            cloud.run_short(&here, name, "eu-west-1a", Shortage::FailsLater);
        }
        let engines = world.begin(&ResizeInstance, to(&["t3.small"]));
        let later = world.clock().now() + SignedDuration::from_mins(30);
        world.run_until(&engines, later);
        assert_eq!(world.targets(), "i-a open: ");
        cloud.end_shortage(&here, comes_back, "eu-west-1a");
        world.run_to_the_end(&engines);
        assert_eq!(world.instances(), format!("i-a running {comes_back}"));
    }
}

#[test]
fn one_that_does_not_start_as_the_new_type_gets_its_old_one_back() {
    let no_ena = |it: &mut Instance| {
        it.ena = false;
        it.instance_type = "t2.micro".to_owned();
    };
    // AWS knows when it starts; the plan would have left it alone.
    let world = World::new().instance_with("i-a", [], no_ena);
    assert_eq!(
        world.plan(&ResizeInstance, to(&["t3.small"])),
        "i-a: leave because not `t3.small`: it has no driver for Elastic Network Adapters (ENA)"
    );
}

#[test]
fn a_role_that_may_not_change_types_leaves_it_running_as_it_was() {
    let world = world();
    world.cloud().allow_only(&[
        "ec2:DescribeInstances",
        "ec2:DescribeInstanceTypes",
        "ec2:StopInstances",
        "ec2:StartInstances",
    ]);
    let world = ran(world, to(&["t3.small"]));
    assert_eq!(world.instances(), "i-a running t3.micro");
    let targets = world.targets();
    assert!(targets.contains("is not authorized to perform: ec2:ModifyInstanceAttribute"));
    assert!(targets.ends_with("; it runs as `t3.micro` again"), "{targets}");
}

#[test]
fn calls_that_fail_for_minutes_do_not_leave_it_stopped() {
    // Until it is asked to stop there are eight calls. Then each step enters the account and looks:
    // nobody can get in, or only looking fails.
    for step in [1, 2] {
        let mut world = world();
        for call in (12..=60).step_by(step) {
            world.faults().at_calls(call..=call, Mishap::Fails(FaultKind::Transient));
        }
        world.run(&ResizeInstance, to(&["t3.small"]));
        assert_eq!(world.targets(), "i-a succeeded: resized from `t3.micro` to `t3.small`");
        assert_eq!(world.instances(), "i-a running t3.small");
        assert!(world.faults().calls() > 60, "it has been through all of them");
    }
}

#[test]
fn one_that_aws_does_not_stop_is_left() {
    let world = world().protected("i-a", lamplighter_testkit::cloud::Protection::Stop);
    check(
        world,
        to(&["t3.small"]),
        "i-a skipped: AWS does not let it be stopped: The instance 'i-a' may not be stopped. Modify \
         its 'disableApiStop' instance attribute and try again.",
        "i-a running t3.micro",
    );
}
