//! Copies that run to the end.

use super::*;

/// One under AWS's own key, which needs a copy on the way.
fn hop(kind: Kind) -> World {
    world().encrypted_snapshot_of(kind, "e", "orders", 1, [], "alias/aws/rds")
}

/// One that needs none, with an option group of its own.
fn direct() -> World {
    world()
        .option_group("own", "mysql", [])
        .at(VAULT, "eu-central-1")
        .option_group("there", "mysql", [])
        .at(HUB, "eu-west-1")
        .snapshot_of(Kind::Instance, "p", "orders", 2, [("team", "red")], |it| {
            it.option_group = Some("own".to_owned());
        })
}

#[test]
fn keeps_the_rules_of_an_action_across_accounts_regions_and_keys() {
    let mut params = to_vault();
    params["copy-tags"] = json!(["*"]);
    params["to"][0]["option-group"] = json!("there");
    // An option group is looked at only where it is named.
    let by_way = || {
        hop(Kind::Instance)
            .at(VAULT, "eu-central-1")
            .option_group("there", "mysql", [])
            .at(HUB, "eu-west-1")
    };
    conforms_in(&INSTANCES, params, &[&by_way, &direct]);
}

#[test]
fn keeps_the_rules_of_an_action_on_clusters() {
    let direct =
        || world().encrypted_snapshot_of(Kind::Cluster, "k", "orders", 1, [], "alias/data");
    conforms_in(&CLUSTERS, to_vault(), &[&|| hop(Kind::Cluster), &direct]);
}

#[test]
fn a_worker_that_dies_at_any_call_leaves_one_copy_and_none_on_the_way() {
    check_deaths(&INSTANCES, Kind::Instance);
    check_deaths(&CLUSTERS, Kind::Cluster);
}

#[track_caller]
fn check_deaths(action: &'static dyn AnyAction, kind: Kind) {
    let calls = ran(action, hop(kind), to_vault()).faults().calls();
    assert!(calls > 20, "{calls} calls, each of them the last one of a worker");
    for (call, mishap) in (1..=calls)
        .flat_map(|call| [Mishap::CrashBefore, Mishap::CrashAfter].map(|mishap| (call, mishap)))
    {
        let world = hop(kind);
        world.faults().at_calls(call..=call, mishap);
        let world = ran(action, world, to_vault());
        let case = format!("{mishap:?} at call {call}: {}", world.records());
        let [copy] = &in_vault(&world, kind)[..] else { panic!("not one copy: {case}") };
        assert_eq!(copy.state, "available", "{case}");
        assert_eq!(names(&in_hub(&world, kind)), ["e"], "{case}");
        assert_eq!(shares(&world, &place(HUB, "eu-west-1"), kind, "e"), "", "{case}");
    }
}

#[test]
fn a_copy_under_the_key_of_aws_goes_by_way_of_another_key() {
    let world = ran(&INSTANCES, hop(Kind::Instance), to_vault());
    let name = "orders-20260302-020000-4c665d9327";
    let copies = in_vault(&world, Kind::Instance);
    assert_eq!(
        world.targets(),
        format!("e succeeded: copied to {VAULT}/eu-central-1 as `{}`", copies[0].id)
    );
    let job = "nightly@2026-03-02T02:00:00Z/111122223333/eu-west-1/e";
    let tags = [
        (COPIED_FROM_TAG, "arn:aws:rds:eu-west-1:111122223333:snapshot:e"),
        (JOB_TAG, job),
        (SOURCE_TAG, "arn:aws:rds:eu-west-1:111122223333:db:orders"),
        (TAKEN_AT_TAG, "2026-03-01T02:00:00Z"),
        (TASK_TAG, "nightly"),
    ];
    let hop = copies[0].copied_from.clone();
    assert_eq!(hop.as_deref().map(|it| it.contains("-hop-")), Some(true), "{hop:?}");
    let expected = Snapshot {
        id: name.to_owned(),
        snapshot_type: "manual".to_owned(),
        state: "available".to_owned(),
        encrypted: true,
        kms_key_id: Some("arn:aws:kms:eu-central-1:999900001111:key/vault".to_owned()),
        tags: tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        ..copies[0].clone()
    };
    assert_eq!(copies, [expected]);
    // The copy on the way is gone, and the source knows its copy.
    let left = in_hub(&world, Kind::Instance);
    assert_eq!(names(&left), ["e"]);
    let mark = [(format!("lamplighter:copied-to:{VAULT}/eu-central-1"), name.to_owned())];
    assert_eq!(left[0].tags, mark.into());
}

#[test]
fn what_is_shared_for_a_copy_is_shared_no_longer_and_what_was_shared_before_still_is() {
    let world =
        world().database_snapshot("a", "orders", 1, []).database_snapshot("b", "users", 1, []);
    let hub = place(HUB, "eu-west-1");
    let with = [VAULT, "222233334444"].map(|it| it.parse().unwrap());
    world.cloud().cloud().share_database_snapshot(&hub, Kind::Instance, "b", &with);
    let world = ran(&INSTANCES, world, plain());
    assert_eq!(in_vault(&world, Kind::Instance).len(), 2, "{}", world.targets());
    assert_eq!(shares(&world, &hub, Kind::Instance, "a"), "");
    assert_eq!(shares(&world, &hub, Kind::Instance, "b"), format!("222233334444 {VAULT}"));
}

#[test]
fn what_rds_has_made_by_itself_leaves_by_way_of_a_manual_copy_with_its_key() {
    let automated = |it: &mut Snapshot| {
        it.snapshot_type = "automated".to_owned();
        it.encrypted = true;
        it.kms_key_id = Some("arn:aws:kms:eu-west-1:111122223333:key/data".to_owned());
    };
    let world = world().snapshot_of(Kind::Instance, "rds:orders-2026", "orders", 1, [], automated);
    let mut params = straight();
    params["sources"] = json!("automated");
    let world = ran(&INSTANCES, world, params);
    assert_eq!(in_vault(&world, Kind::Instance).len(), 1, "{}", world.targets());
    assert_eq!(names(&in_hub(&world, Kind::Instance)), ["rds:orders-2026"]);
}

#[test]
fn what_rds_has_made_by_itself_becomes_manual_where_it_is_and_can_be_shared() {
    let world = world().snapshot_of(Kind::Cluster, "rds:orders-2026", "orders", 1, [], |it| {
        it.snapshot_type = "automated".to_owned();
    });
    let to = json!([{ "region": "eu-west-1", "share": ["222233334444"] }]);
    let params = || json!({ "to": to, "sources": "automated" });
    let world = ran(&CLUSTERS, world, params());
    let left = in_hub(&world, Kind::Cluster);
    assert_eq!(left.len(), 2, "{}", world.targets());
    let copy = left.iter().find(|it| it.snapshot_type == "manual").unwrap();
    let hub = place(HUB, "eu-west-1");
    assert_eq!(shares(&world, &hub, Kind::Cluster, &copy.id), "222233334444");
    let again = world.plan(&CLUSTERS, params());
    assert!(again.contains("rds:orders-2026: leave because copied to"), "{again}");
}

#[test]
fn several_destinations_share_one_copy_on_the_way() {
    let world = world()
        .at("222233334444", "eu-west-1")
        .key("alias/second", [])
        .at(HUB, "us-east-1")
        .key("alias/east", [])
        .at(HUB, "eu-west-1")
        .key("alias/both", [VAULT, "222233334444"])
        .encrypted_snapshot_of(Kind::Instance, "e", "orders", 1, [], "alias/aws/rds");
    let params = json!({
        "to": [
            { "account": VAULT, "region": "eu-central-1", "key": "alias/vault",
              "share": ["333344445555"] },
            { "account": "222233334444", "key": "alias/second" },
            { "region": "us-east-1", "key": "alias/east" },
        ],
        "hop-key": "alias/both",
    });
    let world = ran(&INSTANCES, world, params);
    let calls = world.cloud().calls();
    let copies = calls.iter().filter(|it| it.operation == "CopyDBSnapshot").count();
    assert_eq!(copies, 4, "{}", world.targets());
    for (account, region, with) in [
        (VAULT, "eu-central-1", "333344445555"),
        ("222233334444", "eu-west-1", ""),
        (HUB, "us-east-1", ""),
    ] {
        let there = place(account, region);
        let found = world.cloud().database_snapshots_in(&there, Kind::Instance);
        let [copy] = &found[..] else { panic!("{there}: {}", world.targets()) };
        assert_eq!(shares(&world, &there, Kind::Instance, &copy.id), with);
    }
    assert_eq!(names(&in_hub(&world, Kind::Instance)), ["e"]);
}

/// Every permission that the parameters ask for, in both accounts, is needed: without it the copy
/// fails, and the message names it.
#[test]
fn without_any_permission_the_copy_fails_and_the_message_says_which() {
    check_permissions(&INSTANCES, Kind::Instance);
    check_permissions(&CLUSTERS, Kind::Cluster);
}

/// One by way of a copy, one straight, and one under a key that the vault may not use. AWS's own
/// key lets everybody in its account use it, and so that one alone would not show what the hub's
/// role needs.
fn three(kind: Kind) -> World {
    let world = hop(kind)
        .encrypted_snapshot_of(kind, "p", "users", 2, [], "alias/data")
        .key("alias/closed", [])
        .encrypted_snapshot_of(kind, "c", "items", 1, [], "alias/closed");
    match kind {
        Kind::Cluster => world,
        Kind::Instance => {
            let world = world.option_group("own", "mysql", []);
            let own = |it: &mut Snapshot| it.option_group = Some("own".to_owned());
            world.snapshot_of(kind, "g", "groups", 1, [], own)
        }
    }
}

#[track_caller]
fn check_permissions(action: &'static dyn AnyAction, kind: Kind) {
    let mut params = to_vault();
    if kind == Kind::Instance {
        params["to"][0]["option-group"] = json!("default:mysql-8-0");
    }
    let params = || params.clone();
    let needs = action.needs(&params()).unwrap();
    for hub in [true, false] {
        let account = if hub { HUB } else { VAULT }.parse().unwrap();
        for missing in needs.of(&account, hub) {
            let world = three(kind);
            for (it, is_hub) in [(HUB, true), (VAULT, false)] {
                let it = it.parse().unwrap();
                let mut allowed = needs.of(&it, is_hub);
                if is_hub == hub {
                    allowed.remove(missing);
                }
                let allowed: Vec<&str> = allowed.into_iter().collect();
                world.cloud().allow_only_in(&it, &allowed);
            }
            let world = ran(action, world, params());
            let records = world.records();
            assert!(records.contains("failed: "), "{account} without {missing}:\n{records}");
            assert!(records.contains(missing), "{account} without {missing}:\n{records}");
            // Nothing temporary stays, unless it may not be deleted.
            let left = in_hub(&world, kind);
            let hops = left.iter().filter(|it| it.tags.contains_key(HOP_TAG)).count();
            let may_stay = hub && missing.starts_with("rds:DeleteDB");
            assert!(hops == 0 || may_stay, "{account} without {missing}:\n{records}");
        }
    }
}

/// Source: RDS User Guide, "Copying a DB snapshot for Amazon RDS", and Aurora User Guide, "DB
/// cluster snapshot copying": 20 and 5 copies under way to one region of an account.
#[test]
fn no_more_copies_are_under_way_to_a_destination_than_aws_allows() {
    check_gate(&INSTANCES, Kind::Instance, "CopyDBSnapshot", 25);
    check_gate(&CLUSTERS, Kind::Cluster, "CopyDBClusterSnapshot", 12);
}

#[track_caller]
fn check_gate(action: &'static dyn AnyAction, kind: Kind, operation: &str, count: usize) {
    let mut world = world();
    for index in 0..count {
        world =
            world.snapshot_of(kind, &format!("s-{index}"), &format!("db-{index}"), 1, [], |_| {});
    }
    let world = ran(action, world, plain());
    assert_eq!(in_vault(&world, kind).len(), count, "{}", world.targets());
    let calls = world.cloud().calls();
    let calls = calls.iter().filter(|it| it.operation == operation).count();
    assert_eq!(calls, count, "AWS has refused none");
}

#[test]
fn a_copy_that_finds_no_room_waits_for_some() {
    let mut world = world().at(VAULT, "eu-central-1");
    for index in 0..100 {
        world = world.database_snapshot(&format!("v-{index}"), "other", 1, []);
    }
    let mut world = world.at(HUB, "eu-west-1").database_snapshot("a", "orders", 1, []);
    let there = place(VAULT, "eu-central-1");
    let engines = world.begin(&INSTANCES, plain());
    world.clock().advance(jiff::SignedDuration::from_hours(3));
    world.tick(&engines);
    assert_eq!(world.targets(), "a open: ");
    world.cloud().cloud().remove_database_snapshot(&there, Kind::Instance, "v-0");
    world.run_to_the_end(&engines);
    assert!(world.targets().starts_with("a succeeded"), "{}", world.targets());
}
