use lamplighter_core::{
    AnyAction, Clock,
    action::{SOURCE_TAG, TAKEN_AT_TAG},
};
use lamplighter_testkit::{Mishap, World, conforms};
use serde_json::{Value, json};

use super::*;

const OURS: [(&str, &str); 2] = [(TASK_TAG, "nightly"), (SOURCE_TAG, "i-1")];

/// Three images of one instance, a day apart, each with a snapshot of its own.
fn world() -> World {
    [("a", 3), ("b", 2), ("c", 1)].into_iter().fold(World::new(), |world, (name, days)| {
        let (image, snapshot) = (format!("ami-{name}"), format!("snap-{name}"));
        world.snapshot(&snapshot, "vol-1", days, OURS).image(&image, days, OURS, [&snapshot])
    })
}

fn last(count: u32) -> Value {
    json!({ "keep": { "last": count } })
}

fn ran(mut world: World, params: Value) -> World {
    world.run(&DeleteImage, params);
    world
}

fn left(world: &World) -> String {
    let images = world.cloud().images_in(world.here()).into_iter();
    let images = images.filter(|it| it.state != "deregistered").map(|it| it.id);
    let snapshots = world.cloud().snapshots_in(world.here()).into_iter().map(|it| it.id);
    images.chain(snapshots).collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn check(world: World, params: Value, expected: &[&str]) {
    assert_eq!(world.plan(&DeleteImage, params), expected.join("\n"));
}

#[test]
fn keeps_the_rules_of_an_action() {
    conforms(&DeleteImage, last(1), world);
}

#[test]
fn a_policy_without_rules_or_floor_is_refused() {
    let check = |params: Value| DeleteImage.check_params(&params).map_err(|bad| bad.path);
    assert_eq!(check(last(1)), Ok(()));
    assert_eq!(check(json!({ "keep": {} })), Err("keep".to_owned()));
    assert_eq!(check(json!({ "keep": { "last": 1 }, "floor": 0 })), Err("floor".to_owned()));
}

const A: &str = "ami-a: deregister, and delete 1 snapshot (of `i-1`, taken at \
                 2026-02-27T02:00:00Z) because no rule keeps it";
const B: &str = "ami-b: deregister, and delete 1 snapshot (of `i-1`, taken at \
                 2026-02-28T02:00:00Z) because no rule keeps it";

#[test]
fn retention_decides_and_says_why() {
    check(world(), last(1), &[A, B, "ami-c: leave because last 1 of 1"]);
    let left = ["ami-b: leave because last 2 of 2", "ami-c: leave because last 1 of 2"];
    check(world(), last(2), &[A, left[0], left[1]]);
}

#[test]
fn the_snapshots_go_with_their_image() {
    let world = ran(world(), last(1));
    assert_eq!(left(&world), "ami-c snap-c");
    assert_eq!(
        world.targets(),
        "ami-a succeeded: deregistered; its snapshots are deleted\n\
         ami-b succeeded: deregistered; its snapshots are deleted\n\
         ami-c skipped: last 1 of 1"
    );
}

#[test]
fn what_instances_were_launched_from_is_left() {
    let world = world().instance_with("i-9", [], |it| it.image_id = "ami-a".to_owned());
    let kept = "ami-a: leave because no rule keeps it; `i-9` was launched of it";
    check(world, last(1), &[kept, B, "ami-c: leave because last 1 of 1"]);
    let gone = self::world().instance_with("i-9", [], |it| {
        it.image_id = "ami-a".to_owned();
        it.state = "terminated".to_owned();
    });
    check(gone, last(1), &[A, B, "ami-c: leave because last 1 of 1"]);
}

#[test]
fn what_aws_backup_has_made_is_left_to_it() {
    let tags = [(TASK_TAG, "x"), (SOURCE_TAG, "i-1"), ("aws:backup:source-resource", "i-1")];
    let world = world().image("ami-z", 9, tags, []);
    let plan = world.plan(&DeleteImage, last(1));
    assert!(plan.ends_with("ami-z: leave because AWS Backup manages it"), "{plan}");
}

#[test]
fn a_snapshot_that_another_image_needs_or_no_task_made_stays() {
    let world = World::new()
        .snapshot("snap-s", "vol-1", 9, OURS)
        .snapshot("snap-x", "vol-1", 9, [])
        .snapshot("snap-n", "vol-1", 1, OURS)
        .image("ami-a", 9, OURS, ["snap-s", "snap-x"])
        .image("ami-b", 1, OURS, ["snap-n", "snap-s"]);
    let world = ran(world, last(1));
    assert_eq!(left(&world), "ami-b snap-n snap-s snap-x");
    assert_eq!(
        world.targets(),
        "ami-a succeeded: deregistered; `snap-s` stays: AWS does not let it go: The snapshot \
         snap-s is currently in use by ami-b; `snap-x` stays: no task has made it\n\
         ami-b skipped: last 1 of 1"
    );
}

#[test]
fn what_no_task_made_and_nobody_adopted_is_never_seen() {
    let world = || World::new().image("ami-a", 9, [], []).image("ami-b", 1, [], []);
    assert_eq!(world().plan(&DeleteImage, last(1)), "");
    let adopting = world().task(|task| task.order.adopt = Some(Default::default()));
    let plan = adopting.plan(&DeleteImage, last(1));
    assert_eq!(
        plan,
        "ami-a: leave because nobody knows of which instance it is\n\
         ami-b: leave because nobody knows of which instance it is"
    );
}

#[test]
fn a_copy_is_as_old_as_what_it_was_copied_from() {
    let copy = [(TASK_TAG, "copy"), (SOURCE_TAG, "i-1"), (TAKEN_AT_TAG, "2026-01-01T00:00:00Z")];
    let world = world().image("ami-z", 0, copy, []);
    let plan = world.plan(&DeleteImage, last(1));
    assert!(plan.contains("ami-c: leave because last 1 of 1"), "{plan}");
    assert!(plan.contains("ami-z: deregister, and delete 0 snapshots"), "{plan}");
}

/// Who is gone has no tags, and a role that may deregister only what carries them is refused.
#[test]
fn a_repeated_call_that_is_denied_looks_whether_the_image_is_gone() {
    let two = || {
        World::new()
            .snapshot("snap-a", "vol-1", 2, OURS)
            .snapshot("snap-b", "vol-1", 1, OURS)
            .image("ami-a", 2, OURS, ["snap-a"])
            .image("ami-b", 1, OURS, ["snap-b"])
    };
    let calm = ran(two(), last(1));
    let calls = calm.cloud().calls();
    let at = calls.iter().position(|it| it.operation == "DeregisterImage").unwrap() + 1;
    let mut world = two();
    world.faults().at_calls(at..=at, Mishap::AnswerLost);
    let engines = world.begin(&DeleteImage, last(1));
    let rest = ["ec2:DeleteSnapshot", "ec2:DescribeImages", "ec2:DescribeSnapshots"];
    world.cloud().allow_only(&rest);
    world.run_to_the_end(&engines);
    assert_eq!(left(&world), "ami-b snap-b", "{}", world.targets());
}

/// EC2 Developer Guide, "Eventual consistency": a snapshot may be in use for a while by an image
/// that is gone.
#[test]
fn a_snapshot_that_still_names_its_image_is_looked_at_again() {
    let mut world = world().used_by_image("snap-a", "ami-a (which is gone)");
    let begin = world.clock().now();
    world.run(&DeleteImage, last(1));
    let targets = world.targets();
    assert!(targets.contains("ami-a succeeded: deregistered; `snap-a` stays: AWS"), "{targets}");
    let waited = world.clock().now().duration_since(begin);
    assert!(waited >= lamplighter_core::action::LONGEST_LAG, "{waited:?}");
}

#[test]
fn what_is_on_the_way_to_another_copy_is_no_backup_until_its_job_has_left_it_behind() {
    let hop = |days| {
        let tags = [OURS[0], OURS[1], (HOP_TAG, "ami-x")];
        world().snapshot("snap-h", "vol-1", days, tags).image("ami-d", days, tags, ["snap-h"])
    };
    let young = "ami-d: leave because it is on the way to another copy, and its job deletes it";
    check(hop(6), last(1), &[A, B, "ami-c: leave because last 1 of 1", young]);
    let old = "ami-d: deregister, and delete 1 snapshot because a job has left it behind on the \
               way to another copy";
    check(hop(8), last(1), &[A, B, "ami-c: leave because last 1 of 1", old]);
    assert_eq!(left(&ran(hop(8), last(1))), "ami-c snap-c");
}
