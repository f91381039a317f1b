//! What clients see that speak HTTP word by word.

use hyper::header::CONTENT_LENGTH;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::{Notify, oneshot},
    task::JoinHandle,
    time::Instant,
};

use super::*;
use crate::wire::request::Call;

/// A server that runs, and the way to stop it.
struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    done: JoinHandle<io::Result<()>>,
}

impl Running {
    async fn start<H, F>(handler: H) -> Self
    where
        H: Fn(Request) -> F + Send + Sync + 'static,
        F: Future<Output = Reply> + Send + 'static,
    {
        let server = Server::bind(0).await.expect("a port");
        let address = server.local_addr();
        let (stop, stopped) = oneshot::channel();
        let stopped = async { stopped.await.expect("a stop") };
        Self { address, stop, done: tokio::spawn(server.serve(handler, stopped)) }
    }

    async fn client(&self) -> Client {
        Client { stream: TcpStream::connect(self.address).await.expect("a connection") }
    }

    async fn stopped(self) {
        self.stop.send(()).expect("it runs");
        self.done.await.expect("no panic").expect("no error");
    }
}

/// A client on one connection.
struct Client {
    stream: TcpStream,
}

impl Client {
    async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.expect("it listens");
    }

    async fn post(&mut self, body: &str) {
        let length = body.len();
        self.send(&format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{body}"))
            .await;
    }

    /// The status and the body of the next answer.
    async fn answer(&mut self) -> (u16, String) {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            head.push(char::from(self.stream.read_u8().await.expect("more of the head")));
        }
        let status = head.get(9..12).expect("a status").parse().expect("a number");
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{CONTENT_LENGTH}: ")))
            .map_or(0, |length| length.parse().expect("a length"));
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.expect("the whole body");
        (status, String::from_utf8(body).expect("UTF-8"))
    }

    /// Waits until the server has closed the connection, having sent nothing more.
    async fn closed(&mut self) {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).await.expect("an orderly end");
        assert_eq!(String::from_utf8(rest).expect("UTF-8"), "");
    }
}

/// Answers with the operation's name.
async fn echo(request: Request) -> Reply {
    let Ok(Call::Form(form)) = request.call else { panic!("{request:?}") };
    let mut answer = Answer::new(form.action().unwrap_or("none").to_owned().into());
    *answer.status_mut() = StatusCode::ACCEPTED;
    answer.into()
}

fn accepted(action: &str) -> (u16, String) {
    (202, action.to_owned())
}

#[tokio::test]
async fn answers_many_requests_on_one_connection() {
    let server = Running::start(echo).await;
    let mut client = server.client().await;
    for action in ["A", "B"] {
        client.post(&format!("Action={action}")).await;
        assert_eq!(client.answer().await, accepted(action));
    }
    client.send("GET /?Action=C HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(client.answer().await, accepted("C"));
    server.stopped().await;
    client.closed().await;
}

#[tokio::test]
async fn answers_connections_side_by_side() {
    let server = Running::start(echo).await;
    let (mut one, mut two) = (server.client().await, server.client().await);
    one.send("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 8\r\n\r\nActi").await;
    two.post("Action=B").await;
    assert_eq!(two.answer().await, accepted("B"));
    one.send("on=A").await;
    assert_eq!(one.answer().await, accepted("A"));
    server.stopped().await;
}

#[tokio::test]
async fn drops_a_connection_on_purpose() {
    let server = Running::start(|_| async { Outcome::Close.into() }).await;
    let mut client = server.client().await;
    client.post("Action=A").await;
    client.closed().await;
    server.stopped().await;
}

#[tokio::test(start_paused = true)]
async fn replies_late() {
    let hour = Duration::from_secs(3600);
    let server =
        Running::start(move |request| async move { echo(request).await.after(hour) }).await;
    let mut client = server.client().await;
    let begun = Instant::now();
    client.post("Action=A").await;
    assert_eq!(client.answer().await, accepted("A"));
    assert_eq!(begun.elapsed().as_secs(), 3600);
    server.stopped().await;
}

#[tokio::test]
async fn refuses_large_bodies() {
    let server = Running::start(echo).await;

    let mut announced = server.client().await;
    announced
        .send(&format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", BODY_MAX + 1))
        .await;
    assert_eq!(announced.answer().await, (413, String::new()));

    let mut chunked = server.client().await;
    chunked.send("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n").await;
    chunked.send(&format!("{:x}\r\n{}", BODY_MAX + 1, "a".repeat(BODY_MAX + 1))).await;
    assert_eq!(chunked.answer().await, (413, String::new()));

    let mut largest = server.client().await;
    largest.post(&format!("Action=A&X={}", "x".repeat(BODY_MAX - "Action=A&X=".len()))).await;
    assert_eq!(largest.answer().await, accepted("A"));
    server.stopped().await;
}

#[tokio::test]
async fn outlives_clients_that_go_away() {
    let server = Running::start(echo).await;
    let mut client = server.client().await;
    client.send("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 8\r\n\r\nActi").await;
    drop(client);
    let mut client = server.client().await;
    client.post("Action=B").await;
    assert_eq!(client.answer().await, accepted("B"));
    server.stopped().await;
}

#[tokio::test]
async fn finishes_open_requests_when_it_stops() {
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, wait) = (Arc::clone(&begun), Arc::clone(&go));
    let server = Running::start(move |request| {
        let (tell, wait) = (Arc::clone(&tell), Arc::clone(&wait));
        async move {
            tell.notify_one();
            wait.notified().await;
            echo(request).await
        }
    })
    .await;
    let mut silent = server.client().await;
    let mut client = server.client().await;
    client.post("Action=A").await;
    begun.notified().await;

    let Running { address, stop, done } = server;
    stop.send(()).expect("it runs");
    silent.closed().await;
    assert!(!done.is_finished());
    TcpStream::connect(address).await.expect_err("nobody listens any more");

    go.notify_one();
    assert_eq!(client.answer().await, accepted("A"));
    client.closed().await;
    done.await.expect("no panic").expect("no error");
}

#[tokio::test]
async fn ends_at_once_when_it_is_dropped() {
    let begun = Arc::new(Notify::new());
    let tell = Arc::clone(&begun);
    let server = Running::start(move |_| {
        tell.notify_one();
        std::future::pending()
    })
    .await;
    let mut client = server.client().await;
    client.post("Action=A").await;
    begun.notified().await;
    server.done.abort();
    client.closed().await;
}
