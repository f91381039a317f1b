//! The journal, and an engine around it.

use std::{path::PathBuf, sync::Arc};

use lamplighter_catalog::ACTIONS;
use lamplighter_core::{AccountPool, Clock, Engine, Ports, engine::Inbox, task::Task};
use lamplighter_embedded::{LocalQueue, SqliteJournal};
use tracing::info;

use crate::{aws::Aws, clock::SystemClock, exit::Failure, globals::Globals};

/// An engine, and where its host hears of jobs.
pub(crate) enum State {
    /// From this process only.
    Local(Local),
    /// From a queue that other hosts share.
    Shared(Shared),
}

/// An engine on a queue that other hosts share.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) inbox: Arc<dyn Inbox>,
}

/// An engine on one machine, and what its host needs.
pub(crate) struct Local {
    pub(crate) engine: Engine,
    pub(crate) queue: Arc<LocalQueue>,
    pub(crate) journal: Arc<SqliteJournal>,
}

impl State {
    /// What a command needs that works with other hosts.
    pub(crate) fn shared(self, command: &str) -> Result<Shared, Failure> {
        match self {
            State::Shared(shared) => Ok(shared),
            State::Local(_) => Err(Failure::usage(format!(
                "`{command}` shares its work with other hosts: it needs `--journal \
                 dynamodb:TABLE` and `--queue sqs:URL`, or `LAMPLIGHTER_JOURNAL` and \
                 `LAMPLIGHTER_QUEUE`; `serve` works alone"
            ))),
        }
    }
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

/// Opens the journal and the queue, and makes an engine of these tasks around them.
pub(crate) async fn open_any(
    globals: &Globals,
    aws: &dyn Aws,
    tasks: Vec<Task>,
    accounts: Arc<dyn AccountPool>,
) -> Result<State, Failure> {
    let (table, url) = match (globals.journal.split_once(':'), globals.queue.split_once(':')) {
        (_, None) if globals.queue == "local" => {
            return Ok(State::Local(open(globals, tasks, accounts).await?));
        }
        (Some(("dynamodb", table)), Some(("sqs", url))) => (table, url),
        (_, Some(("sqs", _))) => {
            return Err(Failure::usage("a queue on SQS needs `--journal dynamodb:TABLE`"));
        }
        _ => {
            let found = &globals.queue;
            return Err(Failure::usage(format!(
                "`--queue {found}`: expected `local` or `sqs:URL`"
            )));
        }
    };
    let journal = aws.journal(table).await?;
    let (queue, inbox) = aws.queue(url).await?;
    let worker = format!("{:016x}", (SystemClock.jitter() * u64::MAX as f64) as u64);
    let ports = Ports { clock: Arc::new(SystemClock), journal, queue, accounts, worker };
    Ok(State::Shared(Shared { engine: Engine::new(ACTIONS, tasks, ports), inbox }))
}
