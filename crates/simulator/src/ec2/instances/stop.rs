//! `StopInstances`. Source: EC2 API, `StopInstances`; EC2 User Guide, "Stop and start Amazon EC2
//! instances", "Enable stop protection", "Hibernate your Amazon EC2 instance".

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::{
    Instance, Platform, Power, Purchase, Root, STOPPED, StateReason, needs,
    power::{self, Changes, Order, Outcome},
    spend,
};
use crate::{
    ec2::bucket,
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// `StopInstances`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct StopInstances {
    pub(crate) instance_id: Vec<String>,
    /// Keeps the memory on the root volume.
    pub(crate) hibernate: bool,
    /// Shuts down without the operating system when that does not shut down.
    pub(crate) force: bool,
    /// Does not even ask the operating system.
    pub(crate) skip_os_shutdown: bool,
}

impl Operation for StopInstances {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "StopInstances",
        access: Access::Writes,
        bucket: bucket::WRITES,
    };

    type Answer<'s> = Changes;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        needs(cx, "ec2:StopInstances", &self.instance_id)
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Changes, Refusal> {
        if self.hibernate && (self.force || self.skip_os_shutdown) {
            let message = "Hibernate cannot be combined with Force or SkipOsShutdown";
            return Err(Refusal::new("InvalidParameterCombination", message));
        }
        let batch = power::batch(cx, &self.instance_id)?;
        let mut stopping = BTreeSet::new();
        for it in power::all(cx, &batch) {
            check(it)?;
            if self.hibernate {
                check_hibernation(it, cx.now)?;
            }
            let again = it.power == Power::Stopping && it.hangs && self.is_forced();
            if power::judge(Order::Stop, it)? == Outcome::Obeys || again {
                stopping.insert(it.id.clone());
            }
        }
        spend(cx, &Self::SPEC, STOPPED, batch.len())?;
        Ok(power::change_each(cx, &batch, |cx, id| {
            if stopping.contains(id) {
                self.stop(cx, id);
            }
        }))
    }
}

impl StopInstances {
    fn is_forced(&self) -> bool {
        self.force || self.skip_os_shutdown
    }

    fn stop(&self, cx: &mut Cx<'_>, id: &str) {
        let hangs = power::change(cx, id, |it| {
            it.hibernated = self.hibernate;
            it.hangs
        });
        let reason = match self.hibernate {
            true => ("Client.UserInitiatedHibernate", "User initiated hibernate"),
            false => ("Client.UserInitiatedShutdown", "User initiated shutdown"),
        };
        let reason = StateReason::asked(reason.0, reason.1, cx.now);
        let times = &cx.state.dials.times;
        let lasts = match hangs {
            Some(true) if !self.is_forced() => None,
            _ if self.skip_os_shutdown => Some(times.power_off),
            _ => Some(times.shutdown),
        };
        power::enter(cx.state, cx.place, id, Power::Stopping, Some(reason), cx.now, lasts);
    }
}

/// Refuses what may not or cannot be stopped.
fn check(it: &Instance) -> Result<(), Refusal> {
    power::check_unmanaged(it)?;
    let id = &it.id;
    if it.root == Root::InstanceStore {
        let message = format!(
            "The instance '{id}' does not have an 'ebs' root device type and cannot be stopped."
        );
        return Err(Refusal::new("UnsupportedOperation", message));
    }
    if let Purchase::Spot { persistent: false, .. } = it.purchase {
        let message = format!(
            "You can't stop the Spot Instance '{id}' because it is associated with a one-time \
             Spot Instance request. You can only stop Spot Instances associated with persistent \
             Spot Instance requests."
        );
        return Err(Refusal::new("UnsupportedOperation", message));
    }
    if it.stop_protection {
        let message = format!(
            "The instance '{id}' may not be stopped. Modify its 'disableApiStop' instance \
             attribute and try again."
        );
        return Err(Refusal::new("OperationNotPermitted", message));
    }
    Ok(())
}

/// Refuses to hibernate what was not launched for it, or has just booted.
/// Source: EC2 User Guide, "Troubleshoot EC2 instance hibernation".
fn check_hibernation(it: &Instance, now: Timestamp) -> Result<(), Refusal> {
    if !it.can_hibernate {
        let message = format!("The instance '{}' is not enabled for hibernation.", it.id);
        return Err(Refusal::new("UnsupportedHibernationConfiguration", message));
    }
    let ready_after = SignedDuration::from_mins(match it.platform {
        Platform::Linux => 2,
        Platform::Windows => 5,
    });
    if it.power == Power::Running && now.duration_since(it.booted_at) < ready_after {
        let message =
            format!("Instance '{}' is not ready to hibernate yet, retry in a few minutes.", it.id);
        return Err(Refusal::new("UnsupportedOperation", message));
    }
    Ok(())
}
