//! EC2's answers about instances as the core's types. What AWS did not say is unknown; what must
//! be there and is not is an error, in words such as ``the instance `i-1` without a state``.

use aws_sdk_ec2::types::{self, AttachmentLimitType, EbsNvmeSupport, EnaSupport, SummaryStatus};
use lamplighter_core::cloud::instances::{
    AUTO_SCALING_TAG, Checks, Instance, InstanceType, asked_to_stop_at,
};

use crate::{
    ec2::read::{instant, number, tags},
    fault::plain,
};

pub(super) fn instance(found: &types::Instance) -> Result<Instance, String> {
    let id = found.instance_id().ok_or("an instance without an id")?;
    let lacks = |what: &str| format!("the instance `{}` without {what}", plain(id));
    let text = |it: Option<&str>| it.filter(|it| !it.is_empty()).map(str::to_owned);
    let state = found.state().and_then(|it| it.name()).ok_or_else(|| lacks("a state"))?;
    let placement = found.placement();
    let devices = found.block_device_mappings();
    let root = devices.iter().find(|it| it.device_name() == found.root_device_name());
    let volumes = devices.iter().filter_map(|it| it.ebs()?.volume_id());
    let tags = tags(found.tags()).ok_or_else(|| lacks("the key of a tag"))?;
    Ok(Instance {
        id: id.to_owned(),
        state: state.as_str().to_owned(),
        state_reason: text(found.state_reason().and_then(|it| it.code())),
        instance_type: found.instance_type().ok_or_else(|| lacks("a type"))?.as_str().to_owned(),
        // AWS names only Windows.
        platform: match found.platform() {
            Some(platform) => platform.as_str().to_lowercase(),
            None => "linux".to_owned(),
        },
        architecture: found
            .architecture()
            .ok_or_else(|| lacks("an architecture"))?
            .as_str()
            .to_owned(),
        virtualization: found
            .virtualization_type()
            .ok_or_else(|| lacks("a virtualization type"))?
            .as_str()
            .to_owned(),
        lifecycle: found
            .instance_lifecycle()
            .map_or_else(|| "on-demand".to_owned(), |it| it.as_str().to_owned()),
        availability_zone: text(placement.and_then(|it| it.availability_zone()))
            .ok_or_else(|| lacks("an availability zone"))?,
        tenancy: placement
            .and_then(|it| it.tenancy())
            .map_or_else(|| "default".to_owned(), |it| it.as_str().to_owned()),
        launched_at: instant(found.launch_time()).ok_or_else(|| lacks("a launch time"))?,
        stopped_at: found.state_transition_reason().and_then(asked_to_stop_at),
        image_id: text(found.image_id()).ok_or_else(|| lacks("an image"))?,
        root_device_type: found
            .root_device_type()
            .ok_or_else(|| lacks("a type of its root device"))?
            .as_str()
            .to_owned(),
        root_device: text(found.root_device_name()),
        root_volume: text(root.and_then(|it| it.ebs()?.volume_id())),
        volumes: volumes.map(str::to_owned).collect(),
        network_interfaces: found.network_interfaces().len().try_into().unwrap_or(u32::MAX),
        vpc_id: text(found.vpc_id()),
        subnet_id: text(found.subnet_id()),
        private_ip: text(found.private_ip_address()),
        public_ip: text(found.public_ip_address()),
        instance_profile: text(found.iam_instance_profile().and_then(|it| it.arn())),
        ena: found.ena_support().unwrap_or(false),
        boot_mode: found.current_instance_boot_mode().map(|it| it.as_str().to_owned()),
        hibernation: found.hibernation_options().and_then(|it| it.configured()).unwrap_or(false),
        auto_scaling_group: tags.get(AUTO_SCALING_TAG).cloned(),
        managed_by: found
            .operator()
            .filter(|operator| operator.managed() == Some(true))
            .map(|operator| operator.principal().unwrap_or("an AWS service").to_owned()),
        tags,
    })
}

pub(super) fn instance_type(found: &types::InstanceTypeInfo) -> Result<InstanceType, String> {
    let name = found.instance_type().ok_or("an instance type without a name")?.as_str();
    let lacks = |what: &str| format!("the instance type `{}` without {what}", plain(name));
    let processor = found.processor_info().ok_or_else(|| lacks("a processor"))?;
    let network = found.network_info().ok_or_else(|| lacks("a network"))?;
    let ebs = found.ebs_info();
    let architectures = processor.supported_architectures();
    let virtualizations = found.supported_virtualization_types();
    Ok(InstanceType {
        name: name.to_owned(),
        architectures: architectures.iter().map(|it| it.as_str().to_owned()).collect(),
        virtualizations: virtualizations.iter().map(|it| it.as_str().to_owned()).collect(),
        boot_modes: found.supported_boot_modes().iter().map(|it| it.as_str().to_owned()).collect(),
        requires_ena: network.ena_support() == Some(&EnaSupport::Required),
        requires_nvme: ebs.and_then(|it| it.nvme_support()) == Some(&EbsNvmeSupport::Required),
        hibernation: found.hibernation_supported().unwrap_or(false),
        instance_store: found.instance_storage_supported().unwrap_or(false),
        network_interfaces: number(network.maximum_network_interfaces())
            .ok_or_else(|| lacks("a number of network interfaces"))?,
        volumes: number(ebs.and_then(|it| it.maximum_ebs_attachments())),
        shares_volumes: ebs.and_then(|it| it.attachment_limit_type())
            == Some(&AttachmentLimitType::Shared),
    })
}

/// What all checks together have found.
pub(super) fn checks(found: &types::InstanceStatus) -> Checks {
    let of_volumes = found.attached_ebs_status().and_then(|it| it.status());
    let all = [
        found.system_status().and_then(|it| it.status()),
        found.instance_status().and_then(|it| it.status()),
        // Not every instance type has it.
        of_volumes.filter(|it| **it != SummaryStatus::NotApplicable).or(Some(&SummaryStatus::Ok)),
    ];
    let any = |status: SummaryStatus| all.contains(&Some(&status));
    match () {
        () if any(SummaryStatus::Impaired) => Checks::Failed,
        () if any(SummaryStatus::Initializing) => Checks::Initializing,
        () if all.iter().all(|it| *it == Some(&SummaryStatus::Ok)) => Checks::Passed,
        () => Checks::Unknown,
    }
}
