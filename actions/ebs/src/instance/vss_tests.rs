use jiff::SignedDuration;
use lamplighter_core::{Clock, FaultKind, Tags, action::SOURCE_TAG, cloud::ec2::Snapshot};
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
fn no_volume_is_taken_that_is_not_asked_for() {
    let root = json!({ "quiesce": { "vss": true }, "volumes": { "root": false } });
    let world = ran(windows(), root);
    assert_eq!(world.targets(), "i-a succeeded: created `snap-1`, application-consistent");
    assert_eq!(made(&world)[0].volume_id, "vol-d");
    let mut some = or_crash();
    some["volumes"] = json!({ "tags": { "disk": "vol-c" } });
    let world = ran(windows(), some);
    let why = "VSS takes all data volumes, and `vol-d` is to be left out";
    let expected = format!("i-a succeeded: created `snap-1`, crash-consistent because {why}");
    assert_eq!(world.targets(), expected);
    assert_eq!(made(&world)[0].volume_id, "vol-c");
    assert_eq!(calls(&world), ["CreateSnapshots"]);
}

/// A run in which a call is answered so.
fn ran_with(operation: &str, mishap: Mishap) -> World {
    let calm = ran(windows(), vss()).cloud().calls();
    // The last one, as a plan is made of the same calls.
    let call = calm.iter().rposition(|it| it.operation == operation).unwrap() + 1;
    let world = windows();
    world.faults().at_calls(call..=call, mishap);
    ran(world, vss())
}

#[test]
fn a_snapshot_is_never_said_to_be_of_the_instance() {
    let world = ran_with("CreateTags", Mishap::Fails(FaultKind::Permission));
    assert!(world.targets().starts_with("i-a failed"), "{}", world.targets());
    let sources: Vec<_> =
        made(&world).into_iter().map(|it| it.tags.get(SOURCE_TAG).cloned()).collect();
    assert!(sources.contains(&None), "{sources:?}");
    assert!(!sources.contains(&Some("i-a".to_owned())), "{sources:?}");
}

#[test]
fn one_volume_that_vss_has_not_held_is_enough_for_a_set_to_be_crash_consistent() {
    let mut set = made(&ran(windows(), vss()));
    assert!(super::are_held(&set));
    set[1].tags.insert("AppConsistent".to_owned(), "False".to_owned());
    assert!(!super::are_held(&set));
    assert!(!super::are_held(&[]));
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
fn a_look_that_fails_before_the_command_is_no_reason_to_wait_for_one() {
    let calm = ran(windows(), vss()).cloud().calls();
    let send = calm.iter().position(|it| it.operation == "SendCommand").unwrap();
    let world = windows();
    world.faults().at_calls(send..=send, Mishap::Fails(FaultKind::Transient));
    let begun = world.clock().now();
    let world = ran(world, vss());
    assert!(world.targets().ends_with("application-consistent"), "{}", world.targets());
    let took = world.clock().now().duration_since(begun);
    assert!(took < SignedDuration::from_mins(30), "{took:#}");
}

#[test]
fn what_the_document_would_not_take_is_set_afterwards_or_replaced() {
    let tags = Tags::from([("a;b".to_owned(), "c=d,e".to_owned())]);
    assert_eq!(super::in_one_line(&tags), "Key=a-b,Value=c-d-e");
    let job = "nightly@2026-03-02T02:00:00Z/111122223333/eu-west-1/i-a";
    let tags = Tags::from([("lamplighter:job".to_owned(), job.to_owned())]);
    assert_eq!(super::in_one_line(&tags), format!("Key=lamplighter:job,Value={job}"));
}
