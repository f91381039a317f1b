"""DynamoDB as a store: items, conditions, queries and transactions."""

from aws import differs, refused, same

INDEX = {"IndexName": "by-state", "Projection": {"ProjectionType": "ALL"}, "KeySchema": [
    {"AttributeName": "state", "KeyType": "HASH"}, {"AttributeName": "due", "KeyType": "RANGE"}]}
HOLDS = {"ConditionExpression": "attribute_not_exists(id)"}


def store(aws):
    """A client, and a table `jobs` by `id` with an index by `state` and `due`."""
    dynamodb = aws.client("dynamodb")
    dynamodb.create_table(
        TableName="jobs", BillingMode="PAY_PER_REQUEST", GlobalSecondaryIndexes=[INDEX],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"},
                              {"AttributeName": "state", "AttributeType": "S"},
                              {"AttributeName": "due", "AttributeType": "N"}])
    aws.pass_time(600)
    return dynamodb


def item(name: str, due: int = 0, state: str = "open") -> dict:
    return {"id": {"S": name}, "state": {"S": state}, "due": {"N": str(due)}}


def put(dynamodb, *items) -> None:
    for it in items:
        dynamodb.put_item(TableName="jobs", Item=it)


def get(dynamodb, name: str):
    found = dynamodb.get_item(TableName="jobs", Key={"id": {"S": name}}, ConsistentRead=True)
    return found.get("Item")


def names(answer: dict) -> list:
    return [it["id"]["S"] for it in answer["Items"]]


def check_every_type_comes_back(aws):
    """An item comes back with the types and values that it was put with.

    Source: DynamoDB API reference, AttributeValue
    """
    dynamodb = store(aws)
    whole = item("a") | {
        "text": {"S": "é\n"}, "number": {"N": "-0.5"}, "bytes": {"B": b"\x00\xff"},
        "yes": {"BOOL": True}, "nothing": {"NULL": True},
        "list": {"L": [{"S": "x"}, {"M": {"k": {"N": "1"}}}]}, "set": {"SS": ["p", "q"]}}
    put(dynamodb, whole)
    same(get(dynamodb, "a"), whole)
    same(get(dynamodb, "b"), None)


def check_a_write_holds_only_under_its_condition(aws):
    """A conditional write that does not hold is ConditionalCheckFailedException, with the item.

    Source: DynamoDB API reference, PutItem
    """
    dynamodb = store(aws)
    dynamodb.put_item(TableName="jobs", Item=item("a", 1), **HOLDS)
    try:
        dynamodb.put_item(TableName="jobs", Item=item("a", 2), **HOLDS,
                          ReturnValuesOnConditionCheckFailure="ALL_OLD")
    except dynamodb.exceptions.ConditionalCheckFailedException as refusal:
        same(refusal.response.get("Item"), item("a", 1))
    else:
        differs("accepted")
    same(get(dynamodb, "a"), item("a", 1))
    with refused("ConditionalCheckFailedException", 400):
        dynamodb.delete_item(TableName="jobs", Key={"id": {"S": "b"}},
                             ConditionExpression="attribute_exists(id)")


def check_an_update_changes_what_it_names(aws):
    """UpdateItem sets, adds and removes attributes, and answers the new item.

    Source: DynamoDB Developer Guide, "Update expressions"
    """
    dynamodb = store(aws)
    put(dynamodb, item("a", 1) | {"former": {"S": "x"}})
    answer = dynamodb.update_item(
        TableName="jobs", Key={"id": {"S": "a"}}, ReturnValues="ALL_NEW",
        UpdateExpression="SET due = due + :ten, #s = :done REMOVE former ADD tries :one",
        ConditionExpression="due < :ten AND #s = :open",
        ExpressionAttributeNames={"#s": "state"},
        ExpressionAttributeValues={":ten": {"N": "10"}, ":one": {"N": "1"},
                                   ":done": {"S": "done"}, ":open": {"S": "open"}})
    same(answer["Attributes"], item("a", 11, "done") | {"tries": {"N": "1"}})
    with refused("ValidationException", 400):
        dynamodb.update_item(TableName="jobs", Key={"id": {"S": "a"}},
                             UpdateExpression="SET state = :done",
                             ExpressionAttributeValues={":done": {"S": "done"}})


def check_an_item_is_deleted(aws):
    """DeleteItem removes an item and answers what it was; one that is not there is no error.

    Source: DynamoDB API reference, DeleteItem
    """
    dynamodb = store(aws)
    put(dynamodb, item("a"))
    key = {"TableName": "jobs", "Key": {"id": {"S": "a"}}, "ReturnValues": "ALL_OLD"}
    same(dynamodb.delete_item(**key).get("Attributes"), item("a"))
    same(dynamodb.delete_item(**key).get("Attributes"), None)


def check_an_index_is_queried_in_order(aws):
    """Query on an index goes by its sort key, in pages that go on after LastEvaluatedKey.

    Source: DynamoDB API reference, Query
    """
    dynamodb = store(aws)
    put(dynamodb, *(item(name, due) for name, due in [("a", 30), ("b", 9), ("c", 20)]),
        item("d", 1, "done"))
    query = {
        "TableName": "jobs", "IndexName": "by-state",
        "KeyConditionExpression": "#s = :open AND due BETWEEN :from AND :to",
        "ExpressionAttributeNames": {"#s": "state"},
        "ExpressionAttributeValues": {":open": {"S": "open"}, ":from": {"N": "0"},
                                      ":to": {"N": "30"}}}
    same(names(dynamodb.query(**query)), ["b", "c", "a"])
    same(names(dynamodb.query(**query, ScanIndexForward=False)), ["a", "c", "b"])
    first = dynamodb.query(**query, Limit=2)
    rest = dynamodb.query(**query, ExclusiveStartKey=first["LastEvaluatedKey"])
    same((names(first), names(rest), "LastEvaluatedKey" in rest), (["b", "c"], ["a"], False))
    with refused("ValidationException", 400):
        dynamodb.query(**query, ConsistentRead=True)


def check_a_scan_filters_after_it_counts(aws):
    """Scan counts what it looked at apart from what its filter admits.

    Source: DynamoDB API reference, Scan
    """
    dynamodb = store(aws)
    put(dynamodb, item("a", 1), item("b", 2), item("c", 3))
    found = dynamodb.scan(TableName="jobs", FilterExpression="due > :one",
                          ExpressionAttributeValues={":one": {"N": "1"}})
    same((sorted(names(found)), found["Count"], found["ScannedCount"]), (["b", "c"], 2, 3))


def check_a_transaction_is_done_whole_or_not_at_all(aws):
    """A transaction whose conditions do not all hold is cancelled, with a reason for each part.

    Source: DynamoDB API reference, TransactWriteItems
    """
    dynamodb = store(aws)
    put(dynamodb, item("a"))
    parts = [{"Put": {"TableName": "jobs", "Item": item(name), **HOLDS}} for name in "ba"]
    try:
        dynamodb.transact_write_items(TransactItems=parts)
    except dynamodb.exceptions.TransactionCanceledException as refusal:
        same([it["Code"] for it in refusal.response["CancellationReasons"]],
             ["None", "ConditionalCheckFailed"])
    else:
        differs("accepted")
    same(get(dynamodb, "b"), None)
    dynamodb.transact_write_items(TransactItems=parts[:1])
    same(get(dynamodb, "b"), item("b"))


def check_a_transaction_is_done_once(aws):
    """A transaction that is sent again with its token is not done again.

    Source: DynamoDB API reference, TransactWriteItems, ClientRequestToken
    """
    dynamodb = store(aws)
    part = {"Update": {
        "TableName": "jobs", "Key": {"id": {"S": "a"}}, "UpdateExpression": "ADD tries :one",
        "ExpressionAttributeValues": {":one": {"N": "1"}}}}
    for _ in range(2):
        dynamodb.transact_write_items(TransactItems=[part], ClientRequestToken="token")
    same(get(dynamodb, "a")["tries"], {"N": "1"})


def check_a_batch_writes_twenty_five(aws):
    """BatchWriteItem writes up to 25 items; 26 are refused with ValidationException.

    Source: DynamoDB API reference, BatchWriteItem
    """
    dynamodb = store(aws)
    puts = [{"PutRequest": {"Item": item(f"job-{n}")}} for n in range(26)]
    answer = dynamodb.batch_write_item(RequestItems={"jobs": puts[:25]})
    same(answer["UnprocessedItems"], {})
    with refused("ValidationException", 400):
        dynamodb.batch_write_item(RequestItems={"jobs": puts})
    keys = [{"id": {"S": f"job-{n}"}} for n in (1, 2, 99)]
    found = dynamodb.batch_get_item(RequestItems={"jobs": {"Keys": keys}})
    same((sorted(it["id"]["S"] for it in found["Responses"]["jobs"]), found["UnprocessedKeys"]),
         (["job-1", "job-2"], {}))


def check_a_key_is_not_empty(aws):
    """An item whose key is missing, empty, or of another type is ValidationException.

    Source: DynamoDB Developer Guide, "Supported data types"
    """
    dynamodb = store(aws)
    for key in ({}, {"id": {"S": ""}}, {"id": {"N": "1"}}):
        with refused("ValidationException", 400):
            dynamodb.put_item(TableName="jobs", Item=key | {"n": {"N": "1"}})


def check_an_item_has_400_kilobytes_at_most(aws):
    """An item of more than 400 KB is refused with ValidationException.

    Source: DynamoDB Developer Guide, "Quotas"
    """
    dynamodb = store(aws)
    put(dynamodb, item("a") | {"text": {"S": "x" * 400_000}})
    with refused("ValidationException", 400):
        put(dynamodb, item("a") | {"text": {"S": "x" * 400 * 1024}})
