//! Calls that bring snapshots to other accounts and regions: who may use one, and copies.

use std::{borrow::Cow, collections::BTreeSet};

use async_trait::async_trait;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::Snapshot;
use crate::{
    AccountId, Fault, Region, Tags,
    cloud::{Page, PageToken, Resource, Scope},
    select::ServerFilter,
};

/// Sharing and copying of snapshots in one account and region.
#[async_trait]
pub trait Copies: Send + Sync {
    /// One page of `ec2:DescribeSnapshots`, of snapshots that this account owns and of those
    /// that others share with it by name, but not of public ones. Others' tags do not show.
    async fn restorable_snapshots(
        &self,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Snapshot>, Fault>;

    /// One page of `ec2:DescribeSnapshots`, of snapshots that this account owns and that
    /// `account` may use because they are shared with it by name.
    async fn snapshots_open_to(
        &self,
        account: &AccountId,
        page: Option<PageToken>,
    ) -> Result<Page<Snapshot>, Fault>;

    /// Starts a copy into this account and region, and returns its id. Needs
    /// `ec2:CopySnapshot` and `ec2:CreateTags`. AWS has no client token here, so two calls make
    /// two copies, and an implementation must not retry. Whether the keys can be used shows only
    /// later: the copy then ends in `error`.
    /// Source: EC2 API, `CopySnapshot`.
    async fn copy_snapshot(&self, new: &NewCopy) -> Result<String, Fault>;

    /// Who may use a snapshot, beside its owner. Needs `ec2:DescribeSnapshotAttribute`. Lags
    /// behind changes.
    async fn snapshot_shares(&self, id: &str) -> Result<Shares, Fault>;

    /// Lets at most 500 accounts use a snapshot. Needs `ec2:ModifySnapshotAttribute`. One that
    /// may already is a success.
    async fn share_snapshot(&self, id: &str, with: &BTreeSet<AccountId>) -> Result<(), Fault>;

    /// Lets at most 500 accounts use a snapshot no longer. Needs
    /// `ec2:ModifySnapshotAttribute`. One that may not is a success.
    async fn unshare_snapshot(&self, id: &str, with: &BTreeSet<AccountId>) -> Result<(), Fault>;

    /// Adds tags to a resource, and changes those that are there. Needs `ec2:CreateTags`.
    async fn set_tags(&self, id: &str, tags: &Tags) -> Result<(), Fault>;

    /// Whether all that is new is encrypted here. Needs `ec2:GetEbsEncryptionByDefault`.
    async fn encrypts_by_default(&self) -> Result<bool, Fault>;

    /// The key that encryption by default uses: an ARN, an id, or an alias. Needs
    /// `ec2:GetEbsDefaultKmsKeyId`.
    async fn default_key(&self) -> Result<String, Fault>;
}

/// What `CopySnapshot` and `CopyImage` are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCopy {
    /// Where the source is.
    pub source_region: Region,
    /// The source.
    pub source: String,
    /// The key to encrypt the copy with: an ARN, an id or an alias of this place. `None` leaves
    /// it to AWS: see the EBS User Guide, "Copy an Amazon EBS snapshot", encryption outcomes.
    pub key: Option<String>,
    /// At most 255 characters.
    pub description: String,
    /// Set by the creating call itself, on the copy of an image and on its snapshots. At most 50.
    pub tags: Tags,
    /// Within how many minutes it is to be done, at a price: 15 to 2880, in steps of 15.
    pub within_minutes: Option<u32>,
}

/// Who may use a snapshot or launch an image, beside its owner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    /// These accounts.
    pub accounts: BTreeSet<AccountId>,
    /// Everybody.
    pub public: bool,
}

/// A snapshot that the account may make volumes and copies of: its own, or one that another
/// account shares with it by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Restorable(pub Snapshot);

/// It has the fields of a snapshot.
impl JsonSchema for Restorable {
    fn schema_name() -> Cow<'static, str> {
        "Restorable".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Snapshot::json_schema(generator)
    }
}

#[async_trait]
impl Resource for Restorable {
    const KIND: &'static str = "snapshots";
    const PERMISSIONS: &'static [&'static str] = &["ec2:DescribeSnapshots"];

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
        let listed = scope.ec2().restorable_snapshots(filter, page).await?;
        Ok(Page { items: listed.items.into_iter().map(Restorable).collect(), next: listed.next })
    }
}

#[cfg(test)]
mod tests {
    use schemars::schema_for;

    use super::*;
    use crate::select::Fields;

    #[test]
    fn what_can_be_restored_has_the_fields_of_a_snapshot() {
        let names = |schema: Schema| -> Vec<String> {
            Fields::from_schema(&schema).iter().map(|(name, _)| name.to_string()).collect()
        };
        assert!(names(schema_for!(Snapshot)).contains(&"owner".to_owned()));
        assert_eq!(names(schema_for!(Restorable)), names(schema_for!(Snapshot)));
    }
}
