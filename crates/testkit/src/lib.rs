//! A world for tests: a strict cloud, a rehearsal on it, and the rules that every action has to
//! keep.
//!
//! A test of an action builds a [`World`] in two lines, runs a task of the action in it to the
//! end, in virtual time, and compares what is left as text. [`conforms`] then breaks everything
//! that can break around the action, one thing at a time, and demands the same end.

pub mod cloud;
mod conforms;
mod faults;
mod faulty;
mod host;
mod world;
mod wrong;

use std::sync::{Mutex, MutexGuard};

pub use cloud::FakeCloud;
pub use conforms::{conforms, conforms_in};
pub use faults::{Faults, Mishap};
pub use faulty::FaultyJournal;
pub use lamplighter_rehearsal::{
    Delivery, LawfulJournal, MemoryJournal, MemoryQueue, Random, Rehearsal, VirtualClock, finish,
};
pub use world::{World, capacity, catalog, index, place, stopped, task};

/// Locks, even after a test that held the lock has failed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

pub mod contract;
