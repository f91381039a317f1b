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
#[derive(Clone, Debug)]
pub struct Source<'b> {
    /// Its keys: none when it is not encrypted, and several when parts of it have their own.
    pub keys: Vec<KeyOf<'b>>,
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
            let seen = match self.accounts.scope(&there, self.session).await {
                Ok(scope) => keys::ask(&*scope, arn).await.doing(doing("who may use")),
                Err(fault) => Err(fault),
            };
            let open = match seen {
                Ok(seen) => Some(seen != keys::Known::Closed),
                // The other account is not to be entered in this region, or has not enabled it.
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

impl Way {
    /// The way of what has parts that would go by these two.
    fn and(self, other: Way) -> Way {
        let both = |a: String, b: String| if a == b { a } else { format!("{a}; {b}") };
        match (self, other) {
            (Way::Within, way) | (way, Way::Within) => way,
            (Way::Hop(a), Way::Hop(b)) => Way::Hop(both(a, b)),
            (Way::Hop(why), Way::Shared(_)) | (Way::Shared(_), Way::Hop(why)) => Way::Hop(why),
            (Way::Shared(Some(a)), Way::Shared(Some(b))) => Way::Shared(Some(both(a, b))),
            (Way::Shared(a), Way::Shared(b)) => Way::Shared(a.or(b)),
        }
    }
}

/// How a backup that is here comes to an account, or why it cannot. Its keys are known by their
/// ARNs.
pub fn way(
    source: &Source<'_>,
    hop_key: Option<&str>,
    here: &Place,
    known: &BTreeMap<String, KeyFacts>,
    account: &AccountId,
) -> Result<Way, String> {
    if source.keys.is_empty() {
        return Ok(match source.kept {
            _ if *account == here.account => Way::Within,
            None => Way::Shared(None),
            Some(kept) => Way::Hop(kept.why.to_owned()),
        });
    }
    source.keys.iter().try_fold(Way::Within, |way, key| {
        let facts = key.arn.and_then(|arn| known.get(arn));
        Ok(way.and(way_with(*key, source, hop_key, here, facts, account)?))
    })
}

/// How what is encrypted with a key comes to an account, or why it cannot.
fn way_with(
    key: KeyOf<'_>,
    source: &Source<'_>,
    hop_key: Option<&str>,
    here: &Place,
    facts: Option<&KeyFacts>,
    account: &AccountId,
) -> Result<Way, String> {
    let (leaves, name) = (*account != here.account, key.name());
    if let Some(KeyFacts { about: keys::Known::Key(about), .. }) = facts
        && !about.is_enabled()
    {
        let state = &about.state;
        return Err(format!(
            "its key `{name}` is `{state}`: nothing can be copied until it is enabled"
        ));
    }
    if matches!(facts, Some(KeyFacts { about: keys::Known::Closed, .. })) {
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
    let Some(facts) = facts.filter(|it| !it.about.is_of_aws()) else {
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

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: KeyOf<'_> = KeyOf { arn: Some("arn:k"), by_default: "alias/aws/x" };
    const KEEPS: Kept = Kept { why: "it is automated", keeps_key: true };
    const FOREIGN: Kept = Kept { why: "another account shares it", keeps_key: false };
    const OTHER: &str = "999900001111";

    /// A key of the account, in a state, and what the other account may.
    fn facts(manager: Manager, state: &str, open: Option<bool>) -> KeyFacts {
        let key = Key { arn: "arn:k".to_owned(), manager, state: state.to_owned() };
        let open_to = BTreeMap::from([(OTHER.parse().unwrap(), open)]);
        KeyFacts { about: keys::Known::Key(key), open_to }
    }

    /// The way, and the beginning of what is said; or why there is none.
    #[track_caller]
    fn check(
        source: (Option<KeyOf<'_>>, Option<Kept>),
        key: Option<&KeyFacts>,
        hop_key: Option<&str>,
        expected: [&str; 2],
    ) {
        let here = Place {
            account: "111122223333".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
        };
        let (key_of, kept) = source;
        let keys = key_of.into_iter().collect();
        let source = Source { keys, kept, reads: &["kms:Decrypt"] };
        let known = key.map(|it| ("arn:k".to_owned(), it.clone())).into_iter().collect();
        let accounts = [here.account.clone(), OTHER.parse().unwrap()];
        for (account, expected) in accounts.iter().zip(expected) {
            let found = match way(&source, hop_key, &here, &known, account) {
                Ok(Way::Within) => "within".to_owned(),
                Ok(Way::Shared(note)) => format!("shared {}", note.unwrap_or_default()),
                Ok(Way::Hop(why)) => format!("hop {why}"),
                Err(why) => format!("none {why}"),
            };
            assert!(found.starts_with(expected), "{account}: {found}");
        }
    }

    /// Source: EBS User Guide, "Share an Amazon EBS snapshot"; RDS User Guide, "Sharing a DB
    /// snapshot for Amazon RDS".
    #[test]
    fn what_can_be_shared_takes_one_copy_and_all_else_one_on_the_way() {
        let plain = |kept| (None, kept);
        check(plain(None), None, None, ["within", "shared "]);
        check(plain(Some(KEEPS)), None, None, ["within", "hop it is automated"]);
        check(plain(Some(FOREIGN)), None, None, ["within", "hop another account shares it"]);

        let encrypted = |kept| (Some(OWN), kept);
        let open = facts(Manager::Customer, "Enabled", Some(true));
        check(encrypted(None), Some(&open), None, ["within", "shared "]);
        check(encrypted(Some(KEEPS)), Some(&open), None, ["within", "hop it is automated"]);
        let copied = "and so has to be copied here first";
        let foreign = format!("hop another account shares it, {copied}");
        check(encrypted(Some(FOREIGN)), Some(&open), Some("hop"), ["within", &foreign]);
        let foreign = format!("none another account shares it, {copied}: set `hop-key`");
        check(encrypted(Some(FOREIGN)), Some(&open), None, ["within", &foreign]);

        let unknown = facts(Manager::Customer, "Enabled", None);
        let shows = format!("shared whether `{OTHER}` may use its key `arn:k` shows only then");
        check(encrypted(None), Some(&unknown), None, ["within", &shows]);
    }

    #[test]
    fn a_key_that_the_other_account_cannot_use_needs_another_one_on_the_way() {
        let source = (Some(OWN), None);
        let aws = facts(Manager::Aws, "Enabled", None);
        let closed = facts(Manager::Customer, "Enabled", Some(false));
        for (key, why) in [
            (&aws, "its key `arn:k` is AWS's own, which no other account can use"),
            (&closed, "its key `arn:k` is not open to account `999900001111`: its policy needs"),
        ] {
            check(source, Some(key), Some("hop"), ["within", &format!("hop {why}")]);
            check(source, Some(key), None, ["within", &format!("none {why}")]);
        }
        // One that AWS does not name is its own.
        let unnamed = (Some(KeyOf { arn: None, by_default: "alias/aws/x" }), None);
        check(unnamed, None, None, ["within", "none its key `alias/aws/x` is AWS's own"]);
    }

    #[test]
    fn what_has_parts_under_several_keys_goes_the_way_that_all_of_them_can() {
        let key = |arn| KeyOf { arn: Some(arn), by_default: "alias/aws/x" };
        let open = facts(Manager::Customer, "Enabled", Some(true));
        let unknown = facts(Manager::Customer, "Enabled", None);
        let aws = facts(Manager::Aws, "Enabled", None);
        let disabled = facts(Manager::Customer, "Disabled", Some(true));
        let known = [("open", open), ("unknown", unknown), ("aws", aws), ("disabled", disabled)];
        let known = known.map(|(arn, it)| (arn.to_owned(), it)).into();
        let here = Place {
            account: "111122223333".parse().unwrap(),
            region: "eu-west-1".parse().unwrap(),
        };
        let check = |arns: [&'static str; 2], expected: Result<Way, &str>| {
            let source = Source { keys: arns.map(key).into(), kept: None, reads: &[] };
            let found = way(&source, Some("hop"), &here, &known, &OTHER.parse().unwrap());
            assert_eq!(found, expected.map_err(str::to_owned), "{arns:?}");
        };
        let shows = format!("whether `{OTHER}` may use its key `unknown` shows only then");
        let of_aws = "its key `aws` is AWS's own, which no other account can use";
        check(["open", "open"], Ok(Way::Shared(None)));
        check(["open", "unknown"], Ok(Way::Shared(Some(shows))));
        for arns in [["open", "aws"], ["aws", "unknown"], ["aws", "aws"]] {
            check(arns, Ok(Way::Hop(of_aws.to_owned())));
        }
        let none = "its key `disabled` is `Disabled`: nothing can be copied until it is enabled";
        check(["aws", "disabled"], Err(none));
    }

    #[test]
    fn with_a_key_that_is_of_no_use_nothing_is_copied_anywhere() {
        let source = (Some(OWN), None);
        let disabled = facts(Manager::Customer, "Disabled", Some(true));
        let none = "none its key `arn:k` is `Disabled`";
        check(source, Some(&disabled), Some("hop"), [none, none]);
        let closed = KeyFacts { about: keys::Known::Closed, open_to: BTreeMap::new() };
        let none = "none its key `arn:k` is not open to the role in 111122223333/eu-west-1";
        check(source, Some(&closed), Some("hop"), [none, none]);
    }
}
