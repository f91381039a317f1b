use serde_json::{Value, json};

use super::*;
use crate::{
    bed::Bed,
    ec2::instances::{Platform, types},
};

/// A cloud with an instance that SSM hears of.
fn bed() -> Bed {
    let bed = Bed::new();
    put(&bed, "i-1", |_| {});
    bed
}

fn put(bed: &Bed, id: &str, change: impl FnOnce(&mut Instance)) {
    let kind = types::find("t3.micro").unwrap();
    let mut instance = Instance::running(id, kind, "eu-west-1a", bed.now());
    instance.agent = Agent::Online;
    change(&mut instance);
    bed.here(|it| it.ec2.instances.fill([(id.into(), instance)]));
}

fn sending(change: impl FnOnce(&mut SendCommand)) -> SendCommand {
    let mut it = SendCommand {
        document_name: "AWS-RunShellScript".to_owned(),
        instance_ids: vec!["i-1".to_owned()],
        parameters: [("commands".to_owned(), vec!["true".to_owned()])].into(),
        ..SendCommand::default()
    };
    change(&mut it);
    it
}

fn outcome(bed: &Bed, command_id: &str) -> Result<Value, &'static str> {
    let (command_id, instance_id) = (command_id.to_owned(), "i-1".to_owned());
    let found = bed.ask(GetCommandInvocation { command_id, instance_id, plugin_name: None })?;
    Ok(json!([found["Status"], found["ResponseCode"]]))
}

fn sent(bed: &Bed) -> String {
    bed.ask(sending(|_| {})).unwrap()["Command"]["CommandId"].as_str().unwrap().to_owned()
}

#[test]
fn a_command_shows_after_a_moment_runs_and_ends() {
    let bed = bed();
    bed.cloud.dial(|it| it.times.command = jiff::SignedDuration::from_secs(5));
    let command = sent(&bed);
    assert_eq!(command.len(), 36);
    assert_eq!(outcome(&bed, &command), Err("InvocationDoesNotExist"));
    bed.pass(1);
    assert_eq!(outcome(&bed, &command), Ok(json!(["InProgress", -1])));
    bed.pass(4);
    assert_eq!(outcome(&bed, &command), Ok(json!(["Success", 0])));
    bed.here(|it| it.ssm.failing.push(("i-1".into(), "true".into(), 7)));
    let command = sent(&bed);
    bed.pass(5);
    assert_eq!(outcome(&bed, &command), Ok(json!(["Failed", 7])));
}

#[test]
fn two_calls_are_two_commands_for_there_is_no_client_token() {
    let bed = bed();
    assert_ne!(sent(&bed), sent(&bed));
}

#[test]
fn a_command_that_cannot_be_is_refused() {
    #[track_caller]
    fn check(change: impl FnOnce(&mut SendCommand), expected: &str) {
        let bed = bed();
        put(&bed, "i-w", |it| it.platform = Platform::Windows);
        put(&bed, "i-lost", |it| it.agent = Agent::Lost);
        put(&bed, "i-none", |it| it.agent = Agent::None);
        put(&bed, "i-off", |it| it.power = Power::Stopped);
        assert_eq!(bed.ask(sending(change)).map(|_| ()), Err(expected));
    }
    for id in ["i-lost", "i-none", "i-off", "i-unknown"] {
        check(|it| it.instance_ids.push(id.to_owned()), "InvalidInstanceId");
    }
    check(|it| it.instance_ids.push("i-w".to_owned()), "UnsupportedPlatformType");
    check(|it| it.instance_ids.clear(), "ValidationException");
    check(|it| it.instance_ids = vec!["i-1".to_owned(); 51], "ValidationException");
    check(|it| it.document_name = "AWS-Nothing".to_owned(), "InvalidDocument");
    check(|it| it.parameters.clear(), "InvalidParameters");
    check(|it| _ = it.parameters.insert("command".to_owned(), Vec::new()), "InvalidParameters");
    for seconds in [29, 2_592_001] {
        check(|it| it.timeout_seconds = Some(seconds), "ValidationException");
    }
    check(|it| it.comment = "x".repeat(101), "ValidationException");
}

#[test]
fn only_what_has_registered_is_listed_page_by_page() {
    let bed = bed();
    put(&bed, "i-lost", |it| it.agent = Agent::Lost);
    put(&bed, "i-none", |it| it.agent = Agent::None);
    put(&bed, "i-gone", |it| it.power = Power::Terminated);
    let ids = |request: DescribeInstanceInformation| {
        let found = bed.ask(request)?;
        let list = found["InstanceInformationList"].as_array().unwrap().clone();
        Ok(list.iter().map(|it| format!("{} {}", it["InstanceId"], it["PingStatus"])).collect())
    };
    let all: Result<Vec<String>, &str> = ids(DescribeInstanceInformation::default());
    let lost = "\"i-lost\" \"ConnectionLost\"";
    assert_eq!(all, Ok(vec!["\"i-1\" \"Online\"".to_owned(), lost.to_owned()]));
    let filters = vec![Filter { key: "PingStatus".to_owned(), values: vec!["Online".to_owned()] }];
    let online = DescribeInstanceInformation { filters, ..Default::default() };
    assert_eq!(ids(online).map(|it: Vec<_>| it.len()), Ok(1));
    for most in [4, 51] {
        let request = DescribeInstanceInformation { max_results: Some(most), ..Default::default() };
        assert_eq!(ids(request).map(|_: Vec<String>| ()), Err("ValidationException"));
    }
    for number in 0..9 {
        put(&bed, &format!("i-2{number}"), |_| {});
    }
    let first = bed.ask(DescribeInstanceInformation::default()).unwrap();
    assert_eq!(first["InstanceInformationList"].as_array().unwrap().len(), 10);
    let next_token = first["NextToken"].as_str().map(str::to_owned);
    assert!(next_token.is_some());
    let rest = DescribeInstanceInformation { next_token, ..Default::default() };
    assert_eq!(ids(rest), Ok(vec![lost.to_owned()]));
}
