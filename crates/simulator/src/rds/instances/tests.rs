use serde_json::{Value, json};

use super::*;
use crate::{
    bed::Bed,
    rds::world::{cluster, instance},
};

fn names(bed: &Bed, request: DescribeDBInstances) -> Result<Vec<String>, &'static str> {
    let answer = bed.ask(request)?;
    let name = |it: &Value| it["DBInstanceIdentifier"].as_str().unwrap().to_owned();
    Ok(answer["DBInstances"].as_array().unwrap().iter().map(name).collect())
}

fn named(name: &str) -> DescribeDBInstances {
    DescribeDBInstances { name: Some(name.into()), ..DescribeDBInstances::default() }
}

fn filtered(name: &str, value: &str) -> DescribeDBInstances {
    let filters = vec![Filter { name: name.into(), values: vec![value.into()] }];
    DescribeDBInstances { filters, ..DescribeDBInstances::default() }
}

#[track_caller]
fn check(request: DescribeDBInstances, expected: Result<&[&str], &str>) {
    let bed = Bed::new();
    cluster(&bed, "c", |_| ());
    instance(&bed, "b", |_| ());
    instance(&bed, "a", |it| it.engine = "postgres".into());
    let expected = expected.map(|it| it.iter().map(|it| (*it).to_owned()).collect());
    assert_eq!(names(&bed, request), expected);
}

#[test]
fn instances_are_listed_by_name_arn_and_filter() {
    check(DescribeDBInstances::default(), Ok(&["a", "b", "c-1"]));
    check(named("A"), Ok(&["a"]));
    check(named("arn:aws:rds:eu-west-1:111122223333:db:a"), Ok(&["a"]));
    check(named("arn:aws:rds:eu-west-2:111122223333:db:a"), Err("DBInstanceNotFound"));
    check(named("arn:aws:rds:eu-west-1:111122223333:cluster:a"), Err("InvalidParameterValue"));
    check(named("x"), Err("DBInstanceNotFound"));
    check(filtered("engine", "postgres"), Ok(&["a"]));
    check(filtered("db-cluster-id", "c"), Ok(&["c-1"]));
    check(filtered("db-instance-id", "x"), Ok(&[]));
    check(filtered("dbi-resource-id", "db-B"), Ok(&["b"]));
    check(filtered("tag:Name", "b"), Err("InvalidParameterValue"));
}

#[test]
fn not_found_has_status_404() {
    let bed = Bed::new();
    let performed = bed.cloud.perform(&bed.caller, &bed.place, named("x"), false, |_| ());
    assert_eq!(performed.answer.map(|it| it.unwrap_err().status), Some(404));
}

#[test]
fn replicas_and_their_source_name_each_other() {
    let bed = Bed::new();
    instance(&bed, "a", |_| ());
    instance(&bed, "b", |it| it.replica_of = Some("a".into()));
    let shown = bed.ask(DescribeDBInstances::default()).unwrap()["DBInstances"].clone();
    assert_eq!(shown[0]["ReadReplicaDBInstanceIdentifiers"], json!(["b"]));
    assert_eq!(shown[1]["ReadReplicaSourceDBInstanceIdentifier"], "a");
}

#[test]
fn a_page_looks_at_few_when_the_dial_says_so() {
    let bed = Bed::new();
    (0..3).for_each(|it| drop(instance(&bed, &format!("db-{it}"), |_| ())));
    bed.cloud.dial(|it| it.page_size = Some(2));
    let answer = bed.ask(filtered("db-instance-id", "db-2")).unwrap();
    assert_eq!(answer["DBInstances"], json!([]));
    let marker = answer["Marker"].as_str().map(str::to_owned);
    let next = DescribeDBInstances { marker, ..filtered("db-instance-id", "db-2") };
    assert_eq!(names(&bed, next), Ok(vec!["db-2".to_owned()]));
}
