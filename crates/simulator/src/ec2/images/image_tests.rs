//! Tests of how images are made, described, shared and taken away.

use lamplighter_core::Tags;
use serde_json::{Value, json};

use super::{
    Image, Protection, State,
    attributes::{Changes, DescribeImageAttribute, ModifyImageAttribute, Valued},
    create::{CreateImage, Difference, Ebs},
    deprecation::{DisableImageDeprecation, EnableImageDeprecation},
    deregister::DeregisterImage,
    describe::DescribeImages,
    lifecycle::{DisableImage, EnableImage},
    permissions::Requested,
    protection::{DisableImageDeregistrationProtection, EnableImageDeregistrationProtection},
    test_bed::{events, instance, place_with_instance, volumes},
};
use crate::{
    bed::Bed,
    ec2::{
        filter::Filter,
        instances::{Power, Root},
        tags::{Tag, TagSpecification},
    },
};

fn create(name: &str) -> CreateImage {
    CreateImage { instance_id: "i-1".to_owned(), name: name.to_owned(), ..CreateImage::default() }
}

fn describe(bed: &Bed, request: DescribeImages) -> Result<Vec<String>, &'static str> {
    let id = |it: &Value| it["imageId"].as_str().unwrap().to_owned();
    let shown = bed.ask(request)?;
    Ok(shown["imagesSet"].as_array().unwrap().iter().map(id).collect())
}

/// The images that an account owns.
fn own() -> DescribeImages {
    DescribeImages { owner: vec!["self".to_owned()], ..DescribeImages::default() }
}

fn named(id: &str) -> DescribeImages {
    DescribeImages { image_id: vec![id.to_owned()], ..DescribeImages::default() }
}

fn state(bed: &Bed, id: &str) -> Option<State> {
    bed.here(|it| it.ec2.images.get(id).map(|it| it.state))
}

/// A place with an image of its instance, `ami-…`, that is available.
fn with_image() -> (Bed, String) {
    let bed = place_with_instance();
    let id = bed.ask(create("backup")).unwrap()["imageId"].as_str().unwrap().to_owned();
    bed.pass(300);
    assert_eq!(state(&bed, &id), Some(State::Available));
    (bed, id)
}

#[test]
fn an_image_is_pending_until_its_snapshots_are_complete() {
    let bed = place_with_instance();
    let tags = |kind: &str| TagSpecification {
        resource_type: kind.to_owned(),
        tag: vec![Tag { key: "of".to_owned(), value: Some(kind.to_owned()) }],
    };
    let request = CreateImage {
        description: "nightly".to_owned(),
        tag_specification: vec![tags("image"), tags("snapshot")],
        ..create("backup")
    };
    let id = bed.ask(request).unwrap()["imageId"].as_str().unwrap().to_owned();
    bed.pass(299);
    assert_eq!((state(&bed, &id), bed.events().len()), (Some(State::Pending), 0));
    bed.pass(1);
    let shown = bed.ask(named(&id)).unwrap();
    let image = &shown["imagesSet"][0];
    for (name, expected) in [
        ("imageState", "available"),
        ("name", "backup"),
        ("description", "nightly"),
        ("imageOwnerId", "111122223333"),
        ("creationDate", "2026-03-02T02:00:00.000Z"),
        ("rootDeviceName", "/dev/xvda"),
        ("sourceInstanceId", "i-1"),
        ("architecture", "x86_64"),
    ] {
        assert_eq!(image[name], expected, "{name}");
    }
    assert_eq!(image["tagSet"], json!([{ "key": "of", "value": "image" }]));
    let mappings = image["blockDeviceMapping"].as_array().unwrap();
    let devices: Vec<_> = mappings
        .iter()
        .map(|it| (it["deviceName"].clone(), it["ebs"]["volumeSize"].clone()))
        .collect();
    assert_eq!(devices, [(json!("/dev/xvda"), json!(8)), (json!("/dev/sdf"), json!(100))]);
    let snapshots = bed.here(|it| {
        let all = it.ec2.backings.iter();
        let shown = all.map(|(_, it)| (it.volume_id.to_string(), it.tags["of"].clone()));
        shown.collect::<Vec<_>>()
    });
    let of = |id: &str| (id.to_owned(), "snapshot".to_owned());
    assert_eq!(snapshots, [of("vol-1"), of("vol-2")]);
    assert_eq!(events(&bed), [(id, "available".to_owned())]);
}

#[test]
fn events_are_as_the_user_guide_shows_them() {
    let (bed, id) = with_image();
    let event = serde_json::to_value(&bed.events()[0]).unwrap();
    assert_eq!(event["detail-type"], "EC2 AMI State Change");
    assert_eq!(event["source"], "aws.ec2");
    assert_eq!(event["resources"], json!([format!("arn:aws:ec2:eu-west-1::image/{id}")]));
    assert_eq!(event["detail"]["ErrorMessage"], "");
}

#[track_caller]
fn check_create(request: CreateImage, expected: Result<(), &str>) {
    let bed = place_with_instance();
    assert_eq!(bed.ask(request).map(|_| ()), expected);
    let made = bed.here(|it| (it.ec2.images.iter().count(), it.ec2.backings.iter().count() > 0));
    assert_eq!(made, (usize::from(expected.is_ok()), expected.is_ok()));
}

#[test]
fn names_and_tags_of_images_have_their_rules() {
    check_create(create("a/b (1) [2] 3.4-'@_"), Ok(()));
    check_create(create("ab"), Err("InvalidAMIName.Malformed"));
    check_create(create(&"a".repeat(128)), Ok(()));
    check_create(create(&"a".repeat(129)), Err("InvalidAMIName.Malformed"));
    check_create(create("a:b"), Err("InvalidAMIName.Malformed"));
    let long = CreateImage { description: "d".repeat(256), ..create("abc") };
    check_create(long, Err("InvalidParameterValue"));
    let tags = TagSpecification { resource_type: "volume".to_owned(), tag: Vec::new() };
    let tagged = CreateImage { tag_specification: vec![tags], ..create("abc") };
    check_create(tagged, Err("InvalidParameterValue"));
    let other = CreateImage { instance_id: "i-2".to_owned(), ..create("abc") };
    check_create(other, Err("InvalidInstanceID.NotFound"));
}

#[test]
fn a_name_is_taken_until_a_while_after_the_image_is_deregistered() {
    let (bed, id) = with_image();
    assert_eq!(bed.ask(create("backup")), Err("InvalidAMIName.Duplicate"));
    bed.ask(DeregisterImage { image_id: id.clone(), ..DeregisterImage::default() }).unwrap();
    bed.pass(299);
    assert_eq!(describe(&bed, own()), Ok(vec![id.clone()]));
    assert_eq!(bed.ask(create("backup")), Err("InvalidAMIName.Duplicate"));
    bed.pass(1);
    assert_eq!(describe(&bed, named(&id)), Err("InvalidAMIID.NotFound"));
    assert!(bed.ask(create("backup")).is_ok());
    let elsewhere = bed.at("111122223333", "us-east-1");
    elsewhere.here(|it| it.ec2.instances.fill([("i-1".into(), instance())]));
    assert!(elsewhere.ask(create("backup")).is_ok(), "another region");
}

#[test]
fn an_instance_is_rebooted_unless_it_may_not_be_or_does_not_run() {
    for (power, no_reboot, expected) in [
        (Power::Running, false, Ok(true)),
        (Power::Running, true, Ok(false)),
        (Power::Stopped, false, Ok(false)),
        (Power::Pending, true, Err("IncorrectInstanceState")),
        (Power::Stopping, true, Err("IncorrectInstanceState")),
        (Power::Terminated, true, Err("IncorrectInstanceState")),
    ] {
        let bed = place_with_instance();
        let now = bed.now();
        bed.here(|it| it.ec2.instances.change("i-1", now, |it| it.power = power));
        let done = bed.ask(CreateImage { no_reboot, ..create("backup") });
        let booted_at = bed.here(|it| it.ec2.instances.get("i-1").unwrap().booted_at);
        assert_eq!(done.map(|_| booted_at == now), expected, "{power:?} {no_reboot}");
    }
    let bed = place_with_instance();
    let now = bed.now();
    bed.here(|it| it.ec2.instances.change("i-1", now, |it| it.root = Root::InstanceStore));
    assert_eq!(bed.ask(create("backup")), Err("InvalidParameterValue"));
}

#[test]
fn devices_are_left_out_and_not_else_changed() {
    let difference = |device: &str, no_device: Option<&str>, ebs| Difference {
        device_name: device.to_owned(),
        no_device: no_device.map(str::to_owned),
        ebs,
    };
    let with = |it| CreateImage { block_device_mapping: vec![it], ..create("backup") };
    let bed = place_with_instance();
    bed.ask(with(difference("/dev/sdf", Some(""), None))).unwrap();
    assert_eq!(bed.here(|it| it.ec2.backings.iter().count()), 1);
    let bed = place_with_instance();
    let stays = Ebs { delete_on_termination: Some(false) };
    bed.ask(with(difference("/dev/xvda", None, Some(stays.clone())))).unwrap();
    let deletes = bed.here(|it| {
        let (_, image) = it.ec2.images.iter().next().unwrap();
        image.mappings.iter().map(|it| it.delete_on_termination).collect::<Vec<_>>()
    });
    assert_eq!(deletes, [false, true]);
    let code = Err("InvalidBlockDeviceMapping");
    check_create(with(difference("/dev/sdg", Some(""), None)), code);
    check_create(with(difference("/dev/xvda", Some(""), None)), code);
    check_create(with(difference("/dev/sdf", Some(""), Some(stays))), code);
}

#[test]
fn an_image_of_a_snapshot_that_fails_fails_and_is_not_shared() {
    let bed = place_with_instance();
    let id = bed.ask(create("backup")).unwrap()["imageId"].as_str().unwrap().to_owned();
    let now = bed.now();
    bed.here(|it| {
        let first = it.ec2.backings.iter().next().unwrap().0.to_owned();
        it.ec2.backings.change(&first, now, |it| it.fails = Some("Internal error".into()));
    });
    assert_eq!(bed.ask(share(&id, "222233334444")), Err("IncorrectState"));
    bed.pass(300);
    assert_eq!(events(&bed), [(id.clone(), "failed".to_owned())]);
    let shown = bed.ask(named(&id)).unwrap();
    let reason = &shown["imagesSet"][0]["stateReason"]["message"];
    assert_eq!(*reason, "Internal error");
    assert_eq!(bed.ask(share(&id, "222233334444")), Err("IncorrectState"));
}

#[test]
fn a_slow_snapshot_is_waited_for() {
    let bed = place_with_instance();
    let id = bed.ask(create("backup")).unwrap()["imageId"].as_str().unwrap().to_owned();
    let later = bed.now() + jiff::SignedDuration::from_secs(400);
    let now = bed.now();
    bed.here(|it| {
        let first = it.ec2.backings.iter().next().unwrap().0.to_owned();
        it.ec2.backings.change(&first, now, |it| it.completes_at = later);
    });
    bed.pass(399);
    assert_eq!(state(&bed, &id), Some(State::Pending));
    bed.pass(16);
    assert_eq!(state(&bed, &id), Some(State::Available));
}

fn deregister(id: &str, delete_associated_snapshots: bool) -> DeregisterImage {
    DeregisterImage { image_id: id.to_owned(), delete_associated_snapshots }
}

#[test]
fn snapshots_stay_when_an_image_is_deregistered_unless_they_are_to_go() {
    let (bed, id) = with_image();
    let done = bed.ask(deregister(&id, false)).unwrap();
    assert_eq!(done["return"], true);
    assert_eq!(done["deleteSnapshotResultSet"], Value::Null);
    let left =
        bed.here(|it| it.ec2.backings.iter().map(|(_, it)| it.images.len()).collect::<Vec<_>>());
    assert_eq!(left, [0, 0], "they are there, and nobody's");
    assert_eq!(bed.ask(deregister(&id, false)), Err("InvalidAMIID.Unavailable"));
    assert_eq!(events(&bed)[1], (id, "deregistered".to_owned()));
    let (bed, id) = with_image();
    let shared = bed.here(|it| it.ec2.backings.iter().next().unwrap().0.to_owned());
    let now = bed.now();
    bed.here(|it| it.ec2.backings.change(&shared, now, |it| it.images.insert("ami-other".into())));
    let done = bed.ask(deregister(&id, true)).unwrap();
    let mut codes: Vec<_> = done["deleteSnapshotResultSet"].as_array().unwrap().clone();
    codes.sort_by_key(|it| it["snapshotId"].to_string());
    let codes: Vec<_> = codes.iter().map(|it| it["returnCode"].as_str().unwrap()).collect();
    assert_eq!(codes, ["skipped", "success"]);
    let left =
        bed.here(|it| it.ec2.backings.iter().map(|(id, _)| id.to_owned()).collect::<Vec<_>>());
    assert_eq!(left, [shared]);
}

#[test]
fn one_that_was_deregistered_while_pending_stays_so() {
    let bed = place_with_instance();
    let id = bed.ask(create("backup")).unwrap()["imageId"].as_str().unwrap().to_owned();
    bed.cloud.dial(|it| it.times.deregistered_seen = jiff::SignedDuration::from_hours(1));
    bed.ask(deregister(&id, false)).unwrap();
    bed.pass(300);
    assert_eq!(state(&bed, &id), Some(State::Deregistered));
}

#[test]
fn protection_keeps_an_image_for_a_day_after_it_is_switched_off() {
    let protect = |id: &str, with_cooldown| EnableImageDeregistrationProtection {
        image_id: id.to_owned(),
        with_cooldown,
    };
    let unprotect = |id: &str| DisableImageDeregistrationProtection { image_id: id.to_owned() };
    let (bed, id) = with_image();
    bed.ask(protect(&id, false)).unwrap();
    assert_eq!(bed.ask(deregister(&id, false)), Err("OperationNotPermitted"));
    bed.ask(protect(&id, true)).unwrap();
    bed.ask(unprotect(&id)).unwrap();
    bed.pass(24 * 3600 - 1);
    bed.ask(unprotect(&id)).unwrap();
    assert_eq!(bed.ask(deregister(&id, false)), Err("OperationNotPermitted"));
    bed.pass(1);
    assert!(bed.ask(deregister(&id, false)).is_ok());
    let (bed, id) = with_image();
    bed.ask(protect(&id, false)).unwrap();
    bed.ask(unprotect(&id)).unwrap();
    assert!(bed.ask(deregister(&id, false)).is_ok());
    assert_eq!(Protection::Off.as_str(), "disabled");
}

fn permission(id: &str) -> Requested {
    Requested { user_id: Some(id.to_owned()), ..Requested::default() }
}

fn change(id: &str, add: Vec<Requested>, remove: Vec<Requested>) -> ModifyImageAttribute {
    ModifyImageAttribute {
        image_id: id.to_owned(),
        launch_permission: Some(Changes { add, remove }),
        ..ModifyImageAttribute::default()
    }
}

fn share(id: &str, account: &str) -> ModifyImageAttribute {
    change(id, vec![permission(account)], Vec::new())
}

/// How many images an account sees when it does not say whose.
fn seen_by(bed: &Bed, executable_by: &[&str]) -> Vec<String> {
    let request = DescribeImages {
        executable_by: executable_by.iter().map(|it| (*it).to_owned()).collect(),
        filter: vec![Filter { name: "is-public".to_owned(), value: vec!["false".to_owned()] }],
        ..DescribeImages::default()
    };
    describe(bed, request).unwrap()
}

#[test]
fn an_image_is_seen_by_those_it_is_shared_with() {
    let (bed, id) = with_image();
    let other = bed.at("222233334444", "eu-west-1");
    let nothing = Vec::<String>::new();
    assert_eq!(seen_by(&other, &[]), nothing);
    assert_eq!(describe(&other, named(&id)), Ok(nothing.clone()), "it is left out");
    bed.ask(share(&id, "222233334444")).unwrap();
    assert_eq!(seen_by(&other, &[]), [id.as_str()]);
    assert_eq!(seen_by(&other, &["self"]), [id.as_str()]);
    assert_eq!(seen_by(&bed, &["222233334444"]), [id.as_str()]);
    assert_eq!(seen_by(&bed, &["self"]), nothing);
    assert_eq!(describe(&other, own()), Ok(nothing.clone()));
    let shown = bed.ask(DescribeImageAttribute {
        image_id: id.clone(),
        attribute: "launchPermission".to_owned(),
    });
    assert_eq!(shown.unwrap()["launchPermission"][0]["userId"], "222233334444");
    bed.ask(change(&id, Vec::new(), vec![permission("222233334444")])).unwrap();
    assert_eq!(seen_by(&other, &[]), nothing);
    let elsewhere = bed.at("222233334444", "us-east-1");
    bed.ask(share(&id, "222233334444")).unwrap();
    assert_eq!(describe(&elsewhere, named(&id)), Err("InvalidAMIID.NotFound"));
}

#[test]
fn tags_and_attributes_of_a_shared_image_are_its_owners_own() {
    let (bed, id) = with_image();
    let now = bed.now();
    let tags = Tags::from([("team".to_owned(), "a".to_owned())]);
    bed.here(|it| it.ec2.images.change(&id, now, |it| it.tags = tags));
    bed.ask(share(&id, "222233334444")).unwrap();
    let other = bed.at("222233334444", "eu-west-1");
    let shown = other.ask(named(&id)).unwrap();
    assert_eq!(shown["imagesSet"][0]["tagSet"], Value::Null);
    let by_tag = DescribeImages {
        filter: vec![Filter { name: "tag:team".to_owned(), value: vec!["a".to_owned()] }],
        ..DescribeImages::default()
    };
    assert_eq!(describe(&other, by_tag.clone()), Ok(Vec::new()));
    assert_eq!(describe(&bed, by_tag), Ok(vec![id.clone()]));
    assert_eq!(other.ask(share(&id, "333344445555")), Err("AuthFailure"));
    assert_eq!(other.ask(deregister(&id, false)), Err("AuthFailure"));
}

#[test]
fn organizations_share_with_their_accounts() {
    let (bed, id) = with_image();
    let other = bed.at("222233334444", "eu-west-1");
    let arn = "arn:aws:organizations::111122223333:organization/o-abcdefghij";
    let to = |arn: &str| {
        let it = Requested { organization_arn: Some(arn.to_owned()), ..Requested::default() };
        change(&id, vec![it], Vec::new())
    };
    assert_eq!(bed.ask(to("o-abcdefghij")), Err("InvalidParameterValue"));
    bed.ask(to(arn)).unwrap();
    assert_eq!(seen_by(&other, &[]), Vec::<String>::new(), "it is another organization's");
    bed.cloud.look(|state, _| state.organization.id = Some("o-abcdefghij".to_owned()));
    assert_eq!(seen_by(&other, &["self"]), [id.as_str()]);
}

#[track_caller]
fn check_change(request: impl FnOnce(&str) -> ModifyImageAttribute, expected: Result<(), &str>) {
    let (bed, id) = with_image();
    assert_eq!(bed.ask(request(&id)).map(|_| ()), expected);
}

#[test]
fn one_attribute_is_changed_at_a_time_however_it_is_named() {
    let of = |id: &str| ModifyImageAttribute {
        image_id: id.to_owned(),
        ..ModifyImageAttribute::default()
    };
    let text = || Some(Valued { value: "text".to_owned() });
    let code = Err("InvalidParameterCombination");
    check_change(of, code);
    check_change(|id| ModifyImageAttribute { description: text(), ..of(id) }, Ok(()));
    check_change(
        |id| ModifyImageAttribute { description: text(), ..share(id, "222233334444") },
        code,
    );
    let listed = |id: &str, operation: Option<&str>, user: &str| ModifyImageAttribute {
        attribute: Some("launchPermission".to_owned()),
        operation_type: operation.map(str::to_owned),
        user_id: vec![user.to_owned()],
        ..of(id)
    };
    check_change(|id| listed(id, Some("add"), "222233334444"), Ok(()));
    check_change(|id| listed(id, Some("remove"), "222233334444"), Ok(()));
    check_change(|id| listed(id, None, "222233334444"), Err("InvalidParameterValue"));
    check_change(|id| listed(id, Some("add"), "bob"), Err("InvalidAMIAttributeItemValue"));
    check_change(|id| change(id, Vec::new(), Vec::new()), code);
    let two = Requested { group: Some("all".to_owned()), ..permission("222233334444") };
    check_change(|id| change(id, vec![two], Vec::new()), code);
    let both = || vec![permission("222233334444")];
    check_change(|id| change(id, both(), both()), code);
    check_change(|_| share("ami-999", "222233334444"), Err("InvalidAMIID.NotFound"));
}

#[test]
fn encrypted_images_are_shared_with_a_key_of_the_owner_only_and_never_with_all() {
    for (encrypted, key, group, expected) in [
        (false, None, true, Ok(())),
        (true, None, false, Err("InvalidParameter")),
        (true, Some("arn:aws:kms:eu-west-1:111122223333:key/1"), false, Ok(())),
        (true, Some("arn:aws:kms:eu-west-1:111122223333:key/1"), true, Err("InvalidParameter")),
    ] {
        let bed = place_with_instance();
        bed.here(|it| {
            let changed = volumes().map(|it| {
                let kms_key_id = key.map(Into::into);
                crate::ec2::volumes::Volume { encrypted, kms_key_id, ..it }
            });
            it.ec2.volumes.fill(changed.map(|it| (it.id.clone(), it)));
        });
        let id = bed.ask(create("backup")).unwrap()["imageId"].as_str().unwrap().to_owned();
        bed.pass(300);
        let all = Requested { group: Some("all".to_owned()), ..Requested::default() };
        let to = if group { all } else { permission("222233334444") };
        let done = bed.ask(change(&id, vec![to], Vec::new()));
        assert_eq!(done.map(|_| ()), expected, "{encrypted} {key:?} {group}");
    }
}

#[test]
fn a_disabled_image_is_not_shared_and_shown_only_when_asked_for() {
    let (bed, id) = with_image();
    let other = bed.at("222233334444", "eu-west-1");
    bed.ask(share(&id, "222233334444")).unwrap();
    let disable = || DisableImage { image_id: id.clone() };
    bed.ask(disable()).unwrap();
    assert_eq!(bed.ask(disable()), Err("IncorrectState"));
    assert_eq!(describe(&bed, own()), Ok(Vec::new()));
    let all = DescribeImages { include_disabled: true, ..own() };
    assert_eq!(describe(&bed, all), Ok(vec![id.clone()]));
    assert_eq!(describe(&bed, named(&id)), Ok(vec![id.clone()]));
    assert_eq!(describe(&other, named(&id)), Ok(Vec::new()));
    assert_eq!(bed.ask(share(&id, "222233334444")), Err("IncorrectState"));
    bed.ask(EnableImage { image_id: id.clone() }).unwrap();
    assert_eq!(describe(&bed, own()), Ok(vec![id.clone()]));
    assert_eq!(seen_by(&other, &[]), Vec::<String>::new(), "it was shared before");
    let states: Vec<String> = events(&bed).into_iter().map(|(_, state)| state).collect();
    assert_eq!(states, ["available", "disabled", "available"]);
}

#[test]
fn a_deprecated_image_is_shown_to_its_owner_and_to_those_who_ask() {
    let (bed, id) = with_image();
    let other = bed.at("222233334444", "eu-west-1");
    bed.ask(share(&id, "222233334444")).unwrap();
    let at = |seconds| EnableImageDeprecation {
        image_id: id.clone(),
        deprecate_at: bed.now() + jiff::SignedDuration::from_secs(seconds),
    };
    assert_eq!(bed.ask(at(-1)).map(|_| ()), Err("InvalidParameterValue"));
    assert_eq!(bed.ask(at(11 * 365 * 86_400)).map(|_| ()), Err("InvalidParameterValue"));
    bed.ask(at(90)).unwrap();
    let shown = bed.ask(named(&id)).unwrap();
    assert_eq!(shown["imagesSet"][0]["deprecationTime"], "2026-03-02T02:07:00.000Z");
    assert_eq!(seen_by(&other, &[]), [id.as_str()]);
    bed.pass(120);
    assert_eq!(seen_by(&other, &[]), Vec::<String>::new());
    assert_eq!(describe(&other, named(&id)), Ok(vec![id.clone()]));
    let all = DescribeImages {
        include_deprecated: true,
        executable_by: vec!["self".to_owned()],
        ..DescribeImages::default()
    };
    assert_eq!(describe(&other, all), Ok(vec![id.clone()]));
    assert_eq!(describe(&bed, own()), Ok(vec![id.clone()]));
    bed.ask(DisableImageDeprecation { image_id: id.clone() }).unwrap();
    assert_eq!(seen_by(&other, &[]), [id.as_str()]);
}

#[test]
fn without_an_owner_everything_public_is_shown_too() {
    let (bed, id) = with_image();
    let amazon = DescribeImages { owner: vec!["amazon".to_owned()], ..DescribeImages::default() };
    let public = describe(&bed, amazon).unwrap();
    let all = describe(&bed, DescribeImages::default()).unwrap();
    assert_eq!((public.len(), all.len()), (3, 4));
    assert!(all.contains(&id) && !public.contains(&id));
    let unknown = DescribeImages { owner: vec!["bob".to_owned()], ..DescribeImages::default() };
    assert_eq!(describe(&bed, unknown), Err("InvalidUserID.Malformed"));
    assert_eq!(describe(&bed, named("ami-999")), Err("InvalidAMIID.NotFound"));
    let elsewhere = bed.at("111122223333", "us-east-1");
    let there = describe(&elsewhere, DescribeImages::default()).unwrap();
    assert!(there.iter().all(|it| !all.contains(it)), "each region has its own");
}

#[test]
fn images_are_listed_in_pages() {
    let bed = Bed::new();
    let owner = bed.place.account.clone();
    let image = |n: usize| {
        let (id, at) = (format!("ami-{n}"), jiff::Timestamp::UNIX_EPOCH);
        let arm = crate::ec2::instances::types::Architecture::Arm;
        let image = Image::available(owner.clone(), &id, &id, arm, at);
        (Box::from(id), image)
    };
    bed.here(|it| it.ec2.images.fill((1..=7).map(image)));
    let (mut pages, mut next_token) = (Vec::new(), None);
    loop {
        let request = DescribeImages { max_results: Some(5), next_token, ..own() };
        let page = bed.ask(request).unwrap();
        pages.push(page["imagesSet"].as_array().unwrap().len());
        next_token = page["nextToken"].as_str().map(str::to_owned);
        if next_token.is_none() {
            break;
        }
    }
    assert_eq!(pages, [5, 2]);
    let few = DescribeImages { max_results: Some(4), ..own() };
    assert_eq!(describe(&bed, few), Err("InvalidParameterValue"));
    let both = DescribeImages { max_results: Some(5), ..named("ami-1") };
    assert_eq!(describe(&bed, both), Err("InvalidParameterCombination"));
}
