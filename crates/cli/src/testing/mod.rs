//! Tests of tasks, offline: a file says what is in a simulated organization and what the engine
//! is expected to do there.
//!
//! A file is [read](read) into cases, a case is [performed](perform) by the engine itself in
//! virtual time, what became of it is [judged](judge) by a pure function, and the verdicts are
//! [shown](show) to people, or as [JUnit](junit) to whatever runs the tests.

mod found;
mod judge;
mod junit;
mod pairs;
mod perform;
mod read;
mod show;
mod words;

use std::{
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use lamplighter_config::{Config, Source, yaml::Places};
use serde_json::Value;

use self::{judge::Mismatch, read::Case};
pub(crate) use self::{
    junit::junit,
    read::{Problems, ReadBeside},
    show::{as_json, as_text},
};
use crate::exit::Failure;

/// The ending of files with tests of tasks.
pub(crate) const ENDING: &str = ".test.yaml";

/// The tests of a file.
#[derive(Debug)]
pub(crate) struct Suite {
    source: Source,
    cases: Vec<Case>,
}

/// One test, and how it ended.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    /// The file.
    pub(crate) file: String,
    /// The line of the test in it.
    pub(crate) line: usize,
    /// What the test shows.
    pub(crate) name: String,
    /// What is not as it was expected. The test has passed when there is nothing.
    pub(crate) bad: Vec<Wrong>,
    /// How long it took, in real time.
    pub(crate) took: Duration,
}

/// An expectation that does not hold, and its line.
#[derive(Clone, Debug)]
pub(crate) struct Wrong {
    pub(crate) line: usize,
    pub(crate) mismatch: Mismatch,
}

impl Suite {
    /// Reads a file of tests.
    pub(crate) fn read(
        source: Source,
        config: &Config,
        read_beside: ReadBeside<'_>,
    ) -> Result<Suite, Problems> {
        match read::read(&source, config, read_beside) {
            Ok(cases) => Ok(Suite { source, cases }),
            Err(mut problems) => {
                problems.sources.push(source);
                Err(problems)
            }
        }
    }

    /// Leaves out the tests that have not this text in their name.
    pub(crate) fn filter(&mut self, text: &str) {
        self.cases.retain(|case| case.name.contains(text));
    }

    /// How many tests there are.
    pub(crate) fn len(&self) -> usize {
        self.cases.len()
    }

    fn run(&self, case: &Case, config: &Config) -> Result<Verdict, Failure> {
        let begun = Instant::now();
        let found = perform::perform(case, config)?;
        let places = Places::of(&self.source);
        let wrong = |mismatch: Mismatch| {
            let above: &[&str] = match mismatch.key.first().map(String::as_str) {
                None | Some("faults") => &["tests", &case.name],
                Some(_) => &["tests", &case.name, "expect"],
            };
            let steps: Vec<&str> =
                above.iter().copied().chain(mismatch.key.iter().map(String::as_str)).collect();
            Wrong { line: places.as_ref().map_or(case.line, |it| it.line(&steps)), mismatch }
        };
        let bad = judge::judge(&case.test.expect, &found).into_iter().map(wrong);
        let mut bad: Vec<Wrong> = bad.collect();
        bad.sort_by_key(|it| it.line);
        Ok(Verdict {
            file: self.source.path.clone(),
            line: case.line,
            name: case.name.clone(),
            bad,
            took: begun.elapsed(),
        })
    }
}

/// Runs all tests, as many at a time as there are processors. The verdicts are in the order of
/// the files and of the tests in them.
pub(crate) fn run(suites: &[Suite], config: &Config) -> Result<Vec<Verdict>, Failure> {
    let all: Vec<(&Suite, &Case)> =
        suites.iter().flat_map(|suite| suite.cases.iter().map(move |case| (suite, case))).collect();
    let next = AtomicUsize::new(0);
    let verdicts = Mutex::new(Vec::new());
    let work = || {
        while let Some((index, (suite, case))) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            all.get(index).map(|it| (index, it))
        } {
            let verdict = suite.run(case, config);
            let mut verdicts = verdicts.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            verdicts.push((index, verdict));
        }
    };
    let workers = thread::available_parallelism().map_or(1, usize::from).min(all.len());
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(work);
        }
    });
    let mut verdicts = verdicts.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    verdicts.sort_by_key(|(index, _)| *index);
    verdicts.into_iter().map(|(_, verdict)| verdict).collect()
}

/// A JSON Schema of files with tests, for editors.
pub(crate) fn schema() -> Value {
    let mut schema = lamplighter_config::yaml::schema::<words::File>();
    schema["title"] = "Lamplighter task tests".into();
    schema
}

/// Whether a file is one of tests, by its name.
pub(crate) fn is_test_file(path: &Path) -> bool {
    path.file_name()
        .and_then(|name| name.to_str())
        .is_some_and(|name| name.ends_with(ENDING) || name.ends_with(".test.yml"))
}

#[cfg(test)]
mod tests;
