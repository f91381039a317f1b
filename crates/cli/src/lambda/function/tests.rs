use lamplighter_core::job::State;
use tokio::time::sleep;

use super::*;
use crate::{bed::Bed, exit::Exit};

/// Enough for anything.
const MINUTES: Duration = Duration::from_secs(300);

fn function(bed: &Bed) -> Arc<Function> {
    Arc::new(Function::new(bed.engine.clone(), bed.planner.clone()))
}

async fn invoke(bed: &Bed, payload: Value, left: Duration) -> Result<Value, Failure> {
    function(bed).invoke(payload, Time::of(left)).await
}

/// All messages of the bed's queue, as a batch: their ids count from 0.
fn batch_of(bodies: &[String]) -> Value {
    let record = |(number, body): (usize, &String)| {
        json!({
            "messageId": format!("m-{number}"), "body": body, "eventSource": "aws:sqs",
            "attributes": { "ApproximateReceiveCount": "1" },
        })
    };
    json!({ "Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>() })
}

/// What an answer to a batch says has to come again.
fn come_again(answer: &Value) -> Vec<&str> {
    let failures = answer["batchItemFailures"].as_array().unwrap();
    failures.iter().map(|it| it["itemIdentifier"].as_str().unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_done_but_for_what_nobody_understands() {
    let bed = Bed::new();
    bed.spread().await;
    let mut bodies = bed.mailbox.bodies();
    bodies.insert(3, "poison".to_owned());
    bodies.push("nightly@2026-03-02T02:00:00Z/gone".to_owned());
    let answer = invoke(&bed, batch_of(&bodies), MINUTES).await.unwrap();
    // A job that is not in the journal was done long ago.
    assert_eq!(answer, json!({ "batchItemFailures": [{ "itemIdentifier": "m-3" }] }));
    assert_eq!(bed.places(State::Failed), 12);
    let again = invoke(&bed, batch_of(&bodies), MINUTES).await.unwrap();
    assert_eq!(come_again(&again), ["m-3"]);
    let empty = invoke(&bed, json!({ "Records": [] }), MINUTES).await.unwrap();
    assert_eq!(empty, json!({ "batchItemFailures": [] }));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_begun_when_the_time_is_over_and_what_takes_longer_is_cut_off() {
    let bed = Bed::new().slow();
    bed.spread().await;
    // Thirty-two are begun at once; more than that wait for room until it is too late.
    let bodies: Vec<String> = bed.mailbox.bodies().into_iter().cycle().take(40).collect();
    let begun = tokio::time::Instant::now();
    let answer = invoke(&bed, batch_of(&bodies), MINUTES).await.unwrap();
    let took = begun.elapsed();
    assert!(took < MINUTES, "it answers before Lambda ends it: {took:?}");
    assert_eq!((bed.accounts.most(), bed.accounts.inside()), (12, 0), "one step for each job");
    // The others of each job were told that somebody else has it, and are done.
    assert_eq!(come_again(&answer).len(), 12);
    assert_eq!(bed.places(State::Open), 12);

    // These would take no time.
    let bed = Bed::new();
    bed.spread().await;
    let time = Time::of(Duration::from_secs(60));
    sleep(Duration::from_secs(40)).await;
    let late = function(&bed).invoke(batch_of(&bed.mailbox.bodies()), time).await.unwrap();
    assert_eq!((come_again(&late).len(), bed.places(State::Open)), (12, 12));
}

#[tokio::test(start_paused = true)]
async fn no_step_is_begun_without_time_for_it() {
    let time = Time::of(Duration::from_secs(60));
    sleep(Duration::from_secs(29)).await;
    assert!(time.is_enough_for_a_step());
    sleep(Duration::from_secs(1)).await;
    assert!(!time.is_enough_for_a_step());
    assert_eq!(time.left(), Duration::from_secs(28), "and two seconds to answer in");
    // In a function that has ten seconds in all, half of them are for a step.
    let time = Time::of(Duration::from_secs(10));
    sleep(Duration::from_secs(4)).await;
    assert!(time.is_enough_for_a_step());
    sleep(Duration::from_secs(1)).await;
    assert!(!time.is_enough_for_a_step());
}

#[tokio::test(start_paused = true)]
async fn a_step_that_is_slow_is_finished_while_there_is_time() {
    let bed = Bed::new().slow();
    bed.spread().await;
    let accounts = bed.accounts.clone();
    tokio::spawn(async move {
        sleep(Duration::from_secs(100)).await;
        accounts.let_go(5);
        sleep(Duration::from_secs(100)).await;
        accounts.let_go(5);
    });
    let answer = invoke(&bed, batch_of(&bed.mailbox.bodies()), MINUTES).await.unwrap();
    assert_eq!((bed.places(State::Failed), come_again(&answer).len()), (10, 2));
}

#[tokio::test(start_paused = true)]
async fn a_tick_starts_what_is_due() {
    let bed = Bed::new();
    assert_eq!(
        invoke(&bed, json!({ "tick": true }), MINUTES).await.unwrap(),
        json!({
            "started": []
        })
    );
    bed.clock.advance(jiff::SignedDuration::from_secs(60));
    invoke(&bed, json!({ "tick": true }), MINUTES).await.unwrap();
    assert_eq!(bed.mailbox.len(), 2, "the spread, and the sweep");
    invoke(&bed, json!({ "tick": true }), MINUTES).await.unwrap();
    assert_eq!(bed.mailbox.len(), 2, "Lambda may send a tick twice");
}

#[tokio::test(start_paused = true)]
async fn a_tick_that_fails_says_why() {
    let bed = Bed::new();
    bed.mailbox.lose();
    invoke(&bed, json!({ "tick": true }), MINUTES).await.unwrap();
    bed.clock.advance(jiff::SignedDuration::from_secs(60));
    let failure = invoke(&bed, json!({ "tick": true }), MINUTES).await.unwrap_err();
    assert_eq!(failure.message, "tick: the queue is lost");
}

#[tokio::test(start_paused = true)]
async fn a_run_is_started_once_and_not_waited_for() {
    let bed = Bed::new().slow();
    let payload = json!({ "run": ["nightly"], "at": "2026-03-02T01:00:00Z" });
    let started =
        |new: bool| json!({ "started": [{ "run": "nightly@2026-03-02T01:00:00Z", "new": new }] });
    assert_eq!(invoke(&bed, payload.clone(), MINUTES).await.unwrap(), started(true));
    assert_eq!(invoke(&bed, payload, MINUTES).await.unwrap(), started(false));
    assert_eq!((bed.mailbox.len(), bed.accounts.most()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_run_says_why_and_starts_nothing() {
    let bed = Bed::new();
    for (payload, why) in [
        (json!({ "run": ["nightly", "mightly"] }), "no task `mightly` in the configuration"),
        (json!({ "plan": ["mightly"] }), "no task `mightly` in the configuration"),
        (json!({ "run": ["nightly", "weekly"] }), "task `weekly` says `enabled: false`"),
        (json!({ "ruin": ["nightly"] }), "accepted are a batch of SQS messages"),
    ] {
        let failure = invoke(&bed, payload, MINUTES).await.unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.message.contains(why), "{}", failure.message);
    }
    assert!(bed.journal.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_plan_has_the_form_of_the_command_and_ends_in_time() {
    let bed = Bed::new();
    let payload = json!({ "plan": ["nightly"], "at": "2026-03-02T01:00:00Z" });
    let plan = invoke(&bed, payload.clone(), MINUTES).await.unwrap();
    assert_eq!(plan["tasks"][0]["task"], "nightly");
    assert_eq!(plan["tasks"][0]["occurrence"], "2026-03-02T01:00:00Z");
    assert_eq!(plan["problems"].as_array().map(Vec::len), Some(12), "closed accounts");
    assert!(bed.journal.is_empty(), "planning writes nothing");

    let bed = bed.slow();
    let failure = invoke(&bed, payload, MINUTES).await.unwrap_err();
    assert!(failure.message.contains("plan fewer tasks"), "{}", failure.message);
}
