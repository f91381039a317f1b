//! How long a month takes in virtual time.
//!
//! Three tasks on twenty volumes in each of six places: 43,200 ticks and some 90,000 jobs.

use std::sync::Arc;

use divan::Bencher;
use jiff::SignedDuration;
use lamplighter_core::{Catalog, task::Task};
use lamplighter_rehearsal::{Rehearsal, finish, report};

#[path = "../tests/support/mod.rs"]
mod support;

use support::{BEGIN, Fleet, Touch, minutes, places, task};

fn main() {
    divan::main();
}

const CATALOG: Catalog = &[&Touch];
const MINUTES: i64 = 30 * 24 * 60;

fn tasks() -> Vec<Task> {
    let places =
        places(["eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1", "us-east-1", "us-west-2"]);
    vec![
        task("nightly", "0 3 * * *", &places),
        task("hourly", "1h", &places),
        task("weekly", "0 5 * * SUN", &places),
    ]
}

/// A month of these tasks; returns with the fleet.
fn month(tasks: &[Task], workers: usize) -> (Rehearsal, Fleet) {
    let mut rehearsal = Rehearsal::new(BEGIN, 1);
    let volumes: Vec<String> = (0..20).map(|n| format!("vol-{n:02}")).collect();
    let volumes = volumes.iter().map(String::as_str);
    let fleet = Fleet::new(rehearsal.clock(), volumes, SignedDuration::ZERO);
    let accounts = Arc::new(fleet.clone()) as _;
    rehearsal.employ(rehearsal.engines(workers, CATALOG, tasks, &accounts));
    rehearsal.run_until(minutes(MINUTES)).expect("every step ends");
    (rehearsal, fleet)
}

#[divan::bench(args = [1, 4], sample_count = 5, sample_size = 1)]
fn a_month_of_three_tasks(bencher: Bencher<'_, '_>, workers: usize) {
    let tasks = tasks();
    bencher.bench(|| {
        let (rehearsal, fleet) = month(&tasks, workers);
        assert_eq!(fleet.touched().len(), (720 + 30 + 4) * 6 * 20);
        rehearsal
    });
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn a_month_without_work(bencher: Bencher<'_, '_>) {
    bencher.bench(|| {
        let mut idle = tasks();
        idle.iter_mut().for_each(|task| task.enabled = false);
        let (rehearsal, _) = month(&idle, 4);
        assert!(rehearsal.journal().is_empty());
        rehearsal
    });
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn a_report_on_a_month(bencher: Bencher<'_, '_>) {
    let tasks = tasks();
    let (rehearsal, _) = month(&tasks, 4);
    bencher.bench_local(|| {
        let now = minutes(MINUTES);
        let report = finish(report(&tasks, &**rehearsal.journal(), BEGIN, now));
        let report = report.expect("nobody dies").expect("memory does not fail");
        assert_eq!(report.tasks.len(), 3);
    });
}
