//! The jobs of a journal in memory, and what finds them without a look at each.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use jiff::Timestamp;
use lamplighter_core::{
    JobId, RunId,
    engine::{JobFilter, Run, RunFilter, Tally, Write},
    job::{Job, Status},
};

/// Jobs and runs. A simulated month may hold hundreds of thousands: nothing here looks at more of
/// them than it answers with, but the listings that filter.
#[derive(Debug, Default)]
pub(super) struct Table {
    jobs: BTreeMap<JobId, Job>,
    index: Index,
}

#[derive(Debug, Default)]
struct Index {
    /// Open jobs, by when they want to be looked at.
    awaited: BTreeSet<(Timestamp, JobId)>,
    /// Open jobs that wait at each gate, the oldest first.
    waiting: BTreeMap<String, BTreeSet<(Timestamp, JobId)>>,
    /// Closed jobs, by when they closed.
    closed: BTreeSet<(Timestamp, JobId)>,
    runs: BTreeMap<RunId, RunRecord>,
    /// Runs, the latest occurrence first.
    latest: BTreeSet<(Reverse<Timestamp>, RunId)>,
}

#[derive(Debug)]
struct RunRecord {
    occurrence: Timestamp,
    tally: Tally,
    started_at: Timestamp,
    /// When a job of the run closed last, even if others are open.
    closed_at: Option<Timestamp>,
}

impl Table {
    pub(super) fn get(&self, id: &JobId) -> Option<&Job> {
        self.jobs.get(id)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Job> {
        self.jobs.values()
    }

    pub(super) fn len(&self) -> usize {
        self.jobs.len()
    }

    /// How many jobs are open.
    pub(super) fn open(&self) -> usize {
        self.index.awaited.len()
    }

    /// When each open job wants to be looked at, the first first.
    pub(super) fn awaited(&self) -> impl Iterator<Item = &(Timestamp, JobId)> {
        self.index.awaited.iter()
    }

    /// Those that wait at a gate, the oldest first.
    pub(super) fn waiting_at(&self, gate: &str) -> impl Iterator<Item = &JobId> {
        self.index.waiting.get(gate).into_iter().flatten().map(|(_, id)| id)
    }

    /// Writes a job, unless there is one of its id.
    pub(super) fn create(&mut self, job: &Job) -> Write {
        if self.jobs.contains_key(&job.id) {
            return Write::Lost;
        }
        self.index.add(job);
        self.jobs.insert(job.id.clone(), job.clone());
        Write::Won
    }

    /// Writes the next form of a job, if that is what it is.
    pub(super) fn replace(&mut self, job: &Job) -> Write {
        let Some(stored) = self.jobs.get_mut(&job.id) else { return Write::Lost };
        if stored.status != Status::Open || stored.version + 1 != job.version {
            return if stored == job { Write::Won } else { Write::Lost };
        }
        self.index.remove(stored);
        self.index.add(job);
        *stored = job.clone();
        Write::Won
    }

    pub(super) fn tally(&self, run: &RunId) -> Tally {
        self.index.runs.get(run).map(|it| it.tally).unwrap_or_default()
    }

    pub(super) fn runs(&self, filter: &RunFilter) -> Vec<Run> {
        self.index
            .latest
            .iter()
            .take_while(|(at, _)| filter.since.is_none_or(|since| at.0 >= since))
            .map(|(_, id)| id)
            .filter(|id| filter.task.as_ref().is_none_or(|task| task.as_str() == id.task()))
            .filter(|id| filter.run.as_ref().is_none_or(|run| run == *id))
            .take(filter.limit.unwrap_or(usize::MAX))
            .filter_map(|id| {
                let RunRecord { tally, started_at, closed_at, .. } = *self.index.runs.get(id)?;
                let ended_at = closed_at.filter(|_| tally.all().open == 0);
                Some(Run { id: id.clone(), tally, started_at, ended_at })
            })
            .collect()
    }

    pub(super) fn jobs(&self, filter: &JobFilter) -> Vec<Job> {
        // Ids begin with the run, and runs with the task.
        let task = filter.task.as_ref().map(|task| format!("{task}@")).unwrap_or_default();
        let run = filter.run.as_ref().map_or("", RunId::as_str);
        let prefix = if run.is_empty() { &task } else { run };
        let from = match &filter.after {
            Some(after) if after.as_str() >= prefix => Bound::Excluded(after.as_str()),
            _ => Bound::Included(prefix),
        };
        let wanted = |job: &&Job| {
            job.id.as_str().starts_with(&task)
                && filter.state.is_none_or(|state| job.status.state() == state)
                && filter.kind.is_none_or(|kind| job.work.kind() == kind)
        };
        self.jobs
            .range::<str, _>((from, Bound::Unbounded))
            .map(|(_, job)| job)
            .take_while(|job| job.id.as_str().starts_with(prefix))
            .filter(wanted)
            .take(filter.limit.unwrap_or(usize::MAX))
            .cloned()
            .collect()
    }

    /// Forgets the longest closed, and runs that have no job left; returns how many are gone.
    pub(super) fn expire(&mut self, before: Timestamp, limit: usize) -> usize {
        let old = self.index.closed.iter().take_while(|(at, _)| *at < before).take(limit);
        let old: Vec<JobId> = old.map(|(_, id)| id.clone()).collect();
        for job in old.iter().filter_map(|id| self.jobs.remove(id)) {
            self.index.remove(&job);
            self.index.forget_empty(run_of(&job.id));
        }
        old.len()
    }
}

impl Index {
    fn add(&mut self, job: &Job) {
        let open = job.status == Status::Open;
        if let Some(at) = job.wake_at.filter(|_| open) {
            self.awaited.insert((at, job.id.clone()));
        }
        if let Some(gate) = job.waiting_at.as_ref().filter(|_| open) {
            let waiting = self.waiting.entry(gate.clone()).or_default();
            waiting.insert((job.created_at, job.id.clone()));
        }
        if let Some(at) = job.closed_at {
            self.closed.insert((at, job.id.clone()));
        }
        if !self.runs.contains_key(run_of(&job.id)) {
            let (id, occurrence) = (job.run(), job.work.occurrence());
            self.latest.insert((Reverse(occurrence), id.clone()));
            let (tally, started_at) = (Tally::default(), job.created_at);
            self.runs.insert(id, RunRecord { occurrence, tally, started_at, closed_at: None });
        }
        if let Some(run) = self.runs.get_mut(run_of(&job.id)) {
            *run.tally.of(job.work.kind()).of(job.status.state()) += 1;
            run.started_at = run.started_at.min(job.created_at);
            run.closed_at = run.closed_at.max(job.closed_at);
        }
    }

    /// Removes a job, but leaves its run, even if it was the last one of it.
    fn remove(&mut self, job: &Job) {
        if let Some(at) = job.wake_at {
            self.awaited.remove(&(at, job.id.clone()));
        }
        if let Some(gate) = &job.waiting_at
            && let Some(waiting) = self.waiting.get_mut(gate)
        {
            waiting.remove(&(job.created_at, job.id.clone()));
        }
        if let Some(at) = job.closed_at {
            self.closed.remove(&(at, job.id.clone()));
        }
        if let Some(run) = self.runs.get_mut(run_of(&job.id)) {
            *run.tally.of(job.work.kind()).of(job.status.state()) -= 1;
        }
    }

    /// Forgets a run that has no job left.
    fn forget_empty(&mut self, run: &str) {
        if self.runs.get(run).is_some_and(|it| it.tally.all().total() == 0)
            && let Some((run, record)) = self.runs.remove_entry(run)
        {
            self.latest.remove(&(Reverse(record.occurrence), run));
        }
    }
}

/// The text of [`JobId::run`], without another check of it.
fn run_of(id: &JobId) -> &str {
    id.as_str().split_once('/').map_or(id.as_str(), |(run, _)| run)
}
