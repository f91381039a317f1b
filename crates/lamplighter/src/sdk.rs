//! The configured accounts, and the journal and queue of a deployment, reached by the AWS SDK.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use lamplighter_aws::{
    AccountSettings, Accounts, DynamoJournal, GroupSettings, SdkConfig, SqsQueue, process_config,
};
use lamplighter_cli::Aws;
use lamplighter_config::{Account, Config};
use lamplighter_core::{AccountPool, Fault, Journal, Queue, engine::Inbox, task::Regions};

/// AWS, with the region and the credentials of this process.
#[derive(Default)]
pub(crate) struct Sdk {
    config: OnceLock<SdkConfig>,
}

impl Sdk {
    /// What the process has for AWS, looked up when it is first needed: its clients share
    /// connections and credentials.
    async fn config(&self) -> &SdkConfig {
        match self.config.get() {
            Some(config) => config,
            None => {
                let config = process_config().await;
                self.config.get_or_init(|| config)
            }
        }
    }
}

#[async_trait]
impl Aws for Sdk {
    async fn accounts(&self, config: &Config) -> Result<Arc<dyn AccountPool>, Fault> {
        let accounts = config.accounts.iter().map(settings).collect();
        let groups = config.groups.iter().map(group_settings).collect();
        let accounts = Accounts::new(self.config().await, accounts)?;
        Ok(Arc::new(accounts.with_groups(groups).with_share(config.share)))
    }

    async fn journal(&self, table: &str) -> Result<Arc<dyn Journal>, Fault> {
        Ok(Arc::new(DynamoJournal::open(self.config().await, table).await?))
    }

    async fn queue(&self, url: &str) -> Result<(Arc<dyn Queue>, Arc<dyn Inbox>), Fault> {
        let queue = Arc::new(SqsQueue::open(self.config().await, url).await?);
        Ok((queue.clone(), queue))
    }
}

fn group_settings(accounts: &lamplighter_config::Accounts) -> GroupSettings {
    GroupSettings {
        group: accounts.group.clone(),
        role: accounts.role.as_str().to_owned(),
        external_id: accounts.external_id.as_ref().map(|secret| secret.expose().to_owned()),
    }
}

fn settings(account: &Account) -> AccountSettings {
    AccountSettings {
        name: account.name.clone(),
        id: account.id.clone(),
        role: account.role.as_ref().map(|role| role.as_str().to_owned()),
        external_id: account.external_id.as_ref().map(|secret| secret.expose().to_owned()),
        home_region: match &account.regions {
            Regions::Listed(regions) => regions.first().cloned(),
            Regions::All => None,
        },
    }
}
