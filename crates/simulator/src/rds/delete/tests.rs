use super::*;
use crate::{
    bed::Bed,
    rds::{
        create::CreateDBInstance,
        world::{
            automated, cluster, cluster_status, event_ids, instance, instance_status, snapshot,
            snapshot_status, steady,
        },
    },
};

fn delete(skip: bool, last: Option<&str>) -> DeleteDBInstance {
    let final_snapshot = last.map(str::to_owned);
    DeleteDBInstance { name: "db".into(), skip_final_snapshot: skip, final_snapshot }
}

/// Deletes `db` after it was changed.
#[track_caller]
fn check(
    change: impl FnOnce(&mut instances::Instance),
    skip: bool,
    last: Option<&str>,
    expected: Result<(), &str>,
) {
    let bed = Bed::new();
    instance(&bed, "db", change);
    snapshot(&bed, Kind::Instance, "taken", |_| ());
    assert_eq!(bed.ask(delete(skip, last)).map(drop), expected);
}

#[test]
fn a_final_snapshot_is_taken_or_skipped() {
    let combination = Err("InvalidParameterCombination");
    check(|_| (), true, None, Ok(()));
    check(|_| (), false, Some("last"), Ok(()));
    check(|_| (), false, None, combination);
    check(|_| (), true, Some("last"), combination);
    check(|_| (), false, Some("taken"), Err("DBSnapshotAlreadyExists"));
    check(|_| (), false, Some("a--b"), Err("InvalidParameterValue"));
    check(|it| it.deletion_protection = true, true, None, combination);
    let replica = |it: &mut instances::Instance| it.replica_of = Some("source".into());
    check(replica, true, None, Ok(()));
    check(replica, false, None, combination);
    check(replica, false, Some("last"), combination);
}

#[test]
fn what_failed_or_stopped_is_deleted_without_a_final_snapshot_only() {
    for status in [Status::Failed, Status::IncompatibleNetwork, Status::Stopped] {
        check(|it| it.life = steady(status), true, None, Ok(()));
        check(|it| it.life = steady(status), false, Some("last"), Err("InvalidDBInstanceState"));
    }
    check(|it| it.life = steady(Status::Creating), true, None, Err("InvalidDBInstanceState"));
}

#[test]
fn an_instance_is_gone_after_its_final_snapshot() {
    let bed = Bed::new();
    instance(&bed, "db", |_| ());
    snapshot(&bed, Kind::Instance, "rds:db", automated);
    snapshot(&bed, Kind::Cluster, "rds:db", automated);
    bed.ask(delete(false, Some("Last"))).unwrap();
    assert_eq!(bed.ask(delete(true, None)), Err("InvalidDBInstanceState"));
    bed.pass(10 * 60);
    assert_eq!(instance_status(&bed, "db"), Some("deleting"));
    bed.pass(5 * 60);
    assert_eq!(instance_status(&bed, "db"), None);
    let left = |kind, name| snapshot_status(&bed, kind, name);
    assert_eq!(left(Kind::Instance, "last"), Some("available"));
    assert_eq!(left(Kind::Instance, "rds:db"), None, "automated ones go with it");
    assert_eq!(left(Kind::Cluster, "rds:db"), Some("available"), "of another `db`");
    assert_eq!(event_ids(&bed), ["0040 last", "0042 last", "0003 db"]);
    assert_eq!(bed.ask(delete(true, None)), Err("DBInstanceNotFound"));
}

#[test]
fn a_cluster_is_deleted_after_its_members() {
    let bed = Bed::new();
    cluster(&bed, "db", |_| ());
    let cluster = || DeleteDBCluster {
        name: "db".into(),
        skip_final_snapshot: false,
        final_snapshot: Some("last".into()),
    };
    assert_eq!(bed.ask(cluster()), Err("InvalidDBClusterStateFault"));
    let member =
        |last: Option<&str>| DeleteDBInstance { name: "db-1".into(), ..delete(false, last) };
    assert_eq!(bed.ask(member(Some("x"))), Err("InvalidParameterCombination"));
    bed.ask(member(None)).unwrap();
    bed.ask(cluster()).unwrap();
    bed.pass(15 * 60);
    assert_eq!((cluster_status(&bed, "db"), instance_status(&bed, "db-1")), (None, None));
    assert_eq!(snapshot_status(&bed, Kind::Cluster, "last"), Some("available"));
    assert_eq!(event_ids(&bed), ["0074 last", "0003 db-1", "0075 last", "0171 db"]);
}

#[test]
fn a_multi_az_cluster_takes_its_members_along() {
    let bed = Bed::new();
    cluster(&bed, "db", |it| it.engine = "postgres".into());
    let name = "db".to_owned();
    let skipped = DeleteDBCluster { name, skip_final_snapshot: true, final_snapshot: None };
    bed.ask(skipped).unwrap();
    bed.pass(5 * 60);
    assert_eq!((cluster_status(&bed, "db"), instance_status(&bed, "db-1")), (None, None));
}

#[test]
fn the_name_of_a_deleted_instance_is_free_again() {
    let bed = Bed::new();
    instance(&bed, "db", |_| ());
    bed.ask(delete(true, None)).unwrap();
    let new = || CreateDBInstance {
        name: "db".into(),
        class: "db.t3.micro".into(),
        engine: "mysql".into(),
        allocated_storage: Some(20),
        master_username: Some("admin".into()),
        master_user_password: Some("secret-secret".into()),
        ..CreateDBInstance::default()
    };
    assert_eq!(bed.ask(new()), Err("DBInstanceAlreadyExists"));
    bed.pass(5 * 60);
    assert!(bed.ask(new()).is_ok());
}
