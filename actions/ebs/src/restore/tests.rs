use jiff::SignedDuration;
use lamplighter_core::{AnyAction, action::HOP_TAG, cloud::ec2::SnapshotState};
use lamplighter_testkit::{Mishap, World, cloud::Lag, conforms};
use serde_json::{Value, json};

use super::*;

fn world() -> World {
    World::new().snapshot("snap-a", "vol-a", 1, [("team", "data"), ("Name", "db")])
}

/// One whose key is the account's, which lets the role use it as far as its own policies do.
fn encrypted() -> World {
    World::new().key("alias/own", []).encrypted("snap-a", "vol-a", 1, [], "alias/own")
}

fn in_b() -> Value {
    json!({ "zone": "b" })
}

fn under(key: &str) -> Value {
    json!({ "zone": "b", "key": key })
}

fn ran(mut world: World, params: Value) -> World {
    world.run(&RestoreVolume, params);
    world
}

/// The volumes there.
fn volumes(world: &World) -> Vec<Volume> {
    world.cloud().volumes_in(world.here())
}

#[track_caller]
fn check_plan(world: &World, params: Value, expected: &str) {
    assert_eq!(world.plan(&RestoreVolume, params), expected);
}

#[test]
fn keeps_the_rules_of_an_action() {
    conforms(&RestoreVolume, json!({ "zone": "b", "copy-tags": ["team"] }), encrypted);
    conforms(&RestoreVolume, under("alias/other"), || encrypted().key("alias/other", []));
}

#[test]
fn parameters_that_no_volume_can_have_are_refused() {
    #[track_caller]
    fn check(params: Value, expected: Result<(), &str>) {
        let found = RestoreVolume.check_params(&params).map_err(|bad| bad.path);
        assert_eq!(found, expected.map_err(str::to_owned), "{params}");
    }
    for fine in [
        in_b(),
        under("alias/own"),
        json!({ "zone": "c", "type": "io2", "iops": 100 }),
        json!({ "zone": "c", "size": 100, "iops": 4000, "throughput": 1000 }),
    ] {
        check(fine, Ok(()));
    }
    check(json!({}), Err(""));
    check(json!({ "zone": "eu-west-1b" }), Err("zone"));
    check(json!({ "zone": "b", "type": "io1" }), Err("iops"));
    check(json!({ "zone": "b", "type": "st1", "iops": 100 }), Err("iops"));
    check(json!({ "zone": "b", "throughput": 2001 }), Err("throughput"));
    check(json!({ "zone": "b", "size": 65_537 }), Err("size"));
    check(json!({ "zone": "b", "tags": { "aws:x": "y" } }), Err("tags.aws:x"));
}

#[test]
fn a_volume_is_as_it_was_asked_for() {
    let params = json!({
        "zone": "c",
        "size": 20,
        "iops": 4000,
        "throughput": 250,
        "tags": { "Name": "{target} of {date}" },
        "copy-tags": ["*"],
    });
    let world = world();
    let effect =
        "snap-a: create a volume in eu-west-1c: gp3 of 20 GiB with 4000 IOPS and 250 MiB/s";
    check_plan(&world, params.clone(), effect);
    let world = ran(world, params);
    assert_eq!(world.targets(), "snap-a succeeded: created `vol-1`");
    let tags = [
        ("Name", "snap-a of 2026-03-02"),
        (JOB_TAG, "nightly@2026-03-02T02:00:00Z/111122223333/eu-west-1/snap-a"),
        ("lamplighter:task", "nightly"),
        ("team", "data"),
    ];
    let made = volumes(&world);
    let expected = Volume {
        id: "vol-1".to_owned(),
        size_gib: 20,
        volume_type: "gp3".to_owned(),
        state: "available".to_owned(),
        encrypted: false,
        kms_key_id: None,
        iops: Some(4000),
        throughput: Some(250),
        availability_zone: Some("eu-west-1c".to_owned()),
        created_at: made[0].created_at,
        snapshot_id: Some("snap-a".to_owned()),
        instances: Vec::new(),
        managed_by: None,
        tags: tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
    };
    assert_eq!(made, [expected]);
}

/// EC2 API, `CreateVolume`: a volume is not smaller than its snapshot.
#[test]
fn a_volume_has_at_least_the_size_of_its_snapshot_and_of_its_type() {
    let small = json!({ "zone": "a", "size": 4 });
    let gp3 = "gp3 of 8 GiB with 3000 IOPS and 125 MiB/s";
    check_plan(&world(), small, &format!("snap-a: create a volume in eu-west-1a: {gp3}"));
    let st1 = json!({ "zone": "a", "type": "st1" });
    let problem = "problem: snap-a: st1 volumes have 125 to 16384 GiB, not 8";
    check_plan(&world(), st1, problem);
    let world = ran(world(), json!({ "zone": "a", "type": "st1", "size": 125 }));
    let [made] = &volumes(&world)[..] else { panic!("{}", world.targets()) };
    assert_eq!((made.volume_type.as_str(), made.size_gib), ("st1", 125));
}

#[test]
fn only_what_volumes_can_be_made_of_is_restored() {
    #[track_caller]
    fn left(change: fn(&mut Snapshot), reason: &str) {
        let world = World::new().snapshot_with("snap-a", "vol-a", 1, [], change);
        check_plan(&world, in_b(), &format!("snap-a: leave because {reason}"));
    }
    left(|it| it.state = SnapshotState::Pending, "pending: only completed snapshots can be used");
    left(|it| it.state = SnapshotState::Error, "it failed");
    left(|it| it.state = SnapshotState::Recoverable, "it is in the recycle bin");
    left(|it| it.storage_tier = "archive".to_owned(), "it is in the archive: restore it first");
    left(
        |it| _ = it.tags.insert(HOP_TAG.to_owned(), "snap-x".to_owned()),
        "it is on the way to another copy",
    );
}

#[test]
fn a_volume_has_the_key_of_its_snapshot_or_the_one_that_is_named() {
    #[track_caller]
    fn check(params: Value, alias: &str) {
        let world = ran(encrypted().key("alias/other", []), params);
        let key = world.cloud().key_arn(world.here(), alias);
        let [made] = &volumes(&world)[..] else { panic!("{}", world.targets()) };
        assert_eq!((made.encrypted, &made.kms_key_id), (true, &key));
    }
    check(in_b(), "alias/own");
    check(under("alias/other"), "alias/other");
    let effect = "gp3 of 8 GiB with 3000 IOPS and 125 MiB/s under key `alias/own`";
    let world = world().key("alias/own", []);
    let effect = format!("snap-a: create a volume in eu-west-1b: {effect}");
    check_plan(&world, under("alias/own"), &effect);
}

#[test]
fn keys_that_cannot_be_used_are_known_before() {
    let key = "arn:aws:kms:eu-west-1:111122223333:key/own";
    let world = encrypted().snapshot("snap-b", "vol-b", 1, []);
    world.cloud().disable_key(world.here(), "alias/own");
    check_plan(
        &world,
        in_b(),
        &format!(
            "problem: snap-a: its key `{key}` is `Disabled`, and EBS needs it for the volume\n\
             snap-b: create a volume in eu-west-1b: gp3 of 8 GiB with 3000 IOPS and 125 MiB/s"
        ),
    );
    let named = world.plan(&RestoreVolume, under("alias/own"));
    assert!(
        named.contains("the key `alias/own` in 111122223333/eu-west-1 is `Disabled`"),
        "{named}"
    );
}

/// EBS User Guide, "Amazon EBS encryption": a volume whose key cannot be used is gone again.
#[test]
fn a_volume_that_goes_before_it_is_available_is_no_success() {
    let mut world = encrypted();
    let engines = world.begin(&RestoreVolume, in_b());
    world.cloud().disable_key(world.here(), "alias/own");
    world.run_to_the_end(&engines);
    let failed = world.targets();
    let why = "`vol-1` disappeared before it was available: check that its key can be used";
    assert!(failed.starts_with("snap-a failed") && failed.ends_with(why), "{failed}");
    assert_eq!(volumes(&world), []);
}

#[test]
fn a_zone_that_is_not_there_fails_with_the_words_of_aws() {
    let world = ran(world(), json!({ "zone": "z" }));
    let failed = world.targets();
    assert!(failed.ends_with("The zone 'eu-west-1z' does not exist."), "{failed}");
}

/// EC2 Developer Guide, "Ensuring idempotency in Amazon EC2 API requests".
#[test]
fn a_repeated_try_is_given_the_volume_of_the_first() {
    for lag in [0, 59, 240] {
        let world = world().dial(|it| it.lag = Lag::Always(SignedDuration::from_secs(lag)));
        // Those before enter the account, list snapshots, and enter the account again.
        world.faults().at_calls(4..=4, Mishap::AnswerLost);
        let world = ran(world, in_b());
        assert_eq!(world.targets(), "snap-a succeeded: created `vol-1`", "{lag} s");
        assert_eq!(volumes(&world).len(), 1);
    }
}

#[test]
fn each_run_makes_a_volume_of_its_own() {
    let mut world = world();
    for _ in 0..2 {
        world.run(&RestoreVolume, in_b());
        world.clock().advance(SignedDuration::from_hours(24));
    }
    assert_eq!(volumes(&world).len(), 2);
}
