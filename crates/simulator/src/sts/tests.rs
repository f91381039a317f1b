use jiff::SignedDuration;
use lamplighter_core::AccountId;
use serde_json::json;

use super::{AssumeRole, GetCallerIdentity};
use crate::{
    bed::Bed,
    ec2::{regions::DescribeRegions, volumes::DescribeVolumes},
    organization::{Caller, Role, Stranger},
};

const HUB: &str = "111122223333";
const MEMBER: &str = "222233334444";
const ARN: &str = "arn:aws:iam::222233334444:role/ops/lamplighter";

fn id(account: &str) -> AccountId {
    account.parse().unwrap()
}

/// A member account with a role that the hub may assume with the external id `7f3c`.
fn bed() -> Bed {
    let bed = Bed::new();
    bed.at(MEMBER, "eu-west-1");
    put_role(&bed, None);
    bed
}

fn put_role(bed: &Bed, policy: Option<serde_json::Value>) {
    let trust = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": {"AWS": HUB}, "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": "7f3c"}},
    }});
    let role = Role {
        path: "/ops/".to_owned(),
        trust: trust.to_string().parse().unwrap(),
        policies: policy.map(|it| vec![it.to_string().parse().unwrap()]),
        longest_session: SignedDuration::from_hours(12),
    };
    bed.cloud.look(|state, _| {
        let account = state.organization.accounts.get_mut(&id(MEMBER)).unwrap();
        account.roles.insert("lamplighter".to_owned(), role);
    });
}

fn request() -> AssumeRole {
    AssumeRole {
        role_arn: ARN.to_owned(),
        role_session_name: "nightly".to_owned(),
        external_id: Some("7f3c".to_owned()),
        duration_seconds: None,
    }
}

/// The one who is in the member's role.
fn member(bed: &Bed) -> Bed {
    let mut inside = bed.at(MEMBER, "eu-west-1");
    inside.caller = Caller {
        account: id(MEMBER),
        role: Some(("lamplighter".to_owned(), "nightly".to_owned())),
    };
    inside
}

#[track_caller]
fn check(request: AssumeRole, expected: Result<(), &str>) {
    assert_eq!(bed().ask(request).map(|_| ()), expected);
}

#[test]
fn a_role_is_assumed_with_its_external_id_and_without_it_is_not() {
    check(request(), Ok(()));
    let with = |external_id: Option<&str>| AssumeRole {
        external_id: external_id.map(str::to_owned),
        ..request()
    };
    check(with(Some("other")), Err("AccessDenied"));
    check(with(None), Err("AccessDenied"));
}

#[test]
fn a_role_that_is_not_there_is_denied_like_one_that_trusts_nobody() {
    for arn in [
        "arn:aws:iam::222233334444:role/ops/other",
        "arn:aws:iam::222233334444:role/lamplighter",
        "arn:aws:iam::999900001111:role/ops/lamplighter",
        "arn:aws:iam::222233334444:user/ops/lamplighter",
    ] {
        check(AssumeRole { role_arn: arn.to_owned(), ..request() }, Err("AccessDenied"));
    }
}

#[test]
fn names_and_durations_have_bounds() {
    let named = |name: &str| AssumeRole { role_session_name: name.to_owned(), ..request() };
    check(named("ab"), Ok(()));
    for bad in ["a", "with space", "é2", &"x".repeat(65)] {
        check(named(bad), Err("ValidationError"));
    }
    let lasting = |seconds| AssumeRole { duration_seconds: Some(seconds), ..request() };
    check(lasting(900), Ok(()));
    check(lasting(43_200), Ok(()));
    check(lasting(899), Err("ValidationError"));
    check(lasting(43_201), Err("ValidationError"));
}

#[test]
fn a_chained_role_lasts_an_hour_at_most() {
    let bed = bed();
    let mut chained = bed.at(HUB, "eu-west-1");
    let hub = id(HUB);
    let role = Role {
        path: "/".to_owned(),
        trust: r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "sts:AssumeRole"}}"#.parse().unwrap(),
        policies: None,
        longest_session: SignedDuration::from_hours(1),
    };
    bed.cloud.look(|state, _| {
        state.organization.accounts.get_mut(&hub).unwrap().roles.insert("hub".to_owned(), role);
    });
    chained.caller = Caller { account: hub, role: Some(("hub".to_owned(), "lambda".to_owned())) };
    let lasting = |seconds| AssumeRole { duration_seconds: Some(seconds), ..request() };
    assert_eq!(chained.ask(lasting(3600)).map(|_| ()), Ok(()));
    assert_eq!(chained.ask(lasting(3601)), Err("ValidationError"));
}

#[test]
fn credentials_are_good_until_they_expire() {
    let bed = bed();
    let assumed = bed.ask(request()).unwrap();
    let key = assumed["Credentials"]["AccessKeyId"].as_str().unwrap();
    assert_eq!(assumed["Credentials"]["Expiration"], "2026-03-02T03:00:00.000Z");
    assert_eq!(
        assumed["AssumedRoleUser"]["Arn"],
        "arn:aws:sts::222233334444:assumed-role/lamplighter/nightly"
    );
    let who = member(&bed).ask(GetCallerIdentity {}).unwrap();
    assert_eq!(assumed["AssumedRoleUser"]["AssumedRoleId"], who["UserId"]);
    let token = assumed["Credentials"]["SessionToken"].as_str();
    let caller = |token| bed.cloud.caller(key, token);
    assert_eq!(caller(token), Ok(member(&bed).caller));
    assert_eq!(caller(None), Err(Stranger::Unknown));
    bed.pass(3600);
    assert_eq!(caller(token), Err(Stranger::Expired));
}

#[test]
fn credentials_hold_as_long_as_callers_believe_whose_clock_is_slower() {
    let bed = bed();
    bed.cloud.dial(|it| it.clock_speed = 12.0);
    let assumed = bed.ask(request()).unwrap();
    let key = assumed["Credentials"]["AccessKeyId"].as_str().unwrap();
    assert_eq!(assumed["Credentials"]["Expiration"], "2026-03-02T03:00:00.000Z");
    let caller = || bed.cloud.caller(key, assumed["Credentials"]["SessionToken"].as_str());
    bed.pass(12 * 3600 - 1);
    assert!(caller().is_ok());
    bed.pass(1);
    assert_eq!(caller(), Err(Stranger::Expired));
}

#[test]
fn a_role_may_do_what_its_policies_say_and_the_refusal_names_the_rest() {
    let bed = bed();
    let inside = member(&bed);
    assert!(inside.ask(DescribeVolumes::default()).is_ok(), "without policies it may do all");
    put_role(
        &bed,
        Some(json!({"Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Action": "ec2:DescribeRegions", "Resource": "*",
        }})),
    );
    assert!(inside.ask(DescribeRegions::default()).is_ok());
    assert_eq!(
        inside.refused(DescribeVolumes::default()),
        "UnauthorizedOperation: You are not authorized to perform this operation. User: \
         arn:aws:sts::222233334444:assumed-role/lamplighter/nightly is not authorized to perform: \
         ec2:DescribeVolumes because no identity-based policy allows the ec2:DescribeVolumes action"
    );
    let who = inside.ask(GetCallerIdentity {}).unwrap();
    assert_eq!(who["Account"], MEMBER, "everybody may ask who they are");
}

#[test]
fn a_dry_run_asks_for_the_permission_and_has_no_effect() {
    let bed = bed();
    assert_eq!(bed.dry_run(DescribeVolumes::default()), Err("DryRunOperation"));
    let nothing = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Deny", "Action": "*", "Resource": "*",
    }});
    put_role(&bed, Some(nothing));
    assert_eq!(member(&bed).dry_run(DescribeVolumes::default()), Err("UnauthorizedOperation"));
}
