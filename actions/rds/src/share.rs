//! `rds.snapshot.share` and `rds.cluster-snapshot.share`: let other accounts use snapshots, and
//! end that again.
//!
//! Idempotency: *converging*. An account that may use a snapshot may use it, however often it is
//! said.

use std::{
    collections::{BTreeMap, BTreeSet},
    marker::PhantomData,
    time::Duration,
};

use async_trait::async_trait;
use lamplighter_core::{
    AccountId, Action, Doing, Fault, Progress, Spec, StepCx, Verdict,
    action::{BadParams, Effect, LookCx, Permissions, PlanCx},
    cloud::rds::{Kind, Snapshot},
    keys::{self as kms, Known as KnownKey},
    sharing::{self, End, KeyCheck, Sharing, UNTIL_TAG, batches},
};

use crate::{
    bounds::not_rds,
    copy::CopySnapshot,
    family::{Clusters, Family, Instances},
    groups::Groups,
    keys,
    lineage::is_hop,
};

/// Accounts that one call adds or removes, and those that may use a snapshot at all.
/// Source: RDS User Guide, "Sharing a DB snapshot for Amazon RDS".
pub(crate) const MOST: usize = 20;

/// Lets other accounts use each snapshot, and ends that again.
pub struct ShareSnapshot<F>(PhantomData<F>);

impl ShareSnapshot<Instances> {
    /// `rds.snapshot.share`.
    pub const OF_INSTANCES: Self = ShareSnapshot(PhantomData);
}

impl ShareSnapshot<Clusters> {
    /// `rds.cluster-snapshot.share`.
    pub const OF_CLUSTERS: Self = ShareSnapshot(PhantomData);
}

const OF_INSTANCES: Spec = Spec {
    name: "rds.snapshot.share",
    summary: "Lets other accounts use each selected DB snapshot, and ends that again.",
    permissions: &[
        "kms:DescribeKey",
        "rds:AddTagsToResource",
        "rds:DescribeDBSnapshotAttributes",
        "rds:DescribeOptionGroups",
        "rds:ModifyDBSnapshotAttribute",
    ],
    elsewhere: &[],
    effect: Effect::Changes,
    timeout: Duration::from_secs(3600),
    gate: None,
};

const OF_CLUSTERS: Spec = Spec {
    name: "rds.cluster-snapshot.share",
    summary: "Lets other accounts use each selected DB cluster snapshot, and ends that again.",
    permissions: &[
        "kms:DescribeKey",
        "rds:AddTagsToResource",
        "rds:DescribeDBClusterSnapshotAttributes",
        "rds:ModifyDBClusterSnapshotAttribute",
    ],
    ..OF_INSTANCES
};

/// What planning has to know.
#[derive(Default)]
pub struct Known {
    /// Who may use a snapshot.
    open_to: BTreeMap<String, BTreeSet<AccountId>>,
    /// The keys of the snapshots.
    keys: BTreeMap<String, KnownKey>,
    /// Their option groups.
    groups: Groups,
}

#[async_trait]
impl<F: Family> Action for ShareSnapshot<F> {
    type Params = Sharing;
    type Target = F::Snapshot;
    type State = ();
    type Known = Known;

    const SPEC: Spec = match F::KIND {
        Kind::Instance => OF_INSTANCES,
        Kind::Cluster => OF_CLUSTERS,
    };

    fn check(params: &Sharing) -> Result<(), BadParams> {
        if let Some(message) = too_many(params.with.len()) {
            return Err(BadParams { path: "with".to_owned(), message });
        }
        params.check()
    }

    fn permissions(params: &Sharing) -> Permissions {
        let mut needs = Permissions::here(&[F::CALLS.describe_shares, F::CALLS.share])
            .sharing_with(&params.with);
        if !params.with.is_empty() {
            needs.here.insert("kms:DescribeKey");
            needs.here.extend((F::KIND == Kind::Instance).then_some("rds:DescribeOptionGroups"));
        }
        if params.lasting.is_some() {
            needs.here.insert("rds:AddTagsToResource");
            needs = needs.marking(UNTIL_TAG);
        }
        needs
    }

    async fn look(
        cx: &LookCx<'_>,
        params: &Sharing,
        found: &[F::Snapshot],
    ) -> Result<Known, Fault> {
        let mut known = Known::default();
        let found = || found.iter().map(|it| &**it).filter(|it| cannot::<F>(it).is_none());
        for snapshot in found() {
            let id = &snapshot.id;
            let shares = cx.here.rds().snapshot_shares(F::KIND, id).await;
            let shares = shares.doing(format!("planning to share `{id}`"))?;
            known.open_to.insert(id.clone(), shares.accounts);
            cx.pulse.beat().await?;
        }
        if params.with.is_empty() {
            return Ok(known);
        }
        let keys: BTreeSet<&String> = found().filter_map(|it| it.kms_key_id.as_ref()).collect();
        for key in keys {
            let about = kms::ask(cx.here, key).await.doing(format!("asking about `{key}`"))?;
            known.keys.insert(key.clone(), about);
        }
        known.groups = Groups::of(cx.here, cx.pulse, found()).await?;
        Ok(known)
    }

    fn plan(
        params: &Sharing,
        cx: &PlanCx<'_>,
        found: &[F::Snapshot],
        known: &Known,
    ) -> Vec<Verdict> {
        found.iter().map(|snapshot| judge::<F>(params, cx, snapshot, known)).collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        params: &Sharing,
        snapshot: &F::Snapshot,
        _: Option<()>,
    ) -> Result<Progress<()>, Fault> {
        let (rds, id) = (cx.here.rds(), &snapshot.id);
        let end = End::of(params, cx.here.place(), &snapshot.tags, cx.now);
        // When it is over comes first: whatever happens now, somebody knows.
        let tags = params.ends(&end, &snapshot.tags, cx.session.occurrence);
        if !tags.is_empty() {
            let tagging = rds.tag(&F::KIND.snapshot_arn(cx.here.place(), id), &tags).await;
            tagging.doing(format!("tagging `{id}` with the end"))?;
        }
        // Whoever goes makes room for whoever comes.
        for batch in batches(&end.ended(), MOST) {
            let withdrawing = rds.unshare_snapshot(F::KIND, id, &batch).await;
            withdrawing.doing(format!("withdrawing `{id}` from other accounts"))?;
        }
        for batch in batches(&end.shared, MOST) {
            let sharing = rds.share_snapshot(F::KIND, id, &batch).await;
            sharing.doing(format!("sharing `{id}`"))?;
        }
        Ok(Progress::Done(end.in_words("shared", "withdrawn")))
    }
}

/// Why so many accounts cannot use a snapshot.
pub(crate) fn too_many(accounts: usize) -> Option<String> {
    (accounts > MOST).then(|| {
        format!("AWS shares a snapshot with at most {MOST} accounts, these are {accounts}")
    })
}

/// Why a snapshot cannot be shared as it is now, whoever its key belongs to.
/// Source: RDS User Guide, "Sharing a DB snapshot for Amazon RDS".
fn cannot<F: Family>(snapshot: &Snapshot) -> Option<String> {
    if let Some(reason) = not_rds(&snapshot.engine) {
        return Some(reason);
    }
    if is_hop(snapshot) {
        return Some("it is on the way to another copy".to_owned());
    }
    match (snapshot.snapshot_type.as_str(), snapshot.state.as_str()) {
        ("manual", "available") => None,
        ("manual", state) => Some(format!("it is `{state}`: only what is available is shared")),
        (other, _) => {
            let copies = CopySnapshot::<F>::SPEC.name;
            Some(format!("it is `{other}`, and AWS shares only manual ones: `{copies}` makes one"))
        }
    }
}

fn judge<F: Family>(
    params: &Sharing,
    cx: &PlanCx<'_>,
    snapshot: &Snapshot,
    known: &Known,
) -> Verdict {
    if let Some(reason) = cannot::<F>(snapshot) {
        return Verdict::Leave { reason };
    }
    let nobody = BTreeSet::new();
    let open_to = known.open_to.get(&snapshot.id).unwrap_or(&nobody);
    let end = End::of(params, cx.place, &snapshot.tags, cx.now);
    let change = end.beside(open_to);
    if !change.shared.is_empty() {
        let all = &(open_to | &end.shared) - &end.ended();
        let why = too_many(all.len()).map(|it| format!("{it}: withdraw it from some first"));
        if let Some(reason) = why.or_else(|| known.groups.keeps(snapshot)) {
            return Verdict::Fail { reason };
        }
    }
    let key = keys::of(snapshot).map(|key| KeyCheck {
        key,
        known: key.arn.and_then(|arn| known.keys.get(arn)),
        reads: keys::READS,
        copies: CopySnapshot::<F>::SPEC.name,
    });
    sharing::judge(cx, &end, open_to, key)
}

#[cfg(test)]
mod tests;
