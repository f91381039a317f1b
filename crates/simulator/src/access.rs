//! Whether a caller may.

use crate::{iam::Need, operation::Cx, refusal::Refusal};

/// Refuses when one of these is not allowed.
pub(crate) fn check(_cx: &Cx<'_>, _service: &str, _needs: &[Need]) -> Result<(), Refusal> {
    Ok(())
}

/// What a call that was only to be tried is answered when it may be made.
/// Source: EC2 API, `DryRun`.
pub(crate) fn dry_run() -> Refusal {
    let message = "Request would have succeeded, but DryRun flag is set.";
    Refusal::new("DryRunOperation", message).status(412)
}

/// Whether a role lets the caller in.
pub(crate) fn trusts(
    _cx: &Cx<'_>,
    _account: &lamplighter_core::AccountId,
    _role: &str,
    _external_id: Option<&str>,
) -> bool {
    true
}

/// Whose call a resource's own policy judges.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Who<'w> {
    /// Somebody's.
    Caller(&'w crate::organization::Caller),
    /// An AWS service's, such as `events.amazonaws.com`.
    Service(&'static str),
}

/// Whether a resource's own policy, if it has one, lets in who is not of its account.
pub(crate) fn admits(policy: Option<&str>, _who: Who<'_>, _need: &Need) -> bool {
    policy.is_some()
}
