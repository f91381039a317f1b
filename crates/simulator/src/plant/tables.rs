//! What tests do to tables, and see of them.

use lamplighter_core::{
    Place,
    cloud::{
        table_backups::Backup,
        tables::{Dimension, Table, Units},
    },
};

use crate::{
    Cloud,
    dynamodb::{
        backups::{self, Summary},
        table::{self, Shown},
    },
};

/// What tests do to tables.
impl Cloud {
    /// Puts a table into a place, which is opened. It stays in its state for good.
    pub fn put_table(&self, place: &Place, table: Table) {
        self.open(place);
        let table = table::Table::from(table);
        self.at(place, |it, _| it.dynamodb.tables.fill([(table.name.as_str().into(), table)]));
    }

    /// Puts a backup of a table into a place, which is opened. It stays in its state for good.
    pub fn put_table_backup(&self, place: &Place, backup: Backup) {
        self.open(place);
        let backup = backups::Backup::from(backup);
        self.at(place, |it, _| it.dynamodb.backups.fill([(backup.arn.as_str().into(), backup)]));
    }

    /// Application Auto Scaling sets this number from now on.
    pub fn scale(&self, place: &Place, dimension: Dimension) {
        self.at(place, |it, _| it.scaling.register(dimension));
    }

    /// Gives a table another capacity now, as somebody else might.
    pub fn provision(&self, place: &Place, table: &str, units: Units) {
        self.at(place, |it, now| {
            it.dynamodb.tables.change(table, now, |it| it.capacity.now = units.into());
        });
    }

    /// Takes a table away, as somebody else might.
    pub fn remove_table(&self, place: &Place, table: &str) {
        self.at(place, |it, now| drop(it.dynamodb.tables.remove(table, now)));
    }
}

/// What tests find there.
impl Cloud {
    /// The backups of tables of a place, by ARN.
    pub fn table_backups_in(&self, place: &Place) -> Vec<Backup> {
        self.at(place, |it, _| {
            let backups = it.dynamodb.backups.iter();
            backups.map(|(_, it)| Backup::from(&Summary::of(it, place))).collect()
        })
    }

    /// The tables of a place, by name.
    pub fn tables_in(&self, place: &Place) -> Vec<Table> {
        self.at(place, |it, now| {
            let here = &it.dynamodb;
            let shown = here.tables.iter().map(|(name, table)| Table {
                tags: table.tags.clone(),
                ..Table::from(&Shown::of(table, here.size(name), place, now))
            });
            shown.collect()
        })
    }
}
