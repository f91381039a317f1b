//! `ec2.instance.reboot`: reboots instances and sees that they come back.
//!
//! Idempotency: none that AWS offers. It has no client token for a reboot, no event, and nothing
//! in a describe says that there was one. So what is to be done is recorded before it is done,
//! and only a call whose answer was lost, or that the worker did not survive, is made again; not
//! even then while the status checks say that the instance has just booted.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use lamplighter_core::{
    Action, Doing, Fault, FaultKind, Progress, Spec, StepCx, Verdict,
    action::{Effect, PlanCx},
    cloud::instances::{Checks, Instance},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    bounds::{LOOK_AT_CHECKS, WRONG_STATE, checked, has_code, look},
    start::CHECKS_TAKE,
};

/// AWS does not reboot this instance, whoever asks.
const NEVER: [&str; 2] = ["OperationNotPermitted", "UnsupportedOperation"];
/// The wait before the first look: status checks that are older say nothing.
const FIRST_LOOK: Duration = Duration::from_secs(120);

/// Parameters of `ec2.instance.reboot`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// Whether to wait until the status checks of the instance have passed: nothing else shows
    /// that it has come back.
    #[serde(default = "yes")]
    wait_for_checks: bool,
}

fn yes() -> bool {
    true
}

/// What the job remembers: since when the instance is rebooting.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Rebooting {
    since: Timestamp,
}

/// `ec2.instance.reboot`: reboots each instance that runs.
pub struct RebootInstance;

#[async_trait]
impl Action for RebootInstance {
    type Params = Params;
    type Target = Instance;
    type State = Rebooting;
    type Known = ();

    const SPEC: Spec = Spec {
        name: "ec2.instance.reboot",
        summary: "Reboots each selected instance that runs.",
        permissions: &["ec2:DescribeInstanceStatus", "ec2:RebootInstances"],
        elsewhere: &[],
        effect: Effect::Changes,
        timeout: Duration::from_secs(3600),
        gate: None,
    };

    fn plan(_: &Params, _: &PlanCx<'_>, found: &[Instance], _: &()) -> Vec<Verdict> {
        found.iter().map(judge).collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        params: &Params,
        target: &Instance,
        state: Option<Rebooting>,
    ) -> Result<Progress<Rebooting>, Fault> {
        let id = &target.id;
        let Some(Rebooting { since }) = state else {
            return ask(cx, params, id).await;
        };
        if checked(cx, id).await? {
            return Ok(Progress::Done("rebooted; its status checks have passed".to_owned()));
        }
        if cx.now > since + CHECKS_TAKE {
            return Err(Fault::permanent(format!(
                "its status checks have not passed since it was rebooted at {since}"
            )));
        }
        Ok(Progress::Again { state: Rebooting { since }, wait: LOOK_AT_CHECKS })
    }
}

async fn ask(cx: &StepCx<'_>, params: &Params, id: &str) -> Result<Progress<Rebooting>, Fault> {
    let done = |at: Timestamp| match params.wait_for_checks {
        true => Progress::Again { state: Rebooting { since: at }, wait: FIRST_LOOK },
        false => Progress::Done("rebooted".to_owned()),
    };
    let instances = cx.here.instances();
    if cx.tried.times > 0 {
        if let Some(wait) = cx.lag_left() {
            return Ok(Progress::Later { wait });
        }
        let doing = || format!("looking at the status checks of `{id}`");
        if instances.checks(id).await.doing(doing())? == Checks::Initializing {
            return Ok(done(cx.now));
        }
    }
    match instances.reboot(id).await {
        Ok(()) => Ok(done(cx.now)),
        Err(fault) if has_code(&fault, &WRONG_STATE) => {
            let it = look(cx, id).await?;
            Ok(Progress::Skipped(format!("it is `{}`: {}", it.state, fault.chain())))
        }
        Err(fault) if has_code(&fault, &NEVER) => {
            Ok(Progress::Skipped(format!("AWS does not let it be rebooted: {}", fault.chain())))
        }
        Err(fault) => {
            let surely_nothing = fault.kind == FaultKind::Throttled;
            let fault = if surely_nothing { fault.nothing_tried() } else { fault };
            Err(fault).doing(format!("rebooting `{id}`"))
        }
    }
}

fn judge(it: &Instance) -> Verdict {
    if let Some(manager) = &it.managed_by {
        return Verdict::Leave { reason: format!("`{manager}` manages it") };
    }
    match it.state.as_str() {
        "running" => Verdict::Act { effect: "reboot".to_owned(), reason: None },
        state => Verdict::Leave { reason: format!("it is `{state}`") },
    }
}

#[cfg(test)]
mod tests;
