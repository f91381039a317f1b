//! Updates: `SET a = :a, n = n + :one REMOVE b ADD c :d DELETE e :f`.
//! Source: DynamoDB Developer Guide, "Update expressions".

use super::{
    parser::Parser,
    path::{Path, check_apart},
    token::Token,
};
use crate::{
    dynamodb::{
        number::Number,
        validation,
        value::{Item, Set, Value},
    },
    refusal::Refusal,
};

/// What an item is to become.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Update {
    sets: Vec<(Path, Source)>,
    removes: Vec<Path>,
    adds: Vec<(Path, Value)>,
    deletes: Vec<(Path, Value)>,
}

/// What an attribute is set to.
#[derive(Clone, Debug, PartialEq)]
enum Source {
    Value(Value),
    At(Path),
    /// What is there, or else the other.
    IfNotExists(Path, Box<Source>),
    /// Two lists, one after the other.
    Append(Box<Source>, Box<Source>),
    Plus(Box<Source>, Box<Source>),
    Minus(Box<Source>, Box<Source>),
}

pub(super) fn parse(parser: &mut Parser<'_>) -> Result<Update, String> {
    let mut update = Update::default();
    let mut clauses: Vec<&str> = Vec::new();
    while parser.peek().is_some() {
        let clause =
            ["SET", "REMOVE", "ADD", "DELETE"].into_iter().find(|it| parser.takes_word(it));
        let Some(clause) = clause else { return Err(parser.unexpected()) };
        if clauses.contains(&clause) {
            return Err(format!(
                "The \"{clause}\" section can only be used once in an update expression;"
            ));
        }
        clauses.push(clause);
        loop {
            let path = parser.path()?;
            match clause {
                "SET" => {
                    parser.expect("=")?;
                    update.sets.push((path, source(parser)?));
                }
                "REMOVE" => update.removes.push(path),
                _ => {
                    let operand = parser.value()?.ok_or_else(|| parser.unexpected())?;
                    let is_set =
                        matches!(operand, Value::Texts(_) | Value::Numbers(_) | Value::Binaries(_));
                    let is_number = matches!(operand, Value::N(_)) && clause == "ADD";
                    if !is_set && !is_number {
                        return Err(format!(
                            "Incorrect operand type for operator or function; operator: {clause}, \
                             operand type: {}",
                            operand.kind()
                        ));
                    }
                    if !path.is_attribute() {
                        return Err(format!("{clause} only supports top-level attributes: {path}"));
                    }
                    match clause {
                        "ADD" => update.adds.push((path, operand)),
                        _ => update.deletes.push((path, operand)),
                    }
                }
            }
            if !parser.takes(",") {
                break;
            }
        }
    }
    check_apart(&update.paths().cloned().collect::<Vec<_>>())?;
    Ok(update)
}

/// `operand`, `operand + operand`, `operand - operand`.
fn source(parser: &mut Parser<'_>) -> Result<Source, String> {
    let left = operand(parser)?;
    let plus = parser.takes("+");
    if !plus && !parser.takes("-") {
        return Ok(left);
    }
    let right = operand(parser)?;
    for operand in [&left, &right] {
        if let Source::Value(value) = operand
            && !matches!(value, Value::N(_))
        {
            return Err(format!(
                "Incorrect operand type for operator or function; operator or function: {}, \
                 operand type: {}",
                if plus { "+" } else { "-" },
                value.kind()
            ));
        }
    }
    let (left, right) = (Box::new(left), Box::new(right));
    Ok(if plus { Source::Plus(left, right) } else { Source::Minus(left, right) })
}

fn operand(parser: &mut Parser<'_>) -> Result<Source, String> {
    if parser.takes("(") {
        if matches!(parser.peek(), Some(Token::Sign("("))) {
            return Err("The expression has redundant parentheses;".to_owned());
        }
        let inner = source(parser)?;
        parser.expect(")")?;
        return Ok(inner);
    }
    if let Some(value) = parser.value()? {
        return Ok(Source::Value(value));
    }
    let Some(function) = parser.function() else { return parser.path().map(Source::At) };
    let source = match &*function {
        "if_not_exists" => {
            let path = parser.path()?;
            parser.expect(",")?;
            Source::IfNotExists(path, Box::new(operand(parser)?))
        }
        "list_append" => {
            let one = operand(parser)?;
            parser.expect(",")?;
            let other = operand(parser)?;
            for operand in [&one, &other] {
                if let Source::Value(value) = operand
                    && !matches!(value, Value::L(_))
                {
                    return Err(format!(
                        "Incorrect operand type for operator or function; operator or function: \
                         list_append, operand type: {}",
                        value.kind()
                    ));
                }
            }
            Source::Append(Box::new(one), Box::new(other))
        }
        _ => return Err(format!("Invalid function name; function: {function}")),
    };
    parser.expect(")")?;
    Ok(source)
}

impl Update {
    /// Every path that it changes.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        let sets = self.sets.iter().map(|(path, _)| path);
        let others = self.adds.iter().chain(&self.deletes).map(|(path, _)| path);
        sets.chain(&self.removes).chain(others)
    }

    /// What an item becomes. Everything is worked out from what it was.
    pub(crate) fn apply(&self, old: &Item) -> Result<Item, Refusal> {
        let mut new = old.clone();
        let values: Result<Vec<_>, Refusal> =
            self.sets.iter().map(|(path, source)| Ok((path, source.of(old)?))).collect();
        for (path, value) in values? {
            if !path.put(&mut new, value) {
                return Err(invalid_path());
            }
        }
        for (path, operand) in &self.adds {
            let value = added(path.of(old), operand)?;
            new.insert(path.attribute().to_owned(), value);
        }
        for (path, operand) in &self.deletes {
            let Some(value) = path.of(old) else { continue };
            match deleted(value, operand)? {
                Some(value) => new.insert(path.attribute().to_owned(), value),
                None => new.remove(path.attribute()),
            };
        }
        // From the end of each list: what is taken away must not move what is next.
        let mut removes: Vec<&Path> = self.removes.iter().collect();
        removes.sort_by_key(|it| std::cmp::Reverse(it.last_index()));
        for path in removes {
            if !path.remove(&mut new) {
                return Err(invalid_path());
            }
        }
        new.values().try_for_each(Value::check)?;
        Ok(new)
    }
}

fn invalid_path() -> Refusal {
    validation("The document path provided in the update expression is invalid for update")
}

fn wrong_type() -> Refusal {
    validation("An operand in the update expression has an incorrect data type")
}

impl Source {
    fn of(&self, item: &Item) -> Result<Value, Refusal> {
        match self {
            Source::Value(value) => Ok(value.clone()),
            Source::At(path) => path.of(item).cloned().ok_or_else(|| {
                validation(
                    "The provided expression refers to an attribute that does not exist in the item",
                )
            }),
            Source::IfNotExists(path, other) => match path.of(item) {
                Some(value) => Ok(value.clone()),
                None => other.of(item),
            },
            Source::Append(one, other) => match (one.of(item)?, other.of(item)?) {
                (Value::L(one), Value::L(other)) => Ok(Value::L([one, other].concat())),
                _ => Err(wrong_type()),
            },
            Source::Plus(one, other) => calculate(one, other, item, Number::plus),
            Source::Minus(one, other) => calculate(one, other, item, Number::minus),
        }
    }
}

fn calculate(
    one: &Source,
    other: &Source,
    item: &Item,
    calculate: impl FnOnce(Number, Number) -> Result<Number, crate::dynamodb::number::BadNumber>,
) -> Result<Value, Refusal> {
    match (one.of(item)?, other.of(item)?) {
        (Value::N(one), Value::N(other)) => {
            calculate(one, other).map(Value::N).map_err(|bad| validation(bad.message()))
        }
        _ => Err(wrong_type()),
    }
}

/// A number with another added, or a set with another's elements.
fn added(old: Option<&Value>, operand: &Value) -> Result<Value, Refusal> {
    let union = |one: &Value| match (one, operand) {
        (Value::N(one), Value::N(other)) => {
            one.plus(*other).map(Value::N).map_err(|bad| validation(bad.message()))
        }
        (Value::Texts(one), Value::Texts(other)) => {
            Ok(Value::Texts(Set(one.0.union(&other.0).cloned().collect())))
        }
        (Value::Numbers(one), Value::Numbers(other)) => {
            Ok(Value::Numbers(Set(one.0.union(&other.0).copied().collect())))
        }
        (Value::Binaries(one), Value::Binaries(other)) => {
            Ok(Value::Binaries(Set(one.0.union(&other.0).cloned().collect())))
        }
        _ => Err(wrong_type()),
    };
    old.map_or_else(|| Ok(operand.clone()), union)
}

/// A set without another's elements. `None`: none is left.
fn deleted(old: &Value, operand: &Value) -> Result<Option<Value>, Refusal> {
    fn rest<T: Ord + Clone>(one: &Set<T>, other: &Set<T>) -> Option<Set<T>> {
        let rest: std::collections::BTreeSet<T> = one.0.difference(&other.0).cloned().collect();
        (!rest.is_empty()).then_some(Set(rest))
    }
    match (old, operand) {
        (Value::Texts(one), Value::Texts(other)) => Ok(rest(one, other).map(Value::Texts)),
        (Value::Numbers(one), Value::Numbers(other)) => Ok(rest(one, other).map(Value::Numbers)),
        (Value::Binaries(one), Value::Binaries(other)) => Ok(rest(one, other).map(Value::Binaries)),
        _ => Err(wrong_type()),
    }
}
