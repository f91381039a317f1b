use lamplighter_config::Source;
use lamplighter_simulator::{Access, Outcome};
use serde_json::{Value, from_value, json};

use super::{super::finding::State, *};
use crate::stage::{Scene, Stage};

const CONFIG: &str = "accounts:
  hub: { id: \"111122223333\", regions: [eu-west-1] }
  prod: { id: \"222233334444\", role: member, external-id: 7f3c, regions: [eu-west-1, us-east-1] }
  web: { id: \"333344445555\", role: member, regions: all }
tasks:
  nightly:
    action: ebs.snapshot.create
    schedule: { cron: \"0 2 * * *\" }
    accounts: [prod, web]
    select: { tags: { backup: daily } }
  prune:
    action: ebs.snapshot.delete
    accounts: [prod]
    select: { tags: { \"lamplighter:task\": nightly } }
    with: { keep: { last: 1 } }
";

fn scene(config: &str) -> Scene {
    let source = Source::new("tasks.yaml", config);
    let config = lamplighter_config::load(&[source], ACTIONS, &|_| Err(String::new())).unwrap();
    Scene::new(config, None, None)
}

/// What is not as it should be, and what the cloud was asked to change.
fn findings(scene: &Scene) -> Vec<Finding> {
    let begin = "2026-03-02T00:00:00Z".parse().unwrap();
    let stage = Stage::set(scene, begin, 1).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let found = runtime.block_on(examine(&scene.config, stage.accounts.clone(), begin)).unwrap();
    for call in stage.cloud.calls().iter().filter(|it| it.access == Access::Writes) {
        assert!(matches!(call.outcome, Outcome::Refused(_)), "a writing call: {call:?}");
    }
    for finding in &found {
        assert_eq!(finding.state == State::Wrong, finding.cure.is_some(), "{finding:?}");
    }
    found
}

/// One line for each finding of a state: `check task account/region: says`.
#[track_caller]
fn check(scene: &Scene, state: State, expected: &[&str]) {
    let line = |it: &Finding| {
        let task = it.task.as_ref().map_or("-", TaskName::as_str);
        let account = it.account.as_deref().unwrap_or("-");
        let region = it.region.as_ref().map(|it| format!("/{it}")).unwrap_or_default();
        format!("{} {task} {account}{region}: {}", it.check, it.says)
    };
    let found: Vec<String> =
        findings(scene).iter().filter(|it| it.state == state).map(line).collect();
    let matching = found.iter().zip(expected).all(|(it, start)| it.starts_with(start));
    assert!(found.len() == expected.len() && matching, "{found:#?}");
}

fn allow_only(scene: &mut Scene, account: &str, actions: Value) {
    let statement = json!({"Effect": "Allow", "Action": actions, "Resource": "*"});
    let policy = json!({"Version": "2012-10-17", "Statement": [statement]});
    let account = scene.fleet.accounts.get_mut(account).unwrap();
    account.policies = Some(vec![from_value(policy).unwrap()]);
}

#[test]
fn says_what_each_task_would_do_and_what_cannot_be_tested() {
    let scene = scene(CONFIG);
    check(&scene, State::Wrong, &[]);
    check(
        &scene,
        State::Untested,
        &[
            "permissions nightly prod: allowed: ec2:CreateSnapshot, ec2:CreateTags, \
             ec2:DescribeSnapshots, ec2:DescribeVolumes; not testable without doing it: \
             ec2:DeleteSnapshot",
            "permissions nightly web: ",
        ],
    );
    check(
        &scene,
        State::Ok,
        &[
            "account - prod: `member` can be assumed",
            "account - web: `member` can be assumed, 2 regions are enabled",
            "schedule nightly -: runs next at 2026-03-02 02:00:00+00:00 (UTC)",
            "targets nightly prod/eu-west-1: 6 listed, 6 selected, 6 to act on",
            "targets nightly prod/us-east-1: ",
            "targets nightly web/eu-west-1: ",
            "targets nightly web/us-east-1: ",
            "schedule prune -: runs only when it is asked to",
            "targets prune prod/eu-west-1: ",
            "targets prune prod/us-east-1: ",
            "permissions prune prod: allowed: ec2:DeleteSnapshot, ec2:DescribeLockedSnapshots, \
             ec2:DescribeSnapshots",
        ],
    );
}

#[test]
fn an_account_that_cannot_be_entered_is_one_finding() {
    let mut scene = scene(CONFIG);
    let account = scene.fleet.accounts.get_mut("222233334444").unwrap();
    account.external_id = Some("other".to_owned());
    check(&scene, State::Wrong, &["account - prod: the role in account `222233334444` cannot"]);
    account_cure(&scene, "lamplighter policy member --account prod");
}

#[track_caller]
fn account_cure(scene: &Scene, part: &str) {
    let found = findings(scene);
    let cure = found.iter().find_map(|it| it.cure.as_ref()).unwrap();
    assert!(cure.contains(part), "{cure}");
}

#[test]
fn a_permission_that_is_missing_is_named() {
    let mut scene = scene(CONFIG);
    let reads = ["ec2:DescribeVolumes", "ec2:DescribeSnapshots", "ec2:DescribeRegions"];
    let mut allowed = reads.to_vec();
    allowed.push("ec2:CreateSnapshot");
    allow_only(&mut scene, "333344445555", json!(allowed));
    let denied = ["permissions nightly web: You are not authorized"];
    check(&scene, State::Wrong, &denied);
    assert!(findings(&scene).iter().any(|it| it.says.contains("perform: ec2:CreateTags")));
    account_cure(&scene, "`lamplighter policy member --account web`");
    allow_only(&mut scene, "333344445555", json!(["ec2:DescribeRegions"]));
    let denied =
        ["targets nightly web/eu-west-1: listing", "targets nightly web/us-east-1: listing"];
    check(&scene, State::Wrong, &denied);
    allow_only(&mut scene, "333344445555", json!(["ec2:DescribeVolumes"]));
    check(&scene, State::Wrong, &["account - web: You are not authorized"]);
}

#[test]
fn a_part_of_the_organization_is_listed_and_its_accounts_are_entered() {
    let grouped = CONFIG.replace(
        "  web: { id: \"333344445555\", role: member,",
        "  web: { organization: { units: [ou-ab12-11111111] }, role: member,",
    );
    let mut scene = scene(&grouped);
    check(&scene, State::Wrong, &[]);
    let found = findings(&scene);
    assert!(found.iter().any(|it| it.says == "2 active accounts"), "{found:#?}");
    let member = |it: &&Finding| it.account.as_deref() == Some("web:800000000000");
    assert!(found.iter().filter(member).count() > 3, "{found:#?}");
    let mut suspend = |id: &str| {
        scene.fleet.accounts.get_mut(id).unwrap().suspended = true;
        findings(&scene)
    };
    let found = suspend("800000000001");
    let says = "1 active accounts; not worked in: 800000000001 (SUSPENDED)";
    assert!(found.iter().any(|it| it.says == says), "{found:#?}");
    suspend("800000000000");
    check(&scene, State::Wrong, &["organization - web: `web` has no active account"]);
}

#[test]
fn a_guard_that_would_strike_is_a_finding() {
    let expecting = CONFIG.replace("backup: daily }", "backup: daily }, expect: 100");
    let wrong = ["targets nightly"; 4];
    check(&scene(&expecting), State::Wrong, &wrong);
}

#[test]
fn a_region_that_is_not_enabled_is_a_finding_with_its_cure() {
    let mut scene = scene(CONFIG);
    let account = scene.fleet.accounts.get_mut("222233334444").unwrap();
    account.regions.retain(|it| it.as_str() != "us-east-1");
    scene.fleet.volumes.retain(|it| format!("{it:?}").find("us-east-1").is_none());
    scene.fleet.snapshots.retain(|it| format!("{it:?}").find("us-east-1").is_none());
    let wrong = ["targets nightly prod/us-east-1: ", "targets prune prod/us-east-1: "];
    check(&scene, State::Wrong, &wrong);
    account_cure(&scene, "enable the region");
}
