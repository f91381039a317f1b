//! The audit trail: every call and what came of it, as CloudTrail would have it.

use std::collections::{BTreeSet, VecDeque};

use jiff::Timestamp;
use lamplighter_core::{AccountId, Place};

use crate::{operation::Access, organization::Caller};

/// One call, whatever came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub caller: Caller,
    /// Where.
    pub place: Place,
    /// The service, such as `ec2`.
    pub service: &'static str,
    /// The operation, such as `CreateSnapshot`.
    pub operation: &'static str,
    /// The IAM actions it needs; the first is the call's own.
    pub actions: Vec<&'static str>,
    /// Whether it writes.
    pub access: Access,
    /// The ARNs of what it is about, when it writes. What it makes has none yet.
    pub about: Box<[String]>,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done, and the caller was told so.
    Done,
    /// It was refused with this code, and the caller was told so.
    Refused(&'static str),
    /// It was not done, and the connection was closed.
    Dropped,
    /// It was done or refused, and the caller was not told.
    AnswerLost,
}

/// The newest calls.
#[derive(Debug)]
pub(crate) struct Trail {
    calls: VecDeque<Call>,
    /// Calls that were forgotten to make room.
    pub(crate) forgotten: u64,
    /// How many calls are kept.
    pub(crate) keep: usize,
    /// What services have asked for on behalf of callers of these accounts: uses of keys.
    pub(crate) on_behalf: BTreeSet<(AccountId, &'static str)>,
}

impl Default for Trail {
    fn default() -> Trail {
        Trail { calls: VecDeque::new(), forgotten: 0, keep: 1_000_000, on_behalf: BTreeSet::new() }
    }
}

impl Trail {
    pub(crate) fn push(&mut self, call: Call) {
        if self.calls.len() >= self.keep {
            self.calls.pop_front();
            self.forgotten += 1;
        }
        self.calls.push_back(call);
    }

    /// Says how the newest call ended.
    pub(crate) fn ended(&mut self, outcome: Outcome) {
        if let Some(call) = self.calls.back_mut() {
            call.outcome = outcome;
        }
    }

    /// Takes all out of it.
    pub(crate) fn take(&mut self) -> Vec<Call> {
        std::mem::take(&mut self.calls).into()
    }

    pub(crate) fn calls(&self) -> impl Iterator<Item = &Call> {
        self.calls.iter()
    }
}
