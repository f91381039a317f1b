//! A clock that is wrong by some seconds.

use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::Clock;
use lamplighter_rehearsal::VirtualClock;

use crate::{Random, lock};

/// How many percent of all looks at a wrong clock find it set anew.
const SET: u32 = 2;

/// What a clock shows that differs from the right one by at most so much, and steps forth and
/// back, as clocks do that are set by others.
pub(crate) struct WrongClock {
    right: Arc<VirtualClock>,
    by: SignedDuration,
    state: Mutex<(SignedDuration, Random)>,
}

impl WrongClock {
    pub(crate) fn new(right: Arc<VirtualClock>, by: SignedDuration, random: Random) -> WrongClock {
        WrongClock { right, by, state: Mutex::new((SignedDuration::ZERO, random)) }
    }
}

impl Clock for WrongClock {
    fn now(&self) -> Timestamp {
        let (off, random) = &mut *lock(&self.state);
        if random.percent(SET) {
            *off = self.by.mul_f64(2.0 * random.fraction() - 1.0);
        }
        self.right.now() + *off
    }

    fn jitter(&self) -> f64 {
        self.right.jitter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_clock_steps_forth_and_back_and_never_too_far() {
        let right = Arc::new(VirtualClock::new(Timestamp::UNIX_EPOCH, 1));
        let by = SignedDuration::from_secs(3);
        let wrong = WrongClock::new(right, by, Random::new(1));
        let shown: Vec<Timestamp> = (0..1_000).map(|_| wrong.now()).collect();
        let bounds = Timestamp::UNIX_EPOCH - by..=Timestamp::UNIX_EPOCH + by;
        assert!(shown.iter().all(|it| bounds.contains(it)));
        assert!(!shown.is_sorted() && shown.iter().max() > shown.iter().min());
    }
}
