//! Accounts, the roles in them, and who is calling.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{AccountId, Region};
use serde_json::json;

use crate::{
    arn,
    iam::{self, IdentityPolicy, TrustPolicy},
    organizations::Units,
    random::Random,
    refusal::Refusal,
};

/// The accounts of an organization.
#[derive(Debug, Default)]
pub(crate) struct Organization {
    /// The account that callers without known credentials belong to.
    pub(crate) hub: Option<AccountId>,
    /// The organization's id, such as `o-exampleorgid`: `aws:PrincipalOrgID`.
    pub(crate) id: Option<String>,
    pub(crate) accounts: BTreeMap<AccountId, Account>,
    pub(crate) units: Units,
    pub(crate) sessions: Sessions,
}

/// How long after its end a session is still told from one that never was.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(12);

/// Credentials that `AssumeRole` has handed out.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    by_key: BTreeMap<String, Session>,
    /// At how many the old ones are looked for again.
    full: usize,
}

impl Sessions {
    /// Adds the session of a new access key.
    pub(crate) fn add(&mut self, key: String, session: Session, now: Timestamp) {
        if self.by_key.len() >= self.full {
            self.by_key.retain(|_, it| it.expires + FORGOTTEN > now);
            self.full = 2 * self.by_key.len() + 64;
        }
        self.by_key.insert(key, session);
    }
}

/// One account.
#[derive(Debug, Default)]
pub(crate) struct Account {
    /// The regions that are enabled.
    pub(crate) regions: BTreeSet<Region>,
    /// Its roles, by name.
    pub(crate) roles: BTreeMap<String, Role>,
    /// The organizational unit that it is in. `None`: right below the root.
    pub(crate) unit: Option<String>,
    /// Whether it was closed.
    pub(crate) suspended: bool,
}

/// A role.
#[derive(Clone, Debug)]
pub struct Role {
    /// The path, `/` or `/like/this/`.
    pub path: String,
    /// Who may assume it.
    pub trust: TrustPolicy,
    /// What it may do. `None`: everything.
    pub policies: Option<Vec<IdentityPolicy>>,
    /// The longest session: 1 to 12 hours.
    pub longest_session: SignedDuration,
}

impl Role {
    /// A role that an account may assume, with an external id if there is one, and that may do
    /// everything.
    pub fn open_to(account: &AccountId, external_id: Option<&str>) -> Role {
        let mut statement = json!({
            "Effect": "Allow",
            "Principal": {"AWS": account.as_str()},
            "Action": "sts:AssumeRole",
        });
        if let Some(id) = external_id {
            statement["Condition"] = json!({"StringEquals": {"sts:ExternalId": id}});
        }
        let document = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
        Role {
            path: "/".to_owned(),
            trust: document.parse().expect("the document is a policy, and the id is short"),
            policies: None,
            longest_session: SignedDuration::from_hours(1),
        }
    }
}

/// What `AssumeRole` has handed out.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) caller: Caller,
    /// What belongs to the access key.
    pub(crate) token: String,
    pub(crate) expires: Timestamp,
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The account that the caller belongs to.
    pub account: AccountId,
    /// The role and its session. `None`: the account's administrator, who may do everything.
    pub role: Option<(String, String)>,
}

impl Caller {
    /// The administrator of an account.
    pub fn administrator(account: AccountId) -> Caller {
        Caller { account, role: None }
    }

    /// The caller's ARN, as `GetCallerIdentity` says it.
    pub fn arn(&self) -> String {
        let account = &self.account;
        match &self.role {
            None => format!("arn:aws:iam::{account}:root"),
            Some((role, session)) => {
                format!("arn:aws:sts::{account}:assumed-role/{role}/{session}")
            }
        }
    }

    /// The caller's id: the account's for its administrator, else the role's and the session.
    /// Source: IAM User Guide, "IAM identifiers", unique identifiers.
    pub(crate) fn user_id(&self) -> String {
        match &self.role {
            None => self.account.to_string(),
            Some((role, session)) => {
                let number = Random::of(&(self.account.as_str(), role)).next_number();
                format!("AROA0{number:016X}:{session}")
            }
        }
    }
}

impl Organization {
    /// A caller, as policies name it.
    pub(crate) fn principal(&self, caller: &Caller) -> iam::Caller {
        let account = caller.account.clone();
        match &caller.role {
            None => iam::Caller::User { account, arn: caller.arn() },
            Some((name, _)) => {
                let path = self.role(caller).map_or("/", |it| it.path.as_str());
                let role = arn::role(&account, path, name);
                iam::Caller::Session { account, role, arn: caller.arn() }
            }
        }
    }

    /// Who has these credentials. Keys of twelve digits are those of the account's
    /// administrator; whoever has others that are not known here is the hub's.
    pub(crate) fn caller(
        &self,
        access_key: &str,
        token: Option<&str>,
        now: Timestamp,
    ) -> Result<Caller, Stranger> {
        if let Some(session) = self.sessions.by_key.get(access_key) {
            if token != Some(session.token.as_str()) {
                return Err(Stranger::Unknown);
            }
            return match session.expires > now {
                true => Ok(session.caller.clone()),
                false => Err(Stranger::Expired),
            };
        }
        let account = match access_key.parse::<AccountId>() {
            Ok(account) if self.accounts.contains_key(&account) => account,
            Ok(_) => return Err(Stranger::Unknown),
            // Nobody here has handed it out, and it was not forgotten either.
            Err(_) if !access_key.starts_with("ASIA0") => {
                self.hub.clone().ok_or(Stranger::Unknown)?
            }
            Err(_) => return Err(Stranger::Unknown),
        };
        Ok(Caller::administrator(account))
    }

    /// The role that a caller is in.
    pub(crate) fn role(&self, caller: &Caller) -> Option<&Role> {
        let (name, _) = caller.role.as_ref()?;
        self.accounts.get(&caller.account)?.roles.get(name)
    }
}

/// Why nobody has these credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stranger {
    /// They are nobody's, or the token is not the key's.
    Unknown,
    /// They were somebody's.
    Expired,
}

impl Stranger {
    /// How a service says it. EC2 has words of its own: an expired session is an expired request
    /// to it. Sources: EC2 Developer Guide, "Error codes"; common errors of the other services.
    pub(crate) fn refusal(self, service: &str) -> Refusal {
        let unknown = "The security token included in the request is invalid.";
        let expired = "The security token included in the request is expired";
        match (self, service) {
            (Stranger::Unknown, "ec2") => {
                let message = "AWS was not able to validate the provided access credentials";
                Refusal::new("AuthFailure", message).status(401)
            }
            (Stranger::Unknown, "rds" | "sts") => {
                Refusal::new("InvalidClientTokenId", unknown).status(403)
            }
            (Stranger::Unknown, _) => Refusal::new("UnrecognizedClientException", unknown),
            (Stranger::Expired, "ec2") => Refusal::new("RequestExpired", "Request has expired."),
            (Stranger::Expired, "rds" | "sts") => Refusal::new("ExpiredToken", expired).status(403),
            (Stranger::Expired, _) => Refusal::new("ExpiredTokenException", expired),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_has_its_words_for_bad_credentials() {
        let code = |stranger: Stranger, service| {
            let refusal = stranger.refusal(service);
            (refusal.code, refusal.status)
        };
        for (service, unknown, expired) in [
            ("ec2", ("AuthFailure", 401), ("RequestExpired", 400)),
            ("rds", ("InvalidClientTokenId", 403), ("ExpiredToken", 403)),
            ("sts", ("InvalidClientTokenId", 403), ("ExpiredToken", 403)),
            ("dynamodb", ("UnrecognizedClientException", 400), ("ExpiredTokenException", 400)),
        ] {
            assert_eq!(code(Stranger::Unknown, service), unknown, "{service}");
            assert_eq!(code(Stranger::Expired, service), expired, "{service}");
        }
    }
}
