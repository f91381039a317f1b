//! Tests of launches.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Shortage, StateReason,
    launch_devices::{BlockDevice, Ebs},
    run::{Hibernation, Placement, RunInstances},
    start::StartInstances,
    types::Architecture,
};
use crate::{
    bed::Bed,
    ec2::{
        images::{Image, Mapping, Permission, State},
        tags::{Tag, TagSpecification},
    },
};

fn image(bed: &Bed) -> Image {
    let mapping = Mapping {
        device: "/dev/xvda".into(),
        snapshot_id: "snap-7".into(),
        size_gib: 8,
        kind: "gp3".into(),
        iops: Some(3000),
        throughput: Some(125),
        encrypted: false,
        delete_on_termination: true,
    };
    let owner = bed.place.account.clone();
    let at = Timestamp::UNIX_EPOCH;
    let image = Image::available(owner, "ami-1", "golden", Architecture::X86, at);
    Image { mappings: vec![mapping], ..image }
}

fn with(change: impl FnOnce(&mut Image)) -> Bed {
    let bed = Bed::new();
    let mut image = image(&bed);
    change(&mut image);
    bed.here(|it| it.ec2.images.fill([("ami-1".into(), image)]));
    bed
}

fn run() -> RunInstances {
    RunInstances {
        image_id: "ami-1".to_owned(),
        instance_type: "m5.large".to_owned(),
        min_count: 1,
        max_count: 1,
        ..RunInstances::default()
    }
}

fn ids(answer: &Value) -> Vec<&str> {
    let instances = answer["instancesSet"].as_array().unwrap();
    instances.iter().map(|it| it["instanceId"].as_str().unwrap()).collect()
}

#[track_caller]
fn check(change: impl FnOnce(&mut Image), request: RunInstances, expected: Result<usize, &str>) {
    let bed = with(change);
    let launched = bed.ask(request).map(|it| ids(&it).len());
    assert_eq!(launched, expected);
    let there = bed.here(|it| (it.ec2.instances.iter().count(), it.ec2.volumes.iter().count()));
    assert_eq!(there, (expected.unwrap_or(0), expected.unwrap_or(0)));
}

#[test]
fn an_instance_is_launched_with_the_volumes_of_its_image() {
    let bed = with(|_| ());
    let tags = |kind: &str| TagSpecification {
        resource_type: kind.to_owned(),
        tag: vec![Tag { key: "of".to_owned(), value: Some(kind.to_owned()) }],
    };
    let more = BlockDevice {
        device_name: "/dev/sdf".to_owned(),
        ebs: Some(Ebs { volume_size: Some(100), encrypted: Some(true), ..Ebs::default() }),
        no_device: None,
    };
    let request = RunInstances {
        max_count: 2,
        tag_specification: vec![tags("instance"), tags("volume")],
        block_device_mapping: vec![more],
        placement: Placement { availability_zone: Some("eu-west-1b".to_owned()) },
        ..run()
    };
    let launched = bed.ask(request).unwrap();
    let first = &launched["instancesSet"][0];
    assert_eq!(first["instanceState"], json!({ "code": 0, "name": "pending" }));
    assert_eq!(first["placement"]["availabilityZone"], "eu-west-1b");
    assert_eq!(first["tagSet"], json!([{ "key": "of", "value": "instance" }]));
    assert_eq!(launched["instancesSet"][1]["amiLaunchIndex"], 1);
    let volumes = bed.here(|it| {
        let volumes = it.ec2.volumes.iter();
        let shown = volumes.map(|(_, it)| {
            let device = it.attachments[0].device.to_string();
            (device, it.size_gib, it.kind.to_string(), it.iops, it.encrypted, it.tags["of"].clone())
        });
        shown.collect::<Vec<_>>()
    });
    let root =
        ("/dev/xvda".to_owned(), 8, "gp3".to_owned(), Some(3000), false, "volume".to_owned());
    let data = ("/dev/sdf".to_owned(), 100, "gp2".to_owned(), Some(300), true, "volume".to_owned());
    assert_eq!(volumes.len(), 4);
    assert_eq!(volumes.iter().filter(|it| **it == root).count(), 2);
    assert_eq!(volumes.iter().filter(|it| **it == data).count(), 2);
    bed.pass(20);
    let told: Vec<_> = bed.events().iter().map(|it| it.detail["state"].clone()).collect();
    assert_eq!(told, ["pending", "pending", "running", "running"]);
}

#[test]
fn what_cannot_be_launched_is_not() {
    let no = |_: &mut Image| ();
    check(no, run(), Ok(1));
    check(no, RunInstances { max_count: 3, ..run() }, Ok(3));
    check(no, RunInstances { min_count: 0, ..run() }, Err("InvalidParameterValue"));
    check(no, RunInstances { min_count: 2, ..run() }, Err("InvalidParameterValue"));
    let of = |name: &str| RunInstances { instance_type: name.to_owned(), ..run() };
    check(no, of("m5.huge"), Err("InvalidParameterValue"));
    check(no, of("m6g.large"), Err("InvalidParameterValue"));
    check(|it| it.ena = false, run(), Err("InvalidParameterCombination"));
    check(|it| it.ena = false, of("t2.large"), Ok(1));
    let image = |id: &str| RunInstances { image_id: id.to_owned(), ..run() };
    check(no, image("ami-2"), Err("InvalidAMIID.NotFound"));
    check(no, image("ami"), Err("InvalidAMIID.Malformed"));
    check(|it| it.state = State::Pending, run(), Err("InvalidAMIID.Unavailable"));
    check(|it| it.state = State::Disabled, run(), Err("InvalidAMIID.Unavailable"));
    let zone = |name: &str| Placement { availability_zone: Some(name.to_owned()) };
    let elsewhere = RunInstances { placement: zone("us-east-1a"), ..run() };
    check(no, elsewhere, Err("InvalidParameterValue"));
    let tags = TagSpecification { resource_type: "image".to_owned(), tag: Vec::new() };
    let tagged = RunInstances { tag_specification: vec![tags], ..run() };
    check(no, tagged, Err("InvalidParameterValue"));
    let hibernating = |name: &str| RunInstances {
        hibernation_options: Hibernation { configured: true },
        ..of(name)
    };
    let encrypted = |gib| {
        move |it: &mut Image| {
            (it.mappings[0].encrypted, it.mappings[0].size_gib) = (true, gib);
        }
    };
    let code = "UnsupportedHibernationConfiguration";
    check(no, hibernating("m5.large"), Err(code));
    check(encrypted(8), hibernating("m5.large"), Err(code));
    check(|it| it.mappings[0].size_gib = 9, hibernating("m5.large"), Err(code));
    check(encrypted(9), hibernating("m5.large"), Ok(1));
    check(encrypted(200), hibernating("m5.12xlarge"), Err(code));
}

#[test]
fn devices_differ_from_the_image_as_far_as_they_can() {
    let device = |name: &str, ebs: Option<Ebs>| BlockDevice {
        device_name: name.to_owned(),
        no_device: ebs.is_none().then(String::new),
        ebs,
    };
    let run =
        |devices: &[BlockDevice]| RunInstances { block_device_mapping: devices.to_vec(), ..run() };
    let ebs = Ebs::default;
    let root = |ebs| run(&[device("/dev/xvda", Some(ebs))]);
    let code = Err("InvalidBlockDeviceMapping");
    let no = |_: &mut Image| ();
    check(no, root(Ebs { volume_size: Some(20), ..ebs() }), Ok(1));
    check(no, root(Ebs { volume_size: Some(7), ..ebs() }), code);
    let plain = root(Ebs { encrypted: Some(false), ..ebs() });
    check(|it| it.mappings[0].encrypted = true, plain, Err("InvalidParameterCombination"));
    let keyed = Ebs { kms_key_id: Some("alias/a".to_owned()), ..ebs() };
    check(no, root(keyed), Err("InvalidParameterDependency"));
    let kind = |name: &str, iops| Ebs { volume_type: Some(name.to_owned()), iops, ..ebs() };
    check(no, root(kind("io2", None)), Err("MissingParameter"));
    check(no, root(kind("io2", Some(1000))), Ok(1));
    check(no, root(kind("gp2", Some(1000))), Err("InvalidParameterCombination"));
    check(no, root(kind("gp9", None)), Err("InvalidParameterValue"));
    check(no, run(&[device("/dev/xvda", None)]), code);
    check(no, run(&[device("/dev/sdf", None)]), code);
    check(no, run(&[device("/dev/sdf", Some(ebs()))]), code);
    let twice = [device("/dev/xvda", Some(ebs())), device("/dev/xvda", Some(ebs()))];
    check(no, run(&twice), code);
}

#[test]
fn a_launch_with_the_same_token_is_done_once() {
    let bed = with(|_| ());
    let run =
        |max_count| RunInstances { client_token: Some("token".to_owned()), max_count, ..run() };
    let first = bed.ask(run(1)).unwrap();
    bed.pass(60);
    let second = bed.ask(run(1)).unwrap();
    assert_eq!(ids(&first), ids(&second));
    assert_eq!(first["reservationId"], second["reservationId"]);
    assert_eq!(bed.ask(run(2)), Err("IdempotentParameterMismatch"));
    assert_eq!(bed.here(|it| it.ec2.instances.iter().count()), 1);
}

#[test]
fn as_many_are_launched_as_the_quota_has_room_for() {
    let bed = with(|_| ());
    bed.here(|it| it.ec2.market.vcpu_limit = Some(7));
    let run = |min_count, max_count| RunInstances { min_count, max_count, ..run() };
    assert_eq!(bed.ask(run(4, 5)), Err("VcpuLimitExceeded"));
    assert_eq!(bed.ask(run(1, 5)).map(|it| ids(&it).len()), Ok(3));
    assert_eq!(bed.ask(run(1, 1)), Err("VcpuLimitExceeded"));
}

#[test]
fn an_instance_that_never_ran_is_terminated_when_it_cannot_start() {
    let bed = with(|_| ());
    bed.here(|it| {
        let shortages = &mut it.ec2.market.shortages;
        shortages.insert(("m5.large".into(), "eu-west-1a".into()), Shortage::FailsLater);
    });
    let launched = bed.ask(run()).unwrap();
    let id = ids(&launched)[0];
    bed.pass(20);
    let now = bed.here(|it| it.ec2.instances.get(id).unwrap().clone());
    let reason = StateReason::happened(
        "Server.InsufficientInstanceCapacity",
        "Insufficient capacity to satisfy instance request",
    );
    assert_eq!((now.power.as_str(), now.state_reason), ("terminated", Some(reason)));
    assert_eq!(bed.here(|it| it.ec2.volumes.iter().count()), 0);
    let start = StartInstances { instance_id: vec![id.to_owned()] };
    assert_eq!(bed.ask(start), Err("IncorrectInstanceState"));
}

#[test]
fn an_image_of_another_account_is_launched_when_it_is_shared() {
    let bed = with(|_| ());
    let other = bed.at("222233334444", "eu-west-1");
    assert_eq!(other.ask(run()), Err("AuthFailure"));
    let account = other.place.account.clone();
    let now = bed.now();
    bed.here(|it| {
        it.ec2.images.change("ami-1", now, |it| {
            it.permissions.insert(Permission::Account(account));
        })
    });
    assert_eq!(other.ask(run()).map(|it| ids(&it).len()), Ok(1));
    let elsewhere = other.at("222233334444", "us-east-1");
    assert_eq!(elsewhere.ask(run()), Err("InvalidAMIID.NotFound"));
}
