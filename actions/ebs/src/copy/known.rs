//! What has to be known before a snapshot is copied.

use std::collections::BTreeMap;

use lamplighter_core::{
    Doing, Fault, Place, Scope,
    action::{COPIED_FROM_TAG, LookCx},
    cloud::ec2::{Restorable, Snapshot, SnapshotState},
    copying::{self, Destination as _, Kept, KeyFacts, TargetKey, Ways, entering, other_accounts},
    keys as kms,
    select::ServerFilter,
};

use super::params::{Destination, Params};
use crate::keys;

/// What planning has to know.
#[derive(Default)]
pub struct Known {
    /// Of each destination, in the order of the parameters.
    pub(super) there: Vec<There>,
    /// Of each key of the snapshots, by its ARN.
    pub(super) keys: BTreeMap<String, KeyFacts>,
}

/// What is known of a destination.
pub(super) struct There {
    pub(super) place: Place,
    /// The copies there that a task has made, of whatever.
    pub(super) copies: Vec<Snapshot>,
    pub(super) target: Target,
}

/// What copies in a destination are encrypted with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// A copy of what is not encrypted: not at all, or with this.
    pub(super) of_plain: Option<TargetKey>,
    /// A copy of what is encrypted.
    pub(super) of_encrypted: TargetKey,
}

/// Reads all of it.
pub(super) async fn look(
    cx: &LookCx<'_>,
    params: &Params,
    found: &[Restorable],
) -> Result<Known, Fault> {
    if found.is_empty() {
        return Ok(Known::default());
    }
    let here = cx.here.place();
    let others = other_accounts(&params.to, here);
    let mut there = Vec::new();
    for to in &params.to {
        let place = to.place(here);
        let scope = cx.accounts.scope(&place, cx.session).await.doing(entering(&place))?;
        let mut copies = Vec::new();
        let mut page = None;
        let filter = ServerFilter::default().and_tag_key(COPIED_FROM_TAG);
        loop {
            let listed = scope.ec2().snapshots(&filter, page).await;
            let listed = listed.doing(format!("listing the copies in {place}"))?;
            copies.extend(listed.items);
            cx.pulse.beat().await?;
            page = listed.next;
            if page.is_none() {
                break;
            }
        }
        let target = target(&*scope, to).await?;
        there.push(There { place, copies, target });
    }
    let completed = found.iter().filter(|it| it.0.state == SnapshotState::Completed);
    let keys = completed.filter_map(|it| it.0.kms_key_id.as_deref());
    let hop_key = params.hop_key.as_deref();
    let keys = Ways::of(cx, &others, keys::READS).keys(cx.pulse, hop_key, keys).await?;
    Ok(Known { there, keys })
}

/// What copies in a destination are encrypted with.
/// Source: EBS User Guide, "Copy an Amazon EBS snapshot", encryption outcomes.
async fn target(scope: &dyn Scope, to: &Destination) -> Result<Target, Fault> {
    let place = scope.place();
    if let Some(name) = &to.key {
        let key = TargetKey::named(scope, name).await?;
        return Ok(Target { of_plain: Some(key.clone()), of_encrypted: key });
    }
    let doing = || format!("asking what encrypts new snapshots in {place}");
    let by_default = scope.ec2().encrypts_by_default().await.doing(doing())?;
    let default = scope.ec2().default_key().await.doing(doing())?;
    let name = if by_default { default } else { keys::AWS.to_owned() };
    let key = match kms::ask(scope, &name).await.doing(doing())? {
        kms::Known::Key(key) => Some(key),
        kms::Known::Closed => None,
    };
    let key = TargetKey { name, key };
    Ok(Target { of_plain: by_default.then(|| key.clone()), of_encrypted: key })
}

/// What of a snapshot that is here decides on the way that it takes.
pub(super) fn source_of<'s>(snapshot: &'s Snapshot, here: &Place) -> copying::Source<'s> {
    let foreign = snapshot.owner.as_ref() != Some(&here.account);
    let kept = Kept { why: "another account shares it", keeps_key: false };
    copying::Source { key: keys::of(snapshot), kept: foreign.then_some(kept), reads: keys::READS }
}
