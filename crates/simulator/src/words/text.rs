//! Texts with something to fill in.

use std::{fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Visitor},
};

use super::{Range, scalar::scalar};
use crate::random::Random;

/// A text in which `{1..4}` is a number drawn from a range, and a name in braces what it stands
/// for: `{n}` the number of the resource in its entry, counted from 1, and others that the entry
/// knows. `{{` and `}}` are braces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text(Vec<Piece>);

/// The value of a tag: a text, or `null` when there is no such tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagValue(pub Option<Text>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Plain(String),
    Drawn(Range<u32>),
    Named(String),
}

impl Text {
    /// This text, as it is.
    pub fn plain(text: impl Into<String>) -> Text {
        Text(vec![Piece::Plain(text.into())])
    }

    /// What this name stands for.
    pub(crate) fn named(name: &str) -> Text {
        Text(vec![Piece::Named(name.to_owned())])
    }

    /// Whether luck decides what it is.
    pub(crate) fn draws(&self) -> bool {
        self.0.iter().any(|it| matches!(it, Piece::Drawn(_)))
    }

    /// The names that are filled in.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|it| match it {
            Piece::Named(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// The text, when there is nothing to fill in.
    pub(crate) fn as_plain(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Piece::Plain(text)] => Some(text),
            _ => None,
        }
    }

    /// The text with everything filled in. Names that `stands_for` does not know are left empty.
    pub(crate) fn fill<'n>(
        &self,
        random: &mut Random,
        stands_for: impl Fn(&str) -> Option<std::borrow::Cow<'n, str>>,
    ) -> String {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Plain(plain) => text.push_str(plain),
                Piece::Drawn(range) => text.push_str(&range.draw(random).to_string()),
                Piece::Named(name) => text.push_str(&stands_for(name).unwrap_or_default()),
            }
        }
        text
    }
}

impl FromStr for Text {
    type Err = String;

    fn from_str(text: &str) -> Result<Text, String> {
        let (mut pieces, mut plain, mut rest) = (Vec::new(), String::new(), text);
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            let (brace, after) = rest[at..].split_at(1);
            if let Some(after) = after.strip_prefix(brace) {
                plain.push_str(brace);
                rest = after;
                continue;
            }
            let Some((inside, after)) = after.split_once('}').filter(|_| brace == "{") else {
                return Err(format!(
                    "in `{text}` a `{brace}` is alone: as itself it is written twice"
                ));
            };
            let piece = match inside.contains("..") {
                true => Piece::Drawn(inside.parse()?),
                false => Piece::Named(inside.to_owned()),
            };
            if !plain.is_empty() {
                pieces.push(Piece::Plain(std::mem::take(&mut plain)));
            }
            pieces.push(piece);
            rest = after;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Plain(plain));
        }
        Ok(Text(pieces))
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.0 {
            match piece {
                Piece::Plain(plain) => {
                    f.write_str(&plain.replace('{', "{{").replace('}', "}}"))?;
                }
                Piece::Drawn(range) => write!(f, "{{{}..{}}}", range.from, range.to)?,
                Piece::Named(name) => write!(f, "{{{name}}}")?,
            }
        }
        Ok(())
    }
}

scalar!(Text, "a text", {
    "type": "string",
    "examples": ["db-{n}", "team-{1..4}"],
});

impl Serialize for TagValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for TagValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TagValue, D::Error> {
        deserializer.deserialize_any(TagVisitor)
    }
}

struct TagVisitor;

impl Visitor<'_> for TagVisitor {
    type Value = TagValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_unit<E: de::Error>(self) -> Result<TagValue, E> {
        Ok(TagValue(None))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<TagValue, E> {
        text.parse().map(|text| TagValue(Some(text))).map_err(E::custom)
    }
}

impl JsonSchema for TagValue {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TagValue".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "null"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, wanted: Result<&str, &str>) {
        let known = |name: &str| (name == "n").then(|| "7".into());
        match (text.parse::<Text>(), wanted) {
            (Ok(read), Ok(wanted)) => {
                assert_eq!(read.fill(&mut Random::new(1), known), wanted, "{text}");
                assert_eq!(read.to_string().parse(), Ok(read), "{text}");
            }
            (read, wanted) => {
                assert_eq!(
                    read.map(|it| it.to_string()),
                    wanted.map(str::to_owned).map_err(str::to_owned)
                );
            }
        }
    }

    #[test]
    fn a_text_is_filled_in() {
        check("plain", Ok("plain"));
        check("", Ok(""));
        check("db-{n}", Ok("db-7"));
        check("{n}{n}-{3..3}.", Ok("77-3."));
        check("{{n}} }}{{", Ok("{n} }{"));
        check("{{{n}}}", Ok("{7}"));
        check("{other}", Ok(""));
        check("{n", Err("in `{n` a `{` is alone: as itself it is written twice"));
        check("n}", Err("in `n}` a `}` is alone: as itself it is written twice"));
        check("{4..1}", Err("`4..1` ends before it begins"));
    }

    #[test]
    fn what_is_drawn_is_within_its_range() {
        let text: Text = "team-{1..4}".parse().unwrap();
        let mut random = Random::new(1);
        let mut drawn: Vec<_> = (0..100).map(|_| text.fill(&mut random, |_| None)).collect();
        drawn.sort();
        drawn.dedup();
        assert_eq!(drawn, ["team-1", "team-2", "team-3", "team-4"]);
        assert_eq!(text.names().count(), 0);
    }
}
