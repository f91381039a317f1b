//! One period: on which days, from when to when.

use std::{fmt, str::FromStr};

use jiff::{
    Timestamp,
    civil::{Date, DateTime, Time},
    tz::{AmbiguousOffset, TimeZone},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::schedule::{Cron, Days};

/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// A time on the clock to the minute, from `00:00` to `24:00`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Clock(u16);

/// A span of some days, in which a fleet runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Written", into = "Written")]
#[schemars(with = "Written")]
pub struct Period {
    written: Written,
    days: Cron,
}

/// A period, as it is written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[schemars(rename = "Period")]
struct Written {
    /// The days of the week on which it begins, as in a cron expression: `MON-FRI`, `SAT,SUN`,
    /// `MON#1` for the first Monday of a month, `FRIL` for the last Friday. Every day by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    weekdays: Option<String>,
    /// The days of the month on which it begins, as in a cron expression: `1-7`, `L` for the last
    /// one, `15W` for the working day nearest to the 15th. Every day by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    days_of_month: Option<String>,
    /// The months in which it begins: `JUN-AUG`. Every month by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    months: Option<String>,
    /// The only days on which it begins, of those: names of calendars, and dates.
    #[serde(skip_serializing_if = "Option::is_none")]
    only: Option<Days>,
    /// Days on which it does not begin: names of calendars, and dates.
    #[serde(skip_serializing_if = "Days::is_empty")]
    except: Days,
    /// When it begins, such as `08:00`. At midnight by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Clock>,
    /// When it ends, such as `20:00`; on the next day if that is not later than `from`. At
    /// midnight by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<Clock>,
}

/// A period that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadPeriod(String);

impl Period {
    /// Whether it begins on a day.
    pub(super) fn begins_on(&self, day: Date) -> bool {
        self.days.fires_on(day)
            && !self.written.except.contains(day)
            && self.written.only.as_ref().is_none_or(|only| only.contains(day))
    }

    /// The span of real time of the one that begins on a day, its end excluded. A time that the
    /// clock jumps over has come at the first instant after; one that it shows twice has come the
    /// first time.
    pub(super) fn span(&self, day: Date, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
        let from = self.written.from.unwrap_or(Clock(0));
        let to = self.written.to.unwrap_or(Clock(DAY));
        let last = if to <= from { day.tomorrow().ok()? } else { day };
        Some((reached(from.on(day)?, zone)?, reached(to.on(last)?, zone)?))
    }
}

impl TryFrom<Written> for Period {
    type Error = BadPeriod;

    fn try_from(written: Written) -> Result<Period, BadPeriod> {
        let day = field("days-of-month", &written.days_of_month, |it| format!("0 0 {it} * *"))?;
        let month = field("months", &written.months, |it| format!("0 0 * {it} *"))?;
        let weekday = field("weekdays", &written.weekdays, |it| format!("0 0 * * {it}"))?;
        let days = format!("0 0 {day} {month} +{weekday}").parse::<Cron>();
        let days = days.map_err(|_| {
            BadPeriod("no day is all of its `weekdays`, `days-of-month` and `months`".to_owned())
        })?;
        if written.from.is_some_and(|it| it.0 == DAY) {
            return Err(BadPeriod("`from` is before `24:00`".to_owned()));
        }
        if written.from.is_some() && written.from == written.to {
            return Err(BadPeriod(
                "`from` and `to` are the same: a whole day has neither".to_owned(),
            ));
        }
        Ok(Period { written, days })
    }
}

/// One field of a cron expression, checked in an expression of which it is all.
fn field<'w>(
    name: &str,
    text: &'w Option<String>,
    expression: impl Fn(&str) -> String,
) -> Result<&'w str, BadPeriod> {
    let Some(text) = text else { return Ok("*") };
    let whole = !text.is_empty() && !text.contains(char::is_whitespace);
    if !whole || text.starts_with('+') {
        return Err(BadPeriod(format!(
            "`{name}` is one field of a cron expression, such as `MON-FRI`, and not `{text}`"
        )));
    }
    match expression(text).parse::<Cron>() {
        Ok(_) => Ok(text),
        Err(bad) => Err(BadPeriod(format!("`{name}`: expected {}", bad.expected))),
    }
}

impl From<Period> for Written {
    fn from(period: Period) -> Written {
        period.written
    }
}

impl Clock {
    fn on(self, day: Date) -> Option<DateTime> {
        if self.0 == DAY {
            return Some(day.tomorrow().ok()?.to_datetime(Time::midnight()));
        }
        let (hour, minute) = ((self.0 / 60) as i8, (self.0 % 60) as i8);
        Some(day.to_datetime(Time::new(hour, minute, 0, 0).ok()?))
    }
}

impl FromStr for Clock {
    type Err = BadPeriod;

    fn from_str(text: &str) -> Result<Clock, BadPeriod> {
        let number = |it: &str| it.parse::<u16>().ok().filter(|_| it.len() == 2);
        let found = text.split_once(':').and_then(|(hour, minute)| {
            let (hour, minute) = (number(hour)?, number(minute)?);
            Some(hour * 60 + minute).filter(|it| minute < 60 && *it <= DAY)
        });
        found.map(Clock).ok_or_else(|| {
            BadPeriod(format!("`{text}` is not a time from `00:00` to `24:00`, such as `08:00`"))
        })
    }
}

impl TryFrom<String> for Clock {
    type Error = BadPeriod;

    fn try_from(text: String) -> Result<Clock, BadPeriod> {
        text.parse()
    }
}

impl From<Clock> for String {
    fn from(clock: Clock) -> String {
        clock.to_string()
    }
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

/// The first instant at which the clock of a zone shows this time or a later one.
pub(super) fn reached(time: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    match zone.to_ambiguous_timestamp(time).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(time).ok(),
        AmbiguousOffset::Fold { before, .. } => before.to_timestamp(time).ok(),
        AmbiguousOffset::Gap { after, .. } => {
            // By the clock after the gap it would have been a moment before it.
            let before = after.to_timestamp(time).ok()?;
            zone.following(before).next().map(|change| change.timestamp())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check_refused(period: Value, expected: &str) {
        let message = serde_json::from_value::<Period>(period).unwrap_err().to_string();
        assert_eq!(message, expected);
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        check_refused(
            json!({ "weekdays": "MON FRI" }),
            "`weekdays` is one field of a cron expression, such as `MON-FRI`, and not `MON FRI`",
        );
        check_refused(
            json!({ "weekdays": "MOO" }),
            "`weekdays`: expected a weekday from 0 to 7 or SUN to SAT, `5#2` or `5L`",
        );
        check_refused(
            json!({ "days-of-month": "32" }),
            "`days-of-month`: expected a day from 1 to 31, `L`, `L-3`, `15W` or `LW`",
        );
        check_refused(
            json!({ "months": "13" }),
            "`months`: expected a month from 1 to 12 or JAN to DEC",
        );
        check_refused(
            json!({ "days-of-month": "30", "months": "FEB" }),
            "no day is all of its `weekdays`, `days-of-month` and `months`",
        );
        check_refused(json!({ "from": "24:00" }), "`from` is before `24:00`");
        check_refused(
            json!({ "from": "08:00", "to": "08:00" }),
            "`from` and `to` are the same: a whole day has neither",
        );
        for time in ["8:00", "08.00", "08:60", "24:01", "", "25:00"] {
            check_refused(
                json!({ "from": time }),
                &format!("`{time}` is not a time from `00:00` to `24:00`, such as `08:00`"),
            );
        }
        assert!(serde_json::from_value::<Period>(json!({ "until": "08:00" })).is_err());
    }

    #[test]
    fn everything_survives_json() {
        for period in [
            json!({ "except": [] }),
            json!({
                "weekdays": "MON-FRI",
                "days-of-month": "1-7",
                "months": "JAN,FEB",
                "only": ["2026-01-01"],
                "except": ["2026-01-02"],
                "from": "08:00",
                "to": "24:00",
            }),
        ] {
            let read: Period = serde_json::from_value(period.clone()).unwrap();
            let written = serde_json::to_value(&read).unwrap();
            assert_eq!(serde_json::from_value::<Period>(written).unwrap(), read);
        }
    }

    #[track_caller]
    fn check_days(period: Value, days: &[&str]) {
        let period: Period = serde_json::from_value(period).unwrap();
        let march = jiff::civil::date(2026, 3, 1).series(jiff::Span::new().days(1)).take(31);
        let found: Vec<String> =
            march.filter(|day| period.begins_on(*day)).map(|day| day.to_string()).collect();
        assert_eq!(found, days);
    }

    #[test]
    fn a_day_must_be_all_that_is_said() {
        check_days(json!({ "weekdays": "MON#1" }), &["2026-03-02"]);
        check_days(json!({ "weekdays": "FRIL,TUE#2" }), &["2026-03-10", "2026-03-27"]);
        check_days(
            json!({ "weekdays": "MON", "days-of-month": "1-9" }),
            &["2026-03-02", "2026-03-09"],
        );
        check_days(json!({ "days-of-month": "L" }), &["2026-03-31"]);
        check_days(json!({ "months": "APR" }), &[]);
        let only = json!(["2026-03-07", "2026-03-09", "2026-04-01"]);
        check_days(json!({ "only": only.clone() }), &["2026-03-07", "2026-03-09"]);
        check_days(json!({ "weekdays": "MON", "only": only }), &["2026-03-09"]);
        check_days(
            json!({ "weekdays": "SUN", "except": ["2026-03-08"] }),
            &["2026-03-01", "2026-03-15", "2026-03-22", "2026-03-29"],
        );
    }

    #[track_caller]
    fn check_span(day: &str, from: &str, to: &str, expected: (&str, &str)) {
        let zone: crate::schedule::Zone = "Europe/Madrid".parse().unwrap();
        let period: Period = serde_json::from_value(json!({ "from": from, "to": to })).unwrap();
        let (begins, ends) = period.span(day.parse().unwrap(), zone.rules()).unwrap();
        assert_eq!((begins.to_string().as_str(), ends.to_string().as_str()), expected);
    }

    #[test]
    fn a_span_follows_the_clock_on_the_wall() {
        check_span(
            "2026-03-02",
            "08:00",
            "20:00",
            ("2026-03-02T07:00:00Z", "2026-03-02T19:00:00Z"),
        );
        check_span(
            "2026-03-02",
            "22:00",
            "06:00",
            ("2026-03-02T21:00:00Z", "2026-03-03T05:00:00Z"),
        );
        check_span(
            "2026-03-02",
            "00:00",
            "24:00",
            ("2026-03-01T23:00:00Z", "2026-03-02T23:00:00Z"),
        );
        // 02:00 to 03:00 is left out on the 29th of March.
        check_span(
            "2026-03-29",
            "01:30",
            "02:30",
            ("2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z"),
        );
        check_span(
            "2026-03-29",
            "02:30",
            "04:00",
            ("2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"),
        );
        check_span(
            "2026-03-29",
            "02:10",
            "02:50",
            ("2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"),
        );
        // And comes twice on the 25th of October.
        check_span(
            "2026-10-25",
            "02:30",
            "04:00",
            ("2026-10-25T00:30:00Z", "2026-10-25T03:00:00Z"),
        );
        check_span(
            "2026-10-25",
            "01:00",
            "02:30",
            ("2026-10-24T23:00:00Z", "2026-10-25T00:30:00Z"),
        );
    }
}
