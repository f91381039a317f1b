use serde_json::{Value, json};

use super::*;
use crate::{
    bed::Bed,
    dynamodb::{create_table::CreateTable, tables::DescribeTable},
};

const INVALID: Result<(), &str> = Err("ValidationException");
const LIMIT: Result<(), &str> = Err("LimitExceededException");
const IN_USE: Result<(), &str> = Err("ResourceInUseException");

/// A table with 10 units for reads and writes, and an index with 10.
fn bed() -> Bed {
    let bed = Bed::new();
    let request = json!({
        "TableName": "orders",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "ProvisionedThroughput": units(10, 10),
        "GlobalSecondaryIndexes": [index("by-id")],
    });
    bed.ask(serde_json::from_value::<CreateTable>(request).unwrap()).unwrap();
    bed.pass(10);
    bed
}

fn units(reads: u32, writes: u32) -> Value {
    json!({"ReadCapacityUnits": reads, "WriteCapacityUnits": writes})
}

fn index(name: &str) -> Value {
    json!({
        "IndexName": name,
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
        "ProvisionedThroughput": units(10, 10),
    })
}

fn index_units(name: &str, reads: u32, writes: u32) -> Value {
    json!([{"Update": {"IndexName": name, "ProvisionedThroughput": units(reads, writes)}}])
}

fn update(bed: &Bed, mut request: Value) -> Result<(), &'static str> {
    request["TableName"] = json!("orders");
    bed.ask(serde_json::from_value::<UpdateTable>(request).unwrap()).map(|_| ())
}

/// The same, and waits until it is done.
fn done(bed: &Bed, request: Value) -> Result<(), &'static str> {
    let answer = update(bed, request);
    bed.pass(600);
    answer
}

fn described(bed: &Bed) -> Value {
    let described = bed.ask(DescribeTable { table_name: "orders".into() });
    described.unwrap()["Table"].take()
}

/// The state of the table and its first index, with their reads.
fn state(bed: &Bed) -> String {
    let table = described(bed);
    let index = &table["GlobalSecondaryIndexes"][0];
    let reads = |it: &Value| it["ProvisionedThroughput"]["ReadCapacityUnits"].to_string();
    let text = |it: &Value| it.as_str().unwrap_or("none").to_owned();
    let states = [text(&table["TableStatus"]), reads(&table)];
    [states.join(" "), text(&index["IndexStatus"]), reads(index)].join(" ")
}

#[test]
fn new_capacity_is_there_when_the_table_is_active_again() {
    let bed = bed();
    let both = json!({
        "ProvisionedThroughput": units(20, 10),
        "GlobalSecondaryIndexUpdates": index_units("by-id", 30, 10),
    });
    assert_eq!(update(&bed, both.clone()), Ok(()));
    assert_eq!(state(&bed), "UPDATING 10 UPDATING 10");
    assert_eq!(update(&bed, both.clone()), IN_USE);
    bed.pass(9);
    assert_eq!(state(&bed), "UPDATING 10 UPDATING 10");
    bed.pass(1);
    assert_eq!(state(&bed), "ACTIVE 20 ACTIVE 30");
    assert_eq!(update(&bed, both), INVALID, "nothing changes");
}

#[test]
fn a_call_is_refused_as_a_whole() {
    let bed = bed();
    let before = described(&bed);
    let part = |index| {
        let table = units(5, 5);
        json!({"ProvisionedThroughput": table, "GlobalSecondaryIndexUpdates": index})
    };
    assert_eq!(update(&bed, part(index_units("by-id", 10, 10))), INVALID);
    assert_eq!(update(&bed, part(index_units("by-id", 0, 10))), INVALID);
    assert_eq!(update(&bed, part(index_units("by-id", 40_001, 10))), LIMIT);
    assert_eq!(update(&bed, part(index_units("other", 1, 1))), Err("ResourceNotFoundException"));
    let twice = [index_units("by-id", 1, 1)[0].clone(), index_units("by-id", 2, 2)[0].clone()];
    assert_eq!(update(&bed, part(json!(twice))), INVALID);
    assert_eq!(described(&bed), before);
}

#[test]
fn decreases_are_counted_for_the_table_and_each_index() {
    let bed = bed();
    for reads in [9, 8, 7, 6] {
        assert_eq!(done(&bed, json!({"ProvisionedThroughput": units(reads, 10)})), Ok(()));
    }
    let shown = &described(&bed)["ProvisionedThroughput"];
    assert_eq!(shown["NumberOfDecreasesToday"], 4);
    // The fourth, at half past two: 2026-03-02T02:30:10Z.
    assert_eq!(shown["LastDecreaseDateTime"], 1_772_418_610.0);
    assert_eq!(shown.get("LastIncreaseDateTime"), None);
    let table = json!({"ProvisionedThroughput": units(5, 10)});
    let index = json!({"GlobalSecondaryIndexUpdates": index_units("by-id", 5, 10)});
    let both = json!({
        "ProvisionedThroughput": units(5, 10),
        "GlobalSecondaryIndexUpdates": index_units("by-id", 5, 10),
    });
    assert_eq!(done(&bed, table.clone()), LIMIT);
    assert_eq!(done(&bed, both), LIMIT, "the index would have been allowed");
    assert_eq!(done(&bed, index), Ok(()), "and it has not been counted");
    for reads in [4, 3, 2] {
        let index = json!({"GlobalSecondaryIndexUpdates": index_units("by-id", reads, 10)});
        assert_eq!(update(&bed, index), Ok(()));
        bed.pass(10);
    }
    let index = json!({"GlobalSecondaryIndexUpdates": index_units("by-id", 1, 10)});
    assert_eq!(update(&bed, index), LIMIT, "four a day for the index too");
    assert_eq!(done(&bed, json!({"ProvisionedThroughput": units(50, 10)})), Ok(()));
    // It is past three: one more.
    assert_eq!(done(&bed, table), Ok(()));
    assert_eq!(described(&bed)["ProvisionedThroughput"]["NumberOfDecreasesToday"], 5);
    bed.pass(24 * 3600);
    assert_eq!(described(&bed)["ProvisionedThroughput"]["NumberOfDecreasesToday"], 0);
}

#[test]
fn one_kind_of_change_in_one_call() {
    let bed = bed();
    let create = json!([{"Create": index("new")}]);
    let delete = json!([{"Delete": {"IndexName": "by-id"}}]);
    for (other, refused) in [
        (json!({}), INVALID),
        (
            json!({"GlobalSecondaryIndexUpdates": create.clone(), "DeletionProtectionEnabled": true}),
            INVALID,
        ),
        (
            json!({"GlobalSecondaryIndexUpdates": create.clone(), "ProvisionedThroughput": units(20, 20)}),
            INVALID,
        ),
        (json!({"GlobalSecondaryIndexUpdates": [create[0], delete[0]]}), LIMIT),
        (json!({"GlobalSecondaryIndexUpdates": [{}]}), INVALID),
    ] {
        assert_eq!(update(&bed, other.clone()), refused, "{other}");
    }
}

#[test]
fn an_index_is_filled_while_the_table_is_active() {
    let bed = bed();
    assert_eq!(
        done(&bed, json!({"GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "by-id"}}]})),
        Ok(())
    );
    assert_eq!(described(&bed).get("GlobalSecondaryIndexes"), None);
    let create = json!({"GlobalSecondaryIndexUpdates": [{"Create": index("by-id")}]});
    assert_eq!(update(&bed, create), Ok(()));
    assert_eq!(state(&bed), "UPDATING 10 CREATING 10");
    bed.pass(10);
    assert_eq!(state(&bed), "ACTIVE 10 CREATING 10");
    assert_eq!(update(&bed, json!({"ProvisionedThroughput": units(20, 20)})), IN_USE);
    bed.pass(300);
    assert_eq!(state(&bed), "ACTIVE 10 ACTIVE 10");
}

#[test]
fn a_table_goes_on_demand_four_times_in_24_hours() {
    let bed = bed();
    let on_demand = json!({"BillingMode": "PAY_PER_REQUEST"});
    let provisioned = json!({
        "BillingMode": "PROVISIONED",
        "ProvisionedThroughput": units(10, 10),
        "GlobalSecondaryIndexUpdates": index_units("by-id", 10, 10),
    });
    assert_eq!(update(&bed, on_demand.clone()), Ok(()));
    bed.pass(179);
    assert_eq!(state(&bed), "UPDATING 10 UPDATING 10");
    bed.pass(1);
    assert_eq!(state(&bed), "ACTIVE 0 ACTIVE 0");
    assert_eq!(described(&bed)["BillingModeSummary"]["BillingMode"], "PAY_PER_REQUEST");
    assert_eq!(update(&bed, on_demand.clone()), INVALID);
    assert_eq!(update(&bed, json!({"ProvisionedThroughput": units(5, 5)})), INVALID);
    for _ in 0..3 {
        assert_eq!(done(&bed, provisioned.clone()), Ok(()));
        assert_eq!(done(&bed, on_demand.clone()), Ok(()));
    }
    assert_eq!(done(&bed, provisioned), Ok(()));
    assert_eq!(described(&bed)["BillingModeSummary"]["BillingMode"], "PROVISIONED");
    assert_eq!(update(&bed, on_demand.clone()), LIMIT);
    // The first was 4380 seconds ago.
    bed.pass(24 * 3600 - 4381);
    assert_eq!(update(&bed, on_demand.clone()), LIMIT);
    bed.pass(1);
    assert_eq!(done(&bed, on_demand), Ok(()), "the first is 24 hours ago");
}

#[test]
fn to_provision_capacity_the_table_and_each_index_need_one() {
    let bed = bed();
    assert_eq!(done(&bed, json!({"BillingMode": "PAY_PER_REQUEST"})), Ok(()));
    let to = |changes: Value| {
        let mut request = json!({"BillingMode": "PROVISIONED"});
        request.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        update(&bed, request)
    };
    assert_eq!(to(json!({})), INVALID);
    assert_eq!(to(json!({"ProvisionedThroughput": units(1, 1)})), INVALID);
    let index = index_units("by-id", 1, 1);
    assert_eq!(to(json!({"GlobalSecondaryIndexUpdates": index})), INVALID);
    let both = json!({"ProvisionedThroughput": units(1, 1), "GlobalSecondaryIndexUpdates": index});
    assert_eq!(to(both), Ok(()));
}

#[test]
fn the_account_has_80_000_units_for_tables_and_indexes() {
    let bed = bed();
    assert_eq!(done(&bed, json!({"ProvisionedThroughput": units(40_000, 10)})), Ok(()));
    let index = |reads| json!({"GlobalSecondaryIndexUpdates": index_units("by-id", reads, 10)});
    assert_eq!(done(&bed, index(40_000)), Ok(()));
    let new = json!({"GlobalSecondaryIndexUpdates": [{"Create": self::index("new")}]});
    assert_eq!(update(&bed, new), LIMIT);
}

#[test]
fn what_is_not_there_cannot_be_changed() {
    let request = UpdateTable { table_name: "other".into(), ..UpdateTable::default() };
    assert_eq!(Bed::new().ask(request), Err("ResourceNotFoundException"));
}
