use jiff::SignedDuration;
use lamplighter_core::AnyAction;
use lamplighter_testkit::{World, conforms};
use serde_json::{Value, json};

use super::*;

const INSTANCES: ShareSnapshot<Instances> = ShareSnapshot::OF_INSTANCES;
const CLUSTERS: ShareSnapshot<Clusters> = ShareSnapshot::OF_CLUSTERS;
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// A snapshot that is not encrypted, and one with a key of the account and an option group.
fn world() -> World {
    World::new()
        .key("alias/data", [])
        .option_group("own", "mysql", [])
        .database_snapshot("a", "orders", 1, [])
        .snapshot_of(Kind::Instance, "k", "orders", 2, [], |it| {
            it.encrypted = true;
            it.kms_key_id = Some("arn:aws:kms:eu-west-1:111122223333:key/data".to_owned());
            it.option_group = Some("own".to_owned());
        })
}

/// The same of a cluster.
fn of_cluster() -> World {
    World::new().key("alias/data", []).cluster_snapshot("a", "orders", 1, []).encrypted_snapshot_of(
        Kind::Cluster,
        "k",
        "orders",
        2,
        [],
        "alias/data",
    )
}

fn with_two() -> Value {
    json!({ "with": ["999900001111", "222233334444"] })
}

fn ran(mut world: World, params: Value) -> World {
    world.run(&INSTANCES, params);
    world
}

fn share(world: &World, name: &str, with: &[&str]) {
    let with: Vec<AccountId> = with.iter().map(|it| it.parse().unwrap()).collect();
    world.cloud().cloud().share_database_snapshot(world.here(), Kind::Instance, name, &with);
}

fn shares(world: &World, name: &str) -> String {
    let cloud = world.cloud().cloud();
    let shares = cloud.shares_of_database_snapshot(world.here(), Kind::Instance, name);
    shares.into_iter().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn check_plan(world: World, params: Value, expected: &[&str]) {
    assert_eq!(world.plan(&INSTANCES, params), expected.join("\n"));
}

#[test]
fn keeps_the_rules_of_an_action() {
    conforms(&INSTANCES, with_two(), world);
    let params = json!({ "with": ["999900001111"], "withdraw": ["222233334444"], "for": "7d" });
    conforms(&INSTANCES, params, || {
        let world = world();
        share(&world, "k", &["222233334444"]);
        world
    });
}

#[test]
fn keeps_the_rules_of_an_action_on_clusters() {
    conforms(&CLUSTERS, json!({ "with": ["999900001111"], "for": "7d" }), of_cluster);
}

#[track_caller]
fn check_params(params: Value, expected: Result<(), &str>) {
    let found = INSTANCES.check_params(&params).map_err(|bad| bad.path);
    assert_eq!(found, expected.map_err(str::to_owned), "{params}");
}

fn accounts(count: u64) -> Vec<String> {
    (0..count).map(|it| format!("{:012}", 300_000_000_000_u64 + it)).collect()
}

#[test]
fn parameters_that_aws_would_refuse_are_refused_before() {
    check_params(with_two(), Ok(()));
    check_params(json!({}), Err(""));
    check_params(json!({ "with": ["all"] }), Err("with[0]"));
    check_params(json!({ "with": accounts(20) }), Ok(()));
    check_params(json!({ "with": accounts(21) }), Err("with"));
    check_params(json!({ "withdraw": accounts(21) }), Ok(()));
}

#[test]
fn the_plan_says_who_is_added_and_what_the_key_must_allow() {
    let world = world();
    share(&world, "a", &["222233334444"]);
    check_plan(
        world,
        with_two(),
        &[
            "a: share with 999900001111",
            "k: share with 222233334444, 999900001111 because they can use it when the policy of \
             its key `arn:aws:kms:eu-west-1:111122223333:key/data` has this statement: \
             {\"Effect\": \"Allow\", \"Principal\": {\"AWS\": \
             [\"arn:aws:iam::222233334444:root\", \"arn:aws:iam::999900001111:root\"]}, \
             \"Action\": [\"kms:CreateGrant\", \"kms:Decrypt\", \"kms:DescribeKey\", \
             \"kms:ReEncryptFrom\"], \"Resource\": \"*\"}",
        ],
    );
}

/// Source: RDS User Guide, "Sharing a DB snapshot for Amazon RDS", limitations.
#[test]
fn what_aws_does_not_share_is_known_before_with_the_reason() {
    #[track_caller]
    fn check(change: impl FnOnce(&mut Snapshot), expected: &str) {
        let world = World::new()
            .option_group("oracle", "oracle-ee", ["TDE"])
            .option_group("zone", "oracle-ee", ["Timezone"])
            .snapshot_of(Kind::Instance, "s", "orders", 1, [], change);
        check_plan(world, json!({ "with": ["999900001111"] }), &[expected]);
    }
    let act = "s: share with 999900001111";
    check(|_| {}, act);
    check(|it| it.option_group = Some("zone".to_owned()), act);
    let left = |reason: &str| format!("s: leave because {reason}");
    check(
        |it| it.option_group = Some("oracle".to_owned()),
        "problem: s: its option group `oracle` has the persistent option `TDE`, and AWS shares no \
         such snapshot",
    );
    for (snapshot_type, name) in [("automated", "automated"), ("awsbackup", "awsbackup")] {
        check(
            |it| it.snapshot_type = snapshot_type.to_owned(),
            &left(&format!(
                "it is `{name}`, and AWS shares only manual ones: `rds.snapshot.copy` makes one"
            )),
        );
    }
    for state in ["creating", "copying", "failed"] {
        let reason = format!("it is `{state}`: only what is available is shared");
        check(|it| it.state = state.to_owned(), &left(&reason));
    }
    check(|it| it.engine = "neptune".to_owned(), &left("it is of Amazon Neptune, not of RDS"));
    check(
        |it| _ = it.tags.insert("lamplighter:hop-of".to_owned(), "x".to_owned()),
        &left("it is on the way to another copy"),
    );
}

#[test]
fn what_is_encrypted_with_the_key_of_aws_fails_before_anything_is_done() {
    let world =
        World::new().encrypted_snapshot_of(Kind::Instance, "e", "orders", 1, [], "alias/aws/rds");
    let key = world.cloud().key_arn(world.here(), "alias/aws/rds").unwrap();
    let world = ran(world, with_two());
    assert_eq!(
        world.targets(),
        format!(
            "e failed: it is encrypted with `{key}`, a key of AWS that no other account can use: \
             copy it with a key of your own (`rds.snapshot.copy`) and share the copy"
        )
    );
    world.assert_nothing_written();
}

/// Source: RDS User Guide, "Sharing a DB snapshot for Amazon RDS": 20 accounts.
#[test]
fn no_more_than_twenty_accounts_and_whoever_goes_makes_room() {
    let many = accounts(20);
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let world = || World::new().database_snapshot("a", "orders", 1, []);
    let full = world();
    share(&full, "a", &many);
    check_plan(
        full,
        json!({ "with": ["999900001111"] }),
        &["problem: a: AWS shares a snapshot with at most 20 accounts, these are 21: withdraw it \
           from some first"],
    );
    let full = world();
    share(&full, "a", &many);
    let params = json!({ "with": ["999900001111"], "withdraw": [many[0]] });
    let world = ran(full, params);
    assert_eq!(shares(&world, "a"), [&many[1..], &["999900001111"]].concat().join(" "));
}

#[test]
fn what_was_shared_for_a_time_is_withdrawn_by_the_first_run_after_it_and_not_shared_again() {
    let params = || json!({ "with": ["999900001111"], "for": "1h" });
    let mut world = ran(World::new().database_snapshot("a", "orders", 1, []), params());
    assert_eq!(shares(&world, "a"), "999900001111");
    world.clock().advance(HOUR / 2);
    let same = "a: leave because everything is so already";
    assert_eq!(world.plan(&INSTANCES, params()), same);
    world.clock().advance(HOUR);
    assert_eq!(
        world.plan(&INSTANCES, params()),
        "a: withdraw from 999900001111, whose time is over"
    );
    world.run(&INSTANCES, params());
    assert_eq!(shares(&world, "a"), "");
    assert_eq!(world.plan(&INSTANCES, params()), same);
}
