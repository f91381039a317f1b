//! What each IAM action can be narrowed to: the one table from which policies are made.
//!
//! Source: Service Authorization Reference, "Actions, resources, and condition keys" of Amazon
//! EC2, RDS, DynamoDB, Application Auto Scaling, KMS, Systems Manager and the Resource Groups Tagging API. An action
//! that cannot be narrowed to resources is on [`Kind::Any`]. An action that is missing here is in no
//! policy, and a test of the catalog fails.

use Kind::{
    Any, Backup, Cluster, ClusterSnapshot, Database, DatabaseSnapshot, Image, Instance, Key,
    OldClusterSnapshot, OldDatabaseSnapshot, OldImage, OldSnapshot, OptionGroup, ScalableTarget,
    Snapshot, Table, Volume,
};
use When::{Always, ByTask, ForService, Grants, IfRun, Lent, Marked, Ours, SharedWith, Tagging};
use lamplighter_core::cloud::ssm::Document;

/// A kind of resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// No resource can be named.
    Any,
    Volume,
    Instance,
    /// Snapshots, those that are being made among them.
    Snapshot,
    /// Snapshots that have an id: a source, and not what is being made of it.
    /// Source: EBS User Guide, "Identity-based policy examples", copying snapshots.
    OldSnapshot,
    Image,
    /// Images that have an id.
    OldImage,
    Database,
    Cluster,
    DatabaseSnapshot,
    ClusterSnapshot,
    /// Snapshots of databases that are copied, those of other accounts among them.
    OldDatabaseSnapshot,
    OldClusterSnapshot,
    OptionGroup,
    Table,
    Backup,
    ScalableTarget,
    Key,
    /// A document of SSM.
    Document(Document),
}

/// Under which condition an action is allowed on a kind of resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Always,
    /// The resource has the tags that the task selects its targets by.
    ByTask,
    /// The request marks what it makes as a task's.
    Marked,
    /// The resource is marked as a task's, or the task may adopt others'.
    Ours,
    /// Tags are set by the call that makes the resource; where a task makes nothing, of what it
    /// works on.
    Tagging,
    /// The resource is shared with accounts that the parameters name, and with nobody else.
    SharedWith,
    /// The resource is shared, and AWS has no condition that says with whom: it has the tags that
    /// the task selects its targets by, or is marked as a task's where a task makes it.
    Lent,
    /// A service of AWS asks for it, on behalf of who calls the service.
    ForService,
    /// The same, and the grant is for the service.
    Grants,
    /// The task has instances run this document.
    IfRun,
}

/// One IAM action.
pub(crate) struct Row {
    pub(crate) action: &'static str,
    /// All of these together.
    pub(crate) on: &'static [(Kind, When)],
}

/// The row of an action.
pub(crate) fn find(action: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.action == action)
}

impl Row {
    /// Whether it only looks: what a task needs that only observes, too.
    pub(crate) fn reads(&self) -> bool {
        let name = self.action.split_once(':').map_or(self.action, |(_, name)| name);
        ["Describe", "Get", "List"].iter().any(|verb| name.starts_with(verb))
    }

    /// The kinds of resources that it makes.
    pub(crate) fn makes(&self) -> impl Iterator<Item = Kind> {
        self.on.iter().filter(|(_, when)| *when == Marked).map(|(kind, _)| *kind)
    }
}

impl Kind {
    /// What targets of this kind are called: `Resource::KIND`.
    pub(crate) fn of_targets(self) -> Option<&'static str> {
        Some(match self {
            Volume => "volumes",
            Instance => "instances",
            Snapshot | OldSnapshot => "snapshots",
            Image | OldImage => "images",
            Database => "databases",
            Cluster => "clusters",
            DatabaseSnapshot | OldDatabaseSnapshot => "database snapshots",
            ClusterSnapshot | OldClusterSnapshot => "cluster snapshots",
            Table => "tables",
            Any | Backup | OptionGroup | ScalableTarget | Key | Kind::Document(_) => return None,
        })
    }

    /// One word for the name of a statement.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Any => "",
            Volume => "Volume",
            Instance => "Instance",
            Snapshot => "Snapshot",
            OldSnapshot => "SourceSnapshot",
            Image => "Image",
            OldImage => "SourceImage",
            Database => "Database",
            Cluster => "Cluster",
            DatabaseSnapshot => "DatabaseSnapshot",
            ClusterSnapshot => "ClusterSnapshot",
            OldDatabaseSnapshot => "SourceDatabaseSnapshot",
            OldClusterSnapshot => "SourceClusterSnapshot",
            OptionGroup => "OptionGroup",
            Table => "Table",
            Backup => "Backup",
            ScalableTarget => "ScalableTarget",
            Key => "Key",
            Kind::Document(_) => "Document",
        }
    }
}

const fn row(action: &'static str, on: &'static [(Kind, When)]) -> Row {
    Row { action, on }
}

const EVERYTHING: &[(Kind, When)] = &[(Any, Always)];
const TABLES: &[(Kind, When)] = &[(Table, Always)];
const BACKUPS: &[(Kind, When)] = &[(Backup, Always)];
const TAGGED: &[(Kind, When)] = &[
    (Database, Tagging),
    (Cluster, Tagging),
    (DatabaseSnapshot, Tagging),
    (ClusterSnapshot, Tagging),
];
const TAGGED_BY_EC2: &[(Kind, When)] =
    &[(Volume, Tagging), (Instance, Tagging), (Snapshot, Tagging), (Image, Tagging)];

/// By action.
pub(crate) const TABLE: &[Row] = &[
    row("application-autoscaling:DescribeScalableTargets", EVERYTHING),
    row("application-autoscaling:DescribeScalingPolicies", EVERYTHING),
    row("application-autoscaling:RegisterScalableTarget", &[(ScalableTarget, Always)]),
    row("dynamodb:CreateBackup", TABLES),
    row("dynamodb:DeleteBackup", BACKUPS),
    row("dynamodb:DescribeBackup", BACKUPS),
    row("dynamodb:DescribeContinuousBackups", TABLES),
    row("dynamodb:DescribeLimits", EVERYTHING),
    row("dynamodb:DescribeTable", TABLES),
    row("dynamodb:ListBackups", EVERYTHING),
    row("dynamodb:ListTables", EVERYTHING),
    row("dynamodb:ListTagsOfResource", TABLES),
    row("dynamodb:TagResource", TABLES),
    row("dynamodb:UntagResource", TABLES),
    row("dynamodb:UpdateTable", TABLES),
    row(
        "ec2:CopyImage",
        &[(Image, Marked), (Snapshot, Marked), (OldImage, Always), (OldSnapshot, Always)],
    ),
    row("ec2:CopySnapshot", &[(Snapshot, Marked), (OldSnapshot, Always)]),
    row("ec2:CreateImage", &[(Instance, ByTask), (Image, Marked), (Snapshot, Marked)]),
    row("ec2:CreateSnapshot", &[(Volume, ByTask), (Snapshot, Marked)]),
    row("ec2:CreateSnapshots", &[(Instance, ByTask), (Volume, Always), (Snapshot, Marked)]),
    row("ec2:CreateTags", TAGGED_BY_EC2),
    row("ec2:CreateVolume", &[(Volume, Marked), (OldSnapshot, ByTask)]),
    row("ec2:DeleteSnapshot", &[(Snapshot, Ours)]),
    row("ec2:DeleteTags", TAGGED_BY_EC2),
    row("ec2:DeleteVolume", &[(Volume, ByTask)]),
    row("ec2:DeregisterImage", &[(Image, Ours)]),
    row("ec2:DescribeFastSnapshotRestores", EVERYTHING),
    row("ec2:DescribeImageAttribute", &[(Image, Always)]),
    row("ec2:DescribeImages", EVERYTHING),
    row("ec2:DescribeInstanceAttribute", &[(Instance, ByTask)]),
    row("ec2:DescribeInstanceStatus", EVERYTHING),
    row("ec2:DescribeInstanceTypeOfferings", EVERYTHING),
    row("ec2:DescribeInstanceTypes", EVERYTHING),
    row("ec2:DescribeInstances", EVERYTHING),
    row("ec2:DescribeLockedSnapshots", EVERYTHING),
    row("ec2:DescribeRegions", EVERYTHING),
    row("ec2:DescribeSnapshotAttribute", &[(Snapshot, Always)]),
    row("ec2:DescribeSnapshotTierStatus", EVERYTHING),
    row("ec2:DescribeSnapshots", EVERYTHING),
    row("ec2:DescribeTags", EVERYTHING),
    row("ec2:DescribeVolumeStatus", EVERYTHING),
    row("ec2:DescribeVolumes", EVERYTHING),
    row("ec2:DescribeVolumesModifications", EVERYTHING),
    row("ec2:EnableFastSnapshotRestores", &[(Snapshot, ByTask)]),
    row("ec2:EnableImageDeprecation", &[(Image, Ours)]),
    row("ec2:DisableFastSnapshotRestores", &[(Snapshot, ByTask)]),
    row("ec2:GetEbsDefaultKmsKeyId", EVERYTHING),
    row("ec2:GetEbsEncryptionByDefault", EVERYTHING),
    row("ec2:LockSnapshot", &[(Snapshot, ByTask)]),
    row("ec2:ModifyImageAttribute", &[(Image, Lent)]),
    row("ec2:ModifyInstanceAttribute", &[(Instance, ByTask)]),
    row("ec2:ModifySnapshotAttribute", &[(Snapshot, SharedWith)]),
    row("ec2:ModifySnapshotTier", &[(Snapshot, ByTask)]),
    row("ec2:ModifyVolume", &[(Volume, ByTask)]),
    row("ec2:RebootInstances", &[(Instance, ByTask)]),
    row("ec2:RestoreSnapshotTier", &[(Snapshot, ByTask)]),
    row("ec2:StartInstances", &[(Instance, ByTask)]),
    row("ec2:StopInstances", &[(Instance, ByTask)]),
    row("ec2:TerminateInstances", &[(Instance, ByTask)]),
    row("ec2:UnlockSnapshot", &[(Snapshot, ByTask)]),
    row("kms:CreateGrant", &[(Key, Grants)]),
    row("kms:Decrypt", &[(Key, ForService)]),
    // Actions ask for a key's state themselves, too.
    row("kms:DescribeKey", &[(Key, Always)]),
    row("kms:Encrypt", &[(Key, ForService)]),
    row("kms:GenerateDataKey", &[(Key, ForService)]),
    row("kms:GenerateDataKeyWithoutPlaintext", &[(Key, ForService)]),
    row("kms:ReEncryptFrom", &[(Key, ForService)]),
    row("kms:ReEncryptTo", &[(Key, ForService)]),
    row("rds:AddTagsToResource", TAGGED),
    row("rds:CopyDBClusterSnapshot", &[(ClusterSnapshot, Marked), (OldClusterSnapshot, ByTask)]),
    row("rds:CopyDBSnapshot", &[(DatabaseSnapshot, Marked), (OldDatabaseSnapshot, ByTask)]),
    row("rds:CreateDBClusterSnapshot", &[(Cluster, ByTask), (ClusterSnapshot, Marked)]),
    row("rds:CreateDBSnapshot", &[(Database, ByTask), (DatabaseSnapshot, Marked)]),
    // The second is the final snapshot.
    row("rds:DeleteDBCluster", &[(Cluster, ByTask), (ClusterSnapshot, Always)]),
    row("rds:DeleteDBClusterSnapshot", &[(ClusterSnapshot, Ours)]),
    row("rds:DeleteDBInstance", &[(Database, ByTask)]),
    row("rds:DeleteDBSnapshot", &[(DatabaseSnapshot, Ours)]),
    row("rds:DescribeAccountAttributes", EVERYTHING),
    row("rds:DescribeDBClusterSnapshotAttributes", &[(ClusterSnapshot, Always)]),
    row("rds:DescribeDBClusterSnapshots", &[(Cluster, Always), (ClusterSnapshot, Always)]),
    row("rds:DescribeDBClusters", &[(Cluster, Always)]),
    row("rds:DescribeDBInstances", &[(Database, Always)]),
    row("rds:DescribeDBSnapshotAttributes", &[(DatabaseSnapshot, Always)]),
    row("rds:DescribeDBSnapshots", &[(Database, Always), (DatabaseSnapshot, Always)]),
    row("rds:DescribeEvents", EVERYTHING),
    row("rds:DescribeOptionGroups", &[(OptionGroup, Always)]),
    row(
        "rds:ListTagsForResource",
        &[
            (Database, Always),
            (Cluster, Always),
            (DatabaseSnapshot, Always),
            (ClusterSnapshot, Always),
        ],
    ),
    row("rds:ModifyDBClusterSnapshotAttribute", &[(ClusterSnapshot, Lent)]),
    row("rds:ModifyDBInstance", &[(Database, ByTask)]),
    row("rds:ModifyDBSnapshotAttribute", &[(DatabaseSnapshot, Lent)]),
    row("rds:RebootDBInstance", &[(Database, ByTask)]),
    row("rds:RemoveTagsFromResource", TAGGED),
    row("rds:StartDBCluster", &[(Cluster, ByTask)]),
    row("rds:StartDBInstance", &[(Database, ByTask)]),
    row("rds:StopDBCluster", &[(Cluster, ByTask)]),
    row("rds:StopDBInstance", &[(Database, ByTask)]),
    row("ssm:DescribeInstanceInformation", EVERYTHING),
    row("ssm:GetCommandInvocation", EVERYTHING),
    row(
        "ssm:SendCommand",
        &[
            (Instance, ByTask),
            (Kind::Document(Document::Shell), IfRun),
            (Kind::Document(Document::Vss), IfRun),
        ],
    ),
    row("tag:GetResources", EVERYTHING),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_action_has_one_row_without_wildcards() {
        let mut seen = BTreeSet::new();
        for row in TABLE {
            assert!(seen.insert(row.action), "{} is there twice", row.action);
            assert!(!row.action.contains(['*', '?']), "{}", row.action);
            assert!(!row.on.is_empty(), "{}", row.action);
        }
    }

    #[test]
    fn what_changes_something_is_never_allowed_on_everything() {
        for row in TABLE.iter().filter(|it| !it.reads()) {
            assert!(row.on.iter().all(|(kind, _)| *kind != Any), "{}", row.action);
        }
    }
}
