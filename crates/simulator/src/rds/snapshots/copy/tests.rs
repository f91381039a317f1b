use std::sync::Arc;

use super::*;
use crate::{
    bed::Bed,
    kms::Kms,
    rds::{
        option_groups::OptionGroup,
        snapshots::{delete::DeleteDBSnapshot, describe::DescribeDBSnapshots},
        world::{automated, event_ids, key, snapshot, snapshot_status, tags, tags_of},
    },
};

const ARN: &str = "arn:aws:rds:eu-west-1:111122223333:snapshot:s";
const FRIEND: &str = "444455556666";

fn copy(source: &str) -> CopyDBSnapshot {
    CopyDBSnapshot { source: source.into(), target: "Copy".into(), ..CopyDBSnapshot::default() }
}

#[test]
fn a_copy_is_manual_and_available_after_a_while() {
    let bed = Bed::new();
    snapshot(&bed, Kind::Instance, "rds:s", |it| {
        automated(it);
        it.restorable_by.insert(FRIEND.into());
    });
    let answer = bed.ask(copy("rds:s")).unwrap();
    let shown = &answer["DBSnapshot"];
    assert_eq!(
        [&shown["DBSnapshotIdentifier"], &shown["SnapshotType"], &shown["Status"]],
        ["copy", "manual", "copying"]
    );
    assert_eq!(shown["OriginalSnapshotCreateTime"], "1970-01-01T00:00:00.000Z");
    assert_eq!(shown["SnapshotCreateTime"], "2026-03-02T02:00:00.000Z");
    let source = "arn:aws:rds:eu-west-1:111122223333:snapshot:rds:s";
    assert_eq!(shown["SourceDBSnapshotIdentifier"], source);
    assert!(
        bed.here(|it| it
            .rds
            .snapshots(Kind::Instance)
            .get("copy")
            .unwrap()
            .restorable_by
            .is_empty())
    );
    bed.pass(12 * 60);
    assert_eq!(snapshot_status(&bed, Kind::Instance, "copy"), Some("available"));
    assert_eq!(event_ids(&bed), ["0196 copy", "0197 copy"]);
}

#[test]
fn copies_to_other_regions_name_their_source_by_its_arn() {
    let bed = Bed::new();
    snapshot(&bed, Kind::Instance, "s", |_| ());
    let there = bed.at("111122223333", "us-east-1");
    assert_eq!(there.ask(copy("s")), Err("DBSnapshotNotFound"));
    let answer = there.ask(copy(ARN)).unwrap();
    assert_eq!(answer["DBSnapshot"]["SourceRegion"], "eu-west-1");
    assert_eq!(answer["DBSnapshot"]["SourceDBSnapshotIdentifier"], ARN);
    there.pass(12 * 60);
    let events = there.events();
    let last = events.last().unwrap();
    assert_eq!(last.region, "us-east-1");
    assert_eq!(last.detail["EventID"], "RDS-EVENT-0060");
    assert_eq!(
        last.detail["Message"],
        "Finished copy of snapshot s from region eu-west-1 in 12 minutes"
    );
}

#[test]
fn tags_are_copied_only_when_asked_for() {
    let bed = Bed::new();
    snapshot(&bed, Kind::Instance, "s", |it| {
        for (key, value) in [("a", "old"), ("b", "old"), ("aws:x", "old")] {
            it.tags.insert(key.into(), value.into());
        }
    });
    for (copy_tags, expected) in [(false, vec!["a=new"]), (true, vec!["a=new", "b=old"])] {
        let request = CopyDBSnapshot {
            target: format!("copy-{copy_tags}"),
            copy_tags,
            tags: tags(&[("a", "new")]),
            ..copy("s")
        };
        assert_eq!(tags_of(&bed.ask(request).unwrap()["DBSnapshot"]), expected);
    }
}

#[test]
fn others_copy_what_is_shared_with_them_by_its_arn() {
    let bed = Bed::new();
    snapshot(&bed, Kind::Instance, "s", |it| {
        it.restorable_by.insert(FRIEND.into());
    });
    let friend = bed.at(FRIEND, "eu-west-1");
    assert_eq!(friend.ask(copy("s")), Err("DBSnapshotNotFound"));
    assert!(friend.ask(copy(ARN)).is_ok());
    let afar = bed.at(FRIEND, "eu-central-1");
    assert!(afar.ask(copy(ARN)).is_ok(), "to another account and region in one step");
    assert_eq!(bed.at("777788889999", "eu-west-1").ask(copy(ARN)), Err("DBSnapshotNotFound"));
}

/// Who copies: account, region, the key that is named, and what comes of it: the copy's key.
type Copier<'t> = (&'t str, &'t str, Option<&'t str>, Result<&'t str, &'t str>);

#[track_caller]
fn check_keys(source: impl Fn(&Bed) -> Option<Arc<str>>, copiers: &[Copier<'_>]) {
    for (account, region, named, expected) in copiers {
        let bed = Bed::new();
        let key_arn = source(&bed);
        snapshot(&bed, Kind::Instance, "s", |it| {
            it.key = key_arn;
            it.restorable_by.insert(FRIEND.into());
        });
        let there = bed.at(account, region);
        key(&there, "target", &[]);
        let request = CopyDBSnapshot { kms_key_id: named.map(str::to_owned), ..copy(ARN) };
        let found = there.ask(request).map(|it| it["DBSnapshot"]["KmsKeyId"].clone());
        let expected = expected.map(|it| {
            let arn = format!("arn:aws:kms:{region}:{account}:key/{it}");
            if it.is_empty() { serde_json::Value::Null } else { arn.into() }
        });
        assert_eq!(found, expected, "{account} {region} {named:?}");
    }
}

#[test]
fn an_encrypted_copy_needs_a_key_where_the_sources_is_of_no_use() {
    let own = "111122223333";
    let missing = Err("KMSKeyNotAccessibleFault");
    check_keys(
        |bed| Some(key(bed, "source", &[FRIEND])),
        &[
            (own, "eu-west-1", None, Ok("source")),
            (own, "eu-west-1", Some("target"), Ok("target")),
            (own, "eu-west-2", None, Err("InvalidParameterValue")),
            (own, "eu-west-2", Some("target"), Ok("target")),
            (own, "eu-west-2", Some("nothing"), missing),
            (own, "eu-west-2", Some("arn:aws:kms:eu-west-1:111122223333:key/source"), missing),
            (FRIEND, "eu-west-1", None, missing),
            (FRIEND, "eu-west-1", Some("target"), Ok("target")),
            (FRIEND, "eu-west-2", Some("target"), Ok("target")),
        ],
    );
    let no_friend: [Copier<'_>; 2] =
        [(FRIEND, "eu-west-1", Some("target"), missing), (own, "eu-west-1", None, Ok("source"))];
    check_keys(|bed| Some(key(bed, "source", &[])), &no_friend);
    check_keys(
        |bed| Some(Kms::managed(&bed.place, "alias/aws/rds")),
        &[(FRIEND, "eu-west-1", Some("target"), missing)],
    );
}

#[test]
fn an_unencrypted_instance_snapshot_can_be_encrypted_on_the_way() {
    let own = "111122223333";
    check_keys(
        |_| None,
        &[
            (own, "eu-west-1", None, Ok("")),
            (own, "eu-west-1", Some("target"), Ok("target")),
            (own, "eu-west-2", None, Ok("")),
            (FRIEND, "eu-west-2", Some("target"), Ok("target")),
        ],
    );
}

#[test]
fn an_unencrypted_cluster_snapshot_stays_so() {
    let bed = Bed::new();
    key(&bed, "target", &[]);
    snapshot(&bed, Kind::Cluster, "s", |_| ());
    let request = |key: Option<&str>| CopyDBClusterSnapshot {
        source: "s".into(),
        target: "copy".into(),
        kms_key_id: key.map(str::to_owned),
        ..CopyDBClusterSnapshot::default()
    };
    assert_eq!(bed.ask(request(Some("target"))), Err("InvalidParameterCombination"));
    assert!(bed.ask(request(None)).is_ok());
    bed.pass(12 * 60);
    assert_eq!(snapshot_status(&bed, Kind::Cluster, "copy"), Some("available"));
    assert_eq!(event_ids(&bed), [""; 0], "there are no events of copies of clusters' snapshots");
}

/// Copies `s`, after it was changed, to a region.
#[track_caller]
fn check(
    change: impl FnOnce(&mut Snapshot),
    region: &str,
    request: CopyDBSnapshot,
    expected: Result<(), &str>,
) {
    let bed = Bed::new();
    snapshot(&bed, Kind::Instance, "s", change);
    snapshot(&bed, Kind::Instance, "taken", |_| ());
    let there = bed.at("111122223333", region);
    there.here(|it| {
        it.rds.option_groups.insert("there".into(), OptionGroup::new("mysql"));
        it.rds.option_groups.insert("other".into(), OptionGroup::new("postgres"));
    });
    assert_eq!(there.ask(request).map(drop), expected);
}

#[test]
fn some_snapshots_are_not_copied() {
    let ok = |_: &mut Snapshot| ();
    let value = Err("InvalidParameterValue");
    check(ok, "eu-west-1", copy("s"), Ok(()));
    check(ok, "eu-west-1", copy("none"), Err("DBSnapshotNotFound"));
    check(|it| it.status = Status::Creating, "eu-west-1", copy("s"), Err("InvalidDBSnapshotState"));
    check(|it| it.engine = "custom-oracle-ee".into(), "eu-west-1", copy("s"), value);
    check(ok, "cn-north-1", copy(ARN), value);
    check(ok, "us-gov-west-1", copy(ARN), value);
    let to = |target: &str| CopyDBSnapshot { target: target.into(), ..copy("s") };
    check(ok, "eu-west-1", to("Taken"), Err("DBSnapshotAlreadyExists"));
    check(ok, "eu-west-1", to("rds:copy"), value);
    let bed = Bed::new();
    snapshot(&bed, Kind::Cluster, "s", |it| it.engine = "postgres".into());
    let multi_az = CopyDBClusterSnapshot {
        source: "s".into(),
        target: "copy".into(),
        ..CopyDBClusterSnapshot::default()
    };
    assert_eq!(bed.ask(multi_az), value.map(|()| serde_json::Value::Null));
}

#[test]
fn an_own_option_group_does_not_go_to_other_regions_by_itself() {
    let own = |it: &mut Snapshot| it.option_group = Some("mine".into());
    let tde = |it: &mut Snapshot| it.tde = true;
    let group = |name: &str| CopyDBSnapshot { option_group_name: Some(name.into()), ..copy(ARN) };
    let combination = Err("InvalidParameterCombination");
    check(own, "eu-west-1", copy(ARN), Ok(()));
    check(own, "eu-west-2", copy(ARN), combination);
    check(own, "eu-west-2", group("there"), Ok(()));
    check(own, "eu-west-2", group("mine"), Err("OptionGroupNotFoundFault"));
    check(own, "eu-west-2", group("other"), combination);
    check(own, "eu-west-2", group("default:mysql-8-0"), Ok(()));
    check(own, "eu-west-2", CopyDBSnapshot { copy_option_group: true, ..copy(ARN) }, Ok(()));
    check(
        own,
        "eu-west-2",
        CopyDBSnapshot { copy_option_group: true, ..group("there") },
        combination,
    );
    check(tde, "eu-west-2", CopyDBSnapshot { copy_option_group: true, ..copy(ARN) }, combination);
    check(tde, "eu-west-2", group("there"), Ok(()));
}

#[test]
fn twenty_copies_of_instances_and_five_of_clusters_are_in_progress() {
    let bed = Bed::new();
    snapshot(&bed, Kind::Instance, "s", |_| ());
    snapshot(&bed, Kind::Cluster, "s", |_| ());
    let one = |it: usize| bed.ask(CopyDBSnapshot { target: format!("c-{it}"), ..copy("s") });
    (0..20).for_each(|it| drop(one(it).unwrap()));
    assert_eq!(one(20), Err("SnapshotQuotaExceeded"));
    let of_cluster = |it: usize| {
        bed.ask(CopyDBClusterSnapshot {
            source: "s".into(),
            target: format!("c-{it}"),
            ..CopyDBClusterSnapshot::default()
        })
    };
    (0..5).for_each(|it| drop(of_cluster(it).unwrap()));
    assert_eq!(of_cluster(5), Err("SnapshotQuotaExceeded"));
    bed.ask(DeleteDBSnapshot { name: "c-0".into() }).unwrap();
    assert!(one(20).is_ok(), "a canceled copy makes room");
    bed.pass(12 * 60);
    assert!(one(21).is_ok() && of_cluster(5).is_ok());
}

#[test]
fn a_copy_counts_as_a_manual_snapshot() {
    let bed = Bed::new();
    (0..99).for_each(|it| snapshot(&bed, Kind::Instance, &format!("s-{it}"), |_| ()));
    snapshot(&bed, Kind::Instance, "rds:s", automated);
    assert!(bed.ask(copy("rds:s")).is_ok());
    let second = CopyDBSnapshot { target: "second".into(), ..copy("rds:s") };
    assert_eq!(bed.ask(second), Err("SnapshotQuotaExceeded"));
    let shown = bed.ask(DescribeDBSnapshots::default()).unwrap();
    assert_eq!(shown["DBSnapshots"].as_array().unwrap().len(), 100);
}

#[test]
fn a_copy_needs_permissions_on_both_snapshots() {
    let bed = Bed::new();
    snapshot(&bed, Kind::Instance, "s", |it| drop(it.tags.insert("a".into(), "b".into())));
    let request = CopyDBSnapshot { copy_tags: true, ..copy(ARN) };
    let found = bed.cloud.look(|state, now| {
        let cx =
            Cx { state, caller: &bed.caller, place: &bed.place, now, seen: now, retry_until: None };
        let needs = request.needs(&cx).into_iter();
        needs.map(|it| format!("{} {}", it.action, it.resource)).collect::<Vec<_>>()
    });
    let target = "arn:aws:rds:eu-west-1:111122223333:snapshot:copy";
    assert_eq!(
        found,
        [
            format!("rds:CopyDBSnapshot {ARN}"),
            format!("rds:CopyDBSnapshot {target}"),
            format!("rds:AddTagsToResource {target}"),
        ]
    );
}
