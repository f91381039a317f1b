//! Bringing backups to other accounts and regions, under other keys: what the actions that copy
//! have in common. How a service makes a copy and finds it again is theirs: a [`Job`].
//!
//! One job brings one backup to all of its destinations. Its [`State`] says how far it is: where
//! no other account can use the backup as it is, a copy on the way is made first; then, one
//! destination after the other, the backup is shared with it, copied with the credentials of the
//! destination, waited for and verified; and in the end everything temporary is taken back. What
//! fails for one destination does not keep the others from theirs, and what is temporary is taken
//! back all the same.

mod plan;
mod state;
mod steps;
mod way;

use std::collections::BTreeSet;

use jiff::SignedDuration;

use crate::{
    AccountId, Place, Region,
    action::{BadParams, COPIED_TO_TAG},
    tagging::TAGS_MAX,
    template::Names,
};

pub use plan::{Draft, cannot_share, no_room};
pub use state::{Leg, Phase, State};
pub use steps::{Begun, End, Facts, Job, Stand, What, step};
pub use way::{Kept, KeyFacts, Source, TargetKey, Way, Ways, way};

/// How long after its start a copy on the way is of no use to any job: longer than any job that
/// copies takes, unless its task sets another `timeout`.
pub const LEFT_BEHIND: SignedDuration = SignedDuration::from_hours(7 * 24);
/// What is said of one that is deleted then.
pub const HOP_LEFT: &str = "a job has left it behind on the way to another copy";

/// The placeholders of texts of copies, beside the usual ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyNames;

impl Names for CopyNames {
    const NAMES: &'static [&'static str] = &["source"];
}

/// A place that gets a copy, as parameters name it.
pub trait Destination: Send + Sync {
    /// The account; the backup's own by default.
    fn account(&self) -> Option<&AccountId>;
    /// The region; the backup's own by default.
    fn region(&self) -> Option<&Region>;
    /// The key of the copy: an alias, an id or an ARN.
    fn key(&self) -> Option<&str>;
    /// The accounts that may use the copy.
    fn share(&self) -> &BTreeSet<AccountId>;

    /// Where it is, for backups that are here.
    fn place(&self, here: &Place) -> Place {
        Place {
            account: self.account().unwrap_or(&here.account).clone(),
            region: self.region().unwrap_or(&here.region).clone(),
        }
    }
}

/// The accounts of destinations that are not the one that the backups are in.
pub fn other_accounts<D: Destination>(to: &[D], here: &Place) -> BTreeSet<AccountId> {
    let accounts = to.iter().map(|it| it.place(here).account);
    accounts.filter(|it| *it != here.account).collect()
}

/// The name of the tag that says which copy of a backup is in a place.
pub fn copied_to(place: &Place) -> String {
    format!("{COPIED_TO_TAG}{place}")
}

/// What is being done when a destination is entered.
pub fn entering(place: &Place) -> String {
    format!("entering the destination {place}")
}

/// Refuses destinations that cannot be. The parameter is called `to`; `ours` is how many tags
/// Lamplighter sets on a copy.
pub fn check<D: Destination>(to: &[D], ours: usize) -> Result<(), BadParams> {
    let bad = |path: String, message: String| Err(BadParams { path, message });
    if to.is_empty() {
        return bad("to".into(), "`to` names at least one destination".into());
    }
    // So many tags of a source name its copies, and ours stand beside them.
    let most = TAGS_MAX - ours;
    if to.len() > most {
        return bad("to".into(), format!("`to` names at most {most} destinations"));
    }
    for (index, it) in to.iter().enumerate() {
        let path = format!("to[{index}]");
        let same = |other: &D| (other.account(), other.region()) == (it.account(), it.region());
        if to[..index].iter().any(same) {
            return bad(path, "the same destination is named twice".to_owned());
        }
        if it.account().is_none() && it.region().is_none() && it.key().is_none() {
            let message = "a destination names an `account`, a `region` or a `key`: without any, \
                           it is the backup itself";
            return bad(path, message.to_owned());
        }
    }
    Ok(())
}
