//! Laws of [`decide`], on random policies and histories.

use std::{collections::BTreeSet, num::NonZeroU32};

use jiff::{Timestamp, tz::TimeZone};
use proptest::{collection::vec, prelude::*};

use super::{Backup, Keep, Policy, State, Verdict, decide};

const NOW: &str = "2026-03-31T12:00:00Z";

/// What the rules say in words, by the slowest means: a backup is kept by `count` days, say,
/// if it is the newest of its day and fewer than `count` days with backups are later, or if
/// it is the oldest of all and there are fewer than `count` days.
fn oracle(policy: &Policy, backups: &[Backup], one: &Backup) -> bool {
    let key = |backup: &Backup| (backup.taken_at, backup.id.clone());
    let history: Vec<&Backup> = backups
        .iter()
        .filter(|it| it.source == one.source && it.state == State::Completed)
        .collect();
    let newer = history.iter().filter(|it| key(it) > key(one)).count();
    let keep = &policy.keep;
    let by_count = |count: Option<NonZeroU32>, format: &str| {
        let bucket =
            |it: &Backup| it.taken_at.to_zoned(keep.time_zone.clone()).strftime(format).to_string();
        let buckets: BTreeSet<String> = history.iter().map(|it| bucket(it)).collect();
        let later = buckets.iter().filter(|it| **it > bucket(one)).count();
        let newest = history.iter().all(|it| bucket(it) != bucket(one) || key(it) <= key(one));
        let oldest = newer + 1 == history.len();
        count.is_some_and(|count| {
            let count = count.get() as usize;
            newest && later < count || oldest && buckets.len() < count
        })
    };
    newer < policy.floor as usize
        || keep.last.is_some_and(|count| newer < count.get() as usize)
        || by_count(keep.hourly, "%Y%m%d%H")
        || by_count(keep.daily, "%Y%m%d")
        || by_count(keep.weekly, "%G%V")
        || by_count(keep.monthly, "%Y%m")
        || by_count(keep.yearly, "%Y")
}

fn count() -> impl Strategy<Value = Option<NonZeroU32>> {
    prop_oneof![2 => Just(None), 1 => (1_u32..9).prop_map(NonZeroU32::new)]
}

fn policies() -> impl Strategy<Value = Policy> {
    let zone = prop::sample::select(vec!["UTC", "Europe/Madrid", "Asia/Kolkata"]);
    let within = prop::sample::select(vec![None, Some("3h"), Some("2d"), Some("1m"), Some("1y")]);
    let counts = (count(), count(), count(), count(), count(), count());
    (counts, within, zone, 0_u32..4)
        .prop_map(|((last, hourly, daily, weekly, monthly, yearly), within, zone, floor)| {
            let within = within.map(|text| text.parse().unwrap());
            let time_zone = TimeZone::get(zone).unwrap();
            let keep = Keep { last, within, hourly, daily, weekly, monthly, yearly, time_zone };
            Policy { keep, floor }
        })
        .prop_filter("has a rule", |policy| !policy.keep.is_empty())
}

/// Up to 40 backups of two sources: some within hours, some over years, some at one instant.
fn histories() -> impl Strategy<Value = Vec<Backup>> {
    let now = NOW.parse::<Timestamp>().unwrap().as_second();
    let age = prop_oneof![0_i64..50, 0_i64..2_000, 0_i64..30_000];
    let state = prop_oneof![
        6 => Just(State::Completed), 1 => Just(State::Pending), 1 => Just(State::Error)
    ];
    vec((age, 0..2, state), 0..40).prop_map(move |items| {
        let backup = |(index, (age, source, state)): (usize, (i64, i32, State))| Backup {
            id: format!("snap-{index}"),
            source: format!("vol-{source}"),
            taken_at: Timestamp::from_second(now - age * 1800).unwrap(),
            state,
        };
        items.into_iter().enumerate().map(backup).collect()
    })
}

fn verdicts(policy: &Policy, backups: &[Backup]) -> Vec<Verdict> {
    let decisions = decide(policy, backups, NOW.parse().unwrap());
    decisions.into_iter().map(|decision| decision.verdict).collect()
}

proptest! {
    #[test]
    fn agrees_with_the_rules_in_words(policy in policies(), backups in histories()) {
        let policy = Policy { keep: Keep { within: None, ..policy.keep }, ..policy };
        prop_assume!(!policy.keep.is_empty());
        for (backup, verdict) in backups.iter().zip(verdicts(&policy, &backups)) {
            if backup.state == State::Completed {
                let kept = oracle(&policy, &backups, backup);
                prop_assert_eq!(verdict == Verdict::Keep, kept, "{:?}", backup);
            }
        }
    }

    #[test]
    fn the_newest_completed_and_the_floor_stay(policy in policies(), backups in histories()) {
        let verdicts = verdicts(&policy, &backups);
        for source in ["vol-0", "vol-1"] {
            let mut kept: Vec<(Timestamp, bool)> = backups
                .iter()
                .zip(&verdicts)
                .filter(|(it, _)| it.source == source && it.state == State::Completed)
                .map(|(it, verdict)| (it.taken_at, *verdict == Verdict::Keep))
                .collect();
            kept.sort_unstable_by(|a, b| b.cmp(a));
            let floor = kept.iter().take(policy.floor.max(1) as usize);
            prop_assert!(floor.into_iter().all(|(_, kept)| *kept), "{:?}", kept);
        }
    }

    #[test]
    fn pending_ones_are_left_and_failed_ones_never_kept(
        policy in policies(), backups in histories(),
    ) {
        for (backup, verdict) in backups.iter().zip(verdicts(&policy, &backups)) {
            match backup.state {
                State::Completed => prop_assert_ne!(verdict, Verdict::Leave),
                State::Pending => prop_assert_eq!(verdict, Verdict::Leave),
                State::Error => prop_assert_ne!(verdict, Verdict::Keep),
            }
        }
    }

    #[test]
    fn more_rules_and_higher_counts_never_keep_less(
        policy in policies(), more in policies(), backups in histories(),
    ) {
        let (less, more) = (policy.keep.clone(), more.keep);
        let keep = Keep {
            last: less.last.max(more.last),
            within: less.within.or(more.within),
            hourly: less.hourly.max(more.hourly),
            daily: less.daily.max(more.daily),
            weekly: less.weekly.max(more.weekly),
            monthly: less.monthly.max(more.monthly),
            yearly: less.yearly.max(more.yearly),
            time_zone: less.time_zone,
        };
        let wider = verdicts(&Policy { keep, ..policy }, &backups);
        for (before, after) in verdicts(&policy, &backups).into_iter().zip(wider) {
            prop_assert!(before != Verdict::Keep || after == Verdict::Keep);
        }
    }

    #[test]
    fn the_order_of_the_input_does_not_matter(
        policy in policies(),
        (given, shuffled) in histories().prop_flat_map(|it| (Just(it.clone()), Just(it).prop_shuffle())),
    ) {
        let sorted = |backups: &[Backup]| {
            let mut decisions = decide(&policy, backups, NOW.parse().unwrap());
            decisions.sort_unstable_by(|a, b| a.id.cmp(&b.id));
            decisions
        };
        prop_assert_eq!(sorted(&given), sorted(&shuffled));
    }
}
