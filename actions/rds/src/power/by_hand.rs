//! Whether somebody else has switched a database, by RDS's own record.
//!
//! The record has when a database had started or stopped, which may be long after that was asked
//! for, and not by whom. So what ends within the longest switch after the timetable has changed
//! may be the end of one of Lamplighter's own, unless the opposite has happened in between: nobody
//! else than a human switches twice within one stretch of the timetable, but for AWS, which starts
//! what was stopped for seven days, and says so.

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::cloud::rds::{PowerChange, PowerEvent};

/// How long it takes to start or stop a database at the longest.
/// Source: RDS User Guide, "Stopping an Amazon RDS DB instance temporarily": minutes to hours.
const LONGEST_SWITCH: SignedDuration = SignedDuration::from_hours(1);

/// When somebody has started a database, in the stretch of the timetable that began at `since`.
/// `None`: nobody has, or it was AWS.
pub(super) fn started(record: &[PowerEvent], since: Timestamp) -> Option<Timestamp> {
    let last = record.iter().rposition(|it| it.what == PowerChange::Started)?;
    let before = record[..last].iter().rev();
    let mut since_stop = before.take_while(|it| it.what != PowerChange::Stopped);
    if since_stop.any(|it| it.what == PowerChange::StartedByAws) {
        return None;
    }
    someone(record, last, PowerChange::Stopped, since)
}

/// When somebody has stopped a database, in the stretch of the timetable that began at `since`.
/// `None`: nobody has.
pub(super) fn stopped(record: &[PowerEvent], since: Timestamp) -> Option<Timestamp> {
    let last = record.iter().rposition(|it| it.what == PowerChange::Stopped)?;
    someone(record, last, PowerChange::Started, since)
}

fn someone(
    record: &[PowerEvent],
    last: usize,
    opposite: PowerChange,
    since: Timestamp,
) -> Option<Timestamp> {
    let at = record[last].at;
    let twice = record[..last].iter().any(|it| it.what == opposite && it.at > since);
    (at > since && (twice || at > since + LONGEST_SWITCH)).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What has happened at which minute after the timetable has changed: `+` it had started, `-`
    /// it had stopped, `!` AWS starts it.
    #[track_caller]
    fn check(record: &[(i64, char)], start: Option<i64>, stop: Option<i64>) {
        let since: Timestamp = "2026-03-02T20:00:00Z".parse().unwrap();
        let at = |minute: i64| since + SignedDuration::from_mins(minute);
        let event = |(minute, what): &(i64, char)| PowerEvent {
            database: "a".to_owned(),
            at: at(*minute),
            what: match what {
                '+' => PowerChange::Started,
                '-' => PowerChange::Stopped,
                _ => PowerChange::StartedByAws,
            },
        };
        let record: Vec<PowerEvent> = record.iter().map(event).collect();
        assert_eq!(started(&record, since), start.map(at), "start: {record:?}");
        assert_eq!(stopped(&record, since), stop.map(at), "stop: {record:?}");
    }

    #[test]
    fn what_was_before_is_nobodys() {
        check(&[], None, None);
        check(&[(-700, '+')], None, None);
        check(&[(-700, '-'), (-600, '+')], None, None);
    }

    #[test]
    fn what_ends_soon_after_may_be_the_end_of_an_own_switch() {
        check(&[(8, '+')], None, None);
        check(&[(59, '-')], None, None);
        check(&[(61, '-')], None, Some(61));
        check(&[(61, '+')], Some(61), None);
    }

    #[test]
    fn what_is_switched_back_is_switched_by_somebody() {
        check(&[(6, '-'), (20, '+')], Some(20), None);
        check(&[(8, '+'), (20, '-')], None, Some(20));
        check(&[(-6, '-'), (20, '+')], None, None);
    }

    #[test]
    fn what_aws_starts_after_seven_days_nobody_has_started() {
        check(&[(6, '-'), (10086, '!'), (10094, '+')], None, None);
        check(
            &[(6, '-'), (10086, '!'), (10094, '+'), (10100, '-'), (10130, '+')],
            Some(10130),
            Some(10100),
        );
        // Somebody was faster.
        check(&[(6, '-'), (10000, '+')], Some(10000), None);
    }
}
