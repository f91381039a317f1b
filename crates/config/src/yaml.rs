//! A YAML file to a value of a type, or to all the problems in it: for files that are not part of
//! the configuration and are read in the same way.

use std::collections::BTreeSet;

use lamplighter_core::action::BadParams;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use crate::{
    Problem, Source,
    node::{self, Kind, Node, Span},
    object::enumerate,
    params::{Keys, at_path, report_bad},
    report::Report,
};

/// Most values of the wrong type that are looked for in one file: each means reading it again.
const WRONG_MAX: usize = 100;

/// Reads a file. The type's schema says which keys there are, its `Deserialize` what their values
/// must be, and `check` what else is wrong with a value that could be read, by path.
///
/// # Errors
///
/// Every problem, in the order of lines and columns. What `check` says is among them only when
/// everything could be read.
pub fn read<T: DeserializeOwned + JsonSchema>(
    source: &Source,
    check: impl FnOnce(&T) -> Vec<BadParams>,
) -> Result<T, Vec<Problem>> {
    let mut report = Report::new(vec![source]);
    let value = read_value(source, check, &mut report);
    match value.filter(|_| report.is_empty()) {
        Some(value) => Ok(value),
        None => Err(report.into_problems()),
    }
}

/// A JSON Schema (draft 2020-12) of such a file, for editors.
pub fn schema<T: JsonSchema>() -> Value {
    crate::schema::of::<T>()
}

/// Where things are in a file.
pub struct Places<'s> {
    root: Node,
    text: &'s str,
}

impl Places<'_> {
    /// The places of a file. `None` when it is not YAML.
    pub fn of(source: &Source) -> Option<Places<'_>> {
        let root = node::read(0, &source.text, &mut Report::new(vec![source]))?;
        Some(Places { root, text: &source.text })
    }

    /// The line, counted from 1, of what these keys and indexes lead to, or of the last one of
    /// them that is there. Of a mapping's entry it is that of the key.
    pub fn line(&self, steps: &[impl AsRef<str>]) -> usize {
        let (mut node, mut at) = (&self.root, self.root.span);
        for step in steps.iter().map(AsRef::as_ref) {
            let Some(next) = child(node, step) else { break };
            at = node.entry(step).map_or(next.span, |it| it.key_span);
            node = next;
        }
        let before = self.text.get(..at.start).unwrap_or_default();
        before.matches('\n').count() + 1
    }
}

fn read_value<T: DeserializeOwned + JsonSchema>(
    source: &Source,
    check: impl FnOnce(&T) -> Vec<BadParams>,
    report: &mut Report<'_>,
) -> Option<T> {
    let root = node::read(0, &source.text, report)?;
    let schema = schema::<T>();
    if matches!(root.kind, Kind::Null) {
        let keys = schema["properties"].as_object().into_iter().flatten();
        let known = enumerate(&keys.map(|(key, _)| key).collect::<Vec<_>>());
        report.error(root.span, format!("the file is empty: expected one of {known}"));
        return None;
    }
    let mut value = root.to_json();
    let mut keys = Keys::new(&schema, "there is no key");
    keys.check(&root, &mut value, &[&schema], report);
    let remains = Remains {
        node: root.clone(),
        value,
        reported: keys.lists,
        meant: keys.meant,
        taken: BTreeSet::new(),
    };
    let read = remains.read::<T>(report)?;
    if report.is_empty() {
        for bad in check(&read) {
            report_bad(Some(at_path(&root, &bad.path)), root.span, &bad.message, report);
        }
    }
    Some(read)
}

/// What is left of a file when what is wrong is taken out of it.
struct Remains {
    node: Node,
    value: Value,
    /// The places of values that are wrong, as was said already.
    reported: Vec<Span>,
    /// The keys that unknown ones of a mapping were probably meant to be, as was said already.
    meant: Vec<(Span, String)>,
    /// What was taken out: the place of the list or mapping, and the key.
    taken: BTreeSet<(Span, String)>,
}

impl Remains {
    /// Reads it. Serde stops at the first mistake, so that one is reported and taken out, and the
    /// rest read again, until nothing is wrong any more.
    fn read<T: DeserializeOwned>(mut self, report: &mut Report<'_>) -> Option<T> {
        for _ in 0..WRONG_MAX {
            let error = match serde_path_to_error::deserialize::<_, T>(&self.value) {
                Ok(value) => return Some(value),
                Err(error) => error,
            };
            let steps: Vec<String> = steps(error.path());
            let message = error.inner().to_string();
            self.report(&steps, &message, report);
            if !self.take(&steps) {
                return None;
            }
        }
        None
    }

    /// The value at the end of a path, or as far as it leads.
    fn at(&self, steps: &[String]) -> &Node {
        steps.iter().fold(&self.node, |node, step| child(node, step).unwrap_or(node))
    }

    fn report(&self, steps: &[String], message: &str, report: &mut Report<'_>) {
        let at = self.at(steps);
        if self.reported.contains(&at.span) || self.follows(at, message) {
            return;
        }
        // A message that begins with the last key is about the key itself.
        let about_key = steps.split_last().and_then(|(key, above)| {
            let rest = message.strip_prefix('`')?.strip_prefix(key.as_str())?;
            rest.strip_prefix('`')?;
            self.at(above).entry(key)
        });
        match about_key {
            Some(entry) => report.said(entry.key_span, message),
            None => report_bad(Some(at), at.span, &worded(at, message), report),
        }
    }

    /// Whether something is wrong with a value only because of what was taken out of it.
    fn follows(&self, node: &Node, message: &str) -> bool {
        let mut taken = self.taken.iter().filter(|(from, _)| *from == node.span);
        match message.strip_prefix("missing field `").and_then(|it| it.strip_suffix('`')) {
            Some(key) => {
                let mut meant = self.meant.iter().filter(|(of, _)| *of == node.span);
                meant.any(|(_, it)| it == key) || taken.any(|(_, it)| it == key)
            }
            None => taken.next().is_some(),
        }
    }

    /// Takes out the value at the end of a path. Whether there was something to take.
    fn take(&mut self, steps: &[String]) -> bool {
        let (mut node, mut value) = (&mut self.node, &mut self.value);
        let mut steps = steps.iter().peekable();
        while let Some(step) = steps.next() {
            let is_last = steps.peek().is_none_or(|next| {
                child(node, step).is_none_or(|inner| child(inner, next).is_none())
            });
            let from = node.span;
            match (&mut node.kind, value) {
                (Kind::List(items), Value::Array(values)) => {
                    let Some(index) = index(step).filter(|it| *it < items.len()) else {
                        return false;
                    };
                    if is_last {
                        items.remove(index);
                        values.remove(index);
                        self.taken.insert((from, step.clone()));
                        return true;
                    }
                    (node, value) = (&mut items[index], &mut values[index]);
                }
                (Kind::Map(entries), Value::Object(object)) => {
                    if is_last {
                        entries.retain(|it| it.key != *step);
                        object.remove(step);
                        self.taken.insert((from, step.clone()));
                        return true;
                    }
                    let entry = entries.iter_mut().find(|it| it.key == *step);
                    let (Some(entry), Some(inner)) = (entry, object.get_mut(step)) else {
                        return false;
                    };
                    (node, value) = (&mut entry.value, inner);
                }
                _ => return false,
            }
        }
        false
    }
}

/// The keys and the indexes of a path.
fn steps(path: &Path) -> Vec<String> {
    let step = |segment: &Segment| match segment {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key } => Some(key.clone()),
        Segment::Enum { variant } => Some(variant.clone()),
        Segment::Unknown => None,
    };
    path.iter().map_while(step).collect()
}

fn index(step: &str) -> Option<usize> {
    step.parse().ok()
}

fn child<'n>(node: &'n Node, step: &str) -> Option<&'n Node> {
    match &node.kind {
        Kind::List(items) => items.get(index(step)?),
        _ => node.get(step),
    }
}

/// What Serde says, in the words of the configuration.
fn worded(node: &Node, message: &str) -> String {
    if let Some(key) = message.strip_prefix("missing field ") {
        return format!("the key {key} is needed here");
    }
    let wrong = message.strip_prefix("invalid type: ").or(message.strip_prefix("invalid value: "));
    let Some((found, expected)) = wrong.and_then(|it| it.rsplit_once(", expected ")) else {
        return message.to_owned();
    };
    let expected = match expected {
        it if it.starts_with("struct ") || it == "a map" => "a mapping",
        "a sequence" => "a list",
        "a boolean" => "`true` or `false`",
        "u16" | "u32" | "u64" => "a whole number that is not negative",
        "f64" => "a number",
        // The hint to write it in quotes looks for these words.
        "a string" if !matches!(node.kind, Kind::List(_) | Kind::Map(_)) => {
            return format!("this is {}: expected a string", node.describe());
        }
        "a string" => "a text",
        it => it,
    };
    let number = found.split('`').nth(1).filter(|_| expected.contains("number"));
    let found = number.map_or(node.describe().to_owned(), |it| format!("`{it}`"));
    format!("expected {expected}, and this is {found}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use lamplighter_core::AccountId;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    #[serde(rename_all = "kebab-case", deny_unknown_fields)]
    struct File {
        #[serde(default)]
        accounts: BTreeMap<AccountId, String>,
        #[serde(default)]
        things: Vec<Thing>,
    }

    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    #[serde(rename_all = "kebab-case", deny_unknown_fields)]
    struct Thing {
        size: u32,
        kind: Option<Sort>,
        tags: Option<BTreeMap<String, String>>,
        marks: Option<Vec<u32>>,
    }

    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    #[serde(rename_all = "kebab-case")]
    enum Sort {
        Large,
        Small,
    }

    fn too_large(file: &File) -> Vec<BadParams> {
        let sizes = file.things.iter().map(|it| it.size).enumerate();
        let bad = |(index, size)| BadParams {
            path: format!("things[{index}].size"),
            message: format!("{size} is too much"),
        };
        sizes.filter(|(_, size)| *size > 10).map(bad).collect()
    }

    /// The problems as `line:column message`, with the hint behind a bar.
    #[track_caller]
    fn check(text: &str, wanted: &[&str]) {
        let found = read(&Source::new("a.yaml", text), too_large).err().unwrap_or_default();
        let shown = found.iter().map(|it| {
            let hint = it.hint.as_ref().map(|hint| format!(" | {hint}")).unwrap_or_default();
            format!("{}:{} {}{hint}", it.line, it.column, it.message)
        });
        assert_eq!(shown.collect::<Vec<_>>(), wanted, "{text}");
    }

    #[test]
    fn a_good_file_is_a_value() {
        check("accounts: { \"111122223333\": one }\nthings:\n  - { size: 3, kind: small }\n", &[]);
        check("things: []", &[]);
    }

    #[test]
    fn all_wrong_values_are_reported_at_once() {
        check(
            "things:\n  - { size: big, kind: smal, marks: [1, x, 2, y] }\n  - 5\n\
             \x20 - { size: 1, tags: { a: 5, b: [] }, color: red, szie: 2 }\n  - { kind: large }\n",
            &[
                "2:13 expected a whole number that is not negative, and this is a text",
                "2:24 unknown variant `smal`, expected `large` or `small` | did you mean `small`?",
                "2:41 expected a whole number that is not negative, and this is a text",
                "2:47 expected a whole number that is not negative, and this is a text",
                "3:5 expected a mapping, and this is a number",
                "4:27 this is a number: expected a string | write it in quotes: `\"5\"`",
                "4:33 expected a text, and this is a list",
                "4:39 there is no key `color`; known: `kind`, `marks`, `size` and `tags`",
                "4:51 there is no key `szie` | did you mean `size`?",
                "5:5 the key `size` is needed here",
            ],
        );
        check(
            "things: 5\naccounts: []\n",
            &[
                "1:9 expected a list, and this is a number",
                "2:11 expected a mapping, and this is a list",
            ],
        );
    }

    #[test]
    fn a_key_that_is_wrong_is_reported_where_it_is() {
        check(
            "accounts:\n  \"11112222333\": one\n  \"111122223333\": 5\n",
            &[
                "2:3 `11112222333` is not a 12-digit AWS account id",
                "3:19 this is a number: expected a string | write it in quotes: `\"5\"`",
            ],
        );
    }

    #[test]
    fn what_only_follows_from_another_problem_is_not_said() {
        check("things: [[3]]", &["1:10 expected a mapping, and this is a list"]);
        check(
            "things: [{ size: [] }]",
            &["1:18 expected a whole number that is not negative, and this is a list"],
        );
        check("things: [{ szie: 1 }]", &["1:12 there is no key `szie` | did you mean `size`?"]);
        check(
            "things: [{ size: 1, size: 2 }]",
            &["1:21 the key `size` is here twice; the first is at a.yaml:1"],
        );
    }

    #[test]
    fn what_is_wrong_with_the_whole_is_said_when_all_could_be_read() {
        check(
            "things:\n  - { size: 3 }\n  - { size: 11 }\n  - { size: 12 }\n",
            &["3:13 11 is too much", "4:13 12 is too much"],
        );
        check(
            "things:\n  - { size: 11, a: b }\n",
            &["2:17 there is no key `a`; known: `kind`, `marks`, `size` and `tags`"],
        );
    }

    #[test]
    fn a_place_is_the_line_of_the_key_or_as_far_as_it_leads() {
        let source = Source::new("a.yaml", "things:\n  - size:\n      3\n  -\n    { size: 4 }\n");
        let places = Places::of(&source).unwrap();
        #[track_caller]
        fn check(places: &Places<'_>, steps: &[&str], line: usize) {
            assert_eq!(places.line(steps), line, "{steps:?}");
        }
        check(&places, &[], 1);
        check(&places, &["things", "0"], 2);
        check(&places, &["things", "0", "size", "deeper"], 2);
        check(&places, &["things", "1", "size"], 5);
        check(&places, &["accounts"], 1);
        assert!(Places::of(&Source::new("a.yaml", "[")).is_none());
    }

    #[test]
    fn what_is_no_mapping_is_no_file() {
        check("", &["1:1 the file is empty: expected one of `accounts` and `things`"]);
        check("- a\n", &["1:1 expected a mapping, and this is a list"]);
        let many = format!("things: [{}]", "x, ".repeat(300));
        let found = read(&Source::new("a.yaml", many), too_large).unwrap_err();
        assert_eq!(found.len(), WRONG_MAX);
    }
}
