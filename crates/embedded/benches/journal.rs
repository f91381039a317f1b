//! How many jobs go through the journal in a second, from their record to their end.
//!
//! Each job is created, loaded, leased and closed: three durable writes. `callers` says how
//! many are under way at a time, as in a host that advances so many jobs at once.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::sync::Arc;

use divan::{Bencher, counter::ItemsCount};
use lamplighter_core::{
    JobId, Journal,
    engine::Write,
    job::{Job, Outcome, Tried},
};
use lamplighter_embedded::SqliteJournal;
use lamplighter_testkit::contract::{act, at, run};
use tokio::{runtime::Runtime, task::JoinSet};

/// Jobs of one run.
const JOBS: usize = 2000;

fn main() {
    divan::main();
}

/// The jobs of a run that no other call has.
fn jobs(round: i64) -> Vec<Job> {
    let id = run("nightly", round);
    (0..JOBS).map(|n| act(&id, &format!("vol-{n:04}"), 0)).collect()
}

async fn lease_and_close(journal: &SqliteJournal, id: &JobId) {
    let job = journal.load(id).await.unwrap().unwrap();
    let leased = job.leased(journal.worker(), at(1));
    assert_eq!(journal.replace(&leased).await.unwrap(), Write::Won);
    let done = Ok(Outcome::Done("done".to_owned()));
    let closed = leased.settled(done, Tried::default(), at(2), 0.5);
    assert_eq!(journal.replace(&closed).await.unwrap(), Write::Won);
}

/// Takes the jobs through the journal, so many at a time.
async fn through(journal: &Arc<SqliteJournal>, jobs: Vec<Job>, callers: usize) {
    let mut tasks = JoinSet::new();
    let share = jobs.len().div_ceil(callers);
    for share in jobs.chunks(share) {
        let (journal, share) = (journal.clone(), share.to_vec());
        tasks.spawn(async move {
            for job in &share {
                let created = journal.create(std::slice::from_ref(job)).await.unwrap();
                assert_eq!(created, [Write::Won]);
                lease_and_close(&journal, &job.id).await;
            }
        });
    }
    tasks.join_all().await;
}

#[divan::bench(args = [1, 10, 100, 500], sample_count = 5, sample_size = 1)]
fn create_lease_close(bencher: Bencher<'_, '_>, callers: usize) {
    // Beside the build, not in a temporary directory: that may be memory.
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let journal = Arc::new(SqliteJournal::open(directory.path().join("j.db")).unwrap());
    let runtime = Runtime::new().unwrap();
    let mut rounds = 0..;
    bencher
        .counter(ItemsCount::new(JOBS))
        .with_inputs(|| jobs(rounds.next().unwrap()))
        .bench_local_values(|jobs| runtime.block_on(through(&journal, jobs, callers)));
}
