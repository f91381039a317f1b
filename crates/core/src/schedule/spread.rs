//! Where in its window each place of a task starts.

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::{Place, TaskName};

/// How long after the occurrence this place starts, in whole seconds below `window`; zero if the
/// window is shorter than a second. The same task and place give the same answer in every
/// release and on every machine, so a place always starts at the same time of day.
pub fn spread_offset(task: &TaskName, place: &Place, window: Duration) -> Duration {
    let mut hash = Sha256::new();
    for part in [task.as_str(), place.account.as_str(), place.region.as_str()] {
        // With its length before it, no part can run into the next.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digest = hash.finalize();
    let lot = digest.iter().take(8).fold(0, |lot, byte| lot << 8 | u64::from(*byte));
    // The lot as a fraction of 2^64, times the window: even, and below the window.
    let seconds = (u128::from(lot) * u128::from(window.as_secs())) >> 64;
    Duration::from_secs(seconds as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(account: &str, region: &str) -> Place {
        Place { account: account.parse().unwrap(), region: region.parse().unwrap() }
    }

    #[test]
    fn the_offset_of_a_place_never_changes() {
        #[track_caller]
        fn check(task: &str, account: &str, region: &str, window: u64, expected: u64) {
            let offset = spread_offset(
                &task.parse().unwrap(),
                &place(account, region),
                Duration::from_secs(window),
            );
            assert_eq!(offset, Duration::from_secs(expected));
        }
        check("nightly-backup", "111122223333", "eu-west-1", 1200, 224);
        check("nightly-backup", "111122223333", "eu-west-1", 86400, 16185);
        check("nightly-backup", "222233334444", "eu-west-1", 1200, 360);
        check("nightly-backup", "111122223333", "us-east-1", 1200, 50);
        check("weekly", "111122223333", "eu-west-1", 1200, 233);
        check("nightly-backup", "111122223333", "eu-west-1", 1, 0);
        check("nightly-backup", "111122223333", "eu-west-1", 0, 0);
    }

    #[test]
    fn places_fill_the_window_evenly() {
        let task = "nightly-backup".parse().unwrap();
        let mut starts = [0; 20];
        for account in 0..4000 {
            let place = place(&format!("{account:012}"), "eu-west-1");
            let offset = spread_offset(&task, &place, Duration::from_secs(1200));
            starts[usize::try_from(offset.as_secs() / 60).unwrap()] += 1;
        }
        assert!(starts.iter().all(|count| (150..250).contains(count)), "{starts:?}");
    }
}
