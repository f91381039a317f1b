use std::collections::BTreeMap;

use aws_config::SdkConfig;
use lamplighter_core::{
    FaultKind,
    cloud::ec2::{NewSet, Sets},
};

use super::*;
use crate::wire::{Answer, Wire};

const VOLUME: &str = "<item><volumeId>vol-1</volumeId><size>8</size><volumeType>gp3</volumeType>\
    <status>in-use</status><encrypted>false</encrypted></item>";
const SNAPSHOT: &str = "<snapshotId>snap-1</snapshotId><volumeId>vol-1</volumeId>\
    <status>pending</status><startTime>2026-11-23T02:00:00.000Z</startTime>\
    <volumeSize>8</volumeSize><encrypted>false</encrypted>";

fn ok(operation: &str, body: &str) -> Answer {
    let answer = format!(
        "<{operation}Response xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
         <requestId>req-1</requestId>{body}</{operation}Response>"
    );
    Answer::Http(200, answer)
}

fn volumes(items: &str, next: &str) -> Answer {
    let body = format!("<volumeSet>{items}</volumeSet><nextToken>{next}</nextToken>");
    ok("DescribeVolumes", &body)
}

fn snapshots(items: &str) -> Answer {
    ok("DescribeSnapshots", &format!("<snapshotSet>{items}</snapshotSet>"))
}

fn error(status: u16, code: &str, message: &str) -> Answer {
    let answer = format!(
        "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error>\
         </Errors><RequestID>req-1</RequestID></Response>"
    );
    Answer::Http(status, answer)
}

fn place() -> Place {
    Place { account: "222233334444".parse().unwrap(), region: "eu-west-1".parse().unwrap() }
}

fn client(process: &SdkConfig) -> Ec2Client {
    Ec2Client::new(process, &place(), "role `arn:aws:iam::222233334444:role/member`")
}

fn ec2(wire: &Wire) -> Ec2Client {
    client(&crate::config::with_timeouts(&wire.process("eu-west-1")))
}

/// What a listing makes of an answer that AWS always gives.
async fn listed(answer: Answer) -> Result<Vec<Volume>, Fault> {
    let ec2 = ec2(&Wire::script([answer]));
    ec2.volumes(&ServerFilter::default(), None).await.map(|page| page.items)
}

fn new_snapshot() -> NewSnapshot {
    let tags = [("team", "a & b"), ("lamplighter:job", "nightly@2026-11-23T02:00:00Z/x")];
    NewSnapshot {
        volume_id: "vol-1".to_owned(),
        description: "nightly of vol-1".to_owned(),
        tags: tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
    }
}

#[tokio::test]
async fn pages_are_asked_for_until_there_is_no_token_though_one_is_empty() {
    let wire = Wire::script([
        volumes(VOLUME, "t+1=="),
        volumes("", "t2"),
        volumes(&VOLUME.replace("vol-1", "vol-2"), ""),
    ]);
    let ec2 = ec2(&wire);
    let (mut found, mut page) = (Vec::new(), None);
    loop {
        let listed = ec2.volumes(&ServerFilter::default(), page).await.unwrap();
        found.extend(listed.items.into_iter().map(|volume| volume.id));
        page = listed.next;
        if page.is_none() {
            break;
        }
    }
    assert_eq!(found, ["vol-1", "vol-2"]);
    let asked: Vec<_> = wire.sent().iter().map(|sent| sent.parameters()).collect();
    assert_eq!(
        asked,
        [
            vec!["MaxResults=1000"],
            vec!["MaxResults=1000", "NextToken=t+1=="],
            vec!["MaxResults=1000", "NextToken=t2"],
        ]
    );
    assert_eq!(wire.sent()[0].host, "ec2.eu-west-1.amazonaws.com");
}

#[tokio::test]
async fn only_own_snapshots_are_listed_and_filters_arrive_as_they_are() {
    let wire = Wire::script([snapshots("")]);
    let values = |values: &[&str]| values.iter().map(|&it| it.to_owned()).collect();
    let filter = ServerFilter {
        tags: vec![
            TagFilter { name: "tag:a b&c=ü".to_owned(), values: values(&[r"50\*", "x*,y?", " "]) },
            TagFilter { name: "tag-key".to_owned(), values: values(&["plus+key"]) },
        ],
        ids: Some(values(&["snap-1", "snap-2"])),
    };
    let page = ec2(&wire).snapshots(&filter, None).await.unwrap();
    assert_eq!((page.items, page.next), (vec![], None));
    assert_eq!(
        wire.sent()[0].parameters(),
        [
            "Filter.1.Name=tag:a b&c=ü",
            r"Filter.1.Value.1=50\*",
            "Filter.1.Value.2=x*,y?",
            "Filter.1.Value.3= ",
            "Filter.2.Name=tag-key",
            "Filter.2.Value.1=plus+key",
            "Filter.3.Name=snapshot-id",
            "Filter.3.Value.1=snap-1",
            "Filter.3.Value.2=snap-2",
            "MaxResults=1000",
            "Owner.1=self",
        ]
    );
}

#[tokio::test]
async fn a_volume_is_read_whole() {
    let item = "<item><volumeId>vol-1</volumeId><size>100</size><volumeType>io2</volumeType>\
        <status>in-use</status><encrypted>true</encrypted><kmsKeyId>arn:key</kmsKeyId>\
        <iops>4000</iops><throughput>125</throughput><availabilityZone>eu-west-1a\
        </availabilityZone><createTime>2026-01-02T03:04:05.678Z</createTime>\
        <snapshotId>snap-9</snapshotId><attachmentSet><item><instanceId>i-1</instanceId></item>\
        <item><instanceId>i-2</instanceId></item></attachmentSet><tagSet><item><key>a</key>\
        <value>b</value></item><item><key>empty</key><value/></item></tagSet><operator>\
        <managed>true</managed><principal>eks.amazonaws.com</principal></operator></item>";
    let found = listed(volumes(item, "")).await.unwrap();
    let text = |text: &str| Some(text.to_owned());
    let volume = Volume {
        id: "vol-1".to_owned(),
        size_gib: 100,
        volume_type: "io2".to_owned(),
        state: "in-use".to_owned(),
        encrypted: true,
        kms_key_id: text("arn:key"),
        iops: Some(4000),
        throughput: Some(125),
        availability_zone: text("eu-west-1a"),
        created_at: Some("2026-01-02T03:04:05.678Z".parse().unwrap()),
        snapshot_id: text("snap-9"),
        instances: vec!["i-1".to_owned(), "i-2".to_owned()],
        managed_by: text("eks.amazonaws.com"),
        tags: [("a", "b"), ("empty", "")].map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
    };
    assert_eq!(found, [volume]);
}

#[tokio::test]
async fn what_is_not_said_of_a_volume_is_unknown() {
    let own = VOLUME.replace("</item>", "<operator><managed>false</managed></operator></item>");
    let found = listed(volumes(&own, "")).await.unwrap();
    let volume = Volume {
        id: "vol-1".to_owned(),
        size_gib: 8,
        volume_type: "gp3".to_owned(),
        state: "in-use".to_owned(),
        encrypted: false,
        kms_key_id: None,
        iops: None,
        throughput: None,
        availability_zone: None,
        created_at: None,
        snapshot_id: None,
        instances: vec![],
        managed_by: None,
        tags: BTreeMap::new(),
    };
    assert_eq!(found, [volume]);
}

#[track_caller]
fn check_fault(fault: Fault, kind: FaultKind, code: Option<&str>, chain: &str) {
    assert_eq!((fault.kind, fault.code.as_deref()), (kind, code), "{}", fault.chain());
    assert_eq!(fault.chain(), chain);
}

async fn unreadable_snapshot(item: String, what: &str) {
    let wire = Wire::script([snapshots(&format!("<item>{item}</item>"))]);
    let fault = ec2(&wire).snapshots(&ServerFilter::default(), None).await.unwrap_err();
    let chain = format!("listing snapshots: AWS named {what} (request req-1)");
    check_fault(fault, FaultKind::Permanent, None, &chain);
}

#[tokio::test]
async fn a_resource_that_cannot_be_read_fails_the_listing() {
    let without = |element: &str| {
        let (before, rest) = SNAPSHOT.split_once(&format!("<{element}>")).unwrap();
        let (_, after) = rest.split_once(&format!("</{element}>")).unwrap();
        format!("{before}{after}")
    };
    unreadable_snapshot(without("snapshotId"), "a snapshot without an id").await;
    unreadable_snapshot(without("startTime"), "the snapshot `snap-1` without a start time").await;
    unreadable_snapshot(without("volumeSize"), "the snapshot `snap-1` without a size").await;
    unreadable_snapshot(
        SNAPSHOT.replace("pending", "melting"),
        "the snapshot `snap-1` without a state that this version knows: `melting`",
    )
    .await;
    unreadable_snapshot(
        format!("{SNAPSHOT}<tagSet><item><value>x</value></item></tagSet>"),
        "the snapshot `snap-1` without the key of a tag",
    )
    .await;
}

#[tokio::test]
async fn a_set_leaves_out_what_it_is_told_to_and_names_what_it_has_begun() {
    let info = |id: &str| format!("<item><snapshotId>{id}</snapshotId></item>");
    let set = |items: String| ok("CreateSnapshots", &format!("<snapshotSet>{items}</snapshotSet>"));
    let new = NewSet {
        instance_id: "i-1".to_owned(),
        without_root: true,
        without: vec!["vol-3".to_owned(), "vol-4".to_owned()],
        description: "nightly of i-1".to_owned(),
        tags: [("lamplighter:instance".to_owned(), "i-1".to_owned())].into(),
    };
    let wire = Wire::script([set(info("snap-1") + &info("snap-2"))]);
    assert_eq!(ec2(&wire).create_snapshots(&new).await.unwrap(), ["snap-1", "snap-2"]);
    assert_eq!(
        wire.sent()[0].parameters(),
        [
            "Description=nightly of i-1",
            "InstanceSpecification.ExcludeBootVolume=true",
            "InstanceSpecification.ExcludeDataVolumeId.1=vol-3",
            "InstanceSpecification.ExcludeDataVolumeId.2=vol-4",
            "InstanceSpecification.InstanceId=i-1",
            "TagSpecification.1.ResourceType=snapshot",
            "TagSpecification.1.Tag.1.Key=lamplighter:instance",
            "TagSpecification.1.Tag.1.Value=i-1",
        ]
    );
    // They exist, whatever the answer says: a second try finds them.
    let wire = Wire::script([set(String::new())]);
    let fault = ec2(&wire).create_snapshots(&new).await.unwrap_err();
    assert_eq!((fault.kind, wire.sent().len()), (FaultKind::Transient, 1));
    // A second call would make a second set.
    let wire = Wire::script([error(500, "InternalError", "sorry")]);
    let fault = ec2(&wire).create_snapshots(&new).await.unwrap_err();
    assert_eq!((fault.kind, wire.sent().len()), (FaultKind::Transient, 1));
}

#[tokio::test]
async fn a_snapshot_is_created_with_its_tags() {
    let body = format!(
        "{SNAPSHOT}<description>nightly of vol-1</description><tagSet><item><key>team</key>\
         <value>a &amp; b</value></item></tagSet>"
    );
    let wire = Wire::script([ok("CreateSnapshot", &body)]);
    let snapshot = ec2(&wire).create_snapshot(&new_snapshot()).await.unwrap();
    assert_eq!(
        snapshot,
        Snapshot {
            id: "snap-1".to_owned(),
            owner: None,
            volume_id: "vol-1".to_owned(),
            state: lamplighter_core::cloud::ec2::SnapshotState::Pending,
            state_message: None,
            started_at: "2026-11-23T02:00:00Z".parse().unwrap(),
            size_gib: 8,
            encrypted: false,
            kms_key_id: None,
            description: "nightly of vol-1".to_owned(),
            storage_tier: "standard".to_owned(),
            tags: [("team".to_owned(), "a & b".to_owned())].into(),
        }
    );
    assert_eq!(
        wire.sent()[0].parameters(),
        [
            "Description=nightly of vol-1",
            "TagSpecification.1.ResourceType=snapshot",
            "TagSpecification.1.Tag.1.Key=lamplighter:job",
            "TagSpecification.1.Tag.1.Value=nightly@2026-11-23T02:00:00Z/x",
            "TagSpecification.1.Tag.2.Key=team",
            "TagSpecification.1.Tag.2.Value=a & b",
            "VolumeId=vol-1",
        ]
    );
}

#[tokio::test]
async fn a_creation_is_never_sent_twice_and_its_fate_may_be_unknown() {
    for answer in [
        Answer::Reset,
        Answer::Silence,
        Answer::Http(500, String::new()),
        Answer::Http(502, "<html>Bad Gateway</html>".to_owned()),
        Answer::Http(503, String::new()),
        Answer::Http(504, String::new()),
        Answer::Http(200, "<CreateSnapshotResponse><snap".to_owned()),
        ok("CreateSnapshot", "<volumeId>vol-1</volumeId>"),
        error(500, "InternalError", "An internal error has occurred"),
        error(503, "Unavailable", "The server is overloaded"),
        error(503, "NeverHeardOf", "of"),
    ] {
        let wire = Wire::script([answer.clone()]);
        let fault = ec2(&wire).create_snapshot(&new_snapshot()).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Transient, "{answer:?}: {}", fault.chain());
        assert_eq!(wire.actions(), ["CreateSnapshot"], "{answer:?}");
    }
    let wire = Wire::script([error(503, "RequestLimitExceeded", "Request limit exceeded.")]);
    let fault = ec2(&wire).create_snapshot(&new_snapshot()).await.unwrap_err();
    assert_eq!((fault.kind, wire.actions().len()), (FaultKind::Throttled, 1));
}

#[tokio::test]
async fn a_listing_and_a_deletion_are_tried_again() {
    for trouble in [
        Answer::Reset,
        Answer::Silence,
        Answer::Http(503, String::new()),
        error(503, "RequestLimitExceeded", "Request limit exceeded."),
    ] {
        let wire = Wire::script([trouble.clone(), volumes(VOLUME, "")]);
        let page = ec2(&wire).volumes(&ServerFilter::default(), None).await.unwrap();
        assert_eq!((page.items.len(), wire.actions().len()), (1, 2), "{trouble:?}");

        let wire = Wire::script([trouble.clone(), ok("DeleteSnapshot", "<return>true</return>")]);
        ec2(&wire).delete_snapshot("snap-1").await.unwrap();
        assert_eq!(wire.actions(), ["DeleteSnapshot", "DeleteSnapshot"], "{trouble:?}");
        assert_eq!(wire.sent()[1].parameters(), ["SnapshotId=snap-1"]);
    }
}

#[tokio::test]
async fn trouble_does_not_use_up_the_retries_of_another_account() {
    let wire = Wire::new(|sent| match sent.form.get("NextToken") {
        Some(_) => Answer::Http(503, String::new()),
        None => volumes(VOLUME, ""),
    });
    let process = wire.process("eu-west-1");
    let place = |account: &str| Place { account: account.parse().unwrap(), ..place() };
    let troubled = Ec2Client::new(&process, &place("333300000001"), "x");
    let all = ServerFilter::default();
    let last = |wire: &Wire, before: usize| wire.actions().len() - before;
    for _ in 0..200 {
        troubled.volumes(&all, Some(PageToken("t".to_owned()))).await.unwrap_err();
    }
    let before = wire.actions().len();
    troubled.volumes(&all, Some(PageToken("t".to_owned()))).await.unwrap_err();
    assert_eq!(last(&wire, before), 1, "its own quota is used up");

    let other = Ec2Client::new(&process, &place("333300000002"), "x");
    let before = wire.actions().len();
    other.volumes(&all, Some(PageToken("t".to_owned()))).await.unwrap_err();
    assert_eq!(last(&wire, before), 3);
}

#[tokio::test]
async fn what_is_already_gone_is_deleted() {
    let gone = error(400, "InvalidSnapshot.NotFound", "The snapshot 'snap-1' does not exist.");
    ec2(&Wire::script([gone])).delete_snapshot("snap-1").await.unwrap();
    let used = error(400, "InvalidSnapshot.InUse", "snap-1 is currently in use by ami-1");
    let fault = ec2(&Wire::script([used])).delete_snapshot("snap-1").await.unwrap_err();
    check_fault(
        fault,
        FaultKind::Permanent,
        Some("InvalidSnapshot.InUse"),
        "deleting `snap-1`: `InvalidSnapshot.InUse`: snap-1 is currently in use by ami-1 (request \
         req-1): deregister the image that uses the snapshot first",
    );
}

#[tokio::test]
async fn each_kind_of_trouble_has_its_fault() {
    use FaultKind::{Config, Permanent, Permission, Throttled, Transient};
    let denied = "`ec2:DescribeVolumes` denied for role \
                  `arn:aws:iam::222233334444:role/member` in 222233334444/eu-west-1: ";
    let allow = lamplighter_core::classify::cure("UnauthorizedOperation").unwrap();
    for (answer, kind, code, cause) in [
        (
            error(503, "RequestLimitExceeded", "Request limit exceeded."),
            Throttled,
            Some("RequestLimitExceeded"),
            "`RequestLimitExceeded`: Request limit exceeded. (request req-1)".to_owned(),
        ),
        (
            error(403, "UnauthorizedOperation", "You are not authorized"),
            Permission,
            Some("UnauthorizedOperation"),
            format!(
                "{denied}{allow}: `UnauthorizedOperation`: You are not authorized (request req-1)"
            ),
        ),
        (
            error(400, "InvalidParameterValue", "Value (x) is invalid"),
            Config,
            Some("InvalidParameterValue"),
            "`InvalidParameterValue`: Value (x) is invalid (request req-1)".to_owned(),
        ),
        (
            error(400, "NeverHeardOf", "It"),
            Permanent,
            Some("NeverHeardOf"),
            "`NeverHeardOf`: It (request req-1)".to_owned(),
        ),
        (
            Answer::Http(403, "<html>Forbidden by proxy</html>".to_owned()),
            Permission,
            None,
            format!("{denied}an answer with HTTP 403 that cannot be read (request req-1)"),
        ),
        (
            Answer::Http(503, String::new()),
            Transient,
            None,
            "an answer with HTTP 503 that cannot be read (request req-1)".to_owned(),
        ),
        (
            Answer::Http(200, "certainly not XML".to_owned()),
            Transient,
            None,
            "an answer with HTTP 200 that cannot be read (request req-1)".to_owned(),
        ),
        (Answer::Reset, Transient, None, "io error: connection reset by peer".to_owned()),
        (
            Answer::Silence,
            Transient,
            None,
            "operation timeout (all attempts including retries) occurred after 60s".to_owned(),
        ),
    ] {
        let chain = format!("listing volumes: {cause}");
        check_fault(listed(answer).await.unwrap_err(), kind, code, &chain);
    }
}

#[tokio::test]
async fn texts_of_aws_are_bounded_and_plain() {
    let message = format!("one&#10;two&#27;[31m{}", "x".repeat(100_000));
    let fault = listed(error(400, "NeverHeardOf", &message)).await.unwrap_err();
    let expected = format!(
        "listing volumes: `NeverHeardOf`: one two [31m{}… (request req-1)",
        "x".repeat(988)
    );
    assert_eq!(fault.chain(), expected);
}

#[tokio::test]
async fn a_wait_that_aws_asks_for_is_kept() {
    let soon = error(400, "SnapshotCreationPerVolumeRateExceeded", "too soon");
    let fault = ec2(&Wire::script([soon])).create_snapshot(&new_snapshot()).await.unwrap_err();
    assert_eq!(fault.retry_after, Some(std::time::Duration::from_secs(15)));
}

#[tokio::test]
async fn the_enabled_regions_are_listed_in_order() {
    let item = |name: &str| format!("<item><regionName>{name}</regionName></item>");
    let regions = |names: &[&str]| {
        let items: String = names.iter().map(|name| item(name)).collect();
        ok("DescribeRegions", &format!("<regionInfo>{items}</regionInfo>"))
    };
    let wire = Wire::script([regions(&["us-east-1", "eu-west-1"])]);
    let found = ec2(&wire).regions().await.unwrap();
    let names: Vec<&str> = found.iter().map(Region::as_str).collect();
    assert_eq!(names, ["eu-west-1", "us-east-1"]);
    assert!(wire.sent()[0].parameters().is_empty(), "only the enabled ones");

    let odd = ec2(&Wire::script([regions(&["moon"])])).regions().await.unwrap_err();
    check_fault(
        odd,
        FaultKind::Permanent,
        None,
        "listing the account's regions: AWS named the region `moon` (request req-1)",
    );
}
