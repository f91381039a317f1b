//! Where copies of snapshots and images go, and what encrypts them there.

use std::collections::BTreeSet;

use lamplighter_core::{
    AccountId, Doing, Fault, Region, Scope,
    action::BadParams,
    copying::{self, TargetKey},
    keys as kms,
    length::Length,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::keys;

/// What AWS takes as the time of a time-based copy, in quarters of an hour.
/// Source: EBS User Guide, "Time-based copies".
const QUARTERS: (u32, u32) = (1, 192);

/// A place that gets a copy.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Destination {
    /// The account, by its name in the configuration or its id; the backup's own by default.
    pub(crate) account: Option<AccountId>,
    /// The region; the backup's own by default.
    pub(crate) region: Option<Region>,
    /// The key of the copy, in that account and region: an alias, an id or an ARN. Without it,
    /// AWS chooses: none for a snapshot that is not encrypted, and `aws/ebs` for one that is,
    /// unless encryption by default is on there, which then says.
    pub(crate) key: Option<String>,
    /// Accounts that may use the copy: names from the configuration, or ids of any.
    #[serde(default)]
    pub(crate) share: BTreeSet<AccountId>,
    /// Within what time AWS is to copy, at a price for each GiB: `15m` to `48h`, in quarters of
    /// an hour. Without it, it takes the time that it takes.
    pub(crate) completion_duration: Option<Length>,
}

impl copying::Destination for Destination {
    fn account(&self) -> Option<&AccountId> {
        self.account.as_ref()
    }
    fn region(&self) -> Option<&Region> {
        self.region.as_ref()
    }
    fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }
    fn share(&self) -> &BTreeSet<AccountId> {
        &self.share
    }
}

/// Refuses times that AWS does not take. The parameter is called `to`.
pub(crate) fn check(to: &[Destination]) -> Result<(), BadParams> {
    let (least, most) = QUARTERS;
    let is_bad = |it: &Destination| {
        let minutes = it.completion_duration.map(|it| it.minutes());
        minutes.is_some_and(|it| it % 15 != 0 || !(least..=most).contains(&(it / 15)))
    };
    match to.iter().position(is_bad) {
        None => Ok(()),
        Some(index) => Err(BadParams {
            path: format!("to[{index}].completion-duration"),
            message: "AWS takes `15m` to `48h`, in quarters of an hour".to_owned(),
        }),
    }
}

/// What copies in a destination are encrypted with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// A copy of what is not encrypted: not at all, or with this.
    pub(crate) of_plain: Option<TargetKey>,
    /// A copy of what is encrypted.
    pub(crate) of_encrypted: TargetKey,
}

impl Target {
    /// In a destination, which is entered.
    /// Source: EBS User Guide, "Copy an Amazon EBS snapshot", encryption outcomes.
    pub(crate) async fn of(scope: &dyn Scope, to: &Destination) -> Result<Target, Fault> {
        let place = scope.place();
        if let Some(name) = &to.key {
            let key = TargetKey::named(scope, name).await?;
            return Ok(Target { of_plain: Some(key.clone()), of_encrypted: key });
        }
        let doing = || format!("asking what encrypts new snapshots in {place}");
        let by_default = scope.ec2().encrypts_by_default().await.doing(doing())?;
        let default = scope.ec2().default_key().await.doing(doing())?;
        let name = if by_default { default } else { keys::AWS.to_owned() };
        let key = match kms::ask(scope, &name).await.doing(doing())? {
            kms::Known::Key(key) => Some(key),
            kms::Known::Closed => None,
        };
        let key = TargetKey { name, key };
        Ok(Target { of_plain: by_default.then(|| key.clone()), of_encrypted: key })
    }

    /// Of a snapshot that is encrypted or not.
    pub(crate) fn key(&self, encrypted: bool) -> Option<&TargetKey> {
        if encrypted { Some(&self.of_encrypted) } else { self.of_plain.as_ref() }
    }
}
