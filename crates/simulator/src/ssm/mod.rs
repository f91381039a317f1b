//! SSM Run Command in one account and region: commands that instances run. What a script does is
//! not simulated, only how it ends.

mod documents;
mod information;
mod invocation;
mod send;
#[cfg(test)]
mod tests;
mod vss;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use documents::Document;

use crate::{
    buckets::Bucket,
    ec2::instances::{Agent, Instance, Power},
    refusal::Refusal,
    table::Entry,
};

pub(crate) use information::{DescribeInstanceInformation, Filter};
pub(crate) use invocation::GetCommandInvocation;
pub(crate) use send::SendCommand;
pub(crate) use vss::{Shadows, take};

/// The operations that are here.
pub(crate) const OPERATIONS: &[Entry] = &[
    Entry::json::<DescribeInstanceInformation>(),
    Entry::json::<GetCommandInvocation>(),
    Entry::json::<SendCommand>(),
];

/// The bucket that calls are paid from: AWS names none for these, so a small one.
const BUCKET: Bucket = Bucket::new(20.0, 20.0);

/// SSM in one place.
#[derive(Default)]
pub(crate) struct Ssm {
    commands: BTreeMap<Box<str>, Command>,
    /// Scripts with these texts end so on an instance.
    pub(crate) failing: Vec<(Box<str>, Box<str>, i32)>,
    /// On these VSS does not hold all applications still.
    pub(crate) restless: BTreeSet<Box<str>>,
}

/// A command on one instance.
#[derive(Debug)]
struct Command {
    instance: Box<str>,
    document: &'static Document,
    comment: Box<str>,
    sent_at: Timestamp,
    ends_at: Timestamp,
    exit_code: i32,
    /// What it has written as errors.
    errors: Box<str>,
}

/// Whether SSM manages an instance, and hears of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ping {
    Online,
    ConnectionLost,
}

impl Ping {
    /// `None`: it has never registered. Source: Systems Manager User Guide, "Troubleshooting
    /// managed node availability".
    fn of(instance: &Instance) -> Option<Ping> {
        if instance.power.is_ending() {
            return None;
        }
        match (instance.agent, instance.power) {
            (Agent::None, _) => None,
            (Agent::Online, Power::Running) => Some(Ping::Online),
            (Agent::Online | Agent::Lost, _) => Some(Ping::ConnectionLost),
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Ping::Online => "Online",
            Ping::ConnectionLost => "ConnectionLost",
        }
    }
}

fn validation(message: impl Into<String>) -> Refusal {
    Refusal::new("ValidationException", message)
}
