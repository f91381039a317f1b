//! A place with an instance to make images of, and what tests ask there.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    State,
    attributes::{Changes, ModifyImageAttribute},
    create::CreateImage,
    deregister::DeregisterImage,
    describe::DescribeImages,
    permissions::Requested,
};
use crate::{
    bed::Bed,
    ec2::{
        filter::Filter,
        instances::{Device, Instance, types},
        trial,
        volumes::Volume,
    },
};

/// A place with `i-1`, which has [`volumes`].
pub(super) fn place_with_instance() -> Bed {
    let bed = Bed::new();
    put_instance(&bed);
    bed
}

/// Puts `i-1` and its volumes into a place.
pub(super) fn put_instance(bed: &Bed) {
    bed.here(|it| {
        it.ec2.instances.fill([("i-1".into(), instance())]);
        it.ec2.volumes.fill(volumes().map(|it| (it.id.as_str().into(), it)));
    });
}

/// A running instance with a root device and another.
fn instance() -> Instance {
    let at = Timestamp::UNIX_EPOCH;
    let device = |name: &str, volume: &str| Device {
        name: name.into(),
        volume_id: volume.into(),
        attached_at: at,
        delete_on_termination: true,
    };
    let kind = types::find("m5.large").expect("it is a type");
    Instance {
        devices: vec![device("/dev/xvda", "vol-1"), device("/dev/sdf", "vol-2")],
        ..Instance::running("i-1", kind, "eu-west-1a", at)
    }
}

/// The volumes of that instance.
pub(super) fn volumes() -> [Volume; 2] {
    [("vol-1", "/dev/xvda", 8), ("vol-2", "/dev/sdf", 100)]
        .map(|(id, device, size_gib)| Volume { size_gib, ..trial::attached(id, "i-1", device) })
}

/// The images that events tell of, and the states they came to.
pub(super) fn events(bed: &Bed) -> Vec<(String, String)> {
    let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
    let told = bed.events();
    let told = told.iter().filter(|it| it.detail_type == "EC2 AMI State Change");
    told.map(|it| (text(&it.detail["ImageId"]), text(&it.detail["State"]))).collect()
}

pub(super) fn create(name: &str) -> CreateImage {
    CreateImage { instance_id: "i-1".to_owned(), name: name.to_owned(), ..CreateImage::default() }
}

pub(super) fn describe(bed: &Bed, request: DescribeImages) -> Result<Vec<String>, &'static str> {
    let id = |it: &Value| it["imageId"].as_str().unwrap().to_owned();
    let shown = bed.ask(request)?;
    Ok(shown["imagesSet"].as_array().unwrap().iter().map(id).collect())
}

/// The images that an account owns.
pub(super) fn own() -> DescribeImages {
    DescribeImages { owner: vec!["self".to_owned()], ..DescribeImages::default() }
}

pub(super) fn named(id: &str) -> DescribeImages {
    DescribeImages { image_id: vec![id.to_owned()], ..DescribeImages::default() }
}

pub(super) fn state(bed: &Bed, id: &str) -> Option<State> {
    bed.here(|it| it.ec2.images.get(id).map(|it| it.state))
}

/// A place with an image of its instance, `ami-…`, that is available.
pub(super) fn with_image() -> (Bed, String) {
    let bed = place_with_instance();
    let id = bed.ask(create("backup")).unwrap()["imageId"].as_str().unwrap().to_owned();
    bed.pass(300);
    assert_eq!(state(&bed, &id), Some(State::Available));
    (bed, id)
}

pub(super) fn deregister(id: &str, delete_associated_snapshots: bool) -> DeregisterImage {
    DeregisterImage { image_id: id.to_owned(), delete_associated_snapshots }
}

pub(super) fn permission(id: &str) -> Requested {
    Requested { user_id: Some(id.to_owned()), ..Requested::default() }
}

pub(super) fn change(
    id: &str,
    add: Vec<Requested>,
    remove: Vec<Requested>,
) -> ModifyImageAttribute {
    ModifyImageAttribute {
        image_id: id.to_owned(),
        launch_permission: Some(Changes { add, remove }),
        ..ModifyImageAttribute::default()
    }
}

pub(super) fn share(id: &str, account: &str) -> ModifyImageAttribute {
    change(id, vec![permission(account)], Vec::new())
}

/// How many images an account sees when it does not say whose.
pub(super) fn seen_by(bed: &Bed, executable_by: &[&str]) -> Vec<String> {
    let request = DescribeImages {
        executable_by: executable_by.iter().map(|it| (*it).to_owned()).collect(),
        filter: vec![Filter { name: "is-public".to_owned(), value: vec!["false".to_owned()] }],
        ..DescribeImages::default()
    };
    describe(bed, request).unwrap()
}
