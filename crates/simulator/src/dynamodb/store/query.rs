//! `Query`, `Scan`. Source: DynamoDB API, each operation; DynamoDB Developer Guide, "Querying
//! tables in DynamoDB", "Using Global Secondary Indexes in DynamoDB".

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::{
    Names, Values,
    items::{Found, Position},
    key::{self, key_in},
    spec, table,
};
use crate::{
    dynamodb::{
        expression::{Condition, KeyCondition, Path, Placeholders},
        on_table,
        schema::{self, KeySchemaElement, ProjectionType},
        table::{self as model, Index, Status, Table},
        table_name, validation,
        value::{self, Item, Scalar, Value},
    },
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// Bytes that a page looks at.
const LARGEST_PAGE: usize = 1024 * 1024;

/// What of each item is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Select {
    AllAttributes,
    AllProjectedAttributes,
    SpecificAttributes,
    Count,
}

/// `Query`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct Query {
    table_name: String,
    #[serde(default)]
    index_name: Option<String>,
    key_condition_expression: String,
    #[serde(default)]
    filter_expression: Option<String>,
    #[serde(default)]
    projection_expression: Option<String>,
    #[serde(default)]
    expression_attribute_names: Names,
    #[serde(default)]
    expression_attribute_values: Values,
    #[serde(default)]
    select: Option<Select>,
    #[serde(default)]
    limit: Option<usize>,
    #[serde(default)]
    consistent_read: bool,
    #[serde(default)]
    scan_index_forward: Option<bool>,
    #[serde(default)]
    exclusive_start_key: Option<Item>,
}

/// `Scan`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct Scan {
    table_name: String,
    #[serde(default)]
    index_name: Option<String>,
    #[serde(default)]
    filter_expression: Option<String>,
    #[serde(default)]
    projection_expression: Option<String>,
    #[serde(default)]
    expression_attribute_names: Names,
    #[serde(default)]
    expression_attribute_values: Values,
    #[serde(default)]
    select: Option<Select>,
    #[serde(default)]
    limit: Option<usize>,
    #[serde(default)]
    consistent_read: bool,
    #[serde(default)]
    segment: Option<u64>,
    #[serde(default)]
    total_segments: Option<u64>,
    #[serde(default)]
    exclusive_start_key: Option<Item>,
}

/// A page of items.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Page {
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<Vec<Item>>,
    count: usize,
    scanned_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_evaluated_key: Option<Item>,
}

/// What both have in common.
struct Reading<'r> {
    table: &'r Table,
    index: Option<&'r Index>,
    filter: Option<Condition>,
    projection: Option<Vec<Path>>,
    select: Option<Select>,
    limit: Option<usize>,
    /// How many items a page looks at whatever was asked for: DynamoDB may end one at any item.
    page_size: Option<usize>,
}

/// Where a page goes on, as it was asked.
struct Start {
    at: Position,
    item_at: Position,
}

impl<'r> Reading<'r> {
    /// The keys that it reads by.
    fn keys(&self) -> &'r [KeySchemaElement] {
        self.index.map_or(&self.table.keys, |it| &it.keys)
    }

    /// Refuses what cannot be read so.
    fn check(&self, consistent: bool) -> Result<(), Refusal> {
        if self.index.is_some() && consistent {
            return Err(validation(
                "Consistent reads are not supported on global secondary indexes",
            ));
        }
        if self.limit == Some(0) {
            return Err(validation(
                "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: \
                 Member must have value greater than or equal to 1",
            ));
        }
        let projects_all =
            self.index.is_none_or(|it| it.projection.projection_type == ProjectionType::All);
        let message = match (self.select, &self.projection) {
            (Some(Select::SpecificAttributes), None) => {
                "Must specify the AttributesToGet or ProjectionExpression when choosing to get \
                 SPECIFIC_ATTRIBUTES"
            }
            (Some(Select::SpecificAttributes) | None, _) => "",
            (Some(_), Some(_)) => {
                "Cannot specify the ProjectionExpression when choosing to get anything but \
                 SPECIFIC_ATTRIBUTES"
            }
            (Some(Select::AllProjectedAttributes), None) if self.index.is_none() => {
                "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName"
            }
            (Some(Select::AllAttributes), None) if !projects_all => {
                "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not \
                 supported for global secondary index because its projection type is not ALL"
            }
            _ => "",
        };
        if !message.is_empty() {
            return Err(validation(message));
        }
        match self.filter.is_some() && self.limit.is_some_and(|it| it > i32::MAX as usize) {
            true => Err(validation("Limit is too large")),
            false => Ok(()),
        }
    }

    /// The key that a page goes on after, as the last page said it.
    fn start(&self, key: Option<&Item>) -> Result<Option<Start>, Refusal> {
        let Some(key) = key else { return Ok(None) };
        let wrong = || validation("The provided starting key is invalid");
        let all = schema::names(&self.table.keys).chain(schema::names(self.keys()));
        let all: std::collections::BTreeSet<&str> = all.collect();
        if all.len() != key.len() || !all.iter().all(|it| key.contains_key(*it)) {
            return Err(wrong());
        }
        let own = |it: &&KeySchemaElement| {
            self.table.keys.iter().any(|own| own.attribute_name == it.attribute_name)
        };
        for element in self.keys().iter().filter(|it| !own(it)) {
            let value = key.get(&element.attribute_name).ok_or_else(wrong)?;
            key::check_type(&self.table.attributes, element, value).map_err(|_| wrong())?;
        }
        let names: Vec<&str> = schema::names(&self.table.keys).collect();
        let mut of_table = key.clone();
        of_table.retain(|name, _| names.contains(&name.as_str()));
        let item_at = key::of_request(self.table, &of_table).map_err(|_| wrong())?;
        let at = key_in(self.keys(), key).ok_or_else(wrong)?;
        Ok(Some(Start { at: Position::of(at), item_at: Position::of(item_at) }))
    }

    /// The page that begins with the first of these.
    fn page(&self, found: impl Iterator<Item = Found>) -> Page {
        let mut found = found.peekable();
        let (mut items, mut count, mut scanned_count, mut bytes) = (Vec::new(), 0, 0, 0);
        let mut last = None;
        while let Some(it) = found.next() {
            scanned_count += 1;
            let item = self.visible(&it.item);
            bytes += value::size(&item);
            if self.filter.as_ref().is_none_or(|filter| filter.holds(&item)) {
                count += 1;
                items.push(match &self.projection {
                    None => item,
                    Some(paths) => Path::project(paths, &item),
                });
            }
            let full = [self.limit, self.page_size].contains(&Some(scanned_count));
            // The item that goes over the limit is still on the page.
            if full || bytes >= LARGEST_PAGE && found.peek().is_some() {
                last = Some(self.last_key(&it.item));
                break;
            }
        }
        let items = (self.select != Some(Select::Count)).then_some(items);
        Page { items, count, scanned_count, last_evaluated_key: last }
    }

    /// What of an item is in the index.
    fn visible(&self, item: &Item) -> Item {
        let Some(index) = self.index else { return item.clone() };
        if index.projection.projection_type == ProjectionType::All {
            return item.clone();
        }
        let keys = schema::names(&self.table.keys).chain(schema::names(&index.keys));
        let others = index.projection.non_key_attributes.iter().map(String::as_str);
        let names: Vec<&str> = keys.chain(others).collect();
        let shown = item.iter().filter(|(name, _)| names.contains(&name.as_str()));
        shown.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// The key that the next page goes on after.
    fn last_key(&self, item: &Item) -> Item {
        let names = schema::names(&self.table.keys).chain(schema::names(self.keys()));
        names.filter_map(|name| Some((name.to_owned(), item.get(name)?.clone()))).collect()
    }
}

/// The index of a name, which must be ready to be read.
fn index<'t>(table: &'t Table, name: Option<&str>) -> Result<Option<&'t Index>, Refusal> {
    let Some(name) = name else { return Ok(None) };
    match table.index(name) {
        None => {
            let message = format!("The table does not have the specified index: {name}");
            Err(validation(message))
        }
        Some(index) if index.status == Status::Creating => {
            let message = format!("Cannot read from backfilling global secondary index: {name}");
            Err(validation(message))
        }
        Some(index) if index.status == Status::Deleting => {
            let message = format!("The table does not have the specified index: {name}");
            Err(validation(message))
        }
        index => Ok(index),
    }
}

/// What reading a table or an index needs.
fn need(cx: &Cx<'_>, action: &'static str, name: &str, index: Option<&str>) -> Vec<Need> {
    let need = on_table(cx, action, name);
    match index {
        None => vec![need],
        Some(index) => {
            let arn = model::arn(cx.place, table_name(cx, name));
            vec![Need { resource: format!("{arn}/index/{index}"), ..need }]
        }
    }
}

impl Operation for Query {
    const SPEC: Spec = spec("Query", Access::Reads);

    type Answer<'s> = Page;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        need(cx, "dynamodb:Query", &self.table_name, self.index_name.as_deref())
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Page, Refusal> {
        let at = if self.consistent_read { cx.now } else { cx.seen };
        let page_size = cx.state.dials.page_size;
        let (table, items) = table(cx, &self.table_name)?;
        let placeholders =
            Placeholders::new(&self.expression_attribute_names, &self.expression_attribute_values)?;
        let condition =
            placeholders.condition("KeyConditionExpression", &self.key_condition_expression)?;
        let filter = self.filter_expression.as_deref();
        let projection = self.projection_expression.as_deref();
        let reading = Reading {
            table,
            index: index(table, self.index_name.as_deref())?,
            filter: filter.map(|it| placeholders.condition("FilterExpression", it)).transpose()?,
            projection: projection.map(|it| placeholders.projection(it)).transpose()?,
            select: self.select,
            limit: self.limit,
            page_size,
        };
        placeholders.check_used()?;
        reading.check(self.consistent_read)?;
        let keys = reading.keys();
        let condition = KeyCondition::of(condition, keys)?;
        check_types(table, keys, &condition)?;
        check_filter(reading.filter.as_ref(), keys)?;
        let hash = Scalar::of(&condition.hash)
            .ok_or_else(|| validation("The partition key must be a scalar"))?;
        let start = reading.start(self.exclusive_start_key.as_ref())?;
        if start.as_ref().is_some_and(|it| it.at.key.hash != hash) {
            return Err(validation("The provided starting key is outside query boundaries"));
        }
        let mut found = items.read(self.index_name.as_deref(), Some(&hash), at);
        let range = condition.range.as_ref();
        found.retain(|it| {
            range.is_none_or(|test| it.at.key.range.as_ref().is_some_and(|key| test.passes(key)))
        });
        let forward = self.scan_index_forward.unwrap_or(true);
        if !forward {
            found.reverse();
        }
        let next = if forward { Ordering::Greater } else { Ordering::Less };
        found.retain(|it| is_after(it, start.as_ref(), next));
        Ok(reading.page(found.into_iter()))
    }
}

/// Whether an item comes on this side of where the page begins.
fn is_after(it: &Found, start: Option<&Start>, next: Ordering) -> bool {
    start.is_none_or(|start| (&it.at, &it.item_at).cmp(&(&start.at, &start.item_at)) == next)
}

/// Refuses values of other types than the keys', and empty ones.
fn check_types(
    table: &Table,
    keys: &[KeySchemaElement],
    condition: &KeyCondition,
) -> Result<(), Refusal> {
    let (hash, range) = condition.values();
    for (element, values) in keys.iter().zip([hash, range]) {
        for value in values {
            key::check_type(&table.attributes, element, value).map_err(|_| {
                validation(
                    "One or more parameter values were invalid: Condition parameter type does \
                     not match schema type",
                )
            })?;
            if matches!(value, Value::S(text) if text.is_empty()) {
                return Err(validation(format!(
                    "One or more parameter values are not valid. The AttributeValue for a key \
                     attribute cannot contain an empty string value. Key: {}",
                    element.attribute_name
                )));
            }
        }
    }
    Ok(())
}

/// Refuses a filter of a query on its keys: those are what it asks for.
fn check_filter(filter: Option<&Condition>, keys: &[KeySchemaElement]) -> Result<(), Refusal> {
    let Some(filter) = filter else { return Ok(()) };
    let mut attributes = Vec::new();
    filter.attributes(&mut attributes);
    match schema::names(keys).find(|it| attributes.contains(it)) {
        None => Ok(()),
        Some(name) => Err(validation(format!(
            "Filter Expression can only contain non-primary key attributes: Primary key \
             attribute: {name}"
        ))),
    }
}

impl Operation for Scan {
    const SPEC: Spec = spec("Scan", Access::Reads);

    type Answer<'s> = Page;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        need(cx, "dynamodb:Scan", &self.table_name, self.index_name.as_deref())
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Page, Refusal> {
        let at = if self.consistent_read { cx.now } else { cx.seen };
        let page_size = cx.state.dials.page_size;
        let (table, items) = table(cx, &self.table_name)?;
        let placeholders =
            Placeholders::new(&self.expression_attribute_names, &self.expression_attribute_values)?;
        let filter = self.filter_expression.as_deref();
        let projection = self.projection_expression.as_deref();
        let reading = Reading {
            table,
            index: index(table, self.index_name.as_deref())?,
            filter: filter.map(|it| placeholders.condition("FilterExpression", it)).transpose()?,
            projection: projection.map(|it| placeholders.projection(it)).transpose()?,
            select: self.select,
            limit: self.limit,
            page_size,
        };
        placeholders.check_used()?;
        reading.check(self.consistent_read)?;
        let segment = match (self.segment, self.total_segments) {
            (None, None) => (0, 1),
            (Some(segment), Some(total)) if (1..=1_000_000).contains(&total) && segment < total => {
                (segment, total)
            }
            _ => {
                return Err(validation(
                    "Segment and TotalSegments must both be specified, and Segment must be the \
                     smaller one",
                ));
            }
        };
        let start = reading.start(self.exclusive_start_key.as_ref())?;
        let mut found = items.read(self.index_name.as_deref(), None, at);
        found.retain(|it| {
            it.at.segment(segment.1) == segment.0 && is_after(it, start.as_ref(), Ordering::Greater)
        });
        Ok(reading.page(found.into_iter()))
    }
}
