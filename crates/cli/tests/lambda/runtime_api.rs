//! Lambda's runtime API, as a function sees it.
//! See "Using the Lambda runtime API for custom runtimes" in the AWS Lambda Developer Guide.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::Value;

/// The longest that a test waits for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a function has made of an invocation.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Its result.
    Response(Value),
    /// Its error.
    Error(Value),
}

/// The server of one function. It ends with the process.
pub(crate) struct RuntimeApi {
    address: SocketAddr,
    invocations: Sender<(Value, Duration)>,
    answers: Receiver<Answer>,
}

impl RuntimeApi {
    pub(crate) fn start() -> RuntimeApi {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (invocations, next) = channel();
        let (answered, answers) = channel();
        let next = Arc::new(Mutex::new(next));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (next, answered) = (Arc::clone(&next), answered.clone());
                std::thread::spawn(move || serve(&stream, &next, &answered));
            }
        });
        RuntimeApi { address, invocations, answers }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Hands out an invocation that has so much time, and waits for the answer.
    #[track_caller]
    pub(crate) fn invoke(&self, payload: &Value, time: Duration) -> Answer {
        self.invocations.send((payload.clone(), time)).unwrap();
        self.answers.recv_timeout(PATIENCE).expect("the function answers")
    }
}

/// Answers requests on a connection until it is closed.
fn serve(stream: &TcpStream, next: &Mutex<Receiver<(Value, Duration)>>, answered: &Sender<Answer>) {
    let mut reader = BufReader::new(stream);
    while let Some((request, body)) = request(&mut reader) {
        let body = || serde_json::from_slice(&body).unwrap();
        let answer = match request.as_str() {
            "GET /2018-06-01/runtime/invocation/next" => {
                let Ok((payload, time)) = next.lock().unwrap().recv() else { return };
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
                let payload = payload.to_string();
                format!(
                    "HTTP/1.1 200 OK\r\n\
                     Lambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\n\
                     Lambda-Runtime-Deadline-Ms: {}\r\n\
                     Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-west-1:111122223333:function:lamplighter\r\n\
                     Lambda-Runtime-Trace-Id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700\r\n\
                     Content-Type: application/json\r\n\
                     Content-Length: {}\r\n\r\n{payload}",
                    (now + time).as_millis(),
                    payload.len(),
                )
            }
            it if it.starts_with("POST /2018-06-01/runtime/invocation/8476a536-") => {
                let answer = match it.rsplit_once('/') {
                    Some((_, "response")) => Answer::Response(body()),
                    Some((_, "error")) => Answer::Error(body()),
                    _ => panic!("Lambda knows no `{it}`"),
                };
                answered.send(answer).unwrap();
                "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n".to_owned()
            }
            it => panic!("Lambda knows no `{it}`"),
        };
        let mut stream = stream;
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// The method and path of the next request, and its body.
fn request(reader: &mut BufReader<&TcpStream>) -> Option<(String, Vec<u8>)> {
    let mut line = || {
        let mut line = String::new();
        (reader.read_line(&mut line).ok()? > 0).then(|| line.trim_end().to_owned())
    };
    let first = line()?;
    let (request, _) = first.rsplit_once(' ')?;
    let mut length = 0;
    loop {
        let header = line()?.to_ascii_lowercase();
        match header.split_once(':') {
            Some(("content-length", value)) => length = value.trim().parse().ok()?,
            Some(("transfer-encoding", _)) => panic!("bodies are sent whole here"),
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((request.to_owned(), body))
}
