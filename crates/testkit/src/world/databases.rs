//! Databases and their snapshots in a world.

use jiff::SignedDuration;
use lamplighter_core::{
    Place, Tags,
    action::TAKEN_AT_TAG,
    cloud::rds::{Cluster, Database, Kind, Snapshot},
    tagging,
};

use lamplighter_simulator::DatabaseTimes;

use super::{BEGIN, World, owned, sorted};

impl World {
    /// Whatever happens to databases takes two minutes, and not many: a test that breaks every
    /// call ends sooner.
    pub fn quick_databases(self) -> World {
        let soon = SignedDuration::from_mins(2);
        self.cloud.cloud().dial(|it| {
            it.times.databases = DatabaseTimes {
                create: soon,
                delete: soon,
                start: soon,
                stop: soon,
                reboot: soon,
                change: soon,
                snapshot: soon,
                copy: soon,
            };
        });
        self
    }

    /// Puts a DB instance there: MySQL of 20 GiB that is available.
    pub fn database<const N: usize>(self, name: &str, tags: [(&str, &str); N]) -> World {
        self.database_with(name, tags, |_| {})
    }

    /// Puts a DB instance there that is different.
    pub fn database_with<const N: usize>(
        self,
        name: &str,
        tags: [(&str, &str); N],
        change: impl FnOnce(&mut Database),
    ) -> World {
        let mut database = Database {
            id: name.to_owned(),
            resource_id: format!("db-{}", name.to_ascii_uppercase()),
            state: "available".to_owned(),
            engine: "mysql".to_owned(),
            engine_version: "8.0.40".to_owned(),
            class: "db.t3.micro".to_owned(),
            size_gib: 20,
            storage_type: Some("gp3".to_owned()),
            availability_zone: Some(format!("{}a", self.here.region)),
            multi_az: false,
            created_at: Some(BEGIN - SignedDuration::from_hours(24 * 365)),
            encrypted: false,
            kms_key_id: None,
            cluster: None,
            replica_of: None,
            replicas: Vec::new(),
            copy_tags_to_snapshot: false,
            deletion_protection: false,
            backup_retention_days: 1,
            restarts_at: None,
            tags: owned(tags),
        };
        change(&mut database);
        self.cloud.put_database(&self.here, database);
        self
    }

    /// Puts a DB cluster there: Aurora MySQL that is available, with one member, `NAME-1`.
    pub fn cluster<const N: usize>(self, name: &str, tags: [(&str, &str); N]) -> World {
        self.cluster_with(name, tags, |_| {})
    }

    /// Puts a DB cluster there that is different.
    pub fn cluster_with<const N: usize>(
        self,
        name: &str,
        tags: [(&str, &str); N],
        change: impl FnOnce(&mut Cluster),
    ) -> World {
        let mut cluster = Cluster {
            id: name.to_owned(),
            resource_id: format!("cluster-{}", name.to_ascii_uppercase()),
            state: "available".to_owned(),
            engine: "aurora-mysql".to_owned(),
            engine_version: "8.0.mysql_aurora.3.08.0".to_owned(),
            engine_mode: "provisioned".to_owned(),
            availability_zones: Vec::new(),
            created_at: Some(BEGIN - SignedDuration::from_hours(24 * 365)),
            encrypted: false,
            kms_key_id: None,
            members: Vec::new(),
            global_cluster: None,
            replica_of: None,
            replicas: Vec::new(),
            copy_tags_to_snapshot: false,
            deletion_protection: false,
            backup_retention_days: 1,
            restarts_at: None,
            tags: owned(tags),
        };
        change(&mut cluster);
        let engine = cluster.engine.clone();
        let state = match cluster.state.as_str() {
            "starting" | "stopped" | "stopping" => cluster.state.clone(),
            _ => "available".to_owned(),
        };
        let world = self.database_with(&format!("{name}-1"), [], |it| {
            it.engine = engine;
            it.state = state;
            it.cluster = Some(name.to_owned());
        });
        world.cloud.put_cluster(&world.here, cluster);
        world
    }

    /// Puts an available manual snapshot of a DB instance there that is so many days old.
    pub fn database_snapshot<const N: usize>(
        self,
        id: &str,
        database: &str,
        days_old: i64,
        tags: [(&str, &str); N],
    ) -> World {
        self.snapshot_of(Kind::Instance, id, database, days_old, tags, |_| {})
    }

    /// Puts an available manual snapshot of a DB cluster there that is so many days old.
    pub fn cluster_snapshot<const N: usize>(
        self,
        id: &str,
        cluster: &str,
        days_old: i64,
        tags: [(&str, &str); N],
    ) -> World {
        self.snapshot_of(Kind::Cluster, id, cluster, days_old, tags, |_| {})
    }

    /// Puts a snapshot of a database there that is different.
    pub fn snapshot_of<const N: usize>(
        self,
        kind: Kind,
        id: &str,
        database: &str,
        days_old: i64,
        tags: [(&str, &str); N],
        change: impl FnOnce(&mut Snapshot),
    ) -> World {
        let at = BEGIN - SignedDuration::from_hours(24 * days_old);
        let engine = match kind {
            Kind::Instance => "mysql",
            Kind::Cluster => "aurora-mysql",
        };
        let mut snapshot = Snapshot {
            id: id.to_owned(),
            database: database.to_owned(),
            snapshot_type: "manual".to_owned(),
            state: "available".to_owned(),
            created_at: Some(at),
            original_created_at: None,
            engine: engine.to_owned(),
            engine_version: None,
            size_gib: 20,
            encrypted: false,
            kms_key_id: None,
            option_group: None,
            copied_from: None,
            tags: owned(tags),
        };
        change(&mut snapshot);
        self.cloud.put_database_snapshot(&self.here, kind, snapshot);
        self
    }

    /// The databases, clusters among them, one line each: name, state, and tags.
    pub fn databases(&self) -> String {
        let line = |id: &str, state: &str, tags: &Tags| {
            let mut line = format!("{id} {state}");
            for (key, value) in tags {
                line.push_str(&format!(" {key}={value}"));
            }
            line
        };
        let mut lines = Vec::new();
        for place in self.cloud.places() {
            let databases = self.cloud.databases_in(&place);
            lines.extend(databases.iter().map(|it| line(&it.id, &it.state, &it.tags)));
            let clusters = self.cloud.clusters_in(&place);
            lines.extend(clusters.iter().map(|it| line(&it.id, &it.state, &it.tags)));
        }
        sorted(lines.into_iter())
    }

    /// The snapshots of databases, one line each: name, database, state, and the tags that are
    /// not ours.
    pub fn database_snapshots(&self) -> String {
        let line = |it: Snapshot| {
            let mut line = format!("{} of {} {}", it.id, it.database, it.state);
            for (key, value) in tagging::theirs(&it.tags) {
                line.push_str(&format!(" {key}={value}"));
            }
            line
        };
        sorted(self.all_database_snapshots().into_iter().map(|(_, it)| line(it)))
    }

    fn all_database_snapshots(&self) -> Vec<(Place, Snapshot)> {
        let mut all = Vec::new();
        for place in self.cloud.places() {
            for kind in [Kind::Instance, Kind::Cluster] {
                let found = self.cloud.database_snapshots_in(&place, kind).into_iter();
                all.extend(found.map(|it| (place.clone(), it)));
            }
        }
        all
    }

    /// All that two equal runs share of databases and their snapshots, one line each.
    pub(crate) fn effects_on_databases(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for place in self.cloud.places() {
            for mut it in self.cloud.databases_in(&place) {
                it.restarts_at = None;
                lines.push(format!("{place} {it:?}"));
            }
            for mut it in self.cloud.clusters_in(&place) {
                it.restarts_at = None;
                lines.push(format!("{place} {it:?}"));
            }
        }
        for (place, mut it) in self.all_database_snapshots() {
            if it.created_at.is_some_and(|at| at >= BEGIN) {
                it.created_at = None;
                it.original_created_at = None;
                it.tags.entry(TAKEN_AT_TAG.to_owned()).and_modify(|at| at.clear());
            }
            lines.push(format!("{place} {it:?}"));
        }
        lines
    }
}
