//! DynamoDB tables in a world.

use jiff::SignedDuration;
use lamplighter_core::{
    JobId, RunId, Tags,
    cloud::{
        Session,
        table_backups::Backup,
        tables::{Capacity, Dimension, Index, Table, Unit},
    },
};

use super::{BEGIN, World, owned, sorted};

impl World {
    /// Puts a table there that has 10 reads and 10 writes provisioned, and was never lowered.
    pub fn table<const N: usize>(self, name: &str, tags: [(&str, &str); N]) -> World {
        self.table_with(name, tags, |_| {})
    }

    /// Puts a table there that is different.
    pub fn table_with<const N: usize>(
        self,
        name: &str,
        tags: [(&str, &str); N],
        change: impl FnOnce(&mut Table),
    ) -> World {
        let (region, account) = (&self.here.region, &self.here.account);
        let mut table = Table {
            id: name.to_owned(),
            arn: format!("arn:aws:dynamodb:{region}:{account}:table/{name}"),
            state: "ACTIVE".to_owned(),
            created_at: Some(BEGIN - SignedDuration::from_hours(24 * 365)),
            billing: "provisioned".to_owned(),
            on_demand_since: None,
            capacity: capacity(10, 10),
            indexes: Vec::new(),
            local_indexes: Vec::new(),
            replicas: Vec::new(),
            deletion_protection: false,
            tags: owned(tags),
        };
        change(&mut table);
        self.cloud.cloud().put_table(&self.here, table);
        self
    }

    /// Application Auto Scaling sets this of a table there, or of one of its indexes.
    pub fn scaled(self, table: &str, index: Option<&str>, unit: Unit) -> World {
        let (table, index) = (table.to_owned(), index.map(str::to_owned));
        self.cloud.cloud().scale(&self.here, Dimension { table, index, unit });
        self
    }

    /// Puts a backup of a table there that is so many days old and that a task has made. Its ARN
    /// ends in when it was made.
    pub fn table_backup(self, table: &str, days_old: i64, task: &str) -> World {
        self.table_backup_with(table, days_old, task, |_| {})
    }

    /// Puts a backup of a table there that is different.
    pub fn table_backup_with(
        self,
        table: &str,
        days_old: i64,
        task: &str,
        change: impl FnOnce(&mut Backup),
    ) -> World {
        let occurrence = BEGIN - SignedDuration::from_hours(24 * days_old);
        let task = task.parse().expect("the test names a task");
        let job = JobId::act(&RunId::new(&task, occurrence), &self.here, table);
        let name = Backup::name_of(table, &Session { task, occurrence }, &job);
        self.backup_named(table, days_old, &name, change)
    }

    /// Puts a backup of a table there that somebody else has made.
    pub fn others_table_backup(self, table: &str, days_old: i64, name: &str) -> World {
        self.backup_named(table, days_old, name, |_| {})
    }

    fn backup_named(
        self,
        table: &str,
        days_old: i64,
        name: &str,
        change: impl FnOnce(&mut Backup),
    ) -> World {
        let (region, account) = (&self.here.region, &self.here.account);
        let created_at = BEGIN - SignedDuration::from_hours(24 * days_old);
        let millis = created_at.as_millisecond();
        let mut backup = Backup {
            id: format!(
                "arn:aws:dynamodb:{region}:{account}:table/{table}/backup/{millis:014}-00000000"
            ),
            name: name.to_owned(),
            table: table.to_owned(),
            state: "AVAILABLE".to_owned(),
            created_at,
            size_bytes: Some(0),
            tags: Tags::new(),
        };
        change(&mut backup);
        self.cloud.cloud().put_table_backup(&self.here, backup);
        self
    }

    /// The tables, one line each: name, state, capacity, and that of each index.
    pub fn tables(&self) -> String {
        let places = self.cloud.places();
        let all = places.iter().flat_map(|place| self.cloud.cloud().tables_in(place));
        sorted(all.map(|it| {
            let Capacity { reads, writes, .. } = it.capacity;
            let mut line = format!("{} {} {reads}/{writes}", it.id, it.state);
            for Index { name, capacity: Capacity { reads, writes, .. }, .. } in &it.indexes {
                line.push_str(&format!(" {name}={reads}/{writes}"));
            }
            line
        }))
    }
}

/// Capacity that was never lowered.
pub fn capacity(reads: u64, writes: u64) -> Capacity {
    Capacity { reads, writes, ..Capacity::default() }
}

/// An index of a table that is there.
pub fn index(name: &str, reads: u64, writes: u64) -> Index {
    let (name, state) = (name.to_owned(), "ACTIVE".to_owned());
    Index { name, state, capacity: capacity(reads, writes) }
}
