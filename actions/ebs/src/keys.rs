//! KMS keys of snapshots: what is known of them, and what to do where that is not enough.

use std::collections::BTreeSet;

use lamplighter_core::{
    AccountId, Fault, FaultKind, Scope,
    cloud::{
        ec2::Snapshot,
        kms::{Key, Manager},
    },
};

/// What EBS does with the key of a snapshot that it copies for somebody.
/// Source: EBS User Guide, "Share the KMS key used to encrypt a shared Amazon EBS snapshot".
pub(crate) const READS: &[&str] =
    &["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:ReEncryptFrom"];
/// What EBS does with the key of a copy. Source: the same.
pub(crate) const WRITES: &[&str] = &[
    "kms:CreateGrant",
    "kms:DescribeKey",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptTo",
];

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// All that there is to know.
    Key(Key),
    /// It is not there, or whoever asked may not know of it.
    Closed,
}

/// Asks for a key in a place. That it is not there, or not to be seen, is an answer.
pub(crate) async fn ask(scope: &dyn Scope, id: &str) -> Result<Known, Fault> {
    match scope.kms().key(id).await {
        Ok(key) => Ok(Known::Key(key)),
        Err(fault) if fault.code.as_deref() == Some("NotFoundException") => Ok(Known::Closed),
        Err(fault) if fault.kind == FaultKind::Permission => Ok(Known::Closed),
        Err(fault) => Err(fault),
    }
}

impl Known {
    /// Whether AWS manages it, so that no other account can ever use it.
    pub(crate) fn is_of_aws(&self) -> bool {
        matches!(self, Known::Key(Key { manager: Manager::Aws, .. }))
    }
}

/// The key of a snapshot, as messages name it; `None` when it is not encrypted. One that AWS does
/// not name is its own.
pub(crate) fn name(snapshot: &Snapshot) -> Option<&str> {
    snapshot.encrypted.then(|| snapshot.kms_key_id.as_deref().unwrap_or("alias/aws/ebs"))
}

/// The statement that a key's policy needs so that other accounts can copy what it encrypts, in
/// words to paste. The partition is that of ARNs: `aws`.
/// Source: EBS User Guide, "Share the KMS key used to encrypt a shared Amazon EBS snapshot".
pub(crate) fn statement(accounts: &BTreeSet<AccountId>, partition: &str) -> String {
    let principals: Vec<String> =
        accounts.iter().map(|it| format!("\"arn:{partition}:iam::{it}:root\"")).collect();
    let actions: Vec<String> = READS.iter().map(|it| format!("\"{it}\"")).collect();
    format!(
        "{{\"Effect\": \"Allow\", \"Principal\": {{\"AWS\": [{}]}}, \"Action\": [{}], \
         \"Resource\": \"*\"}}",
        principals.join(", "),
        actions.join(", ")
    )
}
