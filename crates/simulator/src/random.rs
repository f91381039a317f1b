//! Luck that a seed repeats.

pub use lamplighter_rehearsal::Random;
