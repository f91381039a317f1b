//! What a receiver does with a message when it is done or takes longer: `DeleteMessage`,
//! `ChangeMessageVisibility`, and their batches. Source: SQS API, each operation.

use jiff::SignedDuration;
use serde::Deserialize;

use super::{
    BUCKET,
    batch::{self, Done, Results},
    handle::Handle,
    queue::Queue,
    receive::in_range,
    url::{Address, Strangers, need_on},
};
use crate::{
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// `DeleteMessage`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct DeleteMessage {
    pub(crate) queue_url: String,
    pub(crate) receipt_handle: String,
}

/// `DeleteMessageBatch`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct DeleteMessageBatch {
    pub(crate) queue_url: String,
    pub(crate) entries: Vec<DeleteEntry>,
}

/// One message of a batch.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct DeleteEntry {
    pub(crate) id: String,
    pub(crate) receipt_handle: String,
}

/// `ChangeMessageVisibility`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct ChangeMessageVisibility {
    pub(crate) queue_url: String,
    pub(crate) receipt_handle: String,
    /// In seconds.
    pub(crate) visibility_timeout: u64,
}

/// `ChangeMessageVisibilityBatch`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct ChangeMessageVisibilityBatch {
    pub(crate) queue_url: String,
    pub(crate) entries: Vec<VisibilityEntry>,
}

/// One message of a batch.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct VisibilityEntry {
    pub(crate) id: String,
    pub(crate) receipt_handle: String,
    /// In seconds.
    pub(crate) visibility_timeout: u64,
}

/// The queue that a URL names, if the caller may do this with its messages.
fn queue<'c>(
    cx: &'c mut Cx<'_>,
    url: &str,
    action: &'static str,
) -> Result<&'c mut Queue, Refusal> {
    let address = Address::of_url(cx, url)?;
    address.enter(cx, action, Strangers::IfAdmitted)?;
    address.queue_mut(cx.state)
}

fn delete(queue: &mut Queue, handle: &str, now: jiff::Timestamp) -> Result<(), Refusal> {
    let handle = Handle::read(&queue.arn, queue.created_at, handle)?;
    queue.delete(&handle, now)
}

fn change(
    queue: &mut Queue,
    handle: &str,
    seconds: u64,
    now: jiff::Timestamp,
) -> Result<(), Refusal> {
    in_range("VisibilityTimeout", Some(seconds), 0..=43_200)?;
    let handle = Handle::read(&queue.arn, queue.created_at, handle)?;
    queue.change_visibility(&handle, SignedDuration::from_secs(seconds as i64), now)
}

impl Operation for DeleteMessage {
    const SPEC: Spec =
        Spec { service: "sqs", name: "DeleteMessage", access: Access::Writes, bucket: BUCKET };

    type Answer<'s> = ();

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        need_on(cx, &self.queue_url, "sqs:DeleteMessage")
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<(), Refusal> {
        let now = cx.now;
        delete(queue(cx, &self.queue_url, "sqs:DeleteMessage")?, &self.receipt_handle, now)
    }
}

impl Operation for DeleteMessageBatch {
    const SPEC: Spec =
        Spec { service: "sqs", name: "DeleteMessageBatch", access: Access::Writes, bucket: BUCKET };

    type Answer<'s> = Results<Done>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        need_on(cx, &self.queue_url, "sqs:DeleteMessage")
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Results<Done>, Refusal> {
        let now = cx.now;
        let queue = queue(cx, &self.queue_url, "sqs:DeleteMessage")?;
        batch::check(self.entries.iter().map(|it| it.id.as_str()))?;
        let id = |it: &DeleteEntry| it.id.clone();
        Ok(Results::of(self.entries, id, |DeleteEntry { id, receipt_handle }| {
            delete(queue, &receipt_handle, now)?;
            Ok(Done { id })
        }))
    }
}

impl Operation for ChangeMessageVisibility {
    const SPEC: Spec = Spec {
        service: "sqs",
        name: "ChangeMessageVisibility",
        access: Access::Writes,
        bucket: BUCKET,
    };

    type Answer<'s> = ();

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        need_on(cx, &self.queue_url, "sqs:ChangeMessageVisibility")
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<(), Refusal> {
        let now = cx.now;
        let queue = queue(cx, &self.queue_url, "sqs:ChangeMessageVisibility")?;
        change(queue, &self.receipt_handle, self.visibility_timeout, now)
    }
}

impl Operation for ChangeMessageVisibilityBatch {
    const SPEC: Spec = Spec {
        service: "sqs",
        name: "ChangeMessageVisibilityBatch",
        access: Access::Writes,
        bucket: BUCKET,
    };

    type Answer<'s> = Results<Done>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        need_on(cx, &self.queue_url, "sqs:ChangeMessageVisibility")
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Results<Done>, Refusal> {
        let now = cx.now;
        let queue = queue(cx, &self.queue_url, "sqs:ChangeMessageVisibility")?;
        batch::check(self.entries.iter().map(|it| it.id.as_str()))?;
        let id = |it: &VisibilityEntry| it.id.clone();
        Ok(Results::of(self.entries, id, |it: VisibilityEntry| {
            change(queue, &it.receipt_handle, it.visibility_timeout, now)?;
            Ok(Done { id: it.id })
        }))
    }
}
