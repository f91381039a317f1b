//! `ec2.instance.snapshot`: takes snapshots of an instance's volumes, all at one point in time, and
//! looks at them until EBS has finished.
//!
//! Idempotency: *found by job tag*, see [`watch`](crate::watch).

mod choice;
mod params;
mod set;

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use lamplighter_core::{
    Action, Doing, Fault, Progress, Spec, StepCx, Verdict,
    action::{BadParams, Effect, INSTANCE_TAG, LookCx, Permissions, PlanCx, SOURCE_TAG},
    cloud::{
        ec2::{DESCRIPTION_MAX, DryRun, NewSet, Volume},
        instances::Instance,
    },
};

use crate::watch::{Begin, begin, made_by, not_started};
use choice::{Chosen, NotChosen, attached, choose};
use params::Params;
use set::{Consistency, Set, Stand};

/// `ec2.instance.snapshot`: takes a set of snapshots of each instance and waits until it is
/// completed.
pub struct SnapshotInstance;

#[async_trait]
impl Action for SnapshotInstance {
    type Params = Params;
    type Target = Instance;
    type State = Set;
    /// The volumes of the instances, by their ids.
    type Known = BTreeMap<String, Volume>;

    const SPEC: Spec = Spec {
        name: "ec2.instance.snapshot",
        summary: "Takes snapshots of the volumes of each selected instance at one point in time.",
        permissions: &[
            "ec2:CreateSnapshots",
            "ec2:CreateTags",
            "ec2:DeleteSnapshot",
            "ec2:DescribeInstances",
            "ec2:DescribeSnapshots",
            "ec2:DescribeVolumes",
        ],
        elsewhere: &[],
        effect: Effect::Creates,
        timeout: Duration::from_secs(24 * 3600),
        gate: None,
    };

    const LOOKS: &'static [&'static str] = &["ec2:DescribeVolumes"];

    fn check(params: &Params) -> Result<(), BadParams> {
        params.check()
    }

    fn permissions(_: &Params) -> Permissions {
        Permissions::here(Self::SPEC.permissions).labelling()
    }

    async fn look(
        cx: &LookCx<'_>,
        _: &Params,
        found: &[Instance],
    ) -> Result<BTreeMap<String, Volume>, Fault> {
        let ids = found.iter().flat_map(|it| it.volumes.iter().cloned()).collect();
        attached(cx.here.ec2(), ids, Some(cx.pulse)).await
    }

    fn plan(
        params: &Params,
        _: &PlanCx<'_>,
        found: &[Instance],
        volumes: &BTreeMap<String, Volume>,
    ) -> Vec<Verdict> {
        found.iter().map(|it| judge(params, it, volumes)).collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        params: &Params,
        target: &Instance,
        state: Option<Set>,
    ) -> Result<Progress<Set>, Fault> {
        let ec2 = cx.here.ec2();
        if let Some(set) = state {
            return follow(cx, params, set).await;
        }
        if cx.tried.times > 0 {
            match begin(cx, &made_by(cx, ec2).await?) {
                Begin::Follow(started) => return follow(cx, params, Set::found(started)).await,
                Begin::Wait(wait) => return Ok(Progress::Later { wait }),
                Begin::Make => {}
            }
        }
        let id = &target.id;
        let Some(now) =
            cx.here.instances().instance(id).await.doing(format!("looking at `{id}`"))?
        else {
            return Ok(Progress::Skipped("it is gone".to_owned()));
        };
        let volumes = attached(ec2, now.volumes.clone(), None).await?;
        let chosen = match chosen(params, &now, &volumes) {
            Ok(chosen) => chosen,
            Err(NotChosen::Leave(reason)) => return Ok(Progress::Skipped(reason)),
            Err(NotChosen::Fail(reason)) => return Err(Fault::permanent(reason)),
        };
        let new = new_set(cx, params, &now, &chosen);
        let made = ec2.create_snapshots(&new).await.map_err(not_started)?;
        let (state, wait) = Set::now(cx, made).first_look();
        Ok(Progress::Again { state, wait })
    }

    async fn rehearse(
        cx: &StepCx<'_>,
        params: &Params,
        target: &Instance,
    ) -> Result<Vec<&'static str>, Fault> {
        let ec2 = cx.here.ec2();
        made_by(cx, ec2).await?;
        let volumes = attached(ec2, target.volumes.clone(), None).await?;
        let mut allowed = vec!["ec2:DescribeSnapshots", "ec2:DescribeVolumes"];
        if let Ok(chosen) = chosen(params, target, &volumes) {
            let new = new_set(cx, params, target, &chosen);
            ec2.dry_run(DryRun::CreateSnapshots(&new)).await?;
            allowed.extend(["ec2:CreateSnapshots", "ec2:CreateTags"]);
        }
        allowed.sort_unstable();
        Ok(allowed)
    }
}

fn judge(params: &Params, it: &Instance, volumes: &BTreeMap<String, Volume>) -> Verdict {
    match chosen(params, it, volumes) {
        Err(NotChosen::Leave(reason)) => Verdict::Leave { reason },
        Err(NotChosen::Fail(reason)) => Verdict::Fail { reason },
        Ok(chosen) => {
            let snapshots = match chosen.volumes.len() {
                1 => "1 crash-consistent snapshot".to_owned(),
                count => format!("{count} crash-consistent snapshots"),
            };
            let size: u64 = chosen.volumes.iter().map(|it| u64::from(it.size_gib)).sum();
            Verdict::Act {
                effect: format!("create {snapshots} of {size} GiB"),
                reason: params.left_out(it, &chosen.volumes),
            }
        }
    }
}

/// The volumes of which snapshots are taken, or why of none.
fn chosen<'v>(
    params: &Params,
    it: &Instance,
    volumes: &'v BTreeMap<String, Volume>,
) -> Result<Chosen<'v>, NotChosen> {
    if let Some(manager) = &it.managed_by {
        return Err(NotChosen::Leave(format!("`{manager}` manages it")));
    }
    if !["running", "stopping", "stopped"].contains(&it.state.as_str()) {
        return Err(NotChosen::Leave(format!("it is `{}`", it.state)));
    }
    choose(&params.volumes, it, volumes)
}

fn new_set(cx: &StepCx<'_>, params: &Params, target: &Instance, chosen: &Chosen<'_>) -> NewSet {
    let values = cx.values(&target.id, &target.tags);
    let mut tags = params.wanted_tags().of(&target.tags, &values);
    tags.extend(cx.backup_tags(&target.id, cx.now));
    // Each is a backup of its own volume: it is told when it shows.
    tags.remove(SOURCE_TAG);
    tags.insert(INSTANCE_TAG.to_owned(), target.id.clone());
    NewSet {
        instance_id: target.id.clone(),
        without_root: chosen.without_root,
        without: chosen.without.clone(),
        description: params.description.render_within(DESCRIPTION_MAX, &values),
        tags,
    }
}

/// Says how the job goes on with the set that it has begun.
async fn follow(cx: &StepCx<'_>, params: &Params, set: Set) -> Result<Progress<Set>, Fault> {
    let made = made_by(cx, cx.here.ec2()).await?;
    Ok(match set.stands(cx, params, made, Consistency::Crash).await? {
        Stand::Pending(state, wait) => Progress::Again { state, wait },
        Stand::Later(wait) => Progress::Later { wait },
        Stand::Completed(kept, also) => {
            let ids: Vec<String> = kept.iter().map(|it| format!("`{}`", it.id)).collect();
            Progress::Done(format!("created {}, {}{also}", ids.join(", "), Consistency::Crash))
        }
        Stand::Failed(why) => return Err(Fault::permanent(why)),
    })
}

#[cfg(test)]
mod tests;
