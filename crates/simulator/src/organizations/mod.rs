//! Organizations: which accounts and units are right below a unit.
//!
//! It is asked from the management account, which is the hub here. Sources: Organizations API,
//! `ListAccountsForParent`, `ListOrganizationalUnitsForParent`.

mod list;

pub(crate) use list::{ListAccountsForParent, ListOrganizationalUnitsForParent};

use std::collections::BTreeMap;

use lamplighter_core::AccountId;

use crate::{buckets::Bucket, operation::Cx, refusal::Refusal, table::Entry};

/// The operations that are here.
pub(crate) const OPERATIONS: &[Entry] =
    &[Entry::json::<ListAccountsForParent>(), Entry::json::<ListOrganizationalUnitsForParent>()];

/// The root of the organization, which answers to any id of a root.
pub(crate) const ROOT: &str = "r-sim1";
/// The most items of a page. Source: Organizations API, `MaxResults`.
pub(crate) const MOST: u32 = 20;
/// Source: Organizations User Guide, "Quotas for AWS Organizations", API throttling.
const BUCKET: Bucket = Bucket::new(12.0, 8.0);

/// The parent of each organizational unit.
pub(crate) type Units = BTreeMap<String, String>;

/// The root, or a unit that there is.
fn check_parent(cx: &Cx<'_>, parent: &str) -> Result<(), Refusal> {
    if is_root(parent) || cx.state.organization.units.contains_key(parent) {
        return Ok(());
    }
    let message = "You specified parent that doesn't exist.";
    Err(Refusal::new("ParentNotFoundException", message))
}

/// Whether this is the id of a root.
pub(crate) fn is_root(id: &str) -> bool {
    id.starts_with("r-")
}

/// Whether what is in a unit, or right below the root, is right below a parent.
fn is_below(unit: Option<&str>, parent: &str) -> bool {
    match unit.filter(|it| !is_root(it)) {
        None => is_root(parent),
        Some(unit) => unit == parent,
    }
}

/// Only the management account and delegated administrators may ask.
fn check_caller(cx: &Cx<'_>) -> Result<(), Refusal> {
    match cx.state.organization.hub.as_ref() == Some(&cx.caller.account) {
        true => Ok(()),
        false => {
            let message = "You don't have permissions to access this resource.";
            Err(Refusal::new("AccessDeniedException", message))
        }
    }
}

/// The ARN of something of the organization.
fn arn(cx: &Cx<'_>, kind: &str, id: &str) -> String {
    let organization = &cx.state.organization;
    let management = organization.hub.as_ref().map_or("", AccountId::as_str);
    let of = organization.id.as_deref().unwrap_or("o-exampleorgid");
    format!("arn:aws:organizations::{management}:{kind}/{of}/{id}")
}
