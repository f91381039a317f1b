//! Least-privilege IAM for the accounts that tasks work in: what each role needs and nothing more,
//! made from the tasks and a table of what AWS can tell apart.
//!
//! Pure: configuration in, documents out.

mod backends;
mod grant;
mod need;
mod resource;
mod role;
mod table;

use std::collections::BTreeSet;

use lamplighter_config::{Account, Accounts, Role as AccountRole};
use lamplighter_core::{
    AccountId, Catalog, Fault,
    task::{Regions, Task},
};
use serde_json::{Value, json};

pub use backends::{Backends, BadBackend, Host};
pub use role::{Role, Trust};

use crate::{
    grant::{Conditions, Grant, Statement, statements},
    need::{Precision, Site},
    resource::{Form, Owner, Resource},
};

/// Characters of all inline policies of a role together, without white space.
/// Source: IAM User Guide, "IAM and AWS STS quotas".
pub const MOST_CHARACTERS: usize = 10_240;

/// Tasks, and the accounts that they work in.
#[derive(Clone, Copy)]
pub struct Tasks<'a> {
    /// All actions that there are.
    pub catalog: Catalog,
    /// The tasks that policies are for.
    pub tasks: &'a [&'a Task],
    /// All accounts of the configuration that are listed.
    pub accounts: &'a [Account],
    /// And those that are not.
    pub groups: &'a [Accounts],
}

/// What a role may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    statements: Vec<Statement>,
    /// The account, when it is for one only.
    account: Option<AccountId>,
    partition: String,
    precision: Precision,
}

impl Tasks<'_> {
    /// What the role in an account needs. Nothing, when no task works there.
    pub fn member(&self, account: &Account) -> Result<Policy, Fault> {
        let own = Some(account.id.clone());
        let site = Site::Account(&account.id);
        self.policy(own, partition(account), |precision| self.at(site, precision))
    }

    /// What the role needs in each account of a part of the organization.
    pub fn group(&self, accounts: &Accounts) -> Result<Policy, Fault> {
        let partition = partition_of(&accounts.group.regions).unwrap_or("aws");
        self.policy(None, partition, |precision| self.at(self.part(accounts), precision))
    }

    /// What the roles of all member accounts need together: one policy for all of them.
    pub fn members(&self) -> Result<Policy, Fault> {
        let members: Vec<&Account> = self.accounts.iter().filter(|it| it.role.is_some()).collect();
        let of_groups = self.groups.iter().filter_map(|it| partition_of(&it.group.regions));
        let partitions: BTreeSet<&str> =
            members.iter().map(|it| partition(it)).chain(of_groups).collect();
        if partitions.len() > 1 {
            let names: Vec<&str> = partitions.into_iter().collect();
            return Err(Fault::config(format!(
                "the accounts are in the partitions {} of AWS: one policy cannot be for all",
                names.join(" and ")
            )));
        }
        let partition = partitions.first().copied().unwrap_or("aws");
        self.policy(None, partition, |precision| {
            let listed = members.iter().map(|it| Site::Account(&it.id));
            let groups = self.groups.iter().map(|it| self.part(it));
            let each = listed.chain(groups).map(|it| self.at(it, precision));
            Ok(each.collect::<Result<Vec<_>, _>>()?.concat())
        })
    }

    /// What Lamplighter itself needs in its own account: to enter the other accounts, to work on
    /// targets of its own account, and to keep its state.
    pub fn hub(&self, hub: &AccountId, backends: &Backends) -> Result<Policy, Fault> {
        let own = self.accounts.iter().find(|it| it.id == *hub && it.role.is_none());
        let entered = need::entered(self.catalog, self.tasks)?;
        let roles: Vec<(&Account, &AccountRole)> = self
            .accounts
            .iter()
            .filter(|it| entered.contains(&it.id))
            .filter_map(|it| Some((it, it.role.as_ref()?)))
            .collect();
        let groups: Vec<&Accounts> = self
            .groups
            .iter()
            .filter(|it| {
                let name = &it.group.name;
                // An account that only parameters name may be in any part.
                entered.iter().any(|id| self.accounts.iter().all(|it| it.id != *id))
                    || self.tasks.iter().any(|task| task.groups.iter().any(|it| it.name == *name))
            })
            .collect();
        let partition = own.or(roles.first().map(|(account, _)| *account)).map_or("aws", partition);
        self.policy(Some(hub.clone()), partition, |precision| {
            let mut all = backends.grants();
            all.extend(roles.iter().map(|(account, role)| enter(account, role)));
            all.extend(groups.iter().flat_map(|it| enter_all(it)));
            if let Some(own) = own {
                all.extend(self.at(Site::Account(&own.id), precision)?);
            }
            Ok(all)
        })
    }

    fn part<'s>(&'s self, accounts: &'s Accounts) -> Site<'s> {
        Site::Group { name: &accounts.group.name, listed: self.accounts }
    }

    fn at(&self, site: Site<'_>, precision: Precision) -> Result<Vec<Grant>, Fault> {
        need::grants(self.catalog, self.tasks, site, precision)
    }

    /// As close to the tasks as a policy has room for.
    fn policy(
        &self,
        account: Option<AccountId>,
        partition: &str,
        grants: impl Fn(Precision) -> Result<Vec<Grant>, Fault>,
    ) -> Result<Policy, Fault> {
        let made = |precision| {
            let statements = statements(grants(precision)?);
            let (account, partition) = (account.clone(), partition.to_owned());
            Ok::<_, Fault>(Policy { statements, account, partition, precision })
        };
        let close = made(Precision::ByTask)?;
        if close.characters() <= MOST_CHARACTERS { Ok(close) } else { made(Precision::ByKind) }
    }
}

impl Policy {
    /// The document, as IAM takes it.
    pub fn document(&self) -> Value {
        let account = self.account.as_ref();
        self.rendered(Form::Json { partition: &self.partition, account })
    }

    /// Whether nothing needs to be allowed. AWS takes no policy without a statement.
    pub fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }

    /// Whether both allow the same, whatever account each is for.
    pub fn allows_as(&self, other: &Policy) -> bool {
        self.statements == other.statements
    }

    /// Whether the tags that tasks select by are left out: with them it would be too long.
    pub fn is_shortened(&self) -> bool {
        self.precision == Precision::ByKind
    }

    /// How long it is, as AWS counts: without white space.
    pub fn characters(&self) -> usize {
        self.document().to_string().chars().count()
    }

    /// The document in a CloudFormation template.
    pub(crate) fn in_template(&self) -> Value {
        self.rendered(Form::Template)
    }

    fn rendered(&self, form: Form<'_>) -> Value {
        let statements: Vec<Value> = self.statements.iter().map(|it| it.render(form)).collect();
        json!({"Version": "2012-10-17", "Statement": statements})
    }
}

/// To assume the role in an account.
fn enter(account: &Account, role: &AccountRole) -> Grant {
    let name = match role {
        AccountRole::Name(name) => name.as_str(),
        AccountRole::Arn(arn) => arn.split_once(":role/").map_or(arn.as_str(), |(_, name)| name),
    };
    Grant {
        action: "sts:AssumeRole",
        resource: Resource::Arn {
            service: "iam",
            region: String::new(),
            owner: Owner::Account(account.id.clone()),
            rest: format!("role/{name}"),
        },
        conditions: Conditions::new(),
        name: "EnterAccounts".to_owned(),
    }
}

/// To learn which accounts a part of the organization has, and to assume the role in each: in any
/// account of the organization that the hub itself is in.
fn enter_all(accounts: &Accounts) -> Vec<Grant> {
    let lists =
        ["organizations:ListAccountsForParent", "organizations:ListOrganizationalUnitsForParent"];
    let part = |kind: &str, id: String| Resource::Arn {
        service: "organizations",
        region: String::new(),
        owner: Owner::Any,
        rest: format!("{kind}/*/{id}"),
    };
    // The units below are not known here, and all ids of one organization's units begin alike.
    let group = &accounts.group;
    let parts: BTreeSet<Resource> = group
        .units
        .iter()
        .chain(&group.exclude)
        .flat_map(|id| match id.split('-').collect::<Vec<_>>()[..] {
            ["r", root] => vec![part("root", id.clone()), part("ou", format!("ou-{root}-*"))],
            ["ou", root, _] => vec![part("ou", format!("ou-{root}-*"))],
            _ => Vec::new(),
        })
        .collect();
    let ask = |action| {
        parts.iter().map(move |part| Grant {
            action,
            resource: part.clone(),
            conditions: Conditions::new(),
            name: "AskOrganization".to_owned(),
        })
    };
    let same = ("StringEquals", "aws:ResourceOrgID".to_owned());
    let enter = Grant {
        action: "sts:AssumeRole",
        resource: Resource::Arn {
            service: "iam",
            region: String::new(),
            owner: Owner::Any,
            rest: format!("role/{}", accounts.role.as_str()),
        },
        conditions: Conditions::from([(
            same,
            BTreeSet::from(["${aws:PrincipalOrgID}".to_owned()]),
        )]),
        name: "EnterOrganization".to_owned(),
    };
    lists.into_iter().flat_map(ask).chain([enter]).collect()
}

/// The partition of AWS that an account is in, as far as the configuration says it.
pub fn partition(account: &Account) -> &str {
    let of_role = match &account.role {
        Some(AccountRole::Arn(arn)) => arn.split(':').nth(1),
        _ => None,
    };
    of_role.or(partition_of(&account.regions)).unwrap_or("aws")
}

/// The partition of AWS that regions are in, as far as they say it.
pub fn partition_of(regions: &Regions) -> Option<&'static str> {
    match regions {
        Regions::Listed(regions) => regions.first().map(|it| it.partition()),
        Regions::All => None,
    }
}

/// Whether policies can allow this IAM action.
pub fn knows(action: &str) -> bool {
    table::find(action).is_some()
}
