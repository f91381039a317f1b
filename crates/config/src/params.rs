//! The `with` block: what the action says about it, at the right places.

use jiff::civil::Date;
use lamplighter_core::{AccountId, AnyAction, schedule::CALENDARS};
use serde_json::{Map, Value};

use crate::{
    account::Named,
    node::{Kind, Node, Span},
    object::once_each,
    report::Report,
    suggest::nearest,
    task::World,
};

/// How many references of a schema may follow each other.
const REFERENCES_MAX: usize = 16;
/// What a schema says of a value that is an account.
const ACCOUNT: &str = "#/$defs/AccountId";

/// Reads and checks the parameters of an action. All unknown keys are reported, and the first
/// other problem that the action finds. Names of accounts become their ids, those of calendars
/// their days.
pub(crate) fn read(
    with: Option<&Node>,
    action_at: Span,
    action: &dyn AnyAction,
    world: &World,
    report: &mut Report<'_>,
) -> Option<Value> {
    let schema = action.params_schema().to_value();
    let mut params = with.map_or_else(|| Value::Object(Map::new()), Node::to_json);
    let mut reader = Keys { world: Some(world), ..Keys::new(&schema, "there is no parameter") };
    if let Some(node) = with {
        reader.check(node, &mut params, &[&schema], report);
    }
    let bad = action.check_params(&params).err();
    if let Some(bad) = &bad {
        let node = with.map(|node| at_path(node, &bad.path));
        let is_reported = reader.meant.iter().any(|(_, it)| bad.message == missing(it))
            || node.is_some_and(|node| reader.lists.contains(&node.span));
        if !is_reported {
            report_bad(node, action_at, &bad.message, report);
        }
    }
    if bad.is_some() || reader.unknown > 0 {
        return None;
    }
    enters_what_is_there(action, &params, &reader.named, world, action_at, report)?;
    Some(params)
}

/// Whether it is certain that no account has this id. One may be in a part of the organization.
fn lacks(world: &World, id: &AccountId) -> bool {
    let may_be = |it: &Option<Named>| match it {
        Some(Named::Account(account)) => account.id == *id,
        Some(Named::Accounts(_)) | None => true,
    };
    !world.incomplete && !world.accounts.values().any(may_be)
}

/// Reports accounts that the action would have to enter, and that nobody has configured.
fn enters_what_is_there(
    action: &dyn AnyAction,
    params: &Value,
    named: &[(Span, AccountId)],
    world: &World,
    action_at: Span,
    report: &mut Report<'_>,
) -> Option<()> {
    let needs = match action.needs(params) {
        Ok(needs) => needs,
        Err(fault) => {
            report.error(action_at, fault.chain());
            return None;
        }
    };
    let mut good = Some(());
    for id in needs.elsewhere.keys().filter(|id| lacks(world, id)) {
        let at = named.iter().find(|(_, it)| it == id).map_or(action_at, |(at, _)| *at);
        let name = action.spec().name;
        let message = format!("account {id} is not configured, and `{name}` has to enter it");
        report.hint(at, message, "define it under `accounts`");
        good = None;
    }
    good
}

fn missing(key: &str) -> String {
    format!("missing field `{key}`")
}

/// Finds the keys that a schema does not know.
pub(crate) struct Keys<'s> {
    root: &'s Value,
    /// What is said before the key.
    message: &'static str,
    /// Whose calendars may be named.
    world: Option<&'s World>,
    unknown: usize,
    /// The known keys that unknown ones were probably meant to be, and their mappings.
    pub(crate) meant: Vec<(Span, String)>,
    /// Lists that stand for mappings. Serde would take their values in the order of the keys.
    pub(crate) lists: Vec<Span>,
    /// The accounts that values do name.
    named: Vec<(Span, AccountId)>,
}

impl<'s> Keys<'s> {
    /// Finds the keys that `root` does not know, to say this of each.
    pub(crate) fn new(root: &'s Value, message: &'static str) -> Keys<'s> {
        Keys {
            root,
            message,
            world: None,
            unknown: 0,
            meant: Vec::new(),
            lists: Vec::new(),
            named: Vec::new(),
        }
    }

    /// Checks a value that is described by any of some schemas. Unknown keys are taken out, so
    /// that the action's own check finds the other problems.
    pub(crate) fn check(
        &mut self,
        node: &Node,
        value: &mut Value,
        schemas: &[&'s Value],
        report: &mut Report<'_>,
    ) {
        let mut plain = Vec::new();
        schemas.iter().for_each(|schema| self.flatten(schema, 0, &mut plain));
        if matches!(node.kind, Kind::List(_)) && are_mappings(&plain) {
            report.error(node.span, "expected a mapping, and this is a list");
            self.lists.push(node.span);
            // Nothing reads this as a mapping.
            *value = Value::Bool(false);
            return;
        }
        match (&node.kind, value) {
            (Kind::List(items), Value::Array(values))
                if plain.iter().any(|schema| schema["format"] == CALENDARS) =>
            {
                self.name_days(items, values, report);
            }
            (Kind::List(items), Value::Array(values)) => {
                let of_items: Vec<&Value> =
                    plain.iter().filter_map(|schema| schema.get("items")).collect();
                for (item, value) in items.iter().zip(values) {
                    self.check(item, value, &of_items, report);
                }
            }
            (Kind::Map(entries), Value::Object(object)) => {
                once_each(entries, report);
                let known = property_names(&plain);
                let closed = is_closed(&plain);
                for entry in entries {
                    let key = entry.key.as_str();
                    if closed && !known.contains(&key) {
                        report.unknown_key(entry.key_span, self.message, key, &known);
                        self.unknown += 1;
                        let meant = nearest(key, known.iter().copied());
                        self.meant.extend(meant.map(|it| (node.span, it.to_owned())));
                        object.remove(key);
                    } else if let Some(value) = object.get_mut(key) {
                        let of_value: Vec<&Value> = plain
                            .iter()
                            .filter_map(|schema| {
                                let property = schema.get("properties").and_then(|it| it.get(key));
                                property.or_else(|| schema.get("additionalProperties"))
                            })
                            .collect();
                        self.check(&entry.value, value, &of_value, report);
                    }
                }
            }
            (Kind::Text(text), value) if plain.iter().any(|it| it["$ref"] == ACCOUNT) => {
                self.account(node.span, text, value, report);
            }
            _ => {}
        }
    }

    /// Puts the id of an account in the place of its name.
    fn account(&mut self, at: Span, text: &str, value: &mut Value, report: &mut Report<'_>) {
        let Some(world) = self.world else { return };
        let id = match (world.accounts.get(text), text.parse::<AccountId>()) {
            (Some(Some(Named::Account(account))), _) => account.id.clone(),
            (None, Ok(id)) => id,
            (found, _) => {
                match found {
                    Some(Some(Named::Accounts(_))) => {
                        let message = format!("`{text}` is a part of the organization");
                        report.hint(at, message, "name one account, by its id");
                    }
                    // It is broken, which has been reported.
                    Some(_) => {}
                    None => world.unknown(at, "account", text, world.accounts.keys(), report),
                }
                self.unknown += 1;
                *value = Value::String("000000000000".to_owned());
                return;
            }
        };
        *value = Value::String(id.to_string());
        self.named.push((at, id));
    }

    /// Replaces names of calendars by their days. One that is not sound is taken out, like an
    /// unknown key.
    fn name_days(&mut self, items: &[Node], values: &mut Vec<Value>, report: &mut Report<'_>) {
        let Some(world) = self.world else { return };
        let mut days = Vec::new();
        for (item, value) in items.iter().zip(std::mem::take(values)) {
            let Kind::Text(name) = &item.kind else {
                days.push(value);
                continue;
            };
            match world.calendars.get(name) {
                Some(Some(calendar)) => {
                    days.extend(calendar.iter().map(|day| Value::String(day.to_string())));
                }
                Some(None) => self.unknown += 1,
                None if name.parse::<Date>().is_ok() => days.push(value),
                None => {
                    world.unknown(item.span, "calendar", name, world.calendars.keys(), report);
                    self.unknown += 1;
                }
            }
        }
        *values = days;
    }

    /// The schemas without references and alternatives that a schema consists of.
    fn flatten(&self, schema: &'s Value, depth: usize, plain: &mut Vec<&'s Value>) {
        if depth > REFERENCES_MAX {
            return;
        }
        let reference = schema.get("$ref").and_then(Value::as_str);
        if let Some(pointer) = reference.and_then(|it| it.strip_prefix('#'))
            && let Some(target) = self.root.pointer(pointer)
        {
            self.flatten(target, depth + 1, plain);
        }
        for key in ["anyOf", "oneOf", "allOf"] {
            for part in schema.get(key).and_then(Value::as_array).into_iter().flatten() {
                self.flatten(part, depth + 1, plain);
            }
        }
        plain.push(schema);
    }
}

fn property_names<'s>(schemas: &[&'s Value]) -> Vec<&'s str> {
    let properties = schemas.iter().filter_map(|schema| schema["properties"].as_object());
    let mut names: Vec<&str> = properties.flatten().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Whether every schema that says what a value is describes a mapping.
fn are_mappings(schemas: &[&Value]) -> bool {
    let types = schemas.iter().filter_map(|schema| schema.get("type"));
    let mut types = types.filter(|it| *it != "null").peekable();
    types.peek().is_some() && types.all(|it| it == "object")
}

/// Whether every schema that describes a mapping names all of its keys.
fn is_closed(schemas: &[&Value]) -> bool {
    let mut mappings = schemas.iter().filter(|schema| schema["type"] == "object").peekable();
    mappings.peek().is_some()
        && mappings.all(|schema| schema["additionalProperties"] == Value::Bool(false))
}

/// Reports what Serde or a check says of a value, or of a place without one.
pub(crate) fn report_bad(
    node: Option<&Node>,
    otherwise: Span,
    message: &str,
    report: &mut Report<'_>,
) {
    let at = node.map_or(otherwise, |node| node.span);
    // Serde names what it knows after what it found: `unknown variant `a`, expected `b` or `c``.
    let mut names = message.split('`').skip(1).step_by(2);
    let unquoted = node.is_some_and(|it| matches!(it.kind, Kind::Int(_) | Kind::Float(_)));
    match names.next() {
        Some(found) if message.starts_with("unknown variant ") => {
            report.unknown(at, message, found, names.collect::<Vec<_>>());
        }
        _ if unquoted && message.ends_with("expected a string") => {
            let written = report.text(at);
            report.hint(at, message, format_args!("write it in quotes: `\"{written}\"`"));
        }
        _ => report.said(at, message),
    }
}

/// The value at a dotted path, `keep.rules[2].last`, or as far as the path leads.
pub(crate) fn at_path<'n>(node: &'n Node, path: &str) -> &'n Node {
    let (mut at, mut rest) = (node, path);
    while let Some((next, left)) = descend(at, rest) {
        (at, rest) = (next, left);
    }
    at
}

/// The value at the first step of a path, and the other steps.
fn descend<'n, 'p>(node: &'n Node, path: &'p str) -> Option<(&'n Node, &'p str)> {
    let path = path.strip_prefix('.').unwrap_or(path);
    match &node.kind {
        Kind::List(items) => {
            let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
            Some((items.get(index.parse::<usize>().ok()?)?, rest))
        }
        Kind::Map(entries) => {
            // A key may have dots in it: the longest that fits is meant.
            let rest_after = |key: &str| {
                path.strip_prefix(key).filter(|it| it.is_empty() || it.starts_with(['.', '[']))
            };
            let fitting = entries.iter().filter_map(|it| Some((it, rest_after(&it.key)?)));
            let (entry, rest) = fitting.max_by_key(|(it, _)| it.key.len())?;
            Some((&entry.value, rest))
        }
        _ => None,
    }
}
