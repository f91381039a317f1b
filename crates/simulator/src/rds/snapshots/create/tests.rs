use serde_json::json;

use super::*;
use crate::{
    bed::Bed,
    dials::Lag,
    rds::{
        snapshots::{Origin, describe::DescribeDBSnapshots},
        status::Status as Database,
        world::{
            automated, cluster, cluster_status, event_ids, instance, instance_status, snapshot,
            steady, tags, tags_of,
        },
    },
};

fn new(name: &str) -> CreateDBSnapshot {
    CreateDBSnapshot { name: name.into(), database: "DB".into(), tags: Vec::new() }
}

fn new_of_cluster(name: &str) -> CreateDBClusterSnapshot {
    CreateDBClusterSnapshot { name: name.into(), database: "DB".into(), tags: Vec::new() }
}

#[test]
fn a_snapshot_is_taken_over_minutes_while_the_instance_is_backing_up() {
    let bed = Bed::new();
    instance(&bed, "db", |_| ());
    let answer = bed.ask(new("Nightly-1")).unwrap();
    let shown = &answer["DBSnapshot"];
    assert_eq!(
        [&shown["DBSnapshotIdentifier"], &shown["Status"], &shown["SnapshotType"]],
        ["nightly-1", "creating", "manual"]
    );
    assert_eq!(shown["DBSnapshotArn"], "arn:aws:rds:eu-west-1:111122223333:snapshot:nightly-1");
    let seen = || {
        let shown = bed.ask(DescribeDBSnapshots::default()).unwrap()["DBSnapshots"][0].clone();
        (shown["Status"].as_str().unwrap().to_owned(), shown["PercentProgress"].clone())
    };
    assert_eq!(seen(), ("creating".to_owned(), json!(0)));
    assert_eq!(instance_status(&bed, "db"), Some("backing-up"));
    assert_eq!(bed.ask(new("second")), Err("InvalidDBInstanceState"), "one at a time");
    bed.pass(5 * 60);
    assert_eq!(seen(), ("creating".to_owned(), json!(50)));
    bed.pass(5 * 60);
    assert_eq!(seen(), ("available".to_owned(), json!(100)));
    assert_eq!(instance_status(&bed, "db"), Some("available"));
    assert_eq!(event_ids(&bed), ["0040 nightly-1", "0042 nightly-1"]);
    assert!(bed.ask(new("second")).is_ok());
}

#[test]
fn a_cluster_has_snapshots_of_its_own() {
    let bed = Bed::new();
    cluster(&bed, "db", |_| ());
    bed.ask(new_of_cluster("a")).unwrap();
    assert_eq!(cluster_status(&bed, "db"), Some("backing-up"));
    assert_eq!(instance_status(&bed, "db-1"), Some("available"));
    assert_eq!(bed.ask(new_of_cluster("b")), Err("InvalidDBClusterStateFault"));
    bed.pass(10 * 60);
    assert_eq!(cluster_status(&bed, "db"), Some("available"));
    assert_eq!(event_ids(&bed), ["0074 a", "0075 a"]);
    let of_member = CreateDBSnapshot { database: "db-1".into(), ..new("b") };
    assert_eq!(bed.ask(of_member), Err("InvalidDBInstanceState"));
}

/// Takes a snapshot of `db` in a state.
#[track_caller]
fn check(status: Database, expected: Result<(), &str>) {
    let bed = Bed::new();
    instance(&bed, "db", |it| it.life = steady(status));
    assert_eq!(bed.ask(new("a")).map(drop), expected, "{status:?}");
}

#[test]
fn only_what_is_available_is_backed_up() {
    check(Database::Available, Ok(()));
    check(Database::StorageOptimization, Ok(()));
    for status in [Database::Stopped, Database::Modifying, Database::Deleting, Database::Failed] {
        check(status, Err("InvalidDBInstanceState"));
    }
    let bed = Bed::new();
    assert_eq!(bed.ask(new("a")), Err("DBInstanceNotFound"));
    assert_eq!(bed.ask(new_of_cluster("a")), Err("DBClusterNotFoundFault"));
}

#[test]
fn names_are_unique_and_the_two_kinds_do_not_share_them() {
    let bed = Bed::new();
    instance(&bed, "db", |_| ());
    cluster(&bed, "db", |_| ());
    bed.ask(new("a")).unwrap();
    bed.ask(new_of_cluster("a")).unwrap();
    bed.pass(600);
    assert_eq!(bed.ask(new("A")), Err("DBSnapshotAlreadyExists"));
    assert_eq!(bed.ask(new_of_cluster("A")), Err("DBClusterSnapshotAlreadyExistsFault"));
    let long = "a".repeat(64);
    assert_eq!(bed.ask(new_of_cluster(&long)), Err("InvalidParameterValue"));
    assert!(bed.ask(new(&long)).is_ok());
    assert_eq!(bed.at("444455556666", "eu-west-1").ask(new("a")), Err("DBInstanceNotFound"));
}

#[test]
fn there_are_a_hundred_manual_snapshots_of_each_kind() {
    let bed = Bed::new();
    instance(&bed, "db", |_| ());
    cluster(&bed, "db", |_| ());
    (0..99).for_each(|it| snapshot(&bed, Kind::Instance, &format!("s-{it}"), |_| ()));
    (0..9).for_each(|it| snapshot(&bed, Kind::Instance, &format!("rds:s-{it}"), automated));
    snapshot(&bed, Kind::Instance, "awsbackup:1", |it| it.origin = Origin::AwsBackup);
    bed.ask(new("a")).unwrap();
    bed.pass(600);
    assert_eq!(bed.ask(new("b")), Err("SnapshotQuotaExceeded"));
    assert_eq!(instance_status(&bed, "db"), Some("available"), "nothing was begun");
    assert!(bed.ask(new_of_cluster("b")).is_ok());
}

#[test]
fn the_instances_tags_come_along_only_when_it_says_so() {
    for (copies, expected) in [(false, vec!["a=new"]), (true, vec!["a=new", "b=old"])] {
        let bed = Bed::new();
        instance(&bed, "db", |it| {
            it.copy_tags_to_snapshot = copies;
            for (key, value) in [("a", "old"), ("b", "old"), ("aws:cloudformation:stack", "s")] {
                it.tags.insert(key.into(), value.into());
            }
        });
        let request = CreateDBSnapshot { tags: tags(&[("a", "new")]), ..new("s") };
        assert_eq!(tags_of(&bed.ask(request).unwrap()["DBSnapshot"]), expected);
    }
}

#[test]
fn an_instance_that_describes_do_not_see_yet_is_not_found() {
    let bed = Bed::new();
    let it = instance(&bed, "db", |_| ());
    bed.cloud.dial(|it| it.lag = Lag::Always(jiff::SignedDuration::from_secs(5)));
    bed.here(|here| here.rds.instances.put("young", it, bed.now()));
    let young = || CreateDBSnapshot { database: "young".into(), ..new("a") };
    assert_eq!(bed.ask(young()), Err("DBInstanceNotFound"));
    bed.pass(5);
    assert!(bed.ask(young()).is_ok());
}

#[test]
fn a_snapshot_needs_a_permission_on_both_and_one_to_tag() {
    let bed = Bed::new();
    instance(&bed, "db", |it| drop(it.tags.insert("team".into(), "a".into())));
    let request = CreateDBSnapshot { tags: tags(&[("k", "v")]), ..new("S") };
    let found = bed.cloud.look(|state, now| {
        let cx =
            Cx { state, caller: &bed.caller, place: &bed.place, now, seen: now, retry_until: None };
        let needs = request.needs(&cx).into_iter();
        needs.map(|it| format!("{} {}", it.action, it.resource)).collect::<Vec<_>>()
    });
    let arn = "arn:aws:rds:eu-west-1:111122223333";
    assert_eq!(
        found,
        [
            format!("rds:CreateDBSnapshot {arn}:db:db"),
            format!("rds:CreateDBSnapshot {arn}:snapshot:s"),
            format!("rds:AddTagsToResource {arn}:snapshot:s"),
        ]
    );
}
