//! Times as AWS's protocols write them.
//!
//! A plain [`Timestamp`] is written by serde with as many digits as it has; AWS's XML has always
//! milliseconds, and its JSON has numbers. These wrappers go into the types of answers and
//! requests, in options and lists as well.

use jiff::{Timestamp, tz::Offset};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

const MILLIS_PER_SECOND: i64 = 1_000;

/// A time in XML: `2026-01-01T00:00:00.000Z`. What is finer than a millisecond is cut off.
///
/// Reads any RFC 3339 time. AWS's own times have four digits in the year; so must these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct IsoMillis(pub(crate) Timestamp);

impl From<Timestamp> for IsoMillis {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

impl Serialize for IsoMillis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let at = Offset::UTC.to_datetime(self.0);
        let mut text = *b"0000-00-00T00:00:00.000Z";
        digits(&mut text[0..4], at.year());
        digits(&mut text[5..7], at.month().into());
        digits(&mut text[8..10], at.day().into());
        digits(&mut text[11..13], at.hour().into());
        digits(&mut text[14..16], at.minute().into());
        digits(&mut text[17..19], at.second().into());
        digits(&mut text[20..23], at.millisecond());
        let text = std::str::from_utf8(&text).expect("digits are ASCII");
        serializer.serialize_str(text)
    }
}

impl<'de> Deserialize<'de> for IsoMillis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Timestamp::deserialize(deserializer).map(Self)
    }
}

/// For `serialize_with`: as [`IsoMillis`].
pub(crate) fn millis<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    IsoMillis(*at).serialize(serializer)
}

/// Fills the place with a number's digits and leading zeros. A number before year 0 has no place
/// in AWS's times; its digits are written without the sign.
fn digits(place: &mut [u8], number: i16) {
    let mut rest = number.unsigned_abs();
    for digit in place.iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 10).expect("a digit is below 10");
        rest /= 10;
    }
}

/// A time in JSON: seconds since 1970 as a number, whole where the time is, with milliseconds
/// otherwise. What is finer is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EpochSeconds(pub(crate) Timestamp);

impl From<Timestamp> for EpochSeconds {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

impl Serialize for EpochSeconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let millis = self.0.as_millisecond();
        if millis % MILLIS_PER_SECOND == 0 {
            serializer.serialize_i64(millis / MILLIS_PER_SECOND)
        } else {
            // Both numbers are exact: Timestamps in milliseconds have less than 53 bits.
            serializer.serialize_f64(millis as f64 / MILLIS_PER_SECOND as f64)
        }
    }
}

impl<'de> Deserialize<'de> for EpochSeconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        let millis = (seconds * MILLIS_PER_SECOND as f64).round();
        // `as` holds at the type's ends what is beyond them, and those are no timestamps.
        Timestamp::from_millisecond(millis as i64).map(Self).map_err(D::Error::custom)
    }
}

/// The same, of a time that there may be.
pub(crate) fn maybe_millis<S: Serializer>(
    at: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    at.map(IsoMillis).serialize(serializer)
}

/// For `serialize_with`: as [`EpochSeconds`].
pub(crate) fn epoch<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    EpochSeconds(*at).serialize(serializer)
}

/// The same, of a time that there may be.
pub(crate) fn epoch_of<S: Serializer>(
    at: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    at.map(EpochSeconds).serialize(serializer)
}

/// For `deserialize_with`: reads what [`epoch_of`] writes.
pub(crate) fn from_epoch<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Timestamp>, D::Error> {
    Ok(Option::<EpochSeconds>::deserialize(deserializer)?.map(|it| it.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{from_str, json, to_value};

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[track_caller]
    fn check(text: &str, iso: &str, epoch: serde_json::Value) {
        assert_eq!(to_value(IsoMillis(at(text))).expect("a text"), json!(iso));
        assert_eq!(to_value(EpochSeconds(at(text))).expect("a number"), epoch);
    }

    #[test]
    fn writes_milliseconds() {
        check("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000Z", json!(1_767_225_600));
        check("1987-12-31T23:59:58.0123Z", "1987-12-31T23:59:58.012Z", json!(567_993_598.012));
        check("2026-11-03T01:02:03.999999Z", "2026-11-03T01:02:03.999Z", json!(1_793_667_723.999));
        check("2026-01-01T01:00:00.5+02:00", "2025-12-31T23:00:00.500Z", json!(1_767_222_000.5));
    }

    #[test]
    fn reads_numbers_whole_or_not() {
        let read = |text| from_str::<Option<EpochSeconds>>(text).expect("a time");
        let epoch = |text| Some(EpochSeconds(at(text)));
        assert_eq!(read("1767225600"), epoch("2026-01-01T00:00:00Z"));
        assert_eq!(read("1.7672256005e9"), epoch("2026-01-01T00:00:00.5Z"));
        assert_eq!(read("null"), None);
        assert!(from_str::<EpochSeconds>("1e300").is_err());
        assert!(from_str::<EpochSeconds>("\"2026-01-01\"").is_err());
    }

    proptest! {
        #[test]
        fn milliseconds_come_back(millis in -62_167_219_200_000i64..=253_402_207_200_999) {
            let at = Timestamp::from_millisecond(millis).expect("in range");
            let iso = to_value(IsoMillis(at)).expect("a text");
            prop_assert_eq!(&iso, &json!(format!("{at:.3}")));
            prop_assert_eq!(serde_json::from_value::<IsoMillis>(iso).expect("a time").0, at);
            let epoch = to_value(EpochSeconds(at)).expect("a number");
            prop_assert_eq!(serde_json::from_value::<EpochSeconds>(epoch).expect("a time").0, at);
        }
    }
}
