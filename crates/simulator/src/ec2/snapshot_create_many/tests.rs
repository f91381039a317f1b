use super::*;
use std::sync::Arc;

use crate::{
    bed::Bed,
    ec2::{
        instances::{Device, types},
        trial::{assert_like, attached, create, delete, get, put_volume, state},
    },
};

/// `i-1` has a root volume and two others.
fn bed() -> Bed {
    let bed = Bed::new().at("123456789012", "us-east-1");
    put_volume(&bed, attached("vol-a", "i-1", "/dev/xvda"));
    let mut tagged = attached("vol-b", "i-1", "/dev/sdf");
    let tags = [("team", "a"), ("aws:x", "y")];
    tagged.tags = Arc::new(tags.map(|(key, value)| (key.into(), value.into())).into());
    put_volume(&bed, tagged);
    put_volume(&bed, attached("vol-c", "i-1", "/dev/sdg"));
    put_volume(&bed, attached("vol-d", "i-2", "/dev/xvda"));
    put_instance(
        &bed,
        "i-1",
        &[("vol-a", "/dev/xvda"), ("vol-b", "/dev/sdf"), ("vol-c", "/dev/sdg")],
    );
    put_instance(&bed, "i-2", &[("vol-d", "/dev/xvda")]);
    bed
}

fn put_instance(bed: &Bed, id: &str, devices: &[(&str, &str)]) {
    let at = bed.now();
    let mut it = Instance::running(id, types::find("m5.large").unwrap(), "us-east-1a", at);
    let device = |(volume, name): &(&str, &str)| Device {
        name: (*name).into(),
        volume_id: (*volume).into(),
        attached_at: at,
        delete_on_termination: true,
    };
    it.devices = devices.iter().map(device).collect();
    bed.here(|here| here.ec2.instances.fill([(id.into(), it)]));
}

fn of(instance: &str, boot: bool, excluded: &[&str]) -> CreateSnapshots {
    CreateSnapshots {
        instance_specification: InstanceSpecification {
            instance_id: instance.into(),
            exclude_boot_volume: !boot,
            exclude_data_volume_id: excluded.iter().map(|it| (*it).to_owned()).collect(),
        },
        ..CreateSnapshots::default()
    }
}

/// The volumes that snapshots were begun of.
fn volumes(bed: &Bed, request: CreateSnapshots) -> Result<Vec<String>, &'static str> {
    let all = bed.ask(request)?;
    let all = all["snapshotSet"].as_array().unwrap();
    Ok(all.iter().map(|it| it["volumeId"].as_str().unwrap().to_owned()).collect())
}

#[track_caller]
fn check(request: CreateSnapshots, expected: Result<&[&str], &str>) {
    let found = volumes(&bed(), request);
    assert_eq!(found, expected.map(|it| it.iter().map(|it| (*it).to_owned()).collect()));
}

#[test]
fn all_volumes_of_an_instance_but_those_that_are_left_out() {
    check(of("i-1", true, &[]), Ok(&["vol-a", "vol-b", "vol-c"]));
    check(of("i-1", false, &[]), Ok(&["vol-b", "vol-c"]));
    check(of("i-1", true, &["vol-b"]), Ok(&["vol-a", "vol-c"]));
    check(of("i-1", true, &["vol-a"]), Err("InvalidParameterValue"));
    check(of("i-1", true, &["vol-d"]), Err("InvalidParameterValue"));
    check(of("i-1", true, &["vol-b"; 41]), Err("InvalidParameterValue"));
    check(of("i-2", false, &[]), Err("InvalidParameterValue"));
    check(of("i-3", true, &[]), Err("InvalidInstanceID.NotFound"));
}

#[test]
fn the_instance_says_which_volumes_it_has_and_which_is_its_root() {
    let bed = bed();
    bed.here(|it| {
        let at = Timestamp::UNIX_EPOCH;
        it.ec2.instances.change("i-1", at, |it| it.root_device = "/dev/sdf".into())
    });
    assert_eq!(volumes(&bed, of("i-1", false, &["vol-a"])), Ok(vec!["vol-c".to_owned()]));
    put_instance(&bed, "i-3", &[]);
    assert_eq!(volumes(&bed, of("i-3", true, &[])), Err("InvalidParameterValue"));
    put_volume(&bed, attached("vol-e", "i-4", "/dev/xvda"));
    assert_eq!(volumes(&bed, of("i-4", true, &[])), Err("InvalidInstanceID.NotFound"));
}

#[test]
fn they_are_of_one_moment_and_end_together() {
    let bed = bed();
    volumes(&bed, of("i-1", false, &[])).unwrap();
    assert_eq!(get(&bed, "snap-1").unwrap().started_at, get(&bed, "snap-2").unwrap().started_at);
    bed.pass(300);
    let sample =
        include_str!("../../../../core/tests/events/ebs-create-snapshots-multi-succeeded.json");
    assert_like(&bed, sample);
    assert_eq!(state(&bed, "snap-2"), Some(State::Completed));
}

#[test]
fn when_one_fails_all_do() {
    let bed = bed();
    bed.here(|it| it.ec2.failing.insert("vol-c".into()));
    volumes(&bed, of("i-1", false, &[])).unwrap();
    bed.pass(300);
    let sample =
        include_str!("../../../../core/tests/events/ebs-create-snapshots-multi-failed.json");
    assert_like(&bed, sample);
    assert_eq!(state(&bed, "snap-1"), Some(State::Error));
}

#[test]
fn one_that_is_deleted_does_not_harm_the_others() {
    let bed = bed();
    volumes(&bed, of("i-1", true, &[])).unwrap();
    delete(&bed, "snap-1").unwrap();
    bed.pass(300);
    assert_eq!(state(&bed, "snap-1"), None);
    assert_eq!(state(&bed, "snap-2"), Some(State::Completed));
}

#[test]
fn tags_of_the_volume_are_copied_when_asked_but_not_those_of_aws() {
    let bed = bed();
    let copy_tags_from_source = Some("volume".to_owned());
    bed.ask(CreateSnapshots { copy_tags_from_source, ..of("i-1", false, &[]) }).unwrap();
    let tags = |id: &str| get(&bed, id).unwrap().tags.into_keys().collect::<Vec<_>>();
    assert_eq!((tags("snap-1"), tags("snap-2")), (vec!["team".to_owned()], vec![]));
    let copy_tags_from_source = Some("instance".to_owned());
    let bad = CreateSnapshots { copy_tags_from_source, ..of("i-1", true, &[]) };
    assert_eq!(bed.ask(bad), Err("InvalidParameterValue"));
}

#[test]
fn nothing_is_begun_when_one_cannot_be() {
    let bed = bed();
    create(&bed, "vol-c").unwrap();
    let refused = volumes(&bed, of("i-1", true, &[]));
    assert_eq!(refused, Err("SnapshotCreationPerVolumeRateExceeded"));
    assert_eq!(get(&bed, "snap-2"), None);
}
