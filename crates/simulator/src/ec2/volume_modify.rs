//! `ModifyVolume` and `DescribeVolumesModifications`: volumes that change while they are used.
//!
//! Sources: EC2 API, `ModifyVolume`; EBS User Guide, "Modify a volume using Elastic Volumes
//! operations": four changes within 24 hours, each when the one before is done.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{Place, Tags, cloud::ec2 as core};
use serde::{Deserialize, Serialize};

use super::{
    Happening, bucket, ebs_events,
    filter::{Filter, Filtered},
    listing::{self, Question},
    snapshot_create::on_volume,
    volume_delete::check_manager,
    volume_rules::type_of,
    volumes::{State as VolumeState, Volume},
};
use crate::{
    cloud,
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
    wire::time::{maybe_millis, millis},
};

/// Changes of a volume within [`WINDOW`].
const MOST: usize = 4;
const WINDOW: SignedDuration = SignedDuration::from_hours(24);
/// How long a volume is modifying, before its new size can be used.
const MODIFYING: SignedDuration = SignedDuration::from_secs(10);
/// The longest page of the listing.
pub(crate) const LONGEST_PAGE: u32 = 500;
/// The devices that an instance boots from.
const ROOT_DEVICES: [&str; 3] = ["/dev/xvda", "/dev/sda1", "/dev/sda"];

static NO_TAGS: Tags = Tags::new();

/// The newest change of a volume.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Modification {
    pub(crate) volume_id: Box<str>,
    pub(crate) state: State,
    pub(crate) original: Form,
    pub(crate) target: Form,
    pub(crate) started_at: Timestamp,
    pub(crate) ends_at: Timestamp,
    /// When the changes within the last 24 hours were begun, this one included.
    pub(crate) recent: Vec<Timestamp>,
}

/// How far a change is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    Modifying,
    /// The new size can be used.
    Optimizing,
    Completed,
}

impl State {
    fn as_str(self) -> &'static str {
        ["modifying", "optimizing", "completed"][self as usize]
    }
}

/// What a change is about.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Form {
    pub(crate) kind: Arc<str>,
    pub(crate) size_gib: u32,
    pub(crate) iops: Option<u32>,
    pub(crate) throughput: Option<u32>,
}

impl Form {
    fn of(it: &Volume) -> Form {
        let Volume { size_gib, iops, throughput, .. } = *it;
        Form { kind: it.kind.clone(), size_gib, iops, throughput }
    }
}

impl Filtered for Modification {
    const FILTERS: &'static [&'static str] = &[
        "modification-state",
        "original-iops",
        "original-size",
        "original-volume-type",
        "target-iops",
        "target-size",
        "target-volume-type",
        "volume-id",
    ];

    fn any(&self, name: &str, test: &dyn Fn(&str) -> bool) -> bool {
        let number = |it: Option<u32>| it.is_some_and(|it| test(&it.to_string()));
        match name {
            "modification-state" => test(self.state.as_str()),
            "original-iops" => number(self.original.iops),
            "original-size" => number(Some(self.original.size_gib)),
            "original-volume-type" => test(&self.original.kind),
            "target-iops" => number(self.target.iops),
            "target-size" => number(Some(self.target.size_gib)),
            "target-volume-type" => test(&self.target.kind),
            "volume-id" => test(&self.volume_id),
            _ => false,
        }
    }

    fn tags(&self) -> &Tags {
        &NO_TAGS
    }
}

/// `ModifyVolume`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct ModifyVolume {
    pub(crate) volume_id: String,
    pub(crate) size: Option<u32>,
    pub(crate) volume_type: Option<String>,
    pub(crate) iops: Option<u32>,
    pub(crate) throughput: Option<u32>,
}

/// What `ModifyVolume` answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Modified {
    pub(crate) volume_modification: Shown,
}

/// A change in an answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Shown {
    volume_id: String,
    modification_state: State,
    target_size: u32,
    target_volume_type: String,
    target_iops: Option<u32>,
    target_throughput: Option<u32>,
    original_size: u32,
    original_volume_type: String,
    original_iops: Option<u32>,
    original_throughput: Option<u32>,
    progress: u32,
    #[serde(serialize_with = "millis")]
    start_time: Timestamp,
    #[serde(serialize_with = "maybe_millis", skip_serializing_if = "Option::is_none")]
    end_time: Option<Timestamp>,
}

impl From<&Shown> for core::Modification {
    fn from(it: &Shown) -> core::Modification {
        core::Modification {
            volume: it.volume_id.clone(),
            state: match it.modification_state {
                State::Modifying => core::ModificationState::Modifying,
                State::Optimizing => core::ModificationState::Optimizing,
                State::Completed => core::ModificationState::Completed,
            },
            reason: None,
            target: core::VolumeShape {
                volume_type: it.target_volume_type.clone(),
                size_gib: it.target_size,
                iops: it.target_iops,
                throughput: it.target_throughput,
            },
            started_at: it.start_time,
        }
    }
}

impl Shown {
    fn of(it: &Modification, now: Timestamp) -> Shown {
        let all = it.ends_at.duration_since(it.started_at).as_secs().max(1);
        let done = now.duration_since(it.started_at).as_secs();
        let completed = it.state == State::Completed;
        Shown {
            volume_id: it.volume_id.to_string(),
            modification_state: it.state,
            target_size: it.target.size_gib,
            target_volume_type: it.target.kind.to_string(),
            target_iops: it.target.iops,
            target_throughput: it.target.throughput,
            original_size: it.original.size_gib,
            original_volume_type: it.original.kind.to_string(),
            original_iops: it.original.iops,
            original_throughput: it.original.throughput,
            progress: if completed { 100 } else { (100 * done / all).clamp(0, 99) as u32 },
            start_time: it.started_at,
            end_time: completed.then_some(it.ends_at),
        }
    }
}

impl Operation for ModifyVolume {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "ModifyVolume",
        access: Access::Writes,
        bucket: bucket::WRITES,
    };

    type Answer<'s> = Modified;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![on_volume(cx, "ec2:ModifyVolume", &self.volume_id)]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Modified, Refusal> {
        let volume = cx.volume(&self.volume_id)?;
        check_manager(volume)?;
        if !matches!(volume.state, VolumeState::Available | VolumeState::InUse) {
            let message = format!("Volume '{}' is '{}'", volume.id, volume.state.as_str());
            return Err(Refusal::new("IncorrectState", message));
        }
        let before = cx.here().ec2.modifications.get(&self.volume_id);
        if before.is_some_and(|it| it.state != State::Completed) {
            let message = format!("Volume '{}' is still being modified", volume.id);
            return Err(Refusal::new("IncorrectModificationState", message));
        }
        let since = cx.now - WINDOW;
        let mut recent: Vec<Timestamp> =
            before.into_iter().flat_map(|it| it.recent.clone()).collect();
        recent.retain(|at| *at > since);
        if recent.len() >= MOST {
            let next = recent.first().map(|at| *at + WINDOW).unwrap_or(cx.now);
            let message =
                format!("the volume was modified {MOST} times in 24 hours: wait until {next}");
            return Err(Refusal::new("VolumeModificationRateExceeded", message));
        }
        recent.push(cx.now);
        let (now, original) = (cx.now, Form::of(volume));
        let new = Modification {
            volume_id: volume.id.as_str().into(),
            state: State::Modifying,
            target: self.target(volume)?,
            original,
            started_at: now,
            ends_at: now + MODIFYING + cx.state.dials.times.volume_optimizing,
            recent,
        };
        let shown = Shown::of(&new, now);
        cx.here_mut().ec2.modifications.put(&self.volume_id, new, now);
        cx.plan(now + MODIFYING, Happening::ModificationMoves(self.volume_id.into()));
        Ok(Modified { volume_modification: shown })
    }
}

impl ModifyVolume {
    /// What the volume is to be.
    fn target(&self, volume: &Volume) -> Result<Form, Refusal> {
        let bad = |message: String| Err(Refusal::new("InvalidParameterValue", message));
        if (self.size, &self.volume_type, self.iops, self.throughput) == (None, &None, None, None) {
            let message = "at least one of Size, VolumeType, Iops and Throughput must be given";
            return Err(Refusal::new("MissingParameter", message));
        }
        let size = self.size.unwrap_or(volume.size_gib);
        if size < volume.size_gib {
            return bad(format!(
                "New size cannot be smaller than existing size {}",
                volume.size_gib
            ));
        }
        let kind = self.volume_type.as_deref().unwrap_or(&volume.kind);
        let type_ = type_of(kind)?;
        let root = volume.attachments.iter().any(|it| ROOT_DEVICES.contains(&&*it.device));
        if root && !type_.boots {
            return bad(format!("a root volume cannot be {kind}"));
        }
        let stays = *kind == *volume.kind;
        let provisioned = type_of(&volume.kind)?.name != "gp2";
        let kept =
            |asked: Option<u32>, had: Option<u32>| asked.or(had.filter(|_| stays && provisioned));
        let mut iops = kept(self.iops, volume.iops);
        if (&*volume.kind, kind) == ("gp2", "gp3") && iops.is_none() {
            // What the volume had, or the base of the new type, whichever is more.
            iops = volume.iops.map(|had| had.max(3000).min((500 * size).max(3000)));
        }
        let throughput = kept(self.throughput, volume.throughput);
        let shape = type_.shape(size, iops, throughput)?;
        let form = Form {
            kind: type_.name.into(),
            size_gib: shape.size_gib,
            iops: shape.iops,
            throughput: shape.throughput,
        };
        match form == Form::of(volume) {
            true => bad("the volume is so already".to_owned()),
            false => Ok(form),
        }
    }
}

/// A change comes into its next state.
pub(super) fn moves(state: &mut cloud::State, place: &Place, id: &str, at: Timestamp) {
    let ec2 = &mut state.services_mut(place).ec2;
    if ec2.volumes.get(id).is_none() {
        return;
    }
    let moved = ec2.modifications.change(id, at, |it| {
        it.state = match it.state {
            State::Modifying => State::Optimizing,
            State::Optimizing | State::Completed => State::Completed,
        };
        it.clone()
    });
    let Some(moved) = moved else { return };
    if moved.state == State::Optimizing {
        ec2.volumes.change(id, at, |it| {
            let Form { kind, size_gib, iops, throughput } = moved.target;
            (it.kind, it.size_gib, it.iops, it.throughput) = (kind, size_gib, iops, throughput);
        });
        let next = cloud::Happening::Ec2(place.clone(), Happening::ModificationMoves(id.into()));
        state.agenda.plan(moved.ends_at, next);
    }
    let what = ("modifyVolume", moved.state.as_str(), "");
    ebs_events::volume(state, place, id, what, at);
}

/// `DescribeVolumesModifications`: the newest of each volume.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct DescribeVolumesModifications {
    pub(crate) volume_id: Vec<String>,
    pub(crate) filter: Vec<Filter>,
    pub(crate) max_results: Option<u32>,
    pub(crate) next_token: Option<String>,
    /// Those of volumes that AWS services manage are hidden otherwise.
    pub(crate) include_managed_resources: bool,
}

/// What `DescribeVolumesModifications` answers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Described {
    pub(crate) volume_modification_set: Vec<Shown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_token: Option<String>,
}

impl Operation for DescribeVolumesModifications {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "DescribeVolumesModifications",
        access: Access::Reads,
        bucket: bucket::READS,
    };

    type Answer<'s> = Described;

    fn needs(&self, _: &Cx<'_>) -> Vec<Need> {
        vec![Need::anywhere("ec2:DescribeVolumesModifications")]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Described, Refusal> {
        if self.max_results.is_some_and(|it| it > LONGEST_PAGE) {
            let message = format!("MaxResults is at most {LONGEST_PAGE}");
            return Err(Refusal::new("InvalidParameterValue", message));
        }
        let question = Question {
            operation: Self::SPEC.name,
            filters: &self.filter,
            ids: &self.volume_id,
            not_found: "InvalidVolumeModification.NotFound",
            max_results: self.max_results,
            next_token: self.next_token.as_deref(),
        };
        let ec2 = &cx.here().ec2;
        let shows = |id: &str, it: &Modification| {
            let managed = ec2.volumes.get(id).is_some_and(|it| it.operator.is_some());
            (self.include_managed_resources || !managed).then(|| Shown::of(it, cx.seen))
        };
        let (volume_modification_set, next_token) =
            listing::answer(cx, &question, &ec2.modifications, shows)?;
        Ok(Described { volume_modification_set, next_token })
    }
}

#[cfg(test)]
mod tests;
