//! `DeleteDBSnapshot` and `DeleteDBClusterSnapshot`.
//!
//! Source: RDS API Reference of both: the snapshot must be manual and available, or a copy in
//! progress, which is then canceled.

use jiff::Timestamp;
use lamplighter_core::Place;
use serde::{Deserialize, Serialize, Serializer};

use super::{
    Origin, Snapshot, Status, find,
    shown::{By, DBClusterSnapshot, DBSnapshot, OneClusterSnapshot, OneSnapshot, Seen},
    wrong_state,
};
use crate::{
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    rds::{
        self,
        events::{self, Event},
        kind::Kind,
    },
    refusal::Refusal,
};

/// `DeleteDBSnapshot`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeleteDBSnapshot {
    #[serde(rename = "DBSnapshotIdentifier")]
    pub(crate) name: String,
}

/// `DeleteDBClusterSnapshot`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeleteDBClusterSnapshot {
    #[serde(rename = "DBClusterSnapshotIdentifier")]
    pub(crate) name: String,
}

/// The snapshot that was, in the answer.
#[derive(Debug)]
pub(crate) struct Deleted {
    snapshot: Snapshot,
    place: Place,
    at: Timestamp,
}

/// The snapshot of a cluster that was, in the answer.
#[derive(Debug)]
pub(crate) struct DeletedCluster(Deleted);

impl Operation for DeleteDBSnapshot {
    const SPEC: Spec = rds::spec("DeleteDBSnapshot", Access::Writes);

    type Answer<'s> = Deleted;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![Kind::Instance.snapshot_need(cx, "rds:DeleteDBSnapshot", &self.name)]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Deleted, Refusal> {
        delete(cx, Kind::Instance, &self.name)
    }
}

impl Operation for DeleteDBClusterSnapshot {
    const SPEC: Spec = rds::spec("DeleteDBClusterSnapshot", Access::Writes);

    type Answer<'s> = DeletedCluster;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![Kind::Cluster.snapshot_need(cx, "rds:DeleteDBClusterSnapshot", &self.name)]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<DeletedCluster, Refusal> {
        delete(cx, Kind::Cluster, &self.name).map(DeletedCluster)
    }
}

/// A copy in progress is canceled, and what is being copied is not there any more when the copy
/// would be done. An instance's snapshot says so with an event.
fn delete(cx: &mut Cx<'_>, kind: Kind, name: &str) -> Result<Deleted, Refusal> {
    let it = find(cx, kind, name)?;
    if it.origin != Origin::Manual {
        let message = format!("Only manual snapshots may be deleted: {} is not one.", it.name);
        return Err(wrong_state(kind, message));
    }
    if !matches!(it.status, Status::Available | Status::Copying | Status::Failed) {
        let message = format!("Cannot delete the snapshot {}: it is being created.", it.name);
        return Err(wrong_state(kind, message));
    }
    let name = it.name.clone();
    let event = match (&it.copy_of, it.status) {
        (Some(of), Status::Copying) => {
            let here = &cx.place.region;
            events::copied(events::Copy::Canceled, &of.name, &of.place.region, here)
        }
        _ => Event::new("RDS-EVENT-0041", "deletion", "Deleted user snapshot"),
    };
    let state = &mut *cx.state;
    let all = state.services.get(cx.place).expect("a call only reaches open places");
    let all = all.rds.snapshots(kind);
    let gone = all.get(&name).ok_or_else(|| kind.no_snapshot(&name))?;
    let others = all.iter().map(|(_, it)| it.as_backup());
    state.laws.judge(cx.place, &gone.as_backup(), others);
    let shelf = state.services_mut(cx.place).rds.snapshots_mut(kind);
    let mut snapshot = shelf.remove(&name, cx.now).ok_or_else(|| kind.no_snapshot(&name))?;
    snapshot.status = Status::Deleted;
    if kind == Kind::Instance {
        events::of_snapshot(cx.state, cx.place, kind, &name, cx.now, event);
    }
    Ok(Deleted { snapshot, place: cx.place.clone(), at: cx.now })
}

impl Deleted {
    fn seen(&self) -> Seen<'_> {
        let place = self.place.clone();
        Seen { snapshot: &self.snapshot, place, by: By::Owner, at: self.at }
    }
}

impl Serialize for Deleted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        OneSnapshot { snapshot: DBSnapshot::of(&self.seen()) }.serialize(serializer)
    }
}

impl Serialize for DeletedCluster {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let snapshot = DBClusterSnapshot::of(&self.0.seen());
        OneClusterSnapshot { snapshot }.serialize(serializer)
    }
}

#[cfg(test)]
mod tests;
