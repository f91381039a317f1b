//! What has to be known before a snapshot is copied.

use std::collections::BTreeMap;

use lamplighter_core::{
    Doing, Fault, Place, Scope,
    action::{COPIED_FROM_TAG, LookCx},
    cloud::rds::{Kind, OptionGroup, Quota, Snapshot},
    copying::{self, Destination as _, Kept, KeyFacts, TargetKey, Ways, entering, other_accounts},
    select::ServerFilter,
};

use super::params::{Destination, Params};
use crate::{
    groups::{self, Groups},
    keys,
};

/// What planning has to know.
#[derive(Default)]
pub struct Known {
    /// Of each destination, in the order of the parameters.
    pub(super) there: Vec<There>,
    /// Of each key of the snapshots, by its ARN.
    pub(super) keys: BTreeMap<String, KeyFacts>,
    /// The option groups of the snapshots.
    pub(super) groups: Groups,
}

/// What is known of a destination.
pub(super) struct There {
    pub(super) place: Place,
    /// The copies there that a task has made, of whatever.
    pub(super) copies: Vec<Snapshot>,
    /// The key that the parameters name.
    pub(super) key: Option<TargetKey>,
    /// The option group that the parameters name.
    pub(super) group: Option<OptionGroup>,
    /// How many manual snapshots there are and may be, if AWS says it.
    pub(super) quota: Option<Quota>,
}

/// Reads all of it.
pub(super) async fn look(
    cx: &LookCx<'_>,
    kind: Kind,
    params: &Params,
    found: &[&Snapshot],
) -> Result<Known, Fault> {
    if found.is_empty() {
        return Ok(Known::default());
    }
    let others = other_accounts(&params.to, cx.here.place());
    let mut there = Vec::new();
    for to in &params.to {
        there.push(look_there(cx, kind, to).await?);
    }
    let copied = || {
        let copied =
            |it: &&Snapshot| it.state == "available" && params.sources.include(&it.snapshot_type);
        found.iter().copied().filter(copied)
    };
    let arns = copied().filter_map(|it| it.kms_key_id.as_deref());
    let hop_key = params.hop_key.as_deref();
    let keys = Ways::of(cx, &others, keys::READS).keys(cx.pulse, hop_key, arns).await?;
    let groups = match others.is_empty() {
        true => Groups::default(),
        false => Groups::of(cx.here, cx.pulse, copied()).await?,
    };
    Ok(Known { there, keys, groups })
}

async fn look_there(cx: &LookCx<'_>, kind: Kind, to: &Destination) -> Result<There, Fault> {
    let place = to.place(cx.here.place());
    let scope = cx.accounts.scope(&place, cx.session).await.doing(entering(&place))?;
    let mut copies = Vec::new();
    let (doing, rds) = (format!("listing the copies in {place}"), scope.rds());
    let take = |it: Snapshot| {
        if it.tags.contains_key(COPIED_FROM_TAG) {
            copies.push(it);
        }
    };
    let all = ServerFilter::default();
    cx.each(&doing, |page| rds.snapshots(kind, &all, page), take).await?;
    let key = match &to.key {
        Some(name) => Some(TargetKey::named(&*scope, name).await?),
        None => None,
    };
    let group = match &to.option_group {
        Some(name) => Some(named_group(&*scope, name).await?),
        None => None,
    };
    let quota = scope.rds().quota(kind).await;
    let quota = quota.doing(format!("looking at the quota of manual snapshots in {place}"))?;
    Ok(There { place, copies, key, group, quota })
}

async fn named_group(scope: &dyn Scope, name: &str) -> Result<OptionGroup, Fault> {
    let found = groups::ask(scope, name).await?;
    found.ok_or_else(|| {
        Fault::config(format!("there is no option group `{name}` in {}: create it", scope.place()))
    })
}

/// What of a snapshot decides on the way that it takes.
/// Source: RDS User Guide, "Sharing a DB snapshot for Amazon RDS": only manual ones.
pub(super) fn source_of(snapshot: &Snapshot) -> copying::Source<'_> {
    let manual = snapshot.snapshot_type == "manual";
    let kept = Kept { why: "it is automated, and AWS shares only manual ones", keeps_key: true };
    copying::Source {
        keys: keys::of(snapshot).into_iter().collect(),
        kept: (!manual).then_some(kept),
        reads: keys::READS,
    }
}
