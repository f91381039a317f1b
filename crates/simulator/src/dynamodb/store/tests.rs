//! The operations together.

use serde::de::DeserializeOwned;
use serde_json::{Value, from_value, json};

use super::{batch::*, get_item::*, query::*, transact::*, write::*};
use crate::{
    bed::Bed,
    dials::Lag,
    dynamodb::{create_table::CreateTable, delete_table::DeleteTable, tables::DescribeTable},
    operation::Operation,
};
use jiff::SignedDuration;

const INVALID: Result<Value, &str> = Err("ValidationException");

fn ask<O: Operation + DeserializeOwned>(bed: &Bed, request: Value) -> Result<Value, &'static str> {
    let mut whole = json!({"TableName": "jobs"});
    if request.get("RequestItems").is_some() || request.get("TransactItems").is_some() {
        whole = json!({});
    }
    whole.as_object_mut().unwrap().extend(request.as_object().unwrap().clone());
    bed.ask(from_value::<O>(whole).unwrap())
}

/// A table with the key `id` and `at`, and an index on `state` and `at` that has `id` only.
fn bed() -> Bed {
    let bed = Bed::new();
    let key = |name: &str, part: &str| json!({"AttributeName": name, "KeyType": part});
    let request = json!({
        "AttributeDefinitions": [
            {"AttributeName": "id", "AttributeType": "S"},
            {"AttributeName": "at", "AttributeType": "N"},
            {"AttributeName": "stage", "AttributeType": "S"},
        ],
        "KeySchema": [key("id", "HASH"), key("at", "RANGE")],
        "BillingMode": "PAY_PER_REQUEST",
        "GlobalSecondaryIndexes": [{
            "IndexName": "by-stage",
            "KeySchema": [key("stage", "HASH"), key("at", "RANGE")],
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["n"]},
        }],
    });
    ask::<CreateTable>(&bed, request).unwrap();
    bed.pass(10);
    bed
}

fn key(id: &str, at: u32) -> Value {
    json!({"id": {"S": id}, "at": {"N": at.to_string()}})
}

fn item(id: &str, at: u32, more: Value) -> Value {
    let mut item = key(id, at);
    item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    item
}

fn put(bed: &Bed, item: Value) -> Result<Value, &'static str> {
    ask::<PutItem>(bed, json!({"Item": item}))
}

fn get(bed: &Bed, key: Value) -> Value {
    let request = json!({"Key": key, "ConsistentRead": true});
    ask::<GetItem>(bed, request).unwrap().get("Item").cloned().unwrap_or_default()
}

/// The sort keys of what is on each page.
fn pages<O: Operation + DeserializeOwned>(
    bed: &Bed,
    mut request: Value,
) -> Result<Vec<String>, &'static str> {
    let mut pages = Vec::new();
    loop {
        let page = ask::<O>(bed, request.clone())?;
        let items = page["Items"].as_array().unwrap().iter();
        pages.push(items.map(|it| it["at"]["N"].as_str().unwrap()).collect());
        match page.get("LastEvaluatedKey") {
            Some(key) => request["ExclusiveStartKey"] = key.clone(),
            None => return Ok(pages),
        }
    }
}

#[test]
fn a_table_is_used_when_it_is_there() {
    let bed = bed();
    assert_eq!(put(&bed, item("a", 1, json!({"x": {"S": ""}}))), Ok(json!({})));
    let described = bed.ask(DescribeTable { table_name: "jobs".into() }).unwrap();
    assert_eq!(described["Table"]["ItemCount"], 1);
    bed.ask(DeleteTable { table_name: "jobs".into() }).unwrap();
    assert_eq!(put(&bed, item("a", 1, json!({}))), Err("ResourceNotFoundException"));
    bed.pass(10);
    assert_eq!(put(&bed, item("a", 1, json!({}))), Err("ResourceNotFoundException"));
}

#[test]
fn keys_are_whole_of_their_type_and_not_empty() {
    let bed = bed();
    for wrong in [
        json!({"id": {"S": "a"}}),
        json!({"id": {"S": ""}, "at": {"N": "1"}}),
        json!({"id": {"S": "a"}, "at": {"S": "1"}}),
        json!({"id": {"S": "a"}, "at": {"N": "1"}, "stage": {"S": ""}}),
        json!({"id": {"S": "a"}, "at": {"N": "1"}, "stage": {"N": "1"}}),
        json!({"id": {"S": "a".repeat(2049)}, "at": {"N": "1"}}),
    ] {
        assert_eq!(put(&bed, wrong.clone()), INVALID, "{wrong}");
    }
    for wrong in [json!({"id": {"S": "a"}}), item("a", 1, json!({"x": {"S": "y"}}))] {
        assert_eq!(ask::<GetItem>(&bed, json!({"Key": wrong})), INVALID, "{wrong}");
    }
    assert!(put(&bed, json!({"id": {"S": "a".repeat(2048)}, "at": {"N": "1.50"}})).is_ok());
}

#[test]
fn an_item_has_at_most_400_kb_with_its_names() {
    let bed = bed();
    // Both keys with their names take 7 bytes, and the name one.
    let large = |bytes: usize| item("a", 1, json!({"x": {"S": "x".repeat(bytes - 8)}}));
    assert!(put(&bed, large(409_600)).is_ok());
    assert_eq!(put(&bed, large(409_601)), INVALID);
    let more = json!({"Key": key("a", 1), "UpdateExpression": "SET y = x"});
    assert_eq!(ask::<UpdateItem>(&bed, more), INVALID);
}

#[test]
fn a_write_whose_condition_does_not_hold_changes_nothing() {
    let bed = bed();
    let new = json!({
        "Item": item("a", 1, json!({"owner": {"S": "one"}})),
        "ConditionExpression": "attribute_not_exists(id)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    });
    assert!(ask::<PutItem>(&bed, new.clone()).is_ok());
    let mut other = new;
    other["Item"]["owner"] = json!({"S": "two"});
    assert_eq!(ask::<PutItem>(&bed, other.clone()), Err("ConditionalCheckFailedException"));
    assert_eq!(get(&bed, key("a", 1))["owner"], json!({"S": "one"}));
    other["TableName"] = json!("jobs");
    let refusal = bed.cloud.perform(
        &bed.caller,
        &bed.place,
        from_value::<PutItem>(other).unwrap(),
        false,
        |_| (),
    );
    let refusal = refusal.answer.unwrap().unwrap_err();
    assert_eq!(refusal.members, [("Item", item("a", 1, json!({"owner": {"S": "one"}})))]);
    let delete = json!({
        "Key": key("a", 1),
        "ConditionExpression": "#o = :o",
        "ExpressionAttributeNames": {"#o": "owner"},
        "ExpressionAttributeValues": {":o": {"S": "two"}},
    });
    assert_eq!(ask::<DeleteItem>(&bed, delete), Err("ConditionalCheckFailedException"));
}

#[test]
fn an_update_makes_what_is_not_there_and_answers_what_it_is_asked() {
    let bed = bed();
    let update = |values: &str| {
        let request = json!({
            "Key": key("a", 1),
            "UpdateExpression": "ADD n :one SET x = :x",
            "ExpressionAttributeValues": {":one": {"N": "1"}, ":x": {"S": "x"}},
            "ReturnValues": values,
        });
        ask::<UpdateItem>(&bed, request).unwrap()
    };
    let changed = |n: &str| json!({"n": {"N": n}, "x": {"S": "x"}});
    assert_eq!(update("UPDATED_NEW"), json!({"Attributes": changed("1")}));
    assert_eq!(update("UPDATED_OLD"), json!({"Attributes": changed("1")}));
    assert_eq!(update("ALL_OLD"), json!({"Attributes": item("a", 1, changed("2"))}));
    assert_eq!(update("ALL_NEW"), json!({"Attributes": item("a", 1, changed("4"))}));
    assert_eq!(update("NONE"), json!({}));
    let of_key = json!({"Key": key("a", 1), "UpdateExpression": "SET id = :x", "ExpressionAttributeValues": {":x": {"S": "x"}}});
    assert_eq!(ask::<UpdateItem>(&bed, of_key), INVALID);
    let unused = json!({"Key": key("a", 1), "UpdateExpression": "REMOVE x", "ExpressionAttributeValues": {":x": {"S": "x"}}});
    assert_eq!(ask::<UpdateItem>(&bed, unused), INVALID);
    assert!(ask::<UpdateItem>(&bed, json!({"Key": key("b", 1)})).is_ok());
    assert_eq!(get(&bed, key("b", 1)), key("b", 1));
    let new = json!({"Item": key("a", 2), "ReturnValues": "ALL_NEW"});
    assert_eq!(ask::<PutItem>(&bed, new), INVALID);
    let delete = json!({"Key": key("a", 1), "ReturnValues": "ALL_OLD"});
    assert_eq!(
        ask::<DeleteItem>(&bed, delete.clone()),
        Ok(json!({"Attributes": item("a", 1, changed("5"))}))
    );
    assert_eq!(ask::<DeleteItem>(&bed, delete), Ok(json!({})));
}

fn twelve() -> Bed {
    let bed = bed();
    for at in 1..=12 {
        let stage = if at % 2 == 0 { "even" } else { "odd" };
        let more = json!({"stage": {"S": stage}, "n": {"N": "1"}, "x": {"S": "x"}});
        put(&bed, item("a", at, more)).unwrap();
    }
    put(&bed, item("b", 20, json!({}))).unwrap();
    bed
}

fn query(more: Value) -> Value {
    let mut request = json!({
        "KeyConditionExpression": "id = :id",
        "ExpressionAttributeValues": {":id": {"S": "a"}},
    });
    for (name, value) in more.as_object().unwrap() {
        match value {
            Value::Object(values) if name == "ExpressionAttributeValues" => {
                request[name].as_object_mut().unwrap().extend(values.clone());
            }
            value => request[name] = value.clone(),
        }
    }
    request
}

#[test]
fn a_partition_is_read_in_order_and_in_pages() {
    let bed = twelve();
    let read = |more| pages::<Query>(&bed, query(more)).map(|it| it.join("|"));
    let all = "123456789101112";
    assert_eq!(read(json!({})).as_deref(), Ok(all));
    assert_eq!(read(json!({"Limit": 5})).as_deref(), Ok("12345|678910|1112"));
    assert_eq!(
        read(json!({"ScanIndexForward": false, "Limit": 9})).as_deref(),
        Ok("121110987654|321")
    );
    let values = json!({":n": {"N": "3"}, ":m": {"N": "5"}});
    let between = json!({"KeyConditionExpression": "id = :id AND #a BETWEEN :n AND :m", "ExpressionAttributeValues": values, "ExpressionAttributeNames": {"#a": "at"}});
    assert_eq!(read(between).as_deref(), Ok("345"));
    let values = json!({":s": {"S": "odd"}});
    let filter =
        json!({"FilterExpression": "stage = :s", "ExpressionAttributeValues": values, "Limit": 4});
    // The limit is on what is looked at; the last page may be empty.
    assert_eq!(read(filter).as_deref(), Ok("13|57|911|"));
    let count = ask::<Query>(&bed, query(json!({"Select": "COUNT"})));
    assert_eq!(count, Ok(json!({"Count": 12, "ScannedCount": 12})));
}

#[test]
fn queries_that_cannot_be_are_refused() {
    let bed = twelve();
    for wrong in [
        json!({"KeyConditionExpression": "n = :id"}),
        json!({"KeyConditionExpression": "id > :id"}),
        json!({"KeyConditionExpression": "id = :id OR id = :id"}),
        json!({"KeyConditionExpression": "id <> :id"}),
        json!({"KeyConditionExpression": "id = :id AND id = :id"}),
        json!({"ExpressionAttributeValues": {":id": {"N": "1"}}}),
        json!({"FilterExpression": "id = :id"}),
        json!({"IndexName": "none"}),
        json!({"IndexName": "by-stage", "KeyConditionExpression": "stage = :id", "ConsistentRead": true}),
        json!({"IndexName": "by-stage", "KeyConditionExpression": "stage = :id", "Select": "ALL_ATTRIBUTES"}),
        json!({"Select": "SPECIFIC_ATTRIBUTES"}),
        json!({"Select": "COUNT", "ProjectionExpression": "id"}),
        json!({"Limit": 0}),
        json!({"ExclusiveStartKey": {"id": {"S": "a"}}}),
        json!({"ExclusiveStartKey": key("b", 1)}),
    ] {
        assert_eq!(ask::<Query>(&bed, query(wrong.clone())), INVALID, "{wrong}");
    }
}

#[test]
fn an_index_has_what_it_projects() {
    let bed = twelve();
    let request = json!({
        "IndexName": "by-stage",
        "KeyConditionExpression": "stage = :s",
        "ExpressionAttributeValues": {":s": {"S": "odd"}},
        "Limit": 2,
    });
    assert_eq!(
        pages::<Query>(&bed, request.clone()),
        Ok(["13", "57", "911", ""].map(str::to_owned).to_vec())
    );
    let page = ask::<Query>(&bed, request).unwrap();
    let expected = item("a", 1, json!({"stage": {"S": "odd"}, "n": {"N": "1"}}));
    assert_eq!(page["Items"][0], expected);
    assert_eq!(page["LastEvaluatedKey"], item("a", 3, json!({"stage": {"S": "odd"}})));
    let moved = json!({"Key": key("a", 1), "UpdateExpression": "REMOVE stage"});
    ask::<UpdateItem>(&bed, moved).unwrap();
    let all = pages::<Scan>(&bed, json!({"IndexName": "by-stage"})).unwrap().join("");
    assert_eq!(all.len(), "123456789101112".len() - 1, "what has no key is not in it: {all}");
}

#[test]
fn a_page_looks_at_a_mebibyte() {
    let bed = bed();
    for at in 0..4 {
        put(&bed, item("a", at, json!({"x": {"S": "x".repeat(350_000)}}))).unwrap();
    }
    assert_eq!(pages::<Query>(&bed, query(json!({}))), Ok(vec!["012".to_owned(), "3".to_owned()]));
    assert_eq!(pages::<Scan>(&bed, json!({})), Ok(vec!["012".to_owned(), "3".to_owned()]));
}

#[test]
fn a_scan_reads_everything_in_segments() {
    let bed = bed();
    for at in 0..50 {
        put(&bed, item(&format!("id-{at}"), at, json!({}))).unwrap();
    }
    let mut all = Vec::new();
    for segment in 0..4 {
        let request = json!({"Segment": segment, "TotalSegments": 4, "Limit": 3});
        let mut items = Vec::new();
        let mut start = Value::Null;
        loop {
            let mut request = request.clone();
            if !start.is_null() {
                request["ExclusiveStartKey"] = start;
            }
            let page = ask::<Scan>(&bed, request).unwrap();
            let at = |it: &Value| it["at"]["N"].as_str().unwrap().parse::<u32>().unwrap();
            items.extend(page["Items"].as_array().unwrap().iter().map(at));
            match page.get("LastEvaluatedKey") {
                Some(key) => start = key.clone(),
                None => break,
            }
        }
        assert!((1..50).contains(&items.len()), "{items:?}");
        all.extend(items);
    }
    assert_ne!(all, (0..50).collect::<Vec<_>>(), "partitions have no order");
    all.sort_unstable();
    assert_eq!(all, (0..50).collect::<Vec<_>>());
    assert_eq!(ask::<Scan>(&bed, json!({"Segment": 4, "TotalSegments": 4})), INVALID);
}

#[test]
fn reads_lag_unless_they_are_consistent() {
    let bed = twelve();
    bed.cloud.dial(|it| it.lag = Lag::Always(SignedDuration::from_secs(5)));
    bed.pass(60);
    let odd = json!({
        "IndexName": "by-stage",
        "KeyConditionExpression": "stage = :s",
        "ExpressionAttributeValues": {":s": {"S": "odd"}},
    });
    let state = || {
        let lagging = ask::<GetItem>(&bed, json!({"Key": key("a", 2)})).unwrap();
        let consistent = get(&bed, key("a", 2));
        let index = pages::<Query>(&bed, odd.clone()).unwrap().concat();
        (lagging.get("Item").is_some(), !consistent.is_null(), index)
    };
    assert_eq!(state(), (true, true, "1357911".into()));
    ask::<DeleteItem>(&bed, json!({"Key": key("a", 2)})).unwrap();
    put(&bed, item("a", 6, json!({"stage": {"S": "odd"}}))).unwrap();
    ask::<DeleteItem>(&bed, json!({"Key": key("a", 1)})).unwrap();
    bed.pass(4);
    assert_eq!(state(), (true, false, "1357911".into()));
    bed.pass(1);
    assert_eq!(state(), (false, false, "3567911".into()));
}

#[test]
fn a_batch_writes_25_items_and_reads_100() {
    let bed = bed();
    let write =
        |requests: Value| ask::<BatchWriteItem>(&bed, json!({"RequestItems": {"jobs": requests}}));
    let puts = |count: u32| -> Value {
        (0..count).map(|at| json!({"PutRequest": {"Item": key("a", at)}})).collect()
    };
    assert_eq!(write(puts(25)), Ok(json!({"UnprocessedItems": {}})));
    assert_eq!(write(puts(26)), INVALID);
    assert_eq!(write(json!([])), INVALID);
    let twice =
        json!([{"PutRequest": {"Item": key("a", 1)}}, {"DeleteRequest": {"Key": key("a", 1)}}]);
    assert_eq!(write(twice), INVALID);
    assert_eq!(write(json!([{}])), INVALID);
    assert!(write(json!([{"DeleteRequest": {"Key": key("a", 0)}}])).is_ok());
    let other = json!({"RequestItems": {"other": puts(1)}});
    assert_eq!(ask::<BatchWriteItem>(&bed, other), Err("ResourceNotFoundException"));
    let read =
        |keys: Value| ask::<BatchGetItem>(&bed, json!({"RequestItems": {"jobs": {"Keys": keys}}}));
    let got = read(json!([key("a", 0), key("a", 1)]));
    assert_eq!(got, Ok(json!({"Responses": {"jobs": [key("a", 1)]}, "UnprocessedKeys": {}})));
    assert_eq!(read(json!([key("a", 1), key("a", 1)])), INVALID);
    let keys = |count: u32| (0..count).map(|at| key("a", at)).collect::<Value>();
    assert!(read(keys(100)).is_ok());
    assert_eq!(read(keys(101)), INVALID);
}

#[test]
fn a_batch_read_leaves_out_what_is_over_16_mb() {
    let bed = bed();
    for at in 0..42 {
        put(&bed, item("a", at, json!({"x": {"S": "x".repeat(409_000)}}))).unwrap();
    }
    let keys = (0..42).map(|at| key("a", at)).collect::<Value>();
    let got = ask::<BatchGetItem>(&bed, json!({"RequestItems": {"jobs": {"Keys": keys}}})).unwrap();
    let count = |it: &Value| it.as_array().unwrap().len();
    assert_eq!(
        (count(&got["Responses"]["jobs"]), count(&got["UnprocessedKeys"]["jobs"]["Keys"])),
        (41, 1)
    );
}

fn transact(bed: &Bed, items: Value, token: Option<&str>) -> Result<Value, &'static str> {
    let mut request = json!({"TransactItems": items});
    if let Some(token) = token {
        request["ClientRequestToken"] = json!(token);
    }
    ask::<TransactWriteItems>(bed, request)
}

fn put_new(id: &str, at: u32) -> Value {
    json!({"Put": {"TableName": "jobs", "Item": key(id, at), "ConditionExpression": "attribute_not_exists(id)", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}})
}

#[test]
fn a_transaction_is_done_whole_or_not_at_all() {
    let bed = bed();
    put(&bed, key("a", 1)).unwrap();
    let add = |at: u32| json!({"Update": {"TableName": "jobs", "Key": key("a", at), "UpdateExpression": "ADD n :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}});
    let check = |at: u32| json!({"ConditionCheck": {"TableName": "jobs", "Key": key("c", at), "ConditionExpression": "attribute_not_exists(id)"}});
    let request = json!({"TransactItems": [add(1), put_new("a", 2), check(1)]});
    assert_eq!(ask::<TransactWriteItems>(&bed, request), Ok(json!({})));
    assert_eq!(get(&bed, key("a", 1))["n"], json!({"N": "1"}));
    let wrong = json!({"Update": {"TableName": "jobs", "Key": key("a", 1), "UpdateExpression": "SET n = gone"}});
    let items = json!([put_new("a", 3), put_new("a", 2), wrong]);
    assert_eq!(transact(&bed, items.clone(), None), Err("TransactionCanceledException"));
    assert_eq!(get(&bed, key("a", 3)), Value::Null);
    let request = from_value::<TransactWriteItems>(json!({"TransactItems": items})).unwrap();
    let refusal = bed.cloud.perform(&bed.caller, &bed.place, request, false, |_| ());
    let refusal = refusal.answer.unwrap().unwrap_err();
    let [("CancellationReasons", reasons)] = &refusal.members[..] else { panic!("{refusal:?}") };
    let codes: Vec<_> = reasons.as_array().unwrap().iter().map(|it| it["Code"].clone()).collect();
    assert_eq!(codes, ["None", "ConditionalCheckFailed", "ValidationError"]);
    assert_eq!(reasons[1]["Item"], key("a", 2));
    assert!(refusal.message.ends_with("[None, ConditionalCheckFailed, ValidationError]"));
    assert_eq!(transact(&bed, json!([add(1), add(1)]), None), INVALID);
    assert_eq!(transact(&bed, json!([]), None), INVALID);
    assert_eq!(transact(&bed, json!([{}]), None), INVALID);
    let many = |count: u32| (0..count).map(|at| put_new("m", at)).collect::<Value>();
    assert_eq!(transact(&bed, many(101), None), INVALID);
    assert!(transact(&bed, many(100), None).is_ok());
    let delete = json!({"Delete": {"TableName": "jobs", "Key": key("m", 1)}});
    assert!(transact(&bed, json!([delete]), None).is_ok());
    assert_eq!(get(&bed, key("m", 1)), Value::Null);
}

#[test]
fn a_token_makes_the_same_transaction_one_for_ten_minutes() {
    let bed = bed();
    let one = json!([put_new("a", 1)]);
    assert!(transact(&bed, one.clone(), Some("token")).is_ok());
    bed.pass(599);
    assert!(transact(&bed, one.clone(), Some("token")).is_ok());
    let other = transact(&bed, json!([put_new("a", 2)]), Some("token"));
    assert_eq!(other, Err("IdempotentParameterMismatchException"));
    bed.pass(1);
    assert_eq!(transact(&bed, one.clone(), Some("token")), Err("TransactionCanceledException"));
    assert_eq!(transact(&bed, one, Some(&"t".repeat(37))), INVALID);
}
