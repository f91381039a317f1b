//! Anything that has tags: resources of several kinds, as one kind.

use async_trait::async_trait;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Page, PageToken, Resource, Scope,
    ec2::{Snapshot, SnapshotState, Volume},
    instances::{Image, Instance},
    tables::Table,
};
use crate::{Fault, Tags, select::ServerFilter};

/// A kind of resources that have tags.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Images (AMIs) of the account.
    Images,
    /// EC2 instances.
    Instances,
    /// EBS snapshots of the account.
    Snapshots,
    /// DynamoDB tables.
    Tables,
    /// EBS volumes.
    Volumes,
}

/// A resource that has tags.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tagged {
    /// What AWS knows it by: an id such as `vol-0abc`, or the name of a table.
    pub id: String,
    /// `images`, `instances`, `snapshots`, `tables` or `volumes`.
    pub kind: Kind,
    /// The ARN of a table.
    pub arn: Option<String>,
    /// The state that it is in, as AWS calls it.
    pub state: String,
    /// When it was made; of an instance, when it was last started.
    pub created_at: Option<Timestamp>,
    /// The AWS service or the Auto Scaling group that decides over it, if one does.
    pub managed_by: Option<String>,
    /// Its tags.
    pub tags: Tags,
}

impl Kind {
    /// All there are, in the order of their names.
    pub const ALL: [Kind; 5] =
        [Kind::Images, Kind::Instances, Kind::Snapshots, Kind::Tables, Kind::Volumes];

    /// IAM actions that listing them needs.
    pub fn listing(self) -> &'static [&'static str] {
        match self {
            Kind::Images => &["ec2:DescribeImages"],
            Kind::Instances => Instance::PERMISSIONS,
            Kind::Snapshots => Snapshot::PERMISSIONS,
            Kind::Tables => Table::PERMISSIONS,
            Kind::Volumes => Volume::PERMISSIONS,
        }
    }

    /// The IAM action that setting their tags needs.
    pub fn tagging(self) -> &'static str {
        match self {
            Kind::Tables => "dynamodb:TagResource",
            _ => "ec2:CreateTags",
        }
    }

    /// The IAM action that taking their tags off needs.
    pub fn untagging(self) -> &'static str {
        match self {
            Kind::Tables => "dynamodb:UntagResource",
            _ => "ec2:DeleteTags",
        }
    }

    /// What they are called, as their own kind.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Images => "images",
            Kind::Instances => Instance::KIND,
            Kind::Snapshots => Snapshot::KIND,
            Kind::Tables => Table::KIND,
            Kind::Volumes => Volume::KIND,
        }
    }

    async fn list(
        self,
        scope: &dyn Scope,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Tagged>, Fault> {
        Ok(match self {
            Kind::Images => scope.instances().images(filter, page).await?.map(Tagged::from),
            Kind::Instances => Instance::list(scope, filter, page).await?.map(Tagged::from),
            Kind::Snapshots => Snapshot::list(scope, filter, page).await?.map(Tagged::from),
            Kind::Tables => Table::list(scope, filter, page).await?.map(Tagged::from),
            Kind::Volumes => Volume::list(scope, filter, page).await?.map(Tagged::from),
        })
    }
}

impl Tagged {
    /// One page of the resources of these kinds, one kind after the other. A page's token says
    /// which.
    pub async fn list_of(
        kinds: &[Kind],
        scope: &dyn Scope,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Tagged>, Fault> {
        let unknown = || Fault::transient("the listing goes on with a kind that it does not have");
        let (at, page) = match page {
            None => (0, None),
            Some(PageToken(token)) => {
                let (name, rest) = token.split_once(':').ok_or_else(unknown)?;
                let at = kinds.iter().position(|it| it.name() == name).ok_or_else(unknown)?;
                (at, Some(rest).filter(|it| !it.is_empty()).map(|it| PageToken(it.to_owned())))
            }
        };
        let Some(kind) = kinds.get(at) else { return Ok(Page { items: Vec::new(), next: None }) };
        let found = kind.list(scope, filter, page).await?;
        let next = match (found.next, kinds.get(at + 1)) {
            (Some(PageToken(rest)), _) => Some(format!("{}:{rest}", kind.name())),
            (None, Some(other)) => Some(format!("{}:", other.name())),
            (None, None) => None,
        };
        Ok(Page { items: found.items, next: next.map(PageToken) })
    }

    /// Adds tags and changes those that are there. Needs [`Kind::tagging`].
    pub async fn tag(&self, scope: &dyn Scope, tags: &Tags) -> Result<(), Fault> {
        match &self.arn {
            Some(arn) => scope.tables().tag(arn, tags).await,
            None => scope.instances().tag(&self.id, tags).await,
        }
    }

    /// Takes tags off, whatever their values. Needs [`Kind::untagging`].
    pub async fn untag(&self, scope: &dyn Scope, keys: &[&str]) -> Result<(), Fault> {
        match &self.arn {
            Some(arn) => scope.tables().untag(arn, keys).await,
            None => scope.instances().untag(&self.id, keys).await,
        }
    }
}

impl<T> Page<T> {
    fn map<U>(self, change: impl Fn(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(change).collect(), next: self.next }
    }
}

impl From<Image> for Tagged {
    fn from(it: Image) -> Tagged {
        Tagged {
            id: it.id,
            kind: Kind::Images,
            arn: None,
            state: it.state,
            created_at: None,
            managed_by: None,
            tags: it.tags,
        }
    }
}

impl From<Instance> for Tagged {
    fn from(it: Instance) -> Tagged {
        let group = it.auto_scaling_group.map(|it| format!("the Auto Scaling group {it}"));
        Tagged {
            id: it.id,
            kind: Kind::Instances,
            arn: None,
            state: it.state,
            created_at: Some(it.launched_at),
            managed_by: it.managed_by.or(group),
            tags: it.tags,
        }
    }
}

impl From<Snapshot> for Tagged {
    fn from(it: Snapshot) -> Tagged {
        Tagged {
            id: it.id,
            kind: Kind::Snapshots,
            arn: None,
            state: match it.state {
                SnapshotState::Pending => "pending",
                SnapshotState::Completed => "completed",
                SnapshotState::Error => "error",
                SnapshotState::Recoverable => "recoverable",
                SnapshotState::Recovering => "recovering",
            }
            .to_owned(),
            created_at: Some(it.started_at),
            managed_by: None,
            tags: it.tags,
        }
    }
}

impl From<Table> for Tagged {
    fn from(it: Table) -> Tagged {
        Tagged {
            id: it.id,
            kind: Kind::Tables,
            arn: Some(it.arn),
            state: it.state,
            created_at: it.created_at,
            managed_by: None,
            tags: it.tags,
        }
    }
}

impl From<Volume> for Tagged {
    fn from(it: Volume) -> Tagged {
        Tagged {
            id: it.id,
            kind: Kind::Volumes,
            arn: None,
            state: it.state,
            created_at: it.created_at,
            managed_by: it.managed_by,
            tags: it.tags,
        }
    }
}

#[async_trait]
impl Resource for Tagged {
    const KIND: &'static str = "resources";
    const PERMISSIONS: &'static [&'static str] = &[
        "dynamodb:DescribeTable",
        "dynamodb:ListTables",
        "dynamodb:ListTagsOfResource",
        "ec2:DescribeImages",
        "ec2:DescribeInstances",
        "ec2:DescribeSnapshots",
        "ec2:DescribeVolumes",
    ];

    fn id(&self) -> &str {
        &self.id
    }
    fn tags(&self) -> &Tags {
        &self.tags
    }

    /// Of all kinds. An action whose task names kinds lists only those.
    async fn list(
        scope: &dyn Scope,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<Self>, Fault> {
        Tagged::list_of(&Kind::ALL, scope, filter, page).await
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn all_kinds_together_need_what_each_of_them_does() {
        let all: BTreeSet<&str> = Kind::ALL.iter().flat_map(|it| it.listing()).copied().collect();
        assert_eq!(all.into_iter().collect::<Vec<_>>(), Tagged::PERMISSIONS);
    }
}
