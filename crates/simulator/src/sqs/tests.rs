//! The operations together.

use serde::de::DeserializeOwned;
use serde_json::{Value, from_value, json};

use super::{delete::*, queue_attributes::*, queues::*, receive::*, send::*};
use crate::{bed::Bed, operation::Operation};

const URL: &str = "https://sqs.eu-west-1.amazonaws.com/111122223333/work";

fn ask<O: Operation + DeserializeOwned>(bed: &Bed, request: Value) -> Result<Value, &'static str> {
    bed.ask(from_value::<O>(request).unwrap())
}

fn create(bed: &Bed, name: &str, attributes: Value) -> Result<Value, &'static str> {
    ask::<CreateQueue>(bed, json!({"QueueName": name, "Attributes": attributes}))
}

fn bed() -> Bed {
    let bed = Bed::new();
    create(&bed, "work", json!({})).unwrap();
    bed
}

fn send(bed: &Bed, body: &str) -> Result<Value, &'static str> {
    ask::<SendMessage>(bed, json!({"QueueUrl": URL, "MessageBody": body}))
}

fn receive(bed: &Bed, more: Value) -> Result<Value, &'static str> {
    let mut request = json!({"QueueUrl": URL});
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    ask::<ReceiveMessage>(bed, request)
}

#[test]
fn a_message_is_sent_received_and_deleted() {
    let bed = bed();
    let request = json!({
        "QueueUrl": URL,
        "MessageBody": "hello",
        "MessageGroupId": "tenant",
        "MessageAttributes": {"a.b": {"DataType": "String", "StringValue": "x"}},
    });
    let sent = ask::<SendMessage>(&bed, request).unwrap();
    assert_eq!(
        sent,
        json!({
            "MessageId": "00000000-0000-4000-8000-000000000001",
            "MD5OfMessageBody": "5d41402abc4b2a76b9719d911017c592",
            "MD5OfMessageAttributes": "406559c19347927c97f4e25c09faa26a",
        })
    );
    bed.pass(1);
    let names = json!({"AttributeNames": ["All"], "MessageAttributeNames": ["a.*"]});
    let received = receive(&bed, names).unwrap();
    let message = &received["Messages"][0];
    let handle = message["ReceiptHandle"].clone();
    assert_eq!(
        *message,
        json!({
            "MessageId": "00000000-0000-4000-8000-000000000001",
            "ReceiptHandle": handle,
            "MD5OfBody": "5d41402abc4b2a76b9719d911017c592",
            "Body": "hello",
            "Attributes": {
                "ApproximateFirstReceiveTimestamp": "1772416801000",
                "ApproximateReceiveCount": "1",
                "MessageGroupId": "tenant",
                "SenderId": "111122223333",
                "SentTimestamp": "1772416800000",
            },
            "MD5OfMessageAttributes": "406559c19347927c97f4e25c09faa26a",
            "MessageAttributes": {"a.b": {"DataType": "String", "StringValue": "x"}},
        })
    );
    let delete = json!({"QueueUrl": URL, "ReceiptHandle": handle});
    assert_eq!(ask::<DeleteMessage>(&bed, delete), Ok(Value::Null));
    bed.pass(60);
    assert_eq!(receive(&bed, json!({})), Ok(json!({})));
    let wrong = json!({"QueueUrl": URL, "ReceiptHandle": "wrong"});
    assert_eq!(ask::<DeleteMessage>(&bed, wrong), Err("ReceiptHandleIsInvalid"));
}

#[test]
fn an_empty_queue_says_until_when_the_caller_waits() {
    let bed = bed();
    let until = |more: Value| {
        let mut request = json!({"QueueUrl": URL});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let request = from_value::<ReceiveMessage>(request).unwrap();
        let performed = bed.cloud.perform(&bed.caller, &bed.place, request, false, |_| ());
        performed.retry_until.map(|it| it.as_second() - bed.now().as_second())
    };
    assert_eq!(until(json!({})), None);
    assert_eq!(until(json!({"WaitTimeSeconds": 20})), Some(20));
    let attributes = json!({"ReceiveMessageWaitTimeSeconds": "5"});
    ask::<SetQueueAttributes>(&bed, json!({"QueueUrl": URL, "Attributes": attributes})).unwrap();
    assert_eq!(until(json!({})), Some(5));
    assert_eq!(until(json!({"WaitTimeSeconds": 0})), None);
    send(&bed, "hello").unwrap();
    assert_eq!(until(json!({})), None, "there is one");
}

#[test]
fn parameters_are_in_their_range() {
    let bed = bed();
    for (name, wrong) in [
        ("MaxNumberOfMessages", 0),
        ("MaxNumberOfMessages", 11),
        ("WaitTimeSeconds", 21),
        ("VisibilityTimeout", 43_201),
    ] {
        assert_eq!(receive(&bed, json!({name: wrong})), Err("InvalidParameterValue"), "{name}");
    }
    let name = json!({"AttributeNames": ["Colour"]});
    assert_eq!(receive(&bed, name), Err("InvalidAttributeName"));
}

#[test]
fn a_batch_says_what_failed() {
    let bed = bed();
    let entry = |id: &str, body: &str| json!({"Id": id, "MessageBody": body});
    let send = |entries: Value| {
        ask::<SendMessageBatch>(&bed, json!({"QueueUrl": URL, "Entries": entries}))
    };
    let sent = send(json!([entry("a", "one"), entry("b", "\u{1}"), entry("c", "two")])).unwrap();
    let ids = |it: &Value| -> Vec<_> {
        it.as_array().unwrap().iter().map(|it| it["Id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        (ids(&sent["Successful"]), ids(&sent["Failed"])),
        (vec!["a".into(), "c".into()], vec!["b".to_owned()])
    );
    assert_eq!(sent["Failed"][0]["Code"], "InvalidMessageContents");
    assert_eq!(sent["Failed"][0]["SenderFault"], true);
    let half = "x".repeat(524_288);
    assert!(send(json!([entry("a", &half), entry("b", &half)])).is_ok());
    let more = send(json!([entry("a", &half), entry("b", &half), entry("c", "x")]));
    assert_eq!(more, Err("BatchRequestTooLong"));
    let messages = receive(&bed, json!({"MaxNumberOfMessages": 10})).unwrap();
    let handles = messages["Messages"].as_array().unwrap().iter().map(|it| &it["ReceiptHandle"]);
    let handles: Vec<_> = handles.collect();
    assert_eq!(handles.len(), 4);
    let hidden = json!([
        {"Id": "a", "ReceiptHandle": handles[0], "VisibilityTimeout": 0},
        {"Id": "b", "ReceiptHandle": "wrong", "VisibilityTimeout": 0},
    ]);
    let request = json!({"QueueUrl": URL, "Entries": hidden});
    let changed = ask::<ChangeMessageVisibilityBatch>(&bed, request).unwrap();
    assert_eq!(ids(&changed["Successful"]), ["a"]);
    assert_eq!(changed["Failed"][0]["Code"], "ReceiptHandleIsInvalid");
    let gone = json!([{"Id": "a", "ReceiptHandle": handles[1]}]);
    let deleted = ask::<DeleteMessageBatch>(&bed, json!({"QueueUrl": URL, "Entries": gone}));
    assert_eq!(deleted, Ok(json!({"Successful": [{"Id": "a"}], "Failed": []})));
    let counts = json!({"QueueUrl": URL, "AttributeNames": ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]});
    assert_eq!(
        ask::<GetQueueAttributes>(&bed, counts),
        Ok(
            json!({"Attributes": {"ApproximateNumberOfMessages": "1", "ApproximateNumberOfMessagesNotVisible": "2"}})
        )
    );
}

#[test]
fn a_queue_is_created_once_with_its_attributes() {
    let bed = bed();
    let url = Ok(json!({"QueueUrl": URL}));
    assert_eq!(create(&bed, "work", json!({})), url);
    assert_eq!(create(&bed, "work", json!({"VisibilityTimeout": "30"})), url, "it is the default");
    assert_eq!(create(&bed, "work", json!({"VisibilityTimeout": "31"})), Err("QueueNameExists"));
    assert_eq!(create(&bed, "a b", json!({})), Err("InvalidParameterValue"));
    assert_eq!(create(&bed, &"a".repeat(81), json!({})), Err("InvalidParameterValue"));
    assert_eq!(create(&bed, "fifo", json!({"FifoQueue": "true"})), Err("InvalidParameterValue"));
    assert!(create(&bed, "work.fifo", json!({"FifoQueue": "true"})).is_ok());
    assert_eq!(create(&bed, "other.fifo", json!({})), Err("InvalidParameterValue"));
    let delete = || ask::<DeleteQueue>(&bed, json!({"QueueUrl": URL}));
    assert_eq!((delete(), delete()), (Ok(Value::Null), Err("QueueDoesNotExist")));
    assert_eq!(send(&bed, "hello"), Err("QueueDoesNotExist"));
    bed.pass(59);
    assert_eq!(create(&bed, "work", json!({})), Err("QueueDeletedRecently"));
    bed.pass(1);
    assert_eq!(create(&bed, "work", json!({})), url);
}

#[test]
fn queues_are_listed_by_prefix_in_pages() {
    let bed = bed();
    for name in ["web", "work-2", "work-3"] {
        create(&bed, name, json!({})).unwrap();
    }
    let list = |request| ask::<ListQueues>(&bed, request).unwrap();
    let names = |it: &Value| -> Vec<_> {
        let urls = it["QueueUrls"].as_array().unwrap().iter();
        urls.map(|it| it.as_str().unwrap().rsplit('/').next().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&list(json!({}))), ["web", "work", "work-2", "work-3"]);
    let first = list(json!({"QueueNamePrefix": "work", "MaxResults": 2}));
    assert_eq!(names(&first), ["work", "work-2"]);
    let rest = json!({"QueueNamePrefix": "work", "MaxResults": 2, "NextToken": first["NextToken"]});
    assert_eq!(names(&list(rest)), ["work-3"]);
    assert_eq!(list(json!({"QueueNamePrefix": "none"})), json!({}));
}

#[test]
fn another_account_is_let_in_by_the_queues_policy() {
    let bed = bed();
    let other = bed.at("444455556666", "eu-west-1");
    let name = json!({"QueueName": "work", "QueueOwnerAWSAccountId": "111122223333"});
    assert_eq!(send(&other, "hello"), Err("AccessDenied"));
    assert_eq!(ask::<GetQueueUrl>(&other, name.clone()), Err("QueueDoesNotExist"));
    let policy = |account: &str| {
        let policy = json!({"Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Principal": {"AWS": account}, "Action": "sqs:*", "Resource": "*",
        }});
        json!({"QueueUrl": URL, "Attributes": {"Policy": policy.to_string()}})
    };
    let set = policy("444455556666");
    assert_eq!(ask::<SetQueueAttributes>(&other, set.clone()), Err("AccessDenied"));
    ask::<SetQueueAttributes>(&bed, policy("999900001111")).unwrap();
    assert_eq!(send(&other, "hello"), Err("AccessDenied"));
    ask::<SetQueueAttributes>(&bed, set).unwrap();
    assert!(send(&other, "hello").is_ok());
    assert_eq!(ask::<GetQueueUrl>(&other, name), Ok(json!({"QueueUrl": URL})));
    assert_eq!(ask::<DeleteQueue>(&other, json!({"QueueUrl": URL})), Err("AccessDenied"));
    let elsewhere = bed.at("111122223333", "eu-west-2");
    assert_eq!(send(&elsewhere, "hello"), Err("InvalidAddress"));
}

#[test]
fn a_url_is_of_the_clouds_own_end_point() {
    let bed = bed();
    bed.cloud.dial(|it| it.endpoint = Some("http://127.0.0.1:4566/".into()));
    let url = json!({"QueueUrl": "http://127.0.0.1:4566/111122223333/work"});
    assert_eq!(ask::<GetQueueUrl>(&bed, json!({"QueueName": "work"})), Ok(url.clone()));
    assert!(ask::<PurgeQueue>(&bed, url.clone()).is_ok());
    assert_eq!(ask::<PurgeQueue>(&bed, url), Err("PurgeQueueInProgress"));
    for wrong in [
        "work",
        "http://host/work",
        "http://host/111122223333/work/1",
        "ftp://host/111122223333/work",
    ] {
        assert_eq!(
            ask::<PurgeQueue>(&bed, json!({"QueueUrl": wrong})),
            Err("InvalidAddress"),
            "{wrong}"
        );
    }
}

#[test]
fn a_queue_for_dead_letters_is_beside_its_source_and_of_its_type() {
    let bed = bed();
    create(&bed, "dead", json!({})).unwrap();
    create(&bed, "dead.fifo", json!({"FifoQueue": "true"})).unwrap();
    create(&bed, "closed", json!({"RedriveAllowPolicy": r#"{"redrivePermission":"denyAll"}"#}))
        .unwrap();
    let set = |arn: &str| {
        let policy = json!({"deadLetterTargetArn": arn, "maxReceiveCount": 1}).to_string();
        let attributes = json!({"RedrivePolicy": policy});
        ask::<SetQueueAttributes>(&bed, json!({"QueueUrl": URL, "Attributes": attributes}))
    };
    let arn = "arn:aws:sqs:eu-west-1:111122223333:";
    for wrong in ["none", "dead.fifo", "closed", "work"] {
        assert_eq!(set(&format!("{arn}{wrong}")), Err("InvalidParameterValue"), "{wrong}");
    }
    assert_eq!(set("arn:aws:sqs:eu-west-2:111122223333:dead"), Err("InvalidParameterValue"));
    assert!(set(&format!("{arn}dead")).is_ok());
    send(&bed, "hello").unwrap();
    assert_ne!(receive(&bed, json!({})), Ok(json!({})));
    bed.pass(30);
    assert_eq!(receive(&bed, json!({})), Ok(json!({})));
    let dead = URL.replace("work", "dead");
    let request = json!({"QueueUrl": dead, "AttributeNames": ["DeadLetterQueueSourceArn"]});
    let received = ask::<ReceiveMessage>(&bed, request).unwrap();
    let attributes = &received["Messages"][0]["Attributes"];
    assert_eq!(*attributes, json!({"DeadLetterQueueSourceArn": format!("{arn}work")}));
}

#[test]
fn a_fifo_queue_needs_a_group_and_a_token() {
    let bed = bed();
    create(&bed, "work.fifo", json!({"FifoQueue": "true"})).unwrap();
    let send = |more: Value| {
        let mut request = json!({"QueueUrl": format!("{URL}.fifo"), "MessageBody": "hello"});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ask::<SendMessage>(&bed, request).map(|it| it["SequenceNumber"].clone())
    };
    assert_eq!(send(json!({})), Err("MissingParameter"));
    assert_eq!(send(json!({"MessageGroupId": "a"})), Err("InvalidParameterValue"));
    let whole = json!({"MessageGroupId": "a", "MessageDeduplicationId": "1"});
    assert_eq!(send(whole.clone()), Ok(json!("10000000000000000001")));
    assert_eq!(send(whole), Ok(json!("10000000000000000001")), "the same message");
    let delayed = json!({"MessageGroupId": "a", "MessageDeduplicationId": "2", "DelaySeconds": 1});
    assert_eq!(send(delayed), Err("InvalidParameterValue"));
}
