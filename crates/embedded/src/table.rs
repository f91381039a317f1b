//! The statements: each function is one method of the journal, within a transaction.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{
    Fault, JobId, RunId, TaskName,
    engine::{JobFilter, KnownTask, Run, RunFilter, Slot, Tally, Write},
    job::{Job, State, WorkKind},
};
use rusqlite::{Connection, OptionalExtension, Result, Row, named_params, params};
use serde::de::{DeserializeOwned, value::StrDeserializer};

use crate::fault::Damaged;

/// Most waiting jobs that a freed slot names.
const MOST_WAITERS: u32 = 10;
/// How long the jobs of a dead worker are left alone: its last call may not be visible yet.
const SETTLING: SignedDuration = SignedDuration::from_secs(15);
/// After every id and every instant.
const LAST: &str = "\u{10ffff}";

/// A job as a row.
pub(crate) struct Record {
    id: JobId,
    run: RunId,
    occurrence: String,
    kind: &'static str,
    state: &'static str,
    version: i64,
    created_at: String,
    closed_at: Option<String>,
    wake_at: Option<String>,
    waiting_at: Option<String>,
    holder: Option<String>,
    job: String,
}

impl Record {
    pub(crate) fn of(job: &Job) -> Result<Record, Fault> {
        let unfit = || Fault::permanent(format!("writing the record of job `{}`", job.id));
        let run = job.run();
        let occurrence: Timestamp =
            run.occurrence().parse().map_err(|error: jiff::Error| unfit().caused_by(error))?;
        let open = job.status.state() == State::Open;
        Ok(Record {
            id: job.id.clone(),
            occurrence: instant(occurrence),
            run,
            kind: kind_text(job.work.kind()),
            state: job.status.state().as_str(),
            version: i64::try_from(job.version).map_err(|error| unfit().caused_by(error))?,
            created_at: instant(job.created_at),
            closed_at: job.closed_at.filter(|_| !open).map(instant),
            wake_at: job.wake_at.filter(|_| open).map(instant),
            waiting_at: job.waiting_at.clone().filter(|_| open),
            holder: job.lease.as_ref().filter(|_| open).map(|it| it.holder.clone()),
            job: serde_json::to_string(job).map_err(|error| unfit().caused_by(error))?,
        })
    }
}

pub(crate) fn create(at: &Connection, records: &[Record]) -> Result<Vec<Write>> {
    let mut insert = at.prepare_cached(
        "INSERT INTO jobs (id, run, occurrence, kind, state, version, created_at, closed_at,
                           wake_at, waiting_at, holder, job)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
         ON CONFLICT (id) DO NOTHING",
    )?;
    let write = |it: &Record| {
        let written = insert.execute(params![
            it.id.as_str(),
            it.run.as_str(),
            it.occurrence,
            it.kind,
            it.state,
            it.version,
            it.created_at,
            it.closed_at,
            it.wake_at,
            it.waiting_at,
            it.holder,
            it.job,
        ])?;
        Ok(won(written))
    };
    records.iter().map(write).collect()
}

pub(crate) fn replace(at: &Connection, it: &Record) -> Result<Write> {
    // Law L2: a closed job never changes.
    let written = at
        .prepare_cached(
            "UPDATE jobs SET state = ?2, version = ?3, closed_at = ?4, wake_at = ?5,
                             waiting_at = ?6, holder = ?7, job = ?8
             WHERE id = ?1 AND version = ?3 - 1 AND state = 'open'",
        )?
        .execute(params![
            it.id.as_str(),
            it.state,
            it.version,
            it.closed_at,
            it.wake_at,
            it.waiting_at,
            it.holder,
            it.job,
        ])?;
    if won(written) == Write::Won {
        return Ok(Write::Won);
    }
    let same = at
        .prepare_cached("SELECT 1 FROM jobs WHERE id = ?1 AND job = ?2")?
        .exists([it.id.as_str(), &it.job])?;
    Ok(if same { Write::Won } else { Write::Lost })
}

pub(crate) fn load(at: &Connection, id: &JobId) -> Result<Option<Job>> {
    at.prepare_cached("SELECT id, job FROM jobs WHERE id = ?1")?
        .query_row([id.as_str()], job)
        .optional()
}

pub(crate) fn due(at: &Connection, now: Timestamp, limit: usize) -> Result<Vec<JobId>> {
    at.prepare_cached("SELECT id FROM jobs WHERE wake_at <= ?1 ORDER BY wake_at, id LIMIT ?2")?
        .query_map(params![instant(now), count(Some(limit))], job_id)?
        .collect()
}

pub(crate) fn tally(at: &Connection, run: &RunId) -> Result<Tally> {
    let mut tally = Tally::default();
    let mut select = at.prepare_cached("SELECT kind, state, jobs FROM tallies WHERE run = ?1")?;
    let mut rows = select.query([run.as_str()])?;
    while let Some(row) = rows.next()? {
        let kind: WorkKind = word(row.get_ref(0)?.as_str()?)?;
        let state: State = word(row.get_ref(1)?.as_str()?)?;
        *tally.of(kind).of(state) = row.get::<_, u32>(2)?.into();
    }
    Ok(tally)
}

pub(crate) fn take_slot(
    at: &Connection,
    gate: &str,
    limit: u32,
    holder: &JobId,
    now: Timestamp,
    until: Timestamp,
) -> Result<Slot> {
    let until = instant(until);
    at.prepare_cached("DELETE FROM slots WHERE gate = ?1 AND until <= ?2")?
        .execute(params![gate, instant(now)])?;
    let prolonged = at
        .prepare_cached("UPDATE slots SET until = max(until, ?3) WHERE gate = ?1 AND holder = ?2")?
        .execute(params![gate, holder.as_str(), until])?;
    if prolonged > 0 {
        return Ok(Slot::Taken);
    }
    if taken(at, gate, now)? >= limit {
        return Ok(Slot::Full);
    }
    at.prepare_cached("INSERT INTO slots (gate, holder, until) VALUES (?1, ?2, ?3)")?
        .execute(params![gate, holder.as_str(), until])?;
    Ok(Slot::Taken)
}

pub(crate) fn free_slot(
    at: &Connection,
    gate: &str,
    limit: u32,
    holder: &JobId,
    now: Timestamp,
) -> Result<Vec<JobId>> {
    at.prepare_cached("DELETE FROM slots WHERE gate = ?1 AND holder = ?2")?
        .execute([gate, holder.as_str()])?;
    let room = limit.saturating_sub(taken(at, gate, now)?);
    at.prepare_cached("SELECT id FROM jobs WHERE waiting_at = ?1 ORDER BY wake_at, id LIMIT ?2")?
        .query_map(params![gate, room.min(MOST_WAITERS)], job_id)?
        .collect()
}

pub(crate) fn ticked(at: &Connection) -> Result<Option<Timestamp>> {
    at.prepare_cached("SELECT until FROM ticked")?
        .query_row([], |row| parsed(row, 0, "the time of the last tick"))
        .optional()
}

pub(crate) fn set_ticked(at: &Connection, until: Timestamp) -> Result<()> {
    at.prepare_cached(
        "INSERT INTO ticked (only, until) VALUES (1, ?1)
         ON CONFLICT (only) DO UPDATE SET until = max(until, excluded.until)",
    )?
    .execute([instant(until)])?;
    Ok(())
}

pub(crate) fn known_tasks(at: &Connection) -> Result<BTreeMap<TaskName, KnownTask>> {
    at.prepare_cached("SELECT name, fingerprint, since FROM tasks")?
        .query_map([], |row| {
            let known = KnownTask {
                fingerprint: row.get(1)?,
                since: parsed(row, 2, "when a task was first known")?,
            };
            Ok((parsed(row, 0, "the name of a task")?, known))
        })?
        .collect()
}

pub(crate) fn note_tasks(at: &Connection, tasks: &BTreeMap<TaskName, KnownTask>) -> Result<()> {
    let mut note = at.prepare_cached(
        "INSERT INTO tasks (name, fingerprint, since) VALUES (?1, ?2, ?3)
         ON CONFLICT (name) DO UPDATE SET fingerprint = excluded.fingerprint, since = excluded.since",
    )?;
    for (name, known) in tasks {
        note.execute(params![name.as_str(), known.fingerprint, instant(known.since)])?;
    }
    Ok(())
}

pub(crate) fn runs(at: &Connection, filter: &RunFilter) -> Result<Vec<Run>> {
    let mut select = at.prepare_cached(
        "SELECT id, started_at, closed_at FROM runs
         WHERE occurrence >= :since AND (:task IS NULL OR task = :task)
           AND (:run IS NULL OR id = :run)
         ORDER BY occurrence DESC, id LIMIT :limit",
    )?;
    let found = select.query_map(
        named_params! {
            ":since": filter.since.map(instant).unwrap_or_default(),
            ":task": filter.task.as_ref().map(TaskName::as_str),
            ":run": filter.run.as_ref().map(RunId::as_str),
            ":limit": count(filter.limit),
        },
        |row| {
            let id: RunId = parsed(row, 0, "the id of a run")?;
            let tally = tally(at, &id)?;
            let open = tally.all().open > 0;
            let closed_at: Option<Timestamp> = match row.get_ref(2)?.as_str_or_null()? {
                Some(_) => Some(parsed(row, 2, "when a run ended")?),
                None => None,
            };
            Ok(Run {
                id,
                tally,
                started_at: parsed(row, 1, "when a run started")?,
                ended_at: closed_at.filter(|_| !open),
            })
        },
    )?;
    found.collect()
}

pub(crate) fn jobs(at: &Connection, filter: &JobFilter) -> Result<Vec<Job>> {
    // What is in an id after its task is `@`, and after its run nothing or `/`. So those of one
    // task or run stand together, and end before the same text with the next character.
    let task = filter.task.as_ref().map(|it| (format!("{it}@"), format!("{it}A")));
    let run = filter.run.as_ref().map(|it| (it.to_string(), format!("{it}0")));
    let (task_from, task_below) = task.unwrap_or_else(|| (String::new(), LAST.to_owned()));
    let (run_from, run_below) = run.unwrap_or_else(|| (String::new(), LAST.to_owned()));
    let after = filter.after.as_ref().map_or("", JobId::as_str);
    at.prepare_cached(
        "SELECT id, job FROM jobs
         WHERE id >= :from AND id <> :after AND id < :below
           AND (:run IS NULL OR run = :run) AND (:state IS NULL OR state = :state)
           AND (:kind IS NULL OR kind = :kind)
         ORDER BY id LIMIT :limit",
    )?
    .query_map(
        named_params! {
            ":after": after,
            ":from": task_from.max(run_from).max(after.to_owned()),
            ":below": task_below.min(run_below),
            ":run": filter.run.as_ref().map(RunId::as_str),
            ":state": filter.state.map(State::as_str),
            ":kind": filter.kind.map(kind_text),
            ":limit": count(filter.limit),
        },
        job,
    )?
    .collect()
}

pub(crate) fn expire(at: &Connection, before: Timestamp, limit: usize) -> Result<usize> {
    let before = instant(before);
    at.prepare_cached("DELETE FROM slots WHERE until < ?1")?.execute([&before])?;
    at.prepare_cached(
        "DELETE FROM jobs WHERE id IN
             (SELECT id FROM jobs WHERE closed_at < ?1 ORDER BY closed_at LIMIT ?2)",
    )?
    .execute(params![before, count(Some(limit))])
}

/// Ends the leases of a worker. Returns how many there were.
pub(crate) fn release(at: &Connection, worker: &str, now: Timestamp) -> Result<usize> {
    let held: Vec<Result<Job>> = at
        .prepare_cached("SELECT id, job FROM jobs WHERE holder = ?1")?
        .query_map([worker], job)?
        .collect();
    let mut released = 0;
    for job in held {
        let job = match job {
            Ok(job) => job,
            // Nobody can work on it, whoever holds it. It must not keep the others.
            Err(error) => {
                tracing::error!(%error, worker, "a job of a dead worker cannot be read");
                continue;
            }
        };
        let wake_at = now.saturating_add(SETTLING).unwrap_or(Timestamp::MAX);
        let free = Job { lease: None, wake_at: Some(wake_at), version: job.version + 1, ..job };
        let record = Record::of(&free).map_err(|fault| Damaged {
            what: format!("the record of job `{}`", free.id),
            why: fault.chain(),
        })?;
        released += usize::from(replace(at, &record)? == Write::Won);
    }
    Ok(released)
}

/// Whether a worker holds a lease.
pub(crate) fn holds(at: &Connection, worker: &str) -> Result<bool> {
    at.prepare_cached("SELECT 1 FROM jobs WHERE holder = ?1")?.exists([worker])
}

/// How many slots of a gate are taken.
fn taken(at: &Connection, gate: &str, now: Timestamp) -> Result<u32> {
    at.prepare_cached("SELECT count(*) FROM slots WHERE gate = ?1 AND until > ?2")?
        .query_row(params![gate, instant(now)], |row| row.get(0))
}

fn won(rows: usize) -> Write {
    if rows == 1 { Write::Won } else { Write::Lost }
}

/// A limit for SQL, where a negative one is none.
fn count(limit: Option<usize>) -> i64 {
    limit.map_or(-1, |it| i64::try_from(it).unwrap_or(i64::MAX))
}

/// An instant as a text that sorts: `2026-03-29T02:00:00.000000000Z`.
fn instant(at: Timestamp) -> String {
    format!("{at:.9}")
}

fn kind_text(kind: WorkKind) -> &'static str {
    match kind {
        WorkKind::Spread => "spread",
        WorkKind::Find => "find",
        WorkKind::Act => "act",
    }
}

/// Reads the name of a kind or a state.
fn word<T: DeserializeOwned>(text: &str) -> Result<T> {
    T::deserialize(StrDeserializer::<serde::de::value::Error>::new(text))
        .map_err(|error| Damaged { what: "a tally".to_owned(), why: error.to_string() }.into())
}

/// Reads a job from its id and its JSON.
fn job(row: &Row<'_>) -> Result<Job> {
    serde_json::from_str(row.get_ref(1)?.as_str()?).map_err(|error| {
        let id = row.get::<_, String>(0).unwrap_or_default();
        Damaged { what: format!("the record of job `{id}`"), why: error.to_string() }.into()
    })
}

fn job_id(row: &Row<'_>) -> Result<JobId> {
    parsed(row, 0, "the id of a job")
}

/// Reads a text of a type that is checked.
fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
    row: &Row<'_>,
    column: usize,
    what: &str,
) -> Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    text.parse()
        .map_err(|error: T::Err| Damaged { what: what.to_owned(), why: error.to_string() }.into())
}
