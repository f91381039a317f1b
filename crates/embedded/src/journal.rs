//! The journal in one SQLite file.

use std::{collections::BTreeMap, io, path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use lamplighter_core::{
    Fault, JobId, RunId, TaskName,
    engine::{JobFilter, Journal, KnownTask, Run, RunFilter, Slot, Tally, Write},
    job::Job,
};
use rusqlite::Connection;

use crate::{
    fault,
    file::JournalFile,
    reader::Readers,
    table::{self, Record},
    worker::{Dead, Worker},
    writer::Writer,
};

/// How long to wait while another process writes. A transaction takes milliseconds, but the
/// turns of several processes that write without a pause are not fair.
const PATIENCE: Duration = Duration::from_secs(10);

/// The journal in one SQLite file on a local disk. Several processes may open it; a lease and a
/// run go to one of them.
///
/// A write is answered when it is on disk. Dropping the journal waits for the writes that are
/// under way and ends its threads.
pub struct SqliteJournal {
    file: Arc<JournalFile>,
    /// `None` only while it is dropped.
    writer: Option<Writer>,
    readers: Readers,
    worker: Worker,
}

impl SqliteJournal {
    /// Opens the journal at `path`, and creates it if nothing is there. Its directory must
    /// exist. Anything but a journal of this version is refused and left as it is.
    pub fn open(path: impl AsRef<Path>) -> Result<SqliteJournal, Fault> {
        SqliteJournal::open_patiently(path.as_ref(), PATIENCE)
    }

    fn open_patiently(path: &Path, patience: Duration) -> Result<SqliteJournal, Fault> {
        let file = Arc::new(JournalFile::at(path, patience)?);
        let connection = file.writer()?;
        let broken = |error: io::Error| {
            let workers = file.workers();
            Fault::config(format!("registering a worker in `{}`", workers.display()))
                .caused_by(error)
        };
        let worker = Worker::register(&file.workers()).map_err(broken)?;
        let writer = Writer::start(connection).map_err(broken)?;
        Ok(SqliteJournal {
            readers: Readers::new(file.clone()),
            file,
            writer: Some(writer),
            worker,
        })
    }

    /// The name under which this process is known to the others to live: the one to lease jobs
    /// with. No two open journals have the same.
    pub fn worker(&self) -> &str {
        self.worker.name()
    }

    /// Ends the leases of workers whose process has ended, however it ended: their jobs are
    /// due 15 seconds after `now`, when what they did last is visible. Returns how many.
    pub async fn release_dead(&self, now: Timestamp) -> Result<usize, Fault> {
        let workers = self.file.workers();
        let doing = || format!("looking for dead workers in `{}`", workers.display());
        let dead =
            Dead::find(&workers).map_err(|error| Fault::transient(doing()).caused_by(error))?;
        let mut released = 0;
        for it in dead {
            let name = it.name().to_owned();
            let jobs = self.write(move |at| table::release(at, &name, now)).await?;
            tracing::info!(worker = it.name(), jobs, "a worker is gone and its jobs are free");
            it.forget();
            released += jobs;
        }
        Ok(released)
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Fault> {
        let written = match &self.writer {
            Some(writer) => writer.write(work).await,
            None => None,
        };
        match written {
            Some(Ok(value)) => Ok(value),
            Some(Err(failure)) => Err(fault::fault("writing to", self.file.path(), &failure)),
            None => Err(Fault::permanent(format!(
                "writing to the journal `{}`: its writer has ended",
                self.file.path().display()
            ))),
        }
    }
}

impl Drop for SqliteJournal {
    fn drop(&mut self) {
        let Some(connection) = self.writer.take().and_then(Writer::finish) else { return };
        // With a lease left, the others must be able to see that this worker is gone.
        if let Ok(false) = table::holds(&connection, self.worker.name()) {
            self.worker.sign_off();
        }
    }
}

#[async_trait]
impl Journal for SqliteJournal {
    async fn create(&self, jobs: &[Job]) -> Result<Vec<Write>, Fault> {
        let records = jobs.iter().map(Record::of).collect::<Result<Vec<_>, Fault>>()?;
        self.write(move |at| table::create(at, &records)).await
    }

    async fn replace(&self, job: &Job) -> Result<Write, Fault> {
        let record = Record::of(job)?;
        self.write(move |at| table::replace(at, &record)).await
    }

    async fn load(&self, id: &JobId) -> Result<Option<Job>, Fault> {
        let id = id.clone();
        self.readers.read(move |at| table::load(at, &id)).await
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<JobId>, Fault> {
        self.readers.read(move |at| table::due(at, now, limit)).await
    }

    async fn tally(&self, run: &RunId) -> Result<Tally, Fault> {
        let run = run.clone();
        self.readers.read(move |at| table::tally(at, &run)).await
    }

    async fn take_slot(
        &self,
        gate: &str,
        limit: u32,
        holder: &JobId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Slot, Fault> {
        let (gate, holder) = (gate.to_owned(), holder.clone());
        self.write(move |at| table::take_slot(at, &gate, limit, &holder, now, until)).await
    }

    async fn free_slot(
        &self,
        gate: &str,
        limit: u32,
        holder: &JobId,
        now: Timestamp,
    ) -> Result<Vec<JobId>, Fault> {
        let (gate, holder) = (gate.to_owned(), holder.clone());
        self.write(move |at| table::free_slot(at, &gate, limit, &holder, now)).await
    }

    async fn ticked(&self) -> Result<Option<Timestamp>, Fault> {
        self.readers.read(table::ticked).await
    }

    async fn set_ticked(&self, until: Timestamp) -> Result<(), Fault> {
        self.write(move |at| table::set_ticked(at, until)).await
    }

    async fn known_tasks(&self) -> Result<BTreeMap<TaskName, KnownTask>, Fault> {
        self.readers.read(table::known_tasks).await
    }

    async fn note_tasks(&self, tasks: &BTreeMap<TaskName, KnownTask>) -> Result<(), Fault> {
        let tasks = tasks.clone();
        self.write(move |at| table::note_tasks(at, &tasks)).await
    }

    async fn runs(&self, filter: &RunFilter) -> Result<Vec<Run>, Fault> {
        let filter = filter.clone();
        self.readers.read(move |at| table::runs(at, &filter)).await
    }

    async fn jobs(&self, filter: &JobFilter) -> Result<Vec<Job>, Fault> {
        let filter = filter.clone();
        self.readers.read(move |at| table::jobs(at, &filter)).await
    }

    async fn expire(&self, before: Timestamp, limit: usize) -> Result<usize, Fault> {
        self.write(move |at| table::expire(at, before, limit)).await
    }
}

#[cfg(test)]
mod tests {
    use lamplighter_core::FaultKind;
    use lamplighter_testkit::contract::{act, run};

    use super::*;

    #[tokio::test]
    async fn a_file_that_stays_locked_is_a_transient_fault_that_says_so() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("j.db");
        let journal = SqliteJournal::open_patiently(&path, Duration::ZERO).unwrap();
        let job = act(&run("nightly", 0), "a", 0);
        let other = Connection::open(&path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let fault = journal.create(std::slice::from_ref(&job)).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Transient);
        let expected = format!(
            "writing to the journal `{}`: database is locked; another process keeps it locked: \
             end that process, or let it finish; nothing is lost",
            path.canonicalize().unwrap().display()
        );
        assert_eq!(fault.chain(), expected);
        assert_eq!(journal.load(&job.id).await.unwrap(), None, "readers are not held up");
        other.execute_batch("COMMIT").unwrap();
        assert_eq!(journal.create(&[job]).await.unwrap(), [Write::Won]);
    }

    #[tokio::test]
    async fn a_full_disk_is_a_transient_fault_and_work_goes_on_when_there_is_room() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("j.db");
        let journal = SqliteJournal::open(&path).unwrap();
        let room = async |pages: u32| {
            let set = move |at: &Connection| {
                at.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
            };
            journal.write(set).await.unwrap();
        };
        let id = run("nightly", 0);
        let jobs: Vec<Job> = (0..500).map(|n| act(&id, &format!("vol-{n}"), 0)).collect();
        let _ = journal.create(&jobs[..9]).await.unwrap();
        room(60).await;
        let fault = journal.create(&jobs).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Transient);
        assert!(fault.chain().contains("disk is full; free some space"), "{}", fault.chain());
        assert_eq!(journal.tally(&id).await.unwrap().act.open, 9);
        room(1_000_000).await;
        let _ = journal.create(&jobs).await.unwrap();
        assert_eq!(journal.tally(&id).await.unwrap().act.open, 500);
    }
}
