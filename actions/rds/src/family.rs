//! Instances and clusters: what actions have to know of either.

use std::ops::Deref;

use async_trait::async_trait;
use lamplighter_core::{
    Fault, Resource, Tags,
    cloud::{
        Rds,
        rds::{Cluster, ClusterSnapshot, Database, DatabaseSnapshot, Kind, Snapshot},
    },
};

/// DB instances and their snapshots.
#[derive(Clone, Copy, Debug)]
pub struct Instances;

/// DB clusters and their snapshots.
#[derive(Clone, Copy, Debug)]
pub struct Clusters;

/// Which of the two an action is about.
pub trait Family: Send + Sync + 'static {
    /// As RDS is told.
    const KIND: Kind;
    /// What is started, stopped, backed up and deleted.
    type Database: AnyDatabase;
    /// A snapshot of one.
    type Snapshot: Resource + Deref<Target = Snapshot>;
}

impl Family for Instances {
    const KIND: Kind = Kind::Instance;
    type Database = Database;
    type Snapshot = DatabaseSnapshot;
}

impl Family for Clusters {
    const KIND: Kind = Kind::Cluster;
    type Database = Cluster;
    type Snapshot = ClusterSnapshot;
}

/// An instance or a cluster.
#[async_trait]
pub trait AnyDatabase: Resource {
    /// What actions have to know of it.
    fn facts(&self) -> Facts<'_>;

    /// The one of this name, as it is now.
    async fn find(rds: &dyn Rds, name: &str) -> Result<Option<Self>, Fault>;
}

/// What actions have to know of a database.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'d> {
    /// Which of the two it is.
    pub kind: Kind,
    /// Its name.
    pub id: &'d str,
    /// Never that of another one, even of the same name.
    pub resource_id: &'d str,
    /// AWS's word for its state.
    pub state: &'d str,
    /// AWS's word for its engine.
    pub engine: &'d str,
    /// The cluster that an instance is a member of.
    pub cluster: Option<&'d str>,
    /// The members of a cluster.
    pub members: &'d [String],
    /// Whether it is a read replica.
    pub is_replica: bool,
    /// How many read replicas it has.
    pub replicas: usize,
    /// Whether it has a standby in another zone.
    pub multi_az: bool,
    /// `provisioned` or `serverless` of a cluster.
    pub engine_mode: Option<&'d str>,
    /// The Aurora global database that a cluster is a part of.
    pub global_cluster: Option<&'d str>,
    /// Whether it is protected from being deleted.
    pub is_protected: bool,
    /// Whether its snapshots get its tags by themselves.
    pub hands_on_tags: bool,
    /// Its size in GiB, where AWS says it.
    pub size_gib: Option<u32>,
    /// Its tags.
    pub tags: &'d Tags,
}

#[async_trait]
impl AnyDatabase for Database {
    fn facts(&self) -> Facts<'_> {
        Facts {
            kind: Kind::Instance,
            id: &self.id,
            resource_id: &self.resource_id,
            state: &self.state,
            engine: &self.engine,
            cluster: self.cluster.as_deref(),
            members: &[],
            is_replica: self.replica_of.is_some(),
            replicas: self.replicas.len(),
            multi_az: self.multi_az,
            engine_mode: None,
            global_cluster: None,
            is_protected: self.deletion_protection,
            hands_on_tags: self.copy_tags_to_snapshot,
            size_gib: Some(self.size_gib),
            tags: &self.tags,
        }
    }

    async fn find(rds: &dyn Rds, name: &str) -> Result<Option<Database>, Fault> {
        rds.database(name).await
    }
}

#[async_trait]
impl AnyDatabase for Cluster {
    fn facts(&self) -> Facts<'_> {
        Facts {
            kind: Kind::Cluster,
            id: &self.id,
            resource_id: &self.resource_id,
            state: &self.state,
            engine: &self.engine,
            cluster: None,
            members: &self.members,
            is_replica: self.replica_of.is_some(),
            replicas: self.replicas.len(),
            multi_az: false,
            engine_mode: Some(&self.engine_mode),
            global_cluster: self.global_cluster.as_deref(),
            is_protected: self.deletion_protection,
            hands_on_tags: self.copy_tags_to_snapshot,
            size_gib: None,
            tags: &self.tags,
        }
    }

    async fn find(rds: &dyn Rds, name: &str) -> Result<Option<Cluster>, Fault> {
        rds.cluster(name).await
    }
}
