//! DB instances and DB clusters.

use async_trait::async_trait;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Fault, Tags,
    cloud::{Page, PageToken, Resource, Scope},
    events::kind,
    select::ServerFilter,
};

/// A DB instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Database {
    /// The instance's name.
    pub id: String,
    /// Such as `db-ABCDEFGHIJKL`: never that of another instance, even of the same name.
    pub resource_id: String,
    /// Such as `available`, `stopped` or `backing-up`.
    pub state: String,
    /// Such as `mysql`, `postgres` or `aurora-mysql`.
    pub engine: String,
    /// Such as `8.0.40`.
    pub engine_version: String,
    /// Such as `db.m5.large`.
    pub class: String,
    /// Its size in GiB.
    pub size_gib: u32,
    /// `gp3`, `gp2`, `io2`, `io1`, `standard` or `aurora`.
    pub storage_type: Option<String>,
    /// The availability zone it is in.
    pub availability_zone: Option<String>,
    /// Whether it has a standby in another zone.
    pub multi_az: bool,
    /// When it was created.
    pub created_at: Option<Timestamp>,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// The ARN of its KMS key, when it is encrypted.
    pub kms_key_id: Option<String>,
    /// The cluster that it is a member of.
    pub cluster: Option<String>,
    /// The instance or cluster that it is a read replica of.
    pub replica_of: Option<String>,
    /// Its read replicas.
    pub replicas: Vec<String>,
    /// Whether its snapshots get its tags by themselves.
    pub copy_tags_to_snapshot: bool,
    /// Whether it is protected from being deleted.
    pub deletion_protection: bool,
    /// For how many days automated backups are kept; 0: there are none.
    pub backup_retention_days: u32,
    /// When AWS starts it, if it is stopped.
    pub restarts_at: Option<Timestamp>,
    /// Its tags.
    pub tags: Tags,
}

/// A DB cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cluster {
    /// The cluster's name.
    pub id: String,
    /// Such as `cluster-ABCDEFGHIJKL`: never that of another cluster, even of the same name.
    pub resource_id: String,
    /// Such as `available`, `stopped` or `backing-up`.
    pub state: String,
    /// Such as `aurora-mysql` or `aurora-postgresql`; `mysql` or `postgres` of a Multi-AZ DB
    /// cluster.
    pub engine: String,
    /// Such as `8.0.mysql_aurora.3.08.0`.
    pub engine_version: String,
    /// `provisioned`, or `serverless` of Aurora Serverless v1.
    pub engine_mode: String,
    /// The availability zones that it may use.
    pub availability_zones: Vec<String>,
    /// When it was created.
    pub created_at: Option<Timestamp>,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// The ARN of its KMS key, when it is encrypted.
    pub kms_key_id: Option<String>,
    /// The instances that are its members.
    pub members: Vec<String>,
    /// The Aurora global database that it is a part of.
    pub global_cluster: Option<String>,
    /// The cluster or instance that it is a read replica of, as an ARN.
    pub replica_of: Option<String>,
    /// Its read replicas in other regions, as ARNs.
    pub replicas: Vec<String>,
    /// Whether its snapshots get its tags by themselves.
    pub copy_tags_to_snapshot: bool,
    /// Whether it is protected from being deleted.
    pub deletion_protection: bool,
    /// For how many days automated backups are kept.
    pub backup_retention_days: u32,
    /// When AWS starts it, if it is stopped.
    pub restarts_at: Option<Timestamp>,
    /// Its tags.
    pub tags: Tags,
}

#[async_trait]
impl Resource for Database {
    const KIND: &'static str = kind::DATABASES;
    const PERMISSIONS: &'static [&'static str] = &["rds:DescribeDBInstances"];

    fn id(&self) -> &str {
        &self.id
    }
    fn tags(&self) -> &Tags {
        &self.tags
    }
    async fn list(
        scope: &dyn Scope,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Self>, Fault> {
        scope.rds().databases(filter, page).await
    }
}

#[async_trait]
impl Resource for Cluster {
    const KIND: &'static str = kind::CLUSTERS;
    const PERMISSIONS: &'static [&'static str] = &["rds:DescribeDBClusters"];

    fn id(&self) -> &str {
        &self.id
    }
    fn tags(&self) -> &Tags {
        &self.tags
    }
    async fn list(
        scope: &dyn Scope,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Self>, Fault> {
        scope.rds().clusters(filter, page).await
    }
}
