//! The EC2 port: making and changing volumes.

use async_trait::async_trait;
use lamplighter_core::{
    Fault,
    cloud::{
        Page, PageToken,
        ec2::{Modification, NewVolume, Volume, VolumeShape, Volumes},
    },
};

use super::Inside;
use crate::ec2::{
    filter::Filter,
    tags::TagSpecification,
    volume_create::CreateVolume,
    volume_modify::{DescribeVolumesModifications, LONGEST_PAGE, ModifyVolume},
};

#[async_trait]
impl Volumes for Inside {
    async fn modifications_under_way(
        &self,
        page: Option<PageToken>,
    ) -> Result<Page<Modification>, Fault> {
        let request = DescribeVolumesModifications {
            filter: vec![filter("modification-state", &["modifying", "optimizing"])],
            max_results: Some(LONGEST_PAGE),
            next_token: page.map(|it| it.0),
            ..DescribeVolumesModifications::default()
        };
        self.make(request, |it| Page {
            items: it.volume_modification_set.iter().map(Modification::from).collect(),
            next: it.next_token.map(PageToken),
        })
        .await
    }

    async fn modification_of(&self, volume: &str) -> Result<Option<Modification>, Fault> {
        let request = DescribeVolumesModifications {
            // By its id, one that was never changed is an error.
            filter: vec![filter("volume-id", &[volume])],
            ..DescribeVolumesModifications::default()
        };
        self.make(request, |it| it.volume_modification_set.first().map(Modification::from)).await
    }

    async fn modify_volume(&self, volume: &str, to: &VolumeShape) -> Result<Modification, Fault> {
        let request = ModifyVolume {
            volume_id: volume.to_owned(),
            size: Some(to.size_gib),
            volume_type: Some(to.volume_type.clone()),
            iops: to.iops,
            throughput: to.throughput,
        };
        self.make(request, |it| Modification::from(&it.volume_modification)).await
    }

    async fn create_volume(&self, new: &NewVolume) -> Result<Volume, Fault> {
        let request = CreateVolume {
            availability_zone: new.zone.clone(),
            snapshot_id: Some(new.snapshot.clone()),
            size: Some(new.shape.size_gib),
            volume_type: Some(new.shape.volume_type.clone()),
            iops: new.shape.iops,
            throughput: new.shape.throughput,
            encrypted: new.key.as_ref().map(|_| true),
            kms_key_id: new.key.clone(),
            client_token: Some(new.token.clone()),
            tag_specification: TagSpecification::of("volume", &new.tags),
        };
        self.make(request, |it| Volume::from(it.volume)).await
    }
}

fn filter(name: &str, values: &[&str]) -> Filter {
    Filter { name: name.to_owned(), value: values.iter().map(|it| (*it).to_owned()).collect() }
}
