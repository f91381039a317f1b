//! A cron expression as sets of values, and the search for the next local time in them.
//! Knows nothing of time zones: see `next.rs`.

use std::{fmt, str::FromStr};

use jiff::civil::{Date, DateTime, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{field::BadCron, parse};

/// Years after which the Gregorian calendar repeats, weekdays included: what does not fire in
/// that time never will.
pub(super) const CALENDAR_CYCLE: i16 = 400;

/// Days 0, 7, 14, 21 and 28 of a month that began on day 0.
const WEEKLY: u32 = 1 | 1 << 7 | 1 << 14 | 1 << 21 | 1 << 28;

/// A cron expression of five fields: minute, hour, day of month, month, day of week.
///
/// Fields take `*`, lists, ranges, steps on `*` or a range, and names of months and weekdays in
/// either case. Sunday is 0 or 7. The day fields also take `?` (the same as `*`); the day of month
/// takes `L` (the last day), `L-3` (three days before it), `15W` (the working day nearest to
/// the 15th, in the same month) and `LW` (the last working day); the day of week takes
/// `5#2` (the second Friday) and `5L` (the last Friday). `@hourly`, `@daily`, `@midnight`,
/// `@weekly`, `@monthly`, `@yearly` and `@annually` stand for whole expressions.
///
/// As in Vixie cron, a day must match both day fields if one of them begins with `*`, and
/// either of them if both are restricted. A `+` before the day of week asks for both.
///
/// When the zone's offset changes, an expression whose minute or hour field begins with `*` follows
/// real time: it does not run in the hour that is left out, and runs twice in the one that is
/// repeated. Any other runs once for each of its times: right after the gap, or the first time.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct Cron {
    pub(super) text: String,
    // Each set has the bit `n` for the value `n`.
    pub(super) minutes: u64,
    pub(super) hours: u32,
    pub(super) months: u16,
    pub(super) days_of_month: DaysOfMonth,
    pub(super) days_of_week: DaysOfWeek,
    pub(super) combine: Combine,
    pub(super) pace: Pace,
}

/// What an offset change does to an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Pace {
    /// Hour and minute are fixed: the job is done once for each time on the clock.
    WallClock,
    /// The hour or the minute field begins with `*`: the job recurs as real time passes.
    RealTime,
}

/// How the two day fields make one set of days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Combine {
    Either,
    Both,
}

/// What the day-of-month field asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct DaysOfMonth {
    /// Days by number.
    pub(super) exact: u32,
    /// `nW`: days whose nearest working day is meant.
    pub(super) nearest_workday: u32,
    /// `L-n`, and `L` as bit 0.
    pub(super) before_last: u32,
    /// `LW`.
    pub(super) last_workday: bool,
}

/// What the day-of-week field asks for; Sunday is bit 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct DaysOfWeek {
    pub(super) every: u8,
    /// `d#n` at index `n - 1`.
    pub(super) nth: [u8; 5],
    /// `dL`.
    pub(super) last: u8,
}

impl Cron {
    /// Whether there is any day at all on which the expression fires.
    pub(super) fn ever_fires(&self) -> bool {
        let years = 2000..2000 + CALENDAR_CYCLE;
        years.into_iter().any(|year| (1..=12).any(|month| self.days(year, month) != 0))
    }

    /// Whether the expression fires on a day at all.
    pub(crate) fn fires_on(&self, day: Date) -> bool {
        self.days(day.year(), day.month()) & 1 << day.day() != 0
    }

    /// The first local time of the expression in `from..until`, on a day that `allows` accepts.
    pub(super) fn first(
        &self,
        from: DateTime,
        until: DateTime,
        allows: impl Fn(Date) -> bool,
    ) -> Option<DateTime> {
        let (mut year, mut month) = (from.year(), from.month());
        let mut ahead = u32::MAX << from.day();
        while (year, month) <= (until.year(), until.month()) {
            for day in values(self.days(year, month) & ahead) {
                let date = Date::new(year, month, day as i8).ok()?;
                let start = if date == from.date() { from.time() } else { Time::midnight() };
                if !allows(date) {
                    continue;
                }
                if let Some(time) = self.first_time(start) {
                    return Some(date.to_datetime(time)).filter(|found| *found < until);
                }
            }
            ahead = u32::MAX;
            (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
        }
        None
    }

    /// The first time of day that matches, not before `from`.
    fn first_time(&self, from: Time) -> Option<Time> {
        // A clock that shows seconds has passed the minute.
        let minute = u32::from(from.minute() as u8) + u32::from(from.second() > 0);
        let hour = u32::from(from.hour() as u8);
        let this_hour = self.hours & 1 << hour;
        let minutes = self.minutes & u64::MAX << minute;
        let later_hours = self.hours & u32::MAX << (hour + 1);
        let (hour, minute) = if this_hour != 0 && minutes != 0 {
            (hour, minutes.trailing_zeros())
        } else if later_hours != 0 {
            (later_hours.trailing_zeros(), self.minutes.trailing_zeros())
        } else {
            return None;
        };
        Time::new(hour as i8, minute as i8, 0, 0).ok()
    }

    /// The days of a month that match: bit `n` for day `n`.
    fn days(&self, year: i16, month: i8) -> u32 {
        if self.months & 1 << month == 0 {
            return 0;
        }
        let Ok(first) = Date::new(year, month, 1) else { return 0 };
        let month = Month {
            length: first.days_in_month() as u32,
            starts_on: first.weekday().to_sunday_zero_offset() as u32,
        };
        let (of_month, of_week) = (self.days_of_month.of(month), self.days_of_week.of(month));
        match self.combine {
            Combine::Either => of_month | of_week,
            Combine::Both => of_month & of_week,
        }
    }
}

impl DaysOfMonth {
    fn of(&self, month: Month) -> u32 {
        let mut days = self.exact;
        for day in values(self.nearest_workday & month.all_days()) {
            days |= 1 << month.nearest_workday(day);
        }
        for before in values(self.before_last) {
            // Bit 0 stands for no day: where the month is too short.
            days |= 1 << month.length.saturating_sub(before);
        }
        if self.last_workday {
            days |= 1 << month.nearest_workday(month.length);
        }
        days & month.all_days()
    }
}

impl DaysOfWeek {
    fn of(&self, month: Month) -> u32 {
        let mut days = 0;
        for weekday in 0..7 {
            let asked = |set: u8| set & 1 << weekday != 0;
            let on_weekday = month.days_on(weekday);
            if asked(self.every) {
                days |= on_weekday;
            }
            if asked(self.last) {
                days |= 1 << on_weekday.ilog2();
            }
            for (nth, day) in self.nth.iter().zip(values(on_weekday)) {
                if asked(*nth) {
                    days |= 1 << day;
                }
            }
        }
        days
    }
}

/// The shape of one month: all that the choice of days depends on.
#[derive(Clone, Copy)]
struct Month {
    length: u32,
    /// The weekday of day 1; Sunday is 0.
    starts_on: u32,
}

impl Month {
    fn all_days(self) -> u32 {
        (u32::MAX >> (31 - self.length)) & !1
    }

    fn days_on(self, weekday: u32) -> u32 {
        let first = 1 + (7 + weekday - self.starts_on) % 7;
        WEEKLY << first & self.all_days()
    }

    /// Monday to Friday nearest to `day`, without leaving the month.
    fn nearest_workday(self, day: u32) -> u32 {
        match (self.starts_on + day - 1) % 7 {
            6 if day == 1 => day + 2,
            6 => day - 1,
            0 if day == self.length => day - 2,
            0 => day + 1,
            _ => day,
        }
    }
}

/// The values in a set, from the least.
fn values(mut set: u32) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let value = (set != 0).then(|| set.trailing_zeros())?;
        set &= set - 1;
        Some(value)
    })
}

impl FromStr for Cron {
    type Err = BadCron;

    fn from_str(text: &str) -> Result<Cron, BadCron> {
        parse::parse(text)
    }
}

impl TryFrom<String> for Cron {
    type Error = BadCron;

    fn try_from(text: String) -> Result<Cron, BadCron> {
        text.parse()
    }
}

impl From<Cron> for String {
    fn from(cron: Cron) -> String {
        cron.text
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The days of a month that a day-of-month and a day-of-week field name.
    #[track_caller]
    fn check(day_of_month: &str, day_of_week: &str, month: &str, days: &[u32]) {
        let cron: Cron = format!("0 0 {day_of_month} * {day_of_week}").parse().unwrap();
        let first: Date = format!("{month}-01").parse().unwrap();
        let found: Vec<u32> = values(cron.days(first.year(), first.month())).collect();
        assert_eq!(found, days);
    }

    // In 2026, March begins and ends in the middle of a week, on a Sunday and a Tuesday; the
    // 1st of August is a Saturday, and the 31st of May a Sunday.

    #[test]
    fn days_from_the_end_of_the_month() {
        check("L", "*", "2026-03", &[31]);
        check("L", "*", "2026-02", &[28]);
        check("L", "*", "2028-02", &[29]);
        check("L-3", "*", "2026-04", &[27]);
        check("L-30", "*", "2026-03", &[1]);
        check("L-30", "*", "2026-04", &[]);
        check("1,L,L-1", "*", "2026-03", &[1, 30, 31]);
    }

    #[test]
    fn working_days_stay_in_their_month() {
        check("13W", "*", "2026-03", &[13]); // a Friday
        check("14W", "*", "2026-03", &[13]); // a Saturday
        check("15W", "*", "2026-03", &[16]); // a Sunday
        check("1W", "*", "2026-08", &[3]); // a Saturday
        check("1W", "*", "2026-03", &[2]); // a Sunday
        check("31W", "*", "2026-05", &[29]); // a Sunday
        check("31W", "*", "2026-04", &[]);
        check("LW", "*", "2026-05", &[29]);
        check("LW", "*", "2026-02", &[27]);
        check("LW", "*", "2026-03", &[31]);
        check("L,15W", "*", "2026-05", &[15, 31]);
    }

    #[test]
    fn weekdays_of_the_month() {
        check("*", "5#2", "2026-03", &[13]);
        check("*", "SUN#1,7#5", "2026-03", &[1, 29]);
        check("*", "5#5", "2026-03", &[]);
        check("*", "5L", "2026-03", &[27]);
        check("*", "SUNL", "2026-05", &[31]);
        check("*", "MON,FRI#1", "2026-03", &[2, 6, 9, 16, 23, 30]);
    }

    #[test]
    fn two_restricted_day_fields_mean_either_unless_asked_otherwise() {
        check("13", "5", "2026-03", &[6, 13, 20, 27]);
        check("14", "5", "2026-03", &[6, 13, 14, 20, 27]);
        check("13,14", "+5", "2026-03", &[13]);
        check("8-14", "+TUE", "2026-03", &[10]);
        check("*/10", "5", "2026-03", &[]);
        check("*/2", "5", "2026-03", &[13, 27]);
        check(
            "1-31/2",
            "5",
            "2026-02",
            &[1, 3, 5, 6, 7, 9, 11, 13, 15, 17, 19, 20, 21, 23, 25, 27],
        );
    }

    #[test]
    fn text_survives_json() {
        let json = "\"*/15 8-18 ? * MON-FRI\"";
        let cron: Cron = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&cron).unwrap(), json);
        assert_eq!(cron.to_string(), "*/15 8-18 ? * MON-FRI");
        let error = serde_json::from_str::<Cron>("\"61 * * * *\"").unwrap_err();
        assert_eq!(
            error.to_string(),
            "minute field at offset 0: expected a minute from 0 to 59, found `61`"
        );
    }
}
