//! Reading a file of task tests: checked cases, or every problem with its place.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use lamplighter_config::{
    Config, Problem, Source,
    yaml::{self, Places},
};
use lamplighter_core::{TaskName, action::BadParams};
use lamplighter_simulator::{
    Fleet, Rule, Rules,
    words::{Instant, OneOrMore},
};

use crate::stage::with_accounts;

use super::words::{Expect, File, FleetWords, Test};

/// When tests begin that do not say it: a Monday.
const BEGIN: Timestamp = Timestamp::constant(1_772_409_600, 0);
/// When tests may begin: in the years for which calendars hold.
const YEARS: std::ops::RangeInclusive<i16> = 1970..=2100;
/// The longest test.
const LONGEST: SignedDuration = SignedDuration::from_hours(10 * 366 * 24);
/// How long the journal remembers a job that has closed.
const HISTORY: SignedDuration = SignedDuration::from_hours(90 * 24);

/// A test that can be run.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// What it shows.
    pub(crate) name: String,
    /// Its line in the file.
    pub(crate) line: usize,
    /// What it says.
    pub(crate) test: Test,
    /// What is in its organization.
    pub(crate) fleet: Fleet,
    /// When it begins.
    pub(crate) begin: Timestamp,
}

/// What is wrong with a file, and with the fleet files that it names.
#[derive(Debug)]
pub(crate) struct Problems {
    pub(crate) problems: Vec<Problem>,
    /// The fleet files that they are in.
    pub(crate) sources: Vec<Source>,
}

/// Reads a file of a path beside the file that names it.
pub(crate) type ReadBeside<'r> = &'r dyn Fn(&str) -> Result<Source, String>;

/// Reads a file of tests for the tasks of a configuration. The tests are in the order of the file.
pub(crate) fn read(
    source: &Source,
    config: &Config,
    read_beside: ReadBeside<'_>,
) -> Result<Vec<Case>, Problems> {
    let mut fleets = Fleets { config, read_beside, files: BTreeMap::new(), bad: None };
    let file = yaml::read(source, |file| fleets.check(file));
    let file: File = match (file, fleets.bad.take()) {
        (Ok(file), None) => file,
        (Ok(_), Some(bad)) => return Err(bad),
        (Err(problems), None) => return Err(Problems { problems, sources: Vec::new() }),
        (Err(mut problems), Some(bad)) => {
            problems.extend(bad.problems);
            return Err(Problems { problems, sources: bad.sources });
        }
    };
    let places = Places::of(source);
    let line = |name: &str| places.as_ref().map_or(1, |it| it.line(&["tests", name]));
    let mut cases: Vec<Case> = Vec::new();
    for (name, test) in file.tests {
        let Some(fleet) = fleets.of(test.fleet.as_ref().or(file.fleet.as_ref())) else { continue };
        let begin = begin(&test, Some(&fleet));
        cases.push(Case { line: line(&name), name, test, fleet, begin });
    }
    cases.sort_by_key(|case| case.line);
    Ok(cases)
}

fn begin(test: &Test, fleet: Option<&Fleet>) -> Timestamp {
    test.begin.or(fleet.and_then(|it| it.begin)).map_or(BEGIN, |it| it.0)
}

/// The fleets of a file.
struct Fleets<'r> {
    config: &'r Config,
    read_beside: ReadBeside<'r>,
    /// What the fleet files say, by their paths.
    files: BTreeMap<String, Fleet>,
    /// What is wrong with fleet files.
    bad: Option<Problems>,
}

impl Fleets<'_> {
    /// What is wrong with a file that could be read.
    fn check(&mut self, file: &File) -> Vec<BadParams> {
        let mut found = Vec::new();
        if file.tests.is_empty() {
            say(&mut found, "tests", "there is no test");
        }
        if let Some(words) = &file.fleet {
            self.check_fleet(words, "", &mut found);
        }
        for (name, test) in &file.tests {
            let path = format!("tests.{name}");
            let words = test.fleet.as_ref().or(file.fleet.as_ref());
            if let Some(words) = &test.fleet {
                self.check_fleet(words, &format!("{path}."), &mut found);
            } else if words.is_none() {
                say(&mut found, &path, "a test needs a `fleet`: its own, or that of its file");
            }
            let begin = begin(test, self.of(words).as_ref());
            let mut check = Check { path, begin, config: self.config, found: &mut found };
            check.test(test);
        }
        found
    }

    fn check_fleet(&mut self, words: &FleetWords, prefix: &str, found: &mut Vec<BadParams>) {
        match words {
            FleetWords::Here(fleet) => {
                let bad = with_accounts(fleet, self.config).check();
                found.extend(bad.into_iter().map(|it| BadParams {
                    path: format!("{prefix}fleet.{}", it.path),
                    message: it.message,
                }));
            }
            FleetWords::Path(path) => {
                if let Err(message) = self.read(path) {
                    say(found, &format!("{prefix}fleet"), message);
                }
            }
        }
    }

    /// Reads a fleet file, once.
    fn read(&mut self, path: &str) -> Result<(), String> {
        if self.files.contains_key(path) {
            return Ok(());
        }
        let source = (self.read_beside)(path)?;
        let config = self.config;
        match yaml::read::<Fleet>(&source, |fleet| with_accounts(fleet, config).check()) {
            Ok(fleet) => drop(self.files.insert(path.to_owned(), fleet)),
            Err(problems) => {
                let nothing = || Problems { problems: Vec::new(), sources: Vec::new() };
                let bad = self.bad.get_or_insert_with(nothing);
                if bad.sources.iter().all(|it| it.path != source.path) {
                    bad.problems.extend(problems);
                    bad.sources.push(source);
                }
            }
        }
        Ok(())
    }

    fn of(&self, words: Option<&FleetWords>) -> Option<Fleet> {
        let fleet = match words? {
            FleetWords::Path(path) => self.files.get(path)?,
            FleetWords::Here(fleet) => fleet,
        };
        Some(with_accounts(fleet, self.config))
    }
}

/// Says what is wrong with one test.
struct Check<'c> {
    path: String,
    begin: Timestamp,
    config: &'c Config,
    found: &'c mut Vec<BadParams>,
}

impl Check<'_> {
    fn test(&mut self, test: &Test) {
        let does = [
            ("plan", test.plan.is_some()),
            ("run", test.run.is_some()),
            ("until", test.until.is_some()),
        ];
        let does: Vec<&str> = does.iter().filter(|(_, is)| *is).map(|(key, _)| *key).collect();
        match does.as_slice() {
            [_] => {}
            [] => self.say("", "a test does something: `plan`, `run` or `until`"),
            [one, other, ..] => {
                self.say(other, format!("a test does one thing, and this one has `{one}` already"));
            }
        }
        if let Some(task) = &test.plan {
            self.task(task, "plan");
        }
        for task in test.run.iter().flat_map(OneOrMore::iter) {
            self.task(task, "run");
            let found = self.config.tasks.iter().find(|it| it.order.task == *task);
            if found.is_some_and(|it| !it.enabled) {
                self.say("run", format!("task `{task}` says `enabled: false`"));
            }
        }
        let begin = self.begin;
        let year = begin.to_zoned(TimeZone::UTC).year();
        if !YEARS.contains(&year) {
            self.say("begin", format!("it begins in {year}: the clock goes from 1970 to 2100"));
        }
        let lasts = test.until.map(|it| it.0.duration_since(begin));
        if let Some(Instant(until)) = test.until.filter(|it| it.0 <= begin) {
            self.say("until", format!("it ends at {until}, and begins at {begin}"));
        } else if lasts.is_some_and(|it| it > LONGEST) {
            self.say("until", "a test takes ten years at most");
        }
        for (index, crash) in test.crash.iter().enumerate() {
            let key = format!("crash[{index}]");
            match (&crash.after, &crash.call) {
                _ if test.plan.is_some() => {
                    self.say(&key, "`crash` goes with `run` or `until`: nobody works on a plan");
                }
                (Some(after), None) if lasts.is_some_and(|lasts| after.0 >= lasts) => {
                    self.say(&format!("{key}.after"), "the test has ended by then");
                }
                (None, Some(call)) => self.call(call, format!("{key}.call")),
                (Some(_), None) => {}
                _ => self.say(&key, "a crash is either `after` a time or right after a `call`"),
            }
        }
        self.events(test, lasts);
        let rules = Rules { faults: test.faults.clone(), ..Rules::default() };
        for bad in rules.check() {
            self.say(&bad.path, bad.message);
        }
        self.expect(&test.expect, test);
    }

    fn events(&mut self, test: &Test, lasts: Option<SignedDuration>) {
        for (index, happening) in test.events.iter().enumerate() {
            let key = format!("events[{index}]");
            if test.until.is_none() {
                self.say(&key, "`events` go with `until`: otherwise nothing starts by itself");
            } else if happening.after.is_some_and(|it| lasts.is_some_and(|lasts| it.0 >= lasts)) {
                self.say(&format!("{key}.after"), "the test has ended by then");
            } else if let Err(bad) = happening.event(self.begin, index) {
                self.say(&key, bad.to_string());
            }
        }
    }

    fn expect(&mut self, expect: &Expect, test: &Test) {
        if expect.is_empty() {
            return self.say("expect", "nothing is expected: such a test tests nothing");
        }
        let of_jobs = [
            ("jobs", !expect.jobs.is_empty()),
            ("runs", !expect.runs.is_empty()),
            ("missed", expect.missed.is_some()),
        ];
        let of_effects = [
            ("created", expect.created.is_some()),
            ("deleted", expect.deleted.is_some()),
            ("kept", !expect.kept.is_empty()),
        ];
        if test.plan.is_some() {
            for (key, _) in of_jobs.iter().chain(&of_effects).filter(|(_, is)| *is) {
                let why = "a plan does nothing";
                self.say(
                    &format!("expect.{key}"),
                    format!("`{key}` goes with `run` or `until`: {why}"),
                );
            }
        } else if !expect.verdicts.is_empty() {
            let why = "what is done shows in `jobs`";
            self.say("expect.verdicts", format!("`verdicts` goes with `plan`: {why}"));
        }
        if test.until.is_some_and(|it| it.0.duration_since(self.begin) > HISTORY) {
            for (key, _) in of_jobs.iter().filter(|(_, is)| *is) {
                let message = "jobs are remembered for 90 days, and this test takes longer";
                self.say(&format!("expect.{key}"), message);
            }
        }
        for task in expect.runs.keys() {
            self.task(task, &format!("expect.runs.{task}"));
        }
        for call in expect.calls.keys() {
            self.call(call, format!("expect.calls.{call}"));
        }
    }

    fn task(&mut self, task: &TaskName, key: &str) {
        let names = || self.config.tasks.iter().map(|it| &it.order.task);
        if !names().any(|it| it == task) {
            let known: Vec<String> = names().map(|it| format!("`{it}`")).collect();
            let message = format!("there is no task `{task}`; known: {}", known.join(", "));
            self.say(key, message);
        }
    }

    /// An operation that does not exist is never called: nobody would notice the mistake.
    fn call(&mut self, call: &str, key: String) {
        let Some((service, operation)) = call.split_once(':') else {
            let example = "such as `ec2:CreateSnapshot`";
            return self
                .say(&key, format!("`{call}` is not a service and an operation, {example}"));
        };
        let one = |text: &str| Some(OneOrMore::one(text.to_owned()));
        let rule =
            Rule { service: one(service), action: one(operation), drop: true, ..Rule::default() };
        for bad in (Rules { faults: vec![rule], ..Rules::default() }).check() {
            self.say(&key, bad.message);
        }
    }

    fn say(&mut self, key: &str, message: impl Into<String>) {
        let dot = if key.is_empty() { "" } else { "." };
        say(self.found, &format!("{}{dot}{key}", self.path), message);
    }
}

fn say(found: &mut Vec<BadParams>, path: &str, message: impl Into<String>) {
    found.push(BadParams { path: path.to_owned(), message: message.into() });
}
