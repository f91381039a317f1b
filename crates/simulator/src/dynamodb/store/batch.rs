//! `BatchWriteItem`, `BatchGetItem`. Source: DynamoDB API, each operation.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Names, key, spec, table};
use crate::{
    dynamodb::{
        expression::{Path, Placeholders},
        on_table, validation,
        value::{self, Item},
    },
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// Items that a call may write.
const MOST_WRITES: usize = 25;
/// Items that a call may read.
const MOST_READS: usize = 100;
/// Bytes that a call may write or read.
const LARGEST: usize = 16 * 1024 * 1024;

/// `BatchWriteItem`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct BatchWriteItem {
    request_items: BTreeMap<String, Vec<Write>>,
}

/// One item of a batch: one of these.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
struct Write {
    put_request: Option<Put>,
    delete_request: Option<Delete>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Put {
    item: Item,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Delete {
    key: Item,
}

/// What `BatchWriteItem` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Written {
    /// Empty: what tables have provisioned is not used up here.
    unprocessed_items: BTreeMap<String, ()>,
}

impl Operation for BatchWriteItem {
    const SPEC: Spec = spec("BatchWriteItem", Access::Writes);

    type Answer<'s> = Written;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        let tables = self.request_items.keys();
        tables.map(|name| on_table(cx, "dynamodb:BatchWriteItem", name)).collect()
    }

    /// All is checked before anything is written, but what is written is not one whole.
    fn run(self, cx: &mut Cx<'_>) -> Result<Written, Refusal> {
        let count: usize = self.request_items.values().map(Vec::len).sum();
        if count == 0 || self.request_items.values().any(Vec::is_empty) {
            return Err(validation("The batch write request list for a table cannot be empty"));
        }
        if count > MOST_WRITES {
            return Err(validation("Too many items requested for the BatchWriteItem call"));
        }
        let now = cx.now;
        let (mut writes, mut bytes) = (Vec::new(), 0);
        for (name, requests) in self.request_items {
            let (table, _) = table(cx, &name)?;
            let mut seen = BTreeSet::new();
            for request in requests {
                let (key, item) = match (request.put_request, request.delete_request) {
                    (Some(put), None) => (key::of_item(table, &put.item)?, Some(put.item)),
                    (None, Some(delete)) => (key::of_request(table, &delete.key)?, None),
                    _ => {
                        return Err(validation(
                            "Supplied AttributeValue has more than one datatypes set, must \
                             contain exactly one of the supported requests",
                        ));
                    }
                };
                bytes += item.as_ref().map_or(0, value::size);
                if !seen.insert(key.clone()) {
                    return Err(validation("Provided list of item keys contains duplicates"));
                }
                writes.push((name.clone(), key, item));
            }
        }
        if bytes > LARGEST {
            return Err(validation("The batch write request is larger than 16 MB"));
        }
        for (name, key, item) in writes {
            let (_, items) = table(cx, &name)?;
            items.set(key, item, now);
        }
        Ok(Written { unprocessed_items: BTreeMap::new() })
    }
}

/// `BatchGetItem`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct BatchGetItem {
    request_items: BTreeMap<String, Keys>,
}

/// The items of one table.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
struct Keys {
    keys: Vec<Item>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    consistent_read: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    projection_expression: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    expression_attribute_names: Names,
}

/// What `BatchGetItem` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Got {
    responses: BTreeMap<String, Vec<Item>>,
    /// What did not fit into the answer.
    unprocessed_keys: BTreeMap<String, Keys>,
}

impl Operation for BatchGetItem {
    const SPEC: Spec = spec("BatchGetItem", Access::Reads);

    type Answer<'s> = Got;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        let tables = self.request_items.keys();
        tables.map(|name| on_table(cx, "dynamodb:BatchGetItem", name)).collect()
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Got, Refusal> {
        let count: usize = self.request_items.values().map(|it| it.keys.len()).sum();
        if count == 0 || self.request_items.values().any(|it| it.keys.is_empty()) {
            return Err(validation("The list of keys of a table cannot be empty"));
        }
        if count > MOST_READS {
            return Err(validation("Too many items requested for the BatchGetItem call"));
        }
        let (now, seen, mut bytes) = (cx.now, cx.seen, 0);
        // DynamoDB may leave keys unread at any time, but never all.
        let most = cx.state.dials.page_size.unwrap_or(MOST_READS).max(1);
        let mut got = Got { responses: BTreeMap::new(), unprocessed_keys: BTreeMap::new() };
        for (name, request) in self.request_items {
            let (table, items) = table(cx, &name)?;
            let values = Item::new();
            let placeholders = Placeholders::new(&request.expression_attribute_names, &values)?;
            let projection = request.projection_expression.as_deref();
            let paths = projection.map(|it| placeholders.projection(it)).transpose()?;
            placeholders.check_used()?;
            let mut asked = BTreeSet::new();
            let mut answers = Vec::new();
            let mut left = Vec::new();
            for key_item in &request.keys {
                let key = key::of_request(table, key_item)?;
                if !asked.insert(key.clone()) {
                    return Err(validation("Provided list of item keys contains duplicates"));
                }
                let at = if request.consistent_read { now } else { seen };
                let Some(item) = items.get_at(&key, at) else { continue };
                bytes += value::size(&item);
                if bytes > LARGEST || answers.len() >= most {
                    left.push(key_item.clone());
                    continue;
                }
                answers.push(match &paths {
                    None => item.as_ref().clone(),
                    Some(paths) => Path::project(paths, &item),
                });
            }
            if !left.is_empty() {
                got.unprocessed_keys.insert(name.clone(), Keys { keys: left, ..request });
            }
            got.responses.insert(name, answers);
        }
        Ok(got)
    }
}
