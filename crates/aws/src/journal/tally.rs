//! How many jobs of a run are in which state.
//!
//! Each partition of a run has a tally of its own jobs, and each write that makes, closes or
//! forgets a job changes it in the same transaction. The sum over the partitions is exact, costs
//! a few small reads however many jobs there are, and no item is written by everybody.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::{
    operation::query::builders::QueryFluentBuilder,
    types::{AttributeValue, KeysAndAttributes, Update},
};
use aws_smithy_async::rt::sleep::AsyncSleep;
use jiff::Timestamp;
use lamplighter_core::{
    Fault, FaultKind, RunId,
    engine::{Run, RunFilter, Tally},
    job::{Job, State, WorkKind},
};

use super::{
    record::{SHARDS, instant, kind_text, partition},
    store::{self, BACKOFF, Item, PK, Store, damaged, number, number_of, text, text_of},
    table::RUNS,
};
use crate::several::several;

/// The sort key of a tally.
const TALLY: &str = "tally";
/// Runs whose tallies are read by one call, which takes 100 keys.
const RUNS_READ: usize = 100 / SHARDS as usize;
/// Such calls at a time.
const READS: usize = 8;
/// Calls in a row that may read nothing.
const PATIENCE: u32 = 8;

const KINDS: [WorkKind; 3] = [WorkKind::Spread, WorkKind::Find, WorkKind::Act];
const STATES: [State; 5] =
    [State::Open, State::Succeeded, State::Failed, State::Skipped, State::Stopped];

/// What a write changes in the tally of a partition.
#[derive(Debug, Default)]
pub(super) struct Change {
    /// By the names of attributes.
    counts: BTreeMap<String, i64>,
    /// When the first of its jobs was recorded.
    started: Option<Timestamp>,
    /// When the last one closed.
    pub(super) ended: Option<Timestamp>,
}

impl Change {
    /// These jobs are new.
    pub(super) fn created<'j>(jobs: impl IntoIterator<Item = &'j Job>) -> Change {
        let mut change = Change::default();
        for job in jobs {
            let state = job.status.state();
            change.add(&counter(job.work.kind(), state), 1);
            change.add("jobs", 1);
            let earliest = change.started.map_or(job.created_at, |it| it.min(job.created_at));
            change.started = Some(earliest);
            change.ended = change.ended.max(job.closed_at.filter(|_| state != State::Open));
        }
        change
    }

    /// This job was open until now.
    pub(super) fn closed(job: &Job) -> Change {
        let mut change = Change { ended: job.closed_at, ..Change::default() };
        change.add(&counter(job.work.kind(), State::Open), -1);
        change.add(&counter(job.work.kind(), job.status.state()), 1);
        change
    }

    /// Jobs of these kinds and states, as they are stored, are gone.
    pub(super) fn forgotten<'i>(jobs: impl IntoIterator<Item = &'i Item>) -> Change {
        let mut change = Change::default();
        for job in jobs {
            let [kind, state] = ["kind", "state"].map(|it| text_of(job, it).unwrap_or_default());
            change.add(&format!("{kind}_{state}"), -1);
            change.add("jobs", -1);
        }
        change
    }

    fn add(&mut self, counter: &str, count: i64) {
        *self.counts.entry(counter.to_owned()).or_default() += count;
    }

    /// The update of a partition's tally. Its only condition is that no job closed later than
    /// `ended` says; without `ended` there is none.
    pub(super) fn update(&self, table: &str, run: &RunId, shard: u8) -> Result<Update, Fault> {
        let mut names = HashMap::new();
        let mut values = HashMap::new();
        let mut name = |name: &str| {
            names.insert(format!("#{name}"), name.to_owned());
            format!("#{name}")
        };
        let mut value = |name: &str, value: AttributeValue| {
            values.insert(format!(":{name}"), value);
            format!(":{name}")
        };
        let add: Vec<String> = self
            .counts
            .iter()
            .map(|(it, count)| format!("{} {}", name(it), value(it, number(count))))
            .collect();
        let mut set = Vec::new();
        let mut condition = None;
        if let Some(at) = self.started {
            let (to, is) = (name("started"), value("started", text(instant(at))));
            set.push(format!("{to} = if_not_exists({to}, {is})"));
            // What the index of runs has.
            set.push(format!("{} = {}", name("runs"), value("runs", text(ALL_RUNS))));
            set.push(format!("{} = {}", name("run"), value("run", text(run_key(run)?))));
        }
        if let Some(at) = self.ended {
            let (to, is) = (name("ended"), value("ended", text(instant(at))));
            set.push(format!("{to} = {is}"));
            condition = Some(format!("attribute_not_exists({to}) OR {to} <= {is}"));
        }
        let mut expression = format!("ADD {}", add.join(", "));
        if !set.is_empty() {
            expression.push_str(&format!(" SET {}", set.join(", ")));
        }
        Update::builder()
            .table_name(table)
            .set_key(Some(key(run, shard)))
            .update_expression(expression)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values))
            .set_condition_expression(condition)
            .build()
            .map_err(|error| Fault::permanent("counting jobs").caused_by(error))
    }
}

/// The key of a partition's tally.
pub(super) fn key(run: &RunId, shard: u8) -> Item {
    store::key(partition(run, shard), TALLY)
}

/// The one partition of the index of runs.
const ALL_RUNS: &str = "runs";

/// The sort key of a run in the index of runs: by their occurrences.
fn run_key(run: &RunId) -> Result<String, Fault> {
    let occurrence: Timestamp = run
        .occurrence()
        .parse()
        .map_err(|error: jiff::Error| Fault::permanent("writing a run").caused_by(error))?;
    Ok(format!("{}/{run}", instant(occurrence)))
}

fn counter(kind: WorkKind, state: State) -> String {
    format!("{}_{}", kind_text(kind), state.as_str())
}

impl Store {
    /// How many jobs of a run are in which state.
    pub(super) async fn tally(&self, run: &RunId) -> Result<Tally, Fault> {
        let found = self.read_runs(std::slice::from_ref(run)).await?;
        Ok(found.into_iter().next().map(|it| it.tally).unwrap_or_default())
    }

    /// Runs, the latest occurrence first.
    pub(super) async fn runs(&self, filter: &RunFilter) -> Result<Vec<Run>, Fault> {
        let limit = filter.limit.unwrap_or(usize::MAX);
        let names = match &filter.run {
            Some(run) => vec![run.clone()],
            None => self.run_names(filter, limit).await?,
        };
        let chosen = |run: &Run| {
            filter.task.as_ref().is_none_or(|task| run.id.task() == task.as_str())
                && filter.since.is_none_or(|since| occurrence(&run.id) >= Some(since))
        };
        let mut runs: Vec<Run> = self.read_runs(&names).await?.into_iter().filter(chosen).collect();
        runs.truncate(limit);
        Ok(runs)
    }

    /// The names of the runs that a filter lets through, the latest first; at least `limit` if
    /// there are so many.
    async fn run_names(&self, filter: &RunFilter, limit: usize) -> Result<Vec<RunId>, Fault> {
        let mut names: Vec<(String, RunId)> = Vec::new();
        let mut pages = self.pages("listing runs", self.run_index(filter.since, None, false));
        // Of runs with the same occurrence the last one comes first here: one of another
        // occurrence must be seen before it is known which are the first.
        let enough = |names: &[(String, RunId)]| match names {
            [.., (last, _)] if names.len() > limit => limit == 0 || names[limit - 1].0 != *last,
            _ => false,
        };
        while !enough(&names)
            && let Some(page) = pages.next().await?
        {
            for item in page {
                let (occurrence, run) = run_of(&item)?;
                let wanted = filter.task.as_ref().is_none_or(|task| run.task() == task.as_str());
                // Each partition of a run is in the index.
                let again = names.last().is_some_and(|(_, it)| *it == run);
                if wanted && !again {
                    names.push((occurrence, run));
                }
            }
        }
        names.sort_by(|(a, run_a), (b, run_b)| b.cmp(a).then_with(|| run_a.cmp(run_b)));
        Ok(names.into_iter().map(|(_, run)| run).collect())
    }

    /// The names of all runs of occurrences before an instant, the earliest first, at most
    /// `most`.
    pub(super) async fn runs_before(
        &self,
        before: Timestamp,
        most: usize,
    ) -> Result<Vec<RunId>, Fault> {
        let query = self.run_index(None, Some(before), true);
        let items = self.query("listing runs", query, most * usize::from(SHARDS)).await?;
        let mut runs = Vec::new();
        for item in &items {
            let (_, run) = run_of(item)?;
            if runs.last() != Some(&run) {
                runs.push(run);
            }
        }
        runs.truncate(most);
        Ok(runs)
    }

    /// A query of the index of runs, for occurrences from one instant until before another.
    fn run_index(
        &self,
        since: Option<Timestamp>,
        before: Option<Timestamp>,
        forward: bool,
    ) -> QueryFluentBuilder {
        let from = since.map_or_else(|| "-".to_owned(), instant);
        let to = before.map_or_else(|| "~".to_owned(), instant);
        self.client
            .query()
            .index_name(RUNS.name)
            .key_condition_expression("#runs = :runs AND #run BETWEEN :from AND :to")
            .expression_attribute_names("#runs", RUNS.partition)
            .expression_attribute_names("#run", RUNS.sort)
            .expression_attribute_values(":runs", text(ALL_RUNS))
            .expression_attribute_values(":from", text(from))
            .expression_attribute_values(":to", text(to))
            .scan_index_forward(forward)
    }

    /// Those of these runs that have jobs, in the order given, as they are now.
    async fn read_runs(&self, runs: &[RunId]) -> Result<Vec<Run>, Fault> {
        let chunks = runs.chunks(RUNS_READ).map(|chunk| self.read_some(chunk));
        let items: Vec<HashMap<String, Vec<Item>>> = several(READS, chunks).await?;
        let mut by_partition: HashMap<String, Vec<Item>> = items.into_iter().flatten().collect();
        let mut found = Vec::new();
        for run in runs {
            let partitions = (0..SHARDS).map(|shard| partition(run, shard));
            let tallies: Vec<Item> =
                partitions.filter_map(|it| by_partition.remove(&it)).flatten().collect();
            found.extend(sum(run, &tallies)?);
        }
        Ok(found)
    }

    /// The tallies of the partitions of so many runs as one call can ask for.
    async fn read_some(&self, runs: &[RunId]) -> Result<HashMap<String, Vec<Item>>, Fault> {
        let doing = "reading the tallies of runs";
        let call = self.call(doing, "dynamodb:BatchGetItem");
        let keys = runs.iter().flat_map(|run| (0..SHARDS).map(|shard| key(run, shard)));
        let mut left: Vec<Item> = keys.collect();
        let mut found: HashMap<String, Vec<Item>> = HashMap::new();
        let mut in_vain = 0;
        while !left.is_empty() {
            let asked = left.len();
            let keys = KeysAndAttributes::builder().set_keys(Some(left)).consistent_read(true);
            let keys = keys.build().map_err(|error| Fault::permanent(doing).caused_by(error))?;
            let request = self.client.batch_get_item().request_items(&self.table, keys);
            let mut answer = call.answer(request.send().await)?;
            let items = answer.responses.as_mut().and_then(|it| it.remove(&self.table));
            for item in items.into_iter().flatten() {
                let at = text_of(&item, PK).unwrap_or_default().to_owned();
                found.entry(at).or_default().push(item);
            }
            let unread = answer.unprocessed_keys.as_mut().and_then(|it| it.remove(&self.table));
            left = unread.map(|it| it.keys).unwrap_or_default();
            in_vain = if left.len() < asked { 0 } else { in_vain + 1 };
            if in_vain == PATIENCE {
                return Err(Fault::new(FaultKind::Throttled, doing)
                    .caused_by("the table does not answer all that was asked for"));
            }
            if in_vain > 0
                && let Some(sleep) = self.client.config().sleep_impl()
            {
                sleep.sleep(BACKOFF * 2_u32.pow(in_vain)).await;
            }
        }
        Ok(found)
    }
}

/// A run from the tallies of its partitions. `None`: it has no jobs.
fn sum(run: &RunId, tallies: &[Item]) -> Result<Option<Run>, Fault> {
    let mut tally = Tally::default();
    for kind in KINDS {
        for state in STATES {
            let name = counter(kind, state);
            let count: i64 = tallies.iter().filter_map(|it| number_of::<i64>(it, &name)).sum();
            *tally.of(kind).of(state) = count.try_into().unwrap_or_default();
        }
    }
    if tally.all().total() == 0 {
        return Ok(None);
    }
    let instants = |name: &'static str| {
        let texts = tallies.iter().filter_map(move |it| text_of(it, name));
        texts.map(|it| it.parse::<Timestamp>()).collect::<Result<Vec<_>, _>>()
    };
    let read = |name| instants(name).map_err(|error| damaged(&format!("run `{run}`"), error));
    let none = || damaged(&format!("run `{run}`"), "it has no beginning");
    let started_at = read("started")?.into_iter().min().ok_or_else(none)?;
    let ended_at = read("ended")?.into_iter().max().filter(|_| tally.all().open == 0);
    Ok(Some(Run { id: run.clone(), tally, started_at, ended_at }))
}

/// The occurrence, as it stands in the index, and the run of an item of the index.
fn run_of(item: &Item) -> Result<(String, RunId), Fault> {
    let key = text_of(item, RUNS.sort).unwrap_or_default();
    let (occurrence, run) =
        key.split_once('/').ok_or_else(|| damaged("a run", format!("`{key}` names none")))?;
    let run = run.parse().map_err(|error| damaged("the name of a run", error))?;
    Ok((occurrence.to_owned(), run))
}

fn occurrence(run: &RunId) -> Option<Timestamp> {
    run.occurrence().parse().ok()
}
