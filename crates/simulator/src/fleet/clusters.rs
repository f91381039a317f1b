//! Aurora clusters.

use lamplighter_core::Place;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    entry::{Bad, Common, Entry, Unique, entry},
    here::Here,
};
use crate::{
    rds::{self, Cluster},
    words::{OneOrMore, Share},
};

entry! {
    /// Aurora clusters, available and without instances, with `id` as their name.
    pub struct Clusters {
        /// The engine, or several; `aurora-postgresql` by default.
        pub engine: OneOrMore<ClusterEngine>,
        /// How many of them are protected from deletion; none by default.
        pub deletion_protection: Share,
    }
}

/// The engine of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "these are AWS's own names")]
pub enum ClusterEngine {
    AuroraMysql,
    AuroraPostgresql,
}

impl ClusterEngine {
    fn as_str(self) -> &'static str {
        match self {
            ClusterEngine::AuroraMysql => "aurora-mysql",
            ClusterEngine::AuroraPostgresql => "aurora-postgresql",
        }
    }
}

impl Entry for Clusters {
    const KEY: &'static str = "clusters";
    const KIND: &'static str = "cluster";
    const PREFIX: &'static str = "";
    const UNIQUE: Unique = Unique::InPlace;

    type Item = Cluster;

    fn common(&self) -> Common<'_> {
        self.all_say()
    }

    fn check(&self, _: &[Place], bad: &mut Bad<'_>) {
        let name = self.id.as_ref().and_then(|it| it.as_plain());
        let longest = rds::names::LONGEST_DATABASE;
        if name.is_some_and(|it| rds::names::new("id", it, longest).as_deref() != Ok(it)) {
            let message = "the name of a cluster has at most 63 small letters, digits and single \
                           hyphens; the first is a letter, and the last no hyphen";
            bad.say("id", message);
        }
    }

    fn make(&self, here: &mut Here<'_>) -> Vec<(Box<str>, Cluster)> {
        here.each(self, |one, here| {
            let engine = match &self.engine {
                Some(engines) => *engines.draw(&mut here.random),
                None => ClusterEngine::AuroraPostgresql,
            };
            let mut cluster = Cluster::available(&one.id, engine.as_str(), one.created_at);
            cluster.deletion_protection =
                self.deletion_protection.unwrap_or(Share::NEVER).draw(&mut here.random);
            cluster.tags = one.tags;
            cluster
        })
    }

    fn put(here: &mut Here<'_>, items: Vec<(Box<str>, Cluster)>) {
        here.services().rds.clusters.fill(items);
    }
}
