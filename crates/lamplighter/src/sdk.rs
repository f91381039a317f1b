//! The configured accounts, reached by the AWS SDK.

use std::sync::Arc;

use async_trait::async_trait;
use lamplighter_aws::{AccountSettings, Accounts, GroupSettings, process_config};
use lamplighter_cli::Aws;
use lamplighter_config::{Account, Config};
use lamplighter_core::{AccountPool, Fault, task::Regions};

/// AWS, with the region and the credentials of this process.
pub(crate) struct Sdk;

#[async_trait]
impl Aws for Sdk {
    async fn accounts(&self, config: &Config) -> Result<Arc<dyn AccountPool>, Fault> {
        let accounts = config.accounts.iter().map(settings).collect();
        let groups = config.groups.iter().map(group_settings).collect();
        let accounts = Accounts::new(&process_config().await, accounts)?;
        Ok(Arc::new(accounts.with_groups(groups)))
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
