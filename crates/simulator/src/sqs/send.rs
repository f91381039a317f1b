//! `SendMessage`, `SendMessageBatch`. Source: SQS API, each operation.

use serde::{Deserialize, Serialize};

use super::{
    BUCKET,
    batch::{self, Results},
    checksum,
    message::{self, Content},
    queue::Sent,
    url::{Address, Strangers, need_on},
};
use crate::{
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    organization::Caller,
    refusal::Refusal,
};

/// Bytes of all messages of a batch.
const LARGEST_BATCH: usize = 1_048_576;

/// `SendMessage`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct SendMessage {
    pub(crate) queue_url: String,
    #[serde(flatten)]
    pub(crate) content: Content,
}

/// What the sender of a message is told.
#[derive(Serialize)]
pub(crate) struct Told {
    #[serde(rename = "MessageId")]
    message_id: String,
    #[serde(rename = "MD5OfMessageBody")]
    md5_of_body: String,
    #[serde(rename = "MD5OfMessageAttributes", skip_serializing_if = "Option::is_none")]
    md5_of_attributes: Option<String>,
    #[serde(rename = "SequenceNumber", skip_serializing_if = "Option::is_none")]
    sequence_number: Option<String>,
}

impl Operation for SendMessage {
    const SPEC: Spec =
        Spec { service: "sqs", name: "SendMessage", access: Access::Writes, bucket: BUCKET };

    type Answer<'s> = Told;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        need_on(cx, &self.queue_url, "sqs:SendMessage")
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Told, Refusal> {
        let address = Address::of_url(cx, &self.queue_url)?;
        address.enter(cx, "sqs:SendMessage", Strangers::IfAdmitted)?;
        send(cx, &address, self.content)
    }
}

/// `SendMessageBatch`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct SendMessageBatch {
    pub(crate) queue_url: String,
    pub(crate) entries: Vec<Entry>,
}

/// One message of a batch.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct Entry {
    pub(crate) id: String,
    #[serde(flatten)]
    pub(crate) content: Content,
}

/// What the sender of one message of a batch is told.
#[derive(Serialize)]
pub(crate) struct ToldOf {
    #[serde(rename = "Id")]
    id: String,
    #[serde(flatten)]
    told: Told,
}

impl Operation for SendMessageBatch {
    const SPEC: Spec =
        Spec { service: "sqs", name: "SendMessageBatch", access: Access::Writes, bucket: BUCKET };

    type Answer<'s> = Results<ToldOf>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        need_on(cx, &self.queue_url, "sqs:SendMessage")
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Results<ToldOf>, Refusal> {
        let address = Address::of_url(cx, &self.queue_url)?;
        address.enter(cx, "sqs:SendMessage", Strangers::IfAdmitted)?;
        batch::check(self.entries.iter().map(|it| it.id.as_str()))?;
        let bytes: usize = self.entries.iter().map(|it| it.content.size()).sum();
        if bytes > LARGEST_BATCH {
            let message = format!(
                "Batch requests cannot be longer than {LARGEST_BATCH} bytes. You have sent \
                 {bytes} bytes."
            );
            return Err(Refusal::new("BatchRequestTooLong", message));
        }
        let id = |it: &Entry| it.id.clone();
        Ok(Results::of(self.entries, id, |Entry { id, content }| {
            Ok(ToldOf { id, told: send(cx, &address, content)? })
        }))
    }
}

/// Puts one message into a queue.
fn send(cx: &mut Cx<'_>, address: &Address, content: Content) -> Result<Told, Refusal> {
    let id = cx.state.fresh_uuid();
    let (now, sender) = (cx.now, sender(cx.caller));
    let queue = address.queue_mut(cx.state)?;
    content.check(&queue.attributes)?;
    let md5_of_body = checksum::hex(content.message_body.as_bytes());
    let md5_of_attributes = message::digest(&content.message_attributes);
    let Sent { id: message_id, sequence } = queue.send(content, &sender, id, now);
    Ok(Told { message_id, md5_of_body, md5_of_attributes, sequence_number: sequence })
}

/// Who sent a message, as its receivers see it.
fn sender(caller: &Caller) -> String {
    match &caller.role {
        None => caller.account.to_string(),
        Some((_, session)) => format!("AROASIMULATED:{session}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn a_parameter_that_is_not_known_is_refused() {
        let send = json!({"QueueUrl": "url", "MessageBody": "body", "Colour": "red"});
        assert!(from_value::<SendMessage>(send).is_err());
        let entry = json!({"Id": "1", "MessageBody": "body", "Colour": "red"});
        assert!(from_value::<Entry>(entry).is_err());
    }
}
