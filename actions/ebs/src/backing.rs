//! The snapshots that images are made of, as plans and steps look at them.

use std::collections::BTreeMap;

use lamplighter_core::{
    Doing, Fault,
    action::LookCx,
    cloud::ec2::{Image, Snapshot},
    select::ServerFilter,
};

use crate::watch::find;

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
