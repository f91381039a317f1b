//! Which resources a task is about.
//!
//! A [`Selection`] is what `select.tags` and `select.where` say. It is a pure decision about
//! one resource; [`push_down`] is what of it EC2 can do while listing.

mod condition;
mod fields;
mod filter;
mod glob;
mod tags;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use self::glob::{Glob, Piece};
pub use self::{
    condition::{Condition, ConditionError},
    fields::{Field, Fields, Kind},
    filter::{ServerFilter, TagFilter, push_down},
    tags::{BadTagPattern, TagPattern, TagPatterns},
};
use crate::{AccountId, Region, Tags};

/// Which resources a task is about. The default selects all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Selection {
    /// The tags that a resource must have. All keys must hold.
    #[serde(default, skip_serializing_if = "TagPatterns::is_empty")]
    pub tags: TagPatterns,
    /// A condition in CEL that must hold.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
}

/// A resource that may be selected.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'c> {
    /// The resource as a JSON object with the names in `fields`.
    pub target: &'c Value,
    /// What the resource's type says about its fields.
    pub fields: &'c Fields,
    /// Its tags; `None` when they could not be read.
    pub tags: Option<&'c Tags>,
    /// The account that it is in.
    pub account: &'c AccountId,
    /// The region that it is in.
    pub region: &'c Region,
}

/// Whether a resource is selected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selected {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// What decides it is not known, for this reason. What destroys must leave it alone.
    Unknown(String),
}

impl Selection {
    /// Decides about one resource: first by its tags, and by the condition only when those
    /// hold.
    pub fn selects(&self, candidate: &Candidate<'_>, now: Timestamp) -> Selected {
        let by_tags = match candidate.tags {
            Some(tags) if !self.tags.selects(tags) => return Selected::No,
            None if !self.tags.is_empty() => Selected::Unknown("its tags are not known".to_owned()),
            _ => Selected::Yes,
        };
        match &self.condition {
            Some(condition) => by_tags.and(|| condition.holds(candidate, now)),
            None => by_tags,
        }
    }
}

impl Selected {
    /// Both: what is certainly not selected by one of them is not selected.
    fn and(self, other: impl FnOnce() -> Selected) -> Selected {
        match (self, other()) {
            (Selected::No, _) | (_, Selected::No) => Selected::No,
            (Selected::Unknown(reason), _) | (_, Selected::Unknown(reason)) => {
                Selected::Unknown(reason)
            }
            (Selected::Yes, Selected::Yes) => Selected::Yes,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What is decided about a disk of 10 GiB whose `iops` are not known.
    fn decided(selection: &str, tags: Option<&Tags>) -> Selected {
        #[derive(JsonSchema)]
        #[expect(dead_code, reason = "only the schema is of interest")]
        struct Disk {
            size_gib: u32,
            iops: Option<u32>,
        }
        let selection: Selection = serde_json::from_str(selection).unwrap();
        let candidate = Candidate {
            target: &json!({"size_gib": 10, "iops": null}),
            fields: &Fields::of::<Disk>(),
            tags,
            account: &"111122223333".parse().unwrap(),
            region: &"eu-west-1".parse().unwrap(),
        };
        selection.selects(&candidate, Timestamp::UNIX_EPOCH)
    }

    #[track_caller]
    fn check(selection: &str, expected: Selected) {
        let tags = Tags::from([("backup".to_owned(), "daily".to_owned())]);
        assert_eq!(decided(selection, Some(&tags)), expected, "{selection}");
    }

    fn unknown(reason: &str) -> Selected {
        Selected::Unknown(reason.to_owned())
    }

    #[test]
    fn tags_and_condition_must_both_hold() {
        check("{}", Selected::Yes);
        check(r#"{"tags": {"backup": "daily"}}"#, Selected::Yes);
        check(r#"{"tags": {"backup": "weekly"}}"#, Selected::No);
        check(r#"{"where": "target.size_gib == 10"}"#, Selected::Yes);
        let both = |backup: &str, size: u32| {
            format!(r#"{{"tags": {{"backup": "{backup}"}}, "where": "target.size_gib == {size}"}}"#)
        };
        check(&both("daily", 10), Selected::Yes);
        check(&both("daily", 11), Selected::No);
        check(&both("weekly", 10), Selected::No);
    }

    #[test]
    fn tags_that_do_not_hold_decide_before_an_unknown_attribute() {
        let iops = |backup: &str| {
            format!(r#"{{"tags": {{"backup": "{backup}"}}, "where": "target.iops > 1"}}"#)
        };
        check(&iops("weekly"), Selected::No);
        check(&iops("daily"), unknown("`target.iops` is not known"));
    }

    #[test]
    fn without_the_tags_only_the_condition_can_decline() {
        let size = |size: u32| {
            format!(r#"{{"tags": {{"ignore": null}}, "where": "target.size_gib == {size}"}}"#)
        };
        assert_eq!(decided(&size(10), None), unknown("its tags are not known"));
        assert_eq!(decided(&size(11), None), Selected::No);
        assert_eq!(decided("{}", None), Selected::Yes);
    }

    #[test]
    fn is_stored_as_it_is_written() {
        let json = r#"{"tags":{"backup":"daily"},"where":"target.size_gib == 10"}"#;
        let selection: Selection = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&selection).unwrap(), json);
        assert_eq!(serde_json::to_string(&Selection::default()).unwrap(), "{}");
        let error = serde_json::from_str::<Selection>(r#"{"when": "true"}"#).unwrap_err();
        assert!(error.to_string().starts_with("unknown field `when`"), "{error}");
    }
}
