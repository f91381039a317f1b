//! `DeleteSnapshot`.
//!
//! Source: EBS User Guide, "Delete an Amazon EBS snapshot". Any snapshot of a chain may go: what
//! others still need of it stays with them.

use serde::{Deserialize, Serialize};

use super::{
    bucket, fast_restore,
    snapshot_own::{not_found, on_snapshot},
    snapshots::{Snapshot, State},
};
use crate::{
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// `DeleteSnapshot`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct DeleteSnapshot {
    pub(crate) snapshot_id: String,
}

/// What many calls answer when they have done what they were asked.
#[derive(Serialize)]
pub(crate) struct Done {
    #[serde(rename = "return")]
    done: bool,
}

impl Done {
    pub(crate) const DONE: Done = Done { done: true };
}

impl Operation for DeleteSnapshot {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "DeleteSnapshot",
        access: Access::Writes,
        bucket: bucket::MAKES,
    };

    type Answer<'s> = Done;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![on_snapshot(cx, "ec2:DeleteSnapshot", &self.snapshot_id)]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Done, Refusal> {
        delete(cx, &self.snapshot_id)?;
        Ok(Done::DONE)
    }
}

/// Deletes a snapshot of the place, unless AWS keeps it. The caller may.
pub(super) fn delete(cx: &mut Cx<'_>, id: &str) -> Result<(), Refusal> {
    let snapshot = cx.snapshot(id)?;
    check(cx, snapshot)?;
    if snapshot.leaving {
        return Ok(());
    }
    let (snapshot, now) = (snapshot.clone(), cx.now);
    let state = &mut *cx.state;
    // Those of the same volume first: one of them mostly shows that another one is left.
    let all = &state.services.get(cx.place).expect("a call only reaches open places").ec2.snapshots;
    let others = all.of_volume(&snapshot.volume_id).chain(all.iter().map(|(_, it)| it));
    state.laws.judge(cx.place, &snapshot.as_backup(), others.map(Snapshot::as_backup));
    let here = &mut cx.here_mut().ec2;
    match snapshot.state {
        // It is accepted, and takes effect when the snapshot is complete.
        State::Pending => drop(here.snapshots.change(id, now, |it| it.leaving = true)),
        _ => drop(here.snapshots.remove(id, now)),
    }
    fast_restore::forget(here, id, now);
    Ok(())
}

/// Refuses to delete what AWS keeps.
fn check(cx: &Cx<'_>, it: &Snapshot) -> Result<(), Refusal> {
    let id = &it.id;
    if matches!(it.state, State::Recoverable | State::Recovering) {
        return Err(not_found(id));
    }
    if let Some(image) = it.images.first() {
        let message = format!("The snapshot {id} is currently in use by {image}");
        return Err(Refusal::new("InvalidSnapshot.InUse", message));
    }
    if it.tags.keys().any(|key| key.starts_with("aws:backup:")) {
        let message = format!("'{id}' is managed by the AWS Backup service");
        return Err(Refusal::new("InvalidParameterValue", message));
    }
    if it.lock.as_ref().is_some_and(|lock| lock.is_held(cx.now)) {
        let message = format!("'{id}' is locked and cannot be deleted");
        return Err(Refusal::new("OperationNotPermitted", message));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
