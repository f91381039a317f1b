//! How long to wait before a step is tried again.

use std::time::Duration;

use crate::FaultKind;

/// Attempts a job may spend in a row before it fails.
pub const MAX_ATTEMPTS: u32 = 5;

/// Returns the delay before the next try, or `None` when the job has failed.
///
/// `spent` counts the attempts already spent in a row, `throttled` the throttled tries in a
/// row; `jitter` is in `0.0..1.0`. The delay doubles from 2 s to 60 s for transient faults and
/// from 5 s to 5 min for throttling, half of it jitter, and is never below `at_least`.
pub fn delay(
    kind: FaultKind,
    spent: u32,
    throttled: u32,
    at_least: Option<Duration>,
    jitter: f64,
) -> Option<Duration> {
    let (base, cap, tries) = match kind {
        FaultKind::Throttled => (Duration::from_secs(5), Duration::from_secs(300), throttled),
        FaultKind::Transient if spent < MAX_ATTEMPTS - 1 => {
            (Duration::from_secs(2), Duration::from_secs(60), spent)
        }
        FaultKind::Transient
        | FaultKind::Permission
        | FaultKind::Config
        | FaultKind::Refused
        | FaultKind::Permanent => return None,
    };
    let exponential = base.saturating_mul(1 << tries.min(16)).min(cap);
    let drawn = exponential.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0);
    Some(drawn.max(at_least.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: FaultKind, spent: u32, throttled: u32, at_least: u64, secs: Option<u64>) {
        let at_least = (at_least > 0).then(|| Duration::from_secs(at_least));
        let expected = secs.map(Duration::from_secs);
        assert_eq!(delay(kind, spent, throttled, at_least, 1.0), expected);
    }

    #[test]
    fn transient_faults_are_tried_five_times_in_a_row() {
        for (spent, secs) in [(0, 2), (1, 4), (2, 8), (3, 16)] {
            check(FaultKind::Transient, spent, 0, 0, Some(secs));
        }
        check(FaultKind::Transient, 4, 0, 0, None);
    }

    #[test]
    fn throttling_is_waited_out_for_ever_and_at_most_five_minutes_at_a_time() {
        for (throttled, secs) in [(0, 5), (1, 10), (5, 160), (6, 300), (1000, 300)] {
            check(FaultKind::Throttled, 99, throttled, 0, Some(secs));
        }
    }

    #[test]
    fn a_known_least_wait_is_kept() {
        check(FaultKind::Throttled, 0, 0, 15, Some(15));
        check(FaultKind::Transient, 3, 0, 15, Some(16));
    }

    #[test]
    fn what_cannot_get_better_is_not_tried_again() {
        for kind in
            [FaultKind::Permission, FaultKind::Config, FaultKind::Refused, FaultKind::Permanent]
        {
            check(kind, 0, 0, 0, None);
        }
    }

    #[test]
    fn half_of_the_delay_is_jitter() {
        let least = delay(FaultKind::Transient, 0, 0, None, 0.0);
        assert_eq!(least, Some(Duration::from_secs(1)));
    }
}
