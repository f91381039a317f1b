//! Conditions: an operator, the key that it looks at, and the values that it compares with.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>
//!
//! `BinaryEquals`, `IpAddress` and `NotIpAddress` are refused: nothing in the simulated
//! organization has a binary key or comes from an address.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::context::{Context, Entry};
use super::pattern::{ArnPattern, Case, Pattern, Version, Wildcards};
use super::truth::{self, Truth};

/// One key of one operator.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Condition {
    /// In lower case.
    key: String,
    test: Test,
}

#[derive(Clone, Debug, PartialEq)]
enum Test {
    /// Whether the key is missing: one of these.
    Null(Vec<bool>),
    Compare {
        quantifier: Quantifier,
        missing: Missing,
        negated: bool,
        values: Values,
    },
}

/// How many of the request's values must pass.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantifier {
    TheOne,
    Every,
    Any,
}

/// What a missing key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Missing {
    /// Not one of the values.
    Counts,
    /// No matter, by `…IfExists`.
    Passes,
}

/// What the request's value is compared with: it must be one of these.
#[derive(Clone, Debug, PartialEq)]
enum Values {
    Texts(Vec<Pattern>),
    Arns(Vec<ArnPattern>),
    Booleans(Vec<bool>),
    Numbers(Comparison, Vec<f64>),
    Dates(Comparison, Vec<Timestamp>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Condition {
    /// Understands `operator`, such as `ForAllValues:StringLikeIfExists`, with a key and its
    /// values. The error says what of them is wrong.
    pub(super) fn parse<'a>(
        operator: &str,
        key: &str,
        values: impl Iterator<Item = &'a str>,
        version: Version,
    ) -> Result<Condition, String> {
        if key.split_once(':').is_none_or(|(service, name)| service.is_empty() || name.is_empty()) {
            return Err(format!("`{key}` is not a condition key, such as `aws:RequestTag/Name`"));
        }
        let key = key.to_ascii_lowercase();
        if operator == "Null" {
            let test = Test::Null(values.map(boolean).collect::<Result<_, _>>()?);
            return Ok(Condition { key, test });
        }
        let (quantifier, rest) = if let Some(rest) = operator.strip_prefix("ForAllValues:") {
            (Quantifier::Every, rest)
        } else if let Some(rest) = operator.strip_prefix("ForAnyValue:") {
            (Quantifier::Any, rest)
        } else {
            (Quantifier::TheOne, operator)
        };
        let (missing, name) = match rest.strip_suffix("IfExists") {
            Some(name) => (Missing::Passes, name),
            None => (Missing::Counts, rest),
        };
        let (negated, values) = comparing(name, values, version)
            .unwrap_or_else(|| Err(format!("`{operator}` is not a condition operator")))?;
        Ok(Condition { key, test: Test::Compare { quantifier, missing, negated, values } })
    }

    /// Whether it holds for a request.
    pub(super) fn holds(&self, context: &Context) -> Truth {
        let found = context.get(&self.key);
        let (quantifier, missing, negated, values) = match &self.test {
            Test::Null(wanted) => return Some(wanted.contains(&found.is_none())),
            Test::Compare { quantifier, missing, negated, values } => {
                (*quantifier, *missing, *negated, values)
            }
        };
        let passes = |value: &String| match values.match_one(value, context) {
            matched if negated => truth::not(matched),
            // What cannot be compared does not match.
            matched => Some(matched == Some(true)),
        };
        match (quantifier, found) {
            (Quantifier::TheOne, None) => Some(negated || missing == Missing::Passes),
            (Quantifier::TheOne, Some(Entry::One(value))) => passes(value),
            // "Multivalued context keys require a condition set operator."
            (Quantifier::TheOne, Some(Entry::Several(_))) => None,
            (_, Some(entry)) if !entry.values().iter().all(String::is_empty) => {
                let passed = entry.values().iter().map(passes);
                if quantifier == Quantifier::Every {
                    truth::all(passed)
                } else {
                    truth::any(passed)
                }
            }
            (Quantifier::Every, _) => Some(true),
            // The documentation of `…IfExists` says true, that of `ForAnyValue` false.
            (Quantifier::Any, None) if missing == Missing::Passes => None,
            (Quantifier::Any, _) => Some(false),
        }
    }
}

impl Values {
    /// Whether a request's value matches one of these; unknown if it cannot be compared.
    fn match_one(&self, value: &str, context: &Context) -> Truth {
        match self {
            Values::Texts(texts) => truth::any(texts.iter().map(|it| it.matches(value, context))),
            Values::Arns(arns) => truth::any(arns.iter().map(|it| it.matches(value, context))),
            Values::Booleans(wanted) => boolean(value).ok().map(|value| wanted.contains(&value)),
            Values::Numbers(how, wanted) => number(value).map(|value| how.any(value, wanted)),
            Values::Dates(how, wanted) => date(value).map(|value| how.any(value, wanted)),
        }
    }
}

impl Comparison {
    fn any<T: PartialOrd>(self, value: T, wanted: &[T]) -> bool {
        wanted.iter().any(|wanted| match self {
            Comparison::Equal => value == *wanted,
            Comparison::Less => value < *wanted,
            Comparison::LessOrEqual => value <= *wanted,
            Comparison::Greater => value > *wanted,
            Comparison::GreaterOrEqual => value >= *wanted,
        })
    }
}

/// Whether an operator is negated, and its values for comparing; `None` if it does not exist.
fn comparing<'a>(
    operator: &str,
    values: impl Iterator<Item = &'a str>,
    version: Version,
) -> Option<Result<(bool, Values), String>> {
    let (kind, comparison) = ["String", "Arn", "Numeric", "Date"]
        .iter()
        .find_map(|kind| Some((*kind, operator.strip_prefix(kind)?)))
        .unwrap_or((operator, ""));
    let (negated, comparison) = match comparison.strip_prefix("Not") {
        Some(rest @ ("Equals" | "EqualsIgnoreCase" | "Like")) => (true, rest),
        _ => (false, comparison),
    };
    let texts = |values: &mut dyn Iterator<Item = &'a str>, wildcards, case| {
        let texts = values.map(|text| Pattern::parse(text, wildcards, version, case));
        texts.collect::<Result<_, _>>().map(Values::Texts)
    };
    let mut values = values;
    let values = match (kind, comparison) {
        ("String", "Equals") => texts(&mut values, Wildcards::Literal, Case::Sensitive),
        ("String", "EqualsIgnoreCase") => texts(&mut values, Wildcards::Literal, Case::Ignored),
        ("String", "Like") => texts(&mut values, Wildcards::Match, Case::Sensitive),
        ("Arn", "Equals" | "Like") => {
            let arns = values.map(|text| ArnPattern::parse(text, version));
            arns.collect::<Result<_, _>>().map(Values::Arns)
        }
        ("Bool", "") => values.map(boolean).collect::<Result<_, _>>().map(Values::Booleans),
        ("Numeric" | "Date", _) => {
            let how = match comparison {
                "Equals" => Comparison::Equal,
                "LessThan" => Comparison::Less,
                "LessThanEquals" => Comparison::LessOrEqual,
                "GreaterThan" => Comparison::Greater,
                "GreaterThanEquals" => Comparison::GreaterOrEqual,
                _ => return None,
            };
            if kind == "Numeric" {
                parse_all(values, number, "a number").map(|it| Values::Numbers(how, it))
            } else {
                parse_all(values, date, "a date such as `2026-01-31T00:00:00Z`")
                    .map(|it| Values::Dates(how, it))
            }
        }
        _ => return None,
    };
    Some(values.map(|values| (negated, values)))
}

fn parse_all<'a, T>(
    values: impl Iterator<Item = &'a str>,
    parse: fn(&str) -> Option<T>,
    expected: &str,
) -> Result<Vec<T>, String> {
    values.map(|text| parse(text).ok_or_else(|| format!("`{text}` is not {expected}"))).collect()
}

fn boolean(text: &str) -> Result<bool, String> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Ok(true),
        _ if text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(format!("`{text}` is not `true` or `false`")),
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// A moment in ISO 8601, a day in UTC, or seconds since 1970. Fewer than five digits could be a
/// year, too, and are none of them.
fn date(text: &str) -> Option<Timestamp> {
    if text.len() >= 5 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Timestamp::from_second(text.parse().ok()?).ok();
    }
    if text.len() == "2026-01-31".len() {
        let day: Date = text.parse().ok()?;
        return Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp());
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests;
