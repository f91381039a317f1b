//! Workers in virtual time.
//!
//! Each step of the loop polls one of the workers that are busy, picked by the world's luck. Time
//! stands still while a worker is busy, and goes on to the next message or sweep when none is.

use std::pin::Pin;

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{Clock, Engine};
use lamplighter_rehearsal::{Polled, Sweeping, poll};

use crate::World;

/// Something a worker does. What comes of it is in the journal or nowhere.
type Errand = Pin<Box<dyn Future<Output = ()>>>;

/// More polls than this in one go is work that does not end.
const MOST_POLLS: usize = 1_000_000;
/// Jobs that are open for longer than this never end: the longest queue is a week.
const LONGEST_RUN: SignedDuration = SignedDuration::from_hours(24 * 8);
const MINUTE: i64 = 60;

impl World {
    /// Runs errands, and the messages that are due, until every worker is idle. Each engine is
    /// a worker.
    pub(crate) fn work(&mut self, engines: &[Engine], errands: Vec<Errand>) {
        let mut busy: Vec<(Option<usize>, Errand)> =
            errands.into_iter().map(|errand| (None, errand)).collect();
        for _ in 0..MOST_POLLS {
            for (worker, engine) in engines.iter().enumerate() {
                if busy.iter().any(|(it, _)| *it == Some(worker)) {
                    continue;
                }
                let Some(job) = self.queue.take(&mut self.random) else { break };
                let engine = engine.clone();
                // Whether it worked, failed or died: the message is gone. The journal alone
                // must be enough to go on.
                busy.push((
                    Some(worker),
                    Box::pin(async move { drop(engine.advance(&job).await) }),
                ));
            }
            if busy.is_empty() {
                return;
            }
            let next = self.random.below(busy.len());
            if !matches!(poll(busy[next].1.as_mut()), Polled::GoesOn) {
                drop(busy.swap_remove(next));
            }
        }
        panic!("the work does not come to an end:\n{}", self.records());
    }

    /// Ticks once, at the time it is, and does what is due then.
    pub fn tick(&mut self, engines: &[Engine]) {
        self.last_tick = Some(self.clock.now());
        let engine = engines[0].clone();
        let sweeping = Sweeping::begin(self.queue.clone());
        let ticking = async move {
            drop(engine.tick().await);
            drop(sweeping);
        };
        self.work(engines, vec![Box::pin(ticking)]);
    }

    /// Lets time go on until no job is open and no message is left. Ticks are left out where
    /// they would find nothing to do.
    pub fn run_to_the_end(&mut self, engines: &[Engine]) {
        let give_up_at = self.clock.now() + LONGEST_RUN;
        self.work(engines, Vec::new());
        while let Some((next, ticks)) = self.next_event() {
            assert!(next < give_up_at, "jobs stay open:\n{}", self.records());
            self.clock.set(next.max(self.clock.now()));
            if ticks {
                self.tick(engines);
            } else {
                self.work(engines, Vec::new());
            }
        }
    }

    /// Lets time go on, with a tick in each minute, until an instant.
    pub fn run_until(&mut self, engines: &[Engine], until: Timestamp) {
        while self.clock.now() < until {
            let tick = full_minute(self.clock.now() + SignedDuration::from_nanos(1));
            match self.queue.next_at().filter(|message| *message < tick) {
                Some(message) => {
                    self.clock.set(message.max(self.clock.now()));
                    self.work(engines, Vec::new());
                }
                None => {
                    self.clock.set(tick);
                    self.tick(engines);
                }
            }
        }
    }

    /// When something happens next, and whether that is a tick.
    fn next_event(&self) -> Option<(Timestamp, bool)> {
        let sweep = self.journal.next_wake().map(|wake| {
            let least = self.last_tick.map(|tick| tick + SignedDuration::from_secs(MINUTE));
            full_minute(wake.max(self.clock.now())).max(least.unwrap_or(wake))
        });
        match (self.queue.next_at(), sweep) {
            (Some(message), Some(sweep)) if sweep < message => Some((sweep, true)),
            (Some(message), _) => Some((message, false)),
            (None, sweep) => Some((sweep?, true)),
        }
    }
}

/// The first full minute that is not before `at`.
fn full_minute(at: Timestamp) -> Timestamp {
    let second = at.as_second() + i64::from(at.subsec_nanosecond() > 0);
    let minute = second + (MINUTE - second.rem_euclid(MINUTE)) % MINUTE;
    Timestamp::from_second(minute).unwrap_or(Timestamp::MAX)
}
