//! SQS in one account and region.

pub(crate) mod attributes;
pub(crate) mod batch;
mod checksum;
pub(crate) mod delete;
pub(crate) mod handle;
pub(crate) mod message;
pub(crate) mod queue;
pub(crate) mod queue_attributes;
pub(crate) mod queues;
pub(crate) mod receive;
pub(crate) mod send;
pub(crate) mod url;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{buckets::Bucket, refusal::Refusal, table::Entry};
use queue::Queue;

/// The operations that are here.
pub(crate) const OPERATIONS: &[Entry] = &[
    Entry::json::<delete::ChangeMessageVisibility>(),
    Entry::json::<delete::ChangeMessageVisibilityBatch>(),
    Entry::json::<queues::CreateQueue>(),
    Entry::json::<delete::DeleteMessage>(),
    Entry::json::<delete::DeleteMessageBatch>(),
    Entry::json::<queues::DeleteQueue>(),
    Entry::json::<queue_attributes::GetQueueAttributes>(),
    Entry::json::<queues::GetQueueUrl>(),
    Entry::json::<queues::ListQueues>(),
    Entry::json::<queues::PurgeQueue>(),
    Entry::json::<receive::ReceiveMessage>(),
    Entry::json::<send::SendMessage>(),
    Entry::json::<send::SendMessageBatch>(),
    Entry::json::<queue_attributes::SetQueueAttributes>(),
];

/// What is there.
#[derive(Default)]
pub(crate) struct Sqs {
    /// By name.
    pub(crate) queues: BTreeMap<String, Queue>,
    /// When the last queue of a name was deleted.
    deleted: BTreeMap<String, Timestamp>,
}

/// Standard queues have no limit that anybody reaches here; FIFO queues take 300 calls a second.
/// Source: SQS Developer Guide, "Amazon SQS message quotas".
pub(crate) const BUCKET: Bucket = Bucket::new(30_000.0, 30_000.0);

/// The code that the query protocol had for an error, which the JSON protocol still sends in the
/// header `x-amzn-query-error`. Source: SQS API, "Common errors" and each operation's.
pub(crate) fn query_code(code: &'static str) -> &'static str {
    match code {
        "BatchEntryIdsNotDistinct" => "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
        "BatchRequestTooLong" => "AWS.SimpleQueueService.BatchRequestTooLong",
        "EmptyBatchRequest" => "AWS.SimpleQueueService.EmptyBatchRequest",
        "InvalidBatchEntryId" => "AWS.SimpleQueueService.InvalidBatchEntryId",
        "MessageNotInflight" => "AWS.SimpleQueueService.MessageNotInflight",
        "PurgeQueueInProgress" => "AWS.SimpleQueueService.PurgeQueueInProgress",
        "QueueDeletedRecently" => "AWS.SimpleQueueService.QueueDeletedRecently",
        "QueueDoesNotExist" => "AWS.SimpleQueueService.NonExistentQueue",
        "QueueNameExists" => "QueueAlreadyExists",
        "TooManyEntriesInBatchRequest" => "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
        "UnsupportedOperation" => "AWS.SimpleQueueService.UnsupportedOperation",
        other => other,
    }
}

/// A parameter is wrong, and why.
pub(crate) fn invalid_parameter(value: &str, parameter: &str, reason: &str) -> Refusal {
    let message = format!("Value {value} for parameter {parameter} is invalid. Reason: {reason}");
    Refusal::new("InvalidParameterValue", message)
}

pub(crate) fn missing_parameter(parameter: &str) -> Refusal {
    let message = format!("The request must contain the parameter {parameter}.");
    Refusal::new("MissingParameter", message)
}

#[cfg(test)]
mod tests;
