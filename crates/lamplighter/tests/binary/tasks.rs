//! The main job: both tasks, in three accounts and two regions, through assumed roles.

use serde_json::json;

use crate::bed::{AT, Bed};

#[test]
fn a_backup_and_its_retention_run_in_every_place_and_once() {
    let bed = Bed::start();
    let wanted = bed.backed_up();
    let before = bed.snapshots();

    let ran = bed.here.json(&["run", "nightly-backup", "--at", AT], 0);
    let run = &ran["runs"][0];
    assert_eq!(
        (&run["task"], &run["occurrence"], &run["state"]),
        (&json!("nightly-backup"), &json!(AT), &json!("succeeded"))
    );
    assert_eq!((&run["places"], &run["targets"]), (&json!(6), &json!(wanted.len())));
    assert_eq!(bed.made(AT), wanted, "each volume has one snapshot");
    let made: Vec<_> = bed.snapshots().into_iter().filter(|it| !before.contains(it)).collect();
    for it in &made {
        assert_eq!(it.tags["lamplighter:task"], "nightly-backup");
        assert_eq!(it.tags["lamplighter:source"], it.volume);
        assert!(it.tags.contains_key("lamplighter:taken-at") && it.tags.contains_key("team"));
    }

    let again = bed.here.json(&["run", "nightly-backup", "--at", AT], 0);
    assert_eq!(again["runs"][0]["ended-at"], run["ended-at"], "nothing was done again");
    assert_eq!(bed.made(AT), wanted, "the same occurrence makes no second snapshot");

    // What retention says it would delete is what is gone afterwards, and nothing else.
    let plan = bed.here.json(&["plan", "prune-backups", "--at", AT], 0);
    let verdicts = plan["tasks"][0]["verdicts"].as_array().unwrap();
    let doomed: Vec<&str> = verdicts
        .iter()
        .filter(|it| it["verdict"] == "act")
        .map(|it| it["target"].as_str().unwrap())
        .collect();
    assert!(!doomed.is_empty() && doomed.len() < verdicts.len());
    assert!(verdicts.iter().all(|it| it["effect"].is_string() || it["reason"].is_string()));
    let mut kept = bed.snapshots();
    kept.retain(|it| !doomed.contains(&it.id.as_str()));
    assert!(kept.iter().any(|it| !it.tags.contains_key("lamplighter:task")), "others have some");
    bed.here.json(&["run", "prune-backups", "--at", AT], 0);
    assert_eq!(bed.snapshots(), kept);

    let deleted = bed.here.json(&["jobs", "--task", "prune-backups", "--state", "succeeded"], 0);
    let deleted = deleted.as_array().unwrap().iter().filter(|it| it["kind"] == "act");
    assert!(deleted.clone().all(|it| it["why"] == "no rule keeps it"), "each says why");
    assert_eq!(deleted.count(), doomed.len());

    let runs = bed.here.json(&["runs"], 0);
    assert_eq!(runs.as_array().unwrap().len(), 2);
    let jobs = bed.here.json(&["jobs", &format!("nightly-backup@{AT}")], 0);
    let acted = jobs.as_array().unwrap().iter().filter(|it| it["kind"] == "act");
    assert_eq!(acted.count(), wanted.len());
    assert_eq!(bed.here.json(&["missed", "--since", "3650d"], 0), json!([]));
}

#[test]
fn an_account_that_cannot_be_entered_fails_alone_once_and_by_name() {
    let bed = Bed::start();
    let accounts = std::fs::read_to_string(bed.here.path("config/accounts.yaml")).unwrap();
    // The process's own credentials are the hub's: here another account claims them.
    let wrong = accounts.replace("    role: lamplighter-member\n    external-id: 7f3c\n", "");
    assert_ne!(wrong, accounts);
    bed.here.write("config/accounts.yaml", &wrong);

    let ran = bed.here.json(&["run", "nightly-backup", "--at", AT], 1);
    let jobs = &ran["runs"][0]["jobs"];
    assert_eq!((&jobs["failed"], &jobs["open"]), (&json!(2), &json!(0)), "{jobs}");
    let failed = bed.here.json(&["jobs", "--state", "failed"], 0);
    for job in failed.as_array().unwrap() {
        assert_ne!(job["account"], "111122223333");
        let message = job["message"].as_str().unwrap();
        assert!(message.contains("111122223333"), "{message}");
    }
    assert!(!bed.made(AT).is_empty(), "the hub's own volumes are backed up all the same");
    let missed = bed.here.json(&["missed", "--since", "3650d"], 1);
    assert_eq!(missed.as_array().unwrap().len(), 2);
}
