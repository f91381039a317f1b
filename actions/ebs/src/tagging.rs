//! Tags of what an action makes: its own, and those that it copies, within AWS's limits.
//!
//! Source: EC2 User Guide, "Tag your Amazon EC2 resources", restrictions.

use std::collections::BTreeMap;

use lamplighter_core::{
    Tags,
    action::BadParams,
    template::{Names, Template, Values},
};

use crate::tag_names::{TagNames, is_reserved};

/// What AWS takes as a description, in characters.
pub(crate) const DESCRIPTION_MAX: usize = 255;
/// How many tags one resource can have.
pub(crate) const TAGS_MAX: usize = 50;
/// What AWS takes as the key and the value of a tag, in characters.
const TAG_KEY_MAX: usize = 128;
const TAG_VALUE_MAX: usize = 256;

/// The tags that a task asks for.
pub(crate) struct Wanted<'a, N: Names> {
    /// Set as they are.
    pub(crate) own: &'a BTreeMap<String, Template<N>>,
    /// Copied from the target, as far as there is room.
    pub(crate) copied: &'a TagNames,
    /// How many Lamplighter sets beside them.
    pub(crate) ours: usize,
}

impl<N: Names> Wanted<'_, N> {
    /// Refuses what AWS would refuse. The parameter is called `tags`.
    pub(crate) fn check(&self) -> Result<(), BadParams> {
        let bad = |path: String, message: String| Err(BadParams { path, message });
        for name in self.own.keys() {
            let path = || format!("tags.{name}");
            if is_reserved(name) {
                let owner = "AWS and Lamplighter set tags with this prefix themselves";
                return bad(path(), format!("`{name}` cannot be set: {owner}"));
            }
            let length = name.chars().count();
            if !(1..=TAG_KEY_MAX).contains(&length) {
                let message =
                    format!("a tag's name has 1 to {TAG_KEY_MAX} characters, not {length}");
                return bad(path(), message);
            }
        }
        let (count, most) = (self.own.len(), TAGS_MAX - self.ours);
        if count > most {
            let message =
                format!("a snapshot has room for {most} tags of yours, these are {count}");
            return bad("tags".to_owned(), message);
        }
        Ok(())
    }

    /// The tags to copy, and those for which there is no room: the last ones by name.
    fn split(&self, target: &Tags) -> (Tags, Tags) {
        let mut copied = self.copied.of(target);
        copied.retain(|name, _| !self.own.contains_key(name));
        let room = TAGS_MAX - self.ours - self.own.len();
        let first_left_out = copied.keys().nth(room).cloned();
        let left_out = first_left_out.map(|name| copied.split_off(&name)).unwrap_or_default();
        (copied, left_out)
    }

    /// What is said of the tags for which there is no room.
    pub(crate) fn left_out(&self, target: &Tags) -> Option<String> {
        let (_, left_out) = self.split(target);
        let names: Vec<String> = left_out.keys().map(|name| format!("`{name}`")).collect();
        (!names.is_empty()).then(|| {
            let names = names.join(", ");
            format!("a snapshot has at most {TAGS_MAX} tags: does not copy {names}")
        })
    }

    /// The tags, without those that Lamplighter sets.
    pub(crate) fn of(&self, target: &Tags, values: &Values<'_>) -> Tags {
        let (mut tags, _) = self.split(target);
        let own = self.own.iter();
        tags.extend(own.map(|(name, it)| (name.clone(), it.render_within(TAG_VALUE_MAX, values))));
        tags
    }
}
