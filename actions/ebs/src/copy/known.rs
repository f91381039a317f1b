//! What has to be known before a snapshot is copied, and the way that follows from it.

use std::collections::{BTreeMap, BTreeSet};

use lamplighter_core::{
    AccountId, AccountPool, Doing, Fault, FaultKind, Place, Scope,
    action::{COPIED_FROM_TAG, LookCx},
    cloud::{
        Session,
        ec2::{Restorable, Snapshot, SnapshotState},
        kms::{Key, Manager},
    },
    select::ServerFilter,
};

use super::params::{Destination, Params};
use crate::keys;

/// What planning has to know.
#[derive(Default)]
pub struct Known {
    /// Of each destination, in the order of the parameters.
    pub(super) there: Vec<There>,
    /// Of each key of the snapshots, by its ARN.
    pub(super) keys: BTreeMap<String, KeyFacts>,
}

/// What is known of a destination.
pub(super) struct There {
    pub(super) place: Place,
    /// The copies there that a task has made, of whatever.
    pub(super) copies: Vec<Snapshot>,
    pub(super) target: Target,
}

/// What copies in a destination are encrypted with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// A copy of what is not encrypted: not at all, or with this.
    pub(super) of_plain: Option<TargetKey>,
    /// A copy of what is encrypted.
    pub(super) of_encrypted: TargetKey,
}

/// A key of a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TargetKey {
    /// As people call it.
    pub(super) name: String,
    /// Its ARN, and who manages it. AWS makes its own key when it is first needed: until then
    /// nobody knows.
    pub(super) key: Option<Key>,
}

/// What is known of the key of a source.
#[derive(Clone, Debug)]
pub(super) struct KeyFacts {
    about: keys::Known,
    /// Whether the accounts of destinations may use it; `None` where that cannot be asked.
    open_to: BTreeMap<AccountId, Option<bool>>,
}

/// How a snapshot comes to a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// It is copied, by the account that it is in.
    Within,
    /// It is shared with the other account, which copies it. Says so if nobody could tell
    /// whether that account may use its key.
    Shared(Option<String>),
    /// It is copied here first, for this reason; that copy is shared.
    Hop(String),
}

/// Reads all of it.
pub(super) async fn look(
    cx: &LookCx<'_>,
    params: &Params,
    found: &[Restorable],
) -> Result<Known, Fault> {
    if found.is_empty() {
        return Ok(Known::default());
    }
    let here = cx.here.place();
    let others = other_accounts(params, here);
    let mut there = Vec::new();
    for to in &params.to {
        let place = to.place(here);
        let scope = cx.accounts.scope(&place, cx.session).await.doing(entering(&place))?;
        let mut copies = Vec::new();
        let mut page = None;
        let filter = ServerFilter::default().and_tag_key(COPIED_FROM_TAG);
        loop {
            let listed = scope.ec2().snapshots(&filter, page).await;
            let listed = listed.doing(format!("listing the copies in {place}"))?;
            copies.extend(listed.items);
            cx.pulse.beat().await?;
            page = listed.next;
            if page.is_none() {
                break;
            }
        }
        let target = target(&*scope, to).await?;
        there.push(There { place, copies, target });
    }
    let ways = Ways { here: cx.here, accounts: cx.accounts, session: cx.session, others: &others };
    if params.hop_key.is_some() && !others.is_empty() {
        ways.hop_key(params).await?;
    }
    let mut keys = BTreeMap::new();
    for Restorable(snapshot) in found.iter().filter(|it| it.0.state == SnapshotState::Completed) {
        if let Some(key) = &snapshot.kms_key_id
            && !keys.contains_key(key)
        {
            keys.insert(key.clone(), ways.key(key).await?);
            cx.pulse.beat().await?;
        }
    }
    Ok(Known { there, keys })
}

/// The accounts of destinations that are not the one that the snapshots are in.
pub(super) fn other_accounts(params: &Params, here: &Place) -> BTreeSet<AccountId> {
    let accounts = params.to.iter().map(|it| it.place(here).account);
    accounts.filter(|it| *it != here.account).collect()
}

pub(super) fn entering(place: &Place) -> String {
    format!("entering the destination {place}")
}

/// What copies in a destination are encrypted with.
/// Source: EBS User Guide, "Copy an Amazon EBS snapshot", encryption outcomes.
async fn target(scope: &dyn Scope, to: &Destination) -> Result<Target, Fault> {
    let place = scope.place();
    if let Some(name) = &to.key {
        let key = named_key(scope, name).await?;
        let key = TargetKey { name: name.clone(), key: Some(key) };
        return Ok(Target { of_plain: Some(key.clone()), of_encrypted: key });
    }
    let doing = || format!("asking what encrypts new snapshots in {place}");
    let by_default = scope.ec2().encrypts_by_default().await.doing(doing())?;
    let default = scope.ec2().default_key().await.doing(doing())?;
    let name = if by_default { default } else { "alias/aws/ebs".to_owned() };
    let key = match keys::ask(scope, &name).await.doing(doing())? {
        keys::Known::Key(key) => Some(key),
        keys::Known::Closed => None,
    };
    let key = TargetKey { name, key };
    Ok(Target { of_plain: by_default.then(|| key.clone()), of_encrypted: key })
}

/// The key of a destination that the parameters name, if it can be used.
pub(super) async fn named_key(scope: &dyn Scope, name: &str) -> Result<Key, Fault> {
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

impl TargetKey {
    /// Whether AWS manages it. One that is not there yet is.
    pub(super) fn is_of_aws(&self) -> bool {
        self.key.as_ref().is_none_or(|key| key.manager == Manager::Aws)
    }
}

/// Who asks about the keys of sources, for which accounts.
pub(super) struct Ways<'a> {
    pub(super) here: &'a dyn Scope,
    pub(super) accounts: &'a dyn AccountPool,
    pub(super) session: &'a Session,
    pub(super) others: &'a BTreeSet<AccountId>,
}

impl Ways<'_> {
    /// What is known of the key of a source.
    pub(super) async fn key(&self, arn: &str) -> Result<KeyFacts, Fault> {
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
    pub(super) async fn hop_key(&self, params: &Params) -> Result<Option<String>, Fault> {
        let Some(name) = &params.hop_key else { return Ok(None) };
        let here = self.here.place();
        let bad = |what: String| Err(Fault::config(format!("`hop-key` `{name}` in {here} {what}")));
        let key = named_key(self.here, name).await?;
        if key.manager == Manager::Aws {
            return bad("is a key of AWS, which no other account can use".to_owned());
        }
        let facts = self.key(&key.arn).await?;
        let closed: BTreeSet<AccountId> =
            self.others.iter().filter(|it| facts.open_to(it) == Some(false)).cloned().collect();
        if !closed.is_empty() {
            return bad(missing(&closed, here));
        }
        Ok(Some(key.arn))
    }
}

/// What is said of a key that accounts may not use.
fn missing(accounts: &BTreeSet<AccountId>, here: &Place) -> String {
    let names: Vec<String> = accounts.iter().map(|it| format!("`{it}`")).collect();
    format!(
        "is not open to account {}: its policy needs the statement {}, and the role there \
         `kms:DescribeKey` on it",
        names.join(", "),
        keys::statement(accounts, here.region.partition())
    )
}

impl KeyFacts {
    fn open_to(&self, account: &AccountId) -> Option<bool> {
        self.open_to.get(account).copied().flatten()
    }
}

/// How a snapshot that is here comes to an account, or why it cannot.
pub(super) fn way(
    params: &Params,
    here: &Place,
    snapshot: &Snapshot,
    key: Option<&KeyFacts>,
    account: &AccountId,
) -> Result<Way, String> {
    let foreign = snapshot.owner.as_ref() != Some(&here.account);
    let leaves = *account != here.account;
    let name = keys::name(snapshot);
    let Some(name) = name else {
        return Ok(match (leaves, foreign) {
            (false, _) => Way::Within,
            (true, false) => Way::Shared(None),
            (true, true) => Way::Hop("another account shares it".to_owned()),
        });
    };
    if let Some(KeyFacts { about: keys::Known::Key(about), .. }) = key
        && !about.is_enabled()
    {
        let state = &about.state;
        return Err(format!(
            "its key `{name}` is `{state}`: nothing can be copied until it is \
                            enabled"
        ));
    }
    if matches!(key, Some(KeyFacts { about: keys::Known::Closed, .. })) {
        return Err(format!(
            "its key `{name}` is not open to the role in {here}: the role needs \
             `kms:DescribeKey` on it, and the key's policy the statement {}",
            keys::statement(&BTreeSet::from([here.account.clone()]), here.region.partition())
        ));
    }
    if !leaves {
        return Ok(Way::Within);
    }
    let hop = |why: String, cure: &str| match params.hop_key {
        Some(_) => Ok(Way::Hop(why)),
        None => Err(format!("{why}: {cure}")),
    };
    let cure = format!("set `hop-key` to a key in {here} that `{account}` may use");
    if foreign {
        return hop("another account shares it, and so has to be copied here first".into(), &cure);
    }
    let Some(facts) = key.filter(|it| !it.about.is_of_aws()) else {
        return hop(
            format!("its key `{name}` is AWS's own, which no other account can use"),
            &cure,
        );
    };
    match facts.open_to(account) {
        Some(true) => Ok(Way::Shared(None)),
        None => Ok(Way::Shared(Some(format!(
            "whether `{account}` may use its key `{name}` shows only then"
        )))),
        Some(false) => {
            let only = BTreeSet::from([account.clone()]);
            let why = format!("its key `{name}` {}", missing(&only, here));
            hop(why, &format!("or {cure}"))
        }
    }
}
