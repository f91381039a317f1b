//! Instances and clusters: where RDS has the same twice, what differs is here.

use std::collections::BTreeMap;

use lamplighter_core::{Place, Tags};

use super::names;
use crate::{
    arn,
    iam::{Context, Need},
    operation::Cx,
    refusal::Refusal,
    shelf::Shelf,
};

/// Which of the two a call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    /// DB instances and their snapshots.
    Instance,
    /// DB clusters and their snapshots: Aurora, Neptune, DocumentDB, and Multi-AZ DB clusters.
    Cluster,
}

/// How RDS words things for one kind. The codes are as inconsistent as AWS made them.
/// Source: RDS API Reference, the errors of each action.
#[derive(Debug)]
pub(crate) struct Words {
    /// The database in ARNs.
    pub(crate) database: &'static str,
    /// The snapshot in ARNs.
    pub(crate) snapshot: &'static str,
    /// The parameter that names a new snapshot.
    pub(crate) snapshot_parameter: &'static str,
    /// The most characters that the name of a snapshot may have.
    pub(crate) longest_snapshot: usize,
    /// There is no such database.
    pub(crate) no_database: &'static str,
    /// There is no such snapshot.
    pub(crate) no_snapshot: &'static str,
    /// The snapshot's state does not allow the call.
    pub(crate) snapshot_state: &'static str,
    /// There is such a snapshot already.
    pub(crate) snapshot_exists: &'static str,
    /// The condition key for the database's tags.
    database_tag: &'static str,
    /// The condition key for the snapshot's tags.
    snapshot_tag: &'static str,
    /// Copies that may be in progress to one region of an account.
    /// Source: RDS User Guide, "Copying a DB snapshot"; Aurora User Guide, "DB cluster snapshot
    /// copying".
    pub(crate) copies: usize,
}

const INSTANCE: Words = Words {
    database: "db",
    snapshot: "snapshot",
    snapshot_parameter: "DBSnapshotIdentifier",
    longest_snapshot: 255,
    no_database: "DBInstanceNotFound",
    no_snapshot: "DBSnapshotNotFound",
    snapshot_state: "InvalidDBSnapshotState",
    snapshot_exists: "DBSnapshotAlreadyExists",
    database_tag: "rds:db-tag",
    snapshot_tag: "rds:snapshot-tag",
    copies: 20,
};

const CLUSTER: Words = Words {
    database: "cluster",
    snapshot: "cluster-snapshot",
    snapshot_parameter: "DBClusterSnapshotIdentifier",
    longest_snapshot: 63,
    no_database: "DBClusterNotFoundFault",
    no_snapshot: "DBClusterSnapshotNotFoundFault",
    snapshot_state: "InvalidDBClusterSnapshotStateFault",
    snapshot_exists: "DBClusterSnapshotAlreadyExistsFault",
    database_tag: "rds:cluster-tag",
    snapshot_tag: "rds:cluster-snapshot-tag",
    copies: 5,
};

impl Kind {
    /// The words for this kind.
    pub(crate) fn words(self) -> &'static Words {
        match self {
            Kind::Instance => &INSTANCE,
            Kind::Cluster => &CLUSTER,
        }
    }

    /// The ARN of a database.
    pub(crate) fn database_arn(self, place: &Place, name: &str) -> String {
        arn::of("rds", place, format_args!("{}:{name}", self.words().database))
    }

    /// The ARN of a snapshot.
    pub(crate) fn snapshot_arn(self, place: &Place, name: &str) -> String {
        arn::of("rds", place, format_args!("{}:{name}", self.words().snapshot))
    }

    /// What a call on a database needs, named by its name, its ARN, or `*`.
    pub(crate) fn database_need(self, cx: &Cx<'_>, action: &'static str, text: &str) -> Need {
        let Some(named) = names::read(cx.place, self.words().database, text) else {
            return Need::on(action, text);
        };
        let rds = cx.state.services_of(&named.place).map(|it| &it.rds);
        let tags = rds.and_then(|rds| match self {
            Kind::Instance => rds.instances.get(&named.name).map(|it| &it.tags),
            Kind::Cluster => rds.clusters.get(&named.name).map(|it| &it.tags),
        });
        let arn = self.database_arn(&named.place, &named.name);
        Need::on(action, arn).with(tagged(self.words().database_tag, tags))
    }

    /// What a call on a snapshot needs, named by its name, its ARN, or `*`.
    pub(crate) fn snapshot_need(self, cx: &Cx<'_>, action: &'static str, text: &str) -> Need {
        let Some(named) = names::read(cx.place, self.words().snapshot, text) else {
            return Need::on(action, text);
        };
        let rds = cx.state.services_of(&named.place).map(|it| &it.rds);
        let tags = rds.and_then(|it| it.snapshots(self).get(&named.name)).map(|it| &it.tags);
        let arn = self.snapshot_arn(&named.place, &named.name);
        Need::on(action, arn).with(tagged(self.words().snapshot_tag, tags))
    }

    /// The databases of this account and region as describes see them, by their names: all, or the
    /// one with this name or ARN.
    pub(crate) fn described<'s, T: Clone>(
        self,
        shelf: &'s Shelf<T>,
        cx: &Cx<'_>,
        one: Option<&str>,
    ) -> Result<BTreeMap<String, &'s T>, Refusal> {
        let Some(text) = one else {
            return Ok(shelf
                .after(None, cx.seen)
                .map(|(name, it)| (name.to_owned(), it))
                .collect());
        };
        let named = names::read(cx.place, self.words().database, text);
        let named = named.ok_or_else(|| names::bad_arn(text))?;
        let here = (named.place == *cx.place).then(|| shelf.get_at(&named.name, cx.seen));
        let found = here.flatten().ok_or_else(|| self.no_database(text))?;
        Ok(BTreeMap::from([(named.name.to_string(), found)]))
    }

    /// A database that a writing call names. One that was made so short a while ago that describes
    /// do not see it is not found.
    pub(crate) fn find<'s, T: Clone>(
        self,
        shelf: &'s Shelf<T>,
        cx: &Cx<'_>,
        name: &str,
    ) -> Result<&'s T, Refusal> {
        let name = name.to_ascii_lowercase();
        let seen = shelf.get_at(&name, cx.seen).and_then(|_| shelf.get(&name));
        seen.ok_or_else(|| self.no_database(&name))
    }

    /// There is no such database.
    pub(crate) fn no_database(self, name: &str) -> Refusal {
        let message = match self {
            Kind::Instance => format!("DBInstance {name} not found."),
            Kind::Cluster => format!("DBCluster {name} not found."),
        };
        Refusal::new(self.words().no_database, message).status(404)
    }

    /// There is no such snapshot.
    pub(crate) fn no_snapshot(self, name: &str) -> Refusal {
        let message = match self {
            Kind::Instance => format!("DBSnapshot {name} not found."),
            Kind::Cluster => format!("DBClusterSnapshot {name} not found."),
        };
        Refusal::new(self.words().no_snapshot, message).status(404)
    }
}

fn tagged(key: &str, tags: Option<&Tags>) -> Context {
    match tags {
        None => Context::default(),
        Some(tags) => Context::default().with_tags("aws:ResourceTag", tags).with_tags(key, tags),
    }
}
