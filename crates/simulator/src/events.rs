//! Events, as EventBridge delivers them.
//! Source: EventBridge User Guide, "Events"; each service's page on its events.

mod bus;
mod deliver;
mod list;
mod permission;
mod put_events;
mod put_rule;
mod put_targets;
mod schedule;

pub(crate) use bus::Bus;
pub(crate) use deliver::{Due, deliver, fire};

use std::collections::VecDeque;

use jiff::Timestamp;
use lamplighter_core::Place;
use serde::Serialize;
use serde_json::Value;

use crate::{buckets::Bucket, table::Entry};

/// The operations that are here.
pub(crate) const OPERATIONS: &[Entry] = &[
    Entry::json::<put_rule::DeleteRule>(),
    Entry::json::<list::DescribeRule>(),
    Entry::json::<list::ListRules>(),
    Entry::json::<list::ListTargetsByRule>(),
    Entry::json::<put_events::PutEvents>(),
    Entry::json::<permission::PutPermission>(),
    Entry::json::<put_rule::PutRule>(),
    Entry::json::<put_targets::PutTargets>(),
    Entry::json::<permission::RemovePermission>(),
    Entry::json::<put_targets::RemoveTargets>(),
];

/// `PutEvents`, in the smaller regions.
/// Source: EventBridge User Guide, "Amazon EventBridge quotas".
const PUT_EVENTS: Bucket = Bucket::new(400.0, 400.0);
/// All other calls.
const BUCKET: Bucket = Bucket::new(50.0, 50.0);

/// The newest events that are kept.
const KEEP: usize = 100_000;

/// An event.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Event {
    /// Always `0`.
    pub version: &'static str,
    /// Different for each event; the same when one is delivered again.
    pub id: String,
    /// Such as `EBS Snapshot Notification`.
    pub detail_type: String,
    /// Such as `aws.ec2`.
    pub source: String,
    /// The account it is about.
    pub account: String,
    /// When, in whole seconds.
    pub time: String,
    /// Where.
    pub region: String,
    /// What it is about, as ARNs; some services write them wrong.
    pub resources: Vec<String>,
    /// The rest.
    pub detail: Value,
}

/// The newest events of all places.
#[derive(Debug, Default)]
pub(crate) struct Events {
    log: VecDeque<Event>,
    /// Those that no rule has seen yet.
    fresh: Vec<Fresh>,
    count: u64,
    /// How many there were in the log so far.
    published: u64,
}

/// An event on its way to the rules of a bus.
#[derive(Clone, Debug)]
struct Fresh {
    /// Where the bus is.
    bus: Place,
    at: Timestamp,
    event: Event,
    /// Whether another bus sent it: then it goes to no third one.
    forwarded: bool,
}

impl Events {
    /// Emits an event on the default bus of a place.
    pub(crate) fn emit(
        &mut self,
        place: &Place,
        at: Timestamp,
        source: &'static str,
        detail_type: &'static str,
        resources: Vec<String>,
        detail: Value,
    ) {
        let event = self.made(place, at, source, detail_type, resources, detail);
        self.publish(place, at, event);
    }

    /// An event that is not on any bus yet.
    fn made(
        &mut self,
        place: &Place,
        at: Timestamp,
        source: &str,
        detail_type: &str,
        resources: Vec<String>,
        detail: Value,
    ) -> Event {
        self.count += 1;
        Event {
            version: "0",
            id: format!("{:08x}-0000-4000-8000-{:012x}", at.as_second() as u32, self.count),
            detail_type: detail_type.to_owned(),
            source: source.to_owned(),
            account: place.account.to_string(),
            time: format!("{at:.0}"),
            region: place.region.to_string(),
            resources,
            detail,
        }
    }

    /// Puts an event on the default bus of a place.
    fn publish(&mut self, place: &Place, at: Timestamp, event: Event) {
        if self.log.len() >= KEEP {
            self.log.pop_front();
        }
        self.log.push_back(event.clone());
        self.published += 1;
        self.fresh.push(Fresh { bus: place.clone(), at, event, forwarded: false });
    }

    /// Those that came after so many, and how many there are now. The oldest may be forgotten.
    pub(crate) fn after(&self, seen: u64) -> (u64, Vec<Event>) {
        let new = usize::try_from(self.published.saturating_sub(seen)).unwrap_or(usize::MAX);
        let known = self.log.len().saturating_sub(new);
        (self.published, self.log.iter().skip(known).cloned().collect())
    }

    pub(crate) fn log(&self) -> impl Iterator<Item = &Event> {
        self.log.iter()
    }
}

#[cfg(test)]
mod tests;
