//! KMS keys of snapshots: what RDS does with them.

use lamplighter_core::{cloud::rds::Snapshot, keys::KeyOf};

/// What RDS does with the key of a snapshot that it copies for somebody.
/// Source: RDS User Guide, "Copying a DB snapshot" and "Sharing encrypted snapshots".
pub(crate) const READS: &[&str] =
    &["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:ReEncryptFrom"];
/// What RDS does with the key of a copy. Source: the same.
pub(crate) const WRITES: &[&str] = &[
    "kms:CreateGrant",
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptTo",
];

/// The key of a snapshot; `None` when it is not encrypted.
pub(crate) fn of(snapshot: &Snapshot) -> Option<KeyOf<'_>> {
    let key = || KeyOf { arn: snapshot.kms_key_id.as_deref(), by_default: "alias/aws/rds" };
    snapshot.encrypted.then(key)
}
