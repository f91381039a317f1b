use jiff::{civil::Date, tz::TimeZone};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn timetable(zone: &str, periods: Value) -> Timetable {
    serde_json::from_value(json!({ "time-zone": zone, "periods": periods })).unwrap()
}

fn office() -> Timetable {
    timetable(
        "Europe/Madrid",
        json!({
            "office": { "weekdays": "MON-FRI", "from": "08:00", "to": "20:00", "except": ["2026-03-30"] },
            "reports": { "days-of-month": "1", "from": "22:00", "to": "02:00" },
        }),
    )
}

#[track_caller]
fn check(timetable: &Timetable, now: &str, power: Power, since: &str, periods: &[&str]) {
    let found = timetable.at(now.parse().unwrap());
    let periods = periods.iter().map(|it| (*it).to_owned()).collect();
    assert_eq!(found, Stretch { power, since: since.parse().unwrap(), periods }, "{now}");
}

#[test]
fn the_fleet_runs_in_any_period_and_not_outside() {
    use Power::{Running, Stopped};
    let office = office();
    let check = |now, power, since, periods: &[&str]| check(&office, now, power, since, periods);
    check("2026-03-27T06:59:59Z", Stopped, "2026-03-26T19:00:00Z", &[]);
    check("2026-03-27T07:00:00Z", Running, "2026-03-27T07:00:00Z", &["office"]);
    check("2026-03-27T18:59:59Z", Running, "2026-03-27T07:00:00Z", &["office"]);
    check("2026-03-27T19:00:00Z", Stopped, "2026-03-27T19:00:00Z", &[]);
    // Over the week-end, the change to summer time and a day that is left out.
    check("2026-03-31T05:59:59Z", Stopped, "2026-03-27T19:00:00Z", &[]);
    check("2026-03-31T06:00:00Z", Running, "2026-03-31T06:00:00Z", &["office"]);
    // Past midnight.
    check("2026-04-01T23:59:59Z", Running, "2026-04-01T20:00:00Z", &["reports"]);
    check("2026-04-02T00:00:00Z", Stopped, "2026-04-02T00:00:00Z", &[]);
}

#[test]
fn periods_that_touch_or_overlap_are_one_stretch() {
    let shifts = timetable(
        "UTC",
        json!({
            "early": { "weekdays": "MON", "from": "06:00", "to": "14:00" },
            "late": { "weekdays": "MON", "from": "14:00", "to": "22:00" },
            "talk": { "weekdays": "MON", "from": "13:00", "to": "15:00" },
        }),
    );
    let since = "2026-03-02T06:00:00Z";
    check(&shifts, "2026-03-02T14:30:00Z", Power::Running, since, &["late", "talk"]);
    check(&shifts, "2026-03-02T14:00:00Z", Power::Running, since, &["late", "talk"]);
    check(&shifts, "2026-03-02T13:59:00Z", Power::Running, since, &["early", "talk"]);
    check(&shifts, "2026-03-02T22:00:00Z", Power::Stopped, "2026-03-02T22:00:00Z", &[]);
}

#[test]
fn stretches_may_be_long_or_without_end() {
    let once = timetable("UTC", json!({ "yearly": { "months": "JAN", "days-of-month": "1" } }));
    check(&once, "2026-12-31T12:00:00Z", Power::Stopped, "2026-01-02T00:00:00Z", &[]);
    let always = timetable("UTC", json!({ "always": {} }));
    let stretch = always.at("2026-03-02T00:00:00Z".parse().unwrap());
    assert_eq!((stretch.power, stretch.periods), (Power::Running, vec!["always".to_owned()]));
    assert!(stretch.since < "2025-01-01T00:00:00Z".parse().unwrap());
    let never = timetable("UTC", json!({}));
    let stretch = never.at("2026-03-02T00:00:00Z".parse().unwrap());
    assert_eq!(stretch.power, Power::Stopped);
    assert!(stretch.since < "2025-01-01T00:00:00Z".parse().unwrap());
}

/// Whether a period is under way, by watching the clock of the zone minute by minute from before
/// its day until `now`.
fn watched(zone: &TimeZone, day: Date, from: (i8, i8), to: (i8, i8), now: Timestamp) -> bool {
    let begins = day.at(from.0, from.1, 0, 0);
    let last = if to <= from { day.tomorrow().unwrap() } else { day };
    let ends = last.at(to.0, to.1, 0, 0);
    let mut begun = false;
    let mut at = now - SignedDuration::from_hours(72);
    while at <= now {
        let shown = zone.to_datetime(at);
        begun |= shown >= begins;
        if shown >= ends {
            return false;
        }
        at += SignedDuration::from_mins(1);
    }
    begun
}

/// Zones with changes of an hour at night, of half an hour, at midnight, and without any.
const ZONES: [&str; 5] =
    ["Europe/Madrid", "America/New_York", "Australia/Lord_Howe", "Asia/Beirut", "UTC"];
/// Instants near changes of those zones, and others: days of 2026.
const NEAR: [(i8, i8); 8] =
    [(3, 8), (3, 29), (4, 5), (10, 4), (10, 24), (10, 25), (11, 1), (6, 15)];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn it_says_what_the_clock_on_the_wall_says(
        zone in 0..ZONES.len(),
        near in 0..NEAR.len(),
        minutes in -2880_i64..2880,
        from in (0_i8..24, 0_i8..60),
        to in (0_i8..24, 0_i8..60),
        weekdays in 1_u8..128,
    ) {
        prop_assume!(from != to);
        let (month, day) = NEAR[near];
        let noon = jiff::civil::date(2026, month, day).at(12, 0, 0, 0);
        let now = TimeZone::UTC.to_timestamp(noon).unwrap() + SignedDuration::from_mins(minutes);
        let chosen: Vec<String> =
            (0..7).filter(|it| weekdays & 1 << it != 0).map(|it| it.to_string()).collect();
        let table = timetable(ZONES[zone], json!({ "p": {
            "weekdays": chosen.join(","),
            "from": format!("{:02}:{:02}", from.0, from.1),
            "to": format!("{:02}:{:02}", to.0, to.1),
        } }));
        let rules = table.time_zone.rules();
        let today = rules.to_datetime(now).date();
        let runs = [-1, 0, 1].iter().any(|days| {
            let day = today.saturating_add(i64::from(*days).days());
            let weekday = day.weekday().to_sunday_zero_offset();
            weekdays & 1 << weekday != 0 && watched(rules, day, from, to, now)
        });
        let stretch = table.at(now);
        prop_assert_eq!(stretch.power == Power::Running, runs);
        // It has said the same since then, and something else just before.
        prop_assert!(stretch.since <= now);
        prop_assert_eq!(table.at(stretch.since).power, stretch.power);
        let middle = stretch.since + now.duration_since(stretch.since) / 2;
        prop_assert_eq!(table.at(middle).power, stretch.power);
        prop_assert_eq!(table.at(middle).since, stretch.since);
        let before = stretch.since - SignedDuration::from_secs(1);
        prop_assert_ne!(table.at(before).power, stretch.power);
    }
}
