//! `ebs.volume.modify`: changes type, size and performance of volumes while they are used.
//!
//! Idempotency: *converging*. A step looks at what the volume is and at its newest change, and
//! begins one only where that is not what is wanted.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use lamplighter_core::{
    Action, Doing, Fault, Progress, Spec, StepCx, Verdict,
    action::{BadParams, Effect, LookCx, PlanCx},
    cloud::ec2::{Modification, ModificationState, Volume},
    select::ServerFilter,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    shape::{VolumeType, Wish, in_words, is_so},
    volumes::find,
    watch::{not_started, unless_done},
};

/// How long it is until the next look: a TiB takes hours.
const LOOK: Duration = Duration::from_secs(300);
/// How long a new size takes.
const MOMENT: Duration = Duration::from_secs(30);
/// What a volume is whose last change is not done.
const UNDER_WAY: &str = "IncorrectModificationState";
/// What a volume is that was changed four times in 24 hours. Which of them will be too old first,
/// AWS says only to people.
/// Source: EC2 API, `ModifyVolume`.
const TOO_OFTEN: &str = "VolumeModificationRateExceeded";
/// How long it is until the next try then.
const RETRY: Duration = Duration::from_secs(30 * 60);

/// Parameters of `ebs.volume.modify`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// The type that volumes get. What is not said beside it stays: the IOPS, where the new type
    /// has so few, and the throughput. Without it, each keeps its type.
    #[serde(default)]
    r#type: Option<VolumeType>,
    /// The least size, in GiB: smaller volumes grow, and larger ones keep theirs, for AWS makes
    /// none smaller. Their file systems grow in the operating system.
    #[serde(default)]
    size: Option<u32>,
    /// I/O operations per second, of `gp3`, `io1` and `io2` volumes.
    #[serde(default)]
    iops: Option<u32>,
    /// Throughput of `gp3` volumes, in MiB/s: at most a quarter of the IOPS.
    #[serde(default)]
    throughput: Option<u32>,
}

/// What a job remembers of the change that it has begun.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Begun {
    /// When AWS began it.
    at: Timestamp,
}

/// `ebs.volume.modify`: changes type, size and performance of each volume.
pub struct ModifyVolume;

#[async_trait]
impl Action for ModifyVolume {
    type Params = Params;
    type Target = Volume;
    type State = Begun;
    type Known = BTreeMap<String, Modification>;

    const SPEC: Spec = Spec {
        name: "ebs.volume.modify",
        summary: "Changes type, size and performance of each selected volume while it is used.",
        permissions: &["ec2:DescribeVolumesModifications", "ec2:ModifyVolume"],
        elsewhere: &[],
        effect: Effect::Changes,
        // A volume that was changed four times waits for a day, and a large one takes another.
        timeout: Duration::from_secs(3 * 24 * 3600),
        gate: None,
    };

    const LOOKS: &'static [&'static str] = &["ec2:DescribeVolumesModifications"];

    fn check(params: &Params) -> Result<(), BadParams> {
        let Params { r#type, size, iops, throughput } = params;
        if r#type.is_none() && size.or(*iops).or(*throughput).is_none() {
            let message = "say what is to change: `type`, `size`, `iops` or `throughput`";
            return Err(BadParams { path: String::new(), message: message.to_owned() });
        }
        params.wish().check()
    }

    /// The changes under way, by their volumes.
    async fn look(
        cx: &LookCx<'_>,
        _: &Params,
        found: &[Volume],
    ) -> Result<BTreeMap<String, Modification>, Fault> {
        let mut all = BTreeMap::new();
        if !found.is_empty() {
            let list = |page| cx.here.ec2().modifications_under_way(page);
            let take = |it: Modification| _ = all.insert(it.volume.clone(), it);
            cx.each("listing changes of volumes", list, take).await?;
        }
        Ok(all)
    }

    fn plan(
        params: &Params,
        _: &PlanCx<'_>,
        found: &[Volume],
        known: &BTreeMap<String, Modification>,
    ) -> Vec<Verdict> {
        found.iter().map(|it| judge(params, it, known.get(&it.id))).collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        params: &Params,
        volume: &Volume,
        state: Option<Begun>,
    ) -> Result<Progress<Begun>, Fault> {
        let (ec2, id) = (cx.here.ec2(), volume.id.as_str());
        let newest = ec2.modification_of(id).await;
        let newest = newest.doing(format!("looking at the last change of `{id}`"))?;
        match state {
            Some(begun) => follow(cx, id, begun, newest),
            None => begin(cx, params, id, newest).await,
        }
    }
}

impl Params {
    fn wish(&self) -> Wish {
        let Params { r#type, size, iops, throughput } = *self;
        Wish { volume_type: r#type, size, iops, throughput }
    }
}

fn judge(params: &Params, volume: &Volume, under_way: Option<&Modification>) -> Verdict {
    let leave = |reason: String| Verdict::Leave { reason };
    if let Some(manager) = &volume.managed_by {
        return leave(format!("`{manager}` manages it"));
    }
    if !["available", "in-use"].contains(&volume.state.as_str()) {
        return leave(format!("its state is `{}`, not `available` or `in-use`", volume.state));
    }
    if let Some(Modification { state, target, started_at, .. }) = under_way {
        let (state, target) = (state.as_str(), in_words(target));
        return leave(format!("it is `{state}` since {started_at}, to {target}"));
    }
    let had = volume.shape();
    let wanted = match params.wish().of(&had) {
        Ok(wanted) if is_so(&had, &wanted) => {
            return leave(format!("it is {} already", in_words(&wanted)));
        }
        Ok(wanted) => wanted,
        Err(reason) => return Verdict::Fail { reason },
    };
    // Only volumes of these types are attached to several instances.
    // Source: EBS User Guide, "Attach an EBS volume to multiple instances using Multi-Attach".
    let is_shared = volume.instances.len() > 1;
    if is_shared && !["io1", "io2"].contains(&wanted.volume_type.as_str()) {
        let reason = format!(
            "it is attached to {} instances, and {} volumes cannot be",
            volume.instances.len(),
            wanted.volume_type
        );
        return Verdict::Fail { reason };
    }
    let grows = wanted.size_gib > had.size_gib;
    Verdict::Act {
        effect: format!("change {} to {}", in_words(&had), in_words(&wanted)),
        reason: grows.then(|| {
            "it cannot be made smaller again; its file system has to be extended".to_owned()
        }),
    }
}

/// Begins the change, unless it is so, or on its way.
async fn begin(
    cx: &StepCx<'_>,
    params: &Params,
    id: &str,
    newest: Option<Modification>,
) -> Result<Progress<Begun>, Fault> {
    let ec2 = cx.here.ec2();
    let filter = ServerFilter::of_ids([id.to_owned()]);
    let volume = find(ec2, &filter, |it| it.id == id).await;
    let Some(volume) = volume.doing(format!("looking at `{id}`"))? else {
        return Ok(Progress::Skipped("it is gone".to_owned()));
    };
    let had = volume.shape();
    let wanted = params.wish().of(&had).map_err(Fault::permanent)?;
    if let Some(newest) = newest {
        // An earlier try of this step has begun it, or somebody else the same.
        let tried = cx.tried.times > 0 && newest.state == ModificationState::Completed;
        if is_so(&newest.target, &wanted) && (newest.state.is_under_way() || tried) {
            let begun = Begun { at: newest.started_at };
            return follow(cx, id, begun, Some(newest));
        }
        if newest.state.is_under_way() {
            return Ok(Progress::Later { wait: LOOK });
        }
    }
    if is_so(&had, &wanted) {
        return Ok(match cx.lag_left() {
            Some(wait) => Progress::Later { wait },
            None => Progress::Skipped("it is so already".to_owned()),
        });
    }
    match ec2.modify_volume(id, &wanted).await.map_err(not_started) {
        Ok(begun) => Ok(Progress::Again { state: Begun { at: begun.started_at }, wait: MOMENT }),
        // By an earlier try of this step that does not show yet, or by somebody else.
        Err(fault) if fault.code.as_deref() == Some(UNDER_WAY) => {
            Ok(Progress::Later { wait: MOMENT })
        }
        Err(fault) if fault.code.as_deref() == Some(TOO_OFTEN) => Err(fault.retry_after(RETRY)),
        Err(fault) => unless_done(cx, fault),
    }
}

/// Says how the job goes on with the change that it has begun.
fn follow(
    cx: &StepCx<'_>,
    id: &str,
    begun: Begun,
    newest: Option<Modification>,
) -> Result<Progress<Begun>, Fault> {
    let since = begun.at;
    let Some(newest) = newest.filter(|it| it.started_at >= since) else {
        return match cx.longest_lag_left(since) {
            Some(_) => Ok(Progress::Again { state: begun, wait: MOMENT }),
            None => Err(Fault::permanent(format!("the change of `{id}` disappeared"))),
        };
    };
    if newest.started_at > since {
        // AWS begins one only when the one before is done.
        return Ok(Progress::Done("changed, and by others again since".to_owned()));
    }
    match newest.state {
        ModificationState::Modifying | ModificationState::Optimizing => {
            Ok(Progress::Again { state: begun, wait: LOOK })
        }
        ModificationState::Completed => {
            Ok(Progress::Done(format!("changed to {}", in_words(&newest.target))))
        }
        ModificationState::Failed => {
            let why = newest.reason.as_deref().unwrap_or("AWS does not say why");
            Err(Fault::permanent(format!("the change of `{id}` failed: {why}")))
        }
    }
}

#[cfg(test)]
mod tests;
