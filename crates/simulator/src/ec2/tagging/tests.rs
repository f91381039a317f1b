use super::*;
use std::sync::Arc;

use crate::{
    bed::Bed,
    ec2::{
        images::Image,
        instances::{self, Instance, types::Architecture},
        trial::{assert_like, put, put_volume, volume},
    },
};

fn bed() -> Bed {
    let bed = Bed::new().at("123456789012", "us-east-1");
    put_volume(&bed, volume("vol-a"));
    put(&bed, "snap-a", |_| {});
    bed
}

fn tags(pairs: &[(&str, Option<&str>)]) -> Vec<Tag> {
    let tag = |(key, value): &(&str, Option<&str>)| Tag {
        key: (*key).to_owned(),
        value: value.map(str::to_owned),
    };
    pairs.iter().map(tag).collect()
}

fn add(bed: &Bed, ids: &[&str], pairs: &[(&str, Option<&str>)]) -> Result<(), &'static str> {
    let resource_id = ids.iter().map(|it| (*it).to_owned()).collect();
    bed.ask(CreateTags { resource_id, tag: tags(pairs) }).map(|_| ())
}

fn remove(bed: &Bed, ids: &[&str], pairs: &[(&str, Option<&str>)]) -> Result<(), &'static str> {
    let resource_id = ids.iter().map(|it| (*it).to_owned()).collect();
    bed.ask(DeleteTags { resource_id, tag: tags(pairs) }).map(|_| ())
}

/// Every tag there: `vol-a volume k=v`.
fn all(bed: &Bed, request: DescribeTags) -> Vec<String> {
    let all = bed.ask(request).unwrap();
    let line = |it: &serde_json::Value| {
        let text = |name: &str| it[name].as_str().unwrap();
        format!("{} {} {}={}", text("resourceId"), text("resourceType"), text("key"), text("value"))
    };
    all["tagSet"].as_array().unwrap().iter().map(line).collect()
}

#[test]
fn tags_are_added_changed_and_removed() {
    let bed = bed();
    add(&bed, &["vol-a", "snap-a"], &[("k", Some("v")), ("empty", None)]).unwrap();
    add(&bed, &["vol-a"], &[("k", Some("w"))]).unwrap();
    assert_eq!(
        all(&bed, DescribeTags::default()),
        [
            "vol-a volume k=w",
            "vol-a volume empty=",
            "snap-a snapshot k=v",
            "snap-a snapshot empty="
        ]
    );
    remove(&bed, &["vol-a", "snap-a"], &[("k", Some("v"))]).unwrap();
    assert_eq!(all(&bed, DescribeTags::default()).len(), 3, "only where the value is the same");
    remove(&bed, &["vol-a"], &[("k", Some("")), ("empty", Some(""))]).unwrap();
    assert_eq!(all(&bed, DescribeTags::default()), ["vol-a volume k=w", "snap-a snapshot empty="]);
    remove(&bed, &["vol-a"], &[("k", None)]).unwrap();
    remove(&bed, &["snap-a"], &[]).unwrap();
    assert_eq!(all(&bed, DescribeTags::default()), [""; 0]);
}

#[test]
fn a_call_is_done_for_all_or_for_none() {
    let bed = bed();
    assert_eq!(add(&bed, &["vol-a", "vol-b"], &[("k", None)]), Err("InvalidVolume.NotFound"));
    assert_eq!(add(&bed, &["vol-a", "x-b"], &[("k", None)]), Err("InvalidID"));
    assert_eq!(add(&bed, &[], &[("k", None)]), Err("InvalidParameterValue"));
    assert_eq!(add(&bed, &["vol-a"; 1001], &[("k", None)]), Err("InvalidParameterValue"));
    assert_eq!(add(&bed, &["vol-a"], &[]), Err("MissingParameter"));
    assert_eq!(add(&bed, &["vol-a"], &[("aws:k", None)]), Err("InvalidTagKey.Malformed"));
    assert_eq!(remove(&bed, &["vol-a"], &[("aws:k", None)]), Err("InvalidTagKey.Malformed"));
    assert_eq!(add(&bed, &["vol-a"], &[("k", None), ("k", None)]), Err("InvalidParameterValue"));
    assert_eq!(all(&bed, DescribeTags::default()), [""; 0]);
}

#[test]
fn a_resource_has_fifty_tags_beside_those_of_aws() {
    let bed = bed();
    put_volume(&bed, {
        let mut volume = volume("vol-a");
        let tags = Arc::make_mut(&mut volume.tags);
        tags.insert("aws:x".into(), "y".into());
        tags.extend((0..49).map(|n| (format!("k{n:02}"), String::new())));
        volume
    });
    assert_eq!(add(&bed, &["vol-a"], &[("a", None), ("b", None)]), Err("TagLimitExceeded"));
    assert_eq!(add(&bed, &["vol-a"], &[("a", None)]), Ok(()));
    assert_eq!(add(&bed, &["vol-a"], &[("k01", Some("new"))]), Ok(()));
    remove(&bed, &["vol-a"], &[]).unwrap();
    assert_eq!(all(&bed, DescribeTags::default()), ["vol-a volume aws:x=y"]);
}

#[test]
fn a_change_of_tags_is_told_with_all_that_is_then_there() {
    let bed = bed();
    add(&bed, &["vol-a"], &[("a", None)]).unwrap();
    add(&bed, &["vol-a"], &[("Name", Some("web-1"))]).unwrap();
    remove(&bed, &["vol-a"], &[("a", None)]).unwrap();
    add(&bed, &["vol-a"], &[("Name", Some("web-1")), ("OpsTask", Some("nightly-backup"))]).unwrap();
    let sample = include_str!("../../../../core/tests/events/tag-change-on-instance.json");
    let sample =
        sample.replace("\"instance\"", "\"volume\"").replace("\"version\": 3", "\"version\": 4");
    assert_like(&bed, &sample.replace("instance/i-0abcd1234ef567890", "volume/vol-a"));
    let before = bed.events().len();
    add(&bed, &["vol-a"], &[("Name", Some("web-1"))]).unwrap();
    assert_eq!(bed.events().len(), before, "nothing has changed");
}

#[test]
fn tags_are_filtered_and_paged() {
    let bed = bed();
    let keys = ["a", "b", "c", "d", "e", "f"].map(|key| (key, None));
    add(&bed, &["vol-a", "snap-a"], &keys).unwrap();
    let with = |name: &str, value: &str| {
        let filter = vec![Filter { name: name.into(), value: vec![value.into()] }];
        all(&bed, DescribeTags { filter, ..DescribeTags::default() }).len()
    };
    assert_eq!(with("resource-type", "snapshot"), 6);
    assert_eq!(with("resource-id", "vol-*"), 6);
    assert_eq!(with("key", "a"), 2);
    let (mut found, mut next_token) = (0, None);
    loop {
        let request = DescribeTags { max_results: Some(5), next_token, ..DescribeTags::default() };
        let page = bed.ask(request).unwrap();
        found += page["tagSet"].as_array().unwrap().len();
        next_token = page["nextToken"].as_str().map(str::to_owned);
        if next_token.is_none() {
            break;
        }
    }
    assert_eq!(found, 12);
}

#[test]
fn instances_and_images_are_tagged_as_well() {
    let bed = bed();
    let (owner, at) = (bed.place.account.clone(), bed.now());
    let kind = instances::types::find("m5.large").unwrap();
    let instance = Instance::running("i-1", kind, "us-east-1a", at);
    let image = Image::available(owner, "ami-1", "backup", Architecture::X86, at);
    bed.here(|it| {
        it.ec2.instances.fill([("i-1".into(), instance)]);
        it.ec2.images.fill([("ami-1".into(), image)]);
    });
    let tag = || vec![Tag { key: "team".into(), value: Some("a".into()) }];
    let resource_id = vec!["i-1".into(), "ami-1".into()];
    bed.ask(CreateTags { resource_id, tag: tag() }).unwrap();
    let described = bed.ask(DescribeTags::default()).unwrap();
    let types = described["tagSet"].as_array().unwrap().iter();
    let types: Vec<_> = types.map(|it| it["resourceType"].as_str().unwrap()).collect();
    assert_eq!(types, ["instance", "image"]);
    let arns: Vec<_> = bed.events().into_iter().flat_map(|it| it.resources).collect();
    assert_eq!(arns[0], "arn:aws:ec2:us-east-1:123456789012:instance/i-1");
    let unknown = CreateTags { resource_id: vec!["ami-9".into()], tag: tag() };
    assert_eq!(bed.ask(unknown).map(|_| ()), Err("InvalidAMIID.NotFound"));
}
