use jiff::SignedDuration;
use lamplighter_core::{Tags, cloud::ec2::Snapshot};
use lamplighter_testkit::{Mishap, World, conforms, conforms_in};
use serde_json::{Value, json};

use crate::SnapshotInstance;

/// A server with Windows, of which SSM hears.
fn windows() -> World {
    let volumes = ["vol-c", "vol-d"];
    let world = World::new().instance_with("i-a", [("team", "red"), ("Name", "sql")], |it| {
        it.platform = "windows".to_owned();
        it.volumes = volumes.map(str::to_owned).to_vec();
    });
    let world = volumes.into_iter().fold(world, |world, id| {
        world.volume_with(id, [("disk", id)], |it| it.instances = vec!["i-a".to_owned()])
    });
    world.managed("i-a")
}

const FAILED: &str = "i-a failed: ec2.instance.snapshot on `i-a` in 111122223333/eu-west-1: ";

fn vss() -> Value {
    json!({ "quiesce": { "vss": true } })
}

fn or_crash() -> Value {
    json!({ "quiesce": { "vss": true, "otherwise": "crash" } })
}

#[track_caller]
fn ran(mut world: World, params: Value) -> World {
    world.run(&SnapshotInstance, params);
    world
}

fn made(world: &World) -> Vec<Snapshot> {
    world.cloud().snapshots_in(world.here())
}

fn calls(world: &World) -> Vec<&'static str> {
    let calls = world.cloud().calls().into_iter().map(|it| it.operation);
    calls.filter(|it| ["SendCommand", "CreateSnapshots"].contains(it)).collect()
}

#[test]
fn keeps_the_rules_of_an_action_with_vss() {
    conforms(&SnapshotInstance, vss(), windows);
    let silent = || windows().unmanaged("i-a");
    conforms_in(&SnapshotInstance, or_crash(), &[&windows, &silent]);
}

#[test]
fn windows_takes_the_set_itself_and_each_snapshot_says_what_it_is() {
    let params = json!({
        "quiesce": { "vss": true }, "copy-tags": ["Name", "team"], "copy-volume-tags": ["disk"],
        "tags": { "of": "{target}; {task}" },
    });
    let world = ran(windows(), params);
    let expected = "i-a succeeded: created `snap-1`, `snap-2`, application-consistent";
    assert_eq!(world.targets(), expected);
    assert_eq!(calls(&world), ["SendCommand"]);
    for it in made(&world) {
        let tag = |key: &str| it.tags[key].as_str();
        assert_eq!(tag("lamplighter:consistency"), "application");
        assert_eq!(tag("lamplighter:source"), it.volume_id);
        assert_eq!(tag("lamplighter:instance"), "i-a");
        assert_eq!((tag("Name"), tag("team"), tag("disk")), ("sql", "red", it.volume_id.as_str()));
        assert_eq!(tag("of"), "i-a; nightly");
    }
}

#[test]
fn a_plan_says_who_can_be_held_still() {
    #[track_caller]
    fn check(params: Value, change: fn(World) -> World, expected: &str) {
        assert_eq!(change(windows()).plan(&SnapshotInstance, params), expected);
    }
    let same = |world| world;
    check(vss(), same, "i-a: create 2 application-consistent snapshots of 16 GiB");
    let some = json!({ "quiesce": { "vss": true }, "volumes": { "tags": { "disk": "vol-c" } } });
    let why = "VSS takes all data volumes, and `vol-d` is to be left out";
    check(some, same, &format!("problem: i-a: {why}"));
    let root = json!({ "quiesce": { "vss": true }, "volumes": { "root": false } });
    check(root, same, "i-a: create 1 application-consistent snapshot of 8 GiB");
    let scripts = json!({ "quiesce": { "scripts": { "freeze": "true", "thaw": "true" } } });
    check(scripts, same, "problem: i-a: it runs Windows, and scripts are for Linux");
    let linux = |world: World| {
        world.instance_with("i-a", [], |it| {
            it.volumes = vec!["vol-c".to_owned()];
        })
    };
    check(vss(), linux, "problem: i-a: it runs Linux, and VSS is for Windows");
}

#[test]
fn what_vss_has_not_held_is_crash_consistent_whatever_was_wished() {
    let restless = || {
        let world = windows();
        world.cloud().cloud().disturb_vss(world.here(), "i-a");
        world
    };
    let why = "VSS ended with 1: VSS could not hold all writers still";
    let world = ran(restless(), or_crash());
    let expected =
        format!("i-a succeeded: created `snap-1`, `snap-2`, crash-consistent because {why}");
    assert_eq!(world.targets(), expected);
    assert!(made(&world).iter().all(|it| it.tags["lamplighter:consistency"] == "crash"));
    let world = ran(restless(), vss());
    let expected = format!("{FAILED}created `snap-1`, `snap-2`, crash-consistent because {why}");
    assert_eq!(world.targets(), expected);
}

#[test]
fn a_command_that_fails_before_it_takes_anything_leaves_it_to_the_task() {
    let broken = || {
        let world = windows();
        world.cloud().cloud().fail_commands(world.here(), "i-a", "lamplighter:job", 1);
        world
    };
    let why = "VSS ended with 1: failed to run commands: exit status 1";
    let world = ran(broken(), or_crash());
    let expected =
        format!("i-a succeeded: created `snap-1`, `snap-2`, crash-consistent because {why}");
    assert_eq!(world.targets(), expected);
    assert_eq!(calls(&world), ["SendCommand", "CreateSnapshots"]);
    let world = ran(broken(), vss());
    assert_eq!(world.targets(), format!("{FAILED}{why}"));
    assert_eq!(made(&world), []);
}

#[test]
fn a_command_of_which_nobody_knows_is_waited_for_and_then_sent_anew() {
    let calm = ran(windows(), vss()).cloud().calls();
    let call = calm.iter().position(|it| it.operation == "SendCommand").unwrap() + 1;
    for (mishap, expected) in [
        (Mishap::CrashBefore, &["SendCommand"][..]),
        (Mishap::CrashAfter, &["SendCommand"]),
        (Mishap::AnswerLost, &["SendCommand"]),
    ] {
        for minutes in [1, 80] {
            let world = windows();
            let takes = SignedDuration::from_mins(minutes);
            world.cloud().cloud().dial(|it| it.times.command = takes);
            world.faults().at_calls(call..=call, mishap);
            let world = ran(world, vss());
            let targets = world.targets();
            assert!(targets.ends_with("application-consistent"), "{mishap:?}: {targets}");
            assert_eq!(calls(&world), expected, "{mishap:?}");
            assert_eq!(made(&world).len(), 2);
        }
    }
}

#[test]
fn what_the_document_would_not_take_is_set_afterwards_or_replaced() {
    let tags = Tags::from([("a;b".to_owned(), "c=d,e".to_owned())]);
    assert_eq!(super::in_one_line(&tags), "Key=a-b,Value=c-d-e");
    let job = "nightly@2026-03-02T02:00:00Z/111122223333/eu-west-1/i-a";
    let tags = Tags::from([("lamplighter:job".to_owned(), job.to_owned())]);
    assert_eq!(super::in_one_line(&tags), format!("Key=lamplighter:job,Value={job}"));
}
