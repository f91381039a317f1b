//! Making and changing volumes.

use async_trait::async_trait;
use aws_sdk_ec2::types::{
    Filter, ResourceType, VolumeModification, VolumeModificationState as State, VolumeType,
};
use lamplighter_core::{
    Fault, FaultKind,
    cloud::{
        Page, PageToken,
        ec2::{Modification, ModificationState, NewVolume, Volume, VolumeShape, Volumes},
    },
};

use super::{
    Ec2Client, next,
    read::{instant, made_volume, number},
    tags_of,
};
use crate::fault::plain;

/// The longest page. Source: EC2 API, `DescribeVolumesModifications`.
const PAGE: i32 = 500;

#[async_trait]
impl Volumes for Ec2Client {
    async fn modifications_under_way(
        &self,
        page: Option<PageToken>,
    ) -> Result<Page<Modification>, Fault> {
        let call = self.call("listing changes of volumes", "ec2:DescribeVolumesModifications");
        let states = [State::Modifying, State::Optimizing];
        let filter = Filter::builder()
            .name("modification-state")
            .set_values(Some(states.iter().map(|it| it.as_str().to_owned()).collect()));
        let request = self
            .client
            .describe_volumes_modifications()
            .filters(filter.build())
            .max_results(PAGE)
            .set_next_token(page.map(|token| token.0));
        let answer = call.answer(request.send().await)?;
        let items = answer.volumes_modifications().iter().map(modification);
        let items = items.collect::<Result<_, _>>();
        let items = items.map_err(|what| call.unreadable(&what, &answer))?;
        Ok(Page { items, next: next(answer.next_token()) })
    }

    async fn modification_of(&self, volume: &str) -> Result<Option<Modification>, Fault> {
        let doing = format!("asking for the last change of `{volume}`");
        let call = self.call(&doing, "ec2:DescribeVolumesModifications");
        // By its id, one that was never changed is an error.
        let filter = Filter::builder().name("volume-id").values(volume).build();
        let request = self.client.describe_volumes_modifications().filters(filter);
        let answer = call.answer(request.send().await)?;
        let found = answer.volumes_modifications().first().map(modification).transpose();
        found.map_err(|what| call.unreadable(&what, &answer))
    }

    async fn modify_volume(&self, volume: &str, to: &VolumeShape) -> Result<Modification, Fault> {
        let doing = format!("changing `{volume}`");
        let call = self.call(&doing, "ec2:ModifyVolume");
        let request = self
            .client
            .modify_volume()
            .volume_id(volume)
            .volume_type(VolumeType::from(to.volume_type.as_str()))
            .set_size(asked(Some(to.size_gib)))
            .set_iops(asked(to.iops))
            .set_throughput(asked(to.throughput));
        let answer = call.answer(request.send().await)?;
        let begun = answer.volume_modification().ok_or("a change without an answer");
        // It was begun even if the answer cannot be read: whoever tries again finds it.
        begun.map_err(str::to_owned).and_then(modification).map_err(|what| {
            let mut fault = call.unreadable(&what, &answer);
            fault.kind = FaultKind::Transient;
            fault
        })
    }

    async fn create_volume(&self, new: &NewVolume) -> Result<Volume, Fault> {
        let doing = format!("creating a volume of `{}`", new.snapshot);
        let call = self.call(&doing, "ec2:CreateVolume");
        let request = self
            .client
            .create_volume()
            .snapshot_id(&new.snapshot)
            .availability_zone(&new.zone)
            .volume_type(VolumeType::from(new.shape.volume_type.as_str()))
            .set_size(asked(Some(new.shape.size_gib)))
            .set_iops(asked(new.shape.iops))
            .set_throughput(asked(new.shape.throughput))
            .set_encrypted(new.key.as_ref().map(|_| true))
            .set_kms_key_id(new.key.clone())
            .set_tag_specifications(tags_of(&[ResourceType::Volume], &new.tags))
            .client_token(&new.token);
        let answer = call.answer(request.send().await)?;
        // It exists even if the answer cannot be read: the same token gives it again.
        made_volume(&answer).map_err(|what| {
            let mut fault = call.unreadable(&what, &answer);
            fault.kind = FaultKind::Transient;
            fault
        })
    }
}

/// A number, as the SDK takes it.
fn asked(number: Option<u32>) -> Option<i32> {
    number.and_then(|it| it.try_into().ok())
}

fn modification(found: &VolumeModification) -> Result<Modification, String> {
    let volume = found.volume_id().ok_or("a change without a volume")?;
    let lacks = |what: &str| format!("the change of `{}` without {what}", plain(volume));
    let state = match found.modification_state().ok_or_else(|| lacks("a state"))? {
        State::Modifying => ModificationState::Modifying,
        State::Optimizing => ModificationState::Optimizing,
        State::Completed => ModificationState::Completed,
        State::Failed => ModificationState::Failed,
        other => {
            let state = plain(other.as_str());
            return Err(lacks(&format!("a state that this version knows: `{state}`")));
        }
    };
    let volume_type = found.target_volume_type().ok_or_else(|| lacks("a type"))?;
    Ok(Modification {
        volume: volume.to_owned(),
        state,
        reason: found.status_message().filter(|it| !it.is_empty()).map(plain),
        target: VolumeShape {
            volume_type: volume_type.as_str().to_owned(),
            size_gib: number(found.target_size()).ok_or_else(|| lacks("a size"))?,
            iops: number(found.target_iops()),
            throughput: number(found.target_throughput()),
        },
        started_at: instant(found.start_time()).ok_or_else(|| lacks("a start time"))?,
    })
}
