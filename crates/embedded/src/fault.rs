//! What SQLite says, as faults: with what failed, why, and what to do now.

use std::{fmt, path::Path};

use lamplighter_core::{Fault, FaultKind};
use rusqlite::{Error, ErrorCode};

/// A stored text that cannot be read.
#[derive(Debug)]
pub(crate) struct Damaged {
    /// What it is, such as ``the record of job `x` ``.
    pub(crate) what: String,
    /// What is wrong with it.
    pub(crate) why: String,
}

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is damaged: {}", self.what, self.why)
    }
}

impl std::error::Error for Damaged {}

impl From<Damaged> for Error {
    fn from(damaged: Damaged) -> Error {
        Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(damaged))
    }
}

/// The fault for an error of SQLite while `doing` something with the journal at `path`.
pub(crate) fn fault(doing: &str, path: &Path, error: &Error) -> Fault {
    let (kind, cure) = judge(error);
    let cause = match error {
        Error::FromSqlConversionFailure(_, _, cause) => cause.to_string(),
        Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    };
    Fault::new(kind, format!("{doing} the journal `{}`", path.display()))
        .caused_by(format!("{cause}; {cure}"))
}

/// What to do about it: for the engine, and for people.
fn judge(error: &Error) -> (FaultKind, &'static str) {
    use FaultKind::{Config, Permanent, Transient};
    let code = match error {
        Error::SqlInputError { error, .. } => Some(error.code),
        other => other.sqlite_error_code(),
    };
    match code {
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::FileLockingProtocolFailed,
        ) => (
            Transient,
            "another process keeps it locked: end that process, or let it finish; \
             nothing is lost",
        ),
        Some(ErrorCode::DiskFull) => {
            (Transient, "free some space on its file system; what was written before is kept")
        }
        Some(ErrorCode::SystemIoFailure) => (
            Transient,
            "check the disk, its free space and its file system; what was written before is kept",
        ),
        Some(
            ErrorCode::OutOfMemory | ErrorCode::OperationInterrupted | ErrorCode::OperationAborted,
        ) => (Transient, "it can be tried again; what was written before is kept"),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            (Config, "let this user read and write the file, and make files in its directory")
        }
        Some(ErrorCode::NotADatabase) => {
            (Config, "the file is something else and was left as it is: name another file")
        }
        Some(ErrorCode::DatabaseCorrupt) => (
            Permanent,
            "the file is damaged and was left as it is: put a backup in its place, or move it \
             away to start with a new one",
        ),
        _ => match error {
            Error::FromSqlConversionFailure(..) => (
                Permanent,
                "put a backup of the file in place, or delete that row with `sqlite3`; the \
                 others are not affected",
            ),
            _ => (Permanent, "something else has changed this file: put a backup in its place"),
        },
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    #[track_caller]
    fn check(code: i32, says: &str, kind: FaultKind, text: &str) {
        let error = Error::SqliteFailure(ffi::Error::new(code), Some(says.to_owned()));
        let fault = fault("writing to", Path::new("j.db"), &error);
        assert_eq!((fault.kind, fault.chain()), (kind, text.to_owned()));
    }

    #[test]
    fn an_error_says_what_failed_why_and_what_to_do() {
        check(
            ffi::SQLITE_FULL,
            "database or disk is full",
            FaultKind::Transient,
            "writing to the journal `j.db`: database or disk is full; free some space on its file \
             system; what was written before is kept",
        );
        check(
            ffi::SQLITE_BUSY,
            "database is locked",
            FaultKind::Transient,
            "writing to the journal `j.db`: database is locked; another process keeps it locked: \
             end that process, or let it finish; nothing is lost",
        );
    }

    #[test]
    fn what_may_pass_is_transient_and_nothing_else() {
        let kind = |code| judge(&Error::SqliteFailure(ffi::Error::new(code), None)).0;
        let transient = [
            ffi::SQLITE_BUSY,
            ffi::SQLITE_BUSY_SNAPSHOT,
            ffi::SQLITE_LOCKED,
            ffi::SQLITE_FULL,
            ffi::SQLITE_IOERR,
            ffi::SQLITE_IOERR_FSYNC,
            ffi::SQLITE_NOMEM,
        ];
        for code in transient {
            assert_eq!(kind(code), FaultKind::Transient, "{code}");
        }
        for code in [ffi::SQLITE_CORRUPT, ffi::SQLITE_ERROR, ffi::SQLITE_CONSTRAINT] {
            assert_eq!(kind(code), FaultKind::Permanent, "{code}");
        }
        for code in [ffi::SQLITE_CANTOPEN, ffi::SQLITE_READONLY, ffi::SQLITE_NOTADB] {
            assert_eq!(kind(code), FaultKind::Config, "{code}");
        }
    }
}
