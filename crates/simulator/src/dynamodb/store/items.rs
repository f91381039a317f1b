//! The items of a table, with what they were a while ago, for reads that are eventually
//! consistent.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use jiff::Timestamp;

use super::key::{Key, key_in};
use crate::{
    dynamodb::{
        schema::KeySchemaElement,
        table::{Size, Table},
        value::{self, Item, Scalar},
    },
    shelf::LONGEST_LAG,
};

/// The items of a table.
#[derive(Debug, Default)]
pub(crate) struct Items {
    now: BTreeMap<Position, Arc<Item>>,
    /// What changed lately, newest last: when, and what was there before.
    past: VecDeque<(Timestamp, Position, Option<Arc<Item>>)>,
    indexes: BTreeMap<String, Index>,
    bytes: usize,
}

/// An index of a table, which has those items that have its keys.
#[derive(Debug)]
struct Index {
    keys: Vec<KeySchemaElement>,
    entries: BTreeSet<Entry>,
}

/// An item in an index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    at: Position,
    item: Position,
}

/// Where an item is: partitions are in no order that means anything.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Position {
    partition: u64,
    pub(crate) key: Key,
}

impl Position {
    pub(crate) fn of(key: Key) -> Position {
        Position { partition: partition(&key.hash), key }
    }

    /// Which of so many equal parts of the table it is in.
    pub(crate) fn segment(&self, of: u64) -> u64 {
        ((u128::from(self.partition) * u128::from(of)) >> 64) as u64
    }
}

/// The place of a partition among all.
fn partition(hash: &Scalar) -> u64 {
    let mut hasher = DefaultHasher::new();
    hash.hash(&mut hasher);
    hasher.finish()
}

/// An item that a read has come to: where in the index or table, where in the table, and what.
pub(crate) struct Found {
    pub(crate) at: Position,
    pub(crate) item_at: Position,
    pub(crate) item: Arc<Item>,
}

impl Items {
    /// Has the indexes that the table has.
    pub(crate) fn align(&mut self, table: &Table) {
        self.indexes.retain(|name, _| table.index(name).is_some());
        for index in &table.indexes {
            if !self.indexes.contains_key(&index.name) {
                let entry = |(item, of): (&Position, &Arc<Item>)| {
                    let at = Position::of(key_in(&index.keys, of)?);
                    Some(Entry { at, item: item.clone() })
                };
                let entries = self.now.iter().filter_map(entry).collect();
                self.indexes
                    .insert(index.name.clone(), Index { keys: index.keys.clone(), entries });
            }
        }
    }

    pub(crate) fn size(&self) -> Size {
        Size { items: self.now.len(), bytes: self.bytes }
    }

    /// The item of a key, as it is.
    pub(crate) fn get(&self, key: &Key) -> Option<&Arc<Item>> {
        self.now.get(&Position::of(key.clone()))
    }

    /// The item of a key, as it was at an instant.
    pub(crate) fn get_at(&self, key: &Key, at: Timestamp) -> Option<Arc<Item>> {
        let position = Position::of(key.clone());
        match self.changed_since(at).remove(&position) {
            Some(before) => before,
            None => self.now.get(&position).cloned(),
        }
    }

    /// Puts an item there, or takes it away. What was there.
    pub(crate) fn set(
        &mut self,
        key: Key,
        item: Option<Item>,
        now: Timestamp,
    ) -> Option<Arc<Item>> {
        while self.past.front().is_some_and(|(at, ..)| *at <= now - LONGEST_LAG) {
            self.past.pop_front();
        }
        let position = Position::of(key);
        let item = item.map(Arc::new);
        let before = match &item {
            Some(item) => self.now.insert(position.clone(), item.clone()),
            None => self.now.remove(&position),
        };
        for index in self.indexes.values_mut() {
            let entry = |of: &Arc<Item>| {
                let at = Position::of(key_in(&index.keys, of)?);
                Some(Entry { at, item: position.clone() })
            };
            if let Some(old) = before.as_ref().and_then(entry) {
                index.entries.remove(&old);
            }
            index.entries.extend(item.as_ref().and_then(entry));
        }
        let size = |it: &Arc<Item>| value::size(it);
        self.bytes -= before.as_ref().map_or(0, size);
        self.bytes += item.as_ref().map_or(0, size);
        self.past.push_back((now, position, before.clone()));
        before
    }

    /// Those items that have changed since an instant, as they were then.
    fn changed_since(&self, at: Timestamp) -> HashMap<Position, Option<Arc<Item>>> {
        let newest_first = self.past.iter().rev().take_while(|(since, ..)| *since > at);
        newest_first.map(|(_, position, before)| (position.clone(), before.clone())).collect()
    }

    /// The items of one partition, or of all, in the order of the table or of an index, as they
    /// were at an instant.
    pub(crate) fn read(
        &self,
        index: Option<&str>,
        hash: Option<&Scalar>,
        at: Timestamp,
    ) -> Vec<Found> {
        let changed = self.changed_since(at);
        let index = index.and_then(|name| self.indexes.get(name));
        let within = |it: &Position| hash.is_none_or(|hash| it.key.hash == *hash);
        let first = hash.map(|hash| Position::of(Key { hash: hash.clone(), range: None }));
        let found = |at: &Position, item_at: &Position, item: &Arc<Item>| Found {
            at: at.clone(),
            item_at: item_at.clone(),
            item: item.clone(),
        };
        let unchanged = |it: &Position| !changed.contains_key(it);
        let mut all: Vec<Found> = match (index, first) {
            (None, None) => {
                let items = self.now.iter().filter(|(at, _)| unchanged(at));
                items.map(|(at, item)| found(at, at, item)).collect()
            }
            (None, Some(first)) => {
                let items = self.now.range(first..).take_while(|(at, _)| within(at));
                let items = items.filter(|(at, _)| unchanged(at));
                items.map(|(at, item)| found(at, at, item)).collect()
            }
            (Some(index), first) => {
                let first = first.map(|at| {
                    let least = Key { hash: Scalar::S(String::new()), range: None };
                    Entry { at, item: Position { partition: 0, key: least } }
                });
                let entries: Box<dyn Iterator<Item = &Entry>> = match first {
                    None => Box::new(index.entries.iter()),
                    Some(first) => Box::new(index.entries.range(first..)),
                };
                let entries = entries.take_while(|it| within(&it.at));
                let entries = entries.filter(|it| unchanged(&it.item));
                let items = entries.filter_map(|it| Some((it, self.now.get(&it.item)?)));
                items.map(|(it, item)| found(&it.at, &it.item, item)).collect()
            }
        };
        if changed.is_empty() {
            return all;
        }
        let then = changed.iter().filter_map(|(position, item)| {
            let item = item.as_ref()?;
            let at = match index {
                None => position.clone(),
                Some(index) => Position::of(key_in(&index.keys, item)?),
            };
            Some(found(&at, position, item))
        });
        all.extend(then.filter(|it| within(&it.at)));
        all.sort_by(|a, b| (&a.at, &a.item_at).cmp(&(&b.at, &b.item_at)));
        all
    }
}
