//! Whether a caller may.
//!
//! What a role may do, its policies say; a role without any of its own here may do everything.
//! Roles to be assumed have a trust policy, and keys have a key policy and grants, which have to
//! agree.

use lamplighter_core::Region;

use crate::{
    arn,
    cloud::State,
    iam::{self, Decision, Need, Own, Protocol, ResourcePolicy},
    kms::Kms,
    operation::Cx,
    organization::Caller,
    refusal::Refusal,
};

/// Refuses when one of these is not allowed.
pub(crate) fn check(cx: &Cx<'_>, service: &str, needs: &[Need]) -> Result<(), Refusal> {
    let caller = cx.state.organization.principal(cx.caller);
    for need in needs {
        let need = in_full(cx.state, &caller, &cx.place.region, need.clone());
        let decision = decide(cx.state, cx.caller, &caller, &need);
        if let Some(refusal) = refusal(service, &decision, &caller, &need) {
            return Err(refusal);
        }
    }
    Ok(())
}

/// Whether a caller may do what a service of AWS asks for it in a region.
pub(crate) fn allows(state: &State, caller: &Caller, region: &Region, need: Need) -> bool {
    let principal = state.organization.principal(caller);
    let need = in_full(state, &principal, region, need);
    decide(state, caller, &principal, &need) == Decision::Allowed
}

/// What a call that was only to be tried is answered when it may be made.
/// Source: EC2 API, `DryRun`.
pub(crate) fn dry_run() -> Refusal {
    let message = "Request would have succeeded, but DryRun flag is set.";
    Refusal::new("DryRunOperation", message).status(412)
}

/// The need with what conditions may ask of every call, and of every call to KMS.
/// Sources: IAM User Guide, "AWS global condition context keys"; KMS Developer Guide, "AWS KMS
/// condition keys".
fn in_full(state: &State, caller: &iam::Caller, region: &Region, need: Need) -> Need {
    let mut context = need.context.clone().and(caller.context());
    context = context.with("aws:RequestedRegion", region.as_str());
    if let Some(id) = &state.organization.id {
        // All accounts here are of one organization.
        context = context.with("aws:PrincipalOrgID", id.clone());
        context = context.with("aws:ResourceOrgID", id.clone());
    }
    if let (true, Some(account)) = (need.action.starts_with("kms:"), caller.account()) {
        context = context.with("kms:CallerAccount", account.as_str());
    }
    need.with(context)
}

fn decide(state: &State, caller: &Caller, principal: &iam::Caller, need: &Need) -> Decision {
    let identity = match state.organization.role(caller) {
        Some(role) => match &role.policies {
            Some(policies) => iam::identity(policies, need),
            None => Decision::Allowed,
        },
        // An administrator; or a session whose role is gone, which may do nothing any more.
        None if caller.role.is_none() => Decision::Allowed,
        None => Decision::ImplicitDeny(iam::PolicyKind::Identity),
    };
    let own = Own { identity, session: None };
    guarded(state, caller, principal, &own, need).unwrap_or_else(|| own.decision())
}

/// What a caller gets of a resource that guards itself, if this is one: a role to be assumed, or a
/// key.
fn guarded(
    state: &State,
    caller: &Caller,
    principal: &iam::Caller,
    own: &Own,
    need: &Need,
) -> Option<Decision> {
    if need.action == "sts:AssumeRole" {
        let (account, name) = arn::read_role(&need.resource)?;
        let role = state.account(&account)?.roles.get(name)?;
        let admission = role.trust.admission(principal, need);
        return Some(iam::guarded(&account, principal, own.clone(), admission));
    }
    let key = Kms::find(state, &need.resource).filter(|_| need.action.starts_with("kms:"))?;
    Some(key.decide(state, caller, principal, own.clone(), need))
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

/// Whether a resource's own policy, if it has one, lets in who is not of its account. A text that
/// is no policy lets nobody in.
pub(crate) fn admits(policy: Option<&str>, caller: &iam::Caller, need: &Need) -> bool {
    let policy = policy.and_then(|text| text.parse::<ResourcePolicy>().ok());
    policy.is_some_and(|it| it.admission(caller, need).lets_in())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(policy: Option<&str>, expected: [bool; 2]) {
        let queue = "arn:aws:sqs:eu-west-1:111122223333:wakes";
        let context = iam::Context::default()
            .with("aws:SourceArn", "arn:aws:events:eu-west-1:111122223333:rule/tick");
        let need = Need::on("sqs:SendMessage", queue).with(context);
        let account = "222233334444".parse().unwrap();
        let user = iam::Caller::User { account, arn: "arn:aws:iam::222233334444:root".to_owned() };
        let service = iam::Caller::Service("events.amazonaws.com".to_owned());
        let found = [user, service].map(|it| admits(policy, &it, &need));
        assert_eq!(found, expected, "{policy:?}");
    }

    #[test]
    fn a_resource_lets_in_whom_its_policy_names_and_nobody_else() {
        let policy = |principal: &str, action: &str, condition: &str| {
            format!(
                r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow",
                "Principal": {principal}, "Action": "{action}", "Resource": "*"{condition}}}}}"#
            )
        };
        check(None, [false, false]);
        check(Some("{}"), [false, false]);
        let service = r#"{"Service": "events.amazonaws.com"}"#;
        check(Some(&policy(service, "sqs:SendMessage", "")), [false, true]);
        check(Some(&policy(service, "sqs:ReceiveMessage", "")), [false, false]);
        let of = |rule: &str| {
            let arn = format!("arn:aws:events:eu-west-1:111122223333:rule/{rule}");
            let condition =
                format!(r#", "Condition": {{"ArnEquals": {{"aws:SourceArn": "{arn}"}}}}"#);
            policy(service, "sqs:SendMessage", &condition)
        };
        check(Some(&of("tick")), [false, true]);
        check(Some(&of("tock")), [false, false]);
        check(Some(&policy(r#"{"AWS": "222233334444"}"#, "sqs:*", "")), [true, false]);
        check(Some(&policy(r#"{"AWS": "999900001111"}"#, "sqs:*", "")), [false, false]);
    }
}
