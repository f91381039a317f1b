//! On-demand backups of tables. Source: DynamoDB API, `CreateBackup`, `ListBackups`,
//! `DescribeBackup`, `DeleteBackup`.
//!
//! Names of backups are not unique, and there is no token that would make a repeated call one.

use jiff::Timestamp;
use lamplighter_core::{Place, Tags, cloud::table_backups as core};
use serde::{Deserialize, Serialize};

use super::{
    Happening, bucket,
    capacity::{BillingMode, Throughput},
    on_table,
    schema::{KeySchemaElement, Projection, check_name},
    table::{Size, Status as TableStatus, Table},
    table_name,
    tables::page_length,
    validation,
};
use crate::{
    cloud,
    iam::Need,
    laws,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
    wire::time::{epoch, from_epoch},
};

/// A backup.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Backup {
    pub(crate) arn: String,
    pub(crate) name: String,
    pub(crate) status: Status,
    pub(crate) created_at: Timestamp,
    /// The table as it was.
    pub(crate) table: Table,
    pub(crate) size: Size,
}

/// What is being done with a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Status {
    Creating,
    Available,
    Deleted,
}

impl Backup {
    /// A backup that is being made since. Its ARN ends like `id`.
    pub(crate) fn creating(
        place: &Place,
        table: Table,
        name: String,
        id: &str,
        size: Size,
        since: Timestamp,
    ) -> Backup {
        let digits = id.rsplit('-').next().unwrap_or(id);
        let tail = &digits[digits.len().saturating_sub(8)..];
        let millis = since.as_millisecond();
        let arn = format!("{}/backup/{millis:014}-{tail:0>8}", table.arn(place));
        Backup { arn, name, status: Status::Creating, created_at: since, table, size }
    }
}

impl Backup {
    /// As the laws look at it.
    fn as_law<'b>(&'b self, tags: &'b Tags) -> laws::Backup<'b> {
        laws::Backup {
            id: &self.arn,
            of: &self.table.name,
            tags,
            taken_at: self.created_at,
            completed: self.status == Status::Available,
        }
    }
}

/// Whether a backup of the table is being made.
pub(super) fn is_being_backed_up(cx: &Cx<'_>, table: &str) -> bool {
    let mut backups = cx.here().dynamodb.backups.iter();
    backups.any(|(_, it)| it.status == Status::Creating && it.table.name == table)
}

/// `CreateBackup`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct CreateBackup {
    pub(crate) table_name: String,
    pub(crate) backup_name: String,
}

/// What `CreateBackup` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Created<'s> {
    #[serde(skip)]
    pub(crate) backup: Summary<'s>,
    backup_details: Details<'s>,
}

/// What a backup is.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Details<'s> {
    backup_arn: &'s str,
    backup_name: &'s str,
    backup_size_bytes: usize,
    backup_status: Status,
    backup_type: &'static str,
    #[serde(serialize_with = "epoch")]
    backup_creation_date_time: Timestamp,
}

impl<'s> Details<'s> {
    fn of(it: &'s Backup) -> Details<'s> {
        Details {
            backup_arn: &it.arn,
            backup_name: &it.name,
            backup_size_bytes: it.size.bytes,
            backup_status: it.status,
            backup_type: "USER",
            backup_creation_date_time: it.created_at,
        }
    }
}

impl Operation for CreateBackup {
    const SPEC: Spec = Spec {
        service: "dynamodb",
        name: "CreateBackup",
        access: Access::Writes,
        bucket: bucket::CREATE_BACKUP,
    };

    type Answer<'s> = Created<'s>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![on_table(cx, "dynamodb:CreateBackup", &self.table_name)]
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<Created<'s>, Refusal> {
        check_name("backupName", &self.backup_name)?;
        let here = &cx.here().dynamodb;
        let name = table_name(cx, &self.table_name);
        let Some(table) = here.tables.get(name) else {
            let message = format!("Table not found: {name}");
            return Err(Refusal::new("TableNotFoundException", message));
        };
        if matches!(table.status, TableStatus::Creating | TableStatus::Deleting) {
            let message = format!("Table is being created or deleted: {name}");
            return Err(Refusal::new("TableInUseException", message));
        }
        if is_being_backed_up(cx, name) {
            return Err(in_use());
        }
        let (table, size, now) = (table.clone(), here.size(name), cx.now);
        let id = cx.state.fresh_id("backup");
        let backup = Backup::creating(cx.place, table, self.backup_name, &id, size, now);
        let arn = backup.arn.clone();
        let made = Happening::Backup(arn.as_str().into());
        let at = now + cx.state.dials.times.table_backup;
        cx.state.agenda.plan(at, cloud::Happening::DynamoDb(cx.place.clone(), made));
        cx.here_mut().dynamodb.backups.put(&arn, backup, now);
        let backup = cx.here().dynamodb.backups.get(&arn).expect("it was just put there");
        let backup_details = Details::of(backup);
        Ok(Created { backup: Summary::of(backup, cx.place), backup_details })
    }
}

fn in_use() -> Refusal {
    let message = "Backup is being created, deleted or restored to a table";
    Refusal::new("BackupInUseException", message)
}

fn not_found(arn: &str) -> Refusal {
    Refusal::new("BackupNotFoundException", format!("Backup not found: {arn}"))
}

/// `DescribeBackup`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct DescribeBackup {
    pub(crate) backup_arn: String,
}

/// `DeleteBackup`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct DeleteBackup {
    pub(crate) backup_arn: String,
}

/// What `DescribeBackup` and `DeleteBackup` answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Described {
    backup_description: serde_json::Value,
}

/// A backup and the table it is of.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Description<'s> {
    backup_details: Details<'s>,
    source_table_details: SourceTable<'s>,
    source_table_feature_details: Features<'s>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SourceTable<'s> {
    table_name: &'s str,
    table_id: &'s str,
    table_arn: String,
    table_size_bytes: usize,
    key_schema: &'s [KeySchemaElement],
    #[serde(serialize_with = "epoch")]
    table_creation_date_time: Timestamp,
    provisioned_throughput: Throughput,
    item_count: usize,
    billing_mode: BillingMode,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Features<'s> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    global_secondary_indexes: Vec<Feature<'s>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Feature<'s> {
    index_name: &'s str,
    key_schema: &'s [KeySchemaElement],
    projection: &'s Projection,
    provisioned_throughput: Throughput,
}

fn describe(it: &Backup, cx: &Cx<'_>) -> Result<Described, Refusal> {
    let table = &it.table;
    let features = table.indexes.iter().map(|it| Feature {
        index_name: &it.name,
        key_schema: &it.keys,
        projection: &it.projection,
        provisioned_throughput: it.capacity.now,
    });
    let description = Description {
        backup_details: Details::of(it),
        source_table_details: SourceTable {
            table_name: &table.name,
            table_id: &table.id,
            table_arn: table.arn(cx.place),
            table_size_bytes: it.size.bytes,
            key_schema: &table.keys,
            table_creation_date_time: table.created_at,
            provisioned_throughput: table.capacity.now,
            item_count: it.size.items,
            billing_mode: table.billing_mode,
        },
        source_table_feature_details: Features { global_secondary_indexes: features.collect() },
    };
    let description = serde_json::to_value(description);
    let backup_description = description
        .map_err(|error| Refusal::new("InternalServerError", error.to_string()).status(500))?;
    Ok(Described { backup_description })
}

impl Operation for DescribeBackup {
    const SPEC: Spec = Spec {
        service: "dynamodb",
        name: "DescribeBackup",
        access: Access::Reads,
        bucket: bucket::BACKUP,
    };

    type Answer<'s> = Described;

    fn needs(&self, _: &Cx<'_>) -> Vec<Need> {
        vec![Need::on("dynamodb:DescribeBackup", self.backup_arn.clone())]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Described, Refusal> {
        let arn = &self.backup_arn;
        let found = cx.here().dynamodb.backups.get_at(arn, cx.seen);
        describe(found.ok_or_else(|| not_found(arn))?, cx)
    }
}

impl Operation for DeleteBackup {
    const SPEC: Spec = Spec {
        service: "dynamodb",
        name: "DeleteBackup",
        access: Access::Writes,
        bucket: bucket::BACKUP,
    };

    type Answer<'s> = Described;

    fn needs(&self, _: &Cx<'_>) -> Vec<Need> {
        vec![Need::on("dynamodb:DeleteBackup", self.backup_arn.clone())]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Described, Refusal> {
        let (now, arn) = (cx.now, &self.backup_arn);
        let backups = &mut cx.here_mut().dynamodb.backups;
        match backups.get(arn).map(|it| it.status) {
            None => return Err(not_found(arn)),
            Some(Status::Creating) => return Err(in_use()),
            Some(_) => {}
        }
        let mut backup = backups.remove(arn, now).expect("it was just found");
        let state = &mut *cx.state;
        let left = &state.services.get(cx.place).expect("a call reaches open places").dynamodb;
        let tagged = |it: &Backup| core::Backup::tags_of(&it.name, &it.table.name, it.created_at);
        let others: Vec<(&Backup, Tags)> =
            left.backups.iter().map(|(_, it)| (it, tagged(it))).collect();
        let others = others.iter().map(|(it, tags)| it.as_law(tags));
        state.laws.judge(cx.place, &backup.as_law(&tagged(&backup)), others);
        backup.status = Status::Deleted;
        describe(&backup, cx)
    }
}

/// `ListBackups`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct ListBackups {
    pub(crate) table_name: Option<String>,
    pub(crate) limit: Option<usize>,
    #[serde(deserialize_with = "from_epoch")]
    pub(crate) time_range_lower_bound: Option<Timestamp>,
    #[serde(deserialize_with = "from_epoch")]
    pub(crate) time_range_upper_bound: Option<Timestamp>,
    pub(crate) exclusive_start_backup_arn: Option<String>,
    pub(crate) backup_type: Option<BackupType>,
}

/// Who made a backup. All that are here were made by users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum BackupType {
    User,
    System,
    AwsBackup,
    All,
}

/// What `ListBackups` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Backups<'s> {
    pub(crate) backup_summaries: Vec<Summary<'s>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_evaluated_backup_arn: Option<&'s str>,
}

/// A backup in a list.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Summary<'s> {
    #[serde(skip)]
    pub(super) backup: &'s Backup,
    table_name: &'s str,
    table_id: &'s str,
    table_arn: String,
    #[serde(flatten)]
    details: Details<'s>,
}

impl<'s> Summary<'s> {
    pub(crate) fn of(it: &'s Backup, place: &Place) -> Summary<'s> {
        Summary {
            backup: it,
            table_name: &it.table.name,
            table_id: &it.table.id,
            table_arn: it.table.arn(place),
            details: Details::of(it),
        }
    }
}

impl Operation for ListBackups {
    const SPEC: Spec = Spec {
        service: "dynamodb",
        name: "ListBackups",
        access: Access::Reads,
        bucket: bucket::FIVE,
    };

    type Answer<'s> = Backups<'s>;

    fn needs(&self, _: &Cx<'_>) -> Vec<Need> {
        vec![Need::anywhere("dynamodb:ListBackups")]
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<Backups<'s>, Refusal> {
        let most = page_length(self.limit)?;
        let most = cx.state.dials.page_size.map_or(most, |it| most.min(it));
        let (lower, upper) = (self.time_range_lower_bound, self.time_range_upper_bound);
        if let (Some(lower), Some(upper)) = (lower, upper)
            && lower >= upper
        {
            return Err(validation("TimeRangeLowerBound must be before TimeRangeUpperBound"));
        }
        let table = self.table_name.as_deref().map(|it| table_name(cx, it));
        let listed = |it: &Backup| {
            matches!(self.backup_type, None | Some(BackupType::User | BackupType::All))
                && table.is_none_or(|name| it.table.name == name)
                && lower.is_none_or(|lower| it.created_at >= lower)
                && upper.is_none_or(|upper| it.created_at < upper)
        };
        let backups = cx.here().dynamodb.backups.after(None, cx.seen);
        let mut found: Vec<&Backup> = backups.map(|(_, it)| it).filter(|it| listed(it)).collect();
        found.sort_by(|a, b| a.arn.cmp(&b.arn));
        let start = self.exclusive_start_backup_arn.as_deref();
        found.retain(|it| start.is_none_or(|start| *it.arn > *start));
        let more = found.len() > most;
        found.truncate(most);
        let last_evaluated_backup_arn = found.last().filter(|_| more).map(|it| &*it.arn);
        let summary = |it: &'s Backup| Summary::of(it, cx.place);
        let backup_summaries = found.into_iter().map(summary).collect();
        Ok(Backups { backup_summaries, last_evaluated_backup_arn })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{bed::Bed, dynamodb::delete_table::DeleteTable};

    fn bed() -> Bed {
        let bed = Bed::new();
        let table = |name: &str| (name.into(), Table::on_demand(name, Vec::new(), Vec::new()));
        bed.here(|it| it.dynamodb.tables.fill([table("orders"), table("users")]));
        bed
    }

    /// Makes a backup, and says its ARN.
    fn create(bed: &Bed, table: &str, name: &str) -> Result<String, &'static str> {
        let (table_name, backup_name) = (table.to_owned(), name.to_owned());
        let made = bed.ask(CreateBackup { table_name, backup_name })?;
        Ok(made["BackupDetails"]["BackupArn"].as_str().unwrap().to_owned())
    }

    fn list(bed: &Bed, request: Value) -> Vec<String> {
        let listed = bed.ask(serde_json::from_value::<ListBackups>(request).unwrap()).unwrap();
        let names = listed["BackupSummaries"].as_array().unwrap().iter();
        let more = listed.get("LastEvaluatedBackupArn").map(|_| "…".to_owned());
        names.map(|it| it["BackupName"].as_str().unwrap().to_owned()).chain(more).collect()
    }

    #[test]
    fn a_backup_is_creating_and_then_available() {
        let bed = bed();
        let arn = create(&bed, "orders", "nightly").unwrap();
        let table = "arn:aws:dynamodb:eu-west-1:111122223333:table/orders";
        assert_eq!(arn, format!("{table}/backup/01772416800000-00000001"));
        let describe = || bed.ask(DescribeBackup { backup_arn: arn.clone() });
        let delete = || bed.ask(DeleteBackup { backup_arn: arn.clone() });
        let status = |it: Result<Value, &'static str>| {
            it.map(|it| it["BackupDescription"]["BackupDetails"]["BackupStatus"].clone())
        };
        assert_eq!(status(describe()), Ok(json!("CREATING")));
        assert_eq!(status(delete()), Err("BackupInUseException"));
        let delete_table = || bed.ask(DeleteTable { table_name: "orders".into() }).map(|_| ());
        assert_eq!(delete_table(), Err("ResourceInUseException"));
        bed.pass(5);
        assert_eq!(status(describe()), Ok(json!("AVAILABLE")));
        assert_eq!(delete_table(), Ok(()));
        bed.pass(10);
        assert_eq!(create(&bed, "orders", "late"), Err("TableNotFoundException"));
        assert_eq!(list(&bed, json!({"TableName": "orders"})), ["nightly"]);
        assert_eq!(status(delete()), Ok(json!("DELETED")));
        assert_eq!(status(delete()), Err("BackupNotFoundException"));
        assert_eq!(status(describe()), Err("BackupNotFoundException"));
    }

    #[test]
    fn names_are_not_unique() {
        let bed = bed();
        let first = create(&bed, "orders", "nightly").unwrap();
        assert_eq!(create(&bed, "orders", "nightly"), Err("BackupInUseException"));
        bed.pass(5);
        assert_ne!(create(&bed, "orders", "nightly").unwrap(), first);
        assert_eq!(create(&bed, "users", "ab"), Err("ValidationException"));
        assert_eq!(list(&bed, json!({})), ["nightly", "nightly"]);
    }

    #[test]
    fn backups_are_listed_by_table_and_time_in_pages() {
        let bed = bed();
        let start = bed.now().as_second();
        for (table, name) in [("orders", "one"), ("users", "two"), ("orders", "three")] {
            create(&bed, table, name).unwrap();
            bed.pass(10);
        }
        let listed = |request| list(&bed, request);
        assert_eq!(listed(json!({})), ["one", "three", "two"]);
        assert_eq!(listed(json!({"TableName": "orders"})), ["one", "three"]);
        assert_eq!(listed(json!({"Limit": 2})), ["one", "three", "…"]);
        assert_eq!(listed(json!({"Limit": 3})), ["one", "three", "two"]);
        assert_eq!(listed(json!({"TimeRangeLowerBound": start + 10})), ["three", "two"]);
        assert_eq!(listed(json!({"TimeRangeUpperBound": start + 10})), ["one"]);
        assert_eq!(listed(json!({"BackupType": "SYSTEM"})), Vec::<String>::new());
        let page = bed.ask(ListBackups { limit: Some(2), ..ListBackups::default() }).unwrap();
        let request = json!({"ExclusiveStartBackupArn": page["LastEvaluatedBackupArn"]});
        assert_eq!(listed(request), ["two"]);
    }
}
