use std::{sync::Arc, time::Duration};

use jiff::SignedDuration;
use lamplighter_core::{
    engine::Counts,
    job::{Outcome, State as JobState, Tried, Work, WorkKind},
};
use serde_json::Value;

use super::*;
use lamplighter_testkit::{place, task};

use crate::finish;

const NOW: Timestamp = Timestamp::constant(1_772_416_800, 0);

fn done<T>(future: impl Future<Output = Result<T, Fault>>) -> T {
    finish(future).expect("nobody dies").expect("memory does not fail")
}

/// A job on a target of the task that runs at `NOW` and so many days later.
fn job(name: &str, days: i64, target: &str) -> Job {
    let place = place("111122223333", "eu-west-1");
    let order = Arc::new(task(name, "test.snap", Value::Null, &[]).order);
    let occurrence = NOW + SignedDuration::from_hours(24 * days);
    let id = JobId::act(&RunId::new(&order.task, occurrence), &place, target);
    let (target, facts) = (target.to_owned(), Value::Null.into());
    let work =
        Work::Act { order, place, occurrence, target, facts, why: String::new(), state: None };
    Job::new(id, work, NOW, NOW, SignedDuration::from_hours(1))
}

fn closed(job: &Job, at: Timestamp) -> Job {
    job.settled(Ok(Outcome::Done("done".to_owned())), Tried::default(), at, 0.0)
}

fn with(jobs: &[Job]) -> MemoryJournal {
    let journal = MemoryJournal::default();
    assert!(done(journal.create(jobs)).iter().all(|it| *it == Write::Won));
    journal
}

#[test]
fn a_job_is_created_once_and_replaced_version_by_version() {
    let first = job("nightly", 0, "vol-1");
    let journal = with(std::slice::from_ref(&first));
    assert_eq!(done(journal.create(std::slice::from_ref(&first))), [Write::Lost]);
    let leased = first.leased("one", NOW);
    assert_eq!(done(journal.replace(&leased)), Write::Won);
    assert_eq!(done(journal.replace(&leased)), Write::Won, "the answer was lost");
    assert_eq!(done(journal.replace(&first.leased("other", NOW))), Write::Lost);
    assert_eq!(done(journal.replace(&job("nightly", 0, "vol-2"))), Write::Lost);
    assert_eq!(done(journal.load(&first.id)), Some(leased.clone()));
    let closed = closed(&leased, NOW);
    assert_eq!(done(journal.replace(&closed)), Write::Won);
    let reopened = Job { version: closed.version + 1, ..leased };
    assert_eq!(done(journal.replace(&reopened)), Write::Lost, "closed jobs stay as they are");
    assert_eq!(done(journal.load(&first.id)), Some(closed));
}

#[test]
fn the_longest_due_come_first() {
    let at = |target, seconds| Job {
        wake_at: Some(NOW + SignedDuration::from_secs(seconds)),
        ..job("nightly", 0, target)
    };
    let journal = with(&[at("a", 3), at("b", 1), at("c", 2), at("d", 9), job("nightly", 0, "e")]);
    let due = |seconds, limit| -> Vec<String> {
        let due = done(journal.due(NOW + SignedDuration::from_secs(seconds), limit));
        due.iter().map(|id| id.as_str().rsplit('/').next().unwrap().to_owned()).collect()
    };
    assert_eq!(due(3, 9), ["e", "b", "c", "a"]);
    assert_eq!(due(3, 2), ["e", "b"]);
    assert_eq!(due(-1, 9), Vec::<String>::new());
}

#[test]
fn runs_are_tallied_and_the_latest_comes_first() {
    let (one, two) = (job("nightly", 0, "vol-1"), job("nightly", 0, "vol-2"));
    let journal = with(&[one.clone(), two, job("nightly", 1, "vol-1"), job("weekly", 2, "vol-1")]);
    assert_eq!(done(journal.replace(&closed(&one, NOW))), Write::Won);
    let act = Counts { open: 1, succeeded: 1, ..Counts::default() };
    assert_eq!(done(journal.tally(&one.run())), Tally { act, ..Tally::default() });

    let runs = |filter: RunFilter| -> Vec<String> {
        done(journal.runs(&filter)).into_iter().map(|it| it.id.to_string()).collect()
    };
    let all = [
        "weekly@2026-03-04T02:00:00Z",
        "nightly@2026-03-03T02:00:00Z",
        "nightly@2026-03-02T02:00:00Z",
    ];
    assert_eq!(runs(RunFilter::default()), all);
    assert_eq!(runs(RunFilter { limit: Some(1), ..RunFilter::default() }), all[..1]);
    let nightly = Some("nightly".parse().unwrap());
    assert_eq!(runs(RunFilter { task: nightly, ..RunFilter::default() }), all[1..]);
    let since = Some(NOW + SignedDuration::from_hours(24));
    assert_eq!(runs(RunFilter { since, ..RunFilter::default() }), all[..2]);
    assert_eq!(runs(RunFilter { run: Some(one.run()), ..RunFilter::default() }), all[2..]);
}

#[test]
fn jobs_are_filtered_and_paged_in_the_order_of_their_ids() {
    let (one, two, three) = (job("a", 0, "vol-1"), job("a", 0, "vol-2"), job("b", 0, "vol-1"));
    let journal = with(&[three.clone(), two.clone(), one.clone()]);
    let found = |filter: JobFilter| done(journal.jobs(&filter));
    assert_eq!(found(JobFilter::default()), [one.clone(), two.clone(), three.clone()]);
    let page = JobFilter { after: Some(one.id.clone()), limit: Some(1), ..JobFilter::default() };
    assert_eq!(found(page), std::slice::from_ref(&two));
    let run = Some(three.run());
    assert_eq!(
        found(JobFilter { run: run.clone(), ..JobFilter::default() }),
        std::slice::from_ref(&three)
    );
    let after = Some(one.id.clone());
    assert_eq!(found(JobFilter { run, after, ..JobFilter::default() }), [three]);
    let task = Some("a".parse().unwrap());
    assert_eq!(found(JobFilter { task, ..JobFilter::default() }), [one, two]);
    let failed = JobFilter { state: Some(JobState::Failed), ..JobFilter::default() };
    assert_eq!(found(failed), []);
    assert_eq!(found(JobFilter { kind: Some(WorkKind::Find), ..JobFilter::default() }), []);
}

#[test]
fn a_gate_has_room_again_when_a_holder_leaves_or_dies() {
    let waits = |target: &str| {
        let waiting = Outcome::Waiting { gate: "gate".to_owned(), wait: Duration::from_secs(60) };
        job("nightly", 0, target).settled(Ok(waiting), Tried::default(), NOW, 0.0)
    };
    let journal = with(&[waits("x"), waits("y")]);
    let [a, b, c] = ["a", "b", "c"].map(|target| job("nightly", 0, target).id);
    let take = |holder, minutes| {
        let now = NOW + SignedDuration::from_mins(minutes);
        done(journal.take_slot("gate", 2, holder, now, now + SignedDuration::from_mins(10)))
    };
    assert_eq!([take(&a, 0), take(&b, 5), take(&c, 5)], [Slot::Taken, Slot::Taken, Slot::Full]);
    assert_eq!(take(&a, 9), Slot::Taken, "who is inside stays longer");
    assert_eq!(take(&c, 14), Slot::Full);
    assert_eq!(take(&c, 15), Slot::Taken, "`b` has died");
    let free = |holder, minutes| {
        done(journal.free_slot("gate", 2, holder, NOW + SignedDuration::from_mins(minutes)))
    };
    assert_eq!(free(&b, 15), [], "`b` has no slot to give");
    assert_eq!(free(&a, 15), [waits("x").id]);
    assert_eq!(free(&a, 25), [waits("x").id, waits("y").id], "the slot of `c` has ended as well");
}

#[test]
fn ticks_never_go_back_and_tasks_are_remembered() {
    let journal = MemoryJournal::default();
    assert_eq!(done(journal.ticked()), None);
    done(journal.set_ticked(NOW));
    done(journal.set_ticked(Timestamp::UNIX_EPOCH));
    assert_eq!(done(journal.ticked()), Some(NOW));

    let known = |name: &str, fingerprint: &str| {
        let known = KnownTask { fingerprint: fingerprint.to_owned(), since: NOW };
        BTreeMap::from([(name.parse::<TaskName>().unwrap(), known)])
    };
    done(journal.note_tasks(&known("a", "1")));
    done(journal.note_tasks(&known("b", "1")));
    done(journal.note_tasks(&known("a", "2")));
    let mut expected = known("a", "2");
    expected.extend(known("b", "1"));
    assert_eq!(done(journal.known_tasks()), expected);
}

#[test]
fn only_jobs_that_closed_long_ago_are_forgotten() {
    let at = |target, seconds| {
        closed(&job("nightly", 0, target), NOW + SignedDuration::from_secs(seconds))
    };
    let open = job("nightly", 0, "open");
    let journal = with(&[at("a", 2), at("b", 1), at("c", 5), open.clone()]);
    let before = NOW + SignedDuration::from_secs(5);
    assert_eq!(done(journal.expire(before, 1)), 1);
    assert_eq!(journal.all().len(), 3);
    assert!(done(journal.load(&at("b", 1).id)).is_none(), "the oldest goes first");
    assert_eq!(done(journal.expire(before, 9)), 1);
    assert_eq!(journal.all(), [at("c", 5), open]);
}
