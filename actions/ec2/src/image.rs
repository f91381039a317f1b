//! `ec2.image.create`: makes an image of an instance, and waits until it is available.
//!
//! Idempotency: *named*, see [`imaging`](crate::imaging).

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use lamplighter_core::{
    Action, Fault, Progress, Spec, StepCx, Verdict,
    action::{BadParams, Effect, PlanCx},
    cloud::{ec2::DESCRIPTION_MAX, instances::Instance},
    tagging::{TagNames, Wanted},
    template::Template,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    bounds::{LOOK, out_of_bounds},
    imaging::{self, Begun, LOOK_AT_IMAGE, OWNERSHIP_TAGS, Reboot, Stand},
};

/// Parameters of `ec2.image.create`. The name of an image says the instance, the time and the task.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// Whether an instance that runs is rebooted before, so that its file systems are whole. A
    /// member of an Auto Scaling group is then left, as its group might replace it.
    #[serde(default)]
    reboot: bool,
    /// The image's description, with placeholders. A longer one than AWS's 255 characters is cut
    /// and ends in `…`.
    #[serde(default = "default_description")]
    description: Template,
    /// Tags of the image and of its snapshots: names, and values with placeholders. They win over
    /// copied ones. A value that turns out longer than AWS's 256 characters is cut and ends in `…`.
    #[serde(default)]
    tags: BTreeMap<String, Template>,
    /// Names of the instance's tags to copy to the image and to its snapshots. `*` stands for any
    /// text and `?` for one character, so `"*"` alone copies all. Tags of AWS (`aws:…`) and of
    /// Lamplighter are never copied.
    #[serde(default)]
    copy_tags: TagNames,
}

fn default_description() -> Template {
    "lamplighter {task} of {target}".parse().expect("both are standard placeholders")
}

/// That the image is being made, since then.
#[derive(Debug, Serialize, Deserialize)]
pub struct Imaging(Timestamp);

/// `ec2.image.create`: makes an image of each instance and waits until it is available.
pub struct CreateImage;

#[async_trait]
impl Action for CreateImage {
    type Params = Params;
    type Target = Instance;
    type State = Imaging;
    type Known = ();

    const SPEC: Spec = Spec {
        name: "ec2.image.create",
        summary: "Makes an image of each selected instance, with snapshots of its volumes.",
        permissions: &["ec2:CreateImage", "ec2:CreateTags", "ec2:DescribeImages"],
        elsewhere: &[],
        effect: Effect::Creates,
        timeout: Duration::from_secs(24 * 3600),
        gate: None,
    };

    fn check(params: &Params) -> Result<(), BadParams> {
        params.wanted_tags().check()
    }

    fn plan(params: &Params, _: &PlanCx<'_>, found: &[Instance], _: &()) -> Vec<Verdict> {
        found.iter().map(|it| judge(params, it)).collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        params: &Params,
        target: &Instance,
        state: Option<Imaging>,
    ) -> Result<Progress<Imaging>, Fault> {
        let looks = |since| Progress::Again { state: Imaging(since), wait: LOOK_AT_IMAGE };
        if let Some(Imaging(since)) = state {
            return Ok(match imaging::stand(cx, target, since).await? {
                Stand::Available(id) => Progress::Done(format!("created `{id}`")),
                Stand::Pending => looks(since),
            });
        }
        let values = cx.values(&target.id, &target.tags);
        let description = params.description.render_within(DESCRIPTION_MAX, &values);
        let tags = params.wanted_tags().of(&target.tags, &values);
        let reboot = Reboot::when(params.reboot);
        Ok(match imaging::begin(cx, target, reboot, description, tags).await? {
            Begun::NotNow => Progress::Later { wait: LOOK },
            Begun::Yes => looks(cx.now),
        })
    }
}

impl Params {
    fn wanted_tags(&self) -> Wanted<'_> {
        Wanted { made: "image", own: &self.tags, copied: &self.copy_tags, ours: OWNERSHIP_TAGS }
    }
}

/// Source: EC2 User Guide, "Create an Amazon EBS-backed AMI".
fn judge(params: &Params, it: &Instance) -> Verdict {
    let leave = |reason: String| Verdict::Leave { reason };
    let reboots = params.reboot && it.state == "running";
    // An image alone changes nothing of an instance, whoever decides over it.
    if let Some(reason) = out_of_bounds(it).filter(|_| reboots || it.managed_by.is_some()) {
        return leave(reason);
    }
    if !["running", "stopped"].contains(&it.state.as_str()) {
        return leave(format!("it is `{}`, not `running` or `stopped`", it.state));
    }
    if it.root_device_type == "instance-store" {
        return leave("its root device is an instance store: AWS makes no image of it".to_owned());
    }
    let mut reasons = Vec::new();
    if it.state == "running" && !reboots {
        reasons.push("it is not rebooted: file systems are as after a loss of power".to_owned());
    }
    reasons.extend(params.wanted_tags().left_out(&it.tags));
    let first = if reboots { ", and reboot it first" } else { "" };
    let volumes = match it.volumes.len() {
        1 => "1 volume".to_owned(),
        count => format!("{count} volumes"),
    };
    let reason = (!reasons.is_empty()).then(|| reasons.join("; "));
    Verdict::Act { effect: format!("make an image of {volumes}{first}"), reason }
}

#[cfg(test)]
mod tests;
