//! Samples of AWS's events, and which tasks they trigger.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    select::Selection,
    task::{Guards, Mode, Order, Reach, Regions, Task},
};

/// The samples of a folder, each with its name.
macro_rules! samples {
    ($($name:literal)+) => {
        &[$(($name, include_str!(concat!("../../tests/events/", $name, ".json")))),+]
    };
}

const SAMPLES: &[(&str, &str)] = samples![
    "cloudtrail-dynamodb-updatetable"
    "ebs-copy-snapshot-failed"
    "ebs-copy-snapshot-missed-duration"
    "ebs-copy-snapshot-succeeded"
    "ebs-copy-snapshot-time-based-succeeded"
    "ebs-create-snapshot-failed"
    "ebs-create-snapshot-succeeded"
    "ebs-create-snapshots-multi-failed"
    "ebs-create-snapshots-multi-succeeded"
    "ebs-fast-snapshot-restore-optimizing"
    "ebs-share-snapshot"
    "ebs-volume-attach-failed"
    "ebs-volume-create-available"
    "ebs-volume-create-failed-kms"
    "ebs-volume-delete"
    "ebs-volume-initialized"
    "ebs-volume-modify-optimizing"
    "ec2-state-change-pending"
    "ec2-state-change-running"
    "ec2-state-change-shutting-down"
    "ec2-state-change-stopped"
    "ec2-state-change-stopping"
    "ec2-state-change-terminated"
    "lambda-sqs-batch"
    "rds-cluster-snapshot-created"
    "rds-instance-stopped"
    "rds-snapshot-automated-created"
    "rds-snapshot-copy-finished"
    "rds-snapshot-created"
    "rds-snapshot-creating"
    "scheduled-event"
    "scheduler-default-payload"
    "tag-change-key-removed-float-version"
    "tag-change-noncompliant"
    "tag-change-on-instance"
];

fn sample(name: &str) -> Value {
    let (_, text) = SAMPLES.iter().find(|(it, _)| *it == name).unwrap();
    serde_json::from_str(text).unwrap()
}

fn event(name: &str) -> CloudEvent {
    parse(&sample(name)).unwrap()
}

/// A task in `us-east-1` and `us-west-2` of the account of the samples, and in all of another.
fn task(name: &str, on: Vec<Trigger>) -> Task {
    let order = Order {
        task: name.parse().unwrap(),
        defined_at: "tasks.yaml:1".to_owned(),
        action: "test.action".to_owned(),
        params: json!({}),
        select: Selection::default(),
        adopt: None,
        mode: Mode::Act,
        guards: Guards::default(),
        max_concurrent: None,
        timeout: None,
        stop_after: None,
        time_zone: Default::default(),
    };
    let regions = ["us-east-1", "us-west-2"].map(|it| it.parse().unwrap()).to_vec();
    let reach = vec![
        Reach { account: "123456789012".parse().unwrap(), regions: Regions::Listed(regions) },
        Reach { account: "444455556666".parse().unwrap(), regions: Regions::All },
    ];
    Task { order, description: String::new(), enabled: true, schedule: None, on, reach }
}

fn keys(keys: &[&str]) -> Trigger {
    Trigger::TagsChanged(keys.iter().map(|it| (*it).to_owned()).collect())
}

fn custom(pattern: Value, target: &str) -> Trigger {
    let pattern = Pattern::try_from(pattern).unwrap();
    Trigger::Custom { pattern, target: target.parse().unwrap() }
}

/// One task for each name and kind of resource, and two with a pattern.
fn tasks() -> Vec<(Task, &'static str)> {
    use kind::*;

    let states = |states: &[InstanceState]| {
        Trigger::InstanceState(states.iter().copied().collect::<BTreeSet<_>>())
    };
    let late = json!({ "detail-type": ["EBS Copy Snapshot Missed Completion Duration"] });
    let updated = json!({ "detail": { "eventName": ["UpdateTable"] } });
    let named = [
        ("completed", SNAPSHOTS, Name::SnapshotCompleted),
        ("copied", SNAPSHOTS, Name::SnapshotCopied),
        ("created", SNAPSHOTS, Name::SnapshotCreated),
        ("failed", SNAPSHOTS, Name::SnapshotFailed),
        ("shared", SNAPSHOTS, Name::SnapshotShared),
        ("volume-created", VOLUMES, Name::VolumeCreated),
        ("volume-modified", VOLUMES, Name::VolumeModified),
        ("db-stopped", DATABASES, Name::DatabaseStopped),
        ("db-snapshot", DATABASE_SNAPSHOTS, Name::DatabaseSnapshotCreated),
        ("db-copy", DATABASE_SNAPSHOTS, Name::DatabaseSnapshotCopied),
        ("cluster-snapshot", CLUSTER_SNAPSHOTS, Name::ClusterSnapshotCreated),
    ];
    let mut tasks: Vec<_> = named
        .into_iter()
        .map(|(name, kind, event)| (task(name, vec![Trigger::Named(event)]), kind))
        .collect();
    tasks.extend([
        (task("up", vec![states(&[InstanceState::Pending, InstanceState::Running])]), INSTANCES),
        (task("down", vec![states(&[InstanceState::Stopped])]), INSTANCES),
        (task("tagged", vec![keys(&["OpsTask", "other"])]), INSTANCES),
        (task("tagged-volume", vec![keys(&["OpsTask"])]), VOLUMES),
        (task("late", vec![custom(late, "/resources")]), SNAPSHOTS),
        (task("updated", vec![custom(updated, "/detail/requestParameters/tableName")]), TABLES),
    ]);
    tasks
}

/// What becomes of a sample: the tasks that it triggers with their targets, or why it is
/// refused or ignored.
fn outcome(event: &Value) -> String {
    let event = match parse(event) {
        Ok(event) => event,
        Err(bad) => return bad.to_string(),
    };
    let caught = tasks().into_iter().filter_map(|(task, kind)| {
        let name = &task.order.task;
        match catch(&task, kind, &event) {
            Catch::Unrelated => None,
            Catch::Ignored(reason) => Some(format!("{name} not: {reason}")),
            Catch::Targets(targets) => {
                let targets: Vec<String> = targets.into_iter().collect();
                Some(format!("{name}: {}", targets.join(" ")))
            }
        }
    });
    let caught: Vec<String> = caught.collect();
    if caught.is_empty() { "nobody subscribes to it".to_owned() } else { caught.join(", ") }
}

#[test]
fn every_sample_reaches_the_right_task_with_the_right_target_or_is_refused() {
    let expected = "\
cloudtrail-dynamodb-updatetable => updated: orders
ebs-copy-snapshot-failed => failed: snap-0123456789abcdef0
ebs-copy-snapshot-missed-duration => late: snap-0123456789abcdef0
ebs-copy-snapshot-succeeded => completed: snap-0123456789abcdef0, copied: snap-0123456789abcdef0
ebs-copy-snapshot-time-based-succeeded => completed: snap-0123456789abcdef0, copied: snap-0123456789abcdef0
ebs-create-snapshot-failed => failed: snap-0123456789abcdef0
ebs-create-snapshot-succeeded => completed: snap-0123456789abcdef0, created: snap-0123456789abcdef0
ebs-create-snapshots-multi-failed => failed: snap-0123456789abcdef0 snap-0fedcba9876543210
ebs-create-snapshots-multi-succeeded => completed: snap-0123456789abcdef0 snap-0fedcba9876543210, created: snap-0123456789abcdef0 snap-0fedcba9876543210
ebs-fast-snapshot-restore-optimizing => nobody subscribes to it
ebs-share-snapshot => shared: snap-0123456789abcdef0
ebs-volume-attach-failed => nobody subscribes to it
ebs-volume-create-available => volume-created: vol-0123456789abcdef0
ebs-volume-create-failed-kms => nobody subscribes to it
ebs-volume-delete => nobody subscribes to it
ebs-volume-initialized => nobody subscribes to it
ebs-volume-modify-optimizing => volume-modified: vol-0123456789abcdef0
ec2-state-change-pending => up: i-0abcd1234ef567890
ec2-state-change-running => up: i-0abcd1234ef567890
ec2-state-change-shutting-down => nobody subscribes to it
ec2-state-change-stopped => down: i-0abcd1234ef567890
ec2-state-change-stopping => nobody subscribes to it
ec2-state-change-terminated => nobody subscribes to it
lambda-sqs-batch => not an event of EventBridge: it has no `account`
rds-cluster-snapshot-created => cluster-snapshot: aurora1-20260302
rds-instance-stopped => db-stopped: testdb
rds-snapshot-automated-created => db-snapshot: rds:testdb-2026-03-02-10-10
rds-snapshot-copy-finished => db-copy: testdb-copy
rds-snapshot-created => db-snapshot: testdb-20260302
rds-snapshot-creating => nobody subscribes to it
scheduled-event => nobody subscribes to it
scheduler-default-payload => nobody subscribes to it
tag-change-key-removed-float-version => tagged not: it is about no instances, tagged-volume: vol-0123456789abcdef0
tag-change-noncompliant => nobody subscribes to it
tag-change-on-instance => tagged: i-0abcd1234ef567890, tagged-volume not: it is about no volumes";
    let found: Vec<String> =
        SAMPLES.iter().map(|(name, _)| format!("{name} => {}", outcome(&sample(name)))).collect();
    assert_eq!(found.join("\n"), expected);
}

#[test]
fn the_envelope_says_whose_event_it_is_and_not_the_arn() {
    let event = event("ebs-create-snapshot-succeeded");
    assert_eq!(event.id.as_str(), "7bf73129-1428-4cd3-a780-95db273d1602");
    assert_eq!(event.place.to_string(), "123456789012/us-east-1");
    assert_eq!(event.at.to_string(), "2026-03-02T10:15:30Z");
}

/// Why a task does not run for a sample.
#[track_caller]
fn check_ignored(sample: &str, task: &Task, kind: &str, reason: &str) {
    assert_eq!(catch(task, kind, &event(sample)), Catch::Ignored(reason.to_owned()));
}

#[test]
fn an_event_from_where_the_task_does_not_work_is_ignored() {
    const CREATED: &str = "ebs-create-snapshot-succeeded";
    let created = || task("created", vec![Trigger::Named(Name::SnapshotCreated)]);
    let mut elsewhere = created();
    elsewhere.reach[0].regions = Regions::Listed(vec!["eu-west-1".parse().unwrap()]);
    let reason = "the task does not name us-east-1 in 123456789012";
    check_ignored(CREATED, &elsewhere, kind::SNAPSHOTS, reason);
    elsewhere.reach.remove(0);
    let reason = "the task does not name the account 123456789012";
    check_ignored(CREATED, &elsewhere, kind::SNAPSHOTS, reason);
    let disabled = Task { enabled: false, ..created() };
    check_ignored(CREATED, &disabled, kind::SNAPSHOTS, "the task is not enabled");
    check_ignored(CREATED, &created(), kind::VOLUMES, "it is about no volumes");
}

#[test]
fn what_a_task_has_made_does_not_trigger_it() {
    let change = |tags: Value, changed: &[&str]| {
        let mut sample = sample("tag-change-on-instance");
        sample["detail"]["tags"] = tags;
        sample["detail"]["changed-tag-keys"] = json!(changed);
        parse(&sample).unwrap()
    };
    let task = task("nightly", vec![keys(&["backup", "lamplighter:task"])]);
    let made = |by: &str| {
        change(
            json!({ "backup": "daily", "lamplighter:task": by }),
            &["backup", "lamplighter:task"],
        )
    };
    let own = Catch::Ignored("the task itself made what it is about".to_owned());
    assert_eq!(catch(&task, kind::INSTANCES, &made("nightly")), own);
    let target = Catch::Targets(BTreeSet::from(["i-0abcd1234ef567890".to_owned()]));
    assert_eq!(catch(&task, kind::INSTANCES, &made("other")), target);
    // Our marks alone are no change, whoever made them.
    let marked = change(json!({ "lamplighter:task": "other" }), &["lamplighter:task"]);
    assert_eq!(catch(&task, kind::INSTANCES, &marked), Catch::Unrelated);
}

#[test]
fn two_triggers_of_one_task_that_take_one_event_are_one_run() {
    let both = task(
        "both",
        vec![
            Trigger::Named(Name::SnapshotCreated),
            custom(json!({ "source": ["aws.ec2"] }), "/resources/0"),
            custom(json!({ "source": ["aws.ec2"] }), "/detail/missing"),
        ],
    );
    let found = catch(&both, kind::SNAPSHOTS, &event("ebs-create-snapshots-multi-succeeded"));
    let expected = ["snap-0123456789abcdef0", "snap-0fedcba9876543210"].map(str::to_owned);
    assert_eq!(found, Catch::Targets(BTreeSet::from(expected)));
}

#[test]
fn a_pattern_of_ones_own_says_where_the_target_is() {
    #[track_caller]
    fn check(target: &str, expected: &str) {
        let task = task("custom", vec![custom(json!({ "source": ["aws.ec2"] }), target)]);
        let mut event = sample("ec2-state-change-stopped");
        event["detail"] = json!({
            "one": "vol-1",
            "arns": ["arn:aws:ec2:us-east-1:1:volume/vol-2", "arn:aws:ec2:us-east-1:1:instance/i-1"],
            "wildcard": "*",
            "number": 1,
            "many": vec!["vol-1"; 201],
            "a/b": "vol-3",
        });
        event["detail-type"] = json!("other");
        let found = match catch(&task, kind::VOLUMES, &parse(&event).unwrap()) {
            Catch::Targets(ids) => ids.into_iter().collect::<Vec<_>>().join(" "),
            Catch::Ignored(reason) => format!("not: {reason}"),
            Catch::Unrelated => "unrelated".to_owned(),
        };
        assert_eq!(found, expected);
    }
    check("/detail/one", "vol-1");
    check("/detail/arns", "vol-2");
    check("/detail/arns/0", "vol-2");
    check("/detail/a~1b", "vol-3");
    check("/resources", "not: it is about no volumes");
    check("/detail/none", "not: there is nothing at `/detail/none` in it");
    check("/detail/number", "not: at `/detail/number` in it is neither an id nor an ARN");
    check("/detail/wildcard", "not: at `/detail/wildcard` in it: `*` is not the id of a resource");
    check("/detail/many", "not: it has 201 resources at `/detail/many`, at most 200");
}

#[test]
fn pointers_are_those_of_the_rfc() {
    for good in ["/detail", "/a/0", "/a~1b/~0", "/a//b", "/ü"] {
        assert_eq!(good.parse::<Pointer>().map(|it| it.as_str().to_owned()), Ok(good.to_owned()));
    }
    for bad in ["", "/", "detail", "$.detail", "/a~", "/a~2", "/a~~1"] {
        assert!(bad.parse::<Pointer>().is_err(), "{bad}");
    }
}

/// What is wrong with a sample in which a value was changed, or taken out.
#[track_caller]
fn check_bad(name: &str, pointer: &str, value: Value, expected: &str) {
    let mut event = sample(name);
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = event.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Value::Null => drop(parent.remove(key)),
        value => drop(parent.insert(key.to_owned(), value)),
    }
    let expected = format!("not an event of EventBridge: {expected}");
    assert_eq!(parse(&event).map_err(|it| it.to_string()).err(), Some(expected));
}

#[test]
fn what_is_not_as_aws_writes_it_is_refused_with_the_reason() {
    let state = "ec2-state-change-stopped";
    check_bad(
        state,
        "/id",
        json!("a b"),
        "`id`: `a b` is not the id of an event: at most 36 letters, digits and hyphens",
    );
    check_bad(
        state,
        "/account",
        json!(123_456_789_012_u64),
        "`account` is a text, and this is a number",
    );
    check_bad(state, "/region", Value::Null, "it has no `region`");
    check_bad(state, "/detail-type", Value::Null, "it has no `detail-type`");
    check_bad(
        state,
        "/detail/state",
        json!("odd"),
        "`detail.state`: `odd` is no state of an instance",
    );
    check_bad(state, "/detail/instance-id", json!("i *"), "`i *` is not the id of a resource");
    let created = "ebs-create-snapshot-succeeded";
    check_bad(created, "/detail/snapshot_id", Value::Null, "it has no `detail.snapshot_id`");
    check_bad(
        created,
        "/detail/snapshot_id",
        json!("snap-1"),
        "`snap-1` is not an ARN, such as `arn:aws:ec2:eu-west-1:111122223333:volume/vol-1`",
    );
    check_bad(
        created,
        "/detail/snapshot_id",
        json!("arn:aws:ec2:a:b:volume/vol-1"),
        "`arn:aws:ec2:a:b:volume/vol-1` is not one of snapshots",
    );
    check_bad(
        created,
        "/detail/result",
        json!([]),
        "`detail.result` is a text, and this is a list",
    );
    let set = "ebs-create-snapshots-multi-succeeded";
    check_bad(
        set,
        "/detail/snapshots",
        Value::Null,
        "`detail.snapshots` is a list, and this is null",
    );
    let tags = "tag-change-on-instance";
    check_bad(tags, "/resources", json!([1]), "`resources` has ARNs in it, and this is a number");
    check_bad(
        tags,
        "/detail/changed-tag-keys",
        json!([1]),
        "`detail.changed-tag-keys` must be texts",
    );
    check_bad(
        tags,
        "/detail/tags",
        json!({ "a": 1 }),
        "`detail.tags` is an object, and all values must be texts",
    );
    let arns = vec!["arn:aws:ec2:us-east-1:1:volume/vol-1"; 201];
    check_bad(tags, "/resources", json!(arns), "it is about 201 resources, at most 200");
    assert!(
        parse(&json!([])).unwrap_err().to_string().ends_with("expected an object, found a list")
    );
}

#[test]
fn a_message_is_of_bearable_length_whatever_it_quotes() {
    let mut event = sample("ec2-state-change-stopped");
    event["detail"]["instance-id"] = json!("ü ".repeat(10_000));
    assert!(parse(&event).unwrap_err().to_string().len() < 400);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        "arn(:[a-z/]{0,3}){0,7}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z-]{0,6}", inner, 0..4)
                .prop_map(|it| Value::Object(it.into_iter().collect())),
        ]
    })
}

/// Puts a value in the place of the one that a path of choices leads to.
fn damage(at: &mut Value, path: &[prop::sample::Index], value: Value) {
    let next = match (at, path.split_first()) {
        (Value::Object(object), Some((step, rest))) if !object.is_empty() => {
            let index = step.index(object.len());
            object.values_mut().nth(index).map(|it| (it, rest))
        }
        (Value::Array(list), Some((step, rest))) if !list.is_empty() => {
            let index = step.index(list.len());
            list.get_mut(index).map(|it| (it, rest))
        }
        (at, _) => {
            *at = value;
            return;
        }
    };
    if let Some((at, rest)) = next {
        damage(at, rest, value);
    }
}

proptest! {
    #[test]
    fn random_json_never_panics(value in any_json()) {
        let _ = parse(&value);
    }

    /// A sample in which one value at random is another one.
    #[test]
    fn a_damaged_sample_never_panics(
        index in 0..SAMPLES.len(),
        path in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
        value in any_json(),
    ) {
        let mut event: Value = serde_json::from_str(SAMPLES[index].1).unwrap();
        damage(&mut event, &path, value);
        outcome(&event);
    }
}
