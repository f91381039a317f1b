use std::future::pending;

use lamplighter_core::job::State;

use super::*;
use crate::bed::Bed;

/// A worker at work, and what stops it.
struct AtWork {
    stop: CancellationToken,
    ended: tokio::task::JoinHandle<Result<(), Fault>>,
}

impl AtWork {
    fn begin(bed: &Bed, concurrency: u16, ticks: Ticks) -> AtWork {
        let stop = CancellationToken::new();
        let worker = Worker::new(bed.engine.clone(), bed.mailbox.clone(), concurrency);
        let stopped = stop.clone();
        let ended = tokio::spawn(async move { worker.run(&stopped, ticks).await });
        AtWork { stop, ended }
    }

    /// Stops it, and returns how long it took to end.
    async fn stop(self) -> (Duration, Result<(), Fault>) {
        let asked = tokio::time::Instant::now();
        self.stop.cancel();
        let result = self.ended.await.unwrap();
        (asked.elapsed(), result)
    }
}

/// Lets so many seconds go by, and all that happens in them.
async fn seconds(count: u64) {
    sleep(Duration::from_secs(count)).await;
}

#[tokio::test(start_paused = true)]
async fn every_message_is_done_and_taken_away() {
    let bed = Bed::new();
    bed.spread().await;
    let worker = AtWork::begin(&bed, 4, Ticks::Elsewhere);
    seconds(5).await;
    assert_eq!(bed.places(State::Failed), 12, "all of them are closed accounts");
    assert_eq!((bed.mailbox.len(), bed.mailbox.put_aside()), (0, vec![]));
    let removals = bed.mailbox.removals();
    assert!(removals.len() < 12, "several are taken away in one call: {removals:?}");
    let (took, result) = worker.stop().await;
    assert!(result.is_ok() && took <= LAST_POLL, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn no_more_is_received_than_can_be_begun() {
    let bed = Bed::new().slow();
    bed.spread().await;
    let worker = AtWork::begin(&bed, 5, Ticks::Elsewhere);
    seconds(1).await;
    // The other seven are there for others.
    assert_eq!((bed.accounts.inside(), bed.mailbox.waiting()), (5, 7));
    assert_eq!(bed.mailbox.polls(), 1, "who has no room does not ask");
    bed.accounts.let_go(2);
    seconds(1).await;
    assert_eq!((bed.accounts.inside(), bed.mailbox.waiting()), (5, 5));
    bed.accounts.let_go(100);
    seconds(1).await;
    assert_eq!((bed.accounts.most(), bed.mailbox.len()), (5, 0));
    let _ = worker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn when_it_stops_it_finishes_what_it_began_and_receives_no_more() {
    let bed = Bed::new().slow();
    bed.spread().await;
    let worker = AtWork::begin(&bed, 3, Ticks::Elsewhere);
    seconds(1).await;
    let accounts = bed.accounts.clone();
    tokio::spawn(async move {
        seconds(30).await;
        accounts.let_go(100);
    });
    let (took, result) = worker.stop().await;
    assert!(result.is_ok());
    assert_eq!(took.as_secs(), 30);
    assert_eq!((bed.places(State::Failed), bed.mailbox.len()), (3, 9), "nine are for others");
    assert_eq!(bed.mailbox.waiting(), 9);
}

#[tokio::test(start_paused = true)]
async fn what_comes_while_it_stops_is_given_back() {
    let bed = Bed::new();
    let worker = AtWork::begin(&bed, 3, Ticks::Elsewhere);
    seconds(1).await;
    let mailbox = bed.mailbox.clone();
    tokio::spawn(async move {
        sleep(LAST_POLL / 2).await;
        mailbox.put("nightly@2026-03-02T02:00:00Z", Duration::ZERO);
    });
    let (took, result) = worker.stop().await;
    assert!(result.is_ok() && took < LAST_POLL, "{took:?}");
    assert_eq!((bed.mailbox.len(), bed.mailbox.waiting()), (1, 1), "it is there, and not hidden");
}

#[tokio::test(start_paused = true)]
async fn steps_that_do_not_end_are_left_to_their_leases() {
    let bed = Bed::new().slow();
    bed.spread().await;
    let worker = AtWork::begin(&bed, 3, Ticks::Elsewhere);
    seconds(1).await;
    let (took, result) = worker.stop().await;
    assert!(result.is_ok());
    assert!((DRAIN..DRAIN + LAST_WORDS * 2).contains(&took), "{took:?}");
    assert_eq!(bed.mailbox.len(), 12, "none was done");
}

#[tokio::test(start_paused = true)]
async fn a_message_stays_hidden_while_its_step_takes_long() {
    let bed = Bed::new().slow();
    bed.spread().await;
    let worker = AtWork::begin(&bed, 12, Ticks::Elsewhere);
    seconds(300).await;
    assert_eq!((bed.mailbox.waiting(), bed.mailbox.put_aside()), (0, vec![]));
    bed.accounts.let_go(12);
    seconds(1).await;
    assert_eq!(bed.mailbox.len(), 0);
    let _ = worker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_nobody_understands_is_put_aside_and_holds_up_nothing() {
    let bed = Bed::new();
    for body in ["", "poison", "{\"source\": \"aws.ec2\"}", "nightly@soon"] {
        bed.mailbox.put(body, Duration::ZERO);
    }
    bed.spread().await;
    let worker = AtWork::begin(&bed, 2, Ticks::Elsewhere);
    seconds(300).await;
    assert_eq!(bed.places(State::Failed), 12);
    let mut put_aside = bed.mailbox.put_aside();
    put_aside.sort();
    assert_eq!(put_aside, ["", "nightly@soon", "poison", "{\"source\": \"aws.ec2\"}"]);
    assert_eq!(bed.mailbox.len(), 0);
    let _ = worker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_recorded_is_received_again() {
    let bed = Bed::new();
    let event = lamplighter_core::engine::Event::Run {
        task: "nightly".parse().unwrap(),
        at: bed.engine.ports().clock.now(),
    };
    bed.engine.event(event).await.unwrap();
    bed.mailbox.lose();
    let worker = AtWork::begin(&bed, 4, Ticks::Elsewhere);
    seconds(5).await;
    // The run and its account.
    assert_eq!((bed.journal.open(), bed.mailbox.len()), (2, 1), "nobody was told of them");
    let _ = worker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_is_lost_for_a_while_is_asked_again_ever_more_seldom() {
    let bed = Bed::new();
    bed.spread().await;
    bed.mailbox.break_with((0..8).map(|_| Fault::transient("no answer")));
    let worker = AtWork::begin(&bed, 12, Ticks::Elsewhere);
    // After 1, 2, 4, 8, 16, 30, 30 and 30 seconds.
    seconds(62).await;
    assert_eq!((bed.mailbox.polls(), bed.places(State::Failed)), (7, 0));
    seconds(60).await;
    assert_eq!(bed.places(State::Failed), 12);
    let _ = worker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_is_not_there_ends_the_worker() {
    let bed = Bed::new().slow();
    bed.spread().await;
    let worker = AtWork::begin(&bed, 4, Ticks::EachMinute);
    seconds(1).await;
    bed.mailbox.break_with([Fault::new(FaultKind::Permission, "may not receive")]);
    bed.accounts.let_go(100);
    let fault = worker.ended.await.unwrap().unwrap_err();
    assert_eq!(fault.kind, FaultKind::Permission);
    assert_eq!(fault.chain(), "receiving from the queue: may not receive");
    assert_eq!(bed.places(State::Failed), 4, "what was begun is finished");
}

#[tokio::test(start_paused = true)]
async fn it_ticks_when_it_is_to_and_at_a_message_that_says_so() {
    let bed = Bed::new();
    let worker = AtWork::begin(&bed, 4, Ticks::Elsewhere);
    seconds(300).await;
    assert!(bed.journal.is_empty());
    bed.mailbox.put("{\"tick\": true}", Duration::ZERO);
    seconds(1).await;
    bed.clock.advance(jiff::SignedDuration::from_secs(60));
    bed.mailbox.put("{\"tick\": true}", Duration::ZERO);
    seconds(1).await;
    assert_eq!(bed.places(State::Failed), 12, "the first tick learns of the task");
    let _ = worker.stop().await;

    let bed = Bed::new();
    let worker = AtWork::begin(&bed, 4, Ticks::EachMinute);
    seconds(1).await;
    bed.clock.advance(jiff::SignedDuration::from_secs(60));
    seconds(66).await;
    assert_eq!(bed.places(State::Failed), 12);
    let (took, _) = worker.stop().await;
    assert!(took <= LAST_POLL, "a tick that waits holds up nothing: {took:?}");
}

#[test]
fn ticks_come_soon_after_the_full_minute() {
    let check = |now: &str, jitter: f64, expected: u64| {
        let wait = until_next_tick(now.parse().unwrap(), jitter);
        assert_eq!(wait, Duration::from_millis(expected), "{now}");
    };
    check("2026-03-29T01:59:00Z", 0.0, 60_000);
    check("2026-03-29T01:59:00.5Z", 0.0, 59_500);
    check("2026-03-29T01:59:59.999Z", 0.5, 2_501);
    check("1969-12-31T23:59:30Z", 0.0, 30_000);
}

#[tokio::test(start_paused = true)]
async fn hiding_ends_with_the_work() {
    let bed = Bed::new();
    bed.mailbox.put("x", Duration::ZERO);
    let message = bed.mailbox.receive(1).await.unwrap().remove(0);
    let work = pending::<()>();
    let _ = timeout(Duration::from_secs(100), while_hidden(&*bed.mailbox, &message.receipt, work))
        .await;
    assert_eq!(bed.mailbox.waiting(), 0);
    seconds(61).await;
    assert_eq!(bed.mailbox.waiting(), 1);
}
