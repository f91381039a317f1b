//! AWS Organizations: which accounts there are.
//!
//! The walk through the units is here, as it decides what is worked on; a port only lists what is
//! right below a unit.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use super::{Page, PageToken};
use crate::{
    AccountId, Doing, Fault,
    task::{Group, Reach},
};

/// More pages than this of one unit is a listing that does not end.
const MOST_PAGES: usize = 10_000;
/// The state of an account that can be worked in.
const ACTIVE: &str = "ACTIVE";

/// The organization that the process's own account is in, seen from its management account or
/// from a delegated administrator.
#[async_trait]
pub trait Organizations: Send + Sync {
    /// One page of the accounts right below a root or an organizational unit. Needs
    /// `organizations:ListAccountsForParent`. An empty page is not the last one unless it says so.
    async fn accounts_of(
        &self,
        parent: &str,
        page: Option<PageToken>,
    ) -> Result<Page<Member>, Fault>;

    /// One page of the organizational units right below a root or a unit. Needs
    /// `organizations:ListOrganizationalUnitsForParent`.
    async fn units_of(&self, parent: &str, page: Option<PageToken>) -> Result<Page<String>, Fault>;
}

/// An account of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its id.
    pub id: AccountId,
    /// Its state as AWS writes it, such as `ACTIVE`. Source: Organizations API, `Account`, `State`,
    /// which stands for the retired `Status`.
    pub state: String,
}

/// The accounts of a group, but for those that it excludes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members {
    /// Those that can be worked in. At least one.
    pub active: BTreeSet<AccountId>,
    /// The others, with their states, such as `SUSPENDED`: nothing is done there.
    pub inactive: BTreeMap<AccountId, String>,
}

impl Members {
    /// Where a task works that works in all of them.
    pub fn reach(&self, group: &Group) -> impl Iterator<Item = Reach> {
        self.active
            .iter()
            .map(|account| Reach { account: account.clone(), regions: group.regions.clone() })
    }
}

/// The accounts of a group, those below its units at any depth. Exclusions win. No active one is a
/// fault: somebody has moved accounts or units.
pub async fn members(organization: &dyn Organizations, group: &Group) -> Result<Members, Fault> {
    let name = &group.name;
    let doing = || format!("listing the accounts of `{name}` in the organization");
    let (units, accounts): (Vec<&String>, Vec<&String>) =
        group.exclude.iter().partition(|it| it.parse::<AccountId>().is_err());
    let left_out = below(organization, units.into_iter().cloned()).await.doing(doing())?;
    let found = below(organization, group.units.iter().cloned()).await.doing(doing())?;
    let is_left_out = |id: &AccountId| {
        left_out.iter().any(|it| it.id == *id) || accounts.iter().any(|it| **it == id.as_str())
    };
    let mut members = Members::default();
    for it in found.into_iter().filter(|it| !is_left_out(&it.id)) {
        match it.state.as_str() {
            ACTIVE => _ = members.active.insert(it.id),
            _ => _ = members.inactive.insert(it.id, it.state),
        }
    }
    match members.active.is_empty() {
        false => Ok(members),
        true => Err(Fault::permanent(format!(
            "`{name}` has no active account in the organization: look at its `units` and `exclude`"
        ))),
    }
}

/// Nobody may enter this account: no entry of the configuration is of it, and no part of the
/// organization has it, or has it any more, among its active accounts.
pub fn not_a_member(account: &AccountId) -> Fault {
    Fault::config(format!(
        "account {account} is not configured, and is no active account of an `organization` entry \
         now: it may have been moved or closed"
    ))
}

/// All accounts below some roots or units, at any depth.
async fn below(
    organization: &dyn Organizations,
    parents: impl Iterator<Item = String>,
) -> Result<Vec<Member>, Fault> {
    let mut parents: Vec<String> = parents.collect();
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    while let Some(parent) = parents.pop() {
        if !seen.insert(parent.clone()) {
            continue;
        }
        let mut page = None;
        for number in 0.. {
            let listed = organization.accounts_of(&parent, page).await?;
            found.extend(listed.items);
            page = next(&parent, listed.next, number)?;
            if page.is_none() {
                break;
            }
        }
        let mut page = None;
        for number in 0.. {
            let listed = organization.units_of(&parent, page).await?;
            parents.extend(listed.items);
            page = next(&parent, listed.next, number)?;
            if page.is_none() {
                break;
            }
        }
    }
    Ok(found)
}

fn next(parent: &str, next: Option<PageToken>, number: usize) -> Result<Option<PageToken>, Fault> {
    match number < MOST_PAGES {
        true => Ok(next),
        false => Err(Fault::permanent(format!("listing `{parent}` did not end"))),
    }
}

#[cfg(test)]
mod tests;
