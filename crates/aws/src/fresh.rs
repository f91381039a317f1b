//! A value that one fetches for all who wait, and that is fetched again when it is too old.

use std::{
    fmt,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use aws_smithy_async::time::SharedTimeSource;
use lamplighter_core::Fault;
use tokio::sync::OnceCell;

/// How long a failure is the answer for those who ask after it: two hundred jobs that wait for
/// one role make one call, and a cured role works within seconds.
const FAILURE_KEPT: Duration = Duration::from_secs(5);

/// A slot for one value. While it is fetched, everybody waits for that one fetch; a failure
/// reaches all of them too. If the one who fetches gives up, the next one takes over.
pub(crate) struct Fresh<T> {
    time: SharedTimeSource,
    slot: Mutex<Arc<OnceCell<Fetched<T>>>>,
}

struct Fetched<T> {
    outcome: Result<T, Arc<Fault>>,
    /// `None` is for ever.
    until: Option<SystemTime>,
}

impl<T: Clone> Fresh<T> {
    pub(crate) fn new(time: SharedTimeSource) -> Fresh<T> {
        Fresh { time, slot: Mutex::default() }
    }

    /// The value, fetched by `fetch` unless it is there; `fetch` also says how long it is good.
    pub(crate) async fn get<F>(&self, fetch: F) -> Result<T, Arc<Fault>>
    where
        F: Future<Output = Result<(T, Option<SystemTime>), Fault>>,
    {
        let cell = self.current();
        let fetched = cell.get_or_init(|| async move {
            match fetch.await {
                Ok((value, until)) => Fetched { outcome: Ok(value), until },
                Err(fault) => Fetched {
                    outcome: Err(Arc::new(fault)),
                    until: Some(self.time.now() + FAILURE_KEPT),
                },
            }
        });
        fetched.await.outcome.clone()
    }

    /// The cell that holds or awaits the value; a new one when the value is too old.
    fn current(&self) -> Arc<OnceCell<Fetched<T>>> {
        let now = self.time.now();
        let mut slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        let old = |fetched: &Fetched<T>| fetched.until.is_some_and(|until| until <= now);
        if slot.get().is_some_and(old) {
            *slot = Arc::default();
        }
        slot.clone()
    }
}

impl<T> fmt::Debug for Fresh<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fresh")
    }
}
