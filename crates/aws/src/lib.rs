//! The ports of `lamplighter-core` on the official AWS SDK. The only crate, beside the binary,
//! that knows the SDK: what it hands out are the core's own types and faults.
//!
//! What the SDK does by itself and what it does not, each read in its source:
//!
//! - A client without an HTTP client makes one of its own, with its own connections and trust
//!   store. All of ours share the one of [`process_config`].
//! - Its identity cache holds 64 credentials and then throws out any of them, so an organization
//!   of 65 accounts would assume roles without end. Ours is one slot per account and session.
//! - Its retry quota is shared by name, by default the service and region of the whole process.
//!   Ours is one per account, so that one throttled account does not slow the others.
//! - It retries whatever failed on the way. `CreateSnapshot` has no client token, so there it may
//!   not: whether the first try took effect is unknown.
//! - It sends as fast as it is asked to, and its adaptive mode learns AWS's bounds by running into
//!   them. Ours are known before: see `pacing`, which all of a process's calls for tasks go through.

mod accounts;
#[cfg(test)]
mod bed;
mod config;
mod ec2;
mod fault;
mod fresh;
mod instances;
mod journal;
mod kms;
mod organization;
mod pacing;
mod queue;
mod rds;
mod role;
mod scope;
mod settings;
mod several;
mod ssm;
mod tables;
#[cfg(test)]
mod wire;

pub use accounts::Accounts;
pub use aws_config::SdkConfig;
pub use config::process_config;
pub use journal::{DynamoJournal, create_table};
pub use queue::SqsQueue;
pub use settings::{AccountSettings, GroupSettings};
