//! Vocabulary, decisions and the engine. Nothing in this crate opens a socket, reads the
//! environment or asks the system for the time.

pub mod classify;
pub mod fault;
pub mod id;
pub mod retention;
pub mod schedule;
pub mod select;
pub mod template;

use std::collections::BTreeMap;

pub use fault::{Doing, Fault, FaultKind};
pub use id::{AccountId, JobId, Place, Region, RunId, TaskName};

/// Tags of a resource: key to value.
pub type Tags = BTreeMap<String, String>;
