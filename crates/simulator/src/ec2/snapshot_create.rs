//! `CreateSnapshot`, and what becomes of a snapshot.
//!
//! Sources: EC2 API, `CreateSnapshot`; EBS User Guide, "Create Amazon EBS snapshots" and "Quotas";
//! EC2 Developer Guide, "Error codes".

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{Place, Tags};
use serde::Deserialize;

use super::{
    Happening, bucket, ebs_events, images,
    snapshot_shown::Shown,
    snapshots::{Snapshot, State as SnapshotState},
    tags::{self, TagSpecification},
    volumes::{self, Volume},
};
use crate::{
    arn,
    cloud::{self, State},
    iam::{Context, Need},
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// The least time between two snapshots of a volume.
const SPACING: SignedDuration = SignedDuration::from_secs(15);
/// Characters of a description.
const LONGEST_DESCRIPTION: usize = 255;

/// `CreateSnapshot`. There is no client token: two calls make two snapshots.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct CreateSnapshot {
    pub(crate) volume_id: String,
    pub(crate) description: String,
    pub(crate) tag_specification: Vec<TagSpecification>,
}

impl Operation for CreateSnapshot {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "CreateSnapshot",
        access: Access::Writes,
        bucket: bucket::MAKES,
    };

    type Answer<'s> = Shown<'s>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        let tags = tags::sent(&self.tag_specification, "snapshot");
        let mut needs = vec![on_volume(cx, "ec2:CreateSnapshot", &self.volume_id)];
        needs.extend(new_snapshot(cx, "ec2:CreateSnapshot", "CreateSnapshot", &tags));
        needs
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<Shown<'s>, Refusal> {
        let tags = tags::checked(&self.tag_specification, "snapshot", &["snapshot"])?;
        check_description(&self.description)?;
        let volume = snapshottable(cx, &self.volume_id)?;
        let snapshot = begun(cx.state, cx.place, &volume, self.description, tags, cx.now);
        let (id, now, ends_at) = (snapshot.id.clone(), cx.now, snapshot.ends_at);
        cx.here_mut().ec2.snapshots.put(snapshot, now);
        match ends_at > now {
            true => cx.plan(ends_at, Happening::SnapshotEnds(id.clone())),
            false => ends(cx.state, cx.place, &id, now),
        }
        Ok(Shown::of(cx.here().ec2.snapshots.get(&id).expect("it was just put there"), cx.now))
    }
}

/// What an action on a volume needs.
pub(super) fn on_volume(cx: &Cx<'_>, action: &'static str, id: &str) -> Need {
    let mut context = Context::default();
    if let Some(volume) = cx.here().ec2.volumes.get(id) {
        context = context
            .with_tags("aws:ResourceTag", &volume.tags)
            .with("ec2:Encrypted", volume.encrypted.to_string())
            .with("ec2:VolumeType", &*volume.kind)
            .with("ec2:VolumeSize", volume.size_gib.to_string());
    }
    Need::on(action, arn::of("ec2", cx.place, format_args!("volume/{id}"))).with(context)
}

/// What it takes to make a snapshot and to tag it.
pub(super) fn new_snapshot(
    cx: &Cx<'_>,
    action: &'static str,
    name: &str,
    tags: &Tags,
) -> impl Iterator<Item = Need> + use<> {
    let arn = arn::without_account(&cx.place.region, "snapshot/*");
    let context = Context::default().with_request_tags(tags);
    let tagging = tags::needed(&arn, name, tags);
    [Need::on(action, arn).with(context)].into_iter().chain(tagging)
}

/// Refuses a description that is too long.
pub(super) fn check_description(text: &str) -> Result<(), Refusal> {
    if text.chars().count() <= LONGEST_DESCRIPTION {
        return Ok(());
    }
    let message = format!("Description is longer than {LONGEST_DESCRIPTION} characters");
    Err(Refusal::new("InvalidParameterValue", message))
}

/// The volume, if a snapshot of it may be begun now.
pub(super) fn snapshottable(cx: &Cx<'_>, id: &str) -> Result<Volume, Refusal> {
    let ec2 = &cx.here().ec2;
    let volume = cx.volume(id)?;
    if !matches!(volume.state, volumes::State::Available | volumes::State::InUse) {
        let message = format!("Volume '{id}' is in state '{}'", volume.state.as_str());
        return Err(Refusal::new("IncorrectState", message));
    }
    if ec2.snapshots.last_taken(id).is_some_and(|last| last + SPACING > cx.now) {
        let message =
            format!("The maximum per volume CreateSnapshot request rate of '{id}' is exceeded");
        return Err(Refusal::new("SnapshotCreationPerVolumeRateExceeded", message));
    }
    // Those in `error` count, and those whose deletion waits for their completion.
    let counts = |it: &&Snapshot| matches!(it.state, SnapshotState::Pending | SnapshotState::Error);
    let limit = if ["st1", "sc1"].contains(&&*volume.kind) { 1 } else { 5 };
    if ec2.snapshots.of_volume(id).filter(counts).count() >= limit {
        let message = format!("Maximum allowed in-progress snapshots for '{id}' exceeded: {limit}");
        return Err(Refusal::new("ConcurrentSnapshotLimitExceeded", message));
    }
    check_quota(cx, 1)?;
    Ok(volume.clone())
}

/// Refuses more snapshots than a region may have.
pub(super) fn check_quota(cx: &Cx<'_>, new: usize) -> Result<(), Refusal> {
    let quota = cx.state.dials.snapshot_quota;
    if cx.here().ec2.snapshots.count() + new <= quota {
        return Ok(());
    }
    let message = format!("The maximum number of snapshots ({quota}) is reached");
    Err(Refusal::new("SnapshotLimitExceeded", message))
}

/// A snapshot of a volume that has just begun. It inherits the volume's encryption.
pub(super) fn begun(
    state: &mut State,
    place: &Place,
    volume: &Volume,
    description: String,
    tags: Tags,
    now: Timestamp,
) -> Snapshot {
    let id = state.fresh_id("snap");
    let ends_at = now + state.dials.times.snapshot;
    Snapshot {
        state: SnapshotState::Pending,
        ends_at,
        encrypted: volume.encrypted,
        kms_key_id: volume.kms_key_id.clone(),
        description: description.into(),
        tags,
        ..Snapshot::completed(place.account.clone(), &id, &volume.id, volume.size_gib, now)
    }
}

/// A snapshot stops to be pending.
pub(super) fn ends(state: &mut State, place: &Place, id: &str, at: Timestamp) {
    let ec2 = &state.services(place).ec2;
    let Some(snapshot) = ec2.snapshots.get(id) else { return };
    let bad = ec2.failing.contains(&snapshot.volume_id);
    let end = if bad { Err("the volume could not be read") } else { Ok(()) };
    if let Some(ended) = settle(state, place, id, end, at) {
        ebs_events::snapshot_ended(state, place, &ended, at);
        images::snapshot_ended(state, place, &ended, at);
    }
}

/// Ends a snapshot, well or with a message, and deletes it when its deletion was accepted before.
/// `None`: it was not pending any more.
pub(super) fn settle(
    state: &mut State,
    place: &Place,
    id: &str,
    end: Result<(), &str>,
    at: Timestamp,
) -> Option<Snapshot> {
    let snapshots = &mut state.services_mut(place).ec2.snapshots;
    snapshots.get(id).filter(|it| it.state == SnapshotState::Pending)?;
    snapshots.change(id, at, |it| {
        it.ends_at = at;
        match end {
            Ok(()) => it.state = SnapshotState::Completed,
            Err(message) => {
                it.state = SnapshotState::Error;
                it.state_message = Some(message.into());
            }
        }
        if let Some(lock) = &mut it.lock {
            lock.begin(at);
        }
    })?;
    let ended = snapshots.get(id)?.clone();
    if ended.leaving {
        snapshots.remove(id, at);
    }
    Some(ended)
}

impl Cx<'_> {
    /// Plans something in this place.
    pub(super) fn plan(&mut self, at: Timestamp, happening: Happening) {
        self.state.agenda.plan(at, cloud::Happening::Ec2(self.place.clone(), happening));
    }

    /// A volume here, to change it. One that was made so lately that describes do not show it is
    /// not found. Source: EC2 Developer Guide, "Eventual consistency".
    pub(super) fn volume(&self, id: &str) -> Result<&Volume, Refusal> {
        if !id.starts_with("vol-") {
            let message = format!("Invalid id: \"{id}\" (expecting \"vol-...\")");
            return Err(Refusal::new("InvalidVolumeID.Malformed", message));
        }
        let volumes = &self.here().ec2.volumes;
        volumes.get_at(id, self.seen).and_then(|_| volumes.get(id)).ok_or_else(|| {
            let message = format!("The volume '{id}' does not exist.");
            Refusal::new("InvalidVolume.NotFound", message)
        })
    }
}

#[cfg(test)]
mod tests;
