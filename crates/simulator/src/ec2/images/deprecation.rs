//! `EnableImageDeprecation` and `DisableImageDeprecation`.
//! Source: EC2 API, the same; EC2 User Guide, "Deprecate an Amazon EC2 AMI".

use jiff::{RoundMode, SignedDuration, Timestamp, TimestampRound, Unit};
use serde::Deserialize;

use super::{need, visible};
use crate::{
    ec2::{bucket, snapshot_delete::Done},
    iam::Need,
    operation::{Access, Cx, Operation, Spec},
    refusal::Refusal,
};

/// How far ahead an image may be deprecated.
const LONGEST: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);
/// The same of a public one, from when it was created.
const LONGEST_PUBLIC: SignedDuration = SignedDuration::from_hours(2 * 365 * 24);

/// `EnableImageDeprecation`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct EnableImageDeprecation {
    pub(crate) image_id: String,
    pub(crate) deprecate_at: Timestamp,
}

/// `DisableImageDeprecation`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub(crate) struct DisableImageDeprecation {
    pub(crate) image_id: String,
}

impl Operation for EnableImageDeprecation {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "EnableImageDeprecation",
        access: Access::Writes,
        bucket: bucket::WRITES,
    };

    type Answer<'s> = Done;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![need(cx, "ec2:EnableImageDeprecation", &self.image_id)]
    }

    fn run(self, cx: &mut Cx<'_>) -> Result<Done, Refusal> {
        let image = visible::own(cx, &self.image_id)?;
        let latest = match image.is_public() {
            true => image.created_at + LONGEST_PUBLIC,
            false => cx.now + LONGEST,
        };
        let at = self.deprecate_at;
        let minute = TimestampRound::new().smallest(Unit::Minute).mode(RoundMode::HalfExpand);
        let rounded = at.round(minute).ok().filter(|_| at >= cx.now && at <= latest);
        let Some(rounded) = rounded else {
            let message = format!("DeprecateAt must be between now and {latest:.0}");
            return Err(Refusal::new("InvalidParameterValue", message));
        };
        super::change(cx, &self.image_id, |it| it.deprecated_at = Some(rounded));
        Ok(Done::DONE)
    }
}

impl Operation for DisableImageDeprecation {
    const SPEC: Spec = Spec {
        service: "ec2",
        name: "DisableImageDeprecation",
        access: Access::Writes,
        bucket: bucket::WRITES,
    };

    type Answer<'s> = Done;

    fn needs(&self, cx: &Cx<'_>) -> Vec<Need> {
        vec![need(cx, "ec2:DisableImageDeprecation", &self.image_id)]
    }

    /// A public image is deprecated two years after it was made at the latest.
    fn run(self, cx: &mut Cx<'_>) -> Result<Done, Refusal> {
        if visible::own(cx, &self.image_id)?.is_public() {
            let message = "The deprecation of a public image cannot be cancelled";
            return Err(Refusal::new("OperationNotPermitted", message));
        }
        super::change(cx, &self.image_id, |it| it.deprecated_at = None);
        Ok(Done::DONE)
    }
}
