//! The real time, and luck.

use std::hash::{BuildHasher, RandomState};

use jiff::Timestamp;
use lamplighter_core::Clock;

/// The system's clock.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn jitter(&self) -> f64 {
        // Every `RandomState` has keys of its own; good enough to spread retries.
        let drawn = RandomState::new().hash_one(0_u8);
        (drawn >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_differs_and_stays_within_its_range() {
        let drawn: Vec<f64> = (0..100).map(|_| SystemClock.jitter()).collect();
        assert!(drawn.iter().all(|it| (0.0..1.0).contains(it)));
        assert!(drawn.iter().any(|it| *it < 0.5) && drawn.iter().any(|it| *it > 0.5));
    }
}
