//! Whether a condition can work on a kind of resource: names, types, and what it results in.

use cel::{
    Value,
    common::ast::{
        CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, SelectExpr,
        operators as op,
    },
};

use super::{
    ConditionError, Parsed,
    syntax::error_at,
    types::{Class, FUNCTIONS, MACROS, Signature, Type},
};
use crate::select::Fields;

/// How like another a name must be to be suggested, from 0 to 1.
const LIKENESS_MIN: f64 = 0.8;

/// The variables that every condition has.
const VARIABLES: [&str; 5] = ["target", "tags", "account", "region", "now"];

type Checked<'f> = Result<Type<'f>, ConditionError>;

/// See [`Condition::check`](super::Condition::check).
pub(super) fn check(parsed: &Parsed, fields: &Fields) -> Result<(), ConditionError> {
    let mut checker = Checker { parsed, fields, locals: Vec::new() };
    let expression = &parsed.expression;
    match checker.infer(expression)? {
        Type::Bool | Type::Any => Ok(()),
        result => Err(checker.error(
            expression,
            format!("a condition must be true or false, the result of this is {result}"),
        )),
    }
}

struct Checker<'f> {
    parsed: &'f Parsed,
    fields: &'f Fields,
    /// The variables of the loops around the current part, innermost last.
    locals: Vec<(&'f str, Type<'f>)>,
}

impl<'f> Checker<'f> {
    fn infer(&mut self, part: &'f IdedExpr) -> Checked<'f> {
        match &part.expr {
            Expr::Literal(literal) => Ok(match literal {
                LiteralValue::Boolean(_) => Type::Bool,
                LiteralValue::Int(_) => Type::Int,
                LiteralValue::UInt(_) => Type::Uint,
                LiteralValue::Double(_) => Type::Double,
                LiteralValue::String(_) => Type::Text,
                LiteralValue::Null => Type::Null,
                LiteralValue::Bytes(_) => Type::Any,
            }),
            Expr::Ident(name) => self.variable(part, name),
            Expr::Select(select) => self.select(part, select),
            Expr::Call(call) => self.call(part, call),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::List(list) => {
                Ok(Type::List(Box::new(self.join(list.elements.iter().collect())?)))
            }
            Expr::Map(map) => {
                let mut values = Vec::new();
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        self.infer(&entry.key)?;
                        values.push(&entry.value);
                    }
                }
                Ok(Type::Map(Box::new(self.join(values)?)))
            }
            Expr::Struct(_) | Expr::Unspecified => Ok(Type::Any),
        }
    }

    /// What every one of these is.
    fn join(&mut self, parts: Vec<&'f IdedExpr>) -> Checked<'f> {
        let mut joined: Option<Type<'f>> = None;
        for part in parts {
            let next = self.infer(part)?;
            joined = Some(match joined {
                // A list may hold what is not alike; then nothing is known of it.
                Some(joined) => joined.common(next).unwrap_or(Type::Any),
                None => next,
            });
        }
        Ok(joined.unwrap_or(Type::Nothing))
    }

    fn variable(&self, part: &IdedExpr, name: &str) -> Checked<'f> {
        if let Some((_, local)) = self.locals.iter().rev().find(|(local, _)| *local == name) {
            return Ok(local.clone());
        }
        // A leading dot names what is outside of all loops.
        match name.trim_start_matches('.') {
            "target" => Ok(Type::Record(self.fields)),
            "tags" => Ok(Type::Map(Box::new(Type::Text))),
            "account" | "region" => Ok(Type::Text),
            "now" => Ok(Type::Time),
            name => {
                let error = self.error(part, format!("there is no variable `{name}`"));
                if self.fields.get(name).is_some() {
                    return Err(error.with_hint(format!("did you mean `target.{name}`?")));
                }
                let locals = self.locals.iter().map(|(local, _)| *local);
                Err(suggest(error, name, VARIABLES.into_iter().chain(locals)))
            }
        }
    }

    fn select(&mut self, part: &'f IdedExpr, select: &'f SelectExpr) -> Checked<'f> {
        let operand = self.infer(&select.operand)?;
        if select.test {
            return match operand {
                Type::Map(_) | Type::Any => Ok(Type::Bool),
                Type::Record(_) => Err(self
                    .error(part, "`has` asks whether a tag is there, not about fields".to_owned())
                    .with_hint(
                        "a field that is not known leaves the condition without an answer, \
                         unless the rest decides",
                    )),
                other => Err(self.error(part, format!("{other} has no `{}`", select.field))),
            };
        }
        self.entry(part, operand, &select.field)
    }

    /// The type of `operand.name`.
    fn entry(&self, part: &IdedExpr, operand: Type<'f>, name: &str) -> Checked<'f> {
        match operand {
            Type::Any => Ok(Type::Any),
            Type::Map(values) => Ok(*values),
            Type::Record(fields) => match fields.get(name) {
                Some(field) => Ok(Type::of(&field.kind)),
                None => {
                    let error = self.error(part, format!("there is no field `{name}`"));
                    Err(suggest(error, name, fields.iter().map(|(name, _)| name)))
                }
            },
            other => Err(self.error(part, format!("{other} has no `{name}`"))),
        }
    }

    fn comprehension(&mut self, it: &'f ComprehensionExpr) -> Checked<'f> {
        let element = match self.infer(&it.iter_range)? {
            Type::List(element) => *element,
            Type::Map(_) => Type::Text,
            Type::Any => Type::Any,
            other => {
                return Err(self.error(&it.iter_range, format!("{other} is nothing to go through")));
            }
        };
        let start = self.infer(&it.accu_init)?;
        let outside = self.locals.len();
        self.locals.push((&it.accu_var, start));
        self.locals.push((&it.iter_var, element));
        self.infer(&it.loop_cond)?;
        let collected = self.infer(&it.loop_step)?;
        self.locals.truncate(outside);
        self.locals.push((&it.accu_var, collected));
        let result = self.infer(&it.result);
        self.locals.truncate(outside);
        result
    }

    fn call(&mut self, part: &'f IdedExpr, call: &'f CallExpr) -> Checked<'f> {
        match (call.func_name.as_str(), call.args.as_slice()) {
            (op::LOGICAL_AND | op::LOGICAL_OR, [left, right]) => {
                self.truth(left)?;
                self.truth(right)?;
                Ok(Type::Bool)
            }
            (op::LOGICAL_NOT | op::NOT_STRICTLY_FALSE, [operand]) => {
                self.truth(operand)?;
                Ok(Type::Bool)
            }
            (op::CONDITIONAL, [condition, yes, no]) => {
                self.truth(condition)?;
                let (one, other) = (self.infer(yes)?, self.infer(no)?);
                let message = format!("this is either {one} or {other}, which are not alike");
                one.common(other).ok_or_else(|| self.error(part, message))
            }
            (op::EQUALS | op::NOT_EQUALS, [left, right]) => self.equality(part, left, right),
            (op::LESS | op::LESS_EQUALS | op::GREATER | op::GREATER_EQUALS, [left, right]) => {
                let (one, other) = (self.infer(left)?, self.infer(right)?);
                if one.may_equal(&other) && one.is_ordered() && other.is_ordered() {
                    return Ok(Type::Bool);
                }
                Err(self.error(part, format!("{one} and {other} have no order")))
            }
            (op::IN, [element, container]) => self.membership(part, element, container),
            (op::INDEX, [container, index]) => self.index(part, container, index),
            (op::NEGATE, [operand]) => match self.infer(operand)? {
                number @ (Type::Int | Type::Double | Type::Any) => Ok(number),
                other => Err(self.error(part, format!("{other} cannot be negated"))),
            },
            (
                sign @ (op::ADD | op::SUBSTRACT | op::MULTIPLY | op::DIVIDE | op::MODULO),
                [left, right],
            ) => {
                let (one, other) = (self.infer(left)?, self.infer(right)?);
                self.arithmetic(part, sign.trim_matches('_'), one, other)
            }
            _ => self.function(part, call),
        }
    }

    fn equality(
        &mut self,
        part: &'f IdedExpr,
        left: &'f IdedExpr,
        right: &'f IdedExpr,
    ) -> Checked<'f> {
        let (one, other) = (self.infer(left)?, self.infer(right)?);
        if one == Type::Null || other == Type::Null {
            let error = self.error(part, "nothing is ever equal to `null`".to_owned());
            return Err(error.with_hint(
                "what is `null` is not known: a condition that depends on it has no answer",
            ));
        }
        if [&one, &other].iter().any(|it| matches!(it, Type::Record(_) | Type::Map(_))) {
            return Err(self.error(part, format!("{one} and {other} are not compared whole")));
        }
        if !one.may_equal(&other) {
            return Err(self.error(part, format!("{one} is never equal to {other}")));
        }
        self.choice(&one, right)?;
        self.choice(&other, left)?;
        Ok(Type::Bool)
    }

    fn membership(
        &mut self,
        part: &'f IdedExpr,
        element: &'f IdedExpr,
        container: &'f IdedExpr,
    ) -> Checked<'f> {
        let one = self.infer(element)?;
        match self.infer(container)? {
            Type::Any => Ok(Type::Bool),
            Type::Map(_) if one.is(Class::Text) => Ok(Type::Bool),
            Type::List(values) if one.may_equal(&values) => {
                self.choice(&values, element)?;
                if let Expr::List(list) = &container.expr {
                    for value in &list.elements {
                        self.choice(&one, value)?;
                    }
                }
                Ok(Type::Bool)
            }
            Type::List(values) => {
                Err(self.error(part, format!("{one} is never in a list with {values}")))
            }
            other => Err(self.error(part, format!("{one} is never in {other}"))),
        }
    }

    /// Fails when `value` is a literal that a field with these texts never has.
    fn choice(&self, field: &Type<'_>, value: &IdedExpr) -> Result<(), ConditionError> {
        let (Type::Choice(texts), Expr::Literal(LiteralValue::String(value_text))) =
            (field, &value.expr)
        else {
            return Ok(());
        };
        let text = value_text.inner();
        if texts.iter().any(|one| one == text) {
            return Ok(());
        }
        let all: Vec<String> = texts.iter().map(|one| format!("`{one}`")).collect();
        let message = format!("`{text}` is never its value, that is one of {}", all.join(", "));
        Err(suggest(self.error(value, message), text, texts.iter().map(String::as_str)))
    }

    fn index(
        &mut self,
        part: &'f IdedExpr,
        container: &'f IdedExpr,
        index: &'f IdedExpr,
    ) -> Checked<'f> {
        let (operand, at) = (self.infer(container)?, self.infer(index)?);
        match (operand, &index.expr) {
            (Type::Any, _) => Ok(Type::Any),
            (Type::List(values), _) if matches!(at, Type::Int | Type::Uint | Type::Any) => {
                Ok(*values)
            }
            (record @ Type::Record(_), Expr::Literal(LiteralValue::String(name))) => {
                self.entry(part, record, name.inner())
            }
            (Type::Record(_), _) if at.is(Class::Text) => Ok(Type::Any),
            (Type::Map(values), _) if at.is(Class::Text) => Ok(*values),
            (operand, _) => Err(self.error(part, format!("{operand} has no entry for {at}"))),
        }
    }

    fn arithmetic(
        &self,
        part: &IdedExpr,
        sign: &str,
        one: Type<'f>,
        other: Type<'f>,
    ) -> Checked<'f> {
        use Type::{Any, Double, Duration, Int, List, Text, Time, Uint};
        match (sign, one, other) {
            (_, Any, _) | (_, _, Any) => Ok(Any),
            ("%", Double, Double) => Err(self.error(part, "`%` is for whole numbers".to_owned())),
            (_, Int, Int) => Ok(Int),
            (_, Uint, Uint) => Ok(Uint),
            (_, Double, Double) => Ok(Double),
            ("+" | "-", Time, Duration) | ("+", Duration, Time) => Ok(Time),
            ("+" | "-", Duration, Duration) | ("-", Time, Time) => Ok(Duration),
            ("+", one @ List(_), other @ List(_)) => one.common(other).ok_or_else(|| {
                self.error(part, "the values of these lists are not alike".to_owned())
            }),
            ("+", one, other) if one.is(Class::Text) && other.is(Class::Text) => Ok(Text),
            (sign, one, other) => {
                let error =
                    self.error(part, format!("`{sign}` does not apply to {one} and {other}"));
                if one.is(Class::Number) && other.is(Class::Number) {
                    return Err(error.with_hint(
                        "CEL does not mix kinds of numbers: `2.0` and `double(…)` are fractions",
                    ));
                }
                Err(error)
            }
        }
    }

    fn function(&mut self, part: &'f IdedExpr, call: &'f CallExpr) -> Checked<'f> {
        let name = call.func_name.as_str();
        let named: Vec<&Signature> = FUNCTIONS.iter().filter(|it| it.name == name).collect();
        if named.is_empty() {
            if let Some((_, usage)) = MACROS.iter().find(|(own, _)| *own == name) {
                return Err(self.error(part, format!("`{name}` is written `{usage}`")));
            }
            let error = self.error(part, format!("there is no function `{name}`"));
            let names = FUNCTIONS.iter().map(|it| it.name).chain(MACROS.iter().map(|it| it.0));
            return Err(suggest(error, name, names));
        }
        let mut arguments = Vec::new();
        for argument in call.target.as_deref().into_iter().chain(&call.args) {
            arguments.push(self.infer(argument)?);
        }
        let fits = |it: &&&Signature| {
            it.member == call.target.is_some()
                && it.arguments.len() == arguments.len()
                && arguments.iter().zip(it.arguments).all(|(own, class)| own.is(*class))
        };
        let Some(signature) = named.iter().find(fits) else {
            let usages: Vec<String> = named.iter().map(|it| format!("`{it}`")).collect();
            let message = format!("`{name}` is not called like this, but {}", usages.join(" or "));
            return Err(self.error(part, message));
        };
        self.literal_argument(part, call)?;
        Ok(signature.result.clone())
    }

    /// A duration or a time that is written out can be read right now.
    fn literal_argument(&self, part: &IdedExpr, call: &CallExpr) -> Result<(), ConditionError> {
        let [argument] = call.args.as_slice() else { return Ok(()) };
        let Expr::Literal(LiteralValue::String(text)) = &argument.expr else { return Ok(()) };
        let (what, hint) = match call.func_name.as_str() {
            "duration" => ("a duration", "hours, minutes and seconds: `36h`, `1h30m`, `90s`"),
            "timestamp" => ("a time", "RFC 3339: `2026-03-29T02:00:00Z`"),
            _ => return Ok(()),
        };
        if Value::resolve(part, &self.parsed.context).is_ok() {
            return Ok(());
        }
        Err(self.error(argument, format!("`{}` is not {what}", text.inner())).with_hint(hint))
    }

    fn truth(&mut self, part: &'f IdedExpr) -> Result<(), ConditionError> {
        let found = self.infer(part)?;
        if found.is(Class::Bool) {
            return Ok(());
        }
        Err(self.error(part, format!("this must be true or false, it is {found}")))
    }

    fn error(&self, part: &IdedExpr, message: String) -> ConditionError {
        error_at(&self.parsed.source, &self.parsed.places, part, message)
    }
}

/// The same error with the known name that is most like this one, when one is like it.
fn suggest<'n>(
    error: ConditionError,
    name: &str,
    known: impl Iterator<Item = &'n str>,
) -> ConditionError {
    let likeness = |own: &str| strsim::jaro_winkler(&own.to_lowercase(), &name.to_lowercase());
    let best = known
        .map(|own| (likeness(own), own))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    match best {
        Some((_, own)) => error.with_hint(format!("did you mean `{own}`?")),
        None => error,
    }
}
