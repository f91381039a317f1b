//! Deleting what may be gone already, with a role that may delete only what is Lamplighter's.
//!
//! EC2 looks at permissions first, and what is gone has no tags: a role that may delete only what
//! carries them is told that it may not. A repeated deletion therefore looks whether there is
//! anything left to delete before it believes that.

use std::time::Duration;

use lamplighter_core::{Doing, Fault, FaultKind, StepCx, cloud::Ec2, select::ServerFilter};

/// What came of a deletion.
pub(crate) enum Deletion {
    /// It is gone.
    Done,
    /// Whether it is gone cannot be told for so long.
    Later(Duration),
}

/// Deletes a snapshot that the account of `ec2` owns.
pub(crate) async fn delete(cx: &StepCx<'_>, ec2: &dyn Ec2, id: &str) -> Result<Deletion, Fault> {
    let answer = ec2.delete_snapshot(id).await;
    let (denied, last) = match (answer, cx.tried.last) {
        (Err(fault), Some(last)) if fault.kind == FaultKind::Permission => (fault, last),
        (answer, _) => return answer.map(|()| Deletion::Done),
    };
    if !is_shown(ec2, id).await.doing(format!("looking whether `{id}` is gone"))? {
        return Ok(Deletion::Done);
    }
    cx.longest_lag_left(last).map(Deletion::Later).ok_or(denied)
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
