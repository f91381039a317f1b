//! The EC2 port.

use async_trait::async_trait;
use lamplighter_core::{
    Fault,
    cloud::{
        Ec2, Page, PageToken,
        ec2::{NewSnapshot, Snapshot, Volume},
    },
    select::ServerFilter,
};

use super::Inside;
use crate::ec2::{filter, listing, volumes::DescribeVolumes};

#[async_trait]
impl Ec2 for Inside {
    async fn volumes(
        &self,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Volume>, Fault> {
        let request = DescribeVolumes {
            filter: filter::of_core(filter),
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
        _filter: &ServerFilter,
        _page: Option<PageToken>,
    ) -> Result<Page<Snapshot>, Fault> {
        Err(Fault::permanent("snapshots come next"))
    }

    async fn create_snapshot(&self, _new: &NewSnapshot) -> Result<Snapshot, Fault> {
        Err(Fault::permanent("snapshots come next"))
    }

    async fn delete_snapshot(&self, _id: &str) -> Result<(), Fault> {
        Err(Fault::permanent("snapshots come next"))
    }
}
