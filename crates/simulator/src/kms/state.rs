//! `EnableKey` and `DisableKey`. Source: KMS API; "Key states of AWS KMS keys".

use serde::{Deserialize, Serialize};

use super::{KeyState, bucket, needed, not_found, own};
use crate::{
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// `DisableKey`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct DisableKey {
    pub(crate) key_id: String,
}

/// `EnableKey`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct EnableKey {
    pub(crate) key_id: String,
}

/// The answer is empty.
#[derive(Serialize)]
pub(crate) struct Done {}

impl Operation for DisableKey {
    const SPEC: Spec =
        Spec { service: "kms", name: "DisableKey", access: Access::Writes, bucket: bucket::STATE };

    type Answer<'s> = Done;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![Need::on("kms:DisableKey", needed(cx, &self.key_id))]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Done, Refusal> {
        become_(cx, &self.key_id, KeyState::Disabled)
    }
}

impl Operation for EnableKey {
    const SPEC: Spec =
        Spec { service: "kms", name: "EnableKey", access: Access::Writes, bucket: bucket::STATE };

    type Answer<'s> = Done;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![Need::on("kms:EnableKey", needed(cx, &self.key_id))]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Done, Refusal> {
        become_(cx, &self.key_id, KeyState::Enabled)
    }
}

/// Nobody disables a key that is to be deleted; of those that AWS manages, the policy lets nobody
/// do it.
fn become_(cx: &mut Cx<'_>, named: &str, state: KeyState) -> Result<Done, Refusal> {
    let id = own(cx, named)?;
    let key = cx.here_mut().kms.get_mut(&id).ok_or_else(|| not_found(named))?;
    if key.state == KeyState::PendingDeletion {
        let message = format!("{} is pending deletion.", key.arn);
        return Err(Refusal::new("KMSInvalidStateException", message));
    }
    key.state = state;
    Ok(Done {})
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{
        bed::{Bed, place},
        kms::Key,
    };

    #[test]
    fn keys_of_the_account_are_disabled_and_enabled() {
        let bed = Bed::new();
        let mut key =
            Key::customer(&place("111122223333", "eu-west-1"), "k-1", None, Timestamp::UNIX_EPOCH);
        bed.here(|it| it.kms.put(key.clone()));
        let state = || bed.here(|it| it.kms.get("k-1").unwrap().state);
        bed.ask(DisableKey { key_id: "k-1".into() }).unwrap();
        assert_eq!(state(), KeyState::Disabled);
        bed.ask(EnableKey { key_id: "k-1".into() }).unwrap();
        assert_eq!(state(), KeyState::Enabled);
        let refused = |key: &str| bed.ask(DisableKey { key_id: key.into() }).unwrap_err();
        assert_eq!(refused("k-2"), "NotFoundException");
        assert_eq!(refused("alias/aws/ebs"), "AccessDeniedException");
        key.state = KeyState::PendingDeletion;
        bed.here(|it| it.kms.put(key));
        assert_eq!(refused("k-1"), "KMSInvalidStateException");
    }
}
