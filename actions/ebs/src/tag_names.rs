//! Which of a resource's tags an action is about: names with globs.

use lamplighter_core::{
    Tags,
    select::{BadTagPattern, TagPattern},
};
use schemars::JsonSchema;
use serde::Deserialize;

/// Names of tags. `*` stands for any text and `?` for one character.
///
/// Tags of AWS (`aws:…`) and of Lamplighter (`lamplighter:…`) are never meant: the first nobody
/// else may set, and the second say who made a resource.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<String>")]
#[schemars(with = "Vec<String>")]
pub(crate) struct TagNames(Option<TagPattern>);

impl TagNames {
    /// Those of `tags` that are meant.
    pub(crate) fn of(&self, tags: &Tags) -> Tags {
        let meant = |name: &str| {
            !is_reserved(name) && self.0.as_ref().is_some_and(|names| names.matches(Some(name)))
        };
        tags.iter()
            .filter(|(name, _)| meant(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }
}

impl TryFrom<Vec<String>> for TagNames {
    type Error = BadTagPattern;

    fn try_from(names: Vec<String>) -> Result<TagNames, BadTagPattern> {
        if names.is_empty() {
            return Ok(TagNames(None));
        }
        TagPattern::any_of(names.iter().map(|name| Some(name.as_str())))
            .map(|it| TagNames(Some(it)))
    }
}

/// Whether a tag's name belongs to AWS or to Lamplighter.
pub(crate) fn is_reserved(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("aws:") || name.starts_with("lamplighter:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(names: &[&str], expected: &[&str]) {
        let tags: Tags = ["aws:x", "AWS:y", "cost-center", "lamplighter:job", "team", "teams"]
            .map(|name| (name.to_owned(), String::new()))
            .into();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let found = TagNames::try_from(names).unwrap().of(&tags);
        assert_eq!(found.keys().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn names_are_exact_or_globs_and_reserved_ones_are_never_meant() {
        check(&[], &[]);
        check(&["team"], &["team"]);
        check(&["team?", "cost-*"], &["cost-center", "teams"]);
        check(&["*"], &["cost-center", "team", "teams"]);
        check(&["aws:*", "lamplighter:job"], &[]);
    }
}
