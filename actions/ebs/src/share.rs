//! `ebs.snapshot.share`: lets other accounts use snapshots, and ends that again.
//!
//! Idempotency: *converging*. An account that may use a snapshot may use it, however often it is
//! said. A step sets no more than what is missing.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use async_trait::async_trait;
use lamplighter_core::{
    AccountId, Action, Doing, Fault, Progress, Spec, StepCx, Verdict,
    action::{BadParams, Effect, HOP_TAG, LookCx, Permissions, PlanCx},
    cloud::{
        Ec2,
        ec2::{Snapshot, SnapshotState},
    },
    keys::{self as kms, KeyOf, Known as KnownKey},
    sharing::{self, End, KeyCheck, Sharing, UNTIL_TAG, batches},
};

use crate::{copy::CopySnapshot, keys};

/// Accounts that one call adds or removes. Source: EC2 API, `ModifySnapshotAttribute`; for images
/// AWS names no other number.
pub(crate) const BATCH: usize = 500;

/// `ebs.snapshot.share`: lets other accounts use each snapshot, and ends that again.
pub struct ShareSnapshot;

/// What planning has to know.
#[derive(Default)]
pub struct Known {
    /// Those of the accounts in question that may use a snapshot, if there are any.
    open_to: BTreeMap<String, BTreeSet<AccountId>>,
    /// The keys of the snapshots.
    keys: BTreeMap<String, KnownKey>,
}

#[async_trait]
impl Action for ShareSnapshot {
    type Params = Sharing;
    type Target = Snapshot;
    type State = ();
    type Known = Known;

    const SPEC: Spec = Spec {
        name: "ebs.snapshot.share",
        summary: "Lets other accounts use each selected snapshot, and ends that again.",
        permissions: &[
            "ec2:CreateTags",
            "ec2:DescribeSnapshots",
            "ec2:ModifySnapshotAttribute",
            "kms:DescribeKey",
        ],
        elsewhere: &[],
        effect: Effect::Changes,
        timeout: Duration::from_secs(3600),
        gate: None,
    };

    fn check(params: &Sharing) -> Result<(), BadParams> {
        params.check()
    }

    fn permissions(params: &Sharing) -> Permissions {
        let mut needs =
            Permissions::here(&["ec2:DescribeSnapshots", "ec2:ModifySnapshotAttribute"])
                .sharing_with(&params.with);
        if !params.with.is_empty() {
            needs.here.insert("kms:DescribeKey");
        }
        if params.lasting.is_some() {
            needs.here.insert("ec2:CreateTags");
            needs = needs.marking(UNTIL_TAG);
        }
        needs
    }

    async fn look(cx: &LookCx<'_>, params: &Sharing, found: &[Snapshot]) -> Result<Known, Fault> {
        if found.is_empty() {
            return Ok(Known::default());
        }
        let accounts = found.iter().flat_map(|it| params.concerns(&it.tags)).collect();
        let open_to = open_to(cx, &accounts).await?;
        let keys = match params.with.is_empty() {
            true => BTreeMap::new(),
            false => keys_of(cx, found.iter()).await?,
        };
        Ok(Known { open_to, keys })
    }

    fn plan(params: &Sharing, cx: &PlanCx<'_>, found: &[Snapshot], known: &Known) -> Vec<Verdict> {
        found.iter().map(|snapshot| judge(params, cx, snapshot, known)).collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        params: &Sharing,
        snapshot: &Snapshot,
        _: Option<()>,
    ) -> Result<Progress<()>, Fault> {
        let (ec2, id) = (cx.here.ec2(), &snapshot.id);
        // All of it, whatever is so already: describes lag, and saying it twice does no harm.
        let end = End::of(params, cx.here.place(), &snapshot.tags, cx.now);
        // When it is over comes first: whatever happens now, somebody knows.
        let tags = params.ends(&end, &snapshot.tags, cx.session.occurrence);
        if !tags.is_empty() {
            ec2.set_tags(id, &tags).await.doing(format!("tagging `{id}` with the end"))?;
        }
        share(ec2, id, &end.shared).await?;
        withdraw(ec2, id, &end.ended()).await?;
        Ok(Progress::Done(end.in_words("shared", "withdrawn")))
    }
}

/// Those of these accounts that may use a snapshot, by the snapshot.
pub(crate) async fn open_to(
    cx: &LookCx<'_>,
    accounts: &BTreeSet<AccountId>,
) -> Result<BTreeMap<String, BTreeSet<AccountId>>, Fault> {
    let mut open_to = BTreeMap::<String, BTreeSet<AccountId>>::new();
    for account in accounts {
        let doing = format!("listing what `{account}` may use");
        let list = |page| cx.here.ec2().snapshots_open_to(account, page);
        let take = |it: Snapshot| _ = open_to.entry(it.id).or_default().insert(account.clone());
        cx.each(&doing, list, take).await?;
    }
    Ok(open_to)
}

/// What is known of the keys of snapshots, by the ARNs of the keys.
pub(crate) async fn keys_of<'s>(
    cx: &LookCx<'_>,
    snapshots: impl Iterator<Item = &'s Snapshot> + Send,
) -> Result<BTreeMap<String, KnownKey>, Fault> {
    let arns: BTreeSet<&String> = snapshots.filter_map(|it| it.kms_key_id.as_ref()).collect();
    let mut known = BTreeMap::new();
    for arn in arns {
        let about = kms::ask(cx.here, arn).await.doing(format!("asking about `{arn}`"))?;
        known.insert(arn.clone(), about);
    }
    Ok(known)
}

/// What has to be known of the key of a snapshot before it is shared. `copies` is the action that
/// brings it under another one.
pub(crate) fn key_check<'k>(
    snapshot: &'k Snapshot,
    known: &'k BTreeMap<String, KnownKey>,
    copies: &'static str,
) -> Option<KeyCheck<'k>> {
    let check = |key: KeyOf<'k>| KeyCheck {
        key,
        known: key.arn.and_then(|arn| known.get(arn)),
        reads: keys::READS,
        copies,
    };
    keys::of(snapshot).map(check)
}

/// Lets accounts use a snapshot.
pub(crate) async fn share(
    ec2: &dyn Ec2,
    id: &str,
    with: &BTreeSet<AccountId>,
) -> Result<(), Fault> {
    for batch in batches(with, BATCH) {
        ec2.share_snapshot(id, &batch).await.doing(format!("sharing `{id}`"))?;
    }
    Ok(())
}

/// Lets accounts use a snapshot no longer.
pub(crate) async fn withdraw(
    ec2: &dyn Ec2,
    id: &str,
    from: &BTreeSet<AccountId>,
) -> Result<(), Fault> {
    for batch in batches(from, BATCH) {
        let withdrawing = ec2.unshare_snapshot(id, &batch).await;
        withdrawing.doing(format!("withdrawing `{id}` from other accounts"))?;
    }
    Ok(())
}

/// Why a snapshot cannot be shared as it is now, whoever its key belongs to.
/// Source: EBS User Guide, "Share an Amazon EBS snapshot" and "Archive Amazon EBS snapshots".
fn cannot(snapshot: &Snapshot) -> Option<&'static str> {
    match snapshot.state {
        SnapshotState::Pending => Some("pending: only completed snapshots can be shared"),
        SnapshotState::Error => Some("it failed"),
        SnapshotState::Recoverable | SnapshotState::Recovering => Some("it is in the recycle bin"),
        SnapshotState::Completed if snapshot.tags.contains_key(HOP_TAG) => {
            Some("it is on the way to another copy")
        }
        SnapshotState::Completed if snapshot.storage_tier != "standard" => {
            Some("it is in the archive, where nobody else can use it")
        }
        SnapshotState::Completed => None,
    }
}

fn judge(params: &Sharing, cx: &PlanCx<'_>, snapshot: &Snapshot, known: &Known) -> Verdict {
    if let Some(reason) = cannot(snapshot) {
        return Verdict::Leave { reason: reason.to_owned() };
    }
    let nobody = BTreeSet::new();
    let open_to = known.open_to.get(&snapshot.id).unwrap_or(&nobody);
    let key = key_check(snapshot, &known.keys, CopySnapshot::SPEC.name);
    let end = End::of(params, cx.place, &snapshot.tags, cx.now);
    sharing::judge(cx, &end, open_to, key)
}

#[cfg(test)]
mod tests;
