//! `DescribeVolumes` over the wire: pages of 500 of 100,000 volumes, with the client on the same
//! thread. A bench of one page; the rate of pages is one through its time.

use std::{sync::Arc, time::SystemTime};

use divan::{Bencher, counter::ItemsCount};
use jiff::Timestamp;
use lamplighter_core::Clock;
use lamplighter_simulator::{Cloud, EndPoint, Fleet};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::Builder,
};

const VOLUMES: usize = 100_000;
const PAGE: usize = 500;

fn main() {
    divan::main();
}

struct Now;

impl Clock for Now {
    #[expect(clippy::disallowed_methods, reason = "a host's clock: the bench is one")]
    fn now(&self) -> Timestamp {
        Timestamp::try_from(SystemTime::now()).expect("it is not the year 10,000")
    }

    fn jitter(&self) -> f64 {
        0.0
    }
}

/// A place with 100,000 volumes of three tags each, most of them attached.
fn cloud() -> Cloud {
    let cloud = Cloud::new(Arc::new(Now));
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

/// Pages without a filter, and with one that every second volume passes.
#[divan::bench(args = ["", "&Filter.1.Name=volume-type&Filter.1.Value.1=gp3"])]
fn page(bencher: Bencher<'_, '_>, filter: &str) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut client = runtime.block_on(async {
        let server = EndPoint::bind(0).await.expect("a port");
        let client = TcpStream::connect(server.local_addr()).await.expect("a connection");
        tokio::spawn(server.serve(cloud(), std::future::pending()));
        client
    });
    let mut next = String::new();
    let mut ask = || {
        let body = format!(
            "Action=DescribeVolumes&Version=2016-11-15&MaxResults={PAGE}{filter}{}{next}",
            if next.is_empty() { "" } else { "&NextToken=" }
        );
        let page = runtime.block_on(exchange(&mut client, &body));
        assert!(page.contains("<volumeId>"), "{}", &page[..page.len().min(500)]);
        let token = page.rsplit_once("<nextToken>").and_then(|(_, it)| it.split('<').next());
        next = token.unwrap_or_default().to_owned();
    };
    ask();
    bencher.counter(ItemsCount::new(PAGE)).bench_local(ask);
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
