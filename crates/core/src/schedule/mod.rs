//! When a task runs: cron expressions and intervals in a time zone, what becomes of occurrences that
//! were missed, and how the places of a task spread out. Pure functions of values, `now` among
//! them; the preview, the engine and the `schedule` command all call the same ones.

#[cfg(test)]
mod cases;
mod cron;
mod days;
mod every;
mod field;
mod missed;
mod next;
#[cfg(test)]
mod oracle;
mod parse;
mod spread;
mod zone;

use std::{collections::BTreeSet, time::Duration};

use jiff::{
    SignedDuration, Timestamp, civil::Date,
    fmt::serde::unsigned_duration::friendly::compact::optional,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use cron::Cron;
pub use days::{BadDay, CALENDARS, Days};
pub use every::{BadEvery, Every};
pub use field::{BadCron, Field};
pub use missed::{Due, NotRun, ON_TIME, RECORDS_MAX, RUNS_MAX, Why, due, none_of};
pub use next::Occurrences;
pub use spread::spread_offset;
pub use zone::{UnknownZone, Zone};

/// A set of days. Which instants they cover depends on the zone of the schedule that uses them.
pub type Calendar = BTreeSet<Date>;

/// When a task runs, checked and complete: calendars are resolved to their days. This is the
/// form in which plans and jobs keep it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Schedule {
    /// The instants, before any day is left out.
    pub timing: Timing,
    /// The zone of the cron expression and of the days in `except` and `only`.
    #[serde(default)]
    pub time_zone: Zone,
    /// The window over which places start; see [`spread_offset`].
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional")]
    pub spread: Option<Duration>,
    /// What becomes of occurrences that nothing was there to run.
    #[serde(default)]
    pub missed: Missed,
    /// How late an occurrence may start at most, on time or not. None is for ever.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional")]
    pub within: Option<Duration>,
    /// Days without occurrences.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub except: Calendar,
    /// The only days with occurrences; none is every day, and an empty set no day at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Calendar>,
}

/// What a schedule's instants come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Timing {
    /// Times on the local clock.
    Cron(Cron),
    /// An interval of real time.
    Every(Every),
}

/// What becomes of occurrences that nothing was there to run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Missed {
    /// The newest runs late; those before it do not run.
    #[default]
    Latest,
    /// None runs later than [`ON_TIME`].
    Skip,
    /// All run late, the oldest first, at most [`RUNS_MAX`] at once.
    All,
}

impl Schedule {
    /// The schedule of this timing in this zone, and nothing else asked for.
    pub fn new(timing: Timing, time_zone: Zone) -> Schedule {
        Schedule {
            timing,
            time_zone,
            spread: None,
            missed: Missed::default(),
            within: None,
            except: Calendar::new(),
            only: None,
        }
    }

    /// The first occurrence strictly after `instant`; none if there is no other within
    /// 400 years.
    pub fn after(&self, instant: Timestamp) -> Option<Timestamp> {
        self.upcoming(instant).next()
    }

    /// The occurrences strictly after `instant`, in order; mostly without end.
    pub fn upcoming(&self, instant: Timestamp) -> Occurrences<'_> {
        Occurrences::new(self, instant, Timestamp::MAX)
    }

    /// The occurrences after `after`, itself excluded, to `until`, itself included.
    pub fn occurrences(
        &self,
        after: Timestamp,
        until: Timestamp,
    ) -> impl Iterator<Item = Timestamp> {
        // Nothing is searched for beyond: most ticks ask about a minute in which nothing is due.
        let end = until.saturating_add(SignedDuration::from_secs(1)).unwrap_or(until);
        let asked = (after < until).then(|| Occurrences::new(self, after, end));
        asked.into_iter().flatten().take_while(move |at| *at <= until)
    }

    /// Whether the schedule has occurrences on a day of its zone. The day of an occurrence is the
    /// one that its cron expression meant, even when an offset change moved it into another.
    fn allows(&self, day: Date) -> bool {
        !self.except.contains(&day) && self.only.as_ref().is_none_or(|only| only.contains(&day))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn everything_survives_json() {
        #[track_caller]
        fn check(schedule: &Schedule, expected: serde_json::Value) {
            assert_eq!(serde_json::to_value(schedule).unwrap(), expected);
            assert_eq!(&serde_json::from_value::<Schedule>(expected).unwrap(), schedule);
        }
        let timing = Timing::Cron("0 2 * * MON-FRI".parse().unwrap());
        let plain = Schedule::new(timing, "Europe/Madrid".parse().unwrap());
        check(
            &plain,
            json!({
                "timing": { "cron": "0 2 * * MON-FRI" },
                "time-zone": "Europe/Madrid",
                "missed": "latest",
            }),
        );
        let full = Schedule {
            timing: Timing::Every("1h30m".parse().unwrap()),
            spread: Some(Duration::from_secs(1200)),
            missed: Missed::All,
            within: Some(Duration::from_secs(86_400)),
            except: ["2027-01-01", "2026-12-25"].map(|day| day.parse().unwrap()).into(),
            only: Some(Calendar::new()),
            ..plain
        };
        check(
            &full,
            json!({
                "timing": { "every": "1h30m" },
                "time-zone": "Europe/Madrid",
                "spread": "20m",
                "missed": "all",
                "within": "24h",
                "except": ["2026-12-25", "2027-01-01"],
                "only": [],
            }),
        );
    }

    #[test]
    fn what_stands_in_yaml_is_text_to_an_editor() {
        for schema in
            [schemars::schema_for!(Cron), schemars::schema_for!(Every), schemars::schema_for!(Zone)]
        {
            assert_eq!(schema.get("type"), Some(&json!("string")), "{schema:?}");
        }
    }

    #[test]
    fn a_record_with_a_mistake_is_refused() {
        for (json, error) in [
            (
                json!({ "timing": { "cron": "0 0 30 2 *" } }),
                "day-of-month field at offset 4: expected a day that the given months can have \
                 (this never fires), found `30`",
            ),
            (
                json!({ "timing": { "every": "1h" }, "time-zone": "Europe/Madrit" }),
                "`Europe/Madrit` is not a time zone of the IANA database; did you mean \
                 `Europe/Madrid`?",
            ),
        ] {
            assert_eq!(serde_json::from_value::<Schedule>(json).unwrap_err().to_string(), error);
        }
        let unknown = json!({ "timing": { "every": "1h" }, "timezone": "UTC" });
        assert!(serde_json::from_value::<Schedule>(unknown).is_err());
    }

    #[test]
    fn spans_exclude_their_start_and_include_their_end() {
        let hourly = Schedule::new(Timing::Every("1h".parse().unwrap()), Zone::UTC);
        let at = |hour: i64| Timestamp::from_second(hour * 3600).unwrap();
        let found: Vec<Timestamp> = hourly.occurrences(at(1), at(3)).collect();
        assert_eq!(found, [at(2), at(3)]);
        assert_eq!(hourly.after(at(3)), Some(at(4)));
        assert_eq!(hourly.occurrences(at(3), at(1)).count(), 0);
    }
}
