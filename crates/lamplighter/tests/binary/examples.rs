//! Every example in `config/` works over AWS's own wire protocols, on a fleet that is made for them,
//! and a second time changes nothing.

use std::{collections::BTreeMap, fs};

use lamplighter_tests::{Here, files, read};
use serde_json::{Value, json};

use crate::{bed::LAMPLIGHTER, simulated::aws};

/// Keeps fast restores on for ten hours: that is played in virtual time, beside its task.
const LONG: &str = "ebs.snapshot.fast-restore";

/// Calls that make something, one for each target of these actions.
const MAKERS: [(&str, &[&str]); 5] = [
    ("CreateBackup", &["dynamodb.backup.create"]),
    ("CreateDBClusterSnapshot", &["rds.cluster-snapshot.create"]),
    ("CreateDBSnapshot", &["rds.snapshot.create"]),
    ("CreateImage", &["ec2.image.create", "ec2.instance.terminate"]),
    ("CreateSnapshot", &["ebs.snapshot.create"]),
];

/// The tasks of a file, each with its action.
fn tasks(text: &str) -> Vec<(String, String)> {
    let tasks = text.lines().skip_while(|line| *line != "tasks:").skip(1);
    let mut found: Vec<(String, String)> = Vec::new();
    for line in tasks.take_while(|line| line.is_empty() || line.starts_with(' ')) {
        if let Some(name) = line.strip_prefix("  ").and_then(|it| it.strip_suffix(':'))
            && !name.starts_with([' ', '#'])
        {
            found.push((name.to_owned(), String::new()));
        } else if let Some(action) = line.strip_prefix("    action: ") {
            found.last_mut().unwrap().1 = action.to_owned();
        }
    }
    found
}

/// Runs tasks once, each to its end.
#[track_caller]
fn run(here: &Here, tasks: &[String], more: &[&str]) -> Vec<Value> {
    let names = tasks.iter().map(String::as_str);
    let args: Vec<&str> = ["run"].into_iter().chain(names).chain(more.iter().copied()).collect();
    let ran = here.json(&args, 0);
    let runs = ran["runs"].as_array().unwrap();
    assert_eq!(runs.len(), tasks.len(), "{ran}");
    for run in runs {
        assert_eq!(run["state"], "succeeded", "{run}");
    }
    runs.clone()
}

#[test]
fn every_example_works_over_the_wire_and_a_second_time_changes_nothing() {
    let mut here = Here::new(LAMPLIGHTER);
    let mut actions: BTreeMap<String, String> = BTreeMap::new();
    for path in files(&[".yaml"]) {
        let name = path.to_str().unwrap();
        if name.starts_with("config/") && !name.ends_with(".test.yaml") {
            let text = read(&path);
            actions.extend(tasks(&text));
            here.write(name, &text);
        }
    }
    actions.retain(|_, action| action != LONG);
    assert!(actions.len() > 30, "{actions:?}");
    let of = |which: &dyn Fn(&str) -> bool| -> Vec<String> {
        actions.iter().filter(|(_, action)| which(action)).map(|(task, _)| task.clone()).collect()
    };

    let aws = aws(&mut here, &["--speed", "12", "--trail", "trail.jsonl"]);
    // What copies does not wait for what deletes, and nothing is stopped while it is started.
    let is_last = |action: &str| action.contains("snapshot.delete") || action.ends_with(".start");
    let mut runs = Vec::new();
    for tasks in [of(&|it| !is_last(it)), of(&is_last)] {
        let first = run(&here, &tasks, &[]);
        let at = first[0]["occurrence"].as_str().unwrap();
        assert_eq!(run(&here, &tasks, &["--at", at]), first, "the same run is there already");
        runs.extend(first);
    }
    let acted = runs.iter().filter(|it| it["targets"] != json!(0)).count();
    assert!(acted > 20, "{acted} tasks have found something to do: {runs:?}");
    assert_eq!(aws.stop().code(), Some(0));

    let trail = fs::read_to_string(here.path("trail.jsonl")).unwrap();
    let calls: Vec<Value> = trail.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    for (operation, makers) in MAKERS {
        let is_maker = |run: &&Value| makers.contains(&&*actions[run["task"].as_str().unwrap()]);
        let targets = runs.iter().filter(is_maker).map(|run| run["targets"].as_u64().unwrap());
        let made =
            calls.iter().filter(|it| it["operation"] == operation && it["outcome"] == "done");
        let (made, wanted) = (made.count() as u64, targets.sum::<u64>());
        assert!(made == wanted && made > 0, "{made} times {operation} for {wanted} targets");
    }
}
