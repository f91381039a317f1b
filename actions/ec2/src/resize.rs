//! `ec2.instance.resize`: gives instances another type.
//!
//! Idempotency: *converging*. One that runs is stopped, changed and started again as one job,
//! which remembers where it stands; if the new type does not work, it gets its old one back. Once
//! it has been stopped, only a missing permission or the job's deadline ends the job before it
//! runs again.

mod choice;

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use lamplighter_core::{
    Action, Doing, Fault, FaultKind, Progress, Spec, StepCx, Verdict,
    action::{BadParams, Effect, LookCx, Permissions, PlanCx},
    cloud::instances::{Instance, InstanceType},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::choice::Steps;
use crate::{
    bounds::{LOOK_AT_CHECKS, WRONG_STATE, checked, has_code, look},
    halt::{Halt, Halted, Hibernate},
    launch::{Launch, Launched, ORIGINAL_TYPE_TAG, Record},
    start::CHECKS_TAKE,
};

/// The wait before a way up is tried again that did not work.
const RETRY: Duration = Duration::from_secs(60);

/// Parameters of `ec2.instance.resize`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// The type to change to, and others in the order in which they are tried where the first
    /// does not fit the instance or there is no capacity for it. Or `steps`.
    #[serde(default)]
    types: Vec<String>,
    /// Types from small to large, of which an instance gets the next one. Or `types`.
    steps: Option<Steps>,
    /// Whether to wait until the status checks of an instance that runs have passed, and to give
    /// it its old type back when they do not.
    #[serde(default)]
    wait_for_checks: bool,
}

/// What the job remembers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Resizing {
    phase: Phase,
    /// The types to change to.
    types: Vec<String>,
    launch: Launch,
    /// Why the instance goes back to its old type, when it does.
    back: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Phase {
    /// It is stopped, and stays so.
    Still,
    /// It is to be stopped.
    Down(Halt),
    /// It is to be started.
    Up,
    /// It runs, and its status checks are waited for since then.
    Checked(Timestamp),
}

/// `ec2.instance.resize`: gives each instance another type.
pub struct ResizeInstance;

#[async_trait]
impl Action for ResizeInstance {
    type Params = Params;
    type Target = Instance;
    type State = Resizing;
    type Known = Vec<InstanceType>;

    const SPEC: Spec = Spec {
        name: "ec2.instance.resize",
        summary: "Gives each selected instance another type; one that runs is stopped meanwhile.",
        permissions: &[
            "ec2:DeleteTags",
            "ec2:DescribeInstanceStatus",
            "ec2:DescribeInstanceTypes",
            "ec2:ModifyInstanceAttribute",
            "ec2:StartInstances",
            "ec2:StopInstances",
            "kms:CreateGrant",
        ],
        elsewhere: &[],
        effect: Effect::Changes,
        timeout: Duration::from_secs(3 * 3600),
        gate: None,
    };

    const LOOKS: &'static [&'static str] = &["ec2:DescribeInstanceTypes"];

    fn check(params: &Params) -> Result<(), BadParams> {
        params.check_choice()
    }

    fn permissions(params: &Params) -> Permissions {
        let mut permissions = Permissions::here(Self::SPEC.permissions);
        if !params.wait_for_checks {
            permissions.here.remove("ec2:DescribeInstanceStatus");
        }
        permissions
    }

    async fn look(
        cx: &LookCx<'_>,
        params: &Params,
        found: &[Instance],
    ) -> Result<Vec<InstanceType>, Fault> {
        let own = found.iter().map(|it| it.instance_type.clone());
        let names: BTreeSet<String> = own.chain(params.named().cloned()).collect();
        if found.is_empty() {
            return Ok(Vec::new());
        }
        cx.here.instances().types(&names).await.doing("looking at instance types")
    }

    fn plan(
        params: &Params,
        _: &PlanCx<'_>,
        found: &[Instance],
        known: &Vec<InstanceType>,
    ) -> Vec<Verdict> {
        found.iter().map(|it| params.judge(it, known)).collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        params: &Params,
        target: &Instance,
        state: Option<Resizing>,
    ) -> Result<Progress<Resizing>, Fault> {
        let Some(state) = state else {
            return begin(cx, params, target).await;
        };
        let before = state.clone();
        match go_on(cx, params, target, state).await {
            // It may be stopped: who gives up leaves it so.
            Err(fault) if fault.kind == FaultKind::Transient => {
                Ok(Progress::Again { state: before, wait: RETRY })
            }
            progress => progress,
        }
    }
}

/// Chooses the types. Nothing has happened to the instance yet.
async fn begin(
    cx: &StepCx<'_>,
    params: &Params,
    target: &Instance,
) -> Result<Progress<Resizing>, Fault> {
    let names: BTreeSet<String> = params.named().cloned().collect();
    let known = cx.here.instances().types(&names).await.doing("looking at instance types")?;
    let types = match params.choose(target, &known) {
        Ok(types) => types,
        Err(why) => return Ok(Progress::Skipped(why)),
    };
    let phase = match target.state.as_str() {
        "stopped" => Phase::Still,
        _ => Phase::Down(Halt::default()),
    };
    let launch = Launch::new(&target.instance_type, types.clone(), target.launched_at);
    let state = Resizing { phase, types, launch, back: None };
    Ok(Progress::Again { state, wait: Duration::ZERO })
}

async fn go_on(
    cx: &StepCx<'_>,
    params: &Params,
    target: &Instance,
    state: Resizing,
) -> Result<Progress<Resizing>, Fault> {
    let it = look(cx, &target.id).await?;
    match state.phase.clone() {
        Phase::Still => change(cx, params, target, state).await,
        Phase::Down(halt) => bring_down(cx, &it, halt, state).await,
        Phase::Up => bring_up(cx, params, target, &it, state).await,
        Phase::Checked(since) => check(cx, params, target, &it, since, state).await,
    }
}

/// Changes an instance that is stopped, and stays so.
async fn change(
    cx: &StepCx<'_>,
    params: &Params,
    target: &Instance,
    state: Resizing,
) -> Result<Progress<Resizing>, Fault> {
    let mut refused = Vec::new();
    for name in &state.types {
        match cx.here.instances().set_type(&target.id, name).await {
            Ok(()) => return finish(cx, params, target, name).await,
            Err(fault) if has_code(&fault, &WRONG_STATE) => {
                return Ok(Progress::Skipped(format!(
                    "it was stopped, and is not any longer: {}",
                    fault.chain()
                )));
            }
            Err(fault) if is_final(&fault) => refused.push(format!("`{name}`: {}", fault.chain())),
            Err(fault) => return Err(fault).doing(format!("making it a `{name}`")),
        }
    }
    Err(Fault::permanent(refused.join("; ")))
}

async fn bring_down(
    cx: &StepCx<'_>,
    it: &Instance,
    mut halt: Halt,
    state: Resizing,
) -> Result<Progress<Resizing>, Fault> {
    let wait = match halt.step(cx, it, Hibernate::Never).await? {
        Halted::Not(wait) => wait,
        Halted::Stopped => {
            let types = match state.back {
                Some(_) => vec![state.launch.home.clone()],
                None => state.types.clone(),
            };
            let launch = state.launch.with_types(types, it.launched_at);
            let state = Resizing { phase: Phase::Up, launch, ..state };
            return Ok(Progress::Again { state, wait: Duration::ZERO });
        }
        Halted::Gone => return Err(gone(it)),
        Halted::Refused(why) => {
            return match state.back {
                None => Ok(Progress::Skipped(why)),
                Some(back) => Err(Fault::permanent(format!("{back}; {why}"))),
            };
        }
    };
    Ok(Progress::Again { state: Resizing { phase: Phase::Down(halt), ..state }, wait })
}

async fn bring_up(
    cx: &StepCx<'_>,
    params: &Params,
    target: &Instance,
    it: &Instance,
    mut state: Resizing,
) -> Result<Progress<Resizing>, Fault> {
    let launched = match state.launch.step(cx, it, Record::InJob).await {
        // Its old type may still be allowed.
        Err(fault) if is_final(&fault) && state.back.is_none() => {
            return Ok(state.turn_back(fault.chain(), it, Duration::ZERO));
        }
        launched => launched?,
    };
    let home = &state.launch.home;
    match launched {
        Launched::Not(wait) => Ok(Progress::Again { state, wait }),
        Launched::Gone => Err(gone(it)),
        Launched::Refused(why) => Err(Fault::permanent(why)),
        Launched::Running => match &state.back {
            Some(why) if it.instance_type == *home => {
                Err(Fault::permanent(format!("{why}; it runs as `{home}` again")))
            }
            _ if params.wait_for_checks => {
                let state = Resizing { phase: Phase::Checked(cx.now), ..state };
                Ok(Progress::Again { state, wait: LOOK_AT_CHECKS })
            }
            _ => finish(cx, params, target, &it.instance_type).await,
        },
        Launched::Nowhere => {
            let why = state.launch.refusals();
            Ok(match state.back {
                None => state.turn_back(why, it, Duration::ZERO),
                // Whatever there is capacity for first.
                Some(_) => {
                    let mut types = vec![home.clone()];
                    types.extend(state.types.iter().cloned());
                    let launch = state.launch.with_types(types, it.launched_at);
                    Progress::Again { state: Resizing { launch, ..state }, wait: RETRY }
                }
            })
        }
    }
}

async fn check(
    cx: &StepCx<'_>,
    params: &Params,
    target: &Instance,
    it: &Instance,
    since: Timestamp,
    state: Resizing,
) -> Result<Progress<Resizing>, Fault> {
    if checked(cx, &it.id).await? {
        return finish(cx, params, target, &it.instance_type).await;
    }
    if cx.now <= since + CHECKS_TAKE {
        return Ok(Progress::Again { state, wait: LOOK_AT_CHECKS });
    }
    let why = format!("its status checks have not passed as `{}`", it.instance_type);
    let state = Resizing { phase: Phase::Down(Halt::default()), back: Some(why), ..state };
    Ok(Progress::Again { state, wait: Duration::ZERO })
}

/// Takes off the tags that have asked for it, and the record of an earlier type.
async fn finish(
    cx: &StepCx<'_>,
    params: &Params,
    target: &Instance,
    to: &str,
) -> Result<Progress<Resizing>, Fault> {
    let keys = params.step_tags().chain([ORIGINAL_TYPE_TAG]);
    let keys: Vec<&str> = keys.filter(|key| target.tags.contains_key(*key)).collect();
    if !keys.is_empty() {
        let untagging = cx.here.instances().untag(&target.id, &keys).await;
        untagging.doing(format!("untagging `{}`", target.id))?;
    }
    Ok(Progress::Done(format!("resized from `{}` to `{to}`", target.instance_type)))
}

impl Resizing {
    /// Goes for the old type again.
    fn turn_back(self, why: String, it: &Instance, wait: Duration) -> Progress<Resizing> {
        let launch = self.launch.with_types(vec![self.launch.home.clone()], it.launched_at);
        Progress::Again { state: Resizing { launch, back: Some(why), ..self }, wait }
    }
}

/// Whether it is of no use to try the same again.
fn is_final(fault: &Fault) -> bool {
    !matches!(fault.kind, FaultKind::Transient | FaultKind::Throttled)
}

fn gone(it: &Instance) -> Fault {
    Fault::permanent(format!("it is `{}`", it.state))
}

#[cfg(test)]
mod tests;
