//! `CreateSnapshots`: of all volumes of an instance at one point in time.
//!
//! Sources: EC2 API, `CreateSnapshots`; EBS User Guide, "Create multi-volume snapshots": when one
//! of them fails, all do. Nothing but time and tags says which snapshots belong together.

use jiff::Timestamp;
use lamplighter_core::{Place, Tags};
use serde::{Deserialize, Serialize};

use super::{
    Happening, bucket, ebs_events,
    instances::{self, Instance},
    snapshot_create::{
        begun, check_description, check_quota, new_snapshot, on_volume, settle, snapshottable,
    },
    snapshots::{Snapshot, State},
    tags::{self, TagSet, TagSpecification},
    volumes::Volume,
};
use crate::{
    cloud,
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
    wire::time::millis,
};

/// Volumes of one call.
const MOST_VOLUMES: usize = 128;
/// Volumes that one call can leave out.
const MOST_EXCLUDED: usize = 40;

/// `CreateSnapshots`. There is no client token: two calls make two sets.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct CreateSnapshots {
    pub(crate) description: String,
    pub(crate) instance_specification: InstanceSpecification,
    pub(crate) tag_specification: Vec<TagSpecification>,
    /// Only `volume`: each snapshot gets the tags of its volume.
    pub(crate) copy_tags_from_source: Option<String>,
}

/// An instance, and which of its volumes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct InstanceSpecification {
    pub(crate) instance_id: String,
    pub(crate) exclude_boot_volume: bool,
    pub(crate) exclude_data_volume_id: Vec<String>,
}

/// What `CreateSnapshots` answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Created<'s> {
    snapshot_set: Vec<Shown<'s>>,
}

impl Created<'_> {
    /// The ids of what was begun.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.snapshot_set.iter().map(|it| it.snapshot_id)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'s> {
    snapshot_id: &'s str,
    volume_id: &'s str,
    state: State,
    volume_size: u32,
    #[serde(serialize_with = "millis")]
    start_time: Timestamp,
    progress: &'static str,
    owner_id: &'s str,
    description: &'s str,
    encrypted: bool,
    #[serde(skip_serializing_if = "TagSet::is_empty")]
    tag_set: TagSet<'s>,
}

impl<'s> Shown<'s> {
    fn of(it: &'s Snapshot) -> Shown<'s> {
        Shown {
            snapshot_id: &it.id,
            volume_id: &it.volume_id,
            state: it.state,
            volume_size: it.size_gib,
            start_time: it.started_at,
            progress: "",
            owner_id: it.owner.as_str(),
            description: &it.description,
            encrypted: it.encrypted,
            tag_set: TagSet(&it.tags),
        }
    }
}

impl Operation for CreateSnapshots {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "CreateSnapshots",
        access: Access::Writes,
        bucket: bucket::MAKES,
    };

    type Answer<'s> = Created<'s>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        let action = "ec2:CreateSnapshots";
        let id = &self.instance_specification.instance_id;
        let mut needs = instances::needs(cx, action, std::slice::from_ref(id));
        let instance = cx.here().ec2.instances.get(id);
        let volumes: Vec<&Volume> = instance.map_or_else(Vec::new, |it| volumes_of(cx, it));
        needs.extend(volumes.iter().map(|it| on_volume(cx, action, &it.id)));
        let tags = tags::sent(&self.tag_specification, "snapshot");
        let copied = self.copy_tags_from_source.is_some();
        let from_volumes = volumes.iter().filter(|_| copied).flat_map(|it| Tags::clone(&it.tags));
        let tags: Tags = tags.into_iter().chain(from_volumes).collect();
        needs.extend(new_snapshot(cx, action, "CreateSnapshots", &tags));
        needs
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<Created<'s>, Refusal> {
        let sent = tags::checked(&self.tag_specification, "snapshot", &["snapshot"])?;
        check_description(&self.description)?;
        let copies_tags = match self.copy_tags_from_source.as_deref() {
            None => false,
            Some("volume") => true,
            Some(other) => {
                let message = format!("CopyTagsFromSource can only be volume, not '{other}'");
                return Err(Refusal::new("InvalidParameterValue", message));
            }
        };
        let volumes = self.instance_specification.volumes(cx)?;
        let mut set = Vec::new();
        check_quota(cx, volumes.len())?;
        for volume in volumes {
            let volume = snapshottable(cx, &volume.id)?;
            let mut tags = sent.clone();
            if copies_tags {
                let own = volume.tags.iter().filter(|(key, _)| !key.starts_with("aws:"));
                own.for_each(|(key, value)| {
                    tags.entry(key.clone()).or_insert_with(|| value.clone());
                });
                tags::check(&tags)?;
            }
            set.push((volume, tags));
        }
        let mut ids: Vec<Box<str>> = Vec::new();
        let (now, mut ends_at) = (cx.now, cx.now);
        for (volume, tags) in set {
            let description = self.description.clone();
            let snapshot = begun(cx.state, cx.place, &volume, description, tags, now);
            (ends_at, _) = (snapshot.ends_at, ids.push(snapshot.id.clone()));
            cx.here_mut().ec2.snapshots.put(snapshot, now);
        }
        cx.plan(ends_at, Happening::SnapshotSetEnds(ids.clone()));
        let snapshots = &cx.here().ec2.snapshots;
        let snapshot_set = ids.iter().filter_map(|id| snapshots.get(id)).map(Shown::of).collect();
        Ok(Created { snapshot_set })
    }
}

impl InstanceSpecification {
    /// The volumes that are asked for.
    fn volumes<'s>(&self, cx: &'s Cx<'_>) -> Result<Vec<&'s Volume>, Refusal> {
        let bad = |message: String| Err(Refusal::new("InvalidParameterValue", message));
        let instance = instances::one(cx, &self.instance_id)?;
        let is_root = |it: &Volume| instance.root_volume() == Some(&it.id);
        let all = volumes_of(cx, instance);
        if self.exclude_data_volume_id.len() > MOST_EXCLUDED {
            return bad(format!("no more than {MOST_EXCLUDED} volumes can be excluded"));
        }
        for id in &self.exclude_data_volume_id {
            match all.iter().find(|it| *it.id == **id) {
                None => return bad(format!("'{id}' is not attached to the instance")),
                Some(it) if is_root(it) => {
                    return bad(format!("'{id}' is the root volume: use ExcludeBootVolume"));
                }
                Some(_) => {}
            }
        }
        let asked = |it: &&Volume| {
            let excluded = self.exclude_data_volume_id.iter().any(|id| **id == *it.id);
            !(excluded || self.exclude_boot_volume && is_root(it))
        };
        let asked: Vec<&Volume> = all.into_iter().filter(asked).collect();
        match asked.len() {
            0 => bad("no volume is left".to_owned()),
            many if many > MOST_VOLUMES => {
                bad(format!("there are more than {MOST_VOLUMES} volumes"))
            }
            _ => Ok(asked),
        }
    }
}

/// The volumes of an instance, in the order of its devices.
fn volumes_of<'s>(cx: &'s Cx<'_>, instance: &Instance) -> Vec<&'s Volume> {
    let volumes = &cx.here().ec2.volumes;
    instance.devices.iter().filter_map(|it| volumes.get(&it.volume_id)).collect()
}

/// All of them stop to be pending.
pub(super) fn ends(state: &mut cloud::State, place: &Place, ids: &[Box<str>], at: Timestamp) {
    let ec2 = &state.services(place).ec2;
    let snapshots = ids.iter().filter_map(|id| ec2.snapshots.get(id));
    let bad = snapshots.map(|it| &it.volume_id).any(|id| ec2.failing.contains(id));
    let end = match bad {
        true => Err("the volumes could not be read"),
        false => Ok(()),
    };
    let set: Vec<Snapshot> =
        ids.iter().filter_map(|id| settle(state, place, id, end, at)).collect();
    if !set.is_empty() {
        ebs_events::set_ended(state, place, &set, at);
    }
}

#[cfg(test)]
mod tests;
