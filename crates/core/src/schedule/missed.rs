//! Which occurrences run now, and which are recorded as missed and why.

use std::{collections::VecDeque, fmt, time::Duration};

use jiff::Timestamp;

use super::{Missed, Schedule};

/// How late an occurrence may be and still count as on time: ticks come once a minute, and a
/// deployment or a restart of the host takes a few.
pub const ON_TIME: Duration = Duration::from_secs(5 * 60);
/// Most occurrences that one call lets run. Older ones are recorded as missed.
pub const RUNS_MAX: usize = 1000;
/// Most missed occurrences that one call records one by one. Older ones share a record.
pub const RECORDS_MAX: usize = 1000;

/// The verdict on every occurrence of a span of time: each is in `run` or counted in `missed`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// Occurrences to run now, the oldest first.
    pub run: Vec<Timestamp>,
    /// Occurrences that do not run, the oldest first.
    pub missed: Vec<NotRun>,
}

/// One missed occurrence, or several in a row that were missed for the same reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotRun {
    /// The oldest.
    pub first: Timestamp,
    /// The newest; the same as `first` when it is one.
    pub last: Timestamp,
    /// How many there are, at least one.
    pub count: u64,
    /// Why they do not run.
    pub why: Why,
}

/// Why an occurrence does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is older than the schedule's `within`.
    TooOld {
        /// How late it may have started.
        within: Duration,
    },
    /// It is not on time, and the schedule says `missed: skip`.
    Skipped,
    /// There is a newer one, and the schedule says `missed: latest`.
    Superseded,
    /// There are more than [`RUNS_MAX`] newer ones to run.
    TooMany,
    /// The task was changed before anything was there to run it.
    Changed,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::TooOld { within } => {
                let within = jiff::fmt::friendly::SpanPrinter::new().unsigned_duration_to_string(within);
                write!(f, "nothing was there to run it, and `within: {within}` has passed")
            }
            Why::Skipped => write!(
                f,
                "nothing was there to run it within {} minutes, and the task says `missed: skip`",
                ON_TIME.as_secs() / 60
            ),
            Why::Superseded => f.write_str(
                "nothing was there to run it, and a newer one is due: the task says `missed: latest`",
            ),
            Why::Changed => f.write_str(
                "nothing was there to run it, and what the task says now it did not say then",
            ),
            Why::TooMany => write!(
                f,
                "nothing was there to run it, and the newest {RUNS_MAX} run: more are not made up for at once"
            ),
        }
    }
}

/// Decides about the occurrences after `since`, up to which everything was decided before, until
/// `now`, itself included. If the clock was set back and `now` is before `since`, there are none.
pub fn due(schedule: &Schedule, since: Timestamp, now: Timestamp) -> Due {
    let (runs_max, beyond) = match schedule.missed {
        Missed::Latest => (1, Why::Superseded),
        Missed::Skip | Missed::All => (RUNS_MAX, Why::TooMany),
    };
    let mut run = VecDeque::new();
    let mut missed = Records::default();
    for at in schedule.occurrences(since, now) {
        let late = now.duration_since(at).unsigned_abs();
        if let Some(within) = schedule.within.filter(|within| late > *within) {
            missed.add(at, Why::TooOld { within });
        } else if schedule.missed == Missed::Skip && late > ON_TIME {
            missed.add(at, Why::Skipped);
        } else {
            run.push_back(at);
            if run.len() > runs_max
                && let Some(oldest) = run.pop_front()
            {
                missed.add(oldest, beyond);
            }
        }
    }
    Due { run: run.into(), missed: missed.finish() }
}

/// The occurrences after `since` until `until`, itself included, when none of them runs.
pub fn none_of(schedule: &Schedule, since: Timestamp, until: Timestamp, why: Why) -> Vec<NotRun> {
    let mut missed = Records::default();
    schedule.occurrences(since, until).for_each(|at| missed.add(at, why));
    missed.finish()
}

/// Missed occurrences in order: the newest one by one, all before them summed up.
#[derive(Default)]
struct Records {
    summed_up: Vec<NotRun>,
    newest: VecDeque<NotRun>,
}

impl Records {
    fn add(&mut self, at: Timestamp, why: Why) {
        self.newest.push_back(NotRun { first: at, last: at, count: 1, why });
        if self.newest.len() > RECORDS_MAX
            && let Some(oldest) = self.newest.pop_front()
        {
            self.sum_up(oldest);
        }
    }

    fn sum_up(&mut self, record: NotRun) {
        match self.summed_up.last_mut() {
            Some(sum) if sum.why == record.why => {
                sum.last = record.last;
                sum.count += record.count;
            }
            _ => self.summed_up.push(record),
        }
    }

    fn finish(mut self) -> Vec<NotRun> {
        self.summed_up.extend(self.newest);
        self.summed_up
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Timing;

    fn schedule(cron: &str, missed: Missed, within: Option<u64>) -> Schedule {
        let timing = Timing::Cron(cron.parse().unwrap());
        let within = within.map(|minutes| Duration::from_secs(minutes * 60));
        Schedule { missed, within, ..Schedule::new(timing, "Europe/Madrid".parse().unwrap()) }
    }

    /// A line for each verdict, in local time: `run DAY HH:MM`, or `FIRST..LAST COUNT WHY`.
    fn lines(schedule: &Schedule, since: &str, now: &str) -> Vec<String> {
        let rules = schedule.time_zone.rules();
        let instant = |text: &str| text.parse::<jiff::civil::DateTime>().unwrap();
        let instant = |text: &str| instant(text).to_zoned(rules.clone()).unwrap().timestamp();
        let shown = |at: Timestamp| at.to_zoned(rules.clone()).strftime("%d %H:%M").to_string();
        let due = due(schedule, instant(since), instant(now));
        let missed = due.missed.iter().map(|it| {
            let why = match it.why {
                Why::TooOld { within } => format!("older than {}m", within.as_secs() / 60),
                other => format!("{other:?}"),
            };
            format!("{}..{} {} {why}", shown(it.first), shown(it.last), it.count)
        });
        missed.chain(due.run.iter().map(|at| format!("run {}", shown(*at)))).collect()
    }

    #[track_caller]
    fn check(schedule: &Schedule, since: &str, now: &str, expected: &[&str]) {
        assert_eq!(lines(schedule, since, now), expected);
    }

    #[test]
    fn what_is_due_on_time_runs_whatever_the_policy() {
        for missed in [Missed::Latest, Missed::Skip, Missed::All] {
            let nightly = schedule("0 2 * * *", missed, None);
            check(&nightly, "2026-11-02T01:59", "2026-11-02T02:00", &["run 02 02:00"]);
            check(&nightly, "2026-11-02T01:58", "2026-11-02T02:00:30", &["run 02 02:00"]);
            check(&nightly, "2026-11-02T01:58", "2026-11-02T02:05", &["run 02 02:00"]);
            check(&nightly, "2026-11-02T02:00", "2026-11-02T02:01", &[]);
        }
    }

    #[test]
    fn latest_runs_the_newest_however_late() {
        let nightly = schedule("0 2 * * *", Missed::Latest, None);
        check(
            &nightly,
            "2026-11-01T12:00",
            "2026-11-04T12:00",
            &["02 02:00..02 02:00 1 Superseded", "03 02:00..03 02:00 1 Superseded", "run 04 02:00"],
        );
    }

    #[test]
    fn skip_runs_nothing_late() {
        let nightly = schedule("0 2 * * *", Missed::Skip, None);
        check(
            &nightly,
            "2026-11-01T12:00",
            "2026-11-03T02:05",
            &["02 02:00..02 02:00 1 Skipped", "run 03 02:00"],
        );
        check(
            &nightly,
            "2026-11-01T12:00",
            "2026-11-03T02:05:01",
            &["02 02:00..02 02:00 1 Skipped", "03 02:00..03 02:00 1 Skipped"],
        );
    }

    #[test]
    fn all_runs_each_in_order() {
        let nightly = schedule("0 2 * * *", Missed::All, None);
        check(
            &nightly,
            "2026-11-01T12:00",
            "2026-11-04T12:00",
            &["run 02 02:00", "run 03 02:00", "run 04 02:00"],
        );
    }

    #[test]
    fn within_bounds_every_policy() {
        let (since, now) = ("2026-11-02T00:00", "2026-11-02T08:00");
        let latest = schedule("0 2,3,7 * * *", Missed::Latest, Some(360));
        check(
            &latest,
            since,
            now,
            &["02 02:00..02 02:00 1 Superseded", "02 03:00..02 03:00 1 Superseded", "run 02 07:00"],
        );
        check(
            &latest,
            since,
            "2026-11-02T08:00:01",
            &[
                "02 02:00..02 02:00 1 older than 360m",
                "02 03:00..02 03:00 1 Superseded",
                "run 02 07:00",
            ],
        );
        check(
            &schedule("0 2,3,7 * * *", Missed::Latest, Some(30)),
            since,
            now,
            &[
                "02 02:00..02 02:00 1 older than 30m",
                "02 03:00..02 03:00 1 older than 30m",
                "02 07:00..02 07:00 1 older than 30m",
            ],
        );
        check(
            &schedule("0 2,3,7 * * *", Missed::All, Some(300)),
            since,
            now,
            &["02 02:00..02 02:00 1 older than 300m", "run 02 03:00", "run 02 07:00"],
        );
        check(
            &schedule("58 7 * * *", Missed::Skip, Some(1)),
            since,
            now,
            &["02 07:58..02 07:58 1 older than 1m"],
        );
    }

    #[test]
    fn a_clock_that_was_set_back_makes_nothing_due() {
        let minutely = schedule("* * * * *", Missed::All, None);
        check(&minutely, "2026-11-02T02:00", "2026-11-02T01:00", &[]);
        check(&minutely, "2026-11-02T02:00", "2026-11-02T02:00", &[]);
    }

    #[test]
    fn a_long_absence_is_summed_up_and_nothing_is_lost() {
        // 4,320 minutes in three days: the newest 1,000 records stand alone.
        let minutely = schedule("* * * * *", Missed::Latest, None);
        let found = lines(&minutely, "2026-11-02T00:00", "2026-11-05T00:00");
        assert_eq!(found.len(), 1 + RECORDS_MAX + 1);
        assert_eq!(found[0], "02 00:01..04 07:19 3319 Superseded");
        assert_eq!(found[1], "04 07:20..04 07:20 1 Superseded");
        assert_eq!(found[RECORDS_MAX..], ["04 23:59..04 23:59 1 Superseded", "run 05 00:00"]);
    }

    #[test]
    fn each_reason_has_a_sum_of_its_own() {
        // A day is made up for: 1,441 minutes with both ends, of which the newest 1,000 run.
        let minutely = schedule("* * * * *", Missed::All, Some(24 * 60));
        let found = lines(&minutely, "2026-11-02T00:00", "2026-11-05T00:00");
        assert_eq!(found.len(), 1 + RECORDS_MAX + RUNS_MAX);
        assert_eq!(found[0], "02 00:01..03 14:40 2320 older than 1440m");
        assert_eq!(found[559], "03 23:59..03 23:59 1 older than 1440m");
        assert_eq!(found[560], "04 00:00..04 00:00 1 TooMany");
        assert_eq!(found[RECORDS_MAX], "04 07:20..04 07:20 1 TooMany");
        assert_eq!(found[RECORDS_MAX + 1], "run 04 07:21");

        let minutely = schedule("* * * * *", Missed::All, Some(2 * 24 * 60));
        let found = lines(&minutely, "2026-10-30T00:00", "2026-11-05T00:00");
        assert_eq!(found.len(), 2 + RECORDS_MAX + RUNS_MAX);
        assert_eq!(found[0], "30 00:01..02 23:59 5759 older than 2880m");
        assert_eq!(found[1], "03 00:00..03 14:40 881 TooMany");
        assert_eq!(found[2], "03 14:41..03 14:41 1 TooMany");
    }

    #[test]
    fn reasons_are_told_in_words() {
        let within = Duration::from_secs(6 * 3600);
        for (why, text) in [
            (Why::TooOld { within }, "nothing was there to run it, and `within: 6h` has passed"),
            (
                Why::Skipped,
                "nothing was there to run it within 5 minutes, and the task says `missed: skip`",
            ),
            (
                Why::Superseded,
                "nothing was there to run it, and a newer one is due: the task says `missed: latest`",
            ),
            (
                Why::TooMany,
                "nothing was there to run it, and the newest 1000 run: more are not made up for at once",
            ),
        ] {
            assert_eq!(why.to_string(), text);
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config {
            failure_persistence: None,
            ..Default::default()
        })]

        #[test]
        fn every_occurrence_gets_one_verdict(
            missed in proptest::sample::select(vec![Missed::Latest, Missed::Skip, Missed::All]),
            cron in proptest::sample::select(vec!["0 2 * * *", "*/7 * * * *", "* * * * *"]),
            within in proptest::option::of(0..3000_u64),
            minutes in 0..3000_i64,
            parts in 1..4_i64,
        ) {
            let schedule = schedule(cron, missed, within);
            let since: Timestamp = "2026-10-24T12:00:00Z".parse().unwrap();
            // However the time is cut into ticks, nothing is left out and nothing comes twice.
            let at = |part| since + jiff::SignedDuration::from_mins(minutes * part);
            let verdicts: u64 = (0..parts)
                .map(|part| due(&schedule, at(part), at(part + 1)))
                .map(|due| due.run.len() as u64 + due.missed.iter().map(|it| it.count).sum::<u64>())
                .sum();
            let occurrences = schedule.occurrences(since, at(parts)).count();
            proptest::prop_assert_eq!(verdicts, occurrences as u64);
        }
    }
}
