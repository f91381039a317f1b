//! The function through Lambda's own runtime API: a small server on the loopback hands out
//! invocations as Lambda does, and the program answers them, with a simulated cloud behind it.
//!
//! The program is this test itself, started once more.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

#[path = "lambda/runtime_api.rs"]
mod runtime_api;
#[path = "lambda/simulated.rs"]
mod simulated;

use std::{process::Child, time::Duration};

use lamplighter_core::{
    Journal,
    engine::JobFilter,
    job::{Job, State, Work},
};
use lamplighter_embedded::SqliteJournal;
use lamplighter_tests::{Here, read};
use runtime_api::{Answer, RuntimeApi};
use serde_json::{Value, json};

const TASKS: &str = "accounts:
  hub: { id: \"111122223333\", regions: [eu-west-1] }
  prod: { id: \"222233334444\", role: member, external-id: 7f3c, regions: [eu-west-1] }
tasks:
  nightly:
    action: ebs.snapshot.create
    schedule: { cron: \"0 2 * * *\" }
    accounts: [prod]
    select: { tags: { backup: daily } }
  at-birth:
    action: ebs.snapshot.create
    on: [{ event: ebs.volume.created }]
    accounts: [prod]
";
const FLEET: &str = "accounts:
  \"111122223333\": { name: hub, regions: [eu-west-1] }
  \"222233334444\": { name: prod, regions: [eu-west-1], role: member, external-id: 7f3c }
volumes:
  - { account: \"222233334444\", id: vol-0a, tags: { backup: daily } }
  - { account: \"222233334444\", id: vol-0b, tags: { backup: daily } }
  - { account: \"222233334444\", id: vol-0c }
";

/// Not a test by itself: the function, when a test starts it as one.
#[test]
fn the_function() {
    if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_some() {
        let aws = simulated::Simulated { fleet: FLEET };
        let exit = lamplighter_cli::main_with(["bootstrap".into()], Some(&aws));
        panic!("a function does not end by itself: {exit:?}");
    }
}

/// A function that runs, and the Lambda around it.
struct Lambda {
    api: RuntimeApi,
    here: Here,
    function: Child,
}

impl Lambda {
    fn start() -> Lambda {
        let api = RuntimeApi::start();
        let this = std::env::current_exe().unwrap().display().to_string();
        let mut here = Here::new(this.leak());
        here.write("config/tasks.yaml", TASKS);
        here.write("queue", "");
        let set = |name: &str, value: String| (name.to_owned(), value);
        here.variables = vec![
            set("AWS_LAMBDA_RUNTIME_API", api.address().to_string()),
            set("AWS_LAMBDA_FUNCTION_NAME", "lamplighter".to_owned()),
            set("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256".to_owned()),
            set("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
            set("LAMBDA_TASK_ROOT", here.path("").display().to_string()),
            set("LAMPLIGHTER_JOURNAL", format!("dynamodb:{}", here.path("journal").display())),
            set("LAMPLIGHTER_QUEUE", format!("sqs:{}", here.path("queue").display())),
        ];
        let function = here.command(&["the_function", "--exact", "--nocapture"]).spawn().unwrap();
        Lambda { api, here, function }
    }

    /// What the function answers.
    #[track_caller]
    fn invoke(&self, payload: &Value) -> Value {
        match self.api.invoke(payload, Duration::from_secs(60)) {
            Answer::Response(answer) => answer,
            Answer::Error(error) => panic!("{payload}: {error}"),
        }
    }

    /// The messages that were sent to the queue since this was asked last.
    fn messages(&self) -> Vec<String> {
        let sent = std::fs::read_to_string(self.here.path("queue")).unwrap();
        self.here.write("queue", "");
        sent.lines().map(str::to_owned).collect()
    }

    /// The jobs on targets.
    fn jobs(&self) -> Vec<Job> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let journal = SqliteJournal::open(self.here.path("journal")).unwrap();
        let jobs = runtime.block_on(journal.jobs(&JobFilter::default())).unwrap();
        jobs.into_iter().filter(|it| it.id.is_of_target()).collect()
    }
}

impl Drop for Lambda {
    fn drop(&mut self) {
        let _ = self.function.kill();
        let _ = self.function.wait();
    }
}

/// A batch as Lambda's event source makes it of messages.
fn batch(bodies: &[String]) -> Value {
    let recorded = read("crates/core/tests/events/lambda-sqs-batch.json");
    let recorded: Value = serde_json::from_str(&recorded).unwrap();
    let record = |(number, body): (usize, &String)| {
        let mut record = recorded["Records"][0].clone();
        record["messageId"] = json!(format!("message-{number}"));
        record["body"] = json!(body);
        record
    };
    json!({ "Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>() })
}

fn sample(name: &str) -> Value {
    serde_json::from_str(&read(format!("crates/core/tests/events/{name}.json"))).unwrap()
}

#[test]
fn a_function_plans_runs_works_and_ticks_and_says_which_messages_come_again() {
    let lambda = Lambda::start();

    let plan = lambda.invoke(&json!({ "plan": ["nightly"], "at": "2026-03-29T02:00:00Z" }));
    let verdicts = plan["tasks"][0]["verdicts"].as_array().unwrap();
    let mut verdicts: Vec<String> =
        verdicts.iter().map(|it| format!("{} {}", it["target"], it["verdict"])).collect();
    verdicts.sort();
    assert_eq!(verdicts, [r#""vol-0a" "act""#, r#""vol-0b" "act""#]);
    assert_eq!(plan["problems"], json!([]));

    let run = json!({ "run": ["nightly"], "at": "2026-03-29T02:00:00Z" });
    let id = "nightly@2026-03-29T02:00:00Z";
    assert_eq!(lambda.invoke(&run), json!({ "started": [{ "run": id, "new": true }] }));
    assert_eq!(lambda.invoke(&run), json!({ "started": [{ "run": id, "new": false }] }));

    // The run, its place, and its two targets; each time with a message that is none.
    for expected in [1, 1, 2] {
        let mut messages = lambda.messages();
        assert_eq!(messages.len(), expected, "{messages:?}");
        messages.push("poison".to_owned());
        let failed = json!([{ "itemIdentifier": format!("message-{expected}") }]);
        let answer = lambda.invoke(&batch(&messages));
        assert_eq!(answer, json!({ "batchItemFailures": failed }));
    }
    let jobs = lambda.jobs();
    let state = |job: &Job| match &job.work {
        Work::Act { state, .. } => (job.status.state(), state.is_some()),
        _ => panic!("{} is of no target", job.id),
    };
    assert_eq!(jobs.iter().map(state).collect::<Vec<_>>(), [(State::Open, true); 2], "{jobs:?}");
    assert_eq!(lambda.messages().len(), 2, "the next steps");

    for schedule in [json!({ "tick": true }), sample("scheduler-default-payload")] {
        assert_eq!(lambda.invoke(&schedule), json!({ "started": [] }));
    }
    let other = sample("ec2-state-change-stopped");
    assert_eq!(lambda.invoke(&other), json!({ "started": [] }), "no task asks for it");
    let mut event = sample("ebs-volume-create-available");
    event["account"] = json!("222233334444");
    event["region"] = json!("eu-west-1");
    event["resources"] = json!(["arn:aws:ec2:eu-west-1:222233334444:volume/vol-0c"]);
    let run = format!("at-birth@2026-03-02T10:15:30Z_{}", event["id"].as_str().unwrap());
    assert_eq!(lambda.invoke(&event), json!({ "started": [{ "run": run, "new": true }] }));
    assert_eq!(lambda.invoke(&event), json!({ "started": [{ "run": run, "new": false }] }));
    let answer = lambda.invoke(&batch(&[event.to_string(), "poison".to_owned()]));
    let failed = json!([{ "itemIdentifier": "message-1" }]);
    assert_eq!(answer, json!({ "batchItemFailures": failed }), "by the queue as well");
    assert_eq!(lambda.messages().len(), 1, "it was started once");

    let error = lambda.api.invoke(&json!({ "key1": "value1" }), Duration::from_secs(60));
    let Answer::Error(error) = error else { panic!("{error:?}") };
    assert_eq!(error["errorType"], "Usage");
    let message = error["errorMessage"].as_str().unwrap();
    assert!(
        message.contains("unknown field `key1`") && message.contains("accepted are"),
        "{error}"
    );
}

#[test]
fn the_command_is_for_lambda_alone() {
    let here = Here::new(env!("CARGO_BIN_EXE_lamplighter-offline"));
    here.refused(&["lambda"], 2, &["lamplighter-offline"]);
}
