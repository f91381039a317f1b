use jiff::SignedDuration;
use lamplighter_testkit::{World, conforms};
use serde_json::{Value, json};

use super::*;

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const VAULT: &str = "999900001111";
const OTHER: &str = "222233334444";

/// An image of two snapshots, one of them with a key of the account.
fn world() -> World {
    World::new()
        .key("alias/data", [])
        .snapshot("snap-a", "vol-a", 1, [])
        .encrypted("snap-k", "vol-k", 1, [], "alias/data")
        .image("ami-1", 1, [], ["snap-a", "snap-k"])
}

/// An image of one that is not encrypted.
fn plain() -> World {
    World::new().snapshot("snap-a", "vol-a", 1, []).image("ami-1", 1, [], ["snap-a"])
}

fn with(accounts: &[&str]) -> Value {
    json!({ "with": accounts })
}

fn ran(mut world: World, params: Value) -> World {
    world.run(&ShareImage, params);
    world
}

/// Who may launch the image, and who may use each of its snapshots.
#[track_caller]
fn check_shares(world: &World, expected: &[&str]) {
    let list = |accounts: BTreeSet<AccountId>| {
        accounts.iter().map(AccountId::as_str).collect::<Vec<_>>().join(" ")
    };
    let cloud = world.cloud();
    let image = list(cloud.shares_of_image(world.here(), "ami-1"));
    let snapshots = cloud.snapshots_in(world.here()).into_iter();
    let snapshots = snapshots.map(|it| list(cloud.shares_of(world.here(), &it.id)));
    let found: Vec<String> = std::iter::once(image).chain(snapshots).collect();
    assert_eq!(found, expected, "{}", world.targets());
}

#[track_caller]
fn check_plan(world: World, params: Value, expected: &str) {
    assert_eq!(world.plan(&ShareImage, params), expected);
}

const SAME: &str = "ami-1: leave because everything is so already";

#[test]
fn keeps_the_rules_of_an_action() {
    conforms(&ShareImage, with(&[VAULT, OTHER]), world);
    let params = json!({ "with": [VAULT], "withdraw": [OTHER], "for": "7d" });
    let shared = || world().launchable("ami-1", [OTHER]).shared("snap-k", [OTHER]);
    conforms(&ShareImage, params, shared);
}

/// EC2 User Guide, "Share an AMI with specific AWS accounts": who is to copy an image must be
/// given its snapshots, too.
#[test]
fn an_image_is_shared_and_withdrawn_with_all_its_snapshots() {
    let shared = ran(world(), with(&[VAULT]));
    check_shares(&shared, &[VAULT; 3]);
    assert_eq!(shared.targets(), format!("ami-1 succeeded: shared with {VAULT}"));
    let both = world().launchable("ami-1", [OTHER, VAULT]);
    let both = both.shared("snap-a", [OTHER, VAULT]).shared("snap-k", [OTHER, VAULT]);
    check_shares(&ran(both, json!({ "withdraw": [OTHER] })), &[VAULT; 3]);
}

#[test]
fn who_has_a_part_is_given_the_rest_or_loses_it() {
    let share = format!("ami-1: share with {VAULT}");
    let withdraw = format!("ami-1: withdraw from {VAULT}");
    for part in [|| plain().launchable("ami-1", [VAULT]), || plain().shared("snap-a", [VAULT])] {
        check_plan(part(), with(&[VAULT]), &share);
        check_plan(part(), json!({ "withdraw": [VAULT] }), &withdraw);
        check_shares(&ran(part(), with(&[VAULT])), &[VAULT; 2]);
        check_shares(&ran(part(), json!({ "withdraw": [VAULT] })), &[""; 2]);
    }
    let all = || plain().launchable("ami-1", [VAULT]).shared("snap-a", [VAULT]);
    check_plan(all(), with(&[VAULT, "111122223333"]), SAME);
    check_plan(plain(), json!({ "withdraw": [VAULT] }), SAME);
}

/// EC2 User Guide, the same: who launches an image uses the keys of its snapshots.
#[test]
fn the_plan_says_what_each_key_must_allow() {
    let statement = "{\"Effect\": \"Allow\", \"Principal\": {\"AWS\": \
         [\"arn:aws:iam::999900001111:root\"]}, \"Action\": [\"kms:CreateGrant\", \
         \"kms:Decrypt\", \"kms:DescribeKey\", \"kms:ReEncryptFrom\"], \"Resource\": \"*\"}";
    let says = |key: &str| {
        format!(
            "they can use it when the policy of its key \
             `arn:aws:kms:eu-west-1:111122223333:key/{key}` has this statement: {statement}"
        )
    };
    let world = World::new()
        .key("alias/data", [])
        .key("alias/root", [])
        .encrypted("snap-a", "vol-a", 1, [], "alias/root")
        .encrypted("snap-b", "vol-b", 1, [], "alias/data")
        .encrypted("snap-c", "vol-c", 1, [], "alias/data")
        .image("ami-1", 1, [], ["snap-a", "snap-b", "snap-c"]);
    let expected = format!("ami-1: share with {VAULT} because {}; {}", says("data"), says("root"));
    check_plan(world, with(&[VAULT]), &expected);
}

/// EC2 User Guide, the same: not with the key that AWS manages.
#[test]
fn what_is_encrypted_with_the_key_of_aws_fails_before_anything_is_done() {
    let world = World::new()
        .snapshot("snap-a", "vol-a", 1, [])
        .encrypted("snap-e", "vol-e", 1, [], "alias/aws/ebs")
        .image("ami-1", 1, [], ["snap-a", "snap-e"]);
    let world = ran(world, with(&[VAULT]));
    let key = world.cloud().key_arn(world.here(), "alias/aws/ebs").unwrap();
    assert_eq!(
        world.targets(),
        format!(
            "ami-1 failed: it is encrypted with `{key}`, a key of AWS that no other account can \
             use: copy it with a key of your own (`ec2.image.copy`) and share the copy"
        )
    );
    world.assert_nothing_written();
}

#[test]
fn only_available_images_are_shared() {
    let image = |change: fn(&mut Image)| {
        World::new().snapshot("snap-a", "vol-a", 1, []).image_with(
            "ami-1",
            1,
            [],
            ["snap-a"],
            change,
        )
    };
    for state in ["pending", "failed", "disabled", "deregistered"] {
        let world = match state {
            "pending" => image(|it| it.state = "pending".to_owned()),
            "failed" => image(|it| it.state = "failed".to_owned()),
            "disabled" => image(|it| it.state = "disabled".to_owned()),
            _ => image(|it| it.state = "deregistered".to_owned()),
        };
        let left =
            format!("ami-1: leave because it is `{state}`: only available images can be shared");
        check_plan(world, with(&[VAULT]), &left);
    }
    let hop = image(|it| _ = it.tags.insert(HOP_TAG.to_owned(), "ami-x".to_owned()));
    check_plan(hop, with(&[VAULT]), "ami-1: leave because it is on the way to another copy");
}

#[test]
fn what_was_shared_for_a_time_is_withdrawn_by_the_first_run_after_it_and_not_shared_again() {
    let params = || json!({ "with": [VAULT], "for": "1h" });
    let mut world = ran(plain(), params());
    check_shares(&world, &[VAULT; 2]);
    world.clock().advance(HOUR / 2);
    assert_eq!(world.plan(&ShareImage, params()), SAME);
    world.clock().advance(HOUR);
    world.run(&ShareImage, params());
    check_shares(&world, &[""; 2]);
    assert_eq!(world.plan(&ShareImage, params()), SAME);
}

#[test]
fn a_role_without_permission_fails_and_the_message_names_it() {
    for (less, lacks) in [
        ("ec2:ModifySnapshotAttribute", "ec2:ModifyImageAttribute"),
        ("ec2:ModifyImageAttribute", "ec2:ModifySnapshotAttribute"),
    ] {
        let world = plain();
        world.cloud().allow_only(&["ec2:DescribeImages", "ec2:DescribeSnapshots", less]);
        let targets = ran(world, with(&[VAULT])).targets();
        let says = format!("is not authorized to perform: {lacks}");
        assert!(targets.contains(&says), "{targets}");
    }
}
