//! Policies as they are written, by the grammar of the IAM policy language: nothing unknown, and
//! nothing twice. <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>

use std::{fmt, marker::PhantomData};

use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

/// A whole policy.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Document {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    pub(super) statement: OneOrMany<StatementDocument>,
}

/// One statement.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct StatementDocument {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sid: Option<String>,
    pub(super) effect: Effect,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) principal: Option<PrincipalDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) not_principal: Option<PrincipalDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) action: Option<OneOrMany<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) not_action: Option<OneOrMany<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) resource: Option<OneOrMany<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) not_resource: Option<OneOrMany<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) condition: Option<Entries<Entries<OneOrMany<Scalar>>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(super) enum Effect {
    Allow,
    Deny,
}

/// Whom a statement is about.
#[derive(Debug)]
pub(super) enum PrincipalDocument {
    /// `"*"`.
    Everyone,
    /// Types, such as `AWS`, with their principals.
    Listed(Entries<OneOrMany<String>>),
}

/// What may be written alone instead of as a list of one.
#[derive(Debug)]
pub(super) enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

/// A map in its order, with each key once.
#[derive(Debug)]
pub(super) struct Entries<V>(pub(super) Vec<(String, V)>);

/// A value of a condition. Numbers and booleans need no quotes; here they have them.
#[derive(Debug)]
pub(super) struct Scalar(pub(super) String);

impl Document {
    /// The policy's size as AWS counts it, in characters without white space between elements.
    pub(super) fn characters(&self) -> usize {
        // Serializing to a string fails for maps whose keys are no strings only: there are none.
        serde_json::to_string(self).map_or(usize::MAX, |text| text.chars().count())
    }
}

impl<T> OneOrMany<T> {
    pub(super) fn as_slice(&self) -> &[T] {
        match self {
            OneOrMany::One(one) => std::slice::from_ref(one),
            OneOrMany::Many(many) => many,
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrManyVisitor(PhantomData))
    }
}

struct OneOrManyVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrManyVisitor<T> {
    type Value = OneOrMany<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one value or a list of values")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        T::deserialize(serde::de::value::BoolDeserializer::new(value)).map(OneOrMany::One)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        T::deserialize(serde::de::value::I64Deserializer::new(value)).map(OneOrMany::One)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        T::deserialize(serde::de::value::U64Deserializer::new(value)).map(OneOrMany::One)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        T::deserialize(serde::de::value::F64Deserializer::new(value)).map(OneOrMany::One)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        T::deserialize(StrDeserializer::new(value)).map(OneOrMany::One)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(OneOrMany::One)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut many = Vec::new();
        while let Some(value) = list.next_element()? {
            many.push(value);
        }
        if many.is_empty() {
            return Err(A::Error::custom("an empty list: at least one value is needed"));
        }
        Ok(OneOrMany::Many(many))
    }
}

impl<T: Serialize> Serialize for OneOrMany<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            OneOrMany::One(one) => one.serialize(serializer),
            OneOrMany::Many(many) => many.serialize(serializer),
        }
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Entries<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor(PhantomData))
    }
}

struct EntriesVisitor<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for EntriesVisitor<V> {
    type Value = Entries<V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries: Vec<(String, V)> = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            // Condition keys differ in more than their case, or IAM takes them for the same.
            if entries.iter().any(|(earlier, _)| earlier.eq_ignore_ascii_case(&key)) {
                return Err(A::Error::custom(format_args!("`{key}` is there twice")));
            }
            entries.push((key, map.next_value()?));
        }
        Ok(Entries(entries))
    }
}

impl<V: Serialize> Serialize for Entries<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for PrincipalDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PrincipalVisitor)
    }
}

struct PrincipalVisitor;

impl<'de> Visitor<'de> for PrincipalVisitor {
    type Value = PrincipalDocument;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#"`"*"` or a map such as `{"AWS": "111122223333"}`"#)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        match value {
            "*" => Ok(PrincipalDocument::Everyone),
            other => Err(E::invalid_value(serde::de::Unexpected::Str(other), &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let listed: Entries<_> = Entries::deserialize(MapAccessDeserializer::new(map))?;
        if listed.0.is_empty() {
            return Err(A::Error::custom("an empty map: at least one principal is needed"));
        }
        Ok(PrincipalDocument::Listed(listed))
    }
}

impl Serialize for PrincipalDocument {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            PrincipalDocument::Everyone => serializer.serialize_str("*"),
            PrincipalDocument::Listed(listed) => listed.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl Visitor<'_> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, a number or a boolean")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Scalar, E> {
        Ok(Scalar(value.to_string()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Scalar, E> {
        Ok(Scalar(value.to_string()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Scalar, E> {
        Ok(Scalar(value.to_string()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Scalar, E> {
        Ok(Scalar(value.to_string()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Scalar, E> {
        Ok(Scalar(value.to_owned()))
    }
}

impl Serialize for Scalar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_counted_without_white_space() {
        let spaced = r#"{
            "Version": "2012-10-17",
            "Statement": {
                "Sid": "Count", "Effect": "Allow", "NotPrincipal": "*",
                "Principal": {"AWS": ["1", "2"], "Service": "s"},
                "Action": ["a:*"], "NotAction": "b:*", "Resource": "*", "NotResource": ["x"],
                "Condition": {"Bool": {"aws:SecureTransport": "true", "b": ["é", "1"]}}
            }
        }"#;
        let compact: String = spaced.chars().filter(|it| !it.is_whitespace()).collect();
        let document: Document = serde_json::from_str(spaced).unwrap();
        assert_eq!(document.characters(), compact.chars().count());
    }

    #[track_caller]
    fn check(json: &str, wanted: &str) {
        let error = serde_json::from_str::<Document>(json).unwrap_err().to_string();
        let (message, _position) = error.split_once(" at line").unwrap();
        assert_eq!(message, wanted, "{json}");
    }

    #[test]
    fn what_the_grammar_does_not_have_is_refused() {
        let statement = |rest: &str| format!(r#"{{"Statement":{{"Effect":"Allow",{rest}}}}}"#);
        check(r#"{"Version":"2012-10-17"}"#, "missing field `Statement`");
        check(
            r#"{"Statement":[],"Version":"2012-10-17"}"#,
            "an empty list: at least one value is needed",
        );
        check(r#"{"Statement":{"Action":"*","Resource":"*"}}"#, "missing field `Effect`");
        check(
            r#"{"Statement":{"Effect":"allow"}}"#,
            "unknown variant `allow`, expected `Allow` or `Deny`",
        );
        check(
            r#"{"Statements":{}}"#,
            "unknown field `Statements`, expected one of `Version`, `Id`, `Statement`",
        );
        check(
            &statement(r#""Actions":"*""#),
            "unknown field `Actions`, expected one of `Sid`, `Effect`, `Principal`, `NotPrincipal`, `Action`, `NotAction`, `Resource`, `NotResource`, `Condition`",
        );
        check(&statement(r#""Action":"*","Action":"*""#), "duplicate field `Action`");
        check(&statement(r#""Action":[]"#), "an empty list: at least one value is needed");
        check(&statement(r#""Action":1"#), "invalid type: integer `1`, expected a string");
        check(
            &statement(r#""Principal":"111122223333""#),
            r#"invalid value: string "111122223333", expected `"*"` or a map such as `{"AWS": "111122223333"}`"#,
        );
        check(&statement(r#""Principal":{}"#), "an empty map: at least one principal is needed");
        check(
            &statement(r#""Condition":{"Null":{"aws:TagKeys":"true","AWS:tagkeys":"true"}}"#),
            "`AWS:tagkeys` is there twice",
        );
        check(
            &statement(r#""Condition":{"Bool":{"a:b":true},"Bool":{"a:c":true}}"#),
            "`Bool` is there twice",
        );
        check(
            &statement(r#""Condition":{"Bool":{"a:b":null}}"#),
            "invalid type: null, expected one value or a list of values",
        );
        check(
            &statement(r#""Condition":{"Bool":{"a:b":[{}]}}"#),
            "invalid type: map, expected a string, a number or a boolean",
        );
    }
}
