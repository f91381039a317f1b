//! Verdicts for people and as JSON.

use std::{fmt::Write, time::Duration};

use serde_json::{Value, json};

use super::{
    Verdict, Wrong,
    judge::{Diff, Line},
};
use crate::output::printable;

const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const OFF: &str = "\x1b[0m";

/// All verdicts, with terminal colours: what is wrong with those that failed comes after the list
/// of all, and how many there are comes last.
pub(crate) fn as_text(verdicts: &[Verdict], took: Duration) -> String {
    let mut text = String::new();
    let mut file = "";
    for it in verdicts {
        if it.file != file {
            file = &it.file;
            line(&mut text, format_args!("{file}"));
        }
        let name = flat(&it.name);
        match it.bad.is_empty() {
            true => line(&mut text, format_args!("  {GREEN}ok{OFF}    {name}")),
            false => line(&mut text, format_args!("  {RED}FAIL{OFF}  {name}")),
        }
    }
    let failed = verdicts.iter().filter(|it| !it.bad.is_empty());
    for it in failed.clone() {
        let name = flat(&it.name);
        line(&mut text, format_args!("\n{BOLD}{}:{}: {name}{OFF}", it.file, it.line));
        for wrong in &it.bad {
            text.push_str(&wrong_as_text(wrong));
        }
    }
    let failed = failed.count();
    let passed = verdicts.len() - failed;
    let colour = if failed == 0 { GREEN } else { RED };
    let seconds = took.as_secs_f64();
    line(
        &mut text,
        format_args!("\n{colour}{passed} passed, {failed} failed{OFF} in {seconds:.1} s"),
    );
    text
}

/// An expectation that does not hold, with terminal colours.
pub(super) fn wrong_as_text(wrong: &Wrong) -> String {
    let mismatch = &wrong.mismatch;
    let mut text = String::new();
    line(&mut text, format_args!("  line {}: {}", wrong.line, flat(&mismatch.about)));
    match &mismatch.diff {
        Diff::Text { expected, found } => {
            let (expected, found) = (flat(expected), flat(found));
            let (start, end) = difference(&expected, &found);
            let (before, rest) = found.split_at(start);
            let (differs, after) = rest.split_at(end - start);
            line(&mut text, format_args!("    expected: {GREEN}{expected}{OFF}"));
            line(&mut text, format_args!("    found:    {before}{RED}{differs}{OFF}{after}"));
            let (skipped, marks) = (before.chars().count(), differs.chars().count().max(1));
            line(&mut text, format_args!("              {:skipped$}{}", "", "^".repeat(marks)));
        }
        Diff::List(lines) => {
            line(&mut text, format_args!("    expected {GREEN}-{OFF}, found {RED}+{OFF}"));
            for it in lines {
                match it {
                    Line::Both(it) => line(&mut text, format_args!("      {}", flat(it))),
                    Line::Missing(it) => {
                        line(&mut text, format_args!("    {GREEN}- {}{OFF}", flat(it)));
                    }
                    Line::Extra(it) => {
                        line(&mut text, format_args!("    {RED}+ {}{OFF}", flat(it)))
                    }
                }
            }
        }
        Diff::Never(what) => line(&mut text, format_args!("    {RED}{}{OFF}", flat(what))),
    }
    for note in &mismatch.notes {
        line(&mut text, format_args!("    {DIM}{}{OFF}", flat(note)));
    }
    text
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a text does not fail.
    let _ = writeln!(text, "{line}");
}

/// A text on one line, without what could move a terminal's cursor.
fn flat(text: &str) -> String {
    printable(&text.replace('\n', " "))
}

/// The bytes of `found` that are not as expected: whole words, from the first difference before
/// any wildcard to the end, or to the last difference when there is no wildcard.
fn difference(expected: &str, found: &str) -> (usize, usize) {
    let is_wild = |c: char| ['*', '?', '\\'].contains(&c);
    let pairs = expected.chars().zip(found.chars());
    let same = pairs.take_while(|(a, b)| a == b && !is_wild(*a));
    let mut start: usize = same.map(|(c, _)| c.len_utf8()).sum();
    let mut end = found.len();
    if !expected.contains(is_wild) {
        let back = expected[start..].chars().rev().zip(found[start..].chars().rev());
        end -= back.take_while(|(a, b)| a == b).map(|(c, _)| c.len_utf8()).sum::<usize>();
    }
    let is_word = |c: &char| c.is_alphanumeric();
    start -= found[..start].chars().rev().take_while(is_word).map(char::len_utf8).sum::<usize>();
    end += found[end..].chars().take_while(is_word).map(char::len_utf8).sum::<usize>();
    (start, end)
}

/// All verdicts in their stable form.
pub(crate) fn as_json(verdicts: &[Verdict]) -> Value {
    let failed = verdicts.iter().filter(|it| !it.bad.is_empty()).count();
    let tests: Vec<Value> = verdicts.iter().map(verdict_as_json).collect();
    json!({ "passed": verdicts.len() - failed, "failed": failed, "tests": tests })
}

fn verdict_as_json(it: &Verdict) -> Value {
    let bad: Vec<Value> = it.bad.iter().map(wrong_as_json).collect();
    json!({
        "file": it.file,
        "line": it.line,
        "name": it.name,
        "passed": it.bad.is_empty(),
        "mismatches": bad,
    })
}

fn wrong_as_json(wrong: &Wrong) -> Value {
    let mismatch = &wrong.mismatch;
    let mut json = json!({
        "line": wrong.line,
        "key": mismatch.key,
        "about": mismatch.about,
        "notes": mismatch.notes,
    });
    match &mismatch.diff {
        Diff::Text { expected, found } => {
            json["expected"] = json!(expected);
            json["found"] = json!(found);
        }
        Diff::List(lines) => {
            let (mut expected, mut found) = (Vec::new(), Vec::new());
            for line in lines {
                match line {
                    Line::Both(it) => {
                        expected.push(it);
                        found.push(it);
                    }
                    Line::Missing(it) => expected.push(it),
                    Line::Extra(it) => found.push(it),
                }
            }
            json["expected"] = json!(expected);
            json["found"] = json!(found);
        }
        Diff::Never(what) => json["found"] = json!(what),
    }
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expected: &str, found: &str, marked: &str) {
        let (start, end) = difference(expected, found);
        assert_eq!(&found[start..end], marked);
    }

    #[test]
    fn what_differs_is_marked() {
        check("act", "leave: it is managed", "leave: it is managed");
        check("leave: *managed*", "leave: its state is `error`", "its state is `error`");
        check("failed: *denied", "failed: was not found", "was not found");
        check("succeeded", "skipped", "skipped");
        check("7", "5", "5");
        check("17", "15", "15");
        check("a `b` c", "a `d` c", "d");
        check("é-ü", "é-ö", "ö");
        check("é", "", "");
        check("a", "aaa", "aaa");
        check("a a", "a a a", "a a");
        check("", "x", "x");
    }
}
