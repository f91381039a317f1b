use jiff::SignedDuration;
use lamplighter_core::{AnyAction, action::JOB_TAG, cloud::ec2::SnapshotState};
use lamplighter_testkit::{Mishap, World, cloud::Lag, conforms};
use serde_json::{Value, json};

use super::*;

fn world() -> World {
    World::new().volume("vol-a", [("team", "red")])
}

fn ran(world: World, params: Value) -> World {
    let mut world = world;
    world.run(&CreateSnapshot, params);
    world
}

fn many_tags(count: usize) -> Vec<(String, String)> {
    (0..count).map(|index| (format!("tag-{index:02}"), String::new())).collect()
}

#[test]
fn keeps_the_rules_of_an_action() {
    let params = json!({ "copy-tags": ["team"], "tags": { "from": "{target}" } });
    conforms(&CreateSnapshot, params, || world().volume("vol-b", [("team", "blue")]));
}

#[track_caller]
fn check_params(params: Value, expected: Result<(), (&str, &str)>) {
    let found = CreateSnapshot.check_params(&params);
    let found = found.map_err(|bad| (bad.path, bad.message));
    let expected = expected.map_err(|(path, message)| (path.to_owned(), message.to_owned()));
    assert_eq!(found, expected, "{params}");
}

#[test]
fn parameters_that_aws_would_refuse_are_refused_before() {
    check_params(json!({}), Ok(()));
    check_params(json!({ "tags": { "k": "{task}" }, "copy-tags": ["a*", "b"] }), Ok(()));
    check_params(json!({ "tags": { "é".repeat(128): "" } }), Ok(()));
    let reserved = |name| {
        format!("`{name}` cannot be set: AWS and Lamplighter set tags with this prefix themselves")
    };
    for name in ["aws:x", "AWS:x", "lamplighter:job"] {
        let message = reserved(name);
        check_params(json!({ "tags": { name: "x" } }), Err((&format!("tags.{name}"), &message)));
    }
    let length = |count| format!("a tag's key has 1 to 128 characters, not {count}");
    check_params(json!({ "tags": { "": "x" } }), Err(("tags.", &length(0))));
    let long = "k".repeat(129);
    let path = format!("tags.{long}");
    check_params(json!({ "tags": { long: "x" } }), Err((&path, &length(129))));
    let tags = |count| -> Value {
        many_tags(count).into_iter().map(|(key, _)| (key, json!(""))).collect()
    };
    check_params(json!({ "tags": tags(46) }), Ok(()));
    let message = "a snapshot has room for 46 tags of yours, these are 47";
    check_params(json!({ "tags": tags(47) }), Err(("tags", message)));
    let unknown = "unknown placeholder `{tusk}` at character 1; did you mean `{task}`?";
    check_params(json!({ "description": "{tusk}" }), Err(("description", unknown)));
}

#[track_caller]
fn check_plan(change: impl Fn(&mut Volume), params: Value, expected: &str) {
    let world = World::new().volume_with("vol-a", [], change);
    assert_eq!(world.plan(&CreateSnapshot, params), format!("vol-a: {expected}"));
}

#[test]
fn volumes_that_hold_something_are_snapshotted() {
    check_plan(|_| {}, json!({}), "create a snapshot of 8 GiB");
    check_plan(|it| it.state = "available".to_owned(), json!({}), "create a snapshot of 8 GiB");
    for state in ["creating", "deleting", "deleted", "error"] {
        let expected = format!("leave because its state is `{state}`, not `available` or `in-use`");
        check_plan(|it| it.state = state.to_owned(), json!({}), &expected);
    }
    let managed = |it: &mut Volume| it.managed_by = Some("eks.amazonaws.com".to_owned());
    check_plan(managed, json!({}), "leave because `eks.amazonaws.com` manages it");
}

#[test]
fn tags_without_room_are_named_in_the_plan_and_the_backup_is_made_all_the_same() {
    let tagged = |count: usize| move |it: &mut Volume| it.tags.extend(many_tags(count));
    let all = json!({ "copy-tags": ["*"] });
    check_plan(tagged(46), all.clone(), "create a snapshot of 8 GiB");
    let left_out = "create a snapshot of 8 GiB because a snapshot has at most 50 tags: does not \
                    copy `tag-46`, `tag-47`";
    check_plan(tagged(48), all.clone(), left_out);
    // Configured tags come first, and need no room twice.
    let with_own = json!({ "copy-tags": ["*"], "tags": { "mine": "x", "tag-00": "y" } });
    let left_out = "create a snapshot of 8 GiB because a snapshot has at most 50 tags: does not \
                    copy `tag-45`";
    check_plan(tagged(46), with_own, left_out);

    let world = ran(World::new().volume_with("vol-a", [], tagged(48)), all);
    assert_eq!(world.targets(), "vol-a succeeded: created `snap-1`");
    assert_eq!(world.cloud().snapshots_in(world.here())[0].tags.len(), 50);
}

#[test]
fn the_creating_call_sets_the_description_and_all_tags() {
    let params = json!({
        "description": "{task} of {target}, {target.tags.team}",
        "tags": { "made-on": "{date}", "team": "blue" },
        "copy-tags": ["*"],
    });
    let world = ran(
        World::new().volume(
            "vol-a",
            [("team", "red"), ("cost-center", "7"), ("lamplighter:task", "another")],
        ),
        params,
    );
    let made = &world.cloud().snapshots_in(world.here())[0];
    assert_eq!(made.description, "nightly of vol-a, red");
    let tags = [
        ("cost-center", "7"),
        ("lamplighter:job", "nightly@2026-03-02T02:00:00Z/111122223333/eu-west-1/vol-a"),
        ("lamplighter:source", "vol-a"),
        ("lamplighter:taken-at", "2026-03-02T02:00:00Z"),
        ("lamplighter:task", "nightly"),
        ("made-on", "2026-03-02"),
        ("team", "blue"),
    ];
    assert_eq!(made.tags, tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
    assert_eq!(world.cloud().made(), 1);
}

#[test]
fn without_parameters_the_description_names_task_and_volume_and_no_tag_is_copied() {
    let world = ran(world(), json!({}));
    assert_eq!(world.snapshots(), "snap-1 of vol-a completed \"lamplighter nightly of vol-a\"");
}

#[test]
fn what_is_too_long_for_aws_is_cut() {
    let long = "é".repeat(300);
    let world = ran(world(), json!({ "description": long, "tags": { "k": long } }));
    let made = &world.cloud().snapshots_in(world.here())[0];
    assert_eq!(made.description, format!("{}…", "é".repeat(254)));
    assert_eq!(made.tags["k"], format!("{}…", "é".repeat(255)));
}

#[test]
fn a_failed_snapshot_fails_the_job_with_the_words_of_aws() {
    let world = ran(world().failing("vol-a"), json!({}));
    assert_eq!(
        world.targets(),
        "vol-a failed: ebs.snapshot.create on `vol-a` in 111122223333/eu-west-1: `snap-1` ended \
         in state `error`: the volume could not be read"
    );
}

#[test]
fn a_snapshot_that_is_completed_at_once_needs_no_second_look() {
    let at_once = |take: i64| {
        let take = SignedDuration::from_secs(take);
        ran(world().dial(|it| it.snapshots_take = take), json!({}))
    };
    let describes = |world: &World| {
        let calls = world.cloud().calls();
        calls.iter().filter(|it| it.actions == ["ec2:DescribeSnapshots"]).count()
    };
    let world = at_once(0);
    assert_eq!(world.targets(), "vol-a succeeded: created `snap-1`");
    assert_eq!(describes(&world), 0);
    // 30 s, 1.5, 3.5, 7.5, 15.5 and 25.5 minutes after the start, and then every ten.
    assert_eq!(describes(&at_once(30)), 1);
    assert_eq!(describes(&at_once(31)), 2);
    assert_eq!(describes(&at_once(1530)), 6);
    assert_eq!(describes(&at_once(2131)), 8);
}

#[test]
fn a_snapshot_that_somebody_else_deletes_is_a_failure() {
    let mut world = world();
    let engines = world.begin(&CreateSnapshot, json!({}));
    world.cloud().remove_snapshot(world.here(), "snap-1");
    world.run_to_the_end(&engines);
    assert_eq!(
        world.targets(),
        "vol-a failed: ebs.snapshot.create on `vol-a` in 111122223333/eu-west-1: `snap-1` \
         disappeared before it was completed"
    );
}

/// Loses the answer of the creating call, with this lag.
fn lost_answer(lag_seconds: i64, take_seconds: i64) -> World {
    let world = world().dial(|it| {
        it.lag = Lag::Always(SignedDuration::from_secs(lag_seconds));
        it.snapshots_take = SignedDuration::from_secs(take_seconds);
    });
    // The first three enter the account, list the volumes and enter the account again.
    world.faults().at_calls(4..=4, Mishap::AnswerLost);
    ran(world, json!({}))
}

#[test]
fn a_repeated_try_adopts_what_an_earlier_one_has_made() {
    let world = lost_answer(59, 300);
    assert_eq!(world.targets(), "vol-a succeeded: created `snap-1`");
    assert_eq!(world.cloud().made(), 1);
}

#[test]
fn of_two_the_older_is_kept_and_the_other_deleted_and_reported() {
    for take in [0, 10, 60, 300, 3600] {
        let world = lost_answer(200, take);
        assert_eq!(
            world.targets(),
            "vol-a succeeded: created `snap-1`; deleted the duplicate `snap-2`",
            "takes {take} s"
        );
        assert_eq!(world.cloud().made(), 2);
        let left = "snap-1 of vol-a completed \"lamplighter nightly of vol-a\"";
        assert_eq!(world.snapshots(), left);
    }
}

#[test]
fn what_is_in_the_recycle_bin_is_gone() {
    let job = "nightly@2026-03-02T02:00:00Z/111122223333/eu-west-1/vol-a";
    let binned = |it: &mut Snapshot| it.state = SnapshotState::Recoverable;
    let world =
        ran(world().snapshot_with("snap-x", "vol-a", 1, [(JOB_TAG, job)], binned), json!({}));
    assert_eq!(world.targets(), "vol-a succeeded: created `snap-1`");
}

#[test]
fn a_role_without_permission_fails_at_once_and_the_record_names_it() {
    let world = world();
    world.cloud().allow_only(&["ec2:DescribeVolumes", "ec2:CreateSnapshot"]);
    let world = ran(world, json!({}));
    assert_eq!(
        world.targets(),
        "vol-a failed: ebs.snapshot.create on `vol-a` in 111122223333/eu-west-1: You are not \
         authorized to perform this operation. User: arn:aws:sts::111122223333:assumed-role/\
         lamplighter-member/lamplighter-nightly-20260302T020000Z is not authorized to perform: \
         ec2:CreateTags on resource: arn:aws:ec2:eu-west-1::snapshot/* because no identity-based \
         policy allows the ec2:CreateTags action"
    );
    assert_eq!(world.cloud().made(), 0);
}

#[test]
fn a_volume_at_its_limit_is_waited_for() {
    let mut world = World::new().volume_with("vol-a", [], |it| it.volume_type = "st1".to_owned());
    world.begin(&CreateSnapshot, json!({}));
    world.clock().advance(SignedDuration::from_secs(20));
    world.run(&CreateSnapshot, json!({}));
    assert_eq!(
        world.targets(),
        "vol-a succeeded: created `snap-1`\nvol-a succeeded: created `snap-2`"
    );
    let second = &world.cloud().snapshots_in(world.here())[1];
    let first_ended = "2026-03-02T02:05:00Z".parse::<jiff::Timestamp>().unwrap();
    assert!(second.started_at >= first_ended, "st1 volumes have one pending snapshot at most");
}
