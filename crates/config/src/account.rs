//! Accounts.

use std::{collections::BTreeMap, fmt};

use lamplighter_core::{AccountId, Region, task::Regions};

use crate::{
    group::{self, Accounts},
    node::{Entry, Kind, Node, Span},
    object::{Object, mapping},
    report::Report,
    shape, value,
};

/// An AWS account of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// What tasks call it.
    pub name: String,
    /// Its id.
    pub id: AccountId,
    /// The role to assume there. Without one the process's own credentials are used.
    pub role: Option<Role>,
    /// What the role asks for as proof that it was meant.
    pub external_id: Option<Secret>,
    /// The regions of tasks that name none.
    pub regions: Regions,
    /// What tasks choose accounts by.
    pub labels: BTreeMap<String, String>,
}

/// What an entry of `accounts` stands for.
#[derive(Clone, Debug)]
pub(crate) enum Named {
    Account(Account),
    Accounts(Accounts),
}

impl Named {
    pub(crate) fn labels(&self) -> &BTreeMap<String, String> {
        match self {
            Named::Account(account) => &account.labels,
            Named::Accounts(accounts) => &accounts.labels,
        }
    }
}

/// An IAM role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// A name, with its path if it has one: `lamplighter-member`, `ops/lamplighter-member`.
    Name(String),
    /// A whole ARN.
    Arn(String),
}

/// A text that is not shown by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text. Never log it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Role {
    /// As it is written.
    pub fn as_str(&self) -> &str {
        match self {
            Role::Name(text) | Role::Arn(text) => text,
        }
    }
}

/// Reads one entry: an account, or a part of an organization.
pub(crate) fn read(entry: &Entry, report: &mut Report<'_>) -> Option<Named> {
    match entry.value.get("organization") {
        Some(_) => group::read(entry, report).map(Named::Accounts),
        None => read_account(entry, report).map(Named::Account),
    }
}

fn read_account(entry: &Entry, report: &mut Report<'_>) -> Option<Account> {
    let name = entry.key.clone();
    let good_name = check_name(&name, entry.key_span, report);
    let object =
        Object::read::<shape::Account>(&entry.value, "an account", entry.key_span, report)?;
    let id = object.required("id", "an account", report).and_then(|node| read_id(node, report));
    let role = read_if_there(object.get("role"), |node| read_role(node, id.as_ref(), report));
    let external_id = read_if_there(object.get("external-id"), |node| {
        if object.get("role").is_none() {
            report.error(
                object.key_span("external-id"),
                "`external-id` goes with a `role`: without one nothing is assumed",
            );
        }
        read_external_id(node, report)
    });
    let regions = object
        .required("regions", "an account", report)
        .and_then(|node| Some((value::regions(node, report)?, node.span)));
    if let Some((regions, at)) = &regions {
        check_partitions(regions, role.as_ref().and_then(Option::as_ref), *at, report);
    }
    let labels = read_if_there(object.get("labels"), |node| read_labels(node, report));
    Some(Account {
        name: good_name.then_some(name)?,
        id: id?,
        role: role?,
        external_id: external_id?,
        regions: regions?.0,
        labels: labels?.unwrap_or_default(),
    })
}

/// Whether tasks can call it so.
pub(crate) fn check_name(name: &str, at: Span, report: &mut Report<'_>) -> bool {
    if name == "all" {
        report.error(at, "an account cannot be called `all`: that means every account");
    }
    value::check_name(name, "an account", at, report)
}

/// `Some(None)` when the key is not there, `None` when its value is bad.
pub(crate) fn read_if_there<'n, T>(
    node: Option<&'n Node>,
    read: impl FnOnce(&'n Node) -> Option<T>,
) -> Option<Option<T>> {
    match node {
        None => Some(None),
        Some(node) => read(node).map(Some),
    }
}

fn read_id(node: &Node, report: &mut Report<'_>) -> Option<AccountId> {
    let text = value::as_written(node, "`id`", report)?;
    text.parse().map_err(|error| report.error(node.span, error)).ok()
}

pub(crate) fn read_role(
    node: &Node,
    id: Option<&AccountId>,
    report: &mut Report<'_>,
) -> Option<Role> {
    let text = value::text(node, "`role`", report)?;
    let Some(rest) = text.strip_prefix("arn:") else {
        if is_role_path(text) {
            return Some(Role::Name(text.to_owned()));
        }
        report.error(
            node.span,
            format!(
                "`{text}` is not a role: a name of at most 64 letters, digits and `_+=,.@-`, with \
                 its path if it has one, or an ARN"
            ),
        );
        return None;
    };
    let parts: Vec<&str> = rest.splitn(5, ':').collect();
    let [partition, "iam", "", account, resource] = parts.as_slice() else {
        report.error(node.span, not_a_role_arn(text));
        return None;
    };
    let named = resource.strip_prefix("role/").is_some_and(is_role_path);
    if !partition.starts_with("aws") || account.parse::<AccountId>().is_err() || !named {
        report.error(node.span, not_a_role_arn(text));
        return None;
    }
    if let Some(id) = id
        && id.as_str() != *account
    {
        report.error(
            node.span,
            format!("the role is in the account `{account}`, and the `id` here is `{id}`"),
        );
        return None;
    }
    Some(Role::Arn(text.to_owned()))
}

fn not_a_role_arn(text: &str) -> String {
    format!("`{text}` is not the ARN of a role, such as `arn:aws:iam::111122223333:role/name`")
}

/// A role's name after its path. Source: IAM API, `CreateRole`, `RoleName` and `Path`.
fn is_role_path(text: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty()
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte))
    };
    let name = text.rsplit('/').next().unwrap_or_default();
    text.len() <= 512 + name.len() && name.len() <= 64 && text.split('/').all(is_word)
}

/// Source: STS API, `AssumeRole`, `ExternalId`.
pub(crate) fn read_external_id(node: &Node, report: &mut Report<'_>) -> Option<Secret> {
    let text = value::as_written(node, "`external-id`", report)?;
    let good = (2..=1224).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&byte));
    if !good {
        // The text itself is not shown: it is a secret, if a weak one.
        report.error(
            node.span,
            "`external-id` has 2 to 1224 letters, digits and `_+=,.@:/-`, and this is not such a \
             text",
        );
    }
    good.then_some(Secret(text))
}

/// An account is in one partition of AWS.
pub(crate) fn check_partitions(
    regions: &Regions,
    role: Option<&Role>,
    at: Span,
    report: &mut Report<'_>,
) {
    let Regions::Listed(regions) = regions else { return };
    let role = role.and_then(|role| match role {
        Role::Arn(arn) => arn.split(':').nth(1).map(|partition| ("the role", partition)),
        Role::Name(_) => None,
    });
    let of = |region: &'_ Region| region.partition();
    let first = regions.first().map(|region| (region.as_str(), of(region)));
    let Some((other, partition)) = role.or(first) else { return };
    if let Some(region) = regions.iter().find(|region| of(region) != partition) {
        report.error(
            at,
            format!(
                "an account is in one partition of AWS: {other} is in `{partition}`, and \
                 `{region}` in `{}`",
                of(region)
            ),
        );
    }
}

/// Labels, or the labels that a task asks for.
pub(crate) fn read_labels(
    node: &Node,
    report: &mut Report<'_>,
) -> Option<BTreeMap<String, String>> {
    let entries = mapping(node, "`labels`", report)?;
    let mut labels = BTreeMap::new();
    let mut good = true;
    for entry in entries {
        match value::as_written(&entry.value, "a label", report) {
            Some(value) => _ = labels.insert(entry.key.clone(), value),
            None => good = false,
        }
    }
    if matches!(&node.kind, Kind::Map(entries) if entries.is_empty()) {
        report.error(node.span, "`labels` has at least one label");
        good = false;
    }
    good.then_some(labels)
}
