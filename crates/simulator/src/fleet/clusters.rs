//! Clusters of Aurora, DocumentDB and Neptune, with their members.

use lamplighter_core::Place;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    database_state::{DatabaseState, life},
    databases::{CLASS, KEY, check_classes, check_names, resource_id},
    entry::{Bad, Common, Entry, Unique, check_keys, entry},
    here::{Here, One},
};
use crate::{
    rds::{
        clusters::Cluster,
        instances::{Instance, Member},
        kind::Kind,
        names,
        status::Life,
    },
    words::{OneOrMore, Range, Share},
};

/// The most members: a writer and its replicas. Source: Aurora User Guide, "Quotas".
const MEMBERS_MAX: u32 = 16;
/// What follows the name of the cluster in the name of the member with the longest name.
const LONGEST_SUFFIX: usize = "-instance-16".len();

entry! {
    /// Database clusters, with `id` as their name.
    pub struct Clusters {
        /// The engine, or several; `aurora-mysql` by default.
        pub engine: OneOrMore<ClusterEngine>,
        /// How many instances each has, from 0 to 16; one by default. They are called
        /// `CLUSTER-instance-1`, which writes, and so on, and have no tags.
        pub members: Range<u32>,
        /// The class of the members, such as `db.r6g.large`, or several; `db.t3.micro` by default.
        pub class: OneOrMore<String>,
        /// The state, or several; `available` by default. The members stop and start with it, and
        /// are available otherwise.
        pub state: OneOrMore<DatabaseState>,
        /// How many of them are encrypted; none by default, and all when there is a `key`.
        pub encrypted: Share,
        /// The KMS key of those that are encrypted, by its alias or its ARN; `alias/aws/rds` by
        /// default. An alias that no key of the fleet has gets a key of its own.
        pub key: OneOrMore<String>,
        /// How many of them are protected from deletion; none by default.
        pub deletion_protection: Share,
    }
}

/// The engine of a cluster. `mysql` and `postgres` are those of Multi-AZ DB clusters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "these are AWS's own names")]
pub enum ClusterEngine {
    AuroraMysql,
    AuroraPostgresql,
    Docdb,
    Mysql,
    Neptune,
    Postgres,
}

impl ClusterEngine {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            ClusterEngine::AuroraMysql => "aurora-mysql",
            ClusterEngine::AuroraPostgresql => "aurora-postgresql",
            ClusterEngine::Docdb => "docdb",
            ClusterEngine::Mysql => "mysql",
            ClusterEngine::Neptune => "neptune",
            ClusterEngine::Postgres => "postgres",
        }
    }

    /// Whether it is the engine of Multi-AZ DB clusters, which share no storage.
    fn is_multi_az(self) -> bool {
        matches!(self, ClusterEngine::Mysql | ClusterEngine::Postgres)
    }
}

/// A cluster and its members.
pub(super) struct Made {
    cluster: Cluster,
    members: Vec<Instance>,
}

impl Entry for Clusters {
    const KEY: &'static str = "clusters";
    const KIND: &'static str = "cluster";
    const PREFIX: &'static str = "";
    const UNIQUE: Unique = Unique::InPlace;

    type Item = Made;

    fn common(&self) -> Common<'_> {
        self.all_say()
    }

    fn check(&self, places: &[Place], bad: &mut Bad<'_>) {
        check_names(&self.all_say(), places, names::LONGEST_DATABASE - LONGEST_SUFFIX, bad);
        if self.members.is_some_and(|it| it.to > MEMBERS_MAX) {
            bad.say("members", format!("a cluster has at most {MEMBERS_MAX} members"));
        }
        check_classes(self.class.as_ref(), bad);
        let mut states = self.state.iter().flat_map(OneOrMore::iter);
        if states.any(|it| !it.is_of_clusters()) {
            bad.say("state", "no cluster is ever in such a state");
        }
        check_keys("key", self.key.iter().flat_map(OneOrMore::iter), bad);
    }

    fn make(&self, here: &mut Here<'_>) -> Vec<(Box<str>, Made)> {
        here.each(self, |one, here| self.cluster(one, here))
    }

    fn put(here: &mut Here<'_>, items: Vec<(Box<str>, Made)>) {
        let mut clusters = Vec::new();
        let mut members = Vec::new();
        for (name, made) in items {
            here.plan_change(Kind::Cluster, &name, made.cluster.life);
            clusters.push((name, made.cluster));
            members.extend(made.members.into_iter().map(|it| (it.name.clone(), it)));
        }
        let rds = &mut here.services().rds;
        rds.clusters.fill(clusters);
        rds.instances.fill(members);
    }
}

impl Clusters {
    fn cluster(&self, one: One, here: &mut Here<'_>) -> Made {
        let engine = self
            .engine
            .as_ref()
            .map_or(ClusterEngine::AuroraMysql, |it| *it.draw(&mut here.random));
        let mut cluster = Cluster::available(&one.id, engine.as_str(), one.created_at);
        cluster.resource_id = resource_id("cluster", here);
        cluster.tags = one.tags;
        cluster.life = life(self.state.as_ref(), here);
        let region = here.place().region.clone();
        cluster.zones = ["a", "b", "c"].map(|it| here.shared(&format!("{region}{it}"))).to_vec();
        cluster.key = here.key_of(self.encrypted, self.key.as_ref(), KEY);
        let protected = self.deletion_protection.unwrap_or(Share::NEVER);
        cluster.deletion_protection = protected.draw(&mut here.random);
        let usual = if engine.is_multi_az() { 3 } else { 1 };
        let storage = here.shared(if engine.is_multi_az() { "io1" } else { "aurora" });
        let count = self.members.map_or(usual, |it| it.draw(&mut here.random));
        let members = (1..=count)
            .map(|n| Instance { storage_type: storage.clone(), ..self.member(&cluster, n, here) });
        let members = members.collect();
        Made { cluster, members }
    }

    fn member(&self, of: &Cluster, n: u32, here: &mut Here<'_>) -> Instance {
        let name = format!("{}-instance-{n}", of.name);
        let mut it = Instance::available(&name, &of.engine, of.created_at);
        let class = self.class.as_ref().map_or(CLASS, |it| it.draw(&mut here.random));
        it.resource_id = resource_id("db", here);
        it.class = here.shared(class);
        // AWS stops and starts the cluster, and its members with it.
        if of.life.status.is_of_power() {
            it.life = Life::steady(of.life.status);
        }
        it.storage_gib = of.storage_gib;
        it.zone = of.zones[(n as usize - 1) % of.zones.len()].clone();
        it.key = of.key.clone();
        it.member = Some(Member { cluster: of.name.clone(), writer: n == 1 });
        it
    }
}
