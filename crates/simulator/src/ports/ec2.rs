//! The EC2 port.

use async_trait::async_trait;
use lamplighter_core::{
    Fault,
    cloud::{
        Ec2, Page, PageToken,
        ec2::{DryRun, NewSnapshot, Snapshot, Volume},
    },
    select::ServerFilter,
};

use super::{Inside, sets};
use crate::ec2::{
    filter, listing, snapshot_create::CreateSnapshot, snapshot_delete::DeleteSnapshot,
    snapshot_describe::DescribeSnapshots, tags::TagSpecification, volumes::DescribeVolumes,
};

#[async_trait]
impl Ec2 for Inside {
    async fn volumes(
        &self,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Volume>, Fault> {
        let request = DescribeVolumes {
            filter: filter::of_core(filter, "volume-id"),
            max_results: Some(listing::MOST),
            next_token: page.map(|it| it.0),
            ..DescribeVolumes::default()
        };
        self.make(request, |it| Page {
            items: it.volume_set.iter().map(|it| Volume::from(it.volume)).collect(),
            next: it.next_token.map(PageToken),
        })
        .await
    }

    async fn snapshots(
        &self,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Snapshot>, Fault> {
        let request = DescribeSnapshots {
            filter: filter::of_core(filter, "snapshot-id"),
            owner: vec!["self".to_owned()],
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

    async fn create_snapshot(&self, new: &NewSnapshot) -> Result<Snapshot, Fault> {
        self.make(creating(new), |it| Snapshot::from(it.snapshot)).await
    }

    async fn delete_snapshot(&self, id: &str) -> Result<(), Fault> {
        let deleted = self.make(DeleteSnapshot { snapshot_id: id.to_owned() }, |_| ()).await;
        match deleted {
            Err(fault) if fault.code.as_deref() == Some("InvalidSnapshot.NotFound") => Ok(()),
            deleted => deleted,
        }
    }

    async fn dry_run(&self, call: DryRun<'_>) -> Result<(), Fault> {
        match call {
            DryRun::CreateSnapshot(new) => self.try_out(creating(new)).await,
            DryRun::CreateSnapshots(new) => self.try_out(sets::creating(new)).await,
            DryRun::DeleteSnapshot(id) => {
                self.try_out(DeleteSnapshot { snapshot_id: id.to_owned() }).await
            }
        }
    }
}

fn creating(new: &NewSnapshot) -> CreateSnapshot {
    CreateSnapshot {
        volume_id: new.volume_id.clone(),
        description: new.description.clone(),
        tag_specification: TagSpecification::of("snapshot", &new.tags),
    }
}
