use lamplighter_tests::{files, read as sample};
use proptest::prelude::*;
use serde_json::json;

use super::*;

/// What a payload is, in short; or words of the error.
fn shown(payload: &Value) -> String {
    match read(payload) {
        Ok(Payload::Asked(asked)) => asked.to_string(),
        Ok(Payload::Batch(records)) => {
            let bodies: Vec<String> = records
                .iter()
                .map(|it| match asked::message(&it.body) {
                    Ok(asked) => asked.to_string(),
                    Err(_) => "?".to_owned(),
                })
                .collect();
            format!("batch: {}", bodies.join(", "))
        }
        Ok(Payload::Plan(tasks)) => format!("plan {tasks}"),
        Ok(Payload::Run(tasks)) => format!("run {tasks}"),
        Err(why) => format!("error: {why}"),
    }
}

impl std::fmt::Display for Tasks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.names.iter().map(TaskName::as_str).collect();
        write!(f, "{}", names.join(" "))?;
        self.at.map_or(Ok(()), |at| write!(f, " at {at}"))
    }
}

#[track_caller]
fn check(payload: Value, expected: &str) {
    assert_eq!(shown(&payload), expected, "{payload}");
}

#[track_caller]
fn check_refused(payload: Value, why: &str) {
    let shown = shown(&payload);
    assert!(shown.starts_with("error: ") && shown.contains(why), "{payload}: {shown}");
}

/// A record of a batch.
fn record(id: &str, body: &str, received: &str) -> Value {
    json!({
        "messageId": id, "receiptHandle": "AQEB", "body": body, "eventSource": "aws:sqs",
        "attributes": { "ApproximateReceiveCount": received, "SentTimestamp": "1772446530000" },
        "messageAttributes": {}, "awsRegion": "eu-west-1",
    })
}

#[test]
fn every_sample_of_what_aws_sends_is_understood() {
    let samples = files(&[".json"]).into_iter();
    let samples: Vec<_> = samples.filter(|it| it.starts_with("crates/core/tests/events")).collect();
    assert!(samples.len() > 30, "{samples:?}");
    for path in samples {
        let payload: Value = serde_json::from_str(&sample(&path)).unwrap();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        let expected = match name {
            "scheduled-event" | "scheduler-default-payload" => "tick".to_owned(),
            "lambda-sqs-batch" => "batch: ?".to_owned(),
            _ => format!("event {}", payload["id"].as_str().unwrap_or_default()),
        };
        assert_eq!(shown(&payload), expected, "{name}");
        // The same is said by a message of the queue.
        if name != "lambda-sqs-batch" {
            let asked = asked::message(&payload.to_string()).map(|it| it.to_string());
            assert_eq!(asked, Ok(expected), "{name}");
        }
    }
}

#[test]
fn a_schedule_says_that_a_minute_has_passed() {
    check(json!({ "tick": true }), "tick");
    check_refused(json!({ "tick": false }), "unknown field `tick`");
    check_refused(json!({ "tick": true, "at": "2026-03-29T02:00:00Z" }), "unknown field `tick`");
    // Somebody else's scheduled event is an event.
    check_refused(json!({ "source": "mine", "detail-type": "Scheduled Event" }), "");
}

#[test]
fn a_batch_has_ids_of_jobs_and_events() {
    let job = "nightly@2026-03-29T02:00:00Z/111122223333/eu-west-1/vol-1";
    let event = sample("crates/core/tests/events/ec2-state-change-stopped.json");
    let id = serde_json::from_str::<Value>(&event).unwrap()["id"].as_str().unwrap().to_owned();
    let records = [
        record("m-1", job, "1"),
        record("m-2", &event, "1"),
        record("m-3", "poison", "2"),
        record("m-4", "{\"tick\": true}", "1"),
        record("m-5", &json!({ "run": ["nightly"] }).to_string(), "1"),
    ];
    check(json!({ "Records": records }), &format!("batch: job {job}, event {id}, ?, tick, ?"));
    check(json!({ "Records": [] }), "batch: ");
}

#[test]
fn a_record_knows_whether_it_is_new() {
    let read = |received: &str| match read(&json!({ "Records": [record("m", "x", received)] })) {
        Ok(Payload::Batch(records)) => records[0].is_new(),
        other => panic!("{other:?}"),
    };
    assert_eq!([read("1"), read("2"), read("10")], [true, false, false]);
}

#[test]
fn records_of_another_service_are_refused() {
    let record = json!({ "eventSource": "aws:s3", "s3": {} });
    check_refused(json!({ "Records": [record] }), "records of `aws:s3`; accepted are a batch of");
    check_refused(json!({ "Records": [{ "eventSource": "aws:sqs" }] }), "messageId");
    check_refused(json!({ "Records": "all" }), "a batch of records");
}

#[test]
fn people_ask_for_plans_and_runs() {
    check(json!({ "plan": ["nightly", "weekly"] }), "plan nightly weekly");
    check(
        json!({ "run": ["nightly"], "at": "2026-03-29T04:00:00+02:00" }),
        "run nightly at 2026-03-29T02:00:00Z",
    );
    check_refused(json!({ "plan": [] }), "no task is named");
    check_refused(json!({ "plan": ["nightly"], "run": ["nightly"] }), "or both");
    check_refused(json!({ "plan": "nightly" }), "expected a sequence");
    check_refused(json!({ "run": ["Nightly Backup"] }), "is not a task name");
    check_refused(json!({ "run": ["nightly"], "at": "soon" }), "");
    check_refused(json!({ "run": ["nightly"], "force": true }), "unknown field `force`");
}

#[test]
fn whatever_else_comes_is_told_what_is_accepted() {
    for payload in [json!({}), json!(null), json!([]), json!("tick"), json!({ "key1": "value1" })] {
        check_refused(payload, ACCEPTED);
    }
    // What looks like an event says what is wrong with it.
    check_refused(
        json!({ "source": "aws.ec2", "detail-type": "x" }),
        "not an event of EventBridge",
    );
}

/// JSON that looks like a payload here and there.
fn any_json() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just("aws.ec2".to_owned()),
        Just("Scheduled Event".to_owned()),
        Just("nightly@2026-03-29T02:00:00Z".to_owned()),
        "[ -~]{0,12}",
        ".{0,6}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|it| json!(it)),
        word.prop_map(Value::from),
    ];
    let key = prop_oneof![
        prop::sample::select(vec![
            "Records",
            "messageId",
            "body",
            "eventSource",
            "attributes",
            "source",
            "detail-type",
            "detail",
            "resources",
            "id",
            "account",
            "region",
            "time",
            "tick",
            "plan",
            "run",
            "at",
        ])
        .prop_map(str::to_owned),
        "[a-z-]{0,8}",
    ];
    leaf.prop_recursive(4, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_json_makes_it_panic(json in any_json()) {
        let _ = read(&json);
        let _ = asked::message(&json.to_string());
    }

    #[test]
    fn no_text_makes_it_panic(text in ".*") {
        let _ = asked::message(&text);
    }
}
