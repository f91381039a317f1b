//! KMS in one account and region: keys that EBS and RDS encrypt with.

mod describe;
mod grants;
mod keys;
mod policy;
mod state;
mod usage;

pub(crate) use describe::DescribeKey;
pub(crate) use keys::{Grant, Key, KeyState, Kms, Manager};
pub(crate) use policy::shared_with;
pub(crate) use usage::{Unusable, Use, usable, use_key};

use crate::{buckets::Bucket, operation::Cx, refusal::Refusal, table::Entry};

/// The operations that are here.
pub(crate) const OPERATIONS: &[Entry] = &[
    Entry::json::<describe::DescribeKey>(),
    Entry::json::<describe::ListAliases>(),
    Entry::json::<grants::CreateGrant>(),
    Entry::json::<grants::ListGrants>(),
    Entry::json::<grants::RetireGrant>(),
    Entry::json::<state::DisableKey>(),
    Entry::json::<state::EnableKey>(),
];

/// The buckets that calls are paid from. Source: KMS Developer Guide, "Request quotas".
mod bucket {
    use super::Bucket;

    /// `DescribeKey`.
    pub(super) const DESCRIBE: Bucket = Bucket::new(2000.0, 2000.0);
    /// `ListAliases`.
    pub(super) const ALIASES: Bucket = Bucket::new(500.0, 500.0);
    /// `ListGrants`.
    pub(super) const LIST: Bucket = Bucket::new(100.0, 100.0);
    /// `CreateGrant`.
    pub(super) const CREATE_GRANT: Bucket = Bucket::new(50.0, 50.0);
    /// `RetireGrant`.
    pub(super) const RETIRE_GRANT: Bucket = Bucket::new(30.0, 30.0);
    /// `EnableKey`, `DisableKey`.
    pub(super) const STATE: Bucket = Bucket::new(5.0, 5.0);
}

/// The ARN of the key that a request names, for what the request needs.
fn needed(cx: &Cx<'_>, key: &str) -> String {
    Kms::resolve(cx.state, cx.place, key).to_string()
}

/// The key that a request names, if it is in this account and region; its id there.
fn own(cx: &Cx<'_>, key: &str) -> Result<Box<str>, Refusal> {
    let arn = Kms::resolve(cx.state, cx.place, key);
    cx.here().kms.by_arn(&arn).map(|it| it.id.clone()).ok_or_else(|| not_found(&arn))
}

fn not_found(arn: &str) -> Refusal {
    Refusal::new("NotFoundException", format!("Key '{arn}' does not exist"))
}
