//! Whether a condition holds for an item.

use std::cmp::Ordering;

use super::{
    condition::{Comparison, Condition, Operand},
    path::Path,
};
use crate::dynamodb::value::{Item, Scalar, Value};

/// The order of two values of the same type that has one.
pub(super) fn order(one: &Value, other: &Value) -> Option<Ordering> {
    match (one, other) {
        (Value::S(one), Value::S(other)) => Some(one.cmp(other)),
        (Value::N(one), Value::N(other)) => Some(one.cmp(other)),
        (Value::B(one), Value::B(other)) => Some(one.cmp(other)),
        _ => None,
    }
}

impl Condition {
    /// Whether it holds. What is not there equals nothing and has no order.
    pub(crate) fn holds(&self, item: &Item) -> bool {
        match self {
            Condition::And(one, other) => one.holds(item) && other.holds(item),
            Condition::Or(one, other) => one.holds(item) || other.holds(item),
            Condition::Not(inner) => !inner.holds(item),
            Condition::Compare(left, comparison, right) => {
                comparison.holds(left.of(item).as_ref(), right.of(item).as_ref())
            }
            Condition::Between(value, low, high) => {
                let value = value.of(item);
                let not_below = Comparison::GreaterOrEqual;
                let not_above = Comparison::LessOrEqual;
                not_below.holds(value.as_ref(), low.of(item).as_ref())
                    && not_above.holds(value.as_ref(), high.of(item).as_ref())
            }
            Condition::In(value, others) => value
                .of(item)
                .is_some_and(|value| others.iter().any(|it| it.of(item).as_ref() == Some(&value))),
            Condition::Exists(path) => path.of(item).is_some(),
            Condition::NotExists(path) => path.of(item).is_none(),
            Condition::TypeIs(path, kind) => path.of(item).is_some_and(|it| it.kind() == kind),
            Condition::BeginsWith(value, start) => match (value.of(item), start.of(item)) {
                (Some(Value::S(text)), Some(Value::S(start))) => text.starts_with(&*start),
                (Some(Value::B(bytes)), Some(Value::B(start))) => bytes.0.starts_with(&start.0),
                _ => false,
            },
            Condition::Contains(value, part) => match (value.of(item), part.of(item)) {
                (Some(value), Some(part)) => contains(&value, &part),
                _ => false,
            },
        }
    }
}

impl Comparison {
    fn holds(self, left: Option<&Value>, right: Option<&Value>) -> bool {
        let (Some(left), Some(right)) = (left, right) else {
            return self == Comparison::NotEqual;
        };
        let ordered = |test: fn(Ordering) -> bool| order(left, right).is_some_and(test);
        match self {
            Comparison::Equal => left == right,
            Comparison::NotEqual => left != right,
            Comparison::Less => ordered(Ordering::is_lt),
            Comparison::LessOrEqual => ordered(Ordering::is_le),
            Comparison::Greater => ordered(Ordering::is_gt),
            Comparison::GreaterOrEqual => ordered(Ordering::is_ge),
        }
    }
}

impl Operand {
    fn of(&self, item: &Item) -> Option<Value> {
        match self {
            Operand::At(path) => path.of(item).cloned(),
            Operand::Value(value) => Some(value.clone()),
            Operand::Size(path) => size(path, item),
        }
    }
}

/// Letters of a text, bytes, or how many values: other values have no size.
fn size(path: &Path, item: &Item) -> Option<Value> {
    let size = match path.of(item)? {
        Value::S(text) => text.chars().count(),
        Value::B(bytes) => bytes.0.len(),
        Value::M(map) => map.len(),
        Value::L(list) => list.len(),
        Value::Texts(set) => set.0.len(),
        Value::Numbers(set) => set.0.len(),
        Value::Binaries(set) => set.0.len(),
        Value::N(_) | Value::Bool(_) | Value::Null(_) => return None,
    };
    size.to_string().parse().ok().map(Value::N)
}

fn contains(value: &Value, part: &Value) -> bool {
    match (value, part) {
        (Value::S(text), Value::S(part)) => text.contains(&**part),
        (Value::B(bytes), Value::B(part)) => {
            part.0.is_empty() || bytes.0.windows(part.0.len()).any(|it| it == part.0)
        }
        (Value::L(list), part) => list.contains(part),
        (value, part) => match (value, Scalar::of(part)) {
            (Value::Texts(set), Some(Scalar::S(part))) => set.0.contains(&part),
            (Value::Numbers(set), Some(Scalar::N(part))) => set.0.contains(&part),
            (Value::Binaries(set), Some(Scalar::B(part))) => set.0.contains(&part),
            _ => false,
        },
    }
}
