//! The host for a queue that others work on as well: takes messages as it has room for them,
//! until it is asked to stop.

use std::{convert::Infallible, future::Future, pin::pin, sync::Arc, time::Duration};

use jiff::Timestamp;
use lamplighter_core::{
    Doing, Engine, Fault, FaultKind,
    engine::{Inbox, Message},
};
use tokio::{
    sync::{
        OwnedSemaphorePermit, Semaphore,
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    },
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::warn;

use crate::{
    asked,
    local::{DRAIN, unless},
};

/// Most messages that SQS hands out, or takes away, in one call.
const BATCH: usize = 10;
/// How often a message is hidden anew while a step on it takes long. SQS hides it for 30 seconds
/// when nobody has set anything else.
const HIDE_EVERY: Duration = Duration::from_secs(20);
/// For how long it is hidden then.
const HIDDEN: Duration = Duration::from_secs(60);
/// How long the poll under way may take when the host is asked to stop: with messages there it
/// ends at once, and they are given back; without any there is nothing to give back.
const LAST_POLL: Duration = Duration::from_secs(1);
/// How long what was done may take to be said when the host is asked to stop.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// The longest wait for a queue that does not answer.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// All hosts tick within so many seconds of the full minute, so that mostly one does and the
/// others find it done.
const TICKS_WITHIN: f64 = 5.0;

/// Who looks at the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ticks {
    /// This host, each minute, unless another one has.
    EachMinute,
    /// Somebody else.
    Elsewhere,
}

/// Takes messages from an inbox that other hosts may share.
pub(crate) struct Worker {
    engine: Engine,
    inbox: Arc<dyn Inbox>,
    steps: Arc<Semaphore>,
    in_flight: TaskTracker,
}

impl Worker {
    /// A worker that takes at most `concurrency` steps at a time.
    pub(crate) fn new(engine: Engine, inbox: Arc<dyn Inbox>, concurrency: u16) -> Worker {
        Worker {
            engine,
            inbox,
            steps: Arc::new(Semaphore::new(concurrency.into())),
            in_flight: TaskTracker::new(),
        }
    }

    /// Works, and ticks if it is to, until `stop`, or until the inbox cannot be used.
    pub(crate) async fn run(&self, stop: &CancellationToken, ticks: Ticks) -> Result<(), Fault> {
        let ended = stop.child_token();
        let work = async {
            let result = self.work(&ended).await;
            ended.cancel();
            result
        };
        let tick = async {
            if ticks == Ticks::EachMinute {
                self.tick(&ended).await;
            }
        };
        tokio::join!(work, tick).0
    }

    /// Does what messages ask for, until `stop`, or until the inbox cannot be used. The steps in
    /// flight are finished; whatever else is open is in the journal.
    async fn work(&self, stop: &CancellationToken) -> Result<(), Fault> {
        let (done, all_done) = unbounded_channel();
        let taking_away = tokio::spawn(take_away(Arc::clone(&self.inbox), all_done));
        let result = self.receive(stop, &done).await;
        self.in_flight.close();
        if timeout(DRAIN, self.in_flight.wait()).await.is_err() {
            warn!("steps were cut off: their leases end in two minutes, then they go on");
        }
        drop(done);
        // What is not said in time is received again, and found done.
        let _ = timeout(LAST_WORDS, taking_away).await;
        result
    }

    /// Ticks each minute until `stop`, the first time at once.
    async fn tick(&self, stop: &CancellationToken) {
        let clock = &self.engine.ports().clock;
        loop {
            match unless(stop, self.engine.tick_once_a_minute()).await {
                Some(Ok(())) => {}
                Some(Err(fault)) => {
                    warn!(fault = ?fault.kind, message = fault.chain(), "this tick failed; the next makes up for it");
                }
                None => return,
            }
            let wait = until_next_tick(clock.now(), clock.jitter());
            if unless(stop, sleep(wait)).await.is_none() {
                return;
            }
        }
    }

    /// Receives as many messages as there is room for, and begins them all.
    async fn receive(
        &self,
        stop: &CancellationToken,
        done: &UnboundedSender<String>,
    ) -> Result<(), Fault> {
        let mut failures = 0;
        while let Some(room) = unless(stop, self.room()).await {
            let mut poll = pin!(self.inbox.receive(room.len()));
            let received = tokio::select! {
                biased;
                received = &mut poll => received,
                () = stop.cancelled() => {
                    if let Ok(Ok(late)) = timeout(LAST_POLL, poll).await {
                        self.give_back(late).await;
                    }
                    return Ok(());
                }
            };
            match received {
                Ok(messages) => {
                    failures = 0;
                    for (message, permit) in messages.into_iter().zip(room) {
                        self.begin(message, permit, done.clone());
                    }
                }
                Err(fault) if passes(&fault) => {
                    let wait = LONGEST_WAIT.min(Duration::from_secs(1 << failures.min(10)));
                    failures += 1;
                    warn!(message = fault.chain(), ?wait, "receiving failed; it is tried again");
                    unless(stop, sleep(wait)).await;
                }
                Err(fault) => return Err(fault).doing("receiving from the queue"),
            }
        }
        Ok(())
    }

    /// Room for one step, as soon as there is some, and for as many more as there is at once.
    async fn room(&self) -> Vec<OwnedSemaphorePermit> {
        let first = Arc::clone(&self.steps).acquire_owned().await;
        let more = std::iter::from_fn(|| Arc::clone(&self.steps).try_acquire_owned().ok());
        first.into_iter().chain(more).take(BATCH).collect()
    }

    async fn give_back(&self, messages: Vec<Message>) {
        for message in messages {
            if let Err(fault) = self.inbox.extend(&message.receipt, Duration::ZERO).await {
                // It comes back by itself, later.
                warn!(message = fault.chain(), "a message was not given back");
            }
        }
    }

    /// Begins what a message asks for. One that nobody understands is left for the queue to put
    /// aside.
    fn begin(&self, message: Message, room: OwnedSemaphorePermit, done: UnboundedSender<String>) {
        let asked = match asked::message(&message.body) {
            Ok(asked) => asked,
            Err(why) => {
                if message.received <= 1 {
                    warn!("a message is left for the dead-letter queue: {why}");
                }
                return;
            }
        };
        let (engine, inbox) = (self.engine.clone(), Arc::clone(&self.inbox));
        self.in_flight.spawn(async move {
            let work = asked.done_or_logged(&engine, Duration::MAX);
            if while_hidden(&*inbox, &message.receipt, work).await {
                // Whoever takes it away is there as long as this is.
                let _ = done.send(message.receipt);
            }
            drop(room);
        });
    }
}

/// Hides the message from others for as long as the work takes.
async fn while_hidden<T>(inbox: &dyn Inbox, receipt: &str, work: impl Future<Output = T>) -> T {
    let hiding = async {
        loop {
            sleep(HIDE_EVERY).await;
            if let Err(fault) = inbox.extend(receipt, HIDDEN).await {
                // Others may get it now; the lease of the job keeps them off.
                warn!(message = fault.chain(), "a message was not hidden for longer");
            }
        }
    };
    let never: Infallible = tokio::select! {
        done = work => return done,
        never = hiding => never,
    };
    match never {}
}

/// Takes away what was done, as much of it at once as there is.
async fn take_away(inbox: Arc<dyn Inbox>, mut done: UnboundedReceiver<String>) {
    let mut receipts = Vec::new();
    while done.recv_many(&mut receipts, BATCH).await > 0 {
        if let Err(fault) = inbox.done(&receipts).await {
            warn!(message = fault.chain(), "messages were not taken away; they come again");
        }
        receipts.clear();
    }
}

/// Whether it may work again by itself.
fn passes(fault: &Fault) -> bool {
    matches!(fault.kind, FaultKind::Transient | FaultKind::Throttled)
}

/// From `now` to soon after the next full minute.
fn until_next_tick(now: Timestamp, jitter: f64) -> Duration {
    let into = now.as_millisecond().rem_euclid(60_000).unsigned_abs();
    Duration::from_millis(60_000 - into) + Duration::from_secs_f64(jitter * TICKS_WITHIN)
}

#[cfg(test)]
mod tests;
