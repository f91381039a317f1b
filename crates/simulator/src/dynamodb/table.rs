//! A table and what DynamoDB says of it.

use jiff::Timestamp;
use lamplighter_core::{Place, Tags};
use serde::Serialize;

use super::{
    capacity::{self, BillingMode, Capacity, ShownMode, Throughput},
    schema::{AttributeDefinition, KeySchemaElement, NewIndex, Projection},
    time_to_live::TimeToLive,
};
use crate::{arn, wire::time::epoch};

/// A table, without its items.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Table {
    pub(crate) name: String,
    /// Different for each table that has ever been.
    pub(crate) id: String,
    pub(crate) created_at: Timestamp,
    pub(crate) status: Status,
    pub(crate) attributes: Vec<AttributeDefinition>,
    pub(crate) keys: Vec<KeySchemaElement>,
    pub(crate) billing_mode: BillingMode,
    /// When it was put on demand, newest last.
    pub(crate) on_demand_since: Vec<Timestamp>,
    pub(crate) capacity: Capacity,
    pub(crate) indexes: Vec<Index>,
    pub(crate) deletion_protection: bool,
    pub(crate) time_to_live: TimeToLive,
    pub(crate) tags: Tags,
}

/// A global secondary index.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Index {
    pub(crate) name: String,
    pub(crate) keys: Vec<KeySchemaElement>,
    pub(crate) projection: Projection,
    pub(crate) capacity: Capacity,
    pub(crate) status: Status,
}

/// What is being done with a table or an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Status {
    Creating,
    Updating,
    Deleting,
    Active,
}

impl Index {
    pub(crate) fn new(new: NewIndex, status: Status) -> Index {
        Index {
            capacity: Capacity::new(new.provisioned_throughput.unwrap_or_default()),
            name: new.index_name,
            keys: new.key_schema,
            projection: new.projection,
            status,
        }
    }
}

impl Table {
    /// A table on demand that has always been there.
    pub(crate) fn on_demand(
        name: &str,
        attributes: Vec<AttributeDefinition>,
        keys: Vec<KeySchemaElement>,
    ) -> Table {
        Table {
            name: name.to_owned(),
            id: format!("00000000-0000-4000-8000-{:0>12}", name.len()),
            created_at: Timestamp::UNIX_EPOCH,
            status: Status::Active,
            attributes,
            keys,
            billing_mode: BillingMode::PayPerRequest,
            on_demand_since: vec![Timestamp::UNIX_EPOCH],
            capacity: Capacity::default(),
            indexes: Vec::new(),
            deletion_protection: false,
            time_to_live: TimeToLive::default(),
            tags: Tags::new(),
        }
    }

    /// Whether neither it nor one of its indexes is being changed.
    pub(crate) fn is_settled(&self) -> bool {
        self.status == Status::Active && self.indexes.iter().all(|it| it.status == Status::Active)
    }

    pub(crate) fn index(&self, name: &str) -> Option<&Index> {
        self.indexes.iter().find(|it| it.name == name)
    }

    /// What the table and its indexes have provisioned.
    pub(crate) fn provisioned(&self) -> Throughput {
        let all = self.indexes.iter().map(|it| &it.capacity).chain([&self.capacity]);
        all.fold(Throughput::default(), |sum, it| Throughput {
            reads: sum.reads + it.now.reads,
            writes: sum.writes + it.now.writes,
        })
    }

    pub(crate) fn arn(&self, place: &Place) -> String {
        arn(place, &self.name)
    }
}

/// The ARN of a table.
pub(crate) fn arn(place: &Place, name: &str) -> String {
    arn::of("dynamodb", place, format_args!("table/{name}"))
}

/// How much a table holds. DynamoDB says it late, about every six hours; here it is so now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) items: usize,
    pub(crate) bytes: usize,
}

/// A table in an answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Shown<'s> {
    #[serde(skip)]
    pub(super) table: &'s Table,
    attribute_definitions: &'s [AttributeDefinition],
    table_name: &'s str,
    key_schema: &'s [KeySchemaElement],
    table_status: Status,
    #[serde(serialize_with = "epoch")]
    creation_date_time: Timestamp,
    pub(super) provisioned_throughput: capacity::Shown,
    table_size_bytes: usize,
    item_count: usize,
    pub(super) table_arn: String,
    table_id: &'s str,
    #[serde(skip_serializing_if = "Option::is_none")]
    billing_mode_summary: Option<ShownMode>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) global_secondary_indexes: Vec<ShownIndex<'s>>,
    deletion_protection_enabled: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ShownIndex<'s> {
    pub(super) index_name: &'s str,
    key_schema: &'s [KeySchemaElement],
    projection: &'s Projection,
    pub(super) index_status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    backfilling: Option<bool>,
    pub(super) provisioned_throughput: capacity::Shown,
    index_size_bytes: usize,
    item_count: usize,
    index_arn: String,
}

impl<'s> Shown<'s> {
    pub(crate) fn of(it: &'s Table, size: Size, place: &Place, now: Timestamp) -> Shown<'s> {
        let table_arn = it.arn(place);
        // An index is filled only when the table itself is at rest again.
        let filling = it.status == Status::Active;
        let index = |index: &'s Index| ShownIndex {
            index_name: &index.name,
            key_schema: &index.keys,
            projection: &index.projection,
            index_status: index.status,
            backfilling: (index.status == Status::Creating).then_some(filling),
            provisioned_throughput: index.capacity.shown(now),
            index_size_bytes: size.bytes,
            item_count: size.items,
            index_arn: format!("{table_arn}/index/{}", index.name),
        };
        Shown {
            table: it,
            attribute_definitions: &it.attributes,
            table_name: &it.name,
            key_schema: &it.keys,
            table_status: it.status,
            creation_date_time: it.created_at,
            provisioned_throughput: it.capacity.shown(now),
            table_size_bytes: size.bytes,
            item_count: size.items,
            table_id: &it.id,
            // Tables that have always been provisioned have no summary.
            billing_mode_summary: it
                .on_demand_since
                .last()
                .map(|since| ShownMode { billing_mode: it.billing_mode, since: *since }),
            global_secondary_indexes: it.indexes.iter().map(index).collect(),
            deletion_protection_enabled: it.deletion_protection,
            table_arn,
        }
    }
}
