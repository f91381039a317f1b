//! Copies that run to the end.

use super::*;

/// One under AWS's own key, which needs a copy on the way.
fn hop() -> World {
    world().encrypted("snap-e", "vol-e", 1, OURS, "alias/aws/ebs")
}

/// One that needs none.
fn direct() -> World {
    world().snapshot("snap-p", "vol-p", 2, [])
}

/// Both; and one under a key of the hub that the vault may not use. AWS's own key lets everybody
/// in its account use it, and so that one alone would not show what the hub's role needs.
fn three() -> World {
    let world = hop().snapshot("snap-p", "vol-p", 2, []).key("alias/closed", []);
    world.encrypted("snap-c", "vol-c", 1, [], "alias/closed")
}

#[test]
fn keeps_the_rules_of_an_action_across_accounts_regions_and_keys() {
    conforms_in(&CopySnapshot, to_vault(), &[&hop, &direct]);
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
        let [copy] = &vault_snapshots(&world)[..] else { panic!("not one copy: {case}") };
        assert_eq!(copy.state, SnapshotState::Completed, "{case}");
        let left = hub_snapshots(&world);
        let left: Vec<&str> = left.iter().map(|it| it.id.as_str()).collect();
        assert_eq!(left, ["snap-e"], "{case}");
        assert_eq!(shares(&world, &place(HUB, "eu-west-1"), "snap-e"), "", "{case}");
    }
}

#[test]
fn a_copy_under_the_key_of_aws_goes_by_way_of_another_key() {
    let world = ran(world().encrypted("snap-e", "vol-e", 1, [], "alias/aws/ebs"), to_vault());
    let copies = vault_snapshots(&world);
    assert_eq!(
        world.targets(),
        format!("snap-e succeeded: copied to {VAULT}/eu-central-1 as `{}`", copies[0].id)
    );
    let tags = [
        (COPIED_FROM_TAG, "snap-e"),
        (JOB_TAG, "nightly@2026-03-02T02:00:00Z/111122223333/eu-west-1/snap-e"),
        (SOURCE_TAG, "vol-e"),
        (TAKEN_AT_TAG, "2026-03-01T02:00:00Z"),
        (TASK_TAG, "nightly"),
    ];
    let expected = Snapshot {
        id: copies[0].id.clone(),
        owner: Some(VAULT.parse().unwrap()),
        volume_id: "vol-ffffffff".to_owned(),
        state: SnapshotState::Completed,
        state_message: None,
        started_at: copies[0].started_at,
        size_gib: 8,
        encrypted: true,
        kms_key_id: Some("arn:aws:kms:eu-central-1:999900001111:key/vault".to_owned()),
        description: "lamplighter nightly of snap-e of vol-e".to_owned(),
        storage_tier: "standard".to_owned(),
        tags: tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
    };
    assert_eq!(copies, [expected]);
    // The copy on the way is gone, and the source knows its copy.
    let left = hub_snapshots(&world);
    assert_eq!(left.len(), 1);
    let mark = [(format!("lamplighter:copied-to:{VAULT}/eu-central-1"), copies[0].id.clone())];
    assert_eq!(left[0].tags, mark.into());
    assert_eq!(world.cloud().made(), 2);
}

#[test]
fn a_copy_says_of_which_instance_it_is_and_how_consistent() {
    let set = [("lamplighter:consistency", "crash"), ("lamplighter:instance", "i-a")];
    let world = ran(world().snapshot("snap-a", "vol-a", 1, set), straight());
    let copy = &vault_snapshots(&world)[0];
    assert_eq!(set.map(|(key, _)| copy.tags[key].as_str()), set.map(|(_, value)| value));
}

#[test]
fn what_is_shared_for_a_copy_is_shared_no_longer_and_what_was_shared_before_still_is() {
    let world = world()
        .snapshot("snap-a", "vol-a", 1, [])
        .snapshot("snap-b", "vol-b", 1, [])
        .shared("snap-b", [VAULT, "222233334444"]);
    let world = ran(world, straight());
    let hub = place(HUB, "eu-west-1");
    assert_eq!(vault_snapshots(&world).len(), 2);
    assert_eq!(shares(&world, &hub, "snap-a"), "");
    assert_eq!(shares(&world, &hub, "snap-b"), format!("222233334444 {VAULT}"));
}

#[test]
fn several_destinations_share_one_copy_on_the_way() {
    let world = world()
        .at("222233334444", "eu-west-1")
        .key("alias/second", [])
        .at(HUB, "us-east-1")
        .at(HUB, "eu-west-1")
        .key("alias/both", [VAULT, "222233334444"])
        .encrypted("snap-e", "vol-e", 1, [], "alias/aws/ebs");
    let params = json!({
        "to": [
            { "account": VAULT, "region": "eu-central-1", "key": "alias/vault",
              "share": ["333344445555"] },
            { "account": "222233334444", "key": "alias/second" },
            { "region": "us-east-1" },
        ],
        "hop-key": "alias/both",
    });
    let world = ran(world, params);
    assert_eq!(world.cloud().made(), 4, "{}", world.targets());
    let copy = |account: &str, region: &str| {
        let copies = world.cloud().snapshots_in(&place(account, region));
        assert_eq!(copies.len(), 1, "{account} {region}: {}", world.targets());
        copies[0].id.clone()
    };
    let (vault, second) = (copy(VAULT, "eu-central-1"), copy("222233334444", "eu-west-1"));
    let third = copy(HUB, "us-east-1");
    assert_eq!(
        world.targets(),
        format!(
            "snap-e succeeded: copied to {VAULT}/eu-central-1 as `{vault}`; copied to \
             222233334444/eu-west-1 as `{second}`; copied to {HUB}/us-east-1 as `{third}`"
        )
    );
    assert_eq!(shares(&world, &place(VAULT, "eu-central-1"), &vault), "333344445555");
    assert_eq!(hub_snapshots(&world).len(), 1);
}

/// EBS User Guide, "Copy an Amazon EBS snapshot": without a key, `aws/ebs` is the one.
#[test]
fn without_a_key_aws_chooses() {
    let world = world().encrypted("snap-k", "vol-k", 1, [], "alias/data").snapshot(
        "snap-p",
        "vol-p",
        2,
        [],
    );
    let params = || json!({ "to": [{ "account": VAULT, "region": "eu-central-1" }] });
    assert_eq!(
        world.plan(&CopySnapshot, params()),
        format!(
            "snap-k: copy 8 GiB to {VAULT}/eu-central-1 with key `alias/aws/ebs` (full: the first \
             one there)\n\
             snap-p: copy 8 GiB to {VAULT}/eu-central-1 not encrypted (full: the first one there)"
        )
    );
    let world = ran(world, params());
    let there = place(VAULT, "eu-central-1");
    let aws = world.cloud().key_arn(&there, "alias/aws/ebs");
    let mut keys: Vec<Option<String>> =
        vault_snapshots(&world).into_iter().map(|it| it.kms_key_id).collect();
    keys.sort();
    assert_eq!(keys, [None, aws]);
}

#[test]
fn keeps_the_rules_of_an_action_within_an_account() {
    let params = json!({ "to": [{ "region": "eu-central-1" }] });
    conforms(&CopySnapshot, params, || {
        World::new()
            .at(HUB, "eu-central-1")
            .at(HUB, "eu-west-1")
            .key("alias/data", [])
            .encrypted("snap-k", "vol-k", 1, [], "alias/data")
            .task(|task| {
                let region = "eu-west-1".parse().unwrap();
                task.reach[0].regions = lamplighter_core::task::Regions::Listed(vec![region]);
            })
    });
}

/// What others share is copied with a key of the account; their tags do not show.
#[test]
fn what_others_share_is_copied_too() {
    let world = world()
        .snapshot("snap-own", "vol-o", 1, [])
        .snapshot("snap-a", "vol-a", 1, [("team", "red")])
        .snapshot("snap-b", "vol-b", 1, [])
        .owned_by("snap-a", "222233334444")
        .owned_by("snap-b", "333344445555");
    let params = || {
        json!({
            "to": [{ "key": "alias/data" }],
            "sources": "shared",
            "owners": ["222233334444"],
            "copy-tags": ["*"],
        })
    };
    assert_eq!(
        world.plan(&CopySnapshot, params()),
        "snap-a: copy 8 GiB to 111122223333/eu-west-1 with key `alias/data` (full: it gets another \
         key)\n\
         snap-b: leave because account 333344445555 shares it, which `owners` does not name\n\
         snap-own: leave because the account owns it, and `sources` is `shared`"
    );
    let world = ran(world, params());
    let copies: Vec<Snapshot> =
        hub_snapshots(&world).into_iter().filter(|it| it.id != "snap-own").collect();
    assert_eq!(copies.len(), 1);
    assert_eq!(copies[0].tags[SOURCE_TAG], "vol-a");
    assert_eq!(copies[0].tags.get("team"), None);
    assert_eq!(world.plan(&CopySnapshot, params()).lines().count(), 4);
    assert!(world.plan(&CopySnapshot, params()).contains("snap-a: leave because copied to"));
}

#[test]
fn what_others_share_goes_on_to_a_third_account_by_way_of_a_copy_here() {
    let world = world().snapshot("snap-a", "vol-a", 1, []).owned_by("snap-a", "222233334444");
    let mut params = to_vault();
    params["sources"] = json!("all");
    let world = ran(world, params);
    assert_eq!(vault_snapshots(&world).len(), 1, "{}", world.targets());
    assert_eq!(hub_snapshots(&world), [], "the copy on the way is gone");
}

#[test]
fn a_source_is_deleted_when_it_is_copied_unless_it_is_the_newest() {
    let params = || {
        let mut params = straight();
        params["delete-source"] = json!(true);
        params
    };
    let mut world = world()
        .snapshot("snap-a", "vol-a", 2, OURS)
        .snapshot("snap-b", "vol-a", 1, OURS)
        .snapshot("snap-x", "vol-a", 3, []);
    // Backups name their volume.
    for (id, tags) in [("snap-a", OURS), ("snap-b", OURS)] {
        let mut tags: lamplighter_core::Tags =
            tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        tags.insert(SOURCE_TAG.to_owned(), "vol-a".to_owned());
        world.cloud().retag_snapshot(&place(HUB, "eu-west-1"), id, tags);
    }
    world.run(&CopySnapshot, params());
    let left: Vec<String> = hub_snapshots(&world).into_iter().map(|it| it.id).collect();
    assert_eq!(left, ["snap-b", "snap-x"], "{}", world.targets());
    assert_eq!(vault_snapshots(&world).len(), 3);
    let targets = world.targets();
    assert!(targets.contains("; deleted `snap-a`"), "{targets}");
    assert!(targets.contains("; `snap-b` stays: it is the newest backup here"), "{targets}");
    assert!(targets.contains("; `snap-x` stays: no task has made it"), "{targets}");
}

/// Every permission that the parameters ask for, in both accounts, is needed: without it the copy
/// fails, and the message names it.
#[test]
fn without_any_permission_the_copy_fails_and_the_message_says_which() {
    let needs = CopySnapshot.needs(&to_vault()).unwrap();
    // Only after a mishap: twins.
    let spare = |hub: bool, action: &str| !hub && action == "ec2:DeleteSnapshot";
    for hub in [true, false] {
        let account = if hub { HUB } else { VAULT }.parse().unwrap();
        for missing in needs.of(&account, hub) {
            if spare(hub, missing) {
                continue;
            }
            let world = three();
            for (it, is_hub) in [(HUB, true), (VAULT, false)] {
                let it = it.parse().unwrap();
                let mut allowed = needs.of(&it, is_hub);
                if is_hub == hub {
                    allowed.remove(missing);
                }
                let allowed: Vec<&str> = allowed.into_iter().collect();
                world.cloud().allow_only_in(&it, &allowed);
            }
            let world = ran(world, to_vault());
            let records = world.records();
            assert!(records.contains("failed: "), "{account} without {missing}:\n{records}");
            assert!(records.contains(missing), "{account} without {missing}:\n{records}");
            // Nothing temporary stays, unless it may not be deleted.
            let hops =
                hub_snapshots(&world).iter().filter(|it| it.tags.contains_key(HOP_TAG)).count();
            let may_stay = hub && missing == "ec2:DeleteSnapshot";
            assert!(hops == 0 || may_stay, "{account} without {missing}:\n{records}");
        }
    }
}

#[test]
fn what_fails_for_one_destination_does_not_keep_the_others_from_theirs() {
    let world = world().at("222233334444", "eu-west-1").at(HUB, "eu-west-1").snapshot(
        "snap-p",
        "vol-p",
        1,
        [],
    );
    let params = json!({
        "to": [
            { "account": "222233334444" },
            { "account": VAULT, "region": "eu-central-1", "key": "alias/vault" },
        ],
    });
    let second = "222233334444".parse().unwrap();
    let needs = CopySnapshot.needs(&params).unwrap();
    let mut allowed = needs.of(&second, false);
    allowed.remove("ec2:CopySnapshot");
    world.cloud().allow_only_in(&second, &allowed.into_iter().collect::<Vec<_>>());
    let world = ran(world, params);
    assert_eq!(vault_snapshots(&world).len(), 1);
    let targets = world.targets();
    assert!(targets.contains("ec2:CopySnapshot"), "{targets}");
    assert!(targets.contains(&format!("; but copied to {VAULT}/eu-central-1 as")), "{targets}");
    assert_eq!(shares(&world, &place(HUB, "eu-west-1"), "snap-p"), "");
}

/// EBS User Guide, "Quotas for Amazon EBS": 20 copies under way to one region of an account.
#[test]
fn no_more_than_twenty_copies_are_under_way_to_a_destination() {
    let mut world = world();
    for index in 0..30 {
        world = world.snapshot(&format!("snap-p{index}"), &format!("vol-{index}"), 1, []);
    }
    let world = ran(world, straight());
    assert_eq!(vault_snapshots(&world).len(), 30);
    let calls = world.cloud().calls();
    let refused = calls.iter().filter(|it| it.operation == "CopySnapshot");
    assert_eq!(refused.count(), 30, "AWS has refused none");
}

/// EC2 API, `CopySnapshot`, `CompletionDurationMinutes`.
#[test]
fn a_copy_can_be_asked_for_within_a_time() {
    let mut params = straight();
    params["to"][0]["completion-duration"] = json!("15m");
    let world = ran(world().snapshot("snap-p", "vol-p", 1, []), params);
    assert_eq!(vault_snapshots(&world).len(), 1, "{}", world.targets());
}
