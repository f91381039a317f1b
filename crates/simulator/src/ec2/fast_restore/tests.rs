use super::*;
use crate::{
    bed::Bed,
    ec2::trial::{assert_like, delete, put},
};

fn enable(bed: &Bed, ids: &[&str], zones: &[&str]) -> Result<(usize, Vec<String>), &'static str> {
    let request = EnableFastSnapshotRestores {
        availability_zone: zones.iter().map(|it| (*it).to_owned()).collect(),
        source_snapshot_id: ids.iter().map(|it| (*it).to_owned()).collect(),
    };
    outcome(bed.ask(request)?)
}

fn disable(bed: &Bed, id: &str, zone: &str) -> Result<(usize, Vec<String>), &'static str> {
    let request = DisableFastSnapshotRestores {
        availability_zone: vec![zone.into()],
        source_snapshot_id: vec![id.into()],
    };
    outcome(bed.ask(request)?)
}

/// How many succeeded, and the codes of the others.
fn outcome(it: serde_json::Value) -> Result<(usize, Vec<String>), &'static str> {
    let code = |it: &serde_json::Value| {
        let error = &it["fastSnapshotRestoreStateErrorSet"][0]["error"];
        error["code"].as_str().unwrap().to_owned()
    };
    let failed = it["unsuccessful"].as_array().unwrap().iter().map(code).collect();
    Ok((it["successful"].as_array().unwrap().len(), failed))
}

fn states(bed: &Bed) -> Vec<String> {
    let all = bed.ask(DescribeFastSnapshotRestores::default()).unwrap();
    let all = all["fastSnapshotRestoreSet"].as_array().unwrap();
    all.iter().map(|it| it["state"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn it_takes_an_hour_for_each_tebibyte() {
    let bed = Bed::new().at("123456789012", "us-east-1");
    put(&bed, "snap-a", |it| it.size_gib = 2048);
    enable(&bed, &["snap-a"], &["us-east-1a"]).unwrap();
    assert_eq!(states(&bed), ["enabling"]);
    bed.pass(10);
    assert_eq!(states(&bed), ["optimizing"]);
    assert_like(
        &bed,
        include_str!("../../../../core/tests/events/ebs-fast-snapshot-restore-optimizing.json"),
    );
    bed.pass(2 * 3600 - 1);
    assert_eq!(states(&bed), ["optimizing"]);
    bed.pass(1);
    assert_eq!(states(&bed), ["enabled"]);
    disable(&bed, "snap-a", "us-east-1a").unwrap();
    assert_eq!(states(&bed), ["disabling"]);
    bed.pass(10);
    assert_eq!(states(&bed), ["disabled"]);
}

#[test]
fn what_was_disabled_on_the_way_stays_so() {
    let bed = Bed::new();
    put(&bed, "snap-a", |_| {});
    enable(&bed, &["snap-a"], &["eu-west-1a"]).unwrap();
    disable(&bed, "snap-a", "eu-west-1a").unwrap();
    bed.pass(3600);
    assert_eq!(states(&bed), ["disabled"]);
    assert_eq!(enable(&bed, &["snap-a"], &["eu-west-1a"]), Ok((1, vec![])));
    assert_eq!(states(&bed), ["enabling"]);
}

#[test]
fn what_could_not_be_done_is_in_the_answer() {
    let bed = Bed::new();
    put(&bed, "snap-a", |_| {});
    put(&bed, "snap-big", |it| it.size_gib = 16 * 1024 + 1);
    put(&bed, "snap-pending", |it| it.state = SnapshotState::Pending);
    let ids = ["snap-a", "snap-big", "snap-none", "snap-pending"];
    let codes = ["InvalidParameterValue", "InvalidSnapshot.NotFound", "IncorrectState"];
    let codes = codes.map(str::to_owned).to_vec();
    assert_eq!(enable(&bed, &ids, &["eu-west-1a"]), Ok((1, codes)));
    assert_eq!(enable(&bed, &["snap-a"], &["eu-west-2a"]), Err("InvalidZone.NotFound"));
    assert_eq!(enable(&bed, &["snap-a"], &[]), Err("MissingParameter"));
    let never = vec!["InvalidParameterValue".to_owned()];
    assert_eq!(disable(&bed, "snap-a", "eu-west-1b"), Ok((0, never)));
}

#[test]
fn five_snapshots_of_a_region_can_have_it_in_any_zones() {
    let bed = Bed::new();
    let ids: Vec<String> = (0..6).map(|n| format!("snap-{n}")).collect();
    ids.iter().for_each(|id| put(&bed, id, |_| {}));
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let full = vec!["ResourceLimitExceeded".to_owned()];
    assert_eq!(enable(&bed, &ids, &["eu-west-1a"]), Ok((5, full)));
    assert_eq!(enable(&bed, &ids[..5], &["eu-west-1b"]), Ok((5, vec![])));
    delete(&bed, "snap-0").unwrap();
    assert_eq!(enable(&bed, &ids[5..], &["eu-west-1a"]), Ok((1, vec![])));
}
