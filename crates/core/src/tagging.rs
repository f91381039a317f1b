//! Which tags an action gives to what it makes: those that a task sets, and those that it copies
//! from its target, within AWS's limits.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    Tags,
    action::BadParams,
    select::{BadTagPattern, TagPattern},
    template::{Names, Template, Values},
};

/// How many tags one resource can have.
/// Source: AWS General Reference, "Tagging your AWS resources", tag naming limits.
pub const TAGS_MAX: usize = 50;
/// What AWS takes as the key of a tag, in characters.
pub const TAG_KEY_MAX: usize = 128;
/// What AWS takes as the value of a tag, in characters.
pub const TAG_VALUE_MAX: usize = 256;

/// What the names of the tags begin with that Lamplighter sets.
pub const OWN_PREFIX: &str = "lamplighter:";

/// The tags that a task asks for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a, N: Names = ()> {
    /// What gets them: `snapshot`.
    pub made: &'static str,
    /// Set as they are.
    pub own: &'a BTreeMap<String, Template<N>>,
    /// Copied from the target, as far as there is room.
    pub copied: &'a TagNames,
    /// How many Lamplighter sets beside them.
    pub ours: usize,
}

impl<N: Names> Wanted<'_, N> {
    /// Refuses what AWS would refuse. The parameter is called `tags`.
    pub fn check(&self) -> Result<(), BadParams> {
        let bad = |path: String, message: String| Err(BadParams { path, message });
        for name in self.own.keys() {
            let path = || format!("tags.{name}");
            if is_reserved(name) {
                let owner = "AWS and Lamplighter set tags with this prefix themselves";
                return bad(path(), format!("`{name}` cannot be set: {owner}"));
            }
            if let Err(message) = check_key(name) {
                return bad(path(), message);
            }
        }
        let (count, most) = (self.own.len(), TAGS_MAX - self.ours);
        if count > most {
            let message =
                format!("a {} has room for {most} tags of yours, these are {count}", self.made);
            return bad("tags".to_owned(), message);
        }
        Ok(())
    }

    /// The tags to copy, and those for which there is no room: the last ones by name.
    fn split(&self, target: &Tags) -> (Tags, Tags) {
        let mut copied = self.copied.of(target);
        copied.retain(|name, _| !self.own.contains_key(name));
        let room = TAGS_MAX - self.ours - self.own.len();
        let first_left_out = copied.keys().nth(room).cloned();
        let left_out = first_left_out.map(|name| copied.split_off(&name)).unwrap_or_default();
        (copied, left_out)
    }

    /// What is said of the tags for which there is no room.
    pub fn left_out(&self, target: &Tags) -> Option<String> {
        let (_, left_out) = self.split(target);
        let names: Vec<String> = left_out.keys().map(|name| format!("`{name}`")).collect();
        (!names.is_empty()).then(|| {
            let names = names.join(", ");
            format!("a {} has at most {TAGS_MAX} tags: does not copy {names}", self.made)
        })
    }

    /// The tags, without those that Lamplighter sets.
    pub fn of(&self, target: &Tags, values: &Values<'_>) -> Tags {
        let (mut tags, _) = self.split(target);
        let own = self.own.iter();
        tags.extend(own.map(|(name, it)| (name.clone(), it.render_within(TAG_VALUE_MAX, values))));
        tags
    }
}

/// Names of tags. `*` stands for any text and `?` for one character.
///
/// Tags of AWS (`aws:…`) and of Lamplighter (`lamplighter:…`) are never meant: the first nobody
/// else may set, and the second say who made a resource.
#[derive(Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<String>")]
#[schemars(with = "Vec<String>")]
pub struct TagNames(Option<TagPattern>);

impl TagNames {
    /// None.
    pub const NONE: TagNames = TagNames(None);

    /// Those of `tags` that are meant.
    pub fn of(&self, tags: &Tags) -> Tags {
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

/// Says why AWS would not take a text as the key of a tag: it is empty, or too long.
pub fn check_key(key: &str) -> Result<(), String> {
    match key.chars().count() {
        1..=TAG_KEY_MAX => Ok(()),
        length => Err(format!("a tag's key has 1 to {TAG_KEY_MAX} characters, not {length}")),
    }
}

/// The characters that a service takes in the keys and values of tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alphabet {
    /// All there are, of EC2.
    Any,
    /// Letters, digits, blanks and `_.:/=+-@`. Source: RDS API Reference, `Tag`.
    Rds,
    /// Letters, digits, blanks and `_.:/=+-`.
    /// Source: DynamoDB Developer Guide, "Tagging restrictions in DynamoDB".
    DynamoDb,
}

impl Alphabet {
    fn signs(self) -> Option<(&'static str, &'static str)> {
        match self {
            Alphabet::Any => None,
            Alphabet::Rds => Some(("RDS", "_.:/=+-@")),
            Alphabet::DynamoDb => Some(("DynamoDB", "_.:/=+-")),
        }
    }

    fn has(self, it: char) -> bool {
        let is_sign = |(_, signs): (_, &str)| signs.contains(it);
        it.is_alphanumeric() || it.is_whitespace() || self.signs().is_none_or(is_sign)
    }

    /// Says why the service would not take a text as the key of a tag.
    pub fn check_key(self, key: &str) -> Result<(), String> {
        if self == Alphabet::Rds && key.to_ascii_lowercase().starts_with("rds:") {
            return Err(format!("`{key}` cannot be set: RDS sets tags with this prefix itself"));
        }
        let odd = key.chars().find(|it| !self.has(*it));
        match (odd, self.signs()) {
            (Some(odd), Some((service, signs))) => Err(format!(
                "a tag of {service} has letters, digits, blanks and `{signs}` in its name, not \
                 `{odd}`"
            )),
            _ => Ok(()),
        }
    }

    /// A value of a tag with `_` for each character that the service does not take.
    pub fn value(self, text: &str) -> String {
        text.chars().map(|it| if self.has(it) { it } else { '_' }).collect()
    }
}

/// Whether a tag's name belongs to AWS or to Lamplighter.
pub fn is_reserved(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("aws:") || name.starts_with(OWN_PREFIX)
}

/// The tags of a resource that are not Lamplighter's.
pub fn theirs(tags: &Tags) -> impl Iterator<Item = (&String, &String)> {
    tags.iter().filter(|(name, _)| !name.starts_with(OWN_PREFIX))
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

    #[track_caller]
    fn check_alphabet(alphabet: Alphabet, value: &str, expected: &str) {
        assert_eq!(alphabet.value(value), expected);
        let odd = value != expected;
        assert_eq!(alphabet.check_key(value).is_err(), odd, "{alphabet:?} `{value}`");
    }

    #[test]
    fn each_service_has_its_alphabet() {
        check_alphabet(Alphabet::Any, "a@b (c), `d`", "a@b (c), `d`");
        check_alphabet(Alphabet::Rds, "é 7_.:/=+-@", "é 7_.:/=+-@");
        check_alphabet(Alphabet::Rds, "a@b (c), `d`", "a@b _c__ _d_");
        check_alphabet(Alphabet::DynamoDb, "é 7_.:/=+-", "é 7_.:/=+-");
        check_alphabet(Alphabet::DynamoDb, "a@b", "a_b");
        assert!(Alphabet::Rds.check_key("RDS:x").is_err());
        assert!(Alphabet::DynamoDb.check_key("rds:x").is_ok());
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
