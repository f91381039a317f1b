//! Requests of the EC2 and query protocols: forms whose names are paths into a value.
//!
//! `Filter.1.Name=state&Filter.1.Value.2=x` is a list of structs of lists. EC2 writes a list's
//! indices directly below its name; the query protocol puts one name between them, `Tags.Tag.1.Key`
//! or `Tags.member.1.Key`. Both become a sequence where the target type has one:
//! <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html> and
//! <https://smithy.io/2.0/aws/protocols/aws-ec2-query-protocol.html>.

use std::{
    collections::{BTreeMap, btree_map},
    fmt::{self, Display},
    str::FromStr,
};

use serde::{
    Deserializer,
    de::{
        self, DeserializeOwned, DeserializeSeed, Error as _, IntoDeserializer, MapAccess,
        SeqAccess, Visitor,
        value::{StrDeserializer, StringDeserializer},
    },
    forward_to_deserialize_any,
};

/// The most parameters a request may have. AWS's longest lists have 1,000 elements.
const PARAMETERS_MAX: usize = 10_000;

/// The most names and indices one parameter's name may consist of. Reading recurses this deep.
const DEPTH_MAX: usize = 24;

/// What the query string of a presigned request carries beside the operation's own parameters.
const SIGNATURE_PREFIX: &str = "X-Amz-";

/// Why a request could not be read. The parameter is the full dotted name, as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BadRequest {
    /// The operation has no such parameter.
    Unknown {
        /// Its full name, `Filter.1.Nmae`.
        parameter: String,
    },
    /// The operation needs a parameter that was not sent.
    Missing {
        /// Its full name, `Filter.1.Name`.
        parameter: String,
    },
    /// The parameter's value is not of its type.
    BadValue {
        /// Its full name.
        parameter: String,
        /// What is wrong with the value: "`x` is not a whole number".
        reason: String,
    },
    /// Not a form that could be anybody's request: nameless or too many parameters.
    Malformed {
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl BadRequest {
    /// AWS's error code for it.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "UnknownParameter",
            Self::Missing { .. } => "MissingParameter",
            Self::BadValue { .. } => "InvalidParameterValue",
            Self::Malformed { .. } => "MalformedQueryString",
        }
    }

    fn bad_value(reason: String) -> Self {
        Self::BadValue { parameter: String::new(), reason }
    }

    /// The same error, of a parameter that is below `name`. Readers below do not know where they
    /// are: the path is put together on the way out, and costs nothing as long as all is well.
    fn below(mut self, name: &str) -> Self {
        match &mut self {
            Self::Unknown { parameter }
            | Self::Missing { parameter }
            | Self::BadValue { parameter, .. } => {
                if !parameter.is_empty() {
                    parameter.insert(0, '.');
                }
                parameter.insert_str(0, name);
            }
            Self::Malformed { .. } => {}
        }
        self
    }
}

impl Display for BadRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { parameter } => write!(f, "The parameter {parameter} is not recognized"),
            Self::Missing { parameter } => {
                write!(f, "The request must contain the parameter {parameter}")
            }
            Self::BadValue { parameter, reason } => {
                write!(f, "Invalid value for the parameter {parameter}: {reason}")
            }
            Self::Malformed { reason } => {
                write!(f, "The query string contains a syntax error: {reason}")
            }
        }
    }
}

impl std::error::Error for BadRequest {}

impl de::Error for BadRequest {
    fn custom<T: Display>(message: T) -> Self {
        Self::bad_value(message.to_string())
    }

    fn unknown_field(field: &str, _: &'static [&'static str]) -> Self {
        Self::Unknown { parameter: field.to_owned() }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing { parameter: field.to_owned() }
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::bad_value(format!("`{variant}` is not one of `{}`", expected.join("`, `")))
    }
}

/// A request as a form: the operation's name, and its parameters as a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    action: Option<String>,
    version: Option<String>,
    parameters: Children,
}

impl Form {
    /// The operation's name, `DescribeVolumes`.
    pub(crate) fn action(&self) -> Option<&str> {
        self.action.as_deref()
    }

    /// The version of the API, `2016-11-15`.
    #[cfg(test)]
    pub(crate) fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// The parameters as a value. Fields are found by their serde names; `T` says by
    /// `deny_unknown_fields` whether others are refused.
    ///
    /// An element name of the query protocol (`Tag` in `Tags.Tag.1.Key`) is not compared with
    /// anything: AWS's own services take `member` as well as the name in their model.
    pub(crate) fn into<T: DeserializeOwned>(self) -> Result<T, BadRequest> {
        T::deserialize(Node::Below(self.parameters))
    }

    /// Takes a parameter out that is `true` or `false`, and `false` when it is not there.
    pub(crate) fn take_flag(&mut self, name: &str) -> Result<bool, BadRequest> {
        match self.parameters.remove(name) {
            None => Ok(false),
            Some(node) => {
                <bool as serde::Deserialize>::deserialize(node).map_err(|error| error.below(name))
            }
        }
    }

    fn add(&mut self, name: &str, value: String) -> Result<(), BadRequest> {
        match name {
            "" => Err(BadRequest::Malformed { reason: "a parameter has no name" }),
            "Action" => once(&mut self.action, value).map_err(|error| error.below(name)),
            "Version" => once(&mut self.version, value).map_err(|error| error.below(name)),
            _ if name.starts_with(SIGNATURE_PREFIX) => Ok(()),
            _ => insert(&mut self.parameters, name, value),
        }
    }
}

/// Reads a form: the body of a `POST`, or the query string of a `GET`.
#[cfg(test)]
pub(crate) fn parse(body: &str) -> Result<Form, BadRequest> {
    parse_all([body.as_bytes()])
}

/// Reads one form from several parts: parameters may come in the URL as well as in the body.
pub(crate) fn parse_all<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Result<Form, BadRequest> {
    let mut form = Form { action: None, version: None, parameters: Children::new() };
    let pairs = parts.into_iter().flat_map(form_urlencoded::parse);
    for (count, (name, value)) in pairs.enumerate() {
        if count == PARAMETERS_MAX {
            return Err(BadRequest::Malformed { reason: "too many parameters" });
        }
        form.add(&name, value.into_owned())?;
    }
    Ok(form)
}

/// The parameters of a form as a value, see [`Form::into`].
#[cfg(test)]
pub(crate) fn from_form<T: DeserializeOwned>(body: &str) -> Result<T, BadRequest> {
    parse(body)?.into()
}

type Children = BTreeMap<String, Node>;

/// What stands below a name: a text, or more names.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    Text(String),
    Below(Children),
}

fn insert(mut children: &mut Children, name: &str, value: String) -> Result<(), BadRequest> {
    let twice = || given_twice().below(name);
    let mut segments = name.split('.').enumerate().peekable();
    while let Some((depth, segment)) = segments.next() {
        if segment.is_empty() || depth == DEPTH_MAX {
            return Err(BadRequest::Unknown { parameter: name.to_owned() });
        }
        if segments.peek().is_none() {
            return match children.entry(segment.to_owned()) {
                btree_map::Entry::Vacant(free) => {
                    free.insert(Node::Text(value));
                    Ok(())
                }
                btree_map::Entry::Occupied(_) => Err(twice()),
            };
        }
        let node = children.entry(segment.to_owned()).or_insert(Node::Below(Children::new()));
        let Node::Below(below) = node else { return Err(twice()) };
        children = below;
    }
    Ok(())
}

fn once(slot: &mut Option<String>, value: String) -> Result<(), BadRequest> {
    if slot.replace(value).is_some() { Err(given_twice()) } else { Ok(()) }
}

fn given_twice() -> BadRequest {
    BadRequest::bad_value("it is given more than once".to_owned())
}

impl Node {
    /// The text, where the target type wants one.
    fn text(self, wanted: &str) -> Result<String, BadRequest> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Below(_) => Err(BadRequest::bad_value(format!("it must be {wanted}"))),
        }
    }

    fn number<N: FromStr>(self, wanted: &str) -> Result<N, BadRequest> {
        let text = self.text(wanted)?;
        text.parse().map_err(|_| BadRequest::bad_value(format!("`{text}` is not {wanted}")))
    }

    fn elements(self) -> Result<Elements, BadRequest> {
        let mut children = match self {
            // The query protocol writes an empty list as `Tags=`.
            Self::Text(text) if text.is_empty() => Children::new(),
            Self::Text(text) => {
                return Err(BadRequest::bad_value(format!("`{text}` is not a list")));
            }
            Self::Below(children) => children,
        };
        if let Some(entry) = children.first_entry()
            && index(entry.key()).is_none()
        {
            let (name, node) = entry.remove_entry();
            if let Some(other) = children.into_keys().next() {
                return Err(BadRequest::Unknown { parameter: other });
            }
            return match node {
                Self::Text(text) if text.is_empty() => Ok(Elements::default()),
                Self::Text(_) => Err(BadRequest::Unknown { parameter: name }),
                Self::Below(children) => {
                    indexed(children, format!("{name}.")).map_err(|error| error.below(&name))
                }
            };
        }
        indexed(children, String::new())
    }
}

/// The elements in the order of their indices. Indices may have gaps.
fn indexed(children: Children, prefix: String) -> Result<Elements, BadRequest> {
    let mut elements = children
        .into_iter()
        .map(|(name, node)| match index(&name) {
            Some(index) => Ok((index, node)),
            None => Err(BadRequest::Unknown { parameter: name }),
        })
        .collect::<Result<Vec<_>, _>>()?;
    elements.sort_unstable_by_key(|(index, _)| *index);
    Ok(Elements { prefix, elements: elements.into_iter() })
}

/// A list's index: from 1, and in one spelling only, so that no two names mean the same.
fn index(name: &str) -> Option<u32> {
    let plain = name.bytes().all(|byte| byte.is_ascii_digit()) && !name.starts_with('0');
    if plain { name.parse().ok() } else { None }
}

/// The elements of a list that are still to be read.
#[derive(Default)]
struct Elements {
    /// What stands before the index: nothing, or the element name of the query protocol and a dot.
    prefix: String,
    elements: std::vec::IntoIter<(u32, Node)>,
}

impl<'de> SeqAccess<'de> for Elements {
    type Error = BadRequest;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, BadRequest> {
        let Some((index, node)) = self.elements.next() else { return Ok(None) };
        seed.deserialize(node)
            .map(Some)
            .map_err(|error| error.below(&format!("{}{index}", self.prefix)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.elements.len())
    }
}

/// The fields of a struct that are still to be read.
struct Fields {
    fields: btree_map::IntoIter<String, Node>,
    /// The field whose name was read and whose value is next.
    current: Option<(String, Node)>,
}

impl<'de> MapAccess<'de> for Fields {
    type Error = BadRequest;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, BadRequest> {
        self.current = self.fields.next();
        let Some((name, _)) = &self.current else { return Ok(None) };
        let name: StrDeserializer<'_, BadRequest> = name.as_str().into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, BadRequest> {
        let Some((name, node)) = self.current.take() else {
            return Err(BadRequest::custom("a value was asked for before its name"));
        };
        seed.deserialize(node).map_err(|error| error.below(&name))
    }
}

/// Reads a number by way of the widest type of its kind; serde checks the range of the target's.
macro_rules! numbers {
    ($($method:ident: $number:ty, $visit:ident, $wanted:literal;)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BadRequest> {
            visitor.$visit(self.number::<$number>($wanted)?)
        })*
    };
}

impl<'de> Deserializer<'de> for Node {
    type Error = BadRequest;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BadRequest> {
        match self {
            Self::Text(text) => visitor.visit_string(text),
            Self::Below(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BadRequest> {
        visitor.visit_string(self.text("a text")?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BadRequest> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BadRequest> {
        visitor.visit_bool(self.number("`true` or `false`")?)
    }

    numbers! {
        deserialize_i8: i64, visit_i64, "a whole number";
        deserialize_i16: i64, visit_i64, "a whole number";
        deserialize_i32: i64, visit_i64, "a whole number";
        deserialize_i64: i64, visit_i64, "a whole number";
        deserialize_u8: u64, visit_u64, "a whole number from 0";
        deserialize_u16: u64, visit_u64, "a whole number from 0";
        deserialize_u32: u64, visit_u64, "a whole number from 0";
        deserialize_u64: u64, visit_u64, "a whole number from 0";
        deserialize_f32: f64, visit_f64, "a number";
        deserialize_f64: f64, visit_f64, "a number";
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BadRequest> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, BadRequest> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BadRequest> {
        visitor.visit_seq(self.elements()?)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, BadRequest> {
        match self {
            Self::Below(fields) => {
                visitor.visit_map(Fields { fields: fields.into_iter(), current: None })
            }
            Self::Text(_) => {
                Err(BadRequest::bad_value("it has parameters below it and no value".to_owned()))
            }
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, BadRequest> {
        self.deserialize_map(visitor)
    }

    /// Enums are texts here: one of the names of the variants, which have no content.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, BadRequest> {
        let text: StringDeserializer<BadRequest> = self.text("a text")?.into_deserializer();
        text.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

#[cfg(test)]
#[path = "query_tests.rs"]
mod tests;
