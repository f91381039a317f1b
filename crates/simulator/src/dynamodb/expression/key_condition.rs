//! Which items of a partition a query asks for.
//! Source: DynamoDB Developer Guide, "Key condition expressions for the Query operation".

use super::condition::{Comparison, Condition, Operand};
use crate::{
    dynamodb::{
        schema::KeySchemaElement,
        validation,
        value::{Scalar, Value},
    },
    refusal::Refusal,
};

/// One partition, and which sort keys.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct KeyCondition {
    pub(crate) hash: Value,
    pub(crate) range: Option<RangeTest>,
}

/// Which sort keys.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RangeTest {
    Compare(Comparison, Value),
    Between(Value, Value),
    BeginsWith(Value),
}

impl KeyCondition {
    /// The condition on this key, or refuses: it must be an equality on the partition key, and
    /// may be one test on the sort key.
    pub(crate) fn of(
        condition: Condition,
        keys: &[KeySchemaElement],
    ) -> Result<KeyCondition, Refusal> {
        let hash_name = keys.first().map_or("", |it| &it.attribute_name);
        let range_name = keys.get(1).map(|it| &*it.attribute_name);
        let (mut hash, mut range) = (None, None);
        let parts = match condition {
            Condition::And(one, other) => vec![*one, *other],
            one => vec![one],
        };
        for part in parts {
            let (path, test) = match part {
                Condition::Compare(Operand::At(path), comparison, Operand::Value(value))
                    if comparison != Comparison::NotEqual =>
                {
                    (path, RangeTest::Compare(comparison, value))
                }
                Condition::Between(
                    Operand::At(path),
                    Operand::Value(low),
                    Operand::Value(high),
                ) => (path, RangeTest::Between(low, high)),
                Condition::BeginsWith(Operand::At(path), Operand::Value(start)) => {
                    (path, RangeTest::BeginsWith(start))
                }
                _ => return Err(not_supported()),
            };
            if !path.is_attribute() {
                return Err(not_supported());
            }
            let twice = match (path.attribute(), test) {
                (name, RangeTest::Compare(Comparison::Equal, value)) if name == hash_name => {
                    hash.replace(value).is_some()
                }
                (name, _) if name == hash_name => return Err(not_supported()),
                (name, test) if Some(name) == range_name => range.replace(test).is_some(),
                (name, _) => {
                    return Err(validation(format!(
                        "Query condition missed key schema element: {name} is no key"
                    )));
                }
            };
            if twice {
                return Err(validation(
                    "KeyConditionExpressions must only contain one condition per key",
                ));
            }
        }
        match hash {
            Some(hash) => Ok(KeyCondition { hash, range }),
            None => {
                let message = format!("Query condition missed key schema element: {hash_name}");
                Err(validation(message))
            }
        }
    }

    /// The values that it asks for, of each key.
    pub(crate) fn values(&self) -> (Vec<&Value>, Vec<&Value>) {
        let range = match &self.range {
            None => Vec::new(),
            Some(RangeTest::Compare(_, value) | RangeTest::BeginsWith(value)) => vec![value],
            Some(RangeTest::Between(low, high)) => vec![low, high],
        };
        (vec![&self.hash], range)
    }
}

fn not_supported() -> Refusal {
    validation("Query key condition not supported")
}

impl RangeTest {
    /// Whether a sort key passes.
    pub(crate) fn passes(&self, key: &Scalar) -> bool {
        let order = |value: &Value| Scalar::of(value).map(|it| key.cmp(&it));
        match self {
            RangeTest::Compare(comparison, value) => {
                order(value).is_some_and(|it| match comparison {
                    Comparison::Equal => it.is_eq(),
                    Comparison::NotEqual => it.is_ne(),
                    Comparison::Less => it.is_lt(),
                    Comparison::LessOrEqual => it.is_le(),
                    Comparison::Greater => it.is_gt(),
                    Comparison::GreaterOrEqual => it.is_ge(),
                })
            }
            RangeTest::Between(low, high) => {
                order(low).is_some_and(|it| it.is_ge()) && order(high).is_some_and(|it| it.is_le())
            }
            RangeTest::BeginsWith(start) => match (key, start) {
                (Scalar::S(text), Value::S(start)) => text.starts_with(&**start),
                (Scalar::B(bytes), Value::B(start)) => bytes.0.starts_with(&start.0),
                _ => false,
            },
        }
    }
}
