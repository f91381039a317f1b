//! `rds.instance.reboot`: reboots DB instances and sees that they come back.
//!
//! Idempotency: AWS has no client token for a reboot. A repeated step looks whether the instance
//! is rebooting, and at RDS's own record of what has happened to it, before it asks again.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use lamplighter_core::{
    Action, Doing, Fault, FaultKind, Progress, Spec, StepCx, Verdict,
    action::{DESCRIBE_LAG, Effect, PlanCx},
    cloud::rds::{Database, Kind, PowerChange, Reboot, WRONG_STATE},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    bounds::{BUSY, LOOK, Readiness, has_code, look, out_of_bounds, readiness},
    family::{AnyDatabase, Facts},
    history,
};

/// Parameters of `rds.instance.reboot`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// Whether the standby in another zone takes over. Instances without one are left alone then.
    #[serde(default)]
    failover: bool,
}

/// What the job remembers: since when the instance is rebooting.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Rebooting {
    since: Timestamp,
}

/// `rds.instance.reboot`: reboots each instance that runs.
pub struct RebootInstance;

#[async_trait]
impl Action for RebootInstance {
    type Params = Params;
    type Target = Database;
    type State = Rebooting;
    type Known = ();

    const SPEC: Spec = Spec {
        name: "rds.instance.reboot",
        summary: "Reboots each selected DB instance that runs.",
        permissions: &["rds:DescribeEvents", "rds:RebootDBInstance"],
        elsewhere: &[],
        effect: Effect::Changes,
        timeout: Duration::from_secs(3 * 3600),
        gate: None,
    };

    fn plan(params: &Params, _: &PlanCx<'_>, found: &[Database], _: &()) -> Vec<Verdict> {
        found.iter().map(|it| judge(params, &it.facts())).collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        params: &Params,
        target: &Database,
        state: Option<Rebooting>,
    ) -> Result<Progress<Rebooting>, Fault> {
        let Some(it) = look(cx, target).await? else {
            return Ok(Progress::Skipped("it is gone".to_owned()));
        };
        match state {
            None => ask(cx, params, &it).await,
            Some(Rebooting { since }) => follow(cx, &it.facts(), since),
        }
    }
}

async fn ask(
    cx: &StepCx<'_>,
    params: &Params,
    it: &Database,
) -> Result<Progress<Rebooting>, Fault> {
    let begun = || Progress::Again { state: Rebooting { since: cx.now }, wait: LOOK };
    if let (Some(wait), true) = (cx.lag_left(), cx.tried.times > 0) {
        return Ok(Progress::Later { wait });
    }
    if it.state == "rebooting" {
        return Ok(begun());
    }
    if let Some(last) = cx.tried.last {
        let events = history::events(cx.here.rds(), Kind::Instance, last, cx.now).await?;
        let is_it = |what: PowerChange| what == PowerChange::Restarted;
        if events.iter().any(|event| event.database == it.id && is_it(event.what)) {
            return Ok(begun());
        }
    }
    let facts = it.facts();
    match readiness(&facts) {
        Readiness::Ready => {}
        Readiness::Busy => return Ok(Progress::Later { wait: BUSY }),
        Readiness::Stuck => return Ok(Progress::Skipped(format!("it is `{}`", it.state))),
    }
    let how = if params.failover { Reboot::Failover } else { Reboot::InPlace };
    match cx.here.rds().reboot(&it.id, how).await {
        Ok(()) => Ok(begun()),
        // It was seen as it no longer is.
        Err(fault) if has_code(&fault, &WRONG_STATE) => Ok(Progress::Later { wait: BUSY }),
        Err(fault) => {
            let surely_nothing = fault.kind == FaultKind::Throttled;
            let fault = if surely_nothing { fault.nothing_tried() } else { fault };
            Err(fault).doing(format!("rebooting `{}`", it.id))
        }
    }
}

/// It is back when it is available. What is seen may be from before the reboot.
fn follow(cx: &StepCx<'_>, it: &Facts<'_>, since: Timestamp) -> Result<Progress<Rebooting>, Fault> {
    match readiness(it) {
        Readiness::Stuck => Err(Fault::permanent(format!("after the reboot it is `{}`", it.state))),
        Readiness::Ready if cx.now >= since + DESCRIBE_LAG => {
            Ok(Progress::Done("rebooted".to_owned()))
        }
        Readiness::Ready | Readiness::Busy => {
            Ok(Progress::Again { state: Rebooting { since }, wait: LOOK })
        }
    }
}

fn judge(params: &Params, it: &Facts<'_>) -> Verdict {
    let leave = |reason: String| Verdict::Leave { reason };
    if let Some(reason) = out_of_bounds(it, None) {
        return leave(reason);
    }
    // Whether a cluster has another member that can take over, AWS decides.
    if params.failover && !it.multi_az && it.cluster.is_none() {
        return leave("it has no standby that could take over".to_owned());
    }
    let effect = if params.failover { "reboot, with failover" } else { "reboot" };
    match readiness(it) {
        Readiness::Ready => Verdict::Act { effect: effect.to_owned(), reason: None },
        Readiness::Busy => {
            let reason = Some(format!("it is `{}`: when it is available", it.state));
            Verdict::Act { effect: effect.to_owned(), reason }
        }
        Readiness::Stuck => leave(format!("it is `{}`", it.state)),
    }
}

#[cfg(test)]
mod tests;
