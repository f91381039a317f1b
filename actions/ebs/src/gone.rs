//! Deleting snapshots that may be gone already: see [`gone`](lamplighter_core::gone).

use lamplighter_core::{
    Doing, Fault, StepCx,
    cloud::Ec2,
    gone::{self, Deletion},
    select::ServerFilter,
};

/// Deletes a snapshot that the account of `ec2` owns.
pub(crate) async fn delete(cx: &StepCx<'_>, ec2: &dyn Ec2, id: &str) -> Result<Deletion, Fault> {
    let is_shown =
        async { is_shown(ec2, id).await.doing(format!("looking whether `{id}` is gone")) };
    gone::judge(cx, ec2.delete_snapshot(id).await, is_shown).await
}

/// Whether AWS keeps a snapshot from being deleted: an image needs it, or it is locked.
pub(crate) fn is_kept(fault: &Fault) -> bool {
    matches!(fault.code.as_deref(), Some("InvalidSnapshot.InUse" | "OperationNotPermitted"))
}

async fn is_shown(ec2: &dyn Ec2, id: &str) -> Result<bool, Fault> {
    let filter = ServerFilter::of_ids([id.to_owned()]);
    let mut page = None;
    loop {
        let listed = ec2.snapshots(&filter, page).await?;
        if listed.items.iter().any(|it| it.id == id) {
            return Ok(true);
        }
        page = listed.next;
        if page.is_none() {
            return Ok(false);
        }
    }
}
