//! Tags, as they go over the wire, and AWS's rules for them.
//!
//! Source: EC2 User Guide, "Tag your Amazon EC2 resources", restrictions.

use lamplighter_core::Tags;
use serde::{Serialize, Serializer, ser::SerializeSeq};

use crate::refusal::Refusal;

/// Tags on one resource.
const MOST: usize = 50;
/// Characters of a key.
const LONGEST_KEY: usize = 128;
/// Characters of a value.
const LONGEST_VALUE: usize = 256;

/// Tags in an answer: a list of keys and values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TagSet<'s>(pub(crate) &'s Tags);

impl TagSet<'_> {
    /// Whether there are none: the element is then left out.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for TagSet<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Tag<'s> {
            key: &'s str,
            value: &'s str,
        }
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for (key, value) in self.0 {
            list.serialize_element(&Tag { key, value })?;
        }
        list.end()
    }
}

/// Refuses tags that no resource can have.
pub(crate) fn check(tags: &Tags) -> Result<(), Refusal> {
    if tags.len() > MOST {
        let message = format!("The maximum number of Tags for a resource ({MOST}) is exceeded");
        return Err(Refusal::new("TagLimitExceeded", message));
    }
    for (key, value) in tags {
        if key.is_empty() || key.to_ascii_lowercase().starts_with("aws:") {
            let message = format!("'{key}' is not a valid tag key");
            return Err(Refusal::new("InvalidTagKey.Malformed", message));
        }
        if key.chars().count() > LONGEST_KEY || value.chars().count() > LONGEST_VALUE {
            let message = format!("Tag '{key}' exceeds the maximum length");
            return Err(Refusal::new("InvalidParameterValue", message));
        }
    }
    Ok(())
}
