//! AWS in a process of its own: the accounts are simulated, a table is a file, and a queue is one
//! as well, to which messages are appended.

use std::{collections::BTreeMap, io::Write, path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use lamplighter_cli::Aws;
use lamplighter_config::{Account, Source, yaml};
use lamplighter_core::{
    AccountPool, Clock, Fault, JobId, Journal, Queue,
    engine::{Inbox, Message},
};
use lamplighter_embedded::SqliteJournal;
use lamplighter_simulator::{Accounts, Calm, Cloud, Door, Fleet};

/// AWS with this fleet in it.
pub(crate) struct Simulated {
    pub(crate) fleet: &'static str,
}

/// The real time.
struct Now;

impl Clock for Now {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn jitter(&self) -> f64 {
        0.5
    }
}

#[async_trait]
impl Aws for Simulated {
    async fn accounts(&self, accounts: &[Account]) -> Result<Arc<dyn AccountPool>, Fault> {
        let fleet = yaml::read(&Source::new("fleet.yaml", self.fleet), Fleet::check).unwrap();
        let cloud = Cloud::new(Arc::new(Now));
        fleet.build(&cloud).unwrap();
        let door = |it: &Account| Door {
            role: it.role.as_ref().map(|role| role.as_str().to_owned()),
            external_id: it.external_id.as_ref().map(|id| id.expose().to_owned()),
        };
        let doors: BTreeMap<_, _> = accounts.iter().map(|it| (it.id.clone(), door(it))).collect();
        Ok(Arc::new(Accounts::new(cloud, doors, Arc::new(Calm))))
    }

    async fn journal(&self, table: &str) -> Result<Arc<dyn Journal>, Fault> {
        Ok(Arc::new(SqliteJournal::open(table)?))
    }

    async fn queue(&self, url: &str) -> Result<(Arc<dyn Queue>, Arc<dyn Inbox>), Fault> {
        let file = || Arc::new(Lines(PathBuf::from(url)));
        Ok((file(), file()))
    }
}

/// A queue of which somebody else reads the messages.
struct Lines(PathBuf);

#[async_trait]
impl Queue for Lines {
    async fn wake(&self, jobs: &[(JobId, Duration)]) -> Result<(), Fault> {
        let mut file = std::fs::File::options().append(true).open(&self.0).unwrap();
        for (job, _) in jobs {
            writeln!(file, "{job}").unwrap();
        }
        Ok(())
    }
}

#[async_trait]
impl Inbox for Lines {
    async fn receive(&self, _: usize) -> Result<Vec<Message>, Fault> {
        panic!("Lambda receives the messages of a function")
    }

    async fn done(&self, _: &[String]) -> Result<(), Fault> {
        panic!("Lambda takes the messages of a function away")
    }

    async fn extend(&self, _: &str, _: Duration) -> Result<(), Fault> {
        panic!("Lambda hides the messages of a function")
    }
}
