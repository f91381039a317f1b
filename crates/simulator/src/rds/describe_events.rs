//! `DescribeEvents`: what has happened in the last fourteen days.
//!
//! Source: RDS API Reference, `DescribeEvents`.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    At,
    listing::{self, Filter, Page},
};
use crate::{
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// How long events are kept.
const KEPT: SignedDuration = SignedDuration::from_hours(14 * 24);
/// How far back events are shown when nobody says it.
const DEFAULT: SignedDuration = SignedDuration::from_mins(60);

/// What events may be about, in the words of requests and of EventBridge.
const TYPES: [(&str, &str); 4] = [
    ("db-instance", "DB_INSTANCE"),
    ("db-cluster", "CLUSTER"),
    ("db-snapshot", "SNAPSHOT"),
    ("db-cluster-snapshot", "CLUSTER_SNAPSHOT"),
];

/// RDS's own record of what has happened in a place, in the order of time.
#[derive(Default)]
pub(crate) struct Records {
    by_time: BTreeMap<String, Record>,
    /// How many there were so far.
    count: u64,
}

/// Something that has happened.
pub(crate) struct Record {
    pub(crate) at: Timestamp,
    /// What it is about, in EventBridge's words.
    pub(crate) source_type: &'static str,
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) category: &'static str,
    pub(crate) message: String,
}

impl Records {
    /// Adds what has just happened, and forgets what happened too long ago.
    pub(crate) fn add(&mut self, record: Record) {
        self.by_time = self.by_time.split_off(&format!("{:.3}", record.at - KEPT));
        self.count += 1;
        self.by_time.insert(format!("{:.3} {:08}", record.at, self.count), record);
    }
}

/// `DescribeEvents`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct DescribeEvents {
    pub(crate) source_identifier: Option<String>,
    pub(crate) source_type: Option<String>,
    pub(crate) start_time: Option<Timestamp>,
    pub(crate) end_time: Option<Timestamp>,
    /// In minutes.
    pub(crate) duration: Option<u32>,
    pub(crate) event_categories: Vec<String>,
    pub(crate) filters: Vec<Filter>,
    pub(crate) max_records: Option<u32>,
    pub(crate) marker: Option<String>,
}

/// What `DescribeEvents` answers.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Shown<'s> {
    pub(crate) events: Vec<Event<'s>>,
    pub(crate) marker: Option<String>,
}

/// An event in an answer. It has no id.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Event<'s> {
    pub(crate) source_identifier: &'s str,
    pub(crate) source_type: &'static str,
    pub(crate) message: &'s str,
    pub(crate) event_categories: [EventCategory; 1],
    pub(crate) date: At,
    pub(crate) source_arn: &'s str,
}

#[derive(Serialize)]
pub(crate) struct EventCategory(&'static str);

impl<'s> Event<'s> {
    fn of(record: &'s Record) -> Event<'s> {
        let named = TYPES.into_iter().find(|(_, it)| *it == record.source_type);
        let (source_type, _) = named.expect("RDS sends events about nothing else");
        Event {
            source_identifier: &record.name,
            source_type,
            message: &record.message,
            event_categories: [EventCategory(record.category)],
            date: At(record.at),
            source_arn: &record.arn,
        }
    }
}

impl DescribeEvents {
    /// The time that is asked for.
    fn span(&self, now: Timestamp) -> Result<(Timestamp, Timestamp), Refusal> {
        let refused = |code, message: &str| Err(Refusal::new(code, message));
        let end = self.end_time.unwrap_or(now);
        let start = match (self.start_time, self.duration) {
            (Some(_), Some(_)) => {
                let message = "Cannot specify both a start time and a duration.";
                return refused("InvalidParameterCombination", message);
            }
            (Some(start), None) => start,
            (None, duration) => {
                end - duration.map_or(DEFAULT, |it| SignedDuration::from_mins(it.into()))
            }
        };
        if start < now - KEPT {
            let message = "Cannot specify a start time that is more than 14 days in the past.";
            return refused("InvalidParameterValue", message);
        }
        if end < start {
            let message = "Cannot specify an end time that is before the start time.";
            return refused("InvalidParameterCombination", message);
        }
        Ok((start, end))
    }
}

impl Operation for DescribeEvents {
    const SPEC: Spec = super::spec("DescribeEvents", Access::Reads);

    type Answer<'s> = Shown<'s>;

    fn needs(&self, _: &Cx<'_>) -> Vec<Need> {
        vec![Need::on("rds:DescribeEvents", "*")]
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<Shown<'s>, Refusal> {
        let cx = &*cx;
        listing::check_filters(&self.filters, &[])?;
        let known = |it: &str| TYPES.iter().any(|(name, _)| *name == it);
        if let Some(other) = self.source_type.as_deref().filter(|it| !known(it)) {
            let message = format!("Invalid source type: {other}");
            return Err(Refusal::new("InvalidParameterValue", message));
        }
        if self.source_identifier.is_some() && self.source_type.is_none() {
            let message = "SourceType is required when SourceIdentifier is given.";
            return Err(Refusal::new("InvalidParameterCombination", message));
        }
        let (start, end) = self.span(cx.now)?;
        let is = |wanted: &Option<String>, it: &str| wanted.as_ref().is_none_or(|w| w == it);
        let categories = &self.event_categories;
        let shows = |record| {
            let it = Event::of(record);
            let shown = (start..=end).contains(&record.at)
                && record.at <= cx.seen
                && is(&self.source_type, it.source_type)
                && is(&self.source_identifier, it.source_identifier)
                && (categories.is_empty() || categories.iter().any(|it| it == record.category));
            shown.then_some(it)
        };
        let page = Page { max_records: self.max_records, marker: self.marker.as_deref() };
        let question = (&self.source_identifier, &self.source_type, &self.event_categories);
        let asked = (question, self.start_time, self.end_time, self.duration);
        let records = &cx.here().rds.records.by_time;
        let (events, marker) = page.of(cx, (Self::SPEC.name, &asked), records, shows)?;
        Ok(Shown { events, marker })
    }
}

#[cfg(test)]
mod tests;
