//! What has to be known before a snapshot is copied.

use std::collections::BTreeMap;

use lamplighter_core::{
    Doing, Fault, Place,
    action::{COPIED_FROM_TAG, LookCx},
    cloud::ec2::{Restorable, Snapshot, SnapshotState},
    copying::{self, Destination as _, Kept, KeyFacts, Ways, entering, other_accounts},
    select::ServerFilter,
};

use super::params::Params;
use crate::{destination::Target, keys};

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
        let filter = ServerFilter::default().and_tag_key(COPIED_FROM_TAG);
        let (doing, ec2) = (format!("listing the copies in {place}"), scope.ec2());
        cx.each(&doing, |page| ec2.snapshots(&filter, page), |it| copies.push(it)).await?;
        let target = Target::of(&*scope, to).await?;
        there.push(There { place, copies, target });
    }
    let completed = found.iter().filter(|it| it.0.state == SnapshotState::Completed);
    let keys = completed.filter_map(|it| it.0.kms_key_id.as_deref());
    let hop_key = params.hop_key.as_deref();
    let keys = Ways::of(cx, &others, keys::READS).keys(cx.pulse, hop_key, keys).await?;
    Ok(Known { there, keys })
}

/// What of a snapshot that is here decides on the way that it takes.
pub(super) fn source_of<'s>(snapshot: &'s Snapshot, here: &Place) -> copying::Source<'s> {
    let foreign = snapshot.owner.as_ref() != Some(&here.account);
    let kept = Kept { why: "another account shares it", keeps_key: false };
    copying::Source {
        keys: keys::of(snapshot).into_iter().collect(),
        kept: foreign.then_some(kept),
        reads: keys::READS,
    }
}
