//! What is accepted, and what comes out.

use std::collections::BTreeMap;

use lamplighter_config::{Account, Config, Role, Source, load};
use lamplighter_core::{
    Region,
    events::{Name, Trigger},
    pace::Share,
    schedule::{Missed, Schedule, Timing},
    task::{Group, Mode, Percent, Reach, Regions, StopAfter},
};
use serde_json::json;

use crate::support::{ACTIONS, DESIGN, load_one, read_file};

fn region(text: &str) -> Region {
    text.parse().expect("a region")
}

fn listed(regions: &[&str]) -> Regions {
    Regions::Listed(regions.iter().map(|it| region(it)).collect())
}

#[track_caller]
fn good(text: &str) -> Config {
    load_one(text).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

/// The configuration with two accounts and this task.
#[track_caller]
fn with_task(task: &str) -> Config {
    good(&format!(
        "accounts:\n  one: {{ id: 111122223333, regions: [eu-west-1] }}\n  \
         two: {{ id: 012345678901, regions: all, labels: {{ stage: prod, wave: 1 }} }}\n\
         calendars: {{ party: {{ dates: [2026-07-01] }} }}\n\
         tasks:\n  it:\n    action: ebs.snapshot.create\n{task}"
    ))
}

#[test]
fn a_whole_configuration_is_read() {
    let Config { accounts, mut tasks, groups, share } = good(DESIGN);
    assert_eq!(share, Share::default());
    assert_eq!(groups, []);
    let names: Vec<&str> = accounts.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["hub", "prod-data", "vault"]);
    let Account { id, role, external_id, regions, labels, .. } = &accounts[1];
    assert_eq!(id.as_str(), "222233334444");
    assert_eq!(*role, Some(Role::Name("lamplighter-member".to_owned())));
    assert_eq!(external_id.as_ref().unwrap().expose(), "7f3c");
    assert_eq!(*regions, listed(&["eu-west-1"]));
    assert_eq!(*labels, BTreeMap::from([("stage".to_owned(), "prod".to_owned())]));

    let task = tasks.remove(0);
    assert!(tasks.is_empty());
    assert_eq!(task.description, "Snapshots of every volume tagged for daily backup");
    assert!(task.enabled);
    let reach = Reach { account: id.clone(), regions: listed(&["eu-west-1"]) };
    assert_eq!(task.reach, [reach]);
    let timing = Timing::Cron("0 2 * * *".parse().unwrap());
    let zone = "Europe/Madrid".parse().unwrap();
    let days = ["2026-12-24", "2026-12-25", "2026-12-26", "2027-01-01"];
    assert_eq!(
        task.schedule,
        Some(Schedule {
            spread: Some(std::time::Duration::from_secs(20 * 60)),
            except: days.map(|day| day.parse().unwrap()).into(),
            ..Schedule::new(timing, zone)
        })
    );
    let order = task.order;
    assert_eq!(
        serde_json::to_value(&order).unwrap(),
        json!({
            "task": "nightly-backup",
            "defined-at": "lamplighter.yaml:10",
            "action": "ebs.snapshot.create",
            "params": { "copy-tags": ["team", "cost-center"], "description": "nightly of {target}" },
            "select": {
                "tags": {
                    "backup": "daily",
                    "stage": ["prod", "preprod"],
                    "team": "plat*",
                    "ignore": null,
                },
                "where": "target.size_gib >= 10 && target.state == \"in-use\"",
            },
            "adopt": null,
            "mode": "act",
            "guards": { "expect": 1, "limit-targets": 2000, "limit-percent": 60 },
            "max-concurrent": 50,
            "timeout": "PT6H",
            "stop-after": { "failed-percent": 20 },
            "time-zone": "Europe/Madrid",
        })
    );
}

#[test]
fn an_entry_may_stand_for_a_part_of_an_organization() {
    let text = "accounts:
  own: { id: \"111122223333\", role: own, regions: [eu-west-1] }
  prod:
    organization: { units: [ou-ab12-11111111, r-ab12], exclude: [444455556666] }
    role: ops/member
    external-id: 7f3c
    regions: all
    labels: { stage: prod }
tasks:
  by-name: { action: ebs.snapshot.create, accounts: [prod] }
  by-label: { action: ebs.snapshot.create, accounts: [{ labels: { stage: prod } }], regions: [us-east-1] }
  by-all: { action: ebs.snapshot.create, accounts: all }
";
    let config = good(text);
    let texts = |texts: &[&str]| texts.iter().map(|&it| it.to_owned()).collect();
    // Accounts with an entry of their own are left out.
    let group = |regions: Regions| Group {
        name: "prod".to_owned(),
        units: texts(&["ou-ab12-11111111", "r-ab12"]),
        exclude: texts(&["111122223333", "444455556666"]),
        regions,
    };
    let [accounts] = config.groups.as_slice() else { panic!("{:?}", config.groups) };
    assert_eq!(accounts.group, group(Regions::All));
    assert_eq!(accounts.role, Role::Name("ops/member".to_owned()));
    assert_eq!(accounts.external_id.as_ref().map(|it| it.expose()), Some("7f3c"));
    let places: Vec<(usize, &[Group])> =
        config.tasks.iter().map(|it| (it.reach.len(), it.groups.as_slice())).collect();
    let (all, one) = (group(Regions::All), group(listed(&["us-east-1"])));
    assert_eq!(places, [(0, &[all.clone()][..]), (0, &[one][..]), (1, &[all][..])]);
}

#[test]
fn a_task_needs_little() {
    let task = with_task("    accounts: all").tasks.remove(0);
    let reach: Vec<(&str, &Regions)> =
        task.reach.iter().map(|it| (it.account.as_str(), &it.regions)).collect();
    let own = listed(&["eu-west-1"]);
    assert_eq!(reach, [("111122223333", &own), ("012345678901", &Regions::All)]);
    assert!(task.enabled && task.schedule.is_none());
    assert_eq!(task.order.mode, Mode::Act);
    assert_eq!(task.order.params, json!({}));
    assert_eq!(task.order.time_zone.name(), "UTC");
}

#[test]
fn accounts_are_chosen_by_name_and_by_labels_each_once() {
    #[track_caller]
    fn check(accounts: &str, expected: &[&str]) {
        let task = with_task(&format!("    accounts: {accounts}")).tasks.remove(0);
        let ids: Vec<&str> = task.reach.iter().map(|it| it.account.as_str()).collect();
        assert_eq!(ids, expected, "{accounts}");
    }
    let (one, two) = ("111122223333", "012345678901");
    check("[two]", &[two]);
    check("[two, one, two]", &[one, two]);
    check("[one, all]", &[one, two]);
    check("[{ labels: { stage: prod } }]", &[two]);
    check("[{ labels: { stage: prod, wave: 1 } }, one]", &[one, two]);
}

#[test]
fn the_regions_of_a_task_win() {
    let task = with_task("    accounts: all\n    regions: [us-east-1]").tasks.remove(0);
    assert!(task.reach.iter().all(|it| it.regions == listed(&["us-east-1"])));
    let task = with_task("    accounts: all\n    regions: all").tasks.remove(0);
    assert!(task.reach.iter().all(|it| it.regions == Regions::All));
}

#[test]
fn every_key_of_a_task_has_its_effect() {
    let task = with_task(
        "    accounts: all\n    enabled: false\n    mode: observe\n    timeout: 1h30m\n    \
         stop-after: { failed: 3 }\n    select: { limit: { percent: 60% } }\n    \
         schedule: { every: 90m, missed: skip, within: 1d, only: [party] }",
    )
    .tasks
    .remove(0);
    let schedule = task.schedule.unwrap();
    assert!(!task.enabled);
    assert_eq!(task.order.mode, Mode::Observe);
    assert_eq!(task.order.timeout.map(|it| it.as_mins()), Some(90));
    assert_eq!(task.order.stop_after, Some(StopAfter::Failed(3)));
    assert_eq!(task.order.guards.limit_percent, Percent::try_from(60).ok());
    assert_eq!(schedule.timing, Timing::Every("90m".parse().unwrap()));
    assert_eq!(schedule.missed, Missed::Skip);
    assert_eq!(schedule.within.map(|it| it.as_secs()), Some(86_400));
    assert_eq!(schedule.only, Some(["2026-07-01".parse().unwrap()].into()));
}

#[test]
fn files_make_one_configuration_in_any_order() {
    let tasks =
        Source::new("b.yaml", "tasks: { x: { action: ebs.snapshot.create, accounts: [one] } }");
    let accounts = Source::new("a.yaml", "accounts: { one: { id: 111122223333, regions: all } }");
    let nothing = Source::new("c.yaml", "# nothing\ntasks: {}\n");
    let sections = Source::new("d.yaml", "\u{feff}accounts:\ncalendars:\ntasks:\n");
    for sources in
        [[&tasks, &accounts, &nothing, &sections], [&sections, &nothing, &accounts, &tasks]]
    {
        let sources = sources.map(Clone::clone);
        let config = load(&sources, ACTIONS, &read_file).unwrap();
        assert_eq!((config.accounts.len(), config.tasks.len()), (1, 1));
        assert_eq!(config.tasks[0].order.defined_at, "b.yaml:1");
    }
}

#[test]
fn anchors_and_merge_keys_share_what_tasks_have_in_common() {
    let config = good(
        "accounts: { one: { id: 111122223333, regions: all } }\n\
         tasks:\n\
         \x20 a: &common\n\
         \x20   action: ebs.snapshot.create\n\
         \x20   accounts: &all [one]\n\
         \x20   mode: observe\n\
         \x20 b: { <<: *common, mode: act }\n\
         \x20 c: { action: ebs.snapshot.create, accounts: *all }\n",
    );
    let modes: Vec<Mode> = config.tasks.iter().map(|it| it.order.mode).collect();
    assert_eq!(modes, [Mode::Observe, Mode::Act, Mode::Act]);
}

#[test]
fn accounts_in_parameters_go_by_their_names_or_their_ids() {
    let task = "    accounts: [one]\n    with:\n      copy-to: two\n      \
                lend-to: [one, '333344445555', '012345678901']\n";
    let params = &with_task(task).tasks[0].order.params;
    let expected = json!({
        "copy-to": "012345678901",
        "lend-to": ["111122223333", "333344445555", "012345678901"],
    });
    assert_eq!(*params, expected);
}

#[test]
fn a_number_with_leading_zeros_is_a_text() {
    let task = with_task("    accounts: all\n    with: { share: [{ account: 012345678901 }] }");
    let params = &task.tasks[0].order.params;
    assert_eq!(*params, json!({ "share": [{ "account": "012345678901" }] }));
}

#[test]
fn an_external_id_is_not_shown_by_accident() {
    let config = good(DESIGN);
    assert!(!format!("{config:?}").contains("7f3c"));
}

#[test]
fn an_adopting_task_may_delete_what_it_did_not_make() {
    let config = good(
        "accounts: { one: { id: 111122223333, regions: all } }\n\
         tasks:\n\
         \x20 it:\n\
         \x20   action: ebs.snapshot.delete\n\
         \x20   accounts: [one]\n\
         \x20   adopt: { tags: { made-by: old-tool }, where: target.size_gib > 1 }\n\
         \x20   with: { keep: { last: 3, within: 14d, time-zone: Europe/Madrid }, floor: 1 }\n",
    );
    let adopt = serde_json::to_value(&config.tasks[0].order.adopt).unwrap();
    assert_eq!(adopt, json!({ "tags": { "made-by": "old-tool" }, "where": "target.size_gib > 1" }));
}

#[test]
fn calendars_in_parameters_become_their_days() {
    let task =
        "    accounts: all\n    with: { breaks: { days: [party, 2026-12-31, 2026-07-01] } }\n";
    let config = with_task(task);
    let days = ["2026-07-01", "2026-12-31", "2026-07-01"];
    assert_eq!(config.tasks[0].order.params, json!({ "breaks": { "days": days } }));
}

#[test]
fn events_trigger_a_task_beside_its_schedule_or_without_one() {
    let config = with_task(
        "    accounts: all
    on:
      - { event: tags.changed, keys: [backup, stage] }
      - { event: ebs.volume.created }
      - event: custom
        pattern: { source: [ours], detail: { size: [{ numeric: [\">=\", 8] }] } }
        target: /detail/volume-id
",
    );
    let task = &config.tasks[0];
    assert_eq!(task.schedule, None);
    let pattern = json!({ "source": ["ours"], "detail": { "size": [{ "numeric": [">=", 8] }] } });
    assert_eq!(
        task.on,
        [
            Trigger::TagsChanged(["backup", "stage"].map(str::to_owned).into()),
            Trigger::Named(Name::VolumeCreated),
            Trigger::Custom {
                pattern: pattern.try_into().unwrap(),
                target: "/detail/volume-id".parse().unwrap(),
            },
        ]
    );
    let states = "    accounts: all\n    schedule: { every: 1h }\n    on: [{ event: ebs.volume.modified }]\n";
    assert!(with_task(states).tasks[0].schedule.is_some());
}

#[test]
fn a_share_of_the_calls_that_aws_allows_is_taken() {
    let share = |text: &str| good(text).share;
    let half = Share::new(Percent::try_from(50).unwrap()).unwrap();
    assert_eq!(share("pacing: { share: 50% }"), half);
    assert_eq!(share("pacing: { share: 50 }"), half);
    assert_eq!(share("pacing: {}"), Share::default());
    assert_eq!(share("pacing:\naccounts:\n"), Share::default());
}
