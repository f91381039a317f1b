//! Mappings with a fixed set of keys.

use schemars::JsonSchema;

use crate::{
    node::{Entry, Kind, Node, Span},
    report::Report,
    shape,
};

/// A mapping whose keys were checked.
#[derive(Clone, Copy)]
pub(crate) struct Object<'n> {
    entries: &'n [Entry],
    /// Where it is named: the place of problems with the whole.
    pub(crate) named_at: Span,
}

impl<'n> Object<'n> {
    /// Takes a mapping with the keys of the shape `S`, and reports every other key and every key
    /// that is there twice. `None` when it is no mapping.
    pub(crate) fn read<S: JsonSchema>(
        node: &'n Node,
        what: &str,
        named_at: Span,
        report: &mut Report<'_>,
    ) -> Option<Object<'n>> {
        let known = shape::keys::<S>();
        let entries = mapping(node, what, report)?;
        for entry in entries {
            let key = entry.key.as_str();
            if !known.iter().any(|it| it == key) {
                report.unknown_key(entry.key_span, &format!("{what} has no key"), key, known);
            }
        }
        Some(Object { entries, named_at })
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&'n Node> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The value of a key that must be there.
    pub(crate) fn required(
        &self,
        key: &str,
        what: &str,
        report: &mut Report<'_>,
    ) -> Option<&'n Node> {
        let value = self.get(key);
        if value.is_none() {
            report.error(self.named_at, format!("{what} needs the key `{key}`"));
        }
        value
    }

    /// The place of a key's name.
    pub(crate) fn key_span(&self, key: &str) -> Span {
        let entry = self.entries.iter().find(|entry| entry.key == key);
        entry.map_or(self.named_at, |entry| entry.key_span)
    }
}

/// The entries of a mapping, each key once.
pub(crate) fn mapping<'n>(
    node: &'n Node,
    what: &str,
    report: &mut Report<'_>,
) -> Option<&'n [Entry]> {
    let Kind::Map(entries) = &node.kind else {
        report.error(
            node.span,
            format!("{what} is a mapping of keys to values, and this is {}", node.describe()),
        );
        return None;
    };
    once_each(entries, report);
    Some(entries)
}

/// Reports keys that are there twice.
pub(crate) fn once_each(entries: &[Entry], report: &mut Report<'_>) {
    let mut seen = std::collections::BTreeMap::new();
    for entry in entries {
        if let Some(first) = seen.get(entry.key.as_str()) {
            let first = report.place(*first);
            let message = format!("the key `{}` is here twice; the first is at {first}", entry.key);
            report.error(entry.key_span, message);
        } else {
            seen.insert(entry.key.as_str(), entry.key_span);
        }
    }
}

/// `` `a`, `b` and `c` ``.
pub(crate) fn enumerate<S: AsRef<str>>(names: &[S]) -> String {
    let quoted: Vec<String> = names.iter().map(|it| format!("`{}`", it.as_ref())).collect();
    match quoted.split_last() {
        None => "none".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}
