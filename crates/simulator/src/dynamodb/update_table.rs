//! `UpdateTable`. Source: DynamoDB API, `UpdateTable`; DynamoDB Developer Guide, "Considerations
//! when switching capacity modes".

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::{
    Happening, bucket,
    capacity::{BillingMode, Throughput, over_limit},
    create_table::{Changed, changed, check_account, check_at_work, check_index},
    find, in_use, no_table, on_table,
    schema::{self, AttributeDefinition, NewIndex, check_definitions, invalid},
    table::{Index, Status, Table},
    validation,
};
use crate::{
    cloud,
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
    shelf::Shelf,
};

/// How often a table may be put on demand in a day.
const MOST_SWITCHES: usize = 4;
/// Any 24 hours, not a day of the calendar.
const SWITCHES_COUNT_FOR: SignedDuration = SignedDuration::from_hours(24);
/// Global secondary indexes of a table.
const MOST_INDEXES: usize = 20;

/// `UpdateTable`, for capacity, indexes, and the protection from being deleted.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct UpdateTable {
    pub(crate) table_name: String,
    pub(crate) attribute_definitions: Option<Vec<AttributeDefinition>>,
    pub(crate) billing_mode: Option<BillingMode>,
    pub(crate) provisioned_throughput: Option<Throughput>,
    pub(crate) global_secondary_index_updates: Vec<IndexUpdate>,
    pub(crate) deletion_protection_enabled: Option<bool>,
}

/// What is done to one index: one of these.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct IndexUpdate {
    pub(crate) update: Option<IndexCapacity>,
    pub(crate) create: Option<NewIndex>,
    pub(crate) delete: Option<IndexName>,
}

/// The capacity that an index is to have.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct IndexCapacity {
    pub(crate) index_name: String,
    pub(crate) provisioned_throughput: Throughput,
}

/// An index that is to go.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct IndexName {
    pub(crate) index_name: String,
}

/// What a table becomes when a change of it is done.
#[derive(Clone, Debug)]
pub(crate) struct Settles {
    /// The table's name. It is still there then: what is being changed cannot be deleted.
    table: Box<str>,
    change: Change,
}

/// A change of a table that takes its time.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// It is made.
    Created,
    /// It and its indexes get other capacities.
    Capacity { mode: BillingMode, table: Option<Throughput>, indexes: Vec<IndexCapacity> },
    /// An index is ready to be filled.
    IndexBegun,
    /// An index is filled.
    IndexMade(String),
    /// An index is gone.
    IndexGone(String),
}

impl Settles {
    pub(super) fn of(table: &Table, change: Change) -> Settles {
        Settles { table: table.name.as_str().into(), change }
    }

    /// Lets the table become it.
    pub(super) fn happen(self, tables: &mut Shelf<Table>, at: Timestamp) {
        tables.change(&self.table, at, |it| self.change.apply(it));
    }
}

impl Change {
    fn apply(self, table: &mut Table) {
        match self {
            Change::Created => {
                table.status = Status::Active;
                table.indexes.iter_mut().for_each(|it| it.status = Status::Active);
            }
            Change::Capacity { mode, table: throughput, indexes } => {
                table.status = Status::Active;
                table.billing_mode = mode;
                table.capacity.now = throughput.unwrap_or(table.capacity.now);
                for index in &mut table.indexes {
                    index.status = Status::Active;
                    let new = indexes.iter().find(|it| it.index_name == index.name);
                    index.capacity.now =
                        new.map_or(index.capacity.now, |it| it.provisioned_throughput);
                }
                if mode == BillingMode::PayPerRequest {
                    let all = table.indexes.iter_mut().map(|it| &mut it.capacity);
                    all.chain([&mut table.capacity]).for_each(|it| it.now = Throughput::default());
                }
            }
            Change::IndexBegun => table.status = Status::Active,
            Change::IndexMade(name) => {
                let made = table.indexes.iter_mut().filter(|it| it.name == name);
                made.for_each(|it| it.status = Status::Active);
            }
            Change::IndexGone(name) => {
                table.status = Status::Active;
                table.indexes.retain(|it| it.name != name);
                let names = table.indexes.iter().flat_map(|it| schema::names(&it.keys));
                let used: BTreeSet<&str> = schema::names(&table.keys).chain(names).collect();
                table.attributes.retain(|it| used.contains(&*it.attribute_name));
            }
        }
    }
}

impl Operation for UpdateTable {
    const SPEC: Spec = Spec {
        service: "dynamodb",
        name: "UpdateTable",
        access: Access::Writes,
        bucket: bucket::WRITES,
    };

    type Answer<'s> = Changed<'s>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![on_table(cx, "dynamodb:UpdateTable", &self.table_name)]
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<Changed<'s>, Refusal> {
        let old = find(cx, &self.table_name)?;
        if !old.is_settled() {
            let message = format!(
                "Attempt to change a resource which is still in use: Table is being updated: {}",
                old.name
            );
            return Err(in_use(message));
        }
        let mut new = old.clone();
        let later = self.kind()?.begin(&mut new, cx)?;
        check_account(cx, &new.as_if(&later))?;
        if !later.is_empty() {
            check_at_work(cx)?;
        }
        let (now, name) = (cx.now, new.name.clone());
        for (after, change) in later {
            let settles = Happening::Table(Settles::of(&new, change));
            let happening = cloud::Happening::DynamoDb(cx.place.clone(), settles);
            cx.state.agenda.plan(now + after, happening);
        }
        let tables = &mut cx.here_mut().dynamodb.tables;
        tables.change(&name, now, |it| *it = new).ok_or_else(|| no_table(&name))?;
        Ok(changed(cx, &name))
    }
}

/// The one kind of change that a call may ask for.
enum Kind {
    Capacity { mode: Option<BillingMode>, table: Option<Throughput>, indexes: Vec<IndexCapacity> },
    IndexCreate(NewIndex, Vec<AttributeDefinition>),
    IndexDelete(String),
    Protection(bool),
}

/// What happens to the table and after what time.
type Later = Vec<(SignedDuration, Change)>;

impl UpdateTable {
    /// What is asked for. Refuses two kinds of change, and none.
    fn kind(self) -> Result<Kind, Refusal> {
        let (mut updates, mut others) = (Vec::new(), Vec::new());
        for it in self.global_secondary_index_updates {
            match (it.update, it.create, it.delete) {
                (Some(update), None, None) => updates.push(update),
                (None, Some(create), None) => {
                    let definitions = self.attribute_definitions.clone().unwrap_or_default();
                    others.push(Kind::IndexCreate(create, definitions));
                }
                (None, None, Some(delete)) => others.push(Kind::IndexDelete(delete.index_name)),
                _ => {
                    return Err(invalid(
                        "One of GlobalSecondaryIndexUpdate's Update, Create, Delete must be \
                         specified",
                    ));
                }
            }
        }
        if others.len() > 1 {
            return Err(over_limit(
                "Only 1 online index can be created or deleted simultaneously per table",
            ));
        }
        others.extend(self.deletion_protection_enabled.map(Kind::Protection));
        let (mode, table) = (self.billing_mode, self.provisioned_throughput);
        if mode.is_some() || table.is_some() || !updates.is_empty() {
            others.push(Kind::Capacity { mode, table, indexes: updates });
        }
        match (others.pop(), others.is_empty()) {
            (Some(kind), true) => Ok(kind),
            (Some(_), false) => Err(validation(
                "Only one type of update can be made in one call: the provisioned throughput, \
                 one new global secondary index, or one that is removed",
            )),
            (None, _) => Err(validation(
                "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, \
                 GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required",
            )),
        }
    }
}

impl Kind {
    /// Changes what changes at once, and says what does later.
    fn begin(self, it: &mut Table, cx: &Cx<'_>) -> Result<Later, Refusal> {
        match self {
            Kind::Protection(enabled) => {
                it.deletion_protection = enabled;
                Ok(Vec::new())
            }
            Kind::Capacity { mode, table, indexes } => {
                change_capacity(it, mode, table, indexes, cx)
            }
            Kind::IndexCreate(new, definitions) => {
                check_index(&new, it.billing_mode)?;
                if it.index(&new.index_name).is_some() {
                    let message = format!(
                        "Attempting to create an index which already exists: {}",
                        new.index_name
                    );
                    return Err(validation(message));
                }
                if it.indexes.len() >= MOST_INDEXES {
                    return Err(over_limit("GlobalSecondaryIndex count exceeds the limit of 20"));
                }
                add_definitions(it, definitions)?;
                let name = new.index_name.clone();
                it.status = Status::Updating;
                it.indexes.push(Index::new(new, Status::Creating));
                let keys = it.indexes.iter().flat_map(|it| schema::names(&it.keys));
                check_definitions(&it.attributes, schema::names(&it.keys).chain(keys))?;
                let times = &cx.state.dials.times;
                let made = (times.table + times.index, Change::IndexMade(name));
                Ok(vec![(times.table, Change::IndexBegun), made])
            }
            Kind::IndexDelete(name) => {
                let Some(index) = it.indexes.iter_mut().find(|it| it.name == name) else {
                    return Err(no_index(&name));
                };
                index.status = Status::Deleting;
                it.status = Status::Updating;
                Ok(vec![(cx.state.dials.times.index, Change::IndexGone(name))])
            }
        }
    }
}

/// Begins to change the billing mode, the capacity of the table, and that of its indexes: all of
/// it or nothing.
fn change_capacity(
    it: &mut Table,
    mode: Option<BillingMode>,
    table: Option<Throughput>,
    indexes: Vec<IndexCapacity>,
    cx: &Cx<'_>,
) -> Result<Later, Refusal> {
    let (times, now) = (&cx.state.dials.times, cx.now);
    let mode = mode.unwrap_or(it.billing_mode);
    let mut named = BTreeSet::new();
    for index in &indexes {
        let name = &*index.index_name;
        if it.index(name).is_none() {
            return Err(no_index(name));
        }
        if !named.insert(name) {
            return Err(invalid(format!(
                "Only one global secondary index update per index is allowed simultaneously. \
                 Index: {name}"
            )));
        }
    }
    let wait = match (it.billing_mode, mode) {
        (_, BillingMode::PayPerRequest) if table.is_some() || !indexes.is_empty() => {
            return Err(invalid(
                "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when \
                 BillingMode is PAY_PER_REQUEST",
            ));
        }
        (BillingMode::PayPerRequest, BillingMode::PayPerRequest) => {
            return Err(invalid("The table's BillingMode is PAY_PER_REQUEST already"));
        }
        (BillingMode::Provisioned, BillingMode::PayPerRequest) => {
            it.on_demand_since.retain(|at| *at > now - SWITCHES_COUNT_FOR);
            if it.on_demand_since.len() >= MOST_SWITCHES {
                return Err(over_limit(format!(
                    "Updates to PayPerRequest mode are limited to {MOST_SWITCHES} in 24 hours"
                )));
            }
            it.on_demand_since.push(now);
            times.billing_mode
        }
        (BillingMode::PayPerRequest, BillingMode::Provisioned) => {
            let missing = it.indexes.iter().find(|it| !named.contains(&*it.name));
            match (table, missing) {
                (Some(table), None) => table.check()?,
                (None, _) => {
                    return Err(invalid(
                        "ReadCapacityUnits and WriteCapacityUnits must both be specified when \
                         BillingMode is PROVISIONED",
                    ));
                }
                (_, Some(index)) => {
                    return Err(invalid(format!(
                        "ProvisionedThroughput must be specified for index: {}",
                        index.name
                    )));
                }
            }
            indexes.iter().try_for_each(|it| it.provisioned_throughput.check())?;
            times.billing_mode
        }
        (BillingMode::Provisioned, BillingMode::Provisioned) => {
            if table.is_none() && indexes.is_empty() {
                return Err(invalid("The table's BillingMode is PROVISIONED already"));
            }
            count_changes(it, table, &indexes, now)?;
            times.table
        }
    };
    it.status = Status::Updating;
    let switches = mode != it.billing_mode;
    let changing = it.indexes.iter_mut().filter(|it| switches || named.contains(&*it.name));
    changing.for_each(|it| it.status = Status::Updating);
    Ok(vec![(wait, Change::Capacity { mode, table, indexes })])
}

/// Counts the changes of provisioned capacities, or refuses them.
fn count_changes(
    it: &mut Table,
    table: Option<Throughput>,
    indexes: &[IndexCapacity],
    now: Timestamp,
) -> Result<(), Refusal> {
    if let Some(new) = table {
        it.capacity.check_change("table", new, now)?;
        it.capacity.count_change(new, now);
    }
    for index in &mut it.indexes {
        if let Some(new) = indexes.iter().find(|it| it.index_name == index.name) {
            let what = format!("index {}", index.name);
            index.capacity.check_change(&what, new.provisioned_throughput, now)?;
            index.capacity.count_change(new.provisioned_throughput, now);
        }
    }
    Ok(())
}

/// Adds the definitions of the keys of a new index. Those that are there may be sent again, as
/// they are.
fn add_definitions(it: &mut Table, new: Vec<AttributeDefinition>) -> Result<(), Refusal> {
    for new in new {
        match it.attributes.iter().find(|it| it.attribute_name == new.attribute_name) {
            None => it.attributes.push(new),
            Some(old) if *old == new => {}
            Some(_) => {
                let name = new.attribute_name;
                return Err(invalid(format!("Cannot change the type of attribute {name}")));
            }
        }
    }
    Ok(())
}

impl Table {
    /// What it will be.
    fn as_if(&self, later: &Later) -> Table {
        let mut table = self.clone();
        later.iter().for_each(|(_, change)| change.clone().apply(&mut table));
        table
    }
}

fn no_index(name: &str) -> Refusal {
    let message = format!("Requested resource not found: Index: {name} not found");
    Refusal::new("ResourceNotFoundException", message)
}

#[cfg(test)]
mod tests;
