//! The queue over the wire, on a simulated SQS.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use lamplighter_core::FaultKind;
use lamplighter_simulator::Rule;
use lamplighter_testkit::contract::{act, run};
use serde_json::json;

use super::*;
use crate::{
    bed::{Bed, rule},
    wire::{Answer, Wire},
};

impl Bed {
    fn sqs(&self) -> Client {
        Client::new(&self.config)
    }

    /// Makes a queue with these attributes. Its URL.
    async fn url(&self, name: &str, attributes: &[(QueueAttributeName, &str)]) -> String {
        let mut request = self.sqs().create_queue().queue_name(name);
        for (name, value) in attributes {
            request = request.attributes(name.clone(), *value);
        }
        request.send().await.unwrap().queue_url.unwrap()
    }

    async fn queue(&self) -> SqsQueue {
        let url = self.url(&self.name(), &[]).await;
        SqsQueue::open(&self.config, &url).await.unwrap()
    }
}

fn job(target: impl ToString) -> JobId {
    act(&run("nightly", 0), &target.to_string(), 0).id
}

fn now(jobs: impl IntoIterator<Item = JobId>) -> Vec<(JobId, Duration)> {
    jobs.into_iter().map(|it| (it, Duration::ZERO)).collect()
}

/// What is received, while time passes if there is nothing.
async fn received(bed: &Bed, queue: &SqsQueue) -> Vec<Message> {
    let passing = async {
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            bed.clock.advance(SignedDuration::from_secs(1));
        }
    };
    tokio::select! {
        messages = queue.receive(10) => messages.unwrap(),
        () = passing => unreachable!("time never ends"),
    }
}

#[tokio::test]
async fn each_job_is_named_to_somebody_and_gone_when_it_is_done() {
    let bed = Bed::new().await;
    let queue = bed.queue().await;
    let jobs: BTreeSet<JobId> = (0..23).map(job).collect();
    bed.written("sqs");
    queue.wake(&now(jobs.clone())).await.unwrap();
    assert_eq!(bed.written("sqs"), ["SendMessageBatch"; 3]);
    let mut messages = Vec::new();
    while messages.len() < jobs.len() {
        let most = 7.min(jobs.len() - messages.len());
        let some = queue.receive(most).await.unwrap();
        assert!((1..=most).contains(&some.len()));
        messages.extend(some);
    }
    assert!(messages.iter().all(|it| it.received == 1));
    let named: BTreeSet<JobId> = messages.iter().map(|it| it.body.parse().unwrap()).collect();
    assert_eq!(named, jobs);
    let receipts: Vec<String> = messages.into_iter().map(|it| it.receipt).collect();
    queue.done(&receipts).await.unwrap();
    queue.done(&[]).await.unwrap();
    bed.clock.advance(SignedDuration::from_mins(30));
    assert_eq!(received(&bed, &queue).await, []);
}

#[tokio::test]
async fn what_is_not_done_comes_again_when_its_step_must_be_over() {
    let bed = Bed::new().await;
    let queue = bed.queue().await;
    queue.wake(&now([job("a")])).await.unwrap();
    let first = queue.receive(10).await.unwrap();
    let lease = Duration::try_from(LEASE).unwrap();
    assert!(hidden_at_first() > lease);
    bed.clock.advance(LEASE);
    queue.extend(&first[0].receipt, Duration::from_secs(600)).await.unwrap();
    bed.clock.advance(SignedDuration::from_secs(599));
    let again = received(&bed, &queue).await;
    assert_eq!((again.len(), again[0].received), (1, 2));
    assert_eq!(again[0].body, first[0].body);
}

#[tokio::test]
async fn a_wake_comes_after_its_delay_and_never_before() {
    let bed = Bed::new().await;
    let queue = bed.queue().await;
    bed.written("sqs");
    queue.wake(&[(job("sweep"), Duration::from_secs(901))]).await.unwrap();
    assert_eq!(bed.written("sqs"), [""; 0], "the sweep wakes it");
    queue.wake(&[(job("late"), Duration::from_millis(899_001))]).await.unwrap();
    for (seconds, expected) in [(899, 0), (1, 1)] {
        bed.clock.advance(SignedDuration::from_secs(seconds));
        let there = bed.sqs().receive_message().queue_url(&queue.url).send().await.unwrap();
        assert_eq!(there.messages().len(), expected, "whole seconds, and none too few");
    }
}

#[tokio::test]
async fn accounts_get_their_turns() {
    let bed = Bed::new().await;
    let queue = bed.queue().await;
    queue.wake(&now([job("a")])).await.unwrap();
    let request = bed.sqs().receive_message().queue_url(&queue.url);
    let name = MessageSystemAttributeName::MessageGroupId;
    let answer = request.message_system_attribute_names(name.clone()).send().await.unwrap();
    assert_eq!(answer.messages()[0].attributes().unwrap()[&name], "111122223333");
}

#[test]
fn a_job_of_no_account_takes_the_turn_of_its_task() {
    let (run, place) = (run("nightly", 0), "/111122223333/eu-west-1/a/b");
    let of = |rest: &str| group(&format!("{run}{rest}").parse().unwrap());
    assert_eq!([of(""), of("/missed")], ["nightly", "nightly"]);
    assert_eq!([of("/111122223333"), of(place)], ["111122223333", "111122223333"]);
}

#[test]
fn the_region_is_that_of_the_url() {
    for (url, region) in [
        ("https://sqs.eu-west-1.amazonaws.com/111122223333/q", Some("eu-west-1")),
        ("https://sqs.cn-north-1.amazonaws.com.cn/111122223333/q", Some("cn-north-1")),
        ("http://127.0.0.1:4566/111122223333/q", None),
        ("http://sqs.eu-west-1.localhost:4566/111122223333/q", None),
    ] {
        assert_eq!(region_of(url), region, "{url}");
    }
}

#[tokio::test]
async fn messages_arrive_while_sqs_throttles_and_answers_get_lost() {
    let bed = Bed::new().await;
    let queue = bed.queue().await;
    bed.faults([
        Rule {
            every: Some(3),
            error: Some("RequestThrottled".to_owned()),
            ..rule("*MessageBatch")
        },
        Rule { every: Some(4), lose_answer: true, ..rule("SendMessageBatch") },
    ]);
    let jobs: BTreeSet<JobId> = (0..60).map(job).collect();
    queue.wake(&now(jobs.clone())).await.unwrap();
    let mut named = BTreeSet::new();
    while named != jobs {
        let messages = queue.receive(10).await.unwrap();
        named.extend(messages.iter().map(|it| it.body.parse::<JobId>().unwrap()));
        let receipts: Vec<String> = messages.into_iter().map(|it| it.receipt).collect();
        queue.done(&receipts).await.unwrap();
    }
}

/// What SQS answers when it has failed to take these entries of a batch.
fn failed(entries: &[(u32, bool)]) -> Answer {
    let failed = |(id, sender_fault): &(u32, bool)| {
        let id = id.to_string();
        json!({"Id": id, "SenderFault": sender_fault, "Code": "InternalError", "Message": "no"})
    };
    let failed: Vec<_> = entries.iter().map(failed).collect();
    Answer::Http(200, json!({"Successful": [], "Failed": failed}).to_string())
}

/// The ids of the messages of each call.
fn sent(wire: &Wire) -> Vec<Vec<String>> {
    let ids = |sent: &crate::wire::Sent| {
        let body = sent.json();
        let entries = body["Entries"].as_array().cloned().unwrap_or_default();
        entries.iter().map(|it| it["Id"].as_str().unwrap().to_owned()).collect()
    };
    wire.sent().iter().skip(1).map(ids).collect()
}

#[tokio::test]
async fn messages_that_sqs_failed_to_take_are_sent_again() {
    let open = || Answer::Http(200, json!({"Attributes": {"RedrivePolicy": "{}"}}).to_string());
    let check = async |answers: Vec<Answer>, expected: &[&[&str]]| {
        let wire = Wire::script([vec![open()], answers].concat());
        let url = "https://sqs.eu-west-1.amazonaws.com/111122223333/q";
        let queue = SqsQueue::open(&wire.process("us-east-1"), url).await.unwrap();
        queue.wake(&now((0..3).map(job))).await.unwrap();
        assert_eq!(sent(&wire), expected);
        assert!(wire.sent().iter().all(|it| it.host == "sqs.eu-west-1.amazonaws.com"));
    };
    check(vec![failed(&[])], &[&["0", "1", "2"]]).await;
    let some = vec![failed(&[(1, false), (2, false)]), failed(&[(2, false)]), failed(&[])];
    check(some, &[&["0", "1", "2"], &["1", "2"], &["2"]]).await;
    check(vec![failed(&[(0, true), (1, false)]), failed(&[])], &[&["0", "1", "2"], &["1"]]).await;
    check(vec![failed(&[(0, false)])], &[&["0", "1", "2"], &["0"], &["0"]]).await;
}

#[tokio::test]
async fn what_is_no_standard_queue_is_a_config_fault() {
    let bed = Bed::new().await;
    let fifo = bed.url("q.fifo", &[(QueueAttributeName::FifoQueue, "true")]).await;
    let nothing = fifo.replace("q.fifo", "nothing");
    for (url, why) in [
        ("lamplighter", "is not the URL of a queue"),
        (&fifo, "is a FIFO queue: use a standard one"),
        (&nothing, "create the queue, or correct its URL"),
    ] {
        let fault = SqsQueue::open(&bed.config, url).await.err().unwrap();
        assert_eq!(fault.kind, FaultKind::Config);
        assert!(fault.chain().contains(why), "{}", fault.chain());
    }
}
