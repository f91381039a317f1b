use lamplighter_core::{
    AnyAction,
    action::{
        COPIED_FROM_TAG, COPIED_TO_TAG, HOP_TAG, JOB_TAG, SOURCE_TAG, TAKEN_AT_TAG, TASK_TAG,
    },
};
use lamplighter_testkit::{World, conforms};
use serde_json::{Value, json};

use super::*;
use crate::lineage::NO_VOLUME;

const OURS: [(&str, &str); 1] = [(TASK_TAG, "nightly")];

/// Three snapshots of ours, a day apart, and one of somebody else's.
fn world() -> World {
    World::new()
        .snapshot("snap-a", "vol-a", 3, OURS)
        .snapshot("snap-b", "vol-a", 2, OURS)
        .snapshot("snap-c", "vol-a", 1, OURS)
        .snapshot("snap-x", "vol-a", 9, [])
}

fn last(count: u32) -> Value {
    json!({ "keep": { "last": count } })
}

fn adopting(world: World) -> World {
    world.task(|task| task.order.adopt = Some(Default::default()))
}

#[test]
fn keeps_the_rules_of_an_action() {
    conforms(&DeleteSnapshot, last(1), world);
}

#[test]
fn keeps_the_rules_where_an_image_holds_a_snapshot() {
    conforms(&DeleteSnapshot, last(1), || world().used_by_image("snap-a", "ami-7"));
}

#[track_caller]
fn check_params(params: Value, expected: Result<(), &str>) {
    let found = DeleteSnapshot.check_params(&params).map_err(|bad| bad.path);
    assert_eq!(found, expected.map_err(str::to_owned), "{params}");
}

#[test]
fn a_policy_without_rules_or_floor_is_refused() {
    check_params(last(1), Ok(()));
    check_params(
        json!({ "keep": { "daily": 7, "time-zone": "Europe/Madrid" }, "floor": 2 }),
        Ok(()),
    );
    check_params(json!({}), Err(""));
    check_params(json!({ "keep": {} }), Err("keep"));
    check_params(json!({ "keep": { "last": 0 } }), Err("keep.last"));
    check_params(json!({ "keep": { "last": 1 }, "floor": 0 }), Err("floor"));
    check_params(json!({ "keep": { "last": 1 }, "flor": 1 }), Err("flor"));
}

/// Compares the plan for the snapshots of a world, one line each.
#[track_caller]
fn check(world: World, params: Value, expected: &[&str]) {
    assert_eq!(world.plan(&DeleteSnapshot, params), expected.join("\n"));
}

#[test]
fn every_verdict_says_why() {
    check(
        world(),
        last(1),
        &[
            "snap-a: delete (8 GiB of `vol-a`, taken at 2026-02-27T02:00:00Z) because no rule keeps it",
            "snap-b: delete (8 GiB of `vol-a`, taken at 2026-02-28T02:00:00Z) because no rule keeps it",
            "snap-c: leave because last 1 of 1",
        ],
    );
    check(
        world(),
        json!({ "keep": { "last": 1, "within": "1d12h" }, "floor": 3 }),
        &[
            "snap-a: leave because no rule keeps it; floor 3 of 3",
            "snap-b: leave because within 1d12h of the newest",
            "snap-c: leave because last 1 of 1; within 1d12h of the newest",
        ],
    );
}

#[test]
fn each_source_has_its_own_history_and_a_copy_belongs_to_its_source() {
    let copy = |source, days| [(TASK_TAG, "nightly"), (SOURCE_TAG, source), (TAKEN_AT_TAG, days)];
    let world = World::new()
        .snapshot("snap-a", "vol-a", 3, OURS)
        .snapshot("snap-b", "vol-b", 2, OURS)
        .snapshot("snap-c", NO_VOLUME, 1, copy("vol-a", "2026-02-26T02:00:00Z"))
        .snapshot("snap-d", NO_VOLUME, 1, OURS);
    check(
        world,
        last(1),
        &[
            "snap-a: leave because last 1 of 1",
            "snap-b: leave because last 1 of 1",
            "snap-c: delete (8 GiB of `vol-a`, taken at 2026-02-26T02:00:00Z) because no rule keeps it",
            "snap-d: leave because its source is not known: it is a copy without the tag \
         `lamplighter:source`",
        ],
    );
}

#[track_caller]
fn check_taken_at(tag: &str, expected: &str) {
    let tags = [(TASK_TAG, "nightly"), (TAKEN_AT_TAG, tag)];
    let world =
        World::new().snapshot("snap-a", "vol-a", 2, tags).snapshot("snap-b", "vol-a", 1, OURS);
    let expected =
        format!("snap-a: delete (8 GiB of `vol-a`, taken at {expected}) because no rule keeps it");
    check(world, last(1), &[&expected, "snap-b: leave because last 1 of 1"]);
}

#[test]
fn the_tag_says_when_it_was_taken_unless_that_cannot_be() {
    check_taken_at("2026-02-01T00:00:00Z", "2026-02-01T00:00:00Z");
    check_taken_at("2026-02-28T01:00:00+01:00", "2026-02-28T00:00:00Z");
    for tag in ["", "yesterday", "2026-02-28T02:00:01Z", "2099-01-01T00:00:00Z"] {
        check_taken_at(tag, "2026-02-28T02:00:00Z");
    }
}

#[track_caller]
fn check_left(change: impl FnOnce(&mut Snapshot), reason: &str) {
    let world = World::new()
        .snapshot("snap-b", "vol-a", 1, OURS)
        .snapshot_with("snap-a", "vol-a", 2, OURS, change);
    let expected = format!("snap-a: leave because {reason}");
    check(world, last(1), &[&expected, "snap-b: leave because last 1 of 1"]);
}

#[test]
fn what_is_not_ours_to_judge_is_left() {
    let tag =
        |key: &'static str| move |it: &mut Snapshot| drop(it.tags.insert(key.into(), "x".into()));
    check_left(tag("aws:backup:source-resource"), "AWS Backup manages it: delete it there");
    let dlm = "Data Lifecycle Manager manages it: delete it there";
    check_left(tag("aws:dlm:lifecycle-policy-id"), dlm);
    for state in [SnapshotState::Recoverable, SnapshotState::Recovering] {
        check_left(|it| it.state = state, "it is in the recycle bin");
    }
    let pending = "pending: only completed backups are decided on";
    check_left(|it| it.state = SnapshotState::Pending, pending);
}

#[test]
fn failed_ones_go_after_a_day_and_never_stand_in_for_a_backup() {
    let failed = |it: &mut Snapshot| it.state = SnapshotState::Error;
    let world = World::new()
        .snapshot("snap-a", "vol-a", 3, OURS)
        .snapshot_with("snap-b", "vol-a", 1, OURS, failed)
        .snapshot_with("snap-c", "vol-a", 0, OURS, failed);
    check(
        world,
        last(1),
        &[
            "snap-a: leave because last 1 of 1",
            "snap-b: delete (8 GiB of `vol-a`, taken at 2026-03-01T02:00:00Z) because failed, more \
         than 24 hours ago",
            "snap-c: leave because failed, less than 24 hours ago",
        ],
    );
}

#[test]
fn only_what_carries_our_tags_is_deleted() {
    let mut world = world();
    world.run(&DeleteSnapshot, last(1));
    assert_eq!(
        world.targets(),
        "snap-a succeeded: deleted `snap-a`\n\
         snap-b succeeded: deleted `snap-b`\n\
         snap-c skipped: last 1 of 1"
    );
    assert_eq!(world.snapshots(), "snap-c of vol-a completed\nsnap-x of vol-a completed");
}

#[test]
fn what_is_adopted_is_judged_like_our_own() {
    let mut world = adopting(world().may_be_adopted("snap-x"));
    world.run(&DeleteSnapshot, last(2));
    assert_eq!(world.snapshots(), "snap-b of vol-a completed\nsnap-c of vol-a completed");
}

#[test]
fn only_what_the_selection_adopts_is_touched() {
    let adopted = json!({ "tags": { "old-tool": "yes" } });
    let mut world = World::new()
        .snapshot("snap-a", "vol-a", 3, [("old-tool", "yes")])
        .snapshot("snap-b", "vol-a", 2, [("old-tool", "no")])
        .snapshot("snap-c", "vol-a", 1, OURS)
        .may_be_adopted("snap-a")
        .task(move |task| task.order.adopt = serde_json::from_value(adopted.clone()).unwrap());
    world.run(&DeleteSnapshot, last(1));
    assert_eq!(
        world.snapshots(),
        "snap-b of vol-a completed old-tool=no\nsnap-c of vol-a completed"
    );
}

#[test]
fn a_snapshot_that_an_image_needs_is_skipped_with_the_words_of_aws() {
    let mut world = world().used_by_image("snap-a", "ami-7");
    world.run(&DeleteSnapshot, last(1));
    assert_eq!(
        world.targets(),
        "snap-a skipped: AWS does not let it go: The snapshot snap-a is currently in use by ami-7\n\
         snap-b succeeded: deleted `snap-b`\n\
         snap-c skipped: last 1 of 1"
    );
}

#[test]
fn of_equal_instants_one_is_the_newest_and_twins_count_twice_until_they_are_cleaned_up() {
    let twin = [(TASK_TAG, "nightly"), (JOB_TAG, "nightly@2026-03-01T02:00:00Z/x")];
    let world =
        World::new().snapshot("snap-a", "vol-a", 1, twin).snapshot("snap-b", "vol-a", 1, twin);
    check(
        world,
        last(1),
        &[
            "snap-a: delete (8 GiB of `vol-a`, taken at 2026-03-01T02:00:00Z) because no rule keeps it",
            "snap-b: leave because last 1 of 1",
        ],
    );
}

/// EBS User Guide, "Copy an Amazon EBS snapshot": when the last copy is gone, the next is a full
/// one.
#[test]
fn the_last_copy_of_a_source_stays_for_the_next_one_to_build_on() {
    let copy = |from| [(TASK_TAG, "copy"), (SOURCE_TAG, "vol-a"), (COPIED_FROM_TAG, from)];
    let taken = |at: &'static str| {
        move |it: &mut Snapshot| drop(it.tags.insert(TAKEN_AT_TAG.into(), at.into()))
    };
    // The one that was copied last holds the oldest state.
    let world = World::new()
        .snapshot_with("snap-a", NO_VOLUME, 3, copy("snap-1"), taken("2026-02-20T00:00:00Z"))
        .snapshot_with("snap-b", NO_VOLUME, 2, copy("snap-2"), taken("2026-02-22T00:00:00Z"))
        .snapshot_with("snap-c", NO_VOLUME, 1, copy("snap-3"), taken("2026-02-18T00:00:00Z"));
    check(
        world,
        last(1),
        &[
            "snap-a: delete (8 GiB of `vol-a`, taken at 2026-02-20T00:00:00Z) because no rule keeps it",
            "snap-b: leave because last 1 of 1",
            "snap-c: leave because no rule keeps it; it is the last copy of `vol-a`, and the next \
         one builds on it",
        ],
    );
}

#[test]
fn the_newest_that_was_copied_stays_until_a_newer_one_is() {
    let to = |place: &'static str| (format!("{COPIED_TO_TAG}{place}"), "snap-x".to_owned());
    let copied = |places: &'static [&'static str]| {
        move |it: &mut Snapshot| it.tags.extend(places.iter().map(|place| to(place)))
    };
    let (vault, other) = ("999900001111/eu-central-1", "111122223333/us-east-1");
    let world = |first: &'static [&'static str], second: &'static [&'static str]| {
        World::new()
            .snapshot_with("snap-a", "vol-a", 4, OURS, copied(first))
            .snapshot_with("snap-b", "vol-a", 3, OURS, copied(second))
            .snapshot("snap-c", "vol-a", 2, OURS)
            .snapshot("snap-d", "vol-a", 1, OURS)
    };
    let gone = |id: &str, day: &str| {
        format!(
            "{id}: delete (8 GiB of `vol-a`, taken at {day}T02:00:00Z) because no rule keeps it"
        )
    };
    let stays = |id: &str, place: &str| {
        format!(
            "{id}: leave because no rule keeps it; no newer one was copied to {place}, and the \
             next copy builds on that one"
        )
    };
    let (c, d) = (gone("snap-c", "2026-02-28"), "snap-d: leave because last 1 of 1");
    let vault_only: &[&str] = &["999900001111/eu-central-1"];
    let both: &[&str] = &["111122223333/us-east-1", "999900001111/eu-central-1"];
    check(
        world(vault_only, vault_only),
        last(1),
        &[&gone("snap-a", "2026-02-26"), &stays("snap-b", vault), &c, d],
    );
    // Each destination has its own.
    check(
        world(both, vault_only),
        last(1),
        &[&stays("snap-a", other), &stays("snap-b", vault), &c, d],
    );
}

#[test]
fn a_copy_on_the_way_is_no_backup_and_goes_when_its_job_is_long_over() {
    let hop = [(TASK_TAG, "copy"), (SOURCE_TAG, "vol-a"), (HOP_TAG, "snap-a")];
    let world = World::new()
        .snapshot("snap-a", "vol-a", 9, OURS)
        .snapshot("snap-h", NO_VOLUME, 6, hop)
        .snapshot("snap-i", NO_VOLUME, 8, hop);
    check(
        world,
        last(1),
        &[
            "snap-a: leave because last 1 of 1",
            "snap-h: leave because it is on the way to another copy, and its job deletes it",
            "snap-i: delete (8 GiB) because a job has left it behind on the way to another copy",
        ],
    );
}
