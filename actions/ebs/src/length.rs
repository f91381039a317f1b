//! Lengths of time in parameters: `7d`, `36h`, `90m`.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;

/// A length of time of at least a minute and at most ten years: `7d`, `36h`, `1h30m`. A day has
/// 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(crate) struct Length {
    minutes: u32,
}

/// A text that is not a [`Length`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadLength(String);

impl std::fmt::Display for BadLength {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let BadLength(text) = self;
        write!(f, "`{text}` is not a length from a minute to ten years, such as `7d` or `1h30m`")
    }
}

/// Ten years.
const MOST: u32 = 10 * 365 * 24 * 60;

impl TryFrom<String> for Length {
    type Error = BadLength;

    fn try_from(text: String) -> Result<Length, BadLength> {
        match parse(&text) {
            Some(minutes) if (1..=MOST).contains(&minutes) => Ok(Length { minutes }),
            _ => Err(BadLength(text)),
        }
    }
}

/// Days, hours and minutes in this order, each at most once.
fn parse(text: &str) -> Option<u32> {
    let (mut rest, mut minutes, mut units) =
        (text, 0_u32, [('d', 24 * 60), ('h', 60), ('m', 1)].as_slice());
    while !rest.is_empty() {
        let digits = rest.find(|it: char| !it.is_ascii_digit())?;
        let count: u32 = rest.get(..digits)?.parse().ok()?;
        let unit = rest[digits..].chars().next()?;
        let at = units.iter().position(|(name, _)| *name == unit)?;
        minutes = minutes.checked_add(count.checked_mul(units[at].1)?)?;
        units = &units[at + 1..];
        rest = &rest[digits + 1..];
    }
    Some(minutes)
}

impl Length {
    /// In minutes.
    pub(crate) fn minutes(self) -> u32 {
        self.minutes
    }

    /// The instant this long after another one.
    pub(crate) fn after(self, at: Timestamp) -> Timestamp {
        let length = SignedDuration::from_mins(self.minutes.into());
        at.saturating_add(length).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, minutes: Option<u32>) {
        assert_eq!(Length::try_from(text.to_owned()).ok().map(Length::minutes), minutes, "{text}");
    }

    #[test]
    fn days_hours_and_minutes_in_this_order() {
        check("15m", Some(15));
        check("1h30m", Some(90));
        check("7d", Some(7 * 24 * 60));
        check("1d2h3m", Some(1563));
        check("3650d", Some(MOST));
        for bad in [
            "",
            "0m",
            "5",
            "d",
            "1s",
            "1m1h",
            "1h1h",
            "3651d",
            "-1d",
            "1.5h",
            "99999999d",
            "1h 2m",
            "1é",
        ] {
            check(bad, None);
        }
    }
}
