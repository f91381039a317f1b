//! What the configuration says of an account, checked.

use std::fmt;

use lamplighter_core::{AccountId, Fault, Region};

/// One account that Lamplighter works in.
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
    /// What AWS would refuse anyway, said before anything is done. Lengths and characters are
    /// those of the STS API, `AssumeRole`.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        let AccountSettings { name, id, .. } = self;
        if let Some(role) = &self.role {
            let path = match RoleArn::parse(role) {
                None => role.as_str(),
                Some(arn) if arn.account != id.as_str() => {
                    return Err(Fault::config(format!(
                        "account `{name}` is {id} but its role `{role}` is in another account"
                    )));
                }
                Some(arn)
                    if self
                        .home_region
                        .as_ref()
                        .is_some_and(|it| it.partition() != arn.partition) =>
                {
                    return Err(Fault::config(format!(
                        "account `{name}` has regions and the role `{role}` in different partitions"
                    )));
                }
                Some(arn) => arn.path,
            };
            if !path.split('/').all(is_role_word) {
                return Err(Fault::config(format!(
                    "account `{name}` has the role `{role}`, which is not a role's name, name \
                     with path, or ARN"
                )));
            }
        }
        let allowed = |it: char| it.is_ascii_alphanumeric() || "_+=,.@:/-".contains(it);
        match &self.external_id {
            Some(secret) if !(2..=1224).contains(&secret.len()) || !secret.chars().all(allowed) => {
                Err(Fault::config(format!(
                    "account `{name}` has an external id that AWS does not take: 2 to 1224 \
                     letters, digits and `_+=,.@:/-`"
                )))
            }
            _ => Ok(()),
        }
    }

    /// The ARN of its role in this partition.
    pub(crate) fn role_arn(&self, partition: &str) -> Option<String> {
        let role = self.role.as_deref()?;
        Some(match RoleArn::parse(role) {
            Some(_) => role.to_owned(),
            None => format!("arn:{partition}:iam::{}:role/{role}", self.id),
        })
    }

    /// The partition it is in, as far as the settings tell.
    pub(crate) fn partition(&self) -> Option<&str> {
        let role = self.role.as_deref().and_then(RoleArn::parse);
        role.map(|arn| arn.partition).or(self.home_region.as_ref().map(Region::partition))
    }
}

/// `arn:<partition>:iam::<account>:role/<path>`.
struct RoleArn<'a> {
    partition: &'a str,
    account: &'a str,
    path: &'a str,
}

impl RoleArn<'_> {
    fn parse(text: &str) -> Option<RoleArn<'_>> {
        let (partition, rest) = text.strip_prefix("arn:")?.split_once(":iam::")?;
        let (account, path) = rest.split_once(":role/")?;
        Some(RoleArn { partition, account, path })
    }
}

fn is_role_word(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|it| it.is_ascii_alphanumeric() || "_+=,.@-".contains(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(role: &str) -> AccountSettings {
        AccountSettings {
            name: "prod".to_owned(),
            id: "222233334444".parse().unwrap(),
            role: Some(role.to_owned()),
            external_id: None,
            home_region: None,
        }
    }

    #[track_caller]
    fn check(role: &str, partition: &str, arn: &str) {
        let account = account(role);
        account.check().unwrap();
        assert_eq!(account.role_arn(partition).as_deref(), Some(arn));
    }

    #[test]
    fn a_role_is_a_name_a_path_or_an_arn() {
        check("member", "aws", "arn:aws:iam::222233334444:role/member");
        check("ops/x/member", "aws-cn", "arn:aws-cn:iam::222233334444:role/ops/x/member");
        let arn = "arn:aws-us-gov:iam::222233334444:role/member";
        check(arn, "aws", arn);
    }

    #[track_caller]
    fn refused(account: AccountSettings, message: &str) {
        assert_eq!(account.check().unwrap_err().chain(), message);
    }

    #[test]
    fn a_role_of_another_account_or_partition_is_refused() {
        refused(
            account("arn:aws:iam::999900001111:role/member"),
            "account `prod` is 222233334444 but its role `arn:aws:iam::999900001111:role/member` \
             is in another account",
        );
        let home_region = Some("cn-north-1".parse().unwrap());
        refused(
            AccountSettings { home_region, ..account("arn:aws:iam::222233334444:role/member") },
            "account `prod` has regions and the role `arn:aws:iam::222233334444:role/member` in \
             different partitions",
        );
    }

    #[test]
    fn what_cannot_be_a_role_is_refused() {
        for role in ["", "/member", "a//b", "a b", "arn:aws:iam::222233334444:user/x", "a:b"] {
            refused(
                account(role),
                &format!(
                    "account `prod` has the role `{role}`, which is not a role's name, name with \
                     path, or ARN"
                ),
            );
        }
    }

    #[test]
    fn an_external_id_is_checked_and_never_shown() {
        let with = |secret: &str| AccountSettings {
            external_id: Some(secret.to_owned()),
            ..account("member")
        };
        with("7f3c:/+=,.@-_").check().unwrap();
        for bad in ["~", "with space", "pa$$"] {
            let chain = with(bad).check().unwrap_err().chain();
            assert!(chain.starts_with("account `prod` has an external id") && !chain.contains(bad));
        }
        assert!(!format!("{:?}", with("hush-hush")).contains("hush"));
    }
}
