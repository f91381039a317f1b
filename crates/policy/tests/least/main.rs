//! The roles of the example configuration, in a simulated organization that enforces their
//! policies: with all that is printed every task succeeds, and with one bit less some task fails.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod copies;
mod support;

use std::collections::BTreeSet;

use lamplighter_catalog::ACTIONS;
use lamplighter_config::Config;
use lamplighter_core::{AccountId, job::State};
use serde_json::json;
use support::{Bit, Mood, Trial, actions, bits, example, parsed, played, policies};

#[test]
fn every_task_of_the_examples_succeeds_with_the_printed_policies() {
    played().iter().for_each(check_enough);
}

#[track_caller]
fn check_enough(config: &Config) {
    let policies = policies(config);
    let mut used: BTreeSet<(AccountId, String)> = BTreeSet::new();
    for mood in [Mood::Calm, Mood::Hard] {
        let mut trial = Trial::new(config, &policies, mood);
        trial.run();
        assert_eq!(trial.failures(), Vec::<String>::new(), "{mood:?}");
        for task in &config.tasks {
            let done = trial.jobs(&task.order.task, State::Succeeded);
            assert!(
                done > 0,
                "{}: no target was acted on, so this proves nothing",
                task.order.task
            );
        }
        used.extend(trial.used());
    }
    for (account, policy) in &policies {
        let wanted: BTreeSet<String> =
            used.iter().filter(|(id, _)| id == account).map(|(_, it)| it.clone()).collect();
        assert_eq!(actions(policy), wanted, "{account}: what is printed, and what was used");
    }
}

#[test]
fn nothing_that_is_printed_is_superfluous() {
    played().iter().for_each(check_least);
}

#[track_caller]
fn check_least(config: &Config) {
    let printed = policies(config);
    let mut tried = BTreeSet::new();
    for (account, policy) in &printed {
        for Bit { bit, of, without } in bits(policy) {
            // What is the same in several accounts is tried in one of them. That each of them uses
            // all that it may, the test above says.
            if !tried.insert((bit.clone(), of.clone())) {
                continue;
            }
            let mut less = printed.clone();
            less.insert(account.clone(), without);
            let fails = |mood| {
                let mut trial = Trial::new(config, &less, mood);
                trial.run_what_needs(&bit);
                !trial.failures().is_empty()
            };
            let missed = fails(Mood::Calm) || fails(Mood::Hard);
            assert!(missed, "{account} does not need {bit} of {of}:\n{policy:#}");
        }
    }
}

#[test]
fn no_action_has_a_wildcard_and_what_changes_something_is_narrowed() {
    for (account, policy) in policies(&example()) {
        for statement in policy["Statement"].as_array().unwrap() {
            for action in statement["Action"].as_array().unwrap() {
                let action = action.as_str().unwrap();
                assert!(!action.contains(['*', '?']), "{account}: {statement:#}");
                let reads = ["Describe", "List", "Get"].iter().any(|it| action.contains(it));
                assert!(reads || statement["Resource"] != json!(["*"]), "{account}: {statement:#}");
            }
        }
    }
}

#[test]
fn what_the_tasks_do_not_ask_for_is_denied() {
    let (from, to) = ("backup: daily", "backup: weekly");
    check_denied(from, to);
    check_denied("regions: [eu-west-1]", "regions: [eu-west-1, us-east-1]");
}

#[test]
fn a_task_on_tags_may_tag_the_kinds_that_it_names_and_no_others() {
    const TASKS: &str = "accounts:
  prod: { id: \"222233334444\", role: ops/member, external-id: 7f3c, regions: [eu-west-1] }
tasks:
  owners:
    action: tags.set
    accounts: [prod]
    with: { kinds: [tables, volumes], tags: { team: a } }
";
    let allowed = allowed(TASKS);
    let table = "arn:aws:dynamodb:*:222233334444:table/*";
    let reads = "dynamodb:DescribeTable dynamodb:ListTagsOfResource dynamodb:TagResource";
    assert_eq!(
        allowed,
        [
            format!("{reads} on {table}"),
            "dynamodb:ListTables ec2:DescribeVolumes on *".to_owned(),
            "ec2:CreateTags on arn:aws:ec2:*:222233334444:volume/*".to_owned(),
        ]
    );
}

#[test]
fn a_task_may_run_the_documents_that_it_needs_and_no_others() {
    #[track_caller]
    fn check(quiesce: &str, expected: &[&str]) {
        let tasks = format!(
            "accounts:
  prod: {{ id: \"222233334444\", role: ops/member, external-id: 7f3c, regions: [eu-west-1] }}
tasks:
  servers:
    action: ec2.instance.snapshot
    accounts: [prod]
    with: {{ quiesce: {{ {quiesce} }} }}
"
        );
        let allowed = allowed(&tasks).join("\n");
        let documents = allowed.split(' ').filter_map(|it| it.split_once(":document/"));
        let documents: BTreeSet<&str> = documents.map(|(_, name)| name.trim_end()).collect();
        assert_eq!(documents, expected.iter().copied().collect(), "{allowed}");
    }
    let scripts = "scripts: { freeze: sync, thaw: sync }";
    let (shell, vss) = ("AWS-RunShellScript", "AWSEC2-VssInstallAndSnapshot");
    check(scripts, &[shell]);
    check("vss: true", &[vss]);
    check(&format!("{scripts}, vss: true"), &[shell, vss]);
}

/// What the policy of the account allows, a line for each statement.
#[track_caller]
fn allowed(tasks: &str) -> Vec<String> {
    let policies = policies(&parsed(tasks));
    let account: AccountId = "222233334444".parse().unwrap();
    let policy = &policies[&account];
    let allowed = policy["Statement"].as_array().unwrap().iter().map(|it| {
        let texts = |key: &str| {
            let all = it[key].as_array().unwrap().iter();
            all.map(|it| it.as_str().unwrap()).collect::<Vec<_>>().join(" ")
        };
        format!("{} on {}", texts("Action"), texts("Resource"))
    });
    let mut allowed: Vec<String> = allowed.collect();
    allowed.sort();
    allowed
}

/// With the policies of one configuration, runs another.
#[track_caller]
fn check_denied(from: &str, to: &str) {
    const TASKS: &str = "accounts:
  prod: { id: \"222233334444\", role: ops/member, external-id: 7f3c, regions: [eu-west-1] }
tasks:
  nightly:
    action: ebs.snapshot.create
    accounts: [prod]
    select: { tags: { backup: daily } }
";
    let config = parsed(TASKS);
    let policies = policies(&config);
    let mut trial = Trial::new(&config, &policies, Mood::Calm);
    trial.run();
    assert_eq!(trial.failures(), Vec::<String>::new());

    let changed = TASKS.replace(from, to);
    assert_ne!(changed, TASKS);
    let changed = parsed(&changed);
    let mut trial = Trial::new(&changed, &policies, Mood::Calm);
    trial.run();
    let failures = trial.failures();
    assert!(!failures.is_empty(), "{to} is not denied");
    assert!(failures.iter().all(|it| it.contains("not authorized")), "{failures:#?}");
}

#[test]
fn the_table_knows_every_action_of_the_catalog() {
    for action in ACTIONS {
        for permission in action.permissions() {
            let name = action.spec().name;
            assert!(lamplighter_policy::knows(permission), "{name}: {permission}");
        }
    }
}
