use super::*;
use crate::{
    bed::Bed,
    rds::{
        snapshots::copy::CopyDBSnapshot,
        world::{automated, event_ids, snapshot, snapshot_status},
    },
};

fn delete(name: &str) -> DeleteDBSnapshot {
    DeleteDBSnapshot { name: name.into() }
}

#[test]
fn a_deleted_snapshot_is_gone_at_once() {
    let bed = Bed::new();
    snapshot(&bed, Kind::Instance, "s", |_| ());
    snapshot(&bed, Kind::Cluster, "s", |_| ());
    let answer = bed.ask(delete("S")).unwrap();
    assert_eq!(answer["DBSnapshot"]["Status"], "deleted");
    assert_eq!(bed.ask(delete("s")), Err("DBSnapshotNotFound"));
    assert_eq!(event_ids(&bed), ["0041 s"]);
    let of_cluster = || DeleteDBClusterSnapshot { name: "s".into() };
    assert_eq!(bed.ask(of_cluster()).unwrap()["DBClusterSnapshot"]["Status"], "deleted");
    assert_eq!(bed.ask(of_cluster()), Err("DBClusterSnapshotNotFoundFault"));
}

#[test]
fn only_manual_ones_that_are_not_being_taken_are_deleted() {
    let bed = Bed::new();
    snapshot(&bed, Kind::Instance, "rds:s", automated);
    snapshot(&bed, Kind::Instance, "awsbackup:s", |it| it.origin = Origin::AwsBackup);
    snapshot(&bed, Kind::Instance, "new", |it| it.status = Status::Creating);
    for name in ["rds:s", "awsbackup:s", "new"] {
        assert_eq!(bed.ask(delete(name)), Err("InvalidDBSnapshotState"), "{name}");
    }
    snapshot(&bed, Kind::Instance, "shared", |it| {
        it.restorable_by.insert("all".into());
    });
    let arn = "arn:aws:rds:eu-west-1:111122223333:snapshot:shared";
    let other = bed.at("444455556666", "eu-west-1");
    assert_eq!(other.ask(delete(arn)), Err("DBSnapshotNotFound"));
    assert!(bed.ask(delete(arn)).is_ok());
}

#[test]
fn a_copy_ends_with_its_target_or_its_source() {
    let bed = Bed::new();
    snapshot(&bed, Kind::Instance, "s", |_| ());
    let copy = |target: &str| CopyDBSnapshot {
        source: "s".into(),
        target: target.into(),
        ..CopyDBSnapshot::default()
    };
    bed.ask(copy("a")).unwrap();
    bed.ask(copy("b")).unwrap();
    bed.ask(delete("a")).unwrap();
    bed.ask(delete("s")).unwrap();
    bed.pass(12 * 60);
    assert_eq!(snapshot_status(&bed, Kind::Instance, "a"), None);
    assert_eq!(snapshot_status(&bed, Kind::Instance, "b"), Some("failed"));
    assert_eq!(event_ids(&bed), ["0196 a", "0196 b", "0190 a", "0041 s", "0190 b"]);
    assert!(bed.ask(delete("b")).is_ok());
}
