//! `StartInstances`. Source: EC2 API, `StartInstances`; EC2 User Guide, "Stop and start Amazon
//! EC2 instances".

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{
    Instance, Purchase, Root, STARTED, compatibility, needs,
    power::{self, Changes, Order, Outcome},
    spend,
};
use crate::{
    ec2::bucket,
    iam::{Context, Need},
    kms::{Kms, Manager},
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
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "StartInstances",
        access: Access::Writes,
        bucket: bucket::STARTS,
    };

    type Answer<'s> = Changes;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        let mut needs = needs(cx, "ec2:StartInstances", &self.instance_id);
        needs.extend(grants(cx, &self.instance_id));
        needs
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

/// Who starts an instance lets EBS use the keys of its volumes, other than AWS's own.
/// Source: EBS User Guide, "Requirements for Amazon EBS encryption", permissions for users.
fn grants(cx: &Cx<'_>, ids: &[String]) -> Vec<Need> {
    let ec2 = &cx.here().ec2;
    let devices = ids.iter().filter_map(|id| ec2.instances.get(id)).flat_map(|it| &it.devices);
    let volumes = devices.filter_map(|it| ec2.volumes.get(&it.volume_id));
    let keys: BTreeSet<&str> = volumes.filter_map(|it| it.kms_key_id.as_deref()).collect();
    let customers = keys
        .into_iter()
        .filter(|arn| Kms::find(cx.state, arn).is_none_or(|key| key.manager == Manager::Customer));
    let context = || {
        Context::default()
            .with("kms:GrantIsForAWSResource", "true")
            .with("kms:ViaService", format!("ec2.{}.amazonaws.com", cx.place.region))
    };
    customers.map(|arn| Need::on("kms:CreateGrant", arn).with(context())).collect()
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
