//! `calendar`: what runs when, by the engine's own function.

use icalendar::{Calendar, Component, Event};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use lamplighter_core::{
    schedule::Schedule,
    task::{Regions, Task},
};
use serde_json::{Value, json};

use super::instant;
use crate::{
    cli::{CalendarArgs, CalendarFormat},
    configuration,
    exit::{Exit, Failure},
    globals::Globals,
    output,
};

/// One task at one instant.
struct Entry<'a> {
    at: Timestamp,
    task: &'a Task,
    schedule: &'a Schedule,
}

pub(crate) fn run(globals: &Globals, args: &CalendarArgs) -> Result<Exit, Failure> {
    let config = configuration::load(&globals.config)?;
    let from = match &args.from {
        Some(text) => instant("--from", text, &TimeZone::UTC)?,
        None => Timestamp::now(),
    };
    let until = from
        .saturating_add(SignedDuration::from_hours(24 * i64::from(args.days)))
        .unwrap_or(Timestamp::MAX);
    let mut entries: Vec<Entry<'_>> = config
        .tasks
        .iter()
        .filter(|task| task.enabled)
        .filter_map(|task| Some((task, task.schedule.as_ref()?)))
        .flat_map(|(task, schedule)| {
            schedule.occurrences(from, until).map(move |at| Entry { at, task, schedule })
        })
        .collect();
    entries.sort_by(|a, b| (a.at, &a.task.order.task).cmp(&(b.at, &b.task.order.task)));
    match args.format {
        CalendarFormat::Json => output::print_json(&as_json(&entries))?,
        _ if globals.json => output::print_json(&as_json(&entries))?,
        CalendarFormat::Ics => output::print(&as_ics(&entries))?,
        CalendarFormat::Table => {
            output::print(&as_table(&entries))?;
            note_events(&config.tasks);
        }
    }
    Ok(Exit::Fine)
}

/// Says which tasks run at times that no calendar knows.
fn note_events(tasks: &[Task]) {
    for task in tasks.iter().filter(|task| task.enabled && !task.on.is_empty()) {
        let mut names: Vec<&str> = task.on.iter().map(|it| it.name().as_str()).collect();
        names.sort_unstable();
        names.dedup();
        output::note(&format!("`{}` runs on events: {}", task.order.task, names.join(", ")));
    }
}

fn as_json(entries: &[Entry<'_>]) -> Vec<Value> {
    let entry = |it: &Entry<'_>| {
        json!({
            "task": it.task.order.task,
            "occurrence": it.local(),
            "time-zone": it.schedule.time_zone.name(),
            "places": places(it.task),
        })
    };
    entries.iter().map(entry).collect()
}

fn as_table(entries: &[Entry<'_>]) -> String {
    if entries.is_empty() {
        return "nothing is due in this time".to_owned();
    }
    let rows = entries.iter().map(|it| {
        vec![
            it.local(),
            it.schedule.time_zone.name().to_owned(),
            it.task.order.task.to_string(),
            places(it.task).map_or_else(|| "all regions".to_owned(), |count| count.to_string()),
        ]
    });
    output::table(&["when", "zone", "task", "places"], rows)
}

fn as_ics(entries: &[Entry<'_>]) -> String {
    let mut calendar = Calendar::new();
    calendar.name("Lamplighter");
    for it in entries {
        let utc = it.at.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string();
        let name = it.task.order.task.as_str();
        calendar.push(
            Event::new()
                .uid(&format!("{name}@{utc}"))
                .summary(name)
                .description(&it.task.description)
                .add_property("DTSTAMP", &utc)
                .add_property("DTSTART", &utc)
                .done(),
        );
    }
    calendar.to_string()
}

impl Entry<'_> {
    /// The occurrence on the schedule's own clock.
    fn local(&self) -> String {
        let local = self.at.to_zoned(self.schedule.time_zone.rules().clone());
        local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }
}

/// How many places a task has; unknown while an account's regions must be asked for.
fn places(task: &Task) -> Option<usize> {
    task.reach
        .iter()
        .map(|reach| match &reach.regions {
            Regions::Listed(regions) => Some(regions.len()),
            Regions::All => None,
        })
        .sum()
}
