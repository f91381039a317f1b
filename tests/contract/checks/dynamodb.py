"""DynamoDB: tables, their capacity and their backups."""

from aws import refused, same
from fleet import HOME, HUB, tag_list, tags_of

ON_DEMAND = {"BillingMode": "PAY_PER_REQUEST"}
PROVISIONED = {"ProvisionedThroughput": {"ReadCapacityUnits": 10, "WriteCapacityUnits": 5}}


def table(aws, name="jobs", **more) -> None:
    """A table with the key `id` that is there."""
    aws.client("dynamodb").create_table(
        TableName=name, AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}], **(more or ON_DEMAND))
    aws.pass_time(60)


def look(aws, name="jobs") -> dict:
    return aws.client("dynamodb").describe_table(TableName=name)["Table"]


def capacity(read: int, write: int) -> dict:
    return {"ReadCapacityUnits": read, "WriteCapacityUnits": write}


def update(aws, name="jobs", wait=True, **more) -> dict:
    answer = aws.client("dynamodb").update_table(TableName=name, **more)
    if wait:
        aws.pass_time(1800)
    return answer["TableDescription"]


def check_a_table_becomes_active(aws):
    """CreateTable answers with a table that is CREATING; then it is ACTIVE.

    Source: DynamoDB API reference, CreateTable
    """
    dynamodb = aws.client("dynamodb")
    made = dynamodb.create_table(
        TableName="jobs", AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}], **PROVISIONED)
    same(made["TableDescription"]["TableStatus"], "CREATING")
    aws.pass_time(60)
    found = look(aws)
    same((found["TableStatus"], found["TableArn"], found["KeySchema"]),
         ("ACTIVE", f"arn:aws:dynamodb:{HOME}:{HUB}:table/jobs",
          [{"AttributeName": "id", "KeyType": "HASH"}]))
    units = found["ProvisionedThroughput"]
    same((units["ReadCapacityUnits"], units["WriteCapacityUnits"],
          units["NumberOfDecreasesToday"]), (10, 5, 0))


def check_a_table_exists_once(aws):
    """A second table of the same name is refused with ResourceInUseException.

    Source: DynamoDB API reference, CreateTable, errors
    """
    table(aws)
    with refused("ResourceInUseException", 400):
        table(aws)


def check_a_table_that_does_not_exist_is_not_found(aws):
    """What is asked of a table that does not exist is ResourceNotFoundException.

    Source: DynamoDB API reference, DescribeTable, errors
    """
    dynamodb = aws.client("dynamodb")
    with refused("ResourceNotFoundException", 400):
        dynamodb.describe_table(TableName="nothing")
    with refused("ResourceNotFoundException", 400):
        dynamodb.update_table(TableName="nothing", **ON_DEMAND)


def check_tables_are_listed_in_pages(aws):
    """ListTables shows names in pages that go on after LastEvaluatedTableName.

    Source: DynamoDB API reference, ListTables
    """
    for name in ("one", "two", "three"):
        table(aws, name)
    dynamodb = aws.client("dynamodb")
    first = dynamodb.list_tables(Limit=2)
    rest = dynamodb.list_tables(ExclusiveStartTableName=first["LastEvaluatedTableName"])
    same((len(first["TableNames"]), sorted(first["TableNames"] + rest["TableNames"])),
         (2, ["one", "three", "two"]))
    same("LastEvaluatedTableName" in rest, False)


def check_capacity_changes_while_the_table_is_updating(aws):
    """UpdateTable answers UPDATING; the new capacity is there when the table is ACTIVE again.

    Source: DynamoDB API reference, UpdateTable
    """
    table(aws, **PROVISIONED)
    changed = update(aws, wait=False, ProvisionedThroughput=capacity(20, 5))
    same(changed["TableStatus"], "UPDATING")
    aws.pass_time(1800)
    found = look(aws)
    same((found["TableStatus"], found["ProvisionedThroughput"]["ReadCapacityUnits"]),
         ("ACTIVE", 20))


def check_a_table_that_is_updating_is_in_use(aws):
    """UpdateTable while the table is UPDATING is refused with ResourceInUseException.

    Source: DynamoDB API reference, UpdateTable, errors
    """
    table(aws, **PROVISIONED)
    update(aws, wait=False, ProvisionedThroughput=capacity(20, 5))
    with refused("ResourceInUseException", 400):
        update(aws, ProvisionedThroughput=capacity(30, 5))


def check_capacity_that_would_not_change_is_refused(aws):
    """UpdateTable to what the capacity is already is refused with ValidationException.

    Source: DynamoDB Developer Guide, "Provisioned capacity mode"
    """
    table(aws, **PROVISIONED)
    with refused("ValidationException", 400):
        update(aws, ProvisionedThroughput=capacity(10, 5))


def check_capacity_goes_down_four_times(aws):
    """A fifth decrease within the first hour is refused with LimitExceededException.

    Source: DynamoDB Developer Guide, "Quotas", decreasing provisioned throughput
    """
    table(aws, ProvisionedThroughput=capacity(100, 5))
    for read in (90, 80, 70, 60):
        update(aws, wait=False, ProvisionedThroughput=capacity(read, 5))
        aws.pass_time(300)
    same(look(aws)["ProvisionedThroughput"]["NumberOfDecreasesToday"], 4)
    with refused("LimitExceededException", 400):
        update(aws, ProvisionedThroughput=capacity(50, 5))
    update(aws, ProvisionedThroughput=capacity(200, 5))


def check_capacity_of_an_on_demand_table_cannot_be_set(aws):
    """ProvisionedThroughput of a table that is on demand is refused with ValidationException.

    Source: DynamoDB API reference, UpdateTable, ProvisionedThroughput
    """
    table(aws)
    with refused("ValidationException", 400):
        update(aws, ProvisionedThroughput=capacity(10, 5))


def check_a_table_changes_its_billing_mode(aws):
    """A table becomes on demand, which shows no capacity, and provisioned again.

    Source: DynamoDB API reference, UpdateTable, BillingMode
    """
    table(aws, **PROVISIONED)
    update(aws, **ON_DEMAND)
    found = look(aws)
    same((found["BillingModeSummary"]["BillingMode"],
          found["ProvisionedThroughput"]["ReadCapacityUnits"]), ("PAY_PER_REQUEST", 0))
    update(aws, BillingMode="PROVISIONED", **PROVISIONED)
    same(look(aws)["ProvisionedThroughput"]["ReadCapacityUnits"], 10)


def check_a_table_becomes_on_demand_four_times_a_day(aws):
    """A fifth change to on demand within 24 hours is refused with LimitExceededException.

    Source: DynamoDB Developer Guide, "Considerations when switching capacity modes"
    """
    table(aws, **PROVISIONED)
    for _ in range(4):
        update(aws, **ON_DEMAND)
        update(aws, BillingMode="PROVISIONED", **PROVISIONED)
    with refused("LimitExceededException", 400):
        update(aws, **ON_DEMAND)


def check_capacity_of_an_index_changes(aws):
    """UpdateTable changes the capacity of an index with that of the table.

    Source: DynamoDB API reference, UpdateTable, GlobalSecondaryIndexUpdates
    """
    aws.client("dynamodb").create_table(
        TableName="jobs", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"},
                              {"AttributeName": "due", "AttributeType": "N"}],
        GlobalSecondaryIndexes=[{
            "IndexName": "by-due", "Projection": {"ProjectionType": "ALL"},
            "KeySchema": [{"AttributeName": "due", "KeyType": "HASH"}], **PROVISIONED}],
        **PROVISIONED)
    aws.pass_time(600)
    update(aws, ProvisionedThroughput=capacity(20, 20), GlobalSecondaryIndexUpdates=[
        {"Update": {"IndexName": "by-due", "ProvisionedThroughput": capacity(30, 30)}}])
    found = look(aws)
    [index] = found["GlobalSecondaryIndexes"]
    same([it["ProvisionedThroughput"]["ReadCapacityUnits"] for it in (found, index)], [20, 30])
    same((index["IndexStatus"], index["IndexName"]), ("ACTIVE", "by-due"))


def check_tags_of_a_table_are_kept_by_arn(aws):
    """TagResource, UntagResource and ListTagsOfResource take an ARN.

    Source: DynamoDB API reference, TagResource
    """
    table(aws, **ON_DEMAND, Tags=tag_list({"a": "1"}))
    arn, dynamodb = look(aws)["TableArn"], aws.client("dynamodb")
    dynamodb.tag_resource(ResourceArn=arn, Tags=tag_list({"a": "2", "b": "3"}))
    same(tags_of(dynamodb.list_tags_of_resource(ResourceArn=arn)), {"a": "2", "b": "3"})
    dynamodb.untag_resource(ResourceArn=arn, TagKeys=["a"])
    same(tags_of(dynamodb.list_tags_of_resource(ResourceArn=arn)), {"b": "3"})


def check_a_backup_is_made_and_deleted(aws):
    """A backup becomes AVAILABLE, is listed, and is BackupNotFoundException once deleted.

    Source: DynamoDB API reference, CreateBackup
    """
    table(aws)
    dynamodb = aws.client("dynamodb")
    made = dynamodb.create_backup(TableName="jobs", BackupName="nightly")["BackupDetails"]
    same(made["BackupName"], "nightly")
    arn = made["BackupArn"]
    same(arn.rsplit("/", 1)[0], f"arn:aws:dynamodb:{HOME}:{HUB}:table/jobs/backup")
    aws.pass_time(3600)
    [listed] = dynamodb.list_backups(TableName="jobs")["BackupSummaries"]
    same((listed["BackupArn"], listed["BackupStatus"], listed["BackupType"]),
         (arn, "AVAILABLE", "USER"))
    found = dynamodb.describe_backup(BackupArn=arn)["BackupDescription"]
    same((found["BackupDetails"]["BackupStatus"], found["SourceTableDetails"]["TableName"]),
         ("AVAILABLE", "jobs"))
    dynamodb.delete_backup(BackupArn=arn)
    aws.pass_time(3600)
    with refused("BackupNotFoundException", 400):
        dynamodb.describe_backup(BackupArn=arn)


def check_a_backup_is_of_a_table(aws):
    """CreateBackup of a table that does not exist is refused with TableNotFoundException.

    Source: DynamoDB API reference, CreateBackup, errors
    """
    with refused("TableNotFoundException", 400):
        aws.client("dynamodb").create_backup(TableName="nothing", BackupName="nightly")


def check_a_table_is_deleted(aws):
    """DeleteTable answers DELETING; then the table is ResourceNotFoundException.

    Source: DynamoDB API reference, DeleteTable
    """
    table(aws)
    dynamodb = aws.client("dynamodb")
    same(dynamodb.delete_table(TableName="jobs")["TableDescription"]["TableStatus"], "DELETING")
    aws.pass_time(600)
    with refused("ResourceNotFoundException", 400):
        dynamodb.describe_table(TableName="jobs")


def check_an_account_has_limits(aws):
    """DescribeLimits answers 80000 units for the account and 40000 for a table.

    Source: DynamoDB Developer Guide, "Quotas"
    """
    found = aws.client("dynamodb").describe_limits()
    same([found[f"{of}Max{kind}CapacityUnits"] for of in ("Account", "Table")
          for kind in ("Read", "Write")], [80000, 80000, 40000, 40000])


def check_items_expire_by_an_attribute(aws):
    """UpdateTimeToLive enables it for an attribute; the same again is ValidationException.

    Source: DynamoDB API reference, UpdateTimeToLive
    """
    table(aws)
    dynamodb = aws.client("dynamodb")

    def state():
        found = dynamodb.describe_time_to_live(TableName="jobs")["TimeToLiveDescription"]
        return found["TimeToLiveStatus"], found.get("AttributeName")

    same(state(), ("DISABLED", None))
    enabled = {"Enabled": True, "AttributeName": "expires"}
    answer = dynamodb.update_time_to_live(TableName="jobs", TimeToLiveSpecification=enabled)
    same(answer["TimeToLiveSpecification"], enabled)
    aws.pass_time(7200)
    same(state(), ("ENABLED", "expires"))
    with refused("ValidationException", 400):
        dynamodb.update_time_to_live(TableName="jobs", TimeToLiveSpecification=enabled)
