//! Tests of what describes of instances and of instance types show.

use jiff::Timestamp;
use lamplighter_core::Tags;
use serde_json::Value;

use super::{
    Device, Instance, Platform, Power, Purchase, StateReason,
    describe::DescribeInstances,
    status::DescribeInstanceStatus,
    type_offerings::DescribeInstanceTypeOfferings,
    type_specifications::DescribeInstanceTypes,
    types::{self, TYPES},
};
use crate::{bed::Bed, ec2::filter::Filter};

const LONG_AGO: Timestamp = Timestamp::UNIX_EPOCH;

fn running(id: &str, kind: &str, zone: &str) -> Instance {
    Instance::running(id, types::find(kind).unwrap(), zone, LONG_AGO)
}

fn filters(filters: &[(&str, &str)]) -> Vec<Filter> {
    let filter = |(name, value): &(&str, &str)| Filter {
        name: (*name).to_owned(),
        value: vec![(*value).to_owned()],
    };
    filters.iter().map(filter).collect()
}

/// Four instances: of a launch of two, a stopped Spot Instance, and one that EKS manages.
fn four() -> Bed {
    let device = Device {
        name: "/dev/xvda".into(),
        volume_id: "vol-7".into(),
        attached_at: LONG_AGO,
        delete_on_termination: true,
    };
    let tags = Tags::from([("Name".to_owned(), "web".to_owned())]);
    let one = Instance { devices: vec![device], tags, ..running("i-1", "m5.large", "eu-west-1a") };
    let reservation_id = one.reservation_id.clone();
    let two = Instance { reservation_id, code_high: 1, ..running("i-2", "t3.micro", "eu-west-1b") };
    let three = Instance {
        power: Power::Stopped,
        state_reason: Some(StateReason::asked("Client.UserInitiatedShutdown", "User", LONG_AGO)),
        purchase: Purchase::Spot {
            request_id: "sir-1".into(),
            persistent: true,
            interrupted: false,
        },
        platform: Platform::Windows,
        ..running("i-3", "m5.large", "eu-west-1a")
    };
    let operator =
        super::instance::Operator { principal: "eks.amazonaws.com".into(), hidden: true };
    let four = Instance { operator: Some(operator), ..running("i-4", "m6g.large", "eu-west-1a") };
    let bed = Bed::new();
    let all = [one, two, three, four];
    bed.here(|it| it.ec2.instances.fill(all.map(|it| (it.id.clone(), it))));
    bed
}

/// The reservations of an answer, each with its instances: `r-1: i-2 i-1`.
fn reservations(answer: &Value) -> Vec<String> {
    let ids = |it: &Value| {
        let instances = it["instancesSet"].as_array().unwrap();
        instances.iter().map(|it| it["instanceId"].as_str().unwrap()).collect::<Vec<_>>().join(" ")
    };
    let sets = answer["reservationSet"].as_array().unwrap();
    sets.iter()
        .map(|it| format!("{}: {}", it["reservationId"].as_str().unwrap(), ids(it)))
        .collect()
}

#[track_caller]
fn check(request: DescribeInstances, expected: Result<&[&str], &str>) {
    let shown = four().ask(request).map(|it| reservations(&it));
    let expected = expected.map(|it| it.iter().map(|it| (*it).to_owned()).collect());
    assert_eq!(shown, expected);
}

fn by(filter: &[(&str, &str)]) -> DescribeInstances {
    DescribeInstances { filter: filters(filter), ..DescribeInstances::default() }
}

fn named(ids: &[&str]) -> DescribeInstances {
    let instance_id = ids.iter().map(|it| (*it).to_owned()).collect();
    DescribeInstances { instance_id, ..DescribeInstances::default() }
}

#[test]
fn instances_are_shown_by_their_launches_and_managed_ones_when_asked_for() {
    let all = DescribeInstances::default;
    check(all(), Ok(&["r-3: i-3", "r-1: i-2 i-1"]));
    let managed = DescribeInstances { include_managed_resources: true, ..all() };
    check(managed, Ok(&["r-4: i-4", "r-3: i-3", "r-1: i-2 i-1"]));
    check(named(&["i-1", "i-3"]), Ok(&["r-1: i-1", "r-3: i-3"]));
}

#[test]
fn ids_and_pages_exclude_each_other_and_ids_must_exist() {
    let paged = |it: DescribeInstances| DescribeInstances { max_results: Some(5), ..it };
    check(paged(named(&["i-1"])), Err("InvalidParameterCombination"));
    check(paged(by(&[])), Ok(&["r-3: i-3", "r-1: i-2 i-1"]));
    check(DescribeInstances { max_results: Some(4), ..by(&[]) }, Err("InvalidParameterValue"));
    check(named(&["i-1", "i-9"]), Err("InvalidInstanceID.NotFound"));
    check(named(&["i-1", "vol-1"]), Err("InvalidInstanceID.Malformed"));
    check(by(&[("instance-id", "i-9")]), Ok(&[]));
}

#[test]
fn filters_admit_instances() {
    for (name, value, expected) in [
        ("instance-state-name", "stopped", "r-3: i-3"),
        ("instance-state-code", "80", "r-3: i-3"),
        ("instance-state-code", "16", "r-1: i-2 i-1"),
        ("tag:Name", "w*", "r-1: i-1"),
        ("tag-key", "Name", "r-1: i-1"),
        ("instance-type", "t3.*", "r-1: i-2"),
        ("availability-zone", "eu-west-1b", "r-1: i-2"),
        ("block-device-mapping.volume-id", "vol-7", "r-1: i-1"),
        ("instance-lifecycle", "spot", "r-3: i-3"),
        ("platform", "windows", "r-3: i-3"),
        ("reservation-id", "r-1", "r-1: i-2 i-1"),
        ("state-reason-code", "Client.UserInitiatedShutdown", "r-3: i-3"),
    ] {
        check(by(&[(name, value)]), Ok(&[expected]));
    }
    let both = [("instance-type", "m5.large"), ("instance-state-name", "running")];
    check(by(&both), Ok(&["r-1: i-1"]));
    check(by(&[("vpc-id", "vpc-00000000000000001")]), Ok(&["r-3: i-3", "r-1: i-2 i-1"]));
    check(by(&[("colour", "red")]), Err("InvalidParameterValue"));
}

#[test]
fn what_is_shown_of_an_instance_is_what_it_is() {
    let bed = four();
    let shown = bed.ask(named(&["i-3", "i-2"])).unwrap();
    let spot = &shown["reservationSet"][0]["instancesSet"][0];
    for (name, expected) in [
        ("instanceType", "m5.large"),
        ("instanceLifecycle", "spot"),
        ("spotInstanceRequestId", "sir-1"),
        ("platform", "windows"),
        ("reason", "User initiated (1970-01-01 00:00:00 GMT)"),
        ("architecture", "x86_64"),
        ("rootDeviceType", "ebs"),
    ] {
        assert_eq!(spot[name], expected, "{name}");
    }
    assert_eq!(spot["stateReason"]["code"], "Client.UserInitiatedShutdown");
    let code = &shown["reservationSet"][1]["instancesSet"][0]["instanceState"]["code"];
    assert_eq!(*code, 256 + 16, "the high byte is AWS's own");
}

#[track_caller]
fn check_status(request: DescribeInstanceStatus, expected: Result<&str, &str>) {
    let shown = four().ask(request).map(|it| {
        let shown = it["instanceStatusSet"].as_array().unwrap();
        let of = |it: &Value| {
            let text = |it: &Value| it.as_str().unwrap().to_owned();
            format!("{} {}", text(&it["instanceId"]), text(&it["instanceStatus"]["status"]))
        };
        shown.iter().map(of).collect::<Vec<_>>().join(", ")
    });
    assert_eq!(shown, expected.map(str::to_owned));
}

#[test]
fn only_running_instances_have_a_status_unless_all_are_asked_for() {
    let plain = DescribeInstanceStatus::default;
    let by = |name, value| DescribeInstanceStatus { filter: filters(&[(name, value)]), ..plain() };
    let all = |it| DescribeInstanceStatus { include_all_instances: true, ..it };
    check_status(plain(), Ok("i-2 ok, i-1 ok"));
    check_status(all(plain()), Ok("i-3 not-applicable, i-2 ok, i-1 ok"));
    let managed = DescribeInstanceStatus { include_managed_resources: true, ..plain() };
    check_status(managed, Ok("i-4 ok, i-2 ok, i-1 ok"));
    check_status(by("availability-zone", "eu-west-1b"), Ok("i-2 ok"));
    check_status(by("instance-status.status", "initializing"), Ok(""));
    check_status(by("instance-status.reachability", "passed"), Ok("i-2 ok, i-1 ok"));
    check_status(all(by("instance-status.status", "not-*")), Ok("i-3 not-applicable"));
    check_status(by("instance-type", "t3.micro"), Err("InvalidParameterValue"));
    let named = |count: usize| DescribeInstanceStatus {
        instance_id: vec!["i-1".to_owned(); count],
        ..plain()
    };
    check_status(named(1), Ok("i-1 ok"));
    check_status(named(101), Err("InvalidParameterValue"));
    let paged = DescribeInstanceStatus { max_results: Some(5), ..named(1) };
    check_status(paged, Err("InvalidParameterCombination"));
}

fn type_names(bed: &Bed, request: DescribeInstanceTypes) -> Result<Vec<String>, &'static str> {
    let (mut names, mut next_token) = (Vec::new(), None);
    loop {
        let page = bed.ask(DescribeInstanceTypes { next_token, ..request.clone() })?;
        let types = page["instanceTypeSet"].as_array().unwrap();
        names.extend(types.iter().map(|it| it["instanceType"].as_str().unwrap().to_owned()));
        next_token = page["nextToken"].as_str().map(str::to_owned);
        if next_token.is_none() {
            return Ok(names);
        }
    }
}

#[test]
fn types_are_listed_in_pages_and_by_name() {
    let bed = Bed::new();
    let plain = DescribeInstanceTypes::default;
    let paged = |many| DescribeInstanceTypes { max_results: Some(many), ..plain() };
    let all = type_names(&bed, plain()).unwrap();
    assert_eq!(all.len(), TYPES.len());
    assert_eq!(type_names(&bed, paged(5)), Ok(all));
    assert_eq!(type_names(&bed, paged(4)), Err("InvalidParameterValue"));
    assert_eq!(type_names(&bed, paged(101)), Err("InvalidParameterValue"));
    let named =
        |name: &str| DescribeInstanceTypes { instance_type: vec![name.to_owned()], ..plain() };
    assert_eq!(type_names(&bed, named("m5.huge")), Err("InvalidInstanceType"));
    let small = filters(&[("vcpu-info.default-vcpus", "1")]);
    let small = DescribeInstanceTypes { filter: small, ..plain() };
    assert_eq!(type_names(&bed, small), Ok(vec!["t2.micro".to_owned(), "t2.small".to_owned()]));
    let shown = bed.ask(named("m5d.large")).unwrap();
    let it = &shown["instanceTypeSet"][0];
    let found = (&it["vCpuInfo"]["defaultVCpus"], &it["memoryInfo"]["sizeInMiB"]);
    assert_eq!((found.0.as_u64(), found.1.as_u64()), (Some(2), Some(8192)));
    assert_eq!(it["networkInfo"]["enaSupport"], "required");
    assert_eq!(it["instanceStorageInfo"]["totalSizeInGB"], 75);
}

/// Compares what is said of a type: whether it is current, free, hibernates and has hosts for
/// oneself, then its memory, and what can be attached, how, with EBS bandwidth of its own or not,
/// over NVMe or not, and what programs it runs.
#[track_caller]
fn check_type(name: &str, flags: [bool; 4], memory: u32, ebs: (u32, [&str; 3]), runs: &[&str]) {
    let instance_type = vec![name.to_owned()];
    let request = DescribeInstanceTypes { instance_type, ..DescribeInstanceTypes::default() };
    let shown = Bed::new().ask(request).unwrap();
    let it = &shown["instanceTypeSet"][0];
    let keys = [
        "currentGeneration",
        "freeTierEligible",
        "hibernationSupported",
        "dedicatedHostsSupported",
    ];
    assert_eq!(keys.map(|key| it[key].as_bool().unwrap()), flags, "{name}");
    let found = &it["ebsInfo"];
    let of = ["attachmentLimitType", "ebsOptimizedSupport", "nvmeSupport"];
    assert_eq!(of.map(|key| found[key].as_str().unwrap()), ebs.1, "{name}");
    assert_eq!(found["maximumEbsAttachments"], ebs.0, "{name}");
    assert_eq!(it["memoryInfo"]["sizeInMiB"], memory, "{name}");
    assert_eq!(it["processorInfo"]["supportedArchitectures"], serde_json::json!(runs), "{name}");
}

#[test]
fn each_type_is_described_as_aws_does() {
    let nitro = ["shared", "default", "required"];
    let (amd64, arm64) = (["x86_64"], ["arm64"]);
    check_type("m5.large", [true, false, true, true], 8192, (27, nitro), &amd64);
    check_type("m5d.large", [true, false, true, true], 8192, (26, nitro), &amd64);
    check_type("m5.12xlarge", [true, false, false, true], 196_608, (27, nitro), &amd64);
    check_type("r6i.large", [true, false, false, true], 16_384, (27, nitro), &amd64);
    check_type("g4dn.xlarge", [true, false, false, false], 16_384, (25, nitro), &amd64);
    check_type("t3.small", [true, true, true, true], 2048, (27, nitro), &amd64);
    check_type("t3a.micro", [true, false, true, false], 1024, (27, nitro), &amd64);
    check_type("t4g.small", [true, true, true, false], 2048, (27, nitro), &arm64);
    let dedicated = ["dedicated", "default", "required"];
    check_type("m7i.large", [true, false, true, true], 8192, (32, dedicated), &amd64);
    let old = ["shared", "unsupported", "unsupported"];
    check_type("t2.micro", [true, false, true, false], 1024, (40, old), &["i386", "x86_64"]);
    check_type("t2.large", [true, false, true, false], 8192, (40, old), &amd64);
    let optimized = ["shared", "default", "unsupported"];
    check_type("m4.large", [false, false, true, true], 8192, (40, optimized), &amd64);
    let disks = ["shared", "default", "supported"];
    check_type("i3.large", [true, false, true, true], 15_616, (40, disks), &amd64);
}

#[track_caller]
fn check_offerings(bed: &Bed, location_type: Option<&str>, expected: Result<&[&str], &str>) {
    let request = DescribeInstanceTypeOfferings {
        filter: filters(&[("instance-type", "m5.large")]),
        location_type: location_type.map(str::to_owned),
        ..DescribeInstanceTypeOfferings::default()
    };
    let shown = bed.ask(request).map(|it| {
        let offerings = it["instanceTypeOfferingSet"].as_array().unwrap().clone();
        let location = |it: Value| it["location"].as_str().unwrap().to_owned();
        offerings.into_iter().map(location).collect::<Vec<_>>()
    });
    let expected = expected.map(|it| it.iter().map(|it| (*it).to_owned()).collect());
    assert_eq!(shown, expected);
}

#[test]
fn types_are_offered_where_nobody_says_that_they_are_not() {
    let bed = Bed::new();
    bed.here(|it| {
        let not_offered = &mut it.ec2.market.not_offered;
        not_offered.insert(("m5.large".into(), "eu-west-1b".into()));
    });
    check_offerings(&bed, None, Ok(&["eu-west-1"]));
    check_offerings(&bed, Some("availability-zone"), Ok(&["eu-west-1a", "eu-west-1c"]));
    check_offerings(&bed, Some("availability-zone-id"), Ok(&["euw1-az1", "euw1-az3"]));
    check_offerings(&bed, Some("city"), Err("InvalidParameterValue"));
}
