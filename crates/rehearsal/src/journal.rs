//! A journal in memory: what every other journal is compared with.

use std::{collections::BTreeMap, ops::Bound, sync::Mutex};

use async_trait::async_trait;
use jiff::Timestamp;
use lamplighter_core::{
    Fault, JobId, Journal, RunId, TaskName,
    engine::{JobFilter, KnownTask, Run, RunFilter, Slot, Tally, Write},
    job::{Job, Status},
};

use crate::lock;

/// The most waiting jobs that one freed slot names.
const TOLD: usize = 10;

/// A journal that lives as long as the value.
#[derive(Debug, Default)]
pub struct MemoryJournal(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    jobs: BTreeMap<JobId, Job>,
    /// For each gate: who holds a slot until when.
    gates: BTreeMap<String, BTreeMap<JobId, Timestamp>>,
    ticked: Option<Timestamp>,
    tasks: BTreeMap<TaskName, KnownTask>,
}

impl MemoryJournal {
    /// Every job there is, in the order of their ids.
    pub fn all(&self) -> Vec<Job> {
        lock(&self.0).jobs.values().cloned().collect()
    }

    /// When the first open job wants to be looked at. `None` when no job is open.
    pub fn next_wake(&self) -> Option<Timestamp> {
        lock(&self.0).open().filter_map(|job| job.wake_at).min()
    }
}

impl State {
    fn open(&self) -> impl Iterator<Item = &Job> {
        self.jobs.values().filter(|job| job.status == Status::Open)
    }

    fn of_run<'a>(&'a self, run: &'a RunId) -> impl Iterator<Item = &'a Job> {
        let from = (Bound::Included(run.as_str()), Bound::Unbounded);
        self.jobs
            .range::<str, _>(from)
            .take_while(|(id, _)| id.as_str().starts_with(run.as_str()))
            .filter(|(id, _)| id.run() == *run)
            .map(|(_, job)| job)
    }

    fn tally(&self, run: &RunId) -> Tally {
        let mut tally = Tally::default();
        for job in self.of_run(run) {
            *tally.of(job.work.kind()).of(job.status.state()) += 1;
        }
        tally
    }

    fn run(&self, run: &RunId) -> Option<Run> {
        let started_at = self.of_run(run).map(|job| job.created_at).min()?;
        let closed: Option<Vec<Timestamp>> = self.of_run(run).map(|job| job.closed_at).collect();
        let ended_at = closed.and_then(|closed| closed.into_iter().max());
        Some(Run { id: run.clone(), tally: self.tally(run), started_at, ended_at })
    }

    /// The slots of a gate that are held at `now`; those whose time has passed are free again.
    fn held(&mut self, gate: &str, now: Timestamp) -> &mut BTreeMap<JobId, Timestamp> {
        let slots = self.gates.entry(gate.to_owned()).or_default();
        slots.retain(|_, until| *until > now);
        slots
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn create(&self, jobs: &[Job]) -> Result<Vec<Write>, Fault> {
        let mut state = lock(&self.0);
        let writes = jobs.iter().map(|job| {
            if state.jobs.contains_key(&job.id) {
                return Write::Lost;
            }
            state.jobs.insert(job.id.clone(), job.clone());
            Write::Won
        });
        Ok(writes.collect())
    }

    async fn replace(&self, job: &Job) -> Result<Write, Fault> {
        let mut state = lock(&self.0);
        let Some(stored) = state.jobs.get_mut(&job.id) else { return Ok(Write::Lost) };
        if stored == job {
            return Ok(Write::Won);
        }
        if stored.status == Status::Open && stored.version + 1 == job.version {
            *stored = job.clone();
            return Ok(Write::Won);
        }
        Ok(Write::Lost)
    }

    async fn load(&self, id: &JobId) -> Result<Option<Job>, Fault> {
        Ok(lock(&self.0).jobs.get(id).cloned())
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<JobId>, Fault> {
        let state = lock(&self.0);
        let mut due: Vec<(Timestamp, &JobId)> = state
            .open()
            .filter_map(|job| Some((job.wake_at.filter(|at| *at <= now)?, &job.id)))
            .collect();
        due.sort();
        Ok(due.into_iter().take(limit).map(|(_, id)| id.clone()).collect())
    }

    async fn tally(&self, run: &RunId) -> Result<Tally, Fault> {
        Ok(lock(&self.0).tally(run))
    }

    async fn take_slot(
        &self,
        gate: &str,
        limit: u32,
        holder: &JobId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Slot, Fault> {
        let mut state = lock(&self.0);
        let held = state.held(gate, now);
        if held.contains_key(holder) || held.len() < limit as usize {
            held.insert(holder.clone(), until);
            return Ok(Slot::Taken);
        }
        Ok(Slot::Full)
    }

    async fn free_slot(
        &self,
        gate: &str,
        limit: u32,
        holder: &JobId,
        now: Timestamp,
    ) -> Result<Vec<JobId>, Fault> {
        let mut state = lock(&self.0);
        let held = state.held(gate, now);
        held.remove(holder);
        let room = (limit as usize).saturating_sub(held.len());
        let mut waiting: Vec<&Job> =
            state.open().filter(|job| job.waiting_at.as_deref() == Some(gate)).collect();
        waiting.sort_by_key(|job| job.created_at);
        Ok(waiting.into_iter().take(room.min(TOLD)).map(|job| job.id.clone()).collect())
    }

    async fn ticked(&self) -> Result<Option<Timestamp>, Fault> {
        Ok(lock(&self.0).ticked)
    }

    async fn set_ticked(&self, until: Timestamp) -> Result<(), Fault> {
        let mut state = lock(&self.0);
        state.ticked = state.ticked.max(Some(until));
        Ok(())
    }

    async fn known_tasks(&self) -> Result<BTreeMap<TaskName, KnownTask>, Fault> {
        Ok(lock(&self.0).tasks.clone())
    }

    async fn note_tasks(&self, tasks: &BTreeMap<TaskName, KnownTask>) -> Result<(), Fault> {
        lock(&self.0).tasks.extend(tasks.clone());
        Ok(())
    }

    async fn runs(&self, filter: &RunFilter) -> Result<Vec<Run>, Fault> {
        let state = lock(&self.0);
        let occurrence = |run: &RunId| run.occurrence().parse::<Timestamp>().ok();
        let mut ids: Vec<RunId> = state.jobs.keys().map(JobId::run).collect();
        ids.dedup();
        ids.retain(|run| {
            filter.task.as_ref().is_none_or(|task| task.as_str() == run.task())
                && filter.run.as_ref().is_none_or(|wanted| wanted == run)
                && filter.since.is_none_or(|since| occurrence(run) >= Some(since))
        });
        ids.sort_by(|a, b| occurrence(b).cmp(&occurrence(a)).then_with(|| a.cmp(b)));
        ids.dedup();
        ids.truncate(filter.limit.unwrap_or(usize::MAX));
        Ok(ids.iter().filter_map(|run| state.run(run)).collect())
    }

    async fn jobs(&self, filter: &JobFilter) -> Result<Vec<Job>, Fault> {
        let state = lock(&self.0);
        let after = filter.after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let wanted = |job: &&Job| {
            filter.task.as_ref().is_none_or(|task| job.work.order().task == *task)
                && filter.run.as_ref().is_none_or(|run| job.run() == *run)
                && filter.state.is_none_or(|state| job.status.state() == state)
                && filter.kind.is_none_or(|kind| job.work.kind() == kind)
        };
        Ok(state
            .jobs
            .range::<JobId, _>((after, Bound::Unbounded))
            .map(|(_, job)| job)
            .filter(wanted)
            .take(filter.limit.unwrap_or(usize::MAX))
            .cloned()
            .collect())
    }

    async fn expire(&self, before: Timestamp, limit: usize) -> Result<usize, Fault> {
        let mut state = lock(&self.0);
        let mut old: Vec<(Timestamp, JobId)> = state
            .jobs
            .values()
            .filter_map(|job| Some((job.closed_at.filter(|at| *at < before)?, job.id.clone())))
            .collect();
        old.sort();
        old.truncate(limit);
        for (_, id) in &old {
            state.jobs.remove(id);
        }
        Ok(old.len())
    }
}

#[cfg(test)]
mod tests;
