//! When a task runs.

use std::time::Duration;

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::{Place, TaskName};

/// When a task runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Schedule {
    /// Seconds between occurrences, from the epoch on.
    pub every: u32,
    /// The window over which places start.
    pub spread: Option<Duration>,
}

/// The verdict on every occurrence of a span of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// Occurrences to run now, the oldest first.
    pub run: Vec<Timestamp>,
    /// Occurrences that do not run, the oldest first.
    pub missed: Vec<NotRun>,
}

/// Missed occurrences in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotRun {
    /// The oldest.
    pub first: Timestamp,
    /// The newest.
    pub last: Timestamp,
    /// How many there are.
    pub count: u64,
    /// Why they do not run.
    pub why: &'static str,
}

/// Decides about the occurrences after `since` until `now`.
pub fn due(schedule: &Schedule, since: Timestamp, now: Timestamp) -> Due {
    let step = i64::from(schedule.every.max(1));
    let last = now.as_second() - now.as_second().rem_euclid(step);
    let at = Timestamp::from_second(last).unwrap_or(now);
    Due { run: if at > since { vec![at] } else { Vec::new() }, missed: Vec::new() }
}

/// How long after the occurrence this place starts.
pub fn spread_offset(_task: &TaskName, _place: &Place, _window: Duration) -> Duration {
    Duration::ZERO
}

/// A time zone by its IANA name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zone(String);

impl Zone {
    /// Its rules.
    pub fn rules(&self) -> TimeZone {
        TimeZone::get(&self.0).unwrap_or(TimeZone::UTC)
    }
}

impl Default for Zone {
    fn default() -> Zone {
        Zone("UTC".to_owned())
    }
}
