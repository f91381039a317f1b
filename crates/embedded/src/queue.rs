//! The queue of one process, in memory.
//!
//! What it forgets, when the process ends or when it is full, comes back: the engine's tick
//! wakes every job in the journal whose time has passed.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use lamplighter_core::{Fault, JobId, Queue};
use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

/// Most jobs that are waited for.
const CAPACITY: usize = 100_000;

/// The queue of one process. A job is in it once: at the earliest of the times asked for, since
/// a look too early does no harm. When it is full, the looks that lie furthest ahead are
/// forgotten.
#[derive(Default)]
pub struct LocalQueue {
    waiting: Mutex<Waiting>,
    changed: Notify,
}

/// The same jobs twice: by time and by id.
#[derive(Default)]
struct Waiting {
    by_time: BTreeSet<(Instant, JobId)>,
    by_id: HashMap<JobId, Instant>,
}

impl LocalQueue {
    /// An empty queue.
    pub fn new() -> LocalQueue {
        LocalQueue::default()
    }

    /// The next job to look at, as soon as it is time. Several tasks may wait here, each gets
    /// jobs of its own. Nothing is lost when the call is given up.
    pub async fn next(&self) -> JobId {
        loop {
            // From here on no change is missed, though nobody waits for one yet.
            let changed = self.changed.notified();
            let first = match self.waiting().pop(Instant::now()) {
                Popped::Due(id) => return id,
                Popped::At(first) => first,
            };
            match first {
                // Either way there is something to look at.
                Some(first) => drop(timeout_at(first, changed).await),
                None => changed.await,
            }
        }
    }

    /// How many jobs are waited for.
    pub fn len(&self) -> usize {
        self.waiting().by_id.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Queue for LocalQueue {
    async fn wake(&self, jobs: &[(JobId, Duration)]) -> Result<(), Fault> {
        let now = Instant::now();
        let mut waiting = self.waiting();
        for (id, delay) in jobs {
            // What is so far ahead that it has no instant, the journal remembers.
            if let Some(at) = now.checked_add(*delay) {
                waiting.push(at, id, CAPACITY);
            }
        }
        drop(waiting);
        self.changed.notify_waiters();
        Ok(())
    }
}

enum Popped {
    /// It is time for this one.
    Due(JobId),
    /// When it is time for the first one, if there is one.
    At(Option<Instant>),
}

impl Waiting {
    fn push(&mut self, at: Instant, id: &JobId, capacity: usize) {
        match self.by_id.get(id) {
            Some(earlier) if *earlier <= at => return,
            Some(later) => {
                self.by_time.remove(&(*later, id.clone()));
            }
            None if self.by_id.len() < capacity => {}
            None => match self.by_time.last() {
                Some((last, _)) if at < *last => {
                    if let Some((_, forgotten)) = self.by_time.pop_last() {
                        self.by_id.remove(&forgotten);
                    }
                }
                _ => return,
            },
        }
        self.by_time.insert((at, id.clone()));
        self.by_id.insert(id.clone(), at);
    }

    fn pop(&mut self, now: Instant) -> Popped {
        match self.by_time.first() {
            Some((at, _)) if *at <= now => {}
            first => return Popped::At(first.map(|(at, _)| *at)),
        }
        match self.by_time.pop_first() {
            Some((_, id)) => {
                self.by_id.remove(&id);
                Popped::Due(id)
            }
            None => Popped::At(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> JobId {
        format!("nightly@2026-03-29T02:00:00Z/{name}").parse().unwrap()
    }

    async fn wake(queue: &LocalQueue, name: &str, secs: u64) {
        queue.wake(&[(id(name), Duration::from_secs(secs))]).await.unwrap();
    }

    /// Wakes each job after so many seconds, and expects them at these seconds in this order.
    async fn check(wakes: &[(&str, u64)], expected: &[(&str, u64)]) {
        let queue = LocalQueue::new();
        let start = Instant::now();
        for (name, secs) in wakes {
            wake(&queue, name, *secs).await;
        }
        let mut got = Vec::new();
        while !queue.is_empty() {
            let next = queue.next().await;
            got.push((next, start.elapsed().as_secs()));
        }
        let expected: Vec<(JobId, u64)> =
            expected.iter().map(|(name, secs)| (id(name), *secs)).collect();
        assert_eq!(got, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn jobs_come_when_it_is_their_time() {
        check(&[("b", 60), ("a", 5), ("c", 0)], &[("c", 0), ("a", 5), ("b", 60)]).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_is_there_once_at_the_earliest_time_asked_for() {
        check(&[("a", 60), ("a", 5), ("a", 90)], &[("a", 5)]).await;
        check(&[("a", 5), ("b", 7), ("a", 9)], &[("a", 5), ("b", 7)]).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_taken_may_come_again() {
        let queue = LocalQueue::new();
        wake(&queue, "a", 1).await;
        assert_eq!(queue.next().await, id("a"));
        wake(&queue, "a", 1).await;
        assert_eq!(queue.next().await, id("a"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_delay_without_an_end_is_left_to_the_journal() {
        check(&[("a", u64::MAX), ("b", 1)], &[("b", 1)]).await;
    }

    #[tokio::test(start_paused = true)]
    async fn an_earlier_job_overtakes_the_one_waited_for() {
        let queue = LocalQueue::new();
        let start = Instant::now();
        wake(&queue, "late", 60).await;
        let (first, ()) = tokio::join!(queue.next(), async {
            tokio::task::yield_now().await;
            wake(&queue, "soon", 2).await;
        });
        assert_eq!((first, start.elapsed().as_secs()), (id("soon"), 2));
    }

    #[tokio::test(start_paused = true)]
    async fn each_of_several_receivers_gets_a_job_of_its_own() {
        let queue = LocalQueue::new();
        let wakes = [(id("a"), Duration::ZERO), (id("b"), Duration::from_secs(1))];
        let (first, second, woken) = tokio::join!(queue.next(), queue.next(), queue.wake(&wakes));
        woken.unwrap();
        let mut got = [first, second];
        got.sort();
        assert_eq!(got, [id("a"), id("b")]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_receiver_that_gives_up_takes_nothing_along() {
        let queue = LocalQueue::new();
        wake(&queue, "a", 10).await;
        let given_up = timeout_at(Instant::now() + Duration::from_secs(5), queue.next()).await;
        assert!(given_up.is_err());
        assert_eq!(queue.next().await, id("a"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_queue_forgets_what_lies_furthest_ahead() {
        let now = Instant::now();
        let at = |secs| now + Duration::from_secs(secs);
        let mut waiting = Waiting::default();
        for (name, secs) in [("a", 10), ("b", 20), ("c", 30), ("d", 5), ("a", 40), ("b", 1)] {
            waiting.push(at(secs), &id(name), 2);
        }
        let left: Vec<(Instant, JobId)> = waiting.by_time.iter().cloned().collect();
        assert_eq!(left, [(at(1), id("b")), (at(5), id("d"))]);
        assert_eq!(waiting.by_id.len(), 2);
    }
}
