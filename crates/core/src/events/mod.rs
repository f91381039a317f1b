//! Events of AWS, as EventBridge delivers them, and what of them starts tasks.
//!
//! Everything here is a pure function of values. Hosts hand JSON to [`parse`] and what comes of
//! it to [`Engine::event`](crate::Engine::event).

use jiff::Timestamp;
use serde_json::Value;

use crate::{EventId, Place};

/// An event of AWS.
#[derive(Clone, Debug, PartialEq)]
pub struct CloudEvent {
    /// The same when EventBridge delivers it again.
    pub id: EventId,
    /// Where it happened.
    pub place: Place,
    /// When it happened.
    pub at: Timestamp,
}

/// JSON that is no event, or none that can be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an event of EventBridge: {0}")]
pub struct BadEvent(String);

/// Understands an event. A type of event that nobody here knows is an event as well: a task may
/// subscribe to it with a pattern of its own.
///
/// # Errors
///
/// What is missing or wrong in it, and what was expected.
pub fn parse(event: &Value) -> Result<CloudEvent, BadEvent> {
    let text = |key: &str| {
        let value = event.get(key).and_then(Value::as_str);
        value.ok_or_else(|| BadEvent(format!("`{key}` must be a text")))
    };
    let bad = |key: &str, error: &dyn std::fmt::Display| BadEvent(format!("`{key}`: {error}"));
    Ok(CloudEvent {
        id: text("id")?.parse().map_err(|error| bad("id", &error))?,
        place: Place {
            account: text("account")?.parse().map_err(|error| bad("account", &error))?,
            region: text("region")?.parse().map_err(|error| bad("region", &error))?,
        },
        at: text("time")?.parse().map_err(|error| bad("time", &error))?,
    })
}
