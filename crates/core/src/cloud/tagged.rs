//! Anything that has tags: resources of several kinds, as one kind.

use async_trait::async_trait;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Page, PageToken, Resource, Scope,
    ec2::{Image, Snapshot, SnapshotState, Volume},
    instances::Instance,
    rds::{self, Cluster, ClusterSnapshot, Database, DatabaseSnapshot, other_service},
    tables::Table,
};
use crate::{Fault, Tags, select::ServerFilter, tagging::Alphabet};

/// A kind of resources that have tags.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Snapshots of DB clusters.
    ClusterSnapshots,
    /// DB clusters.
    Clusters,
    /// Snapshots of DB instances.
    DatabaseSnapshots,
    /// DB instances.
    Databases,
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
    /// What AWS knows it by: an id such as `vol-0abc`; of RDS and DynamoDB the end of its ARN, such
    /// as `db:orders` or `table/orders`.
    pub id: String,
    /// What it is, as in the parameter `kinds`.
    pub kind: Kind,
    /// The state that it is in, as AWS calls it.
    pub state: String,
    /// When it was made; of an instance, when it was last started.
    pub created_at: Option<Timestamp>,
    /// The AWS service or the Auto Scaling group that decides over it, if one does.
    pub managed_by: Option<String>,
    /// Its tags.
    pub tags: Tags,
}

/// By whose calls a resource is tagged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    Ec2,
    Rds,
    DynamoDb,
}

impl Kind {
    /// All there are, in the order of their names.
    pub const ALL: [Kind; 9] = [
        Kind::ClusterSnapshots,
        Kind::Clusters,
        Kind::DatabaseSnapshots,
        Kind::Databases,
        Kind::Images,
        Kind::Instances,
        Kind::Snapshots,
        Kind::Tables,
        Kind::Volumes,
    ];
    /// IAM actions that setting tags needs, of all kinds.
    pub const TAGGING: [&str; 3] =
        ["dynamodb:TagResource", "ec2:CreateTags", "rds:AddTagsToResource"];
    /// IAM actions that taking tags off needs, of all kinds.
    pub const UNTAGGING: [&str; 3] =
        ["dynamodb:UntagResource", "ec2:DeleteTags", "rds:RemoveTagsFromResource"];

    fn service(self) -> Service {
        match self {
            Kind::Images | Kind::Instances | Kind::Snapshots | Kind::Volumes => Service::Ec2,
            Kind::ClusterSnapshots | Kind::Clusters | Kind::DatabaseSnapshots | Kind::Databases => {
                Service::Rds
            }
            Kind::Tables => Service::DynamoDb,
        }
    }

    /// IAM actions that listing them needs.
    pub fn listing(self) -> &'static [&'static str] {
        match self {
            Kind::ClusterSnapshots => ClusterSnapshot::PERMISSIONS,
            Kind::Clusters => Cluster::PERMISSIONS,
            Kind::DatabaseSnapshots => DatabaseSnapshot::PERMISSIONS,
            Kind::Databases => Database::PERMISSIONS,
            Kind::Images => &["ec2:DescribeImages"],
            Kind::Instances => Instance::PERMISSIONS,
            Kind::Snapshots => Snapshot::PERMISSIONS,
            Kind::Tables => Table::PERMISSIONS,
            Kind::Volumes => Volume::PERMISSIONS,
        }
    }

    /// The IAM action that setting their tags needs.
    pub fn tagging(self) -> &'static str {
        let [dynamodb, ec2, rds] = Kind::TAGGING;
        match self.service() {
            Service::Ec2 => ec2,
            Service::Rds => rds,
            Service::DynamoDb => dynamodb,
        }
    }

    /// The IAM action that taking their tags off needs.
    pub fn untagging(self) -> &'static str {
        let [dynamodb, ec2, rds] = Kind::UNTAGGING;
        match self.service() {
            Service::Ec2 => ec2,
            Service::Rds => rds,
            Service::DynamoDb => dynamodb,
        }
    }

    /// What AWS takes in their tags.
    pub fn alphabet(self) -> Alphabet {
        match self.service() {
            Service::Ec2 => Alphabet::Any,
            Service::Rds => Alphabet::Rds,
            Service::DynamoDb => Alphabet::DynamoDb,
        }
    }

    /// What they are called, as their own kind.
    pub fn name(self) -> &'static str {
        match self {
            Kind::ClusterSnapshots => ClusterSnapshot::KIND,
            Kind::Clusters => Cluster::KIND,
            Kind::DatabaseSnapshots => DatabaseSnapshot::KIND,
            Kind::Databases => Database::KIND,
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
            Kind::ClusterSnapshots => {
                ClusterSnapshot::list(scope, filter, page).await?.map(Tagged::from)
            }
            Kind::Clusters => Cluster::list(scope, filter, page).await?.map(Tagged::from),
            Kind::DatabaseSnapshots => {
                DatabaseSnapshot::list(scope, filter, page).await?.map(Tagged::from)
            }
            Kind::Databases => Database::list(scope, filter, page).await?.map(Tagged::from),
            Kind::Images => scope.ec2().images(filter, page).await?.map(Tagged::from),
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

    /// What AWS and the actions on its own kind know it by: `orders` of `db:orders`.
    pub fn own_id(&self) -> &str {
        let before = match self.kind.service() {
            Service::Ec2 => None,
            Service::Rds => Some(':'),
            Service::DynamoDb => Some('/'),
        };
        let named = before.and_then(|it| self.id.split_once(it));
        named.map_or(&self.id, |(_, name)| name)
    }

    /// Adds tags and changes those that are there. Needs [`Kind::tagging`].
    pub async fn tag(&self, scope: &dyn Scope, tags: &Tags) -> Result<(), Fault> {
        let place = scope.place();
        match self.kind.service() {
            Service::Ec2 => scope.instances().tag(&self.id, tags).await,
            Service::Rds => scope.rds().tag(&place.arn("rds", &self.id), tags).await,
            Service::DynamoDb => scope.tables().tag(&place.arn("dynamodb", &self.id), tags).await,
        }
    }

    /// Takes tags off, whatever their values. Needs [`Kind::untagging`].
    pub async fn untag(&self, scope: &dyn Scope, keys: &[&str]) -> Result<(), Fault> {
        let place = scope.place();
        match self.kind.service() {
            Service::Ec2 => scope.instances().untag(&self.id, keys).await,
            Service::Rds => scope.rds().untag(&place.arn("rds", &self.id), keys).await,
            Service::DynamoDb => scope.tables().untag(&place.arn("dynamodb", &self.id), keys).await,
        }
    }
}

impl Tagged {
    fn of_databases(kind: Kind, of: rds::Kind, it: rds::Snapshot) -> Tagged {
        Tagged {
            id: of.snapshot_in_arn(&it.id),
            kind,
            state: it.state,
            created_at: it.created_at,
            managed_by: other_service(&it.engine).map(str::to_owned),
            tags: it.tags,
        }
    }
}

impl<T> Page<T> {
    fn map<U>(self, change: impl Fn(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(change).collect(), next: self.next }
    }
}

impl From<ClusterSnapshot> for Tagged {
    fn from(ClusterSnapshot(it): ClusterSnapshot) -> Tagged {
        Tagged::of_databases(Kind::ClusterSnapshots, rds::Kind::Cluster, it)
    }
}

impl From<DatabaseSnapshot> for Tagged {
    fn from(DatabaseSnapshot(it): DatabaseSnapshot) -> Tagged {
        Tagged::of_databases(Kind::DatabaseSnapshots, rds::Kind::Instance, it)
    }
}

impl From<Cluster> for Tagged {
    fn from(it: Cluster) -> Tagged {
        Tagged {
            id: rds::Kind::Cluster.database_in_arn(&it.id),
            kind: Kind::Clusters,
            state: it.state,
            created_at: it.created_at,
            managed_by: other_service(&it.engine).map(str::to_owned),
            tags: it.tags,
        }
    }
}

impl From<Database> for Tagged {
    fn from(it: Database) -> Tagged {
        Tagged {
            id: rds::Kind::Instance.database_in_arn(&it.id),
            kind: Kind::Databases,
            state: it.state,
            created_at: it.created_at,
            managed_by: other_service(&it.engine).map(str::to_owned),
            tags: it.tags,
        }
    }
}

impl From<Image> for Tagged {
    fn from(it: Image) -> Tagged {
        Tagged {
            id: it.id,
            kind: Kind::Images,
            state: it.state,
            created_at: it.created_at,
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
            id: format!("table/{}", it.id),
            kind: Kind::Tables,
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
        "rds:DescribeDBClusterSnapshots",
        "rds:DescribeDBClusters",
        "rds:DescribeDBInstances",
        "rds:DescribeDBSnapshots",
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
        #[track_caller]
        fn check(of_each: impl Iterator<Item = &'static str>, together: &[&str]) {
            let all: BTreeSet<&str> = of_each.collect();
            assert_eq!(all.into_iter().collect::<Vec<_>>(), together);
        }
        check(Kind::ALL.iter().flat_map(|it| it.listing()).copied(), Tagged::PERMISSIONS);
        check(Kind::ALL.iter().map(|it| it.tagging()), &Kind::TAGGING);
        check(Kind::ALL.iter().map(|it| it.untagging()), &Kind::UNTAGGING);
    }
}
