//! Expressions: conditions, updates, keys of queries, and which attributes are answered.
//! Source: DynamoDB Developer Guide, "Expressions in DynamoDB".

mod condition;
mod evaluate;
mod key_condition;
mod parser;
mod path;
mod token;
mod update;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

pub(crate) use condition::Condition;
pub(crate) use key_condition::KeyCondition;
pub(crate) use path::Path;
pub(crate) use update::Update;

use super::{validation, value::Value};
use crate::refusal::Refusal;
use parser::Parser;

/// Bytes of an expression.
const LONGEST: usize = 4096;
/// Bytes of a placeholder.
const LONGEST_PLACEHOLDER: usize = 255;

/// What the placeholders of a request's expressions stand for. Each must be used.
pub(crate) struct Placeholders<'p> {
    names: &'p BTreeMap<String, String>,
    values: &'p BTreeMap<String, Value>,
    used: RefCell<BTreeSet<String>>,
}

impl<'p> Placeholders<'p> {
    /// Refuses placeholders that cannot be.
    pub(crate) fn new(
        names: &'p BTreeMap<String, String>,
        values: &'p BTreeMap<String, Value>,
    ) -> Result<Placeholders<'p>, Refusal> {
        for (member, sign, placeholder) in names
            .keys()
            .map(|it| ("ExpressionAttributeNames", '#', it))
            .chain(values.keys().map(|it| ("ExpressionAttributeValues", ':', it)))
        {
            let letter = |it: u8| it.is_ascii_alphanumeric() || it == b'_';
            let rest = placeholder.strip_prefix(sign).unwrap_or_default();
            if rest.is_empty()
                || placeholder.len() > LONGEST_PLACEHOLDER
                || !rest.bytes().all(letter)
            {
                return Err(validation(format!(
                    "{member} contains invalid key: Syntax error; key: \"{placeholder}\""
                )));
            }
        }
        values.values().try_for_each(Value::check)?;
        Ok(Placeholders { names, values, used: RefCell::default() })
    }

    fn name(&self, placeholder: &str) -> Result<String, String> {
        self.used.borrow_mut().insert(placeholder.to_owned());
        self.names.get(placeholder).cloned().ok_or_else(|| {
            format!(
                "An expression attribute name used in the document path is not defined; \
                 attribute name: {placeholder}"
            )
        })
    }

    fn value(&self, placeholder: &str) -> Result<Value, String> {
        self.used.borrow_mut().insert(placeholder.to_owned());
        self.values.get(placeholder).cloned().ok_or_else(|| {
            format!(
                "An expression attribute value used in expression is not defined; attribute \
                 value: {placeholder}"
            )
        })
    }

    /// Refuses placeholders that no expression has used.
    pub(crate) fn check_used(&self) -> Result<(), Refusal> {
        let used = self.used.borrow();
        let unused =
            |member: &str, keys: Vec<&String>| match keys.iter().find(|it| !used.contains(**it)) {
                None => Ok(()),
                Some(key) => Err(validation(format!(
                    "Value provided in {member} unused in expressions: keys: {{{key}}}"
                ))),
            };
        unused("ExpressionAttributeNames", self.names.keys().collect())?;
        unused("ExpressionAttributeValues", self.values.keys().collect())
    }

    /// Understands a condition, of the member of that name.
    pub(crate) fn condition(&self, member: &str, text: &str) -> Result<Condition, Refusal> {
        self.parse(member, text, condition::parse)
    }

    /// Understands an update.
    pub(crate) fn update(&self, text: &str) -> Result<Update, Refusal> {
        self.parse("UpdateExpression", text, update::parse)
    }

    /// Understands which attributes are answered.
    pub(crate) fn projection(&self, text: &str) -> Result<Vec<Path>, Refusal> {
        self.parse("ProjectionExpression", text, |parser| {
            let mut paths = vec![parser.path()?];
            while parser.takes(",") {
                paths.push(parser.path()?);
            }
            path::check_apart(&paths)?;
            Ok(paths)
        })
    }

    fn parse<T>(
        &self,
        member: &str,
        text: &str,
        parse: impl FnOnce(&mut Parser<'_>) -> Result<T, String>,
    ) -> Result<T, Refusal> {
        let whole = || {
            if text.trim().is_empty() {
                return Err("The expression can not be empty;".to_owned());
            }
            if text.len() > LONGEST {
                return Err(format!("Expression size has exceeded the maximum of {LONGEST} bytes"));
            }
            let mut parser = Parser::new(text, self)?;
            let parsed = parse(&mut parser)?;
            parser.end()?;
            Ok(parsed)
        };
        whole().map_err(|wrong| validation(format!("Invalid {member}: {wrong}")))
    }
}

#[cfg(test)]
mod tests;
