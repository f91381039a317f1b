//! A job as items of the table.
//!
//! Jobs of a run stand in a few partitions, by a hash of their id, in the order of their ids: a
//! partition of DynamoDB takes 1,000 writes a second. A job is one small item. One whose work is
//! large, such as that of a saved plan with all its targets, leaves the work in items of its own
//! that are written before it, once, and read with it.

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{
    Fault, JobId, RunId,
    job::{Job, LONGEST_QUEUE, State, WorkKind},
};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::store::{self, Item, SK, damaged, number, text, text_of};

/// Partitions of a run, and of the index of open jobs.
pub(super) const SHARDS: u8 = 8;
/// Most bytes of a job in its own item. Above, its work is put aside.
const INLINE: usize = 64 * 1024;
/// Bytes of work in an item of its own; DynamoDB takes 400 KB.
const PART: usize = 256 * 1024;
/// How long closed jobs are kept, as the engine's sweep says too.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// What sort keys of jobs begin with, and what comes after all of them.
const JOB: &str = "job#";
const AFTER_JOBS: &str = "job#\u{10ffff}";

/// A job as it is written.
pub(super) struct Record {
    /// The job's own item.
    pub(super) item: Item,
    /// The items of its work, when it is put aside.
    pub(super) parts: Vec<Item>,
}

impl Record {
    pub(super) fn of(job: &Job) -> Result<Record, Fault> {
        let unfit = |error| Fault::permanent(format!("writing job `{}`", job.id)).caused_by(error);
        let body = serde_json::to_string(job).map_err(unfit)?;
        let mut item = key(&job.id);
        let mut set = |name: &str, value| drop(item.insert(name.to_owned(), value));
        set("kind", text(kind_text(job.work.kind())));
        set("state", text(job.status.state().as_str()));
        set("version", number(job.version));
        match job.status.state() {
            State::Open => {
                if let Some(at) = job.wake_at {
                    set("open", text(shard(&job.id).to_string()));
                    set("wake_at", text(instant(at)));
                    if let Some(gate) = &job.waiting_at {
                        set("gate", text(gate));
                    }
                }
            }
            _ => {
                if let Some(at) = job.closed_at {
                    set("closed_at", text(instant(at)));
                    set("ttl", number(seconds(later(at, KEPT))));
                }
            }
        }
        if body.len() <= INLINE {
            set("job", text(body));
            return Ok(Record { item, parts: Vec::new() });
        }
        let work = serde_json::to_vec(&job.work).map_err(unfit)?;
        let digest = digest(&job.id, &work);
        let mut rest = serde_json::to_value(job).map_err(unfit)?;
        rest.as_object_mut().and_then(|it| it.remove("work"));
        set("job", text(rest.to_string()));
        set("work", text(&digest));
        // Nobody takes them away before the job may be gone, however long it waits at a gate.
        let ttl = seconds(later(later(job.deadline, LONGEST_QUEUE), KEPT));
        let part = |(index, bytes): (usize, &[u8])| {
            let mut part = store::key(work_partition(&digest), format!("{index:05}"));
            part.insert("bytes".to_owned(), AttributeValue::B(Blob::new(bytes)));
            part.insert("ttl".to_owned(), number(ttl));
            part
        };
        let parts = work.chunks(PART).enumerate().map(part).collect();
        Ok(Record { item, parts })
    }

    /// The digest of its work, when it is put aside.
    pub(super) fn work(&self) -> Option<&str> {
        text_of(&self.item, "work")
    }

    /// Whether an item says the same of the job: it was written by this very form of it.
    pub(super) fn is(&self, stored: &Item) -> bool {
        ["job", "work"].iter().all(|name| stored.get(*name) == self.item.get(*name))
    }

    /// About how many bytes its own item has.
    pub(super) fn size(&self) -> usize {
        1024 + text_of(&self.item, "job").map_or(0, str::len)
    }
}

/// Reads a job from its own item, and its work from the bytes of `parts` if that was put aside.
pub(super) fn job(item: &Item, parts: Option<&[u8]>) -> Result<Job, Fault> {
    let broken = |error: serde_json::Error| {
        damaged(&format!("job `{}`", id_text(item).unwrap_or("?")), error)
    };
    let body = text_of(item, "job").unwrap_or_default();
    let Some(parts) = parts else { return serde_json::from_str(body).map_err(broken) };
    let mut whole: Map<String, Value> = serde_json::from_str(body).map_err(broken)?;
    let work: Value = serde_json::from_slice(parts).map_err(broken)?;
    whole.insert("work".to_owned(), work);
    serde_json::from_value(Value::Object(whole)).map_err(broken)
}

/// The id of the job that an item of the table or of an index is about.
pub(super) fn id(item: &Item) -> Result<JobId, Fault> {
    let id = id_text(item).ok_or_else(|| damaged("a job", "it has no id"))?;
    id.parse().map_err(|error| damaged("the id of a job", error))
}

fn id_text(item: &Item) -> Option<&str> {
    text_of(item, SK)?.strip_prefix(JOB)
}

/// The key of a job's own item.
pub(super) fn key(id: &JobId) -> Item {
    store::key(partition(&id.run(), shard(id)), format!("{JOB}{id}"))
}

/// The sort keys between which the jobs of a partition stand, those after an id if one is given.
pub(super) fn range(after: Option<&JobId>) -> [String; 2] {
    let from = after.map_or_else(|| JOB.to_owned(), |id| format!("{JOB}{id}"));
    [from, AFTER_JOBS.to_owned()]
}

/// One of the partitions of a run.
pub(super) fn partition(run: &RunId, shard: u8) -> String {
    format!("run#{run}#{shard}")
}

/// Which of the partitions of its run a job is in.
pub(super) fn shard(id: &JobId) -> u8 {
    Sha256::digest(id.as_str())[0] % SHARDS
}

/// The partition of work that was put aside.
pub(super) fn work_partition(digest: &str) -> String {
    format!("work#{digest}")
}

/// An instant as a text that sorts: `2026-03-29T02:00:00.000000000Z`.
pub(super) fn instant(at: Timestamp) -> String {
    format!("{at:.9}")
}

/// A kind of work, as it is stored.
pub(super) fn kind_text(kind: WorkKind) -> &'static str {
    match kind {
        WorkKind::Spread => "spread",
        WorkKind::Find => "find",
        WorkKind::Act => "act",
    }
}

/// What tells the work of a job from other work, of other jobs too: each has its own items.
fn digest(id: &JobId, work: &[u8]) -> String {
    let digest = Sha256::new().chain_update(id.as_str()).chain_update(b"\0").chain_update(work);
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// When an item expires: seconds since 1970. Source: DynamoDB Developer Guide, "Using time to
/// live (TTL) in DynamoDB".
fn seconds(at: Timestamp) -> i64 {
    at.as_second()
}

fn later(at: Timestamp, span: SignedDuration) -> Timestamp {
    at.saturating_add(span).unwrap_or(Timestamp::MAX)
}
