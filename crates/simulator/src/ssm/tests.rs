use serde_json::{Value, json};

use super::*;
use crate::{
    bed::Bed,
    ec2::{
        instances::{Platform, types},
        trial::{attached, put_volume},
    },
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
        put(&bed, "i-a", |it| it.platform = Platform::Windows);
        put(&bed, "i-lost", |it| it.agent = Agent::Lost);
        put(&bed, "i-none", |it| it.agent = Agent::None);
        put(&bed, "i-off", |it| it.power = Power::Stopped);
        assert_eq!(bed.ask(sending(change)).map(|_| ()), Err(expected));
    }
    for id in ["i-lost", "i-none", "i-off", "i-unknown"] {
        check(|it| it.instance_ids.push(id.to_owned()), "InvalidInstanceId");
    }
    check(|it| it.instance_ids.push("i-a".to_owned()), "UnsupportedPlatformType");
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

/// An instance with Windows, its root volume and another one; and a command to take a set of them.
fn windows(bed: &Bed, parameters: &[(&str, &str)]) -> SendCommand {
    bed.cloud.dial(|it| it.times.command = jiff::SignedDuration::from_secs(5));
    put(bed, "i-a", |it| it.platform = Platform::Windows);
    for (id, device) in [("vol-c", "/dev/xvda"), ("vol-d", "/dev/sdf")] {
        put_volume(bed, attached(id, "i-a", device));
        bed.cloud.attach_volume(&bed.place, "i-a", id);
    }
    let parameters = parameters.iter().map(|(key, it)| ((*key).to_owned(), vec![(*it).to_owned()]));
    SendCommand {
        document_name: "AWSEC2-VssInstallAndSnapshot".to_owned(),
        instance_ids: vec!["i-a".to_owned()],
        parameters: parameters.collect(),
        ..SendCommand::default()
    }
}

/// How the command ends, and the tags of what it takes.
fn windows_ends(bed: &Bed, parameters: &[(&str, &str)]) -> (Value, Vec<lamplighter_core::Tags>) {
    let request = windows(bed, parameters);
    let command = bed.ask(request).unwrap()["Command"]["CommandId"].as_str().unwrap().to_owned();
    bed.pass(5);
    let asking = |plugin: Option<&str>| GetCommandInvocation {
        command_id: command.clone(),
        instance_id: "i-a".to_owned(),
        plugin_name: plugin.map(str::to_owned),
    };
    // It has two steps: who asks must say which.
    assert_eq!(bed.ask(asking(None)), Err("InvalidPluginName"));
    let found = bed.ask(asking(Some("CreateVssSnapshot"))).unwrap();
    let made = bed.cloud.snapshots_in(&bed.place).into_iter().map(|it| it.tags);
    (json!([found["Status"], found["ResponseCode"]]), made.collect())
}

#[test]
fn windows_takes_snapshots_of_itself_and_aws_says_that_applications_were_held_still() {
    let (ended, made) = windows_ends(&Bed::new(), &[("tags", "Key=team,Value=red;Key=b,Value=")]);
    assert_eq!(ended, json!(["Success", 0]));
    assert_eq!(made.len(), 2);
    for tags in made {
        let keys: Vec<&str> = tags.keys().map(String::as_str).collect();
        assert_eq!(keys, ["AppConsistent", "AwsVssConfig", "Device", "Name", "b", "team"]);
        assert_eq!((tags["AppConsistent"].as_str(), tags["team"].as_str()), ("True", "red"));
    }
    let (ended, made) = windows_ends(&Bed::new(), &[("ExcludeBootVolume", "True")]);
    assert_eq!((ended, made.len()), (json!(["Success", 0]), 1));
}

#[test]
fn where_vss_fails_there_are_snapshots_all_the_same_that_say_nothing_of_applications() {
    let bed = Bed::new();
    bed.cloud.disturb_vss(&bed.place, "i-a");
    let (ended, made) = windows_ends(&bed, &[]);
    assert_eq!((ended, made.len()), (json!(["Failed", 1]), 2));
    assert!(made.iter().all(|it| !it.contains_key("AppConsistent")));
}

#[test]
fn reserved_tags_fail_the_command() {
    for key in ["AppConsistent", "AwsVssConfig", "Device"] {
        let (ended, made) = windows_ends(&Bed::new(), &[("tags", &format!("Key={key},Value=x"))]);
        assert_eq!((ended, made.len()), (json!(["Failed", 1]), 0), "{key}");
    }
}
