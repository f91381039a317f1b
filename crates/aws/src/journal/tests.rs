//! The journal over the wire, on a simulated DynamoDB.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use lamplighter_core::{
    FaultKind,
    engine::Slot,
    job::{Outcome, PlannedPlace, PlannedTarget, State, Tried, Work},
};
use lamplighter_simulator::{Lag, Rule, words::Share};
use lamplighter_testkit::contract::{act, at, journal_contract, run};
use serde_json::{Value, json};

use super::*;
use crate::{
    bed::{Bed, rule},
    wire::{Answer, Wire},
};

const CALLS: &str = "GetItem BatchGetItem Query PutItem UpdateItem DeleteItem TransactWriteItems";
const WRITES: &str = "PutItem UpdateItem DeleteItem TransactWriteItems";

impl Bed {
    /// An empty journal in a table of its own, that leaves nothing to DynamoDB's own expiry.
    async fn journal(&self) -> DynamoJournal {
        let table = self.name();
        create_table(&self.config, &table).await.unwrap();
        let journal = DynamoJournal::open(&self.config, &table).await.unwrap();
        DynamoJournal { patience: SignedDuration::ZERO, ..journal }
    }

    async fn keeps_every_promise(&self) {
        journal_contract(async || Arc::new(self.journal().await) as Arc<dyn Journal>).await;
    }
}

fn refused(actions: &str, code: &str) -> Rule {
    Rule { error: Some(code.to_owned()), ..rule(actions) }
}

fn done(job: &Job) -> Job {
    job.settled(Ok(Outcome::Done("done".to_owned())), Tried::default(), at(2), 0.5)
}

/// A job whose work is a saved plan with so many targets.
fn planned(targets: usize) -> Job {
    let mut job = act(&run("nightly", 0), "unused", 0);
    let place = job.work.place().unwrap().clone();
    let target = |n| PlannedTarget {
        target: format!("vol-{n:017x}"),
        facts: json!({"id": n, "tags": {"name": "the \"volume\" of a database"}, "size-gib": 1.5})
            .into(),
    };
    let plan = PlannedPlace { place, now: at(0), targets: (0..targets).map(target).collect() };
    job.work = Work::Spread {
        groups: Vec::new(),
        order: job.work.order().clone(),
        reach: Vec::new(),
        occurrence: at(0),
        spread: None,
        plan: Some(vec![plan]),
    };
    Job { id: JobId::spread(&job.run()), ..job }
}

/// Every item of the journal's table.
async fn items(journal: &DynamoJournal) -> Vec<HashMap<String, AttributeValue>> {
    let store = &journal.store;
    let pages = store.client.scan().table_name(&store.table).into_paginator().items().send();
    pages.collect::<Result<_, _>>().await.unwrap()
}

#[tokio::test]
async fn keeps_every_promise_of_a_journal_with_the_permissions_that_it_asks_for() {
    let bed = Bed::new().await;
    bed.keeps_every_promise().await;
    let calls = bed.cloud.take_calls();
    let used: BTreeSet<&str> = calls.iter().flat_map(|it| it.actions.clone()).collect();
    let made = ["dynamodb:CreateTable", "dynamodb:UpdateTimeToLive"];
    let asked_for = [
        "dynamodb:BatchGetItem",
        "dynamodb:DeleteItem",
        "dynamodb:DescribeTable",
        "dynamodb:DescribeTimeToLive",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:UpdateItem",
    ];
    assert_eq!(used, made.into_iter().chain(asked_for).collect());
}

#[tokio::test]
async fn keeps_them_when_pages_are_short_or_empty() {
    let bed = Bed::new().await;
    bed.cloud.dial(|it| it.page_size = Some(7));
    bed.keeps_every_promise().await;
}

#[tokio::test]
async fn an_empty_page_is_not_the_last() {
    let bed = Bed::new().await;
    let journal = bed.journal().await;
    let jobs: Vec<Job> = (10..70).map(|n| act(&run("nightly", 0), &n.to_string(), 0)).collect();
    let _ = journal.create(&jobs).await.unwrap();
    let closed: Vec<Job> = jobs.iter().skip(9).step_by(10).map(done).collect();
    for job in &closed {
        assert_eq!(journal.replace(job).await.unwrap(), Write::Won);
    }
    bed.cloud.dial(|it| it.page_size = Some(1));
    let filter = JobFilter { state: Some(State::Succeeded), ..JobFilter::default() };
    assert_eq!(journal.jobs(&filter).await.unwrap(), closed);
}

#[tokio::test]
async fn keeps_them_when_the_table_is_throttled_and_answers_get_lost() {
    let bed = Bed::new().await;
    let some = |percent| Some(Share::percent(percent));
    let throttled = refused(CALLS, "ProvisionedThroughputExceededException");
    let conflict = refused("PutItem UpdateItem", "TransactionConflictException");
    bed.faults([
        Rule { ratio: some(8), ..throttled },
        Rule { ratio: some(5), lose_answer: true, ..rule(WRITES) },
        Rule { ratio: some(3), ..conflict },
    ]);
    bed.keeps_every_promise().await;
    assert!(bed.cloud.struck().iter().all(|it| *it > 10), "{:?}", bed.cloud.struck());
}

#[tokio::test]
async fn a_table_that_is_throttled_for_good_is_a_throttled_fault() {
    let bed = Bed::new().await;
    let journal = bed.journal().await;
    let job = act(&run("nightly", 0), "a", 0);
    for code in ["ProvisionedThroughputExceededException", "ThrottlingException"] {
        bed.faults([refused(CALLS, code)]);
        let faults = [
            journal.create(std::slice::from_ref(&job)).await.unwrap_err(),
            journal.replace(&job).await.unwrap_err(),
            journal.load(&job.id).await.unwrap_err(),
            journal.due(at(0), 1).await.unwrap_err(),
            journal.tally(&job.run()).await.unwrap_err(),
            journal.take_slot("gate", 1, &job.id, at(0), at(1)).await.unwrap_err(),
        ];
        for fault in faults {
            assert_eq!(fault.kind, FaultKind::Throttled, "{}", fault.chain());
        }
    }
}

#[tokio::test]
async fn a_write_whose_answer_got_lost_is_told_from_a_lost_race() {
    let bed = Bed::new().await;
    let (ours, theirs) = (bed.journal().await, bed.journal().await);
    let theirs = DynamoJournal { store: Store::new(&bed.config, &ours.store.table), ..theirs };
    let lose = |actions, nth: u64| {
        let nth = Some(serde_json::from_value(json!(nth)).unwrap());
        bed.faults([Rule { lose_answer: true, nth, ..rule(actions) }]);
    };
    let job = act(&run("nightly", 0), "a", 0);
    lose(WRITES, 1);
    assert_eq!(ours.create(std::slice::from_ref(&job)).await.unwrap(), [Write::Won]);
    assert_eq!(theirs.create(std::slice::from_ref(&job)).await.unwrap(), [Write::Lost]);
    let [leased, other] = ["a", "b"].map(|worker| job.leased(worker, at(1)));
    lose(WRITES, 1);
    assert_eq!(ours.replace(&leased).await.unwrap(), Write::Won);
    assert_eq!(theirs.replace(&other).await.unwrap(), Write::Lost);
    let done = done(&leased);
    lose(WRITES, 1);
    assert_eq!(ours.replace(&done).await.unwrap(), Write::Won);
    assert_eq!(theirs.replace(&leased.renewed(at(2))).await.unwrap(), Write::Lost);
    assert_eq!(bed.cloud.struck(), [1]);
    assert_eq!(theirs.load(&job.id).await.unwrap(), Some(done));
    assert_eq!(ours.tally(&job.run()).await.unwrap().act.succeeded, 1);
}

#[tokio::test]
async fn a_job_that_is_done_in_one_step_takes_four_writes_at_most() {
    let bed = Bed::new().await;
    let journal = bed.journal().await;
    let run = run("nightly", 0);
    bed.written("dynamodb");
    let one = act(&run, "alone", 0);
    let _ = journal.create(std::slice::from_ref(&one)).await.unwrap();
    let leased = one.leased("worker", at(1));
    assert_eq!(journal.replace(&leased).await.unwrap(), Write::Won);
    assert_eq!(journal.replace(&done(&leased)).await.unwrap(), Write::Won);
    let written = bed.written("dynamodb");
    assert_eq!(written, ["TransactWriteItems", "PutItem", "TransactWriteItems"]);
    let jobs: Vec<Job> = (0..500).map(|n| act(&run, &format!("vol-{n}"), 0)).collect();
    let _ = journal.create(&jobs).await.unwrap();
    let written = bed.written("dynamodb").len();
    assert!(written <= 20, "{written} writes make 500 jobs");
}

#[tokio::test]
async fn an_index_that_lags_hides_nothing_for_long_and_decides_nothing() {
    let bed = Bed::new().await;
    let journal = bed.journal().await;
    bed.cloud.dial(|it| it.lag = Lag::Always(SignedDuration::from_secs(10)));
    bed.clock.advance(SignedDuration::from_secs(60));
    let run = run("nightly", 0);
    let job = act(&run, "a", 0);
    let _ = journal.create(std::slice::from_ref(&job)).await.unwrap();
    assert_eq!(journal.due(at(1), 9).await.unwrap(), []);
    assert_eq!(journal.runs(&RunFilter::default()).await.unwrap(), []);
    assert_eq!(journal.load(&job.id).await.unwrap().as_ref(), Some(&job));
    assert_eq!(journal.tally(&run).await.unwrap().act.open, 1);
    let of_run = JobFilter { run: Some(run.clone()), ..JobFilter::default() };
    assert_eq!(journal.jobs(&of_run).await.unwrap(), std::slice::from_ref(&job));
    journal.set_ticked(at(1)).await.unwrap();
    assert_eq!(journal.ticked().await.unwrap(), Some(at(1)));
    let known = KnownTask { fingerprint: "1:x".to_owned(), since: at(0) };
    let known = BTreeMap::from([("nightly".parse().unwrap(), known)]);
    journal.note_tasks(&known).await.unwrap();
    assert_eq!(journal.known_tasks().await.unwrap(), known);
    for expected in [Slot::Taken, Slot::Full] {
        let holder = act(&run, &format!("{expected:?}"), 0).id;
        let slot = journal.take_slot("gate", 1, &holder, at(0), at(9)).await.unwrap();
        assert_eq!(slot, expected);
    }
    bed.clock.advance(SignedDuration::from_secs(10));
    assert_eq!(journal.due(at(1), 9).await.unwrap(), std::slice::from_ref(&job.id));
    assert_eq!(journal.runs(&RunFilter::default()).await.unwrap()[0].id, run);
}

#[tokio::test]
async fn work_of_any_size_is_kept_in_small_items_and_written_once() {
    let bed = Bed::new().await;
    let journal = bed.journal().await;
    let job = planned(10_000);
    let size = serde_json::to_string(&job).unwrap().len();
    assert!(size > 1_000_000, "{size}");
    let _ = journal.create(std::slice::from_ref(&job)).await.unwrap();
    assert_eq!(journal.load(&job.id).await.unwrap().as_ref(), Some(&job));
    bed.written("dynamodb");
    let leased = job.leased("worker", at(1));
    assert_eq!(journal.replace(&leased).await.unwrap(), Write::Won);
    assert_eq!(journal.replace(&leased).await.unwrap(), Write::Won, "a repetition");
    assert_eq!(bed.written("dynamodb").len(), 2, "the work is there");
    let done = done(&leased);
    assert_eq!(journal.replace(&done).await.unwrap(), Write::Won);
    assert_eq!(journal.replace(&leased).await.unwrap(), Write::Lost);
    assert_eq!(journal.jobs(&JobFilter::default()).await.unwrap(), [done]);
    let bytes = |it: &AttributeValue| match it {
        AttributeValue::S(text) => text.len(),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        _ => 8,
    };
    for item in items(&journal).await {
        let bytes: usize = item.values().map(bytes).sum();
        assert!(bytes < 300_000, "{bytes}");
    }
    assert_eq!(journal.expire(at(60), 9).await.unwrap(), 1);
    assert_eq!(items(&journal).await, [], "and it is forgotten whole");
}

#[tokio::test]
async fn a_state_that_grows_and_shrinks_is_kept() {
    let bed = Bed::new().await;
    let journal = bed.journal().await;
    let mut job = act(&run("nightly", 0), "a", 0);
    let _ = journal.create(std::slice::from_ref(&job)).await.unwrap();
    let [large, larger] = [100_000, 900_000].map(|it| json!({"seen": "ü".repeat(it)}));
    for state in [large.clone(), Value::Null, larger, large] {
        job = job.leased("worker", at(1));
        assert_eq!(journal.replace(&job).await.unwrap(), Write::Won);
        let again = Outcome::Again { state, wait: Duration::from_secs(1) };
        job = job.settled(Ok(again), Tried::default(), at(1), 0.5);
        assert_eq!(journal.replace(&job).await.unwrap(), Write::Won);
        assert_eq!(journal.load(&job.id).await.unwrap().as_ref(), Some(&job));
    }
}

#[tokio::test]
async fn a_run_ends_with_its_last_record_whatever_else_is_in_the_batch() {
    let bed = Bed::new().await;
    let records = |minutes: i64, numbers: std::ops::Range<u32>| -> Vec<Job> {
        let record = |n| Job {
            closed_at: Some(at(minutes)),
            ..done(&act(&run("nightly", 0), &format!("vol-{n}"), 0))
        };
        numbers.map(record).collect()
    };
    for (first, second) in [(2, 5), (5, 2)] {
        let journal = bed.journal().await;
        let (early, late) = (records(first, 0..40), records(second, 40..80));
        let _ = journal.create(&early).await.unwrap();
        let writes = journal.create(&[early, late].concat()).await.unwrap();
        assert_eq!(writes[..40], [Write::Lost; 40]);
        assert_eq!(writes[40..], [Write::Won; 40]);
        let runs = journal.runs(&RunFilter::default()).await.unwrap();
        assert_eq!(runs[0].tally.act.succeeded, 80);
        assert_eq!(runs[0].ended_at, Some(at(5)));
    }
}

#[tokio::test]
async fn runs_go_when_dynamodb_has_taken_their_jobs_away() {
    let bed = Bed::new().await;
    let journal = bed.journal().await;
    let run = run("nightly", 0);
    let jobs: Vec<Job> = (0..30).map(|n| done(&act(&run, &format!("vol-{n}"), 0))).collect();
    let _ = journal.create(&jobs).await.unwrap();
    for item in items(&journal).await {
        let store = &journal.store;
        if let Some(AttributeValue::N(ttl)) = item.get("ttl") {
            let closed_at = at(2).as_second();
            assert_eq!(ttl.parse::<i64>().unwrap() - closed_at, 90 * 24 * 60 * 60);
            let request = store.client.delete_item().table_name(&store.table);
            let key = request.key("pk", item["pk"].clone()).key("sk", item["sk"].clone());
            key.send().await.unwrap();
        }
    }
    assert_eq!(journal.runs(&RunFilter::default()).await.unwrap().len(), 1);
    assert_eq!(journal.expire(at(3), 99).await.unwrap(), 0);
    assert_eq!(journal.runs(&RunFilter::default()).await.unwrap(), []);
    assert_eq!(items(&journal).await, []);
    let patient = DynamoJournal { patience: expire::PATIENCE, ..journal };
    let _ = patient.create(&jobs).await.unwrap();
    assert_eq!(patient.expire(at(3), 99).await.unwrap(), 0, "it may still do so");
    assert_eq!(patient.expire(at(3 + 3 * 24 * 60), 99).await.unwrap(), 30);
}

#[tokio::test]
async fn a_table_that_is_no_journal_is_a_config_fault_with_its_cure() {
    let bed = Bed::new().await;
    let open = async |table: &str| {
        let fault = DynamoJournal::open(&bed.config, table).await.err().unwrap();
        assert_eq!(fault.kind, FaultKind::Config, "{}", fault.chain());
        fault.chain()
    };
    assert_eq!(
        open("nothing").await,
        "there is no table `nothing` in eu-west-1: check its name and the region, or let the \
         hub's template make it"
    );
    create_table(&bed.config, "journal").await.unwrap();
    create_table(&bed.config, "journal").await.unwrap();
    assert!(DynamoJournal::open(&bed.config, "journal").await.is_ok());
    let store = Store::new(&bed.config, "no-ttl");
    table::tests::without_ttl(&store).await;
    assert!(DynamoJournal::open(&bed.config, "no-ttl").await.is_ok(), "old jobs are deleted");
    table::tests::other(&store.client, "other").await;
    assert_eq!(
        open("other").await,
        "table `other` is no journal: its keys are not the texts `pk` and `sk`; name another one, \
         or let the hub's template make it"
    );
}

/// What DynamoDB says of a transaction that it cancelled for these reasons.
fn cancelled(codes: [&str; 2]) -> Answer {
    let reasons = codes.map(|code| json!({"Code": code, "Message": "because"}));
    let kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
    let body = json!({"__type": kind, "message": "cancelled", "CancellationReasons": reasons});
    Answer::Http(400, body.to_string())
}

/// What becomes of a job that closes while DynamoDB answers so, and with which tokens it is
/// tried.
async fn closing(answers: Vec<Answer>) -> (Result<Write, Fault>, Vec<Value>) {
    let wire = Wire::script(answers);
    let store = Store::new(&wire.process("eu-west-1"), "journal");
    let journal = DynamoJournal { store, patience: SignedDuration::ZERO };
    let leased = act(&run("nightly", 0), "a", 0).leased("worker", at(1));
    let result = journal.replace(&done(&leased)).await;
    let token = |sent: &crate::wire::Sent| sent.json()["ClientRequestToken"].clone();
    (result, wire.sent().iter().map(token).collect())
}

#[tokio::test]
async fn a_transaction_that_met_another_is_tried_again_as_the_same() {
    let conflict = || cancelled(["None", "TransactionConflict"]);
    let throttled = || cancelled(["ProvisionedThroughputExceeded", "None"]);
    let done = Answer::Http(200, "{}".to_owned());
    let (result, tokens) = closing(vec![conflict(), throttled(), conflict(), done]).await;
    assert_eq!(result.unwrap(), Write::Won);
    assert_eq!(tokens.len(), 4);
    assert!(tokens[0].is_string() && tokens.iter().all(|it| *it == tokens[0]), "{tokens:?}");
    let (result, tokens) = closing(vec![conflict()]).await;
    assert_eq!(result.unwrap_err().kind, FaultKind::Throttled);
    assert_eq!(tokens.len(), 10);
}

#[tokio::test]
async fn a_transaction_whose_condition_failed_is_not_tried_again() {
    for other in ["None", "TransactionConflict"] {
        let (result, tokens) = closing(vec![cancelled(["ConditionalCheckFailed", other])]).await;
        assert_eq!((result.unwrap(), tokens.len()), (Write::Lost, 1));
    }
    let (result, tokens) = closing(vec![cancelled(["ValidationError", "None"])]).await;
    assert_eq!((result.unwrap_err().kind, tokens.len()), (FaultKind::Permanent, 1));
}

/// What DynamoDB says of a batch of which it has left this many keys unread.
fn unread(keys: usize) -> Answer {
    let key = |n| json!({"pk": {"S": format!("run#{n}")}, "sk": {"S": "tally"}});
    let keys: Vec<Value> = (0..keys).map(key).collect();
    let unread = match keys.is_empty() {
        true => json!({}),
        false => json!({"journal": {"Keys": keys, "ConsistentRead": true}}),
    };
    let body = json!({"Responses": {"journal": []}, "UnprocessedKeys": unread});
    Answer::Http(200, body.to_string())
}

#[tokio::test]
async fn what_a_batch_leaves_unread_is_read_again() {
    let check = async |answers: Vec<Answer>, keys: &[usize]| {
        let wire = Wire::script(answers);
        let store = Store::new(&wire.process("eu-west-1"), "journal");
        let tally = store.tally(&run("nightly", 0)).await;
        let count = |sent: &crate::wire::Sent| {
            sent.json()["RequestItems"]["journal"]["Keys"].as_array().unwrap().len()
        };
        assert_eq!(wire.sent().iter().map(count).collect::<Vec<_>>(), keys);
        tally
    };
    let answers = vec![unread(8), unread(8), unread(3), unread(3), unread(0)];
    assert_eq!(check(answers, &[8, 8, 8, 3, 3]).await.unwrap(), Tally::default());
    let fault = check(vec![unread(8)], &[8; 8]).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Throttled);
}
