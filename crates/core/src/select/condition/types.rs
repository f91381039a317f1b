//! What is known of a part's value before it is computed, and the functions of CEL.

use std::fmt;

use crate::select::{Fields, Kind};

/// The type of a part of a condition.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Type<'f> {
    /// Could be anything.
    Any,
    /// There is no such value: what an empty list holds.
    Nothing,
    Null,
    Bool,
    Int,
    Uint,
    Double,
    Text,
    /// A field with one of these texts.
    Choice(&'f [String]),
    Time,
    Duration,
    List(Box<Type<'f>>),
    Map(Box<Type<'f>>),
    Record(&'f Fields),
}

impl<'f> Type<'f> {
    pub(super) fn of(kind: &'f Kind) -> Type<'f> {
        match kind {
            Kind::Text => Type::Text,
            Kind::Choice(texts) => Type::Choice(texts),
            Kind::Integer => Type::Int,
            Kind::Number => Type::Double,
            Kind::Bool => Type::Bool,
            Kind::Time => Type::Time,
            Kind::List(kind) => Type::List(Box::new(Type::of(kind))),
            Kind::Map(kind) => Type::Map(Box::new(Type::of(kind))),
            Kind::Record(fields) => Type::Record(fields),
            Kind::Any => Type::Any,
        }
    }

    /// The type that values of both types have, when there is one.
    pub(super) fn common(self, other: Type<'f>) -> Option<Type<'f>> {
        Some(match (self, other) {
            (one, other) if one == other => one,
            (Type::Nothing, some) | (some, Type::Nothing) => some,
            (Type::Any, _) | (_, Type::Any) => Type::Any,
            (Type::Text | Type::Choice(_), Type::Text | Type::Choice(_)) => Type::Text,
            (Type::List(one), Type::List(other)) => Type::List(Box::new(one.common(*other)?)),
            (Type::Map(one), Type::Map(other)) => Type::Map(Box::new(one.common(*other)?)),
            _ => return None,
        })
    }

    /// Whether `==` can ever hold between the two. Numbers of every kind compare.
    pub(super) fn may_equal(&self, other: &Type<'_>) -> bool {
        match (self, other) {
            (Type::Any | Type::Nothing, _) | (_, Type::Any | Type::Nothing) => true,
            (Type::List(one), Type::List(other)) | (Type::Map(one), Type::Map(other)) => {
                one.may_equal(other)
            }
            _ => self.class() == other.class(),
        }
    }

    /// Whether `<` has a meaning for values of this type.
    pub(super) fn is_ordered(&self) -> bool {
        !matches!(self, Type::Null | Type::List(_) | Type::Map(_) | Type::Record(_))
    }

    pub(super) fn is(&self, class: Class) -> bool {
        let own = self.class();
        own == class || own == Class::Any || class == Class::Any
    }

    fn class(&self) -> Class {
        match self {
            Type::Any | Type::Nothing => Class::Any,
            Type::Null => Class::Null,
            Type::Bool => Class::Bool,
            Type::Int | Type::Uint | Type::Double => Class::Number,
            Type::Text | Type::Choice(_) => Class::Text,
            Type::Time => Class::Time,
            Type::Duration => Class::Duration,
            Type::List(_) => Class::List,
            Type::Map(_) => Class::Map,
            Type::Record(_) => Class::Record,
        }
    }
}

/// For messages: "a text".
impl fmt::Display for Type<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Type::Int => "a whole number",
            Type::Uint => "an unsigned number",
            other => other.class().article(),
        })
    }
}

/// Types that functions and operators treat alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Any,
    Null,
    Bool,
    Number,
    Text,
    Time,
    Duration,
    List,
    Map,
    Record,
}

impl Class {
    fn article(self) -> &'static str {
        match self {
            Class::Any => "anything",
            Class::Null => "`null`",
            Class::Bool => "true or false",
            Class::Number => "a number",
            Class::Text => "a text",
            Class::Time => "a time",
            Class::Duration => "a duration",
            Class::List => "a list",
            Class::Map => "a map",
            Class::Record => "a group of fields",
        }
    }

    /// For signatures: `text.startsWith(text)`.
    fn word(self) -> &'static str {
        match self {
            Class::Any => "value",
            Class::Null => "null",
            Class::Bool => "bool",
            Class::Number => "number",
            Class::Text => "text",
            Class::Time => "time",
            Class::Duration => "duration",
            Class::List => "list",
            Class::Map => "map",
            Class::Record => "fields",
        }
    }
}

/// One way to call a function.
#[derive(Debug)]
pub(super) struct Signature {
    pub(super) name: &'static str,
    /// Called on its first argument: `text.size()`.
    pub(super) member: bool,
    pub(super) arguments: &'static [Class],
    pub(super) result: Type<'static>,
}

const fn global(
    name: &'static str,
    arguments: &'static [Class],
    result: Type<'static>,
) -> Signature {
    Signature { name, member: false, arguments, result }
}

const fn member(
    name: &'static str,
    arguments: &'static [Class],
    result: Type<'static>,
) -> Signature {
    Signature { name, member: true, arguments, result }
}

/// The functions of CEL's standard library that have a use in a condition.
pub(super) static FUNCTIONS: [Signature; 54] = [
    global("size", &[Class::Text], Type::Int),
    global("size", &[Class::List], Type::Int),
    global("size", &[Class::Map], Type::Int),
    member("size", &[Class::Text], Type::Int),
    member("size", &[Class::List], Type::Int),
    member("size", &[Class::Map], Type::Int),
    global("bool", &[Class::Bool], Type::Bool),
    global("bool", &[Class::Text], Type::Bool),
    global("int", &[Class::Number], Type::Int),
    global("int", &[Class::Text], Type::Int),
    global("int", &[Class::Time], Type::Int),
    global("uint", &[Class::Number], Type::Uint),
    global("uint", &[Class::Text], Type::Uint),
    global("double", &[Class::Number], Type::Double),
    global("double", &[Class::Text], Type::Double),
    global("string", &[Class::Text], Type::Text),
    global("string", &[Class::Bool], Type::Text),
    global("string", &[Class::Number], Type::Text),
    global("string", &[Class::Time], Type::Text),
    global("string", &[Class::Duration], Type::Text),
    global("timestamp", &[Class::Text], Type::Time),
    global("timestamp", &[Class::Time], Type::Time),
    global("duration", &[Class::Text], Type::Duration),
    global("duration", &[Class::Duration], Type::Duration),
    global("dyn", &[Class::Any], Type::Any),
    global("matches", &[Class::Text, Class::Text], Type::Bool),
    member("matches", &[Class::Text, Class::Text], Type::Bool),
    member("contains", &[Class::Text, Class::Text], Type::Bool),
    member("startsWith", &[Class::Text, Class::Text], Type::Bool),
    member("endsWith", &[Class::Text, Class::Text], Type::Bool),
    member("getFullYear", &[Class::Time], Type::Int),
    member("getFullYear", &[Class::Time, Class::Text], Type::Int),
    member("getMonth", &[Class::Time], Type::Int),
    member("getMonth", &[Class::Time, Class::Text], Type::Int),
    member("getDayOfYear", &[Class::Time], Type::Int),
    member("getDayOfYear", &[Class::Time, Class::Text], Type::Int),
    member("getDayOfMonth", &[Class::Time], Type::Int),
    member("getDayOfMonth", &[Class::Time, Class::Text], Type::Int),
    member("getDate", &[Class::Time], Type::Int),
    member("getDate", &[Class::Time, Class::Text], Type::Int),
    member("getDayOfWeek", &[Class::Time], Type::Int),
    member("getDayOfWeek", &[Class::Time, Class::Text], Type::Int),
    member("getHours", &[Class::Time], Type::Int),
    member("getHours", &[Class::Time, Class::Text], Type::Int),
    member("getHours", &[Class::Duration], Type::Int),
    member("getMinutes", &[Class::Time], Type::Int),
    member("getMinutes", &[Class::Time, Class::Text], Type::Int),
    member("getMinutes", &[Class::Duration], Type::Int),
    member("getSeconds", &[Class::Time], Type::Int),
    member("getSeconds", &[Class::Time, Class::Text], Type::Int),
    member("getSeconds", &[Class::Duration], Type::Int),
    member("getMilliseconds", &[Class::Time], Type::Int),
    member("getMilliseconds", &[Class::Time, Class::Text], Type::Int),
    member("getMilliseconds", &[Class::Duration], Type::Int),
];

/// Macros are expanded by the parser; only a wrong call of one is still a call.
pub(super) const MACROS: [(&str, &str); 7] = [
    ("has", "has(tags.team)"),
    ("all", "list.all(it, condition)"),
    ("exists", "list.exists(it, condition)"),
    ("exists_one", "list.exists_one(it, condition)"),
    ("existsOne", "list.existsOne(it, condition)"),
    ("map", "list.map(it, value)"),
    ("filter", "list.filter(it, condition)"),
];

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = self.arguments.iter().map(|class| class.word()).collect();
        match words.split_first() {
            Some((receiver, rest)) if self.member => {
                write!(f, "{receiver}.{}({})", self.name, rest.join(", "))
            }
            _ => write!(f, "{}({})", self.name, words.join(", ")),
        }
    }
}
