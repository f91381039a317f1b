//! Accounts, the roles in them, and who is calling.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{AccountId, Region};

use crate::iam::Policy;

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
    pub trust: Policy,
    /// What it may do. `None`: everything.
    pub policies: Option<Vec<Policy>>,
    /// The longest session: 1 to 12 hours.
    pub longest_session: SignedDuration,
}

/// What `AssumeRole` has handed out.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) caller: Caller,
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
    /// The role that a caller is in.
    pub(crate) fn role(&self, caller: &Caller) -> Option<&Role> {
        let (name, _) = caller.role.as_ref()?;
        self.accounts.get(&caller.account)?.roles.get(name)
    }
}
