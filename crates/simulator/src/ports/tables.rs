//! The port of DynamoDB.

use std::collections::BTreeSet;

use async_trait::async_trait;
use jiff::SignedDuration;
use lamplighter_core::{
    Fault, FaultKind, Tags,
    cloud::{
        Page, PageToken,
        table_backups::Backup,
        tables::{
            Asked, Billing, Dimension, LISTING_TRIES, NO_BACKUP, NO_TABLE, NewCapacity, Table,
            Tables,
        },
    },
    if_there,
};

use super::Inside;
use crate::{
    dynamodb::{
        backups::{CreateBackup, DeleteBackup, ListBackups},
        capacity::BillingMode,
        tables::{DescribeTable, ListTables},
        tags::{ListTagsOfResource, Tag, TagResource, UntagResource},
        update_table::{IndexCapacity, IndexUpdate, UpdateTable},
    },
    scaling::{DescribeScalableTargets, resource_ids},
};

#[async_trait]
impl Tables for Inside {
    async fn names(&self, page: Option<PageToken>) -> Result<Page<String>, Fault> {
        let request = ListTables { exclusive_start_table_name: page.map(|it| it.0), limit: None };
        self.make(request, |it| Page {
            items: it.table_names.iter().map(|it| (*it).to_owned()).collect(),
            next: it.last_evaluated_table_name.map(|it| PageToken(it.to_owned())),
        })
        .await
    }

    async fn table(&self, name: &str) -> Result<Option<Table>, Fault> {
        let request = DescribeTable { table_name: name.to_owned() };
        if_there(self.make(request, |it| Table::from(&it.table)).await, &[NO_TABLE])
    }

    async fn tags(&self, arn: &str) -> Result<Option<Tags>, Fault> {
        let (mut tags, mut next_token) = (Tags::new(), None);
        let mut tries = 1;
        loop {
            let request =
                ListTagsOfResource { resource_arn: arn.to_owned(), next_token: next_token.clone() };
            let answer = self.make(request, |it| (it.tags, it.next_token)).await;
            match if_there(answer, &[NO_TABLE]) {
                // As the SDK does.
                Err(fault) if fault.kind == FaultKind::Throttled && tries < LISTING_TRIES => {
                    self.weather.pass(SignedDuration::from_secs(1)).await;
                    tries += 1;
                }
                Err(fault) => return Err(fault),
                Ok(None) => return Ok(None),
                Ok(Some((found, next))) => {
                    tags.extend(found.into_iter().map(|it| (it.key, it.value)));
                    next_token = next;
                    if next_token.is_none() {
                        return Ok(Some(tags));
                    }
                }
            }
        }
    }

    async fn tag(&self, arn: &str, tags: &Tags) -> Result<(), Fault> {
        let tag = |(key, value): (&String, &String)| Tag { key: key.clone(), value: value.clone() };
        let tags = tags.iter().map(tag).collect();
        self.make(TagResource { resource_arn: arn.to_owned(), tags }, |()| ()).await
    }

    async fn untag(&self, arn: &str, keys: &[&str]) -> Result<(), Fault> {
        let tag_keys = keys.iter().map(|it| (*it).to_owned()).collect();
        self.make(UntagResource { resource_arn: arn.to_owned(), tag_keys }, |()| ()).await
    }

    async fn scaled(&self, table: Option<&Table>) -> Result<BTreeSet<Dimension>, Fault> {
        let (mut found, mut next_token) = (BTreeSet::new(), None);
        loop {
            let request = DescribeScalableTargets {
                service_namespace: "dynamodb".to_owned(),
                resource_ids: table.map(resource_ids).unwrap_or_default(),
                next_token,
                ..DescribeScalableTargets::default()
            };
            let read = |it: crate::scaling::Targets<'_>| {
                found.extend(it.scalable_targets.iter().map(|it| it.dimension.clone()));
                it.next_token
            };
            next_token = self.make(request, read).await?;
            if next_token.is_none() {
                return Ok(found);
            }
        }
    }

    async fn set_capacity(&self, name: &str, new: &NewCapacity) -> Result<Asked, Fault> {
        Asked::of(self.make(changing(name, None, new), |_| ()).await)
    }

    async fn set_billing(&self, name: &str, new: &Billing) -> Result<Asked, Fault> {
        let request = match new {
            Billing::OnDemand => {
                changing(name, Some(BillingMode::PayPerRequest), &NewCapacity::default())
            }
            Billing::Provisioned(new) => changing(name, Some(BillingMode::Provisioned), new),
        };
        Asked::of(self.make(request, |_| ()).await)
    }

    async fn create_backup(&self, table: &str, name: &str) -> Result<Backup, Fault> {
        let request = CreateBackup { table_name: table.to_owned(), backup_name: name.to_owned() };
        self.make(request, |it| Backup::from(&it.backup)).await
    }

    async fn backups(
        &self,
        table: Option<&str>,
        page: Option<PageToken>,
    ) -> Result<Page<Backup>, Fault> {
        let request = ListBackups {
            table_name: table.map(str::to_owned),
            exclusive_start_backup_arn: page.map(|it| it.0),
            ..ListBackups::default()
        };
        self.make(request, |it| Page {
            items: it.backup_summaries.iter().map(Backup::from).collect(),
            next: it.last_evaluated_backup_arn.map(|it| PageToken(it.to_owned())),
        })
        .await
    }

    async fn delete_backup(&self, arn: &str) -> Result<(), Fault> {
        let deleted = self.make(DeleteBackup { backup_arn: arn.to_owned() }, |_| ()).await;
        if_there(deleted, &[NO_BACKUP]).map(drop)
    }
}

fn changing(name: &str, mode: Option<BillingMode>, new: &NewCapacity) -> UpdateTable {
    let update = |it| IndexUpdate { update: Some(it), ..IndexUpdate::default() };
    UpdateTable {
        table_name: name.to_owned(),
        billing_mode: mode,
        provisioned_throughput: new.table.map(Into::into),
        global_secondary_index_updates: IndexCapacity::of(new).into_iter().map(update).collect(),
        ..UpdateTable::default()
    }
}
