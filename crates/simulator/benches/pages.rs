//! How many pages of 500 volumes a second one core serves: `DescribeVolumes` over the wire, all
//! 100,000 volumes, twice. The server has a thread of its own, and what counts is the time that
//! this thread was on a processor: a busy machine makes it no slower. Linux only.

use std::{fs, sync::Arc, thread, time::Duration};

use jiff::Timestamp;
use lamplighter_core::Clock;
use lamplighter_simulator::{Cloud, EndPoint, Fleet};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::{Builder, Handle},
    sync::oneshot,
};

const VOLUMES: usize = 100_000;
const PAGE: usize = 500;
const ROUNDS: usize = 10;

/// A clock that stands: nothing here depends on the time.
struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap_or_default()
    }

    fn jitter(&self) -> f64 {
        0.0
    }
}

#[expect(clippy::disallowed_methods, reason = "the server has a thread of its own")]
fn main() {
    let (say, hear) = oneshot::channel();
    let server = thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let server = EndPoint::bind(0).await.expect("a port");
            let (end, ended) = oneshot::channel::<()>();
            let address = server.local_addr();
            say.send((address, end, Handle::current())).expect("somebody waits");
            let ended = async { ended.await.unwrap_or_default() };
            server.serve(cloud(), ended).await.expect("it serves");
        });
    });
    let client = Builder::new_current_thread().enable_all().build().expect("a runtime");
    client.block_on(async {
        let (address, end, server) = hear.await.expect("it starts");
        let mut socket = TcpStream::connect(address).await.expect("a connection");
        for (name, filter) in
            [("all", ""), ("half of them", "&Filter.1.Name=volume-type&Filter.1.Value.1=gp3")]
        {
            pages(&mut socket, filter).await;
            let before = on_processor(&server).await;
            let (mut count, mut bytes) = (0, 0);
            for _ in 0..ROUNDS {
                let (more, size) = pages(&mut socket, filter).await;
                (count, bytes) = (count + more, bytes + size);
            }
            let spent = on_processor(&server).await - before;
            println!(
                "{name}: {count} pages, {} KB each: {:.0} µs of the server, {:.0} pages a second",
                bytes / count / 1000,
                spent.as_secs_f64() * 1e6 / count as f64,
                count as f64 / spent.as_secs_f64(),
            );
        }
        drop(end);
    });
    server.join().expect("it ends");
}

/// How long the server's thread has been on a processor so far.
async fn on_processor(server: &Handle) -> Duration {
    #[expect(clippy::disallowed_methods, reason = "no file on a disk")]
    let read = server.spawn(async { fs::read_to_string("/proc/thread-self/schedstat") });
    let stat = read.await.expect("it runs").expect("this is Linux");
    let nanoseconds = stat.split(' ').next().and_then(|it| it.parse().ok());
    Duration::from_nanos(nanoseconds.expect("a number"))
}

/// A place with 100,000 volumes of three tags each, most of them attached.
fn cloud() -> Cloud {
    let cloud = Cloud::new(Arc::new(Noon));
    let fleet: Fleet = serde_json::from_value(json!({
        "accounts": {"111122223333": {"regions": ["eu-west-1"]}},
        "volumes": [{
            "count": VOLUMES, "size": "8..500", "type": ["gp3", "gp2"], "attached": "80%",
            "tags": {"backup": "daily", "team": "team-{1..4}", "stage": "production"},
        }],
    }))
    .expect("a fleet");
    fleet.build(&cloud).expect("a sound fleet");
    cloud
}

/// Asks for every page. How many there were, and their bytes.
async fn pages(client: &mut TcpStream, filter: &str) -> (usize, usize) {
    let (mut count, mut bytes, mut next) = (0, 0, String::new());
    loop {
        let body = format!(
            "Action=DescribeVolumes&Version=2016-11-15&MaxResults={PAGE}{filter}{}{next}",
            if next.is_empty() { "" } else { "&NextToken=" }
        );
        let page = exchange(client, &body).await;
        assert!(page.contains("<volumeId>"), "{}", &page[..page.len().min(500)]);
        count += 1;
        bytes += page.len();
        match page.rsplit_once("<nextToken>").and_then(|(_, it)| it.split('<').next()) {
            Some(token) => next = token.to_owned(),
            None => return (count, bytes),
        }
    }
}

/// Sends a request and reads its answer's body.
async fn exchange(client: &mut TcpStream, body: &str) -> String {
    let request = format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\n\
         content-type: application/x-www-form-urlencoded; charset=utf-8\r\n\
         authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/eu-west-1/ec2/\
         aws4_request, SignedHeaders=host, Signature=abc\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    client.write_all(request.as_bytes()).await.expect("it listens");
    let mut answer = Vec::with_capacity(512 * 1024);
    let mut end = None;
    while end.is_none_or(|end| answer.len() < end) {
        client.read_buf(&mut answer).await.expect("an answer");
        end = end.or_else(|| {
            let head = answer.windows(4).take(1024).position(|it| it == b"\r\n\r\n")?;
            let text = std::str::from_utf8(&answer[..head]).expect("a head").to_ascii_lowercase();
            let length = text.split("content-length: ").nth(1)?.lines().next()?.parse::<usize>();
            Some(head + 4 + length.expect("a length"))
        });
    }
    String::from_utf8(answer).expect("a text")
}
