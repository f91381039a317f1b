//! Journal and queue on one machine: one SQLite file, and a queue in memory.
//!
//! Several processes may share the file. It must be on a local disk: SQLite's log and the
//! workers' locks need one.

mod fault;
mod file;
mod journal;
mod queue;
mod reader;
mod table;
mod worker;
mod writer;

pub use journal::SqliteJournal;
pub use queue::LocalQueue;
