//! What is known of the clock and of tasks.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use jiff::Timestamp;
use lamplighter_core::{Fault, TaskName, engine::KnownTask};

use super::{
    record::instant,
    store::{self, Item, PK, SK, Store, Written, damaged, text, text_of, written},
};
use crate::several::several;

/// The key of the last tick.
const TICKED: &str = "ticked";
/// The partition of known tasks.
const TASKS: &str = "tasks";
/// Tasks that are noted at a time.
const WRITES: usize = 16;

impl Store {
    /// Up to when a tick has created all that was due.
    pub(super) async fn ticked(&self) -> Result<Option<Timestamp>, Fault> {
        let item = self.get("reading the last tick", store::key(TICKED, TICKED)).await?;
        let Some(item) = item else { return Ok(None) };
        let until = text_of(&item, "until").unwrap_or_default().parse();
        until.map(Some).map_err(|error: jiff::Error| damaged("the last tick", error))
    }

    /// Moves the last tick forward, never back.
    pub(super) async fn set_ticked(&self, until: Timestamp) -> Result<(), Fault> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(store::key(TICKED, TICKED)))
            .update_expression("SET #until = :until")
            .condition_expression("attribute_not_exists(#until) OR #until < :until")
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":until", text(instant(until)));
        let call = self.call("noting the tick", "dynamodb:UpdateItem");
        let answer = request.send().await;
        match written(&call, answer, |error| match error {
            UpdateItemError::ConditionalCheckFailedException(_) => Some(None),
            _ => None,
        })? {
            // Another host has ticked up to a later instant, or this one had.
            Written::Done(_) | Written::Failed(_) => Ok(()),
        }
    }

    /// The form of each task that was loaded last.
    pub(super) async fn known_tasks(&self) -> Result<BTreeMap<TaskName, KnownTask>, Fault> {
        let query = self
            .client
            .query()
            .consistent_read(true)
            .key_condition_expression("#pk = :pk")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_values(":pk", text(TASKS));
        let items = self.query("reading known tasks", query, usize::MAX).await?;
        items.iter().map(known_task).collect()
    }

    /// Notes new forms of tasks.
    pub(super) async fn note_tasks(
        &self,
        tasks: &BTreeMap<TaskName, KnownTask>,
    ) -> Result<(), Fault> {
        several(WRITES, tasks.iter().map(|(name, known)| self.note_task(name, known)))
            .await
            .map(drop)
    }

    async fn note_task(&self, name: &TaskName, known: &KnownTask) -> Result<(), Fault> {
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .item(PK, text(TASKS))
            .item(SK, text(name.as_str()))
            .item("fingerprint", text(&known.fingerprint))
            .item("since", text(instant(known.since)));
        let call = self.call("noting a task", "dynamodb:PutItem");
        call.answer(request.send().await).map(drop)
    }
}

fn known_task(item: &Item) -> Result<(TaskName, KnownTask), Fault> {
    let field = |name| text_of(item, name).unwrap_or_default();
    let name = field(SK).parse().map_err(|error| damaged("the name of a task", error))?;
    let since = field("since").parse();
    let since = since.map_err(|error: jiff::Error| damaged("a known task", error))?;
    Ok((name, KnownTask { fingerprint: field("fingerprint").to_owned(), since }))
}
