//! `ec2.instance.start`: starts instances and sees that they run.
//!
//! Idempotency: *converging*. An instance that is asked to start twice starts once.

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{
    Action, Doing, Fault, Progress, Spec, StepCx, Verdict,
    action::{BadParams, Effect, LookCx, Permissions, PlanCx},
    cloud::instances::{Instance, InstanceType},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    bounds::{LOOK_AT_CHECKS, checked, look, out_of_bounds},
    fit,
    launch::{Launch, Launched, ORIGINAL_TYPE_TAG, Record},
};

/// The wait before all types are tried once more, and how often they are.
const ROUND_WAIT: Duration = Duration::from_secs(300);
const ROUNDS: u32 = 6;
/// How long status checks may fail before the start has failed.
pub(crate) const CHECKS_TAKE: SignedDuration = SignedDuration::from_mins(15);

/// Parameters of `ec2.instance.start`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// Instance types to start as, in this order, where there is no capacity for the instance's
    /// own. That one is kept in the tag `lamplighter:original-type`, and the next start by a task
    /// with this parameter returns to it.
    #[serde(default)]
    alternative_types: Vec<String>,
    /// Whether to wait until the status checks of the instance have passed. Otherwise it is
    /// enough that it runs.
    #[serde(default)]
    wait_for_checks: bool,
}

/// What the job remembers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Starting {
    launch: Launch,
    /// How often all types were tried.
    rounds: u32,
    /// Since when it runs and its status checks are waited for.
    running_since: Option<Timestamp>,
}

/// `ec2.instance.start`: starts each instance that is stopped.
pub struct StartInstance;

#[async_trait]
impl Action for StartInstance {
    type Params = Params;
    type Target = Instance;
    type State = Starting;
    type Known = Vec<InstanceType>;

    const SPEC: Spec = Spec {
        name: "ec2.instance.start",
        summary: "Starts each selected instance that is stopped.",
        permissions: &[
            "ec2:CreateTags",
            "ec2:DeleteTags",
            "ec2:DescribeInstanceStatus",
            "ec2:DescribeInstanceTypes",
            "ec2:ModifyInstanceAttribute",
            "ec2:StartInstances",
            "kms:CreateGrant",
        ],
        elsewhere: &[],
        effect: Effect::Changes,
        timeout: Duration::from_secs(3600),
        gate: None,
    };

    const LOOKS: &'static [&'static str] = &["ec2:DescribeInstanceTypes"];

    fn check(params: &Params) -> Result<(), BadParams> {
        fit::check_names("alternative-types", &params.alternative_types)
    }

    fn permissions(params: &Params) -> Permissions {
        let mut permissions = Permissions::here(&["ec2:StartInstances", "kms:CreateGrant"]);
        if !params.alternative_types.is_empty() {
            permissions.here.extend([
                "ec2:CreateTags",
                "ec2:DeleteTags",
                "ec2:DescribeInstanceTypes",
                "ec2:ModifyInstanceAttribute",
            ]);
        }
        if params.wait_for_checks {
            permissions.here.insert("ec2:DescribeInstanceStatus");
        }
        permissions
    }

    async fn look(
        cx: &LookCx<'_>,
        params: &Params,
        _: &[Instance],
    ) -> Result<Vec<InstanceType>, Fault> {
        if params.alternative_types.is_empty() {
            return Ok(Vec::new());
        }
        let names: BTreeSet<String> = params.alternative_types.iter().cloned().collect();
        cx.here.instances().types(&names).await.doing("looking at the alternative types")
    }

    fn plan(
        params: &Params,
        _: &PlanCx<'_>,
        found: &[Instance],
        known: &Vec<InstanceType>,
    ) -> Vec<Verdict> {
        found.iter().map(|it| judge(params, it, known)).collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        params: &Params,
        target: &Instance,
        state: Option<Starting>,
    ) -> Result<Progress<Starting>, Fault> {
        let mut state = state.unwrap_or_else(|| Starting::new(params, target));
        let it = look(cx, &target.id).await?;
        Ok(match state.launch.step(cx, &it, Record::InTag).await? {
            Launched::Running => return self.running(cx, params, &it, state).await,
            Launched::Not(wait) => Progress::Again { state, wait },
            Launched::Refused(why) => Progress::Skipped(why),
            Launched::Gone => return Err(Fault::permanent(format!("it is `{}`", it.state))),
            Launched::Nowhere if state.launch.may_pass() && state.rounds + 1 < ROUNDS => {
                let launch = state.launch.again();
                let state = Starting { launch, rounds: state.rounds + 1, ..state };
                Progress::Again { state, wait: ROUND_WAIT }
            }
            Launched::Nowhere => {
                if !params.alternative_types.is_empty() {
                    forget_original(cx, &it.id).await?;
                }
                return Err(Fault::permanent(state.launch.refusals()));
            }
        })
    }
}

impl StartInstance {
    async fn running(
        &self,
        cx: &StepCx<'_>,
        params: &Params,
        it: &Instance,
        state: Starting,
    ) -> Result<Progress<Starting>, Fault> {
        let id = &it.id;
        let at_home = it.instance_type == state.launch.home;
        if params.wait_for_checks {
            let since = state.running_since.unwrap_or(cx.now);
            let is_first = state.running_since.is_none();
            let passed = !is_first && checked(cx, id).await?;
            if !passed && cx.now > since + CHECKS_TAKE {
                return Err(Fault::permanent(format!(
                    "it runs, and its status checks have not passed since {since}"
                )));
            }
            if !passed {
                let state = Starting { running_since: Some(since), ..state };
                return Ok(Progress::Again { state, wait: LOOK_AT_CHECKS });
            }
        }
        let returns = !params.alternative_types.is_empty() && at_home;
        if returns && (state.rounds > 0 || it.tags.contains_key(ORIGINAL_TYPE_TAG)) {
            forget_original(cx, id).await?;
        }
        let refusals = state.launch.refusals();
        Ok(Progress::Done(match at_home || refusals.is_empty() {
            true => format!("started as `{}`", it.instance_type),
            false => format!("started as `{}`: {refusals}", it.instance_type),
        }))
    }
}

async fn forget_original(cx: &StepCx<'_>, id: &str) -> Result<(), Fault> {
    let untagging = cx.here.instances().untag(id, &[ORIGINAL_TYPE_TAG]).await;
    untagging.doing(format!("untagging `{id}`"))
}

impl Starting {
    fn new(params: &Params, target: &Instance) -> Starting {
        let own = &target.instance_type;
        let returns = !params.alternative_types.is_empty();
        let original = target.tags.get(ORIGINAL_TYPE_TAG).filter(|_| returns);
        let home = original.unwrap_or(own);
        let mut types = vec![home.clone()];
        for it in params.alternative_types.iter().chain(original.map(|_| own)) {
            if !types.contains(it) {
                types.push(it.clone());
            }
        }
        let launch = Launch::new(home, types, target.launched_at);
        Starting { launch, rounds: 0, running_since: None }
    }
}

fn judge(params: &Params, it: &Instance, known: &[InstanceType]) -> Verdict {
    let leave = |reason: String| Verdict::Leave { reason };
    if let Some(reason) = out_of_bounds(it) {
        return leave(reason);
    }
    let when = match it.state.as_str() {
        "stopped" => "",
        "stopping" => " when it has stopped",
        "running" => return leave("it runs".to_owned()),
        state => return leave(format!("it is `{state}`")),
    };
    let types = Starting::new(params, it).launch.types;
    let mut notes = Vec::new();
    let mut others = Vec::new();
    for name in &types[1..] {
        match fit::fits(it, name, known) {
            Ok(()) => others.push(format!("`{name}`")),
            Err(why) => notes.push(format!("not as `{name}`: {why}")),
        }
    }
    if !others.is_empty() {
        notes.insert(0, format!("without capacity as {}", others.join(", ")));
    }
    let reason = (!notes.is_empty()).then(|| notes.join("; "));
    Verdict::Act { effect: format!("start as `{}`{when}", types[0]), reason }
}

#[cfg(test)]
mod tests;
