//! Deleting what may be gone already, with a role that may delete only what is Lamplighter's.
//!
//! AWS looks at permissions first, and what is gone has no tags: a role that may delete only what
//! carries them is told that it may not. A repeated deletion therefore looks whether there is
//! anything left to delete before it believes that.

use std::time::Duration;

use crate::{Fault, FaultKind, StepCx};

/// What came of a deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// It is gone.
    Done,
    /// Whether it is gone cannot be told for so long.
    Later(Duration),
}

/// What AWS's answer to a deletion means, of something that describes show or not.
pub async fn judge(
    cx: &StepCx<'_>,
    answer: Result<(), Fault>,
    is_shown: impl Future<Output = Result<bool, Fault>> + Send,
) -> Result<Deletion, Fault> {
    let (denied, last) = match (answer, cx.tried.last) {
        (Err(fault), Some(last)) if fault.kind == FaultKind::Permission => (fault, last),
        (answer, _) => return answer.map(|()| Deletion::Done),
    };
    if !is_shown.await? {
        return Ok(Deletion::Done);
    }
    cx.longest_lag_left(last).map(Deletion::Later).ok_or(denied)
}
