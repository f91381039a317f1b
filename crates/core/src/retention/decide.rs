//! The decision: a verdict with reasons for every backup.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    num::NonZeroU32,
};

use jiff::{SignedDuration, Timestamp, civil::DateTime};
use serde::{Deserialize, Serialize};

use super::{Keep, Policy};

/// How long a failed backup stays, so that somebody can see why it failed.
const FAILED_STAYS: SignedDuration = SignedDuration::from_hours(24);

/// One backup, as far as retention looks at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Backup {
    /// What the backup is called; unique among those decided on together.
    pub id: String,
    /// What it is a backup of. Each source has its own history.
    pub source: String,
    /// The point in time that it holds, not when it was completed.
    pub taken_at: Timestamp,
    /// Whether it can be restored from.
    pub state: State,
}

/// Whether a backup can be restored from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It can.
    Completed,
    /// Not yet: it is still being made.
    Pending,
    /// It never can: making it failed.
    Error,
}

/// What to do with a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// A rule or the floor keeps it.
    Keep,
    /// It goes.
    Delete,
    /// The policy has nothing to say about it yet, so nothing is done to it.
    Leave,
}

impl Verdict {
    /// As in the stable JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Keep => "keep",
            Verdict::Delete => "delete",
            Verdict::Leave => "leave",
        }
    }
}

/// The verdict on one backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Decision {
    /// The backup's id.
    pub id: String,
    /// What to do with it.
    pub verdict: Verdict,
    /// Why, in words for people; at least one.
    pub reasons: Vec<String>,
}

type Judgement = (Verdict, Vec<String>);

/// Names the hour, day … that a local time lies in.
type Bucket = fn(DateTime) -> String;

/// Decides on every backup, in the order given. The answer for a backup does not depend on
/// that order.
///
/// Of backups of one source at the same instant the one with the greater id counts as the newer,
/// so that two hosts agree. `now` says which failed backups are a day old, and which backups lie
/// in the future: `within` is counted from the newest that does not.
///
/// The newest completed backup of a source is never deleted: every single rule keeps it. Doubts
/// keep as well: a policy without rules deletes no completed backup, and a backup that is given
/// twice with different facts is left alone.
pub fn decide(policy: &Policy, backups: &[Backup], now: Timestamp) -> Vec<Decision> {
    let mut judged: HashMap<&str, Judgement> = HashMap::new();
    let mut completed: BTreeMap<&str, Vec<&Backup>> = BTreeMap::new();
    for backup in unique(backups, &mut judged) {
        let judgement = match backup.state {
            State::Completed => {
                completed.entry(&backup.source).or_default().push(backup);
                continue;
            }
            State::Pending => leave("pending: only completed backups are decided on"),
            State::Error if backup.taken_at.duration_until(now) >= FAILED_STAYS => {
                (Verdict::Delete, vec!["failed, more than 24 hours ago".to_owned()])
            }
            State::Error => leave("failed, less than 24 hours ago"),
        };
        judged.insert(&backup.id, judgement);
    }
    for mut history in completed.into_values() {
        history.sort_unstable_by_key(|backup| Reverse((backup.taken_at, &backup.id)));
        let judgements = judge_history(policy, &history, now);
        judged.extend(history.iter().map(|backup| backup.id.as_str()).zip(judgements));
    }
    backups
        .iter()
        .map(|backup| {
            let (verdict, reasons) = judged[backup.id.as_str()].clone();
            Decision { id: backup.id.clone(), verdict, reasons }
        })
        .collect()
}

fn leave(reason: &str) -> Judgement {
    (Verdict::Leave, vec![reason.to_owned()])
}

/// Each backup once. A listing that changes while its pages are read can show one twice; where
/// the two differ, neither can be trusted and the judgement is made here.
fn unique<'a>(backups: &'a [Backup], judged: &mut HashMap<&'a str, Judgement>) -> Vec<&'a Backup> {
    let mut by_id: HashMap<&str, &Backup> = HashMap::new();
    for backup in backups {
        let first = by_id.entry(&backup.id).or_insert(backup);
        if *first != backup {
            judged.insert(&backup.id, leave("given twice, with different facts"));
        }
    }
    by_id.retain(|id, _| !judged.contains_key(id));
    by_id.into_values().collect()
}

/// Judges the completed backups of one source, newest first.
fn judge_history(policy: &Policy, history: &[&Backup], now: Timestamp) -> Vec<Judgement> {
    let floor = policy.floor;
    let judge = |index: usize, rules: Vec<String>| {
        if !rules.is_empty() {
            (Verdict::Keep, rules)
        } else if policy.keep.is_empty() {
            (Verdict::Keep, vec!["the policy has no rules".to_owned()])
        } else if index < floor as usize {
            let place = format!("floor {} of {floor}", index + 1);
            (Verdict::Keep, vec!["no rule keeps it".to_owned(), place])
        } else {
            (Verdict::Delete, vec!["no rule keeps it".to_owned()])
        }
    };
    let rules = kept_by_rules(&policy.keep, history, now);
    rules.into_iter().enumerate().map(|(index, rules)| judge(index, rules)).collect()
}

/// For each backup of the history, newest first, one reason for each rule that keeps it.
fn kept_by_rules(keep: &Keep, history: &[&Backup], now: Timestamp) -> Vec<Vec<String>> {
    let mut reasons = vec![Vec::new(); history.len()];
    if let Some(count) = keep.last {
        for (index, reasons) in reasons.iter_mut().take(count.get() as usize).enumerate() {
            reasons.push(format!("last {} of {count}", index + 1));
        }
    }
    if let Some(within) = keep.within {
        // Without a backup before `now` there is nothing to count from, and all are kept.
        let newest = history.iter().map(|backup| backup.taken_at).find(|at| *at <= now);
        let since = newest.and_then(|newest| within.before(newest, &keep.time_zone));
        for (backup, reasons) in history.iter().zip(&mut reasons) {
            if since.is_none_or(|since| backup.taken_at > since) {
                reasons.push(format!("within {within} of the newest"));
            }
        }
    }
    let rules: [(&str, Option<NonZeroU32>, Bucket); 5] = [
        ("hourly", keep.hourly, |at| at.strftime("%Y-%m-%dT%H").to_string()),
        ("daily", keep.daily, |at| at.strftime("%Y-%m-%d").to_string()),
        ("weekly", keep.weekly, |at| at.strftime("%G-W%V").to_string()),
        ("monthly", keep.monthly, |at| at.strftime("%Y-%m").to_string()),
        ("yearly", keep.yearly, |at| at.strftime("%Y").to_string()),
    ];
    let times: Vec<DateTime> =
        history.iter().map(|backup| keep.time_zone.to_datetime(backup.taken_at)).collect();
    for (name, count, bucket) in rules {
        if let Some(count) = count {
            apply_calendar_rule(name, count.get(), bucket, &times, &mut reasons);
        }
    }
    reasons
}

/// Keeps the newest of each of the last `count` buckets that have one and, if there are fewer,
/// the oldest of all. `times` are local, newest first.
fn apply_calendar_rule(
    name: &str,
    count: u32,
    bucket: Bucket,
    times: &[DateTime],
    reasons: &mut [Vec<String>],
) {
    let mut kept = 0;
    let mut current = String::new();
    for (index, at) in times.iter().enumerate() {
        if kept == count {
            return;
        }
        let found = bucket(*at);
        if found != current {
            kept += 1;
            reasons[index].push(format!("{name} {kept} of {count}: newest of {found}"));
            current = found;
        } else if index + 1 == times.len() {
            reasons[index].push(format!("oldest, {name} has kept only {kept} of {count}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW: &str = "2026-03-31T12:00:00Z";

    fn policy(keep: Value, floor: u32) -> Policy {
        Policy { keep: serde_json::from_value(keep).unwrap(), floor }
    }

    fn backup(id: &str, source: &str, taken_at: &str, state: State) -> Backup {
        let taken_at = taken_at.parse().unwrap();
        Backup { id: id.to_owned(), source: source.to_owned(), taken_at, state }
    }

    /// Decides on completed backups of one source that are called after their times (date and
    /// hour), and compares one line for each.
    #[track_caller]
    fn check(keep: Value, floor: u32, times: &[&str], expected: &[&str]) {
        let backups: Vec<Backup> = times
            .iter()
            .map(|time| backup(time, "vol-1", &format!("{time}:00:00Z"), State::Completed))
            .collect();
        check_all(&policy(keep, floor), &backups, expected);
    }

    #[track_caller]
    fn check_all(policy: &Policy, backups: &[Backup], expected: &[&str]) {
        let found: Vec<String> = decide(policy, backups, NOW.parse().unwrap())
            .into_iter()
            .map(|Decision { id, verdict, reasons }| {
                format!("{id} {verdict:?}: {}", reasons.join("; "))
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn keeps_the_last() {
        check(
            json!({ "last": 2 }),
            1,
            &["2026-03-01T02", "2026-03-02T02", "2026-03-03T02"],
            &[
                "2026-03-01T02 Delete: no rule keeps it",
                "2026-03-02T02 Keep: last 2 of 2",
                "2026-03-03T02 Keep: last 1 of 2",
            ],
        );
    }

    #[test]
    fn keeps_the_newest_of_each_day_that_has_one() {
        check(
            json!({ "daily": 2 }),
            1,
            &["2026-03-29T22", "2026-03-29T02", "2026-03-20T02", "2026-03-19T02"],
            &[
                "2026-03-29T22 Keep: daily 1 of 2: newest of 2026-03-29",
                "2026-03-29T02 Delete: no rule keeps it",
                "2026-03-20T02 Keep: daily 2 of 2: newest of 2026-03-20",
                "2026-03-19T02 Delete: no rule keeps it",
            ],
        );
    }

    #[test]
    fn keeps_the_oldest_while_a_calendar_rule_has_kept_fewer() {
        let times = ["2026-03-29T22", "2026-03-28T22", "2026-03-28T12", "2026-03-28T02"];
        check(
            json!({ "daily": 3 }),
            1,
            &times,
            &[
                "2026-03-29T22 Keep: daily 1 of 3: newest of 2026-03-29",
                "2026-03-28T22 Keep: daily 2 of 3: newest of 2026-03-28",
                "2026-03-28T12 Delete: no rule keeps it",
                "2026-03-28T02 Keep: oldest, daily has kept only 2 of 3",
            ],
        );
        check(
            json!({ "daily": 2 }),
            1,
            &times,
            &[
                "2026-03-29T22 Keep: daily 1 of 2: newest of 2026-03-29",
                "2026-03-28T22 Keep: daily 2 of 2: newest of 2026-03-28",
                "2026-03-28T12 Delete: no rule keeps it",
                "2026-03-28T02 Delete: no rule keeps it",
            ],
        );
    }

    #[test]
    fn gives_every_rule_that_keeps_it() {
        check(
            json!({
                "last": 1, "within": "1h", "hourly": 1, "daily": 1, "weekly": 1, "monthly": 1,
                "yearly": 1,
            }),
            1,
            &["2021-01-03T07"],
            &["2021-01-03T07 Keep: last 1 of 1; within 1h of the newest; \
               hourly 1 of 1: newest of 2021-01-03T07; daily 1 of 1: newest of 2021-01-03; \
               weekly 1 of 1: newest of 2020-W53; monthly 1 of 1: newest of 2021-01; \
               yearly 1 of 1: newest of 2021"],
        );
    }

    #[test]
    fn buckets_are_of_the_zone() {
        let times = ["2026-03-28T23", "2026-03-28T22"];
        let kept = "2026-03-28T23 Keep: daily 1 of 1: newest of";
        let other = "2026-03-28T22 Delete: no rule keeps it";
        check(json!({ "daily": 1 }), 1, &times, &[&format!("{kept} 2026-03-28"), other]);
        check(
            json!({ "daily": 2, "time-zone": "Europe/Madrid" }),
            1,
            &times,
            &[
                "2026-03-28T23 Keep: daily 1 of 2: newest of 2026-03-29",
                "2026-03-28T22 Keep: daily 2 of 2: newest of 2026-03-28",
            ],
        );
    }

    #[test]
    fn within_counts_from_the_newest_and_leaves_out_its_edge() {
        check(
            json!({ "within": "14d" }),
            1,
            &["2020-06-15T02", "2020-06-01T03", "2020-06-01T02"],
            &[
                "2020-06-15T02 Keep: within 14d of the newest",
                "2020-06-01T03 Keep: within 14d of the newest",
                "2020-06-01T02 Delete: no rule keeps it",
            ],
        );
    }

    #[test]
    fn within_does_not_count_from_the_future() {
        let ahead = "2026-04-20T02 Keep: within 1d of the newest";
        check(
            json!({ "within": "1d" }),
            1,
            &["2026-04-20T02", "2026-03-31T12", "2026-03-31T02", "2026-03-30T12"],
            &[
                ahead,
                "2026-03-31T12 Keep: within 1d of the newest",
                "2026-03-31T02 Keep: within 1d of the newest",
                "2026-03-30T12 Delete: no rule keeps it",
            ],
        );
        check(
            json!({ "within": "1d" }),
            1,
            &["2026-04-20T02", "2026-04-01T02"],
            &[ahead, "2026-04-01T02 Keep: within 1d of the newest"],
        );
    }

    #[test]
    fn the_floor_keeps_the_newest_whatever_the_rules_say() {
        check(
            json!({ "last": 1 }),
            2,
            &["2026-03-03T02", "2026-03-02T02", "2026-03-01T02"],
            &[
                "2026-03-03T02 Keep: last 1 of 1",
                "2026-03-02T02 Keep: no rule keeps it; floor 2 of 2",
                "2026-03-01T02 Delete: no rule keeps it",
            ],
        );
    }

    #[test]
    fn each_source_has_its_own_history() {
        check_all(
            &policy(json!({ "last": 1 }), 1),
            &[
                backup("a", "vol-1", "2026-03-01T02:00:00Z", State::Completed),
                backup("b", "vol-2", "2025-03-01T02:00:00Z", State::Completed),
                backup("c", "vol-1", "2026-02-01T02:00:00Z", State::Completed),
            ],
            &["a Keep: last 1 of 1", "b Keep: last 1 of 1", "c Delete: no rule keeps it"],
        );
    }

    #[test]
    fn only_completed_backups_count() {
        check_all(
            &policy(json!({ "last": 1 }), 1),
            &[
                backup("young", "vol-1", "2026-03-30T12:00:01Z", State::Error),
                backup("old", "vol-1", "2026-03-30T12:00:00Z", State::Error),
                backup("pending", "vol-1", "2020-03-01T02:00:00Z", State::Pending),
                backup("only", "vol-1", "2019-03-01T02:00:00Z", State::Completed),
            ],
            &[
                "young Leave: failed, less than 24 hours ago",
                "old Delete: failed, more than 24 hours ago",
                "pending Leave: pending: only completed backups are decided on",
                "only Keep: last 1 of 1",
            ],
        );
    }

    #[test]
    fn the_greater_id_is_the_newer_of_a_tie() {
        check_all(
            &policy(json!({ "last": 1 }), 1),
            &[
                backup("a", "vol-1", "2026-03-01T02:00:00Z", State::Completed),
                backup("b", "vol-1", "2026-03-01T02:00:00Z", State::Completed),
            ],
            &["a Delete: no rule keeps it", "b Keep: last 1 of 1"],
        );
    }

    #[test]
    fn doubts_keep() {
        check(json!({}), 1, &["2026-03-01T02"], &["2026-03-01T02 Keep: the policy has no rules"]);
        let a = backup("a", "vol-1", "2026-03-02T02:00:00Z", State::Completed);
        let b = backup("b", "vol-1", "2026-03-01T02:00:00Z", State::Completed);
        let other = Backup { state: State::Error, ..b.clone() };
        let kept = "a Keep: last 1 of 1";
        let left = "b Leave: given twice, with different facts";
        let last = policy(json!({ "last": 1 }), 0);
        let gone = "b Delete: no rule keeps it";
        check_all(&last, &[a.clone(), b.clone(), a.clone()], &[kept, gone, kept]);
        check_all(&last, &[other.clone(), a.clone(), b.clone(), other], &[left, kept, left, left]);
    }
}
