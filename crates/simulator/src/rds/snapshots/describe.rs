//! `DescribeDBSnapshots` and `DescribeDBClusterSnapshots`.
//!
//! Source: RDS API Reference of both. Snapshots of other accounts are seen in the region where
//! they are, and are named by their ARNs.

use std::{borrow::Cow, collections::BTreeMap};

use lamplighter_core::Place;
use serde::{Deserialize, Serialize};

use super::{
    Origin, Snapshot,
    shown::{By, DBClusterSnapshot, DBSnapshot, Seen},
};
use crate::{
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    rds::{
        self,
        kind::Kind,
        listing::{self, Filter, Page},
        names::{self, Named},
    },
    refusal::Refusal,
};

/// `DescribeDBSnapshots`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct DescribeDBSnapshots {
    #[serde(rename = "DBInstanceIdentifier")]
    pub(crate) database: Option<String>,
    #[serde(rename = "DBSnapshotIdentifier")]
    pub(crate) name: Option<String>,
    pub(crate) dbi_resource_id: Option<String>,
    pub(crate) snapshot_type: Option<String>,
    pub(crate) include_shared: bool,
    pub(crate) include_public: bool,
    pub(crate) filters: Vec<Filter>,
    pub(crate) max_records: Option<u32>,
    pub(crate) marker: Option<String>,
}

/// `DescribeDBClusterSnapshots`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct DescribeDBClusterSnapshots {
    #[serde(rename = "DBClusterIdentifier")]
    pub(crate) database: Option<String>,
    #[serde(rename = "DBClusterSnapshotIdentifier")]
    pub(crate) name: Option<String>,
    pub(crate) db_cluster_resource_id: Option<String>,
    pub(crate) snapshot_type: Option<String>,
    pub(crate) include_shared: bool,
    pub(crate) include_public: bool,
    pub(crate) filters: Vec<Filter>,
    pub(crate) max_records: Option<u32>,
    pub(crate) marker: Option<String>,
}

/// What `DescribeDBSnapshots` answers.
#[derive(Serialize)]
pub(crate) struct Snapshots<'s> {
    #[serde(rename = "DBSnapshots")]
    pub(crate) snapshots: Vec<DBSnapshot<'s>>,
    #[serde(rename = "Marker")]
    pub(crate) marker: Option<String>,
}

/// What `DescribeDBClusterSnapshots` answers.
#[derive(Serialize)]
pub(crate) struct ClusterSnapshots<'s> {
    #[serde(rename = "DBClusterSnapshots")]
    pub(crate) snapshots: Vec<DBClusterSnapshot<'s>>,
    #[serde(rename = "Marker")]
    pub(crate) marker: Option<String>,
}

impl Operation for DescribeDBSnapshots {
    const SPEC: Spec = rds::spec("DescribeDBSnapshots", Access::Reads);

    type Answer<'s> = Snapshots<'s>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        let name = self.name.as_deref().unwrap_or("*");
        vec![Kind::Instance.snapshot_need(cx, "rds:DescribeDBSnapshots", name)]
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<Snapshots<'s>, Refusal> {
        let cx = &*cx;
        let asked = Asked {
            kind: Kind::Instance,
            database: self.database,
            name: self.name,
            database_id: self.dbi_resource_id,
            snapshot_type: self.snapshot_type,
            shared: self.include_shared,
            public: self.include_public,
            filters: self.filters,
        };
        let page = Page { max_records: self.max_records, marker: self.marker.as_deref() };
        let found = asked.find(cx)?;
        let shows = |it: &Seen<'s>| asked.admits(it).then(|| DBSnapshot::of(it));
        let (snapshots, marker) = page.of(cx, (Self::SPEC.name, &asked), &found, shows)?;
        Ok(Snapshots { snapshots, marker })
    }
}

impl Operation for DescribeDBClusterSnapshots {
    const SPEC: Spec = rds::spec("DescribeDBClusterSnapshots", Access::Reads);

    type Answer<'s> = ClusterSnapshots<'s>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        let name = self.name.as_deref().unwrap_or("*");
        vec![Kind::Cluster.snapshot_need(cx, "rds:DescribeDBClusterSnapshots", name)]
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<ClusterSnapshots<'s>, Refusal> {
        let cx = &*cx;
        if self.database.is_some() && self.name.is_some() {
            let message = "DBClusterIdentifier and DBClusterSnapshotIdentifier cannot be used \
                           together.";
            return Err(Refusal::new("InvalidParameterCombination", message));
        }
        let asked = Asked {
            kind: Kind::Cluster,
            database: self.database,
            name: self.name,
            database_id: self.db_cluster_resource_id,
            snapshot_type: self.snapshot_type,
            shared: self.include_shared,
            public: self.include_public,
            filters: self.filters,
        };
        let page = Page { max_records: self.max_records, marker: self.marker.as_deref() };
        let found = asked.find(cx)?;
        let shows = |it: &Seen<'s>| asked.admits(it).then(|| DBClusterSnapshot::of(it));
        let (snapshots, marker) = page.of(cx, (Self::SPEC.name, &asked), &found, shows)?;
        Ok(ClusterSnapshots { snapshots, marker })
    }
}

/// What a describe asks for, without its page.
#[derive(Clone, Debug, Hash)]
struct Asked {
    kind: Kind,
    database: Option<String>,
    name: Option<String>,
    database_id: Option<String>,
    snapshot_type: Option<String>,
    shared: bool,
    public: bool,
    filters: Vec<Filter>,
}

/// The types of snapshots that can be asked for.
const TYPES: [&str; 5] = ["automated", "manual", "shared", "public", "awsbackup"];

const FILTERS: [&str; 4] = ["db-instance-id", "db-snapshot-id", "dbi-resource-id", "snapshot-type"];
const CLUSTER_FILTERS: [&str; 3] = ["db-cluster-id", "db-cluster-snapshot-id", "snapshot-type"];

impl Asked {
    /// All that may be shown, in the order of their names, the account's own before others'.
    fn find<'s>(&self, cx: &'s Cx<'_>) -> Result<BTreeMap<String, Seen<'s>>, Refusal> {
        let known: &[&str] = match self.kind {
            Kind::Instance => &FILTERS,
            Kind::Cluster => &CLUSTER_FILTERS,
        };
        listing::check_filters(&self.filters, &[known, &["engine"]].concat())?;
        if let Some(other) = self.snapshot_type.as_deref().filter(|it| !TYPES.contains(it)) {
            let message = format!("Invalid snapshot type: {other}");
            return Err(Refusal::new("InvalidParameterValue", message));
        }
        match &self.name {
            Some(text) => {
                let named = names::read(cx.place, self.kind.words().snapshot, text);
                let named = named.ok_or_else(|| names::bad_arn(text))?;
                let found = self.one(cx, &named).ok_or_else(|| self.kind.no_snapshot(text))?;
                Ok(BTreeMap::from([(named.name, found)]))
            }
            None => Ok(self.all(cx)),
        }
    }

    /// One by its name or ARN: automated ones only when their type is asked for, and those of
    /// others only by their ARN.
    fn one<'s>(&self, cx: &'s Cx<'_>, named: &Named) -> Option<Seen<'s>> {
        if named.place.region != cx.place.region {
            return None;
        }
        let shelf = cx.state.services_of(&named.place)?.rds.snapshots(self.kind);
        let snapshot = shelf.get_at(&named.name, cx.seen)?;
        let seen = self.sees(cx, &named.place, snapshot)?;
        let hidden = snapshot.origin == Origin::Automated && self.snapshot_type.is_none();
        (!hidden).then_some(seen)
    }

    fn all<'s>(&self, cx: &'s Cx<'_>) -> BTreeMap<String, Seen<'s>> {
        let region = &cx.place.region;
        let others = match self.snapshot_type.as_deref() {
            Some(it) => ["shared", "public"].contains(&it),
            None => self.shared || self.public,
        };
        let mut found = BTreeMap::new();
        for place in cx.state.places_in(region) {
            let own = place == cx.place;
            let Some(there) = cx.state.services_of(place).filter(|_| own || others) else {
                continue;
            };
            for (name, snapshot) in there.rds.snapshots(self.kind).after(None, cx.seen) {
                if let Some(seen) = self.sees(cx, place, snapshot) {
                    // A name has no `~`: the own ones come first.
                    let key = match own {
                        true => name.to_owned(),
                        false => format!("~{}:{name}", place.account),
                    };
                    found.insert(key, seen);
                }
            }
        }
        found
    }

    /// A snapshot, if the question is for such ones and the account may see it.
    fn sees<'s>(&self, cx: &Cx<'_>, place: &Place, snapshot: &'s Snapshot) -> Option<Seen<'s>> {
        let account = &cx.place.account;
        let wanted = self.snapshot_type.as_deref();
        let by = if place.account == *account {
            By::Owner
        } else if snapshot.is_public() {
            (wanted == Some("public") || wanted.is_none() && self.public).then_some(By::Anybody)?
        } else if snapshot.is_shared_with(account) {
            (wanted == Some("shared") || wanted.is_none() && self.shared).then_some(By::Friend)?
        } else {
            return None;
        };
        let own_public = wanted == Some("public") && snapshot.is_public();
        let seen = Seen { snapshot, place: place.clone(), by, at: cx.seen };
        let asked = wanted.is_none_or(|it| it == seen.kind_of_type()) || own_public;
        asked.then_some(seen)
    }

    /// Whether the database and the filters that were given admit it.
    fn admits(&self, it: &Seen<'_>) -> bool {
        let Seen { snapshot, place, .. } = it;
        let kind = self.kind;
        let is = |wanted: &Option<String>, found: &str| {
            wanted.as_ref().is_none_or(|it| it.eq_ignore_ascii_case(found))
        };
        let database: Option<Cow<'_, str>> = self.database.as_deref().map(|text| {
            let named = names::read(place, kind.words().database, text);
            named.map_or(Cow::Borrowed(text), |it| Cow::Owned(it.name))
        });
        database.is_none_or(|it| *it == *snapshot.database)
            && is(&self.database_id, &snapshot.database_id)
            && listing::admits(&self.filters, |name, test| match name {
                "db-instance-id" | "db-cluster-id" => {
                    test(&snapshot.database) || test(&kind.database_arn(place, &snapshot.database))
                }
                "db-snapshot-id" | "db-cluster-snapshot-id" => {
                    test(&snapshot.name) || test(&kind.snapshot_arn(place, &snapshot.name))
                }
                "dbi-resource-id" => test(&snapshot.database_id),
                "snapshot-type" => test(it.kind_of_type()),
                "engine" => test(&snapshot.engine),
                _ => false,
            })
    }
}

#[cfg(test)]
mod tests;
