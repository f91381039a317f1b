//! A question about a resource in CEL, as written in `select.where`.
//!
//! <https://github.com/google/cel-spec/blob/master/doc/langdef.md>, with these variables:
//! `target` (the documented fields of the resource), `tags` (a map), `account`, `region`
//! (texts) and `now` (a timestamp).
//!
//! What cannot be known is not guessed:
//!
//! * An attribute that is `null` or missing is unknown, and a condition that depends on it has
//!   no answer. It does not depend on it when the rest decides: `false && …`, `true || …`, and
//!   the same the other way round.
//! * A tag that is not there is known not to be there. A condition that fails because of it
//!   does not select; `has(tags.team)` and `"team" in tags` ask first.
//! * Any other failure, such as a division by zero, leaves the condition without an answer.

mod check;
mod scan;
mod syntax;
mod types;
mod values;

use std::{
    collections::HashMap,
    fmt,
    hash::{Hash, Hasher},
    sync::{Arc, LazyLock, OnceLock},
};

use cel::{
    Context, Env, ExecutionError, Value,
    common::{
        ast::{IdedExpr, SourceInfo},
        types::CelBool,
    },
    extractors::This,
};
use jiff::Timestamp;
use regex::Regex;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::{Candidate, Fields, Selected};
use crate::fault::shortened;

/// CEL's standard functions and macros, without optional values: what is unknown is not to be
/// silently replaced.
static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut environment = Env::stdlib().with_optional_support(false);
    environment.set_error_on_duplicate_map_keys(true);
    Arc::new(environment)
});

/// A CEL expression that was parsed, with its text. Two are equal when their texts are.
///
/// Texts are limited: 4 KiB, 500 words and signs, 8 brackets open at one time, 24 levels of
/// operators, and two `exists`, `all`, `map` … in each other.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Condition(Arc<Parsed>);

struct Parsed {
    source: String,
    expression: IdedExpr,
    places: SourceInfo,
    /// What all evaluations share: the functions, and `matches` with its compiled patterns.
    context: Context<'static, 'static>,
}

/// What is wrong with a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionError {
    /// What is wrong, and what was expected.
    pub message: String,
    /// Where, in characters from the start of the text.
    pub offset: Option<usize>,
    /// What was perhaps meant.
    pub hint: Option<String>,
}

impl Condition {
    /// Parses a condition. Whether its fields exist and its types fit is for [`check`].
    ///
    /// [`check`]: Condition::check
    pub fn parse(source: impl Into<String>) -> Result<Condition, ConditionError> {
        let source = source.into();
        scan::scan(&source)?;
        let (expression, places) = ENVIRONMENT
            .parser()
            .parse_with_source_info(&source)
            .map_err(|errors| syntax::explain(&source, &errors))?;
        let patterns = syntax::verify(&source, &expression, &places)?;
        let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
        context
            .add_function("matches", move |This(text): This<Arc<String>>, pattern: Arc<String>| {
                matches(&patterns, &text, &pattern)
            })
            .map_err(|conflict| ConditionError::new(conflict.to_string()))?;
        Ok(Condition(Arc::new(Parsed { source, expression, places, context })))
    }

    /// The text that was parsed.
    pub fn as_str(&self) -> &str {
        &self.0.source
    }

    /// Checks the condition against the fields of the resources that it will be asked about:
    /// unknown names, comparisons and arithmetic that can never work, and a result that is not
    /// true or false. What CEL only knows when it runs is not found here.
    pub fn check(&self, fields: &Fields) -> Result<(), ConditionError> {
        check::check(&self.0, fields)
    }

    /// Whether the condition holds for a resource. Of a condition that passed [`check`] with
    /// the candidate's fields the answer is never unknown without an unknown attribute or a
    /// failing computation.
    ///
    /// [`check`]: Condition::check
    pub fn holds(&self, candidate: &Candidate<'_>, now: Timestamp) -> Selected {
        let variables = values::Variables { candidate, now, unknown: OnceLock::new() };
        let mut context = self.0.context.new_inner_scope();
        context.set_variable_resolver(&variables);
        let answer = Value::resolve_val(&self.0.expression, &context);
        let truth = answer.map(|value| value.downcast_ref::<CelBool>().map(|it| *it.inner()));
        match (truth, variables.unknown.get()) {
            (Ok(Some(true)), _) => Selected::Yes,
            (Ok(Some(false)), _) => Selected::No,
            (Ok(None), _) => Selected::Unknown("the condition is not true or false".to_owned()),
            (Err(_), Some(name)) => Selected::Unknown(format!("`{name}` is not known")),
            (Err(ExecutionError::NoSuchKey(key)), None) if *key == values::MISSING_TAG => {
                Selected::No
            }
            (Err(error), None) => {
                Selected::Unknown(format!("the condition has no answer: {}", shorten(&error)))
            }
        }
    }
}

/// The library's own words, bounded: they may hold values of the resource.
fn shorten(error: &ExecutionError) -> String {
    shortened(error, 200)
}

fn matches(
    patterns: &HashMap<String, Regex>,
    text: &str,
    pattern: &str,
) -> Result<bool, ExecutionError> {
    let pattern = patterns
        .get(pattern)
        .ok_or_else(|| ExecutionError::function_error("matches", "the pattern is not a literal"))?;
    Ok(pattern.is_match(text))
}

impl TryFrom<String> for Condition {
    type Error = ConditionError;

    fn try_from(source: String) -> Result<Condition, ConditionError> {
        Condition::parse(source)
    }
}

impl From<Condition> for String {
    fn from(condition: Condition) -> String {
        condition.0.source.clone()
    }
}

impl std::str::FromStr for Condition {
    type Err = ConditionError;

    fn from_str(source: &str) -> Result<Condition, ConditionError> {
        Condition::parse(source)
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Condition) -> bool {
        self.0.source == other.0.source
    }
}

impl Eq for Condition {}

impl Hash for Condition {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.source.hash(state);
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Condition").field(&self.0.source).finish()
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.source)
    }
}

impl JsonSchema for Condition {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Condition".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A CEL expression over `target` (the fields of the resource), `tags`, \
                            `account`, `region` and `now` that is true or false.",
            "type": "string",
            "examples": ["target.size_gib >= 10 && target.state == \"in-use\""],
        })
    }
}

impl ConditionError {
    fn new(message: impl Into<String>) -> ConditionError {
        ConditionError { message: message.into(), offset: None, hint: None }
    }

    /// The same error at this place of the text, given in bytes.
    fn at_byte(self, source: &str, byte: usize) -> ConditionError {
        let offset = source.char_indices().take_while(|(at, _)| *at < byte).count();
        ConditionError { offset: Some(offset), ..self }
    }

    fn with_hint(self, hint: impl Into<String>) -> ConditionError {
        ConditionError { hint: Some(hint.into()), ..self }
    }
}

/// The message, the place (counted from 1) and the hint in one line.
impl fmt::Display for ConditionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(offset) = self.offset {
            write!(f, " (character {})", offset + 1)?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "; {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConditionError {}

#[cfg(test)]
mod tests;
