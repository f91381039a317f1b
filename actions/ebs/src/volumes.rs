//! Volumes, as steps look at them.

use lamplighter_core::{
    Fault,
    cloud::{Ec2, ec2::Volume},
    select::ServerFilter,
};

/// The first volume in a place that `filter` admits and `is_it` picks.
pub(crate) async fn find(
    ec2: &dyn Ec2,
    filter: &ServerFilter,
    is_it: impl Fn(&Volume) -> bool,
) -> Result<Option<Volume>, Fault> {
    let mut page = None;
    loop {
        let listed = ec2.volumes(filter, page).await?;
        if let Some(found) = listed.items.into_iter().find(|it| is_it(it)) {
            return Ok(Some(found));
        }
        page = listed.next;
        if page.is_none() {
            return Ok(None);
        }
    }
}
