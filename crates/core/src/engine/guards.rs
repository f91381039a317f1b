//! The bounds a task sets, judged by pure functions.

use crate::{
    Fault,
    engine::Tally,
    task::{Guards, StopAfter},
};

/// What was found in one place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Resources of the kind that were listed. All there are, when a guard needs a share.
    pub listed: u64,
    /// Those that the task selects.
    pub selected: u64,
    /// Those to act on.
    pub to_act: u64,
}

/// Whether more would be acted on than the task allows: then nothing may be.
pub fn within_limit(guards: &Guards, found: Found) -> Result<(), Fault> {
    let Found { listed, to_act, .. } = found;
    if let Some(limit) = guards.limit_targets
        && to_act > u64::from(limit)
    {
        return Err(Fault::refused(format!(
            "{to_act} targets to act on, but `limit.targets` is {limit}: acted on none; raise the \
             limit if this is right"
        )));
    }
    if let Some(limit) = guards.limit_percent
        && limit.exceeded_by(to_act, listed)
    {
        return Err(Fault::refused(format!(
            "{to_act} of {listed} to act on, but `limit.percent` is {limit}: acted on none; raise \
             the limit if this is right"
        )));
    }
    Ok(())
}

/// Whether as many were selected as the task expects. Those found are worked on all the same.
pub fn as_expected(guards: &Guards, found: Found) -> Result<(), Fault> {
    match guards.expect {
        Some(expected) if found.selected < u64::from(expected) => Err(Fault::refused(format!(
            "{} targets selected, but `expect` is {expected}: see whether tags, regions or \
             permissions have changed",
            found.selected
        ))),
        _ => Ok(()),
    }
}

/// Why the targets of a run that were not begun are given up, if they are.
pub fn give_up(stop_after: Option<StopAfter>, tally: &Tally) -> Option<String> {
    let failed = tally.act.failed;
    match stop_after? {
        StopAfter::Failed(limit) if failed >= u64::from(limit) => {
            Some(format!("{failed} targets have failed: `stop-after.failed` is {limit}"))
        }
        StopAfter::FailedPercent(limit) => {
            let listed = tally.spread.open == 0 && tally.find.open == 0;
            let total = tally.act.total();
            (listed && limit.exceeded_by(failed, total)).then(|| {
                format!("{failed} of {total} targets have failed: `stop-after.failed` is {limit}")
            })
        }
        StopAfter::Failed(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{engine::Counts, task::Percent};

    fn percent(value: u32) -> Percent {
        Percent::try_from(value).unwrap()
    }

    #[track_caller]
    fn check_limit(targets: Option<u32>, share: Option<u32>, listed: u64, to_act: u64, ok: bool) {
        let guards =
            Guards { expect: None, limit_targets: targets, limit_percent: share.map(percent) };
        let found = Found { listed, selected: to_act, to_act };
        assert_eq!(within_limit(&guards, found).is_ok(), ok);
    }

    #[test]
    fn a_limit_forbids_only_what_is_beyond_it() {
        check_limit(None, None, 10, 10, true);
        check_limit(Some(3), None, 10, 3, true);
        check_limit(Some(3), None, 10, 4, false);
        check_limit(None, Some(60), 10, 6, true);
        check_limit(None, Some(60), 10, 7, false);
        check_limit(Some(3), Some(60), 4, 3, false);
        check_limit(Some(0), Some(0), 0, 0, true);
    }

    #[track_caller]
    fn check_expect(expect: Option<u32>, selected: u64, ok: bool) {
        let guards = Guards { expect, ..Guards::default() };
        let found = Found { listed: 99, selected, to_act: 0 };
        assert_eq!(as_expected(&guards, found).is_ok(), ok);
    }

    #[test]
    fn fewer_than_expected_is_a_failure() {
        check_expect(None, 0, true);
        check_expect(Some(1), 0, false);
        check_expect(Some(1), 1, true);
        check_expect(Some(2), 9, true);
    }

    #[track_caller]
    fn check_stop(rule: StopAfter, failed: u64, others: u64, places_open: u64, stops: bool) {
        let tally = Tally {
            find: Counts { open: places_open, ..Counts::default() },
            act: Counts { failed, open: others, ..Counts::default() },
            ..Tally::default()
        };
        assert_eq!(give_up(Some(rule), &tally).is_some(), stops);
    }

    #[test]
    fn a_number_of_failures_stops_at_once_and_a_share_when_all_places_are_listed() {
        check_stop(StopAfter::Failed(2), 1, 5, 1, false);
        check_stop(StopAfter::Failed(2), 2, 5, 1, true);
        check_stop(StopAfter::FailedPercent(percent(20)), 9, 1, 1, false);
        check_stop(StopAfter::FailedPercent(percent(20)), 2, 8, 0, false);
        check_stop(StopAfter::FailedPercent(percent(20)), 3, 7, 0, true);
        assert_eq!(give_up(None, &Tally::default()), None);
    }
}
