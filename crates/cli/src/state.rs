//! The journal, and an engine around it.

use std::{path::PathBuf, sync::Arc};

use lamplighter_aws::{AccountSettings, Accounts, process_config};
use lamplighter_catalog::ACTIONS;
use lamplighter_config::Config;
use lamplighter_core::{Engine, Journal, Ports, engine::Planner, task::Regions};
use lamplighter_embedded::{LocalQueue, SqliteJournal};
use tracing::info;

use crate::{clock::SystemClock, commands::Globals, exit::Failure};

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

/// Opens the journal, and makes an engine of the configuration.
pub(crate) async fn open(globals: &Globals, config: Config) -> Result<Local, Failure> {
    let journal = Arc::new(SqliteJournal::open(&journal_path(globals)?)?);
    let released = journal.release_dead(jiff::Timestamp::now()).await?;
    if released > 0 {
        info!(released, "jobs of a process that died go on");
    }
    let queue = Arc::new(LocalQueue::new());
    let engine = engine(config, journal.clone(), queue.clone(), journal.worker()).await?;
    Ok(Local { engine, queue, journal })
}

/// A planner for the configured accounts.
pub(crate) async fn planner(config: &Config) -> Result<Planner, Failure> {
    Ok(Planner::new(ACTIONS, Arc::new(accounts(config).await?)))
}

async fn engine(
    config: Config,
    journal: Arc<dyn Journal>,
    queue: Arc<LocalQueue>,
    worker: &str,
) -> Result<Engine, Failure> {
    let ports = Ports {
        clock: Arc::new(SystemClock),
        journal,
        queue,
        accounts: Arc::new(accounts(&config).await?),
        worker: worker.to_owned(),
    };
    Ok(Engine::new(ACTIONS, config.tasks, ports))
}

/// The way into the configured accounts, with the credentials of this process.
async fn accounts(config: &Config) -> Result<Accounts, Failure> {
    let settings = config.accounts.iter().map(|account| AccountSettings {
        name: account.name.clone(),
        id: account.id.clone(),
        role: account.role.as_ref().map(|role| role.as_str().to_owned()),
        external_id: account.external_id.as_ref().map(|secret| secret.expose().to_owned()),
        home_region: match &account.regions {
            Regions::Listed(regions) => regions.first().cloned(),
            Regions::All => None,
        },
    });
    Ok(Accounts::new(&process_config().await, settings.collect())?)
}
