use lamplighter_core::Tags;

use super::*;

fn instance() -> Instance {
    Instance {
        id: "i-a".to_owned(),
        state: "stopped".to_owned(),
        state_reason: None,
        instance_type: "m5.large".to_owned(),
        platform: "linux".to_owned(),
        architecture: "x86_64".to_owned(),
        virtualization: "hvm".to_owned(),
        lifecycle: "on-demand".to_owned(),
        availability_zone: "eu-west-1a".to_owned(),
        tenancy: "default".to_owned(),
        launched_at: jiff::Timestamp::UNIX_EPOCH,
        stopped_at: None,
        image_id: "ami-1".to_owned(),
        root_device_type: "ebs".to_owned(),
        root_device: None,
        root_volume: None,
        volumes: Vec::new(),
        network_interfaces: 1,
        vpc_id: None,
        subnet_id: None,
        private_ip: None,
        public_ip: None,
        instance_profile: None,
        ena: true,
        boot_mode: Some("uefi".to_owned()),
        hibernation: false,
        auto_scaling_group: None,
        managed_by: None,
        tags: Tags::new(),
    }
}

fn m6i() -> InstanceType {
    let words = |it: &[&str]| it.iter().map(|it| (*it).to_owned()).collect();
    InstanceType {
        name: "m6i.large".to_owned(),
        architectures: words(&["x86_64"]),
        virtualizations: words(&["hvm"]),
        boot_modes: words(&["legacy-bios", "uefi"]),
        requires_ena: true,
        requires_nvme: true,
        hibernation: false,
        instance_store: false,
        network_interfaces: 3,
        volumes: Some(27),
        shares_volumes: true,
    }
}

#[track_caller]
fn check(
    instance_is: impl Fn(&mut Instance),
    type_is: impl Fn(&mut InstanceType),
    expected: Result<(), &str>,
) {
    let (mut it, mut new) = (instance(), m6i());
    instance_is(&mut it);
    type_is(&mut new);
    assert_eq!(fits(&it, "m6i.large", &[new]), expected.map_err(str::to_owned));
}

#[test]
fn an_instance_fits_where_nothing_speaks_against_it() {
    let same = |_: &mut InstanceType| {};
    check(|_| {}, same, Ok(()));
    let arm = |it: &mut Instance| it.architecture = "arm64".to_owned();
    check(arm, same, Err("it is made for `arm64`, and not for x86_64"));
    let paravirtual = |it: &mut Instance| it.virtualization = "paravirtual".to_owned();
    check(paravirtual, same, Err("its virtualization is `paravirtual`"));
    let bios_only = |it: &mut InstanceType| it.boot_modes = vec!["legacy-bios".to_owned()];
    check(|_| {}, bios_only, Err("it boots as `uefi`"));
    check(|it| it.boot_mode = None, bios_only, Ok(()));
    check(|_| {}, |it| it.boot_modes.clear(), Ok(()));
    let no_ena = |it: &mut Instance| it.ena = false;
    check(no_ena, same, Err("it has no driver for Elastic Network Adapters (ENA)"));
    check(no_ena, |it| it.requires_ena = false, Ok(()));
    let sleeper = |it: &mut Instance| it.hibernation = true;
    check(sleeper, same, Err("it can hibernate, and that type cannot"));
    check(sleeper, |it| it.hibernation = true, Ok(()));
    let message = "it has 4 network interfaces, and that type at most 3";
    check(|it| it.network_interfaces = 4, same, Err(message));
    check(|it| it.network_interfaces = 3, same, Ok(()));
    let unknown = fits(&instance(), "m6i.xlarge", &[m6i()]);
    assert_eq!(unknown, Err("there is no such type in the region".to_owned()));
}

#[test]
fn volumes_share_their_places_with_interfaces_or_do_not() {
    let has = |volumes: usize, interfaces: u32| {
        move |it: &mut Instance| {
            it.volumes = vec![String::new(); volumes];
            it.network_interfaces = interfaces;
        }
    };
    let own = |it: &mut InstanceType| it.shares_volumes = false;
    let full = |volumes: u32| {
        format!("it has {volumes} volumes, and that type has room for 27 attachments")
    };
    check(has(27, 1), |_| {}, Ok(()));
    check(has(28, 1), |_| {}, Err(&full(28)));
    check(has(26, 2), |_| {}, Ok(()));
    check(has(27, 2), |_| {}, Err(&full(27)));
    check(has(27, 3), own, Ok(()));
    check(has(99, 1), |it| it.volumes = None, Ok(()));
}
