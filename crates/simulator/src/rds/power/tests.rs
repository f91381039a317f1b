use serde_json::json;

use super::*;
use crate::{
    bed::Bed,
    dials::Lag,
    rds::{
        instances::DescribeDBInstances,
        world::{cluster, cluster_status, event_ids, instance, instance_status, key, steady},
    },
};

fn start(name: &str) -> StartDBInstance {
    StartDBInstance { name: name.into() }
}

fn stop(name: &str) -> StopDBInstance {
    StopDBInstance { name: name.into(), snapshot: None }
}

const DAY: i64 = 24 * 60 * 60;

#[test]
fn an_instance_stops_and_starts_over_minutes() {
    let bed = Bed::new();
    instance(&bed, "db", |_| ());
    let answer = bed.ask(stop("DB")).unwrap();
    assert_eq!(answer["DBInstance"]["DBInstanceStatus"], "stopping");
    assert_eq!(bed.ask(stop("db")), Err("InvalidDBInstanceState"));
    assert_eq!(bed.ask(start("db")), Err("InvalidDBInstanceState"));
    bed.pass(6 * 60 - 1);
    assert_eq!(instance_status(&bed, "db"), Some("stopping"));
    bed.pass(1);
    assert_eq!(instance_status(&bed, "db"), Some("stopped"));
    assert_eq!(bed.ask(stop("db")), Err("InvalidDBInstanceState"));
    bed.ask(start("db")).unwrap();
    bed.pass(8 * 60);
    assert_eq!(instance_status(&bed, "db"), Some("available"));
    assert_eq!(event_ids(&bed), ["0087 db", "0088 db"]);
    bed.pass(30 * DAY);
    assert_eq!(instance_status(&bed, "db"), Some("available"));
}

#[test]
fn what_was_stopped_for_seven_days_is_started_by_aws() {
    let bed = Bed::new();
    instance(&bed, "db", |_| ());
    bed.ask(stop("db")).unwrap();
    bed.pass(6 * 60);
    let shown = bed.ask(DescribeDBInstances::default()).unwrap();
    let restart = &shown["DBInstances"][0]["AutomaticRestartTime"];
    assert_eq!(*restart, json!("2026-03-09T02:06:00.000Z"));
    bed.pass(7 * DAY - 1);
    assert_eq!(instance_status(&bed, "db"), Some("stopped"));
    bed.pass(1);
    assert_eq!(instance_status(&bed, "db"), Some("starting"));
    bed.pass(8 * 60);
    assert_eq!(instance_status(&bed, "db"), Some("available"));
    assert_eq!(event_ids(&bed), ["0087 db", "0154 db", "0088 db"]);
}

#[test]
fn seven_days_count_from_the_last_stop() {
    let bed = Bed::new();
    instance(&bed, "db", |_| ());
    bed.ask(stop("db")).unwrap();
    bed.pass(3 * DAY);
    bed.ask(start("db")).unwrap();
    bed.pass(DAY);
    bed.ask(stop("db")).unwrap();
    bed.pass(6 * DAY);
    assert_eq!(instance_status(&bed, "db"), Some("stopped"));
    bed.pass(2 * DAY);
    assert_eq!(instance_status(&bed, "db"), Some("available"));
}

#[test]
fn a_snapshot_may_be_taken_before_the_stop() {
    let bed = Bed::new();
    instance(&bed, "db", |_| ());
    bed.ask(StopDBInstance { name: "db".into(), snapshot: Some("last".into()) }).unwrap();
    bed.pass(10 * 60);
    assert_eq!(instance_status(&bed, "db"), Some("stopping"));
    bed.pass(6 * 60);
    assert_eq!(instance_status(&bed, "db"), Some("stopped"));
    assert_eq!(event_ids(&bed), ["0040 last", "0042 last", "0087 db"]);
    bed.ask(start("db")).unwrap();
    bed.pass(DAY);
    let again = StopDBInstance { name: "db".into(), snapshot: Some("last".into()) };
    assert_eq!(bed.ask(again), Err("DBSnapshotAlreadyExists"));
    assert_eq!(instance_status(&bed, "db"), Some("available"), "it is not stopped either");
}

/// Stops `db` after it was changed.
#[track_caller]
fn check(change: impl FnOnce(&mut Instance), expected: Result<(), &str>) {
    let bed = Bed::new();
    instance(&bed, "db", change);
    instance(&bed, "source", |_| ());
    instance(&bed, "replica", |it| it.replica_of = Some("source".into()));
    assert_eq!(bed.ask(stop("db")).map(drop), expected);
}

#[test]
fn some_instances_are_never_stopped() {
    let (state, combination) = ("InvalidDBInstanceState", "InvalidParameterCombination");
    check(|_| (), Ok(()));
    check(|it| it.multi_az = true, Ok(()));
    check(|it| it.engine = "sqlserver-se".into(), Ok(()));
    check(
        |it| {
            it.engine = "sqlserver-se".into();
            it.multi_az = true;
        },
        Err(state),
    );
    check(|it| it.replica_of = Some("source".into()), Err(state));
    check(|it| it.engine = "custom-oracle-ee".into(), Err(combination));
    check(|it| it.engine = "custom-sqlserver-ee".into(), Ok(()));
    for status in [Status::BackingUp, Status::Modifying, Status::StorageOptimization] {
        check(|it| it.life = steady(status), Err(state));
    }
    let bed = Bed::new();
    instance(&bed, "source", |_| ());
    instance(&bed, "replica", |it| it.replica_of = Some("source".into()));
    assert_eq!(bed.ask(stop("source")), Err(state));
    cluster(&bed, "aurora", |_| ());
    assert_eq!(bed.ask(stop("aurora-1")), Err(combination));
    assert_eq!(bed.ask(stop("none")), Err("DBInstanceNotFound"));
}

#[test]
fn a_cluster_stops_and_starts_with_its_members() {
    let bed = Bed::new();
    cluster(&bed, "aurora", |_| ());
    instance(&bed, "other", |_| ());
    let stop = || StopDBCluster { name: "Aurora".into() };
    bed.ask(stop()).unwrap();
    let all = || {
        let members = ["aurora-1", "other"].map(|it| instance_status(&bed, it).unwrap());
        (cluster_status(&bed, "aurora").unwrap(), members)
    };
    assert_eq!(all(), ("stopping", ["stopping", "available"]));
    assert_eq!(bed.ask(stop()), Err("InvalidDBClusterStateFault"));
    bed.pass(6 * 60);
    assert_eq!(all(), ("stopped", ["stopped", "available"]));
    bed.pass(7 * DAY);
    assert_eq!(all(), ("starting", ["starting", "available"]));
    bed.pass(8 * 60);
    assert_eq!(all(), ("available", ["available", "available"]));
    assert_eq!(event_ids(&bed), ["0150 aurora", "0153 aurora", "0151 aurora"]);
    bed.here(|it| {
        it.rds.instances.change("aurora-1", bed.now(), |it| it.life = steady(Status::Modifying))
    });
    assert_eq!(bed.ask(stop()), Err("InvalidDBInstanceState"));
}

#[test]
fn some_clusters_are_never_stopped() {
    let refused = |change: fn(&mut Cluster)| {
        let bed = Bed::new();
        cluster(&bed, "c", change);
        bed.ask(StopDBCluster { name: "c".into() }).map(drop)
    };
    let state = Err("InvalidDBClusterStateFault");
    assert_eq!(refused(|it| it.engine = "aurora-postgresql".into()), Ok(()));
    assert_eq!(refused(|it| it.engine = "docdb".into()), Ok(()));
    assert_eq!(refused(|it| it.engine = "postgres".into()), state);
    assert_eq!(refused(|it| it.engine_mode = "serverless".into()), state);
    assert_eq!(refused(|it| it.global = Some("g".into())), state);
    assert_eq!(refused(|it| it.replica_of = Some("arn:aws:rds:x".into())), state);
    assert_eq!(refused(|it| it.replicas = vec!["arn:aws:rds:x".into()]), state);
    let bed = Bed::new();
    assert_eq!(bed.ask(StopDBCluster { name: "c".into() }), Err("DBClusterNotFoundFault"));
}

#[test]
fn what_is_encrypted_starts_with_its_key_only() {
    let bed = Bed::new();
    let arn = key(&bed, "k-1", &[]);
    instance(&bed, "db", |it| {
        it.key = Some(arn);
        it.life = steady(Status::Stopped);
    });
    let disable = |state| bed.here(|it| it.kms.get_mut("k-1").unwrap().state = state);
    disable(crate::kms::KeyState::Disabled);
    assert_eq!(bed.ask(start("db")), Err("KMSKeyNotAccessibleFault"));
    disable(crate::kms::KeyState::Enabled);
    assert!(bed.ask(start("db")).is_ok());
}

#[test]
fn a_reboot_takes_a_minute_and_fails_over_only_where_there_is_a_standby() {
    let bed = Bed::new();
    instance(&bed, "db", |_| ());
    let reboot = |force| RebootDBInstance { name: "db".into(), force_failover: force };
    assert_eq!(bed.ask(reboot(true)), Err("InvalidParameterCombination"));
    bed.ask(reboot(false)).unwrap();
    assert_eq!(instance_status(&bed, "db"), Some("rebooting"));
    assert_eq!(bed.ask(reboot(false)), Err("InvalidDBInstanceState"));
    bed.pass(60);
    assert_eq!(instance_status(&bed, "db"), Some("available"));
    assert_eq!(event_ids(&bed), ["0006 db"]);
}

#[test]
fn describes_lag_behind_a_stop() {
    let bed = Bed::new();
    instance(&bed, "db", |_| ());
    bed.cloud.dial(|it| it.lag = Lag::Always(jiff::SignedDuration::from_secs(5)));
    bed.ask(stop("db")).unwrap();
    let status = || {
        bed.ask(DescribeDBInstances::default()).unwrap()["DBInstances"][0]["DBInstanceStatus"]
            .clone()
    };
    assert_eq!(status(), "available");
    bed.pass(5);
    assert_eq!(status(), "stopping");
}
