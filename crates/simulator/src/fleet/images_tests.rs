use serde_json::{Value, json};

use super::{
    kinds_tests::{at_hub, check_bad, fleet},
    tests::{HUB, MEMBER, built},
};
use crate::{
    cloud::Cloud,
    ec2::{
        images::{Image, Permission},
        instances::Platform,
    },
};

/// The images at the hub, as `instance age-in-hours`, sorted.
fn history(cloud: &Cloud) -> Vec<(String, i64)> {
    let now = cloud.now();
    let shown = |it: &Image| {
        let of = it.source_instance.as_deref().unwrap_or_default().to_owned();
        (of, now.duration_since(it.created_at).as_hours())
    };
    let mut all: Vec<_> =
        at_hub(cloud, |here| here.ec2.images.iter().map(|(_, it)| shown(it)).collect());
    all.sort();
    all
}

#[track_caller]
fn check(entry: Value, wanted: &[(&str, i64)]) {
    let mut entry = entry;
    entry["account"] = HUB.into();
    let cloud = built(&fleet(json!({
        "instances": [
            { "account": HUB, "id": "i-a", "tags": { "backup": "daily" } },
            { "account": HUB, "id": "i-b" },
        ],
        "images": [entry],
    })));
    let wanted: Vec<_> = wanted.iter().map(|(id, hours)| ((*id).to_owned(), *hours)).collect();
    assert_eq!(history(&cloud), wanted, "{entry}");
}

#[test]
fn images_are_so_many_of_each_instance_and_so_far_apart() {
    check(json!({}), &[("", 1)]);
    check(json!({ "count": 2, "age": "30d" }), &[("", 720), ("", 744)]);
    check(json!({ "of": {} }), &[("i-a", 1), ("i-b", 1)]);
    check(json!({ "of": { "backup": "d*" }, "count": 2 }), &[("i-a", 1), ("i-a", 25)]);
    check(json!({ "instance": ["i-b", "i-gone"] }), &[("i-b", 1), ("i-gone", 1)]);
    let apart = json!({ "instance": "i-a", "count": 3, "age": "2h", "every": "6h" });
    check(apart, &[("i-a", 2), ("i-a", 8), ("i-a", 14)]);
}

#[test]
fn an_image_takes_after_its_instance_and_has_its_own_snapshots() {
    let cloud = built(&fleet(json!({
        "instances": [{ "account": HUB, "id": "i-a", "platform": "windows", "volumes": 2,
                        "size": 30, "key": "alias/data" }],
        "images": [{ "account": HUB, "instance": "i-a", "id": "ami-{n}", "count": 2,
                     "shared-with": MEMBER, "tags": { "of": "{instance}" } }],
    })));
    at_hub(&cloud, |here| {
        let image = here.ec2.images.get("ami-2").unwrap();
        assert_eq!((image.platform, &*image.root_device), (Platform::Windows, "/dev/sda1"));
        assert_eq!((&*image.name, image.tags["of"].as_str()), ("ami-2", "i-a"));
        let shared = Permission::Account(MEMBER.parse().unwrap());
        assert_eq!(image.permissions, [shared].into());
        let instance = here.ec2.instances.get("i-a").unwrap();
        assert_eq!((image.mappings.len(), here.ec2.snapshots.iter().count()), (2, 4));
        for (mapping, device) in image.mappings.iter().zip(&instance.devices) {
            let volume = here.ec2.volumes.get(&device.volume_id).unwrap();
            let snapshot = here.ec2.snapshots.get(&mapping.snapshot_id).unwrap();
            assert_eq!((&mapping.device, mapping.size_gib), (&device.name, 30));
            assert_eq!((&*snapshot.volume_id, snapshot.size_gib), (&*volume.id, 30));
            assert_eq!((&snapshot.kms_key_id, snapshot.encrypted), (&volume.kms_key_id, true));
            assert_eq!((mapping.encrypted, snapshot.started_at), (true, image.created_at));
            assert_eq!(snapshot.images, [image.id.clone()].into());
            assert!(snapshot.share.accounts.contains(MEMBER));
        }
    });
}

#[test]
fn an_image_of_no_instance_has_a_root_volume() {
    let cloud = built(&fleet(json!({ "images": [{ "account": HUB, "size": 12 }] })));
    at_hub(&cloud, |here| {
        let (_, image) = here.ec2.images.iter().next().unwrap();
        let [root] = &image.mappings[..] else { panic!("{image:?}") };
        let snapshot = here.ec2.snapshots.get(&root.snapshot_id).unwrap();
        assert_eq!((&*root.device, root.size_gib, snapshot.size_gib), ("/dev/xvda", 12, 12));
        assert_eq!((&image.source_instance, here.ec2.volumes.iter().count()), (&None, 0));
    });
}

#[test]
fn an_image_that_cannot_be_is_refused() {
    let check = |entry: Value, wanted: &[&str]| check_bad("images", entry, wanted);
    let here = |mut entry: Value| {
        entry["account"] = HUB.into();
        entry
    };
    check(json!({}), &[]);
    check(json!({ "instance": "i-1" }), &[".instance"]);
    check(here(json!({ "instance": "vol-1" })), &[".instance"]);
    check(here(json!({ "instance": "i-1", "of": {} })), &[".of"]);
    check(here(json!({ "id": "ami-1" })), &[]);
    check(here(json!({ "id": "ami-1", "of": {} })), &[".id"]);
    check(here(json!({ "id": "ami-1", "instance": ["i-1", "i-2"] })), &[".id"]);
    check(json!({ "of": {}, "size": 8 }), &[".size"]);
    check(json!({ "size": 0 }), &[".size"]);
    check(json!({ "tags": { "a": "{volume}" } }), &[".tags.a"]);
}
