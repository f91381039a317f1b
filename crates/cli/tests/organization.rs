//! A part of an organization, played from its files: units within units, what is excluded, an
//! account that was closed, one without the role, and every one of them accounted for.

use lamplighter_tests::Here;
use serde_json::{Value, json};

/// The program without the AWS SDK.
const OFFLINE: &str = env!("CARGO_BIN_EXE_lamplighter-offline");

const TASKS: &str = "accounts:
  hub: { id: \"111122223333\", regions: [eu-west-1] }
  prod:
    organization:
      units: [ou-ab12-11111111]
      exclude: [ou-ab12-33333333, \"222200000006\"]
    role: member
    external-id: 7f3c
    regions: [eu-west-1, us-east-1]
tasks:
  nightly:
    action: ebs.snapshot.create
    schedule: { cron: \"0 2 * * *\" }
    on: [{ event: tags.changed, keys: [backup] }]
    accounts: [prod]
    select: { tags: { backup: daily } }
";

/// The third unit is in the second, and the second in the first.
const FLEET: &str = "begin: 2026-03-02T00:00:00Z
hub: \"111122223333\"
units:
  ou-ab12-11111111: {}
  ou-ab12-22222222: { parent: ou-ab12-11111111 }
  ou-ab12-33333333: { parent: ou-ab12-22222222 }
accounts:
  \"111122223333\": { regions: [eu-west-1] }
  \"222200000001\": { unit: ou-ab12-11111111, regions: [eu-west-1, us-east-1], role: member, external-id: 7f3c }
  \"222200000002\": { unit: ou-ab12-22222222, regions: [eu-west-1, us-east-1], role: member, external-id: 7f3c }
  \"222200000003\": { unit: ou-ab12-22222222, regions: [eu-west-1, us-east-1], role: member, external-id: 7f3c, suspended: true }
  \"222200000004\": { unit: ou-ab12-22222222, regions: [eu-west-1, us-east-1] }
  \"222200000005\": { unit: ou-ab12-33333333, regions: [eu-west-1, us-east-1], role: member, external-id: 7f3c }
  \"222200000006\": { unit: ou-ab12-22222222, regions: [eu-west-1, us-east-1], role: member, external-id: 7f3c }
  \"222200000007\": { regions: [eu-west-1, us-east-1], role: member, external-id: 7f3c }
volumes:
  - { id: \"vol-{account}{n}\", count: 2, region: eu-west-1, tags: { backup: daily } }
  - { count: 1, region: us-east-1, tags: { backup: daily } }
";

const TESTS: &str = "fleet: ../fleet.yaml
tests:
  each account of a night is accounted for:
    run: nightly
    expect:
      jobs:
        organization/prod: \"succeeded: 0 places, and 3 accounts to enter first, and 1 accounts that are not active\"
        \"222200000001\": succeeded*
        \"222200000001/us-east-1\": succeeded*
        \"222200000002\": succeeded*
        \"222200000003\": \"skipped: *SUSPENDED*\"
        \"222200000004\": \"failed: *role*cannot be assumed*\"
        \"222200000005\": no job
        \"222200000006\": no job
        \"222200000007\": no job
      created: 6
  a plan says what it cannot see:
    plan: nightly
    expect:
      verdicts: { vol-2222000000021: act, \"222200000004\": \"problem: *cannot be assumed*\" }
  an organization that does not answer is one failure and not fewer accounts:
    run: nightly
    faults: [{ action: ListAccountsForParent, nth: [2], error: AccessDeniedException }]
    expect:
      jobs: { organization/prod: \"failed: *`prod` in the organization*\" }
      created: 0
  slowness is waited out:
    run: nightly
    faults: [{ action: ListOrganizationalUnitsForParent, times: 3, error: TooManyRequestsException }]
    expect: { created: 6 }
  an event is of a member or of nobody:
    begin: 2026-03-02T03:00:00Z
    until: 2026-03-02T04:00:00Z
    events:
EVENTS
    expect:
      runs: { nightly: 1 }
      created: [{ of: vol-2222000000021 }]
";

/// A change of a tag of the first volume of an account.
fn tagged(account: &str) -> String {
    let event = json!({
        "after": "5m",
        "source": "aws.tag",
        "detail-type": "Tag Change on Resource",
        "account": account,
        "region": "eu-west-1",
        "resources": [format!("arn:aws:ec2:eu-west-1:{account}:volume/vol-{account}1")],
        "detail": {
            "changed-tag-keys": ["backup"],
            "service": "ec2",
            "resource-type": "volume",
            "version": 1,
            "tags": { "backup": "daily" },
        },
    });
    format!("      - {event}")
}

fn organized() -> Here {
    let here = Here::new(OFFLINE);
    here.write("config/tasks.yaml", TASKS);
    here.write("fleet.yaml", FLEET);
    here
}

#[test]
fn every_account_is_worked_in_or_said_not_to_be() {
    let here = organized();
    let accounts = ["222200000002", "222200000003", "222200000005", "222200000006", "222200000007"];
    let events = accounts.map(tagged).join("\n");
    here.write("config/nightly.test.yaml", &TESTS.replace("EVENTS", &events));
    let ended = here.run(&["test"]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn each_night_has_the_accounts_of_that_night() {
    let here = organized();
    let told = here.json(&["simulate", "--fleet", "fleet.yaml", "--days", "2"], 1);
    let nightly = &told["tasks"][0];
    assert_eq!(nightly["targets"]["succeeded"], json!(2 * 6), "{told:#}");
    let [failure] = told["failures"].as_array().unwrap().as_slice() else { panic!("{told:#}") };
    assert_eq!((&failure["count"], &failure["kind"]), (&json!(2), &json!("permission")));
    assert_eq!(told["laws"], json!([]));
    let [missed] = told["missed"].as_array().unwrap().as_slice() else { panic!("{told:#}") };
    assert_eq!(missed["account"], json!("222200000004"), "it is not in the latest run");
    let called = |name: &str| -> Option<Value> {
        let calls = told["calls"].as_array()?;
        calls.iter().find(|it| it["operation"] == name).map(|it| it["refused"].clone())
    };
    assert_eq!(called("ListAccountsForParent"), Some(json!({})));
}
