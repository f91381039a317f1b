use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::{
    bed::{Bed, place},
    iam::IdentityPolicy,
    organization::Role,
};

const OWNER: &str = "111122223333";
const OTHER: &str = "222233334444";
const DECRYPT: Use = Use::by("ec2", &["kms:Decrypt"]);

fn role_of(account: &str) -> String {
    format!("arn:aws:iam::{account}:role/ops/hub")
}

fn root_of(account: &str) -> String {
    format!("arn:aws:iam::{account}:root")
}

fn statement(effect: &str, principal: &str) -> Value {
    json!({
        "Effect": effect, "Principal": {"AWS": principal}, "Action": "kms:Decrypt",
        "Resource": "*",
    })
}

fn grant(to: &str) -> Grant {
    Grant {
        id: "g".into(),
        token: "t".into(),
        name: None,
        grantee: to.into(),
        retiring: None,
        operations: vec!["Decrypt".to_owned()],
        constraints: None,
        issuer: OWNER.parse().unwrap(),
        created_at: Timestamp::UNIX_EPOCH,
    }
}

/// Whether a role of an account, with a policy that allows decrypting or with none, decrypts with
/// a key that has this policy and these grants.
#[track_caller]
fn check(account: &str, role_may: bool, policy: &[Value], grants: &[String], expected: bool) {
    let bed = Bed::new();
    let mut key = Key::customer(&place(OWNER, "eu-west-1"), "k-1", None, Timestamp::UNIX_EPOCH);
    if !policy.is_empty() {
        key.policy = json!({"Statement": policy}).to_string().parse().unwrap();
    }
    key.grants = grants.iter().map(|it| grant(it)).collect();
    let arn = key.arn.clone();
    bed.here(|it| it.kms.put(key));
    let caller = put_role(&bed, account, role_may.then_some("kms:Decrypt"));
    let found = bed.cloud.look(|state, _| usable(state, &caller, &bed.place.region, &arn, DECRYPT));
    let expected = if expected { Ok(()) } else { Err(Unusable::Denied) };
    assert_eq!(found, expected, "{account} {role_may} {policy:?} {grants:?}");
}

fn put_role(bed: &Bed, account: &str, may: Option<&str>) -> Caller {
    let account: AccountId = account.parse().unwrap();
    let mut role = Role::open_to(&account, None);
    role.path = "/ops/".to_owned();
    role.policies = Some(may.iter().map(|it| IdentityPolicy::allowing(&[it])).collect());
    bed.cloud.look(|state, _| {
        let all = &mut state.organization.accounts;
        all.entry(account.clone()).or_default().roles.insert("hub".to_owned(), role);
    });
    Caller { account, role: Some(("hub".into(), "nightly".into())) }
}

#[test]
fn a_key_is_used_with_the_yes_of_its_policy_and_of_the_caller() {
    let allow = |principal: String| [statement("Allow", &principal)];
    // A new key leaves it to its account.
    check(OWNER, true, &[], &[], true);
    check(OWNER, false, &[], &[], false);
    check(OTHER, true, &[], &[], false);
    // The policy of the key that names a role is enough within the account only.
    check(OWNER, false, &allow(role_of(OWNER)), &[], true);
    check(OTHER, false, &allow(role_of(OTHER)), &[], false);
    check(OTHER, true, &allow(role_of(OTHER)), &[], true);
    check(OTHER, true, &allow(root_of(OTHER)), &[], true);
    check(OTHER, false, &allow(root_of(OTHER)), &[], false);
    // A policy that names somebody else shuts out the rest of the account.
    check(OWNER, true, &allow(role_of(OTHER)), &[], false);
}

#[test]
fn a_grant_stands_in_for_a_policy_that_is_silent() {
    let other = || [statement("Allow", &root_of("333344445555"))];
    check(OTHER, false, &[], &[role_of(OTHER)], true);
    check(OWNER, false, &other(), &[role_of(OWNER)], true);
    check(OWNER, false, &other(), &[role_of(OTHER)], false);
    // To an account: its own policies say who.
    check(OTHER, true, &[], &[root_of(OTHER)], true);
    check(OTHER, false, &[], &[root_of(OTHER)], false);
    // Not for one that says no.
    let denied = [statement("Deny", &role_of(OTHER))];
    check(OTHER, true, &denied, &[role_of(OTHER)], false);
}

#[test]
fn a_key_that_aws_manages_is_used_in_its_account_by_its_service() {
    let bed = Bed::new();
    let here = &bed.place;
    let usable = |caller: &Caller, alias, what| {
        let arn = Kms::managed(here, alias);
        bed.cloud.look(|state, _| usable(state, caller, &here.region, &arn, what))
    };
    let ours = put_role(&bed, OWNER, None);
    let theirs = put_role(&bed, OTHER, Some("kms:*"));
    assert_eq!(usable(&ours, "alias/aws/ebs", Use::EBS_COPY_TARGET), Ok(()));
    assert_eq!(usable(&ours, "alias/aws/rds", Use::RDS_TARGET), Ok(()));
    assert_eq!(usable(&ours, "alias/aws/rds", Use::EBS_VOLUME), Err(Unusable::Denied));
    assert_eq!(usable(&theirs, "alias/aws/ebs", Use::EBS_COPY_SOURCE), Err(Unusable::Denied));
    let administrator = Caller::administrator(theirs.account);
    assert_eq!(usable(&administrator, "alias/aws/ebs", DECRYPT), Err(Unusable::Denied));
}
