//! `plan` and `apply`: exactly the saved plan, and nothing that changed since.

use std::fs;

use serde_json::{Value, json};

use crate::bed::{AT, Bed};

/// Tags a volume as somebody else would, between plan and apply.
const RETAG: &str = "
import boto3, sys
account, region, volume = sys.argv[1:]
sts = boto3.client('sts', region_name=region)
if account == '111122223333':
    session = boto3.Session(region_name=region)
else:
    role = f'arn:aws:iam::{account}:role/lamplighter-member'
    got = sts.assume_role(RoleArn=role, RoleSessionName='test')['Credentials']
    session = boto3.Session(got['AccessKeyId'], got['SecretAccessKey'], got['SessionToken'], region)
session.client('ec2').create_tags(Resources=[volume], Tags=[{'Key': 'team', 'Value': 'moved'}])
";

#[test]
fn apply_does_the_plan_and_refuses_what_changed_since() {
    let bed = Bed::start();
    let before = bed.snapshots();
    let plan = bed.here.json(&["plan", "nightly-backup", "--at", AT, "--out", "plan.json"], 0);
    let saved: Value =
        serde_json::from_str(&fs::read_to_string(bed.here.path("plan.json")).unwrap()).unwrap();
    assert_eq!(saved, plan, "what is saved is what is shown");
    assert_eq!(bed.snapshots(), before, "planning makes nothing");

    let verdicts = plan["tasks"][0]["verdicts"].as_array().unwrap();
    let moved = &verdicts[3];
    let text = |key: &str| moved[key].as_str().unwrap();
    bed.python(&["-c", RETAG, text("account"), text("region"), text("target")]);

    let ended = bed.here.json(&["apply", "plan.json"], 3);
    let jobs = &ended["runs"][0]["jobs"];
    assert_eq!(jobs["failed"], json!(1), "{jobs}");
    let mut expected: Vec<&str> =
        verdicts.iter().map(|it| it["target"].as_str().unwrap()).collect();
    expected.retain(|it| *it != text("target"));
    expected.sort_unstable();
    assert_eq!(bed.made(AT), expected);
    let failed = bed.here.json(&["jobs", "--state", "failed"], 0);
    let message = failed[0]["message"].as_str().unwrap();
    assert!(message.contains("changed since the plan") && message.contains("moved"), "{message}");

    bed.here.json(&["apply", "plan.json"], 3);
    assert_eq!(bed.made(AT), expected, "a plan is applied once");
}

#[test]
fn a_plan_that_is_not_one_is_refused_before_anything_is_done() {
    let bed = Bed::start();
    bed.here.json(&["plan", "nightly-backup", "--at", AT, "--out", "plan.json"], 0);
    let plan = fs::read_to_string(bed.here.path("plan.json")).unwrap();
    let check = |text: &str, expected: &str| {
        bed.here.write("bad.json", text);
        let ended = bed.here.run(&["apply", "bad.json"]);
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert!(ended.stderr.contains(expected), "{}", ended.stderr);
    };
    check(&plan.replace("\"version\": 1", "\"version\": 9"), "has version `9`");
    check(&plan.replacen("eu-west-1", "eu-west-2", 1), "edited or damaged");
    check(&plan[..plan.len() - 40], "not a saved plan");
    check("", "not a saved plan");
    check("{}", "not a saved plan");
    let missing = bed.here.run(&["apply", "nowhere.json"]);
    assert_eq!(missing.code, Some(2), "{}", missing.stderr);
    assert_eq!(bed.made(AT), Vec::<String>::new());
}
