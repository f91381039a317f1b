//! What failed, alike ones together.

use std::collections::{BTreeMap, btree_map::Entry};

use lamplighter_core::{
    Fault, FaultKind, Journal, RunId, TaskName,
    engine::JobFilter,
    job::{Job, State, Status},
};
use serde::Serialize;
use serde_json::Value;

use crate::records;

/// What stands for what differs between messages that are alike.
const ANY: &str = "…";

/// What failed and what was given up.
#[derive(Debug, Default)]
pub(super) struct Failures(BTreeMap<(TaskName, String), Group>);

/// Jobs of one task that failed, or were given up, with messages that are alike.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Group {
    pub(crate) task: TaskName,
    /// The message, with `…` for the place, the target and other ids.
    pub(crate) message: String,
    /// The kind of fault. None of what was given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<FaultKind>,
    pub(crate) count: u64,
    /// One of them.
    pub(crate) example: Value,
}

impl Failures {
    /// Counts those of a run.
    pub(super) async fn count(&mut self, journal: &dyn Journal, run: &RunId) -> Result<(), Fault> {
        for state in [State::Failed, State::Stopped] {
            let filter =
                JobFilter { run: Some(run.clone()), state: Some(state), ..JobFilter::default() };
            for job in journal.jobs(&filter).await? {
                self.add(&job);
            }
        }
        Ok(())
    }

    fn add(&mut self, job: &Job) {
        let kind = match &job.status {
            Status::Failed { kind, .. } => Some(*kind),
            _ => None,
        };
        let task = job.work.order().task.clone();
        match self.0.entry((task.clone(), pattern(job))) {
            Entry::Occupied(mut group) => group.get_mut().count += 1,
            Entry::Vacant(vacant) => {
                let message = vacant.key().1.clone();
                let example = records::job_json(job);
                vacant.insert(Group { task, message, kind, count: 1, example });
            }
        }
    }

    /// The kinds of faults there were.
    pub(super) fn kinds(&self) -> impl Iterator<Item = FaultKind> {
        self.0.values().map(|it| it.kind.unwrap_or(FaultKind::Permanent))
    }

    /// All of them, the most frequent first.
    pub(super) fn into_groups(self) -> Vec<Group> {
        let mut groups: Vec<Group> = self.0.into_values().collect();
        groups.sort_by_key(|it| std::cmp::Reverse(it.count));
        groups
    }
}

/// A job's message without what is the job's own.
fn pattern(job: &Job) -> String {
    let mut text = job.status.message().unwrap_or_default().to_owned();
    let mut forget = |own: &str| text = text.replace(own, ANY);
    if let Some(target) = job.work.target() {
        forget(target);
    }
    forget(&job.work.occurrence().to_string());
    if let Some(place) = job.work.place() {
        forget(place.account.as_str());
        forget(place.region.as_str());
    }
    text.split_inclusive(|it: char| !it.is_ascii_alphanumeric() && it != '-')
        .map(without_id)
        .collect()
}

/// A word, unless it is an id such as `snap-0123456789abcdef0` or an account's.
fn without_id(word: &str) -> String {
    let end = word.trim_end_matches(|it: char| !it.is_ascii_alphanumeric());
    let is_hex = |text: &str| text.len() >= 8 && text.bytes().all(|it| it.is_ascii_hexdigit());
    let is_id = end.rsplit_once('-').is_some_and(|(_, id)| is_hex(id))
        || end.len() == 12 && end.bytes().all(|it| it.is_ascii_digit());
    if is_id { format!("{ANY}{}", &word[end.len()..]) } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_left_out_and_words_are_not() {
        #[track_caller]
        fn check(text: &str, expected: &str) {
            let words = text.split_inclusive(|it: char| !it.is_ascii_alphanumeric() && it != '-');
            assert_eq!(words.map(without_id).collect::<String>(), expected);
        }
        check("deleting `snap-0123456789abcdef0`: no", "deleting `…`: no");
        check("role arn:aws:iam::222233334444:role/x", "role arn:aws:iam::…:role/x");
        check("well-deserved in eu-west-1", "well-deserved in eu-west-1");
    }
}
