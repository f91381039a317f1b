//! Tags, as they go over the wire, and RDS's rules for them.
//!
//! Source: RDS API Reference, `Tag`; RDS User Guide, "Tagging Amazon RDS resources".

use lamplighter_core::Tags;
use serde::{Deserialize, Serialize, Serializer, ser::SerializeSeq};

use crate::{
    iam::{Context, Need},
    refusal::Refusal,
};

/// Tags on one resource.
const MOST: usize = 50;
/// Characters of a key.
const LONGEST_KEY: usize = 128;
/// Characters of a value.
const LONGEST_VALUE: usize = 256;
/// What the keys of users' tags do not begin with, in any case.
const RESERVED: [&str; 2] = ["aws:", "rds:"];

/// A tag in a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct Tag {
    pub(crate) key: String,
    pub(crate) value: Option<String>,
}

/// The tags that a request sends, whatever is wrong with them.
pub(crate) fn sent(tags: &[Tag]) -> Tags {
    tags.iter().map(|it| (it.key.clone(), it.value.clone().unwrap_or_default())).collect()
}

/// The tags that a request sends. Refuses those that no resource can have.
pub(crate) fn checked(tags: &[Tag]) -> Result<Tags, Refusal> {
    let checked = sent(tags);
    if checked.len() != tags.len() {
        return Err(invalid("Duplicate tag keys are not allowed.".into()));
    }
    for (key, value) in &checked {
        let low = key.to_lowercase();
        if RESERVED.iter().any(|it| low.starts_with(it)) {
            let message = "Tag keys cannot start with the reserved prefixes for system tags";
            return Err(invalid(message.into()));
        }
        if !(1..=LONGEST_KEY).contains(&key.chars().count()) || !key.chars().all(allowed) {
            return Err(invalid(format!("Invalid tag key: `{key}`")));
        }
        if value.chars().count() > LONGEST_VALUE || !value.chars().all(allowed) {
            return Err(invalid(format!("Invalid tag value: `{value}`")));
        }
    }
    Ok(checked)
}

/// Puts tags on what may have some already. Refuses more than a resource can have.
pub(crate) fn add(to: &mut Tags, tags: Tags) -> Result<(), Refusal> {
    let new = tags.keys().filter(|key| !to.contains_key(*key)).count();
    if to.len() + new > MOST {
        return Err(invalid(format!("A resource cannot have more than {MOST} tags.")));
    }
    to.extend(tags);
    Ok(())
}

/// What it takes to tag a resource that a call makes: nothing without tags.
pub(crate) fn needed(arn: &str, tags: &Tags) -> Option<Need> {
    let need = || Need::on("rds:AddTagsToResource", arn).with(requested(Context::default(), tags));
    (!tags.is_empty()).then(need)
}

/// Adds the tags that a request sends to what conditions may ask for.
pub(crate) fn requested(context: Context, tags: &Tags) -> Context {
    context.with_request_tags(tags).with_tags("rds:req-tag", tags)
}

fn allowed(it: char) -> bool {
    it.is_alphanumeric() || it.is_whitespace() || "_.:/=+-@".contains(it)
}

fn invalid(message: String) -> Refusal {
    Refusal::new("InvalidParameterValue", message)
}

/// Tags in an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TagList<'s>(pub(crate) &'s Tags);

/// No tags.
static NONE: Tags = Tags::new();

impl TagList<'_> {
    /// No tags.
    pub(crate) const NONE: TagList<'static> = TagList(&NONE);
}

impl Serialize for TagList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename = "Tag", rename_all = "PascalCase")]
        struct Shown<'s> {
            key: &'s str,
            value: &'s str,
        }
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for (key, value) in self.0 {
            list.serialize_element(&Shown { key, value })?;
        }
        list.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(key: &str, value: &str, allowed: bool) {
        let tag = Tag { key: key.into(), value: Some(value.into()) };
        assert_eq!(checked(&[tag]).is_ok(), allowed, "`{key}`: `{value}`");
    }

    #[test]
    fn tags_are_of_letters_digits_and_few_signs() {
        check("backup", "daily 3/4 +x=y@z", true);
        check("äöü", "", true);
        for key in ["", "aws:x", "RDS:x", "a*b", "a,b"] {
            check(key, "", false);
        }
        check("a", "b;c", false);
        check(&"k".repeat(128), &"v".repeat(256), true);
        check(&"k".repeat(129), "", false);
        check("k", &"v".repeat(257), false);
        let twice = Tag { key: "a".into(), value: None };
        assert!(checked(&[twice.clone(), twice]).is_err());
    }

    #[test]
    fn a_resource_has_at_most_fifty_tags() {
        let tags = |count: usize| (0..count).map(|it| (it.to_string(), String::new())).collect();
        let mut on: Tags = tags(50);
        assert_eq!(add(&mut on, tags(50)), Ok(()));
        let one_more = Tags::from([("x".to_owned(), String::new())]);
        assert_eq!(add(&mut on, one_more).map_err(|it| it.code), Err("InvalidParameterValue"));
    }
}
