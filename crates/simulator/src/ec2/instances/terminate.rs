//! `TerminateInstances`. Source: EC2 API, `TerminateInstances`; EC2 User Guide, "Change instance
//! termination protection" and "Enable stop protection".

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::Deserialize;

use super::{
    Power, StateReason, TERMINATED, needs,
    power::{self, Changes, Order, Outcome},
    spend,
};
use crate::{
    ec2::bucket,
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// `TerminateInstances`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct TerminateInstances {
    pub(crate) instance_id: Vec<String>,
    /// Shuts down without the operating system when that does not shut down, which AWS does
    /// after a while anyway.
    pub(crate) force: bool,
    /// Does not ask the operating system.
    pub(crate) skip_os_shutdown: bool,
}

impl Operation for TerminateInstances {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "TerminateInstances",
        access: Access::Writes,
        bucket: bucket::MAKES,
    };

    type Answer<'s> = Changes;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        needs(cx, "ec2:TerminateInstances", &self.instance_id)
    }

    /// One that is protected protects those in its Availability Zone that the call names too.
    /// The others are terminated, although the call fails.
    fn run(self, cx: &mut Cx<'_>) -> Result<Changes, Refusal> {
        let batch = power::batch(cx, &self.instance_id)?;
        let mut ending: BTreeMap<Box<str>, Arc<str>> = BTreeMap::new();
        let mut protected_zones: BTreeSet<Arc<str>> = BTreeSet::new();
        let mut protected = None;
        for it in power::all(cx, &batch) {
            power::check_unmanaged(it)?;
            if power::judge(Order::Terminate, it)? != Outcome::Obeys {
                continue;
            }
            if it.termination_protection || it.stop_protection {
                protected_zones.insert(it.zone.clone());
                let attribute = if it.termination_protection {
                    "disableApiTermination"
                } else {
                    "disableApiStop"
                };
                let message = format!(
                    "The instance '{}' may not be terminated. Modify its '{attribute}' instance \
                     attribute and try again.",
                    it.id
                );
                protected.get_or_insert(Refusal::new("OperationNotPermitted", message));
            }
            ending.insert(it.id.clone(), it.zone.clone());
        }
        spend(cx, &Self::SPEC, TERMINATED, batch.len())?;
        ending.retain(|_, zone| !protected_zones.contains(zone));
        let changes = power::change_each(cx, &batch, |cx, id| {
            if ending.contains_key(id) {
                self.terminate(cx, id);
            }
        });
        match protected {
            Some(refusal) => Err(refusal),
            None => Ok(changes),
        }
    }
}

impl TerminateInstances {
    fn terminate(&self, cx: &mut Cx<'_>, id: &str) {
        let reason =
            StateReason::asked("Client.UserInitiatedShutdown", "User initiated shutdown", cx.now);
        let times = &cx.state.dials.times;
        let lasts = if self.skip_os_shutdown { times.power_off } else { times.shutdown };
        let to = Power::ShuttingDown;
        power::enter(cx.state, cx.place, id, to, Some(reason), cx.now, Some(lasts));
    }
}
