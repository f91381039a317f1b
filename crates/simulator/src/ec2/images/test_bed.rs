//! A place with an instance to make images of.

use jiff::Timestamp;
use lamplighter_core::Tags;

use crate::{
    bed::Bed,
    ec2::{
        instances::{Device, Instance, types},
        volumes::{Attachment, State, Volume},
    },
};

/// A place with `i-1`, which has [`volumes`].
pub(super) fn place_with_instance() -> Bed {
    let bed = Bed::new();
    bed.here(|it| {
        it.ec2.instances.fill([("i-1".into(), instance())]);
        it.ec2.volumes.fill(volumes().map(|it| (it.id.clone(), it)));
    });
    bed
}

/// A running instance with a root device and another.
pub(super) fn instance() -> Instance {
    let at = Timestamp::UNIX_EPOCH;
    let device = |name: &str, volume: &str| Device {
        name: name.into(),
        volume_id: volume.into(),
        attached_at: at,
        delete_on_termination: true,
    };
    let kind = types::find("m5.large").expect("it is a type");
    Instance {
        devices: vec![device("/dev/xvda", "vol-1"), device("/dev/sdf", "vol-2")],
        ..Instance::running("i-1", kind, "eu-west-1a", at)
    }
}

/// The volumes of that instance.
pub(super) fn volumes() -> [Volume; 2] {
    [("vol-1", "/dev/xvda", 8), ("vol-2", "/dev/sdf", 100)].map(|(id, device, size_gib)| Volume {
        id: id.into(),
        size_gib,
        kind: "gp3".into(),
        state: State::InUse,
        encrypted: false,
        kms_key_id: None,
        iops: Some(3000),
        throughput: Some(125),
        zone: "eu-west-1a".into(),
        created_at: Timestamp::UNIX_EPOCH,
        snapshot_id: None,
        attachments: vec![Attachment {
            instance_id: "i-1".into(),
            device: device.into(),
            at: Timestamp::UNIX_EPOCH,
            delete_on_termination: true,
        }],
        operator: None,
        tags: Tags::new(),
    })
}

/// The images that events tell of, and the states they came to.
pub(super) fn events(bed: &Bed) -> Vec<(String, String)> {
    let text = |it: &serde_json::Value| it.as_str().unwrap_or_default().to_owned();
    let told = bed.events();
    let told = told.iter().filter(|it| it.detail_type == "EC2 AMI State Change");
    told.map(|it| (text(&it.detail["ImageId"]), text(&it.detail["State"]))).collect()
}
