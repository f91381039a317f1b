//! `ReceiveMessage`. Source: SQS API, `ReceiveMessage`; SQS Developer Guide, "Amazon SQS short
//! and long polling".

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    BUCKET, checksum,
    handle::Handle,
    invalid_parameter,
    message::{self, Message, Value},
    queue::{LONGEST_INVISIBLE, Received},
    url::{Address, Strangers, need_on},
};
use crate::{
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// What AWS adds to a message, beside `All`.
const SYSTEM_ATTRIBUTES: [&str; 9] = [
    "AWSTraceHeader",
    "ApproximateFirstReceiveTimestamp",
    "ApproximateReceiveCount",
    "DeadLetterQueueSourceArn",
    "MessageDeduplicationId",
    "MessageGroupId",
    "SenderId",
    "SentTimestamp",
    "SequenceNumber",
];

/// `ReceiveMessage`. When there is nothing and the caller wants to wait, the answer says so and
/// [`Cx::retry_until`] until when.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct ReceiveMessage {
    pub(crate) queue_url: String,
    /// The older name of the next.
    pub(crate) attribute_names: Vec<String>,
    pub(crate) message_system_attribute_names: Vec<String>,
    pub(crate) message_attribute_names: Vec<String>,
    pub(crate) max_number_of_messages: Option<usize>,
    pub(crate) visibility_timeout: Option<u64>,
    pub(crate) wait_time_seconds: Option<u64>,
}

/// What `ReceiveMessage` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Messages {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    messages: Vec<Shown>,
}

#[derive(Serialize)]
struct Shown {
    #[serde(rename = "MessageId")]
    message_id: String,
    #[serde(rename = "ReceiptHandle")]
    receipt_handle: String,
    #[serde(rename = "MD5OfBody")]
    md5_of_body: String,
    #[serde(rename = "Body")]
    body: String,
    #[serde(rename = "Attributes", skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<&'static str, String>,
    #[serde(rename = "MD5OfMessageAttributes", skip_serializing_if = "Option::is_none")]
    md5_of_attributes: Option<String>,
    #[serde(rename = "MessageAttributes", skip_serializing_if = "BTreeMap::is_empty")]
    message_attributes: BTreeMap<String, Value>,
}

impl Operation for ReceiveMessage {
    const SPEC: Spec =
        Spec { service: "sqs", name: "ReceiveMessage", access: Access::Writes, bucket: BUCKET };

    type Answer<'s> = Messages;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        need_on(cx, &self.queue_url, "sqs:ReceiveMessage")
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Messages, Refusal> {
        let address = Address::of_url(cx, &self.queue_url)?;
        address.enter(cx, "sqs:ReceiveMessage", Strangers::IfAdmitted)?;
        let most = in_range("MaxNumberOfMessages", self.max_number_of_messages, 1..=10)?;
        let invisible = in_range("VisibilityTimeout", self.visibility_timeout, 0..=43_200)?;
        let wait = in_range("WaitTimeSeconds", self.wait_time_seconds, 0..=20)?;
        let system = [&*self.attribute_names, &*self.message_system_attribute_names].concat();
        let known = |name: &&String| *name == "All" || SYSTEM_ATTRIBUTES.contains(&name.as_str());
        if let Some(name) = system.iter().find(|it| !known(it)) {
            return Err(super::attributes::unknown(name));
        }
        let now = cx.now;
        let queue = address.queue_mut(cx.state)?;
        let seconds = |given: Option<u64>, name| {
            let seconds = given.unwrap_or_else(|| queue.attributes.number(name));
            SignedDuration::from_secs(seconds as i64)
        };
        let invisible = seconds(invisible, "VisibilityTimeout").min(LONGEST_INVISIBLE);
        let wait = seconds(wait, "ReceiveMessageWaitTimeSeconds");
        let Received { messages, dead } = queue.receive(most.unwrap_or(1), invisible, now)?;
        let redrive = queue.attributes.redrive()?;
        let source = queue.arn.clone();
        // A queue for dead letters that is gone loses them.
        if let Some(to) = redrive.and_then(|it| Address::of_arn(&it.to))
            && let Ok(queue) = to.queue_mut(cx.state)
        {
            dead.into_iter().for_each(|it| queue.take_dead_letter(it, &source, now));
        }
        if messages.is_empty() && wait.is_positive() {
            cx.retry_until = Some(now + wait);
        }
        let wanted = self.message_attribute_names;
        let show = |(handle, message)| show(&handle, message, &system, &wanted);
        Ok(Messages { messages: messages.into_iter().map(show).collect() })
    }
}

/// A number that is in its range, or not given.
pub(super) fn in_range<T: PartialOrd + std::fmt::Display + Copy>(
    parameter: &str,
    given: Option<T>,
    range: std::ops::RangeInclusive<T>,
) -> Result<Option<T>, Refusal> {
    match given {
        Some(given) if !range.contains(&given) => {
            let (least, most) = (range.start(), range.end());
            let reason = format!("Must be between {least} and {most}, if provided.");
            Err(invalid_parameter(&given.to_string(), parameter, &reason))
        }
        given => Ok(given),
    }
}

fn show(handle: &Handle, message: Message, system: &[String], wanted: &[String]) -> Shown {
    let millis = |at: Timestamp| Some(at.as_millisecond().to_string());
    let attribute = |name: &'static str| {
        let value = match name {
            "ApproximateFirstReceiveTimestamp" => message.first_received_at.and_then(millis),
            "ApproximateReceiveCount" => Some(message.receives.to_string()),
            "DeadLetterQueueSourceArn" => message.dead_letter_of.clone(),
            "MessageDeduplicationId" => message.token.clone(),
            "MessageGroupId" => message.group.clone(),
            "SenderId" => Some(message.sender.clone()),
            "SentTimestamp" => millis(message.sent_at),
            "SequenceNumber" => message.sequence.clone(),
            _ => None,
        };
        let asked = system.iter().any(|it| it == name || it == "All");
        value.filter(|_| asked).map(|value| (name, value))
    };
    let attributes = SYSTEM_ATTRIBUTES.into_iter().filter_map(attribute).collect();
    let asked = |name: &str| {
        wanted.iter().any(|it| match it.strip_suffix(".*") {
            Some(prefix) => name.starts_with(prefix),
            None => it == "All" || it == name,
        })
    };
    let mut message_attributes = message.attributes;
    message_attributes.retain(|name, _| asked(name));
    Shown {
        message_id: message.id,
        receipt_handle: handle.to_string(),
        md5_of_body: checksum::hex(message.body.as_bytes()),
        body: message.body,
        attributes,
        md5_of_attributes: message::digest(&message_attributes),
        message_attributes,
    }
}
