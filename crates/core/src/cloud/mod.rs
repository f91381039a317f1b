//! The part of AWS that actions may use, as traits. `lamplighter-aws` implements them with the
//! SDK; `lamplighter-testkit` implements them in memory.

pub mod ec2;
pub mod instances;
pub mod kms;
pub mod organizations;
pub mod rds;
pub mod ssm;
pub mod table_backups;
pub mod tables;
pub mod tagged;

use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{AccountId, Fault, Place, Region, Tags, TaskName, select::ServerFilter, task::Group};

pub use ec2::Ec2;
pub use instances::Instances;
pub use kms::Kms;
pub use organizations::{Members, Organizations};
pub use rds::Rds;
pub use ssm::Ssm;
pub use tables::Tables;

/// One account in one region, with credentials for it.
pub trait Scope: Send + Sync {
    /// Where it is.
    fn place(&self) -> &Place;
    /// EC2 and EBS there.
    fn ec2(&self) -> &dyn Ec2;
    /// EC2 instances there.
    fn instances(&self) -> &dyn Instances;
    /// KMS there.
    fn kms(&self) -> &dyn Kms;
    /// RDS and Aurora there.
    fn rds(&self) -> &dyn Rds;
    /// SSM there.
    fn ssm(&self) -> &dyn Ssm;
    /// DynamoDB there.
    fn tables(&self) -> &dyn Tables;
}

/// Hands out scopes, and keeps their credentials fresh.
#[async_trait]
pub trait AccountPool: Send + Sync {
    /// A way into `place`. An account that is not configured is a [`FaultKind::Config`]
    /// (crate::FaultKind::Config) fault; a role that cannot be assumed, a permission fault.
    async fn scope(&self, place: &Place, session: &Session) -> Result<Arc<dyn Scope>, Fault>;

    /// Makes sure that the account of `place` can be entered. Says nothing of the region.
    async fn can_enter(&self, place: &Place, session: &Session) -> Result<(), Fault> {
        self.scope(place, session).await.map(drop)
    }

    /// The accounts of a part of the organization, as they are now or were some minutes ago. What
    /// cannot be listed, and a part without active accounts, are faults.
    async fn members(&self, group: &Group) -> Result<Members, Fault> {
        Err(Fault::config(format!("`{}`: nobody can ask an organization here", group.name)))
    }

    /// The regions that are enabled in `account`. Needs `ec2:DescribeRegions`.
    async fn regions(&self, account: &AccountId, session: &Session) -> Result<Vec<Region>, Fault>;
}

/// On whose behalf AWS is called: shows in the name of the assumed role's session.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Session {
    /// The task.
    pub task: TaskName,
    /// Its occurrence.
    pub occurrence: Timestamp,
}

impl Session {
    /// The name of an assumed role's session: 2 to 64 characters of `\w+=,.@-`, so that
    /// CloudTrail tells which task and which run called. Long task names are cut.
    /// Source: STS API, `AssumeRole`, `RoleSessionName`.
    pub fn name(&self) -> String {
        let at = self.occurrence.strftime("%Y%m%dT%H%M%SZ");
        format!("lamplighter-{:.35}-{at}", self.task.as_str())
    }
}

/// Where a listing goes on. Opaque.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageToken(pub String);

/// One page of a listing. A page may be empty and yet not be the last.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// The next page, if there is one.
    pub next: Option<PageToken>,
}

/// Reads a listing to its end, page by page, and hands over what is on it.
pub async fn each<T, F>(
    mut list: impl FnMut(Option<PageToken>) -> F,
    mut take: impl FnMut(T),
) -> Result<(), Fault>
where
    F: Future<Output = Result<Page<T>, Fault>>,
{
    let mut page = None;
    loop {
        let listed = list(page).await?;
        listed.items.into_iter().for_each(&mut take);
        page = listed.next;
        if page.is_none() {
            return Ok(());
        }
    }
}

/// A kind of thing that tasks select: how to list it, and what is known of it.
///
/// Its public fields, as JSON, are what `select.where` sees as `target`; their doc comments are
/// the reference page. A field that could not be read is `null`: unknown, never absent.
#[async_trait]
pub trait Resource:
    Serialize + DeserializeOwned + JsonSchema + Clone + Debug + Send + Sync + 'static
{
    /// What it is called in messages and pages, in the plural: `volumes`.
    const KIND: &'static str;
    /// IAM actions that `list` needs, sorted.
    const PERMISSIONS: &'static [&'static str];

    /// The id that AWS knows it by.
    fn id(&self) -> &str;
    /// Its tags.
    fn tags(&self) -> &Tags;
    /// One page of those that `filter` admits. May return more than it admits, never fewer.
    async fn list(
        scope: &dyn Scope,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Self>, Fault>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_names_say_task_and_run_within_64_characters() {
        let name = |task: &str| {
            let session = Session {
                task: task.parse().expect("a task name"),
                occurrence: "2026-03-29T02:00:00Z".parse().expect("an instant"),
            };
            session.name()
        };
        assert_eq!(name("nightly-backup"), "lamplighter-nightly-backup-20260329T020000Z");
        assert_eq!(name(&"x".repeat(64)).len(), 64);
    }
}
