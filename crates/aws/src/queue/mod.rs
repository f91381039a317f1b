//! The queue on SQS, for hosts that share it: both ends.
//!
//! A message says the id of a job and nothing else: what is to be done stands in the journal. So
//! a message may be lost, doubled or late, and the queue may be purged at any time: the next
//! sweep wakes what is due.

use std::time::Duration;

use async_trait::async_trait;
use aws_config::{Region, SdkConfig};
use aws_sdk_sqs::{
    Client,
    types::{
        BatchResultErrorEntry, DeleteMessageBatchRequestEntry, MessageSystemAttributeName,
        QueueAttributeName, SendMessageBatchRequestEntry,
    },
};
use aws_smithy_runtime::client::retries::RetryPartition;
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use lamplighter_core::{
    Fault, JobId, Queue,
    engine::{Inbox, Message},
    job::LEASE,
};
use tracing::warn;

use crate::{
    config::{check_endpoints, with_timeouts},
    fault::{Call, plain},
    several::several,
};

/// Messages of one call. Source: SQS API, `SendMessageBatch`.
const BATCH: usize = 10;
/// Such calls at a time.
const CALLS: usize = 8;
/// The longest that SQS delays a message. Whatever wakes later, the sweep wakes.
const LONGEST_DELAY: Duration = Duration::from_secs(900);
/// The longest that SQS hides a message.
const LONGEST_HIDDEN: Duration = Duration::from_secs(12 * 60 * 60);
/// How long a received message is hidden beyond the lease of the job that it names.
const BEYOND_LEASE: Duration = Duration::from_secs(60);
/// How long a receiver waits for a first message, the longest that SQS allows.
const LONG_POLL: Duration = Duration::from_secs(20);
/// How long the answer to that may take.
const LONG_POLL_ANSWER: Duration = Duration::from_secs(30);
/// Tries of a call.
const ATTEMPTS: u32 = 6;
/// How often the messages of a batch are sent that SQS failed to take.
const TRIES: u32 = 3;

/// A standard queue of SQS. Any number of hosts may share it.
///
/// Senders need `sqs:SendMessage`, receivers `sqs:ReceiveMessage`, `sqs:DeleteMessage` and
/// `sqs:ChangeMessageVisibility`, and both `sqs:GetQueueAttributes` to open it.
pub struct SqsQueue {
    client: Client,
    /// A client that waits for as long as a long poll takes.
    patient: Client,
    url: String,
    /// Who calls, and where, for messages.
    whom: String,
}

impl SqsQueue {
    /// Opens the queue at a URL, with the process's own credentials, in the region that the URL
    /// names or else in that of the process.
    ///
    /// # Errors
    ///
    /// A config fault, with its cure, when there is no such queue or it is a FIFO queue, which
    /// would hold back all jobs of an account behind the first one.
    pub async fn open(config: &SdkConfig, url: &str) -> Result<SqsQueue, Fault> {
        check_endpoints(config)?;
        if !(url.starts_with("https://") || url.starts_with("http://")) {
            return Err(Fault::config(format!(
                "`{}` is not the URL of a queue, such as \
                 `https://sqs.eu-west-1.amazonaws.com/111122223333/lamplighter`",
                plain(url)
            )));
        }
        let mut builder = with_timeouts(config).to_builder();
        if let Some(region) = region_of(url) {
            builder = builder.region(Region::new(region.to_owned()));
        }
        let config = builder.build();
        let patience = TimeoutConfig::builder()
            .read_timeout(LONG_POLL_ANSWER)
            .operation_attempt_timeout(LONG_POLL_ANSWER);
        let patient = config.to_builder().timeout_config(patience.build()).build();
        let client = |config: &SdkConfig| {
            let builder = aws_sdk_sqs::config::Builder::from(config);
            let retries = RetryConfig::standard().with_max_attempts(ATTEMPTS);
            let own = RetryPartition::new("queue");
            Client::from_conf(builder.retry_config(retries).retry_partition(own).build())
        };
        let queue = SqsQueue {
            client: client(&config),
            patient: client(&patient),
            whom: format!("the process's own credentials, on queue `{}`", plain(url)),
            url: url.to_owned(),
        };
        queue.check().await?;
        Ok(queue)
    }

    async fn check(&self) -> Result<(), Fault> {
        let request = self.client.get_queue_attributes().queue_url(&self.url);
        let answer = request.attribute_names(QueueAttributeName::All).send().await;
        let answer = self.call("looking at the queue", "sqs:GetQueueAttributes").answer(answer)?;
        let attributes = answer.attributes.unwrap_or_default();
        if attributes.get(&QueueAttributeName::FifoQueue).is_some_and(|it| it == "true") {
            return Err(Fault::config(format!(
                "queue `{}` is a FIFO queue: use a standard one, which is fair between accounts \
                 without holding their jobs back",
                plain(&self.url)
            )));
        }
        if !attributes.contains_key(&QueueAttributeName::RedrivePolicy) {
            warn!(
                queue = self.url,
                "the queue has no dead-letter queue: messages that cannot be read come back until \
                 they expire"
            );
        }
        Ok(())
    }

    fn call<'a>(&'a self, doing: &'a str, action: &'static str) -> Call<'a> {
        Call { doing, action, whom: &self.whom, cure: None }
    }

    /// Sends at most ten wakes. Those that SQS fails to take are sent again; what is left then,
    /// the sweep makes up for.
    async fn send(&self, wakes: &[(&JobId, i32)]) -> Result<(), Fault> {
        let doing = "waking jobs";
        let mut left: Vec<SendMessageBatchRequestEntry> = Vec::new();
        for (index, (job, delay)) in wakes.iter().enumerate() {
            let entry = SendMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .message_body(job.as_str())
                .message_group_id(group(job))
                .delay_seconds(*delay);
            left.push(entry.build().map_err(|error| Fault::permanent(doing).caused_by(error))?);
        }
        let mut failed = Vec::new();
        for _ in 0..TRIES {
            let request = self.client.send_message_batch().queue_url(&self.url);
            let answer = request.set_entries(Some(left.clone())).send().await;
            failed = self.call(doing, "sqs:SendMessage").answer(answer)?.failed;
            // What the sender did wrong would be wrong again.
            left.retain(|entry| failed.iter().any(|it| it.id == entry.id && !it.sender_fault));
            if left.is_empty() {
                break;
            }
        }
        tell(&failed, "messages were not sent: the sweep wakes their jobs");
        Ok(())
    }

    /// Takes at most ten messages away.
    async fn delete(&self, receipts: &[String]) -> Result<(), Fault> {
        let doing = "taking messages away";
        let mut entries = Vec::new();
        for (index, receipt) in receipts.iter().enumerate() {
            let entry = DeleteMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(receipt)
                .build();
            entries.push(entry.map_err(|error| Fault::permanent(doing).caused_by(error))?);
        }
        let request = self.client.delete_message_batch().queue_url(&self.url);
        let answer = request.set_entries(Some(entries)).send().await;
        let answer = self.call(doing, "sqs:DeleteMessage").answer(answer)?;
        tell(&answer.failed, "messages that were done come again");
        Ok(())
    }
}

#[async_trait]
impl Queue for SqsQueue {
    async fn wake(&self, jobs: &[(JobId, Duration)]) -> Result<(), Fault> {
        let soon = jobs.iter().filter_map(|(job, delay)| Some((job, seconds(*delay)?)));
        let wakes: Vec<(&JobId, i32)> = soon.collect();
        several(CALLS, wakes.chunks(BATCH).map(|batch| self.send(batch))).await.map(drop)
    }
}

#[async_trait]
impl Inbox for SqsQueue {
    async fn receive(&self, most: usize) -> Result<Vec<Message>, Fault> {
        let most = most.clamp(1, BATCH);
        let answer = self
            .patient
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(most as i32)
            .wait_time_seconds(whole_seconds(LONG_POLL))
            .visibility_timeout(whole_seconds(hidden_at_first()))
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .send()
            .await;
        let answer = self.call("receiving messages", "sqs:ReceiveMessage").answer(answer)?;
        let message = |it: aws_sdk_sqs::types::Message| {
            let count = MessageSystemAttributeName::ApproximateReceiveCount;
            let received = it.attributes.as_ref().and_then(|it| it.get(&count)?.parse().ok());
            Some(Message {
                body: it.body.unwrap_or_default(),
                receipt: it.receipt_handle?,
                received: received.unwrap_or(1),
            })
        };
        Ok(answer.messages.unwrap_or_default().into_iter().filter_map(message).collect())
    }

    async fn done(&self, receipts: &[String]) -> Result<(), Fault> {
        several(CALLS, receipts.chunks(BATCH).map(|batch| self.delete(batch))).await.map(drop)
    }

    async fn extend(&self, receipt: &str, hidden: Duration) -> Result<(), Fault> {
        let answer = self
            .client
            .change_message_visibility()
            .queue_url(&self.url)
            .receipt_handle(receipt)
            .visibility_timeout(whole_seconds(hidden.min(LONGEST_HIDDEN)))
            .send()
            .await;
        let call = self.call("hiding a message for longer", "sqs:ChangeMessageVisibility");
        call.answer(answer).map(drop)
    }
}

/// How long a received message is hidden from others: longer than a step takes.
fn hidden_at_first() -> Duration {
    Duration::try_from(LEASE).unwrap_or_default() + BEYOND_LEASE
}

/// A delay in whole seconds, never less: a job that is looked at too early is put back. `None`:
/// it is longer than SQS delays.
fn seconds(delay: Duration) -> Option<i32> {
    (delay <= LONGEST_DELAY).then(|| whole_seconds(delay))
}

fn whole_seconds(span: Duration) -> i32 {
    let seconds = span.as_secs() + u64::from(span.subsec_nanos() > 0);
    i32::try_from(seconds).unwrap_or(i32::MAX)
}

/// Whose turn a message is: that of the account that the job works in, or of its task while it
/// has none. SQS keeps the wait of the others short while one of them has a long backlog.
/// Source: SQS Developer Guide, "Amazon SQS fair queues".
fn group(job: &JobId) -> String {
    let run = job.run();
    let rest = job.as_str().strip_prefix(run.as_str()).unwrap_or_default();
    match rest.split('/').nth(1) {
        Some(account) if account.bytes().all(|it| it.is_ascii_digit()) => account.to_owned(),
        _ => run.task().to_owned(),
    }
}

/// The region in the host name of a queue of AWS: `https://sqs.eu-west-1.amazonaws.com/…`.
fn region_of(url: &str) -> Option<&str> {
    let host = url.split_once("://")?.1.split('/').next()?;
    let (region, domain) = host.strip_prefix("sqs.")?.split_once('.')?;
    domain.starts_with("amazonaws.").then_some(region)
}

/// Says which entries of a batch failed, if any did.
fn tell(failed: &[BatchResultErrorEntry], what: &str) {
    if let Some(first) = failed.first() {
        let why = first.message.as_deref().map(plain);
        warn!(count = failed.len(), code = plain(&first.code), why, "{what}");
    }
}

#[cfg(test)]
mod tests;
