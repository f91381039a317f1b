//! From text to tree: the parser's complaints in our words, and bounds on the tree.

use std::collections::HashMap;

use cel::{
    ParseErrors,
    common::ast::{EntryExpr, Expr, IdedExpr, LiteralValue, SourceInfo},
};
use regex::{Regex, RegexBuilder};

use super::ConditionError;

/// Most levels of a tree. Each takes about 35 KiB of stack to evaluate in a debug build.
const DEPTH_MAX: usize = 24;
/// Most loops (`exists`, `all`, `map` …) in each other: they multiply the time.
const LOOPS_MAX: usize = 2;
/// Most memory of one compiled pattern of `matches`, in bytes.
const PATTERN_SIZE_MAX: usize = 1 << 20;

/// The first of the parser's errors.
pub(super) fn explain(source: &str, errors: &ParseErrors) -> ConditionError {
    let Some(first) = errors.errors.first() else {
        return ConditionError::new("this is not a CEL expression");
    };
    let (line, column) = first.pos;
    let before: usize = usize::try_from(line - 1).map_or(0, |lines| {
        source.split_inclusive('\n').take(lines).map(|line| line.chars().count()).sum()
    });
    let offset = before + usize::try_from(column - 1).unwrap_or(0);
    let error = match unexpected(&first.msg) {
        Some((found, expected)) => {
            let found = match found {
                "<EOF>" => "the condition ends here".to_owned(),
                found => format!("unexpected `{found}`"),
            };
            let error = ConditionError::new(format!("{found}, expected {expected}"));
            match source.chars().skip(offset).collect::<String>() {
                rest if rest.starts_with("and ") => error.with_hint("CEL writes `&&`"),
                rest if rest.starts_with("or ") => error.with_hint("CEL writes `||`"),
                _ if source.trim_start().starts_with("not ") => error.with_hint("CEL writes `!`"),
                _ => error,
            }
        }
        None => ConditionError::new(first.msg.trim_start_matches("Syntax error: ")),
    };
    ConditionError { offset: Some(offset), ..error }
}

/// The token and what was expected instead, from the words of the generated parser:
/// `mismatched input 'x' expecting {…}`.
fn unexpected(message: &str) -> Option<(&str, &'static str)> {
    let (_, rest) = message.split_once(" input '")?;
    let (found, expecting) = rest.split_once("' expecting ").unwrap_or((rest, ""));
    let expected = match expecting {
        // An identifier is in the set wherever a value may begin.
        set if set.contains("IDENTIFIER") => "a value",
        set if set.contains("&&") => "an operator",
        "<EOF>" => "the end",
        _ => "something else",
    };
    Some((found.trim_end_matches('\''), expected))
}

/// Fails on a tree that is too deep to evaluate, or that has what no condition needs.
/// Otherwise returns the compiled patterns of its calls of `matches`, by their texts.
pub(super) fn verify(
    source: &str,
    expression: &IdedExpr,
    places: &SourceInfo,
) -> Result<HashMap<String, Regex>, ConditionError> {
    let mut verifier = Verifier { source, places, patterns: HashMap::new() };
    verifier.visit(expression, 1, 0)?;
    Ok(verifier.patterns)
}

/// The error at the place of this part of the tree.
pub(super) fn error_at(
    source: &str,
    places: &SourceInfo,
    part: &IdedExpr,
    message: impl Into<String>,
) -> ConditionError {
    let error = ConditionError::new(message);
    let (part, function) = start(part);
    match places.offset_for(part.id) {
        Some((byte, _)) => {
            let byte = byte as usize;
            let name = source.get(..byte).filter(|before| before.ends_with(function));
            error.at_byte(source, name.map_or(byte, |before| before.len() - function.len()))
        }
        None => error,
    }
}

/// The leftmost part, and the name that stands before its recorded place. The parser records
/// the place of an operator's sign, and of a call's opening bracket.
fn start(part: &IdedExpr) -> (&IdedExpr, &str) {
    match &part.expr {
        Expr::Select(select) if select.test => (part, "has"),
        Expr::Select(select) => start(&select.operand),
        Expr::Comprehension(comprehension) => start(&comprehension.iter_range),
        Expr::Struct(built) => (part, &built.type_name),
        Expr::Call(call) => match (&call.target, call.args.as_slice()) {
            (Some(target), _) => start(target),
            (None, [left, _, ..]) if call.func_name.starts_with(['_', '@']) => start(left),
            (None, _) => (part, &call.func_name),
        },
        _ => (part, ""),
    }
}

struct Verifier<'s> {
    source: &'s str,
    places: &'s SourceInfo,
    patterns: HashMap<String, Regex>,
}

impl Verifier<'_> {
    fn visit(&mut self, part: &IdedExpr, depth: usize, loops: usize) -> Result<(), ConditionError> {
        if depth > DEPTH_MAX {
            // Without a place: finding the leftmost part would go down the whole tree.
            return Err(ConditionError::new(format!(
                "more than {DEPTH_MAX} operators apply to each other's results"
            )));
        }
        let mut loops = loops;
        match &part.expr {
            Expr::Call(call) if call.func_name == "matches" => match call.args.last() {
                Some(pattern) => self.compile(pattern)?,
                None => return Err(self.error(part, "`matches` takes a pattern")),
            },
            Expr::Comprehension(_) => {
                loops += 1;
                if loops > LOOPS_MAX {
                    let message = format!("more than {LOOPS_MAX} loops are in each other here");
                    return Err(self.error(part, message));
                }
            }
            Expr::Struct(built) => {
                let message = format!("there is no type `{}` to build", built.type_name);
                return Err(self.error(part, message));
            }
            Expr::Literal(LiteralValue::Bytes(_)) => {
                return Err(self.error(part, "a condition has no use for bytes"));
            }
            Expr::Unspecified => return Err(self.error(part, "this is not a CEL expression")),
            _ => {}
        }
        children(part).into_iter().try_for_each(|child| self.visit(child, depth + 1, loops))
    }

    fn compile(&mut self, pattern: &IdedExpr) -> Result<(), ConditionError> {
        let Expr::Literal(LiteralValue::String(text)) = &pattern.expr else {
            return Err(self.error(pattern, "the pattern of `matches` must be a text in quotes"));
        };
        let compiled = RegexBuilder::new(text.inner()).size_limit(PATTERN_SIZE_MAX).build();
        let compiled = compiled.map_err(|error| {
            let reason = match &error {
                regex::Error::CompiledTooBig(_) => "it is too big".to_owned(),
                // The reason is the last line of a drawing of the pattern.
                error => error.to_string().lines().last().unwrap_or_default().to_owned(),
            };
            let reason = reason.trim_start_matches("error: ");
            self.error(pattern, format!("this is not a regular expression: {reason}"))
        })?;
        self.patterns.insert(text.inner().to_owned(), compiled);
        Ok(())
    }

    fn error(&self, part: &IdedExpr, message: impl Into<String>) -> ConditionError {
        error_at(self.source, self.places, part, message)
    }
}

fn children(part: &IdedExpr) -> Vec<&IdedExpr> {
    match &part.expr {
        Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).collect(),
        Expr::Comprehension(it) => {
            vec![&it.iter_range, &it.accu_init, &it.loop_cond, &it.loop_step, &it.result]
        }
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Map(map) => map
            .entries
            .iter()
            .flat_map(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
                EntryExpr::StructField(field) => vec![&field.value],
            })
            .collect(),
        Expr::Select(select) => vec![&select.operand],
        Expr::Struct(_) | Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => Vec::new(),
    }
}
