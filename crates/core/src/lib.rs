//! Vocabulary, decisions and the engine. Nothing in this crate opens a socket, reads the
//! environment or asks the system for the time.

pub mod action;
pub mod classify;
pub mod cloud;
pub mod copying;
pub mod engine;
pub mod events;
pub mod facts;
pub mod fault;
pub mod gone;
pub mod id;
pub mod job;
pub mod keys;
pub mod length;
pub mod pace;
pub mod plan;
pub mod power;
pub mod retention;
pub mod retry;
pub mod schedule;
pub mod select;
pub mod sharing;
pub mod tagging;
pub mod task;
pub mod template;

use std::collections::BTreeMap;

pub use action::{Action, AnyAction, Catalog, Progress, Spec, StepCx, Verdict};
pub use cloud::{AccountPool, Resource, Scope};
pub use engine::{Clock, Engine, Journal, Ports, Queue};
pub use facts::Facts;
pub use fault::{Doing, Fault, FaultKind, if_there};
pub use id::{AccountId, EventId, JobId, Place, Region, RunId, TaskName};

/// Tags of a resource: key to value.
pub type Tags = BTreeMap<String, String>;
