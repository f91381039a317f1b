//! Recurring events: the part of `RRULE` that calendars of holidays use. All else is refused.
//! <https://www.rfc-editor.org/rfc/rfc5545#section-3.3.10>

use std::collections::BTreeSet;

use jiff::{
    Span, ToSpan,
    civil::{Date, DateTime, Weekday, date},
};

use crate::ics::parse_moment;

/// The last day that is looked at.
const HORIZON: Date = date(2100, 12, 31);
/// Most starts of one event; with one on every day, more than a century.
const STARTS_MAX: usize = 50_000;

/// When an event starts, again and again.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Recurrence {
    start: DateTime,
    frequency: Frequency,
    interval: i64,
    end: End,
    /// For a weekly event: its days, if they are not just that of the start.
    weekdays: Vec<Weekday>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frequency {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Never,
    After(usize),
    /// The last moment at which it may start.
    Until(DateTime),
}

impl Recurrence {
    /// Reads a rule for an event that starts first at `start`.
    pub(crate) fn parse(rule: &str, start: DateTime) -> Result<Recurrence, String> {
        let mut parts = Vec::new();
        for part in rule.split(';').filter(|part| !part.is_empty()) {
            let Some((name, value)) = part.split_once('=') else {
                return Err(format!("`{part}` is not a part of a rule, such as `FREQ=YEARLY`"));
            };
            if parts.iter().any(|(other, _)| *other == name) {
                return Err(format!("`{name}` is there twice"));
            }
            parts.push((name, value));
        }
        let get = |name: &str| parts.iter().find(|(it, _)| *it == name).map(|(_, value)| *value);
        let frequency = match get("FREQ") {
            Some("DAILY") => Frequency::Daily,
            Some("WEEKLY") => Frequency::Weekly,
            Some("MONTHLY") => Frequency::Monthly,
            Some("YEARLY") => Frequency::Yearly,
            other => {
                let other = other.unwrap_or_default();
                return Err(format!(
                    "`FREQ={other}` is not understood: only DAILY, WEEKLY, MONTHLY and YEARLY are"
                ));
            }
        };
        let number = |name: &str| match get(name).map(|text| (text, text.parse::<u16>())) {
            None => Ok(None),
            Some((_, Ok(number))) if number > 0 => Ok(Some(number)),
            Some((text, _)) => Err(format!("`{name}={text}` is not a number from 1 to 65535")),
        };
        let until = get("UNTIL").map(|text| {
            // A date stands for the whole of it.
            let moment = parse_moment(text)
                .map(|it| if text.contains('T') { it } else { it.date().at(23, 59, 59, 0) });
            moment.ok_or_else(|| format!("`UNTIL={text}` is not a date, such as `20261225`"))
        });
        let end = match (number("COUNT")?, until.transpose()?) {
            (None, None) => End::Never,
            (Some(count), None) => End::After(count.into()),
            (None, Some(until)) => End::Until(until),
            (Some(_), Some(_)) => return Err("a rule has `COUNT` or `UNTIL`, not both".to_owned()),
        };
        let interval = number("INTERVAL")?.unwrap_or(1).into();
        let mut weekdays = Vec::new();
        for (name, value) in &parts {
            let understood = match *name {
                "FREQ" | "COUNT" | "UNTIL" | "INTERVAL" => true,
                "WKST" => weekday(value).is_some(),
                // What says again that it is the day of the start changes nothing.
                "BYMONTH" if frequency == Frequency::Yearly => value.parse() == Ok(start.month()),
                "BYMONTHDAY" if frequency == Frequency::Monthly => value.parse() == Ok(start.day()),
                "BYMONTHDAY" if frequency == Frequency::Yearly => {
                    value.parse() == Ok(start.day()) && get("BYMONTH").is_some()
                }
                "BYDAY" if frequency == Frequency::Weekly => {
                    weekdays = value.split(',').filter_map(weekday).collect();
                    let all = weekdays.len() == value.split(',').count();
                    // With an interval it matters on which day a week begins.
                    all && (interval == 1 || weekdays == [start.weekday()])
                        && weekdays.contains(&start.weekday())
                }
                _ => false,
            };
            if !understood {
                return Err(format!("recurring events with `{name}={value}` are not understood"));
            }
        }
        Ok(Recurrence { start, frequency, interval, end, weekdays })
    }

    /// The days on which the event starts, until [`HORIZON`].
    pub(crate) fn starts(&self) -> Result<BTreeSet<Date>, String> {
        let mut starts = BTreeSet::new();
        let most = match self.end {
            End::After(count) => count,
            End::Never | End::Until(_) => usize::MAX,
        };
        let is_over = |day: Date| match self.end {
            End::Until(until) => day.to_datetime(self.start.time()) > until,
            End::Never | End::After(_) => false,
        };
        for step in 0.. {
            let Some(period) = self.period(step) else { break };
            let mut days = self.days_of(period);
            days.retain(|day| *day >= self.start.date());
            for day in days {
                if starts.len() == most || is_over(day) || day > HORIZON {
                    return Ok(starts);
                }
                if starts.len() == STARTS_MAX {
                    return Err(format!("the event takes place more than {STARTS_MAX} times"));
                }
                starts.insert(day);
            }
            if period.first > HORIZON {
                break;
            }
        }
        Ok(starts)
    }

    /// The day, week, month or year that is `step` intervals after that of the start.
    fn period(&self, step: i64) -> Option<Period> {
        let by: Span = match self.frequency {
            Frequency::Daily => Span::new().try_days(step * self.interval),
            Frequency::Weekly => Span::new().try_weeks(step * self.interval),
            Frequency::Monthly => Span::new().try_months(step * self.interval),
            Frequency::Yearly => Span::new().try_years(step * self.interval),
        }
        .ok()?;
        let start = self.start.date();
        match self.frequency {
            Frequency::Daily | Frequency::Weekly => {
                let day = start.checked_add(by).ok()?;
                Some(Period { first: day, same_day: Some(day) })
            }
            Frequency::Monthly | Frequency::Yearly => {
                let first = start.first_of_month().checked_add(by).ok()?;
                // What a month does not have is left out.
                let same_day = Date::new(first.year(), first.month(), start.day()).ok();
                Some(Period { first, same_day })
            }
        }
    }

    fn days_of(&self, period: Period) -> Vec<Date> {
        if self.weekdays.is_empty() {
            return period.same_day.into_iter().collect();
        }
        let week = (0..7).filter_map(|day| period.first.checked_add(day.days()).ok());
        week.filter(|day| self.weekdays.contains(&day.weekday())).collect()
    }
}

/// One step of a recurrence.
#[derive(Clone, Copy)]
struct Period {
    /// A day not after any of its days.
    first: Date,
    /// The day that the start is in its own period.
    same_day: Option<Date>,
}

fn weekday(name: &str) -> Option<Weekday> {
    Some(match name {
        "MO" => Weekday::Monday,
        "TU" => Weekday::Tuesday,
        "WE" => Weekday::Wednesday,
        "TH" => Weekday::Thursday,
        "FR" => Weekday::Friday,
        "SA" => Weekday::Saturday,
        "SU" => Weekday::Sunday,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rule: &str, start: &str, first: &[&str], total: usize) {
        let rule = Recurrence::parse(rule, parse_moment(start).unwrap()).unwrap();
        let starts = rule.starts().unwrap();
        let found: Vec<String> = starts.iter().take(first.len()).map(Date::to_string).collect();
        assert_eq!(
            (found, starts.len()),
            (first.iter().map(|it| (*it).to_owned()).collect(), total)
        );
    }

    #[test]
    fn recurs_as_often_as_the_rule_says() {
        check("FREQ=YEARLY", "20201225", &["2020-12-25", "2021-12-25"], 81);
        check("FREQ=YEARLY;COUNT=2", "20261225", &["2026-12-25", "2027-12-25"], 2);
        check("FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=25;UNTIL=20281225", "20261225", &[], 3);
        check("FREQ=DAILY;INTERVAL=2;COUNT=3", "20260101", &["2026-01-01", "2026-01-03"], 3);
        check("FREQ=DAILY;UNTIL=20260103T093000Z", "20260101T093000Z", &[], 3);
        check("FREQ=DAILY;UNTIL=20260103T092959Z", "20260101T093000Z", &[], 2);
        check(
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=TH;COUNT=2",
            "20260101",
            &["2026-01-01", "2026-01-15"],
            2,
        );
        check(
            "FREQ=WEEKLY;BYDAY=SA,SU;COUNT=3",
            "20260103T000000",
            &["2026-01-03", "2026-01-04", "2026-01-10"],
            3,
        );
    }

    #[test]
    fn days_that_a_month_does_not_have_are_left_out() {
        check("FREQ=MONTHLY;COUNT=3", "20260131", &["2026-01-31", "2026-03-31", "2026-05-31"], 3);
        check("FREQ=YEARLY;COUNT=2", "20240229", &["2024-02-29", "2028-02-29"], 2);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for (rule, part) in [
            ("FREQ=YEARLY;BYDAY=4TH", "`BYDAY=4TH`"),
            ("FREQ=YEARLY;BYMONTH=11", "`BYMONTH=11`"),
            ("FREQ=YEARLY;BYMONTHDAY=25", "`BYMONTHDAY=25`"),
            ("FREQ=WEEKLY;BYDAY=SA", "`BYDAY=SA`"),
            ("FREQ=WEEKLY;INTERVAL=2;BYDAY=FR,SA", "`BYDAY=FR,SA`"),
            ("FREQ=MONTHLY;BYSETPOS=1", "`BYSETPOS=1`"),
            ("FREQ=HOURLY", "`FREQ=HOURLY`"),
            ("COUNT=1", "`FREQ=`"),
            ("FREQ=DAILY;COUNT=0", "`COUNT=0`"),
            ("FREQ=DAILY;COUNT=1;UNTIL=20260101", "`COUNT` or `UNTIL`"),
            ("FREQ=DAILY;UNTIL=soon", "`UNTIL=soon`"),
            ("FREQ=DAILY;FREQ=DAILY", "`FREQ` is there twice"),
            ("DAILY", "`DAILY`"),
        ] {
            let friday = parse_moment("20261225").unwrap();
            let error = Recurrence::parse(rule, friday).unwrap_err();
            assert!(error.contains(part), "{rule}: {error}");
        }
    }
}
