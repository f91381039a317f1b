//! Luck that a seed repeats.

use std::hash::{Hash, Hasher};

pub use lamplighter_rehearsal::Random;

/// The stream of a value: the same for the same value, in each run.
pub(crate) fn of(value: &impl Hash) -> Random {
    let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
    value.hash(&mut hasher);
    Random::new(hasher.finish())
}

/// FNV-1a: the standard library's own hash may change with any version of it.
struct Fnv(u64);

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
