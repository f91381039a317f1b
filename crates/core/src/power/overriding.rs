//! What the tag of one resource says instead of the timetable, for a while.

use std::fmt;

use jiff::{Timestamp, civil::DateTime};

use super::period::reached;
use crate::schedule::Zone;

/// What a tag says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// `running`: it should run.
    Running,
    /// `stopped`: it should be stopped.
    Stopped,
    /// `as-is`: it is left as it is.
    AsIs,
}

/// What holds instead of the timetable, and until when: `running until 2026-11-24T08:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Override {
    /// What holds.
    pub said: Said,
    /// Until when, itself excluded.
    pub until: Timestamp,
}

/// A text that is not an [`Override`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected `running`, `stopped` or `as-is`, then `until` and a time: `running until 2026-11-24T08:00`"
)]
pub struct BadOverride;

impl Override {
    /// Reads the value of a tag. A time without an offset is one on the zone's clock.
    pub fn parse(text: &str, zone: &Zone) -> Result<Override, BadOverride> {
        let text = text.trim();
        let (word, rest) = text.split_once(char::is_whitespace).ok_or(BadOverride)?;
        let (until, time) = rest.trim().split_once(char::is_whitespace).ok_or(BadOverride)?;
        let said = match word.to_ascii_lowercase().as_str() {
            "running" => Said::Running,
            "stopped" => Said::Stopped,
            "as-is" => Said::AsIs,
            _ => return Err(BadOverride),
        };
        // A date alone could mean its beginning or its end.
        if !until.eq_ignore_ascii_case("until") || !time.contains(':') {
            return Err(BadOverride);
        }
        let time = time.trim();
        let local = || {
            let local = time.parse::<DateTime>().ok()?;
            reached(local, zone.rules())
        };
        let until = time.parse().ok().or_else(local).ok_or(BadOverride)?;
        Ok(Override { said, until })
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Said::Running => "running",
            Said::Stopped => "stopped",
            Said::AsIs => "as-is",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(Said, &str)>) {
        let zone = "Europe/Madrid".parse().unwrap();
        let expected =
            expected.map(|(said, until)| Override { said, until: until.parse().unwrap() });
        assert_eq!(Override::parse(text, &zone).ok(), expected, "{text}");
    }

    #[test]
    fn a_tag_says_what_and_until_when() {
        let until = "2026-11-24T07:00:00Z";
        check("running until 2026-11-24T08:00", Some((Said::Running, until)));
        check("Stopped  UNTIL  2026-11-24 08:00 ", Some((Said::Stopped, until)));
        check("as-is until 2026-11-24T08:00:00+01:00", Some((Said::AsIs, until)));
        check("as-is until 2026-11-24T07:00Z", Some((Said::AsIs, until)));
        // Left out by the clock.
        check("running until 2026-03-29T02:30", Some((Said::Running, "2026-03-29T01:00:00Z")));
        for text in [
            "",
            "running",
            "running until",
            "running until tomorrow",
            "running until 2026-11-24",
            "running 2026-11-24T08:00",
            "walking until 2026-11-24T08:00",
            "running until 2026-11-24T08:00 please",
        ] {
            check(text, None);
        }
    }
}
