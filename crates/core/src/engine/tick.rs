//! What happens each minute: due occurrences become jobs, and whatever was lost is woken.

use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::{BATCH, Engine, KnownTask, spread};
use crate::{
    Fault, JobId, RunId, TaskName,
    job::{Job, Status, Work},
    schedule,
    task::Task,
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
        let known = self.note_changes(now).await?;
        let ticked = self.ports.journal.ticked().await?;
        let mut jobs = Vec::new();
        for (task, _) in &*self.tasks {
            let Some(since) = known.get(&task.order.task).map(|it| it.since) else { continue };
            let since = ticked.map_or(since, |ticked| since.max(ticked));
            jobs.extend(due_jobs(task, since, now));
        }
        for batch in jobs.chunks(BATCH) {
            self.add(batch).await?;
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

    /// Notes tasks that are new or changed: they never fire for an instant before this one.
    async fn note_changes(&self, now: Timestamp) -> Result<BTreeMap<TaskName, KnownTask>, Fault> {
        let mut known = self.ports.journal.known_tasks().await?;
        let changed: BTreeMap<TaskName, KnownTask> = self
            .tasks
            .iter()
            .filter(|(task, fingerprint)| {
                known.get(&task.order.task).is_none_or(|it| it.fingerprint != *fingerprint)
            })
            .map(|(task, fingerprint)| {
                let known = KnownTask { fingerprint: fingerprint.clone(), since: now };
                (task.order.task.clone(), known)
            })
            .collect();
        if !changed.is_empty() {
            self.ports.journal.note_tasks(&changed).await?;
            known.extend(changed);
        }
        Ok(known)
    }
}

/// The jobs of a task for the time from `since` (not included) to `now`: those to run, and
/// records of those that were missed.
fn due_jobs(task: &Task, since: Timestamp, now: Timestamp) -> Vec<Job> {
    let Some(schedule) = task.schedule.as_ref().filter(|_| task.enabled) else { return Vec::new() };
    let due = schedule::due(schedule, since, now);
    let missed = due.missed.into_iter().map(|it| {
        let run = RunId::new(&task.order.task, it.last);
        let work = Work::Spread {
            order: task.order.clone(),
            reach: Vec::new(),
            groups: Vec::new(),
            occurrence: it.last,
            spread: None,
            plan: None,
        };
        let reason = match it.count {
            1 => it.why.to_string(),
            count => format!("{} (and {} more since {})", it.why, count - 1, it.first),
        };
        Job::record(JobId::missed(&run), work, Status::Skipped { reason }, now)
    });
    let run = due.run.into_iter().map(|occurrence| {
        spread::job(
            &task.order,
            (&task.reach, &task.groups),
            occurrence,
            schedule.spread,
            None,
            now,
        )
    });
    missed.chain(run).collect()
}
