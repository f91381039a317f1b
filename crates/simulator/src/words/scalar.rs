//! Values that are one text, number or truth in a file.

use std::{
    fmt::{self, Display},
    marker::PhantomData,
    str::FromStr,
};

use jiff::SignedDuration;
use serde::de::{self, Visitor};

use super::Time;
use crate::random::Random;

/// What a range may be of.
pub trait Bound: Copy + PartialOrd + Display {
    /// Reads one end of a range.
    fn read(text: &str) -> Result<Self, String>;

    /// Draws a value from `from` to `to`, both included; one value takes no luck.
    fn between(from: Self, to: Self, random: &mut Random) -> Self;
}

impl Bound for u32 {
    fn read(text: &str) -> Result<u32, String> {
        text.parse().map_err(|_| format!("`{text}` is not a whole number up to {}", u32::MAX))
    }

    fn between(from: u32, to: u32, random: &mut Random) -> u32 {
        match to - from {
            0 => from,
            width => from + random.below(width as usize + 1) as u32,
        }
    }
}

impl Bound for Time {
    fn read(text: &str) -> Result<Time, String> {
        text.parse()
    }

    fn between(from: Time, to: Time, random: &mut Random) -> Time {
        match (to.0 - from.0).as_secs() {
            0 => from,
            width => {
                let more = random.below(width.unsigned_abs() as usize + 1);
                Time(from.0 + SignedDuration::from_secs(more as i64))
            }
        }
    }
}

/// Reads a value from whatever is written without quotes or with them.
pub(super) struct Scalar<T>(pub(super) &'static str, pub(super) PhantomData<T>);

impl<T: FromStr<Err: Display>> Visitor<'_> for Scalar<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<T, E> {
        self.visit_str(if value { "true" } else { "false" })
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<T, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<T, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<T, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

/// Makes a type that is read from a text and shown as one a value of files.
macro_rules! scalar {
    ($type:ty, $expected:literal, $schema:tt) => {
        impl<'de> ::serde::Deserialize<'de> for $type {
            fn deserialize<D: ::serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let visitor = $crate::words::scalar::Scalar($expected, ::std::marker::PhantomData);
                from.deserialize_any(visitor)
            }
        }

        impl ::serde::Serialize for $type {
            fn serialize<S: ::serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl ::schemars::JsonSchema for $type {
            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut ::schemars::SchemaGenerator) -> ::schemars::Schema {
                ::schemars::json_schema!($schema)
            }
        }
    };
}

pub(crate) use scalar;
