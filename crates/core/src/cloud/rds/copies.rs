//! Calls that bring snapshots to other accounts and regions: who may use one, and copies.

use std::collections::BTreeSet;

use async_trait::async_trait;

use super::{Kind, Snapshot};
use crate::{
    AccountId, Fault, Tags,
    cloud::{Page, PageToken, ec2::Shares},
};

/// Sharing and copying of snapshots in one account and region.
#[async_trait]
pub trait Copies: Send + Sync {
    /// One page of `rds:DescribeDBSnapshots` or `rds:DescribeDBClusterSnapshots`, of the manual
    /// snapshots that the account owns of a database of this name, copies of those of other
    /// places among them.
    async fn snapshots_of(
        &self,
        kind: Kind,
        database: &str,
        page: Option<PageToken>,
    ) -> Result<Page<Snapshot>, Fault>;

    /// Starts a copy into this account and region. Needs `rds:CopyDBSnapshot` or
    /// `rds:CopyDBClusterSnapshot`, and `rds:AddTagsToResource`. AWS has no client token here, but
    /// a name is there once: another of the same name gives one of [`TAKEN`](super::TAKEN).
    /// Source: RDS API Reference, `CopyDBSnapshot` and `CopyDBClusterSnapshot`.
    async fn copy_snapshot(&self, kind: Kind, new: &NewCopy) -> Result<(), Fault>;

    /// Who may use a manual snapshot, beside its owner. Needs
    /// `rds:DescribeDBSnapshotAttributes` or `rds:DescribeDBClusterSnapshotAttributes`.
    async fn snapshot_shares(&self, kind: Kind, name: &str) -> Result<Shares, Fault>;

    /// Lets accounts use a manual snapshot: at most 20 of them, and at most 20 in all. Needs
    /// `rds:ModifyDBSnapshotAttribute` or `rds:ModifyDBClusterSnapshotAttribute`. One that may
    /// already is a success.
    /// Source: RDS User Guide, "Sharing a DB snapshot for Amazon RDS".
    async fn share_snapshot(
        &self,
        kind: Kind,
        name: &str,
        with: &BTreeSet<AccountId>,
    ) -> Result<(), Fault>;

    /// Lets at most 20 accounts use a snapshot no longer. Needs the same. One that may not is a
    /// success.
    async fn unshare_snapshot(
        &self,
        kind: Kind,
        name: &str,
        with: &BTreeSet<AccountId>,
    ) -> Result<(), Fault>;

    /// An option group of this account and region. Needs `rds:DescribeOptionGroups`. `None`:
    /// there is none of this name.
    async fn option_group(&self, name: &str) -> Result<Option<OptionGroup>, Fault>;
}

/// What a copy is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCopy {
    /// The ARN of the source.
    pub source: String,
    /// As that of a [`NewSnapshot`](super::NewSnapshot).
    pub name: String,
    /// The key to encrypt the copy with: an ARN, an id or an alias of this place. `None` keeps
    /// that of the source, which AWS does not do between accounts or regions. Copies of snapshots
    /// of clusters that are not encrypted cannot have one.
    pub key: Option<String>,
    /// The option group of a copy in another account or region, where the source's is not a
    /// default one. Those of clusters have none.
    pub option_group: Option<String>,
    /// Set by the creating call itself. At most 50.
    pub tags: Tags,
}

/// An option group: what an engine is extended by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionGroup {
    /// The engine that it is for.
    pub engine: String,
    /// What is in it.
    pub options: Vec<GroupOption>,
}

/// An option of an option group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupOption {
    /// Such as `TDE`.
    pub name: String,
    /// Whether an instance keeps it for as long as it is in a group that has it, or for good:
    /// persistent, or permanent.
    pub stays: bool,
}

/// Whether an option group is one that every account has in every region.
pub fn is_default_group(name: &str) -> bool {
    name.starts_with("default:")
}
