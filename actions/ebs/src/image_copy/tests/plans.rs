//! What is planned, and what is known to be missing before anything is done.

use super::*;

#[track_caller]
fn check_params(params: Value, expected: Result<(), &str>) {
    let found = CopyImage.check_params(&params).map_err(|bad| bad.path);
    assert_eq!(found, expected.map_err(str::to_owned), "{params}");
}

#[test]
fn parameters_that_cannot_be_are_refused() {
    check_params(to_vault(), Ok(()));
    check_params(json!({ "to": [] }), Err("to"));
    check_params(json!({ "to": [{}] }), Err("to[0]"));
    let within = json!({ "to": [{ "account": VAULT, "completion-duration": "20m" }] });
    check_params(within, Err("to[0].completion-duration"));
    let to = json!([{ "account": VAULT }]);
    check_params(json!({ "to": to, "tags": { "aws:x": "y" } }), Err("tags.aws:x"));
    check_params(json!({ "to": to, "description": "{source}" }), Ok(()));
    check_params(json!({ "to": to, "delete-source": true }), Err("delete-source"));
}

#[track_caller]
fn check(world: World, params: Value, expected: &str) {
    assert_eq!(world.plan(&CopyImage, params), expected);
}

const THERE: &str = "copy 16 GiB to 999900001111/eu-central-1 with key `alias/vault`";

/// EC2 User Guide, "Share an AMI with specific AWS accounts": not with the key that AWS manages.
#[test]
fn the_plan_says_which_way_which_keys_and_how_much() {
    let aws = hop().cloud().key_arn(&place(HUB, "eu-west-1"), "alias/aws/ebs").unwrap();
    let why = format!("its key `{aws}` is AWS's own, which no other account can use");
    check(
        hop(),
        to_vault(),
        &format!("ami-e: {THERE} by way of a copy here with key `alias/hop` because {why}"),
    );
    let cure = format!("set `hop-key` to a key in {HUB}/eu-west-1 that `{VAULT}` may use");
    check(hop(), straight(), &format!("problem: ami-e: {why}: {cure}"));
    let two = world()
        .snapshot("snap-a", "vol-a", 1, [])
        .encrypted("snap-k", "vol-k", 1, [], "alias/data")
        .image("ami-d", 1, [], ["snap-a", "snap-k"]);
    check(two, straight(), &format!("ami-d: {THERE}"));
}

#[test]
fn a_key_of_one_snapshot_whose_policy_lacks_the_destination_is_known_before() {
    let world = world()
        .key("alias/closed", [])
        .encrypted("snap-c", "vol-c", 1, [], "alias/closed")
        .encrypted("snap-k", "vol-k", 1, [], "alias/data")
        .image("ami-c", 1, [], ["snap-k", "snap-c"]);
    let statement = "{\"Effect\": \"Allow\", \"Principal\": {\"AWS\": \
         [\"arn:aws:iam::999900001111:root\"]}, \"Action\": [\"kms:CreateGrant\", \
         \"kms:Decrypt\", \"kms:DescribeKey\", \"kms:ReEncryptFrom\"], \"Resource\": \"*\"}";
    check(
        world,
        straight(),
        &format!(
            "problem: ami-c: its key `arn:aws:kms:eu-west-1:{HUB}:key/closed` is not open to \
             account `{VAULT}`: its policy needs the statement {statement}, and the role there \
             `kms:DescribeKey` on it: or set `hop-key` to a key in {HUB}/eu-west-1 that \
             `{VAULT}` may use"
        ),
    );
}

/// EC2 User Guide, "How Amazon EC2 AMI copy works": without a key, what is encrypted is under
/// `aws/ebs`, and all else is as it was.
#[test]
fn without_a_key_aws_chooses_for_each_snapshot_and_what_is_to_be_shared_needs_one() {
    let there = |share: &str| {
        let share = (!share.is_empty()).then_some(share);
        json!({ "to": [{ "region": "us-east-1", "share": share.as_slice() }] })
    };
    let here = || hop().at(HUB, "us-east-1").at(HUB, "eu-west-1");
    let to = format!("{HUB}/us-east-1");
    check(
        here(),
        there(""),
        &format!("ami-e: copy 16 GiB to {to} with key `alias/aws/ebs` where it is encrypted"),
    );
    check(
        here(),
        there(VAULT),
        &format!(
            "problem: ami-e: its copy in {to} would be encrypted with `alias/aws/ebs`, a key of \
             AWS, and could not be shared: set the destination's `key`"
        ),
    );
    let plain = direct().at(HUB, "us-east-1").at(HUB, "eu-west-1");
    check(plain, there(VAULT), &format!("ami-b: copy 8 GiB to {to} not encrypted"));
}

#[test]
fn only_available_images_of_snapshots_are_copied() {
    let image = |change: &dyn Fn(&mut Image)| {
        let world = world().snapshot("snap-a", "vol-a", 1, []);
        world.image_with("ami-a", 1, [], ["snap-a"], change)
    };
    for state in ["pending", "failed", "disabled", "deregistered"] {
        check(
            image(&|it| it.state = state.to_owned()),
            straight(),
            &format!("ami-a: leave because it is `{state}`: only available images are copied"),
        );
    }
    check(
        image(&|it| _ = it.tags.insert(HOP_TAG.to_owned(), "ami-x".to_owned())),
        straight(),
        "ami-a: leave because it is on the way to another copy",
    );
    let none = world().image("ami-a", 1, [], []);
    check(none, straight(), "ami-a: leave because it is not made of snapshots");
}

#[test]
fn what_is_copied_or_being_copied_is_left() {
    let copy = |state: &str| {
        let from = [(COPIED_FROM_TAG, "ami-b")];
        let world = direct().at(VAULT, "eu-central-1").snapshot("snap-v", "vol-ffffffff", 1, []);
        world.image_with("ami-f", 1, from, ["snap-v"], |it| it.state = state.to_owned())
    };
    let there = format!("{VAULT}/eu-central-1");
    for (state, expected) in [
        ("available", format!("ami-b: leave because copied to {there} as `ami-f`")),
        ("pending", format!("ami-b: leave because `ami-f` in {there} is being made of it")),
        ("failed", format!("ami-b: copy 8 GiB to {there} with key `alias/vault`")),
        ("deregistered", format!("ami-b: copy 8 GiB to {there} with key `alias/vault`")),
    ] {
        let plan = copy(state).plan(&CopyImage, straight());
        // The copy is an image, too.
        assert_eq!(plan.lines().next(), Some(expected.as_str()), "{state}");
    }
    let here = json!({ "to": [{ "region": "eu-west-1" }] });
    check(direct(), here, &format!("ami-b: leave because it is in {HUB}/eu-west-1 itself"));
}
