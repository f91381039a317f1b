//! Gates: a limited number of slots, each with an end.
//!
//! A gate is one item that has all holders in a map, so that one conditional write is enough to
//! take a slot and nobody can ever hold one too many. Holders stand there under a hash of their
//! id, which keeps the item small.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{Fault, JobId, engine::Slot};
use sha2::{Digest, Sha256};

use super::{
    record::instant,
    store::{self, Item, Store, Written, number, number_of, text, written},
};

/// The most holders of a gate, however high its limit: more would not fit into an item.
const MOST_HOLDERS: u32 = 4_000;
/// Most waiting jobs that a freed slot names.
const MOST_WAITERS: u32 = 10;
/// How often a slot is tried for while others take and free slots of the same gate.
const TRIES: u32 = 50;
/// How long a gate is remembered after its last holder.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Who holds slots of a gate, as it was seen.
struct Holders {
    until: HashMap<String, Timestamp>,
    version: i64,
}

impl Holders {
    fn of(item: &Item) -> Holders {
        let map = item.get("holders").and_then(|it| it.as_m().ok());
        let parse = |(name, until): (&String, &AttributeValue)| {
            Some((name.clone(), until.as_s().ok()?.parse().ok()?))
        };
        let until = map.into_iter().flatten().filter_map(parse).collect();
        Holders { until, version: number_of(item, "version").unwrap_or_default() }
    }

    /// How many slots are held by others.
    fn others(&self, holder: &str, now: Timestamp) -> u32 {
        let held = self.until.iter().filter(|(name, until)| *name != holder && **until > now);
        held.count() as u32
    }

    /// Those whose time has passed.
    fn passed(&self, now: Timestamp) -> impl Iterator<Item = &str> {
        let passed = self.until.iter().filter(move |(_, until)| **until <= now);
        passed.map(|(name, _)| name.as_str())
    }
}

impl Store {
    /// Takes one of `limit` slots of a gate, or prolongs the one that is held.
    pub(super) async fn take_slot(
        &self,
        gate: &str,
        limit: u32,
        holder: &JobId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Slot, Fault> {
        let limit = limit.min(MOST_HOLDERS);
        let holder = name(holder);
        for _ in 0..TRIES {
            let simple = self.any_slot(gate, limit, &holder, now, until);
            let seen = match self.update_gate(simple).await? {
                Written::Done(_) => return Ok(Slot::Taken),
                Written::Failed(seen) => seen.as_ref().map(Holders::of),
            };
            let with_care = match seen {
                None if limit == 0 => return Ok(Slot::Full),
                None => self.first_slot(gate, &holder, until),
                Some(seen) if seen.others(&holder, now) >= limit => return Ok(Slot::Full),
                Some(seen) => self.slot_of_the_dead(gate, &holder, now, until, &seen),
            };
            if let Written::Done(_) = self.update_gate(with_care).await? {
                return Ok(Slot::Taken);
            }
        }
        Err(Fault::transient(format!("others take slots of gate `{gate}` all the time")))
    }

    /// Prolongs the slot that is held, or takes one while there is room beside all who stand
    /// there: then it does not matter who they are.
    fn any_slot(
        &self,
        gate: &str,
        limit: u32,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> UpdateItemFluentBuilder {
        self.gate(gate, until)
            .update_expression("SET #holders.#holder = :until, #ttl = :ttl ADD #version :one")
            .condition_expression("#holders.#holder > :now OR size(#holders) < :limit")
            .expression_attribute_names("#holders", "holders")
            .expression_attribute_names("#holder", holder)
            .expression_attribute_values(":until", text(instant(until)))
            .expression_attribute_values(":now", text(instant(now)))
            .expression_attribute_values(":limit", number(limit))
    }

    /// Takes the first slot of a gate that nobody has taken one of before.
    fn first_slot(&self, gate: &str, holder: &str, until: Timestamp) -> UpdateItemFluentBuilder {
        let holders = HashMap::from([(holder.to_owned(), text(instant(until)))]);
        self.gate(gate, until)
            .update_expression("SET #holders = :holders, #ttl = :ttl ADD #version :one")
            .condition_expression("attribute_not_exists(#holders)")
            .expression_attribute_names("#holders", "holders")
            .expression_attribute_values(":holders", AttributeValue::M(holders))
    }

    /// Takes a slot while those whose time has passed are taken out, if nobody else has changed
    /// anything.
    fn slot_of_the_dead(
        &self,
        gate: &str,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
        seen: &Holders,
    ) -> UpdateItemFluentBuilder {
        let mut request = self
            .gate(gate, until)
            .condition_expression("#version = :seen")
            .expression_attribute_names("#holders", "holders")
            .expression_attribute_names("#holder", holder)
            .expression_attribute_values(":until", text(instant(until)))
            .expression_attribute_values(":seen", number(seen.version));
        let mut gone = Vec::new();
        // An expression has 4 KB: those that are left are for the next one.
        for (index, name) in seen.passed(now).filter(|it| *it != holder).take(100).enumerate() {
            request = request.expression_attribute_names(format!("#g{index}"), name);
            gone.push(format!("#holders.#g{index}"));
        }
        let mut expression =
            "SET #holders.#holder = :until, #ttl = :ttl ADD #version :one".to_owned();
        if !gone.is_empty() {
            expression.push_str(&format!(" REMOVE {}", gone.join(", ")));
        }
        request.update_expression(expression)
    }

    /// Frees a slot, and names jobs that wait: as many as there is room for.
    pub(super) async fn free_slot(
        &self,
        gate: &str,
        limit: u32,
        holder: &JobId,
        now: Timestamp,
    ) -> Result<Vec<JobId>, Fault> {
        let holder = name(holder);
        let freed = self
            .gate(gate, now)
            .update_expression("REMOVE #holders.#holder SET #ttl = :ttl ADD #version :one")
            .condition_expression("attribute_exists(#holders.#holder)")
            .expression_attribute_names("#holders", "holders")
            .expression_attribute_names("#holder", &holder)
            .return_values(ReturnValue::AllNew);
        let left = match self.update_gate(freed).await? {
            Written::Done(answer) => answer,
            // It had none, or a try whose answer got lost has freed it.
            Written::Failed(seen) => seen,
        };
        let taken = left.as_ref().map_or(0, |it| Holders::of(it).others(&holder, now));
        let room = limit.min(MOST_HOLDERS).saturating_sub(taken).min(MOST_WAITERS);
        self.waiting(gate, room as usize).await
    }

    /// An update of a gate, which is remembered for a while after `until`.
    fn gate(&self, gate: &str, until: Timestamp) -> UpdateItemFluentBuilder {
        let ttl = until.saturating_add(REMEMBERED).unwrap_or(Timestamp::MAX).as_second();
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(store::key(format!("gate#{gate}"), "gate")))
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":ttl", number(ttl))
            .expression_attribute_values(":one", number(1))
    }

    /// Does an update of a gate: what it answers, or what is stored when its condition failed.
    async fn update_gate(
        &self,
        request: UpdateItemFluentBuilder,
    ) -> Result<Written<Option<Item>>, Fault> {
        let request = request
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let call = self.call("passing a gate", "dynamodb:UpdateItem");
        let answer = request.send().await;
        Ok(
            match written(&call, answer, |error| match error {
                UpdateItemError::ConditionalCheckFailedException(it) => Some(it.item()),
                _ => None,
            })? {
                Written::Done(answer) => Written::Done(answer.attributes),
                Written::Failed(stored) => Written::Failed(stored),
            },
        )
    }
}

/// What a holder is called in a gate: 16 bytes of a hash, in hexadecimal.
fn name(holder: &JobId) -> String {
    let digest = Sha256::digest(holder.as_str());
    digest[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}
