//! DynamoDB tables in one place, and what Application Auto Scaling sets of them.

mod read;

use std::collections::BTreeSet;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_applicationautoscaling::{self as autoscaling, types::ServiceNamespace};
use aws_sdk_dynamodb::{
    Client,
    config::{Builder, Config},
    error::BuildError,
    types::{
        BackupTypeFilter, BillingMode, GlobalSecondaryIndexUpdate, ProvisionedThroughput, Tag,
        UpdateGlobalSecondaryIndexAction,
    },
};
use aws_smithy_runtime::client::retries::RetryPartition;
use aws_smithy_types::retry::RetryConfig;
use lamplighter_core::{
    Fault, FaultKind, Place, Tags,
    cloud::{
        Page, PageToken, Tables,
        table_backups::Backup,
        tables::{
            Asked, Billing, Dimension, LISTING_TRIES, NO_BACKUP, NO_TABLE, NewCapacity, Table,
            Units,
        },
    },
    if_there,
};

use crate::fault::{Call, plain};

/// Names on a page. Each table is asked for and for its tags, so a page takes that many times as
/// long as a call, and the listing gives a sign of life after it.
const PAGE: i32 = 25;
/// Backups on a page, the most that AWS gives. Source: DynamoDB API, `ListBackups`.
const BACKUPS_PAGE: i32 = 100;

/// DynamoDB, called with the credentials of one account in one region.
pub(crate) struct TablesClient {
    client: Client,
    scaling: autoscaling::Client,
    whom: String,
}

impl TablesClient {
    /// A client for `place`. `whom` says whose credentials `config` has.
    pub(crate) fn new(config: &SdkConfig, place: &Place, whom: &str) -> TablesClient {
        let Place { account, region } = place;
        let own = || aws_types::region::Region::new(region.to_string());
        let retries = |service| RetryPartition::new(format!("{service}-{region}-{account}"));
        let tables = Builder::from(config).region(own()).retry_partition(retries("dynamodb"));
        let scaling = autoscaling::config::Builder::from(config)
            .region(own())
            .retry_partition(retries("application-autoscaling"));
        TablesClient {
            client: Client::from_conf(tables.build()),
            scaling: autoscaling::Client::from_conf(scaling.build()),
            whom: format!("{whom} in {place}"),
        }
    }

    fn call<'a>(&'a self, doing: &'a str, action: &'static str) -> Call<'a> {
        Call { doing, action, whom: &self.whom, cure: None }
    }
}

#[async_trait]
impl Tables for TablesClient {
    async fn names(&self, page: Option<PageToken>) -> Result<Page<String>, Fault> {
        let call = self.call("listing tables", "dynamodb:ListTables");
        let request = self
            .client
            .list_tables()
            .limit(PAGE)
            .set_exclusive_start_table_name(page.map(|it| it.0))
            .customize()
            .config_override(patient());
        let answer = call.answer(request.send().await)?;
        let next = answer.last_evaluated_table_name().map(|it| PageToken(it.to_owned()));
        Ok(Page { items: answer.table_names().to_vec(), next })
    }

    async fn table(&self, name: &str) -> Result<Option<Table>, Fault> {
        let doing = format!("looking at the table `{}`", plain(name));
        let call = self.call(&doing, "dynamodb:DescribeTable");
        let request =
            self.client.describe_table().table_name(name).customize().config_override(patient());
        let Some(answer) = if_there(call.answer(request.send().await), &[NO_TABLE])? else {
            return Ok(None);
        };
        let found = answer.table().ok_or_else(|| call.unreadable("no table", &answer))?;
        let found = read::table(found).map_err(|what| call.unreadable(&what, &answer))?;
        Ok(Some(found))
    }

    async fn tags(&self, arn: &str) -> Result<Option<Tags>, Fault> {
        let doing = format!("reading the tags of `{}`", plain(arn));
        let call = self.call(&doing, "dynamodb:ListTagsOfResource");
        let (mut tags, mut page) = (Tags::new(), None);
        loop {
            let request = self
                .client
                .list_tags_of_resource()
                .resource_arn(arn)
                .set_next_token(page)
                .customize()
                .config_override(patient());
            let Some(answer) = if_there(call.answer(request.send().await), &[NO_TABLE])? else {
                return Ok(None);
            };
            let found = answer.tags().iter();
            tags.extend(found.map(|it| (it.key().to_owned(), it.value().to_owned())));
            page = answer.next_token().filter(|it| !it.is_empty()).map(str::to_owned);
            if page.is_none() {
                return Ok(Some(tags));
            }
        }
    }

    async fn tag(&self, arn: &str, tags: &Tags) -> Result<(), Fault> {
        let doing = format!("tagging `{}`", plain(arn));
        let call = self.call(&doing, "dynamodb:TagResource");
        let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
        let tags = tags.iter().map(tag).collect::<Result<Vec<_>, _>>();
        let tags = tags.map_err(|error| Fault::permanent(&doing).caused_by(error))?;
        let request = self.client.tag_resource().resource_arn(arn).set_tags(Some(tags));
        call.answer(request.send().await).map(drop)
    }

    async fn untag(&self, arn: &str, keys: &[&str]) -> Result<(), Fault> {
        let doing = format!("untagging `{}`", plain(arn));
        let call = self.call(&doing, "dynamodb:UntagResource");
        let keys = keys.iter().map(|it| (*it).to_owned()).collect();
        let request = self.client.untag_resource().resource_arn(arn).set_tag_keys(Some(keys));
        call.answer(request.send().await).map(drop)
    }

    async fn scaled(&self, table: Option<&Table>) -> Result<BTreeSet<Dimension>, Fault> {
        let call = self.call(
            "listing what Application Auto Scaling sets",
            "application-autoscaling:DescribeScalableTargets",
        );
        let (mut found, mut page) = (BTreeSet::new(), None);
        loop {
            let request = self
                .scaling
                .describe_scalable_targets()
                .service_namespace(ServiceNamespace::Dynamodb)
                .set_resource_ids(table.map(read::resource_ids))
                .set_next_token(page);
            let answer = call.answer(request.send().await)?;
            for it in answer.scalable_targets() {
                let (id, of) = (it.resource_id(), it.scalable_dimension().as_str());
                let dimension = read::dimension(id, of).ok_or_else(|| {
                    let named = format!("`{}` of `{}`, which is no capacity", plain(of), plain(id));
                    call.unreadable(&named, &answer)
                })?;
                found.insert(dimension);
            }
            page = answer.next_token().filter(|it| !it.is_empty()).map(str::to_owned);
            if page.is_none() {
                return Ok(found);
            }
        }
    }

    async fn set_capacity(&self, name: &str, new: &NewCapacity) -> Result<Asked, Fault> {
        self.update(name, None, new).await
    }

    async fn set_billing(&self, name: &str, new: &Billing) -> Result<Asked, Fault> {
        match new {
            Billing::OnDemand => {
                let none = NewCapacity::default();
                self.update(name, Some(BillingMode::PayPerRequest), &none).await
            }
            Billing::Provisioned(new) => {
                self.update(name, Some(BillingMode::Provisioned), new).await
            }
        }
    }

    async fn create_backup(&self, table: &str, name: &str) -> Result<Backup, Fault> {
        let doing = format!("creating a backup of `{}`", plain(table));
        let call = self.call(&doing, "dynamodb:CreateBackup");
        let request = self
            .client
            .create_backup()
            .table_name(table)
            .backup_name(name)
            .customize()
            // Without a client token a second try may make a second backup.
            .config_override(Config::builder().retry_config(RetryConfig::disabled()));
        let answer = call.answer(request.send().await)?;
        // It exists even if the answer cannot be read: whoever tries again finds it by its name.
        read::created(&answer, table).map_err(|what| {
            let mut fault = call.unreadable(&what, &answer);
            fault.kind = FaultKind::Transient;
            fault
        })
    }

    async fn backups(
        &self,
        table: Option<&str>,
        page: Option<PageToken>,
    ) -> Result<Page<Backup>, Fault> {
        let call = self.call("listing backups of tables", "dynamodb:ListBackups");
        let request = self
            .client
            .list_backups()
            .set_table_name(table.map(str::to_owned))
            .backup_type(BackupTypeFilter::User)
            .limit(BACKUPS_PAGE)
            .set_exclusive_start_backup_arn(page.map(|it| it.0))
            .customize()
            .config_override(patient());
        let answer = call.answer(request.send().await)?;
        let items = answer.backup_summaries().iter().map(read::backup).collect::<Result<_, _>>();
        let items = items.map_err(|what: String| call.unreadable(&what, &answer))?;
        let next = answer.last_evaluated_backup_arn().map(|it| PageToken(it.to_owned()));
        Ok(Page { items, next })
    }

    async fn delete_backup(&self, arn: &str) -> Result<(), Fault> {
        let doing = format!("deleting `{}`", plain(arn));
        let call = self.call(&doing, "dynamodb:DeleteBackup");
        let request = self.client.delete_backup().backup_arn(arn);
        if_there(call.answer(request.send().await), &[NO_BACKUP]).map(drop)
    }
}

impl TablesClient {
    async fn update(
        &self,
        name: &str,
        mode: Option<BillingMode>,
        new: &NewCapacity,
    ) -> Result<Asked, Fault> {
        let doing = format!("changing the capacity of `{}`", plain(name));
        let call = self.call(&doing, "dynamodb:UpdateTable");
        let unfit = |error: BuildError| Fault::permanent(&doing).caused_by(error);
        let table = new.table.map(throughput).transpose().map_err(unfit)?;
        let indexes = index_updates(new).map_err(unfit)?;
        let request = self
            .client
            .update_table()
            .table_name(name)
            .set_billing_mode(mode)
            .set_provisioned_throughput(table)
            .set_global_secondary_index_updates((!indexes.is_empty()).then_some(indexes))
            .customize()
            // That it was lowered too often today is an error that the SDK would try again.
            .config_override(Config::builder().retry_config(RetryConfig::disabled()));
        Asked::of(call.answer(request.send().await).map(drop))
    }
}

fn throughput(units: Units) -> Result<ProvisionedThroughput, BuildError> {
    let number = |it: u64| i64::try_from(it).unwrap_or(i64::MAX);
    ProvisionedThroughput::builder()
        .read_capacity_units(number(units.reads))
        .write_capacity_units(number(units.writes))
        .build()
}

fn index_updates(new: &NewCapacity) -> Result<Vec<GlobalSecondaryIndexUpdate>, BuildError> {
    let update = |(name, units): (&String, &Units)| {
        let update = UpdateGlobalSecondaryIndexAction::builder()
            .index_name(name)
            .provisioned_throughput(throughput(*units)?)
            .build()?;
        Ok(GlobalSecondaryIndexUpdate::builder().update(update).build())
    };
    new.indexes.iter().map(update).collect()
}

/// Tries again for longer than others do.
fn patient() -> aws_sdk_dynamodb::config::Builder {
    Config::builder().retry_config(RetryConfig::standard().with_max_attempts(LISTING_TRIES))
}

#[cfg(test)]
mod tests;
