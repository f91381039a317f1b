//! Days in the parameters of an action: names of calendars, and dates.

use std::{borrow::Cow, fmt};

use jiff::civil::Date;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::Calendar;

/// The `format` of [`Days`] in a JSON Schema, by which a configuration knows where calendars may
/// be named.
pub const CALENDARS: &str = "calendars";

/// A set of days. In a configuration it is a list of names of calendars and of dates; there the
/// names are replaced by the days of the calendars, so that a change of a calendar does not
/// change work in flight.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Days(Calendar);

/// A text that is neither a date nor the name of a calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadDay(String);

impl Days {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a day is one of them.
    pub fn contains(&self, day: Date) -> bool {
        self.0.contains(&day)
    }
}

impl TryFrom<Vec<String>> for Days {
    type Error = BadDay;

    fn try_from(texts: Vec<String>) -> Result<Days, BadDay> {
        // jiff also takes a time after the date, and drops it.
        let date = |text: String| {
            let date = text.parse::<Date>().ok().filter(|date| date.to_string() == text);
            date.ok_or(BadDay(text))
        };
        texts.into_iter().map(date).collect::<Result<_, _>>().map(Days)
    }
}

impl From<Days> for Vec<String> {
    fn from(days: Days) -> Vec<String> {
        days.0.iter().map(Date::to_string).collect()
    }
}

impl fmt::Display for BadDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BadDay(text) = self;
        write!(f, "`{text}` is neither a calendar nor a date, such as `2026-12-25`")
    }
}

impl std::error::Error for BadDay {}

impl JsonSchema for Days {
    fn schema_name() -> Cow<'static, str> {
        "Days".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "array",
            "items": { "type": "string" },
            "format": CALENDARS,
        })
    }

    fn inline_schema() -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn days_are_dates_each_once() {
        let days: Days = serde_json::from_value(json!(["2026-12-25", "2026-12-24", "2026-12-25"]))
            .expect("these are dates");
        assert_eq!(serde_json::to_value(&days).ok(), Some(json!(["2026-12-24", "2026-12-25"])));
        for text in ["holidays", "2026-12-25T00:00", "2026-13-01"] {
            let bad = serde_json::from_value::<Days>(json!([text])).map_err(|it| it.to_string());
            let message =
                format!("`{text}` is neither a calendar nor a date, such as `2026-12-25`");
            assert_eq!(bad, Err(message));
        }
    }
}
