use serde_json::Value;

use super::*;
use crate::{
    bed::Bed,
    rds::world::{automated, snapshot, tags_of},
};

const FRIEND: &str = "444455556666";

/// Own snapshots of all origins, one that is shared with the friend and one that is public.
fn bed() -> Bed {
    let bed = Bed::new();
    snapshot(&bed, Kind::Instance, "mine", |_| ());
    snapshot(&bed, Kind::Instance, "rds:daily", automated);
    snapshot(&bed, Kind::Instance, "awsbackup:job-1", |it| it.origin = Origin::AwsBackup);
    snapshot(&bed, Kind::Instance, "shared", |it| {
        it.restorable_by.insert(FRIEND.into());
        it.tags.insert("secret".into(), "yes".into());
    });
    snapshot(&bed, Kind::Instance, "public", |it| {
        it.restorable_by.insert("all".into());
    });
    bed
}

fn all() -> DescribeDBSnapshots {
    DescribeDBSnapshots::default()
}

fn of_type(name: &str) -> DescribeDBSnapshots {
    DescribeDBSnapshots { snapshot_type: Some(name.into()), ..all() }
}

fn named(name: &str) -> DescribeDBSnapshots {
    DescribeDBSnapshots { name: Some(name.into()), ..all() }
}

fn names(bed: &Bed, request: DescribeDBSnapshots) -> Result<Vec<String>, &'static str> {
    let answer = bed.ask(request)?;
    let name = |it: &Value| it["DBSnapshotIdentifier"].as_str().unwrap().to_owned();
    Ok(answer["DBSnapshots"].as_array().unwrap().iter().map(name).collect())
}

#[track_caller]
fn check(bed: &Bed, request: DescribeDBSnapshots, expected: Result<&[&str], &str>) {
    let text = format!("{request:?}");
    let found = names(bed, request);
    let expected = expected.map(|it| it.iter().map(|it| (*it).to_owned()).collect());
    assert_eq!(found, expected, "{text}");
}

#[test]
fn owners_see_their_own_by_type() {
    let bed = bed();
    let own = ["awsbackup:job-1", "mine", "public", "rds:daily", "shared"];
    check(&bed, all(), Ok(&own));
    check(&bed, of_type("manual"), Ok(&["mine", "public", "shared"]));
    check(&bed, of_type("automated"), Ok(&["rds:daily"]));
    check(&bed, of_type("awsbackup"), Ok(&["awsbackup:job-1"]));
    check(&bed, of_type("shared"), Ok(&[]));
    check(&bed, of_type("public"), Ok(&["public"]));
    check(&bed, of_type("mine"), Err("InvalidParameterValue"));
}

#[test]
fn others_see_what_is_shared_when_they_ask_for_it() {
    let friend = bed().at(FRIEND, "eu-west-1");
    let arn = |name: &str| format!("arn:aws:rds:eu-west-1:111122223333:snapshot:{name}");
    let (shared, public) = (arn("shared"), arn("public"));
    check(&friend, all(), Ok(&[]));
    check(&friend, of_type("manual"), Ok(&[]));
    check(&friend, of_type("shared"), Ok(&[&shared]));
    check(&friend, of_type("public"), Ok(&[&public]));
    check(&friend, DescribeDBSnapshots { include_shared: true, ..all() }, Ok(&[&shared]));
    check(&friend, DescribeDBSnapshots { include_public: true, ..all() }, Ok(&[&public]));
    check(&friend, DescribeDBSnapshots { include_shared: true, ..of_type("manual") }, Ok(&[]));
    check(&friend, named("shared"), Err("DBSnapshotNotFound"));
    check(&friend, named(&shared), Err("DBSnapshotNotFound"));
    let asked = DescribeDBSnapshots { include_shared: true, ..named(&shared) };
    check(&friend, asked.clone(), Ok(&[&shared]));
    let shown = friend.ask(asked).unwrap()["DBSnapshots"][0].clone();
    assert_eq!(shown["SnapshotType"], "shared");
    assert_eq!(tags_of(&shown), [""; 0], "tags are the owner's only");
    let mine = DescribeDBSnapshots { include_shared: true, ..named(&arn("mine")) };
    check(&friend, mine, Err("DBSnapshotNotFound"));
    check(&friend.at(FRIEND, "eu-west-2"), of_type("shared"), Ok(&[]));
    check(&friend.at("777788889999", "eu-west-1"), of_type("shared"), Ok(&[]));
}

#[test]
fn an_automated_one_is_found_by_name_only_with_its_type() {
    let bed = bed();
    check(&bed, named("Mine"), Ok(&["mine"]));
    check(&bed, named("arn:aws:rds:eu-west-1:111122223333:snapshot:mine"), Ok(&["mine"]));
    check(
        &bed,
        named("arn:aws:rds:eu-west-2:111122223333:snapshot:mine"),
        Err("DBSnapshotNotFound"),
    );
    check(&bed, named("arn:aws:rds:eu-west-1:111122223333:db:mine"), Err("InvalidParameterValue"));
    check(&bed, named("rds:daily"), Err("DBSnapshotNotFound"));
    let typed = DescribeDBSnapshots { name: Some("rds:daily".into()), ..of_type("automated") };
    check(&bed, typed, Ok(&["rds:daily"]));
    let wrong = DescribeDBSnapshots { name: Some("mine".into()), ..of_type("automated") };
    check(&bed, wrong, Err("DBSnapshotNotFound"));
}

#[test]
fn filters_and_the_database_choose() {
    let bed = Bed::new();
    for (name, database, engine) in [("a", "db-1", "mysql"), ("b", "db-2", "postgres")] {
        snapshot(&bed, Kind::Instance, name, |it| {
            it.database = database.into();
            it.engine = engine.into();
        });
    }
    let of = |database: &str| DescribeDBSnapshots { database: Some(database.into()), ..all() };
    check(&bed, of("DB-1"), Ok(&["a"]));
    check(&bed, of("gone"), Ok(&[]));
    let filter = |name: &str, values: &[&str]| {
        let values = values.iter().map(|it| (*it).to_owned()).collect();
        DescribeDBSnapshots { filters: vec![Filter { name: name.into(), values }], ..all() }
    };
    check(&bed, filter("engine", &["postgres"]), Ok(&["b"]));
    check(&bed, filter("engine", &["post*"]), Ok(&[]));
    check(&bed, filter("db-snapshot-id", &["a", "x"]), Ok(&["a"]));
    let arn = "arn:aws:rds:eu-west-1:111122223333:db:db-2";
    check(&bed, filter("db-instance-id", &[arn]), Ok(&["b"]));
    check(&bed, filter("snapshot-type", &["manual"]), Ok(&["a", "b"]));
    check(&bed, filter("db-cluster-id", &["a"]), Err("InvalidParameterValue"));
    check(&bed, filter("engine", &[]), Err("InvalidParameterValue"));
}

#[test]
fn pages_have_twenty_to_a_hundred() {
    let bed = Bed::new();
    (0..130).for_each(|it| snapshot(&bed, Kind::Instance, &format!("s-{it:03}"), |_| ()));
    let pages = |max_records: Option<u32>| -> Result<Vec<usize>, &'static str> {
        let (mut pages, mut marker) = (Vec::new(), None);
        loop {
            let request = DescribeDBSnapshots { max_records, marker, ..all() };
            let answer = bed.ask(request)?;
            pages.push(answer["DBSnapshots"].as_array().unwrap().len());
            marker = answer["Marker"].as_str().map(str::to_owned);
            if marker.is_none() {
                return Ok(pages);
            }
        }
    };
    assert_eq!(pages(None), Ok(vec![100, 30]));
    assert_eq!(pages(Some(65)), Ok(vec![65, 65]));
    assert_eq!(pages(Some(19)), Err("InvalidParameterValue"));
    assert_eq!(pages(Some(101)), Err("InvalidParameterValue"));
    let forged = DescribeDBSnapshots { marker: Some("x".into()), ..all() };
    check(&bed, forged, Err("InvalidParameterValue"));
}

#[test]
fn clusters_have_their_own_listing() {
    let bed = Bed::new();
    snapshot(&bed, Kind::Instance, "a", |_| ());
    snapshot(&bed, Kind::Cluster, "b", |_| ());
    let request = DescribeDBClusterSnapshots::default();
    let shown = bed.ask(request.clone()).unwrap()["DBClusterSnapshots"].clone();
    assert_eq!(shown.as_array().unwrap().len(), 1);
    assert_eq!(shown[0]["DBClusterSnapshotIdentifier"], "b");
    assert_eq!(shown[0]["DBClusterIdentifier"], "db");
    let of = |name: Option<&str>, database: Option<&str>| DescribeDBClusterSnapshots {
        name: name.map(str::to_owned),
        database: database.map(str::to_owned),
        ..request.clone()
    };
    assert_eq!(bed.ask(of(Some("b"), Some("db"))), Err("InvalidParameterCombination"));
    assert_eq!(bed.ask(of(Some("a"), None)), Err("DBClusterSnapshotNotFoundFault"));
}
