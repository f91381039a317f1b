//! Event patterns: which events a rule takes.
//! Source: EventBridge User Guide, "Amazon EventBridge event patterns" and "Comparison operators
//! for use in event patterns".

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::select::{Glob, Piece};

/// The longest pattern, in characters.
const LONGEST: usize = 4096;

/// A pattern that was understood. Two are equal when they are written alike.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub struct Pattern {
    written: Value,
    fields: Fields,
}

/// A value that is no pattern, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadPattern(String);

/// What an object has to have: all of these.
#[derive(Clone, Debug, PartialEq)]
struct Fields {
    fields: Vec<(String, Node)>,
    /// And one of these, of each.
    any: Vec<Vec<Fields>>,
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    /// An object inside.
    Inside(Fields),
    /// A value: one of these takes it.
    Leaf(Vec<Matcher>),
}

#[derive(Clone, Debug, PartialEq)]
enum Matcher {
    /// Exactly this, as it is written: `300` is not `300.0`.
    Exactly(Value),
    Text(TextMatcher),
    Not(Vec<Matcher>),
    Numeric(Vec<(Comparison, f64)>),
    Exists(bool),
}

#[derive(Clone, Debug, PartialEq)]
enum TextMatcher {
    Prefix(String),
    Suffix(String),
    PrefixIgnoreCase(String),
    SuffixIgnoreCase(String),
    EqualsIgnoreCase(String),
    Wildcard(Glob),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Why a text is no pattern.
type Wrong = String;

impl Pattern {
    /// Understands the text of a pattern.
    ///
    /// # Errors
    ///
    /// What EventBridge would say of it.
    pub fn parse(text: &str) -> Result<Pattern, BadPattern> {
        let value: Value =
            serde_json::from_str(text).map_err(|error| BadPattern(error.to_string()))?;
        // A text may be longer than the same without blanks.
        check_length(text)?;
        Pattern::try_from(value)
    }

    /// Whether it takes an event.
    pub fn takes(&self, event: &Value) -> bool {
        self.fields.take(Some(event))
    }
}

impl TryFrom<Value> for Pattern {
    type Error = BadPattern;

    fn try_from(written: Value) -> Result<Pattern, BadPattern> {
        check_length(&written.to_string())?;
        let Value::Object(object) = &written else {
            return Err(BadPattern("Filter is not an object".to_owned()));
        };
        let fields = fields(object).map_err(BadPattern)?;
        Ok(Pattern { written, fields })
    }
}

impl From<Pattern> for Value {
    fn from(pattern: Pattern) -> Value {
        pattern.written
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.written == other.written
    }
}

fn check_length(text: &str) -> Result<(), BadPattern> {
    match text.chars().count() {
        0..=LONGEST => Ok(()),
        length => Err(BadPattern(format!("it has {length} characters: at most {LONGEST}"))),
    }
}

fn fields(object: &Map<String, Value>) -> Result<Fields, Wrong> {
    if object.is_empty() {
        return Err("Empty objects are not allowed".to_owned());
    }
    let mut it = Fields { fields: Vec::new(), any: Vec::new() };
    for (name, value) in object {
        match value {
            Value::Array(list) if name == "$or" => it.any.push(alternatives(list)?),
            Value::Object(object) => it.fields.push((name.clone(), Node::Inside(fields(object)?))),
            Value::Array(list) => it.fields.push((name.clone(), Node::Leaf(leaf(name, list)?))),
            _ => return Err(format!("\"{name}\" must be an object or an array")),
        }
    }
    Ok(it)
}

fn alternatives(list: &[Value]) -> Result<Vec<Fields>, Wrong> {
    if list.len() < 2 {
        return Err("\"$or\" must be an array of two or more objects".to_owned());
    }
    let alternative = |it: &Value| match it {
        Value::Object(object) => fields(object),
        _ => Err("\"$or\" must be an array of objects".to_owned()),
    };
    list.iter().map(alternative).collect()
}

fn leaf(name: &str, list: &[Value]) -> Result<Vec<Matcher>, Wrong> {
    match list.is_empty() {
        true => Err(format!("Empty arrays are not allowed: \"{name}\"")),
        false => list.iter().map(matcher).collect(),
    }
}

fn matcher(value: &Value) -> Result<Matcher, Wrong> {
    match value {
        Value::Object(object) => {
            let mut entries = object.iter();
            match (entries.next(), entries.next()) {
                (Some((name, value)), None) => named(name, value),
                _ => Err("Only one key allowed in match expression".to_owned()),
            }
        }
        Value::Array(_) => Err("Match value must be String, number, true, false, or null".into()),
        scalar => Ok(Matcher::Exactly(scalar.clone())),
    }
}

/// A matcher by its name.
fn named(name: &str, value: &Value) -> Result<Matcher, Wrong> {
    match (name, value) {
        ("exists", Value::Bool(exists)) => Ok(Matcher::Exists(*exists)),
        ("exists", _) => Err("exists match pattern must be either true or false".to_owned()),
        ("numeric", Value::Array(list)) => numeric(list),
        ("anything-but", value) => anything_but(value).map(Matcher::Not),
        _ => text_matcher(name, value).map(Matcher::Text),
    }
}

fn text_matcher(name: &str, value: &Value) -> Result<TextMatcher, Wrong> {
    let ignoring_case = match value {
        Value::Object(object) if object.len() == 1 => object.get("equals-ignore-case"),
        _ => None,
    };
    Ok(match (name, value.as_str(), ignoring_case.and_then(Value::as_str)) {
        ("prefix", Some(text), _) => TextMatcher::Prefix(text.to_owned()),
        ("suffix", Some(text), _) => TextMatcher::Suffix(text.to_owned()),
        ("prefix", _, Some(text)) => TextMatcher::PrefixIgnoreCase(text.to_lowercase()),
        ("suffix", _, Some(text)) => TextMatcher::SuffixIgnoreCase(text.to_lowercase()),
        ("equals-ignore-case", Some(text), _) => TextMatcher::EqualsIgnoreCase(text.to_lowercase()),
        ("wildcard", Some(text), _) => TextMatcher::Wildcard(wildcards(text)?),
        ("prefix" | "suffix" | "equals-ignore-case" | "wildcard", ..) => {
            return Err(format!("{name} match pattern must be a string"));
        }
        _ => return Err(format!("Unrecognized match type {name}")),
    })
}

/// A wildcard pattern, in which `?` means itself.
fn wildcards(text: &str) -> Result<Glob, Wrong> {
    let mut pieces = Vec::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        pieces.push(match letter {
            '\\' => match letters.next() {
                Some(escaped @ ('*' | '\\')) => Piece::Char(escaped),
                _ => return Err("Invalid escape character in wildcard".to_owned()),
            },
            '*' if letters.peek() == Some(&'*') => {
                return Err("Consecutive wildcard characters are not allowed".to_owned());
            }
            '*' => Piece::Any,
            other => Piece::Char(other),
        });
    }
    Ok(Glob::new(pieces))
}

fn anything_but(value: &Value) -> Result<Vec<Matcher>, Wrong> {
    match value {
        Value::String(_) | Value::Number(_) => Ok(vec![Matcher::Exactly(value.clone())]),
        Value::Array(list) if !list.is_empty() => {
            let texts = list.iter().all(Value::is_string);
            let numbers = list.iter().all(Value::is_number);
            match texts || numbers {
                true => Ok(list.iter().cloned().map(Matcher::Exactly).collect()),
                false => Err("Inside anything-but list, all must be texts or numbers".to_owned()),
            }
        }
        Value::Object(object) if object.len() == 1 => {
            let (name, value) = object.iter().next().expect("it has one");
            let one = std::slice::from_ref(value);
            let several = value.as_array().map_or(one, Vec::as_slice);
            if several.is_empty() {
                return Err(format!("Inside anything-but, {name} must not be empty"));
            }
            let text = |it| text_matcher(name, it).map(Matcher::Text);
            several.iter().map(text).collect()
        }
        _ => Err("Value of anything-but must be an array or single string/number value".into()),
    }
}

fn numeric(list: &[Value]) -> Result<Matcher, Wrong> {
    let mut comparisons = Vec::new();
    for pair in list.chunks(2) {
        let [Value::String(sign), number] = pair else {
            return Err("Invalid member in numeric match".to_owned());
        };
        let comparison = match sign.as_str() {
            "=" => Comparison::Equal,
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterOrEqual,
            other => return Err(format!("Unrecognized numeric range operator: {other}")),
        };
        let number = number.as_f64().filter(|it| it.abs() <= 5e9);
        comparisons.push((comparison, number.ok_or("Value must be a number within 5e9")?));
    }
    let is_range = |of: [Comparison; 2]| of.contains(&comparisons[1].0);
    let valid = match comparisons.len() {
        1 => true,
        2 => {
            let lower = [Comparison::Greater, Comparison::GreaterOrEqual];
            let upper = [Comparison::Less, Comparison::LessOrEqual];
            lower.contains(&comparisons[0].0) && is_range(upper)
        }
        _ => false,
    };
    match valid {
        true => Ok(Matcher::Numeric(comparisons)),
        false => Err("Bad numeric range operator".to_owned()),
    }
}

impl Fields {
    fn take(&self, value: Option<&Value>) -> bool {
        let alternatives = |of: &Vec<Fields>| of.iter().any(|it| it.take(value));
        let one = |object: Option<&Map<String, Value>>| {
            self.fields.iter().all(|(name, node)| {
                let inside = object.and_then(|it| it.get(name));
                match node {
                    Node::Inside(fields) => fields.take(inside),
                    Node::Leaf(matchers) => matchers.iter().any(|it| it.takes(inside)),
                }
            }) && self.any.iter().all(alternatives)
        };
        match value {
            Some(Value::Object(object)) => one(Some(object)),
            // One of several objects is enough, but it must have all.
            Some(Value::Array(list)) if !list.is_empty() => {
                list.iter().any(|it| self.take(Some(it)))
            }
            _ => one(None),
        }
    }
}

impl Matcher {
    /// Of several values, one is enough.
    fn takes(&self, value: Option<&Value>) -> bool {
        match value {
            Some(Value::Array(list)) => match self {
                Matcher::Exists(exists) => *exists != list.is_empty(),
                _ => list.iter().any(|it| self.takes(Some(it))),
            },
            // Objects are no values.
            None | Some(Value::Object(_)) => *self == Matcher::Exists(false),
            Some(value) => self.takes_one(value),
        }
    }

    fn takes_one(&self, value: &Value) -> bool {
        match self {
            Matcher::Exactly(wanted) => wanted == value,
            Matcher::Text(matcher) => value.as_str().is_some_and(|it| matcher.takes(it)),
            Matcher::Not(others) => !others.iter().any(|it| it.takes_one(value)),
            Matcher::Exists(exists) => *exists,
            Matcher::Numeric(comparisons) => value.as_f64().is_some_and(|number| {
                comparisons.iter().all(|(comparison, than)| match comparison {
                    Comparison::Equal => number == *than,
                    Comparison::Less => number < *than,
                    Comparison::LessOrEqual => number <= *than,
                    Comparison::Greater => number > *than,
                    Comparison::GreaterOrEqual => number >= *than,
                })
            }),
        }
    }
}

impl TextMatcher {
    fn takes(&self, text: &str) -> bool {
        let lower = || text.to_lowercase();
        match self {
            TextMatcher::Prefix(prefix) => text.starts_with(prefix),
            TextMatcher::Suffix(suffix) => text.ends_with(suffix),
            TextMatcher::PrefixIgnoreCase(prefix) => lower().starts_with(prefix),
            TextMatcher::SuffixIgnoreCase(suffix) => lower().ends_with(suffix),
            TextMatcher::EqualsIgnoreCase(wanted) => lower() == *wanted,
            TextMatcher::Wildcard(pattern) => pattern.matches(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn takes(pattern: Value, event: Value, expected: bool) {
        let parsed = Pattern::try_from(pattern.clone()).unwrap();
        assert_eq!(parsed.takes(&event), expected, "{pattern} on {event}");
    }

    /// What a pattern of one field says to a value.
    #[track_caller]
    fn value(matcher: Value, value: Value, expected: bool) {
        takes(json!({"a": [matcher]}), json!({"a": value}), expected);
    }

    #[test]
    fn values_are_as_they_are_written() {
        value(json!("x"), json!("x"), true);
        value(json!("x"), json!("X"), false);
        value(json!(300), json!(300), true);
        value(json!(300), json!(300.0), false);
        value(json!(null), json!(null), true);
        value(json!(null), json!(""), false);
        value(json!(true), json!("true"), false);
        takes(json!({"a": ["x", "y"]}), json!({"a": "y"}), true);
        takes(json!({"a": ["x"], "b": ["y"]}), json!({"a": "x"}), false);
        takes(json!({"a": {"b": ["x"]}}), json!({"a": {"b": "x", "c": 1}}), true);
        takes(json!({"a": {"b": ["x"]}}), json!({"a": "x"}), false);
    }

    #[test]
    fn one_of_several_values_is_enough() {
        value(json!("x"), json!(["y", "x"]), true);
        value(json!({"anything-but": "x"}), json!(["x"]), false);
        value(json!({"anything-but": "x"}), json!(["x", "y"]), true);
        let two = json!({"a": [{"b": 1, "c": 2}, {"b": 3, "c": 4}]});
        takes(json!({"a": {"b": [3], "c": [4]}}), two.clone(), true);
        takes(json!({"a": {"b": [1], "c": [4]}}), two, false);
    }

    #[test]
    fn texts_are_matched_in_parts() {
        value(json!({"prefix": "ab"}), json!("abc"), true);
        value(json!({"prefix": "AB"}), json!("abc"), false);
        value(json!({"prefix": {"equals-ignore-case": "AB"}}), json!("abc"), true);
        value(json!({"suffix": "bc"}), json!("abc"), true);
        value(json!({"suffix": {"equals-ignore-case": "BC"}}), json!("abc"), true);
        value(json!({"equals-ignore-case": "ABC"}), json!("abc"), true);
        value(
            json!({"wildcard": "*/snap-*"}),
            json!("arn:aws:ec2::eu-west-1:snapshot/snap-1"),
            true,
        );
        value(json!({"wildcard": "a?c"}), json!("abc"), false);
        value(json!({"wildcard": "a?c"}), json!("a?c"), true);
        value(json!({"wildcard": r"a\*c"}), json!("abc"), false);
        value(json!({"prefix": "1"}), json!(1), false);
    }

    #[test]
    fn anything_but_needs_a_value() {
        for (but, text, expected) in [
            (json!("x"), "y", true),
            (json!(["x", "y"]), "y", false),
            (json!({"prefix": "x"}), "xy", false),
            (json!({"suffix": ["x", "y"]}), "xy", false),
            (json!({"wildcard": "x*"}), "yx", true),
            (json!({"equals-ignore-case": "X"}), "x", false),
        ] {
            value(json!({"anything-but": but}), json!(text), expected);
        }
        takes(json!({"a": [{"anything-but": "x"}]}), json!({"b": 1}), false);
        value(json!({"anything-but": 1}), json!(2), true);
    }

    #[test]
    fn numbers_are_compared() {
        for (comparison, number, expected) in [
            (json!(["=", 3]), json!(3.0), true),
            (json!([">", 3]), json!(3), false),
            (json!([">=", 3, "<", 5]), json!(3), true),
            (json!([">=", 3, "<", 5]), json!(5), false),
            (json!(["<=", 3]), json!("2"), false),
        ] {
            value(json!({"numeric": comparison}), number, expected);
        }
    }

    #[test]
    fn what_is_not_there_may_be_asked_for() {
        takes(json!({"a": [{"exists": false}]}), json!({"b": 1}), true);
        takes(json!({"a": [{"exists": false}]}), json!({"a": null}), false);
        takes(json!({"a": [{"exists": true}]}), json!({"a": null}), true);
        takes(json!({"a": [{"exists": true}]}), json!({"a": {"b": 1}}), false);
        takes(json!({"a": {"b": [{"exists": false}]}}), json!({}), true);
        takes(json!({"a": [{"exists": false}, "x"]}), json!({"a": "x"}), true);
    }

    #[test]
    fn one_of_the_alternatives_is_enough() {
        let pattern = json!({"s": ["ec2"], "$or": [{"a": [1]}, {"b": [2], "c": [3]}]});
        takes(pattern.clone(), json!({"s": "ec2", "a": 1}), true);
        takes(pattern.clone(), json!({"s": "ec2", "b": 2, "c": 3}), true);
        takes(pattern.clone(), json!({"s": "ec2", "b": 2}), false);
        takes(pattern, json!({"s": "rds", "a": 1}), false);
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for wrong in [
            "",
            "[]",
            "{}",
            r#"{"a": "x"}"#,
            r#"{"a": []}"#,
            r#"{"a": {}}"#,
            r#"{"a": [["x"]]}"#,
            r#"{"a": [{"like": "x"}]}"#,
            r#"{"a": [{"prefix": 1}]}"#,
            r#"{"a": [{"prefix": "x", "suffix": "y"}]}"#,
            r#"{"a": [{"exists": "yes"}]}"#,
            r#"{"a": [{"wildcard": "a**b"}]}"#,
            r#"{"a": [{"wildcard": "a\\b"}]}"#,
            r#"{"a": [{"numeric": [">"]}]}"#,
            r#"{"a": [{"numeric": ["<", 1, ">", 2]}]}"#,
            r#"{"a": [{"numeric": ["=", 6000000000]}]}"#,
            r#"{"a": [{"anything-but": []}]}"#,
            r#"{"a": [{"anything-but": ["x", 1]}]}"#,
            r#"{"$or": [{"a": [1]}]}"#,
        ] {
            assert!(Pattern::parse(wrong).is_err(), "{wrong}");
        }
        let long = json!({"a": ["x".repeat(LONGEST)]});
        assert!(Pattern::parse(&long.to_string()).is_err());
        assert!(Pattern::try_from(long).is_err());
    }

    #[test]
    fn is_stored_as_it_is_written() {
        let written = json!({"source": ["aws.ec2"], "detail": {"a": [{"prefix": "x"}]}});
        let pattern: Pattern = serde_json::from_value(written.clone()).unwrap();
        assert_eq!(serde_json::to_value(&pattern).unwrap(), written);
        assert!(serde_json::from_value::<Pattern>(json!({})).is_err());
    }
}
