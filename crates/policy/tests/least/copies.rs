//! A copy to another account and region, with another key, in a simulated organization whose three
//! roles have exactly the policies that are printed: the hub's, the source's and the vault's.
use std::collections::BTreeSet;

use crate::support::{Bit, Mood, Trial, actions, bits, parsed, policies};
use lamplighter_core::{AccountId, job::State};
use serde_json::{Value, json};

const COPIES: &str = r#"accounts:
  prod: { id: "222233334444", role: ops/member, external-id: 7f3c, regions: [eu-west-1] }
  vault: { id: "999900001111", role: lamplighter-member, external-id: 9a1b, regions: [eu-central-1] }
tasks:
  copy-to-vault:
    action: ebs.snapshot.copy
    accounts: [prod]
    select: { tags: { backup: daily }, where: target.started_at > now - duration("24h") }
    with:
      to: [{ account: vault, region: eu-central-1, key: alias/vault }]
      hop-key: alias/backup
"#;

const DATABASES: &str = r#"accounts:
  prod: { id: "222233334444", role: ops/member, external-id: 7f3c, regions: [eu-west-1] }
  vault: { id: "999900001111", role: lamplighter-member, external-id: 9a1b, regions: [eu-central-1] }
tasks:
  copy-to-vault:
    action: rds.snapshot.copy
    accounts: [prod]
    select: { tags: { backup: daily }, where: target.created_at > now - duration("24h") }
    with:
      to:
        - account: vault
          region: eu-central-1
          key: alias/vault
          option-group: default:mysql-8-0
          share: ["444455556666"]
      hop-key: alias/backup
"#;

const IMAGES: &str = r#"accounts:
  prod: { id: "222233334444", role: ops/member, external-id: 7f3c, regions: [eu-west-1] }
  vault: { id: "999900001111", role: lamplighter-member, external-id: 9a1b, regions: [eu-central-1] }
tasks:
  copy-to-vault:
    action: ec2.image.copy
    accounts: [prod]
    select:
      tags: { "lamplighter:task": weekly-image }
      where: target.created_at > now - duration("24h")
    with:
      to: [{ account: vault, region: eu-central-1, key: alias/vault, share: ["444455556666"] }]
      hop-key: alias/backup
"#;

#[test]
fn a_copy_needs_what_is_printed_for_the_three_roles_and_without_any_of_it_says_what_is_missing() {
    check_copy(COPIES);
}

#[test]
fn so_does_one_of_an_image() {
    check_copy(IMAGES);
}

#[test]
fn so_does_one_of_a_database() {
    check_copy(DATABASES);
}

#[test]
fn so_does_one_of_a_cluster() {
    let clusters = DATABASES
        .replace("rds.snapshot.copy", "rds.cluster-snapshot.copy")
        .replace("          option-group: default:mysql-8-0\n", "")
        .replace(
            "select: { tags: { backup: daily }, where: ",
            "select: { tags: { backup: daily }, where: target.encrypted && ",
        );
    check_copy(&clusters);
}

#[track_caller]
fn check_copy(config: &str) {
    let config = parsed(config);
    let printed = policies(&config);
    assert_eq!(printed.len(), 3);
    let mut used: BTreeSet<(AccountId, String)> = BTreeSet::new();
    for mood in [Mood::Calm, Mood::Hard] {
        let mut trial = Trial::new(&config, &printed, mood);
        trial.run();
        assert_eq!(trial.failures(), Vec::<String>::new(), "{mood:?}");
        let copied = trial.jobs(&config.tasks[0].order.task, State::Succeeded);
        assert!(copied > 1, "{copied} snapshots, by way of another key and straight");
        used.extend(trial.used());
    }
    for (account, policy) in &printed {
        let used = used.iter().filter(|(id, _)| id == account).map(|(_, it)| it.clone());
        assert_eq!(
            actions(policy),
            used.collect(),
            "{account}: what is printed, and what was used"
        );
        for Bit { bit, of, without } in bits(policy) {
            let mut less = printed.clone();
            less.insert(account.clone(), without);
            let fails = |mood| {
                let mut trial = Trial::new(&config, &less, mood);
                trial.run();
                trial.failures()
            };
            let mut failures = fails(Mood::Calm);
            if failures.is_empty() {
                failures = fails(Mood::Hard);
            }
            let told = match bit.as_str() {
                "sts:AssumeRole" => "the role in account `222233334444` cannot be assumed",
                arn if arn.starts_with("arn:") => "cannot be assumed",
                action => action,
            };
            assert!(
                failures.iter().any(|it| it.contains(told)),
                "{account} without {bit} of {of}: {failures:#?}"
            );
        }
    }
}

/// The conditions under which an action is allowed.
#[track_caller]
fn check_conditions(config: &str, account: &str, action: &str, expected: &[Value]) {
    let config = parsed(config);
    let policy = &policies(&config)[&account.parse::<AccountId>().unwrap()];
    let statements = policy["Statement"].as_array().unwrap().iter();
    let with = statements.filter(|it| it["Action"].as_array().unwrap().contains(&json!(action)));
    let conditions: Vec<&Value> = with.map(|it| &it["Condition"]).collect();
    assert_eq!(conditions, expected.iter().collect::<Vec<_>>(), "{account} {action}");
}

const REGIONS: [&str; 2] = ["eu-central-1", "eu-west-1"];

#[test]
fn a_vault_asks_for_keys_where_sources_are_even_if_it_is_one_itself() {
    let both = COPIES.replace("accounts: [prod]", "accounts: [prod, vault]");
    assert_ne!(both, COPIES);
    let everywhere = json!({ "StringEquals": { "aws:RequestedRegion": REGIONS } });
    for config in [COPIES, &both] {
        check_conditions(
            config,
            "999900001111",
            "kms:DescribeKey",
            std::slice::from_ref(&everywhere),
        );
    }
}

#[test]
fn sources_are_shared_with_the_vault_only_and_get_no_other_tags_than_those_of_copies() {
    let (prod, vault) = ("222233334444", "999900001111");
    check_conditions(
        COPIES,
        prod,
        "ec2:ModifySnapshotAttribute",
        &[json!({
            "ForAllValues:StringEquals": { "ec2:Add/userId": vault },
            "Null": { "ec2:Add/group": "true" },
            "StringEquals": { "aws:RequestedRegion": REGIONS },
        })],
    );
    check_conditions(COPIES, vault, "ec2:ModifySnapshotAttribute", &[]);
    let created = json!({
        "StringEquals": { "aws:RequestedRegion": REGIONS, "ec2:CreateAction": "CopySnapshot" },
    });
    let marked = json!({
        "ForAllValues:StringLike": { "aws:TagKeys": "lamplighter:copied-to:*" },
        "StringEquals": { "aws:RequestedRegion": REGIONS },
    });
    check_conditions(COPIES, prod, "ec2:CreateTags", &[marked, created.clone()]);
    check_conditions(COPIES, vault, "ec2:CreateTags", &[created]);
    let ours = json!({
        "Null": { "aws:ResourceTag/lamplighter:task": "false" },
        "StringEquals": { "aws:RequestedRegion": REGIONS },
    });
    for account in [prod, vault] {
        check_conditions(COPIES, account, "ec2:DeleteSnapshot", std::slice::from_ref(&ours));
    }
}

/// AWS has no condition on whom an image is shared with.
/// Source: Service Authorization Reference, Amazon EC2, `ModifyImageAttribute`.
#[test]
fn only_images_of_tasks_are_shared_and_their_snapshots_with_the_vault_only() {
    let (prod, vault) = ("222233334444", "999900001111");
    let ours = json!({
        "Null": { "aws:ResourceTag/lamplighter:task": "false" },
        "StringEquals": { "aws:RequestedRegion": REGIONS },
    });
    for account in [prod, vault] {
        check_conditions(IMAGES, account, "ec2:ModifyImageAttribute", std::slice::from_ref(&ours));
    }
    check_conditions(IMAGES, prod, "ec2:DeregisterImage", &[ours]);
    check_conditions(IMAGES, vault, "ec2:DeregisterImage", &[]);
    check_conditions(
        IMAGES,
        prod,
        "ec2:ModifySnapshotAttribute",
        &[json!({
            "ForAllValues:StringEquals": { "ec2:Add/userId": ["444455556666", vault] },
            "Null": { "ec2:Add/group": "true" },
            "StringEquals": { "aws:RequestedRegion": REGIONS },
        })],
    );
}

#[test]
fn the_vault_copies_from_sources_only_and_shares_and_tags_only_its_copies() {
    let (prod, vault) = ("222233334444", "999900001111");
    let regions = json!({ "aws:RequestedRegion": REGIONS });
    let daily = json!({ "StringEquals": { "aws:RequestedRegion": REGIONS, "aws:ResourceTag/backup": "daily" } });
    let of = |key: &str| json!({ "Null": { format!("aws:{key}/lamplighter:task"): "false" }, "StringEquals": regions });
    let (new, own) = (of("RequestTag"), of("ResourceTag"));
    let anything = json!({ "StringEquals": regions });
    let all = |account, action: &str, expected: &[&Value]| {
        let expected: Vec<Value> = expected.iter().map(|it| (*it).clone()).collect();
        check_conditions(DATABASES, account, action, &expected);
    };
    all(prod, "rds:CopyDBSnapshot", &[&new, &daily]);
    all(vault, "rds:CopyDBSnapshot", &[&new, &anything]);
    all(prod, "rds:ModifyDBSnapshotAttribute", &[&daily, &own]);
    all(vault, "rds:ModifyDBSnapshotAttribute", &[&own]);
    all(prod, "rds:DeleteDBSnapshot", &[&own]);
    all(vault, "rds:DeleteDBSnapshot", &[]);
    let policy = &policies(&parsed(DATABASES))[&vault.parse::<AccountId>().unwrap()];
    let statements = policy["Statement"].as_array().unwrap().iter();
    let from = statements.filter(|it| it["Condition"] == anything);
    let from: Vec<&Value> = from
        .filter(|it| it["Action"].as_array().unwrap().contains(&json!("rds:CopyDBSnapshot")))
        .map(|it| &it["Resource"])
        .collect();
    assert_eq!(from, [&json!(["arn:aws:rds:*:222233334444:snapshot:*"])]);
}
