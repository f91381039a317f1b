//! Tables in the words of the core.

use lamplighter_core::{
    Tags,
    cloud::{table_backups as core_backups, tables as core},
};

use super::{
    backups::{self, Backup, Summary},
    capacity::{self, BillingMode, Capacity, Throughput},
    schema::{
        AttributeDefinition, KeySchemaElement, KeyType, NewIndex, Part, Projection, ProjectionType,
    },
    table::{Index, Shown, Size, Status, Table},
    update_table::IndexCapacity,
};

/// The partition key of tables that tests put there.
const KEY: &str = "id";

impl Status {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Status::Creating => "CREATING",
            Status::Updating => "UPDATING",
            Status::Deleting => "DELETING",
            Status::Active => "ACTIVE",
        }
    }

    /// # Panics
    ///
    /// When there is no such status here: then a test asks for what cannot be.
    fn named(name: &str) -> Status {
        let all = [Status::Creating, Status::Updating, Status::Deleting, Status::Active];
        let found = all.into_iter().find(|it| it.as_str() == name);
        found.unwrap_or_else(|| panic!("no table here is ever `{name}`"))
    }
}

impl From<&Shown<'_>> for core::Table {
    /// Without its tags, which another call tells.
    fn from(it: &Shown<'_>) -> core::Table {
        let table = it.table;
        let on_demand = table.billing_mode == BillingMode::PayPerRequest;
        let index = |it: &super::table::ShownIndex<'_>| core::Index {
            name: it.index_name.to_owned(),
            state: it.index_status.as_str().to_owned(),
            capacity: core::Capacity::from(&it.provisioned_throughput),
        };
        core::Table {
            id: table.name.clone(),
            arn: it.table_arn.clone(),
            state: table.status.as_str().to_owned(),
            created_at: Some(table.created_at),
            billing: if on_demand { "on-demand" } else { "provisioned" }.to_owned(),
            on_demand_since: table.on_demand_since.last().copied(),
            capacity: core::Capacity::from(&it.provisioned_throughput),
            indexes: it.global_secondary_indexes.iter().map(index).collect(),
            local_indexes: Vec::new(),
            replicas: Vec::new(),
            deletion_protection: table.deletion_protection,
            tags: Tags::new(),
        }
    }
}

impl From<&capacity::Shown> for core::Capacity {
    fn from(it: &capacity::Shown) -> core::Capacity {
        core::Capacity {
            reads: it.now.reads,
            writes: it.now.writes,
            decreases_today: it.decreases,
            decreased_at: it.decreased_at,
        }
    }
}

impl From<core::Table> for Table {
    /// Its keys are texts.
    fn from(it: core::Table) -> Table {
        let text = |name: &str| AttributeDefinition {
            attribute_name: name.to_owned(),
            attribute_type: KeyType::S,
        };
        let key = |name: &str| {
            vec![KeySchemaElement { attribute_name: name.to_owned(), key_type: Part::Hash }]
        };
        let mut table = Table::on_demand(&it.id, vec![text(KEY)], key(KEY));
        table.status = Status::named(&it.state);
        table.created_at = it.created_at.unwrap_or(table.created_at);
        table.on_demand_since = it.on_demand_since.into_iter().collect();
        table.deletion_protection = it.deletion_protection;
        table.tags = it.tags;
        table.capacity = Capacity::from(&it.capacity);
        if it.billing == "provisioned" {
            table.billing_mode = BillingMode::Provisioned;
        }
        table.indexes = it
            .indexes
            .into_iter()
            .map(|it| {
                let new = NewIndex {
                    index_name: it.name,
                    key_schema: key(KEY),
                    projection: Projection {
                        projection_type: ProjectionType::All,
                        non_key_attributes: Vec::new(),
                    },
                    provisioned_throughput: None,
                };
                let capacity = Capacity::from(&it.capacity);
                Index { capacity, ..Index::new(new, Status::named(&it.state)) }
            })
            .collect();
        table
    }
}

impl From<&core::Capacity> for Capacity {
    fn from(it: &core::Capacity) -> Capacity {
        Capacity::lowered(it.units().into(), it.decreases_today, it.decreased_at)
    }
}

impl From<core::Units> for Throughput {
    fn from(it: core::Units) -> Throughput {
        Throughput { reads: it.reads, writes: it.writes }
    }
}

impl IndexCapacity {
    /// What indexes are to have.
    pub(crate) fn of(new: &core::NewCapacity) -> Vec<IndexCapacity> {
        let each = new.indexes.iter().map(|(name, units)| IndexCapacity {
            index_name: name.clone(),
            provisioned_throughput: (*units).into(),
        });
        each.collect()
    }
}

impl From<&Summary<'_>> for core_backups::Backup {
    fn from(it: &Summary<'_>) -> core_backups::Backup {
        let it = it.backup;
        let (name, table) = (it.name.clone(), it.table.name.clone());
        core_backups::Backup {
            id: it.arn.clone(),
            state: match it.status {
                backups::Status::Creating => "CREATING".to_owned(),
                backups::Status::Available => "AVAILABLE".to_owned(),
                backups::Status::Deleted => "DELETED".to_owned(),
            },
            created_at: it.created_at,
            size_bytes: u64::try_from(it.size.bytes).ok(),
            tags: core_backups::Backup::tags_of(&name, &table, it.created_at),
            name,
            table,
        }
    }
}

impl From<core_backups::Backup> for Backup {
    /// Of a table on demand.
    fn from(it: core_backups::Backup) -> Backup {
        Backup {
            arn: it.id,
            name: it.name,
            status: match it.state.as_str() {
                "CREATING" => backups::Status::Creating,
                "DELETED" => backups::Status::Deleted,
                _ => backups::Status::Available,
            },
            created_at: it.created_at,
            table: Table::on_demand(&it.table, Vec::new(), Vec::new()),
            size: Size { items: 0, bytes: 0 },
        }
    }
}
