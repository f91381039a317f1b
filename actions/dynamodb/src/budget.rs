//! How often capacity may be lowered: four times when a day begins in UTC, and once more with each
//! hour, but never more than four at once. So 27 times in a day, for each table and each index.
//!
//! AWS says how often it was lowered today and when the last time was, and not how many are left.
//! What is reckoned here is the least that can be left, whatever the times before the last were:
//! whoever counts on it is not refused.
//!
//! Source: DynamoDB Developer Guide, "Service, account, and table quotas in Amazon DynamoDB",
//! decreasing provisioned throughput.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use lamplighter_core::cloud::tables::Capacity;

/// Decreases that a day begins with, and the most that are ever left.
pub(crate) const MOST: u32 = 4;
/// One more comes after this.
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// What the decreases of today were.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    today: u32,
    last: Option<Timestamp>,
}

impl Budget {
    /// The budget of a table or an index.
    pub(crate) fn of(capacity: &Capacity) -> Budget {
        Budget { today: capacity.decreases_today, last: capacity.decreased_at }
    }

    /// How many decreases were made on the day of `now`.
    pub(crate) fn made(self, now: Timestamp) -> u32 {
        match self.last {
            Some(last) if midnight(last) != midnight(now) => 0,
            _ => self.today,
        }
    }

    /// How many are left at the least.
    pub(crate) fn left(self, now: Timestamp) -> u32 {
        let unspent = MOST.saturating_sub(self.made(now));
        let hours = self.last.map_or(0, |last| now.duration_since(last).as_hours().max(0));
        MOST.min(unspent.saturating_add(u32::try_from(hours).unwrap_or(MOST)))
    }

    /// The first instant, from `now` on, at which more than `reserve` are left.
    pub(crate) fn beyond(self, reserve: u32, now: Timestamp) -> Timestamp {
        if self.left(now) > reserve {
            return now;
        }
        let missing = (reserve + 1).saturating_sub(MOST.saturating_sub(self.made(now)));
        let hourly = self.last.unwrap_or(now) + HOUR * i32::try_from(missing).unwrap_or(i32::MAX);
        hourly.min(midnight(now)).max(now)
    }

    /// How often it can be lowered from `now` until the day ends, when `reserve` are left to
    /// others and each decrease is made as soon as it can be.
    pub(crate) fn rest_of_day(mut self, reserve: u32, now: Timestamp) -> u32 {
        let (mut now, end) = (now, midnight(now));
        let mut count = 0;
        loop {
            now = self.beyond(reserve, now);
            if now >= end {
                return count;
            }
            self = Budget { today: self.made(now) + 1, last: Some(now) };
            count += 1;
        }
    }
}

/// When the day of an instant ends, in UTC.
pub(crate) fn midnight(at: Timestamp) -> Timestamp {
    let day = at.to_zoned(TimeZone::UTC).date();
    let next = day.tomorrow().and_then(|it| it.to_zoned(TimeZone::UTC));
    next.map_or(Timestamp::MAX, |it| it.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: &str) -> Timestamp {
        format!("2026-03-02T{time}:00Z").parse().unwrap()
    }

    fn budget(today: u32, last: &str) -> Budget {
        Budget { today, last: Some(at(last)) }
    }

    #[track_caller]
    fn check(today: u32, last: &str, now: &str, left: u32) {
        assert_eq!(budget(today, last).left(at(now)), left, "{today} today, {last}, at {now}");
    }

    #[test]
    fn four_then_one_an_hour_and_never_more_than_four() {
        check(1, "05:00", "05:00", 3);
        check(3, "05:00", "05:59", 1);
        check(4, "05:00", "05:00", 0);
        check(4, "05:00", "05:59", 0);
        check(4, "05:00", "06:00", 1);
        check(9, "05:30", "07:29", 1);
        check(9, "05:30", "07:30", 2);
        check(9, "05:30", "23:00", 4);
        check(2, "05:00", "07:00", 4);
    }

    #[test]
    fn a_new_day_begins_with_four() {
        let yesterday = Budget { today: 20, last: Some(at("00:00") - HOUR) };
        assert_eq!((yesterday.left(at("00:00")), yesterday.made(at("00:00"))), (4, 0));
        assert_eq!(Budget { today: 0, last: None }.left(at("00:00")), 4);
    }

    #[track_caller]
    fn check_rest(today: u32, last: &str, reserve: u32, now: &str, expected: u32) {
        let found = budget(today, last).rest_of_day(reserve, at(now));
        assert_eq!(found, expected, "{today} today, {last}, {reserve} kept, at {now}");
    }

    #[test]
    fn a_day_has_27_and_fewer_for_whoever_leaves_some() {
        check_rest(0, "00:00", 0, "00:00", 27);
        check_rest(0, "00:00", 1, "00:00", 15);
        check_rest(0, "00:00", 3, "00:00", 8);
        check_rest(4, "00:00", 0, "00:00", 23);
        check_rest(4, "12:00", 0, "12:20", 11);
        check_rest(3, "12:00", 0, "12:20", 12);
        check_rest(9, "23:30", 0, "23:59", 0);
        assert_eq!(Budget { today: 0, last: None }.rest_of_day(0, at("23:59")), 4);
    }

    #[track_caller]
    fn check_beyond(today: u32, last: &str, reserve: u32, now: &str, expected: &str) {
        let found = budget(today, last).beyond(reserve, at(now));
        assert_eq!(found, at(expected), "{today} today, {last}, {reserve} kept, at {now}");
    }

    #[test]
    fn one_is_waited_for_until_an_hour_after_the_last_or_midnight() {
        check_beyond(3, "05:00", 0, "05:30", "05:30");
        check_beyond(4, "05:00", 0, "05:30", "06:00");
        check_beyond(3, "05:00", 1, "05:30", "06:00");
        check_beyond(4, "05:00", 3, "05:30", "09:00");
        assert_eq!(budget(9, "23:20").beyond(1, at("23:30")), at("23:00") + HOUR, "midnight");
        check_beyond(4, "05:00", 0, "07:00", "07:00");
    }

    #[test]
    fn what_is_waited_for_is_there_then_and_not_before() {
        for today in 0..8 {
            for minutes in (0..24 * 60).step_by(7) {
                for reserve in 0..MOST {
                    let last = at("00:00") + SignedDuration::from_mins(300);
                    let now = last + SignedDuration::from_mins(minutes);
                    let budget = Budget { today, last: Some(last) };
                    let then = budget.beyond(reserve, now);
                    assert!(budget.left(then) > reserve, "{today} {minutes} {reserve}");
                    let before = then - SignedDuration::from_secs(1);
                    assert!(then == now || budget.left(before) <= reserve);
                }
            }
        }
    }
}
