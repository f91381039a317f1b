//! The journal and the queue, and an engine around them.

use std::{path::Path, sync::Arc};

use jiff::Timestamp;
use lamplighter_catalog::ACTIONS;
use lamplighter_config::Config;
use lamplighter_core::{Clock, Engine, Fault, Journal, Ports, Queue, engine::Inbox};
use lamplighter_embedded::{LocalQueue, SqliteJournal};
use tracing::info;

use crate::{aws::Aws, cli::WITHOUT_AWS, clock::SystemClock, exit::Failure, globals::Globals};

/// An engine, and where its host hears of jobs.
pub(crate) enum State {
    /// From this process only.
    Local(Local),
    /// From a queue that other hosts share.
    Shared(Shared),
}

/// An engine on a queue of this process.
pub(crate) struct Local {
    pub(crate) engine: Engine,
    pub(crate) queue: Arc<LocalQueue>,
    /// The journal, if it is on this machine.
    file: Option<Arc<SqliteJournal>>,
}

/// An engine on a queue that other hosts share.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) inbox: Arc<dyn Inbox>,
}

/// Where the journal is, as `--journal` says it.
#[derive(Clone, Copy)]
enum Place<'g> {
    File(&'g Path),
    Table(&'g str),
}

impl State {
    /// The engine.
    pub(crate) fn engine(&self) -> &Engine {
        match self {
            State::Local(it) => &it.engine,
            State::Shared(it) => &it.engine,
        }
    }

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

    /// Ends the leases of processes on this machine that have died. Returns how many. Those of
    /// others end by themselves.
    pub(crate) async fn release_dead(&self, now: Timestamp) -> Result<usize, Fault> {
        match self {
            State::Local(local) => local.release_dead(now).await,
            State::Shared(_) => Ok(0),
        }
    }

    /// Whether looking at the journal is a call over the network.
    pub(crate) fn is_far(&self) -> bool {
        !matches!(self, State::Local(Local { file: Some(_), .. }))
    }
}

impl Local {
    /// Ends the leases of processes on this machine that have died. Returns how many.
    pub(crate) async fn release_dead(&self, now: Timestamp) -> Result<usize, Fault> {
        match &self.file {
            Some(journal) => journal.release_dead(now).await,
            None => Ok(0),
        }
    }
}

impl Globals {
    /// Where the journal is.
    fn journal_place(&self) -> Result<Place<'_>, Failure> {
        match self.journal.split_once(':') {
            Some(("sqlite", path)) if !path.is_empty() => Ok(Place::File(Path::new(path))),
            Some(("dynamodb", table)) if !table.is_empty() => Ok(Place::Table(table)),
            _ => Err(Failure::usage(format!(
                "`--journal {}`: expected `sqlite:FILE`, such as `sqlite:lamplighter.db`, or \
                 `dynamodb:TABLE`",
                self.journal
            ))),
        }
    }

    /// The URL of the queue that is shared, if one is.
    fn queue_url(&self) -> Result<Option<&str>, Failure> {
        match (self.queue.as_str(), self.queue.split_once(':')) {
            ("local", _) => Ok(None),
            (_, Some(("sqs", url))) if !url.is_empty() => Ok(Some(url)),
            (other, _) => Err(Failure::usage(format!(
                "`--queue {other}`: expected `local`, or `sqs:URL` with the URL of a queue"
            ))),
        }
    }
}

/// Opens a journal that is there, to read it.
pub(crate) async fn open_history(
    globals: &Globals,
    aws: Option<&dyn Aws>,
) -> Result<Arc<dyn Journal>, Failure> {
    match globals.journal_place()? {
        Place::File(path) if !path.exists() => Err(Failure::usage(format!(
            "no journal at `{}`: nothing has run with it yet; name another with `--journal` or \
             `LAMPLIGHTER_JOURNAL`",
            path.display()
        ))),
        Place::File(path) => Ok(Arc::new(SqliteJournal::open(path)?)),
        Place::Table(table) => {
            let aws = aws.ok_or_else(|| {
                Failure::usage(format!("`--journal {}`: {WITHOUT_AWS}", globals.journal))
            })?;
            Ok(aws.journal(table).await?)
        }
    }
}

/// Opens the journal and the queue, and makes an engine of a configuration's tasks and accounts
/// around them.
pub(crate) async fn open(
    globals: &Globals,
    aws: &dyn Aws,
    config: Config,
) -> Result<State, Failure> {
    let accounts = aws.accounts(&config).await?;
    let engine = |journal: Arc<dyn Journal>, queue: Arc<dyn Queue>, worker: String| {
        let ports = Ports { clock: Arc::new(SystemClock), journal, queue, accounts, worker };
        Engine::new(ACTIONS, config.tasks, ports)
    };
    match (globals.journal_place()?, globals.queue_url()?) {
        (Place::File(path), None) => {
            let journal = Arc::new(SqliteJournal::open(path)?);
            let released = journal.release_dead(Timestamp::now()).await?;
            if released > 0 {
                info!(released, "jobs of a process that died go on");
            }
            let queue = Arc::new(LocalQueue::new());
            let worker = journal.worker().to_owned();
            let engine = engine(journal.clone(), queue.clone(), worker);
            Ok(State::Local(Local { engine, queue, file: Some(journal) }))
        }
        (Place::Table(table), None) => {
            let queue = Arc::new(LocalQueue::new());
            let engine = engine(aws.journal(table).await?, queue.clone(), worker());
            Ok(State::Local(Local { engine, queue, file: None }))
        }
        (Place::Table(table), Some(url)) => {
            let journal = aws.journal(table).await?;
            let (queue, inbox) = aws.queue(url).await?;
            let engine = engine(journal, queue, worker());
            Ok(State::Shared(Shared { engine, inbox }))
        }
        (Place::File(_), Some(_)) => Err(Failure::usage(
            "a queue that other hosts share needs a journal that they share: `--journal \
             dynamodb:TABLE`",
        )),
    }
}

/// A name that no other process has.
fn worker() -> String {
    let draw = || (SystemClock.jitter() * f64::from(u32::MAX)) as u32;
    let id = std::process::id();
    format!("{id}-{:08x}{:08x}{:08x}", draw(), draw(), draw())
}
