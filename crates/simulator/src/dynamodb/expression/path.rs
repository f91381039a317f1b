//! Paths into items.

use std::fmt;

use crate::dynamodb::value::{Item, Value};

/// A path into an item: a name, and then names and indexes. It has at least one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path(pub(super) Vec<Step>);

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Name(String),
    Index(usize),
}

/// An item, or a value in it.
enum Place<'i> {
    Item(&'i Item),
    Value(&'i Value),
}

impl Path {
    /// The attribute that it begins with.
    pub(crate) fn attribute(&self) -> &str {
        match self.0.first() {
            Some(Step::Name(name)) => name,
            _ => "",
        }
    }

    /// Whether it is an attribute as a whole.
    pub(crate) fn is_attribute(&self) -> bool {
        self.0.len() == 1
    }

    /// What is there.
    pub(crate) fn of<'i>(&self, item: &'i Item) -> Option<&'i Value> {
        let mut place = Place::Item(item);
        for step in &self.0 {
            place = Place::Value(match (place, step) {
                (Place::Item(item), Step::Name(name)) => item.get(name)?,
                (Place::Value(Value::M(map)), Step::Name(name)) => map.get(name)?,
                (Place::Value(Value::L(list)), Step::Index(at)) => list.get(*at)?,
                _ => return None,
            });
        }
        match place {
            Place::Value(value) => Some(value),
            Place::Item(_) => None,
        }
    }

    /// Puts a value there. An index behind the end of a list appends. Whether there was a place.
    pub(super) fn put(&self, item: &mut Item, value: Value) -> bool {
        let Some((last, parent)) = self.parent(item) else { return false };
        match (parent, last) {
            (Parent::Map(map), Step::Name(name)) => {
                map.insert(name.clone(), value);
            }
            (Parent::List(list), Step::Index(at)) => match list.get_mut(*at) {
                Some(old) => *old = value,
                None => list.push(value),
            },
            _ => return false,
        }
        true
    }

    /// Takes away what is there. Whether there was a place for it.
    pub(super) fn remove(&self, item: &mut Item) -> bool {
        let Some((last, parent)) = self.parent(item) else { return false };
        match (parent, last) {
            (Parent::Map(map), Step::Name(name)) => {
                map.remove(name);
            }
            (Parent::List(list), Step::Index(at)) => {
                if *at < list.len() {
                    list.remove(*at);
                }
            }
            _ => return false,
        }
        true
    }

    /// The last step, and what it is taken in.
    fn parent<'i>(&self, item: &'i mut Item) -> Option<(&Step, Parent<'i>)> {
        let (last, steps) = self.0.split_last()?;
        let mut parent = Parent::Map(item);
        for step in steps {
            let value = match (parent, step) {
                (Parent::Map(map), Step::Name(name)) => map.get_mut(name)?,
                (Parent::List(list), Step::Index(at)) => list.get_mut(*at)?,
                _ => return None,
            };
            parent = match value {
                Value::M(map) => Parent::Map(map),
                Value::L(list) => Parent::List(list),
                _ => return None,
            };
        }
        Some((last, parent))
    }

    /// The index in a list that it ends with.
    pub(super) fn last_index(&self) -> Option<usize> {
        match self.0.last() {
            Some(Step::Index(at)) => Some(*at),
            _ => None,
        }
    }

    /// What an answer has of an item that is to have these only. Lists keep the order of what is
    /// asked for, not its places.
    pub(crate) fn project(paths: &[Path], item: &Item) -> Item {
        let rests: Vec<&[Step]> = paths.iter().map(|it| &*it.0).collect();
        named(item, &rests)
    }
}

/// Those values of a map that paths lead to.
fn named(map: &Item, paths: &[&[Step]]) -> Item {
    let kept = |(name, value): (&String, &Value)| {
        let is_next = |step: &Step| matches!(step, Step::Name(it) if it == name);
        within(value, &rests(paths, is_next)).map(|it| (name.clone(), it))
    };
    map.iter().filter_map(kept).collect()
}

/// What is left of a value when only what paths lead to is kept.
fn within(value: &Value, paths: &[&[Step]]) -> Option<Value> {
    if paths.iter().any(|it| it.is_empty()) {
        return Some(value.clone());
    }
    match value {
        Value::M(map) => Some(named(map, paths)).filter(|it| !it.is_empty()).map(Value::M),
        Value::L(list) => {
            let kept = |(at, value): (usize, &Value)| {
                let is_next = |step: &Step| *step == Step::Index(at);
                within(value, &rests(paths, is_next))
            };
            let kept: Vec<Value> = list.iter().enumerate().filter_map(kept).collect();
            Some(kept).filter(|it| !it.is_empty()).map(Value::L)
        }
        _ => None,
    }
}

/// What is left of those paths whose next step is this one.
fn rests<'p>(paths: &[&'p [Step]], is_next: impl Fn(&Step) -> bool) -> Vec<&'p [Step]> {
    let split = paths.iter().filter_map(|it| it.split_first());
    split.filter(|(step, _)| is_next(step)).map(|(_, rest)| rest).collect()
}

/// What a step is taken in.
enum Parent<'i> {
    Map(&'i mut Item),
    List(&'i mut Vec<Value>),
}

/// Refuses paths of which one is in another, or asks the other to be something else.
pub(super) fn check_apart(paths: &[Path]) -> Result<(), String> {
    for (at, one) in paths.iter().enumerate() {
        for other in &paths[..at] {
            let common = one.0.iter().zip(&other.0).take_while(|(a, b)| a == b).count();
            if common == one.0.len().min(other.0.len()) {
                return Err(format!(
                    "Two document paths overlap with each other; must remove or rewrite one of \
                     these paths; path one: {other}, path two: {one}"
                ));
            }
            if let (Some(a), Some(b)) = (one.0.get(common), other.0.get(common))
                && matches!(
                    (a, b),
                    (Step::Name(_), Step::Index(_)) | (Step::Index(_), Step::Name(_))
                )
            {
                return Err(format!(
                    "Two document paths conflict with each other; must remove or rewrite one of \
                     these paths; path one: {other}, path two: {one}"
                ));
            }
        }
    }
    Ok(())
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps = self.0.iter().map(|it| match it {
            Step::Name(name) => name.clone(),
            Step::Index(at) => format!("[{at}]"),
        });
        write!(f, "[{}]", steps.collect::<Vec<_>>().join(", "))
    }
}
