//! What it costs to ask for a page and get it, with the client on the same thread.

#[expect(dead_code, unused_imports, reason = "only serving is of interest, no tests")]
#[path = "../src/wire/mod.rs"]
mod wire;

use bytes::Bytes;
use divan::{Bencher, counter::BytesCount};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::Builder,
};
use wire::{
    answer::Answer,
    server::{Reply, Server},
};

const REQUEST: &[u8] = b"POST / HTTP/1.1\r\nhost: localhost\r\n\
    content-type: application/x-www-form-urlencoded; charset=utf-8\r\n\
    authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/eu-west-1/ec2/aws4_request, SignedHeaders=host, Signature=abc\r\n\
    content-length: 57\r\n\r\nAction=DescribeVolumes&Version=2016-11-15&MaxResults=0500";

fn main() {
    divan::main();
}

/// A page of 500 volumes is 325 KB; an error is less than one.
#[divan::bench(args = [325_000, 300])]
fn page(bencher: Bencher<'_, '_>, size: usize) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut client = runtime.block_on(async {
        let server = Server::bind(0).await.expect("a port");
        let client = TcpStream::connect(server.local_addr()).await.expect("a connection");
        let page = Bytes::from(vec![b'x'; size]);
        let handler = move |_| {
            let answer = Answer::new(page.clone());
            async { Reply::from(answer) }
        };
        tokio::spawn(server.serve(handler, std::future::pending()));
        client
    });
    let mut ask = || runtime.block_on(exchange(&mut client, size));
    ask();
    bencher.counter(BytesCount::new(size)).bench_local(ask);
}

/// Sends a request and reads its answer, whose body has `size` bytes.
async fn exchange(client: &mut TcpStream, size: usize) {
    client.write_all(REQUEST).await.expect("it listens");
    let mut answer = Vec::with_capacity(size + 1024);
    loop {
        client.read_buf(&mut answer).await.expect("an answer");
        let head = answer.windows(4).take(1024).position(|end| end == b"\r\n\r\n");
        if head.is_some_and(|head| answer.len() == head + 4 + size) {
            break;
        }
    }
}
