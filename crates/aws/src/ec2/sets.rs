//! Snapshots of all volumes of an instance.

use async_trait::async_trait;
use aws_sdk_ec2::{
    config::Config,
    operation::create_snapshots::builders::CreateSnapshotsFluentBuilder,
    types::{InstanceSpecification, ResourceType, SnapshotInfo},
};
use aws_smithy_types::retry::RetryConfig;
use lamplighter_core::{
    Fault, FaultKind,
    cloud::ec2::{NewSet, Sets},
};

use super::{Ec2Client, tags_of};

#[async_trait]
impl Sets for Ec2Client {
    async fn create_snapshots(&self, new: &NewSet) -> Result<Vec<String>, Fault> {
        let doing = format!("creating snapshots of `{}`", new.instance_id);
        let call = self.call(&doing, "ec2:CreateSnapshots");
        let request = self
            .creating_set(new)
            .customize()
            // Without a client token a second try may make a second set.
            .config_override(Config::builder().retry_config(RetryConfig::disabled()));
        let answer = call.answer(request.send().await)?;
        let id = |it: &SnapshotInfo| it.snapshot_id().map(str::to_owned);
        let ids: Option<Vec<String>> = answer.snapshots().iter().map(id).collect();
        // They exist even if the answer cannot be read: whoever tries again finds them by their
        // tags.
        ids.filter(|it| !it.is_empty()).ok_or_else(|| {
            let mut fault = call.unreadable("a set of snapshots without their ids", &answer);
            fault.kind = FaultKind::Transient;
            fault
        })
    }
}

impl Ec2Client {
    /// The request for a new set.
    pub(super) fn creating_set(&self, new: &NewSet) -> CreateSnapshotsFluentBuilder {
        let without = (!new.without.is_empty()).then(|| new.without.clone());
        let of = InstanceSpecification::builder()
            .instance_id(&new.instance_id)
            .exclude_boot_volume(new.without_root)
            .set_exclude_data_volume_ids(without)
            .build();
        self.client
            .create_snapshots()
            .instance_specification(of)
            .description(&new.description)
            .set_tag_specifications(tags_of(&[ResourceType::Snapshot], &new.tags))
    }
}
