//! Jobs: written once, replaced by one, found again.

use std::collections::{BTreeMap, HashSet};

use aws_sdk_dynamodb::{
    error::BuildError,
    operation::{put_item::PutItemError, query::builders::QueryFluentBuilder},
    types::{
        Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update, builders::PutBuilder,
    },
};
use jiff::Timestamp;
use lamplighter_core::{
    Fault, JobId, RunId,
    engine::{JobFilter, RunFilter, Write},
    job::{Job, State},
};

use super::{
    record::{self, Record, SHARDS, instant, kind_text, partition, shard, work_partition},
    store::{
        Item, PK, SK, Store, Transacted, Written, damaged, number, number_of, text, text_of,
        transacted, written,
    },
    table::{Index, OPEN, WAITING},
    tally::Change,
};
use crate::several::several;

/// Calls at a time within one call of the journal.
const CALLS: usize = 16;
/// Jobs and bytes of one transaction; DynamoDB takes 100 items and 4 MB.
const BATCH: usize = 50;
const BATCH_BYTES: usize = 1024 * 1024;

impl Store {
    /// Writes each job unless its id exists. Says which ones were new.
    pub(super) async fn create(&self, jobs: &[Job]) -> Result<Vec<Write>, Fault> {
        let mut writes = vec![Write::Lost; jobs.len()];
        let mut by_partition: BTreeMap<(RunId, u8), Vec<(usize, Record)>> = BTreeMap::new();
        let mut seen = HashSet::new();
        for (index, job) in jobs.iter().enumerate() {
            // Of an id that is there twice the first one counts.
            if seen.insert(&job.id) {
                let partition = by_partition.entry((job.run(), shard(&job.id))).or_default();
                partition.push((index, Record::of(job)?));
            }
        }
        let partitions = by_partition.into_iter();
        let create = partitions.map(|((run, shard), it)| self.create_in(jobs, run, shard, it));
        let new: Vec<Vec<usize>> = several(CALLS, create).await?;
        for index in new.into_iter().flatten() {
            writes[index] = Write::Won;
        }
        Ok(writes)
    }

    /// Writes jobs of one partition, one batch after the other: they change the same tally.
    /// Returns the numbers of those that were new.
    async fn create_in(
        &self,
        jobs: &[Job],
        run: RunId,
        shard: u8,
        records: Vec<(usize, Record)>,
    ) -> Result<Vec<usize>, Fault> {
        for (_, record) in &records {
            self.put_parts(&record.parts).await?;
        }
        let mut new = Vec::new();
        let mut left = records.as_slice();
        while !left.is_empty() {
            let mut bytes = 0;
            let fits = |(_, it): &&(usize, Record)| {
                bytes += it.size();
                bytes <= BATCH_BYTES
            };
            let count = left.iter().take(BATCH).take_while(fits).count().max(1);
            let (batch, rest) = left.split_at(count);
            new.extend(self.create_batch(jobs, &run, shard, batch.iter().collect()).await?);
            left = rest;
        }
        Ok(new)
    }

    /// Writes those of a few jobs that do not exist, and counts them, in one transaction.
    async fn create_batch(
        &self,
        jobs: &[Job],
        run: &RunId,
        shard: u8,
        mut batch: Vec<&(usize, Record)>,
    ) -> Result<Vec<usize>, Fault> {
        let doing = "recording jobs";
        let mut may_end = true;
        while !batch.is_empty() {
            let mut change = Change::created(batch.iter().map(|(index, _)| &jobs[*index]));
            change.ended = change.ended.filter(|_| may_end);
            let mut request = self.client.transact_write_items();
            for (_, record) in &batch {
                let put = Put::builder()
                    .table_name(&self.table)
                    .set_item(Some(record.item.clone()))
                    .condition_expression("attribute_not_exists(#pk)")
                    .expression_attribute_names("#pk", PK);
                request = request.transact_items(put_item(put.build(), doing)?);
            }
            let count = change.update(&self.table, run, shard)?;
            let answer = request.transact_items(update_item(count)).send().await;
            let call = self.call(doing, "dynamodb:PutItem");
            let Transacted::Failed(failed) = transacted(&call, answer)? else {
                return Ok(batch.into_iter().map(|(index, _)| *index).collect());
            };
            // The last one is the tally: a job of the partition has closed later.
            may_end &= failed.last().is_none_or(Option::is_none);
            let mut failed = failed.into_iter();
            batch.retain(|_| failed.next().flatten().is_none());
        }
        Ok(Vec::new())
    }

    /// Writes the next form of a job, if the one before is there.
    pub(super) async fn replace(&self, job: &Job) -> Result<Write, Fault> {
        let record = Record::of(job)?;
        let closing = job.status.state() != State::Open;
        // As long as the work stays what it was, it is there.
        let mut work_is_there = true;
        let mut may_end = true;
        loop {
            let put = self.replacement(job, &record, record.work().filter(|_| work_is_there));
            let failed = match closing {
                false => self.put(put).await?,
                true => {
                    let mut change = Change::closed(job);
                    change.ended = change.ended.filter(|_| may_end);
                    self.put_counted(put, &change, job).await?
                }
            };
            let stored = match failed {
                Replaced::Done => return Ok(Write::Won),
                Replaced::TallyIsLater => {
                    may_end = false;
                    continue;
                }
                Replaced::Stored(stored) => stored,
            };
            if stored.as_ref().is_some_and(|it| record.is(it)) {
                // A try whose answer got lost.
                return Ok(Write::Won);
            }
            let is_before = |it: &Item| {
                number_of(it, "version").is_some_and(|version: u64| version + 1 == job.version)
                    && text_of(it, "state") == Some(State::Open.as_str())
            };
            if work_is_there && !record.parts.is_empty() && stored.as_ref().is_some_and(is_before) {
                self.put_parts(&record.parts).await?;
                work_is_there = false;
                continue;
            }
            return Ok(Write::Lost);
        }
    }

    /// The put of a job's next form, if the one before has this work put aside.
    fn replacement(&self, job: &Job, record: &Record, work: Option<&str>) -> PutBuilder {
        // Law L2: a closed job never changes.
        let mut condition = "#version = :before AND #state = :open".to_owned();
        let mut put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(record.item.clone()))
            .expression_attribute_names("#version", "version")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":before", number(i128::from(job.version) - 1))
            .expression_attribute_values(":open", text(State::Open.as_str()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        if let Some(work) = work {
            condition.push_str(" AND #work = :work");
            put = put
                .expression_attribute_names("#work", "work")
                .expression_attribute_values(":work", text(work));
        }
        put.condition_expression(condition)
    }

    /// Writes a job that stays open.
    async fn put(&self, put: PutBuilder) -> Result<Replaced, Fault> {
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(put.get_item().clone())
            .set_condition_expression(put.get_condition_expression().clone())
            .set_expression_attribute_names(put.get_expression_attribute_names().clone())
            .set_expression_attribute_values(put.get_expression_attribute_values().clone())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let call = self.call("recording a job", "dynamodb:PutItem");
        let answer = request.send().await;
        Ok(
            match written(&call, answer, |error| match error {
                PutItemError::ConditionalCheckFailedException(it) => Some(it.item()),
                _ => None,
            })? {
                Written::Done(_) => Replaced::Done,
                Written::Failed(stored) => Replaced::Stored(stored),
            },
        )
    }

    /// Writes a job that closes, and counts it.
    async fn put_counted(
        &self,
        put: PutBuilder,
        change: &Change,
        job: &Job,
    ) -> Result<Replaced, Fault> {
        let doing = "recording a job";
        let count = change.update(&self.table, &job.run(), shard(&job.id))?;
        let answer = self
            .client
            .transact_write_items()
            .transact_items(put_item(put.build(), doing)?)
            .transact_items(update_item(count))
            .send()
            .await;
        let call = self.call(doing, "dynamodb:PutItem");
        Ok(match transacted(&call, answer)? {
            Transacted::Done => Replaced::Done,
            Transacted::Failed(failed) => match failed.into_iter().next().flatten() {
                Some(stored) => Replaced::Stored(Some(stored).filter(|it| !it.is_empty())),
                None => Replaced::TallyIsLater,
            },
        })
    }

    /// Writes work that is put aside.
    async fn put_parts(&self, parts: &[Item]) -> Result<(), Fault> {
        several(CALLS, parts.iter().map(|part| self.put_part(part))).await.map(drop)
    }

    async fn put_part(&self, part: &Item) -> Result<(), Fault> {
        let request = self.client.put_item().table_name(&self.table);
        let answer = request.set_item(Some(part.clone())).send().await;
        self.call("recording the work of a job", "dynamodb:PutItem").answer(answer).map(drop)
    }

    /// The job of this id, as it is now.
    pub(super) async fn load(&self, id: &JobId) -> Result<Option<Job>, Fault> {
        match self.get("loading a job", record::key(id)).await? {
            Some(item) => self.read(&item).await.map(Some),
            None => Ok(None),
        }
    }

    /// The job of an item, with its work.
    async fn read(&self, item: &Item) -> Result<Job, Fault> {
        let Some(work) = text_of(item, "work") else { return record::job(item, None) };
        let query = self
            .client
            .query()
            .consistent_read(true)
            .key_condition_expression("#pk = :pk")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_values(":pk", text(work_partition(work)));
        let mut bytes = Vec::new();
        for part in self.query("loading the work of a job", query, usize::MAX).await? {
            let part = part.get("bytes").and_then(|it| it.as_b().ok());
            let part = part.ok_or_else(|| damaged("the work of a job", "a part has no bytes"))?;
            bytes.extend_from_slice(part.as_ref());
        }
        record::job(item, Some(&bytes))
    }

    /// Open jobs whose time has come, the longest due first. What was written in the last moment
    /// may not be in the index yet: the next tick finds it.
    pub(super) async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<JobId>, Fault> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let shards = (0..SHARDS).map(|shard| {
            let query = self.index(&OPEN, shard.to_string(), Some(now), limit);
            self.query("looking for jobs that are due", query, limit)
        });
        let found: Vec<Vec<Item>> = several(CALLS, shards).await?;
        first(found.into_iter().flatten(), limit)
    }

    /// Open jobs that wait at a gate, the first ones first.
    pub(super) async fn waiting(&self, gate: &str, limit: usize) -> Result<Vec<JobId>, Fault> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let query = self.index(&WAITING, gate.to_owned(), None, limit);
        first(self.query("looking for jobs that wait", query, limit).await?.into_iter(), limit)
    }

    /// A query of an index whose jobs stand in the order of their times.
    fn index(
        &self,
        index: &Index,
        partition: String,
        until: Option<Timestamp>,
        limit: usize,
    ) -> QueryFluentBuilder {
        let query = self
            .client
            .query()
            .index_name(index.name)
            .expression_attribute_names("#partition", index.partition)
            .expression_attribute_values(":partition", text(partition))
            .set_limit(i32::try_from(limit).ok());
        match until {
            None => query.key_condition_expression("#partition = :partition"),
            Some(until) => query
                .key_condition_expression("#partition = :partition AND #sort <= :until")
                .expression_attribute_names("#sort", index.sort)
                .expression_attribute_values(":until", text(instant(until))),
        }
    }

    /// Jobs in the order of their ids.
    pub(super) async fn jobs(&self, filter: &JobFilter) -> Result<Vec<Job>, Fault> {
        let limit = filter.limit.unwrap_or(usize::MAX);
        let mut runs = match &filter.run {
            Some(run) => vec![run.clone()],
            None => {
                let all = RunFilter { task: filter.task.clone(), ..RunFilter::default() };
                self.runs(&all).await?.into_iter().map(|it| it.id).collect()
            }
        };
        // All jobs of a run come before those of a run whose name is greater.
        runs.sort();
        let after = filter.after.as_ref().map(JobId::run);
        let of_task =
            |run: &RunId| filter.task.as_ref().is_none_or(|task| run.task() == task.as_str());
        runs.retain(|run| of_task(run) && after.as_ref().is_none_or(|after| after <= run));
        let mut items = Vec::new();
        for run in runs {
            if items.len() >= limit {
                break;
            }
            items.extend(self.jobs_of(&run, filter, limit - items.len()).await?);
        }
        several(CALLS, items.iter().map(|item| self.read(item))).await
    }

    /// The items of the first jobs of a run that a filter lets through.
    async fn jobs_of(
        &self,
        run: &RunId,
        filter: &JobFilter,
        limit: usize,
    ) -> Result<Vec<Item>, Fault> {
        let after = filter.after.as_ref().filter(|it| it.run() == *run);
        let shards = (0..SHARDS).map(|shard| {
            let mut query = self.partition(run, shard, after);
            let filters =
                [("state", filter.state.map(State::as_str)), ("kind", filter.kind.map(kind_text))];
            let mut conditions = Vec::new();
            for (name, value) in filters {
                let Some(value) = value else { continue };
                conditions.push(format!("#{name} = :{name}"));
                query = query
                    .expression_attribute_names(format!("#{name}"), name)
                    .expression_attribute_values(format!(":{name}"), text(value));
            }
            if !conditions.is_empty() {
                query = query.filter_expression(conditions.join(" AND "));
            }
            // One more: the job that it begins after is among them.
            let most = limit.saturating_add(1);
            self.query("listing jobs", query, most)
        });
        let found: Vec<Vec<Item>> = several(CALLS, shards).await?;
        let mut items: Vec<Item> = found.into_iter().flatten().collect();
        let key = |it: &Item| text_of(it, SK).unwrap_or_default().to_owned();
        let after = after.map(|id| record::range(Some(id))[0].clone());
        items.retain(|it| Some(key(it)) != after);
        items.sort_by_cached_key(key);
        items.truncate(limit);
        Ok(items)
    }

    /// A query of the jobs of one partition of a run, as they are now, from one on.
    pub(super) fn partition(
        &self,
        run: &RunId,
        shard: u8,
        from: Option<&JobId>,
    ) -> QueryFluentBuilder {
        let [from, to] = record::range(from);
        self.client
            .query()
            .consistent_read(true)
            .key_condition_expression("#pk = :pk AND #sk BETWEEN :from AND :to")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#sk", SK)
            .expression_attribute_values(":pk", text(partition(run, shard)))
            .expression_attribute_values(":from", text(from))
            .expression_attribute_values(":to", text(to))
    }
}

/// What came of replacing a job.
enum Replaced {
    Done,
    /// Something else is stored, or nothing.
    Stored(Option<Item>),
    /// A job of its partition has closed later.
    TallyIsLater,
}

/// The ids of the first jobs of an index, by their times.
fn first(items: impl Iterator<Item = Item>, limit: usize) -> Result<Vec<JobId>, Fault> {
    let timed = |it: Item| Ok((text_of(&it, OPEN.sort).map(str::to_owned), record::id(&it)?));
    let mut found: Vec<(Option<String>, JobId)> = items.map(timed).collect::<Result<_, Fault>>()?;
    found.sort();
    found.truncate(limit);
    Ok(found.into_iter().map(|(_, id)| id).collect())
}

/// A put as an item of a transaction.
fn put_item(put: Result<Put, BuildError>, doing: &str) -> Result<TransactWriteItem, Fault> {
    let put = put.map_err(|error| Fault::permanent(doing).caused_by(error))?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// An update as an item of a transaction.
pub(super) fn update_item(update: Update) -> TransactWriteItem {
    TransactWriteItem::builder().update(update).build()
}
