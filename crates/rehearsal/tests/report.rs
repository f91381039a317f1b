//! What a report says of a stretch of time.

use std::sync::Arc;

use jiff::SignedDuration;
use lamplighter_core::{
    Catalog,
    engine::{Counts, Tally},
};
use lamplighter_rehearsal::{Rehearsal, Report, Totals, finish, report};

mod support;

use support::{BEGIN, Fleet, Touch, minutes, places, task};

const CATALOG: Catalog = &[&Touch];

#[test]
fn a_report_says_what_ran_what_was_missed_and_what_failed() {
    let places = places(["eu-west-1"]);
    let tasks = [task("hourly", "1h", &places), task("weekly", "7d", &places)];
    let mut rehearsal = Rehearsal::new(BEGIN, 1);
    let fleet = Fleet::new(rehearsal.clock(), ["vol-a", "vol-fails"], SignedDuration::ZERO);
    rehearsal.employ(rehearsal.engines(1, CATALOG, &tasks, &(Arc::new(fleet.clone()) as _)));
    rehearsal.run_until(minutes(130)).unwrap();
    // Nobody is there from 04:10 to 06:10.
    rehearsal.crash(0);
    rehearsal.run_until(minutes(250)).unwrap();
    rehearsal.restart(0);
    rehearsal.run_until(minutes(310)).unwrap();
    assert_eq!(fleet.touched().len(), 4);

    let since = |minute| -> Report {
        let report = report(&tasks, &**rehearsal.journal(), minutes(minute), minutes(310));
        finish(report).unwrap().unwrap()
    };
    let whole = since(0);
    let runs: Vec<&str> = whole.runs.iter().map(|run| run.id.as_str()).collect();
    assert_eq!(
        runs,
        [
            "hourly@2026-03-02T07:00:00Z",
            "hourly@2026-03-02T06:00:00Z",
            "hourly@2026-03-02T05:00:00Z",
            "hourly@2026-03-02T04:00:00Z",
            "hourly@2026-03-02T03:00:00Z",
        ]
    );
    let hourly = Totals {
        runs: Counts { failed: 4, skipped: 1, ..Counts::default() },
        jobs: Tally {
            spread: Counts { succeeded: 4, skipped: 1, ..Counts::default() },
            find: Counts { succeeded: 4, ..Counts::default() },
            act: Counts { succeeded: 4, failed: 4, ..Counts::default() },
        },
    };
    let totals: Vec<(&str, Totals)> =
        whole.tasks.iter().map(|(task, totals)| (task.as_str(), *totals)).collect();
    assert_eq!(totals, [("hourly", hourly), ("weekly", Totals::default())]);
    let failed: Vec<_> =
        whole.failed.iter().map(|it| (it.work.target(), it.status.message())).collect();
    let broken = "test.touch on `vol-fails` in 111122223333/eu-west-1: it is broken";
    assert_eq!(failed, [(Some("vol-fails"), Some(broken)); 4]);
    let overdue: Vec<_> =
        whole.overdue.iter().map(|it| (it.occurrence, it.target.as_deref())).collect();
    assert_eq!(overdue, [(minutes(180), None), (minutes(300), Some("vol-fails"))]);

    let late = since(240);
    assert_eq!((late.runs.len(), late.failed.len(), late.overdue.len()), (2, 2, 1));
}
