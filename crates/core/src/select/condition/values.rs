//! Tags and fields as CEL reads them: borrowed, and converted only when they are read.

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use cel::{
    ExecutionError,
    common::{
        traits::{Container, Indexer, Iterable, Iterator as CelIterator, Sizer},
        types::{
            CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelString, CelTimestamp,
            CelUInt, MAP_TYPE, Type,
        },
        value::{CowVal, Val},
    },
    context::VariableResolver,
};
use chrono::DateTime;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{
    Tags,
    select::{Candidate, Fields, Kind},
};

/// The key in [`ExecutionError::NoSuchKey`] when a tag is not there. `has(tags.team)` needs
/// that error; no map that a resource has holds such a key.
pub(super) const MISSING_TAG: &str = "\0tag";

/// The variables of one evaluation.
pub(super) struct Variables<'c> {
    pub(super) candidate: &'c Candidate<'c>,
    pub(super) now: Timestamp,
    /// The first thing that was read and is not known.
    pub(super) unknown: OnceLock<String>,
}

impl VariableResolver for Variables<'_> {
    fn resolve<'b>(&'b self, name: &str) -> Option<CowVal<'b, 'b>> {
        let candidate = self.candidate;
        Some(match name {
            "target" => CowVal::owned(Record {
                path: Cow::Borrowed("target"),
                object: candidate.target.as_object()?,
                fields: candidate.fields,
                unknown: &self.unknown,
            }),
            "tags" => CowVal::owned(Labels {
                tags: candidate.tags,
                keys: OnceLock::new(),
                unknown: &self.unknown,
            }),
            "account" => CowVal::owned(CelString::from(candidate.account.as_str())),
            "region" => CowVal::owned(CelString::from(candidate.region.as_str())),
            "now" => CowVal::owned(timestamp(self.now)?),
            _ => return None,
        })
    }
}

/// A JSON object of which some fields are described. Reading one that is `null`, missing or
/// not what it should be fails, and is noted.
#[derive(Debug)]
struct Record<'v> {
    path: Cow<'v, str>,
    object: &'v Map<String, Value>,
    fields: &'v Fields,
    unknown: &'v OnceLock<String>,
}

impl<'v> Record<'v> {
    fn read(&self, name: &str) -> Result<Box<dyn Val + 'v>, ExecutionError> {
        let kind = self.fields.get(name).map_or(&Kind::Any, |field| &field.kind);
        let path = || format!("{}.{name}", self.path);
        let value = self.object.get(name);
        value.and_then(|value| convert(value, kind, &path, self.unknown)).ok_or_else(|| {
            let path = path();
            let error = ExecutionError::function_error(&path, "not known");
            self.unknown.get_or_init(|| path);
            error
        })
    }
}

/// The CEL value of a JSON value; `None` when it, or a part of it, is not known.
fn convert<'v>(
    value: &'v Value,
    kind: &'v Kind,
    path: &dyn Fn() -> String,
    unknown: &'v OnceLock<String>,
) -> Option<Box<dyn Val + 'v>> {
    Some(match (kind, value) {
        (_, Value::Null) => return None,
        (Kind::Time, value) => Box::new(timestamp(value.as_str()?.parse().ok()?)?),
        (Kind::Number, value) => Box::new(CelDouble::from(value.as_f64()?)),
        (Kind::Record(fields), value) => {
            let object = value.as_object()?;
            Box::new(Record { path: Cow::Owned(path()), object, fields, unknown })
        }
        (_, Value::Bool(truth)) => Box::new(CelBool::from(*truth)),
        (_, Value::String(text)) => Box::new(CelString::from(text.as_str())),
        (_, Value::Number(number)) => {
            if let Some(signed) = number.as_i64() {
                Box::new(CelInt::from(signed))
            } else if let Some(unsigned) = number.as_u64() {
                Box::new(CelUInt::from(unsigned))
            } else {
                Box::new(CelDouble::from(number.as_f64()?))
            }
        }
        (kind, Value::Array(list)) => {
            let kind = if let Kind::List(kind) = kind { kind } else { &Kind::Any };
            let values: Option<Vec<_>> =
                list.iter().map(|value| convert(value, kind, path, unknown)).collect();
            Box::new(CelList::from(values?))
        }
        (kind, Value::Object(object)) => {
            let kind = if let Kind::Map(kind) = kind { kind } else { &Kind::Any };
            let values: Option<HashMap<_, _>> = object
                .iter()
                .map(|(key, value)| {
                    let value = convert(value, kind, path, unknown)?;
                    Some((CelMapKey::from(key.as_str()), value))
                })
                .collect();
            Box::new(CelMap::from(values?))
        }
    })
}

fn timestamp(at: Timestamp) -> Option<CelTimestamp> {
    let nanos = at.as_nanosecond();
    let seconds = i64::try_from(nanos.div_euclid(1_000_000_000)).ok()?;
    let subsecond = u32::try_from(nanos.rem_euclid(1_000_000_000)).ok()?;
    Some(CelTimestamp::from(DateTime::from_timestamp(seconds, subsecond)?.fixed_offset()))
}

impl Val for Record<'_> {
    fn get_type(&self) -> &Type {
        &MAP_TYPE
    }

    fn cel_type() -> &'static Type {
        &MAP_TYPE
    }

    fn as_indexer<'b, 'w>(&'b self) -> Option<&'b (dyn Indexer + 'w)>
    where
        Self: 'w,
    {
        Some(self)
    }

    fn clone_as_boxed<'w>(&self) -> Box<dyn Val + 'w>
    where
        Self: 'w,
    {
        Box::new(Record { path: self.path.clone(), ..*self })
    }
}

impl Indexer for Record<'_> {
    fn get<'b, 'w>(&'b self, key: &dyn Val) -> Result<CowVal<'b, 'w>, ExecutionError>
    where
        Self: 'w,
    {
        self.read(text(key)?).map(CowVal::Owned)
    }

    fn steal<'w>(self: Box<Self>, key: &dyn Val) -> Result<Box<dyn Val + 'w>, ExecutionError>
    where
        Self: 'w,
    {
        self.read(text(key)?)
    }
}

/// The tags: a map whose missing keys are told apart from every other error.
#[derive(Debug)]
struct Labels<'v> {
    tags: Option<&'v Tags>,
    /// The keys as CEL values, made when somebody goes through them.
    keys: OnceLock<Vec<CelString<'v>>>,
    unknown: &'v OnceLock<String>,
}

impl<'v> Labels<'v> {
    fn known(&self) -> Result<&'v Tags, ExecutionError> {
        self.tags.ok_or_else(|| {
            self.unknown.get_or_init(|| "tags".to_owned());
            ExecutionError::InternalError("the tags are not known".to_owned())
        })
    }

    fn read(&self, key: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError> {
        let key = text(key)?;
        match self.known()?.get(key) {
            Some(value) => Ok(Box::new(CelString::from(value.as_str()))),
            None => Err(ExecutionError::NoSuchKey(Arc::new(MISSING_TAG.to_owned()))),
        }
    }
}

impl Val for Labels<'_> {
    fn get_type(&self) -> &Type {
        &MAP_TYPE
    }

    fn cel_type() -> &'static Type {
        &MAP_TYPE
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }

    fn as_indexer<'b, 'w>(&'b self) -> Option<&'b (dyn Indexer + 'w)>
    where
        Self: 'w,
    {
        Some(self)
    }

    fn as_iterable<'b, 'w>(&'b self) -> Option<&'b (dyn Iterable + 'w)>
    where
        Self: 'w,
    {
        // Without tags that are known there is nothing to go through: an error, not "none".
        self.known().is_ok().then_some(self as _)
    }

    fn as_sizer(&self) -> Option<&dyn Sizer> {
        self.known().is_ok().then_some(self as _)
    }

    fn clone_as_boxed<'w>(&self) -> Box<dyn Val + 'w>
    where
        Self: 'w,
    {
        Box::new(Labels { tags: self.tags, keys: OnceLock::new(), unknown: self.unknown })
    }
}

impl Container for Labels<'_> {
    fn contains(&self, key: &dyn Val) -> Result<bool, ExecutionError> {
        Ok(self.known()?.contains_key(text(key)?))
    }
}

impl Indexer for Labels<'_> {
    fn get<'b, 'w>(&'b self, key: &dyn Val) -> Result<CowVal<'b, 'w>, ExecutionError>
    where
        Self: 'w,
    {
        self.read(key).map(CowVal::Owned)
    }

    fn steal<'w>(self: Box<Self>, key: &dyn Val) -> Result<Box<dyn Val + 'w>, ExecutionError>
    where
        Self: 'w,
    {
        self.read(key)
    }
}

impl Sizer for Labels<'_> {
    fn size(&self) -> CelInt {
        CelInt::from(self.tags.map_or(0, |tags| tags.len() as i64))
    }
}

impl Iterable for Labels<'_> {
    fn iter<'b, 'w>(&'b self) -> Box<dyn CelIterator<'b, 'w> + 'b>
    where
        Self: 'w,
    {
        let keys = self.keys.get_or_init(|| {
            let keys = self.tags.into_iter().flat_map(Tags::keys);
            keys.map(|key| CelString::from(key.as_str())).collect()
        });
        Box::new(Keys(keys.iter()))
    }
}

struct Keys<'b, 'v>(std::slice::Iter<'b, CelString<'v>>);

impl<'b, 'v: 'w, 'w> CelIterator<'b, 'w> for Keys<'b, 'v> {
    fn next(&mut self) -> Option<&'b (dyn Val + 'w)> {
        self.0.next().map(|key| key as _)
    }
}

fn text<'k>(key: &'k (dyn Val + '_)) -> Result<&'k str, ExecutionError> {
    key.downcast_ref::<CelString>().map(|key| key.inner()).ok_or_else(|| {
        ExecutionError::UnexpectedType {
            got: key.get_type().name().to_owned(),
            want: "string".to_owned(),
        }
    })
}
