//! How problems look.

use lamplighter_config::{Source, Style, load, render, to_json};
use serde_json::json;

use crate::support::{ACTIONS, read_file};

const TEXT: &str =
    "# Ärger\r\ntasks: { é: { ünbekannt: 1, action: ebs.snapshot.create, acounts: all } }\r\n";

#[test]
fn places_are_counted_in_characters() {
    let sources = [Source::new("b.yaml", TEXT), Source::new("a.yaml", "task: {}")];
    let problems = load(&sources, ACTIONS, &read_file).unwrap_err();
    let name = "`é` is not a task name in kebab-case of at most 64 characters, such as \
                `nightly-backup`";
    let known = "known: `accounts`, `action`, `adopt`, `description`, `enabled`, \
                 `max-concurrent`, `mode`, `on`, `regions`, `schedule`, `select`, `stop-after`, \
                 `timeout` and `with`";
    assert_eq!(
        to_json(&problems),
        json!({ "problems": [
            {
                "file": "a.yaml", "line": 1, "column": 1,
                "message": "a configuration file has no key `task`",
                "hint": "did you mean `tasks`?",
            },
            { "file": "b.yaml", "line": 2, "column": 10, "message": name },
            { "file": "b.yaml", "line": 2, "column": 10, "message": "a task needs the key `accounts`" },
            {
                "file": "b.yaml", "line": 2, "column": 15,
                "message": format!("a task has no key `ünbekannt`; {known}"),
            },
            {
                "file": "b.yaml", "line": 2, "column": 58,
                "message": "a task has no key `acounts`",
                "hint": "did you mean `accounts`?",
            },
        ] })
    );
}

#[test]
fn colours_are_only_there_when_asked_for() {
    let sources = [Source::new("a.yaml", "task: {}")];
    let problems = load(&sources, ACTIONS, &read_file).unwrap_err();
    let plain = render(&problems, &sources, Style::Plain);
    assert_eq!(
        plain,
        "error: a configuration file has no key `task`\n \
         --> a.yaml:1:1\n  |\n1 | task: {}\n  | ^^^^\n  |\n  = help: did you mean `tasks`?"
    );
    assert!(!plain.contains('\u{1b}'));
    assert!(render(&problems, &sources, Style::Coloured).contains('\u{1b}'));
}

#[test]
fn a_problem_without_its_source_has_its_place() {
    let bytes = vec![b'a', b'\n', 0xff];
    let problem = Source::from_bytes("a.yaml", bytes).unwrap_err();
    assert_eq!(
        render(&[problem], &[], Style::Plain),
        "error: the file is not UTF-8\n--> a.yaml:2:1\n = help: save it as UTF-8"
    );
}

#[test]
fn other_names_are_not_reported_when_a_file_cannot_be_read() {
    let tasks = "tasks: { x: { action: ebs.snapshot.create, accounts: [one], \
                 schedule: { every: 1h, except: [party] } } }";
    let sources = [Source::new("a.yaml", "accounts: ["), Source::new("b.yaml", tasks)];
    let problems = load(&sources, ACTIONS, &read_file).unwrap_err();
    assert_eq!((problems.len(), problems[0].file.as_str()), (1, "a.yaml"));
}

#[test]
fn a_name_in_two_files_is_reported_with_the_other_place() {
    let sources = ["b.yaml", "a.yaml"]
        .map(|path| Source::new(path, "\naccounts: { one: { id: 111122223333, regions: all } }"));
    let problems = load(&sources, ACTIONS, &read_file).unwrap_err();
    assert_eq!(
        to_json(&problems),
        json!({ "problems": [{
            "file": "b.yaml", "line": 2, "column": 13,
            "message": "the account `one` is already defined at a.yaml:2",
        }] })
    );
}

#[test]
fn a_problem_in_a_calendar_file_has_its_place() {
    let text = "calendars: { holidays: { files: [broken.ics] } }";
    let problems = load(&[Source::new("config/a.yaml", text)], ACTIONS, &read_file).unwrap_err();
    assert_eq!(
        to_json(&problems),
        json!({ "problems": [{
            "file": "config/broken.ics", "line": 4, "column": 1,
            "message": "recurring events with `BYDAY=4TH` are not understood",
        }] })
    );
}

#[test]
fn a_line_of_any_length_is_shown_as_far_as_it_helps() {
    for (length, is_marked) in [(1000, true), (5000, false)] {
        let sources = [Source::new("a.yaml", format!("task: {}", "x".repeat(length)))];
        let problems = load(&sources, ACTIONS, &read_file).unwrap_err();
        let text = render(&problems, &sources, Style::Plain);
        assert_eq!(text.contains("^^^^"), is_marked, "{text}");
        assert!(text.len() < 400, "{text}");
    }
}
