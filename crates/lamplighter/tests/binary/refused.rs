//! What cannot be done: a clear error, the right exit code, and nothing lost. No AWS is there.

use std::fs;

use lamplighter_tests::Here;

use crate::bed::LAMPLIGHTER;

/// A configuration with one task.
const TASKS: &str = "accounts:
  hub: { id: \"111122223333\", regions: [eu-west-1] }
tasks:
  nightly:
    action: ebs.snapshot.create
    schedule: { cron: \"30 2 * * *\" }
    accounts: [hub]
    select: { tags: { backup: daily } }
";

fn configured() -> Here {
    let here = Here::new(LAMPLIGHTER);
    here.write("config/tasks.yaml", TASKS);
    here
}

#[test]
fn a_configuration_with_problems_is_not_planned() {
    let here = configured();
    here.write("config/tasks.yaml", &TASKS.replace("select", "selekt"));
    here.refused(&["plan", "nightly"], 2, &["config/tasks.yaml:8", "`selekt`", "`select`"]);
}

#[test]
fn names_that_are_not_there_are_named() {
    let here = configured();
    here.refused(&["plan", "nightlie"], 2, &["no task `nightlie`"]);
    here.refused(&["run", "nightlie"], 2, &["no task `nightlie`"]);
    here.refused(&["run", "nightly", "--journal", "postgres:x"], 2, &["sqlite:FILE"]);
}

#[test]
fn a_journal_that_cannot_be_one_is_left_as_it_is() {
    let here = configured();
    let garbage = "this is a letter to my aunt, not a database\n".repeat(100);
    here.write("lamplighter.db", &garbage);
    here.refused(&["run", "nightly"], 2, &["lamplighter.db"]);
    assert_eq!(fs::read_to_string(here.path("lamplighter.db")).unwrap(), garbage);
    here.write("folder/file", "");
    here.refused(&["run", "nightly", "--journal", "sqlite:folder"], 2, &["folder"]);
    here.refused(&["run", "nightly", "--journal", "sqlite:no/such/folder/j.db"], 2, &["no/such"]);
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
fn what_works_in_aws_accounts_is_offered() {
    let help = Here::new(LAMPLIGHTER).run(&["--help"]).stdout;
    for name in ["plan", "apply", "run", "serve", "check"] {
        assert!(help.lines().any(|it| it.starts_with(&format!("  {name} "))), "{name}: {help}");
    }
}
