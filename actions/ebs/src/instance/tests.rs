use jiff::SignedDuration;
use lamplighter_core::{AnyAction, Tags, cloud::ec2::Snapshot};
use lamplighter_testkit::{Mishap, World, cloud::Lag, conforms};
use serde_json::{Value, json};

use super::*;

/// A server with its root volume and two data volumes.
fn world() -> World {
    server(&[("vol-root", &[]), ("vol-data", &[("db", "yes")]), ("vol-logs", &[])])
}

fn server(volumes: &[(&str, &[(&str, &str)])]) -> World {
    let ids = volumes.iter().map(|(id, _)| (*id).to_owned()).collect();
    let world =
        World::new().instance_with("i-a", [("team", "red"), ("Name", "db")], |it| it.volumes = ids);
    volumes.iter().fold(world, |world, (id, tags)| {
        world.volume_with(id, [], |it| {
            it.instances = vec!["i-a".to_owned()];
            it.tags = owned(tags);
        })
    })
}

fn owned(tags: &[(&str, &str)]) -> Tags {
    tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn many(prefix: &str, count: usize) -> Tags {
    (0..count).map(|index| (format!("{prefix}-{index:02}"), String::new())).collect()
}

#[track_caller]
fn ran(mut world: World, params: Value) -> World {
    world.run(&SnapshotInstance, params);
    world
}

fn made(world: &World) -> Vec<Snapshot> {
    world.cloud().snapshots_in(world.here())
}

#[test]
fn keeps_the_rules_of_an_action() {
    let params = json!({ "copy-tags": ["team"], "copy-volume-tags": ["*"],
                         "volumes": { "tags": { "team": null } } });
    conforms(&SnapshotInstance, params, || {
        server(&[("vol-root", &[]), ("vol-data", &[("db", "yes")]), ("vol-x", &[("team", "x")])])
    });
}

#[track_caller]
fn check_plan(world: &World, params: Value, expected: &str) {
    assert_eq!(world.plan(&SnapshotInstance, params), format!("i-a: {expected}"));
}

#[test]
fn a_plan_says_how_many_are_taken_and_how_consistent_they_are() {
    let volumes = |volumes: Value| json!({ "volumes": volumes });
    let check = |params: Value, expected: &str| check_plan(&world(), params, expected);
    check(json!({}), "create 3 crash-consistent snapshots of 24 GiB");
    check(volumes(json!({ "data": false })), "create 1 crash-consistent snapshot of 8 GiB");
    check(volumes(json!({ "root": false })), "create 2 crash-consistent snapshots of 16 GiB");
    let tagged = volumes(json!({ "tags": { "db": "yes" } }));
    check(tagged, "create 1 crash-consistent snapshot of 8 GiB");
    let none = "leave because none of its volumes is asked for";
    check(volumes(json!({ "data": false, "tags": { "db": "yes" } })), none);
}

#[test]
fn instances_that_have_nothing_to_take_are_left() {
    #[track_caller]
    fn check(change: impl Fn(&mut Instance), expected: &str) {
        let world = World::new()
            .instance_with("i-a", [], |it| {
                it.volumes = vec!["vol-root".to_owned()];
                change(it);
            })
            .volume_with("vol-root", [], |it| it.instances = vec!["i-a".to_owned()]);
        check_plan(&world, json!({}), expected);
    }
    check(|_| {}, "create 1 crash-consistent snapshot of 8 GiB");
    check(lamplighter_testkit::stopped, "create 1 crash-consistent snapshot of 8 GiB");
    check(|it| it.volumes.clear(), "leave because it has no EBS volumes");
    for state in ["pending", "shutting-down", "terminated"] {
        let expected = format!("leave because it is `{state}`");
        check(|it| it.state = state.to_owned(), &expected);
    }
    let managed = |it: &mut Instance| it.managed_by = Some("eks.amazonaws.com".to_owned());
    check(managed, "leave because `eks.amazonaws.com` manages it");
}

fn with_data_volumes(count: usize) -> World {
    let ids: Vec<String> = (0..=count).map(|index| format!("vol-{index:03}")).collect();
    server(&ids.iter().map(|it| (it.as_str(), &[] as &[_])).collect::<Vec<_>>())
}

#[test]
fn more_than_aws_takes_in_one_set_is_a_failure_before_anything_is_done() {
    check_plan(
        &with_data_volumes(127),
        json!({}),
        "create 128 crash-consistent snapshots of 1024 GiB",
    );
    let world = with_data_volumes(128).plan(&SnapshotInstance, json!({}));
    assert!(world.contains("AWS takes sets of 128 volumes at most, these are 129"), "{world}");
    let root = || json!({ "volumes": { "data": false } });
    let one = "create 1 crash-consistent snapshot of 8 GiB";
    check_plan(&with_data_volumes(40), root(), one);
    let world = with_data_volumes(41).plan(&SnapshotInstance, root());
    assert!(world.contains("AWS can leave out 40 data volumes at most, not 41"), "{world}");
    assert_eq!(made(&ran(with_data_volumes(40), root())).len(), 1);
}

#[test]
fn parameters_that_leave_nothing_or_that_aws_refuses_are_refused() {
    #[track_caller]
    fn check(params: Value, path: &str) {
        let found = SnapshotInstance.check_params(&params).map_err(|it| it.path);
        assert_eq!(found, Err(path.to_owned()), "{params}");
    }
    check(json!({ "volumes": { "root": false, "data": false } }), "volumes");
    check(json!({ "tags": { "lamplighter:instance": "x" } }), "tags.lamplighter:instance");
    let tags: Value = many("tag", 45).into_keys().map(|key| (key, json!(""))).collect();
    check(json!({ "tags": tags }), "tags");
}

#[test]
fn all_of_a_set_hold_one_point_in_time_and_say_what_they_are() {
    let params = json!({
        "volumes": { "root": false },
        "description": "{target} {target.tags.team}",
        "tags": { "by": "{task}" },
        "copy-tags": ["team"],
        "copy-volume-tags": ["db", "team"],
    });
    let world = server(&[("vol-root", &[]), ("vol-data", &[("db", "yes"), ("team", "blue")])]);
    let world = ran(world, params);
    assert_eq!(world.targets(), "i-a succeeded: created `snap-1`, crash-consistent");
    let snapshots = made(&world);
    let [one] = snapshots.as_slice() else { panic!("{snapshots:?}") };
    assert_eq!((one.volume_id.as_str(), one.description.as_str()), ("vol-data", "i-a red"));
    let tags = [
        ("by", "nightly"),
        ("db", "yes"),
        ("lamplighter:consistency", "crash"),
        ("lamplighter:instance", "i-a"),
        ("lamplighter:job", "nightly@2026-03-02T02:00:00Z/111122223333/eu-west-1/i-a"),
        ("lamplighter:source", "vol-data"),
        ("lamplighter:taken-at", "2026-03-02T02:00:00Z"),
        ("lamplighter:task", "nightly"),
        ("team", "red"),
    ];
    assert_eq!(one.tags, owned(&tags));

    let whole = made(&ran(self::world(), json!({})));
    let of: Vec<_> = whole.iter().map(|it| it.volume_id.as_str()).collect();
    assert_eq!(of, ["vol-root", "vol-data", "vol-logs"]);
    assert!(whole.iter().all(|it| it.started_at == whole[0].started_at));
    for it in whole {
        assert_eq!(it.tags["lamplighter:source"], it.volume_id);
    }
}

#[test]
fn tags_without_room_are_named_in_the_plan_and_the_set_is_taken_all_the_same() {
    let tagged = |of_instance: usize, of_volume: usize| {
        World::new()
            .instance_with("i-a", [], |it| {
                it.volumes = vec!["vol-a".to_owned()];
                it.tags = many("of-instance", of_instance);
            })
            .volume_with("vol-a", [], |it| {
                it.instances = vec!["i-a".to_owned()];
                it.tags = many("of-volume", of_volume);
            })
    };
    let all = || json!({ "copy-tags": ["*"], "copy-volume-tags": ["*"] });
    let one = "create 1 crash-consistent snapshot of 8 GiB";
    check_plan(&tagged(20, 24), all(), one);
    let most = "a snapshot has at most 50 tags: does not copy";
    let expected = format!("{one} because `vol-a`: {most} `of-volume-23`, `of-volume-24`");
    check_plan(&tagged(21, 25), all(), &expected);
    let expected = format!("{one} because {most} `of-instance-44`; `vol-a`: {most} `of-volume-00`");
    check_plan(&tagged(45, 1), all(), &expected);
    for (of_instance, of_volume) in [(21, 25), (45, 1)] {
        let world = ran(tagged(of_instance, of_volume), all());
        assert_eq!(world.targets(), "i-a succeeded: created `snap-1`, crash-consistent");
        assert_eq!(made(&world)[0].tags.len(), 50);
    }
}

#[test]
fn one_that_fails_fails_the_set_and_the_job_with_the_words_of_aws() {
    let world = ran(world().failing("vol-data"), json!({}));
    let targets = world.targets();
    assert!(
        targets.contains("`snap-1` ended in state `error`: the volumes could not"),
        "{targets}"
    );
    assert!(targets.starts_with("i-a failed: "), "{targets}");
}

#[test]
fn a_snapshot_that_somebody_else_deletes_is_a_failure() {
    let mut world = world();
    let engines = world.begin(&SnapshotInstance, json!({}));
    world.cloud().remove_snapshot(world.here(), "snap-2");
    world.run_to_the_end(&engines);
    let targets = world.targets();
    assert!(targets.ends_with("`snap-2` disappeared before it was completed"), "{targets}");
}

/// Loses the answer of the creating call, with this lag.
fn lost_answer(lag_seconds: i64, take_seconds: i64) -> World {
    let world = world().dial(|it| {
        it.lag = Lag::Always(SignedDuration::from_secs(lag_seconds));
        it.snapshots_take = SignedDuration::from_secs(take_seconds);
    });
    let calm = ran(self::world(), json!({})).cloud().calls();
    let call = calm.iter().position(|it| it.operation == "CreateSnapshots").unwrap() + 1;
    world.faults().at_calls(call..=call, Mishap::AnswerLost);
    ran(world, json!({}))
}

#[test]
fn a_repeated_try_adopts_the_set_that_an_earlier_one_has_begun() {
    for take in [0, 300] {
        let world = lost_answer(59, take);
        let expected = "i-a succeeded: created `snap-1`, `snap-2`, `snap-3`, crash-consistent";
        assert_eq!(world.targets(), expected);
        assert_eq!(world.cloud().made(), 3);
    }
}

#[test]
fn of_two_sets_the_older_is_kept_and_the_other_deleted_and_reported() {
    for take in [0, 60, 3600] {
        let world = lost_answer(200, take);
        assert_eq!(
            world.targets(),
            "i-a succeeded: created `snap-1`, `snap-2`, `snap-3`, crash-consistent; deleted the \
             duplicate `snap-4`; deleted the duplicate `snap-5`; deleted the duplicate `snap-6`",
            "takes {take} s"
        );
        assert_eq!(made(&world).len(), 3);
    }
}

#[test]
fn what_has_changed_since_the_plan_is_looked_at_again() {
    let world = world().task(|task| task.order.max_concurrent = std::num::NonZero::new(1));
    let mut world = world.instance_with("i-0", [], |it| it.volumes = vec!["vol-0".to_owned()]);
    let volume = "vol-0";
    world = world.volume_with(volume, [], |it| it.instances = vec!["i-0".to_owned()]);
    let engines = world.begin(&SnapshotInstance, json!({ "volumes": { "data": false } }));
    // While it waits for the other, a data volume is detached: AWS refuses to leave out what is
    // not there.
    world = world.instance_with("i-a", [], |it| {
        it.volumes = vec!["vol-root".to_owned(), "vol-data".to_owned()];
    });
    world.run_to_the_end(&engines);
    let targets = world.targets();
    assert!(targets.contains("i-a succeeded"), "{targets}");
}

fn with_scripts(change: impl FnOnce(&mut Value)) -> Value {
    let mut scripts = json!({ "freeze": "fsfreeze -f /data", "thaw": "fsfreeze -u /data" });
    change(&mut scripts);
    json!({ "quiesce": { "scripts": scripts } })
}

fn or_crash() -> Value {
    let mut params = with_scripts(|_| {});
    params["quiesce"]["otherwise"] = json!("crash");
    params
}

fn managed() -> World {
    world().managed("i-a")
}

/// The calls that a run makes of one operation, in order.
fn calls(world: &World, operations: &[&str]) -> Vec<&'static str> {
    let calls = world.cloud().calls().into_iter().map(|it| it.operation);
    calls.filter(|it| operations.contains(it)).collect()
}

const ROUND: [&str; 3] = ["SendCommand", "CreateSnapshots", "SendCommand"];

#[test]
fn keeps_the_rules_of_an_action_with_scripts() {
    // Where no message arrives, steps are a minute apart.
    conforms(&SnapshotInstance, with_scripts(|it| it["thaw-after"] = json!("10m")), || {
        server(&[("vol-root", &[]), ("vol-data", &[("db", "yes")])]).managed("i-a")
    });
}

#[test]
fn a_set_between_freeze_and_thaw_is_application_consistent_and_says_so() {
    let world = ran(managed(), with_scripts(|_| {}));
    let ids = "`snap-1`, `snap-2`, `snap-3`";
    assert_eq!(world.targets(), format!("i-a succeeded: created {ids}, application-consistent"));
    assert_eq!(calls(&world, &ROUND), ROUND);
    assert!(made(&world).iter().all(|it| it.tags["lamplighter:consistency"] == "application"));
}

#[test]
fn a_plan_says_who_can_run_scripts_and_what_becomes_of_the_others() {
    let what = |consistency: &str| format!("create 3 {consistency} snapshots of 24 GiB");
    let silent = "SSM does not manage it, or does not hear of it, so that it runs no commands";
    check_plan(&managed(), with_scripts(|_| {}), &what("application-consistent"));
    check_plan(&world(), or_crash(), &format!("{} because {silent}", what("crash-consistent")));
    let plan = world().plan(&SnapshotInstance, with_scripts(|_| {}));
    assert_eq!(plan, format!("problem: i-a: {silent}"));
    let other = |change: fn(&mut Instance)| {
        let world = World::new().instance_with("i-a", [], |it| {
            it.volumes = vec!["vol-root".to_owned()];
            change(it);
        });
        let world = world.volume_with("vol-root", [], |it| it.instances = vec!["i-a".to_owned()]);
        world.managed("i-a").plan(&SnapshotInstance, with_scripts(|_| {}))
    };
    let windows = other(|it| it.platform = "windows".to_owned());
    assert_eq!(windows, "problem: i-a: it runs Windows, and scripts are for Linux");
    let stopped = other(lamplighter_testkit::stopped);
    assert_eq!(stopped, "problem: i-a: it is `stopped`, and runs no commands");
}

#[test]
fn what_goes_wrong_with_scripts_is_thawed_and_told_as_it_was() {
    /// `part` is in the script that ends with `code`.
    #[track_caller]
    fn check(part: &str, code: i32, expected_calls: &[&str], why: &str) {
        let all = "`snap-1`, `snap-2`, `snap-3`";
        let broken = || {
            let world = managed();
            world.cloud().cloud().fail_commands(world.here(), "i-a", part, code);
            world
        };
        let world = ran(broken(), or_crash());
        let expected = format!("i-a succeeded: created {all}, crash-consistent because {why}");
        assert_eq!(world.targets(), expected);
        assert_eq!(calls(&world, &ROUND), expected_calls);
        assert!(made(&world).iter().all(|it| it.tags["lamplighter:consistency"] == "crash"));

        let world = ran(broken(), with_scripts(|_| {}));
        let targets = world.targets();
        assert!(targets.starts_with("i-a failed: ") && targets.ends_with(why), "{targets}");
        let sent = calls(&world, &["SendCommand"]);
        assert_eq!(sent.len(), 2, "what may be frozen is thawed");
    }
    let status = |code: i32| format!("failed to run commands: exit status {code}");
    let why = format!("`freeze` ended with 1: {}", status(1));
    check("/freeze", 1, &["SendCommand", "SendCommand", "CreateSnapshots"], &why);
    let why = format!("`thaw` ended with 9: {}", status(9));
    check("echo $?", 9, &ROUND, &why);
    check("echo $?", 203, &ROUND, "it thawed by itself before");
}

#[test]
fn an_instance_that_ssm_hears_of_no_more_is_thawed_by_itself_and_its_set_is_crash_consistent() {
    let mut world = managed();
    let engines = world.begin(&SnapshotInstance, or_crash());
    let state = || calls(&world, &["SendCommand"]).len();
    assert_eq!(state(), 1, "it is being frozen");
    world.cloud().cloud().manage_instance(world.here(), "i-a", false);
    world.run_to_the_end(&engines);
    let targets = world.targets();
    assert!(targets.contains("crash-consistent because `thaw` could not be sent: "), "{targets}");
}

#[test]
fn a_job_says_that_something_is_frozen_before_anything_is() {
    let calm = ran(managed(), with_scripts(|_| {})).cloud().calls();
    let first = calm.iter().position(|it| it.operation == "SendCommand").unwrap() + 1;
    let world = managed();
    world.faults().at_calls(first..=first, Mishap::CrashAfter);
    let world = ran(world, with_scripts(|_| {}));
    // Nobody knows the command: what it froze is thawed, and then it is frozen anew.
    let sent: Vec<&str> = ["SendCommand", "SendCommand"].into_iter().chain(ROUND).collect();
    assert_eq!(calls(&world, &ROUND), sent);
    assert!(world.targets().ends_with("application-consistent"), "{}", world.targets());
}

#[test]
fn a_set_whose_answer_was_lost_is_proven_by_its_thaw() {
    let calm = ran(managed(), with_scripts(|_| {})).cloud().calls();
    let call = calm.iter().position(|it| it.operation == "CreateSnapshots").unwrap() + 1;
    for mishap in [Mishap::AnswerLost, Mishap::CrashAfter] {
        let world = managed();
        world.faults().at_calls(call..=call, mishap);
        let world = ran(world, with_scripts(|_| {}));
        assert!(world.targets().ends_with("application-consistent"), "{}", world.targets());
        assert_eq!(calls(&world, &ROUND), ROUND);
    }
}

#[test]
fn a_task_that_holds_nothing_still_is_refused() {
    for quiesce in [json!({}), json!({ "vss": false }), json!({ "otherwise": "crash" })] {
        let found = SnapshotInstance.check_params(&json!({ "quiesce": quiesce }));
        assert_eq!(found.map_err(|it| it.path), Err("quiesce".to_owned()));
    }
}

#[test]
fn scripts_that_cannot_be_are_refused() {
    #[track_caller]
    fn check(change: impl FnOnce(&mut Value), path: &str) {
        let found = SnapshotInstance.check_params(&with_scripts(change)).map_err(|it| it.path);
        assert_eq!(found, Err(path.to_owned()));
    }
    check(|it| it["freeze"] = json!(" "), "quiesce.scripts.freeze");
    check(|it| it["thaw"] = json!("a\nLAMPLIGHTER-END-OF-SCRIPT\nb"), "quiesce.scripts.thaw");
    check(|it| it["thaw-after"] = json!("11m"), "quiesce.scripts.thaw-after");
    check(|it| it["thaw-after"] = json!("30s"), "quiesce.scripts.thaw-after");
}

#[test]
fn a_missing_permission_is_a_failure_whatever_becomes_of_instances_without_scripts() {
    for denied in ["ssm:SendCommand", "ssm:GetCommandInvocation", "ec2:CreateSnapshots"] {
        let world = managed();
        let all = SnapshotInstance::SPEC.permissions.iter().copied();
        let allowed: Vec<&str> = all.filter(|it| *it != denied).collect();
        world.cloud().allow_only(&allowed);
        let world = ran(world, or_crash());
        let targets = world.targets();
        assert!(targets.starts_with("i-a failed: ") && targets.contains(denied), "{targets}");
        assert_eq!(made(&world), []);
    }
}
