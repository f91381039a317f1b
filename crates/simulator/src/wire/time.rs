//! Times, as AWS writes them.

use jiff::Timestamp;
use serde::Serializer;

/// As the query protocols write it: `2026-01-01T00:00:00.000Z`.
pub(crate) fn millis<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{at:.3}"))
}
