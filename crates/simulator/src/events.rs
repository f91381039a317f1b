//! Events, as EventBridge delivers them.
//! Source: EventBridge User Guide, "Events"; each service's page on its events.

use std::collections::VecDeque;

use jiff::Timestamp;
use lamplighter_core::Place;
use serde::Serialize;
use serde_json::Value;

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
    pub detail_type: &'static str,
    /// Such as `aws.ec2`.
    pub source: &'static str,
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
    count: u64,
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
        self.count += 1;
        if self.log.len() >= KEEP {
            self.log.pop_front();
        }
        self.log.push_back(Event {
            version: "0",
            id: format!("{:08x}-0000-4000-8000-{:012x}", at.as_second() as u32, self.count),
            detail_type,
            source,
            account: place.account.to_string(),
            time: format!("{at:.0}"),
            region: place.region.to_string(),
            resources,
            detail,
        });
    }

    pub(crate) fn log(&self) -> impl Iterator<Item = &Event> {
        self.log.iter()
    }
}
#[derive(Default)]
pub(crate) struct Bus {}
#[derive(Debug)]
pub(crate) enum Due {}
pub(crate) const OPERATIONS: &[crate::table::Entry] = &[];
pub(crate) fn deliver(_: &mut crate::cloud::State) {}
pub(crate) fn fire(_: &mut crate::cloud::State, _: &Place, it: Due, _: Timestamp) {
    match it {}
}
