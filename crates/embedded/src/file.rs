//! The journal's file: creating it, recognizing it, and refusing everything else.
//!
//! The database file is never opened but by SQLite: closing any other handle on it would drop
//! the locks that SQLite holds in this process.

use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use lamplighter_core::Fault;
use rusqlite::{Connection, OpenFlags};

use crate::fault;

/// Tells our files from other programs' databases: `Lamp`.
const APPLICATION: i32 = 0x4c61_6d70;
/// The form of the tables, see `schema.sql`.
const VERSION: i32 = 1;
const SCHEMA: &str = include_str!("schema.sql");
/// Prepared statements kept by a connection: more than there are.
const STATEMENTS: usize = 64;

/// A journal's file that exists and is ours.
#[derive(Debug)]
pub(crate) struct JournalFile {
    path: PathBuf,
    patience: Duration,
}

impl JournalFile {
    /// Finds the file, or creates it where there is nothing. `patience` is how long to wait
    /// while another process writes.
    pub(crate) fn at(path: &Path, patience: Duration) -> Result<JournalFile, Fault> {
        let doing = || format!("opening the journal `{}`", path.display());
        let broken = |error: io::Error| Fault::config(doing()).caused_by(error);
        let refuse = |why: String| Err(Fault::config(doing()).caused_by(why));
        let absolute = std::path::absolute(path).map_err(broken)?;
        if fs::symlink_metadata(&absolute).is_err_and(|it| it.kind() == io::ErrorKind::NotFound) {
            create(&absolute, patience)?;
        }
        let path = absolute.canonicalize().map_err(broken)?;
        let found = fs::metadata(&path).map_err(broken)?;
        if found.is_dir() {
            return refuse("it is a directory: name a file in it".to_owned());
        }
        if !found.is_file() {
            return refuse("it is not a regular file: name another one".to_owned());
        }
        if found.len() == 0 {
            return refuse(
                "the file is empty, which a journal never is: put a backup in its place, or \
                 delete it to start with a new one"
                    .to_owned(),
            );
        }
        if found.permissions().readonly() {
            return refuse("the file is read-only: let this user write it".to_owned());
        }
        Ok(JournalFile { path, patience })
    }

    /// Where it is, without symbolic links.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where workers say that they live.
    pub(crate) fn workers(&self) -> PathBuf {
        beside(&self.path, ".workers")
    }

    /// A connection that may write. Checks that the file is a journal of this version before
    /// anything is written.
    pub(crate) fn writer(&self) -> Result<Connection, Fault> {
        let fault = |error| fault::fault("opening", &self.path, &error);
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(fault)?;
        self.recognize(&connection)?;
        let mode: String = connection
            .pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))
            .map_err(fault)?;
        if mode != "wal" {
            return Err(self.refusal(
                "its file system cannot share memory between processes: put it on a local disk",
            ));
        }
        // Once a write is answered it survives a power failure.
        connection.pragma_update(None, "synchronous", "full").map_err(fault)?;
        Ok(connection)
    }

    /// A connection that cannot write.
    pub(crate) fn reader(&self) -> rusqlite::Result<Connection> {
        self.connect(OpenFlags::SQLITE_OPEN_READ_ONLY)
    }

    fn connect(&self, access: OpenFlags) -> rusqlite::Result<Connection> {
        connect(&self.path, access, self.patience)
    }

    fn recognize(&self, connection: &Connection) -> Result<(), Fault> {
        let number = |pragma| {
            connection
                .pragma_query_value(None, pragma, |row| row.get::<_, i32>(0))
                .map_err(|error| fault::fault("opening", &self.path, &error))
        };
        if number("application_id")? != APPLICATION {
            return Err(self.refusal(
                "it is a database of another program and was left as it is: name another file",
            ));
        }
        let version = number("user_version")?;
        if version != VERSION {
            let age = if version > VERSION { "a newer" } else { "an unknown" };
            return Err(self.refusal(&format!(
                "it was written by {age} version of lamplighter (its tables have version \
                 {version}, this one knows {VERSION}) and was left as it is: use that version, \
                 or name another file"
            )));
        }
        if connection.is_readonly("main").unwrap_or(true) {
            return Err(self.refusal("the file cannot be written: let this user write it"));
        }
        // SQLite writes whole pages and takes the rest of half a page for zeros.
        let page = u64::from(number("page_size")?.unsigned_abs().max(1));
        let length = fs::metadata(&self.path).map_or(0, |it| it.len());
        if !length.is_multiple_of(page) {
            return Err(Fault::permanent(format!("opening the journal `{}`", self.path.display()))
                .caused_by(
                    "the file was cut off and was left as it is: put a backup in its place, or \
                     move it away to start with a new one",
                ));
        }
        Ok(())
    }

    fn refusal(&self, why: &str) -> Fault {
        Fault::config(format!("opening the journal `{}`", self.path.display())).caused_by(why)
    }
}

/// Creates a journal under another name and moves it into place when it is complete, so that a
/// crash leaves a whole journal or none. One process at a time does this.
fn create(path: &Path, patience: Duration) -> Result<(), Fault> {
    let doing = || format!("creating the journal `{}`", path.display());
    let broken = |error: io::Error| Fault::config(doing()).caused_by(error);
    let refuse = |why: String| Err(Fault::config(doing()).caused_by(why));
    if let Some(parent) = path.parent().filter(|it| !it.is_dir()) {
        return refuse(format!("there is no directory `{}`: create it", parent.display()));
    }
    let workers = beside(path, ".workers");
    fs::create_dir_all(&workers).map_err(broken)?;
    let lock = File::create(workers.join(".create")).map_err(broken)?;
    lock.lock().map_err(broken)?;
    if path.exists() {
        return Ok(());
    }
    let log = beside(path, "-wal");
    if fs::metadata(&log).is_ok_and(|it| it.len() > 0) {
        return refuse(format!(
            "`{}` is left of a journal that is gone: put the journal back beside it, or delete it \
             to start with a new one",
            log.display()
        ));
    }
    let new = beside(path, ".new");
    for left in ["", "-journal", "-wal", "-shm"] {
        match fs::remove_file(beside(&new, left)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(broken(error)),
            _ => {}
        }
    }
    fill(&new, patience).map_err(|error| fault::fault("creating", path, &error))?;
    fs::rename(&new, path).map_err(broken)
}

/// Writes an empty journal to a new file.
fn fill(path: &Path, patience: Duration) -> rusqlite::Result<()> {
    let access = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let mut connection = connect(path, access, patience)?;
    connection.pragma_update(None, "synchronous", "full")?;
    // Kept in the file: those who open it have nothing to change, and nobody to wait for.
    connection.pragma_update(None, "journal_mode", "wal")?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(SCHEMA)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    connection.close().map_err(|(_, error)| error)
}

fn connect(path: &Path, access: OpenFlags, patience: Duration) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(patience)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// The path with more at the end of its name.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}
