//! Sharing and copying of snapshots.

use std::collections::BTreeSet;

use async_trait::async_trait;
use lamplighter_core::{
    AccountId, Fault,
    cloud::{
        Page, PageToken,
        ec2::Shares,
        rds::{Copies, Kind, NO_OPTION_GROUP, NewCopy, OptionGroup, Snapshot},
    },
};

use super::{PAGE, RdsClient, if_there, once, read, tags};
use crate::ec2::next;

/// The attribute that says who may copy and restore a snapshot, and its value for everybody.
/// Source: RDS API Reference, `ModifyDBSnapshotAttribute`.
const RESTORE: &str = "restore";
const ALL: &str = "all";

#[async_trait]
impl Copies for RdsClient {
    async fn snapshots_of(
        &self,
        kind: Kind,
        database: &str,
        page: Option<PageToken>,
    ) -> Result<Page<Snapshot>, Fault> {
        let marker = page.map(|it| it.0);
        let doing = format!("listing snapshots of `{database}`");
        match kind {
            Kind::Instance => {
                let call = self.call(&doing, "rds:DescribeDBSnapshots");
                let request = self
                    .client
                    .describe_db_snapshots()
                    .db_instance_identifier(database)
                    .snapshot_type("manual")
                    .max_records(PAGE)
                    .set_marker(marker);
                let answer = call.answer(request.send().await)?;
                let items = answer.db_snapshots().iter().map(read::snapshot);
                let items = items.collect::<Result<_, _>>();
                let items = items.map_err(|what| call.unreadable(&what, &answer))?;
                Ok(Page { items, next: next(answer.marker()) })
            }
            Kind::Cluster => {
                let call = self.call(&doing, "rds:DescribeDBClusterSnapshots");
                let request = self
                    .client
                    .describe_db_cluster_snapshots()
                    .db_cluster_identifier(database)
                    .snapshot_type("manual")
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

    async fn copy_snapshot(&self, kind: Kind, new: &NewCopy) -> Result<(), Fault> {
        let doing = format!("copying `{}` as `{}`", new.source, new.name);
        // A second try would be told that the name is taken: by the first.
        match kind {
            Kind::Instance => {
                let call = self.call(&doing, "rds:CopyDBSnapshot");
                let request = self
                    .client
                    .copy_db_snapshot()
                    .source_db_snapshot_identifier(&new.source)
                    .target_db_snapshot_identifier(&new.name)
                    .set_kms_key_id(new.key.clone())
                    .set_option_group_name(new.option_group.clone())
                    .set_tags(tags(&new.tags))
                    .customize()
                    .config_override(once());
                call.answer(request.send().await).map(drop)
            }
            Kind::Cluster => {
                let call = self.call(&doing, "rds:CopyDBClusterSnapshot");
                let request = self
                    .client
                    .copy_db_cluster_snapshot()
                    .source_db_cluster_snapshot_identifier(&new.source)
                    .target_db_cluster_snapshot_identifier(&new.name)
                    .set_kms_key_id(new.key.clone())
                    .set_tags(tags(&new.tags))
                    .customize()
                    .config_override(once());
                call.answer(request.send().await).map(drop)
            }
        }
    }

    async fn snapshot_shares(&self, kind: Kind, name: &str) -> Result<Shares, Fault> {
        let doing = format!("asking who may use `{name}`");
        match kind {
            Kind::Instance => {
                let call = self.call(&doing, "rds:DescribeDBSnapshotAttributes");
                let request =
                    self.client.describe_db_snapshot_attributes().db_snapshot_identifier(name);
                let answer = call.answer(request.send().await)?;
                let found = answer.db_snapshot_attributes_result();
                let found = found.into_iter().flat_map(|it| it.db_snapshot_attributes());
                let found = found.filter(|it| it.attribute_name() == Some(RESTORE));
                let shares = shares(found.flat_map(|it| it.attribute_values()));
                shares.map_err(|what| call.unreadable(&what, &answer))
            }
            Kind::Cluster => {
                let call = self.call(&doing, "rds:DescribeDBClusterSnapshotAttributes");
                let request = self
                    .client
                    .describe_db_cluster_snapshot_attributes()
                    .db_cluster_snapshot_identifier(name);
                let answer = call.answer(request.send().await)?;
                let found = answer.db_cluster_snapshot_attributes_result();
                let found = found.into_iter().flat_map(|it| it.db_cluster_snapshot_attributes());
                let found = found.filter(|it| it.attribute_name() == Some(RESTORE));
                let shares = shares(found.flat_map(|it| it.attribute_values()));
                shares.map_err(|what| call.unreadable(&what, &answer))
            }
        }
    }

    async fn share_snapshot(
        &self,
        kind: Kind,
        name: &str,
        with: &BTreeSet<AccountId>,
    ) -> Result<(), Fault> {
        self.change_shares(kind, name, Some(texts(with)), None).await
    }

    async fn unshare_snapshot(
        &self,
        kind: Kind,
        name: &str,
        with: &BTreeSet<AccountId>,
    ) -> Result<(), Fault> {
        self.change_shares(kind, name, None, Some(texts(with))).await
    }

    async fn option_group(&self, name: &str) -> Result<Option<OptionGroup>, Fault> {
        let doing = format!("asking about the option group `{name}`");
        let call = self.call(&doing, "rds:DescribeOptionGroups");
        let request = self.client.describe_option_groups().option_group_name(name);
        let Some(answer) = if_there(call.answer(request.send().await), &[NO_OPTION_GROUP])? else {
            return Ok(None);
        };
        let found = answer.option_groups_list().first().map(read::option_group).transpose();
        found.map_err(|what| call.unreadable(&what, &answer))
    }
}

impl RdsClient {
    async fn change_shares(
        &self,
        kind: Kind,
        name: &str,
        add: Option<Vec<String>>,
        remove: Option<Vec<String>>,
    ) -> Result<(), Fault> {
        let doing = format!("changing who may use `{name}`");
        match kind {
            Kind::Instance => {
                let call = self.call(&doing, "rds:ModifyDBSnapshotAttribute");
                let request = self
                    .client
                    .modify_db_snapshot_attribute()
                    .db_snapshot_identifier(name)
                    .attribute_name(RESTORE)
                    .set_values_to_add(add)
                    .set_values_to_remove(remove);
                call.answer(request.send().await).map(drop)
            }
            Kind::Cluster => {
                let call = self.call(&doing, "rds:ModifyDBClusterSnapshotAttribute");
                let request = self
                    .client
                    .modify_db_cluster_snapshot_attribute()
                    .db_cluster_snapshot_identifier(name)
                    .attribute_name(RESTORE)
                    .set_values_to_add(add)
                    .set_values_to_remove(remove);
                call.answer(request.send().await).map(drop)
            }
        }
    }
}

fn texts(accounts: &BTreeSet<AccountId>) -> Vec<String> {
    accounts.iter().map(AccountId::to_string).collect()
}

/// Those who may use a snapshot, by the values of its attribute.
fn shares<'v>(values: impl Iterator<Item = &'v String>) -> Result<Shares, String> {
    let mut shares = Shares::default();
    for value in values {
        match value.as_str() {
            ALL => shares.public = true,
            id => {
                let account = id.parse().map_err(|_| format!("the account `{id}`"))?;
                shares.accounts.insert(account);
            }
        }
    }
    Ok(shares)
}
