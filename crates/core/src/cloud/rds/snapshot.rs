//! Snapshots of DB instances and of DB clusters.

use std::ops::Deref;

use async_trait::async_trait;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Kind;
use crate::{
    Fault, Tags,
    cloud::{Page, PageToken, Resource, Scope},
    events::kind,
    select::ServerFilter,
};

/// A snapshot, of whichever kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Snapshot {
    /// The snapshot's name. That of an automated one begins with `rds:`.
    pub id: String,
    /// The name of the instance or cluster that it was taken of.
    pub database: String,
    /// `manual`, `automated` or `awsbackup`.
    pub snapshot_type: String,
    /// Such as `creating`, `copying`, `available` or `failed`.
    pub state: String,
    /// When it was taken or copied, if that is over.
    pub created_at: Option<Timestamp>,
    /// When the snapshot was taken that this is a copy of, or this one. AWS says it of those of
    /// instances only.
    pub original_created_at: Option<Timestamp>,
    /// Such as `mysql`, `postgres` or `aurora-mysql`.
    pub engine: String,
    /// Such as `8.0.40`.
    pub engine_version: Option<String>,
    /// The size of the database in GiB, not what is billed.
    pub size_gib: u32,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// The ARN of its KMS key, when it is encrypted.
    pub kms_key_id: Option<String>,
    /// The option group that a restored instance needs. Those of clusters have none.
    pub option_group: Option<String>,
    /// The ARN of the snapshot that it is a copy of.
    pub copied_from: Option<String>,
    /// Its tags.
    pub tags: Tags,
}

/// Declares the snapshots of one kind: a [`Snapshot`] that knows which it is.
macro_rules! of_kind {
    ($(#[doc = $doc:literal])+ $name:ident, $kind:expr, $called:expr, $permission:literal) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(pub Snapshot);

        impl Deref for $name {
            type Target = Snapshot;

            fn deref(&self) -> &Snapshot {
                &self.0
            }
        }

        #[async_trait]
        impl Resource for $name {
            const KIND: &'static str = $called;
            const PERMISSIONS: &'static [&'static str] = &[$permission];

            fn id(&self) -> &str {
                &self.0.id
            }
            fn tags(&self) -> &Tags {
                &self.0.tags
            }
            async fn list(
                scope: &dyn Scope,
                filter: &ServerFilter,
                page: Option<PageToken>,
            ) -> Result<Page<Self>, Fault> {
                let Page { items, next } = scope.rds().snapshots($kind, filter, page).await?;
                Ok(Page { items: items.into_iter().map($name).collect(), next })
            }
        }
    };
}

of_kind! {
    /// A snapshot of a DB instance.
    DatabaseSnapshot, Kind::Instance, kind::DATABASE_SNAPSHOTS, "rds:DescribeDBSnapshots"
}
of_kind! {
    /// A snapshot of a DB cluster.
    ClusterSnapshot, Kind::Cluster, kind::CLUSTER_SNAPSHOTS, "rds:DescribeDBClusterSnapshots"
}
