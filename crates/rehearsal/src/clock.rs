//! Time that moves only when it is told to.

use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::Clock;

use crate::{lock, random::Random};

/// A clock that stands still until it is moved. Its jitter comes from a seed.
#[derive(Debug)]
pub struct VirtualClock(Mutex<(Timestamp, Random)>);

impl VirtualClock {
    /// A clock that shows `now`.
    pub fn new(now: Timestamp, seed: u64) -> VirtualClock {
        VirtualClock(Mutex::new((now, Random::new(seed))))
    }

    /// Moves to `now`, forward or back.
    pub fn set(&self, now: Timestamp) {
        lock(&self.0).0 = now;
    }

    /// Moves to `now`, unless it shows that or more.
    pub fn forward_to(&self, now: Timestamp) {
        let mut state = lock(&self.0);
        state.0 = state.0.max(now);
    }

    /// Moves forward by a span. A cloud calls this to let time go by while it answers.
    pub fn advance(&self, by: SignedDuration) {
        lock(&self.0).0 += by;
    }

    /// Draws the jitter from another seed.
    pub fn reseed(&self, seed: u64) {
        lock(&self.0).1 = Random::new(seed);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        lock(&self.0).0
    }

    fn jitter(&self) -> f64 {
        lock(&self.0).1.fraction()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_only_when_told_and_draws_the_same_from_the_same_seed() {
        let clock = VirtualClock::new(Timestamp::UNIX_EPOCH, 7);
        assert_eq!(clock.now(), Timestamp::UNIX_EPOCH);
        clock.advance(SignedDuration::from_secs(5));
        assert_eq!(clock.now(), Timestamp::from_second(5).unwrap());
        clock.set(Timestamp::from_second(3).unwrap());
        assert_eq!(clock.now(), Timestamp::from_second(3).unwrap());
        clock.forward_to(Timestamp::from_second(2).unwrap());
        assert_eq!(clock.now(), Timestamp::from_second(3).unwrap());
        clock.forward_to(Timestamp::from_second(4).unwrap());
        assert_eq!(clock.now(), Timestamp::from_second(4).unwrap());

        let drawn = [clock.jitter(), clock.jitter()];
        clock.reseed(7);
        assert_eq!([clock.jitter(), clock.jitter()], drawn);
        assert!(drawn.iter().all(|it| (0.0..1.0).contains(it)) && drawn[0] != drawn[1]);
    }
}
