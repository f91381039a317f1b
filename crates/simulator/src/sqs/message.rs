//! What a message is, and which ones SQS takes. Source: SQS API, `SendMessage`; SQS Developer
//! Guide, "Amazon SQS message metadata" and "Amazon SQS message quotas".

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::checksum;
use super::{attributes::Attributes, invalid_parameter, missing_parameter};
use crate::refusal::Refusal;

/// The longest that a message can be kept back.
const LONGEST_DELAY: u64 = 900;
/// Attributes of a message.
const MOST_ATTRIBUTES: usize = 10;
/// Characters of an attribute's name or type.
const LONGEST_NAME: usize = 256;
/// Characters of a group or a token.
const LONGEST_TOKEN: usize = 128;

/// A message in a queue.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) body: String,
    pub(crate) attributes: BTreeMap<String, Value>,
    pub(crate) sender: String,
    pub(crate) sent_at: Timestamp,
    pub(crate) group: Option<String>,
    pub(crate) token: Option<String>,
    /// Of FIFO queues only.
    pub(crate) sequence: Option<String>,
    /// How often it was received, from whichever queue it was in.
    pub(crate) receives: u32,
    /// How often it was received from the queue it is in.
    pub(super) receives_here: u32,
    pub(crate) first_received_at: Option<Timestamp>,
    pub(super) received_at: Option<Timestamp>,
    /// When it can be received.
    pub(super) visible_at: Timestamp,
    /// The queue it came from when nobody could do what it asks for.
    pub(crate) dead_letter_of: Option<String>,
}

/// An attribute of a message.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct Value {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) string_value: Option<String>,
    /// In Base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) binary_value: Option<String>,
    pub(crate) data_type: String,
}

/// What somebody sends.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct Content {
    pub(crate) message_body: String,
    pub(crate) delay_seconds: Option<u64>,
    pub(crate) message_attributes: BTreeMap<String, Value>,
    pub(crate) message_deduplication_id: Option<String>,
    pub(crate) message_group_id: Option<String>,
}

impl Content {
    /// What counts against the limits of a message and of a batch, in bytes.
    pub(crate) fn size(&self) -> usize {
        let attribute = |(name, it): (&String, &Value)| {
            let bytes = it.bytes().unwrap_or_default().len();
            name.len() + it.data_type.len() + bytes
        };
        self.message_body.len() + self.message_attributes.iter().map(attribute).sum::<usize>()
    }

    /// Refuses what a queue of these attributes does not take.
    pub(crate) fn check(&self, queue: &Attributes) -> Result<(), Refusal> {
        if self.message_body.is_empty() {
            return Err(missing_parameter("MessageBody"));
        }
        if let Some(wrong) = self.message_body.chars().find(|it| !is_allowed(*it)) {
            let message = format!(
                "Invalid binary character '#x{:X}' was found in the message body, the set of \
                 allowed characters is #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | \
                 #x10000 to #x10FFFF",
                u32::from(wrong)
            );
            return Err(Refusal::new("InvalidMessageContents", message));
        }
        if self.message_attributes.len() > MOST_ATTRIBUTES {
            let message = format!(
                "Number of message attributes [{}] exceeds the allowed maximum [{MOST_ATTRIBUTES}].",
                self.message_attributes.len()
            );
            return Err(Refusal::new("InvalidParameterValue", message));
        }
        self.message_attributes.iter().try_for_each(|(name, it)| it.check(name))?;
        let most = queue.number("MaximumMessageSize");
        if self.size() as u64 > most {
            let message = format!(
                "One or more parameters are invalid. Reason: Message must be shorter than {most} \
                 bytes."
            );
            return Err(Refusal::new("InvalidParameterValue", message));
        }
        for (parameter, token) in [
            ("MessageGroupId", &self.message_group_id),
            ("MessageDeduplicationId", &self.message_deduplication_id),
        ] {
            if let Some(token) = token
                && !is_token(token)
            {
                let reason = format!(
                    "{parameter} can only include alphanumeric and punctuation characters. 1 to \
                     {LONGEST_TOKEN} in length."
                );
                return Err(invalid_parameter(token, parameter, &reason));
            }
        }
        match queue.is_fifo() {
            true => self.check_fifo(queue),
            false => self.check_standard(),
        }
    }

    fn check_fifo(&self, queue: &Attributes) -> Result<(), Refusal> {
        if let Some(delay) = self.delay_seconds {
            let parameter = "DelaySeconds";
            return Err(invalid_parameter(&delay.to_string(), parameter, NOT_FOR_TYPE));
        }
        if self.message_group_id.is_none() {
            return Err(missing_parameter("MessageGroupId"));
        }
        if self.message_deduplication_id.is_none() && !queue.is("ContentBasedDeduplication") {
            return Err(Refusal::new(
                "InvalidParameterValue",
                "The queue should either have ContentBasedDeduplication enabled or \
                 MessageDeduplicationId provided explicitly",
            ));
        }
        Ok(())
    }

    fn check_standard(&self) -> Result<(), Refusal> {
        if let Some(token) = &self.message_deduplication_id {
            return Err(invalid_parameter(token, "MessageDeduplicationId", NOT_FOR_TYPE));
        }
        match self.delay_seconds {
            Some(delay) if delay > LONGEST_DELAY => Err(invalid_parameter(
                &delay.to_string(),
                "DelaySeconds",
                &format!("DelaySeconds must be >= 0 and <= {LONGEST_DELAY}."),
            )),
            _ => Ok(()),
        }
    }

    /// How long it is kept back in a queue that keeps messages back so long by itself.
    pub(super) fn delay(&self, queue: &Attributes) -> SignedDuration {
        let seconds = self.delay_seconds.unwrap_or_else(|| queue.number("DelaySeconds"));
        SignedDuration::from_secs(seconds as i64)
    }

    /// What tells it from others for the five minutes in which a FIFO queue takes it once.
    pub(super) fn token(&self) -> String {
        self.message_deduplication_id.clone().unwrap_or_else(|| {
            let digest = Sha256::digest(&self.message_body);
            digest.iter().map(|byte| format!("{byte:02x}")).collect()
        })
    }
}

const NOT_FOR_TYPE: &str = "The request include parameter that is not valid for this queue type";

/// What XML allows, and so does SQS.
fn is_allowed(it: char) -> bool {
    matches!(it, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

fn is_token(text: &str) -> bool {
    (1..=LONGEST_TOKEN).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_graphic())
}

impl Value {
    /// What it holds.
    fn bytes(&self) -> Option<Vec<u8>> {
        match (&self.string_value, &self.binary_value) {
            (Some(text), None) => Some(text.as_bytes().to_vec()),
            (None, Some(bytes)) => STANDARD.decode(bytes).ok(),
            _ => None,
        }
    }

    fn check(&self, name: &str) -> Result<(), Refusal> {
        let wrong = |what: &str| {
            let message = format!("The message attribute '{name}' {what}");
            Err(Refusal::new("InvalidParameterValue", message))
        };
        let letter = |it: u8| it.is_ascii_alphanumeric() || b"_-.".contains(&it);
        let lower = name.to_ascii_lowercase();
        let reserved = lower.starts_with("aws.") || lower.starts_with("amazon.");
        let dotted = name.starts_with('.') || name.ends_with('.') || name.contains("..");
        if !(1..=LONGEST_NAME).contains(&name.len())
            || !name.bytes().all(letter)
            || reserved
            || dotted
        {
            return wrong("has an invalid name");
        }
        let kind = self.data_type.split('.').next().unwrap_or_default();
        if self.data_type.len() > LONGEST_NAME || !["String", "Number", "Binary"].contains(&kind) {
            return wrong(
                "has an invalid message attribute type, the set of supported type prefixes is \
                 Binary, Number, and String.",
            );
        }
        let Some(bytes) = self.bytes().filter(|it| !it.is_empty()) else {
            return wrong("must contain a non-empty value of its type");
        };
        if (kind == "Binary") != self.binary_value.is_some() {
            return wrong("must contain a value of its type");
        }
        let text = String::from_utf8(bytes).unwrap_or_default();
        if kind == "String" && !text.chars().all(is_allowed) {
            return wrong("contains an invalid character");
        }
        if kind == "Number" && text.parse::<f64>().map_or(true, |it| !it.is_finite()) {
            return wrong("must contain a number");
        }
        Ok(())
    }
}

/// The digest that tells whether attributes arrived whole.
/// Source: SQS Developer Guide, "Calculating the MD5 message digest for message attributes".
pub(crate) fn digest(attributes: &BTreeMap<String, Value>) -> Option<String> {
    let mut all = Vec::new();
    let part = |all: &mut Vec<u8>, bytes: &[u8]| {
        all.extend((bytes.len() as u32).to_be_bytes());
        all.extend(bytes);
    };
    for (name, it) in attributes {
        part(&mut all, name.as_bytes());
        part(&mut all, it.data_type.as_bytes());
        all.push(if it.binary_value.is_some() { 2 } else { 1 });
        part(&mut all, &it.bytes().unwrap_or_default());
    }
    (!attributes.is_empty()).then(|| checksum::hex(&all))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(body: &str) -> Content {
        Content { message_body: body.to_owned(), ..Content::default() }
    }

    #[track_caller]
    fn check(content: Content, expected: Result<(), &str>) {
        let queue = Attributes::default();
        assert_eq!(content.check(&queue).map_err(|it| it.code), expected);
    }

    #[test]
    fn bodies_are_what_xml_allows() {
        check(text("a\t\n\r\u{d7ff}\u{e000}\u{1f600}"), Ok(()));
        check(text(""), Err("MissingParameter"));
        for wrong in ["\0", "\u{b}", "a\u{1f}", "\u{fffe}", "\u{ffff}"] {
            check(text(wrong), Err("InvalidMessageContents"));
        }
    }

    #[test]
    fn a_message_has_at_most_a_mebibyte_with_its_attributes() {
        let mib = "x".repeat(1_048_576);
        check(text(&mib), Ok(()));
        let mut content = text(&mib[11..]);
        let value = Value {
            string_value: Some("text".into()),
            binary_value: None,
            data_type: "String".into(),
        };
        content.message_attributes.insert("a".into(), value);
        check(content.clone(), Ok(()));
        content.message_body.push('x');
        check(content, Err("InvalidParameterValue"));
    }

    #[test]
    fn attributes_have_a_name_a_type_and_a_value() {
        let one = |name: &str, data_type: &str, string: Option<&str>, binary: Option<&str>| {
            let value = Value {
                string_value: string.map(str::to_owned),
                binary_value: binary.map(str::to_owned),
                data_type: data_type.to_owned(),
            };
            let message_attributes = BTreeMap::from([(name.to_owned(), value)]);
            Content { message_attributes, ..text("body") }
        };
        const WRONG: Result<(), &str> = Err("InvalidParameterValue");
        check(one("a.b-c_1", "String", Some("x"), None), Ok(()));
        check(one("n", "Number.int", Some("-1.5e3"), None), Ok(()));
        check(one("b", "Binary", None, Some("AAE=")), Ok(()));
        check(one("AWS.x", "String", Some("x"), None), WRONG);
        check(one("a..b", "String", Some("x"), None), WRONG);
        check(one("a b", "String", Some("x"), None), WRONG);
        check(one("a", "Text", Some("x"), None), WRONG);
        check(one("a", "String", Some(""), None), WRONG);
        check(one("a", "String", None, Some("AAE=")), WRONG);
        check(one("a", "Number", Some("one"), None), WRONG);
        check(one("a", "Binary", None, Some("%")), WRONG);
    }

    #[test]
    fn a_standard_queue_keeps_messages_back_for_a_quarter_of_an_hour() {
        let delayed = |seconds| Content { delay_seconds: Some(seconds), ..text("body") };
        check(delayed(900), Ok(()));
        check(delayed(901), Err("InvalidParameterValue"));
        let token = Some("token".to_owned());
        let content = Content { message_deduplication_id: token, ..text("body") };
        check(content, Err("InvalidParameterValue"));
        let group = |it: &str| Content { message_group_id: Some(it.to_owned()), ..text("body") };
        check(group("111122223333/eu-west-1"), Ok(()));
        check(group("with blank"), Err("InvalidParameterValue"));
        check(group(&"g".repeat(129)), Err("InvalidParameterValue"));
    }

    #[test]
    fn attributes_have_a_digest() {
        let value = |data_type: &str, text: &str| Value {
            string_value: (data_type != "Binary").then(|| text.to_owned()),
            binary_value: (data_type == "Binary").then(|| text.to_owned()),
            data_type: data_type.to_owned(),
        };
        assert_eq!(digest(&BTreeMap::new()), None);
        let one = BTreeMap::from([("timestamp".to_owned(), value("Number", "1493147359900"))]);
        assert_eq!(digest(&one).as_deref(), Some("235c5c510d26fb653d073faed50ae77c"));
    }
}
