//! The engine in virtual time: a clock that stands still until it is moved, a journal and a queue
//! in memory, and luck that a seed repeats.
//!
//! Nothing here asserts anything or knows AWS: tests and the commands that rehearse bring their
//! own cloud. What breaks a law of the engine is noted, for whoever asks.

mod clock;
mod journal;
mod lawful;
mod queue;
mod random;
mod rehearsal;
mod report;
mod run;

use std::sync::{Mutex, MutexGuard};

pub use clock::VirtualClock;
pub use journal::MemoryJournal;
pub use lawful::LawfulJournal;
pub use queue::{Delivery, MemoryQueue};
pub use random::Random;
pub use rehearsal::{Rehearsal, Stuck};
pub use report::{Report, Totals, report};
pub use run::{finish, yield_now};

/// Locks, even after somebody who held the lock has panicked: what is behind these locks is
/// whole between any two statements that hold one.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
