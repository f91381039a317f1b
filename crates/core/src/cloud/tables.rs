//! DynamoDB tables: what actions may know of them and do to them.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Page, PageToken, Resource, Scope, table_backups::Backup};
use crate::{Fault, Tags, select::ServerFilter};

/// How often a call that lists tables is tried before it is a fault. The tags of a region's tables
/// are read by ten in a second at most, and a listing that fails begins again.
/// Source: DynamoDB API, `ListTagsOfResource`.
pub const LISTING_TRIES: u32 = 8;
/// The code by which AWS says that there is no such table.
pub const NO_TABLE: &str = "ResourceNotFoundException";
/// The code by which AWS says that there is no such backup.
pub const NO_BACKUP: &str = "BackupNotFoundException";

/// DynamoDB in one account and region, and what Application Auto Scaling does there.
#[async_trait]
pub trait Tables: Send + Sync {
    /// One page of the names of all tables, by `dynamodb:ListTables`.
    async fn names(&self, page: Option<PageToken>) -> Result<Page<String>, Fault>;

    /// One table without its tags, by `dynamodb:DescribeTable`. `None`: there is none that is
    /// shown. Lags behind changes.
    async fn table(&self, name: &str) -> Result<Option<Table>, Fault>;

    /// The tags of the table with this ARN, by `dynamodb:ListTagsOfResource`. `None`: there is no
    /// such table.
    async fn tags(&self, arn: &str) -> Result<Option<Tags>, Fault>;

    /// Adds tags to the table with this ARN, and changes those that are there. Needs
    /// `dynamodb:TagResource`.
    async fn tag(&self, arn: &str, tags: &Tags) -> Result<(), Fault>;

    /// Takes tags off the table with this ARN, whatever their values. Needs
    /// `dynamodb:UntagResource`.
    async fn untag(&self, arn: &str, keys: &[&str]) -> Result<(), Fault>;

    /// What Application Auto Scaling sets of this table and its indexes, or of all tables, by
    /// `application-autoscaling:DescribeScalableTargets`.
    async fn scaled(&self, table: Option<&Table>) -> Result<BTreeSet<Dimension>, Fault>;

    /// Begins to change the provisioned capacity of a table and its indexes, all of it or
    /// nothing. Needs `dynamodb:UpdateTable`. Lowering what was lowered too often today is a
    /// throttled fault with the code `LimitExceededException`.
    async fn set_capacity(&self, name: &str, new: &NewCapacity) -> Result<Asked, Fault>;

    /// Begins to put a table on demand, or to provision it. Needs `dynamodb:UpdateTable`. A fifth
    /// switch to on demand in 24 hours is a throttled fault with the code
    /// `LimitExceededException`.
    async fn set_billing(&self, name: &str, new: &Billing) -> Result<Asked, Fault>;

    /// Starts a backup of a table. Needs `dynamodb:CreateBackup`. AWS has no client token here,
    /// and takes a name any number of times: two calls make two backups.
    async fn create_backup(&self, table: &str, name: &str) -> Result<Backup, Fault>;

    /// One page of the backups that users have made, of one table or of all, by
    /// `dynamodb:ListBackups`. Lags behind changes.
    async fn backups(
        &self,
        table: Option<&str>,
        page: Option<PageToken>,
    ) -> Result<Page<Backup>, Fault>;

    /// Deletes the backup with this ARN. Needs `dynamodb:DeleteBackup`. One that is gone is a
    /// success.
    async fn delete_backup(&self, arn: &str) -> Result<(), Fault>;
}

/// How a table's capacity is paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Billing {
    /// By what is used of it.
    OnDemand,
    /// By what is provisioned: of the table, and of each of its indexes.
    Provisioned(NewCapacity),
}

/// What AWS says to a change that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The change has begun.
    Begun,
    /// Nothing was done: there is something wrong with the request, in AWS's words. That some of
    /// it is so already has the same code.
    Invalid(String),
    /// Nothing was done: another change is under way.
    Busy,
}

impl Asked {
    /// Reads AWS's answer to a change of a table.
    pub fn of(answer: Result<(), Fault>) -> Result<Asked, Fault> {
        let Err(fault) = answer else { return Ok(Asked::Begun) };
        match fault.code.as_deref() {
            Some("ResourceInUseException") => Ok(Asked::Busy),
            Some("ValidationException") => Ok(Asked::Invalid(fault.chain())),
            _ => Err(fault),
        }
    }
}

/// The capacity that a table and its indexes are to have. What is not named stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewCapacity {
    /// Of the table itself, and of its local indexes with it.
    pub table: Option<Units>,
    /// Of global secondary indexes, by name.
    pub indexes: BTreeMap<String, Units>,
}

/// Reads and writes in a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Units {
    /// Strongly consistent reads of up to 4 KB.
    pub reads: u64,
    /// Writes of up to 1 KB.
    pub writes: u64,
}

/// One number that Application Auto Scaling can set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dimension {
    /// The table.
    pub table: String,
    /// The index; `None`: the table itself.
    pub index: Option<String>,
    /// Which of the two.
    pub unit: Unit,
}

/// What capacity is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Reads in a second.
    Reads,
    /// Writes in a second.
    Writes,
}

/// A DynamoDB table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Table {
    /// The table's name.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// `ACTIVE`, `CREATING`, `UPDATING`, `DELETING`, `ARCHIVING`, `ARCHIVED`,
    /// `INACCESSIBLE_ENCRYPTION_CREDENTIALS` or `REPLICATION_NOT_AUTHORIZED`.
    pub state: String,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// `provisioned` or `on-demand`.
    pub billing: String,
    /// When it was put on demand the last time, if it ever was.
    pub on_demand_since: Option<Timestamp>,
    /// Its provisioned capacity; zero when it is on demand.
    pub capacity: Capacity,
    /// Its global secondary indexes, by name.
    pub indexes: Vec<Index>,
    /// The names of its local secondary indexes, which use the capacity of the table.
    pub local_indexes: Vec<String>,
    /// The other regions of a global table.
    pub replicas: Vec<String>,
    /// Whether it is protected from being deleted.
    pub deletion_protection: bool,
    /// Its tags.
    pub tags: Tags,
}

/// A global secondary index of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// `ACTIVE`, `CREATING`, `UPDATING` or `DELETING`.
    pub state: String,
    /// Its provisioned capacity; zero when the table is on demand.
    pub capacity: Capacity,
}

/// The provisioned capacity of a table or an index.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Capacity {
    /// Reads per second.
    pub reads: u64,
    /// Writes per second.
    pub writes: u64,
    /// How often it was lowered today, in UTC.
    pub decreases_today: u32,
    /// When it was lowered the last time.
    pub decreased_at: Option<Timestamp>,
}

impl Capacity {
    /// What it is.
    pub fn units(&self) -> Units {
        Units { reads: self.reads, writes: self.writes }
    }
}

impl Units {
    /// One of the two.
    pub fn get(self, unit: Unit) -> u64 {
        match unit {
            Unit::Reads => self.reads,
            Unit::Writes => self.writes,
        }
    }

    /// Sets one of the two.
    pub fn set(&mut self, unit: Unit, to: u64) {
        match unit {
            Unit::Reads => self.reads = to,
            Unit::Writes => self.writes = to,
        }
    }
}

impl Table {
    /// Why it cannot be changed now, if it cannot: it is not `ACTIVE`, or one of its indexes.
    pub fn unsettled(&self) -> Option<String> {
        if self.state != "ACTIVE" {
            return Some(format!("it is `{}`", self.state));
        }
        let index = self.indexes.iter().find(|it| it.state != "ACTIVE")?;
        Some(format!("its index `{}` is `{}`", index.name, index.state))
    }

    /// The capacity of the table itself, or of one of its indexes.
    pub fn capacity_of(&self, index: Option<&str>) -> Option<&Capacity> {
        match index {
            None => Some(&self.capacity),
            Some(name) => self.indexes.iter().find(|it| it.name == name).map(|it| &it.capacity),
        }
    }
}

#[async_trait]
impl Resource for Table {
    const KIND: &'static str = "tables";
    const PERMISSIONS: &'static [&'static str] =
        &["dynamodb:DescribeTable", "dynamodb:ListTables", "dynamodb:ListTagsOfResource"];

    fn id(&self) -> &str {
        &self.id
    }
    fn tags(&self) -> &Tags {
        &self.tags
    }

    /// DynamoDB filters nothing: each table is asked for, and for its tags.
    async fn list(
        scope: &dyn Scope,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Self>, Fault> {
        let tables = scope.tables();
        let names = match &filter.ids {
            Some(ids) => Page { items: ids.clone(), next: None },
            None => tables.names(page).await?,
        };
        let mut items = Vec::new();
        for name in names.items {
            // Who is gone meanwhile was never there.
            let Some(table) = tables.table(&name).await? else { continue };
            let Some(tags) = tables.tags(&table.arn).await? else { continue };
            items.push(Table { tags, ..table });
        }
        Ok(Page { items, next: names.next })
    }
}
