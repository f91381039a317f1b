//! Schedules of rules: `rate(5 minutes)`, `cron(0 10 * * ? *)`, always in UTC.
//! Source: EventBridge User Guide, "Schedule expressions".

use std::{collections::BTreeSet, ops::RangeInclusive};

use jiff::{
    SignedDuration, Timestamp, ToSpan,
    civil::{Date, Weekday},
    tz::{Offset, TimeZone},
};

/// The years of a schedule.
const YEARS: RangeInclusive<i16> = 1970..=2199;
const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// A schedule that was understood.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Schedule {
    Rate(SignedDuration),
    Cron(Cron),
}

/// When the clock shows these.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cron {
    minutes: BTreeSet<i16>,
    hours: BTreeSet<i16>,
    days: Days,
    months: BTreeSet<i16>,
    years: BTreeSet<i16>,
}

/// Which days of a month.
#[derive(Clone, Debug, PartialEq)]
enum Days {
    OfMonth(BTreeSet<i16>),
    Last,
    LastWorkday,
    /// The Monday to Friday that is nearest to this day, in the same month.
    NearestWorkday(i8),
    /// From 1, Sunday.
    OfWeek(BTreeSet<i16>),
    LastOfWeek(i16),
    NthOfWeek(i16, i8),
}

impl Schedule {
    /// Understands a schedule. `None`: it is none.
    pub(crate) fn parse(text: &str) -> Option<Schedule> {
        let inside = |name: &str| text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')');
        match (inside("rate"), inside("cron")) {
            (Some(rate), _) => {
                let (count, unit) = rate.split_once(' ')?;
                let count: i64 = count.parse().ok().filter(|it| *it > 0 && *it < 1_000_000)?;
                // One minute, but two minutes.
                let minutes = match (unit.strip_suffix('s').unwrap_or(unit), unit.ends_with('s')) {
                    (_, plural) if plural == (count == 1) => return None,
                    ("minute", _) => 1,
                    ("hour", _) => 60,
                    ("day", _) => 24 * 60,
                    _ => return None,
                };
                Some(Schedule::Rate(SignedDuration::from_mins(count * minutes)))
            }
            (_, Some(cron)) => Cron::parse(cron).map(Schedule::Cron),
            _ => None,
        }
    }

    /// When it comes round next, after an instant.
    pub(crate) fn after(&self, at: Timestamp) -> Option<Timestamp> {
        match self {
            Schedule::Rate(rate) => at.checked_add(*rate).ok(),
            Schedule::Cron(cron) => cron.after(at),
        }
    }
}

impl Cron {
    fn parse(text: &str) -> Option<Cron> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, of_month, months, of_week, years] = fields[..] else { return None };
        let days = match (of_month, of_week) {
            ("?", "?") => return None,
            (of_month, "?") => days_of_month(of_month)?,
            ("?", of_week) => days_of_week(of_week)?,
            _ => return None,
        };
        Some(Cron {
            minutes: numbers(minutes, 0..=59, &[])?,
            hours: numbers(hours, 0..=23, &[])?,
            days,
            months: numbers(months, 1..=12, &MONTHS)?,
            years: numbers(years, YEARS, &[])?,
        })
    }

    fn after(&self, at: Timestamp) -> Option<Timestamp> {
        let from = Offset::UTC.to_datetime(at);
        let mut date = from.date();
        let mut first = true;
        while date.year() <= *YEARS.end() {
            if !self.years.contains(&date.year()) {
                date = Date::new(date.year() + 1, 1, 1).ok()?;
                first = false;
                continue;
            }
            if !self.months.contains(&date.month().into()) {
                date = date.first_of_month().checked_add(1.month()).ok()?;
                first = false;
                continue;
            }
            if self.days.of(date).contains(&date.day()) {
                for hour in &self.hours {
                    for minute in &self.minutes {
                        let (hour, minute) =
                            (i8::try_from(*hour).ok()?, i8::try_from(*minute).ok()?);
                        let time = date.at(hour, minute, 0, 0);
                        if !first || time > from {
                            return time.to_zoned(TimeZone::UTC).ok().map(|it| it.timestamp());
                        }
                    }
                }
            }
            date = date.tomorrow().ok()?;
            first = false;
        }
        None
    }
}

impl Days {
    /// Those days of the month in which a date is.
    fn of(&self, date: Date) -> BTreeSet<i8> {
        let last = date.days_in_month();
        let first = date.first_of_month().weekday();
        let on = |day: i8| first.wrapping_add(i64::from(day) - 1);
        let is_workday = |day: &i8| !matches!(on(*day), Weekday::Saturday | Weekday::Sunday);
        let all = 1..=last;
        match self {
            Days::OfMonth(days) => all.filter(|it| days.contains(&(*it).into())).collect(),
            Days::Last => BTreeSet::from([last]),
            Days::LastWorkday => all.rev().find(is_workday).into_iter().collect(),
            Days::NearestWorkday(day) if *day > last => BTreeSet::new(),
            Days::NearestWorkday(day) => {
                let near = [0, -1, 1, -2, 2].map(|by| *day + by).into_iter();
                near.filter(|it| all.contains(it)).find(is_workday).into_iter().collect()
            }
            Days::OfWeek(days) => all.filter(|it| days.contains(&number_of(on(*it)))).collect(),
            Days::LastOfWeek(day) => {
                all.rev().find(|it| number_of(on(*it)) == *day).into_iter().collect()
            }
            Days::NthOfWeek(day, nth) => {
                let mut days = all.filter(|it| number_of(on(*it)) == *day);
                days.nth(usize::try_from(*nth - 1).unwrap_or(usize::MAX)).into_iter().collect()
            }
        }
    }
}

/// From 1, Sunday.
fn number_of(day: Weekday) -> i16 {
    i16::from(day.to_sunday_one_offset())
}

fn days_of_month(text: &str) -> Option<Days> {
    match text {
        "L" => Some(Days::Last),
        "LW" => Some(Days::LastWorkday),
        _ => match text.strip_suffix('W') {
            Some(day) => {
                let day = day.parse().ok().filter(|day| (1..=31).contains(day))?;
                Some(Days::NearestWorkday(day))
            }
            None => numbers(text, 1..=31, &[]).map(Days::OfMonth),
        },
    }
}

fn days_of_week(text: &str) -> Option<Days> {
    if text == "L" {
        return Some(Days::OfWeek(BTreeSet::from([7])));
    }
    if let Some(day) = text.strip_suffix('L') {
        return number(day, &(1..=7), &DAYS).map(Days::LastOfWeek);
    }
    if let Some((day, nth)) = text.split_once('#') {
        let nth = nth.parse().ok().filter(|nth| (1..=5).contains(nth))?;
        return Some(Days::NthOfWeek(number(day, &(1..=7), &DAYS)?, nth));
    }
    numbers(text, 1..=7, &DAYS).map(Days::OfWeek)
}

/// The numbers of a field: `*`, `5`, `1-3`, `0/15`, `MON-FRI`, and lists of these.
fn numbers(text: &str, range: RangeInclusive<i16>, names: &[&str]) -> Option<BTreeSet<i16>> {
    let mut all = BTreeSet::new();
    for part in text.split(',') {
        let (part, step) = match part.split_once('/') {
            None => (part, None),
            Some((part, step)) => (part, Some(step.parse().ok().filter(|step: &usize| *step > 0)?)),
        };
        let span = match part.split_once('-') {
            _ if part == "*" => range.clone(),
            Some((from, to)) => number(from, &range, names)?..=number(to, &range, names)?,
            None => {
                let from = number(part, &range, names)?;
                from..=if step.is_some() { *range.end() } else { from }
            }
        };
        if span.is_empty() {
            return None;
        }
        all.extend(span.step_by(step.unwrap_or(1)));
    }
    Some(all)
}

fn number(text: &str, range: &RangeInclusive<i16>, names: &[&str]) -> Option<i16> {
    let named = names.iter().position(|name| name.eq_ignore_ascii_case(text));
    let number = match named {
        // Names begin with the first of the range.
        Some(at) => i16::try_from(at).ok()? + range.start(),
        None if text.bytes().all(|it| it.is_ascii_digit()) => text.parse().ok()?,
        None => return None,
    };
    range.contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The next few times after 2026-03-02T02:00:00Z, a Monday.
    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let schedule = Schedule::parse(text).unwrap_or_else(|| panic!("{text}"));
        let mut at = "2026-03-02T02:00:00Z".parse().unwrap();
        for expected in expected {
            at = schedule.after(at).unwrap();
            assert_eq!(at.strftime("%Y-%m-%d %H:%M").to_string(), *expected, "{text}");
        }
    }

    #[test]
    fn rates_come_after_their_time() {
        check("rate(1 minute)", &["2026-03-02 02:01", "2026-03-02 02:02"]);
        check("rate(12 hours)", &["2026-03-02 14:00", "2026-03-03 02:00"]);
        check("rate(2 days)", &["2026-03-04 02:00"]);
    }

    #[test]
    fn crons_come_when_the_clock_shows_them() {
        check("cron(0 2 * * ? *)", &["2026-03-03 02:00", "2026-03-04 02:00"]);
        check("cron(0/30 2-3 * * ? *)", &["2026-03-02 02:30", "2026-03-02 03:00"]);
        check("cron(15 10 ? * MON-FRI *)", &["2026-03-02 10:15", "2026-03-03 10:15"]);
        check("cron(0 0 ? * 1 *)", &["2026-03-08 00:00"]);
        check("cron(0 0 1 JAN,JUL ? *)", &["2026-07-01 00:00", "2027-01-01 00:00"]);
        check("cron(0 0 29 2 ? *)", &["2028-02-29 00:00"]);
        check("cron(0 0 31 * ? 2027/2)", &["2027-01-31 00:00", "2027-03-31 00:00"]);
        let once = Schedule::parse("cron(0 0 1 1 ? 2026)").unwrap();
        assert_eq!(once.after("2026-03-02T02:00:00Z".parse().unwrap()), None);
    }

    #[test]
    fn some_days_are_counted_from_the_end_or_by_week() {
        check("cron(0 0 L * ? *)", &["2026-03-31 00:00", "2026-04-30 00:00"]);
        // The 31st of May is a Sunday.
        check("cron(0 0 LW 5 ? *)", &["2026-05-29 00:00"]);
        // The 1st of August is a Saturday, and the 15th too.
        check("cron(0 0 1W 8 ? *)", &["2026-08-03 00:00"]);
        check("cron(0 0 15W 8 ? *)", &["2026-08-14 00:00"]);
        check("cron(0 0 ? * 6L *)", &["2026-03-27 00:00"]);
        check("cron(0 0 ? * TUE#2 *)", &["2026-03-10 00:00", "2026-04-14 00:00"]);
        check("cron(0 0 ? * MON#5 *)", &["2026-03-30 00:00", "2026-06-29 00:00"]);
    }

    #[test]
    fn what_is_no_schedule_is_none() {
        for wrong in [
            "",
            "rate()",
            "rate(0 minutes)",
            "rate(1 minutes)",
            "rate(2 minute)",
            "rate(30 seconds)",
            "rate(1.5 hours)",
            "at(2026-01-01T00:00:00)",
            "cron(0 2 * * *)",
            "cron(0 2 * * * *)",
            "cron(0 2 ? * ? *)",
            "cron(60 2 * * ? *)",
            "cron(0 24 * * ? *)",
            "cron(0 0 0 * ? *)",
            "cron(0 0 1 13 ? *)",
            "cron(0 0 ? * 8 *)",
            "cron(0 0 ? * MON#6 *)",
            "cron(5-3 0 * * ? *)",
            "cron(0/0 0 * * ? *)",
            "cron(0 0 * * ? 1969)",
        ] {
            assert_eq!(Schedule::parse(wrong), None, "{wrong}");
        }
    }
}
