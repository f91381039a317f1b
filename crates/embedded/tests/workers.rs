//! Workers come and go: whose leases end, and whose do not.
//!
//! Nothing here starts a process: until it runs its own program it would share our locks.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    path::{Path, PathBuf},
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use jiff::SignedDuration;
use lamplighter_core::{
    Journal,
    engine::{JobFilter, Write},
    job::Job,
};
use lamplighter_embedded::SqliteJournal;
use lamplighter_testkit::contract::{act, at, run};
use tempfile::TempDir;

fn directory() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("j.db");
    (directory, path)
}

fn jobs() -> Vec<Job> {
    let id = run("nightly", 0);
    (0..9).map(|n| act(&id, &format!("vol-{n}"), 0)).collect()
}

/// The files of workers, by name.
fn workers(path: &Path) -> Vec<String> {
    let directory = path.with_file_name("j.db.workers");
    let names = directory.read_dir().unwrap().map(|it| it.unwrap().file_name());
    let mut names: Vec<String> = names.map(|it| it.into_string().unwrap()).collect();
    names.retain(|it| !it.starts_with('.'));
    names.sort();
    names
}

#[tokio::test]
async fn a_worker_that_ends_in_order_leaves_a_trace_only_with_a_lease() {
    let (_home, path) = directory();
    let [watcher, idle, busy] = [(); 3].map(|()| SqliteJournal::open(&path).unwrap());
    let job = &jobs()[0];
    let _ = busy.create(std::slice::from_ref(job)).await.unwrap();
    let held = job.leased(busy.worker(), at(1));
    assert_eq!(busy.replace(&held).await.unwrap(), Write::Won);
    assert_eq!(workers(&path).len(), 3);
    let mut left = [watcher.worker().to_owned(), busy.worker().to_owned()];
    left.sort();
    drop(idle);
    drop(busy);
    assert_eq!(workers(&path), left);
    assert_eq!(watcher.release_dead(at(1)).await.unwrap(), 1);
    assert_eq!(workers(&path), [watcher.worker()]);
}

#[tokio::test]
async fn only_leases_of_the_dead_end() {
    let (_home, path) = directory();
    let watcher = SqliteJournal::open(&path).unwrap();
    let jobs = jobs();
    let _ = watcher.create(&jobs).await.unwrap();
    let dead = SqliteJournal::open(&path).unwrap();
    let mut stored = jobs.clone();
    for (job, holder) in stored.iter_mut().zip([dead.worker(), "elsewhere", watcher.worker()]) {
        *job = job.leased(holder, at(1));
        assert_eq!(watcher.replace(job).await.unwrap(), Write::Won);
    }
    drop(dead);
    assert_eq!(watcher.release_dead(at(1)).await.unwrap(), 1);
    let wake_at = Some(at(1) + SignedDuration::from_secs(15));
    stored[0] = Job { lease: None, wake_at, version: 2, ..stored[0].clone() };
    assert_eq!(watcher.jobs(&JobFilter::default()).await.unwrap(), stored);
}

/// Runs a journal's calls on a thread of its own.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

#[test]
fn journals_that_open_together_are_one_journal() {
    let (_home, path) = directory();
    let barrier = Barrier::new(8);
    let open = |number: usize| {
        let (path, barrier) = (&path, &barrier);
        move || {
            barrier.wait();
            let journal = SqliteJournal::open(path).unwrap();
            block_on(journal.create(&jobs()[number..=number])).unwrap();
            barrier.wait();
            block_on(journal.jobs(&JobFilter::default())).unwrap().len()
        }
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|number| scope.spawn(open(number))).collect();
        for it in threads {
            assert_eq!(it.join().unwrap(), 8);
        }
    });
}

#[test]
fn a_worker_that_has_just_come_is_never_taken_for_dead() {
    let (_home, path) = directory();
    let watcher = SqliteJournal::open(&path).unwrap();
    let job = &jobs()[0];
    block_on(watcher.create(std::slice::from_ref(job))).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let (watcher, done) = (&watcher, &done);
        scope.spawn(move || {
            while !done.load(Ordering::Relaxed) {
                assert_eq!(block_on(watcher.release_dead(at(1))).unwrap(), 0);
            }
        });
        let mut job = job.clone();
        for _ in 0..50 {
            let journal = SqliteJournal::open(&path).unwrap();
            let held = job.leased(journal.worker(), at(1));
            assert_eq!(block_on(journal.replace(&held)).unwrap(), Write::Won);
            assert!(workers(&path).contains(&journal.worker().to_owned()));
            job = Job { lease: None, version: held.version + 1, ..held };
            assert_eq!(block_on(journal.replace(&job)).unwrap(), Write::Won);
        }
        done.store(true, Ordering::Relaxed);
    });
}
