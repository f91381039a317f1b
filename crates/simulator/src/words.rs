//! The words of fleet and fault files: values that are written as one short text, such as `80%`,
//! `8..500`, `30d` or `team-{1..4}`, and what is drawn from them.

mod pattern;
mod scalar;
mod text;

use std::{fmt, marker::PhantomData, str::FromStr};

use jiff::{SignedDuration, Span as TimeSpan, SpanRelativeTo, Timestamp};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, IntoDeserializer, SeqAccess, Visitor},
};

pub use pattern::Pattern;
pub use scalar::Bound;
pub use text::{TagValue, Text};

use self::scalar::scalar;
use crate::random::Random;

/// A length of time, such as `90s`, `15m`, `6h`, `30d` or `1h30m`. A day has 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub SignedDuration);

/// An instant, such as `2026-03-02T00:00:00Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(pub Timestamp);

/// How likely something is: a percentage such as `80%` or `0.5%`, or `true` and `false` for 100
/// and 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share(f64);

/// A value, or a range of values such as `8..500`, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range<T> {
    /// The least.
    pub from: T,
    /// The most.
    pub to: T,
}

/// One value, or a list of at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneOrMore<T>(Vec<T>);

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Time, String> {
        let bad = || format!("`{text}` is not a time such as `90s`, `15m`, `6h` or `30d`");
        if !text.starts_with(|first: char| first.is_ascii_digit()) {
            return Err(bad());
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(format!("{}; did you mean `{text}s` or `{text}d`?", bad()));
        }
        let span: TimeSpan = text.parse().map_err(|_| bad())?;
        let length = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| bad())?;
        match length <= SignedDuration::from_hours(24 * 366 * 100) {
            true => Ok(Time(length)),
            false => Err(format!("`{text}` is more than a hundred years")),
        }
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match (seconds, self.0.subsec_nanos()) {
            (_, 1..) => write!(f, "{:#}", self.0),
            (seconds, _) if seconds != 0 && seconds % 86_400 == 0 => {
                write!(f, "{}d", seconds / 86_400)
            }
            _ => write!(f, "{:#}", self.0),
        }
    }
}

impl FromStr for Instant {
    type Err = String;

    fn from_str(text: &str) -> Result<Instant, String> {
        let bad = |_| format!("`{text}` is not an instant, such as `2026-03-02T00:00:00Z`");
        text.parse().map(Instant).map_err(bad)
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Share {
    /// Never.
    pub const NEVER: Share = Share(0.0);
    /// Always.
    pub const ALWAYS: Share = Share(100.0);

    /// So many percent; at most 100.
    pub fn percent(percent: u32) -> Share {
        Share(f64::from(percent.min(100)))
    }

    /// Draws whether it is so. What is certain takes no luck.
    pub(crate) fn draw(self, random: &mut Random) -> bool {
        self.0 >= 100.0 || self.0 > 0.0 && random.fraction() * 100.0 < self.0
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Share, String> {
        let bad = || format!("`{text}` is not a percentage from 0% to 100%, such as `80%`");
        match text {
            "true" => return Ok(Share::ALWAYS),
            "false" => return Ok(Share::NEVER),
            _ => {}
        }
        let plain = |digits: &str| digits.bytes().all(|it| it.is_ascii_digit() || it == b'.');
        let number = |digits: &str| digits.parse::<f64>().ok().filter(|_| plain(digits));
        let Some(digits) = text.strip_suffix('%') else {
            return Err(match number(text) {
                Some(_) => format!("{}; did you mean `{text}%`?", bad()),
                None => bad(),
            });
        };
        let share = number(digits).filter(|it| (0.0..=100.0).contains(it));
        share.map(Share).ok_or_else(bad)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

impl<T: Bound> Range<T> {
    /// This value only.
    pub fn only(value: T) -> Range<T> {
        Range { from: value, to: value }
    }

    /// Draws a value; each is as likely as any other. One value takes no luck.
    pub(crate) fn draw(&self, random: &mut Random) -> T {
        T::between(self.from, self.to, random)
    }
}

impl<T: Bound> FromStr for Range<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Range<T>, String> {
        let Some((from, to)) = text.split_once("..") else {
            return T::read(text).map(Range::only);
        };
        let (from, to) = (T::read(from.trim())?, T::read(to.trim())?);
        match from <= to {
            true => Ok(Range { from, to }),
            false => Err(format!("`{text}` ends before it begins")),
        }
    }
}

impl<T: Bound> fmt::Display for Range<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.from == self.to {
            true => write!(f, "{}", self.from),
            false => write!(f, "{}..{}", self.from, self.to),
        }
    }
}

scalar!(Time, "a time such as `90s`, `15m`, `6h` or `30d`", {
    "type": "string",
    "pattern": "^[0-9]",
    "examples": ["90s", "15m", "6h", "30d"],
});
scalar!(Instant, "an instant such as `2026-03-02T00:00:00Z`", {
    "type": "string",
    "format": "date-time",
});
scalar!(Share, "a percentage such as `80%`", {
    "anyOf": [{ "type": "string", "pattern": "^[0-9.]+%$" }, { "type": "boolean" }],
    "examples": ["80%", "0.5%", true],
});
scalar!(Range<u32>, "a number or a range such as `8..500`", {
    "anyOf": [
        { "type": "integer", "minimum": 0, "maximum": u32::MAX },
        { "type": "string", "pattern": "^[0-9]+( *\\.\\. *[0-9]+)?$" },
    ],
    "examples": [8, "8..500"],
});
scalar!(Range<Time>, "a time or a range of times such as `1d..30d`", {
    "type": "string",
    "pattern": "^[0-9]",
    "examples": ["3d", "1d..30d"],
});

impl<T> OneOrMore<T> {
    /// One value.
    pub fn one(value: T) -> OneOrMore<T> {
        OneOrMore(vec![value])
    }

    /// All of them, unless there are none.
    pub fn all(values: Vec<T>) -> Option<OneOrMore<T>> {
        if values.is_empty() { None } else { Some(OneOrMore(values)) }
    }

    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    /// Draws one; each is as likely as any other. One value takes no luck.
    pub(crate) fn draw(&self, random: &mut Random) -> &T {
        match self.0.as_slice() {
            [only] => only,
            many => &many[random.below(many.len())],
        }
    }
}

impl<T: Serialize> Serialize for OneOrMore<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [only] => only.serialize(serializer),
            many => many.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMore<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrMoreVisitor(PhantomData))
    }
}

struct OneOrMoreVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> OneOrMoreVisitor<T> {
    fn one<E: de::Error>(value: impl IntoDeserializer<'de, E>) -> Result<OneOrMore<T>, E> {
        T::deserialize(value.into_deserializer()).map(OneOrMore::one)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrMoreVisitor<T> {
    type Value = OneOrMore<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or a list of values")
    }

    fn visit_unit<E: de::Error>(self) -> Result<OneOrMore<T>, E> {
        Self::one(())
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<OneOrMore<T>, E> {
        Self::one(value)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<OneOrMore<T>, E> {
        Self::one(value)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<OneOrMore<T>, E> {
        Self::one(value)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<OneOrMore<T>, E> {
        Self::one(value)
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<OneOrMore<T>, E> {
        Self::one(value.to_owned())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<OneOrMore<T>, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        OneOrMore::all(values).ok_or_else(|| de::Error::custom("a list has at least one entry"))
    }
}

impl<T: JsonSchema> JsonSchema for OneOrMore<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("one or more of {}", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [one, { "type": "array", "minItems": 1, "items": one }] })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// What a value is read as, written again; or what is wrong with it.
    fn read<T: for<'de> Deserialize<'de> + Serialize>(value: Value) -> Result<Value, String> {
        let read: T = serde_json::from_value(value).map_err(|error| error.to_string())?;
        serde_json::to_value(read).map_err(|error| error.to_string())
    }

    #[track_caller]
    fn check<T: for<'de> Deserialize<'de> + Serialize>(value: Value, wanted: Result<Value, &str>) {
        let found = read::<T>(value.clone());
        let message = format!("{value}: {found:?}");
        match wanted {
            Ok(wanted) => assert_eq!(found, Ok(wanted), "{message}"),
            Err(part) => assert!(found.is_err_and(|it| it.contains(part)), "{message}"),
        }
    }

    #[test]
    fn a_time_has_a_unit() {
        check::<Time>(json!("2s"), Ok(json!("2s")));
        check::<Time>(json!("48h"), Ok(json!("2d")));
        check::<Time>(json!("1h30m"), Ok(json!("1h 30m")));
        check::<Time>(json!("500ms"), Ok(json!("500ms")));
        check::<Time>(json!("0s"), Ok(json!("0s")));
        check::<Time>(json!(5), Err("did you mean `5s` or `5d`?"));
        check::<Time>(json!("-5s"), Err("is not a time"));
        check::<Time>(json!("2000w"), Ok(json!("14000d")));
        check::<Time>(json!("200y"), Err("is not a time"));
        check::<Time>(json!(["5s"]), Err("expected a time such as"));
    }

    #[test]
    fn an_instant_has_a_zone() {
        check::<Instant>(json!("2026-03-02T01:00:00+01:00"), Ok(json!("2026-03-02T00:00:00Z")));
        check::<Instant>(json!("2026-03-02"), Err("is not an instant"));
    }

    #[test]
    fn a_share_is_a_percentage_or_a_truth() {
        check::<Share>(json!("80%"), Ok(json!("80%")));
        check::<Share>(json!("0.5%"), Ok(json!("0.5%")));
        check::<Share>(json!(true), Ok(json!("100%")));
        check::<Share>(json!(5), Err("did you mean `5%`?"));
        check::<Share>(json!("101%"), Err("from 0% to 100%"));
        check::<Share>(json!("-1%"), Err("from 0% to 100%"));
        check::<Share>(json!("inf%"), Err("from 0% to 100%"));
    }

    #[test]
    fn a_range_includes_both_its_ends() {
        check::<Range<u32>>(json!(8), Ok(json!("8")));
        check::<Range<u32>>(json!("8..500"), Ok(json!("8..500")));
        check::<Range<u32>>(json!("9 .. 9"), Ok(json!("9")));
        check::<Range<u32>>(json!("9..8"), Err("ends before it begins"));
        check::<Range<u32>>(json!(-1), Err("is not a whole number"));
        check::<Range<u32>>(json!("8..x"), Err("`x` is not a whole number"));
        check::<Range<Time>>(json!("1h..30d"), Ok(json!("1h..30d")));
        let mut random = Random::new(1);
        let mut drawn: Vec<u32> =
            (0..100).map(|_| Range { from: 3, to: 5 }.draw(&mut random)).collect();
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn, [3, 4, 5]);
    }

    #[test]
    fn one_or_more_is_a_value_or_a_list() {
        check::<OneOrMore<u32>>(json!(8), Ok(json!(8)));
        check::<OneOrMore<u32>>(json!([8]), Ok(json!(8)));
        check::<OneOrMore<String>>(json!(["a", "b"]), Ok(json!(["a", "b"])));
        check::<OneOrMore<Share>>(json!([true, "5%"]), Ok(json!(["100%", "5%"])));
        check::<OneOrMore<u32>>(json!([]), Err("at least one entry"));
        check::<OneOrMore<u32>>(json!({}), Err("expected a value or a list of values"));
        check::<OneOrMore<u32>>(json!("a"), Err("expected u32"));
    }
}
