//! The EC2 port: the archive of snapshots.

use async_trait::async_trait;
use lamplighter_core::{
    Fault,
    cloud::ec2::{Tiering, Tiers},
};

use super::Inside;
use crate::ec2::{
    archive::{DescribeSnapshotTierStatus, ModifySnapshotTier},
    filter::Filter,
};

#[async_trait]
impl Tiers for Inside {
    async fn archive_snapshot(&self, id: &str) -> Result<(), Fault> {
        let storage_tier = Some("archive".to_owned());
        self.make(ModifySnapshotTier { snapshot_id: id.to_owned(), storage_tier }, |_| ()).await
    }

    async fn tiering(&self, id: &str) -> Result<Option<Tiering>, Fault> {
        let filter = Filter { name: "snapshot-id".to_owned(), value: vec![id.to_owned()] };
        let request = DescribeSnapshotTierStatus {
            filter: vec![filter],
            ..DescribeSnapshotTierStatus::default()
        };
        self.make(request, |it| {
            it.snapshot_tier_status_set.first().map(|it| Tiering {
                tier: it.storage_tier.as_str().to_owned(),
                operation: it.last_tiering_operation_status.map(|it| it.as_str().to_owned()),
                detail: None,
            })
        })
        .await
    }
}
