//! What the tests of EBS have in common.

use std::sync::Arc;

use jiff::Timestamp;
use lamplighter_core::AccountId;
use serde_json::{Map, Value};
use smallvec::SmallVec;

use super::{
    snapshot_create::CreateSnapshot,
    snapshot_delete::DeleteSnapshot,
    snapshots::{Snapshot, State as SnapshotState},
    volumes::{Attachment, State, Volume},
};
use crate::{
    bed::Bed,
    kms::{Key, shared_with},
};

/// A `gp3` volume of 8 GiB that is in use.
pub(super) fn volume(id: &str) -> Volume {
    Volume {
        id: id.into(),
        size_gib: 8,
        kind: "gp3".into(),
        state: State::InUse,
        encrypted: false,
        kms_key_id: None,
        iops: Some(3000),
        throughput: Some(125),
        zone: "eu-west-1a".into(),
        created_at: Timestamp::UNIX_EPOCH,
        snapshot_id: None,
        attachments: SmallVec::new(),
        operator: None,
        tags: Arc::default(),
    }
}

pub(crate) fn attached(id: &str, instance: &str, device: &str) -> Volume {
    let attachment = Attachment {
        instance_id: instance.into(),
        device: device.into(),
        at: Timestamp::UNIX_EPOCH,
        delete_on_termination: true,
    };
    Volume { attachments: [attachment].into(), ..volume(id) }
}

pub(crate) fn put_volume(bed: &Bed, volume: Volume) {
    bed.here(|it| it.ec2.volumes.fill([(volume.id.as_str().into(), volume)]));
}

/// Puts a completed snapshot of `vol-a` there.
pub(super) fn put(bed: &Bed, id: &str, change: impl FnOnce(&mut Snapshot)) {
    let owner = bed.place.account.clone();
    let mut snapshot = Snapshot::completed(owner, id, "vol-a", 8, bed.now());
    change(&mut snapshot);
    bed.here(|it| it.ec2.snapshots.fill([snapshot]));
}

/// An image uses the snapshot.
pub(super) fn used(it: &mut Snapshot) {
    it.images.insert("ami-7".into());
}

/// Puts a key of the account there, that these others may use; its ARN.
pub(super) fn put_key(bed: &Bed, id: &str, others: &[&str]) -> String {
    let mut key = Key::customer(&bed.place, id, None, Timestamp::UNIX_EPOCH);
    let others: Vec<AccountId> = others.iter().map(|it| it.parse().unwrap()).collect();
    key.policy = shared_with(&bed.place.account, &others);
    let arn = key.arn.to_string();
    bed.here(|it| it.kms.put(key));
    arn
}

/// The snapshot as it is.
pub(super) fn get(bed: &Bed, id: &str) -> Option<Snapshot> {
    bed.here(|it| it.ec2.snapshots.get(id).cloned())
}

pub(super) fn state(bed: &Bed, id: &str) -> Option<SnapshotState> {
    get(bed, id).map(|it| it.state)
}

pub(super) fn create(bed: &Bed, volume: &str) -> Result<Value, &'static str> {
    bed.ask(CreateSnapshot { volume_id: volume.into(), ..CreateSnapshot::default() })
}

pub(super) fn delete(bed: &Bed, id: &str) -> Result<(), &'static str> {
    bed.ask(DeleteSnapshot { snapshot_id: id.into() }).map(|_| ())
}

/// The newest event, beside a sample of AWS's documentation; ids and times are told apart from
/// nothing.
#[track_caller]
pub(super) fn assert_like(bed: &Bed, sample: &str) {
    let newest = bed.events().pop().expect("an event was emitted");
    let found = masked(serde_json::to_value(newest).unwrap());
    assert_eq!(found, masked(serde_json::from_str(sample).unwrap()));
}

fn masked(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(mask(&text)),
        Value::Array(all) => all.into_iter().map(masked).collect(),
        Value::Object(all) => {
            let one = |(key, value): (String, Value)| match key.as_str() {
                "id" | "request-id" => None,
                _ => Some((key, masked(value))),
            };
            Value::Object(all.into_iter().filter_map(one).collect::<Map<_, _>>())
        }
        other => other,
    }
}

fn mask(text: &str) -> String {
    if text.parse::<Timestamp>().is_ok() || text.contains(" UTC ") {
        return "TIME".to_owned();
    }
    let mut masked = text.to_owned();
    for before in ["snap-", "vol-", "key/"] {
        if let Some((start, rest)) = masked.split_once(before) {
            let id = |it: char| it.is_ascii_alphanumeric() || it == '-';
            let rest = rest.trim_start_matches(id);
            masked = format!("{start}{before}ID{rest}");
        }
    }
    masked
}
