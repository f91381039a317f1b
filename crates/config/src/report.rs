//! Problems and their places.

use std::fmt::Display;

use serde::Serialize;
use serde_json::{Value, json};

use crate::{Source, node::Span, object::enumerate, suggest::nearest};

/// Something in the configuration that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The character in the line, counted from 1.
    pub column: usize,
    /// What is wrong and what was expected.
    pub message: String,
    /// What was probably meant, or what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// How many bytes of the file the problem is about, for pictures.
    #[serde(skip)]
    pub(crate) length: usize,
}

/// The problems as `check --json` prints them.
pub fn to_json(problems: &[Problem]) -> Value {
    json!({ "problems": problems })
}

/// Collects the problems of all files, in any order.
pub(crate) struct Report<'s> {
    sources: Vec<&'s Source>,
    found: Vec<Found>,
    elsewhere: Vec<Problem>,
}

/// A problem before its place was counted in lines.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Found {
    at: Span,
    message: String,
    hint: Option<String>,
}

impl<'s> Report<'s> {
    pub(crate) fn new(sources: Vec<&'s Source>) -> Report<'s> {
        Report { sources, found: Vec::new(), elsewhere: Vec::new() }
    }

    /// Reports a problem.
    pub(crate) fn error(&mut self, at: Span, message: impl Display) {
        self.found.push(Found { at, message: shortened(message), hint: None });
    }

    /// Reports a problem and what to do about it.
    pub(crate) fn hint(&mut self, at: Span, message: impl Display, hint: impl Display) {
        let hint = Some(shortened(hint));
        self.found.push(Found { at, message: shortened(message), hint });
    }

    /// Reports a name that is not one of the known, and the most similar one of those.
    pub(crate) fn unknown<'k>(
        &mut self,
        at: Span,
        message: impl Display,
        name: &str,
        known: impl IntoIterator<Item = &'k str>,
    ) {
        match nearest(name, known) {
            Some(meant) => self.hint(at, message, format_args!("did you mean `{meant}`?")),
            None => self.error(at, message),
        }
    }

    /// Reports a key that is not one of the known: the most similar one, or else all of them.
    pub(crate) fn unknown_key<K: AsRef<str>>(
        &mut self,
        at: Span,
        message: &str,
        key: &str,
        known: &[K],
    ) {
        match nearest(key, known.iter().map(AsRef::as_ref)) {
            Some(meant) => {
                self.hint(
                    at,
                    format_args!("{message} `{key}`"),
                    format_args!("did you mean `{meant}`?"),
                );
            }
            None => self.error(at, format_args!("{message} `{key}`; known: {}", enumerate(known))),
        }
    }

    /// Reports what another part of the program says, which may end in a guess of its own.
    pub(crate) fn said(&mut self, at: Span, message: impl Display) {
        let message = message.to_string();
        match message.split_once("; did you mean ") {
            Some((message, meant)) => {
                self.hint(at, message, format_args!("did you mean {meant}"));
            }
            None => self.error(at, message),
        }
    }

    /// Reports a problem in a file that is not among the sources.
    pub(crate) fn elsewhere(&mut self, problem: Problem) {
        self.elsewhere.push(problem);
    }

    /// The text at a place, as it is written.
    pub(crate) fn text(&self, at: Span) -> &'s str {
        self.sources.get(at.file).and_then(|it| it.text.get(at.range())).unwrap_or_default()
    }

    /// A place as `file:line`.
    pub(crate) fn place(&self, at: Span) -> String {
        let source = &self.sources[at.file];
        format!("{}:{}", source.path, Position::of(&source.text, at.start).line)
    }

    /// Whether nothing was reported.
    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty() && self.elsewhere.is_empty()
    }

    /// All problems, in the order of the files and places, each once.
    pub(crate) fn into_problems(mut self) -> Vec<Problem> {
        self.found.sort();
        // What stands behind an anchor is read once for every alias.
        self.found.dedup();
        let mut problems: Vec<Problem> = Vec::new();
        let (mut file, mut known) = (usize::MAX, Position::default());
        for Found { at, message, hint } in self.found {
            if at.file != file {
                (file, known) = (at.file, Position::default());
            }
            let source = &self.sources[at.file];
            known = known.on(&source.text, at.start);
            problems.push(Problem {
                file: source.path.clone(),
                line: known.line,
                column: source.text[known.line_start..at.start].chars().count() + 1,
                message,
                hint,
                length: at.end - at.start,
            });
        }
        self.elsewhere.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
        self.elsewhere.dedup();
        problems.extend(self.elsewhere);
        problems
    }
}

/// A text of bearable length: it may quote a value of any.
fn shortened(text: impl Display) -> String {
    const LENGTH_MAX: usize = 600;
    let mut text = text.to_string();
    if text.len() > LENGTH_MAX {
        text.truncate(text.floor_char_boundary(LENGTH_MAX));
        text.push('…');
    }
    text
}

/// A line of a text.
#[derive(Clone, Copy)]
struct Position {
    line: usize,
    line_start: usize,
}

impl Default for Position {
    fn default() -> Position {
        Position { line: 1, line_start: 0 }
    }
}

impl Position {
    /// The line of a byte of the text.
    fn of(text: &str, byte: usize) -> Position {
        Position::default().on(text, byte)
    }

    /// The line of a byte behind the start of this line.
    fn on(self, text: &str, byte: usize) -> Position {
        let between = &text.as_bytes()[self.line_start..byte];
        let breaks = between.iter().filter(|byte| **byte == b'\n').count();
        let last = between.iter().rposition(|byte| *byte == b'\n');
        let line_start = last.map_or(self.line_start, |at| self.line_start + at + 1);
        Position { line: self.line + breaks, line_start }
    }
}
