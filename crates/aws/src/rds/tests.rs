use std::collections::BTreeSet;

use lamplighter_core::{
    AccountId, FaultKind,
    cloud::{
        ec2::Shares,
        rds::{Copies as _, GroupOption, NewCopy, OptionGroup, PowerChange},
    },
};

use super::*;
use crate::wire::{Answer, Wire};

const INSTANCE: &str = "<DBInstance><DBInstanceIdentifier>orders</DBInstanceIdentifier>\
    <DBInstanceClass>db.t3.micro</DBInstanceClass><Engine>mysql</Engine>\
    <DBInstanceStatus>stopped</DBInstanceStatus><AllocatedStorage>20</AllocatedStorage>\
    <InstanceCreateTime>2026-01-01T00:00:00.000Z</InstanceCreateTime>\
    <BackupRetentionPeriod>7</BackupRetentionPeriod><MultiAZ>true</MultiAZ>\
    <EngineVersion>8.0.40</EngineVersion><StorageType>gp3</StorageType>\
    <ReadReplicaDBInstanceIdentifiers><ReadReplicaDBInstanceIdentifier>copy\
    </ReadReplicaDBInstanceIdentifier></ReadReplicaDBInstanceIdentifiers>\
    <StorageEncrypted>true</StorageEncrypted><KmsKeyId>arn:key</KmsKeyId>\
    <DbiResourceId>db-A</DbiResourceId><CopyTagsToSnapshot>true</CopyTagsToSnapshot>\
    <DeletionProtection>false</DeletionProtection>\
    <AutomaticRestartTime>2026-03-09T02:06:00.000Z</AutomaticRestartTime>\
    <TagList><Tag><Key>team</Key><Value>red</Value></Tag></TagList></DBInstance>";
const SNAPSHOT: &str = "<DBSnapshot><DBSnapshotIdentifier>s</DBSnapshotIdentifier>\
    <DBInstanceIdentifier>orders</DBInstanceIdentifier><Engine>mysql</Engine>\
    <AllocatedStorage>20</AllocatedStorage><Status>creating</Status>\
    <SnapshotType>manual</SnapshotType><Encrypted>false</Encrypted><TagList/></DBSnapshot>";

fn ok(operation: &str, body: &str) -> Answer {
    let answer = format!(
        "<{operation}Response xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\">\
         <{operation}Result>{body}</{operation}Result><ResponseMetadata><RequestId>req-1\
         </RequestId></ResponseMetadata></{operation}Response>"
    );
    Answer::Http(200, answer)
}

fn error(status: u16, code: &str) -> Answer {
    let answer = format!(
        "<ErrorResponse xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\"><Error>\
         <Type>Sender</Type><Code>{code}</Code><Message>sorry</Message></Error>\
         <RequestId>req-1</RequestId></ErrorResponse>"
    );
    Answer::Http(status, answer)
}

fn client(wire: &Wire) -> RdsClient {
    let process = crate::config::with_timeouts(&wire.process("eu-west-1"));
    let place =
        Place { account: "222233334444".parse().unwrap(), region: "eu-west-1".parse().unwrap() };
    RdsClient::new(&process, &place, "role `arn:aws:iam::222233334444:role/member`")
}

fn instances(items: &str, rest: &str) -> Answer {
    ok("DescribeDBInstances", &format!("<DBInstances>{items}</DBInstances>{rest}"))
}

#[tokio::test]
async fn an_instance_is_read_whole() {
    let wire = Wire::script([instances(INSTANCE, "<Marker>m</Marker>")]);
    let filter = ServerFilter::of_ids(["orders".to_owned()]);
    let page = client(&wire).databases(&filter, Some(PageToken("p".to_owned()))).await.unwrap();
    assert_eq!(page.next, Some(PageToken("m".to_owned())));
    let expected = Database {
        id: "orders".to_owned(),
        resource_id: "db-A".to_owned(),
        state: "stopped".to_owned(),
        engine: "mysql".to_owned(),
        engine_version: "8.0.40".to_owned(),
        class: "db.t3.micro".to_owned(),
        size_gib: 20,
        storage_type: Some("gp3".to_owned()),
        availability_zone: None,
        multi_az: true,
        created_at: "2026-01-01T00:00:00Z".parse().ok(),
        encrypted: true,
        kms_key_id: Some("arn:key".to_owned()),
        cluster: None,
        replica_of: None,
        replicas: vec!["copy".to_owned()],
        copy_tags_to_snapshot: true,
        deletion_protection: false,
        backup_retention_days: 7,
        restarts_at: "2026-03-09T02:06:00Z".parse().ok(),
        tags: [("team".to_owned(), "red".to_owned())].into(),
    };
    assert_eq!(page.items, [expected]);
    assert_eq!(
        wire.sent()[0].parameters(),
        [
            "Filters.Filter.1.Name=db-instance-id",
            "Filters.Filter.1.Values.Value.1=orders",
            "Marker=p",
            "MaxRecords=100",
        ]
    );
}

#[tokio::test]
async fn what_lacks_a_state_is_an_error_and_what_is_unknown_is_protected() {
    let odd = INSTANCE.replace("<DBInstanceStatus>stopped</DBInstanceStatus>", "");
    let wire = Wire::script([instances(&odd, "")]);
    let fault = client(&wire).database("orders").await.unwrap_err();
    assert!(fault.chain().contains("the database `orders` without a state"), "{}", fault.chain());
    let silent = INSTANCE.replace("<DeletionProtection>false</DeletionProtection>", "");
    let found = client(&Wire::script([instances(&silent, "")])).database("orders").await;
    assert!(found.unwrap().unwrap().deletion_protection);
}

#[tokio::test]
async fn what_is_not_there_is_none_and_its_deletion_a_success() {
    let gone = |code| Wire::script([error(404, code)]);
    assert_eq!(client(&gone("DBInstanceNotFound")).database("x").await.unwrap(), None);
    assert_eq!(client(&gone("DBClusterNotFoundFault")).cluster("x").await.unwrap(), None);
    for (kind, code) in
        [(Kind::Instance, "DBSnapshotNotFound"), (Kind::Cluster, "DBClusterSnapshotNotFoundFault")]
    {
        assert_eq!(client(&gone(code)).snapshot(kind, "x").await.unwrap(), None);
        client(&gone(code)).delete_snapshot(kind, "x").await.unwrap();
    }
}

#[tokio::test]
async fn a_snapshot_is_made_once_with_its_name_and_tags() {
    let new = NewSnapshot {
        database: "orders".to_owned(),
        name: "s".to_owned(),
        tags: [("lamplighter:job".to_owned(), "j".to_owned())].into(),
    };
    let wire = Wire::script([ok("CreateDBSnapshot", SNAPSHOT)]);
    client(&wire).create_snapshot(Kind::Instance, &new).await.unwrap();
    assert_eq!(
        wire.sent()[0].parameters(),
        [
            "DBInstanceIdentifier=orders",
            "DBSnapshotIdentifier=s",
            "Tags.Tag.1.Key=lamplighter:job",
            "Tags.Tag.1.Value=j",
        ]
    );
    for kind in [Kind::Instance, Kind::Cluster] {
        let wire = Wire::script([Answer::Reset]);
        let fault = client(&wire).create_snapshot(kind, &new).await.unwrap_err();
        assert_eq!((fault.kind, wire.sent().len()), (FaultKind::Transient, 1));
    }
}

#[tokio::test]
async fn reboots_and_deletions_are_not_tried_again_by_themselves() {
    let wire = Wire::script([Answer::Reset]);
    assert!(client(&wire).reboot("orders", Reboot::Failover).await.is_err());
    let expected = ["DBInstanceIdentifier=orders", "ForceFailover=true"];
    assert_eq!(
        (wire.sent().len(), wire.sent()[0].parameters()),
        (1, expected.map(str::to_owned).to_vec())
    );
    for kind in [Kind::Instance, Kind::Cluster] {
        let wire = Wire::script([Answer::Reset]);
        assert!(client(&wire).delete(kind, "orders", Some("last")).await.is_err());
        assert_eq!(wire.sent().len(), 1);
    }
}

#[tokio::test]
async fn tags_are_set_and_taken_off_by_the_arn() {
    const ARN: &str = "arn:aws:rds:eu-west-1:222233334444:cluster-snapshot:s";
    let wire = Wire::script([ok("AddTagsToResource", ""), ok("RemoveTagsFromResource", "")]);
    let tags = [("a".to_owned(), "b".to_owned())].into();
    client(&wire).tag(ARN, &tags).await.unwrap();
    client(&wire).untag(ARN, &["a"]).await.unwrap();
    let name = format!("ResourceName={ARN}");
    let sent = wire.sent();
    let expected = [&name, "Tags.Tag.1.Key=a", "Tags.Tag.1.Value=b"];
    assert_eq!(sent[0].parameters(), expected);
    assert_eq!(sent[1].parameters(), [&name, "TagKeys.member.1=a"]);
}

#[tokio::test]
async fn quotas_and_events_are_read_as_far_as_they_are_about_that() {
    let quota = "<AccountQuotas><AccountQuota><AccountQuotaName>DBInstances</AccountQuotaName>\
        <Used>1</Used><Max>40</Max></AccountQuota><AccountQuota><AccountQuotaName>ManualSnapshots\
        </AccountQuotaName><Used>7</Used><Max>100</Max></AccountQuota></AccountQuotas>";
    let answers = [ok("DescribeAccountAttributes", quota), ok("DescribeAccountAttributes", quota)];
    let wire = Wire::script(answers);
    let client = client(&wire);
    assert_eq!(client.quota(Kind::Instance).await.unwrap(), Some(Quota { used: 7, most: 100 }));
    assert_eq!(client.quota(Kind::Cluster).await.unwrap(), None);
    let event = |message: &str| {
        format!(
            "<Event><SourceIdentifier>orders</SourceIdentifier><SourceType>db-instance</SourceType>\
             <Message>{message}</Message><Date>2026-03-02T02:00:00.123Z</Date></Event>"
        )
    };
    let events =
        format!("<Events>{}{}</Events>", event("Backup done"), event("DB instance stopped"));
    let wire = Wire::script([ok("DescribeEvents", &events)]);
    let since = "2026-03-01T00:00:00Z".parse().unwrap();
    let found = self::client(&wire).power_events(Kind::Instance, since, None).await.unwrap();
    let expected = PowerEvent {
        database: "orders".to_owned(),
        at: "2026-03-02T02:00:00.123Z".parse().unwrap(),
        what: PowerChange::Stopped,
    };
    assert_eq!(found.items, [expected]);
    assert_eq!(
        wire.sent()[0].parameters(),
        [
            "EventCategories.EventCategory.1=availability",
            "EventCategories.EventCategory.2=notification",
            "MaxRecords=100",
            "SourceType=db-instance",
            "StartTime=2026-03-01T00:00:00Z",
        ]
    );
}

fn new_copy() -> NewCopy {
    NewCopy {
        source: "arn:aws:rds:eu-west-1:111122223333:snapshot:s".to_owned(),
        name: "c".to_owned(),
        key: Some("arn:key".to_owned()),
        option_group: Some("own".to_owned()),
        tags: [("lamplighter:job".to_owned(), "j".to_owned())].into(),
    }
}

#[tokio::test]
async fn a_copy_is_made_once_with_its_key_option_group_and_tags() {
    let wire = Wire::script([ok("CopyDBSnapshot", SNAPSHOT)]);
    client(&wire).copy_snapshot(Kind::Instance, &new_copy()).await.unwrap();
    assert_eq!(
        wire.sent()[0].parameters(),
        [
            "KmsKeyId=arn:key",
            "OptionGroupName=own",
            "SourceDBSnapshotIdentifier=arn:aws:rds:eu-west-1:111122223333:snapshot:s",
            "Tags.Tag.1.Key=lamplighter:job",
            "Tags.Tag.1.Value=j",
            "TargetDBSnapshotIdentifier=c",
        ]
    );
    let wire = Wire::script([ok("CopyDBClusterSnapshot", "")]);
    client(&wire).copy_snapshot(Kind::Cluster, &new_copy()).await.unwrap();
    assert_eq!(
        wire.sent()[0].parameters(),
        [
            "KmsKeyId=arn:key",
            "SourceDBClusterSnapshotIdentifier=arn:aws:rds:eu-west-1:111122223333:snapshot:s",
            "Tags.Tag.1.Key=lamplighter:job",
            "Tags.Tag.1.Value=j",
            "TargetDBClusterSnapshotIdentifier=c",
        ]
    );
    for kind in [Kind::Instance, Kind::Cluster] {
        let wire = Wire::script([Answer::Reset]);
        let fault = client(&wire).copy_snapshot(kind, &new_copy()).await.unwrap_err();
        assert_eq!((fault.kind, wire.sent().len()), (FaultKind::Transient, 1));
    }
}

#[tokio::test]
async fn copies_are_looked_for_among_the_manual_snapshots_of_a_database() {
    let found = format!("<DBSnapshots>{SNAPSHOT}</DBSnapshots><Marker>m</Marker>");
    let wire = Wire::script([ok("DescribeDBSnapshots", &found)]);
    let page = client(&wire).snapshots_of(Kind::Instance, "orders", None).await.unwrap();
    assert_eq!((page.items.len(), page.next), (1, Some(PageToken("m".to_owned()))));
    assert_eq!(
        wire.sent()[0].parameters(),
        ["DBInstanceIdentifier=orders", "MaxRecords=100", "SnapshotType=manual"]
    );
}

#[tokio::test]
async fn who_may_use_a_snapshot_is_read_and_changed() {
    let attributes = |kind: &str, values: &[&str]| {
        let values = values.iter().map(|it| format!("<AttributeValue>{it}</AttributeValue>"));
        format!(
            "<{kind}AttributesResult><{kind}Attributes><{kind}Attribute><AttributeName>restore\
             </AttributeName><AttributeValues>{}</AttributeValues></{kind}Attribute>\
             </{kind}Attributes></{kind}AttributesResult>",
            values.collect::<String>()
        )
    };
    let friend: AccountId = "999900001111".parse().unwrap();
    let with = BTreeSet::from([friend.clone()]);
    for (kind, name) in [(Kind::Instance, "DBSnapshot"), (Kind::Cluster, "DBClusterSnapshot")] {
        let describe = format!("Describe{name}Attributes");
        let answer = ok(&describe, &attributes(name, &["999900001111", "all"]));
        let found = client(&Wire::script([answer])).snapshot_shares(kind, "s").await.unwrap();
        assert_eq!(found, Shares { accounts: with.clone(), public: true });
        let odd = ok(&describe, &attributes(name, &["somebody"]));
        let fault = client(&Wire::script([odd])).snapshot_shares(kind, "s").await.unwrap_err();
        assert!(fault.chain().contains("the account `somebody`"), "{}", fault.chain());
        let modify = format!("Modify{name}Attribute");
        let wire = Wire::script([ok(&modify, ""), ok(&modify, "")]);
        client(&wire).share_snapshot(kind, "s", &with).await.unwrap();
        client(&wire).unshare_snapshot(kind, "s", &with).await.unwrap();
        let sent = |change: &str| {
            [
                "AttributeName=restore".to_owned(),
                format!("{name}Identifier=s"),
                format!("ValuesTo{change}.AttributeValue.1=999900001111"),
            ]
        };
        assert_eq!(wire.sent()[0].parameters(), sent("Add"));
        assert_eq!(wire.sent()[1].parameters(), sent("Remove"));
    }
}

#[tokio::test]
async fn an_option_group_says_which_options_stay_and_may_not_be_there() {
    let option = |name: &str, persistent: bool| {
        format!(
            "<Option><OptionName>{name}</OptionName><Persistent>{persistent}</Persistent>\
             <Permanent>false</Permanent></Option>"
        )
    };
    let group = format!(
        "<OptionGroupsList><OptionGroup><OptionGroupName>own</OptionGroupName><EngineName>mysql\
         </EngineName><Options>{}{}</Options></OptionGroup></OptionGroupsList>",
        option("TDE", true),
        option("OEM", false)
    );
    let wire = Wire::script([ok("DescribeOptionGroups", &group)]);
    let found = client(&wire).option_group("own").await.unwrap();
    let option = |name: &str, stays| GroupOption { name: name.to_owned(), stays };
    let options = vec![option("TDE", true), option("OEM", false)];
    assert_eq!(found, Some(OptionGroup { engine: "mysql".to_owned(), options }));
    let gone = Wire::script([error(404, "OptionGroupNotFoundFault")]);
    assert_eq!(client(&gone).option_group("own").await.unwrap(), None);
}
