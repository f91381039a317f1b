//! The one thread that writes: whatever is waiting goes to disk as one transaction.
//!
//! A commit costs the same for one request as for a thousand: the disk's answer. So requests
//! that come in while the disk is busy share the next commit. Each runs in a savepoint of its
//! own, so that one that fails does not take others with it.

use std::{
    iter,
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
};

use rusqlite::{Connection, Error, TransactionBehavior};
use tokio::sync::oneshot;

/// Most requests that share a commit.
const LARGEST_GROUP: usize = 1000;

/// A failure that several requests may share.
pub(crate) type Failure = Arc<Error>;

/// Does the work of one request, or takes note why it cannot be done.
type Request = Box<dyn FnOnce(Result<&Connection, Failure>) -> Attempt + Send>;
/// Answers a request, once it is known whether its group was committed.
type Answer = Box<dyn FnOnce(Result<(), Failure>) + Send>;

struct Attempt {
    failure: Option<Failure>,
    answer: Answer,
}

/// The thread that writes.
pub(crate) struct Writer {
    requests: mpsc::Sender<Request>,
    thread: JoinHandle<Connection>,
}

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(connection: Connection) -> std::io::Result<Writer> {
        let (requests, queue) = mpsc::channel();
        let name = "journal-writer".to_owned();
        let thread = thread::Builder::new().name(name).spawn(move || serve(connection, &queue))?;
        Ok(Writer { requests, thread })
    }

    /// Does the work in a transaction and waits until it is on disk. `None` if the thread has
    /// died. When the caller goes away, the work is done all the same.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Option<Result<T, Failure>> {
        let (reply, answer) = oneshot::channel();
        let request: Request = Box::new(move |connection| {
            let result = connection.and_then(|it| work(it).map_err(Arc::new));
            Attempt {
                failure: result.as_ref().err().cloned(),
                answer: Box::new(move |group| {
                    // The caller may be gone: nobody needs the answer then.
                    let _ = reply.send(group.and(result));
                }),
            }
        });
        self.requests.send(request).ok()?;
        answer.await.ok()
    }

    /// Writes what is waiting, ends the thread, and returns its connection. `None` if it has
    /// died.
    pub(crate) fn finish(self) -> Option<Connection> {
        drop(self.requests);
        self.thread.join().ok()
    }
}

fn serve(mut connection: Connection, queue: &mpsc::Receiver<Request>) -> Connection {
    while let Ok(first) = queue.recv() {
        let group = iter::once(first).chain(queue.try_iter()).take(LARGEST_GROUP);
        let mut answers = Vec::new();
        let outcome = commit(&mut connection, group, &mut answers);
        for answer in answers {
            answer(outcome.clone());
        }
    }
    connection
}

/// Runs a group of requests in one transaction. Requests that were not reached because the
/// transaction broke stay in the queue.
fn commit(
    connection: &mut Connection,
    group: impl Iterator<Item = Request>,
    answers: &mut Vec<Answer>,
) -> Result<(), Failure> {
    let mut transaction = match connection.transaction_with_behavior(TransactionBehavior::Immediate)
    {
        Ok(transaction) => transaction,
        Err(error) => {
            // All that wait have waited as long as this one: none waits again.
            let failure = Arc::new(error);
            answers.extend(group.map(|request| request(Err(failure.clone())).answer));
            return Err(failure);
        }
    };
    for request in group {
        let failure = match transaction.savepoint() {
            Ok(savepoint) => {
                let attempt = request(Ok(&savepoint));
                answers.push(attempt.answer);
                if attempt.failure.is_none() {
                    savepoint.commit().map_err(Arc::new)?;
                }
                // Dropped without a commit, the savepoint is undone.
                attempt.failure
            }
            Err(error) => {
                let failure = Arc::new(error);
                answers.push(request(Err(failure.clone())).answer);
                return Err(failure);
            }
        };
        // SQLite gives up the whole transaction when the disk is full or broken.
        if let Some(failure) = failure
            && transaction.is_autocommit()
        {
            return Err(failure);
        }
    }
    transaction.commit().map_err(Arc::new)
}

#[cfg(test)]
mod tests {
    use rusqlite::{ErrorCode, Result};
    use tempfile::TempDir;

    use super::*;

    /// A writer that is held up until told to go on, and a connection that reads beside it.
    struct World {
        writer: Writer,
        reader: Connection,
        go_on: Option<mpsc::Sender<()>>,
        _directory: TempDir,
    }

    impl World {
        async fn new() -> World {
            let directory = tempfile::tempdir().unwrap();
            let connect = || Connection::open(directory.path().join("x.db")).unwrap();
            let connection = connect();
            connection
                .execute_batch(
                    "PRAGMA journal_mode = wal; CREATE TABLE t (n INTEGER PRIMARY KEY, s TEXT);",
                )
                .unwrap();
            let writer = Writer::start(connection).unwrap();
            let mut world = World { writer, reader: connect(), go_on: None, _directory: directory };
            world.hold_up();
            world
        }

        /// Whatever is written from now on waits, and then shares a transaction.
        fn hold_up(&mut self) {
            let (go_on, told) = mpsc::channel();
            self.go_on = Some(go_on);
            let request: Request = Box::new(move |_| {
                let _ = told.recv();
                Attempt { failure: None, answer: Box::new(|_| {}) }
            });
            assert!(self.writer.requests.send(request).is_ok());
        }

        fn count(&self) -> u32 {
            self.reader.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap()
        }
    }

    fn insert(n: u32, size: u32) -> impl FnOnce(&Connection) -> Result<usize> + Send + 'static {
        move |at| at.execute("INSERT INTO t VALUES (?1, hex(zeroblob(?2)))", [n, size])
    }

    /// Writes all, which wait together, and says which failed with what.
    async fn together(
        world: &mut World,
        writes: Vec<impl FnOnce(&Connection) -> Result<usize> + Send + 'static>,
    ) -> Vec<Option<ErrorCode>> {
        let go_on = world.go_on.take();
        let mut results: Vec<_> =
            writes.into_iter().map(|work| Box::pin(world.writer.write(work))).collect();
        // Polled once, each request is in the queue.
        for result in &mut results {
            assert!(
                std::future::poll_fn(|cx| std::task::Poll::Ready(
                    result.as_mut().poll(cx).is_pending()
                ))
                .await
            );
        }
        drop(go_on);
        let mut codes = Vec::new();
        for result in results {
            codes.push(result.await.unwrap().err().and_then(|it| it.sqlite_error_code()));
        }
        codes
    }

    #[tokio::test]
    async fn a_request_that_fails_does_not_take_others_with_it() {
        let mut world = World::new().await;
        let writes = [1, 2, 1, 3].map(|n| insert(n, 1)).into_iter().collect();
        let codes = together(&mut world, writes).await;
        assert_eq!(codes, [None, None, Some(ErrorCode::ConstraintViolation), None]);
        assert_eq!(world.count(), 3);
    }

    #[tokio::test]
    async fn what_a_failed_request_wrote_is_undone() {
        let mut world = World::new().await;
        let half_done = |at: &Connection| {
            insert(1, 1)(at)?;
            insert(1, 1)(at)
        };
        let codes = together(&mut world, vec![half_done]).await;
        assert_eq!(codes, [Some(ErrorCode::ConstraintViolation)]);
        assert_eq!(world.count(), 0);
    }

    #[tokio::test]
    async fn what_waits_together_is_committed_together() {
        let mut world = World::new().await;
        let path = world.reader.path().unwrap().to_owned();
        let writes = (0..5)
            .map(|n| {
                let path = path.clone();
                move |at: &Connection| {
                    insert(n, 1)(at)?;
                    let seen = "SELECT count(*) FROM t";
                    let count = |it: &Connection| it.query_row(seen, [], |row| row.get(0));
                    let (inside, outside): (u32, u32) =
                        (count(at)?, count(&Connection::open(path)?)?);
                    assert_eq!((inside, outside), (n + 1, 0));
                    Ok(1)
                }
            })
            .collect();
        assert_eq!(together(&mut world, writes).await, [None; 5]);
        assert_eq!(world.count(), 5);
    }

    #[tokio::test]
    async fn nobody_writes_between_what_a_request_reads_and_what_it_writes() {
        let mut world = World::new().await;
        let path = world.reader.path().unwrap().to_owned();
        let read_and_write = move |at: &Connection| {
            let count: u32 = at.query_row("SELECT count(*) FROM t", [], |row| row.get(0))?;
            let other = Connection::open(path)?;
            other.busy_timeout(std::time::Duration::ZERO)?;
            let busy = insert(9, 1)(&other).unwrap_err();
            assert_eq!(busy.sqlite_error_code(), Some(ErrorCode::DatabaseBusy));
            insert(count, 1)(at)
        };
        assert_eq!(together(&mut world, vec![read_and_write]).await, [None]);
        assert_eq!(world.count(), 1);
    }

    #[tokio::test]
    async fn a_full_disk_fails_the_group_and_loses_nothing() {
        let mut world = World::new().await;
        let limit = |pages: u32| {
            move |at: &Connection| {
                at.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(0))
            }
        };
        together(&mut world, vec![insert(1, 1)]).await;
        world.writer.write(limit(10)).await.unwrap().unwrap();
        world.hold_up();
        let writes = [(2, 1), (3, 100_000), (4, 1)].map(|(n, size)| insert(n, size));
        let codes = together(&mut world, writes.into_iter().collect()).await;
        // The first two share the transaction that the disk has no room for; the third does not.
        assert_eq!(codes, [Some(ErrorCode::DiskFull), Some(ErrorCode::DiskFull), None]);
        assert_eq!(world.count(), 2);
        world.writer.write(limit(10_000)).await.unwrap().unwrap();
        world.writer.write(insert(3, 100_000)).await.unwrap().unwrap();
        assert_eq!(world.count(), 3);
    }

    #[tokio::test]
    async fn the_thread_writes_what_waits_before_it_ends() {
        let mut world = World::new().await;
        let mut write = Box::pin(world.writer.write(insert(1, 1)));
        let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(write.as_mut().poll(cx)));
        assert!(polled.await.is_pending());
        // The caller gives up.
        drop(write);
        drop(world.go_on.take());
        let connection = world.writer.finish().unwrap();
        assert_eq!(connection.query_row("SELECT n FROM t", [], |row| row.get(0)), Ok(1));
    }
}
