//! Days of iCalendar files.
//! <https://www.rfc-editor.org/rfc/rfc5545>
//!
//! A day is in the calendar if an event takes place on it, in the event's own local time.
//! Cancelled events do not count. Whatever an event asks for that is not understood here is a
//! problem: a forgotten holiday is worse than a refused file.

use std::collections::BTreeSet;

use icalendar::parser::{Component, Property, read_components, unfold};
use jiff::{
    Span, SpanRelativeTo, ToSpan,
    civil::{Date, DateTime, Time},
};
use lamplighter_core::schedule::Calendar;

use crate::{FILE_MAX, recurrence::Recurrence};

/// How deep components may be nested: calendar, event, alarm, and some room.
const DEPTH_MAX: usize = 8;
/// Most days of one file.
const DAYS_MAX: usize = 50_000;
/// Longest event, in days.
const EVENT_DAYS_MAX: i64 = 366;

/// Properties that change which days an event is on, and that this program does not know how
/// to honour.
const NOT_UNDERSTOOD: [&str; 3] = ["EXRULE", "RECURRENCE-ID", "RDATE"];

/// Something in a file that cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The line, counted from 1.
    pub(crate) line: usize,
    /// What is wrong.
    pub(crate) message: String,
}

/// The days of the events of a file.
pub(crate) fn days(text: &str) -> Result<Calendar, Vec<Problem>> {
    let problem = |line, message: String| vec![Problem { line, message }];
    if text.len() > FILE_MAX {
        return Err(problem(1, format!("the file has more than {FILE_MAX} bytes")));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = Lines::of(text).map_err(|it| vec![it])?;
    let unfolded = unfold(text);
    let components = read_components(&unfolded)
        .map_err(|_| problem(1, "the file is not a readable iCalendar file".to_owned()))?;
    let mut events = Vec::new();
    collect_events(&components, &mut events);
    if components.is_empty() || events.len() != lines.events.len() {
        // The parser stops without a word at the first line that it cannot read.
        let line = lines.events.get(events.len()).copied().unwrap_or(1);
        return Err(problem(line, "the file is not readable from about here".to_owned()));
    }
    let mut days = Calendar::new();
    let mut problems = Vec::new();
    for (event, start_line) in events.into_iter().zip(&lines.events) {
        match days_of(event) {
            Ok(found) => days.extend(found),
            Err(Bad { property, message }) => {
                problems.push(Problem { line: lines.of_property(*start_line, property), message });
            }
        }
        if days.len() > DAYS_MAX {
            let message = format!("the calendar has more than {DAYS_MAX} days");
            problems.push(Problem { line: *start_line, message });
            break;
        }
    }
    if problems.is_empty() { Ok(days) } else { Err(problems) }
}

/// The lines of the file, which the parser does not tell.
struct Lines<'t> {
    text: Vec<&'t str>,
    /// Where each event begins, counted from 1.
    events: Vec<usize>,
}

impl<'t> Lines<'t> {
    /// Refuses what is nested too deep, because the parser calls itself for each level.
    fn of(text: &'t str) -> Result<Lines<'t>, Problem> {
        let mut lines = Lines { text: text.lines().collect(), events: Vec::new() };
        let mut depth = 0_usize;
        for (index, line) in lines.text.iter().enumerate() {
            if line.starts_with("BEGIN:") {
                depth += 1;
                if line.trim_end() == "BEGIN:VEVENT" {
                    lines.events.push(index + 1);
                }
            } else if line.starts_with("END:") {
                depth = depth.saturating_sub(1);
            }
            if depth > DEPTH_MAX {
                let message = format!("components are nested more than {DEPTH_MAX} deep");
                return Err(Problem { line: index + 1, message });
            }
        }
        Ok(lines)
    }

    /// The line of a property of the event that begins at `start`, or else of the event.
    fn of_property(&self, start: usize, property: &str) -> usize {
        let lines = self.text.iter().skip(start);
        let own = lines.take_while(|line| !line.starts_with("END:VEVENT"));
        let found = own.enumerate().find(|(_, line)| {
            let name = line.get(..property.len()).unwrap_or_default();
            let rest = line.get(property.len()..).unwrap_or_default();
            name.eq_ignore_ascii_case(property) && rest.starts_with([':', ';'])
        });
        found.map_or(start, |(index, _)| start + index + 1)
    }
}

fn collect_events<'c>(components: &'c [Component<'c>], events: &mut Vec<&'c Component<'c>>) {
    for component in components {
        if component.name == "VEVENT" {
            events.push(component);
        }
        collect_events(&component.components, events);
    }
}

/// What is wrong with an event.
pub(crate) struct Bad {
    /// The name of the property at fault.
    pub(crate) property: &'static str,
    pub(crate) message: String,
}

fn bad<T>(property: &'static str, message: impl Into<String>) -> Result<T, Bad> {
    Err(Bad { property, message: message.into() })
}

fn days_of(event: &Component<'_>) -> Result<Calendar, Bad> {
    for property in NOT_UNDERSTOOD {
        if event.properties.iter().any(|it| it.name == property) {
            return bad(property, format!("events with `{property}` are not understood"));
        }
    }
    if one(event, "STATUS")?.is_some_and(|it| it.val.as_str().eq_ignore_ascii_case("CANCELLED")) {
        return Ok(Calendar::new());
    }
    let Some(start) = one(event, "DTSTART")? else {
        return bad("DTSTART", "the event has no `DTSTART`");
    };
    let start = moment(start, "DTSTART")?;
    let length = day_count(event, start)?;
    let starts = match one(event, "RRULE")? {
        None => BTreeSet::from([start.date()]),
        Some(rule) => {
            let recurrence = Recurrence::parse(rule.val.as_str(), start)
                .map_err(|message| Bad { property: "RRULE", message })?;
            recurrence.starts().map_err(|message| Bad { property: "RRULE", message })?
        }
    };
    let excluded = excluded(event)?;
    let mut days = Calendar::new();
    for start in starts.difference(&excluded) {
        for day in 0..length {
            days.extend(start.checked_add(day.days()).ok());
        }
        if days.len() > DAYS_MAX {
            break;
        }
    }
    Ok(days)
}

/// The only property of this name.
fn one<'c>(
    event: &'c Component<'c>,
    name: &'static str,
) -> Result<Option<&'c Property<'c>>, Bad> {
    let mut found = event.properties.iter().filter(|it| it.name == name);
    match (found.next(), found.next()) {
        (_, Some(_)) => bad(name, format!("the event has `{name}` twice")),
        (property, None) => Ok(property),
    }
}

/// A date, or a date and a time in whatever zone.
fn moment(property: &Property<'_>, name: &'static str) -> Result<DateTime, Bad> {
    let text = property.val.as_str();
    parse_moment(text).map_or_else(
        || bad(name, format!("`{text}` is not a date or a date and a time, such as `20261225`")),
        Ok,
    )
}

/// Reads `20261225`, `20261225T093000` or `20261225T093000Z`.
pub(crate) fn parse_moment(text: &str) -> Option<DateTime> {
    let (date, time) = match text.split_once('T') {
        None => (text, None),
        Some((date, time)) => (date, Some(time.strip_suffix('Z').unwrap_or(time))),
    };
    let digits = |text: &str, length| {
        text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let date = digits(date, 8).then(|| Date::strptime("%Y%m%d", date).ok())??;
    let time = match time {
        None => Time::midnight(),
        Some(time) => digits(time, 6).then(|| Time::strptime("%H%M%S", time).ok())??,
    };
    Some(date.to_datetime(time))
}

/// On how many days the event takes place, counted from its start.
fn day_count(event: &Component<'_>, start: DateTime) -> Result<i64, Bad> {
    let (property, end) = match (one(event, "DTEND")?, one(event, "DURATION")?) {
        (Some(_), Some(_)) => return bad("DURATION", "the event has `DTEND` and `DURATION`"),
        (Some(end), None) => ("DTEND", moment(end, "DTEND")?),
        (None, Some(length)) => ("DURATION", end_after(start, length.val.as_str())?),
        (None, None) => return Ok(1),
    };
    if end < start {
        return bad(property, "the event ends before it starts");
    }
    let full = start.date().until(end.date()).map_or(0, |span| i64::from(span.get_days()));
    // The end is the first moment that is not part of the event.
    let count = full + i64::from(end.time() != Time::midnight() || full == 0);
    if count > EVENT_DAYS_MAX {
        return bad(property, format!("the event takes more than {EVENT_DAYS_MAX} days"));
    }
    Ok(count)
}

fn end_after(start: DateTime, text: &str) -> Result<DateTime, Bad> {
    let length = text
        .parse::<Span>()
        .ok()
        .filter(|_| text.starts_with(['P', '+']))
        .and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
    match length.and_then(|length| start.checked_add(length).ok()) {
        Some(end) => Ok(end),
        None => bad("DURATION", format!("`{text}` is not a duration, such as `P1D`")),
    }
}

/// The days on which an occurrence does not take place.
fn excluded(event: &Component<'_>) -> Result<BTreeSet<Date>, Bad> {
    let mut days = BTreeSet::new();
    for property in event.properties.iter().filter(|it| it.name == "EXDATE") {
        for text in property.val.as_str().split(',') {
            match parse_moment(text) {
                Some(moment) => days.insert(moment.date()),
                None => return bad("EXDATE", format!("`{text}` is not a date, such as `20261225`")),
            };
        }
    }
    Ok(days)
}
