use proptest::prelude::*;
use serde_json::json;

use super::*;

fn office() -> Timetable {
    serde_json::from_value(json!({
        "time-zone": "UTC",
        "periods": { "office": { "weekdays": "MON-FRI", "from": "08:00", "to": "20:00" } },
    }))
    .unwrap()
}

/// Something that was switched at an instant on Monday, the 2nd of March 2026.
fn seen(switch: Switch, at: &str) -> Seen<'static> {
    let at = format!("2026-03-{at}:00Z").parse().ok();
    match switch {
        Switch::Off => Seen { switch, started_at: None, stopped_at: at, tag: None },
        _ => Seen { switch, started_at: at, stopped_at: None, tag: None },
    }
}

#[track_caller]
fn check(now: &str, rule: Manual, seen: &Seen<'_>, expected: &str) {
    let now = format!("2026-03-{now}:00Z").parse().unwrap();
    let found = match decide(&office(), rule, rule, seen, now) {
        Decision::Start(why) => format!("start: {why}"),
        Decision::Stop(why) => format!("stop: {why}"),
        Decision::Leave(why) => format!("leave: {why}"),
    };
    assert_eq!(found, expected);
}

const IN: &str = "in the period `office` since 2026-03-02 08:00";
const OUT: &str = "outside of every period since 2026-03-02 20:00";

#[test]
fn what_is_not_as_it_should_be_is_switched() {
    use Manual::Respect;
    let night = "01T20:00";
    check("02T08:00", Respect, &seen(Switch::Off, night), &format!("start: {IN}"));
    check("02T19:59", Respect, &seen(Switch::Off, night), &format!("start: {IN}"));
    check("02T19:59", Respect, &seen(Switch::On, night), &format!("leave: {IN}"));
    let day = "02T08:00";
    check("02T20:00", Respect, &seen(Switch::On, day), &format!("stop: {OUT}"));
    check("02T21:00", Respect, &seen(Switch::Off, day), &format!("leave: {OUT}"));
    check("02T21:00", Respect, &seen(Switch::Between, day), "leave: it is on its way");
}

#[test]
fn what_somebody_has_switched_is_respected_until_the_next_change_or_not_at_all() {
    use Manual::{Enforce, Respect};
    let started = seen(Switch::On, "02T22:30");
    let left = format!("leave: {OUT}, and somebody started it at 2026-03-02 22:30");
    check("02T23:00", Respect, &started, &left);
    check("03T07:59", Respect, &started, &left);
    check("02T23:00", Enforce, &started, &format!("stop: {OUT}"));
    let next = "outside of every period since 2026-03-03 20:00";
    check("03T20:00", Respect, &started, &format!("stop: {next}"));

    let stopped = seen(Switch::Off, "02T12:00");
    let left = format!("leave: {IN}, and somebody stopped it at 2026-03-02 12:00");
    check("02T19:59", Respect, &stopped, &left);
    check("02T12:01", Enforce, &stopped, &format!("start: {IN}"));
    let next = "in the period `office` since 2026-03-03 08:00";
    check("03T08:00", Respect, &stopped, &format!("start: {next}"));
}

#[test]
fn a_call_of_ours_that_was_late_is_not_taken_for_somebody() {
    use Manual::Respect;
    check("02T20:05", Respect, &seen(Switch::On, "02T20:02"), &format!("stop: {OUT}"));
    let left = format!("leave: {OUT}, and somebody started it at 2026-03-02 20:03");
    check("02T20:05", Respect, &seen(Switch::On, "02T20:03"), &left);
}

#[test]
fn a_start_that_came_to_nothing_is_tried_again() {
    let fell_back = Seen { switch: Switch::Off, started_at: None, stopped_at: None, tag: None };
    check("02T12:00", Manual::Respect, &fell_back, &format!("start: {IN}"));
}

#[test]
fn a_tag_holds_until_its_time_and_then_the_timetable_as_if_it_began_there() {
    use Manual::{Enforce, Respect};
    let tagged = |switch, at, value| Seen { tag: Some(("over", value)), ..seen(switch, at) };
    let late = "running until 2026-03-02T23:00";
    let says = "its tag `over` says `running` until 2026-03-02 23:00";
    check("02T21:00", Respect, &tagged(Switch::On, "02T08:00", late), &format!("leave: {says}"));
    // Even against who has stopped it.
    check("02T21:00", Respect, &tagged(Switch::Off, "02T20:30", late), &format!("start: {says}"));
    let out = "stop: outside of every period since 2026-03-02 23:00";
    check("02T23:00", Respect, &tagged(Switch::On, "02T21:00", late), out);
    let off = "stopped until 2026-03-02T12:00";
    let says = "its tag `over` says `stopped` until 2026-03-02 12:00";
    check("02T09:00", Respect, &tagged(Switch::On, "02T08:30", off), &format!("stop: {says}"));
    let on = "start: in the period `office` since 2026-03-02 12:00";
    check("02T12:00", Respect, &tagged(Switch::Off, "02T09:00", off), on);
    let as_is = "as-is until 2026-03-02T23:00";
    let says = "leave: its tag `over` says `as-is` until 2026-03-02 23:00";
    check("02T21:00", Enforce, &tagged(Switch::On, "02T08:00", as_is), says);
    // One that ended before the present stretch began says nothing.
    let old = "running until 2026-03-01T12:00";
    check("02T20:00", Respect, &tagged(Switch::On, "02T08:00", old), &format!("stop: {OUT}"));
    let odd = "leave: its tag `over` is not understood: expected `running`, `stopped` or `as-is`, \
               then `until` and a time: `running until 2026-11-24T08:00`";
    check("02T21:00", Enforce, &tagged(Switch::On, "02T08:00", "forever"), odd);
}

proptest! {
    #[test]
    fn whoever_follows_it_arrives_where_the_timetable_is(
        minutes in 0_i64..20_160,
        on in any::<bool>(),
        enforced in any::<bool>(),
        switched in 0_i64..20_160,
    ) {
        let rule = if enforced { Manual::Enforce } else { Manual::Respect };
        let begin: Timestamp = "2026-03-02T00:00:00Z".parse().unwrap();
        let now = begin + SignedDuration::from_mins(minutes);
        let at = begin + SignedDuration::from_mins(switched.min(minutes));
        let switch = if on { Switch::On } else { Switch::Off };
        let seen = Seen { switch, started_at: Some(at), stopped_at: Some(at), tag: None };
        let stretch = office().at(now);
        let goes_to = match decide(&office(), rule, rule, &seen, now) {
            Decision::Start(_) => Power::Running,
            Decision::Stop(_) => Power::Stopped,
            Decision::Leave(_) if on => Power::Running,
            Decision::Leave(_) => Power::Stopped,
        };
        let by_hand = !enforced && at > stretch.since + OURS;
        prop_assert_eq!(goes_to == stretch.power || by_hand, true);
        // What is as it should be is never switched.
        let is_so = on == (stretch.power == Power::Running);
        prop_assert!(!is_so || goes_to == stretch.power);
    }
}
