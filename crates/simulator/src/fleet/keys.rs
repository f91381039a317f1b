//! KMS keys of the accounts.

use lamplighter_core::{AccountId, Place};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    account::Document,
    entry::{Bad, Common, Entry, Unique, check_keys, entry},
    here::{Here, uuid},
};
use crate::{
    iam::ResourcePolicy,
    kms::{self, Key},
    words::{OneOrMore, TagValue},
};

entry! {
    /// KMS keys. Those that AWS manages, `alias/aws/ebs` and `alias/aws/rds`, are there anyway.
    pub struct Keys {
        /// The alias, such as `alias/data`.
        pub alias: String,
        /// The state; `enabled` by default.
        pub state: KeyState,
        /// The other accounts that its policy lets use it as EBS and RDS need it; who of theirs
        /// may, their roles' policies say.
        pub shared_with: OneOrMore<AccountId>,
        /// Who may use it, as a key policy; by default the account may do everything.
        pub policy: Document<ResourcePolicy>,
    }
}

/// Whether a key can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeyState {
    /// It can.
    Enabled,
    /// Somebody has disabled it.
    Disabled,
    /// It will be deleted.
    PendingDeletion,
}

impl Entry for Keys {
    const KEY: &'static str = "keys";
    const KIND: &'static str = "key";
    const PREFIX: &'static str = "";
    const UNIQUE: Unique = Unique::InPlace;

    type Item = Key;

    fn common(&self) -> Common<'_> {
        self.all_say()
    }

    fn check(&self, _: &[Place], bad: &mut Bad<'_>) {
        match self.alias.as_deref() {
            Some(it) if !it.starts_with("alias/") => {
                bad.say("alias", format!("`{it}` does not begin with `alias/`"));
            }
            Some(it) if it.starts_with("alias/aws/") => {
                bad.say("alias", "the keys that AWS manages are there anyway");
            }
            _ => check_keys("alias", &self.alias, bad),
        }
        if self.alias.is_some() && self.count.is_some_and(|it| it.to > 1) {
            bad.say("count", "in each place, one key has an alias");
        }
        if self.policy.is_some() && self.shared_with.is_some() {
            bad.say("shared-with", "other accounts stand in `policy`, when there is one");
        }
        if self.tags.values().any(|it| it.iter().any(|it| *it != TagValue(None))) {
            bad.say("tags", "keys have no tags here");
        }
    }

    fn make(&self, here: &mut Here<'_>) -> Vec<(Box<str>, Key)> {
        let count = self.count.map_or(1, |it| it.draw(&mut here.random));
        (1..=count)
            .map(|n| {
                let mut one = here.one::<Keys>(&self.all_say(), n, Default::default(), &[]);
                if self.id.is_none() {
                    one.id = uuid(&mut here.random).into();
                }
                let alias = self.alias.as_deref();
                let mut key = Key::customer(here.place(), &one.id, alias, one.created_at);
                key.state = match self.state {
                    None | Some(KeyState::Enabled) => kms::KeyState::Enabled,
                    Some(KeyState::Disabled) => kms::KeyState::Disabled,
                    Some(KeyState::PendingDeletion) => kms::KeyState::PendingDeletion,
                };
                let others = self.shared_with.iter().flat_map(OneOrMore::iter);
                key.policy = match &self.policy {
                    Some(it) => it.policy.clone(),
                    None => kms::shared_with(&key.account, others),
                };
                (one.id, key)
            })
            .collect()
    }

    fn put(here: &mut Here<'_>, items: Vec<(Box<str>, Key)>) {
        let kms = &mut here.services().kms;
        items.into_iter().for_each(|(_, key)| kms.put(key));
    }
}
