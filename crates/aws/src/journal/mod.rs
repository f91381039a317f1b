//! The journal in one DynamoDB table, for hosts that share it.
//!
//! What decides is read consistently and written on conditions. Only the three sparse indexes lag
//! behind: which jobs are due, which wait at a gate, and which runs there are. What they do not
//! show yet, the next look finds.

mod expire;
mod gates;
mod jobs;
mod notes;
mod record;
mod store;
mod table;
mod tally;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_config::SdkConfig;
use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{
    Fault, JobId, Journal, RunId, TaskName,
    engine::{JobFilter, KnownTask, Run, RunFilter, Slot, Tally, Write},
    job::Job,
};

use crate::config::check_endpoints;
use store::Store;
pub use table::create_table;

/// The journal in one DynamoDB table. Any number of hosts may share it.
///
/// Needs `dynamodb:` `DescribeTable`, `DescribeTimeToLive`, `GetItem`, `BatchGetItem`, `Query`,
/// `PutItem`, `UpdateItem` and `DeleteItem` on the table, and `Query` on its indexes.
pub struct DynamoJournal {
    store: Store,
    /// How long DynamoDB is given to take away what has expired.
    patience: SignedDuration,
}

impl DynamoJournal {
    /// Opens the journal in a table, with the credentials and the region of this process.
    ///
    /// # Errors
    ///
    /// A config fault, with its cure, when there is no such table or it is no journal.
    pub async fn open(config: &SdkConfig, table: &str) -> Result<DynamoJournal, Fault> {
        check_endpoints(config)?;
        let store = Store::new(config, table);
        table::check(&store).await?;
        Ok(DynamoJournal { store, patience: expire::PATIENCE })
    }
}

#[async_trait]
impl Journal for DynamoJournal {
    async fn create(&self, jobs: &[Job]) -> Result<Vec<Write>, Fault> {
        self.store.create(jobs).await
    }

    async fn replace(&self, job: &Job) -> Result<Write, Fault> {
        self.store.replace(job).await
    }

    async fn load(&self, id: &JobId) -> Result<Option<Job>, Fault> {
        self.store.load(id).await
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<JobId>, Fault> {
        self.store.due(now, limit).await
    }

    async fn tally(&self, run: &RunId) -> Result<Tally, Fault> {
        self.store.tally(run).await
    }

    async fn take_slot(
        &self,
        gate: &str,
        limit: u32,
        holder: &JobId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Slot, Fault> {
        self.store.take_slot(gate, limit, holder, now, until).await
    }

    async fn free_slot(
        &self,
        gate: &str,
        limit: u32,
        holder: &JobId,
        now: Timestamp,
    ) -> Result<Vec<JobId>, Fault> {
        self.store.free_slot(gate, limit, holder, now).await
    }

    async fn ticked(&self) -> Result<Option<Timestamp>, Fault> {
        self.store.ticked().await
    }

    async fn set_ticked(&self, until: Timestamp) -> Result<(), Fault> {
        self.store.set_ticked(until).await
    }

    async fn known_tasks(&self) -> Result<BTreeMap<TaskName, KnownTask>, Fault> {
        self.store.known_tasks().await
    }

    async fn note_tasks(&self, tasks: &BTreeMap<TaskName, KnownTask>) -> Result<(), Fault> {
        self.store.note_tasks(tasks).await
    }

    async fn runs(&self, filter: &RunFilter) -> Result<Vec<Run>, Fault> {
        self.store.runs(filter).await
    }

    async fn jobs(&self, filter: &JobFilter) -> Result<Vec<Job>, Fault> {
        self.store.jobs(filter).await
    }

    async fn expire(&self, before: Timestamp, limit: usize) -> Result<usize, Fault> {
        let before = before.saturating_sub(self.patience).unwrap_or(Timestamp::MIN);
        self.store.expire(before, limit).await
    }
}
