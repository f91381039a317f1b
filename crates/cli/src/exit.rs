//! How the program ends.

use std::{fmt, process::ExitCode};

use lamplighter_core::{Fault, FaultKind};

/// The exit code of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: all is well.
    Fine,
    /// 1: some job failed, or something is missing.
    Failed,
    /// 2: the command line or the configuration cannot be.
    Usage,
    /// 3: a guard refused it, or a target changed since the plan.
    Refused,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Fine => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Refused => 3,
        })
    }
}

impl Exit {
    /// The exit code for faults of these kinds: any real failure weighs more than a refusal.
    pub(crate) fn of(kinds: impl IntoIterator<Item = FaultKind>) -> Exit {
        kinds.into_iter().fold(Exit::Fine, |worst, kind| match (worst, kind) {
            (Exit::Fine | Exit::Refused, FaultKind::Refused) => Exit::Refused,
            _ => Exit::Failed,
        })
    }
}

/// Why a command could not do what it was asked for.
#[derive(Debug)]
pub(crate) struct Failure {
    /// How to exit.
    pub(crate) exit: Exit,
    /// What was being done, why it failed, and what to do now.
    pub(crate) message: String,
}

impl Failure {
    /// The command line or the configuration cannot be.
    pub(crate) fn usage(message: impl Into<String>) -> Failure {
        Failure { exit: Exit::Usage, message: message.into() }
    }

    /// It could not be done.
    pub(crate) fn failed(message: impl Into<String>) -> Failure {
        Failure { exit: Exit::Failed, message: message.into() }
    }

    /// An I/O error while doing something.
    pub(crate) fn io(doing: impl fmt::Display, error: &std::io::Error) -> Failure {
        Failure::failed(format!("{doing}: {error}"))
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Failure {
        let exit = match fault.kind {
            FaultKind::Config => Exit::Usage,
            FaultKind::Refused => Exit::Refused,
            _ => Exit::Failed,
        };
        Failure { exit, message: fault.chain() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_weighs_more_than_a_refusal() {
        use FaultKind::{Permission, Refused};
        assert_eq!(Exit::of([]), Exit::Fine);
        assert_eq!(Exit::of([Refused, Refused]), Exit::Refused);
        assert_eq!(Exit::of([Refused, Permission]), Exit::Failed);
        assert_eq!(Exit::of([Permission, Refused]), Exit::Failed);
    }
}
