use lamplighter_core::Tags;
use serde_json::{Value, json};

use super::{
    kinds_tests::{at_hub, check_bad, fleet},
    tests::{HUB, built},
};
use crate::{
    cloud::Services,
    ec2::{
        instances::{Device, Instance, Platform, Power, PublicIp, Purchase, types},
        volumes::{Attachment, State, Volume},
    },
};

/// The instance that has this id.
fn instance<'s>(here: &'s Services, id: &str) -> &'s Instance {
    here.ec2.instances.get(id).unwrap()
}

/// Every attached volume as `volume device instance`, once as the instances and once as the volumes
/// say it.
fn attachments(here: &Services) -> [Vec<String>; 2] {
    let of_instance = |it: &Instance| {
        let id = it.id.clone();
        let device = move |on: &Device| format!("{} {} {id}", on.volume_id, on.name);
        it.devices.iter().map(device).collect::<Vec<_>>()
    };
    let of_volume = |it: &Volume| {
        let id = it.id.clone();
        let to = move |to: &Attachment| format!("{id} {} {}", to.device, to.instance_id);
        it.attachments.iter().map(to).collect::<Vec<_>>()
    };
    let mut instances: Vec<_> =
        here.ec2.instances.iter().flat_map(|(_, it)| of_instance(it)).collect();
    let mut volumes: Vec<_> = here.ec2.volumes.iter().flat_map(|(_, it)| of_volume(it)).collect();
    instances.sort();
    volumes.sort();
    [instances, volumes]
}

#[test]
fn an_exact_instance_is_as_it_is_written() {
    let cloud = built(&fleet(json!({ "instances": [{
        "account": HUB, "id": "i-0abc", "type": "m5.large", "state": "stopped", "zone": "b",
        "platform": "windows", "hibernation": true, "stop-protection": true,
        "termination-protection": true, "age": "3d", "tags": { "Name": "web" },
    }]})));
    at_hub(&cloud, |here| {
        let it = instance(here, "i-0abc");
        let at = "2026-02-27T00:00:00Z".parse().unwrap();
        let device = Device {
            name: "/dev/sda1".into(),
            volume_id: "vol-1".into(),
            attached_at: at,
            delete_on_termination: true,
        };
        let mut wanted =
            Instance::running("i-0abc", types::find("m5.large").unwrap(), "eu-west-1b", at);
        wanted.power = Power::Stopped;
        wanted.state_reason.clone_from(&it.state_reason);
        wanted.platform = Platform::Windows;
        wanted.root_device = "/dev/sda1".into();
        wanted.can_hibernate = true;
        wanted.stop_protection = true;
        wanted.termination_protection = true;
        wanted.devices = vec![device];
        wanted.tags = Tags::from([("Name".to_owned(), "web".to_owned())]);
        assert_eq!(it, &wanted);
        assert_eq!(&*it.state_reason.as_ref().unwrap().code, "Client.UserInitiatedShutdown");
        let root = here.ec2.volumes.get("vol-1").unwrap();
        assert_eq!((root.size_gib, root.encrypted, root.state), (9, true, State::InUse));
        assert_eq!((&*root.zone, root.created_at), ("eu-west-1b", at));
    });
}

#[test]
fn what_an_instance_does_not_say_has_a_default() {
    let cloud = built(&fleet(json!({ "instances": [{ "account": HUB }] })));
    at_hub(&cloud, |here| {
        let it = instance(here, "i-1");
        assert_eq!((it.kind.name, it.power, &*it.zone), ("t3.micro", Power::Running, "eu-west-1a"));
        assert!(!(it.can_hibernate || it.stop_protection || it.termination_protection));
        let volumes: Vec<_> = here.ec2.volumes.iter().map(|(_, it)| it.clone()).collect();
        assert_eq!((volumes.len(), volumes[0].size_gib, volumes[0].encrypted), (1, 8, false));
    });
}

#[test]
fn instances_and_their_volumes_name_each_other() {
    let cloud = built(&fleet(json!({ "instances": [
        { "account": HUB, "id": "i-a", "volumes": 3, "size": [9, 10], "key": "alias/data" },
        { "account": HUB, "count": 50, "volumes": "1..3", "zone": ["a", "b"] },
    ]})));
    at_hub(&cloud, |here| {
        let [instances, volumes] = attachments(here);
        assert_eq!(instances, volumes);
        assert_eq!(volumes.len(), here.ec2.volumes.iter().count());
        let names: Vec<_> = instance(here, "i-a").devices.iter().map(|it| &*it.name).collect();
        assert_eq!(names, ["/dev/xvda", "/dev/sdf", "/dev/sdg"]);
        let counts = here.ec2.instances.iter().map(|(_, it)| it.devices.len());
        assert_eq!(counts.collect::<std::collections::BTreeSet<_>>(), [1, 2, 3].into());
        for (_, it) in here.ec2.volumes.iter() {
            let instance = instance(here, &it.attachments[0].instance_id);
            assert_eq!((it.state, &it.zone), (State::InUse, &instance.zone));
        }
        let keys = here.ec2.volumes.iter().filter(|(_, it)| it.kms_key_id.is_some());
        assert_eq!(keys.count(), 3);
    });
}

#[test]
fn attached_volumes_name_instances_that_have_room_in_their_zone() {
    let cloud = built(&fleet(json!({
        "instances": [{ "account": HUB, "count": 2, "zone": "a" }],
        "volumes": [
            { "account": HUB, "count": 60, "zone": ["a", "a", "b"], "attached": true },
            { "account": HUB, "id": "vol-free" },
        ],
    })));
    at_hub(&cloud, |here| {
        let instances: Vec<_> = here.ec2.instances.iter().map(|(_, it)| it.clone()).collect();
        let all: Vec<_> = here.ec2.volumes.iter().map(|(_, it)| it.clone()).collect();
        let attached = |it: &Volume| {
            let to = &it.attachments.first()?.instance_id;
            here.ec2.instances.get(to)
        };
        let in_fleet = all.iter().filter_map(|it| Some((it, attached(it)?)));
        assert!(in_fleet.clone().all(|(it, to)| it.zone == to.zone));
        let most: usize = instances.iter().map(|it| it.devices.len()).sum();
        assert_eq!(in_fleet.count(), most);
        assert!((30..=54).contains(&most), "{most}");
        assert!(instances.iter().all(|it| it.devices.len() <= it.kind.most_volumes()));
        assert_eq!(all.iter().filter(|it| it.attachments.is_empty()).count(), 1);
        assert!(all.iter().any(|it| &*it.zone == "eu-west-1b"));
    });
}

#[test]
fn a_volume_of_an_instance_that_is_named_is_where_it_is() {
    let cloud = built(&fleet(json!({
        "instances": [{ "account": HUB, "id": "i-a", "zone": "c", "volumes": 0 }],
        "volumes": [
            { "account": HUB, "id": "vol-root", "instance": "i-a", "age": "60d" },
            { "account": HUB, "id": "vol-data", "instance": "i-a", "age": "1d" },
            { "account": HUB, "id": "vol-gone", "instance": "i-gone" },
        ],
    })));
    at_hub(&cloud, |here| {
        let it = instance(here, "i-a");
        let devices: Vec<_> = it.devices.iter().map(|it| (&*it.volume_id, &*it.name)).collect();
        assert_eq!(devices, [("vol-root", "/dev/xvda"), ("vol-data", "/dev/sdf")]);
        assert_eq!(it.devices[0].attached_at, it.created_at);
        let volume = |id| here.ec2.volumes.get(id).unwrap();
        assert_eq!(it.devices[1].attached_at, volume("vol-data").created_at);
        assert_eq!(
            (&*volume("vol-data").zone, volume("vol-data").state),
            ("eu-west-1c", State::InUse)
        );
        let gone = volume("vol-gone");
        assert_eq!((&*gone.attachments[0].instance_id, &*gone.zone), ("i-gone", "eu-west-1a"));
    });
}

#[test]
fn a_volume_of_an_instance_does_not_get_an_id_of_the_file() {
    let cloud = built(&fleet(json!({
        "instances": [{ "account": HUB, "count": 3 }],
        "volumes": [{ "account": HUB, "id": "vol-2", "size": 77 }],
    })));
    at_hub(&cloud, |here| {
        assert_eq!(here.ec2.volumes.iter().count(), 4);
        assert_eq!(here.ec2.volumes.get("vol-2").unwrap().size_gib, 77);
        assert_eq!(here.ec2.volumes.get("vol-2").unwrap().attachments.as_slice(), []);
    });
}

#[test]
fn instances_are_spot_and_have_an_elastic_ip_when_they_say_so() {
    let cloud = built(&fleet(json!({ "instances": [
        { "account": HUB, "id": "i-plain" },
        { "account": HUB, "id": "i-{n}", "count": 2, "spot": true, "elastic-ip": true },
    ]})));
    at_hub(&cloud, |here| {
        let plain = instance(here, "i-plain");
        assert_eq!((&plain.purchase, plain.public_ip()), (&Purchase::OnDemand, None));
        let spot = |id: &str| match &instance(here, id).purchase {
            Purchase::Spot { request_id, persistent: true, interrupted: false } => {
                request_id.to_string()
            }
            other => panic!("{other:?}"),
        };
        assert_eq!([spot("i-1"), spot("i-2")], ["sir-1", "sir-2"]);
        let ip = |id| match instance(here, id).public_ip {
            PublicIp::Elastic(ip) => ip,
            other => panic!("{other:?}"),
        };
        assert_ne!(ip("i-1"), ip("i-2"));
    });
}

#[test]
fn an_instance_that_cannot_be_is_refused() {
    let check = |entry: Value, wanted: &[&str]| check_bad("instances", entry, wanted);
    check(json!({}), &[]);
    check(json!({ "id": "vol-1", "account": HUB }), &[".id"]);
    check(json!({ "type": ["m5.large", "m5.tiny"] }), &[".type"]);
    check(json!({ "zone": "g" }), &[".zone"]);
    check(json!({ "type": "m5.large", "volumes": "1..27" }), &[]);
    check(json!({ "type": "m5.large", "volumes": "1..28" }), &[".volumes"]);
    check(json!({ "type": "g4dn.xlarge", "hibernation": true }), &[".hibernation"]);
    check(json!({ "type": "m5.12xlarge", "hibernation": "1%" }), &[".hibernation"]);
    check(json!({ "type": "m5.12xlarge", "hibernation": false }), &[]);
    check(json!({ "type": "m6g.large", "platform": ["linux", "windows"] }), &[".platform"]);
    check(json!({ "size": 0 }), &[".size"]);
    check(json!({ "key": "data" }), &[".key"]);
    check(json!({ "spot": true, "stop-protection": false }), &[]);
    check(json!({ "spot": true, "stop-protection": true }), &[".stop-protection"]);
    check(json!({ "spot": "1%", "termination-protection": true }), &[".termination-protection"]);
}
