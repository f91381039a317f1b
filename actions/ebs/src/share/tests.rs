use jiff::SignedDuration;
use lamplighter_core::AnyAction;
use lamplighter_testkit::{World, conforms};
use serde_json::{Value, json};

use super::*;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// A snapshot that is not encrypted, and one with a key of the account.
fn world() -> World {
    World::new().key("alias/data", []).snapshot("snap-a", "vol-a", 1, []).encrypted(
        "snap-k",
        "vol-a",
        2,
        [],
        "alias/data",
    )
}

fn with_two() -> Value {
    json!({ "with": ["999900001111", "222233334444"] })
}

fn ran(mut world: World, params: Value) -> World {
    world.run(&ShareSnapshot, params);
    world
}

fn shares(world: &World, id: &str) -> String {
    let shares = world.cloud().shares_of(world.here(), id);
    shares.iter().map(AccountId::as_str).collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn check_plan(world: World, params: Value, expected: &[&str]) {
    assert_eq!(world.plan(&ShareSnapshot, params), expected.join("\n"));
}

#[test]
fn keeps_the_rules_of_an_action() {
    conforms(&ShareSnapshot, with_two(), world);
    let params = json!({ "with": ["999900001111"], "withdraw": ["222233334444"], "for": "7d" });
    conforms(&ShareSnapshot, params, || world().shared("snap-k", ["222233334444"]));
}

#[track_caller]
fn check_params(params: Value, expected: Result<(), &str>) {
    let found = ShareSnapshot.check_params(&params).map_err(|bad| bad.path);
    assert_eq!(found, expected.map_err(str::to_owned), "{params}");
}

#[test]
fn parameters_that_contradict_each_other_are_refused() {
    check_params(with_two(), Ok(()));
    check_params(json!({ "withdraw": ["999900001111"] }), Ok(()));
    check_params(json!({}), Err(""));
    check_params(
        json!({ "with": ["999900001111"], "withdraw": ["999900001111"] }),
        Err("withdraw"),
    );
    check_params(json!({ "withdraw": ["999900001111"], "for": "7d" }), Err("for"));
    check_params(json!({ "with": ["999900001111"], "for": "soon" }), Err("for"));
    check_params(json!({ "with": ["all"] }), Err("with[0]"));
}

#[test]
fn the_plan_says_who_is_added_and_what_the_key_must_allow() {
    let world = world().shared("snap-a", ["222233334444"]);
    check_plan(
        world,
        with_two(),
        &[
            "snap-a: share with 999900001111",
            "snap-k: share with 222233334444, 999900001111 because they can use it when the \
             policy of its key `arn:aws:kms:eu-west-1:111122223333:key/data` has this statement: \
             {\"Effect\": \"Allow\", \"Principal\": {\"AWS\": \
             [\"arn:aws:iam::222233334444:root\", \"arn:aws:iam::999900001111:root\"]}, \
             \"Action\": [\"kms:CreateGrant\", \"kms:Decrypt\", \"kms:DescribeKey\", \
             \"kms:ReEncryptFrom\"], \"Resource\": \"*\"}",
        ],
    );
}

#[test]
fn what_is_so_already_is_left() {
    let world = World::new().snapshot("snap-a", "vol-a", 1, []).shared("snap-a", ["222233334444"]);
    let same = "snap-a: leave because everything is so already";
    check_plan(world, json!({ "with": ["222233334444", "111122223333"] }), &[same]);
    check_plan(
        self::world(),
        json!({ "withdraw": ["222233334444"] }),
        &[same, "snap-k: leave because everything is so already"],
    );
}

/// EBS User Guide, "Share an Amazon EBS snapshot": the key that AWS manages cannot be shared.
#[test]
fn what_is_encrypted_with_the_key_of_aws_fails_before_anything_is_done() {
    let world = ran(World::new().encrypted("snap-e", "vol-a", 1, [], "alias/aws/ebs"), with_two());
    let key = world.cloud().key_arn(world.here(), "alias/aws/ebs").unwrap();
    assert_eq!(
        world.targets(),
        format!(
            "snap-e failed: it is encrypted with `{key}`, a key of AWS that no other account can \
             use: copy it with a key of your own (`ebs.snapshot.copy`) and share the copy"
        )
    );
    world.assert_nothing_written();
}

#[test]
fn only_completed_snapshots_at_hand_are_shared() {
    let left = |change: fn(&mut Snapshot), reason: &str| {
        let world = World::new().snapshot_with("snap-a", "vol-a", 1, [], change);
        check_plan(world, with_two(), &[&format!("snap-a: leave because {reason}")]);
    };
    left(|it| it.state = SnapshotState::Pending, "pending: only completed snapshots can be shared");
    left(|it| it.state = SnapshotState::Error, "it failed");
    left(
        |it| it.storage_tier = "archive".to_owned(),
        "it is in the archive, where nobody else can use it",
    );
    left(
        |it| _ = it.tags.insert(HOP_TAG.to_owned(), "snap-x".to_owned()),
        "it is on the way to another copy",
    );
}

#[test]
fn accounts_are_added_and_withdrawn_whatever_else_is_there() {
    let world = world().shared("snap-a", ["222233334444", "333344445555"]);
    let params = json!({ "with": ["999900001111"], "withdraw": ["222233334444"] });
    let world = ran(world, params);
    assert_eq!(shares(&world, "snap-a"), "333344445555 999900001111");
    assert_eq!(shares(&world, "snap-k"), "999900001111");
    assert_eq!(
        world.targets(),
        "snap-a succeeded: shared with 999900001111; withdrawn from 222233334444\n\
         snap-k succeeded: shared with 999900001111; withdrawn from 222233334444"
    );
}

/// EC2 API, `ModifySnapshotAttribute`: at most 500 in one call, and never both.
#[test]
fn many_accounts_take_several_calls() {
    let many: Vec<String> =
        (0..1001).map(|it| format!("{:012}", 300_000_000_000_u64 + it)).collect();
    let world = ran(World::new().snapshot("snap-a", "vol-a", 1, []), json!({ "with": many }));
    assert_eq!(world.cloud().shares_of(world.here(), "snap-a").len(), 1001);
    let calls = world.cloud().calls();
    let sharing = calls.iter().filter(|it| it.operation == "ModifySnapshotAttribute");
    assert_eq!(sharing.count(), 3);
}

#[test]
fn what_was_shared_for_a_time_is_withdrawn_by_the_first_run_after_it_and_not_shared_again() {
    let params = || json!({ "with": ["999900001111"], "for": "1h" });
    let mut world = ran(World::new().snapshot("snap-a", "vol-a", 1, []), params());
    assert_eq!(shares(&world, "snap-a"), "999900001111");
    world.clock().advance(HOUR / 2);
    assert_eq!(
        world.plan(&ShareSnapshot, params()),
        "snap-a: leave because everything is so already"
    );
    world.clock().advance(HOUR);
    assert_eq!(
        world.plan(&ShareSnapshot, params()),
        "snap-a: withdraw from 999900001111, whose time is over"
    );
    world.run(&ShareSnapshot, params());
    assert_eq!(shares(&world, "snap-a"), "");
    assert_eq!(
        world.plan(&ShareSnapshot, params()),
        "snap-a: leave because everything is so already"
    );
}

#[test]
fn a_role_without_permission_fails_and_the_message_names_it() {
    let world = World::new().snapshot("snap-a", "vol-a", 1, []);
    world.cloud().allow_only(&["ec2:DescribeSnapshots"]);
    let world = ran(world, with_two());
    let targets = world.targets();
    assert!(
        targets.contains("is not authorized to perform: ec2:ModifySnapshotAttribute"),
        "{targets}"
    );
}
