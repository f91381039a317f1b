//! What the services of AWS write into their events.

use std::{collections::BTreeSet, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{BadEvent, Name, Resource, kind, kind_of, parsed, text};
use crate::Tags;

/// What an event of a known type says.
#[derive(Default)]
pub(super) struct Detail {
    pub(super) names: Vec<Name>,
    pub(super) resources: Vec<Resource>,
    pub(super) state: Option<InstanceState>,
    pub(super) tags: Option<TagChange>,
}

/// The state of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InstanceState {
    /// It is about to start.
    Pending,
    /// It runs.
    Running,
    /// It is about to be terminated.
    ShuttingDown,
    /// It is stopped.
    Stopped,
    /// It is about to stop.
    Stopping,
    /// It is gone.
    Terminated,
}

/// Which tags of a resource have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagChange {
    /// The keys that were set, changed or removed.
    pub keys: BTreeSet<String>,
    /// All tags that it has now.
    pub tags: Tags,
}

/// RDS's numbers of what has happened to which kind of resource. A cross-region copy and one
/// within a region end in different ones, and cluster snapshots have none for copies.
/// Source: RDS and Aurora User Guides, "Amazon RDS event categories and event messages".
const RDS: [(&str, &str, Name); 14] = [
    (kind::DATABASES, "RDS-EVENT-0005", Name::DatabaseCreated),
    (kind::DATABASES, "RDS-EVENT-0087", Name::DatabaseStopped),
    (kind::DATABASES, "RDS-EVENT-0088", Name::DatabaseStarted),
    (kind::DATABASES, "RDS-EVENT-0154", Name::DatabaseStopExpired),
    (kind::CLUSTERS, "RDS-EVENT-0153", Name::ClusterStopExpired),
    (kind::CLUSTERS, "RDS-EVENT-0170", Name::ClusterCreated),
    (kind::CLUSTERS, "RDS-EVENT-0150", Name::ClusterStopped),
    (kind::CLUSTERS, "RDS-EVENT-0151", Name::ClusterStarted),
    (kind::DATABASE_SNAPSHOTS, "RDS-EVENT-0042", Name::DatabaseSnapshotCreated),
    (kind::DATABASE_SNAPSHOTS, "RDS-EVENT-0091", Name::DatabaseSnapshotCreated),
    (kind::DATABASE_SNAPSHOTS, "RDS-EVENT-0060", Name::DatabaseSnapshotCopied),
    (kind::DATABASE_SNAPSHOTS, "RDS-EVENT-0197", Name::DatabaseSnapshotCopied),
    (kind::CLUSTER_SNAPSHOTS, "RDS-EVENT-0075", Name::ClusterSnapshotCreated),
    (kind::CLUSTER_SNAPSHOTS, "RDS-EVENT-0169", Name::ClusterSnapshotCreated),
];

/// Reads what an event says. Of types that are not known here, nothing.
pub(super) fn read(event: &Value) -> Result<Detail, BadEvent> {
    match (text(event, "/source")?, text(event, "/detail-type")?) {
        ("aws.ec2", "EC2 Instance State-change Notification") => instance_state(event),
        ("aws.ec2", "EC2 AMI State Change") => image(event),
        ("aws.ec2", "EBS Snapshot Notification") => snapshot(event),
        ("aws.ec2", "EBS Multi-Volume Snapshots Completion Status") => snapshots(event),
        ("aws.ec2", "EBS Volume Notification") => volume(event),
        ("aws.rds", "RDS DB Instance Event") => rds(event, kind::DATABASES),
        ("aws.rds", "RDS DB Cluster Event") => rds(event, kind::CLUSTERS),
        ("aws.rds", "RDS DB Snapshot Event") => rds(event, kind::DATABASE_SNAPSHOTS),
        ("aws.rds", "RDS DB Cluster Snapshot Event") => rds(event, kind::CLUSTER_SNAPSHOTS),
        ("aws.tag", "Tag Change on Resource") => tag_change(event),
        _ => Ok(Detail::default()),
    }
}

fn instance_state(event: &Value) -> Result<Detail, BadEvent> {
    Ok(Detail {
        names: vec![Name::InstanceState],
        resources: vec![Resource::new(kind::INSTANCES, text(event, "/detail/instance-id")?)?],
        state: Some(parsed(event, "/detail/state")?),
        ..Detail::default()
    })
}

/// Source: EC2 User Guide, "Monitor AMI events using Amazon EventBridge".
fn image(event: &Value) -> Result<Detail, BadEvent> {
    let names = match text(event, "/detail/State")? {
        "available" => vec![Name::ImageAvailable],
        _ => Vec::new(),
    };
    let image = Resource::new(kind::IMAGES, text(event, "/detail/ImageId")?)?;
    Ok(Detail { names, resources: vec![image], ..Detail::default() })
}

fn snapshot(event: &Value) -> Result<Detail, BadEvent> {
    let created = [Name::SnapshotCreated, Name::SnapshotCompleted];
    let copied = [Name::SnapshotCopied, Name::SnapshotCompleted];
    let names = match happened(event)? {
        ("createSnapshot", "succeeded") => created.to_vec(),
        ("copySnapshot", "succeeded") => copied.to_vec(),
        ("shareSnapshot", "succeeded") => vec![Name::SnapshotShared],
        ("createSnapshot" | "copySnapshot", "failed") => vec![Name::SnapshotFailed],
        _ => Vec::new(),
    };
    let snapshot = of_kind(kind::SNAPSHOTS, text(event, "/detail/snapshot_id")?)?;
    Ok(Detail { names, resources: vec![snapshot], ..Detail::default() })
}

/// The snapshots of all volumes of an instance. When one has failed, all have.
fn snapshots(event: &Value) -> Result<Detail, BadEvent> {
    let names = match happened(event)? {
        ("createSnapshots", "succeeded") => vec![Name::SnapshotCreated, Name::SnapshotCompleted],
        ("createSnapshots", "failed") => vec![Name::SnapshotFailed],
        _ => Vec::new(),
    };
    let all = list(event, "/detail/snapshots")?;
    let snapshot = |it| of_kind(kind::SNAPSHOTS, text(it, "/snapshot_id")?);
    let resources = all.iter().map(snapshot).collect::<Result<_, BadEvent>>()?;
    Ok(Detail { names, resources, ..Detail::default() })
}

fn volume(event: &Value) -> Result<Detail, BadEvent> {
    let names = match happened(event)? {
        ("createVolume", "available") => vec![Name::VolumeCreated],
        ("modifyVolume", "optimizing") => vec![Name::VolumeModified],
        _ => Vec::new(),
    };
    // The key of an encrypted volume may stand beside it.
    let resources = named(event)?.into_iter().filter(|it| it.kind == kind::VOLUMES).collect();
    Ok(Detail { names, resources, ..Detail::default() })
}

fn rds(event: &Value, kind: &'static str) -> Result<Detail, BadEvent> {
    let id = text(event, "/detail/EventID")?;
    let resource = Resource::new(kind, text(event, "/detail/SourceIdentifier")?)?;
    let names = RDS.iter().filter(|(of, it, _)| *of == kind && *it == id).map(|(_, _, name)| *name);
    Ok(Detail { names: names.collect(), resources: vec![resource], ..Detail::default() })
}

/// Source: Tagging AWS Resources User Guide, "Monitor tag changes with serverless workflows and
/// Amazon EventBridge".
fn tag_change(event: &Value) -> Result<Detail, BadEvent> {
    let bad = |what: &str| BadEvent(format!("`detail.{what} must be texts"));
    let keys = list(event, "/detail/changed-tag-keys")?;
    let keys = keys.iter().map(|key| key.as_str().map(str::to_owned)).collect::<Option<_>>();
    let tags = event.pointer("/detail/tags").unwrap_or(&Value::Null);
    let change = TagChange {
        keys: keys.ok_or_else(|| bad("changed-tag-keys`"))?,
        tags: Tags::deserialize(tags).map_err(|_| bad("tags` is an object, and all values"))?,
    };
    Ok(Detail {
        names: vec![Name::TagsChanged],
        resources: named(event)?,
        tags: Some(change),
        ..Detail::default()
    })
}

/// What has happened, and how it ended. The documentation has blanks before one of them.
fn happened(event: &Value) -> Result<(&str, &str), BadEvent> {
    Ok((text(event, "/detail/event")?.trim(), text(event, "/detail/result")?.trim()))
}

/// The resources that an event names in its envelope, of the kinds that tasks work on.
fn named(event: &Value) -> Result<Vec<Resource>, BadEvent> {
    let mut found = Vec::new();
    for arn in list(event, "/resources")? {
        let arn = arn.as_str().ok_or_else(|| {
            BadEvent(format!("`resources` has ARNs in it, and this is {}", kind_of(arn)))
        })?;
        found.extend(Resource::of_arn(arn)?);
    }
    Ok(found)
}

/// The resource that an ARN names, which must be of this kind.
fn of_kind(kind: &'static str, arn: &str) -> Result<Resource, BadEvent> {
    let found = Resource::of_arn(arn)?.filter(|it| it.kind == kind);
    found.ok_or_else(|| BadEvent(super::shortened(format!("`{arn}` is not one of {kind}"))))
}

fn list<'e>(event: &'e Value, pointer: &str) -> Result<&'e [Value], BadEvent> {
    let found = event.pointer(pointer).unwrap_or(&Value::Null);
    found.as_array().map(Vec::as_slice).ok_or_else(|| {
        let name = pointer.trim_start_matches('/').replace('/', ".");
        BadEvent(format!("`{name}` is a list, and this is {}", kind_of(found)))
    })
}

impl InstanceState {
    /// All states, with the words for them.
    pub const ALL: [(&'static str, InstanceState); 6] = [
        ("pending", InstanceState::Pending),
        ("running", InstanceState::Running),
        ("shutting-down", InstanceState::ShuttingDown),
        ("stopped", InstanceState::Stopped),
        ("stopping", InstanceState::Stopping),
        ("terminated", InstanceState::Terminated),
    ];
}

impl FromStr for InstanceState {
    type Err = String;

    fn from_str(text: &str) -> Result<InstanceState, String> {
        let found = InstanceState::ALL.iter().find(|(word, _)| *word == text);
        found.map(|(_, it)| *it).ok_or_else(|| format!("`{text}` is no state of an instance"))
    }
}
