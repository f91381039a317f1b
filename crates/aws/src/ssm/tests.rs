use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::wire::{Answer, Wire};

fn client(wire: &Wire) -> SsmClient {
    let process = crate::config::with_timeouts(&wire.process("eu-west-1"));
    let place =
        Place { account: "111122223333".parse().unwrap(), region: "eu-west-1".parse().unwrap() };
    SsmClient::new(&process, &place, "role `member`")
}

fn ok(answer: &Value) -> Answer {
    Answer::Http(200, answer.to_string())
}

fn error(code: &str) -> Answer {
    Answer::Http(400, json!({ "__type": code, "message": "no" }).to_string())
}

fn freezing() -> NewCommand {
    NewCommand {
        instance_id: "i-1".to_owned(),
        document: Document::Shell,
        parameters: BTreeMap::from([("commands", "sync".to_owned())]),
        comment: "lamplighter freezes i-1".to_owned(),
    }
}

#[tokio::test]
async fn a_command_goes_to_one_instance_and_waits_for_it_as_short_as_aws_lets_it() {
    let wire = Wire::script([ok(&json!({ "Command": { "CommandId": "c-1" } }))]);
    assert_eq!(client(&wire).send(&freezing()).await.unwrap(), "c-1");
    assert_eq!(
        wire.sent()[0].json(),
        json!({
            "DocumentName": "AWS-RunShellScript",
            "InstanceIds": ["i-1"],
            "TimeoutSeconds": 30,
            "Comment": "lamplighter freezes i-1",
            "Parameters": { "commands": ["sync"] },
        })
    );
}

#[tokio::test]
async fn a_command_is_never_sent_twice_and_may_have_run_when_its_answer_cannot_be_read() {
    for answer in [Answer::Reset, Answer::Http(500, "{}".to_owned()), ok(&json!({}))] {
        let wire = Wire::script([answer.clone(), answer.clone()]);
        let fault = client(&wire).send(&freezing()).await.unwrap_err();
        assert_eq!((fault.kind, wire.sent().len()), (FaultKind::Transient, 1), "{answer:?}");
    }
}

#[tokio::test]
async fn the_outcome_of_a_document_with_several_steps_is_that_of_the_one_that_matters() {
    for (document, step) in [(Document::Shell, None), (Document::Vss, Some("CreateVssSnapshot"))] {
        let wire = Wire::script([ok(&json!({ "Status": "Success", "ResponseCode": 0 }))]);
        let found = client(&wire).outcome(document, "c-1", "i-1").await.unwrap().unwrap();
        assert_eq!(found.exit_code, Some(0));
        let sent = wire.sent()[0].json();
        assert_eq!(sent["PluginName"].as_str(), step);
        assert_eq!((&sent["CommandId"], &sent["InstanceId"]), (&json!("c-1"), &json!("i-1")));
    }
}

#[tokio::test]
async fn what_runs_or_does_not_show_yet_has_no_outcome_and_what_has_not_begun_no_code() {
    #[track_caller]
    fn check(found: Result<Option<Outcome>, Fault>, expected: Option<(Option<i32>, &str)>) {
        let found = found.unwrap();
        let seen = found.as_ref().map(|it| (it.exit_code, it.details.as_str()));
        assert_eq!(seen, expected);
    }
    let runs = ["Pending", "InProgress", "Delayed", "Cancelling"];
    for status in runs {
        let wire = Wire::script([ok(&json!({ "Status": status, "ResponseCode": -1 }))]);
        check(client(&wire).outcome(Document::Shell, "c-1", "i-1").await, None);
    }
    let wire = Wire::script([error("InvocationDoesNotExist")]);
    check(client(&wire).outcome(Document::Shell, "c-1", "i-1").await, None);
    let ended = |status: &str, details: &str, code: i32| {
        let answer = json!({ "Status": status, "StatusDetails": details, "ResponseCode": code });
        Wire::script([ok(&answer)])
    };
    let wire = ended("Failed", "Failed", 203);
    let expected = Some((Some(203), "Failed"));
    check(client(&wire).outcome(Document::Shell, "c-1", "i-1").await, expected);
    let wire = ended("TimedOut", "DeliveryTimedOut", -1);
    let expected = Some((None, "DeliveryTimedOut"));
    check(client(&wire).outcome(Document::Shell, "c-1", "i-1").await, expected);
    let wire = Wire::script([ok(&json!({}))]);
    assert!(client(&wire).outcome(Document::Shell, "c-1", "i-1").await.is_err(), "no status");
}

#[tokio::test]
async fn instances_that_are_online_are_listed_page_by_page() {
    let page = |ids: &[&str], next: Option<&str>| {
        let list: Vec<Value> = ids.iter().map(|id| json!({ "InstanceId": id })).collect();
        ok(&json!({ "InstanceInformationList": list, "NextToken": next }))
    };
    let wire = Wire::script([page(&["i-1", "i-2"], Some("more")), page(&[], None)]);
    let first = client(&wire).online(None).await.unwrap();
    assert_eq!(first.items, ["i-1", "i-2"]);
    assert!(client(&wire).online(first.next).await.unwrap().next.is_none());
    let sent = wire.sent();
    assert_eq!(
        sent[0].json(),
        json!({ "Filters": [{ "Key": "PingStatus", "Values": ["Online"] }], "MaxResults": 50 })
    );
    assert_eq!(sent[1].json()["NextToken"], "more");
}

#[tokio::test]
async fn a_refusal_says_which_permission_is_missing_and_where() {
    let wire = Wire::script([error("AccessDeniedException")]);
    let fault = client(&wire).send(&freezing()).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Permission);
    let told = fault.chain();
    for part in ["ssm:SendCommand", "role `member` in 111122223333/eu-west-1", "`i-1`"] {
        assert!(told.contains(part), "{told}");
    }
}
