//! The operations together, and what comes of them.

use serde::de::DeserializeOwned;
use serde_json::{Value, from_value, json};

use super::{list::*, permission::*, put_events::*, put_rule::*, put_targets::*};
use crate::{
    bed::Bed,
    operation::Operation,
    sqs::{queues::CreateQueue, receive::ReceiveMessage},
};

const QUEUE: &str = "arn:aws:sqs:eu-west-1:111122223333:";

fn ask<O: Operation + DeserializeOwned>(bed: &Bed, request: Value) -> Result<Value, &'static str> {
    bed.ask(from_value::<O>(request).unwrap())
}

/// Queues that let EventBridge in.
fn bed(queues: &[&str]) -> Bed {
    let bed = Bed::new();
    for name in queues {
        let policy = json!({"Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage", "Resource": "*",
        }});
        let mut attributes = json!({"Policy": policy.to_string()});
        if name.ends_with(".fifo") {
            attributes["FifoQueue"] = json!("true");
            attributes["ContentBasedDeduplication"] = json!("true");
        }
        ask::<CreateQueue>(&bed, json!({"QueueName": name, "Attributes": attributes})).unwrap();
    }
    bed
}

fn rule(bed: &Bed, name: &str, pattern: Value) -> Result<Value, &'static str> {
    ask::<PutRule>(bed, json!({"Name": name, "EventPattern": pattern.to_string()}))
}

fn target(bed: &Bed, rule: &str, target: Value) -> Result<Value, &'static str> {
    ask::<PutTargets>(bed, json!({"Rule": rule, "Targets": [target]}))
}

/// The bodies of the messages in a queue, each of which is shown once.
fn messages(bed: &Bed, queue: &str) -> Vec<Value> {
    let url = format!("https://sqs.eu-west-1.amazonaws.com/{}/{queue}", bed.place.account);
    let request = json!({"QueueUrl": url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 43_200});
    let mut received = ask::<ReceiveMessage>(bed, request).unwrap();
    let messages = received["Messages"].as_array_mut().map(std::mem::take).unwrap_or_default();
    messages
        .into_iter()
        .map(|it| serde_json::from_str(it["Body"].as_str().unwrap()).unwrap())
        .collect()
}

fn put(bed: &Bed, entry: Value) -> Value {
    let put = ask::<PutEvents>(bed, json!({"Entries": [entry]})).unwrap();
    put["Entries"][0].clone()
}

fn event(source: &str) -> Value {
    json!({"Source": source, "DetailType": "test", "Detail": "{\"state\": \"done\"}"})
}

#[test]
fn an_event_comes_to_the_queue_in_its_envelope() {
    let bed = bed(&["work"]);
    rule(&bed, "all", json!({"source": ["aws.ec2"]})).unwrap();
    target(&bed, "all", json!({"Id": "1", "Arn": format!("{QUEUE}work")})).unwrap();
    bed.cloud.look(|state, now| {
        let detail = json!({"instance-id": "i-1", "state": "stopped"});
        let resources = vec!["arn:aws:ec2:eu-west-1:111122223333:instance/i-1".to_owned()];
        let kind = "EC2 Instance State-change Notification";
        state.events.emit(&bed.place, now, "aws.ec2", kind, resources, detail);
        state.events.emit(&bed.place, now, "aws.rds", "other", Vec::new(), json!({}));
    });
    let expected = json!({
        "version": "0",
        "id": "69a4ef20-0000-4000-8000-000000000001",
        "detail-type": "EC2 Instance State-change Notification",
        "source": "aws.ec2",
        "account": "111122223333",
        "time": "2026-03-02T02:00:00Z",
        "region": "eu-west-1",
        "resources": ["arn:aws:ec2:eu-west-1:111122223333:instance/i-1"],
        "detail": {"instance-id": "i-1", "state": "stopped"},
    });
    assert_eq!(messages(&bed, "work"), [expected]);
}

#[test]
fn only_enabled_rules_whose_pattern_takes_it_deliver() {
    let bed = bed(&["work"]);
    rule(&bed, "ours", json!({"source": ["ours"], "detail": {"state": ["done"]}})).unwrap();
    target(
        &bed,
        "ours",
        json!({"Id": "1", "Arn": format!("{QUEUE}work"), "InputPath": "$.detail.state"}),
    )
    .unwrap();
    put(&bed, event("theirs"));
    put(&bed, event("ours"));
    assert_eq!(messages(&bed, "work"), [json!("done")]);
    let off =
        json!({"Name": "ours", "EventPattern": "{\"source\": [\"ours\"]}", "State": "DISABLED"});
    ask::<PutRule>(&bed, off).unwrap();
    put(&bed, event("ours"));
    assert_eq!(messages(&bed, "work"), Vec::<Value>::new());
}

#[test]
fn a_queue_must_let_eventbridge_in() {
    let bed = bed(&["dead"]);
    ask::<CreateQueue>(&bed, json!({"QueueName": "closed"})).unwrap();
    rule(&bed, "ours", json!({"source": ["ours"]})).unwrap();
    let closed = json!({"Id": "1", "Arn": format!("{QUEUE}closed"), "DeadLetterConfig": {"Arn": format!("{QUEUE}dead")}, "Input": "{}"});
    target(&bed, "ours", closed).unwrap();
    put(&bed, event("ours"));
    assert_eq!(messages(&bed, "closed"), Vec::<Value>::new());
    assert_eq!(messages(&bed, "dead")[0]["source"], "ours", "the event, not the input");
}

#[test]
fn a_fifo_queue_needs_a_group() {
    let bed = bed(&["work.fifo"]);
    rule(&bed, "ours", json!({"source": ["ours"]})).unwrap();
    let arn = format!("{QUEUE}work.fifo");
    let without = json!({"Id": "1", "Arn": arn, "Input": "\"hello\""});
    assert_eq!(target(&bed, "ours", without.clone()), Err("ValidationException"));
    let mut with = without;
    with["SqsParameters"] = json!({"MessageGroupId": "group"});
    assert_eq!(target(&bed, "ours", with), Ok(json!({"FailedEntryCount": 0, "FailedEntries": []})));
    put(&bed, event("ours"));
    assert_eq!(messages(&bed, "work.fifo"), [json!("hello")]);
}

#[test]
fn a_schedule_sends_an_event_to_its_own_targets() {
    let bed = bed(&["work", "other"]);
    ask::<PutRule>(&bed, json!({"Name": "ticks", "ScheduleExpression": "rate(5 minutes)"}))
        .unwrap();
    target(&bed, "ticks", json!({"Id": "1", "Arn": format!("{QUEUE}work")})).unwrap();
    rule(&bed, "all", json!({"source": [{"prefix": "aws"}]})).unwrap();
    target(&bed, "all", json!({"Id": "1", "Arn": format!("{QUEUE}other")})).unwrap();
    bed.pass(299);
    assert_eq!(messages(&bed, "work"), Vec::<Value>::new());
    bed.pass(1);
    let expected = json!({
        "version": "0",
        "id": "69a4f04c-0000-4000-8000-000000000002",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "111122223333",
        "time": "2026-03-02T02:05:00Z",
        "region": "eu-west-1",
        "resources": ["arn:aws:events:eu-west-1:111122223333:rule/ticks"],
        "detail": {},
    });
    assert_eq!(messages(&bed, "work"), [expected]);
    bed.pass(600);
    assert_eq!(messages(&bed, "work").len(), 2);
    // Another schedule: what was planned for the old one is void.
    ask::<PutRule>(&bed, json!({"Name": "ticks", "ScheduleExpression": "cron(0 3 * * ? *)"}))
        .unwrap();
    bed.pass(3000);
    let times: Vec<_> = messages(&bed, "work").iter().map(|it| it["time"].clone()).collect();
    assert_eq!(times, ["2026-03-02T03:00:00Z"]);
    assert_eq!(messages(&bed, "other"), Vec::<Value>::new());
}

#[test]
fn events_that_cannot_be_are_failed_one_by_one() {
    let bed = bed(&[]);
    let code = |entry: Value| put(&bed, entry)["ErrorCode"].clone();
    assert_eq!(code(event("ours")), Value::Null);
    assert_eq!(code(event("aws.ec2")), "NotAuthorizedForSourceException");
    assert_eq!(code(json!({"DetailType": "test", "Detail": "{}"})), "InvalidArgument");
    assert_eq!(
        code(json!({"Source": "ours", "DetailType": "test", "Detail": "[]"})),
        "MalformedDetail"
    );
    assert_eq!(
        code(json!({"Source": "ours", "DetailType": "test", "Detail": "{"})),
        "MalformedDetail"
    );
    let long = json!({"Source": "ours", "DetailType": "t".repeat(129), "Detail": "{}"});
    assert_eq!(code(long), "InvalidArgument");
    let two = json!({"Entries": [event("ours"), event("aws.x")]});
    let put = ask::<PutEvents>(&bed, two).unwrap();
    assert_eq!(
        (put["FailedEntryCount"].clone(), put["Entries"].as_array().unwrap().len()),
        (json!(1), 2)
    );
    let many = |count| ask::<PutEvents>(&bed, json!({"Entries": vec![event("ours"); count]}));
    assert!(many(10).is_ok());
    assert_eq!(many(11), Err("ValidationException"));
    assert_eq!(many(0), Err("ValidationException"));
    let large = json!({"Source": "ours", "DetailType": "test", "Detail": json!({"a": "x".repeat(999_990)}).to_string()});
    assert_eq!(ask::<PutEvents>(&bed, json!({"Entries": [large]})), Err("ValidationException"));
}

#[test]
fn rules_and_targets_are_listed() {
    let bed = bed(&["work"]);
    for name in ["b", "a"] {
        rule(&bed, name, json!({"source": ["ours"]})).unwrap();
    }
    let arn = |name: &str| format!("arn:aws:events:eu-west-1:111122223333:rule/{name}");
    let first = ask::<ListRules>(&bed, json!({"Limit": 1})).unwrap();
    let expected = json!({
        "Name": "a",
        "Arn": arn("a"),
        "EventPattern": "{\"source\":[\"ours\"]}",
        "State": "ENABLED",
        "EventBusName": "default",
    });
    assert_eq!(first["Rules"], json!([expected]));
    let second =
        ask::<ListRules>(&bed, json!({"Limit": 1, "NextToken": first["NextToken"]})).unwrap();
    assert_eq!((second["Rules"][0]["Name"].clone(), second.get("NextToken")), (json!("b"), None));
    let it = json!({"Id": "1", "Arn": format!("{QUEUE}work")});
    target(&bed, "a", it.clone()).unwrap();
    let targets = ask::<ListTargetsByRule>(&bed, json!({"Rule": "a"}));
    assert_eq!(targets, Ok(json!({"Targets": [it]})));
    let described = ask::<DescribeRule>(&bed, json!({"Name": "a"})).unwrap();
    assert_eq!(described["CreatedBy"], "111122223333");
    let delete = || ask::<DeleteRule>(&bed, json!({"Name": "a"}));
    assert_eq!(delete(), Err("ValidationException"));
    let remove = json!({"Rule": "a", "Ids": ["1", "2"]});
    assert!(ask::<RemoveTargets>(&bed, remove.clone()).is_ok());
    assert_eq!((delete(), delete()), (Ok(Value::Null), Ok(Value::Null)));
    assert_eq!(ask::<RemoveTargets>(&bed, remove), Err("ResourceNotFoundException"));
    assert_eq!(ask::<DescribeRule>(&bed, json!({"Name": "a"})), Err("ResourceNotFoundException"));
}

#[test]
fn rules_and_targets_that_cannot_be_are_refused() {
    let bed = bed(&["work"]);
    let put = |request| ask::<PutRule>(&bed, request).map(|_| ());
    assert_eq!(put(json!({"Name": "a"})), Err("ValidationException"));
    assert_eq!(
        put(json!({"Name": "a b", "EventPattern": "{\"a\":[1]}"})),
        Err("ValidationException")
    );
    assert_eq!(
        put(json!({"Name": "a", "ScheduleExpression": "rate(1 second)"})),
        Err("ValidationException")
    );
    assert_eq!(
        put(json!({"Name": "a", "EventPattern": "{}"})),
        Err("InvalidEventPatternException")
    );
    let other = json!({"Name": "a", "EventPattern": "{\"a\":[1]}", "EventBusName": "other"});
    assert_eq!(put(other), Err("ResourceNotFoundException"));
    rule(&bed, "a", json!({"source": ["ours"]})).unwrap();
    for wrong in [
        "arn:aws:lambda:eu-west-1:111122223333:function:f",
        "arn:aws:sqs:eu-west-2:111122223333:work",
        "arn:aws:sqs:eu-west-1:444455556666:work",
        "arn:aws:events:eu-west-1:111122223333:event-bus/default",
        "arn:aws:events:eu-west-2:111122223333:event-bus/default",
    ] {
        let refused = target(&bed, "a", json!({"Id": "1", "Arn": wrong}));
        assert_eq!(refused, Err("ValidationException"), "{wrong}");
    }
    let arn = format!("{QUEUE}work");
    for wrong in [
        json!({"Id": "a b", "Arn": arn}),
        json!({"Id": "1", "Arn": arn, "Input": "{"}),
        json!({"Id": "1", "Arn": arn, "Input": "{}", "InputPath": "$"}),
        json!({"Id": "1", "Arn": arn, "InputPath": "$.a[0]"}),
        json!({"Id": "1", "Arn": arn, "RetryPolicy": {"MaximumRetryAttempts": 186}}),
    ] {
        assert_eq!(target(&bed, "a", wrong.clone()), Err("ValidationException"), "{wrong}");
    }
    for id in 1..=5 {
        target(&bed, "a", json!({"Id": id.to_string(), "Arn": arn})).unwrap();
    }
    assert_eq!(target(&bed, "a", json!({"Id": "6", "Arn": arn})), Err("LimitExceededException"));
    assert!(target(&bed, "a", json!({"Id": "5", "Arn": arn})).is_ok());
}

#[test]
fn events_go_to_another_account_that_admits_them_and_no_further() {
    let hub = bed(&["work"]);
    let spoke = hub.at("444455556666", "eu-west-1");
    let third = hub.at("777788889999", "eu-west-1");
    let bus =
        |bed: &Bed| format!("arn:aws:events:eu-west-1:{}:event-bus/default", bed.place.account);
    let pattern = json!({"source": ["ours"]});
    for (from, to) in [(&spoke, &hub), (&hub, &third), (&hub, &spoke)] {
        rule(from, "forward", pattern.clone()).unwrap();
        target(from, "forward", json!({"Id": to.place.account.to_string(), "Arn": bus(to)}))
            .unwrap();
    }
    let open = json!({"QueueName": "third", "Attributes": {"Policy": "{}"}});
    ask::<CreateQueue>(&third, open).unwrap();
    rule(&third, "all", pattern.clone()).unwrap();
    let arn = "arn:aws:sqs:eu-west-1:777788889999:third";
    target(&third, "all", json!({"Id": "1", "Arn": arn})).unwrap();
    rule(&hub, "work", pattern).unwrap();
    target(&hub, "work", json!({"Id": "1", "Arn": format!("{QUEUE}work")})).unwrap();
    // These two admit everybody, so that only the rule keeps events from going on to them.
    for bed in [&third, &spoke] {
        let admit =
            json!({"Action": "events:PutEvents", "Principal": "*", "StatementId": "everybody"});
        ask::<PutPermission>(bed, admit).unwrap();
    }
    put(&spoke, event("ours"));
    assert_eq!(messages(&hub, "work"), Vec::<Value>::new(), "not admitted");
    let direct =
        json!({"Source": "ours", "DetailType": "test", "Detail": "{}", "EventBusName": bus(&hub)});
    assert_eq!(put(&spoke, direct.clone())["ErrorCode"], "AccessDeniedException");
    let admit = json!({
        "Action": "events:PutEvents",
        "Principal": "*",
        "StatementId": "organization",
        "Condition": {"Type": "StringEquals", "Key": "aws:PrincipalOrgID", "Value": "o-1"},
    });
    ask::<PutPermission>(&hub, admit).unwrap();
    put(&spoke, event("ours"));
    assert_eq!(messages(&hub, "work"), Vec::<Value>::new(), "another organization");
    hub.cloud.look(|state, _| state.organization.id = Some("o-1".into()));
    put(&spoke, event("ours"));
    let received = messages(&hub, "work");
    assert_eq!(received[0]["account"], "444455556666", "it keeps its account");
    assert_eq!(received.len(), 1);
    let all = hub.cloud.look(|state, _| {
        state.services_of(&third.place).map(|it| it.sqs.queues["third"].counts(hub.now()).visible)
    });
    assert_eq!(all, Some(0), "it goes to no third account");
    assert_eq!(put(&spoke, direct)["ErrorCode"], Value::Null);
    let remove = json!({"StatementId": "organization"});
    assert_eq!(ask::<RemovePermission>(&hub, remove.clone()), Ok(Value::Null));
    assert_eq!(ask::<RemovePermission>(&hub, remove), Err("ResourceNotFoundException"));
}
