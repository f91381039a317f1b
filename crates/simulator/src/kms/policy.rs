//! The key policies that keys have when nobody writes one.

use lamplighter_core::{AccountId, Place};
use serde_json::{Value, json};

use super::usage::root;
use crate::iam::ResourcePolicy;

/// The policy of a new key: it leaves everything to the policies of its account.
/// With other accounts, the key is shared with them as EBS and RDS need it; they decide who of
/// theirs may use it.
/// Sources: KMS Developer Guide, "Default key policy" and "Allowing users in other accounts to use
/// a KMS key"; EBS User Guide, "Share the KMS key".
pub(crate) fn shared_with<'a>(
    owner: &AccountId,
    others: impl IntoIterator<Item = &'a AccountId>,
) -> ResourcePolicy {
    let mut statements = vec![json!({
        "Sid": "Enable IAM User Permissions",
        "Effect": "Allow",
        "Principal": {"AWS": root(owner)},
        "Action": "kms:*",
        "Resource": "*",
    })];
    let others: Vec<String> = others.into_iter().map(root).collect();
    if !others.is_empty() {
        statements.push(json!({
            "Sid": "Allow use of the key",
            "Effect": "Allow",
            "Principal": {"AWS": others},
            "Action": ["kms:DescribeKey", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*"],
            "Resource": "*",
        }));
        statements.push(json!({
            "Sid": "Allow attachment of persistent resources",
            "Effect": "Allow",
            "Principal": {"AWS": others},
            "Action": "kms:CreateGrant",
            "Resource": "*",
            "Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}},
        }));
    }
    policy(&statements)
}

/// The policy of a key that AWS manages for a service, such as `ec2`: everybody in its account uses
/// it through that service and nobody else does; the account sees what it is.
/// Source: KMS Developer Guide, "AWS managed keys", their key policies.
pub(crate) fn managed(place: &Place, service: &str) -> ResourcePolicy {
    let Place { account, region } = place;
    policy(&[
        json!({
            "Sid": "Allow access for all principals in the account that may use the service",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": [
                "kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*",
                "kms:CreateGrant", "kms:DescribeKey",
            ],
            "Resource": "*",
            "Condition": {"StringEquals": {
                "kms:CallerAccount": account.as_str(),
                "kms:ViaService": format!("{service}.{region}.amazonaws.com"),
            }},
        }),
        json!({
            "Sid": "Allow direct access to key metadata to the account",
            "Effect": "Allow",
            "Principal": {"AWS": root(account)},
            "Action": ["kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant"],
            "Resource": "*",
        }),
    ])
}

fn policy(statements: &[Value]) -> ResourcePolicy {
    let document = json!({"Version": "2012-10-17", "Statement": statements});
    document.to_string().parse().expect("its statements have the form that key policies want")
}
