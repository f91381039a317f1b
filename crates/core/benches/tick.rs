//! One tick of a large installation: what of 10,000 tasks is due now.

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::schedule::{Due, Schedule, Timing, Zone, due};

const EXPRESSIONS: [&str; 16] = [
    "0 2 * * *",
    "30 3 * * *",
    "*/5 * * * *",
    "*/15 8-18 * * MON-FRI",
    "0 */4 * * *",
    "15 1 * * SUN",
    "0 0 1 * *",
    "0 4 L * *",
    "45 5 LW * *",
    "30 22 * * 5L",
    "0 6 1,15 * MON",
    "0 7 15W * *",
    "0 1 1 JAN,APR,JUL,OCT *",
    "20 2,14 * * *",
    "0 3 1-7 * +SAT",
    "0 0 29 2 *",
];
const ZONES: [&str; 10] = [
    "UTC",
    "Europe/Madrid",
    "Europe/London",
    "America/New_York",
    "America/Los_Angeles",
    "America/Sao_Paulo",
    "Asia/Tokyo",
    "Asia/Kolkata",
    "Australia/Sydney",
    "Africa/Casablanca",
];

fn main() {
    divan::main();
}

fn tasks(count: usize) -> Vec<Schedule> {
    let zones: [Zone; 10] = ZONES.map(|name| name.parse().expect("a zone of the database"));
    (0..count)
        .map(|n| {
            let timing = match n % 17 {
                16 => Timing::Every("15m".parse().expect("an interval")),
                n => Timing::Cron(EXPRESSIONS[n].parse().expect("a cron expression")),
            };
            let zone = zones[n % zones.len()].clone();
            let except = ["2026-12-25", "2027-01-01"].map(|day| day.parse().expect("a date"));
            Schedule { except: except.into(), ..Schedule::new(timing, zone) }
        })
        .collect()
}

fn tick(tasks: &[Schedule], away: SignedDuration) -> Vec<Due> {
    let now: Timestamp = "2026-10-25T01:00:30Z".parse().expect("an instant");
    tasks.iter().map(|schedule| due(schedule, now - away, now)).collect()
}

#[divan::bench]
fn a_minute_of_10_000_tasks(bencher: divan::Bencher<'_, '_>) {
    let tasks = tasks(10_000);
    bencher.bench(|| tick(&tasks, SignedDuration::from_mins(1)));
}

#[divan::bench]
fn a_day_away_with_10_000_tasks(bencher: divan::Bencher<'_, '_>) {
    let tasks = tasks(10_000);
    bencher.bench(|| tick(&tasks, SignedDuration::from_hours(24)));
}

#[divan::bench]
fn loading_10_000_tasks(bencher: divan::Bencher<'_, '_>) {
    bencher.bench(|| tasks(10_000));
}
