//! A few connections that only read, so that a long listing holds nobody up.

use std::sync::{Arc, Mutex, PoisonError};

use lamplighter_core::Fault;
use rusqlite::Connection;
use tokio::{sync::Semaphore, task};

use crate::{fault, file::JournalFile};

/// Most reads at a time.
const CONNECTIONS: usize = 4;

/// Connections that only read.
pub(crate) struct Readers {
    file: Arc<JournalFile>,
    idle: Arc<Mutex<Vec<Connection>>>,
    room: Arc<Semaphore>,
}

impl Readers {
    pub(crate) fn new(file: Arc<JournalFile>) -> Readers {
        Readers { file, idle: Arc::default(), room: Arc::new(Semaphore::new(CONNECTIONS)) }
    }

    /// Reads in one transaction: all from the same state of the journal.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Fault> {
        let lost = |_| Fault::permanent("reading the journal: its reader has ended");
        let room = self.room.clone().acquire_owned().await.map_err(|_| lost(()))?;
        let (file, idle) = (self.file.clone(), self.idle.clone());
        let reading = task::spawn_blocking(move || {
            let _room = room;
            let kept = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let result = kept.map_or_else(|| file.reader(), Ok).and_then(|connection| {
                let result = snapshot(&connection, work);
                idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
                result
            });
            result.map_err(|error| fault::fault("reading", file.path(), &error))
        });
        reading.await.map_err(|_| lost(()))?
    }
}

fn snapshot<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let transaction = connection.unchecked_transaction()?;
    work(&transaction)
}
