//! `rds.snapshot.copy` and `rds.cluster-snapshot.copy`: bring snapshots to other accounts and
//! regions, under other keys.
//!
//! One job brings one snapshot to all of its destinations, as [`copying`] says. AWS copies to
//! another account and region in one call; a copy on the way is needed where the snapshot cannot
//! be shared as it is: RDS has made it by itself, or other accounts cannot use its key.
//!
//! Idempotency: *named*, see [`taking`](crate::taking); all else converges.

mod judge;
mod known;
mod params;
mod steps;

use std::{collections::BTreeSet, marker::PhantomData, time::Duration};

use async_trait::async_trait;
use lamplighter_core::{
    Action, Fault, Place, Progress, Spec, StepCx, Verdict,
    action::{BadParams, Effect, GateSpec, LookCx, Permissions, PlanCx},
    cloud::rds::Kind,
    copying::{self, State},
};

use known::Known;
use params::Params;
use steps::{Copier, Copying};

use crate::family::{Clusters, Family, Instances};

/// Copies each snapshot to other accounts and regions.
pub struct CopySnapshot<F>(PhantomData<F>);

impl CopySnapshot<Instances> {
    /// `rds.snapshot.copy`.
    pub const OF_INSTANCES: Self = CopySnapshot(PhantomData);
}

impl CopySnapshot<Clusters> {
    /// `rds.cluster-snapshot.copy`.
    pub const OF_CLUSTERS: Self = CopySnapshot(PhantomData);
}

const OF_INSTANCES: Spec = Spec {
    name: "rds.snapshot.copy",
    summary: "Copies each selected DB snapshot to other accounts and regions, under other keys.",
    permissions: &[
        "kms:CreateGrant",
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:Encrypt",
        "kms:GenerateDataKey",
        "kms:GenerateDataKeyWithoutPlaintext",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
        "rds:AddTagsToResource",
        "rds:CopyDBSnapshot",
        "rds:DeleteDBSnapshot",
        "rds:DescribeAccountAttributes",
        "rds:DescribeDBSnapshotAttributes",
        "rds:DescribeDBSnapshots",
        "rds:DescribeOptionGroups",
        "rds:ModifyDBSnapshotAttribute",
    ],
    elsewhere: &[
        "kms:CreateGrant",
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:Encrypt",
        "kms:GenerateDataKey",
        "kms:GenerateDataKeyWithoutPlaintext",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
        "rds:AddTagsToResource",
        "rds:CopyDBSnapshot",
        "rds:DescribeAccountAttributes",
        "rds:DescribeDBSnapshots",
        "rds:DescribeOptionGroups",
        "rds:ModifyDBSnapshotAttribute",
    ],
    effect: Effect::Creates,
    timeout: Duration::from_secs(72 * 3600),
    // In each region that copies go to, an account can have so many under way.
    // Source: RDS User Guide, "Copying a DB snapshot for Amazon RDS", limitations.
    gate: Some(GateSpec { name: "database-snapshot-copies", limit: 20 }),
};

const OF_CLUSTERS: Spec = Spec {
    name: "rds.cluster-snapshot.copy",
    summary: "Copies each selected DB cluster snapshot to other accounts and regions, under other \
              keys.",
    permissions: &[
        "kms:CreateGrant",
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:Encrypt",
        "kms:GenerateDataKey",
        "kms:GenerateDataKeyWithoutPlaintext",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
        "rds:AddTagsToResource",
        "rds:CopyDBClusterSnapshot",
        "rds:DeleteDBClusterSnapshot",
        "rds:DescribeAccountAttributes",
        "rds:DescribeDBClusterSnapshotAttributes",
        "rds:DescribeDBClusterSnapshots",
        "rds:ModifyDBClusterSnapshotAttribute",
    ],
    elsewhere: &[
        "kms:CreateGrant",
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:Encrypt",
        "kms:GenerateDataKey",
        "kms:GenerateDataKeyWithoutPlaintext",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
        "rds:AddTagsToResource",
        "rds:CopyDBClusterSnapshot",
        "rds:DescribeAccountAttributes",
        "rds:DescribeDBClusterSnapshots",
        "rds:ModifyDBClusterSnapshotAttribute",
    ],
    // Source: Aurora User Guide, "DB cluster snapshot copying", limitations.
    gate: Some(GateSpec { name: "cluster-snapshot-copies", limit: 5 }),
    ..OF_INSTANCES
};

#[async_trait]
impl<F: Family> Action for CopySnapshot<F> {
    type Params = Params;
    type Target = F::Snapshot;
    type State = State<Copying>;
    type Known = Known;

    const SPEC: Spec = match F::KIND {
        Kind::Instance => OF_INSTANCES,
        Kind::Cluster => OF_CLUSTERS,
    };

    fn check(params: &Params) -> Result<(), BadParams> {
        params.check(F::KIND)
    }

    fn permissions(params: &Params) -> Permissions {
        params.permissions::<F>()
    }

    async fn look(cx: &LookCx<'_>, params: &Params, found: &[F::Snapshot]) -> Result<Known, Fault> {
        let found: Vec<_> = found.iter().map(|it| &**it).collect();
        known::look(cx, F::KIND, params, &found).await
    }

    fn plan(
        params: &Params,
        cx: &PlanCx<'_>,
        found: &[F::Snapshot],
        known: &Known,
    ) -> Vec<Verdict> {
        let found: Vec<_> = found.iter().map(|it| &**it).collect();
        judge::plan(F::KIND, params, cx, &found, known)
    }

    fn gated_at(params: &Params, here: &Place, state: Option<&State<Copying>>) -> BTreeSet<Place> {
        state.and_then(|state| state.copies_to(&params.to, here)).into_iter().collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        params: &Params,
        target: &F::Snapshot,
        state: Option<State<Copying>>,
    ) -> Result<Progress<State<Copying>>, Fault> {
        let family = PhantomData::<F>;
        copying::step(&Copier { cx, params, snapshot: target, family }, state).await
    }
}

#[cfg(test)]
mod tests;
