//! Which tags a resource must have, as written in `select.tags`.

use std::{collections::BTreeMap, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
    ser::SerializeSeq,
};

use super::glob::{BadEscape, Glob};
use crate::Tags;

/// Most characters in a tag's key.
/// <https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html>
const KEY_MAX: usize = 128;
/// Most characters in a tag's value, from the same page.
const VALUE_MAX: usize = 256;
/// Most tags on one resource, from the same page; more keys could never all hold.
const KEYS_MAX: usize = 50;
/// Most entries of one list of patterns.
const ANY_OF_MAX: usize = 200;

/// Tag keys with a pattern for the value of each. A resource is selected when all hold, so
/// no patterns at all select everything. Keys and values are case-sensitive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct TagPatterns(BTreeMap<String, TagPattern>);

/// What a tag's value must be: any one of one or more alternatives, each an exact value, a
/// glob, or that the resource has no such tag.
///
/// A text is a glob when `*` (any text) or `?` (one character) is in it; `\*`, `\?` and `\\`
/// stand for the characters themselves. In YAML and JSON: a text, `null` for "no such tag",
/// or a list of those.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TagPattern(Vec<Alternative>);

/// One way in which a tag can match.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Alternative {
    /// The resource has no such tag.
    Absent,
    /// This value.
    Exact(String),
    /// A value that matches.
    Glob(Glob),
}

/// A pattern that no tag could match, or that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTagPattern {
    /// A key that AWS would not accept.
    #[error("a tag key has 1 to {KEY_MAX} characters, this one has {0}")]
    Key(usize),
    /// More keys than a resource can have tags.
    #[error("a resource has at most {KEYS_MAX} tags, these are patterns for {0}")]
    Keys(usize),
    /// A pattern that only values longer than AWS accepts would match.
    #[error("a tag value has at most {VALUE_MAX} characters, this pattern asks for {0}")]
    Value(usize),
    /// A `\` that escapes nothing.
    #[error(r"in `{0}` a `\` must be followed by `*`, `?` or `\`: a literal `\` is written `\\`")]
    Escape(String),
    /// An empty list, or one that is too long.
    #[error("a list of patterns has 1 to {ANY_OF_MAX} entries, this one has {0}")]
    Alternatives(usize),
}

impl TagPatterns {
    /// These patterns; of two for one key, the last. Fails when a key is not 1 to 128
    /// characters long, or there are more than 50.
    pub fn new(
        patterns: impl IntoIterator<Item = (String, TagPattern)>,
    ) -> Result<TagPatterns, BadTagPattern> {
        let patterns: BTreeMap<_, _> = patterns.into_iter().collect();
        for key in patterns.keys() {
            check_key(key)?;
        }
        match patterns.len() {
            0..=KEYS_MAX => Ok(TagPatterns(patterns)),
            count => Err(BadTagPattern::Keys(count)),
        }
    }

    /// Whether there are none, so that every resource is selected.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a resource with these tags is selected.
    pub fn selects(&self, tags: &Tags) -> bool {
        self.0.iter().all(|(key, pattern)| pattern.matches(tags.get(key).map(String::as_str)))
    }

    /// The keys and their patterns, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &TagPattern)> {
        self.0.iter().map(|(key, pattern)| (key.as_str(), pattern))
    }
}

impl TagPattern {
    /// A pattern that holds when any of these does; `None` is "no such tag". Takes 1 to 200,
    /// and none that asks for more than 256 characters.
    pub fn any_of<'t>(
        texts: impl IntoIterator<Item = Option<&'t str>>,
    ) -> Result<TagPattern, BadTagPattern> {
        let alternatives =
            texts.into_iter().map(Alternative::parse).collect::<Result<Vec<_>, _>>()?;
        match alternatives.len() {
            1..=ANY_OF_MAX => Ok(TagPattern(alternatives)),
            count => Err(BadTagPattern::Alternatives(count)),
        }
    }

    /// Whether a tag with this value matches; `None` is a tag that is not there.
    pub fn matches(&self, value: Option<&str>) -> bool {
        self.0.iter().any(|alternative| match (alternative, value) {
            (Alternative::Absent, value) => value.is_none(),
            (Alternative::Exact(exact), Some(value)) => exact == value,
            (Alternative::Glob(glob), Some(value)) => glob.matches(value),
            (_, None) => false,
        })
    }

    /// A value that matches each of the alternatives, in their order; `None` is a tag that is not
    /// there.
    pub fn examples(&self) -> impl Iterator<Item = Option<String>> {
        self.0.iter().map(|alternative| match alternative {
            Alternative::Absent => None,
            Alternative::Exact(exact) => Some(exact.clone()),
            Alternative::Glob(glob) => Some(glob.example()),
        })
    }

    /// The values of which any one matches, when that is all there is to it: no pattern, and the
    /// tag must be there.
    pub fn exact_values(&self) -> Option<Vec<&str>> {
        fn exact(alternative: &Alternative) -> Option<&str> {
            match alternative {
                Alternative::Exact(value) => Some(value),
                Alternative::Absent | Alternative::Glob(_) => None,
            }
        }
        self.0.iter().map(exact).collect()
    }

    pub(super) fn alternatives(&self) -> &[Alternative] {
        &self.0
    }
}

impl Alternative {
    fn parse(text: Option<&str>) -> Result<Alternative, BadTagPattern> {
        let Some(text) = text else { return Ok(Alternative::Absent) };
        let glob = Glob::parse(text).map_err(|BadEscape| BadTagPattern::Escape(text.to_owned()))?;
        match glob.shortest_match() {
            0..=VALUE_MAX => Ok(glob.exact().map_or(Alternative::Glob(glob), Alternative::Exact)),
            length => Err(BadTagPattern::Value(length)),
        }
    }

    /// The text of the pattern, with its escapes; `None` when it is that the tag is absent.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Alternative::Absent => None,
            Alternative::Exact(exact) => Some(escape(exact)),
            Alternative::Glob(glob) => Some(glob.to_string()),
        }
    }
}

/// The pattern that matches `text` and nothing else.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if matches!(letter, '*' | '?' | '\\') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

fn check_key(key: &str) -> Result<(), BadTagPattern> {
    match key.chars().count() {
        1..=KEY_MAX => Ok(()),
        length => Err(BadTagPattern::Key(length)),
    }
}

impl Serialize for TagPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let [only] = self.0.as_slice() {
            return only.text().serialize(serializer);
        }
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for alternative in &self.0 {
            list.serialize_element(&alternative.text())?;
        }
        list.end()
    }
}

impl<'de> Deserialize<'de> for TagPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TagPattern, D::Error> {
        deserializer.deserialize_any(PatternVisitor)
    }
}

struct PatternVisitor;

impl<'de> Visitor<'de> for PatternVisitor {
    type Value = TagPattern;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a tag's value (a text: in quotes when it looks like a number or a truth value), \
             `null` for no such tag, or a list of those",
        )
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<TagPattern, E> {
        TagPattern::any_of([Some(text)]).map_err(E::custom)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<TagPattern, E> {
        TagPattern::any_of([None]).map_err(E::custom)
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<TagPattern, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<TagPattern, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<TagPattern, A::Error> {
        let mut alternatives = Vec::new();
        while let Some(Entry(alternative)) = list.next_element()? {
            alternatives.push(alternative);
            if alternatives.len() > ANY_OF_MAX {
                break;
            }
        }
        match alternatives.len() {
            1..=ANY_OF_MAX => Ok(TagPattern(alternatives)),
            count => Err(A::Error::custom(BadTagPattern::Alternatives(count))),
        }
    }
}

/// One entry of a list of patterns.
struct Entry(Alternative);

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Entry, D::Error> {
        deserializer.deserialize_any(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a tag's value (a text: in quotes when it looks like a number or a truth value), \
             or `null` for no such tag",
        )
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Entry, E> {
        Alternative::parse(Some(text)).map(Entry).map_err(E::custom)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Entry, E> {
        Ok(Entry(Alternative::Absent))
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<Entry, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Entry, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Deserialize<'de> for TagPatterns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TagPatterns, D::Error> {
        deserializer.deserialize_map(PatternsVisitor)
    }
}

struct PatternsVisitor;

impl<'de> Visitor<'de> for PatternsVisitor {
    type Value = TagPatterns;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tag keys, each with a pattern for its value, such as `backup: daily`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TagPatterns, A::Error> {
        let mut patterns = BTreeMap::new();
        while let Some(key) = map.next_key::<String>()? {
            check_key(&key).map_err(A::Error::custom)?;
            let pattern = map.next_value()?;
            if patterns.contains_key(&key) {
                return Err(A::Error::custom(format!("the tag key `{key}` is here twice")));
            }
            patterns.insert(key, pattern);
        }
        TagPatterns::new(patterns).map_err(A::Error::custom)
    }
}

impl JsonSchema for TagPatterns {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TagPatterns".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Tag keys, each with a pattern for its value. All must hold.",
            "type": "object",
            "maxProperties": KEYS_MAX,
            "propertyNames": { "minLength": 1, "maxLength": KEY_MAX },
            "additionalProperties": generator.subschema_for::<TagPattern>(),
        })
    }
}

impl JsonSchema for TagPattern {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TagPattern".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A tag's value, a glob (`*` any text, `?` one character; `\\*`, `\\?`, \
                            `\\\\` for the characters themselves), `null` when the resource must \
                            not have the tag, or a list of those of which one must hold.",
            "anyOf": [
                { "type": ["string", "null"] },
                {
                    "type": "array",
                    "items": { "type": ["string", "null"] },
                    "minItems": 1,
                    "maxItems": ANY_OF_MAX,
                },
            ],
        })
    }
}

#[cfg(test)]
mod tests;
