//! The length of the `within` rule, in calendar units: `14d`, `1y5m7d2h`.

use std::{fmt, str::FromStr};

use jiff::{SignedDuration, Span, Timestamp, civil::Date, tz::TimeZone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A length in years, months, days and hours, written as `14d`, `36h` or `1y5m7d2h`: each unit
/// at most once, in any order, and not all of them zero. `m` is months.
///
/// Years, months and days are calendar units, hours are real ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct Within {
    years: u32,
    months: u32,
    days: u32,
    hours: u32,
}

/// A text that is not a [`Within`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a length in years, months, days and hours above zero, such as `14d` or `1y6m`"
)]
pub struct BadWithin(String);

impl Within {
    /// The instant this long before `newest`, by the calendar of `zone`. `None` when that is
    /// before all time, so that everything is within.
    ///
    /// As in restic (Go's `AddDate`), a day that its month does not have runs over into the next
    /// month: one month before 31 October is 1 October, as 31 September would be. A time of day
    /// that does not exist or exists twice in `zone`, which Go leaves open, is the earlier of
    /// the two instants it can mean, so that more is kept.
    pub(super) fn before(self, newest: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let local = zone.to_datetime(newest);
        let months = i64::from(local.year()) * 12 + i64::from(local.month())
            - 1
            - i64::from(self.years) * 12
            - i64::from(self.months);
        let year = i16::try_from(months.div_euclid(12)).ok()?;
        let month = i8::try_from(months.rem_euclid(12) + 1).ok()?;
        let days = i64::from(local.day()) - 1 - i64::from(self.days);
        let day =
            Date::new(year, month, 1).ok()?.checked_add(Span::new().try_days(days).ok()?).ok()?;
        zone.to_ambiguous_timestamp(day.to_datetime(local.time()))
            .earlier()
            .ok()?
            .checked_sub(SignedDuration::from_hours(self.hours.into()))
            .ok()
    }
}

impl FromStr for Within {
    type Err = BadWithin;

    fn from_str(text: &str) -> Result<Within, BadWithin> {
        parse(text).ok_or_else(|| BadWithin(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Within> {
    let (mut years, mut months, mut days, mut hours) = (None, None, None, None);
    let mut rest = text;
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit())?;
        let count: u32 = rest[..unit_at].parse().ok()?;
        let unit = match rest.as_bytes()[unit_at] {
            b'y' => &mut years,
            b'm' => &mut months,
            b'd' => &mut days,
            b'h' => &mut hours,
            _ => return None,
        };
        if unit.replace(count).is_some() {
            return None;
        }
        rest = &rest[unit_at + 1..];
    }
    let [years, months, days, hours] = [years, months, days, hours].map(Option::unwrap_or_default);
    let within = Within { years, months, days, hours };
    (years | months | days | hours != 0).then_some(within)
}

impl fmt::Display for Within {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(self.years, 'y'), (self.months, 'm'), (self.days, 'd'), (self.hours, 'h')];
        for (count, unit) in units.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, "{count}{unit}")?;
        }
        Ok(())
    }
}

impl TryFrom<String> for Within {
    type Error = BadWithin;

    fn try_from(text: String) -> Result<Within, BadWithin> {
        text.parse()
    }
}

impl From<Within> for String {
    fn from(within: Within) -> String {
        within.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_as_restic_writes_it() {
        for (text, canonical) in [
            ("14d", "14d"),
            ("1y5m7d2h", "1y5m7d2h"),
            ("2h1y", "1y2h"),
            ("0y36h", "36h"),
            ("007d", "7d"),
        ] {
            let within: Within = text.parse().unwrap();
            assert_eq!(within.to_string(), canonical, "{text}");
            assert_eq!(canonical.parse(), Ok(within), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_length() {
        for text in [
            "",
            "d",
            "14",
            "14 d",
            "-14d",
            "1d1d",
            "0d",
            "0y0m0d0h",
            "1w",
            "1.5d",
            "14D",
            "14d ",
            "1é",
            "99999999999d",
        ] {
            assert_eq!(text.parse::<Within>(), Err(BadWithin(text.to_owned())), "{text:?}");
        }
    }

    #[track_caller]
    fn check(within: &str, zone: &str, newest: &str, expected: Option<&str>) {
        let found = within
            .parse::<Within>()
            .unwrap()
            .before(newest.parse().unwrap(), &TimeZone::get(zone).unwrap());
        assert_eq!(found, expected.map(|at| at.parse().unwrap()), "{within} before {newest}");
    }

    #[test]
    fn counts_back_by_the_calendar() {
        check("1y2m3d4h", "UTC", "2026-06-15T12:00:00Z", Some("2025-04-12T08:00:00Z"));
        check("1m", "UTC", "2026-01-15T12:00:00Z", Some("2025-12-15T12:00:00Z"));
        check("25m", "UTC", "2026-01-15T12:00:00Z", Some("2023-12-15T12:00:00Z"));
        check("400d", "UTC", "2026-01-15T12:00:00Z", Some("2024-12-11T12:00:00Z"));
    }

    #[test]
    fn a_day_the_month_lacks_runs_over_into_the_next() {
        check("1m", "UTC", "2026-10-31T09:00:00Z", Some("2026-10-01T09:00:00Z"));
        check("1m", "UTC", "2026-03-31T09:00:00Z", Some("2026-03-03T09:00:00Z"));
        check("1y", "UTC", "2024-02-29T09:00:00Z", Some("2023-03-01T09:00:00Z"));
        check("1m1d", "UTC", "2026-03-31T09:00:00Z", Some("2026-03-02T09:00:00Z"));
    }

    #[test]
    fn days_are_of_the_zone_and_hours_are_real() {
        // Madrid's clocks went forward in the night to 29 March.
        check("1d", "Europe/Madrid", "2026-03-29T10:00:00Z", Some("2026-03-28T11:00:00Z"));
        check("24h", "Europe/Madrid", "2026-03-29T10:00:00Z", Some("2026-03-28T10:00:00Z"));
        // Local time 02:30 of 29 March does not exist; of 25 October it exists twice.
        check("1d", "Europe/Madrid", "2026-03-30T00:30:00Z", Some("2026-03-29T00:30:00Z"));
        check("1d", "Europe/Madrid", "2026-10-26T01:30:00Z", Some("2026-10-25T00:30:00Z"));
    }

    #[test]
    fn before_all_time_is_nothing() {
        check("99999y", "UTC", "2026-06-15T12:00:00Z", None);
        check("4294967295m", "UTC", "2026-06-15T12:00:00Z", None);
        check("4294967295d", "UTC", "2026-06-15T12:00:00Z", None);
        check("4294967295h", "UTC", "2026-06-15T12:00:00Z", None);
    }
}
