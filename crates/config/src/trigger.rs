//! What events trigger a task: the entries of `on`.

use std::collections::BTreeSet;

use lamplighter_core::{
    AnyAction,
    events::{InstanceState, Name, Pattern, Trigger},
    tagging::{OWN_PREFIX, check_key},
};
use serde_json::{Value, json};

use crate::{
    node::{Kind, Node, Span},
    object::{Object, enumerate},
    report::Report,
    shape, value,
};

/// The keys that an entry has beside `event`, by its event. All of them are needed.
const KEYS: [(Name, &[&str]); 3] = [
    (Name::InstanceState, &["states"]),
    (Name::TagsChanged, &["keys"]),
    (Name::Custom, &["pattern", "target"]),
];

/// Reads `on`. Events that the action cannot be triggered by are reported.
pub(crate) fn read(
    node: &Node,
    named_at: Span,
    action: Option<&dyn AnyAction>,
    report: &mut Report<'_>,
) -> Option<Vec<Trigger>> {
    if let Some(action) = action.filter(|it| it.compares_targets()) {
        let name = action.spec().name;
        let message = format!(
            "no event can trigger `{name}`: it compares its targets with each other, and an event \
             is about some of them only"
        );
        report.hint(named_at, message, "give the task a `schedule`");
        return None;
    }
    let mut triggers = Vec::new();
    let mut good = true;
    for item in value::list(node, "`on`", report)? {
        match read_one(item, action, report) {
            Some(trigger) => triggers.push(trigger),
            None => good = false,
        }
    }
    good.then_some(triggers)
}

fn read_one(
    node: &Node,
    action: Option<&dyn AnyAction>,
    report: &mut Report<'_>,
) -> Option<Trigger> {
    const WHAT: &str = "an entry of `on`";
    let object = Object::read::<shape::Trigger>(node, WHAT, node.span, report)?;
    let name = read_name(object.required("event", WHAT, report)?, action, report)?;
    let mut good = true;
    for (owner, keys) in KEYS.iter().filter(|(owner, _)| *owner != name) {
        for key in keys.iter().filter(|key| object.get(key).is_some()) {
            let message = format!("`{key}` belongs to the event `{owner}`, and not to `{name}`");
            report.error(object.key_span(key), message);
            good = false;
        }
    }
    let what = format!("the event `{name}`");
    let mut needed = |key: &str| object.required(key, &what, report);
    let trigger = match name {
        Name::InstanceState => {
            let states = needed("states")?;
            read_set(states, "`states`", report, |item, report| {
                value::choice(item, "a state", &InstanceState::ALL, report)
            })
            .map(Trigger::InstanceState)
        }
        Name::TagsChanged => {
            let keys = needed("keys")?;
            read_set(keys, "`keys`", report, read_key).map(Trigger::TagsChanged)
        }
        Name::Custom => {
            let (pattern, target) = (needed("pattern"), needed("target"));
            let pattern = pattern.and_then(|node| read_pattern(node, report));
            let target = target.and_then(|node| value::parse(node, "`target`", report));
            Some(Trigger::Custom { pattern: pattern?, target: target? })
        }
        name => Some(Trigger::Named(name)),
    };
    trigger.filter(|_| good)
}

/// The name of an event that may trigger the action.
fn read_name(node: &Node, action: Option<&dyn AnyAction>, report: &mut Report<'_>) -> Option<Name> {
    let text = value::text(node, "`event`", report)?;
    let fitting = action.map_or_else(|| Name::ALL.to_vec(), Name::of);
    let fitting: Vec<&str> = fitting.into_iter().map(Name::as_str).collect();
    let Ok(name) = text.parse::<Name>() else {
        report.unknown_key(node.span, "there is no event", text, &fitting);
        return None;
    };
    if let Some(action) = action
        && !name.fits(action.target_kind())
    {
        let (of, kind) = (action.spec().name, action.target_kind());
        report.hint(
            node.span,
            format!("`{name}` is not about {kind}, and that is what `{of}` works on"),
            format_args!("events that are: {}", enumerate(&fitting)),
        );
        return None;
    }
    Some(name)
}

/// A list without repetition.
fn read_set<T: Ord>(
    node: &Node,
    what: &str,
    report: &mut Report<'_>,
    mut read: impl FnMut(&Node, &mut Report<'_>) -> Option<T>,
) -> Option<BTreeSet<T>> {
    let mut all = BTreeSet::new();
    let mut good = true;
    for item in value::list(node, what, report)? {
        match read(item, report).map(|it| all.insert(it)) {
            Some(true) => {}
            Some(false) => {
                let written = report.text(item.span);
                report.error(item.span, format!("`{written}` is here twice"));
                good = false;
            }
            None => good = false,
        }
    }
    good.then_some(all)
}

fn read_key(node: &Node, report: &mut Report<'_>) -> Option<String> {
    let key = value::text(node, "the key of a tag", report)?;
    if key.starts_with(OWN_PREFIX) {
        let message =
            format!("`{key}` triggers nothing: Lamplighter sets tags `{OWN_PREFIX}…` itself");
        report.error(node.span, message);
        return None;
    }
    if let Err(message) = check_key(key) {
        report.error(node.span, message);
        return None;
    }
    Some(key.to_owned())
}

fn read_pattern(node: &Node, report: &mut Report<'_>) -> Option<Pattern> {
    if !matches!(node.kind, Kind::Map(_)) {
        let found = node.describe();
        let message = format!("`pattern` is an event pattern of EventBridge, and this is {found}");
        report.hint(node.span, message, "write `{ source: [aws.ec2] }`, say");
        return None;
    }
    let pattern = Pattern::try_from(node.to_json());
    let said = |error| format!("this is no event pattern of EventBridge: {error}");
    pattern.map_err(|error| report.error(node.span, said(error))).ok()
}

/// What the schema says of the keys of an entry: those of its event are there, and no others.
pub(crate) fn schema_rules() -> Vec<Value> {
    let rule = |(name, keys): &(Name, &[&str])| {
        let none = keys.iter().map(|key| ((*key).to_owned(), Value::Bool(false)));
        json!({
            "if": { "properties": { "event": { "const": name.as_str() } } },
            "then": { "required": keys },
            "else": { "properties": none.collect::<serde_json::Map<_, _>>() },
        })
    };
    KEYS.iter().map(rule).collect()
}
