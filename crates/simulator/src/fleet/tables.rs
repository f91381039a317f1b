//! DynamoDB tables.

use jiff::Timestamp;
use lamplighter_core::Place;

use super::{
    entry::{Bad, Common, Entry, Unique, entry},
    here::{Here, uuid},
};
use crate::{
    dynamodb::{
        capacity::{BillingMode, Capacity, Throughput},
        schema::{AttributeDefinition, KeySchemaElement, KeyType, Part},
        table::Table,
    },
    words::{Range, Share},
};

/// The partition key of tables.
const PARTITION_KEY: &str = "id";

entry! {
    /// DynamoDB tables, with `id` as their name. Their partition key is the text `id`. Those
    /// without `reads` and `writes` are on demand.
    pub struct Tables {
        /// Provisioned reads per second.
        pub reads: Range<u32>,
        /// Provisioned writes per second.
        pub writes: Range<u32>,
        /// How many of them are protected from deletion; none by default.
        pub deletion_protection: Share,
    }
}

impl Entry for Tables {
    const KEY: &'static str = "tables";
    const KIND: &'static str = "table";
    const PREFIX: &'static str = "";
    const UNIQUE: Unique = Unique::InPlace;

    type Item = Table;

    fn common(&self) -> Common<'_> {
        self.all_say()
    }

    fn check(&self, _: &[Place], bad: &mut Bad<'_>) {
        for (key, one, other) in
            [("reads", self.reads, self.writes), ("writes", self.writes, self.reads)]
        {
            if one.is_some() != other.is_some() && one.is_some() {
                bad.say(key, "`reads` and `writes` go together");
            }
            if one.is_some_and(|it| it.from < 1 || it.to > 40_000) {
                bad.say(key, "a table has 1..40000 of them");
            }
        }
        let length = self.id.as_ref().and_then(|it| it.as_plain()).map(str::len);
        if length.is_some_and(|it| !(3..=255).contains(&it)) {
            bad.say("id", "the name of a table has 3 to 255 characters");
        }
    }

    fn make(&self, here: &mut Here<'_>) -> Vec<(Box<str>, Table)> {
        here.each(self, |one, here| {
            let mut table = on_demand(&one.id, one.created_at);
            table.id = uuid(&mut here.random);
            table.tags = one.tags;
            table.deletion_protection =
                self.deletion_protection.unwrap_or(Share::NEVER).draw(&mut here.random);
            if let (Some(reads), Some(writes)) = (self.reads, self.writes) {
                table.billing_mode = BillingMode::Provisioned;
                table.on_demand_since = Vec::new();
                table.capacity = Capacity::new(Throughput {
                    reads: reads.draw(&mut here.random).into(),
                    writes: writes.draw(&mut here.random).into(),
                });
            }
            table
        })
    }

    fn put(here: &mut Here<'_>, items: Vec<(Box<str>, Table)>) {
        here.services().dynamodb.tables.fill(items);
    }
}

/// A table that has been there since, and is on demand.
pub(super) fn on_demand(name: &str, since: Timestamp) -> Table {
    let attribute_name = || PARTITION_KEY.to_owned();
    let attribute =
        AttributeDefinition { attribute_name: attribute_name(), attribute_type: KeyType::S };
    let key = KeySchemaElement { attribute_name: attribute_name(), key_type: Part::Hash };
    let mut table = Table::on_demand(name, vec![attribute], vec![key]);
    table.created_at = since;
    table.on_demand_since = vec![since];
    table
}
