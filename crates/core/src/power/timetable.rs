//! The periods of a fleet together: whether it should run at an instant, and since when.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, ToSpan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Period, Power};
use crate::schedule::Zone;

/// How many days back the beginning of the present stretch is looked for, little by little.
const BACK: [i64; 4] = [3, 9, 70, 800];

/// Named periods, in which a fleet runs. Outside of all it is stopped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Timetable {
    /// The periods, by name.
    pub periods: BTreeMap<String, Period>,
    /// Whose clock the periods follow.
    pub time_zone: Zone,
}

/// A span of time in which a timetable says the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// What it says.
    pub power: Power,
    /// When it began; for one that is older than two years, some time before.
    pub since: Timestamp,
    /// The periods that say so at the instant that was asked for, in the order of their names.
    pub periods: Vec<String>,
}

/// One period on one day.
struct Span<'t> {
    name: &'t str,
    begins: Timestamp,
    ends: Timestamp,
}

impl Timetable {
    /// What it says at an instant.
    pub fn at(&self, now: Timestamp) -> Stretch {
        let mut found = self.looking_back(now, BACK[0]);
        for days in &BACK[1..] {
            if let Some(stretch) = found.1 {
                return stretch;
            }
            found = self.looking_back(now, *days);
        }
        let (power, periods) = found.0;
        let old = SignedDuration::from_hours(24 * BACK[BACK.len() - 1]);
        let since = now.saturating_sub(old).unwrap_or(Timestamp::MIN);
        found.1.unwrap_or(Stretch { power, since, periods })
    }

    /// What it says, and the stretch when it began within so many days.
    fn looking_back(&self, now: Timestamp, days: i64) -> ((Power, Vec<String>), Option<Stretch>) {
        let spans = self.spans(now, days);
        let is_now = |it: &&Span<'_>| it.begins <= now && now < it.ends;
        let periods: Vec<String> =
            spans.iter().filter(is_now).map(|it| it.name.to_owned()).collect();
        let (power, since) = if periods.is_empty() {
            (Power::Stopped, spans.iter().map(|it| it.ends).filter(|at| *at <= now).max())
        } else {
            (Power::Running, began(&spans, now))
        };
        // What began on the first days that were looked at may have begun before them.
        let edge = now.saturating_sub(SignedDuration::from_hours(24 * (days - 2)));
        let certain = since.filter(|at| edge.is_ok_and(|edge| *at > edge));
        let stretch = certain.map(|since| Stretch { power, since, periods: periods.clone() });
        ((power, periods), stretch)
    }

    /// Every period of the last days and of today that is not empty, in the order of their names.
    fn spans(&self, now: Timestamp, days: i64) -> Vec<Span<'_>> {
        let zone = self.time_zone.rules();
        let today = zone.to_datetime(now).date();
        let first = today.saturating_sub(days.days());
        let last = today.saturating_add(1.day());
        let mut spans = Vec::new();
        for (name, period) in &self.periods {
            for day in first.series(1.day()).take_while(|day| *day <= last) {
                let Some((begins, ends)) =
                    period.begins_on(day).then(|| period.span(day, zone)).flatten()
                else {
                    continue;
                };
                if begins < ends {
                    spans.push(Span { name, begins, ends });
                }
            }
        }
        spans
    }
}

/// When the row of spans began without a gap in which `now` is.
fn began(spans: &[Span<'_>], now: Timestamp) -> Option<Timestamp> {
    let mut at =
        spans.iter().filter(|it| it.begins <= now && now < it.ends).map(|it| it.begins).min()?;
    while let Some(earlier) =
        spans.iter().filter(|it| it.begins < at && at <= it.ends).map(|it| it.begins).min()
    {
        at = earlier;
    }
    Some(at)
}

#[cfg(test)]
mod tests;
