//! Tags, as they go over the wire, and AWS's rules for them.
//!
//! Source: EC2 User Guide, "Tag your Amazon EC2 resources", restrictions.

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

/// The tags for one kind of what a request makes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct TagSpecification {
    /// Such as `snapshot`.
    pub(crate) resource_type: String,
    pub(crate) tag: Vec<Tag>,
}

/// A tag in a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct Tag {
    pub(crate) key: String,
    /// No value is an empty one when tags are made.
    pub(crate) value: Option<String>,
}

impl TagSpecification {
    /// These tags, for a request that makes one kind.
    pub(crate) fn of(kind: &str, tags: &Tags) -> Vec<TagSpecification> {
        let tag =
            |(key, value): (&String, &String)| Tag { key: key.clone(), value: Some(value.clone()) };
        let tag: Vec<Tag> = tags.iter().map(tag).collect();
        match tag.is_empty() {
            true => Vec::new(),
            false => vec![TagSpecification { resource_type: kind.to_owned(), tag }],
        }
    }
}

/// The tags that a request sends for a kind, whatever is wrong with them.
pub(crate) fn sent(specifications: &[TagSpecification], kind: &str) -> Tags {
    let of_kind = specifications.iter().filter(|it| it.resource_type == kind);
    let tags = of_kind.flat_map(|it| &it.tag);
    tags.map(|it| (it.key.clone(), it.value.clone().unwrap_or_default())).collect()
}

/// The tags that a request sends for a kind. Refuses those that no resource can have, and those
/// for kinds that the request does not make. Source: EC2 API, `TagSpecification`.
pub(crate) fn checked(
    specifications: &[TagSpecification],
    kind: &str,
    makes: &[&str],
) -> Result<Tags, Refusal> {
    if let Some(other) = specifications.iter().find(|it| !makes.contains(&&*it.resource_type)) {
        let message = format!("'{}' is not a valid taggable resource type", other.resource_type);
        return Err(Refusal::new("InvalidParameterValue", message));
    }
    let count: usize =
        specifications.iter().filter(|it| it.resource_type == kind).map(|it| it.tag.len()).sum();
    let tags = sent(specifications, kind);
    if tags.len() != count {
        let message = "Duplicate tag keys were specified";
        return Err(Refusal::new("InvalidParameterValue", message));
    }
    check(&tags)?;
    Ok(tags)
}

/// What it takes to tag what a call makes: nothing without tags.
/// Source: EC2 User Guide, "Grant permission to tag resources during creation".
pub(crate) fn needed(resource: &str, made_by: &str, tags: &Tags) -> Option<Need> {
    let context = || Context::default().with("ec2:CreateAction", made_by).with_request_tags(tags);
    (!tags.is_empty()).then(|| Need::on("ec2:CreateTags", resource).with(context()))
}

/// Tags in an answer: a list of keys and values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TagSet<'s>(pub(crate) &'s Tags);

/// No tags.
static NONE: Tags = Tags::new();

impl TagSet<'_> {
    /// No tags.
    pub(crate) const NONE: TagSet<'static> = TagSet(&NONE);

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
