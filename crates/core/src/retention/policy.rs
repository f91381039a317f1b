//! What the user writes: the `keep` rules and the floor.

use std::num::NonZeroU32;

use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Within;
use crate::action::BadParams;

/// Rules for which backups of a source are kept. A backup is kept if any of them keeps it; what
/// none keeps is deleted.
///
/// The calendar rules (`hourly` to `yearly`) each keep the newest backup of every hour, day …
/// that has one, until they have kept as many as they say. While one has kept fewer, it also
/// keeps the oldest backup there is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Keep {
    /// How many of the newest backups to keep.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<NonZeroU32>,
    /// Keeps every backup younger than this, counted back from the newest backup of the source
    /// and not from now: when backups stop, none of these expire. Years, months, days and hours:
    /// `14d`, `1y6m`, `36h`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within: Option<Within>,
    /// For how many hours that have a backup to keep the newest of the hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hourly: Option<NonZeroU32>,
    /// For how many days that have a backup to keep the newest of the day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daily: Option<NonZeroU32>,
    /// For how many weeks that have a backup to keep the newest of the week. Weeks are those of
    /// ISO 8601: they begin on Monday, and days around New Year may belong to a week of the
    /// other year.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weekly: Option<NonZeroU32>,
    /// For how many months that have a backup to keep the newest of the month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monthly: Option<NonZeroU32>,
    /// For how many years that have a backup to keep the newest of the year.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub yearly: Option<NonZeroU32>,
    /// The zone whose calendar says when hours, days, weeks, months and years begin: an IANA
    /// name such as `Europe/Madrid`. Default: UTC.
    #[serde(with = "jiff::fmt::serde::tz::required")]
    #[schemars(with = "String")]
    pub time_zone: TimeZone,
}

impl Default for Keep {
    fn default() -> Keep {
        Keep {
            last: None,
            within: None,
            hourly: None,
            daily: None,
            weekly: None,
            monthly: None,
            yearly: None,
            time_zone: TimeZone::UTC,
        }
    }
}

impl Keep {
    /// Whether no rule is given.
    pub fn is_empty(&self) -> bool {
        *self == Keep { time_zone: self.time_zone.clone(), ..Keep::default() }
    }
}

/// A retention policy: rules, and a floor that holds whatever the rules say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Policy {
    /// What to keep.
    pub keep: Keep,
    /// How many of the newest completed backups of each source are never deleted, whatever the
    /// rules say. At least 1, the default.
    #[serde(default = "one")]
    #[schemars(range(min = 1))]
    pub floor: u32,
}

fn one() -> u32 {
    1
}

impl Policy {
    /// Checks what the types cannot say.
    ///
    /// # Errors
    ///
    /// Says what is wrong: no rule at all in `keep`, or a `floor` of 0.
    pub fn check(&self) -> Result<(), BadParams> {
        let bad = |path: &str, message: &str| {
            Err(BadParams { path: path.to_owned(), message: message.to_owned() })
        };
        if self.keep.is_empty() {
            return bad(
                "keep",
                "`keep` needs at least one of `last`, `within`, `hourly`, `daily`, `weekly`, \
                 `monthly` and `yearly`",
            );
        }
        if self.floor == 0 {
            return bad(
                "floor",
                "`floor` must be at least 1: the newest completed backup of a source is never \
                 deleted",
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check(policy: Value, expected: Result<(), &str>) {
        let found = serde_json::from_value::<Policy>(policy)
            .map_err(|error| error.to_string())
            .and_then(|policy| policy.check().map_err(|bad| bad.message));
        assert_eq!(found, expected.map_err(str::to_owned));
    }

    #[test]
    fn reads_every_rule() {
        let text = json!({
            "keep": {
                "last": 3, "within": "14d", "hourly": 24, "daily": 14, "weekly": 8,
                "monthly": 12, "yearly": 7, "time-zone": "Europe/Madrid",
            },
            "floor": 2,
        });
        let policy: Policy = serde_json::from_value(text.clone()).unwrap();
        assert_eq!(policy.check(), Ok(()));
        assert_eq!(serde_json::to_value(policy).unwrap(), text);
    }

    #[test]
    fn the_floor_is_one_and_the_zone_utc_unless_told_otherwise() {
        let policy: Policy = serde_json::from_value(json!({ "keep": { "daily": 7 } })).unwrap();
        let keep = Keep { daily: NonZeroU32::new(7), time_zone: TimeZone::UTC, ..Keep::default() };
        assert_eq!(policy, Policy { keep, floor: 1 });
    }

    #[test]
    fn refuses_what_would_keep_nothing() {
        let no_rule = "`keep` needs at least one of `last`, `within`, `hourly`, `daily`, \
                       `weekly`, `monthly` and `yearly`";
        check(json!({ "keep": {} }), Err(no_rule));
        check(json!({ "keep": { "time-zone": "Asia/Tokyo" } }), Err(no_rule));
        check(
            json!({ "keep": { "last": 1 }, "floor": 0 }),
            Err("`floor` must be at least 1: the newest completed backup of a source is never \
                 deleted"),
        );
        check(
            json!({ "keep": { "last": 0 } }),
            Err("invalid value: integer `0`, expected a nonzero u32"),
        );
        check(
            json!({ "keep": { "within": "soon" } }),
            Err("`soon` is not a length in years, months, days and hours above zero, such as \
                 `14d` or `1y6m`"),
        );
    }

    #[test]
    fn refuses_unknown_names() {
        check(
            json!({ "keep": { "last": 1 }, "flor": 0 }),
            Err("unknown field `flor`, expected `keep` or `floor`"),
        );
        check(
            json!({ "keep": { "dayly": 1 } }),
            Err("unknown field `dayly`, expected one of `last`, `within`, `hourly`, `daily`, \
                 `weekly`, `monthly`, `yearly`, `time-zone`"),
        );
        check(
            json!({ "keep": { "last": 1, "time-zone": "Europe/Madird" } }),
            Err(
                "parsed apparent IANA time zone identifier, but the tzdb lookup failed: failed to \
                 find time zone `Europe/Madird` in time zone database",
            ),
        );
    }

    #[test]
    fn the_schema_has_a_description_for_every_rule() {
        let schema = serde_json::to_value(schemars::schema_for!(Keep)).unwrap();
        let rules = schema["properties"].as_object().unwrap();
        assert_eq!(rules.len(), 8);
        for (name, rule) in rules {
            assert!(rule["description"].is_string(), "{name}");
        }
        assert_eq!(rules["last"]["minimum"], 1);
        assert_eq!(rules["time-zone"]["type"], "string");
    }
}
