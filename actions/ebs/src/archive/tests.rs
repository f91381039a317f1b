use jiff::SignedDuration;
use lamplighter_core::action::{COPIED_FROM_TAG, HOP_TAG, SOURCE_TAG, TASK_TAG};
use lamplighter_testkit::{World, conforms, place};
use serde_json::json;

use super::*;
use crate::lineage::NO_VOLUME;

/// Two snapshots of one volume: the newer one stays at hand.
fn world() -> World {
    World::new().snapshot("snap-a", "vol-a", 40, []).snapshot("snap-b", "vol-a", 1, [])
}

fn ran(mut world: World) -> World {
    world.run(&ArchiveSnapshot, json!({}));
    world
}

#[test]
fn keeps_the_rules_of_an_action() {
    conforms(&ArchiveSnapshot, json!({}), world);
}

#[track_caller]
fn check(world: World, expected: &[&str]) {
    assert_eq!(world.plan(&ArchiveSnapshot, json!({})), expected.join("\n"));
}

const ACT: &str = "archive (8 GiB) because in the archive it is stored whole, billed for 90 days \
                   at least, and restored within 72 hours";
const NEWEST: &str = "leave because it is the newest of its volume here, which stays at hand";

#[test]
fn all_but_the_newest_of_a_volume_are_archived() {
    check(world(), &[&format!("snap-a: {ACT}"), &format!("snap-b: {NEWEST}")]);
    let world = ran(world());
    assert_eq!(
        world.targets(),
        "snap-a succeeded: archived `snap-a`\n\
         snap-b skipped: it is the newest of its volume here, which stays at hand"
    );
    let tiers: Vec<String> = world
        .cloud()
        .snapshots_in(&place("111122223333", "eu-west-1"))
        .into_iter()
        .map(|it| it.storage_tier)
        .collect();
    assert_eq!(tiers, ["archive", "standard"]);
}

/// EBS User Guide, "Archive Amazon EBS snapshots", considerations.
#[test]
fn only_what_can_be_archived_is() {
    let left = |change: fn(&mut Snapshot), reason: &str| {
        let world = World::new().snapshot_with("snap-a", "vol-a", 40, [], change).snapshot(
            "snap-b",
            "vol-a",
            1,
            [],
        );
        check(world, &[&format!("snap-a: leave because {reason}"), &format!("snap-b: {NEWEST}")]);
    };
    left(|it| it.state = SnapshotState::Pending, "pending: only completed snapshots are archived");
    left(|it| it.state = SnapshotState::Error, "it failed");
    left(|it| it.storage_tier = "archive".to_owned(), "it is in the archive");
    left(
        |it| _ = it.tags.insert("aws:backup:source-resource".to_owned(), "x".to_owned()),
        "AWS Backup manages it",
    );
    left(
        |it| _ = it.tags.insert("aws:dlm:lifecycle-policy-id".to_owned(), "x".to_owned()),
        "Data Lifecycle Manager manages it",
    );
    left(
        |it| _ = it.tags.insert(HOP_TAG.to_owned(), "snap-x".to_owned()),
        "it is on the way to another copy",
    );
}

/// EBS User Guide, "Copy an Amazon EBS snapshot": a copy after one in the archive is a full one.
#[test]
fn what_the_next_copy_builds_on_stays_at_hand() {
    let copy = |from| [(TASK_TAG, "copy"), (SOURCE_TAG, "vol-a"), (COPIED_FROM_TAG, from)];
    let taken = |at: &'static str| {
        move |it: &mut Snapshot| {
            _ = it.tags.insert("lamplighter:taken-at".to_owned(), at.to_owned());
        }
    };
    let world = World::new()
        .snapshot_with("snap-a", NO_VOLUME, 1, copy("snap-1"), taken("2026-01-01T00:00:00Z"))
        .snapshot_with("snap-b", NO_VOLUME, 2, copy("snap-2"), taken("2026-02-01T00:00:00Z"));
    let base =
        "snap-a: leave because it is the last copy of `vol-a`, and the next one builds on it";
    check(world, &[base, &format!("snap-b: {NEWEST}")]);
}

#[test]
fn what_an_image_uses_is_skipped_with_the_words_of_aws() {
    let world = ran(world().used_by_image("snap-a", "ami-7"));
    assert_eq!(
        world.targets(),
        "snap-a skipped: AWS archives it when its images are disabled: The snapshot snap-a is \
         currently in use by ami-7\n\
         snap-b skipped: it is the newest of its volume here, which stays at hand"
    );
}

#[test]
fn a_long_move_is_waited_for_at_little_cost() {
    let mut world = world();
    let engines = world.begin(&ArchiveSnapshot, json!({}));
    world.clock().advance(SignedDuration::from_mins(30));
    world.run_to_the_end(&engines);
    let calls = world.cloud().calls();
    let looks = calls.iter().filter(|it| it.operation == "DescribeSnapshotTierStatus");
    assert!(looks.count() <= 4, "an hour, and a look each quarter of it");
}
