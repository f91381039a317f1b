//! KMS calls that actions use.

use async_trait::async_trait;

use crate::Fault;

/// KMS in one account and region.
#[async_trait]
pub trait Kms: Send + Sync {
    /// What is known of a key in this region: one of this account by its ARN, its id, its alias,
    /// or the ARN of its alias; one of another account, which lets this one look, by its ARN.
    /// Needs `kms:DescribeKey`. One that is not there gives the code `NotFoundException`.
    /// Source: KMS API, `DescribeKey`.
    async fn key(&self, id: &str) -> Result<Key, Fault>;
}

/// A KMS key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// With account and region.
    pub arn: String,
    /// Who manages it.
    pub manager: Manager,
    /// `Enabled`, or why it cannot be used: `Disabled`, `PendingDeletion`, `PendingImport`,
    /// `Unavailable` …
    pub state: String,
}

/// Who manages a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manager {
    /// AWS: nobody can change its policy, so no other account can ever use it.
    Aws,
    /// Its account.
    Customer,
}

impl Key {
    /// Whether it can be used.
    pub fn is_enabled(&self) -> bool {
        self.state == "Enabled"
    }
}
