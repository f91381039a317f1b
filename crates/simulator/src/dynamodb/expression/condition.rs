//! Conditions: `attribute_not_exists(id) OR lease < :now`.
//! Source: DynamoDB Developer Guide, "Condition and filter expressions, operators, and functions".

use super::{
    parser::Parser,
    path::Path,
    token::{Token, is_reserved},
};
use crate::dynamodb::value::Value;

/// Operands of `IN`.
const MOST_OPERANDS: usize = 100;
/// The types that `attribute_type` may ask for.
const TYPES: [&str; 10] = ["S", "SS", "N", "NS", "B", "BS", "BOOL", "NULL", "L", "M"];

/// A condition.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Condition {
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
    Compare(Operand, Comparison, Operand),
    Between(Operand, Operand, Operand),
    In(Operand, Vec<Operand>),
    Exists(Path),
    NotExists(Path),
    TypeIs(Path, String),
    BeginsWith(Operand, Operand),
    Contains(Operand, Operand),
}

/// Something with a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Operand {
    At(Path),
    Value(Value),
    /// How large what is there is.
    Size(Path),
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    const ALL: [(&'static str, Comparison); 6] = [
        ("=", Comparison::Equal),
        ("<>", Comparison::NotEqual),
        ("<=", Comparison::LessOrEqual),
        ("<", Comparison::Less),
        (">=", Comparison::GreaterOrEqual),
        (">", Comparison::Greater),
    ];

    fn sign(self) -> &'static str {
        Comparison::ALL.iter().find(|(_, it)| *it == self).map_or("", |(sign, _)| sign)
    }
}

impl Condition {
    /// The attributes that it looks at.
    pub(crate) fn attributes<'c>(&'c self, all: &mut Vec<&'c str>) {
        let mut operands: Vec<&'c Operand> = Vec::new();
        match self {
            Condition::And(one, other) | Condition::Or(one, other) => {
                one.attributes(all);
                other.attributes(all);
            }
            Condition::Not(inner) => inner.attributes(all),
            Condition::Exists(path) | Condition::NotExists(path) | Condition::TypeIs(path, _) => {
                all.push(path.attribute());
            }
            Condition::Compare(one, _, other)
            | Condition::BeginsWith(one, other)
            | Condition::Contains(one, other) => operands.extend([one, other]),
            Condition::Between(one, low, high) => operands.extend([one, low, high]),
            Condition::In(one, others) => operands.extend([one].into_iter().chain(others)),
        }
        all.extend(operands.into_iter().filter_map(|it| match it {
            Operand::At(path) | Operand::Size(path) => Some(path.attribute()),
            Operand::Value(_) => None,
        }));
    }
}

/// A condition and whether it was in parentheses of its own.
type Parsed = (Condition, bool);

/// `OR` binds less than `AND`, and that less than `NOT`.
pub(super) fn parse(parser: &mut Parser<'_>) -> Result<Condition, String> {
    any(parser).map(|(condition, _)| condition)
}

fn any(parser: &mut Parser<'_>) -> Result<Parsed, String> {
    let mut left = all(parser)?;
    while parser.takes_word("OR") {
        let right = all(parser)?;
        left = (Condition::Or(Box::new(left.0), Box::new(right.0)), false);
    }
    Ok(left)
}

fn all(parser: &mut Parser<'_>) -> Result<Parsed, String> {
    let mut left = not(parser)?;
    while parser.takes_word("AND") {
        let right = not(parser)?;
        left = (Condition::And(Box::new(left.0), Box::new(right.0)), false);
    }
    Ok(left)
}

fn not(parser: &mut Parser<'_>) -> Result<Parsed, String> {
    if parser.takes_word("NOT") {
        let (inner, _) = not(parser)?;
        return Ok((Condition::Not(Box::new(inner)), false));
    }
    if !parser.takes("(") {
        return test(parser).map(|it| (it, false));
    }
    let (inner, twice) = any(parser)?;
    parser.expect(")")?;
    match twice {
        true => Err("The expression has redundant parentheses;".to_owned()),
        false => Ok((inner, true)),
    }
}

fn test(parser: &mut Parser<'_>) -> Result<Condition, String> {
    let left = match parser.function() {
        None => operand(parser)?,
        Some(name) if name == "size" => size(parser)?,
        Some(name) => return function(parser, &name),
    };
    if parser.takes_word("BETWEEN") {
        let low = operand(parser)?;
        parser.expect_word("AND")?;
        let high = operand(parser)?;
        check_between(&low, &high)?;
        return Ok(Condition::Between(left, low, high));
    }
    if parser.takes_word("IN") {
        parser.expect("(")?;
        let mut operands = vec![operand(parser)?];
        while parser.takes(",") {
            operands.push(operand(parser)?);
        }
        parser.expect(")")?;
        return match operands.len() > MOST_OPERANDS {
            true => Err(format!("The IN operator has more than {MOST_OPERANDS} operands")),
            false => Ok(Condition::In(left, operands)),
        };
    }
    let comparison = Comparison::ALL.iter().find(|(sign, _)| parser.takes(sign));
    let Some((_, comparison)) = comparison else { return Err(parser.unexpected()) };
    let right = operand(parser)?;
    if left == right && matches!(left, Operand::At(_)) {
        return Err(format!(
            "The first operand must be distinct from the remaining operands for this operator or \
             function; operator: {}",
            comparison.sign()
        ));
    }
    for operand in [&left, &right] {
        if !matches!(comparison, Comparison::Equal | Comparison::NotEqual) {
            check_ordered(comparison.sign(), operand)?;
        }
    }
    Ok(Condition::Compare(left, *comparison, right))
}

/// Refuses a value that has no order.
fn check_ordered(operator: &str, operand: &Operand) -> Result<(), String> {
    match operand {
        Operand::Value(value) if !["S", "N", "B"].contains(&value.kind()) => Err(format!(
            "Incorrect operand type for operator or function; operator or function: {operator}, \
             operand type: {}",
            value.kind()
        )),
        _ => Ok(()),
    }
}

fn check_between(low: &Operand, high: &Operand) -> Result<(), String> {
    check_ordered("BETWEEN", low)?;
    check_ordered("BETWEEN", high)?;
    let (Operand::Value(low), Operand::Value(high)) = (low, high) else { return Ok(()) };
    if low.kind() != high.kind() {
        return Err(
            "The BETWEEN operator requires same data type for lower and upper bounds".into()
        );
    }
    match super::evaluate::order(low, high).is_some_and(|it| it.is_gt()) {
        true => Err(
            "The BETWEEN operator requires upper bound to be greater than or equal to lower bound"
                .into(),
        ),
        false => Ok(()),
    }
}

fn operand(parser: &mut Parser<'_>) -> Result<Operand, String> {
    if let Some(value) = parser.value()? {
        return Ok(Operand::Value(value));
    }
    match parser.function() {
        Some(name) if name == "size" => size(parser),
        Some(name) => Err(format!(
            "The function is not allowed to be used this way in an expression; function: {name}"
        )),
        None => parser.path().map(Operand::At),
    }
}

fn size(parser: &mut Parser<'_>) -> Result<Operand, String> {
    let path = parser.path()?;
    parser.expect(")")?;
    Ok(Operand::Size(path))
}

fn function(parser: &mut Parser<'_>, name: &str) -> Result<Condition, String> {
    let condition = match name {
        "attribute_exists" => Condition::Exists(parser.path()?),
        "attribute_not_exists" => Condition::NotExists(parser.path()?),
        "attribute_type" => {
            let path = parser.path()?;
            parser.expect(",")?;
            match parser.value()? {
                Some(Value::S(kind)) if TYPES.contains(&&*kind) => Condition::TypeIs(path, kind),
                Some(value) => {
                    return Err(format!("Invalid attribute type name found; type: {value}"));
                }
                None => return Err(parser.unexpected()),
            }
        }
        "begins_with" | "contains" => {
            let one = operand(parser)?;
            parser.expect(",")?;
            let other = operand(parser)?;
            if one == other {
                return Err(format!(
                    "The first operand must be distinct from the remaining operands for this \
                     operator or function; operator: {name}"
                ));
            }
            match (name, &other) {
                ("contains", _) => Condition::Contains(one, other),
                (_, Operand::Value(value)) if !["S", "B"].contains(&value.kind()) => {
                    return Err(format!(
                        "Incorrect operand type for operator or function; operator or function: \
                         begins_with, operand type: {}",
                        value.kind()
                    ));
                }
                _ => Condition::BeginsWith(one, other),
            }
        }
        _ => return Err(format!("Invalid function name; function: {name}")),
    };
    match parser.takes(")") {
        true => Ok(condition),
        false => Err(match parser.peek() {
            Some(Token::Word(word)) if is_reserved(word) => {
                format!("Attribute name is a reserved keyword; reserved keyword: {word}")
            }
            _ => format!("Incorrect number of operands for operator or function; operator: {name}"),
        }),
    }
}
