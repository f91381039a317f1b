//! Texts, rows and tags that nobody meant: never a panic, always an answer.

use jiff::Timestamp;
use lamplighter_core::{
    Clock, Fault, FaultKind, JobId, RunId,
    engine::Planner,
    job::{Admission, Job, Outcome, State, Status, Tried},
    plan::{Plan, TaskPlan},
    schedule::{Cron, Every, Zone},
    select::{Condition, Selection},
    task::Task,
};
use lamplighter_testkit::{World, catalog, finish};
use proptest::prelude::*;
use serde_json::{Value, json};

mod support;

use support::{NONE, Snap};

/// Longest error about a text of any length.
const ERROR_MAX: usize = 2_000;

/// Texts like those that users write, and others.
fn text(alphabet: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), alphabet.prop_map(|it: String| it), "\\PC{0,40}"]
}

/// Whether what is said of a text can be read.
fn is_bearable<E: ToString>(error: Result<impl Sized, E>) -> bool {
    error.err().is_none_or(|it| {
        let said = it.to_string();
        !said.is_empty() && said.len() <= ERROR_MAX
    })
}

/// A text that is damaged at one place.
fn damaged(whole: String) -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "",
        "-1",
        "0",
        "18446744073709551616",
        "1e999",
        "null",
        "\"",
        "\\",
        "\\ud800",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "é",
        "\0",
        "\u{202e}",
        "9999-12-31T23:59:59Z",
        "true",
    ]);
    (any::<prop::sample::Index>(), 0..30_usize, pieces).prop_map(move |(at, length, piece)| {
        let start = whole.floor_char_boundary(at.index(whole.len()));
        let end = whole.floor_char_boundary((start + length).min(whole.len()));
        format!("{}{piece}{}", &whole[..start], &whole[end..])
    })
}

/// What may stand where something else belongs.
fn leaves() -> Vec<Value> {
    vec![
        json!(null),
        json!(0),
        json!(-1),
        json!(u32::MAX),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(0.5),
        json!(""),
        json!("x".repeat(3_000)),
        json!("9999-12-30T22:00:00.999999999Z"),
        json!("-009999-01-02T01:59:59Z"),
        json!("PT9223372036854775807S"),
        json!([]),
        json!({}),
        json!(true),
    ]
}

/// A value with each of its parts replaced by each of these.
fn altered(whole: &Value) -> impl Iterator<Item = Value> {
    let mut pointers = Vec::new();
    collect(whole, String::new(), &mut pointers);
    pointers.into_iter().flat_map(move |pointer| {
        leaves().into_iter().filter_map(move |leaf| {
            let mut value = whole.clone();
            *value.pointer_mut(&pointer)? = leaf;
            Some(value)
        })
    })
}

/// The pointers to all that is in a value, itself included.
fn collect(value: &Value, pointer: String, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                let key = key.replace('~', "~0").replace('/', "~1");
                collect(field, format!("{pointer}/{key}"), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(item, format!("{pointer}/{index}"), found);
            }
        }
        _ => {}
    }
    found.push(pointer);
}

fn task(world: &World) -> Task {
    world.task_of(&Snap::<NONE>, json!({}))
}

/// A job of each kind that is open, as a journal keeps it, and one that is closed.
fn jobs() -> Vec<Job> {
    let mut world = World::new().volume("vol-a", []);
    let engines = world.begin(&Snap::<NONE>, json!({}));
    let (jobs, now) = (world.jobs(), world.clock().now());
    world.run_to_the_end(&engines);
    let open = |job: Job| Job { status: Status::Open, wake_at: Some(now), closed_at: None, ..job };
    let closed = world.jobs().pop();
    jobs.into_iter().map(open).chain(closed).collect()
}

/// A plan as it is saved.
fn plan() -> Plan {
    let world = World::new().volume("vol-a", []).volume("vol-b", []);
    let (task, now) = (task(&world), world.clock().now());
    let planner =
        Planner::new(catalog(&[&Snap::<NONE>]), std::sync::Arc::new(world.cloud().clone()));
    let place = finish(planner.place(&task.order, world.here(), now)).expect("nobody dies");
    let mut problems = Vec::new();
    let plan = TaskPlan::new(&task.order, now, vec![place], &mut problems);
    Plan::new(now, vec![plan], problems)
}

/// Does everything to a job that the engine does.
fn live(job: &Job, now: Timestamp) {
    let _ = (job.run(), job.renewed(now));
    if job.admit(now) == Admission::NotNow {
        return;
    }
    let held = job.leased("worker", now);
    let wait = std::time::Duration::from_secs(9);
    for result in [
        Ok(Outcome::Done(String::new())),
        Ok(Outcome::Later { wait }),
        Ok(Outcome::Again { state: json!(1), wait }),
        Ok(Outcome::Waiting { gate: "gate".to_owned(), wait }),
        Err(Fault::new(FaultKind::Throttled, "slow down").retry_after(wait)),
        Err(Fault::transient("lost")),
    ] {
        let next = held.settled(result, Tried::default(), now, 0.5);
        assert_eq!(next.wake_at.is_some(), next.status.state() == State::Open);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_is_a_schedule_that_panics(
        text in text("[0-9*/,#?LW+@a-zA-Z -]{0,40}"),
        from in -62_135_596_800_i64..253_370_764_800,
    ) {
        let cron = text.parse::<Cron>();
        let from = Timestamp::from_second(from).expect("within what can be said");
        if let Ok(cron) = &cron {
            let timing = lamplighter_core::schedule::Timing::Cron(cron.clone());
            let schedule = lamplighter_core::schedule::Schedule::new(timing, Zone::default());
            prop_assert!(schedule.after(from).is_none_or(|next| next > from));
        }
        prop_assert!(is_bearable(cron), "{text:?}");
        prop_assert!(is_bearable(text.parse::<Every>()));
        prop_assert!(is_bearable(text.parse::<Zone>()));
    }

    #[test]
    fn no_text_is_a_name_that_panics(text in text("[a-z0-9@/:TZ.-]{0,80}")) {
        prop_assert!(is_bearable(text.parse::<JobId>()));
        prop_assert!(is_bearable(text.parse::<RunId>()));
        prop_assert!(is_bearable(text.parse::<lamplighter_core::TaskName>()));
        prop_assert!(is_bearable(text.parse::<Condition>()));
        if let Ok(id) = text.parse::<JobId>() {
            let _ = id.run().occurrence().len();
        }
    }
}

/// Expects that a text is the plan, or is refused in bearable words.
#[track_caller]
fn check_plan(text: &str) {
    match Plan::parse(text) {
        Ok(found) => assert_eq!(found, plan()),
        Err(bad) => assert!(is_bearable(Err::<(), _>(&bad)), "{bad}"),
    }
}

#[test]
fn a_plan_in_which_something_is_else_is_refused() {
    let whole = serde_json::to_value(plan()).expect("a plan can be written");
    altered(&whole).for_each(|it| check_plan(&it.to_string()));
}

#[test]
fn a_damaged_row_of_the_journal_is_an_error_or_a_job_that_goes_on() {
    let now = "2026-03-02T02:05:00Z".parse().expect("an instant");
    let mut read = 0;
    for job in jobs() {
        let row = serde_json::to_value(job).expect("a job can be written");
        for job in altered(&row).filter_map(|it| serde_json::from_value::<Job>(it).ok()) {
            live(&job, now);
            read += 1;
        }
    }
    assert!(read > 100, "hardly any damage can be read: {read}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_that_is_not_as_it_was_saved_is_refused(
        text in Just(plan()).prop_flat_map(|plan| {
            let whole = serde_json::to_string(&plan).expect("a plan can be written");
            prop_oneof![damaged(whole), any::<String>()]
        }),
    ) {
        check_plan(&text);
    }
}

/// A tag as others may write it: AWS lets any Unicode through, and others than AWS more.
fn tag() -> impl Strategy<Value = (String, String)> {
    let part =
        || prop_oneof![any::<String>(), "\\PC{1,300}", "[a-z*?{}]{1,9}", Just("x".repeat(70_000))];
    (part(), part())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn tags_are_selected_planned_and_acted_on_whatever_they_say(
        tags in prop::collection::vec(tag(), 0..4),
    ) {
        let filter: serde_json::Map<String, Value> =
            tags.iter().take(1).map(|(key, _)| (key.clone(), json!("*"))).collect();
        let selects = serde_json::from_value::<Selection>(json!({ "tags": filter }));
        let mut world = World::new().volume_with("vol-a", [], |it| it.tags.extend(tags.clone()));
        if let Ok(select) = selects {
            world = world.task(move |task| task.order.select = select.clone());
        }
        let planned = world.plan(&Snap::<NONE>, json!({}));
        prop_assert_eq!(&planned, "vol-a: create a snapshot");
        world.run(&Snap::<NONE>, json!({}));
        prop_assert_eq!(world.targets(), "vol-a succeeded: created snap-1");
        let row = world.jobs().iter().map(|it| serde_json::to_string(it).expect("a job")).max();
        prop_assert!(row.is_some());
    }
}
