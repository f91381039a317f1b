use super::*;
use crate::{
    bed::Bed,
    rds::world::{automated, cluster, instance, snapshot, tags, tags_of},
};

const HERE: &str = "arn:aws:rds:eu-west-1:111122223333";

fn add(resource: &str, pairs: &[(&str, &str)]) -> AddTagsToResource {
    AddTagsToResource { resource_name: resource.into(), tags: tags(pairs) }
}

fn remove(resource: &str, keys: &[&str]) -> RemoveTagsFromResource {
    let tag_keys = keys.iter().map(|it| (*it).to_owned()).collect();
    RemoveTagsFromResource { resource_name: resource.into(), tag_keys }
}

fn list(bed: &Bed, resource: &str) -> Result<Vec<String>, &'static str> {
    bed.ask(ListTagsForResource { resource_name: resource.into() }).map(|it| tags_of(&it))
}

fn bed() -> Bed {
    let bed = Bed::new();
    instance(&bed, "a", |_| ());
    cluster(&bed, "c", |_| ());
    for kind in [Kind::Instance, Kind::Cluster] {
        snapshot(&bed, kind, "s", |_| ());
        snapshot(&bed, kind, "rds:s", automated);
    }
    bed
}

#[test]
fn tags_are_added_overwritten_and_removed() {
    let bed = bed();
    for what in ["db:a", "cluster:c", "snapshot:s", "snapshot:rds:s", "cluster-snapshot:s"] {
        let arn = format!("{HERE}:{what}");
        bed.ask(add(&arn, &[("x", "1"), ("y", "2")])).unwrap();
        bed.ask(add(&arn, &[("x", "3"), ("X", "4")])).unwrap();
        assert_eq!(list(&bed, &arn).unwrap(), ["X=4", "x=3", "y=2"], "{what}");
        bed.ask(remove(&arn, &["y", "X", "none"])).unwrap();
        assert_eq!(list(&bed, &arn).unwrap(), ["x=3"], "{what}");
    }
}

#[test]
fn only_arns_of_what_is_here_are_taken() {
    let bed = bed();
    for (resource, code) in [
        ("a", "InvalidParameterValue"),
        ("arn:aws:rds:eu-west-1:111122223333:og:a", "InvalidParameterValue"),
        ("arn:aws:rds:eu-west-2:111122223333:db:a", "InvalidParameterValue"),
        ("arn:aws:rds:eu-west-1:444455556666:db:a", "InvalidParameterValue"),
        ("arn:aws:rds:eu-west-1:111122223333:db:b", "DBInstanceNotFound"),
        ("arn:aws:rds:eu-west-1:111122223333:cluster:b", "DBClusterNotFoundFault"),
        ("arn:aws:rds:eu-west-1:111122223333:snapshot:b", "DBSnapshotNotFound"),
        ("arn:aws:rds:eu-west-1:111122223333:cluster-snapshot:b", "DBClusterSnapshotNotFoundFault"),
    ] {
        assert_eq!(list(&bed, resource), Err(code), "{resource}");
        assert_eq!(bed.ask(add(resource, &[("x", "")])), Err(code), "{resource}");
        assert_eq!(bed.ask(remove(resource, &["x"])), Err(code), "{resource}");
    }
}

#[test]
fn nobody_adds_tags_that_there_cannot_be() {
    let bed = bed();
    let arn = format!("{HERE}:db:a");
    assert_eq!(bed.ask(add(&arn, &[("rds:x", "")])), Err("InvalidParameterValue"));
    let many: Vec<String> = (0..51).map(|it| it.to_string()).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|it| (it.as_str(), "")).collect();
    assert_eq!(bed.ask(add(&arn, &many)), Err("InvalidParameterValue"));
    assert_eq!(list(&bed, &arn), Ok(Vec::new()));
    assert!(bed.ask(add(&arn, &many[..50])).is_ok());
}
