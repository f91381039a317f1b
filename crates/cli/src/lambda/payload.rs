//! What a function is invoked with, as a pure function of its JSON.

use jiff::Timestamp;
use lamplighter_core::TaskName;
use serde::Deserialize;
use serde_json::Value;

use crate::asked::{self, Asked};

/// What is said to who sends anything else.
const ACCEPTED: &str = "accepted are a batch of SQS messages, an event of EventBridge, \
    `{\"tick\": true}`, `{\"plan\": [\"task\", …], \"at\": \"2026-03-29T02:00:00Z\"}` and \
    `{\"run\": [\"task\", …], \"at\": …}`; `at` may be left out";

/// What a function is invoked with.
#[derive(Debug, PartialEq)]
pub(super) enum Payload {
    /// Something that every host does.
    Asked(Asked),
    /// Messages of a queue.
    Batch(Vec<Record>),
    /// Somebody wants to know what tasks would do.
    Plan(Tasks),
    /// Somebody wants tasks to run.
    Run(Tasks),
}

/// A message of a queue, as Lambda's event source hands it over.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    /// What a failure is reported by.
    pub(super) message_id: String,
    /// What it says.
    #[serde(default)]
    pub(super) body: String,
    #[serde(default)]
    attributes: Attributes,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attributes {
    /// A number, as a text.
    #[serde(default)]
    approximate_receive_count: String,
}

impl Record {
    /// Whether nobody has received it before.
    pub(super) fn is_new(&self) -> bool {
        ["", "1"].contains(&self.attributes.approximate_receive_count.as_str())
    }
}

/// Tasks, and their occurrence.
#[derive(Debug, PartialEq)]
pub(super) struct Tasks {
    /// At least one.
    pub(super) names: Vec<TaskName>,
    /// `None`: now.
    pub(super) at: Option<Timestamp>,
}

/// What people and programs invoke the function with.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Direct {
    plan: Option<Vec<TaskName>>,
    run: Option<Vec<TaskName>>,
    at: Option<Timestamp>,
}

/// Understands what the function is invoked with.
///
/// # Errors
///
/// What is wrong with it, and what is accepted.
pub(super) fn read(json: &Value) -> Result<Payload, String> {
    if let Some(records) = json.get("Records") {
        return batch(records);
    }
    if let Some(asked) = asked::event_bridge(json) {
        return asked.map(Payload::Asked);
    }
    direct(json).map_err(|why| format!("{why}; {ACCEPTED}"))
}

fn batch(records: &Value) -> Result<Payload, String> {
    let source = |it: &Value| it.get("eventSource").and_then(Value::as_str).map(str::to_owned);
    let sources = records.as_array().into_iter().flatten().map(source);
    if let Some(other) = sources.flatten().find(|it| it != "aws:sqs") {
        return Err(format!("records of `{other}`; {ACCEPTED}"));
    }
    let records = Deserialize::deserialize(records);
    records.map(Payload::Batch).map_err(|error| format!("a batch of records: {error}"))
}

fn direct(json: &Value) -> Result<Payload, String> {
    if !json.is_object() {
        return Err("not an object".to_owned());
    }
    let Direct { plan, run, at } = Deserialize::deserialize(json).map_err(|it| it.to_string())?;
    let (names, kind): (_, fn(Tasks) -> Payload) = match (plan, run) {
        (Some(names), None) => (names, Payload::Plan),
        (None, Some(names)) => (names, Payload::Run),
        _ => return Err("neither `plan` nor `run`, or both".to_owned()),
    };
    if names.is_empty() {
        return Err("no task is named".to_owned());
    }
    Ok(kind(Tasks { names, at }))
}

#[cfg(test)]
mod tests;
