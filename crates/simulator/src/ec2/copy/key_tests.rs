//! A role copies a snapshot that another account shares, with the least that it and the keys need.

use serde_json::{Value, json};

use super::*;
use crate::{
    bed::Bed,
    ec2::trial::{get, put, put_key},
    iam::{IdentityPolicy, ResourcePolicy},
    organization::{Caller, Role},
};

const B: &str = "222233334444";
const ROLE: &str = "arn:aws:iam::222233334444:role/lamplighter";
const SOURCE: [&str; 4] =
    ["kms:DescribeKey", "kms:CreateGrant", "kms:Decrypt", "kms:ReEncryptFrom"];
const TARGET: [&str; 5] = [
    "kms:DescribeKey",
    "kms:CreateGrant",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptTo",
];

/// Where a permission stands.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Side {
    RoleOnSource,
    RoleOnTarget,
    SourceKey,
    TargetKey,
}

/// Allows a service to do all these in a region but one, and to grant to services of AWS only.
fn statements(region: &str, actions: &[&str], without: Option<&str>) -> Vec<Value> {
    let service = format!("ec2.{region}.amazonaws.com");
    let left = actions.iter().filter(|it| Some(**it) != without);
    left.map(|action| {
        let mut condition = json!({"StringEquals": {"kms:ViaService": service}});
        if *action == "kms:CreateGrant" {
            condition["Bool"] = json!({"kms:GrantIsForAWSResource": "true"});
        }
        json!({"Effect": "Allow", "Action": action, "Resource": "*", "Condition": condition})
    })
    .collect()
}

fn of_key(mut statements: Vec<Value>, principal: &str) -> ResourcePolicy {
    statements.iter_mut().for_each(|it| it["Principal"] = json!({"AWS": principal}));
    // A key that nobody may describe has a policy as well.
    statements.push(json!({
        "Effect": "Allow", "Principal": {"AWS": principal}, "Action": "kms:ListGrants",
        "Resource": "*",
    }));
    json!({"Statement": statements}).to_string().parse().unwrap()
}

fn of_role(mut statements: Vec<Value>, key: &str) -> IdentityPolicy {
    statements.iter_mut().for_each(|it| it["Resource"] = json!(key));
    statements.push(json!({"Effect": "Allow", "Action": "ec2:CopySnapshot", "Resource": "*"}));
    json!({"Statement": statements}).to_string().parse().unwrap()
}

/// How the copy ends when a permission is missing, or when all are there. The principal of the
/// target key is the account, which leaves it to the role's policies.
fn copied(missing: Option<(Side, &str)>) -> (State, Option<String>) {
    let lacks = |side| missing.filter(|it| it.0 == side).map(|it| it.1);
    let bed = Bed::new();
    let mut there = bed.at(B, "eu-central-1");
    let source = put_key(&bed, "source", &[]);
    let target = put_key(&there, "target", &[]);
    let set = |bed: &Bed, id: &str, policy| {
        bed.here(|it| it.kms.get_mut(id).unwrap().policy = policy);
    };
    let statements_at = |side| match side {
        Side::RoleOnSource | Side::SourceKey => statements("eu-west-1", &SOURCE, lacks(side)),
        Side::RoleOnTarget | Side::TargetKey => statements("eu-central-1", &TARGET, lacks(side)),
    };
    set(&bed, "source", of_key(statements_at(Side::SourceKey), ROLE));
    set(
        &there,
        "target",
        of_key(statements_at(Side::TargetKey), &format!("arn:aws:iam::{B}:root")),
    );
    let account = there.place.account.clone();
    let mut role = Role::open_to(&account, None);
    role.policies = Some(vec![
        of_role(statements_at(Side::RoleOnSource), &source),
        of_role(statements_at(Side::RoleOnTarget), &target),
    ]);
    there.cloud.look(|state, _| {
        let all = &mut state.organization.accounts;
        all.entry(account.clone()).or_default().roles.insert("lamplighter".to_owned(), role);
    });
    there.caller = Caller { account, role: Some(("lamplighter".into(), "nightly".into())) };
    put(&bed, "snap-a", |it| {
        it.encrypted = true;
        it.kms_key_id = Some(source.as_str().into());
        it.share.accounts.insert(B.parse().unwrap());
    });
    let copy = CopySnapshot {
        source_region: "eu-west-1".into(),
        source_snapshot_id: "snap-a".into(),
        encrypted: Some(true),
        kms_key_id: Some(target),
        ..CopySnapshot::default()
    };
    let answer = there.ask(copy).expect("keys are looked at later");
    there.pass(600);
    let made = get(&there, answer["snapshotId"].as_str().unwrap()).unwrap();
    (made.state, made.state_message.as_deref().map(str::to_owned))
}

#[test]
fn a_copy_across_accounts_needs_each_permission_on_each_side() {
    assert_eq!(copied(None), (State::Completed, None));
    let failed = (State::Error, Some(NO_KEY.to_owned()));
    for (sides, actions) in [
        ([Side::RoleOnSource, Side::SourceKey], &SOURCE[..]),
        ([Side::RoleOnTarget, Side::TargetKey], &TARGET[..]),
    ] {
        for (side, action) in sides.iter().flat_map(|it| actions.iter().map(move |a| (*it, *a))) {
            assert_eq!(copied(Some((side, action))), failed, "{side:?} without {action}");
        }
    }
}
