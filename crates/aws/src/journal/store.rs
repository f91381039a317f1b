//! Calls to the one table: how they are tried again, and what their errors mean.
//!
//! Every write here may be tried again by the SDK: either it is conditional, and finds out by
//! what is stored whether an earlier try had arrived, or it carries a token, or it may happen
//! twice.

use std::{collections::HashMap, error::Error, time::Duration};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::{
    Client,
    error::ProvideErrorMetadata,
    operation::{
        delete_item::DeleteItemError, put_item::PutItemError, query::builders::QueryFluentBuilder,
        transact_write_items::TransactWriteItemsError, update_item::UpdateItemError,
    },
    types::{AttributeValue, CancellationReason},
};
use aws_smithy_runtime::client::retries::{RetryPartition, TokenBucket};
use aws_smithy_runtime_api::client::{
    interceptors::context::InterceptorContext,
    orchestrator::HttpResponse,
    result::SdkError,
    retries::classifiers::{ClassifyRetry, RetryAction},
};
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use lamplighter_core::{Fault, FaultKind};

use crate::fault::Call;

/// An item of the table.
pub(super) type Item = HashMap<String, AttributeValue>;

/// Tries of a call, and the shortest wait between two.
/// Source: DynamoDB Developer Guide, "Error handling with DynamoDB": 50 ms, and ten tries.
const ATTEMPTS: u32 = 10;
pub(super) const BACKOFF: Duration = Duration::from_millis(50);
/// The longest wait between two tries.
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);
/// Longest try of a call. A page of 1 MB takes a fraction of a second.
const ATTEMPT: Duration = Duration::from_secs(5);
/// Longest call, with all its tries: far below the time for which a job is leased.
const OPERATION: Duration = Duration::from_secs(40);

/// Partition and sort key of the table.
pub(super) const PK: &str = "pk";
pub(super) const SK: &str = "sk";

/// The table, and the way to it.
pub(super) struct Store {
    pub(super) client: Client,
    pub(super) table: String,
    /// Who calls, and where, for messages.
    pub(super) whom: String,
}

impl Store {
    /// The table of this name, reached with the process's own credentials in its own region.
    pub(super) fn new(process: &SdkConfig, table: &str) -> Store {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(ATTEMPT)
            .operation_timeout(OPERATION);
        let retries = RetryConfig::standard()
            .with_max_attempts(ATTEMPTS)
            .with_initial_backoff(BACKOFF)
            .with_max_backoff(LONGEST_BACKOFF);
        // Whoever waits for the journal has nothing else to do: there is no quota of retries,
        // which is shared by the name of the service by default.
        let partition =
            RetryPartition::custom("journal").token_bucket(TokenBucket::unlimited()).build();
        let config = aws_sdk_dynamodb::config::Builder::from(process)
            .timeout_config(timeouts.build())
            .retry_config(retries)
            .retry_partition(partition)
            .retry_classifier(Contention)
            .build();
        let region = process.region().map_or("no region", |it| it.as_ref());
        Store {
            client: Client::from_conf(config),
            table: table.to_owned(),
            whom: format!("the process's own credentials, on table `{table}` in {region}"),
        }
    }

    /// A call, as messages tell of it.
    pub(super) fn call<'a>(&'a self, doing: &'a str, action: &'static str) -> Call<'a> {
        Call { doing, action, whom: &self.whom, cure: None }
    }

    /// The item of a key, as it is now.
    pub(super) async fn get(&self, doing: &str, key: Item) -> Result<Option<Item>, Fault> {
        let request = self.client.get_item().table_name(&self.table).consistent_read(true);
        let answer = request.set_key(Some(key)).send().await;
        Ok(self.call(doing, "dynamodb:GetItem").answer(answer)?.item)
    }

    /// The pages of a query.
    pub(super) fn pages<'a>(&'a self, doing: &'a str, query: QueryFluentBuilder) -> Pages<'a> {
        Pages { store: self, doing, query: query.table_name(&self.table), next: Next::First }
    }

    /// All that a query finds, or the first `most`.
    pub(super) async fn query(
        &self,
        doing: &str,
        query: QueryFluentBuilder,
        most: usize,
    ) -> Result<Vec<Item>, Fault> {
        let mut pages = self.pages(doing, query);
        let mut items = Vec::new();
        while items.len() < most
            && let Some(page) = pages.next().await?
        {
            items.extend(page);
        }
        items.truncate(most);
        Ok(items)
    }
}

/// The pages of a query. A page may be empty and yet not the last.
pub(super) struct Pages<'a> {
    store: &'a Store,
    doing: &'a str,
    query: QueryFluentBuilder,
    next: Next,
}

enum Next {
    First,
    After(Item),
    End,
}

impl Pages<'_> {
    /// The next page, if there is one.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Item>>, Fault> {
        let start = match std::mem::replace(&mut self.next, Next::End) {
            Next::First => None,
            Next::After(key) => Some(key),
            Next::End => return Ok(None),
        };
        let answer = self.query.clone().set_exclusive_start_key(start).send().await;
        let page = self.store.call(self.doing, "dynamodb:Query").answer(answer)?;
        if let Some(key) = page.last_evaluated_key {
            self.next = Next::After(key);
        }
        Ok(Some(page.items.unwrap_or_default()))
    }
}

/// Recognizes what the SDK does not try again by itself: that somebody else was writing the same
/// item in that very moment.
#[derive(Debug)]
struct Contention;

impl ClassifyRetry for Contention {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let error = match context.output_or_error() {
            Some(Err(error)) => error.as_operation_error(),
            _ => None,
        };
        let Some(error) = error else { return RetryAction::NoActionIndicated };
        let conflict = |code: Option<&str>| code == Some("TransactionConflictException");
        let contended = if let Some(error) = error.downcast_ref::<TransactWriteItemsError>() {
            is_contention(reasons(error))
        } else if let Some(error) = error.downcast_ref::<PutItemError>() {
            conflict(error.code())
        } else if let Some(error) = error.downcast_ref::<UpdateItemError>() {
            conflict(error.code())
        } else if let Some(error) = error.downcast_ref::<DeleteItemError>() {
            conflict(error.code())
        } else {
            false
        };
        match contended {
            true => RetryAction::transient_error(),
            false => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "contention for an item"
    }
}

/// Why a transaction was cancelled, one reason for each of its items. Empty: it was not.
fn reasons(error: &TransactWriteItemsError) -> &[CancellationReason] {
    match error {
        TransactWriteItemsError::TransactionCanceledException(it) => it.cancellation_reasons(),
        _ => &[],
    }
}

/// Whether a transaction may succeed when it is tried again as it is: nothing stands against it
/// but others that were writing, or the table's limits.
/// Source: DynamoDB API, `TransactWriteItems`.
fn is_contention(reasons: &[CancellationReason]) -> bool {
    const CONTENTION: [&str; 3] =
        ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
    let codes = || reasons.iter().filter_map(CancellationReason::code);
    codes().any(|it| CONTENTION.contains(&it))
        && codes().all(|it| it == "None" || CONTENTION.contains(&it))
}

/// What came of a transaction.
pub(super) enum Transacted {
    /// All of it was done.
    Done,
    /// Nothing was done: for each of its items, in order, whether its condition failed, and then
    /// what is stored if it was asked for.
    Failed(Vec<Option<Item>>),
}

/// What came of a transaction whose conditions may fail.
pub(super) fn transacted<T>(
    call: &Call<'_>,
    answer: Result<T, SdkError<TransactWriteItemsError, HttpResponse>>,
) -> Result<Transacted, Fault>
where
    T: aws_types::request_id::RequestId,
{
    let error = match answer {
        Err(error) => error,
        answer => return call.answer(answer).map(|_| Transacted::Done),
    };
    let reasons = error.as_service_error().map(reasons).unwrap_or_default();
    let failed = |it: &CancellationReason| it.code() == Some("ConditionalCheckFailed");
    if reasons.iter().any(failed) {
        let stored =
            |it: &CancellationReason| failed(it).then(|| it.item().cloned().unwrap_or_default());
        return Ok(Transacted::Failed(reasons.iter().map(stored).collect()));
    }
    let contended = is_contention(reasons);
    call.answer::<T, _>(Err(error)).map(|_| Transacted::Done).map_err(|mut fault| {
        if contended {
            fault.kind = FaultKind::Throttled;
        }
        fault
    })
}

/// What came of one conditional write.
pub(super) enum Written<T> {
    /// It was done.
    Done(T),
    /// Its condition failed: what is stored, if there is something and it was asked for.
    Failed(Option<Item>),
}

/// What came of one conditional write.
pub(super) fn written<T, E>(
    call: &Call<'_>,
    answer: Result<T, SdkError<E, HttpResponse>>,
    failed: impl FnOnce(&E) -> Option<Option<&Item>>,
) -> Result<Written<T>, Fault>
where
    T: aws_types::request_id::RequestId,
    E: ProvideErrorMetadata + Error + 'static,
{
    if let Err(error) = &answer
        && let Some(stored) = error.as_service_error().and_then(failed)
    {
        return Ok(Written::Failed(stored.cloned()));
    }
    call.answer(answer).map(Written::Done)
}

/// The key of an item.
pub(super) fn key(pk: impl Into<String>, sk: impl Into<String>) -> Item {
    Item::from([(PK.to_owned(), text(pk)), (SK.to_owned(), text(sk))])
}

/// A text attribute.
pub(super) fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// A number attribute.
pub(super) fn number(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// The text of an attribute.
pub(super) fn text_of<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// The number of an attribute.
pub(super) fn number_of<N: std::str::FromStr>(item: &Item, name: &str) -> Option<N> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// An item that is not what Lamplighter writes.
pub(super) fn damaged(what: &str, why: impl Into<Box<dyn Error + Send + Sync>>) -> Fault {
    Fault::permanent(format!("reading {what} from the journal")).caused_by(why)
}
