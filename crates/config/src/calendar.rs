//! Calendars: sets of days from dates and iCalendar files.

use jiff::civil::Date;
use lamplighter_core::schedule::Calendar;

use crate::{
    ics,
    node::{Entry, Kind, Node},
    object::Object,
    report::{Problem, Report},
    shape, value,
};

/// Reads the text of a file, given by its path relative to the configuration directory. An
/// error is said to the user as it is.
pub type ReadFile<'a> = &'a dyn Fn(&str) -> Result<String, String>;

/// Reads one calendar.
pub(crate) fn read(
    entry: &Entry,
    read_file: ReadFile<'_>,
    report: &mut Report<'_>,
) -> Option<Calendar> {
    let mut good = value::check_name(&entry.key, "a calendar", entry.key_span, report);
    let object =
        Object::read::<shape::Calendar>(&entry.value, "a calendar", entry.key_span, report)?;
    let (dates, files) = (object.get("dates"), object.get("files"));
    if dates.is_none() && files.is_none() {
        report.error(entry.key_span, "a calendar needs `dates` or `files`");
        return None;
    }
    let mut days = Calendar::new();
    for node in dates.and_then(|node| value::list(node, "`dates`", report)).unwrap_or_default() {
        match read_date(node, report) {
            Some(date) if !days.insert(date) => {
                report.error(node.span, format!("the date `{date}` is here twice"));
                good = false;
            }
            Some(_) => {}
            None => good = false,
        }
    }
    for node in files.and_then(|node| value::list(node, "`files`", report)).unwrap_or_default() {
        match read_ics(node, read_file, report) {
            Some(found) => days.extend(found),
            None => good = false,
        }
    }
    let is_list = |node: Option<&Node>| node.is_none_or(|it| matches!(it.kind, Kind::List(_)));
    (good && is_list(dates) && is_list(files)).then_some(days)
}

fn read_date(node: &Node, report: &mut Report<'_>) -> Option<Date> {
    let text = value::text(node, "a date", report)?;
    // jiff also takes a time after the date, and drops it.
    let date = text.parse::<Date>().ok().filter(|date| date.to_string() == text);
    if date.is_none() {
        report.error(node.span, format!("`{text}` is not a date, such as `2026-12-25`"));
    }
    date
}

fn read_ics(node: &Node, read_file: ReadFile<'_>, report: &mut Report<'_>) -> Option<Calendar> {
    let path = value::text(node, "a file", report)?;
    let stays_inside = !path.starts_with('/')
        && !path.contains(['\\', ':', '\0'])
        && path.split('/').all(|part| !part.is_empty() && part != "..");
    if !stays_inside || !path.to_lowercase().ends_with(".ics") {
        report.error(
            node.span,
            format!(
                "`{path}` is not the path of an `.ics` file in the directory of the configuration"
            ),
        );
        return None;
    }
    let text = match read_file(path) {
        Ok(text) => text,
        Err(why) => {
            report.error(node.span, format!("reading `{path}`: {why}"));
            return None;
        }
    };
    match ics::days(&text) {
        Ok(days) => Some(days),
        Err(problems) => {
            for ics::Problem { line, message } in problems {
                report.elsewhere(Problem {
                    file: path.to_owned(),
                    line,
                    column: 1,
                    message,
                    hint: None,
                    length: 0,
                });
            }
            None
        }
    }
}
