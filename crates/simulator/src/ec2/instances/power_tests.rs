//! Tests of how instances are started, stopped, rebooted and terminated.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    Device, Instance, Market, Platform, Power, PublicIp, Purchase, Root, Shortage, StateReason,
    describe::DescribeInstances,
    power::{Order, Outcome, outcome},
    reboot_instances::RebootInstances,
    start::StartInstances,
    status::DescribeInstanceStatus,
    stop::StopInstances,
    terminate::TerminateInstances,
    types,
};
use crate::{
    Lag, Throttling,
    bed::Bed,
    ec2::{
        trial,
        volumes::{self, Attachment, Volume},
    },
    kms::{Key, KeyState},
};

const ZONE: &str = "eu-west-1a";
const LONG_AGO: Timestamp = Timestamp::UNIX_EPOCH;

/// An instance that has long been running.
fn running(id: &str) -> Instance {
    Instance::running(id, types::find("m5.large").unwrap(), ZONE, LONG_AGO)
}

fn in_state(id: &str, power: Power) -> Instance {
    Instance { power, ..running(id) }
}

/// A place with these instances.
fn with(instances: impl IntoIterator<Item = Instance>) -> Bed {
    let bed = Bed::new();
    bed.here(|it| it.ec2.instances.fill(instances.into_iter().map(|it| (it.id.clone(), it))));
    bed
}

/// A volume of `i-1`. Only `vol-1` goes with it.
fn volume(id: &str) -> Volume {
    let attachment = Attachment {
        instance_id: "i-1".into(),
        device: "/dev/xvda".into(),
        at: LONG_AGO,
        delete_on_termination: id == "vol-1",
    };
    Volume { attachments: [attachment].into(), ..trial::volume(id) }
}

fn device(id: &str) -> Device {
    Device {
        name: "/dev/xvda".into(),
        volume_id: id.into(),
        attached_at: LONG_AGO,
        delete_on_termination: id == "vol-1",
    }
}

fn market(bed: &Bed, change: impl FnOnce(&mut Market)) {
    bed.here(|it| change(&mut it.ec2.market));
}

fn ids(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|it| (*it).to_owned()).collect()
}

fn start(list: &[&str]) -> StartInstances {
    StartInstances { instance_id: ids(list) }
}

fn stop(list: &[&str]) -> StopInstances {
    StopInstances { instance_id: ids(list), ..StopInstances::default() }
}

fn terminate(list: &[&str]) -> TerminateInstances {
    TerminateInstances { instance_id: ids(list), ..TerminateInstances::default() }
}

/// The state of an instance, and why it is in it.
fn state(bed: &Bed, id: &str) -> (Power, Option<String>) {
    bed.here(|it| {
        let instance = it.ec2.instances.get(id).unwrap();
        (instance.power, instance.state_reason.as_ref().map(|it| it.code.to_string()))
    })
}

/// The states that the events tell of, with the seconds after the first one.
fn told(bed: &Bed) -> Vec<(i64, String)> {
    let events = bed.events();
    let at = |time: &str| time.parse::<Timestamp>().unwrap();
    let first = at(&events[0].time);
    let tell = |it: &crate::events::Event| {
        let after = at(&it.time).duration_since(first).as_secs();
        (after, it.detail["state"].as_str().unwrap().to_owned())
    };
    events.iter().map(tell).collect()
}

#[test]
fn each_order_does_in_each_state_what_the_lifecycle_allows() {
    use Outcome::{IsSo, Obeys, Refuses};
    let states = [
        Power::Pending,
        Power::Running,
        Power::ShuttingDown,
        Power::Terminated,
        Power::Stopping,
        Power::Stopped,
    ];
    for (order, expected) in [
        (Order::Start, [IsSo, IsSo, Refuses, Refuses, Refuses, Obeys]),
        (Order::Stop, [Refuses, Obeys, Refuses, Refuses, IsSo, IsSo]),
        (Order::Reboot, [Refuses, Obeys, Refuses, IsSo, Refuses, Refuses]),
        (Order::Terminate, [Obeys, Obeys, IsSo, IsSo, Obeys, Obeys]),
    ] {
        assert_eq!(states.map(|it| outcome(order, it)), expected, "{order:?}");
    }
}

#[test]
fn states_have_their_codes_and_a_high_byte_that_means_nothing() {
    let powers = [
        (Power::Pending, 0),
        (Power::Running, 16),
        (Power::ShuttingDown, 32),
        (Power::Terminated, 48),
        (Power::Stopping, 64),
        (Power::Stopped, 80),
    ];
    for (power, code) in powers {
        let it = Instance { code_high: 1, ..in_state("i-1", power) };
        assert_eq!(it.state_code(), 256 + code);
    }
}

#[test]
fn an_instance_stops_and_starts_by_way_of_states_in_between() {
    let bed = with([running("i-1")]);
    let change = |id: &str, from: (u16, &str), to: (u16, &str)| {
        json!({ "instancesSet": [{
            "instanceId": id,
            "currentState": { "code": to.0, "name": to.1 },
            "previousState": { "code": from.0, "name": from.1 },
        }] })
    };
    let stopping = change("i-1", (16, "running"), (64, "stopping"));
    assert_eq!(bed.ask(stop(&["i-1"])), Ok(stopping));
    bed.pass(44);
    assert_eq!(state(&bed, "i-1").0, Power::Stopping);
    assert_eq!(bed.ask(start(&["i-1"])), Err("IncorrectInstanceState"));
    bed.pass(1);
    let reason = Some("Client.UserInitiatedShutdown".to_owned());
    assert_eq!(state(&bed, "i-1"), (Power::Stopped, reason));
    let pending = change("i-1", (80, "stopped"), (0, "pending"));
    assert_eq!(bed.ask(start(&["i-1"])), Ok(pending));
    assert_eq!(bed.ask(stop(&["i-1"])), Err("IncorrectInstanceState"));
    bed.pass(20);
    assert_eq!(state(&bed, "i-1"), (Power::Running, None));
    let so = change("i-1", (16, "running"), (16, "running"));
    assert_eq!(bed.ask(start(&["i-1"])), Ok(so));
    let all = [(0, "stopping"), (45, "stopped"), (45, "pending"), (65, "running")];
    assert_eq!(told(&bed), all.map(|(at, state)| (at, state.to_owned())));
}

#[test]
fn events_are_as_aws_sends_them() {
    let bed = Bed::new().at("123456789012", "us-east-1");
    let id = "i-0abcd1234ef567890";
    bed.here(|it| it.ec2.instances.put(id, running(id), LONG_AGO));
    bed.ask(stop(&[id])).unwrap();
    bed.pass(100);
    bed.ask(start(&[id])).unwrap();
    bed.pass(100);
    bed.ask(terminate(&[id])).unwrap();
    bed.pass(100);
    let samples = [
        include_str!("../../../../core/tests/events/ec2-state-change-stopping.json"),
        include_str!("../../../../core/tests/events/ec2-state-change-stopped.json"),
        include_str!("../../../../core/tests/events/ec2-state-change-pending.json"),
        include_str!("../../../../core/tests/events/ec2-state-change-running.json"),
        include_str!("../../../../core/tests/events/ec2-state-change-shutting-down.json"),
        include_str!("../../../../core/tests/events/ec2-state-change-terminated.json"),
    ];
    let events = bed.events();
    assert_eq!(events.len(), samples.len());
    for (event, sample) in events.iter().zip(samples) {
        let mut event = serde_json::to_value(event).unwrap();
        let sample: Value = serde_json::from_str(sample).unwrap();
        (event["id"], event["time"]) = (sample["id"].clone(), sample["time"].clone());
        assert_eq!(event, sample);
    }
}

#[test]
fn one_id_that_is_wrong_fails_the_whole_call() {
    let refused = |list: &[&str], code| {
        let bed = with([running("i-1"), in_state("i-2", Power::Pending)]);
        assert_eq!(bed.ask(stop(list)), Err(code), "{list:?}");
        assert_eq!(state(&bed, "i-1").0, Power::Running);
        assert_eq!(bed.ask(terminate(&["i-1", "i-9"])), Err("InvalidInstanceID.NotFound"));
        assert_eq!(state(&bed, "i-1").0, Power::Running);
    };
    refused(&["i-1", "i-9"], "InvalidInstanceID.NotFound");
    refused(&["i-1", "i-x"], "InvalidInstanceID.Malformed");
    refused(&["i-1", "vol-1"], "InvalidInstanceID.Malformed");
    refused(&["i-1", "i-2"], "IncorrectInstanceState");
    refused(&[], "MissingParameter");
    let bed = with([running("i-1")]);
    let twice = bed.ask(stop(&["i-1", "i-1"])).unwrap();
    assert_eq!(twice["instancesSet"].as_array().unwrap().len(), 1);
    bed.cloud.dial(|it| it.short_ids = false);
    assert_eq!(bed.ask(stop(&["i-7"])), Err("InvalidInstanceID.Malformed"));
    assert!(bed.ask(stop(&["i-1"])).is_ok(), "what a fleet calls something is its id");
}

#[track_caller]
fn check_stop(it: Instance, request: StopInstances, expected: Result<(), &str>) {
    let id = it.id.to_string();
    let bed = with([it]);
    let done = bed.ask(StopInstances { instance_id: vec![id.clone()], ..request });
    assert_eq!(done.map(|_| ()), expected);
    assert_eq!(state(&bed, &id).0 == Power::Stopping, expected.is_ok());
}

fn spot(persistent: bool, interrupted: bool) -> Purchase {
    Purchase::Spot { request_id: "sir-1".into(), persistent, interrupted }
}

#[test]
fn what_may_not_be_stopped_is_not() {
    let it = || running("i-1");
    let plain = StopInstances::default;
    check_stop(it(), plain(), Ok(()));
    check_stop(Instance { stop_protection: true, ..it() }, plain(), Err("OperationNotPermitted"));
    check_stop(Instance { termination_protection: true, ..it() }, plain(), Ok(()));
    let store = Instance { root: Root::InstanceStore, ..it() };
    check_stop(store, plain(), Err("UnsupportedOperation"));
    let once = Instance { purchase: spot(false, false), ..it() };
    check_stop(once, plain(), Err("UnsupportedOperation"));
    check_stop(Instance { purchase: spot(true, false), ..it() }, plain(), Ok(()));
    let operator =
        super::instance::Operator { principal: "eks.amazonaws.com".into(), hidden: false };
    let managed = Instance { operator: Some(operator), ..it() };
    check_stop(managed, plain(), Err("OperationNotPermitted"));
}

#[test]
fn only_what_was_launched_for_it_hibernates_and_not_just_after_it_has_booted() {
    let hibernate = || StopInstances { hibernate: true, ..StopInstances::default() };
    let able = || Instance { can_hibernate: true, ..running("i-1") };
    let booted = |seconds, platform| {
        let at = Bed::new().now() - SignedDuration::from_secs(seconds);
        Instance { booted_at: at, platform, ..able() }
    };
    check_stop(running("i-1"), hibernate(), Err("UnsupportedHibernationConfiguration"));
    check_stop(able(), hibernate(), Ok(()));
    check_stop(booted(119, Platform::Linux), hibernate(), Err("UnsupportedOperation"));
    check_stop(booted(120, Platform::Linux), hibernate(), Ok(()));
    check_stop(booted(299, Platform::Windows), hibernate(), Err("UnsupportedOperation"));
    check_stop(booted(119, Platform::Linux), StopInstances::default(), Ok(()));
    let forced = StopInstances { force: true, ..hibernate() };
    check_stop(able(), forced, Err("InvalidParameterCombination"));
    let bed = with([able()]);
    bed.ask(StopInstances { instance_id: ids(&["i-1"]), ..hibernate() }).unwrap();
    bed.pass(45);
    let reason = Some("Client.UserInitiatedHibernate".to_owned());
    assert_eq!(state(&bed, "i-1"), (Power::Stopped, reason));
}

#[test]
fn an_instance_that_hangs_stops_when_it_is_forced() {
    let bed = with([Instance { hangs: true, ..running("i-1") }]);
    bed.ask(stop(&["i-1"])).unwrap();
    bed.pass(100_000);
    bed.ask(stop(&["i-1"])).unwrap();
    bed.pass(100_000);
    assert_eq!(state(&bed, "i-1").0, Power::Stopping);
    bed.ask(StopInstances { force: true, ..stop(&["i-1"]) }).unwrap();
    bed.pass(45);
    assert_eq!(state(&bed, "i-1").0, Power::Stopped);
    let quick = with([running("i-1")]);
    quick.ask(StopInstances { skip_os_shutdown: true, ..stop(&["i-1"]) }).unwrap();
    quick.pass(15);
    assert_eq!(state(&quick, "i-1").0, Power::Stopped);
}

#[track_caller]
fn check_start(it: Instance, change: impl FnOnce(&mut Market), expected: Result<(), &str>) {
    let bed = with([it, in_state("i-9", Power::Stopped)]);
    market(&bed, change);
    assert_eq!(bed.ask(start(&["i-1", "i-9"])).map(|_| ()), expected);
    let pending = |id| state(&bed, id).0 == Power::Pending;
    assert_eq!((pending("i-1"), pending("i-9")), (expected.is_ok(), expected.is_ok()));
}

#[test]
fn what_cannot_be_started_is_not_and_nothing_else_of_the_call() {
    let it = || in_state("i-1", Power::Stopped);
    let of = |name| Instance { kind: types::find(name).unwrap(), ..it() };
    let none = |_: &mut Market| ();
    let short = |shortage| {
        move |it: &mut Market| {
            it.shortages.insert(("c5.large".into(), ZONE.into()), shortage);
        }
    };
    check_start(it(), none, Ok(()));
    let store = Instance { root: Root::InstanceStore, ..it() };
    check_start(store, none, Err("UnsupportedOperation"));
    let interrupted = Instance { purchase: spot(true, true), ..it() };
    check_start(interrupted, none, Err("IncorrectSpotRequestState"));
    check_start(Instance { purchase: spot(true, false), ..it() }, none, Ok(()));
    check_start(Instance { ena: false, ..it() }, none, Err("InvalidParameterCombination"));
    check_start(Instance { ena: false, ..of("t2.micro") }, none, Ok(()));
    check_start(of("c5.large"), short(Shortage::Refuses), Err("InsufficientInstanceCapacity"));
    check_start(of("c5.large"), short(Shortage::FailsLater), Ok(()));
    check_start(it(), short(Shortage::Refuses), Ok(()));
    let elsewhere = |it: &mut Market| {
        it.shortages.insert(("c5.large".into(), "eu-west-1b".into()), Shortage::Refuses);
    };
    check_start(of("c5.large"), elsewhere, Ok(()));
    let not_offered = |it: &mut Market| {
        it.not_offered.insert(("c5.large".into(), ZONE.into()));
    };
    check_start(of("c5.large"), not_offered, Err("Unsupported"));
    check_start(it(), |it| it.vcpu_limit = Some(4), Ok(()));
    check_start(it(), |it| it.vcpu_limit = Some(3), Err("VcpuLimitExceeded"));
}

#[test]
fn no_capacity_is_an_error_of_the_server() {
    let bed = with([in_state("i-1", Power::Stopped)]);
    market(&bed, |it| {
        it.shortages.insert(("m5.large".into(), ZONE.into()), Shortage::Refuses);
    });
    let performed = bed.cloud.perform(&bed.caller, &bed.place, start(&["i-1"]), false, |_| ());
    assert_eq!(performed.answer.unwrap().unwrap_err().status, 500);
}

#[test]
fn a_start_that_fails_later_goes_back_to_stopped_and_says_why() {
    #[track_caller]
    fn check(it: Instance, shortage: Option<Shortage>, code: &str) {
        let bed = with([it]);
        market(&bed, |it| {
            it.shortages
                .extend(shortage.map(|shortage| (("m5.large".into(), ZONE.into()), shortage)));
        });
        bed.ask(start(&["i-1"])).unwrap();
        bed.pass(20);
        assert_eq!(state(&bed, "i-1"), (Power::Stopped, Some(code.to_owned())));
        let told: Vec<String> = told(&bed).into_iter().map(|(_, state)| state).collect();
        assert_eq!(told, ["pending", "stopped"]);
    }
    let it = || in_state("i-1", Power::Stopped);
    let code = "Server.InsufficientInstanceCapacity";
    check(it(), Some(Shortage::FailsLater), code);
    let reason = StateReason::happened("Client.InternalError", "Client error on launch");
    check(Instance { start_fails: Some(reason), ..it() }, None, "Client.InternalError");
}

#[test]
fn what_was_planned_for_another_turn_does_not_happen() {
    let bed = with([in_state("i-1", Power::Stopped)]);
    bed.ask(start(&["i-1"])).unwrap();
    bed.pass(10);
    bed.ask(terminate(&["i-1"])).unwrap();
    bed.pass(10);
    assert_eq!(state(&bed, "i-1").0, Power::ShuttingDown);
}

#[test]
fn a_reboot_changes_no_state_and_sends_no_event() {
    let bed = with([running("i-1"), in_state("i-2", Power::Terminated)]);
    let reboot = |list: &[&str]| bed.ask(RebootInstances { instance_id: ids(list) });
    let statuses = || {
        let shown = bed.ask(DescribeInstanceStatus::default()).unwrap();
        shown["instanceStatusSet"][0]["instanceStatus"]["status"].as_str().unwrap().to_owned()
    };
    assert_eq!(statuses(), "ok");
    assert_eq!(reboot(&["i-1", "i-2"]), Ok(json!({ "return": true })));
    assert_eq!((state(&bed, "i-1").0, bed.events().len()), (Power::Running, 0));
    assert_eq!(statuses(), "initializing");
    bed.pass(180);
    assert_eq!(statuses(), "ok");
    bed.ask(stop(&["i-1"])).unwrap();
    assert_eq!(reboot(&["i-1"]), Err("IncorrectInstanceState"));
}

#[test]
fn a_protected_instance_protects_those_beside_it_and_no_others() {
    let elsewhere = |id| Instance { zone: "eu-west-1b".into(), ..running(id) };
    for protect in
        [(|it: &mut Instance| it.termination_protection = true) as fn(&mut Instance), |it| {
            it.stop_protection = true
        }]
    {
        let mut protected = elsewhere("i-3");
        protect(&mut protected);
        let bed = with([running("i-1"), elsewhere("i-2"), protected]);
        let done = bed.ask(terminate(&["i-1", "i-2", "i-3"]));
        assert_eq!(done, Err("OperationNotPermitted"));
        let states = ["i-1", "i-2", "i-3"].map(|id| state(&bed, id).0);
        assert_eq!(states, [Power::ShuttingDown, Power::Running, Power::Running]);
    }
}

#[test]
fn volumes_go_with_an_instance_or_stay_and_it_is_seen_for_an_hour() {
    let devices = vec![device("vol-1"), device("vol-2")];
    let bed = with([Instance { devices, ..running("i-1") }]);
    bed.here(|it| it.ec2.volumes.fill(["vol-1", "vol-2"].map(|id| (id.into(), volume(id)))));
    bed.ask(terminate(&["i-1"])).unwrap();
    bed.pass(45);
    let left = bed.here(|it| {
        let left = it.ec2.volumes.iter();
        left.map(|(id, it)| (id.to_owned(), it.state, it.attachments.len())).collect::<Vec<_>>()
    });
    assert_eq!(left, [("vol-2".to_owned(), volumes::State::Available, 0)]);
    assert!(bed.ask(terminate(&["i-1"])).is_ok(), "it is terminated already");
    let describe = || {
        let instance_id = ids(&["i-1"]);
        bed.ask(DescribeInstances { instance_id, ..DescribeInstances::default() })
    };
    bed.pass(3599);
    let shown = describe().unwrap();
    let instance = &shown["reservationSet"][0]["instancesSet"][0];
    assert_eq!(instance["instanceState"], json!({ "code": 48, "name": "terminated" }));
    assert_eq!(instance["blockDeviceMapping"], json!([]));
    assert_eq!(instance["privateIpAddress"], Value::Null);
    bed.pass(1);
    assert_eq!(describe(), Err("InvalidInstanceID.NotFound"));
}

#[test]
fn a_public_address_is_another_one_after_a_stop_unless_it_is_elastic() {
    let elastic = PublicIp::Elastic([198, 51, 100, 7].into());
    let bed = with([
        Instance { public_ip: PublicIp::EachStart, ..running("i-1") },
        Instance { public_ip: elastic, ..running("i-2") },
    ]);
    let addresses =
        || ["i-1", "i-2"].map(|id| bed.here(|it| it.ec2.instances.get(id).unwrap().public_ip()));
    let [first, kept] = addresses();
    bed.ask(stop(&["i-1", "i-2"])).unwrap();
    assert_eq!(addresses(), [None, kept]);
    bed.pass(45);
    bed.ask(start(&["i-1", "i-2"])).unwrap();
    let [second, still] = addresses();
    assert!(second.is_some() && second != first && still == kept);
}

#[test]
fn instances_are_paid_for_one_by_one() {
    let many: Vec<String> = (1..=1000).map(|n| format!("i-{n:08}")).collect();
    let bed = with(many.iter().map(|id| in_state(id, Power::Stopped)));
    bed.cloud.dial(|it| it.throttling = Throttling::Aws);
    let start = |list: &[String]| bed.ask(StartInstances { instance_id: list.to_vec() });
    assert!(start(&many).is_ok());
    assert_eq!(start(&many[..1]).map(|_| ()), Err("RequestLimitExceeded"));
    bed.pass(1);
    assert_eq!(start(&many[..3]).map(|_| ()), Err("RequestLimitExceeded"));
    assert!(start(&many[..2]).is_ok());
}

#[test]
fn starts_are_few_in_a_row() {
    let bed = with([running("i-1")]);
    bed.cloud.dial(|it| it.throttling = Throttling::Aws);
    let done: Vec<bool> = (0..6).map(|_| bed.ask(start(&["i-1"])).is_ok()).collect();
    assert_eq!(done, [true, true, true, true, true, false]);
}

#[test]
fn an_instance_that_is_not_seen_yet_cannot_be_changed() {
    let bed = Bed::new();
    bed.cloud.dial(|it| it.lag = Lag::Always(SignedDuration::from_secs(30)));
    let now = bed.now();
    bed.here(|it| it.ec2.instances.put("i-1", running("i-1"), now));
    assert_eq!(bed.ask(stop(&["i-1"])), Err("InvalidInstanceID.NotFound"));
    bed.pass(30);
    assert!(bed.ask(stop(&["i-1"])).is_ok());
}

#[test]
fn a_volume_whose_key_is_disabled_keeps_an_instance_from_starting() {
    let bed = Bed::new();
    let key = Key::customer(&bed.place, "key-1", None, LONG_AGO);
    let arn = key.arn.clone();
    let volume = Volume { encrypted: true, kms_key_id: Some(arn), ..volume("vol-1") };
    let device = device("vol-1");
    let it = Instance { devices: vec![device], ..in_state("i-1", Power::Stopped) };
    bed.here(|place| {
        place.kms.put(key);
        place.ec2.volumes.fill([("vol-1".into(), volume)]);
        place.ec2.instances.fill([("i-1".into(), it)]);
    });
    let started = |expected: (Power, Option<&str>)| {
        bed.ask(start(&["i-1"])).unwrap();
        bed.pass(20);
        assert_eq!(state(&bed, "i-1"), (expected.0, expected.1.map(str::to_owned)));
    };
    bed.here(|it| it.kms.get_mut("key-1").unwrap().state = KeyState::Disabled);
    started((Power::Stopped, Some("Client.InternalError")));
    let call = bed.cloud.calls().pop().unwrap();
    assert_eq!(call.actions, ["ec2:StartInstances", "kms:CreateGrant"]);
    bed.here(|it| it.kms.get_mut("key-1").unwrap().state = KeyState::Enabled);
    started((Power::Running, None));
}
