use jiff::SignedDuration;
use lamplighter_core::Tags;
use serde_json::{Value, json};

use super::{
    Fleet,
    tests::{HUB, MEMBER, built, listed, patterns, target},
};
use crate::{
    bed::place,
    cloud::{Cloud, Services},
    dynamodb::capacity::BillingMode,
    ec2::snapshots::{Snapshot, State},
    kms::{KeyState, Kms, shared_with},
    rds::kind::Kind,
};

/// A fleet of a hub in one region, with this beside it.
pub(super) fn fleet(more: Value) -> Fleet {
    let mut fleet = json!({
        "accounts": { HUB: { "regions": ["eu-west-1"] }, MEMBER: { "regions": ["us-east-1"] } },
    });
    fleet.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(fleet).unwrap()
}

/// What there is at the hub.
pub(super) fn at_hub<R>(cloud: &Cloud, look: impl Fn(&Services) -> R) -> R {
    cloud.look(|state, _| look(state.services(&place(HUB, "eu-west-1"))))
}

/// The snapshots at the hub, as `volume age-in-hours`, sorted.
fn history(cloud: &Cloud) -> Vec<(String, i64)> {
    let shown = |it: &Snapshot, now: jiff::Timestamp| {
        (it.volume_id.to_string(), now.duration_since(it.started_at).as_hours())
    };
    let now = cloud.now();
    let mut all: Vec<_> =
        at_hub(cloud, |here| here.ec2.snapshots.iter().map(|(_, it)| shown(it, now)).collect());
    all.sort();
    all
}

#[track_caller]
fn check(snapshots: Value, wanted: &[(&str, i64)]) {
    let volumes = json!([
        { "account": HUB, "id": "vol-a", "tags": { "backup": "daily" } },
        { "account": HUB, "id": "vol-b" },
    ]);
    let mut snapshots = snapshots;
    snapshots["account"] = HUB.into();
    let cloud = built(&fleet(json!({ "volumes": volumes, "snapshots": [snapshots] })));
    let wanted: Vec<_> = wanted.iter().map(|(id, hours)| ((*id).to_owned(), *hours)).collect();
    assert_eq!(history(&cloud), wanted, "{snapshots}");
}

#[test]
fn snapshots_are_so_many_of_each_volume_and_so_far_apart() {
    check(json!({}), &[("vol-a", 1), ("vol-b", 1)]);
    check(json!({ "volume": "vol-b", "age": "3d" }), &[("vol-b", 72)]);
    check(json!({ "volume": ["vol-b", "vol-gone"] }), &[("vol-b", 1), ("vol-gone", 1)]);
    check(json!({ "of": { "backup": "d*" }, "count": 2 }), &[("vol-a", 1), ("vol-a", 25)]);
    let apart = json!({ "volume": "vol-a", "count": 3, "age": "2h", "every": "6h" });
    check(apart, &[("vol-a", 2), ("vol-a", 8), ("vol-a", 14)]);
}

#[test]
fn a_snapshot_takes_after_its_volume_and_says_what_it_was_told() {
    let fleet = fleet(json!({
        "volumes": [{ "account": HUB, "id": "vol-a", "size": 99, "key": "alias/data" }],
        "snapshots": [{
            "account": HUB, "volume": "vol-a", "id": "snap-{n}", "age": "1d", "shared-with": MEMBER,
            "description": "{volume} no. {n}", "tags": { "of": "{volume}", "at": "{at}" },
        }],
    }));
    let cloud = built(&fleet);
    at_hub(&cloud, |here| {
        let volume = here.ec2.volumes.get("vol-a").unwrap();
        let snapshot = here.ec2.snapshots.get("snap-1").unwrap();
        let at = "2026-03-01T00:00:00Z";
        let mut wanted =
            Snapshot::completed(HUB.parse().unwrap(), "snap-1", "vol-a", 99, at.parse().unwrap());
        wanted.encrypted = true;
        wanted.kms_key_id.clone_from(&volume.kms_key_id);
        wanted.description = "vol-a no. 1".into();
        wanted.share.accounts.insert(MEMBER.parse().unwrap());
        wanted.tags = Tags::from([("of", "vol-a"), ("at", at)].map(|(k, v)| (k.into(), v.into())));
        assert_eq!(snapshot, &wanted);
        let key = here.kms.by_arn(volume.kms_key_id.as_ref().unwrap()).unwrap();
        assert_eq!(key.alias.as_deref(), Some("alias/data"));
    });
}

#[test]
fn a_pending_snapshot_completes_and_a_failed_one_stays() {
    let states = |passed| {
        let (cloud, clock) = super::tests::with_clock();
        let entry = |state| json!({ "account": HUB, "volume": "vol-a", "state": state });
        let snapshots = json!([entry("pending"), entry("error")]);
        fleet(json!({ "snapshots": snapshots })).build(&cloud).unwrap();
        clock.pass(passed);
        at_hub(&cloud, |here| here.ec2.snapshots.iter().map(|(_, it)| it.state).collect::<Vec<_>>())
    };
    assert_eq!(states(SignedDuration::ZERO), [State::Pending, State::Error]);
    assert_eq!(states(SignedDuration::from_hours(24)), [State::Completed, State::Error]);
}

#[test]
fn keys_are_as_they_are_written_and_one_for_each_alias() {
    let fleet = fleet(json!({
        "keys": [
            { "account": HUB, "alias": "alias/data", "state": "disabled", "shared-with": MEMBER },
        ],
        "volumes": [
            { "account": HUB, "id": "vol-a", "key": "alias/data" },
            { "account": HUB, "id": "vol-b", "key": "alias/other" },
            { "account": HUB, "id": "vol-c", "key": "alias/other" },
            { "account": HUB, "id": "vol-d", "encrypted": true },
            { "account": HUB, "id": "vol-e", "key": "alias/other", "encrypted": false },
        ],
    }));
    let cloud = built(&fleet);
    at_hub(&cloud, |here| {
        let key = |id| {
            let arn = here.ec2.volumes.get(id).unwrap().kms_key_id.as_ref()?;
            here.kms.by_arn(arn)
        };
        let data = key("vol-a").unwrap();
        assert_eq!((data.alias.as_deref(), data.state), (Some("alias/data"), KeyState::Disabled));
        let (hub, member) = (HUB.parse().unwrap(), MEMBER.parse().unwrap());
        assert_eq!(data.policy, shared_with(&hub, [&member]));
        assert_eq!(key("vol-b").unwrap().policy, shared_with(&hub, []));
        assert_eq!(data.id.len(), 36);
        assert_eq!(key("vol-b").unwrap().alias.as_deref(), Some("alias/other"));
        assert_eq!(key("vol-b").unwrap().id, key("vol-c").unwrap().id);
        let managed = Kms::managed(&place(HUB, "eu-west-1"), "alias/aws/ebs");
        assert_eq!(key("vol-d").unwrap().arn, managed);
        assert!(key("vol-e").is_none());
    });
}

#[test]
fn clusters_are_available_and_have_one_member() {
    let fleet = fleet(json!({ "clusters": [
        { "id": "orders", "account": HUB, "tags": { "a": "1" }, "deletion-protection": true },
        { "id": "users-{n}", "account": HUB, "engine": "aurora-postgresql" },
    ]}));
    at_hub(&built(&fleet), |here| {
        let clusters = &here.rds.clusters;
        let engines: Vec<_> = clusters.iter().map(|(name, it)| (name, &*it.engine)).collect();
        assert_eq!(engines, [("orders", "aurora-mysql"), ("users-1", "aurora-postgresql")]);
        let orders = clusters.get("orders").unwrap();
        assert_eq!((orders.tags["a"].as_str(), orders.deletion_protection), ("1", true));
        let members: Vec<_> = here.rds.instances.iter().map(|(name, _)| name).collect();
        assert_eq!(members, ["orders-instance-1", "users-1-instance-1"]);
    });
    for id in ["Orders", "1st", "two--hyphens", "at-the-end-"] {
        check_bad("clusters", json!({ "id": id, "account": HUB, "region": "eu-west-1" }), &[".id"]);
    }
}

#[test]
fn tables_are_on_demand_or_provisioned() {
    let fleet = fleet(json!({ "tables": [
        { "id": "orders-{n}", "count": 2, "account": HUB, "tags": { "a": "{n}" } },
        { "id": "users", "reads": 5, "writes": "1..1", "deletion-protection": true },
    ]}));
    at_hub(&built(&fleet), |here| {
        let tables: Vec<_> = here
            .dynamodb
            .tables
            .iter()
            .map(|(name, it)| (name.to_owned(), it.billing_mode, it.provisioned().reads))
            .collect();
        assert_eq!(
            tables,
            [
                ("orders-1".to_owned(), BillingMode::PayPerRequest, 0),
                ("orders-2".to_owned(), BillingMode::PayPerRequest, 0),
                ("users".to_owned(), BillingMode::Provisioned, 5),
            ]
        );
        assert_eq!(here.dynamodb.tables.get("orders-2").unwrap().tags["a"], "2");
        assert!(here.dynamodb.tables.get("users").unwrap().deletion_protection);
    });
}

#[test]
fn an_id_of_the_file_is_not_given_to_another() {
    let fleet = fleet(json!({ "volumes": [
        { "account": HUB, "count": 3 },
        { "account": HUB, "id": "vol-2", "size": 77 },
    ]}));
    at_hub(&built(&fleet), |here| {
        assert_eq!(here.ec2.volumes.iter().count(), 4);
        assert_eq!(here.ec2.volumes.get("vol-2").unwrap().size_gib, 77);
    });
}

#[test]
fn history_for_a_configuration_is_selected_or_not() {
    let tags = patterns(&[("lamplighter:task", &[Some("nightly")])]);
    let members = super::tests::members();
    let fleet = Fleet::for_config(
        &members,
        &[
            target("snapshots", tags.clone(), listed(&["eu-west-1"])),
            target("tables", patterns(&[]), listed(&["eu-west-1"])),
            target("things", patterns(&[]), listed(&["eu-west-1"])),
        ],
    );
    assert_eq!(fleet.check(), []);
    at_hub(&built(&fleet), |here| {
        let all: Vec<_> = here.ec2.snapshots.iter().map(|(_, it)| it.clone()).collect();
        let selected = all.iter().filter(|it| tags.selects(&it.tags)).count();
        assert_eq!((selected, all.len()), (60, 66));
        assert!(all.iter().all(|it| it.tags["lamplighter:source"] == *it.volume_id));
        assert_eq!(here.dynamodb.tables.iter().count(), 4);
    });
}

#[test]
fn databases_and_their_history_are_selected_or_not() {
    let tags = patterns(&[("lamplighter:task", &[Some("nightly")])]);
    let kinds = ["clusters", "databases", "cluster snapshots", "database snapshots"];
    let targets = kinds.map(|kind| target(kind, tags.clone(), listed(&["eu-west-1"])));
    let fleet = Fleet::for_config(&super::tests::members(), &targets);
    assert_eq!(fleet.check(), []);
    at_hub(&built(&fleet), |here| {
        let selected = |all: Vec<&Tags>| {
            let selected = all.iter().filter(|it| tags.selects(it)).count();
            (selected, all.len())
        };
        let alone = here.rds.instances.iter().filter(|(_, it)| it.member.is_none());
        assert_eq!(selected(alone.map(|(_, it)| &it.tags).collect()), (3, 6));
        let clusters = here.rds.clusters.iter().map(|(_, it)| &it.tags);
        assert_eq!(selected(clusters.collect()), (2, 4));
        for kind in [Kind::Instance, Kind::Cluster] {
            let all: Vec<_> = here.rds.snapshots(kind).iter().map(|(_, it)| it).collect();
            assert_eq!(selected(all.iter().map(|it| &it.tags).collect()), (20, 22));
            assert!(all.iter().all(|it| it.tags["lamplighter:source"] == *it.database));
        }
    });
}

/// The paths of what is wrong with an entry of a kind.
#[track_caller]
pub(super) fn check_bad(kind: &str, entry: Value, wanted: &[&str]) {
    let bad = fleet(json!({ kind: [entry] })).check();
    let paths: Vec<_> = bad.iter().map(|it| it.path.replace(&format!("{kind}[0]"), "")).collect();
    assert_eq!(paths, wanted, "{bad:?}");
}

#[test]
fn an_entry_of_each_kind_that_cannot_be_is_refused() {
    check_bad("snapshots", json!({}), &[]);
    check_bad("snapshots", json!({ "volume": "vol-1" }), &[".volume"]);
    let here = |mut entry: Value| {
        entry["account"] = HUB.into();
        entry
    };
    check_bad("snapshots", here(json!({ "volume": "v1" })), &[".volume"]);
    check_bad("snapshots", here(json!({ "volume": "vol-1", "of": {} })), &[".of"]);
    check_bad("snapshots", here(json!({ "id": "snap-1" })), &[".id"]);
    check_bad("snapshots", here(json!({ "id": "snap-1", "volume": "vol-1" })), &[]);
    check_bad("snapshots", json!({ "size": 8 }), &[".size"]);
    check_bad("snapshots", here(json!({ "volume": "vol-1", "size": 0 })), &[".size"]);
    check_bad("snapshots", json!({ "description": "{source}" }), &[".description"]);
    check_bad("snapshots", json!({ "key": "data" }), &[".key"]);
    check_bad("keys", json!({ "alias": "data" }), &[".alias"]);
    check_bad("keys", json!({ "alias": "alias/aws/ebs" }), &[".alias"]);
    check_bad("keys", json!({ "alias": "alias/a b" }), &[".alias"]);
    check_bad("keys", json!({ "alias": "alias/a", "count": 2 }), &[".count"]);
    check_bad("keys", json!({ "tags": { "a": "b" } }), &[".tags"]);
    check_bad("tables", json!({ "id": "orders" }), &[]);
    check_bad("tables", json!({ "id": "or" }), &[".id"]);
    check_bad("tables", json!({ "reads": 5 }), &[".reads"]);
    check_bad("tables", json!({ "reads": 0, "writes": 1 }), &[".reads"]);
    check_bad("volumes", json!({ "key": "alias/aws/s3" }), &[".key"]);
}
