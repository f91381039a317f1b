//! Which numbers of a table change, from what to what, and which do not and why.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use lamplighter_core::cloud::tables::{Dimension, NewCapacity, Table, Unit, Units};
use serde::{Deserialize, Serialize};

use super::Params;
use crate::{
    amount::Wanted,
    indexes::{ANY, said_of},
};

/// One number that is to change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Move {
    /// Of an index; `None`: of the table itself.
    pub(super) index: Option<String>,
    pub(super) unit: Unit,
    pub(super) from: u64,
    pub(super) to: u64,
}

impl Move {
    pub(super) fn raises(&self) -> bool {
        self.to > self.from
    }

    /// The number as it is; `None`: the index is gone.
    pub(super) fn now(&self, table: &Table) -> Option<u64> {
        Some(table.capacity_of(self.index.as_deref())?.units().get(self.unit))
    }

    /// What it is called: ``reads of `by-date` ``.
    pub(super) fn name(&self) -> String {
        name(self.index.as_deref(), self.unit)
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.raises() { "raise" } else { "lower" };
        write!(f, "{verb} {} from {} to {}", self.name(), self.from, self.to)
    }
}

/// What is decided of a table.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Moves {
    pub(super) moves: Vec<Move>,
    /// What stays although something else was asked for, and why.
    pub(super) left: Vec<String>,
}

/// Decides which numbers of a table change.
pub(super) fn moves(params: &Params, table: &Table, scaled: &BTreeSet<Dimension>) -> Moves {
    let mut found = Moves::default();
    if let Some(wanted) = &params.table {
        found.add(wanted, table, None, scaled);
    }
    for index in &table.indexes {
        if let Some(wanted) = said_of(&params.indexes, &index.name) {
            found.add(wanted, table, Some(&index.name), scaled);
        }
    }
    let is_there = |name: &&String| table.indexes.iter().any(|it| it.name == **name);
    for name in params.indexes.keys().filter(|it| *it != ANY && !is_there(it)) {
        found.left.push(match table.local_indexes.contains(name) {
            true => format!("`{name}` is a local index, which uses the capacity of the table"),
            false => format!("it has no index `{name}`"),
        });
    }
    found
}

impl Moves {
    fn add(
        &mut self,
        wanted: &Wanted,
        table: &Table,
        index: Option<&String>,
        scaled: &BTreeSet<Dimension>,
    ) {
        let now = table.capacity_of(index.map(String::as_str)).map(|it| it.units());
        let now = now.unwrap_or_default();
        for unit in [Unit::Reads, Unit::Writes] {
            let from = now.get(unit);
            let Some(to) = wanted.becomes(unit, now).filter(|to| *to != from) else { continue };
            let dimension = Dimension { table: table.id.clone(), index: index.cloned(), unit };
            let name = || name(index.map(String::as_str), unit);
            if scaled.contains(&dimension) {
                self.left.push(format!("Application Auto Scaling sets the {}", name()));
            } else if unit == Unit::Writes && !table.replicas.is_empty() {
                let regions = table.replicas.join(", ");
                self.left.push(format!(
                    "the {} of a global table are the same in all its regions: {regions}, too",
                    name()
                ));
            } else {
                self.moves.push(Move { index: index.cloned(), unit, from, to });
            }
        }
    }
}

/// The request that makes these moves; what else there is in it stays as the table shows it, or
/// as `all` moves have it who were made before.
pub(super) fn request(made: &[&Move], all: &[Move], table: &Table) -> NewCapacity {
    let mut new = NewCapacity::default();
    let mut holders: BTreeMap<Option<&str>, Units> = BTreeMap::new();
    for it in made {
        let holder = it.index.as_deref();
        let Some(now) = table.capacity_of(holder) else { continue };
        holders.entry(holder).or_insert_with(|| {
            let mut units = now.units();
            // What was raised before stays so, even if the table does not show it yet.
            let before = all.iter().filter(|it| it.index.as_deref() == holder && it.raises());
            before.for_each(|it| units.set(it.unit, units.get(it.unit).max(it.to)));
            units
        });
        if let Some(units) = holders.get_mut(&holder) {
            units.set(it.unit, it.to);
        }
    }
    for (holder, units) in holders {
        match holder {
            None => new.table = Some(units),
            Some(index) => drop(new.indexes.insert(index.to_owned(), units)),
        }
    }
    new
}

fn name(index: Option<&str>, unit: Unit) -> String {
    let unit = match unit {
        Unit::Reads => "reads",
        Unit::Writes => "writes",
    };
    match index {
        None => format!("{unit} of the table"),
        Some(index) => format!("{unit} of `{index}`"),
    }
}
