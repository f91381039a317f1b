//! Attributes of queues. Source: SQS API, `SetQueueAttributes`.

use std::{collections::BTreeMap, ops::RangeInclusive};

use serde::Deserialize;
use serde_json::Value;

use crate::refusal::Refusal;

/// How often a message is received before it is given up, when the policy does not say.
const DEFAULT_RECEIVES: u32 = 10;
/// The most that a policy may say.
const MOST_RECEIVES: u32 = 1000;

/// What one attribute may be.
enum Rule {
    /// A number in this range, with what it is when nobody said.
    Number(RangeInclusive<u64>, &'static str),
    /// `true` or `false`, with what it is when nobody said.
    Flag(&'static str),
    /// `true`, and only from the beginning.
    Fifo,
    /// `true` or `false`, of FIFO queues.
    FifoFlag,
    /// One of these, of FIFO queues.
    FifoChoice([&'static str; 2]),
    /// JSON; empty takes it away.
    Json,
}

/// Every attribute that can be set.
const RULES: &[(&str, Rule)] = &[
    ("ContentBasedDeduplication", Rule::FifoFlag),
    ("DeduplicationScope", Rule::FifoChoice(["messageGroup", "queue"])),
    ("DelaySeconds", Rule::Number(0..=900, "0")),
    ("FifoQueue", Rule::Fifo),
    ("FifoThroughputLimit", Rule::FifoChoice(["perMessageGroupId", "perQueue"])),
    ("MaximumMessageSize", Rule::Number(1024..=1_048_576, "1048576")),
    ("MessageRetentionPeriod", Rule::Number(60..=1_209_600, "345600")),
    ("Policy", Rule::Json),
    ("ReceiveMessageWaitTimeSeconds", Rule::Number(0..=20, "0")),
    ("RedriveAllowPolicy", Rule::Json),
    ("RedrivePolicy", Rule::Json),
    ("SqsManagedSseEnabled", Rule::Flag("true")),
    ("VisibilityTimeout", Rule::Number(0..=43_200, "30")),
];

/// The attributes that are counted, not set.
pub(crate) const COUNTED: [&str; 6] = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
];

/// The attributes of a queue, with those that nobody said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attributes(BTreeMap<&'static str, String>);

/// Where messages go that were received too often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Redrive {
    /// The queue's ARN.
    pub(crate) to: String,
    pub(crate) most_receives: u32,
}

impl Default for Attributes {
    fn default() -> Attributes {
        let default = |(name, rule): &(&'static str, Rule)| match rule {
            Rule::Number(_, default) | Rule::Flag(default) => Some((*name, (*default).to_owned())),
            _ => None,
        };
        Attributes(RULES.iter().filter_map(default).collect())
    }
}

/// Whether attributes are those of a new queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// They are.
    Created,
    /// The queue is there.
    Later,
}

impl Attributes {
    /// The same with others, as text. Refuses those that no queue can have.
    pub(crate) fn with(
        mut self,
        new: &BTreeMap<String, String>,
        when: When,
    ) -> Result<Attributes, Refusal> {
        for (name, value) in new {
            let Some((name, rule)) = RULES.iter().find(|(known, _)| known == name) else {
                return Err(unknown(name));
            };
            let valid = match rule {
                Rule::Number(range, _) => {
                    value.parse().is_ok_and(|number: u64| range.contains(&number))
                }
                Rule::Flag(_) | Rule::FifoFlag => ["true", "false"].contains(&&**value),
                Rule::Fifo => value == "true" && when == When::Created,
                Rule::FifoChoice(choices) => choices.contains(&&**value),
                Rule::Json => {
                    value.is_empty()
                        || serde_json::from_str::<Value>(value).is_ok_and(|it| it.is_object())
                }
            };
            if !valid {
                return Err(invalid_value(name, value));
            }
            match value.is_empty() {
                true => self.0.remove(name),
                false => self.0.insert(name, value.clone()),
            };
        }
        if !self.is_fifo()
            && let Some(fifo) = self.0.keys().find(|name| is_of_fifo(name))
        {
            return Err(unknown(fifo));
        }
        let of_groups = self.text("DeduplicationScope") == Some("messageGroup");
        if self.text("FifoThroughputLimit") == Some("perMessageGroupId") && !of_groups {
            return Err(invalid_value("FifoThroughputLimit", "perMessageGroupId"));
        }
        self.redrive()?;
        Ok(self)
    }

    pub(crate) fn is_fifo(&self) -> bool {
        self.is("FifoQueue")
    }

    /// Whether a flag is set.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.text(name) == Some("true")
    }

    /// A number that all queues have.
    pub(crate) fn number(&self, name: &str) -> u64 {
        self.text(name).and_then(|it| it.parse().ok()).unwrap_or_default()
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether tokens are remembered for each group by itself.
    pub(crate) fn remembers_by_group(&self) -> bool {
        self.text("DeduplicationScope") == Some("messageGroup")
    }

    /// Where messages go that were received too often.
    pub(crate) fn redrive(&self) -> Result<Option<Redrive>, Refusal> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "camelCase")]
        struct Policy {
            dead_letter_target_arn: String,
            #[serde(default)]
            max_receive_count: Option<Value>,
        }
        let Some(text) = self.text("RedrivePolicy") else { return Ok(None) };
        let wrong = |reason: &str| invalid_policy("RedrivePolicy", text, reason);
        let policy: Policy =
            serde_json::from_str(text).map_err(|error| wrong(&error.to_string()))?;
        let most = match &policy.max_receive_count {
            None => Some(DEFAULT_RECEIVES),
            Some(Value::Number(number)) => number.as_u64().and_then(|it| u32::try_from(it).ok()),
            Some(Value::String(text)) => text.parse().ok(),
            Some(_) => None,
        };
        match most.filter(|it| (1..=MOST_RECEIVES).contains(it)) {
            Some(most_receives) => {
                Ok(Some(Redrive { to: policy.dead_letter_target_arn, most_receives }))
            }
            None => Err(wrong("Invalid value for maxReceiveCount")),
        }
    }

    /// Whether another queue may send its dead letters here.
    pub(crate) fn allows_dead_letters_of(&self, arn: &str) -> bool {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Policy {
            redrive_permission: String,
            #[serde(default)]
            source_queue_arns: Vec<String>,
        }
        let Some(text) = self.text("RedriveAllowPolicy") else { return true };
        match serde_json::from_str::<Policy>(text) {
            Ok(it) if it.redrive_permission == "allowAll" => true,
            Ok(it) if it.redrive_permission == "byQueue" => {
                it.source_queue_arns.iter().any(|it| it == arn)
            }
            _ => false,
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }
}

fn is_of_fifo(name: &str) -> bool {
    let of_fifo = |rule: &Rule| matches!(rule, Rule::FifoFlag | Rule::FifoChoice(_));
    RULES.iter().any(|(known, rule)| *known == name && of_fifo(rule))
}

/// Whether there is an attribute of this name.
pub(crate) fn is_known(name: &str) -> bool {
    name == "All" || COUNTED.contains(&name) || RULES.iter().any(|(known, _)| *known == name)
}

pub(crate) fn unknown(name: &str) -> Refusal {
    Refusal::new("InvalidAttributeName", format!("Unknown Attribute {name}."))
}

fn invalid_value(name: &str, value: &str) -> Refusal {
    let message = format!("Invalid value for the parameter {name}: '{value}'.");
    Refusal::new("InvalidAttributeValue", message)
}

/// A policy that is none, or names what is not there.
pub(crate) fn invalid_policy(name: &str, text: &str, reason: &str) -> Refusal {
    let message = format!("Value {text} for parameter {name} is invalid. Reason: {reason}");
    Refusal::new("InvalidParameterValue", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pairs: &[(&str, &str)], expected: Result<(), &str>) {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let new = pairs.iter().map(pair).collect();
        let with = Attributes::default().with(&new, When::Created);
        assert_eq!(with.map(|_| ()).map_err(|it| it.code), expected, "{pairs:?}");
    }

    const NAME: Result<(), &str> = Err("InvalidAttributeName");
    const VALUE: Result<(), &str> = Err("InvalidAttributeValue");

    #[test]
    fn numbers_are_in_their_range() {
        for (name, least, most) in [
            ("DelaySeconds", 0, 900),
            ("MaximumMessageSize", 1024, 1_048_576),
            ("MessageRetentionPeriod", 60, 1_209_600),
            ("ReceiveMessageWaitTimeSeconds", 0, 20),
            ("VisibilityTimeout", 0, 43_200),
        ] {
            check(&[(name, &least.to_string())], Ok(()));
            check(&[(name, &most.to_string())], Ok(()));
            check(&[(name, &(most + 1).to_string())], VALUE);
            check(&[(name, &(least - 1).to_string())], VALUE);
            check(&[(name, "many")], VALUE);
        }
        check(&[("Colour", "red")], NAME);
        check(&[("QueueArn", "arn")], NAME);
    }

    #[test]
    fn some_are_of_fifo_queues_only() {
        const FIFO: (&str, &str) = ("FifoQueue", "true");
        check(&[FIFO], Ok(()));
        check(&[("FifoQueue", "false")], VALUE);
        check(&[("ContentBasedDeduplication", "true")], NAME);
        check(&[FIFO, ("ContentBasedDeduplication", "true")], Ok(()));
        check(&[FIFO, ("FifoThroughputLimit", "perMessageGroupId")], VALUE);
        let by_group = ("DeduplicationScope", "messageGroup");
        check(&[FIFO, ("FifoThroughputLimit", "perMessageGroupId"), by_group], Ok(()));
        let fifo = BTreeMap::from([("FifoQueue".to_owned(), "true".to_owned())]);
        let later = Attributes::default().with(&fifo, When::Later);
        assert_eq!(later.map_err(|it| it.code), Err("InvalidAttributeValue"));
    }

    #[test]
    fn a_redrive_policy_says_where_to_and_when() {
        #[track_caller]
        fn most(text: &str, expected: Result<u32, &str>) {
            let new = BTreeMap::from([("RedrivePolicy".to_owned(), text.to_owned())]);
            let with = Attributes::default().with(&new, When::Created);
            let most = with.and_then(|it| it.redrive()).map(|it| it.unwrap().most_receives);
            assert_eq!(most.map_err(|it| it.code), expected, "{text}");
        }
        most(r#"{"deadLetterTargetArn": "a", "maxReceiveCount": 5}"#, Ok(5));
        most(r#"{"deadLetterTargetArn": "a", "maxReceiveCount": "5"}"#, Ok(5));
        most(r#"{"deadLetterTargetArn": "a"}"#, Ok(10));
        most(r#"{"deadLetterTargetArn": "a", "maxReceiveCount": 0}"#, Err("InvalidParameterValue"));
        most(
            r#"{"deadLetterTargetArn": "a", "maxReceiveCount": 1001}"#,
            Err("InvalidParameterValue"),
        );
        most(r#"{"maxReceiveCount": 5}"#, Err("InvalidParameterValue"));
        most("red", Err("InvalidAttributeValue"));
    }
}
