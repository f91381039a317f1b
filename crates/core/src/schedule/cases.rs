//! The well-known cases of offset changes, day filters and far searches, to be read. That nothing lies
//! between them is proved in `oracle.rs`.

use jiff::{SignedDuration, Timestamp, civil::Date};

use super::{Calendar, Schedule, Timing};

fn schedule(timing: &str, zone: &str) -> Schedule {
    let timing = match timing.strip_prefix("every ") {
        Some(every) => Timing::Every(every.parse().unwrap()),
        None => Timing::Cron(timing.parse().unwrap()),
    };
    Schedule::new(timing, zone.parse().unwrap())
}

/// What follows midnight at the start of `day` for as many times as are listed, as local times
/// with their offsets.
#[track_caller]
fn check(timing: &str, zone: &str, day: &str, expected: &[&str]) {
    check_schedule(&schedule(timing, zone), day, expected);
}

#[track_caller]
fn check_schedule(schedule: &Schedule, day: &str, expected: &[&str]) {
    let rules = schedule.time_zone.rules();
    let day: Date = day.parse().unwrap();
    let midnight = day.to_zoned(rules.clone()).unwrap().timestamp();
    let found: Vec<String> = schedule
        .upcoming(midnight.saturating_sub(SignedDuration::from_secs(1)).unwrap())
        .take(expected.len())
        .map(|at| at.display_with_offset(rules.to_offset(at)).to_string())
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn a_fixed_time_in_a_gap_runs_once_right_after_it() {
    let zone = "Europe/Madrid"; // 02:00 to 03:00 on 2026-03-29
    check(
        "30 2 * * *",
        zone,
        "2026-03-28",
        &["2026-03-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"],
    );
    check(
        "15,45 2 * * *",
        zone,
        "2026-03-29",
        &["2026-03-29T03:00:00+02:00", "2026-03-30T02:15:00+02:00"],
    );
    check(
        "30 2,3 * * *",
        zone,
        "2026-03-29",
        &["2026-03-29T03:00:00+02:00", "2026-03-29T03:30:00+02:00", "2026-03-30T02:30:00+02:00"],
    );
    check(
        "0 2,3 * * *",
        zone,
        "2026-03-29",
        &["2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00"],
    );
    check(
        "0-59/20 2 * * *",
        zone,
        "2026-03-29",
        &["2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00"],
    );
}

#[test]
fn a_fixed_time_that_is_repeated_runs_the_first_time() {
    let zone = "Europe/Madrid"; // 03:00 back to 02:00 on 2026-10-25
    check(
        "30 2 * * *",
        zone,
        "2026-10-25",
        &["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"],
    );
    check(
        "0 2,3 * * *",
        zone,
        "2026-10-25",
        &["2026-10-25T02:00:00+02:00", "2026-10-25T03:00:00+01:00", "2026-10-26T02:00:00+01:00"],
    );
    let schedule = schedule("30 2 * * *", zone);
    // Whoever asks during the second pass, or just as it begins, is told of the next day.
    for asked in ["2026-10-25T01:00:00Z", "2026-10-25T01:10:00Z"] {
        let next = schedule.after(asked.parse().unwrap());
        assert_eq!(next, Some("2026-10-26T01:30:00Z".parse().unwrap()), "{asked}");
    }
}

#[test]
fn a_star_in_minute_or_hour_follows_real_time() {
    let zone = "Europe/Madrid";
    check(
        "30 * * * *",
        zone,
        "2026-03-29",
        &["2026-03-29T00:30:00+01:00", "2026-03-29T01:30:00+01:00", "2026-03-29T03:30:00+02:00"],
    );
    check("*/30 2 * * *", zone, "2026-03-29", &["2026-03-30T02:00:00+02:00"]);
    check(
        "*/30 2 * * *",
        zone,
        "2026-10-25",
        &[
            "2026-10-25T02:00:00+02:00",
            "2026-10-25T02:30:00+02:00",
            "2026-10-25T02:00:00+01:00",
            "2026-10-25T02:30:00+01:00",
            "2026-10-26T02:00:00+01:00",
        ],
    );
    check(
        "0 */2 * * *",
        zone,
        "2026-03-29",
        &["2026-03-29T00:00:00+01:00", "2026-03-29T04:00:00+02:00"],
    );
}

#[test]
fn changes_of_half_an_hour() {
    let zone = "Australia/Lord_Howe"; // 02:00 to 02:30 on 2026-10-04, 02:00 to 01:30 on 2026-04-05
    check(
        "15 2 * * *",
        zone,
        "2026-10-04",
        &["2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"],
    );
    check(
        "30 2 * * *",
        zone,
        "2026-10-04",
        &["2026-10-04T02:30:00+11:00", "2026-10-05T02:30:00+11:00"],
    );
    check("*/20 2 4 10 *", zone, "2026-10-04", &["2026-10-04T02:40:00+11:00"]);
    check(
        "45 1 * * *",
        zone,
        "2026-04-05",
        &["2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"],
    );
    check(
        "45 * * * *",
        zone,
        "2026-04-05",
        &["2026-04-05T00:45:00+11:00", "2026-04-05T01:45:00+11:00", "2026-04-05T01:45:00+10:30"],
    );
}

#[test]
fn changes_at_midnight() {
    check(
        "0 0 * * *",
        "America/Santiago", // 00:00 to 01:00 on 2026-09-06
        "2026-09-05",
        &["2026-09-05T00:00:00-04:00", "2026-09-06T01:00:00-03:00", "2026-09-07T00:00:00-03:00"],
    );
    check(
        "30 23 * * *",
        "America/Santiago", // 24:00 back to 23:00 on 2026-04-04
        "2026-04-04",
        &["2026-04-04T23:30:00-03:00", "2026-04-05T23:30:00-04:00"],
    );
    check(
        "0 0 * * *",
        "Asia/Beirut", // 00:00 to 01:00 on 2026-03-29
        "2026-03-28",
        &["2026-03-28T00:00:00+02:00", "2026-03-29T01:00:00+03:00"],
    );
    check(
        "30 0 * * *",
        "Asia/Tehran", // 00:00 to 01:00 on 2021-03-22
        "2021-03-22",
        &["2021-03-22T01:00:00+04:30", "2021-03-23T00:30:00+04:30"],
    );
}

#[test]
fn a_day_that_never_was() {
    let zone = "Pacific/Apia"; // 2011-12-29 was followed by 2011-12-31
    check(
        "0 2 30 12 *",
        zone,
        "2011-12-01",
        &["2011-12-31T00:00:00+14:00", "2012-12-30T02:00:00+14:00"],
    );
    check(
        "0 2 * * *",
        zone,
        "2011-12-29",
        &["2011-12-29T02:00:00-10:00", "2011-12-31T00:00:00+14:00", "2011-12-31T02:00:00+14:00"],
    );
    check(
        "0 */12 * * *",
        zone,
        "2011-12-29",
        &["2011-12-29T00:00:00-10:00", "2011-12-29T12:00:00-10:00", "2011-12-31T00:00:00+14:00"],
    );
}

#[test]
fn changes_that_are_not_daylight_saving() {
    check(
        "45 2 * * *",
        "America/Caracas", // 03:00 back to 02:30 on 2007-12-09
        "2007-12-09",
        &["2007-12-09T02:45:00-04:00", "2007-12-10T02:45:00-04:30"],
    );
    check(
        "45 2 * * *",
        "America/Caracas", // 02:30 to 03:00 on 2016-05-01
        "2016-05-01",
        &["2016-05-01T03:00:00-04:00", "2016-05-02T02:45:00-04:00"],
    );
    check(
        "30 1 * * *",
        "Europe/Dublin", // 01:00 to 02:00 on 2026-03-29, by way of negative winter time
        "2026-03-29",
        &["2026-03-29T02:00:00+01:00", "2026-03-30T01:30:00+01:00"],
    );
    check(
        "30 2 * * *",
        "Africa/Casablanca", // 03:00 back to 02:00 for Ramadan on 2026-02-15
        "2026-02-15",
        &["2026-02-15T02:30:00+01:00", "2026-02-16T02:30:00+00:00"],
    );
    check(
        "10 0 * * *",
        "America/Sao_Paulo", // 00:00 to 01:00 on 2018-11-04
        "2018-11-04",
        &["2018-11-04T01:00:00-02:00", "2018-11-05T00:10:00-02:00"],
    );
}

#[test]
fn a_fold_longer_than_an_hour() {
    let zone = "Antarctica/Casey"; // 02:00 back to 23:00 the day before on 2010-03-05
    check(
        "30 23,0,1 * * *",
        zone,
        "2010-03-05",
        &["2010-03-05T00:30:00+11:00", "2010-03-05T01:30:00+11:00", "2010-03-05T23:30:00+08:00"],
    );
    check(
        "30 0 5 3 *",
        zone,
        "2010-03-01",
        &["2010-03-05T00:30:00+11:00", "2011-03-05T00:30:00+08:00"],
    );
    check(
        "30 */12 5 3 *",
        zone,
        "2010-03-01",
        &["2010-03-05T00:30:00+11:00", "2010-03-05T00:30:00+08:00", "2010-03-05T12:30:00+08:00"],
    );
}

#[test]
fn intervals_follow_real_time_from_the_epoch() {
    check(
        "every 6h",
        "Europe/Madrid",
        "2026-03-29",
        &["2026-03-29T01:00:00+01:00", "2026-03-29T08:00:00+02:00", "2026-03-29T14:00:00+02:00"],
    );
    check("every 1d", "Asia/Kathmandu", "2026-03-29", &["2026-03-29T05:45:00+05:45"]);
}

#[test]
fn days_are_left_out_by_the_date_in_the_zone() {
    let days = |days: &[&str]| -> Calendar { days.iter().map(|it| it.parse().unwrap()).collect() };
    let nightly = schedule("30 0 * * *", "America/Santiago");
    // The 6th of September begins at 01:00, and what was meant for 00:30 runs then.
    let except = Schedule { except: days(&["2026-09-06"]), ..nightly.clone() };
    check_schedule(
        &except,
        "2026-09-05",
        &["2026-09-05T00:30:00-04:00", "2026-09-07T00:30:00-03:00"],
    );
    let only = Schedule { only: Some(days(&["2026-09-06"])), ..nightly };
    check_schedule(&only, "2026-01-01", &["2026-09-06T01:00:00-03:00"]);
    assert_eq!(only.after("2026-09-06T04:00:00Z".parse().unwrap()), None);

    // A day that never was still decides about what was meant for it.
    let evening = schedule("0 22 * * *", "Pacific/Apia");
    let except = Schedule { except: days(&["2011-12-30"]), ..evening };
    check_schedule(
        &except,
        "2011-12-29",
        &["2011-12-29T22:00:00-10:00", "2011-12-31T22:00:00+14:00"],
    );

    let hourly = schedule("every 12h", "Europe/Madrid");
    let except = Schedule { except: days(&["2026-03-29"]), ..hourly.clone() };
    check_schedule(
        &except,
        "2026-03-28",
        &["2026-03-28T01:00:00+01:00", "2026-03-28T13:00:00+01:00", "2026-03-30T02:00:00+02:00"],
    );
    let only = Schedule { only: Some(days(&["2026-03-29", "2030-01-01"])), ..hourly };
    check_schedule(
        &only,
        "2026-01-01",
        &[
            "2026-03-29T01:00:00+01:00",
            "2026-03-29T14:00:00+02:00",
            "2030-01-01T01:00:00+01:00",
            "2030-01-01T13:00:00+01:00",
        ],
    );
    assert_eq!(only.upcoming(Timestamp::UNIX_EPOCH).count(), 4);
}

#[test]
fn rare_days_are_found_and_impossible_ones_given_up() {
    // 2100 is no leap year: the Mondays on a leap day are 40 years apart.
    check(
        "0 0 29 2 +MON",
        "UTC",
        "2072-03-01",
        &["2112-02-29T00:00:00+00:00", "2140-02-29T00:00:00+00:00"],
    );
    let leap_days = schedule("0 0 29 2 *", "Europe/Madrid");
    let in_this_cycle = leap_days.occurrences(Timestamp::UNIX_EPOCH, Timestamp::MAX);
    let except =
        in_this_cycle.map(|at| leap_days.time_zone.rules().to_datetime(at).date()).collect();
    let never = Schedule { except, ..leap_days.clone() };
    assert_eq!(never.after(Timestamp::UNIX_EPOCH), None);
}

#[test]
fn the_ends_of_time_are_no_trouble() {
    let minutely = schedule("* * * * *", "Europe/Madrid");
    assert_eq!(minutely.after(Timestamp::MAX), None);
    assert!(minutely.after(Timestamp::MIN).is_some());
    assert!(schedule("0 2 * * *", "Europe/Madrid").after(Timestamp::MIN).is_some());
    let interval = schedule("every 7m", "Asia/Kathmandu");
    assert_eq!(interval.after(Timestamp::MAX), None);
    assert!(interval.after(Timestamp::MIN).is_some());
    let before_the_epoch = "1969-12-31T23:59:59.5Z".parse().unwrap();
    assert_eq!(interval.after(before_the_epoch), Some(Timestamp::UNIX_EPOCH));
    let never = Schedule { only: Some(Calendar::new()), ..interval };
    assert_eq!(never.after(Timestamp::UNIX_EPOCH), None);
}
