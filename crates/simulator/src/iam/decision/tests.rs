//! Whole policies and requests, with the examples of AWS's documentation.

use serde_json::{Value, json};

use super::*;

const HUB: &str = "111122223333";
const MEMBER: &str = "444455556666";
const ROLE: &str = "arn:aws:iam::111122223333:role/ops/hub";
const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/hub/nightly";

fn policy(statements: Value) -> IdentityPolicy {
    let document = json!({ "Version": "2012-10-17", "Statement": statements });
    serde_json::from_value(document).unwrap()
}

/// The statement with one element more.
fn with(element: &str, value: &str, mut statement: Value) -> Value {
    statement[element] = value.into();
    statement
}

fn need(action: &'static str, resource: &str, context: &[(&str, &str)]) -> Need {
    let context = context.iter().fold(Context::default(), |it, (key, value)| it.with(key, *value));
    Need { action, resource: resource.into(), context }
}

fn caller() -> Caller {
    Caller::Session { account: HUB.parse().unwrap(), role: ROLE.into(), arn: SESSION.into() }
}

fn implicit() -> Decision {
    Decision::ImplicitDeny(PolicyKind::Identity)
}

fn explicit(policy: PolicyKind, statement: &str) -> Decision {
    Decision::ExplicitDeny { policy, statement: statement.into() }
}

#[track_caller]
fn check(
    statements: Value,
    (action, resource): (&'static str, &str),
    context: &[(&str, &str)],
    wanted: Decision,
) {
    let need = need(action, resource, context);
    assert_eq!(identity([&policy(statements.clone())], &need), wanted, "{statements} of {need:?}");
}

#[test]
fn actions_match_in_any_case_and_with_wildcards() {
    for (pattern, action, allowed) in [
        ("ec2:StartInstances", "ec2:StartInstances", true),
        ("EC2:startinstances", "ec2:StartInstances", true),
        ("ec2:Start", "ec2:StartInstances", false),
        ("ec2:*", "ec2:StartInstances", true),
        ("*", "ec2:StartInstances", true),
        ("ec2:S????Instances", "ec2:StopInstances", false),
        ("ec2:S???Instances", "ec2:StopInstances", true),
        ("iam:*AccessKey*", "iam:CreateAccessKey", true),
        ("rds:*", "ec2:StopInstances", false),
    ] {
        let wanted = if allowed { Decision::Allowed } else { implicit() };
        let allow = json!([{ "Effect": "Allow", "Action": pattern, "Resource": "*" }]);
        check(allow, (action, "*"), &[], wanted.clone());
        let others =
            json!([{ "Effect": "Allow", "NotAction": ["s3:x", pattern], "Resource": "*" }]);
        let wanted = if allowed { implicit() } else { Decision::Allowed };
        check(others, (action, "*"), &[], wanted);
    }
}

#[test]
fn resources_match_in_their_case_and_with_wildcards() {
    let volume = "arn:aws:ec2:eu-west-1:111122223333:volume/vol-1";
    for (pattern, resource, allowed) in [
        ("*", volume, true),
        ("*", "*", true),
        (volume, volume, true),
        ("arn:aws:ec2:*:111122223333:volume/*", volume, true),
        ("arn:aws:ec2:*:444455556666:volume/*", volume, false),
        ("arn:aws:ec2:*:*:volume/VOL-1", volume, false),
        ("arn:aws-cn:ec2:*:*:volume/*", volume, false),
        // What has no resource is allowed by `*` only.
        ("arn:aws:ec2:*:*:*", "*", false),
        // A snapshot that does not exist yet: the request's `*` is a text.
        ("arn:aws:ec2:*::snapshot/${*}", "arn:aws:ec2:eu-west-1::snapshot/*", true),
        ("arn:aws:ec2:*::snapshot/*", "arn:aws:ec2:eu-west-1::snapshot/*", true),
        ("arn:aws:ec2:*::snapshot/snap-*", "arn:aws:ec2:eu-west-1::snapshot/*", false),
        ("arn:aws:ec2:*::snapshot/${*}", "arn:aws:ec2:eu-west-1::snapshot/snap-1", false),
    ] {
        let wanted = if allowed { Decision::Allowed } else { implicit() };
        let allow = json!({ "Effect": "Allow", "Action": "ec2:X", "Resource": [pattern] });
        check(allow, ("ec2:X", resource), &[], wanted);
        let others = json!({ "Effect": "Allow", "Action": "ec2:X", "NotResource": pattern });
        let wanted = if allowed { implicit() } else { Decision::Allowed };
        check(others, ("ec2:X", resource), &[], wanted);
    }
}

#[test]
fn a_deny_outweighs_wherever_it_stands() {
    let allow = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
    let deny = |sid: &str| {
        let statement = json!({ "Effect": "Deny", "Action": "ec2:Delete*", "Resource": "*" });
        with("Sid", sid, statement)
    };
    for (statements, label) in [
        (json!([allow, deny("")]), "statement 2"),
        (json!([deny("Keep"), allow]), "`Keep`"),
        (json!(deny("Keep")), "`Keep`"),
    ] {
        let wanted = explicit(PolicyKind::Identity, label);
        check(statements.clone(), ("ec2:DeleteSnapshot", "*"), &[], wanted);
    }
    check(json!([deny("A"), allow]), ("ec2:CopySnapshot", "*"), &[], Decision::Allowed);

    let (allow, deny) = (policy(allow), policy(deny("Keep")));
    let delete = need("ec2:DeleteSnapshot", "*", &[]);
    assert_eq!(identity([&allow, &deny], &delete), explicit(PolicyKind::Identity, "`Keep`"));
    assert_eq!(identity([], &delete), implicit());
}

#[test]
fn operators_and_keys_must_all_hold() {
    let statement = json!({
        "Effect": "Allow", "Action": "ec2:*", "Resource": "*",
        "Condition": {
            "StringEquals": { "aws:RequestedRegion": ["eu-west-1", "eu-central-1"], "a:b": "c" },
            "Bool": { "aws:SecureTransport": true },
            "NumericEquals": { "a:n": [1, 2.5] },
        },
    });
    let all = [
        ("aws:requestedregion", "eu-central-1"),
        ("A:B", "c"),
        ("aws:SecureTransport", "true"),
        ("a:n", "2.5"),
    ];
    check(statement.clone(), ("ec2:X", "*"), &all, Decision::Allowed);
    for left_out in 0..all.len() {
        let mut context = all.to_vec();
        context.remove(left_out);
        check(statement.clone(), ("ec2:X", "*"), &context, implicit());
        context.push((all[left_out].0, "wrong"));
        check(statement.clone(), ("ec2:X", "*"), &context, implicit());
    }
}

#[test]
fn variables_fill_resources_from_the_request() {
    let home = json!({
        "Effect": "Allow", "Action": "s3:*",
        "Resource": "arn:aws:s3:::bucket/home/${aws:username}/*",
    });
    let object = ("s3:GetObject", "arn:aws:s3:::bucket/home/Ann/x");
    check(home.clone(), object, &[("aws:username", "Ann")], Decision::Allowed);
    check(home.clone(), object, &[("aws:username", "*")], implicit());
    check(home.clone(), object, &[], implicit());

    let old = json!({ "Statement": home }).to_string().parse::<IdentityPolicy>().unwrap();
    let (action, resource) = object;
    let asked = need(action, resource, &[("aws:username", "Ann")]);
    assert_eq!(identity([&old], &asked), implicit());
    let literal = need(action, "arn:aws:s3:::bucket/home/${aws:username}/x", &[]);
    assert_eq!(identity([&old], &literal), Decision::Allowed);
}

#[test]
fn what_aws_leaves_open_is_not_allowed_and_is_denied() {
    let tagged = |effect: &str, operator: &str| {
        json!({
            "Effect": effect, "Action": "*", "Resource": "*",
            "Condition": { operator: { "aws:ResourceTag/team": "${aws:PrincipalTag/team}" } },
        })
    };
    let of_team = [("aws:ResourceTag/team", "red")];
    let denied = explicit(PolicyKind::Identity, "statement 1");
    let asked = ("ec2:X", "*");
    check(tagged("Allow", "StringNotEquals"), asked, &of_team, implicit());
    check(tagged("Deny", "StringNotEquals"), asked, &of_team, denied.clone());
    check(tagged("Allow", "StringEquals"), asked, &of_team, implicit());
    check(tagged("Deny", "StringEquals"), asked, &of_team, implicit());
    let home =
        json!({ "Effect": "Deny", "Action": "*", "Resource": "arn:aws:s3:::${aws:username}" });
    check(home, ("s3:X", "arn:aws:s3:::x"), &[], implicit());
    let but = |effect: &str| {
        let all_but = json!({ "Action": "*", "NotResource": "arn:aws:s3:::${aws:username}" });
        with("Effect", effect, all_but)
    };
    check(but("Allow"), ("s3:X", "arn:aws:s3:::x"), &[], implicit());
    check(but("Deny"), ("s3:X", "arn:aws:s3:::x"), &[], denied);
}

/// The policy that `deploy/member.yaml` gives the role in a member account.
#[test]
fn a_least_privilege_policy_allows_what_it_is_for() {
    let member = json!([
        { "Effect": "Allow", "Action": ["ec2:DescribeSnapshots"], "Resource": "*" },
        {
            "Effect": "Allow", "Action": "ec2:CreateSnapshot",
            "Resource": "arn:aws:ec2:*:444455556666:volume/*",
        },
        {
            "Effect": "Allow", "Action": "ec2:CreateSnapshot",
            "Resource": "arn:aws:ec2:*::snapshot/*",
            "Condition": { "Null": { "aws:RequestTag/lamplighter:task": "false" } },
        },
        {
            "Effect": "Allow", "Action": "ec2:CreateTags",
            "Resource": "arn:aws:ec2:*::snapshot/*",
            "Condition": { "StringEquals": { "ec2:CreateAction": "CreateSnapshot" } },
        },
        {
            "Effect": "Allow", "Action": "ec2:DeleteSnapshot",
            "Resource": "arn:aws:ec2:*::snapshot/*",
            "Condition": { "Null": { "aws:ResourceTag/lamplighter:task": "false" } },
        },
    ]);
    let volume = "arn:aws:ec2:eu-west-1:444455556666:volume/vol-1";
    let (new, old) =
        ("arn:aws:ec2:eu-west-1::snapshot/*", "arn:aws:ec2:eu-west-1::snapshot/snap-1");
    for (action, resource, context, allowed) in [
        ("ec2:DescribeSnapshots", "*", &[][..], true),
        ("ec2:DescribeVolumes", "*", &[], false),
        ("ec2:CreateSnapshot", volume, &[], true),
        ("ec2:CreateSnapshot", "arn:aws:ec2:eu-west-1:111122223333:volume/vol-1", &[], false),
        ("ec2:CreateSnapshot", new, &[("aws:RequestTag/lamplighter:task", "nightly")], true),
        ("ec2:CreateSnapshot", new, &[("aws:RequestTag/Name", "nightly")], false),
        ("ec2:CreateTags", new, &[("ec2:CreateAction", "CreateSnapshot")], true),
        ("ec2:CreateTags", new, &[("ec2:CreateAction", "CopySnapshot")], false),
        ("ec2:CreateTags", old, &[], false),
        ("ec2:DeleteSnapshot", old, &[("aws:ResourceTag/lamplighter:task", "nightly")], true),
        ("ec2:DeleteSnapshot", old, &[("aws:RequestTag/lamplighter:task", "nightly")], false),
    ] {
        let wanted = if allowed { Decision::Allowed } else { implicit() };
        check(member.clone(), (action, resource), context, wanted);
    }
}

/// Decisions to combine: of the identity's policies and of the session's.
fn own(identity: Decision, session: Option<Decision>) -> Own {
    Own { identity, session }
}

#[test]
fn a_session_has_what_both_its_role_and_its_policy_allow() {
    let allow = policy(json!({ "Effect": "Allow", "Action": "ec2:*", "Resource": "*" }));
    let narrow = policy(json!([
        { "Effect": "Allow", "Action": ["ec2:CreateSnapshot", "s3:*"], "Resource": "*" },
        { "Effect": "Deny", "Action": "ec2:Delete*", "Resource": "*" },
    ]));
    let denied = policy(json!({ "Effect": "Deny", "Action": "*", "Resource": "*" }));
    let decide = |identity_policy, session_policy: Option<&_>, action| {
        let need = need(action, "*", &[]);
        let session = session_policy.map(|it| session(it, &need));
        own(identity([identity_policy], &need), session).decision()
    };
    let no_session = Decision::ImplicitDeny(PolicyKind::Session);
    assert_eq!(decide(&allow, None, "ec2:CopySnapshot"), Decision::Allowed);
    assert_eq!(decide(&allow, Some(&narrow), "ec2:CreateSnapshot"), Decision::Allowed);
    assert_eq!(decide(&allow, Some(&narrow), "ec2:CopySnapshot"), no_session);
    assert_eq!(decide(&allow, Some(&narrow), "s3:GetObject"), implicit());
    let by_session = explicit(PolicyKind::Session, "statement 2");
    assert_eq!(decide(&allow, Some(&narrow), "ec2:DeleteSnapshot"), by_session);
    assert_eq!(
        decide(&narrow, Some(&denied), "s3:X"),
        explicit(PolicyKind::Session, "statement 1")
    );
    // Of two refusals, the explicit one is told.
    let by_session = explicit(PolicyKind::Session, "statement 1");
    assert_eq!(decide(&narrow, Some(&denied), "ec2:CopySnapshot"), by_session);
    let by_identity = explicit(PolicyKind::Identity, "statement 1");
    assert_eq!(decide(&denied, Some(&narrow), "ec2:DeleteSnapshot"), by_identity);
}

#[test]
fn a_guarded_resource_opens_to_whom_its_policy_lets_in() {
    let yes = || Decision::Allowed;
    let no_key = || Decision::ImplicitDeny(PolicyKind::Resource);
    let no_session = || Decision::ImplicitDeny(PolicyKind::Session);
    let no = || explicit(PolicyKind::Identity, "statement 1");
    let session_no = || explicit(PolicyKind::Session, "statement 1");
    let key_no = || explicit(PolicyKind::Resource, "statement 1");
    let admits = |closeness| Verdict::Admitted(closeness);
    let denies = || Verdict::Denied { statement: "statement 1".into() };
    // The verdict on a caller, what it has of its own, then what comes of it within the account
    // and from another.
    for (verdict, identity, session, within, across) in [
        (Verdict::Silent, yes(), None, no_key(), no_key()),
        (Verdict::Silent, implicit(), None, no_key(), implicit()),
        (admits(Closeness::Account), yes(), None, yes(), yes()),
        (admits(Closeness::Account), implicit(), None, implicit(), implicit()),
        (admits(Closeness::Account), yes(), Some(no_session()), no_session(), no_session()),
        (admits(Closeness::Role), implicit(), None, yes(), implicit()),
        (admits(Closeness::Role), implicit(), Some(yes()), yes(), implicit()),
        (admits(Closeness::Role), implicit(), Some(no_session()), no_session(), implicit()),
        (admits(Closeness::Caller), implicit(), Some(no_session()), yes(), implicit()),
        (admits(Closeness::Caller), yes(), Some(no_session()), yes(), no_session()),
        (admits(Closeness::Caller), yes(), None, yes(), yes()),
        (admits(Closeness::Caller), no(), None, no(), no()),
        (admits(Closeness::Caller), yes(), Some(session_no()), session_no(), session_no()),
        (denies(), yes(), None, key_no(), key_no()),
        (denies(), implicit(), None, key_no(), key_no()),
        (denies(), no(), None, no(), no()),
    ] {
        let admission = Admission { policy: PolicyKind::Resource, verdict };
        let own = own(identity, session);
        let at = |account: &str| {
            let owner = account.parse().unwrap();
            guarded(&owner, &caller(), own.clone(), admission.clone())
        };
        assert_eq!(at(HUB), within, "within: {admission:?} {own:?}");
        assert_eq!(at(MEMBER), across, "across: {admission:?} {own:?}");
        // A service has nothing of its own.
        let service = Caller::Service("rds.amazonaws.com".into());
        let found = guarded(&HUB.parse().unwrap(), &service, own.clone(), admission.clone());
        assert_eq!(found, admission.decision());
    }
}

#[test]
fn a_trust_policy_wants_its_external_id() {
    let trust: TrustPolicy = serde_json::from_value(json!({
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "AWS": ROLE },
            "Condition": { "StringEquals": { "sts:ExternalId": "s3cret" } },
        },
    }))
    .unwrap();
    let role = "arn:aws:iam::444455556666:role/member";
    let own = || own(Decision::Allowed, None);
    let assume = |action, context: &[_]| {
        let admission = trust.admission(&caller(), &need(action, role, context));
        guarded(&MEMBER.parse().unwrap(), &caller(), own(), admission)
    };
    let refused = Decision::ImplicitDeny(PolicyKind::Trust);
    assert_eq!(assume("sts:AssumeRole", &[("sts:ExternalId", "s3cret")]), Decision::Allowed);
    assert_eq!(assume("sts:AssumeRole", &[("sts:ExternalId", "S3cret")]), refused);
    assert_eq!(assume("sts:AssumeRole", &[]), refused);
    assert_eq!(assume("sts:TagSession", &[("sts:ExternalId", "s3cret")]), refused);
}

/// The key policy of the documentation's example of sharing encrypted snapshots.
#[test]
fn a_key_policy_lets_another_account_in() {
    let key = "arn:aws:kms:eu-west-1:444455556666:key/1";
    let policy: ResourcePolicy = serde_json::from_value(json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Enable IAM policies", "Effect": "Allow",
                "Principal": { "AWS": "arn:aws:iam::444455556666:root" },
                "Action": "kms:*", "Resource": "*",
            },
            {
                "Sid": "Allow use", "Effect": "Allow", "Principal": { "AWS": HUB },
                "Action": ["kms:Decrypt", "kms:ReEncrypt*"], "Resource": "*",
            },
            {
                "Sid": "Allow grants", "Effect": "Allow", "Principal": { "AWS": ROLE },
                "Action": "kms:CreateGrant", "Resource": "*",
                "Condition": { "Bool": { "kms:GrantIsForAWSResource": true } },
            },
            {
                "Effect": "Allow", "Principal": { "AWS": ROLE },
                "Action": "kms:DescribeKey", "Resource": "*",
            },
            {
                "Effect": "Allow", "Principal": { "AWS": HUB },
                "Action": "kms:DescribeKey", "Resource": "*",
            },
            {
                "Sid": "No sessions", "Effect": "Deny", "Principal": { "AWS": SESSION },
                "Action": "kms:ReEncryptTo", "Resource": "*",
            },
        ],
    }))
    .unwrap();
    let verdict = |action, context: &[_]| {
        let found = policy.admission(&caller(), &need(action, key, context));
        assert_eq!(found.policy, PolicyKind::Resource);
        found.verdict
    };
    let for_resource = [("kms:GrantIsForAWSResource", "true")];
    assert_eq!(verdict("kms:Decrypt", &[]), Verdict::Admitted(Closeness::Account));
    assert_eq!(verdict("kms:CreateGrant", &for_resource), Verdict::Admitted(Closeness::Role));
    assert_eq!(verdict("kms:CreateGrant", &[]), Verdict::Silent);
    assert_eq!(verdict("kms:Encrypt", &[]), Verdict::Silent);
    assert_eq!(verdict("kms:DescribeKey", &[]), Verdict::Admitted(Closeness::Role));
    assert_eq!(verdict("kms:ReEncryptFrom", &[]), Verdict::Admitted(Closeness::Account));
    let denied = Verdict::Denied { statement: "`No sessions`".into() };
    assert_eq!(verdict("kms:ReEncryptTo", &[]), denied);
}

#[test]
fn a_caller_says_who_it_is() {
    let mine = json!({
        "Effect": "Allow", "Action": "*", "Resource": "*",
        "Condition": {
            "ArnLike": { "aws:PrincipalArn": "arn:aws:iam::*:role/ops/*" },
            "StringEquals": { "aws:PrincipalAccount": HUB },
        },
    });
    let asked = Need { action: "ec2:X", resource: "*".into(), context: caller().context() };
    assert_eq!(identity([&policy(mine.clone())], &asked), Decision::Allowed);
    let service = Caller::Service("ec2.amazonaws.com".into());
    let asked = Need { context: service.context(), ..asked };
    assert_eq!(identity([&policy(mine)], &asked), implicit());
}
