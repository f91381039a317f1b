//! The host for one machine: takes steps, a bounded number at a time, until there is nothing to
//! do or it is asked to stop.

use std::{future::Future, io, sync::Arc, time::Duration};

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::{
    sync::Semaphore,
    time::{Instant, MissedTickBehavior, interval_at, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::warn;

use crate::{asked::Asked, exit::Failure, output, state::Local};

/// Between two ticks. Once a minute would do for schedules; jobs of another process, or of one
/// that died, are noticed sooner.
const TICK: Duration = Duration::from_secs(10);
/// How long the steps in flight may take when the host is asked to stop.
pub(crate) const DRAIN: Duration = Duration::from_secs(60);

/// What a host says when it is asked to stop.
pub(crate) const STOPPING: &str =
    "stopping: finishing the steps in flight; once more to stop at once";

/// Takes steps on one machine.
pub(crate) struct LocalHost<'s> {
    local: &'s Local,
    steps: Arc<Semaphore>,
    in_flight: TaskTracker,
}

impl LocalHost<'_> {
    /// A host that takes at most `concurrency` steps at a time.
    pub(crate) fn new(local: &Local, concurrency: u16) -> LocalHost<'_> {
        LocalHost {
            local,
            steps: Arc::new(Semaphore::new(concurrency.into())),
            in_flight: TaskTracker::new(),
        }
    }

    /// Advances every job the queue names, until `stop`. The steps in flight are finished;
    /// whatever else is open is in the journal.
    pub(crate) async fn work(&self, stop: &CancellationToken) {
        while let Some(id) = unless(stop, self.local.queue.next()).await {
            let permit = unless(stop, Arc::clone(&self.steps).acquire_owned()).await;
            let Some(Ok(permit)) = permit else { break };
            let engine = self.local.engine.clone();
            self.in_flight.spawn(async move {
                // What fails is made up for by the sweep: the journal knows the job.
                Asked::Look(id).done_or_logged(&engine, Duration::MAX).await;
                drop(permit);
            });
        }
        self.in_flight.close();
        if timeout(DRAIN, self.in_flight.wait()).await.is_err() {
            warn!("steps were cut off: their leases end in two minutes, then they go on");
        }
    }

    /// Ticks until `stop`, the first time at once.
    pub(crate) async fn tick(&self, stop: &CancellationToken) {
        let mut ticks = interval_at(Instant::now(), TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while unless(stop, ticks.tick()).await.is_some() {
            if let Err(fault) = self.local.release_dead(jiff::Timestamp::now()).await {
                warn!(message = fault.chain(), "leases of dead processes were not ended");
            }
            if let Err(fault) = self.local.engine.tick().await {
                warn!(fault = ?fault.kind, message = fault.chain(), "this tick failed; the next makes up for it");
            }
        }
    }
}

/// What comes of a future, unless it is stopped first.
pub(crate) async fn unless<T>(
    stop: &CancellationToken,
    work: impl Future<Output = T>,
) -> Option<T> {
    stop.run_until_cancelled(work).await
}

/// A token that is cancelled by the first SIGINT or SIGTERM, which then no longer ends the
/// program: it says `stopping` instead. A second one ends the program at once.
pub(crate) fn stop_signal(stopping: &'static str) -> Result<CancellationToken, Failure> {
    let mut signals = Signals::new()
        .map_err(|error| Failure::io("listening for the signals that end this program", &error))?;
    let stop = CancellationToken::new();
    let signalled = stop.clone();
    tokio::spawn(async move {
        signals.next().await;
        output::note(stopping);
        signalled.cancel();
        signals.next().await;
        std::process::exit(130);
    });
    Ok(stop)
}

/// The signals that ask a program to end.
#[cfg(unix)]
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Signals> {
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// The signals that ask a program to end.
#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn new() -> io::Result<Signals> {
        tokio::signal::windows::ctrl_c().map(Signals)
    }

    async fn next(&mut self) {
        self.0.recv().await;
    }
}
