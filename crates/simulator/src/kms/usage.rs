//! Whether somebody may use a key.
//!
//! Source: KMS Developer Guide, "Allowing users in other accounts to use a KMS key" and "Grants";
//! "AWS managed keys".

use lamplighter_core::Region;

use super::{Grant, Key, KeyState, Kms, Manager, keys::place_of};
use crate::{arn, cloud::State, organization::Caller};

/// Why a key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// There is no such key, or it is in another region.
    Missing,
    Disabled,
    PendingDeletion,
    /// The key's policy and grants do not let the caller do this.
    Denied,
}

/// Whether a caller may use a key in a region for all of these operations, such as `Decrypt`.
pub(crate) fn usable(
    state: &State,
    caller: &Caller,
    region: &Region,
    key_arn: &str,
    operations: &[&str],
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
    match operations.iter().all(|operation| key.lets(state, caller, operation)) {
        true => Ok(()),
        false => Err(Unusable::Denied),
    }
}

impl Key {
    /// Whether the key's policy or a grant lets a caller do this.
    pub(super) fn lets(&self, state: &State, caller: &Caller, operation: &str) -> bool {
        let own = place_of(&self.arn).is_some_and(|it| it.account == caller.account);
        let policy =
            own || self.manager == Manager::Customer && self.accounts.contains(&caller.account);
        let granted = |it: &Grant| {
            it.operations.iter().any(|it| it == operation)
                && is_principal(state, caller, &it.grantee)
        };
        policy || self.manager == Manager::Customer && self.grants.iter().any(granted)
    }
}

/// Whether an ARN of a grant means this caller: its account, its role, or its session.
pub(super) fn is_principal(state: &State, caller: &Caller, principal: &str) -> bool {
    let account = &caller.account;
    let role = caller.role.as_ref().zip(state.organization.role(caller));
    principal == format!("arn:aws:iam::{account}:root")
        || principal == caller.arn()
        || role.is_some_and(|((name, _), role)| principal == arn::role(account, &role.path, name))
}
