//! The journal, and an engine around it.

use std::{path::PathBuf, sync::Arc};

use lamplighter_catalog::ACTIONS;
use lamplighter_core::{AccountPool, Engine, Ports, task::Task};
use lamplighter_embedded::{LocalQueue, SqliteJournal};
use tracing::info;

use crate::{clock::SystemClock, exit::Failure, globals::Globals};

/// An engine on one machine, and what its host needs.
pub(crate) struct Local {
    pub(crate) engine: Engine,
    pub(crate) queue: Arc<LocalQueue>,
    pub(crate) journal: Arc<SqliteJournal>,
}

/// The journal's file.
fn journal_path(globals: &Globals) -> Result<PathBuf, Failure> {
    match globals.journal.split_once(':') {
        Some(("sqlite", path)) if !path.is_empty() => Ok(PathBuf::from(path)),
        _ => Err(Failure::usage(format!(
            "`--journal {}`: expected `sqlite:FILE`, such as `sqlite:lamplighter.db`",
            globals.journal
        ))),
    }
}

/// Opens a journal that is there, to read it.
pub(crate) fn open_history(globals: &Globals) -> Result<SqliteJournal, Failure> {
    let path = journal_path(globals)?;
    if !path.exists() {
        return Err(Failure::usage(format!(
            "no journal at `{}`: nothing has run with it yet; name another with `--journal` or \
             `LAMPLIGHTER_JOURNAL`",
            path.display()
        )));
    }
    Ok(SqliteJournal::open(&path)?)
}

/// Opens the journal, and makes an engine of these tasks around it.
pub(crate) async fn open(
    globals: &Globals,
    tasks: Vec<Task>,
    accounts: Arc<dyn AccountPool>,
) -> Result<Local, Failure> {
    let journal = Arc::new(SqliteJournal::open(&journal_path(globals)?)?);
    let released = journal.release_dead(jiff::Timestamp::now()).await?;
    if released > 0 {
        info!(released, "jobs of a process that died go on");
    }
    let queue = Arc::new(LocalQueue::new());
    let ports = Ports {
        clock: Arc::new(SystemClock),
        journal: journal.clone(),
        queue: queue.clone(),
        accounts,
        worker: journal.worker().to_owned(),
    };
    let engine = Engine::new(ACTIONS, tasks, ports);
    Ok(Local { engine, queue, journal })
}
