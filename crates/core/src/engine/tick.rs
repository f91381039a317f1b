//! What happens each minute: due occurrences become jobs, and whatever was lost is woken.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tracing::warn;

use super::{BATCH, Engine, KnownTask, RunFilter, spread};
use crate::{
    Fault, JobId, RunId,
    job::{Job, Status, Work},
    schedule::{self, NotRun, ON_TIME, Why},
    task::{Task, is_due_alike},
};

/// Open jobs woken by one sweep, the longest due first. The next tick wakes the rest.
const SWEEP: usize = 10_000;
/// How long closed jobs are kept.
const HISTORY: SignedDuration = SignedDuration::from_hours(90 * 24);
/// Closed jobs forgotten by one tick.
const EXPIRE: usize = 5_000;

impl Engine {
    /// Starts the tasks that are due, wakes every open job whose time has passed, and forgets
    /// jobs that closed long ago. Safe to call at any time, by many: an occurrence runs once.
    pub async fn tick(&self) -> Result<(), Fault> {
        let now = self.ports.clock.now();
        let known = self.ports.journal.known_tasks().await?;
        let ticked = self.ports.journal.ticked().await?;
        let mut changed = BTreeMap::new();
        let mut jobs = Vec::new();
        for (task, fingerprint) in &*self.tasks {
            let known = known.get(&task.order.task);
            let loaded = loaded(known, fingerprint, ticked, now);
            if let Some(known) = known
                && is_due_alike(&known.fingerprint, fingerprint)
            {
                jobs.extend(self.dropped_jobs(task, known.since, ticked, loaded, now).await?);
            }
            let since = ticked.map_or(loaded, |ticked| loaded.max(ticked));
            jobs.extend(self.due_jobs(task, since, now).await?);
            if known.is_none_or(|it| it.fingerprint != *fingerprint) {
                let known = KnownTask { fingerprint: fingerprint.clone(), since: loaded };
                changed.insert(task.order.task.clone(), known);
            }
        }
        for batch in jobs.chunks(BATCH) {
            self.add(batch).await?;
        }
        for job in &jobs {
            if let Status::Skipped { reason } = &job.status {
                let (task, occurrence) = (&job.work.order().task, job.work.occurrence());
                warn!(%task, %occurrence, reason, "occurrence missed");
            }
        }
        if !changed.is_empty() {
            self.ports.journal.note_tasks(&changed).await?;
        }
        self.ports.journal.set_ticked(now).await?;
        let due = self.ports.journal.due(now, SWEEP).await?;
        let wakes: Vec<(JobId, Duration)> =
            due.into_iter().map(|id| (id, Duration::ZERO)).collect();
        if !wakes.is_empty() {
            self.ports.queue.wake(&wakes).await?;
        }
        self.ports.journal.expire(now - HISTORY, EXPIRE).await?;
        Ok(())
    }

    /// [Ticks](Engine::tick) unless somebody has in this minute. For hosts that share a queue:
    /// one sweep is enough for all of them. When two begin at the same moment, both sweep, and
    /// all else is still done once. One that dies is made up for by the next.
    pub async fn tick_once_a_minute(&self) -> Result<(), Fault> {
        let minute = |at: Timestamp| at.as_second().div_euclid(60);
        let ticked = self.ports.journal.ticked().await?;
        if ticked.is_some_and(|at| minute(at) >= minute(self.ports.clock.now())) {
            return Ok(());
        }
        self.tick().await
    }

    /// Records of what an earlier form of a task was due for, after `since` and the last tick, when
    /// this one was not loaded yet.
    async fn dropped_jobs(
        &self,
        task: &Task,
        since: Timestamp,
        ticked: Option<Timestamp>,
        loaded: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<Job>, Fault> {
        let Some(schedule) = task.schedule.as_ref().filter(|_| task.enabled) else {
            return Ok(Vec::new());
        };
        let since = ticked.map_or(since, |ticked| since.max(ticked));
        let dropped = schedule::none_of(schedule, since, loaded, Why::Changed);
        let dropped = self.without_a_run(task, dropped).await?;
        Ok(dropped.iter().map(|it| missed_job(task, it, now)).collect())
    }

    /// The jobs of a task for the time from `since` (not included) to `now`: those to run, and
    /// records of those that were missed.
    async fn due_jobs(
        &self,
        task: &Task,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<Job>, Fault> {
        let Some(schedule) = task.schedule.as_ref().filter(|_| task.enabled) else {
            return Ok(Vec::new());
        };
        let due = schedule::due(schedule, since, now);
        let missed = self.without_a_run(task, due.missed).await?;
        let missed = missed.iter().map(|it| missed_job(task, it, now));
        let run = due.run.iter().map(|occurrence| {
            let places = (&*task.reach, &*task.groups);
            spread::job(&task.order, places, *occurrence, schedule.spread, None, now)
        });
        Ok(missed.chain(run).collect())
    }

    /// Leaves out occurrences that were run: by hand, or by a tick that did not come so far as to
    /// say so. They were not missed.
    async fn without_a_run(&self, task: &Task, missed: Vec<NotRun>) -> Result<Vec<NotRun>, Fault> {
        let Some(first) = missed.first() else { return Ok(missed) };
        let filter = RunFilter {
            task: Some(task.order.task.clone()),
            since: Some(first.first),
            ..RunFilter::default()
        };
        let runs = self.ports.journal.runs(&filter).await?;
        let begun = runs.into_iter().filter(|it| it.tally.spread.total() > it.tally.spread.skipped);
        let begun: BTreeSet<RunId> = begun.map(|it| it.id).collect();
        let is_missed = |it: &NotRun| !begun.contains(&RunId::new(&task.order.task, it.last));
        Ok(missed.into_iter().filter(is_missed).collect())
    }
}

/// Since when a host has had this form of a task: it never fires for an earlier instant. A changed
/// one counts as loaded at the last tick, unless that is long ago: between two ticks in a row
/// nobody can tell what came first, the change or the instant. So hosts with different
/// configurations that tick in turns, while a new one is rolled out, drop nothing.
fn loaded(
    known: Option<&KnownTask>,
    fingerprint: &str,
    ticked: Option<Timestamp>,
    now: Timestamp,
) -> Timestamp {
    let Some(known) = known else { return now };
    if known.fingerprint == fingerprint {
        return known.since;
    }
    let is_recent = |ticked: &Timestamp| now.duration_since(*ticked).unsigned_abs() <= ON_TIME;
    ticked.filter(is_recent).map_or(now, |ticked| ticked.min(now).max(known.since))
}

/// The record of an occurrence that does not run.
fn missed_job(task: &Task, missed: &NotRun, now: Timestamp) -> Job {
    let work = Work::Spread {
        order: Arc::new(task.order.clone()),
        reach: Vec::new(),
        groups: Vec::new(),
        occurrence: missed.last,
        spread: None,
        plan: None,
    };
    let reason = match missed.count {
        1 => missed.why.to_string(),
        count => format!("{} (and {} more since {})", missed.why, count - 1, missed.first),
    };
    let id = JobId::missed(&RunId::new(&task.order.task, missed.last));
    Job::record(id, work, Status::Skipped { reason }, now)
}
