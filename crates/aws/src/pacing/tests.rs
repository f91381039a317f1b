use std::{
    future::poll_fn,
    sync::atomic::{AtomicU64, Ordering},
    task::Poll,
};

use aws_smithy_async::rt::sleep::Sleep;
use futures_util::future::join_all;
use lamplighter_core::{
    Tags,
    cloud::{Ec2, ec2::NewSnapshot},
};

use super::*;
use crate::{
    ec2::Ec2Client,
    wire::{Answer, Wire},
};

/// What 70 % of `CreateSnapshot` is: so many at once, and then so many a second.
const BURST: usize = 70;
const PER_SECOND: f64 = 3.5;

/// Milliseconds that go by while somebody sleeps.
#[derive(Clone, Debug, Default)]
struct Time(Arc<AtomicU64>);

impl Time {
    fn now(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst))
    }
}

impl AsyncSleep for Time {
    fn sleep(&self, time: Duration) -> Sleep {
        let (clock, until) = (self.clone(), self.now() + time);
        Sleep::new(poll_fn(move |cx| {
            if clock.now() >= until {
                return Poll::Ready(());
            }
            clock.0.fetch_add(1, Ordering::SeqCst);
            cx.waker().wake_by_ref();
            Poll::Pending
        }))
    }
}

/// Turns of which nobody has taken one, by this clock.
fn pacing(clock: &Time) -> Arc<Pacing> {
    let told = clock.clone();
    Arc::new(Pacing {
        now: Box::new(move || told.now()),
        sleep: SharedAsyncSleep::new(clock.clone()),
        ..Pacing::new(Share::default())
    })
}

fn created() -> Answer {
    let snapshot = "<snapshotId>snap-1</snapshotId><volumeId>vol-1</volumeId>\
        <status>pending</status><startTime>2026-11-23T02:00:00.000Z</startTime>\
        <ownerId>111122223333</ownerId><volumeSize>8</volumeSize><encrypted>false</encrypted>";
    Answer::Http(200, format!("<CreateSnapshotResponse>{snapshot}</CreateSnapshotResponse>"))
}

fn too_fast() -> Answer {
    let error = "<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>slow\
        </Message></Error></Errors><RequestID>req-1</RequestID></Response>";
    Answer::Http(503, error.to_owned())
}

/// A client of a task in one place.
fn client(pacing: &Arc<Pacing>, wire: &Wire, task: &str) -> Ec2Client {
    let place =
        Place { account: "111122223333".parse().unwrap(), region: "eu-west-1".parse().unwrap() };
    let process = wire.process("eu-west-1");
    let config = pacing.paced(&process, &place, &task.parse().unwrap());
    Ec2Client::new(&config, &place, "the test")
}

async fn create(client: &Ec2Client) -> Result<(), Fault> {
    let new = NewSnapshot {
        volume_id: "vol-1".to_owned(),
        description: String::new(),
        tags: Tags::new(),
    };
    client.create_snapshot(&new).await.map(drop)
}

#[tokio::test]
async fn calls_beyond_the_burst_wait_and_too_many_are_told_when_to_come_back() {
    let (wire, clock) = (Wire::script([created()]), Time::default());
    let pacing = pacing(&clock);
    let client = client(&pacing, &wire, "nightly");
    let answers = join_all((0..100).map(|_| create(&client))).await;
    let waited = (PER_SECOND * PATIENCE.as_secs_f64()) as usize;
    assert_eq!(wire.sent().len(), BURST + waited);
    let faults: Vec<Fault> = answers.into_iter().filter_map(Result::err).collect();
    assert_eq!(faults.len(), 100 - BURST - waited);
    assert!(faults.iter().all(|it| it.kind == FaultKind::Throttled));
    assert!(faults.iter().all(|it| it.retry_after > Some(PATIENCE)));
    assert_eq!(
        faults[0].chain(),
        "creating a snapshot of `vol-1`: too many calls wait for `ec2:CreateSnapshot` in \
         111122223333/eu-west-1 already"
    );
    let least = Duration::from_secs_f64(waited as f64 / PER_SECOND);
    let took = clock.now();
    assert!((least..PATIENCE + Duration::from_millis(100)).contains(&took), "{took:?}");
}

#[tokio::test]
async fn another_task_takes_its_turn_between() {
    let (wire, clock) = (Wire::script([created()]), Time::default());
    let pacing = pacing(&clock);
    let [crowd, one] = ["crowd", "one"].map(|task| client(&pacing, &wire, task));
    let late = async {
        clock.sleep(Duration::from_millis(10)).await;
        create(&one).await.unwrap();
        clock.now()
    };
    let (_, at) = tokio::join!(join_all((0..85).map(|_| create(&crowd))), late);
    assert!(at <= Duration::from_secs_f64(2.2 / PER_SECOND), "{at:?}");
}

#[tokio::test]
async fn an_answer_that_asks_to_slow_down_is_heard_and_passed_on() {
    let wire = Wire::script([too_fast(), created()]);
    let clock = Time::default();
    let client = client(&pacing(&clock), &wire, "nightly");
    let fault = create(&client).await.unwrap_err();
    assert_eq!(fault.code.as_deref(), Some("RequestLimitExceeded"));
    let before = clock.now();
    create(&client).await.unwrap();
    // The bucket is taken for empty, and gains 0.7 of what it did.
    let wait = (clock.now() - before).as_secs_f64() * PER_SECOND * 0.7;
    assert!((0.9..1.1).contains(&wait), "{wait}");
}
