//! Files that are not a journal, or no longer a whole one: refused, and left as they are.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use lamplighter_core::{
    Fault, FaultKind, Journal, RunId,
    engine::{JobFilter, Write},
    job::Job,
};
use lamplighter_embedded::SqliteJournal;
use lamplighter_testkit::contract::{act, at, run};
use rusqlite::Connection;
use tempfile::TempDir;

fn directory() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap().join("j.db");
    (directory, path)
}

fn refused(path: &Path) -> Fault {
    SqliteJournal::open(path).err().unwrap()
}

/// Expects a refusal for this reason, and the file as it was.
#[track_caller]
fn check(path: &Path, doing: &str, why: &str) {
    let before = fs::read(path).ok();
    let fault = refused(path);
    assert_eq!(fault.kind, FaultKind::Config);
    assert_eq!(fault.chain(), format!("{doing} the journal `{}`: {why}", path.display()));
    assert_eq!(fs::read(path).ok(), before);
}

/// A journal with this many jobs, closed again.
async fn journal(path: &Path, jobs: usize) -> (RunId, Vec<Job>) {
    let id = run("nightly", 0);
    let jobs: Vec<Job> = (0..jobs).map(|n| act(&id, &format!("vol-{n:04}"), 0)).collect();
    let journal = SqliteJournal::open(path).unwrap();
    let _ = journal.create(&jobs).await.unwrap();
    (id, jobs)
}

async fn jobs_in(journal: &SqliteJournal) -> Result<Vec<Job>, Fault> {
    journal.jobs(&JobFilter::default()).await
}

#[test]
fn what_is_not_a_journal_is_refused_and_left_alone() {
    let (home, path) = directory();
    check(home.path(), "opening", "it is a directory: name a file in it");
    let elsewhere = home.path().join("state/j.db");
    let why = format!("there is no directory `{}`: create it", home.path().join("state").display());
    check(&elsewhere, "creating", &why);
    fs::write(&path, "").unwrap();
    check(
        &path,
        "opening",
        "the file is empty, which a journal never is: put a backup in its place, or delete it to \
         start with a new one",
    );
    fs::write(&path, "tasks:\n  nightly-backup: {}\n".repeat(99)).unwrap();
    check(
        &path,
        "opening",
        "file is not a database; the file is something else and was left as it is: name another \
         file",
    );
    fs::remove_file(&path).unwrap();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE jobs (id TEXT)").unwrap();
    check(
        &path,
        "opening",
        "it is a database of another program and was left as it is: name another file",
    );
}

#[tokio::test]
async fn a_journal_of_a_newer_version_is_refused() {
    let (_home, path) = directory();
    journal(&path, 1).await;
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 2).unwrap();
    check(
        &path,
        "opening",
        "it was written by a newer version of lamplighter (its tables have version 2, this one \
         knows 1) and was left as it is: use that version, or name another file",
    );
}

#[cfg(unix)]
#[tokio::test]
async fn a_read_only_file_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let (_home, path) = directory();
    journal(&path, 1).await;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    check(&path, "opening", "the file is read-only: let this user write it");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(jobs_in(&SqliteJournal::open(&path).unwrap()).await.unwrap().len(), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn links_lead_to_the_journal_and_a_broken_one_is_refused() {
    let (home, path) = directory();
    let link = home.path().join("link.db");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let fault = refused(&link);
    assert_eq!(fault.kind, FaultKind::Config);
    assert!(!path.exists());
    let (_, jobs) = journal(&path, 1).await;
    let (one, two) = (SqliteJournal::open(&path).unwrap(), SqliteJournal::open(&link).unwrap());
    assert_eq!(jobs_in(&two).await.unwrap(), jobs);
    // Both see each other live, and end.
    let held = jobs[0].leased(two.worker(), at(1));
    assert_eq!(two.replace(&held).await.unwrap(), Write::Won);
    assert_eq!(one.release_dead(at(1)).await.unwrap(), 0);
    drop(two);
    assert_eq!(one.release_dead(at(1)).await.unwrap(), 1);
}

#[tokio::test]
async fn a_log_whose_journal_is_gone_is_not_overwritten() {
    let (home, path) = directory();
    let log = home.path().join("j.db-wal");
    fs::write(&log, "committed jobs").unwrap();
    let why = format!(
        "`{}` is left of a journal that is gone: put the journal back beside it, or delete it to \
         start with a new one",
        log.canonicalize().unwrap().display()
    );
    check(&path, "creating", &why);
    assert_eq!(fs::read_to_string(&log).unwrap(), "committed jobs");
}

#[tokio::test]
async fn what_a_crash_left_of_creating_a_journal_does_no_harm() {
    let (home, path) = directory();
    fs::write(home.path().join("j.db.new"), "half a file").unwrap();
    fs::write(home.path().join("j.db.new-journal"), "half a log").unwrap();
    let (_, jobs) = journal(&path, 3).await;
    assert_eq!(jobs_in(&SqliteJournal::open(&path).unwrap()).await.unwrap(), jobs);
}

#[tokio::test]
async fn a_file_that_was_cut_off_is_refused_wherever_it_was_cut() {
    let (home, path) = directory();
    journal(&path, 60).await;
    let whole = fs::read(&path).unwrap();
    let cut = home.path().join("cut.db");
    let step = whole.len() / 97;
    for length in (1..whole.len()).step_by(step).chain([16, 99, 100, 4096, whole.len() - 1]) {
        fs::write(&cut, &whole[..length]).unwrap();
        let Err(fault) = SqliteJournal::open(&cut) else { panic!("cut off after {length}") };
        let kinds = [FaultKind::Config, FaultKind::Permanent];
        assert!(kinds.contains(&fault.kind), "{length}: {}", fault.chain());
        assert_eq!(fs::read(&cut).unwrap(), whole[..length]);
    }
}

#[tokio::test]
async fn a_file_with_a_damaged_page_never_yields_other_jobs() {
    let (home, path) = directory();
    let (_, jobs) = journal(&path, 60).await;
    let whole = fs::read(&path).unwrap();
    let damaged = home.path().join("damaged.db");
    for page in 0..whole.len() / 4096 {
        let mut bytes = whole.clone();
        bytes[page * 4096..(page + 1) * 4096].fill(0xa5);
        fs::write(&damaged, &bytes).unwrap();
        for left in ["-wal", "-shm"] {
            let _ = fs::remove_file(home.path().join(format!("damaged.db{left}")));
        }
        let Ok(journal) = SqliteJournal::open(&damaged) else { continue };
        match jobs_in(&journal).await {
            Ok(found) => assert_eq!(found, jobs, "page {page} holds no job"),
            Err(fault) => assert_eq!(fault.kind, FaultKind::Permanent, "{}", fault.chain()),
        }
    }
}

#[tokio::test]
async fn a_damaged_record_is_a_fault_of_that_job_and_of_no_other() {
    let (_home, path) = directory();
    let (id, jobs) = journal(&path, 3).await;
    let journal = SqliteJournal::open(&path).unwrap();
    let held = jobs[1].leased("gone", at(0));
    assert_eq!(journal.replace(&held).await.unwrap(), Write::Won);
    let by_hand = Connection::open(&path).unwrap();
    let bad = held.id.as_str();
    by_hand.execute("UPDATE jobs SET job = '{' WHERE id = ?1", [bad]).unwrap();
    let expected = format!(
        "reading the journal `{}`: the record of job `{bad}` is damaged: EOF while parsing an \
         object at line 1 column 1; put a backup of the file in place, or delete that row with \
         `sqlite3`; the others are not affected",
        path.display()
    );
    for fault in [
        journal.load(&held.id).await.unwrap_err(),
        // A listing that leaves something out without a word would be worse.
        jobs_in(&journal).await.unwrap_err(),
    ] {
        assert_eq!((fault.kind, fault.chain()), (FaultKind::Permanent, expected.clone()));
    }
    assert_eq!(journal.due(at(9), 9).await.unwrap().len(), 3);
    let other = jobs[2].leased("worker", at(1));
    assert_eq!(journal.replace(&other).await.unwrap(), Write::Won);
    assert_eq!(journal.load(&other.id).await.unwrap().as_ref(), Some(&other));
    by_hand.execute("DELETE FROM jobs WHERE id = ?1", [bad]).unwrap();
    assert_eq!(jobs_in(&journal).await.unwrap(), [jobs[0].clone(), other]);
    assert_eq!(journal.tally(&id).await.unwrap().act.open, 2, "it follows what is done by hand");
}
