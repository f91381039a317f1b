use proptest::prelude::*;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

fn queue(attributes: &[(&str, &str)]) -> Queue {
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let attributes = attributes.iter().map(pair).collect();
    let attributes =
        Attributes::default().with(&attributes, crate::sqs::attributes::When::Created).unwrap();
    Queue::new("arn".into(), attributes, Tags::new(), at(0))
}

fn fifo(more: &[(&str, &str)]) -> Queue {
    queue(&[&[("FifoQueue", "true"), ("ContentBasedDeduplication", "true")], more].concat())
}

/// Sends a message whose body is `group:rest`, in that group.
fn send(queue: &mut Queue, body: &str, now: i64) -> String {
    let group = body.split_once(':').map(|(group, _)| group.to_owned());
    let content =
        Content { message_body: body.to_owned(), message_group_id: group, ..Content::default() };
    content.check(&queue.attributes).unwrap();
    queue.send(content, "me", format!("id-of-{body}-{now}"), at(now)).id
}

/// Receives and says the bodies, with the handles.
fn take(queue: &mut Queue, most: usize, now: i64) -> (String, Vec<Handle>) {
    let received = queue.receive(most, seconds(30), at(now)).unwrap();
    let (handles, messages): (Vec<_>, Vec<_>) = received.messages.into_iter().unzip();
    let bodies: Vec<_> = messages.into_iter().map(|it| it.body).collect();
    (bodies.join(" "), handles)
}

fn receive(queue: &mut Queue, most: usize, now: i64) -> String {
    take(queue, most, now).0
}

fn counts(queue: &Queue, now: i64) -> (usize, usize, usize) {
    let Counts { visible, in_flight, delayed } = queue.counts(at(now));
    (visible, in_flight, delayed)
}

#[test]
fn what_was_received_is_invisible_for_a_time() {
    let mut queue = queue(&[]);
    send(&mut queue, "one", 0);
    assert_eq!(receive(&mut queue, 10, 0), "one");
    assert_eq!((receive(&mut queue, 10, 29), counts(&queue, 29)), (String::new(), (0, 1, 0)));
    assert_eq!((counts(&queue, 30), receive(&mut queue, 10, 30)), ((1, 0, 0), "one".into()));
}

#[test]
fn an_older_receipt_handle_deletes_nothing() {
    let mut queue = queue(&[]);
    send(&mut queue, "one", 0);
    let (_, first) = take(&mut queue, 1, 0);
    let (_, second) = take(&mut queue, 1, 30);
    assert_eq!(queue.delete(&first[0], at(31)), Ok(()));
    assert_eq!(counts(&queue, 31), (0, 1, 0));
    let change = queue.change_visibility(&first[0], seconds(5), at(31));
    assert_eq!(change.map_err(|it| it.code), Err("InvalidParameterValue"));
    // It is visible again, but nobody else has received it.
    assert_eq!(queue.delete(&second[0], at(99)), Ok(()));
    assert_eq!(counts(&queue, 99), (0, 0, 0));
    assert_eq!(queue.delete(&second[0], at(99)), Ok(()), "a second time is no error");
}

#[test]
fn a_fifo_queue_refuses_a_handle_that_has_expired() {
    let mut queue = fifo(&[]);
    send(&mut queue, "a:1", 0);
    let (_, handles) = take(&mut queue, 1, 0);
    let deleted = queue.delete(&handles[0], at(30));
    assert_eq!(deleted.map_err(|it| it.code), Err("InvalidParameterValue"));
    assert_eq!(counts(&queue, 30), (1, 0, 0));
}

#[test]
fn a_message_is_invisible_for_twelve_hours_at_most() {
    let mut queue = queue(&[]);
    send(&mut queue, "one", 0);
    let (_, handles) = take(&mut queue, 1, 0);
    let mut change = |hidden, now| {
        queue.change_visibility(&handles[0], seconds(hidden), at(now)).map_err(|it| it.code)
    };
    assert_eq!(change(43_200, 1), Err("InvalidParameterValue"));
    assert_eq!(change(43_199, 1), Ok(()));
    assert_eq!(change(60, 43_140), Ok(()));
    assert_eq!(change(61, 43_140), Err("InvalidParameterValue"));
    assert_eq!(change(0, 43_150), Ok(()));
    assert_eq!(change(10, 43_150), Err("MessageNotInflight"));
}

#[test]
fn messages_are_kept_back_when_they_are_sent_not_later() {
    let mut queue = queue(&[("DelaySeconds", "60")]);
    send(&mut queue, "one", 0);
    let now = Content { message_body: "now".into(), delay_seconds: Some(0), ..Content::default() };
    queue.send(now, "me", "id".into(), at(0));
    assert_eq!((counts(&queue, 0), receive(&mut queue, 10, 0)), ((1, 0, 1), "now".into()));
    assert_eq!((counts(&queue, 59), receive(&mut queue, 10, 59)), ((1, 0, 1), "now".into()));
    assert_eq!(receive(&mut queue, 10, 60), "one");
}

#[test]
fn messages_are_forgotten_after_their_time() {
    let mut queue = queue(&[("MessageRetentionPeriod", "60")]);
    send(&mut queue, "one", 0);
    send(&mut queue, "two", 1);
    assert_eq!(receive(&mut queue, 10, 60), "two");
    assert_eq!(receive(&mut queue, 10, 90), "");
    queue.expire(at(90));
    assert_eq!(counts(&queue, 90), (0, 0, 0));
}

#[test]
fn what_was_received_too_often_goes_elsewhere() {
    let policy = r#"{"deadLetterTargetArn": "arn:aws:sqs:eu-west-1:111122223333:dead", "maxReceiveCount": 2}"#;
    let mut queue = queue(&[("RedrivePolicy", policy)]);
    send(&mut queue, "one", 0);
    assert_eq!([0, 30].map(|now| receive(&mut queue, 10, now)), ["one", "one"]);
    let received = queue.receive(10, seconds(30), at(60)).unwrap();
    assert!(received.messages.is_empty());
    let mut dead = Queue::new("dead-arn".into(), Attributes::default(), Tags::new(), at(0));
    let message = received.dead.into_iter().next().unwrap();
    assert_eq!(message.receives, 2);
    dead.take_dead_letter(message, "arn", at(60));
    let received = dead.receive(10, seconds(30), at(60)).unwrap();
    let [(_, message)] = &received.messages[..] else { panic!("one message") };
    assert_eq!((message.receives, message.sent_at, &*message.id), (3, at(0), "id-of-one-0"));
    assert_eq!(message.dead_letter_of.as_deref(), Some("arn"));
}

#[test]
fn a_fifo_queue_takes_the_same_once_in_five_minutes() {
    let mut queue = fifo(&[]);
    let first = send(&mut queue, "a:1", 0);
    assert_eq!(send(&mut queue, "a:1", 299), first);
    assert_ne!(send(&mut queue, "a:1", 300), first);
    assert_eq!(receive(&mut queue, 10, 300), "a:1 a:1");
    let mut queue = fifo(&[]);
    let in_group = |group: &str| Content {
        message_body: "same".into(),
        message_group_id: Some(group.to_owned()),
        ..Content::default()
    };
    queue.send(in_group("a"), "me", "id".into(), at(0));
    queue.send(in_group("b"), "me", "id".into(), at(0));
    assert_eq!(receive(&mut queue, 10, 0), "same", "the group does not count");
    let mut queue = fifo(&[("DeduplicationScope", "messageGroup")]);
    queue.send(in_group("a"), "me", "id".into(), at(0));
    queue.send(in_group("b"), "me", "id".into(), at(0));
    assert_eq!(receive(&mut queue, 10, 0), "same same");
}

#[test]
fn a_fifo_queue_keeps_the_order_of_each_group_and_blocks_it() {
    let mut queue = fifo(&[]);
    for body in ["a:1", "b:1", "a:2", "a:3", "b:2"] {
        send(&mut queue, body, 0);
    }
    let (bodies, handles) = take(&mut queue, 2, 0);
    assert_eq!(bodies, "a:1 a:2");
    assert_eq!(receive(&mut queue, 1, 1), "b:1");
    assert_eq!(receive(&mut queue, 10, 1), "", "both groups are blocked");
    queue.delete(&handles[0], at(2)).unwrap();
    assert_eq!(receive(&mut queue, 10, 2), "", "one of two is still in flight");
    queue.change_visibility(&handles[1], seconds(0), at(2)).unwrap();
    assert_eq!(receive(&mut queue, 10, 2), "a:2 a:3");
    assert_eq!(receive(&mut queue, 10, 31), "b:1 b:2");
    let mut queue = fifo(&[]);
    send(&mut queue, "a:1", 0);
    send(&mut queue, "a:2", 0);
    let (_, handles) = take(&mut queue, 2, 0);
    queue.change_visibility(&handles[0], seconds(0), at(1)).unwrap();
    assert_eq!(receive(&mut queue, 10, 1), "", "the second is still in flight");
}

#[test]
fn nobody_waits_behind_a_group_that_has_many() {
    let mut queue = queue(&[]);
    for number in 0..30 {
        send(&mut queue, &format!("noisy:{number}"), 0);
    }
    send(&mut queue, "quiet:1", 1);
    assert_eq!(receive(&mut queue, 2, 1), "noisy:0 quiet:1");
    send(&mut queue, "quiet:2", 2);
    assert_eq!(receive(&mut queue, 1, 2), "noisy:1", "the one that waits longer");
    assert_eq!(receive(&mut queue, 1, 2), "quiet:2");
}

#[test]
fn as_many_are_in_flight_as_may_be() {
    let mut standard = queue(&[]);
    for number in 0..=MOST_IN_FLIGHT {
        let message_body = number.to_string();
        standard.send(Content { message_body, ..Content::default() }, "me", String::new(), at(0));
    }
    let numbers: Vec<u64> = standard.messages.keys().copied().take(MOST_IN_FLIGHT - 1).collect();
    for number in numbers {
        standard.give(number, seconds(30), at(0));
    }
    assert_eq!(receive(&mut standard, 1, 0), (MOST_IN_FLIGHT - 1).to_string());
    let refused = standard.receive(1, seconds(30), at(0)).map(|it| it.messages.len());
    assert_eq!(refused.map_err(|it| it.code), Err("OverLimit"));
    assert_eq!(receive(&mut standard, 1, 30), MOST_IN_FLIGHT.to_string());
}

#[derive(Clone, Debug)]
enum Step {
    Send(u8),
    Receive(usize),
    Delete(usize),
    Pass(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..3u8).prop_map(Step::Send),
        (1..4usize).prop_map(Step::Receive),
        (0..4usize).prop_map(Step::Delete),
        (0..40i64).prop_map(Step::Pass),
    ]
}

proptest! {
    /// Whatever happens, a FIFO queue never gives out a message of a group before an earlier one
    /// of it is deleted, and never two receivers have messages of one group.
    #[test]
    fn fifo_order_holds(steps in prop::collection::vec(step(), 0..60)) {
        let mut queue = fifo(&[]);
        let (mut now, mut count) = (0, 0);
        // Undeleted messages of each group, in order; and what is held until when.
        let mut model: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut held: Vec<(String, String, Handle, i64)> = Vec::new();
        for step in steps {
            match step {
                Step::Send(group) => {
                    count += 1;
                    let body = format!("{group}:{count}");
                    send(&mut queue, &body, now);
                    model.entry(group.to_string()).or_default().push(body);
                }
                Step::Receive(most) => {
                    held.retain(|(_, _, _, until)| *until > now);
                    let received = queue.receive(most, seconds(30), at(now)).unwrap();
                    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
                    for (handle, message) in received.messages {
                        let group = message.group.unwrap();
                        prop_assert!(!held.iter().any(|(of, ..)| *of == group), "blocked");
                        let next = seen.entry(group.clone()).or_default();
                        prop_assert_eq!(&model[&group][*next], &message.body);
                        *next += 1;
                        held.push((format!("new {group}"), message.body, handle, now + 30));
                    }
                    for it in &mut held {
                        it.0 = it.0.trim_start_matches("new ").to_owned();
                    }
                }
                Step::Delete(which) if which < held.len() => {
                    let (group, body, handle, until) = held.remove(which);
                    let deleted = queue.delete(&handle, at(now));
                    prop_assert_eq!(deleted.is_ok(), until > now);
                    if until > now {
                        model.get_mut(&group).unwrap().retain(|it| *it != body);
                    }
                }
                Step::Delete(_) => {}
                Step::Pass(time) => now += time,
            }
            let all: usize = model.values().map(Vec::len).sum();
            let (visible, in_flight, _) = counts(&queue, now);
            prop_assert_eq!(visible + in_flight, all);
        }
    }
}
