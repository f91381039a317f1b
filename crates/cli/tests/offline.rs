//! Commands that need no AWS, their JSON, and bad input: a clear error and the right exit code.

use lamplighter_tests::{Here, read};
use serde_json::{Value, json};

/// The program without the AWS SDK.
const OFFLINE: &str = env!("CARGO_BIN_EXE_lamplighter-offline");

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
    let here = Here::new(OFFLINE);
    here.write("config/tasks.yaml", TASKS);
    here
}

#[test]
fn schedule_shows_gaps_and_folds() {
    let here = Here::new(OFFLINE);
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
    let here = Here::new(OFFLINE);
    here.refused(&["schedule", "61 * * * *"], 2, &["61", "minute"]);
    here.refused(&["schedule", "0 0 30 2 *"], 2, &["never"]);
    here.refused(&["schedule", "@daily", "--time-zone", "Europe/Madird"], 2, &["Europe/Madrid"]);
    here.refused(&["schedule", "@daily", "--from", "soon"], 2, &["--from soon"]);
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
    let here = Here::new(OFFLINE);
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
    here.refused(&files, 2, &["keep.yaml", "dayly"]);
    here.write("keep.yaml", "keep: {}\n");
    here.refused(&files, 2, &["keep.yaml"]);
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
}

#[test]
fn a_configuration_that_is_not_there_is_named() {
    let here = Here::new(OFFLINE);
    here.refused(&["check"], 2, &["`config`", "lamplighter init"]);
    here.write("config/readme.txt", "");
    here.refused(&["check"], 2, &["no `*.yaml` file in `config`"]);
}

#[test]
fn names_that_are_not_there_are_named() {
    let here = configured();
    here.refused(&["actions", "ebs.snapshot.crate"], 2, &["ebs.snapshot.create"]);
    here.refused(&["runs"], 2, &["no journal at `lamplighter.db`", "--journal"]);
    here.refused(&["runs", "--journal", "postgres:x"], 2, &["sqlite:FILE"]);
    for command in ["runs", "jobs", "missed"] {
        let args = [command, "--journal", "dynamodb:lamplighter"];
        here.refused(&args, 2, &["dynamodb:lamplighter", "cannot work in AWS accounts"]);
    }
}

#[test]
fn the_schema_that_is_printed_is_the_one_in_the_repository() {
    let printed = Here::new(OFFLINE).json(&["schema"], 0);
    let kept: Value = serde_json::from_str(&read("config/schema.json")).unwrap();
    assert_eq!(printed, kept);
}

#[test]
fn every_command_explains_itself() {
    let here = Here::new(OFFLINE);
    for command in [
        "init",
        "check",
        "actions",
        "schema",
        "calendar",
        "schedule",
        "retention",
        "test",
        "plan",
        "apply",
        "run",
        "serve",
        "runs",
        "jobs",
        "missed",
        "demo",
        "simulate",
    ] {
        let ended = here.run(&[command, "--help"]);
        assert_eq!(ended.code, Some(0));
        assert!(ended.stdout.contains("Usage: lamplighter"), "{command}");
    }
    here.refused(&["walk"], 2, &["unrecognized subcommand"]);
}

#[test]
fn what_works_in_aws_accounts_is_not_offered_and_refused() {
    let here = configured();
    let help = here.run(&["--help"]).stdout;
    let offered = |name: &str| help.lines().any(|it| it.starts_with(&format!("  {name} ")));
    assert!(offered("check") && offered("runs"), "{help}");
    for args in [
        &["plan", "nightly"][..],
        &["apply", "plan.json"],
        &["run", "nightly"],
        &["serve"],
        &["worker"],
    ] {
        assert!(!offered(args[0]), "{help}");
        here.refused(
            args,
            2,
            &["lamplighter-offline", "cargo install --path crates/lamplighter --locked"],
        );
    }
    assert!(!here.path("lamplighter.db").exists(), "a command that is refused leaves nothing");
}
