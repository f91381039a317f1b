//! Keys of items. Source: DynamoDB Developer Guide, "Core components of Amazon DynamoDB".

use crate::{
    dynamodb::{
        schema::{AttributeDefinition, KeySchemaElement, KeyType, invalid},
        table::Table,
        validation,
        value::{self, Item, Scalar, Value},
    },
    refusal::Refusal,
};

/// Bytes of a partition key.
const LONGEST_HASH: usize = 2048;
/// Bytes of a sort key.
const LONGEST_RANGE: usize = 1024;
/// Bytes of an item.
const LARGEST_ITEM: usize = 400 * 1024;

/// The key of an item: the partition key, and the sort key where there is one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) hash: Scalar,
    pub(crate) range: Option<Scalar>,
}

/// The key that an item has by this schema. `None`: it has not all of it.
pub(super) fn key_in(keys: &[KeySchemaElement], item: &Item) -> Option<Key> {
    let scalar = |key: &KeySchemaElement| Scalar::of(item.get(&key.attribute_name)?);
    let hash = scalar(keys.first()?)?;
    match keys.get(1) {
        None => Some(Key { hash, range: None }),
        Some(range) => Some(Key { hash, range: Some(scalar(range)?) }),
    }
}

/// The key of a request, which must have exactly the attributes of the table's key.
pub(crate) fn of_request(table: &Table, key: &Item) -> Result<Key, Refusal> {
    let wrong = || validation("The provided key element does not match the schema");
    if key.len() != table.keys.len() {
        return Err(validation("The number of conditions on the keys is invalid"));
    }
    for element in &table.keys {
        let value = key.get(&element.attribute_name).ok_or_else(wrong)?;
        check_type(&table.attributes, element, value).map_err(|_| wrong())?;
        check_length(table, element, value)?;
    }
    key_in(&table.keys, key).ok_or_else(wrong)
}

/// The key of an item that is to be put. Refuses items that the table cannot have.
pub(crate) fn of_item(table: &Table, item: &Item) -> Result<Key, Refusal> {
    item.values().try_for_each(Value::check)?;
    for (at, element) in table.keys.iter().enumerate() {
        let name = &element.attribute_name;
        let Some(value) = item.get(name) else {
            return Err(invalid(format!("Missing the key {name} in the item")));
        };
        check_type(&table.attributes, element, value).map_err(invalid)?;
        check_length(table, &table.keys[at], value)?;
    }
    for index in &table.indexes {
        for element in &index.keys {
            let Some(value) = item.get(&element.attribute_name) else { continue };
            let of_index = |what| invalid(format!("{what} IndexName: {}", index.name));
            check_type(&table.attributes, element, value).map_err(of_index)?;
            check_length(table, element, value)?;
        }
    }
    if value::size(item) > LARGEST_ITEM {
        return Err(validation("Item size has exceeded the maximum allowed size"));
    }
    key_in(&table.keys, item)
        .ok_or_else(|| validation("The provided key element does not match the schema"))
}

/// Whether a value has the type of a key, or how not.
pub(super) fn check_type(
    definitions: &[AttributeDefinition],
    element: &KeySchemaElement,
    value: &Value,
) -> Result<(), String> {
    let name = &element.attribute_name;
    let wanted = definitions.iter().find(|it| it.attribute_name == *name);
    let wanted = wanted.map_or("", |it| match it.attribute_type {
        KeyType::S => "S",
        KeyType::N => "N",
        KeyType::B => "B",
    });
    match value.kind() == wanted {
        true => Ok(()),
        false => {
            let actual = value.kind();
            Err(format!("Type mismatch for key {name} expected: {wanted} actual: {actual}"))
        }
    }
}

/// Refuses an empty key, and one that is too long.
fn check_length(table: &Table, element: &KeySchemaElement, value: &Value) -> Result<(), Refusal> {
    let name = &element.attribute_name;
    let is_hash = table.keys.first() == Some(element)
        || table.indexes.iter().any(|it| it.keys.first() == Some(element));
    let most = if is_hash { LONGEST_HASH } else { LONGEST_RANGE };
    match value {
        Value::S(text) if text.is_empty() => Err(validation(format!(
            "One or more parameter values are not valid. The AttributeValue for a key attribute \
             cannot contain an empty string value. Key: {name}"
        ))),
        Value::B(bytes) if bytes.0.is_empty() => Err(validation(format!(
            "One or more parameter values are not valid. The AttributeValue for a key attribute \
             cannot contain an empty binary value. Key: {name}"
        ))),
        Value::S(_) | Value::B(_) if value.size() > most => Err(invalid(format!(
            "Size of key {name} has exceeded the maximum size limit of {most} bytes"
        ))),
        _ => Ok(()),
    }
}
