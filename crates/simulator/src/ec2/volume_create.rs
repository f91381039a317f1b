//! `CreateVolume`, of a snapshot or empty.
//!
//! Source: EC2 API, `CreateVolume`. Whether the key can be used is found out while the volume is
//! creating: one that cannot be made is gone again.

use std::sync::Arc;

use jiff::Timestamp;
use lamplighter_core::Place;
use serde::Deserialize;
use smallvec::SmallVec;

use super::{
    Happening, bucket, copy,
    copy_rules::{self, KeyChoice},
    ebs_events,
    snapshot_own::about,
    snapshots::{Snapshot, State as SnapshotState},
    tags::{self, TagSpecification},
    volume_rules::{Shape, type_of},
    volumes::{Shown, State, Volume},
    zones,
};
use crate::{
    arn, cloud,
    iam::{Context, Need},
    kms::{self, Unusable, Use},
    operation::{Access, Cx, Operation, Spec},
    organization::Caller,
    refusal::Refusal,
};

/// Characters of a client token.
const LONGEST_TOKEN: usize = 64;

/// `CreateVolume`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct CreateVolume {
    pub(crate) availability_zone: String,
    pub(crate) snapshot_id: Option<String>,
    /// In GiB; not less than the snapshot's, which is what is meant without it.
    pub(crate) size: Option<u32>,
    /// `gp2` when it is not given, whatever the volume of the snapshot was.
    pub(crate) volume_type: Option<String>,
    pub(crate) iops: Option<u32>,
    pub(crate) throughput: Option<u32>,
    pub(crate) encrypted: Option<bool>,
    pub(crate) kms_key_id: Option<String>,
    pub(crate) client_token: Option<String>,
    pub(crate) tag_specification: Vec<TagSpecification>,
}

impl Operation for CreateVolume {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "CreateVolume",
        access: Access::Writes,
        bucket: bucket::MAKES,
    };

    type Answer<'s> = Shown<'s>;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        let tags = tags::sent(&self.tag_specification, "volume");
        let arn = arn::of("ec2", cx.place, "volume/*");
        let kind = self.volume_type.as_deref().unwrap_or("gp2");
        let context = Context::default()
            .with_request_tags(&tags)
            .with("ec2:AvailabilityZone", &*self.availability_zone)
            .with("ec2:Encrypted", self.encrypted.unwrap_or(false).to_string())
            .with("ec2:VolumeType", kind);
        let mut needs = vec![Need::on("ec2:CreateVolume", &*arn).with(context)];
        if let Some(id) = &self.snapshot_id {
            let snapshot = arn::without_account(&cx.place.region, format_args!("snapshot/{id}"));
            let context =
                cx.usable_snapshot(cx.place, id).map_or_else(|_| Context::default(), about);
            needs.push(Need::on("ec2:CreateVolume", snapshot).with(context));
        }
        needs.extend(tags::needed(&arn, "CreateVolume", &tags));
        needs
    }

    fn run<'s>(self, cx: &'s mut Cx<'_>) -> Result<Shown<'s>, Refusal> {
        let tags = tags::checked(&self.tag_specification, "volume", &["volume"])?;
        zones::check(&cx.place.region, &self.availability_zone)?;
        if let Some(id) = self.made_before(cx)? {
            return Ok(Shown::of(cx.here().ec2.volumes.get(&id).expect("it was just found")));
        }
        let (shape, source) = self.shape(cx)?;
        let key = self.key(cx, source)?;
        let id = cx.state.fresh_id("vol");
        let volume = Volume {
            id: id.as_str().into(),
            size_gib: shape.size_gib,
            kind: self.kind().into(),
            state: State::Creating,
            encrypted: key.is_some(),
            kms_key_id: key,
            iops: shape.iops,
            throughput: shape.throughput,
            zone: self.availability_zone.as_str().into(),
            created_at: cx.now,
            snapshot_id: self.snapshot_id.as_deref().map(Box::from),
            attachments: SmallVec::new(),
            operator: None,
            tags: tags.into(),
        };
        let now = cx.now;
        let (ready_at, caller) = (now + cx.state.dials.times.volume, cx.caller.clone());
        let ec2 = &mut cx.here_mut().ec2;
        ec2.volumes.put(&id, volume, now);
        if let Some(token) = &self.client_token {
            ec2.volume_tokens.insert(token.clone(), (self.clone(), id.as_str().into()));
        }
        cx.plan(ready_at, Happening::VolumeIsMade(id.as_str().into(), caller));
        Ok(Shown::of(cx.here().ec2.volumes.get(&id).expect("it was just put there")))
    }
}

impl CreateVolume {
    fn kind(&self) -> &str {
        self.volume_type.as_deref().unwrap_or("gp2")
    }

    /// The volume that the same request has made before.
    /// Source: EC2 Developer Guide, "Ensuring idempotency".
    fn made_before(&self, cx: &Cx<'_>) -> Result<Option<Box<str>>, Refusal> {
        let Some(token) = &self.client_token else { return Ok(None) };
        if token.len() > LONGEST_TOKEN || !token.is_ascii() {
            let message = format!("ClientToken has at most {LONGEST_TOKEN} ASCII characters");
            return Err(Refusal::new("InvalidParameterValue", message));
        }
        let ec2 = &cx.here().ec2;
        match ec2.volume_tokens.get(token) {
            Some((request, id)) if request == self => {
                Ok(Some(id.clone()).filter(|id| ec2.volumes.get(id).is_some()))
            }
            Some(_) => {
                let message = "the client token was used with other parameters before";
                Err(Refusal::new("IdempotentParameterMismatch", message))
            }
            None => Ok(None),
        }
    }

    /// The key of the volume: without a name for it, one of a snapshot of the account's own has
    /// the key of that.
    /// Source: EBS User Guide, "Amazon EBS encryption", encryption outcomes.
    fn key(&self, cx: &Cx<'_>, source: Option<&Snapshot>) -> Result<Option<Arc<str>>, Refusal> {
        let is_encrypted = source.is_some_and(|it| it.encrypted);
        let (named, ec2) = (self.kms_key_id.as_deref(), &cx.here().ec2);
        let by_default = ec2.settings.encryption_by_default;
        let choice = copy_rules::key(is_encrypted, self.encrypted, named.is_some(), by_default)?;
        let own = source.filter(|it| named.is_none() && it.owner == cx.place.account);
        let inherited = own.and_then(|it| it.kms_key_id.clone());
        Ok(inherited.or_else(|| {
            let choice = choice?;
            let choice = if named.is_some() { choice } else { KeyChoice::Default };
            Some(copy::key(cx, choice, named))
        }))
    }

    /// What the volume gives, and the snapshot that it is made of.
    fn shape<'s>(&self, cx: &'s Cx<'_>) -> Result<(Shape, Option<&'s Snapshot>), Refusal> {
        let source = match &self.snapshot_id {
            None => None,
            Some(id) => {
                let snapshot = cx.usable_snapshot(cx.place, id)?;
                if snapshot.state != SnapshotState::Completed || !snapshot.is_at_hand() {
                    let message = format!("'{id}' is not a completed snapshot at hand");
                    return Err(Refusal::new("IncorrectState", message));
                }
                Some(snapshot)
            }
        };
        let least = source.map(|it| it.size_gib);
        let Some(size) = self.size.or(least) else {
            let message = "either Size or SnapshotId must be given";
            return Err(Refusal::new("MissingParameter", message));
        };
        if least.is_some_and(|least| size < least) {
            let message = format!("the volume is smaller than its snapshot: {size} GiB");
            return Err(Refusal::new("InvalidParameterValue", message));
        }
        let shape = type_of(self.kind())?.new_shape(size, self.iops, self.throughput)?;
        Ok((shape, source))
    }
}

/// A snapshot in the region of `place`, whoever owns it.
fn snapshot_of<'s>(state: &'s cloud::State, place: &Place, id: &str) -> Option<&'s Snapshot> {
    state.places_in(&place.region).find_map(|it| state.services(it).ec2.snapshots.get(id))
}

/// A new volume is available, or gone because its key cannot be used.
pub(super) fn is_made(
    state: &mut cloud::State,
    place: &Place,
    id: &str,
    caller: &Caller,
    at: Timestamp,
) {
    let Some(volume) = state.services(place).ec2.volumes.get(id) else { return };
    let key = volume.kms_key_id.clone();
    let snapshot = volume.snapshot_id.as_deref().and_then(|id| snapshot_of(state, place, id));
    let source =
        snapshot.and_then(|it| it.kms_key_id.clone()).filter(|it| Some(it) != key.as_ref());
    let what = if source.is_some() { Use::EBS_VOLUME_ANEW } else { Use::EBS_VOLUME };
    let mut why = |key: &str, what| match kms::use_key(state, caller, &place.region, key, what) {
        Ok(()) => None,
        Err(Unusable::Disabled) => Some(format!("{key} is disabled.")),
        Err(Unusable::PendingDeletion) => Some(format!("{key} is pending deletion.")),
        Err(Unusable::Missing | Unusable::Denied) => Some(format!("{key} is not accessible.")),
    };
    let unread = source.and_then(|key| why(&key, Use::EBS_COPY_SOURCE));
    let why_not = unread.or_else(|| key.and_then(|key| why(&key, what)));
    let volumes = &mut state.services_mut(place).ec2.volumes;
    match &why_not {
        None => drop(volumes.change(id, at, |it| it.state = State::Available)),
        Some(_) => drop(volumes.remove(id, at)),
    }
    let result = if why_not.is_none() { "available" } else { "failed" };
    let cause = why_not.unwrap_or_default();
    ebs_events::volume(state, place, id, ("createVolume", result, &cause), at);
}

#[cfg(test)]
mod tests;
