//! `lamplighter test`: the examples of the repository and of its documents pass, and what fails
//! is said in the ways that people and programs read.

use lamplighter_tests::{Here, files, read, root};
use serde_json::{Value, json};

/// The program without the AWS SDK.
const OFFLINE: &str = env!("CARGO_BIN_EXE_lamplighter-offline");

const TASKS: &str = "accounts:
  hub: { id: \"111122223333\", regions: [eu-west-1] }
tasks:
  nightly:
    action: ebs.snapshot.create
    accounts: [hub]
    select: { tags: { backup: daily } }
";
const TESTS: &str = "fleet: fleets/small.yaml
tests:
  it passes:
    plan: nightly
    expect: { verdicts: { vol-1: act } }
  it fails:
    plan: nightly
    expect: { verdicts: { vol-1: \"leave: *\" } }
";
const FLEET: &str = "volumes: [{ id: vol-1, tags: { backup: daily } }]\n";

fn configured() -> Here {
    let here = Here::new(OFFLINE);
    here.write("config/tasks.yaml", TASKS);
    here.write("config/nightly.test.yaml", TESTS);
    here.write("config/fleets/small.yaml", FLEET);
    here
}

/// The configuration of examples.
fn examples() -> String {
    root().join("config").display().to_string()
}

#[track_caller]
fn check_passes(here: &Here, args: &[&str]) {
    let ended = here.run(args);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn the_tests_of_the_examples_pass_and_each_example_has_some() {
    check_passes(&Here::new(OFFLINE), &["--config", &examples(), "test"]);
    for file in files(&[".yaml"]).iter().filter(|file| file.starts_with("config")) {
        let name = file.to_string_lossy();
        let is_example = name.starts_with("config/") && !name.ends_with(".test.yaml");
        if is_example && read(file).contains("\ntasks:\n") {
            let tests = name.replace(".yaml", ".test.yaml");
            assert!(root().join(&tests).exists(), "there is no `{tests}`");
        }
    }
}

#[test]
fn the_tests_in_the_documents_pass() {
    let mut count = 0;
    for file in files(&[".md"]) {
        // Fences come in pairs, so every second part is a block.
        for block in read(&file).split("```").skip(1).step_by(2) {
            let Some(tests) = block.strip_prefix("yaml\n").filter(|it| it.contains("\ntests:\n"))
            else {
                continue;
            };
            count += 1;
            let here = Here::new(OFFLINE);
            here.write("a.test.yaml", tests);
            check_passes(&here, &["--config", &examples(), "test", "a.test.yaml"]);
        }
    }
    assert!(count >= 1, "no block has tests: this looks in the wrong place");
}

#[test]
fn what_init_writes_passes_with_any_accounts() {
    let here = Here::new(OFFLINE);
    check_passes(&here, &["init"]);
    check_passes(&here, &["test"]);
    let more = "accounts:
  hub: { id: \"111122223333\", regions: [eu-west-1] }
  prod: { id: \"222233334444\", role: lamplighter-member, external-id: 7f3c, regions: all }
";
    here.write("config/accounts.yaml", more);
    check_passes(&here, &["test"]);
}

#[test]
fn a_test_that_fails_is_shown_and_the_exit_code_is_1() {
    let here = configured();
    let ended = here.run(&["test"]);
    assert_eq!(ended.code, Some(1));
    let (shown, took) = ended.stdout.rsplit_once(" in ").unwrap();
    assert!(took.trim_end().ends_with(" s"), "{took}");
    let expected = "config/nightly.test.yaml
  ok    it passes
  FAIL  it fails

config/nightly.test.yaml:6: it fails
  line 8: the verdict on `vol-1`
    expected: leave: *
    found:    act: create a snapshot of 8 GiB
              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    its tags are backup=daily

1 passed, 1 failed";
    assert_eq!(shown, expected);
    assert_eq!(ended.stderr, "");
}

#[test]
fn verdicts_are_read_by_programs() {
    let here = configured();
    let verdicts = here.json(&["test", "--junit", "report.xml"], 1);
    assert_eq!((&verdicts["passed"], &verdicts["failed"]), (&json!(1), &json!(1)));
    assert_eq!(verdicts["tests"][1]["mismatches"][0]["expected"], json!("leave: *"));
    let xml = std::fs::read_to_string(here.path("report.xml")).unwrap();
    assert!(xml.contains("<testcase name=\"it passes\" classname=\"config/nightly.test.yaml\""));
    assert_eq!(xml.matches("<failure ").count(), 1);
    here.refused(&["test", "--junit", "not/there.xml"], 1, &["writing `not/there.xml`"]);
}

#[test]
fn tests_are_chosen_by_file_and_by_name() {
    let here = configured();
    check_passes(&here, &["test", "--filter", "passes"]);
    here.refused(&["test", "--filter", "succeeds"], 2, &["no test has `succeeds` in its name"]);
    here.write("other.yaml", &TESTS.replace("fleets/small.yaml", "config/fleets/small.yaml"));
    let named = here.json(&["test", "other.yaml", "--filter", "passes"], 0);
    assert_eq!(named["tests"][0]["file"], json!("other.yaml"));
}

#[test]
fn files_that_cannot_be_are_refused_with_every_problem_and_its_place() {
    let here = configured();
    here.write("config/nightly.test.yaml", &TESTS.replace("expect", "expekt"));
    let problems = here.json(&["test"], 2);
    let lines: Vec<&Value> =
        problems["problems"].as_array().unwrap().iter().map(|it| &it["line"]).collect();
    assert_eq!(lines, [&json!(5), &json!(8)], "{problems}");
    here.refused(&["test"], 2, &["config/nightly.test.yaml:5:5", "did you mean `expect`?"]);

    here.write("config/nightly.test.yaml", TESTS);
    here.write("config/fleets/small.yaml", "volumez: []\n");
    here.refused(&["test"], 2, &["config/fleets/small.yaml:1:1", "did you mean `volumes`?"]);
    here.refused(&["test", "missing.yaml"], 2, &["reading `missing.yaml`"]);
}

#[test]
fn files_of_tests_are_no_part_of_the_configuration() {
    let here = configured();
    assert_eq!(here.json(&["check"], 0), json!({ "problems": [] }));
    std::fs::remove_file(here.path("config/tasks.yaml")).unwrap();
    here.refused(&["check"], 2, &["no `*.yaml` file in `config`"]);
    here.write("config/tasks.yaml", TASKS);
    std::fs::remove_file(here.path("config/nightly.test.yaml")).unwrap();
    here.refused(&["test"], 2, &["no `*.test.yaml` file in `config`"]);
}

#[test]
fn the_tests_beside_one_file_are_those_of_its_directory() {
    let here = configured();
    let named = here.json(&["--config", "config/tasks.yaml", "test", "--filter", "passes"], 0);
    assert_eq!(named["passed"], json!(1));
}
