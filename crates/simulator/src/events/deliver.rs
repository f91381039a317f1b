//! How events come to targets, and schedules to events.
//!
//! Source: EventBridge User Guide, "Event buses", "Targets", "Sending and receiving events between
//! AWS accounts", "Using dead-letter queues to process undelivered events".

use jiff::Timestamp;
use lamplighter_core::Place;
use serde_json::{Map, Value};

use super::{
    Event, Fresh,
    bus::{self, RuleState, Target, rule_arn},
};
use crate::{
    access,
    cloud::{Happening, State},
    iam::{self, Context, Need},
    sqs::{message::Content, url::Address},
};

/// Who delivers.
const SERVICE: &str = "events.amazonaws.com";

/// A rule whose schedule comes round.
#[derive(Clone, Debug)]
pub(crate) struct Due {
    rule: String,
    planned: u64,
}

/// Brings every event that no rule has seen yet to the targets of the rules that take it.
pub(crate) fn deliver(state: &mut State) {
    while !state.events.fresh.is_empty() {
        for fresh in std::mem::take(&mut state.events.fresh) {
            let Some(services) = state.services_of(&fresh.bus) else { continue };
            if services.bus.rules.is_empty() {
                continue;
            }
            let envelope = envelope(&fresh.event);
            let takes = services.bus.rules.iter().filter(|(_, rule)| {
                let pattern = rule.pattern.as_ref();
                rule.state == RuleState::Enabled
                    && pattern.is_some_and(|(_, it)| it.takes(&envelope))
            });
            let targets: Vec<(String, Target)> = takes
                .flat_map(|(name, rule)| {
                    rule.targets.values().map(|target| (name.clone(), target.clone()))
                })
                .collect();
            for (rule, target) in targets {
                bring(state, &fresh, &rule, &target, &envelope);
            }
        }
    }
}

/// Plans when the schedule of a rule comes round next, if it has one and is enabled.
pub(super) fn plan(state: &mut State, place: &Place, name: &str, after: Timestamp) {
    let planned = state.events.count + 1;
    let Some(rule) = state.services_mut(place).bus.rules.get_mut(name) else { return };
    rule.planned = planned;
    let schedule = rule.schedule.as_ref().filter(|_| rule.state == RuleState::Enabled);
    let Some(at) = schedule.and_then(|(_, it)| it.after(after)) else { return };
    state.events.count = planned;
    let due = Due { rule: name.to_owned(), planned };
    state.agenda.plan(at, Happening::Rule(place.clone(), due));
}

/// Lets the schedule of a rule come round.
pub(crate) fn fire(state: &mut State, place: &Place, due: Due, at: Timestamp) {
    let rule = state.services_mut(place).bus.rules.get(&due.rule);
    let Some(rule) = rule.filter(|it| it.planned == due.planned) else { return };
    let targets: Vec<Target> = rule.targets.values().cloned().collect();
    let resources = vec![rule_arn(place, &due.rule)];
    let detail = Value::Object(Map::new());
    let events = &mut state.events;
    let event = events.made(place, at, "aws.events", "Scheduled Event", resources, detail);
    let envelope = envelope(&event);
    // It goes to the targets of this rule, and is on no bus.
    let fresh = Fresh { bus: place.clone(), at, event, forwarded: false };
    for target in targets {
        bring(state, &fresh, &due.rule, &target, &envelope);
    }
    plan(state, place, &due.rule, at);
}

/// An event as rules and targets see it.
fn envelope(event: &Event) -> Value {
    serde_json::to_value(event).unwrap_or_default()
}

/// Brings an event to one target.
fn bring(state: &mut State, fresh: &Fresh, rule: &str, target: &Target, envelope: &Value) {
    if let Some(to) = bus::place_of(&target.arn) {
        let admitted = bus::admits(state, &to, &fresh.bus.account);
        if !fresh.forwarded && admitted {
            let fresh = Fresh { bus: to, forwarded: true, ..fresh.clone() };
            state.events.fresh.push(fresh);
        }
        return;
    }
    let body = match (&target.input, &target.input_path) {
        (Some(input), _) => input.clone(),
        (None, Some(path)) => at_path(envelope, path).to_string(),
        (None, None) => envelope.to_string(),
    };
    let group = target.sqs_parameters.as_ref().map(|it| it.message_group_id.clone());
    let arn = rule_arn(&fresh.bus, rule);
    let content = Content { message_body: body, message_group_id: group, ..Content::default() };
    if send(state, &target.arn, &arn, content, fresh.at) {
        return;
    }
    // What a target does not take goes to its queue for dead letters, whole.
    if let Some(dead) = &target.dead_letter_config {
        let content = Content { message_body: envelope.to_string(), ..Content::default() };
        send(state, &dead.arn, &arn, content, fresh.at);
    }
}

/// Puts a message into a queue that lets EventBridge do so. Whether it did.
fn send(state: &mut State, queue: &str, rule: &str, content: Content, at: Timestamp) -> bool {
    let id = state.fresh_uuid();
    let Some(address) = Address::of_arn(queue) else { return false };
    let Some(found) = address.queue(state) else { return false };
    let account = rule.split(':').nth(4).unwrap_or_default();
    let context = Context::default().with("aws:SourceArn", rule).with("aws:SourceAccount", account);
    let need = Need::on("sqs:SendMessage", address.arn()).with(context);
    let policy = found.attributes.text("Policy");
    if !access::admits(policy, &iam::Caller::Service(SERVICE.to_owned()), &need)
        || content.check(&found.attributes).is_err()
    {
        return false;
    }
    match address.queue_mut(state) {
        Ok(queue) => {
            queue.send(content, "AIDAEVENTBRIDGE", id, at);
            true
        }
        Err(_) => false,
    }
}

/// Whether a text is a path that is understood: `$`, or `$.` and names.
pub(super) fn is_path(path: &str) -> bool {
    let letter = |it: u8| it.is_ascii_alphanumeric() || b"_-".contains(&it);
    let name = |it: &str| !it.is_empty() && it.bytes().all(letter);
    path == "$" || path.strip_prefix("$.").is_some_and(|rest| rest.split('.').all(name))
}

/// What is there in an event.
fn at_path<'v>(envelope: &'v Value, path: &str) -> &'v Value {
    path.split('.').skip(1).fold(envelope, |value, name| &value[name])
}
