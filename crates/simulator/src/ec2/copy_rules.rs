//! What a copy is like: its key, how long it takes, and whether it stands alone. Pure.
//!
//! Sources: EBS User Guide, "Copy an Amazon EBS snapshot", encryption outcomes and incremental
//! copies; "Time-based copies".

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::Place;

use super::{
    Ec2,
    snapshots::{Snapshot, State, Tier},
};
use crate::refusal::Refusal;

/// MiB a second that one time-based copy gets.
const MOST_OF_ONE: f64 = 500.0;
/// MiB a second that all time-based copies from one region to another get in an account.
const MOST_OF_ALL: f64 = 2000.0;

/// The key that something new is encrypted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyChoice {
    /// The one that the request names.
    Named,
    /// The account's default key in the region.
    Default,
    /// The key that AWS manages.
    Aws,
}

/// The key of what is made of a snapshot, or of nothing; `None` when it is not encrypted.
pub(super) fn key(
    source_is_encrypted: bool,
    asked: Option<bool>,
    names_key: bool,
    by_default: bool,
) -> Result<Option<KeyChoice>, Refusal> {
    if names_key && asked != Some(true) {
        let message = "The parameter KmsKeyId requires the parameter Encrypted to be true";
        return Err(Refusal::new("InvalidParameterDependency", message));
    }
    if source_is_encrypted && asked == Some(false) {
        let message = "what is made of an encrypted snapshot is encrypted";
        return Err(Refusal::new("InvalidParameterCombination", message));
    }
    Ok(match (names_key, by_default, asked, source_is_encrypted) {
        (true, ..) => Some(KeyChoice::Named),
        (_, true, ..) | (_, _, Some(true), false) => Some(KeyChoice::Default),
        (_, _, _, true) => Some(KeyChoice::Aws),
        _ => None,
    })
}

/// When a copy is done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Course {
    pub(super) ends_at: Timestamp,
    /// When it misses what was asked for.
    pub(super) late_at: Option<Timestamp>,
}

/// The course of a copy that is to be done within some minutes, counted from `since`, while
/// others on the same way take `busy` MiB a second. `usual` is what it takes when nobody asks.
pub(super) fn course(
    size_gib: u32,
    minutes: u32,
    since: Timestamp,
    busy: f64,
    usual: SignedDuration,
) -> Result<Course, Refusal> {
    let most = SignedDuration::from_mins(minutes.into());
    let free = MOST_OF_ALL - busy;
    if free <= 0.0 {
        let message = "the throughput of time-based copies between these regions is used up";
        return Err(Refusal::new("ResourceLimitExceeded", message));
    }
    let needed = rate(size_gib, minutes);
    let given = MOST_OF_ONE.min(free);
    if needed <= given {
        return Ok(Course { ends_at: since + usual.min(most), late_at: None });
    }
    let takes = SignedDuration::from_secs((f64::from(size_gib) * 1024.0 / given).ceil() as i64);
    Ok(Course { ends_at: since + takes, late_at: Some(since + most) })
}

/// MiB a second that a copy takes of what there is for all.
pub(super) fn takes(size_gib: u32, minutes: u32) -> f64 {
    rate(size_gib, minutes).min(MOST_OF_ONE)
}

fn rate(size_gib: u32, minutes: u32) -> f64 {
    f64::from(size_gib) * 1024.0 / (f64::from(minutes) * 60.0)
}

/// Refuses a duration that no copy can be asked to keep.
pub(super) fn check_minutes(minutes: u32) -> Result<(), Refusal> {
    if (15..=2880).contains(&minutes) && minutes.is_multiple_of(15) {
        return Ok(());
    }
    let message = "CompletionDurationMinutes is from 15 to 2880, in steps of 15";
    Err(Refusal::new("InvalidParameterValue", message))
}

/// Whether a copy into a place needs an earlier snapshot for what has not changed.
///
/// Within an account and region, it does when the key stays the same. Elsewhere, it does when
/// the newest copy of the same volume is still there, not archived, and all copies there have
/// the key that this one gets.
pub(super) fn is_incremental(
    here: &Ec2,
    place: &Place,
    (source, source_place): (&Snapshot, &Place),
    origin: &(Place, Box<str>),
    key: Option<&str>,
) -> bool {
    if source_place == place {
        return source.kms_key_id.as_deref() == key;
    }
    let copies = here.copies.get(origin).map_or(&[][..], Vec::as_slice);
    let newest = copies.last().and_then(|id| here.snapshots.get(id));
    let base = newest.is_some_and(|it| it.state == State::Completed && it.tier() == Tier::Standard);
    let mut left = copies.iter().filter_map(|id| here.snapshots.get(id));
    base && left.all(|it| it.kms_key_id.as_deref() == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_follows_the_source_the_request_and_the_default() {
        use KeyChoice::{Aws, Default, Named};
        let check = |encrypted, asked, names, by_default, expected: Result<_, &str>| {
            let found = key(encrypted, asked, names, by_default).map_err(|it| it.code);
            assert_eq!(found, expected, "{encrypted} {asked:?} {names} {by_default}");
        };
        // Encryption by default is off.
        check(false, None, false, false, Ok(None));
        check(false, Some(false), false, false, Ok(None));
        check(false, Some(true), false, false, Ok(Some(Default)));
        check(false, Some(true), true, false, Ok(Some(Named)));
        check(true, None, false, false, Ok(Some(Aws)));
        check(true, Some(true), false, false, Ok(Some(Aws)));
        check(true, Some(true), true, false, Ok(Some(Named)));
        // It is on.
        check(false, None, false, true, Ok(Some(Default)));
        check(false, Some(false), false, true, Ok(Some(Default)));
        check(true, None, false, true, Ok(Some(Default)));
        check(true, Some(true), true, true, Ok(Some(Named)));
        // What cannot be asked for.
        check(true, Some(false), false, false, Err("InvalidParameterCombination"));
        check(true, Some(false), false, true, Err("InvalidParameterCombination"));
        for asked in [None, Some(false)] {
            check(false, asked, true, false, Err("InvalidParameterDependency"));
        }
    }

    #[test]
    fn a_duration_is_from_15_minutes_to_two_days_in_quarters_of_an_hour() {
        for (minutes, good) in
            [(0, false), (15, true), (20, false), (30, true), (2880, true), (2895, false)]
        {
            assert_eq!(check_minutes(minutes).is_ok(), good, "{minutes}");
        }
    }

    #[track_caller]
    fn check_course(size_gib: u32, minutes: u32, busy: f64, expected: Option<(i64, Option<i64>)>) {
        let since = Timestamp::UNIX_EPOCH;
        let usual = SignedDuration::from_mins(20);
        let found = course(size_gib, minutes, since, busy, usual).ok();
        let seconds = |it: Course| (it.ends_at.as_second(), it.late_at.map(|at| at.as_second()));
        assert_eq!(found.map(seconds), expected);
    }

    #[test]
    fn a_copy_is_in_time_while_there_is_throughput_for_it() {
        check_course(400, 15, 0.0, Some((900, None)));
        check_course(400, 60, 0.0, Some((1200, None)));
        // 450 GiB in 15 minutes are 512 MiB a second, more than one copy gets.
        check_course(450, 15, 0.0, Some((922, Some(900))));
        check_course(400, 15, 1900.0, Some((4096, Some(900))));
        check_course(400, 15, 2000.0, None);
    }
}
