use lamplighter_core::{Tags, action::TASK_TAG};

use super::*;
use crate::{
    bed::Bed,
    ec2::{
        lock::{LockSnapshot, Mode},
        trial::{create, delete, get, put, put_volume, state, used, volume},
    },
};

fn ours() -> Tags {
    Tags::from([(TASK_TAG.to_owned(), "nightly".to_owned())])
}

#[test]
fn what_aws_keeps_cannot_be_deleted() {
    let bed = Bed::new();
    put(&bed, "snap-image", used);
    put(&bed, "snap-backup", |it| {
        it.tags.insert("aws:backup:source-resource".into(), String::new());
    });
    put(&bed, "snap-locked", |_| {});
    put(&bed, "snap-bin", |it| it.state = State::Recoverable);
    let lock = LockSnapshot {
        snapshot_id: "snap-locked".into(),
        lock_mode: Mode::Governance,
        cool_off_period: None,
        lock_duration: Some(1),
        expiration_date: None,
    };
    bed.ask(lock).unwrap();
    assert_eq!(delete(&bed, "snap-image"), Err("InvalidSnapshot.InUse"));
    assert_eq!(delete(&bed, "snap-backup"), Err("InvalidParameterValue"));
    assert_eq!(delete(&bed, "snap-locked"), Err("OperationNotPermitted"));
    assert_eq!(delete(&bed, "snap-bin"), Err("InvalidSnapshot.NotFound"));
    assert_eq!(delete(&bed, "snap-none"), Err("InvalidSnapshot.NotFound"));
    assert_eq!(delete(&bed, "vol-1"), Err("InvalidSnapshotID.Malformed"));
    bed.pass(24 * 3600);
    assert_eq!(delete(&bed, "snap-locked"), Ok(()), "the lock is over");
    assert_eq!(delete(&bed, "snap-locked"), Err("InvalidSnapshot.NotFound"));
}

#[test]
fn only_the_owner_deletes() {
    let bed = Bed::new();
    put(&bed, "snap-a", |it| it.share.accounts = ["222233334444".parse().unwrap()].into());
    put(&bed, "snap-b", |_| {});
    let other = bed.at("222233334444", "eu-west-1");
    assert_eq!(delete(&other, "snap-a"), Err("UnauthorizedOperation"));
    assert_eq!(delete(&other, "snap-b"), Err("InvalidSnapshot.NotFound"));
}

#[test]
fn a_pending_snapshot_is_deleted_when_it_completes_and_counts_until_then() {
    let bed = Bed::new();
    put_volume(&bed, crate::ec2::volumes::Volume { kind: "st1".into(), ..volume("vol-a") });
    create(&bed, "vol-a").unwrap();
    bed.pass(15);
    assert_eq!(delete(&bed, "snap-1"), Ok(()));
    assert_eq!(delete(&bed, "snap-1"), Ok(()), "it was accepted already");
    assert_eq!(create(&bed, "vol-a"), Err("ConcurrentSnapshotLimitExceeded"));
    bed.pass(284);
    assert_eq!(state(&bed, "snap-1"), Some(State::Pending));
    bed.pass(1);
    assert_eq!(get(&bed, "snap-1"), None);
    assert!(create(&bed, "vol-a").is_ok());
}

#[test]
fn laws_of_deletion_are_judged() {
    let bed = Bed::new();
    put(&bed, "snap-a", |it| it.tags = ours());
    put(&bed, "snap-b", |it| it.tags = ours());
    delete(&bed, "snap-a").unwrap();
    let broken = || bed.cloud.broken_laws();
    assert_eq!(broken(), [""; 0]);
    delete(&bed, "snap-b").unwrap();
    assert_eq!(broken(), ["L7: `snap-b`, the newest completed backup of `vol-a`, was deleted"]);
    put(&bed, "snap-c", |_| {});
    put(&bed, "snap-d", |it| it.tags = ours());
    delete(&bed, "snap-c").unwrap();
    let last = "L6: `snap-c` was deleted, and neither made by a task nor adopted";
    assert_eq!(broken()[1..], [last]);
}

#[test]
fn a_copy_covers_its_source_by_the_tag_that_names_it() {
    let bed = Bed::new();
    put(&bed, "snap-a", |it| it.tags = ours());
    put(&bed, "snap-b", |it| {
        it.volume_id = "vol-ffffffff".into();
        it.tags = ours();
        it.tags.insert(lamplighter_core::action::SOURCE_TAG.into(), "vol-a".into());
    });
    delete(&bed, "snap-a").unwrap();
    assert_eq!(bed.cloud.broken_laws(), [""; 0]);
}
