//! Workers in virtual time.
//!
//! Each step polls one of the things that are under way, picked by luck from a seed. Time stands
//! still while anything is under way, unless the cloud itself lets it go by, and otherwise goes
//! on to the next message or to the next full minute, at which a worker ticks as a host does.
//! One thread, no runtime: the same seed and the same calls make the same journal.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex},
};

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{
    AccountPool, Catalog, Clock, Engine, Ports, RunId,
    engine::{Event, Tally},
    events::CloudEvent,
    task::Task,
};

use crate::{
    MemoryJournal, MemoryQueue, Random, VirtualClock, lock,
    queue::Sweeping,
    run::{Polled, poll},
};

const MINUTE: i64 = 60;
/// More polls than this at one instant, and than [`POLLS_PER_JOB`] for each job there is, are
/// work that does not end. A step takes about ten, and three more for each page of a listing.
const MOST_POLLS: usize = 100_000;
const POLLS_PER_JOB: usize = 1_000;

/// Something a worker does. What comes of it is in the journal or nowhere.
type Errand = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Tells what has happened in the cloud since it was asked the last time.
type Herald = Box<dyn FnMut() -> Vec<CloudEvent> + Send>;

/// Events on their way to the engine. One is delivered until an engine has taken it.
#[derive(Default)]
struct Mail {
    waiting: VecDeque<CloudEvent>,
    /// An engine could not take the first one: it comes again after the next tick.
    stalled: bool,
}

/// A clock, a journal, a queue, and workers that share them.
pub struct Rehearsal {
    clock: Arc<VirtualClock>,
    journal: Arc<MemoryJournal>,
    queue: Arc<MemoryQueue>,
    herald: Option<Herald>,
    mail: Arc<Mutex<Mail>>,
    random: Random,
    workers: Vec<Worker>,
    /// `None`: somebody has to tick at once.
    last_tick: Option<Timestamp>,
    deaths: u64,
    /// An instant, and how many polls there were at it.
    polls: (Timestamp, usize),
}

/// An engine, and what it has in hand: one job and one event at a time, and ticks.
struct Worker {
    engine: Engine,
    alive: bool,
    tick: Option<Errand>,
    job: Option<Errand>,
    event: Option<Errand>,
}

impl Worker {
    fn errands(&mut self) -> [&mut Option<Errand>; 3] {
        [&mut self.tick, &mut self.job, &mut self.event]
    }
}

/// Why a rehearsal does not come to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stuck {
    /// Time stands still: something asks to be done again at once, for ever.
    #[error("the work at {at} does not come to an end")]
    Busy {
        /// When.
        at: Timestamp,
    },
    /// Time was up.
    #[error("{open} jobs are still open at {at}")]
    Open {
        /// When it was given up.
        at: Timestamp,
        /// How many jobs.
        open: u64,
    },
}

impl Rehearsal {
    /// An empty journal and queue at `begin`, and nobody to work.
    pub fn new(begin: Timestamp, seed: u64) -> Rehearsal {
        let clock = Arc::new(VirtualClock::new(begin, seed));
        Rehearsal {
            journal: Arc::new(MemoryJournal::default()),
            queue: Arc::new(MemoryQueue::new(clock.clone())),
            clock,
            herald: None,
            mail: Arc::default(),
            random: Random::new(seed),
            workers: Vec::new(),
            last_tick: None,
            deaths: 0,
            polls: (begin, 0),
        }
    }

    /// Draws all luck from another seed.
    pub fn reseed(&mut self, seed: u64) {
        self.random = Random::new(seed);
        self.clock.reseed(seed);
    }

    /// The clock.
    pub fn clock(&self) -> &Arc<VirtualClock> {
        &self.clock
    }

    /// The journal.
    pub fn journal(&self) -> &Arc<MemoryJournal> {
        &self.journal
    }

    /// The queue.
    pub fn queue(&self) -> &Arc<MemoryQueue> {
        &self.queue
    }

    /// So many engines on this clock, journal and queue. The clouds behind `accounts` must answer
    /// without waiting for anything outside: a call that waits is a worker that has died.
    pub fn engines(
        &self,
        workers: usize,
        catalog: Catalog,
        tasks: &[Task],
        accounts: &Arc<dyn AccountPool>,
    ) -> Vec<Engine> {
        let engine = |worker: usize| {
            let ports = Ports {
                clock: self.clock.clone(),
                journal: self.journal.clone(),
                queue: self.queue.clone(),
                accounts: accounts.clone(),
                worker: format!("worker-{worker}"),
            };
            Engine::new(catalog, tasks.to_vec(), ports)
        };
        (1..=workers).map(engine).collect()
    }

    /// From now on these engines work, each as one worker; one of them ticks at once, as a host
    /// does that starts. Whatever others had in hand is dropped.
    pub fn employ(&mut self, engines: impl IntoIterator<Item = Engine>) {
        let worker = |engine| Worker { engine, alive: true, tick: None, job: None, event: None };
        self.workers = engines.into_iter().map(worker).collect();
        self.last_tick = None;
    }

    /// From now on events come from there. It is asked for the new ones whenever somebody works,
    /// which is each minute at least.
    pub fn hear(&mut self, herald: impl FnMut() -> Vec<CloudEvent> + Send + 'static) {
        self.herald = Some(Box::new(herald));
    }

    /// Kills a worker, counted from 0, in the middle of what it does.
    ///
    /// # Panics
    ///
    /// When there is no such worker.
    pub fn crash(&mut self, worker: usize) {
        let worker = &mut self.workers[worker];
        worker.alive = false;
        worker.errands().into_iter().for_each(|it| *it = None);
    }

    /// Starts a worker again, counted from 0, under its old name. If nobody has ticked in this
    /// minute, somebody does so at once.
    ///
    /// # Panics
    ///
    /// When there is no such worker.
    pub fn restart(&mut self, worker: usize) {
        self.workers[worker].alive = true;
    }

    /// How many steps and ticks have waited for what never comes. Their worker died and was
    /// started again at once.
    pub fn deaths(&self) -> u64 {
        self.deaths
    }

    /// When something happens next: now or later. `None` when nobody is there to do it.
    pub fn next_at(&self) -> Option<Timestamp> {
        let now = self.clock.now();
        if self.workers.iter().all(|worker| !worker.alive) {
            return None;
        }
        if self.under_way() > 0 {
            return Some(now);
        }
        let tick = self.next_tick().max(now);
        Some(self.queue.next_at().map_or(tick, |message| message.min(tick)))
    }

    /// Lets time go on to when something happens next, and does one bit of it: as much as a
    /// worker does before others may go on.
    pub fn step(&mut self) {
        let Some(next) = self.next_at() else { return };
        self.clock.forward_to(next);
        self.hand_out();
        let picked = self.random.below(self.under_way());
        let under_way = self.workers.iter_mut().flat_map(Worker::errands);
        let mut under_way = under_way.filter(|it| it.is_some());
        let Some(slot) = under_way.nth(picked) else { return };
        let polled = slot.as_mut().map(|errand| poll(errand.as_mut()));
        match polled {
            Some(Polled::GoesOn) | None => {}
            Some(Polled::Ended(())) => *slot = None,
            Some(Polled::Dead) => {
                *slot = None;
                self.deaths += 1;
            }
        }
        let now = self.clock.now();
        self.polls = if self.polls.0 == now { (now, self.polls.1 + 1) } else { (now, 1) };
    }

    /// Does all that happens until an instant, and what is due at it.
    pub fn run_until(&mut self, until: Timestamp) -> Result<(), Stuck> {
        while self.next_at().is_some_and(|next| next <= until) {
            self.step_on()?;
        }
        self.clock.forward_to(until);
        Ok(())
    }

    /// Lets time go on until no job is open, no message is left and nothing is under way.
    /// Scheduled tasks start meanwhile, as ever.
    pub fn run_to_the_end(&mut self, give_up_at: Timestamp) -> Result<(), Stuck> {
        self.run_while(give_up_at, |it| {
            let open = it.journal.open() as u64;
            let mail = !lock(&it.mail).waiting.is_empty();
            let busy = it.under_way() > 0 || it.queue.next_at().is_some() || mail;
            (open > 0 || busy).then_some(open)
        })
    }

    /// Lets time go on until no job of these runs is open.
    pub fn run_to_the_end_of(
        &mut self,
        runs: &[RunId],
        give_up_at: Timestamp,
    ) -> Result<(), Stuck> {
        self.run_while(give_up_at, |it| {
            let mut tally = Tally::default();
            runs.iter().for_each(|run| tally.add(&it.journal.tally_of(run)));
            let open = tally.all().open;
            (open > 0).then_some(open)
        })
    }

    /// Steps while something is left, and is told how many jobs are open then.
    fn run_while(
        &mut self,
        give_up_at: Timestamp,
        left: impl Fn(&Rehearsal) -> Option<u64>,
    ) -> Result<(), Stuck> {
        while let Some(open) = left(self) {
            if self.next_at().is_none_or(|next| next > give_up_at) {
                return Err(Stuck::Open { at: self.clock.now(), open });
            }
            self.step_on()?;
        }
        Ok(())
    }

    fn step_on(&mut self) -> Result<(), Stuck> {
        self.step();
        let (at, polls) = self.polls;
        if polls > MOST_POLLS && polls > POLLS_PER_JOB * self.journal.len() {
            return Err(Stuck::Busy { at });
        }
        Ok(())
    }

    fn under_way(&self) -> usize {
        let slots = self.workers.iter().flat_map(|it| [&it.tick, &it.job, &it.event]);
        slots.filter(|it| it.is_some()).count()
    }

    fn next_tick(&self) -> Timestamp {
        self.last_tick.map_or(Timestamp::MIN, |tick| {
            full_minute(tick.saturating_add(SignedDuration::from_nanos(1)).unwrap_or(tick))
        })
    }

    /// Gives each idle worker one of the messages that are due, and the tick, if it is time, and
    /// the next event, if there is one, to the first that is alive.
    fn hand_out(&mut self) {
        let now = self.clock.now();
        if self.next_tick() <= now
            && self.workers.iter().all(|it| it.tick.is_none())
            && let Some(worker) = self.workers.iter_mut().find(|it| it.alive)
        {
            self.last_tick = Some(now);
            lock(&self.mail).stalled = false;
            let engine = worker.engine.clone();
            let sweeping = Sweeping::begin(self.queue.clone());
            worker.tick = Some(Box::pin(async move {
                // A tick that failed comes again in a minute.
                drop(engine.tick().await);
                drop(sweeping);
            }));
        }
        self.hand_out_event();
        for worker in self.workers.iter_mut().filter(|it| it.alive && it.job.is_none()) {
            let Some(job) = self.queue.take(&mut self.random) else { return };
            let engine = worker.engine.clone();
            // Whether it works, fails or dies: the message is gone. The journal alone must be
            // enough to go on.
            worker.job = Some(Box::pin(async move { drop(engine.advance(&job).await) }));
        }
    }

    fn hand_out_event(&mut self) {
        let news = self.herald.as_mut().map(|herald| herald()).unwrap_or_default();
        let mut waiting = lock(&self.mail);
        waiting.waiting.extend(news);
        if waiting.stalled || self.workers.iter().any(|it| it.event.is_some()) {
            return;
        }
        let Some(event) = waiting.waiting.front().cloned() else { return };
        let Some(worker) = self.workers.iter_mut().find(|it| it.alive) else { return };
        let (engine, mail) = (worker.engine.clone(), self.mail.clone());
        worker.event = Some(Box::pin(async move {
            let taken = engine.event(Event::Cloud(event)).await.is_ok();
            let mut mail = lock(&mail);
            match taken {
                true => drop(mail.waiting.pop_front()),
                false => mail.stalled = true,
            }
        }));
    }
}

/// The first full minute that is not before `at`.
fn full_minute(at: Timestamp) -> Timestamp {
    let second = at.as_second() + i64::from(at.subsec_nanosecond() > 0);
    let minute = second + (MINUTE - second.rem_euclid(MINUTE)) % MINUTE;
    Timestamp::from_second(minute).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(at: &str, expected: &str) {
        let instant = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(full_minute(instant(at)), instant(expected), "{at}");
    }

    #[test]
    fn a_full_minute_is_its_own() {
        check("2026-03-29T01:59:00Z", "2026-03-29T01:59:00Z");
        check("2026-03-29T01:59:00.000000001Z", "2026-03-29T02:00:00Z");
        check("2026-03-29T01:59:59.9Z", "2026-03-29T02:00:00Z");
        check("1969-12-31T23:58:01Z", "1969-12-31T23:59:00Z");
    }
}
