//! What became of a played stretch of time: what ran, what failed, what is left, which calls it
//! took. Gathered from the journal and the cloud; nothing here knows what was meant to happen.

mod backups;
mod calls;
mod failures;
mod text;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{
    FaultKind, Journal, TaskName,
    engine::{Counts, Overdue, RunFilter, Tally, overdue},
    task::Task,
};
use lamplighter_rehearsal::Totals;
use serde::Serialize;
use serde_json::Value;

use crate::{
    exit::{Exit, Failure},
    stage::{Scene, Stage},
};

use backups::backups;
pub(crate) use backups::{Backup, RULES};
pub(crate) use calls::{Calls, Tried, trail_line};
use failures::Failures;

/// Runs are looked at when they are so old: they have ended, and the engine still remembers them.
/// It forgets closed jobs after 90 days.
const SETTLED: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Counts what happens while it happens, so that a stretch may be longer than the engine and the
/// cloud remember.
#[derive(Debug)]
pub(crate) struct Ledger {
    begin: Timestamp,
    /// Runs before this instant were counted.
    counted: Timestamp,
    tasks: BTreeMap<TaskName, Totals>,
    failures: Failures,
    calls: Calls,
}

/// What became of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Aftermath {
    /// When it began.
    pub(crate) begin: Timestamp,
    /// When it ended.
    pub(crate) end: Timestamp,
    /// What each task did.
    pub(crate) tasks: Vec<TaskTotals>,
    /// What should have happened by the end and has not.
    pub(crate) missed: Vec<Overdue>,
    /// What failed and what was given up, alike ones together, the most frequent first.
    pub(crate) failures: Vec<failures::Group>,
    /// The backups that are left.
    pub(crate) backups: Vec<Backup>,
    /// The laws that were broken.
    pub(crate) laws: Vec<String>,
    /// The calls that were made.
    pub(crate) calls: Vec<Tried>,
    /// The rules of what goes wrong, and how many calls each has struck.
    pub(crate) faults: Vec<Struck>,
    /// How to exit.
    #[serde(skip)]
    pub(crate) exit: Exit,
}

/// What a task did.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct TaskTotals {
    pub(crate) task: TaskName,
    /// Its runs, by how each stands as a whole.
    pub(crate) runs: Counts,
    /// Places that were listed.
    pub(crate) places: Counts,
    /// Targets.
    pub(crate) targets: Counts,
    /// All jobs: runs, places and targets.
    pub(crate) jobs: Counts,
}

/// A rule of what goes wrong.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Struck {
    pub(crate) rule: Value,
    pub(crate) struck: u64,
}

impl Ledger {
    /// Nothing has happened yet at `begin`.
    pub(crate) fn new(tasks: &[Task], begin: Timestamp) -> Ledger {
        let nothing = |task: &Task| (task.order.task.clone(), Totals::default());
        Ledger {
            begin,
            counted: begin,
            tasks: tasks.iter().map(nothing).collect(),
            failures: Failures::default(),
            calls: Calls::default(),
        }
    }

    /// Counts what has happened since the last time. Whoever plays a long time calls this at
    /// least every 30 days. Returns the calls that were made.
    pub(crate) async fn note(
        &mut self,
        stage: &Stage,
    ) -> Result<Vec<lamplighter_simulator::Call>, Failure> {
        let made = stage.cloud.take_calls();
        self.calls.count(&made);
        let settled = stage.cloud.now() - SETTLED;
        if settled.duration_since(self.counted) >= SETTLED {
            self.count_runs(stage, settled).await?;
        }
        Ok(made)
    }

    /// Counts the runs of occurrences before an instant that were not counted yet.
    async fn count_runs(&mut self, stage: &Stage, until: Timestamp) -> Result<(), Failure> {
        let journal = &**stage.rehearsal.journal();
        let since = RunFilter { since: Some(self.counted), ..RunFilter::default() };
        for run in journal.runs(&since).await? {
            let occurrence: Option<Timestamp> = run.id.occurrence().parse().ok();
            let Ok(task) = run.id.task().parse() else { continue };
            if occurrence.is_none_or(|at| at >= until) {
                continue;
            }
            let totals = self.tasks.entry(task).or_default();
            *totals.runs.of(run.tally.state()) += 1;
            totals.jobs.add(&run.tally);
            let all = run.tally.all();
            if all.failed + all.stopped > 0 {
                self.failures.count(journal, &run.id).await?;
            }
        }
        self.counted = self.counted.max(until);
        Ok(())
    }

    /// Sums up what has happened until now. Looks into every account once more to say why
    /// backups are kept; for that, nothing goes wrong in the cloud, and rules of what goes wrong
    /// count anew from there.
    pub(crate) async fn close(
        mut self,
        scene: &Scene,
        stage: &Stage,
    ) -> Result<Aftermath, Failure> {
        let end = stage.cloud.now();
        self.count_runs(stage, Timestamp::MAX).await?;
        let tasks = &scene.config.tasks;
        let missed = overdue(tasks, &**stage.rehearsal.journal(), self.begin, end).await?;
        let faults = struck(scene, stage);
        let laws = stage.cloud.broken_laws();
        let backups = backups(scene, stage).await?;
        let laws: Vec<String> = laws.into_iter().chain(backups::twins(&backups)).collect();
        let kinds: Vec<FaultKind> = self.failures.kinds().collect();
        let exit = match missed.is_empty() && laws.is_empty() {
            true => Exit::of(kinds),
            false => Exit::Failed,
        };
        Ok(Aftermath {
            begin: self.begin,
            end,
            tasks: self.tasks.into_iter().map(|(task, it)| totals(task, &it)).collect(),
            missed,
            failures: self.failures.into_groups(),
            backups,
            laws,
            calls: self.calls.into_list(),
            faults,
            exit,
        })
    }
}

fn totals(task: TaskName, totals: &Totals) -> TaskTotals {
    let Tally { find, act, .. } = totals.jobs;
    TaskTotals { task, runs: totals.runs, places: find, targets: act, jobs: totals.jobs.all() }
}

fn struck(scene: &Scene, stage: &Stage) -> Vec<Struck> {
    let rules = scene.faults.faults.iter().map(|it| serde_json::to_value(it).unwrap_or_default());
    rules.zip(stage.cloud.struck()).map(|(rule, struck)| Struck { rule, struck }).collect()
}
