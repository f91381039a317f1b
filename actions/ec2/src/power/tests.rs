use jiff::SignedDuration;
use lamplighter_core::{AnyAction, Clock};
use lamplighter_testkit::{World, cloud::Shortage, conforms, stopped};
use serde_json::{Value, json};

use super::*;

/// Worlds begin on a Monday at two in the morning.
fn office() -> Value {
    json!({ "periods": { "office": { "weekdays": "MON-FRI", "from": "01:30", "to": "20:00" } } })
}

fn night() -> Value {
    json!({ "periods": { "office": { "weekdays": "MON-FRI", "from": "08:00", "to": "20:00" } } })
}

#[test]
fn keeps_the_rules_of_an_action() {
    conforms(&PowerInstance, night(), || {
        World::new()
            .stopped_instance("i-a", [("power", "running until 2026-03-09T00:00")])
            .encrypted_instance("i-a")
            .instance("i-b", [])
    });
}

#[track_caller]
fn check_params(params: Value, expected: Result<(), (&str, &str)>) {
    let found = PowerInstance.check_params(&params);
    let found = found.map_err(|bad| (bad.path, bad.message));
    let expected = expected.map_err(|(path, message)| (path.to_owned(), message.to_owned()));
    assert_eq!(found, expected, "{params}");
}

#[test]
fn parameters_without_a_period_are_refused() {
    check_params(night(), Ok(()));
    check_params(json!({}), Err(("", "missing field `periods`")));
    let message = "without a period nothing ever runs: name one";
    check_params(json!({ "periods": {} }), Err(("periods", message)));
    let message = "`from` and `to` are the same: a whole day has neither";
    let same = json!({ "periods": { "p": { "from": "08:00", "to": "08:00" } } });
    check_params(same, Err(("periods.p", message)));
    let mut tag = night();
    tag["override-tag"] = json!("");
    let message = "a tag's key has 1 to 128 characters, not 0";
    check_params(tag, Err(("override-tag", message)));
    let mut zone = night();
    zone["time-zone"] = json!("Europe/Madrit");
    let message = "`Europe/Madrit` is not a time zone of the IANA database; did you mean \
                   `Europe/Madrid`?";
    check_params(zone, Err(("time-zone", message)));
}

#[track_caller]
fn check_plan(change: impl Fn(&mut Instance), params: Value, expected: &str) {
    let world = World::new().instance_with("i-a", [], change);
    assert_eq!(world.plan(&PowerInstance, params), format!("i-a: {expected}"));
}

#[test]
fn a_plan_says_what_differs_and_why() {
    let inside = "in the period `office` since 2026-03-02 01:30";
    let outside = "outside of every period since 2026-02-27 20:00";
    check_plan(stopped, office(), &format!("start (`t3.micro`) because {inside}"));
    check_plan(|_| {}, office(), &format!("leave because {inside}"));
    check_plan(|_| {}, night(), &format!("stop (`t3.micro`) because {outside}"));
    check_plan(stopped, night(), &format!("leave because {outside}"));
    for state in ["pending", "stopping"] {
        let is = |it: &mut Instance| it.state = state.to_owned();
        check_plan(is, office(), "leave because it is on its way");
    }
    for state in ["shutting-down", "terminated"] {
        let is = |it: &mut Instance| it.state = state.to_owned();
        check_plan(is, office(), &format!("leave because it is `{state}`"));
    }
    let managed = |it: &mut Instance| it.managed_by = Some("eks.amazonaws.com".to_owned());
    check_plan(managed, night(), "leave because `eks.amazonaws.com` manages it");
    let store = |it: &mut Instance| it.root_device_type = "instance-store".to_owned();
    let expected = format!(
        "leave because its root device is an instance store, so it cannot be stopped; {outside}"
    );
    check_plan(store, night(), &expected);
    let mut always = night();
    always["hibernate"] = json!("always");
    let expected = format!("leave because it was not launched so that it can hibernate; {outside}");
    check_plan(|_| {}, always, &expected);
}

#[test]
fn who_has_switched_it_by_hand_is_respected_or_not() {
    let started = |it: &mut Instance| it.launched_at = "2026-03-01T12:00:00Z".parse().unwrap();
    let outside = "outside of every period since 2026-02-27 20:00";
    let expected = format!("leave because {outside}, and somebody started it at 2026-03-01 12:00");
    check_plan(started, night(), &expected);
    let mut enforced = night();
    enforced["manual-start"] = json!("enforce");
    check_plan(started, enforced, &format!("stop (`t3.micro`) because {outside}"));

    let inside = "in the period `office` since 2026-03-02 01:30";
    let halted = |it: &mut Instance| {
        stopped(it);
        it.stopped_at = Some("2026-03-02T01:45:00Z".parse().unwrap());
    };
    let expected = format!("leave because {inside}, and somebody stopped it at 2026-03-02 01:45");
    check_plan(halted, office(), &expected);
    let mut enforced = office();
    enforced["manual-stop"] = json!("enforce");
    check_plan(halted, enforced, &format!("start (`t3.micro`) because {inside}"));
    // It stopped by itself.
    let failed = |it: &mut Instance| {
        stopped(it);
        it.stopped_at = None;
    };
    check_plan(failed, office(), &format!("start (`t3.micro`) because {inside}"));
}

#[test]
fn the_tag_that_the_task_names_overrides() {
    let mut params = night();
    params["override-tag"] = json!("hours");
    let world = World::new()
        .instance("i-a", [("hours", "running until 2026-03-02T03:00")])
        .instance("i-b", [("power", "running until 2026-03-02T03:00")])
        .instance("i-c", [("hours", "always")]);
    assert_eq!(
        world.plan(&PowerInstance, params),
        "i-a: leave because its tag `hours` says `running` until 2026-03-02 03:00\n\
         i-b: stop (`t3.micro`) because outside of every period since 2026-02-27 20:00\n\
         i-c: leave because its tag `hours` is not understood: expected `running`, `stopped` or \
         `as-is`, then `until` and a time: `running until 2026-11-24T08:00`"
    );
}

#[test]
fn the_record_says_why() {
    let mut world = World::new().stopped_instance("i-a", []).instance("i-b", []);
    world.run(&PowerInstance, office());
    assert_eq!(
        world.targets(),
        "i-a succeeded: started\n\
         i-b skipped: in the period `office` since 2026-03-02 01:30"
    );
    let jobs = world.jobs();
    let why = jobs.iter().find_map(|it| it.work.why());
    assert_eq!(why, Some("in the period `office` since 2026-03-02 01:30"));
    assert_eq!(world.instances(), "i-a running t3.micro\ni-b running t3.micro");
}

#[test]
fn a_job_that_had_to_wait_until_it_is_no_longer_wanted_does_nothing() {
    let mut world = World::new().stopped_instance("i-a", []);
    // Throttled for an hour: the period ends meanwhile.
    let params = json!({ "periods": { "short": { "from": "01:00", "to": "02:10" } } });
    world.faults().at_calls(
        5..=12,
        lamplighter_testkit::Mishap::Fails(lamplighter_core::FaultKind::Throttled),
    );
    world.run(&PowerInstance, params);
    assert_eq!(
        world.targets(),
        "i-a skipped: not any longer: outside of every period since 2026-03-02 02:10"
    );
    assert_eq!(world.instances(), "i-a stopped t3.micro");
}

#[test]
fn a_start_that_fails_is_tried_again_by_the_next_run() {
    let mut world = World::new().stopped_instance("i-a", []).task(|task| {
        let timing = lamplighter_core::schedule::Timing::Every("5m".parse().unwrap());
        task.schedule = Some(lamplighter_core::schedule::Schedule::new(timing, Zone::UTC));
    });
    let (cloud, here) = (world.cloud().cloud().clone(), world.here().clone());
    cloud.run_short(&here, "t3.micro", "eu-west-1a", Shortage::FailsLater);
    let task = world.task_of(&PowerInstance, office());
    let engines = world.engines(lamplighter_testkit::catalog(&[&PowerInstance]), &[task]);
    let begun = world.clock().now();
    world.run_until(&engines, begun + SignedDuration::from_mins(11));
    assert_eq!(world.instances(), "i-a stopped t3.micro");
    cloud.end_shortage(&here, "t3.micro", "eu-west-1a");
    world.run_until(&engines, begun + SignedDuration::from_mins(17));
    assert_eq!(world.instances(), "i-a running t3.micro");
}
