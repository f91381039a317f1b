//! `policy`: the roles that are printed, and what is said when there is none to print.

use lamplighter_tests::Here;
use serde_json::{Value, json};

/// The program without the AWS SDK.
const OFFLINE: &str = env!("CARGO_BIN_EXE_lamplighter-offline");

const TASKS: &str = "accounts:
  hub: { id: \"111122223333\", regions: [eu-west-1] }
  prod: { id: \"222233334444\", role: ops/member, external-id: 7f3c, regions: [eu-west-1] }
  web: { id: \"333344445555\", role: ops/member, external-id: 8a4d, regions: all }
tasks:
  nightly:
    action: ebs.snapshot.create
    accounts: [prod, web]
    select: { tags: { backup: [daily, weekly], team: \"plat*\" } }
  watch:
    action: ebs.snapshot.delete
    mode: observe
    accounts: [hub]
    with: { keep: { last: 1 } }
  off:
    enabled: false
    action: ebs.snapshot.delete
    accounts: [prod]
    with: { keep: { last: 1 } }
";

fn configured() -> Here {
    let here = Here::new(OFFLINE);
    here.write("config/tasks.yaml", TASKS);
    here
}

fn statement(sid: &str, actions: &[&str], resource: &str, condition: Value) -> Value {
    let mut it = json!({"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": [resource]});
    if !condition.is_null() {
        it["Condition"] = condition;
    }
    it
}

#[test]
fn a_member_may_do_what_its_tasks_need_and_no_more() {
    let printed = configured().json(&["policy", "member", "--account", "prod"], 0);
    let region = json!({"aws:RequestedRegion": "eu-west-1"});
    let snapshots = "arn:aws:ec2:*::snapshot/*";
    let marked = |of: &str| json!({"Null": {of: "false"}, "StringEquals": region});
    let statements = json!([
        statement(
            "TargetVolume",
            &["ec2:CreateSnapshot"],
            "arn:aws:ec2:*:222233334444:volume/*",
            json!({"StringEquals": {
                "aws:RequestedRegion": "eu-west-1",
                "aws:ResourceTag/backup": ["daily", "weekly"],
            }}),
        ),
        statement(
            "NewSnapshot",
            &["ec2:CreateSnapshot"],
            snapshots,
            marked("aws:RequestTag/lamplighter:task"),
        ),
        statement(
            "TagNewSnapshot",
            &["ec2:CreateTags"],
            snapshots,
            json!({"StringEquals": {
                "aws:RequestedRegion": "eu-west-1",
                "ec2:CreateAction": "CreateSnapshot",
            }}),
        ),
        statement(
            "OwnSnapshot",
            &["ec2:DeleteSnapshot"],
            snapshots,
            marked("aws:ResourceTag/lamplighter:task"),
        ),
        statement(
            "Look",
            &["ec2:DescribeSnapshots", "ec2:DescribeVolumes"],
            "*",
            json!({"StringEquals": region}),
        ),
    ]);
    let sorted = |mut list: Value| {
        list.as_array_mut().unwrap().sort_by_key(|it| it["Sid"].to_string());
        list
    };
    assert_eq!(sorted(printed["permissions-policy"]["Statement"].clone()), sorted(statements));
    assert_eq!(
        printed["trust-policy"],
        json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::111122223333:role/lamplighter-hub"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": "7f3c"}},
        }]})
    );
    assert_eq!(printed["role"], "ops/member");
}

#[test]
fn one_role_for_all_members_says_that_they_differ() {
    let here = configured();
    let all = here.run(&["policy", "member", "--organization", "o-exampleorgid"]);
    assert!(all.stderr.contains("need different permissions"), "{}", all.stderr);
    let printed: Value = serde_json::from_str(&all.stdout).unwrap();
    let text = printed["permissions-policy"].to_string();
    assert!(text.contains("arn:aws:ec2:*:*:volume/*") && text.contains("ec2:DescribeRegions"));
    // What one account needs everywhere is not narrowed to the region of another.
    assert!(!text.contains("aws:RequestedRegion"), "{text}");
    let conditions = &printed["trust-policy"]["Statement"][0]["Condition"]["StringEquals"];
    assert_eq!(
        *conditions,
        json!({"aws:PrincipalOrgID": "o-exampleorgid", "sts:ExternalId": ["7f3c", "8a4d"]})
    );
}

#[test]
fn the_hub_may_enter_what_its_tasks_enter_and_keep_its_state() {
    let queue = "sqs:https://sqs.eu-west-1.amazonaws.com/111122223333/lamplighter";
    let state = ["--journal", "dynamodb:lamplighter", "--queue", queue];
    let here = configured();
    let printed = here.json(&[&["policy", "hub"][..], &state].concat(), 0);
    let statements = printed["permissions-policy"]["Statement"].as_array().unwrap();
    let of = |sid: &str| statements.iter().find(|it| it["Sid"] == sid).unwrap();
    assert_eq!(
        of("EnterAccounts")["Resource"],
        json!([
            "arn:aws:iam::222233334444:role/ops/member",
            "arn:aws:iam::333344445555:role/ops/member",
        ])
    );
    let text = printed["permissions-policy"].to_string();
    for part in [
        "arn:aws:dynamodb:eu-west-1:111122223333:table/lamplighter\"",
        "arn:aws:dynamodb:eu-west-1:111122223333:table/lamplighter/index/*",
        "arn:aws:sqs:eu-west-1:111122223333:lamplighter",
        "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/lamplighter:*",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    // A task that only observes needs nothing but to look, and one that is off needs nothing.
    assert!(text.contains("ec2:DescribeSnapshots") && !text.contains("ec2:Delete"), "{text}");
    let service = &printed["trust-policy"]["Statement"][0]["Principal"];
    assert_eq!(*service, json!({"Service": "lambda.amazonaws.com"}));

    let one = here.json(&["policy", "hub", "--task", "watch", "--host", "ec2"], 0);
    assert!(!one.to_string().contains("sts:AssumeRole\",\"Resource"), "{one}");
}

#[test]
fn the_hub_enters_a_part_of_the_organization_and_nothing_outside_of_it() {
    let here = configured();
    let grouped =
        TASKS.replace("web: { id: \"333344445555\",", "web: { organization: { units: [r-ab12] },");
    here.write("config/tasks.yaml", &grouped);
    let printed = here.json(&["policy", "hub"], 0);
    let statements = printed["permissions-policy"]["Statement"].as_array().unwrap();
    let of = |sid: &str| statements.iter().find(|it| it["Sid"] == sid).unwrap();
    assert_eq!(
        *of("EnterOrganization"),
        statement(
            "EnterOrganization",
            &["sts:AssumeRole"],
            "arn:aws:iam::*:role/ops/member",
            json!({"StringEquals": {"aws:ResourceOrgID": "${aws:PrincipalOrgID}"}}),
        )
    );
    assert_eq!(
        of("AskOrganization")["Action"],
        json!([
            "organizations:ListAccountsForParent",
            "organizations:ListOrganizationalUnitsForParent",
        ])
    );
    assert_eq!(
        of("AskOrganization")["Resource"],
        json!([
            "arn:aws:organizations::*:ou/*/ou-ab12-*",
            "arn:aws:organizations::*:root/*/r-ab12"
        ])
    );
    let member = here.json(&["policy", "member", "--account", "web"], 0);
    let text = member["permissions-policy"].to_string();
    assert!(
        text.contains("arn:aws:ec2:*:*:volume/*") && text.contains("ec2:DescribeRegions"),
        "{text}"
    );
}

#[test]
fn a_destination_that_is_only_a_member_of_a_part_is_provided_for() {
    let here = Here::new(OFFLINE);
    let tasks = |vault: &str| {
        format!(
            "accounts:
  hub: {{ id: \"111122223333\", regions: [eu-west-1] }}
  safe: {{ organization: {{ units: [r-ab12] }}, role: ops/vault, regions: [eu-central-1] }}
  {vault}
tasks:
  copy:
    action: ebs.snapshot.copy
    accounts: [hub]
    with: {{ to: [{{ account: \"444455556666\", region: eu-central-1 }}] }}
"
        )
    };
    here.write("config/tasks.yaml", &tasks(""));
    let of = |member: &[&str]| here.json(member, 0)["permissions-policy"].to_string();
    let member = ["policy", "member", "--account", "safe"];
    assert!(of(&member).contains("ec2:CopySnapshot"), "{}", of(&member));
    assert!(of(&["policy", "hub"]).contains("role/ops/vault"));
    // One that is listed by itself is no member of any part.
    let listed = "vault: { id: \"444455556666\", role: ops/vault, regions: [eu-central-1] }";
    here.write("config/tasks.yaml", &tasks(listed));
    here.refused(&member, 2, &["no task needs anything there"]);
}

#[test]
fn a_template_has_the_secret_as_a_parameter() {
    let here = configured();
    let args = ["policy", "member", "--account", "prod", "--format", "cloudformation"];
    let template = here.json(&args, 0);
    assert!(!template.to_string().contains("7f3c"), "the external id is shown: {template:#}");
    assert_eq!(template["Parameters"]["ExternalId"]["NoEcho"], true);
    let role = &template["Resources"]["Role"]["Properties"];
    assert_eq!(role["Path"], "/ops/");
    let text = role["Policies"].to_string();
    assert!(
        text.contains("${AWS::AccountId}:volume/*") && !text.contains("222233334444"),
        "{text}"
    );
}

#[test]
fn what_cannot_be_printed_is_said() {
    let here = configured();
    here.refused(&["policy", "member", "--account", "nobody"], 2, &["nobody", "prod, web"]);
    here.refused(&["policy", "member", "--task", "watch"], 2, &["no policy"]);
    here.refused(&["policy", "member", "--hub", "me"], 2, &["--hub me", "arn:aws:iam::"]);
    here.refused(&["policy", "hub", "--queue", "sqs:here"], 2, &["--queue", "sqs:here"]);
    here.refused(&["policy", "hub", "--task", "nightli"], 2, &["nightli", "nightly"]);
    here.write("config/tasks.yaml", &TASKS.replace("hub: { id", "hub: { role: x, id"));
    here.refused(&["policy", "member"], 2, &["--hub ARN"]);
}
