//! `ebs.volume.restore`: makes volumes of snapshots, in any zone of their region.
//!
//! Idempotency: the creating call has a *client token* made of the job, so that a repeated one
//! gives the same volume; and a repeated step first looks for a volume with its *job tag*, for AWS
//! forgets tokens.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use lamplighter_core::{
    Action, Doing, Fault, Place, Progress, Spec, StepCx, Verdict,
    action::{BadParams, Effect, JOB_TAG, LookCx, Permissions, PlanCx},
    cloud::ec2::{NewVolume, Snapshot, Volume, VolumeShape},
    keys::{self as kms, Known},
    select::ServerFilter,
    tagging::{TagNames, Wanted},
    template::Template,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    keys,
    shape::{VolumeType, Wish, in_words},
    usable::why_unusable,
    volumes::find,
    watch::not_started,
    zone::ZoneLetter,
};

/// How long it is until the next look.
const LOOK: Duration = Duration::from_secs(30);
/// Task and job.
const OWNERSHIP_TAGS: usize = 2;
/// What EBS does with both keys when the volume gets another one than its snapshot.
/// Source: EBS User Guide, "Requirements for Amazon EBS encryption", permissions for users.
const REENCRYPTS: [&str; 2] = ["kms:ReEncryptFrom", "kms:ReEncryptTo"];

/// Parameters of `ebs.volume.restore`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// In which zone of the snapshot's region, by its letter: `a` is `eu-west-1a` in `eu-west-1`.
    zone: ZoneLetter,
    /// The type of the volumes. AWS does not say what the volume of a snapshot was.
    #[serde(default = "default_type")]
    r#type: VolumeType,
    /// The least size, in GiB. A volume is never smaller than its snapshot.
    #[serde(default)]
    size: Option<u32>,
    /// I/O operations per second. `io1` and `io2` volumes need them; `gp3` volumes have 3,000.
    #[serde(default)]
    iops: Option<u32>,
    /// Throughput of `gp3` volumes, in MiB/s; 125 by default.
    #[serde(default)]
    throughput: Option<u32>,
    /// The KMS key to encrypt the volumes with, by its alias, its id or its ARN. Without it, each
    /// has the key of its snapshot; one of a snapshot that is not encrypted is what the account
    /// makes by default.
    #[serde(default)]
    key: Option<String>,
    /// Tags of the volume: names, and values with placeholders. They win over copied ones. A
    /// value that turns out longer than AWS's 256 characters is cut and ends in `…`.
    #[serde(default)]
    tags: BTreeMap<String, Template>,
    /// Names of the snapshot's tags to copy to the volume. `*` stands for any text and `?` for
    /// one character, so `"*"` alone copies all. Tags of AWS (`aws:…`) and of Lamplighter are
    /// never copied.
    #[serde(default)]
    copy_tags: TagNames,
}

fn default_type() -> VolumeType {
    VolumeType::Gp3
}

/// What a job remembers of the volume that it has asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Made {
    volume: String,
    at: Timestamp,
}

/// The keys of snapshots that cannot be used, by their ARNs, and why.
type Unusable = BTreeMap<String, String>;

/// `ebs.volume.restore`: makes a volume of each snapshot and waits until it is available.
pub struct RestoreVolume;

#[async_trait]
impl Action for RestoreVolume {
    type Params = Params;
    type Target = Snapshot;
    type State = Made;
    type Known = Unusable;

    const SPEC: Spec = Spec {
        name: "ebs.volume.restore",
        summary: "Creates a volume of each selected snapshot, in any zone of its region.",
        permissions: &[
            "ec2:CreateTags",
            "ec2:CreateVolume",
            "ec2:DescribeVolumes",
            "kms:CreateGrant",
            "kms:Decrypt",
            "kms:DescribeKey",
            "kms:GenerateDataKeyWithoutPlaintext",
            "kms:ReEncryptFrom",
            "kms:ReEncryptTo",
        ],
        elsewhere: &[],
        effect: Effect::Creates,
        timeout: Duration::from_secs(6 * 3600),
        gate: None,
    };

    fn check(params: &Params) -> Result<(), BadParams> {
        let needs_iops = matches!(params.r#type, VolumeType::Io1 | VolumeType::Io2);
        if needs_iops && params.iops.is_none() {
            let message = "`io1` and `io2` volumes need `iops`".to_owned();
            return Err(BadParams { path: "iops".to_owned(), message });
        }
        params.wish().check()?;
        params.wanted_tags().check()
    }

    fn permissions(params: &Params) -> Permissions {
        let mut needs = Permissions::here(Self::SPEC.permissions);
        if params.key.is_none() {
            needs.here.retain(|it| !REENCRYPTS.contains(it));
        }
        needs
    }

    async fn look(cx: &LookCx<'_>, params: &Params, found: &[Snapshot]) -> Result<Unusable, Fault> {
        if let (Some(name), false) = (&params.key, found.is_empty()) {
            kms::named(cx.here, name).await?;
        }
        let used = found.iter().filter(|it| why_unusable(it).is_none());
        let keys: BTreeSet<&str> = used.filter_map(keys::of).map(|it| it.name()).collect();
        let mut unusable = Unusable::new();
        for key in keys {
            let asked = kms::ask(cx.here, key).await;
            let why = match asked.doing(format!("asking about the key `{key}`"))? {
                Known::Key(it) if it.is_enabled() => None,
                Known::Key(it) => Some(format!("is `{}`", it.state)),
                Known::Closed => Some("is not there, or not for this role".to_owned()),
            };
            unusable.extend(why.map(|why| (key.to_owned(), why)));
            cx.pulse.beat().await?;
        }
        Ok(unusable)
    }

    fn plan(
        params: &Params,
        cx: &PlanCx<'_>,
        found: &[Snapshot],
        unusable: &Unusable,
    ) -> Vec<Verdict> {
        found.iter().map(|it| judge(params, cx.place, it, unusable)).collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        params: &Params,
        snapshot: &Snapshot,
        state: Option<Made>,
    ) -> Result<Progress<Made>, Fault> {
        let ec2 = cx.here.ec2();
        if let Some(made) = state {
            let filter = ServerFilter::of_ids([made.volume.clone()]);
            let found = find(ec2, &filter, |it| it.id == made.volume).await;
            let found = found.doing(format!("looking at `{}`", made.volume))?;
            return follow(cx, made, found);
        }
        if cx.tried.times > 0 {
            let job = cx.job.as_str();
            let is_own = |it: &Volume| it.tags.get(JOB_TAG).map(String::as_str) == Some(job);
            let found = find(ec2, &ServerFilter::tag(JOB_TAG, job), is_own).await;
            if let Some(found) = found.doing("looking for what this job has made")? {
                return follow(cx, Made::of(cx, &found), Some(found));
            }
        }
        let shape = params.shape(snapshot).map_err(Fault::permanent)?;
        let values = cx.values(&snapshot.id, &snapshot.tags);
        let mut tags = params.wanted_tags().of(&snapshot.tags, &values);
        tags.extend(cx.ownership_tags());
        let new = NewVolume {
            snapshot: snapshot.id.clone(),
            zone: params.zone.of(&cx.here.place().region),
            shape,
            key: params.key.clone(),
            tags,
            token: cx.client_token(),
        };
        let made = ec2.create_volume(&new).await.map_err(not_started)?;
        follow(cx, Made::of(cx, &made), Some(made))
    }
}

impl Made {
    fn of(cx: &StepCx<'_>, volume: &Volume) -> Made {
        Made { volume: volume.id.clone(), at: volume.created_at.unwrap_or(cx.now) }
    }
}

impl Params {
    fn wish(&self) -> Wish {
        let Params { r#type, size, iops, throughput, .. } = *self;
        Wish { volume_type: Some(r#type), size, iops, throughput }
    }

    fn wanted_tags(&self) -> Wanted<'_, ()> {
        Wanted { made: "volume", own: &self.tags, copied: &self.copy_tags, ours: OWNERSHIP_TAGS }
    }

    /// What the volume of a snapshot is to be.
    fn shape(&self, snapshot: &Snapshot) -> Result<VolumeShape, String> {
        let size_gib = snapshot.size_gib;
        let (volume_type, iops, throughput) = (String::new(), None, None);
        self.wish().of(&VolumeShape { volume_type, size_gib, iops, throughput })
    }
}

fn judge(params: &Params, here: &Place, snapshot: &Snapshot, unusable: &Unusable) -> Verdict {
    if let Some(reason) = why_unusable(snapshot) {
        return Verdict::Leave { reason: reason.to_owned() };
    }
    let key = keys::of(snapshot).map(|it| it.name());
    if let Some((key, why)) = key.and_then(|it| unusable.get_key_value(it)) {
        let reason = format!("its key `{key}` {why}, and EBS needs it for the volume");
        return Verdict::Fail { reason };
    }
    let shape = match params.shape(snapshot) {
        Ok(shape) => in_words(&shape),
        Err(reason) => return Verdict::Fail { reason },
    };
    let zone = params.zone.of(&here.region);
    let key = params.key.as_ref().map(|it| format!(" under key `{it}`")).unwrap_or_default();
    let reason = params.wanted_tags().left_out(&snapshot.tags);
    Verdict::Act { effect: format!("create a volume in {zone}: {shape}{key}"), reason }
}

/// Says how the job goes on with the volume that it has asked for.
fn follow(cx: &StepCx<'_>, made: Made, found: Option<Volume>) -> Result<Progress<Made>, Fault> {
    let id = &made.volume;
    match found.as_ref().map(|it| it.state.as_str()) {
        Some("available" | "in-use") => Ok(Progress::Done(format!("created `{id}`"))),
        Some("creating") => Ok(Progress::Again { state: made, wait: LOOK }),
        None if cx.longest_lag_left(made.at).is_some() => {
            Ok(Progress::Again { state: made, wait: LOOK })
        }
        // EBS finds out about keys later, and says nothing.
        None => Err(Fault::permanent(format!(
            "`{id}` disappeared before it was available: check that its key can be used"
        ))),
        Some(state) => Err(Fault::permanent(format!("`{id}` ended in state `{state}`"))),
    }
}

#[cfg(test)]
mod tests;
