//! RDS and Aurora in one place.

mod copies;
mod read;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_rds::{
    Client,
    config::{Builder, Config},
    types::{Filter, SourceType, Tag},
};
use aws_smithy_runtime::client::retries::RetryPartition;
use aws_smithy_types::{DateTime, retry::RetryConfig};
use jiff::Timestamp;
use lamplighter_core::{
    Fault, Place, Tags,
    cloud::{
        Page, PageToken,
        rds::{
            Cluster, Database, Kind, NO_DATABASE, NO_SNAPSHOT, NewSnapshot, PowerEvent, Quota, Rds,
            Reboot, Snapshot,
        },
    },
    if_there,
    select::ServerFilter,
};

use crate::{ec2::next, fault::Call};

/// Most resources on a page, the most that AWS gives.
/// Source: RDS API Reference, `MaxRecords` of each describe.
const PAGE: i32 = 100;

/// RDS, called with the credentials of one account in one region.
pub(crate) struct RdsClient {
    client: Client,
    whom: String,
}

impl RdsClient {
    /// A client for `place`. `whom` says whose credentials `config` has.
    pub(crate) fn new(config: &SdkConfig, place: &Place, whom: &str) -> RdsClient {
        let Place { account, region } = place;
        let config = Builder::from(config)
            .region(aws_types::region::Region::new(region.to_string()))
            .retry_partition(RetryPartition::new(format!("rds-{region}-{account}")));
        RdsClient { client: Client::from_conf(config.build()), whom: format!("{whom} in {place}") }
    }

    fn call<'a>(&'a self, doing: &'a str, action: &'static str) -> Call<'a> {
        Call { doing, action, whom: &self.whom, cure: None }
    }
}

#[async_trait]
impl Rds for RdsClient {
    async fn databases(
        &self,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Database>, Fault> {
        let call = self.call("listing databases", "rds:DescribeDBInstances");
        let request = self
            .client
            .describe_db_instances()
            .set_filters(of_names("db-instance-id", filter))
            .max_records(PAGE)
            .set_marker(page.map(|it| it.0));
        let answer = call.answer(request.send().await)?;
        let items = answer.db_instances().iter().map(read::database).collect::<Result<_, _>>();
        let items = items.map_err(|what| call.unreadable(&what, &answer))?;
        Ok(Page { items, next: next(answer.marker()) })
    }

    async fn clusters(
        &self,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Cluster>, Fault> {
        let call = self.call("listing clusters", "rds:DescribeDBClusters");
        let request = self
            .client
            .describe_db_clusters()
            .set_filters(of_names("db-cluster-id", filter))
            .max_records(PAGE)
            .set_marker(page.map(|it| it.0));
        let answer = call.answer(request.send().await)?;
        let items = answer.db_clusters().iter().map(read::cluster).collect::<Result<_, _>>();
        let items = items.map_err(|what| call.unreadable(&what, &answer))?;
        Ok(Page { items, next: next(answer.marker()) })
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
                let call = self.call("listing snapshots of databases", "rds:DescribeDBSnapshots");
                let request = self
                    .client
                    .describe_db_snapshots()
                    .set_filters(of_names("db-snapshot-id", filter))
                    .max_records(PAGE)
                    .set_marker(marker);
                let answer = call.answer(request.send().await)?;
                let items = answer.db_snapshots().iter().map(read::snapshot);
                let items = items.collect::<Result<_, _>>();
                let items = items.map_err(|what| call.unreadable(&what, &answer))?;
                Ok(Page { items, next: next(answer.marker()) })
            }
            Kind::Cluster => {
                let call =
                    self.call("listing snapshots of clusters", "rds:DescribeDBClusterSnapshots");
                let request = self
                    .client
                    .describe_db_cluster_snapshots()
                    .set_filters(of_names("db-cluster-snapshot-id", filter))
                    .max_records(PAGE)
                    .set_marker(marker);
                let answer = call.answer(request.send().await)?;
                let items = answer.db_cluster_snapshots().iter().map(read::cluster_snapshot);
                let items = items.collect::<Result<_, _>>();
                let items = items.map_err(|what| call.unreadable(&what, &answer))?;
                Ok(Page { items, next: next(answer.marker()) })
            }
        }
    }

    async fn database(&self, name: &str) -> Result<Option<Database>, Fault> {
        let call = self.call("looking at a database", "rds:DescribeDBInstances");
        let request = self.client.describe_db_instances().db_instance_identifier(name);
        let Some(answer) = if_there(call.answer(request.send().await), &NO_DATABASE)? else {
            return Ok(None);
        };
        let found = answer.db_instances().first().map(read::database).transpose();
        found.map_err(|what| call.unreadable(&what, &answer))
    }

    async fn cluster(&self, name: &str) -> Result<Option<Cluster>, Fault> {
        let call = self.call("looking at a cluster", "rds:DescribeDBClusters");
        let request = self.client.describe_db_clusters().db_cluster_identifier(name);
        let Some(answer) = if_there(call.answer(request.send().await), &NO_DATABASE)? else {
            return Ok(None);
        };
        let found = answer.db_clusters().first().map(read::cluster).transpose();
        found.map_err(|what| call.unreadable(&what, &answer))
    }

    async fn snapshot(&self, kind: Kind, name: &str) -> Result<Option<Snapshot>, Fault> {
        match kind {
            Kind::Instance => {
                let call = self.call("looking at a snapshot", "rds:DescribeDBSnapshots");
                let request = self.client.describe_db_snapshots().db_snapshot_identifier(name);
                let Some(answer) = if_there(call.answer(request.send().await), &NO_SNAPSHOT)?
                else {
                    return Ok(None);
                };
                let found = answer.db_snapshots().first().map(read::snapshot).transpose();
                found.map_err(|what| call.unreadable(&what, &answer))
            }
            Kind::Cluster => {
                let call = self.call("looking at a snapshot", "rds:DescribeDBClusterSnapshots");
                let request = self
                    .client
                    .describe_db_cluster_snapshots()
                    .db_cluster_snapshot_identifier(name);
                let Some(answer) = if_there(call.answer(request.send().await), &NO_SNAPSHOT)?
                else {
                    return Ok(None);
                };
                let found = answer.db_cluster_snapshots().first();
                let found = found.map(read::cluster_snapshot).transpose();
                found.map_err(|what| call.unreadable(&what, &answer))
            }
        }
    }

    async fn quota(&self, kind: Kind) -> Result<Option<Quota>, Fault> {
        let call = self.call("looking at quotas", "rds:DescribeAccountAttributes");
        let name = match kind {
            Kind::Instance => "ManualSnapshots",
            Kind::Cluster => "ManualClusterSnapshots",
        };
        let answer = call.answer(self.client.describe_account_attributes().send().await)?;
        let mut quotas = answer.account_quotas().iter();
        Ok(quotas.find(|it| it.account_quota_name() == Some(name)).and_then(read::quota))
    }

    async fn power_events(
        &self,
        kind: Kind,
        since: Timestamp,
        page: Option<PageToken>,
    ) -> Result<Page<PowerEvent>, Fault> {
        let call = self.call("listing events of databases", "rds:DescribeEvents");
        let source_type = match kind {
            Kind::Instance => SourceType::DbInstance,
            Kind::Cluster => SourceType::DbCluster,
        };
        let categories = ["availability", "notification"].map(str::to_owned).to_vec();
        let request = self
            .client
            .describe_events()
            .source_type(source_type)
            .start_time(DateTime::from_secs(since.as_second()))
            .set_event_categories(Some(categories))
            .max_records(PAGE)
            .set_marker(page.map(|it| it.0));
        let answer = call.answer(request.send().await)?;
        let items = answer.events().iter().filter_map(read::power_event).collect();
        Ok(Page { items, next: next(answer.marker()) })
    }

    async fn create_snapshot(&self, kind: Kind, new: &NewSnapshot) -> Result<(), Fault> {
        let doing = format!("creating the snapshot `{}` of `{}`", new.name, new.database);
        // A second try would be told that the name is taken, or the database busy: by the first.
        match kind {
            Kind::Instance => {
                let call = self.call(&doing, "rds:CreateDBSnapshot");
                let request = self
                    .client
                    .create_db_snapshot()
                    .db_instance_identifier(&new.database)
                    .db_snapshot_identifier(&new.name)
                    .set_tags(tags(&new.tags))
                    .customize()
                    .config_override(once());
                call.answer(request.send().await).map(|_| ())
            }
            Kind::Cluster => {
                let call = self.call(&doing, "rds:CreateDBClusterSnapshot");
                let request = self
                    .client
                    .create_db_cluster_snapshot()
                    .db_cluster_identifier(&new.database)
                    .db_cluster_snapshot_identifier(&new.name)
                    .set_tags(tags(&new.tags))
                    .customize()
                    .config_override(once());
                call.answer(request.send().await).map(|_| ())
            }
        }
    }

    async fn delete_snapshot(&self, kind: Kind, name: &str) -> Result<(), Fault> {
        let doing = format!("deleting the snapshot `{name}`");
        let deleted = match kind {
            Kind::Instance => {
                let call = self.call(&doing, "rds:DeleteDBSnapshot");
                let request = self.client.delete_db_snapshot().db_snapshot_identifier(name);
                call.answer(request.send().await).map(drop)
            }
            Kind::Cluster => {
                let call = self.call(&doing, "rds:DeleteDBClusterSnapshot");
                let request =
                    self.client.delete_db_cluster_snapshot().db_cluster_snapshot_identifier(name);
                call.answer(request.send().await).map(drop)
            }
        };
        if_there(deleted, &NO_SNAPSHOT).map(|_| ())
    }

    async fn start(&self, kind: Kind, name: &str) -> Result<(), Fault> {
        let doing = format!("starting `{name}`");
        match kind {
            Kind::Instance => {
                let call = self.call(&doing, "rds:StartDBInstance");
                let request = self.client.start_db_instance().db_instance_identifier(name);
                call.answer(request.send().await).map(|_| ())
            }
            Kind::Cluster => {
                let call = self.call(&doing, "rds:StartDBCluster");
                let request = self.client.start_db_cluster().db_cluster_identifier(name);
                call.answer(request.send().await).map(|_| ())
            }
        }
    }

    async fn stop(&self, kind: Kind, name: &str) -> Result<(), Fault> {
        let doing = format!("stopping `{name}`");
        match kind {
            Kind::Instance => {
                let call = self.call(&doing, "rds:StopDBInstance");
                let request = self.client.stop_db_instance().db_instance_identifier(name);
                call.answer(request.send().await).map(|_| ())
            }
            Kind::Cluster => {
                let call = self.call(&doing, "rds:StopDBCluster");
                let request = self.client.stop_db_cluster().db_cluster_identifier(name);
                call.answer(request.send().await).map(|_| ())
            }
        }
    }

    async fn reboot(&self, name: &str, how: Reboot) -> Result<(), Fault> {
        let doing = format!("rebooting `{name}`");
        let call = self.call(&doing, "rds:RebootDBInstance");
        let request = self
            .client
            .reboot_db_instance()
            .db_instance_identifier(name)
            .set_force_failover((how == Reboot::Failover).then_some(true))
            .customize()
            // A second try may be a second reboot.
            .config_override(once());
        call.answer(request.send().await).map(|_| ())
    }

    async fn delete(
        &self,
        kind: Kind,
        name: &str,
        final_snapshot: Option<&str>,
    ) -> Result<(), Fault> {
        let doing = format!("deleting `{name}`");
        let (skip, last) = (final_snapshot.is_none(), final_snapshot.map(str::to_owned));
        // A second try would be told that it is being deleted: by the first.
        match kind {
            Kind::Instance => {
                let call = self.call(&doing, "rds:DeleteDBInstance");
                let request = self
                    .client
                    .delete_db_instance()
                    .db_instance_identifier(name)
                    .skip_final_snapshot(skip)
                    .set_final_db_snapshot_identifier(last)
                    .customize()
                    .config_override(once());
                call.answer(request.send().await).map(|_| ())
            }
            Kind::Cluster => {
                let call = self.call(&doing, "rds:DeleteDBCluster");
                let request = self
                    .client
                    .delete_db_cluster()
                    .db_cluster_identifier(name)
                    .skip_final_snapshot(skip)
                    .set_final_db_snapshot_identifier(last)
                    .customize()
                    .config_override(once());
                call.answer(request.send().await).map(|_| ())
            }
        }
    }

    async fn tag(&self, arn: &str, tags: &Tags) -> Result<(), Fault> {
        let doing = format!("tagging `{arn}`");
        let call = self.call(&doing, "rds:AddTagsToResource");
        let request = self
            .client
            .add_tags_to_resource()
            .resource_name(arn)
            .set_tags(self::tags(tags).or_else(|| Some(Vec::new())));
        call.answer(request.send().await).map(|_| ())
    }

    async fn untag(&self, arn: &str, keys: &[&str]) -> Result<(), Fault> {
        let doing = format!("untagging `{arn}`");
        let call = self.call(&doing, "rds:RemoveTagsFromResource");
        let keys = keys.iter().map(|it| (*it).to_owned()).collect();
        let request =
            self.client.remove_tags_from_resource().resource_name(arn).set_tag_keys(Some(keys));
        call.answer(request.send().await).map(|_| ())
    }
}

/// RDS filters by names, and never by tags.
fn of_names(name: &str, filter: &ServerFilter) -> Option<Vec<Filter>> {
    let values = filter.ids.clone()?;
    Some(vec![Filter::builder().name(name).set_values(Some(values)).build()])
}

fn tags(tags: &Tags) -> Option<Vec<Tag>> {
    let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
    (!tags.is_empty()).then(|| tags.iter().map(tag).collect())
}

/// One try and no more.
fn once() -> Builder {
    Config::builder().retry_config(RetryConfig::disabled())
}

#[cfg(test)]
mod tests;
