//! `ebs.snapshot.share`: lets other accounts use snapshots, and ends that again.
//!
//! Idempotency: *converging*. An account that may use a snapshot may use it, however often it is
//! said. A step sets no more than what is missing.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use lamplighter_core::{
    AccountId, Action, Doing, Fault, Place, Progress, Spec, StepCx, Tags, Verdict,
    action::{BadParams, Effect, HOP_TAG, LookCx, Permissions, PlanCx},
    cloud::ec2::{Shares, Snapshot, SnapshotState},
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{keys, length::Length};

/// Accounts that one call adds or removes. Source: EC2 API, `ModifySnapshotAttribute`.
const BATCH: usize = 500;
/// What the tags begin with that say until when an account may use a snapshot; the account
/// follows.
const UNTIL_TAG: &str = "lamplighter:shared-until:";
/// AWS's answer when a snapshot is not there.
const GONE: &str = "InvalidSnapshot.NotFound";

/// Parameters of `ebs.snapshot.share`. Snapshots are never made public.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Params {
    /// The accounts that may use the snapshots: names from the configuration, or ids of any.
    #[serde(default)]
    with: BTreeSet<AccountId>,
    /// The accounts that may use them no longer.
    #[serde(default)]
    withdraw: BTreeSet<AccountId>,
    /// How long those of `with` may, such as `7d` or `36h`. The snapshot is tagged with the end,
    /// and the first run of the task after it withdraws the permission for good. Without it,
    /// they may until somebody ends it.
    #[serde(default, rename = "for")]
    lasting: Option<Length>,
}

/// `ebs.snapshot.share`: lets other accounts use each snapshot, and ends that again.
pub struct ShareSnapshot;

/// What planning has to know.
#[derive(Default)]
pub struct Known {
    /// Who may use each snapshot that can be shared.
    shares: BTreeMap<String, Shares>,
    /// The keys of the snapshots.
    keys: BTreeMap<String, keys::Known>,
}

/// What is to change for one snapshot.
#[derive(Debug, Default, PartialEq, Eq)]
struct Change {
    grant: BTreeSet<AccountId>,
    withdraw: BTreeSet<AccountId>,
    /// Those whose time is over.
    over: BTreeSet<AccountId>,
}

#[async_trait]
impl Action for ShareSnapshot {
    type Params = Params;
    type Target = Snapshot;
    type State = ();
    type Known = Known;

    const SPEC: Spec = Spec {
        name: "ebs.snapshot.share",
        summary: "Lets other accounts use each selected snapshot, and ends that again.",
        permissions: &[
            "ec2:CreateTags",
            "ec2:DescribeSnapshotAttribute",
            "ec2:ModifySnapshotAttribute",
            "kms:DescribeKey",
        ],
        elsewhere: &[],
        effect: Effect::Changes,
        timeout: Duration::from_secs(3600),
        gate: None,
    };

    fn check(params: &Params) -> Result<(), BadParams> {
        let bad = |path: &str, message: String| Err(BadParams { path: path.to_owned(), message });
        if params.with.is_empty() && params.withdraw.is_empty() {
            return bad("", "`with` or `withdraw` names at least one account".to_owned());
        }
        if let Some(both) = params.with.intersection(&params.withdraw).next() {
            return bad("withdraw", format!("`{both}` is in `with` and in `withdraw`"));
        }
        if params.lasting.is_some() && params.with.is_empty() {
            return bad("for", "`for` is how long those of `with` may, and there are none".into());
        }
        Ok(())
    }

    fn permissions(params: &Params) -> Permissions {
        let mut needs =
            Permissions::here(&["ec2:DescribeSnapshotAttribute", "ec2:ModifySnapshotAttribute"]);
        if !params.with.is_empty() {
            needs.here.insert("kms:DescribeKey");
        }
        if params.lasting.is_some() {
            needs.here.insert("ec2:CreateTags");
        }
        needs
    }

    async fn look(cx: &LookCx<'_>, params: &Params, found: &[Snapshot]) -> Result<Known, Fault> {
        let mut known = Known::default();
        for snapshot in found.iter().filter(|it| cannot(it).is_none()) {
            let id = &snapshot.id;
            match cx.here.ec2().snapshot_shares(id).await {
                Ok(shares) => _ = known.shares.insert(id.clone(), shares),
                Err(fault) if fault.code.as_deref() == Some(GONE) => {}
                Err(fault) => return Err(fault).doing(format!("asking who may use `{id}`")),
            }
            let key = snapshot.kms_key_id.as_ref().filter(|_| !params.with.is_empty());
            if let Some(key) = key.filter(|key| !known.keys.contains_key(*key)) {
                let about = keys::ask(cx.here, key).await.doing(format!("asking about `{key}`"))?;
                known.keys.insert(key.clone(), about);
            }
            cx.pulse.beat().await?;
        }
        Ok(known)
    }

    fn plan(params: &Params, cx: &PlanCx<'_>, found: &[Snapshot], known: &Known) -> Vec<Verdict> {
        found.iter().map(|snapshot| judge(params, cx, snapshot, known)).collect()
    }

    async fn step(
        &self,
        cx: &StepCx<'_>,
        params: &Params,
        snapshot: &Snapshot,
        _: Option<()>,
    ) -> Result<Progress<()>, Fault> {
        let (ec2, id) = (cx.here.ec2(), &snapshot.id);
        let shares = ec2.snapshot_shares(id).await.doing(format!("asking who may use `{id}`"))?;
        let change = change(params, cx.here.place(), &snapshot.tags, &shares, cx.now);
        if change.is_nothing() {
            // An earlier try may have made it so.
            let so = "everything is so already".to_owned();
            return Ok(match cx.tried.times {
                0 => Progress::Skipped(so),
                _ => Progress::Done(so),
            });
        }
        // The end first: whatever happens now, somebody knows when it is over.
        if let Some(lasting) = params.lasting.filter(|_| !change.grant.is_empty()) {
            let until = lasting.after(cx.session.occurrence);
            let tag = |it: &AccountId| (format!("{UNTIL_TAG}{it}"), until.to_string());
            let tags: Tags = change.grant.iter().map(tag).collect();
            ec2.set_tags(id, &tags).await.doing(format!("tagging `{id}` with the end"))?;
        }
        for batch in batches(&change.grant) {
            ec2.share_snapshot(id, &batch).await.doing(format!("sharing `{id}`"))?;
        }
        let all: BTreeSet<AccountId> = &change.withdraw | &change.over;
        for batch in batches(&all) {
            let withdrawing = ec2.unshare_snapshot(id, &batch).await;
            withdrawing.doing(format!("withdrawing `{id}` from other accounts"))?;
        }
        Ok(Progress::Done(change.in_words("shared", "withdrawn")))
    }
}

fn batches(accounts: &BTreeSet<AccountId>) -> Vec<BTreeSet<AccountId>> {
    let all: Vec<&AccountId> = accounts.iter().collect();
    all.chunks(BATCH).map(|some| some.iter().copied().cloned().collect()).collect()
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

fn judge(params: &Params, cx: &PlanCx<'_>, snapshot: &Snapshot, known: &Known) -> Verdict {
    let leave = |reason: &str| Verdict::Leave { reason: reason.to_owned() };
    if let Some(reason) = cannot(snapshot) {
        return leave(reason);
    }
    let Some(shares) = known.shares.get(&snapshot.id) else {
        return leave("it is gone");
    };
    let change = change(params, cx.place, &snapshot.tags, shares, cx.now);
    if change.is_nothing() {
        return leave("everything is so already");
    }
    let mut reason = None;
    if let Some(name) = keys::name(snapshot).filter(|_| !change.grant.is_empty()) {
        let partition = cx.place.region.partition();
        let key = snapshot.kms_key_id.as_ref().and_then(|key| known.keys.get(key));
        if key.is_none_or(keys::Known::is_of_aws) {
            return Verdict::Fail {
                reason: format!(
                    "it is encrypted with `{name}`, a key of AWS that no other account can use: \
                     copy it with a key of your own (`ebs.snapshot.copy`) and share the copy"
                ),
            };
        }
        let statement = keys::statement(&change.grant, partition);
        reason = Some(format!(
            "they can use it when the policy of its key `{name}` has this statement: {statement}"
        ));
    }
    Verdict::Act { effect: change.in_words("share", "withdraw"), reason }
}

/// What is to change so that everything is as the parameters say.
fn change(params: &Params, here: &Place, tags: &Tags, shares: &Shares, now: Timestamp) -> Change {
    let until = |account: &AccountId| -> Option<Timestamp> {
        tags.get(&format!("{UNTIL_TAG}{account}"))?.parse().ok()
    };
    let is_over = |account: &AccountId| {
        params.lasting.is_some() && until(account).is_some_and(|until| until <= now)
    };
    let others = params.with.iter().filter(|it| **it != here.account);
    let (over, wanted): (BTreeSet<AccountId>, BTreeSet<AccountId>) =
        others.cloned().partition(is_over);
    Change {
        grant: &wanted - &shares.accounts,
        withdraw: &params.withdraw & &shares.accounts,
        over: &over & &shares.accounts,
    }
}

impl Change {
    fn is_nothing(&self) -> bool {
        self.grant.is_empty() && self.withdraw.is_empty() && self.over.is_empty()
    }

    fn in_words(&self, share: &str, withdraw: &str) -> String {
        let list = |accounts: &BTreeSet<AccountId>| {
            accounts.iter().map(AccountId::as_str).collect::<Vec<_>>().join(", ")
        };
        let mut parts = Vec::new();
        if !self.grant.is_empty() {
            parts.push(format!("{share} with {}", list(&self.grant)));
        }
        if !self.withdraw.is_empty() {
            parts.push(format!("{withdraw} from {}", list(&self.withdraw)));
        }
        if !self.over.is_empty() {
            parts.push(format!("{withdraw} from {}, whose time is over", list(&self.over)));
        }
        parts.join("; ")
    }
}

#[cfg(test)]
mod tests;
