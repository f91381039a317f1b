//! What every [`Journal`] must do: each sentence of the trait's documentation, as a test that
//! runs in the same form on every implementation.
//!
//! A case is a function that gets an empty journal and panics when a promise is broken. The jobs
//! that the cases are made of are there for an implementation's own tests as well.

#![expect(clippy::unwrap_used, reason = "a broken promise is a panic")]

mod gates;
mod listings;
mod races;
mod records;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{
    JobId, Journal, Place, RunId,
    engine::{Tally, Write},
    job::{Job, Outcome, Tried, Work},
    schedule::Zone,
    select::Selection,
    task::{Guards, Mode, Order},
};
use serde_json::json;

/// Checks a kind of journal. `open` makes a new, empty one each time.
///
/// # Panics
///
/// Panics when the journal breaks a promise of the trait.
pub async fn journal_contract(open: impl AsyncFn() -> Arc<dyn Journal>) {
    records::a_job_is_created_once(&*open().await).await;
    records::a_large_batch_is_created_whole(&*open().await).await;
    records::a_job_is_loaded_as_it_was_written(&*open().await).await;
    records::a_write_needs_the_version_before(&*open().await).await;
    records::a_write_may_be_repeated_until_somebody_else_writes(&*open().await).await;
    records::a_closed_job_never_changes(&*open().await).await;
    records::jobs_are_due_when_their_time_has_come(&*open().await).await;
    records::a_leased_job_is_due_when_its_lease_ends(&*open().await).await;
    records::the_tally_follows_every_transition(&*open().await).await;
    gates::a_gate_holds_its_limit(&*open().await).await;
    gates::a_holder_has_one_slot_and_may_prolong_it(&*open().await).await;
    gates::the_slot_of_a_dead_holder_comes_back(&*open().await).await;
    gates::a_freed_slot_names_those_who_wait(&*open().await).await;
    gates::no_more_are_named_than_there_is_room_for(&*open().await).await;
    gates::only_jobs_that_wait_are_named(&*open().await).await;
    listings::the_last_tick_never_moves_back(&*open().await).await;
    listings::tasks_are_known_in_their_last_form(&*open().await).await;
    listings::runs_are_listed_from_the_latest(&*open().await).await;
    listings::runs_of_events_at_one_instant_are_apart(&*open().await).await;
    listings::a_run_ends_with_its_last_job(&*open().await).await;
    listings::a_run_that_was_missed_is_a_skipped_one(&*open().await).await;
    listings::jobs_are_filtered(&*open().await).await;
    listings::pages_of_jobs_make_the_whole(&*open().await).await;
    listings::only_what_closed_long_ago_is_forgotten(&*open().await).await;
    listings::a_run_is_forgotten_with_its_last_job(&*open().await).await;
    races::one_of_many_creates_a_job(open().await).await;
    races::one_of_many_leases_a_job(open().await).await;
    races::many_never_take_more_than_a_gate_holds(open().await).await;
    races::a_tally_survives_many_writers(open().await).await;
}

/// So many minutes after the occurrence of the runs here.
pub fn at(minutes: i64) -> Timestamp {
    start() + SignedDuration::from_mins(minutes)
}

fn start() -> Timestamp {
    "2026-03-29T02:00:00Z".parse().unwrap()
}

/// A run of a task that was due so many minutes after the first.
pub fn run(task: &str, minutes: i64) -> RunId {
    RunId::new(&task.parse().unwrap(), at(minutes))
}

fn place() -> Place {
    Place { account: "111122223333".parse().unwrap(), region: "eu-west-1".parse().unwrap() }
}

fn order(run: &RunId) -> Arc<Order> {
    Arc::new(Order {
        task: run.task().parse().unwrap(),
        defined_at: "backup.yaml:3".to_owned(),
        action: "ebs.snapshot.create".to_owned(),
        params: json!({"copy-tags": ["team"]}),
        select: Selection::default(),
        adopt: None,
        mode: Mode::Act,
        guards: Guards::default(),
        max_concurrent: None,
        timeout: None,
        stop_after: None,
        time_zone: Zone::default(),
    })
}

/// A job on one target, recorded at the start and due so many minutes later.
pub fn act(run: &RunId, target: &str, wake_after: i64) -> Job {
    let work = Work::Act {
        order: order(run),
        place: place(),
        occurrence: run.occurrence().parse().unwrap(),
        target: target.to_owned(),
        facts: json!({"id": target}).into(),
        why: String::new(),
        state: None,
    };
    job(JobId::act(run, &place(), target), work, wake_after)
}

/// A job for one place.
fn find(run: &RunId) -> Job {
    let work = Work::Find {
        order: order(run),
        place: place(),
        occurrence: run.occurrence().parse().unwrap(),
        plan: None,
        only: None,
    };
    job(JobId::find(run, &place()), work, 0)
}

/// The job that starts a run.
fn spread(run: &RunId) -> Job {
    let work = Work::Spread {
        order: order(run),
        reach: Vec::new(),
        groups: Vec::new(),
        occurrence: run.occurrence().parse().unwrap(),
        spread: None,
        plan: None,
    };
    job(JobId::spread(run), work, 0)
}

fn job(id: JobId, work: Work, wake_after: i64) -> Job {
    Job::new(id, work, at(0), at(wake_after), SignedDuration::from_hours(6))
}

/// The job after it was leased at this minute.
fn leased(job: &Job, minutes: i64) -> Job {
    job.leased("worker-1", at(minutes))
}

/// The job after a step with this outcome at this minute.
fn settled(job: &Job, outcome: Outcome, minutes: i64) -> Job {
    job.settled(Ok(outcome), Tried::default(), at(minutes), 0.5)
}

/// The job after it was done at this minute.
fn done(job: &Job, minutes: i64) -> Job {
    settled(job, Outcome::Done("done".to_owned()), minutes)
}

/// The job while it waits at a gate until this minute.
fn waiting(job: &Job, gate: &str, minutes: u64) -> Job {
    let wait = std::time::Duration::from_secs(minutes * 60);
    settled(job, Outcome::Waiting { gate: gate.to_owned(), wait }, 0)
}

/// Counts jobs: what a tally must say.
fn counted<'a>(jobs: impl IntoIterator<Item = &'a Job>) -> Tally {
    let mut tally = Tally::default();
    for job in jobs {
        *tally.of(job.work.kind()).of(job.status.state()) += 1;
    }
    tally
}

/// Writes new jobs.
async fn create(journal: &dyn Journal, jobs: &[Job]) {
    assert_eq!(journal.create(jobs).await.unwrap(), vec![Write::Won; jobs.len()]);
}

/// Writes the next form of a job.
async fn replace(journal: &dyn Journal, job: &Job) {
    assert_eq!(journal.replace(job).await.unwrap(), Write::Won, "{}", job.id);
}
