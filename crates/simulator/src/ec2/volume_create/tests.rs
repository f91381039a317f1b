use super::*;
use crate::{
    bed::Bed,
    ec2::trial::{assert_like, put, put_key},
    kms::KeyState,
};

fn of(snapshot: Option<&str>, size: Option<u32>) -> CreateVolume {
    CreateVolume {
        availability_zone: "us-east-1a".into(),
        snapshot_id: snapshot.map(str::to_owned),
        size,
        ..CreateVolume::default()
    }
}

fn bed() -> Bed {
    Bed::new().at("123456789012", "us-east-1")
}

fn state(bed: &Bed, id: &str) -> Option<State> {
    bed.here(|it| it.ec2.volumes.get(id).map(|it| it.state))
}

#[test]
fn a_volume_is_available_after_a_moment() {
    let bed = bed();
    let made = bed.ask(of(None, Some(8))).unwrap();
    assert_eq!((&made["status"], &made["volumeType"]), (&"creating".into(), &"gp2".into()));
    bed.pass(4);
    assert_eq!(state(&bed, "vol-1"), Some(State::Creating));
    bed.pass(1);
    assert_eq!(state(&bed, "vol-1"), Some(State::Available));
    assert_like(
        &bed,
        include_str!("../../../../core/tests/events/ebs-volume-create-available.json"),
    );
}

#[test]
fn a_volume_whose_key_cannot_be_used_is_gone_again() {
    let bed = bed();
    let key = put_key(&bed, "01234567-0123-0123-0123-0123456789ab", &[]);
    bed.here(|it| {
        let key = it.kms.get_mut("01234567-0123-0123-0123-0123456789ab");
        key.unwrap().state = KeyState::Disabled;
    });
    let request =
        CreateVolume { encrypted: Some(true), kms_key_id: Some(key), ..of(None, Some(8)) };
    bed.ask(request).unwrap();
    bed.pass(5);
    assert_eq!(state(&bed, "vol-1"), None);
    assert_like(
        &bed,
        include_str!("../../../../core/tests/events/ebs-volume-create-failed-kms.json"),
    );
}

#[track_caller]
fn check(request: CreateVolume, expected: Result<u32, &str>) {
    let bed = bed();
    put(&bed, "snap-a", |it| it.size_gib = 100);
    put(&bed, "snap-pending", |it| it.state = SnapshotState::Pending);
    let size = bed.ask(request).map(|it| it["size"].as_u64().unwrap() as u32);
    assert_eq!(size, expected);
}

#[test]
fn a_volume_of_a_snapshot_is_not_smaller() {
    check(of(Some("snap-a"), None), Ok(100));
    check(of(Some("snap-a"), Some(101)), Ok(101));
    check(of(Some("snap-a"), Some(99)), Err("InvalidParameterValue"));
    check(of(Some("snap-pending"), None), Err("IncorrectState"));
    check(of(Some("snap-none"), None), Err("InvalidSnapshot.NotFound"));
    check(of(None, None), Err("MissingParameter"));
    let zone = "us-east-2a".to_owned();
    let elsewhere = CreateVolume { availability_zone: zone, ..of(None, Some(8)) };
    check(elsewhere, Err("InvalidZone.NotFound"));
}

#[test]
fn a_shared_snapshot_can_be_used_and_encryption_follows() {
    let owner = Bed::new().at("222233334444", "us-east-1");
    put(&owner, "snap-a", |it| {
        it.share.accounts.insert("123456789012".parse().unwrap());
    });
    let receiver = owner.at("123456789012", "us-east-1");
    let made = receiver.ask(of(Some("snap-a"), None)).unwrap();
    assert_eq!(made["encrypted"], false);
    receiver.here(|it| it.ec2.settings.encryption_by_default = true);
    let made = receiver.ask(of(Some("snap-a"), None)).unwrap();
    assert_eq!(made["encrypted"], true);
}

/// EBS User Guide, "Amazon EBS encryption", encryption outcomes.
#[test]
fn a_volume_has_the_key_of_the_accounts_own_snapshot_unless_another_is_named() {
    let owner = Bed::new().at("222233334444", "us-east-1");
    let key = put_key(&owner, "01234567-0123-0123-0123-0123456789ab", &[]);
    put(&owner, "snap-a", |it| {
        (it.encrypted, it.kms_key_id) = (true, Some(key.as_str().into()));
        it.share.accounts.insert("123456789012".parse().unwrap());
    });
    let aws = "arn:aws:kms:us-east-1:123456789012:";
    let of_bed = |bed: &Bed, named: Option<&str>| {
        let encrypted = named.map(|_| true);
        let kms_key_id = named.map(str::to_owned);
        let made = bed.ask(CreateVolume { encrypted, kms_key_id, ..of(Some("snap-a"), None) });
        made.unwrap()["kmsKeyId"].as_str().unwrap().to_owned()
    };
    assert_eq!(of_bed(&owner, None), key);
    let other = put_key(&owner, "11234567-0123-0123-0123-0123456789ab", &[]);
    assert_eq!(of_bed(&owner, Some(&other)), other);
    owner.here(|it| it.ec2.settings.encryption_by_default = true);
    assert_eq!(of_bed(&owner, None), key);
    // What others share is encrypted with the default key.
    let shared = of_bed(&owner.at("123456789012", "us-east-1"), None);
    assert!(shared.starts_with(aws), "{shared}");
}

#[test]
fn the_same_request_with_a_token_makes_one_volume() {
    let bed = bed();
    let with = |size| {
        let token = Some("t-1".to_owned());
        bed.ask(CreateVolume { client_token: token, ..of(None, Some(size)) })
    };
    assert_eq!(with(8).unwrap()["volumeId"], "vol-1");
    assert_eq!(with(8).unwrap()["volumeId"], "vol-1");
    assert_eq!(with(9), Err("IdempotentParameterMismatch"));
    assert_eq!(bed.cloud.made("vol"), 1);
    let token = Some("t".repeat(65));
    let long = CreateVolume { client_token: token, ..of(None, Some(8)) };
    assert_eq!(bed.ask(long), Err("InvalidParameterValue"));
}
