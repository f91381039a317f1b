use jiff::SignedDuration;
use lamplighter_core::{
    FaultKind,
    cloud::tables::{Capacity, Index, Unit},
};
use serde_json::{Value, json};

use super::*;
use crate::{
    bed::Bed,
    wire::{Answer, Wire},
};

fn place() -> Place {
    Place { account: "111122223333".parse().unwrap(), region: "eu-west-1".parse().unwrap() }
}

fn client(wire: &Wire) -> TablesClient {
    let process = crate::config::with_timeouts(&wire.process("eu-west-1"));
    TablesClient::new(&process, &place(), "role `member`")
}

fn ok(answer: &Value) -> Answer {
    Answer::Http(200, answer.to_string())
}

fn error(code: &str, message: &str) -> Answer {
    let answer = json!({ "__type": format!("com.amazonaws#{code}"), "message": message });
    Answer::Http(400, answer.to_string())
}

fn orders() -> Value {
    json!({ "Table": {
        "TableName": "orders",
        "TableArn": "arn:aws:dynamodb:eu-west-1:111122223333:table/orders",
        "TableStatus": "UPDATING",
        "CreationDateTime": 1.7e9,
        "ProvisionedThroughput": {
            "ReadCapacityUnits": 10, "WriteCapacityUnits": 5, "NumberOfDecreasesToday": 4,
            "LastDecreaseDateTime": 1_772_416_800.25,
        },
        "GlobalSecondaryIndexes": [{
            "IndexName": "by-date", "IndexStatus": "ACTIVE",
            "ProvisionedThroughput": {
                "ReadCapacityUnits": 1, "WriteCapacityUnits": 2, "NumberOfDecreasesToday": 0,
            },
        }],
        "LocalSecondaryIndexes": [{ "IndexName": "by-size" }],
        "Replicas": [{ "RegionName": "us-east-1" }],
        "DeletionProtectionEnabled": true,
    }})
}

#[tokio::test]
async fn a_table_is_read_with_all_that_decides_over_it() {
    let wire = Wire::script([ok(&orders())]);
    let found = client(&wire).table("orders").await.unwrap().unwrap();
    assert_eq!((found.state.as_str(), found.billing.as_str()), ("UPDATING", "provisioned"));
    assert_eq!((found.capacity.reads, found.capacity.decreases_today), (10, 4));
    assert_eq!(found.capacity.decreased_at, "2026-03-02T02:00:00.25Z".parse().ok());
    let capacity = Capacity { reads: 1, writes: 2, ..Capacity::default() };
    let (name, state) = ("by-date".to_owned(), "ACTIVE".to_owned());
    assert_eq!(found.indexes, [Index { name, state, capacity }]);
    assert_eq!(
        (&*found.local_indexes, &*found.replicas),
        (&["by-size".to_owned()][..], &["us-east-1".to_owned()][..],)
    );
    assert!(found.deletion_protection);
    assert_eq!(wire.sent()[0].json(), json!({ "TableName": "orders" }));
}

#[tokio::test]
async fn a_table_that_is_not_there_is_none_and_one_without_a_status_is_an_error() {
    let gone = error("ResourceNotFoundException", "Requested resource not found");
    assert_eq!(client(&Wire::script([gone.clone()])).table("orders").await.unwrap(), None);
    assert_eq!(client(&Wire::script([gone])).tags("arn").await.unwrap(), None);
    let mut odd = orders();
    odd["Table"].as_object_mut().unwrap().remove("TableStatus");
    let fault = client(&Wire::script([ok(&odd)])).table("orders").await.unwrap_err();
    assert!(fault.chain().contains("the table `orders` without a status"), "{}", fault.chain());
}

#[tokio::test]
async fn tags_are_read_to_the_last_page() {
    let page = |key: &str, next: Option<&str>| {
        let mut page = json!({ "Tags": [{ "Key": key, "Value": "1" }] });
        page["NextToken"] = next.map_or(Value::Null, |it| json!(it));
        ok(&page)
    };
    let wire = Wire::script([page("a", Some("more")), page("b", None)]);
    let found = client(&wire).tags("arn").await.unwrap().unwrap();
    assert_eq!(found.keys().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(wire.sent()[1].json()["NextToken"], "more");
}

#[tokio::test]
async fn what_is_scaled_is_told_by_table_index_and_unit() {
    let target = |id: &str, of: &str| {
        json!({
            "ServiceNamespace": "dynamodb", "ResourceId": id, "ScalableDimension": of,
            "MinCapacity": 1, "MaxCapacity": 9, "RoleARN": "arn", "CreationTime": 0,
        })
    };
    let wire = Wire::script([ok(&json!({ "ScalableTargets": [
        target("table/orders", "dynamodb:table:WriteCapacityUnits"),
        target("table/orders/index/by-date", "dynamodb:index:ReadCapacityUnits"),
    ]}))]);
    let found = client(&wire).scaled(None).await.unwrap();
    let dimension = |index: Option<&str>, unit| Dimension {
        table: "orders".to_owned(),
        index: index.map(str::to_owned),
        unit,
    };
    let expected = [dimension(None, Unit::Writes), dimension(Some("by-date"), Unit::Reads)];
    assert_eq!(found, expected.into());
    assert_eq!(wire.sent()[0].json(), json!({ "ServiceNamespace": "dynamodb" }));
    let odd =
        ok(&json!({ "ScalableTargets": [target("orders", "dynamodb:table:WriteCapacityUnits")] }));
    assert!(client(&Wire::script([odd])).scaled(None).await.is_err());
}

fn units(reads: u64, writes: u64) -> Units {
    Units { reads, writes }
}

#[tokio::test]
async fn a_change_names_the_table_and_each_index() {
    let wire = Wire::script([ok(&json!({}))]);
    let indexes = [("by-date".to_owned(), units(1, 2))].into();
    let new = NewCapacity { table: Some(units(3, 4)), indexes };
    assert_eq!(client(&wire).set_capacity("orders", &new).await.unwrap(), Asked::Begun);
    let throughput = |reads: u64, writes: u64| json!({ "ReadCapacityUnits": reads, "WriteCapacityUnits": writes });
    let update = json!({
        "IndexName": "by-date", "ProvisionedThroughput": throughput(1, 2),
    });
    assert_eq!(
        wire.sent()[0].json(),
        json!({
            "TableName": "orders",
            "ProvisionedThroughput": throughput(3, 4),
            "GlobalSecondaryIndexUpdates": [{ "Update": update }],
        })
    );
}

#[tokio::test]
async fn a_change_that_aws_refuses_is_not_tried_again_by_itself() {
    let new = NewCapacity { table: Some(units(3, 4)), ..NewCapacity::default() };
    for (code, message, expected) in [
        ("ResourceInUseException", "Table is being updated", Ok(Asked::Busy)),
        ("LimitExceededException", "decreases are limited", Err(FaultKind::Throttled)),
    ] {
        let wire = Wire::script([error(code, message)]);
        let found = client(&wire).set_capacity("orders", &new).await.map_err(|it| it.kind);
        assert_eq!((found, wire.sent().len()), (expected, 1), "{code}");
    }
    let wire = Wire::script([error("ValidationException", "The throughput will not change.")]);
    let found = client(&wire).set_capacity("orders", &new).await.unwrap();
    let Asked::Invalid(why) = found else { panic!("{found:?}") };
    assert!(why.contains("The throughput will not change."), "{why}");
}

#[tokio::test]
async fn a_backup_is_made_once_and_its_name_says_whose_it_is() {
    let wire = Wire::script([Answer::Reset]);
    let fault = client(&wire).create_backup("orders", "nightly").await.unwrap_err();
    assert_eq!((fault.kind, wire.sent().len()), (FaultKind::Transient, 1));
    let summary = |name: &str| {
        json!({
            "TableName": "orders", "BackupArn": "arn", "BackupName": name,
            "BackupStatus": "AVAILABLE", "BackupType": "USER",
            "BackupCreationDateTime": 1_772_416_800, "BackupSizeBytes": 7,
        })
    };
    let ours = "orders.lamplighter-nightly-20260302T020000Z-0123456789abcdef";
    let listed = json!({
        "BackupSummaries": [summary(ours), summary("by-hand")],
        "LastEvaluatedBackupArn": "arn",
    });
    let wire = Wire::script([ok(&listed)]);
    let page = client(&wire).backups(None, None).await.unwrap();
    let tasks = page.items.iter().map(|it| it.tags.get("lamplighter:task").cloned());
    assert_eq!(tasks.collect::<Vec<_>>(), [Some("nightly".to_owned()), None]);
    assert_eq!(page.next, Some(PageToken("arn".to_owned())));
    assert_eq!(wire.sent()[0].json(), json!({ "BackupType": "USER", "Limit": 100 }));
}

/// The same calls over the simulator's wire.
#[tokio::test]
async fn the_simulator_understands_each_call() {
    let bed = Bed::new().await;
    let client = TablesClient::new(&bed.config, &place(), "me");
    let name = bed.name();
    crate::create_table(&bed.config, &name).await.unwrap();
    let names = client.names(None).await.unwrap();
    assert_eq!((names.items, names.next), (vec![name.clone()], None));
    let table = client.table(&name).await.unwrap().unwrap();
    assert_eq!((table.billing.as_str(), table.indexes.len()), ("on-demand", 3));
    assert_eq!(client.tags(&table.arn).await.unwrap(), Some(Tags::new()));
    assert!(client.scaled(Some(&table)).await.unwrap().is_empty());
    assert_eq!(client.table("nothing").await.unwrap(), None);
    let backup = client.create_backup(&name, "made.by-hand").await.unwrap();
    assert_eq!((backup.state.as_str(), backup.table.as_str()), ("CREATING", name.as_str()));
    assert_eq!(
        client.backups(Some(&name), None).await.unwrap().items,
        std::slice::from_ref(&backup)
    );
    bed.clock.advance(SignedDuration::from_mins(1));
    client.delete_backup(&backup.id).await.unwrap();
    client.delete_backup(&backup.id).await.unwrap();
    assert_eq!(client.backups(None, None).await.unwrap().items, []);
    let indexes = table.indexes.iter().map(|it| (it.name.clone(), units(1, 2))).collect();
    let provisioned = NewCapacity { table: Some(units(3, 4)), indexes };
    let asked = client.set_billing(&name, &Billing::Provisioned(provisioned)).await.unwrap();
    assert_eq!(asked, Asked::Begun);
    let asked = client.set_billing(&name, &Billing::OnDemand).await.unwrap();
    assert_eq!(asked, Asked::Busy);
    let new = NewCapacity { table: Some(units(3, 4)), ..NewCapacity::default() };
    let fault = client.set_capacity("nothing", &new).await.unwrap_err();
    assert_eq!(fault.code.as_deref(), Some(NO_TABLE));
}
