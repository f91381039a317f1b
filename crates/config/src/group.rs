//! Parts of an AWS Organization.

use std::collections::{BTreeMap, BTreeSet};

use lamplighter_core::{AccountId, task::Group};

use crate::{
    Account, Role, Secret,
    account::{self, check_name, check_partitions, read_if_there, read_labels},
    node::{Entry, Node},
    object::Object,
    report::Report,
    shape, value,
};

/// The accounts of a part of an AWS Organization, which are entered all in the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accounts {
    /// Which accounts, and in which regions.
    pub group: Group,
    /// The role to assume in each. Always a name, as an ARN is of one account.
    pub role: Role,
    /// What the role asks for as proof that it was meant.
    pub external_id: Option<Secret>,
    /// What tasks choose them by.
    pub labels: BTreeMap<String, String>,
}

impl Accounts {
    /// Leaves out the accounts that have an entry of their own.
    pub(crate) fn without(mut self, others: &[Account]) -> Accounts {
        self.group.exclude.extend(others.iter().map(|it| it.id.to_string()));
        self
    }
}

/// Reads an entry with `organization`.
pub(crate) fn read(entry: &Entry, report: &mut Report<'_>) -> Option<Accounts> {
    const WHAT: &str = "an entry with `organization`";
    let name = entry.key.clone();
    let good_name = check_name(&name, entry.key_span, report);
    let object = Object::read::<shape::Account>(&entry.value, WHAT, entry.key_span, report)?;
    let no_id = object.get("id").is_none();
    if !no_id {
        let message = "`id` and `organization` exclude each other: it is one account, or all of a \
                       part of the organization";
        report.error(object.key_span("id"), message);
    }
    let organization = object.required("organization", WHAT, report)?;
    let at = object.key_span("organization");
    let part = Object::read::<shape::Organization>(organization, "`organization`", at, report);
    let units = part.as_ref().and_then(|part| {
        let node = part.required("units", "`organization`", report)?;
        read_ids(node, "`units`", is_parent, report)
    });
    let exclude = part.as_ref().and_then(|part| {
        read_if_there(part.get("exclude"), |node| {
            let is_known = |text: &str| is_unit(text) || text.parse::<AccountId>().is_ok();
            read_ids(node, "`exclude`", is_known, report)
        })
    });
    let role = object.required("role", WHAT, report).and_then(|node| {
        let role = account::read_role(node, None, report)?;
        if let Role::Arn(_) = role {
            let message = "a role of many accounts is a name: an ARN is of one account";
            report.error(node.span, message);
            return None;
        }
        Some(role)
    });
    let external_id =
        read_if_there(object.get("external-id"), |node| account::read_external_id(node, report));
    let regions = object
        .required("regions", WHAT, report)
        .and_then(|node| Some((value::regions(node, report)?, node.span)));
    if let Some((regions, at)) = &regions {
        check_partitions(regions, None, *at, report);
    }
    let labels = read_if_there(object.get("labels"), |node| read_labels(node, report));
    Some(Accounts {
        group: Group {
            name: (good_name && no_id).then_some(name)?,
            units: units?,
            exclude: exclude?.unwrap_or_default(),
            regions: regions?.0,
        },
        role: role?,
        external_id: external_id?,
        labels: labels?.unwrap_or_default(),
    })
}

fn read_ids(
    node: &Node,
    what: &str,
    is_good: impl Fn(&str) -> bool,
    report: &mut Report<'_>,
) -> Option<BTreeSet<String>> {
    let mut ids = BTreeSet::new();
    let mut good = true;
    for item in value::list(node, what, report)? {
        match value::as_written(item, "an id", report) {
            Some(text) if is_good(&text) => _ = ids.insert(text),
            Some(text) => {
                let expected = match what {
                    "`units`" => {
                        "the id of an organizational unit or of a root, such as \
                                  `ou-ab12-11111111` or `r-ab12`"
                    }
                    _ => {
                        "the id of an account or of an organizational unit, such as \
                          `\"111122223333\"` or `ou-ab12-11111111`"
                    }
                };
                report.error(item.span, format!("`{text}` is not {expected}"));
                good = false;
            }
            None => good = false,
        }
    }
    good.then_some(ids)
}

/// Source: Organizations API, `ListAccountsForParent`, `ParentId`.
fn is_parent(text: &str) -> bool {
    is_unit(text) || text.strip_prefix("r-").is_some_and(|it| is_word(it, 4))
}

fn is_unit(text: &str) -> bool {
    let parts = text.strip_prefix("ou-").and_then(|it| it.split_once('-'));
    parts.is_some_and(|(root, unit)| is_word(root, 4) && is_word(unit, 8))
}

fn is_word(text: &str, least: usize) -> bool {
    (least..=32).contains(&text.len())
        && text.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit())
}
