//! Images with the snapshots that they are made of, as plans and steps look at them.

use std::collections::BTreeMap;

use lamplighter_core::{
    Doing, Fault,
    action::LookCx,
    cloud::{
        self, Ec2,
        ec2::{Image, Snapshot},
    },
    copying::Facts,
    keys::KeyOf,
    select::ServerFilter,
};

use crate::{keys, watch::find};

/// Ids of one request. Source: EC2 API, `Filter`: at most 200 values.
const MOST: usize = 200;

/// The snapshots of images in the place, by their ids. Those of images that are gone are not there.
pub(crate) async fn snapshots_of(
    cx: &LookCx<'_>,
    images: &[Image],
) -> Result<BTreeMap<String, Snapshot>, Fault> {
    let ids: Vec<&String> = images.iter().flat_map(|it| &it.snapshots).collect();
    let mut all = BTreeMap::new();
    for some in ids.chunks(MOST) {
        let filter = ServerFilter::of_ids(some.iter().copied().cloned());
        let found = find(cx.here.ec2(), &filter, |it| some.contains(&&it.id)).await;
        let found = found.doing("listing the snapshots of images")?;
        all.extend(found.into_iter().map(|it| (it.id.clone(), it)));
        cx.pulse.beat().await?;
    }
    Ok(all)
}

/// The images in a place that `filter` admits and `mine` picks, without those that were
/// deregistered.
pub(crate) async fn images(
    ec2: &dyn Ec2,
    filter: &ServerFilter,
    mine: impl Fn(&Image) -> bool,
) -> Result<Vec<Image>, Fault> {
    let mut found = Vec::new();
    let take = |it: Image| {
        if it.state != "deregistered" && mine(&it) {
            found.push(it);
        }
    };
    cloud::each(|page| ec2.images(filter, page), take).await?;
    Ok(found)
}

/// An image, with those of its snapshots that show.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Whole {
    pub(crate) image: Image,
    pub(crate) snapshots: Vec<Snapshot>,
}

impl Whole {
    /// An image of the account of `ec2`.
    pub(crate) async fn read(ec2: &dyn Ec2, image: &Image) -> Result<Whole, Fault> {
        if image.snapshots.is_empty() {
            return Ok(Whole { image: image.clone(), snapshots: Vec::new() });
        }
        let filter = ServerFilter::of_ids(image.snapshots.iter().cloned());
        let found = find(ec2, &filter, |it| image.snapshots.contains(&it.id)).await;
        let snapshots = found.doing(format!("looking at the snapshots of `{}`", image.id))?;
        Ok(Whole { image: image.clone(), snapshots })
    }

    /// A fault if one of its snapshots does not show, of which nobody knows the key then.
    pub(crate) fn check_complete(&self) -> Result<(), Fault> {
        let Whole { image, snapshots } = self;
        let shows = |id: &&String| snapshots.iter().any(|it| it.id == **id);
        match image.snapshots.iter().find(|id| !shows(id)) {
            None => Ok(()),
            Some(id) => Err(Fault::transient(format!("`{id}`, of `{}`, does not show", image.id))),
        }
    }

    /// What of a copy has to be as it is of its source. The key is that of all its snapshots.
    pub(crate) fn facts(&self) -> Facts<'_> {
        let Whole { image, snapshots } = self;
        let key = snapshots.first().and_then(|it| it.kms_key_id.as_deref());
        Facts {
            id: &image.id,
            size_gib: self.check_complete().is_ok().then(|| size_gib(snapshots)),
            encrypted: snapshots.iter().any(|it| it.encrypted),
            key: key.filter(|key| snapshots.iter().all(|it| it.kms_key_id.as_deref() == Some(key))),
        }
    }
}

/// The size of an image with these snapshots.
pub(crate) fn size_gib<'s>(snapshots: impl IntoIterator<Item = &'s Snapshot>) -> u32 {
    snapshots.into_iter().map(|it| it.size_gib).sum()
}

/// The keys of snapshots, each of them once.
pub(crate) fn keys_of<'s>(snapshots: impl IntoIterator<Item = &'s Snapshot>) -> Vec<KeyOf<'s>> {
    let keys = snapshots.into_iter().filter_map(keys::of);
    let keys: BTreeMap<&str, KeyOf<'s>> = keys.map(|it| (it.name(), it)).collect();
    keys.into_values().collect()
}
