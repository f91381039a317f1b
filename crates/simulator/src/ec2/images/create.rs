//! `CreateImage`. There is no client token: the name keeps a second call from making another.
//! Source: EC2 API, `CreateImage`; EC2 User Guide, "Create an Amazon EBS-backed AMI".

use serde::{Deserialize, Serialize};

use super::{Image, Mapping, State, backing, check_description, check_name};
use crate::{
    ec2::{
        bucket,
        instances::{self, Device, Instance, Power, Root},
        tags::{self, TagSpecification},
        volumes::Volume,
    },
    iam::{Context, Need},
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// `CreateImage`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct CreateImage {
    pub(crate) instance_id: String,
    pub(crate) name: String,
    pub(crate) description: String,
    /// The instance is not rebooted before.
    pub(crate) no_reboot: bool,
    /// How devices of the image differ from those of the instance.
    pub(crate) block_device_mapping: Vec<Difference>,
    pub(crate) tag_specification: Vec<TagSpecification>,
}

/// How one device of the image differs. All else that AWS knows here cannot be changed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct Difference {
    pub(crate) device_name: String,
    /// An empty text: the image does not have it.
    pub(crate) no_device: Option<String>,
    pub(crate) ebs: Option<Ebs>,
}

/// How the volume of a device differs.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct Ebs {
    pub(crate) delete_on_termination: Option<bool>,
}

/// The new image.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Created {
    pub(crate) image_id: Box<str>,
}

impl Operation for CreateImage {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "CreateImage",
        access: Access::Writes,
        bucket: bucket::WRITES,
    };

    type Answer<'s> = Created;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        let action = "ec2:CreateImage";
        let image = tags::sent(&self.tag_specification, "image");
        let snapshot = tags::sent(&self.tag_specification, "snapshot");
        let (image_arn, snapshot_arn) = (Image::arn(cx.place, "*"), backing::new_arn(cx.place));
        let of = |tags| Context::default().with_request_tags(tags);
        let mut needs = instances::needs(cx, action, std::slice::from_ref(&self.instance_id));
        needs.push(Need::on(action, &*image_arn).with(of(&image)));
        needs.push(Need::on(action, &*snapshot_arn).with(of(&snapshot)));
        needs.extend(tags::needed(&image_arn, "CreateImage", &image));
        needs.extend(tags::needed(&snapshot_arn, "CreateImage", &snapshot));
        needs
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Created, Refusal> {
        let made = ["image", "snapshot"];
        let image_tags = tags::checked(&self.tag_specification, "image", &made)?;
        let snapshot_tags = tags::checked(&self.tag_specification, "snapshot", &made)?;
        check_description(&self.description)?;
        let instance = instances::one(cx, &self.instance_id)?;
        check_instance(instance)?;
        check_name(cx, &self.name)?;
        let devices = self.devices(cx, instance)?;
        let image = Image {
            description: self.description.as_str().into(),
            state: State::Pending,
            platform: instance.platform,
            ena: instance.ena,
            root_device: instance.root_device.clone(),
            source_instance: Some(instance.id.clone()),
            tags: image_tags,
            ..Image::available(
                cx.place.account.clone(),
                "",
                &self.name,
                instance.kind.family.architecture,
                cx.now,
            )
        };
        let reboots = !self.no_reboot && instance.power == Power::Running;
        let image_id: Box<str> = cx.state.fresh_id("ami").into();
        if reboots {
            instances::reboot(cx, &self.instance_id);
        }
        let mut mappings = Vec::new();
        for (device, volume) in devices {
            let description =
                format!("Created by CreateImage({}) for {image_id}", self.instance_id);
            let tags = snapshot_tags.clone();
            let id = backing::snapshot_volume(cx, &volume, &image_id, description, tags);
            mappings.push(mapping(&device, &volume, id));
        }
        let image = Image { id: image_id.clone(), mappings, ..image };
        let now = cx.now;
        cx.here_mut().ec2.images.put(&image_id, image, now);
        Ok(Created { image_id })
    }
}

impl CreateImage {
    /// The devices that the image has, with the volumes that the instance has there.
    fn devices(&self, cx: &Cx<'_>, instance: &Instance) -> Result<Vec<(Device, Volume)>, Refusal> {
        let invalid = |it: &Difference, what: &str| {
            let message = format!("The device '{}' {what}", it.device_name);
            Refusal::new("InvalidBlockDeviceMapping", message)
        };
        for it in &self.block_device_mapping {
            if instance.devices.iter().all(|device| *device.name != *it.device_name) {
                return Err(invalid(it, "is not one of the instance"));
            }
            if it.no_device.is_some() && *it.device_name == *instance.root_device {
                return Err(invalid(it, "is the root device"));
            }
            if it.no_device.is_some() && it.ebs.is_some() {
                return Err(invalid(it, "is left out and changed"));
            }
        }
        let mut kept = Vec::new();
        for device in &instance.devices {
            let mut device = device.clone();
            let differs = self.block_device_mapping.iter();
            let mut left_out = false;
            for it in differs.filter(|it| *it.device_name == *device.name) {
                left_out |= it.no_device.is_some();
                let deletes = it.ebs.as_ref().and_then(|it| it.delete_on_termination);
                device.delete_on_termination = deletes.unwrap_or(device.delete_on_termination);
            }
            if !left_out {
                let volume = backing::volume(cx, &device.volume_id)?;
                kept.push((device, volume));
            }
        }
        backing::check_quota(cx, kept.len())?;
        Ok(kept)
    }
}

/// Refuses instances that no image can be made of.
fn check_instance(it: &Instance) -> Result<(), Refusal> {
    let id = &it.id;
    if it.root == Root::InstanceStore {
        let message = format!("The instance '{id}' does not have an EBS root volume.");
        return Err(Refusal::new("InvalidParameterValue", message));
    }
    match it.power {
        Power::Running | Power::Stopped => Ok(()),
        other => {
            let message = format!(
                "The instance '{id}' is {}, not in the 'running' or 'stopped' state.",
                other.as_str()
            );
            Err(Refusal::new("IncorrectInstanceState", message))
        }
    }
}

fn mapping(device: &Device, volume: &Volume, snapshot_id: Box<str>) -> Mapping {
    Mapping {
        device: device.name.clone(),
        snapshot_id,
        size_gib: volume.size_gib,
        kind: volume.kind.clone(),
        iops: volume.iops,
        throughput: volume.throughput,
        encrypted: volume.encrypted,
        delete_on_termination: device.delete_on_termination,
    }
}
