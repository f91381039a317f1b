//! Forgetting what closed long ago.
//!
//! Closed jobs expire by themselves: DynamoDB takes them away, without a charge, within some days
//! of their time. What is left to do here is to take away the tallies of runs that have no job
//! left, and jobs that are still there when that time is over as well.

use aws_sdk_dynamodb::{
    operation::delete_item::DeleteItemError,
    types::{Delete, TransactWriteItem},
};
use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{Fault, RunId};

use super::{
    jobs::update_item,
    record::{SHARDS, instant, work_partition},
    store::{
        Item, PK, SK, Store, Transacted, Written, number, number_of, text, text_of, transacted,
        written,
    },
    tally::{self, Change},
};

/// How long DynamoDB is given to take away what has expired.
/// Source: DynamoDB Developer Guide, "Using time to live (TTL) in DynamoDB": within a few days.
pub(super) const PATIENCE: SignedDuration = SignedDuration::from_hours(3 * 24);
/// Runs that are looked at in one call.
const RUNS: usize = 100;
/// Jobs forgotten by one transaction; DynamoDB takes 100 items.
const BATCH: usize = 50;

impl Store {
    /// Forgets jobs that closed before `before`, at most `limit`, and runs without jobs.
    pub(super) async fn expire(&self, before: Timestamp, limit: usize) -> Result<usize, Fault> {
        if limit == 0 {
            return Ok(0);
        }
        let mut gone = 0;
        for run in self.runs_before(before, RUNS).await? {
            if gone >= limit {
                break;
            }
            for shard in 0..SHARDS {
                gone += self.expire_in(&run, shard, before, limit - gone).await?;
            }
        }
        Ok(gone)
    }

    /// The same in one partition of a run.
    async fn expire_in(
        &self,
        run: &RunId,
        shard: u8,
        before: Timestamp,
        limit: usize,
    ) -> Result<usize, Fault> {
        let doing = "forgetting old jobs";
        let Some(count) = self.get(doing, tally::key(run, shard)).await? else { return Ok(0) };
        let count: i64 = number_of(&count, "jobs").unwrap_or_default();
        let query = self
            .partition(run, shard, None)
            .projection_expression("#pk, #sk, #kind, #state, #closed_at, #work")
            .expression_attribute_names("#kind", "kind")
            .expression_attribute_names("#state", "state")
            .expression_attribute_names("#closed_at", "closed_at")
            .expression_attribute_names("#work", "work");
        let jobs = self.query(doing, query, usize::MAX).await?;
        let before = instant(before);
        let is_old = |it: &&Item| text_of(it, "closed_at").is_some_and(|at| at < &*before);
        let old: Vec<Item> = jobs.iter().filter(is_old).take(limit).cloned().collect();
        for batch in old.chunks(BATCH) {
            self.forget(run, shard, batch).await?;
        }
        for work in old.iter().filter_map(|it| text_of(it, "work")) {
            self.forget_work(work).await?;
        }
        if old.len() == jobs.len() {
            self.forget_tally(run, shard, count - old.len() as i64).await?;
        }
        Ok(old.len())
    }

    /// Takes closed jobs of one partition away, and out of its tally.
    async fn forget(&self, run: &RunId, shard: u8, jobs: &[Item]) -> Result<(), Fault> {
        let doing = "forgetting old jobs";
        let mut left: Vec<&Item> = jobs.iter().collect();
        while !left.is_empty() {
            let mut request = self.client.transact_write_items();
            for job in &left {
                let delete = Delete::builder()
                    .table_name(&self.table)
                    .set_key(Some(key_of(job)))
                    .condition_expression("attribute_exists(#pk)")
                    .expression_attribute_names("#pk", PK)
                    .build()
                    .map_err(|error| Fault::permanent(doing).caused_by(error))?;
                request =
                    request.transact_items(TransactWriteItem::builder().delete(delete).build());
            }
            let count = Change::forgotten(left.iter().copied()).update(&self.table, run, shard)?;
            let answer = request.transact_items(update_item(count)).send().await;
            let call = self.call(doing, "dynamodb:DeleteItem");
            let Transacted::Failed(failed) = transacted(&call, answer)? else { break };
            // DynamoDB was faster with these.
            let mut failed = failed.into_iter();
            left.retain(|_| failed.next().flatten().is_none());
        }
        Ok(())
    }

    /// Takes away work that was put aside.
    async fn forget_work(&self, work: &str) -> Result<(), Fault> {
        let query = self
            .client
            .query()
            .consistent_read(true)
            .key_condition_expression("#pk = :pk")
            .projection_expression("#pk, #sk")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#sk", SK)
            .expression_attribute_values(":pk", text(work_partition(work)));
        for part in self.query("forgetting the work of a job", query, usize::MAX).await? {
            let request = self.client.delete_item().table_name(&self.table);
            let answer = request.set_key(Some(key_of(&part))).send().await;
            let call = self.call("forgetting the work of a job", "dynamodb:DeleteItem");
            call.answer(answer)?;
        }
        Ok(())
    }

    /// Takes away the tally of a partition that has no jobs, if it still counts so many: those
    /// that expired by themselves.
    async fn forget_tally(&self, run: &RunId, shard: u8, count: i64) -> Result<(), Fault> {
        let request = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(tally::key(run, shard)))
            .condition_expression("#jobs = :jobs")
            .expression_attribute_names("#jobs", "jobs")
            .expression_attribute_values(":jobs", number(count));
        let call = self.call("forgetting a run", "dynamodb:DeleteItem");
        let answer = request.send().await;
        match written(&call, answer, |error| match error {
            DeleteItemError::ConditionalCheckFailedException(_) => Some(None),
            _ => None,
        })? {
            // Somebody has made jobs of the run anew.
            Written::Done(_) | Written::Failed(_) => Ok(()),
        }
    }
}

/// The key of an item.
fn key_of(item: &Item) -> Item {
    let part = |name: &str| Some((name.to_owned(), item.get(name)?.clone()));
    [PK, SK].into_iter().filter_map(part).collect()
}
