//! A fixed interval, counted from the Unix epoch.

use std::{fmt, str::FromStr, time::Duration};

use jiff::{
    SignedDuration, Span, SpanRelativeTo, Timestamp,
    fmt::friendly::{Designator, Spacing, SpanPrinter},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const MIN_SECONDS: i64 = 60;
const MAX_SECONDS: i64 = 366 * 24 * 60 * 60;

/// An interval such as `15m`, `6h`, `1d` or `1h30m`: whole seconds from one minute to 366 days.
/// A day is 24 hours. It starts at multiples of itself since 1970-01-01T00:00:00Z, so it needs
/// no memory and local clocks do not move it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Every {
    seconds: i64,
}

/// A text that is not an interval.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected whole seconds from 1m to 366d, such as `15m` or `1h30m`, found `{0}`")]
pub struct BadEvery(String);

impl Every {
    /// The length of the interval.
    pub fn length(self) -> Duration {
        Duration::from_secs(self.seconds.unsigned_abs())
    }

    /// The first start not before `from`, which is on a whole second; none beyond the years that [`Timestamp`] can say.
    pub(super) fn first(self, from: Timestamp) -> Option<Timestamp> {
        let seconds = from.as_second();
        let behind = seconds.rem_euclid(self.seconds);
        let ahead = if behind == 0 { 0 } else { self.seconds - behind };
        Timestamp::from_second(seconds + ahead).ok()
    }
}

impl FromStr for Every {
    type Err = BadEvery;

    fn from_str(text: &str) -> Result<Every, BadEvery> {
        text.trim()
            .parse::<Span>()
            .and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()))
            .ok()
            .filter(|length| length.subsec_nanos() == 0)
            .map(|length| length.as_secs())
            .filter(|seconds| (MIN_SECONDS..=MAX_SECONDS).contains(seconds))
            .map(|seconds| Every { seconds })
            .ok_or_else(|| BadEvery(text.to_owned()))
    }
}

impl TryFrom<String> for Every {
    type Error = BadEvery;

    fn try_from(text: String) -> Result<Every, BadEvery> {
        text.parse()
    }
}

impl From<Every> for String {
    fn from(every: Every) -> String {
        every.to_string()
    }
}

impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let printer = SpanPrinter::new().designator(Designator::Compact).spacing(Spacing::None);
        f.pad(&printer.duration_to_string(&SignedDuration::from_secs(self.seconds)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lengths_and_writes_them_back() {
        let cases = [
            ("15m", 900, "15m"),
            ("6h", 21_600, "6h"),
            ("1d", 86_400, "24h"),
            ("1h30m", 5_400, "1h30m"),
            ("1h 30m", 5_400, "1h30m"),
            ("90 seconds", 90, "1m30s"),
            ("1m", 60, "1m"),
            ("366d", 31_622_400, "8784h"),
        ];
        for (text, seconds, written) in cases {
            let every: Every = text.parse().unwrap();
            assert_eq!(every, Every { seconds }, "{text}");
            assert_eq!(every.to_string(), written, "{text}");
            assert_eq!(written.parse(), Ok(every), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_interval() {
        for text in ["", "15", "0m", "59s", "60.5s", "-15m", "15m ago", "367d", "1 month", "soon"] {
            let error = text.parse::<Every>().unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "expected whole seconds from 1m to 366d, such as `15m` or `1h30m`, found `{text}`"
                )
            );
        }
    }

    #[test]
    fn starts_at_multiples_since_the_epoch() {
        #[track_caller]
        fn check(every: &str, from: &str, first: &str) {
            let every: Every = every.parse().unwrap();
            let first: Timestamp = first.parse().unwrap();
            assert_eq!(every.first(from.parse().unwrap()), Some(first));
        }
        check("15m", "2026-03-29T00:00:00Z", "2026-03-29T00:00:00Z");
        check("15m", "2026-03-29T00:00:01Z", "2026-03-29T00:15:00Z");
        check("7m", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z");
        check("7m", "1969-12-31T23:54:00Z", "1970-01-01T00:00:00Z");
        check("7m", "1969-12-31T23:52:59Z", "1969-12-31T23:53:00Z");
        check("366d", "1971-01-02T00:00:00Z", "1971-01-02T00:00:00Z");
    }
}
