//! What must hold whenever a backup is deleted, whoever deletes it: the cloud lets it happen, as
//! AWS does, and remembers that the law was broken.

use std::collections::BTreeSet;

use jiff::Timestamp;
use lamplighter_core::{
    Place, Tags,
    action::{HOP_TAG, JOB_TAG, SOURCE_TAG, TASK_TAG},
};

/// What the cloud knows of the laws.
#[derive(Debug, Default)]
pub(crate) struct Laws {
    /// Each law that was broken, by its name, and how.
    pub(crate) broken: Vec<String>,
    /// Backups that a task may delete although no task made them.
    adoptable: BTreeSet<(Place, Box<str>)>,
}

/// A backup, as the laws look at it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backup<'b> {
    pub(crate) id: &'b str,
    /// What it is a backup of, unless its tags say something else.
    pub(crate) of: &'b str,
    pub(crate) tags: &'b Tags,
    pub(crate) taken_at: Timestamp,
    pub(crate) completed: bool,
}

impl Backup<'_> {
    fn source(&self) -> &str {
        self.tags.get(SOURCE_TAG).map_or(self.of, String::as_str)
    }

    /// Whether it is one: a copy on the way to another one is not.
    fn is_backup(&self) -> bool {
        !self.tags.contains_key(HOP_TAG)
    }

    /// Whether this one may go because of the other one: that is not older, or it is the same
    /// backup made twice.
    fn is_covered_by(&self, other: &Backup<'_>) -> bool {
        let job = self.tags.get(JOB_TAG);
        let twin = job.is_some() && other.tags.get(JOB_TAG) == job;
        other.completed
            && other.is_backup()
            && other.id != self.id
            && other.source() == self.source()
            && (twin || other.taken_at >= self.taken_at)
    }
}

impl Laws {
    /// A task may delete this backup although no task made it.
    pub(crate) fn adopt(&mut self, place: &Place, id: &str) {
        self.adoptable.insert((place.clone(), id.into()));
    }

    /// Judges that a backup is deleted while the others stay.
    ///
    /// - L6: only what a task made is deleted, or what was adopted.
    /// - L7: the newest completed backup of a source stays.
    pub(crate) fn judge<'b>(
        &mut self,
        place: &Place,
        backup: &Backup<'_>,
        others: impl IntoIterator<Item = Backup<'b>>,
    ) {
        let id = backup.id;
        let adopted = || self.adoptable.contains(&(place.clone(), id.into()));
        if !backup.tags.contains_key(TASK_TAG) && !adopted() {
            let message = format!("L6: `{id}` was deleted, and neither made by a task nor adopted");
            self.broken.push(message);
        }
        let counts = backup.completed && backup.is_backup();
        if counts && !others.into_iter().any(|other| backup.is_covered_by(&other)) {
            let source = backup.source();
            self.broken.push(format!(
                "L7: `{id}`, the newest completed backup of `{source}`, was deleted"
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bed::place;

    type Given<'t> = (&'t str, &'t str, i64, bool, &'t [(&'t str, &'t str)]);

    const OURS: [(&str, &str); 1] = [(TASK_TAG, "nightly")];

    /// Deletes the first one, which is completed, and says which laws that breaks.
    #[track_caller]
    fn check(backups: &[Given<'_>], adopted: &[&str], expected: &[&str]) {
        let tags: Vec<Tags> = backups
            .iter()
            .map(|it| it.4.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
            .collect();
        let all: Vec<Backup<'_>> = std::iter::zip(backups, &tags)
            .map(|(it, tags)| Backup {
                id: it.0,
                of: it.1,
                taken_at: Timestamp::from_second(it.2).unwrap(),
                completed: it.3,
                tags,
            })
            .collect();
        let place = place("111122223333", "eu-west-1");
        let mut laws = Laws::default();
        adopted.iter().for_each(|id| laws.adopt(&place, id));
        laws.judge(&place, &all[0], all.iter().copied());
        let broken: Vec<&str> = laws.broken.iter().map(|it| &it[..2]).collect();
        assert_eq!(broken, expected);
    }

    #[test]
    fn l6_only_what_carries_our_tags_or_was_adopted() {
        let newer: Given<'_> = ("b", "vol", 9, true, &[]);
        check(&[("a", "vol", 1, true, &OURS), newer], &[], &[]);
        check(&[("a", "vol", 1, true, &[]), newer], &[], &["L6"]);
        check(&[("a", "vol", 1, true, &[]), newer], &["a"], &[]);
        check(&[("a", "vol", 1, true, &[]), newer], &["b"], &["L6"]);
    }

    #[test]
    fn l7_the_newest_completed_backup_of_a_source_stays() {
        let a: Given<'_> = ("a", "vol", 5, true, &OURS);
        check(&[a], &[], &["L7"]);
        check(&[a, ("b", "vol", 4, true, &OURS)], &[], &["L7"]);
        check(&[a, ("b", "vol", 5, true, &OURS)], &[], &[]);
        check(&[a, ("b", "vol", 6, false, &OURS)], &[], &["L7"]);
        check(&[a, ("b", "other", 6, true, &OURS)], &[], &["L7"]);
        check(&[a, ("b", "other", 6, true, &[(SOURCE_TAG, "vol")])], &[], &[]);
        check(&[("a", "vol", 5, false, &OURS)], &[], &[]);
    }

    #[test]
    fn l7_a_copy_on_the_way_is_no_backup() {
        let hop = [(TASK_TAG, "nightly"), (HOP_TAG, "a")];
        check(&[("h", "vol", 6, true, &hop)], &[], &[]);
        check(&[("a", "vol", 5, true, &OURS), ("h", "vol", 6, true, &hop)], &[], &["L7"]);
    }

    #[test]
    fn l7_a_twin_holds_the_same() {
        let twin = [(TASK_TAG, "nightly"), (JOB_TAG, "nightly@2026-03-02T02:00:00Z/x")];
        check(&[("a", "vol", 5, true, &twin), ("b", "vol", 4, true, &twin)], &[], &[]);
    }
}
