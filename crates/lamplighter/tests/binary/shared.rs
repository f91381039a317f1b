//! Hosts that share a journal in DynamoDB and a queue on SQS. The program simulates both itself, or
//! they are ministack's, which others wrote.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use lamplighter_tests::{Here, Running};
use serde_json::{Value, json};

use crate::{bed::LAMPLIGHTER, simulated::aws};

const FLEET: &str = "begin: 2026-03-29T02:00:00Z
accounts:
  \"111122223333\": { regions: [eu-west-1] }
  \"222233334444\": { regions: [eu-west-1, eu-central-1], role: member, external-id: 7f3c }
volumes:
  - { count: 20 }
";

const TASKS: &str = "accounts:
  hub: { id: \"111122223333\", regions: [eu-west-1] }
  prod: { id: \"222233334444\", role: member, external-id: 7f3c, regions: [eu-west-1, eu-central-1] }
tasks:
  nightly:
    action: ebs.snapshot.create
    accounts: all
    select: { where: 'true' }
";

const AT: [&str; 2] = ["--at", "2026-03-29T02:00:00Z"];

/// Asks whoever is that service here for something, as any client would. `None`: it refuses.
fn ask(here: &Here, service: &str, target: &str, body: &Value) -> Option<Value> {
    let variable = |wanted: &str| {
        let found = here.variables.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.clone())
    };
    let url = variable(&format!("AWS_ENDPOINT_URL_{}", service.to_uppercase()))
        .or_else(|| variable("AWS_ENDPOINT_URL"))
        .unwrap();
    let host = url.trim_start_matches("http://");
    let key = variable("AWS_ACCESS_KEY_ID").unwrap();
    let body = body.to_string();
    let mut wire = TcpStream::connect(host).unwrap();
    write!(
        wire,
        "POST / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\nx-amz-target: {target}\r\n\
         content-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\nauthorization: \
         AWS4-HMAC-SHA256 Credential={key}/20260329/eu-west-1/{service}/aws4_request, \
         SignedHeaders=host, Signature=00\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    wire.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    head.starts_with("HTTP/1.1 200").then(|| serde_json::from_str(body).unwrap())
}

/// Makes the table and the queue as a deployment does, and says to the program where they are.
pub(crate) fn deploy(here: &mut Here) {
    let dynamodb = |here: &Here, operation: &str, body: Value| {
        ask(here, "dynamodb", &format!("DynamoDB_20120810.{operation}"), &body)
    };
    let text = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
    let keys = |hash: &str, range: &str| {
        json!([
            {"AttributeName": hash, "KeyType": "HASH"},
            {"AttributeName": range, "KeyType": "RANGE"},
        ])
    };
    let index = |name: &str, hash: &str, range: &str| {
        let keys = keys(hash, range);
        json!({"IndexName": name, "KeySchema": keys, "Projection": {"ProjectionType": "KEYS_ONLY"}})
    };
    let definitions = ["pk", "sk", "open", "wake_at", "gate", "runs", "run"].map(text);
    let table = json!({
        "TableName": "lamplighter",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": definitions,
        "KeySchema": keys("pk", "sk"),
        "GlobalSecondaryIndexes": [
            index("open", "open", "wake_at"),
            index("waiting", "gate", "wake_at"),
            index("runs", "runs", "run"),
        ],
    });
    dynamodb(here, "CreateTable", table).unwrap();
    let named = json!({"TableName": "lamplighter"});
    let begun = Instant::now();
    let status =
        || Some(dynamodb(here, "DescribeTable", named.clone())?["Table"]["TableStatus"].clone());
    while status() != Some(json!("ACTIVE")) {
        assert!(begun.elapsed() < Duration::from_secs(60));
        thread::sleep(Duration::from_millis(100));
    }
    let ttl = json!({"Enabled": true, "AttributeName": "ttl"});
    let ttl = json!({"TableName": "lamplighter", "TimeToLiveSpecification": ttl});
    dynamodb(here, "UpdateTimeToLive", ttl).unwrap();
    let queue = json!({"QueueName": "lamplighter"});
    let url = ask(here, "sqs", "AmazonSQS.CreateQueue", &queue).unwrap();
    let url = url["QueueUrl"].as_str().unwrap();
    // What was made is not shown by every call at once, but after some seconds. Twenty of them
    // pass in one here.
    thread::sleep(Duration::from_secs(1));
    let journal = "dynamodb:lamplighter".to_owned();
    here.variables.push(("LAMPLIGHTER_JOURNAL".to_owned(), journal));
    here.variables.push(("LAMPLIGHTER_QUEUE".to_owned(), format!("sqs:{url}")));
}

fn here() -> (Here, Running) {
    let mut here = Here::new(LAMPLIGHTER);
    here.write("config/tasks.yaml", TASKS);
    here.write("fleet.yaml", FLEET);
    let aws = aws(&mut here, &["--fleet", "fleet.yaml", "--speed", "20"]);
    deploy(&mut here);
    (here, aws)
}

/// The same, but DynamoDB and SQS are ministack's. Second: what has to be kept while they are used.
fn here_with_ministack() -> (Here, [Running; 2]) {
    let mut here = Here::new(LAMPLIGHTER);
    here.write("config/tasks.yaml", TASKS);
    here.write("fleet.yaml", FLEET);
    let aws = aws(&mut here, &["--fleet", "fleet.yaml", "--speed", "20", "--trail", "trail.jsonl"]);
    let ministack = ministack(&mut here);
    deploy(&mut here);
    (here, [aws, ministack])
}

pub(crate) fn ministack(here: &mut Here) -> Running {
    let program = std::env::var_os("LAMPLIGHTER_MINISTACK").map(PathBuf::from).expect(
        "this test needs the emulator: `scripts/test` installs it and names it in \
         LAMPLIGHTER_MINISTACK",
    );
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let child = Command::new(program)
        .env("BIND_HOST", "127.0.0.1")
        .env("MINISTACK_HOST", "127.0.0.1")
        .env("GATEWAY_PORT", &port)
        .env("SFTP_ENABLED", "0")
        .env("IOT_MTLS_ENABLED", "0")
        .env("STATE_DIR", here.path("ministack"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let ministack = Running(child);
    let begun = Instant::now();
    while TcpStream::connect(format!("127.0.0.1:{port}")).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(120), "the emulator does not listen");
        thread::sleep(Duration::from_millis(100));
    }
    for service in ["DYNAMODB", "SQS"] {
        let name = format!("AWS_ENDPOINT_URL_{service}");
        here.variables.push((name, format!("http://127.0.0.1:{port}")));
    }
    ministack
}

fn begun(here: &Here, args: &[&str]) -> Running {
    let mut command = here.command(args);
    Running(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
}

fn worker(here: &Here) -> Running {
    begun(here, &["worker", "--tick"])
}

/// Waits until there is a record of every volume.
#[track_caller]
fn until_recorded(here: &Here) {
    let begun = Instant::now();
    let recorded = || {
        let jobs = here.json(&["jobs"], 0);
        jobs.as_array().unwrap().iter().filter(|it| it["target"].is_string()).count()
    };
    while recorded() < 60 {
        assert!(begun.elapsed() < Duration::from_secs(240), "nothing goes on");
        thread::sleep(Duration::from_millis(50));
    }
}

/// How many snapshots the simulated AWS was asked for and made, as it says in the end.
fn created(here: &Here, aws: Running) -> usize {
    assert_eq!(aws.stop().code(), Some(0));
    let trail = std::fs::read_to_string(here.path("trail.jsonl")).unwrap();
    let calls = trail.lines().map(|it| serde_json::from_str::<Value>(it).unwrap());
    let made = |it: &Value| it["operation"] == "CreateSnapshot" && it["outcome"] == "done";
    calls.filter(made).count()
}

/// That a run of all 60 volumes is in the journal, with all that can be read of it.
#[track_caller]
fn assert_done(here: &Here) {
    let runs = here.json(&["runs"], 0);
    assert_eq!(runs.as_array().unwrap().len(), 1);
    assert_eq!((&runs[0]["state"], &runs[0]["targets"]), (&json!("succeeded"), &json!(60)));
    let jobs = here.json(&["jobs"], 0);
    let jobs = jobs.as_array().unwrap();
    assert_eq!(jobs.iter().filter(|it| it["target"].is_string()).count(), 60);
    assert!(jobs.iter().all(|it| it["state"] == "succeeded"));
    assert_eq!(runs[0]["jobs"]["succeeded"], jobs.len());
    assert_eq!(here.json(&["missed"], 0), json!([]));
}

#[test]
fn a_run_goes_through_dynamodb_and_sqs() {
    let (here, _aws) = here();
    let ran = here.json(&[&["run", "nightly"], &AT[..]].concat(), 0);
    assert_eq!(ran["runs"][0]["targets"], 60, "{ran}");
    assert_done(&here);
    let again = here.json(&[&["run", "nightly"], &AT[..]].concat(), 0);
    assert_eq!(again, ran, "nothing is done twice");
    assert_done(&here);
}

#[test]
fn a_journal_on_dynamodb_does_without_a_queue() {
    let (mut here, _aws) = here();
    here.variables.retain(|(name, _)| name != "LAMPLIGHTER_QUEUE");
    let ran = here.json(&[&["run", "nightly"], &AT[..]].concat(), 0);
    assert_eq!(ran["runs"][0]["targets"], 60, "{ran}");
    assert_done(&here);
}

#[test]
fn hosts_finish_together_what_one_of_them_began() {
    let (here, _aws) = here();
    let workers = [worker(&here), worker(&here)];
    let ran = here.json(&[&["run", "nightly"], &AT[..]].concat(), 0);
    assert_eq!(ran["runs"][0]["targets"], 60, "{ran}");
    assert_done(&here);
    drop(workers);
}

#[test]
fn workers_that_are_killed_leave_nothing_undone_and_nothing_doubled() {
    let (here, [aws, _ministack]) = here_with_ministack();
    let _other = worker(&here);
    let mut run = begun(&here, &[&["run", "nightly"], &AT[..]].concat());
    // Each life is longer than the one before: the kills fall on all that a worker does.
    for life in 1..=12 {
        let killed = worker(&here);
        thread::sleep(Duration::from_millis(150 * life));
        killed.kill();
    }
    assert_eq!(run.0.wait().unwrap().code(), Some(0));
    assert_done(&here);
    assert_eq!(created(&here, aws), 60);
}

#[test]
fn an_emptied_queue_costs_a_sweep_and_nothing_else() {
    let (here, [aws, _ministack]) = here_with_ministack();
    let mut run = begun(&here, &[&["run", "nightly"], &AT[..]].concat());
    until_recorded(&here);
    let queue = here.variables.iter().find(|(name, _)| name == "LAMPLIGHTER_QUEUE").unwrap();
    let queue = json!({"QueueUrl": queue.1.trim_start_matches("sqs:")});
    ask(&here, "sqs", "AmazonSQS.PurgeQueue", &queue).unwrap();
    let emptied = Instant::now();
    assert_eq!(run.0.wait().unwrap().code(), Some(0));
    // The sweep comes each minute. What is left of the run takes half of one here.
    assert!(emptied.elapsed() < Duration::from_secs(120), "{:?}", emptied.elapsed());
    assert_done(&here);
    assert_eq!(created(&here, aws), 60);
}

#[test]
fn what_is_not_there_is_said_with_its_cure() {
    let (mut here, _aws) = here();
    let run = ["run", "nightly"];
    let args = [&run[..], &["--journal", "dynamodb:other"]].concat();
    here.refused(&args, 2, &["there is no table `other` in eu-west-1"]);
    let args = [&run[..], &["--queue", "sqs:http://127.0.0.1:1/111122223333/other"]].concat();
    here.refused(&args, 2, &["create the queue, or correct its URL"]);
    let args = [&run[..], &["--journal", "sqlite:j.db"]].concat();
    here.refused(&args, 2, &["needs a journal that they share"]);
    here.variables.retain(|(name, _)| name != "LAMPLIGHTER_QUEUE");
    here.refused(&["worker"], 2, &["`worker` shares its work with other hosts"]);
}
