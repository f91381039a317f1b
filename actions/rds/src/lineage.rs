//! What snapshots say of where they come from, by their tags.

use jiff::Timestamp;
use lamplighter_core::{
    Place,
    action::{HOP_TAG, SOURCE_TAG, TAKEN_AT_TAG},
    cloud::rds::{Kind, Snapshot},
};

/// The database that a snapshot which is here was taken of, by its ARN: that of a copy says its
/// tag. Where copies come together, its name alone would not tell it from others' databases.
pub(crate) fn source(kind: Kind, here: &Place, snapshot: &Snapshot) -> String {
    let said = snapshot.tags.get(SOURCE_TAG).filter(|it| it.starts_with("arn:"));
    said.cloned().unwrap_or_else(|| kind.database_arn(here, &snapshot.database))
}

/// The point in time that a snapshot holds. A copy says in its tag when the original was taken;
/// that it holds something from after its own start cannot be, and such a tag does not count. AWS
/// does not say yet when one was taken that it is still taking.
pub(crate) fn taken_at(snapshot: &Snapshot, now: Timestamp) -> Timestamp {
    let made_at = snapshot.created_at.unwrap_or(now);
    let tag = snapshot.tags.get(TAKEN_AT_TAG).and_then(|text| text.parse::<Timestamp>().ok());
    let said = tag.or(snapshot.original_created_at);
    said.filter(|at| *at <= made_at).unwrap_or(made_at)
}

/// Whether a snapshot is a copy on the way to another one, and no backup.
pub(crate) fn is_hop(snapshot: &Snapshot) -> bool {
    snapshot.tags.contains_key(HOP_TAG)
}
