//! Tests of how the attributes of instances are changed, the type before all.

use serde_json::json;

use super::{
    Device, Instance, Power, Purchase, Root,
    attributes::{DescribeInstanceAttribute, ModifyInstanceAttribute, Valued},
    types,
};
use crate::bed::Bed;

fn stopped(kind: &str) -> Instance {
    let at = jiff::Timestamp::UNIX_EPOCH;
    let kind = types::find(kind).unwrap();
    Instance { power: Power::Stopped, ..Instance::running("i-1", kind, "eu-west-1a", at) }
}

fn valued<T>(value: T) -> Option<Valued<T>> {
    Some(Valued { value })
}

fn to_type(name: &str) -> ModifyInstanceAttribute {
    ModifyInstanceAttribute { instance_type: valued(name.to_owned()), ..plain() }
}

fn plain() -> ModifyInstanceAttribute {
    ModifyInstanceAttribute { instance_id: "i-1".to_owned(), ..ModifyInstanceAttribute::default() }
}

/// What `i-1` is after the call: its type, and whether it is protected from stop and termination.
#[track_caller]
fn check(
    it: Instance,
    request: ModifyInstanceAttribute,
    expected: Result<(&str, bool, bool), &str>,
) {
    let bed = Bed::new();
    bed.here(|place| place.ec2.instances.fill([(it.id.clone(), it.clone())]));
    let done = bed.ask(request);
    let after = bed.here(|place| place.ec2.instances.get("i-1").unwrap().clone());
    let shown = (after.kind.name, after.stop_protection, after.termination_protection);
    match expected {
        Ok(expected) => {
            assert_eq!((done, shown), (Ok(json!({ "return": true })), expected));
        }
        Err(code) => assert_eq!((done, after), (Err(code), it)),
    }
}

#[test]
fn the_type_is_changed_while_the_instance_is_stopped() {
    let changed = |name| Ok((name, false, false));
    check(stopped("m5.large"), to_type("c5.xlarge"), changed("c5.xlarge"));
    for power in [Power::Pending, Power::Running, Power::Stopping, Power::ShuttingDown] {
        let it = Instance { power, ..stopped("m5.large") };
        check(it, to_type("c5.xlarge"), Err("IncorrectInstanceState"));
    }
    let spot = Purchase::Spot { request_id: "sir-1".into(), persistent: true, interrupted: false };
    let it = Instance { purchase: spot, ..stopped("m5.large") };
    check(it, to_type("c5.xlarge"), Err("UnsupportedOperation"));
    let it = Instance { can_hibernate: true, hibernated: true, ..stopped("m5.large") };
    check(it, to_type("c5.xlarge"), Err("UnsupportedOperation"));
    let operator =
        Some(super::instance::Operator { principal: "eks.amazonaws.com".into(), hidden: true });
    let it = Instance { operator, ..stopped("m5.large") };
    check(it, to_type("c5.xlarge"), Err("OperationNotPermitted"));
}

#[test]
fn the_type_must_fit() {
    let with_volumes = |count: usize, kind: &str| {
        let device = |n: usize| Device {
            name: format!("/dev/sd{n}").into(),
            volume_id: format!("vol-{n}").into(),
            attached_at: jiff::Timestamp::UNIX_EPOCH,
            delete_on_termination: true,
        };
        Instance { devices: (0..count).map(device).collect(), ..stopped(kind) }
    };
    let changed = |name| Ok((name, false, false));
    check(stopped("m5.large"), to_type("m5.huge"), Err("InvalidInstanceAttributeValue"));
    check(stopped("m5.large"), to_type("m6g.large"), Err("InvalidParameterValue"));
    check(stopped("m6g.large"), to_type("t4g.small"), changed("t4g.small"));
    check(with_volumes(27, "t2.large"), to_type("m5.large"), changed("m5.large"));
    check(with_volumes(28, "t2.large"), to_type("m5.large"), Err("AttachmentLimitExceeded"));
    check(with_volumes(27, "t2.large"), to_type("m5d.large"), Err("AttachmentLimitExceeded"));
    check(with_volumes(28, "t2.large"), to_type("m7i.large"), changed("m7i.large"));
    let able = || Instance { can_hibernate: true, ..stopped("m5.large") };
    check(able(), to_type("r5.large"), changed("r5.large"));
    check(able(), to_type("g4dn.xlarge"), Err("UnsupportedHibernationConfiguration"));
    check(able(), to_type("m5.12xlarge"), Err("UnsupportedHibernationConfiguration"));
    // That there is no driver for its network shows when it starts.
    let old = Instance { ena: false, ..stopped("t2.large") };
    check(old, to_type("m5.large"), changed("m5.large"));
}

#[test]
fn protection_is_set_in_any_state_but_not_where_there_is_none() {
    let stop = |on| ModifyInstanceAttribute { disable_api_stop: valued(on), ..plain() };
    let end = |on| ModifyInstanceAttribute { disable_api_termination: valued(on), ..plain() };
    let in_state = |power| Instance { power, ..stopped("m5.large") };
    for power in [Power::Pending, Power::Running, Power::Stopping, Power::Stopped] {
        check(in_state(power), stop(true), Ok(("m5.large", true, false)));
        check(in_state(power), end(true), Ok(("m5.large", false, true)));
    }
    check(in_state(Power::Terminated), end(false), Err("IncorrectInstanceState"));
    let protected = || Instance { stop_protection: true, ..in_state(Power::Running) };
    check(protected(), stop(false), Ok(("m5.large", false, false)));
    let spot = Purchase::Spot { request_id: "sir-1".into(), persistent: true, interrupted: false };
    let spot = || Instance { purchase: spot.clone(), ..in_state(Power::Running) };
    check(spot(), stop(true), Err("UnsupportedOperation"));
    check(spot(), end(true), Err("UnsupportedOperation"));
    check(spot(), end(false), Ok(("m5.large", false, false)));
    let store = || Instance { root: Root::InstanceStore, ..in_state(Power::Running) };
    check(store(), stop(true), Err("UnsupportedOperation"));
    check(store(), end(true), Ok(("m5.large", false, true)));
}

#[test]
fn one_attribute_is_changed_at_a_time_however_it_is_named() {
    let named = |name: &str, value: Option<&str>| ModifyInstanceAttribute {
        attribute: Some(name.to_owned()),
        value: value.map(str::to_owned),
        ..plain()
    };
    let it = || stopped("m5.large");
    check(it(), named("instanceType", Some("c5.large")), Ok(("c5.large", false, false)));
    check(it(), named("disableApiStop", Some("true")), Ok(("m5.large", true, false)));
    check(it(), named("disableApiStop", Some("yes")), Err("InvalidParameterValue"));
    check(it(), named("instanceType", None), Err("InvalidParameterCombination"));
    check(it(), named("colour", Some("red")), Err("InvalidParameterValue"));
    check(it(), plain(), Err("InvalidParameterCombination"));
    let alone = ModifyInstanceAttribute { value: Some("c5.large".to_owned()), ..plain() };
    check(it(), alone, Err("InvalidParameterCombination"));
    let two = ModifyInstanceAttribute { disable_api_stop: valued(true), ..to_type("c5.large") };
    check(it(), two, Err("InvalidParameterCombination"));
    let twice = ModifyInstanceAttribute {
        instance_type: valued("c5.large".to_owned()),
        ..named("instanceType", Some("c5.large"))
    };
    check(it(), twice, Err("InvalidParameterCombination"));
    let other = ModifyInstanceAttribute { instance_id: "i-2".to_owned(), ..to_type("c5.large") };
    check(it(), other, Err("InvalidInstanceID.NotFound"));
}

#[test]
fn an_attribute_is_shown_by_itself() {
    let bed = Bed::new();
    let it = Instance { stop_protection: true, ..stopped("m5.large") };
    bed.here(|place| place.ec2.instances.fill([("i-1".into(), it)]));
    let ask = |attribute: &str| {
        let shown = bed.ask(DescribeInstanceAttribute {
            instance_id: "i-1".to_owned(),
            attribute: attribute.to_owned(),
        })?;
        let shown = shown.as_object().unwrap().iter().filter(|(_, it)| !it.is_null());
        Ok(shown.map(|(name, it)| (name.clone(), it.clone())).collect::<serde_json::Value>())
    };
    let expected = json!({ "instanceId": "i-1", "disableApiStop": { "value": true } });
    assert_eq!(ask("disableApiStop"), Ok(expected));
    let expected = json!({ "instanceId": "i-1", "instanceType": { "value": "m5.large" } });
    assert_eq!(ask("instanceType"), Ok(expected));
    assert_eq!(ask("colour"), Err("InvalidParameterValue"));
}
