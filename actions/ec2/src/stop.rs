//! `ec2.instance.stop`: stops instances and sees that they are stopped.
//!
//! Idempotency: *converging*. An instance that is asked to stop twice stops once.

use std::time::Duration;

use async_trait::async_trait;
use lamplighter_core::{
    Action, Fault, Progress, Spec, StepCx, Verdict,
    action::{Effect, PlanCx},
    cloud::instances::Instance,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    bounds::{look, out_of_bounds},
    halt::{Halt, Halted, Hibernate},
};

/// Parameters of `ec2.instance.stop`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// Whether an instance keeps its memory, on its root volume.
    #[serde(default)]
    hibernate: Hibernate,
}

/// What the job remembers.
#[derive(Debug, serde::Serialize, Deserialize)]
pub struct Stopping(Halt);

/// `ec2.instance.stop`: stops each instance that runs.
pub struct StopInstance;

#[async_trait]
impl Action for StopInstance {
    type Params = Params;
    type Target = Instance;
    type State = Stopping;
    type Known = ();

    const SPEC: Spec = Spec {
        name: "ec2.instance.stop",
        summary: "Stops each selected instance that runs.",
        permissions: &["ec2:StopInstances"],
        elsewhere: &[],
        effect: Effect::Changes,
        timeout: Duration::from_secs(3600),
        gate: None,
    };

    fn plan(params: &Params, _: &PlanCx<'_>, found: &[Instance], _: &()) -> Vec<Verdict> {
        found.iter().map(|it| judge(params.hibernate, it)).collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        params: &Params,
        target: &Instance,
        state: Option<Stopping>,
    ) -> Result<Progress<Stopping>, Fault> {
        let mut halt = state.map(|it| it.0).unwrap_or_default();
        let it = look(cx, &target.id).await?;
        Ok(match halt.step(cx, &it, params.hibernate).await? {
            Halted::Stopped => Progress::Done(done(&it)),
            Halted::Not(wait) => Progress::Again { state: Stopping(halt), wait },
            Halted::Refused(why) => Progress::Skipped(why),
            Halted::Gone => Progress::Skipped(format!("it is `{}`", it.state)),
        })
    }
}

fn done(it: &Instance) -> String {
    match it.state_reason.as_deref() {
        Some("Client.UserInitiatedHibernate") => "hibernated".to_owned(),
        _ => "stopped".to_owned(),
    }
}

/// What stopping would come to.
pub(crate) fn judge(hibernate: Hibernate, it: &Instance) -> Verdict {
    let leave = |reason: String| Verdict::Leave { reason };
    if let Some(reason) = out_of_bounds(it) {
        return leave(reason);
    }
    match it.state.as_str() {
        "running" | "pending" => {}
        "stopped" => return leave("it is stopped".to_owned()),
        state => return leave(format!("it is `{state}`")),
    }
    if let Some(reason) = cannot_stop(it) {
        return leave(reason);
    }
    let what = match (hibernate, it.hibernation) {
        (Hibernate::Never, _) | (Hibernate::IfPossible, false) => "stop",
        (Hibernate::Always | Hibernate::IfPossible, true) => "hibernate",
        (Hibernate::Always, false) => {
            return leave("it was not launched so that it can hibernate".to_owned());
        }
    };
    let spot = "AWS lets a Spot Instance be stopped only if its request is persistent";
    let cannot = "it was not launched so that it can hibernate";
    let reason = match hibernate {
        _ if it.lifecycle == "spot" => Some(spot.to_owned()),
        Hibernate::IfPossible if !it.hibernation => Some(cannot.to_owned()),
        _ => None,
    };
    Verdict::Act { effect: format!("{what} (`{}`)", it.instance_type), reason }
}

/// Why AWS would not stop an instance, as far as it shows.
pub(crate) fn cannot_stop(it: &Instance) -> Option<String> {
    (it.root_device_type == "instance-store")
        .then(|| "its root device is an instance store, so it cannot be stopped".to_owned())
}

#[cfg(test)]
mod tests;
