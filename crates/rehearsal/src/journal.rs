//! A journal in memory: what every other journal is compared with.

mod table;

use std::{collections::BTreeMap, sync::Mutex};

use async_trait::async_trait;
use jiff::Timestamp;
use lamplighter_core::{
    Fault, JobId, Journal, RunId, TaskName,
    engine::{JobFilter, KnownTask, Run, RunFilter, Slot, Tally, Write},
    job::Job,
};

use crate::{lock, run::yield_now};
use table::Table;

/// The most waiting jobs that one freed slot names.
const TOLD: usize = 10;

/// A journal that lives as long as the value. Before each of its operations others may run, so
/// that workers get into each other's way, and can be killed in the middle of a step.
#[derive(Debug, Default)]
pub struct MemoryJournal(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    table: Table,
    /// For each gate: who holds a slot until when.
    gates: BTreeMap<String, BTreeMap<JobId, Timestamp>>,
    ticked: Option<Timestamp>,
    tasks: BTreeMap<TaskName, KnownTask>,
}

impl MemoryJournal {
    /// Every job there is, in the order of their ids.
    pub fn all(&self) -> Vec<Job> {
        lock(&self.0).table.all().cloned().collect()
    }

    /// How many jobs there are, open and closed.
    pub fn len(&self) -> usize {
        lock(&self.0).table.len()
    }

    /// Whether there is no job.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many jobs are open.
    pub fn open(&self) -> usize {
        lock(&self.0).table.open()
    }

    /// How many jobs of a run are in which state.
    pub fn tally_of(&self, run: &RunId) -> Tally {
        lock(&self.0).table.tally(run)
    }
}

impl State {
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
        yield_now().await;
        let mut state = lock(&self.0);
        Ok(jobs.iter().map(|job| state.table.create(job)).collect())
    }

    async fn replace(&self, job: &Job) -> Result<Write, Fault> {
        yield_now().await;
        Ok(lock(&self.0).table.replace(job))
    }

    async fn load(&self, id: &JobId) -> Result<Option<Job>, Fault> {
        yield_now().await;
        Ok(lock(&self.0).table.get(id).cloned())
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<JobId>, Fault> {
        yield_now().await;
        let state = lock(&self.0);
        let due = state.table.awaited().take_while(|(at, _)| *at <= now);
        Ok(due.take(limit).map(|(_, id)| id.clone()).collect())
    }

    async fn tally(&self, run: &RunId) -> Result<Tally, Fault> {
        yield_now().await;
        Ok(self.tally_of(run))
    }

    async fn take_slot(
        &self,
        gate: &str,
        limit: u32,
        holder: &JobId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Slot, Fault> {
        yield_now().await;
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
        yield_now().await;
        let mut state = lock(&self.0);
        let held = state.held(gate, now);
        held.remove(holder);
        let room = (limit as usize).saturating_sub(held.len());
        Ok(state.table.waiting_at(gate).take(room.min(TOLD)).cloned().collect())
    }

    async fn ticked(&self) -> Result<Option<Timestamp>, Fault> {
        yield_now().await;
        Ok(lock(&self.0).ticked)
    }

    async fn set_ticked(&self, until: Timestamp) -> Result<(), Fault> {
        yield_now().await;
        let mut state = lock(&self.0);
        state.ticked = state.ticked.max(Some(until));
        Ok(())
    }

    async fn known_tasks(&self) -> Result<BTreeMap<TaskName, KnownTask>, Fault> {
        yield_now().await;
        Ok(lock(&self.0).tasks.clone())
    }

    async fn note_tasks(&self, tasks: &BTreeMap<TaskName, KnownTask>) -> Result<(), Fault> {
        yield_now().await;
        lock(&self.0).tasks.extend(tasks.clone());
        Ok(())
    }

    async fn runs(&self, filter: &RunFilter) -> Result<Vec<Run>, Fault> {
        yield_now().await;
        Ok(lock(&self.0).table.runs(filter))
    }

    async fn jobs(&self, filter: &JobFilter) -> Result<Vec<Job>, Fault> {
        yield_now().await;
        Ok(lock(&self.0).table.jobs(filter))
    }

    async fn expire(&self, before: Timestamp, limit: usize) -> Result<usize, Fault> {
        yield_now().await;
        Ok(lock(&self.0).table.expire(before, limit))
    }
}

#[cfg(test)]
mod tests;
