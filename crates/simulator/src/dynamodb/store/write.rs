//! `PutItem`, `UpdateItem`, `DeleteItem`, and what they have in common with transactions.
//! Source: DynamoDB API, each operation.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Names, OnFailure, Values,
    items::Items,
    key::{self, Key},
    spec, table,
};
use crate::{
    dynamodb::{
        expression::{Condition, Path, Placeholders, Update},
        on_table,
        schema::invalid,
        table::Table,
        validation,
        value::Item,
    },
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// One change of one item, understood but not done.
pub(super) struct Change {
    pub(super) key: Key,
    kind: Kind,
    condition: Option<Condition>,
    pub(super) on_failure: OnFailure,
}

enum Kind {
    Put(Item),
    /// Of the item with this key, which is made if it is not there.
    Update(Update, Item),
    Delete,
    Nothing,
}

/// What a write asks for beside what it does.
#[derive(Clone, Debug, Default)]
pub(super) struct Conditions<'c> {
    pub(super) condition: Option<&'c str>,
    pub(super) names: Names,
    pub(super) values: Values,
    pub(super) on_failure: OnFailure,
}

impl Change {
    pub(super) fn put(table: &Table, item: Item, with: &Conditions<'_>) -> Result<Change, Refusal> {
        let key = key::of_item(table, &item)?;
        Change::new(key, with, |_| Ok(Kind::Put(item)))
    }

    pub(super) fn delete(
        table: &Table,
        key: &Item,
        with: &Conditions<'_>,
    ) -> Result<Change, Refusal> {
        Change::new(key::of_request(table, key)?, with, |_| Ok(Kind::Delete))
    }

    pub(super) fn nothing(
        table: &Table,
        key: &Item,
        with: &Conditions<'_>,
    ) -> Result<Change, Refusal> {
        Change::new(key::of_request(table, key)?, with, |_| Ok(Kind::Nothing))
    }

    pub(super) fn update(
        table: &Table,
        key: Item,
        update: Option<&str>,
        with: &Conditions<'_>,
    ) -> Result<Change, Refusal> {
        Change::new(key::of_request(table, &key)?, with, |placeholders| {
            let update = update.map(|it| placeholders.update(it)).transpose()?.unwrap_or_default();
            for path in update.paths() {
                let name = path.attribute();
                if table.keys.iter().any(|it| it.attribute_name == name) {
                    return Err(invalid(format!(
                        "Cannot update attribute {name}. This attribute is part of the key"
                    )));
                }
            }
            Ok(Kind::Update(update, key))
        })
    }

    fn new(
        key: Key,
        with: &Conditions<'_>,
        kind: impl FnOnce(&Placeholders<'_>) -> Result<Kind, Refusal>,
    ) -> Result<Change, Refusal> {
        let placeholders = Placeholders::new(&with.names, &with.values)?;
        let parse = |text| placeholders.condition("ConditionExpression", text);
        let condition = with.condition.map(parse).transpose()?;
        let kind = kind(&placeholders)?;
        placeholders.check_used()?;
        Ok(Change { key, kind, condition, on_failure: with.on_failure })
    }

    /// Whether its condition holds for what is there.
    pub(super) fn holds(&self, items: &Items) -> bool {
        let none = Item::new();
        let item = items.get(&self.key).map_or(&none, |it| it);
        self.condition.as_ref().is_none_or(|it| it.holds(item))
    }

    /// What the item becomes. `None`: it stays what it is.
    pub(super) fn outcome(&self, table: &Table, items: &Items) -> Result<Option<Outcome>, Refusal> {
        Ok(Some(match &self.kind {
            Kind::Nothing => return Ok(None),
            Kind::Put(item) => Some(item.clone()),
            Kind::Delete => None,
            Kind::Update(update, key) => {
                let old = items.get(&self.key).map_or(key, |it| it);
                let new = update.apply(old)?;
                key::of_item(table, &new).map_err(|refusal| match refusal.message.as_str() {
                    "Item size has exceeded the maximum allowed size" => {
                        validation("Item size to update has exceeded the maximum allowed size")
                    }
                    _ => refusal,
                })?;
                Some(new)
            }
        }))
    }

    /// Checks and does it: what was there, and what is.
    fn run(self, table: &Table, items: &mut Items, now: jiff::Timestamp) -> Result<Done, Refusal> {
        if !self.holds(items) {
            let refusal =
                Refusal::new("ConditionalCheckFailedException", "The conditional request failed");
            return Err(match (self.on_failure, items.get(&self.key)) {
                (OnFailure::AllOld, Some(item)) => refusal.with("Item", json!(**item)),
                _ => refusal,
            });
        }
        let Some(new) = self.outcome(table, items)? else {
            return Ok(Done { old: None, new: None });
        };
        let old = items.set(self.key, new.clone(), now);
        Ok(Done { old, new })
    }
}

/// What an item becomes. `None`: it is gone.
type Outcome = Option<Item>;

/// What a write did.
struct Done {
    old: Option<Arc<Item>>,
    new: Option<Item>,
}

/// What a write answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum ReturnValues {
    #[default]
    None,
    AllOld,
    UpdatedOld,
    AllNew,
    UpdatedNew,
}

/// What writes answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Written {
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<Item>,
}

/// Does what `PutItem` and `DeleteItem` are: they answer what was there, or nothing.
fn run_whole(
    cx: &mut Cx<'_>,
    table_name: &str,
    wanted: ReturnValues,
    with: &Conditions<'_>,
    change: impl FnOnce(&Table, &Conditions<'_>) -> Result<Change, Refusal>,
) -> Result<Written, Refusal> {
    let answers = match wanted {
        ReturnValues::None => false,
        ReturnValues::AllOld => true,
        _ => return Err(validation("Return values set to invalid value")),
    };
    let now = cx.now;
    let (table, items) = table(cx, table_name)?;
    let done = change(table, with)?.run(table, items, now)?;
    Ok(Written { attributes: done.old.filter(|_| answers).map(Arc::unwrap_or_clone) })
}

/// `PutItem`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct PutItem {
    table_name: String,
    item: Item,
    #[serde(default)]
    condition_expression: Option<String>,
    #[serde(default)]
    expression_attribute_names: Names,
    #[serde(default)]
    expression_attribute_values: Values,
    #[serde(default)]
    return_values: ReturnValues,
    #[serde(default)]
    return_values_on_condition_check_failure: OnFailure,
}

impl Operation for PutItem {
    const SPEC: Spec = spec("PutItem", Access::Writes);

    type Answer<'s> = Written;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![on_table(cx, "dynamodb:PutItem", &self.table_name)]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Written, Refusal> {
        let with = Conditions {
            condition: self.condition_expression.as_deref(),
            names: self.expression_attribute_names,
            values: self.expression_attribute_values,
            on_failure: self.return_values_on_condition_check_failure,
        };
        run_whole(cx, &self.table_name, self.return_values, &with, |table, with| {
            Change::put(table, self.item, with)
        })
    }
}

/// `DeleteItem`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct DeleteItem {
    table_name: String,
    key: Item,
    #[serde(default)]
    condition_expression: Option<String>,
    #[serde(default)]
    expression_attribute_names: Names,
    #[serde(default)]
    expression_attribute_values: Values,
    #[serde(default)]
    return_values: ReturnValues,
    #[serde(default)]
    return_values_on_condition_check_failure: OnFailure,
}

impl Operation for DeleteItem {
    const SPEC: Spec = spec("DeleteItem", Access::Writes);

    type Answer<'s> = Written;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![on_table(cx, "dynamodb:DeleteItem", &self.table_name)]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Written, Refusal> {
        let with = Conditions {
            condition: self.condition_expression.as_deref(),
            names: self.expression_attribute_names,
            values: self.expression_attribute_values,
            on_failure: self.return_values_on_condition_check_failure,
        };
        run_whole(cx, &self.table_name, self.return_values, &with, |table, with| {
            Change::delete(table, &self.key, with)
        })
    }
}

/// `UpdateItem`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct UpdateItem {
    table_name: String,
    key: Item,
    #[serde(default)]
    update_expression: Option<String>,
    #[serde(default)]
    condition_expression: Option<String>,
    #[serde(default)]
    expression_attribute_names: Names,
    #[serde(default)]
    expression_attribute_values: Values,
    #[serde(default)]
    return_values: ReturnValues,
    #[serde(default)]
    return_values_on_condition_check_failure: OnFailure,
}

impl Operation for UpdateItem {
    const SPEC: Spec = spec("UpdateItem", Access::Writes);

    type Answer<'s> = Written;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![on_table(cx, "dynamodb:UpdateItem", &self.table_name)]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Written, Refusal> {
        let now = cx.now;
        let (table, items) = table(cx, &self.table_name)?;
        let with = Conditions {
            condition: self.condition_expression.as_deref(),
            names: self.expression_attribute_names,
            values: self.expression_attribute_values,
            on_failure: self.return_values_on_condition_check_failure,
        };
        let update = self.update_expression.as_deref();
        let change = Change::update(table, self.key, update, &with)?;
        let paths: Vec<Path> = match &change.kind {
            Kind::Update(update, _) => update.paths().cloned().collect(),
            _ => Vec::new(),
        };
        let Done { old, new } = change.run(table, items, now)?;
        let old = old.map(Arc::unwrap_or_clone);
        let updated = |item: Option<Item>| {
            item.map(|it| Path::project(&paths, &it)).filter(|it| !it.is_empty())
        };
        let attributes = match self.return_values {
            ReturnValues::None => None,
            ReturnValues::AllOld => old,
            ReturnValues::AllNew => new,
            ReturnValues::UpdatedOld => updated(old),
            ReturnValues::UpdatedNew => updated(new),
        };
        Ok(Written { attributes })
    }
}
