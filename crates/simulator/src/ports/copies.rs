//! The EC2 port: sharing and copying of snapshots.

use std::collections::BTreeSet;

use async_trait::async_trait;
use lamplighter_core::{
    AccountId, Fault, Tags,
    cloud::{
        Page, PageToken,
        ec2::{Copies, NewCopy, Shares, Snapshot},
    },
    select::ServerFilter,
};

use super::Inside;
use crate::ec2::{
    copy::CopySnapshot,
    filter, listing,
    settings::{GetEbsDefaultKmsKeyId, GetEbsEncryptionByDefault},
    share::{
        DescribeSnapshotAttribute, Modifications, ModifySnapshotAttribute, Permission,
        VOLUME_PERMISSION,
    },
    snapshot_describe::DescribeSnapshots,
    tagging::CreateTags,
    tags::{Tag, TagSpecification},
};

#[async_trait]
impl Copies for Inside {
    async fn restorable_snapshots(
        &self,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Snapshot>, Fault> {
        let request = DescribeSnapshots {
            filter: filter::of_core(filter, "snapshot-id"),
            restorable_by: vec!["self".to_owned()],
            max_results: Some(listing::MOST),
            next_token: page.map(|it| it.0),
            ..DescribeSnapshots::default()
        };
        let me = &self.place.account;
        // Others do not see an owner's tags.
        let shown = |it: &crate::ec2::snapshots::Snapshot| match it.owner == *me {
            true => Snapshot::from(it),
            false => Snapshot { tags: Tags::new(), ..Snapshot::from(it) },
        };
        self.make(request, |it| Page {
            items: it.snapshot_set.iter().map(|it| shown(it.snapshot)).collect(),
            next: it.next_token.map(PageToken),
        })
        .await
    }

    async fn snapshots_open_to(
        &self,
        account: &AccountId,
        page: Option<PageToken>,
    ) -> Result<Page<Snapshot>, Fault> {
        let request = DescribeSnapshots {
            owner: vec!["self".to_owned()],
            restorable_by: vec![account.to_string()],
            max_results: Some(listing::MOST),
            next_token: page.map(|it| it.0),
            ..DescribeSnapshots::default()
        };
        self.make(request, |it| Page {
            items: it.snapshot_set.iter().map(|it| Snapshot::from(it.snapshot)).collect(),
            next: it.next_token.map(PageToken),
        })
        .await
    }

    async fn copy_snapshot(&self, new: &NewCopy) -> Result<String, Fault> {
        let request = CopySnapshot {
            source_region: new.source_region.to_string(),
            source_snapshot_id: new.source.clone(),
            description: Some(new.description.clone()),
            encrypted: new.key.as_ref().map(|_| true),
            kms_key_id: new.key.clone(),
            tag_specification: TagSpecification::of("snapshot", &new.tags),
            completion_duration_minutes: new.within_minutes,
            ..CopySnapshot::default()
        };
        self.make(request, |it| it.snapshot_id).await
    }

    async fn snapshot_shares(&self, id: &str) -> Result<Shares, Fault> {
        let request = DescribeSnapshotAttribute {
            snapshot_id: id.to_owned(),
            attribute: VOLUME_PERMISSION.to_owned(),
        };
        self.make(request, |it| Shares { accounts: it.share.accounts, public: it.share.public })
            .await
    }

    async fn share_snapshot(&self, id: &str, with: &BTreeSet<AccountId>) -> Result<(), Fault> {
        let add = with.iter().map(|it| Permission::user(it.as_str())).collect();
        let modifications = Modifications { add, ..Modifications::default() };
        self.make(modify(id, modifications), |_| ()).await
    }

    async fn unshare_snapshot(&self, id: &str, with: &BTreeSet<AccountId>) -> Result<(), Fault> {
        let remove = with.iter().map(|it| Permission::user(it.as_str())).collect();
        let modifications = Modifications { remove, ..Modifications::default() };
        self.make(modify(id, modifications), |_| ()).await
    }

    async fn set_tags(&self, id: &str, tags: &Tags) -> Result<(), Fault> {
        let tag =
            |(key, value): (&String, &String)| Tag { key: key.clone(), value: Some(value.clone()) };
        let request =
            CreateTags { resource_id: vec![id.to_owned()], tag: tags.iter().map(tag).collect() };
        self.make(request, |_| ()).await
    }

    async fn encrypts_by_default(&self) -> Result<bool, Fault> {
        self.make(GetEbsEncryptionByDefault {}, |it| it.ebs_encryption_by_default).await
    }

    async fn default_key(&self) -> Result<String, Fault> {
        self.make(GetEbsDefaultKmsKeyId {}, |it| it.kms_key_id).await
    }
}

fn modify(id: &str, modifications: Modifications) -> ModifySnapshotAttribute {
    ModifySnapshotAttribute {
        snapshot_id: id.to_owned(),
        create_volume_permission: modifications,
        ..ModifySnapshotAttribute::default()
    }
}
