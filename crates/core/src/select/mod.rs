//! Which resources a task is about.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Tags;

/// Which resources a task is about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Selection {
    /// Tags they must carry.
    pub tags: Tags,
}

/// What is known of a resource.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Its fields, as JSON.
    pub target: &'a Value,
    /// Its tags.
    pub tags: &'a Tags,
    /// Its account.
    pub account: &'a str,
    /// Its region.
    pub region: &'a str,
    /// The time.
    pub now: Timestamp,
}

/// Whether a resource is selected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selected {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// Nobody knows, for this reason.
    Unknown(String),
}

impl Selection {
    /// Decides about one resource.
    pub fn selects(&self, facts: &Facts<'_>) -> Selected {
        let holds = self.tags.iter().all(|(key, value)| facts.tags.get(key) == Some(value));
        if holds { Selected::Yes } else { Selected::No }
    }

    /// What the server can be asked to leave out.
    pub fn server_filter(&self) -> ServerFilter {
        ServerFilter::default()
    }
}

/// Filters for an EC2 `Describe` request; none when nothing can be said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerFilter {
    /// The filters, which must all hold.
    pub tags: Vec<TagFilter>,
}

/// One EC2 filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagFilter {
    /// `tag:<key>`, which is about the values of that tag, or `tag-key`, about the keys.
    pub name: String,
    /// Alternatives, with `*`, `?` and `\` as EC2 reads them.
    pub values: Vec<String>,
}

impl ServerFilter {
    /// The same, and only resources with this tag.
    pub fn and_tag_key(mut self, key: &str) -> ServerFilter {
        self.tags.push(TagFilter { name: "tag-key".to_owned(), values: vec![key.to_owned()] });
        self
    }

    /// Only resources where this tag has this value.
    pub fn tag(key: &str, value: &str) -> ServerFilter {
        ServerFilter {
            tags: vec![TagFilter { name: format!("tag:{key}"), values: vec![value.to_owned()] }],
        }
    }

    /// Whether EC2 returns a resource with these tags.
    pub fn admits(&self, tags: &Tags) -> bool {
        self.tags.iter().all(|filter| match filter.name.strip_prefix("tag:") {
            Some(key) => tags.get(key).is_some_and(|value| filter.values.contains(value)),
            None => filter.values.iter().any(|key| tags.contains_key(key)),
        })
    }
}
