//! `EnableImageDeregistrationProtection` and `DisableImageDeregistrationProtection`.
//! Source: EC2 User Guide, "Protect an Amazon EC2 AMI from deregistration".

use serde::{Deserialize, Serialize};

use super::{Protection, need, visible};
use crate::{
    ec2::bucket,
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// `EnableImageDeregistrationProtection`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct EnableImageDeregistrationProtection {
    pub(crate) image_id: String,
    /// Whether protection lasts for a day after it is switched off.
    #[serde(default)]
    pub(crate) with_cooldown: bool,
}

/// `DisableImageDeregistrationProtection`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct DisableImageDeregistrationProtection {
    pub(crate) image_id: String,
}

/// The call was accepted: a text, unlike with other operations.
#[derive(Serialize)]
pub(crate) struct Done {
    #[serde(rename = "return")]
    done: &'static str,
}

impl Operation for EnableImageDeregistrationProtection {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "EnableImageDeregistrationProtection",
        access: Access::Writes,
        bucket: bucket::WRITES,
    };

    type Answer<'s> = Done;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![need(cx, "ec2:EnableImageDeregistrationProtection", &self.image_id)]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Done, Refusal> {
        visible::own(cx, &self.image_id)?;
        let protection = Protection::On { cooldown: self.with_cooldown };
        super::change(cx, &self.image_id, |it| it.protection = protection);
        Ok(Done { done: "true" })
    }
}

impl Operation for DisableImageDeregistrationProtection {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "DisableImageDeregistrationProtection",
        access: Access::Writes,
        bucket: bucket::WRITES,
    };

    type Answer<'s> = Done;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![need(cx, "ec2:DisableImageDeregistrationProtection", &self.image_id)]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Done, Refusal> {
        let protection = match visible::own(cx, &self.image_id)?.protection {
            Protection::Off | Protection::On { cooldown: false } => Protection::Off,
            Protection::On { cooldown: true } => Protection::Cooling(cx.now + Protection::COOLDOWN),
            cooling @ Protection::Cooling(_) => cooling,
        };
        super::change(cx, &self.image_id, |it| it.protection = protection);
        Ok(Done { done: "true" })
    }
}
