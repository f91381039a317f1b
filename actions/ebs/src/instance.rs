//! `ec2.instance.snapshot`: takes snapshots of an instance's volumes, all at one point in time, and
//! looks at them until EBS has finished.
//!
//! Idempotency: *found by job tag*, see [`watch`](crate::watch).

mod choice;
mod frozen;
mod params;
mod quiesce;
mod scripts;
mod set;
mod vss;

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
        ssm::{Document, all_online},
    },
};
use serde::{Deserialize, Serialize};

use crate::watch::{Begin, begin, made_by, not_started};
use choice::{Chosen, NotChosen, attached, choose};
use frozen::Frozen;
use params::Params;
use quiesce::{Holder, Otherwise, Quiesce};
use set::{Consistency, Set, Stand, consistency_of};
use vss::Shadows;

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
    /// Windows takes it itself.
    Shadows(Shadows),
    /// It is taken while applications run on, for this reason.
    Crash {
        /// Why, where they were to be held still.
        why: Option<String>,
    },
    /// It is taken.
    Following {
        /// The set.
        set: Set,
        /// When the set was asked for that is application-consistent.
        proven: Option<Timestamp>,
        /// Why there is none, where applications were to be held still.
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
        let is_needed = |it: &&&str| match **it {
            "ec2:CreateSnapshots" | "ec2:DeleteSnapshot" => params.may_take(),
            other => params.quiesce.is_some() || !other.starts_with("ssm:"),
        };
        let needed: Vec<&str> = Self::SPEC.permissions.iter().filter(is_needed).copied().collect();
        let (shell, vss) =
            params.quiesce.as_ref().map_or((false, false), |it| (it.scripts.is_some(), it.vss));
        let documents = [(shell, Document::Shell), (vss, Document::Vss)];
        let documents = documents.into_iter().filter(|it| it.0).map(|it| it.1);
        Permissions::here(&needed).labelling().running(documents)
    }

    async fn look(cx: &LookCx<'_>, params: &Params, found: &[Instance]) -> Result<Known, Fault> {
        let ids = found.iter().flat_map(|it| it.volumes.iter().cloned()).collect();
        let volumes = attached(cx.here.ec2(), ids, Some(cx.pulse)).await?;
        let online = match &params.quiesce {
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
        let Some(state) = state else {
            let Some(quiesce) = &params.quiesce else {
                return crash(cx, params, target, None).await;
            };
            return match quiesce.holder(target) {
                // Before anything is frozen, the job says that it may be.
                Ok(Holder::Scripts) => at_once(Taking::Frozen(Frozen::begin())),
                Ok(Holder::Vss) => at_once(Taking::Shadows(Shadows::begin())),
                Err(why) => give_up(params, why),
            };
        };
        match state {
            Taking::Frozen(frozen) => {
                let scripts = params.quiesce.as_ref().and_then(|it| it.scripts.as_ref());
                let lost = || Fault::permanent("the job knows no scripts any more");
                frozen.step(cx, (params, scripts.ok_or_else(lost)?), target).await
            }
            Taking::Shadows(shadows) => shadows.step(cx, params, target).await,
            Taking::Crash { why } => crash(cx, params, target, why).await,
            Taking::Following { set, proven, why } => {
                follow(cx, (params, target), set, proven, why).await
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
    let consistency = match &params.quiesce {
        None => Consistency::Crash,
        Some(quiesce) => match (can_hold(quiesce, it, &chosen, &known.online), quiesce.otherwise) {
            (Ok(()), _) => Consistency::Application,
            (Err(reason), Otherwise::Fail) => return Verdict::Fail { reason },
            (Err(reason), Otherwise::Crash) => {
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

/// Whether a set can be application-consistent, or why not.
fn can_hold(
    quiesce: &Quiesce,
    it: &Instance,
    chosen: &Chosen<'_>,
    online: &BTreeSet<String>,
) -> Result<(), String> {
    match quiesce.holder(it)? {
        Holder::Vss if !chosen.without.is_empty() => Err(vss::leaves_out(&chosen.without)),
        _ if online.contains(&it.id) => Ok(()),
        _ => Err("SSM does not manage it, or does not hear of it, so that it runs no commands"
            .to_owned()),
    }
}

/// What the task says of an instance whose set cannot be application-consistent.
fn give_up(params: &Params, why: String) -> Result<Progress<Taking>, Fault> {
    match params.must_be_consistent() {
        true => Err(Fault::permanent(why)),
        false => {
            let state = Taking::Crash { why: Some(why) };
            Ok(Progress::Again { state, wait: Duration::ZERO })
        }
    }
}

/// The instance as it is now, and its volumes. `None`: it is gone.
async fn shown(
    cx: &StepCx<'_>,
    target: &Instance,
) -> Result<Option<(Instance, BTreeMap<String, Volume>)>, Fault> {
    let id = &target.id;
    let found = cx.here.instances().instance(id).await.doing(format!("looking at `{id}`"))?;
    let Some(now) = found else { return Ok(None) };
    let volumes = attached(cx.here.ec2(), now.volumes.clone(), None).await?;
    Ok(Some((now, volumes)))
}

/// Takes a set of an instance as it is now, and returns the ids of its snapshots; or why there is
/// nothing to take.
async fn take(
    cx: &StepCx<'_>,
    params: &Params,
    target: &Instance,
) -> Result<Result<Vec<String>, String>, Fault> {
    let Some((now, volumes)) = shown(cx, target).await? else {
        return Ok(Err("it is gone".to_owned()));
    };
    let chosen = match chosen(params, &now, &volumes) {
        Ok(chosen) => chosen,
        Err(NotChosen::Leave(reason)) => return Ok(Err(reason)),
        Err(NotChosen::Fail(reason)) => return Err(Fault::permanent(reason)),
    };
    cx.here.ec2().create_snapshots(&new_set(cx, params, &now, &chosen)).await.map(Ok)
}

/// Takes a set while applications run on.
async fn crash(
    cx: &StepCx<'_>,
    params: &Params,
    target: &Instance,
    why: Option<String>,
) -> Result<Progress<Taking>, Fault> {
    if cx.tried.times > 0 {
        match begin(cx, &made_by(cx, cx.here.ec2()).await?) {
            Begin::Follow(started) => {
                return follow(cx, (params, target), Set::found(started), None, why).await;
            }
            Begin::Wait(wait) => return Ok(Progress::Later { wait }),
            Begin::Make => {}
        }
    }
    Ok(match take(cx, params, target).await.map_err(not_started)? {
        // An earlier round may have made one that does not show yet.
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
    (params, target): (&Params, &Instance),
    set: Set,
    proven: Option<Timestamp>,
    why: Option<String>,
) -> Result<Progress<Taking>, Fault> {
    let made = made_by(cx, cx.here.ec2()).await?;
    let (kept, also) = match set.stands(cx, (params, target), made, proven).await? {
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
    match why.is_some() && params.must_be_consistent() {
        true => Err(Fault::permanent(done)),
        false => Ok(Progress::Done(done)),
    }
}

#[cfg(test)]
mod tests;
