//! Who may use a key: what its policy, its grants and the caller's own policies say together.
//!
//! Source: KMS Developer Guide, "Key access and permissions", "Allowing users in other accounts to
//! use a KMS key" and "Grants in AWS KMS".

use lamplighter_core::{AccountId, Region};

use super::{Grant, Key, KeyState, Kms, keys::place_of};
use crate::{
    access, arn,
    cloud::State,
    iam::{self, Context, Decision, Need, Own},
    organization::Caller,
};

/// What a service does with a key for somebody, who must be allowed all of it. The service asks
/// in the key's region.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Use {
    /// Such as `ec2`, of `kms:ViaService`.
    service: &'static str,
    actions: &'static [&'static str],
}

impl Use {
    /// EBS reads a snapshot that it copies, or makes a volume of under another key.
    /// Source: EBS User Guide, "Share the KMS key used to encrypt a shared Amazon EBS snapshot".
    pub(crate) const EBS_COPY_SOURCE: Use =
        Use::by("ec2", &["kms:DescribeKey", "kms:CreateGrant", "kms:Decrypt", "kms:ReEncryptFrom"]);
    /// EBS writes a copy. Source: the same.
    pub(crate) const EBS_COPY_TARGET: Use = Use::by(
        "ec2",
        &[
            "kms:DescribeKey",
            "kms:CreateGrant",
            "kms:GenerateDataKey",
            "kms:GenerateDataKeyWithoutPlaintext",
            "kms:ReEncryptTo",
        ],
    );
    /// EBS makes a volume.
    /// Source: EBS User Guide, "Requirements for Amazon EBS encryption", permissions for users.
    pub(crate) const EBS_VOLUME: Use = Use::by(
        "ec2",
        &[
            "kms:DescribeKey",
            "kms:CreateGrant",
            "kms:Decrypt",
            "kms:GenerateDataKeyWithoutPlaintext",
        ],
    );
    /// EBS makes a volume under another key than its snapshot has. Source: the same.
    pub(crate) const EBS_VOLUME_ANEW: Use = Use::by(
        "ec2",
        &[
            "kms:DescribeKey",
            "kms:CreateGrant",
            "kms:Decrypt",
            "kms:GenerateDataKeyWithoutPlaintext",
            "kms:ReEncryptTo",
        ],
    );
    /// An instance starts, and its volumes are decrypted.
    /// Source: EBS User Guide, "How Amazon EBS encryption works".
    pub(crate) const EBS_ATTACH: Use = Use::by("ec2", &["kms:CreateGrant", "kms:Decrypt"]);
    /// RDS starts a database.
    /// Source: RDS User Guide, "Encrypting Amazon RDS resources", authorizing use of the key.
    pub(crate) const RDS_START: Use =
        Use::by("rds", &["kms:DescribeKey", "kms:CreateGrant", "kms:Decrypt"]);
    /// RDS reads a snapshot that it copies.
    /// Source: RDS User Guide, "Copying a DB snapshot", permissions for the keys.
    pub(crate) const RDS_COPY_SOURCE: Use =
        Use::by("rds", &["kms:DescribeKey", "kms:CreateGrant", "kms:Decrypt", "kms:ReEncryptFrom"]);
    /// RDS writes a copy, or makes a database. Source: the same.
    pub(crate) const RDS_TARGET: Use = Use::by(
        "rds",
        &[
            "kms:DescribeKey",
            "kms:CreateGrant",
            "kms:Decrypt",
            "kms:Encrypt",
            "kms:GenerateDataKey",
            "kms:GenerateDataKeyWithoutPlaintext",
            "kms:ReEncryptTo",
        ],
    );

    pub(super) const fn by(service: &'static str, actions: &'static [&'static str]) -> Use {
        Use { service, actions }
    }

    /// What it needs of a key.
    fn needs(self, region: &Region, key_arn: &str) -> impl Iterator<Item = Need> {
        let service = format!("{}.{region}.amazonaws.com", self.service);
        self.actions.iter().map(move |action| {
            let context = Context::default()
                .with("kms:ViaService", service.as_str())
                .with("aws:ViaAWSService", "true");
            let context = match *action {
                "kms:CreateGrant" => context.with("kms:GrantIsForAWSResource", "true"),
                _ => context,
            };
            Need::on(action, key_arn).with(context)
        })
    }
}

/// Why a key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// There is no such key, or it is in another region.
    Missing,
    Disabled,
    PendingDeletion,
    /// Policies and grants do not let the caller do this.
    Denied,
}

/// A service uses a key for a caller, if it may, and the trail says so.
pub(crate) fn use_key(
    state: &mut State,
    caller: &Caller,
    region: &Region,
    key_arn: &str,
    what: Use,
) -> Result<(), Unusable> {
    let used = what.actions.iter().map(|action| (caller.account.clone(), *action));
    state.trail.on_behalf.extend(used);
    usable(state, caller, region, key_arn, what)
}

/// Whether a service may use a key in a region in this way for a caller.
pub(crate) fn usable(
    state: &State,
    caller: &Caller,
    region: &Region,
    key_arn: &str,
    what: Use,
) -> Result<(), Unusable> {
    if place_of(key_arn).is_none_or(|it| it.region != *region) {
        return Err(Unusable::Missing);
    }
    let key = Kms::find(state, key_arn).ok_or(Unusable::Missing)?;
    match key.state {
        KeyState::Enabled => {}
        KeyState::Disabled => return Err(Unusable::Disabled),
        KeyState::PendingDeletion => return Err(Unusable::PendingDeletion),
    }
    let allowed = |need| access::allows(state, caller, region, need);
    match what.needs(region, key_arn).all(allowed) {
        true => Ok(()),
        false => Err(Unusable::Denied),
    }
}

impl Key {
    /// What a caller, whose own policies say `own`, may do with the key. A grant stands in for a
    /// policy that is silent, and for none that says no.
    pub(crate) fn decide(
        &self,
        state: &State,
        caller: &Caller,
        principal: &iam::Caller,
        own: Own,
        need: &Need,
    ) -> Decision {
        let admission = self.policy.admission(principal, need);
        let granted = self.grants.iter().any(|it| it.lets(state, caller, &own, need.action));
        match iam::guarded(&self.account, principal, own, admission) {
            Decision::ImplicitDeny(_) if granted => Decision::Allowed,
            decision => decision,
        }
    }
}

impl Grant {
    /// Whether it lets a caller do this. Granted to an account, it is for those in it whose own
    /// policies allow the same.
    fn lets(&self, state: &State, caller: &Caller, own: &Own, action: &str) -> bool {
        let operation = action.strip_prefix("kms:");
        let to_account = *self.grantee == *root(&caller.account);
        self.operations.iter().any(|it| Some(it.as_str()) == operation)
            && match to_account {
                true => own.clone().decision() == Decision::Allowed,
                false => is_principal(state, caller, &self.grantee),
            }
    }
}

/// Whether an ARN of a grant means this caller: its account, its role, or its session.
pub(super) fn is_principal(state: &State, caller: &Caller, principal: &str) -> bool {
    let account = &caller.account;
    let role = caller.role.as_ref().zip(state.organization.role(caller));
    principal == root(account)
        || principal == caller.arn()
        || role.is_some_and(|((name, _), role)| principal == arn::role(account, &role.path, name))
}

/// An account, as policies and grants name it.
pub(super) fn root(account: &AccountId) -> String {
    format!("arn:aws:iam::{account}:root")
}

#[cfg(test)]
mod tests;
