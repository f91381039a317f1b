//! What the engine needs from the outside world.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Fault, JobId, RunId, TaskName,
    cloud::AccountPool,
    job::{Job, State, WorkKind},
};

/// The outside world.
#[derive(Clone)]
pub struct Ports {
    /// The time, and luck.
    pub clock: Arc<dyn Clock>,
    /// Where jobs live.
    pub journal: Arc<dyn Journal>,
    /// Who is told to look at them.
    pub queue: Arc<dyn Queue>,
    /// The way into AWS.
    pub accounts: Arc<dyn AccountPool>,
    /// The name of this worker: unique among all that share the journal.
    pub worker: String,
}

/// The time, and luck.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;
    /// A random number in `0.0..1.0`.
    fn jitter(&self) -> f64;
}

/// Whether a conditional write happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Write {
    /// It did.
    Won,
    /// Somebody else was first.
    Lost,
}

/// Whether a gate had room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Slot {
    /// The holder has a slot now.
    Taken,
    /// All slots are held by others.
    Full,
}

/// The durable record of jobs: the only memory of the engine.
///
/// Every method may be repeated after a lost answer: what was written is then found written.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Writes each job unless its id exists. Says which ones were new, in the order given.
    async fn create(&self, jobs: &[Job]) -> Result<Vec<Write>, Fault>;

    /// Writes the job if the stored version is the one before `job.version`. A job that is
    /// already stored exactly so was written by a call whose answer got lost: `Won`.
    async fn replace(&self, job: &Job) -> Result<Write, Fault>;

    /// The job of this id.
    async fn load(&self, id: &JobId) -> Result<Option<Job>, Fault>;

    /// Open jobs whose `wake_at` is not after `now`, the longest due first, at most `limit`.
    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<JobId>, Fault>;

    /// How many jobs of a run are in which state. Kept with each write, not counted: cheap.
    async fn tally(&self, run: &RunId) -> Result<Tally, Fault>;

    /// Takes one of `limit` slots of `gate` for `holder` until `until`, or prolongs the one it
    /// holds. Slots whose time has passed by `now` are free.
    async fn take_slot(
        &self,
        gate: &str,
        limit: u32,
        holder: &JobId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Slot, Fault>;

    /// Frees the slot, if `holder` has one, and names open jobs that wait at the gate: as many as
    /// there is room for now, at most ten.
    async fn free_slot(
        &self,
        gate: &str,
        limit: u32,
        holder: &JobId,
        now: Timestamp,
    ) -> Result<Vec<JobId>, Fault>;

    /// Up to when a tick has created all that was due. `None` before the first tick.
    async fn ticked(&self) -> Result<Option<Timestamp>, Fault>;

    /// Moves [`ticked`](Journal::ticked) forward. Never moves it back.
    async fn set_ticked(&self, until: Timestamp) -> Result<(), Fault>;

    /// The form of each task that was loaded last, and since when it is known.
    async fn known_tasks(&self) -> Result<BTreeMap<TaskName, KnownTask>, Fault>;

    /// Notes new forms of tasks.
    async fn note_tasks(&self, tasks: &BTreeMap<TaskName, KnownTask>) -> Result<(), Fault>;

    /// Runs, the latest occurrence first.
    async fn runs(&self, filter: &RunFilter) -> Result<Vec<Run>, Fault>;

    /// Jobs in the order of their ids.
    async fn jobs(&self, filter: &JobFilter) -> Result<Vec<Job>, Fault>;

    /// Forgets jobs that closed before `before`, at most `limit`, and runs that have no job
    /// left. Returns how many jobs are gone.
    async fn expire(&self, before: Timestamp, limit: usize) -> Result<usize, Fault>;
}

/// Tells some worker to look at a job. A call may be lost, doubled, late or early: the journal
/// decides what happens.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Asks for a look at each job, each after its own delay.
    async fn wake(&self, jobs: &[(JobId, Duration)]) -> Result<(), Fault>;
}

/// The form of a task that a host has loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownTask {
    /// See [`Task::fingerprint`](crate::task::Task::fingerprint).
    pub fingerprint: String,
    /// Since when it counts as loaded. It never fires for an earlier instant.
    pub since: Timestamp,
}

/// How many jobs of a run are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Spread jobs.
    pub spread: Counts,
    /// One per place.
    pub find: Counts,
    /// One per target.
    pub act: Counts,
}

/// Jobs by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// See [`State::Open`].
    pub open: u64,
    /// See [`State::Succeeded`].
    pub succeeded: u64,
    /// See [`State::Failed`].
    pub failed: u64,
    /// See [`State::Skipped`].
    pub skipped: u64,
    /// See [`State::Stopped`].
    pub stopped: u64,
}

impl Counts {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.open + self.succeeded + self.failed + self.skipped + self.stopped
    }

    /// The number in one state.
    pub fn of(&mut self, state: State) -> &mut u64 {
        match state {
            State::Open => &mut self.open,
            State::Succeeded => &mut self.succeeded,
            State::Failed => &mut self.failed,
            State::Skipped => &mut self.skipped,
            State::Stopped => &mut self.stopped,
        }
    }
}

impl Tally {
    /// The counts of one kind of work.
    pub fn of(&mut self, kind: WorkKind) -> &mut Counts {
        match kind {
            WorkKind::Spread => &mut self.spread,
            WorkKind::Find => &mut self.find,
            WorkKind::Act => &mut self.act,
        }
    }

    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Tally) {
        let pairs = [
            (&mut self.spread, other.spread),
            (&mut self.find, other.find),
            (&mut self.act, other.act),
        ];
        for (sum, more) in pairs {
            sum.open += more.open;
            sum.succeeded += more.succeeded;
            sum.failed += more.failed;
            sum.skipped += more.skipped;
            sum.stopped += more.stopped;
        }
    }

    /// All kinds of work together.
    pub fn all(&self) -> Counts {
        let kinds = [self.spread, self.find, self.act];
        let sum = |count: fn(&Counts) -> u64| kinds.iter().map(count).sum();
        Counts {
            open: sum(|it| it.open),
            succeeded: sum(|it| it.succeeded),
            failed: sum(|it| it.failed),
            skipped: sum(|it| it.skipped),
            stopped: sum(|it| it.stopped),
        }
    }

    /// How the run as a whole stands: open while anything is open, failed when anything failed,
    /// skipped when all that there is was skipped.
    pub fn state(&self) -> State {
        let all = self.all();
        if all.open > 0 {
            State::Open
        } else if all.failed > 0 {
            State::Failed
        } else if all.stopped > 0 {
            State::Stopped
        } else if all.succeeded == 0 && all.skipped > 0 {
            State::Skipped
        } else {
            State::Succeeded
        }
    }
}

/// One occurrence of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The task and the occurrence.
    pub id: RunId,
    /// Its jobs.
    pub tally: Tally,
    /// When its first job was recorded.
    pub started_at: Timestamp,
    /// When its last job closed, if all have.
    pub ended_at: Option<Timestamp>,
}

/// Which runs to show.
#[derive(Clone, Debug, Default)]
pub struct RunFilter {
    /// Of this task only.
    pub task: Option<TaskName>,
    /// This one only.
    pub run: Option<RunId>,
    /// Occurrences not before this.
    pub since: Option<Timestamp>,
    /// At most so many. `None`: all.
    pub limit: Option<usize>,
}

/// Which jobs to show.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    /// Of this task only.
    pub task: Option<TaskName>,
    /// Of this run only.
    pub run: Option<RunId>,
    /// In this state only.
    pub state: Option<State>,
    /// Of this kind only.
    pub kind: Option<WorkKind>,
    /// After this id: where the last page ended.
    pub after: Option<JobId>,
    /// At most so many. `None`: all.
    pub limit: Option<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(counts: [u64; 5], expected: State) {
        let [open, succeeded, failed, skipped, stopped] = counts;
        let tally =
            Tally { act: Counts { open, succeeded, failed, skipped, stopped }, ..Tally::default() };
        assert_eq!(tally.state(), expected, "{counts:?}");
    }

    #[test]
    fn a_run_is_as_bad_as_its_worst_job() {
        check([0, 0, 0, 0, 0], State::Succeeded);
        check([1, 9, 9, 9, 9], State::Open);
        check([0, 9, 1, 9, 9], State::Failed);
        check([0, 9, 0, 9, 1], State::Stopped);
        check([0, 9, 0, 9, 0], State::Succeeded);
        check([0, 0, 0, 9, 0], State::Skipped);
    }
}
