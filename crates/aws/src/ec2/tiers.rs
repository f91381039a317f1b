//! The archive of snapshots.

use async_trait::async_trait;
use aws_sdk_ec2::types::{Filter, StorageTier, TargetStorageTier};
use lamplighter_core::{
    Fault,
    cloud::ec2::{Tiering, Tiers},
};

use super::Ec2Client;
use crate::fault::plain;

#[async_trait]
impl Tiers for Ec2Client {
    async fn archive_snapshot(&self, id: &str) -> Result<(), Fault> {
        let doing = format!("archiving `{id}`");
        let call = self.call(&doing, "ec2:ModifySnapshotTier");
        let request = self
            .client
            .modify_snapshot_tier()
            .snapshot_id(id)
            .storage_tier(TargetStorageTier::Archive);
        call.answer(request.send().await).map(|_| ())
    }

    async fn tiering(&self, id: &str) -> Result<Option<Tiering>, Fault> {
        let doing = format!("asking where `{id}` is stored");
        let call = self.call(&doing, "ec2:DescribeSnapshotTierStatus");
        let filter = Filter::builder().name("snapshot-id").values(id).build();
        let request = self.client.describe_snapshot_tier_status().filters(filter);
        let answer = call.answer(request.send().await)?;
        Ok(answer.snapshot_tier_statuses().first().map(|found| Tiering {
            tier: found.storage_tier().unwrap_or(&StorageTier::Standard).as_str().to_owned(),
            operation: found.last_tiering_operation_status().map(|it| it.as_str().to_owned()),
            detail: found.last_tiering_operation_status_detail().map(plain),
        }))
    }
}
