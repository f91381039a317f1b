//! How long a month takes in virtual time.
//!
//! Three tasks on twenty volumes in each of six places: 43,200 ticks and some 90,000 jobs.

use divan::Bencher;
use jiff::SignedDuration;
use lamplighter_core::{Catalog, task::Task};
use lamplighter_rehearsal::{Rehearsal, finish, report};

#[path = "../tests/support/mod.rs"]
mod support;

use support::{BEGIN, Fleet, Touch, places, task};

fn main() {
    divan::main();
}

const CATALOG: Catalog = &[&Touch];
const DAYS: i64 = 30;

fn tasks() -> Vec<Task> {
    let places =
        places(["eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1", "us-east-1", "us-west-2"]);
    vec![
        task("nightly", "0 3 * * *", &places),
        task("hourly", "1h", &places),
        task("weekly", "0 5 * * SUN", &places),
    ]
}

fn month(tasks: &[Task], workers: usize) -> Rehearsal {
    let mut rehearsal = Rehearsal::new(BEGIN, 1);
    let volumes: Vec<String> = (0..20).map(|n| format!("vol-{n:02}")).collect();
    let fleet = Fleet::new(rehearsal.clock(), volumes.iter().map(String::as_str));
    rehearsal.employ(rehearsal.engines(
        workers,
        CATALOG,
        tasks,
        &(std::sync::Arc::new(fleet) as _),
    ));
    let until = BEGIN + SignedDuration::from_hours(24 * DAYS);
    rehearsal.run_until(until).expect("every step ends");
    rehearsal
}

#[divan::bench(args = [1, 4], sample_count = 5, sample_size = 1)]
fn a_month_of_three_tasks(bencher: Bencher<'_, '_>, workers: usize) {
    let tasks = tasks();
    bencher.bench(|| {
        let rehearsal = month(&tasks, workers);
        assert!(rehearsal.journal().len() > 90_000 && rehearsal.journal().open() == 0);
        rehearsal
    });
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn a_month_without_work(bencher: Bencher<'_, '_>) {
    bencher.bench(|| {
        let mut idle = tasks();
        idle.iter_mut().for_each(|task| task.enabled = false);
        let rehearsal = month(&idle, 4);
        assert!(rehearsal.journal().is_empty());
        rehearsal
    });
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn a_report_on_a_month(bencher: Bencher<'_, '_>) {
    let tasks = tasks();
    let rehearsal = month(&tasks, 4);
    bencher.bench_local(|| {
        let now = BEGIN + SignedDuration::from_hours(24 * DAYS);
        let report = finish(report(&tasks, &**rehearsal.journal(), BEGIN, now));
        let report = report.expect("nobody dies").expect("memory does not fail");
        assert_eq!(report.tasks.len(), 3);
    });
}
