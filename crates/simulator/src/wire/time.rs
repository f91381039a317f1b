//! Times, as AWS writes them.

use jiff::Timestamp;
use serde::Serializer;

/// As the query protocols write it: `2026-01-01T00:00:00.000Z`.
pub(crate) fn millis<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{at:.3}"))
}

/// The same of a time that may be missing.
pub(crate) fn maybe_millis<S: Serializer>(
    at: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => millis(at, serializer),
        None => serializer.serialize_none(),
    }
}

/// As the JSON protocols write it: seconds since 1970, with milliseconds.
pub(crate) fn epoch<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(at.as_millisecond() as f64 / 1000.0)
}
