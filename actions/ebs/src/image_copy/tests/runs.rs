//! Copies that run to the end.

use super::*;

#[test]
fn keeps_the_rules_of_an_action_across_accounts_regions_and_keys() {
    conforms_in(&CopyImage, to_vault(), &[&hop, &direct]);
}

/// The copy in the vault, which is available and has its snapshots under the vault's key.
#[track_caller]
fn the_copy(world: &World, case: &str) -> Image {
    let vault = images_in(world, VAULT, "eu-central-1");
    let [copy] = &vault[..] else { panic!("{} copies: {case}", vault.len()) };
    assert_eq!(copy.state, "available", "{case}");
    for it in world.cloud().snapshots_in(&place(VAULT, "eu-central-1")) {
        let key = it.kms_key_id.as_deref();
        assert_eq!(key, Some("arn:aws:kms:eu-central-1:999900001111:key/vault"), "{case}");
        assert!(copy.snapshots.contains(&it.id), "{case}");
    }
    copy.clone()
}

#[test]
fn a_worker_that_dies_at_any_call_leaves_one_copy_and_none_on_the_way() {
    let calls = ran(hop(), to_vault()).faults().calls();
    assert!(calls > 20, "{calls} calls, each of them the last one of a worker");
    for (call, mishap) in (1..=calls)
        .flat_map(|call| [Mishap::CrashBefore, Mishap::CrashAfter].map(|mishap| (call, mishap)))
    {
        let world = hop();
        world.faults().at_calls(call..=call, mishap);
        let world = ran(world, to_vault());
        let case = format!("{mishap:?} at call {call}: {}", world.records());
        the_copy(&world, &case);
        let left = images_in(&world, HUB, "eu-west-1").into_iter().map(|it| it.id);
        let snapshots = world.cloud().snapshots_in(&place(HUB, "eu-west-1")).into_iter();
        let left: Vec<String> = left.chain(snapshots.map(|it| it.id)).collect();
        assert_eq!(left, ["ami-e", "snap-a", "snap-e"], "{case}");
        assert_eq!(shares(&world, "ami-e"), [""; 3], "{case}");
    }
}

/// EC2 User Guide, "How Amazon EC2 AMI copy works": AWS copies no tags by itself.
#[test]
fn a_copy_says_what_it_is_of_and_so_do_its_snapshots_and_the_source_knows_it() {
    let mut params = to_vault();
    params["copy-tags"] = json!(["lamplighter:source", "team"]);
    params["tags"] = json!({ "of": "{source}" });
    let world = world().encrypted("snap-k", "vol-k", 1, [], "alias/data").image(
        "ami-d",
        1,
        [(SOURCE_TAG, "i-1"), ("team", "data")],
        ["snap-k"],
    );
    let world = ran(world, params);
    let copy = the_copy(&world, &world.targets());
    let there = format!("{VAULT}/eu-central-1");
    assert_eq!(world.targets(), format!("ami-d succeeded: copied to {there} as `{}`", copy.id));
    assert_eq!(copy.name, "ami-d at 20260302T020000Z by nightly");
    assert_eq!(copy.description, "lamplighter nightly of ami-d of i-1");
    let tags = [
        (COPIED_FROM_TAG, "ami-d"),
        (JOB_TAG, "nightly@2026-03-02T02:00:00Z/111122223333/eu-west-1/ami-d"),
        (SOURCE_TAG, "i-1"),
        (TAKEN_AT_TAG, "2026-03-01T02:00:00Z"),
        (TASK_TAG, "nightly"),
        ("of", "i-1"),
        ("team", "data"),
    ];
    let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    assert_eq!(copy.tags, tags);
    let snapshots = world.cloud().snapshots_in(&place(VAULT, "eu-central-1"));
    assert_eq!(snapshots.into_iter().map(|it| it.tags).collect::<Vec<_>>(), [tags]);
    let source = &images_in(&world, HUB, "eu-west-1")[0];
    let mark = source.tags.get(&format!("lamplighter:copied-to:{there}"));
    assert_eq!(mark, Some(&copy.id));
}

/// EC2 User Guide, "Share an AMI with specific AWS accounts": who copies an image must be given
/// its snapshots, too. What somebody has given before stays given, part by part.
#[test]
fn what_is_shared_for_a_copy_is_shared_no_longer_and_what_was_shared_before_still_is() {
    #[track_caller]
    fn check(before: World, expected: [&str; 2]) {
        let world = ran(before, straight());
        the_copy(&world, &world.targets());
        assert_eq!(shares(&world, "ami-b"), expected);
    }
    check(direct(), ["", ""]);
    check(direct().launchable("ami-b", [VAULT]), [VAULT, ""]);
    check(direct().shared("snap-p", [VAULT]), ["", VAULT]);
    check(direct().launchable("ami-b", [VAULT]).shared("snap-p", [VAULT]), [VAULT, VAULT]);
    check(direct().shared("snap-p", ["222233334444"]), ["", "222233334444"]);
}

#[test]
fn a_copy_is_shared_on_with_its_snapshots() {
    let mut params = straight();
    params["to"][0]["share"] = json!(["222233334444"]);
    let world = ran(direct(), params);
    let copy = the_copy(&world, &world.targets());
    let (cloud, vault) = (world.cloud(), place(VAULT, "eu-central-1"));
    let expected = BTreeSet::from(["222233334444".parse().unwrap()]);
    assert_eq!(cloud.shares_of_image(&vault, &copy.id), expected);
    assert_eq!(cloud.shares_of(&vault, &copy.snapshots[0]), expected);
}

#[test]
fn an_image_is_copied_once_whichever_task_has_made_the_copy() {
    let mut world = ran(direct(), straight());
    let copy = the_copy(&world, &world.targets());
    let there = format!("{VAULT}/eu-central-1");
    world.clock().advance(jiff::SignedDuration::from_hours(24));
    world.run(&CopyImage, straight());
    assert!(
        world.targets().contains(&format!("ami-b skipped: copied to {there} as `{}`", copy.id))
    );
    the_copy(&world, &world.targets());
}

/// EC2 API, `CopyImage`: a name is unique in an account and region.
#[test]
fn a_name_that_somebody_has_taken_fails_the_job() {
    let world = direct().at(VAULT, "eu-central-1").image_with("ami-f", 1, [], [], |it| {
        it.name = "ami-b at 20260302T020000Z by nightly".to_owned();
    });
    let targets = ran(world, straight()).targets();
    assert!(targets.starts_with("ami-b failed: "), "{targets}");
    assert!(targets.contains("already in use by AMI ami-f"), "{targets}");
}

/// EC2 User Guide, "How Amazon EC2 AMI copy works": keys are checked only while it copies.
#[test]
fn a_copy_that_fails_over_its_keys_says_what_the_role_needs() {
    let world = hop();
    let vault = VAULT.parse().unwrap();
    let all: Vec<&str> = CopyImage::SPEC.elsewhere.to_vec();
    let less: Vec<&str> = all.into_iter().filter(|it| *it != "kms:ReEncryptTo").collect();
    world.cloud().allow_only_in(&vault, &less);
    let world = ran(world, to_vault());
    let targets = world.targets();
    assert!(targets.contains("ended in state `failed`"), "{targets}");
    assert!(targets.contains(&format!("the role in {VAULT} needs")), "{targets}");
    // What is temporary is taken back all the same.
    assert_eq!(images_in(&world, HUB, "eu-west-1").len(), 1);
    assert_eq!(shares(&world, "ami-e"), [""; 3]);
}
