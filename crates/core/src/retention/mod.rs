//! Which backups of a source are kept, and why.
//!
//! The rules are those of restic's `forget`, so that whoever knows them knows these: a backup is
//! kept if *any* rule keeps it. A policy is applied to the completed backups of each source on
//! its own. What Lamplighter adds to restic's rules only ever keeps more: a [floor](Policy::floor)
//! of the newest completed backups, and pending backups left alone. Failed backups hold nothing
//! to restore and go after a day.
//!
//! [`decide`] is pure and is the one place where this is decided: the deleting actions and
//! `lamplighter retention` both call it.

mod decide;
#[cfg(test)]
mod laws;
mod policy;
#[cfg(test)]
mod restic;
mod within;

pub use decide::{Backup, Decision, State, Verdict, decide};
pub use policy::{Keep, Policy};
pub use within::{BadWithin, Within};
