//! The volumes that a launch makes: those of the image, as the request changes them, and more.
//!
//! Source: EC2 User Guide, "Block device mappings for volumes on Amazon EC2 instances".

use std::sync::Arc;

use lamplighter_core::Tags;
use serde::Deserialize;

use super::Device;
use crate::{
    ec2::{
        copy, copy_rules,
        images::{Image, Mapping},
        volume_rules::type_of,
        volumes::{Attachment, State, Volume},
    },
    operation::Cx,
    refusal::Refusal,
};

/// A device of a new instance.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct BlockDevice {
    pub(crate) device_name: String,
    /// An empty text: the instance does not have what the image has.
    pub(crate) no_device: Option<String>,
    pub(crate) ebs: Option<Ebs>,
}

/// The volume of a device.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct Ebs {
    pub(crate) delete_on_termination: Option<bool>,
    pub(crate) encrypted: Option<bool>,
    pub(crate) kms_key_id: Option<String>,
    pub(crate) iops: Option<u32>,
    pub(crate) throughput: Option<u32>,
    pub(crate) volume_size: Option<u32>,
    pub(crate) volume_type: Option<String>,
}

/// A volume that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Planned {
    pub(super) mapping: Mapping,
    /// `None`: an empty one.
    snapshot_id: Option<Box<str>>,
    /// `None`: it is not encrypted.
    key: Option<Arc<str>>,
}

/// What the devices of an instance of an image are to be.
pub(super) fn plan(
    cx: &Cx<'_>,
    image: &Image,
    asked: &[BlockDevice],
) -> Result<Vec<Planned>, Refusal> {
    let of_image = |it: &Mapping| Planned {
        mapping: it.clone(),
        snapshot_id: Some(it.snapshot_id.clone()),
        key: None,
    };
    let mut planned: Vec<Planned> = image.mappings.iter().map(of_image).collect();
    let unchanged = |device: &str| asked.iter().all(|it| it.device_name != *device);
    for it in planned.iter_mut().filter(|it| unchanged(&it.mapping.device)) {
        Ebs::default().change(cx, &BlockDevice::default(), it)?;
    }
    for (index, it) in asked.iter().enumerate() {
        let name = it.device_name.as_str();
        if name.is_empty() || asked[..index].iter().any(|earlier| earlier.device_name == name) {
            return Err(invalid(it, "is not named, or is there twice"));
        }
        let place = planned.iter().position(|it| *it.mapping.device == *name);
        match (&it.no_device, &it.ebs, place) {
            (Some(_), None, Some(_)) if *name == *image.root_device => {
                return Err(invalid(it, "is the root device"));
            }
            (Some(_), None, Some(place)) => {
                planned.remove(place);
            }
            (None, Some(ebs), Some(place)) => ebs.change(cx, it, &mut planned[place])?,
            (None, Some(ebs), None) => {
                let mut more = empty(it, ebs)?;
                ebs.change(cx, it, &mut more)?;
                planned.push(more);
            }
            _ => return Err(invalid(it, "is neither left out nor a volume")),
        }
    }
    Ok(planned)
}

/// An empty volume, of the default type.
fn empty(it: &BlockDevice, ebs: &Ebs) -> Result<Planned, Refusal> {
    let Some(size_gib) = ebs.volume_size else {
        return Err(invalid(it, "has no size"));
    };
    let mapping = Mapping {
        device: it.device_name.as_str().into(),
        snapshot_id: Box::default(),
        size_gib,
        kind: "gp2".into(),
        iops: None,
        throughput: None,
        encrypted: false,
        delete_on_termination: true,
    };
    Ok(Planned { mapping, snapshot_id: None, key: None })
}

impl Ebs {
    /// Changes what a volume is to be. It cannot be smaller than its snapshot, nor be less
    /// encrypted.
    fn change(&self, cx: &Cx<'_>, it: &BlockDevice, planned: &mut Planned) -> Result<(), Refusal> {
        let mapping = &mut planned.mapping;
        let size_gib = self.volume_size.unwrap_or(mapping.size_gib);
        if size_gib < mapping.size_gib || size_gib == 0 {
            return Err(invalid(it, "is smaller than its snapshot"));
        }
        mapping.size_gib = size_gib;
        if let Some(kind) = &self.volume_type {
            (mapping.kind, mapping.iops, mapping.throughput) = (kind.as_str().into(), None, None);
        }
        let kept = |what: Option<u32>| what.filter(|_| &*mapping.kind != "gp2");
        let iops = self.iops.or(kept(mapping.iops));
        let throughput = self.throughput.or(mapping.throughput);
        let shape = type_of(&mapping.kind)?.new_shape(size_gib, iops, throughput)?;
        (mapping.iops, mapping.throughput) = (shape.iops, shape.throughput);
        let by_default = cx.here().ec2.settings.encryption_by_default;
        let named = self.kms_key_id.as_deref();
        let choice =
            copy_rules::key(mapping.encrypted, self.encrypted, named.is_some(), by_default)?;
        planned.key = choice.map(|it| copy::key(cx, it, named));
        mapping.encrypted = choice.is_some();
        mapping.delete_on_termination =
            self.delete_on_termination.unwrap_or(mapping.delete_on_termination);
        Ok(())
    }
}

fn invalid(it: &BlockDevice, what: &str) -> Refusal {
    let message = format!("The device '{}' {what}", it.device_name);
    Refusal::new("InvalidBlockDeviceMapping", message)
}

/// Makes the volume and attaches it to a new instance.
pub(super) fn attach(
    cx: &mut Cx<'_>,
    planned: &Planned,
    instance_id: &str,
    zone: &str,
    tags: &Tags,
) -> Device {
    let id: Box<str> = cx.state.fresh_id("vol").into();
    let it = &planned.mapping;
    let now = cx.now;
    let attachment = Attachment {
        instance_id: instance_id.into(),
        device: it.device.clone().into(),
        at: now,
        delete_on_termination: it.delete_on_termination,
    };
    let volume = Volume {
        id: id.as_ref().into(),
        size_gib: it.size_gib,
        kind: it.kind.clone(),
        state: State::InUse,
        encrypted: it.encrypted,
        kms_key_id: planned.key.clone(),
        iops: it.iops,
        throughput: it.throughput,
        zone: zone.into(),
        created_at: now,
        snapshot_id: planned.snapshot_id.clone(),
        attachments: [attachment].into(),
        operator: None,
        tags: Arc::new(tags.clone()),
    };
    cx.here_mut().ec2.volumes.put(&id, volume, now);
    Device {
        name: it.device.clone(),
        volume_id: id,
        attached_at: now,
        delete_on_termination: it.delete_on_termination,
    }
}
