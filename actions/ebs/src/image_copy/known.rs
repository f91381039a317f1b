//! What has to be known before an image is copied.

use std::collections::BTreeMap;

use lamplighter_core::{
    Doing, Fault, Place,
    action::{COPIED_FROM_TAG, LookCx},
    cloud::ec2::{Image, Snapshot},
    copying::{Destination as _, KeyFacts, Ways, entering, other_accounts},
    select::ServerFilter,
};

use super::params::Params;
use crate::{backing::snapshots_of, destination::Target, keys};

/// What planning has to know.
#[derive(Default)]
pub struct Known {
    /// Of each destination, in the order of the parameters.
    pub(super) there: Vec<There>,
    /// The snapshots of the images, by their ids.
    pub(super) snapshots: BTreeMap<String, Snapshot>,
    /// Of each key of the snapshots, by its ARN.
    pub(super) keys: BTreeMap<String, KeyFacts>,
}

/// What is known of a destination.
pub(super) struct There {
    pub(super) place: Place,
    /// The copies there that a task has made, of whatever.
    pub(super) copies: Vec<Image>,
    pub(super) target: Target,
}

/// Reads all of it.
pub(super) async fn look(
    cx: &LookCx<'_>,
    params: &Params,
    found: &[Image],
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
        let filter = ServerFilter::default().and_tag_key(COPIED_FROM_TAG);
        let mut copies = Vec::new();
        let (doing, ec2) = (format!("listing the copies in {place}"), scope.ec2());
        cx.each(&doing, |page| ec2.images(&filter, page), |it| copies.push(it)).await?;
        let target = Target::of(&*scope, to).await?;
        there.push(There { place, copies, target });
    }
    let snapshots = snapshots_of(cx, found).await?;
    let arns = snapshots.values().filter_map(|it| it.kms_key_id.as_deref());
    let hop_key = params.hop_key.as_deref();
    let keys = Ways::of(cx, &others, keys::READS).keys(cx.pulse, hop_key, arns).await?;
    Ok(Known { there, snapshots, keys })
}
