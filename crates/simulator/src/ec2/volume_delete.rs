//! `DeleteVolume`. Source: EC2 API, `DeleteVolume`: only what is attached nowhere.

use serde::Deserialize;

use super::{
    bucket, ebs_events,
    snapshot_create::on_volume,
    snapshot_delete::Done,
    volumes::{State, Volume},
};
use crate::{
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// `DeleteVolume`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct DeleteVolume {
    pub(crate) volume_id: String,
}

impl Operation for DeleteVolume {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "DeleteVolume",
        access: Access::Writes,
        bucket: bucket::MAKES,
    };

    type Answer<'s> = Done;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![on_volume(cx, "ec2:DeleteVolume", &self.volume_id)]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Done, Refusal> {
        let volume = cx.volume(&self.volume_id)?;
        check_manager(volume)?;
        match volume.state {
            State::InUse => {
                let message = format!("Volume {} is currently attached", volume.id);
                return Err(Refusal::new("VolumeInUse", message));
            }
            State::Creating | State::Deleting | State::Deleted => {
                let message = format!("Volume {} is {}", volume.id, volume.state.as_str());
                return Err(Refusal::new("IncorrectState", message));
            }
            State::Available | State::Error => {}
        }
        let now = cx.now;
        cx.here_mut().ec2.volumes.remove(&self.volume_id, now);
        let what = ("deleteVolume", "deleted", "");
        ebs_events::volume(cx.state, cx.place, &self.volume_id, what, now);
        Ok(Done::DONE)
    }
}

/// Refuses to touch a volume that an AWS service manages.
pub(super) fn check_manager(volume: &Volume) -> Result<(), Refusal> {
    match &volume.operator {
        None => Ok(()),
        Some(service) => {
            let message = format!("{} is managed by {service}", volume.id);
            Err(Refusal::new("OperationNotPermitted", message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{bed::Bed, ec2::volume_create::CreateVolume};

    #[test]
    fn a_volume_is_deleted_when_nothing_uses_it() {
        let bed = Bed::new();
        let zone = "eu-west-1a".to_owned();
        let request = CreateVolume { availability_zone: zone, size: Some(8), ..Default::default() };
        bed.ask(request).unwrap();
        let delete = || bed.ask(DeleteVolume { volume_id: "vol-1".into() }).map(|_| ());
        assert_eq!(delete(), Err("IncorrectState"));
        bed.pass(5);
        let become_ = |change: fn(&mut Volume)| {
            let now = bed.now();
            bed.here(|it| it.ec2.volumes.change("vol-1", now, change)).unwrap();
        };
        become_(|it| it.state = State::InUse);
        assert_eq!(delete(), Err("VolumeInUse"));
        become_(|it| it.state = State::Available);
        become_(|it| it.operator = Some("ecs.amazonaws.com".into()));
        assert_eq!(delete(), Err("OperationNotPermitted"));
        become_(|it| it.operator = None);
        assert_eq!(delete(), Ok(()));
        assert_eq!(delete(), Err("InvalidVolume.NotFound"));
        let event = bed.events().pop().unwrap().detail;
        assert_eq!(
            (&event["event"], &event["result"]),
            (&"deleteVolume".into(), &"deleted".into())
        );
    }
}
