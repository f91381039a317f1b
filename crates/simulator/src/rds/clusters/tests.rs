use serde_json::json;

use super::*;
use crate::{
    bed::Bed,
    rds::world::{cluster, instance},
};

#[test]
fn neptune_and_documentdb_are_in_the_same_listing() {
    let bed = Bed::new();
    for engine in ["aurora-mysql", "docdb", "neptune", "postgres"] {
        cluster(&bed, engine, |it| it.engine = engine.into());
    }
    let request = |filter: Option<(&str, &str)>, name: Option<&str>| DescribeDBClusters {
        name: name.map(str::to_owned),
        filters: filter
            .map(|(name, value)| Filter { name: name.into(), values: vec![value.into()] })
            .into_iter()
            .collect(),
        ..DescribeDBClusters::default()
    };
    let names = |request: DescribeDBClusters| {
        let shown = bed.ask(request)?["DBClusters"].clone();
        let name = |it: &serde_json::Value| it["DBClusterIdentifier"].as_str().unwrap().to_owned();
        Ok(shown.as_array().unwrap().iter().map(name).collect::<Vec<_>>().join(" "))
    };
    let check = |filter, name, expected: Result<&str, &'static str>| {
        assert_eq!(
            names(request(filter, name)),
            expected.map(str::to_owned),
            "{filter:?} {name:?}"
        );
    };
    check(None, None, Ok("aurora-mysql docdb neptune postgres"));
    check(Some(("engine", "docdb")), None, Ok("docdb"));
    check(Some(("db-cluster-resource-id", "cluster-NEPTUNE")), None, Ok("neptune"));
    check(Some(("colour", "red")), None, Err("InvalidParameterValue"));
    check(None, Some("arn:aws:rds:eu-west-1:111122223333:cluster:docdb"), Ok("docdb"));
    check(None, Some("none"), Err("DBClusterNotFoundFault"));
}

#[test]
fn a_cluster_shows_its_members() {
    let bed = Bed::new();
    cluster(&bed, "c", |_| ());
    instance(&bed, "other", |_| ());
    let shown = bed.ask(DescribeDBClusters::default()).unwrap()["DBClusters"][0].clone();
    assert_eq!(
        shown["DBClusterMembers"],
        json!([{
            "DBInstanceIdentifier": "c-1",
            "IsClusterWriter": true,
            "DBClusterParameterGroupStatus": "in-sync",
            "PromotionTier": 1,
        }])
    );
    assert_eq!(shown["MultiAZ"], false);
}
