//! Several processes on one file, and what is left when one of them dies.
//!
//! The other processes are this test binary again: it runs [`child`] with a part to play.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    env,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use jiff::SignedDuration;
use lamplighter_core::{
    Journal,
    engine::{JobFilter, Write},
    job::Job,
};
use lamplighter_embedded::SqliteJournal;
use lamplighter_testkit::contract::{act, at, run};
use rusqlite::Connection;
use tempfile::TempDir;

/// The part to play, and the journal, separated by a colon.
const PART: &str = "LAMPLIGHTER_TEST_PART";
/// Jobs that children compete for.
const JOBS: usize = 200;

fn directory() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("j.db");
    (directory, path)
}

fn jobs() -> Vec<Job> {
    let id = run("nightly", 0);
    (0..JOBS).map(|n| act(&id, &format!("vol-{n:03}"), 0)).collect()
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

/// Starts a child. It ends when it has played its part and its input is closed.
fn start(part: &str, path: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(PART, format!("{part}:{}", path.display()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Waits for a child to say how many jobs it got.
fn got(child: &mut Child) -> usize {
    let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    let mut counts = lines.filter_map(|line| line.unwrap().split("got ").nth(1)?.parse().ok());
    counts.next().unwrap()
}

/// Does nothing but in a child process.
#[tokio::test]
async fn child() {
    let Ok(text) = env::var(PART) else { return };
    let (part, path) = text.split_once(':').unwrap();
    match part {
        "lease" => {
            let journal = SqliteJournal::open(path).unwrap();
            let mut got = 0;
            for job in jobs() {
                let leased = job.leased(journal.worker(), at(1));
                got += usize::from(journal.replace(&leased).await.unwrap() == Write::Won);
            }
            println!("\ngot {got}");
            let _ = std::io::stdin().read(&mut [0]);
        }
        "crash-in-transaction" => {
            let connection = Connection::open(path).unwrap();
            // Little memory makes it write its log before the end.
            connection.execute_batch("PRAGMA cache_size = 1; BEGIN IMMEDIATE").unwrap();
            let changed = connection.execute("UPDATE jobs SET job = job || ' '", []).unwrap();
            connection.execute("DELETE FROM jobs WHERE rowid % 2 = 0", []).unwrap();
            println!("\ngot {changed}");
            std::process::abort();
        }
        other => panic!("no part `{other}`"),
    }
}

#[tokio::test]
async fn each_job_goes_to_one_of_several_processes() {
    let (_home, path) = directory();
    let journal = SqliteJournal::open(&path).unwrap();
    let _ = journal.create(&jobs()).await.unwrap();
    let mut children: Vec<Child> = (0..3).map(|_| start("lease", &path)).collect();
    let total: usize = children.iter_mut().map(got).sum();
    assert_eq!(total, JOBS);
    for mut child in children {
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
    }
}

#[tokio::test]
async fn the_jobs_of_a_killed_process_are_free_at_once_and_not_before() {
    let (_home, path) = directory();
    let journal = SqliteJournal::open(&path).unwrap();
    let before = jobs();
    let _ = journal.create(&before).await.unwrap();
    let mut child = start("lease", &path);
    assert_eq!(got(&mut child), JOBS);
    let held = journal.jobs(&JobFilter::default()).await.unwrap();
    assert_eq!(journal.release_dead(at(1)).await.unwrap(), 0, "it lives");
    assert_eq!(journal.jobs(&JobFilter::default()).await.unwrap(), held);

    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(journal.release_dead(at(2)).await.unwrap(), JOBS);
    let wake_at = at(2) + SignedDuration::from_secs(15);
    let free: Vec<Job> = held
        .into_iter()
        .map(|job| Job { lease: None, wake_at: Some(wake_at), version: 2, ..job })
        .collect();
    assert_eq!(journal.jobs(&JobFilter::default()).await.unwrap(), free);
    assert_eq!(journal.due(wake_at, 999).await.unwrap().len(), JOBS);
    assert_eq!(workers(&path), [journal.worker()]);
    assert_eq!(journal.release_dead(at(3)).await.unwrap(), 0);
}

#[tokio::test]
async fn a_crash_in_a_transaction_leaves_no_trace() {
    let (_home, path) = directory();
    let journal = SqliteJournal::open(&path).unwrap();
    let before = jobs();
    let _ = journal.create(&before).await.unwrap();
    let log = path.with_file_name("j.db-wal");
    let committed = log.metadata().unwrap().len();
    let mut child = start("crash-in-transaction", &path);
    assert_eq!(got(&mut child), JOBS);
    assert!(!child.wait().unwrap().success());
    assert!(log.metadata().unwrap().len() > committed, "it had begun to write");
    assert_eq!(journal.jobs(&JobFilter::default()).await.unwrap(), before);
    drop(journal);
    let journal = SqliteJournal::open(&path).unwrap();
    assert_eq!(journal.jobs(&JobFilter::default()).await.unwrap(), before);
    assert_eq!(journal.tally(&before[0].run()).await.unwrap().act.open, JOBS as u64);
}
