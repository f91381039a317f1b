//! On-demand backups of DynamoDB tables.

use lamplighter_core::{Place, select::TagPatterns};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    entry::{Bad, Common, Entry, entry, unknown_name},
    here::{self, AGE as MADE, Here, uuid},
    snapshots::{AGE, EVERY},
    tables,
};
use crate::{
    dynamodb::{
        Happening,
        backups::{Backup, Status},
        table::Table,
    },
    words::{OneOrMore, TagValue, Text, Time},
};

entry! {
    /// Backups of the tables with these names, of those with these tags, or of all in each place.
    /// `count` is how many there are of each table, and `age`, `1h` by default, how old the newest
    /// is. They have neither tags nor an `id`: AWS makes their ARNs. In texts, `{table}` is the
    /// table.
    pub struct Backups {
        /// The table's name, or several, in one place. One that is not there is gone.
        pub table: OneOrMore<String>,
        /// The tags of the tables.
        pub of: TagPatterns,
        /// How much older each is than the one after it; `1d` by default.
        pub every: Time,
        /// The name, `backup` by default; several may have the same.
        pub name: Text,
        /// The state; `available` by default.
        pub state: BackupState,
    }
}

/// The state of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BackupState {
    /// A table can be made of it.
    Available,
    /// It becomes available after the time that backups take.
    Creating,
}

impl Entry for Backups {
    const KEY: &'static str = "backups";
    const KIND: &'static str = "backup";
    const PREFIX: &'static str = "";
    const NAMES: &'static [&'static str] = &["table"];

    type Item = Backup;

    fn common(&self) -> Common<'_> {
        Common { age: Some(self.age.as_ref().unwrap_or(&AGE)), ..self.all_say() }
    }

    fn check(&self, places: &[Place], bad: &mut Bad<'_>) {
        if self.table.is_some() && places.len() > 1 {
            bad.say("table", "with `table`, `account` and `region` say where it is");
        }
        if self.table.is_some() && self.of.is_some() {
            bad.say("of", "there is `table` already");
        }
        if self.id.is_some() {
            bad.say("id", "AWS makes the ARNs of backups: people give them a `name`");
        }
        if self.tags.values().any(|it| it.iter().any(|it| *it != TagValue(None))) {
            bad.say("tags", "backups have no tags");
        }
        if let Some(why) = self.name.as_ref().and_then(unsound) {
            bad.say("name", why);
        }
    }

    fn make(&self, here: &mut Here<'_>) -> Vec<(Box<str>, Backup)> {
        let mut made = Vec::new();
        for table in self.sources(here) {
            let count = self.count.map_or(1, |it| it.draw(&mut here.random));
            for n in 1..=count {
                let it = self.backup(&table, n, here);
                made.push((it.arn.as_str().into(), it));
            }
        }
        made
    }

    fn put(here: &mut Here<'_>, items: Vec<(Box<str>, Backup)>) {
        let takes = here.times().table_backup;
        for (arn, it) in &items {
            if it.status == Status::Creating {
                here.plan_table(here.now + takes, Happening::Backup(arn.clone()));
            }
        }
        here.services().dynamodb.backups.fill(items);
    }
}

impl Backups {
    /// The tables that they are of.
    fn sources(&self, here: &mut Here<'_>) -> Vec<Table> {
        let Some(names) = &self.table else {
            let is_meant = |it: &&Table| self.of.as_ref().is_none_or(|of| of.selects(&it.tags));
            let all = here.services().dynamodb.tables.iter().map(|(_, it)| it);
            return all.filter(is_meant).cloned().collect();
        };
        names.iter().map(|name| source(name, here)).collect()
    }

    fn backup(&self, table: &Table, n: u32, here: &mut Here<'_>) -> Backup {
        let older = self.every.unwrap_or(EVERY).0 * (n as i32 - 1);
        let names = [("table", table.name.as_str())];
        let one = here.one::<Backups>(&self.common(), n, older, &names);
        let place = here.place().clone();
        let name = match &self.name {
            Some(name) => here::fill(name, &mut here.random, &place, n, &names),
            None => "backup".to_owned(),
        };
        let mut table = table.clone();
        table.created_at = table.created_at.min(one.created_at);
        let size = here.services().dynamodb.size(&table.name);
        let mut it = Backup::creating(&place, table, name, &one.id, size, one.created_at);
        if self.state != Some(BackupState::Creating) {
            it.status = Status::Available;
        }
        it
    }
}

/// A table that is there, or one that is gone.
fn source(name: &str, here: &mut Here<'_>) -> Table {
    if let Some(table) = here.services().dynamodb.tables.get(name) {
        return table.clone();
    }
    let mut gone = tables::on_demand(name, here.now - MADE.0);
    gone.id = uuid(&mut here.random);
    gone
}

/// Why a text cannot be the name of a backup.
/// Source: DynamoDB API, `CreateBackup`, `BackupName`.
fn unsound(name: &Text) -> Option<String> {
    let is_name = |it: char| it.is_ascii_alphanumeric() || "-_.{}".contains(it);
    if !name.to_string().chars().all(is_name) {
        return Some("a name has only letters, digits, `-`, `_` and `.`".to_owned());
    }
    if name.as_plain().is_some_and(|it| !(3..=255).contains(&it.len())) {
        return Some("the name of a backup has 3 to 255 characters".to_owned());
    }
    if name.names().any(|it| it == "at") {
        return Some("a name does not say the time, for it has no colons".to_owned());
    }
    unknown_name::<Backups>(name)
}
