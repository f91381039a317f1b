//! What a plan says of a backup that is to be copied.

use super::{Destination, TargetKey, Way, copied_to};
use crate::{Place, Tags, Verdict, tagging::TAGS_MAX};

/// What is planned for one backup, gathered destination by destination.
#[derive(Debug, Default)]
pub struct Draft {
    ways: Vec<String>,
    notes: Vec<String>,
}

impl Draft {
    /// Nothing is to be done for a destination, because of this.
    pub fn arrived(&mut self, done: String) {
        self.notes.push(done);
    }

    /// It is copied to a destination: what that comes to, and on which way.
    pub fn goes(&mut self, effect: String, way: Way, hop_key: Option<&str>) {
        match way {
            Way::Within => self.ways.push(effect),
            Way::Shared(note) => {
                self.ways.push(effect);
                self.notes.extend(note);
            }
            Way::Hop(why) => {
                let key = hop_key.map(|it| format!(" with key `{it}`")).unwrap_or_default();
                self.ways.push(format!("{effect} by way of a copy here{key}"));
                self.notes.push(why);
            }
        }
    }

    /// This is to be said as well.
    pub fn note(&mut self, note: impl IntoIterator<Item = String>) {
        self.notes.extend(note);
    }

    /// Whether it is copied nowhere.
    pub fn is_nothing(&self) -> bool {
        self.ways.is_empty()
    }

    /// Why there is nothing to do, and whatever else was said.
    pub fn reasons(&self) -> String {
        self.notes.join("; ")
    }

    /// The verdict, with what is copied: `8 GiB`.
    pub fn verdict(self, what: &str) -> Verdict {
        if self.is_nothing() {
            return Verdict::Leave { reason: self.reasons() };
        }
        let reason = (!self.notes.is_empty()).then(|| self.reasons());
        let effect = format!("copy {what} to {}", self.ways.join(", and to "));
        Verdict::Act { effect, reason }
    }
}

/// Why a copy that accounts are to use cannot be shared with them.
pub fn cannot_share<D: Destination>(
    to: &D,
    place: &Place,
    key: Option<&TargetKey>,
) -> Option<String> {
    let key = key.filter(|it| !to.share().is_empty() && it.is_of_aws())?;
    Some(format!(
        "its copy in {place} would be encrypted with `{}`, a key of AWS, and could not be shared: \
         set the destination's `key`",
        key.name
    ))
}

/// Why the tags of a backup leave no room for those that name its copies.
pub fn no_room<D: Destination>(tags: &Tags, to: &[D], here: &Place) -> Option<String> {
    let news = to.iter().filter(|to| !tags.contains_key(&copied_to(&to.place(here)))).count();
    (tags.len() + news > TAGS_MAX).then(|| {
        format!(
            "its {} tags leave no room for those that name its copies: AWS allows at most \
             {TAGS_MAX}",
            tags.len()
        )
    })
}
