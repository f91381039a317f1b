//! What the table is: made for small set-ups and tests, and checked before it is used.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::{
    error::ProvideErrorMetadata,
    operation::create_table::builders::CreateTableFluentBuilder,
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, IndexStatus, KeySchemaElement,
        KeyType, Projection, ProjectionType, ScalarAttributeType, TableDescription, TableStatus,
        TimeToLiveSpecification, TimeToLiveStatus,
    },
};
use lamplighter_core::Fault;
use tracing::warn;

use super::store::{PK, SK, Store};
use crate::config::check_endpoints;

/// A sparse index: it has those items that have its keys, and nothing of them but keys.
pub(super) struct Index {
    pub(super) name: &'static str,
    pub(super) partition: &'static str,
    pub(super) sort: &'static str,
}

/// Open jobs, by when somebody should look at them.
pub(super) const OPEN: Index = Index { name: "open", partition: "open", sort: "wake_at" };
/// Open jobs that wait at a gate.
pub(super) const WAITING: Index = Index { name: "waiting", partition: "gate", sort: "wake_at" };
/// Runs, by their occurrences.
pub(super) const RUNS: Index = Index { name: "runs", partition: "runs", sort: "run" };

const INDEXES: [Index; 3] = [OPEN, WAITING, RUNS];
/// The attribute that says when an item is gone.
const TTL: &str = "ttl";

/// How often to look whether a new table is there, and how many times.
const LOOK: Duration = Duration::from_millis(500);
const LOOKS: u32 = 240;

/// Makes the table of a journal, on demand and with items that expire, unless it is there. For
/// small set-ups and tests: the deployment's own template makes the same, encrypted and
/// protected.
///
/// Needs `dynamodb:CreateTable`, `dynamodb:DescribeTable` and `dynamodb:UpdateTimeToLive`.
///
/// # Errors
///
/// A config fault when there is a table of this name that is no journal.
pub async fn create_table(config: &SdkConfig, table: &str) -> Result<(), Fault> {
    check_endpoints(config)?;
    let store = Store::new(config, table);
    let call = store.call("making the journal's table", "dynamodb:CreateTable");
    match create(&store)?.send().await {
        Err(error) if error.code() == Some("ResourceInUseException") => {}
        answer => drop(call.answer(answer)?),
    }
    for _ in 0..LOOKS {
        match describe(&store).await? {
            Some(found) if is_ready(&found) => return enable_ttl(&store).await,
            _ => tokio::time::sleep(LOOK).await,
        }
    }
    Err(Fault::transient(format!("table `{table}` is not there yet: try again in some minutes")))
}

fn create(store: &Store) -> Result<CreateTableFluentBuilder, Fault> {
    let unfit = |error| Fault::permanent("making the journal's table").caused_by(error);
    let key = |name: &str, of: KeyType| {
        KeySchemaElement::builder().attribute_name(name).key_type(of).build().map_err(unfit)
    };
    let keys_only = Projection::builder().projection_type(ProjectionType::KeysOnly).build();
    let mut request = store
        .client
        .create_table()
        .table_name(&store.table)
        .billing_mode(BillingMode::PayPerRequest)
        .key_schema(key(PK, KeyType::Hash)?)
        .key_schema(key(SK, KeyType::Range)?);
    for index in INDEXES {
        let index = GlobalSecondaryIndex::builder()
            .index_name(index.name)
            .key_schema(key(index.partition, KeyType::Hash)?)
            .key_schema(key(index.sort, KeyType::Range)?)
            .projection(keys_only.clone());
        request = request.global_secondary_indexes(index.build().map_err(unfit)?);
    }
    for name in keys() {
        let of = AttributeDefinition::builder().attribute_name(name);
        let of = of.attribute_type(ScalarAttributeType::S).build().map_err(unfit)?;
        request = request.attribute_definitions(of);
    }
    Ok(request)
}

/// Every attribute that is a key, once.
fn keys() -> Vec<&'static str> {
    let of_indexes = INDEXES.iter().flat_map(|it| [it.partition, it.sort]);
    let mut keys: Vec<&str> = [PK, SK].into_iter().chain(of_indexes).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

async fn enable_ttl(store: &Store) -> Result<(), Fault> {
    if has_ttl(store).await? {
        return Ok(());
    }
    let wanted = TimeToLiveSpecification::builder().enabled(true).attribute_name(TTL).build();
    let doing = "letting closed jobs expire";
    let wanted = wanted.map_err(|error| Fault::permanent(doing).caused_by(error))?;
    let request = store.client.update_time_to_live().table_name(&store.table);
    let answer = request.time_to_live_specification(wanted).send().await;
    store.call(doing, "dynamodb:UpdateTimeToLive").answer(answer).map(drop)
}

/// Checks that the table is there and is a journal. One whose items do not expire is good enough,
/// for what is left of them is deleted in the end: that is only said.
pub(super) async fn check(store: &Store) -> Result<(), Fault> {
    let (found, expires) = tokio::try_join!(describe(store), has_ttl(store))?;
    let table = &store.table;
    let Some(found) = found else { return Err(none(store)) };
    if let Some(what) = difference(&found) {
        return Err(Fault::config(format!(
            "table `{table}` is no journal: {what}; name another one, or let the \
             hub's template make it"
        )));
    }
    if !is_ready(&found) {
        return Err(Fault::transient(format!("table `{table}` is not ready yet")));
    }
    if !expires {
        // Or it was turned on a moment ago, which is not visible at once.
        warn!(
            table,
            "closed jobs do not leave the table by themselves, and have to be deleted one by one: \
             turn its time to live on, for the attribute `{TTL}`"
        );
    }
    Ok(())
}

fn none(store: &Store) -> Fault {
    let region = store.client.config().region().map_or("no region", |it| it.as_ref());
    Fault::config(format!(
        "there is no table `{}` in {region}: check its name and the region, or let the hub's \
         template make it",
        store.table
    ))
}

/// The table, if there is one.
async fn describe(store: &Store) -> Result<Option<TableDescription>, Fault> {
    let call = store.call("looking at the journal's table", "dynamodb:DescribeTable");
    match store.client.describe_table().table_name(&store.table).send().await {
        Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(None),
        answer => Ok(call.answer(answer)?.table),
    }
}

/// Whether items expire by the right attribute. A table that is not there has none.
async fn has_ttl(store: &Store) -> Result<bool, Fault> {
    let call = store.call("looking at the journal's table", "dynamodb:DescribeTimeToLive");
    let answer = match store.client.describe_time_to_live().table_name(&store.table).send().await {
        Err(error) if error.code() == Some("ResourceNotFoundException") => return Ok(false),
        answer => call.answer(answer)?,
    };
    let found = answer.time_to_live_description();
    let status = found.and_then(|it| it.time_to_live_status());
    let on = matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling));
    Ok(on && found.and_then(|it| it.attribute_name()) == Some(TTL))
}

fn is_ready(table: &TableDescription) -> bool {
    let ready = matches!(table.table_status(), Some(TableStatus::Active | TableStatus::Updating));
    let indexes = table.global_secondary_indexes();
    let readable = [IndexStatus::Active, IndexStatus::Updating];
    ready && indexes.iter().all(|it| it.index_status().is_some_and(|it| readable.contains(it)))
}

/// What a table lacks to be a journal.
fn difference(table: &TableDescription) -> Option<String> {
    let is_text = |name: &str| {
        let definitions = table.attribute_definitions().iter();
        let mut found = definitions.filter(|it| it.attribute_name() == name);
        found.any(|it| *it.attribute_type() == ScalarAttributeType::S)
    };
    let are = |keys: &[KeySchemaElement], partition: &str, sort: &str| {
        let pairs = keys.iter().map(|it| (it.attribute_name(), it.key_type()));
        pairs.eq([(partition, &KeyType::Hash), (sort, &KeyType::Range)])
            && is_text(partition)
            && is_text(sort)
    };
    if !are(table.key_schema(), PK, SK) {
        return Some(format!("its keys are not the texts `{PK}` and `{SK}`"));
    }
    INDEXES.iter().find_map(|index| {
        let found = table.global_secondary_indexes().iter();
        let mut found = found.filter(|it| it.index_name() == Some(index.name));
        let fits = found.any(|it| are(it.key_schema(), index.partition, index.sort));
        let Index { name, partition, sort } = index;
        (!fits).then(|| {
            format!("it has no index `{name}` with the texts `{partition}` and `{sort}` as keys")
        })
    })
}

#[cfg(test)]
pub(super) mod tests {
    use aws_sdk_dynamodb::{Client, types::GlobalSecondaryIndexDescription};

    use super::*;

    /// Makes a journal's table whose items never expire.
    pub(in crate::journal) async fn without_ttl(store: &Store) {
        create(store).unwrap().send().await.unwrap();
    }

    /// Makes somebody else's table.
    pub(in crate::journal) async fn other(client: &Client, table: &str) {
        let key = KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash);
        let of = AttributeDefinition::builder().attribute_name("id");
        let request = client.create_table().table_name(table);
        request
            .billing_mode(BillingMode::PayPerRequest)
            .key_schema(key.build().unwrap())
            .attribute_definitions(of.attribute_type(ScalarAttributeType::S).build().unwrap())
            .send()
            .await
            .unwrap();
    }

    #[test]
    fn a_table_without_an_index_is_no_journal() {
        let key = |name: &str, of: KeyType| {
            KeySchemaElement::builder().attribute_name(name).key_type(of).build().unwrap()
        };
        let definition = |name: &&str| {
            let of = AttributeDefinition::builder().attribute_name(*name);
            of.attribute_type(ScalarAttributeType::S).build().unwrap()
        };
        let indexes = INDEXES.iter().map(|it| {
            GlobalSecondaryIndexDescription::builder()
                .index_name(it.name)
                .key_schema(key(it.partition, KeyType::Hash))
                .key_schema(key(it.sort, KeyType::Range))
                .build()
        });
        let whole = TableDescription::builder()
            .key_schema(key(PK, KeyType::Hash))
            .key_schema(key(SK, KeyType::Range))
            .set_attribute_definitions(Some(keys().iter().map(definition).collect()))
            .set_global_secondary_indexes(Some(indexes.collect()))
            .build();
        assert_eq!(difference(&whole), None);
        for (index, it) in INDEXES.iter().enumerate() {
            let mut lacking = whole.clone();
            if let Some(indexes) = &mut lacking.global_secondary_indexes {
                indexes.remove(index);
            }
            let found = difference(&lacking).unwrap();
            assert!(found.starts_with(&format!("it has no index `{}`", it.name)), "{found}");
        }
    }
}
