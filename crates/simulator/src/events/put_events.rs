//! `PutEvents`. Source: EventBridge API, `PutEvents`; EventBridge User Guide, "Sending events with
//! PutEvents" and "Calculating PutEvents event entry size".

use jiff::Timestamp;
use lamplighter_core::Place;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    PUT_EVENTS,
    bus::{self, validation},
};
use crate::{
    iam::{Context, Need},
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
    wire::time::from_epoch,
};

/// Entries of a call.
const MOST_ENTRIES: usize = 10;
/// All entries of a call are smaller, in bytes.
const LARGEST: usize = 1_000_000;
/// What a time counts for, in bytes.
const SIZE_OF_TIME: usize = 14;
/// Characters of the type of a detail.
const LONGEST_TYPE: usize = 128;

/// `PutEvents`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct PutEvents {
    entries: Vec<NewEvent>,
}

/// An event that somebody sends.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
struct NewEvent {
    #[serde(deserialize_with = "from_epoch")]
    time: Option<Timestamp>,
    source: Option<String>,
    resources: Vec<String>,
    detail_type: Option<String>,
    detail: Option<String>,
    event_bus_name: Option<String>,
}

/// What `PutEvents` answers: HTTP 200, whatever failed.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Results {
    failed_entry_count: usize,
    entries: Vec<Entry>,
}

/// What became of one event.
#[derive(Serialize)]
#[serde(untagged)]
enum Entry {
    Taken {
        #[serde(rename = "EventId")]
        id: String,
    },
    Failed {
        #[serde(rename = "ErrorCode")]
        code: &'static str,
        #[serde(rename = "ErrorMessage")]
        message: String,
    },
}

impl NewEvent {
    /// What counts against the limit.
    fn size(&self) -> usize {
        let texts = [&self.source, &self.detail_type, &self.detail];
        let texts = texts.into_iter().flatten().chain(&self.resources).map(String::len);
        texts.sum::<usize>() + self.time.map_or(0, |_| SIZE_OF_TIME)
    }

    /// The bus that it goes to.
    fn bus(&self, cx: &Cx<'_>) -> Option<Place> {
        match self.event_bus_name.as_deref() {
            None | Some("default") => Some(cx.place.clone()),
            Some(name) => bus::place_of(name).filter(|it| it.region == cx.place.region),
        }
    }
}

impl Operation for PutEvents {
    const SPEC: Spec =
        Spec { service: "events", name: "PutEvents", access: Access::Writes, bucket: PUT_EVENTS };

    type Answer<'s> = Results;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        let need = |it: &NewEvent| {
            let bus = it.bus(cx).unwrap_or_else(|| cx.place.clone());
            let mut context = Context::default();
            for (key, value) in
                [("events:source", &it.source), ("events:detail-type", &it.detail_type)]
            {
                if let Some(value) = value {
                    context = context.with(key, value.clone());
                }
            }
            Need::on("events:PutEvents", bus::arn(&bus)).with(context)
        };
        self.entries.iter().map(need).collect()
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Results, Refusal> {
        if !(1..=MOST_ENTRIES).contains(&self.entries.len()) {
            return Err(validation(format!(
                "1 validation error detected: Value at 'entries' failed to satisfy constraint: \
                 Member must have length between 1 and {MOST_ENTRIES}"
            )));
        }
        if self.entries.iter().map(NewEvent::size).sum::<usize>() >= LARGEST {
            return Err(validation("Total size of the entries in the request is over the limit."));
        }
        let entries: Vec<Entry> = self.entries.into_iter().map(|it| put(cx, it)).collect();
        let failed = entries.iter().filter(|it| matches!(it, Entry::Failed { .. }));
        Ok(Results { failed_entry_count: failed.count(), entries })
    }
}

/// Puts one event on its bus.
fn put(cx: &mut Cx<'_>, it: NewEvent) -> Entry {
    let failed = |code, message: &str| Entry::Failed { code, message: message.to_owned() };
    let Some(bus) = it.bus(cx).filter(|bus| cx.state.services_of(bus).is_some()) else {
        return failed(
            "InvalidArgument",
            "Parameter EventBusName is not valid. Reason: no such bus.",
        );
    };
    if !bus::admits(cx.state, &bus, &cx.caller.account) {
        return failed("AccessDeniedException", "The bus does not admit this account.");
    }
    let missing = |name: &str| {
        let message =
            format!("Parameter {name} is not valid. Reason: {name} is a required argument.");
        failed("InvalidArgument", &message)
    };
    let Some(source) = it.source.filter(|it| !it.is_empty()) else { return missing("Source") };
    let Some(detail_type) = it.detail_type.filter(|it| !it.is_empty()) else {
        return missing("DetailType");
    };
    let Some(detail) = it.detail else { return missing("Detail") };
    if source.starts_with("aws.") {
        return failed("NotAuthorizedForSourceException", "Not authorized for the source.");
    }
    if detail_type.chars().count() > LONGEST_TYPE {
        let message =
            "Parameter DetailType is not valid. Reason: it is longer than 128 characters.";
        return failed("InvalidArgument", message);
    }
    let detail = match serde_json::from_str(&detail) {
        Ok(detail @ Value::Object(_)) => detail,
        _ => return failed("MalformedDetail", "Detail is malformed."),
    };
    let at = it.time.unwrap_or(cx.now);
    // The event keeps the account that sends it, whoever owns the bus.
    let from = Place { account: cx.caller.account.clone(), region: cx.place.region.clone() };
    let events = &mut cx.state.events;
    let event = events.made(&from, at, &source, &detail_type, it.resources, detail);
    let id = event.id.clone();
    let now = cx.now;
    events.publish(&bus, now, event);
    Entry::Taken { id }
}
