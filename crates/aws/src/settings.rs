//! What the configuration says of an account.

use std::fmt;

use lamplighter_core::{
    AccountId, Region,
    task::{Group, Regions},
};

/// One account that Lamplighter works in. The texts are taken as checked; what must not go wrong,
/// whose account the credentials are of, is checked when they are there.
#[derive(Clone)]
pub struct AccountSettings {
    /// What the configuration calls it.
    pub name: String,
    /// Its number.
    pub id: AccountId,
    /// The role to assume there: a name, a name with a path, or a full ARN. Without one, the
    /// process's own credentials are used, and must belong to this account.
    pub role: Option<String>,
    /// The external id that the role's trust policy asks for. A secret: never shown.
    pub external_id: Option<String>,
    /// A region that is enabled there. Where the process has none of the same partition, this is
    /// where roles are assumed and regions listed.
    pub home_region: Option<Region>,
}

/// The accounts of a part of the organization, all of which are entered alike.
#[derive(Clone)]
pub struct GroupSettings {
    /// Which accounts.
    pub group: Group,
    /// The role to assume in each: a name, or a name with a path.
    pub role: String,
    /// The external id that the role's trust policy asks for. A secret: never shown.
    pub external_id: Option<String>,
}

impl GroupSettings {
    /// One of its accounts.
    pub(crate) fn account(&self, id: &AccountId) -> AccountSettings {
        AccountSettings {
            name: format!("{}:{id}", self.group.name),
            id: id.clone(),
            role: Some(self.role.clone()),
            external_id: self.external_id.clone(),
            home_region: match &self.group.regions {
                Regions::Listed(regions) => regions.first().cloned(),
                Regions::All => None,
            },
        }
    }
}

impl fmt::Debug for AccountSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountSettings")
            .field("name", &self.name)
            .field("id", &self.id)
            .field("role", &self.role)
            .field("external_id", &self.external_id.as_ref().map(|_| "***"))
            .field("home_region", &self.home_region)
            .finish()
    }
}

impl AccountSettings {
    /// The ARN of its role in this partition.
    pub(crate) fn role_arn(&self, partition: &str) -> Option<String> {
        let role = self.role.as_deref()?;
        Some(match arn_partition(role) {
            Some(_) => role.to_owned(),
            None => format!("arn:{partition}:iam::{}:role/{role}", self.id),
        })
    }

    /// The partition it is in, as far as the settings tell.
    pub(crate) fn partition(&self) -> Option<&str> {
        let role = self.role.as_deref().and_then(arn_partition);
        role.or(self.home_region.as_ref().map(Region::partition))
    }
}

/// The partition of `arn:<partition>:iam::<account>:role/<path>`, when it is one.
fn arn_partition(role: &str) -> Option<&str> {
    Some(role.strip_prefix("arn:")?.split_once(':')?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(role: &str) -> AccountSettings {
        AccountSettings {
            name: "prod".to_owned(),
            id: "222233334444".parse().unwrap(),
            role: Some(role.to_owned()),
            external_id: Some("hush".to_owned()),
            home_region: Some("eu-west-1".parse().unwrap()),
        }
    }

    #[track_caller]
    fn check(role: &str, arn: &str, partition: &str) {
        let account = account(role);
        assert_eq!(account.role_arn("aws-cn").as_deref(), Some(arn));
        assert_eq!(account.partition(), Some(partition));
    }

    #[test]
    fn a_role_is_a_name_a_path_or_an_arn() {
        check("member", "arn:aws-cn:iam::222233334444:role/member", "aws");
        check("ops/x/member", "arn:aws-cn:iam::222233334444:role/ops/x/member", "aws");
        let arn = "arn:aws-us-gov:iam::222233334444:role/member";
        check(arn, arn, "aws-us-gov");
    }

    #[test]
    fn an_external_id_is_never_shown() {
        assert_eq!(
            format!("{:?}", account("member")),
            "AccountSettings { name: \"prod\", id: AccountId(\"222233334444\"), role: \
             Some(\"member\"), external_id: Some(\"***\"), home_region: \
             Some(Region(\"eu-west-1\")) }"
        );
    }
}
