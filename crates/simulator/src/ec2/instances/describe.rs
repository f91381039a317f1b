//! `DescribeInstances`. Source: EC2 API, `DescribeInstances`.

use std::{collections::BTreeMap, net::Ipv4Addr};

use jiff::Timestamp;
use lamplighter_core::Tags;
use serde::{Deserialize, Serialize};

use super::{Device, Instance, Platform, Power, Purchase, StateReason, power::ShownPower};
use crate::{
    buckets::Bucket,
    ec2::{
        bucket,
        filter::{Filter, Filtered},
        ids,
        listing::{self, Question},
        tags::TagSet,
    },
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
    wire::time::millis,
};

/// `DescribeInstances`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct DescribeInstances {
    pub(crate) filter: Vec<Filter>,
    pub(crate) instance_id: Vec<String>,
    pub(crate) include_managed_resources: bool,
    pub(crate) max_results: Option<u32>,
    pub(crate) next_token: Option<String>,
}

/// What `DescribeInstances` answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reservations<'s> {
    pub(crate) reservation_set: Vec<Reservation<'s>>,
    pub(crate) next_token: Option<String>,
}

/// A launch in an answer, with those of its instances that are on this page.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reservation<'s> {
    reservation_id: &'s str,
    owner_id: &'s str,
    group_set: [(); 0],
    pub(crate) instances_set: Vec<Shown<'s>>,
}

impl<'s> Reservation<'s> {
    /// A launch without its instances.
    pub(super) fn empty(id: &'s str, owner_id: &'s str) -> Reservation<'s> {
        Reservation { reservation_id: id, owner_id, group_set: [], instances_set: Vec::new() }
    }
}

/// An instance in an answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Shown<'s> {
    #[serde(skip)]
    pub(crate) instance: &'s Instance,
    instance_id: &'s str,
    image_id: &'s str,
    instance_state: ShownPower,
    private_dns_name: String,
    /// Empty when there is none.
    dns_name: String,
    /// Empty when the user did not ask for the state.
    reason: String,
    ami_launch_index: u32,
    product_codes: [(); 0],
    instance_type: &'static str,
    #[serde(serialize_with = "millis")]
    launch_time: Timestamp,
    placement: Placement<'s>,
    platform: Option<&'static str>,
    monitoring: Monitoring,
    subnet_id: Option<&'s str>,
    vpc_id: Option<&'s str>,
    private_ip_address: Option<Ipv4Addr>,
    ip_address: Option<Ipv4Addr>,
    state_reason: Option<ShownReason<'s>>,
    architecture: &'static str,
    root_device_type: &'static str,
    root_device_name: &'s str,
    block_device_mapping: Vec<ShownDevice<'s>>,
    virtualization_type: &'static str,
    instance_lifecycle: Option<&'static str>,
    spot_instance_request_id: Option<&'s str>,
    /// Empty when there was none.
    client_token: &'s str,
    #[serde(skip_serializing_if = "TagSet::is_empty")]
    tag_set: TagSet<'s>,
    hypervisor: &'static str,
    ebs_optimized: bool,
    ena_support: bool,
    source_dest_check: bool,
    hibernation_options: HibernationOptions,
    platform_details: &'static str,
    usage_operation: &'static str,
    operator: ShownOperator<'s>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Placement<'s> {
    availability_zone: &'s str,
    group_name: &'static str,
    tenancy: &'static str,
}

#[derive(Serialize)]
struct Monitoring {
    state: &'static str,
}

#[derive(Serialize)]
struct ShownReason<'s> {
    code: &'s str,
    message: &'s str,
}

#[derive(Serialize)]
struct HibernationOptions {
    configured: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownOperator<'s> {
    managed: bool,
    principal: Option<&'s str>,
    hidden_by_default: Option<bool>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShownDevice<'s> {
    device_name: &'s str,
    ebs: ShownVolume<'s>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownVolume<'s> {
    volume_id: &'s str,
    status: &'static str,
    #[serde(serialize_with = "millis")]
    attach_time: Timestamp,
    delete_on_termination: bool,
}

impl<'s> ShownDevice<'s> {
    pub(super) fn of(it: &'s Device) -> ShownDevice<'s> {
        ShownDevice {
            device_name: &it.name,
            ebs: ShownVolume {
                volume_id: &it.volume_id,
                status: "attached",
                attach_time: it.attached_at,
                delete_on_termination: it.delete_on_termination,
            },
        }
    }
}

impl Instance {
    fn reason(&self) -> String {
        let asked_at = self.state_reason.as_ref().and_then(|it| it.asked_at);
        asked_at.map_or_else(String::new, |at| {
            format!("User initiated ({})", at.strftime("%Y-%m-%d %H:%M:%S GMT"))
        })
    }

    fn lifecycle(&self) -> Option<&'static str> {
        matches!(self.purchase, Purchase::Spot { .. }).then_some("spot")
    }

    fn spot_request(&self) -> Option<&str> {
        match &self.purchase {
            Purchase::Spot { request_id, .. } => Some(request_id),
            Purchase::OnDemand => None,
        }
    }

    fn platform_details(&self) -> &'static str {
        match self.platform {
            Platform::Linux => "Linux/UNIX",
            Platform::Windows => "Windows",
        }
    }
}

impl<'s> Shown<'s> {
    /// An instance that is terminated has no network and no volumes any longer.
    pub(super) fn of(it: &'s Instance) -> Shown<'s> {
        let networked = it.power != Power::Terminated;
        let dns = |ip: Ipv4Addr| ip.to_string().replace('.', "-");
        let reason = |it: &'s StateReason| ShownReason { code: &it.code, message: &it.message };
        let public_ip = it.public_ip();
        Shown {
            instance: it,
            instance_id: &it.id,
            image_id: &it.image_id,
            instance_state: ShownPower::of(it),
            private_dns_name: match networked {
                true => format!("ip-{}.ec2.internal", dns(it.private_ip())),
                false => String::new(),
            },
            dns_name: public_ip
                .map(|ip| format!("ec2-{}.compute.amazonaws.com", dns(ip)))
                .unwrap_or_default(),
            reason: it.reason(),
            ami_launch_index: it.launch_index,
            product_codes: [],
            instance_type: it.kind.name,
            launch_time: it.launched_at,
            placement: Placement {
                availability_zone: &it.zone,
                group_name: "",
                tenancy: "default",
            },
            platform: (it.platform == Platform::Windows).then_some("windows"),
            monitoring: Monitoring { state: "disabled" },
            subnet_id: networked.then_some(&*it.subnet_id),
            vpc_id: networked.then_some(&*it.vpc_id),
            private_ip_address: networked.then(|| it.private_ip()),
            ip_address: public_ip,
            state_reason: it.state_reason.as_ref().map(reason),
            architecture: it.kind.family.architecture.as_str(),
            root_device_type: it.root.as_str(),
            root_device_name: &it.root_device,
            block_device_mapping: it.devices.iter().map(ShownDevice::of).collect(),
            virtualization_type: "hvm",
            instance_lifecycle: it.lifecycle(),
            spot_instance_request_id: it.spot_request(),
            client_token: it.client_token.as_deref().unwrap_or_default(),
            tag_set: TagSet(&it.tags),
            hypervisor: "xen",
            ebs_optimized: false,
            ena_support: it.ena,
            source_dest_check: true,
            hibernation_options: HibernationOptions { configured: it.can_hibernate },
            platform_details: it.platform_details(),
            usage_operation: match it.platform {
                Platform::Linux => "RunInstances",
                Platform::Windows => "RunInstances:0002",
            },
            operator: ShownOperator {
                managed: it.operator.is_some(),
                principal: it.operator.as_ref().map(|it| &*it.principal),
                hidden_by_default: it.operator.as_ref().map(|it| it.hidden),
            },
        }
    }
}

fn flag(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

impl Filtered for Instance {
    const FILTERS: &'static [&'static str] = &[
        "architecture",
        "availability-zone",
        "block-device-mapping.attach-time",
        "block-device-mapping.delete-on-termination",
        "block-device-mapping.device-name",
        "block-device-mapping.status",
        "block-device-mapping.volume-id",
        "client-token",
        "dns-name",
        "ena-support",
        "hibernation-options.configured",
        "hypervisor",
        "image-id",
        "instance-id",
        "instance-lifecycle",
        "instance-state-code",
        "instance-state-name",
        "instance-type",
        "ip-address",
        "launch-index",
        "launch-time",
        "operator.managed",
        "operator.principal",
        "platform",
        "platform-details",
        "private-ip-address",
        "reason",
        "reservation-id",
        "root-device-name",
        "root-device-type",
        "spot-instance-request-id",
        "state-reason-code",
        "state-reason-message",
        "subnet-id",
        "tenancy",
        "virtualization-type",
        "vpc-id",
    ];

    fn any(&self, name: &str, test: &dyn Fn(&str) -> bool) -> bool {
        let devices = |test: &dyn Fn(&Device) -> bool| self.devices.iter().any(test);
        let networked = self.power != Power::Terminated;
        let reason = self.state_reason.as_ref();
        match name {
            "architecture" => test(self.kind.family.architecture.as_str()),
            "availability-zone" => test(&self.zone),
            "block-device-mapping.attach-time" => {
                devices(&|it| test(&format!("{:.3}", it.attached_at)))
            }
            "block-device-mapping.delete-on-termination" => {
                devices(&|it| test(flag(it.delete_on_termination)))
            }
            "block-device-mapping.device-name" => devices(&|it| test(&it.name)),
            "block-device-mapping.status" => devices(&|_| test("attached")),
            "block-device-mapping.volume-id" => devices(&|it| test(&it.volume_id)),
            "client-token" => self.client_token.as_deref().is_some_and(test),
            "ena-support" => test(flag(self.ena)),
            "hibernation-options.configured" => test(flag(self.can_hibernate)),
            "hypervisor" => test("xen"),
            "image-id" => test(&self.image_id),
            "instance-id" => test(&self.id),
            "instance-lifecycle" => self.lifecycle().is_some_and(test),
            // The valid values are those of the low byte.
            "instance-state-code" => test(&self.power.code().to_string()),
            "instance-state-name" => test(self.power.as_str()),
            "instance-type" => test(self.kind.name),
            "ip-address" => self.public_ip().is_some_and(|it| test(&it.to_string())),
            "launch-index" => test(&self.launch_index.to_string()),
            "launch-time" => test(&format!("{:.3}", self.launched_at)),
            "operator.managed" => test(flag(self.operator.is_some())),
            "operator.principal" => self.operator.as_ref().is_some_and(|it| test(&it.principal)),
            "platform" => self.platform == Platform::Windows && test("windows"),
            "platform-details" => test(self.platform_details()),
            "private-ip-address" => networked && test(&self.private_ip().to_string()),
            "reason" => test(&self.reason()),
            "reservation-id" => test(&self.reservation_id),
            "root-device-name" => test(&self.root_device),
            "root-device-type" => test(self.root.as_str()),
            "spot-instance-request-id" => self.spot_request().is_some_and(test),
            "state-reason-code" => reason.is_some_and(|it| test(&it.code)),
            "state-reason-message" => reason.is_some_and(|it| test(&it.message)),
            "subnet-id" => networked && test(&self.subnet_id),
            "tenancy" => test("default"),
            "virtualization-type" => test("hvm"),
            "vpc-id" => networked && test(&self.vpc_id),
            _ => false,
        }
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }
}

impl Operation for DescribeInstances {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "DescribeInstances",
        access: Access::Reads,
        bucket: bucket::READS,
    };

    type Answer<'s> = Reservations<'s>;

    fn needs(&self, _: &Cx<'_>) -> Vec<Need> {
        vec![Need::anywhere("ec2:DescribeInstances")]
    }

    fn bucket(&self) -> Bucket {
        let all =
            self.filter.is_empty() && self.instance_id.is_empty() && self.max_results.is_none();
        if all { bucket::READS_ALL } else { bucket::READS }
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<Reservations<'s>, Refusal> {
        let cx = &*cx;
        ids::check(cx, "i", "InvalidInstanceID.Malformed", &self.instance_id)?;
        let question = Question {
            operation: Self::SPEC.name,
            filters: &self.filter,
            ids: &self.instance_id,
            not_found: "InvalidInstanceID.NotFound",
            max_results: self.max_results,
            next_token: self.next_token.as_deref(),
        };
        let managed = self.include_managed_resources;
        let shows = |_, it| is_shown(it, managed).then(|| Shown::of(it));
        let (instances, next_token) =
            listing::answer(cx, &question, &cx.here().ec2.instances, shows)?;
        let owner = cx.place.account.as_str();
        Ok(Reservations { reservation_set: reservations(owner, instances), next_token })
    }
}

/// Whether a describe shows an instance, given whether it asks for managed resources.
pub(super) fn is_shown(it: &Instance, managed: bool) -> bool {
    managed || it.operator.as_ref().is_none_or(|it| !it.hidden)
}

/// Instances by their launches, in the order in which the first of each came.
fn reservations<'s>(owner: &'s str, instances: Vec<Shown<'s>>) -> Vec<Reservation<'s>> {
    let mut sets: Vec<Reservation<'s>> = Vec::new();
    let mut places = BTreeMap::new();
    for it in instances {
        let id = &*it.instance.reservation_id;
        let place = *places.entry(id).or_insert_with(|| {
            sets.push(Reservation::empty(id, owner));
            sets.len() - 1
        });
        sets[place].instances_set.push(it);
    }
    sets
}
