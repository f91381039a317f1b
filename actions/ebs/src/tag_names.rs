//! Which of a resource's tags an action is about.

pub(crate) use lamplighter_core::tagging::{TagNames, is_reserved};
