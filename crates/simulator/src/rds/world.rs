//! Databases and keys for tests, put there past all rules.

use std::sync::Arc;

use jiff::Timestamp;
use lamplighter_core::AccountId;
use serde_json::Value;

use super::{
    clusters::Cluster,
    instances::{Instance, Member},
    kind::Kind,
    snapshots::{Origin, Snapshot},
    status::{Life, Status},
    tags::Tag,
};
use crate::{
    bed::Bed,
    kms::{Key, shared_with},
};

/// When everything was made that has always been there.
pub(super) const LONG_AGO: Timestamp = Timestamp::UNIX_EPOCH;

/// An instance of MySQL, changed before it is put there.
pub(super) fn instance(bed: &Bed, name: &str, change: impl FnOnce(&mut Instance)) -> Instance {
    let mut it = Instance::available(name, "mysql", LONG_AGO);
    change(&mut it);
    bed.here(|here| here.rds.instances.put(name, it.clone(), LONG_AGO));
    it
}

/// A cluster of Aurora MySQL, changed before it is put there, and its one member `<name>-1`.
pub(super) fn cluster(bed: &Bed, name: &str, change: impl FnOnce(&mut Cluster)) -> Cluster {
    let mut it = Cluster::available(name, "aurora-mysql", LONG_AGO);
    change(&mut it);
    bed.here(|here| here.rds.clusters.put(name, it.clone(), LONG_AGO));
    let engine = it.engine.clone();
    instance(bed, &format!("{name}-1"), |member| {
        member.engine = engine;
        member.member = Some(Member { cluster: name.into(), writer: true });
    });
    it
}

/// An available manual snapshot of MySQL or of Aurora MySQL, changed before it is put there.
pub(super) fn snapshot(bed: &Bed, kind: Kind, name: &str, change: impl FnOnce(&mut Snapshot)) {
    let mut it = match kind {
        Kind::Instance => {
            Snapshot::of_instance(name, &Instance::available("db", "mysql", LONG_AGO), LONG_AGO)
        }
        Kind::Cluster => {
            let of = Cluster::available("db", "aurora-mysql", LONG_AGO);
            Snapshot::of_cluster(name, &of, LONG_AGO)
        }
    };
    change(&mut it);
    bed.here(|here| here.rds.snapshots_mut(kind).put(name, it, LONG_AGO));
}

/// A snapshot that RDS made by itself.
pub(super) fn automated(it: &mut Snapshot) {
    it.origin = Origin::Automated;
}

/// A customer's key, which these accounts may use as well.
pub(super) fn key(bed: &Bed, id: &str, accounts: &[&str]) -> Arc<str> {
    let mut key = Key::customer(&bed.place, id, None, LONG_AGO);
    let accounts: Vec<AccountId> = accounts.iter().map(|it| it.parse().unwrap()).collect();
    key.policy = shared_with(&bed.place.account, &accounts);
    let arn = key.arn.clone();
    bed.here(|here| here.kms.put(key));
    arn
}

/// A state that stays.
pub(super) fn steady(status: Status) -> Life {
    Life::steady(status)
}

/// Tags of a request.
pub(super) fn tags(pairs: &[(&str, &str)]) -> Vec<Tag> {
    let tag = |it: &(&str, &str)| Tag { key: it.0.into(), value: Some(it.1.into()) };
    pairs.iter().map(tag).collect()
}

/// The tags in an answer, as `key=value`.
pub(super) fn tags_of(shown: &Value) -> Vec<String> {
    let list = shown["TagList"].as_array().unwrap();
    let tag =
        |it: &Value| format!("{}={}", it["Key"].as_str().unwrap(), it["Value"].as_str().unwrap());
    list.iter().map(tag).collect()
}

/// The state of an instance.
pub(super) fn instance_status(bed: &Bed, name: &str) -> Option<&'static str> {
    bed.here(|it| it.rds.instances.get(name).map(|it| it.life.status.as_str()))
}

/// The state of a cluster.
pub(super) fn cluster_status(bed: &Bed, name: &str) -> Option<&'static str> {
    bed.here(|it| it.rds.clusters.get(name).map(|it| it.life.status.as_str()))
}

/// The state of a snapshot.
pub(super) fn snapshot_status(bed: &Bed, kind: Kind, name: &str) -> Option<&'static str> {
    bed.here(|it| it.rds.snapshots(kind).get(name).map(|it| it.status.as_str()))
}

/// The ids of the events so far, each with what it is about.
pub(super) fn event_ids(bed: &Bed) -> Vec<String> {
    let text = |it: &crate::events::Event| {
        let id = it.detail["EventID"].as_str().unwrap().trim_start_matches("RDS-EVENT-").to_owned();
        format!("{id} {}", it.detail["SourceIdentifier"].as_str().unwrap())
    };
    bed.events().iter().map(text).collect()
}
