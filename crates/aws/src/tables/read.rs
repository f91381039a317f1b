//! DynamoDB's answers as the core's types. A table without what it must have is an error, in
//! words such as ``the table `orders` without a status``.

use aws_sdk_dynamodb::{
    operation::create_backup::CreateBackupOutput,
    types::{
        BackupSummary, BillingMode, GlobalSecondaryIndexDescription,
        ProvisionedThroughputDescription, TableDescription,
    },
};
use lamplighter_core::{
    Tags,
    cloud::{
        table_backups::Backup,
        tables::{Capacity, Dimension, Index, Table, Unit},
    },
};

use crate::{ec2::read::instant, fault::plain};

/// Without its tags, which another call tells.
pub(super) fn table(found: &TableDescription) -> Result<Table, String> {
    let name = found.table_name().ok_or("a table without a name")?;
    let lacks = |what: &str| format!("the table `{}` without {what}", plain(name));
    let billing = found.billing_mode_summary();
    // Who was always provisioned has no summary.
    let mode = billing.and_then(|it| it.billing_mode()).unwrap_or(&BillingMode::Provisioned);
    let index = |it: &GlobalSecondaryIndexDescription| {
        let name = it.index_name().ok_or_else(|| lacks("the name of an index"))?;
        let state = it.index_status().ok_or_else(|| lacks("the status of an index"))?;
        Ok(Index {
            name: name.to_owned(),
            state: state.as_str().to_owned(),
            capacity: capacity(it.provisioned_throughput())
                .ok_or_else(|| lacks(&format!("the capacity of its index `{}`", plain(name))))?,
        })
    };
    let mut indexes: Vec<Index> =
        found.global_secondary_indexes().iter().map(index).collect::<Result<_, String>>()?;
    indexes.sort_by(|a, b| a.name.cmp(&b.name));
    let local = found.local_secondary_indexes().iter();
    let replicas = found.replicas().iter();
    Ok(Table {
        id: name.to_owned(),
        arn: found.table_arn().ok_or_else(|| lacks("an ARN"))?.to_owned(),
        state: found.table_status().ok_or_else(|| lacks("a status"))?.as_str().to_owned(),
        created_at: instant(found.creation_date_time()),
        billing: match mode {
            BillingMode::Provisioned => "provisioned".to_owned(),
            BillingMode::PayPerRequest => "on-demand".to_owned(),
            other => {
                return Err(lacks(&format!("a known billing mode: `{}`", plain(other.as_str()))));
            }
        },
        on_demand_since: instant(
            billing.and_then(|it| it.last_update_to_pay_per_request_date_time()),
        ),
        capacity: capacity(found.provisioned_throughput()).ok_or_else(|| lacks("its capacity"))?,
        indexes,
        local_indexes: local.filter_map(|it| it.index_name()).map(str::to_owned).collect(),
        replicas: replicas.filter_map(|it| it.region_name()).map(str::to_owned).collect(),
        deletion_protection: found.deletion_protection_enabled().unwrap_or(false),
        tags: Tags::new(),
    })
}

fn capacity(found: Option<&ProvisionedThroughputDescription>) -> Option<Capacity> {
    let found = found?;
    let number = |it: Option<i64>| it.and_then(|it| u64::try_from(it).ok());
    Some(Capacity {
        reads: number(found.read_capacity_units())?,
        writes: number(found.write_capacity_units())?,
        decreases_today: number(found.number_of_decreases_today())?.try_into().ok()?,
        decreased_at: instant(found.last_decrease_date_time()),
    })
}

pub(super) fn backup(found: &BackupSummary) -> Result<Backup, String> {
    let arn = found.backup_arn().ok_or("a backup without an ARN")?;
    let lacks = |what: &str| format!("the backup `{}` without {what}", plain(arn));
    let name = found.backup_name().ok_or_else(|| lacks("a name"))?.to_owned();
    let table = found.table_name().ok_or_else(|| lacks("a table"))?.to_owned();
    let created_at =
        instant(found.backup_creation_date_time()).ok_or_else(|| lacks("a time of creation"))?;
    Ok(Backup {
        id: arn.to_owned(),
        state: found.backup_status().ok_or_else(|| lacks("a status"))?.as_str().to_owned(),
        created_at,
        size_bytes: found.backup_size_bytes().and_then(|it| u64::try_from(it).ok()),
        tags: Backup::tags_of(&name, &table, created_at),
        name,
        table,
    })
}

/// The answer of `CreateBackup`, which does not say of which table.
pub(super) fn created(answer: &CreateBackupOutput, table: &str) -> Result<Backup, String> {
    let found = answer.backup_details().ok_or("no backup")?;
    let summary = BackupSummary::builder()
        .table_name(table)
        .backup_arn(found.backup_arn())
        .backup_name(found.backup_name())
        .backup_status(found.backup_status().clone())
        .backup_creation_date_time(*found.backup_creation_date_time())
        .set_backup_size_bytes(found.backup_size_bytes());
    backup(&summary.build())
}

/// What a table and its indexes are called in Application Auto Scaling.
pub(super) fn resource_ids(table: &Table) -> Vec<String> {
    let own = format!("table/{}", table.id);
    let indexes = table.indexes.iter().map(|it| format!("{own}/index/{}", it.name));
    [own.clone()].into_iter().chain(indexes).collect()
}

/// `table/orders/index/by-date` and `dynamodb:index:ReadCapacityUnits`.
pub(super) fn dimension(resource_id: &str, name: &str) -> Option<Dimension> {
    let rest = resource_id.strip_prefix("table/")?;
    let (table, index) = match rest.split_once("/index/") {
        Some((table, index)) => (table, Some(index.to_owned())),
        None => (rest, None),
    };
    let unit = match name {
        "dynamodb:table:ReadCapacityUnits" | "dynamodb:index:ReadCapacityUnits" => Unit::Reads,
        "dynamodb:table:WriteCapacityUnits" | "dynamodb:index:WriteCapacityUnits" => Unit::Writes,
        _ => return None,
    };
    Some(Dimension { table: table.to_owned(), index, unit })
}
