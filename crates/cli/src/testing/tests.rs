//! Files of tests, and what is said when they are wrong and when what they expect is not so.

use lamplighter_catalog::ACTIONS;
use lamplighter_config::{Style, render};

use super::{show::wrong_as_text, *};

/// Two accounts, of which nobody can enter the second one.
const CONFIG: &str = r#"
accounts:
  hub: { id: "111122223333", regions: [eu-west-1, us-east-1] }
  prod: { id: "222233334444", role: member, regions: [eu-west-1] }
tasks:
  nightly:
    action: ebs.snapshot.create
    schedule: { cron: "0 2 * * *" }
    accounts: [hub]
    regions: [eu-west-1]
    select: { tags: { backup: daily }, limit: { targets: 3 } }
    with: { copy-tags: [team] }
  everywhere:
    enabled: false
    action: ebs.snapshot.create
    accounts: all
    select: { tags: { everywhere: "*" } }
  broken:
    action: ebs.snapshot.create
    accounts: [prod]
    regions: all
  adopting:
    action: ebs.snapshot.delete
    accounts: [hub]
    regions: [eu-west-1]
    adopt: { tags: { old: "yes" } }
    select: { tags: { old: "yes" } }
    with: { keep: { last: 1 } }
  prune:
    action: ebs.snapshot.delete
    schedule: { cron: "0 6 * * *" }
    accounts: [hub]
    regions: [eu-west-1]
    select: { tags: { "lamplighter:task": nightly } }
    with: { keep: { last: 2 } }
"#;

fn config() -> Config {
    let source = Source::new("tasks.yaml", CONFIG);
    lamplighter_config::load(&[source], ACTIONS, &|_| Err(String::new())).unwrap()
}

fn nothing_beside(name: &str) -> Result<Source, String> {
    match name {
        "good.yaml" => {
            Ok(Source::new(name, "accounts: { \"111122223333\": { regions: [eu-west-1] } }"))
        }
        "bad.yaml" => Ok(Source::new(name, "acounts: {}")),
        _ => Err(format!("reading `{name}`: it is not there")),
    }
}

fn suite(text: &str) -> Result<Suite, Problems> {
    Suite::read(Source::new("a.test.yaml", text), &config(), &nothing_beside)
}

/// Runs a test of volumes `vol-1` and `vol-2` to be backed up and `vol-3` that is not, in the
/// first place of the hub. Compares what is said of what is not as it was expected.
#[track_caller]
fn check(test: &str, expected: &str) {
    let fleet = "fleet:
  accounts: { \"111122223333\": { regions: [eu-west-1, us-east-1] },
    \"222233334444\": { regions: [eu-west-1], role: other } }
  volumes:
    - { id: \"vol-{n}\", count: 2, account: \"111122223333\", region: eu-west-1, tags: { backup: daily, everywhere: a, team: core } }
    - { id: vol-3, account: \"111122223333\", region: eu-west-1 }
    - { id: vol-4, account: \"111122223333\", region: us-east-1, tags: { everywhere: b } }
    - { id: vol-6, account: \"222233334444\" }
    - { id: vol-5, account: \"111122223333\", region: eu-west-1, managed-by: backup.amazonaws.com, tags: { everywhere: c } }
";
    let indented: String = test.trim().lines().map(|line| format!("    {line}\n")).collect();
    let text = format!("{fleet}tests:\n  a test:\n{indented}");
    check_file(&text, expected);
}

#[track_caller]
fn check_file(text: &str, expected: &str) {
    let suite = suite(text).unwrap_or_else(|bad| {
        panic!("{}", render(&bad.problems, &bad.sources, Style::Plain));
    });
    let verdicts = run(&[suite], &config()).unwrap();
    let bad = verdicts.iter().flat_map(|it| &it.bad);
    let shown: String = bad.map(wrong_as_text).collect();
    let shown = anstream::adapter::strip_str(&shown).to_string();
    // The first lines of every file are those of the fleet.
    assert_eq!(shown.trim_end(), expected.trim_start_matches('\n').trim_end(), "\n{shown}");
}

#[test]
fn verdicts_on_targets() {
    check(
        "
plan: everywhere
expect:
  verdicts:
    vol-1: act
    vol-2: \"act: create a snapshot of ? GiB\"
    vol-3: not selected
    \"*/us-east-1/vol-*\": act
    vol-5: \"leave: *manages it\"
    222233334444/eu-west-1: \"problem: the role in account `222233334444` cannot be assumed*\"
",
        "",
    );
    check(
        "
plan: everywhere
expect:
  verdicts:
    vol-1: leave
    vol-2: not selected
    vol-3: act
    vol-9: not selected
    \"vol-*\": act
    vol-5: \"leave: its state is `error`*\"
",
        "
  line 15: the verdict on `vol-1`
    expected: leave
    found:    act: create a snapshot of 8 GiB
              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    its tags are backup=daily, everywhere=a, team=core
  line 16: the verdict on `vol-2`
    expected: not selected
    found:    act: create a snapshot of 8 GiB
              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    its tags are backup=daily, everywhere=a, team=core
  line 17: the verdict on `vol-3`
    expected: act
    found:    not selected
              ^^^^^^^^^^^^
    it has no tags
  line 18: the verdict on `vol-9`
    expected: not selected
    found:    there is no such target
              ^^^^^^^^^^^^^^^^^^^^^^^
  line 19: the verdict on `vol-*`: `111122223333/eu-west-1/vol-5`
    expected: act
    found:    leave: `backup.amazonaws.com` manages it
              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    its tags are everywhere=c
  line 20: the verdict on `vol-5`
    expected: leave: its state is `error`*
    found:    leave: `backup.amazonaws.com` manages it
                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    its tags are everywhere=c
",
    );
    check(
        "
plan: nightly
faults: [{ action: DescribeVolumes, error: InternalError }]
expect:
  verdicts: { vol-1: act, vol-3: not selected, vol-4: not selected, 111122223333/eu-west-1: \"problem: *InternalError*\" }
", "
  line 15: the verdict on `111122223333/eu-west-1`
    expected: problem: *InternalError*
    found:    problem: listing volumes in 111122223333/eu-west-1: An internal error has occurred
                       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    trail: 2026-03-02T00:00:00Z ec2:DescribeVolumes in 111122223333/eu-west-1: InternalError
  line 15: the verdict on `vol-1`
    expected: act
    found:    nothing is known of 111122223333/eu-west-1: listing volumes in 111122223333/eu-west-1: An internal error has occurred
              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    its tags are backup=daily, everywhere=a, team=core
  line 15: the verdict on `vol-3`
    expected: not selected
    found:    nothing is known of 111122223333/eu-west-1: listing volumes in 111122223333/eu-west-1: An internal error has occurred
              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    it has no tags
");
}

#[test]
fn nothing_is_known_of_an_account_that_cannot_be_entered() {
    check(
        "
plan: broken
expect:
  verdicts: { 222233334444: \"problem: *\", vol-6: not selected, vol-1: not selected }
",
        "
  line 14: the verdict on `vol-6`
    expected: not selected
    found:    nothing is known of 222233334444: the role in account `222233334444` cannot be assumed
              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    it has no tags
",
    );
}

#[test]
fn jobs() {
    check(
        "
run: [nightly, nightly]
expect:
  jobs:
    vol-1: succeeded
    vol-2: [succeeded, \"succeeded: created `snap-*`\"]
    vol-3: no job
    111122223333/eu-west-1: \"succeeded: 2 volumes: 2 to act on, 0 left\"
    nightly: succeeded
",
        "",
    );
    check("
run: nightly
faults: [{ action: CreateSnapshot, nth: 1, error: UnauthorizedOperation, message: you may not }]
expect:
  jobs:
    vol-1: succeeded
    vol-2: [succeeded, failed]
    vol-3: succeeded
    vol-9: no job
", "
  line 16: the jobs on `vol-1`
    expected: succeeded
    found:    failed: ebs.snapshot.create on `vol-1` in 111122223333/eu-west-1: you may not
              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    trail: 2026-03-02T00:00:00Z ec2:CreateSnapshot in 111122223333/eu-west-1/vol-1: UnauthorizedOperation
  line 17: the jobs on `vol-2`
    expected -, found +
      2026-03-02T00:00:00Z succeeded: created `snap-09e3779b97f4a7c15`
    - failed
    trail: 2026-03-02T00:00:00Z ec2:CreateSnapshot in 111122223333/eu-west-1/vol-2: done
  line 18: the jobs on `vol-3`
    expected: succeeded
    found:    no job
              ^^^^^^
    it has no tags
  line 19: the jobs on `vol-9`
    expected: no job
    found:    there is no such target
              ^^^^^^^^^^^^^^^^^^^^^^^
");
    check(
        "
until: 2026-03-02T02:01:00Z
expect:
  jobs: { vol-1: open }
",
        "
  line 11: open jobs
    1 job is still open in the end
    `111122223333/eu-west-1/vol-2`
    trail: 2026-03-02T02:00:00Z ec2:CreateSnapshot in 111122223333/eu-west-1/vol-2: done
",
    );
    check(
        "
until: 2026-03-02T02:01:00Z
expect:
  jobs: { \"*\": open }
",
        "
  line 14: the jobs on `*`: `111122223333/eu-west-1`
    expected: open
    found:    succeeded: 2 volumes: 2 to act on, 0 left
              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  line 14: the jobs on `*`: `nightly`
    expected: open
    found:    succeeded: 1 places
              ^^^^^^^^^^^^^^^^^^^
",
    );
    check(
        "
run: broken
expect:
  jobs: { 222233334444: \"failed: *cannot be assumed*\", vol-6: no job }
",
        "",
    );
}

#[test]
fn nothing_starts_by_its_schedule_while_tasks_are_run() {
    check(
        "
begin: 2026-03-02T01:59:00Z
run: nightly
expect:
  runs: { nightly: [2026-03-02T01:59:00Z] }
",
        "",
    );
}

#[test]
fn runs_and_what_was_missed() {
    check("
until: 2026-03-05T12:00:00Z
crash: [{ after: 25h, for: 27h }]
expect:
  runs: { nightly: 4, prune: [2026-03-02T06:00:00Z, \"2026-03-03T06:00:00Z\", \"2026-03-04*\", \"2026-03-05*\"], everywhere: 0 }
  missed: []
", "
  line 15: the runs of `nightly`
    expected: 4
    found:    3
              ^
    there is 2026-03-02T02:00:00Z
    there is 2026-03-04T02:00:00Z
    there is 2026-03-05T02:00:00Z
  line 16: missed occurrences
    expected -, found +
    + nightly@2026-03-03T02:00:00Z: nothing was there to run it, and a newer one is due: the task says `missed: latest`
");
}

#[test]
fn snapshots_that_are_there_in_the_end() {
    check(
        "
until: 2026-03-05T12:00:00Z
expect:
  created: 4
  deleted: []
  kept: { vol-1: [2026-03-04, 2026-03-05T02], vol-2: 2, vol-3: 0 }
",
        "",
    );
    check(
        "
run: nightly
expect:
  created:
    - { of: vol-2, tags: { team: core, backup: null } }
    - { of: vol-1, in: 111122223333/eu-west-1, description: \"lamplighter nightly *\" }
",
        "",
    );
    check("
run: nightly
expect:
  created:
    - { of: vol-2, tags: { team: null } }
    - { of: vol-1, description: wrong, in: \"*\" }
    - { of: vol-3 }
  kept: { vol-1: [2026-03-01, 2026-03-02], vol-2: 0, vol-9: 0 }
", "
  line 14: created snapshots
    expected -, found +
    - of vol-2 in *, no tag team
    - of vol-1 in *, \"wrong\"
    - of vol-3 in *
    + `snap-03c6ef372fe94f82a` of vol-2 in 111122223333/eu-west-1, 2026-03-02T00:00:00Z, \"lamplighter nightly of vol-2\", team=core
    + `snap-09e3779b97f4a7c15` of vol-1 in 111122223333/eu-west-1, 2026-03-02T00:00:00Z, \"lamplighter nightly of vol-1\", team=core
  line 18: the snapshots of `vol-1`
    expected -, found +
    - 2026-03-01
      `snap-09e3779b97f4a7c15` of vol-1 in 111122223333/eu-west-1, 2026-03-02T00:00:00Z, \"lamplighter nightly of vol-1\", team=core
  line 18: the snapshots of `vol-2`
    expected: 0
    found:    1
              ^
    there is `snap-03c6ef372fe94f82a` of vol-2 in 111122223333/eu-west-1, 2026-03-02T00:00:00Z, \"lamplighter nightly of vol-2\", team=core
  line 18: the snapshots of `vol-9`
    expected: 0
    found:    there is no such volume or database
              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
");
}

#[test]
fn what_a_task_may_adopt_breaks_no_law_when_it_is_deleted() {
    check_file(
        "fleet:
  volumes: [{ id: vol-1, account: \"111122223333\", region: eu-west-1 }]
  snapshots:
    - { id: \"snap-{n}\", volume: vol-1, account: \"111122223333\", region: eu-west-1, count: 3, tags: { old: \"yes\" } }
tests:
  adopted: { run: adopting, expect: { deleted: [snap-2, snap-3], kept: { vol-1: [snap-1] } } }
",
        "",
    );
}

#[test]
fn calls() {
    check(
        "
plan: nightly
expect:
  calls: { ec2:DescribeVolumes: 1, \"ec2:Create*\": 0, \"*:*\": \"1..3\" }
",
        "",
    );
    check("
run: nightly
faults: [{ action: CreateSnapshot, nth: 1, error: RequestLimitExceeded }]
expect:
  calls: { ec2:CreateSnapshot: \"4..5\", ec2:DeleteSnapshot: 1 }
", "
  line 15: calls of `ec2:CreateSnapshot`
    expected: 4..5
    found:    3
              ^
    trail: 2026-03-02T00:00:00Z ec2:CreateSnapshot in 111122223333/eu-west-1/vol-1: RequestLimitExceeded
    trail: 2026-03-02T00:00:00Z ec2:CreateSnapshot in 111122223333/eu-west-1/vol-2: done
    trail: 2026-03-02T00:00:02Z ec2:CreateSnapshot in 111122223333/eu-west-1/vol-1: done
  line 15: calls of `ec2:DeleteSnapshot`
    expected: 1
    found:    0
              ^
");
}

#[test]
fn what_must_not_be_whatever_is_expected() {
    check(
        "
plan: nightly
faults: [{ action: CreateSnapshot, error: InternalError }]
expect: { verdicts: { vol-1: act } }
",
        "
  line 13: what goes wrong
    this rule struck no call: nothing went wrong
",
    );
    check(
        "
run: nightly
crash: [{ call: ec2:CreateSnapshot }, { after: 20d }, { call: ec2:DeleteSnapshot }]
expect: { created: 2 }
",
        "
  line 11: what must never be
    the test had ended before the crash after 20d
  line 11: what must never be
    the test had ended before the crash at `ec2:DeleteSnapshot`
",
    );
}

#[test]
fn what_is_wrong_with_a_file_is_said_at_once_with_its_places() {
    check_bad("tests: {}", &["a.test.yaml:1:8 there is no test"]);
    check_bad("", &["a.test.yaml:1:1 the file is empty: expected one of `fleet` and `tests`"]);
    check_bad(
        "fleet: bad.yaml
tests:
  one: { fleet: missing.yaml, plan: nigtly, expect: {} }
",
        &[
            "a.test.yaml:3:17 reading `missing.yaml`: it is not there",
            "a.test.yaml:3:37 there is no task `nigtly` | did you mean `nightly`?",
            "a.test.yaml:3:53 nothing is expected: such a test tests nothing",
            "bad.yaml:1:1 there is no key `acounts` | did you mean `accounts`?",
        ],
    );
    check_bad(
        "tests:
  without a fleet: { run: everywhere, expect: { verdicts: { a: act }, calls: { ec2:CreateSnapshotz: 0, Delete: 1 } } }
  with two:
    fleet: good.yaml
    plan: nightly
    until: 2026-03-01T00:00:00Z
    crash: [{ after: 5m }]
    expect: { jobs: { a: succeeded }, kept: { a: -1 }, created: 5..3 }
  too.long [really]:
    fleet: { volumes: [{ size: 0 }], accounts: {}, beginn: 3 }
    begin: 2026-03-02T00:00:00Z
    until: 2026-09-01T00:00:00Z
    crash: [{}, { call: ec2:CreateSnapshotz }, { after: 5m, call: ec2:CreateSnapshot }, { after: 9999d }]
    faults: [{ action: CreateSnapshot }]
    expect: { runs: { prun: 5 } }
",
        &[
    "a.test.yaml:8:50 `-1` is not a whole number up to 4294967295",
    "a.test.yaml:8:65 `5..3` ends before it begins",
    "a.test.yaml:10:52 there is no key `beginn` | did you mean `begin`?",
],
    );
    check_bad(
        "tests:
  with two:
    fleet: good.yaml
    plan: nightly
    until: 2026-03-01T00:00:00Z
    crash: [{ after: 5m }]
    expect: { jobs: { a: succeeded }, kept: { a: 1 }, created: 3..5 }
  too.long [really]:
    fleet: { volumes: [{ size: 0 }] }
    begin: 2026-03-02T00:00:00Z
    until: 2026-09-01T00:00:00Z
    crash: [{}, { call: ec2:CreateSnapshotz }, { after: 5m, call: ec2:CreateSnapshot }, { after: 9999d }]
    faults: [{ action: CreateSnapshot }]
    expect: { runs: { prun: 5 } }
  disabled: { fleet: good.yaml, run: [nightly, everywhere], expect: { verdicts: { a: act }, calls: { ec2:CreateSnapshotz: 0, Delete: 1 } } }
  does nothing: { fleet: good.yaml, expect: { verdicts: {} } }
  in the past: { fleet: good.yaml, plan: nightly, begin: 0001-01-01T00:00:00Z, expect: { calls: { \"*:*\": 1 } } }
  for ever: { fleet: good.yaml, until: 9999-01-01T00:00:00Z, expect: { calls: { \"*:*\": 1 } } }
",
        &[
    "a.test.yaml:5:12 a test does one thing, and this one has `plan` already",
    "a.test.yaml:5:12 it ends at 2026-03-01T00:00:00Z, and begins at 2026-03-02T00:00:00Z",
    "a.test.yaml:6:13 `crash` goes with `run` or `until`: nobody works on a plan",
    "a.test.yaml:7:21 `jobs` goes with `run` or `until`: a plan does nothing",
    "a.test.yaml:7:45 `kept` goes with `run` or `until`: a plan does nothing",
    "a.test.yaml:7:64 `created` goes with `run` or `until`: a plan does nothing",
    "a.test.yaml:9:32 a volume of type `gp3` has 1..65536 GiB",
    "a.test.yaml:12:13 a crash is either `after` a time or right after a `call`",
    "a.test.yaml:12:25 there is no operation `CreateSnapshotz` | did you mean `CreateSnapshot`?",
    "a.test.yaml:12:48 a crash is either `after` a time or right after a `call`",
    "a.test.yaml:12:98 the test has ended by then",
    "a.test.yaml:13:14 a rule has an effect: `error`, `drop`, `lose-answer`, `throttle` or `latency`",
    "a.test.yaml:14:21 jobs are remembered for 90 days, and this test takes longer",
    "a.test.yaml:14:29 there is no task `prun` | did you mean `prune`?",
    "a.test.yaml:15:38 task `everywhere` says `enabled: false`",
    "a.test.yaml:15:81 `verdicts` goes with `plan`: what is done shows in `jobs`",
    "a.test.yaml:15:123 there is no operation `CreateSnapshotz` | did you mean `CreateSnapshot`?",
    "a.test.yaml:15:134 `Delete` is not a service and an operation, such as `ec2:CreateSnapshot`",
    "a.test.yaml:16:17 a test does something: `plan`, `run` or `until`",
    "a.test.yaml:16:45 nothing is expected: such a test tests nothing",
    "a.test.yaml:17:58 it begins in 1: the clock goes from 1970 to 2100",
    "a.test.yaml:18:40 a test takes ten years at most",
],
    );
}

#[test]
fn hostile_files_are_refused_and_nothing_panics() {
    let deep = format!("tests: {}1{}", "[".repeat(2_000), "]".repeat(2_000));
    let aliases = "tests: &a { x: &b [1, 2], y: [*b, *b, *b] }\nfleet: *a\n";
    let odd = "tests: { \"\": 1, \"a.b[0]\": { plan: 1, expect: 2 }, \"\\u0007\": null }\n";
    for text in [
        &deep,
        aliases,
        odd,
        "[",
        "\u{0}",
        "tests: 5",
        "fleet: 7",
        "- a",
        "tests: { a: [] }",
        "tests: { a: { plan: x, expect: { verdicts: [], jobs: { a: [] }, runs: { A: 1 } } } }",
        "fleet: { begin: 9999-12-30T22:00:00Z }\ntests: { a: { run: nightly, expect: { created: 0 } } }",
    ] {
        let bad = suite(text).unwrap_err();
        assert!(!bad.problems.is_empty(), "{text:.50}");
        render(&bad.problems, &bad.sources, Style::Plain);
    }
}

#[test]
fn tests_are_in_the_order_of_the_file_and_their_names_can_be_anything() {
    let test = "{ fleet: good.yaml, plan: nightly, expect: { calls: { \"*:Create*\": 0 } } }";
    let text = format!(
        "tests:\n  z \"<&>\": {test}\n  \"a.b[0]\": {test}\n  \"bell \\u0007, line\\n\": {test}\n"
    );
    let verdicts = run(&[suite(&text).unwrap()], &config()).unwrap();
    let names: Vec<(usize, &str)> = verdicts.iter().map(|it| (it.line, &*it.name)).collect();
    assert_eq!(names, [(2, "z \"<&>\""), (3, "a.b[0]"), (4, "bell \u{7}, line\n")]);
}

/// Verdicts that took no time: one test has passed, one has not.
fn verdicts() -> Vec<Verdict> {
    let mismatch = |key: &[&str], diff| Mismatch {
        key: key.iter().map(|it| (*it).to_owned()).collect(),
        about: "the verdict on `<vol>`".to_owned(),
        diff,
        notes: vec!["trail: \u{1b}[31m & more".to_owned()],
    };
    let (expected, found) = ("act".to_owned(), "leave: a\u{0}]]>\"\'".to_owned());
    let lines = vec![
        judge::Line::Both("a".to_owned()),
        judge::Line::Missing("b".to_owned()),
        judge::Line::Extra("c\nd".to_owned()),
    ];
    let bad = vec![
        Wrong {
            line: 7,
            mismatch: mismatch(&["verdicts", "<vol>"], judge::Diff::Text { expected, found }),
        },
        Wrong { line: 8, mismatch: mismatch(&["kept", "v"], judge::Diff::List(lines)) },
        Wrong { line: 9, mismatch: mismatch(&[], judge::Diff::Never("L6: broken".to_owned())) },
    ];
    let verdict = |file: &str, name: &str, bad| Verdict {
        file: file.to_owned(),
        line: 3,
        name: name.to_owned(),
        bad,
        took: Duration::from_millis(1500),
    };
    vec![
        verdict("a.test.yaml", "good & \"quoted\" \u{7}\n<", Vec::new()),
        verdict("b.test.yaml", "bad", bad),
    ]
}

#[test]
fn people_read_what_differs() {
    let text = as_text(&verdicts(), Duration::from_millis(800));
    let plain = anstream::adapter::strip_str(&text).to_string();
    let expected = r#"a.test.yaml
  ok    good & "quoted" � <
b.test.yaml
  FAIL  bad

b.test.yaml:3: bad
  line 7: the verdict on `<vol>`
    expected: act
    found:    leave: a�]]>"'
              ^^^^^^^^^^^^^^
    trail: �[31m & more
  line 8: the verdict on `<vol>`
    expected -, found +
      a
    - b
    + c d
    trail: �[31m & more
  line 9: the verdict on `<vol>`
    L6: broken
    trail: �[31m & more

1 passed, 1 failed in 0.8 s
"#;
    assert_eq!(plain, expected);
}

#[test]
fn junit_is_xml_whatever_the_texts_are() {
    let expected = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="lamplighter" tests="2" failures="1" errors="0" time="3.000">
<testsuite name="a.test.yaml" tests="1" failures="0" errors="0" time="1.500">
<testcase name="good &amp; &quot;quoted&quot; �&#10;&lt;" classname="a.test.yaml" file="a.test.yaml" line="3" time="1.500"/>
</testsuite>
<testsuite name="b.test.yaml" tests="1" failures="1" errors="0" time="1.500">
<testcase name="bad" classname="b.test.yaml" file="b.test.yaml" line="3" time="1.500">
<failure message="not as expected: the verdict on `&lt;vol&gt;`, the verdict on `&lt;vol&gt;`, the verdict on `&lt;vol&gt;`" type="mismatch">  line 7: the verdict on `&lt;vol&gt;`
    expected: act
    found:    leave: a�]]&gt;&quot;&apos;
              ^^^^^^^^^^^^^^
    trail: �[31m &amp; more
  line 8: the verdict on `&lt;vol&gt;`
    expected -, found +
      a
    - b
    + c d
    trail: �[31m &amp; more
  line 9: the verdict on `&lt;vol&gt;`
    L6: broken
    trail: �[31m &amp; more
</failure>
</testcase>
</testsuite>
</testsuites>
"#;
    assert_eq!(junit(&verdicts()), expected);
}

#[test]
fn the_json_is_stable() {
    let wrong = |line: usize, key: &[&str], more: serde_json::Value| {
        let mut json = serde_json::json!({
            "line": line,
            "key": key,
            "about": "the verdict on `<vol>`",
            "notes": ["trail: \u{1b}[31m & more"],
        });
        for (key, value) in more.as_object().unwrap() {
            json[key] = value.clone();
        }
        json
    };
    let expected = serde_json::json!({
        "passed": 1,
        "failed": 1,
        "tests": [
            {
                "file": "a.test.yaml",
                "line": 3,
                "name": "good & \"quoted\" \u{7}\n<",
                "passed": true,
                "mismatches": [],
            },
            {
                "file": "b.test.yaml",
                "line": 3,
                "name": "bad",
                "passed": false,
                "mismatches": [
                    wrong(
                        7,
                        &["verdicts", "<vol>"],
                        serde_json::json!({ "expected": "act", "found": "leave: a\u{0}]]>\"'" }),
                    ),
                    wrong(
                        8,
                        &["kept", "v"],
                        serde_json::json!({ "expected": ["a", "b"], "found": ["a", "c\nd"] }),
                    ),
                    wrong(9, &[], serde_json::json!({ "found": "L6: broken" })),
                ],
            },
        ],
    });
    assert_eq!(as_json(&verdicts()), expected);
}

#[test]
fn the_schema_for_editors_takes_the_examples_and_no_unknown_key() {
    let schema = jsonschema::validator_for(&schema()).unwrap();
    for name in ["config/ebs-snapshot-create.test.yaml", "config/ebs-snapshot-delete.test.yaml"] {
        let file: Value = serde_saphyr::from_str(&lamplighter_tests::read(name)).unwrap();
        let error = schema.validate(&file).err().map(|it| it.to_string());
        assert_eq!(error, None, "{name}");
    }
    let unknown = serde_json::json!({ "tests": { "a": { "expect": { "verdict": {} } } } });
    assert!(!schema.is_valid(&unknown));
}

/// The problems as `file:line:column message`, with the hint behind a bar.
#[track_caller]
fn check_bad(text: &str, wanted: &[&str]) {
    let problems = suite(text).err().map(|it| it.problems).unwrap_or_default();
    let shown = problems.iter().map(|it| {
        let hint = it.hint.as_ref().map(|hint| format!(" | {hint}")).unwrap_or_default();
        format!("{}:{}:{} {}{hint}", it.file, it.line, it.column, it.message)
    });
    let shown: Vec<String> = shown.collect();
    assert_eq!(shown, wanted, "\n{shown:#?}");
}
