//! RDS instances that belong to no cluster.

use std::collections::BTreeMap;

use lamplighter_core::{Place, action::BadParams};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    database_state::{DatabaseState, life},
    entry::{Bad, Common, Entry, Unique, check_keys, check_zones, entry},
    here::{Here, One},
};
use crate::{
    rds::{instances::Instance, kind::Kind, names},
    words::{OneOrMore, Range, Share},
};

/// The class of those that do not say it.
pub(super) const CLASS: &str = "db.t3.micro";
/// The key of what is encrypted and does not say with which.
pub(super) const KEY: &str = "alias/aws/rds";

entry! {
    /// RDS instances that belong to no cluster, with `id` as their name.
    pub struct Databases {
        /// The engine, or several; `mysql` by default.
        pub engine: OneOrMore<DatabaseEngine>,
        /// The class, such as `db.m5.large`, or several; `db.t3.micro` by default.
        pub class: OneOrMore<String>,
        /// The state, or several; `available` by default.
        pub state: OneOrMore<DatabaseState>,
        /// The size in GiB; 20 by default.
        pub size: OneOrMore<Range<u32>>,
        /// The letter of the availability zone, or several; `a` by default.
        pub zone: OneOrMore<String>,
        /// How many of them have a standby in another zone; none by default.
        pub multi_az: Share,
        /// How many of them are encrypted; none by default, and all when there is a `key`.
        pub encrypted: Share,
        /// The KMS key of those that are encrypted, by its alias or its ARN; `alias/aws/rds` by
        /// default. An alias that no key of the fleet has gets a key of its own.
        pub key: OneOrMore<String>,
        /// The instance that all are read replicas of, by its name in the same place.
        pub replica_of: String,
        /// How many of them are protected from deletion; none by default.
        pub deletion_protection: Share,
    }
}

/// The engine of an instance that belongs to no cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "these are AWS's own names")]
pub enum DatabaseEngine {
    Db2Ae,
    Db2Se,
    Mariadb,
    Mysql,
    OracleEe,
    OracleSe2,
    Postgres,
    SqlserverEe,
    SqlserverEx,
    SqlserverSe,
    SqlserverWeb,
}

impl DatabaseEngine {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            DatabaseEngine::Db2Ae => "db2-ae",
            DatabaseEngine::Db2Se => "db2-se",
            DatabaseEngine::Mariadb => "mariadb",
            DatabaseEngine::Mysql => "mysql",
            DatabaseEngine::OracleEe => "oracle-ee",
            DatabaseEngine::OracleSe2 => "oracle-se2",
            DatabaseEngine::Postgres => "postgres",
            DatabaseEngine::SqlserverEe => "sqlserver-ee",
            DatabaseEngine::SqlserverEx => "sqlserver-ex",
            DatabaseEngine::SqlserverSe => "sqlserver-se",
            DatabaseEngine::SqlserverWeb => "sqlserver-web",
        }
    }
}

impl Entry for Databases {
    const KEY: &'static str = "databases";
    const KIND: &'static str = "db";
    const PREFIX: &'static str = "";
    const UNIQUE: Unique = Unique::InPlace;

    type Item = Instance;

    fn common(&self) -> Common<'_> {
        self.all_say()
    }

    fn check(&self, places: &[Place], bad: &mut Bad<'_>) {
        check_names(&self.all_say(), places, names::LONGEST_DATABASE, bad);
        check_classes(self.class.as_ref(), bad);
        let fits = |it: &Range<u32>| it.from >= 5 && it.to <= 65_536;
        if !self.size.iter().flat_map(OneOrMore::iter).all(fits) {
            bad.say("size", "a database has 5..65536 GiB");
        }
        check_zones(self.zone.as_ref(), bad);
        check_keys("key", self.key.iter().flat_map(OneOrMore::iter), bad);
        if self.may_be_stopped() && self.replica_of.is_some() {
            bad.say("state", "a read replica is never stopped");
        }
        let mut engines = self.engine.iter().flat_map(OneOrMore::iter);
        let mirrored = self.multi_az.is_some_and(|it| it != Share::NEVER);
        let sql_server = engines.any(|it| it.as_str().starts_with("sqlserver"));
        if self.may_be_stopped() && mirrored && sql_server {
            bad.say("state", "an SQL Server with a standby is never stopped");
        }
    }

    fn make(&self, here: &mut Here<'_>) -> Vec<(Box<str>, Instance)> {
        here.each(self, |one, here| self.database(one, here))
    }

    fn put(here: &mut Here<'_>, items: Vec<(Box<str>, Instance)>) {
        for (name, it) in &items {
            here.plan_change(Kind::Instance, name, it.life);
        }
        here.services().rds.instances.fill(items);
    }
}

impl Databases {
    fn may_be_stopped(&self) -> bool {
        self.state.iter().flat_map(OneOrMore::iter).any(|it| it.is_stop())
    }

    fn database(&self, one: One, here: &mut Here<'_>) -> Instance {
        let engine =
            self.engine.as_ref().map_or(DatabaseEngine::Mysql, |it| *it.draw(&mut here.random));
        let mut it = Instance::available(&one.id, engine.as_str(), one.created_at);
        let class = self.class.as_ref().map_or(CLASS, |it| it.draw(&mut here.random));
        it.resource_id = resource_id("db", here);
        it.class = here.shared(class);
        it.tags = one.tags;
        it.life = life(self.state.as_ref(), here);
        if let Some(size) = &self.size {
            it.storage_gib = size.draw(&mut here.random).draw(&mut here.random);
        }
        it.zone = here.zone(self.zone.as_ref());
        it.multi_az = self.multi_az.unwrap_or(Share::NEVER).draw(&mut here.random);
        it.key = here.key_of(self.encrypted, self.key.as_ref(), KEY);
        it.replica_of = self.replica_of.as_deref().map(Into::into);
        let protected = self.deletion_protection.unwrap_or(Share::NEVER);
        it.deletion_protection = protected.draw(&mut here.random);
        it
    }
}

/// Says which read replicas cannot be: of what is not there, of another engine, or of what is
/// stopped. Source: RDS User Guide, "Working with DB instance read replicas".
pub(super) fn check_replicas(entries: &[Databases], places: &[Place], found: &mut Vec<BadParams>) {
    let at = |place| entries.iter().enumerate().filter(move |(_, it)| it.common().is_at(place));
    let mut said = vec![false; entries.len()];
    for place in places {
        let mut sources: BTreeMap<String, &Databases> = BTreeMap::new();
        for (_, entry) in at(place) {
            sources.extend(entry.common().ids(place).map(|id| (id, entry)));
        }
        for (index, entry) in at(place) {
            let Some(named) = entry.replica_of.as_ref().filter(|_| !said[index]) else { continue };
            let why = match sources.get(named) {
                None => format!("there is no database `{named}` in {place}"),
                Some(source) if source.engine != entry.engine => {
                    format!("`{named}` has another engine")
                }
                Some(source) if source.may_be_stopped() => {
                    format!("`{named}` may be stopped, and then it has no read replicas")
                }
                Some(_) => continue,
            };
            said[index] = true;
            let path = format!("{}[{index}]", Databases::KEY);
            Bad::new(path, found).say("replica-of", why);
        }
    }
}

/// Says which id is no name of a database or of a snapshot of one.
pub(super) fn check_names(
    common: &Common<'_>,
    places: &[Place],
    longest: usize,
    bad: &mut Bad<'_>,
) {
    let is_name = |it: &String| names::new("id", it, longest).is_ok_and(|kept| kept == *it);
    if let Some(id) = places.iter().flat_map(|it| common.ids(it)).find(|it| !is_name(it)) {
        let expected = "lower-case letters, digits and single hyphens, and begins with a letter";
        bad.say("id", format!("`{id}` is no name: it has at most {longest} {expected}"));
    }
}

/// Says which of these is no class of databases.
pub(super) fn check_classes(classes: Option<&OneOrMore<String>>, bad: &mut Bad<'_>) {
    let mut classes = classes.into_iter().flat_map(OneOrMore::iter);
    if let Some(class) = classes.find(|it| !it.starts_with("db.")) {
        bad.say("class", format!("`{class}` is not a class, such as `{CLASS}`"));
    }
}

/// An id that no other database has.
pub(super) fn resource_id(prefix: &'static str, here: &mut Here<'_>) -> Box<str> {
    let id = here.fresh_id(prefix);
    format!("{prefix}{}", id[prefix.len()..].to_ascii_uppercase()).into()
}
