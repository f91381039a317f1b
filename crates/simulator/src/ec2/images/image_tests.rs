//! Tests of how images are made and taken away.

use serde_json::{Value, json};

use super::{
    Protection, State,
    copy::CopyImage,
    create::{CreateImage, Difference, Ebs},
    lifecycle::DisableImage,
    protection::{DisableImageDeregistrationProtection, EnableImageDeregistrationProtection},
    test_bed::{
        create, deregister, describe, events, named, own, place_with_instance, put_instance, share,
        state, with_image,
    },
};
use crate::{
    bed::Bed,
    ec2::{
        instances::{Power, Root},
        snapshot_delete::DeleteSnapshot,
        tags::{Tag, TagSpecification},
    },
    iam::Need,
    operation::{Cx, Operation},
};

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
    assert_eq!(state(&bed, &id), Some(State::Pending));
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
        let all = it.ec2.snapshots.iter();
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
    let event = serde_json::to_value(bed.events().last().unwrap()).unwrap();
    assert_eq!(event["detail-type"], "EC2 AMI State Change");
    assert_eq!(event["source"], "aws.ec2");
    assert_eq!(event["resources"], json!([format!("arn:aws:ec2:eu-west-1::image/{id}")]));
    assert_eq!(event["detail"]["ErrorMessage"], "");
}

#[track_caller]
fn check_create(request: CreateImage, expected: Result<(), &str>) {
    let bed = place_with_instance();
    assert_eq!(bed.ask(request).map(|_| ()), expected);
    let made = bed.here(|it| (it.ec2.images.iter().count(), it.ec2.snapshots.iter().count() > 0));
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
    bed.ask(deregister(&id, false)).unwrap();
    bed.pass(299);
    assert_eq!(describe(&bed, own()), Ok(vec![id.clone()]));
    assert_eq!(bed.ask(create("backup")), Err("InvalidAMIName.Duplicate"));
    bed.pass(1);
    assert_eq!(describe(&bed, named(&id)), Err("InvalidAMIID.NotFound"));
    assert!(bed.ask(create("backup")).is_ok());
    let elsewhere = bed.at("111122223333", "us-east-1");
    put_instance(&elsewhere);
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
    assert_eq!(bed.here(|it| it.ec2.snapshots.iter().count()), 1);
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
fn an_image_of_a_snapshot_that_fails_fails_once_and_is_not_shared() {
    check_failure("vol-1");
    check_failure("vol-2");
}

#[track_caller]
fn check_failure(volume: &str) {
    let bed = place_with_instance();
    let id = bed.ask(create("backup")).unwrap()["imageId"].as_str().unwrap().to_owned();
    bed.here(|it| it.ec2.failing.insert(volume.into()));
    assert_eq!(bed.ask(share(&id, "222233334444")), Err("IncorrectState"));
    bed.pass(300);
    assert_eq!(events(&bed), [(id.clone(), "failed".to_owned())]);
    let shown = bed.ask(named(&id)).unwrap();
    let reason = &shown["imagesSet"][0]["stateReason"]["message"];
    assert_eq!(*reason, "the volume could not be read");
    assert_eq!(bed.ask(share(&id, "222233334444")), Err("IncorrectState"));
}

#[test]
fn volumes_of_which_no_snapshot_can_be_made_keep_an_image_from_being_made() {
    let bed = place_with_instance();
    bed.ask(create("backup")).unwrap();
    let again = || bed.ask(create("another")).map(|_| ());
    assert_eq!(again(), Err("SnapshotCreationPerVolumeRateExceeded"));
    bed.pass(15);
    assert_eq!(again(), Ok(()));
    assert_eq!(bed.here(|it| it.ec2.snapshots.iter().count()), 4);
}

#[test]
fn a_snapshot_of_an_image_is_not_deleted_by_itself() {
    let (bed, id) = with_image();
    let snapshot_id = bed.here(|it| it.ec2.snapshots.iter().next().unwrap().0.to_owned());
    let delete = || bed.ask(DeleteSnapshot { snapshot_id: snapshot_id.clone() }).map(|_| ());
    assert_eq!(delete(), Err("InvalidSnapshot.InUse"));
    bed.ask(DisableImage { image_id: id.clone() }).unwrap();
    assert_eq!(delete(), Err("InvalidSnapshot.InUse"));
    bed.ask(deregister(&id, false)).unwrap();
    assert_eq!(delete(), Ok(()));
}

#[test]
fn snapshots_stay_when_an_image_is_deregistered_unless_they_are_to_go() {
    let (bed, id) = with_image();
    let done = bed.ask(deregister(&id, false)).unwrap();
    assert_eq!(done["return"], true);
    assert_eq!(done["deleteSnapshotResultSet"], Value::Null);
    let left =
        bed.here(|it| it.ec2.snapshots.iter().map(|(_, it)| it.images.len()).collect::<Vec<_>>());
    assert_eq!(left, [0, 0], "they are there, and nobody's");
    assert_eq!(bed.ask(deregister(&id, false)), Err("InvalidAMIID.Unavailable"));
    assert_eq!(events(&bed)[1], (id, "deregistered".to_owned()));
    let (bed, id) = with_image();
    let shared = bed.here(|it| it.ec2.snapshots.iter().next().unwrap().0.to_owned());
    let now = bed.now();
    bed.here(|it| it.ec2.snapshots.change(&shared, now, |it| it.images.insert("ami-other".into())));
    let done = bed.ask(deregister(&id, true)).unwrap();
    let mut codes: Vec<_> = done["deleteSnapshotResultSet"].as_array().unwrap().clone();
    codes.sort_by_key(|it| it["snapshotId"].to_string());
    let codes: Vec<_> = codes.iter().map(|it| it["returnCode"].as_str().unwrap()).collect();
    assert_eq!(codes, ["skipped", "success"]);
    let left =
        bed.here(|it| it.ec2.snapshots.iter().map(|(id, _)| id.to_owned()).collect::<Vec<_>>());
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

/// What a call needs: `action resource`, without the service and the beginning of the ARN.
fn needs(bed: &Bed, operation: &impl Operation) -> Vec<String> {
    let needs = bed.cloud.look(|state, now| {
        let cx =
            Cx { state, caller: &bed.caller, place: &bed.place, now, seen: now, retry_until: None };
        operation.needs(&cx)
    });
    let short = |it: &Need| format!("{} {}", it.action, it.resource).replace("arn:aws:ec2:", "");
    needs.iter().map(short).collect()
}

#[test]
fn each_call_needs_what_the_service_authorization_reference_says() {
    let (bed, id) = with_image();
    let tags = |kind: &str| TagSpecification {
        resource_type: kind.to_owned(),
        tag: vec![Tag { key: "of".to_owned(), value: None }],
    };
    let make =
        CreateImage { tag_specification: vec![tags("image"), tags("snapshot")], ..create("other") };
    let expected = [
        "ec2:CreateImage eu-west-1:111122223333:instance/i-1",
        "ec2:CreateImage eu-west-1::image/*",
        "ec2:CreateImage eu-west-1::snapshot/*",
        "ec2:CreateTags eu-west-1::image/*",
        "ec2:CreateTags eu-west-1::snapshot/*",
    ];
    assert_eq!(needs(&bed, &make), expected);
    let copy = CopyImage {
        source_image_id: id.clone(),
        source_region: "eu-west-1".to_owned(),
        tag_specification: vec![tags("image")],
        ..CopyImage::default()
    };
    let expected = [
        "ec2:CopyImage us-east-1::image/*",
        "ec2:CopyImage us-east-1::snapshot/*",
        "ec2:CopyImage eu-west-1::image/ami-1",
        "ec2:CopyImage eu-west-1::snapshot/snap-1",
        "ec2:CopyImage eu-west-1::snapshot/snap-2",
        "ec2:CreateTags us-east-1::image/*",
    ];
    assert_eq!(needs(&bed.at("111122223333", "us-east-1"), &copy), expected);
    let expected = ["ec2:DeregisterImage eu-west-1::image/ami-1"];
    assert_eq!(needs(&bed, &deregister(&id, true)), expected);
}

#[test]
fn snapshots_stay_when_the_caller_may_not_delete_them() {
    let (mut bed, id) = with_image();
    bed.cloud.put_role(&bed.caller.account, "janitor");
    bed.cloud.allow_only(&["ec2:DeregisterImage"]);
    bed.caller.role = Some(("janitor".to_owned(), "session".to_owned()));
    let done = bed.ask(deregister(&id, true)).unwrap();
    let codes: Vec<_> = done["deleteSnapshotResultSet"].as_array().unwrap().clone();
    assert!(codes.iter().all(|it| it["returnCode"] == "missing-permissions"), "{codes:?}");
    assert_eq!(bed.here(|it| it.ec2.snapshots.iter().count()), 2);
}
