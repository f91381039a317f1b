//! The way that a backup takes to a destination, and what keys have to do with it.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    AccountId, AccountPool, Doing, Fault, FaultKind, Place, Scope,
    action::{LookCx, Pulse},
    cloud::{
        Session,
        kms::{Key, Manager},
    },
    keys::{self, KeyOf},
};

/// What of a backup decides on the way that it takes.
#[derive(Clone, Copy, Debug)]
pub struct Source<'b> {
    /// Its key; `None` when it is not encrypted.
    pub key: Option<KeyOf<'b>>,
    /// Why the account that it is in can share it with nobody, whatever its key.
    pub kept: Option<Kept>,
    /// What whoever copies it does with its key.
    pub reads: &'static [&'static str],
}

/// Why a backup cannot be shared where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// In words.
    pub why: &'static str,
    /// Whether a copy beside it can have the key that it has.
    pub keeps_key: bool,
}

/// What is known of the key of a source.
#[derive(Clone, Debug)]
pub struct KeyFacts {
    about: keys::Known,
    /// Whether the accounts of destinations may use it; `None` where that cannot be asked.
    open_to: BTreeMap<AccountId, Option<bool>>,
}

/// How a backup comes to a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// It is copied, by the account that it is in.
    Within,
    /// It is shared with the other account, which copies it. Says so if nobody could tell
    /// whether that account may use its key.
    Shared(Option<String>),
    /// It is copied here first, for this reason; that copy is shared.
    Hop(String),
}

/// A key of a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetKey {
    /// As people call it.
    pub name: String,
    /// Its ARN, and who manages it. AWS makes its own key when it is first needed: until then
    /// nobody knows.
    pub key: Option<Key>,
}

impl TargetKey {
    /// One that parameters name, if it can be used.
    pub async fn named(scope: &dyn Scope, name: &str) -> Result<TargetKey, Fault> {
        let key = keys::named(scope, name).await?;
        Ok(TargetKey { name: name.to_owned(), key: Some(key) })
    }

    /// Whether AWS manages it. One that is not there yet is.
    pub fn is_of_aws(&self) -> bool {
        self.key.as_ref().is_none_or(|key| key.manager == Manager::Aws)
    }
}

/// Who asks about the keys of sources, for which accounts.
#[derive(Clone, Copy)]
pub struct Ways<'a> {
    /// Where the sources are.
    pub here: &'a dyn Scope,
    /// The way to other accounts and regions.
    pub accounts: &'a dyn AccountPool,
    /// On whose behalf.
    pub session: &'a Session,
    /// The accounts of destinations that are not the sources' own.
    pub others: &'a BTreeSet<AccountId>,
    /// What whoever copies does with the key of a source.
    pub reads: &'static [&'static str],
}

impl<'a> Ways<'a> {
    /// For a plan.
    pub fn of(
        cx: &LookCx<'a>,
        others: &'a BTreeSet<AccountId>,
        reads: &'static [&'static str],
    ) -> Ways<'a> {
        Ways { here: cx.here, accounts: cx.accounts, session: cx.session, others, reads }
    }

    /// What is known of these keys of sources, by their ARNs. Faults if the key of copies on the
    /// way cannot be used where one may be needed.
    pub async fn keys<'k>(
        &self,
        pulse: &dyn Pulse,
        hop_key: Option<&str>,
        arns: impl Iterator<Item = &'k str> + Send,
    ) -> Result<BTreeMap<String, KeyFacts>, Fault> {
        if !self.others.is_empty() {
            self.hop_key(hop_key).await?;
        }
        let mut keys = BTreeMap::new();
        for arn in arns {
            if !keys.contains_key(arn) {
                keys.insert(arn.to_owned(), self.key(arn).await?);
                pulse.beat().await?;
            }
        }
        Ok(keys)
    }

    /// What is known of the key of a source.
    pub async fn key(&self, arn: &str) -> Result<KeyFacts, Fault> {
        let doing = |what: &str| format!("asking {what} the key `{arn}`");
        let about = keys::ask(self.here, arn).await.doing(doing("about"))?;
        let mut open_to = BTreeMap::new();
        // That of AWS is open to nobody else.
        for account in self.others.iter().filter(|_| !about.is_of_aws()) {
            let region = self.here.place().region.clone();
            let there = Place { account: account.clone(), region };
            let open = match self.accounts.scope(&there, self.session).await {
                Ok(scope) => {
                    let seen = keys::ask(&*scope, arn).await.doing(doing("who may use"))?;
                    Some(seen != keys::Known::Closed)
                }
                // The other account is not to be entered in this region.
                Err(fault) if matches!(fault.kind, FaultKind::Permission | FaultKind::Config) => {
                    None
                }
                Err(fault) => return Err(fault),
            };
            open_to.insert(account.clone(), open);
        }
        Ok(KeyFacts { about, open_to })
    }

    /// The ARN of the key of copies on the way, if it can be used for that.
    pub async fn hop_key(&self, name: Option<&str>) -> Result<Option<String>, Fault> {
        let Some(name) = name else { return Ok(None) };
        let here = self.here.place();
        let bad = |what: String| Err(Fault::config(format!("`hop-key` `{name}` in {here} {what}")));
        let key = keys::named(self.here, name).await?;
        if key.manager == Manager::Aws {
            return bad("is a key of AWS, which no other account can use".to_owned());
        }
        let facts = self.key(&key.arn).await?;
        let closed: BTreeSet<AccountId> =
            self.others.iter().filter(|it| facts.open_to(it) == Some(false)).cloned().collect();
        if !closed.is_empty() {
            return bad(missing(&closed, here, self.reads));
        }
        Ok(Some(key.arn))
    }
}

/// What is said of a key that accounts may not use.
fn missing(accounts: &BTreeSet<AccountId>, here: &Place, reads: &[&str]) -> String {
    let names: Vec<String> = accounts.iter().map(|it| format!("`{it}`")).collect();
    format!(
        "is not open to account {}: its policy needs the statement {}, and the role there \
         `kms:DescribeKey` on it",
        names.join(", "),
        keys::statement(accounts, here.region.partition(), reads)
    )
}

impl KeyFacts {
    /// The key of a copy that keeps that of its source.
    pub fn as_target(&self, key: KeyOf<'_>) -> TargetKey {
        let known = match &self.about {
            keys::Known::Key(known) => Some(known.clone()),
            keys::Known::Closed => None,
        };
        TargetKey { name: key.name().to_owned(), key: known }
    }

    fn open_to(&self, account: &AccountId) -> Option<bool> {
        self.open_to.get(account).copied().flatten()
    }
}

/// How a backup that is here comes to an account, or why it cannot.
pub fn way(
    source: Source<'_>,
    hop_key: Option<&str>,
    here: &Place,
    key: Option<&KeyFacts>,
    account: &AccountId,
) -> Result<Way, String> {
    let leaves = *account != here.account;
    let Some(name) = source.key.map(KeyOf::name) else {
        return Ok(match source.kept {
            _ if !leaves => Way::Within,
            None => Way::Shared(None),
            Some(kept) => Way::Hop(kept.why.to_owned()),
        });
    };
    if let Some(KeyFacts { about: keys::Known::Key(about), .. }) = key
        && !about.is_enabled()
    {
        let state = &about.state;
        return Err(format!(
            "its key `{name}` is `{state}`: nothing can be copied until it is enabled"
        ));
    }
    if matches!(key, Some(KeyFacts { about: keys::Known::Closed, .. })) {
        let own = BTreeSet::from([here.account.clone()]);
        return Err(format!(
            "its key `{name}` is not open to the role in {here}: the role needs \
             `kms:DescribeKey` on it, and the key's policy the statement {}",
            keys::statement(&own, here.region.partition(), source.reads)
        ));
    }
    if !leaves {
        return Ok(Way::Within);
    }
    let hop = |why: String, cure: &str| match hop_key {
        Some(_) => Ok(Way::Hop(why)),
        None => Err(format!("{why}: {cure}")),
    };
    let cure = format!("set `hop-key` to a key in {here} that `{account}` may use");
    if let Some(kept) = source.kept.filter(|it| !it.keeps_key) {
        return hop(format!("{}, and so has to be copied here first", kept.why), &cure);
    }
    let Some(facts) = key.filter(|it| !it.about.is_of_aws()) else {
        let why = format!("its key `{name}` is AWS's own, which no other account can use");
        return hop(why, &cure);
    };
    let open = facts.open_to(account);
    if open == Some(false) {
        let only = BTreeSet::from([account.clone()]);
        let why = format!("its key `{name}` {}", missing(&only, here, source.reads));
        return hop(why, &format!("or {cure}"));
    }
    Ok(match source.kept {
        Some(kept) => Way::Hop(kept.why.to_owned()),
        None => Way::Shared(
            open.is_none()
                .then(|| format!("whether `{account}` may use its key `{name}` shows only then")),
        ),
    })
}
