//! Accounts, the roles in them, and who is calling.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{AccountId, Region};

use crate::{
    arn,
    iam::{self, IdentityPolicy, TrustPolicy},
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
    /// Credentials that `AssumeRole` has handed out, by access key.
    pub(crate) sessions: BTreeMap<String, Session>,
    /// IAM actions that roles have. `None`: all.
    pub(crate) allowed: Option<BTreeSet<String>>,
}

/// One account.
#[derive(Debug, Default)]
pub(crate) struct Account {
    /// The regions that are enabled.
    pub(crate) regions: BTreeSet<Region>,
    /// Its roles, by name.
    pub(crate) roles: BTreeMap<String, Role>,
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
    ) -> Result<Caller, Refusal> {
        if let Some(session) = self.sessions.get(access_key) {
            if token != Some(session.token.as_str()) {
                return Err(unknown());
            }
            return match session.expires > now {
                true => Ok(session.caller.clone()),
                false => {
                    let message = "The security token included in the request is expired";
                    Err(Refusal::new("ExpiredToken", message).status(403))
                }
            };
        }
        let account = match access_key.parse::<AccountId>() {
            Ok(account) if self.accounts.contains_key(&account) => account,
            Ok(_) => return Err(unknown()),
            // Nobody here has handed it out, and it was not forgotten either.
            Err(_) if !access_key.starts_with("ASIA0") => self.hub.clone().ok_or_else(unknown)?,
            Err(_) => return Err(unknown()),
        };
        Ok(Caller::administrator(account))
    }

    /// The role that a caller is in.
    pub(crate) fn role(&self, caller: &Caller) -> Option<&Role> {
        let (name, _) = caller.role.as_ref()?;
        self.accounts.get(&caller.account)?.roles.get(name)
    }
}

fn unknown() -> Refusal {
    let message = "The security token included in the request is invalid.";
    Refusal::new("InvalidClientTokenId", message).status(403)
}
