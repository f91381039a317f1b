//! A journal whose writes go wrong.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use jiff::Timestamp;
use lamplighter_core::{
    Fault, JobId, Journal, RunId, TaskName,
    engine::{JobFilter, KnownTask, Run, RunFilter, Slot, Tally, Write},
    job::Job,
};

use crate::faults::{Faults, To};

/// A journal around another one: does to each write what [`Faults`] say.
pub struct FaultyJournal {
    journal: Arc<dyn Journal>,
    faults: Faults,
}

impl FaultyJournal {
    /// Puts mishaps around a journal.
    pub fn new(journal: Arc<dyn Journal>, faults: Faults) -> FaultyJournal {
        FaultyJournal { journal, faults }
    }
}

#[async_trait]
impl Journal for FaultyJournal {
    async fn create(&self, jobs: &[Job]) -> Result<Vec<Write>, Fault> {
        self.faults.around(To::Journal, self.journal.create(jobs)).await
    }

    async fn replace(&self, job: &Job) -> Result<Write, Fault> {
        self.faults.around(To::Journal, self.journal.replace(job)).await
    }

    async fn take_slot(
        &self,
        gate: &str,
        limit: u32,
        holder: &JobId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Slot, Fault> {
        let taking = self.journal.take_slot(gate, limit, holder, now, until);
        self.faults.around(To::Journal, taking).await
    }

    async fn free_slot(
        &self,
        gate: &str,
        limit: u32,
        holder: &JobId,
        now: Timestamp,
    ) -> Result<Vec<JobId>, Fault> {
        let freeing = self.journal.free_slot(gate, limit, holder, now);
        self.faults.around(To::Journal, freeing).await
    }

    async fn set_ticked(&self, until: Timestamp) -> Result<(), Fault> {
        self.faults.around(To::Journal, self.journal.set_ticked(until)).await
    }

    async fn note_tasks(&self, tasks: &BTreeMap<TaskName, KnownTask>) -> Result<(), Fault> {
        self.faults.around(To::Journal, self.journal.note_tasks(tasks)).await
    }

    async fn expire(&self, before: Timestamp, limit: usize) -> Result<usize, Fault> {
        self.faults.around(To::Journal, self.journal.expire(before, limit)).await
    }

    async fn load(&self, id: &JobId) -> Result<Option<Job>, Fault> {
        self.journal.load(id).await
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<JobId>, Fault> {
        self.journal.due(now, limit).await
    }

    async fn tally(&self, run: &RunId) -> Result<Tally, Fault> {
        self.journal.tally(run).await
    }

    async fn ticked(&self) -> Result<Option<Timestamp>, Fault> {
        self.journal.ticked().await
    }

    async fn known_tasks(&self) -> Result<BTreeMap<TaskName, KnownTask>, Fault> {
        self.journal.known_tasks().await
    }

    async fn runs(&self, filter: &RunFilter) -> Result<Vec<Run>, Fault> {
        self.journal.runs(filter).await
    }

    async fn jobs(&self, filter: &JobFilter) -> Result<Vec<Job>, Fault> {
        self.journal.jobs(filter).await
    }
}
