use jiff::SignedDuration;
use lamplighter_core::Tags;
use serde_json::{Value, json};

use super::{
    kinds_tests::{at_hub, check_bad, fleet},
    tests::{HUB, MEMBER, built, with_clock},
};
use crate::rds::{
    clusters::Cluster,
    instances::{Instance, Member},
    status::Status,
};

#[test]
fn an_exact_database_is_as_it_is_written() {
    let cloud = built(&fleet(json!({ "databases": [{
        "account": HUB, "id": "orders", "engine": "postgres", "class": "db.m5.large", "size": 99,
        "zone": "b", "multi-az": true, "encrypted": true, "key": "alias/data", "age": "3d",
        "deletion-protection": true, "tags": { "backup": "daily" },
    }]})));
    at_hub(&cloud, |here| {
        let it = here.rds.instances.get("orders").unwrap();
        let at = "2026-02-27T00:00:00Z".parse().unwrap();
        let key = here.kms.iter().find(|it| it.alias.as_deref() == Some("alias/data")).unwrap();
        let wanted = Instance {
            resource_id: "db-1".into(),
            class: "db.m5.large".into(),
            storage_gib: 99,
            zone: "eu-west-1b".into(),
            multi_az: true,
            key: Some(key.arn.clone()),
            deletion_protection: true,
            tags: Tags::from([("backup".to_owned(), "daily".to_owned())]),
            ..Instance::available("orders", "postgres", at)
        };
        assert_eq!(it, &wanted);
    });
}

#[test]
fn databases_are_counted_and_replicas_name_their_source() {
    let cloud = built(&fleet(json!({ "databases": [
        { "id": "orders-{n}", "count": 2 },
        { "account": HUB, "replica-of": "orders-2" },
        { "account": HUB, "engine": ["mysql", "mariadb"], "count": 20, "class": "db.r5.large" },
    ]})));
    at_hub(&cloud, |here| {
        let all: Vec<_> = here.rds.instances.iter().map(|(_, it)| it.clone()).collect();
        assert_eq!(all.len(), 23);
        let replicas = all.iter().filter_map(|it| it.replica_of.as_deref());
        assert_eq!(replicas.collect::<Vec<_>>(), ["orders-2"]);
        assert!(all.iter().any(|it| &*it.engine == "mariadb"));
        let ids: std::collections::BTreeSet<_> = all.iter().map(|it| &it.resource_id).collect();
        assert_eq!(ids.len(), all.len());
    });
    cloud.look(|state, _| {
        let there = state.services(&crate::bed::place(MEMBER, "us-east-1"));
        let zones = there.rds.instances.iter().map(|(name, it)| (name.to_owned(), it.zone.clone()));
        let zone = || "us-east-1a".into();
        let wanted = [("orders-1".to_owned(), zone()), ("orders-2".to_owned(), zone())];
        assert_eq!(zones.collect::<Vec<_>>(), wanted);
    });
}

#[test]
fn what_is_stopped_starts_after_seven_days() {
    let states = |hours| {
        let (cloud, clock) = with_clock();
        fleet(json!({
            "databases": [{ "account": HUB, "id": "db", "state": "stopped" }],
            "clusters": [{ "account": HUB, "id": "c", "state": "stopped" }],
        }))
        .build(&cloud)
        .unwrap();
        clock.pass(SignedDuration::from_hours(hours));
        at_hub(&cloud, |here| {
            let instance = |name| here.rds.instances.get(name).unwrap().life.status;
            [
                instance("db"),
                here.rds.clusters.get("c").unwrap().life.status,
                instance("c-instance-1"),
            ]
        })
    };
    assert_eq!(states(7 * 24 - 1), [Status::Stopped; 3]);
    assert_eq!(states(7 * 24), [Status::Starting; 3]);
    assert_eq!(states(8 * 24), [Status::Available; 3]);
}

#[test]
fn what_aws_does_ends_and_what_is_broken_stays() {
    let check = |kind: &str, state: &str, hours, wanted: Option<Status>| {
        let (cloud, clock) = with_clock();
        let entry = json!({ "account": HUB, "id": "db", "state": state });
        fleet(json!({ kind: [entry] })).build(&cloud).unwrap();
        at_hub(&cloud, |here| {
            let instance = here.rds.instances.get("db").map(|it| it.life.status);
            let status = instance.or(here.rds.clusters.get("db").map(|it| it.life.status));
            assert_eq!(status.map(Status::as_str), Some(state));
        });
        clock.pass(SignedDuration::from_hours(hours));
        at_hub(&cloud, |here| {
            let instance = here.rds.instances.get("db").map(|it| it.life.status);
            let cluster = here.rds.clusters.get("db").map(|it| it.life.status);
            assert_eq!(instance.or(cluster), wanted, "{state}");
        });
    };
    for passing in ["backing-up", "creating", "maintenance", "modifying", "starting", "upgrading"] {
        check("databases", passing, 1, Some(Status::Available));
        check("clusters", passing, 1, Some(Status::Available));
    }
    for passing in ["configuring-enhanced-monitoring", "rebooting", "storage-optimization"] {
        check("databases", passing, 1, Some(Status::Available));
    }
    check("databases", "stopping", 1, Some(Status::Stopped));
    check("clusters", "stopping", 8 * 24, Some(Status::Available));
    check("databases", "deleting", 1, None);
    for (state, stays) in [
        ("failed", Status::Failed),
        ("inaccessible-encryption-credentials", Status::InaccessibleEncryptionCredentials),
        ("incompatible-network", Status::IncompatibleNetwork),
        ("incompatible-restore", Status::IncompatibleRestore),
        ("storage-full", Status::StorageFull),
    ] {
        check("databases", state, 24, Some(stays));
    }
}

#[test]
fn the_members_of_a_cluster_stop_and_start_with_it() {
    let check = |state: &str, wanted: Status| {
        let clusters = json!([{ "account": HUB, "id": "c", "state": state }]);
        at_hub(&built(&fleet(json!({ "clusters": clusters }))), |here| {
            let member = here.rds.instances.get("c-instance-1").unwrap();
            assert_eq!(member.life.status, wanted, "{state}");
        });
    };
    check("stopping", Status::Stopping);
    check("starting", Status::Starting);
    check("backing-up", Status::Available);
}

#[test]
fn a_cluster_has_its_members() {
    let cloud = built(&fleet(json!({ "clusters": [
        { "account": HUB, "id": "shop", "engine": "aurora-postgresql", "members": 2, "age": "3d",
          "class": "db.r6g.large", "encrypted": true, "deletion-protection": true,
          "tags": { "backup": "daily" } },
        { "account": HUB, "id": "empty", "members": 0 },
        { "account": HUB, "count": 30, "members": "1..2" },
    ]})));
    at_hub(&cloud, |here| {
        let at = "2026-02-27T00:00:00Z".parse().unwrap();
        let cluster = here.rds.clusters.get("shop").unwrap();
        let key = crate::kms::Kms::managed(&crate::bed::place(HUB, "eu-west-1"), "alias/aws/rds");
        let wanted = Cluster {
            resource_id: "cluster-1".into(),
            key: Some(key.clone()),
            deletion_protection: true,
            tags: Tags::from([("backup".to_owned(), "daily".to_owned())]),
            ..Cluster::available("shop", "aurora-postgresql", at)
        };
        assert_eq!(cluster, &wanted);
        let member = here.rds.instances.get("shop-instance-2").unwrap();
        let wanted = Instance {
            resource_id: member.resource_id.clone(),
            class: "db.r6g.large".into(),
            storage_gib: 1,
            storage_type: "aurora".into(),
            zone: "eu-west-1b".into(),
            key: Some(key),
            member: Some(Member { cluster: "shop".into(), writer: false }),
            ..Instance::available("shop-instance-2", "aurora-postgresql", at)
        };
        assert_eq!(member, &wanted);
        let members = |of: &str| {
            let of = |it: &Instance| it.member.as_ref().is_some_and(|it| &*it.cluster == of);
            here.rds.instances.iter().filter(|(_, it)| of(it)).count()
        };
        assert_eq!((members("shop"), members("empty")), (2, 0));
        assert_eq!(here.rds.clusters.iter().count(), 32);
        let writers = here.rds.instances.iter().filter_map(|(_, it)| it.member.as_ref());
        assert_eq!(writers.filter(|it| it.writer).count(), 31);
    });
}

#[test]
fn a_database_that_cannot_be_is_refused() {
    let check = |entry: Value, wanted: &[&str]| check_bad("databases", entry, wanted);
    check(json!({ "id": "orders" }), &[]);
    for id in ["Orders", "1orders", "orders-", "or--ders", "or_ders", &"a".repeat(64)] {
        check(json!({ "id": id }), &[".id"]);
    }
    check(json!({ "class": "m5.large" }), &[".class"]);
    check(json!({ "size": 4 }), &[".size"]);
    check(json!({ "zone": "eu-west-1a" }), &[".zone"]);
    check(json!({ "key": "data" }), &[".key"]);
    check(json!({ "state": "stopped", "multi-az": true }), &[]);
    check(json!({ "state": "stopping", "replica-of": "orders" }), &[".state", ".replica-of"]);
    check(json!({ "state": "stopped", "multi-az": true, "engine": "sqlserver-se" }), &[".state"]);
    check(json!({ "replica-of": "orders" }), &[".replica-of"]);
    let check = |entry: Value, wanted: &[&str]| check_bad("clusters", entry, wanted);
    check(json!({ "id": "shop", "members": "0..16" }), &[]);
    check(json!({ "members": 17 }), &[".members"]);
    check(json!({ "id": "Shop" }), &[".id"]);
    check(json!({ "id": "a".repeat(52) }), &[".id"]);
    check(json!({ "state": ["available", "backing-up"] }), &[]);
    for state in ["storage-full", "rebooting", "failed"] {
        check(json!({ "state": ["available", state] }), &[".state"]);
    }
    check(json!({ "class": "large" }), &[".class"]);
    check(json!({ "key": "data" }), &[".key"]);
}

#[test]
fn a_replica_has_a_running_source_of_its_engine_in_its_place() {
    let check = |source: Value, wanted: &[(&str, &str)]| {
        let replica = json!({ "account": HUB, "replica-of": "orders" });
        let bad = fleet(json!({ "databases": [source, replica] })).check();
        let bad: Vec<_> = bad.iter().map(|it| (it.path.as_str(), it.message.as_str())).collect();
        assert_eq!(bad, wanted);
    };
    let path = "databases[1].replica-of";
    check(json!({ "id": "orders" }), &[]);
    let gone = "there is no database `orders` in 111122223333/eu-west-1";
    check(json!({ "id": "orders", "account": MEMBER }), &[(path, gone)]);
    let other = "`orders` has another engine";
    check(json!({ "id": "orders", "engine": "postgres" }), &[(path, other)]);
    let stopped = "`orders` may be stopped, and then it has no read replicas";
    check(json!({ "id": "orders", "state": ["available", "stopped"] }), &[(path, stopped)]);
    let replica = json!({ "account": HUB, "replica-of": "orders", "state": "stopped" });
    let bad = fleet(json!({ "databases": [{ "id": "orders" }, replica] })).check();
    assert_eq!(bad[0].path, "databases[1].state");
}
