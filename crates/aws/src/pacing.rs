//! The speed of calls on behalf of tasks.
//!
//! All clients of the process share one [`Pacing`]. It stands between the SDK and the HTTP client,
//! so that each try of a call waits for its turn, whichever client makes it, and each answer that
//! asks to slow down is heard. A wait that would be long is a throttled fault, which says when to
//! come back: the job waits in the journal.

mod read;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use aws_config::SdkConfig;
use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep, TokioSleep};
use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use lamplighter_core::{
    Fault, FaultKind, Place, TaskName, classify,
    pace::{Call, Pacer, Share, Ticket, Turn},
};
use tracing::debug;

/// How long a call waits for its turn at most: less than a try may take, and than a host takes to
/// stop.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whose turn it is to call AWS, for all clients of the process.
pub(crate) struct Pacing {
    pacer: Mutex<Pacer>,
    /// The time since it was made. It never goes back.
    now: Box<dyn Fn() -> Duration + Send + Sync>,
    sleep: SharedAsyncSleep,
}

impl Pacing {
    /// Takes this share of what AWS gives.
    pub(crate) fn new(share: Share) -> Pacing {
        let start = Instant::now();
        Pacing {
            pacer: Mutex::new(Pacer::new(share, PATIENCE)),
            now: Box::new(move || start.elapsed()),
            sleep: SharedAsyncSleep::new(TokioSleep::new()),
        }
    }

    /// The same configuration, for clients that call on behalf of a task in one place.
    pub(crate) fn paced(
        self: &Arc<Pacing>,
        config: &SdkConfig,
        place: &Place,
        task: &TaskName,
    ) -> SdkConfig {
        // The configuration of a process has one. A client that has to make its own has none.
        let Some(client) = config.http_client() else { return config.clone() };
        let caller = Caller { pacing: self.clone(), place: place.clone(), task: task.clone() };
        let paced = http_client_fn(move |settings, components| {
            let connector = client.http_connector(settings, components);
            SharedHttpConnector::new(Paced { connector, caller: caller.clone() })
        });
        config.to_builder().http_client(paced).build()
    }

    fn pacer(&self) -> MutexGuard<'_, Pacer> {
        self.pacer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// On whose behalf calls are made, and where.
#[derive(Clone)]
struct Caller {
    pacing: Arc<Pacing>,
    place: Place,
    task: TaskName,
}

impl Caller {
    /// Waits for the turn of a call that draws so many tokens from a bucket.
    async fn turn(&self, bucket: &str, cost: f64) -> Result<(), Fault> {
        let mut in_line = InLine { caller: self, bucket, ticket: None };
        loop {
            match in_line.ask(cost) {
                Turn::Go => return Ok(()),
                Turn::Wait(wait) => self.pacing.sleep.sleep(wait).await,
                Turn::Away(wait) => {
                    let Caller { place, .. } = self;
                    let message = format!("too many calls wait for `{bucket}` in {place} already");
                    debug!(bucket, %place, task = %self.task, ?wait, "turned away");
                    return Err(Fault::new(FaultKind::Throttled, message).retry_after(wait));
                }
            }
        }
    }

    /// Waits for the turn of a call in each of its buckets.
    async fn turns(&self, call: &Call) -> Result<(), Fault> {
        self.turn(&call.request, 1.0).await?;
        match &call.resources {
            Some((bucket, count)) => self.turn(bucket, f64::from(*count)).await,
            None => Ok(()),
        }
    }

    /// A call that went out at `sent` was asked to slow down.
    fn slow_down(&self, call: &Call, sent: Duration) {
        let now = self.now();
        let resources = call.resources.iter().map(|(bucket, _)| bucket);
        // Which of its buckets was empty is not said.
        for bucket in resources.chain([&call.request]) {
            self.pacing.pacer().lane(&self.place, bucket, now).slow_down(sent, now);
        }
    }

    fn now(&self) -> Duration {
        (self.pacing.now)()
    }
}

/// A place in a line, which is left when nobody waits any more.
struct InLine<'a> {
    caller: &'a Caller,
    bucket: &'a str,
    ticket: Option<Ticket>,
}

impl InLine<'_> {
    fn ask(&mut self, cost: f64) -> Turn {
        let now = self.caller.now();
        let mut pacer = self.caller.pacing.pacer();
        let lane = pacer.lane(&self.caller.place, self.bucket, now);
        let turn = match self.ticket {
            Some(ticket) => lane.turn(ticket, now),
            None => {
                let (ticket, turn) = lane.ask(self.caller.task.clone(), cost, now);
                self.ticket = Some(ticket);
                turn
            }
        };
        if !matches!(turn, Turn::Wait(_)) {
            self.ticket = None;
        }
        turn
    }
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            let now = self.caller.now();
            self.caller.pacing.pacer().lane(&self.caller.place, self.bucket, now).leave(ticket);
        }
    }
}

/// An HTTP connector in which requests wait for their turn.
#[derive(Clone)]
struct Paced {
    connector: SharedHttpConnector,
    caller: Caller,
}

impl Paced {
    async fn send(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let Some(call) = read::call(&request) else { return self.connector.call(request).await };
        // A connector's user error is not tried again by the SDK, and `fault` finds our own in it.
        let away = |fault| ConnectorError::user(Box::new(Arc::new(fault)));
        self.caller.turns(&call).await.map_err(away)?;
        let sent = self.caller.now();
        let mut answer = self.connector.call(request).await?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        // Errors are short. Whoever reads this one reads it from memory.
        let body = ByteStream::new(answer.take_body()).collect().await;
        let body = body.map_err(|error| ConnectorError::io(error.into()))?.into_bytes();
        let told = answer.headers().get("x-amzn-errortype");
        if read::error_code(told, &body).is_some_and(|code| classify::is_too_fast(&code)) {
            self.caller.slow_down(&call, sent);
        }
        *answer.body_mut() = SdkBody::from(body);
        Ok(answer)
    }
}

impl HttpConnector for Paced {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.clone().send(request))
    }
}

impl std::fmt::Debug for Paced {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Paced").field(&self.connector).finish()
    }
}

#[cfg(test)]
mod tests;
