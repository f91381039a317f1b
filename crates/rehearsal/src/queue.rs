//! A queue in memory that may lose, double, delay and reorder what it is told.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use lamplighter_core::{Clock, Fault, JobId, Queue};

use crate::{VirtualClock, lock, random::Random};

/// What becomes of messages.
#[derive(Clone, Debug)]
pub enum Delivery {
    /// Each arrives once, when it is due.
    Faithful,
    /// Each arrives twice.
    Doubled,
    /// None arrives but those of a sweep.
    Lost,
    /// Each is lost, doubled, early or late, or the call fails; about half of them arrive as
    /// they should.
    Random(Random),
}

/// A queue that keeps no order: of the messages that are due, any may be next.
#[derive(Debug)]
pub struct MemoryQueue {
    clock: Arc<VirtualClock>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    delivery: Delivery,
    /// Whether a tick is under way.
    sweeping: bool,
    /// Messages whose time has come.
    due: Vec<JobId>,
    /// The others, the first on top.
    later: BinaryHeap<Reverse<(Timestamp, JobId)>>,
}

/// As long as it lives, a tick is under way: messages that are lost otherwise arrive.
pub(crate) struct Sweeping(Arc<MemoryQueue>);

impl Sweeping {
    pub(crate) fn begin(queue: Arc<MemoryQueue>) -> Sweeping {
        lock(&queue.state).sweeping = true;
        Sweeping(queue)
    }
}

impl Drop for Sweeping {
    fn drop(&mut self) {
        lock(&self.0.state).sweeping = false;
    }
}

impl MemoryQueue {
    /// An empty queue that delivers faithfully.
    pub fn new(clock: Arc<VirtualClock>) -> MemoryQueue {
        let state = State {
            delivery: Delivery::Faithful,
            sweeping: false,
            due: Vec::new(),
            later: BinaryHeap::new(),
        };
        MemoryQueue { clock, state: Mutex::new(state) }
    }

    /// What becomes of messages from now on.
    pub fn deliver(&self, delivery: Delivery) {
        lock(&self.state).delivery = delivery;
    }

    /// Takes one of the messages that are due, the one that `random` picks.
    pub fn take(&self, random: &mut Random) -> Option<JobId> {
        let now = self.clock.now();
        let mut state = lock(&self.state);
        while state.later.peek().is_some_and(|Reverse((at, _))| *at <= now)
            && let Some(Reverse((_, job))) = state.later.pop()
        {
            state.due.push(job);
        }
        if state.due.is_empty() {
            return None;
        }
        let picked = random.below(state.due.len());
        Some(state.due.swap_remove(picked))
    }

    /// When the next message is due, if there is one: now or later.
    pub fn next_at(&self) -> Option<Timestamp> {
        let now = self.clock.now();
        let state = lock(&self.state);
        let first = state.later.peek().map(|Reverse((at, _))| now.max(*at));
        if state.due.is_empty() { first } else { Some(now) }
    }
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn wake(&self, jobs: &[(JobId, Duration)]) -> Result<(), Fault> {
        let now = self.clock.now();
        let mut state = lock(&self.state);
        let State { delivery, sweeping, later, .. } = &mut *state;
        let mut send = |job: &JobId, wait| later.push(Reverse((now + wait, job.clone())));
        for (job, wait) in jobs {
            match delivery {
                Delivery::Lost if !*sweeping => {}
                Delivery::Faithful | Delivery::Lost => send(job, *wait),
                Delivery::Doubled => {
                    send(job, *wait);
                    send(job, *wait);
                }
                Delivery::Random(random) => match random.below(20) {
                    0..2 => {}
                    2..5 => {
                        send(job, *wait);
                        send(job, *wait);
                    }
                    5..7 => send(job, Duration::ZERO),
                    7..9 => send(job, *wait + Duration::from_secs(90)),
                    9 => return Err(Fault::transient("the queue did not answer")),
                    _ => send(job, *wait),
                },
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::finish;

    #[track_caller]
    fn check(delivery: Delivery, expected: [usize; 2]) {
        let clock = Arc::new(VirtualClock::new(Timestamp::UNIX_EPOCH, 1));
        let queue = MemoryQueue::new(clock.clone());
        queue.deliver(delivery);
        let job: JobId = "nightly@2026-03-29T02:00:00Z".parse().unwrap();
        let wakes = [(job.clone(), Duration::ZERO), (job, Duration::from_secs(9))];
        finish(queue.wake(&wakes)).unwrap().unwrap();
        let arrived = || {
            let mut random = Random::new(1);
            std::iter::from_fn(|| queue.take(&mut random)).count()
        };
        let at_once = arrived();
        clock.advance(jiff::SignedDuration::from_secs(9));
        assert_eq!([at_once, arrived()], expected);
    }

    #[test]
    fn messages_arrive_when_they_are_due_as_often_as_the_dial_says() {
        check(Delivery::Faithful, [1, 1]);
        check(Delivery::Doubled, [2, 2]);
        check(Delivery::Lost, [0, 0]);
    }
}
