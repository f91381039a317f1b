//! The program works in the accounts that it serves itself: the same binary once as AWS and once as
//! Lamplighter, with AWS's rules between the two.

use std::{
    io::{BufRead, BufReader, Read},
    process::Stdio,
};

use lamplighter_tests::{Here, Running};
use serde_json::{Value, json};

use crate::bed::LAMPLIGHTER;

const FLEET: &str = "begin: 2026-03-29T02:00:00Z
accounts:
  \"111122223333\": { regions: [eu-west-1] }
  \"222233334444\": { regions: [eu-west-1, eu-central-1], role: member, external-id: 7f3c }
volumes:
  - { count: 3, tags: { backup: daily } }
  - { count: 1100 }
";

const TASKS: &str = "accounts:
  hub: { id: \"111122223333\", regions: [eu-west-1] }
  prod: { id: \"222233334444\", role: member, external-id: 7f3c, regions: [eu-west-1, eu-central-1] }
tasks:
  nightly:
    action: ebs.snapshot.create
    accounts: all
    select: { where: 'has(tags.backup)', limit: { percent: 10 } }
";

/// Throttled, lost, and slow: all of it comes right.
const FAULTS: &str = "faults:
  - { action: DescribeVolumes, times: 2, error: RequestLimitExceeded }
  - { action: CreateSnapshot, account: \"222233334444\", times: 2, lose-answer: true }
";

/// The simulated AWS, until it is dropped. Without `--fleet` it is made for the configuration.
pub(crate) fn aws(here: &mut Here, args: &[&str]) -> Running {
    let simulate = ["simulate", "--days", "0", "--serve", "0"];
    let mut command = here.command(&[&simulate, args].concat());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut aws = Running(child);
    let told = BufReader::new(aws.0.stdout.take().unwrap());
    let mut exports = told
        .lines()
        .map_while(Result::ok)
        .skip_while(|line| !line.starts_with("export "))
        .take_while(|line| line.starts_with("export "));
    for line in exports.by_ref() {
        for pair in line.trim_start_matches("export ").split(' ') {
            let (name, value) = pair.split_once('=').unwrap();
            here.variables.push((name.to_owned(), value.to_owned()));
        }
    }
    assert!(here.variables.iter().any(|(name, _)| name == "AWS_ENDPOINT_URL"));
    aws
}

#[test]
fn backups_are_made_once_over_aws_own_wire_and_whatever_goes_wrong_there() {
    let mut here = Here::new(LAMPLIGHTER);
    here.write("config/tasks.yaml", TASKS);
    here.write("fleet.yaml", FLEET);
    here.write("faults.yaml", FAULTS);
    let files = ["--fleet", "fleet.yaml", "--faults", "faults.yaml", "--trail", "trail.jsonl"];
    let args = [&files[..], &["--speed", "20"]].concat();
    let aws = aws(&mut here, &args);

    let ran = here.json(&["run", "nightly", "--at", "2026-03-29T02:00:00Z"], 0);
    let run = &ran["runs"][0];
    assert_eq!((&run["state"], &run["places"]), (&json!("succeeded"), &json!(3)), "{run}");
    assert_eq!((&run["targets"], &run["jobs"]["succeeded"]), (&json!(9), &json!(14)), "{run}");
    assert_eq!(aws.stop().code(), Some(0));

    let mut trail = String::new();
    std::fs::File::open(here.path("trail.jsonl")).unwrap().read_to_string(&mut trail).unwrap();
    let calls: Vec<Value> = trail.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    let of = |operation: &str| calls.iter().filter(|it| it["operation"] == operation).count();
    assert_eq!(of("CreateSnapshot"), 9, "an answer that was lost is found, not made again");
    assert!(of("DescribeVolumes") >= 3 * 2, "{} pages of 1,103 volumes", of("DescribeVolumes"));
}
