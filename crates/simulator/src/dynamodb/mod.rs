//! DynamoDB in one account and region.

pub(crate) mod backups;
pub(crate) mod capacity;
pub(crate) mod create_table;
pub(crate) mod delete_table;
pub(crate) mod expression;
pub(crate) mod number;
mod of_core;
pub(crate) mod schema;
pub(crate) mod store;
pub(crate) mod table;
pub(crate) mod tables;
pub(crate) mod tags;
pub(crate) mod time_to_live;
pub(crate) mod update_table;
pub(crate) mod value;

use std::collections::BTreeMap;

use jiff::Timestamp;
use lamplighter_core::Place;

use crate::{
    buckets::Bucket,
    cloud::State,
    iam::{Context, Need},
    operation::Cx,
    refusal::Refusal,
    shelf::Shelf,
    table::Entry,
};
use backups::Backup;
use store::{items::Items, transact::Transaction};
use table::{Size, Table};

/// The operations that are here.
pub(crate) const OPERATIONS: &[Entry] = &[
    Entry::json::<backups::CreateBackup>(),
    Entry::json::<backups::DeleteBackup>(),
    Entry::json::<backups::DescribeBackup>(),
    Entry::json::<backups::ListBackups>(),
    Entry::json::<store::batch::BatchGetItem>(),
    Entry::json::<store::batch::BatchWriteItem>(),
    Entry::json::<create_table::CreateTable>(),
    Entry::json::<store::write::DeleteItem>(),
    Entry::json::<store::get_item::GetItem>(),
    Entry::json::<store::write::PutItem>(),
    Entry::json::<store::query::Query>(),
    Entry::json::<store::query::Scan>(),
    Entry::json::<store::transact::TransactWriteItems>(),
    Entry::json::<store::write::UpdateItem>(),
    Entry::json::<delete_table::DeleteTable>(),
    Entry::json::<tables::DescribeLimits>(),
    Entry::json::<tables::DescribeTable>(),
    Entry::json::<tables::ListTables>(),
    Entry::json::<tags::ListTagsOfResource>(),
    Entry::json::<tags::TagResource>(),
    Entry::json::<tags::UntagResource>(),
    Entry::json::<time_to_live::DescribeTimeToLive>(),
    Entry::json::<time_to_live::UpdateTimeToLive>(),
    Entry::json::<update_table::UpdateTable>(),
];

/// What is there.
#[derive(Default)]
pub(crate) struct DynamoDb {
    pub(crate) tables: Shelf<Table>,
    /// By ARN.
    pub(crate) backups: Shelf<Backup>,
    /// By table.
    items: BTreeMap<String, Items>,
    /// By the token that their callers gave them.
    transactions: BTreeMap<String, Transaction>,
}

impl DynamoDb {
    /// How much a table holds.
    pub(crate) fn size(&self, table: &str) -> Size {
        self.items.get(table).map(Items::size).unwrap_or_default()
    }
}

/// What happens by itself later.
#[derive(Debug)]
pub(crate) enum Happening {
    /// A table is there, or changed.
    Table(update_table::Settles),
    /// A table is gone.
    TableGone(Box<str>),
    /// A backup is there, by its ARN.
    Backup(Box<str>),
}

/// Lets something happen.
pub(crate) fn happen(state: &mut State, place: &Place, happening: Happening, at: Timestamp) {
    let here = &mut state.services_mut(place).dynamodb;
    match happening {
        Happening::Table(settles) => settles.happen(&mut here.tables, at),
        Happening::TableGone(name) => {
            here.tables.remove(&name, at);
            here.items.remove(&*name);
            state.services_mut(place).scaling.forget(&name);
        }
        Happening::Backup(arn) => {
            here.backups.change(&arn, at, |it| it.status = backups::Status::Available);
        }
    }
}

/// The buckets that calls are paid from.
/// Source: DynamoDB Developer Guide, "Service, account, and table quotas in Amazon DynamoDB";
/// DynamoDB API, each operation.
pub(crate) mod bucket {
    use super::Bucket;
    pub(crate) use lamplighter_core::pace::dynamodb::{BACKUP, CREATE_BACKUP, FIVE, LIST_TAGS};

    /// Reads of what tables are.
    pub(crate) const READS: Bucket = Bucket::new(2500.0, 2500.0);
    /// Calls about items, which what a table has provisioned limits and not their number.
    pub(crate) const ITEMS: Bucket = Bucket::new(40_000.0, 40_000.0);
    /// Changes of tables: not their rate is limited but how many are under way.
    pub(crate) const WRITES: Bucket = Bucket::new(500.0, 500.0);
    /// `DescribeLimits`: once a minute.
    pub(crate) const LIMITS: Bucket = Bucket::new(1.0, 1.0 / 60.0);
}

/// A parameter is wrong.
pub(crate) fn validation(message: impl Into<String>) -> Refusal {
    Refusal::new("ValidationException", message)
}

/// The table's name: callers may send its ARN instead, in the same account and region.
pub(crate) fn table_name<'n>(cx: &Cx<'_>, name: &'n str) -> &'n str {
    let prefix = table::arn(cx.place, "");
    name.strip_prefix(&prefix).unwrap_or(name)
}

/// What a call on a table needs: an action on the table, with its tags.
pub(crate) fn on_table(cx: &Cx<'_>, action: &'static str, name: &str) -> Need {
    let name = table_name(cx, name);
    let table = cx.here().dynamodb.tables.get(name);
    let context = match table {
        Some(it) => Context::default().with_tags("aws:ResourceTag", &it.tags),
        None => Context::default(),
    };
    Need::on(action, table::arn(cx.place, name)).with(context)
}

/// The table that a write is about.
pub(crate) fn find<'c>(cx: &'c Cx<'_>, name: &str) -> Result<&'c Table, Refusal> {
    let name = table_name(cx, name);
    cx.here().dynamodb.tables.get(name).ok_or_else(|| no_table(name))
}

/// There is no such table.
pub(crate) fn no_table(name: &str) -> Refusal {
    let message = format!("Requested resource not found: Table: {name} not found");
    Refusal::new("ResourceNotFoundException", message)
}

/// The table cannot be changed now.
pub(crate) fn in_use(what: impl Into<String>) -> Refusal {
    Refusal::new("ResourceInUseException", what)
}
