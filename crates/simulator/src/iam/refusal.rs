//! The words of a refusal, as AWS has them.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>

use super::decision::{Decision, Need, PolicyKind};
use super::principal::Caller;

/// What a caller is told who may not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// `UnauthorizedOperation`, `AccessDenied` or `AccessDeniedException`.
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

/// How a service words its errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// EC2, which has its own code and a sentence before the others'.
    Ec2,
    /// Forms and XML, such as RDS and STS.
    Query,
    /// JSON, such as KMS and DynamoDB.
    Json,
}

impl Refusal {
    /// The refusal of a need, or none if it was allowed.
    pub(crate) fn of(
        decision: &Decision,
        caller: &Caller,
        need: &Need,
        protocol: Protocol,
    ) -> Option<Refusal> {
        let action = need.action;
        let why = match decision {
            Decision::Allowed => return None,
            Decision::ExplicitDeny { policy, .. } => {
                let article = match policy {
                    PolicyKind::Identity => "an",
                    PolicyKind::Session | PolicyKind::Resource => "a",
                    PolicyKind::Trust => "the",
                };
                format!("with an explicit deny in {article} {}", policy.words())
            }
            Decision::ImplicitDeny(policy) => {
                format!("because no {} allows the {action} action", policy.words())
            }
        };
        let (code, before) = match protocol {
            Protocol::Ec2 => {
                ("UnauthorizedOperation", "You are not authorized to perform this operation. ")
            }
            Protocol::Query => ("AccessDenied", ""),
            Protocol::Json => ("AccessDeniedException", ""),
        };
        let on = match need.resource.as_str() {
            "*" => String::new(),
            resource => format!(" on resource: {resource}"),
        };
        let caller = caller.name();
        let message =
            format!("{before}User: {caller} is not authorized to perform: {action}{on} {why}");
        Some(Refusal { code, message })
    }
}

impl PolicyKind {
    fn words(self) -> &'static str {
        match self {
            PolicyKind::Identity => "identity-based policy",
            PolicyKind::Session => "session policy",
            PolicyKind::Resource => "resource-based policy",
            PolicyKind::Trust => "role trust policy",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::Context;

    #[track_caller]
    fn check(
        decision: Decision,
        (action, resource): (&'static str, &str),
        protocol: Protocol,
        wanted: Option<(&'static str, &str)>,
    ) {
        let caller = Caller::Session {
            account: "111122223333".parse().unwrap(),
            role: "arn:aws:iam::111122223333:role/ops/hub".into(),
            arn: "arn:aws:sts::111122223333:assumed-role/hub/nightly".into(),
        };
        let need = Need { action, resource: resource.into(), context: Context::default() };
        let wanted = wanted.map(|(code, message)| Refusal { code, message: message.into() });
        assert_eq!(Refusal::of(&decision, &caller, &need, protocol), wanted);
    }

    fn denied(policy: PolicyKind) -> Decision {
        Decision::ExplicitDeny { policy, statement: "statement 1".into() }
    }

    #[test]
    fn a_refusal_says_who_what_and_why() {
        let snapshot = "arn:aws:rds:eu-west-1:111122223333:snapshot:nightly";
        check(
            Decision::ImplicitDeny(PolicyKind::Identity),
            ("rds:CopyDBSnapshot", snapshot),
            Protocol::Query,
            Some((
                "AccessDenied",
                "User: arn:aws:sts::111122223333:assumed-role/hub/nightly is not authorized to \
                 perform: rds:CopyDBSnapshot on resource: \
                 arn:aws:rds:eu-west-1:111122223333:snapshot:nightly because no identity-based \
                 policy allows the rds:CopyDBSnapshot action",
            )),
        );
        check(
            denied(PolicyKind::Identity),
            ("rds:CopyDBSnapshot", snapshot),
            Protocol::Query,
            Some((
                "AccessDenied",
                "User: arn:aws:sts::111122223333:assumed-role/hub/nightly is not authorized to \
                 perform: rds:CopyDBSnapshot on resource: \
                 arn:aws:rds:eu-west-1:111122223333:snapshot:nightly with an explicit deny in an \
                 identity-based policy",
            )),
        );
        check(
            Decision::ImplicitDeny(PolicyKind::Resource),
            ("kms:Decrypt", "arn:aws:kms:eu-west-1:444455556666:key/1"),
            Protocol::Json,
            Some((
                "AccessDeniedException",
                "User: arn:aws:sts::111122223333:assumed-role/hub/nightly is not authorized to \
                 perform: kms:Decrypt on resource: arn:aws:kms:eu-west-1:444455556666:key/1 \
                 because no resource-based policy allows the kms:Decrypt action",
            )),
        );
        check(
            Decision::ImplicitDeny(PolicyKind::Session),
            ("ec2:CreateSnapshot", "arn:aws:ec2:eu-west-1::snapshot/*"),
            Protocol::Ec2,
            Some((
                "UnauthorizedOperation",
                "You are not authorized to perform this operation. User: \
                 arn:aws:sts::111122223333:assumed-role/hub/nightly is not authorized to perform: \
                 ec2:CreateSnapshot on resource: arn:aws:ec2:eu-west-1::snapshot/* because no \
                 session policy allows the ec2:CreateSnapshot action",
            )),
        );
    }

    #[test]
    fn no_resource_is_named_where_there_is_none() {
        check(
            denied(PolicyKind::Session),
            ("ec2:DescribeSnapshots", "*"),
            Protocol::Ec2,
            Some((
                "UnauthorizedOperation",
                "You are not authorized to perform this operation. User: \
                 arn:aws:sts::111122223333:assumed-role/hub/nightly is not authorized to perform: \
                 ec2:DescribeSnapshots with an explicit deny in a session policy",
            )),
        );
    }

    #[test]
    fn a_trust_policy_is_called_so() {
        let assume = ("sts:AssumeRole", "arn:aws:iam::444455556666:role/member");
        let start = "User: arn:aws:sts::111122223333:assumed-role/hub/nightly is not authorized \
                     to perform: sts:AssumeRole on resource: arn:aws:iam::444455556666:role/member";
        let implicit =
            format!("{start} because no role trust policy allows the sts:AssumeRole action");
        check(
            Decision::ImplicitDeny(PolicyKind::Trust),
            assume,
            Protocol::Query,
            Some(("AccessDenied", &implicit)),
        );
        let explicit = format!("{start} with an explicit deny in the role trust policy");
        check(
            denied(PolicyKind::Trust),
            assume,
            Protocol::Query,
            Some(("AccessDenied", &explicit)),
        );
    }

    #[test]
    fn what_is_allowed_is_not_refused() {
        check(Decision::Allowed, ("ec2:DescribeSnapshots", "*"), Protocol::Ec2, None);
    }
}
