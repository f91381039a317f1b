//! `ebs.snapshot.create`: starts a snapshot, then looks at it until EBS has finished.
//!
//! Idempotency: *found by job tag*, see [`watch`](crate::watch).

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use lamplighter_core::{
    Action, Fault, Progress, Spec, StepCx, Verdict,
    action::{BadParams, Effect, PlanCx},
    cloud::ec2::{DryRun, NewSnapshot, Snapshot, Volume},
    tagging::{TagNames, Wanted},
    template::Template,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    DESCRIPTION_MAX,
    watch::{Begin, Stand, Started, begin, made_by, not_started, told},
};

/// Task, job, source and taken-at.
const OWNERSHIP_TAGS: usize = 4;

/// Parameters of `ebs.snapshot.create`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// The snapshot's description, with placeholders. A longer one than AWS's 255 characters is
    /// cut and ends in `…`.
    #[serde(default = "default_description")]
    description: Template,
    /// Tags of the snapshot: names, and values with placeholders. They win over copied ones. A
    /// value that turns out longer than AWS's 256 characters is cut and ends in `…`.
    #[serde(default)]
    tags: BTreeMap<String, Template>,
    /// Names of the volume's tags to copy to the snapshot. `*` stands for any text and `?` for
    /// one character, so `"*"` alone copies all. Tags of AWS (`aws:…`) and of Lamplighter are
    /// never copied.
    #[serde(default)]
    copy_tags: TagNames,
}

fn default_description() -> Template {
    "lamplighter {task} of {target}".parse().expect("both are standard placeholders")
}

/// `ebs.snapshot.create`: starts a snapshot of each volume and waits until it is completed.
pub struct CreateSnapshot;

#[async_trait]
impl Action for CreateSnapshot {
    type Params = Params;
    type Target = Volume;
    type State = Started;
    type Known = ();

    const SPEC: Spec = Spec {
        name: "ebs.snapshot.create",
        summary: "Creates a snapshot of each selected volume.",
        permissions: &[
            "ec2:CreateSnapshot",
            "ec2:CreateTags",
            "ec2:DeleteSnapshot",
            "ec2:DescribeSnapshots",
        ],
        elsewhere: &[],
        effect: Effect::Creates,
        timeout: Duration::from_secs(24 * 3600),
        gate: None,
    };

    fn check(params: &Params) -> Result<(), BadParams> {
        params.wanted_tags().check()
    }

    fn plan(params: &Params, _: &PlanCx<'_>, found: &[Volume], _: &()) -> Vec<Verdict> {
        found.iter().map(|volume| judge(params, volume)).collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        params: &Params,
        volume: &Volume,
        state: Option<Started>,
    ) -> Result<Progress<Started>, Fault> {
        let ec2 = cx.here.ec2();
        if let Some(started) = state {
            let made = made_by(cx, ec2).await?;
            return follow(cx, started, made).await;
        }
        if cx.tried.times > 0 {
            let made = made_by(cx, ec2).await?;
            match begin(cx, &made) {
                Begin::Follow(started) => return follow(cx, started, made).await,
                Begin::Wait(wait) => return Ok(Progress::Later { wait }),
                Begin::Make => {}
            }
        }
        let new = new_snapshot(cx, params, volume);
        let made = ec2.create_snapshot(&new).await.map_err(not_started)?;
        follow(cx, Started::now(cx, &made.id, made.started_at), vec![made]).await
    }

    async fn rehearse(
        cx: &StepCx<'_>,
        params: &Params,
        volume: &Volume,
    ) -> Result<Vec<&'static str>, Fault> {
        made_by(cx, cx.here.ec2()).await?;
        let new = new_snapshot(cx, params, volume);
        cx.here.ec2().dry_run(DryRun::CreateSnapshot(&new)).await?;
        Ok(vec!["ec2:CreateSnapshot", "ec2:CreateTags", "ec2:DescribeSnapshots"])
    }
}

impl Params {
    fn wanted_tags(&self) -> Wanted<'_, ()> {
        Wanted { made: "snapshot", own: &self.tags, copied: &self.copy_tags, ours: OWNERSHIP_TAGS }
    }
}

fn judge(params: &Params, volume: &Volume) -> Verdict {
    let leave = |reason: String| Verdict::Leave { reason };
    if let Some(manager) = &volume.managed_by {
        return leave(format!("`{manager}` manages it"));
    }
    if !["available", "in-use"].contains(&volume.state.as_str()) {
        return leave(format!("its state is `{}`, not `available` or `in-use`", volume.state));
    }
    let reason = params.wanted_tags().left_out(&volume.tags);
    Verdict::Act { effect: format!("create a snapshot of {} GiB", volume.size_gib), reason }
}

fn new_snapshot(cx: &StepCx<'_>, params: &Params, volume: &Volume) -> NewSnapshot {
    let values = cx.values(&volume.id, &volume.tags);
    let mut tags = params.wanted_tags().of(&volume.tags, &values);
    // The time of the call. The snapshot's own start is a moment later and is the truth; a copy
    // has another start, and only this tag.
    tags.extend(cx.backup_tags(&volume.id, cx.now));
    NewSnapshot {
        volume_id: volume.id.clone(),
        description: params.description.render_within(DESCRIPTION_MAX, &values),
        tags,
    }
}

/// Says how the job goes on with what it has made.
async fn follow(
    cx: &StepCx<'_>,
    started: Started,
    made: Vec<Snapshot>,
) -> Result<Progress<Started>, Fault> {
    Ok(match started.stands(cx, cx.here.ec2(), made).await? {
        Stand::Pending(state, wait) => Progress::Again { state, wait },
        Stand::Later(wait) => Progress::Later { wait },
        Stand::Completed(kept, deleted) => {
            Progress::Done(format!("created `{}`{}", kept.id, told(&deleted)))
        }
        Stand::Failed(why) => return Err(Fault::permanent(why)),
    })
}

#[cfg(test)]
mod tests;
