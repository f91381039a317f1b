use super::*;
use crate::{
    bed::Bed,
    dials::Lag,
    ec2::trial::{assert_like, create, delete, put, put_volume, state, volume},
};

fn bed() -> Bed {
    let bed = Bed::new();
    put_volume(&bed, volume("vol-a"));
    put_volume(&bed, volume("vol-b"));
    bed
}

#[test]
fn a_snapshot_is_pending_for_a_while_and_inherits_the_encryption_of_its_volume() {
    let bed = bed();
    let key = "arn:aws:kms:eu-west-1:111122223333:key/k-1";
    let encrypted = Volume { encrypted: true, kms_key_id: Some(key.into()), ..volume("vol-c") };
    put_volume(&bed, encrypted);
    let made = create(&bed, "vol-c").unwrap();
    assert_eq!(made["status"], "pending");
    assert_eq!((&made["encrypted"], &made["kmsKeyId"]), (&true.into(), &key.into()));
    assert_eq!((&made["ownerId"], &made["progress"]), (&"111122223333".into(), &"0%".into()));
    bed.pass(299);
    assert_eq!(state(&bed, "snap-1"), Some(SnapshotState::Pending));
    bed.pass(1);
    assert_eq!(state(&bed, "snap-1"), Some(SnapshotState::Completed));
}

#[test]
fn the_end_of_a_snapshot_is_told() {
    let bed = Bed::new().at("123456789012", "us-east-1");
    put_volume(&bed, volume("vol-a"));
    put_volume(&bed, volume("vol-b"));
    create(&bed, "vol-a").unwrap();
    bed.pass(300);
    assert_like(
        &bed,
        include_str!("../../../../core/tests/events/ebs-create-snapshot-succeeded.json"),
    );
    bed.here(|it| it.ec2.failing.insert("vol-b".into()));
    create(&bed, "vol-b").unwrap();
    bed.pass(300);
    let sample = include_str!("../../../../core/tests/events/ebs-create-snapshot-failed.json");
    let text = "The snapshot could not be completed (sample text, not from docs)";
    assert_like(&bed, &sample.replace(text, "the volume could not be read"));
    assert_eq!(state(&bed, "snap-2"), Some(SnapshotState::Error));
}

#[test]
fn snapshots_of_a_volume_are_15_seconds_apart_even_when_one_is_gone() {
    let bed = bed();
    create(&bed, "vol-a").unwrap();
    assert!(create(&bed, "vol-b").is_ok());
    bed.here(|it| it.ec2.snapshots.remove("snap-1", Timestamp::UNIX_EPOCH));
    bed.pass(14);
    let one_more = || create(&bed, "vol-a").map(|_| ());
    assert_eq!(one_more(), Err("SnapshotCreationPerVolumeRateExceeded"));
    bed.pass(1);
    assert_eq!(one_more(), Ok(()));
}

#[test]
fn a_volume_has_five_snapshots_under_way_or_one_and_failed_ones_count() {
    for (kind, limit) in [("gp2", 5), ("io2", 5), ("standard", 5), ("st1", 1), ("sc1", 1)] {
        let bed = bed();
        put_volume(&bed, Volume { kind: kind.into(), ..volume("vol-k") });
        put(&bed, "snap-bad", |it| {
            (it.volume_id, it.state) = ("vol-k".into(), SnapshotState::Error);
        });
        let one_more = || {
            bed.pass(15);
            create(&bed, "vol-k").map(|_| ())
        };
        for _ in 1..limit {
            assert_eq!(one_more(), Ok(()), "{kind}");
        }
        assert_eq!(one_more(), Err("ConcurrentSnapshotLimitExceeded"), "{kind}");
        delete(&bed, "snap-bad").unwrap();
        assert_eq!(one_more(), Ok(()), "{kind}");
    }
}

#[test]
fn a_region_has_so_many_snapshots_and_no_more() {
    let bed = bed();
    bed.cloud.dial(|it| it.snapshot_quota = 1);
    create(&bed, "vol-a").unwrap();
    assert_eq!(create(&bed, "vol-b"), Err("SnapshotLimitExceeded"));
    bed.pass(300);
    delete(&bed, "snap-1").unwrap();
    assert!(create(&bed, "vol-b").is_ok());
}

#[test]
fn only_volumes_that_are_there_and_ready_are_snapshotted() {
    let bed = bed();
    put_volume(&bed, Volume { state: volumes::State::Creating, ..volume("vol-c") });
    assert_eq!(create(&bed, "vol-c"), Err("IncorrectState"));
    assert_eq!(create(&bed, "vol-d"), Err("InvalidVolume.NotFound"));
    assert_eq!(create(&bed, "i-1"), Err("InvalidVolumeID.Malformed"));
    bed.cloud.dial(|it| it.lag = Lag::Always(SignedDuration::from_secs(30)));
    let now = bed.now();
    bed.here(|it| it.ec2.volumes.put("vol-e", volume("vol-e"), now));
    assert_eq!(create(&bed, "vol-e"), Err("InvalidVolume.NotFound"), "it is too new");
    bed.pass(30);
    assert!(create(&bed, "vol-e").is_ok());
}

#[test]
fn what_is_sent_with_it_is_checked() {
    let bed = bed();
    let ask = |description: usize, kind: &str, keys: &[&str]| {
        let tags = keys.iter().map(|it| tags::Tag { key: (*it).into(), value: None }).collect();
        let request = CreateSnapshot {
            volume_id: "vol-a".into(),
            description: "é".repeat(description),
            tag_specification: vec![TagSpecification { resource_type: kind.into(), tag: tags }],
        };
        bed.pass(15);
        bed.ask(request).map(|it| it["tagSet"].as_array().map_or(0, Vec::len))
    };
    assert_eq!(ask(255, "snapshot", &["a", "b"]), Ok(2));
    assert_eq!(ask(256, "snapshot", &[]), Err("InvalidParameterValue"));
    assert_eq!(ask(0, "volume", &["a"]), Err("InvalidParameterValue"));
    assert_eq!(ask(0, "snapshot", &["a", "a"]), Err("InvalidParameterValue"));
    assert_eq!(ask(0, "snapshot", &["aws:a"]), Err("InvalidTagKey.Malformed"));
}

#[test]
fn it_needs_permission_on_the_volume_on_the_snapshot_and_to_tag() {
    let bed = bed();
    create(&bed, "vol-a").unwrap();
    let tag_specification =
        TagSpecification::of("snapshot", &Tags::from([("a".to_owned(), "b".to_owned())]));
    let request =
        CreateSnapshot { volume_id: "vol-b".into(), tag_specification, ..Default::default() };
    bed.ask(request).unwrap();
    let calls: Vec<_> = bed.cloud.calls().into_iter().map(|it| it.actions).collect();
    let [create, tag] = ["ec2:CreateSnapshot", "ec2:CreateTags"];
    assert_eq!(calls, [vec![create], vec![create, tag]]);
}
