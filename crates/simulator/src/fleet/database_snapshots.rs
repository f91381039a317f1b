//! Snapshots of RDS: the history of databases and of clusters.

use jiff::Timestamp;
use lamplighter_core::{AccountId, Place, select::TagPatterns};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    clusters::ClusterEngine,
    databases::{DatabaseEngine, KEY, check_names},
    entry::{Bad, Common, Entry, Unique, check_keys, entry},
    here::{AGE as MADE, Here, uuid},
    snapshots::{AGE, EVERY},
};
use crate::{
    rds::{
        clusters::Cluster,
        instances::Instance,
        kind::Kind,
        option_groups::OptionGroup,
        snapshots::{self as rds_snapshots, Origin, Snapshot, Status},
    },
    words::{OneOrMore, Time},
};

entry! {
    /// RDS snapshots of the databases with these names, of those with these tags, or of all in
    /// each place, with `id` as their name. `count` is how many there are of each database, and
    /// `age`, `1h` by default, how old the newest is. In texts, `{database}` is the database and
    /// `{at}` the time of the snapshot.
    pub struct DatabaseSnapshots {
        /// The database's name, or several, in one place. One that is not there is gone.
        pub database: OneOrMore<String>,
        /// The tags of the databases.
        pub of: TagPatterns,
        /// How much older each is than the one after it; `1d` by default.
        pub every: Time,
        /// The engine of databases that are gone; `mysql` by default.
        pub engine: DatabaseEngine,
        /// The size in GiB of databases that are gone; 20 by default.
        pub size: u32,
        /// Who made them; `manual` by default.
        pub r#type: DatabaseSnapshotType,
        /// The state; `available` by default.
        pub state: DatabaseSnapshotState,
        /// The other accounts that may copy and restore them.
        pub shared_with: OneOrMore<AccountId>,
        /// The KMS key that they are encrypted with, by its alias or its ARN; by default that of
        /// the database, if it has one.
        pub key: String,
        /// The option group that a restored instance needs, which is there then; by default that
        /// of the database.
        pub option_group: String,
    }
}

entry! {
    /// Snapshots of the clusters with these names, of those with these tags, or of all in each
    /// place, with `id` as their name. `count` is how many there are of each cluster, and `age`,
    /// `1h` by default, how old the newest is. In texts, `{cluster}` is the cluster and `{at}` the
    /// time of the snapshot.
    pub struct ClusterSnapshots {
        /// The cluster's name, or several, in one place. One that is not there is gone.
        pub cluster: OneOrMore<String>,
        /// The tags of the clusters.
        pub of: TagPatterns,
        /// How much older each is than the one after it; `1d` by default.
        pub every: Time,
        /// The engine of clusters that are gone; `aurora-mysql` by default.
        pub engine: ClusterEngine,
        /// Who made them; `manual` by default.
        pub r#type: DatabaseSnapshotType,
        /// The state; `available` by default.
        pub state: DatabaseSnapshotState,
        /// The other accounts that may copy and restore them.
        pub shared_with: OneOrMore<AccountId>,
        /// The KMS key that they are encrypted with, by its alias or its ARN; by default that of
        /// the cluster, if it has one.
        pub key: String,
    }
}

/// Who made a snapshot of a database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DatabaseSnapshotType {
    /// The account.
    #[default]
    Manual,
    /// RDS itself, which calls them `rds:DATABASE-2026-03-02-02-00`; of two of one minute, the
    /// later entry's is there.
    Automated,
    /// AWS Backup, which calls them `awsbackup:job-…`.
    Awsbackup,
}

/// The state of a snapshot of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DatabaseSnapshotState {
    /// It can be restored.
    Available,
    /// It becomes available after the time that snapshots take.
    Creating,
    /// It has failed.
    Failed,
}

impl Entry for DatabaseSnapshots {
    const KEY: &'static str = "database-snapshots";
    const KIND: &'static str = "snapshot";
    const PREFIX: &'static str = "";
    const UNIQUE: Unique = Unique::InPlace;
    const NAMES: &'static [&'static str] = &["database"];

    type Item = Snapshot;

    fn common(&self) -> Common<'_> {
        Common { age: Some(self.age.as_ref().unwrap_or(&AGE)), ..self.all_say() }
    }

    fn check(&self, places: &[Place], bad: &mut Bad<'_>) {
        self.history().check(places, bad);
        if self.engine.is_some() && self.database.is_none() {
            bad.say("engine", "`engine` goes with a `database`: what is there has one");
        }
        if self.size.is_some() && self.database.is_none() {
            bad.say("size", "`size` goes with a `database`: what is there has one");
        }
        if self.size.is_some_and(|it| !(5..=65_536).contains(&it)) {
            bad.say("size", "a database has 5..65536 GiB");
        }
    }

    fn make(&self, here: &mut Here<'_>) -> Vec<(Box<str>, Snapshot)> {
        let mut sources = self.sources(here);
        if let Some(name) = &self.option_group {
            let groups = &mut here.services().rds.option_groups;
            for source in &mut sources {
                let new = OptionGroup::new(&source.engine);
                groups.entry(name.as_str().into()).or_insert(new);
                source.option_group = Some(name.as_str().into());
            }
        }
        self.history().make::<DatabaseSnapshots>(sources, here)
    }

    fn put(here: &mut Here<'_>, items: Vec<(Box<str>, Snapshot)>) {
        put(Kind::Instance, items, here);
    }
}

impl DatabaseSnapshots {
    fn history(&self) -> History<'_> {
        History {
            kind: Kind::Instance,
            common: self.common(),
            word: "database",
            named: self.database.as_ref(),
            of: self.of.as_ref(),
            every: self.every,
            r#type: self.r#type.unwrap_or_default(),
            state: self.state,
            shared_with: self.shared_with.as_ref(),
            key: self.key.as_deref(),
        }
    }

    /// What they are of: members of clusters have no snapshots of their own.
    fn sources(&self, here: &mut Here<'_>) -> Vec<Snapshot> {
        let now = here.now;
        let shelf = &here.services().rds.instances;
        let is_alone = |it: &&Instance| it.member.is_none();
        let Some(names) = &self.database else {
            let is_meant = |it: &&Instance| self.of.as_ref().is_none_or(|of| of.selects(&it.tags));
            let all = shelf.iter().map(|(_, it)| it).filter(is_alone).filter(is_meant);
            return all.map(|it| Snapshot::of_instance("", it, now)).collect();
        };
        let gone = |name: &str| {
            let engine = self.engine.unwrap_or(DatabaseEngine::Mysql).as_str();
            let mut it = Instance::available(name, engine, now - MADE.0);
            it.storage_gib = self.size.unwrap_or(it.storage_gib);
            it
        };
        let source = |name: &String| match shelf.get(name).filter(is_alone) {
            Some(it) => Snapshot::of_instance("", it, now),
            None => Snapshot::of_instance("", &gone(name), now),
        };
        names.iter().map(source).collect()
    }
}

impl Entry for ClusterSnapshots {
    const KEY: &'static str = "cluster-snapshots";
    const KIND: &'static str = "cluster-snapshot";
    const PREFIX: &'static str = "";
    const UNIQUE: Unique = Unique::InPlace;
    const NAMES: &'static [&'static str] = &["cluster"];

    type Item = Snapshot;

    fn common(&self) -> Common<'_> {
        Common { age: Some(self.age.as_ref().unwrap_or(&AGE)), ..self.all_say() }
    }

    fn check(&self, places: &[Place], bad: &mut Bad<'_>) {
        self.history().check(places, bad);
        if self.engine.is_some() && self.cluster.is_none() {
            bad.say("engine", "`engine` goes with a `cluster`: what is there has one");
        }
    }

    fn make(&self, here: &mut Here<'_>) -> Vec<(Box<str>, Snapshot)> {
        let sources = self.sources(here);
        self.history().make::<ClusterSnapshots>(sources, here)
    }

    fn put(here: &mut Here<'_>, items: Vec<(Box<str>, Snapshot)>) {
        put(Kind::Cluster, items, here);
    }
}

impl ClusterSnapshots {
    fn history(&self) -> History<'_> {
        History {
            kind: Kind::Cluster,
            common: self.common(),
            word: "cluster",
            named: self.cluster.as_ref(),
            of: self.of.as_ref(),
            every: self.every,
            r#type: self.r#type.unwrap_or_default(),
            state: self.state,
            shared_with: self.shared_with.as_ref(),
            key: self.key.as_deref(),
        }
    }

    /// What they are of.
    fn sources(&self, here: &mut Here<'_>) -> Vec<Snapshot> {
        let now = here.now;
        let shelf = &here.services().rds.clusters;
        let Some(names) = &self.cluster else {
            let is_meant = |it: &&Cluster| self.of.as_ref().is_none_or(|of| of.selects(&it.tags));
            let all = shelf.iter().map(|(_, it)| it).filter(is_meant);
            return all.map(|it| Snapshot::of_cluster("", it, now)).collect();
        };
        let engine = self.engine.unwrap_or(ClusterEngine::AuroraMysql).as_str();
        let source = |name: &String| match shelf.get(name) {
            Some(it) => Snapshot::of_cluster("", it, now),
            None => {
                let gone = Cluster::available(name, engine, now - MADE.0);
                Snapshot::of_cluster("", &gone, now)
            }
        };
        names.iter().map(source).collect()
    }
}

/// What entries of both kinds say.
struct History<'e> {
    kind: Kind,
    common: Common<'e>,
    /// What the source is called, in keys and in texts.
    word: &'static str,
    named: Option<&'e OneOrMore<String>>,
    of: Option<&'e TagPatterns>,
    every: Option<Time>,
    r#type: DatabaseSnapshotType,
    state: Option<DatabaseSnapshotState>,
    shared_with: Option<&'e OneOrMore<AccountId>>,
    key: Option<&'e str>,
}

impl History<'_> {
    fn check(&self, places: &[Place], bad: &mut Bad<'_>) {
        let word = self.word;
        check_names(&self.common, places, self.kind.words().longest_snapshot, bad);
        if self.named.is_some() && places.len() > 1 {
            bad.say(word, format!("with `{word}`, `account` and `region` say where it is"));
        }
        if self.named.is_some() && self.of.is_some() {
            bad.say("of", format!("there is `{word}` already"));
        }
        let manual = self.r#type == DatabaseSnapshotType::Manual;
        if self.common.id.is_some() && !manual {
            bad.say("id", "only `manual` ones are named by somebody");
        } else if self.common.id.is_some() && self.named.is_none_or(|it| it.iter().count() != 1) {
            bad.say("id", format!("with an `id`, `{word}` is one"));
        }
        self.check_shared(manual, bad);
        if let Some(key) = self.key {
            check_keys("key", [&key.to_owned()], bad);
        }
    }

    /// Source: RDS User Guide, "Sharing a DB snapshot for Amazon RDS".
    fn check_shared(&self, manual: bool, bad: &mut Bad<'_>) {
        let Some(others) = self.shared_with else { return };
        let most = rds_snapshots::share::MOST;
        if !manual {
            bad.say("shared-with", "only `manual` ones are shared");
        } else if others.iter().count() > most {
            bad.say("shared-with", format!("a snapshot is shared with at most {most} accounts"));
        } else if self.key == Some(KEY) {
            bad.say("shared-with", format!("what `{KEY}` encrypts is not shared"));
        }
    }

    /// Makes snapshots like those of the sources.
    fn make<E: Entry>(
        &self,
        sources: Vec<Snapshot>,
        here: &mut Here<'_>,
    ) -> Vec<(Box<str>, Snapshot)> {
        let mut made = Vec::new();
        for source in sources {
            let count = self.common.count.map_or(1, |it| it.draw(&mut here.random));
            for n in 1..=count {
                let it = self.snapshot::<E>(&source, n, here);
                made.push((it.name.clone(), it));
            }
        }
        made
    }

    fn snapshot<E: Entry>(&self, source: &Snapshot, n: u32, here: &mut Here<'_>) -> Snapshot {
        let older = self.every.unwrap_or(EVERY).0 * (n as i32 - 1);
        let names = [(self.word, &*source.database)];
        let one = here.one::<E>(&self.common, n, older, &names);
        let at = one.created_at;
        let (status, ready_at) = match self.state {
            None | Some(DatabaseSnapshotState::Available) => (Status::Available, at),
            Some(DatabaseSnapshotState::Failed) => (Status::Failed, at),
            Some(DatabaseSnapshotState::Creating) => {
                (Status::Creating, here.now + here.times().databases.snapshot)
            }
        };
        let (origin, name) = match self.r#type {
            DatabaseSnapshotType::Manual => (Origin::Manual, one.id),
            DatabaseSnapshotType::Automated => (Origin::Automated, automated(&source.database, at)),
            DatabaseSnapshotType::Awsbackup => {
                let job = uuid(&mut here.random);
                (Origin::AwsBackup, format!("awsbackup:job-{job}").into())
            }
        };
        let others = self.shared_with.into_iter().flat_map(OneOrMore::iter);
        Snapshot {
            name,
            origin,
            status,
            database_created_at: source.database_created_at.min(at),
            started_at: at,
            ready_at,
            taken_at: at,
            key: match self.key {
                Some(key) => Some(here.key(key)),
                None => source.key.clone(),
            },
            restorable_by: others.map(|it| it.as_str().into()).collect(),
            tags: one.tags,
            ..source.clone()
        }
    }
}

/// The name that RDS gives.
/// Source: RDS User Guide, "Introduction to backups".
fn automated(database: &str, at: Timestamp) -> Box<str> {
    format!("rds:{database}-{}", at.strftime("%Y-%m-%d-%H-%M")).into()
}

fn put(kind: Kind, items: Vec<(Box<str>, Snapshot)>, here: &mut Here<'_>) {
    for (name, it) in &items {
        if it.status == Status::Creating {
            here.plan_snapshot(kind, name, it.ready_at);
        }
    }
    here.services().rds.snapshots_mut(kind).fill(items);
}
