//! Events of AWS, as EventBridge delivers them, and which of them trigger a task.
//!
//! Everything here is a pure function of values. Hosts hand JSON to [`parse`], and what comes of
//! it to [`Engine::event`](crate::Engine::event). Delivery is "best effort" for most of them, so
//! a task that must not miss anything has a schedule beside its triggers.
//!
//! Source: EventBridge User Guide, "Events"; EBS User Guide, "EventBridge events for Amazon EBS";
//! EC2 User Guide, "State change events for your instances"; RDS User Guide, "Amazon RDS event
//! categories and event messages".

mod catch;
mod detail;
mod name;
mod pattern;
mod resource;
mod trigger;

use std::fmt::Display;

use jiff::Timestamp;
use serde_json::Value;

pub use self::{
    catch::{Catch, catch},
    detail::{InstanceState, TagChange},
    name::Name,
    pattern::{BadPattern, Pattern},
    resource::{Resource, kind},
    trigger::{BadPointer, Pointer, Trigger},
};
use crate::{EventId, Place, fault};

/// The most resources that one event may be about. Those of AWS are about 128 at the most: the
/// volumes of an instance.
const MOST_RESOURCES: usize = 200;

/// An event of AWS.
#[derive(Clone, Debug, PartialEq)]
pub struct CloudEvent {
    /// The same when EventBridge delivers it again.
    pub id: EventId,
    /// Where it happened.
    pub place: Place,
    /// When it happened.
    pub at: Timestamp,
    /// What tasks call it. None for one that they can only subscribe to with a pattern.
    pub names: Vec<Name>,
    /// What it is about, as far as tasks work on such things.
    pub resources: Vec<Resource>,
    /// The state that an instance is in now, when that is what has changed.
    pub state: Option<InstanceState>,
    /// The tags that have changed, when that is what has changed.
    pub tags: Option<TagChange>,
    /// All of it, for patterns.
    whole: Value,
}

/// JSON that is no event, or one that is not as AWS writes it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an event of EventBridge: {0}")]
pub struct BadEvent(String);

/// Understands an event. One of a type that nobody here knows is an event as well, without a
/// name: a task may subscribe to it with a pattern of its own.
///
/// # Errors
///
/// What is missing or wrong in it, and what was expected.
pub fn parse(event: &Value) -> Result<CloudEvent, BadEvent> {
    if !event.is_object() {
        return Err(BadEvent(format!("expected an object, found {}", kind_of(event))));
    }
    let place = Place { account: parsed(event, "/account")?, region: parsed(event, "/region")? };
    let (id, at) = (parsed(event, "/id")?, parsed(event, "/time")?);
    let detail = detail::read(event)?;
    if detail.resources.len() > MOST_RESOURCES {
        let count = detail.resources.len();
        return Err(BadEvent(format!("it is about {count} resources, at most {MOST_RESOURCES}")));
    }
    Ok(CloudEvent {
        id,
        place,
        at,
        names: detail.names,
        resources: detail.resources,
        state: detail.state,
        tags: detail.tags,
        whole: event.clone(),
    })
}

/// The text at a JSON pointer.
fn text<'e>(event: &'e Value, pointer: &str) -> Result<&'e str, BadEvent> {
    let name = || pointer.trim_start_matches('/').replace('/', ".");
    match event.pointer(pointer) {
        Some(Value::String(text)) => Ok(text),
        Some(other) => {
            Err(BadEvent(format!("`{}` is a text, and this is {}", name(), kind_of(other))))
        }
        None => Err(BadEvent(format!("it has no `{}`", name()))),
    }
}

/// The text at a JSON pointer, as what it must be.
fn parsed<T>(event: &Value, pointer: &str) -> Result<T, BadEvent>
where
    T: std::str::FromStr<Err: Display>,
{
    let text = text(event, pointer)?;
    let name = pointer.trim_start_matches('/').replace('/', ".");
    text.parse().map_err(|error| BadEvent(shortened(format!("`{name}`: {error}"))))
}

/// A text that may quote what others have written, in bearable length.
fn shortened(text: String) -> String {
    fault::shortened(text, 300)
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests;
