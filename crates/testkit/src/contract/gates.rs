//! Gates: never more than their limit, and nobody waits for ever.

use std::time::Duration;

use lamplighter_core::{
    JobId, Journal,
    engine::Slot,
    job::{Job, Outcome, Status},
};

use super::{act, at, create, done, leased, replace, run, settled, waiting};

/// The id of a job on this target.
fn id(target: &str) -> JobId {
    act(&run("nightly", 0), target, 0).id
}

/// Takes a slot of `gate` at one minute until another.
async fn take(
    journal: &dyn Journal,
    gate: &str,
    limit: u32,
    target: &str,
    minutes: [i64; 2],
) -> Slot {
    let [now, until] = minutes.map(at);
    journal.take_slot(gate, limit, &id(target), now, until).await.unwrap()
}

async fn free(journal: &dyn Journal, limit: u32, target: &str, minutes: i64) -> Vec<JobId> {
    journal.free_slot("gate", limit, &id(target), at(minutes)).await.unwrap()
}

pub(super) async fn a_gate_holds_its_limit(journal: &dyn Journal) {
    assert_eq!(take(journal, "gate", 0, "a", [0, 60]).await, Slot::Full);
    assert_eq!(take(journal, "gate", 2, "a", [0, 60]).await, Slot::Taken);
    assert_eq!(take(journal, "gate", 2, "b", [0, 60]).await, Slot::Taken);
    assert_eq!(take(journal, "gate", 2, "c", [0, 60]).await, Slot::Full);
    assert_eq!(take(journal, "other", 1, "c", [0, 60]).await, Slot::Taken, "gates are apart");
    assert_eq!(take(journal, "gate", 3, "c", [0, 60]).await, Slot::Taken, "a higher limit");
    assert_eq!(take(journal, "gate", 1, "d", [0, 60]).await, Slot::Full, "a lower limit");
    free(journal, 1, "a", 1).await;
    free(journal, 1, "b", 1).await;
    assert_eq!(take(journal, "gate", 1, "d", [1, 60]).await, Slot::Full, "c is still there");
    free(journal, 1, "c", 1).await;
    assert_eq!(take(journal, "gate", 1, "d", [1, 60]).await, Slot::Taken);
}

pub(super) async fn a_holder_has_one_slot_and_may_prolong_it(journal: &dyn Journal) {
    for _ in 0..3 {
        assert_eq!(take(journal, "gate", 2, "a", [0, 10]).await, Slot::Taken);
    }
    assert_eq!(take(journal, "gate", 2, "b", [0, 20]).await, Slot::Taken);
    assert_eq!(take(journal, "gate", 2, "a", [9, 30]).await, Slot::Taken);
    assert_eq!(take(journal, "gate", 2, "c", [19, 60]).await, Slot::Full);
    assert_eq!(take(journal, "gate", 1, "a", [19, 30]).await, Slot::Taken, "the limit was lowered");
    for _ in 0..2 {
        free(journal, 2, "a", 19).await;
    }
    assert_eq!(take(journal, "gate", 2, "c", [19, 60]).await, Slot::Taken);
    assert_eq!(take(journal, "gate", 2, "a", [19, 60]).await, Slot::Full, "it has none any more");
}

pub(super) async fn the_slot_of_a_dead_holder_comes_back(journal: &dyn Journal) {
    assert_eq!(take(journal, "gate", 1, "a", [0, 10]).await, Slot::Taken);
    assert_eq!(take(journal, "gate", 1, "b", [9, 60]).await, Slot::Full);
    assert_eq!(take(journal, "gate", 1, "b", [10, 60]).await, Slot::Taken);
    for now in [10, 11] {
        let again = take(journal, "gate", 1, "a", [now, 60]).await;
        assert_eq!(again, Slot::Full, "it went to another");
    }
    free(journal, 1, "a", 11).await;
    assert_eq!(take(journal, "gate", 1, "c", [11, 60]).await, Slot::Full, "a had none to free");
    for (holder, until) in [("a", 10), ("b", 60)] {
        assert_eq!(take(journal, "smaller", 2, holder, [0, until]).await, Slot::Taken);
    }
    let late = take(journal, "smaller", 1, "a", [10, 60]).await;
    assert_eq!(late, Slot::Full, "it was not prolonged in time, and there is no room any more");
    let waiter = waiting(&act(&run("nightly", 0), "w", 0), "gate", 1);
    create(journal, std::slice::from_ref(&waiter)).await;
    assert_eq!(free(journal, 1, "x", 59).await, []);
    assert_eq!(free(journal, 1, "x", 60).await, [waiter.id], "a slot that has run out is room");
}

/// Jobs that wait at the gate, each to look again at a minute of its own.
async fn waiters(journal: &dyn Journal, count: u64) -> Vec<Job> {
    let run = run("nightly", 0);
    let wait = |n| waiting(&act(&run, &format!("w-{n:02}"), 0), "gate", n);
    let jobs: Vec<Job> = (0..count).map(wait).collect();
    create(journal, &jobs).await;
    jobs
}

pub(super) async fn a_freed_slot_names_those_who_wait(journal: &dyn Journal) {
    let jobs = waiters(journal, 1).await;
    assert_eq!(take(journal, "gate", 1, "a", [0, 60]).await, Slot::Taken);
    // After a lost answer the slot is gone, and those who wait are named again.
    for _ in 0..2 {
        assert_eq!(free(journal, 1, "a", 1).await, std::slice::from_ref(&jobs[0].id));
    }
}

pub(super) async fn no_more_are_named_than_there_is_room_for(journal: &dyn Journal) {
    let jobs = waiters(journal, 15).await;
    let named = async |limit| {
        let mut named = free(journal, limit, "x", 1).await;
        assert!(named.iter().all(|id| jobs.iter().any(|job| job.id == *id)));
        named.sort();
        named.dedup();
        named.len()
    };
    for target in ["a", "b", "c"] {
        assert_eq!(take(journal, "gate", 3, target, [0, 60]).await, Slot::Taken);
    }
    assert_eq!(named(3).await, 0);
    assert_eq!(named(1).await, 0, "a limit that was lowered");
    assert_eq!(named(5).await, 2);
    assert_eq!(named(99).await, 10, "at most ten");
    free(journal, 3, "a", 1).await;
    assert_eq!(named(3).await, 1);
}

pub(super) async fn only_jobs_that_wait_are_named(journal: &dyn Journal) {
    let run = run("nightly", 0);
    let wait = |target, gate| waiting(&act(&run, target, 0), gate, 1);
    let jobs = ["ready", "leased", "closed", "passed"].map(|target| wait(target, "gate"));
    create(journal, &jobs).await;
    let closed_there = Job { closed_at: Some(at(0)), ..wait("record", "gate") };
    let reason = "gone".to_owned();
    let closed_there = Job { status: Status::Skipped { reason }, ..closed_there };
    create(journal, &[wait("elsewhere", "other"), act(&run, "never", 0), closed_there]).await;
    let [ready, held, closed, passed] = &jobs;
    replace(journal, &leased(held, 1)).await;
    replace(journal, &done(closed, 1)).await;
    let again = leased(passed, 1);
    replace(journal, &again).await;
    replace(journal, &settled(&again, Outcome::Later { wait: Duration::ZERO }, 1)).await;
    assert_eq!(free(journal, 20, "x", 2).await, std::slice::from_ref(&ready.id));
}
