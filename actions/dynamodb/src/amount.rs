//! How much capacity: a number of units, or a percentage of what there is.

use std::{fmt, str::FromStr};

use lamplighter_core::{
    action::BadParams,
    cloud::tables::{Unit, Units},
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

/// An amount of reads or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Amount {
    /// So many.
    Units(u64),
    /// So many percent of what there is.
    Percent(u64),
}

/// What a table or an index is to have.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Wanted {
    /// Reads per second: a number such as `100`, or a percentage such as `50%` of what it has when
    /// the plan is made. Stays as it is by default.
    reads: Option<Amount>,
    /// Writes per second: a number or a percentage, too.
    writes: Option<Amount>,
    /// A percentage of the reads never comes below this. Each run takes the percentage again, so
    /// one below 100% needs it.
    #[schemars(range(min = 1))]
    min_reads: Option<u64>,
    /// A percentage of the reads never comes above this. One above 100% needs it.
    #[schemars(range(min = 1))]
    max_reads: Option<u64>,
    /// The same for a percentage of the writes.
    #[schemars(range(min = 1))]
    min_writes: Option<u64>,
    /// The same for a percentage of the writes.
    #[schemars(range(min = 1))]
    max_writes: Option<u64>,
}

impl Wanted {
    /// Checks each percentage and its bounds.
    pub(crate) fn check(&self, path: &str) -> Result<(), BadParams> {
        let bad = |path: String, message: String| Err(BadParams { path, message });
        if self.reads.is_none() && self.writes.is_none() {
            let message = "`reads` or `writes` must say how much";
            return bad(path.to_owned(), message.to_owned());
        }
        for unit in [Unit::Reads, Unit::Writes] {
            let (name, amount, min, max) = self.of(unit);
            let (min_path, max_path) = (format!("{path}.min-{name}"), format!("{path}.max-{name}"));
            for (path, bound) in [(&min_path, min), (&max_path, max)] {
                if bound == Some(0) {
                    return bad(path.clone(), "DynamoDB has at least 1".to_owned());
                }
                if bound.is_some() && !matches!(amount, Some(Amount::Percent(_))) {
                    let message = format!("is for `{name}` as a percentage");
                    return bad(path.clone(), message);
                }
            }
            if let (Some(min), Some(max)) = (min, max)
                && min > max
            {
                let message = format!("`min-{name}` is {min}, more than `max-{name}`: {max}");
                return bad(min_path, message);
            }
            let Some(Amount::Percent(percent)) = amount else { continue };
            let again = "each run takes the percentage again, so a bound must say where it ends";
            if percent < 100 && min.is_none() {
                return bad(min_path, format!("`{name}: {percent}%` needs `min-{name}`: {again}"));
            }
            if percent > 100 && max.is_none() {
                return bad(max_path, format!("`{name}: {percent}%` needs `max-{name}`: {again}"));
            }
        }
        Ok(())
    }

    /// What one of the two becomes; `None`: it stays.
    pub(crate) fn becomes(&self, unit: Unit, now: Units) -> Option<u64> {
        let (_, amount, min, max) = self.of(unit);
        Some(match amount? {
            Amount::Units(units) => units,
            Amount::Percent(percent) => {
                let share = u128::from(now.get(unit)) * u128::from(percent);
                let part = u64::try_from(share.div_ceil(100)).unwrap_or(u64::MAX);
                part.max(min.unwrap_or(1)).min(max.unwrap_or(u64::MAX))
            }
        })
    }

    fn of(&self, unit: Unit) -> (&'static str, Option<Amount>, Option<u64>, Option<u64>) {
        match unit {
            Unit::Reads => ("reads", self.reads, self.min_reads, self.max_reads),
            Unit::Writes => ("writes", self.writes, self.min_writes, self.max_writes),
        }
    }
}

impl FromStr for Amount {
    type Err = String;

    fn from_str(text: &str) -> Result<Amount, String> {
        let number = |digits: &str| {
            let digits = Some(digits).filter(|it| it.bytes().all(|it| it.is_ascii_digit()));
            digits.and_then(|it| it.parse().ok()).filter(|it| *it > 0)
        };
        let amount = match text.strip_suffix('%') {
            Some(percent) => number(percent).map(Amount::Percent),
            None => number(text).map(Amount::Units),
        };
        amount.ok_or_else(|| format!("`{text}` is not an amount, such as `100` or `50%`"))
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Amount, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Amount;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an amount, such as `100` or `50%`")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Amount, E> {
                text.parse().map_err(E::custom)
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Amount, E> {
                number.to_string().parse().map_err(E::custom)
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Amount, E> {
                number.to_string().parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Amount {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Amount".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["integer", "string"],
            "minimum": 1,
            "pattern": "^0*[1-9][0-9]*%?$",
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check(wanted: Value, now: u64, expected: Option<u64>) {
        let wanted: Wanted = serde_json::from_value(wanted).unwrap();
        wanted.check("table").unwrap();
        assert_eq!(wanted.becomes(Unit::Reads, Units { reads: now, writes: 7 }), expected);
    }

    #[test]
    fn an_amount_is_a_number_or_a_share_rounded_up_within_bounds() {
        check(json!({ "reads": 100 }), 5, Some(100));
        check(json!({ "reads": "100" }), 5, Some(100));
        check(json!({ "writes": 100 }), 5, None);
        let half = json!({ "reads": "50%", "min-reads": 4 });
        for (now, expected) in [(100, 50), (9, 5), (7, 4), (5, 4), (4, 4), (2, 4)] {
            check(half.clone(), now, Some(expected));
        }
        let double = json!({ "reads": "200%", "min-reads": 10, "max-reads": 80 });
        for (now, expected) in [(1, 10), (30, 60), (40, 80), (41, 80), (100, 80)] {
            check(double.clone(), now, Some(expected));
        }
        check(json!({ "reads": "200%", "max-reads": u64::MAX }), u64::MAX, Some(u64::MAX));
    }

    #[test]
    fn a_percentage_within_bounds_comes_to_rest() {
        for percent in ["1%", "50%", "99%", "100%", "101%", "900%"] {
            let wanted = json!({ "reads": percent, "min-reads": 3, "max-reads": 500 });
            let wanted: Wanted = serde_json::from_value(wanted).unwrap();
            let next = |reads| wanted.becomes(Unit::Reads, Units { reads, writes: 1 }).unwrap();
            let rest = (0..1000).fold(77, |reads, _| next(reads));
            assert_eq!(next(rest), rest, "{percent}");
        }
    }

    #[track_caller]
    fn check_bad(wanted: Value, path: &str, message: &str) {
        let wanted: Wanted = serde_json::from_value(wanted).unwrap();
        let found = wanted.check("table").map_err(|it| (it.path, it.message));
        assert_eq!(found, Err((path.to_owned(), message.to_owned())));
    }

    #[test]
    fn a_percentage_needs_the_bound_that_it_goes_to() {
        check_bad(json!({}), "table", "`reads` or `writes` must say how much");
        let again = "each run takes the percentage again, so a bound must say where it ends";
        check_bad(
            json!({ "reads": "50%", "max-reads": 5 }),
            "table.min-reads",
            &format!("`reads: 50%` needs `min-reads`: {again}"),
        );
        check_bad(
            json!({ "writes": "150%", "min-writes": 5 }),
            "table.max-writes",
            &format!("`writes: 150%` needs `max-writes`: {again}"),
        );
        check_bad(
            json!({ "reads": 5, "min-reads": 5 }),
            "table.min-reads",
            "is for `reads` as a percentage",
        );
        check_bad(
            json!({ "reads": "50%", "min-reads": 9, "max-reads": 5 }),
            "table.min-reads",
            "`min-reads` is 9, more than `max-reads`: 5",
        );
        check_bad(
            json!({ "reads": "50%", "min-reads": 0 }),
            "table.min-reads",
            "DynamoDB has at least 1",
        );
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for wrong in [json!(0), json!(-1), json!("0%"), json!("%"), json!("5 %"), json!("half")] {
            let found =
                serde_json::from_value::<Amount>(wrong.clone()).map_err(|it| it.to_string());
            let text = wrong.as_str().map_or(wrong.to_string(), str::to_owned);
            let expected = format!("`{text}` is not an amount, such as `100` or `50%`");
            assert_eq!(found, Err(expected));
        }
        assert!(serde_json::from_value::<Amount>(json!(1.5)).is_err());
    }
}
