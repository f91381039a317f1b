//! How instances go from state to state.
//!
//! Source: EC2 User Guide, "Amazon EC2 instance state changes" and "Monitor for instance state
//! changes using EventBridge".

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::Place;
use serde::Serialize;
use serde_json::json;

use super::{Instance, Market, Power, Shortage, StateReason};
use crate::{
    cloud::{Happening as Any, State},
    ec2,
    ec2::{ebs_events, ids, volumes},
    kms::{self, Use},
    operation::Cx,
    organization::Caller,
    refusal::Refusal,
};

/// Instances that one call may name.
const MOST: usize = 1000;

/// What happens to an instance by itself.
#[derive(Debug)]
pub(crate) enum Happening {
    /// It arrives where it was going, unless it has turned since.
    Arrives { id: Box<str>, turn: u32 },
    /// Nobody sees it any longer.
    Vanishes { id: Box<str> },
}

/// What is asked of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Start,
    Stop,
    Reboot,
    Terminate,
}

/// What an order comes to in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Obeys,
    /// It is so already, or on its way: the call succeeds and changes nothing.
    IsSo,
    /// `IncorrectInstanceState`.
    Refuses,
}

/// What an order comes to. What AWS does not document is refused: `IncorrectInstanceState`
/// wherever the state is not one that the lifecycle leads on from.
pub(super) fn outcome(order: Order, power: Power) -> Outcome {
    use Outcome::{IsSo, Obeys, Refuses};
    match (order, power) {
        (Order::Start, Power::Stopped) => Obeys,
        (Order::Start, Power::Pending | Power::Running) => IsSo,
        (Order::Start, _) => Refuses,
        (Order::Stop, Power::Running) => Obeys,
        (Order::Stop, Power::Stopping | Power::Stopped) => IsSo,
        (Order::Stop, _) => Refuses,
        (Order::Reboot, Power::Running) => Obeys,
        (Order::Reboot, Power::Terminated) => IsSo,
        (Order::Reboot, _) => Refuses,
        (Order::Terminate, power) if power.is_ending() => IsSo,
        (Order::Terminate, _) => Obeys,
    }
}

/// Judges an order for one instance.
pub(super) fn judge(order: Order, it: &Instance) -> Result<Outcome, Refusal> {
    let outcome = outcome(order, it.power);
    if outcome != Outcome::Refuses {
        return Ok(outcome);
    }
    let id = &it.id;
    let message = match (order, it.power) {
        (Order::Stop, Power::Pending) => {
            format!(
                "Instance '{id}' cannot be stopped as it has never reached the 'running' state."
            )
        }
        (Order::Start, _) => {
            format!("The instance '{id}' is not in a state from which it can be started.")
        }
        (Order::Reboot, _) => {
            format!("The instance '{id}' is not in a state from which it can be rebooted.")
        }
        (Order::Stop | Order::Terminate, _) => {
            format!("The instance '{id}' is not in a state from which it can be stopped.")
        }
    };
    Err(Refusal::new("IncorrectInstanceState", message))
}

/// The ids that a call names, each once, or why none of them is touched: one that is wrong
/// fails the call. Source: EC2 API, `TerminateInstances`.
pub(super) fn batch(cx: &Cx<'_>, ids: &[String]) -> Result<BTreeSet<Box<str>>, Refusal> {
    if ids.is_empty() {
        let message = "The request must contain the parameter InstanceId";
        return Err(Refusal::new("MissingParameter", message));
    }
    if ids.len() > MOST {
        let message = format!("{} instances are more than {MOST}", ids.len());
        return Err(Refusal::new("InvalidParameterValue", message));
    }
    ids::check(cx, "i", "InvalidInstanceID.Malformed", ids)?;
    let shelf = &cx.here().ec2.instances;
    let missing = |id: &&String| shelf.get_at(id, cx.seen).is_none() || shelf.get(id).is_none();
    let missing: Vec<&str> = ids.iter().filter(missing).map(String::as_str).collect();
    match missing[..] {
        [] => {}
        [id] => return Err(not_found(id)),
        _ => {
            let message = format!("The instance IDs '{}' do not exist", missing.join(", "));
            return Err(Refusal::new("InvalidInstanceID.NotFound", message));
        }
    }
    Ok(ids.iter().map(|it| it.as_str().into()).collect())
}

/// The instances of a batch.
pub(super) fn all<'s>(
    cx: &'s Cx<'_>,
    batch: &'s BTreeSet<Box<str>>,
) -> impl Iterator<Item = &'s Instance> + 's {
    batch.iter().filter_map(|id| cx.here().ec2.instances.get(id))
}

/// An instance that a call names, as it is.
pub(crate) fn one<'s>(cx: &'s Cx<'_>, id: &str) -> Result<&'s Instance, Refusal> {
    batch(cx, std::slice::from_ref(&id.to_owned()))?;
    cx.here().ec2.instances.get(id).ok_or_else(|| not_found(id))
}

pub(super) fn not_found(id: &str) -> Refusal {
    let message = format!("The instance ID '{id}' does not exist");
    Refusal::new("InvalidInstanceID.NotFound", message)
}

/// Refuses to change what an AWS service manages.
/// Source: EC2 User Guide, "Amazon EC2 managed instances".
pub(super) fn check_unmanaged(it: &Instance) -> Result<(), Refusal> {
    let Some(operator) = &it.operator else { return Ok(()) };
    let message = format!("The instance '{}' is managed by {}.", it.id, operator.principal);
    Err(Refusal::new("OperationNotPermitted", message))
}

/// Changes an instance of the place that is called, if it is there.
pub(super) fn change<R>(
    cx: &mut Cx<'_>,
    id: &str,
    change: impl FnOnce(&mut Instance) -> R,
) -> Option<R> {
    let now = cx.now;
    cx.here_mut().ec2.instances.change(id, now, change)
}

/// Reboots an instance. No event says so, and its state stays `running`.
pub(crate) fn reboot(cx: &mut Cx<'_>, id: &str) {
    let now = cx.now;
    change(cx, id, |it| it.booted_at = now);
}

/// Sends an instance into a state, says so in an event, and plans that it arrives in the next
/// one after a while. `None`: it stays until it is asked again. Nothing happens to an instance
/// that is gone.
pub(super) fn enter(
    state: &mut State,
    place: &Place,
    id: &str,
    power: Power,
    reason: Option<StateReason>,
    at: Timestamp,
    lasts: Option<SignedDuration>,
) {
    let turn = state.services_mut(place).ec2.instances.change(id, at, |it| {
        it.power = power;
        it.state_reason = reason;
        it.turn += 1;
        it.turn
    });
    let Some(turn) = turn else { return };
    let detail = json!({ "instance-id": id, "state": power.as_str() });
    let detail_type = "EC2 Instance State-change Notification";
    state.events.emit(place, at, "aws.ec2", detail_type, vec![Instance::arn(place, id)], detail);
    if let Some(lasts) = lasts {
        let arrives = Happening::Arrives { id: id.into(), turn };
        state.agenda.plan(at + lasts, wrap(place, arrives));
    }
}

/// Starts an instance that is stopped, or was just made.
pub(crate) fn start(state: &mut State, place: &Place, id: &str, at: Timestamp) {
    state.services_mut(place).ec2.instances.change(id, at, |it| {
        it.launched_at = at;
        it.booted_at = at;
        it.hibernated = false;
    });
    let lasts = state.dials.times.start;
    enter(state, place, id, Power::Pending, None, at, Some(lasts));
}

/// Stops an instance that runs, as somebody else might.
pub(crate) fn shut_down(state: &mut State, place: &Place, id: &str, at: Timestamp) {
    let reason = StateReason::asked("Client.UserInitiatedShutdown", "User initiated shutdown", at);
    let lasts = state.dials.times.shutdown;
    enter(state, place, id, Power::Stopping, Some(reason), at, Some(lasts));
}

/// Lets something happen to an instance.
pub(crate) fn happen(state: &mut State, place: &Place, happening: Happening, at: Timestamp) {
    match happening {
        Happening::Arrives { id, turn } => {
            let services = state.services(place);
            let Some(it) = services.ec2.instances.get(&id) else { return };
            if it.turn == turn {
                let key = key_refused(state, place, it);
                let (power, reason) = arrival(it, &services.ec2.market, key);
                let seen = state.dials.times.terminated_seen;
                enter(state, place, &id, power, reason, at, None);
                if power == Power::Terminated {
                    release(state, place, &id, at);
                    state.agenda.plan(at + seen, wrap(place, Happening::Vanishes { id }));
                }
            }
        }
        Happening::Vanishes { id } => {
            state.services_mut(place).ec2.instances.remove(&id, at);
        }
    }
}

/// Where an instance arrives, and why there. One that cannot start goes back to `stopped`, or is
/// terminated when it was to start for the first time.
fn arrival(
    it: &Instance,
    market: &Market,
    key: Option<StateReason>,
) -> (Power, Option<StateReason>) {
    match it.power {
        Power::Pending => {
            let short = market.shortage(it.kind, &it.zone) == Some(Shortage::FailsLater);
            let message = "Insufficient capacity to satisfy instance request";
            let no_capacity = || {
                short.then(|| StateReason::happened("Server.InsufficientInstanceCapacity", message))
            };
            match it.start_fails.clone().or(key).or_else(no_capacity) {
                None => (Power::Running, None),
                fails if it.launched_at == it.created_at => (Power::Terminated, fails),
                fails => (Power::Stopped, fails),
            }
        }
        Power::Stopping => (Power::Stopped, it.state_reason.clone()),
        Power::ShuttingDown => (Power::Terminated, it.state_reason.clone()),
        settled => (settled, it.state_reason.clone()),
    }
}

/// Why a volume of an instance cannot be decrypted, if one cannot: EBS finds that out while the
/// instance starts. Source: EC2 User Guide, "Troubleshoot Amazon EC2 instance terminating
/// immediately".
fn key_refused(state: &State, place: &Place, it: &Instance) -> Option<StateReason> {
    let owner = Caller::administrator(place.account.clone());
    let volumes = &state.services(place).ec2.volumes;
    let volumes = it.devices.iter().filter_map(|it| volumes.get(&it.volume_id));
    let mut keys = volumes.filter_map(|it| it.kms_key_id.as_deref());
    let refused =
        |key: &str| kms::usable(state, &owner, &place.region, key, Use::EBS_ATTACH).is_err();
    keys.any(refused)
        .then(|| StateReason::happened("Client.InternalError", "Client error on launch"))
}

/// Takes the volumes off an instance that is terminated; some go with it.
/// Source: EC2 User Guide, "Preserve data when an instance is terminated".
fn release(state: &mut State, place: &Place, id: &str, at: Timestamp) {
    let ec2 = &mut state.services_mut(place).ec2;
    let devices = ec2.instances.change(id, at, |it| std::mem::take(&mut it.devices));
    for device in devices.into_iter().flatten() {
        let ec2 = &mut state.services_mut(place).ec2;
        if device.delete_on_termination {
            ec2.volumes.remove(&device.volume_id, at);
            let what = ("deleteVolume", "deleted", "");
            ebs_events::volume(state, place, &device.volume_id, what, at);
            continue;
        }
        ec2.volumes.change(&device.volume_id, at, |volume| {
            volume.attachments.retain(|it| *it.instance_id != *id);
            if volume.attachments.is_empty() {
                volume.state = volumes::State::Available;
            }
        });
    }
}

fn wrap(place: &Place, happening: Happening) -> Any {
    Any::Ec2(place.clone(), ec2::Happening::Instance(happening))
}

/// What `StartInstances`, `StopInstances` and `TerminateInstances` answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Changes {
    pub(crate) instances_set: Vec<Change>,
}

/// The state of an instance before and after a call.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Change {
    instance_id: Box<str>,
    current_state: ShownPower,
    previous_state: ShownPower,
}

/// A state in an answer.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct ShownPower {
    code: u16,
    name: &'static str,
}

impl ShownPower {
    pub(super) fn of(it: &Instance) -> ShownPower {
        ShownPower { code: it.state_code(), name: it.power.as_str() }
    }
}

/// Does something to each instance of a batch and says what changed.
pub(super) fn change_each(
    cx: &mut Cx<'_>,
    batch: &BTreeSet<Box<str>>,
    mut change: impl FnMut(&mut Cx<'_>, &str),
) -> Changes {
    let shown = |cx: &Cx<'_>, id: &str| cx.here().ec2.instances.get(id).map(ShownPower::of);
    let mut instances_set = Vec::new();
    for id in batch {
        let Some(previous_state) = shown(cx, id) else { continue };
        change(cx, id);
        let current_state = shown(cx, id).unwrap_or(previous_state);
        instances_set.push(Change { instance_id: id.clone(), current_state, previous_state });
    }
    Changes { instances_set }
}
