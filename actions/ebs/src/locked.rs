//! Locks of snapshots, as plans look at them.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{
    Fault,
    action::LookCx,
    cloud::ec2::{Lock, LockMode, LockState, Snapshot},
};

/// The locks in the place of some snapshots, by the snapshot.
pub(crate) async fn locks(
    cx: &LookCx<'_>,
    found: &[Snapshot],
) -> Result<BTreeMap<String, Lock>, Fault> {
    let mut all = BTreeMap::new();
    if !found.is_empty() {
        let take = |it: Lock| _ = all.insert(it.snapshot.clone(), it);
        cx.each("listing locked snapshots", |page| cx.here.ec2().locks(page), take).await?;
    }
    Ok(all)
}

/// Who may take the lock of a snapshot off, and when it ends; or the earliest that it can: the days
/// of one that is pending count from its completion. `None` when nothing keeps it.
pub(crate) fn held(lock: Option<&Lock>, snapshot: &Snapshot) -> Option<(LockMode, Timestamp)> {
    let lock = lock?;
    let mode = match lock.state {
        LockState::Governance => LockMode::Governance,
        LockState::Cooling | LockState::Compliance => LockMode::Compliance,
        LockState::Expired => return None,
    };
    let days = SignedDuration::from_hours(24 * i64::from(lock.days));
    let earliest = || snapshot.started_at.saturating_add(days).unwrap_or(Timestamp::MAX);
    Some((mode, lock.expires_at.unwrap_or_else(earliest)))
}

/// How a snapshot is locked.
pub(crate) fn in_words((mode, until): (LockMode, Timestamp)) -> String {
    format!("locked in {} mode until {until}", mode.as_str())
}
