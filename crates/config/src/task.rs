//! Tasks.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use lamplighter_core::{
    AnyAction, Catalog, TaskName, action,
    action::Effect,
    schedule::Calendar,
    task::{Mode, Order, Reach, Regions, StopAfter, Task},
};

use crate::{
    Account,
    account::{read_if_there, read_labels},
    node::{Entry, Kind, Node, Span},
    object::Object,
    params,
    report::Report,
    schedule, selection, shape, trigger, value,
};

/// What tasks may refer to. What is there and broken is `None`, and was reported.
pub(crate) struct World {
    pub(crate) catalog: Catalog,
    pub(crate) accounts: BTreeMap<String, Option<Account>>,
    pub(crate) calendars: BTreeMap<String, Option<Calendar>>,
    /// Whether a file could not be read, so that names may be defined that nobody knows of.
    pub(crate) incomplete: bool,
    /// What each action's targets look like to conditions.
    pub(crate) fields: selection::TargetFields,
}

impl World {
    /// Reports a name that nothing has.
    pub(crate) fn unknown<'k>(
        &self,
        at: Span,
        what: &str,
        name: &str,
        known: impl IntoIterator<Item = &'k String>,
        report: &mut Report<'_>,
    ) {
        if !self.incomplete {
            let message = format!("there is no {what} `{name}`");
            report.unknown(at, message, name, known.into_iter().map(String::as_str));
        }
    }
}

/// Reads one task.
pub(crate) fn read(entry: &Entry, world: &World, report: &mut Report<'_>) -> Option<Task> {
    let named_at = entry.key_span;
    let name = entry.key.parse::<TaskName>().map_err(|error| report.error(named_at, error)).ok();
    let object = Object::read::<shape::Task>(&entry.value, "a task", named_at, report)?;
    let action = object
        .required("action", "a task", report)
        .and_then(|node| Some((read_action(node, world.catalog, report)?, node.span)));
    let description = read_if_there(object.get("description"), |node| {
        value::text(node, "`description`", report).map(str::to_owned)
    });
    let enabled =
        read_if_there(object.get("enabled"), |node| value::truth(node, "`enabled`", report));
    let mode = read_if_there(object.get("mode"), |node| {
        value::choice(node, "`mode`", &[("act", Mode::Act), ("observe", Mode::Observe)], report)
    });
    let schedule = read_if_there(object.get("schedule"), |node| {
        schedule::read(node, object.key_span("schedule"), world, report)
    });
    let on = read_if_there(object.get("on"), |node| {
        trigger::read(node, object.key_span("on"), action.map(|(action, _)| action), report)
    });
    let regions = read_if_there(object.get("regions"), |node| value::regions(node, report));
    let accounts = object
        .required("accounts", "a task", report)
        .and_then(|node| read_accounts(node, world, report));
    let fields = action.map(|(action, _)| world.fields.of(action));
    let select = read_if_there(object.get("select"), |node| {
        selection::read_select(node, object.key_span("select"), fields.as_deref(), report)
    });
    let adopt = read_if_there(object.get("adopt"), |node| {
        let at = object.key_span("adopt");
        if let Some((action, _)) = action
            && action.spec().effect != Effect::Deletes
        {
            let name = action.spec().name;
            report.error(
                at,
                format!("`adopt` is for actions that delete, and `{name}` does not delete"),
            );
        }
        selection::read_adopt(node, at, fields.as_deref(), report)
    });
    let params = read_params(&object, action, world, report);
    let max_concurrent = read_if_there(object.get("max-concurrent"), |node| {
        value::count(node, "`max-concurrent`", report)
    });
    let timeout = read_if_there(object.get("timeout"), |node| {
        value::duration(node, "`timeout`", SignedDuration::from_secs(1), report)
    });
    let stop_after = read_if_there(object.get("stop-after"), |node| {
        read_stop_after(node, object.key_span("stop-after"), report)
    });
    let schedule = schedule?;
    let (select, guards) = select?.unwrap_or_default();
    Some(Task {
        description: description?.unwrap_or_default(),
        enabled: enabled?.unwrap_or(true),
        reach: reach(&accounts?, regions?.as_ref()),
        order: Order {
            task: name?,
            defined_at: report.place(named_at),
            action: action?.0.spec().name.to_owned(),
            params: params?,
            select,
            adopt: adopt?,
            mode: mode?.unwrap_or_default(),
            guards,
            max_concurrent: max_concurrent?,
            timeout: timeout?,
            stop_after: stop_after?,
            time_zone: schedule.as_ref().map(|it| it.time_zone.clone()).unwrap_or_default(),
        },
        schedule,
        on: on?.unwrap_or_default(),
    })
}

fn read_action(
    node: &Node,
    catalog: Catalog,
    report: &mut Report<'_>,
) -> Option<&'static dyn AnyAction> {
    let name = value::text(node, "`action`", report)?;
    let found = action::find(catalog, name);
    if found.is_none() {
        let known = catalog.iter().map(|action| action.spec().name);
        report.unknown(node.span, format!("there is no action `{name}`"), name, known);
    }
    found
}

fn read_params(
    object: &Object<'_>,
    action: Option<(&'static dyn AnyAction, Span)>,
    world: &World,
    report: &mut Report<'_>,
) -> Option<serde_json::Value> {
    let with = object.get("with");
    if let Some(node) = with
        && !matches!(node.kind, Kind::Map(_))
    {
        report.error(
            node.span,
            format!("`with` is a mapping of parameters, and this is {}", node.describe()),
        );
        return None;
    }
    let (action, named_at) = action?;
    params::read(with, named_at, action, world, report)
}

/// The accounts of a task, those that are sound: each once.
fn read_accounts<'w>(
    node: &Node,
    world: &'w World,
    report: &mut Report<'_>,
) -> Option<BTreeMap<&'w str, &'w Account>> {
    let sound = || {
        let accounts = world.accounts.iter();
        accounts.filter_map(|(name, account)| Some((name.as_str(), account.as_ref()?)))
    };
    if matches!(&node.kind, Kind::Text(text) if text == "all") {
        if world.accounts.is_empty() && !world.incomplete {
            report.error(node.span, "`all` is no account at all: none is defined");
        }
        return Some(sound().collect());
    }
    let broken = world.incomplete || world.accounts.values().any(Option::is_none);
    let mut chosen = BTreeMap::new();
    let mut good = true;
    for item in value::list(node, "`accounts`, unless it is `all`,", report)? {
        match &item.kind {
            Kind::Text(text) if text == "all" => chosen.extend(sound()),
            Kind::Map(_) => {
                let what = "an entry of `accounts`";
                let labels = Object::read::<shape::Labelled>(item, what, item.span, report)
                    .and_then(|object| object.required("labels", what, report))
                    .and_then(|node| Some((read_labels(node, report)?, node.span)));
                let Some((labels, at)) = labels else {
                    good = false;
                    continue;
                };
                let has = |account: &Account| {
                    labels.iter().all(|(key, value)| account.labels.get(key) == Some(value))
                };
                let mut matching = sound().filter(|(_, account)| has(account)).peekable();
                if matching.peek().is_none() && !broken {
                    report.error(at, "no account has these labels");
                    good = false;
                }
                chosen.extend(matching);
            }
            _ => match value::text(item, "an account", report) {
                None => good = false,
                Some(name) => match world.accounts.get_key_value(name) {
                    Some((name, Some(account))) => _ = chosen.insert(name, account),
                    Some((_, None)) => good = false,
                    None => {
                        world.unknown(item.span, "account", name, world.accounts.keys(), report);
                        good = false;
                    }
                },
            },
        }
    }
    good.then_some(chosen)
}

fn reach(accounts: &BTreeMap<&str, &Account>, regions: Option<&Regions>) -> Vec<Reach> {
    let reach = |account: &&Account| Reach {
        account: account.id.clone(),
        regions: regions.unwrap_or(&account.regions).clone(),
    };
    accounts.values().map(reach).collect()
}

fn read_stop_after(node: &Node, at: Span, report: &mut Report<'_>) -> Option<StopAfter> {
    let object = Object::read::<shape::StopAfter>(node, "`stop-after`", at, report)?;
    let failed = object.required("failed", "`stop-after`", report)?;
    match &failed.kind {
        Kind::Text(text) if text.ends_with('%') => {
            value::percent(failed, "`failed`", 0, report).map(StopAfter::FailedPercent)
        }
        Kind::Int(_) => {
            value::count(failed, "`failed`", report).map(|it| StopAfter::Failed(it.get()))
        }
        _ => {
            report.error(failed.span, "`failed` is a number of targets or a share such as `20%`");
            None
        }
    }
}
