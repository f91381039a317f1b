//! What people and programs read.

use std::{
    io::{self, BufWriter, IsTerminal, Write},
    ops::Range,
};

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, presets};
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;
use tracing_subscriber::{EnvFilter, fmt};

use crate::exit::Failure;

/// Logs go to standard error: as text on a terminal, as JSON otherwise. What a host does is
/// seen in them only.
pub(crate) fn init_logs(verbose: u8, is_host: bool) {
    // What a target begins with decides: `lamplighter` is every crate of ours.
    let default = match verbose {
        0 if !is_host => "error",
        0 | 1 => "lamplighter=info,warn",
        _ => "lamplighter=debug,info",
    };
    let filter =
        EnvFilter::try_from_env("LAMPLIGHTER_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let logs = fmt().with_env_filter(filter).with_writer(io::stderr);
    // Only one subscriber is ever set: this is the first.
    if io::stderr().is_terminal() {
        let _ = logs.with_target(false).try_init();
    } else {
        let _ = logs.json().flatten_event(true).try_init();
    }
}

/// Prints text to standard output. A reader that went away is not an error.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    printed(|out| write!(out, "{text}{end}"))
}

/// Prints JSON to standard output. It may be long, and is never here as a whole.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    printed(|out| {
        let mut out = BufWriter::new(out);
        serde_json::to_writer_pretty(&mut out, value)?;
        writeln!(out)?;
        out.flush()
    })
}

fn printed(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::io("writing to standard output", &error))
        }
        _ => Ok(()),
    }
}

/// Prints a line to standard error.
pub(crate) fn note(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// Prints an error to standard error.
pub(crate) fn error(text: &str) {
    let (red, off) = ("\x1b[1;31m", "\x1b[0m");
    let _ = writeln!(anstream::stderr().lock(), "{red}error{off}: {text}");
}

/// A table for people, as wide as the terminal.
pub(crate) fn table(headings: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    shown(headings, rows, |_| {})
}

fn shown(
    headings: &[&str],
    rows: impl IntoIterator<Item = Vec<String>>,
    style: impl FnOnce(&mut Table),
) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(headings.iter().map(|text| text.to_uppercase()));
    for row in rows {
        // Names and messages come from other people's accounts: no control characters.
        table.add_row(row.iter().map(|cell| printable(cell)));
    }
    // Only the last column, which is the long one, is broken into lines.
    for column in table.column_iter_mut().take(headings.len().saturating_sub(1)) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    style(&mut table);
    let text = table.to_string();
    text.lines().map(str::trim_end).map(|line| format!("{line}\n")).collect()
}

/// A table for people, of which these columns are numbers.
pub(crate) fn figures(
    headings: &[&str],
    numbers: Range<usize>,
    rows: impl IntoIterator<Item = Vec<String>>,
) -> String {
    shown(headings, rows, |table| {
        for column in table.column_iter_mut().take(numbers.end).skip(numbers.start) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    })
}

/// A heading above some lines.
pub(crate) fn heading(text: &str) -> String {
    format!("\x1b[1m{text}\x1b[0m")
}

/// What is less important than the rest of its line.
pub(crate) fn dim(text: &str) -> String {
    format!("\x1b[2m{text}\x1b[0m")
}

/// What went well.
pub(crate) fn good(text: &str) -> String {
    format!("\x1b[32m{text}\x1b[0m")
}

/// What one should look at.
pub(crate) fn warning(text: &str) -> String {
    format!("\x1b[33m{text}\x1b[0m")
}

/// An instant to the second, for people.
pub(crate) fn time(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// The text without what could move a terminal's cursor.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_shows_no_control_characters() {
        let text = table(&["name"], [vec!["a\x1b[31mb".to_owned()]]);
        assert_eq!(text, " NAME\n a\u{fffd}[31mb\n");
    }
}
