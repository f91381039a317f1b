//! DynamoDB as a store: items in tables.
//!
//! What tables have provisioned is not used up by calls here.

pub(crate) mod batch;
pub(crate) mod get_item;
pub(crate) mod items;
pub(crate) mod key;
pub(crate) mod query;
pub(crate) mod transact;
pub(crate) mod write;

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{
    DynamoDb, bucket, no_table,
    table::{Status, Table},
    table_name,
    value::Item,
};
use crate::{
    operation::{Access, Cx, Spec},
    refusal::Refusal,
};
use items::Items;

/// Names of attributes, by placeholder.
pub(crate) type Names = BTreeMap<String, String>;
/// Values, by placeholder.
pub(crate) type Values = Item;

/// What an operation on items is.
const fn spec(name: &'static str, access: Access) -> Spec {
    Spec { service: "dynamodb", name, access, bucket: bucket::ITEMS }
}

/// Whether what was there is answered when a condition does not hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum OnFailure {
    #[default]
    None,
    AllOld,
}

/// The table of a call, and its items.
fn table<'c>(cx: &'c mut Cx<'_>, name: &str) -> Result<(&'c Table, &'c mut Items), Refusal> {
    let name = table_name(cx, name).to_owned();
    let DynamoDb { tables, items, .. } = &mut cx.here_mut().dynamodb;
    let table = tables.get(&name).ok_or_else(|| no_table(&name))?;
    if matches!(table.status, Status::Creating | Status::Deleting) {
        let message = "Requested resource not found";
        return Err(Refusal::new("ResourceNotFoundException", message));
    }
    let items = items.entry(name).or_default();
    items.align(table);
    Ok((table, items))
}

#[cfg(test)]
mod tests;
