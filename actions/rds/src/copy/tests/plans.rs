//! What is planned, and what is known to be missing before anything is done.

use super::*;

#[track_caller]
fn check_params(action: &dyn AnyAction, params: Value, expected: Result<(), &str>) {
    let found = action.check_params(&params).map_err(|bad| bad.path);
    assert_eq!(found, expected.map_err(str::to_owned), "{params}");
}

#[test]
fn parameters_that_cannot_be_are_refused() {
    check_params(&INSTANCES, to_vault(), Ok(()));
    check_params(&INSTANCES, json!({}), Err(""));
    check_params(&INSTANCES, json!({ "to": [] }), Err("to"));
    check_params(&INSTANCES, json!({ "to": [{}] }), Err("to[0]"));
    let twice = json!({ "account": VAULT, "region": "eu-central-1" });
    check_params(&INSTANCES, json!({ "to": [twice, twice] }), Err("to[1]"));
    let many: Vec<String> = (0..21).map(|it| format!("{:012}", 300_000_000_000_u64 + it)).collect();
    let share = |with: &[String]| json!({ "to": [{ "account": VAULT, "share": with }] });
    check_params(&INSTANCES, share(&many[..20]), Ok(()));
    check_params(&INSTANCES, share(&many), Err("to[0].share"));
    let group = json!({ "to": [{ "account": VAULT, "option-group": "own" }] });
    check_params(&INSTANCES, group.clone(), Ok(()));
    check_params(&CLUSTERS, group, Err("to[0].option-group"));
    let tagged = |name: &str| json!({ "to": [{ "account": VAULT }], "tags": { name: "{source}" } });
    check_params(&INSTANCES, tagged("of"), Ok(()));
    for name in ["aws:x", "rds:x", "lamplighter:job", "a,b"] {
        check_params(&INSTANCES, tagged(name), Err(&format!("tags.{name}")));
    }
}

#[track_caller]
fn check(action: &'static dyn AnyAction, world: World, params: Value, expected: &[&str]) {
    assert_eq!(world.plan(action, params), expected.join("\n"));
}

const THERE: &str = "copy 20 GiB to 999900001111/eu-central-1 with key `alias/vault`";

fn aws_key(world: &World) -> String {
    world.cloud().key_arn(world.here(), "alias/aws/rds").unwrap()
}

/// What is shared, in whose account, of which region: AWS takes it there in one call, or by way of
/// a copy. Source: RDS User Guide, "Sharing a DB snapshot for Amazon RDS".
#[test]
fn the_plan_says_which_way_and_which_keys() {
    let world = world()
        .encrypted_snapshot_of(Kind::Instance, "aws", "orders", 1, [], "alias/aws/rds")
        .encrypted_snapshot_of(Kind::Instance, "own", "orders", 1, [], "alias/data")
        .database_snapshot("plain", "orders", 1, [])
        .snapshot_of(Kind::Instance, "rds:orders-2026", "orders", 1, [], |it| {
            it.snapshot_type = "automated".to_owned();
        });
    let key = aws_key(&world);
    let mut params = to_vault();
    params["sources"] = json!("all");
    let automated = "because it is automated, and AWS shares only manual ones";
    check(
        &INSTANCES,
        world,
        params,
        &[
            &format!(
                "aws: {THERE} by way of a copy here with key `alias/hop` because its key `{key}` \
                 is AWS's own, which no other account can use"
            ),
            &format!("own: {THERE}"),
            &format!("plain: {THERE}"),
            &format!("rds:orders-2026: {THERE} by way of a copy here {automated}"),
        ],
    );
}

/// One call takes a snapshot to another region of the account, whoever has made it and whatever
/// its key. Source: RDS User Guide, "Copying a DB snapshot for Amazon RDS".
#[test]
fn within_an_account_nothing_goes_by_way_of_a_copy() {
    let world = World::new()
        .at(HUB, "eu-central-1")
        .key("alias/there", [])
        .at(HUB, "eu-west-1")
        .task(|task| {
            let region = "eu-west-1".parse().unwrap();
            task.reach[0].regions = lamplighter_core::task::Regions::Listed(vec![region]);
        })
        .encrypted_snapshot_of(Kind::Instance, "aws", "orders", 1, [], "alias/aws/rds")
        .snapshot_of(Kind::Instance, "rds:orders-2026", "orders", 1, [], |it| {
            it.snapshot_type = "automated".to_owned();
        });
    let to = json!([{ "region": "eu-central-1", "key": "alias/there" }, { "region": "eu-west-1" }]);
    let there = "copy 20 GiB to 111122223333/eu-central-1 with key `alias/there`";
    check(
        &INSTANCES,
        world,
        json!({ "to": to, "sources": "all" }),
        &[
            &format!("aws: {there} because it is in 111122223333/eu-west-1 itself"),
            &format!("rds:orders-2026: {there}, and to 111122223333/eu-west-1 not encrypted"),
        ],
    );
}

const STATEMENT: &str = "{\"Effect\": \"Allow\", \"Principal\": {\"AWS\": \
     [\"arn:aws:iam::999900001111:root\"]}, \"Action\": [\"kms:CreateGrant\", \"kms:Decrypt\", \
     \"kms:DescribeKey\", \"kms:ReEncryptFrom\"], \"Resource\": \"*\"}";

#[test]
fn what_keys_lack_is_known_before_in_words_to_paste() {
    let closed = || {
        world().key("alias/closed", []).encrypted_snapshot_of(
            Kind::Instance,
            "s",
            "orders",
            1,
            [],
            "alias/closed",
        )
    };
    let missing = format!(
        "its key `arn:aws:kms:eu-west-1:111122223333:key/closed` is not open to account \
         `{VAULT}`: its policy needs the statement {STATEMENT}, and the role there \
         `kms:DescribeKey` on it"
    );
    let cure = "set `hop-key` to a key in 111122223333/eu-west-1 that `999900001111` may use";
    let problem = format!("problem: s: {missing}: or {cure}");
    check(&INSTANCES, closed(), straight(), &[&problem]);
    let by_way = format!("s: {THERE} by way of a copy here with key `alias/hop` because {missing}");
    check(&INSTANCES, closed(), to_vault(), &[&by_way]);

    let of =
        |alias: &str| world().encrypted_snapshot_of(Kind::Instance, "s", "orders", 1, [], alias);
    let world = of("alias/aws/rds");
    let own = format!(
        "problem: s: its key `{}` is AWS's own, which no other account can use: {cure}",
        aws_key(&world)
    );
    check(&INSTANCES, world, straight(), &[&own]);
    check(
        &INSTANCES,
        of("alias/data"),
        plain(),
        &[
            "problem: s: it is encrypted, and a copy in 999900001111/eu-central-1 needs a key there: \
           set the destination's `key`",
        ],
    );
    let mut shared = straight();
    shared["to"][0]["share"] = json!(["222233334444"]);
    shared["to"][0]["key"] = json!("alias/aws/rds");
    check(
        &INSTANCES,
        of("alias/data"),
        shared,
        &["problem: s: its copy in 999900001111/eu-central-1 would be encrypted with \
           `alias/aws/rds`, a key of AWS, and could not be shared: set the destination's `key`"],
    );
}

/// Source: Aurora User Guide, "DB cluster snapshot copying", limitations.
#[test]
fn aurora_encrypts_no_copy_of_what_is_not_encrypted() {
    let world = || world().cluster_snapshot("s", "orders", 1, []);
    check(
        &CLUSTERS,
        world(),
        straight(),
        &["problem: s: it is not encrypted, and AWS encrypts no copies of such snapshots of \
           clusters: leave out the key `alias/vault` of 999900001111/eu-central-1"],
    );
    let act = "s: copy it to 999900001111/eu-central-1 not encrypted";
    check(&CLUSTERS, world(), plain(), &[act]);
}

/// Source: RDS User Guide, "Copying a DB snapshot", considerations for option groups.
#[test]
fn option_groups_that_do_not_go_along_are_known_before() {
    let world = |options: [&str; 1]| {
        world()
            .option_group("own", "mysql", options)
            .at(VAULT, "eu-central-1")
            .option_group("there", "mysql", ["OLS"])
            .option_group("other", "postgres", ["OLS"])
            .at(HUB, "eu-west-1")
            .snapshot_of(Kind::Instance, "s", "orders", 1, [], |it| {
                it.option_group = Some("own".to_owned());
            })
    };
    let with = |group: &str| {
        let mut params = plain();
        params["to"][0]["option-group"] = json!(group);
        params
    };
    check(
        &INSTANCES,
        world(["OLS"]),
        plain(),
        &[
            "problem: s: its option group `own` does not go to 999900001111/eu-central-1: create one \
           there for `mysql` with the same options, and set the destination's `option-group` to \
           it, or to a default one such as `default:mysql-…`",
        ],
    );
    let act = "s: copy 20 GiB to 999900001111/eu-central-1 not encrypted";
    check(&INSTANCES, world(["OLS"]), with("there"), &[act]);
    check(&INSTANCES, world(["OLS"]), with("default:mysql-8-0"), &[act]);
    check(
        &INSTANCES,
        world(["OLS"]),
        with("other"),
        &["problem: s: the option group `other` in 999900001111/eu-central-1 is for `postgres`, \
           and it is of `mysql`"],
    );
    check(
        &INSTANCES,
        world(["TDE"]),
        with("there"),
        &["problem: s: its option group `own` has the persistent option `TDE`, and AWS shares no \
           such snapshot"],
    );
    let plan = world(["OLS"]).plan(&INSTANCES, with("none"));
    let missing = "there is no option group `none` in 999900001111/eu-central-1: create it";
    assert!(plan.contains(missing), "{plan}");
}

#[track_caller]
fn check_left(change: impl FnOnce(&mut Snapshot), reason: &str) {
    let world = world().snapshot_of(Kind::Instance, "s", "orders", 1, [], change);
    check(&INSTANCES, world, plain(), &[&format!("s: leave because {reason}")]);
}

/// Source: RDS User Guide, "Copying a DB snapshot for Amazon RDS", limitations.
#[test]
fn what_aws_does_not_copy_is_left_with_the_reason() {
    for state in ["creating", "copying", "failed"] {
        let reason = format!("it is `{state}`: only what is available is copied");
        check_left(|it| it.state = state.to_owned(), &reason);
    }
    check_left(
        |it| it.snapshot_type = "automated".to_owned(),
        "it is `automated`, which `sources` does not include",
    );
    check_left(
        |it| it.snapshot_type = "awsbackup".to_owned(),
        "AWS Backup manages it: copy it there",
    );
    check_left(
        |it| it.engine = "custom-oracle-ee".to_owned(),
        "AWS copies no snapshots of RDS Custom",
    );
    check_left(|it| it.engine = "docdb".to_owned(), "it is of Amazon DocumentDB, not of RDS");
    check_left(
        |it| _ = it.tags.insert(HOP_TAG.to_owned(), "x".to_owned()),
        "it is on the way to another copy",
    );
    let multi_az = world().snapshot_of(Kind::Cluster, "s", "orders", 1, [], |it| {
        it.engine = "postgres".to_owned();
    });
    let reason = "s: leave because AWS copies no snapshots of Multi-AZ DB clusters";
    check(&CLUSTERS, multi_az, plain(), &[reason]);
}

#[test]
fn nothing_leaves_a_partition() {
    let world = world().at(VAULT, "cn-north-1").at(HUB, "eu-west-1");
    let params = json!({ "to": [{ "account": VAULT, "region": "cn-north-1" }] });
    check(
        &INSTANCES,
        world.database_snapshot("s", "orders", 1, []),
        params,
        &["problem: s: AWS copies nothing from the partition `aws` to `aws-cn`"],
    );
}

#[test]
fn a_snapshot_is_copied_once_whichever_task_has_copied_it() {
    let arn = "arn:aws:rds:eu-west-1:111122223333:snapshot:s";
    let copied = |from: &str, taken_at: &str, state: &str| {
        let tags = [(COPIED_FROM_TAG, from), (TAKEN_AT_TAG, taken_at), (TASK_TAG, "another")];
        world()
            .database_snapshot("s", "orders", 1, [])
            .at(VAULT, "eu-central-1")
            .snapshot_of(Kind::Instance, "c", "orders", 0, tags, |it| it.state = state.to_owned())
            .at(HUB, "eu-west-1")
    };
    let plan = |world: World| {
        let plan = world.plan(&INSTANCES, plain());
        plan.lines().find(|it| it.starts_with("s:")).unwrap().to_owned()
    };
    let (at, act) =
        ("2026-03-01T02:00:00Z", "s: copy 20 GiB to 999900001111/eu-central-1 not encrypted");
    assert_eq!(
        plan(copied(arn, at, "available")),
        "s: leave because copied to 999900001111/eu-central-1 as `c`"
    );
    assert_eq!(
        plan(copied(arn, at, "copying")),
        "s: leave because `c` in 999900001111/eu-central-1 is being made of it"
    );
    assert_eq!(plan(copied(arn, at, "failed")), act);
    // Another one of the same name was copied, or one of another account.
    assert_eq!(plan(copied(arn, "2026-02-01T02:00:00Z", "available")), act);
    assert_eq!(plan(copied(&arn.replace(HUB, "222233334444"), at, "available")), act);
}

/// Source: RDS User Guide, "Quotas and constraints for Amazon RDS": 100 manual snapshots.
#[test]
fn the_plan_says_where_there_is_no_room() {
    let mut world = world().at(VAULT, "eu-central-1");
    for index in 0..99 {
        world = world.database_snapshot(&format!("v-{index}"), "other", 1, []);
    }
    let world = world
        .at(HUB, "eu-west-1")
        .database_snapshot("a", "orders", 1, [])
        .database_snapshot("b", "orders", 2, []);
    let act = "copy 20 GiB to 999900001111/eu-central-1 not encrypted";
    let plan = world.plan(&INSTANCES, plain());
    let lines: Vec<&str> =
        plan.lines().filter(|it| it.starts_with("a:") || it.starts_with("b:")).collect();
    assert_eq!(
        lines,
        [
            format!("a: {act}"),
            format!(
                "b: {act} because when there is room: 999900001111/eu-central-1 has 99 manual \
                 snapshots of at most 100"
            ),
        ]
    );
}

#[test]
fn tags_that_do_not_fit_are_known_before() {
    let many = |count: usize| -> lamplighter_core::Tags {
        (0..count).map(|index| (format!("tag-{index:02}"), String::new())).collect()
    };
    let with = |count| {
        world().snapshot_of(Kind::Instance, "s", "orders", 1, [], |it| it.tags = many(count))
    };
    let mut params = plain();
    params["copy-tags"] = json!(["*"]);
    check(
        &INSTANCES,
        with(46),
        params,
        &["s: copy 20 GiB to 999900001111/eu-central-1 not encrypted because a snapshot has at \
           most 50 tags: does not copy `tag-45`"],
    );
    check(
        &INSTANCES,
        with(50),
        plain(),
        &["problem: s: its 50 tags leave no room for those that name its copies: AWS allows at \
             most 50"],
    );
}
