//! Which accounts may use a backup, by a task's parameters and the tags of the backup: what the
//! actions that share have in common. What AWS is called with is theirs.
//!
//! The end of what is shared for a time stands in a tag of the backup, so that the first run
//! after it ends it, whatever has become of the journal.

use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    AccountId, Place, Tags, Verdict,
    action::{BadParams, PlanCx},
    keys::{self, KeyOf},
    length::Length,
};

/// What the tags begin with that say until when an account may use a backup; the account follows.
pub const UNTIL_TAG: &str = "lamplighter:shared-until:";

/// With whom each backup is shared. Backups are never made public.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Sharing {
    /// The accounts that may use the backups: names from the configuration, or ids of any.
    #[serde(default)]
    pub with: BTreeSet<AccountId>,
    /// The accounts that may use them no longer.
    #[serde(default)]
    pub withdraw: BTreeSet<AccountId>,
    /// How long those of `with` may, such as `7d` or `36h`. The backup is tagged with the end,
    /// and the first run of the task after it withdraws the permission for good. Without it,
    /// they may until somebody ends it.
    #[serde(default, rename = "for")]
    pub lasting: Option<Length>,
}

impl Sharing {
    /// The rules between fields.
    pub fn check(&self) -> Result<(), BadParams> {
        let bad = |path: &str, message: String| Err(BadParams { path: path.to_owned(), message });
        if self.with.is_empty() && self.withdraw.is_empty() {
            return bad("", "`with` or `withdraw` names at least one account".to_owned());
        }
        if let Some(both) = self.with.intersection(&self.withdraw).next() {
            return bad("withdraw", format!("`{both}` is in `with` and in `withdraw`"));
        }
        if self.lasting.is_some() && self.with.is_empty() {
            return bad("for", "`for` is how long those of `with` may, and there are none".into());
        }
        Ok(())
    }

    /// The accounts that it is about, for a backup with these tags.
    pub fn concerns(&self, tags: &Tags) -> BTreeSet<AccountId> {
        let timed = tags.keys().filter_map(|name| name.strip_prefix(UNTIL_TAG)?.parse().ok());
        timed.chain(self.with.union(&self.withdraw).cloned()).collect()
    }

    /// The tags that say until when: those that the backup does not have yet.
    pub fn ends(&self, end: &End, tags: &Tags, occurrence: Timestamp) -> Tags {
        let Some(lasting) = self.lasting else { return Tags::new() };
        let until = lasting.after(occurrence);
        let tag = |it: &AccountId| (format!("{UNTIL_TAG}{it}"), until.to_string());
        end.shared.iter().map(tag).filter(|(name, _)| !tags.contains_key(name)).collect()
    }
}

/// Who may use a backup in the end, and who may not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// These may.
    pub shared: BTreeSet<AccountId>,
    /// These may no longer.
    pub withdrawn: BTreeSet<AccountId>,
    /// Nor may those whose time is over.
    pub over: BTreeSet<AccountId>,
}

impl End {
    /// As the parameters and the tags of a backup say.
    pub fn of(params: &Sharing, here: &Place, tags: &Tags, now: Timestamp) -> End {
        let timed = tags.iter().filter(|_| params.lasting.is_some());
        let over: BTreeSet<AccountId> = timed
            .filter(|(_, until)| until.parse::<Timestamp>().is_ok_and(|until| until <= now))
            .filter_map(|(name, _)| name.strip_prefix(UNTIL_TAG)?.parse().ok())
            .collect();
        let mut shared = &params.with - &over;
        shared.remove(&here.account);
        End { shared, withdrawn: params.withdraw.clone(), over }
    }

    /// What of it is still to be done, when these accounts may use the backup.
    pub fn beside(&self, open_to: &BTreeSet<AccountId>) -> End {
        End {
            shared: &self.shared - open_to,
            withdrawn: &self.withdrawn & open_to,
            over: &self.over & open_to,
        }
    }

    /// All who may no longer.
    pub fn ended(&self) -> BTreeSet<AccountId> {
        &self.withdrawn | &self.over
    }

    /// Whether there is nothing to do.
    pub fn is_nothing(&self) -> bool {
        self.shared.is_empty() && self.withdrawn.is_empty() && self.over.is_empty()
    }

    /// What is done, or was: `share` and `withdraw`, or `shared` and `withdrawn`.
    pub fn in_words(&self, share: &str, withdraw: &str) -> String {
        let list = |accounts: &BTreeSet<AccountId>| {
            accounts.iter().map(AccountId::as_str).collect::<Vec<_>>().join(", ")
        };
        let mut parts = Vec::new();
        if !self.shared.is_empty() {
            parts.push(format!("{share} with {}", list(&self.shared)));
        }
        if !self.withdrawn.is_empty() {
            parts.push(format!("{withdraw} from {}", list(&self.withdrawn)));
        }
        if !self.over.is_empty() {
            parts.push(format!("{withdraw} from {}, whose time is over", list(&self.over)));
        }
        parts.join("; ")
    }
}

/// What the key of a backup means for those it is shared with.
#[derive(Clone, Copy, Debug)]
pub struct KeyCheck<'k> {
    /// The key.
    pub key: KeyOf<'k>,
    /// What is known of it.
    pub known: Option<&'k keys::Known>,
    /// What whoever copies the backup does with its key.
    pub reads: &'static [&'static str],
    /// The action that brings a backup under another key.
    pub copies: &'static str,
}

/// What is planned for a backup that can be shared, when these accounts may use it. It has `keys`
/// as far as it is encrypted.
pub fn judge<'k>(
    cx: &PlanCx<'_>,
    end: &End,
    open_to: &BTreeSet<AccountId>,
    keys: impl IntoIterator<Item = KeyCheck<'k>>,
) -> Verdict {
    let change = end.beside(open_to);
    if change.is_nothing() {
        return Verdict::Leave { reason: "everything is so already".to_owned() };
    }
    let mut reasons = Vec::new();
    for KeyCheck { key, known, reads, copies } in keys {
        if change.shared.is_empty() {
            break;
        }
        let name = key.name();
        if known.is_none_or(keys::Known::is_of_aws) {
            return Verdict::Fail {
                reason: format!(
                    "it is encrypted with `{name}`, a key of AWS that no other account can use: \
                     copy it with a key of your own (`{copies}`) and share the copy"
                ),
            };
        }
        let statement = keys::statement(&change.shared, cx.place.region.partition(), reads);
        reasons.push(format!(
            "they can use it when the policy of its key `{name}` has this statement: {statement}"
        ));
    }
    let reason = (!reasons.is_empty()).then(|| reasons.join("; "));
    Verdict::Act { effect: change.in_words("share", "withdraw"), reason }
}

/// The accounts in groups of at most so many.
pub fn batches(
    accounts: &BTreeSet<AccountId>,
    most: usize,
) -> impl Iterator<Item = BTreeSet<AccountId>> {
    let all: Vec<&AccountId> = accounts.iter().collect();
    let batches: Vec<BTreeSet<AccountId>> =
        all.chunks(most).map(|some| some.iter().copied().cloned().collect()).collect();
    batches.into_iter()
}
