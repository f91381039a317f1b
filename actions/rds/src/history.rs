//! What has happened to the power of databases, by RDS's own record.

use jiff::{SignedDuration, Timestamp};
use lamplighter_core::{
    Doing, Fault,
    cloud::{
        self, Rds,
        rds::{Kind, PowerEvent},
    },
};

/// How long RDS keeps the record; a little less, for clocks differ.
/// Source: RDS API Reference, `DescribeEvents`.
const KEPT: SignedDuration = SignedDuration::from_mins(14 * 24 * 60 - 5);

/// What has happened since an instant, as far back as the record goes, the oldest first.
pub(crate) async fn events(
    rds: &dyn Rds,
    kind: Kind,
    since: Timestamp,
    now: Timestamp,
) -> Result<Vec<PowerEvent>, Fault> {
    let since = since.max(now - KEPT);
    let mut events = Vec::new();
    let list = |page| rds.power_events(kind, since, page);
    let looking = cloud::each(list, |it: PowerEvent| events.push(it)).await;
    looking.doing("looking at what has happened to databases")?;
    events.sort_by_key(|it| it.at);
    Ok(events)
}
