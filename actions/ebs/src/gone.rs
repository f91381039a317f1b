//! Deleting snapshots and images that may be gone already: see [`gone`](lamplighter_core::gone).

use lamplighter_core::{
    Doing, Fault, StepCx,
    cloud::Ec2,
    gone::{self, Deletion},
    select::ServerFilter,
};

use crate::backing::images;

/// AWS's answers when a snapshot or an image is not there.
const GONE: [&str; 3] =
    ["InvalidAMIID.NotFound", "InvalidAMIID.Unavailable", "InvalidSnapshot.NotFound"];

/// Deletes a snapshot that the account of `ec2` owns.
pub(crate) async fn delete(cx: &StepCx<'_>, ec2: &dyn Ec2, id: &str) -> Result<Deletion, Fault> {
    let is_shown =
        async { is_shown(ec2, id).await.doing(format!("looking whether `{id}` is gone")) };
    gone::judge(cx, ec2.delete_snapshot(id).await, is_shown).await
}

/// Deregisters an image that the account of `ec2` owns. Its snapshots stay.
pub(crate) async fn deregister(
    cx: &StepCx<'_>,
    ec2: &dyn Ec2,
    id: &str,
) -> Result<Deletion, Fault> {
    let is_shown = async {
        let found = images(ec2, &ServerFilter::of_ids([id.to_owned()]), |it| it.id == id).await;
        Ok(!found.doing(format!("looking whether `{id}` is gone"))?.is_empty())
    };
    gone::judge(cx, ec2.deregister_image(id).await, is_shown).await
}

/// What came of a change that needs none when what it changes is gone.
pub(crate) fn unless_gone(answer: Result<(), Fault>) -> Result<(), Fault> {
    match answer {
        Err(fault) if fault.code.as_deref().is_some_and(|it| GONE.contains(&it)) => Ok(()),
        answer => answer,
    }
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
