//! KMS keys of backups: what is known of them, and what to do where that is not enough.

use std::collections::BTreeSet;

use crate::{
    AccountId, Doing, Fault, Scope,
    cloud::kms::{Key, Manager},
};

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// All that there is to know.
    Key(Key),
    /// It is not there, or whoever asked may not know of it.
    Closed,
}

/// Asks for a key in a place. That it is not there, or not to be seen, is an answer.
pub async fn ask(scope: &dyn Scope, id: &str) -> Result<Known, Fault> {
    known(scope.kms().key(id).await)
}

/// What an answer says of the key. Other refusals are about whoever asks: credentials hold only in
/// regions that their account has enabled. Source: KMS API Reference, "Common errors".
fn known(answer: Result<Key, Fault>) -> Result<Known, Fault> {
    const CLOSED: [&str; 2] = ["AccessDeniedException", "NotFoundException"];
    match answer {
        Err(fault) if fault.code.as_deref().is_some_and(|it| CLOSED.contains(&it)) => {
            Ok(Known::Closed)
        }
        answer => answer.map(Known::Key),
    }
}

impl Known {
    /// Whether AWS manages it, so that no other account can ever use it.
    pub fn is_of_aws(&self) -> bool {
        matches!(self, Known::Key(Key { manager: Manager::Aws, .. }))
    }
}

/// A key that parameters name, if it can be used.
pub async fn named(scope: &dyn Scope, name: &str) -> Result<Key, Fault> {
    let place = scope.place();
    let asking = scope.kms().key(name).await;
    let key = asking.doing(format!("asking about the key `{name}` in {place}"))?;
    if !key.is_enabled() {
        let state = &key.state;
        return Err(Fault::config(format!(
            "the key `{name}` in {place} is `{state}`: enable it, or name another one"
        )));
    }
    Ok(key)
}

/// The statement that a key's policy needs so that other accounts can do this with it, in words
/// to paste. The partition is that of ARNs: `aws`.
/// Source: KMS Developer Guide, "Allowing users in other accounts to use a KMS key".
pub fn statement(accounts: &BTreeSet<AccountId>, partition: &str, actions: &[&str]) -> String {
    let principals: Vec<String> =
        accounts.iter().map(|it| format!("\"arn:{partition}:iam::{it}:root\"")).collect();
    let actions: Vec<String> = actions.iter().map(|it| format!("\"{it}\"")).collect();
    format!(
        "{{\"Effect\": \"Allow\", \"Principal\": {{\"AWS\": [{}]}}, \"Action\": [{}], \
         \"Resource\": \"*\"}}",
        principals.join(", "),
        actions.join(", ")
    )
}

/// What the role of an account needs to copy something, in words: on the key of the source, if it
/// is encrypted, and on that of the copy, if it has a name. AWS does not say which is missing.
pub fn cure(
    account: &AccountId,
    (source, reads): (Option<&str>, &[&str]),
    (copy, writes): (Option<&str>, &[&str]),
) -> String {
    let list = |actions: &[&str]| {
        actions.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ")
    };
    let source = source.map(|key| format!("{} on the source's key (`{key}`) and ", list(reads)));
    let copy = copy.map(|key| format!(" (`{key}`)")).unwrap_or_default();
    format!(
        "the role in {account} needs {}{} on the copy's key{copy}, and the keys' policies must \
         allow it",
        source.unwrap_or_default(),
        list(writes)
    )
}

/// A backup's key, as messages name it.
#[derive(Clone, Copy, Debug)]
pub struct KeyOf<'b> {
    /// The ARN, where AWS says it.
    pub arn: Option<&'b str>,
    /// AWS's own key of the service: `alias/aws/ebs`. One that AWS does not name is that.
    pub by_default: &'static str,
}

impl<'b> KeyOf<'b> {
    /// Its name in messages.
    pub fn name(self) -> &'b str {
        self.arn.unwrap_or(self.by_default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FaultKind;

    #[test]
    fn a_key_is_closed_only_if_aws_says_so_of_the_key() {
        let refused =
            |code: &str| known(Err(Fault::new(FaultKind::Permission, "no").with_code(code)));
        assert_eq!(refused("AccessDeniedException").unwrap(), Known::Closed);
        assert_eq!(refused("NotFoundException").unwrap(), Known::Closed);
        for other in ["UnrecognizedClientException", "ExpiredTokenException", "OptInRequired"] {
            assert_eq!(refused(other).unwrap_err().code.as_deref(), Some(other));
        }
    }
}
