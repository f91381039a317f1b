//! Whether a caller may.

use crate::{iam::Need, operation::Cx, refusal::Refusal};

/// Refuses when one of these is not allowed.
pub(crate) fn check(cx: &Cx<'_>, service: &str, needs: &[Need]) -> Result<(), Refusal> {
    let Some(allowed) = cx.state.organization.allowed.as_ref() else { return Ok(()) };
    let denied = needs.iter().find(|it| cx.caller.role.is_some() && !allowed.contains(it.action));
    let Some(Need { action, resource, .. }) = denied else { return Ok(()) };
    let on = if resource == "*" { String::new() } else { format!(" on resource: {resource}") };
    let message = format!(
        "User: {} is not authorized to perform: {action}{on} because no identity-based policy \
         allows the {action} action",
        cx.caller.arn()
    );
    Err(match service {
        "ec2" => {
            let message = format!("You are not authorized to perform this operation. {message}");
            Refusal::new("UnauthorizedOperation", message)
        }
        "kms" => Refusal::new("AccessDeniedException", message),
        _ => Refusal::new("AccessDenied", message),
    }
    .status(403))
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
