//! Public images that AWS offers in every region, for accounts that have none of their own.

use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash, Hasher},
};

use jiff::Timestamp;
use lamplighter_core::{AccountId, Region};

use super::image::{Image, Mapping, Permission};
use crate::ec2::instances::{Platform, types::Architecture};

/// The account that owns them.
const AMAZON: &str = "137112412989";

/// The public images in a region: the same ids whenever they are asked for.
pub(super) fn in_region(region: &Region) -> Vec<Image> {
    let x86 = ("al2023-ami-2023.6-kernel-6.1-x86_64", Architecture::X86, Platform::Linux);
    let arm = ("al2023-ami-2023.6-kernel-6.1-arm64", Architecture::Arm, Platform::Linux);
    let windows = ("Windows_Server-2022-English-Full-Base", Architecture::X86, Platform::Windows);
    [x86, arm, windows].map(|it| image(region, it)).into()
}

fn image(region: &Region, (name, architecture, platform): (&str, Architecture, Platform)) -> Image {
    let (device, size_gib) = match platform {
        Platform::Linux => ("/dev/xvda", 8),
        Platform::Windows => ("/dev/sda1", 30),
    };
    let mapping = Mapping {
        device: device.into(),
        snapshot_id: id("snap", region, name),
        size_gib,
        kind: "gp3".into(),
        iops: Some(3000),
        throughput: Some(125),
        encrypted: false,
        delete_on_termination: true,
    };
    let owner: AccountId = AMAZON.parse().expect("it has twelve digits");
    let image = Image::available(
        owner,
        &id("ami", region, name),
        name,
        architecture,
        Timestamp::constant(1_735_689_600, 0),
    );
    Image {
        owner_alias: Some("amazon"),
        platform,
        root_device: device.into(),
        mappings: vec![mapping],
        permissions: BTreeSet::from([Permission::Everybody]),
        ..image
    }
}

fn id(kind: &str, region: &Region, name: &str) -> Box<str> {
    let mut hasher = DefaultHasher::new();
    (region.to_string(), name).hash(&mut hasher);
    format!("{kind}-0{:016x}", hasher.finish()).into()
}
