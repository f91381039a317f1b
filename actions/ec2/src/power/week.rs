//! A week of two timetables, planned minute by minute and carried out by the engine, against a
//! table written by hand.

use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};
use lamplighter_core::{Clock, Engine, engine::Event, schedule::Zone, task::Task};
use lamplighter_testkit::{World, catalog, cloud::Shortage, finish, stopped, task};
use serde_json::{Value, json};

use super::*;

/// The instances, by their ids.
const OFFICE: &str = "i-a";
const LATE: &str = "i-b";
const NIGHTS: &str = "i-c";

/// Which instances start and stop when, on the clock in Madrid. On Sunday at two summer time
/// begins, and Friday is a holiday. It begins in the middle of Sunday's night.
const TABLE: &str = "\
Mon 23 00:01 nights starts
Mon 23 02:00 nights stops
Mon 23 08:00 late starts
Mon 23 08:00 office starts
Mon 23 18:00 nights starts
Mon 23 18:00 office stops
Tue 24 00:00 late stops
Tue 24 02:00 nights stops
Tue 24 08:00 late starts
Tue 24 08:00 office starts
Tue 24 09:00 late stops
Tue 24 12:00 late starts
Tue 24 18:00 late stops
Tue 24 18:00 nights starts
Tue 24 18:00 office stops
Wed 25 02:00 nights stops
Wed 25 08:00 late starts
Wed 25 08:00 office starts
Wed 25 15:00 office stops
Wed 25 18:00 late stops
Wed 25 18:00 nights starts
Thu 26 02:00 nights stops
Thu 26 03:30 nights starts
Thu 26 03:31 nights stops
Thu 26 08:00 late starts
Thu 26 08:00 office starts
Thu 26 18:00 late stops
Thu 26 18:00 nights starts
Thu 26 18:00 office stops
Thu 26 21:30 office starts
Fri 27 02:00 nights stops
Fri 27 18:05 nights starts
Sat 28 02:00 nights stops
Sat 28 18:00 nights starts
Sun 29 03:00 nights stops
Sun 29 18:00 nights starts
";

fn madrid() -> Zone {
    "Europe/Madrid".parse().unwrap()
}

/// A time on the clock of that week in Madrid, such as `23T08:00`.
fn at(text: &str) -> Timestamp {
    let local: DateTime = format!("2026-03-{text}").parse().unwrap();
    madrid().rules().to_timestamp(local).unwrap()
}

/// A world at midnight of that Monday, in which all is stopped.
fn world() -> World {
    let world = World::new();
    let begin = at("23T00:00");
    world.clock().advance(begin.duration_since(world.clock().now()));
    let still = |it: &mut Instance| {
        stopped(it);
        it.stopped_at = Some(begin - SignedDuration::from_hours(72));
    };
    world
        .instance_with(OFFICE, [("hours", "office")], still)
        .instance_with(LATE, [("hours", "office")], still)
        .instance_with(NIGHTS, [("hours", "nights")], still)
}

/// The two timetables, by the value of the tag `hours`.
fn timetables() -> [(&'static str, Value); 2] {
    let office = json!({
        "time-zone": "Europe/Madrid",
        "periods": {
            "office": {
                "weekdays": "MON-FRI",
                "from": "08:00",
                "to": "18:00",
                "except": ["2026-03-27"],
            },
        },
    });
    let nights = json!({
        "time-zone": "Europe/Madrid",
        "periods": { "nights": { "from": "18:00", "to": "02:00" } },
        "manual-start": "enforce",
    });
    [("office", office), ("nights", nights)]
}

/// A task on the instances with each of the tags.
fn tasks(world: &World) -> Vec<Task> {
    let one = |(hours, params): (&str, Value)| {
        let places = world.cloud().places();
        let mut task = task(hours, PowerInstance::SPEC.name, params, &places);
        task.order.select = serde_json::from_value(json!({ "tags": { "hours": hours } })).unwrap();
        task
    };
    timetables().into_iter().map(one).collect()
}

/// Goes on until an instant. In each minute there is a plan, and a run of the tasks that would do
/// something: another one would do nothing.
fn follow(world: &mut World, engines: &[Engine], until: Timestamp) {
    let tasks = tasks(world);
    while world.clock().now() < until {
        let now = world.clock().now() + SignedDuration::from_mins(1);
        world.run_until(engines, now);
        let found = world.cloud().instances_in(world.here());
        for task in &tasks {
            let params: Params = serde_json::from_value(task.order.params.clone()).unwrap();
            let found: Vec<Instance> = found
                .iter()
                .filter(|it| task.order.select.tags.selects(&it.tags))
                .cloned()
                .collect();
            let name = &task.order.task;
            let cx = PlanCx {
                task: name,
                place: world.here(),
                occurrence: now,
                time_zone: &TimeZone::UTC,
                now,
                schedule: None,
            };
            let verdicts = PowerInstance::plan(&params, &cx, &found, &());
            if verdicts.iter().any(|it| matches!(it, Verdict::Act { .. })) {
                let event = Event::Run { task: name.clone(), at: now };
                finish(engines[0].event(event)).unwrap().unwrap();
            }
        }
        world.run_until(engines, now);
    }
}

/// What has happened, as in the table.
fn happened(world: &World) -> String {
    let mut lines: Vec<(Timestamp, String)> = Vec::new();
    for event in world.cloud().cloud().events() {
        let word = match event.detail["state"].as_str() {
            Some("pending") => "starts",
            Some("stopping") => "stops",
            _ => continue,
        };
        let at: Timestamp = event.time.parse().unwrap();
        let local = at.to_zoned(madrid().rules().clone());
        let name = match event.detail["instance-id"].as_str() {
            Some(OFFICE) => "office",
            Some(LATE) => "late",
            _ => "nights",
        };
        lines.push((at, format!("{} {name} {word}\n", local.strftime("%a %d %H:%M"))));
    }
    lines.sort();
    lines.into_iter().map(|(_, line)| line).collect()
}

#[test]
fn a_week_with_a_clock_change_a_holiday_and_tags_is_as_written_by_hand() {
    let mut world = world();
    let engines = world.engines(catalog(&[&PowerInstance]), &tasks(&world));
    let (cloud, here) = (world.cloud().cloud().clone(), world.here().clone());
    let says = |id: &str, text: &str| {
        let tags = [("hours", "office"), ("power", text)];
        let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned()));
        cloud.retag_instance(&here, id, tags.into());
    };
    follow(&mut world, &engines, at("23T17:00"));
    says(LATE, "running until 2026-03-24T00:00");
    follow(&mut world, &engines, at("24T08:59"));
    says(LATE, "stopped until 2026-03-24T12:00");
    follow(&mut world, &engines, at("25T15:00"));
    cloud.switch_instance(&here, OFFICE, false);
    follow(&mut world, &engines, at("26T03:30"));
    cloud.switch_instance(&here, NIGHTS, true);
    follow(&mut world, &engines, at("26T21:30"));
    cloud.switch_instance(&here, OFFICE, true);
    follow(&mut world, &engines, at("27T17:00"));
    cloud.run_short(&here, "t3.micro", "eu-west-1a", Shortage::Refuses);
    follow(&mut world, &engines, at("27T18:04"));
    cloud.end_shortage(&here, "t3.micro", "eu-west-1a");
    follow(&mut world, &engines, at("29T23:59"));
    assert_eq!(happened(&world), TABLE);
    world.assert_lawful();
}
