//! KMS keys of snapshots: what EBS does with them.

use lamplighter_core::{cloud::ec2::Snapshot, keys::KeyOf};

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
/// AWS's own key.
pub(crate) const AWS: &str = "alias/aws/ebs";

/// The key of a snapshot; `None` when it is not encrypted.
pub(crate) fn of(snapshot: &Snapshot) -> Option<KeyOf<'_>> {
    let key = || KeyOf { arn: snapshot.kms_key_id.as_deref(), by_default: AWS };
    snapshot.encrypted.then(key)
}
