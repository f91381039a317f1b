//! STS: who calls, and roles.

mod assume_role;
mod identity;

pub(crate) use assume_role::AssumeRole;

use identity::GetCallerIdentity;

use crate::{buckets::Bucket, table::Entry};

/// The operations that are here.
pub(crate) const OPERATIONS: &[Entry] =
    &[Entry::query::<AssumeRole>(), Entry::query::<GetCallerIdentity>()];

/// STS allows an account 600 calls a second in a region.
/// Source: IAM User Guide, "IAM and AWS STS quotas".
pub(crate) const BUCKET: Bucket = Bucket::new(600.0, 600.0);

#[cfg(test)]
mod tests;
