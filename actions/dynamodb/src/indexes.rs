//! What a task says of global secondary indexes, by their names.

use std::collections::BTreeMap;

/// The name of all indexes that are not named.
pub(crate) const ANY: &str = "*";

/// What is said of an index.
pub(crate) fn said_of<'p, T>(indexes: &'p BTreeMap<String, T>, name: &str) -> Option<&'p T> {
    indexes.get(name).or_else(|| indexes.get(ANY))
}
