//! AWS at the other end of a wire, for tests: answers requests in memory and keeps them.

use std::{
    collections::BTreeMap,
    fmt,
    future::{Future, pending, poll_fn},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
    time::{Duration, SystemTime},
};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::{
    rt::sleep::{AsyncSleep, Sleep},
    time::TimeSource,
};
use aws_smithy_runtime_api::{
    client::{
        http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
    },
    http::StatusCode,
};
use aws_smithy_types::{body::SdkBody, retry::RetryConfig};

/// The instant at which the tests' clock starts: 2026-11-23T02:00:00Z.
pub(crate) const START: u64 = 1_795_399_200;

/// What comes back.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Http(u16, String),
    /// The connection is lost after the request was sent.
    Reset,
    /// Nothing, ever.
    Silence,
}

/// One request as it left.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) host: String,
    /// The access key it was signed with.
    pub(crate) key: String,
    pub(crate) form: BTreeMap<String, String>,
}

impl Sent {
    pub(crate) fn action(&self) -> &str {
        &self.form["Action"]
    }

    /// The body of a request of a JSON protocol.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.form["Body"]).unwrap()
    }

    /// The form without `Action` and `Version`, as `name=value` lines.
    pub(crate) fn parameters(&self) -> Vec<String> {
        let own = |(name, _): &(&String, &String)| !["Action", "Version"].contains(&name.as_str());
        self.form.iter().filter(own).map(|(name, value)| format!("{name}={value}")).collect()
    }
}

/// The wire, the clock, and what went over it.
#[derive(Clone)]
pub(crate) struct Wire {
    answer: Arc<dyn Fn(&Sent) -> Answer + Send + Sync>,
    sent: Arc<Mutex<Vec<Sent>>>,
    seconds: Arc<AtomicU64>,
}

impl Wire {
    pub(crate) fn new(answer: impl Fn(&Sent) -> Answer + Send + Sync + 'static) -> Wire {
        Wire {
            answer: Arc::new(answer),
            sent: Arc::default(),
            seconds: Arc::new(AtomicU64::new(START)),
        }
    }

    /// Answers that come one after the other; the last one for ever.
    pub(crate) fn script(answers: impl IntoIterator<Item = Answer>) -> Wire {
        let mut answers: Vec<Answer> = answers.into_iter().collect();
        answers.reverse();
        let answers = Mutex::new(answers);
        Wire::new(move |_| {
            let mut answers = answers.lock().unwrap();
            if answers.len() > 1 { answers.pop().unwrap() } else { answers[0].clone() }
        })
    }

    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }

    pub(crate) fn actions(&self) -> Vec<String> {
        self.sent().iter().map(|sent| sent.action().to_owned()).collect()
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.seconds.fetch_add(by.as_secs(), Ordering::SeqCst);
    }

    /// What a process in `region` would find, with this wire and clock.
    pub(crate) fn process(&self, region: &'static str) -> SdkConfig {
        let wire = SharedHttpConnector::new(self.clone());
        let own = Credentials::new("AKIAPROCESS", "secret", None, None, "test");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(region))
            .credentials_provider(SharedCredentialsProvider::new(own))
            .http_client(http_client_fn(move |_, _| wire.clone()))
            .retry_config(RetryConfig::standard())
            .sleep_impl(Turns)
            .time_source(self.clone())
            .build()
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let sent = read(&request);
        self.sent.lock().unwrap().push(sent.clone());
        let answer = (self.answer)(&sent);
        HttpConnectorFuture::new(async move {
            // Whoever else wants the same gets a chance to ask for it.
            turns(3).await;
            match answer {
                Answer::Http(status, body) => {
                    let status = StatusCode::try_from(status).expect("a status");
                    let mut response = HttpResponse::new(status, SdkBody::from(body));
                    response.headers_mut().insert("x-amzn-requestid", "req-1");
                    Ok(response)
                }
                Answer::Reset => Err(ConnectorError::io("connection reset by peer".into())),
                Answer::Silence => pending().await,
            }
        })
    }
}

impl TimeSource for Wire {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.seconds.load(Ordering::SeqCst))
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

/// Sleeps that take turns instead of time, ten for a second: over at once, and yet later than an
/// answer, and one after the other.
#[derive(Debug)]
struct Turns;

impl AsyncSleep for Turns {
    fn sleep(&self, time: Duration) -> Sleep {
        Sleep::new(turns((time.as_secs_f64() * 10.0) as u32))
    }
}

fn turns(mut left: u32) -> impl Future<Output = ()> {
    poll_fn(move |cx| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}

fn read(request: &HttpRequest) -> Sent {
    let body = request.body().bytes().expect("a form");
    let body = std::str::from_utf8(body).expect("text");
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').expect("a pair");
        (decoded(name), decoded(value))
    };
    // Of the JSON protocols the operation is a header, and the body is one text here.
    let json = |target: &str| {
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        [("Action".to_owned(), operation), ("Body".to_owned(), body.to_owned())].into()
    };
    let form = match request.headers().get("x-amz-target") {
        Some(target) => json(target),
        None => body.split('&').map(pair).collect(),
    };
    let signature = request.headers().get("authorization").expect("signed");
    let key = signature.split_once("Credential=").expect("a key").1;
    let uri = request.uri().trim_start_matches("https://");
    Sent {
        host: uri.split('/').next().unwrap_or_default().to_owned(),
        key: key.split('/').next().unwrap_or_default().to_owned(),
        form,
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            b'+' => b' ',
            plain => plain,
        });
    }
    String::from_utf8(bytes).unwrap()
}
