//! What became of a stretch of time: what ran, what is missing, what failed.
//!
//! Only what the journal and the core know, gathered in one value. How it looks is not decided
//! here.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lamplighter_core::{
    Fault, Journal, TaskName,
    engine::{Counts, JobFilter, Overdue, Run, RunFilter, Tally, overdue},
    job::{Job, State},
    task::Task,
};

/// A stretch of time, as the journal tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// What each task did; also tasks that had nothing to do.
    pub tasks: BTreeMap<TaskName, Totals>,
    /// Its runs, the latest occurrence first.
    pub runs: Vec<Run>,
    /// What should have happened by the end of it and has not: see [`overdue`].
    pub overdue: Vec<Overdue>,
    /// Jobs that failed, of all runs, in the order of their ids. Each says why.
    pub failed: Vec<Job>,
}

/// What a task did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Its runs, by how each stands as a whole.
    pub runs: Counts,
    /// The jobs of all of them.
    pub jobs: Tally,
}

/// Reports on the occurrences from `since` on, as things stand at `now`.
pub async fn report(
    tasks: &[Task],
    journal: &dyn Journal,
    since: Timestamp,
    now: Timestamp,
) -> Result<Report, Fault> {
    let runs = journal.runs(&RunFilter { since: Some(since), ..RunFilter::default() }).await?;
    let failed = JobFilter { state: Some(State::Failed), ..JobFilter::default() };
    let mut failed = journal.jobs(&failed).await?;
    failed.retain(|job| job.work.occurrence() >= since);
    Ok(Report {
        tasks: totals(tasks, &runs),
        overdue: overdue(tasks, journal, since, now).await?,
        runs,
        failed,
    })
}

fn totals(tasks: &[Task], runs: &[Run]) -> BTreeMap<TaskName, Totals> {
    let mut all: BTreeMap<TaskName, Totals> =
        tasks.iter().map(|task| (task.order.task.clone(), Totals::default())).collect();
    for run in runs {
        // A task that is not configured any more may have run all the same.
        let Ok(task) = run.id.task().parse() else { continue };
        let totals = all.entry(task).or_default();
        *totals.runs.of(run.tally.state()) += 1;
        totals.jobs.add(&run.tally);
    }
    all
}
