//! Instances and their types in the words of the core.

use jiff::Timestamp;
use lamplighter_core::cloud::instances as core;

use super::{
    Device, Instance, Platform, Power, Purchase, Root, StateReason,
    instance::Operator,
    types::{self, Ena, Hypervisor, InstanceType},
};

impl From<&Instance> for core::Instance {
    fn from(it: &Instance) -> core::Instance {
        let networked = it.power != Power::Terminated;
        let asked_at = it.state_reason.as_ref().and_then(|it| it.asked_at);
        core::Instance {
            id: it.id.to_string(),
            state: it.power.as_str().to_owned(),
            state_reason: it.state_reason.as_ref().map(|it| it.code.to_string()),
            instance_type: it.kind.name.to_owned(),
            platform: match it.platform {
                Platform::Linux => "linux".to_owned(),
                Platform::Windows => "windows".to_owned(),
            },
            architecture: it.kind.family.architecture.as_str().to_owned(),
            virtualization: "hvm".to_owned(),
            lifecycle: match it.purchase {
                Purchase::OnDemand => "on-demand".to_owned(),
                Purchase::Spot { .. } => "spot".to_owned(),
            },
            availability_zone: it.zone.to_string(),
            tenancy: "default".to_owned(),
            launched_at: it.launched_at,
            // AWS says it to the second.
            stopped_at: asked_at.and_then(|it| Timestamp::from_second(it.as_second()).ok()),
            image_id: it.image_id.to_string(),
            root_device_type: it.root.as_str().to_owned(),
            root_device: Some(it.root_device.to_string()),
            root_volume: it.root_volume().map(str::to_owned),
            volumes: it.devices.iter().map(|it| it.volume_id.to_string()).collect(),
            network_interfaces: u32::from(networked),
            vpc_id: networked.then(|| it.vpc_id.to_string()),
            subnet_id: networked.then(|| it.subnet_id.to_string()),
            private_ip: networked.then(|| it.private_ip().to_string()),
            public_ip: it.public_ip().map(|it| it.to_string()),
            instance_profile: None,
            ena: it.ena,
            boot_mode: None,
            hibernation: it.can_hibernate,
            auto_scaling_group: it.tags.get(core::AUTO_SCALING_TAG).cloned(),
            managed_by: it.operator.as_ref().map(|it| it.principal.to_string()),
            tags: it.tags.clone(),
        }
    }
}

impl From<core::Instance> for Instance {
    /// # Panics
    ///
    /// When there is no such instance type here: then a test asks for what cannot be.
    fn from(it: core::Instance) -> Instance {
        let name = &it.instance_type;
        let kind = types::find(name).unwrap_or_else(|| panic!("no type `{name}` here"));
        let created_at = it.launched_at;
        let device = |(index, id): (usize, &String)| Device {
            name: match index {
                0 => it.root_device.as_deref().unwrap_or("/dev/xvda").into(),
                _ => format!("/dev/sd{}", char::from(b'e' + index as u8)).into(),
            },
            volume_id: id.as_str().into(),
            attached_at: created_at,
            delete_on_termination: true,
        };
        let devices = it.volumes.iter().enumerate().map(device).collect();
        let reason = |code: &String| StateReason {
            code: code.as_str().into(),
            message: code.as_str().into(),
            asked_at: it.stopped_at,
        };
        let id = it.id.as_str();
        Instance {
            power: match it.state.as_str() {
                "pending" => Power::Pending,
                "running" => Power::Running,
                "shutting-down" => Power::ShuttingDown,
                "stopping" => Power::Stopping,
                "stopped" => Power::Stopped,
                _ => Power::Terminated,
            },
            state_reason: it.state_reason.as_ref().map(reason),
            image_id: it.image_id.as_str().into(),
            // What was put there was not just made: one that cannot start goes back to `stopped`.
            created_at: Timestamp::UNIX_EPOCH,
            purchase: match it.lifecycle.as_str() {
                "spot" => Purchase::Spot {
                    request_id: format!("sir-{id}").into(),
                    persistent: true,
                    interrupted: false,
                },
                _ => Purchase::OnDemand,
            },
            platform: match it.platform.as_str() {
                "windows" => Platform::Windows,
                _ => Platform::Linux,
            },
            root: match it.root_device_type.as_str() {
                "instance-store" => Root::InstanceStore,
                _ => Root::Ebs,
            },
            root_device: it.root_device.as_deref().unwrap_or("/dev/xvda").into(),
            devices,
            ena: it.ena,
            can_hibernate: it.hibernation,
            hibernated: it.state_reason.as_deref() == Some("Client.UserInitiatedHibernate"),
            operator: it
                .managed_by
                .as_deref()
                .map(|principal| Operator { principal: principal.into(), hidden: false }),
            tags: it.tags.clone(),
            ..Instance::running(id, kind, &it.availability_zone, it.launched_at)
        }
    }
}

impl From<&'static InstanceType> for core::InstanceType {
    fn from(it: &'static InstanceType) -> core::InstanceType {
        let family = it.family;
        let nitro = family.hypervisor == Hypervisor::Nitro;
        core::InstanceType {
            name: it.name.to_owned(),
            architectures: it.architectures().iter().map(|it| (*it).to_owned()).collect(),
            virtualizations: vec!["hvm".to_owned()],
            boot_modes: it.boot_modes().iter().map(|it| (*it).to_owned()).collect(),
            requires_ena: family.ena == Ena::Required,
            requires_nvme: nitro,
            hibernation: it.hibernates(),
            instance_store: it.disks.0 > 0,
            network_interfaces: it.interfaces,
            volumes: u32::try_from(it.attachments()).ok(),
            shares_volumes: family.shares_attachments,
        }
    }
}
