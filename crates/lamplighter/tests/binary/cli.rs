//! Commands that need no AWS, their JSON, and bad input: a clear error, the right exit code, and
//! nothing lost.

use std::fs;

use serde_json::json;

use crate::bed::{Here, repository};

/// A configuration with one task.
const TASKS: &str = "accounts:
  hub: { id: \"111122223333\", regions: [eu-west-1] }
tasks:
  nightly:
    action: ebs.snapshot.create
    schedule: { cron: \"30 2 * * *\", time-zone: Europe/Madrid }
    accounts: [hub]
    select: { tags: { backup: daily } }
";

fn configured() -> Here {
    let here = Here::new();
    here.write("config/tasks.yaml", TASKS);
    here
}

/// Runs a command that cannot be, and looks for words in its error.
#[track_caller]
fn refused(here: &Here, args: &[&str], code: i32, words: &[&str]) {
    let ended = here.run(args);
    assert_eq!(ended.code, Some(code), "{args:?}: {}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.stdout, "", "errors go to standard error");
    for word in words {
        assert!(ended.stderr.contains(word), "{args:?}: no `{word}` in: {}", ended.stderr);
    }
}

#[test]
fn schedule_shows_gaps_and_folds() {
    let here = Here::new();
    let next = |cron: &str, zone: &str, from: &str, count: &str| {
        here.json(&["schedule", cron, "--time-zone", zone, "--from", from, "--count", count], 0)
    };
    assert_eq!(
        next("30 2 * * *", "Europe/Madrid", "2026-03-28T02:30:00+01:00", "2"),
        json!(["2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"])
    );
    assert_eq!(
        next("*/30 1 * * *", "America/New_York", "2026-11-01T00:59:00-04:00", "4"),
        json!([
            "2026-11-01T01:00:00-04:00",
            "2026-11-01T01:30:00-04:00",
            "2026-11-01T01:00:00-05:00",
            "2026-11-01T01:30:00-05:00"
        ])
    );
    assert_eq!(
        next("15 1 * * *", "America/New_York", "2026-11-01", "2"),
        json!(["2026-11-01T01:15:00-04:00", "2026-11-02T01:15:00-05:00"])
    );
}

#[test]
fn schedule_refuses_what_it_cannot_read() {
    let here = Here::new();
    refused(&here, &["schedule", "61 * * * *"], 2, &["61", "minute"]);
    refused(&here, &["schedule", "0 0 30 2 *"], 2, &["never"]);
    refused(&here, &["schedule", "@daily", "--time-zone", "Europe/Madird"], 2, &["Europe/Madrid"]);
    refused(&here, &["schedule", "@daily", "--from", "soon"], 2, &["--from soon"]);
}

#[test]
fn calendar_lists_what_runs_when() {
    let here = configured();
    let calendar = ["calendar", "--days", "1", "--from", "2026-03-29"];
    assert_eq!(
        here.json(&calendar, 0),
        json!([{
            "task": "nightly",
            "occurrence": "2026-03-29T03:00:00+02:00",
            "time-zone": "Europe/Madrid",
            "places": 1
        }])
    );
    let ics = here.run(&[&calendar[..], &["--format", "ics"]].concat()).stdout;
    assert!(ics.contains("BEGIN:VEVENT") && ics.contains("DTSTART:20260329T010000Z"), "{ics}");
}

#[test]
fn retention_explains_each_backup_in_the_order_given() {
    let here = Here::new();
    here.write("keep.yaml", "keep: { last: 1, daily: 2 }\nfloor: 1\n");
    here.write(
        "backups.json",
        r#"[
            {"id": "b", "source": "v", "taken-at": "2026-03-28T02:00:00Z", "state": "completed"},
            {"id": "a", "source": "v", "taken-at": "2026-03-27T02:00:00Z", "state": "completed"},
            {"id": "c", "source": "v", "taken-at": "2026-03-29T02:00:00Z", "state": "completed"},
            {"id": "d", "source": "v", "taken-at": "2026-03-29T03:00:00Z", "state": "pending"}
        ]"#,
    );
    let files = ["retention", "--keep", "keep.yaml", "--backups", "backups.json"];
    let decided = here.json(&[&files[..], &["--now", "2026-03-29T04:00:00Z"]].concat(), 0);
    let verdicts: Vec<(&str, &str)> = decided
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["id"].as_str().unwrap(), it["verdict"].as_str().unwrap()))
        .collect();
    assert_eq!(verdicts, [("b", "keep"), ("a", "delete"), ("c", "keep"), ("d", "leave")]);
    assert!(decided.as_array().unwrap().iter().all(|it| !it["reasons"][0].is_null()));

    here.write("keep.yaml", "keep: { dayly: 2 }\n");
    refused(&here, &files, 2, &["keep.yaml", "dayly"]);
    here.write("keep.yaml", "keep: {}\n");
    refused(&here, &files, 2, &["keep.yaml"]);
}

#[test]
fn check_reports_every_problem_with_its_place() {
    let here = configured();
    assert_eq!(here.json(&["check"], 0), json!({ "problems": [] }));
    here.write(
        "config/tasks.yaml",
        &TASKS.replace("30 2 * * *", "30 25 * * *").replace("select", "selekt"),
    );
    let problems = here.json(&["check"], 2);
    let places: Vec<(u64, &str)> = problems["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["line"].as_u64().unwrap(), it["file"].as_str().unwrap()))
        .collect();
    assert_eq!(places, [(6, "config/tasks.yaml"), (8, "config/tasks.yaml")], "{problems}");
    refused(&here, &["plan", "nightly"], 2, &["config/tasks.yaml:6", "`selekt`", "`select`"]);
}

#[test]
fn a_configuration_that_is_not_there_is_named() {
    let here = Here::new();
    refused(&here, &["check"], 2, &["`config`", "lamplighter init"]);
    here.write("config/readme.txt", "");
    refused(&here, &["check"], 2, &["no `*.yaml` file in `config`"]);
}

#[test]
fn names_that_are_not_there_are_named() {
    let here = configured();
    refused(&here, &["plan", "nightlie"], 2, &["no task `nightlie`"]);
    refused(&here, &["run", "nightlie"], 2, &["no task `nightlie`"]);
    refused(&here, &["actions", "ebs.snapshot.crate"], 2, &["ebs.snapshot.create"]);
    refused(&here, &["runs"], 2, &["no journal at `lamplighter.db`", "--journal"]);
    refused(&here, &["run", "nightly", "--journal", "postgres:x"], 2, &["sqlite:FILE"]);
}

#[test]
fn a_journal_that_cannot_be_one_is_left_as_it_is() {
    let here = configured();
    let garbage = "this is a letter to my aunt, not a database\n".repeat(100);
    here.write("lamplighter.db", &garbage);
    refused(&here, &["run", "nightly"], 2, &["lamplighter.db"]);
    assert_eq!(fs::read_to_string(here.path("lamplighter.db")).unwrap(), garbage);
    here.write("folder/file", "");
    refused(&here, &["run", "nightly", "--journal", "sqlite:folder"], 2, &["folder"]);
    refused(&here, &["run", "nightly", "--journal", "sqlite:no/such/folder/j.db"], 2, &["no/such"]);
}

#[test]
fn a_plan_is_saved_whole_or_not_at_all() {
    let here = configured();
    // Nothing listens there: the plan has a problem, and is saved with it.
    let plan = |out: &str| {
        let mut command = here.command(&["plan", "nightly", "--out", out]);
        command
            .env("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_ACCESS_KEY_ID", "a")
            .env("AWS_SECRET_ACCESS_KEY", "b");
        command.output().unwrap()
    };
    let saved = plan("plan.json");
    assert_eq!(saved.status.code(), Some(1));
    let text = fs::read_to_string(here.path("plan.json")).unwrap();
    assert!(text.contains("\"problems\": [\n"), "{text}");
    let nowhere = plan("no/such/folder/plan.json");
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&nowhere.stderr).contains("no/such/folder/plan.json"));
}

#[test]
fn the_schema_that_is_printed_is_the_one_in_the_repository() {
    let printed = Here::new().json(&["schema"], 0);
    let kept = fs::read_to_string(repository("config/schema.json")).unwrap();
    assert_eq!(printed, serde_json::from_str::<serde_json::Value>(&kept).unwrap());
}

#[test]
fn every_command_explains_itself() {
    let here = Here::new();
    for command in [
        "init",
        "check",
        "actions",
        "schema",
        "calendar",
        "schedule",
        "retention",
        "plan",
        "apply",
        "run",
        "serve",
        "runs",
        "jobs",
        "missed",
    ] {
        let ended = here.run(&[command, "--help"]);
        assert_eq!(ended.code, Some(0));
        assert!(ended.stdout.contains("Usage: lamplighter"), "{command}");
    }
    refused(&here, &["walk"], 2, &["unrecognized subcommand"]);
}
