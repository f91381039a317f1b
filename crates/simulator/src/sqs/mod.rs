//! SQS in one account and region.
use crate::table::Entry;
pub(crate) const OPERATIONS: &[Entry] = &[];
#[derive(Default)]
pub(crate) struct Sqs {}
