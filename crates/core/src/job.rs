//! The life of a job, as a pure state machine.
//!
//! A worker [leases](Job::leased) a job, takes a step, and [settles](Job::settled) it. Both are
//! functions from one form of the job to the next; the journal writes the next form if nobody
//! else was faster.

mod work;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Fault, FaultKind, JobId, RunId, retry};

pub use work::{PlannedPlace, PlannedTarget, Work, WorkKind};

/// How long a worker holds a job for one step. Longer than any step takes: a step is a few
/// calls, and a long listing renews its lease between pages.
pub const LEASE: SignedDuration = SignedDuration::from_mins(2);

/// The longest time a job waits at a gate before it fails.
pub const LONGEST_QUEUE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The durable record of one piece of work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Job {
    /// Computed from what it is for.
    pub id: JobId,
    /// What it is for.
    pub work: Work,
    /// Whether it is open, or how it ended.
    pub status: Status,
    /// Attempts spent on faults since the last successful step.
    pub attempts: u32,
    /// Throttled tries since the last successful step. They spend no attempts.
    pub throttled: u32,
    /// How often the step that comes next was tried.
    pub tried: Tried,
    /// The gate it waits at.
    pub waiting_at: Option<String>,
    /// When somebody should look at this job again. `None` only when the job is closed.
    pub wake_at: Option<Timestamp>,
    /// Who holds it.
    pub lease: Option<Lease>,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// How long the work may take, without the time in a queue.
    pub timeout: SignedDuration,
    /// When it has failed if it is still open.
    pub deadline: Timestamp,
    /// When it ended.
    pub closed_at: Option<Timestamp>,
    /// Grows by one with each write.
    pub version: u64,
}

/// How often a step was begun. It may have taken effect each time, whatever became of the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// How many times.
    pub times: u32,
    /// The last time.
    pub last: Option<Timestamp>,
}

/// A worker's claim on a job. When it ends, anybody may take the job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The worker.
    pub holder: String,
    /// The end.
    pub until: Timestamp,
}

/// Whether a job is open, or how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Work is left.
    Open,
    /// It was done.
    Succeeded {
        /// What was done.
        summary: String,
    },
    /// It could not be done.
    Failed {
        /// The kind of fault.
        kind: FaultKind,
        /// What went wrong and why.
        message: String,
    },
    /// There was nothing to do, or it was not to be done.
    Skipped {
        /// Why.
        reason: String,
    },
    /// It was given up before it was begun.
    Stopped {
        /// Why.
        reason: String,
    },
}

/// The name of a [`Status`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// See [`Status::Open`].
    Open,
    /// See [`Status::Succeeded`].
    Succeeded,
    /// See [`Status::Failed`].
    Failed,
    /// See [`Status::Skipped`].
    Skipped,
    /// See [`Status::Stopped`].
    Stopped,
}

/// Whether a worker may take a step now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Yes.
    Go,
    /// It is closed, leased by someone else, or not due yet.
    NotNow,
}

/// What came of a step, as the engine sees it.
#[derive(Debug, PartialEq)]
pub enum Outcome {
    /// The job is finished.
    Done(String),
    /// There was nothing to do.
    Skipped(String),
    /// It is given up before it was begun.
    Stopped(String),
    /// Take the next step after `wait`.
    Again {
        /// What to remember.
        state: Value,
        /// How long to wait.
        wait: Duration,
    },
    /// Nothing was tried: take the same step after `wait`.
    Later {
        /// How long to wait.
        wait: Duration,
    },
    /// A gate is full: take the same step when it has room, or after `wait`.
    Waiting {
        /// The gate.
        gate: String,
        /// How long to wait at most.
        wait: Duration,
    },
}

impl Job {
    /// An open job, to be looked at from `wake_at` on.
    pub fn new(
        id: JobId,
        work: Work,
        now: Timestamp,
        wake_at: Timestamp,
        timeout: SignedDuration,
    ) -> Job {
        Job {
            id,
            work,
            status: Status::Open,
            attempts: 0,
            throttled: 0,
            tried: Tried::default(),
            waiting_at: None,
            wake_at: Some(wake_at),
            lease: None,
            created_at: now,
            timeout,
            deadline: later(wake_at.max(now), timeout),
            closed_at: None,
            version: 0,
        }
    }

    /// A record that is closed from the start: something that was due and is not worked on.
    pub fn record(id: JobId, work: Work, status: Status, now: Timestamp) -> Job {
        Job {
            wake_at: None,
            closed_at: Some(now),
            status,
            ..Job::new(id, work, now, now, SignedDuration::ZERO)
        }
    }

    /// The run it belongs to.
    pub fn run(&self) -> RunId {
        self.id.run()
    }

    /// Whether a worker may take a step now. A job that waits at a gate may be looked at at any
    /// time: room may have been made.
    pub fn admit(&self, now: Timestamp) -> Admission {
        let free = self.lease.as_ref().is_none_or(|lease| lease.until <= now);
        let due = self.wake_at.is_some_and(|at| at <= now) || self.waiting_at.is_some();
        if self.status == Status::Open && free && due { Admission::Go } else { Admission::NotNow }
    }

    /// The job while `holder` takes a step. If the worker dies, the job wakes up again when the
    /// lease ends.
    pub fn leased(&self, holder: &str, now: Timestamp) -> Job {
        let until = later(now, LEASE);
        Job {
            lease: Some(Lease { holder: holder.to_owned(), until }),
            wake_at: Some(until),
            waiting_at: None,
            tried: Tried { times: self.tried.times.saturating_add(1), last: Some(now) },
            version: self.version.saturating_add(1),
            ..self.clone()
        }
    }

    /// The job with its lease renewed in the middle of a step.
    pub fn renewed(&self, now: Timestamp) -> Job {
        let until = later(now, LEASE);
        Job {
            lease: self.lease.clone().map(|lease| Lease { until, ..lease }),
            wake_at: Some(until),
            version: self.version.saturating_add(1),
            ..self.clone()
        }
    }

    /// The job after a step. `before` is [`Job::tried`] from before the lease.
    pub fn settled(
        &self,
        result: Result<Outcome, Fault>,
        before: Tried,
        now: Timestamp,
        jitter: f64,
    ) -> Job {
        let open = Job { lease: None, version: self.version.saturating_add(1), ..self.clone() };
        let closed = |status| Job {
            status,
            wake_at: None,
            waiting_at: None,
            closed_at: Some(now),
            ..open.clone()
        };
        let too_late = |cause: Option<String>| {
            let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
            closed(Status::Failed {
                kind: FaultKind::Permanent,
                message: format!("not done before its deadline {}{cause}", self.deadline),
            })
        };
        match result {
            Ok(Outcome::Done(summary)) => closed(Status::Succeeded { summary }),
            Ok(Outcome::Skipped(reason)) => closed(Status::Skipped { reason }),
            Ok(Outcome::Stopped(reason)) => closed(Status::Stopped { reason }),
            // The time in a queue is not the job's own, but it ends as well.
            Ok(Outcome::Waiting { gate, .. }) if later(self.created_at, LONGEST_QUEUE) <= now => {
                closed(Status::Failed {
                    kind: FaultKind::Permanent,
                    message: format!("waited at gate `{gate}` since {}", self.created_at),
                })
            }
            Ok(Outcome::Waiting { gate, wait }) => Job {
                tried: before,
                wake_at: Some(now + wait),
                deadline: self.deadline.max(later(now + wait, self.timeout)),
                waiting_at: Some(gate),
                ..open
            },
            _ if self.deadline <= now => too_late(result.err().map(|fault| fault.chain())),
            Ok(Outcome::Again { state, wait }) => Job {
                work: open.work.with_state(state),
                attempts: 0,
                throttled: 0,
                tried: Tried::default(),
                wake_at: Some(now + wait),
                ..open
            },
            Ok(Outcome::Later { wait }) => Job { tried: before, wake_at: Some(now + wait), ..open },
            Err(fault) => {
                let wait = retry::delay(
                    fault.kind,
                    self.attempts,
                    self.throttled,
                    fault.retry_after,
                    jitter,
                );
                let spent = u32::from(fault.kind != FaultKind::Throttled);
                match wait {
                    Some(wait) => Job {
                        tried: if fault.nothing_tried { before } else { self.tried },
                        attempts: self.attempts.saturating_add(spent),
                        throttled: self.throttled.saturating_add(1 - spent),
                        wake_at: Some(now + wait),
                        ..open
                    },
                    None => closed(Status::Failed { kind: fault.kind, message: fault.chain() }),
                }
            }
        }
    }
}

impl Status {
    /// Its name.
    pub fn state(&self) -> State {
        match self {
            Status::Open => State::Open,
            Status::Succeeded { .. } => State::Succeeded,
            Status::Failed { .. } => State::Failed,
            Status::Skipped { .. } => State::Skipped,
            Status::Stopped { .. } => State::Stopped,
        }
    }

    /// What was done, what went wrong, or why not.
    pub fn message(&self) -> Option<&str> {
        match self {
            Status::Open => None,
            Status::Succeeded { summary } => Some(summary),
            Status::Failed { message, .. } => Some(message),
            Status::Skipped { reason } | Status::Stopped { reason } => Some(reason),
        }
    }
}

impl State {
    /// As in the stable JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Open => "open",
            State::Succeeded => "succeeded",
            State::Failed => "failed",
            State::Skipped => "skipped",
            State::Stopped => "stopped",
        }
    }
}

/// `at + span`, or the end of time.
fn later(at: Timestamp, span: SignedDuration) -> Timestamp {
    at.saturating_add(span).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
