//! What the engine makes of worlds in which one thing is wrong for good.

use std::sync::Arc;

use jiff::SignedDuration;
use lamplighter_core::{Clock, FaultKind, engine::Planner, task::Mode};
use lamplighter_testkit::{Mishap, World, catalog, cloud::Bucket, finish};
use serde_json::json;

mod support;

use support::{NONE, Snap};

fn ran(world: World) -> World {
    let mut world = world;
    world.run(&Snap::<NONE>, json!({}));
    world
}

fn world() -> World {
    World::new().volume("vol-a", [])
}

#[track_caller]
fn check(world: World, expected: &[&str]) {
    assert_eq!(ran(world).records(), expected.join("\n"));
}

#[test]
fn every_place_has_a_record_and_one_that_cannot_be_entered_holds_up_nobody() {
    let world = world().at("222233334444", "eu-central-1");
    world.cloud().close(&world.here().account);
    check(
        world,
        &[
            "111122223333/eu-west-1 succeeded: 1 volumes: 1 to act on, 0 left",
            "222233334444/eu-central-1 failed: the role in account `222233334444` cannot be assumed",
            "run succeeded: 2 places",
            "vol-a succeeded: created snap-1",
        ],
    );
}

#[test]
fn an_account_that_cannot_be_entered_is_one_failure_however_many_regions_it_has() {
    let closed = |world: World| {
        let world = world
            .at("222233334444", "eu-central-1")
            .at("222233334444", "eu-north-1")
            .at("222233334444", "us-east-1")
            .at("111122223333", "eu-west-1");
        world.cloud().close(&"222233334444".parse().unwrap());
        world
    };
    check(
        closed(world()),
        &[
            "111122223333/eu-west-1 succeeded: 1 volumes: 1 to act on, 0 left",
            "222233334444 failed: the role in account `222233334444` cannot be assumed",
            "run succeeded: 1 places, and 1 accounts to enter first",
            "vol-a succeeded: created snap-1",
        ],
    );
    let world = closed(world());
    let task = world.task_of(&Snap::<NONE>, json!({}));
    let planner = Planner::new(catalog(&[&Snap::<NONE>]), Arc::new(world.cloud().clone()));
    let places = finish(planner.places(&task, world.clock().now())).unwrap();
    let closed = places.iter().filter(|it| it.is_err()).count();
    assert_eq!((places.len(), closed), (2, 1), "a plan says it once, too");
}

#[test]
fn a_step_that_kills_every_worker_ends_at_its_deadline() {
    let world = world();
    world.faults().at_calls(4..=100_000, Mishap::CrashAfter);
    let world = ran(world);
    assert_eq!(
        world.targets(),
        "vol-a failed: not done before its deadline 2026-03-03T02:00:00Z: the worker died in the \
         middle of a step"
    );
    assert_eq!(world.cloud().made(), 1);
}

#[test]
fn a_call_that_always_fails_is_tried_five_times() {
    let world = world();
    world.faults().at_calls(4..=100_000, Mishap::Fails(FaultKind::Transient));
    let before = world.clock().now().as_second();
    let world = ran(world);
    assert_eq!(
        world.targets(),
        "vol-a failed: test.snap on `vol-a` in 111122223333/eu-west-1: injected: the call failed"
    );
    assert!(world.clock().now().as_second() - before < 600);
}

#[test]
fn throttling_is_waited_out_until_the_deadline() {
    let world = world();
    let hours = SignedDuration::from_hours(24);
    world.faults().at_calls(4..=100_000, Mishap::Fails(FaultKind::Throttled));
    let before = world.clock().now().as_second();
    let world = ran(world);
    assert_eq!(
        world.targets(),
        "vol-a failed: not done before its deadline 2026-03-03T02:00:00Z: test.snap on `vol-a` \
         in 111122223333/eu-west-1: injected: too many requests"
    );
    assert!(world.clock().now().as_second() - before >= hours.as_secs());
}

#[test]
fn a_listing_that_is_throttled_goes_on_where_it_was() {
    // Ten pages, and four at a time can be had. From the beginning there would be no end.
    let mut world = World::new().task(|it| it.order.mode = Mode::Observe).dial(|it| {
        it.page_size = 1;
        it.bucket = Some(Bucket { capacity: 4.0, per_second: 0.1 });
    });
    for volume in 0..10 {
        world = world.volume(&format!("vol-{volume}"), []);
    }
    let world = ran(world);
    assert_eq!(world.targets().lines().count(), 10, "{}", world.records());
    let calls = world.cloud().calls();
    let pages = calls.iter().filter(|it| it.operation == "DescribeVolumes");
    assert!(pages.count() < 10 + 10, "{calls:#?}");
}
