//! The schema for editors: it accepts what `load` accepts, and refuses typical mistakes.

use jsonschema::Validator;
use lamplighter_config::{Source, load, schema};
use serde_json::Value;

use crate::support::{ACTIONS, DESIGN, read_file};

fn validator() -> Validator {
    let schema = schema(ACTIONS);
    jsonschema::meta::validate(&schema).expect("a schema");
    jsonschema::draft202012::new(&schema).expect("a schema")
}

/// As an editor reads it.
fn yaml(text: &str) -> Value {
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(text, options).expect("YAML")
}

#[track_caller]
fn check(validator: &Validator, text: &str, good: bool) {
    let loaded = load(&[Source::new("a.yaml", text)], ACTIONS, &read_file);
    assert_eq!(loaded.is_ok(), good, "{text}\n{loaded:#?}");
    let errors: Vec<String> =
        validator.iter_errors(&yaml(text)).map(|error| error.to_string()).collect();
    assert_eq!(errors.is_empty(), good, "{text}\n{errors:#?}");
}

fn with(top: &str, task: &str) -> String {
    format!(
        "accounts:\n  one: {{ id: 111122223333, regions: [eu-west-1], labels: {{ wave: 1 }} }}\n\
         calendars: {{ party: {{ dates: [2026-07-01], files: [holidays.ics] }} }}\n{top}\n\
         tasks:\n  it: {{ accounts: all, {task} }}\n"
    )
}

const CREATE: &str = "action: ebs.snapshot.create";
const DELETE: &str = "action: ebs.snapshot.delete";

#[test]
fn it_accepts_what_is_good() {
    let validator = validator();
    check(&validator, DESIGN, true);
    check(&validator, "tasks:\naccounts:\n", true);
    for task in [
        CREATE.to_owned(),
        format!("{CREATE}, mode: observe, enabled: false, description: x"),
        format!("{CREATE}, schedule: {{ every: 15m, missed: all, within: 1d, only: [party] }}"),
        format!("{CREATE}, select: {{ limit: {{ percent: 60% }} }}, stop-after: {{ failed: 3 }}"),
        format!("{CREATE}, select: {{ tags: {{ a: null, b: [x, null] }} }}, regions: all"),
        format!("{CREATE}, with: {{ lock: {{ until: {{ day-count: 3 }} }}, pace: fast }}"),
        format!(
            "{CREATE}, with: {{ share: [{{ account: a, days: 3 }}], tags: {{ a: \"{{task}}\" }} }}"
        ),
        format!("{DELETE}, with: {{ keep: {{ last: 3 }} }}, adopt: {{ tags: {{ a: b }} }}"),
        format!("{CREATE}, on: [{{ event: tags.changed, keys: [a] }}], schedule: {{ every: 1h }}"),
        format!(
            "{CREATE}, on: [{{ event: ebs.volume.created }}, {{ event: ebs.volume.modified }}]"
        ),
        format!(
            "{CREATE}, on: [{{ event: custom, pattern: {{ source: [aws.ec2] }}, target: /a/0 }}]"
        ),
    ] {
        check(&validator, &with("", &task), true);
    }
    let labels = with("", CREATE).replace("all", "[one, all, { labels: { wave: 1 } }]");
    check(&validator, &labels, true);
}

#[test]
fn it_refuses_what_is_bad() {
    let validator = validator();
    check(&validator, &with("notify: {}", CREATE), false);
    for task in [
        "mode: act".to_owned(),
        "action: ebs.snapshot.crate".to_owned(),
        DELETE.to_owned(),
        format!("{CREATE}, adopt: {{ tags: {{ a: b }} }}"),
        format!("{CREATE}, notify: [oncall]"),
        format!("{CREATE}, description: null"),
        format!("{CREATE}, enabled: off"),
        format!("{CREATE}, mode: off"),
        format!("{CREATE}, regions: []"),
        format!("{CREATE}, regions: [eu-west]"),
        format!("{CREATE}, timeout: 90"),
        format!("{CREATE}, max-concurrent: 0"),
        format!("{CREATE}, schedule: {{}}"),
        format!("{CREATE}, schedule: {{ cron: \"0 2 * * *\", every: 15m }}"),
        format!("{CREATE}, schedule: {{ every: 15m, only: party }}"),
        format!("{CREATE}, schedule: {{ every: 15m, missed: never }}"),
        format!("{CREATE}, select: {{ expect: 0 }}"),
        format!("{CREATE}, select: {{ limit: {{}} }}"),
        format!("{CREATE}, select: {{ limit: {{ percent: 110 }} }}"),
        format!("{CREATE}, select: {{ tags: {{ a: 5 }} }}"),
        format!("{CREATE}, stop-after: {{ failed: 110% }}"),
        format!("{CREATE}, with: {{ copytags: [] }}"),
        format!("{CREATE}, with: {{ share: [{{ account: a, dyas: 3 }}] }}"),
        format!("{CREATE}, with: {{ pace: faster }}"),
        format!("{DELETE}, with: {{ keep: {{ lst: 3 }} }}"),
        format!(
            "{DELETE}, with: {{ keep: {{ last: 3 }} }}, on: [{{ event: tags.changed, keys: [a] }}]"
        ),
        format!("{CREATE}, on: []"),
        format!("{CREATE}, on: [{{ event: tags.changed }}]"),
        format!("{CREATE}, on: [{{ event: tags.changed, keys: [a], states: [stopped] }}]"),
        format!("{CREATE}, on: [{{ event: ebs.volume.created, keys: [a] }}]"),
        format!("{CREATE}, on: [{{ event: ec2.instance.state, states: [stopped] }}]"),
        format!("{CREATE}, on: [{{ event: custom, pattern: {{ source: [aws.ec2] }}, target: a }}]"),
    ] {
        check(&validator, &with("", &task), false);
    }
    for accounts in ["[]", "one", "[5]", "[{ label: { wave: 1 } }]", "[{ labels: {} }]"] {
        check(&validator, &with("", CREATE).replace("all", accounts), false);
    }
    for account in [
        "{ id: 111122223333 }",
        "{ id: 1111222233334, regions: all }",
        "{ id: \"11112222333x\", regions: all }",
        "{ id: 111122223333, regions: some }",
        "{ id: 111122223333, regions: all, external_id: abc }",
    ] {
        check(&validator, &format!("accounts: {{ one: {account} }}"), false);
    }
    check(&validator, "calendars: { x: { dates: [] } }", false);
    check(&validator, "calendars: { x: {} }", false);
    check(&validator, "accounts: [a]", false);
}
