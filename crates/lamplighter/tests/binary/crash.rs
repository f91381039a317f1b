//! `kill -9` at any moment: every target has exactly one snapshot for the occurrence.
//!
//! These tests take a minute and more, in which nothing is to be done: what may have been made
//! before the kill is believed to be missing only when describes can no longer lag. A snapshot that
//! is made after that may be the second, and is watched for five minutes more.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use lamplighter_tests::Running;
use serde_json::Value;

use crate::bed::{AT, Bed};

/// After so long a test that waits for something has failed.
const PATIENCE: Duration = Duration::from_secs(480);

#[test]
fn a_run_that_is_killed_again_and_again_ends_with_one_snapshot_each() {
    let bed = Bed::start();
    let wanted = bed.backed_up();
    let run = ["run", "nightly-backup", "--at", AT, "--concurrency", "1"];
    // Each life is a little longer than the one before: the kills fall on all that a run does.
    for life in 1..=14 {
        let child = Running(quietly(&bed, &run).spawn().unwrap());
        thread::sleep(Duration::from_millis(25 * life));
        child.kill();
    }
    let ended = bed.here.run(&run);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(bed.made(AT), wanted);
}

#[test]
fn what_a_killed_run_left_open_goes_on_under_serve() {
    let bed = Bed::start();
    let wanted = bed.backed_up();
    // One step at a time, and killed as soon as something is done. If all was done by then, the
    // next occurrence may be slower.
    let killed = (0..20).map(|minute| format!("2026-03-29T02:{minute:02}:00Z")).find(|at| {
        let run = ["run", "nightly-backup", "--at", at, "--concurrency", "1"];
        let child = Running(quietly(&bed, &run).spawn().unwrap());
        until("something is done", || counted(&bed, at, "succeeded") > 0);
        child.kill();
        counted(&bed, at, "open") > 0
    });
    let at = killed.expect("no run was slow enough to be killed before its end");

    serve(&bed).kill();
    let second = serve(&bed);
    until("every job is closed", || counted(&bed, &at, "open") == 0);
    assert_eq!(second.stop().code(), Some(0), "SIGTERM ends it in order");
    assert_eq!(bed.made(&at), wanted);
}

/// The jobs of an occurrence in one state; none while nothing is recorded.
fn counted(bed: &Bed, at: &str, state: &str) -> u64 {
    let ended = bed.here.run(&["runs", "--json"]);
    let runs: Value = serde_json::from_str(&ended.stdout).unwrap_or_default();
    let run = runs.as_array().into_iter().flatten().find(|run| run["occurrence"] == at);
    run.and_then(|run| run["jobs"][state].as_u64()).unwrap_or_default()
}

pub(crate) fn quietly(bed: &Bed, args: &[&str]) -> Command {
    let mut command = bed.here.command(args);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Starts `serve`, and returns once it serves.
fn serve(bed: &Bed) -> Running {
    let mut child = quietly(bed, &["serve"]).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.starts_with("serving 2 scheduled tasks")), "it ended at once");
    thread::spawn(move || lines.for_each(drop));
    Running(child)
}

#[track_caller]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "waited too long until {what}");
        thread::sleep(Duration::from_millis(50));
    }
}
