//! The five fields of a cron expression, and what is said when one is wrong.

use std::fmt;

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// One of the five fields of a cron expression, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// 0 to 59.
    Minute,
    /// 0 to 23.
    Hour,
    /// 1 to 31.
    DayOfMonth,
    /// 1 to 12, or a name.
    Month,
    /// 0 to 7, or a name; 0 and 7 are Sunday.
    DayOfWeek,
}

impl Field {
    pub(super) const ALL: [Field; 5] =
        [Field::Minute, Field::Hour, Field::DayOfMonth, Field::Month, Field::DayOfWeek];

    pub(super) fn bounds(self) -> (u8, u8) {
        match self {
            Field::Minute => (0, 59),
            Field::Hour => (0, 23),
            Field::DayOfMonth => (1, 31),
            Field::Month => (1, 12),
            Field::DayOfWeek => (0, 7),
        }
    }

    /// What a single value of the field looks like, for errors.
    pub(super) fn values(self) -> &'static str {
        match self {
            Field::Minute => "a minute from 0 to 59",
            Field::Hour => "an hour from 0 to 23",
            Field::DayOfMonth => "a day from 1 to 31, `L`, `L-3`, `15W` or `LW`",
            Field::Month => "a month from 1 to 12 or JAN to DEC",
            Field::DayOfWeek => "a weekday from 0 to 7 or SUN to SAT, `5#2` or `5L`",
        }
    }

    /// The number that a name stands for in this field.
    pub(super) fn named(self, name: &str) -> Option<u8> {
        let (names, first): (&[&str], u8) = match self {
            Field::Month => (&MONTHS, 1),
            Field::DayOfWeek => (&WEEKDAYS, 0),
            Field::Minute | Field::Hour | Field::DayOfMonth => return None,
        };
        (first..).zip(names).find(|(_, it)| it.eq_ignore_ascii_case(name)).map(|(value, _)| value)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Field::Minute => "minute",
            Field::Hour => "hour",
            Field::DayOfMonth => "day-of-month",
            Field::Month => "month",
            Field::DayOfWeek => "day-of-week",
        })
    }
}

/// A text that is not a cron expression, or one that could never fire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadCron {
    /// The field at fault; none when it is the expression as a whole.
    pub field: Option<Field>,
    /// Where in the expression, in characters from its start, counted from 0.
    pub offset: usize,
    /// What would have been right there.
    pub expected: String,
    /// What stands there; empty at the end of the expression.
    pub found: String,
}

impl fmt::Display for BadCron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field {
            Some(field) => write!(f, "{field} field")?,
            None => f.write_str("cron expression")?,
        }
        write!(f, " at offset {}: expected {}, ", self.offset, self.expected)?;
        match self.found.as_str() {
            "" => f.write_str("found nothing"),
            found => write!(f, "found `{found}`"),
        }
    }
}

impl std::error::Error for BadCron {}
