//! `RebootInstances`. No event says so, and the state stays `running`.
//! Source: EC2 API, `RebootInstances`.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{
    needs,
    power::{self, Order, Outcome},
};
use crate::{
    ec2::{bucket, snapshot_delete::Done},
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// `RebootInstances`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase", default)]
pub(crate) struct RebootInstances {
    pub(crate) instance_id: Vec<String>,
}

impl Operation for RebootInstances {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "RebootInstances",
        access: Access::Writes,
        bucket: bucket::WRITES,
    };

    type Answer<'s> = Done;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        needs(cx, "ec2:RebootInstances", &self.instance_id)
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Done, Refusal> {
        let batch = power::batch(cx, &self.instance_id)?;
        let mut rebooting = BTreeSet::new();
        for it in power::all(cx, &batch) {
            power::check_unmanaged(it)?;
            if power::judge(Order::Reboot, it)? == Outcome::Obeys {
                rebooting.insert(it.id.clone());
            }
        }
        for id in rebooting {
            power::reboot(cx, &id);
        }
        Ok(Done::DONE)
    }
}
