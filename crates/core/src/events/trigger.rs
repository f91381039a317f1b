//! What events trigger a task: the entries of its `on`.

use std::{collections::BTreeSet, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{CloudEvent, InstanceState, Name, Pattern, Resource, resource::checked_id};
use crate::tagging::OWN_PREFIX;

/// One entry of a task's `on`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// Each event of this name.
    Named(Name),
    /// `ec2.instance.state`, for these states.
    InstanceState(BTreeSet<InstanceState>),
    /// `tags.changed`, for these keys.
    TagsChanged(BTreeSet<String>),
    /// `custom`.
    Custom {
        /// Which events.
        pattern: Pattern,
        /// Where in them the resource is.
        target: Pointer,
    },
}

/// A place in JSON.
/// Source: RFC 6901.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pointer(String);

/// A text that is no [`Pointer`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a JSON pointer, such as `/detail/volume-id` or `/resources/0`")]
pub struct BadPointer(String);

impl Trigger {
    /// The name of its events.
    pub fn name(&self) -> Name {
        match self {
            Trigger::Named(name) => *name,
            Trigger::InstanceState(_) => Name::InstanceState,
            Trigger::TagsChanged(_) => Name::TagsChanged,
            Trigger::Custom { .. } => Name::Custom,
        }
    }

    /// Whether an event is one of those.
    pub fn takes(&self, event: &CloudEvent) -> bool {
        match self {
            Trigger::Named(name) => event.names.contains(name),
            Trigger::InstanceState(states) => event.state.is_some_and(|it| states.contains(&it)),
            Trigger::TagsChanged(keys) => event.tags.as_ref().is_some_and(|change| {
                // What Lamplighter itself marks a resource with is no change of it.
                change.keys.iter().any(|key| keys.contains(key) && !key.starts_with(OWN_PREFIX))
            }),
            Trigger::Custom { pattern, .. } => pattern.takes(&event.whole),
        }
    }

    /// The ids of the resources of a kind that an event which it takes is about, or what is
    /// wrong with them.
    pub(super) fn targets(&self, event: &CloudEvent, kind: &str) -> Result<Vec<String>, String> {
        match self {
            Trigger::Custom { target, .. } => target.ids(&event.whole, kind),
            _ => {
                let all = event.resources.iter().filter(|it| it.kind == kind);
                Ok(all.map(|it| it.id.clone()).collect())
            }
        }
    }
}

impl Pointer {
    /// The ids of the resources of a kind at that place: one, or a list of them. An ARN of
    /// another kind of resource is left out.
    fn ids(&self, event: &Value, kind: &str) -> Result<Vec<String>, String> {
        let Pointer(pointer) = self;
        let Some(found) = event.pointer(pointer) else {
            return Err(format!("there is nothing at `{pointer}` in it"));
        };
        let one = std::slice::from_ref(found);
        let all = found.as_array().map_or(one, Vec::as_slice);
        if all.len() > super::MOST_RESOURCES {
            let most = super::MOST_RESOURCES;
            return Err(format!("it has {} resources at `{pointer}`, at most {most}", all.len()));
        }
        let mut ids = Vec::new();
        for value in all {
            let Some(text) = value.as_str() else {
                return Err(format!("at `{pointer}` in it is neither an id nor an ARN"));
            };
            let wrong = |error: super::BadEvent| format!("at `{pointer}` in it: {}", error.0);
            if text.starts_with("arn:") {
                let resource = Resource::of_arn(text).map_err(wrong)?;
                ids.extend(resource.filter(|it| it.kind == kind).map(|it| it.id));
            } else {
                ids.push(checked_id(text).map_err(wrong)?.to_owned());
            }
        }
        Ok(ids)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Pointer {
    type Err = BadPointer;

    fn from_str(text: &str) -> Result<Pointer, BadPointer> {
        let escaped = |part: &str| {
            let mut after = part.split('~').skip(1);
            after.all(|it| it.starts_with(['0', '1']))
        };
        if text.starts_with('/') && text.len() > 1 && text.split('/').all(escaped) {
            Ok(Pointer(text.to_owned()))
        } else {
            Err(BadPointer(text.to_owned()))
        }
    }
}

impl TryFrom<String> for Pointer {
    type Error = BadPointer;

    fn try_from(text: String) -> Result<Pointer, BadPointer> {
        text.parse()
    }
}

impl From<Pointer> for String {
    fn from(pointer: Pointer) -> String {
        pointer.0
    }
}
