//! `ebs.snapshot.copy`: brings snapshots to other accounts and regions, under other keys.
//!
//! One job brings one snapshot to all of its destinations, as [`copying`] says.
//!
//! Idempotency: *found by job tag*, see [`watch`](crate::watch); all else converges.

mod judge;
mod known;
mod params;
mod steps;

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;
use lamplighter_core::{
    Action, Fault, Place, Progress, Spec, StepCx, Verdict,
    action::{BadParams, Effect, GateSpec, LookCx, Permissions, PlanCx},
    cloud::ec2::Restorable,
    copying::{self, State},
};

pub(crate) use judge::is_itself_in;
use known::Known;
use params::Params;
use steps::Copier;

use crate::watch::Started;

/// `ebs.snapshot.copy`: copies each snapshot to other accounts and regions.
pub struct CopySnapshot;

#[async_trait]
impl Action for CopySnapshot {
    type Params = Params;
    type Target = Restorable;
    type State = State<Started>;
    type Known = Known;

    const SPEC: Spec = Spec {
        name: "ebs.snapshot.copy",
        summary: "Copies each selected snapshot to other accounts and regions, under other keys.",
        permissions: &[
            "ec2:CopySnapshot",
            "ec2:CreateTags",
            "ec2:DeleteSnapshot",
            "ec2:DescribeSnapshotAttribute",
            "ec2:DescribeSnapshots",
            "ec2:GetEbsDefaultKmsKeyId",
            "ec2:GetEbsEncryptionByDefault",
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
            "ec2:CopySnapshot",
            "ec2:CreateTags",
            "ec2:DeleteSnapshot",
            "ec2:DescribeSnapshots",
            "ec2:GetEbsDefaultKmsKeyId",
            "ec2:GetEbsEncryptionByDefault",
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
        // Source: EBS User Guide, "Quotas for Amazon EBS", concurrent snapshot copies.
        gate: Some(GateSpec { name: "snapshot-copies", limit: 20 }),
    };

    fn check(params: &Params) -> Result<(), BadParams> {
        params.check()
    }

    fn permissions(params: &Params) -> Permissions {
        params.permissions()
    }

    async fn look(cx: &LookCx<'_>, params: &Params, found: &[Restorable]) -> Result<Known, Fault> {
        known::look(cx, params, found).await
    }

    fn plan(params: &Params, cx: &PlanCx<'_>, found: &[Restorable], known: &Known) -> Vec<Verdict> {
        judge::plan(params, cx, found, known)
    }

    fn gated_at(params: &Params, here: &Place, state: Option<&State<Started>>) -> BTreeSet<Place> {
        state.and_then(|state| state.copies_to(&params.to, here)).into_iter().collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        params: &Params,
        target: &Restorable,
        state: Option<State<Started>>,
    ) -> Result<Progress<State<Started>>, Fault> {
        copying::step(&Copier { cx, params, snapshot: &target.0 }, state).await
    }
}

#[cfg(test)]
mod tests;
