//! Provisioned capacity: how much a table or an index may do in a second, and how often that may
//! be lowered.
//!
//! Source: DynamoDB Developer Guide, "Service, account, and table quotas in Amazon DynamoDB".

use jiff::{Timestamp, civil::Date, tz::Offset};
use serde::{Deserialize, Serialize};

use super::validation;
use crate::{
    refusal::Refusal,
    wire::time::{epoch, epoch_of},
};

/// The most units of a table, and of an index, for reads and for writes.
pub(crate) const MOST_OF_TABLE: u64 = 40_000;
/// The most units of all tables and indexes of an account in a region.
pub(crate) const MOST_OF_ACCOUNT: u64 = 80_000;
/// Decreases that a day begins with, and the most that are ever left.
const BANKED: u32 = 4;

/// Units of reads and writes in a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Throughput {
    #[serde(rename = "ReadCapacityUnits")]
    pub(crate) reads: u64,
    #[serde(rename = "WriteCapacityUnits")]
    pub(crate) writes: u64,
}

impl Throughput {
    /// Refuses what no table can have.
    pub(crate) fn check(self) -> Result<(), Refusal> {
        if self.reads == 0 || self.writes == 0 {
            return Err(validation(
                "1 validation error detected: Value '0' at 'provisionedThroughput' failed to \
                 satisfy constraint: Member must have value greater than or equal to 1",
            ));
        }
        match self.reads > MOST_OF_TABLE || self.writes > MOST_OF_TABLE {
            true => Err(over_limit(format!(
                "the capacity of one table or index is limited to {MOST_OF_TABLE} units"
            ))),
            false => Ok(()),
        }
    }
}

/// A limit of the account is reached: `LimitExceededException`, which does not go away by itself.
pub(crate) fn over_limit(what: impl std::fmt::Display) -> Refusal {
    Refusal::new("LimitExceededException", format!("Subscriber limit exceeded: {what}"))
}

/// The capacity of a table or an index, and when it was changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Capacity {
    /// Zero on demand.
    pub(crate) now: Throughput,
    increased_at: Option<Timestamp>,
    decreased_at: Option<Timestamp>,
    decreases: Decreases,
}

/// The decreases of one day.
#[derive(Clone, Debug, Default, PartialEq)]
struct Decreases {
    /// The last of them. `None`: there has never been one.
    at: Option<(Date, i8)>,
    today: u32,
    left: u32,
}

impl Decreases {
    /// How many are left: four when the day begins in UTC, and one more with each hour, but
    /// never more than four.
    fn left(&self, (day, hour): (Date, i8)) -> u32 {
        match self.at {
            Some((last, since)) if last == day => {
                BANKED.min(self.left + (hour - since).max(0).unsigned_abs() as u32)
            }
            _ => BANKED,
        }
    }

    fn today(&self, day: Date) -> u32 {
        if self.at.is_some_and(|(last, _)| last == day) { self.today } else { 0 }
    }
}

/// The day and its hour, in UTC.
fn hour(at: Timestamp) -> (Date, i8) {
    let at = Offset::UTC.to_datetime(at);
    (at.date(), at.hour())
}

impl Capacity {
    pub(crate) fn new(now: Throughput) -> Capacity {
        Capacity { now, ..Capacity::default() }
    }

    /// One that was lowered so often on the day of the last time, all of them at that time.
    pub(super) fn lowered(now: Throughput, times: u32, last: Option<Timestamp>) -> Capacity {
        let decreases =
            Decreases { at: last.map(hour), today: times, left: BANKED.saturating_sub(times) };
        Capacity { now, increased_at: None, decreased_at: last, decreases }
    }

    /// Refuses to become `new` where DynamoDB would. `what` is `table` or ``index `…` ``. Lowering
    /// reads and writes at once is one decrease.
    pub(crate) fn check_change(
        &self,
        what: &str,
        new: Throughput,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        new.check()?;
        let old = self.now;
        if new == old {
            return Err(validation(format!(
                "The provisioned throughput for the {what} will not change. The requested value \
                 equals the current value. Current ReadCapacityUnits provisioned for the {what}: \
                 {}. Requested ReadCapacityUnits: {}. Current WriteCapacityUnits provisioned for \
                 the {what}: {}. Requested WriteCapacityUnits: {}. Refer to the Amazon DynamoDB \
                 Developer Guide for current limits and how to request higher limits.",
                old.reads, new.reads, old.writes, new.writes
            )));
        }
        let at = hour(now);
        match new.lowers(old) && self.decreases.left(at) == 0 {
            true => Err(over_limit(format!(
                "Provisioned throughput decreases are limited within a given UTC day: {BANKED}, \
                 and one more in each hour. Number of decreases today of the {what}: {}.",
                self.decreases.today(at.0)
            ))),
            false => Ok(()),
        }
    }

    /// Records that it is going to be `new`.
    pub(crate) fn count_change(&mut self, new: Throughput, now: Timestamp) {
        if new.lowers(self.now) {
            let at = hour(now);
            self.decreases = Decreases {
                at: Some(at),
                today: self.decreases.today(at.0) + 1,
                left: self.decreases.left(at).saturating_sub(1),
            };
            self.decreased_at = Some(now);
        }
        if new.reads > self.now.reads || new.writes > self.now.writes {
            self.increased_at = Some(now);
        }
    }

    /// As an answer shows it.
    pub(crate) fn shown(&self, now: Timestamp) -> Shown {
        Shown {
            increased_at: self.increased_at,
            decreased_at: self.decreased_at,
            decreases: self.decreases.today(hour(now).0),
            now: self.now,
        }
    }
}

impl Throughput {
    fn lowers(self, old: Throughput) -> bool {
        self.reads < old.reads || self.writes < old.writes
    }
}

/// Capacity in an answer.
#[derive(Serialize)]
pub(crate) struct Shown {
    #[serde(
        rename = "LastIncreaseDateTime",
        serialize_with = "epoch_of",
        skip_serializing_if = "Option::is_none"
    )]
    increased_at: Option<Timestamp>,
    #[serde(
        rename = "LastDecreaseDateTime",
        serialize_with = "epoch_of",
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) decreased_at: Option<Timestamp>,
    #[serde(rename = "NumberOfDecreasesToday")]
    pub(super) decreases: u32,
    #[serde(flatten)]
    pub(super) now: Throughput,
}

/// Whether capacity is provisioned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum BillingMode {
    #[default]
    Provisioned,
    PayPerRequest,
}

/// The billing mode in an answer, which has it for tables that have been on demand.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ShownMode {
    pub(crate) billing_mode: BillingMode,
    #[serde(rename = "LastUpdateToPayPerRequestDateTime", serialize_with = "epoch")]
    pub(crate) since: Timestamp,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Lowers a capacity by one at each of these times, and says which of them were allowed.
    fn allowed(times: &[&str]) -> String {
        let mut capacity = Capacity::new(Throughput { reads: 1000, writes: 1000 });
        let lower = |time: &&str| {
            let now = time.parse().unwrap();
            let new = Throughput { reads: capacity.now.reads - 1, ..capacity.now };
            let may = capacity.check_change("table", new, now).is_ok();
            if may {
                capacity.count_change(new, now);
                capacity.now = new;
            }
            if may { 'y' } else { 'n' }
        };
        times.iter().map(lower).collect()
    }

    #[test]
    fn four_decreases_then_one_an_hour() {
        let five = ["2026-03-02T00:00:00Z"; 5];
        assert_eq!(allowed(&five), "yyyyn");
        let late = ["2026-03-02T09:59:00Z"; 5];
        assert_eq!(allowed(&late), "yyyyn");
        let then = ["2026-03-02T10:59:59Z", "2026-03-02T11:00:00Z", "2026-03-02T11:59:59Z"];
        assert_eq!(allowed(&[&late[..], &then].concat()), "yyyynyyn");
        let midnight = ["2026-03-02T23:59:59Z"; 4].into_iter().chain(["2026-03-03T00:00:00Z"; 5]);
        assert_eq!(allowed(&midnight.collect::<Vec<_>>()), "yyyyyyyyn");
    }

    #[test]
    fn never_more_than_four_are_left() {
        let start = ["2026-03-02T00:00:00Z"; 3];
        let later = ["2026-03-02T20:00:00Z"; 5];
        assert_eq!(allowed(&[&start[..], &later].concat()), "yyyyyyyn");
    }

    #[test]
    fn reads_and_writes_in_one_call_are_one_decrease() {
        let now = "2026-03-02T00:00:00Z".parse().unwrap();
        let mut capacity = Capacity::new(Throughput { reads: 10, writes: 10 });
        capacity.count_change(Throughput { reads: 5, writes: 5 }, now);
        assert_eq!(capacity.decreases.today(hour(now).0), 1);
        capacity.count_change(Throughput { reads: 9, writes: 20 }, now);
        assert_eq!(capacity.decreases.today(hour(now).0), 2, "one up and one down is a decrease");
    }

    #[test]
    fn what_does_not_change_is_refused() {
        let now = Timestamp::UNIX_EPOCH;
        let capacity = Capacity::new(Throughput { reads: 5, writes: 6 });
        let check = |reads, writes| {
            capacity.check_change("table", Throughput { reads, writes }, now).map_err(|it| it.code)
        };
        assert_eq!(check(5, 6), Err("ValidationException"));
        assert_eq!(check(0, 6), Err("ValidationException"));
        assert_eq!(check(40_001, 6), Err("LimitExceededException"));
        assert_eq!(check(40_000, 6), Ok(()));
    }

    proptest! {
        #[test]
        fn at_most_27_in_a_day(minutes in prop::collection::vec(0i64..1440, 0..400)) {
            let mut minutes = minutes;
            minutes.sort_unstable();
            let times: Vec<_> = minutes
                .iter()
                .map(|minute| Timestamp::from_second(minute * 60).unwrap().to_string())
                .collect();
            let times: Vec<_> = times.iter().map(String::as_str).collect();
            let answers = allowed(&times);
            prop_assert!(answers.matches('y').count() <= 27);
            // In any one hour not more than were banked and came.
            for hour in 0..24 {
                let in_hour = minutes.iter().zip(answers.chars());
                let count = in_hour.filter(|(at, it)| *at / 60 == hour && *it == 'y').count();
                prop_assert!(count <= 4);
            }
        }
    }
}
