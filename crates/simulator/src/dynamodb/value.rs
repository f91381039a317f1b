//! Items and the values in them.
//! Source: DynamoDB Developer Guide, "Naming rules and data types", "DynamoDB item sizes and
//! formats".

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{number::Number, schema::invalid, validation};
use crate::refusal::Refusal;

/// How deep values can be inside of each other.
const DEEPEST: usize = 32;

/// An item: values by name.
pub(crate) type Item = BTreeMap<String, Value>;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) enum Value {
    /// A text.
    S(String),
    /// A number.
    N(Number),
    /// Bytes.
    B(Bytes),
    #[serde(rename = "BOOL")]
    Bool(bool),
    #[serde(rename = "NULL")]
    Null(bool),
    /// Values by name.
    M(Item),
    /// Values in order.
    L(Vec<Value>),
    /// Texts without an order.
    #[serde(rename = "SS")]
    Texts(Set<String>),
    /// Numbers without an order.
    #[serde(rename = "NS")]
    Numbers(Set<Number>),
    /// Bytes without an order.
    #[serde(rename = "BS")]
    Binaries(Set<Bytes>),
}

/// Bytes, which go over the wire in Base64.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

/// A set, which is not empty and has nothing twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Set<T: Ord>(pub(crate) BTreeSet<T>);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Number, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|bad: super::number::BadNumber| D::Error::custom(bad.message()))
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Bytes).map_err(D::Error::custom)
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de, T: Ord + Deserialize<'de>> Deserialize<'de> for Set<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Set<T>, D::Error> {
        let list = Vec::<T>::deserialize(deserializer)?;
        let count = list.len();
        let set: BTreeSet<T> = list.into_iter().collect();
        match (count, set.len() == count) {
            (0, _) => Err(D::Error::custom("An set may not be empty")),
            (_, false) => Err(D::Error::custom("Input collection contains duplicates.")),
            _ => Ok(Set(set)),
        }
    }
}

impl<T: Ord + Serialize> Serialize for Set<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.0)
    }
}

impl Value {
    /// Its type, as expressions call it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Value::S(_) => "S",
            Value::N(_) => "N",
            Value::B(_) => "B",
            Value::Bool(_) => "BOOL",
            Value::Null(_) => "NULL",
            Value::M(_) => "M",
            Value::L(_) => "L",
            Value::Texts(_) => "SS",
            Value::Numbers(_) => "NS",
            Value::Binaries(_) => "BS",
        }
    }

    /// Bytes that it takes in an item.
    pub(crate) fn size(&self) -> usize {
        match self {
            Value::S(text) => text.len(),
            Value::N(number) => number.size(),
            Value::B(bytes) => bytes.0.len(),
            Value::Bool(_) | Value::Null(_) => 1,
            Value::M(map) => 3 + map.len() + size(map),
            Value::L(list) => 3 + list.iter().map(|it| 1 + it.size()).sum::<usize>(),
            Value::Texts(set) => set.0.iter().map(String::len).sum(),
            Value::Numbers(set) => set.0.iter().map(|it| it.size()).sum(),
            Value::Binaries(set) => set.0.iter().map(|it| it.0.len()).sum(),
        }
    }

    /// Refuses what is too deep, and nothing that says it is something.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        self.check_depth(DEEPEST)
    }

    fn check_depth(&self, left: usize) -> Result<(), Refusal> {
        let Some(left) = left.checked_sub(1) else {
            return Err(validation("Nesting Levels have exceeded supported limits"));
        };
        match self {
            Value::Null(false) => {
                Err(invalid("Null attribute value types must have the value of true"))
            }
            Value::M(map) => map.values().try_for_each(|it| it.check_depth(left)),
            Value::L(list) => list.iter().try_for_each(|it| it.check_depth(left)),
            _ => Ok(()),
        }
    }
}

/// Bytes of an item: its names and its values.
pub(crate) fn size(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value.size()).sum()
}

/// A value that a key can have, in DynamoDB's order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Scalar {
    S(String),
    N(Number),
    B(Bytes),
}

impl Scalar {
    pub(crate) fn of(value: &Value) -> Option<Scalar> {
        match value {
            Value::S(text) => Some(Scalar::S(text.clone())),
            Value::N(number) => Some(Scalar::N(*number)),
            Value::B(bytes) => Some(Scalar::B(bytes.clone())),
            _ => None,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match serde_json::to_string(self) {
            Ok(text) => f.write_str(&text),
            Err(_) => f.write_str(self.kind()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, from_value, json};

    use super::*;

    #[track_caller]
    fn check(json: Json, bytes: usize) {
        let value: Value = from_value(json.clone()).unwrap();
        assert_eq!(serde_json::to_value(&value).unwrap(), json);
        assert_eq!(value.size(), bytes, "{json}");
    }

    #[test]
    fn values_are_read_and_written() {
        check(json!({"S": "é"}), 2);
        check(json!({"N": "12.5"}), 3);
        check(json!({"B": "AAE="}), 2);
        check(json!({"BOOL": false}), 1);
        check(json!({"NULL": true}), 1);
        check(json!({"M": {"a": {"S": "b"}}}), 6);
        check(json!({"L": [{"S": "ab"}, {"L": []}]}), 10);
        check(json!({"SS": ["a", "b"]}), 2);
        check(json!({"NS": ["1", "20"]}), 4);
        check(json!({"BS": ["AA=="]}), 1);
    }

    #[test]
    fn what_is_no_value_is_none() {
        for wrong in [
            json!({"S": 1}),
            json!({"N": 1}),
            json!({"N": "one"}),
            json!({"B": "%"}),
            json!({"SS": []}),
            json!({"NS": ["1", "1.0"]}),
            json!({"S": "a", "N": "1"}),
            json!({}),
            json!({"X": "a"}),
        ] {
            assert!(from_value::<Value>(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn values_are_32_deep_at_most() {
        let deep =
            |levels: usize| (1..levels).fold(Value::Null(true), |inner, _| Value::L(vec![inner]));
        assert!(deep(32).check().is_ok());
        assert!(deep(33).check().is_err());
        assert!(Value::Null(false).check().is_err());
    }
}
