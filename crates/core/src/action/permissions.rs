//! What a task needs to be allowed.

use std::collections::{BTreeMap, BTreeSet};

use crate::{AccountId, Region, cloud::ssm::Document};

/// IAM actions, and where they are needed. Policies are generated from these.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    /// In the account of the targets.
    pub here: BTreeSet<&'static str>,
    /// In accounts that the parameters name.
    pub elsewhere: BTreeMap<AccountId, BTreeSet<&'static str>>,
    /// Regions that the parameters name: there, too, beside those of the targets.
    pub regions: BTreeSet<Region>,
    /// Accounts that the parameters name, which may then use what the task shares. Roles may
    /// share with no others.
    pub shares_with: BTreeSet<AccountId>,
    /// What the names of tags begin with that the task sets on its targets, beside what it makes.
    pub marks: BTreeSet<&'static str>,
    /// Whether it sets tags on what it has made, after it was made.
    pub labels: bool,
    /// The documents of SSM that it may have instances run.
    pub documents: BTreeSet<Document>,
}

impl Permissions {
    /// These in the account of the targets, and none elsewhere.
    pub fn here(actions: &[&'static str]) -> Permissions {
        Permissions { here: actions.iter().copied().collect(), ..Permissions::default() }
    }

    /// And these in an account that the parameters name.
    #[must_use]
    pub fn and_in(mut self, account: &AccountId, actions: &[&'static str]) -> Permissions {
        self.elsewhere.entry(account.clone()).or_default().extend(actions);
        self
    }

    /// And all of it also in a region that the parameters name. Without this, roles may do
    /// nothing in regions where the task has no targets.
    #[must_use]
    pub fn also_in(mut self, region: &Region) -> Permissions {
        self.regions.insert(region.clone());
        self
    }

    /// And what it shares may be shared with these.
    #[must_use]
    pub fn sharing_with<'a>(
        mut self,
        accounts: impl IntoIterator<Item = &'a AccountId>,
    ) -> Permissions {
        self.shares_with.extend(accounts.into_iter().cloned());
        self
    }

    /// And it sets tags on its targets, with names that begin with this.
    #[must_use]
    pub fn marking(mut self, prefix: &'static str) -> Permissions {
        self.marks.insert(prefix);
        self
    }

    /// And it sets tags on what it has made, after it was made.
    #[must_use]
    pub fn labelling(mut self) -> Permissions {
        self.labels = true;
        self
    }

    /// And it may have instances run these documents of SSM.
    #[must_use]
    pub fn running(mut self, documents: impl IntoIterator<Item = Document>) -> Permissions {
        self.documents.extend(documents);
        self
    }

    /// All that is needed in `account`, which has targets or has none.
    pub fn of(&self, account: &AccountId, has_targets: bool) -> BTreeSet<&'static str> {
        let elsewhere = self.elsewhere.get(account).into_iter().flatten().copied();
        let here = self.here.iter().copied().filter(|_| has_targets);
        here.chain(elsewhere).collect()
    }
}
