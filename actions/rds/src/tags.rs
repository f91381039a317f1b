//! Tags of snapshots: those of the task, and what RDS takes as one.
//!
//! Source: RDS API Reference, `Tag`; RDS User Guide, "Tagging Amazon RDS resources".

use std::collections::BTreeMap;

use jiff::Timestamp;
use lamplighter_core::{
    StepCx, Tags,
    action::BadParams,
    tagging::{Alphabet, TAGS_MAX, TagNames, Wanted},
    template::{Names, Template},
};

use crate::family::Facts;

/// Task, job, source and taken-at.
const OWNERSHIP_TAGS: usize = 4;
static NO_NAMES: TagNames = TagNames::NONE;

/// The tags that a task asks for.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'p> {
    pub(crate) own: &'p BTreeMap<String, Template>,
    pub(crate) copied: &'p TagNames,
}

impl Asked<'_> {
    /// Refuses what AWS would refuse.
    pub(crate) fn check(self) -> Result<(), BadParams> {
        check(self.wanted(false))
    }

    /// The same, of a snapshot that is only taken if the parameter of this name says so.
    pub(crate) fn check_for(self, taken: bool, parameter: &str) -> Result<(), BadParams> {
        let bad = |path: &str| {
            let message = format!("without `{parameter}: true` no snapshot gets it");
            Err(BadParams { path: path.to_owned(), message })
        };
        match taken {
            true => self.check(),
            false if !self.own.is_empty() => bad("tags"),
            false if *self.copied != TagNames::NONE => bad("copy-tags"),
            false => Ok(()),
        }
    }

    /// What is said of tags for which there is no room.
    pub(crate) fn without_room(self, it: &Facts<'_>) -> Option<String> {
        if !it.hands_on_tags {
            return self.wanted(false).left_out(it.tags);
        }
        let handed_on = it.tags.keys().filter(|key| !key.starts_with("aws:"));
        let all = handed_on.filter(|key| !self.own.contains_key(*key)).count();
        let all = all + self.own.len() + OWNERSHIP_TAGS;
        (all > TAGS_MAX).then(|| {
            format!(
                "it hands its tags on to its snapshots, which then have {all} of at most {TAGS_MAX}"
            )
        })
    }

    /// All tags of a new snapshot, with those that say whose it is.
    pub(crate) fn of(self, cx: &StepCx<'_>, it: &Facts<'_>) -> Tags {
        self.at(cx, it, cx.now)
    }

    /// The same, of a snapshot that was asked for at some time: RDS says when it was taken when
    /// that is over.
    pub(crate) fn at(self, cx: &StepCx<'_>, it: &Facts<'_>, asked_at: Timestamp) -> Tags {
        let values = cx.values(it.id, it.tags);
        let mut tags = fitting(self.wanted(it.hands_on_tags).of(it.tags, &values));
        tags.extend(cx.backup_tags(it.id, asked_at));
        tags
    }

    /// What a database hands on by itself needs not be copied.
    fn wanted(&self, hands_on: bool) -> Wanted<'_> {
        let copied = if hands_on { &NO_NAMES } else { self.copied };
        Wanted { made: "snapshot", own: self.own, copied, ours: OWNERSHIP_TAGS }
    }
}

/// Refuses what AWS would refuse.
pub(crate) fn check<N: Names>(wanted: Wanted<'_, N>) -> Result<(), BadParams> {
    for name in wanted.own.keys() {
        let bad = |message| BadParams { path: format!("tags.{name}"), message };
        Alphabet::Rds.check_key(name).map_err(bad)?;
    }
    wanted.check()
}

/// The tags with values that RDS takes.
pub(crate) fn fitting(mut tags: Tags) -> Tags {
    for value in tags.values_mut() {
        *value = Alphabet::Rds.value(value);
    }
    tags
}
