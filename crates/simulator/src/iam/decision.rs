//! What policies decide together.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>

use lamplighter_core::AccountId;

use super::context::Context;
use super::document::Effect;
use super::policy::{IdentityPolicy, ResourcePolicy, TrustPolicy};
use super::principal::{Caller, Closeness};
use super::statement::Statement;

/// One thing that a call needs to be allowed. Most calls need one, some several: `CreateSnapshot`
/// is asked for the volume and for the new snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    /// Such as `ec2:CreateSnapshot`.
    pub(crate) action: &'static str,
    /// The ARN; `*` where the action knows no resources. A `*` here is a text and no wildcard.
    pub(crate) resource: String,
    /// What the request says about itself, the caller and this resource.
    pub(crate) context: Context,
}

impl Need {
    /// An action that is not about a resource.
    pub(crate) fn anywhere(action: &'static str) -> Need {
        Need::on(action, "*")
    }

    /// An action on a resource.
    pub(crate) fn on(action: &'static str, resource: impl Into<String>) -> Need {
        Need { action, resource: resource.into(), context: Context::default() }
    }

    /// The same with what conditions may ask for.
    pub(crate) fn with(self, context: Context) -> Need {
        Need { context, ..self }
    }
}

/// The answer to a need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Allowed,
    /// A statement says no.
    ExplicitDeny {
        policy: PolicyKind,
        /// The statement's `Sid`, or its place: `statement 1`.
        statement: String,
    },
    /// No statement of such a policy says yes.
    ImplicitDeny(PolicyKind),
}

/// Where a policy hangs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PolicyKind {
    /// On the caller's role or user.
    Identity,
    /// On the caller's session: what `AssumeRole` was given as `Policy`.
    Session,
    /// On the resource, such as a key.
    Resource,
    /// On the role that is to be assumed.
    Trust,
}

/// What the caller's own policies say to a need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Own {
    /// Of the role or user: [`identity`].
    pub(crate) identity: Decision,
    /// Of the session, if it has a policy: [`session`].
    pub(crate) session: Option<Decision>,
}

/// What the policy of a resource, or of a role to be assumed, says to a caller's need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Admission {
    policy: PolicyKind,
    verdict: Verdict,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Admitted(Closeness),
    Denied { statement: String },
    Silent,
}

/// What the policies of a role or user, all together, say to a need.
pub(crate) fn identity<'a>(
    policies: impl IntoIterator<Item = &'a IdentityPolicy>,
    need: &Need,
) -> Decision {
    decide(policies, need, PolicyKind::Identity)
}

/// What the policy of a session says to a need.
#[cfg_attr(not(test), expect(dead_code, reason = "`AssumeRole` refuses `Policy` here"))]
pub(crate) fn session(policy: &IdentityPolicy, need: &Need) -> Decision {
    decide([policy], need, PolicyKind::Session)
}

/// What a caller gets of a resource that only its own policy opens, as that of a KMS key, or of a
/// role to be assumed: by [`same_account`], [`crossing`], or that policy alone for a service of
/// AWS, which has none of its own (`own` does not count).
/// `owner` is the account of the resource.
pub(crate) fn guarded(
    owner: &AccountId,
    caller: &Caller,
    own: Own,
    admission: Admission,
) -> Decision {
    match caller.account() {
        None => admission.decision(),
        Some(account) if account == owner => same_account(own, admission),
        Some(_) => crossing(own, admission),
    }
}

/// Within an account: a policy that names the account leaves it to the caller's own policies; one
/// that names the caller or its role needs no yes of those.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics.html>
pub(crate) fn same_account(own: Own, admission: Admission) -> Decision {
    if let Some(denied) = explicit_deny(&own, &admission) {
        return denied;
    }
    match admission.verdict {
        Verdict::Admitted(Closeness::Account) => own.decision(),
        Verdict::Admitted(Closeness::Role) => own.session.unwrap_or(Decision::Allowed),
        _ => admission.decision(),
    }
}

/// From one account to another: both sides must allow.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html>
pub(crate) fn crossing(own: Own, admission: Admission) -> Decision {
    if let Some(denied) = explicit_deny(&own, &admission) {
        return denied;
    }
    match own.decision() {
        Decision::Allowed => admission.decision(),
        refused => refused,
    }
}

impl Own {
    /// What is left: no session has more than its role.
    pub(crate) fn decision(self) -> Decision {
        match (self.identity, self.session) {
            (denied @ Decision::ExplicitDeny { .. }, _) => denied,
            (_, Some(denied @ Decision::ExplicitDeny { .. })) => denied,
            (Decision::Allowed, Some(session)) => session,
            (identity, _) => identity,
        }
    }
}

impl Admission {
    /// Whether it allows the need by itself.
    pub(crate) fn lets_in(self) -> bool {
        self.decision() == Decision::Allowed
    }

    fn decision(self) -> Decision {
        match self.verdict {
            Verdict::Admitted(_) => Decision::Allowed,
            Verdict::Denied { statement } => {
                Decision::ExplicitDeny { policy: self.policy, statement }
            }
            Verdict::Silent => Decision::ImplicitDeny(self.policy),
        }
    }
}

impl IdentityPolicy {
    /// Allows these actions on everything.
    pub(crate) fn allowing(actions: &[&str]) -> IdentityPolicy {
        let document = serde_json::json!({
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}],
        });
        document.to_string().parse().expect("actions have the form that policies want")
    }
}

impl ResourcePolicy {
    /// What it says to `caller`.
    pub(crate) fn admission(&self, caller: &Caller, need: &Need) -> Admission {
        admission(self.statements(), caller, need, PolicyKind::Resource)
    }
}

impl TrustPolicy {
    /// What it says to `caller`. The need's resource is the role, which no trust policy names.
    pub(crate) fn admission(&self, caller: &Caller, need: &Need) -> Admission {
        admission(self.statements(), caller, need, PolicyKind::Trust)
    }
}

fn decide<'a>(
    policies: impl IntoIterator<Item = &'a IdentityPolicy>,
    need: &Need,
    policy: PolicyKind,
) -> Decision {
    let mut decision = Decision::ImplicitDeny(policy);
    for statement in policies.into_iter().flat_map(IdentityPolicy::statements) {
        match statement.effect {
            Effect::Allow if decision == Decision::Allowed => {}
            Effect::Allow if statement.applies(need) => decision = Decision::Allowed,
            Effect::Deny if statement.applies(need) => {
                return Decision::ExplicitDeny { policy, statement: statement.label.clone() };
            }
            Effect::Allow | Effect::Deny => {}
        }
    }
    decision
}

fn admission(
    statements: &[Statement],
    caller: &Caller,
    need: &Need,
    policy: PolicyKind,
) -> Admission {
    let mut closest = None;
    for statement in statements {
        let covered = statement.principals.as_ref().and_then(|it| it.cover(caller));
        match (covered, statement.effect) {
            (None, _) => {}
            (Some(_), _) if !statement.applies(need) => {}
            (Some(_), Effect::Deny) => {
                let verdict = Verdict::Denied { statement: statement.label.clone() };
                return Admission { policy, verdict };
            }
            (closeness, Effect::Allow) => closest = closest.max(closeness),
        }
    }
    Admission { policy, verdict: closest.map_or(Verdict::Silent, Verdict::Admitted) }
}

/// A no of any policy, which outweighs every yes.
fn explicit_deny(own: &Own, admission: &Admission) -> Option<Decision> {
    let admission = admission.clone().decision();
    [Some(&own.identity), own.session.as_ref(), Some(&admission)]
        .into_iter()
        .flatten()
        .find(|decision| matches!(decision, Decision::ExplicitDeny { .. }))
        .cloned()
}

#[cfg(test)]
mod tests;
