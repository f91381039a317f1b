//! A time zone by its IANA name, from the data that is built in.

use std::{fmt, str::FromStr, sync::LazyLock};

use jiff::tz::{TimeZone, TimeZoneDatabase};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The data in the binary. Not jiff's default database, which another crate's features could turn
/// into the host's own files.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// How alike a name must be to be suggested, from 0 to 1.
const ALIKE: f64 = 0.85;

/// A time zone of the IANA database, such as `Europe/Madrid`. UTC by default.
///
/// Names are read in either case and kept as the database writes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Zone(TimeZone);

/// A name that the time zone database does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownZone {
    name: String,
    /// The name that was probably meant.
    pub suggestion: Option<String>,
}

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Zone = Zone(TimeZone::UTC);

    /// The name in the database.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The zone's rules, to show an instant in it.
    pub fn rules(&self) -> &TimeZone {
        &self.0
    }
}

impl Default for Zone {
    fn default() -> Zone {
        Zone::UTC
    }
}

impl FromStr for Zone {
    type Err = UnknownZone;

    fn from_str(name: &str) -> Result<Zone, UnknownZone> {
        // jiff answers `Etc/Unknown`, which is no zone of the database, with UTC.
        match ZONES.get(name) {
            Ok(zone) if !zone.is_unknown() => Ok(Zone(zone)),
            _ => Err(UnknownZone { name: name.to_owned(), suggestion: suggestion(name) }),
        }
    }
}

/// The zone whose name, or whose city, is most like `name`.
fn suggestion(name: &str) -> Option<String> {
    let name = name.to_ascii_lowercase().replace(' ', "_");
    let likeness = |zone: &str| {
        let zone = zone.to_ascii_lowercase();
        let city = zone.rsplit('/').next().unwrap_or(&zone);
        strsim::jaro_winkler(&name, &zone).max(strsim::jaro_winkler(&name, city))
    };
    ZONES
        .available()
        .map(|zone| (likeness(zone.as_str()), zone.as_str().to_owned()))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, zone)| zone)
}

impl TryFrom<String> for Zone {
    type Error = UnknownZone;

    fn try_from(name: String) -> Result<Zone, UnknownZone> {
        name.parse()
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> String {
        zone.name().to_owned()
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for UnknownZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a time zone of the IANA database", self.name)?;
        match &self.suggestion {
            Some(zone) => write!(f, "; did you mean `{zone}`?"),
            None => f.write_str(", such as `Europe/Madrid`"),
        }
    }
}

impl std::error::Error for UnknownZone {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_database_and_nothing_else() {
        for (text, name) in [
            ("Europe/Madrid", "Europe/Madrid"),
            ("europe/madrid", "Europe/Madrid"),
            ("UTC", "UTC"),
            ("Etc/UTC", "Etc/UTC"),
            ("Asia/Calcutta", "Asia/Calcutta"),
            ("EST5EDT", "EST5EDT"),
        ] {
            assert_eq!(text.parse::<Zone>().map(String::from), Ok(name.to_owned()), "{text}");
        }
        for text in ["", "Etc/Unknown", "+02:00", "Mars/Olympus", "CET-1CEST,M3.5.0,M10.5.0/3"] {
            assert!(text.parse::<Zone>().is_err(), "{text}");
        }
    }

    #[test]
    fn suggests_what_was_meant() {
        for (text, message) in [
            (
                "Europe/Madrit",
                "`Europe/Madrit` is not a time zone of the IANA database; did you mean `Europe/Madrid`?",
            ),
            (
                "new york",
                "`new york` is not a time zone of the IANA database; did you mean `America/New_York`?",
            ),
            ("x", "`x` is not a time zone of the IANA database, such as `Europe/Madrid`"),
        ] {
            assert_eq!(text.parse::<Zone>().unwrap_err().to_string(), message);
        }
    }
}
