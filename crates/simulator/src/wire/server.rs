//! HTTP/1.1 on a loopback port: requests come in, and a function of the caller's answers them.
//!
//! It is no place for decisions: when to answer late or not at all is the caller's, and only the
//! waiting is done here.

use std::{
    fmt,
    future::Future,
    io,
    net::{Ipv4Addr, SocketAddr},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{
    Request as HttpRequest, Response, StatusCode, body::Body, body::Incoming, server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

use super::{answer::Answer, request::Request};

/// The largest body a request may have. AWS's own limits are below 2 MiB for all that is
/// simulated.
const BODY_MAX: usize = 4 * 1024 * 1024;

/// What becomes of a request.
#[derive(Debug)]
pub(crate) struct Reply {
    /// What is done.
    pub(crate) outcome: Outcome,
    /// How long to wait before it is done.
    pub(crate) delay: Duration,
}

/// What is done about a request.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It is answered.
    Answer(Answer),
    /// The connection is dropped: the sender cannot know what became of the request.
    Close,
}

impl Reply {
    /// The same reply, later.
    pub(crate) fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }
}

impl From<Outcome> for Reply {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, delay: Duration::ZERO }
    }
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        Outcome::Answer(answer).into()
    }
}

/// A port that accepts connections, which are answered once [`Server::serve`] runs.
#[derive(Debug)]
pub(crate) struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Takes a port of the loopback interface; 0 is any that is free.
    pub(crate) async fn bind(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is ready; then accepts nothing more, closes idle connections, finishes
    /// the requests that have begun, however late their replies are, and returns when no task of
    /// it is left. Whoever drops the future ends everything at once.
    ///
    /// # Errors
    /// When the port can no longer be listened to.
    pub(crate) async fn serve<H, F>(
        self,
        handler: H,
        stop: impl Future<Output = ()>,
    ) -> io::Result<()>
    where
        H: Fn(Request) -> F + Send + Sync + 'static,
        F: Future<Output = Reply> + Send + 'static,
    {
        let handler = Arc::new(handler);
        let (serving, stopped) = watch::channel(());
        let mut connections = JoinSet::new();
        let mut stop = pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        let (handler, stopped) = (Arc::clone(&handler), stopped.clone());
                        connections.spawn(connection(stream, handler, stopped));
                    }
                    // The client was gone before it was accepted.
                    Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                    Err(error) => return Err(error),
                },
                Some(_) = connections.join_next() => {}
            }
        }
        drop(self.listener);
        drop(serving);
        while connections.join_next().await.is_some() {}
        Ok(())
    }
}

/// Serves one connection until it is closed, or until what `stopped` hears from is dropped.
async fn connection<H, F>(stream: TcpStream, handler: Arc<H>, mut stopped: watch::Receiver<()>)
where
    H: Fn(Request) -> F,
    F: Future<Output = Reply>,
{
    // Answers are written whole: waiting for more of them would only delay them. A socket that
    // refuses this is on its way out, and says so when it is read.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| respond(handler.as_ref(), request));
    let mut connection =
        pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    // A connection ends in an error when the client goes away, and when it is to be dropped.
    tokio::select! {
        _ = connection.as_mut() => {}
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

/// Why a request gets no answer: what hyper needs to drop the connection.
#[derive(Debug, PartialEq, Eq)]
enum NoAnswer {
    /// It did not arrive whole.
    CutOff,
    /// So the caller wants it.
    Close,
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CutOff => "the request did not arrive whole",
            Self::Close => "the connection is dropped on purpose",
        })
    }
}

impl std::error::Error for NoAnswer {}

async fn respond<H, F>(
    handler: &H,
    request: HttpRequest<Incoming>,
) -> Result<Response<Full<Bytes>>, NoAnswer>
where
    H: Fn(Request) -> F,
    F: Future<Output = Reply>,
{
    let (parts, body) = request.into_parts();
    let Some(body) = collect(body).await? else {
        let mut too_large = Response::new(Full::default());
        *too_large.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
        return Ok(too_large);
    };
    let Reply { outcome, delay } = handler(Request::read(&parts, body)).await;
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    match outcome {
        Outcome::Answer(answer) => Ok(answer.map(Full::new)),
        Outcome::Close => Err(NoAnswer::Close),
    }
}

/// The whole body, or `None` if it is too large.
async fn collect(body: Incoming) -> Result<Option<Bytes>, NoAnswer> {
    if body.size_hint().lower() > BODY_MAX as u64 {
        return Ok(None);
    }
    match Limited::new(body, BODY_MAX).collect().await {
        Ok(collected) => Ok(Some(collected.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => Ok(None),
        Err(_) => Err(NoAnswer::CutOff),
    }
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
