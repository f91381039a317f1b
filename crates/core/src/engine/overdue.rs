//! What should have happened and has not.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{JobFilter, Journal, RunFilter};
use crate::{
    AccountId, Fault, Region, RunId, TaskName,
    job::{Job, State, Work, WorkKind},
    schedule,
    task::Task,
};

/// An open job that nobody has looked at this long after its time is overdue: ticks come once a
/// minute, and a step may hold a job for as long as its lease.
const GRACE: SignedDuration = SignedDuration::from_mins(10);

/// Something that should have happened and has not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Overdue {
    /// Since when.
    pub since: Timestamp,
    /// The task.
    pub task: TaskName,
    /// Its occurrence.
    pub occurrence: Timestamp,
    /// The account, when it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// The region, when it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// The target, when it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Why it has not happened.
    pub why: String,
}

/// Lists, the longest missing first: occurrences that nothing was there to run and nobody has
/// made up for, occurrences that no host has noticed yet, open jobs that nobody works on, and
/// what failed or was given up in the latest run of each task and in those that events have
/// triggered since. Looks back to `since`.
pub async fn overdue(
    tasks: &[Task],
    journal: &dyn Journal,
    since: Timestamp,
    now: Timestamp,
) -> Result<Vec<Overdue>, Fault> {
    let mut missing = unnoticed(tasks, journal, now).await?;
    let mut latest = BTreeSet::new();
    let filter = RunFilter { since: Some(since), ..RunFilter::default() };
    for run in journal.runs(&filter).await? {
        let tally = run.tally;
        let made_up = tally.spread.total() > tally.spread.skipped;
        // An event's run is about targets of its own, so only a whole run makes up for it.
        let is_latest = match run.id.event() {
            Some(_) => !latest.contains(run.id.task()),
            None => made_up && latest.insert(run.id.task().to_owned()),
        };
        if tally.spread.skipped > 0 && !made_up {
            missing.extend(of_jobs(journal, &run.id, State::Skipped, now).await?);
        }
        if tally.all().open > 0 {
            missing.extend(of_jobs(journal, &run.id, State::Open, now).await?);
        }
        if is_latest && tally.all().failed > 0 {
            missing.extend(of_jobs(journal, &run.id, State::Failed, now).await?);
        }
        if is_latest && tally.all().stopped > 0 {
            missing.extend(of_jobs(journal, &run.id, State::Stopped, now).await?);
        }
    }
    missing.sort();
    Ok(missing)
}

/// Occurrences that are due by the configuration and of which the journal knows nothing.
async fn unnoticed(
    tasks: &[Task],
    journal: &dyn Journal,
    now: Timestamp,
) -> Result<Vec<Overdue>, Fault> {
    let known = journal.known_tasks().await?;
    let Some(ticked) = journal.ticked().await? else { return Ok(Vec::new()) };
    let mut missing = Vec::new();
    for task in tasks.iter().filter(|task| task.enabled) {
        let (Some(schedule), Some(known)) = (task.schedule.as_ref(), known.get(&task.order.task))
        else {
            continue;
        };
        // A form of the task that no host has loaded yet is not due for earlier instants.
        if known.fingerprint != task.fingerprint() {
            continue;
        }
        let late = now.duration_since(ticked) > GRACE;
        let due = schedule::due(schedule, known.since.max(ticked), now);
        let last = due.missed.iter().map(|it| it.last).chain(due.run);
        missing.extend(last.filter(|_| late).map(|occurrence| Overdue {
            since: occurrence,
            task: task.order.task.clone(),
            occurrence,
            account: None,
            region: None,
            target: None,
            why: format!("no host has looked at the clock since {ticked}: is `serve` running?"),
        }));
    }
    Ok(missing)
}

/// The jobs of a run in one state that are missing something.
async fn of_jobs(
    journal: &dyn Journal,
    run: &RunId,
    state: State,
    now: Timestamp,
) -> Result<Vec<Overdue>, Fault> {
    let kind = (state == State::Skipped).then_some(WorkKind::Spread);
    let filter =
        JobFilter { run: Some(run.clone()), state: Some(state), kind, ..JobFilter::default() };
    let jobs = journal.jobs(&filter).await?;
    Ok(jobs.iter().filter_map(|job| of_job(job, now)).collect())
}

fn of_job(job: &Job, now: Timestamp) -> Option<Overdue> {
    let occurrence = job.work.occurrence();
    let (since, why) = match (job.status.message(), job.wake_at) {
        (Some(message), _) => {
            let since = if matches!(job.work, Work::Spread { .. }) {
                occurrence
            } else {
                job.closed_at.unwrap_or(occurrence)
            };
            (since, message.to_owned())
        }
        (None, Some(wake_at)) if now.duration_since(wake_at) > GRACE => (
            wake_at,
            "it is open, and nobody has looked at it since: is `serve` running?".to_owned(),
        ),
        (None, _) => return None,
    };
    let place = job.work.place();
    Some(Overdue {
        since,
        task: job.work.order().task.clone(),
        occurrence,
        account: place.map(|place| place.account.clone()),
        region: place.map(|place| place.region.clone()),
        target: job.work.target().map(str::to_owned),
        why,
    })
}
