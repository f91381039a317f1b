//! `StartInstances`. Source: EC2 API, `StartInstances`; EC2 User Guide, "Stop and start Amazon
//! EC2 instances".

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{
    Instance, Purchase, Root, STARTED, STARTS, compatibility, needs,
    power::{self, Changes, Order, Outcome},
    spend,
};
use crate::{
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// `StartInstances`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct StartInstances {
    pub(crate) instance_id: Vec<String>,
}

impl Operation for StartInstances {
    const SPEC: Spec =
        Spec { service: "ec2", name: "StartInstances", access: Access::Writes, bucket: STARTS };

    type Answer<'s> = Changes;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        needs(cx, "ec2:StartInstances", &self.instance_id)
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Changes, Refusal> {
        let batch = power::batch(cx, &self.instance_id)?;
        let mut starting = BTreeSet::new();
        for it in power::all(cx, &batch) {
            check(it)?;
            if power::judge(Order::Start, it)? == Outcome::Obeys {
                starting.insert(it.id.clone());
            }
        }
        let mut vcpus = 0;
        for it in power::all(cx, &starting) {
            compatibility::check_network(it.kind, it.ena)?;
            cx.here().ec2.market.check(it.kind, &it.zone)?;
            vcpus += it.kind.vcpus;
        }
        let ec2 = &cx.here().ec2;
        ec2.market.check_vcpus(ec2.instances.iter().map(|(_, it)| it), vcpus)?;
        spend(cx, &Self::SPEC, STARTED, batch.len())?;
        Ok(power::change_each(cx, &batch, |cx, id| {
            if starting.contains(id) {
                power::start(cx.state, cx.place, id, cx.now);
            }
        }))
    }
}

/// Refuses what can never be started by this call.
fn check(it: &Instance) -> Result<(), Refusal> {
    power::check_unmanaged(it)?;
    let id = &it.id;
    if it.root == Root::InstanceStore {
        let message = format!(
            "The instance '{id}' does not have an 'ebs' root device type and cannot be started."
        );
        return Err(Refusal::new("UnsupportedOperation", message));
    }
    if let Purchase::Spot { interrupted: true, .. } = it.purchase {
        let message = format!(
            "You can't start the Spot Instance '{id}' because the associated Spot Instance \
             request is not in an appropriate state to support start."
        );
        return Err(Refusal::new("IncorrectSpotRequestState", message));
    }
    Ok(())
}
