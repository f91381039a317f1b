//! The reference page of an action, in Markdown.

use std::fmt::Write;

use jiff::{
    SignedDuration,
    fmt::friendly::{Designator, Spacing, SpanPrinter},
};
use lamplighter_core::{
    AnyAction,
    action::{Effect, GateSpec},
    events::Name,
    select::{Fields, Kind},
};

use crate::parameters::{Parameter, parameters, plural, text};

/// Everything about an action that its users must know.
pub fn reference(action: &dyn AnyAction) -> String {
    let spec = action.spec();
    let schema = action.params_schema().to_value();
    let fields = Fields::from_schema(&action.target_schema());
    let sections = [
        format!("# {}\n\n{}\n", spec.name, spec.summary),
        facts(action),
        with(schema["description"].as_str().unwrap_or_default(), &parameters(&schema)),
        targets(action.target_kind(), &fields),
        permissions(action),
    ];
    sections.join("\n")
}

fn facts(action: &dyn AnyAction) -> String {
    let spec = action.spec();
    let effect = match spec.effect {
        Effect::Creates => "makes something new and leaves its targets as they are",
        Effect::Changes => "changes its targets",
        Effect::Deletes => {
            "deletes its targets: only what Lamplighter made, unless the task says `adopt`"
        }
    };
    let gate = match spec.gate {
        Some(GateSpec { name, limit }) => {
            format!(
                "at most {limit} {name} at a time in one account and region: the other jobs queue"
            )
        }
        None => "none".to_owned(),
    };
    let timeout = SignedDuration::try_from(spec.timeout).map_or_else(
        |_| "none".to_owned(),
        |timeout| {
            let printer = SpanPrinter::new().designator(Designator::Compact).spacing(Spacing::None);
            printer.duration_to_string(&timeout)
        },
    );
    format!(
        "| | |\n|---|---|\n\
         | Targets | {} |\n\
         | Effect | {effect} |\n\
         | Timeout | {timeout} per target, unless the task sets `timeout` |\n\
         | Limit of AWS | {gate} |\n\
         | Events | {} |\n",
        action.target_kind(),
        events(action),
    )
}

/// The events that may trigger it.
fn events(action: &dyn AnyAction) -> String {
    let names: Vec<String> = Name::of(action).into_iter().map(|it| format!("`{it}`")).collect();
    match names.is_empty() {
        true if action.compares_targets() => {
            "none: it compares its targets with each other".to_owned()
        }
        true => "none: its targets are of several kinds".to_owned(),
        false => names.join(", "),
    }
}

fn with(doc: &str, parameters: &[Parameter]) -> String {
    let mut page = "## Parameters\n\n".to_owned();
    if !doc.is_empty() {
        page += &doc.replace('\n', " ");
        page += "\n\n";
    }
    if parameters.is_empty() {
        page += "None.\n";
        return page;
    }
    page += "| key below `with` | value | default | meaning |\n|---|---|---|---|\n";
    for parameter in parameters {
        page += &row(parameter);
    }
    page
}

fn row(parameter: &Parameter) -> String {
    let Parameter { path, kind, required, default, doc, words } = parameter;
    let default = match default {
        _ if *required => "required".to_owned(),
        Some(default) => format!("`{}`", text(default)),
        None => String::new(),
    };
    let words: String =
        words.iter().map(|(word, doc)| format!("<br>`{word}`: {}", cell(doc))).collect();
    format!("| `{path}` | {} | {} | {}{words} |\n", cell(kind), cell(&default), cell(doc))
}

fn targets(kind: &str, fields: &Fields) -> String {
    let mut page = format!(
        "## Fields of {kind}\n\nWhat `select.where` may ask about. A field that may be unknown is \
         marked `?`.\n\n| field | value | meaning |\n|---|---|---|\n"
    );
    field_rows("target", fields, &mut page);
    page
}

fn field_rows(path: &str, fields: &Fields, page: &mut String) {
    for (name, field) in fields.iter() {
        let mark = if field.optional { "?" } else { "" };
        let (kind, doc) = (cell(&kind_name(&field.kind)), cell(&field.doc));
        // Writing to a `String` does not fail.
        let _ = writeln!(page, "| `{path}.{name}`{mark} | {kind} | {doc} |");
        match &field.kind {
            Kind::Record(fields) => field_rows(&format!("{path}.{name}"), fields, page),
            Kind::List(item) => {
                if let Kind::Record(fields) = item.as_ref() {
                    field_rows(&format!("{path}.{name}[]"), fields, page);
                }
            }
            _ => {}
        }
    }
}

fn kind_name(kind: &Kind) -> String {
    match kind {
        Kind::Text => "text".to_owned(),
        Kind::Choice(words) => {
            words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
        }
        Kind::Integer => "whole number".to_owned(),
        Kind::Number => "number".to_owned(),
        Kind::Bool => "`true` or `false`".to_owned(),
        Kind::Time => "time".to_owned(),
        Kind::List(item) => format!("list of {}", plural(kind_name(item))),
        Kind::Map(entry) => format!("mapping to {}", plural(kind_name(entry))),
        Kind::Record(_) => "mapping".to_owned(),
        Kind::Any => "anything".to_owned(),
    }
}

/// In the accounts of the targets, and in those that the parameters name.
fn permissions(action: &dyn AnyAction) -> String {
    let lines = |all: &[&str]| -> String { all.iter().map(|it| format!("- `{it}`\n")).collect() };
    let elsewhere = action.spec().elsewhere;
    if elsewhere.is_empty() {
        return format!("## Permissions\n\n{}", lines(&action.permissions()));
    }
    format!(
        "## Permissions\n\nAt the most; what a task needs, its parameters say.\n\n\
         In the accounts of its targets:\n\n{}\nIn other accounts that its parameters name:\n\n{}",
        lines(&action.permissions_here()),
        lines(elsewhere)
    )
}

/// A text as the cell of a table: paragraphs become lines.
fn cell(text: &str) -> String {
    let paragraphs = text.trim().split("\n\n").map(|it| it.replace('\n', " "));
    paragraphs.collect::<Vec<_>>().join("<br>").replace('|', "\\|")
}
