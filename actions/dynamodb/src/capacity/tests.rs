use jiff::{SignedDuration, tz::TimeZone};
use lamplighter_core::{AnyAction, Clock, cloud::tables::Unit, engine::Event, schedule::Schedule};
use lamplighter_testkit::{World, capacity, catalog, cloud::Outcome, conforms, finish, index};
use serde_json::{Value, json};

use super::*;

/// The table is to have more reads and fewer writes, its index less of both.
fn params() -> Value {
    json!({
        "table": { "reads": 20, "writes": 5 },
        "indexes": { "by-date": { "reads": 1, "writes": "50%", "min-writes": 2 } },
    })
}

fn indexed(it: &mut Table) {
    it.indexes = vec![index("by-date", 10, 8)];
}

fn world() -> World {
    World::new().table_with("orders", [], indexed)
}

#[test]
fn keeps_the_rules_of_an_action() {
    conforms(&SetCapacity, params(), world);
}

#[test]
fn keeps_the_rules_where_it_waits_for_a_decrease() {
    conforms(&SetCapacity, params(), || World::new().table_with("orders", [], spent));
}

/// Lowered four times within the last half hour.
fn spent(it: &mut Table) {
    indexed(it);
    it.capacity.decreases_today = 4;
    it.capacity.decreased_at = "2026-03-02T01:30:00Z".parse().ok();
}

#[track_caller]
fn check_params(params: Value, expected: Result<(), (&str, &str)>) {
    let found = SetCapacity.check_params(&params).map_err(|bad| (bad.path, bad.message));
    let expected = expected.map_err(|(path, message)| (path.to_owned(), message.to_owned()));
    assert_eq!(found, expected, "{params}");
}

#[test]
fn parameters_say_what_to_set() {
    check_params(params(), Ok(()));
    check_params(json!({}), Err(("", "`table` or `indexes` must say what to set")));
    check_params(
        json!({ "table": { "reads": 5 }, "reserve": 4 }),
        Err(("reserve", "at most 4 decreases are ever left: this would lower nothing")),
    );
    check_params(
        json!({ "indexes": { "*": {} } }),
        Err(("indexes.*", "`reads` or `writes` must say how much")),
    );
    check_params(
        json!({ "table": { "reads": "a lot" } }),
        Err(("table.reads", "`a lot` is not an amount, such as `100` or `50%`")),
    );
}

#[track_caller]
fn check_plan(change: impl Fn(&mut Table), params: Value, expected: &str) {
    let world = World::new().table_with("orders", [], change);
    assert_eq!(world.plan(&SetCapacity, params), format!("orders: {expected}"));
}

#[test]
fn a_plan_says_what_rises_what_falls_and_what_that_costs() {
    check_plan(
        indexed,
        params(),
        "raise reads of the table from 10 to 20, lower writes of the table from 10 to 5, lower \
         reads of `by-date` from 10 to 1, lower writes of `by-date` from 8 to 4 because the table \
         was not lowered today, and can be 4 times more now, 25 times until 2026-03-03T00:00:00Z; \
         `by-date` was not lowered today, and can be 4 times more now, 25 times until \
         2026-03-03T00:00:00Z",
    );
    let more = json!({ "table": { "reads": 20 } });
    check_plan(indexed, more, "raise reads of the table from 10 to 20");
    let same = json!({ "table": { "reads": 10, "writes": 10 } });
    check_plan(|_| {}, same, "leave because it has this capacity");
}

#[test]
fn a_plan_says_when_it_has_to_wait() {
    let less = |reserve: u32| json!({ "table": { "writes": 5 }, "reserve": reserve });
    let lower = "lower writes of the table from 10 to 5 because the table was lowered";
    let end = "until 2026-03-03T00:00:00Z";
    let lowered = |times: u32, last: &'static str| {
        move |it: &mut Table| {
            it.capacity.decreases_today = times;
            it.capacity.decreased_at = last.parse().ok();
        }
    };
    check_plan(
        spent,
        less(0),
        &format!("{lower} 4 times today, and can be again at 2026-03-02T02:30:00Z, 22 times {end}"),
    );
    check_plan(
        lowered(3, "2026-03-02T01:30:00Z"),
        less(1),
        &format!(
            "{lower} 3 times today, and can be once more now: for others, until \
             2026-03-02T02:30:00Z, 11 times {end}"
        ),
    );
    check_plan(
        lowered(1, "2026-03-02T01:30:00Z"),
        less(1),
        &format!("{lower} once today, and can be 3 times more now, 13 times {end}"),
    );
}

#[test]
fn a_plan_says_whether_the_day_has_as_many_decreases_as_the_task_needs() {
    let of = |every: &str| {
        let schedule: Schedule =
            serde_json::from_value(json!({ "timing": { "every": every } })).unwrap();
        let world = World::new().table("orders", []);
        let world = world.task(move |task| task.schedule = Some(schedule.clone()));
        world.clock().advance(SignedDuration::from_hours(22));
        world.plan(&SetCapacity, json!({ "table": { "reads": 5 } }))
    };
    let plan = "orders: lower reads of the table from 10 to 5 because the table was not lowered \
                today, and can be 4 times more now, 27 times until 2026-03-04T00:00:00Z; the task \
                runs";
    assert_eq!(of("90m"), format!("{plan} 15 more times until then"));
    let short = "more often than it can be lowered";
    assert_eq!(of("36m"), format!("{plan} 39 more times until then, {short}"));
}

#[test]
fn what_is_not_ours_to_set_is_left_with_the_reason() {
    let on_demand = |it: &mut Table| {
        it.billing = "on-demand".to_owned();
        it.capacity = capacity(0, 0);
    };
    check_plan(on_demand, params(), "leave because it is on demand");
    for state in ["CREATING", "UPDATING", "DELETING"] {
        let expected = format!("leave because it is `{state}`");
        check_plan(|it| it.state = state.to_owned(), params(), &expected);
    }
    let filling = |it: &mut Table| {
        indexed(it);
        it.indexes[0].state = "CREATING".to_owned();
    };
    check_plan(filling, params(), "leave because its index `by-date` is `CREATING`");
    let named = || json!({ "indexes": { "by-name": { "reads": 5 } } });
    check_plan(indexed, named(), "leave because it has no index `by-name`");
    let any = json!({ "indexes": { "*": { "reads": 5 }, "by-date": { "writes": 9 } } });
    let two = |it: &mut Table| {
        it.indexes = vec![index("by-date", 10, 8), index("by-name", 1, 1)];
    };
    check_plan(
        two,
        any,
        "raise writes of `by-date` from 8 to 9, raise reads of `by-name` from 1 to 5",
    );
}

#[test]
fn what_auto_scaling_sets_is_left_and_the_rest_is_not() {
    let world = || {
        let world = self::world().scaled("orders", None, Unit::Reads);
        world.scaled("orders", Some("by-date"), Unit::Writes)
    };
    assert_eq!(
        world().plan(&SetCapacity, params()),
        "orders: lower writes of the table from 10 to 5, lower reads of `by-date` from 10 to 1 \
         because the table was not lowered today, and can be 4 times more now, 25 times until \
         2026-03-03T00:00:00Z; `by-date` was not lowered today, and can be 4 times more now, 25 \
         times until 2026-03-03T00:00:00Z; Application Auto Scaling sets the reads of the table; \
         Application Auto Scaling sets the writes of `by-date`"
    );
    let mut done = world();
    done.run(&SetCapacity, params());
    assert_eq!(done.tables(), "orders ACTIVE 10/5 by-date=1/8");
    let world = world().scaled("orders", None, Unit::Writes);
    assert_eq!(
        world.plan(&SetCapacity, json!({ "table": { "writes": 7 } })),
        "orders: leave because Application Auto Scaling sets the writes of the table"
    );
}

/// The verdict on a table that only AWS can make.
#[track_caller]
fn check_judged(change: impl Fn(&mut Table), params: Value, expected: &str) {
    let world = self::world();
    let mut table = world.cloud().cloud().tables_in(world.here()).remove(0);
    change(&mut table);
    let name = "nightly".parse().unwrap();
    let now = world.clock().now();
    let cx = PlanCx {
        task: &name,
        place: world.here(),
        occurrence: now,
        time_zone: &TimeZone::UTC,
        now,
        schedule: None,
    };
    let params = serde_json::from_value(params).unwrap();
    let found = match judge(&params, &table, &BTreeSet::new(), &cx) {
        Verdict::Act { effect, .. } => effect,
        Verdict::Leave { reason } => format!("leave: {reason}"),
        Verdict::Fail { reason } => format!("fail: {reason}"),
    };
    assert_eq!(found, expected);
}

#[test]
fn local_indexes_and_writes_of_global_tables_are_left() {
    check_judged(
        |it| it.local_indexes = vec!["by-size".to_owned()],
        json!({ "indexes": { "by-size": { "reads": 5 } } }),
        "leave: `by-size` is a local index, which uses the capacity of the table",
    );
    check_judged(
        |it| it.replicas = vec!["us-east-1".to_owned()],
        json!({ "table": { "reads": 5, "writes": 5 } }),
        "lower reads of the table from 10 to 5",
    );
    check_judged(
        |it| it.replicas = vec!["us-east-1".to_owned()],
        json!({ "table": { "writes": 5 } }),
        "leave: the writes of the table of a global table are the same in all its regions: \
         us-east-1, too",
    );
    check_judged(
        |it| it.state = "ARCHIVED".to_owned(),
        json!({ "table": { "writes": 5 } }),
        "leave: it is `ARCHIVED`",
    );
}

fn updates(world: &World) -> usize {
    let calls = world.cloud().calls();
    calls.iter().filter(|it| it.actions == ["dynamodb:UpdateTable"]).count()
}

#[test]
fn what_rises_goes_first_and_apart_from_what_falls() {
    let mut world = world();
    let engines = world.begin(&SetCapacity, params());
    assert_eq!(world.tables(), "orders UPDATING 10/10 by-date=10/8");
    world.clock().advance(SignedDuration::from_secs(15));
    assert_eq!(world.tables(), "orders ACTIVE 20/10 by-date=10/8");
    world.run_to_the_end(&engines);
    assert_eq!(world.tables(), "orders ACTIVE 20/5 by-date=1/4");
    assert_eq!(
        world.targets(),
        "orders succeeded: reads of the table 10 → 20, writes of the table 10 → 5, reads of \
         `by-date` 10 → 1, writes of `by-date` 8 → 4"
    );
    assert_eq!(updates(&world), 2);
}

#[test]
fn a_second_run_changes_nothing() {
    let mut world = world();
    let params = json!({ "table": { "reads": "200%", "max-reads": 20, "writes": 5 } });
    world.run(&SetCapacity, params.clone());
    let (before, calls) = (world.tables(), updates(&world));
    world.clock().advance(SignedDuration::from_mins(1));
    world.run(&SetCapacity, params);
    assert_eq!((world.tables(), updates(&world)), (before, calls));
    let last = world.targets().lines().next().unwrap().to_owned();
    assert_eq!(last, "orders skipped: it has this capacity");
}

#[test]
fn nothing_that_has_to_wait_holds_up_what_rises() {
    let mut world = World::new().table_with("orders", [], spent);
    let engines = world.begin(&SetCapacity, params());
    let until = |minutes| world.clock().now() + SignedDuration::from_mins(minutes);
    let (soon, late) = (until(3), until(29));
    world.run_until(&engines, soon);
    // The index has a budget of its own.
    assert_eq!(world.tables(), "orders ACTIVE 20/10 by-date=1/4");
    world.run_until(&engines, late);
    assert_eq!(world.tables(), "orders ACTIVE 20/10 by-date=1/4");
    world.run_to_the_end(&engines);
    assert_eq!(world.tables(), "orders ACTIVE 20/5 by-date=1/4");
    assert!(world.targets().starts_with("orders succeeded"), "{}", world.targets());
}

#[test]
fn what_somebody_else_changes_meanwhile_is_left() {
    let mut world = World::new().table_with("orders", [], spent);
    let params = json!({ "table": { "writes": 5 } });
    let engines = world.begin(&SetCapacity, params);
    let units = lamplighter_core::cloud::tables::Units { reads: 10, writes: 300 };
    world.cloud().cloud().provision(world.here(), "orders", units);
    world.run_to_the_end(&engines);
    assert_eq!(
        world.targets(),
        "orders skipped: somebody has changed the writes of the table meanwhile, from 10 to 300"
    );
    assert_eq!(updates(&world), 0);
}

#[test]
fn a_table_that_goes_meanwhile_is_skipped() {
    let mut world = World::new().table_with("orders", [], spent);
    let engines = world.begin(&SetCapacity, json!({ "table": { "writes": 5 } }));
    world.cloud().cloud().remove_table(world.here(), "orders");
    world.run_to_the_end(&engines);
    assert_eq!(world.targets(), "orders skipped: it is gone");
}

/// A day on which a task lowers the table forty times, and another one raises it as soon as it is
/// lowered.
#[test]
fn of_forty_wanted_decreases_27_are_made_in_a_day_and_no_increase_waits() {
    let mut world = World::new().table("orders", []);
    let task = |name: &str, units: u64| {
        let params = json!({ "table": { "reads": units, "writes": units } });
        let mut task = world.task_of(&SetCapacity, params);
        task.order.task = name.parse().unwrap();
        task
    };
    let engines = world.engines(catalog(&[&SetCapacity]), &[task("lower", 5), task("raise", 10)]);
    let midnight = "2026-03-03T00:00:00Z".parse::<Timestamp>().unwrap();
    let lower = (0..4).map(|it| it * 10).chain((1..=36).map(|it| 40 + it * 38));
    let lower: BTreeSet<i64> = lower.collect();
    assert_eq!(lower.len(), 40);
    let mut lowered = BTreeSet::new();
    for minute in 0..24 * 60 {
        let at = midnight + SignedDuration::from_mins(minute);
        let table = world.cloud().cloud().tables_in(world.here()).remove(0);
        lowered.extend(table.capacity.decreased_at);
        let name = match minute {
            _ if lower.contains(&minute) => "lower",
            _ if minute % 5 == 3 => "raise",
            _ => continue,
        };
        world.run_until(&engines, at);
        let event = Event::Run { task: name.parse().unwrap(), at };
        finish(engines[0].event(event)).unwrap().unwrap();
        if name == "raise" {
            let soon = at + SignedDuration::from_secs(59);
            world.run_until(&engines, soon);
            assert_eq!(world.tables(), "orders ACTIVE 10/10", "minute {minute}");
        }
    }
    let end = midnight + SignedDuration::from_mins(24 * 60 - 1);
    world.run_until(&engines, end);
    let table = world.cloud().cloud().tables_in(world.here()).remove(0);
    assert_eq!(table.capacity.decreases_today, 27);
    // Four when the day begins, and one an hour after each of them.
    let at = |minute: i64| midnight + SignedDuration::from_mins(minute);
    let expected: BTreeSet<Timestamp> =
        [0, 10, 20, 30].into_iter().chain((1..=23).map(|hour| hour * 60 + 30)).map(at).collect();
    assert_eq!(lowered, expected);
    let refused = world.cloud().calls().into_iter().filter(|it| it.outcome != Outcome::Done);
    assert_eq!(refused.count(), 0, "AWS is never asked for what it does not allow");
}

#[test]
fn what_aws_does_not_take_fails_in_its_words() {
    let mut world = World::new().table("orders", []);
    let engines = world.begin(&SetCapacity, json!({ "table": { "reads": 50_000 } }));
    world.run_to_the_end(&engines);
    let targets = world.targets();
    assert!(targets.starts_with("orders failed: not done before its deadline"), "{targets}");
    assert!(targets.ends_with("is limited to 40000 units"), "{targets}");
}
