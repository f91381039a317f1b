//! Times, as AWS writes them.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

/// As the query protocols write it: `2026-01-01T00:00:00.000Z`.
pub(crate) fn millis<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{at:.3}"))
}

/// As the JSON protocols write it: seconds since 1970 as a number.
pub(crate) fn epoch<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(at.as_millisecond() as f64 / 1000.0)
}

/// The same, of a time that there may be.
pub(crate) fn epoch_of<S: Serializer>(
    at: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match at {
        None => serializer.serialize_none(),
        Some(at) => epoch(at, serializer),
    }
}

/// Reads what [`epoch`] writes.
pub(crate) fn from_epoch<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Timestamp>, D::Error> {
    let Some(seconds) = Option::<f64>::deserialize(deserializer)? else { return Ok(None) };
    // `as` holds at the type's ends what is beyond them, and those are no timestamps.
    let millis = (seconds * 1000.0).round() as i64;
    Timestamp::from_millisecond(millis).map(Some).map_err(D::Error::custom)
}
