use std::collections::BTreeSet;

use jiff::SignedDuration;
use lamplighter_core::Tags;
use serde_json::{Value, json};

use super::{
    kinds_tests::{at_hub, check_bad, fleet},
    tests::{HUB, MEMBER, built, with_clock},
};
use crate::{
    cloud::Cloud,
    rds::{
        clusters::Cluster,
        instances::Instance,
        kind::Kind,
        snapshots::{Origin, Snapshot, Status},
    },
};

/// The snapshots at the hub, as `database age-in-hours`, sorted.
fn history(cloud: &Cloud, kind: Kind) -> Vec<(String, i64)> {
    let now = cloud.now();
    let shown =
        |it: &Snapshot| (it.database.to_string(), now.duration_since(it.started_at).as_hours());
    let mut all: Vec<_> =
        at_hub(cloud, |here| here.rds.snapshots(kind).iter().map(|(_, it)| shown(it)).collect());
    all.sort();
    all
}

#[track_caller]
fn check(kind: Kind, snapshots: Value, wanted: &[(&str, i64)]) {
    let databases = json!([
        { "account": HUB, "id": "a", "tags": { "backup": "daily" } },
        { "account": HUB, "id": "b" },
    ]);
    let mut snapshots = snapshots;
    snapshots["account"] = HUB.into();
    let key = match kind {
        Kind::Instance => "database-snapshots",
        Kind::Cluster => "cluster-snapshots",
    };
    let sources = match kind {
        Kind::Instance => "databases",
        Kind::Cluster => "clusters",
    };
    let cloud = built(&fleet(json!({ sources: databases, key: [snapshots] })));
    let wanted: Vec<_> = wanted.iter().map(|(id, hours)| ((*id).to_owned(), *hours)).collect();
    assert_eq!(history(&cloud, kind), wanted, "{snapshots}");
}

#[test]
fn snapshots_are_so_many_of_each_database_and_so_far_apart() {
    for (kind, word) in [(Kind::Instance, "database"), (Kind::Cluster, "cluster")] {
        check(kind, json!({}), &[("a", 1), ("b", 1)]);
        check(kind, json!({ word: "b", "age": "3d" }), &[("b", 72)]);
        check(kind, json!({ word: ["b", "gone"] }), &[("b", 1), ("gone", 1)]);
        check(kind, json!({ "of": { "backup": "d*" }, "count": 2 }), &[("a", 1), ("a", 25)]);
        let apart = json!({ word: "a", "count": 3, "age": "2h", "every": "6h" });
        check(kind, apart, &[("a", 2), ("a", 8), ("a", 14)]);
        let automated = json!({ "type": "automated", "count": 2 });
        check(kind, automated, &[("a", 1), ("a", 25), ("b", 1), ("b", 25)]);
    }
}

#[test]
fn members_of_clusters_have_no_snapshots() {
    let cloud = built(&fleet(json!({
        "clusters": [{ "account": HUB, "id": "shop" }],
        "databases": [{ "account": HUB, "id": "orders" }],
        "database-snapshots": [{ "account": HUB }],
    })));
    assert_eq!(history(&cloud, Kind::Instance), [("orders".to_owned(), 1)]);
    assert_eq!(history(&cloud, Kind::Cluster), []);
}

#[test]
fn a_snapshot_takes_after_its_database_and_says_what_it_was_told() {
    let cloud = built(&fleet(json!({
        "databases": [{
            "account": HUB, "id": "orders", "engine": "postgres", "size": 99, "zone": "b",
            "key": "alias/data", "age": "3d",
        }],
        "database-snapshots": [
            {
                "account": HUB, "database": "orders", "id": "before-{n}", "age": "1d",
                "shared-with": MEMBER, "tags": { "of": "{database}", "at": "{at}" },
            },
            { "account": HUB, "database": "gone", "id": "last", "engine": "mariadb", "size": 7,
              "age": "100d", "key": "alias/aws/rds", "type": "manual" },
        ],
    })));
    at_hub(&cloud, |here| {
        let snapshots = here.rds.snapshots(Kind::Instance);
        let at = "2026-03-01T00:00:00Z";
        let database = here.rds.instances.get("orders").unwrap();
        let mut wanted = Snapshot::of_instance("before-1", database, at.parse().unwrap());
        wanted.restorable_by.insert(MEMBER.into());
        wanted.tags = Tags::from([("of", "orders"), ("at", at)].map(|(k, v)| (k.into(), v.into())));
        assert!(wanted.key.is_some());
        assert_eq!(snapshots.get("before-1"), Some(&wanted));
        let at = "2025-11-22T00:00:00Z".parse().unwrap();
        let mut gone = Instance::available("gone", "mariadb", at);
        gone.storage_gib = 7;
        let key = crate::kms::Kms::managed(&crate::bed::place(HUB, "eu-west-1"), "alias/aws/rds");
        gone.key = Some(key);
        assert_eq!(snapshots.get("last"), Some(&Snapshot::of_instance("last", &gone, at)));
    });
}

#[test]
fn a_cluster_snapshot_takes_after_its_cluster() {
    let cloud = built(&fleet(json!({
        "clusters": [{ "account": HUB, "id": "shop", "encrypted": true }],
        "cluster-snapshots": [
            { "account": HUB, "cluster": "shop", "id": "before", "age": "1d" },
            { "account": HUB, "cluster": "gone", "id": "last", "engine": "docdb", "age": "1d",
              "tags": { "of": "{cluster}" } },
        ],
    })));
    at_hub(&cloud, |here| {
        let snapshots = here.rds.snapshots(Kind::Cluster);
        let at = "2026-03-01T00:00:00Z".parse().unwrap();
        let cluster = here.rds.clusters.get("shop").unwrap();
        assert_eq!(snapshots.get("before"), Some(&Snapshot::of_cluster("before", cluster, at)));
        let made = "2026-01-31T00:00:00Z".parse().unwrap();
        let mut wanted =
            Snapshot::of_cluster("last", &Cluster::available("gone", "docdb", made), at);
        wanted.tags = Tags::from([("of".to_owned(), "gone".to_owned())]);
        assert_eq!(snapshots.get("last"), Some(&wanted));
    });
}

#[test]
fn each_type_has_names_of_its_own() {
    let names = |entry: Value| {
        let mut entry = entry;
        entry["account"] = HUB.into();
        entry["database"] = "orders".into();
        let cloud = built(&fleet(json!({ "database-snapshots": [entry] })));
        at_hub(&cloud, |here| {
            let all = here.rds.snapshots(Kind::Instance).iter();
            all.map(|(name, it)| (name.to_owned(), it.origin)).collect::<Vec<_>>()
        })
    };
    assert_eq!(names(json!({})), [("snapshot-1".to_owned(), Origin::Manual)]);
    assert_eq!(
        names(json!({ "type": "automated", "age": "90m", "count": 2 })),
        [
            ("rds:orders-2026-02-28-22-30".to_owned(), Origin::Automated),
            ("rds:orders-2026-03-01-22-30".to_owned(), Origin::Automated),
        ]
    );
    let backups = names(json!({ "type": "awsbackup", "count": 2 }));
    assert_eq!(backups.iter().map(|it| &it.0).collect::<BTreeSet<_>>().len(), 2);
    for (name, origin) in backups {
        let job = name.strip_prefix("awsbackup:job-").unwrap();
        assert_eq!((job.len(), origin), (36, Origin::AwsBackup));
    }
}

#[test]
fn what_is_creating_becomes_available_and_a_failed_one_stays() {
    let (cloud, clock) = with_clock();
    let entry = |id: &str, state: &str| json!({ "account": HUB, "database": "orders", "id": id, "state": state });
    fleet(json!({ "database-snapshots": [entry("a", "creating"), entry("b", "failed")] }))
        .build(&cloud)
        .unwrap();
    let states = |minutes| {
        clock.pass(SignedDuration::from_mins(minutes));
        at_hub(&cloud, |here| {
            let all = here.rds.snapshots(Kind::Instance).iter();
            all.map(|(_, it)| it.status).collect::<Vec<_>>()
        })
    };
    assert_eq!(states(9), [Status::Creating, Status::Failed]);
    assert_eq!(states(1), [Status::Available, Status::Failed]);
    let events: Vec<_> = cloud.events();
    let events: Vec<_> = events.iter().map(|it| serde_json::to_value(it).unwrap()).collect();
    let ids: Vec<_> = events.iter().map(|it| &it["detail"]["EventID"]).collect();
    assert_eq!(ids, ["RDS-EVENT-0042"]);
}

#[test]
fn snapshots_of_databases_that_cannot_be_are_refused() {
    for (key, word) in [("database-snapshots", "database"), ("cluster-snapshots", "cluster")] {
        let check = |entry: Value, wanted: &[&str]| check_bad(key, entry, wanted);
        let here = |more: Value| {
            let mut entry = json!({ "account": HUB, word: "orders" });
            entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            entry
        };
        let source = format!(".{word}");
        check(json!({}), &[]);
        check(json!({ word: "orders" }), &[&source]);
        check(here(json!({ "of": {} })), &[".of"]);
        check(json!({ "id": "a", "account": HUB }), &[".id"]);
        check(here(json!({ "id": "a" })), &[]);
        check(here(json!({ "id": "a", "type": "automated" })), &[".id"]);
        check(here(json!({ "id": "A" })), &[".id"]);
        check(json!({ "tags": { "a": "{volume}" } }), &[".tags.a"]);
        check(json!({ "key": "data" }), &[".key"]);
        check(json!({ "shared-with": MEMBER }), &[]);
        check(json!({ "shared-with": MEMBER, "type": "automated" }), &[".shared-with"]);
        check(json!({ "shared-with": MEMBER, "type": "awsbackup" }), &[".shared-with"]);
        check(json!({ "shared-with": MEMBER, "key": "alias/aws/rds" }), &[".shared-with"]);
        let accounts: Vec<_> = (0..21).map(|it| format!("1111222233{it:02}")).collect();
        check(json!({ "shared-with": accounts[1..] }), &[]);
        check(json!({ "shared-with": accounts }), &[".shared-with"]);
    }
    check_bad(
        "database-snapshots",
        json!({ "engine": "mysql", "size": 20 }),
        &[".engine", ".size"],
    );
    check_bad("cluster-snapshots", json!({ "engine": "neptune" }), &[".engine"]);
    let small = json!({ "account": HUB, "database": "orders", "size": 4 });
    check_bad("database-snapshots", small, &[".size"]);
    let long = |id: usize| json!({ "account": HUB, "cluster": "orders", "id": "a".repeat(id) });
    check_bad("cluster-snapshots", long(63), &[]);
    check_bad("cluster-snapshots", long(64), &[".id"]);
}
