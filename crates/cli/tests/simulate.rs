//! `simulate` and `demo`: what they tell, what they leave, and that they tell the same again.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::Stdio,
};

use lamplighter_tests::{Here, Running, root};
use serde_json::{Value, json};

/// The program without the AWS SDK.
const OFFLINE: &str = env!("CARGO_BIN_EXE_lamplighter-offline");

const FLEET: &str = "begin: 2026-03-02T00:00:00Z
accounts:
  \"111122223333\": { regions: [eu-west-1] }
  \"222233334444\": { regions: [eu-west-1], role: member }
volumes:
  - { id: \"vol-{account}-x{n}\", count: 3, tags: { backup: daily } }
  - { count: 2 }
";

const TASKS: &str = "accounts:
  hub: { id: \"111122223333\", regions: [eu-west-1] }
  prod: { id: \"222233334444\", role: member, regions: [eu-west-1] }
tasks:
  nightly:
    action: ebs.snapshot.create
    schedule: { cron: \"0 2 * * *\" }
    accounts: all
    select: { tags: { backup: daily } }
  prune:
    action: ebs.snapshot.delete
    schedule: { cron: \"0 6 * * *\" }
    accounts: all
    select: { tags: { \"lamplighter:task\": nightly } }
    with: { keep: { last: 2, daily: 3 } }
";

fn configured() -> Here {
    let here = Here::new(OFFLINE);
    here.write("config/tasks.yaml", TASKS);
    here.write("fleet.yaml", FLEET);
    here
}

/// The call of this name.
fn call<'a>(told: &'a Value, operation: &str) -> &'a Value {
    let calls = told["calls"].as_array().into_iter().flatten();
    calls.into_iter().find(|it| it["operation"] == operation).unwrap_or(&Value::Null)
}

#[test]
fn the_demo_tells_what_happened_and_leaves_nothing() {
    let here = Here::new(OFFLINE);
    let ended = here.run(&["demo"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    for line in [
        "slow down in shop/eu-west-1",
        "all workers killed",
        "not yet in the journal",
        "started again: 0 calls were made meanwhile",
        "its job found it: created",
        "✓ none lost or doubled: 168 backups due, 168 done; 36 copies due, 36 done; 204 snapshots made",
        "✓ the last night once more: 0 new runs, 0 writing calls",
        "lamplighter init",
    ] {
        assert!(ended.stdout.contains(line), "no `{line}` in: {}", ended.stdout);
    }
    assert!(!ended.stdout.contains(['✗', '\x1b']), "{}", ended.stdout);
    assert!(ended.stdout.lines().take(40).all(|it| it.chars().count() <= 80));
    assert_eq!(here.path("").read_dir().unwrap().count(), 0, "it leaves nothing");
    assert_eq!(here.run(&["demo"]).stdout, ended.stdout, "it tells the same again");
}

#[test]
fn the_files_of_the_demo_can_be_simulated() {
    let here = Here::new(OFFLINE);
    assert_eq!(here.run(&["demo", "--write", "x"]).code, Some(0));
    here.refused(&["demo", "--write", "x"], 2, &["exists already"]);
    let args = ["--config", "x/config", "simulate", "--fleet", "x/fleet.yaml"];
    let told = here.json(&[&args[..], &["--faults", "x/faults.yaml", "--days", "4"]].concat(), 0);
    let of = |task: &str| {
        let found = told["tasks"].as_array().unwrap().iter().find(|it| it["task"] == task);
        found.unwrap()["targets"]["succeeded"].clone()
    };
    assert_eq!((of("nightly-backup"), of("copy-to-vault")), (json!(56), json!(12)));
    assert_eq!((&told["failures"], &told["laws"]), (&json!([]), &json!([])));
    assert_eq!(told["faults"][0]["struck"], json!(5));
    assert_eq!(call(&told, "CreateSnapshot")["throttled"], json!(5));
}

#[test]
fn the_example_configuration_runs_on_a_fleet_that_is_made_for_it() {
    let here = Here::new(OFFLINE);
    let config = root().join("config").display().to_string();
    let args = ["--config", &config, "simulate", "--from", "2026-03-02", "--days", "3"];
    let told = here.json(&args, 0);
    let backups =
        told["tasks"].as_array().unwrap().iter().find(|it| it["task"] == "nightly-backup");
    assert!(backups.unwrap()["targets"]["succeeded"].as_u64().unwrap() > 20, "{told}");
    assert_eq!((&told["missed"], &told["laws"]), (&json!([]), &json!([])));
    assert_eq!(here.path("").read_dir().unwrap().count(), 0, "it leaves nothing");
}

#[test]
fn what_is_left_is_told_with_the_rules_that_keep_it() {
    let here = configured();
    let told = here.json(&["simulate", "--fleet", "fleet.yaml", "--days", "7"], 0);
    let backups = told["backups"].as_array().unwrap();
    assert_eq!(backups.len(), 6 * 3, "three days of each of six volumes");
    let newest = backups.last().unwrap();
    assert_eq!(newest["taken-at"], json!("2026-03-08T02:00:00Z"));
    assert_eq!(
        newest["kept"],
        json!([{
            "task": "prune",
            "verdict": "keep",
            "reasons": ["last 1 of 2", "daily 1 of 3: newest of 2026-03-08"]
        }])
    );
    let text = here.run(&["simulate", "--fleet", "fleet.yaml", "--days", "7"]).stdout;
    for line in [" 18       prune  daily", " 12       prune  last", " 18 backups of 6 sources"] {
        assert!(text.contains(line), "no `{line}` in: {text}");
    }
}

#[test]
fn more_days_than_the_engine_remembers_are_counted_once_each() {
    let here = configured();
    let weekly = TASKS.split("  prune").next().unwrap_or_default().replace("* * *", "* * SUN");
    here.write("config/tasks.yaml", &weekly);
    let once = "faults:\n  - { action: CreateSnapshot, times: 1, error: UnauthorizedOperation }\n";
    here.write("faults.yaml", once);
    let args = ["simulate", "--fleet", "fleet.yaml", "--faults", "faults.yaml", "--days", "130"];
    let told = here.json(&args, 1);
    let backups = &told["tasks"][0];
    assert_eq!(backups["runs"]["succeeded"], json!(17));
    assert_eq!(backups["runs"]["failed"], json!(1), "the first Sunday");
    assert_eq!(backups["targets"]["succeeded"], json!(18 * 6 - 1));
    assert_eq!(told["failures"][0]["count"], json!(1));
    assert_eq!(call(&told, "CreateSnapshot")["calls"], json!(18 * 6));
}

#[test]
fn what_fails_is_told_once_for_all_that_fail_alike() {
    let here = configured();
    here.write(
        "faults.yaml",
        "faults:
  - { action: CreateSnapshot, account: \"222233334444\", error: UnauthorizedOperation }
  - { action: CreateImage, error: InternalError }
",
    );
    let args = ["simulate", "--fleet", "fleet.yaml", "--faults", "faults.yaml", "--days", "2"];
    let told = here.json(&args, 1);
    let [failure] = told["failures"].as_array().unwrap().as_slice() else { panic!("{told}") };
    assert_eq!((&failure["count"], &failure["kind"]), (&json!(6), &json!("permission")));
    assert!(failure["example"]["target"].as_str().unwrap().starts_with("vol-"));
    assert_eq!(call(&told, "CreateSnapshot")["refused"], json!({ "UnauthorizedOperation": 6 }));
    let text = here.run(&args).stdout;
    assert!(text.contains("never: no call was as it says"), "{text}");
}

#[test]
fn an_account_that_is_not_in_the_fleet_is_named_and_fails() {
    let here = configured();
    let hub_only: String =
        FLEET.lines().filter(|it| !it.contains("222233334444")).collect::<Vec<_>>().join("\n");
    here.write("fleet.yaml", &hub_only);
    let ended = here.run(&["simulate", "--fleet", "fleet.yaml", "--days", "1"]);
    assert_eq!(ended.code, Some(1));
    let told = "account `prod` (222233334444): it is not in the fleet";
    assert!(ended.stderr.contains(told), "{}", ended.stderr);
    assert!(ended.stdout.contains("cannot be assumed"), "{}", ended.stdout);
}

#[test]
fn the_same_files_and_seed_give_the_same_days() {
    let here = configured();
    here.write("faults.yaml", "faults:\n  - { ratio: 10%, error: InternalError }\n");
    let days = |seed: &str, trail: &str| {
        let files = ["simulate", "--fleet", "fleet.yaml", "--faults", "faults.yaml", "--json"];
        let more = ["--days", "3", "--seed", seed, "--trail", trail];
        let told = here.run(&[&files[..], &more].concat()).stdout;
        (told, std::fs::read_to_string(here.path(trail)).unwrap())
    };
    let (first, again, other) = (days("1", "a"), days("1", "b"), days("2", "c"));
    assert!(first == again, "the same seed");
    assert!(first.1 != other.1, "another seed");
    let line: Value = serde_json::from_str(first.1.lines().next().unwrap()).unwrap();
    assert_eq!(line["caller"], json!("arn:aws:iam::111122223333:root"));
}

#[test]
fn files_with_problems_are_refused_with_places() {
    let here = configured();
    here.write("fleet.yaml", &FLEET.replace("count: 2", "cuont: 2"));
    let hint = ["fleet.yaml:7:", "cuont", "did you mean `count`?"];
    here.refused(&["simulate", "--fleet", "fleet.yaml"], 2, &hint);
    here.write("faults.yaml", "faults:\n  - { action: CreateSnapshit, drop: true }\n");
    here.refused(
        &["simulate", "--faults", "faults.yaml"],
        2,
        &["faults.yaml:2:", "CreateSnapshit"],
    );
    here.refused(&["simulate", "--fleet", "none.yaml"], 2, &["none.yaml"]);
    here.refused(&["simulate", "--days", "0"], 2, &["--serve"]);
    here.refused(&["simulate", "--speed", "2"], 2, &["--serve"]);
}

#[cfg(unix)]
#[test]
fn the_end_point_answers_signed_requests_until_it_is_asked_to_stop() {
    let here = configured();
    let args = ["simulate", "--fleet", "fleet.yaml", "--days", "2", "--serve", "0"];
    let mut command = here.command(&args);
    let mut serving =
        Running(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut told = BufReader::new(serving.0.stdout.take().unwrap());
    let mut line = String::new();
    let address = loop {
        line.clear();
        assert!(told.read_line(&mut line).unwrap() > 0, "it ended before it listened");
        if let Some(address) = line.strip_prefix("export AWS_ENDPOINT_URL=http://") {
            break address.trim().to_owned();
        }
    };

    let body = "Action=DescribeSnapshots&Version=2016-11-15&Owner.1=self";
    let credential = "111122223333/20260304/eu-west-1/ec2/aws4_request";
    let request = format!(
        "POST / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nX-Amz-Date: 20260304T000000Z\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host;x-amz-date, \
         Signature={:064}\r\nContent-Length: {}\r\n\r\n{body}",
        0,
        body.len()
    );
    let mut stream = TcpStream::connect(&address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    // Two nights of three volumes.
    assert_eq!(answer.matches("<snapshotId>").count(), 6, "{answer}");

    serving.ask_to_stop();
    // What it says until its end, so that it can end.
    told.read_to_string(&mut line).unwrap();
    assert_eq!(serving.0.wait().unwrap().code(), Some(0));
}
