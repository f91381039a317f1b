//! YAML as a tree in which every value knows its place.
//!
//! Serde alone stops at the first mistake and loses places wherever it buffers, so a file is read
//! into this tree first and the tree is then read by hand: see `read`.

use std::{fmt, ops::Range};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};
use serde_saphyr::{
    Location, MessageFormatter, Spanned, UserMessageFormatter, options::DuplicateKeyPolicy,
};

use crate::{FILE_MAX, report::Report};

/// Most values in one file.
const NODES_MAX: usize = 100_000;
/// How deep values may be nested. The library calls itself for each level and takes much stack.
const DEPTH_MAX: usize = 16;
/// Most values that the aliases of one file may stand for.
const ALIASED_MAX: usize = 20_000;

/// A place in a file, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    /// The index of the file.
    pub(crate) file: usize,
    /// Where it starts.
    pub(crate) start: usize,
    /// Where it ends.
    pub(crate) end: usize,
}

/// A value and its place. What an alias stands for has the place where it is defined.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) span: Span,
}

/// A value.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Span,
    pub(crate) value: Node,
}

impl Span {
    pub(crate) fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

impl Node {
    /// What the value is, for messages.
    pub(crate) fn describe(&self) -> &'static str {
        match self.kind {
            Kind::Null => "nothing",
            Kind::Bool(_) => "a truth value",
            Kind::Int(_) | Kind::Float(_) => "a number",
            Kind::Text(_) => "a text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
        }
    }

    /// The same as JSON, of two entries with one key the first.
    pub(crate) fn to_json(&self) -> Value {
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(value) => (*value).into(),
            Kind::Int(value) => (*value).into(),
            Kind::Float(value) => (*value).into(),
            Kind::Text(text) => text.as_str().into(),
            Kind::List(items) => items.iter().map(Node::to_json).collect(),
            Kind::Map(entries) => {
                let mut object = Map::new();
                for entry in entries {
                    object.entry(entry.key.as_str()).or_insert_with(|| entry.value.to_json());
                }
                Value::Object(object)
            }
        }
    }

    /// The value under a key, if this is a mapping that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// A key with its value, if this is a mapping that has it.
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        let Kind::Map(entries) = &self.kind else { return None };
        entries.iter().find(|entry| entry.key == key)
    }
}

/// Reads one file. `None` when it is not one YAML document of bearable size; the report then says
/// why.
pub(crate) fn read(file: usize, text: &str, report: &mut Report<'_>) -> Option<Node> {
    let size = text.len();
    if size > FILE_MAX {
        let start = Span { file, start: 0, end: 0 };
        report.error(start, format!("the file has {size} bytes: at most {FILE_MAX} are read"));
        return None;
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_nodes: NODES_MAX,
            max_events: 4 * NODES_MAX,
            max_depth: DEPTH_MAX,
            flow_nesting_limit: DEPTH_MAX,
            max_aliases: ALIASED_MAX,
            max_recorded_anchor_events: NODES_MAX,
            max_documents: 2,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: ALIASED_MAX,
            max_replay_stack_depth: DEPTH_MAX,
        },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        reject_unsupported_tags: true,
    };
    match serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options) {
        Ok(raw) => Some(raw_node(file, text, raw)),
        Err(error) => {
            report_unreadable(file, text, &error, report);
            None
        }
    }
}

/// The tree as `serde-saphyr` delivers it.
enum Raw {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

fn raw_node(file: usize, text: &str, raw: Spanned<Raw>) -> Node {
    let span = span(file, text, raw.defined);
    let kind = match raw.value {
        Raw::Null => Kind::Null,
        Raw::Bool(value) => Kind::Bool(value),
        Raw::Int(value) => Kind::Int(value),
        Raw::Float(value) => Kind::Float(value),
        Raw::Text(value) => Kind::Text(value),
        Raw::List(items) => {
            Kind::List(items.into_iter().map(|item| raw_node(file, text, item)).collect())
        }
        Raw::Map(entries) => {
            let entry = |(key, value): (Spanned<String>, Spanned<Raw>)| Entry {
                key_span: self::span(file, text, key.defined),
                key: key.value,
                value: raw_node(file, text, value),
            };
            Kind::Map(entries.into_iter().map(entry).collect())
        }
    };
    Node { kind, span }
}

/// A place of the parser in bytes, on character boundaries of the text whatever the parser says.
fn span(file: usize, text: &str, location: Location) -> Span {
    let within = location.span();
    let start = within.byte_offset().map_or_else(|| byte_of(text, location), |at| at as usize);
    let start = start.min(text.len());
    let length = within.byte_len().map_or(0, |length| length as usize);
    let start = text.floor_char_boundary(start);
    let end = text.floor_char_boundary(start.saturating_add(length).min(text.len()));
    Span { file, start, end: end.max(start) }
}

/// The byte at a line and column: of mistakes in the syntax the parser tells nothing else.
fn byte_of(text: &str, location: Location) -> usize {
    let (line, column) = (location.line() as usize, location.column() as usize);
    let mut lines = text.split_inclusive('\n');
    let before: usize = lines.by_ref().take(line.saturating_sub(1)).map(str::len).sum();
    let rest = lines.next().unwrap_or_default();
    before + rest.chars().take(column.saturating_sub(1)).map(char::len_utf8).sum::<usize>()
}

fn report_unreadable(
    file: usize,
    text: &str,
    error: &serde_saphyr::Error,
    report: &mut Report<'_>,
) {
    use serde_saphyr::Error;

    let error = error.without_snippet();
    let at = error.location().map_or(Span { file, start: 0, end: 0 }, |it| span(file, text, it));
    let too_large = format!(
        "the file is too large: at most {NODES_MAX} values, {DEPTH_MAX} levels deep, and \
         {ALIASED_MAX} values behind aliases"
    );
    match error {
        Error::MultipleDocuments { .. } => report.hint(
            at,
            "a file holds one YAML document, and here a second one begins",
            "put it into a file of its own",
        ),
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => report.error(at, too_large),
        // Only keys must be of a type here.
        Error::Unexpected { .. } => report.error(at, "a key is a text, and this is none"),
        error => {
            let message = UserMessageFormatter.format_message(error);
            if message == "recursion limit exceeded" {
                return report.error(at, too_large);
            }
            report.error(at, format!("not readable as YAML: {message}"));
        }
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Raw, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(i64::try_from(value).map_or(Raw::Float(value as f64), Raw::Int))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Raw, E> {
        Ok(Raw::Float(value as f64))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Raw, E> {
        Ok(Raw::Float(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Float(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}
