//! What AWS answers when it does not do what it was asked.

use std::fmt;

/// An error as an AWS service answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// AWS's code, such as `InvalidSnapshot.NotFound`.
    pub code: &'static str,
    /// What AWS says to it.
    pub message: String,
    /// The HTTP status.
    pub status: u16,
    /// Members that the JSON protocols send beside the message, such as `CancellationReasons`.
    pub members: Vec<(&'static str, serde_json::Value)>,
}

impl Refusal {
    /// The caller asked for what cannot be: status 400.
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Refusal {
        Refusal { code, message: message.into(), status: 400, members: Vec::new() }
    }

    /// The same with another HTTP status.
    pub(crate) fn status(self, status: u16) -> Refusal {
        Refusal { status, ..self }
    }

    /// The same with another member.
    pub(crate) fn with(mut self, name: &'static str, value: serde_json::Value) -> Refusal {
        self.members.push((name, value));
        self
    }

    /// More calls than the service's buckets have tokens for.
    /// Source: EC2 Developer Guide, "Request throttling"; each service's common errors.
    pub(crate) fn throttled(service: &str, operation: &str) -> Refusal {
        let message = format!("Request limit exceeded. ({operation})");
        match service {
            "ec2" => Refusal::new("RequestLimitExceeded", message).status(503),
            "rds" | "sts" => Refusal::new("Throttling", "Rate exceeded"),
            "sqs" => Refusal::new("RequestThrottled", message).status(403),
            _ => Refusal::new("ThrottlingException", "Rate exceeded"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}
