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
    cloud::ec2::{Snapshot, SnapshotState},
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{keys, length::Length};

/// Accounts that one call adds or removes. Source: EC2 API, `ModifySnapshotAttribute`.
const BATCH: usize = 500;
/// What the tags begin with that say until when an account may use a snapshot; the account
/// follows.
const UNTIL_TAG: &str = "lamplighter:shared-until:";

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
    /// Those of the accounts in question that may use a snapshot, if there are any.
    open_to: BTreeMap<String, BTreeSet<AccountId>>,
    /// The keys of the snapshots.
    keys: BTreeMap<String, keys::Known>,
}

/// Who may use a snapshot in the end, and who may not.
#[derive(Debug, PartialEq, Eq)]
struct End {
    shared: BTreeSet<AccountId>,
    withdrawn: BTreeSet<AccountId>,
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
            "ec2:DescribeSnapshots",
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

    async fn look(cx: &LookCx<'_>, params: &Params, found: &[Snapshot]) -> Result<Known, Fault> {
        let mut known = Known::default();
        if found.is_empty() {
            return Ok(known);
        }
        let names = found.iter().flat_map(|it| it.tags.keys());
        let timed = names.filter_map(|name| name.strip_prefix(UNTIL_TAG)?.parse().ok());
        let mut accounts: BTreeSet<AccountId> = timed.collect();
        accounts.extend(params.with.union(&params.withdraw).cloned());
        for account in &accounts {
            let mut page = None;
            loop {
                let listed = cx.here.ec2().snapshots_open_to(account, page).await;
                let listed = listed.doing(format!("listing what `{account}` may use"))?;
                for snapshot in listed.items {
                    known.open_to.entry(snapshot.id).or_default().insert(account.clone());
                }
                cx.pulse.beat().await?;
                page = listed.next;
                if page.is_none() {
                    break;
                }
            }
        }
        let keys: BTreeSet<&String> = match params.with.is_empty() {
            true => BTreeSet::new(),
            false => found.iter().filter_map(|it| it.kms_key_id.as_ref()).collect(),
        };
        for key in keys {
            let about = keys::ask(cx.here, key).await.doing(format!("asking about `{key}`"))?;
            known.keys.insert(key.clone(), about);
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
        // All of it, whatever is so already: describes lag, and saying it twice does no harm.
        let end = End::of(params, cx.here.place(), &snapshot.tags, cx.now);
        // When it is over comes first: whatever happens now, somebody knows.
        if let Some(lasting) = params.lasting {
            let until = lasting.after(cx.session.occurrence);
            let tag = |it: &AccountId| (format!("{UNTIL_TAG}{it}"), until.to_string());
            let mut tags: Tags = end.shared.iter().map(tag).collect();
            tags.retain(|name, _| !snapshot.tags.contains_key(name));
            if !tags.is_empty() {
                ec2.set_tags(id, &tags).await.doing(format!("tagging `{id}` with the end"))?;
            }
        }
        for batch in batches(&end.shared) {
            ec2.share_snapshot(id, &batch).await.doing(format!("sharing `{id}`"))?;
        }
        for batch in batches(&(&end.withdrawn | &end.over)) {
            let withdrawing = ec2.unshare_snapshot(id, &batch).await;
            withdrawing.doing(format!("withdrawing `{id}` from other accounts"))?;
        }
        Ok(Progress::Done(end.in_words("shared", "withdrawn")))
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
    let nobody = BTreeSet::new();
    let open_to = known.open_to.get(&snapshot.id).unwrap_or(&nobody);
    let change = End::of(params, cx.place, &snapshot.tags, cx.now).beside(open_to);
    if change.is_nothing() {
        return leave("everything is so already");
    }
    let mut reason = None;
    if let Some(name) = keys::name(snapshot).filter(|_| !change.shared.is_empty()) {
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
        let statement = keys::statement(&change.shared, partition);
        reason = Some(format!(
            "they can use it when the policy of its key `{name}` has this statement: {statement}"
        ));
    }
    Verdict::Act { effect: change.in_words("share", "withdraw"), reason }
}

impl End {
    /// As the parameters and the tags of a snapshot say.
    fn of(params: &Params, here: &Place, tags: &Tags, now: Timestamp) -> End {
        let timed = tags.iter().filter(|_| params.lasting.is_some());
        let over: BTreeSet<AccountId> = timed
            .filter(|(_, until)| until.parse::<Timestamp>().is_ok_and(|until| until <= now))
            .filter_map(|(name, _)| name.strip_prefix(UNTIL_TAG)?.parse().ok())
            .collect();
        let mut shared = &params.with - &over;
        shared.remove(&here.account);
        End { shared, withdrawn: params.withdraw.clone(), over }
    }

    /// What of it is still to be done, when these accounts may use the snapshot.
    fn beside(&self, open_to: &BTreeSet<AccountId>) -> End {
        End {
            shared: &self.shared - open_to,
            withdrawn: &self.withdrawn & open_to,
            over: &self.over & open_to,
        }
    }

    fn is_nothing(&self) -> bool {
        self.shared.is_empty() && self.withdrawn.is_empty() && self.over.is_empty()
    }

    fn in_words(&self, share: &str, withdraw: &str) -> String {
        let list = |accounts: &BTreeSet<AccountId>| {
            accounts.iter().map(AccountId::as_str).collect::<Vec<_>>().join(", ")
        };
        let mut parts = Vec::new();
        if !self.shared.is_empty() {
            parts.push(format!("{share} with {}", list(&self.shared)));
        }
        if !self.withdrawn.is_empty() {
            parts.push(format!("{withdraw} from {}", list(&self.withdrawn)));
        }
        if !self.over.is_empty() {
            parts.push(format!("{withdraw} from {}, whose time is over", list(&self.over)));
        }
        parts.join("; ")
    }
}

#[cfg(test)]
mod tests;
