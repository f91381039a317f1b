//! Whether a caller may.
//!
//! What a role may do, its policies say; a role without any of its own here may do everything.
//! Roles to be assumed have a trust policy, which has to agree.

use crate::{
    arn,
    iam::{self, Admission, Decision, Need, Own, Protocol, ResourcePolicy},
    operation::Cx,
    refusal::Refusal,
};

/// Refuses when one of these is not allowed.
pub(crate) fn check(cx: &Cx<'_>, service: &str, needs: &[Need]) -> Result<(), Refusal> {
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
