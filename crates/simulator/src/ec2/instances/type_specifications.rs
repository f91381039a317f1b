//! `DescribeInstanceTypes`. Source: EC2 API, `DescribeInstanceTypes`.

use lamplighter_core::Tags;
use serde::{Deserialize, Serialize};

use super::types::{self, Architecture, Hypervisor, InstanceType, TYPES};
use crate::{
    ec2::{
        bucket,
        filter::{self, Filter, Filtered},
        listing,
    },
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    pages,
    refusal::Refusal,
};

/// Types on a page, and types that one call may name.
pub(crate) const MOST: usize = 100;

/// `DescribeInstanceTypes`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct DescribeInstanceTypes {
    pub(crate) filter: Vec<Filter>,
    pub(crate) instance_type: Vec<String>,
    pub(crate) max_results: Option<u32>,
    pub(crate) next_token: Option<String>,
}

/// What `DescribeInstanceTypes` answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Types {
    instance_type_set: Vec<Shown>,
    pub(crate) next_token: Option<String>,
}

impl Types {
    /// The types that are shown.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = &'static InstanceType> {
        self.instance_type_set.iter().map(|it| it.kind)
    }
}

/// An instance type in an answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    #[serde(skip)]
    kind: &'static InstanceType,
    instance_type: &'static str,
    current_generation: bool,
    free_tier_eligible: bool,
    supported_usage_classes: [&'static str; 2],
    supported_root_device_types: [&'static str; 1],
    supported_virtualization_types: [&'static str; 1],
    bare_metal: bool,
    hypervisor: &'static str,
    processor_info: Processor,
    v_cpu_info: Vcpus,
    memory_info: Memory,
    instance_storage_supported: bool,
    instance_storage_info: Option<Storage>,
    ebs_info: Ebs,
    network_info: Network,
    hibernation_supported: bool,
    burstable_performance_supported: bool,
    dedicated_hosts_supported: bool,
    auto_recovery_supported: bool,
    supported_boot_modes: &'static [&'static str],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Processor {
    supported_architectures: &'static [&'static str],
    manufacturer: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Vcpus {
    #[serde(rename = "defaultVCpus")]
    default_vcpus: u32,
    default_cores: u32,
    default_threads_per_core: u32,
}

#[derive(Serialize)]
struct Memory {
    #[serde(rename = "sizeInMiB")]
    size_in_mib: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Storage {
    #[serde(rename = "totalSizeInGB")]
    total_size_in_gb: u32,
    disks: [Disks; 1],
    nvme_support: &'static str,
}

#[derive(Serialize)]
struct Disks {
    #[serde(rename = "sizeInGB")]
    size_in_gb: u32,
    count: u32,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ebs {
    ebs_optimized_support: &'static str,
    encryption_support: &'static str,
    nvme_support: &'static str,
    maximum_ebs_attachments: usize,
    attachment_limit_type: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Network {
    maximum_network_interfaces: u32,
    maximum_network_cards: u32,
    default_network_card_index: u32,
    ipv4_addresses_per_interface: u32,
    ipv6_addresses_per_interface: u32,
    ipv6_supported: bool,
    ena_support: &'static str,
    efa_supported: bool,
}

impl InstanceType {
    fn nvme(&self) -> &'static str {
        match self.family.hypervisor {
            Hypervisor::Nitro => "required",
            Hypervisor::Xen if self.disks.0 > 0 => "supported",
            Hypervisor::Xen => "unsupported",
        }
    }

    /// Of types on Xen, that of all attachments.
    pub(super) fn attachments(&self) -> usize {
        match self.family.hypervisor {
            Hypervisor::Nitro => self.most_volumes(),
            Hypervisor::Xen => self.family.attachments,
        }
    }

    pub(super) fn boot_modes(&self) -> &'static [&'static str] {
        match (self.family.architecture, self.family.hypervisor) {
            (Architecture::Arm, _) => &["uefi"],
            (Architecture::X86, Hypervisor::Nitro) => &["legacy-bios", "uefi"],
            (Architecture::X86, Hypervisor::Xen) => &["legacy-bios"],
        }
    }
}

impl Shown {
    fn of(it: &'static InstanceType) -> Shown {
        let (count, size_in_gb) = it.disks;
        let storage = || Storage {
            total_size_in_gb: count * size_in_gb,
            disks: [Disks { size_in_gb, count, kind: "ssd" }],
            nvme_support: "required",
        };
        let family = it.family;
        Shown {
            kind: it,
            instance_type: it.name,
            current_generation: family.current,
            free_tier_eligible: it.is_free(),
            supported_usage_classes: ["on-demand", "spot"],
            supported_root_device_types: ["ebs"],
            supported_virtualization_types: ["hvm"],
            bare_metal: false,
            hypervisor: family.hypervisor.as_str(),
            processor_info: Processor {
                supported_architectures: it.architectures(),
                manufacturer: family.manufacturer,
            },
            v_cpu_info: Vcpus {
                default_vcpus: it.vcpus,
                default_cores: it.vcpus.div_ceil(family.threads_per_core),
                default_threads_per_core: family.threads_per_core,
            },
            memory_info: Memory { size_in_mib: it.memory_mib },
            instance_storage_supported: count > 0,
            instance_storage_info: (count > 0).then(storage),
            ebs_info: Ebs {
                ebs_optimized_support: match family.ebs_optimized {
                    true => "default",
                    false => "unsupported",
                },
                encryption_support: "supported",
                nvme_support: it.nvme(),
                maximum_ebs_attachments: it.attachments(),
                attachment_limit_type: match family.shares_attachments {
                    true => "shared",
                    false => "dedicated",
                },
            },
            network_info: Network {
                maximum_network_interfaces: it.interfaces,
                maximum_network_cards: 1,
                default_network_card_index: 0,
                ipv4_addresses_per_interface: it.addresses_per_interface,
                ipv6_addresses_per_interface: it.addresses_per_interface,
                ipv6_supported: true,
                ena_support: family.ena.as_str(),
                efa_supported: false,
            },
            hibernation_supported: it.hibernates(),
            burstable_performance_supported: family.burstable,
            dedicated_hosts_supported: family.dedicated_hosts,
            auto_recovery_supported: it.disks.0 == 0,
            supported_boot_modes: it.boot_modes(),
        }
    }
}

fn flag(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

/// Types have no tags.
static NO_TAGS: Tags = Tags::new();

impl Filtered for InstanceType {
    const FILTERS: &'static [&'static str] = &[
        "bare-metal",
        "burstable-performance-supported",
        "current-generation",
        "ebs-info.maximum-ebs-attachments",
        "free-tier-eligible",
        "hibernation-supported",
        "hypervisor",
        "instance-storage-supported",
        "instance-type",
        "memory-info.size-in-mib",
        "network-info.ena-support",
        "network-info.maximum-network-interfaces",
        "processor-info.supported-architecture",
        "supported-boot-mode",
        "supported-virtualization-type",
        "vcpu-info.default-vcpus",
    ];

    fn any(&self, name: &str, test: &dyn Fn(&str) -> bool) -> bool {
        let family = self.family;
        match name {
            "bare-metal" => test("false"),
            "burstable-performance-supported" => test(flag(family.burstable)),
            "current-generation" => test(flag(family.current)),
            "ebs-info.maximum-ebs-attachments" => test(&self.attachments().to_string()),
            "free-tier-eligible" => test(flag(self.is_free())),
            "hibernation-supported" => test(flag(self.hibernates())),
            "hypervisor" => test(family.hypervisor.as_str()),
            "instance-storage-supported" => test(flag(self.disks.0 > 0)),
            "instance-type" => test(self.name),
            "memory-info.size-in-mib" => test(&self.memory_mib.to_string()),
            "network-info.ena-support" => test(family.ena.as_str()),
            "network-info.maximum-network-interfaces" => test(&self.interfaces.to_string()),
            "processor-info.supported-architecture" => {
                self.architectures().iter().any(|it| test(it))
            }
            "supported-boot-mode" => self.boot_modes().iter().any(|it| test(it)),
            "supported-virtualization-type" => test("hvm"),
            "vcpu-info.default-vcpus" => test(&self.vcpus.to_string()),
            _ => false,
        }
    }

    fn tags(&self) -> &Tags {
        &NO_TAGS
    }
}

impl Operation for DescribeInstanceTypes {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "DescribeInstanceTypes",
        access: Access::Reads,
        bucket: bucket::READS,
    };

    type Answer<'s> = Types;

    fn needs(&self, _: &Cx<'_>) -> Vec<Need> {
        vec![Need::anywhere("ec2:DescribeInstanceTypes")]
    }

    /// Without a page length, pages have the longest.
    fn run(self, cx: &mut Cx<'_>) -> Result<Types, Refusal> {
        filter::check::<InstanceType>(&self.filter)?;
        let shows = |_: &str, it: &&'static InstanceType| {
            filter::admits(&self.filter, *it).then(|| Shown::of(it))
        };
        if !self.instance_type.is_empty() {
            if self.max_results.is_some() {
                let message = "The parameter MaxResults cannot be used with explicit types";
                return Err(Refusal::new("InvalidParameterCombination", message));
            }
            let named = named(&self.instance_type)?;
            let shown = named.iter().filter_map(|it| shows(it.name, it)).collect();
            return Ok(Types { instance_type_set: shown, next_token: None });
        }
        let most = match self.max_results {
            Some(101..) => {
                let message = format!("MaxResults must be 5 to {MOST}");
                return Err(Refusal::new("InvalidParameterValue", message));
            }
            other => listing::page_length(other)?.min(MOST),
        };
        let question = (&self.filter, self.max_results);
        let listing = pages::listing(cx.place, Self::SPEC.name, &question);
        let after = pages::after(listing, self.next_token.as_deref())?;
        let mut all: Vec<(&str, &'static InstanceType)> =
            TYPES.iter().map(|it| (it.name, it)).collect();
        all.sort_by_key(|(name, _)| *name);
        let rest = all.iter().filter(|(name, _)| after.as_deref().is_none_or(|it| *name > it));
        let rest = rest.map(|(name, it)| (*name, it));
        let looks = cx.state.dials.page_size.unwrap_or(usize::MAX);
        let (instance_type_set, next_token) = pages::page(listing, rest, most, looks, shows);
        Ok(Types { instance_type_set, next_token })
    }
}

/// The types of these names; one that there is not fails the call.
fn named(names: &[String]) -> Result<Vec<&'static InstanceType>, Refusal> {
    if names.len() > MOST {
        let message = format!("{} types are more than {MOST}", names.len());
        return Err(Refusal::new("InvalidParameterValue", message));
    }
    let find = |name: &String| {
        types::find(name).ok_or_else(|| {
            let message = format!("The following supplied instance types do not exist: [{name}]");
            Refusal::new("InvalidInstanceType", message)
        })
    };
    names.iter().map(find).collect()
}
