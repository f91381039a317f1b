//! Problems and their places.

use std::fmt::Display;

use lamplighter_core::fault;
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

/// Most names that are compared for guesses, so that many mistakes among many names do not take
/// long.
const GUESSES_MAX: usize = 1_000_000;

/// Collects the problems of all files, in any order.
pub(crate) struct Report<'s> {
    sources: Vec<&'s Source>,
    /// Where each line of each source starts.
    line_starts: Vec<Vec<usize>>,
    /// How many more names may be compared for guesses.
    guesses_left: usize,
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
        let line_starts = sources.iter().map(|source| line_starts(&source.text)).collect();
        let (found, elsewhere) = (Vec::new(), Vec::new());
        Report { sources, line_starts, guesses_left: GUESSES_MAX, found, elsewhere }
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
        match self.guess(name, known) {
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
        match self.guess(key, known.iter().map(AsRef::as_ref)) {
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

    fn guess<'k>(
        &mut self,
        name: &str,
        known: impl IntoIterator<Item = &'k str>,
    ) -> Option<&'k str> {
        let left = &mut self.guesses_left;
        nearest(name, known.into_iter().take(*left).inspect(|_| *left -= 1))
    }

    /// Reports what another part of the program says, which may end in a guess of its own, or
    /// in the names that it knows: then the guess is made here.
    pub(crate) fn said(&mut self, at: Span, message: impl Display) {
        let message = message.to_string();
        match message.split_once("; did you mean ") {
            Some((message, meant)) => {
                self.hint(at, message, format_args!("did you mean {meant}"));
            }
            None => self.said_what_is_known(at, &message),
        }
    }

    fn said_what_is_known(&mut self, at: Span, message: &str) {
        let known = message.split_once("; known: ");
        let meant = known.and_then(|(said, known)| {
            let name = said.rsplit('`').nth(1)?;
            self.guess(name, known.split('`').skip(1).step_by(2)).map(|meant| (said, meant))
        });
        match meant {
            Some((said, meant)) => self.hint(at, said, format_args!("did you mean `{meant}`?")),
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
        format!("{}:{}", self.sources[at.file].path, self.line(at) + 1)
    }

    /// The path of a file that is named relative to the directory of another.
    pub(crate) fn beside(&self, at: Span, path: &str) -> String {
        match self.sources[at.file].path.rsplit_once('/') {
            Some((directory, _)) => format!("{directory}/{path}"),
            None => path.to_owned(),
        }
    }

    /// The line on which a place starts, counted from 0.
    fn line(&self, at: Span) -> usize {
        self.line_starts[at.file].partition_point(|start| *start <= at.start) - 1
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
        let mut problems = Vec::new();
        for Found { at, message, hint } in std::mem::take(&mut self.found) {
            let source = self.sources[at.file];
            let line = self.line(at);
            let before = &source.text[self.line_starts[at.file][line]..at.start];
            problems.push(Problem {
                file: source.path.clone(),
                line: line + 1,
                column: before.chars().count() + 1,
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
    fault::shortened(text, 600)
}

/// Where each line of a text starts: the first at 0.
fn line_starts(text: &str) -> Vec<usize> {
    [0].into_iter().chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}
