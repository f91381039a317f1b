//! `ec2.instance.snapshot`: takes snapshots of an instance's volumes, all at one point in time, and
//! looks at them until EBS has finished.
//!
//! Idempotency: *found by job tag*, see [`watch`](crate::watch).

mod choice;
mod frozen;
mod params;
mod scripts;
mod set;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use lamplighter_core::{
    Action, Doing, Fault, Progress, Spec, StepCx, Verdict,
    action::{BadParams, Effect, INSTANCE_TAG, LookCx, Permissions, PlanCx, SOURCE_TAG},
    cloud::{
        ec2::{DESCRIPTION_MAX, DryRun, NewSet, Volume},
        instances::Instance,
        ssm::all_online,
    },
};
use serde::{Deserialize, Serialize};

use crate::watch::{Begin, begin, made_by, not_started};
use choice::{Chosen, NotChosen, attached, choose};
use frozen::Frozen;
use params::Params;
use scripts::{Otherwise, Scripts};
use set::{Consistency, Set, Stand, consistency_of};

/// What planning knows beside the instances.
#[derive(Default)]
pub struct Known {
    /// Their volumes, by their ids.
    volumes: BTreeMap<String, Volume>,
    /// Those that SSM hears of.
    online: BTreeSet<String>,
}

/// What a job remembers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Taking {
    /// Scripts run around the moment of the snapshots.
    Frozen(Frozen),
    /// The set is taken without scripts, for this reason.
    Crash {
        /// Why, where scripts were asked for.
        why: Option<String>,
    },
    /// It is taken.
    Following {
        /// The set.
        set: Set,
        /// When the set was asked for that is application-consistent.
        proven: Option<Timestamp>,
        /// Why there is none, where scripts were asked for.
        why: Option<String>,
    },
}

/// `ec2.instance.snapshot`: takes a set of snapshots of each instance and waits until it is
/// completed.
pub struct SnapshotInstance;

#[async_trait]
impl Action for SnapshotInstance {
    type Params = Params;
    type Target = Instance;
    type State = Taking;
    type Known = Known;

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
            "ssm:DescribeInstanceInformation",
            "ssm:GetCommandInvocation",
            "ssm:SendCommand",
        ],
        elsewhere: &[],
        effect: Effect::Creates,
        timeout: Duration::from_secs(24 * 3600),
        gate: None,
    };

    const LOOKS: &'static [&'static str] =
        &["ec2:DescribeVolumes", "ssm:DescribeInstanceInformation"];

    fn check(params: &Params) -> Result<(), BadParams> {
        params.check()
    }

    fn permissions(params: &Params) -> Permissions {
        let is_needed = |it: &&&str| params.scripts.is_some() || !it.starts_with("ssm:");
        let needed: Vec<&str> = Self::SPEC.permissions.iter().filter(is_needed).copied().collect();
        Permissions::here(&needed).labelling()
    }

    async fn look(cx: &LookCx<'_>, params: &Params, found: &[Instance]) -> Result<Known, Fault> {
        let ids = found.iter().flat_map(|it| it.volumes.iter().cloned()).collect();
        let volumes = attached(cx.here.ec2(), ids, Some(cx.pulse)).await?;
        let online = match &params.scripts {
            Some(_) if !found.is_empty() => {
                all_online(cx.here.ssm()).await.doing("listing what SSM manages")?
            }
            _ => BTreeSet::new(),
        };
        Ok(Known { volumes, online })
    }

    fn plan(params: &Params, _: &PlanCx<'_>, found: &[Instance], known: &Known) -> Vec<Verdict> {
        found.iter().map(|it| judge(params, it, known)).collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        params: &Params,
        target: &Instance,
        state: Option<Taking>,
    ) -> Result<Progress<Taking>, Fault> {
        let at_once = |state| Ok(Progress::Again { state, wait: Duration::ZERO });
        match (state, &params.scripts) {
            // Before anything is frozen, the job says that it may be.
            (None, Some(scripts)) => match cannot_run(target) {
                None => at_once(Taking::Frozen(Frozen::begin())),
                Some(why) if scripts.otherwise == Otherwise::Fail => Err(Fault::permanent(why)),
                Some(why) => at_once(Taking::Crash { why: Some(why) }),
            },
            (None, None) => crash(cx, params, target, None).await,
            (Some(Taking::Frozen(frozen)), Some(scripts)) => {
                frozen.step(cx, (params, scripts), target).await
            }
            (Some(Taking::Frozen(_)), None) => {
                Err(Fault::permanent("the job knows no scripts any more"))
            }
            (Some(Taking::Crash { why }), _) => crash(cx, params, target, why).await,
            (Some(Taking::Following { set, proven, why }), _) => {
                follow(cx, params, set, proven, why).await
            }
        }
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

impl Taking {
    /// A set is taken: follows it, from some time after on.
    fn follows(set: Set, proven: Option<Timestamp>, why: Option<String>) -> Progress<Taking> {
        let (set, wait) = set.first_look();
        Progress::Again { state: Taking::Following { set, proven, why }, wait }
    }
}

fn judge(params: &Params, it: &Instance, known: &Known) -> Verdict {
    let chosen = match chosen(params, it, &known.volumes) {
        Err(NotChosen::Leave(reason)) => return Verdict::Leave { reason },
        Err(NotChosen::Fail(reason)) => return Verdict::Fail { reason },
        Ok(chosen) => chosen,
    };
    let mut reasons = Vec::new();
    let consistency = match &params.scripts {
        None => Consistency::Crash,
        Some(scripts) => match (cannot(it, &known.online), scripts.otherwise) {
            (None, _) => Consistency::Application,
            (Some(reason), Otherwise::Fail) => return Verdict::Fail { reason },
            (Some(reason), Otherwise::Crash) => {
                reasons.push(reason);
                Consistency::Crash
            }
        },
    };
    let snapshots = match chosen.volumes.len() {
        1 => format!("1 {consistency} snapshot"),
        count => format!("{count} {consistency} snapshots"),
    };
    let size: u64 = chosen.volumes.iter().map(|it| u64::from(it.size_gib)).sum();
    reasons.extend(params.left_out(it, &chosen.volumes));
    Verdict::Act {
        effect: format!("create {snapshots} of {size} GiB"),
        reason: (!reasons.is_empty()).then(|| reasons.join("; ")),
    }
}

/// Why an instance cannot run scripts, whether SSM hears of it or not.
fn cannot_run(it: &Instance) -> Option<String> {
    if it.platform.starts_with("windows") {
        return Some("it runs Windows, and scripts are for Linux".to_owned());
    }
    (it.state != "running").then(|| format!("it is `{}`, and runs no scripts", it.state))
}

/// Why an instance cannot run scripts.
fn cannot(it: &Instance, online: &BTreeSet<String>) -> Option<String> {
    let silent = "SSM does not manage it, or does not hear of it, so that it runs no scripts";
    cannot_run(it).or_else(|| (!online.contains(&it.id)).then(|| silent.to_owned()))
}

/// Takes a set of an instance as it is now, and returns the ids of its snapshots; or why there is
/// nothing to take.
async fn take(
    cx: &StepCx<'_>,
    params: &Params,
    target: &Instance,
) -> Result<Result<Vec<String>, String>, Fault> {
    let (ec2, id) = (cx.here.ec2(), &target.id);
    let found = cx.here.instances().instance(id).await.doing(format!("looking at `{id}`"))?;
    let Some(now) = found else { return Ok(Err("it is gone".to_owned())) };
    let volumes = attached(ec2, now.volumes.clone(), None).await?;
    let chosen = match chosen(params, &now, &volumes) {
        Ok(chosen) => chosen,
        Err(NotChosen::Leave(reason)) => return Ok(Err(reason)),
        Err(NotChosen::Fail(reason)) => return Err(Fault::permanent(reason)),
    };
    ec2.create_snapshots(&new_set(cx, params, &now, &chosen)).await.map(Ok)
}

/// Takes a set without scripts.
async fn crash(
    cx: &StepCx<'_>,
    params: &Params,
    target: &Instance,
    why: Option<String>,
) -> Result<Progress<Taking>, Fault> {
    if cx.tried.times > 0 {
        match begin(cx, &made_by(cx, cx.here.ec2()).await?) {
            Begin::Follow(started) => {
                return follow(cx, params, Set::found(started), None, why).await;
            }
            Begin::Wait(wait) => return Ok(Progress::Later { wait }),
            Begin::Make => {}
        }
    }
    Ok(match take(cx, params, target).await.map_err(not_started)? {
        // Rounds with scripts may have made one before that does not show yet.
        Ok(made) if why.is_some() => Taking::follows(Set::now(cx, made).unsure(), None, why),
        Ok(made) => Taking::follows(Set::now(cx, made), None, why),
        Err(reason) => Progress::Skipped(reason),
    })
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
async fn follow(
    cx: &StepCx<'_>,
    params: &Params,
    set: Set,
    proven: Option<Timestamp>,
    why: Option<String>,
) -> Result<Progress<Taking>, Fault> {
    let made = made_by(cx, cx.here.ec2()).await?;
    let (kept, also) = match set.stands(cx, params, made, proven).await? {
        Stand::Pending(set, wait) => {
            return Ok(Progress::Again { state: Taking::Following { set, proven, why }, wait });
        }
        Stand::Later(wait) => return Ok(Progress::Later { wait }),
        Stand::Failed(why) => return Err(Fault::permanent(why)),
        Stand::Completed(kept, also) => (kept, also),
    };
    let consistency = consistency_of(&kept, proven);
    let ids: Vec<String> = kept.iter().map(|it| format!("`{}`", it.id)).collect();
    let why = why.filter(|_| consistency == Consistency::Crash);
    let because = why.as_ref().map(|why| format!(" because {why}")).unwrap_or_default();
    let done = format!("created {}, {consistency}{because}{also}", ids.join(", "));
    let must = |it: &Scripts| it.otherwise == Otherwise::Fail;
    match why.is_some() && params.scripts.as_ref().is_some_and(must) {
        true => Err(Fault::permanent(done)),
        false => Ok(Progress::Done(done)),
    }
}

#[cfg(test)]
mod tests;
