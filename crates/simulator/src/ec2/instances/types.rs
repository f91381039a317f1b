//! The instance types that there are: a few of each common family, with what decides whether an
//! instance can become one.
//!
//! Source: EC2 instance types guide, specifications of each family, and "Current generation
//! instances"; EC2 User Guide, "Amazon EBS volume limits for Amazon EC2 instances", "Prerequisites
//! for EC2 instance hibernation" and "Amazon EC2 Dedicated Hosts".

/// What the sizes of a family have in common.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Family {
    pub(crate) architecture: Architecture,
    pub(crate) hypervisor: Hypervisor,
    /// Whether the operating system needs a driver for Elastic Network Adapters.
    pub(crate) ena: Ena,
    pub(crate) hibernation: bool,
    pub(crate) burstable: bool,
    pub(crate) current: bool,
    pub(crate) manufacturer: &'static str,
    /// What can be attached beside the first network interface.
    pub(crate) attachments: usize,
    /// Whether local disks and accelerators take places of EBS volumes.
    pub(crate) shares_attachments: bool,
    /// Accelerators, such as graphics processors, of each.
    pub(crate) accelerators: usize,
    /// Whether there is bandwidth for EBS alone, always.
    pub(crate) ebs_optimized: bool,
    /// Whether hosts of it can be had for oneself.
    pub(crate) dedicated_hosts: bool,
    pub(crate) threads_per_core: u32,
}

/// An instance type.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InstanceType {
    /// Such as `m5.large`.
    pub(crate) name: &'static str,
    pub(crate) family: &'static Family,
    pub(crate) vcpus: u32,
    pub(crate) memory_mib: u32,
    pub(crate) interfaces: u32,
    pub(crate) addresses_per_interface: u32,
    /// Local disks: how many, and how large each is. 0: none.
    pub(crate) disks: (u32, u32),
}

/// What programs a processor runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Architecture {
    X86,
    Arm,
}

/// What an instance runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hypervisor {
    Nitro,
    Xen,
}

/// Whether a type works with Elastic Network Adapters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ena {
    Unsupported,
    Supported,
    Required,
}

impl Architecture {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Architecture::X86 => "x86_64",
            Architecture::Arm => "arm64",
        }
    }
}

impl Hypervisor {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Hypervisor::Nitro => "nitro",
            Hypervisor::Xen => "xen",
        }
    }
}

impl Ena {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Ena::Unsupported => "unsupported",
            Ena::Supported => "supported",
            Ena::Required => "required",
        }
    }
}

impl InstanceType {
    /// How many EBS volumes can be attached.
    pub(crate) fn most_volumes(&self) -> usize {
        let Family { attachments, shares_attachments, accelerators, .. } = *self.family;
        match shares_attachments {
            true => attachments - self.disks.0 as usize - accelerators,
            false => attachments,
        }
    }

    /// Whether it can hibernate.
    pub(crate) fn hibernates(&self) -> bool {
        /// Of those that run Linux, the least memory that is too much.
        const TOO_MUCH_MEMORY_MIB: u32 = 150 * 1024;
        self.family.hibernation && self.memory_mib < TOO_MUCH_MEMORY_MIB
    }

    /// What programs it runs, as AWS names them.
    pub(crate) fn architectures(&self) -> &'static [&'static str] {
        match (self.family.architecture, self.name) {
            (Architecture::X86, "t2.micro" | "t2.small" | "t2.medium") => &["i386", "x86_64"],
            (Architecture::X86, _) => &["x86_64"],
            (Architecture::Arm, _) => &["arm64"],
        }
    }

    /// Whether an account may have it without cost at first.
    /// Source: EC2 User Guide, "Explore Amazon EC2 with the AWS Free Tier", for accounts since
    /// July 2025.
    pub(crate) fn is_free(&self) -> bool {
        matches!(self.name, "t3.micro" | "t3.small" | "t4g.micro" | "t4g.small")
    }
}

/// The type of this name.
pub(crate) fn find(name: &str) -> Option<&'static InstanceType> {
    TYPES.iter().find(|it| it.name == name)
}

const NITRO: Family = Family {
    architecture: Architecture::X86,
    hypervisor: Hypervisor::Nitro,
    ena: Ena::Required,
    hibernation: true,
    burstable: false,
    current: true,
    manufacturer: "Intel",
    attachments: 27,
    shares_attachments: true,
    accelerators: 0,
    ebs_optimized: true,
    dedicated_hosts: true,
    threads_per_core: 2,
};
const XEN: Family =
    Family { hypervisor: Hypervisor::Xen, ena: Ena::Unsupported, attachments: 40, ..NITRO };
const GRAVITON: Family =
    Family { architecture: Architecture::Arm, manufacturer: "AWS", threads_per_core: 1, ..NITRO };

static T2: Family = Family {
    burstable: true,
    threads_per_core: 1,
    ebs_optimized: false,
    dedicated_hosts: false,
    ..XEN
};
static M4: Family = Family { current: false, ..XEN };
static I3: Family = Family { ena: Ena::Supported, ..XEN };
static T3: Family = Family { burstable: true, ..NITRO };
static T3A: Family =
    Family { burstable: true, manufacturer: "AMD", dedicated_hosts: false, ..NITRO };
static T4G: Family = Family { burstable: true, dedicated_hosts: false, ..GRAVITON };
static G4DN: Family =
    Family { hibernation: false, accelerators: 1, dedicated_hosts: false, ..NITRO };
static R6I: Family = Family { hibernation: false, ..NITRO };
static INTEL: Family = NITRO;
static INTEL_7: Family = Family { attachments: 32, shares_attachments: false, ..NITRO };
static ARM: Family = GRAVITON;

const fn row(
    name: &'static str,
    family: &'static Family,
    (vcpus, gib): (u32, u32),
    (interfaces, addresses_per_interface): (u32, u32),
    disks: (u32, u32),
) -> InstanceType {
    let memory_mib = gib * 1024;
    InstanceType { name, family, vcpus, memory_mib, interfaces, addresses_per_interface, disks }
}

const NO_DISKS: (u32, u32) = (0, 0);

/// Name, family, vCPUs and GiB, network interfaces and addresses on each, local disks and GB.
pub(crate) static TYPES: &[InstanceType] = &[
    row("t2.micro", &T2, (1, 1), (2, 2), NO_DISKS),
    row("t2.small", &T2, (1, 2), (3, 4), NO_DISKS),
    row("t2.medium", &T2, (2, 4), (3, 6), NO_DISKS),
    row("t2.large", &T2, (2, 8), (3, 12), NO_DISKS),
    row("t3.micro", &T3, (2, 1), (2, 2), NO_DISKS),
    row("t3.small", &T3, (2, 2), (3, 4), NO_DISKS),
    row("t3.medium", &T3, (2, 4), (3, 6), NO_DISKS),
    row("t3.large", &T3, (2, 8), (3, 12), NO_DISKS),
    row("t3.xlarge", &T3, (4, 16), (4, 15), NO_DISKS),
    row("t3.2xlarge", &T3, (8, 32), (4, 15), NO_DISKS),
    row("t3a.micro", &T3A, (2, 1), (2, 2), NO_DISKS),
    row("t3a.medium", &T3A, (2, 4), (3, 6), NO_DISKS),
    row("t3a.large", &T3A, (2, 8), (3, 12), NO_DISKS),
    row("t4g.micro", &T4G, (2, 1), (2, 2), NO_DISKS),
    row("t4g.small", &T4G, (2, 2), (3, 4), NO_DISKS),
    row("t4g.medium", &T4G, (2, 4), (3, 6), NO_DISKS),
    row("t4g.large", &T4G, (2, 8), (3, 12), NO_DISKS),
    row("m4.large", &M4, (2, 8), (2, 10), NO_DISKS),
    row("m4.xlarge", &M4, (4, 16), (4, 15), NO_DISKS),
    row("m5.large", &INTEL, (2, 8), (3, 10), NO_DISKS),
    row("m5.xlarge", &INTEL, (4, 16), (4, 15), NO_DISKS),
    row("m5.2xlarge", &INTEL, (8, 32), (4, 15), NO_DISKS),
    row("m5.4xlarge", &INTEL, (16, 64), (8, 30), NO_DISKS),
    row("m5.12xlarge", &INTEL, (48, 192), (8, 30), NO_DISKS),
    row("m5d.large", &INTEL, (2, 8), (3, 10), (1, 75)),
    row("m6i.large", &INTEL, (2, 8), (3, 10), NO_DISKS),
    row("m6i.xlarge", &INTEL, (4, 16), (4, 15), NO_DISKS),
    row("m6i.2xlarge", &INTEL, (8, 32), (4, 15), NO_DISKS),
    row("m6g.large", &ARM, (2, 8), (3, 10), NO_DISKS),
    row("m6g.xlarge", &ARM, (4, 16), (4, 15), NO_DISKS),
    row("m7g.large", &ARM, (2, 8), (3, 10), NO_DISKS),
    row("m7g.xlarge", &ARM, (4, 16), (4, 15), NO_DISKS),
    row("m7i.large", &INTEL_7, (2, 8), (3, 10), NO_DISKS),
    row("m7i.xlarge", &INTEL_7, (4, 16), (4, 15), NO_DISKS),
    row("c5.large", &INTEL, (2, 4), (3, 10), NO_DISKS),
    row("c5.xlarge", &INTEL, (4, 8), (4, 15), NO_DISKS),
    row("c5.2xlarge", &INTEL, (8, 16), (4, 15), NO_DISKS),
    row("c6g.large", &ARM, (2, 4), (3, 10), NO_DISKS),
    row("c6i.large", &INTEL, (2, 4), (3, 10), NO_DISKS),
    row("c6i.xlarge", &INTEL, (4, 8), (4, 15), NO_DISKS),
    row("r5.large", &INTEL, (2, 16), (3, 10), NO_DISKS),
    row("r5.xlarge", &INTEL, (4, 32), (4, 15), NO_DISKS),
    row("r6g.large", &ARM, (2, 16), (3, 10), NO_DISKS),
    row("r6i.large", &R6I, (2, 16), (3, 10), NO_DISKS),
    row("r6i.xlarge", &R6I, (4, 32), (4, 15), NO_DISKS),
    InstanceType { memory_mib: 15_616, ..row("i3.large", &I3, (2, 15), (3, 10), (1, 475)) },
    row("g4dn.xlarge", &G4DN, (4, 16), (3, 10), (1, 125)),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_type_is_there_once_and_named_as_aws_does() {
        let names: BTreeSet<_> = TYPES.iter().map(|it| it.name).collect();
        assert_eq!(names.len(), TYPES.len());
        for it in TYPES {
            assert_eq!(find(it.name), Some(it));
            let (family, _) = it.name.split_once('.').unwrap();
            let graviton = family.ends_with('g');
            assert_eq!(graviton, it.family.architecture == Architecture::Arm, "{}", it.name);
            assert_eq!(family.starts_with('t'), it.family.burstable, "{}", it.name);
        }
    }

    #[track_caller]
    fn check_volumes(name: &str, most: usize) {
        assert_eq!(find(name).unwrap().most_volumes(), most, "{name}");
    }

    #[test]
    fn disks_and_accelerators_take_places_of_volumes_where_the_limit_is_shared() {
        check_volumes("m5.large", 27);
        check_volumes("m5d.large", 26);
        check_volumes("g4dn.xlarge", 25);
        check_volumes("t2.micro", 40);
        check_volumes("i3.large", 39);
        check_volumes("m7i.large", 32);
    }

    #[test]
    fn some_families_hibernate_and_only_with_less_than_150_gib() {
        let not: Vec<_> = TYPES.iter().filter(|it| !it.hibernates()).map(|it| it.name).collect();
        assert_eq!(not, ["m5.12xlarge", "r6i.large", "r6i.xlarge", "g4dn.xlarge"]);
    }
}
