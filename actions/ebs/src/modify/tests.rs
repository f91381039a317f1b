use jiff::SignedDuration;
use lamplighter_core::{AnyAction, Clock, FaultKind};
use lamplighter_testkit::{Mishap, World, conforms};
use serde_json::{Value, json};

use super::*;

/// A `gp2` volume of 8 GiB.
fn world() -> World {
    World::new().volume_with("vol-a", [], |it| {
        it.volume_type = "gp2".to_owned();
        it.iops = Some(100);
        it.throughput = None;
    })
}

fn gp3() -> Value {
    json!({ "type": "gp3" })
}

fn grown(size: u32) -> Value {
    json!({ "size": size })
}

fn ran(mut world: World, params: Value) -> World {
    world.run(&ModifyVolume, params);
    world
}

/// What the volumes are.
fn volumes(world: &World) -> String {
    let all = world.cloud().volumes_in(world.here());
    all.iter().map(|it| in_words(&it.shape())).collect::<Vec<_>>().join(", ")
}

/// How often AWS was asked to change one.
fn changes(world: &World) -> usize {
    world.cloud().calls().iter().filter(|it| it.operation == "ModifyVolume").count()
}

#[track_caller]
fn check_plan(world: &World, params: Value, expected: &str) {
    assert_eq!(world.plan(&ModifyVolume, params), format!("vol-a: {expected}"));
}

#[test]
fn keeps_the_rules_of_an_action() {
    conforms(&ModifyVolume, gp3(), world);
    conforms(&ModifyVolume, json!({ "size": 20, "iops": 5000, "throughput": 500 }), || {
        World::new().volume("vol-a", []).volume("vol-b", [])
    });
}

#[test]
fn parameters_that_no_volume_can_have_are_refused() {
    #[track_caller]
    fn check(params: Value, expected: Result<(), &str>) {
        let found = ModifyVolume.check_params(&params).map_err(|bad| bad.path);
        assert_eq!(found, expected.map_err(str::to_owned), "{params}");
    }
    for fine in [
        gp3(),
        json!({ "size": 65_536 }),
        json!({ "iops": 100 }),
        json!({ "iops": 4000, "throughput": 1000 }),
        json!({ "type": "gp3", "throughput": 2000 }),
        json!({ "type": "io2", "iops": 256_000 }),
    ] {
        check(fine, Ok(()));
    }
    check(json!({}), Err(""));
    check(json!({ "type": "gp4" }), Err("type"));
    check(json!({ "size": 65_537 }), Err("size"));
    check(json!({ "type": "io1", "size": 16_385 }), Err("size"));
    check(json!({ "type": "st1", "size": 124 }), Err("size"));
    check(json!({ "iops": 99 }), Err("iops"));
    check(json!({ "type": "gp3", "iops": 2999 }), Err("iops"));
    check(json!({ "type": "gp3", "iops": 80_001 }), Err("iops"));
    check(json!({ "type": "gp2", "iops": 3000 }), Err("iops"));
    check(json!({ "throughput": 124 }), Err("throughput"));
    check(json!({ "type": "io2", "throughput": 500 }), Err("throughput"));
    check(json!({ "iops": 3999, "throughput": 1000 }), Err("throughput"));
}

#[test]
fn a_plan_says_what_becomes_of_each_and_what_is_so_is_left() {
    let effect = "change gp2 of 8 GiB with 100 IOPS to gp3 of 8 GiB with 3000 IOPS and 125 MiB/s";
    check_plan(&world(), gp3(), effect);
    let for_good = "because it cannot be made smaller again; its file system has to be extended";
    let effect = format!("change gp2 of 8 GiB with 100 IOPS to gp2 of 9 GiB {for_good}");
    check_plan(&world(), grown(9), &effect);
    check_plan(&world(), grown(8), "leave because it is gp2 of 8 GiB already");
    check_plan(&world(), grown(7), "leave because it is gp2 of 8 GiB already");
    let problem = world().plan(&ModifyVolume, json!({ "iops": 4000 }));
    assert_eq!(problem, "problem: vol-a: `iops` cannot be set for gp2 volumes");
}

#[test]
fn a_job_is_done_when_the_volume_is_optimized() {
    let begin = world().clock().now();
    let world = ran(world(), gp3());
    let is = "gp3 of 8 GiB with 3000 IOPS and 125 MiB/s";
    assert_eq!(volumes(&world), is);
    assert_eq!(world.targets(), format!("vol-a succeeded: changed to {is}"));
    let took = world.clock().now().duration_since(begin);
    assert!(took >= SignedDuration::from_hours(1), "{took:?}");
    check_plan(&world, gp3(), &format!("leave because it is {is} already"));
}

#[test]
fn what_is_being_modified_is_left_with_the_reason() {
    let mut world = world();
    world.begin(&ModifyVolume, gp3());
    let is = "since 2026-03-02T02:00:00Z, to gp3 of 8 GiB with 3000 IOPS and 125 MiB/s";
    check_plan(&world, grown(20), &format!("leave because it is `modifying` {is}"));
    world.clock().advance(SignedDuration::from_mins(30));
    check_plan(&world, grown(20), &format!("leave because it is `optimizing` {is}"));
    world.clock().advance(SignedDuration::from_mins(31));
    assert!(world.plan(&ModifyVolume, grown(20)).starts_with("vol-a: change gp3 of 8 GiB"));
}

/// The plan of the one is older than the change of the other.
#[test]
fn a_change_that_others_begin_in_the_meantime_is_waited_for() {
    let mut world = world();
    // The calls before it enter the account twice, list volumes and changes, and look at this one.
    world.faults().at_calls(7..=7, Mishap::Fails(FaultKind::Throttled));
    let engines = world.begin(&ModifyVolume, grown(20));
    world.clock().advance(SignedDuration::from_secs(1));
    world.begin(&ModifyVolume, gp3());
    world.run_to_the_end(&engines);
    assert_eq!(
        world.targets(),
        "vol-a succeeded: changed to gp3 of 20 GiB with 3000 IOPS and 125 MiB/s\n\
         vol-a succeeded: changed to gp3 of 8 GiB with 3000 IOPS and 125 MiB/s"
    );
}

/// EC2 API, `ModifyVolume`: four changes of a volume in 24 hours.
#[test]
fn a_volume_that_was_changed_four_times_waits_until_a_day_has_passed() {
    let mut world = world();
    let begin = world.clock().now();
    for size in [10, 20, 30, 40] {
        world.run(&ModifyVolume, grown(size));
    }
    assert_eq!(changes(&world), 4);
    assert!(world.clock().now() < begin + SignedDuration::from_hours(6));
    world.run(&ModifyVolume, grown(50));
    assert_eq!(volumes(&world), "gp2 of 50 GiB with 150 IOPS");
    let took = world.clock().now().duration_since(begin);
    let day = SignedDuration::from_hours(24);
    assert!(took > day && took < day + SignedDuration::from_hours(2), "{took:?}");
    assert!(changes(&world) < 60, "{} calls", changes(&world));
}

/// EBS User Guide, "Amazon EBS volume types": AWS takes what a plan says of the types' limits.
#[test]
fn what_is_planned_is_accepted() {
    #[track_caller]
    fn check(size: u32, params: Value, expected: &str) {
        let world = World::new().volume_with("vol-a", [], |it| it.size_gib = size);
        assert_eq!(volumes(&ran(world, params)), expected);
    }
    check(1, json!({ "throughput": 750 }), "gp3 of 1 GiB with 3000 IOPS and 750 MiB/s");
    let most = json!({ "size": 160, "iops": 80_000, "throughput": 2000 });
    check(8, most, "gp3 of 160 GiB with 80000 IOPS and 2000 MiB/s");
    check(8, json!({ "size": 65_536 }), "gp3 of 65536 GiB with 3000 IOPS and 125 MiB/s");
    check(4, json!({ "type": "io1", "iops": 200 }), "io1 of 4 GiB with 200 IOPS");
    check(256, json!({ "type": "io2", "iops": 256_000 }), "io2 of 256 GiB with 256000 IOPS");
    check(16_384, json!({ "type": "gp2" }), "gp2 of 16384 GiB with 16000 IOPS");
    check(1024, json!({ "type": "standard" }), "standard of 1024 GiB");
}

#[test]
fn only_what_can_be_changed_is_changed() {
    #[track_caller]
    fn check(change: fn(&mut Volume), expected: &str) {
        let world = World::new().volume_with("vol-a", [], change);
        let plan = world.plan(&ModifyVolume, json!({ "type": "gp2" }));
        assert_eq!(plan, expected);
    }
    check(|it| it.managed_by = Some("ecs".to_owned()), "vol-a: leave because `ecs` manages it");
    check(
        |it| it.state = "creating".to_owned(),
        "vol-a: leave because its state is `creating`, not `available` or `in-use`",
    );
    check(
        |it| it.instances.push("i-2".to_owned()),
        "problem: vol-a: it is attached to 2 instances, and gp2 volumes cannot be",
    );
    check(|it| it.size_gib = 20_000, "problem: vol-a: gp2 volumes have 1 to 16384 GiB, not 20000");
}

/// EBS User Guide, "Modify an Amazon EBS volume using Elastic Volumes operations", requirements.
#[test]
fn a_root_volume_that_aws_does_not_change_fails_with_its_reason() {
    let world = World::new().volume_with("vol-a", [], |it| it.size_gib = 200);
    let world = ran(world, json!({ "type": "st1" }));
    let failed = world.targets();
    assert!(failed.ends_with("a root volume cannot be st1"), "{failed}");
    assert_eq!(changes(&world), 1);
}
