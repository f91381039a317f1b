//! `ec2.image.copy`: brings images with their snapshots to other accounts and regions, under other
//! keys.
//!
//! One job brings one image to all of its destinations, as [`copying`] says.
//!
//! Idempotency: *named*. The name of an image is unique in an account and region, and a copy's is
//! made of its source, the task and the occurrence: a second one of a job cannot be.

mod judge;
mod known;
mod params;
mod steps;

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;
use lamplighter_core::{
    Action, Fault, Place, Progress, Spec, StepCx, Verdict,
    action::{BadParams, Effect, GateSpec, LookCx, Permissions, PlanCx},
    cloud::ec2::Image,
    copying::{self, State},
};

use known::Known;
use params::Params;
use steps::{Copier, Started};

use crate::backing::Whole;

/// `ec2.image.copy`: copies each image to other accounts and regions.
pub struct CopyImage;

#[async_trait]
impl Action for CopyImage {
    type Params = Params;
    type Target = Image;
    type State = State<Started>;
    type Known = Known;

    const SPEC: Spec = Spec {
        name: "ec2.image.copy",
        summary: "Copies each selected image with its snapshots to other accounts and regions, \
                  under other keys.",
        permissions: &[
            "ec2:CopyImage",
            "ec2:CreateTags",
            "ec2:DeleteSnapshot",
            "ec2:DeregisterImage",
            "ec2:DescribeImageAttribute",
            "ec2:DescribeImages",
            "ec2:DescribeSnapshotAttribute",
            "ec2:DescribeSnapshots",
            "ec2:GetEbsDefaultKmsKeyId",
            "ec2:GetEbsEncryptionByDefault",
            "ec2:ModifyImageAttribute",
            "ec2:ModifySnapshotAttribute",
            "kms:CreateGrant",
            "kms:Decrypt",
            "kms:DescribeKey",
            "kms:GenerateDataKey",
            "kms:GenerateDataKeyWithoutPlaintext",
            "kms:ReEncryptFrom",
            "kms:ReEncryptTo",
        ],
        elsewhere: &[
            "ec2:CopyImage",
            "ec2:CreateTags",
            "ec2:DescribeImages",
            "ec2:DescribeSnapshots",
            "ec2:GetEbsDefaultKmsKeyId",
            "ec2:GetEbsEncryptionByDefault",
            "ec2:ModifyImageAttribute",
            "ec2:ModifySnapshotAttribute",
            "kms:CreateGrant",
            "kms:Decrypt",
            "kms:DescribeKey",
            "kms:GenerateDataKey",
            "kms:GenerateDataKeyWithoutPlaintext",
            "kms:ReEncryptFrom",
            "kms:ReEncryptTo",
        ],
        effect: Effect::Creates,
        timeout: Duration::from_secs(72 * 3600),
        // In each region that copies go to, an account can have so many under way.
        // Source: EC2 User Guide, "How Amazon EC2 AMI copy works", limitations.
        gate: Some(GateSpec { name: "image-copies", limit: 100 }),
    };

    fn check(params: &Params) -> Result<(), BadParams> {
        params.check()
    }

    fn permissions(params: &Params) -> Permissions {
        params.permissions()
    }

    async fn look(cx: &LookCx<'_>, params: &Params, found: &[Image]) -> Result<Known, Fault> {
        known::look(cx, params, found).await
    }

    fn plan(params: &Params, cx: &PlanCx<'_>, found: &[Image], known: &Known) -> Vec<Verdict> {
        judge::plan(params, cx, found, known)
    }

    fn gated_at(params: &Params, here: &Place, state: Option<&State<Started>>) -> BTreeSet<Place> {
        state.and_then(|state| state.copies_to(&params.to, here)).into_iter().collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        params: &Params,
        image: &Image,
        state: Option<State<Started>>,
    ) -> Result<Progress<State<Started>>, Fault> {
        let source = Whole::read(cx.here.ec2(), image).await?;
        if state.is_none() {
            source.check_complete()?;
        }
        copying::step(&Copier { cx, params, source: &source }, state).await
    }
}

#[cfg(test)]
mod tests;
