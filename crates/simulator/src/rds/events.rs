//! The events that RDS sends.
//!
//! Source: RDS User Guide and Aurora User Guide, "Amazon RDS event categories and event
//! messages" and "Creating a rule that triggers on an Amazon RDS event". Cluster snapshots have no
//! events for copies and deletions.

use jiff::Timestamp;
use lamplighter_core::{Place, Region};
use serde_json::json;

use super::{describe_events::Record, kind::Kind, snapshots::Origin};
use crate::cloud::State;

/// What an event is about: its detail type, and its source type.
type Source = (&'static str, &'static str);

const INSTANCE: Source = ("RDS DB Instance Event", "DB_INSTANCE");
const CLUSTER: Source = ("RDS DB Cluster Event", "CLUSTER");
const SNAPSHOT: Source = ("RDS DB Snapshot Event", "SNAPSHOT");
const CLUSTER_SNAPSHOT: Source = ("RDS DB Cluster Snapshot Event", "CLUSTER_SNAPSHOT");

/// An event: its id, its category, and what it says.
#[derive(Clone, Debug)]
pub(crate) struct Event(pub(crate) &'static str, pub(crate) &'static str, pub(crate) String);

impl Event {
    /// An event that always says the same.
    pub(crate) fn new(id: &'static str, category: &'static str, message: &str) -> Event {
        Event(id, category, message.to_owned())
    }
}

/// Sends an event about a database.
pub(crate) fn of_database(
    state: &mut State,
    place: &Place,
    kind: Kind,
    name: &str,
    at: Timestamp,
    event: Event,
) {
    let source = match kind {
        Kind::Instance => INSTANCE,
        Kind::Cluster => CLUSTER,
    };
    send(state, place, source, kind.database_arn(place, name), name, at, event);
}

/// Sends an event about a snapshot.
pub(crate) fn of_snapshot(
    state: &mut State,
    place: &Place,
    kind: Kind,
    name: &str,
    at: Timestamp,
    event: Event,
) {
    let source = match kind {
        Kind::Instance => SNAPSHOT,
        Kind::Cluster => CLUSTER_SNAPSHOT,
    };
    send(state, place, source, kind.snapshot_arn(place, name), name, at, event);
}

fn send(
    state: &mut State,
    place: &Place,
    (detail_type, source_type): Source,
    arn: String,
    name: &str,
    at: Timestamp,
    Event(id, category, message): Event,
) {
    let detail = json!({
        "EventCategories": [category],
        "SourceType": source_type,
        "SourceArn": arn,
        "Date": format!("{at:.3}"),
        "Message": message,
        "SourceIdentifier": name,
        "EventID": id,
    });
    state.services_mut(place).rds.records.add(Record {
        at,
        source_type,
        name: name.to_owned(),
        arn: arn.clone(),
        category,
        message,
    });
    state.events.emit(place, at, "aws.rds", detail_type, vec![arn], detail);
}

/// A manual snapshot is being taken.
pub(crate) fn creating(kind: Kind) -> Event {
    match kind {
        Kind::Instance => Event::new("RDS-EVENT-0040", "creation", "Creating manual snapshot"),
        Kind::Cluster => Event::new("RDS-EVENT-0074", "backup", "Creating manual cluster snapshot"),
    }
}

/// A snapshot was taken.
pub(crate) fn created(kind: Kind, origin: Origin) -> Event {
    match (kind, origin) {
        (Kind::Instance, Origin::Automated) => {
            Event::new("RDS-EVENT-0091", "creation", "Automated DB snapshot created")
        }
        (Kind::Instance, Origin::Manual | Origin::AwsBackup) => {
            Event::new("RDS-EVENT-0042", "creation", "Manual snapshot created")
        }
        (Kind::Cluster, Origin::Automated) => {
            Event::new("RDS-EVENT-0169", "backup", "Automated cluster snapshot created")
        }
        (Kind::Cluster, Origin::Manual | Origin::AwsBackup) => {
            Event::new("RDS-EVENT-0075", "backup", "Manual cluster snapshot created")
        }
    }
}

/// How far a copy of an instance's snapshot has come.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Copy {
    Started,
    /// After so many minutes.
    Finished(i64),
    Canceled,
}

/// A copy of an instance's snapshot, from a region to this one.
pub(crate) fn copied(copy: Copy, source: &str, from: &Region, here: &Region) -> Event {
    let across = from != here;
    let where_ = if across { format!("from region {from}") } else { format!("in region {from}") };
    let (local, distant, message) = match copy {
        Copy::Started => (
            "RDS-EVENT-0196",
            "RDS-EVENT-0059",
            format!("Started copy of snapshot {source} {where_}"),
        ),
        Copy::Finished(minutes) => {
            let took = if across { format!(" in {minutes} minutes") } else { String::new() };
            let message = format!("Finished copy of snapshot {source} {where_}{took}");
            ("RDS-EVENT-0197", "RDS-EVENT-0060", message)
        }
        Copy::Canceled => {
            let message = format!("Canceled snapshot copy request of {source} {where_}");
            ("RDS-EVENT-0190", "RDS-EVENT-0061", message)
        }
    };
    Event(if across { distant } else { local }, "notification", message)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::bed::{Bed, place};

    /// Compares an event with a sample, but for its id, which is always another one.
    #[track_caller]
    fn check(sample: &str, send: impl FnOnce(&mut State, &Place, Timestamp)) {
        let bed = Bed::new();
        let at = "2026-03-02T10:15:30.293Z".parse().unwrap();
        bed.cloud.look(|state, _| send(state, &place("123456789012", "us-east-1"), at));
        let mut sent = serde_json::to_value(&bed.events()[0]).unwrap();
        let sample: Value = serde_json::from_str(sample).unwrap();
        sent["id"] = sample["id"].clone();
        assert_eq!(sent, sample);
    }

    #[test]
    fn events_are_as_eventbridge_delivers_them() {
        let name = "testdb-20260302";
        check(
            include_str!("../../../core/tests/events/rds-snapshot-creating.json"),
            |state, place, at| {
                of_snapshot(state, place, Kind::Instance, name, at, creating(Kind::Instance));
            },
        );
        check(
            include_str!("../../../core/tests/events/rds-snapshot-created.json"),
            |state, place, at| {
                of_snapshot(
                    state,
                    place,
                    Kind::Instance,
                    name,
                    at,
                    created(Kind::Instance, Origin::Manual),
                );
            },
        );
        check(
            include_str!("../../../core/tests/events/rds-cluster-snapshot-created.json"),
            |state, place, at| {
                let name = "aurora1-20260302";
                of_snapshot(
                    state,
                    place,
                    Kind::Cluster,
                    name,
                    at,
                    created(Kind::Cluster, Origin::Manual),
                );
            },
        );
        check(
            include_str!("../../../core/tests/events/rds-snapshot-copy-finished.json"),
            |state, place, at| {
                let from = "us-west-2".parse().unwrap();
                let event = copied(Copy::Finished(12), name, &from, &place.region);
                of_snapshot(state, place, Kind::Instance, "testdb-copy", at, event);
            },
        );
        check(
            include_str!("../../../core/tests/events/rds-instance-stopped.json"),
            |state, place, at| {
                let event = super::super::lifecycle::stopped(Kind::Instance);
                of_database(state, place, Kind::Instance, "testdb", at, event);
            },
        );
    }

    #[test]
    fn the_snapshots_that_rds_takes_have_events_of_their_own() {
        let ids = |origin| [Kind::Instance, Kind::Cluster].map(|kind| created(kind, origin).0);
        assert_eq!(ids(Origin::Manual), ["RDS-EVENT-0042", "RDS-EVENT-0075"]);
        assert_eq!(ids(Origin::AwsBackup), ids(Origin::Manual));
        assert_eq!(ids(Origin::Automated), ["RDS-EVENT-0091", "RDS-EVENT-0169"]);
    }

    #[test]
    fn copies_within_a_region_have_events_of_their_own() {
        let [here, there] = ["eu-west-1", "eu-west-2"].map(|it| it.parse::<Region>().unwrap());
        for (copy, local, distant) in [
            (Copy::Started, "RDS-EVENT-0196", "RDS-EVENT-0059"),
            (Copy::Finished(3), "RDS-EVENT-0197", "RDS-EVENT-0060"),
            (Copy::Canceled, "RDS-EVENT-0190", "RDS-EVENT-0061"),
        ] {
            assert_eq!(copied(copy, "a", &here, &here).0, local);
            assert_eq!(copied(copy, "a", &there, &here).0, distant);
        }
    }
}
