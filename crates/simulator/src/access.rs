//! Whether a caller may.
//!
//! What a role may do, its policies say; a role without any of its own here may do everything.
//! Roles to be assumed have a trust policy, which has to agree.

use crate::{
    arn,
    iam::{self, Admission, Decision, Need, Own, Protocol},
    operation::Cx,
    refusal::Refusal,
};

/// Refuses when one of these is not allowed.
pub(crate) fn check(cx: &Cx<'_>, service: &str, needs: &[Need]) -> Result<(), Refusal> {
    if let Some(allowed) = &cx.state.organization.allowed {
        check_allowed(cx, service, needs, allowed)?;
    }
    let caller = cx.state.organization.principal(cx.caller);
    for need in needs {
        let need = in_full(cx, &caller, need);
        let decision = decide(cx, &caller, &need);
        if let Some(refusal) = refusal(service, &decision, &caller, &need) {
            return Err(refusal);
        }
    }
    Ok(())
}

/// Refuses what roles may not do whatever their policies say: see `Cloud::allow_only`.
fn check_allowed(
    cx: &Cx<'_>,
    service: &str,
    needs: &[Need],
    allowed: &std::collections::BTreeSet<String>,
) -> Result<(), Refusal> {
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

/// The need with what conditions may ask of every call.
/// Source: IAM User Guide, "AWS global condition context keys".
fn in_full(cx: &Cx<'_>, caller: &iam::Caller, need: &Need) -> Need {
    let mut context = need.context.clone().and(caller.context());
    context = context.with("aws:RequestedRegion", cx.place.region.as_str());
    if let Some(id) = &cx.state.organization.id {
        context = context.with("aws:PrincipalOrgID", id.clone());
    }
    need.clone().with(context)
}

fn decide(cx: &Cx<'_>, caller: &iam::Caller, need: &Need) -> Decision {
    let identity = match cx.state.organization.role(cx.caller) {
        Some(role) => match &role.policies {
            Some(policies) => iam::identity(policies, need),
            None => Decision::Allowed,
        },
        // An administrator; or a session whose role is gone, which may do nothing any more.
        None if cx.caller.role.is_none() => Decision::Allowed,
        None => Decision::ImplicitDeny(iam::PolicyKind::Identity),
    };
    let own = Own { identity, session: None };
    match guard(cx, caller, need) {
        Some((owner, admission)) => iam::guarded(&owner, caller, own, admission),
        None => own.decision(),
    }
}

/// What guards the resource itself, and whose it is.
fn guard(
    cx: &Cx<'_>,
    caller: &iam::Caller,
    need: &Need,
) -> Option<(lamplighter_core::AccountId, Admission)> {
    if need.action != "sts:AssumeRole" {
        return None;
    }
    let (account, name) = arn::read_role(&need.resource)?;
    let role = cx.state.account(&account)?.roles.get(name)?;
    Some((account, role.trust.admission(caller, need)))
}

fn refusal(
    service: &str,
    decision: &Decision,
    caller: &iam::Caller,
    need: &Need,
) -> Option<Refusal> {
    let protocol = match service {
        "ec2" => Protocol::Ec2,
        "rds" | "sts" => Protocol::Query,
        _ => Protocol::Json,
    };
    let refusal = iam::Refusal::of(decision, caller, need, protocol)?;
    let status = if protocol == Protocol::Json { 400 } else { 403 };
    Some(Refusal::new(refusal.code, refusal.message).status(status))
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
