//! The EC2 port: snapshots of all volumes of an instance.

use async_trait::async_trait;
use lamplighter_core::{
    Fault,
    cloud::ec2::{NewSet, Sets},
};

use super::Inside;
use crate::ec2::{
    snapshot_create_many::{CreateSnapshots, InstanceSpecification},
    tags::TagSpecification,
};

#[async_trait]
impl Sets for Inside {
    async fn create_snapshots(&self, new: &NewSet) -> Result<Vec<String>, Fault> {
        self.make(creating(new), |it| it.ids().map(str::to_owned).collect()).await
    }
}

pub(super) fn creating(new: &NewSet) -> CreateSnapshots {
    CreateSnapshots {
        description: new.description.clone(),
        instance_specification: InstanceSpecification {
            instance_id: new.instance_id.clone(),
            exclude_boot_volume: new.without_root,
            exclude_data_volume_id: new.without.clone(),
        },
        tag_specification: TagSpecification::of("snapshot", &new.tags),
        copy_tags_from_source: None,
    }
}
