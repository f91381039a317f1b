//! ARNs. Source: Service Authorization Reference, resource types of each service.

use lamplighter_core::{AccountId, Place, Region};

/// The ARN of a resource of a service in a place, such as
/// `arn:aws:ec2:eu-west-1:111122223333:volume/vol-1`.
pub(crate) fn of(service: &str, place: &Place, resource: impl std::fmt::Display) -> String {
    format!("arn:aws:{service}:{}:{}:{resource}", place.region, place.account)
}

/// The ARN of an EC2 resource that belongs to no account in its ARN: snapshots and images.
pub(crate) fn without_account(region: &Region, resource: impl std::fmt::Display) -> String {
    format!("arn:aws:ec2:{region}::{resource}")
}

/// The ARN of a role, with its path.
pub(crate) fn role(account: &AccountId, path: &str, name: &str) -> String {
    format!("arn:aws:iam::{account}:role{path}{name}")
}

/// The account and the name of a role, by its ARN with its path.
pub(crate) fn read_role(arn: &str) -> Option<(AccountId, &str)> {
    let (account, path) = arn.strip_prefix("arn:aws:iam::")?.split_once(":role/")?;
    let name = path.rsplit('/').next()?;
    Some((account.parse().ok()?, name))
}
