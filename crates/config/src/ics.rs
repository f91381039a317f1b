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
/// Most days that the events of one file take, one by one.
const DAYS_MAX: usize = 100_000;
/// Most bytes of one event.
const EVENT_MAX: usize = 64 * 1024;
/// Longest event, in days.
const EVENT_DAYS_MAX: usize = 366;

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
    let mut days = Calendar::new();
    let mut left = DAYS_MAX;
    let mut problems = Vec::new();
    for event in events(text).map_err(|problem| vec![problem])? {
        match event.occurrences() {
            Ok(occurrences) => match left.checked_sub(occurrences.day_count()) {
                Some(rest) => {
                    left = rest;
                    days.extend(occurrences.days());
                }
                None => {
                    let message =
                        format!("the events up to this one take more than {DAYS_MAX} days");
                    problems.push(Problem { line: event.line, message });
                    break;
                }
            },
            Err(Bad { property, message }) => {
                problems.push(Problem { line: event.line_of(property), message });
            }
        }
    }
    if problems.is_empty() { Ok(days) } else { Err(problems) }
}

/// The lines of one event.
struct EventText<'t> {
    /// Its first line, counted from 1.
    line: usize,
    lines: Vec<&'t str>,
}

/// Finds the events of a file. The library reads them one by one, because over a whole file it
/// takes quadratic time, goes as deep as the file is nested and does not tell lines.
fn events(text: &str) -> Result<Vec<EventText<'_>>, Problem> {
    let problem = |line, message: String| Err(Problem { line, message });
    if text.len() > FILE_MAX {
        return problem(1, format!("the file has more than {FILE_MAX} bytes"));
    }
    let mut events: Vec<EventText<'_>> = Vec::new();
    let mut open: Vec<&str> = Vec::new();
    let mut last = 0;
    for (index, line) in text.strip_prefix('\u{feff}').unwrap_or(text).lines().enumerate() {
        let number = index + 1;
        let was_in_event = is_event(&open);
        if let Some(name) = after_keyword(line, "BEGIN:") {
            if open.is_empty() != name.eq_ignore_ascii_case("VCALENDAR") {
                return problem(number, format!("`{}` has no place here", line.trim_end()));
            }
            open.push(name);
            if open.len() > DEPTH_MAX {
                return problem(number, format!("nested more than {DEPTH_MAX} deep"));
            }
            if is_event(&open) && !was_in_event {
                events.push(EventText { line: number, lines: Vec::new() });
            }
        } else if open.is_empty() && !line.trim().is_empty() {
            return problem(number, "expected `BEGIN:VCALENDAR`".to_owned());
        }
        if (was_in_event || is_event(&open))
            && let Some(event) = events.last_mut()
        {
            event.lines.push(line);
        }
        if let Some(name) = after_keyword(line, "END:") {
            let expected = open.pop().unwrap_or_default();
            if !name.eq_ignore_ascii_case(expected) {
                return problem(number, format!("expected `END:{expected}`"));
            }
        }
        if !line.trim().is_empty() {
            last = number;
        }
    }
    match open.pop() {
        Some(name) => problem(last, format!("the file ends without `END:{name}`")),
        None if last == 0 => problem(1, "expected `BEGIN:VCALENDAR`".to_owned()),
        None => Ok(events),
    }
}

/// Whether these nested components are in an event.
fn is_event(open: &[&str]) -> bool {
    open.iter().any(|name| name.eq_ignore_ascii_case("VEVENT"))
}

/// What comes after a word at the start of a line, in either case.
fn after_keyword<'t>(line: &'t str, keyword: &str) -> Option<&'t str> {
    let start = line.get(..keyword.len())?;
    start.eq_ignore_ascii_case(keyword).then(|| line[keyword.len()..].trim_end())
}

impl EventText<'_> {
    /// The line of a property, or else of the event.
    fn line_of(&self, property: &str) -> usize {
        let is_it = |line: &&str| {
            after_keyword(line, property).is_some_and(|rest| rest.starts_with([':', ';']))
        };
        self.line + self.lines.iter().position(is_it).unwrap_or_default()
    }

    fn occurrences(&self) -> Result<Occurrences, Bad> {
        let text = unfold(&(self.lines.join("\n") + "\n"));
        if text.len() > EVENT_MAX {
            return bad("BEGIN", format!("the event has more than {EVENT_MAX} bytes"));
        }
        match read_components(&text).as_deref() {
            Ok([event]) => occurrences(event),
            _ => bad("BEGIN", "the event is not readable"),
        }
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

/// When an event takes place.
#[derive(Default)]
struct Occurrences {
    starts: BTreeSet<Date>,
    /// On how many days each of them.
    length: usize,
}

impl Occurrences {
    fn day_count(&self) -> usize {
        self.starts.len().saturating_mul(self.length)
    }

    fn days(&self) -> impl Iterator<Item = Date> {
        self.starts.iter().flat_map(|start| start.series(1.day()).take(self.length))
    }
}

fn occurrences(event: &Component<'_>) -> Result<Occurrences, Bad> {
    for name in NOT_UNDERSTOOD {
        if named(event, name).next().is_some() {
            return bad(name, format!("events with `{name}` are not understood"));
        }
    }
    if one(event, "STATUS")?.is_some_and(|it| it.val.as_str().eq_ignore_ascii_case("CANCELLED")) {
        return Ok(Occurrences::default());
    }
    let Some(start) = one(event, "DTSTART")? else {
        return bad("DTSTART", "the event has no `DTSTART`");
    };
    let start = moment(start, "DTSTART")?;
    let mut starts = match one(event, "RRULE")? {
        None => BTreeSet::from([start.date()]),
        Some(rule) => Recurrence::parse(rule.val.as_str(), start)
            .and_then(|rule| rule.starts())
            .map_err(|message| Bad { property: "RRULE", message })?,
    };
    let excluded = excluded(event)?;
    starts.retain(|start| !excluded.contains(start));
    Ok(Occurrences { starts, length: day_count(event, start)? })
}

/// The properties of this name, in either case.
fn named<'c>(event: &'c Component<'c>, name: &str) -> impl Iterator<Item = &'c Property<'c>> {
    event.properties.iter().filter(move |it| it.name.as_str().eq_ignore_ascii_case(name))
}

/// The only property of this name.
fn one<'c>(event: &'c Component<'c>, name: &'static str) -> Result<Option<&'c Property<'c>>, Bad> {
    let mut found = named(event, name);
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
    let digits =
        |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    let date = digits(date, 8).then(|| Date::strptime("%Y%m%d", date).ok())??;
    let time = match time {
        None => Time::midnight(),
        Some(time) => digits(time, 6).then(|| Time::strptime("%H%M%S", time).ok())??,
    };
    Some(date.to_datetime(time))
}

/// On how many days the event takes place, counted from its start.
fn day_count(event: &Component<'_>, start: DateTime) -> Result<usize, Bad> {
    let (property, end) = match (one(event, "DTEND")?, one(event, "DURATION")?) {
        (Some(_), Some(_)) => return bad("DURATION", "the event has `DTEND` and `DURATION`"),
        (Some(end), None) => ("DTEND", moment(end, "DTEND")?),
        (None, Some(length)) => ("DURATION", end_after(start, length.val.as_str())?),
        (None, None) => return Ok(1),
    };
    if end < start {
        return bad(property, "the event ends before it starts");
    }
    let full = start.date().duration_until(end.date()).as_hours().unsigned_abs() as usize / 24;
    // The end is the first moment that is not part of the event.
    let count = full + usize::from(end.time() != Time::midnight() || full == 0);
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
    for property in named(event, "EXDATE") {
        for text in property.val.as_str().split(',') {
            match parse_moment(text) {
                Some(moment) => days.insert(moment.date()),
                None => {
                    return bad("EXDATE", format!("`{text}` is not a date, such as `20261225`"));
                }
            };
        }
    }
    Ok(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(events: &[&str]) -> String {
        let events: String =
            events.iter().map(|it| format!("BEGIN:VEVENT\nUID:1\n{it}\nEND:VEVENT\n")).collect();
        format!("BEGIN:VCALENDAR\nVERSION:2.0\n{events}END:VCALENDAR\n")
    }

    #[track_caller]
    fn check(event: &str, expected: &[&str]) {
        for text in [file(&[event]), file(&[event]).replace('\n', "\r\n")] {
            let days = days(&text).unwrap();
            assert_eq!(days.iter().map(Date::to_string).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn events_are_on_the_days_that_they_touch() {
        check("DTSTART;VALUE=DATE:20261225", &["2026-12-25"]);
        check("DTSTART:20261225\nDTEND:20261227", &["2026-12-25", "2026-12-26"]);
        check("DTSTART:20261225\nDTEND:20261225", &["2026-12-25"]);
        check("DTSTART;TZID=Europe/Madrid:20261225T093000", &["2026-12-25"]);
        check("DTSTART:20261225T230000Z\nDTEND:20261226T000000Z", &["2026-12-25"]);
        check("DTSTART:20261225T230000\nDTEND:20261226T000001", &["2026-12-25", "2026-12-26"]);
        check("DTSTART:20261225\nDURATION:P2D", &["2026-12-25", "2026-12-26"]);
        check("DTSTART:20261225T230000\nDURATION:PT2H", &["2026-12-25", "2026-12-26"]);
        check("dtstart:2026\n 1225", &["2026-12-25"]);
    }

    #[test]
    fn recurring_events_leave_out_what_they_exclude() {
        check(
            "DTSTART:20260101\nDTEND:20260103\nRRULE:FREQ=YEARLY;COUNT=3\nEXDATE:20270101,20280101",
            &["2026-01-01", "2026-01-02"],
        );
        check("DTSTART:20260101\nrrule:FREQ=DAILY;COUNT=2", &["2026-01-01", "2026-01-02"]);
    }

    #[test]
    fn cancelled_events_do_not_count() {
        check("DTSTART:20261225\nSTATUS:CANCELLED", &[]);
        check("DTSTART:20261225\nSTATUS:CONFIRMED", &["2026-12-25"]);
    }

    #[track_caller]
    fn check_problems(text: &str, expected: &[(usize, &str)]) {
        let problems = days(text).unwrap_err();
        let found: Vec<(usize, &str)> =
            problems.iter().map(|it| (it.line, it.message.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn what_cannot_be_honoured_is_a_problem_with_its_line() {
        let bad = [
            "SUMMARY:x",
            "DTSTART:2026-12-25",
            "DTSTART:20261225\nRRULE:FREQ=YEARLY;BYDAY=4TH",
            "DTSTART:20261225\nDTEND:20261224",
            "DTSTART:20261225\nRDATE:20261226",
            "DTSTART:20261225\nRECURRENCE-ID:20261226\nSTATUS:CANCELLED",
            "DTSTART:20261225\nEXDATE:soon",
            "DTSTART:20261225\nDURATION:2 days",
            "DTSTART:20261225\nDTEND:20281225",
            "DTSTART:20261225\nDTSTART:20261225",
        ];
        check_problems(
            &file(&bad),
            &[
                (3, "the event has no `DTSTART`"),
                (9, "`2026-12-25` is not a date or a date and a time, such as `20261225`"),
                (14, "recurring events with `BYDAY=4TH` are not understood"),
                (19, "the event ends before it starts"),
                (24, "events with `RDATE` are not understood"),
                (29, "events with `RECURRENCE-ID` are not understood"),
                (35, "`soon` is not a date, such as `20261225`"),
                (40, "`2 days` is not a duration, such as `P1D`"),
                (45, "the event takes more than 366 days"),
                (49, "the event has `DTSTART` twice"),
            ],
        );
    }

    #[test]
    fn what_is_no_calendar_is_a_problem() {
        check_problems("", &[(1, "expected `BEGIN:VCALENDAR`")]);
        check_problems("hello", &[(1, "expected `BEGIN:VCALENDAR`")]);
        check_problems("BEGIN:VEVENT\nEND:VEVENT\n", &[(1, "`BEGIN:VEVENT` has no place here")]);
        let whole = file(&["DTSTART:20261225", "DTSTART:20261226"]);
        let torn = whole.replace("END:VCALENDAR\n", "");
        check_problems(&torn, &[(10, "the file ends without `END:VCALENDAR`")]);
        let mixed = whole.replacen("END:VEVENT", "END:VTODO", 1);
        check_problems(&mixed, &[(6, "expected `END:VEVENT`")]);
        check_problems(&(whole.clone() + "\nx"), &[(13, "expected `BEGIN:VCALENDAR`")]);
        check_problems("\n\n", &[(1, "expected `BEGIN:VCALENDAR`")]);
        check_problems(&whole.replacen("UID:1", "@@", 1), &[(3, "the event is not readable")]);
    }

    #[test]
    fn other_components_are_passed_over() {
        let alarm = "BEGIN:VALARM\nTRIGGER:-PT5M\nEND:VALARM";
        let todo = "BEGIN:VTODO\nDTSTART:20270101\nEND:VTODO\nend:vcalendar";
        let text = file(&[&format!("DTSTART:20261225\n{alarm}")]).replace("END:VCALENDAR", todo);
        assert_eq!(days(&text).unwrap().len(), 1);
    }

    #[test]
    fn hostile_files_are_refused() {
        let deep = "BEGIN:VCALENDAR\n".to_owned() + &"BEGIN:A\n".repeat(50_000);
        check_problems(&deep, &[(9, "nested more than 8 deep")]);
        let daily = "DTSTART:19700101\nDTEND:19710101\nRRULE:FREQ=DAILY";
        let too_many = "the events up to this one take more than 100000 days";
        check_problems(&file(&[daily]), &[(3, too_many)]);
        let many = vec!["DTSTART:20200101\nRRULE:FREQ=DAILY"; 1_000];
        check_problems(&file(&many), &[(18, too_many)]);
        let long = format!("DTSTART:20200101\nX{}:1", ";A=b".repeat(20_000));
        check_problems(&file(&[&long]), &[(3, "the event has more than 65536 bytes")]);
        assert!(days(&"x".repeat(FILE_MAX + 1)).is_err());
        assert_eq!(days(&file(&vec!["DTSTART:20200101"; 10_000])).unwrap().len(), 1);
    }
}
