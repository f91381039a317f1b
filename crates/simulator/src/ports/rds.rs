//! The port of RDS.

use std::collections::BTreeSet;

use async_trait::async_trait;
use jiff::Timestamp;
use lamplighter_core::{
    AccountId, Fault, Tags,
    cloud::{
        Page, PageToken,
        ec2::Shares,
        rds::{
            Cluster, Copies, Database, Kind, NO_OPTION_GROUP, NewCopy, NewSnapshot, OptionGroup,
            PowerChange, PowerEvent, Quota, Rds, Reboot, Snapshot,
        },
    },
    select::ServerFilter,
};

use super::Inside;
use crate::rds::{
    account_attributes::DescribeAccountAttributes,
    clusters::DescribeDBClusters,
    delete::{DeleteDBCluster, DeleteDBInstance},
    describe_events::DescribeEvents,
    instances::DescribeDBInstances,
    kind,
    listing::Filter,
    option_groups::DescribeOptionGroups,
    power::{RebootDBInstance, StartDBCluster, StartDBInstance, StopDBCluster, StopDBInstance},
    snapshots::{
        copy::{CopyDBClusterSnapshot, CopyDBSnapshot},
        create::{CreateDBClusterSnapshot, CreateDBSnapshot},
        delete::{DeleteDBClusterSnapshot, DeleteDBSnapshot},
        describe::{DescribeDBClusterSnapshots, DescribeDBSnapshots},
        share::{
            self, DescribeDBClusterSnapshotAttributes, DescribeDBSnapshotAttributes,
            ModifyDBClusterSnapshotAttribute, ModifyDBSnapshotAttribute,
        },
    },
    tagging::{AddTagsToResource, RemoveTagsFromResource},
    tags::Tag,
};

#[async_trait]
impl Copies for Inside {
    async fn snapshots_of(
        &self,
        kind: Kind,
        database: &str,
        page: Option<PageToken>,
    ) -> Result<Page<Snapshot>, Fault> {
        let (marker, snapshot_type) = (page.map(|it| it.0), Some("manual".to_owned()));
        let database = Some(database.to_owned());
        match kind {
            Kind::Instance => {
                let request = DescribeDBSnapshots {
                    database,
                    snapshot_type,
                    marker,
                    ..DescribeDBSnapshots::default()
                };
                self.make(request, |it| Page {
                    items: it.snapshots.iter().map(Snapshot::from).collect(),
                    next: it.marker.map(PageToken),
                })
                .await
            }
            Kind::Cluster => {
                let request = DescribeDBClusterSnapshots {
                    database,
                    snapshot_type,
                    marker,
                    ..DescribeDBClusterSnapshots::default()
                };
                self.make(request, |it| Page {
                    items: it.snapshots.iter().map(Snapshot::from).collect(),
                    next: it.marker.map(PageToken),
                })
                .await
            }
        }
    }

    async fn copy_snapshot(&self, kind: Kind, new: &NewCopy) -> Result<(), Fault> {
        let (source, target) = (new.source.clone(), new.name.clone());
        let (kms_key_id, tags) = (new.key.clone(), tags(&new.tags));
        match kind {
            Kind::Instance => {
                let request = CopyDBSnapshot {
                    source,
                    target,
                    kms_key_id,
                    tags,
                    option_group_name: new.option_group.clone(),
                    ..CopyDBSnapshot::default()
                };
                self.make(request, |_| ()).await
            }
            Kind::Cluster => {
                let request = CopyDBClusterSnapshot {
                    source,
                    target,
                    kms_key_id,
                    tags,
                    ..CopyDBClusterSnapshot::default()
                };
                self.make(request, |_| ()).await
            }
        }
    }

    async fn snapshot_shares(&self, kind: Kind, name: &str) -> Result<Shares, Fault> {
        let name = name.to_owned();
        let values = match kind {
            Kind::Instance => {
                self.make(DescribeDBSnapshotAttributes { name }, |it| it.restorable_by()).await
            }
            Kind::Cluster => {
                let request = DescribeDBClusterSnapshotAttributes { name };
                self.make(request, |it| it.restorable_by()).await
            }
        }?;
        Ok(Shares {
            accounts: values.iter().filter_map(|it| it.parse().ok()).collect(),
            public: values.iter().any(|it| it == "all"),
        })
    }

    async fn share_snapshot(
        &self,
        kind: Kind,
        name: &str,
        with: &BTreeSet<AccountId>,
    ) -> Result<(), Fault> {
        self.change_shares(kind, name, with, &BTreeSet::new()).await
    }

    async fn unshare_snapshot(
        &self,
        kind: Kind,
        name: &str,
        with: &BTreeSet<AccountId>,
    ) -> Result<(), Fault> {
        self.change_shares(kind, name, &BTreeSet::new(), with).await
    }

    async fn option_group(&self, name: &str) -> Result<Option<OptionGroup>, Fault> {
        let request =
            DescribeOptionGroups { name: Some(name.to_owned()), ..DescribeOptionGroups::default() };
        let found = self.make(request, |it| it.groups.first().map(OptionGroup::from)).await;
        match found {
            Err(fault) if fault.code.as_deref() == Some(NO_OPTION_GROUP) => Ok(None),
            found => found,
        }
    }
}

impl Inside {
    async fn change_shares(
        &self,
        kind: Kind,
        name: &str,
        add: &BTreeSet<AccountId>,
        remove: &BTreeSet<AccountId>,
    ) -> Result<(), Fault> {
        let texts = |accounts: &BTreeSet<AccountId>| {
            accounts.iter().map(AccountId::to_string).collect::<Vec<_>>()
        };
        let (name, attribute_name) = (name.to_owned(), share::RESTORE.to_owned());
        let (values_to_add, values_to_remove) = (texts(add), texts(remove));
        match kind {
            Kind::Instance => {
                let request = ModifyDBSnapshotAttribute {
                    name,
                    attribute_name,
                    values_to_add,
                    values_to_remove,
                };
                self.make(request, |_| ()).await
            }
            Kind::Cluster => {
                let request = ModifyDBClusterSnapshotAttribute {
                    name,
                    attribute_name,
                    values_to_add,
                    values_to_remove,
                };
                self.make(request, |_| ()).await
            }
        }
    }
}

#[async_trait]
impl Rds for Inside {
    async fn databases(
        &self,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Database>, Fault> {
        let request = DescribeDBInstances {
            filters: of_names("db-instance-id", filter),
            marker: page.map(|it| it.0),
            ..DescribeDBInstances::default()
        };
        self.make(request, |it| Page {
            items: it.instances.iter().map(Database::from).collect(),
            next: it.marker.map(PageToken),
        })
        .await
    }

    async fn clusters(
        &self,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Cluster>, Fault> {
        let request = DescribeDBClusters {
            filters: of_names("db-cluster-id", filter),
            marker: page.map(|it| it.0),
            ..DescribeDBClusters::default()
        };
        self.make(request, |it| Page {
            items: it.clusters.iter().map(Cluster::from).collect(),
            next: it.marker.map(PageToken),
        })
        .await
    }

    async fn snapshots(
        &self,
        kind: Kind,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Snapshot>, Fault> {
        let marker = page.map(|it| it.0);
        match kind {
            Kind::Instance => {
                let filters = of_names("db-snapshot-id", filter);
                let request =
                    DescribeDBSnapshots { filters, marker, ..DescribeDBSnapshots::default() };
                self.make(request, |it| Page {
                    items: it.snapshots.iter().map(Snapshot::from).collect(),
                    next: it.marker.map(PageToken),
                })
                .await
            }
            Kind::Cluster => {
                let filters = of_names("db-cluster-snapshot-id", filter);
                let request = DescribeDBClusterSnapshots {
                    filters,
                    marker,
                    ..DescribeDBClusterSnapshots::default()
                };
                self.make(request, |it| Page {
                    items: it.snapshots.iter().map(Snapshot::from).collect(),
                    next: it.marker.map(PageToken),
                })
                .await
            }
        }
    }

    async fn database(&self, name: &str) -> Result<Option<Database>, Fault> {
        let request =
            DescribeDBInstances { name: Some(name.to_owned()), ..DescribeDBInstances::default() };
        let found = self.make(request, |it| it.instances.first().map(Database::from)).await;
        if_there(Kind::Instance, found)
    }

    async fn cluster(&self, name: &str) -> Result<Option<Cluster>, Fault> {
        let request =
            DescribeDBClusters { name: Some(name.to_owned()), ..DescribeDBClusters::default() };
        let found = self.make(request, |it| it.clusters.first().map(Cluster::from)).await;
        if_there(Kind::Cluster, found)
    }

    async fn snapshot(&self, kind: Kind, name: &str) -> Result<Option<Snapshot>, Fault> {
        let name = Some(name.to_owned());
        let found = match kind {
            Kind::Instance => {
                let request = DescribeDBSnapshots { name, ..DescribeDBSnapshots::default() };
                self.make(request, |it| it.snapshots.first().map(Snapshot::from)).await
            }
            Kind::Cluster => {
                let request =
                    DescribeDBClusterSnapshots { name, ..DescribeDBClusterSnapshots::default() };
                self.make(request, |it| it.snapshots.first().map(Snapshot::from)).await
            }
        };
        if_there(kind, found)
    }

    async fn quota(&self, kind: Kind) -> Result<Option<Quota>, Fault> {
        let name = match kind {
            Kind::Instance => "ManualSnapshots",
            Kind::Cluster => "ManualClusterSnapshots",
        };
        self.make(DescribeAccountAttributes {}, |it| {
            let quota = it.account_quotas.iter().find(|it| it.name == name)?;
            Some(Quota { used: quota.used as u64, most: quota.max as u64 })
        })
        .await
    }

    async fn power_events(
        &self,
        kind: Kind,
        since: Timestamp,
        page: Option<PageToken>,
    ) -> Result<Page<PowerEvent>, Fault> {
        let source_type = match kind {
            Kind::Instance => "db-instance",
            Kind::Cluster => "db-cluster",
        };
        let request = DescribeEvents {
            source_type: Some(source_type.to_owned()),
            start_time: Some(since),
            event_categories: ["availability", "notification"].map(str::to_owned).to_vec(),
            marker: page.map(|it| it.0),
            ..DescribeEvents::default()
        };
        self.make(request, |it| Page {
            items: it
                .events
                .iter()
                .filter_map(|it| {
                    let what = PowerChange::read(it.message)?;
                    let database = it.source_identifier.to_owned();
                    Some(PowerEvent { database, at: it.date.0, what })
                })
                .collect(),
            next: it.marker.map(PageToken),
        })
        .await
    }

    async fn create_snapshot(&self, kind: Kind, new: &NewSnapshot) -> Result<(), Fault> {
        let (database, name) = (new.database.clone(), new.name.clone());
        let tags = tags(&new.tags);
        match kind {
            Kind::Instance => self.make(CreateDBSnapshot { name, database, tags }, |_| ()).await,
            Kind::Cluster => {
                self.make(CreateDBClusterSnapshot { name, database, tags }, |_| ()).await
            }
        }
    }

    async fn delete_snapshot(&self, kind: Kind, name: &str) -> Result<(), Fault> {
        let name = name.to_owned();
        let deleted = match kind {
            Kind::Instance => self.make(DeleteDBSnapshot { name }, |_| ()).await,
            Kind::Cluster => self.make(DeleteDBClusterSnapshot { name }, |_| ()).await,
        };
        if_there(kind, deleted.map(Some)).map(|_| ())
    }

    async fn start(&self, kind: Kind, name: &str) -> Result<(), Fault> {
        let name = name.to_owned();
        match kind {
            Kind::Instance => self.make(StartDBInstance { name }, |_| ()).await,
            Kind::Cluster => self.make(StartDBCluster { name }, |_| ()).await,
        }
    }

    async fn stop(&self, kind: Kind, name: &str) -> Result<(), Fault> {
        let name = name.to_owned();
        match kind {
            Kind::Instance => self.make(StopDBInstance { name, snapshot: None }, |_| ()).await,
            Kind::Cluster => self.make(StopDBCluster { name }, |_| ()).await,
        }
    }

    async fn reboot(&self, name: &str, how: Reboot) -> Result<(), Fault> {
        let force_failover = how == Reboot::Failover;
        self.make(RebootDBInstance { name: name.to_owned(), force_failover }, |_| ()).await
    }

    async fn delete(
        &self,
        kind: Kind,
        name: &str,
        final_snapshot: Option<&str>,
    ) -> Result<(), Fault> {
        let (name, skip_final_snapshot) = (name.to_owned(), final_snapshot.is_none());
        let final_snapshot = final_snapshot.map(str::to_owned);
        match kind {
            Kind::Instance => {
                let request = DeleteDBInstance { name, skip_final_snapshot, final_snapshot };
                self.make(request, |_| ()).await
            }
            Kind::Cluster => {
                let request = DeleteDBCluster { name, skip_final_snapshot, final_snapshot };
                self.make(request, |_| ()).await
            }
        }
    }

    async fn tag(&self, arn: &str, tags: &Tags) -> Result<(), Fault> {
        let request = AddTagsToResource { resource_name: arn.to_owned(), tags: self::tags(tags) };
        self.make(request, |_| ()).await
    }

    async fn untag(&self, arn: &str, keys: &[&str]) -> Result<(), Fault> {
        let tag_keys = keys.iter().map(|it| (*it).to_owned()).collect();
        let request = RemoveTagsFromResource { resource_name: arn.to_owned(), tag_keys };
        self.make(request, |_| ()).await
    }
}

/// RDS filters by names, and never by tags.
fn of_names(name: &str, filter: &ServerFilter) -> Vec<Filter> {
    let of = |values: &Vec<String>| Filter { name: name.to_owned(), values: values.clone() };
    filter.ids.iter().map(of).collect()
}

fn tags(tags: &Tags) -> Vec<Tag> {
    let tag =
        |(key, value): (&String, &String)| Tag { key: key.clone(), value: Some(value.clone()) };
    tags.iter().map(tag).collect()
}

/// What was asked for by its name, unless it is not there.
fn if_there<T>(kind: Kind, found: Result<Option<T>, Fault>) -> Result<Option<T>, Fault> {
    let words = kind::Kind::from(kind).words();
    match found {
        Err(fault)
            if [words.no_database, words.no_snapshot]
                .iter()
                .any(|it| fault.code.as_deref() == Some(it)) =>
        {
            Ok(None)
        }
        found => found,
    }
}
