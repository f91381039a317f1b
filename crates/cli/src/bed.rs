//! What tests of hosts stand on: an engine whose queue is in memory and whose steps last as long
//! as the test wants.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use lamplighter_catalog::ACTIONS;
use lamplighter_config::Source;
use lamplighter_core::{
    AccountId, AccountPool, Engine, Fault, JobId, Place, Ports, Queue, Region, Scope,
    cloud::Session,
    engine::{Event, Inbox, Message, Planner},
    job::State,
    task::Task,
};
use lamplighter_rehearsal::{MemoryJournal, VirtualClock};
use tokio::{
    sync::{Notify, Semaphore},
    time::{Instant, sleep, timeout},
};

/// When tests begin.
const BEGIN: Timestamp = Timestamp::constant(1_772_416_800, 0);
/// How long an empty poll takes, and how long a message is hidden at first.
const POLL: Duration = Duration::from_secs(20);
const HIDDEN: Duration = Duration::from_secs(30);
/// How often a message is received before it is put aside.
const MOST_RECEIVED: u32 = 3;

const CONFIG: &str = "accounts:
  hub: { id: \"111122223333\", regions: [eu-west-1, eu-west-2, eu-west-3, eu-north-1, eu-south-1,
    eu-south-2, eu-central-1, eu-central-2, us-east-1, us-east-2, us-west-1, us-west-2] }
tasks:
  nightly:
    action: ebs.snapshot.create
    schedule: { every: 1m }
    accounts: all
    select: { tags: { backup: daily } }
  weekly:
    action: ebs.snapshot.create
    enabled: false
    accounts: all
    select: { tags: { backup: weekly } }
";

/// An engine with a task that has twelve places, and its outside world.
pub(crate) struct Bed {
    pub(crate) engine: Engine,
    pub(crate) planner: Planner,
    pub(crate) journal: Arc<MemoryJournal>,
    pub(crate) clock: Arc<VirtualClock>,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) accounts: Arc<Closed>,
}

impl Bed {
    /// Nothing has happened, and steps take no time.
    pub(crate) fn new() -> Bed {
        let clock = Arc::new(VirtualClock::new(BEGIN, 1));
        let journal = Arc::new(MemoryJournal::default());
        let mailbox = Arc::new(Mailbox::default());
        let accounts = Arc::new(Closed::default());
        accounts.room.add_permits(Semaphore::MAX_PERMITS / 2);
        let ports = Ports {
            clock: clock.clone(),
            journal: journal.clone(),
            queue: mailbox.clone(),
            accounts: accounts.clone(),
            worker: "worker-1".to_owned(),
        };
        let planner = Planner::new(ACTIONS, accounts.clone());
        let engine = Engine::new(ACTIONS, tasks(), ports);
        Bed { engine, planner, journal, clock, mailbox, accounts }
    }

    /// From now on each step in an account waits until [`Closed::let_go`].
    pub(crate) fn slow(self) -> Bed {
        self.accounts.room.forget_permits(usize::MAX);
        self
    }

    /// Asks for a run, and takes its first step and that of its account: twelve messages, one for
    /// each place.
    pub(crate) async fn spread(&self) {
        let before = self.mailbox.len();
        let event = Event::Run { task: "nightly".parse().unwrap(), at: BEGIN };
        self.engine.event(event).await.unwrap();
        for _ in ["the run", "its account"] {
            let message = self.mailbox.take_out();
            self.engine.advance(&message.parse().unwrap()).await.unwrap();
        }
        assert_eq!(self.mailbox.len(), before + 12);
    }

    /// How many jobs of places are in this state.
    pub(crate) fn places(&self, state: State) -> usize {
        let is_of_place = |id: &JobId| id.as_str().matches('/').count() == 2;
        let jobs = self.journal.all().into_iter();
        jobs.filter(|it| is_of_place(&it.id) && it.status.state() == state).count()
    }
}

fn tasks() -> Vec<Task> {
    let source = Source::new("tasks.yaml", CONFIG);
    lamplighter_config::load(&[source], ACTIONS, &|_| Err(String::new())).unwrap().tasks
}

/// Accounts of which every region is closed: a step in one of them is over, and has failed, as
/// soon as it is let go.
#[derive(Debug)]
pub(crate) struct Closed {
    room: Semaphore,
    inside: AtomicUsize,
    most: AtomicUsize,
}

impl Default for Closed {
    fn default() -> Closed {
        let zero = || AtomicUsize::new(0);
        Closed { room: Semaphore::new(0), inside: zero(), most: zero() }
    }
}

impl Closed {
    /// Lets so many steps go.
    pub(crate) fn let_go(&self, steps: usize) {
        self.room.add_permits(steps);
    }

    /// How many steps are under way.
    pub(crate) fn inside(&self) -> usize {
        self.inside.load(Ordering::SeqCst)
    }

    /// How many were under way at the same time, at most.
    pub(crate) fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}

/// Counts a step while it is under way, even if it is cut off.
struct Inside<'a>(&'a AtomicUsize);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl AccountPool for Closed {
    async fn scope(&self, place: &Place, _: &Session) -> Result<Arc<dyn Scope>, Fault> {
        let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
        let _inside = Inside(&self.inside);
        self.most.fetch_max(inside, Ordering::SeqCst);
        self.room.acquire().await.unwrap().forget();
        Err(Fault::permanent(format!("{place} is closed")))
    }

    async fn can_enter(&self, _: &Place, _: &Session) -> Result<(), Fault> {
        Ok(())
    }

    async fn regions(&self, account: &AccountId, _: &Session) -> Result<Vec<Region>, Fault> {
        Err(Fault::permanent(format!("{account} is closed")))
    }
}

/// Both ends of a queue in memory that behaves like SQS, in the time of the runtime.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    state: Mutex<Messages>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Messages {
    all: VecDeque<Letter>,
    put_aside: Vec<String>,
    /// What receiving answers from now on instead, for so many times.
    broken: VecDeque<Fault>,
    /// Nothing can be put in any more.
    is_lost: bool,
    receipts: u64,
    polls: usize,
    removals: Vec<usize>,
}

#[derive(Debug)]
struct Letter {
    body: String,
    receipt: String,
    received: u32,
    hidden_until: Instant,
}

impl Mailbox {
    fn state(&self) -> MutexGuard<'_, Messages> {
        self.state.lock().unwrap()
    }

    /// Puts a message in.
    pub(crate) fn put(&self, body: &str, delay: Duration) {
        self.state().all.push_back(Letter {
            body: body.to_owned(),
            receipt: String::new(),
            received: 0,
            hidden_until: Instant::now() + delay,
        });
        self.arrived.notify_waiters();
    }

    /// Receiving fails with these first.
    pub(crate) fn break_with(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state().broken.extend(faults);
    }

    /// From now on nothing can be put in.
    pub(crate) fn lose(&self) {
        self.state().is_lost = true;
    }

    /// Takes the last message out, past all rules.
    fn take_out(&self) -> String {
        self.state().all.pop_back().unwrap().body
    }

    /// What all messages say.
    pub(crate) fn bodies(&self) -> Vec<String> {
        self.state().all.iter().map(|it| it.body.clone()).collect()
    }

    /// How many messages are not hidden.
    pub(crate) fn waiting(&self) -> usize {
        let now = Instant::now();
        self.state().all.iter().filter(|it| it.hidden_until <= now).count()
    }

    /// How many messages there are, hidden or not.
    pub(crate) fn len(&self) -> usize {
        self.state().all.len()
    }

    /// What nobody could do.
    pub(crate) fn put_aside(&self) -> Vec<String> {
        self.state().put_aside.clone()
    }

    /// How often somebody has asked for messages.
    pub(crate) fn polls(&self) -> usize {
        self.state().polls
    }

    /// How many messages each call took away.
    pub(crate) fn removals(&self) -> Vec<usize> {
        self.state().removals.clone()
    }
}

#[async_trait]
impl Queue for Mailbox {
    async fn wake(&self, jobs: &[(JobId, Duration)]) -> Result<(), Fault> {
        if self.state().is_lost {
            return Err(Fault::transient("the queue is lost"));
        }
        for (job, delay) in jobs {
            self.put(job.as_str(), *delay);
        }
        Ok(())
    }
}

impl Messages {
    fn hand_out(&mut self, most: usize) -> Vec<Message> {
        let now = Instant::now();
        let (gone, left): (VecDeque<Letter>, _) = std::mem::take(&mut self.all)
            .into_iter()
            .partition(|it| it.received >= MOST_RECEIVED && it.hidden_until <= now);
        self.all = left;
        self.put_aside.extend(gone.into_iter().map(|it| it.body));
        let mut receipts = self.receipts;
        let there = self.all.iter_mut().filter(|it| it.hidden_until <= now).take(most);
        let handed_out = there.map(|it| {
            receipts += 1;
            it.receipt = format!("receipt-{receipts}");
            it.received += 1;
            it.hidden_until = now + HIDDEN;
            Message { body: it.body.clone(), receipt: it.receipt.clone(), received: it.received }
        });
        let handed_out = handed_out.collect();
        self.receipts = receipts;
        handed_out
    }
}

#[async_trait]
impl Inbox for Mailbox {
    async fn receive(&self, most: usize) -> Result<Vec<Message>, Fault> {
        assert!((1..=10).contains(&most), "SQS hands out one to ten messages, not {most}");
        self.state().polls += 1;
        if let Some(fault) = self.state().broken.pop_front() {
            return Err(fault);
        }
        let until = Instant::now() + POLL;
        loop {
            let arrived = self.arrived.notified();
            let messages = self.state().hand_out(most);
            if !messages.is_empty() || Instant::now() >= until {
                return Ok(messages);
            }
            // Something may have become visible meanwhile.
            let _ = timeout(Duration::from_millis(500), arrived).await;
        }
    }

    async fn done(&self, receipts: &[String]) -> Result<(), Fault> {
        sleep(Duration::from_millis(10)).await;
        let mut state = self.state();
        state.removals.push(receipts.len());
        state.all.retain(|it| !receipts.contains(&it.receipt));
        Ok(())
    }

    async fn extend(&self, receipt: &str, hidden: Duration) -> Result<(), Fault> {
        let mut state = self.state();
        let letter = state.all.iter_mut().find(|it| it.receipt == receipt);
        letter.ok_or_else(|| Fault::permanent("no such receipt"))?.hidden_until =
            Instant::now() + hidden;
        Ok(())
    }
}
