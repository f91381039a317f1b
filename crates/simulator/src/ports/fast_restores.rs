//! The EC2 port: fast snapshot restores.

use async_trait::async_trait;
use lamplighter_core::{
    Fault,
    cloud::{
        Page, PageToken,
        ec2::{FastRestore, FastRestores},
    },
    select::ServerFilter,
};

use super::{Inside, as_fault};
use crate::ec2::{
    fast_restore::{
        DescribeFastSnapshotRestores, DisableFastSnapshotRestores, EnableFastSnapshotRestores,
        LONGEST_PAGE, Outcome,
    },
    filter,
};

#[async_trait]
impl FastRestores for Inside {
    async fn fast_restores(
        &self,
        filter: &ServerFilter,
        page: Option<PageToken>,
    ) -> Result<Page<FastRestore>, Fault> {
        let request = DescribeFastSnapshotRestores {
            filter: filter::of_core(filter, "snapshot-id"),
            max_results: Some(LONGEST_PAGE),
            next_token: page.map(|it| it.0),
        };
        self.make(request, |it| Page {
            items: it.fast_snapshot_restore_set.iter().map(FastRestore::from).collect(),
            next: it.next_token.map(PageToken),
        })
        .await
    }

    async fn enable_fast_restore(&self, snapshot: &str, zone: &str) -> Result<(), Fault> {
        let request = EnableFastSnapshotRestores {
            availability_zone: vec![zone.to_owned()],
            source_snapshot_id: vec![snapshot.to_owned()],
        };
        self.make(request, Outcome::refusal).await?.map_or(Ok(()), |it| Err(as_fault(&it)))
    }

    async fn disable_fast_restore(&self, snapshot: &str, zone: &str) -> Result<(), Fault> {
        let request = DisableFastSnapshotRestores {
            availability_zone: vec![zone.to_owned()],
            source_snapshot_id: vec![snapshot.to_owned()],
        };
        self.make(request, Outcome::refusal).await?.map_or(Ok(()), |it| Err(as_fault(&it)))
    }
}
