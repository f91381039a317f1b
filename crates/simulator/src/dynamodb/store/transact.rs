//! `TransactWriteItems`. Source: DynamoDB API, `TransactWriteItems`; DynamoDB Developer Guide,
//! "Amazon DynamoDB Transactions: How it works".

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Names, OnFailure, Values,
    key::Key,
    spec, table,
    write::{Change, Conditions},
};
use crate::{
    dynamodb::{
        on_table, table_name, validation,
        value::{self, Item},
    },
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// Items of a transaction.
const MOST: usize = 100;
/// Bytes of all items of a transaction.
const LARGEST: usize = 4 * 1024 * 1024;
/// Characters of a token.
const LONGEST_TOKEN: usize = 36;
/// How long a token makes the same call one.
const TOKEN_LASTS: SignedDuration = SignedDuration::from_mins(10);

/// A transaction that was done.
#[derive(Debug)]
pub(crate) struct Transaction {
    at: Timestamp,
    actions: Vec<Action>,
}

/// `TransactWriteItems`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct TransactWriteItems {
    transact_items: Vec<Action>,
    #[serde(default)]
    client_request_token: Option<String>,
}

/// What is done with one item: one of these.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
struct Action {
    condition_check: Option<ConditionCheck>,
    put: Option<Put>,
    delete: Option<Delete>,
    update: Option<Update>,
}

/// Only the condition, which must be there.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct ConditionCheck {
    table_name: String,
    key: Item,
    condition_expression: String,
    #[serde(default)]
    expression_attribute_names: Names,
    #[serde(default)]
    expression_attribute_values: Values,
    #[serde(default)]
    return_values_on_condition_check_failure: OnFailure,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Put {
    table_name: String,
    item: Item,
    #[serde(default)]
    condition_expression: Option<String>,
    #[serde(default)]
    expression_attribute_names: Names,
    #[serde(default)]
    expression_attribute_values: Values,
    #[serde(default)]
    return_values_on_condition_check_failure: OnFailure,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Delete {
    table_name: String,
    key: Item,
    #[serde(default)]
    condition_expression: Option<String>,
    #[serde(default)]
    expression_attribute_names: Names,
    #[serde(default)]
    expression_attribute_values: Values,
    #[serde(default)]
    return_values_on_condition_check_failure: OnFailure,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Update {
    table_name: String,
    key: Item,
    update_expression: String,
    #[serde(default)]
    condition_expression: Option<String>,
    #[serde(default)]
    expression_attribute_names: Names,
    #[serde(default)]
    expression_attribute_values: Values,
    #[serde(default)]
    return_values_on_condition_check_failure: OnFailure,
}

/// An action that was understood: the table, the change, and the item as it was sent.
struct Understood {
    table: String,
    change: Change,
}

impl Action {
    /// The IAM action and the table.
    fn need(&self) -> Option<(&'static str, &str)> {
        let check = self.condition_check.as_ref();
        let check = check.map(|it| ("dynamodb:ConditionCheckItem", it.table_name.as_str()));
        let put = self.put.as_ref().map(|it| ("dynamodb:PutItem", it.table_name.as_str()));
        let delete = self.delete.as_ref().map(|it| ("dynamodb:DeleteItem", it.table_name.as_str()));
        let update = self.update.as_ref().map(|it| ("dynamodb:UpdateItem", it.table_name.as_str()));
        check.or(put).or(delete).or(update)
    }

    fn understand(self, cx: &mut Cx<'_>) -> Result<Understood, Refusal> {
        let conditions = |condition, names, values, on_failure| Conditions {
            condition,
            names,
            values,
            on_failure,
        };
        let (name, change) = match (self.condition_check, self.put, self.delete, self.update) {
            (Some(it), None, None, None) => {
                let (table, _) = table(cx, &it.table_name)?;
                let with = conditions(
                    Some(it.condition_expression.as_str()),
                    it.expression_attribute_names,
                    it.expression_attribute_values,
                    it.return_values_on_condition_check_failure,
                );
                let change = Change::nothing(table, &it.key, &with)?;
                (it.table_name, change)
            }
            (None, Some(it), None, None) => {
                let (table, _) = table(cx, &it.table_name)?;
                let with = conditions(
                    it.condition_expression.as_deref(),
                    it.expression_attribute_names,
                    it.expression_attribute_values,
                    it.return_values_on_condition_check_failure,
                );
                let change = Change::put(table, it.item, &with)?;
                (it.table_name, change)
            }
            (None, None, Some(it), None) => {
                let (table, _) = table(cx, &it.table_name)?;
                let with = conditions(
                    it.condition_expression.as_deref(),
                    it.expression_attribute_names,
                    it.expression_attribute_values,
                    it.return_values_on_condition_check_failure,
                );
                let change = Change::delete(table, &it.key, &with)?;
                (it.table_name, change)
            }
            (None, None, None, Some(it)) => {
                let (table, _) = table(cx, &it.table_name)?;
                let with = conditions(
                    it.condition_expression.as_deref(),
                    it.expression_attribute_names,
                    it.expression_attribute_values,
                    it.return_values_on_condition_check_failure,
                );
                let change = Change::update(table, it.key, Some(&it.update_expression), &with)?;
                (it.table_name, change)
            }
            _ => {
                return Err(validation(
                    "TransactItems can only contain one of Check, Put, Update or Delete",
                ));
            }
        };
        Ok(Understood { table: table_name(cx, &name).to_owned(), change })
    }
}

/// What `TransactWriteItems` answers.
#[derive(Serialize)]
pub(crate) struct Done {}

impl Operation for TransactWriteItems {
    const SPEC: Spec = spec("TransactWriteItems", Access::Writes);

    type Answer<'s> = Done;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        let needs = self.transact_items.iter().filter_map(Action::need);
        needs.map(|(action, table)| on_table(cx, action, table)).collect()
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Done, Refusal> {
        let now = cx.now;
        if !(1..=MOST).contains(&self.transact_items.len()) {
            return Err(validation(format!(
                "1 validation error detected: Value at 'transactItems' failed to satisfy \
                 constraint: Member must have length between 1 and {MOST}"
            )));
        }
        let token = self.client_request_token;
        if token.as_ref().is_some_and(|it| !(1..=LONGEST_TOKEN).contains(&it.len())) {
            return Err(validation("clientRequestToken must have 1 to 36 characters"));
        }
        let done = &mut cx.here_mut().dynamodb.transactions;
        done.retain(|_, it| now < it.at + TOKEN_LASTS);
        if let Some(before) = token.as_ref().and_then(|it| done.get(it)) {
            return match before.actions == self.transact_items {
                true => Ok(Done {}),
                false => Err(Refusal::new(
                    "IdempotentParameterMismatchException",
                    "The request uses the same client token as a previous, but non-identical \
                     request. Do not reuse a client token with different requests, unless the \
                     requests are identical",
                )),
            };
        }
        let actions = self.transact_items.clone();
        let understood: Result<Vec<_>, _> =
            self.transact_items.into_iter().map(|it| it.understand(cx)).collect();
        let understood = understood?;
        let mut items: BTreeSet<(&str, &Key)> = BTreeSet::new();
        if !understood.iter().all(|it| items.insert((&it.table, &it.change.key))) {
            return Err(validation(
                "Transaction request cannot include multiple operations on one item",
            ));
        }
        let outcomes = outcomes(cx, &understood)?;
        for (it, outcome) in understood.into_iter().zip(outcomes) {
            if let Some(item) = outcome {
                let (_, items) = table(cx, &it.table)?;
                items.set(it.change.key, item, now);
            }
        }
        if let Some(token) = token {
            let transaction = Transaction { at: now, actions };
            cx.here_mut().dynamodb.transactions.insert(token, transaction);
        }
        Ok(Done {})
    }
}

/// What each item becomes, or why nothing is done: a reason for each, in order.
fn outcomes(
    cx: &mut Cx<'_>,
    understood: &[Understood],
) -> Result<Vec<Option<Option<Item>>>, Refusal> {
    let none = || json!({"Code": "None"});
    let (mut outcomes, mut reasons, mut bytes) = (Vec::new(), Vec::new(), 0);
    for it in understood {
        let (table, items) = table(cx, &it.table)?;
        if !it.change.holds(items) {
            let message = "The conditional request failed";
            let mut reason = json!({"Code": "ConditionalCheckFailed", "Message": message});
            if it.change.on_failure == OnFailure::AllOld
                && let Some(item) = items.get(&it.change.key)
            {
                reason["Item"] = json!(**item);
            }
            reasons.push(reason);
            continue;
        }
        match it.change.outcome(table, items) {
            Ok(outcome) => {
                bytes += outcome.iter().flatten().map(value::size).sum::<usize>();
                outcomes.push(outcome);
                reasons.push(none());
            }
            Err(refusal) => {
                reasons.push(json!({"Code": "ValidationError", "Message": refusal.message}));
            }
        }
    }
    if outcomes.len() < understood.len() {
        let codes = reasons.iter().filter_map(|it| it["Code"].as_str());
        let message = format!(
            "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
            codes.collect::<Vec<_>>().join(", ")
        );
        let refusal = Refusal::new("TransactionCanceledException", message);
        return Err(refusal.with("CancellationReasons", json!(reasons)));
    }
    match bytes > LARGEST {
        true => Err(validation("Transaction is larger than 4 MB")),
        false => Ok(outcomes),
    }
}
