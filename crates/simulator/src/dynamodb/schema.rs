//! What a table's keys and indexes are. Source: DynamoDB API, `CreateTable`; DynamoDB Developer
//! Guide, "Naming rules and data types".

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{capacity::Throughput, validation};
use crate::refusal::Refusal;

/// Attributes other than keys that an index names, over all indexes of a table.
const MOST_PROJECTED: usize = 100;

/// The type of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) enum KeyType {
    /// A text.
    S,
    /// A number.
    N,
    /// Bytes.
    B,
}

/// An attribute that is a key of the table or of an index.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct AttributeDefinition {
    pub(crate) attribute_name: String,
    pub(crate) attribute_type: KeyType,
}

/// One part of a key.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct KeySchemaElement {
    pub(crate) attribute_name: String,
    pub(crate) key_type: Part,
}

/// Which part of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Part {
    /// The partition key.
    Hash,
    /// The sort key.
    Range,
}

/// Which attributes an index has beside its own keys and the table's.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct Projection {
    pub(crate) projection_type: ProjectionType,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) non_key_attributes: Vec<String>,
}

/// Whether an index has all attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum ProjectionType {
    All,
    KeysOnly,
    Include,
}

/// A global secondary index that is asked for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct NewIndex {
    pub(crate) index_name: String,
    pub(crate) key_schema: Vec<KeySchemaElement>,
    pub(crate) projection: Projection,
    #[serde(default)]
    pub(crate) provisioned_throughput: Option<Throughput>,
}

/// The names of a key: the partition key, and the sort key if there is one.
pub(crate) fn names(keys: &[KeySchemaElement]) -> impl Iterator<Item = &str> {
    keys.iter().map(|it| it.attribute_name.as_str())
}

/// Refuses a key that is not one partition key and at most one sort key.
pub(crate) fn check_keys(keys: &[KeySchemaElement]) -> Result<(), Refusal> {
    let message = match keys {
        [KeySchemaElement { key_type: Part::Hash, .. }] => return Ok(()),
        [hash, range] if hash.key_type == Part::Hash && range.key_type == Part::Range => {
            if hash.attribute_name != range.attribute_name {
                return Ok(());
            }
            "Both the Hash Key and the Range Key element in the KeySchema have the same name"
        }
        [] | [_, _, _, ..] => {
            "1 validation error detected: Value at 'keySchema' failed to satisfy constraint: \
             Member must have length between 1 and 2"
        }
        [first, ..] if first.key_type != Part::Hash => {
            "Invalid KeySchema: The first KeySchemaElement is not a HASH key type"
        }
        _ => "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type",
    };
    Err(validation(message))
}

/// Refuses definitions that are not exactly those of the keys of the table and its indexes.
pub(crate) fn check_definitions<'k>(
    definitions: &[AttributeDefinition],
    keys: impl Iterator<Item = &'k str>,
) -> Result<(), Refusal> {
    let defined: BTreeSet<&str> = definitions.iter().map(|it| &*it.attribute_name).collect();
    if defined.len() != definitions.len() {
        return Err(invalid("Cannot have two attributes with the same name"));
    }
    let used: BTreeSet<&str> = keys.collect();
    if let Some(missing) = used.difference(&defined).next() {
        let message = "Some index key attributes are not defined in AttributeDefinitions";
        return Err(invalid(format!("{message}. Keys: [{missing}]")));
    }
    match defined.len() == used.len() {
        true => Ok(()),
        false => Err(invalid(
            "Number of attributes in KeySchema does not exactly match number of attributes \
             defined in AttributeDefinitions",
        )),
    }
}

/// Refuses a projection that says both what and all.
pub(crate) fn check_projection(it: &Projection) -> Result<(), Refusal> {
    let names = it.non_key_attributes.len();
    match it.projection_type {
        ProjectionType::Include if names == 0 => {
            Err(invalid("ProjectionType is INCLUDE, but NonKeyAttributes is not specified"))
        }
        ProjectionType::All | ProjectionType::KeysOnly if names > 0 => {
            Err(invalid("ProjectionType is not INCLUDE, but NonKeyAttributes is specified"))
        }
        _ if names > MOST_PROJECTED => {
            Err(invalid(format!("{names} NonKeyAttributes are more than {MOST_PROJECTED}")))
        }
        _ => Ok(()),
    }
}

/// Refuses a name of a table, an index, or a backup that cannot be one.
pub(crate) fn check_name(member: &str, name: &str) -> Result<(), Refusal> {
    let allowed = |it: u8| it.is_ascii_alphanumeric() || b"_.-".contains(&it);
    if (3..=255).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(validation(format!(
        "1 validation error detected: Value '{name}' at '{member}' failed to satisfy constraint: \
         Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+ and have length between \
         3 and 255"
    )))
}

/// A parameter is wrong, in the words that DynamoDB begins with.
pub(crate) fn invalid(what: impl std::fmt::Display) -> Refusal {
    validation(format!("One or more parameter values were invalid: {what}"))
}
