//! Deleting snapshots that may be gone already: see [`gone`](lamplighter_core::gone).

use lamplighter_core::{
    Doing, Fault, StepCx,
    gone::{self, Deletion},
};

use crate::family::Family;

/// Deletes a manual snapshot here.
pub(crate) async fn delete<F: Family>(cx: &StepCx<'_>, name: &str) -> Result<Deletion, Fault> {
    let rds = cx.here.rds();
    let is_shown = async {
        let found = rds.snapshot(F::KIND, name).await;
        Ok(found.doing("looking whether it is gone")?.is_some())
    };
    gone::judge(cx, rds.delete_snapshot(F::KIND, name).await, is_shown).await
}
