//! What is planned, and what is known to be missing before anything is done.

use super::*;

#[track_caller]
fn check_params(params: Value, expected: Result<(), &str>) {
    let found = CopySnapshot.check_params(&params).map_err(|bad| bad.path);
    assert_eq!(found, expected.map_err(str::to_owned), "{params}");
}

#[test]
fn parameters_that_cannot_be_are_refused() {
    check_params(to_vault(), Ok(()));
    check_params(json!({}), Err(""));
    check_params(json!({ "to": [] }), Err("to"));
    check_params(json!({ "to": [{}] }), Err("to[0]"));
    let twice = json!({ "account": VAULT, "region": "eu-central-1" });
    check_params(json!({ "to": [twice, twice] }), Err("to[1]"));
    let within = |text: &str| json!({ "to": [{ "account": VAULT, "completion-duration": text }] });
    for (text, good) in [("15m", true), ("48h", true), ("20m", false), ("49h", false)] {
        let bad = Err("to[0].completion-duration");
        check_params(within(text), if good { Ok(()) } else { bad });
    }
    let to = json!([{ "account": VAULT }]);
    check_params(json!({ "to": to, "owners": [HUB] }), Err("owners"));
    check_params(json!({ "to": to, "owners": [HUB], "sources": "all" }), Ok(()));
    check_params(
        json!({ "to": to, "sources": "shared", "delete-source": true }),
        Err("delete-source"),
    );
    check_params(json!({ "to": to, "tags": { "aws:x": "y" } }), Err("tags.aws:x"));
    check_params(json!({ "to": to, "description": "{source}" }), Ok(()));
    check_params(json!({ "to": to, "description": "{tusk}" }), Err("description"));
}

#[track_caller]
fn check(world: World, params: Value, expected: &[&str]) {
    assert_eq!(world.plan(&CopySnapshot, params), expected.join("\n"));
}

const THERE: &str = "copy 8 GiB to 999900001111/eu-central-1 with key `alias/vault`";

#[test]
fn the_plan_says_which_way_which_keys_and_how_much() {
    let world = world()
        .encrypted("snap-e", "vol-e", 1, [], "alias/aws/ebs")
        .encrypted("snap-k", "vol-k", 1, [], "alias/data")
        .snapshot("snap-p", "vol-p", 1, []);
    let aws = world.cloud().key_arn(world.here(), "alias/aws/ebs").unwrap();
    let hop = format!(
        "snap-e: {THERE} (full: the first one there) by way of a copy here with key `alias/hop` \
         because its key `{aws}` is AWS's own, which no other account can use"
    );
    check(
        world,
        to_vault(),
        &[
            &hop,
            &format!("snap-k: {THERE} (full: the first one there)"),
            &format!("snap-p: {THERE} (full: the first one there)"),
        ],
    );
}

/// EBS User Guide, "Share an Amazon EBS snapshot": the key that AWS manages cannot be shared.
#[test]
fn the_key_of_aws_without_another_for_the_way_fails_before_anything_is_done() {
    let world = ran(world().encrypted("snap-e", "vol-e", 1, [], "alias/aws/ebs"), straight());
    let aws = world.cloud().key_arn(world.here(), "alias/aws/ebs").unwrap();
    assert_eq!(
        world.targets(),
        format!(
            "snap-e failed: its key `{aws}` is AWS's own, which no other account can use: set \
             `hop-key` to a key in 111122223333/eu-west-1 that `999900001111` may use"
        )
    );
    world.assert_nothing_written();
}

const STATEMENT: &str = "{\"Effect\": \"Allow\", \"Principal\": {\"AWS\": \
     [\"arn:aws:iam::999900001111:root\"]}, \"Action\": [\"kms:CreateGrant\", \"kms:Decrypt\", \
     \"kms:DescribeKey\", \"kms:ReEncryptFrom\"], \"Resource\": \"*\"}";

#[test]
fn a_key_whose_policy_lacks_the_destination_is_known_before_with_the_statement_to_paste() {
    let closed =
        || world().key("alias/closed", []).encrypted("snap-c", "vol", 1, [], "alias/closed");
    let arn = "arn:aws:kms:eu-west-1:111122223333:key/closed";
    let missing = format!(
        "its key `{arn}` is not open to account `999900001111`: its policy needs the statement \
         {STATEMENT}, and the role there `kms:DescribeKey` on it"
    );
    check(
        closed(),
        straight(),
        &[&format!(
            "problem: snap-c: {missing}: or set `hop-key` to a key in 111122223333/eu-west-1 that \
             `999900001111` may use"
        )],
    );
    check(
        closed(),
        to_vault(),
        &[&format!(
            "snap-c: {THERE} (full: the first one there) by way of a copy here with key \
             `alias/hop` because {missing}"
        )],
    );
    let mut params = to_vault();
    params["hop-key"] = json!("alias/closed");
    let plan = closed().plan(&CopySnapshot, params);
    assert!(
        plan.contains(&format!(
            "`hop-key` `alias/closed` in 111122223333/eu-west-1 is not open to account \
             `999900001111`: its policy needs the statement {STATEMENT}"
        )),
        "{plan}"
    );
}

#[test]
fn where_nobody_can_ask_the_plan_says_so() {
    // The vault is not there in the region of the source.
    let world = World::new()
        .at(VAULT, "eu-central-1")
        .key("alias/vault", [])
        .at(HUB, "eu-west-1")
        .key("alias/data", [VAULT])
        .encrypted("snap-k", "vol-k", 1, [], "alias/data");
    check(
        world,
        straight(),
        &[&format!(
            "snap-k: {THERE} (full: the first one there) because whether `999900001111` may use \
             its key `arn:aws:kms:eu-west-1:111122223333:key/data` shows only then"
        )],
    );
}

#[track_caller]
fn check_problem(world: World, params: Value, expected: &str) {
    let plan = world.plan(&CopySnapshot, params);
    assert!(plan.contains(expected), "{plan}");
}

#[test]
fn keys_that_cannot_be_used_are_known_before() {
    let there = place(VAULT, "eu-central-1");
    let plain = || world().snapshot("snap-p", "vol-p", 1, []);
    let mut params = straight();
    params["to"][0]["key"] = json!("alias/nobody");
    check_problem(
        plain(),
        params,
        "asking about the key `alias/nobody` in 999900001111/eu-central-1",
    );

    let world = plain();
    world.cloud().disable_key(&there, "alias/vault");
    let disabled = "the key `alias/vault` in 999900001111/eu-central-1 is `Disabled`: enable it";
    check_problem(world, straight(), disabled);

    let world = self::world().encrypted("snap-k", "vol-k", 1, [], "alias/data");
    world.cloud().disable_key(&place(HUB, "eu-west-1"), "alias/data");
    let source = "its key `arn:aws:kms:eu-west-1:111122223333:key/data` is `Disabled`";
    check_problem(world, straight(), source);

    let mut params = straight();
    params["hop-key"] = json!("alias/aws/ebs");
    check_problem(
        plain(),
        params,
        "`hop-key` `alias/aws/ebs` in 111122223333/eu-west-1 is a key of AWS",
    );

    let params = json!({ "to": [{ "account": VAULT, "share": ["222233334444"] }] });
    let encrypted = self::world().encrypted("snap-k", "vol-k", 1, [], "alias/data");
    let shared = "its copy in 999900001111/eu-west-1 would be encrypted with `alias/aws/ebs`, a key \
                  of AWS, and could not be shared: set the destination's `key`";
    check_problem(encrypted, params, shared);
}

#[test]
fn encryption_by_default_decides_where_no_key_is_named() {
    let world = world().snapshot("snap-p", "vol-p", 1, []);
    world.cloud().encrypt_by_default(&place(VAULT, "eu-central-1"), true, Some("alias/vault"));
    let params = json!({ "to": [{ "account": VAULT, "region": "eu-central-1" }] });
    check(world, params, &[&format!("snap-p: {THERE} (full: the first one there)")]);
}

#[track_caller]
fn check_left(change: impl FnOnce(&mut Snapshot), reason: &str) {
    let world = world().snapshot_with("snap-a", "vol-a", 1, [], change);
    check(world, straight(), &[&format!("snap-a: leave because {reason}")]);
}

/// EC2 API, `CopySnapshot`: a completed snapshot in the standard tier.
#[test]
fn only_completed_snapshots_at_hand_are_copied() {
    check_left(
        |it| it.state = SnapshotState::Pending,
        "pending: only completed snapshots can be used",
    );
    check_left(|it| it.state = SnapshotState::Error, "it failed");
    check_left(|it| it.state = SnapshotState::Recoverable, "it is in the recycle bin");
    check_left(
        |it| it.storage_tier = "archive".to_owned(),
        "it is in the archive: restore it first",
    );
    check_left(
        |it| _ = it.tags.insert(HOP_TAG.to_owned(), "snap-x".to_owned()),
        "it is on the way to another copy",
    );
}

#[test]
fn a_snapshot_is_copied_once_whichever_task_has_copied_it() {
    let copied = |state: SnapshotState| {
        world()
            .snapshot("snap-a", "vol-a", 1, [])
            .at(VAULT, "eu-central-1")
            .snapshot_with(
                "snap-c",
                "vol-ffffffff",
                0,
                [(COPIED_FROM_TAG, "snap-a"), (SOURCE_TAG, "vol-a"), (TASK_TAG, "another")],
                |it| it.state = state,
            )
            .at(HUB, "eu-west-1")
    };
    let in_vault = "snap-c: leave because it is in 999900001111/eu-central-1 itself";
    check(
        copied(SnapshotState::Completed),
        straight(),
        &["snap-a: leave because copied to 999900001111/eu-central-1 as `snap-c`", in_vault],
    );
    check(
        copied(SnapshotState::Pending),
        straight(),
        &[
            "snap-a: leave because `snap-c` in 999900001111/eu-central-1 is being made of it",
            "snap-c: leave because pending: only completed snapshots can be used",
        ],
    );
    check(
        copied(SnapshotState::Error),
        straight(),
        &[
            &format!("snap-a: {THERE} (full: the first one there)"),
            "snap-c: leave because it failed",
        ],
    );
}

/// EBS User Guide, "Copy an Amazon EBS snapshot", incremental copies.
#[test]
fn the_plan_knows_when_a_copy_is_a_full_one() {
    let key = "arn:aws:kms:eu-central-1:999900001111:key/vault";
    let mark = "lamplighter:copied-to:999900001111/eu-central-1";
    let check = |change: &dyn Fn(&mut Snapshot), copy: Option<&str>, expected: &str| {
        let mut world = world()
            .snapshot("snap-a", "vol-a", 2, [(mark, "snap-c")])
            .snapshot("snap-b", "vol-a", 1, [])
            .at(VAULT, "eu-central-1");
        if let Some(id) = copy {
            let tags = [(COPIED_FROM_TAG, "snap-a"), (SOURCE_TAG, "vol-a"), (TASK_TAG, "copy")];
            world = world.snapshot_with(id, "vol-ffffffff", 0, tags, |it| {
                it.encrypted = true;
                it.kms_key_id = Some(key.to_owned());
                change(it);
            });
        }
        let plan = world.at(HUB, "eu-west-1").plan(&CopySnapshot, straight());
        let line = plan.lines().find(|it| it.starts_with("snap-b:")).unwrap();
        assert_eq!(line, format!("snap-b: {THERE} ({expected})"));
    };
    check(&|_| {}, Some("snap-c"), "incremental");
    check(&|_| {}, None, "full: the last copy there is gone");
    check(&|_| {}, Some("snap-d"), "full: the last copy there is gone");
    check(
        &|it| it.storage_tier = "archive".to_owned(),
        Some("snap-c"),
        "full: the last copy there is in the archive",
    );
    check(
        &|it| it.kms_key_id = Some("arn:another".to_owned()),
        Some("snap-c"),
        "full: copies there have another key",
    );
}

/// The plan and the simulated AWS agree on it.
#[test]
fn the_second_copy_of_a_volume_is_incremental() {
    let mut world = world().snapshot("snap-a", "vol-a", 2, []);
    world.run(&CopySnapshot, straight());
    let world = world.snapshot("snap-b", "vol-a", 1, []);
    let plan = world.plan(&CopySnapshot, straight());
    assert!(plan.contains(&format!("snap-b: {THERE} (incremental)")), "{plan}");
}

#[test]
fn tags_that_do_not_fit_are_known_before() {
    let many = |count: usize| -> lamplighter_core::Tags {
        (0..count).map(|index| (format!("tag-{index:02}"), String::new())).collect()
    };
    let with = |count| world().snapshot_with("snap-a", "vol-a", 1, [], |it| it.tags = many(count));
    let mut params = straight();
    params["copy-tags"] = json!(["*"]);
    check(
        with(46),
        params,
        &[&format!(
            "snap-a: {THERE} (full: the first one there) because a snapshot has at most 50 tags: \
             does not copy `tag-43`, `tag-44`, `tag-45`"
        )],
    );
    check(
        with(50),
        straight(),
        &["problem: snap-a: its 50 tags leave no room for those that name its copies: AWS allows \
           at most 50"],
    );
}
