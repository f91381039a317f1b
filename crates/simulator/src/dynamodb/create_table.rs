//! `CreateTable`. Source: DynamoDB API, `CreateTable`; DynamoDB Developer Guide, "Service,
//! account, and table quotas in Amazon DynamoDB".

use serde::{Deserialize, Serialize};

use super::{
    Happening, bucket,
    capacity::{BillingMode, Capacity, MOST_OF_ACCOUNT, Throughput, over_limit},
    in_use, on_table,
    schema::{
        self, AttributeDefinition, KeySchemaElement, NewIndex, check_definitions, check_keys,
        check_name, check_projection, invalid,
    },
    table::{Index, Shown, Status, Table},
    tags::{self, Tag},
    time_to_live::TimeToLive,
    update_table::{Change, Settles},
};
use crate::{
    cloud,
    iam::{Context, Need},
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// Tables of an account in a region.
const MOST_TABLES: usize = 2500;
/// Tables of an account in a region that are being made, changed, or deleted.
const MOST_AT_WORK: usize = 500;
/// Global secondary indexes of a table.
const MOST_INDEXES: usize = 20;

/// `CreateTable`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct CreateTable {
    pub(crate) table_name: String,
    pub(crate) attribute_definitions: Vec<AttributeDefinition>,
    pub(crate) key_schema: Vec<KeySchemaElement>,
    #[serde(default)]
    pub(crate) global_secondary_indexes: Option<Vec<NewIndex>>,
    #[serde(default)]
    pub(crate) billing_mode: BillingMode,
    #[serde(default)]
    pub(crate) provisioned_throughput: Option<Throughput>,
    #[serde(default)]
    pub(crate) deletion_protection_enabled: bool,
    #[serde(default)]
    pub(crate) tags: Vec<Tag>,
}

/// What operations that change a table answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Changed<'s> {
    pub(crate) table_description: Shown<'s>,
}

impl Operation for CreateTable {
    const SPEC: Spec = Spec {
        service: "dynamodb",
        name: "CreateTable",
        access: Access::Writes,
        bucket: bucket::WRITES,
    };

    type Answer<'s> = Changed<'s>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        let sent = || Context::default().with_request_tags(&tags::read_any(&self.tags));
        let mut needs = vec![on_table(cx, "dynamodb:CreateTable", &self.table_name).with(sent())];
        if !self.tags.is_empty() {
            needs.push(on_table(cx, "dynamodb:TagResource", &self.table_name).with(sent()));
        }
        needs
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<Changed<'s>, Refusal> {
        let indexes = self.check()?;
        let tags = tags::read(&self.tags)?;
        let name = self.table_name;
        if cx.here().dynamodb.tables.get(&name).is_some() {
            return Err(in_use(format!("Table already exists: {name}")));
        }
        check_room(cx)?;
        let status = Status::Creating;
        let on_demand = self.billing_mode == BillingMode::PayPerRequest;
        let table = Table {
            id: cx.state.fresh_uuid(),
            created_at: cx.now,
            status,
            attributes: self.attribute_definitions,
            keys: self.key_schema,
            billing_mode: self.billing_mode,
            on_demand_since: if on_demand { vec![cx.now] } else { Vec::new() },
            capacity: Capacity::new(self.provisioned_throughput.unwrap_or_default()),
            indexes: indexes.into_iter().map(|it| Index::new(it, status)).collect(),
            deletion_protection: self.deletion_protection_enabled,
            time_to_live: TimeToLive::default(),
            tags,
            name,
        };
        check_account(cx, &table)?;
        let settles = Settles::of(&table, Change::Created);
        let happening = cloud::Happening::DynamoDb(cx.place.clone(), Happening::Table(settles));
        cx.state.agenda.plan(cx.now + cx.state.dials.times.table, happening);
        let now = cx.now;
        let name = table.name.clone();
        cx.here_mut().dynamodb.tables.put(&name, table, now);
        Ok(changed(cx, &name))
    }
}

impl CreateTable {
    /// Refuses a table that cannot be. Its indexes, if it can.
    fn check(&self) -> Result<Vec<NewIndex>, Refusal> {
        check_name("tableName", &self.table_name)?;
        check_keys(&self.key_schema)?;
        let indexes = self.global_secondary_indexes.clone().unwrap_or_default();
        if self.global_secondary_indexes.is_some() && indexes.is_empty() {
            return Err(invalid("List of GlobalSecondaryIndexes is empty"));
        }
        if indexes.len() > MOST_INDEXES {
            let message = "GlobalSecondaryIndex count exceeds the per-table limit of 20";
            return Err(invalid(message));
        }
        for (at, index) in indexes.iter().enumerate() {
            check_index(index, self.billing_mode)?;
            if indexes[..at].iter().any(|it| it.index_name == index.index_name) {
                return Err(invalid(format!("Duplicate index name: {}", index.index_name)));
            }
        }
        let keys = indexes.iter().flat_map(|it| schema::names(&it.key_schema));
        check_definitions(
            &self.attribute_definitions,
            schema::names(&self.key_schema).chain(keys),
        )?;
        check_mode("table", self.billing_mode, self.provisioned_throughput)?;
        Ok(indexes)
    }
}

/// Refuses an index that cannot be.
pub(super) fn check_index(index: &NewIndex, mode: BillingMode) -> Result<(), Refusal> {
    check_name("indexName", &index.index_name)?;
    check_keys(&index.key_schema)?;
    check_projection(&index.projection)?;
    check_mode(&format!("index: {}", index.index_name), mode, index.provisioned_throughput)
}

/// Refuses capacity on demand, and none when it is provisioned.
fn check_mode(
    what: &str,
    mode: BillingMode,
    throughput: Option<Throughput>,
) -> Result<(), Refusal> {
    match (mode, throughput) {
        (BillingMode::Provisioned, Some(it)) => it.check(),
        (BillingMode::PayPerRequest, None) => Ok(()),
        (BillingMode::Provisioned, None) => Err(invalid(format!(
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is \
             PROVISIONED ({what})"
        ))),
        (BillingMode::PayPerRequest, Some(_)) => Err(invalid(format!(
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode \
             is PAY_PER_REQUEST ({what})"
        ))),
    }
}

/// Refuses another table where there are as many as may be.
fn check_room(cx: &Cx<'_>) -> Result<(), Refusal> {
    let tables = &cx.here().dynamodb.tables;
    if tables.iter().count() >= MOST_TABLES {
        return Err(over_limit(format!("There is a limit of {MOST_TABLES} tables per subscriber")));
    }
    check_at_work(cx)
}

/// Refuses another change of a table while as many are under way as may be.
pub(super) fn check_at_work(cx: &Cx<'_>) -> Result<(), Refusal> {
    let tables = &cx.here().dynamodb.tables;
    match tables.iter().filter(|(_, it)| it.status != Status::Active).count() >= MOST_AT_WORK {
        true => Err(over_limit(format!(
            "Only {MOST_AT_WORK} tables can be created, updated, or deleted simultaneously"
        ))),
        false => Ok(()),
    }
}

/// Refuses a table that takes the account above what it may have provisioned.
pub(super) fn check_account(cx: &Cx<'_>, new: &Table) -> Result<(), Refusal> {
    let others = cx.here().dynamodb.tables.iter().filter(|(name, _)| *name != new.name);
    let all = others.map(|(_, it)| it.provisioned()).chain([new.provisioned()]);
    let (reads, writes) =
        all.fold((0, 0), |(reads, writes), it| (reads + it.reads, writes + it.writes));
    match reads > MOST_OF_ACCOUNT || writes > MOST_OF_ACCOUNT {
        true => Err(over_limit(format!(
            "the capacity of all tables of an account is limited to {MOST_OF_ACCOUNT} units"
        ))),
        false => Ok(()),
    }
}

/// The table, as an operation that changed it answers.
pub(super) fn changed<'s>(cx: &'s Cx<'_>, name: &str) -> Changed<'s> {
    let here = &cx.here().dynamodb;
    let table = here.tables.get(name).expect("it was just changed");
    Changed { table_description: Shown::of(table, here.size(name), cx.place, cx.now) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{bed::Bed, dynamodb::tables::DescribeTable};

    fn create(bed: &Bed, changes: Value) -> Result<Value, &'static str> {
        let mut request = json!({
            "TableName": "orders",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
        });
        for (key, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => drop(request.as_object_mut().unwrap().remove(key)),
                value => request[key] = value.clone(),
            }
        }
        bed.ask(serde_json::from_value::<CreateTable>(request).unwrap())
    }

    #[track_caller]
    fn check(changes: Value, expected: Result<(), &'static str>) {
        assert_eq!(create(&Bed::new(), changes).map(|_| ()), expected);
    }

    const INVALID: Result<(), &str> = Err("ValidationException");

    #[test]
    fn a_table_is_creating_and_then_active() {
        let bed = Bed::new();
        let made = create(&bed, json!({})).unwrap();
        assert_eq!(made["TableDescription"]["TableStatus"], "CREATING");
        assert_eq!(
            made["TableDescription"]["TableArn"],
            "arn:aws:dynamodb:eu-west-1:111122223333:table/orders"
        );
        assert_eq!(create(&bed, json!({})), Err("ResourceInUseException"));
        let describe = || bed.ask(DescribeTable { table_name: "orders".into() }).unwrap();
        bed.pass(9);
        assert_eq!(describe()["Table"]["TableStatus"], "CREATING");
        bed.pass(1);
        let table = &describe()["Table"];
        assert_eq!(table["TableStatus"], "ACTIVE");
        assert_eq!(
            table["ProvisionedThroughput"],
            json!({"NumberOfDecreasesToday": 0, "ReadCapacityUnits": 5, "WriteCapacityUnits": 5})
        );
        assert_eq!(table.get("BillingModeSummary"), None, "it has never been on demand");
    }

    #[test]
    fn a_table_on_demand_has_no_capacity() {
        let on_demand = json!({"BillingMode": "PAY_PER_REQUEST", "ProvisionedThroughput": null});
        let made = create(&Bed::new(), on_demand).unwrap();
        let table = &made["TableDescription"];
        assert_eq!(table["BillingModeSummary"]["BillingMode"], "PAY_PER_REQUEST");
        assert_eq!(table["ProvisionedThroughput"]["ReadCapacityUnits"], 0);
        check(json!({"BillingMode": "PAY_PER_REQUEST"}), INVALID);
        check(json!({"ProvisionedThroughput": null}), INVALID);
    }

    #[test]
    fn keys_are_those_that_are_defined() {
        let key = |name: &str, part: &str| json!({"AttributeName": name, "KeyType": part});
        check(json!({"KeySchema": [key("other", "HASH")]}), INVALID);
        check(json!({"KeySchema": [key("id", "RANGE")]}), INVALID);
        check(json!({"KeySchema": [key("id", "HASH"), key("id", "RANGE")]}), INVALID);
        check(json!({"KeySchema": []}), INVALID);
        let two = ["id", "at"].map(|it| json!({"AttributeName": it, "AttributeType": "S"}));
        check(json!({"AttributeDefinitions": two}), INVALID);
        let range = [key("id", "HASH"), key("at", "RANGE")];
        check(json!({"AttributeDefinitions": two, "KeySchema": range}), Ok(()));
    }

    #[test]
    fn names_have_3_to_255_letters() {
        check(json!({"TableName": "ab"}), INVALID);
        check(json!({"TableName": "a.b-C_9"}), Ok(()));
        check(json!({"TableName": "a/b"}), INVALID);
        check(json!({"TableName": "a".repeat(256)}), INVALID);
    }

    #[test]
    fn indexes_have_capacity_of_their_own() {
        let index = |name: &str| {
            json!({
                "IndexName": name,
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
                "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
            })
        };
        check(json!({"GlobalSecondaryIndexes": [index("one")]}), Ok(()));
        check(json!({"GlobalSecondaryIndexes": [index("one"), index("one")]}), INVALID);
        check(json!({"GlobalSecondaryIndexes": []}), INVALID);
        let many = (0..21).map(|n| index(&format!("index-{n}"))).collect::<Vec<_>>();
        check(json!({"GlobalSecondaryIndexes": many[..20]}), Ok(()));
        check(json!({"GlobalSecondaryIndexes": many}), INVALID);
        let mut without = index("one");
        without.as_object_mut().unwrap().remove("ProvisionedThroughput");
        check(json!({"GlobalSecondaryIndexes": [without]}), INVALID);
    }

    #[test]
    fn an_account_has_80_000_units() {
        let bed = Bed::new();
        let big = |name: &str, reads: u32| {
            let throughput = json!({"ReadCapacityUnits": reads, "WriteCapacityUnits": 1});
            create(&bed, json!({"TableName": name, "ProvisionedThroughput": throughput}))
        };
        assert_eq!(big("big", 40_001), Err("LimitExceededException"));
        assert!(big("one", 40_000).is_ok());
        assert!(big("two", 39_999).is_ok());
        assert_eq!(big("three", 2), Err("LimitExceededException"));
        assert!(big("three", 1).is_ok());
    }

    #[test]
    fn tags_are_checked() {
        check(json!({"Tags": [{"Key": "a", "Value": "b"}]}), Ok(()));
        check(json!({"Tags": [{"Key": "aws:a", "Value": "b"}]}), INVALID);
    }
}
