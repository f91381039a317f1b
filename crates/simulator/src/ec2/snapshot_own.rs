//! The snapshot that a call names.

use lamplighter_core::Place;

use super::snapshots::Snapshot;
use crate::{
    arn,
    iam::{Context, Need},
    operation::Cx,
    refusal::Refusal,
};

/// Refuses what is no id of a snapshot.
pub(super) fn check_id(id: &str) -> Result<(), Refusal> {
    if id.starts_with("snap-") {
        return Ok(());
    }
    let message = format!("Invalid id: \"{id}\" (expecting \"snap-...\")");
    Err(Refusal::new("InvalidSnapshotID.Malformed", message))
}

/// What it is to name a snapshot that is not there.
pub(super) fn not_found(id: &str) -> Refusal {
    Refusal::new("InvalidSnapshot.NotFound", format!("The snapshot '{id}' does not exist."))
}

/// What an action on a snapshot needs.
pub(super) fn on_snapshot(cx: &Cx<'_>, action: &'static str, id: &str) -> Need {
    let mut context = Context::default();
    if let Some(snapshot) = cx.here().ec2.snapshots.get(id) {
        context = about(snapshot);
    }
    let arn = arn::without_account(&cx.place.region, format_args!("snapshot/{id}"));
    Need::on(action, arn).with(context)
}

/// What conditions may ask of a snapshot.
pub(super) fn about(it: &Snapshot) -> Context {
    Context::default()
        .with_tags("aws:ResourceTag", &it.tags)
        .with("ec2:Owner", it.owner.as_str())
        .with("ec2:SnapshotID", &*it.id)
        .with("ec2:Encrypted", it.encrypted.to_string())
        .with("ec2:VolumeSize", it.size_gib.to_string())
}

impl Cx<'_> {
    /// A snapshot that the account owns here, to change it. One that was made so lately that
    /// describes do not show it is not found; somebody else's is not theirs to change.
    /// Source: EC2 Developer Guide, "Eventual consistency".
    pub(super) fn snapshot(&self, id: &str) -> Result<&Snapshot, Refusal> {
        check_id(id)?;
        let snapshots = &self.here().ec2.snapshots;
        if let Some(snapshot) = snapshots.get_at(id, self.seen).and_then(|_| snapshots.get(id)) {
            return Ok(snapshot);
        }
        match self.snapshot_of_another(self.place, id) {
            Some(other) => {
                let message = format!("'{id}' belongs to account {}", other.owner);
                Err(Refusal::new("UnauthorizedOperation", message).status(403))
            }
            None => Err(not_found(id)),
        }
    }

    /// A snapshot in the region of `place` that another account lets the caller's place use.
    pub(super) fn snapshot_of_another(&self, place: &Place, id: &str) -> Option<&Snapshot> {
        self.state.places_in(&place.region).find_map(|other| {
            let ec2 = &self.state.services(other).ec2;
            let snapshot = ec2.snapshots.get_at(id, self.seen).and_then(|_| ec2.snapshots.get(id));
            let blocked = ec2.settings.public_access.blocks_all();
            snapshot.filter(|it| it.is_open_to(&place.account, blocked))
        })
    }

    /// A snapshot in the region of `place` that the account there may make volumes and copies
    /// of: its own, or one that is shared with it.
    pub(super) fn usable_snapshot(&self, place: &Place, id: &str) -> Result<&Snapshot, Refusal> {
        check_id(id)?;
        let own = self.state.services_of(place).and_then(|it| {
            it.ec2.snapshots.get_at(id, self.seen)?;
            it.ec2.snapshots.get(id)
        });
        own.or_else(|| self.snapshot_of_another(place, id)).ok_or_else(|| not_found(id))
    }
}
