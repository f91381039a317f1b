use lamplighter_core::{FaultKind, cloud::instances::AUTO_SCALING_TAG};

use super::*;
use crate::wire::{Answer, Wire};

const INSTANCE: &str = "<item><instanceId>i-1</instanceId><imageId>ami-1</imageId>\
    <instanceState><code>80</code><name>stopped</name></instanceState>\
    <reason>User initiated (2026-11-23 19:00:03 GMT)</reason>\
    <instanceType>m5.large</instanceType><launchTime>2026-11-23T02:00:00.000Z</launchTime>\
    <placement><availabilityZone>eu-west-1a</availabilityZone><tenancy>default</tenancy></placement>\
    <stateReason><code>Client.UserInitiatedShutdown</code></stateReason>\
    <architecture>x86_64</architecture><rootDeviceType>ebs</rootDeviceType>\
    <rootDeviceName>/dev/xvda</rootDeviceName><blockDeviceMapping><item>\
    <deviceName>/dev/xvda</deviceName><ebs><volumeId>vol-1</volumeId></ebs></item>\
    </blockDeviceMapping><virtualizationType>hvm</virtualizationType><enaSupport>true</enaSupport>\
    <hibernationOptions><configured>true</configured></hibernationOptions>\
    <tagSet><item><key>aws:autoscaling:groupName</key><value>web</value></item></tagSet></item>";

fn ok(operation: &str, body: &str) -> Answer {
    let answer = format!(
        "<{operation}Response xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
         <requestId>req-1</requestId>{body}</{operation}Response>"
    );
    Answer::Http(200, answer)
}

fn error(status: u16, code: &str, message: &str) -> Answer {
    let answer = format!(
        "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error>\
         </Errors><RequestID>req-1</RequestID></Response>"
    );
    Answer::Http(status, answer)
}

fn described(items: &str) -> Answer {
    let set = format!(
        "<reservationSet><item><instancesSet>{items}</instancesSet></item></reservationSet>"
    );
    ok("DescribeInstances", &set)
}

fn client(wire: &Wire) -> InstancesClient {
    let process = crate::config::with_timeouts(&wire.process("eu-west-1"));
    let place =
        Place { account: "222233334444".parse().unwrap(), region: "eu-west-1".parse().unwrap() };
    let session =
        Session { task: "nightly".parse().unwrap(), occurrence: jiff::Timestamp::UNIX_EPOCH };
    let ec2 = Ec2Client::new(&process, &place, "role `arn:aws:iam::222233334444:role/member`");
    InstancesClient::new(&ec2, &place, &session, &Arc::new(switchboard()))
}

#[tokio::test]
async fn an_instance_is_read_with_all_that_decides_over_it() {
    let wire = Wire::script([described(INSTANCE)]);
    let found = client(&wire).instance("i-1").await.unwrap().unwrap();
    assert_eq!((found.state.as_str(), found.platform.as_str()), ("stopped", "linux"));
    assert_eq!(found.lifecycle, "on-demand");
    assert_eq!(found.stopped_at, "2026-11-23T19:00:03Z".parse().ok());
    assert_eq!(
        (found.volumes, found.root_volume),
        (vec!["vol-1".to_owned()], Some("vol-1".to_owned()))
    );
    assert_eq!(found.auto_scaling_group, found.tags.get(AUTO_SCALING_TAG).cloned());
    assert!(found.ena && found.hibernation);
    assert_eq!(wire.sent()[0].parameters(), ["Filter.1.Name=instance-id", "Filter.1.Value.1=i-1"]);
}

#[tokio::test]
async fn an_instance_that_is_not_there_is_none_and_one_without_a_state_is_an_error() {
    let none = ok("DescribeInstances", "<reservationSet/>");
    assert_eq!(client(&Wire::script([none])).instance("i-1").await.unwrap(), None);
    let odd = described("<item><instanceId>i-1</instanceId></item>");
    let fault = client(&Wire::script([odd])).instance("i-1").await.unwrap_err();
    assert!(fault.chain().contains("the instance `i-1` without a state"), "{}", fault.chain());
}

#[tokio::test]
async fn starts_that_come_together_are_one_call_and_each_has_its_own_answer() {
    let gone = error(400, "InvalidInstanceID.NotFound", "The instance ID 'i-2' does not exist");
    let wire = Wire::script([gone, ok("StartInstances", "<instancesSet/>")]);
    let client = client(&wire);
    let answers = tokio::join!(client.start("i-1"), client.start("i-2"), client.start("i-3"));
    assert!(answers.0.is_ok() && answers.2.is_ok());
    let fault = answers.1.unwrap_err();
    assert_eq!(fault.to_string(), "starting `i-2`");
    assert_eq!(fault.code.as_deref(), Some("InvalidInstanceID.NotFound"));
    let sent: Vec<_> = wire.sent().iter().map(|it| it.parameters()).collect();
    assert_eq!(
        sent,
        [
            vec!["InstanceId.1=i-1", "InstanceId.2=i-2", "InstanceId.3=i-3"],
            vec!["InstanceId.1=i-1", "InstanceId.2=i-3"],
        ]
    );
}

#[tokio::test]
async fn who_hibernates_is_not_in_one_call_with_who_shuts_down() {
    let stopped = || ok("StopInstances", "<instancesSet/>");
    let wire = Wire::script([stopped(), stopped()]);
    let client = client(&wire);
    let (a, b) =
        tokio::join!(client.stop("i-1", Stop::ShutDown), client.stop("i-2", Stop::Hibernate));
    assert!(a.is_ok() && b.is_ok());
    let mut sent: Vec<_> = wire.sent().iter().map(|it| it.parameters()).collect();
    sent.sort();
    assert_eq!(sent, [vec!["Hibernate=true", "InstanceId.1=i-2"], vec!["InstanceId.1=i-1"]]);
}

#[tokio::test]
async fn a_type_that_there_is_not_is_left_out() {
    let unknown = error(
        400,
        "InvalidInstanceType",
        "The following supplied instance types do not exist: [x9.huge]",
    );
    let known = ok(
        "DescribeInstanceTypes",
        "<instanceTypeSet><item><instanceType>m5.large</instanceType><processorInfo>\
         <supportedArchitectures><item>x86_64</item></supportedArchitectures></processorInfo>\
         <networkInfo><maximumNetworkInterfaces>3</maximumNetworkInterfaces>\
         <enaSupport>required</enaSupport></networkInfo>\
         <ebsInfo><nvmeSupport>required</nvmeSupport><maximumEbsAttachments>27\
         </maximumEbsAttachments><attachmentLimitType>shared</attachmentLimitType></ebsInfo>\
         </item></instanceTypeSet>",
    );
    let wire = Wire::script([unknown, known]);
    let names = ["m5.large", "x9.huge"].map(str::to_owned).into();
    let found = client(&wire).types(&names).await.unwrap();
    assert_eq!(found.len(), 1);
    let it = &found[0];
    assert_eq!((it.name.as_str(), it.network_interfaces, it.volumes), ("m5.large", 3, Some(27)));
    assert!(it.requires_ena && it.requires_nvme && it.shares_volumes && !it.instance_store);
}

#[tokio::test]
async fn status_checks_are_as_good_as_the_worst_of_them() {
    for (system, instance, expected) in [
        ("ok", "ok", Checks::Passed),
        ("ok", "initializing", Checks::Initializing),
        ("impaired", "initializing", Checks::Failed),
        ("insufficient-data", "ok", Checks::Unknown),
    ] {
        let status = |name: &str, it: &str| format!("<{name}><status>{it}</status></{name}>");
        let body = format!(
            "<instanceStatusSet><item><instanceId>i-1</instanceId>{}{}</item></instanceStatusSet>",
            status("systemStatus", system),
            status("instanceStatus", instance)
        );
        let wire = Wire::script([ok("DescribeInstanceStatus", &body)]);
        assert_eq!(client(&wire).checks("i-1").await.unwrap(), expected, "{system} {instance}");
    }
}

#[tokio::test]
async fn a_reboot_is_not_tried_again_by_itself() {
    let wire = Wire::script([Answer::Reset]);
    let fault = client(&wire).reboot("i-1").await.unwrap_err();
    assert_eq!((fault.kind, wire.sent().len()), (FaultKind::Transient, 1));
}
