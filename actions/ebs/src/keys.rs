//! KMS keys of snapshots: what EBS does with them.

use lamplighter_core::{
    Place,
    cloud::ec2::Snapshot,
    copying::Facts,
    keys::{self, KeyOf},
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
/// AWS's own key.
pub(crate) const AWS: &str = "alias/aws/ebs";

/// The key of a snapshot; `None` when it is not encrypted.
pub(crate) fn of(snapshot: &Snapshot) -> Option<KeyOf<'_>> {
    let key = || KeyOf { arn: snapshot.kms_key_id.as_deref(), by_default: AWS };
    snapshot.encrypted.then(key)
}

/// What is said of a copy that failed, when keys are in it: EBS checks them only while it copies,
/// and does not say which one it could not use.
/// Source: EBS User Guide, "Share the KMS key used to encrypt a shared Amazon EBS snapshot".
pub(crate) fn cure(
    why: String,
    sources: &[KeyOf<'_>],
    target: Option<&str>,
    place: &Place,
) -> String {
    if !why.to_ascii_lowercase().contains("key") {
        return why;
    }
    let sources: Vec<&str> = sources.iter().map(|it| it.name()).collect();
    let source = (!sources.is_empty()).then(|| sources.join("`, `"));
    let cure = keys::cure(&place.account, (source.as_deref(), READS), (target, WRITES));
    format!("{why}: {cure}")
}

/// What is wrong with a copy on the way, which others are to copy.
pub(crate) fn spoil_hop(hop: Facts<'_>, hop_key: Option<&str>) -> Option<String> {
    (hop.encrypted && hop_key.is_none()).then(|| {
        format!(
            "`{}`, the copy on the way, is encrypted by default here with a key that nobody else \
             can use: set `hop-key`",
            hop.id
        )
    })
}
