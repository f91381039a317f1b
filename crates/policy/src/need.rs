//! What tasks need to be allowed in an account.

use std::collections::{BTreeMap, BTreeSet};

use lamplighter_config::Account;
use lamplighter_core::{
    AccountId, AnyAction, Catalog, Fault,
    action::{self, Effect, Permissions, TASK_TAG},
    select::{Selection, TagPatterns},
    task::{Mode, Regions, Task},
};

use crate::{
    grant::{Conditions, Grant},
    resource::{Owner, Resource},
    table::{self, Kind, Row, When},
};

/// What makes a final snapshot, without tags.
const FINAL: [&str; 2] = ["rds:DeleteDBCluster", "rds:DeleteDBInstance"];

/// How closely grants follow the tags that tasks select by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Precision {
    /// Targets only with the tags.
    ByTask,
    /// Any target: for policies that would be too long.
    ByKind,
}

/// A role in one account, or in each account of a part of the organization.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Site<'a> {
    Account(&'a AccountId),
    Group {
        /// The name of the part.
        name: &'a str,
        /// The accounts that are none of its members: the configuration lists them.
        listed: &'a [Account],
    },
}

impl Site<'_> {
    /// The regions that a task works in there, if it does.
    fn regions<'t>(&self, task: &'t Task) -> Option<&'t Regions> {
        match self {
            Site::Account(id) => {
                task.reach.iter().find(|it| it.account == **id).map(|it| &it.regions)
            }
            Site::Group { name, .. } => {
                task.groups.iter().find(|it| it.name == *name).map(|it| &it.regions)
            }
        }
    }

    fn is(&self, account: &AccountId) -> bool {
        matches!(self, Site::Account(id) if *id == account)
    }

    /// Whether it may be that account.
    fn may_be(&self, account: &AccountId) -> bool {
        match self {
            Site::Account(id) => *id == account,
            Site::Group { listed, .. } => listed.iter().all(|it| it.id != *account),
        }
    }
}

/// What the tasks need at a site, the engine's own look at the account's regions included.
pub(crate) fn grants(
    catalog: Catalog,
    tasks: &[&Task],
    site: Site<'_>,
    precision: Precision,
) -> Result<Vec<Grant>, Fault> {
    let mut all = Vec::new();
    for task in tasks {
        let action = action::ordered(catalog, &task.order.action)?;
        let needs = action.needs(&task.order.params)?;
        let regions = site.regions(task);
        let here = needs.here.iter().filter(|_| regions.is_some());
        let named = needs.elsewhere.iter().filter(|(account, _)| site.may_be(account));
        let actions: BTreeSet<&str> =
            here.chain(named.flat_map(|(_, actions)| actions)).copied().collect();
        if actions.is_empty() {
            continue;
        }
        let kinds = action.kinds(&task.order.params)?;
        let asked = Asked { task, action, needs: &needs, kinds, site, regions, precision };
        let rows = actions.iter().map(|name| row(name)).collect::<Result<Vec<_>, _>>()?;
        let observes = task.order.mode == Mode::Observe;
        for row in rows.iter().filter(|it| it.reads() || !observes) {
            all.extend(asked.grants(row, &rows));
        }
        if regions == Some(&Regions::All) {
            all.push(Grant {
                action: "ec2:DescribeRegions",
                resource: Resource::Any,
                conditions: Conditions::new(),
                name: "LearnRegions".to_owned(),
            });
        }
    }
    Ok(all)
}

/// The accounts that the tasks enter.
pub(crate) fn entered(catalog: Catalog, tasks: &[&Task]) -> Result<BTreeSet<AccountId>, Fault> {
    let mut all = BTreeSet::new();
    for task in tasks {
        let needs = action::ordered(catalog, &task.order.action)?.needs(&task.order.params)?;
        all.extend(task.reach.iter().map(|it| it.account.clone()));
        all.extend(needs.elsewhere.into_keys());
    }
    Ok(all)
}

fn row(action: &str) -> Result<&'static Row, Fault> {
    table::find(action).ok_or_else(|| {
        Fault::permanent(format!("nothing is known of the IAM action `{action}`: this is a bug"))
    })
}

/// A task in one account.
struct Asked<'a> {
    task: &'a Task,
    action: &'static dyn AnyAction,
    needs: &'a Permissions,
    /// What its targets are called.
    kinds: Vec<&'static str>,
    site: Site<'a>,
    /// `None` where the task has no targets.
    regions: Option<&'a Regions>,
    precision: Precision,
}

impl Asked<'_> {
    /// What one row of the table means for this task, which needs all of `rows`.
    fn grants(&self, row: &Row, rows: &[&Row]) -> Vec<Grant> {
        let mut found = Vec::new();
        for (kind, when) in row.on {
            for (conditions, word) in self.conditions(*kind, *when, rows) {
                for owner in self.owners(*kind) {
                    let mut conditions = conditions.clone();
                    self.in_regions(&mut conditions);
                    found.push(Grant {
                        action: row.action,
                        resource: Resource::of(*kind, owner),
                        conditions,
                        name: match kind {
                            Kind::Any => "Look".to_owned(),
                            kind => format!("{word}{}", kind.word()),
                        },
                    });
                }
            }
        }
        found
    }

    /// Each way in which the action is allowed on the kind, and a word for it.
    fn conditions(&self, kind: Kind, when: When, rows: &[&Row]) -> Vec<(Conditions, &'static str)> {
        let marked = || there(format!("aws:ResourceTag/{TASK_TAG}"));
        match when {
            When::Always => vec![(Conditions::new(), "Use")],
            When::ByTask => vec![(self.selected(kind, rows), "Target")],
            When::Lent => {
                let is_target = self.targets_are(kind);
                let makes = rows.iter().any(|it| it.makes().any(|made| made == kind));
                let own = (makes || !is_target).then(|| (marked(), "Own"));
                let selected = self.selected(kind, rows);
                // What tasks have made has the mark.
                let of_tasks = ("StringEquals", format!("aws:ResourceTag/{TASK_TAG}"));
                let covered = own.is_some() && selected.contains_key(&of_tasks);
                let selected = (is_target && !covered).then_some((selected, "Target"));
                selected.into_iter().chain(own).collect()
            }
            // What a deletion makes gets its tags afterwards.
            When::Marked if rows.iter().any(|it| FINAL.contains(&it.action)) => {
                vec![(Conditions::new(), "Final")]
            }
            When::Marked => vec![(there(format!("aws:RequestTag/{TASK_TAG}")), "New")],
            When::Ours => {
                let adopt = self.task.order.adopt.as_ref();
                let deletes = self.action.spec().effect == Effect::Deletes;
                let adopted = adopt.filter(|_| deletes && self.targets_are(kind));
                let adopted = adopted.map(|it| (self.tagged(it), "Adopted"));
                [(marked(), "Own")].into_iter().chain(adopted).collect()
            }
            When::Tagging => self.tagging(kind, rows),
            When::SharedWith => vec![(self.shared(), "Shared")],
            When::ForService => vec![(self.for_services(rows), "Use")],
            When::IfRun => {
                let documents = self.needs.documents.iter().map(|it| Kind::Document(*it));
                documents.filter(|it| *it == kind).map(|_| (Conditions::new(), "Run")).collect()
            }
            When::Grants => {
                let mut conditions = self.for_services(rows);
                add(&mut conditions, "Bool", "kms:GrantIsForAWSResource", ["true"]);
                vec![(conditions, "Grant")]
            }
        }
    }

    /// The tags of the task's targets.
    fn selected(&self, kind: Kind, rows: &[&Row]) -> Conditions {
        match self.targets_are(kind) && !self.changes_its_selection(rows) {
            true => self.tagged(&self.task.order.select),
            false => Conditions::new(),
        }
    }

    /// Whether a task may change the tags that it selects by: then they must not decide whether it
    /// may go on. Of one that only marks its targets the names of the marks are known.
    fn changes_its_selection(&self, rows: &[&Row]) -> bool {
        let marks = &self.needs.marks;
        let is_mark = |key: &str| marks.iter().any(|it| key.starts_with(it));
        let selects_by_marks = self.task.order.select.tags.iter().any(|(key, _)| is_mark(key));
        changes_tags(rows) && (marks.is_empty() || selects_by_marks)
    }

    /// A resource that a task makes is tagged by the call that makes it. Targets are tagged by a
    /// task that makes nothing, whose tags then prove nothing, or with the tags that it says.
    fn tagging(&self, kind: Kind, rows: &[&Row]) -> Vec<(Conditions, &'static str)> {
        let making: BTreeSet<&str> = rows
            .iter()
            .filter(|it| it.makes().any(|made| made == kind))
            .filter_map(|it| it.action.split_once(':'))
            .map(|(_, call)| call)
            .collect();
        let mut ways = Vec::new();
        let marks = &self.needs.marks;
        let makes = rows.iter().any(|it| it.makes().next().is_some());
        if self.targets_are(kind) && !(marks.is_empty() && makes) {
            let mut conditions = Conditions::new();
            if !marks.is_empty() {
                let names = marks.iter().map(|it| format!("{it}*")).collect();
                let key = ("ForAllValues:StringLike", "aws:TagKeys".to_owned());
                conditions.insert(key, names);
            }
            ways.push((conditions, "Tag"));
        }
        if making.is_empty() {
            return ways;
        }
        let mut conditions = Conditions::new();
        match kind {
            // RDS has no key for the call that creates.
            Kind::DatabaseSnapshot | Kind::ClusterSnapshot => {
                conditions = there(format!("aws:RequestTag/{TASK_TAG}"));
            }
            _ => add(&mut conditions, "StringEquals", "ec2:CreateAction", making),
        }
        ways.push((conditions, "TagNew"));
        if self.needs.labels {
            ways.push((there(format!("aws:ResourceTag/{TASK_TAG}")), "TagOwn"));
        }
        ways
    }

    /// Shared with the accounts that the parameters name, and never with everybody.
    fn shared(&self) -> Conditions {
        let with = &self.needs.shares_with;
        let mut conditions = Conditions::new();
        match with.is_empty() {
            true => add(&mut conditions, "Null", "ec2:Add/userId", ["true"]),
            false => {
                let with = with.iter().map(AccountId::as_str);
                add(&mut conditions, "ForAllValues:StringEquals", "ec2:Add/userId", with);
            }
        }
        add(&mut conditions, "Null", "ec2:Add/group", ["true"]);
        conditions
    }

    /// The services of whose calls the task needs some.
    fn for_services(&self, rows: &[&Row]) -> Conditions {
        let services: BTreeSet<&str> =
            rows.iter().filter_map(|it| it.action.split(':').next()).collect();
        let via = services.iter().filter(|it| ["ec2", "rds", "dynamodb"].contains(it));
        let mut conditions = Conditions::new();
        let domain = match self.regions {
            Some(Regions::Listed(regions)) => regions.first().map(|it| domain(it.partition())),
            _ => None,
        };
        let domain = domain.unwrap_or("amazonaws.com");
        let names = via.map(|service| format!("{service}.*.{domain}"));
        conditions.insert(("StringLike", "kms:ViaService".to_owned()), names.collect());
        conditions
    }

    /// Keys and snapshots of other accounts are used for what is copied between accounts; all else
    /// is one's own.
    fn owners(&self, kind: Kind) -> Vec<Owner> {
        if matches!(kind, Kind::OldDatabaseSnapshot | Kind::OldClusterSnapshot) {
            return self.owners_of_sources();
        }
        let mut owners = vec![Owner::Own];
        if kind == Kind::Key && !self.needs.elsewhere.is_empty() {
            let is_named = self.is_named();
            let targets = self.task.reach.iter().map(|it| &it.account);
            let targets = targets.filter(|_| is_named);
            let named = self.needs.elsewhere.keys();
            let others: BTreeSet<&AccountId> =
                targets.chain(named).filter(|it| !self.site.is(it)).collect();
            owners.extend(others.into_iter().cloned().map(Owner::Account));
            owners.extend(self.has_unknown_targets().then_some(Owner::Any));
        }
        owners
    }

    /// The accounts of what is copied here: others' where the parameters say that copies come here.
    fn owners_of_sources(&self) -> Vec<Owner> {
        let mut owners: Vec<Owner> = self.regions.iter().map(|_| Owner::Own).collect();
        if self.is_named() {
            let targets = self.task.reach.iter().map(|it| &it.account);
            let others = targets.filter(|it| !self.site.is(it)).cloned().map(Owner::Account);
            owners.extend(others);
            owners.extend(self.has_unknown_targets().then_some(Owner::Any));
        }
        owners
    }

    /// Whether the task has targets in other accounts that are only known when it runs.
    fn has_unknown_targets(&self) -> bool {
        self.is_named() && !self.task.groups.is_empty()
    }

    /// Whether parameters may name it: others' targets are copied there.
    fn is_named(&self) -> bool {
        self.needs.elsewhere.keys().any(|it| self.site.may_be(it))
    }

    fn targets_are(&self, kind: Kind) -> bool {
        self.regions.is_some() && kind.of_targets().is_some_and(|it| self.kinds.contains(&it))
    }

    /// What of a selection IAM can say: the tags that must have one of some values.
    fn tagged(&self, selection: &Selection) -> Conditions {
        match self.precision {
            Precision::ByTask => tagged(&selection.tags),
            Precision::ByKind => Conditions::new(),
        }
    }

    /// Only in the regions of the task, if all of them are known.
    fn in_regions(&self, conditions: &mut Conditions) {
        // An account that others' targets are copied to is entered in their regions, too.
        let everywhere = self.task.reach.iter().map(|it| &it.regions);
        let everywhere = everywhere.chain(self.task.groups.iter().map(|it| &it.regions));
        let all: Vec<&Regions> = match self.regions.filter(|_| !self.is_named()) {
            Some(own) => vec![own],
            None => everywhere.collect(),
        };
        let mut regions: BTreeSet<&str> = BTreeSet::new();
        for it in all {
            match it {
                Regions::All => return,
                Regions::Listed(listed) => regions.extend(listed.iter().map(|it| it.as_str())),
            }
        }
        regions.extend(self.needs.regions.iter().map(|it| it.as_str()));
        add(conditions, "StringEquals", "aws:RequestedRegion", regions);
    }
}

/// Whether a task changes tags of what is there, its targets' among them.
fn changes_tags(rows: &[&Row]) -> bool {
    let makes = rows.iter().any(|it| it.makes().next().is_some());
    rows.iter().any(|it| match it.action {
        "ec2:DeleteTags" | "rds:RemoveTagsFromResource" => true,
        "ec2:CreateTags" | "rds:AddTagsToResource" => !makes,
        _ => false,
    })
}

/// The tags of which the values can be told one by one. AWS decides by the values of
/// `aws:ResourceTag` as it does by tags: with their case.
fn tagged(tags: &TagPatterns) -> Conditions {
    let mut conditions = Conditions::new();
    for (key, pattern) in tags.iter() {
        // Keys of conditions are plain texts, and their case is ignored.
        let plain = key.bytes().all(|it| it.is_ascii_alphanumeric() || b" +-=._:/@".contains(&it));
        if let (true, Some(values)) = (plain, pattern.exact_values()) {
            let values = values.into_iter().map(literal);
            conditions.insert(("StringEquals", format!("aws:ResourceTag/{key}")), values.collect());
        }
    }
    conditions
}

/// A value that is not a policy variable, whatever it looks like.
/// Source: IAM User Guide, "IAM policy elements: Variables and tags".
fn literal(value: &str) -> String {
    value.replace("${", "${$}{")
}

/// The key must be there.
fn there(key: String) -> Conditions {
    BTreeMap::from([(("Null", key), BTreeSet::from(["false".to_owned()]))])
}

fn add<'v>(
    conditions: &mut Conditions,
    operator: &'static str,
    key: &str,
    values: impl IntoIterator<Item = &'v str>,
) {
    let values = values.into_iter().map(str::to_owned).collect();
    conditions.insert((operator, key.to_owned()), values);
}

/// What the names of services end in.
/// Source: botocore's `partitions.json`, `dnsSuffix`.
pub(crate) fn domain(partition: &str) -> &'static str {
    match partition {
        "aws-cn" => "amazonaws.com.cn",
        "aws-eusc" => "amazonaws.eu",
        "aws-iso" => "c2s.ic.gov",
        "aws-iso-b" => "sc2s.sgov.gov",
        "aws-iso-e" => "cloud.adc-e.uk",
        "aws-iso-f" => "csp.hci.ic.gov",
        _ => "amazonaws.com",
    }
}
