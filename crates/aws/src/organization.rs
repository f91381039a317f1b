//! AWS Organizations, asked with the process's own credentials, and what was learned of it lately.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_organizations::{Client, config::Builder};
use aws_smithy_async::time::SharedTimeSource;
use aws_smithy_runtime::client::retries::RetryPartition;
use aws_smithy_types::retry::RetryConfig;
use lamplighter_core::{
    Fault, Region,
    cloud::{
        Members, Organizations, Page, PageToken,
        organizations::{Member, members},
    },
    task::Group,
};

use crate::{
    fault::{Call, shared},
    fresh::Fresh,
};

/// How long a listing is good. The tasks of one night list the organization once, and an account
/// that was made in the evening is there.
const KEPT: Duration = Duration::from_secs(300);
/// The most items on a page. Source: Organizations API, `MaxResults`.
const PAGE: i32 = 20;
/// How often a call is made that fails or is too fast.
const ATTEMPTS: u32 = 8;
/// Only the management account and delegated administrators may ask.
const DENIED: &str = "run in the management account of the organization or in a delegated \
    administrator, and allow this identity what `lamplighter policy hub` prints";

type Known = Arc<Fresh<Members>>;

/// The organization of the process's own account.
pub(crate) struct Organization {
    client: Client,
    time: SharedTimeSource,
    known: Mutex<Vec<(Group, Known)>>,
}

impl Organization {
    /// Calls nobody yet.
    pub(crate) fn new(
        process: &SdkConfig,
        region: Option<&Region>,
        time: SharedTimeSource,
    ) -> Organization {
        let region = home(region.map_or("aws", Region::partition));
        // A walk of many calls, each of which only reads, does not begin anew for one that was too
        // fast.
        let config = Builder::from(process)
            .region(aws_types::region::Region::from_static(region))
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .retry_partition(RetryPartition::new("organizations"))
            .build();
        Organization { client: Client::from_conf(config), time, known: Mutex::default() }
    }

    /// The accounts of a part of it, as they are or were some minutes ago.
    pub(crate) async fn members(&self, group: &Group) -> Result<Members, Fault> {
        let listing = async {
            let found = members(self, group).await?;
            Ok((found, Some(self.time.now() + KEPT)))
        };
        let found = self.slot(group).get(listing).await;
        found.map_err(|fault| shared(&format!("learning the accounts of `{}`", group.name), &fault))
    }

    fn slot(&self, group: &Group) -> Known {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, members)) = known.iter().find(|(it, _)| it == group) {
            return members.clone();
        }
        let members = Arc::new(Fresh::new(self.time.clone()));
        known.push((group.clone(), members.clone()));
        members
    }

    fn call<'a>(&'a self, doing: &'a str, action: &'static str) -> Call<'a> {
        Call { doing, action, whom: "the process's own credentials", cure: Some(DENIED) }
    }
}

#[async_trait]
impl Organizations for Organization {
    async fn accounts_of(
        &self,
        parent: &str,
        page: Option<PageToken>,
    ) -> Result<Page<Member>, Fault> {
        let doing = format!("listing the accounts of `{parent}`");
        let call = self.call(&doing, "organizations:ListAccountsForParent");
        let request = self
            .client
            .list_accounts_for_parent()
            .parent_id(parent)
            .max_results(PAGE)
            .set_next_token(page.map(|token| token.0));
        let answer = call.answer(request.send().await)?;
        let member = |account: &aws_sdk_organizations::types::Account| {
            let id = account.id().unwrap_or_default();
            let id = id.parse().map_err(|_| call.unreadable("an account's id", &answer))?;
            let state = account
                .state()
                .ok_or_else(|| call.unreadable("an account without its state", &answer))?;
            Ok(Member { id, state: state.as_str().to_owned() })
        };
        let items = answer.accounts().iter().map(member).collect::<Result<_, Fault>>()?;
        Ok(Page { items, next: next(answer.next_token()) })
    }

    async fn units_of(&self, parent: &str, page: Option<PageToken>) -> Result<Page<String>, Fault> {
        let doing = format!("listing the organizational units of `{parent}`");
        let call = self.call(&doing, "organizations:ListOrganizationalUnitsForParent");
        let request = self
            .client
            .list_organizational_units_for_parent()
            .parent_id(parent)
            .max_results(PAGE)
            .set_next_token(page.map(|token| token.0));
        let answer = call.answer(request.send().await)?;
        let unit = |unit: &aws_sdk_organizations::types::OrganizationalUnit| {
            let id = unit.id().map(str::to_owned);
            id.ok_or_else(|| call.unreadable("no unit's id", &answer))
        };
        let items = answer.organizational_units().iter().map(unit).collect::<Result<_, Fault>>()?;
        Ok(Page { items, next: next(answer.next_token()) })
    }
}

fn next(token: Option<&str>) -> Option<PageToken> {
    token.filter(|it| !it.is_empty()).map(|it| PageToken(it.to_owned()))
}

/// The one region of each partition where Organizations answers.
/// Source: AWS General Reference, "AWS Organizations endpoints and quotas".
fn home(partition: &str) -> &'static str {
    match partition {
        "aws-cn" => "cn-northwest-1",
        "aws-us-gov" => "us-gov-west-1",
        "aws-eusc" => "eusc-de-east-1",
        "aws-iso" => "us-iso-east-1",
        "aws-iso-b" => "us-isob-east-1",
        "aws-iso-e" => "eu-isoe-west-1",
        "aws-iso-f" => "us-isof-south-1",
        _ => "us-east-1",
    }
}

#[cfg(test)]
mod tests;
