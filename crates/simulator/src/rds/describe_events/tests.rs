use serde_json::Value;

use super::*;
use crate::{
    bed::Bed,
    rds::{
        power::{StartDBInstance, StopDBInstance},
        world::{cluster, instance},
    },
};

/// An instance that was stopped at once and started an hour later; two hours have passed.
fn bed() -> Bed {
    let bed = Bed::new();
    instance(&bed, "a", |_| ());
    cluster(&bed, "c", |_| ());
    bed.ask(StopDBInstance { name: "a".into(), snapshot: None }).unwrap();
    bed.pass(60 * 60);
    bed.ask(StartDBInstance { name: "a".into() }).unwrap();
    bed.pass(60 * 60);
    bed
}

fn days(count: u32) -> DescribeEvents {
    DescribeEvents { duration: Some(count * 24 * 60), ..DescribeEvents::default() }
}

#[track_caller]
fn check(bed: &Bed, request: DescribeEvents, expected: Result<&[&str], &str>) {
    let text = |it: &Value| {
        format!("{} {}", it["SourceIdentifier"].as_str().unwrap(), it["Message"].as_str().unwrap())
    };
    let found = bed.ask(request);
    let found = found.map(|it| it["Events"].as_array().unwrap().iter().map(text).collect());
    let expected = expected.map(|it| it.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>());
    assert_eq!(found, expected);
}

#[test]
fn an_hour_is_shown_unless_more_is_asked_for_and_never_more_than_two_weeks() {
    let bed = bed();
    check(&bed, DescribeEvents::default(), Ok(&["a DB instance started"]));
    check(&bed, days(14), Ok(&["a DB instance stopped", "a DB instance started"]));
    check(&bed, days(15), Err("InvalidParameterValue"));
    let from = Some(bed.now() - SignedDuration::from_hours(2));
    let since = || DescribeEvents { start_time: from, ..DescribeEvents::default() };
    check(&bed, since(), Ok(&["a DB instance stopped", "a DB instance started"]));
    let both = DescribeEvents { duration: Some(5), ..since() };
    check(&bed, both, Err("InvalidParameterCombination"));
    bed.pass(14 * 24 * 60 * 60);
    check(&bed, days(14), Ok(&[]));
}

#[test]
fn what_events_are_about_can_be_asked_for() {
    let bed = bed();
    let of = |kind: &str, name: Option<&str>| DescribeEvents {
        source_type: Some(kind.into()),
        source_identifier: name.map(Into::into),
        ..days(1)
    };
    check(&bed, of("db-instance", None), Ok(&["a DB instance stopped", "a DB instance started"]));
    check(&bed, of("db-instance", Some("b")), Ok(&[]));
    check(&bed, of("db-cluster", None), Ok(&[]));
    check(&bed, of("instance", None), Err("InvalidParameterValue"));
    let nameless = DescribeEvents { source_identifier: Some("a".into()), ..days(1) };
    check(&bed, nameless, Err("InvalidParameterCombination"));
    let category = |it: &str| DescribeEvents { event_categories: vec![it.into()], ..days(1) };
    check(&bed, category("notification"), Ok(&["a DB instance stopped", "a DB instance started"]));
    check(&bed, category("availability"), Ok(&[]));
}
